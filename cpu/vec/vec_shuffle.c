/*
 * Lanes that change places: unpack, pack, shuffle, align, blend, widen, insert,
 * extract, sign masks (SDM vol. 2 under each name). MMX forms are not here.
 */
#include "cpu/flags.h"
#include "cpu/vec/vec_host.h"

ALWAYS_INLINE i8 sat_i8(int v) { return (i8)(v < -128 ? -128 : v > 127 ? 127 : v); }
ALWAYS_INLINE u8 sat_u8(int v) { return (u8)(v < 0 ? 0 : v > 255 ? 255 : v); }
ALWAYS_INLINE i16 sat_i16(int v) { return (i16)(v < -32768 ? -32768 : v > 32767 ? 32767 : v); }
ALWAYS_INLINE u16 sat_u16(int v) { return (u16)(v < 0 ? 0 : v > 65535 ? 65535 : v); }

/* ---- interleave; the floating point UNPCKs and MOVLHPS are these ---- */
#define UNPACK_KERNEL(name, LANE, count, from)                                                                         \
    VEC_KERNEL(name)                                                                                                   \
    {                                                                                                                  \
        union lanes x = {.v = a}, y = {.v = b}, r;                                                                     \
        for (unsigned i = 0; i < (count) / 2; i++) {                                                                   \
            LANE(r, i * 2) = LANE(x, (from) + i);                                                                      \
            LANE(r, i * 2 + 1) = LANE(y, (from) + i);                                                                  \
        }                                                                                                              \
        return r.v;                                                                                                    \
    }
UNPACK_KERNEL(vec_punpcklbw, LB, 16, 0)
UNPACK_KERNEL(vec_punpcklwd, LW, 8, 0)
UNPACK_KERNEL(vec_punpckldq, LD, 4, 0)
UNPACK_KERNEL(vec_punpckhbw, LB, 16, 8)
UNPACK_KERNEL(vec_punpckhwd, LW, 8, 4)
UNPACK_KERNEL(vec_punpckhdq, LD, 4, 2)
VEC_KERNEL(vec_punpcklqdq) { return (v128){a[0], b[0]}; }
VEC_KERNEL(vec_punpckhqdq) { return (v128){a[1], b[1]}; }

VEC_OP(PUNPCKLBW, VEC_BEST(punpcklbw))
VEC_OP(PUNPCKLWD, VEC_BEST(punpcklwd))
VEC_OP(PUNPCKLDQ, VEC_BEST(punpckldq))
VEC_OP(PUNPCKLQDQ, vec_punpcklqdq)
VEC_OP(PUNPCKHBW, VEC_BEST(punpckhbw))
VEC_OP(PUNPCKHWD, VEC_BEST(punpckhwd))
VEC_OP(PUNPCKHDQ, VEC_BEST(punpckhdq))
VEC_OP(PUNPCKHQDQ, vec_punpckhqdq)

/* ---- narrow with saturation ---- */
#define PACK_KERNEL(name, FROM, TO, count, saturate)                                                                   \
    VEC_KERNEL(name)                                                                                                   \
    {                                                                                                                  \
        union lanes x = {.v = a}, y = {.v = b}, r;                                                                     \
        for (unsigned i = 0; i < (count) / 2; i++) {                                                                   \
            TO(r, i) = saturate(FROM(x, i));                                                                           \
            TO(r, i + (count) / 2) = saturate(FROM(y, i));                                                             \
        }                                                                                                              \
        return r.v;                                                                                                    \
    }
PACK_KERNEL(vec_packsswb, LSW, LSB, 16, sat_i8)
PACK_KERNEL(vec_packuswb, LSW, LB, 16, sat_u8)
PACK_KERNEL(vec_packssdw, LSD, LSW, 8, sat_i16)
PACK_KERNEL(vec_packusdw, LSD, LW, 8, sat_u16)

VEC_OP(PACKSSWB, VEC_BEST(packsswb))
VEC_OP(PACKUSWB, VEC_BEST(packuswb))
VEC_OP(PACKSSDW, VEC_BEST(packssdw))
VEC_OP(PACKUSDW, vec_packusdw)

