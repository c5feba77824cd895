/*
 * FMA3: VFMADD, VFMSUB, VFNMADD, VFNMSUB, VFMADDSUB, VFMSUBADD in their three
 * orders (SDM vol. 2 under each name). aux of a row is operation * 4 + order.
 * VEX forms only; a is the destination, b VEX.vvvv, c the last operand.
 */
#include "cpu/vec/sse.h"

ALWAYS_INLINE v128 muladd_half(unsigned which, unsigned elem, bool scalar, v128 a, v128 b, v128 c)
{
    if (unlikely(!fp_host_has_fma()))
        return fp_muladd_soft(which, elem, scalar ? 1 : 16 / elem, a, b, c);
    return elem == 4 ? (scalar ? fp_fma_ss(which, a, b, c) : fp_fma_ps(which, a, b, c))
                     : (scalar ? fp_fma_sd(which, a, b, c) : fp_fma_pd(which, a, b, c));
}
v128 fp_muladd_lane(unsigned elem, v128 a, v128 b, v128 c)
{
    return muladd_half(FMA_ADD * 4 + FMA_213, elem, true, a, b, c);
}

/* Operands and signs so that the lanes are a * b + c, for sse_check. */
static struct fp_half plain_muladd(unsigned which, unsigned elem, v128 a, v128 b, v128 c, v128 r)
{
    unsigned order = which & 3, operation = which >> 2;
    struct fp_half h = {a, order == FMA_132 ? c : b, order == FMA_132 ? b : c, r};
    if (order == FMA_231)
        h = (struct fp_half){c, b, a, r};
    v128 sign = elem == 4 ? (v128){0x8000000080000000ull, 0x8000000080000000ull} : (v128){1ull << 63, 1ull << 63};
    v128 even = elem == 4 ? (v128){0x80000000ull, 0x80000000ull} : (v128){1ull << 63, 0};
    if (operation == FMA_NEGATED_ADD || operation == FMA_NEGATED_SUB)
        h.a ^= sign;
    if (operation == FMA_SUB || operation == FMA_NEGATED_SUB)
        h.c ^= sign;
    if (operation == FMA_ADDSUB || operation == FMA_SUBADD)
        h.c ^= operation == FMA_ADDSUB ? even : sign ^ even;
    return h;
}

ALWAYS_INLINE void muladd(struct cpu *cpu, const struct uop *u, unsigned elem, bool scalar, enum vec_enc enc,
                          struct v256 c, bool checked)
{
    unsigned halves = enc == ENC_VEX256 ? 2 : 1;
    v128 a[2], b[2], r[2];
    sse_begin(cpu, checked);
    for (unsigned h = 0; h < halves; h++) {
        a[h] = xmm_get(cpu, u->dst, h);
        b[h] = xmm_get(cpu, u->src2, h);
        r[h] = muladd_half(u->aux, elem, scalar, a[h], b[h], c.h[h]);
    }
    if (checked) {
        const struct fp_op op = {FP_MULADD, (u8)elem, (u8)(scalar ? 1 : 16 / elem)};
        struct fp_half half[2];
        for (unsigned h = 0; h < halves; h++)
            half[h] = plain_muladd(u->aux, elem, a[h], b[h], c.h[h], r[h]);
        sse_check(cpu, u, &op, half, halves);
    }
    if (enc == ENC_VEX256)
        xmm_set(cpu, u->dst, 1, r[1]);
    vec_result(cpu, u, enc, r[0]);
}
#define MULADD_HANDLERS(NAME, elem, scalar, suffix, enc, n)                                                            \
    FP_FN(NAME##_rr##suffix, muladd, elem, scalar, enc, vec_src(cpu, u, enc))                                          \
    FP_MEM_FN(NAME##_rm##suffix, n, 1, muladd, elem, scalar, enc, m)
#define MULADD_PACKED(NAME, elem)                                                                                      \
    MULADD_HANDLERS(NAME, elem, false, _vex128, ENC_VEX128, 16)                                                        \
    MULADD_HANDLERS(NAME, elem, false, _vex256, ENC_VEX256, 32)                                                        \
    VEC_TABLE_VEX(NAME)
#define MULADD_SCALAR(NAME, elem)                                                                                      \
    MULADD_HANDLERS(NAME, elem, true, _vex128, ENC_VEX128, elem)                                                       \
    const struct uop_table NAME##_table = {{[FORM_RR] = FORM_COLUMNS(NULL, NAME##_rr_vex128, NAME##_rr_vex128),        \
                                            [FORM_RM] = FORM_COLUMNS(NULL, NAME##_rm_vex128, NAME##_rm_vex128)}};
MULADD_PACKED(VFMADDPS, 4)
MULADD_PACKED(VFMADDPD, 8)
MULADD_SCALAR(VFMADDSS, 4)
MULADD_SCALAR(VFMADDSD, 8)
