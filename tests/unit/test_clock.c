/* The event queue: order, ties, re-arming while firing, time between advances. */
#include <check.h>
#include <stdlib.h>

#include "devices/core/clock.h"

static struct trace quiet;
static struct clock clk;
static char order[32];
static u64 at[32];
static unsigned fired;

struct named {
    struct event e;
    char name;
    u64 period;
};
static void fire(void *owner)
{
    struct named *n = owner;
    order[fired] = n->name;
    at[fired++] = clock_now(&clk);
    if (n->period)
        event_at(&clk, &n->e, clock_now(&clk) + n->period);
}
static struct named make(char name, u64 period) { return (struct named){.name = name, .period = period}; }
static void arm(struct named *n, u64 when)
{
    if (!n->e.fire)
        event_init(&n->e, "test", fire, n);
    event_at(&clk, &n->e, when);
}
static void setup(void)
{
    clock_init(&clk, &quiet);
    memset(order, 0, sizeof order);
    fired = 0;
}

START_TEST(order_and_ties)
{
    struct named x = make('x', 0), y = make('y', 0), z = make('z', 0);
    arm(&x, 100);
    arm(&y, 50);
    arm(&z, 100);
    ck_assert_uint_eq(clock_deadline(&clk), 50);
    arm(&x, 100); /* again: now after z */
    clock_advance(&clk, 99);
    ck_assert_str_eq(order, "y");
    clock_advance(&clk, 100);
    ck_assert_str_eq(order, "yzx");
    ck_assert_uint_eq(clock_deadline(&clk), UINT64_MAX);
}
END_TEST

START_TEST(periodic_fires_each_at_its_time)
{
    struct named p = make('p', 10);
    arm(&p, 10);
    clock_advance(&clk, 45);
    ck_assert_str_eq(order, "pppp");
    ck_assert_uint_eq(at[3], 40);
    ck_assert_uint_eq(clock_now(&clk), 45);
    event_cancel(&clk, &p.e);
    event_cancel(&clk, &p.e);
    ck_assert(!p.e.pending);
}
END_TEST

START_TEST(a_jump_fires_each_once_in_its_time_and_then_goes_on)
{
    struct named p = make('p', 10), x = make('x', 0), y = make('y', 0);
    arm(&p, 10);
    arm(&x, 25);
    arm(&y, 2000);
    clock_jump(&clk, 1000);
    ck_assert_str_eq(order, "pxp");
    ck_assert_uint_eq(at[0], 10);
    ck_assert_uint_eq(at[1], 25);
    ck_assert_uint_eq(at[2], 1000);
    ck_assert_uint_eq(clock_now(&clk), 1000);
    ck_assert_uint_eq(clock_deadline(&clk), 1010);
}
END_TEST

static u64 source;
static u64 read_source(void *owner) { return (void)owner, source; }
static void count(void *owner) { ++*(unsigned *)owner; }

START_TEST(time_between_advances)
{
    unsigned earlier = 0;
    clk.read = read_source;
    clk.earlier = count;
    clk.owner = &earlier;
    struct named x = make('x', 0), y = make('y', 0);
    source = 1000;
    arm(&x, 5000);
    ck_assert_uint_eq(earlier, 1);
    source = 7000; /* late: time waits at the event */
    ck_assert_uint_eq(clock_now(&clk), 5000);
    arm(&y, 300); /* in the past: now */
    ck_assert_uint_eq(y.e.when, 5000);
    ck_assert_uint_eq(clock_now(&clk), 5000);
    clock_advance(&clk, 6000);
    ck_assert_str_eq(order, "xy");
    source = 100; /* a source that steps back does not take us along */
    ck_assert_uint_eq(clock_now(&clk), 6000);
}
END_TEST

START_TEST(restored_ties_keep_their_order)
{
    struct named x = make('x', 0), y = make('y', 0);
    event_init(&x.e, "x", fire, &x);
    event_init(&y.e, "y", fire, &y);
    event_restore(&clk, &x.e, 70, 9);
    event_restore(&clk, &y.e, 70, 4);
    struct named z = make('z', 0);
    arm(&z, 70);
    clock_advance(&clk, 70);
    ck_assert_str_eq(order, "yxz");
}
END_TEST

START_TEST(conversions)
{
    ck_assert_uint_eq(ticks_to_ns(1193182, 1193182), NS_PER_SEC);
    ck_assert_uint_eq(ticks_to_ns(1, 1193182), 838);
    ck_assert_uint_eq(ticks_to_ns_up(1, 1193182), 839);
    ck_assert_uint_eq(ns_to_ticks(ticks_to_ns_up(123456789, 1193182), 1193182), 123456789);
    ck_assert_uint_eq(ns_to_ticks(100ull * 365 * 86400 * NS_PER_SEC / 10, 100000000), 31536000000000000ull);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("clock");
    TCase *t = tcase_create("clock");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, order_and_ties);
    tcase_add_test(t, periodic_fires_each_at_its_time);
    tcase_add_test(t, a_jump_fires_each_once_in_its_time_and_then_goes_on);
    tcase_add_test(t, time_between_advances);
    tcase_add_test(t, restored_ties_keep_their_order);
    tcase_add_test(t, conversions);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
