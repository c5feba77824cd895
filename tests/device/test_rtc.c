/* MC146818A: calendar, formats, SET, UIP, the three interrupts, divider, what reset keeps. */
#include "devices/rtc.h"
#include "tests/device/rig.h"

static struct device *rtc;

static u8 get(u8 reg) { return out8(0x70, reg), in8(0x71); }
static void set(u8 reg, u8 val)
{
    out8(0x70, reg);
    out8(0x71, val);
}

static void setup(void)
{
    rig_up();
    /* 2024-02-28 23:59:58 UTC, a Wednesday before a leap day */
    struct rtc_config cfg = {.irq8 = rig_wire(0), .nmi_mask = rig_wire(1), .base = 1709164798};
    rtc = rig_plug(&rtc_class, &cfg);
}

static void check_time(unsigned century, unsigned year, unsigned month, unsigned day, unsigned weekday, unsigned hour,
                       unsigned minute, unsigned second)
{
    ck_assert_uint_eq(get(0x32), century);
    ck_assert_uint_eq(get(9), year);
    ck_assert_uint_eq(get(8), month);
    ck_assert_uint_eq(get(7), day);
    ck_assert_uint_eq(get(6), weekday);
    ck_assert_uint_eq(get(4), hour);
    ck_assert_uint_eq(get(2), minute);
    ck_assert_uint_eq(get(0), second);
}

START_TEST(calendar)
{
    check_time(0x20, 0x24, 0x02, 0x28, 4, 0x23, 0x59, 0x58);
    wait_ns(2 * NS_PER_SEC);
    check_time(0x20, 0x24, 0x02, 0x29, 5, 0x00, 0x00, 0x00);
    wait_ns(86400 * NS_PER_SEC);
    check_time(0x20, 0x24, 0x03, 0x01, 6, 0x00, 0x00, 0x00);
    /* 2000 was a leap year, 2100 is none */
    set(0x0b, 0x82);
    static const u8 time[][2] = {{0x32, 0x21}, {9, 0x00}, {8, 0x02}, {7, 0x28},
                                 {6, 1},       {4, 0x23}, {2, 0x59}, {0, 0x59}};
    for (unsigned i = 0; i < ARRAY_LEN(time); i++)
        set(time[i][0], time[i][1]);
    wait_ns(5 * NS_PER_SEC);
    check_time(0x21, 0x00, 0x02, 0x28, 1, 0x23, 0x59, 0x59); /* SET holds it */
    set(0x0b, 0x02);
    wait_ns(NS_PER_SEC);
    check_time(0x21, 0x00, 0x03, 0x01, 2, 0x00, 0x00, 0x00);
}
END_TEST

START_TEST(formats)
{
    set(0x0b, 0x06); /* binary, 24 hours */
    check_time(20, 24, 2, 28, 4, 23, 59, 58);
    set(0x0b, 0x00); /* BCD, 12 hours */
    ck_assert_uint_eq(get(4), 0x91);
    set(0x0b, 0x04); /* binary, 12 hours */
    ck_assert_uint_eq(get(4), 0x8b);
    wait_ns(2 * NS_PER_SEC);
    ck_assert_uint_eq(get(4), 12); /* midnight is 12 AM */
    set(4, 0x80 | 12);             /* noon is 12 PM */
    set(0x0b, 0x02);
    ck_assert_uint_eq(get(4), 0x12);
    wait_ns(13 * 3600 * NS_PER_SEC);
    ck_assert_uint_eq(get(4), 0x01);
    ck_assert_uint_eq(get(7), 0x01);
}
END_TEST

START_TEST(a_write_while_running_keeps_the_second)
{
    wait_ns(300000000);
    set(0, 0x10);
    wait_ns(600000000);
    ck_assert_uint_eq(get(0), 0x10);
    wait_ns(100000000);
    ck_assert_uint_eq(get(0), 0x11);
}
END_TEST

START_TEST(update_in_progress)
{
    ck_assert_uint_eq(get(0x0a), 0x26);
    wait_ns(NS_PER_SEC - 1000000);
    ck_assert_uint_eq(get(0x0a), 0xa6);
    ck_assert_uint_eq(get(0), 0x58);
    wait_ns(1000000);
    ck_assert_uint_eq(get(0x0a), 0x26);
    ck_assert_uint_eq(get(0), 0x59);
    ck_assert_uint_eq(get(0x0c), 0x10 | 0x40);
    set(0x0b, 0x82);
    wait_ns(NS_PER_SEC - 1000000);
    ck_assert_uint_eq(get(0x0a), 0x26); /* never with SET */
}
END_TEST

