/*
 * Near branches: JMP CALL RET Jcc LOOPcc JCXZ, and BOUND. Size is that of the
 * instruction pointer: 8 exists only in 64-bit mode, where only the canonical
 * check is left; elsewhere CS.limit counts unless the mode is flat. Link 0 of
 * a branch is its target, link 1 the instruction after it.
 */
#include "cpu/handlers.h"
#include "cpu/interp.h"

/*
 * Cuts *ip to the operand size and raises #GP(0) if it is not legal; a call that cannot push faults
 * for that first. False only if hot and in doubt.
 */
ALWAYS_INLINE bool target(struct cpu *cpu, const struct uop *u, unsigned size, bool hot, bool call, u64 *ip)
{
    *ip &= size_mask(size);
    bool fine = size == 8 ? (u64)((i64)(*ip << 16) >> 16) == *ip : *ip <= cpu->seg[CS].limit || (cpu->mode & MODE_FLAT);
    if (likely(fine))
        return true;
    if (hot)
        return false;
    RAISES(cpu, u);
    if (call)
        mem_probe_write(cpu, stack_at(cpu, cpu->gpr[RSP] - size, size, true), size, cpu->mmu_idx);
    branch_check(cpu, *ip);
    return true;
}
ALWAYS_INLINE bool relative(struct cpu *cpu, const struct uop *u, unsigned size, bool hot, bool call, u64 *ip)
{
    *ip = cpu->gpr[SLOT_RIP] + u->imm;
    return target(cpu, u, size, hot, call, ip);
}
ALWAYS_INLINE const struct uop *fall_through(struct cpu *cpu, const struct uop *u, unsigned size)
{
    u64 ip = size == 8 ? cpu->gpr[SLOT_RIP] + u->pc_off + u->len : uop_next_ip(cpu, u);
    return goto_direct(cpu, u, ip, 1);
}

/* ---- JMP ---- */
ALWAYS_INLINE const struct uop *jmp_i(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    u64 ip;
    if (!relative(cpu, u, size, cold, false, &ip))
        return cold(cpu, u);
    return goto_direct(cpu, u, ip, 0);
}
ALWAYS_INLINE const struct uop *jmp_r(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    u64 ip = cpu->gpr[u->dst];
    if (!target(cpu, u, size, cold, false, &ip))
        return cold(cpu, u);
    return goto_indirect(cpu, u, ip);
}
ALWAYS_INLINE const struct uop *jmp_m(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    u64 ip;
    if (!load(cpu, u, size, cold, &ip) || !target(cpu, u, size, cold, false, &ip))
        return cold(cpu, u);
    return goto_indirect(cpu, u, ip);
}
BY_SIZE_248_MEM(jmp, jmp_i)
BY_SIZE_248_MEM(jmp, jmp_r)
BY_SIZE_248_MEM(jmp, jmp_m)
const struct uop_table uop_jmp = {
    {[FORM_I] = SIZES_248(jmp, jmp_i), [FORM_R] = SIZES_248(jmp, jmp_r), [FORM_M] = SIZES_248(jmp, jmp_m)}};

