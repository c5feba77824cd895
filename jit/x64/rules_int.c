/*
 * Rules for integer instructions: host code that does to the same registers and
 * to memory behind access_operand() what the guest's instruction says, and
 * leaves the guest's flags in EFLAGS. Operands the host's registers do not hold
 * are operated on in the state, or in S0 where 32-bit results must clear the
 * upper half.
 */
#include "jit/x64/rules.h"

/* True where a 32-bit result for a register kept in memory must be made in S0. */
static bool widens(unsigned slot, unsigned size) { return size == 4 && host_of(slot) < 0; }

static void lock_prefix(struct tr *t, const struct uop *u)
{
    if (u->flags & UF_LOCK)
        e8(&t->e, 0xf0);
}
/*
 * How a locked instruction accesses its operand: what lies across a cache line would stop every core of the host, or
 * raise SIGBUS, and CPUs run in turns, so the plain C of the slow path will do.
 */
static unsigned locked_access(const struct uop *u) { return u->flags & UF_LOCK ? ACC_WRITE | ACC_ALIGN : ACC_WRITE; }
static void e_imm(struct emit *e, unsigned size, u64 imm)
{
    if (size == 1)
        e8(e, (u8)imm);
    else if (size == 2)
        e16(e, (u16)imm);
    else
        e32(e, (u32)imm);
}
/* Opcode for byte size or the one after it for the others. */
static u32 by_size(u32 opcode, unsigned size) { return size == 1 ? opcode : opcode + 1; }

/* ---- ADD to CMP, TEST ---- */

/* dst op src: opcode is the "r/m, r" form; its other direction has bit 1 set. */
static void alu_to_reg(struct tr *t, const struct uop *u, u32 opcode, bool store, struct rm src)
{
    struct emit *e = &t->e;
    struct rm dst = operand_of(t, u->dst, u->size);
    if (!dst.mem) {
        e_op(e, u->size, by_size(opcode | 2, u->size), dst.reg, src);
        return;
    }
    unsigned with = src.mem ? S1 : src.reg; /* S0 may be part of src */
    if (src.mem)
        e_load(e, u->size, S1, src);
    if (store && widens(u->dst, u->size)) {
        e_load(e, 4, S0, dst);
        e_op(e, 4, by_size(opcode | 2, 4), S0, rm_reg(with));
        reg_put(t, u->dst, S0);
    } else {
        e_op(e, u->size, by_size(opcode, u->size), with, dst);
        if (store)
            operand_written(t, u->dst, u->size);
    }
}

/* The source register's value where it can be named beside a memory operand in S1. */
static unsigned source_beside_memory(struct tr *t, unsigned slot, unsigned size)
{
    struct rm src = operand_of(t, slot, size);
    if (!src.mem)
        return src.reg;
    e_load(&t->e, size, S0, src);
    return S0;
}

static void alu_mem(struct tr *t, const struct uop *u, u32 opcode, bool store, bool reads)
{
    struct rm m;
    unsigned how = (store ? locked_access(u) : ACC_READ) | ACC_FREE_S0;
    access_operand(t, u, u->size, how, &m);
    if (reads)
        flags_want(t);
    if (u->form == FORM_MI) {
        if (store)
            lock_prefix(t, u);
        if (opcode == 0x84) {
            e_op(&t->e, u->size, by_size(0xf6, u->size), 0, m);
            e_imm(&t->e, u->size, u->imm);
        } else {
            e_alu_imm(&t->e, u->size, opcode >> 3, m, (i32)u->imm);
        }
        return;
    }
    unsigned src = source_beside_memory(t, u->src, u->size);
    if (store)
        lock_prefix(t, u);
    e_op(&t->e, u->size, by_size(opcode, u->size), src, m);
}

