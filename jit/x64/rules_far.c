/*
 * Rules for real and virtual-8086 mode, where a segment is its paragraph:
 * loads of segment registers, far jumps, calls and returns, IRET. All segments have
 * 64 KiB before and after (KEY_PARAGRAPH), so that nothing but selector and base
 * changes. Elsewhere all of it is C's.
 */
#include "jit/x64/rules.h"

static struct rm seg_field(unsigned s, size_t member)
{
    return rm_mem(CPU, (i32)(offsetof(struct cpu, seg) + s * sizeof(struct seg) + member));
}
#define SEG_FIELD(s, member) seg_field(s, offsetof(struct seg, member))

/*
 * Before what changes a segment register: C's where the x87 may still have to note one as FCS or FDS. Flags are
 * lost.
 */
static void no_x87(struct tr *t)
{
    flags_lose(t);
    e_op(&t->e, 1, 0x80, 7, OWN(x87_live)); /* cmp */
    e8(&t->e, 0);
    to_slow_path(t, e_jcc(&t->e, CC_NE));
}

/* A selector, alone in its host register, goes to segment register s; the host register and flags are lost. */
static void put_sreg(struct tr *t, unsigned s, unsigned host)
{
    struct emit *e = &t->e;
    e_store(e, 2, SEG_FIELD(s, sel), host);
    e_op(e, 4, 0xc1, 4, rm_reg(host)); /* shl */
    e8(e, 4);
    e_store(e, 8, SEG_FIELD(s, base), host);
}

/* Behind a load of SS nothing may interrupt: nobody waits, and the superblock goes on (sysflags.c). */
static bool may_load(const struct tr *t, const struct uop *u, unsigned s)
{
    bool last = u->index_in_block + 1u == t->sb->n;
    return (t->sb->key & KEY_PARAGRAPH) && s < SEG_COUNT && s != CS && !(s == SS && last);
}
static void begin_load(struct tr *t, unsigned s)
{
    no_x87(t);
    for (unsigned k = 0; s == SS && k < 2; k++) {
        e_op(&t->e, 4, 0x83, 7, k ? FIELD(held) : FIELD(attention)); /* cmp */
        e8(&t->e, 0);
        to_slow_path(t, e_jcc(&t->e, CC_NE));
    }
}

bool rule_mov_to_sreg(struct tr *t, const struct uop *u)
{
    struct rm m;
    if (!may_load(t, u, u->dst))
        return false;
    begin_load(t, u->dst);
    if (u->form == FORM_RR)
        m = reg_operand(u->src);
    else
        access_operand(t, u, 2, ACC_READ, &m);
    e_op(&t->e, 4, 0x0fb7, S0, m); /* movzx */
    put_sreg(t, u->dst, S0);
    return true;
}

bool rule_pop_sreg(struct tr *t, const struct uop *u)
{
    struct rm m;
    if (!may_load(t, u, u->aux))
        return false;
    begin_load(t, u->aux);
    access_stack(t, RSP, 0, 2, ACC_READ, &m);
    e_op(&t->e, 4, 0x0fb7, S0, m); /* movzx */
    put_sreg(t, u->aux, S0);
    move_stack(t, u->size);
    return true;
}

/* The far pointer in memory, of so many bytes, as one operand: one that wraps is C's. */
static struct rm far_pointer(struct tr *t, const struct uop *u, unsigned bytes)
{
    struct rm m;
    access_operand(t, u, bytes, ACC_READ | ACC_FREE_S0, &m);
    return m;
}

/* LES LDS LSS LFS LGS; aux: the segment. */
bool rule_load_far(struct tr *t, const struct uop *u)
{
    unsigned size = u->size2 - 2u; /* of the offset */
    if (!(t->sb->key & KEY_PARAGRAPH))
        return false;
    no_x87(t);
    struct rm off = far_pointer(t, u, size + 2), sel = off;
    sel.disp += (i32)size;
    e_op(&t->e, 4, 0x0fb7, S0, sel); /* movzx */
    e_load(&t->e, size, (unsigned)host_of(u->dst), off);
    put_sreg(t, u->aux, S0);
    return true;
}

