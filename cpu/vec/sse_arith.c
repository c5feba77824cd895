/*
 * SSE arithmetic, comparisons and rounding (SDM vol. 2 under each name), over
 * the seam fp_sse.h. Results, NaNs and flags are the host's own; what SSE3 and
 * SSE4.1 added is put together from SSE2 operations in the order of the
 * manual's pseudocode, on operands masked so that no lane raises a flag which
 * the instruction would not.
 */
#include "cpu/vec/sse.h"

FP_PACKED(ADDPS, fp_addps, FP_ADD, 4)
FP_PACKED(ADDPD, fp_addpd, FP_ADD, 8)
FP_SCALAR(ADDSS, fp_addss, FP_ADD, 4)
FP_SCALAR(ADDSD, fp_addsd, FP_ADD, 8)
FP_PACKED(SUBPS, fp_subps, FP_SUB, 4)
FP_PACKED(SUBPD, fp_subpd, FP_SUB, 8)
FP_SCALAR(SUBSS, fp_subss, FP_SUB, 4)
FP_SCALAR(SUBSD, fp_subsd, FP_SUB, 8)
FP_PACKED(MULPS, fp_mulps, FP_MUL, 4)
FP_PACKED(MULPD, fp_mulpd, FP_MUL, 8)
FP_SCALAR(MULSS, fp_mulss, FP_MUL, 4)
FP_SCALAR(MULSD, fp_mulsd, FP_MUL, 8)
FP_PACKED(DIVPS, fp_divps, FP_DIV, 4)
FP_PACKED(DIVPD, fp_divpd, FP_DIV, 8)
FP_SCALAR(DIVSS, fp_divss, FP_DIV, 4)
FP_SCALAR(DIVSD, fp_divsd, FP_DIV, 8)
FP_PACKED(MINPS, fp_minps, FP_PLAIN, 4)
FP_PACKED(MINPD, fp_minpd, FP_PLAIN, 8)
FP_SCALAR(MINSS, fp_minss, FP_PLAIN, 4)
FP_SCALAR(MINSD, fp_minsd, FP_PLAIN, 8)
FP_PACKED(MAXPS, fp_maxps, FP_PLAIN, 4)
FP_PACKED(MAXPD, fp_maxpd, FP_PLAIN, 8)
FP_SCALAR(MAXSS, fp_maxss, FP_PLAIN, 4)
FP_SCALAR(MAXSD, fp_maxsd, FP_PLAIN, 8)
FP_PACKED(SQRTPS, fp_sqrtps, FP_PLAIN, 4)
FP_PACKED(SQRTPD, fp_sqrtpd, FP_PLAIN, 8)
FP_SCALAR(SQRTSS, fp_sqrtss, FP_PLAIN, 4)
FP_SCALAR(SQRTSD, fp_sqrtsd, FP_PLAIN, 8)

/* The approximations raise nothing. */
VEC_OP(RCPPS, fp_rcpps)
VEC_OP(RSQRTPS, fp_rsqrtps)
VEC_OP_MEM(RCPSS, fp_rcpss, 4, 1)
VEC_OP_MEM(RSQRTSS, fp_rsqrtss, 4, 1)

/* ---- SSE3: neighbours ---- */
static const v128 even_d = {0xffffffffu, 0xffffffffu}, even_q = {~0ull, 0};

VEC_KERNEL(fp_addsubps)
{
    v128 minus = fp_subps(a & even_d, b & even_d, 0), plus = fp_addps(a & ~even_d, b & ~even_d, 0);
    return (minus & even_d) | (plus & ~even_d);
}
VEC_KERNEL(fp_addsubpd)
{
    v128 minus = fp_subpd(a & even_q, b & even_q, 0), plus = fp_addpd(a & ~even_q, b & ~even_q, 0);
    return (minus & even_q) | (plus & ~even_q);
}
/* The even, or the odd dwords of a and b. */
ALWAYS_INLINE v128 gather_d(v128 a, v128 b, unsigned odd)
{
    union lanes x = {.v = a}, y = {.v = b}, r;
    LD(r, 0) = LD(x, odd);
    LD(r, 1) = LD(x, 2 + odd);
    LD(r, 2) = LD(y, odd);
    LD(r, 3) = LD(y, 2 + odd);
    return r.v;
}
VEC_KERNEL(fp_haddps) { return fp_addps(gather_d(a, b, 0), gather_d(a, b, 1), 0); }
VEC_KERNEL(fp_hsubps) { return fp_subps(gather_d(a, b, 0), gather_d(a, b, 1), 0); }
VEC_KERNEL(fp_haddpd) { return fp_addpd((v128){a[0], b[0]}, (v128){a[1], b[1]}, 0); }
VEC_KERNEL(fp_hsubpd) { return fp_subpd((v128){a[0], b[0]}, (v128){a[1], b[1]}, 0); }

