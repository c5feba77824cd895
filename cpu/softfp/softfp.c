/*
 * softfp.h. Significands have 127 bits: the longest exact result, a product of
 * two 64-bit ones, needs one more, and what that loses is far below the bit at
 * which anything rounds.
 */
#include "cpu/softfp/softfp.h"

static int top_bit(u128 v)
{
    u64 high = (u64)(v >> 64);
    return high ? 127 - __builtin_clzll(high) : 63 - __builtin_clzll((u64)v);
}

u128 sf_shift_jam(u128 v, unsigned n)
{
    if (n == 0)
        return v;
    return n > 127 ? v != 0 : v >> n | ((v << (128 - n)) != 0);
}

struct sf_value sf_make(bool negative, u128 man, int exp)
{
    int shift = SF_TOP - top_bit(man);
    return (struct sf_value){.class = SF_FINITE,
                             .negative = negative,
                             .exp = exp + SF_TOP - shift,
                             .man = shift >= 0 ? man << shift : sf_shift_jam(man, 1)};
}

struct sf_value sf_from_int(i64 v)
{
    if (v == 0)
        return (struct sf_value){.class = SF_ZERO};
    return sf_make(v < 0, v < 0 ? 0 - (u64)v : (u64)v, 0);
}

struct sf_value sf_unpack(u64 bits, struct sf_format f, bool daz)
{
    u64 sign = sf_width_sign(f), magnitude = bits & (sign - 1), hidden = BIT64(f.precision - 1);
    u64 fraction = magnitude & (hidden - 1);
    int exponent = (int)(magnitude >> (f.precision - 1));
    bool negative = bits & sign;
    if (exponent == 2 * f.emax + 1)
        return (struct sf_value){.class = fraction ? SF_NAN : SF_INFINITY,
                                 .negative = negative,
                                 .signalling = fraction && !(fraction & sf_quiet_bit(f))};
    if (exponent)
        return sf_make(negative, fraction | hidden, exponent - f.emax - (f.precision - 1));
    if (fraction == 0 || daz)
        return (struct sf_value){.class = SF_ZERO, .negative = negative};
    struct sf_value v = sf_make(negative, fraction, 1 - f.emax - (f.precision - 1));
    v.denormal = true;
    return v;
}

struct sf_value sf_add(const struct sf_value *x, const struct sf_value *y)
{
    if (x->exp < y->exp) {
        const struct sf_value *t = x;
        x = y;
        y = t;
    }
    u128 m = sf_shift_jam(y->man, (unsigned)(x->exp - y->exp));
    if (x->negative == y->negative)
        return sf_make(x->negative, x->man + m, x->exp - SF_TOP);
    if (x->man == m)
        return (struct sf_value){.class = SF_ZERO};
    return x->man > m ? sf_make(x->negative, x->man - m, x->exp - SF_TOP)
                      : sf_make(y->negative, m - x->man, x->exp - SF_TOP);
}

/* Significands that come from a format have at most 64 bits. */
static u64 high_bits(const struct sf_value *x) { return (u64)(x->man >> (SF_TOP - 63)); }

struct sf_value sf_mul(const struct sf_value *x, const struct sf_value *y)
{
    return sf_make(x->negative ^ y->negative, (u128)high_bits(x) * high_bits(y), x->exp + y->exp - 126);
}

/* Two steps of long division: 63 or 64 bits, then 32 more, then whether anything is left. */
struct sf_value sf_div(const struct sf_value *x, const struct sf_value *y)
{
    u64 d = high_bits(y);
    u128 n = (u128)high_bits(x) << 63, q = n / d, rest = (n % d) << 32;
    q = q << 32 | rest / d;
    return sf_make(x->negative ^ y->negative, q << 1 | (rest % d != 0), x->exp - y->exp - 96);
}

/* A root of 64 bits, bit by bit; then the next bit, and whether anything is left. */
struct sf_value sf_sqrt(const struct sf_value *x)
{
    int odd = x->exp & 1;
    u128 rest = x->man << odd, root = 0;
    for (u128 bit = (u128)1 << 126; bit; bit >>= 2) {
        if (rest >= root + bit) {
            rest -= root + bit;
            root += bit << 1;
        }
        root >>= 1;
    }
    return sf_make(false, root << 2 | (u128)(rest > root) << 1 | (rest != 0), (x->exp - odd) / 2 - 65);
}

