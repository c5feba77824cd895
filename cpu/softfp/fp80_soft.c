/*
 * fp80.h in software, for hosts without an x87: arithmetic, comparison, and
 * conversion; the rest is in fp80_soft_functions.c. Where the manual leaves something open, it is as AMD's
 * silicon has it (docs/x87.md): tests/insn/test_soft.c compares bit by bit.
 */
#include "cpu/softfp/fp80_soft.h"

/* ---- operands ---- */

/* Of a value that 64 bits and the exponent hold exactly. */
static struct x87_reg exact(const struct sf_value *v)
{
    return fp80_signed(v->negative, (u16)(v->exp + sf_extended.emax), sig64(v));
}
static struct operand from_bits(u64 bits, struct sf_format f)
{
    struct operand o = {.v = sf_unpack(bits, f, false)};
    switch (o.v.class) {
    case SF_ZERO:
        o.reg = fp80_zero(o.v.negative);
        break;
    case SF_FINITE:
        o.reg = exact(&o.v);
        break;
    default:
        o.reg = fp80_signed(o.v.negative, 0x7fff, BIT64(63) | bits << (64 - f.precision));
        break;
    }
    return o;
}
static struct operand operand_f32(u64 s) { return from_bits((u32)s, sf_single); }
static struct operand operand_f64(u64 s) { return from_bits(s, sf_double); }
static struct operand operand_int(i64 i) { return (struct operand){fp80_from_int(i), sf_from_int(i)}; }
static struct operand operand_i16(u64 s) { return operand_int((i16)s); }
static struct operand operand_i32(u64 s) { return operand_int((i32)s); }

/* Bits kept under precision control; the reserved setting is like extended. */
static int precision(u16 fcw)
{
    static const u8 bits[4] = {24, 64, 53, 64};
    return bits[(fcw & FCW_PC) >> 8];
}

/* ---- add, subtract, multiply, divide: d = x op y ---- */

typedef u32 arith(struct x87_reg *d, const struct operand *x, const struct operand *y, u16 fcw, u16 fsw);

static u32 add_signed(struct x87_reg *d, const struct operand *x, const struct operand *y, bool subtract, u16 fcw,
                      u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    struct sf_value b = y->v;
    u32 status;
    if (fp80_special(&w, d, x, y, &status))
        return status;
    b.negative ^= subtract;
    if (x->v.class == SF_INFINITY && b.class == SF_INFINITY && x->v.negative != b.negative)
        return fp80_end_invalid(&w, d);
    fp80_note_denormals(&w, x, y);
    if (x->v.class == SF_INFINITY || b.class == SF_INFINITY)
        return fp80_end(&w, d, fp80_infinity(x->v.class == SF_INFINITY ? x->v.negative : b.negative));
    bool down = fp80_rc(fcw) == SF_DOWN;
    if (x->v.class == SF_ZERO && b.class == SF_ZERO)
        return fp80_end(&w, d, fp80_zero(x->v.negative == b.negative ? b.negative : down));
    struct sf_value sum = x->v.class == SF_ZERO ? b : b.class == SF_ZERO ? x->v : sf_add(&x->v, &b);
    if (sum.class == SF_ZERO)
        return fp80_end(&w, d, fp80_zero(down));
    return fp80_end_round(&w, d, &sum, precision(fcw));
}
static u32 add(struct x87_reg *d, const struct operand *x, const struct operand *y, u16 fcw, u16 fsw)
{
    return add_signed(d, x, y, false, fcw, fsw);
}
static u32 sub(struct x87_reg *d, const struct operand *x, const struct operand *y, u16 fcw, u16 fsw)
{
    return add_signed(d, x, y, true, fcw, fsw);
}
static u32 subr(struct x87_reg *d, const struct operand *x, const struct operand *y, u16 fcw, u16 fsw)
{
    return add_signed(d, y, x, true, fcw, fsw);
}
static u32 mul(struct x87_reg *d, const struct operand *x, const struct operand *y, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    u32 status;
    if (fp80_special(&w, d, x, y, &status))
        return status;
    bool negative = x->v.negative ^ y->v.negative;
    bool infinite = x->v.class == SF_INFINITY || y->v.class == SF_INFINITY;
    bool zero = x->v.class == SF_ZERO || y->v.class == SF_ZERO;
    if (infinite && zero)
        return fp80_end_invalid(&w, d);
    fp80_note_denormals(&w, x, y);
    if (infinite || zero)
        return fp80_end(&w, d, infinite ? fp80_infinity(negative) : fp80_zero(negative));
    struct sf_value product = sf_mul(&x->v, &y->v);
    return fp80_end_round(&w, d, &product, precision(fcw));
}
static u32 div(struct x87_reg *d, const struct operand *x, const struct operand *y, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    u32 status;
    if (fp80_special(&w, d, x, y, &status))
        return status;
    bool negative = x->v.negative ^ y->v.negative;
    if (x->v.class == y->v.class && x->v.class != SF_FINITE)
        return fp80_end_invalid(&w, d);
    if (y->v.class == SF_ZERO) { /* a denormal goes unnoticed */
        w.flags |= x->v.class == SF_FINITE ? SF_ZE : 0;
        return fp80_end(&w, d, fp80_infinity(negative));
    }
    fp80_note_denormals(&w, x, y);
    if (x->v.class == SF_INFINITY || y->v.class == SF_INFINITY || x->v.class == SF_ZERO)
        return fp80_end(&w, d, x->v.class == SF_INFINITY ? fp80_infinity(negative) : fp80_zero(negative));
    struct sf_value quotient = sf_div(&x->v, &y->v);
    return fp80_end_round(&w, d, &quotient, precision(fcw));
}
static u32 divr(struct x87_reg *d, const struct operand *x, const struct operand *y, u16 fcw, u16 fsw)
{
    return div(d, y, x, fcw, fsw);
}

