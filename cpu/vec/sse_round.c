/*
 * ROUNDPS, ROUNDPD, ROUNDSS, ROUNDSD (SSE4.1): on the bits, since the oldest
 * x86-64 host has no such instruction and the rounding mode comes with each.
 */
#include "cpu/vec/sse.h"

enum { ROUND_NEAREST, ROUND_DOWN, ROUND_UP, ROUND_ZERO };

/* x with 'fraction' bits of fraction; *flags gets IE and PE. */
ALWAYS_INLINE u64 round_integral(u64 x, unsigned fraction, unsigned width, unsigned mode, bool daz, u32 *flags)
{
    u64 sign = x & BIT64(width - 1), magnitude = x ^ sign;
    unsigned exponent = (unsigned)(magnitude >> fraction), bias = (1u << (width - fraction - 2)) - 1;
    bool negative = sign != 0;
    if (exponent == 2 * bias + 1 && (magnitude & (BIT64(fraction) - 1))) { /* NaN */
        if (!(magnitude & BIT64(fraction - 1)))
            *flags |= MXCSR_IE;
        return x | BIT64(fraction - 1);
    }
    if (exponent >= bias + fraction)
        return x;
    if (magnitude == 0 || (exponent == 0 && daz))
        return sign;
    u64 one = (u64)bias << fraction;
    if (exponent < bias) { /* below 1 */
        *flags |= MXCSR_PE;
        bool away = mode == ROUND_NEAREST ? magnitude > one - BIT64(fraction)
                    : mode == ROUND_DOWN  ? negative
                    : mode == ROUND_UP    ? !negative
                                          : false;
        return sign | (away ? one : 0);
    }
    unsigned below = bias + fraction - exponent; /* bits after the point */
    u64 unit = BIT64(below), rest = magnitude & (unit - 1), whole = magnitude - rest;
    if (rest == 0)
        return x;
    *flags |= MXCSR_PE;
    bool away = mode == ROUND_NEAREST ? rest > unit / 2 || (rest == unit / 2 && (exponent == bias || (whole & unit)))
                : mode == ROUND_DOWN  ? negative
                : mode == ROUND_UP    ? !negative
                                      : false;
    return sign | (whole + (away ? unit : 0));
}

/* imm: [1:0] mode, [2] use MXCSR's instead, [3] no inexact. 'lanes' from the low end. */
ALWAYS_INLINE v128 round_vector(const struct cpu *cpu, v128 a, v128 b, unsigned imm, unsigned elem, unsigned lanes,
                                u32 *flags)
{
    union lanes r = {.v = a}, y = {.v = b};
    unsigned mode = imm & 4 ? (cpu->mxcsr & MXCSR_RC) >> MXCSR_RC_SHIFT : imm & 3;
    bool daz = cpu->mxcsr & MXCSR_DAZ;
    u32 raised = 0;
    for (unsigned i = 0; i < lanes; i++) {
        if (elem == 4)
            LD(r, i) = (u32)round_integral(LD(y, i), 23, 32, mode, daz, &raised);
        else
            LQ(r, i) = round_integral(LQ(y, i), 52, 64, mode, daz, &raised);
    }
    *flags |= imm & 8 ? raised & ~(u32)MXCSR_PE : raised;
    return r.v;
}

ALWAYS_INLINE void round_op(struct cpu *cpu, const struct uop *u, unsigned elem, bool scalar, enum vec_enc enc,
                            struct v256 b, bool checked)
{
    unsigned a = enc == ENC_LEGACY ? u->dst : u->src2, lanes = scalar ? 1 : 16 / elem, imm = (u8)u->imm;
    u32 flags = 0;
    v128 low = round_vector(cpu, xmm_get(cpu, a, 0), b.h[0], imm, elem, lanes, &flags), high = low;
    if (enc == ENC_VEX256)
        high = round_vector(cpu, low, b.h[1], imm, elem, lanes, &flags);
    sse_begin(cpu, checked);
    fp_raise(flags);
    sse_end(cpu, u, checked);
    if (enc == ENC_VEX256)
        xmm_set(cpu, u->dst, 1, high);
    vec_result(cpu, u, enc, low);
}
#define ROUND_HANDLERS(NAME, elem, scalar, suffix, enc, n, align)                                                      \
    FP_FN(NAME##_rr##suffix, round_op, elem, scalar, enc, vec_src(cpu, u, enc))                                        \
    FP_MEM_FN(NAME##_rm##suffix, n, align, round_op, elem, scalar, enc, m)
#define ROUND_PACKED(NAME, elem)                                                                                       \
    ROUND_HANDLERS(NAME, elem, false, , ENC_LEGACY, 16, 16)                                                            \
    ROUND_HANDLERS(NAME, elem, false, _vex128, ENC_VEX128, 16, 1)                                                      \
    ROUND_HANDLERS(NAME, elem, false, _vex256, ENC_VEX256, 32, 1)                                                      \
    VEC_TABLE(NAME)
#define ROUND_SCALAR(NAME, elem)                                                                                       \
    ROUND_HANDLERS(NAME, elem, true, , ENC_LEGACY, elem, 1)                                                            \
    ROUND_HANDLERS(NAME, elem, true, _vex128, ENC_VEX128, elem, 1)                                                     \
    VEC_TABLE_128(NAME)
ROUND_PACKED(ROUNDPS, 4)
ROUND_PACKED(ROUNDPD, 8)
ROUND_SCALAR(ROUNDSS, 4)
ROUND_SCALAR(ROUNDSD, 8)
