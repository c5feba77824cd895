/*
 * struct fp80_functions in software, the same on every host: remainders,
 * scaling, and the transcendental functions. The latter reduce their argument
 * as the silicon does and take the C library's function of 113 bits, rounded
 * once to 64: the nearest value, where the silicon itself is one unit off in
 * up to three per cent of cases (docs/x87.md).
 */
#include "cpu/softfp/fp80_soft.h"

#include <math.h>

/*
 * IEEE binary128: the host's long double, or the compiler's arithmetic for it.
 * clang knows it on x86-64 by gcc's older name only, for which not every
 * glibc's math.h declares the functions that its libm has.
 */
#if defined(__clang__) && defined(__x86_64__)
typedef __float128 quad;
quad sinf128(quad x);
quad cosf128(quad x);
quad tanf128(quad x);
quad atan2f128(quad y, quad x);
quad expm1f128(quad x);
quad log2f128(quad x);
quad log1pf128(quad x);
#else
typedef _Float128 quad;
#endif

static const struct x87_reg one = {BIT64(63), 0x3fff}, minus_one = {BIT64(63), 0xbfff},
                            minus_half = {BIT64(63), 0xbffe};

static u32 end_value(struct fp80_work *w, struct x87_reg *d, const struct sf_value *v)
{
    return fp80_end_round(w, d, v, 64);
}

/* ---- remainders ---- */

/* C0, C3, C1: bits 2, 1, 0 of the quotient. */
static u16 quotient_codes(u64 q) { return (u16)((q & 4 ? FSW_C0 : 0) | (q & 2 ? FSW_C3 : 0) | (q & 1 ? FSW_C1 : 0)); }

/* Of FINITE values with y not twice as large: C2 set where exponents are so far apart that this is one step of many. */
static u32 remainder_step(struct fp80_work *w, struct x87_reg *d, const struct sf_value *x, const struct sf_value *y,
                          bool nearest)
{
    int apart = x->exp - y->exp, shift = apart < 0 ? 0 : apart < 64 ? apart : 32 + apart % 32;
    u128 divisor = (u128)sig64(y) << (apart < 0), n = (u128)sig64(x) << shift;
    u128 q = n / divisor, rest = n % divisor;
    bool flip = nearest && apart < 64 && (2 * rest > divisor || (2 * rest == divisor && (q & 1)));
    if (flip) {
        rest = divisor - rest;
        q++;
    }
    w->cc = apart < 64 ? quotient_codes((u64)q) : FSW_C2;
    if (rest == 0)
        return fp80_end(w, d, fp80_zero(x->negative));
    struct sf_value r = sf_make(x->negative ^ flip, rest, x->exp - 63 - shift);
    return end_value(w, d, &r);
}
static u32 remainder_of(struct x87_reg *d, const struct x87_reg *s, bool nearest, u16 fcw, u16 fsw)
{
    struct fp80_work w = {.fcw = fcw, .fsw = fsw, .written = FSW_C1 | FSW_C2};
    struct operand x = fp80_operand(d), y = fp80_operand(s);
    u32 status;
    if (fp80_special(&w, d, &x, &y, &status))
        return status;
    if (x.v.class == SF_INFINITY || y.v.class == SF_ZERO)
        return fp80_end_invalid(&w, d);
    fp80_note_denormals(&w, &x, &y);
    if (fp80_stops(&w, SF_DE))
        return fp80_status(&w);
    w.written = FSW_CC;
    if (x.v.class == SF_ZERO)
        return fp80_end(&w, d, x.reg);
    if (y.v.class == SF_INFINITY || x.v.exp < y.v.exp - nearest)
        return end_value(&w, d, &x.v);
    return remainder_step(&w, d, &x.v, &y.v, nearest);
}
static u32 soft_prem(struct x87_reg *d, const struct x87_reg *s, u16 fcw, u16 fsw)
{
    return remainder_of(d, s, false, fcw, fsw);
}
static u32 soft_prem1(struct x87_reg *d, const struct x87_reg *s, u16 fcw, u16 fsw)
{
    return remainder_of(d, s, true, fcw, fsw);
}