static int compare_magnitude(const struct sf_value *x, const struct sf_value *y)
{
    if (x->class != y->class || x->class != SF_FINITE)
        return (x->class > y->class) - (x->class < y->class);
    if (x->exp != y->exp)
        return x->exp > y->exp ? 1 : -1;
    return (x->man > y->man) - (x->man < y->man);
}
int sf_compare(const struct sf_value *x, const struct sf_value *y)
{
    if (x->class == SF_ZERO && y->class == SF_ZERO)
        return 0;
    if (x->negative != y->negative)
        return x->negative ? -1 : 1;
    return x->negative ? -compare_magnitude(x, y) : compare_magnitude(x, y);
}

u128 sf_round_off(u128 v, unsigned drop, bool negative, enum sf_rounding rc, bool *inexact, bool *up)
{
    *inexact = *up = false;
    if (drop == 0)
        return v;
    if (drop > 127) { /* all of it is far below one half of the last place */
        v = v != 0;
        drop = 127;
    }
    u128 unit = (u128)1 << drop, rest = v & (unit - 1), whole = v >> drop;
    *inexact = rest != 0;
    switch (rc) {
    case SF_NEAREST:
        *up = rest > unit / 2 || (rest == unit / 2 && (whole & 1));
        break;
    case SF_DOWN:
        *up = negative && rest;
        break;
    case SF_UP:
        *up = !negative && rest;
        break;
    case SF_CHOP:
        break;
    }
    return whole + *up;
}

static struct sf_rounded overflow(bool negative, struct sf_format f, int precision, enum sf_rounding rc)
{
    bool infinity = rc == SF_NEAREST || rc == (negative ? SF_DOWN : SF_UP);
    return (struct sf_rounded){.sig = infinity ? BIT64(63) : ~0ull << (64 - precision),
                               .exponent = 2 * f.emax + infinity,
                               .flags = SF_OE | SF_PE,
                               .up = infinity};
}

struct sf_rounded sf_round(const struct sf_value *v, struct sf_format f, int precision, enum sf_rounding rc)
{
    struct sf_rounded r = {0};
    bool inexact, up;
    unsigned drop = (unsigned)(SF_TOP + 1 - precision);
    int e = v->exp;
    u128 whole = sf_round_off(v->man, drop, v->negative, rc, &inexact, &up);
    if (whole >> precision) {
        whole >>= 1;
        e++;
    }
    if (e > f.emax)
        return overflow(v->negative, f, precision, rc);
    r.tiny = e < 1 - f.emax;
    if (v->exp < 1 - f.emax) { /* the last place is that of the smallest numbers */
        whole = sf_round_off(v->man, drop + (unsigned)(1 - f.emax - v->exp), v->negative, rc, &inexact, &up);
        r.exponent = whole >> (precision - 1) ? 1 : 0;
    } else {
        r.exponent = e + f.emax;
    }
    r.sig = (u64)(whole << (64 - precision));
    r.up = up;
    r.flags = (inexact ? SF_PE : 0u) | (inexact && r.tiny ? SF_UE : 0u);
    return r;
}

u64 sf_encode(bool negative, const struct sf_rounded *r, struct sf_format f)
{
    return (negative ? sf_width_sign(f) : 0) | (u64)r->exponent << (f.precision - 1) |
           (r->sig << 1 >> (64 - f.precision) >> 1);
}

u64 sf_encode_flushed(const struct sf_value *v, struct sf_format f, enum sf_rounding rc, bool flush, u32 *flags)
{
    struct sf_rounded r = sf_round(v, f, f.precision, rc);
    *flags |= r.flags;
    if (!r.tiny || !flush)
        return sf_encode(v->negative, &r, f);
    *flags |= SF_UE | SF_PE;
    return v->negative ? sf_width_sign(f) : 0;
}

bool sf_to_int(const struct sf_value *v, unsigned bits, enum sf_rounding rc, i64 *r, bool *inexact, bool *up)
{
    *inexact = *up = false;
    *r = 0;
    if (v->class == SF_ZERO)
        return true;
    if (v->class != SF_FINITE || v->exp >= (int)bits)
        return false;
    u128 whole = sf_round_off(v->man, (unsigned)(SF_TOP - v->exp), v->negative, rc, inexact, up);
    *r = (i64)(v->negative ? 0 - (u64)whole : (u64)whole);
    return whole < ((u128)1 << (bits - 1)) + v->negative;
}
