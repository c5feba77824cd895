/*
 * What of a CPU's state only the translator has: where guest state is while its code runs. It lies right before
 * struct cpu, so that emitted code reaches it from the same register by short displacements.
 */
#ifndef ORRERY_JIT_STATE_H
#define ORRERY_JIT_STATE_H

#include "cpu/state.h"

struct jit_state {
    u64 group[16];         /* host addends that accesses of one page share within a translated block */
    void *jump[MMU_COUNT]; /* translated code by virtual address */
    u64 x87_page;
    u32 x87_last; /* FOP, FIP and FCS to be noted: BIT(31) | FOP << 12 | offset in x87_page */
    /* What links across pages were made under: [0] bumped by every flush, [1] by global ones. */
    u32 map_gen[2];
    u32 flags;     /* arithmetic flags between translated blocks, as the backend keeps them (its flags.h) */
    u8 vec_live;   /* so many of xmm[], the first ones, are in the host's registers: 0, 8 or 16 */
    bool x87_live; /* fpu is in the host's x87 */
    u8 x87_seg;    /* while it is: 1 + number of the segment to be noted in FDS; 0: none */
};
static_assert(sizeof(struct jit_state) <= CPU_ENGINE_ROOM && CPU_ENGINE_ROOM % _Alignof(struct jit_state) == 0, "room");

/* cpu_create's alone have it. */
ALWAYS_INLINE struct jit_state *jit_state(const struct cpu *cpu) { return (struct jit_state *)cpu - 1; }

#endif
