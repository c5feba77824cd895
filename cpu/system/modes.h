/*
 * Questions about the mode a processor is in, for whoever needs to know no more
 * of the system side.
 */
#ifndef ORRERY_CPU_MODES_H
#define ORRERY_CPU_MODES_H

#include "cpu/system/cpuid.h"

ALWAYS_INLINE bool is_protected(const struct cpu *cpu) { return cpu->cr0 & CR0_PE; }
ALWAYS_INLINE bool is_v86(const struct cpu *cpu) { return cpu->eflags & FL_VM; }
/* Real mode or V86: selectors are paragraphs. */
ALWAYS_INLINE bool is_real_like(const struct cpu *cpu) { return !is_protected(cpu) || is_v86(cpu); }
ALWAYS_INLINE bool is_long(const struct cpu *cpu) { return cpu->efer & EFER_LMA; }
ALWAYS_INLINE bool is_code64(const struct cpu *cpu) { return (cpu->mode & MODE_CODE) == MODE_CODE64; }
ALWAYS_INLINE unsigned iopl(const struct cpu *cpu) { return (cpu->eflags & FL_IOPL) >> 12; }
ALWAYS_INLINE bool is_canonical(u64 lin) { return (u64)((i64)(lin << 16) >> 16) == lin; }
ALWAYS_INLINE bool is_amd(const struct cpu *cpu) { return cpu_has(cpu, FEAT_AMD); }

/* mmu_idx of explicit accesses at that privilege, EFLAGS.AC as it is. */
ALWAYS_INLINE unsigned idx_for_cpl(const struct cpu *cpu, unsigned cpl)
{
    bool ac = cpu->eflags & FL_AC;
    if (cpl == 3)
        return ac && (cpu->cr0 & CR0_AM) ? MMU_USER_AC : MMU_USER;
    return (cpu->cr4 & CR4_SMAP) && !ac ? MMU_KERNEL_SMAP : MMU_KERNEL;
}

#endif
