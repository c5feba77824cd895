/*
 * Conversions between floating point formats, packed and scalar integers,
 * general and MMX registers; rounding to integral values. SDM vol. 2, CVT*,
 * ROUND*.
 */
#include "cpu/vec/mmx.h"
#include "cpu/vec/sse.h"

/* ---- packed; those that change the element size have 256-bit forms of their own ---- */
FP_PACKED(CVTDQ2PS, fp_cvtdq2ps, FP_PLAIN, 4)
FP_PACKED(CVTPS2DQ, fp_cvtps2dq, FP_PLAIN, 4)
FP_PACKED(CVTTPS2DQ, fp_cvttps2dq, FP_PLAIN, 4)

/* Widening: 128 bits of source make 256 of result. */
ALWAYS_INLINE void convert_widen_256(struct cpu *cpu, const struct uop *u, vec_kernel *k, v128 b, bool checked)
{
    sse_begin(cpu, checked);
    v128 low = k(b, b, 0), high = k(b, (v128){b[1], 0}, 0);
    sse_end(cpu, u, checked);
    xmm_set(cpu, u->dst, 0, low);
    xmm_set(cpu, u->dst, 1, high);
}
#define CONVERT_WIDEN(NAME, kernel)                                                                                    \
    static const struct fp_op NAME##_op = {FP_PLAIN, 8, 2};                                                            \
    FP_HANDLERS(NAME, kernel, , ENC_LEGACY, 8, 1)                                                                      \
    FP_HANDLERS(NAME, kernel, _vex128, ENC_VEX128, 8, 1)                                                               \
    FP_FN(NAME##_rr_vex256, convert_widen_256, kernel, xmm_get(cpu, u->src, 0))                                        \
    FP_MEM_FN(NAME##_rm_vex256, 16, 1, convert_widen_256, kernel, m.h[0])                                              \
    VEC_TABLE(NAME)
CONVERT_WIDEN(CVTDQ2PD, fp_cvtdq2pd)
CONVERT_WIDEN(CVTPS2PD, fp_cvtps2pd)

/* Narrowing: 256 bits of source make 128 of result, the upper half is cleared. */
ALWAYS_INLINE void convert_narrow_256(struct cpu *cpu, const struct uop *u, vec_kernel *k, const struct fp_op *op,
                                      struct v256 b, bool checked)
{
    sse_begin(cpu, checked);
    v128 low = k(b.h[0], b.h[0], 0), high = k(b.h[1], b.h[1], 0);
    if (checked) {
        const struct fp_half half[2] = {{b.h[0], b.h[0], b.h[0], low}, {b.h[1], b.h[1], b.h[1], high}};
        sse_check(cpu, u, op, half, 2);
    }
    vec_result(cpu, u, ENC_VEX128, (v128){low[0], high[0]});
}
#define CONVERT_NARROW(NAME, kernel, kind)                                                                             \
    static const struct fp_op NAME##_op = {kind, 8, 2};                                                                \
    FP_HANDLERS(NAME, kernel, , ENC_LEGACY, 16, 16)                                                                    \
    FP_HANDLERS(NAME, kernel, _vex128, ENC_VEX128, 16, 1)                                                              \
    FP_FN(NAME##_rr_vex256, convert_narrow_256, kernel, &NAME##_op, vec_src(cpu, u, ENC_VEX256))                       \
    FP_MEM_FN(NAME##_rm_vex256, 32, 1, convert_narrow_256, kernel, &NAME##_op, m)                                      \
    VEC_TABLE(NAME)
CONVERT_NARROW(CVTPD2PS, fp_cvtpd2ps, FP_NARROW)
CONVERT_NARROW(CVTPD2DQ, fp_cvtpd2dq, FP_PLAIN)
CONVERT_NARROW(CVTTPD2DQ, fp_cvttpd2dq, FP_PLAIN)

/* ---- scalar ---- */
FP_OPERAND(CVTSS2SD, fp_cvtss2sd, FP_PLAIN, 4, 1, 4, 1)
FP_OPERAND(CVTSD2SS, fp_cvtsd2ss, FP_NARROW, 8, 1, 8, 1)

/* From a general register or memory: 4 bytes, or 8 with REX.W. */
typedef v128 from_integer(v128 a, u64 v);
ALWAYS_INLINE void convert_from_integer(struct cpu *cpu, const struct uop *u, from_integer *k32, from_integer *k64,
                                        enum vec_enc enc, u64 v, bool checked)
{
    v128 a = xmm_get(cpu, enc == ENC_LEGACY ? u->dst : u->src2, 0);
    sse_begin(cpu, checked);
    v128 r = u->flags & UF_REXW ? k64(a, v) : k32(a, v);
    sse_end(cpu, u, checked);
    vec_result(cpu, u, enc, r);
}
ALWAYS_INLINE unsigned integer_size(const struct uop *u) { return u->flags & UF_REXW ? 8 : 4; }
#define CONVERT_FROM_INTEGER(NAME, k32, k64)                                                                           \
    FP_FN(NAME##_rr, convert_from_integer, k32, k64, ENC_LEGACY, cpu->gpr[u->src])                                     \
    FP_MEM_FN(NAME##_rm, integer_size(u), 1, convert_from_integer, k32, k64, ENC_LEGACY, m.h[0][0])                    \
    FP_FN(NAME##_rr_vex, convert_from_integer, k32, k64, ENC_VEX128, cpu->gpr[u->src])                                 \
    FP_MEM_FN(NAME##_rm_vex, integer_size(u), 1, convert_from_integer, k32, k64, ENC_VEX128, m.h[0][0])                \
    const struct uop_table NAME##_table = {{[FORM_RR] = FORM_COLUMNS(NAME##_rr, NAME##_rr_vex, NAME##_rr_vex),         \
                                            [FORM_RM] = FORM_COLUMNS(NAME##_rm, NAME##_rm_vex, NAME##_rm_vex)}};
CONVERT_FROM_INTEGER(CVTSI2SS, fp_cvtsi2ss32, fp_cvtsi2ss64)
CONVERT_FROM_INTEGER(CVTSI2SD, fp_cvtsi2sd32, fp_cvtsi2sd64)

/* To a general register of 4 or 8 bytes. */
typedef u64 to_integer(v128 b);
ALWAYS_INLINE void convert_to_integer(struct cpu *cpu, const struct uop *u, to_integer *k32, to_integer *k64, v128 b,
                                      bool checked)
{
    sse_begin(cpu, checked);
    u64 r = u->flags & UF_REXW ? k64(b) : k32(b);
    sse_end(cpu, u, checked);
    cpu->gpr[u->dst] = r;
}
#define CONVERT_TO_INTEGER(NAME, k32, k64, n)                                                                          \
    FP_FN(NAME##_rr, convert_to_integer, k32, k64, xmm_get(cpu, u->src, 0))                                            \
    FP_MEM_FN(NAME##_rm, n, 1, convert_to_integer, k32, k64, m.h[0])                                                   \
    const struct uop_table NAME##_table = {{[FORM_RR] = ANY_SIZE(NAME##_rr), [FORM_RM] = ANY_SIZE(NAME##_rm)}};
CONVERT_TO_INTEGER(CVTSS2SI, fp_cvtss2si32, fp_cvtss2si64, 4)
CONVERT_TO_INTEGER(CVTSD2SI, fp_cvtsd2si32, fp_cvtsd2si64, 8)
CONVERT_TO_INTEGER(CVTTSS2SI, fp_cvttss2si32, fp_cvttss2si64, 4)
CONVERT_TO_INTEGER(CVTTSD2SI, fp_cvttsd2si32, fp_cvttsd2si64, 8)

/*
 * ---- MMX operands ----
 * Two dwords. The unit turns to MMX when a register of it is an operand, even
 * if an SSE exception then ends the instruction; a memory operand of CVTPI2PS
 * leaves it alone (AMD's silicon; Intel's manual says otherwise).
 */
VEC_KERNEL(fp_cvtpi2ps) { return (v128){fp_cvtdq2ps(a, (v128){b[0], 0}, 0)[0], a[1]}; }
ALWAYS_INLINE const struct uop *convert_from_mmx(struct cpu *cpu, const struct uop *u, vec_kernel *k, bool memory)
{
    v128 b;
    if (memory) {
        b = vec_load(cpu, u, 8, 1);
    } else {
        MMX_WAIT(cpu, u);
        b = (v128){mmx_get(cpu, u->src), 0};
        MMX_ENTER(cpu);
    }
    sse_begin(cpu, cpu->sse_checked);
    v128 r = k(xmm_get(cpu, u->dst, 0), b, 0);
    sse_end(cpu, u, cpu->sse_checked);
    xmm_set(cpu, u->dst, 0, r);
    NEXT(u);
}
static UOP_FN(CVTPI2PS_rr) { return convert_from_mmx(cpu, u, fp_cvtpi2ps, false); }
static UOP_FN(CVTPI2PS_rm) { return convert_from_mmx(cpu, u, fp_cvtpi2ps, true); }
static UOP_FN(CVTPI2PD_rr) { return convert_from_mmx(cpu, u, fp_cvtdq2pd, false); }
static UOP_FN(CVTPI2PD_rm) { return convert_from_mmx(cpu, u, fp_cvtdq2pd, true); }
const struct uop_table CVTPI2PS_table = {{[FORM_RR] = ANY_SIZE(CVTPI2PS_rr), [FORM_RM] = ANY_SIZE(CVTPI2PS_rm)}};
const struct uop_table CVTPI2PD_table = {{[FORM_RR] = ANY_SIZE(CVTPI2PD_rr), [FORM_RM] = ANY_SIZE(CVTPI2PD_rm)}};

/* Lanes that do not take part are zeroed first: they would raise flags. */
VEC_KERNEL(fp_cvtps2pi) { return fp_cvtps2dq(a, (v128){b[0], 0}, 0); }
VEC_KERNEL(fp_cvttps2pi) { return fp_cvttps2dq(a, (v128){b[0], 0}, 0); }
ALWAYS_INLINE const struct uop *convert_to_mmx(struct cpu *cpu, const struct uop *u, vec_kernel *k, bool memory,
                                               unsigned n, unsigned align)
{
    MMX_WAIT(cpu, u);
    v128 b = memory ? vec_load(cpu, u, n, align) : xmm_get(cpu, u->src, 0);
    MMX_ENTER(cpu);
    sse_begin(cpu, cpu->sse_checked);
    v128 r = k(b, b, 0);
    sse_end(cpu, u, cpu->sse_checked);
    mmx_set(cpu, u->dst, r[0]);
    NEXT(u);
}
#define CONVERT_TO_MMX(NAME, kernel, n, align)                                                                         \
    static UOP_FN(NAME##_rr) { return convert_to_mmx(cpu, u, kernel, false, n, align); }                               \
    static UOP_FN(NAME##_rm) { return convert_to_mmx(cpu, u, kernel, true, n, align); }                                \
    const struct uop_table NAME##_table = {{[FORM_RR] = ANY_SIZE(NAME##_rr), [FORM_RM] = ANY_SIZE(NAME##_rm)}};
CONVERT_TO_MMX(CVTPS2PI, fp_cvtps2pi, 8, 1)
CONVERT_TO_MMX(CVTTPS2PI, fp_cvttps2pi, 8, 1)
CONVERT_TO_MMX(CVTPD2PI, fp_cvtpd2dq, 16, 16)
CONVERT_TO_MMX(CVTTPD2PI, fp_cvttpd2dq, 16, 16)
