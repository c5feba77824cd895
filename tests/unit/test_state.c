/* State descriptions: round trip, coverage, refusal of bytes that do not fit. */
#include <check.h>
#include <stdlib.h>

#include "devices/core/clock.h"
#include "devices/core/device.h"

struct part {
    u8 kind;
    u16 count;
    bool on;
};
struct thing {
    struct device dev;
    u8 index;
    u32 reg[4];
    i64 offset;
    struct part part[2];
    struct event timer;
    void *wire;
    u64 cache;
};
static const struct state_field part_state[] = {
    STATE_RANGE(struct part, kind, 1, 3),
    STATE(struct part, count),
    STATE(struct part, on),
    STATE_END,
};
static const struct state_field thing_state[] = {
    DEVICE_STATE(struct thing),
    STATE(struct thing, index),
    STATE(struct thing, reg),
    STATE(struct thing, offset),
    STRUCTS(struct thing, part, struct part, part_state),
    EVENT(struct thing, timer),
    HOST(struct thing, wire),
    DERIVED(struct thing, cache),
    STATE_END,
};

static struct trace quiet;
static struct clock clk;

static struct thing sample(void)
{
    return (struct thing){
        .index = 7, .reg = {1, 2, 0xfffffffe, 4}, .offset = -5, .part = {{1, 2, true}, {3, 4, false}}};
}

START_TEST(round_trip)
{
    clock_init(&clk, &quiet);
    struct thing t = sample(), u = {0};
    event_init(&t.timer, "t", NULL, NULL);
    event_init(&u.timer, "u", NULL, NULL);
    event_at(&clk, &t.timer, 12345);
    struct state_buf b = {0}, c = {0};
    char err[128];
    state_save(thing_state, &t, &b);
    ck_assert(state_load(thing_state, &u, &clk, &b, err, sizeof err));
    ck_assert_uint_eq(b.pos, b.len);
    ck_assert_int_eq(u.offset, -5);
    ck_assert_uint_eq(u.part[1].count, 4);
    ck_assert(u.timer.pending && u.timer.when == 12345);
    state_save(thing_state, &u, &c);
    ck_assert_uint_eq(b.len, c.len);
    ck_assert_mem_eq(b.data, c.data, b.len);

    /* Every truncation is refused, and so is a changed name. */
    for (size_t len = 0; len < c.len; len++) {
        struct state_buf cut = {.data = c.data, .len = len};
        ck_assert(!state_load(thing_state, &u, &clk, &cut, err, sizeof err));
        ck_assert(err[0]);
    }
    b.pos = 0;
    b.data[1] ^= 1;
    ck_assert(!state_load(thing_state, &u, &clk, &b, err, sizeof err));
    free(b.data);
    free(c.data);
}
END_TEST

/* A value out of its range is refused by name, and nothing has changed. */
START_TEST(ranges)
{
    clock_init(&clk, &quiet);
    struct thing t = sample(), u = sample(), before;
    struct state_buf b = {0};
    char err[128] = "";
    for (unsigned kind = 0; kind < 5; kind++) {
        t.part[1].kind = (u8)kind;
        t.index = 99;
        before = u = sample();
        b.len = b.pos = 0;
        state_save(thing_state, &t, &b);
        ck_assert(state_load(thing_state, &u, NULL, &b, err, sizeof err) == (kind >= 1 && kind <= 3));
        ck_assert_int_eq(u.index, kind >= 1 && kind <= 3 ? 99 : before.index);
    }
    ck_assert_str_eq(err, "'kind' is 4 in the saved state, and cannot be but 1 to 3");
    free(b.data);
}
END_TEST

START_TEST(coverage)
{
    ck_assert_int_eq(state_uncovered(thing_state, sizeof(struct thing)), -1);
    static const struct state_field hole[] = {
        DEVICE_STATE(struct thing),   STATE(struct thing, index),
        STATE(struct thing, offset),  STRUCTS(struct thing, part, struct part, part_state),
        EVENT(struct thing, timer),   HOST(struct thing, wire),
        DERIVED(struct thing, cache), STATE_END,
    };
    ck_assert_int_eq(state_uncovered(hole, sizeof(struct thing)), offsetof(struct thing, index) + 1);
    static const struct state_field inner_hole[] = {STATE(struct part, kind), STATE(struct part, on), STATE_END};
    const struct state_field outer[] = {
        STRUCTS(struct thing, part, struct part, inner_hole),
        STATE_END,
    };
    ck_assert_int_ge(state_uncovered(outer, sizeof(struct thing)), 0);
}
END_TEST

START_TEST(dump)
{
    struct thing t = sample();
    char text[2048] = {0};
    FILE *f = fmemopen(text, sizeof text - 1, "w");
    state_dump(thing_state, &t, f);
    fclose(f);
    ck_assert_ptr_nonnull(strstr(text, "index = 0x7\n"));
    ck_assert_ptr_nonnull(strstr(text, "part[1].count = 0x4\n"));
    ck_assert_ptr_nonnull(strstr(text, "offset = -5\n"));
    ck_assert_ptr_nonnull(strstr(text, "timer = idle\n"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("state");
    TCase *t = tcase_create("state");
    tcase_add_test(t, round_trip);
    tcase_add_test(t, ranges);
    tcase_add_test(t, coverage);
    tcase_add_test(t, dump);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
