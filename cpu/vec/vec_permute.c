/*
 * What AVX and AVX2 added: broadcasts, permutations, 128-bit halves moved about,
 * and clearing the upper halves. VEX forms only.
 */
#include "cpu/vec/vec.h"

/* ---- both halves by one kernel, whatever their source ---- */
VEC_KERNEL(vec_permilps) /* control in the low two bits of each dword of b */
{
    union lanes x = {.v = a}, y = {.v = b}, r;
    for (unsigned i = 0; i < 4; i++)
        LD(r, i) = LD(x, LD(y, i) & 3);
    return r.v;
}
VEC_KERNEL(vec_permilpd) { return (v128){a[b[0] >> 1 & 1], a[b[1] >> 1 & 1]}; }
VEC_OP(VPERMILPS, vec_permilps)
VEC_OP(VPERMILPD, vec_permilpd)

/* VPERMILPD by immediate: two bits of it a half. */
VEC_KERNEL(vec_permilpd_imm) { return (v128){b[imm & 1], b[imm >> 1 & 1]}; }
ALWAYS_INLINE void permilpd_imm_256(struct cpu *cpu, const struct uop *u, struct v256 b)
{
    unsigned imm = (u8)u->imm;
    xmm_set(cpu, u->dst, 0, vec_permilpd_imm(b.h[0], b.h[0], imm));
    xmm_set(cpu, u->dst, 1, vec_permilpd_imm(b.h[1], b.h[1], imm >> 2));
}
ALWAYS_INLINE struct v256 vec_src256(const struct cpu *cpu, unsigned r)
{
    return (struct v256){{xmm_get(cpu, r, 0), xmm_get(cpu, r, 1)}};
}
ALWAYS_INLINE void vec_result256(struct cpu *cpu, const struct uop *u, struct v256 r)
{
    xmm_set(cpu, u->dst, 0, r.h[0]);
    xmm_set(cpu, u->dst, 1, r.h[1]);
}
VEC_OP_128(VPERMILPD_I, vec_permilpd_imm, 16, 1)
static UOP_FN(VPERMILPD_I_rr_vex256)
{
    permilpd_imm_256(cpu, u, vec_src256(cpu, u->src));
    NEXT(u);
}
MEM_FN(VPERMILPD_I_rm_vex256, 32, 1, permilpd_imm_256(cpu, u, m))
VEC_TABLE(VPERMILPD_I)