static void alu_reg_imm(struct tr *t, const struct uop *u, u32 opcode, bool store)
{
    struct emit *e = &t->e;
    struct rm dst = operand_of(t, u->dst, u->size);
    bool wide = store && widens(u->dst, u->size);
    if (wide)
        e_load(e, 4, S0, dst);
    struct rm to = wide ? rm_reg(S0) : dst;
    if (opcode == 0x84) {
        e_op(e, u->size, by_size(0xf6, u->size), 0, to);
        e_imm(e, u->size, u->imm);
    } else {
        e_alu_imm(e, u->size, opcode >> 3, to, (i32)u->imm);
    }
    if (wide)
        reg_put(t, u->dst, S0);
    else if (store)
        operand_written(t, u->dst, u->size);
}

/* arg: the opcode of the form "r/m8, r8". */
bool rule_alu(struct tr *t, const struct uop *u)
{
    u32 opcode = rule_arg(u);
    bool store = u->op != UOP_CMP && u->op != UOP_TEST, reads = u->op == UOP_ADC || u->op == UOP_SBB;
    struct rm m;
    switch (u->form) {
    case FORM_RR: {
        if (reads)
            flags_want(t);
        struct rm src = operand_of(t, u->src, u->size);
        if (opcode == 0x84 && src.mem) { /* TEST has one direction */
            e_load(&t->e, u->size, S1, src);
            src = rm_reg(S1);
        }
        if (opcode == 0x84) {
            e_op(&t->e, u->size, by_size(0x84, u->size), src.reg, operand_of(t, u->dst, u->size));
            break;
        }
        alu_to_reg(t, u, opcode, store, src);
        break;
    }
    case FORM_RI:
        if (reads)
            flags_want(t);
        alu_reg_imm(t, u, opcode, store);
        break;
    case FORM_RM:
        access_operand(t, u, u->size, ACC_READ | (reads ? ACC_FREE_S0 : 0), &m);
        if (reads)
            flags_want(t);
        alu_to_reg(t, u, opcode, store, m);
        break;
    default:
        alu_mem(t, u, opcode, store, reads);
    }
    flags_set_by(t, u);
    return true;
}

/* NOT NEG INC DEC; arg: opcode for byte size << 4 | the digit in ModRM. */
bool rule_unary(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    u32 opcode = by_size(rule_arg(u) >> 4, u->size), digit = rule_arg(u) & 7;
    bool flags = u->op != UOP_NOT;
    struct rm m;
    if (u->form == FORM_M) {
        access_operand(t, u, u->size, locked_access(u) | ACC_FREE_S0, &m);
        if (flags)
            flags_merge(t);
        lock_prefix(t, u);
        e_op(e, u->size, opcode, digit, m);
    } else {
        if (flags)
            flags_merge(t);
        m = operand_of(t, u->dst, u->size);
        if (widens(u->dst, u->size)) {
            e_load(e, 4, S0, m);
            e_op(e, 4, opcode, digit, rm_reg(S0));
            reg_put(t, u->dst, S0);
        } else {
            e_op(e, u->size, opcode, digit, m);
            operand_written(t, u->dst, u->size);
        }
    }
    if (flags)
        flags_set_by(t, u);
    return true;
}

/* CLC STC CMC; arg: the opcode. */
bool rule_carry(struct tr *t, const struct uop *u)
{
    flags_merge(t);
    if (u->op == UOP_CMC)
        flags_want(t);
    e8(&t->e, rule_arg(u));
    flags_set_by(t, u);
    return true;
}

/* CLD, STD; arg: 1 sets. */
bool rule_direction(struct tr *t, const struct uop *u)
{
    flags_lose(t);
    e_alu_imm(&t->e, 4, rule_arg(u) ? ALU_OR : ALU_AND, FIELD(eflags), rule_arg(u) ? (i32)FL_DF : ~(i32)FL_DF);
    return true;
}

/* The host's RAX is a scratch register, where these find the guest's AH. */
bool rule_lahf(struct tr *t, const struct uop *u)
{
    unsigned a = (unsigned)host_of(RAX);
    (void)u;
    flags_want(t);
    e_mov_rr(&t->e, 8, H_RAX, a);
    e8(&t->e, 0x9f);
    e_mov_rr(&t->e, 8, a, H_RAX);
    return true;
}
bool rule_sahf(struct tr *t, const struct uop *u)
{
    flags_merge(t);
    e_mov_rr(&t->e, 8, H_RAX, (unsigned)host_of(RAX));
    e8(&t->e, 0x9e);
    flags_set_by(t, u);
    return true;
}

