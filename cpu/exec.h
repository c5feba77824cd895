/*
 * What the C function of a micro-op is written with: the next one, the
 * registers it names, where its instruction is.
 */
#ifndef ORRERY_CPU_EXEC_H
#define ORRERY_CPU_EXEC_H

#include "cpu/state.h"
#include "cpu/uop.h"

/*
 * With tail calls a uop jumps straight to the next; without (debug, sanitizers)
 * it returns to the loop. The build chooses.
 */
#ifdef ORRERY_THREADED
#define THREAD(cpu, u) (u)->fn(cpu, u)
#else
#define THREAD(cpu, u) (u)
#endif
#define NEXT(u)      return THREAD(cpu, (u) + 1)
#define UOP_FN(name) const struct uop *name(struct cpu *cpu, const struct uop *u)
/* First statement of a handler that may raise without touching memory. */
#define RAISES(cpu, u) ((cpu)->cur = (u))

/* Register access by slot; writes follow the architecture (32-bit ones clear the upper half). */
ALWAYS_INLINE u64 reg_get(const struct cpu *cpu, unsigned slot, unsigned size)
{
    return size == 1   ? ((const u8 *)cpu->gpr)[slot]
           : size == 2 ? (u16)cpu->gpr[slot]
           : size == 4 ? (u32)cpu->gpr[slot]
                       : cpu->gpr[slot];
}
ALWAYS_INLINE void reg_set(struct cpu *cpu, unsigned slot, unsigned size, u64 v)
{
    if (size == 1)
        ((u8 *)cpu->gpr)[slot] = (u8)v;
    else if (size == 2)
        cpu->gpr[slot] = (cpu->gpr[slot] & ~0xffffull) | (u16)v;
    else if (size == 4)
        cpu->gpr[slot] = (u32)v;
    else
        cpu->gpr[slot] = v;
}

/*
 * EIP of the instruction u belongs to, and of the one after it. 16-bit code that runs on past FFFFh does not wrap: EIP
 * is 10000h then, and beyond most segments' limit.
 */
ALWAYS_INLINE u64 ip_mask(const struct cpu *cpu)
{
    return (cpu->mode & MODE_CODE) == MODE_CODE64 ? ~0ull : 0xffffffffull;
}
ALWAYS_INLINE u64 uop_ip(const struct cpu *cpu, const struct uop *u)
{
    return (cpu->gpr[SLOT_RIP] + u->pc_off) & ip_mask(cpu);
}
ALWAYS_INLINE u64 uop_next_ip(const struct cpu *cpu, const struct uop *u)
{
    return (cpu->gpr[SLOT_RIP] + u->pc_off + u->len) & ip_mask(cpu);
}

#endif