/* ---- exponents ---- */

static u32 soft_scale(struct x87_reg *d, const struct x87_reg *s, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    struct operand x = fp80_operand(d), y = fp80_operand(s);
    u32 status;
    if (fp80_special(&w, d, &x, &y, &status))
        return status;
    if (y.v.class == SF_INFINITY) {
        if (x.v.class == (y.v.negative ? SF_INFINITY : SF_ZERO))
            return fp80_end_invalid(&w, d);
        fp80_note_denormals(&w, &x, &y);
        return fp80_end(&w, d, y.v.negative ? fp80_zero(x.v.negative) : fp80_infinity(x.v.negative));
    }
    fp80_note_denormals(&w, &x, &y);
    if (x.v.class != SF_FINITE)
        return fp80_end(&w, d, x.reg);
    i64 by;
    bool inexact, up;
    if (!sf_to_int(&y.v, 18, SF_CHOP, &by, &inexact, &up))
        by = y.v.negative ? -100000 : 100000;
    x.v.exp += (int)by;
    return end_value(&w, d, &x.v);
}

/* ---- to and from 113 bits ---- */

enum { QUAD_FRACTION = 112, QUAD_BIAS = 16383 };

/* v * 2^scale, which is to be a normal number of a quad. */
static quad to_quad(const struct sf_value *v, int scale)
{
    u128 bits = (v->man >> (SF_TOP - QUAD_FRACTION)) & (((u128)1 << QUAD_FRACTION) - 1);
    quad q;
    bits |= (u128)(u64)(v->exp + scale + QUAD_BIAS) << QUAD_FRACTION | (u128)v->negative << 127;
    memcpy(&q, &bits, sizeof(q));
    return q;
}
/*
 * q * 2^scale of a finite q, not zero. It is never all there is of the exact value: a bit far below
 * says that this lies beyond q, or nearer to zero.
 */
static struct sf_value from_quad(quad q, int scale, bool nearer)
{
    u128 bits, hidden = (u128)1 << QUAD_FRACTION;
    memcpy(&bits, &q, sizeof(bits));
    int exponent = (int)(u64)(bits >> QUAD_FRACTION) & 0x7fff;
    u128 man = ((bits & (hidden - 1)) | hidden) << 8;
    return sf_make(bits >> 127, nearer ? man - 1 : man + 1, exponent - QUAD_BIAS - QUAD_FRACTION - 8 + scale);
}

/* Below this exponent a function is linear to more than 64 bits: there the argument is brought up to it. */
enum { LINEAR = -70 };
static int scale_to_linear(const struct sf_value *x) { return x->exp < LINEAR ? LINEAR - x->exp : 0; }

/* ---- FSIN, FCOS, FSINCOS, FPTAN ---- */

/* Silicon's pi has 66 bits. This is half of it, a quarter turn, times 2^65. */
#define QUARTER_TURN ((u128)3 << 64 | 0x243f6a8885a308d3ull)

/* The magnitude of x modulo quarter turns, exactly, in [-pi/4, pi/4]; *quarters: how many there were, modulo four. */
static struct sf_value reduce(const struct sf_value *x, unsigned *quarters)
{
    *quarters = 0;
    struct sf_value r = *x;
    r.negative = false;
    if (x->exp < -1)
        return r;
    u128 n = (u128)sig64(x) << 1;
    for (int doublings = x->exp + 1; doublings > 0; doublings--)
        n = (n << 1) % (4 * QUARTER_TURN);
    unsigned q = (unsigned)(n / QUARTER_TURN);
    n -= q * QUARTER_TURN;
    bool above = 2 * n > QUARTER_TURN; /* never zero: the constant is odd and longer than x */
    *quarters = (q + above) & 3;
    return sf_make(above, above ? QUARTER_TURN - n : n, -65);
}

