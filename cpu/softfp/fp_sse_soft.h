/*
 * Guest SSE arithmetic in software, for hosts without such a unit: the same
 * functions as fp_sse_x86.h, each a row of what fp_sse_soft.c can do with a
 * lane. Included by fp_sse.h alone.
 */
#ifndef ORRERY_CPU_FP_SSE_SOFT_H
#define ORRERY_CPU_FP_SSE_SOFT_H

#include "cpu/vec/mxcsr.h"
#include "cpu/softfp/fp_sse_estimate.h"
#include "cpu/vec/vec.h"

/* The MXCSR of this thread's unit, as a host would have one. */
extern _Thread_local u32 fp_soft_mxcsr;
ALWAYS_INLINE u32 fp_host_get(void) { return fp_soft_mxcsr; }
ALWAYS_INLINE void fp_host_set(u32 v) { fp_soft_mxcsr = v; }
ALWAYS_INLINE void fp_raise(u32 flags) { fp_soft_mxcsr |= flags; }

enum fp_soft_op {
    SOFT_ADD,
    SOFT_SUB,
    SOFT_MUL,
    SOFT_DIV,
    SOFT_MIN,
    SOFT_MAX,
    SOFT_SQRT,
    SOFT_RCP,
    SOFT_RSQRT,
    SOFT_COMPARE, /* + predicate 0..7 */
};
/* On the lowest 'lanes' lanes of 'elem' bytes; the others stay a's. */
v128 fp_soft_lanes(unsigned op, unsigned elem, unsigned lanes, v128 a, v128 b);
/* FL_ZF, FL_PF, FL_CF; quiet: QNaNs raise nothing. */
u32 fp_soft_compare_flags(unsigned elem, bool quiet, v128 a, v128 b);
/* Of the lowest lane, to 'bits' bits. */
u64 fp_soft_to_integer(unsigned elem, unsigned bits, bool chop, v128 b);
/* To 'lanes' dwords, the others 0; and from as many. */
v128 fp_soft_to_dwords(unsigned elem, unsigned lanes, bool chop, v128 b);
v128 fp_soft_from_dwords(unsigned elem, unsigned lanes, v128 b);
/* Into the lowest lane. */
v128 fp_soft_from_integer(unsigned elem, v128 a, i64 v);
/* 'lanes' singles to doubles or, from_elem 8, the reverse; lanes that remain come from a. */
v128 fp_soft_resize(unsigned from_elem, unsigned lanes, v128 a, v128 b);
v128 fp_muladd_soft(unsigned which, unsigned elem, unsigned lanes, v128 a, v128 b, v128 c);