/* ---- moves ---- */

/* A value that is in a host register into a register of the guest. */
static void put_reg(struct tr *t, unsigned slot, unsigned size, unsigned host)
{
    struct emit *e = &t->e;
    if (widens(slot, size)) {
        e_mov_rr(e, 4, host, host); /* the upper half goes */
        reg_put(t, slot, host);
        return;
    }
    e_store(e, size, operand_of(t, slot, size), host);
    operand_written(t, slot, size);
}

static void load_reg(struct tr *t, unsigned slot, unsigned size, struct rm from)
{
    struct rm dst = operand_of(t, slot, size);
    if (!dst.mem) {
        e_load(&t->e, size, dst.reg, from);
        return;
    }
    e_load(&t->e, size, S1, from);
    if (size == 4)
        reg_put(t, slot, S1);
    else
        e_store(&t->e, size, dst, S1);
    operand_written(t, slot, size);
}

static bool mov_imm(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm dst = operand_of(t, u->dst, u->size);
    if (u->size >= 4 && !dst.mem) {
        e_mov_imm(e, dst.reg, u->size == 4 ? (u32)u->imm : u->imm);
    } else if (u->size >= 4) {
        e_mov_imm(e, S0, u->size == 4 ? (u32)u->imm : u->imm);
        reg_put(t, u->dst, S0);
    } else {
        e_op(e, u->size, by_size(0xc6, u->size), 0, dst);
        e_imm(e, u->size, u->imm);
        operand_written(t, u->dst, u->size);
    }
    return true;
}

bool rule_mov(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm m;
    switch (u->form) {
    case FORM_RR:
        m = operand_of(t, u->src, u->size);
        if (m.mem || !operand_of(t, u->dst, u->size).mem)
            load_reg(t, u->dst, u->size, m);
        else
            put_reg(t, u->dst, u->size, (e_mov_rr(e, 8, S0, m.reg), S0));
        return true;
    case FORM_RI:
        return mov_imm(t, u);
    case FORM_RM:
        access_operand(t, u, u->size, ACC_READ, &m);
        load_reg(t, u->dst, u->size, m);
        return true;
    case FORM_MR:
        access_operand(t, u, u->size, ACC_WRITE | ACC_FREE_S0, &m);
        e_store(e, u->size, m, source_beside_memory(t, u->src, u->size));
        return true;
    default:
        access_operand(t, u, u->size, ACC_WRITE, &m);
        e_op(e, u->size, by_size(0xc6, u->size), 0, m);
        e_imm(e, u->size, u->imm);
        return true;
    }
}

/* A0 to A3: the address is an immediate. Beyond 32 bits it is C's. */
bool rule_mov_moffs(struct tr *t, const struct uop *u)
{
    struct uop as_memory = *u;
    as_memory.base = as_memory.index = SLOT_ZERO;
    as_memory.disp = (i32)u->imm;
    if (u->asize == 8 && (u64)(i64)as_memory.disp != u->imm)
        return false;
    return rule_mov(t, &as_memory);
}

/* AL from RBX + AL */
bool rule_xlat(struct tr *t, const struct uop *u)
{
    unsigned a = (unsigned)host_of(RAX);
    struct uop as_memory = *u;
    struct rm m;
    as_memory.base = RBX;
    as_memory.index = SLOT_T0;
    as_memory.scale = 0;
    as_memory.disp = 0;
    e_op_byte_rm(&t->e, 4, 0x0fb6, S0, rm_reg(a)); /* movzx */
    e_store(&t->e, 8, FIELD(gpr[SLOT_T0]), S0);
    access_operand(t, &as_memory, 1, ACC_READ, &m);
    e_load(&t->e, 1, a, m);
    return true;
}