/* Sine (quarter 0) or cosine (1) of a reduced argument, or the negative of it (2, 3). */
static struct sf_value sine_or_cosine(const struct sf_value *r, unsigned quarter)
{
    int scale = scale_to_linear(r);
    quad x = to_quad(r, scale);
    struct sf_value v = from_quad(quarter & 1 ? cosf128(x) : sinf128(x), quarter & 1 ? 0 : -scale, true);
    v.negative ^= quarter >> 1;
    return v;
}
static struct sf_value sine(const struct sf_value *x)
{
    unsigned quarters;
    struct sf_value r = reduce(x, &quarters), v = sine_or_cosine(&r, quarters);
    v.negative ^= x->negative;
    return v;
}
static struct sf_value cosine(const struct sf_value *x)
{
    unsigned quarters;
    struct sf_value r = reduce(x, &quarters);
    return sine_or_cosine(&r, (quarters + 1) & 3);
}
static struct sf_value tangent(const struct sf_value *x)
{
    unsigned quarters;
    struct sf_value r = reduce(x, &quarters);
    int scale = scale_to_linear(&r);
    quad t = tanf128(to_quad(&r, scale));
    struct sf_value v = quarters & 1 ? from_quad(-1 / t, scale, true) : from_quad(t, -scale, false);
    v.negative ^= x->negative;
    return v;
}

/* True when a trigonometric function has ended without a value: of no number, or (C2) of one too large. */
static bool trig_special(struct fp80_work *w, struct x87_reg *d, const struct operand *x, u32 *status)
{
    w->written = FSW_C1 | FSW_C2;
    if (fp80_special(w, d, x, NULL, status))
        return true;
    if (x->v.class == SF_INFINITY) {
        *status = fp80_end_invalid(w, d);
        return true;
    }
    if (x->v.class == SF_FINITE && x->v.exp >= 63) {
        w->cc = FSW_C2;
        *status = fp80_status(w);
        return true;
    }
    fp80_note_denormals(w, x, NULL);
    return false;
}
static u32 soft_sin(struct x87_reg *d, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    struct operand x = fp80_operand(d);
    u32 status;
    if (trig_special(&w, d, &x, &status))
        return status;
    if (x.v.class == SF_ZERO)
        return fp80_end(&w, d, x.reg);
    struct sf_value v = sine(&x.v);
    return end_value(&w, d, &v);
}
static u32 soft_cos(struct x87_reg *d, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    struct operand x = fp80_operand(d);
    u32 status;
    if (trig_special(&w, d, &x, &status))
        return status;
    if (x.v.class == SF_ZERO)
        return fp80_end(&w, d, one);
    struct sf_value v = cosine(&x.v);
    return end_value(&w, d, &v);
}

/* Two results, of which d takes the function's and 'pushed' the cosine, or 1. */
static u32 trig_pair(struct x87_reg *d, struct x87_reg *pushed, struct sf_value (*function)(const struct sf_value *),
                     bool with_cosine, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    struct operand x = fp80_operand(d);
    struct x87_reg first = x.reg, second = one;
    u32 status;
    if (trig_special(&w, &first, &x, &status)) {
        second = first;
    } else {
        if (x.v.class == SF_FINITE) {
            struct sf_value v = function(&x.v), c = cosine(&x.v);
            if (with_cosine)
                second = fp80_round(&w, &c, 64);
            w.cc = 0;
            first = fp80_round(&w, &v, 64);
        }
        status = fp80_status(&w);
    }
    if (!(status & (FP80_PRE | FSW_C2))) {
        *d = first;
        *pushed = second;
    }
    return status;
}
static u32 soft_sincos(struct x87_reg *d, struct x87_reg *pushed, u16 fcw, u16 fsw)
{
    return trig_pair(d, pushed, sine, true, fcw, fsw);
}
static u32 soft_ptan(struct x87_reg *d, struct x87_reg *pushed, u16 fcw, u16 fsw)
{
    return trig_pair(d, pushed, tangent, false, fcw, fsw);
}

