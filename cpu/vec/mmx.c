/*
 * MMX, and what SSE, SSE2 and SSSE3 added to it on MMX registers (SDM vol. 1,
 * chapter 9). Each operation is a function of 64-bit values, in portable C on
 * lanes of a GNU vector; lanes are only ever matched with their own kind, so
 * byte order does not show, and what moves lanes about works on the u64.
 * The XMM forms are not here.
 */
#include "cpu/handlers.h"
#include "cpu/vec/mmx.h"

typedef u8 v8u8 __attribute__((vector_size(8)));
typedef i8 v8i8 __attribute__((vector_size(8)));
typedef u16 v4u16 __attribute__((vector_size(8)));
typedef i16 v4i16 __attribute__((vector_size(8)));
typedef u32 v2u32 __attribute__((vector_size(8)));
typedef i32 v2i32 __attribute__((vector_size(8)));
typedef u16 v8u16 __attribute__((vector_size(16)));
typedef u32 v4u32 __attribute__((vector_size(16)));
typedef i32 v4i32 __attribute__((vector_size(16)));

/* Lane n of 8, 16 or 32 bits. */
ALWAYS_INLINE u8 lane8(u64 v, unsigned n) { return (u8)(v >> (8 * n)); }
ALWAYS_INLINE u16 lane16(u64 v, unsigned n) { return (u16)(v >> (16 * n)); }
ALWAYS_INLINE u32 lane32(u64 v, unsigned n) { return (u32)(v >> (32 * n)); }

typedef u64 mmx_op(u64 a, u64 b);

/* ---- addition, subtraction, comparison, logic ---- */

#define LANES(name, type, expr)                                                                                        \
    ALWAYS_INLINE u64 name(u64 ua, u64 ub)                                                                             \
    {                                                                                                                  \
        type a = (type)ua, b = (type)ub;                                                                               \
        return (u64)(expr);                                                                                            \
    }
LANES(paddb, v8u8, a + b)
LANES(paddw, v4u16, a + b)
LANES(paddd, v2u32, a + b)
LANES(psubb, v8u8, a - b)
LANES(psubw, v4u16, a - b)
LANES(psubd, v2u32, a - b)
LANES(pcmpeqb, v8u8, a == b)
LANES(pcmpeqw, v4u16, a == b)
LANES(pcmpeqd, v2u32, a == b)
LANES(pcmpgtb, v8i8, a > b)
LANES(pcmpgtw, v4i16, a > b)
LANES(pcmpgtd, v2i32, a > b)
ALWAYS_INLINE u64 paddq(u64 a, u64 b) { return a + b; }
ALWAYS_INLINE u64 psubq(u64 a, u64 b) { return a - b; }
ALWAYS_INLINE u64 pand(u64 a, u64 b) { return a & b; }
ALWAYS_INLINE u64 pandn(u64 a, u64 b) { return ~a & b; }
ALWAYS_INLINE u64 por(u64 a, u64 b) { return a | b; }
ALWAYS_INLINE u64 pxor(u64 a, u64 b) { return a ^ b; }

/* mask ? a : b, bit by bit */
ALWAYS_INLINE u64 choose(u64 mask, u64 a, u64 b) { return (a & mask) | (b & ~mask); }
ALWAYS_INLINE u64 pminub(u64 a, u64 b) { return choose((u64)((v8u8)a < (v8u8)b), a, b); }
ALWAYS_INLINE u64 pmaxub(u64 a, u64 b) { return choose((u64)((v8u8)a > (v8u8)b), a, b); }
ALWAYS_INLINE u64 pminsw(u64 a, u64 b) { return choose((u64)((v4i16)a < (v4i16)b), a, b); }
ALWAYS_INLINE u64 pmaxsw(u64 a, u64 b) { return choose((u64)((v4i16)a > (v4i16)b), a, b); }

