/*
 * What SIMD handlers are made of: the 128-bit vector type, its lanes, register
 * and memory operands, and the patterns that turn one kernel (a function of
 * vectors) into handlers for its legacy, VEX.128 and VEX.256 forms.
 *
 * uop_table columns of SIMD ops are not operand sizes but encodings (lower.c):
 *   0 legacy   dst = k(dst, src);  bits 255:128 stay; memory must be aligned
 *   1 VEX.128  dst = k(src2, src); bits 255:128 become zero
 *   2 VEX.256  the same on both halves (scalar ops, which ignore VEX.L: as 1)
 *
 * In a v128, vertical kernels may use GNU vector arithmetic: it is the same
 * whatever the order of lanes. Kernels that move lanes use union lanes with
 * LB LW LD LQ, which hold on big-endian hosts too.
 */
#ifndef ORRERY_CPU_VEC_H
#define ORRERY_CPU_VEC_H

#include "cpu/handlers.h"

typedef u64 v128 __attribute__((vector_size(16)));
typedef u8 v16u8 __attribute__((vector_size(16)));
typedef i8 v16i8 __attribute__((vector_size(16)));
typedef u16 v8u16 __attribute__((vector_size(16)));
typedef i16 v8i16 __attribute__((vector_size(16)));
typedef u32 v4u32 __attribute__((vector_size(16)));
typedef i32 v4i32 __attribute__((vector_size(16)));
typedef i64 v2i64 __attribute__((vector_size(16)));

union lanes {
    v128 v;
    u8 b[16];
    i8 sb[16];
    u16 w[8];
    i16 sw[8];
    u32 d[4];
    i32 sd[4];
    u64 q[2];
    i64 sq[2];
};
/* Lane index to index in memory order of union vec and union lanes: qwords are native. */
#if HOST_BIG_ENDIAN
#define LANE_B(i) ((i) ^ 7)
#define LANE_W(i) ((i) ^ 3)
#define LANE_D(i) ((i) ^ 1)
#else
#define LANE_B(i) (i)
#define LANE_W(i) (i)
#define LANE_D(i) (i)
#endif
#define LB(x, i)  ((x).b[LANE_B(i)])
#define LSB(x, i) ((x).sb[LANE_B(i)])
#define LW(x, i)  ((x).w[LANE_W(i)])
#define LSW(x, i) ((x).sw[LANE_W(i)])
#define LD(x, i)  ((x).d[LANE_D(i)])
#define LSD(x, i) ((x).sd[LANE_D(i)])
#define LQ(x, i)  ((x).q[i])
#define LSQ(x, i) ((x).sq[i])

/* Half h (0: bits 127:0, 1: bits 255:128) of register r. */
ALWAYS_INLINE v128 xmm_get(const struct cpu *cpu, unsigned r, unsigned h)
{
    v128 v;
    memcpy(&v, &cpu->xmm[r].q[h * 2], 16);
    return v;
}
ALWAYS_INLINE void xmm_set(struct cpu *cpu, unsigned r, unsigned h, v128 v) { memcpy(&cpu->xmm[r].q[h * 2], &v, 16); }
ALWAYS_INLINE void xmm_clear_upper(struct cpu *cpu, unsigned r) { xmm_set(cpu, r, 1, (v128){0, 0}); }

/* Sixteen guest bytes as a vector. */
ALWAYS_INLINE v128 vec_ld(const u8 *p) { return (v128){ld64(p), ld64(p + 8)}; }
ALWAYS_INLINE void vec_st(u8 *p, v128 v)
{
    st64(p, v[0]);
    st64(p + 8, v[1]);
}