/* ---- FPATAN ---- */

static quad quad_of_class(const struct sf_value *v, int scale)
{
    quad q = v->class == SF_ZERO ? 0 : v->class == SF_INFINITY ? (quad)__builtin_inf() : 0;
    return v->class == SF_FINITE ? to_quad(v, scale) : v->negative ? -q : q;
}
/* The angle of (x, y), of which not both are FINITE and far apart. */
static struct sf_value angle(const struct sf_value *y, const struct sf_value *x)
{
    int scale = x->class == SF_FINITE ? -x->exp : y->class == SF_FINITE ? -y->exp : 0;
    return from_quad(atan2f128(quad_of_class(y, scale), quad_of_class(x, scale)), 0, true);
}
static u32 soft_patan(struct x87_reg *d, const struct x87_reg *s, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    struct operand y = fp80_operand(d), x = fp80_operand(s);
    u32 status;
    if (fp80_special(&w, d, &y, &x, &status))
        return status;
    fp80_note_denormals(&w, &y, &x);
    if (!x.v.negative && x.v.class != y.v.class && (y.v.class == SF_ZERO || x.v.class == SF_INFINITY))
        return fp80_end(&w, d, fp80_zero(y.v.negative));
    if (!x.v.negative && x.v.class == SF_ZERO && y.v.class == SF_ZERO)
        return fp80_end(&w, d, y.reg);
    struct sf_value v, up = {.class = SF_FINITE, .exp = 0, .man = (u128)1 << SF_TOP}, none = {.class = SF_ZERO};
    bool finite = y.v.class == SF_FINITE && x.v.class == SF_FINITE;
    up.negative = none.negative = y.v.negative;
    if (finite && y.v.exp - x.v.exp > 120) {
        none.negative = false;
        v = angle(&up, &none);
    } else if (finite && x.v.exp - y.v.exp > 120) {
        up.negative = x.v.negative;
        v = x.v.negative ? angle(&none, &up) : sf_div(&y.v, &x.v);
        v = sf_make(v.negative, 2 * v.man - 1, v.exp - SF_TOP - 1); /* a little less than the quotient */
    } else {
        v = angle(&y.v, &x.v);
    }
    return end_value(&w, d, &v);
}

/* ---- F2XM1, FYL2X, FYL2XP1 ---- */

static quad ln2(void)
{
    struct sf_value v = sf_make(false, (u128)0xb17217f7d1cf79ab << 64 | 0xc9e3b39803f2f6af, -128);
    return to_quad(&v, 0);
}

/* Where the manual defines no result: the argument, called inexact. */
static u32 end_out_of_range(struct fp80_work *w, struct x87_reg *d, struct x87_reg x)
{
    if (!fp80_stops(w, SF_DE))
        w->flags |= SF_PE;
    return fp80_end(w, d, x);
}

static u32 soft_2xm1(struct x87_reg *d, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    struct operand x = fp80_operand(d);
    u32 status;
    if (fp80_special(&w, d, &x, NULL, &status))
        return status;
    fp80_note_denormals(&w, &x, NULL);
    if (x.v.class == SF_INFINITY && x.v.negative)
        return fp80_end(&w, d, minus_one);
    if (x.v.class != SF_FINITE)
        return fp80_end(&w, d, x.reg);
    if (x.v.exp >= 0)
        return end_out_of_range(&w, d, x.v.negative && sig64(&x.v) == BIT64(63) && x.v.exp == 0 ? minus_half : x.reg);
    int scale = scale_to_linear(&x.v);
    struct sf_value v = from_quad(expm1f128(to_quad(&x.v, scale) * ln2()), -scale, false);
    return end_value(&w, d, &v);
}