START_TEST(update_interrupt)
{
    get(0x0c);
    set(0x0b, 0x12);
    wait_ns(NS_PER_SEC);
    ck_assert(rig.level[0]);
    ck_assert_uint_eq(get(0x0c) & 0xb0, 0x90);
    ck_assert(!rig.level[0]);
    wait_ns(3 * NS_PER_SEC); /* not read: one interrupt */
    ck_assert_uint_eq(rig.rises[0], 2);
    set(0x0b, 0x92); /* SET clears UIE */
    ck_assert_uint_eq(get(0x0b), 0x82);
}
END_TEST

START_TEST(alarm)
{
    set(5, 0x00);
    set(3, 0x01);
    set(1, 0x30);
    set(0x0b, 0x22);
    wait_ns(91 * NS_PER_SEC);
    ck_assert(!rig.level[0]);
    wait_ns(NS_PER_SEC);
    ck_assert(rig.level[0]);
    ck_assert_uint_eq(get(0x0c) & 0xa0, 0xa0);
    /* "Don't care" in hour and minute: every minute at :30 */
    set(5, 0xff);
    set(3, 0xc0);
    rig.rises[0] = 0;
    for (unsigned i = 0; i < 10; i++) {
        wait_ns(60 * NS_PER_SEC);
        get(0x0c);
    }
    ck_assert_uint_eq(rig.rises[0], 10);
}
END_TEST

START_TEST(periodic)
{
    set(0x0b, 0x42);
    unsigned n = 0;
    for (unsigned i = 0; i < 4000; i++) {
        wait_ns(250000);
        n += (get(0x0c) & 0xc0) == 0xc0;
    }
    ck_assert_uint_eq(n, 1024); /* rate 6 */
    set(0x0a, 0x2f);
    rig.rises[0] = 0;
    for (unsigned i = 0; i < 100; i++) {
        wait_ns(100000000);
        get(0x0c);
    }
    ck_assert_uint_eq(rig.rises[0], 20); /* 2 Hz for 10 s */
    /* With PIE off the flag comes all the same. */
    set(0x0b, 0x02);
    get(0x0c);
    wait_ns(600000000);
    ck_assert_uint_eq(get(0x0c) & 0xc0, 0x40);
    ck_assert_uint_eq(get(0x0c) & 0xc0, 0);
    set(0x0a, 0x20); /* rate 0: none */
    wait_ns(NS_PER_SEC);
    ck_assert_uint_eq(get(0x0c) & 0x40, 0);
}
END_TEST

START_TEST(divider_reset)
{
    set(0x0a, 0x76);
    wait_ns(10 * NS_PER_SEC);
    ck_assert_uint_eq(get(0), 0x58);
    set(0x0a, 0x26);
    wait_ns(499000000);
    ck_assert_uint_eq(get(0), 0x58);
    wait_ns(2000000);
    ck_assert_uint_eq(get(0), 0x59);
}
END_TEST

START_TEST(ram_ports_and_reset)
{
    set(0x10, 0x5a);
    set(0x7f, 0xa5);
    ck_assert_uint_eq(rtc_cmos_get(rtc, 0x10), 0x5a);
    rtc_cmos_set(rtc, 0x40, 0x77);
    ck_assert_uint_eq(get(0xc0), 0x77); /* bit 7 is the NMI mask */
    ck_assert(rig.level[1]);
    ck_assert_uint_eq(in8(0x70), 0xff);
    ck_assert_uint_eq(get(0x0d), 0x80);
    ck_assert(!rig.level[1]);
    set(0x0d, 0);
    ck_assert_uint_eq(get(0x0d), 0x80);
    set(0x0b, 0x72);
    wait_ns(NS_PER_SEC);
    device_reset_all(&rig.sys);
    ck_assert(!rig.level[0]);
    ck_assert_uint_eq(get(0x0b), 0x02);
    ck_assert_uint_eq(get(0x0c) & 0x30, 0);
    ck_assert_uint_eq(get(0x10), 0x5a);
    ck_assert_uint_eq(get(0), 0x59);
    /* One word access reaches index and data. */
    space_write(&rig.sys.io, 0x70, 0x4211, 2);
    ck_assert_uint_eq(get(0x11), 0x42);
}
END_TEST

