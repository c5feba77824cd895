/*
 * Programs whose time goes into indirect branches: a bytecode interpreter in
 * two forms made from one list of operations, and calls by pointer.
 */
#include "bench.h"

enum { MEMORY = 256, REGISTERS = 16 };

struct op {
    uint8_t code, a, b, c;
};

/*
 * OP(name, effect): r[] the registers, m[] the memory, o the operation; JUMP(t) goes to operation t.
 */
#define OPS                                                                                                            \
    OP(HALT, return r[1])                                                                                              \
    OP(SET, r[o.a] = o.b)                                                                                              \
    OP(MOVE, r[o.a] = r[o.b])                                                                                          \
    OP(ADD, r[o.a] = r[o.b] + r[o.c])                                                                                  \
    OP(SUB, r[o.a] = r[o.b] - r[o.c])                                                                                  \
    OP(MUL, r[o.a] = r[o.b] * r[o.c])                                                                                  \
    OP(AND, r[o.a] = r[o.b] & r[o.c])                                                                                  \
    OP(XOR, r[o.a] = r[o.b] ^ r[o.c])                                                                                  \
    OP(SHIFT, r[o.a] = r[o.b] >> o.c)                                                                                  \
    OP(LOAD, r[o.a] = m[r[o.b] % MEMORY])                                                                              \
    OP(STORE, m[r[o.b] % MEMORY] = r[o.a])                                                                             \
    OP(LOOP, if (--r[o.a]) JUMP(o.b))                                                                                  \
    OP(ODD, if (r[o.a] & 1) JUMP(o.b))                                                                                 \
    OP(LESS, if (r[o.a] < r[o.b]) JUMP(o.c))                                                                           \
    OP(GO, JUMP(o.b))

enum {
#define OP(name, ...) name,
    OPS
#undef OP
};

/* For each of r2 numbers: the steps of Collatz's sequence, a sum of memory, a write to it. r1 is the answer. */
/* clang-format off */
static const struct op program[] = {
    {SET, 1, 0, 0},    {SET, 9, 1, 0},  {SET, 10, 3, 0},  {SET, 12, 200, 0},
    {MOVE, 3, 2, 0},                                                        /*  4: for each number: n = r2 */
    {LESS, 3, 10, 14},                                                      /*  5: below 3: no sequence */
    {ODD, 3, 8, 0},    {GO, 0, 11, 0},                                      /*  6: */
    {MUL, 3, 3, 10},   {ADD, 3, 3, 9},  {ADD, 1, 1, 9},                     /*  8: odd: n = 3 n + 1, a step */
    {SHIFT, 3, 3, 1},                                                       /* 11: n /= 2 */
    {LESS, 3, 10, 14}, {GO, 0, 6, 0},                                       /* 12: again, until below 3 */
    {AND, 4, 2, 12},   {LOAD, 5, 4, 0}, {ADD, 5, 5, 1},   {STORE, 5, 4, 0}, /* 14: a memory cell changes */
    {XOR, 6, 5, 1},    {SUB, 7, 6, 2},  {STORE, 7, 6, 0}, {XOR, 1, 1, 7},
    {SHIFT, 8, 1, 9},  {XOR, 1, 1, 8},
    {LOOP, 2, 4, 0},   {HALT, 0, 0, 0},
};
/* clang-format on */

static NOINLINE uint32_t run_threaded(uint32_t *m, uint32_t count)
{
    static const void *const target[] = {
#define OP(name, ...) &&do_##name,
        OPS
#undef OP
    };
    uint32_t r[REGISTERS] = {0, 0, count};
    const struct op *next = program;
    struct op o = *next++;
    goto *target[o.code];
#define JUMP(to) next = program + (to)
#define OP(name, ...)                                                                                                  \
    do_##name : __VA_ARGS__;                                                                                           \
    o = *next++;                                                                                                       \
    goto *target[o.code];
    OPS
#undef OP
}

static NOINLINE uint32_t run_switched(uint32_t *m, uint32_t count)
{
    uint32_t r[REGISTERS] = {0, 0, count};
    const struct op *next = program;
    for (;;) {
        struct op o = *next++;
        switch (o.code) {
#define OP(name, ...)                                                                                                  \
    case name:                                                                                                         \
        __VA_ARGS__;                                                                                                   \
        break;
            OPS
#undef OP
        }
    }
#undef JUMP
}

static uint64_t run_many(uint32_t (*run)(uint32_t *, uint32_t), unsigned count)
{
    uint32_t m[MEMORY] = {0};
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum = mix(sum, run(m, 100 + i % 8));
    return sum;
}

uint64_t bench_threaded(unsigned count) { return run_many(run_threaded, count); }
uint64_t bench_switched(unsigned count) { return run_many(run_switched, count); }

/* indirect: each object has a function of its own kind */

enum { OBJECTS = 1024 };

struct object {
    uint32_t (*visit)(struct object *o, uint32_t x);
    uint32_t value;
};

/* clang-format off */
#define KINDS \
    KIND(0, x + v) KIND(1, x - v) KIND(2, x ^ v) KIND(3, x | v) \
    KIND(4, x & ~v) KIND(5, x * 3 + v) KIND(6, v - x) KIND(7, x << 1 ^ v) \
    KIND(8, x >> 1 ^ v) KIND(9, ~x + v) KIND(10, x * 5 ^ v) KIND(11, x + (v << 3)) \
    KIND(12, x ^ v >> 2) KIND(13, x + x * v) KIND(14, x > v ? x - v : v) KIND(15, (x & 0xffff) * (v | 1))
/* clang-format on */

#define KIND(n, result)                                                                                                \
    static NOINLINE uint32_t visit_##n(struct object *o, uint32_t x)                                                   \
    {                                                                                                                  \
        uint32_t v = o->value++;                                                                                       \
        return result;                                                                                                 \
    }
KINDS
#undef KIND

static uint32_t (*const kinds[])(struct object *, uint32_t) = {
#define KIND(n, result) visit_##n,
    KINDS
#undef KIND
};

uint64_t bench_indirect(unsigned count)
{
    static struct object objects[OBJECTS];
    uint32_t random = 99, x = 1;
    for (unsigned i = 0; i < OBJECTS; i++)
        objects[i] = (struct object){kinds[next_random(&random) >> 8 & 15], random};
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < OBJECTS; j++)
            x = objects[j].visit(&objects[j], x);
    return mix(0, x);
}