/* Memory at lin; misses of the fast path go by bytes. */
ALWAYS_INLINE v128 vec_load_lin(struct cpu *cpu, u64 lin)
{
    const u8 *p = tlb_read_ptr(cpu, lin, 16, cpu->mmu_idx);
    u8 buf[16];
    if (unlikely(p == NULL)) {
        mem_read_bytes(cpu, lin, buf, 16, cpu->mmu_idx);
        p = buf;
    }
    return vec_ld(p);
}
ALWAYS_INLINE void vec_store_lin(struct cpu *cpu, u64 lin, v128 v)
{
    u8 *p = tlb_write_ptr(cpu, lin, 16, cpu->mmu_idx);
    if (likely(p != NULL)) {
        vec_st(p, v);
    } else {
        u8 buf[16];
        vec_st(buf, v);
        mem_write_bytes(cpu, lin, buf, 16, cpu->mmu_idx);
    }
}
/* u's memory operand: linear address of n bytes that must be aligned to 'align' (1: need not). */
ALWAYS_INLINE u64 vec_lin(struct cpu *cpu, const struct uop *u, unsigned n, unsigned align, bool write)
{
    /* silicon looks at alignment before the limit: #GP even for SS */
    if (align > 1 && unlikely(u->amode == AM_SEG) && ((cpu->seg[u->seg].base + uop_ea(cpu, u)) & (align - 1))) {
        RAISES(cpu, u);
        raise_gp(cpu, 0);
    }
    u64 lin = uop_lin(cpu, u, n, write);
    if (align > 1 && unlikely(lin & (align - 1)))
        raise_gp(cpu, 0);
    return lin;
}
/* u's memory operand of 1 to 16 bytes, zero-extended to a vector. */
ALWAYS_INLINE v128 vec_load(struct cpu *cpu, const struct uop *u, unsigned n, unsigned align)
{
    u64 lin = vec_lin(cpu, u, n, align, false);
    if (n == 16)
        return vec_load_lin(cpu, lin);
    return (v128){mem_read(cpu, lin, n), 0};
}
ALWAYS_INLINE void vec_store(struct cpu *cpu, const struct uop *u, unsigned n, unsigned align, v128 v)
{
    u64 lin = vec_lin(cpu, u, n, align, true);
    if (n == 16)
        vec_store_lin(cpu, lin, v);
    else
        mem_write(cpu, lin, v[0], n);
}
/* Thirty-two bytes: both halves are there before either is used. */
struct v256 {
    v128 h[2];
};
ALWAYS_INLINE struct v256 vec_load256_lin(struct cpu *cpu, u64 lin)
{
    const u8 *p = tlb_read_ptr(cpu, lin, 32, cpu->mmu_idx);
    u8 buf[32];
    if (unlikely(p == NULL)) {
        mem_read_bytes(cpu, lin, buf, 32, cpu->mmu_idx);
        p = buf;
    }
    return (struct v256){{vec_ld(p), vec_ld(p + 16)}};
}
ALWAYS_INLINE struct v256 vec_load256(struct cpu *cpu, const struct uop *u, unsigned align)
{
    return vec_load256_lin(cpu, vec_lin(cpu, u, 32, align, false));
}
ALWAYS_INLINE void vec_store256(struct cpu *cpu, const struct uop *u, unsigned align, struct v256 v)
{
    u64 lin = vec_lin(cpu, u, 32, align, true);
    u8 *p = tlb_write_ptr(cpu, lin, 32, cpu->mmu_idx), buf[32];
    u8 *to = likely(p != NULL) ? p : buf;
    vec_st(to, v.h[0]);
    vec_st(to + 16, v.h[1]);
    if (unlikely(p == NULL))
        mem_write_bytes(cpu, lin, buf, 32, cpu->mmu_idx);
}

/* A kernel: a is the first source (unary ones ignore it), b the second, imm the imm8. */
typedef v128 vec_kernel(v128 a, v128 b, unsigned imm);
#define UNUSED           __attribute__((unused))
#define VEC_KERNEL(name) ALWAYS_INLINE UNUSED v128 name(UNUSED v128 a, UNUSED v128 b, UNUSED unsigned imm)

/* The three encodings as constants the patterns fold: the columns of uop_table. */
enum vec_enc { ENC_LEGACY, ENC_VEX128, ENC_VEX256 };
#define FORM_COLUMNS(legacy, vex128, vex256)                                                                           \
    {                                                                                                                  \
        legacy, vex128, vex256, NULL                                                                                   \
    }

