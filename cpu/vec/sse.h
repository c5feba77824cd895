/*
 * Floating point handlers: how one gathers operands, computes, looks at the
 * exceptions it may have caused, and only then writes. With all exceptions
 * masked (always, in practice) looking is one predicted test; otherwise the
 * computation runs with the host's flags cleared and sse_check decides as the
 * silicon does (SDM vol. 1, 11.5).
 */
#ifndef ORRERY_CPU_SSE_H
#define ORRERY_CPU_SSE_H

#include "cpu/flags.h"
#include "cpu/vec/fp_sse.h"

/* What sse_check must know to find overflow and underflow as they are when unmasked. */
enum fp_kind {
    FP_PLAIN, /* neither can happen */
    FP_ADD,
    FP_SUB,
    FP_MUL,
    FP_DIV,
    FP_ADDSUB,
    FP_HADD,
    FP_HSUB,
    FP_DOT,
    FP_NARROW, /* double to single */
    FP_MULADD, /* a * b + c, signs applied already */
};
struct fp_op {
    enum fp_kind kind;
    u8 elem;  /* bytes of an element: 4 or 8 */
    u8 lanes; /* in one half */
};
/* Operands and result of one half. */
struct fp_half {
    v128 a, b, c, r;
};

/* Before computing with exceptions unmasked: no flags pending, no flush to zero where UE is unmasked. */
void sse_check_begin(struct cpu *cpu);
/* After it: raises #XM (or #UD without CR4.OSXMMEXCPT) with the flags set, or merges the flags. */
void sse_check(struct cpu *cpu, const struct uop *u, const struct fp_op *op, const struct fp_half *half,
               unsigned halves);
extern const struct fp_op fp_plain;
/* a * b + c in the low lane, rounded once (sse_muladd.c). */
v128 fp_muladd_lane(unsigned elem, v128 a, v128 b, v128 c);
/* Fused multiply-add without the host's (fp_muladd.c): which as in fp_sse.h, on the low 'lanes' of a, b, c. */
v128 fp_muladd_soft(unsigned which, unsigned elem, unsigned lanes, v128 a, v128 b, v128 c);
/* Dot products report after each of their stages (sse_arith.c). */
void fp_dot_checked(struct cpu *cpu, const struct uop *u, unsigned elem, struct fp_half *half, unsigned halves);

/*
 * FP_FN(name, body, ...): the handler 'name' is body(cpu, u, ..., checked), twice:
 * with all exceptions masked, and out of line with sse_begin and sse_end at work.
 * FP_MEM_FN: one that reads n bytes of memory as 'm' first (MEM_FN in vec.h).
 */
#define FP_FN(name, body, ...)                                                                                         \
    static COLD UOP_FN(name##_checked)                                                                                 \
    {                                                                                                                  \
        body(cpu, u, __VA_ARGS__, true);                                                                               \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    static UOP_FN(name)                                                                                                \
    {                                                                                                                  \
        if (unlikely(cpu->sse_checked))                                                                                \
            return name##_checked(cpu, u);                                                                             \
        body(cpu, u, __VA_ARGS__, false);                                                                              \
        NEXT(u);                                                                                                       \
    }
#define FP_MEM_FN(name, n, align, body, ...)                                                                           \
    static COLD UOP_FN(name##_cold)                                                                                    \
    {                                                                                                                  \
        struct v256 m;                                                                                                 \
        vec_fetch(cpu, u, n, align, false, &m);                                                                        \
        if (cpu->sse_checked)                                                                                          \
            body(cpu, u, __VA_ARGS__, true);                                                                           \
        else                                                                                                           \
            body(cpu, u, __VA_ARGS__, false);                                                                          \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    static UOP_FN(name)                                                                                                \
    {                                                                                                                  \
        struct v256 m;                                                                                                 \
        if (unlikely(cpu->sse_checked) || unlikely(!vec_fetch(cpu, u, n, align, true, &m)))                            \
            return name##_cold(cpu, u);                                                                                \
        body(cpu, u, __VA_ARGS__, false);                                                                              \
        NEXT(u);                                                                                                       \
    }
/* Before and after a computation that can neither overflow nor underflow. */
ALWAYS_INLINE void sse_begin(struct cpu *cpu, bool checked)
{
    if (checked)
        sse_check_begin(cpu);
}
ALWAYS_INLINE void sse_end(struct cpu *cpu, const struct uop *u, bool checked)
{
    if (checked)
        sse_check(cpu, u, &fp_plain, NULL, 0);
}

/* vec_op that looks before it writes (sse_check.c). */
void fp_op_checked(struct cpu *cpu, const struct uop *u, vec_kernel *k, const struct fp_op *op, enum vec_enc enc,
                   struct v256 b);
ALWAYS_INLINE void fp_op(struct cpu *cpu, const struct uop *u, vec_kernel *k, const struct fp_op *op, enum vec_enc enc,
                         struct v256 b, bool checked)
{
    if (checked)
        fp_op_checked(cpu, u, k, op, enc, b);
    else
        vec_op(cpu, u, k, enc, b);
}

/*
 * FP_PACKED(NAME, kernel, kind, elem) and FP_SCALAR(...): the op NAME of
 * uop.def with its handlers and NAME_table. FP_OPERAND: one with a memory
 * operand of n bytes and no VEX.256 form.
 */
#define FP_HANDLERS(NAME, kernel, suffix, enc, n, align)                                                               \
    FP_FN(NAME##_rr##suffix, fp_op, kernel, &NAME##_op, enc, vec_src(cpu, u, enc))                                     \
    FP_MEM_FN(NAME##_rm##suffix, n, align, fp_op, kernel, &NAME##_op, enc, m)
#define FP_PACKED(NAME, kernel, kind, elem)                                                                            \
    static const struct fp_op NAME##_op = {kind, elem, 16 / (elem)};                                                   \
    FP_HANDLERS(NAME, kernel, , ENC_LEGACY, 16, 16)                                                                    \
    FP_HANDLERS(NAME, kernel, _vex128, ENC_VEX128, 16, 1)                                                              \
    FP_HANDLERS(NAME, kernel, _vex256, ENC_VEX256, 32, 1)                                                              \
    VEC_TABLE(NAME)
#define FP_OPERAND(NAME, kernel, kind, elem, lanes, n, align)                                                          \
    static const struct fp_op NAME##_op = {kind, elem, lanes};                                                         \
    FP_HANDLERS(NAME, kernel, , ENC_LEGACY, n, align)                                                                  \
    FP_HANDLERS(NAME, kernel, _vex128, ENC_VEX128, n, 1)                                                               \
    VEC_TABLE_128(NAME)
#define FP_SCALAR(NAME, kernel, kind, elem) FP_OPERAND(NAME, kernel, kind, elem, 1, elem, 1)

#endif
