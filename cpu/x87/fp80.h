/*
 * The arithmetic of the x87: operations on 80-bit registers with a control
 * word in and a status word out, exactly as the silicon leaves them, unmasked
 * exceptions included. It knows no stack, tags, memory or CPU: x87*.c do that.
 * One implementation is built: fp80_host_x86.c, which uses the host's own
 * x87, or fp80_soft.c. Of what silicon computes each in its own way (struct
 * fp80_functions) the software's is always there too.
 *
 * Every operation takes the guest's FCW and FSW and returns the new FSW
 * (exception flags accumulated, C0-C3 as the instruction defines them, ES and
 * B set when it raised something unmasked) with, from bit FP80_UNMASKED on,
 * the unmasked exceptions this very operation raised. Results are written
 * unless one of those suppresses them: FP80_PRE for results of operations,
 * FP80_NO_LOAD and FP80_NO_STORE for loads and stores.
 */
#ifndef ORRERY_CPU_FP80_H
#define ORRERY_CPU_FP80_H

#include "cpu/state.h"

/* Whether all guest floating point is software's: then no engine uses the host's units for it. */
#ifdef ORRERY_SOFTFP
enum { FP_IN_SOFTWARE = true };
#else
enum { FP_IN_SOFTWARE = false };
#endif

/* FSW; the low six are masked by the same bits of FCW. */
enum x87_fsw {
    FSW_IE = BIT(0),
    FSW_DE = BIT(1),
    FSW_ZE = BIT(2),
    FSW_OE = BIT(3),
    FSW_UE = BIT(4),
    FSW_PE = BIT(5),
    FSW_EXC = 0x3f,
    FSW_SF = BIT(6),
    FSW_ES = BIT(7),
    FSW_C0 = BIT(8),
    FSW_C1 = BIT(9),
    FSW_C2 = BIT(10),
    FSW_C3 = BIT(14),
    FSW_CC = FSW_C0 | FSW_C1 | FSW_C2 | FSW_C3,
    FSW_TOP_SHIFT = 11,
    FSW_TOP = 7 << 11,
    FSW_B = BIT(15),
};
enum x87_fcw { FCW_PC = 3 << 8, FCW_RC = 3 << 10, FCW_RC_SHIFT = 10, FCW_INIT = 0x37f };

#define FP80_UNMASKED 16
/* Unmasked, these leave the destination register, and the stack, as they were. */
#define FP80_PRE ((u32)(FSW_IE | FSW_DE | FSW_ZE) << FP80_UNMASKED)
/* The same for loads: a denormal is reported, and loaded all the same. */
#define FP80_NO_LOAD ((u32)FSW_IE << FP80_UNMASKED)
/* Unmasked, these leave the destination in memory, and the stack, as they were. */
#define FP80_NO_STORE ((u32)(FSW_IE | FSW_OE | FSW_UE) << FP80_UNMASKED)

/* d = d op s */
typedef u32 fp80_binary(struct x87_reg *d, const struct x87_reg *s, u16 fcw, u16 fsw);
/* d = d op s, s a float, double, i16 or i32 as memory held it. */
typedef u32 fp80_binary_mem(struct x87_reg *d, u64 s, u16 fcw, u16 fsw);
/* Sets C0, C2, C3. */
typedef u32 fp80_compare(const struct x87_reg *a, const struct x87_reg *b, u16 fcw, u16 fsw);
typedef u32 fp80_compare_mem(const struct x87_reg *a, u64 b, u16 fcw, u16 fsw);
typedef u32 fp80_unary(struct x87_reg *d, u16 fcw, u16 fsw);
/* Results d, then the one that is pushed above it. Neither is written when C2 comes back set. */
typedef u32 fp80_unary2(struct x87_reg *d, struct x87_reg *pushed, u16 fcw, u16 fsw);
typedef u32 fp80_load(struct x87_reg *d, u64 s, u16 fcw, u16 fsw);
/* What is to be stored, and the status. */
struct fp80_stored {
    u64 val;
    u32 status;
};
typedef struct fp80_stored fp80_store(const struct x87_reg *s, u16 fcw, u16 fsw);