/* ---- CALL, RET ---- */
/* The return address goes below the stack; rSP then follows. */
ALWAYS_INLINE bool push_ip(struct cpu *cpu, const struct uop *u, unsigned size, bool hot)
{
    if (!hot)
        RAISES(cpu, u);
    if (!push_below(cpu, size, hot, cpu->gpr[SLOT_RIP] + u->pc_off + u->len))
        return false;
    stack_move(cpu, size, cpu->gpr[RSP] - size);
    return true;
}
ALWAYS_INLINE const struct uop *call_i(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    u64 ip;
    if (!relative(cpu, u, size, cold, true, &ip) || !push_ip(cpu, u, size, cold))
        return cold(cpu, u);
    return goto_direct(cpu, u, ip, 0);
}
ALWAYS_INLINE const struct uop *call_r(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    u64 ip = cpu->gpr[u->dst];
    if (!target(cpu, u, size, cold, true, &ip) || !push_ip(cpu, u, size, cold))
        return cold(cpu, u);
    return goto_indirect(cpu, u, ip);
}
ALWAYS_INLINE const struct uop *call_m(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    u64 ip;
    if (!load(cpu, u, size, cold, &ip) || !target(cpu, u, size, cold, true, &ip) || !push_ip(cpu, u, size, cold))
        return cold(cpu, u);
    return goto_indirect(cpu, u, ip);
}
/* 'drop' bytes of arguments go too. */
ALWAYS_INLINE const struct uop *ret_near(struct cpu *cpu, const struct uop *u, unsigned size, u64 drop, uop_fn *cold)
{
    u64 sp = cpu->gpr[RSP], ip;
    if (!cold)
        RAISES(cpu, u);
    if (!peek_at(cpu, size, cold, sp, &ip) || !target(cpu, u, size, cold, false, &ip))
        return cold(cpu, u);
    stack_move(cpu, size, sp + size + drop);
    return goto_indirect(cpu, u, ip);
}
ALWAYS_INLINE const struct uop *ret_0(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    return ret_near(cpu, u, size, 0, cold);
}
ALWAYS_INLINE const struct uop *ret_i(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    return ret_near(cpu, u, size, u->imm, cold);
}
BY_SIZE_248_MEM(call, call_i)
BY_SIZE_248_MEM(call, call_r)
BY_SIZE_248_MEM(call, call_m)
BY_SIZE_248_MEM(ret, ret_0)
BY_SIZE_248_MEM(ret, ret_i)
const struct uop_table uop_call = {
    {[FORM_I] = SIZES_248(call, call_i), [FORM_R] = SIZES_248(call, call_r), [FORM_M] = SIZES_248(call, call_m)}};
const struct uop_table uop_ret = {{[FORM_0] = SIZES_248(ret, ret_0), [FORM_I] = SIZES_248(ret, ret_i)}};

/* ---- conditional ---- */
ALWAYS_INLINE const struct uop *branch_if(struct cpu *cpu, const struct uop *u, unsigned size, bool taken, uop_fn *cold)
{
    u64 ip;
    if (!taken)
        return fall_through(cpu, u, size);
    if (!relative(cpu, u, size, cold, false, &ip))
        return cold(cpu, u);
    return goto_direct(cpu, u, ip, 0);
}
ALWAYS_INLINE const struct uop *jcc(struct cpu *cpu, const struct uop *u, unsigned size, unsigned cc, uop_fn *cold)
{
    return branch_if(cpu, u, size, flags_cond(cpu, cc), cold);
}
#define JUMP_IF(cc, name)                                                                                              \
    BY_SIZE_248_MEM(j##name, jcc, cc)                                                                                  \
    const struct uop_table uop_j##name = {{[FORM_I] = SIZES_248(j##name, jcc)}};
CONDITIONS(JUMP_IF)

/* The counter has the address size; it is written only once the branch is known to be legal. */
ALWAYS_INLINE const struct uop *loop_if(struct cpu *cpu, const struct uop *u, unsigned size, bool condition,
                                        uop_fn *cold)
{
    u64 count = addr_wrap(u, cpu->gpr[RCX] - 1), ip;
    bool taken = count != 0 && condition;
    if (taken && !relative(cpu, u, size, cold, false, &ip))
        return cold(cpu, u);
    reg_set(cpu, RCX, u->asize, count);
    return taken ? goto_direct(cpu, u, ip, 0) : fall_through(cpu, u, size);
}
ALWAYS_INLINE const struct uop *loop_i(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    return loop_if(cpu, u, size, true, cold);
}
ALWAYS_INLINE const struct uop *loope_i(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    return loop_if(cpu, u, size, flag_zf(cpu), cold);
}
ALWAYS_INLINE const struct uop *loopne_i(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    return loop_if(cpu, u, size, !flag_zf(cpu), cold);
}
ALWAYS_INLINE const struct uop *jcxz_i(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    return branch_if(cpu, u, size, addr_wrap(u, cpu->gpr[RCX]) == 0, cold);
}
BY_SIZE_248_MEM(loop, loop_i)
BY_SIZE_248_MEM(loop, loope_i)
BY_SIZE_248_MEM(loop, loopne_i)
BY_SIZE_248_MEM(loop, jcxz_i)
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
