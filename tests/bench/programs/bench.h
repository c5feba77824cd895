/*
 * What the benchmark programs share. Each is a function of its iteration count
 * that returns a checksum of all it computed: the same number wherever it
 * runs, natively or in a guest, so no result may depend on addresses, time or
 * the C library's mathematics (whose last bit depends on the CPU's features).
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PROGRAM(name, group, needs, count, what) uint64_t bench_##name(unsigned count_);
#include "programs.def"
#undef PROGRAM

#define NOINLINE __attribute__((noinline))

/* Ends the program with a sentence: a result was wrong or the system refused. */
_Noreturn void bench_die(const char *what);

/* memory that must be there */
void *bench_alloc(size_t bytes);

/* mixes a value into a checksum (multiply and rotate) */
static inline uint64_t mix(uint64_t sum, uint64_t value)
{
    sum = (sum ^ value) * 0x9e3779b97f4a7c15u;
    return sum << 29 | sum >> 35;
}

static inline uint64_t mix_bytes(uint64_t sum, const void *data, size_t bytes)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < bytes; i++)
        sum = mix(sum, p[i]);
    return sum;
}

static inline uint64_t mix_double(uint64_t sum, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return mix(sum, bits);
}

/* pseudo-random numbers (xorshift); the state must not be 0 */
static inline uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

#endif
