/* Virtual time after the host's clock, with hosts that are busy, stop the process, or have a slow CPU. */
#include <check.h>
#include <stdlib.h>

#include "devices/machine/machine_internal.h"

static struct trace quiet;
static struct clock clk;
static struct vclock v;
static struct cpu *cpu;
static u64 host; /* its clock */
static u64 ran;

static u64 read_host(void) { return host; }

enum { US = 1000, MS = 1000000, INSNS_PER_US = 100 };

/* The CPU runs for so long; nothing else takes time. */
static void run(u64 ns)
{
    host += ns;
    ran += ns;
    cpu->budget -= (i64)(ns * INSNS_PER_US / US);
}
static void wait_for_processor(u64 ns) { host += ns; }

static u64 started;
static void slice_begin(void)
{
    started = cpu_icount(cpu);
    vclock_slice_begin(&v, cpu, host);
}
static void slice_end(void)
{
    vclock_slice_end(&v, cpu_icount(cpu) - started, host);
    vclock_sync(&v);
}
static u64 lag(void) { return host - vclock_host_origin(&v) - MAX(clk.now, v.wall); }
static bool told_to_leave(void)
{
    bool told = cpu->attention & ATT_EXIT;
    cpu->attention = 0;
    return told;
}

struct ticker {
    struct event e;
    u64 period, last;
    unsigned count, late;
};
static void tick(void *owner)
{
    struct ticker *t = owner;
    u64 now = clock_now(&clk);
    t->count++;
    t->late += now != t->last + t->period;
    t->last = now;
    event_at(&clk, &t->e, now + t->period);
}
static struct ticker *start_ticker(u64 period)
{
    static struct ticker t;
    t = (struct ticker){.period = period, .last = clock_now(&clk)};
    event_init(&t.e, "tick", tick, &t);
    event_at(&clk, &t.e, t.last + period);
    return &t;
}

static void setup(void)
{
    static const struct machine_config config = {.icount = ICOUNT_OFF};
    clock_init(&clk, &quiet);
    host = 5 * NS_PER_SEC;
    ran = 0;
    cpu = calloc(1, sizeof(*cpu));
    cpu->slice = cpu->budget = INT64_MAX / 2;
    vclock_init(&v, &clk, &config);
    v.host = read_host;
    vclock_resume(&v);
}
static void teardown(void) { free(cpu); }

/* 1 ms of 'of' is ours, in slices as long as the clock wishes. */
static u64 busy_host(unsigned of, u64 ns)
{
    u64 end = host + ns, worst = 0, turn = 0;
    while (host < end) {
        slice_begin();
        u64 insns = vclock_budget(&v, 200000);
        run(MAX(insns * US / INSNS_PER_US, 1ull));
        slice_end();
        if ((turn += insns) > 1000 * INSNS_PER_US) {
            turn = 0;
            wait_for_processor((of - 1) * MS);
        }
        worst = MAX(worst, lag());
    }
    return worst;
}

START_TEST(no_time_is_lost_on_a_busy_host)
{
    struct ticker *t = start_ticker(MS);
    u64 from = clock_now(&clk);
    ck_assert_uint_lt(busy_host(3, 2 * NS_PER_SEC), 30 * MS);
    ck_assert_uint_eq(t->late, 0);
    ck_assert_uint_eq(t->count, (clk.now - from) / MS);
    ck_assert_uint_lt(busy_host(12, 2 * NS_PER_SEC), 60 * MS);
    busy_host(1, NS_PER_SEC / 10);
    ck_assert_uint_lt(lag(), MS);
    ck_assert_uint_eq(t->late, 0);
    ck_assert_uint_ge(t->count, 4000);
}
END_TEST

START_TEST(a_polling_guest_sees_no_leap)
{
    slice_begin();
    u64 before = vclock_read(&v);
    run(US);
    ck_assert_uint_eq(vclock_read(&v), before + US);
    wait_for_processor(30 * MS);
    u64 worst = 0;
    for (before = vclock_read(&v); lag() > MS; before = vclock_read(&v)) {
        run(US);
        worst = MAX(worst, vclock_read(&v) - before);
    }
    ck_assert_uint_le(worst, 9 * US);
    ck_assert_uint_lt(ran, 100 * MS);
}
END_TEST

