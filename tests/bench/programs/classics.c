/*
 * Small well-known programs on integers: sorting, primes, recursion, a digest
 * and long numbers.
 */
#include "bench.h"
#include <stdlib.h>

/* qsort: the C library calls back for each comparison */

enum { RECORDS = 4096 };

struct person {
    uint32_t age, number;
    char letter;
};

static int by_age_then_number(const void *a, const void *b)
{
    const struct person *x = a, *y = b;
    if (x->age != y->age)
        return x->age < y->age ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

uint64_t bench_qsort(unsigned count)
{
    static struct person people[RECORDS];
    uint32_t random = 77;
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        for (unsigned j = 0; j < RECORDS; j++)
            people[j] = (struct person){next_random(&random) % 128, next_random(&random), (char)j};
        qsort(people, RECORDS, sizeof people[0], by_age_then_number);
        for (unsigned j = 1; j < RECORDS; j++)
            if (by_age_then_number(&people[j - 1], &people[j]) > 0)
                bench_die("qsort: not in order");
        sum = mix(sum, people[RECORDS / 2].number);
    }
    return sum;
}

/* sieve: bit i of composite is the number 2 i + 1 */

enum { LIMIT = 1 << 20 };

uint64_t bench_sieve(unsigned count)
{
    static uint32_t composite[LIMIT / 64];
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned primes = 1;
        memset(composite, 0, sizeof composite);
        for (unsigned n = 3; n < LIMIT; n += 2) {
            if (composite[n >> 6] & 1u << (n >> 1 & 31))
                continue;
            primes++;
            if (n < 1u << 10)
                for (unsigned multiple = n * n; multiple < LIMIT; multiple += 2 * n)
                    composite[multiple >> 6] |= 1u << (multiple >> 1 & 31);
        }
        sum = mix(sum, primes);
    }
    return sum;
}

/* recursion */

static NOINLINE unsigned fibonacci(unsigned n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

static NOINLINE unsigned ackermann(unsigned m, unsigned n)
{
    if (!m)
        return n + 1;
    return ackermann(m - 1, n ? ackermann(m, n - 1) : 1);
}

static NOINLINE unsigned hanoi(unsigned discs, unsigned from, unsigned to)
{
    if (!discs)
        return 0;
    unsigned spare = 6 - from - to;
    return hanoi(discs - 1, from, spare) + from * to + hanoi(discs - 1, spare, to);
}

uint64_t bench_recursion(unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        sum = mix(sum, fibonacci(18 + i % 2));
        sum = mix(sum, ackermann(2, 40 + i % 4));
        sum = mix(sum, hanoi(11 + i % 2, 1, 3));
    }
    return sum;
}

/* digest: SHA-256 of FIPS 180-4; its constants are computed as it defines them */

enum { MESSAGE = 4096 };

struct sha256 {
    uint32_t k[64], h[8];
};

/* the first 32 bits of the fraction of a root found by Newton's method: power 2 or 3 */
static uint32_t root_fraction(double n, int power)
{
    double x = n;
    for (int i = 0; i < 100; i++)
        x = power == 2 ? (x + n / x) / 2 : (2 * x + n / (x * x)) / 3;
    return (uint32_t)(int64_t)((x - (int)x) * 4294967296.0);
}

static void sha256_begin(struct sha256 *s)
{
    int found = 0;
    for (int n = 2; found < 64; n++) {
        int divisor = 2;
        while (n % divisor)
            divisor++;
        if (divisor != n)
            continue;
        if (found < 8)
            s->h[found] = root_fraction(n, 2);
        s->k[found++] = root_fraction(n, 3);
    }
}

static inline uint32_t rotate(uint32_t x, int by) { return x >> by | x << (32 - by); }

static NOINLINE void sha256_block(struct sha256 *s, const uint8_t *p)
{
    uint32_t w[64], a[8];
    memcpy(a, s->h, sizeof a);
    for (int i = 0; i < 16; i++, p += 4)
        w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    for (int i = 16; i < 64; i++) {
        uint32_t x = w[i - 15], y = w[i - 2];
        w[i] =
            w[i - 16] + w[i - 7] + (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) + (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
    }
    for (int i = 0; i < 64; i++) {
        uint32_t e = a[4], t = a[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & a[5]) ^ (~e & a[6]));
        uint32_t b = a[0],
                 u = (rotate(b, 2) ^ rotate(b, 13) ^ rotate(b, 22)) + ((b & a[1]) ^ (b & a[2]) ^ (a[1] & a[2]));
        t += s->k[i] + w[i];
        memmove(a + 1, a, 7 * sizeof a[0]);
        a[4] += t;
        a[0] = t + u;
    }
    for (int i = 0; i < 8; i++)
        s->h[i] += a[i];
}

uint64_t bench_digest(unsigned count)
{
    static const uint8_t abc[64] = {'a', 'b', 'c', 0x80, [63] = 24};
    static uint8_t message[MESSAGE];
    struct sha256 s;
    uint32_t random = 5;
    sha256_begin(&s);
    sha256_block(&s, abc);
    if (s.h[0] != 0xba7816bf || s.h[7] != 0xf20015ad) // the standard's own example
        bench_die("digest: SHA-256 of \"abc\" is wrong");
    for (unsigned i = 0; i < MESSAGE; i++)
        message[i] = (uint8_t)next_random(&random);
    for (unsigned i = 0; i < count; i++)
        for (unsigned at = 0; at < MESSAGE; at += 64)
            sha256_block(&s, message + at);
    return (uint64_t)s.h[0] << 32 | s.h[7];
}

/* bignum: a factorial and back, least significant word first */

enum { WORDS = 256, FACTORS = 600 };

struct number {
    uint32_t word[WORDS];
    unsigned used;
};

static NOINLINE void multiply(struct number *n, uint32_t by)
{
    uint64_t carry = 0;
    for (unsigned i = 0; i < n->used; i++) {
        carry += (uint64_t)n->word[i] * by;
        n->word[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry)
        n->word[n->used++] = (uint32_t)carry;
}

/* in halves of words: a 64-bit dividend would be the C library's business in the 32-bit program */
static NOINLINE uint32_t divide(struct number *n, uint16_t by)
{
    uint32_t rest = 0;
    for (unsigned i = n->used; i-- > 0;) {
        uint32_t high = rest << 16 | n->word[i] >> 16;
        uint32_t low = high % by << 16 | (n->word[i] & 0xffff);
        n->word[i] = high / by << 16 | low / by;
        rest = low % by;
    }
    while (n->used > 1 && !n->word[n->used - 1])
        n->used--;
    return rest;
}

uint64_t bench_bignum(unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        struct number n = {{1 + i}, 1};
        for (uint32_t f = 2; f <= FACTORS; f++)
            multiply(&n, f);
        sum = mix_bytes(sum, n.word, n.used * 4);
        for (uint16_t f = FACTORS; f >= 2; f--)
            if (divide(&n, f))
                bench_die("bignum: a factorial is not divisible by its factors");
        if (n.used != 1 || n.word[0] != 1 + i)
            bench_die("bignum: something is left of the factorial");
    }
    return sum;
}