/* ---- far transfers ---- */

/* Where CS and IP go on, in SLOT_T1 and S0 alike: S1 becomes their entry; the slow path where there is none. */
static void find_far(struct tr *t)
{
    struct emit *e = &t->e;
    struct rm high = FIELD(gpr[SLOT_T1]);
    const i32 tag = (i32)offsetof(struct jump_target, tag);
    high.disp += 2;
    e_mov_rr(e, 4, S1, S0);
    e_op(e, 4, 0xc1, 5, rm_reg(S1)); /* shr */
    e8(e, 16);
    e_op(e, 4, 0xc1, 4, rm_reg(S1)); /* shl */
    e8(e, 4);
    e_op(e, 4, 0x0fb7, S0, rm_reg(S0)); /* movzx */
    e_op(e, 4, 0x03, S1, rm_reg(S0));   /* add: the linear address */
    emit_jump_entry(t, S1);
    e_op(e, 4, 0x3b, S0, rm_mem(S1, tag)); /* cmp */
    to_slow_path(t, e_jcc(e, CC_NE));
    e_op(e, 4, 0x0fb7, S0, high); /* movzx */
    e_alu_imm(e, 4, ALU_OR, rm_reg(S0), (i32)key_segment(KEY_PARAGRAPH));
    e_op(e, 4, 0x3b, S0, rm_mem(S1, tag + 4)); /* cmp */
    to_slow_path(t, e_jcc(e, CC_NE));
}

/* After all that can fail: CS becomes that of SLOT_T1, and the code at S1's entry runs. */
static void exit_far_indirect(struct tr *t)
{
    struct rm high = FIELD(gpr[SLOT_T1]);
    high.disp += 2;
    e_op(&t->e, 4, 0x0fb7, S0, high); /* movzx */
    put_sreg(t, CS, S0);
    exit_indirect(t);
}

/* CS and the address behind u below the stack; SP does not move yet. S0 and S1 are lost. */
static void push_far_return(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm m;
    access_stack(t, RSP, -4, 4, ACC_WRITE | ACC_FREE_S0, &m);
    e_op(e, 4, 0x0fb7, S0, SEG_FIELD(CS, sel)); /* movzx */
    e_op(e, 4, 0xc1, 4, rm_reg(S0));            /* shl */
    e8(e, 16);
    e_alu_imm(e, 4, ALU_OR, rm_reg(S0), (i32)(u16)(t->sb->page_eip + u->pc_off + u->len));
    e_store(e, 4, m, S0);
}

static bool has_far_rule(const struct tr *t, unsigned size)
{
    return (t->sb->key & KEY_PARAGRAPH) && size == 2 && stack_width(t) == 2;
}

static bool far_direct(struct tr *t, const struct uop *u, bool call)
{
    struct emit *e = &t->e;
    u32 sel = (u16)u->disp, off = (u32)u->imm & 0xffff;
    if (!has_far_rule(t, u->size))
        return false;
    no_x87(t);
    if (call) {
        push_far_return(t, u);
        move_stack(t, -4);
    }
    e_op(e, 2, 0xc7, 0, SEG_FIELD(CS, sel)); /* mov */
    e16(e, sel);
    e_op(e, 8, 0xc7, 0, SEG_FIELD(CS, base));
    e32(e, sel << 4);
    exit_far(t, off);
    return true;
}

/* By a pointer in memory. */
static bool far_by_memory(struct tr *t, const struct uop *u, bool call)
{
    struct emit *e = &t->e;
    if (!has_far_rule(t, u->size - 2u))
        return false;
    no_x87(t);
    e_load(e, 4, S0, far_pointer(t, u, 4));
    e_store(e, 8, FIELD(gpr[SLOT_T1]), S0);
    find_far(t);
    if (call) {
        e_store(e, 8, FIELD(gpr[SLOT_T0]), S1);
        push_far_return(t, u);
        move_stack(t, -4);
        e_load(e, 8, S1, FIELD(gpr[SLOT_T0]));
    }
    exit_far_indirect(t);
    return true;
}

