/*
 * Near branches: JMP CALL RET Jcc LOOPcc JCXZ, and BOUND. Size is that of the
 * instruction pointer: 8 exists only in 64-bit mode, where only the canonical
 * check is left; elsewhere CS.limit counts unless the mode is flat. Link 0 of
 * a branch is its target, link 1 the instruction after it.
 */
#include "cpu/handlers.h"
#include "cpu/interp.h"

/* ip cut to the operand size and found legal, or #GP(0). */
ALWAYS_INLINE u64 target(struct cpu *cpu, const struct uop *u, unsigned size, u64 ip)
{
    ip &= size_mask(size);
    bool fine = size == 8 ? (u64)((i64)(ip << 16) >> 16) == ip : (cpu->mode & MODE_FLAT) != 0;
    if (unlikely(!fine)) {
        RAISES(cpu, u);
        branch_check(cpu, ip);
    }
    return ip;
}
ALWAYS_INLINE u64 relative(struct cpu *cpu, const struct uop *u, unsigned size)
{
    return target(cpu, u, size, cpu->gpr[SLOT_RIP] + u->imm);
}

/* ---- JMP ---- */
ALWAYS_INLINE const struct uop *jmp_i(struct cpu *cpu, const struct uop *u, unsigned size)
{
    return goto_direct(cpu, u, relative(cpu, u, size), 0);
}
ALWAYS_INLINE const struct uop *jmp_r(struct cpu *cpu, const struct uop *u, unsigned size)
{
    return goto_indirect(cpu, u, target(cpu, u, size, cpu->gpr[u->dst]));
}
ALWAYS_INLINE const struct uop *jmp_m(struct cpu *cpu, const struct uop *u, unsigned size)
{
    u64 ip = mem_read(cpu, uop_lin(cpu, u, size, false), size);
    return goto_indirect(cpu, u, target(cpu, u, size, ip));
}
BY_SIZE_248(jmp, jmp_i)
BY_SIZE_248(jmp, jmp_r)
BY_SIZE_248(jmp, jmp_m)
const struct uop_table uop_jmp = {
    {[FORM_I] = SIZES_248(jmp, jmp_i), [FORM_R] = SIZES_248(jmp, jmp_r), [FORM_M] = SIZES_248(jmp, jmp_m)}};

/* ---- CALL, RET ---- */
ALWAYS_INLINE void push_ip(struct cpu *cpu, const struct uop *u, unsigned size)
{
    RAISES(cpu, u);
    u64 sp = cpu->gpr[RSP] - size;
    u64 ip = cpu->gpr[SLOT_RIP] + u->pc_off + u->len;
    mem_write(cpu, size == 8 ? sp : stack_lin(cpu, sp, size, true), ip, size);
    if (size == 8)
        cpu->gpr[RSP] = sp;
    else
        sp_set(cpu, sp);
}
ALWAYS_INLINE const struct uop *call_i(struct cpu *cpu, const struct uop *u, unsigned size)
{
    u64 ip = relative(cpu, u, size);
    push_ip(cpu, u, size);
    return goto_direct(cpu, u, ip, 0);
}
ALWAYS_INLINE const struct uop *call_r(struct cpu *cpu, const struct uop *u, unsigned size)
{
    u64 ip = target(cpu, u, size, cpu->gpr[u->dst]);
    push_ip(cpu, u, size);
    return goto_indirect(cpu, u, ip);
}
ALWAYS_INLINE const struct uop *call_m(struct cpu *cpu, const struct uop *u, unsigned size)
{
    u64 ip = target(cpu, u, size, mem_read(cpu, uop_lin(cpu, u, size, false), size));
    push_ip(cpu, u, size);
    return goto_indirect(cpu, u, ip);
}
/* 'drop' bytes of arguments go too; outside 64-bit mode 16-bit IPs wrap with the stack's size. */
ALWAYS_INLINE const struct uop *ret_near(struct cpu *cpu, const struct uop *u, unsigned size, u64 drop)
{
    RAISES(cpu, u);
    u64 sp = cpu->gpr[RSP];
    u64 ip = mem_read(cpu, size == 8 ? sp : stack_lin(cpu, sp, size, false), size);
    ip = target(cpu, u, size, ip);
    if (size == 8)
        cpu->gpr[RSP] = sp + size + drop;
    else
        sp_set(cpu, sp + size + drop);
    return goto_indirect(cpu, u, ip);
}
ALWAYS_INLINE const struct uop *ret_0(struct cpu *cpu, const struct uop *u, unsigned size) { return ret_near(cpu, u, size, 0); }
ALWAYS_INLINE const struct uop *ret_i(struct cpu *cpu, const struct uop *u, unsigned size) { return ret_near(cpu, u, size, u->imm); }
BY_SIZE_248(call, call_i)
BY_SIZE_248(call, call_r)
BY_SIZE_248(call, call_m)
BY_SIZE_248(ret, ret_0)
BY_SIZE_248(ret, ret_i)
const struct uop_table uop_call = {
    {[FORM_I] = SIZES_248(call, call_i), [FORM_R] = SIZES_248(call, call_r), [FORM_M] = SIZES_248(call, call_m)}};