/* Unsigned saturation: a carry is a sum below an addend, a borrow a minuend below the subtrahend. */
ALWAYS_INLINE u64 paddusb(u64 a, u64 b) { return paddb(a, b) | (u64)((v8u8)paddb(a, b) < (v8u8)a); }
ALWAYS_INLINE u64 paddusw(u64 a, u64 b) { return paddw(a, b) | (u64)((v4u16)paddw(a, b) < (v4u16)a); }
ALWAYS_INLINE u64 psubusb(u64 a, u64 b) { return psubb(a, b) & (u64)((v8u8)a > (v8u8)b); }
ALWAYS_INLINE u64 psubusw(u64 a, u64 b) { return psubw(a, b) & (u64)((v4u16)a > (v4u16)b); }

/* Signed saturation: where 'overflow' has its sign bits set, the limit of a's sign. */
ALWAYS_INLINE u64 saturate8(u64 r, u64 a, u64 overflow)
{
    u64 limit = (u64)((v8i8)a < (v8i8){0}) ^ 0x7f7f7f7f7f7f7f7full;
    return choose((u64)((v8i8)overflow < (v8i8){0}), limit, r);
}
ALWAYS_INLINE u64 saturate16(u64 r, u64 a, u64 overflow)
{
    u64 limit = (u64)((v4i16)a < (v4i16){0}) ^ 0x7fff7fff7fff7fffull;
    return choose((u64)((v4i16)overflow < (v4i16){0}), limit, r);
}
ALWAYS_INLINE u64 paddsb(u64 a, u64 b)
{
    u64 r = paddb(a, b);
    return saturate8(r, a, (a ^ r) & (b ^ r));
}
ALWAYS_INLINE u64 paddsw(u64 a, u64 b)
{
    u64 r = paddw(a, b);
    return saturate16(r, a, (a ^ r) & (b ^ r));
}
ALWAYS_INLINE u64 psubsb(u64 a, u64 b)
{
    u64 r = psubb(a, b);
    return saturate8(r, a, (a ^ b) & (a ^ r));
}
ALWAYS_INLINE u64 psubsw(u64 a, u64 b)
{
    u64 r = psubw(a, b);
    return saturate16(r, a, (a ^ b) & (a ^ r));
}

ALWAYS_INLINE u64 pavgb(u64 a, u64 b)
{
    v8u16 s = __builtin_convertvector((v8u8)a, v8u16) + __builtin_convertvector((v8u8)b, v8u16) + 1;
    return (u64) __builtin_convertvector(s >> 1, v8u8);
}
ALWAYS_INLINE u64 pavgw(u64 a, u64 b)
{
    v4u32 s = __builtin_convertvector((v4u16)a, v4u32) + __builtin_convertvector((v4u16)b, v4u32) + 1;
    return (u64) __builtin_convertvector(s >> 1, v4u16);
}
ALWAYS_INLINE u64 psadbw(u64 a, u64 b)
{
    u64 sum = 0;
    for (unsigned i = 0; i < 8; i++)
        sum += (u64)(lane8(a, i) > lane8(b, i) ? lane8(a, i) - lane8(b, i) : lane8(b, i) - lane8(a, i));
    return sum;
}

/* ---- multiplication ---- */