/* arg: 1 for CALL. */
bool rule_far(struct tr *t, const struct uop *u)
{
    return u->form == FORM_I ? far_direct(t, u, rule_arg(u)) : far_by_memory(t, u, rule_arg(u));
}

bool rule_ret_far(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm m;
    if (!has_far_rule(t, u->size))
        return false;
    no_x87(t);
    access_stack(t, RSP, 0, 4, ACC_READ, &m);
    e_load(e, 4, S0, m);
    e_store(e, 8, FIELD(gpr[SLOT_T1]), S0);
    find_far(t);
    move_stack(t, 4 + (u->form == FORM_I ? (i32)(u16)u->imm : 0));
    exit_far_indirect(t);
    return true;
}

/* A part of the flags' image that IRET popped, kept in SLOT_T0, into S0: the bits of 'mask', moved down by 'shift'. */
static void image_bits(struct tr *t, unsigned shift, u32 mask)
{
    e_load(&t->e, 4, S0, FIELD(gpr[SLOT_T0]));
    if (shift) {
        e_op(&t->e, 4, 0xc1, 5, rm_reg(S0)); /* shr */
        e8(&t->e, shift);
    }
    e_alu_imm(&t->e, 4, ALU_AND, rm_reg(S0), (i32)mask);
}

/* The slow path unless the image in S0 differs from EFLAGS in arithmetic flags, and in an IF that may change, alone. */
static void check_image(struct tr *t)
{
    struct emit *e = &t->e;
    e_op(e, 4, 0x33, S0, FIELD(eflags)); /* xor */
    e_op(e, 4, 0xf7, 0, rm_reg(S0));     /* test */
    e32(e, 0xffff & ~(u32)(FL_ARITH | FL_1 | FL_IF));
    to_slow_path(t, e_jcc(e, CC_NE));
    e_alu_imm(e, 4, ALU_AND, rm_reg(S0), FL_IF);
    u8 *same = e_jcc(e, CC_E);
    only_with_if(t);
    nobody_waits(t);
    e_patch(e, same, e->p);
}

bool rule_iret(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm m, high = OWN(flags);
    high.disp++;
    if (!has_far_rule(t, u->size))
        return false;
    no_x87(t);
    only_outside_vme(t);
    e_op(e, 1, 0x80, 7, FIELD(nmi_masked)); /* cmp */
    e8(e, 0);
    to_slow_path(t, e_jcc(e, CC_NE));
    access_stack(t, RSP, 0, 6, ACC_READ | ACC_FREE_S0, &m);
    e_load(e, 4, S0, m);
    e_store(e, 8, FIELD(gpr[SLOT_T1]), S0);
    m.disp += 4;
    e_op(e, 4, 0x0fb7, S0, m); /* movzx */
    e_store(e, 8, FIELD(gpr[SLOT_T0]), S0);
    check_image(t);
    e_load(e, 4, S0, FIELD(gpr[SLOT_T1]));
    find_far(t);
    image_bits(t, 0, FL_IF);
    e_alu_imm(e, 4, ALU_AND, FIELD(eflags), ~(i32)FL_IF);
    e_op(e, 4, 0x09, S0, FIELD(eflags)); /* or */
    image_bits(t, 0, FL_ARITH & 0xff);
    e_alu_imm(e, 4, ALU_OR, rm_reg(S0), FL_1);
    e_store(e, 1, high, S0);
    image_bits(t, 11, 1); /* OF */
    e_store(e, 1, OWN(flags), S0);
    flags_in_memory(t);
    move_stack(t, 6);
    exit_far_indirect(t);
    return true;
}
