/* mxcsr.h: who owns the MXCSR that arithmetic runs under, the host's or fp_sse_soft.h's, and what goes with it. */
#include "cpu/vec/fp_sse.h"

/* The host runs guest arithmetic with everything masked and no flags pending. */
static u32 host_control(u32 guest) { return (guest & (MXCSR_RC | MXCSR_DAZ | MXCSR_FTZ)) | MXCSR_MASKS; }

void sse_enter(struct cpu *cpu)
{
    if (cpu->sse_live)
        return;
    cpu->sse_host_mxcsr = fp_host_get();
    cpu->sse_checked = (cpu->mxcsr & MXCSR_MASKS) != MXCSR_MASKS;
    fp_host_set(host_control(cpu->mxcsr));
    cpu->sse_live = true;
}

void sse_leave(struct cpu *cpu)
{
    if (!cpu->sse_live)
        return;
    cpu->mxcsr |= fp_host_get() & MXCSR_FLAGS;
    fp_host_set(cpu->sse_host_mxcsr);
    cpu->sse_live = false;
}

u32 cpu_mxcsr(struct cpu *cpu)
{
    if (cpu->sse_live)
        cpu->mxcsr |= fp_host_get() & MXCSR_FLAGS;
    return cpu->mxcsr;
}

void cpu_set_mxcsr(struct cpu *cpu, u32 v)
{
    cpu->mxcsr = v;
    cpu->sse_checked = (v & MXCSR_MASKS) != MXCSR_MASKS;
    if (cpu->sse_live)
        fp_host_set(host_control(v));
}