/* The time of day by another clock than interrupts: it goes on while virtual time stands. */
static u64 host_time;
static u64 host_clock(void *owner)
{
    (void)owner;
    return host_time;
}
START_TEST(time_of_the_host)
{
    rig_down();
    rig_up();
    host_time = 77 * NS_PER_SEC + 123;
    struct rtc_config cfg = {.irq8 = rig_wire(0), .nmi_mask = rig_wire(1), .base = 1709164798, .host_ns = host_clock};
    rtc = rig_plug(&rtc_class, &cfg);
    check_time(0x20, 0x24, 0x02, 0x28, 4, 0x23, 0x59, 0x58);
    host_time += 3601 * NS_PER_SEC;
    check_time(0x20, 0x24, 0x02, 0x29, 5, 0x00, 0x59, 0x59);
    wait_ns(NS_PER_SEC);
    ck_assert_uint_eq(get(0x0c) & 0x10, 0x10);
    /* The update's event came, but the host's second is not over: no flag yet. */
    host_time += NS_PER_SEC - 1000;
    wait_ns(NS_PER_SEC);
    ck_assert_uint_eq(get(0x0c) & 0x10, 0);
    host_time += 2000;
    wait_ns(2000);
    ck_assert_uint_eq(get(0x0c) & 0x10, 0x10);
    check_time(0x20, 0x24, 0x02, 0x29, 5, 0x01, 0x00, 0x00);
    /* Setting it works on the same clock. */
    set(4, 0x07);
    host_time += 60 * NS_PER_SEC;
    check_time(0x20, 0x24, 0x02, 0x29, 5, 0x07, 0x01, 0x00);
}
END_TEST

/* One interrupt a second, however the host's clock and virtual time move against each other. */
START_TEST(one_update_for_each_second)
{
    rig_down();
    rig_up();
    host_time = 77 * NS_PER_SEC;
    struct rtc_config cfg = {.irq8 = rig_wire(0), .nmi_mask = rig_wire(1), .host_ns = host_clock};
    rtc = rig_plug(&rtc_class, &cfg);
    device_reset_all(&rig.sys);
    set(0x0b, 0x12);
    for (unsigned i = 0; i < 1000; i++) {
        u64 ns = i % 7 ? 10000000 : 13000000; /* 10 s; virtual time is ahead by up to 3 ms */
        host_time += 10000000;
        wait_ns(i % 7 == 1 ? ns - 3000000 : ns);
        get(0x0c);
    }
    ck_assert_uint_ge(rig.rises[0], 9);
    ck_assert_uint_le(rig.rises[0], 10);
}
END_TEST

/* driftfix=slew: 64 interrupts of which the guest takes none are taken later, some at once for each that comes. */
START_TEST(lost_interrupts_come_again)
{
    rig_down();
    rig_up();
    struct rtc_config cfg = {.irq8 = rig_wire(0), .nmi_mask = rig_wire(1), .slew = true};
    rtc = rig_plug(&rtc_class, &cfg);
    device_reset_all(&rig.sys);
    set(0x0b, 0x42);
    wait_ns(NS_PER_SEC / 16 + 1000);
    ck_assert_uint_eq(rig.rises[0], 1);
    unsigned taken = 0, first = 0;
    for (unsigned i = 0; i < 10; i++) {
        while (rig.level[0] && taken < 1000)
            taken += (get(0x0c) & 0xc0) == 0xc0;
        first = i ? first : taken;
        wait_ns(NS_PER_SEC / 1024);
    }
    ck_assert_uint_eq(first, 21);
    ck_assert_uint_eq(taken, 64 + 9);
    clock_jump(&rig.sys.clock, now() + NS_PER_SEC); /* the whole process was stopped */
    for (unsigned i = 0; i < 100; i++) {
        while (rig.level[0] && taken < 2000)
            taken += (get(0x0c) & 0xc0) == 0xc0;
        wait_ns(NS_PER_SEC / 1024);
    }
    ck_assert_uint_ge(taken, 64 + 9 + 1024 + 98);
    ck_assert_uint_le(taken, 64 + 9 + 1024 + 101);
}
END_TEST

START_TEST(nmi_gate)
{
    out8(0x70, 0x8f);
    ck_assert(rig.level[1]);
    out8(0x70, 0x0f);
    ck_assert(!rig.level[1]);
}
END_TEST

START_TEST(nonsense_dates)
{
    for (unsigned reg = 0; reg < 10; reg++)
        set((u8)reg, 0xff);
    set(0x32, 0xff);
    wait_ns(NS_PER_SEC);
    get(9);
    set(8, 0);
    set(7, 0);
    ck_assert_uint_le(get(0), 0x59);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("MC146818A");
    TCase *t = tcase_create("rtc");
    tcase_add_checked_fixture(t, setup, rig_down);
    tcase_add_test(t, calendar);
    tcase_add_test(t, formats);
    tcase_add_test(t, a_write_while_running_keeps_the_second);
    tcase_add_test(t, update_in_progress);
    tcase_add_test(t, update_interrupt);
    tcase_add_test(t, alarm);
    tcase_add_test(t, periodic);
    tcase_add_test(t, divider_reset);
    tcase_add_test(t, ram_ports_and_reset);
    tcase_add_test(t, time_of_the_host);
    tcase_add_test(t, one_update_for_each_second);
    tcase_add_test(t, lost_interrupts_come_again);
    tcase_add_test(t, nmi_gate);
    tcase_add_test(t, nonsense_dates);
    suite_add_tcase(s, t);
    return rig_run(s);
}
