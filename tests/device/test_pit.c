/* 8254: every mode by the timing diagrams of 231164, reads, latches, read-back, BCD, gate. Times are PIT clocks. */
#include "devices/pit.h"
#include "tests/device/rig.h"

static struct device *pit;

static void setup(void)
{
    rig_up();
    struct pit_config cfg = {.irq0 = rig_wire(0)};
    pit = rig_plug(&pit_class, &cfg);
}

/* To the middle of clock n from now, so that rounding plays no part. */
static void clocks_pass(u64 n)
{
    u64 t = ns_to_ticks(now(), PIT_HZ) + n;
    clock_advance(&rig.sys.clock, ticks_to_ns_up(t, PIT_HZ) + 100);
}
static void program(unsigned ch, unsigned mode, u16 count)
{
    out8(0x43, (u8)(ch << 6 | 0x30 | mode << 1));
    out8((u16)(0x40 + ch), (u8)count);
    out8((u16)(0x40 + ch), (u8)(count >> 8));
}
static u16 count(unsigned ch)
{
    out8(0x43, (u8)(ch << 6));
    u8 low = in8((u16)(0x40 + ch));
    return (u16)(low | in8((u16)(0x40 + ch)) << 8);
}
static u8 status(unsigned ch)
{
    out8(0x43, (u8)(0xe0 | BIT(ch + 1)));
    return in8((u16)(0x40 + ch));
}
static void gate2(bool level)
{
    struct irq g = pit_gate2(pit);
    irq_set(&g, level);
}
static bool out2(void) { return pit_out2(pit); }

START_TEST(mode0)
{
    program(0, 0, 4);
    ck_assert(!rig.level[0]);
    clocks_pass(1);
    ck_assert_uint_eq(count(0), 4);
    clocks_pass(3);
    ck_assert_uint_eq(count(0), 1);
    ck_assert(!rig.level[0]);
    clocks_pass(1); /* N + 1 clocks after the write */
    ck_assert(rig.level[0]);
    ck_assert_uint_eq(count(0), 0);
    clocks_pass(1);
    ck_assert_uint_eq(count(0), 0xffff);
    ck_assert(rig.level[0]);
    out8(0x40, 9); /* the first of two bytes stops it */
    ck_assert(!rig.level[0]);
    clocks_pass(20);
    ck_assert_uint_eq(count(0), 0xffff);
    out8(0x40, 0);
    clocks_pass(10);
    ck_assert(rig.level[0]);
}
END_TEST

START_TEST(mode0_gate)
{
    gate2(true);
    program(2, 0, 10);
    clocks_pass(4);
    gate2(false);
    clocks_pass(100);
    ck_assert_uint_eq(count(2), 7);
    ck_assert(!out2());
    gate2(true);
    clocks_pass(6);
    ck_assert(!out2());
    clocks_pass(1);
    ck_assert(out2());
}
END_TEST

START_TEST(mode1)
{
    program(2, 1, 5);
    ck_assert(out2());
    clocks_pass(50);
    ck_assert(out2());
    ck_assert_uint_eq(status(2) & 0x40, 0x40); /* null count until the trigger */
    gate2(true);
    clocks_pass(1);
    ck_assert(!out2());
    ck_assert_uint_eq(status(2) & 0x40, 0);
    clocks_pass(3);
    gate2(false); /* retrigger */
    gate2(true);
    clocks_pass(5);
    ck_assert(!out2());
    clocks_pass(1);
    ck_assert(out2());
}
END_TEST

START_TEST(mode2)
{
    program(0, 2, 3);
    ck_assert(rig.level[0]);
    rig.rises[0] = 0;
    clocks_pass(1);
    ck_assert_uint_eq(count(0), 3);
    clocks_pass(2);
    ck_assert(!rig.level[0]); /* low while the count is 1 */
    ck_assert_uint_eq(count(0), 1);
    clocks_pass(1);
    ck_assert(rig.level[0]);
    clocks_pass(3 * 1000);
    ck_assert_uint_eq(rig.rises[0], 1001);
    /* A new count takes over at the end of the period. */
    out8(0x40, 10);
    out8(0x40, 0);
    ck_assert_uint_eq(status(0) & 0x40, 0x40);
    clocks_pass(1);
    ck_assert_uint_eq(count(0), 2);
    clocks_pass(2);
    ck_assert_uint_eq(count(0), 10);
    ck_assert_uint_eq(status(0) & 0x40, 0);
    rig.rises[0] = 0;
    clocks_pass(100);
    ck_assert_uint_eq(rig.rises[0], 10);
}
END_TEST

START_TEST(mode2_gate)
{
    gate2(true);
    program(2, 2, 10);
    clocks_pass(10);
    ck_assert(!out2());
    gate2(false); /* sets OUT high at once */
    ck_assert(out2());
    clocks_pass(55);
    ck_assert(out2());
    gate2(true);
    clocks_pass(1);
    ck_assert_uint_eq(count(2), 10);
}
END_TEST