#define ARITH_MEM(op, type)                                                                                            \
    u32 fp80_##op##_##type(struct x87_reg *d, u64 s, u16 fcw, u16 fsw)                                                 \
    {                                                                                                                  \
        struct operand x = fp80_operand(d), y = operand_##type(s);                                                     \
        return op(d, &x, &y, fcw, fsw);                                                                                \
    }
#define ARITH(op)                                                                                                      \
    u32 fp80_##op(struct x87_reg *d, const struct x87_reg *s, u16 fcw, u16 fsw)                                        \
    {                                                                                                                  \
        struct operand x = fp80_operand(d), y = fp80_operand(s);                                                       \
        return op(d, &x, &y, fcw, fsw);                                                                                \
    }                                                                                                                  \
    ARITH_MEM(op, f32)                                                                                                 \
    ARITH_MEM(op, f64)                                                                                                 \
    ARITH_MEM(op, i16)                                                                                                 \
    ARITH_MEM(op, i32)
ARITH(add)
ARITH(sub)
ARITH(subr)
ARITH(mul)
ARITH(div)
ARITH(divr)

u32 fp80_sqrt(struct x87_reg *d, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    struct operand x = fp80_operand(d);
    u32 status;
    if (fp80_special(&w, d, &x, NULL, &status))
        return status;
    if (x.v.negative && x.v.class != SF_ZERO)
        return fp80_end_invalid(&w, d);
    fp80_note_denormals(&w, &x, NULL);
    if (x.v.class != SF_FINITE)
        return fp80_end(&w, d, x.reg);
    struct sf_value root = sf_sqrt(&x.v);
    return fp80_end_round(&w, d, &root, precision(fcw));
}

/* ---- comparison ---- */

