/*
 * MXCSR, as the rest of the CPU sees it. While guest code runs, the host's SSE
 * unit holds the guest's rounding mode, DAZ and FTZ with all exceptions masked
 * (cpu->sse_live), so that guest arithmetic costs one host instruction; sticky
 * flags gather there and are merged when somebody reads. So nobody looks at
 * cpu->mxcsr: read with cpu_mxcsr, write with cpu_set_mxcsr. Code called from
 * inside cpu_run that does floating point of its own (devices) stands between
 * sse_leave and sse_enter.
 */
#ifndef ORRERY_CPU_MXCSR_H
#define ORRERY_CPU_MXCSR_H

#include "cpu/state.h"

/* SDM vol. 1, 10.2.3. A mask bit is its flag bit shifted by MXCSR_MASK_SHIFT. */
enum mxcsr_bits {
    MXCSR_IE = BIT(0),
    MXCSR_DE = BIT(1),
    MXCSR_ZE = BIT(2),
    MXCSR_OE = BIT(3),
    MXCSR_UE = BIT(4),
    MXCSR_PE = BIT(5),
    MXCSR_FLAGS = 0x3f,
    MXCSR_DAZ = BIT(6),
    MXCSR_MASK_SHIFT = 7,
    MXCSR_MASKS = 0x3f << 7,
    MXCSR_RC_SHIFT = 13,
    MXCSR_RC = 3 << 13,
    MXCSR_FTZ = BIT(15),
    MXCSR_RESET = 0x1f80,
    MXCSR_WRITABLE = 0xffff, /* the MXCSR_MASK that FXSAVE stores; other bits set: #GP(0) */
};

/* cpu_run calls these around guest code; each does nothing when already so. */
void sse_enter(struct cpu *cpu);
void sse_leave(struct cpu *cpu);
/* The guest's MXCSR with its sticky flags up to date. */
u32 cpu_mxcsr(struct cpu *cpu);
/* v: checked against MXCSR_WRITABLE by the caller. Also after reset and restore. */
void cpu_set_mxcsr(struct cpu *cpu, u32 v);

#endif
