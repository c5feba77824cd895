/* HPET: capabilities, counter, one-shot and periodic in 32 and 64 bits, level status, legacy replacement. */
#include "devices/hpet.h"
#include "tests/device/rig.h"

enum { CAP = 0, CONFIG = 0x10, STATUS = 0x20, COUNTER = 0xf0, T0 = 0x100, T1 = 0x120, T2 = 0x140, CMP = 8 };
enum { GSI2 = 2, LEG0 = 32, LEG1 = 33 };
enum { LEVEL = 2, INT = 4, PERIODIC = 8, SET = 0x40, MODE32 = 0x100, ROUTE2 = 2 << 9 };

static struct device *hpet;

static void setup(void)
{
    rig_up();
    struct hpet_config cfg = {.legacy = {rig_wire(LEG0), rig_wire(LEG1)}};
    for (unsigned i = 0; i < HPET_GSIS; i++)
        cfg.gsi[i] = rig_wire(i);
    hpet = rig_plug(&hpet_class, &cfg);
}
static u64 get(u32 reg) { return peek(HPET_BASE + reg, 8); }
static u32 get32(u32 reg) { return (u32)peek(HPET_BASE + reg, 4); }
static void set(u32 reg, u64 val) { poke(HPET_BASE + reg, val, 8); }
static void set32(u32 reg, u32 val) { poke(HPET_BASE + reg, val, 4); }

START_TEST(capabilities)
{
    ck_assert_uint_eq(get(CAP), 0x009896808086a201);
    ck_assert_uint_eq(get32(4), 10000000); /* fs */
    ck_assert_uint_eq(get(T0), 0x400000030);
    set(T0, ~0ull);
    ck_assert_uint_eq(get(T0), 0x40000003e | 0x3e00 | SET | MODE32);
}
END_TEST

START_TEST(counter)
{
    ck_assert_uint_eq(get(COUNTER), 0);
    wait_ns(1000);
    ck_assert_uint_eq(get(COUNTER), 0);
    set(CONFIG, 1);
    wait_ns(1000);
    ck_assert_uint_eq(get(COUNTER), 100);
    ck_assert_uint_eq(get32(COUNTER + 4), 0);
    set(CONFIG, 0);
    wait_ns(1000);
    ck_assert_uint_eq(get(COUNTER), 100);
    set32(COUNTER + 4, 7);
    set32(COUNTER, 0xffffffff);
    set(CONFIG, 1);
    wait_ns(20);
    ck_assert_uint_eq(get(COUNTER), 0x800000001);
}
END_TEST

START_TEST(one_shot)
{
    set(T2, INT | ROUTE2);
    set(T2 + CMP, 1000);
    set(CONFIG, 1);
    wait_ns(9999);
    ck_assert_uint_eq(rig.rises[GSI2], 0);
    wait_ns(1);
    ck_assert_uint_eq(rig.rises[GSI2], 1);
    wait_ns(NS_PER_SEC * 100);
    ck_assert_uint_eq(rig.rises[GSI2], 1);
    /* 32 bits wide it comes again when the counter has gone round. */
    set(T2, INT | ROUTE2 | MODE32);
    set(T2 + CMP, (u32)get(COUNTER) + 1000);
    wait_ns(10000);
    ck_assert_uint_eq(rig.rises[GSI2], 2);
    wait_ns(BIT64(32) * 10);
    ck_assert_uint_eq(rig.rises[GSI2], 3);
    set(T2, INT | 3 << 9); /* a route it does not have */
    set(T2 + CMP, get(COUNTER) + 10);
    wait_ns(1000);
    ck_assert_uint_eq(rig.rises[3], 0);
}
END_TEST

START_TEST(periodic)
{
    set(CONFIG, 1);
    wait_ns(12340);
    set32(T0, INT | PERIODIC | SET | MODE32 | ROUTE2); /* as Linux does */
    set32(T0 + CMP, get32(COUNTER) + 100000);
    set32(T0 + CMP, 100000);
    wait_ns(10 * 1000000);
    ck_assert_uint_eq(rig.rises[GSI2], 10);
    set32(T0 + CMP, 1); /* hostile: served each microsecond at most */
    wait_ns(1000000);
    ck_assert_uint_le(rig.rises[GSI2], 10 + 1001);
    set(CONFIG, 0);
    rig.rises[GSI2] = 0;
    wait_ns(NS_PER_SEC);
    ck_assert_uint_eq(rig.rises[GSI2], 0);
}
END_TEST

START_TEST(level)
{
    set(T1, INT | LEVEL | ROUTE2);
    set(T1 + CMP, 10);
    set(CONFIG, 1);
    wait_ns(100);
    ck_assert(rig.level[GSI2]);
    ck_assert_uint_eq(get(STATUS), 2);
    set(STATUS, 1);
    ck_assert(rig.level[GSI2]);
    set(STATUS, 2);
    ck_assert(!rig.level[GSI2]);
    ck_assert_uint_eq(get(STATUS), 0);
}
END_TEST

START_TEST(legacy)
{
    struct irq pit = hpet_legacy_input(hpet, 0);
    irq_set(&pit, true);
    ck_assert(rig.level[LEG0]);
    set(T0, INT | ROUTE2);
    set(T0 + CMP, 1000);
    set(CONFIG, 3);
    ck_assert(!rig.level[LEG0]);
    irq_set(&pit, false);
    irq_set(&pit, true);
    ck_assert_uint_eq(rig.rises[LEG0], 1);
    wait_ns(10000);
    ck_assert_uint_eq(rig.rises[LEG0], 2);
    ck_assert_uint_eq(rig.rises[GSI2], 0);
    set(CONFIG, 1);
    ck_assert(rig.level[LEG0]); /* the PIT's level is back */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("HPET");
    TCase *t = tcase_create("hpet");
    tcase_add_checked_fixture(t, setup, rig_down);
    tcase_add_test(t, capabilities);
    tcase_add_test(t, counter);
    tcase_add_test(t, one_shot);
    tcase_add_test(t, periodic);
    tcase_add_test(t, level);
    tcase_add_test(t, legacy);
    suite_add_tcase(s, t);
    return rig_run(s);
}
