/*
 * Rules for the stack and for near control transfers. In flat code EIP is a
 * linear address; SLOT_RIP holds that of the page's start while translated code
 * runs, so return addresses are it plus a constant.
 */
#include "jit/x64/rules.h"

bool has_stack_rule(const struct tr *t, const struct uop *u)
{
    return key_is_segmented(t->sb->key) || u->size == stack_width(t);
}

/* rSP = register + n */
static void set_stack(struct tr *t, unsigned reg, i32 n)
{
    e_lea(&t->e, stack_width(t), (unsigned)host_of(RSP), rm_mem((unsigned)host_of(reg), n));
}
void move_stack(struct tr *t, i32 n) { set_stack(t, RSP, n); }

/* What was read with u's operand size, from 'host' into the guest's register; not in 64-bit code. */
static void put_popped(struct tr *t, const struct uop *u, unsigned slot, unsigned host)
{
    if (u->size == 2)
        e_mov_rr(&t->e, 2, (unsigned)host_of(slot), host);
    else
        reg_put(t, slot, host);
}

bool rule_push(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    unsigned size = u->size;
    struct rm m;
    if (!has_stack_rule(t, u))
        return false;
    if (u->form == FORM_M) {
        access_operand(t, u, size, ACC_READ, &m);
        e_load(e, size, S0, m);
        e_store(e, 8, FIELD(gpr[SLOT_T1]), S0);
    }
    access_stack(t, RSP, -(i32)size, size, ACC_WRITE | ACC_FREE_S0, &m);
    if (u->form == FORM_I) {
        e_op(e, size, 0xc7, 0, m);
        if (size == 2)
            e16(e, (u16)u->imm);
        else
            e32(e, (u32)u->imm);
    } else if (u->form == FORM_M) {
        e_load(e, 8, S0, FIELD(gpr[SLOT_T1]));
        e_store(e, size, m, S0);
    } else {
        e_store(e, size, m, reg_in(t, u->dst, S0));
    }
    move_stack(t, -(i32)size);
    return true;
}

/* The address of the operand counts from rSP as it will be. */
static bool pop_to_memory(struct tr *t, const struct uop *u)
{
    struct uop to = *u;
    struct rm m;
    bool by_sp = u->base == RSP;
    if (u->disp > INT32_MAX - u->size || (by_sp && stack_width(t) != u->asize))
        return false;
    if (by_sp)
        to.disp += u->size;
    access_stack(t, RSP, 0, u->size, ACC_READ, &m);
    e_load(&t->e, u->size, S0, m);
    e_store(&t->e, 8, FIELD(gpr[SLOT_T1]), S0);
    access_operand(t, &to, u->size, ACC_WRITE | ACC_FREE_S0, &m);
    e_load(&t->e, 8, S0, FIELD(gpr[SLOT_T1]));
    e_store(&t->e, u->size, m, S0);
    move_stack(t, u->size);
    return true;
}

bool rule_pop(struct tr *t, const struct uop *u)
{
    struct rm m;
    if (!has_stack_rule(t, u))
        return false;
    if (u->form != FORM_R)
        return u->form == FORM_M && pop_to_memory(t, u);
    access_stack(t, RSP, 0, u->size, ACC_READ, &m);
    unsigned to = u->dst == RSP ? S1 : reg_target(u->dst, S1);
    e_load(&t->e, u->size, to, m);
    move_stack(t, u->size);
    put_popped(t, u, u->dst, to);
    return true;
}

bool rule_leave(struct tr *t, const struct uop *u)
{
    struct rm m;
    if (!has_stack_rule(t, u))
        return false;
    access_stack(t, RBP, 0, u->size, ACC_READ, &m);
    e_load(&t->e, u->size, S1, m);
    set_stack(t, RBP, u->size);
    put_popped(t, u, RBP, S1);
    return true;
}

