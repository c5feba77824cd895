/*
 * Packed integers, lane by lane: sums, products, extremes, comparisons, logic
 * (SDM vol. 2, each under its own name). Kernels are portable C; where a GNU
 * vector operator exists the compiler emits the host's own instruction for it.
 * Every kernel here is vertical except those that say otherwise.
 */
#include "cpu/vec/vec_host.h"

ALWAYS_INLINE i8 sat_i8(int v) { return (i8)(v < -128 ? -128 : v > 127 ? 127 : v); }
ALWAYS_INLINE u8 sat_u8(int v) { return (u8)(v < 0 ? 0 : v > 255 ? 255 : v); }
ALWAYS_INLINE i16 sat_i16(int v) { return (i16)(v < -32768 ? -32768 : v > 32767 ? 32767 : v); }
ALWAYS_INLINE u16 sat_u16(int v) { return (u16)(v < 0 ? 0 : v > 65535 ? 65535 : v); }

/* ---- one operator ---- */
VEC_KERNEL(vec_paddb) { return (v128)((v16u8)a + (v16u8)b); }
VEC_KERNEL(vec_paddw) { return (v128)((v8u16)a + (v8u16)b); }
VEC_KERNEL(vec_paddd) { return (v128)((v4u32)a + (v4u32)b); }
VEC_KERNEL(vec_paddq) { return a + b; }
VEC_KERNEL(vec_psubb) { return (v128)((v16u8)a - (v16u8)b); }
VEC_KERNEL(vec_psubw) { return (v128)((v8u16)a - (v8u16)b); }
VEC_KERNEL(vec_psubd) { return (v128)((v4u32)a - (v4u32)b); }
VEC_KERNEL(vec_psubq) { return a - b; }
VEC_KERNEL(vec_pand) { return a & b; }
VEC_KERNEL(vec_pandn) { return ~a & b; }
VEC_KERNEL(vec_por) { return a | b; }
VEC_KERNEL(vec_pxor) { return a ^ b; }
VEC_KERNEL(vec_pmullw) { return (v128)((v8u16)a * (v8u16)b); }
VEC_KERNEL(vec_pmulld) { return (v128)((v4u32)a * (v4u32)b); }
VEC_KERNEL(vec_pmuludq) { return (a & 0xffffffffu) * (b & 0xffffffffu); }
VEC_KERNEL(vec_pcmpeqb) { return (v128)((v16u8)a == (v16u8)b); }
VEC_KERNEL(vec_pcmpeqw) { return (v128)((v8u16)a == (v8u16)b); }
VEC_KERNEL(vec_pcmpeqd) { return (v128)((v4u32)a == (v4u32)b); }
VEC_KERNEL(vec_pcmpeqq) { return (v128)(a == b); }
VEC_KERNEL(vec_pcmpgtb) { return (v128)((v16i8)a > (v16i8)b); }
VEC_KERNEL(vec_pcmpgtw) { return (v128)((v8i16)a > (v8i16)b); }
VEC_KERNEL(vec_pcmpgtd) { return (v128)((v4i32)a > (v4i32)b); }
VEC_KERNEL(vec_pcmpgtq) { return (v128)((v2i64)a > (v2i64)b); }

VEC_OP(PADDB, vec_paddb)
VEC_OP(PADDW, vec_paddw)
VEC_OP(PADDD, vec_paddd)
VEC_OP(PADDQ, vec_paddq)
VEC_OP(PSUBB, vec_psubb)
VEC_OP(PSUBW, vec_psubw)
VEC_OP(PSUBD, vec_psubd)
VEC_OP(PSUBQ, vec_psubq)
VEC_OP(PAND, vec_pand)
VEC_OP(PANDN, vec_pandn)
VEC_OP(POR, vec_por)
VEC_OP(PXOR, vec_pxor)
VEC_OP(PMULLW, vec_pmullw)
VEC_OP(PMULLD, vec_pmulld)
VEC_OP(PMULUDQ, vec_pmuludq)
VEC_OP(PCMPEQB, vec_pcmpeqb)
VEC_OP(PCMPEQW, vec_pcmpeqw)
VEC_OP(PCMPEQD, vec_pcmpeqd)
VEC_OP(PCMPEQQ, vec_pcmpeqq)
VEC_OP(PCMPGTB, vec_pcmpgtb)
VEC_OP(PCMPGTW, vec_pcmpgtw)
VEC_OP(PCMPGTD, vec_pcmpgtd)
VEC_OP(PCMPGTQ, vec_pcmpgtq)