fp80_binary fp80_add, fp80_mul, fp80_sub, fp80_subr, fp80_div, fp80_divr;
fp80_binary_mem fp80_add_f32, fp80_mul_f32, fp80_sub_f32, fp80_subr_f32, fp80_div_f32, fp80_divr_f32;
fp80_binary_mem fp80_add_f64, fp80_mul_f64, fp80_sub_f64, fp80_subr_f64, fp80_div_f64, fp80_divr_f64;
fp80_binary_mem fp80_add_i16, fp80_mul_i16, fp80_sub_i16, fp80_subr_i16, fp80_div_i16, fp80_divr_i16;
fp80_binary_mem fp80_add_i32, fp80_mul_i32, fp80_sub_i32, fp80_subr_i32, fp80_div_i32, fp80_divr_i32;
fp80_compare fp80_com, fp80_ucom;
fp80_compare_mem fp80_com_f32, fp80_com_f64, fp80_com_i16, fp80_com_i32;
fp80_unary fp80_sqrt, fp80_rndint;
fp80_unary2 fp80_xtract;
fp80_load fp80_from_f32, fp80_from_f64;
fp80_store fp80_to_f32, fp80_to_f64, fp80_to_i16, fp80_to_i32, fp80_to_i64;
/* FISTTP: rounds towards zero whatever FCW says. */
fp80_store fp80_to_i16t, fp80_to_i32t, fp80_to_i64t;
/* Packed BCD of 10 bytes; any nibbles are taken, and the result is the same on every host. */
void fp80_from_bcd(struct x87_reg *d, const u8 bcd[10]);
u32 fp80_to_bcd(u8 bcd[10], const struct x87_reg *s, u16 fcw, u16 fsw);

/*
 * Where makers' units differ: transcendental functions in the last place, remainders of far exponents in how far a
 * step goes, FSCALE where no exponent is left. For patan, yl2x and yl2xp1 d is ST(1) and s ST(0); for prem, prem1
 * and scale the reverse.
 */
struct fp80_functions {
    fp80_binary *prem, *prem1, *scale, *patan, *yl2x, *yl2xp1;
    fp80_unary *f2xm1, *sin, *cos;
    fp80_unary2 *ptan, *sincos;
};
extern const struct fp80_functions fp80_soft_functions;
/* What a CPU computes with: the same on every host, or this host's own, which are faster. */
const struct fp80_functions *fp80_functions(bool repeatable);

/* ---- what needs no arithmetic unit: the same code on every host ---- */

/* The default NaN: the masked response to an invalid operation. */
#define FP80_INDEFINITE ((struct x87_reg){0xc000000000000000ull, 0xffff})

/* An integer is always exact. */
ALWAYS_INLINE struct x87_reg fp80_from_int(i64 v)
{
    if (v == 0)
        return (struct x87_reg){0, 0};
    u64 m = v < 0 ? 0 - (u64)v : (u64)v;
    int shift = __builtin_clzll(m);
    return (struct x87_reg){m << shift, (u16)((v < 0 ? 0x8000 : 0) | (0x3fff + 63 - shift))};
}
/* Double to extended for normal numbers, the common case; false: zero, denormal, infinity or NaN. */
ALWAYS_INLINE bool fp80_from_normal_f64(struct x87_reg *d, u64 v)
{
    unsigned e = (unsigned)(v >> 52) & 0x7ff;
    if (unlikely(e - 1 >= 0x7fe))
        return false;
    d->man = BIT64(63) | (v << 11);
    d->se = (u16)((v >> 48 & 0x8000) | (e + (0x3fff - 0x3ff)));
    return true;
}
ALWAYS_INLINE bool fp80_from_normal_f32(struct x87_reg *d, u32 v)
{
    unsigned e = v >> 23 & 0xff;
    if (unlikely(e - 1 >= 0xfe))
        return false;
    d->man = BIT64(63) | (u64)v << 40;
    d->se = (u16)((v >> 16 & 0x8000) | (e + (0x3fff - 0x7f)));
    return true;
}

#endif
