/*
 * Leaving emitted code: calls into C for one instruction, slow paths, links to
 * other translations, indirect jumps.
 */
#include "jit/x64/x64.h"

const struct stubs *x64_stubs(const struct jit *jit) { return jit->backend_data; }

/* Its offset, and enum ready. */
static u32 make_site(struct tr *t)
{
    struct call_site *s = jit_meta(t->jit, sizeof(*s));
    if (!s) {
        t->failed = true;
        return 0;
    }
    s->u = t->i->u;
    bool last = t->i->u.index_in_block + 1u == t->sb->n;
    /* STI and MOV SS look whether the next instruction is in their block */
    s->stop = (struct uop){.fn = jit_stop, .op = last ? UOP_FALLTHROUGH : UOP_NOP};
    s->tb = t->tb;
    s->recipe = t->flags == AT_RECIPE ? t->recipe : NULL;
    bool wide = (t->sb->key & MODE_CODE) == MODE_CODE64;
    u32 vec = !t->vec_ready ? 0 : wide ? READY_VEC : READY_VEC_LOW;
    return jit_meta_offset(t->jit, s) | vec | (t->x87_ready ? (u32)READY_X87 : 0);
}

static void emit_call_site(struct tr *t, u32 site)
{
    struct emit *e = &t->e;
    e8(e, 0xb8); /* mov eax */
    e32(e, site);
    e_patch(e, e_call(e), x64_stubs(t->jit)->site);
}

void call_in_c(struct tr *t)
{
    const struct uop_info *info = &uop_info[t->i->u.op];
    flags_lose(t);
    x87_note_now(t);
    emit_call_site(t, make_site(t));
    if (info->flags_written)
        t->flags = AT_MEMORY;
    if (t->i->ends && !(uop_is_jcc(&t->i->u, &(unsigned){0})))
        t->ended = true;
}

static u32 make_link(struct tr *t, u64 target)
{
    struct exit_link *l = jit_meta(t->jit, sizeof(*l));
    if (!l) {
        t->failed = true;
        return 0;
    }
    l->tb = t->tb;
    l->target = (i64)target;
    return jit_meta_offset(t->jit, l);
}

static unsigned executed(const struct tr *t) { return t->i->u.index_in_block + 1u; }

void end_slow_path(struct tr *t)
{
    struct slow_path *s = t->slow;
    if (!s)
        return;
    s->back = t->e.p;
    s->ends = t->ended;
    s->restore = t->flags == AT_HOST || t->flags == AT_BOTH;
    if (!s->leaves)
        t->s1_group = NULL; /* behind C it holds nothing */
    if (s->leaves && !s->ends) {
        s->link = make_link(t, t->i->u.pc_off + t->i->u.len);
        s->executed = executed(t);
    }
}

struct slow_path *want_slow_path(struct tr *t)
{
    if (t->slow)
        return t->slow;
    if (t->nslow == SLOW_MAX) {
        t->failed = true;
        return NULL;
    }
    t->slow = &t->slow_paths[t->nslow++];
    *t->slow = (struct slow_path){.site = make_site(t), .note = t->x87_note};
    return t->slow;
}

void slow_path_leaves(struct tr *t)
{
    t->slow->leaves = true;
    ((struct call_site *)(t->jit->meta + (t->slow->site & ~7u)))->leads = true;
}

void to_slow_path(struct tr *t, u8 *at)
{
    if (!want_slow_path(t))
        return;
    if (t->slow->count == ARRAY_LEN(t->slow->from))
        t->failed = true;
    else
        t->slow->from[t->slow->count++] = at;
}

/*
 * A link's code, patched by x64_link: unlinked it returns to C at once. Room for the check and the page's
 * change that a link to another page takes.
 */
enum { LINK_ROOM = 44 };
static void emit_link(struct tr *t, u32 link, unsigned executed)
{
    struct emit *e = &t->e;
    i32 refund = (i32)t->sb->n - (i32)executed;
    if (refund)
        e_lea(e, 8, BUDGET, rm_mem(BUDGET, refund));
    struct exit_link *l = (struct exit_link *)(t->jit->meta + link);
    l->patch = (u32)(e->p - t->jit->write);
    e8(e, 0xb8);
    e32(e, link | LEAVE_LINK);
    e_patch(e, e_jmp(e), x64_stubs(t->jit)->leave);
    while (e->p < t->jit->write + l->patch + LINK_ROOM)
        e8(e, CODE_PADDING);
}

static void keep_flags(struct tr *t, u32 recipe)
{
    if (recipe)
        emit_keep_recipe(&t->e, recipe);
    else
        emit_save_flags(&t->e);
}

void exit_if(struct tr *t, unsigned cc, u64 target)
{
    if (t->nexits == EXIT_MAX) {
        t->failed = true;
        return;
    }
    struct side_exit *x = &t->exits[t->nexits++];
    *x = (struct side_exit){.link = make_link(t, target), .executed = executed(t), .note = t->x87_note};
    x->save_flags = flags_needed_at(t, target, &x->flags);
    x->from = e_jcc(&t->e, cc);
}

void exit_always(struct tr *t, u64 target)
{
    u32 recipe;
    if (flags_needed_at(t, target, &recipe))
        keep_flags(t, recipe);
    x87_note_now(t);
    emit_link(t, make_link(t, target), executed(t));
    t->ended = true;
}