START_TEST(mode3)
{
    program(0, 3, 4);
    clocks_pass(1);
    ck_assert_uint_eq(count(0), 4);
    clocks_pass(1);
    ck_assert_uint_eq(count(0), 2);
    ck_assert(rig.level[0]);
    clocks_pass(1);
    ck_assert(!rig.level[0]);
    ck_assert_uint_eq(count(0), 4);
    clocks_pass(2);
    ck_assert(rig.level[0]);
    program(0, 3, 5); /* odd: high for 3, low for 2; counts 4 2 0 4 2 */
    static const u8 want[] = {4, 2, 0, 4, 2, 4};
    for (unsigned i = 0; i < 6; i++) {
        clocks_pass(1);
        ck_assert_uint_eq(count(0), want[i]);
        ck_assert(rig.level[0] == (i % 5 < 3));
    }
}
END_TEST

START_TEST(modes_4_and_5)
{
    program(0, 4, 6);
    ck_assert(rig.level[0]);
    clocks_pass(6);
    ck_assert(rig.level[0]);
    clocks_pass(1);
    ck_assert(!rig.level[0]); /* one clock long */
    clocks_pass(1);
    ck_assert(rig.level[0]);
    rig.rises[0] = 0;
    clocks_pass(100000);
    ck_assert_uint_eq(rig.rises[0], 0);

    program(2, 5, 6);
    clocks_pass(20);
    ck_assert(out2());
    gate2(true);
    clocks_pass(7);
    ck_assert(!out2());
    clocks_pass(1);
    ck_assert(out2());
}
END_TEST

START_TEST(count_of_zero_and_bcd)
{
    program(0, 2, 0);
    clocks_pass(1);
    ck_assert_uint_eq(count(0), 0);
    clocks_pass(1);
    ck_assert_uint_eq(count(0), 0xffff);
    rig.rises[0] = 0;
    clocks_pass(65536 * 3);
    ck_assert_uint_eq(rig.rises[0], 3);
    out8(0x43, 0x35); /* mode 2, BCD */
    out8(0x40, 0x00);
    out8(0x40, 0x10);
    clocks_pass(2);
    ck_assert_uint_eq(count(0), 0x0999);
}
END_TEST

START_TEST(reading)
{
    program(0, 2, 0x1234);
    clocks_pass(1);
    out8(0x43, 0x00);
    clocks_pass(5);
    out8(0x43, 0x00); /* a second latch is ignored */
    ck_assert_uint_eq(in8(0x40), 0x34);
    ck_assert_uint_eq(in8(0x40), 0x12);
    ck_assert_uint_eq(in8(0x40), 0x2f); /* unlatched: as it is */
    ck_assert_uint_eq(in8(0x40), 0x12);
    /* Read-back of status and count of counters 0 and 2: status comes first. */
    out8(0x43, 0xb6);
    out8(0x42, 0x10);
    out8(0x42, 0);
    out8(0x43, 0xca);
    ck_assert_uint_eq(in8(0x40), 0xb4); /* OUT, RW 3, mode 2 */
    ck_assert_uint_eq(in8(0x40), 0x2f);
    ck_assert_uint_eq(in8(0x40), 0x12);
    ck_assert_uint_eq(in8(0x42) & 0x3f, 0x36);
    ck_assert_uint_eq(in8(0x42), 0x10);
    /* LSB only, MSB only */
    out8(0x43, 0x14);
    out8(0x40, 0x80);
    clocks_pass(1);
    ck_assert_uint_eq(in8(0x40), 0x80);
    ck_assert_uint_eq(in8(0x40), 0x80);
    out8(0x43, 0x24);
    out8(0x40, 0x80);
    clocks_pass(2);
    ck_assert_uint_eq(in8(0x40), 0x7f);
}
END_TEST

START_TEST(one_in_mode_2_is_no_storm)
{
    program(0, 2, 1);
    clocks_pass(1000000);
    ck_assert(rig.level[0]);
}
END_TEST

START_TEST(a_second_is_a_second)
{
    program(0, 2, 11932); /* about 100 Hz, as kernels do */
    rig.rises[0] = 0;
    wait_ns(10 * NS_PER_SEC);
    ck_assert_uint_eq(rig.rises[0], 10ull * PIT_HZ / 11932);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("8254");
    TCase *t = tcase_create("pit");
    tcase_add_checked_fixture(t, setup, rig_down);
    tcase_add_test(t, mode0);
    tcase_add_test(t, mode0_gate);
    tcase_add_test(t, mode1);
    tcase_add_test(t, mode2);
    tcase_add_test(t, mode2_gate);
    tcase_add_test(t, mode3);
    tcase_add_test(t, modes_4_and_5);
    tcase_add_test(t, count_of_zero_and_bcd);
    tcase_add_test(t, reading);
    tcase_add_test(t, one_in_mode_2_is_no_storm);
    tcase_add_test(t, a_second_is_a_second);
    suite_add_tcase(s, t);
    return rig_run(s);
}