/* MOVZX, MOVSX, MOVSXD; arg: opcode << 4 | bytes of the source. */
bool rule_widen(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    unsigned from = rule_arg(u) & 15;
    u32 opcode = rule_arg(u) >> 4;
    struct rm m;
    if (u->size == 2 && (from != 1 || host_of(u->dst) < 0))
        return false;
    if (u->form == FORM_RR)
        m = operand_of(t, u->src, from);
    else
        access_operand(t, u, from, ACC_READ, &m);
    unsigned to = reg_target(u->dst, S0);
    if (from == 1)
        e_op_byte_rm(e, u->size, opcode, to, m);
    else
        e_op(e, u->size, opcode, to, m);
    reg_put(t, u->dst, to);
    return true;
}

bool rule_lea(struct tr *t, const struct uop *u)
{
    if (u->size == 2) {
        effective_address(t, u, 4, S0);
        put_reg(t, u->dst, 2, S0);
        return true;
    }
    unsigned to = reg_target(u->dst, S0);
    effective_address(t, u, u->size, to);
    reg_put(t, u->dst, to);
    return true;
}

bool rule_xchg(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm m;
    if (u->op == UOP_XCHG_ACC && u->dst == RAX)
        return true;
    if (u->form == FORM_MR) {
        access_operand(t, u, u->size, ACC_WRITE | ACC_ALIGN | ACC_FREE_S0, &m); /* locked on the host, too */
        struct rm src = operand_of(t, u->src, u->size);
        unsigned with = src.mem ? S0 : src.reg;
        if (src.mem)
            e_load(e, u->size, S0, src);
        e_op(e, u->size, by_size(0x86, u->size), with, m);
        if (src.mem)
            put_reg(t, u->src, u->size, S0);
        return true;
    }
    e_load(e, u->size, S0, operand_of(t, u->dst, u->size));
    e_load(e, u->size, S1, operand_of(t, u->src, u->size));
    put_reg(t, u->dst, u->size, S1);
    put_reg(t, u->src, u->size, S0);
    return true;
}

bool rule_bswap(struct tr *t, const struct uop *u)
{
    if (u->size == 2)
        return false;
    unsigned r = reg_in(t, u->dst, S0);
    unsigned rex = (u->size == 8 ? 8u : 0u) | r >> 3;
    if (rex)
        e8(&t->e, 0x40 | rex);
    e8(&t->e, 0x0f);
    e8(&t->e, 0xc8 | (r & 7));
    reg_put(t, u->dst, r);
    return true;
}

/* arg: the condition. A false CMOV still reads memory and clears the upper half. */
bool rule_cmov(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm m;
    if (u->form == FORM_RM) {
        access_operand(t, u, u->size, ACC_READ | ACC_FREE_S0, &m);
        flags_want(t);
    } else {
        flags_want(t);
        m = reg_operand(u->src);
    }
    struct rm dst = reg_operand(u->dst);
    unsigned to = dst.mem ? S0 : dst.reg;
    if (dst.mem)
        e_load(e, 8, S0, dst);
    e_op(e, u->size, 0x0f40u | uop_cc(u), to, m);
    if (dst.mem)
        reg_put(t, u->dst, S0);
    return true;
}

bool rule_setcc(struct tr *t, const struct uop *u)
{
    struct rm m;
    if (u->form == FORM_M) {
        access_operand(t, u, 1, ACC_WRITE | ACC_FREE_S0, &m);
        flags_want(t);
    } else {
        flags_want(t);
        m = byte_operand(t, u->dst);
    }
    e_op(&t->e, 1, 0x0f90u | uop_cc(u), 0, m);
    if (u->form != FORM_M)
        byte_written(t, u->dst);
    return true;
}

/* CBW CWDE CDQE */
bool rule_cbw(struct tr *t, const struct uop *u)
{
    unsigned a = (unsigned)host_of(RAX);
    if (u->size == 2)
        e_op_byte_rm(&t->e, 2, 0x0fbe, a, rm_reg(a));
    else
        e_op(&t->e, u->size, u->size == 4 ? 0x0fbf : 0x63, a, rm_reg(a));
    return true;
}
/* CWD CDQ CQO */
bool rule_cwd(struct tr *t, const struct uop *u)
{
    e_mov_rr(&t->e, 8, S0, (unsigned)host_of(RAX));
    if (u->size != 4)
        e8(&t->e, u->size == 2 ? 0x66 : 0x48);
    e8(&t->e, 0x99);
    return true;
}
bool rule_nop(struct tr *t, const struct uop *u) { return (void)t, (void)u, true; }

