/* RCPSS and RSQRTSS of one single: ours on every host (fp_sse_estimate.c). */
#ifndef ORRERY_CPU_FP_SSE_ESTIMATE_H
#define ORRERY_CPU_FP_SSE_ESTIMATE_H

#include "cpu/base.h"

u32 fp_estimate_reciprocal(u32 x);
u32 fp_estimate_root(u32 x);
#ifdef __x86_64__
/* Whether the host's own instructions give the same, to the last bit: asks it. */
bool fp_host_estimates_alike(void);
#endif

#endif
