/*
 * Rules for MOVS, STOS, LODS, CMPS and SCAS with the addresses of the code's own
 * size, upwards; MOVS, and others that are not repeated, downwards, too. A repetition is done here when all it touches
 * lies in one page of its source and one of its destination, or when a comparison ends it there: by the host's own REP
 * MOVS and STOS, by a loop in place of the host's slow REP CMPS and SCAS. All else is C's, which counts, faults and is
 * interrupted as cpu/integer/string.c says; nothing has changed by then.
 */
#include "jit/x64/rules.h"

static unsigned word_of(const struct tr *t) { return (t->sb->key & MODE_CODE) == MODE_CODE64 ? 8 : 4; }
static bool repeats(const struct uop *u);
/* In segmented code a repetition is C's, which does as much of it at a time. */
static bool supported(const struct tr *t, const struct uop *u)
{
    if (key_is_segmented(t->sb->key))
        return !repeats(u);
    return u->asize == word_of(t) && u->amode <= AM_FLAT32 && u->seg < FS;
}
static bool repeats(const struct uop *u) { return u->flags & (UF_REP | UF_REPNE); }
static unsigned shift_of(const struct uop *u) { return u->size == 8 ? 3 : u->size / 2; }
static unsigned guest(unsigned reg) { return (unsigned)host_of(reg); }

/* The opcode of an instruction on u's elements, by that of its byte form. */
static u32 sized(const struct uop *u, u32 opcode) { return u->size == 1 ? opcode : opcode + 1; }

/* A jump that is taken downwards. */
static u8 *if_downwards(struct tr *t)
{
    flags_lose(t);
    e_op(&t->e, 4, 0xf7, 0, FIELD(eflags)); /* test */
    e32(&t->e, FL_DF);
    return e_jcc(&t->e, CC_NE);
}
/* With DF = 1 all is C's. */
static void only_upwards(struct tr *t) { to_slow_path(t, if_downwards(t)); }

/* Checks the element at 'reg' and makes S1 its host address; S0 is lost. */
static void element_address(struct tr *t, const struct uop *u, unsigned reg, unsigned seg, unsigned how)
{
    struct uop operand = *u;
    struct rm m;
    operand.base = (u8)reg;
    operand.index = SLOT_ZERO;
    operand.disp = 0;
    operand.seg = (u8)seg;
    access_operand(t, &operand, u->size, how | ACC_FREE_S0, &m);
    if (m.reg != S1 || m.index >= 0 || m.disp)
        e_lea(&t->e, 8, S1, m);
}

static void step(struct tr *t, const struct uop *u, unsigned reg)
{
    e_lea(&t->e, u->asize, guest(reg), rm_mem(guest(reg), u->size));
}

/* The way a single element's registers go: S0 becomes 0, or minus twice the element's size, for step_either. */
static void find_direction(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    static_assert(FL_DF == 1 << 10, "shifted to a size");
    e_load(e, 4, S0, FIELD(eflags));
    e_alu_imm(e, 4, ALU_AND, rm_reg(S0), FL_DF);
    e_op(e, 4, 0xc1, 5, rm_reg(S0)); /* shr */
    e8(e, 9 - shift_of(u));
    e_op(e, 8, 0xf7, 3, rm_reg(S0)); /* neg */
}
static void step_either(struct tr *t, const struct uop *u, unsigned reg)
{
    e_lea(&t->e, u->asize, guest(reg), rm_sib(guest(reg), S0, 0, u->size));
}

/* ---- MOVS, STOS, LODS ---- */

/* For the slow path unless all rCX elements from 'reg' on lie in one page. S0 is lost. */
static void only_in_page(struct tr *t, const struct uop *u, unsigned reg)
{
    struct emit *e = &t->e;
    e_lea(e, 8, S0, rm_sib(guest(reg), guest(RCX), shift_of(u), -1));
    e_op(e, 8, 0x33, S0, rm_reg(guest(reg))); /* xor: the last byte's page against the first's */
    e_alu_imm(e, 8, ALU_CMP, rm_reg(S0), PAGE_SIZE);
    to_slow_path(t, e_jcc(e, CC_AE));
}
/* Not more elements than a page has: the sums above must not wrap. 32-bit code's cannot. */
static void only_few(struct tr *t, const struct uop *u)
{
    if (u->asize != 8)
        return;
    e_alu_imm(&t->e, 8, ALU_CMP, rm_reg(guest(RCX)), (i32)(PAGE_SIZE / u->size));
    to_slow_path(t, e_jcc(&t->e, CC_A));
}