/* ---- extremes: pick by the mask of a comparison ---- */
#define SELECT(mask, x, y) (((v128)(mask) & (x)) | (~(v128)(mask) & (y)))
VEC_KERNEL(vec_pminub) { return SELECT((v16u8)a < (v16u8)b, a, b); }
VEC_KERNEL(vec_pminuw) { return SELECT((v8u16)a < (v8u16)b, a, b); }
VEC_KERNEL(vec_pminud) { return SELECT((v4u32)a < (v4u32)b, a, b); }
VEC_KERNEL(vec_pminsb) { return SELECT((v16i8)a < (v16i8)b, a, b); }
VEC_KERNEL(vec_pminsw) { return SELECT((v8i16)a < (v8i16)b, a, b); }
VEC_KERNEL(vec_pminsd) { return SELECT((v4i32)a < (v4i32)b, a, b); }
VEC_KERNEL(vec_pmaxub) { return SELECT((v16u8)a > (v16u8)b, a, b); }
VEC_KERNEL(vec_pmaxuw) { return SELECT((v8u16)a > (v8u16)b, a, b); }
VEC_KERNEL(vec_pmaxud) { return SELECT((v4u32)a > (v4u32)b, a, b); }
VEC_KERNEL(vec_pmaxsb) { return SELECT((v16i8)a > (v16i8)b, a, b); }
VEC_KERNEL(vec_pmaxsw) { return SELECT((v8i16)a > (v8i16)b, a, b); }
VEC_KERNEL(vec_pmaxsd) { return SELECT((v4i32)a > (v4i32)b, a, b); }

VEC_OP(PMINUB, vec_pminub)
VEC_OP(PMINUW, vec_pminuw)
VEC_OP(PMINUD, vec_pminud)
VEC_OP(PMINSB, vec_pminsb)
VEC_OP(PMINSW, vec_pminsw)
VEC_OP(PMINSD, vec_pminsd)
VEC_OP(PMAXUB, vec_pmaxub)
VEC_OP(PMAXUW, vec_pmaxuw)
VEC_OP(PMAXUD, vec_pmaxud)
VEC_OP(PMAXSB, vec_pmaxsb)
VEC_OP(PMAXSW, vec_pmaxsw)
VEC_OP(PMAXSD, vec_pmaxsd)

/* ---- one expression of x and y per lane ---- */
#define LANE_KERNEL(name, field, count, expression)                                                                    \
    VEC_KERNEL(name)                                                                                                   \
    {                                                                                                                  \
        union lanes va = {.v = a}, vb = {.v = b}, r;                                                                   \
        for (unsigned i = 0; i < (count); i++) {                                                                       \
            __typeof__(va.field[0]) x = va.field[i], y UNUSED = vb.field[i];                                           \
            r.field[i] = (__typeof__(va.field[0]))(expression);                                                        \
        }                                                                                                              \
        return r.v;                                                                                                    \
    }
