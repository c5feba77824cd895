/* algorithms.c: a dozen well-known algorithms, each to one printed checksum. program.pl puts it at the head of the
 * programs it writes. Relies on the C library only; reads nothing, and its results depend on the seed alone. */
#include <math.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static inline uint32_t rol32(uint32_t v, unsigned n) { return v << n | v >> (-n & 31); }
static inline uint64_t rol64(uint64_t v, unsigned n) { return v << n | v >> (-n & 63); }
static uint64_t seed;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}
static uint64_t hash(const void *p, size_t n)
{
    const unsigned char *b = p;
    uint64_t h = 14695981039346656037u;
    while (n--)
        h = (h ^ *b++) * 1099511628211u;
    return h;
}
static int by_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}
static int by_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static void say(const char *what, uint64_t v) { printf("%s %016llx\n", what, (unsigned long long)v); }
static double m1[64][64], m2[64][64], m3[64][64];
static float g1[4096], g2[4096];
static long double ld[512];
static uint32_t ints[50000];
static double dbls[20000];
static unsigned char text[100000], sieve[300000];
static int16_t s16[8192];
static int ack(int m, int n) { return m == 0 ? n + 1 : n == 0 ? ack(m - 1, 1) : ack(m - 1, ack(m, n - 1)); }
static int queens(int n, unsigned col, unsigned l, unsigned r)
{
    int k = 0;
    if (col == (1u << n) - 1)
        return 1;
    for (unsigned free = ~(col | l | r) & ((1u << n) - 1); free; free &= free - 1) {
        unsigned bit = free & -free;
        k += queens(n, col | bit, (l | bit) << 1, (r | bit) >> 1);
    }
    return k;
}
static jmp_buf out;
static void jump(int n)
{
    if (n == 0)
        longjmp(out, 42);
    jump(n - 1);
}
static void sorting(void)
{
    for (size_t i = 0; i < 50000; i++)
        ints[i] = (uint32_t)rnd();
    qsort(ints, 50000, sizeof *ints, by_u32);
    say("qsort", hash(ints, sizeof ints));
    for (size_t i = 0; i < 20000; i++)
        dbls[i] = ((double)(int64_t)rnd() / 1e12) * sin((double)i);
    qsort(dbls, 20000, sizeof *dbls, by_double);
    say("doubles", hash(dbls, sizeof dbls));
}
static void floating_point(void)
{
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 64; j++)
            m1[i][j] = (double)(rnd() % 1000) / 7, m2[i][j] = (double)(rnd() % 1000) / 11;
    memset(m3, 0, sizeof m3);
    for (int i = 0; i < 64; i++)
        for (int k = 0; k < 64; k++)
            for (int j = 0; j < 64; j++)
                m3[i][j] += m1[i][k] * m2[k][j];
    say("matrix", hash(m3, sizeof m3));
    for (int i = 0; i < 4096; i++)
        g1[i] = (float)(int32_t)rnd() / 65536.0f;
    for (int k = 0; k < 20; k++)
        for (int i = 0; i < 4096; i++)
            g2[i] = sqrtf(fabsf(g1[i] * 0.75f + g2[(i + 1) & 4095])) - g1[i] / 3.0f;
    say("floats", hash(g2, sizeof g2));
    memset(ld, 0, sizeof ld);
    for (int i = 0; i < 512; i++) {
        long double v = (long double)(int64_t)rnd() / 3.0L;
        for (int k = 0; k < 10; k++)
            v = sqrtl(fabsl(v)) * 1.25L + (long double)k / 7.0L;
        uint64_t h = 0;
        memcpy(&h, &v, 8);
        ints[i] = (uint32_t)(h ^ h >> 32);
    }
    say("long double", hash(ints, 2048));
}
static void bytes_and_words(void)
{
    memset(sieve, 1, sizeof sieve);
    unsigned primes = 0;
    for (unsigned i = 2; i < 300000; i++)
        if (sieve[i]) {
            primes++;
            for (unsigned j = 2 * i; j < 300000; j += i)
                sieve[j] = 0;
        }
    say("primes", primes);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)("etaoin shrdlu\n"[rnd() % 14]);
    uint32_t crc = ~0u, a = 1, b = 0;
    for (size_t i = 0; i < sizeof text; i++) {
        crc ^= text[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
        a = (a + text[i]) % 65521, b = (b + a) % 65521;
    }
    say("crc", (uint64_t)crc << 32 | b << 16 | a);
    for (int i = 0; i < 8192; i++)
        s16[i] = (int16_t)rnd();
    int64_t sum = 0;
    for (int k = 0; k < 50; k++) {
        for (int i = 0; i < 8192; i++) {
            int v = s16[i] + s16[(i * 5 + k) & 8191];
            s16[i] = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
        }
        for (int i = 0; i < 8192; i++)
            sum += s16[i] * (int64_t)s16[8191 - i];
    }
    say("saturate", (uint64_t)sum);
}
static void calls(void)
{
    say("ackermann", (uint64_t)ack(2, 300) * 1000 + (uint64_t)ack(3, 6));
    say("queens", (uint64_t)queens(9, 0, 0, 0));
    say("longjmp", setjmp(out) ? 42 : (jump(500), 0u));
}
static void numbers_as_text(void)
{
    char line[200];
    uint64_t h = 0;
    for (int i = 0; i < 3000; i++) {
        double v = (double)(int64_t)rnd() * pow(2.0, (int)(rnd() % 400) - 200);
        snprintf(line, sizeof line, "%.17g %a %d %x %Lf", v, v / 3, i, i * 77, (long double)i / 9);
        double back = strtod(line, NULL);
        if (back != v)
            printf("strtod %s\n", line);
        h = rol64(h, 5) ^ hash(line, strlen(line));
    }
    say("printf", h);
}
static void wide_integers(void)
{
    unsigned __int128 w = 1;
    for (int i = 0; i < 20000; i++) {
        w = w * (rnd() | 1) + rnd();
        if (i % 7 == 0)
            w /= rnd() >> 40 | 1;
        if (w == 0)
            w = 3;
    }
    say("int128", (uint64_t)w ^ (uint64_t)(w >> 64));
}
static void heap(void)
{
    char *s[500];
    uint64_t h = 0;
    for (int i = 0; i < 500; i++)
        s[i] = NULL;
    for (int i = 0; i < 20000; i++) {
        unsigned k = (unsigned)(rnd() % 500);
        size_t n = 1 + rnd() % 3000;
        if (s[k])
            h ^= rol64(hash(s[k], strlen(s[k])), k & 63);
        free(s[k]);
        s[k] = malloc(n + 1);
        memset(s[k], 'a' + (int)(k % 26), n);
        s[k][n] = 0;
        if (s[(k + 1) % 500])
            h += (uint64_t)(strcmp(s[k], s[(k + 1) % 500]) > 0);
    }
    say("malloc", h);
}
static void algorithms(uint64_t with)
{
    seed = with * 0x9e3779b97f4a7c15u + 1;
    sorting();
    floating_point();
    bytes_and_words();
    calls();
    numbers_as_text();
    wide_integers();
    heap();
}