/* d = y * logarithm, which is neither zero nor infinite. */
static u32 end_product(struct fp80_work *w, struct x87_reg *d, const struct sf_value *y, quad logarithm, int scale)
{
    struct sf_value v = from_quad(to_quad(y, -y->exp) * logarithm, y->exp + scale, false);
    return end_value(w, d, &v);
}
/* The same of a logarithm that is zero or infinite, or a y that is. */
static u32 end_product_special(struct fp80_work *w, struct x87_reg *d, const struct sf_value *y,
                               enum sf_class logarithm, bool negative)
{
    negative ^= y->negative;
    if ((logarithm == SF_ZERO && y->class == SF_INFINITY) || (logarithm == SF_INFINITY && y->class == SF_ZERO))
        return fp80_end_invalid(w, d);
    bool infinite = logarithm == SF_INFINITY || y->class == SF_INFINITY;
    return fp80_end(w, d, infinite ? fp80_infinity(negative) : fp80_zero(negative));
}

static u32 soft_yl2x(struct x87_reg *d, const struct x87_reg *s, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    struct operand y = fp80_operand(d), x = fp80_operand(s);
    u32 status;
    if (fp80_special(&w, d, &y, &x, &status))
        return status;
    if (x.v.negative && x.v.class != SF_ZERO)
        return fp80_end_invalid(&w, d);
    if (x.v.class == SF_ZERO && y.v.class == SF_ZERO)
        return fp80_end_invalid(&w, d);
    bool power_of_two = x.v.class == SF_FINITE && sig64(&x.v) == BIT64(63);
    bool below_one = x.v.class == SF_ZERO || (x.v.class == SF_FINITE && x.v.exp < 0);
    if (x.v.class == SF_ZERO && y.v.class == SF_FINITE) { /* a denormal goes unnoticed */
        w.flags |= SF_ZE;
        return fp80_end(&w, d, fp80_infinity(!y.v.negative));
    }
    fp80_note_denormals(&w, &y, &x);
    if (x.v.class != SF_FINITE)
        return end_product_special(&w, d, &y.v, SF_INFINITY, below_one);
    if (power_of_two && x.v.exp == 0)
        return end_product_special(&w, d, &y.v, SF_ZERO, false);
    if (y.v.class != SF_FINITE)
        return end_product_special(&w, d, &y.v, SF_FINITE, below_one);
    if (power_of_two) {
        struct sf_value whole = sf_from_int(x.v.exp), v = sf_mul(&y.v, &whole);
        w.flags |= fp80_stops(&w, SF_DE) ? 0 : SF_PE; /* even so */
        return end_value(&w, d, &v);
    }
    int scale = x.v.denormal ? 1000 : 0;
    return end_product(&w, d, &y.v, log2f128(to_quad(&x.v, scale)) - scale, 0);
}
static u32 soft_yl2xp1(struct x87_reg *d, const struct x87_reg *s, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    struct operand y = fp80_operand(d), x = fp80_operand(s);
    u32 status;
    if (fp80_special(&w, d, &y, &x, &status))
        return status;
    if (x.v.class == SF_INFINITY && x.v.negative)
        return fp80_end_invalid(&w, d);
    fp80_note_denormals(&w, &y, &x);
    if (x.v.class != SF_FINITE)
        return end_product_special(&w, d, &y.v, x.v.class, x.v.negative);
    if (y.v.class != SF_FINITE)
        return end_product_special(&w, d, &y.v, SF_FINITE, x.v.negative);
    if (x.v.negative && x.v.exp >= 0)
        return end_out_of_range(&w, d, x.reg);
    int scale = scale_to_linear(&x.v);
    return end_product(&w, d, &y.v, log1pf128(to_quad(&x.v, scale)) / ln2(), -scale);
}

const struct fp80_functions fp80_soft_functions = {
    .prem = soft_prem,
    .prem1 = soft_prem1,
    .scale = soft_scale,
    .patan = soft_patan,
    .yl2x = soft_yl2x,
    .yl2xp1 = soft_yl2xp1,
    .f2xm1 = soft_2xm1,
    .sin = soft_sin,
    .cos = soft_cos,
    .ptan = soft_ptan,
    .sincos = soft_sincos,
};
