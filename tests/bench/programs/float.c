/*
 * Floating point as the compiler does it by default: SSE2 in the 64-bit
 * program, the x87 unit in the 32-bit one (as all of Debian's i386).
 */
#include "bench.h"

enum { ORDER = 96, BODIES = 5 };

static NOINLINE void product(double c[ORDER][ORDER], double a[ORDER][ORDER], double b[ORDER][ORDER])
{
    for (int i = 0; i < ORDER; i++) {
        memset(c[i], 0, sizeof c[i]);
        for (int k = 0; k < ORDER; k++) {
            double x = a[i][k];
            for (int j = 0; j < ORDER; j++)
                c[i][j] += x * b[k][j];
        }
    }
}

uint64_t bench_matmul(unsigned count)
{
    static double a[ORDER][ORDER], b[ORDER][ORDER], c[ORDER][ORDER];
    uint32_t random = 6;
    uint64_t sum = 0;
    for (int i = 0; i < ORDER * ORDER; i++) {
        a[i / ORDER][i % ORDER] = (double)(int32_t)next_random(&random) / 4294967296.0;
        b[i / ORDER][i % ORDER] = (double)(int32_t)next_random(&random) / 4294967296.0;
    }
    for (unsigned i = 0; i < count; i++) {
        product(c, a, b);
        sum = mix_double(sum, c[i % ORDER][i % 7]);
        a[i % ORDER][i % 11] = c[0][i % ORDER] / 16;
    }
    return sum;
}

struct body {
    double at[3], speed[3], mass;
};

static NOINLINE void advance(struct body *bodies, double dt)
{
    for (int i = 0; i < BODIES; i++)
        for (int j = i + 1; j < BODIES; j++) {
            double d[3], square = 0.01; // softened: no pair comes too close
            for (int k = 0; k < 3; k++) {
                d[k] = bodies[i].at[k] - bodies[j].at[k];
                square += d[k] * d[k];
            }
            double pull = dt / (square * __builtin_sqrt(square));
            for (int k = 0; k < 3; k++) {
                bodies[i].speed[k] -= d[k] * bodies[j].mass * pull;
                bodies[j].speed[k] += d[k] * bodies[i].mass * pull;
            }
        }
    for (int i = 0; i < BODIES; i++)
        for (int k = 0; k < 3; k++)
            bodies[i].at[k] += dt * bodies[i].speed[k];
}

uint64_t bench_nbody(unsigned count)
{
    struct body bodies[BODIES] = {
        {{0, 0, 0}, {0, 0, 0}, 40},
        {{5, -1, 0.1}, {0.3, 2.6, 0}, 0.04},
        {{8, 4, -0.4}, {-1, 1.9, 0.01}, 0.01},
        {{13, -15, 0}, {1.1, 0.9, -0.01}, 0.002},
        {{-15, 26, 0.2}, {-1, -0.6, 0}, 0.003},
    };
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        for (int step = 0; step < 100; step++)
            advance(bodies, 0.001);
    for (int i = 0; i < BODIES; i++)
        for (int k = 0; k < 3; k++)
            sum = mix_double(sum, bodies[i].at[k]);
    return sum;
}
