/*
 * fp80.h on an x86 host: every operation runs on the host's own x87.
 *
 * The host's exceptions are always masked outside the slow path, and its
 * status flags are left to accumulate, because clearing them (FNCLEX) costs
 * five times the operation. So an operation first runs masked; when the flags
 * read afterwards are all ones the guest has set already and masks, nothing
 * changed for it and C1 is all there is to report. Otherwise (a new flag, one
 * left behind by an earlier operation, an unmasked one) the operation runs
 * again from the guest's own masks and condition codes and no flags: unmasked exceptions
 * only become pending in the host, non-waiting instructions read and clear
 * them, and nothing ever reaches the process. Unmasked underflow takes that
 * way at once: what it reports (tiny though exact) masked code does not show.
 *
 * Relies on the ABI: x87 stack empty and FCW = FCW_INIT between functions.
 */
#include "cpu/x87/fp80.h"

#if !defined(__x86_64__)
#error "fp80_host_x86.c is for x86-64 hosts"
#endif

static_assert(offsetof(struct x87_reg, man) == 0 && offsetof(struct x87_reg, se) == 8, "is an m80 in memory");

static const u16 fcw_init = FCW_INIT;

static fp80_binary host_prem, host_prem1, host_scale, host_patan, host_yl2x, host_yl2xp1;
static fp80_unary host_2xm1, host_sin, host_cos;
static fp80_unary2 host_ptan, host_sincos;

/* Rounding and precision as ours: FLDCW can be left out around the operation. */
ALWAYS_INLINE bool plain_fcw(u16 fcw) { return (fcw & (FCW_PC | FCW_RC)) == (FCW_INIT & (FCW_PC | FCW_RC)); }
ALWAYS_INLINE void fast_begin(u16 fcw)
{
    u16 cw = fcw | FSW_EXC;
    if (!plain_fcw(fcw))
        __asm__ volatile("fldcw %0" ::"m"(cw));
}
ALWAYS_INLINE void fast_end(u16 fcw)
{
    if (!plain_fcw(fcw))
        __asm__ volatile("fldcw %0" ::"m"(fcw_init));
}
/* Whether the masked run tells the guest nothing but condition codes. */
ALWAYS_INLINE bool nothing_new(u16 sw, u16 fcw, u16 fsw) { return likely(!(sw & ~(fsw & fcw) & FSW_EXC)); }
ALWAYS_INLINE bool may_run_masked(u16 fcw) { return likely(fcw & FSW_UE); }

/* The guest's status after a masked run that told nothing new; 'cc' are the condition codes it writes. */
ALWAYS_INLINE u32 fast_status(u16 sw, u16 fsw, u16 cc) { return (u32)((fsw & ~cc) | (sw & cc)); }

/* Empty stack, the guest's control word and condition codes, no flags: FLDENV's image for the slow path. */
struct env {
    u32 fcw, fsw, ftw, pointers[4];
};
ALWAYS_INLINE struct env slow_env(u16 fcw, u16 fsw) { return (struct env){fcw, fsw & FSW_CC, 0xffff, {0}}; }
static u32 slow_status(u16 sw, u16 fcw, u16 fsw)
{
    u32 unmasked = sw & ~fcw & FSW_EXC;
    u32 r = (fsw & ~FSW_CC) | (sw & (FSW_CC | FSW_EXC));
    if (unmasked)
        r |= FSW_ES | FSW_B;
    return r | unmasked << FP80_UNMASKED;
}

/*
 * One operation: 'load' puts its operands on the empty stack, 'insn' is it,
 * 'keep' stores what it leaves and empties the stack. In SLOW at most the last
 * instruction of 'keep' may find the stack empty (an unmasked exception kept
 * 'insn' from pushing): what that raises, FNINIT forgets.
 */
#define FAST(load, insn, keep, ...)                                                                                    \
    do {                                                                                                               \
        fast_begin(fcw);                                                                                               \
        __asm__ volatile(load insn "\n\tfnstsw %%ax\n\t" keep : __VA_ARGS__);                                          \
        fast_end(fcw);                                                                                                 \
    } while (0)