FP_PACKED(ADDSUBPS, fp_addsubps, FP_ADDSUB, 4)
FP_PACKED(ADDSUBPD, fp_addsubpd, FP_ADDSUB, 8)
FP_PACKED(HADDPS, fp_haddps, FP_HADD, 4)
FP_PACKED(HADDPD, fp_haddpd, FP_HADD, 8)
FP_PACKED(HSUBPS, fp_hsubps, FP_HSUB, 4)
FP_PACKED(HSUBPD, fp_hsubpd, FP_HSUB, 8)

/* ---- SSE4.1: dot products; imm[7:4] lanes that take part, imm[3:0] lanes that receive ---- */
ALWAYS_INLINE v128 lanes_mask_d(unsigned bits)
{
    union lanes r;
    for (unsigned i = 0; i < 4; i++)
        LD(r, i) = bits & BIT(i) ? 0xffffffffu : 0;
    return r.v;
}
ALWAYS_INLINE v128 lanes_mask_q(unsigned bits) { return (v128){bits & 1 ? ~0ull : 0, bits & 2 ? ~0ull : 0}; }
VEC_KERNEL(fp_dpps)
{
    v128 part = lanes_mask_d(imm >> 4), product = fp_mulps(a & part, b & part, 0) & part;
    v128 pairs = fp_haddps(product, product, 0);
    v128 sum = fp_haddps(pairs, pairs, 0);
    return sum & lanes_mask_d(imm);
}
VEC_KERNEL(fp_dppd)
{
    v128 part = lanes_mask_q(imm >> 4);
    v128 product = fp_mulpd(a & part, b & part, 0) & part, sum = fp_haddpd(product, product, 0);
    return sum & lanes_mask_q(imm);
}

/* A stage of a dot product on all halves: r = k(a, b), then r becomes both operands of the next. */
static void dot_stage(struct cpu *cpu, const struct uop *u, vec_kernel *k, const struct fp_op *op, struct fp_half *half,
                      unsigned halves)
{
    sse_check_begin(cpu);
    for (unsigned h = 0; h < halves; h++)
        half[h].r = k(half[h].a, half[h].b, 0);
    sse_check(cpu, u, op, half, halves);
    for (unsigned h = 0; h < halves; h++)
        half[h].a = half[h].b = half[h].r;
}
void fp_dot_checked(struct cpu *cpu, const struct uop *u, unsigned elem, struct fp_half *half, unsigned halves)
{
    static const struct fp_op mul_ps = {FP_MUL, 4, 4}, add_ps = {FP_HADD, 4, 4};
    static const struct fp_op mul_pd = {FP_MUL, 8, 2}, add_pd = {FP_HADD, 8, 2};
    unsigned imm = (u8)u->imm;
    v128 part = elem == 4 ? lanes_mask_d(imm >> 4) : lanes_mask_q(imm >> 4);
    for (unsigned h = 0; h < halves; h++)
        half[h].a &= part, half[h].b &= part;
    dot_stage(cpu, u, elem == 4 ? fp_mulps : fp_mulpd, elem == 4 ? &mul_ps : &mul_pd, half, halves);
    for (unsigned h = 0; h < halves; h++)
        half[h].a &= part, half[h].b &= part;
    for (unsigned i = 0; i < (elem == 4 ? 2 : 1); i++)
        dot_stage(cpu, u, elem == 4 ? fp_haddps : fp_haddpd, elem == 4 ? &add_ps : &add_pd, half, halves);
    for (unsigned h = 0; h < halves; h++)
        half[h].r &= elem == 4 ? lanes_mask_d(imm) : lanes_mask_q(imm);
}
FP_PACKED(DPPS, fp_dpps, FP_DOT, 4)
FP_PACKED(DPPD, fp_dppd, FP_DOT, 8)

