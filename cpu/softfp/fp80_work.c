/*
 * What all of fp80.h in software shares (fp80_soft.h), and what needs no
 * arithmetic unit: the same code on every host.
 */
#include "cpu/softfp/fp80_soft.h"

/* ---- operands ---- */

struct operand fp80_operand(const struct x87_reg *r)
{
    struct operand o = {{r->man, r->se}, {.negative = r->se >> 15}};
    int exponent = r->se & 0x7fff;
    if (exponent == 0) { /* with the integer bit set: a pseudo-denormal */
        if (r->man) {
            o.v = sf_make(o.v.negative, r->man, 1 - sf_extended.emax - 63);
            o.v.denormal = true;
        }
    } else if (!(r->man >> 63)) {
        o.v.class = SF_UNSUPPORTED;
    } else if (exponent < 0x7fff) {
        o.v = sf_make(o.v.negative, r->man, exponent - sf_extended.emax - 63);
    } else {
        o.v.class = r->man << 1 ? SF_NAN : SF_INFINITY;
        o.v.signalling = r->man << 1 && !(r->man & BIT64(62));
    }
    return o;
}

/* ---- how an operation ends ---- */

u32 fp80_status(const struct fp80_work *w)
{
    u32 unmasked = w->flags & ~(u32)w->fcw;
    u32 r = (w->fsw & ~(u32)w->written) | (w->cc & w->written) | w->flags;
    if (unmasked)
        r |= FSW_ES | FSW_B;
    return r | unmasked << FP80_UNMASKED;
}
u32 fp80_end(struct fp80_work *w, struct x87_reg *d, struct x87_reg r)
{
    if (!fp80_stops(w, SF_IE | SF_DE | SF_ZE))
        *d = r;
    return fp80_status(w);
}
u32 fp80_end_invalid(struct fp80_work *w, struct x87_reg *d)
{
    w->flags |= SF_IE;
    return fp80_end(w, d, FP80_INDEFINITE);
}

/* Unmasked overflow and underflow deliver the significand with an exponent that much off (SDM vol. 1, 8.5.4). */
enum { WRAP = 24576 };

struct x87_reg fp80_round(struct fp80_work *w, const struct sf_value *v, int precision)
{
    enum sf_rounding rc = fp80_rc(w->fcw);
    if (fp80_stops(w, SF_DE))
        return FP80_INDEFINITE;
    struct sf_rounded r = sf_round(v, sf_extended, precision, rc);
    bool wraps_down = (r.flags & SF_OE) && !(w->fcw & FSW_OE), wraps_up = r.tiny && !(w->fcw & FSW_UE);
    if (wraps_down || wraps_up) {
        struct sf_value moved = *v;
        moved.exp += wraps_up ? WRAP : -WRAP;
        r = sf_round(&moved, sf_extended, precision, rc);
        if (r.flags & SF_OE) /* FSCALE's may be too much for that: infinity or zero in every rounding mode */
            r = (struct sf_rounded){.sig = BIT64(63), .exponent = 0x7fff, .flags = SF_OE | SF_PE, .up = true};
        else if (r.tiny)
            r = (struct sf_rounded){.flags = SF_UE | SF_PE};
        w->flags |= wraps_up ? SF_UE : SF_OE;
    }
    w->flags |= r.flags;
    w->cc |= r.up ? FSW_C1 : 0;
    return fp80_signed(v->negative, (u16)r.exponent, r.sig);
}
u32 fp80_end_round(struct fp80_work *w, struct x87_reg *d, const struct sf_value *v, int precision)
{
    return fp80_end(w, d, fp80_round(w, v, precision));
}

/* Of two NaNs the one with the larger significand, of equal ones the positive. */
static struct x87_reg nan_result(const struct operand *a, const struct operand *b)
{
    const struct x87_reg *r = &a->reg;
    if (a->v.class != SF_NAN)
        r = &b->reg;
    else if (b && b->v.class == SF_NAN)
        r = b->reg.man > r->man || (b->reg.man == r->man && b->reg.se < r->se) ? &b->reg : r;
    return (struct x87_reg){r->man | BIT64(62), r->se};
}

bool fp80_special(struct fp80_work *w, struct x87_reg *d, const struct operand *a, const struct operand *b, u32 *status)
{
    if (a->v.class == SF_UNSUPPORTED || (b && b->v.class == SF_UNSUPPORTED)) {
        *status = fp80_end_invalid(w, d);
        return true;
    }
    if (a->v.class == SF_NAN || (b && b->v.class == SF_NAN)) {
        w->flags |= a->v.signalling || (b && b->v.signalling) ? SF_IE : 0;
        *status = fp80_end(w, d, nan_result(a, b));
        return true;
    }
    return false;
}

/* ---- packed BCD ---- */

/* Eighteen digits, two a byte from the lowest; bit 7 of the last byte is the sign. */
void fp80_from_bcd(struct x87_reg *d, const u8 bcd[10])
{
    u64 v = 0;
    for (int i = 8; i >= 0; i--)
        v = v * 100 + (bcd[i] >> 4) * 10u + (bcd[i] & 15);
    *d = fp80_from_int((i64)v);
    d->se |= bcd[9] & 0x80 ? 0x8000 : 0;
}
