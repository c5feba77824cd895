/*
 * MMX registers are the significands of the x87's: what any instruction that
 * touches one does first and how it reads and writes them. For mmx.c and for
 * the SSE instructions with an MMX operand.
 */
#ifndef ORRERY_CPU_MMX_H
#define ORRERY_CPU_MMX_H

#include "cpu/x87/x87.h"

/*
 * First statement of a handler with an MMX operand, before any memory access:
 * pending x87 exceptions are reported, then (MMX_ENTER, once nothing can fault
 * any more) TOP becomes 0 and every register valid.
 */
#define MMX_WAIT(cpu, u) X87_WAIT(cpu, u)
ALWAYS_INLINE void MMX_ENTER(struct cpu *cpu)
{
    cpu->fpu.top = 0;
    cpu->fpu.ftw = 0xff;
}
ALWAYS_INLINE u64 mmx_get(const struct cpu *cpu, unsigned n) { return cpu->fpu.reg[n & 7].man; }
/* A write sets sign and exponent to ones. */
ALWAYS_INLINE void mmx_set(struct cpu *cpu, unsigned n, u64 v)
{
    cpu->fpu.reg[n & 7].man = v;
    cpu->fpu.reg[n & 7].se = 0xffff;
}
/* MASKMOVQ's operand, 'at' bytes past seg:rDI, in two steps: all eight bytes may be written, whatever the mask; */
struct area masked_area(struct cpu *cpu, const struct uop *u, unsigned at);
/* then those of v whose mask byte is negative go there. */
void store_masked(struct cpu *cpu, const struct area *a, u64 v, u64 mask);

#endif
