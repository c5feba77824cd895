/*
 * Packed shifts, by a count in a vector's low qword, by an immediate, and by a
 * count per lane (VPSLLV and kin). Counts past the lane give zero, or all sign.
 */
#include "cpu/vec/vec.h"

ALWAYS_INLINE u64 count_of(v128 b) { return b[0]; }

/* Each takes its count already limited to u64. */
ALWAYS_INLINE v128 shift_left_w(v128 a, u64 n) { return n > 15 ? (v128){0, 0} : (v128)((v8u16)a << (u16)n); }
ALWAYS_INLINE v128 shift_left_d(v128 a, u64 n) { return n > 31 ? (v128){0, 0} : (v128)((v4u32)a << (u32)n); }
ALWAYS_INLINE v128 shift_left_q(v128 a, u64 n) { return n > 63 ? (v128){0, 0} : a << n; }
ALWAYS_INLINE v128 shift_right_w(v128 a, u64 n) { return n > 15 ? (v128){0, 0} : (v128)((v8u16)a >> (u16)n); }
ALWAYS_INLINE v128 shift_right_d(v128 a, u64 n) { return n > 31 ? (v128){0, 0} : (v128)((v4u32)a >> (u32)n); }
ALWAYS_INLINE v128 shift_right_q(v128 a, u64 n) { return n > 63 ? (v128){0, 0} : a >> n; }
ALWAYS_INLINE v128 shift_sign_w(v128 a, u64 n) { return (v128)((v8i16)a >> (i16)MIN(n, 15)); }
ALWAYS_INLINE v128 shift_sign_d(v128 a, u64 n) { return (v128)((v4i32)a >> (i32)MIN(n, 31)); }

/* Left and right by n bytes across the whole vector. */
ALWAYS_INLINE v128 shift_left_bytes(v128 a, u64 n)
{
    u128 x = (u128)a[1] << 64 | a[0];
    x = n > 15 ? 0 : x << (n * 8);
    return (v128){(u64)x, (u64)(x >> 64)};
}
ALWAYS_INLINE v128 shift_right_bytes(v128 a, u64 n)
{
    u128 x = (u128)a[1] << 64 | a[0];
    x = n > 15 ? 0 : x >> (n * 8);
    return (v128){(u64)x, (u64)(x >> 64)};
}

typedef v128 shift_fn(v128 a, u64 n);

/* The count comes from the low 128 bits of the source for both halves. */
ALWAYS_INLINE void shift_by_vector(struct cpu *cpu, const struct uop *u, shift_fn *f, enum vec_enc enc, v128 count)
{
    unsigned a = enc == ENC_LEGACY ? u->dst : u->src2;
    u64 n = count_of(count);
    v128 low = f(xmm_get(cpu, a, 0), n);
    if (enc == ENC_VEX256)
        xmm_set(cpu, u->dst, 1, f(xmm_get(cpu, a, 1), n));
    vec_result(cpu, u, enc, low);
}
/* Legacy: dst in place. VEX: dst is vvvv, src the operand. */
ALWAYS_INLINE void shift_by_imm(struct cpu *cpu, const struct uop *u, shift_fn *f, enum vec_enc enc)
{
    unsigned a = enc == ENC_LEGACY ? u->dst : u->src;
    u64 n = (u8)u->imm;
    v128 low = f(xmm_get(cpu, a, 0), n);
    if (enc == ENC_VEX256)
        xmm_set(cpu, u->dst, 1, f(xmm_get(cpu, a, 1), n));
    vec_result(cpu, u, enc, low);
}