/* What 'reg' will be behind rCX elements goes to its place in the state; S0 is lost. It is fetched afterwards. */
static void keep_end(struct tr *t, const struct uop *u, unsigned reg)
{
    e_lea(&t->e, u->asize, S0, rm_sib(guest(reg), guest(RCX), shift_of(u), 0));
    e_store(&t->e, 8, FIELD(gpr[reg]), S0);
}
static void fetch(struct tr *t, unsigned reg) { e_load(&t->e, 8, guest(reg), FIELD(gpr[reg])); }

static void host_rep(struct tr *t, unsigned size, u32 opcode)
{
    if (size == 2)
        e8(&t->e, 0x66);
    e8(&t->e, 0xf3);
    if (size == 8)
        e8(&t->e, 0x48);
    e8(&t->e, size == 1 ? opcode : opcode + 1);
}

/* A jump over what follows, up to end_skip(). */
static u8 *skip_if(struct emit *e, unsigned cc)
{
    e8(e, 0x70 | cc);
    e8(e, 0);
    return e->p;
}
static u8 *skip(struct emit *e)
{
    e8(e, 0xeb);
    e8(e, 0);
    return e->p;
}
static void end_skip(struct emit *e, u8 *from)
{
    if (!emit_full(e))
        from[-1] = (u8)(e->p - from);
}

/* From host address rSI to rDI, rCX elements: by bytes, which hosts do fastest, unless the copy reads what it wrote. */
static void copy_elements(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    if (u->size == 1) {
        host_rep(t, 1, 0xa4);
        return;
    }
    e_op(e, 4, 0xc1, 4, rm_reg(H_RCX)); /* shl */
    e8(e, shift_of(u));
    e_mov_rr(e, 8, S0, H_RDI);
    e_op(e, 8, 0x2b, S0, rm_reg(H_RSI)); /* sub */
    e_op(e, 8, 0x3b, S0, rm_reg(H_RCX)); /* cmp */
    u8 *overlap = skip_if(e, CC_B);
    host_rep(t, 1, 0xa4);
    u8 *done = skip(e);
    end_skip(e, overlap);
    e_op(e, 4, 0xc1, 5, rm_reg(H_RCX)); /* shr */
    e8(e, shift_of(u));
    host_rep(t, u->size, 0xa4);
    end_skip(e, done);
}

static void rep_movs_up(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    only_few(t, u);
    only_in_page(t, u, RSI);
    only_in_page(t, u, RDI);
    element_address(t, u, RSI, u->seg, ACC_READ);
    e_store(e, 8, FIELD(gpr[SLOT_T1]), S1);
    element_address(t, u, RDI, ES, ACC_WRITE);
    keep_end(t, u, RSI);
    keep_end(t, u, RDI);
    e_load(e, 8, H_RSI, FIELD(gpr[SLOT_T1]));
    e_mov_rr(e, 8, H_RDI, S1);
    copy_elements(t, u);
    fetch(t, RSI);
    fetch(t, RDI);
}

/* 'reg' minus rCX elements plus disp into S0. */
static void end_below(struct tr *t, const struct uop *u, unsigned size, unsigned reg, i32 disp)
{
    e_mov_rr(&t->e, 8, S0, guest(RCX));
    e_op(&t->e, 8, 0xf7, 3, rm_reg(S0)); /* neg */
    e_lea(&t->e, size, S0, rm_sib(guest(reg), S0, shift_of(u), disp));
}
/* only_in_page downwards: the first element itself is checked by its access. */
static void only_in_page_below(struct tr *t, const struct uop *u, unsigned reg)
{
    struct emit *e = &t->e;
    end_below(t, u, 8, reg, u->size);
    e_op(e, 8, 0x33, S0, rm_reg(guest(reg))); /* xor */
    e_alu_imm(e, 8, ALU_CMP, rm_reg(S0), PAGE_SIZE);
    to_slow_path(t, e_jcc(e, CC_AE));
}
static void keep_end_below(struct tr *t, const struct uop *u, unsigned reg)
{
    end_below(t, u, u->asize, reg, 0);
    e_store(&t->e, 8, FIELD(gpr[reg]), S0);
}