#define SLOW(load, insn, keep, ...)                                                                                    \
    __asm__ volatile("fldenv %[env]\n\t" load insn "\n\tfnstsw %%ax\n\tfnclex\n\t" keep "\n\tfninit" : __VA_ARGS__)
#define CLOBBERS "st", "st(1)", "st(2)", "memory"

ALWAYS_INLINE void reg_copy(struct x87_reg *d, const struct x87_reg *s)
{
    d->man = s->man;
    d->se = s->se;
}

/* ---- register d and operand [s], result in d ---- */

#define ARITH(name, type, s_operand, cc, load, insn, drop, fast_if)                                                    \
    static NOINLINE u32 name##_slow(struct x87_reg *d, type s, u16 fcw, u16 fsw)                                       \
    {                                                                                                                  \
        struct x87_reg r;                                                                                              \
        struct env env = slow_env(fcw, fsw);                                                                           \
        u16 sw;                                                                                                        \
        SLOW(load, insn, "fstpt %[r]", [r] "=m"(r), [sw] "=a"(sw)                                                      \
             : [d] "m"(*d), [s] "m"(s_operand), [env] "m"(env)                                                         \
             : CLOBBERS);                                                                                              \
        u32 status = slow_status(sw, fcw, fsw);                                                                        \
        if (!(status & FP80_PRE))                                                                                      \
            reg_copy(d, &r);                                                                                           \
        return status;                                                                                                 \
    }                                                                                                                  \
    u32 name(struct x87_reg *d, type s, u16 fcw, u16 fsw)                                                              \
    {                                                                                                                  \
        if (!may_run_masked(fcw) || !(fast_if))                                                                        \
            return name##_slow(d, s, fcw, fsw);                                                                        \
        struct x87_reg old;                                                                                            \
        reg_copy(&old, d);                                                                                             \
        u16 sw;                                                                                                        \
        FAST(load, insn, "fstpt %[d]" drop, [d] "+m"(*d), [sw] "=a"(sw) : [s] "m"(s_operand) : CLOBBERS);              \
        if (nothing_new(sw, fcw, fsw))                                                                                 \
            return fast_status(sw, fsw, cc);                                                                           \
        reg_copy(d, &old);                                                                                             \
        return name##_slow(d, s, fcw, fsw);                                                                            \
    }

#define TOP_IS_D                           "fldt %[s]\n\tfldt %[d]\n\t"
#define TOP_IS_S                           "fldt %[d]\n\tfldt %[s]\n\t"
#define DROP                               "\n\tfstp %%st(0)"
#define BINARY(name, cc, load, insn, drop) ARITH(name, const struct x87_reg *, *s, cc, load, insn, drop, true)
#define FROM_MEM(name, insn)               ARITH(name, u64, s, FSW_C1, "fldt %[d]\n\t", insn " %[s]", "", true)

BINARY(fp80_add, FSW_C1, TOP_IS_D, "fadd %%st(1), %%st", DROP)
BINARY(fp80_mul, FSW_C1, TOP_IS_D, "fmul %%st(1), %%st", DROP)
BINARY(fp80_sub, FSW_C1, TOP_IS_D, "fsub %%st(1), %%st", DROP)
BINARY(fp80_subr, FSW_C1, TOP_IS_D, "fsubr %%st(1), %%st", DROP)
BINARY(fp80_div, FSW_C1, TOP_IS_D, "fdiv %%st(1), %%st", DROP)
BINARY(fp80_divr, FSW_C1, TOP_IS_D, "fdivr %%st(1), %%st", DROP)
BINARY(host_scale, FSW_C1, TOP_IS_D, "fscale", DROP)
BINARY(host_patan, FSW_C1, TOP_IS_S, "fpatan", "")
BINARY(host_yl2x, FSW_C1, TOP_IS_S, "fyl2x", "")
BINARY(host_yl2xp1, FSW_C1, TOP_IS_S, "fyl2xp1", "")

