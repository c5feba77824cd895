/*
 * F16C: VCVTPH2PS and VCVTPS2PH (SDM vol. 2). Half denormals are ordinary
 * numbers: no DE, no DAZ for them; FTZ does not hold for results.
 */
#include "cpu/vec/sse.h"

static u32 half_to_single(u16 h, u32 *flags)
{
    u32 sign = (u32)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
    if (exponent == 31) {
        if (fraction && !(fraction & 0x200))
            *flags |= MXCSR_IE;
        return sign | 0x7f800000 | (fraction ? 0x400000 | fraction << 13 : 0);
    }
    if (exponent == 0) {
        if (fraction == 0)
            return sign;
        unsigned shift = (unsigned)__builtin_clz(fraction) - 21; /* until bit 10 is the top one */
        fraction = fraction << shift & 0x3ff;
        exponent = 1 - shift;
    }
    return sign | (exponent + 112) << 23 | fraction << 13;
}

static u16 single_to_half(u32 x, u32 rc, bool daz, u32 unmasked, u32 *flags)
{
    u16 sign = x >> 16 & 0x8000;
    int exponent = (int)(x >> 23 & 255) - 127;
    u32 fraction = x & 0x7fffff;
    if (exponent == 128) {
        if (fraction && !(fraction & 0x400000))
            *flags |= MXCSR_IE;
        return (u16)(sign | 0x7c00 | (fraction ? 0x200 | fraction >> 13 : 0));
    }
    if (exponent == -127) {
        if (fraction == 0 || daz)
            return sign;
        *flags |= MXCSR_DE;
        unsigned shift = (unsigned)__builtin_clz(fraction) - 8;
        fraction <<= shift;
        exponent = -126 - (int)shift;
    } else {
        fraction |= 0x800000;
    }
    /* Eleven bits of 24 stay; fewer where the half is denormal. */
    unsigned drop = 13, e = 1;
    if (exponent >= -14)
        e = (unsigned)(exponent + 15);
    else
        drop += (unsigned)(-14 - exponent);
    drop = MIN(drop, 30);
    u32 unit = BIT(drop), rest = fraction & (unit - 1), whole = fraction >> drop;
    bool away = rc == 0   ? rest > unit / 2 || (rest == unit / 2 && (whole & 1))
                : rc == 1 ? sign && rest
                : rc == 2 ? !sign && rest
                          : false;
    /* Tiny: below the smallest normal number even when rounded to eleven bits with unbounded exponent. */
    u32 rest11 = fraction & 0x1fff, whole11 = fraction >> 13;
    bool away11 = rc == 0   ? rest11 > 0x1000 || (rest11 == 0x1000 && (whole11 & 1))
                  : rc == 1 ? sign && rest11
                  : rc == 2 ? !sign && rest11
                            : false;
    bool tiny = exponent < -14 && !(exponent == -15 && whole11 + away11 == 0x800);
    if (tiny && (unmasked & MXCSR_UE))
        *flags |= MXCSR_UE | (rest11 ? MXCSR_PE : 0);
    else if (rest)
        *flags |= MXCSR_PE | (tiny ? MXCSR_UE : 0);
    whole += away;
    u32 r = exponent < -14 ? whole : (e << 10) + whole - 0x400;
    if (r >= 0x7c00) {
        *flags |= unmasked & MXCSR_OE ? MXCSR_OE : MXCSR_OE | MXCSR_PE;
        bool to_infinity = rc == 0 || (rc == 1 && sign) || (rc == 2 && !sign);
        r = to_infinity ? 0x7c00 : 0x7bff;
    }
    return (u16)(sign | r);
}

/* Four or eight halves of b to singles. */
ALWAYS_INLINE void widen_halves(struct cpu *cpu, const struct uop *u, enum vec_enc enc, v128 b, bool checked)
{
    union lanes y = {.v = b}, r[2];
    u32 flags = 0;
    for (unsigned i = 0; i < (enc == ENC_VEX256 ? 8 : 4); i++)
        LD(r[i / 4], i % 4) = half_to_single(LW(y, i), &flags);
    sse_begin(cpu, checked);
    fp_raise(flags);
    sse_end(cpu, u, checked);
    if (enc == ENC_VEX256)
        xmm_set(cpu, u->dst, 1, r[1].v);
    vec_result(cpu, u, enc, r[0].v);
}
FP_FN(VCVTPH2PS_rr_vex128, widen_halves, ENC_VEX128, xmm_get(cpu, u->src, 0))
FP_MEM_FN(VCVTPH2PS_rm_vex128, 8, 1, widen_halves, ENC_VEX128, m.h[0])
FP_FN(VCVTPH2PS_rr_vex256, widen_halves, ENC_VEX256, xmm_get(cpu, u->src, 0))
FP_MEM_FN(VCVTPH2PS_rm_vex256, 16, 1, widen_halves, ENC_VEX256, m.h[0])
VEC_TABLE_VEX(VCVTPH2PS)

/* Four or eight singles of src to halves; imm as ROUNDPS, without its bit 3. */
ALWAYS_INLINE v128 narrow_singles(struct cpu *cpu, const struct uop *u, enum vec_enc enc, bool checked)
{
    union lanes r = {.v = {0, 0}};
    u32 flags = 0, rc = u->imm & 4 ? (cpu->mxcsr & MXCSR_RC) >> MXCSR_RC_SHIFT : u->imm & 3;
    u32 unmasked = ~(cpu->mxcsr >> MXCSR_MASK_SHIFT) & MXCSR_FLAGS;
    for (unsigned i = 0; i < (enc == ENC_VEX256 ? 8 : 4); i++)
        LW(r, i) = single_to_half(VD(&cpu->xmm[u->src], i), rc, cpu->mxcsr & MXCSR_DAZ, unmasked, &flags);
    sse_begin(cpu, checked);
    fp_raise(flags);
    sse_end(cpu, u, checked);
    return r.v;
}
ALWAYS_INLINE void narrow_to_register(struct cpu *cpu, const struct uop *u, enum vec_enc enc, bool checked)
{
    vec_result(cpu, u, ENC_VEX128, narrow_singles(cpu, u, enc, checked));
}
/* A store that faults leaves the flags alone: the memory is looked at first. */
ALWAYS_INLINE void narrow_to_memory(struct cpu *cpu, const struct uop *u, enum vec_enc enc, bool checked)
{
    unsigned n = enc == ENC_VEX256 ? 16 : 8;
    u64 lin = uop_lin(cpu, u, n, true);
    if (!tlb_write_ptr(cpu, lin, n, cpu->mmu_idx))
        mem_probe_write(cpu, lin, n, cpu->mmu_idx);
    vec_store(cpu, u, n, 1, narrow_singles(cpu, u, enc, checked));
}
FP_FN(VCVTPS2PH_rr_vex128, narrow_to_register, ENC_VEX128)
FP_FN(VCVTPS2PH_mr_vex128, narrow_to_memory, ENC_VEX128)
FP_FN(VCVTPS2PH_rr_vex256, narrow_to_register, ENC_VEX256)
FP_FN(VCVTPS2PH_mr_vex256, narrow_to_memory, ENC_VEX256)
const struct uop_table VCVTPS2PH_table = {{[FORM_RR] = FORM_COLUMNS(NULL, VCVTPS2PH_rr_vex128, VCVTPS2PH_rr_vex256),
                                           [FORM_MR] = FORM_COLUMNS(NULL, VCVTPS2PH_mr_vex128, VCVTPS2PH_mr_vex256)}};
