/*
 * Moves between xmm registers, memory, general and MMX registers, and the SSE4a
 * bit fields. Non-temporal stores are plain ones: there is no cache to avoid.
 */
#include "cpu/vec/mmx.h"
#include "cpu/vec/vec.h"

/* ---- whole vectors; alignment holds for VEX forms too ---- */
ALWAYS_INLINE void vec_move(struct cpu *cpu, const struct uop *u, enum vec_enc enc, struct v256 v)
{
    if (enc == ENC_VEX256)
        xmm_set(cpu, u->dst, 1, v.h[1]);
    vec_result(cpu, u, enc, v.h[0]);
}
#define MOVE_OP(NAME, align16, align32)                                                                                \
    static UOP_FN(NAME##_rr)                                                                                           \
    {                                                                                                                  \
        vec_move(cpu, u, ENC_LEGACY, vec_src(cpu, u, ENC_LEGACY));                                                     \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    static UOP_FN(NAME##_rr_vex128)                                                                                    \
    {                                                                                                                  \
        vec_move(cpu, u, ENC_VEX128, vec_src(cpu, u, ENC_VEX128));                                                     \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    static UOP_FN(NAME##_rr_vex256)                                                                                    \
    {                                                                                                                  \
        vec_move(cpu, u, ENC_VEX256, vec_src(cpu, u, ENC_VEX256));                                                     \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    MEM_FN(NAME##_rm, 16, align16, vec_move(cpu, u, ENC_LEGACY, m))                                                    \
    MEM_FN(NAME##_rm_vex128, 16, align16, vec_move(cpu, u, ENC_VEX128, m))                                             \
    MEM_FN(NAME##_rm_vex256, 32, align32, vec_move(cpu, u, ENC_VEX256, m))                                             \
    STORE_FN(NAME##_mr, 16, align16, vec_src(cpu, u, ENC_LEGACY))                                                      \
    STORE_FN(NAME##_mr_vex256, 32, align32, vec_src(cpu, u, ENC_VEX256))                                               \
    const struct uop_table NAME##_table = {{[FORM_RR] = FORM_COLUMNS(NAME##_rr, NAME##_rr_vex128, NAME##_rr_vex256),   \
                                            [FORM_RM] = FORM_COLUMNS(NAME##_rm, NAME##_rm_vex128, NAME##_rm_vex256),   \
                                            [FORM_MR] = FORM_COLUMNS(NAME##_mr, NAME##_mr, NAME##_mr_vex256)}};
MOVE_OP(MOVAPS, 16, 32)
MOVE_OP(MOVUPS, 1, 1)

/*
 * ---- parts: what registers give, what a load gives, what a store takes ----
 * MOVE_PART(NAME, register kernel, memory kernel, n, value to store)
 */
VEC_KERNEL(vec_movss) { return (v128){(a[0] & ~0xffffffffull) | (u32)b[0], a[1]}; }
VEC_KERNEL(vec_movsd) { return (v128){b[0], a[1]}; }
VEC_KERNEL(vec_movq) { return (v128){b[0], 0}; }
VEC_KERNEL(vec_movlhps) { return (v128){a[0], b[0]}; }
VEC_KERNEL(vec_movhlps) { return (v128){b[1], a[1]}; }
#define MOVE_PART(NAME, registers, memory, n, ...)                                                                     \
    static UOP_FN(NAME##_rr)                                                                                           \
    {                                                                                                                  \
        vec_op(cpu, u, registers, ENC_LEGACY, vec_src(cpu, u, ENC_LEGACY));                                            \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    static UOP_FN(NAME##_rr_vex128)                                                                                    \
    {                                                                                                                  \
        vec_op(cpu, u, registers, ENC_VEX128, vec_src(cpu, u, ENC_VEX128));                                            \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    MEM_FN(NAME##_rm, n, 1, vec_op(cpu, u, memory, ENC_LEGACY, m))                                                     \
    MEM_FN(NAME##_rm_vex128, n, 1, vec_op(cpu, u, memory, ENC_VEX128, m))                                              \
    STORE_FN(NAME##_mr, n, 1, __VA_ARGS__)                                                                             \
    const struct uop_table NAME##_table = {{[FORM_RR] = FORM_COLUMNS(NAME##_rr, NAME##_rr_vex128, NAME##_rr_vex128),   \
                                            [FORM_RM] = FORM_COLUMNS(NAME##_rm, NAME##_rm_vex128, NAME##_rm_vex128),   \
                                            [FORM_MR] = ANY_SIZE(NAME##_mr)}};
MOVE_PART(MOVSS, vec_movss, vec_movq, 4, vec_src(cpu, u, ENC_LEGACY))
MOVE_PART(MOVSD_XMM, vec_movsd, vec_movq, 8, vec_src(cpu, u, ENC_LEGACY))
MOVE_PART(MOVQ_XMM, vec_movq, vec_movq, 8, vec_src(cpu, u, ENC_LEGACY))
MOVE_PART(MOVLPS, vec_movhlps, vec_movsd, 8, vec_src(cpu, u, ENC_LEGACY)) /* of registers: MOVHLPS */
MOVE_PART(MOVHPS, vec_movlhps, vec_movlhps, 8, (struct v256){{{VQ(&cpu->xmm[u->src], 1), 0}}}) /* and MOVLHPS */

/* ---- from a general register or memory; the other way is PEXTRD, PEXTRQ ---- */
#define MOVE_FROM_GPR(NAME, type, n)                                                                                   \
    static UOP_FN(NAME##_rr)                                                                                           \
    {                                                                                                                  \
        vec_result(cpu, u, ENC_LEGACY, (v128){(type)cpu->gpr[u->src], 0});                                             \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    static UOP_FN(NAME##_rr_vex128)                                                                                    \
    {                                                                                                                  \
        vec_result(cpu, u, ENC_VEX128, (v128){(type)cpu->gpr[u->src], 0});                                             \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    MEM_FN(NAME##_rm, n, 1, vec_result(cpu, u, ENC_LEGACY, m.h[0]))                                                    \
    MEM_FN(NAME##_rm_vex128, n, 1, vec_result(cpu, u, ENC_VEX128, m.h[0]))                                             \
    VEC_TABLE_128(NAME)
MOVE_FROM_GPR(MOVD_XMM, u32, 4)
MOVE_FROM_GPR(MOVQ_XMM_GPR, u64, 8)

/* ---- between xmm and MMX registers ---- */
static UOP_FN(movq2dq)
{
    MMX_WAIT(cpu, u);
    MMX_ENTER(cpu);
    xmm_set(cpu, u->dst, 0, (v128){mmx_get(cpu, u->src), 0});
    NEXT(u);
}
static UOP_FN(movdq2q)
{
    MMX_WAIT(cpu, u);
    MMX_ENTER(cpu);
    mmx_set(cpu, u->dst, VQ(&cpu->xmm[u->src], 0));
    NEXT(u);
}
const struct uop_table MOVQ2DQ_table = {{[FORM_RR] = ANY_SIZE(movq2dq)}};
const struct uop_table MOVDQ2Q_table = {{[FORM_RR] = ANY_SIZE(movdq2q)}};

/* ---- stores past the cache, and by mask ---- */
static UOP_FN(movnti)
{
    mem_write(cpu, uop_lin(cpu, u, u->size, true), reg_get(cpu, u->src, u->size), u->size);
    NEXT(u);
}
const struct uop_table MOVNTI_table = {{[FORM_MR] = ANY_SIZE(movnti)}};

/* MASKMOVDQU: on AMD's silicon two MASKMOVQs, of which neither stores before both may. */
static UOP_FN(maskmovdqu)
{
    const union vec *v = &cpu->xmm[u->dst], *mask = &cpu->xmm[u->src];
    struct area half[2] = {masked_area(cpu, u, 0), masked_area(cpu, u, 8)};
    for (unsigned n = 0; n < 2; n++)
        store_masked(cpu, &half[n], VQ(v, n), VQ(mask, n));
    NEXT(u);
}
const struct uop_table MASKMOVDQU_table = {{[FORM_RR] = ANY_SIZE(maskmovdqu)}};

/*
 * ---- SSE4a: bit fields of the low qword ----
 * Length 0 means 64 (AMD APM vol. 4). The high qword is undefined; silicon clears it.
 */
ALWAYS_INLINE u64 field_mask(unsigned length) { return length ? ~0ull >> (64 - length) : ~0ull; }
ALWAYS_INLINE void extract_field(struct cpu *cpu, const struct uop *u, u64 length, u64 index)
{
    u64 v = VQ(&cpu->xmm[u->dst], 0);
    xmm_set(cpu, u->dst, 0, (v128){(v >> (index & 63)) & field_mask(length & 63), 0});
}
ALWAYS_INLINE void insert_field(struct cpu *cpu, const struct uop *u, u64 length, u64 index)
{
    u64 mask = field_mask(length & 63) << (index & 63), v = VQ(&cpu->xmm[u->src], 0) << (index & 63);
    xmm_set(cpu, u->dst, 0, (v128){(VQ(&cpu->xmm[u->dst], 0) & ~mask) | (v & mask), 0});
}
static UOP_FN(extrq_imm)
{
    extract_field(cpu, u, u->imm, (u64)u->disp);
    NEXT(u);
}
static UOP_FN(extrq)
{
    u64 control = VQ(&cpu->xmm[u->src], 0);
    extract_field(cpu, u, control, control >> 8);
    NEXT(u);
}
static UOP_FN(insertq_imm)
{
    insert_field(cpu, u, u->imm, (u64)u->disp);
    NEXT(u);
}
static UOP_FN(insertq)
{
    u64 control = VQ(&cpu->xmm[u->src], 1);
    insert_field(cpu, u, control, control >> 8);
    NEXT(u);
}
const struct uop_table EXTRQ_I_table = {{[FORM_RI] = ANY_SIZE(extrq_imm)}};
const struct uop_table EXTRQ_table = {{[FORM_RR] = ANY_SIZE(extrq)}};
const struct uop_table INSERTQ_I_table = {{[FORM_RR] = ANY_SIZE(insertq_imm)}};
const struct uop_table INSERTQ_table = {{[FORM_RR] = ANY_SIZE(insertq)}};