static u32 compare(const struct operand *a, const struct operand *b, bool quiet, u16 fcw, u16 fsw)
{
    struct fp80_work w = {.fcw = fcw, .fsw = fsw, .written = FSW_CC};
    bool unsupported = a->v.class == SF_UNSUPPORTED || b->v.class == SF_UNSUPPORTED;
    if (unsupported || a->v.class == SF_NAN || b->v.class == SF_NAN) {
        w.flags = unsupported || !quiet || a->v.signalling || b->v.signalling ? SF_IE : 0;
        w.cc = FSW_C0 | FSW_C2 | FSW_C3;
        return fp80_status(&w);
    }
    fp80_note_denormals(&w, a, b);
    int c = sf_compare(&a->v, &b->v);
    w.cc = c < 0 ? FSW_C0 : c == 0 ? FSW_C3 : 0;
    return fp80_status(&w);
}
u32 fp80_com(const struct x87_reg *a, const struct x87_reg *b, u16 fcw, u16 fsw)
{
    struct operand x = fp80_operand(a), y = fp80_operand(b);
    return compare(&x, &y, false, fcw, fsw);
}
u32 fp80_ucom(const struct x87_reg *a, const struct x87_reg *b, u16 fcw, u16 fsw)
{
    struct operand x = fp80_operand(a), y = fp80_operand(b);
    return compare(&x, &y, true, fcw, fsw);
}
#define COMPARE_MEM(type)                                                                                              \
    u32 fp80_com_##type(const struct x87_reg *a, u64 b, u16 fcw, u16 fsw)                                              \
    {                                                                                                                  \
        struct operand x = fp80_operand(a), y = operand_##type(b);                                                     \
        return compare(&x, &y, false, fcw, fsw);                                                                       \
    }
COMPARE_MEM(f32)
COMPARE_MEM(f64)
COMPARE_MEM(i16)
COMPARE_MEM(i32)

/* ---- formats in memory ---- */

/* A denormal is reported and loaded all the same. */
static u32 load(struct x87_reg *d, struct operand o, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    if (o.v.class == SF_NAN) {
        w.flags = o.v.signalling ? SF_IE : 0;
        o.reg.man |= BIT64(62);
    }
    fp80_note_denormals(&w, &o, NULL);
    if (!fp80_stops(&w, SF_IE))
        *d = o.reg;
    return fp80_status(&w);
}
u32 fp80_from_f32(struct x87_reg *d, u64 s, u16 fcw, u16 fsw) { return load(d, operand_f32(s), fcw, fsw); }
u32 fp80_from_f64(struct x87_reg *d, u64 s, u16 fcw, u16 fsw) { return load(d, operand_f64(s), fcw, fsw); }

static u64 store_value(struct fp80_work *w, const struct operand *o, struct sf_format f)
{
    u64 sign = o->v.negative ? sf_width_sign(f) : 0;
    switch (o->v.class) {
    case SF_UNSUPPORTED:
        w->flags |= SF_IE;
        return sf_default_nan(f);
    case SF_NAN:
        w->flags |= o->v.signalling ? SF_IE : 0;
        return sign | sf_infinity_bits(f) | sf_quiet_bit(f) | o->reg.man << 1 >> (64 - f.precision) >> 1;
    case SF_INFINITY:
        return sign | sf_infinity_bits(f);
    case SF_ZERO:
        return sign;
    default:
        break;
    }
    struct sf_rounded r = sf_round(&o->v, f, f.precision, fp80_rc(w->fcw));
    u32 stops = ((r.flags & SF_OE) | (r.tiny ? SF_UE : 0u)) & ~(u32)w->fcw;
    w->flags |= stops ? stops : r.flags; /* underflow though exact */
    w->cc |= r.up && !stops ? FSW_C1 : 0;
    return sf_encode(o->v.negative, &r, f);
}
static struct fp80_stored store(const struct x87_reg *s, struct sf_format f, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    struct operand o = fp80_operand(s);
    u64 val = store_value(&w, &o, f);
    return (struct fp80_stored){val, fp80_status(&w)};
}
struct fp80_stored fp80_to_f32(const struct x87_reg *s, u16 fcw, u16 fsw) { return store(s, sf_single, fcw, fsw); }
struct fp80_stored fp80_to_f64(const struct x87_reg *s, u16 fcw, u16 fsw) { return store(s, sf_double, fcw, fsw); }