const struct uop_table uop_ret = {{[FORM_0] = SIZES_248(ret, ret_0), [FORM_I] = SIZES_248(ret, ret_i)}};

/* ---- conditional ---- */
ALWAYS_INLINE const struct uop *branch_if(struct cpu *cpu, const struct uop *u, unsigned size, bool taken)
{
    if (taken)
        return goto_direct(cpu, u, relative(cpu, u, size), 0);
    return goto_direct(cpu, u, uop_next_ip(cpu, u), 1);
}
ALWAYS_INLINE const struct uop *jcc(struct cpu *cpu, const struct uop *u, unsigned size, unsigned cc)
{
    return branch_if(cpu, u, size, flags_cond(cpu, cc));
}
#define JUMP_IF(cc, name)                                                                          \
    BY_SIZE_248(j##name, jcc, cc)                                                                  \
    const struct uop_table uop_j##name = {{[FORM_I] = SIZES_248(j##name, jcc)}};
CONDITIONS(JUMP_IF)

/* The counter has the address size; it is written only once the branch is known to be legal. */
ALWAYS_INLINE const struct uop *loop_if(struct cpu *cpu, const struct uop *u, unsigned size, bool condition)
{
    u64 count = addr_wrap(u, cpu->gpr[RCX] - 1);
    bool taken = count != 0 && condition;
    u64 ip = taken ? relative(cpu, u, size) : uop_next_ip(cpu, u);
    reg_set(cpu, RCX, u->asize, count);
    return goto_direct(cpu, u, ip, !taken);
}
ALWAYS_INLINE const struct uop *loop_i(struct cpu *cpu, const struct uop *u, unsigned size) { return loop_if(cpu, u, size, true); }
ALWAYS_INLINE const struct uop *loope_i(struct cpu *cpu, const struct uop *u, unsigned size) { return loop_if(cpu, u, size, flag_zf(cpu)); }
ALWAYS_INLINE const struct uop *loopne_i(struct cpu *cpu, const struct uop *u, unsigned size) { return loop_if(cpu, u, size, !flag_zf(cpu)); }
ALWAYS_INLINE const struct uop *jcxz_i(struct cpu *cpu, const struct uop *u, unsigned size)
{
    return branch_if(cpu, u, size, addr_wrap(u, cpu->gpr[RCX]) == 0);
}
BY_SIZE_248(loop, loop_i)
BY_SIZE_248(loop, loope_i)
BY_SIZE_248(loop, loopne_i)
BY_SIZE_248(loop, jcxz_i)
const struct uop_table uop_loop = {{[FORM_I] = SIZES_248(loop, loop_i)}};
const struct uop_table uop_loope = {{[FORM_I] = SIZES_248(loop, loope_i)}};
const struct uop_table uop_loopne = {{[FORM_I] = SIZES_248(loop, loopne_i)}};
const struct uop_table uop_jcxz = {{[FORM_I] = SIZES_248(loop, jcxz_i)}};

/* BOUND: two signed bounds in memory. */
static UOP_FN(bound)
{
    unsigned size = u->size;
    i64 index = (i64)sext(cpu->gpr[u->dst], size);
    i64 low = (i64)sext(mem_read(cpu, uop_lin(cpu, u, size, false), size), size);
    i64 high = (i64)sext(mem_read(cpu, uop_lin_off(cpu, u, size, size, false), size), size);
    if (index < low || index > high)
        cpu_raise(cpu, EXC_BR);
    NEXT(u);
}
const struct uop_table uop_bound = {{[FORM_RM] = ANY_SIZE(bound)}};