/* Which condition codes a remainder leaves alone depends on the operands, but for normal numbers. */
ALWAYS_INLINE bool normal(const struct x87_reg *r) { return (r->se & 0x7fffu) - 1 < 0x7ffe && r->man >> 63; }
#define REMAINDER(name, insn)                                                                                          \
    ARITH(name, const struct x87_reg *, *s, FSW_CC, TOP_IS_D, insn, DROP, normal(d) && normal(s))
REMAINDER(host_prem, "fprem")
REMAINDER(host_prem1, "fprem1")

#define FROM_MEM_ALL(op, insn)                                                                                         \
    FROM_MEM(fp80_##op##_f32, "f" insn "s")                                                                            \
    FROM_MEM(fp80_##op##_f64, "f" insn "l")                                                                            \
    FROM_MEM(fp80_##op##_i16, "fi" insn "s")                                                                           \
    FROM_MEM(fp80_##op##_i32, "fi" insn "l")
FROM_MEM_ALL(add, "add")
FROM_MEM_ALL(mul, "mul")
FROM_MEM_ALL(sub, "sub")
FROM_MEM_ALL(subr, "subr")
FROM_MEM_ALL(div, "div")
FROM_MEM_ALL(divr, "divr")

/* ---- one register ---- */

#define UNARY(name, cc, insn)                                                                                          \
    static NOINLINE u32 name##_slow(struct x87_reg *d, u16 fcw, u16 fsw)                                               \
    {                                                                                                                  \
        struct x87_reg r;                                                                                              \
        struct env env = slow_env(fcw, fsw);                                                                           \
        u16 sw;                                                                                                        \
        SLOW("fldt %[d]\n\t", insn, "fstpt %[r]", [r] "=m"(r), [sw] "=a"(sw)                                           \
             : [d] "m"(*d), [env] "m"(env)                                                                             \
             : CLOBBERS);                                                                                              \
        u32 status = slow_status(sw, fcw, fsw);                                                                        \
        if (!(status & FP80_PRE))                                                                                      \
            reg_copy(d, &r);                                                                                           \
        return status;                                                                                                 \
    }                                                                                                                  \
    u32 name(struct x87_reg *d, u16 fcw, u16 fsw)                                                                      \
    {                                                                                                                  \
        if (!may_run_masked(fcw))                                                                                      \
            return name##_slow(d, fcw, fsw);                                                                           \
        struct x87_reg old;                                                                                            \
        reg_copy(&old, d);                                                                                             \
        u16 sw;                                                                                                        \
        FAST("fldt %[d]\n\t", insn, "fstpt %[d]", [d] "+m"(*d), [sw] "=a"(sw)::CLOBBERS);                              \
        if (nothing_new(sw, fcw, fsw))                                                                                 \
            return fast_status(sw, fsw, cc);                                                                           \
        reg_copy(d, &old);                                                                                             \
        return name##_slow(d, fcw, fsw);                                                                               \
    }
UNARY(fp80_sqrt, FSW_C1, "fsqrt")
UNARY(fp80_rndint, FSW_C1, "frndint")
UNARY(host_2xm1, FSW_C1, "f2xm1")
UNARY(host_sin, FSW_C1 | FSW_C2, "fsin")
UNARY(host_cos, FSW_C1 | FSW_C2, "fcos")

/* Out of range (C2) there is one value on the stack, not two. */
#define UNARY2(name, cc, insn)                                                                                         \
    static NOINLINE u32 name##_slow(struct x87_reg *d, struct x87_reg *pushed, u16 fcw, u16 fsw)                       \
    {                                                                                                                  \
        struct x87_reg r, p;                                                                                           \
        struct env env = slow_env(fcw, fsw);                                                                           \
        u16 sw;                                                                                                        \
        SLOW("fldt %[d]\n\t", insn, "fstpt %[p]\n\tfstpt %[r]", [r] "=m"(r), [p] "=m"(p), [sw] "=a"(sw)                \
             : [d] "m"(*d), [env] "m"(env)                                                                             \
             : CLOBBERS);                                                                                              \
        u32 status = slow_status(sw, fcw, fsw);                                                                        \
        if (!(status & FP80_PRE) && !(sw & (cc)&FSW_C2)) {                                                             \
            reg_copy(d, &r);                                                                                           \
            reg_copy(pushed, &p);                                                                                      \
        }                                                                                                              \
        return status;                                                                                                 \
    }                                                                                                                  \
    u32 name(struct x87_reg *d, struct x87_reg *pushed, u16 fcw, u16 fsw)                                              \
    {                                                                                                                  \
        if (!may_run_masked(fcw))                                                                                      \
            return name##_slow(d, pushed, fcw, fsw);                                                                   \
        struct x87_reg r, p;                                                                                           \
        u16 sw;                                                                                                        \
        FAST("fldt %[d]\n\t", insn,                                                                                    \
             "testb %[c2], %%ah\n\tjnz 1f\n\tfstpt %[p]\n1:\tfstpt %[r]", [r] "=m"(r), [p] "=m"(p), [sw] "=a"(sw)      \
             : [d] "m"(*d), [c2] "i"(((cc)&FSW_C2) >> 8)                                                               \
             : CLOBBERS, "cc");                                                                                        \
        if (!nothing_new(sw, fcw, fsw))                                                                                \
            return name##_slow(d, pushed, fcw, fsw);                                                                   \
        if (!(sw & (cc)&FSW_C2)) {                                                                                     \
            reg_copy(d, &r);                                                                                           \
            reg_copy(pushed, &p);                                                                                      \
        }                                                                                                              \
        return fast_status(sw, fsw, cc);                                                                               \
    }
UNARY2(host_ptan, FSW_C1 | FSW_C2, "fptan")
UNARY2(host_sincos, FSW_C1 | FSW_C2, "fsincos")
UNARY2(fp80_xtract, FSW_C1, "fxtract")

/* ---- comparisons ---- */

#define COMPARE_ANY(name, type, b_operand, load, insn, drop)                                                           \
    static NOINLINE u32 name##_slow(const struct x87_reg *a, type b, u16 fcw, u16 fsw)                                 \
    {                                                                                                                  \
        struct env env = slow_env(fcw, fsw);                                                                           \
        u16 sw;                                                                                                        \
        SLOW(load, insn, "", [sw] "=a"(sw) : [a] "m"(*a), [b] "m"(b_operand), [env] "m"(env) : CLOBBERS);              \
        return slow_status(sw, fcw, fsw);                                                                              \
    }                                                                                                                  \
    u32 name(const struct x87_reg *a, type b, u16 fcw, u16 fsw)                                                        \
    {                                                                                                                  \
        u16 sw;                                                                                                        \
        __asm__ volatile(load insn "\n\tfnstsw %%ax\n\tfstp %%st(0)" drop                                              \
                         : [sw] "=a"(sw)                                                                               \
                         : [a] "m"(*a), [b] "m"(b_operand)                                                             \
                         : CLOBBERS);                                                                                  \
        return nothing_new(sw, fcw, fsw) ? fast_status(sw, fsw, FSW_CC) : name##_slow(a, b, fcw, fsw);                 \
    }
#define COMPARE(name, insn)                                                                                            \
    COMPARE_ANY(name, const struct x87_reg *, *b, "fldt %[b]\n\tfldt %[a]\n\t", insn " %%st(1)", DROP)
#define COMPARE_MEM(name, insn) COMPARE_ANY(name, u64, b, "fldt %[a]\n\t", insn " %[b]", "")
COMPARE(fp80_com, "fcom")
COMPARE(fp80_ucom, "fucom")
COMPARE_MEM(fp80_com_f32, "fcoms")
COMPARE_MEM(fp80_com_f64, "fcoml")
COMPARE_MEM(fp80_com_i16, "ficoms")
COMPARE_MEM(fp80_com_i32, "ficoml")

/* ---- formats in memory ---- */

#define LOAD(name, insn)                                                                                               \
    static NOINLINE u32 name##_slow(struct x87_reg *d, u64 s, u16 fcw, u16 fsw)                                        \
    {                                                                                                                  \
        struct x87_reg r;                                                                                              \
        struct env env = slow_env(fcw, fsw);                                                                           \
        u16 sw;                                                                                                        \
        SLOW("", insn " %[s]", "fstpt %[r]", [r] "=m"(r), [sw] "=a"(sw) : [s] "m"(s), [env] "m"(env) : CLOBBERS);      \
        u32 status = slow_status(sw, fcw, fsw);                                                                        \
        if (!(status & FP80_NO_LOAD))                                                                                  \
            reg_copy(d, &r);                                                                                           \
        return status;                                                                                                 \
    }                                                                                                                  \
    u32 name(struct x87_reg *d, u64 s, u16 fcw, u16 fsw)                                                               \
    {                                                                                                                  \
        struct x87_reg r;                                                                                              \
        u16 sw;                                                                                                        \
        __asm__ volatile(insn " %[s]\n\tfnstsw %%ax\n\tfstpt %[r]"                                                     \
                         : [r] "=m"(r), [sw] "=a"(sw)                                                                  \
                         : [s] "m"(s)                                                                                  \
                         : CLOBBERS);                                                                                  \
        if (!nothing_new(sw, fcw, fsw))                                                                                \
            return name##_slow(d, s, fcw, fsw);                                                                        \
        reg_copy(d, &r);                                                                                               \
        return fast_status(sw, fsw, FSW_C1);                                                                           \
    }
LOAD(fp80_from_f32, "flds")
LOAD(fp80_from_f64, "fldl")

#define STORE(name, insn)                                                                                              \
    static NOINLINE struct fp80_stored name##_slow(const struct x87_reg *s, u16 fcw, u16 fsw)                          \
    {                                                                                                                  \
        u64 r = 0;                                                                                                     \
        struct env env = slow_env(fcw, fsw);                                                                           \
        u16 sw;                                                                                                        \
        SLOW("fldt %[s]\n\t", insn " %[r]", "", [r] "+m"(r), [sw] "=a"(sw) : [s] "m"(*s), [env] "m"(env) : CLOBBERS);  \
        return (struct fp80_stored){r, slow_status(sw, fcw, fsw)};                                                     \
    }                                                                                                                  \
    struct fp80_stored name(const struct x87_reg *s, u16 fcw, u16 fsw)                                                 \
    {                                                                                                                  \
        if (!may_run_masked(fcw))                                                                                      \
            return name##_slow(s, fcw, fsw);                                                                           \
        u64 r = 0;                                                                                                     \
        u16 sw;                                                                                                        \
        FAST("fldt %[s]\n\t", insn " %[r]", "", [r] "+m"(r), [sw] "=a"(sw) : [s] "m"(*s) : CLOBBERS);                  \
        return nothing_new(sw, fcw, fsw) ? (struct fp80_stored){r, fast_status(sw, fsw, FSW_C1)}                       \
                                         : name##_slow(s, fcw, fsw);                                                   \
    }
STORE(fp80_to_f32, "fstps")
STORE(fp80_to_f64, "fstpl")
STORE(fp80_to_i16, "fistps")
STORE(fp80_to_i32, "fistpl")
STORE(fp80_to_i64, "fistpll")
STORE(fp80_to_i16t, "fisttps")
STORE(fp80_to_i32t, "fisttpl")
STORE(fp80_to_i64t, "fisttpll")

u32 fp80_to_bcd(u8 bcd[10], const struct x87_reg *s, u16 fcw, u16 fsw)
{
    struct env env = slow_env(fcw, fsw);
    u16 sw;
    SLOW("fldt %[s]\n\t", "fbstp %[r]", "", [r] "+m"(*(u8(*)[10])bcd), [sw] "=a"(sw)
         : [s] "m"(*s), [env] "m"(env)
         : CLOBBERS);
    return slow_status(sw, fcw, fsw);
}

static const struct fp80_functions host_functions = {
    .prem = host_prem,
    .prem1 = host_prem1,
    .scale = host_scale,
    .patan = host_patan,
    .yl2x = host_yl2x,
    .yl2xp1 = host_yl2xp1,
    .f2xm1 = host_2xm1,
    .sin = host_sin,
    .cos = host_cos,
    .ptan = host_ptan,
    .sincos = host_sincos,
};
const struct fp80_functions *fp80_functions(bool repeatable)
{
    return repeatable ? &fp80_soft_functions : &host_functions;
}