/* ---- shifts and rotates ---- */

/* arg: the digit in ModRM. */
bool rule_shift(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    bool imm = u->form == FORM_RI || u->form == FORM_MI, memory = u->form == FORM_MR || u->form == FORM_MI;
    bool carry = u->op == UOP_RCL || u->op == UOP_RCR;
    unsigned count = u->imm & (u->size == 8 ? 63 : 31);
    struct rm m;
    if (imm && count == 0)
        return false;
    if (memory) {
        access_operand(t, u, u->size, ACC_WRITE | ACC_FREE_S0, &m);
    }
    if (carry || (!imm && flags_needed_after(t)))
        flags_want(t);
    else
        flags_merge(t);
    bool wide = !memory && widens(u->dst, u->size);
    if (!memory)
        m = operand_of(t, u->dst, u->size);
    if (wide) {
        e_load(e, 4, S0, m);
        m = rm_reg(S0);
    }
    e_op(e, u->size, by_size(imm ? 0xc0 : 0xd2, u->size), rule_arg(u), m);
    if (imm)
        e8(e, count);
    if (wide)
        reg_put(t, u->dst, S0);
    else if (!memory)
        operand_written(t, u->dst, u->size);
    flags_set_by(t, u);
    return true;
}

/* SHLD, SHRD; arg: the opcode. */
bool rule_double_shift(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    bool imm = u->op == UOP_SHLD || u->op == UOP_SHRD;
    unsigned count = u->imm & (u->size == 8 ? 63 : 31);
    if (u->size == 2 || (imm && count == 0))
        return false;
    struct rm m = reg_operand(u->dst);
    if (u->form == FORM_MR)
        access_operand(t, u, u->size, ACC_WRITE | ACC_FREE_S0, &m);
    if (!imm && flags_needed_after(t))
        flags_want(t);
    unsigned src = reg_in(t, u->src, S0);
    bool wide = u->form == FORM_RR && widens(u->dst, u->size);
    if (wide) {
        e_load(e, 4, S1, m);
        m = rm_reg(S1);
    }
    e_op(e, u->size, rule_arg(u), src, m);
    if (imm)
        e8(e, count);
    if (wide)
        reg_put(t, u->dst, S1);
    flags_set_by(t, u);
    return true;
}

/* ---- bits ---- */

/*
 * Memory is a string of bits to a register's number: its operand of that size lies so many sizes away. 'at' becomes u
 * with that address, by way of SLOT_T0; SLOT_T1 the number in there.
 */
static void bit_string(struct tr *t, const struct uop *u, struct uop *at)
{
    struct emit *e = &t->e;
    unsigned bytes = u->size == 2 ? 1 : u->size == 4 ? 2 : 3;
    flags_lose(t);
    e_load(e, 4, S0, reg_operand(u->src));
    e_alu_imm(e, 4, ALU_AND, rm_reg(S0), (i32)u->size * 8 - 1);
    e_store(e, 8, FIELD(gpr[SLOT_T1]), S0);
    if (u->size == 8)
        e_load(e, 8, S0, reg_operand(u->src));
    else
        e_op(e, 8, u->size == 4 ? 0x63 : 0x0fbf, S0, reg_operand(u->src)); /* movsx */
    e_op(e, 8, 0xc1, 7, rm_reg(S0));                                       /* sar */
    e8(e, bytes + 3);
    e_op(e, 8, 0xc1, 4, rm_reg(S0)); /* shl */
    e8(e, bytes);
    e_store(e, 8, FIELD(gpr[SLOT_T0]), S0);
    effective_address(t, u, u->asize, S0);
    e_op(e, u->asize, 0x03, S0, FIELD(gpr[SLOT_T0])); /* add */
    e_store(e, 8, FIELD(gpr[SLOT_T0]), S0);
    *at = *u;
    at->base = SLOT_T0;
    at->index = SLOT_ZERO;
    at->disp = 0;
}