LANE_KERNEL(vec_paddsb, sb, 16, sat_i8(x + y))
LANE_KERNEL(vec_paddsw, sw, 8, sat_i16(x + y))
LANE_KERNEL(vec_paddusb, b, 16, sat_u8(x + y))
LANE_KERNEL(vec_paddusw, w, 8, sat_u16(x + y))
LANE_KERNEL(vec_psubsb, sb, 16, sat_i8(x - y))
LANE_KERNEL(vec_psubsw, sw, 8, sat_i16(x - y))
LANE_KERNEL(vec_psubusb, b, 16, sat_u8(x - y))
LANE_KERNEL(vec_psubusw, w, 8, sat_u16(x - y))
LANE_KERNEL(vec_pavgb, b, 16, (x + y + 1) >> 1)
LANE_KERNEL(vec_pavgw, w, 8, (x + y + 1) >> 1)
LANE_KERNEL(vec_pmulhw, sw, 8, (x * y) >> 16)
LANE_KERNEL(vec_pmulhuw, w, 8, ((u32)x * y) >> 16)
LANE_KERNEL(vec_pmulhrsw, sw, 8, (((x * y) >> 14) + 1) >> 1)
LANE_KERNEL(vec_psignb, sb, 16, y < 0 ? -x : y == 0 ? 0 : x)
LANE_KERNEL(vec_psignw, sw, 8, y < 0 ? -x : y == 0 ? 0 : x)
LANE_KERNEL(vec_psignd, sd, 4, y < 0 ? (i32)(0u - (u32)x) : y == 0 ? 0 : x)
/* Absolute values are of b: the sign of b applied to itself. */
VEC_KERNEL(vec_pabsb) { return vec_psignb(b, b, 0); }
VEC_KERNEL(vec_pabsw) { return vec_psignw(b, b, 0); }
VEC_KERNEL(vec_pabsd) { return vec_psignd(b, b, 0); }

VEC_OP(PADDSB, VEC_BEST(paddsb))
VEC_OP(PADDSW, VEC_BEST(paddsw))
VEC_OP(PADDUSB, VEC_BEST(paddusb))
VEC_OP(PADDUSW, VEC_BEST(paddusw))
VEC_OP(PSUBSB, VEC_BEST(psubsb))
VEC_OP(PSUBSW, VEC_BEST(psubsw))
VEC_OP(PSUBUSB, VEC_BEST(psubusb))
VEC_OP(PSUBUSW, VEC_BEST(psubusw))
VEC_OP(PAVGB, VEC_BEST(pavgb))
VEC_OP(PAVGW, VEC_BEST(pavgw))
VEC_OP(PMULHW, vec_pmulhw)
VEC_OP(PMULHUW, VEC_BEST(pmulhuw))
VEC_OP(PMULHRSW, vec_pmulhrsw)
VEC_OP(PSIGNB, vec_psignb)
VEC_OP(PSIGNW, vec_psignw)
VEC_OP(PSIGND, vec_psignd)
VEC_OP(PABSB, vec_pabsb)
VEC_OP(PABSW, vec_pabsw)
VEC_OP(PABSD, vec_pabsd)