/* ---- shuffle ---- */
VEC_KERNEL(vec_pshufb)
{
    union lanes x = {.v = a}, y = {.v = b}, r;
    for (unsigned i = 0; i < 16; i++)
        r.b[i] = y.b[i] & 0x80 ? 0 : LB(x, y.b[i] & 15);
    return r.v;
}
VEC_KERNEL(vec_pshufd)
{
    union lanes y = {.v = b};
    u64 d0 = LD(y, imm & 3), d1 = LD(y, (imm >> 2) & 3), d2 = LD(y, (imm >> 4) & 3), d3 = LD(y, imm >> 6);
    return (v128){d0 | d1 << 32, d2 | d3 << 32};
}
VEC_KERNEL(vec_pshuflw)
{
    union lanes y = {.v = b}, r = y;
    for (unsigned i = 0; i < 4; i++)
        LW(r, i) = LW(y, (imm >> (i * 2)) & 3);
    return r.v;
}
VEC_KERNEL(vec_pshufhw)
{
    union lanes y = {.v = b}, r = y;
    for (unsigned i = 0; i < 4; i++)
        LW(r, 4 + i) = LW(y, 4 + ((imm >> (i * 2)) & 3));
    return r.v;
}
VEC_KERNEL(vec_shufps)
{
    union lanes x = {.v = a}, y = {.v = b};
    u64 d0 = LD(x, imm & 3), d1 = LD(x, (imm >> 2) & 3), d2 = LD(y, (imm >> 4) & 3), d3 = LD(y, imm >> 6);
    return (v128){d0 | d1 << 32, d2 | d3 << 32};
}
VEC_KERNEL(vec_shufpd) { return (v128){a[imm & 1], b[(imm >> 1) & 1]}; }
VEC_KERNEL(vec_movddup) { return (v128){b[0], b[0]}; }
VEC_KERNEL(vec_movsldup)
{
    v128 low = b & 0xffffffffu;
    return low | low << 32;
}
VEC_KERNEL(vec_movshdup)
{
    v128 high = b & ~0xffffffffull;
    return high | high >> 32;
}
/* a above b, shifted right by imm bytes. */
VEC_KERNEL(vec_palignr)
{
    u128 low = (u128)b[1] << 64 | b[0], high = (u128)a[1] << 64 | a[0], r;
    unsigned n = imm * 8;
    r = n == 0 ? low : n < 128 ? low >> n | high << (128 - n) : n < 256 ? high >> (n - 128) : 0;
    return (v128){(u64)r, (u64)(r >> 64)};
}
VEC_KERNEL(best_pshufb) { return VEC_IF("ssse3", pshufb, a, b); }
VEC_OP(PSHUFB, best_pshufb)
VEC_OP(PSHUFD, vec_pshufd)
VEC_OP(PSHUFLW, vec_pshuflw)
VEC_OP(PSHUFHW, vec_pshufhw)
VEC_OP(SHUFPS, vec_shufps)
VEC_OP(MOVSLDUP, vec_movsldup)
VEC_OP(MOVSHDUP, vec_movshdup)
VEC_OP(PALIGNR, vec_palignr)