/* One by one: hosts' own REP MOVS is slow downwards. */
static void rep_movs_down(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    only_few(t, u);
    only_in_page_below(t, u, RSI);
    only_in_page_below(t, u, RDI);
    element_address(t, u, RSI, u->seg, ACC_READ);
    e_store(e, 8, FIELD(gpr[SLOT_T1]), S1);
    element_address(t, u, RDI, ES, ACC_WRITE);
    keep_end_below(t, u, RSI);
    keep_end_below(t, u, RDI);
    e_load(e, 8, H_RSI, FIELD(gpr[SLOT_T1]));
    e_op(e, 4, 0x85, H_RCX, rm_reg(H_RCX)); /* test */
    u8 *none = skip_if(e, CC_E);
    const u8 *top = e->p;
    e_load(e, u->size, S0, rm_mem(H_RSI, 0));
    e_store(e, u->size, rm_mem(S1, 0), S0);
    e_alu_imm(e, 8, ALU_SUB, rm_reg(H_RSI), (i32)u->size);
    e_alu_imm(e, 8, ALU_SUB, rm_reg(S1), (i32)u->size);
    e_op(e, 4, 0xff, 1, rm_reg(H_RCX)); /* dec */
    e_patch(e, e_jcc(e, CC_NE), top);
    end_skip(e, none);
    fetch(t, RSI);
    fetch(t, RDI);
}

static void rep_movs(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    u8 *down = if_downwards(t);
    rep_movs_up(t, u);
    u8 *done = e_jmp(e);
    e_patch(e, down, e->p);
    rep_movs_down(t, u);
    e_patch(e, done, e->p);
}

bool rule_movs(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    if (!supported(t, u))
        return false;
    if (repeats(u)) {
        rep_movs(t, u);
        return true;
    }
    flags_lose(t);
    element_address(t, u, RSI, u->seg, ACC_READ);
    e_load(e, u->size, S0, rm_mem(S1, 0));
    e_store(e, 8, FIELD(gpr[SLOT_T1]), S0);
    element_address(t, u, RDI, ES, ACC_WRITE);
    e_load(e, 8, S0, FIELD(gpr[SLOT_T1]));
    e_store(e, u->size, rm_mem(S1, 0), S0);
    find_direction(t, u);
    step_either(t, u, RSI);
    step_either(t, u, RDI);
    return true;
}

bool rule_stos(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    if (!supported(t, u))
        return false;
    if (!repeats(u)) {
        flags_lose(t);
        element_address(t, u, RDI, ES, ACC_WRITE);
        e_store(e, u->size, rm_mem(S1, 0), guest(RAX));
        find_direction(t, u);
        step_either(t, u, RDI);
        return true;
    }
    only_upwards(t);
    only_few(t, u);
    only_in_page(t, u, RDI);
    element_address(t, u, RDI, ES, ACC_WRITE);
    keep_end(t, u, RDI);
    e_mov_rr(e, 8, H_RDI, S1);
    e_mov_rr(e, 8, H_RAX, guest(RAX));
    host_rep(t, u->size, 0xaa);
    fetch(t, RDI);
    return true;
}

bool rule_lods(struct tr *t, const struct uop *u)
{
    if (!supported(t, u) || repeats(u))
        return false;
    flags_lose(t);
    element_address(t, u, RSI, u->seg, ACC_READ);
    e_load(&t->e, u->size, guest(RAX), rm_mem(S1, 0));
    find_direction(t, u);
    step_either(t, u, RSI);
    return true;
}

/* ---- CMPS, SCAS ---- */

static bool is_cmps(const struct uop *u) { return u->op == UOP_CMPS; }

/* Lowers rCX to the elements that lie whole between 'reg' and the end of its page. S0 is lost. */
static void limit_to_page(struct tr *t, const struct uop *u, unsigned reg)
{
    struct emit *e = &t->e;
    e_mov_rr(e, 4, S0, guest(reg));
    e_op(e, 4, 0xf7, 2, rm_reg(S0)); /* not */
    e_alu_imm(e, 4, ALU_AND, rm_reg(S0), (i32)PAGE_SIZE - 1);
    e_alu_imm(e, 4, ALU_ADD, rm_reg(S0), 1);
    if (u->size > 1) {
        e_op(e, 4, 0xc1, 5, rm_reg(S0)); /* shr */
        e8(e, shift_of(u));
    }
    e_op(e, 8, 0x3b, guest(RCX), rm_reg(S0)); /* cmp */
    e_op(e, 8, 0x0f47, H_RCX, rm_reg(S0));    /* cmova */
}

/* The comparison of the elements at host addresses rSI (or in rAX) and rDI + disp. */
static void compare(struct tr *t, const struct uop *u, i32 disp)
{
    if (is_cmps(u))
        e_load(&t->e, u->size, S0, rm_mem(H_RSI, disp));
    e_op(&t->e, u->size, sized(u, 0x3a), S0, rm_mem(H_RDI, disp));
}

