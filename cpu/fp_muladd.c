/*
 * Fused multiply-add on integers, for hosts without the instruction: product
 * exact in 128 bits, one rounding, MXCSR's rounding mode, DAZ and FTZ, x86's
 * NaNs and flags (masked ones; sse_check.c makes unmasked ones of them).
 */
#include "cpu/sse.h"

/* A format: bits of fraction and of the whole. */
struct fp_format {
    unsigned fraction, width;
};
ALWAYS_INLINE u64 fp_hidden(struct fp_format f) { return BIT64(f.fraction); }
ALWAYS_INLINE u64 fp_sign(struct fp_format f) { return BIT64(f.width - 1); }
ALWAYS_INLINE unsigned fp_max_exponent(struct fp_format f) { return BIT(f.width - f.fraction - 1) - 1; }
ALWAYS_INLINE u64 fp_infinity(struct fp_format f) { return (u64)fp_max_exponent(f) << f.fraction; }
ALWAYS_INLINE u64 fp_default_nan(struct fp_format f) { return fp_sign(f) | fp_infinity(f) | fp_hidden(f) >> 1; }

enum fp_class { CLASS_ZERO, CLASS_FINITE, CLASS_INFINITY, CLASS_NAN };
struct fp_unpacked {
    enum fp_class class;
    bool negative, signalling;
    int exponent; /* of the significand's lowest bit */
    u64 significand;
};

static struct fp_unpacked unpack(u64 x, struct fp_format f, bool daz, u32 *denormal)
{
    u64 magnitude = x & (fp_sign(f) - 1), fraction = magnitude & (fp_hidden(f) - 1);
    unsigned exponent = (unsigned)(magnitude >> f.fraction), bias = fp_max_exponent(f) >> 1;
    struct fp_unpacked r = {CLASS_FINITE, x & fp_sign(f), false, (int)(exponent - bias - f.fraction),
                            fraction | fp_hidden(f)};
    if (exponent == fp_max_exponent(f)) {
        r.class = fraction ? CLASS_NAN : CLASS_INFINITY;
        r.signalling = fraction && !(fraction & fp_hidden(f) >> 1);
    } else if (exponent == 0) {
        r.class = fraction && !daz ? CLASS_FINITE : CLASS_ZERO;
        *denormal |= r.class == CLASS_FINITE ? MXCSR_DE : 0;
        r.significand = fraction;
        r.exponent = (int)(1 - bias - f.fraction);
    }
    return r;
}

/* Drops the low n bits of v, remembering in the lowest bit whether any was set. */
static u128 shift_jam(u128 v, unsigned n)
{
    if (n == 0)
        return v;
    return n > 127 ? v != 0 : v >> n | ((v << (128 - n)) != 0);
}

/* v rounded to its top bits, 'drop' of them away. */
static u128 round_off(u128 v, unsigned drop, bool negative, u32 rc, bool *inexact)
{
    if (drop == 0)
        return v;
    u128 unit = (u128)1 << drop, rest = v & (unit - 1), whole = v >> drop;
    *inexact = rest != 0;
    bool away = rc == 0   ? rest > unit / 2 || (rest == unit / 2 && (whole & 1))
                : rc == 1 ? negative && rest
                : rc == 2 ? !negative && rest
                          : false;
    return whole + away;
}
static unsigned top_bit(u128 v)
{
    u64 high = (u64)(v >> 64);
    return high ? 127 - (unsigned)__builtin_clzll(high) : 63 - (unsigned)__builtin_clzll((u64)v);
}

/* A nonzero v * 2^exponent in format f. */
static u64 round_pack(u128 v, int exponent, bool negative, struct fp_format f, u32 mxcsr, u32 *flags)
{
    u32 rc = (mxcsr & MXCSR_RC) >> MXCSR_RC_SHIFT;
    u64 sign = negative ? fp_sign(f) : 0;
    int top = (int)top_bit(v), bias = (int)(fp_max_exponent(f) >> 1), min_exponent = 1 - bias;
    if (top < (int)f.fraction + 3) { /* room for guard bits */
        v <<= f.fraction + 3 - top;
        exponent -= (int)f.fraction + 3 - top;
        top = (int)f.fraction + 3;
    }
    bool inexact = false, tiny_inexact = false;
    unsigned drop = (unsigned)(top - (int)f.fraction);
    u128 whole = round_off(v, drop, negative, rc, &inexact);
    int e = top + exponent + (whole >> (f.fraction + 1) ? 1 : 0);
    if (e < min_exponent) { /* tiny after rounding with unbounded exponent */
        unsigned more = drop + (unsigned)(min_exponent - (top + exponent));
        if (more > 126)
            v = shift_jam(v, more - 126), more = 126;
        whole = round_off(v, more, negative, rc, &tiny_inexact);
        *flags |= tiny_inexact ? MXCSR_UE | MXCSR_PE : 0;
        if ((mxcsr & MXCSR_FTZ)) {
            *flags |= MXCSR_UE | MXCSR_PE;
            return sign;
        }
        return sign | (u64)whole;
    }
    if (top + exponent < min_exponent) /* rounds up to the smallest normal number */
        whole = fp_hidden(f) << (whole >> (f.fraction + 1) ? 1 : 0);
    *flags |= inexact ? MXCSR_PE : 0;
    if (e > bias) {
        *flags |= MXCSR_OE | MXCSR_PE;
        bool to_infinity = rc == 0 || (rc == 1 && negative) || (rc == 2 && !negative);
        return sign | (fp_infinity(f) - !to_infinity);
    }
    if (whole >> (f.fraction + 1))
        whole >>= 1;
    return sign | ((u64)(e + bias) << f.fraction) | ((u64)whole & (fp_hidden(f) - 1));
}