/* VSHUFPD's upper half takes imm[3:2], VBLENDPD's too, VBLENDPS's imm[7:4]: 'bits' of imm a half. */
ALWAYS_INLINE void split_imm_256(struct cpu *cpu, const struct uop *u, vec_kernel *k, unsigned bits, struct v256 b)
{
    unsigned imm = (u8)u->imm;
    v128 low = k(xmm_get(cpu, u->src2, 0), b.h[0], imm);
    xmm_set(cpu, u->dst, 1, k(xmm_get(cpu, u->src2, 1), b.h[1], imm >> bits));
    xmm_set(cpu, u->dst, 0, low);
}
#define VEC_OP_SPLIT_IMM(NAME, kernel, bits)                                                                           \
    VEC_OP_128(NAME, kernel, 16, 16)                                                                                   \
    static UOP_FN(NAME##_rr_vex256)                                                                                    \
    {                                                                                                                  \
        split_imm_256(cpu, u, kernel, bits, vec_src(cpu, u, ENC_VEX256));                                              \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    MEM_FN(NAME##_rm_vex256, 32, 1, split_imm_256(cpu, u, kernel, bits, m))                                            \
    VEC_TABLE(NAME)
VEC_OP_SPLIT_IMM(SHUFPD, vec_shufpd, 2)

/* MOVDDUP reads a qword, except in its 256-bit form. */
VEC_OP_128(MOVDDUP, vec_movddup, 8, 1)
VEC_OP_256(MOVDDUP, vec_movddup)
VEC_TABLE(MOVDDUP)

/* ---- blend ---- */
VEC_KERNEL(vec_pblendw)
{
    union lanes x = {.v = a}, y = {.v = b};
    for (unsigned i = 0; i < 8; i++)
        LW(x, i) = imm & BIT(i) ? LW(y, i) : LW(x, i);
    return x.v;
}
VEC_KERNEL(vec_blendps)
{
    union lanes x = {.v = a}, y = {.v = b};
    for (unsigned i = 0; i < 4; i++)
        LD(x, i) = imm & BIT(i) ? LD(y, i) : LD(x, i);
    return x.v;
}
VEC_KERNEL(vec_blendpd) { return (v128){imm & 1 ? b[0] : a[0], imm & 2 ? b[1] : a[1]}; }
VEC_OP(PBLENDW, vec_pblendw)
VEC_OP_SPLIT_IMM(BLENDPS, vec_blendps, 4)
VEC_OP_SPLIT_IMM(BLENDPD, vec_blendpd, 2)

/* By the sign bits of a mask register: XMM0, or with VEX the one in imm8[7:4]. */
typedef v128 blend_fn(v128 a, v128 b, v128 mask);
ALWAYS_INLINE v128 vec_pblendvb(v128 a, v128 b, v128 mask)
{
    v16i8 m = (v16i8)mask < 0;
    return ((v128)m & b) | (~(v128)m & a);
}
ALWAYS_INLINE v128 vec_blendvps(v128 a, v128 b, v128 mask)
{
    v4i32 m = (v4i32)mask < 0;
    return ((v128)m & b) | (~(v128)m & a);
}
ALWAYS_INLINE v128 vec_blendvpd(v128 a, v128 b, v128 mask)
{
    v128 m = (v128)((v2i64)mask < 0);
    return (m & b) | (~m & a);
}
/* imm8[7:4], already shifted down; outside 64-bit mode its top bit is ignored. */
ALWAYS_INLINE unsigned is4_register(const struct cpu *cpu, const struct uop *u)
{
    return u->imm & ((cpu->mode & MODE_CODE) == MODE_CODE64 ? 15 : 7);
}
ALWAYS_INLINE void blend_by_register(struct cpu *cpu, const struct uop *u, blend_fn *f, enum vec_enc enc, struct v256 b)
{
    unsigned a = enc == ENC_LEGACY ? u->dst : u->src2;
    unsigned mask = enc == ENC_LEGACY ? 0 : is4_register(cpu, u);
    v128 low = f(xmm_get(cpu, a, 0), b.h[0], xmm_get(cpu, mask, 0));
    if (enc == ENC_VEX256)
        xmm_set(cpu, u->dst, 1, f(xmm_get(cpu, a, 1), b.h[1], xmm_get(cpu, mask, 1)));
    vec_result(cpu, u, enc, low);
}
#define BLEND_REGISTER(NAME, f, suffix, enc, n, align)                                                                 \
    static UOP_FN(NAME##_rr##suffix)                                                                                   \
    {                                                                                                                  \
        blend_by_register(cpu, u, f, enc, vec_src(cpu, u, enc));                                                       \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    MEM_FN(NAME##_rm##suffix, n, align, blend_by_register(cpu, u, f, enc, m))
#define BLEND_REGISTER_OP(NAME, f)                                                                                     \
    BLEND_REGISTER(NAME, f, , ENC_LEGACY, 16, 16)                                                                      \
    BLEND_REGISTER(NAME, f, _vex128, ENC_VEX128, 16, 1)                                                                \
    BLEND_REGISTER(NAME, f, _vex256, ENC_VEX256, 32, 1)                                                                \
    VEC_TABLE(NAME)
BLEND_REGISTER_OP(PBLENDVB, vec_pblendvb)
BLEND_REGISTER_OP(BLENDVPS, vec_blendvps)
BLEND_REGISTER_OP(BLENDVPD, vec_blendvpd)

/* ---- widen: the low lanes of the source, memory operand as small as they are ---- */
typedef v128 widen_fn(union lanes y, unsigned from);
#define WIDEN(name, FROM, TO, count)                                                                                   \
    ALWAYS_INLINE v128 name(union lanes y, unsigned from)                                                              \
    {                                                                                                                  \
        union lanes r;                                                                                                 \
        for (unsigned i = 0; i < (count); i++)                                                                         \
            TO(r, i) = FROM(y, from * (count) + i);                                                                    \
        return r.v;                                                                                                    \
    }
WIDEN(widen_sxbw, LSB, LSW, 8)
WIDEN(widen_sxbd, LSB, LSD, 4)
WIDEN(widen_sxbq, LSB, LSQ, 2)
WIDEN(widen_sxwd, LSW, LSD, 4)
WIDEN(widen_sxwq, LSW, LSQ, 2)
WIDEN(widen_sxdq, LSD, LSQ, 2)
WIDEN(widen_zxbw, LB, LW, 8)
WIDEN(widen_zxbd, LB, LD, 4)
WIDEN(widen_zxbq, LB, LQ, 2)
WIDEN(widen_zxwd, LW, LD, 4)
WIDEN(widen_zxwq, LW, LQ, 2)
WIDEN(widen_zxdq, LD, LQ, 2)

ALWAYS_INLINE void widen(struct cpu *cpu, const struct uop *u, widen_fn *f, enum vec_enc enc, v128 src)
{
    union lanes y = {.v = src};
    if (enc == ENC_VEX256)
        xmm_set(cpu, u->dst, 1, f(y, 1));
    vec_result(cpu, u, enc, f(y, 0));
}
#define WIDEN_ENC(NAME, f, suffix, enc, n)                                                                             \
    static UOP_FN(NAME##_rr##suffix)                                                                                   \
    {                                                                                                                  \
        widen(cpu, u, f, enc, xmm_get(cpu, u->src, 0));                                                                \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    MEM_FN(NAME##_rm##suffix, n, 1, widen(cpu, u, f, enc, m.h[0]))
#define WIDEN_OP(NAME, f, n)                                                                                           \
    WIDEN_ENC(NAME, f, , ENC_LEGACY, n)                                                                                \
    WIDEN_ENC(NAME, f, _vex128, ENC_VEX128, n)                                                                         \
    WIDEN_ENC(NAME, f, _vex256, ENC_VEX256, n * 2)                                                                     \
    VEC_TABLE(NAME)
WIDEN_OP(PMOVSXBW, widen_sxbw, 8)
WIDEN_OP(PMOVSXBD, widen_sxbd, 4)
WIDEN_OP(PMOVSXBQ, widen_sxbq, 2)
WIDEN_OP(PMOVSXWD, widen_sxwd, 8)
WIDEN_OP(PMOVSXWQ, widen_sxwq, 4)
WIDEN_OP(PMOVSXDQ, widen_sxdq, 8)
WIDEN_OP(PMOVZXBW, widen_zxbw, 8)
WIDEN_OP(PMOVZXBD, widen_zxbd, 4)
WIDEN_OP(PMOVZXBQ, widen_zxbq, 2)
WIDEN_OP(PMOVZXWD, widen_zxwd, 8)
WIDEN_OP(PMOVZXWQ, widen_zxwq, 4)
WIDEN_OP(PMOVZXDQ, widen_zxdq, 8)

/* ---- insert from a general register or memory; imm names the lane ---- */
typedef v128 insert_fn(v128 a, u64 v, unsigned imm);
ALWAYS_INLINE v128 insert_byte(v128 a, u64 v, unsigned imm)
{
    union lanes x = {.v = a};
    LB(x, imm & 15) = (u8)v;
    return x.v;
}
ALWAYS_INLINE v128 insert_word(v128 a, u64 v, unsigned imm)
{
    union lanes x = {.v = a};
    LW(x, imm & 7) = (u16)v;
    return x.v;
}
ALWAYS_INLINE v128 insert_dword(v128 a, u64 v, unsigned imm)
{
    union lanes x = {.v = a};
    LD(x, imm & 3) = (u32)v;
    return x.v;
}
ALWAYS_INLINE v128 insert_qword(v128 a, u64 v, unsigned imm)
{
    union lanes x = {.v = a};
    LQ(x, imm & 1) = v;
    return x.v;
}
ALWAYS_INLINE void insert_lane(struct cpu *cpu, const struct uop *u, insert_fn *f, enum vec_enc enc, u64 v)
{
    unsigned a = enc == ENC_LEGACY ? u->dst : u->src2;
    vec_result(cpu, u, enc, f(xmm_get(cpu, a, 0), v, (u8)u->imm));
}
#define INSERT_ENC(NAME, f, suffix, enc, n)                                                                            \
    static UOP_FN(NAME##_rr##suffix)                                                                                   \
    {                                                                                                                  \
        insert_lane(cpu, u, f, enc, cpu->gpr[u->src]);                                                                 \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    MEM_FN(NAME##_rm##suffix, n, 1, insert_lane(cpu, u, f, enc, m.h[0][0]))
#define INSERT_OP(NAME, f, n)                                                                                          \
    INSERT_ENC(NAME, f, , ENC_LEGACY, n)                                                                               \
    INSERT_ENC(NAME, f, _vex128, ENC_VEX128, n)                                                                        \
    VEC_TABLE_128(NAME)
INSERT_OP(PINSRB, insert_byte, 1)
INSERT_OP(PINSRW, insert_word, 2)
INSERT_OP(PINSRD, insert_dword, 4)
INSERT_OP(PINSRQ, insert_qword, 8)

/* imm[7:6] source lane (0 from memory), imm[5:4] destination, imm[3:0] lanes to clear. */
ALWAYS_INLINE v128 insert_ps(v128 a, v128 b, unsigned imm)
{
    union lanes x = {.v = a}, y = {.v = b};
    LD(x, (imm >> 4) & 3) = LD(y, imm >> 6);
    for (unsigned i = 0; i < 4; i++)
        if (imm & BIT(i))
            LD(x, i) = 0;
    return x.v;
}
ALWAYS_INLINE void insertps(struct cpu *cpu, const struct uop *u, enum vec_enc enc, v128 b, unsigned imm)
{
    vec_result(cpu, u, enc, insert_ps(xmm_get(cpu, enc == ENC_LEGACY ? u->dst : u->src2, 0), b, imm));
}
static UOP_FN(INSERTPS_rr)
{
    insertps(cpu, u, ENC_LEGACY, xmm_get(cpu, u->src, 0), (u8)u->imm);
    NEXT(u);
}
MEM_FN(INSERTPS_rm, 4, 1, insertps(cpu, u, ENC_LEGACY, m.h[0], u->imm & 0x3f))
static UOP_FN(INSERTPS_rr_vex128)
{
    insertps(cpu, u, ENC_VEX128, xmm_get(cpu, u->src, 0), (u8)u->imm);
    NEXT(u);
}
MEM_FN(INSERTPS_rm_vex128, 4, 1, insertps(cpu, u, ENC_VEX128, m.h[0], u->imm & 0x3f))
const struct uop_table INSERTPS_table = {{[FORM_RR] = FORM_COLUMNS(INSERTPS_rr, INSERTPS_rr_vex128, NULL),
                                          [FORM_RM] = FORM_COLUMNS(INSERTPS_rm, INSERTPS_rm_vex128, NULL)}};

/* ---- extract to a general register (zero-extended) or memory ---- */
typedef u64 extract_fn(const struct cpu *cpu, const struct uop *u);
ALWAYS_INLINE u64 extract_byte(const struct cpu *cpu, const struct uop *u)
{
    return VB(&cpu->xmm[u->src], u->imm & 15);
}
ALWAYS_INLINE u64 extract_word(const struct cpu *cpu, const struct uop *u) { return VW(&cpu->xmm[u->src], u->imm & 7); }
ALWAYS_INLINE u64 extract_dword(const struct cpu *cpu, const struct uop *u)
{
    return VD(&cpu->xmm[u->src], u->imm & 3);
}
ALWAYS_INLINE u64 extract_qword(const struct cpu *cpu, const struct uop *u)
{
    return VQ(&cpu->xmm[u->src], u->imm & 1);
}
#define EXTRACT_OP(NAME, f, n)                                                                                         \
    static UOP_FN(NAME##_rr)                                                                                           \
    {                                                                                                                  \
        cpu->gpr[u->dst] = f(cpu, u);                                                                                  \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    STORE_FN(NAME##_mr, n, 1, (struct v256){{{f(cpu, u), 0}}})                                                         \
    const struct uop_table NAME##_table = {{[FORM_RR] = ANY_SIZE(NAME##_rr), [FORM_MR] = ANY_SIZE(NAME##_mr)}};
EXTRACT_OP(PEXTRB, extract_byte, 1)
EXTRACT_OP(PEXTRW, extract_word, 2)
EXTRACT_OP(PEXTRD, extract_dword, 4) /* and EXTRACTPS */
EXTRACT_OP(PEXTRQ, extract_qword, 8)

/* ---- sign bits to a general register ---- */
ALWAYS_INLINE u32 sign_mask_bytes(u64 q)
{
    /* The eight sign bits, gathered into the top byte by one multiplication. */
    return (u32)(((q & 0x8080808080808080ull) >> 7) * 0x0102040810204080ull >> 56);
}
ALWAYS_INLINE UNUSED u32 vec_sign_mask_b(v128 v) { return sign_mask_bytes(v[0]) | sign_mask_bytes(v[1]) << 8; }
ALWAYS_INLINE u32 sign_mask_b(const struct cpu *cpu, unsigned r, unsigned h)
{
    return VEC_BEST(sign_mask_b)(xmm_get(cpu, r, h));
}
ALWAYS_INLINE u32 sign_mask_d(const struct cpu *cpu, unsigned r, unsigned h)
{
    const union vec *x = &cpu->xmm[r];
    u32 m = 0;
    for (unsigned i = 0; i < 4; i++)
        m |= VD(x, h * 4 + i) >> 31 << i;
    return m;
}
ALWAYS_INLINE u32 sign_mask_q(const struct cpu *cpu, unsigned r, unsigned h)
{
    const union vec *x = &cpu->xmm[r];
    return (u32)(VQ(x, h * 2) >> 63 | VQ(x, h * 2 + 1) >> 63 << 1);
}
#define MASK_OP(NAME, f, bits)                                                                                         \
    static UOP_FN(NAME##_rr)                                                                                           \
    {                                                                                                                  \
        cpu->gpr[u->dst] = f(cpu, u->src, 0);                                                                          \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    static UOP_FN(NAME##_rr_vex256)                                                                                    \
    {                                                                                                                  \
        cpu->gpr[u->dst] = f(cpu, u->src, 0) | f(cpu, u->src, 1) << (bits);                                            \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    const struct uop_table NAME##_table = {{[FORM_RR] = FORM_COLUMNS(NAME##_rr, NAME##_rr, NAME##_rr_vex256)}};
MASK_OP(PMOVMSKB, sign_mask_b, 16)
MASK_OP(MOVMSKPS, sign_mask_d, 4)
MASK_OP(MOVMSKPD, sign_mask_q, 2)

/* ---- PTEST, VTESTPS, VTESTPD: ZF no common bit, CF none of b's outside a ---- */
ALWAYS_INLINE void test_bits(struct cpu *cpu, const struct uop *u, unsigned halves, struct v256 b, u64 mask)
{
    u64 both = 0, outside = 0;
    for (unsigned h = 0; h < halves; h++) {
        v128 a = xmm_get(cpu, u->dst, h), common = a & b.h[h] & mask, other = ~a & b.h[h] & mask;
        both |= common[0] | common[1];
        outside |= other[0] | other[1];
    }
    flags_from_image(cpu, (both == 0 ? FL_ZF : 0) | (outside == 0 ? FL_CF : 0));
}
#define TEST_OP(NAME, mask)                                                                                            \
    static UOP_FN(NAME##_rr)                                                                                           \
    {                                                                                                                  \
        test_bits(cpu, u, 1, (struct v256){{xmm_get(cpu, u->src, 0)}}, mask);                                          \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    MEM_FN(NAME##_rm, 16, 16, test_bits(cpu, u, 1, m, mask))                                                           \
    MEM_FN(NAME##_rm_vex128, 16, 1, test_bits(cpu, u, 1, m, mask))                                                     \
    static UOP_FN(NAME##_rr_vex256)                                                                                    \
    {                                                                                                                  \
        test_bits(cpu, u, 2, (struct v256){{xmm_get(cpu, u->src, 0), xmm_get(cpu, u->src, 1)}}, mask);                 \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    MEM_FN(NAME##_rm_vex256, 32, 1, test_bits(cpu, u, 2, m, mask))                                                     \
    const struct uop_table NAME##_table = {{[FORM_RR] = FORM_COLUMNS(NAME##_rr, NAME##_rr, NAME##_rr_vex256),          \
                                            [FORM_RM] = FORM_COLUMNS(NAME##_rm, NAME##_rm_vex128, NAME##_rm_vex256)}};
TEST_OP(PTEST, ~0ull)
TEST_OP(VTESTPS, 0x8000000080000000ull)
TEST_OP(VTESTPD, 0x8000000000000000ull)
