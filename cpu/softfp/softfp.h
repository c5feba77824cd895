/*
 * Binary floating point in integers (IEEE 754), for every format the guest
 * has: a number is unpacked to a wide significand, operated on exactly or with
 * what is lost remembered in its lowest bit, and rounded once. Knows formats,
 * rounding and flags; which NaN comes out of two, and what an exception does,
 * is said by those who use it (fp80_soft.c, fp_sse_soft.c, fp_muladd.c).
 */
#ifndef ORRERY_CPU_SOFTFP_H
#define ORRERY_CPU_SOFTFP_H

#include "cpu/base.h"

/* The same in FSW and MXCSR. */
enum sf_flags { SF_IE = BIT(0), SF_DE = BIT(1), SF_ZE = BIT(2), SF_OE = BIT(3), SF_UE = BIT(4), SF_PE = BIT(5) };
/* RC, the same in FCW and MXCSR. */
enum sf_rounding { SF_NEAREST, SF_DOWN, SF_UP, SF_CHOP };

/* Bits of significand, the integer bit included, and the largest exponent (the bias). */
struct sf_format {
    int precision, emax;
};
static const struct sf_format sf_single = {24, 127}, sf_double = {53, 1023}, sf_extended = {64, 16383};

enum sf_class { SF_ZERO, SF_FINITE, SF_INFINITY, SF_NAN, SF_UNSUPPORTED };
/* FINITE: man * 2^(exp - SF_TOP), the top bit of man at SF_TOP. Lower classes have a sign only. */
struct sf_value {
    enum sf_class class;
    bool negative;
    bool signalling; /* NaN */
    bool denormal;   /* as encoded */
    int exp;
    u128 man;
};
enum { SF_TOP = 126 };

/* man * 2^exp of any nonzero man. */
struct sf_value sf_make(bool negative, u128 man, int exp);
struct sf_value sf_from_int(i64 v);
/* An encoding with hidden integer bit; daz: denormals are zeroes. */
struct sf_value sf_unpack(u64 bits, struct sf_format f, bool daz);

/* Of FINITE values; ZERO where the exact result is: sign unset. */
struct sf_value sf_add(const struct sf_value *x, const struct sf_value *y);
struct sf_value sf_mul(const struct sf_value *x, const struct sf_value *y);
struct sf_value sf_div(const struct sf_value *x, const struct sf_value *y);
/* Of a positive one. */
struct sf_value sf_sqrt(const struct sf_value *x);
/* -1, 0, 1 as x <, =, > y; ZERO, FINITE, INFINITY. */
int sf_compare(const struct sf_value *x, const struct sf_value *y);

/* v with its lowest 'drop' bits rounded away; *inexact, *up (the magnitude grew) are set. */
u128 sf_round_off(u128 v, unsigned drop, bool negative, enum sf_rounding rc, bool *inexact, bool *up);
/* v >> n with the bits that fall off kept as one. */
u128 sf_shift_jam(u128 v, unsigned n);

struct sf_rounded {
    u64 sig;      /* integer bit at bit 63 */
    int exponent; /* biased; 0: zero or denormal, 2 * emax + 1: infinity */
    u32 flags;    /* OE, UE (tiny and inexact), PE */
    bool tiny;    /* below the smallest normal number after rounding with unbounded exponent */
    bool up;      /* the magnitude was rounded up */
};
/* A FINITE value to format f; 'precision' below f's keeps fewer bits of the same field (x87 precision control). */
struct sf_rounded sf_round(const struct sf_value *v, struct sf_format f, int precision, enum sf_rounding rc);
/* The encoding in a format with hidden bit. */
u64 sf_encode(bool negative, const struct sf_rounded *r, struct sf_format f);
/* Both, as SSE does; flush: tiny results become zero. Adds to *flags. */
u64 sf_encode_flushed(const struct sf_value *v, struct sf_format f, enum sf_rounding rc, bool flush, u32 *flags);

/* To a signed integer of 'bits' bits: false where it does not fit. NaNs do not. */
bool sf_to_int(const struct sf_value *v, unsigned bits, enum sf_rounding rc, i64 *r, bool *inexact, bool *up);

ALWAYS_INLINE u64 sf_width_sign(struct sf_format f) { return f.precision == 24 ? BIT64(31) : BIT64(63); }
ALWAYS_INLINE u64 sf_infinity_bits(struct sf_format f) { return (u64)(2 * f.emax + 1) << (f.precision - 1); }
ALWAYS_INLINE u64 sf_quiet_bit(struct sf_format f) { return BIT64(f.precision - 2); }
ALWAYS_INLINE u64 sf_default_nan(struct sf_format f)
{
    return sf_width_sign(f) | sf_infinity_bits(f) | sf_quiet_bit(f);
}

#endif