/* Rounded to an integer of 'bits' bits; false, with IE raised: it does not fit. */
static bool to_integer(struct fp80_work *w, const struct x87_reg *s, unsigned bits, enum sf_rounding rc, i64 *r)
{
    struct operand o = fp80_operand(s);
    bool inexact, up, fits = sf_to_int(&o.v, bits, rc, r, &inexact, &up);
    w->flags |= !fits ? SF_IE : inexact ? SF_PE : 0u;
    w->cc |= fits && up ? FSW_C1 : 0;
    return fits;
}
static struct fp80_stored store_int(const struct x87_reg *s, unsigned bits, enum sf_rounding rc, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    i64 r;
    u64 val = to_integer(&w, s, bits, rc, &r) ? (u64)r : BIT64(bits - 1);
    return (struct fp80_stored){val & ~0ull >> (64 - bits), fp80_status(&w)};
}
#define STORE_INT(bits)                                                                                                \
    struct fp80_stored fp80_to_i##bits(const struct x87_reg *s, u16 fcw, u16 fsw)                                      \
    {                                                                                                                  \
        return store_int(s, bits, fp80_rc(fcw), fcw, fsw);                                                             \
    }                                                                                                                  \
    struct fp80_stored fp80_to_i##bits##t(const struct x87_reg *s, u16 fcw, u16 fsw)                                   \
    {                                                                                                                  \
        return store_int(s, bits, SF_CHOP, fcw, fsw);                                                                  \
    }
STORE_INT(16)
STORE_INT(32)
STORE_INT(64)

u32 fp80_to_bcd(u8 bcd[10], const struct x87_reg *s, u16 fcw, u16 fsw)
{
    static const u8 indefinite[10] = {0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff};
    static const u64 limit = 1000000000000000000;
    struct fp80_work w = fp80_begin(fcw, fsw);
    i64 r;
    bool fits = to_integer(&w, s, 64, fp80_rc(fcw), &r);
    u64 v = r < 0 ? 0 - (u64)r : (u64)r;
    if (!fits || v >= limit) {
        w.flags = SF_IE;
        w.cc = 0;
        if (!fp80_stops(&w, SF_IE))
            memcpy(bcd, indefinite, sizeof(indefinite));
        return fp80_status(&w);
    }
    for (unsigned i = 0; i < 9; i++, v /= 100)
        bcd[i] = (u8)(v / 10 % 10 << 4 | v % 10);
    bcd[9] = s->se & 0x8000 ? 0x80 : 0;
    return fp80_status(&w);
}

u32 fp80_rndint(struct x87_reg *d, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    struct operand x = fp80_operand(d);
    u32 status;
    if (fp80_special(&w, d, &x, NULL, &status))
        return status;
    fp80_note_denormals(&w, &x, NULL);
    if (x.v.class != SF_FINITE || x.v.exp >= 63)
        return fp80_end(&w, d, x.reg);
    if (fp80_stops(&w, SF_DE))
        return fp80_status(&w);
    bool inexact, up;
    u128 whole = sf_round_off(x.v.man, (unsigned)(SF_TOP - x.v.exp), x.v.negative, fp80_rc(fcw), &inexact, &up);
    w.flags |= inexact ? SF_PE : 0;
    w.cc |= up ? FSW_C1 : 0;
    if (whole == 0)
        return fp80_end(&w, d, fp80_zero(x.v.negative));
    struct sf_value r = sf_make(x.v.negative, whole, 0);
    return fp80_end(&w, d, exact(&r));
}

/* d: the exponent; pushed: the significand. */
u32 fp80_xtract(struct x87_reg *d, struct x87_reg *pushed, u16 fcw, u16 fsw)
{
    struct fp80_work w = fp80_begin(fcw, fsw);
    struct operand x = fp80_operand(d);
    struct x87_reg exponent = FP80_INDEFINITE, fraction;
    u32 status;
    if (fp80_special(&w, &exponent, &x, NULL, &status)) {
        fraction = exponent;
    } else {
        fp80_note_denormals(&w, &x, NULL);
        fraction = x.reg;
        if (x.v.class == SF_FINITE) {
            exponent = fp80_from_int(x.v.exp);
            fraction = fp80_signed(x.v.negative, 0x3fff, sig64(&x.v));
        } else {
            exponent = fp80_infinity(x.v.class == SF_ZERO);
            w.flags |= x.v.class == SF_ZERO ? SF_ZE : 0;
        }
        status = fp80_status(&w);
    }
    if (!(status & FP80_PRE)) {
        *d = exponent;
        *pushed = fraction;
    }
    return status;
}

/* ---- every function, for there is no other ---- */

const struct fp80_functions *fp80_functions(bool repeatable) { return (void)repeatable, &fp80_soft_functions; }