/* BT BTS BTR BTC; arg: the digit of the immediate form. */
bool rule_bt(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    bool store = u->op != UOP_BT;
    struct rm m;
    if (u->form == FORM_MI || u->form == FORM_MR) {
        struct uop at = *u;
        if (u->form == FORM_MR)
            bit_string(t, u, &at);
        access_operand(t, &at, u->size, (store ? locked_access(u) : ACC_READ) | ACC_FREE_S0, &m);
        flags_merge(t);
    } else {
        flags_merge(t);
        m = reg_operand(u->dst);
        if (m.mem) {
            e_load(e, 8, S0, m);
            m = rm_reg(S0);
        }
    }
    if (u->form == FORM_RR || u->form == FORM_MR) {
        unsigned bit = u->form == FORM_RR ? reg_in(t, u->src, S1) : S0;
        if (u->form == FORM_MR)
            e_load(e, 8, S0, FIELD(gpr[SLOT_T1]));
        lock_prefix(t, u);
        e_op(e, u->size, 0x0f83 | rule_arg(u) << 3, bit, m);
    } else {
        lock_prefix(t, u);
        e_op(e, u->size, 0x0fba, rule_arg(u), m);
        e8(e, (u8)u->imm & (u->size * 8 - 1));
    }
    if (!uop_has_memory(u) && store && host_of(u->dst) < 0)
        e_store(e, 8, reg_operand(u->dst), S0);
    flags_set_by(t, u);
    return true;
}

/* BSF BSR (a zero source keeps the destination), IMUL r, r/m; arg: the opcode. */
bool rule_to_reg(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm m = reg_operand(u->src);
    if (u->size == 2 && host_of(u->dst) < 0)
        return false;
    if (u->form == FORM_RM)
        access_operand(t, u, u->size, ACC_READ | ACC_FREE_S0, &m);
    flags_merge(t);
    unsigned to = reg_in(t, u->dst, S0);
    e_op(e, u->size, rule_arg(u), to, m);
    reg_put(t, u->dst, to);
    flags_set_by(t, u);
    return true;
}

/* LZCNT TZCNT POPCNT: with an F3 prefix. arg: the opcode. */
bool rule_count(struct tr *t, const struct uop *u)
{
    struct rm m = reg_operand(u->src);
    if (u->size == 2 || !x64_host_has(t, t->i->in.row))
        return false;
    if (u->form == FORM_RM)
        access_operand(t, u, u->size, ACC_READ | ACC_FREE_S0, &m);
    flags_merge(t);
    unsigned to = reg_target(u->dst, S0);
    e_op_prefixed(&t->e, 0xf3, u->size == 8, rule_arg(u), to, m);
    reg_put(t, u->dst, to);
    flags_set_by(t, u);
    return true;
}

/* ---- multiplication and division ---- */

/* IMUL r, r/m, imm */
bool rule_imul3(struct tr *t, const struct uop *u)
{
    struct rm m = reg_operand(u->src);
    if (u->size == 2 && host_of(u->dst) < 0)
        return false;
    if (u->form == FORM_RM)
        access_operand(t, u, u->size, ACC_READ | ACC_FREE_S0, &m);
    flags_merge(t);
    unsigned to = reg_target(u->dst, S0);
    e_op(&t->e, u->size, 0x69, to, m);
    e_imm(&t->e, u->size, u->imm);
    reg_put(t, u->dst, to);
    flags_set_by(t, u);
    return true;
}

/* The operand of MUL and DIV, where rAX and rDX are the host's own: in S1 or a pinned register. */
static void wide_operand(struct tr *t, const struct uop *u, struct rm *m)
{
    if (u->form != FORM_M) {
        *m = operand_of(t, u->dst, u->size);
        if (!m->mem && m->reg == host_of(RAX)) /* it is in S0, too, by then */
            *m = rm_reg(S0);
        return;
    }
    access_operand(t, u, u->size, ACC_READ | ACC_FREE_S0, m);
}