/*
 * ---- comparisons ----
 * Predicates 8..31 (VEX) differ from 0..7 in what unordered gives, in which
 * order, or in whether a QNaN signals. CMPxx here is one of the eight.
 */
#define COMPARE_KERNEL(type, zero_mask)                                                                                \
    ALWAYS_INLINE v128 fp_cmp##type##_basic(v128 a, v128 b, unsigned predicate)                                        \
    {                                                                                                                  \
        switch (predicate & 7) {                                                                                       \
        case 0:                                                                                                        \
            return fp_cmpeq##type(a, b, 0);                                                                            \
        case 1:                                                                                                        \
            return fp_cmplt##type(a, b, 0);                                                                            \
        case 2:                                                                                                        \
            return fp_cmple##type(a, b, 0);                                                                            \
        case 3:                                                                                                        \
            return fp_cmpunord##type(a, b, 0);                                                                         \
        case 4:                                                                                                        \
            return fp_cmpneq##type(a, b, 0);                                                                           \
        case 5:                                                                                                        \
            return fp_cmpnlt##type(a, b, 0);                                                                           \
        case 6:                                                                                                        \
            return fp_cmpnle##type(a, b, 0);                                                                           \
        default:                                                                                                       \
            return fp_cmpord##type(a, b, 0);                                                                           \
        }                                                                                                              \
    }                                                                                                                  \
    VEC_KERNEL(fp_cmp##type) { return fp_cmp##type##_basic(a, b, imm); }                                               \
    static NOINLINE v128 fp_cmp##type##_vex_rest(v128 a, v128 b, unsigned imm)                                         \
    {                                                                                                                  \
        const struct compare_predicate *p = &compare_predicates[imm & 31];                                             \
        v128 unordered = fp_cmpunord##type(a, b, 0), lanes = zero_mask;                                                \
        if (p->signals) /* for its flag: LT signals QNaNs */                                                           \
            fp_cmplt##type(a, b, 0);                                                                                   \
        v128 x = a & ~(unordered & lanes), y = b & ~(unordered & lanes);                                               \
        v128 r = p->relation == RELATION_FALSE  ? unordered & ~unordered                                               \
                 : p->relation == RELATION_TRUE ? ~(unordered & ~unordered)                                            \
                                                : fp_cmp##type##_basic(x, y, p->relation);                             \
        r = p->unordered ? r | unordered : r & ~unordered;                                                             \
        return (r & lanes) | (a & ~lanes);                                                                             \
    }                                                                                                                  \
    VEC_KERNEL(fp_cmp##type##_vex)                                                                                     \
    {                                                                                                                  \
        return likely((imm & 31) < 8) ? fp_cmp##type##_basic(a, b, imm) : fp_cmp##type##_vex_rest(a, b, imm);          \
    }

enum {
    RELATION_EQ = 0,
    RELATION_LT = 1,
    RELATION_LE = 2,
    RELATION_NEQ = 4,
    RELATION_GE = 5,
    RELATION_GT = 6,
    RELATION_FALSE = 8,
    RELATION_TRUE = 9
};
/* SDM vol. 2, table 3-1: what holds of ordered operands, of unordered ones, and whether QNaNs signal. */
static const struct compare_predicate {
    u8 relation;
    bool unordered, signals;
} compare_predicates[32] = {
    [0x08] = {RELATION_EQ, 1, 0},    [0x09] = {RELATION_LT, 1, 1},    [0x0a] = {RELATION_LE, 1, 1},
    [0x0b] = {RELATION_FALSE, 0, 0}, [0x0c] = {RELATION_NEQ, 0, 0},   [0x0d] = {RELATION_GE, 0, 1},
    [0x0e] = {RELATION_GT, 0, 1},    [0x0f] = {RELATION_TRUE, 1, 0},  [0x10] = {RELATION_EQ, 0, 1},
    [0x11] = {RELATION_LT, 0, 0},    [0x12] = {RELATION_LE, 0, 0},    [0x13] = {RELATION_FALSE, 1, 1},
    [0x14] = {RELATION_NEQ, 1, 1},   [0x15] = {RELATION_GE, 1, 0},    [0x16] = {RELATION_GT, 1, 0},
    [0x17] = {RELATION_TRUE, 0, 1},  [0x18] = {RELATION_EQ, 1, 1},    [0x19] = {RELATION_LT, 1, 0},
    [0x1a] = {RELATION_LE, 1, 0},    [0x1b] = {RELATION_FALSE, 0, 1}, [0x1c] = {RELATION_NEQ, 0, 1},
    [0x1d] = {RELATION_GE, 0, 0},    [0x1e] = {RELATION_GT, 0, 0},    [0x1f] = {RELATION_TRUE, 1, 1},
};
COMPARE_KERNEL(ps, ((v128){~0ull, ~0ull}))
COMPARE_KERNEL(pd, ((v128){~0ull, ~0ull}))
COMPARE_KERNEL(ss, ((v128){0xffffffffu, 0}))
COMPARE_KERNEL(sd, ((v128){~0ull, 0}))

#define COMPARE_PACKED(NAME, type)                                                                                     \
    static const struct fp_op NAME##_op = {FP_PLAIN, 0, 0};                                                            \
    FP_HANDLERS(NAME, fp_cmp##type, , ENC_LEGACY, 16, 16)                                                              \
    FP_HANDLERS(NAME, fp_cmp##type##_vex, _vex128, ENC_VEX128, 16, 1)                                                  \
    FP_HANDLERS(NAME, fp_cmp##type##_vex, _vex256, ENC_VEX256, 32, 1)                                                  \
    VEC_TABLE(NAME)
#define COMPARE_SCALAR(NAME, type, n)                                                                                  \
    static const struct fp_op NAME##_op = {FP_PLAIN, 0, 0};                                                            \
    FP_HANDLERS(NAME, fp_cmp##type, , ENC_LEGACY, n, 1)                                                                \
    FP_HANDLERS(NAME, fp_cmp##type##_vex, _vex128, ENC_VEX128, n, 1)                                                   \
    VEC_TABLE_128(NAME)
COMPARE_PACKED(CMPPS, ps)
COMPARE_PACKED(CMPPD, pd)
COMPARE_SCALAR(CMPSS, ss, 4)
COMPARE_SCALAR(CMPSD_XMM, sd, 8)

/* Comparisons to EFLAGS: OF, SF, AF are cleared. */
ALWAYS_INLINE void flags_from_compare(struct cpu *cpu, u32 f)
{
    bool zf = f & FL_ZF, pf = f & FL_PF, cf = f & FL_CF;
    cpu->cc_res = !zf; /* the parity of 1 is odd, of 0 even: corrected for plain equality */
    cpu->cc_aux = (cf ? (u32)AUX_CF | AUX_PO : 0u) | (u32)(zf && !pf) << AUX_PDB;
}
ALWAYS_INLINE void compare_to_flags(struct cpu *cpu, const struct uop *u, u32 (*compare)(v128, v128), v128 b,
                                    bool checked)
{
    sse_begin(cpu, checked);
    u32 f = compare(xmm_get(cpu, u->dst, 0), b);
    sse_end(cpu, u, checked);
    flags_from_compare(cpu, f);
}
#define COMPARE_TO_FLAGS(NAME, f, n)                                                                                   \
    FP_FN(NAME##_rr, compare_to_flags, f, xmm_get(cpu, u->src, 0))                                                     \
    FP_MEM_FN(NAME##_rm, n, 1, compare_to_flags, f, m.h[0])                                                            \
    const struct uop_table NAME##_table = {{[FORM_RR] = ANY_SIZE(NAME##_rr), [FORM_RM] = ANY_SIZE(NAME##_rm)}};
COMPARE_TO_FLAGS(COMISS, fp_comiss, 4)
COMPARE_TO_FLAGS(COMISD, fp_comisd, 8)
COMPARE_TO_FLAGS(UCOMISS, fp_ucomiss, 4)
COMPARE_TO_FLAGS(UCOMISD, fp_ucomisd, 8)