/* ---- lanes that meet their neighbours ---- */
VEC_KERNEL(vec_pmuldq)
{
    union lanes x = {.v = a}, y = {.v = b}, r;
    for (unsigned i = 0; i < 2; i++)
        r.sq[i] = (i64)LSD(x, i * 2) * LSD(y, i * 2);
    return r.v;
}
VEC_KERNEL(vec_pmaddwd)
{
    union lanes x = {.v = a}, y = {.v = b}, r;
    for (unsigned i = 0; i < 4; i++) /* two words of a dword stay together in either byte order */
        r.d[i] = (u32)(x.sw[i * 2] * y.sw[i * 2]) + (u32)(x.sw[i * 2 + 1] * y.sw[i * 2 + 1]);
    return r.v;
}
VEC_KERNEL(vec_pmaddubsw)
{
    union lanes x = {.v = a}, y = {.v = b}, r;
    for (unsigned i = 0; i < 8; i++)
        r.sw[i] = sat_i16(x.b[i * 2] * y.sb[i * 2] + x.b[i * 2 + 1] * y.sb[i * 2 + 1]);
    return r.v;
}
VEC_KERNEL(vec_psadbw)
{
    union lanes x = {.v = a}, y = {.v = b}, r;
    for (unsigned i = 0; i < 2; i++) {
        u32 sum = 0;
        for (unsigned j = 0; j < 8; j++) {
            int d = x.b[i * 8 + j] - y.b[i * 8 + j];
            sum += (u32)(d < 0 ? -d : d);
        }
        r.q[i] = sum;
    }
    return r.v;
}
/* imm[1:0] chooses b's dword, imm[2] whether a starts at byte 4. */
VEC_KERNEL(vec_mpsadbw)
{
    union lanes x = {.v = a}, y = {.v = b}, r;
    unsigned from = (imm & 3) * 4, at = imm & 4;
    for (unsigned i = 0; i < 8; i++) {
        u32 sum = 0;
        for (unsigned j = 0; j < 4; j++) {
            int d = LB(x, at + i + j) - LB(y, from + j);
            sum += (u32)(d < 0 ? -d : d);
        }
        LW(r, i) = (u16)sum;
    }
    return r.v;
}
VEC_KERNEL(vec_phminposuw)
{
    union lanes x = {.v = b};
    unsigned at = 0;
    for (unsigned i = 1; i < 8; i++)
        if (LW(x, i) < LW(x, at))
            at = i;
    return (v128){LW(x, at) | at << 16, 0};
}
/* Horizontal sums and differences: low half of the result from a, high half from b. */
#define HORIZONTAL_KERNEL(name, LANE, count, expression)                                                               \
    VEC_KERNEL(name)                                                                                                   \
    {                                                                                                                  \
        union lanes va = {.v = a}, vb = {.v = b}, r;                                                                   \
        for (unsigned i = 0; i < (count) / 2; i++) {                                                                   \
            __typeof__(LANE(va, 0)) x = LANE(va, i * 2), y = LANE(va, i * 2 + 1);                                      \
            LANE(r, i) = (__typeof__(x))(expression);                                                                  \
            x = LANE(vb, i * 2), y = LANE(vb, i * 2 + 1);                                                              \
            LANE(r, i + (count) / 2) = (__typeof__(x))(expression);                                                    \
        }                                                                                                              \
        return r.v;                                                                                                    \
    }
HORIZONTAL_KERNEL(vec_phaddw, LW, 8, x + y)
HORIZONTAL_KERNEL(vec_phaddd, LD, 4, x + y)
HORIZONTAL_KERNEL(vec_phaddsw, LSW, 8, sat_i16(x + y))
HORIZONTAL_KERNEL(vec_phsubw, LW, 8, x - y)
HORIZONTAL_KERNEL(vec_phsubd, LD, 4, x - y)
HORIZONTAL_KERNEL(vec_phsubsw, LSW, 8, sat_i16(x - y))

VEC_OP(PMULDQ, vec_pmuldq)
VEC_OP(PMADDWD, VEC_BEST(pmaddwd))
VEC_KERNEL(best_pmaddubsw) { return VEC_IF("ssse3", pmaddubsw, a, b); }
VEC_OP(PMADDUBSW, best_pmaddubsw)
VEC_OP(PSADBW, VEC_BEST(psadbw))
VEC_OP(PHMINPOSUW, vec_phminposuw)
VEC_OP(PHADDW, vec_phaddw)
VEC_OP(PHADDD, vec_phaddd)
VEC_OP(PHADDSW, vec_phaddsw)
VEC_OP(PHSUBW, vec_phsubw)
VEC_OP(PHSUBD, vec_phsubd)
VEC_OP(PHSUBSW, vec_phsubsw)

/* The upper half of VMPSADBW takes its controls from imm[5:3]. */
ALWAYS_INLINE void mpsadbw_256(struct cpu *cpu, const struct uop *u, struct v256 b)
{
    v128 low = vec_mpsadbw(xmm_get(cpu, u->src2, 0), b.h[0], (u8)u->imm);
    xmm_set(cpu, u->dst, 1, vec_mpsadbw(xmm_get(cpu, u->src2, 1), b.h[1], (u8)u->imm >> 3));
    xmm_set(cpu, u->dst, 0, low);
}
VEC_OP_128(MPSADBW, vec_mpsadbw, 16, 16)
static UOP_FN(MPSADBW_rr_vex256)
{
    mpsadbw_256(cpu, u, vec_src(cpu, u, ENC_VEX256));
    NEXT(u);
}
MEM_FN(MPSADBW_rm_vex256, 32, 1, mpsadbw_256(cpu, u, m))
VEC_TABLE(MPSADBW)