LANES(pmullw, v4u16, a *b)
ALWAYS_INLINE u64 pmulhw(u64 a, u64 b)
{
    v4i32 p = __builtin_convertvector((v4i16)a, v4i32) * __builtin_convertvector((v4i16)b, v4i32);
    return (u64) __builtin_convertvector(p >> 16, v4i16);
}
ALWAYS_INLINE u64 pmulhuw(u64 a, u64 b)
{
    v4u32 p = __builtin_convertvector((v4u16)a, v4u32) * __builtin_convertvector((v4u16)b, v4u32);
    return (u64) __builtin_convertvector(p >> 16, v4u16);
}
ALWAYS_INLINE u64 pmulhrsw(u64 a, u64 b)
{
    v4i32 p = __builtin_convertvector((v4i16)a, v4i32) * __builtin_convertvector((v4i16)b, v4i32);
    return (u64) __builtin_convertvector(((p >> 14) + 1) >> 1, v4i16);
}
ALWAYS_INLINE u64 pmuludq(u64 a, u64 b) { return (u64)(u32)a * (u32)b; }
/* Sums of neighbouring products; two products of -32768 * -32768 wrap. */
ALWAYS_INLINE u64 pmaddwd(u64 a, u64 b)
{
    u64 r = 0;
    for (unsigned i = 0; i < 2; i++) {
        i32 low = (i16)lane16(a, 2 * i) * (i16)lane16(b, 2 * i);
        i32 high = (i16)lane16(a, 2 * i + 1) * (i16)lane16(b, 2 * i + 1);
        r |= (u64)((u32)low + (u32)high) << (32 * i);
    }
    return r;
}
ALWAYS_INLINE u16 signed_word(i32 v) { return (u16)(v < -0x8000 ? -0x8000 : v > 0x7fff ? 0x7fff : v); }
/* Unsigned bytes of a by signed bytes of b. */
ALWAYS_INLINE u64 pmaddubsw(u64 a, u64 b)
{
    u64 r = 0;
    for (unsigned i = 0; i < 4; i++)
        r |= (u64)signed_word(lane8(a, 2 * i) * (i8)lane8(b, 2 * i) + lane8(a, 2 * i + 1) * (i8)lane8(b, 2 * i + 1))
             << (16 * i);
    return r;
}

/* ---- horizontal (SSSE3) ---- */

#define HORIZONTAL16(name, expr)                                                                                       \
    static u64 name(u64 a, u64 b)                                                                                      \
    {                                                                                                                  \
        u64 r = 0;                                                                                                     \
        for (unsigned i = 0; i < 4; i++) {                                                                             \
            u64 v = i < 2 ? a : b;                                                                                     \
            i32 x = (i16)lane16(v, 2 * (i & 1)), y = (i16)lane16(v, 2 * (i & 1) + 1);                                  \
            r |= (u64)(u16)(expr) << (16 * i);                                                                         \
        }                                                                                                              \
        return r;                                                                                                      \
    }
HORIZONTAL16(phaddw, x + y)
HORIZONTAL16(phsubw, x - y)
HORIZONTAL16(phaddsw, signed_word(x + y))
HORIZONTAL16(phsubsw, signed_word(x - y))
ALWAYS_INLINE u64 phaddd(u64 a, u64 b)
{
    return (u32)(lane32(a, 0) + lane32(a, 1)) | (u64)(lane32(b, 0) + lane32(b, 1)) << 32;
}
ALWAYS_INLINE u64 phsubd(u64 a, u64 b)
{
    return (u32)(lane32(a, 0) - lane32(a, 1)) | (u64)(lane32(b, 0) - lane32(b, 1)) << 32;
}

/* a negated, zeroed or kept by the sign of b; PABS is that with a = b. Unsigned: -min is min. */
#define SIGNED_BY(name, utype, itype)                                                                                  \
    ALWAYS_INLINE u64 name(u64 a, u64 b)                                                                               \
    {                                                                                                                  \
        u64 negative = (u64)((itype)b < (itype){0}), zero = (u64)((itype)b == (itype){0});                             \
        return choose(negative, (u64)((utype){0} - (utype)a), a) & ~zero;                                              \
    }
SIGNED_BY(psignb, v8u8, v8i8)
SIGNED_BY(psignw, v4u16, v4i16)
SIGNED_BY(psignd, v2u32, v2i32)
ALWAYS_INLINE u64 pabsb(u64 a, u64 b)
{
    (void)a;
    return psignb(b, b);
}
ALWAYS_INLINE u64 pabsw(u64 a, u64 b)
{
    (void)a;
    return psignw(b, b);
}
ALWAYS_INLINE u64 pabsd(u64 a, u64 b)
{
    (void)a;
    return psignd(b, b);
}

