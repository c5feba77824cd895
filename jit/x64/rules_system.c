/*
 * Rules for what kernels do at their borders: flag images, IF and AC, segment
 * registers read and pushed, bases, control registers read. The common case is
 * emitted, all else of these instructions is C's. Loads of segment registers
 * and far transfers, which in code known by its paragraph are emitted
 * (rules_far.c), and changes of privilege are otherwise C's altogether.
 */
#include "jit/x64/rules.h"

static bool is64(const struct tr *t) { return (t->sb->key & MODE_CODE) == MODE_CODE64; }
static unsigned word(const struct tr *t) { return is64(t) ? 8 : 4; }
static struct rm seg_field(unsigned s, size_t member)
{
    return rm_mem(CPU, (i32)(offsetof(struct cpu, seg) + s * sizeof(struct seg) + member));
}
#define SEG_FIELD(s, member) seg_field(s, offsetof(struct seg, member))

/* The slow path unless the field, of 1 or 4 bytes, is v. */
static void only_when(struct tr *t, unsigned size, struct rm field, u8 v)
{
    e_op(&t->e, size, size == 1 ? 0x80 : 0x83, 7, field); /* cmp */
    e8(&t->e, v);
    to_slow_path(t, e_jcc(&t->e, CC_NE));
}
static void test_imm(struct tr *t, struct rm m, u32 bits)
{
    e_op(&t->e, 4, 0xf7, 0, m);
    e32(&t->e, bits);
}
void nobody_waits(struct tr *t)
{
    only_when(t, 4, FIELD(attention), 0);
    only_when(t, 4, FIELD(held), 0);
}

/* ---- IF ---- */

static bool is_v86_code(const struct tr *t) { return (t->sb->key & KEY_PARAGRAPH) && key_is_user(t->sb->key); }

void only_outside_vme(struct tr *t)
{
    struct emit *e = &t->e;
    if (!is_v86_code(t))
        return;
    e_load(e, 4, S0, FIELD(eflags));
    e_alu_imm(e, 4, ALU_AND, rm_reg(S0), FL_IOPL);
    e_alu_imm(e, 4, ALU_CMP, rm_reg(S0), FL_IOPL);
    to_slow_path(t, e_jcc(e, CC_NE));
}
void only_with_if(struct tr *t)
{
    if (!is_v86_code(t))
        only_when(t, 1, FIELD(cpl), 0);
}

bool rule_cli(struct tr *t, const struct uop *u)
{
    (void)u;
    flags_lose(t);
    only_outside_vme(t);
    only_with_if(t);
    e_alu_imm(&t->e, 4, ALU_AND, FIELD(eflags), ~(i32)FL_IF);
    return true;
}
/* Nobody waits, so nobody interrupts before the superblock's end: its shadow takes care of itself (sysflags.c). */
bool rule_sti(struct tr *t, const struct uop *u)
{
    if (u->index_in_block + 1u == t->sb->n)
        return false;
    flags_lose(t);
    only_outside_vme(t);
    only_with_if(t);
    nobody_waits(t);
    e_alu_imm(&t->e, 4, ALU_OR, FIELD(eflags), FL_IF);
    return true;
}

/* ---- AC ---- */

/*
 * STAC, CLAC. Where that changes who may access what, the superblock ends (superblock.c), and goes on in one of
 * the other mmu_idx; a slow path that comes back has not changed it, and has a link of its own.
 */
bool rule_set_ac(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    unsigned idx = t->sb->key >> KEY_MMU_SHIFT & 3, to = u->aux ? MMU_KERNEL : MMU_KERNEL_SMAP;
    struct rm wide = FIELD(tlb_wide);
    if (idx != MMU_KERNEL && idx != MMU_KERNEL_SMAP)
        return false;
    flags_lose(t);
    only_when(t, 1, FIELD(cpl), 0);
    if (to != idx) {
        if (to == MMU_KERNEL_SMAP) {
            test_imm(t, FIELD(cr4), CR4_SMAP);
            to_slow_path(t, e_jcc(e, CC_E));
        }
        wide.disp += (i32)to;
        only_when(t, 1, wide, is64(t));
        if (t->slow)
            t->slow->leaves = true;
        e_op(e, 1, 0xc6, 0, FIELD(mmu_idx)); /* mov */
        e8(e, to);
    }
    e_alu_imm(e, 4, u->aux ? ALU_OR : ALU_AND, FIELD(eflags), u->aux ? FL_AC : ~(i32)FL_AC);
    return true;
}

/* ---- flag images ---- */

bool rule_pushf(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm m, high = OWN(flags);
    high.disp++;
    if (!has_stack_rule(t, u))
        return false;
    flags_lose(t); /* they are read, so they are in jit_state.flags now */
    only_outside_vme(t);
    access_stack(t, RSP, -(i32)u->size, u->size, ACC_WRITE | ACC_FREE_S0, &m);
    e_op_byte_rm(e, 4, 0x0fb6, S0, OWN(flags)); /* movzx: OF */
    e_op(e, 4, 0xc1, 4, rm_reg(S0));            /* shl */
    e8(e, 11);
    e_op(e, 1, 0x0a, S0, high); /* or */
    e_op(e, 4, 0x0b, S0, FIELD(eflags));
    e_alu_imm(e, 4, ALU_AND, rm_reg(S0), ~(i32)(FL_VM | FL_RF));
    e_store(e, u->size, m, S0);
    move_stack(t, -(i32)u->size);
    return true;
}

