/*
 * Random floating point values that matter: of every class, at the edges of
 * formats, unsupported encodings included. From one seed, rng_state, and with
 * one call to an expression: compilers differ in which they make first, and
 * recorded results must not.
 */
#ifndef ORRERY_TESTS_VALUES_H
#define ORRERY_TESTS_VALUES_H

#include "cpu/x87/fp80.h"

static u64 rng_state;
static u64 rnd(void)
{
    u64 z = (rng_state += 0x9e3779b97f4a7c15ull);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}
static unsigned below(unsigned n) { return (unsigned)(rnd() % n); }

/* Few bits are set at one end or the other, or at both. */
static u64 random_bits(void)
{
    u64 m = rnd();
    m >>= below(64);
    return m << below(64);
}
static u64 random_integer(void)
{
    unsigned shift = below(64);
    return rnd() >> shift;
}
/* n random bits above random zeroes. */
static u64 random_fraction(unsigned n)
{
    u64 m = rnd() & (BIT64(n) - 1);
    m >>= below(n);
    return m << below(n) & (BIT64(n) - 1);
}

/* ---- values ---- */

static struct x87_reg random_reg(void)
{
    u16 sign = rnd() & 1 ? 0x8000 : 0;
    u64 m = random_bits();
    if (below(4) == 0)
        m = ~0ull << below(64);
    if (below(8) == 0)
        m = ~0ull >> below(64);
    switch (below(20)) {
    case 0:
        return (struct x87_reg){0, sign};
    case 1:
        return (struct x87_reg){BIT64(63), 0x7fff | sign};
    case 2:
        return (struct x87_reg){m & ~BIT64(63), sign}; /* denormal */
    case 3:
        return (struct x87_reg){m | BIT64(63), sign}; /* pseudo-denormal */
    case 4:
        return (struct x87_reg){m | 3ull << 62, 0x7fff | sign}; /* QNaN */
    case 5:
        return (struct x87_reg){(m | BIT64(63)) & ~BIT64(62), 0x7fff | sign}; /* SNaN or infinity */
    case 6:
        return (struct x87_reg){m & ~BIT64(63), (u16)(rnd() & 0x7fff) | sign}; /* unsupported */
    case 7:
        return (struct x87_reg){m | BIT64(63), (u16)(rnd() & 0x7fff) | sign};
    case 8:
        return (struct x87_reg){m | BIT64(63), (u16)below(70) | sign};
    case 9:
        return (struct x87_reg){m | BIT64(63), (u16)(0x7ffe - below(70)) | sign};
    case 10:
        return (struct x87_reg){m | BIT64(63), (u16)(0x3fff - 1022 - 32 + below(64)) | sign}; /* edge of double */
    case 11:
        return (struct x87_reg){m | BIT64(63), (u16)(0x3fff + 1023 - 3 + below(6)) | sign};
    case 12:
        return (struct x87_reg){m | BIT64(63), (u16)(0x3fff - 126 - 28 + below(34)) | sign};
    case 13:
        return (struct x87_reg){m | BIT64(63), (u16)(0x3fff + 127 - 3 + below(6)) | sign};
    case 14:
        return fp80_from_int((i64)random_integer() * (sign ? -1 : 1));
    case 15:
        return FP80_INDEFINITE;
    case 16:
        return (struct x87_reg){m | BIT64(63), (u16)(0x3fff + 60 + below(8)) | sign};
    case 17:
        return (struct x87_reg){m | BIT64(63), (u16)(0x3fff - 2 + below(20)) | sign};
    default:
        return (struct x87_reg){m | BIT64(63), (u16)(0x3fff - 20 + below(40)) | sign};
    }
}
static u64 random_f64(void)
{
    u64 m = rnd() & 0xfffffffffffffull;
    u64 s = rnd() << 63;
    switch (below(10)) {
    case 0:
        return s;
    case 1:
        return s | 0x7ffull << 52;
    case 2:
        return s | 0x7ffull << 52 | m;
    case 3:
        return s | 0x7ffull << 52 | 1ull << 51 | m;
    case 4:
        return s | m >> below(52);
    case 5:
        return s | m | (u64)below(0x7ff) << 52;
    default:
        m = random_fraction(52);
        return s | m | (u64)(0x3ff - 20 + below(40)) << 52;
    }
}
static u32 random_f32(void)
{
    u32 m = (u32)rnd() & 0x7fffff;
    u32 s = (u32)rnd() << 31;
    switch (below(10)) {
    case 0:
        return s;
    case 1:
        return s | 0xffu << 23;
    case 2:
        return s | 0xffu << 23 | m;
    case 3:
        return s | 0xffu << 23 | 1u << 22 | m;
    case 4:
        return s | m >> below(23);
    case 5:
        return s | m | below(0xff) << 23;
    default:
        m = (u32)random_fraction(23);
        return s | m | (0x7f - 10 + below(20)) << 23;
    }
}
/* A double near the edges of what a single can hold. */
static inline u64 random_around_f32(void)
{
    u64 m = rnd() & 0x800fffffffffffff;
    m |= (u64)(860 + below(330)) << 52;
    return below(2) ? m : m & ~0x1fffffffull;
}
static u16 random_fcw(void)
{
    u16 masks = below(2) ? 0x3f : below(3) == 0 ? (u16)below(64) : (u16)(0x3f & ~(1u << below(6)));
    unsigned control = below(2) ? 3 : below(32); /* PC, RC, the infinity bit */
    return (u16)(control << 8 | 0x40 | masks);
}

#endif
