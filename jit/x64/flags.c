/*
 * Where the guest's flags are, from instruction to instruction. They stay in
 * EFLAGS until something must use EFLAGS for itself; then they are saved, or,
 * if only a fault could ask for them, remembered as a recipe, or dropped.
 */
#include "jit/x64/flags.h"
#include "jit/x64/x64.h"

/* As LAHF and SETO leave them in EAX. */
static i32 saved(u32 flags) { return (i32)((flags & 0xff) << 8 | (flags & FL_OF ? 1u : 0)); }

void emit_save_flags(struct emit *e, struct fixed_flags fixed)
{
    e8(e, 0x9f);                                  /* lahf */
    e_op_byte_rm(e, 4, 0x0f90, 0, rm_reg(H_RAX)); /* seto al */
    if (fixed.zero)
        e_alu_imm(e, 4, ALU_AND, rm_reg(H_RAX), ~saved(fixed.zero));
    if (fixed.one)
        e_alu_imm(e, 4, ALU_OR, rm_reg(H_RAX), saved(fixed.one));
    e_store(e, 2, OWN(flags), H_RAX);
}
void emit_restore_flags(struct emit *e)
{
    e_op(e, 4, 0x0fb7, S0, OWN(flags));            /* movzx */
    e_alu_imm(e, 1, ALU_ADD, rm_reg(H_RAX), 0x7f); /* OF, of 1 + 127 */
    e8(e, 0x9e);                                   /* sahf */
}

static u32 needed_by_readers(const struct tr *t) { return t->i->flags_read | (t->i->needed & ~t->i->flags_written); }
static u32 needed_by_faults(const struct tr *t)
{
    return (t->i->may_fault ? FL_ARITH : 0u) | (t->i->needed_by_fault & ~t->i->flags_written);
}

bool flags_needed_after(const struct tr *t) { return t->i->needed | t->i->needed_by_fault; }

/* Whether the registers the recipe needs stay as they are until nobody needs the flags any more. */
static bool recipe_holds(const struct tr *t, u16 gprs)
{
    for (unsigned k = t->flag_writer->index_in_block + 1u; k < t->sb->n; k++) {
        const struct sb_insn *i = &t->sb->insn[k];
        if (k >= t->i->u.index_in_block && (i->flags_written == FL_ARITH || !(i->needed | i->needed_by_fault)))
            return true;
        if ((i->gprs_written & gprs) || (k >= t->i->u.index_in_block && i->flags_written))
            return false;
    }
    return false;
}

/* A recipe of flag_writer's flags: its offset in the metadata; 0: full. */
static u32 new_recipe(const struct tr *t)
{
    struct recipe *r = jit_meta(t->jit, sizeof(*r));
    if (!r)
        return 0;
    *r = recipe_of(t->flag_writer);
    return jit_meta_offset(t->jit, r);
}

static bool make_recipe(struct tr *t)
{
    u16 gprs;
    if (!t->flag_writer || !recipe_possible(t->flag_writer, &gprs) || !recipe_holds(t, gprs))
        return false;
    t->recipe = new_recipe(t);
    return t->recipe != 0;
}

/* Whether none of these registers was written since flag_writer. */
static bool kept_since(const struct tr *t, u16 gprs)
{
    for (unsigned k = t->flag_writer->index_in_block + 1u; k <= t->i->u.index_in_block; k++)
        if (t->sb->insn[k].gprs_written & gprs)
            return false;
    return true;
}

bool flags_needed_at(const struct tr *t, u64 target, u32 *recipe)
{
    u16 gprs, written;
    *recipe = 0;
    if (t->flags != AT_HOST || !superblock_flags_needed_at(t->jit->cpu, t->sb, target, &written))
        return false;
    bool by_faults_alone = written != GPRS_ALL;
    if (by_faults_alone && t->flag_writer && recipe_possible(t->flag_writer, &gprs) && !(gprs & written) &&
        kept_since(t, gprs)) {
        u32 offset = new_recipe(t);
        if (offset)
            *recipe = flags_recipe(offset);
    }
    return true;
}

void emit_keep_recipe(struct emit *e, u32 recipe)
{
    e_op(e, 4, 0xc7, 0, OWN(flags)); /* mov */
    e32(e, recipe);
}

void flags_lose(struct tr *t)
{
    if (t->flags == AT_BOTH)
        t->flags = AT_MEMORY;
    if (t->flags != AT_HOST)
        return;
    if (!(needed_by_readers(t) | needed_by_faults(t))) {
        t->flags = AT_NOWHERE;
    } else if (!needed_by_readers(t) && make_recipe(t)) {
        t->flags = AT_RECIPE;
    } else {
        emit_save_flags(&t->e, t->fixed);
        t->flags = AT_MEMORY;
    }
}

void flags_want(struct tr *t)
{
    if (t->flags != AT_MEMORY)
        return;
    emit_restore_flags(&t->e);
    t->flags = AT_BOTH;
    t->fixed = (struct fixed_flags){0};
}

void flags_merge(struct tr *t)
{
    if ((t->i->needed | t->i->needed_by_fault) & ~t->i->flags_written)
        flags_want(t);
}

/* Whether an instruction that follows reads some of these flags of the current one. */
static bool read_later(const struct tr *t, u32 flags)
{
    for (unsigned k = t->i->u.index_in_block + 1u; flags && k < t->sb->n; k++) {
        if (t->sb->insn[k].flags_read & flags)
            return true;
        flags &= ~t->sb->insn[k].flags_written;
    }
    return false;
}

void flags_set_by(struct tr *t, const struct uop *u)
{
    u16 kept = t->flags == AT_HOST ? (u16)~t->i->flags_written : 0;
    t->flags = AT_HOST;
    t->flag_writer = u;
    t->fixed.zero = (t->fixed.zero & kept) | x64_stubs(t->jit)->zeroed[u->op];
    t->fixed.one = (u16)((t->fixed.one & kept) | x64_flags_set(t, u));
    if (!read_later(t, t->fixed.zero | t->fixed.one))
        return;
    emit_save_flags(&t->e, t->fixed);
    t->flags = AT_MEMORY;
}

void flags_in_memory(struct tr *t) { t->flags = AT_MEMORY; }