/* Writes half 0 of dst and does to half 1 what the encoding asks. */
ALWAYS_INLINE void vec_result(struct cpu *cpu, const struct uop *u, enum vec_enc enc, v128 r)
{
    xmm_set(cpu, u->dst, 0, r);
    if (enc == ENC_VEX128)
        xmm_clear_upper(cpu, u->dst);
}

/* The second source: register src, or (MEM_FN) memory; only VEX.256 has an upper half. */
ALWAYS_INLINE struct v256 vec_src(const struct cpu *cpu, const struct uop *u, enum vec_enc enc)
{
    v128 low = xmm_get(cpu, u->src, 0);
    return (struct v256){{low, enc == ENC_VEX256 ? xmm_get(cpu, u->src, 1) : low}};
}
/* dst = k(a, b) in any encoding. */
ALWAYS_INLINE void vec_op(struct cpu *cpu, const struct uop *u, vec_kernel *k, enum vec_enc enc, struct v256 b)
{
    unsigned a = enc == ENC_LEGACY ? u->dst : u->src2, imm = (u8)u->imm;
    v128 low = k(xmm_get(cpu, a, 0), b.h[0], imm);
    if (enc == ENC_VEX256)
        xmm_set(cpu, u->dst, 1, k(xmm_get(cpu, a, 1), b.h[1], imm));
    vec_result(cpu, u, enc, low);
}

/* n bytes of u's memory operand, zero-extended; false only if hot, and then nothing has happened. */
ALWAYS_INLINE bool vec_fetch(struct cpu *cpu, const struct uop *u, unsigned n, unsigned align, bool hot, struct v256 *m)
{
    u64 lin;
    u8 *p;
    if (hot) {
        if (!quick_lin(cpu, u, n, false, &lin) || !hit_read(cpu, lin, n, &p) || unlikely(lin & (align - 1)))
            return false;
        m->h[0] = n >= 16 ? vec_ld(p) : (v128){ld_le(p, n), 0};
        m->h[1] = n == 32 ? vec_ld(p + 16) : m->h[0];
    } else if (n == 32) {
        *m = vec_load256(cpu, u, align);
    } else {
        m->h[0] = m->h[1] = vec_load(cpu, u, n, align);
    }
    return true;
}
/* u's memory operand = n bytes of m. */
ALWAYS_INLINE bool vec_put(struct cpu *cpu, const struct uop *u, unsigned n, unsigned align, bool hot, struct v256 m)
{
    u64 lin;
    u8 *p;
    if (hot) {
        if (!quick_lin(cpu, u, n, true, &lin) || !hit_write(cpu, lin, n, &p) || unlikely(lin & (align - 1)))
            return false;
        if (n < 16)
            st_le(p, m.h[0][0], n);
        else
            vec_st(p, m.h[0]);
        if (n == 32)
            vec_st(p + 16, m.h[1]);
    } else if (n == 32) {
        vec_store256(cpu, u, align, m);
    } else {
        vec_store(cpu, u, n, align, m.h[0]);
    }
    return true;
}
/*
 * MEM_FN(name, n, align, statement): a handler that reads n bytes of memory as
 * 'm' and runs the statement; a hot leaf for TLB hits, and behind it a cold one.
 * STORE_FN(name, n, align, value): one that stores n bytes of a struct v256.
 */