/* MUL, IMUL of rAX; arg: the digit in ModRM. */
bool rule_mul(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm m;
    unsigned a = (unsigned)host_of(RAX);
    wide_operand(t, u, &m);
    flags_merge(t);
    e_mov_rr(e, 8, S0, a);
    e_op(e, u->size, by_size(0xf6, u->size), rule_arg(u), m);
    if (u->size == 1 || u->size == 2)
        e_mov_rr(e, 2, a, S0);
    else
        e_mov_rr(e, u->size, a, S0);
    flags_set_by(t, u);
    return true;
}

/*
 * DIV: an unsigned quotient fits when the high half is below the divisor. IDIV: done here when the high half is
 * only the sign of the low one and the divisor is neither 0 nor -1. All else is C's, #DE included.
 */
bool rule_div(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm m;
    unsigned a = (unsigned)host_of(RAX), size = u->size;
    if (size < 2 || (u->form != FORM_M && (u->dst == RDX || u->dst == RAX)))
        return false;
    wide_operand(t, u, &m);
    flags_lose(t);
    if (u->op == UOP_DIV) {
        e_op(e, size, 0x3b, H_RDX, m);
        to_slow_path(t, e_jcc(e, CC_AE));
    } else {
        e_mov_rr(e, 8, S0, a);
        e_op(e, size, 0xc1, 7, rm_reg(S0)); /* sar */
        e8(e, size * 8 - 1);
        e_op(e, size, 0x3b, S0, rm_reg(H_RDX));
        to_slow_path(t, e_jcc(e, CC_NE));
        e_load(e, size, S0, m);
        e_alu_imm(e, size, ALU_ADD, rm_reg(S0), 1);
        e_alu_imm(e, size, ALU_CMP, rm_reg(S0), 1);
        to_slow_path(t, e_jcc(e, CC_BE));
    }
    flags_merge(t);
    e_mov_rr(e, 8, S0, a);
    e_op(e, size, 0xf7, u->op == UOP_DIV ? 6 : 7, m);
    e_mov_rr(e, size, a, S0);
    flags_set_by(t, u);
    return true;
}

/* ---- atomics ---- */

bool rule_xadd(struct tr *t, const struct uop *u)
{
    struct rm m;
    if (u->form != FORM_MR || operand_of(t, u->src, 8).mem || u->size == 1)
        return false;
    access_operand(t, u, u->size, locked_access(u), &m);
    lock_prefix(t, u);
    e_op(&t->e, u->size, 0x0fc1, (unsigned)host_of(u->src), m);
    flags_set_by(t, u);
    return true;
}
bool rule_cmpxchg(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm m;
    unsigned a = (unsigned)host_of(RAX);
    if (u->form != FORM_MR || u->size == 1 || host_of(u->src) < 0)
        return false;
    access_operand(t, u, u->size, locked_access(u) | ACC_FREE_S0, &m);
    e_mov_rr(e, 8, S0, a);
    lock_prefix(t, u);
    e_op(e, u->size, 0x0fb1, (unsigned)host_of(u->src), m);
    e_mov_rr(e, 8, a, S0);
    flags_set_by(t, u);
    return true;
}

/* CMPXCHG8B, CMPXCHG16B; arg: bytes of each half. */
bool rule_cmpxchg_pair(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    unsigned half = rule_arg(u), a = (unsigned)host_of(RAX);
    struct rm m;
    if (!x64_host_has(t, t->i->in.row))
        return false;
    access_operand(t, u, half * 2, locked_access(u) | ACC_FREE_S0 | (half == 8 ? ACC_ALIGN : 0u), &m);
    flags_merge(t);
    e_mov_rr(e, 8, S0, a);
    lock_prefix(t, u);
    e_op(e, half, 0x0fc7, 1, m);
    e_mov_rr(e, 8, a, S0);
    flags_set_by(t, u);
    return true;
}