/* All eight at once: rAX highest. Not in 64-bit code. */
bool rule_pusha(struct tr *t, const struct uop *u)
{
    const i32 size = u->size;
    struct rm m;
    if (!has_stack_rule(t, u))
        return false;
    access_stack(t, RSP, -8 * size, 8u * u->size, ACC_WRITE | ACC_FREE_S0, &m);
    for (unsigned r = RAX; r <= RDI; r++) {
        struct rm at = m;
        at.disp += (i32)(RDI - r) * size;
        e_store(&t->e, u->size, at, (unsigned)host_of(r));
    }
    move_stack(t, -8 * size);
    return true;
}
bool rule_popa(struct tr *t, const struct uop *u)
{
    const i32 size = u->size;
    struct rm m;
    if (!has_stack_rule(t, u))
        return false;
    access_stack(t, RSP, 0, 8u * u->size, ACC_READ | ACC_FREE_S0, &m);
    for (unsigned r = RAX; r <= RDI; r++) {
        struct rm at = m;
        at.disp += (i32)(RDI - r) * size;
        if (r != RSP)
            e_load(&t->e, u->size, (unsigned)host_of(r), at);
    }
    move_stack(t, 8 * size);
    return true;
}

/* Of level 0; the new top of the stack must be writable. What is pushed when that fails, C pushes again. */
bool rule_enter(struct tr *t, const struct uop *u)
{
    const i32 size = u->size, locals = (i32)(u16)u->imm;
    struct rm m;
    if (!has_stack_rule(t, u) || stack_width(t) == 8 || (u->disp & 31))
        return false;
    access_stack(t, RSP, -size, u->size, ACC_WRITE | ACC_FREE_S0, &m);
    e_store(&t->e, u->size, m, (unsigned)host_of(RBP));
    access_stack(t, RSP, -size - locals, u->size, ACC_WRITE, &m);
    move_stack(t, -size);
    put_popped(t, u, RBP, (unsigned)host_of(RSP));
    move_stack(t, -locals);
    return true;
}

/* The return address below the stack; rSP does not move yet. */
static void push_return(struct tr *t, const struct uop *u)
{
    struct rm m;
    access_stack(t, RSP, -(i32)u->size, u->size, ACC_WRITE | ACC_FREE_S0, &m);
    if (key_is_segmented(t->sb->key)) {
        e_mov_imm(&t->e, S0, t->sb->page_eip + u->pc_off + u->len);
        e_store(&t->e, u->size, m, S0);
        return;
    }
    e_load(&t->e, 8, S0, FIELD(gpr[SLOT_RIP]));
    e_lea(&t->e, 8, S0, rm_mem(S0, u->pc_off + u->len));
    e_store(&t->e, u->size, m, S0);
}

static void load_target(struct tr *t, const struct uop *u, struct rm from)
{
    e_op(&t->e, u->size == 2 ? 4 : u->size, u->size == 2 ? 0x0fb7 : 0x8b, S0, from); /* movzx, mov */
}
/* The target of an indirect jump into S0. */
static void indirect_target(struct tr *t, const struct uop *u)
{
    struct rm m;
    flags_lose(t); /* takes S0, if it saves them */
    if (u->form == FORM_M) {
        access_operand(t, u, u->size, ACC_READ, &m);
    } else {
        m = reg_operand(u->dst);
    }
    load_target(t, u, m);
}

bool rule_jmp(struct tr *t, const struct uop *u)
{
    if (u->form == FORM_I ? !uop_goes_near(t->sb, u) : !has_stack_rule(t, u))
        return false;
    if (u->form == FORM_I) {
        if (u->index_in_block + 1u == t->sb->n)
            exit_always(t, u->imm);
        return true; /* otherwise the superblock goes on there */
    }
    indirect_target(t, u);
    find_indirect(t);
    exit_indirect(t);
    return true;
}

bool rule_call(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    if (u->form == FORM_I ? !uop_goes_near(t->sb, u) : !has_stack_rule(t, u))
        return false;
    if (u->form == FORM_I) {
        push_return(t, u);
        move_stack(t, -(i32)u->size);
        exit_always(t, u->imm);
        return true;
    }
    indirect_target(t, u);
    find_indirect(t); /* first: a target that is not legal faults before anything is pushed */
    e_store(e, 8, FIELD(gpr[SLOT_T1]), S1);
    push_return(t, u);
    e_load(e, 8, S1, FIELD(gpr[SLOT_T1]));
    e_load(e, 8, S0, rm_mem(S1, (i32)offsetof(struct jump_target, tag)));
    move_stack(t, -(i32)u->size);
    exit_indirect(t);
    return true;
}

