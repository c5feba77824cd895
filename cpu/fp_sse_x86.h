/*
 * Guest SSE arithmetic by the host's own SSE2 unit. Everything is volatile
 * inline assembler on registers: the compiler may neither fold it, nor move it
 * across a change of MXCSR, nor swap operands, which would change which NaN
 * comes out. Included by fp_sse.h alone.
 */
#ifndef ORRERY_CPU_FP_SSE_X86_H
#define ORRERY_CPU_FP_SSE_X86_H

#include "cpu/mxcsr.h"

ALWAYS_INLINE u32 fp_host_get(void)
{
    u32 v;
    __asm__ volatile("stmxcsr %0" : "=m"(v) : : "memory");
    return v;
}
ALWAYS_INLINE void fp_host_set(u32 v) { __asm__ volatile("ldmxcsr %0" : : "m"(v) : "memory"); }

#endif