/* Up to rCX of them; leaves their flags, which LEA and LOOP do not touch, and the number that were not looked at. */
static void compare_loop(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    const u8 *top = e->p;
    compare(t, u, 0);
    if (is_cmps(u))
        e_lea(e, 8, H_RSI, rm_mem(H_RSI, u->size));
    e_lea(e, 8, H_RDI, rm_mem(H_RDI, u->size));
    e8(e, u->flags & UF_REPNE ? 0xe0 : 0xe1); /* loopne, loope */
    e8(e, (unsigned)(top - (e->p + 1)));
}

/* The registers from where they were kept and from S0, the number of elements looked at; flags stay. */
static void advance(struct tr *t, const struct uop *u, unsigned reg)
{
    fetch(t, reg);
    e_lea(&t->e, u->asize, guest(reg), rm_sib(guest(reg), S0, shift_of(u), 0));
}
static void finish(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    e_op(e, 8, 0xf7, 2, rm_reg(H_RCX)); /* not */
    e_load(e, 8, S0, FIELD(gpr[SLOT_T1]));
    e_lea(e, 8, S0, rm_sib(S0, H_RCX, 0, 1));
    if (is_cmps(u))
        advance(t, u, RSI);
    advance(t, u, RDI);
    e_op(e, 8, 0xf7, 2, rm_reg(S0));
    fetch(t, RCX);
    e_lea(e, u->asize, H_RCX, rm_sib(H_RCX, S0, 0, 1));
}

/* Nothing ended it within the page: done if there was no more to do. If there was, as if nothing had been done. */
static void only_if_all(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    e_load(e, 8, S0, FIELD(gpr[RCX]));
    e_op(e, 8, 0x3b, S0, FIELD(gpr[SLOT_T1])); /* cmp */
    u8 *all = skip_if(e, CC_E);
    fetch(t, RCX);
    if (is_cmps(u))
        fetch(t, RSI);
    fetch(t, RDI);
    to_slow_path(t, e_jmp(e));
    end_skip(e, all);
    if (!is_cmps(u))
        e_mov_rr(e, 8, S0, guest(RAX));
    compare(t, u, -(i32)u->size);
}

static void rep_compare(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    e_op(e, u->asize, 0x85, guest(RCX), rm_reg(guest(RCX))); /* test */
    to_slow_path(t, e_jcc(e, CC_E));
    if (is_cmps(u)) {
        element_address(t, u, RSI, u->seg, ACC_READ);
        e_store(e, 8, FIELD(gpr[SLOT_T1]), S1);
    }
    element_address(t, u, RDI, ES, ACC_READ);
    e_store(e, 8, FIELD(gpr[RCX]), guest(RCX));
    e_store(e, 8, FIELD(gpr[RDI]), guest(RDI));
    limit_to_page(t, u, RDI);
    if (is_cmps(u)) {
        e_store(e, 8, FIELD(gpr[RSI]), guest(RSI));
        limit_to_page(t, u, RSI);
        e_load(e, 8, H_RSI, FIELD(gpr[SLOT_T1]));
    } else {
        e_mov_rr(e, 8, S0, guest(RAX));
    }
    e_store(e, 8, FIELD(gpr[SLOT_T1]), H_RCX);
    e_mov_rr(e, 8, H_RDI, S1);
    compare_loop(t, u);
    u8 *ended = skip_if(e, u->flags & UF_REPNE ? CC_E : CC_NE);
    only_if_all(t, u);
    end_skip(e, ended);
    finish(t, u);
}

bool rule_compare_string(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    if (!supported(t, u))
        return false;
    only_upwards(t);
    if (repeats(u)) {
        rep_compare(t, u);
    } else {
        if (is_cmps(u)) {
            element_address(t, u, RSI, u->seg, ACC_READ);
            e_load(e, u->size, S0, rm_mem(S1, 0));
            e_store(e, 8, FIELD(gpr[SLOT_T1]), S0);
        }
        element_address(t, u, RDI, ES, ACC_READ);
        if (is_cmps(u))
            e_load(e, 8, S0, FIELD(gpr[SLOT_T1]));
        e_op(e, u->size, sized(u, 0x3a), is_cmps(u) ? S0 : guest(RAX), rm_mem(S1, 0));
        if (is_cmps(u))
            step(t, u, RSI);
        step(t, u, RDI);
    }
    flags_set_by(t, u);
    return true;
}