bool rule_ret(struct tr *t, const struct uop *u)
{
    struct rm m;
    if (!has_stack_rule(t, u))
        return false;
    flags_lose(t); /* takes S0, and a member of a group would not do it */
    access_stack(t, RSP, 0, u->size, ACC_READ, &m);
    load_target(t, u, m);
    find_indirect(t);
    move_stack(t, u->size + (u->form == FORM_I ? (i32)u->imm : 0));
    exit_indirect(t);
    return true;
}

/* arg: the condition. */
bool rule_jcc(struct tr *t, const struct uop *u)
{
    if (!uop_goes_near(t->sb, u))
        return false;
    flags_want(t);
    exit_by(t, e_jcc(&t->e, uop_cc(u)), u->imm);
    return true;
}

/* JRCXZ, or JECXZ: like LEA it leaves flags alone. */
static void emit_jcxz(struct tr *t, unsigned asize, unsigned over)
{
    if (asize == 4)
        e8(&t->e, 0x67);
    e8(&t->e, 0xe3), e8(&t->e, over);
}

/* A 16-bit count: the host has no JCXZ, so it is tested, or JECXZ sees a copy that is cut. */
static void loop_by_cx(struct tr *t, const struct uop *u)
{
    enum { MOV_BYTES = 3, JCC_BYTES = 6, JMP_BYTES = 2 };
    struct emit *e = &t->e;
    if (rule_arg(u) == CC_ALWAYS) {
        flags_lose(t);
        e_op(e, 2, 0xff, 1, rm_reg(H_RCX)); /* dec */
        exit_by(t, e_jcc(e, CC_NE), u->imm);
        return;
    }
    flags_want(t);
    e_lea(e, 2, H_RCX, rm_mem(H_RCX, -1));
    e_mov_rr(e, 8, S1, H_RCX);
    e_op(e, 4, 0x0fb7, H_RCX, rm_reg(H_RCX)); /* movzx */
    emit_jcxz(t, 4, MOV_BYTES + JCC_BYTES + JMP_BYTES);
    e_mov_rr(e, 8, H_RCX, S1);
    exit_by(t, e_jcc(e, rule_arg(u)), u->imm);
    e8(e, 0xeb), e8(e, MOV_BYTES); /* jmp */
    e_mov_rr(e, 8, H_RCX, S1);
}

/* LOOP, LOOPE, LOOPNE; arg: the condition, CC_ALWAYS for none. */
bool rule_loop(struct tr *t, const struct uop *u)
{
    enum { JCC_BYTES = 6, JMP_BYTES = 5 };
    struct emit *e = &t->e;
    bool always = rule_arg(u) == CC_ALWAYS;
    if (!uop_goes_near(t->sb, u))
        return false;
    if (u->asize == 2) {
        loop_by_cx(t, u);
        exit_always(t, u->pc_off + u->len);
        return true;
    }
    if (!always)
        flags_want(t);
    e_lea(e, u->asize, H_RCX, rm_mem(H_RCX, -1));
    emit_jcxz(t, u->asize, always ? JMP_BYTES : JCC_BYTES);
    exit_by(t, always ? e_jmp(e) : e_jcc(e, rule_arg(u)), u->imm);
    exit_always(t, u->pc_off + u->len);
    return true;
}

bool rule_jcxz(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    if (!uop_goes_near(t->sb, u))
        return false;
    if (u->asize == 2) {
        flags_lose(t);
        e_op(e, 2, 0x85, H_RCX, rm_reg(H_RCX)); /* test */
        exit_by(t, e_jcc(e, CC_E), u->imm);
        exit_always(t, u->pc_off + u->len);
        return true;
    }
    emit_jcxz(t, u->asize, 2);
    e8(e, 0xeb), e8(e, 5); /* jmp, over the next */
    exit_by(t, e_jmp(e), u->imm);
    exit_always(t, u->pc_off + u->len);
    return true;
}