#define FP_LANES(name, op, elem, lanes)                                                                                \
    VEC_KERNEL(fp_##name) { return fp_soft_lanes(op, elem, lanes, a, b); }
#define FP_ALL(name, op)                                                                                               \
    FP_LANES(name##ps, op, 4, 4)                                                                                       \
    FP_LANES(name##pd, op, 8, 2)                                                                                       \
    FP_LANES(name##ss, op, 4, 1)                                                                                       \
    FP_LANES(name##sd, op, 8, 1)
FP_ALL(add, SOFT_ADD)
FP_ALL(sub, SOFT_SUB)
FP_ALL(mul, SOFT_MUL)
FP_ALL(div, SOFT_DIV)
FP_ALL(min, SOFT_MIN)
FP_ALL(max, SOFT_MAX)
FP_ALL(sqrt, SOFT_SQRT)
FP_LANES(rcpps, SOFT_RCP, 4, 4)
FP_LANES(rcpss, SOFT_RCP, 4, 1)
FP_LANES(rsqrtps, SOFT_RSQRT, 4, 4)
FP_LANES(rsqrtss, SOFT_RSQRT, 4, 1)
FP_ALL(cmpeq, SOFT_COMPARE + 0)
FP_ALL(cmplt, SOFT_COMPARE + 1)
FP_ALL(cmple, SOFT_COMPARE + 2)
FP_ALL(cmpunord, SOFT_COMPARE + 3)
FP_ALL(cmpneq, SOFT_COMPARE + 4)
FP_ALL(cmpnlt, SOFT_COMPARE + 5)
FP_ALL(cmpnle, SOFT_COMPARE + 6)
FP_ALL(cmpord, SOFT_COMPARE + 7)

ALWAYS_INLINE u32 fp_comiss(v128 a, v128 b) { return fp_soft_compare_flags(4, false, a, b); }
ALWAYS_INLINE u32 fp_comisd(v128 a, v128 b) { return fp_soft_compare_flags(8, false, a, b); }
ALWAYS_INLINE u32 fp_ucomiss(v128 a, v128 b) { return fp_soft_compare_flags(4, true, a, b); }
ALWAYS_INLINE u32 fp_ucomisd(v128 a, v128 b) { return fp_soft_compare_flags(8, true, a, b); }

VEC_KERNEL(fp_cvtss2sd) { return fp_soft_resize(4, 1, a, b); }
VEC_KERNEL(fp_cvtsd2ss) { return fp_soft_resize(8, 1, a, b); }
VEC_KERNEL(fp_cvtps2pd) { return fp_soft_resize(4, 2, a, b); }
VEC_KERNEL(fp_cvtpd2ps) { return fp_soft_resize(8, 2, (v128){0, 0}, b); }
VEC_KERNEL(fp_cvtdq2ps) { return fp_soft_from_dwords(4, 4, b); }
VEC_KERNEL(fp_cvtdq2pd) { return fp_soft_from_dwords(8, 2, b); }
VEC_KERNEL(fp_cvtps2dq) { return fp_soft_to_dwords(4, 4, false, b); }
VEC_KERNEL(fp_cvttps2dq) { return fp_soft_to_dwords(4, 4, true, b); }
VEC_KERNEL(fp_cvtpd2dq) { return fp_soft_to_dwords(8, 2, false, b); }
VEC_KERNEL(fp_cvttpd2dq) { return fp_soft_to_dwords(8, 2, true, b); }

#define FP_SCALAR_INTEGER(name, elem, bits)                                                                            \
    ALWAYS_INLINE u64 fp_cvt##name##2si##bits(v128 b) { return fp_soft_to_integer(elem, bits, false, b); }             \
    ALWAYS_INLINE u64 fp_cvtt##name##2si##bits(v128 b) { return fp_soft_to_integer(elem, bits, true, b); }             \
    ALWAYS_INLINE v128 fp_cvtsi2##name##bits(v128 a, u64 v) { return fp_soft_from_integer(elem, a, (i##bits)v); }
FP_SCALAR_INTEGER(ss, 4, 32)
FP_SCALAR_INTEGER(ss, 4, 64)
FP_SCALAR_INTEGER(sd, 8, 32)
FP_SCALAR_INTEGER(sd, 8, 64)

/* Fused multiply-add: which is operation * 4 + order (fp_sse.h). */
ALWAYS_INLINE bool fp_host_has_fma(void) { return true; }
ALWAYS_INLINE v128 fp_fma_ps(unsigned which, v128 a, v128 b, v128 c) { return fp_muladd_soft(which, 4, 4, a, b, c); }
ALWAYS_INLINE v128 fp_fma_pd(unsigned which, v128 a, v128 b, v128 c) { return fp_muladd_soft(which, 8, 2, a, b, c); }
ALWAYS_INLINE v128 fp_fma_ss(unsigned which, v128 a, v128 b, v128 c) { return fp_muladd_soft(which, 4, 1, a, b, c); }
ALWAYS_INLINE v128 fp_fma_sd(unsigned which, v128 a, v128 b, v128 c) { return fp_muladd_soft(which, 8, 1, a, b, c); }

#endif
