/*
 * Fused multiply-add by softfp.h, for hosts without the instruction: product
 * exact, one rounding, MXCSR's rounding mode, DAZ and FTZ, x86's NaNs and
 * flags (masked ones; sse_check.c makes unmasked ones of them).
 */
#include "cpu/softfp/softfp.h"
#include "cpu/vec/sse.h"

/* x * y + z; of several NaNs the first comes out. */
static u64 muladd_bits(const u64 xyz[3], struct sf_format f, u32 mxcsr, u32 *flags)
{
    u64 sign = sf_width_sign(f);
    u32 denormal = 0;
    struct sf_value u[3];
    bool nan = false;
    for (unsigned i = 0; i < 3; i++) {
        u[i] = sf_unpack(xyz[i], f, mxcsr & MXCSR_DAZ);
        denormal |= u[i].denormal ? SF_DE : 0;
        *flags |= u[i].signalling ? SF_IE : 0;
        nan |= u[i].class == SF_NAN;
    }
    for (unsigned i = 0; nan && i < 3; i++)
        if (u[i].class == SF_NAN)
            return xyz[i] | sf_quiet_bit(f);
    bool negative = u[0].negative ^ u[1].negative;
    bool infinite = u[0].class == SF_INFINITY || u[1].class == SF_INFINITY;
    bool zero = u[0].class == SF_ZERO || u[1].class == SF_ZERO;
    if ((infinite && zero) || (infinite && u[2].class == SF_INFINITY && negative != u[2].negative)) {
        *flags |= SF_IE;
        return sf_default_nan(f);
    }
    *flags |= denormal;
    if (infinite)
        return sf_infinity_bits(f) | (negative ? sign : 0);
    if (u[2].class == SF_INFINITY)
        return xyz[2];
    enum sf_rounding rc = (enum sf_rounding)((mxcsr & MXCSR_RC) >> MXCSR_RC_SHIFT);
    if (zero && u[2].class == SF_ZERO)
        return (negative == u[2].negative ? negative : rc == SF_DOWN) ? sign : 0;
    struct sf_value sum = u[2];
    if (!zero) {
        struct sf_value product = sf_mul(&u[0], &u[1]);
        sum = u[2].class == SF_ZERO ? product : sf_add(&product, &u[2]);
    }
    if (sum.class == SF_ZERO)
        return rc == SF_DOWN ? sign : 0;
    return sf_encode_flushed(&sum, f, rc, mxcsr & MXCSR_FTZ, flags);
}

v128 fp_muladd_soft(unsigned which, unsigned elem, unsigned lanes, v128 a, v128 b, v128 c)
{
    /* Which of a, b, c are x, y, z of x * y + z. */
    static const u8 place[3][3] = {{0, 2, 1}, {1, 0, 2}, {1, 2, 0}};
    const struct sf_format f = elem == 4 ? sf_single : sf_double;
    unsigned order = which & 3, operation = which >> 2;
    union lanes in[3] = {{.v = a}, {.v = b}, {.v = c}}, r = {.v = a};
    u32 mxcsr = fp_host_get(), flags = 0;
    for (unsigned i = 0; i < lanes; i++) {
        u64 xyz[3];
        for (unsigned k = 0; k < 3; k++)
            xyz[k] = elem == 4 ? LD(in[place[order][k]], i) : LQ(in[place[order][k]], i);
        bool nan[3];
        for (unsigned k = 0; k < 3; k++)
            nan[k] = (xyz[k] & (sf_width_sign(f) - 1)) > sf_infinity_bits(f); /* NaNs keep their sign */
        bool negate = operation == FMA_NEGATED_ADD || operation == FMA_NEGATED_SUB;
        bool subtract =
            operation == FMA_SUB || operation == FMA_NEGATED_SUB || operation == (i & 1 ? FMA_SUBADD : FMA_ADDSUB);
        xyz[0] ^= negate && !nan[0] ? sf_width_sign(f) : 0;
        xyz[2] ^= subtract && !nan[2] ? sf_width_sign(f) : 0;
        u64 v = muladd_bits(xyz, f, mxcsr, &flags);
        if (elem == 4)
            LD(r, i) = (u32)v;
        else
            LQ(r, i) = v;
    }
    fp_raise(flags);
    return r.v;
}
