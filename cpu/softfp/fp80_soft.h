/*
 * What the files of fp80.h in software share: operands with their class, and
 * how an operation ends. softfp.h does the arithmetic.
 */
#ifndef ORRERY_CPU_FP80_SOFT_H
#define ORRERY_CPU_FP80_SOFT_H

#include "cpu/x87/fp80.h"
#include "cpu/softfp/softfp.h"

/* A register, or a value from memory as it would be loaded, but for quieting. */
struct operand {
    struct x87_reg reg;
    struct sf_value v;
};
/* The significand of a value that 64 bits hold. */
ALWAYS_INLINE u64 sig64(const struct sf_value *v) { return (u64)(v->man >> (SF_TOP - 63)); }
struct operand fp80_operand(const struct x87_reg *r);

/* What is being computed: control, status, what has been raised so far, the condition codes it writes. */
struct fp80_work {
    u16 fcw, fsw;
    u32 flags;
    u16 cc, written;
};
ALWAYS_INLINE struct fp80_work fp80_begin(u16 fcw, u16 fsw)
{
    return (struct fp80_work){.fcw = fcw, .fsw = fsw, .written = FSW_C1};
}
ALWAYS_INLINE enum sf_rounding fp80_rc(u16 fcw) { return (enum sf_rounding)((fcw & FCW_RC) >> FCW_RC_SHIFT); }
/* Something raised so far is unmasked. */
ALWAYS_INLINE bool fp80_stops(const struct fp80_work *w, u32 flags) { return w->flags & flags & ~(u32)w->fcw; }
u32 fp80_status(const struct fp80_work *w);

/* The new status, r in d unless something unmasked forbids. */
u32 fp80_end(struct fp80_work *w, struct x87_reg *d, struct x87_reg r);
u32 fp80_end_invalid(struct fp80_work *w, struct x87_reg *d);
/* A FINITE value, rounded to 'precision' bits. */
u32 fp80_end_round(struct fp80_work *w, struct x87_reg *d, const struct sf_value *v, int precision);
/* That register alone. */
struct x87_reg fp80_round(struct fp80_work *w, const struct sf_value *v, int precision);

/* Operands that are no numbers: true, and the operation has ended with *status. b may be NULL. */
bool fp80_special(struct fp80_work *w, struct x87_reg *d, const struct operand *a, const struct operand *b,
                  u32 *status);
ALWAYS_INLINE void fp80_note_denormals(struct fp80_work *w, const struct operand *a, const struct operand *b)
{
    w->flags |= a->v.denormal || (b && b->v.denormal) ? SF_DE : 0;
}

ALWAYS_INLINE struct x87_reg fp80_signed(bool negative, u16 exponent, u64 man)
{
    return (struct x87_reg){man, (u16)(exponent | (negative ? 0x8000 : 0))};
}
ALWAYS_INLINE struct x87_reg fp80_zero(bool negative) { return fp80_signed(negative, 0, 0); }
ALWAYS_INLINE struct x87_reg fp80_infinity(bool negative) { return fp80_signed(negative, 0x7fff, BIT64(63)); }

#endif