#define COLD __attribute__((cold, noinline))
#define MEM_FN(name, n, align, ...)                                                                                    \
    static COLD UOP_FN(name##_cold)                                                                                    \
    {                                                                                                                  \
        struct v256 m;                                                                                                 \
        vec_fetch(cpu, u, n, align, false, &m);                                                                        \
        __VA_ARGS__;                                                                                                   \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    static UOP_FN(name)                                                                                                \
    {                                                                                                                  \
        struct v256 m;                                                                                                 \
        if (unlikely(!vec_fetch(cpu, u, n, align, true, &m)))                                                          \
            return name##_cold(cpu, u);                                                                                \
        __VA_ARGS__;                                                                                                   \
        NEXT(u);                                                                                                       \
    }
#define STORE_FN(name, n, align, ...)                                                                                  \
    static COLD UOP_FN(name##_cold)                                                                                    \
    {                                                                                                                  \
        vec_put(cpu, u, n, align, false, __VA_ARGS__);                                                                 \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    static UOP_FN(name)                                                                                                \
    {                                                                                                                  \
        if (unlikely(!vec_put(cpu, u, n, align, true, __VA_ARGS__)))                                                   \
            return name##_cold(cpu, u);                                                                                \
        NEXT(u);                                                                                                       \
    }

/*
 * VEC_OP(NAME, kernel): the op NAME of uop.def with handlers NAME_rr, NAME_rm
 * (and _vex128, _vex256) and its table NAME_table. VEC_OP_MEM: a memory operand
 * of n bytes with that alignment instead of sixteen aligned; no VEX.256 form.
 */
#define VEC_OP(NAME, kernel)                                                                                           \
    VEC_OP_128(NAME, kernel, 16, 16)                                                                                   \
    VEC_OP_256(NAME, kernel)                                                                                           \
    VEC_TABLE(NAME)
#define VEC_OP_MEM(NAME, kernel, n, align)                                                                             \
    VEC_OP_128(NAME, kernel, n, align)                                                                                 \
    VEC_TABLE_128(NAME)
#define VEC_OP_128(NAME, kernel, n, align)                                                                             \
    static UOP_FN(NAME##_rr)                                                                                           \
    {                                                                                                                  \
        vec_op(cpu, u, kernel, ENC_LEGACY, vec_src(cpu, u, ENC_LEGACY));                                               \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    static UOP_FN(NAME##_rr_vex128)                                                                                    \
    {                                                                                                                  \
        vec_op(cpu, u, kernel, ENC_VEX128, vec_src(cpu, u, ENC_VEX128));                                               \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    MEM_FN(NAME##_rm, n, align, vec_op(cpu, u, kernel, ENC_LEGACY, m))                                                 \
    MEM_FN(NAME##_rm_vex128, n, 1, vec_op(cpu, u, kernel, ENC_VEX128, m))
#define VEC_OP_256(NAME, kernel)                                                                                       \
    static UOP_FN(NAME##_rr_vex256)                                                                                    \
    {                                                                                                                  \
        vec_op(cpu, u, kernel, ENC_VEX256, vec_src(cpu, u, ENC_VEX256));                                               \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    MEM_FN(NAME##_rm_vex256, 32, 1, vec_op(cpu, u, kernel, ENC_VEX256, m))

/* The table of handlers NAME_rr, NAME_rm and their VEX forms; _128: without VEX.256; _VEX: without legacy. */
#define VEC_TABLE(NAME)                                                                                                \
    const struct uop_table NAME##_table = {{[FORM_RR] = FORM_COLUMNS(NAME##_rr, NAME##_rr_vex128, NAME##_rr_vex256),   \
                                            [FORM_RM] = FORM_COLUMNS(NAME##_rm, NAME##_rm_vex128, NAME##_rm_vex256)}};
#define VEC_TABLE_128(NAME)                                                                                            \
    const struct uop_table NAME##_table = {{[FORM_RR] = FORM_COLUMNS(NAME##_rr, NAME##_rr_vex128, NAME##_rr_vex128),   \
                                            [FORM_RM] = FORM_COLUMNS(NAME##_rm, NAME##_rm_vex128, NAME##_rm_vex128)}};
#define VEC_TABLE_VEX(NAME)                                                                                            \
    const struct uop_table NAME##_table = {{[FORM_RR] = FORM_COLUMNS(NULL, NAME##_rr_vex128, NAME##_rr_vex256),        \
                                            [FORM_RM] = FORM_COLUMNS(NULL, NAME##_rm_vex128, NAME##_rm_vex256)}};

#endif
