/*
 * Moves between xmm registers, memory, general and MMX registers, and the SSE4a
 * bit fields. Non-temporal stores are plain ones: there is no cache to avoid.
 */
#include "cpu/handlers.h"
#include "cpu/mmx.h"
#include "cpu/vec.h"

/* ---- whole vectors; 'align' holds for VEX forms too ---- */
ALWAYS_INLINE void vec_move_rr(struct cpu *cpu, const struct uop *u, enum vec_enc enc)
{
    if (enc == ENC_VEX256)
        cpu->xmm[u->dst] = cpu->xmm[u->src];
    else
        vec_result(cpu, u, enc, xmm_get(cpu, u->src, 0));
}
ALWAYS_INLINE void vec_move_rm(struct cpu *cpu, const struct uop *u, enum vec_enc enc, bool aligned)
{
    if (enc == ENC_VEX256) {
        struct v256 v = vec_load256(cpu, u, aligned ? 32 : 1);
        xmm_set(cpu, u->dst, 0, v.h[0]);
        xmm_set(cpu, u->dst, 1, v.h[1]);
    } else {
        vec_result(cpu, u, enc, vec_load(cpu, u, 16, aligned ? 16 : 1));
    }
}
ALWAYS_INLINE void vec_move_mr(struct cpu *cpu, const struct uop *u, enum vec_enc enc, bool aligned)
{
    if (enc == ENC_VEX256)
        vec_store256(cpu, u, aligned ? 32 : 1, (struct v256){{xmm_get(cpu, u->src, 0), xmm_get(cpu, u->src, 1)}});
    else
        vec_store(cpu, u, 16, aligned ? 16 : 1, xmm_get(cpu, u->src, 0));
}
#define MOVE_OP(NAME, aligned)                                                                               \
    static UOP_FN(NAME##_rr) { vec_move_rr(cpu, u, ENC_LEGACY); NEXT(u); }                                   \
    static UOP_FN(NAME##_rm) { vec_move_rm(cpu, u, ENC_LEGACY, aligned); NEXT(u); }                          \
    static UOP_FN(NAME##_mr) { vec_move_mr(cpu, u, ENC_LEGACY, aligned); NEXT(u); }                          \
    static UOP_FN(NAME##_rr_vex128) { vec_move_rr(cpu, u, ENC_VEX128); NEXT(u); }                            \
    static UOP_FN(NAME##_rm_vex128) { vec_move_rm(cpu, u, ENC_VEX128, aligned); NEXT(u); }                   \
    static UOP_FN(NAME##_rr_vex256) { vec_move_rr(cpu, u, ENC_VEX256); NEXT(u); }                            \
    static UOP_FN(NAME##_rm_vex256) { vec_move_rm(cpu, u, ENC_VEX256, aligned); NEXT(u); }                   \
    static UOP_FN(NAME##_mr_vex256) { vec_move_mr(cpu, u, ENC_VEX256, aligned); NEXT(u); }                   \
    const struct uop_table NAME##_table = {                                                                  \
        {[FORM_RR] = FORM_COLUMNS(NAME##_rr, NAME##_rr_vex128, NAME##_rr_vex256),                            \
         [FORM_RM] = FORM_COLUMNS(NAME##_rm, NAME##_rm_vex128, NAME##_rm_vex256),                            \
         [FORM_MR] = FORM_COLUMNS(NAME##_mr, NAME##_mr, NAME##_mr_vex256)}};
MOVE_OP(MOVAPS, true)
MOVE_OP(MOVUPS, false)

/* ---- MOVSS, MOVSD: registers merge, loads clear ---- */
VEC_KERNEL(vec_movss) { return (v128){(a[0] & ~0xffffffffull) | (u32)b[0], a[1]}; }
VEC_KERNEL(vec_movsd) { return (v128){b[0], a[1]}; }
#define MOVE_SCALAR(NAME, kernel, n)                                                                         \
    static UOP_FN(NAME##_rr) { vec_op_rr(cpu, u, kernel, ENC_LEGACY); NEXT(u); }                             \
    static UOP_FN(NAME##_rr_vex) { vec_op_rr(cpu, u, kernel, ENC_VEX128); NEXT(u); }                         \
    static UOP_FN(NAME##_rm) { vec_result(cpu, u, ENC_LEGACY, vec_load(cpu, u, n, 1)); NEXT(u); }            \
    static UOP_FN(NAME##_rm_vex) { vec_result(cpu, u, ENC_VEX128, vec_load(cpu, u, n, 1)); NEXT(u); }        \
    static UOP_FN(NAME##_mr) { vec_store(cpu, u, n, 1, xmm_get(cpu, u->src, 0)); NEXT(u); }                  \
    const struct uop_table NAME##_table = {{[FORM_RR] = FORM_COLUMNS(NAME##_rr, NAME##_rr_vex, NAME##_rr_vex), \
                                            [FORM_RM] = FORM_COLUMNS(NAME##_rm, NAME##_rm_vex, NAME##_rm_vex), \
                                            [FORM_MR] = ANY_SIZE(NAME##_mr)}};
MOVE_SCALAR(MOVSS, vec_movss, 4)
MOVE_SCALAR(MOVSD_XMM, vec_movsd, 8)

/* ---- half registers ---- */
VEC_KERNEL(vec_movhlps) { return (v128){b[1], a[1]}; }
VEC_OP(MOVHLPS, vec_movhlps)
VEC_OP_128(MOVLPS, vec_movsd, 8, 1)
static UOP_FN(MOVLPS_mr) { vec_store(cpu, u, 8, 1, xmm_get(cpu, u->src, 0)); NEXT(u); }
const struct uop_table MOVLPS_table = {{[FORM_RR] = FORM_COLUMNS(MOVLPS_rr, MOVLPS_rr_vex128, NULL),
                                        [FORM_RM] = FORM_COLUMNS(MOVLPS_rm, MOVLPS_rm_vex128, NULL),
                                        [FORM_MR] = ANY_SIZE(MOVLPS_mr)}};
VEC_KERNEL(vec_movlhps) { return (v128){a[0], b[0]}; }
VEC_OP_128(MOVHPS, vec_movlhps, 8, 1)
static UOP_FN(MOVHPS_mr) { vec_store(cpu, u, 8, 1, (v128){VQ(&cpu->xmm[u->src], 1), 0}); NEXT(u); }
const struct uop_table MOVHPS_table = {{[FORM_RR] = FORM_COLUMNS(MOVHPS_rr, MOVHPS_rr_vex128, NULL),
                                        [FORM_RM] = FORM_COLUMNS(MOVHPS_rm, MOVHPS_rm_vex128, NULL),
                                        [FORM_MR] = ANY_SIZE(MOVHPS_mr)}};

/* ---- low qword, the rest cleared ---- */
VEC_KERNEL(vec_movq) { return (v128){b[0], 0}; }
VEC_OP_128(MOVQ_XMM, vec_movq, 8, 1)
const struct uop_table MOVQ_XMM_table = {{[FORM_RR] = FORM_COLUMNS(MOVQ_XMM_rr, MOVQ_XMM_rr_vex128, NULL),
                                          [FORM_RM] = FORM_COLUMNS(MOVQ_XMM_rm, MOVQ_XMM_rm_vex128, NULL),
                                          [FORM_MR] = ANY_SIZE(MOVLPS_mr)}};

/* ---- from a general register or memory; the other way is PEXTRD, PEXTRQ ---- */
#define MOVE_FROM_GPR(NAME, type, n)                                                                         \
    static UOP_FN(NAME##_rr) { vec_result(cpu, u, ENC_LEGACY, (v128){(type)cpu->gpr[u->src], 0}); NEXT(u); } \
    static UOP_FN(NAME##_rr_vex) { vec_result(cpu, u, ENC_VEX128, (v128){(type)cpu->gpr[u->src], 0}); NEXT(u); } \
    static UOP_FN(NAME##_rm) { vec_result(cpu, u, ENC_LEGACY, vec_load(cpu, u, n, 1)); NEXT(u); }            \
    static UOP_FN(NAME##_rm_vex) { vec_result(cpu, u, ENC_VEX128, vec_load(cpu, u, n, 1)); NEXT(u); }        \
    const struct uop_table NAME##_table = {{[FORM_RR] = FORM_COLUMNS(NAME##_rr, NAME##_rr_vex, NULL),        \
                                            [FORM_RM] = FORM_COLUMNS(NAME##_rm, NAME##_rm_vex, NULL)}};
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

/*
 * MASKMOVDQU: bytes of dst whose mask byte in src is negative, to seg:rDI. Bytes
 * it does not store may fault as well (left to the implementation; silicon does).
 */
static UOP_FN(maskmovdqu)
{
    const union vec *v = &cpu->xmm[u->dst], *mask = &cpu->xmm[u->src];
    u64 lin = lin_at(cpu, u, u->seg, addr_wrap(u, cpu->gpr[RDI]), 16, true);
    if (!tlb_write_ptr(cpu, lin, 16, cpu->mmu_idx))
        mem_probe_write(cpu, lin, 16, cpu->mmu_idx);
    for (unsigned i = 0; i < 16; i++)
        if (VB(mask, i) & 0x80)
            mem_write(cpu, lin + i, VB(v, i), 1);
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
static UOP_FN(extrq_imm) { extract_field(cpu, u, u->imm, (u64)u->disp); NEXT(u); }
static UOP_FN(extrq)
{
    u64 control = VQ(&cpu->xmm[u->src], 0);
    extract_field(cpu, u, control, control >> 8);
    NEXT(u);
}
static UOP_FN(insertq_imm) { insert_field(cpu, u, u->imm, (u64)u->disp); NEXT(u); }
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
