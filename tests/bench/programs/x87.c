/*
 * Code for the x87 unit, in both programs: 80-bit numbers, which the compiler
 * has no other unit for, and doubles with -mfpmath=387 (the build's option for
 * this file). The C library's sine is avoided: a rotation is multiplied up.
 */
#include "bench.h"

enum { WIDE = 48, HIGH = 32, DEPTH = 200, POINTS = 512 };

uint64_t bench_x87_long(unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        for (int row = 0; row < HIGH; row++) {
            unsigned steps = 0;
            for (int column = 0; column < WIDE; column++) {
                long double cx = (column - 34 + (long double)(i % 10) / 10) / 16, cy = (row - 16) / 14.0L;
                long double x = 0, y = 0;
                for (int n = 0; n < DEPTH && x * x + y * y < 4; n++, steps++) {
                    long double t = x * x - y * y + cx;
                    y = 2 * x * y + cy;
                    x = t;
                }
            }
            sum = mix(sum, steps);
        }
    return sum;
}

/* sine and cosine of a whole turn divided by 2^halvings */
static void rotation(int halvings, double *c, double *s)
{
    *c = -1; // half a turn
    *s = 0;
    while (halvings-- > 1) {
        *s = __builtin_sqrt((1 - *c) / 2);
        *c = __builtin_sqrt((1 + *c) / 2);
        if (*c < 1e-9) { // the quarter turn, exactly
            *c = 0;
            *s = 1;
        }
    }
}

static NOINLINE void transform(double (*z)[2], int sign)
{
    for (unsigned i = 1, j = 0; i < POINTS; i++) {
        unsigned bit = POINTS >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j)
            for (int k = 0; k < 2; k++) {
                double t = z[i][k];
                z[i][k] = z[j][k];
                z[j][k] = t;
            }
    }
    int halvings = 1;
    for (unsigned half = 1; half < POINTS; half *= 2, halvings++) {
        double c, s;
        rotation(halvings, &c, &s);
        s *= sign;
        for (unsigned block = 0; block < POINTS; block += 2 * half) {
            double wx = 1, wy = 0;
            for (unsigned i = block; i < block + half; i++) {
                double *a = z[i], *b = z[i + half];
                double x = b[0] * wx - b[1] * wy, y = b[0] * wy + b[1] * wx, t = wx * c - wy * s;
                b[0] = a[0] - x;
                b[1] = a[1] - y;
                a[0] += x;
                a[1] += y;
                wy = wx * s + wy * c;
                wx = t;
            }
        }
    }
}

uint64_t bench_x87_double(unsigned count)
{
    static double z[POINTS][2];
    uint32_t random = 11;
    uint64_t sum = 0;
    for (int i = 0; i < POINTS; i++)
        z[i][0] = (double)(int32_t)next_random(&random) / 4294967296.0;
    for (unsigned i = 0; i < count; i++) {
        double before = z[i % POINTS][0], change;
        transform(z, 1);
        transform(z, -1);
        for (int j = 0; j < POINTS; j++)
            for (int k = 0; k < 2; k++)
                z[j][k] /= POINTS;
        change = z[i % POINTS][0] - before;
        if (change > 1e-9 || change < -1e-9)
            bench_die("x87_double: the inverse of the transform is not the input");
        sum = mix_double(sum, z[i % POINTS][0]);
    }
    return sum;
}
