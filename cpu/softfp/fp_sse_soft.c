/*
 * fp_sse_soft.h: SSE arithmetic by softfp.h, one lane at a time, as SDM vol. 1,
 * 11.5 and vol. 2 have it: of two NaNs the first operand's comes out, denormal
 * operands are reported unless something is invalid or a NaN, tiny results are
 * flushed under FTZ. All exceptions are masked here (sse_check.c).
 */
#include "cpu/vec/fp_sse.h"
#include "cpu/softfp/softfp.h"

_Thread_local u32 fp_soft_mxcsr = MXCSR_RESET;

static const struct sf_format *format(unsigned elem) { return elem == 4 ? &sf_single : &sf_double; }
static enum sf_rounding rounding(u32 mxcsr) { return (enum sf_rounding)((mxcsr & MXCSR_RC) >> MXCSR_RC_SHIFT); }
static bool daz(u32 mxcsr) { return mxcsr & MXCSR_DAZ; }

ALWAYS_INLINE u64 lane_get(const union lanes *v, unsigned elem, unsigned i)
{
    return elem == 4 ? LD(*v, i) : LQ(*v, i);
}
ALWAYS_INLINE void lane_set(union lanes *v, unsigned elem, unsigned i, u64 x)
{
    if (elem == 4)
        LD(*v, i) = (u32)x;
    else
        LQ(*v, i) = x;
}

/* ---- one lane ---- */

struct pair {
    u64 a, b;
    struct sf_value x, y;
    struct sf_format f;
    u32 mxcsr, flags;
};

static u64 zero(const struct pair *p, bool negative) { return negative ? sf_width_sign(p->f) : 0; }
static u64 infinity(const struct pair *p, bool negative) { return zero(p, negative) | sf_infinity_bits(p->f); }
static u64 invalid(struct pair *p)
{
    p->flags |= SF_IE;
    return sf_default_nan(p->f);
}
static u64 round_lane(struct pair *p, const struct sf_value *v)
{
    return sf_encode_flushed(v, p->f, rounding(p->mxcsr), p->mxcsr & MXCSR_FTZ, &p->flags);
}
static void note_denormals(struct pair *p) { p->flags |= p->x.denormal || p->y.denormal ? SF_DE : 0; }
static bool either(const struct pair *p, enum sf_class class) { return p->x.class == class || p->y.class == class; }

static u64 add(struct pair *p)
{
    if (p->x.class == SF_INFINITY && p->y.class == SF_INFINITY && p->x.negative != p->y.negative)
        return invalid(p);
    note_denormals(p);
    if (either(p, SF_INFINITY))
        return infinity(p, p->x.class == SF_INFINITY ? p->x.negative : p->y.negative);
    bool down = rounding(p->mxcsr) == SF_DOWN;
    if (p->x.class == SF_ZERO && p->y.class == SF_ZERO)
        return zero(p, p->x.negative == p->y.negative ? p->x.negative : down);
    struct sf_value sum = p->x.class == SF_ZERO ? p->y : p->y.class == SF_ZERO ? p->x : sf_add(&p->x, &p->y);
    return sum.class == SF_ZERO ? zero(p, down) : round_lane(p, &sum);
}
static u64 mul(struct pair *p)
{
    bool negative = p->x.negative ^ p->y.negative;
    if (either(p, SF_INFINITY) && either(p, SF_ZERO))
        return invalid(p);
    note_denormals(p);
    if (either(p, SF_INFINITY))
        return infinity(p, negative);
    if (either(p, SF_ZERO))
        return zero(p, negative);
    struct sf_value product = sf_mul(&p->x, &p->y);
    return round_lane(p, &product);
}
static u64 div(struct pair *p)
{
    bool negative = p->x.negative ^ p->y.negative;
    if (p->x.class == p->y.class && p->x.class != SF_FINITE)
        return invalid(p);
    if (p->y.class == SF_ZERO) { /* a denormal goes unnoticed */
        p->flags |= p->x.class == SF_FINITE ? SF_ZE : 0;
        return infinity(p, negative);
    }
    note_denormals(p);
    if (p->x.class == SF_INFINITY)
        return infinity(p, negative);
    if (p->x.class == SF_ZERO || p->y.class == SF_INFINITY)
        return zero(p, negative);
    struct sf_value quotient = sf_div(&p->x, &p->y);
    return round_lane(p, &quotient);
}
/* The second operand unless the first is less (more), also where they are equal zeroes. */
static u64 min_max(struct pair *p, int wanted)
{
    note_denormals(p);
    bool first = sf_compare(&p->x, &p->y) == wanted;
    const struct sf_value *v = first ? &p->x : &p->y;
    return v->class == SF_ZERO ? zero(p, v->negative) : first ? p->a : p->b;
}
static u64 square_root(struct pair *p)
{
    if (p->y.class == SF_ZERO)
        return zero(p, p->y.negative);
    if (p->y.negative)
        return invalid(p);
    note_denormals(p);
    if (p->y.class == SF_INFINITY)
        return p->b;
    struct sf_value root = sf_sqrt(&p->y);
    return round_lane(p, &root);
}

