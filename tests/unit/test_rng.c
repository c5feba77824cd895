/*
 * RDRAND's generator against ChaCha20's published key stream (draft-strombergson-chacha-test-vectors, TC1: all zeros),
 * and what must not be left behind.
 */
#include "cpu/system/rng.h"
#include "tests/unit/cpu_world.h"

START_TEST(key_stream)
{
    struct rng r;
    rng_init(&r, (u32[8]){0});
    ck_assert_uint_eq(rng_next(&r), 0x8d4857517c5941daull);
    ck_assert_uint_eq(rng_next(&r), 0x374ad8b83fe02477ull);
    ck_assert_uint_eq(r.key[0], 0xade0b876u); /* the stream's first half is the next key */
    ck_assert_uint_eq(ld64(r.out) | ld64(r.out + 8), 0);
    rng_next(&r);
    rng_next(&r);
    ck_assert_uint_ne(rng_next(&r), 0x8d4857517c5941daull);
    ck_assert_uint_ne(r.key[0], 0xade0b876u);
}
END_TEST

START_TEST(instructions)
{
    w_start("max");
    w_protected(0);
    rng_init(&w.cpu->rng, (u32[8]){0});
    CODE_AT(CODE, 0x0f, 0xc7, 0xf0, 0x0f, 0xc7, 0xf9, 0xf4); /* RDRAND EAX; RDSEED ECX */
    w_run(3);
    ck_assert_uint_eq(w.cpu->gpr[RAX], 0x7c5941da);
    ck_assert_uint_eq(w.cpu->gpr[RCX], 0x3fe02477);
    ck_assert_uint_eq(cpu_eflags(w.cpu) & FL_ARITH, FL_CF);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_test(t, key_stream);
    tcase_add_test(t, instructions);
}

int main(void) { return w_main("rng", add); }
