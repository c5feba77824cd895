/*
 * The seam between SSE/AVX floating point and the host: elementary operations
 * on 128-bit vectors with x86's results, NaN rules and sticky flags under the
 * guest's MXCSR (mxcsr.h). One implementation per kind of host; nothing above
 * this header knows which.
 */
#ifndef ORRERY_CPU_FP_SSE_H
#define ORRERY_CPU_FP_SSE_H

#include "cpu/vec/mxcsr.h"
#include "cpu/vec/vec.h"

/* Which factor is which, and the operation: how FMA rows number themselves (aux = operation * 4 + order). */
enum fma_order { FMA_132, FMA_213, FMA_231 };
enum fma_operation { FMA_ADD, FMA_SUB, FMA_NEGATED_ADD, FMA_NEGATED_SUB, FMA_ADDSUB, FMA_SUBADD };

#ifdef ORRERY_SOFTFP
#include "cpu/softfp/fp_sse_soft.h"
#else
#include "cpu/vec/fp_sse_x86.h"
#endif

#endif