/* ---- moving lanes about ---- */

static u64 packsswb(u64 a, u64 b)
{
    u64 r = 0;
    for (unsigned i = 0; i < 8; i++) {
        i16 v = (i16)lane16(i < 4 ? a : b, i & 3);
        r |= (u64)(u8)(v < -0x80 ? -0x80 : v > 0x7f ? 0x7f : v) << (8 * i);
    }
    return r;
}
static u64 packuswb(u64 a, u64 b)
{
    u64 r = 0;
    for (unsigned i = 0; i < 8; i++) {
        i16 v = (i16)lane16(i < 4 ? a : b, i & 3);
        r |= (u64)(u8)(v < 0 ? 0 : v > 0xff ? 0xff : v) << (8 * i);
    }
    return r;
}
static u64 packssdw(u64 a, u64 b)
{
    u64 r = 0;
    for (unsigned i = 0; i < 4; i++)
        r |= (u64)signed_word((i32)lane32(i < 2 ? a : b, i & 1)) << (16 * i);
    return r;
}
/* The 32 bits of v with gaps of 'n' bits between lanes of n. */
ALWAYS_INLINE u64 spread16(u64 v) { return (v & 0xffff) | (v & 0xffff0000u) << 16; }
ALWAYS_INLINE u64 spread8(u64 v)
{
    v = spread16(v);
    return (v & 0x000000ff000000ffull) | (v & 0x0000ff000000ff00ull) << 8;
}
ALWAYS_INLINE u64 punpcklbw(u64 a, u64 b) { return spread8((u32)a) | spread8((u32)b) << 8; }
ALWAYS_INLINE u64 punpcklwd(u64 a, u64 b) { return spread16((u32)a) | spread16((u32)b) << 16; }
ALWAYS_INLINE u64 punpckldq(u64 a, u64 b) { return (u32)a | b << 32; }
ALWAYS_INLINE u64 punpckhbw(u64 a, u64 b) { return punpcklbw(a >> 32, b >> 32); }
ALWAYS_INLINE u64 punpckhwd(u64 a, u64 b) { return punpcklwd(a >> 32, b >> 32); }
ALWAYS_INLINE u64 punpckhdq(u64 a, u64 b) { return a >> 32 | (b >> 32) << 32; }
static u64 pshufb(u64 a, u64 b)
{
    u64 r = 0;
    for (unsigned i = 0; i < 8; i++)
        if (!(lane8(b, i) & 0x80))
            r |= (u64)lane8(a, lane8(b, i) & 7) << (8 * i);
    return r;
}
ALWAYS_INLINE u64 pshufw(u64 a, u64 b, u8 imm)
{
    (void)a;
    u64 r = 0;
    for (unsigned i = 0; i < 4; i++)
        r |= (u64)lane16(b, imm >> (2 * i) & 3) << (16 * i);
    return r;
}
ALWAYS_INLINE u64 pinsrw(u64 a, u64 b, u8 imm)
{
    unsigned shift = 16 * (imm & 3u);
    return (a & ~(0xffffull << shift)) | (b & 0xffff) << shift;
}
/* Bytes imm.. of a:b, zeros above. */
ALWAYS_INLINE u64 palignr(u64 a, u64 b, u8 imm)
{
    if (imm >= 16)
        return 0;
    u128 both = (u128)a << 64 | b;
    return (u64)(both >> (8 * imm));
}

/* ---- shifts: the count is all 64 bits of b ---- */

#define SHIFT(name, type, bits, large, expr)                                                                           \
    ALWAYS_INLINE u64 name(u64 a, u64 b)                                                                               \
    {                                                                                                                  \
        if (b >= (bits))                                                                                               \
            return large;                                                                                              \
        type v = (type)a;                                                                                              \
        return (u64)(expr);                                                                                            \
    }