START_TEST(a_long_stop_is_made_up_for_at_once)
{
    struct ticker *t = start_ticker(MS);
    struct ticker once = {.period = NS_PER_SEC * 3600};
    event_init(&once.e, "once", tick, &once);
    event_at(&clk, &once.e, clock_now(&clk) + NS_PER_SEC);
    once.last = once.e.when - once.period;
    slice_begin();
    run(100 * US);
    wait_for_processor(60 * NS_PER_SEC);
    u64 seen = vclock_read(&v);
    ck_assert_uint_lt(seen, NS_PER_SEC); /* not between two instructions */
    ck_assert(told_to_leave());
    slice_end();
    ck_assert_uint_eq(lag(), 0);
    ck_assert_uint_eq(once.count, 1);
    ck_assert_uint_eq(once.late, 0);
    ck_assert_uint_ge(t->count, 2);
    ck_assert_uint_lt(t->count, 5);
    busy_host(1, 100 * MS);
    ck_assert_uint_lt(lag(), MS);
}
END_TEST

START_TEST(halted_it_is_where_the_host_is)
{
    struct ticker *t = start_ticker(10 * MS);
    wait_for_processor(35 * MS); /* woken late */
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(vclock_idle_sleep(&v), 0);
        vclock_idle_done(&v, 0, true);
        vclock_sync(&v);
        ck_assert_uint_eq(t->count, i + 1);
    }
    ck_assert_uint_eq(vclock_idle_sleep(&v), 5 * MS);
    wait_for_processor(2 * MS);
    vclock_idle_done(&v, 2 * MS, false);
    vclock_sync(&v);
    ck_assert_uint_eq(lag(), 0);
    ck_assert_uint_eq(t->late, 0);
    wait_for_processor(3 * NS_PER_SEC); /* the process was stopped */
    vclock_idle_done(&v, 3 * NS_PER_SEC, true);
    vclock_sync(&v);
    ck_assert_uint_eq(lag(), 0);
    ck_assert_uint_lt(t->count, 10);
}
END_TEST

START_TEST(time_does_not_wait_for_the_end_of_a_slice)
{
    struct ticker *t = start_ticker(100 * US);
    run(MS); /* instructions enough behind the last event */
    slice_begin();
    run(80 * US);
    vclock_repetition(&v);
    ck_assert(!told_to_leave());
    run(70 * US);
    vclock_repetition(&v);
    ck_assert(told_to_leave());
    u64 seen = vclock_read(&v);
    ck_assert_uint_ge(seen, 150 * US); /* past the event */
    ck_assert_uint_eq(clock_now(&clk), 100 * US);
    vclock_before_access(&v); /* a device sees it after the event */
    ck_assert_uint_eq(t->count, 1);
    ck_assert_uint_eq(clock_now(&clk), seen);
    ck_assert(told_to_leave());
    slice_end();
    ck_assert_uint_eq(t->count, 1);
}
END_TEST

START_TEST(between_overdue_events_the_guest_runs_at_its_own_pace)
{
    struct ticker *t = start_ticker(100 * US);
    wait_for_processor(NS_PER_SEC / 2);
    unsigned before = 0;
    for (unsigned i = 0; i < 100; i++) {
        slice_begin();
        run(5 * US);
        slice_end();
        ck_assert_uint_le(t->count, before + 1);
        before = t->count;
    }
    ck_assert_uint_ge(t->count, 10);
    ck_assert_uint_le(t->count, 1 + 500 / 30); /* 3,000 instructions are 30 us */
}
END_TEST

START_TEST(a_pause_is_no_time)
{
    slice_begin();
    run(100 * US);
    slice_end();
    u64 before = clock_now(&clk);
    vclock_pause(&v);
    wait_for_processor(20 * NS_PER_SEC);
    ck_assert_uint_eq(clock_now(&clk), before);
    vclock_resume(&v);
    slice_begin();
    run(100 * US);
    slice_end();
    ck_assert_uint_eq(clock_now(&clk), before + 100 * US);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("vclock");
    TCase *t = tcase_create("vclock");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, no_time_is_lost_on_a_busy_host);
    tcase_add_test(t, a_polling_guest_sees_no_leap);
    tcase_add_test(t, a_long_stop_is_made_up_for_at_once);
    tcase_add_test(t, halted_it_is_where_the_host_is);
    tcase_add_test(t, time_does_not_wait_for_the_end_of_a_slice);
    tcase_add_test(t, between_overdue_events_the_guest_runs_at_its_own_pace);
    tcase_add_test(t, a_pause_is_no_time);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