/* Comparison predicates: 1 where the relation holds for less, equal, greater, unordered (bits 0 to 3). */
static const u8 relation_holds[8] = {2, 1, 3, 8, 13, 14, 12, 7};
static const u8 relation_signals[8] = {0, 1, 1, 0, 0, 1, 1, 0};

static u64 lane(unsigned op, struct pair *p)
{
    bool nan = either(p, SF_NAN), snan = p->x.signalling || p->y.signalling;
    if (op >= SOFT_COMPARE) {
        unsigned predicate = op - SOFT_COMPARE;
        p->flags |= snan || (nan && relation_signals[predicate]) ? SF_IE : 0;
        if (!nan)
            note_denormals(p);
        unsigned is = nan ? 3 : (unsigned)(sf_compare(&p->x, &p->y) + 1);
        return relation_holds[predicate] >> is & 1 ? ~0ull : 0;
    }
    if (nan && (op == SOFT_MIN || op == SOFT_MAX)) {
        p->flags |= SF_IE;
        return p->y.class == SF_ZERO ? zero(p, p->y.negative) : p->b;
    }
    if (nan) {
        p->flags |= snan ? SF_IE : 0;
        return (p->x.class == SF_NAN ? p->a : p->b) | sf_quiet_bit(p->f);
    }
    static u64 (*const fn[])(struct pair *) = {
        [SOFT_ADD] = add, [SOFT_SUB] = add, [SOFT_MUL] = mul, [SOFT_DIV] = div, [SOFT_SQRT] = square_root};
    return op == SOFT_MIN ? min_max(p, -1) : op == SOFT_MAX ? min_max(p, 1) : fn[op](p);
}

v128 fp_soft_lanes(unsigned op, unsigned elem, unsigned lanes, v128 a, v128 b)
{
    union lanes x = {.v = a}, y = {.v = b}, r = {.v = a};
    u32 mxcsr = fp_soft_mxcsr;
    const struct sf_format f = *format(elem);
    for (unsigned i = 0; i < lanes; i++) {
        struct pair p = {.a = lane_get(&x, elem, i), .b = lane_get(&y, elem, i), .f = f, .mxcsr = mxcsr};
        if (op == SOFT_RCP || op == SOFT_RSQRT) {
            LD(r, i) = op == SOFT_RCP ? fp_estimate_reciprocal((u32)p.b) : fp_estimate_root((u32)p.b);
            continue;
        }
        if (op == SOFT_SQRT)
            p.a = p.b;
        p.x = sf_unpack(p.a, f, daz(mxcsr));
        p.y = sf_unpack(p.b, f, daz(mxcsr));
        p.y.negative ^= op == SOFT_SUB;
        lane_set(&r, elem, i, lane(op, &p));
        fp_soft_mxcsr |= p.flags;
    }
    return r.v;
}