SHIFT(psllw, v4u16, 16, 0, v << (u16)b)
SHIFT(pslld, v2u32, 32, 0, v << (u32)b)
SHIFT(psllq, u64, 64, 0, v << b)
SHIFT(psrlw, v4u16, 16, 0, v >> (u16)b)
SHIFT(psrld, v2u32, 32, 0, v >> (u32)b)
SHIFT(psrlq, u64, 64, 0, v >> b)
SHIFT(psraw, v4i16, 16, (u64)((v4i16)a >> 15), v >> (i16)b)
SHIFT(psrad, v2i32, 32, (u64)((v2i32)a >> 31), v >> (i32)b)

/* ---- shapes ---- */

ALWAYS_INLINE const struct uop *mmx_rr(struct cpu *cpu, const struct uop *u, mmx_op *op)
{
    MMX_WAIT(cpu, u);
    MMX_ENTER(cpu);
    mmx_set(cpu, u->dst, op(mmx_get(cpu, u->dst), mmx_get(cpu, u->src)));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *mmx_rm(struct cpu *cpu, const struct uop *u, mmx_op *op, unsigned size)
{
    MMX_WAIT(cpu, u);
    u64 b = mem_read(cpu, uop_lin(cpu, u, size, false), size);
    MMX_ENTER(cpu);
    mmx_set(cpu, u->dst, op(mmx_get(cpu, u->dst), b));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *mmx_ri(struct cpu *cpu, const struct uop *u, mmx_op *op)
{
    MMX_WAIT(cpu, u);
    MMX_ENTER(cpu);
    mmx_set(cpu, u->dst, op(mmx_get(cpu, u->dst), (u8)u->imm));
    NEXT(u);
}

#define MMX_SIZED(name, size)                                                                                          \
    static UOP_FN(name##_rr) { return mmx_rr(cpu, u, name); }                                                          \
    static UOP_FN(name##_rm) { return mmx_rm(cpu, u, name, size); }                                                    \
    const struct uop_table uop_mmx_##name = {.fn = {[FORM_RR] = ANY_SIZE(name##_rr), [FORM_RM] = ANY_SIZE(name##_rm)}};
#define MMX(name) MMX_SIZED(name, 8)
MMX(paddb)
MMX(paddw)
MMX(paddd)
MMX(paddq)
MMX(psubb)
MMX(psubw)
MMX(psubd)
MMX(psubq)
MMX(paddsb)
MMX(paddsw)
MMX(paddusb)
MMX(paddusw)
MMX(psubsb)
MMX(psubsw)
MMX(psubusb)
MMX(psubusw)
MMX(pcmpeqb)
MMX(pcmpeqw)
MMX(pcmpeqd)
MMX(pcmpgtb)
MMX(pcmpgtw)
MMX(pcmpgtd)
MMX(pand)
MMX(pandn)
MMX(por)
MMX(pxor)
MMX(pminub)
MMX(pmaxub)
MMX(pminsw)
MMX(pmaxsw)
MMX(pavgb)
MMX(pavgw)
MMX(psadbw)
MMX(pmullw)
MMX(pmulhw)
MMX(pmulhuw)
MMX(pmulhrsw)
MMX(pmuludq)
MMX(pmaddwd)
MMX(pmaddubsw)
MMX(phaddw)
MMX(phaddd)
MMX(phaddsw)
MMX(phsubw)
MMX(phsubd)
MMX(phsubsw)
MMX(psignb)
MMX(psignw)
MMX(psignd)
MMX(pabsb)
MMX(pabsw)
MMX(pabsd)
MMX(packsswb)
MMX(packuswb)
MMX(packssdw)
MMX(pshufb)
MMX(punpckhbw)
MMX(punpckhwd)
MMX(punpckhdq)
MMX_SIZED(punpcklbw, 4)
MMX_SIZED(punpcklwd, 4)
MMX_SIZED(punpckldq, 4)

#define MMX_SHIFT(name)                                                                                                \
    static UOP_FN(name##_rr) { return mmx_rr(cpu, u, name); }                                                          \
    static UOP_FN(name##_rm) { return mmx_rm(cpu, u, name, 8); }                                                       \
    static UOP_FN(name##_ri) { return mmx_ri(cpu, u, name); }                                                          \
    const struct uop_table uop_mmx_##name = {                                                                          \
        .fn = {[FORM_RR] = ANY_SIZE(name##_rr), [FORM_RM] = ANY_SIZE(name##_rm), [FORM_RI] = ANY_SIZE(name##_ri)}};
MMX_SHIFT(psllw)
MMX_SHIFT(pslld)
MMX_SHIFT(psllq)
MMX_SHIFT(psrlw)
MMX_SHIFT(psrld)
MMX_SHIFT(psrlq)
MMX_SHIFT(psraw)
MMX_SHIFT(psrad)

/* Operations with an immediate besides both operands; PINSRW's source is a GPR. */
#define MMX_IMM(name, size, source)                                                                                    \
    static UOP_FN(name##_rr)                                                                                           \
    {                                                                                                                  \
        MMX_WAIT(cpu, u);                                                                                              \
        MMX_ENTER(cpu);                                                                                                \
        mmx_set(cpu, u->dst, name(mmx_get(cpu, u->dst), source, (u8)u->imm));                                          \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    static UOP_FN(name##_rm)                                                                                           \
    {                                                                                                                  \
        MMX_WAIT(cpu, u);                                                                                              \
        u64 b = mem_read(cpu, uop_lin(cpu, u, size, false), size);                                                     \
        MMX_ENTER(cpu);                                                                                                \
        mmx_set(cpu, u->dst, name(mmx_get(cpu, u->dst), b, (u8)u->imm));                                               \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    const struct uop_table uop_mmx_##name = {.fn = {[FORM_RR] = ANY_SIZE(name##_rr), [FORM_RM] = ANY_SIZE(name##_rm)}};
MMX_IMM(pshufw, 8, mmx_get(cpu, u->src))
MMX_IMM(palignr, 8, mmx_get(cpu, u->src))
MMX_IMM(pinsrw, 2, reg_get(cpu, u->src, 2))

/* ---- moves ---- */

ALWAYS_INLINE u64 second(u64 a, u64 b)
{
    (void)a;
    return b;
}
static UOP_FN(movq_rr) { return mmx_rr(cpu, u, second); }
static UOP_FN(movq_rm) { return mmx_rm(cpu, u, second, 8); }
static UOP_FN(movq_mr)
{
    MMX_WAIT(cpu, u);
    mem_write(cpu, uop_lin(cpu, u, 8, true), mmx_get(cpu, u->src), 8);
    MMX_ENTER(cpu);
    NEXT(u);
}
const struct uop_table uop_mmx_movq = {
    .fn = {[FORM_RR] = ANY_SIZE(movq_rr), [FORM_RM] = ANY_SIZE(movq_rm), [FORM_MR] = ANY_SIZE(movq_mr)}};

/* MOVD, and MOVQ with REX.W: between a GPR or memory and an MMX register, zero-extending. */
ALWAYS_INLINE const struct uop *to_mmx(struct cpu *cpu, const struct uop *u, unsigned size)
{
    MMX_WAIT(cpu, u);
    MMX_ENTER(cpu);
    mmx_set(cpu, u->dst, reg_get(cpu, u->src, size));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *from_mmx(struct cpu *cpu, const struct uop *u, unsigned size)
{
    MMX_WAIT(cpu, u);
    MMX_ENTER(cpu);
    reg_set(cpu, u->dst, size, mmx_get(cpu, u->src));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *from_mmx_m(struct cpu *cpu, const struct uop *u, unsigned size)
{
    MMX_WAIT(cpu, u);
    mem_write(cpu, uop_lin(cpu, u, size, true), mmx_get(cpu, u->src), size);
    MMX_ENTER(cpu);
    NEXT(u);
}
static UOP_FN(to_mmx_r32) { return to_mmx(cpu, u, 4); }
static UOP_FN(to_mmx_r64) { return to_mmx(cpu, u, 8); }
static UOP_FN(to_mmx_m32) { return mmx_rm(cpu, u, second, 4); }
static UOP_FN(from_mmx_r32) { return from_mmx(cpu, u, 4); }
static UOP_FN(from_mmx_r64) { return from_mmx(cpu, u, 8); }
static UOP_FN(from_mmx_m32) { return from_mmx_m(cpu, u, 4); }
static UOP_FN(from_mmx_m64) { return from_mmx_m(cpu, u, 8); }
const struct uop_table uop_mmx_movd_to = {
    .fn = {[FORM_RR] = {NULL, NULL, to_mmx_r32, to_mmx_r64}, [FORM_RM] = {NULL, NULL, to_mmx_m32, movq_rm}}};
const struct uop_table uop_mmx_movd_from = {
    .fn = {[FORM_RR] = {NULL, NULL, from_mmx_r32, from_mmx_r64}, [FORM_MR] = {NULL, NULL, from_mmx_m32, from_mmx_m64}}};

static UOP_FN(pextrw_rr)
{
    MMX_WAIT(cpu, u);
    MMX_ENTER(cpu);
    reg_set(cpu, u->dst, 4, lane16(mmx_get(cpu, u->src), u->imm & 3));
    NEXT(u);
}
static UOP_FN(pmovmskb_rr)
{
    MMX_WAIT(cpu, u);
    MMX_ENTER(cpu);
    /* The sign bits, gathered in the top byte: no two partial products meet. */
    reg_set(cpu, u->dst, 4, ((mmx_get(cpu, u->src) & 0x8080808080808080ull) >> 7) * 0x0102040810204080ull >> 56);
    NEXT(u);
}
const struct uop_table uop_mmx_pextrw = {.fn = {[FORM_RR] = ANY_SIZE(pextrw_rr)}};
const struct uop_table uop_mmx_pmovmskb = {.fn = {[FORM_RR] = ANY_SIZE(pmovmskb_rr)}};

/* Byte by byte, as silicon has it. */
struct area masked_area(struct cpu *cpu, const struct uop *u, unsigned at)
{
    u64 ea = addr_wrap(u, cpu->gpr[RDI] + at), lin = lin_at(cpu, u, u->seg, ea, 8, true);
    struct area a = area_of(cpu, u, u->seg, ea, lin, 8, (struct area_parts){8, 1});
    area_probe_write(cpu, &a, 0, 8);
    return a;
}
void store_masked(struct cpu *cpu, const struct area *a, u64 v, u64 mask)
{
    for (unsigned i = 0; i < 8; i++)
        if (lane8(mask, i) & 0x80)
            area_write(cpu, a, i, &(u8){lane8(v, i)}, 1);
}
/* A fault finds the unit already in MMX mode: so does AMD's silicon. */
static UOP_FN(maskmovq_rr)
{
    MMX_WAIT(cpu, u);
    MMX_ENTER(cpu);
    struct area a = masked_area(cpu, u, 0);
    store_masked(cpu, &a, mmx_get(cpu, u->dst), mmx_get(cpu, u->src));
    NEXT(u);
}
const struct uop_table uop_mmx_maskmovq = {.fn = {[FORM_RR] = ANY_SIZE(maskmovq_rr)}};

/* Every register becomes empty; TOP too is 0 after it. */
static UOP_FN(emms_0)
{
    MMX_WAIT(cpu, u);
    cpu->fpu.top = 0;
    cpu->fpu.ftw = 0;
    NEXT(u);
}
const struct uop_table uop_mmx_emms = {.fn = {[FORM_0] = ANY_SIZE(emms_0)}};
