/*
 * Guest SSE arithmetic by the host's own SSE2 unit. Everything is volatile
 * inline assembler on registers: the compiler may neither fold it, nor move it
 * across a change of MXCSR, nor swap operands, which would change which NaN
 * comes out. What SSE3 and later added is composed from SSE2 above this seam,
 * so that the oldest x86-64 host will do. Included by fp_sse.h alone.
 */
#ifndef ORRERY_CPU_FP_SSE_X86_H
#define ORRERY_CPU_FP_SSE_X86_H

#include "cpu/softfp/fp_sse_estimate.h"
#include "cpu/vec/mxcsr.h"
#include "cpu/vec/vec.h"

ALWAYS_INLINE u32 fp_host_get(void)
{
    u32 v;
    __asm__ volatile("stmxcsr %0" : "=m"(v) : : "memory");
    return v;
}
ALWAYS_INLINE void fp_host_set(u32 v) { __asm__ volatile("ldmxcsr %0" : : "m"(v) : "memory"); }
/* Makes flags sticky, for operations done in software. */
ALWAYS_INLINE void fp_raise(u32 flags)
{
    u32 v = fp_host_get();
    if (flags & ~v)
        fp_host_set(v | flags);
}

/* a = a op b: of two NaNs a's wins. Scalar forms keep the rest of a. */
#define FP_BINARY(name)                                                                                                \
    VEC_KERNEL(fp_##name)                                                                                              \
    {                                                                                                                  \
        __asm__ volatile(#name " %1, %0" : "+x"(a) : "x"(b));                                                          \
        return a;                                                                                                      \
    }
FP_BINARY(addps)
FP_BINARY(addpd)
FP_BINARY(addss)
FP_BINARY(addsd)
FP_BINARY(subps)
FP_BINARY(subpd)
FP_BINARY(subss)
FP_BINARY(subsd)
FP_BINARY(mulps)
FP_BINARY(mulpd)
FP_BINARY(mulss)
FP_BINARY(mulsd)
FP_BINARY(divps)
FP_BINARY(divpd)
FP_BINARY(divss)
FP_BINARY(divsd)
FP_BINARY(minps)
FP_BINARY(minpd)
FP_BINARY(minss)
FP_BINARY(minsd)
FP_BINARY(maxps)
FP_BINARY(maxpd)
FP_BINARY(maxss)
FP_BINARY(maxsd)
FP_BINARY(sqrtss)
FP_BINARY(sqrtsd)
FP_BINARY(cvtss2sd)
FP_BINARY(cvtsd2ss)

/* Of b alone. */
#define FP_UNARY(name)                                                                                                 \
    VEC_KERNEL(fp_##name)                                                                                              \
    {                                                                                                                  \
        __asm__ volatile(#name " %1, %0" : "=x"(a) : "x"(b));                                                          \
        return a;                                                                                                      \
    }
FP_UNARY(sqrtps)
FP_UNARY(sqrtpd)
/* Estimates differ from maker to maker: not the host's. */
#define FP_ESTIMATE(name, of, lanes)                                                                                   \
    VEC_KERNEL(fp_##name)                                                                                              \
    {                                                                                                                  \
        u32 to[4], from[4];                                                                                            \
        memcpy(to, &a, 16);                                                                                            \
        memcpy(from, &b, 16);                                                                                          \
        for (unsigned i = 0; i < (lanes); i++)                                                                         \
            to[i] = of(from[i]);                                                                                       \
        memcpy(&a, to, 16);                                                                                            \
        return a;                                                                                                      \
    }
FP_ESTIMATE(rcpss, fp_estimate_reciprocal, 1)
FP_ESTIMATE(rcpps, fp_estimate_reciprocal, 4)
FP_ESTIMATE(rsqrtss, fp_estimate_root, 1)
FP_ESTIMATE(rsqrtps, fp_estimate_root, 4)
FP_UNARY(cvtdq2ps)
FP_UNARY(cvtps2dq)
FP_UNARY(cvttps2dq)
FP_UNARY(cvtdq2pd)
FP_UNARY(cvtpd2dq)
FP_UNARY(cvttpd2dq)
FP_UNARY(cvtps2pd)
FP_UNARY(cvtpd2ps)

/* Comparisons to masks; predicates 0..7. EQ UNORD NEQ ORD are quiet, LT LE NLT NLE signal QNaNs. */
#define FP_COMPARE(type)                                                                                               \
    FP_BINARY(cmpeq##type)                                                                                             \
    FP_BINARY(cmplt##type)                                                                                             \
    FP_BINARY(cmple##type)                                                                                             \
    FP_BINARY(cmpunord##type)                                                                                          \
    FP_BINARY(cmpneq##type)                                                                                            \
    FP_BINARY(cmpnlt##type)                                                                                            \
    FP_BINARY(cmpnle##type)                                                                                            \
    FP_BINARY(cmpord##type)
FP_COMPARE(ps)
FP_COMPARE(pd)
FP_COMPARE(ss)
FP_COMPARE(sd)

/* Comparison to flags: FL_ZF FL_PF FL_CF as COMISS sets them. */
#define FP_COMPARE_FLAGS(name)                                                                                         \
    ALWAYS_INLINE u32 fp_##name(v128 a, v128 b)                                                                        \
    {                                                                                                                  \
        bool zf, pf, cf;                                                                                               \
        __asm__ volatile(#name " %4, %3" : "=@ccz"(zf), "=@ccp"(pf), "=@ccc"(cf) : "x"(a), "x"(b));                    \
        return (zf ? FL_ZF : 0u) | (pf ? FL_PF : 0u) | (cf ? FL_CF : 0u);                                              \
    }
FP_COMPARE_FLAGS(comiss)
FP_COMPARE_FLAGS(comisd)
FP_COMPARE_FLAGS(ucomiss)
FP_COMPARE_FLAGS(ucomisd)

/* To and from general registers. */
#define FP_TO_INTEGER(name, insn, type)                                                                                \
    ALWAYS_INLINE u64 fp_##name(v128 b)                                                                                \
    {                                                                                                                  \
        type r;                                                                                                        \
        __asm__ volatile(insn " %1, %0" : "=r"(r) : "x"(b));                                                           \
        return r;                                                                                                      \
    }
FP_TO_INTEGER(cvtss2si32, "cvtss2si", u32)
FP_TO_INTEGER(cvtss2si64, "cvtss2si", u64)
FP_TO_INTEGER(cvtsd2si32, "cvtsd2si", u32)
FP_TO_INTEGER(cvtsd2si64, "cvtsd2si", u64)
FP_TO_INTEGER(cvttss2si32, "cvttss2si", u32)
FP_TO_INTEGER(cvttss2si64, "cvttss2si", u64)
FP_TO_INTEGER(cvttsd2si32, "cvttsd2si", u32)
FP_TO_INTEGER(cvttsd2si64, "cvttsd2si", u64)
#define FP_FROM_INTEGER(name, insn, type)                                                                              \
    ALWAYS_INLINE v128 fp_##name(v128 a, u64 v)                                                                        \
    {                                                                                                                  \
        __asm__ volatile(insn " %1, %0" : "+x"(a) : "r"((type)v));                                                     \
        return a;                                                                                                      \
    }
FP_FROM_INTEGER(cvtsi2ss32, "cvtsi2ssl", u32)
FP_FROM_INTEGER(cvtsi2ss64, "cvtsi2ssq", u64)
FP_FROM_INTEGER(cvtsi2sd32, "cvtsi2sdl", u32)
FP_FROM_INTEGER(cvtsi2sd64, "cvtsi2sdq", u64)

/*
 * Fused multiply-add: a is the destination, b VEX.vvvv, c the last operand;
 * which: operation * 4 + order (fp_sse.h). NaNs go by position, so
 * every order is its own instruction.
 */
#define FP_FMA_CASE(number, insn)                                                                                      \
    case number:                                                                                                       \
        __asm__ volatile(insn " %2, %1, %0" : "+x"(a) : "x"(b), "x"(c));                                               \
        break;
#define FP_FMA_ORDERS(op, name, type)                                                                                  \
    FP_FMA_CASE((op)*4 + FMA_132, "vf" name "132" type)                                                                \
    FP_FMA_CASE((op)*4 + FMA_213, "vf" name "213" type)                                                                \
    FP_FMA_CASE((op)*4 + FMA_231, "vf" name "231" type)
#define FP_FMA_FOUR(type)                                                                                              \
    FP_FMA_ORDERS(FMA_ADD, "madd", type)                                                                               \
    FP_FMA_ORDERS(FMA_SUB, "msub", type)                                                                               \
    FP_FMA_ORDERS(FMA_NEGATED_ADD, "nmadd", type)                                                                      \
    FP_FMA_ORDERS(FMA_NEGATED_SUB, "nmsub", type)
#define FP_FMA_SIX(type)                                                                                               \
    FP_FMA_FOUR(type)                                                                                                  \
    FP_FMA_ORDERS(FMA_ADDSUB, "maddsub", type)                                                                         \
    FP_FMA_ORDERS(FMA_SUBADD, "msubadd", type)
#define FP_FMA(name, type, cases)                                                                                      \
    ALWAYS_INLINE v128 name(unsigned which, v128 a, v128 b, v128 c)                                                    \
    {                                                                                                                  \
        switch (which) {                                                                                               \
            cases(type) default : break;                                                                               \
        }                                                                                                              \
        return a;                                                                                                      \
    }
FP_FMA(fp_fma_ps, "ps", FP_FMA_SIX)
FP_FMA(fp_fma_pd, "pd", FP_FMA_SIX)
FP_FMA(fp_fma_ss, "ss", FP_FMA_FOUR)
FP_FMA(fp_fma_sd, "sd", FP_FMA_FOUR)
/* Whether those may be called; else fp_muladd_soft (sse.h) does it. */
ALWAYS_INLINE bool fp_host_has_fma(void) { return __builtin_cpu_supports("fma") != 0; }

#endif