/* ---- broadcasts: of the low element of a register, or of memory ---- */
ALWAYS_INLINE v128 broadcast(u64 v, unsigned n)
{
    v = n == 1   ? (u8)v * 0x0101010101010101ull
        : n == 2 ? (u16)v * 0x0001000100010001ull
        : n == 4 ? (u32)v * 0x0000000100000001ull
                 : v;
    return (v128){v, v};
}
ALWAYS_INLINE void broadcast_op(struct cpu *cpu, const struct uop *u, u64 v, unsigned n, enum vec_enc enc)
{
    v128 r = broadcast(v, n);
    if (enc == ENC_VEX256)
        xmm_set(cpu, u->dst, 1, r);
    vec_result(cpu, u, enc, r);
}
#define BROADCAST_ENC(NAME, n, suffix, enc)                                                                            \
    static UOP_FN(NAME##_rr##suffix)                                                                                   \
    {                                                                                                                  \
        broadcast_op(cpu, u, VQ(&cpu->xmm[u->src], 0), n, enc);                                                        \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    MEM_FN(NAME##_rm##suffix, n, 1, broadcast_op(cpu, u, m.h[0][0], n, enc))
#define BROADCAST_OP(NAME, n)                                                                                          \
    BROADCAST_ENC(NAME, n, _vex128, ENC_VEX128)                                                                        \
    BROADCAST_ENC(NAME, n, _vex256, ENC_VEX256)                                                                        \
    VEC_TABLE_VEX(NAME)
BROADCAST_OP(VPBROADCASTB, 1)
BROADCAST_OP(VPBROADCASTW, 2)
BROADCAST_OP(VPBROADCASTD, 4) /* and VBROADCASTSS */
BROADCAST_OP(VPBROADCASTQ, 8) /* and VBROADCASTSD */

MEM_FN(vbroadcastf128, 16, 1, vec_result256(cpu, u, m)) /* a read of sixteen bytes is in both halves */
const struct uop_table VBROADCASTF128_table = {{[FORM_RM] = ANY_SIZE(vbroadcastf128)}};

/* ---- halves ---- */
static UOP_FN(vextractf128_rr)
{
    vec_result(cpu, u, ENC_VEX128, xmm_get(cpu, u->src, u->imm & 1));
    NEXT(u);
}
STORE_FN(vextractf128_mr, 16, 1, (struct v256){{xmm_get(cpu, u->src, u->imm & 1)}})
const struct uop_table VEXTRACTF128_table = {
    {[FORM_RR] = ANY_SIZE(vextractf128_rr), [FORM_MR] = ANY_SIZE(vextractf128_mr)}};

ALWAYS_INLINE void insert_half(struct cpu *cpu, const struct uop *u, v128 v)
{
    struct v256 r = vec_src256(cpu, u->src2);
    r.h[u->imm & 1] = v;
    vec_result256(cpu, u, r);
}
static UOP_FN(vinsertf128_rr)
{
    insert_half(cpu, u, xmm_get(cpu, u->src, 0));
    NEXT(u);
}
MEM_FN(vinsertf128_rm, 16, 1, insert_half(cpu, u, m.h[0]))
const struct uop_table VINSERTF128_table = {
    {[FORM_RR] = ANY_SIZE(vinsertf128_rr), [FORM_RM] = ANY_SIZE(vinsertf128_rm)}};

/* Each half of the result: one of four halves, or zero (bit 3). */
ALWAYS_INLINE void permute_halves(struct cpu *cpu, const struct uop *u, struct v256 b)
{
    struct v256 a = vec_src256(cpu, u->src2), r;
    const v128 from[4] = {a.h[0], a.h[1], b.h[0], b.h[1]};
    unsigned imm = (u8)u->imm;
    r.h[0] = imm & 0x08 ? (v128){0, 0} : from[imm & 3];
    r.h[1] = imm & 0x80 ? (v128){0, 0} : from[imm >> 4 & 3];
    vec_result256(cpu, u, r);
}
static UOP_FN(vperm2f128_rr)
{
    permute_halves(cpu, u, vec_src256(cpu, u->src));
    NEXT(u);
}
MEM_FN(vperm2f128_rm, 32, 1, permute_halves(cpu, u, m))
const struct uop_table VPERM2F128_table = {{[FORM_RR] = ANY_SIZE(vperm2f128_rr), [FORM_RM] = ANY_SIZE(vperm2f128_rm)}};

/* ---- across the whole register ---- */
/* Dwords of b as the low three bits of src2's dwords say. */
ALWAYS_INLINE void permute_dwords(struct cpu *cpu, const struct uop *u, struct v256 b)
{
    const union vec control = cpu->xmm[u->src2];
    const union lanes from[2] = {{.v = b.h[0]}, {.v = b.h[1]}};
    for (unsigned i = 0; i < 8; i++) {
        unsigned at = VD(&control, i) & 7;
        VD(&cpu->xmm[u->dst], i) = LD(from[at >> 2], at & 3);
    }
}
static UOP_FN(vpermd_rr)
{
    permute_dwords(cpu, u, vec_src256(cpu, u->src));
    NEXT(u);
}
MEM_FN(vpermd_rm, 32, 1, permute_dwords(cpu, u, m))
const struct uop_table VPERMD_table = {{[FORM_RR] = ANY_SIZE(vpermd_rr), [FORM_RM] = ANY_SIZE(vpermd_rm)}};

ALWAYS_INLINE void permute_qwords(struct cpu *cpu, const struct uop *u, struct v256 b)
{
    unsigned imm = (u8)u->imm;
    for (unsigned i = 0; i < 4; i++) {
        unsigned at = imm >> (2 * i) & 3;
        VQ(&cpu->xmm[u->dst], i) = b.h[at >> 1][at & 1];
    }
}
static UOP_FN(vpermq_rr)
{
    permute_qwords(cpu, u, vec_src256(cpu, u->src));
    NEXT(u);
}
MEM_FN(vpermq_rm, 32, 1, permute_qwords(cpu, u, m))
const struct uop_table VPERMQ_table = {{[FORM_RR] = ANY_SIZE(vpermq_rr), [FORM_RM] = ANY_SIZE(vpermq_rm)}};

/* ---- VZEROUPPER, VZEROALL: the registers the mode has ---- */
ALWAYS_INLINE unsigned register_count(const struct cpu *cpu) { return (cpu->mode & MODE_CODE) == MODE_CODE64 ? 16 : 8; }
static UOP_FN(vzeroupper)
{
    for (unsigned r = 0; r < register_count(cpu); r++)
        xmm_clear_upper(cpu, r);
    NEXT(u);
}
static UOP_FN(vzeroall)
{
    memset(cpu->xmm, 0, register_count(cpu) * sizeof(cpu->xmm[0]));
    NEXT(u);
}
const struct uop_table VZEROUPPER_table = {{[FORM_0] = ANY_SIZE(vzeroupper)}};
const struct uop_table VZEROALL_table = {{[FORM_0] = ANY_SIZE(vzeroall)}};