/* Arithmetic flags and, for the most privileged when nobody waits, IF. */
bool rule_popf(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm m;
    if (!has_stack_rule(t, u))
        return false;
    flags_lose(t);
    only_outside_vme(t);
    access_stack(t, RSP, 0, u->size, ACC_READ, &m);
    if (u->size == 2)
        e_op(e, 4, 0x0fb7, S0, m); /* movzx */
    else
        e_load(e, 4, S0, m);
    e_mov_rr(e, 4, S1, S0);
    e_op(e, 4, 0x33, S1, FIELD(eflags)); /* xor */
    test_imm(t, rm_reg(S1), (u32)size_mask(MIN(u->size, 4u)) & ~(u32)(FL_ARITH | FL_1 | FL_IF));
    to_slow_path(t, e_jcc(e, CC_NE));
    e_alu_imm(e, 4, ALU_AND, rm_reg(S1), FL_IF);
    u8 *same = e_jcc(e, CC_E);
    only_with_if(t);
    nobody_waits(t);
    e_op(e, 4, 0x31, S1, FIELD(eflags)); /* xor */
    e_patch(e, same, e->p);
    e_mov_rr(e, 4, S1, S0);
    e_alu_imm(e, 4, ALU_AND, rm_reg(S0), FL_ARITH & 0xff);
    e_op(e, 4, 0xc1, 4, rm_reg(S0)); /* shl */
    e8(e, 8);
    e_op(e, 4, 0xc1, 5, rm_reg(S1)); /* shr: OF */
    e8(e, 11);
    e_alu_imm(e, 4, ALU_AND, rm_reg(S1), 1);
    e_op(e, 4, 0x8d, S0, rm_sib(S0, S1, 0, FL_1 << 8)); /* lea */
    e_store(e, 2, OWN(flags), S0);
    move_stack(t, u->size);
    flags_in_memory(t);
    return true;
}

/* ---- segment registers ---- */

/* With a 32-bit operand only the low word is written (SDM vol. 2, PUSH). */
bool rule_push_sreg(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    unsigned width = u->size == 4 ? 2 : u->size;
    struct rm m;
    if (!has_stack_rule(t, u))
        return false;
    access_stack(t, RSP, -(i32)u->size, width, ACC_WRITE | ACC_FREE_S0, &m);
    e_op(e, 4, 0x0fb7, S0, SEG_FIELD(u->aux, sel)); /* movzx */
    e_store(e, width, m, S0);
    move_stack(t, -(i32)u->size);
    return true;
}

bool rule_mov_from_sreg(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm m;
    if (u->src >= SEG_COUNT)
        return false;
    if (u->form == FORM_MR) {
        access_operand(t, u, 2, ACC_WRITE | ACC_FREE_S0, &m);
        e_op(e, 4, 0x0fb7, S0, SEG_FIELD(u->src, sel)); /* movzx */
        e_store(e, 2, m, S0);
        return true;
    }
    e_op(e, 4, 0x0fb7, S1, SEG_FIELD(u->src, sel));
    if (u->size == 2)
        e_store(e, 2, reg_operand(u->dst), S1);
    else
        e_store(e, 8, reg_operand(u->dst), S1);
    return true;
}

/* ---- bases; aux: the segment ---- */

bool rule_swapgs(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    (void)u;
    flags_lose(t);
    only_when(t, 1, FIELD(cpl), 0);
    e_load(e, 8, S0, SEG_FIELD(GS, base));
    e_load(e, 8, S1, FIELD(kernel_gs_base));
    e_store(e, 8, SEG_FIELD(GS, base), S1);
    e_store(e, 8, FIELD(kernel_gs_base), S0);
    return true;
}

static void need_fsgsbase(struct tr *t)
{
    flags_lose(t);
    test_imm(t, FIELD(cr4), CR4_FSGSBASE);
    to_slow_path(t, e_jcc(&t->e, CC_E));
}

bool rule_rd_base(struct tr *t, const struct uop *u)
{
    need_fsgsbase(t);
    e_load(&t->e, u->size, S1, SEG_FIELD(u->aux, base));
    e_store(&t->e, 8, reg_operand(u->dst), S1);
    return true;
}

bool rule_wr_base(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    need_fsgsbase(t);
    e_load(e, u->size, S1, reg_operand(u->dst));
    if (u->size == 8)
        only_canonical(t, S1, S0);
    e_store(e, 8, SEG_FIELD(u->aux, base), S1);
    return true;
}

/* ---- control registers ---- */

bool rule_mov_from_cr(struct tr *t, const struct uop *u)
{
    if (u->src != 0 && u->src != 2 && u->src != 3)
        return false;
    flags_lose(t);
    only_when(t, 1, FIELD(cpl), 0);
    e_load(&t->e, word(t), S1, u->src == 0 ? FIELD(cr0) : u->src == 2 ? FIELD(cr2) : FIELD(cr3));
    e_store(&t->e, 8, reg_operand(u->dst), S1);
    return true;
}