#define SHIFT_BY_VECTOR(NAME, f, suffix, enc, align)                                                                   \
    static UOP_FN(NAME##_rr##suffix)                                                                                   \
    {                                                                                                                  \
        shift_by_vector(cpu, u, f, enc, xmm_get(cpu, u->src, 0));                                                      \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    MEM_FN(NAME##_rm##suffix, 16, align, shift_by_vector(cpu, u, f, enc, m.h[0]))
#define SHIFT_BY_IMM(NAME, f, suffix, enc)                                                                             \
    static UOP_FN(NAME##_imm##suffix)                                                                                  \
    {                                                                                                                  \
        shift_by_imm(cpu, u, f, enc);                                                                                  \
        NEXT(u);                                                                                                       \
    }
/* SHIFT_OP(NAME, function): ops NAME (count in a vector) and NAME_I (immediate). */
#define SHIFT_OP(NAME, f)                                                                                              \
    SHIFT_BY_VECTOR(NAME, f, , ENC_LEGACY, 16)                                                                         \
    SHIFT_BY_VECTOR(NAME, f, _vex128, ENC_VEX128, 1)                                                                   \
    SHIFT_BY_VECTOR(NAME, f, _vex256, ENC_VEX256, 1)                                                                   \
    VEC_TABLE(NAME)                                                                                                    \
    SHIFT_IMM_OP(NAME, f)
#define SHIFT_IMM_OP(NAME, f)                                                                                          \
    SHIFT_BY_IMM(NAME, f, , ENC_LEGACY)                                                                                \
    SHIFT_BY_IMM(NAME, f, _vex128, ENC_VEX128)                                                                         \
    SHIFT_BY_IMM(NAME, f, _vex256, ENC_VEX256)                                                                         \
    const struct uop_table NAME##_I_table = {{[FORM_RI] = FORM_COLUMNS(NAME##_imm, NULL, NULL),                        \
                                              [FORM_RR] = FORM_COLUMNS(NULL, NAME##_imm_vex128, NAME##_imm_vex256)}};
SHIFT_OP(PSLLW, shift_left_w)
SHIFT_OP(PSLLD, shift_left_d)
SHIFT_OP(PSLLQ, shift_left_q)
SHIFT_OP(PSRLW, shift_right_w)
SHIFT_OP(PSRLD, shift_right_d)
SHIFT_OP(PSRLQ, shift_right_q)
SHIFT_OP(PSRAW, shift_sign_w)
SHIFT_OP(PSRAD, shift_sign_d)
SHIFT_IMM_OP(PSLLDQ, shift_left_bytes)
SHIFT_IMM_OP(PSRLDQ, shift_right_bytes)

/* ---- a count per lane (AVX2) ---- */
/* In 64 bits: of shifts of 32, clang makes multiplications by powers of two in floating point, which raise flags. */
VEC_KERNEL(vec_psllvd)
{
    union lanes x = {.v = a}, n = {.v = b};
    for (unsigned i = 0; i < 4; i++)
        x.d[i] = (u32)((u64)x.d[i] << MIN(n.d[i], 32));
    return x.v;
}
VEC_KERNEL(vec_psrlvd)
{
    union lanes x = {.v = a}, n = {.v = b};
    for (unsigned i = 0; i < 4; i++)
        x.d[i] = n.d[i] > 31 ? 0 : x.d[i] >> n.d[i];
    return x.v;
}
VEC_KERNEL(vec_psravd)
{
    union lanes x = {.v = a}, n = {.v = b};
    for (unsigned i = 0; i < 4; i++)
        x.sd[i] = x.sd[i] >> MIN(n.d[i], 31);
    return x.v;
}
VEC_KERNEL(vec_psllvq)
{
    union lanes x = {.v = a}, n = {.v = b};
    for (unsigned i = 0; i < 2; i++)
        x.q[i] = n.q[i] > 63 ? 0 : x.q[i] << n.q[i];
    return x.v;
}
VEC_KERNEL(vec_psrlvq)
{
    union lanes x = {.v = a}, n = {.v = b};
    for (unsigned i = 0; i < 2; i++)
        x.q[i] = n.q[i] > 63 ? 0 : x.q[i] >> n.q[i];
    return x.v;
}
VEC_OP(VPSLLVD, vec_psllvd)
VEC_OP(VPSRLVD, vec_psrlvd)
VEC_OP(VPSRAVD, vec_psravd)
VEC_OP(VPSLLVQ, vec_psllvq)
VEC_OP(VPSRLVQ, vec_psrlvq)
