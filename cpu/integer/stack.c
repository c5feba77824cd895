/*
 * PUSH and POP of general registers, memory and immediates, PUSHA, POPA,
 * ENTER, LEAVE. rSP moves after everything that can fault.
 */
#include "cpu/handlers.h"

ALWAYS_INLINE const struct uop *push_value(struct cpu *cpu, const struct uop *u, unsigned size, u64 v, uop_fn *cold)
{
    if (!cold)
        RAISES(cpu, u);
    if (!push_below(cpu, size, cold, v))
        return cold(cpu, u);
    stack_move(cpu, size, cpu->gpr[RSP] - size);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *push_r(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    return push_value(cpu, u, size, cpu->gpr[u->dst], cold);
}
ALWAYS_INLINE const struct uop *push_i(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    return push_value(cpu, u, size, u->imm, cold);
}
ALWAYS_INLINE const struct uop *push_m(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    u64 v;
    if (!load(cpu, u, size, cold, &v))
        return cold(cpu, u);
    return push_value(cpu, u, size, v, cold);
}
ALWAYS_INLINE const struct uop *pop_r(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    u64 sp = cpu->gpr[RSP], v;
    if (!cold)
        RAISES(cpu, u);
    if (!peek_at(cpu, size, cold, sp, &v))
        return cold(cpu, u);
    stack_move(cpu, size, sp + size);
    reg_set(cpu, u->dst, size, v);
    NEXT(u);
}
/* POP to memory addressed by rSP uses the value rSP will have. */
ALWAYS_INLINE const struct uop *pop_m(struct cpu *cpu, const struct uop *u, unsigned size)
{
    RAISES(cpu, u);
    u64 sp = cpu->gpr[RSP], mask = cpu->sp_mask;
    u64 v = mem_read(cpu, stack_at(cpu, sp, size, false), size);
    u64 moved = (sp & ~mask) | ((sp + size) & mask);
    u64 ea = uop_ea(cpu, u);
    if (u->base == RSP)
        ea = addr_wrap(u, ea + moved - sp);
    mem_write(cpu, lin_at(cpu, u, u->seg, ea, size, true), v, size);
    cpu->gpr[RSP] = moved;
    NEXT(u);
}
BY_SIZE_248_MEM(push, push_r)
BY_SIZE_248_MEM(push, push_i)
BY_SIZE_248_MEM(push, push_m)
BY_SIZE_248_MEM(pop, pop_r)
BY_SIZE_248(pop, pop_m)
const struct uop_table uop_push = {
    {[FORM_R] = SIZES_248(push, push_r), [FORM_I] = SIZES_248(push, push_i), [FORM_M] = SIZES_248(push, push_m)}};
const struct uop_table uop_pop = {{[FORM_R] = SIZES_248(pop, pop_r), [FORM_M] = SIZES_248(pop, pop_m)}};

/* rAX first and highest, rDI lowest; the rSP pushed is the one from before. */
static UOP_FN(pusha)
{
    RAISES(cpu, u);
    unsigned size = u->size;
    u64 sp = cpu->gpr[RSP];
    for (unsigned r = RAX; r <= RDI; r++)
        mem_write(cpu, stack_lin(cpu, sp - (r + 1) * size, size, true), cpu->gpr[r], size);
    sp_set(cpu, sp - 8 * size);
    NEXT(u);
}
/* Register by register, as silicon does: a fault in the middle leaves those before it loaded, and rSP. */
static UOP_FN(popa)
{
    RAISES(cpu, u);
    unsigned size = u->size;
    for (unsigned i = 0; i < 8; i++) {
        u64 v = stack_peek(cpu, i * size, size);
        if (RDI - i != RSP)
            reg_set(cpu, RDI - i, size, v);
    }
    sp_set(cpu, cpu->gpr[RSP] + 8 * size);
    NEXT(u);
}
const struct uop_table uop_pusha = {{[FORM_0] = ANY_SIZE(pusha)}};
const struct uop_table uop_popa = {{[FORM_0] = ANY_SIZE(popa)}};

/* imm bytes of locals, level disp mod 32. The new top of the stack must be writable. */
static UOP_FN(enter)
{
    RAISES(cpu, u);
    unsigned size = u->size, level = (u32)u->disp & 31;
    u64 sp = cpu->gpr[RSP] - size, bp = cpu->gpr[RBP];
    mem_write(cpu, stack_lin(cpu, sp, size, true), bp, size);
    u64 frame = (cpu->gpr[RSP] & ~cpu->sp_mask) | (sp & cpu->sp_mask);
    for (unsigned i = 1; i < level; i++) {
        bp -= size;
        u64 v = mem_read(cpu, stack_lin(cpu, bp, size, false), size);
        sp -= size;
        mem_write(cpu, stack_lin(cpu, sp, size, true), v, size);
    }
    if (level > 0) {
        sp -= size;
        mem_write(cpu, stack_lin(cpu, sp, size, true), frame, size);
    }
    sp -= u->imm;
    mem_probe_write(cpu, stack_lin(cpu, sp, size, true), size, cpu->mmu_idx);
    sp_set(cpu, sp);
    /* rBP has the operand size, whatever the stack's: above a 16-bit stack it gets ESP's upper half. */
    reg_set(cpu, RBP, size, (cpu->gpr[RSP] & ~cpu->sp_mask) | (frame & cpu->sp_mask));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *leave_0(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    u64 bp = cpu->gpr[RBP], v;
    if (!cold)
        RAISES(cpu, u);
    if (!peek_at(cpu, size, cold, bp, &v))
        return cold(cpu, u);
    stack_move(cpu, size, bp + size);
    reg_set(cpu, RBP, size, v);
    NEXT(u);
}
BY_SIZE_248_MEM(leave, leave_0)
const struct uop_table uop_enter = {{[FORM_I] = ANY_SIZE(enter)}};
const struct uop_table uop_leave = {{[FORM_0] = SIZES_248(leave, leave_0)}};