/* Product x * y (never zero) plus z. */
static u64 add_exact(const struct fp_unpacked *x, const struct fp_unpacked *y, const struct fp_unpacked *z,
                     struct fp_format f, u32 mxcsr, u32 *flags)
{
    bool negative = x->negative ^ y->negative;
    u128 p = (u128)x->significand * y->significand;
    int pe = x->exponent + y->exponent, shift = 125 - (int)top_bit(p);
    p <<= shift, pe -= shift;
    if (z->class == CLASS_ZERO)
        return round_pack(p, pe, negative, f, mxcsr, flags);
    u128 q = z->significand;
    int qe = z->exponent;
    shift = 125 - (int)top_bit(q);
    q <<= shift, qe -= shift;
    if (pe > qe)
        q = shift_jam(q, (unsigned)(pe - qe));
    else
        p = shift_jam(p, (unsigned)(qe - pe));
    int e = MAX(pe, qe);
    if (negative == z->negative)
        return round_pack(p + q, e, negative, f, mxcsr, flags);
    if (p == q)
        return (mxcsr & MXCSR_RC) >> MXCSR_RC_SHIFT == 1 ? fp_sign(f) : 0;
    return p > q ? round_pack(p - q, e, negative, f, mxcsr, flags) : round_pack(q - p, e, z->negative, f, mxcsr, flags);
}

/* x * y + z; of several NaNs the first comes out. */
static u64 muladd_bits(const u64 xyz[3], struct fp_format f, u32 mxcsr, u32 *flags)
{
    u32 denormal = 0;
    struct fp_unpacked u[3];
    for (unsigned i = 0; i < 3; i++)
        u[i] = unpack(xyz[i], f, mxcsr & MXCSR_DAZ, &denormal);
    bool nan = false, product_invalid = (u[0].class == CLASS_INFINITY && u[1].class == CLASS_ZERO) ||
                                        (u[0].class == CLASS_ZERO && u[1].class == CLASS_INFINITY);
    for (unsigned i = 0; i < 3; i++) {
        nan |= u[i].class == CLASS_NAN;
        *flags |= u[i].signalling ? MXCSR_IE : 0;
    }
    if (nan) {
        for (unsigned i = 0; i < 3; i++)
            if (u[i].class == CLASS_NAN)
                return xyz[i] | fp_hidden(f) >> 1;
    }
    bool negative = u[0].negative ^ u[1].negative;
    bool product_infinite = u[0].class == CLASS_INFINITY || u[1].class == CLASS_INFINITY;
    if (product_invalid || (product_infinite && u[2].class == CLASS_INFINITY && negative != u[2].negative)) {
        *flags |= MXCSR_IE;
        return fp_default_nan(f);
    }
    *flags |= denormal;
    if (product_infinite)
        return fp_infinity(f) | (negative ? fp_sign(f) : 0);
    if (u[2].class == CLASS_INFINITY)
        return xyz[2];
    if (u[0].class != CLASS_ZERO && u[1].class != CLASS_ZERO)
        return add_exact(&u[0], &u[1], &u[2], f, mxcsr, flags);
    if (u[2].class == CLASS_FINITE)
        return round_pack(u[2].significand, u[2].exponent, u[2].negative, f, mxcsr, flags);
    bool minus = (mxcsr & MXCSR_RC) >> MXCSR_RC_SHIFT == 1;
    return (negative == u[2].negative ? negative : minus) ? fp_sign(f) : 0;
}

v128 fp_muladd_soft(unsigned which, unsigned elem, unsigned lanes, v128 a, v128 b, v128 c)
{
    /* Which of a, b, c are x, y, z of x * y + z. */
    static const u8 place[3][3] = {{0, 2, 1}, {1, 0, 2}, {1, 2, 0}};
    const struct fp_format f = elem == 4 ? (struct fp_format){23, 32} : (struct fp_format){52, 64};
    unsigned order = which & 3, operation = which >> 2;
    union lanes in[3] = {{.v = a}, {.v = b}, {.v = c}}, r = {.v = a};
    u32 mxcsr = fp_host_get(), flags = 0;
    for (unsigned i = 0; i < lanes; i++) {
        u64 xyz[3];
        for (unsigned k = 0; k < 3; k++)
            xyz[k] = elem == 4 ? LD(in[place[order][k]], i) : LQ(in[place[order][k]], i);
        bool nan[3];
        for (unsigned k = 0; k < 3; k++)
            nan[k] = (xyz[k] & (fp_sign(f) - 1)) > fp_infinity(f); /* NaNs keep their sign */
        bool negate = operation == FMA_NEGATED_ADD || operation == FMA_NEGATED_SUB;
        bool subtract =
            operation == FMA_SUB || operation == FMA_NEGATED_SUB || operation == (i & 1 ? FMA_SUBADD : FMA_ADDSUB);
        xyz[0] ^= negate && !nan[0] ? fp_sign(f) : 0;
        xyz[2] ^= subtract && !nan[2] ? fp_sign(f) : 0;
        u64 v = muladd_bits(xyz, f, mxcsr, &flags);
        if (elem == 4)
            LD(r, i) = (u32)v;
        else
            LQ(r, i) = v;
    }
    fp_raise(flags);
    return r.v;
}