u32 fp_soft_compare_flags(unsigned elem, bool quiet, v128 a, v128 b)
{
    union lanes x = {.v = a}, y = {.v = b};
    struct sf_value u = sf_unpack(lane_get(&x, elem, 0), *format(elem), daz(fp_soft_mxcsr));
    struct sf_value v = sf_unpack(lane_get(&y, elem, 0), *format(elem), daz(fp_soft_mxcsr));
    if (u.class == SF_NAN || v.class == SF_NAN) {
        fp_raise(!quiet || u.signalling || v.signalling ? SF_IE : 0);
        return FL_ZF | FL_PF | FL_CF;
    }
    fp_raise(u.denormal || v.denormal ? SF_DE : 0);
    int c = sf_compare(&u, &v);
    return c < 0 ? FL_CF : c == 0 ? FL_ZF : 0;
}

/* ---- conversions ---- */

static u64 to_integer(u64 x, struct sf_format f, unsigned bits, bool chop)
{
    struct sf_value v = sf_unpack(x, f, daz(fp_soft_mxcsr));
    i64 r;
    bool inexact, up;
    bool fits = sf_to_int(&v, bits, chop ? SF_CHOP : rounding(fp_soft_mxcsr), &r, &inexact, &up);
    fp_raise(!fits ? SF_IE : inexact ? SF_PE : 0);
    return (fits ? (u64)r : BIT64(bits - 1)) & ~0ull >> (64 - bits);
}
static u64 from_integer(i64 v, struct sf_format f)
{
    struct sf_value x = sf_from_int(v);
    u32 flags = 0;
    u64 r =
        x.class == SF_ZERO ? 0 : sf_encode_flushed(&x, f, rounding(fp_soft_mxcsr), fp_soft_mxcsr & MXCSR_FTZ, &flags);
    fp_raise(flags);
    return r;
}

u64 fp_soft_to_integer(unsigned elem, unsigned bits, bool chop, v128 b)
{
    union lanes y = {.v = b};
    return to_integer(lane_get(&y, elem, 0), *format(elem), bits, chop);
}
v128 fp_soft_to_dwords(unsigned elem, unsigned lanes, bool chop, v128 b)
{
    union lanes y = {.v = b}, r = {.v = {0, 0}};
    for (unsigned i = 0; i < lanes; i++)
        LD(r, i) = (u32)to_integer(lane_get(&y, elem, i), *format(elem), 32, chop);
    return r.v;
}
v128 fp_soft_from_dwords(unsigned elem, unsigned lanes, v128 b)
{
    union lanes y = {.v = b}, r = {.v = {0, 0}};
    for (unsigned i = 0; i < lanes; i++)
        lane_set(&r, elem, i, from_integer(LSD(y, i), *format(elem)));
    return r.v;
}
v128 fp_soft_from_integer(unsigned elem, v128 a, i64 v)
{
    union lanes r = {.v = a};
    lane_set(&r, elem, 0, from_integer(v, *format(elem)));
    return r.v;
}

static u64 resize(u64 x, struct sf_format from, struct sf_format to)
{
    struct sf_value v = sf_unpack(x, from, daz(fp_soft_mxcsr));
    u64 sign = v.negative ? sf_width_sign(to) : 0;
    u32 flags = (v.signalling ? SF_IE : 0u) | (v.denormal ? SF_DE : 0u);
    if (v.class == SF_ZERO)
        return sign;
    if (v.class == SF_FINITE)
        x = sf_encode_flushed(&v, to, rounding(fp_soft_mxcsr), fp_soft_mxcsr & MXCSR_FTZ, &flags);
    else /* a NaN keeps the top of its fraction */
        x = sign | sf_infinity_bits(to) | (v.class == SF_NAN ? sf_quiet_bit(to) : 0) |
            x << (64 - from.precision) << 1 >> 1 >> (64 - to.precision);
    fp_raise(flags);
    return x;
}
v128 fp_soft_resize(unsigned from_elem, unsigned lanes, v128 a, v128 b)
{
    union lanes y = {.v = b}, r = {.v = a};
    unsigned to_elem = 12 - from_elem;
    for (unsigned i = 0; i < lanes; i++)
        lane_set(&r, to_elem, i, resize(lane_get(&y, from_elem, i), *format(from_elem), *format(to_elem)));
    return r.v;
}