void find_indirect(struct tr *t)
{
    struct emit *e = &t->e;
    unsigned idx = t->sb->key >> KEY_MMU_SHIFT & 3;
    assert(t->flags != AT_HOST && t->flags != AT_BOTH); /* they would be saved by way of S0 */
    static_assert(JUMP_TABLE == 1 << 16, "the slot is the low word");
    e_op(e, 4, 0x0fb7, S1, rm_reg(S0)); /* movzx */
    static_assert(sizeof(struct jump_target) == 16, "shift below");
    e_op(e, 4, 0xc1, 4, rm_reg(S1)); /* shl */
    e8(e, 4);
    e_op(e, 8, 0x03, S1, rm_mem(CPU, (i32)(offsetof(struct cpu, jump) + idx * 8)));
    e_op(e, 8, 0x3b, S0, rm_mem(S1, (i32)offsetof(struct jump_target, tag)));
    to_slow_path(t, e_jcc(e, CC_NE));
}

void exit_indirect(struct tr *t)
{
    struct emit *e = &t->e;
    e_alu_imm(e, 8, ALU_AND, rm_reg(S0), -4096);
    e_store(e, 8, FIELD(gpr[SLOT_RIP]), S0);
    e_op(e, 4, 0xff, 4, rm_mem(S1, (i32)offsetof(struct jump_target, host))); /* jmp */
    t->ended = true;
}

static void emit_slow_path(struct tr *t, struct slow_path *s)
{
    struct emit *e = &t->e;
    s->start = e->p;
    for (unsigned i = 0; i < s->count; i++)
        e_patch(e, s->from[i], e->p);
    emit_x87_note(t, &s->note);
    emit_call_site(t, s->site);
    if (s->ends)
        return;
    if (s->leaves) {
        emit_link(t, s->link, s->executed);
        return;
    }
    if (s->restore)
        emit_restore_flags(e);
    e_patch(e, e_jmp(e), s->back);
}

void emit_tail(struct tr *t)
{
    struct emit *e = &t->e;
    for (unsigned i = 0; i < t->nexits; i++) {
        struct side_exit *x = &t->exits[i];
        mark(t, MARK_EXIT, &t->sb->insn[x->executed - 1].u);
        e_patch(e, x->from, e->p);
        if (x->save_flags)
            keep_flags(t, x->flags);
        emit_x87_note(t, &x->note);
        emit_link(t, x->link, x->executed);
    }
    for (unsigned i = 0; i < t->nslow; i++) {
        u32 at = t->slow_paths[i].site & ~7u; /* without what is ready */
        const struct call_site *site = (const struct call_site *)(t->jit->meta + at);
        mark(t, MARK_SLOW, &site->u);
        emit_slow_path(t, &t->slow_paths[i]);
    }
    for (unsigned i = 0; i < t->nrefills; i++) {
        const struct refill *r = &t->refills[i];
        const struct call_site *site = (const struct call_site *)(t->jit->meta + (r->slow->site & ~7u));
        mark(t, MARK_SLOW, &site->u);
        emit_refill(t, r);
    }
}

/* ---- what patches links and entries ---- */

void x64_link(struct jit *jit, struct exit_link *link, struct translation_block *to, i64 page_delta, int gen)
{
    u8 *at = jit->write + link->patch;
    struct emit e = {.start = at, .p = at, .end = at + LINK_ROOM};
    u8 *other = NULL;
    link->to = to;
    link->gen_at = 0;
    if (gen >= 0) {
        e_op(&e, 4, 0x81, ALU_CMP, rm_mem(CPU, (i32)(offsetof(struct cpu, map_gen) + (unsigned)gen * 4)));
        link->gen_at = (u32)(e.p - jit->write);
        link->gen = (u8)gen;
        e32(&e, jit->cpu->map_gen[gen]);
        other = e_jcc(&e, CC_NE);
        e_op(&e, 8, 0x81, ALU_ADD, FIELD(gpr[SLOT_RIP]));
        e32(&e, (u32)page_delta);
    }
    e_patch(&e, e_jmp(&e), jit->write + to->entry);
    if (other) {
        e_patch(&e, other, e.p);
        e8(&e, 0xb8);
        e32(&e, jit_meta_offset(jit, link) | LEAVE_LINK);
        e_patch(&e, e_jmp(&e), x64_stubs(jit)->leave);
    }
    assert(!emit_full(&e));
}

void x64_unlink(struct jit *jit, struct translation_block *tb)
{
    u8 *at = jit->write + tb->entry;
    struct emit e = {.start = at, .p = at, .end = at + ENTRY_ROOM};
    e8(&e, 0xb8);
    e32(&e, jit_meta_offset(jit, tb) | LEAVE_ENTRY);
    e_patch(&e, e_jmp(&e), x64_stubs(jit)->leave);
}

void x64_forward(struct jit *jit, struct translation_block *tb, struct translation_block *to)
{
    u8 *at = jit->write + tb->entry;
    struct emit e = {.start = at, .p = at, .end = at + ENTRY_ROOM};
    e_patch(&e, e_jmp(&e), jit->write + to->entry);
}
