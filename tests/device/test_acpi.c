/* PIIX4 power management: the PM1 block, SCI, timer, sleep, SMBus, and QEMU's fixed ports. */
#include "pcibench.h"

#include "devices/devices.h"
#include "devices/pci/piix4_pm.h"

enum { PM = (1 << 3) + 3, BASE = 0x600, SMB = 0x700, SCI = 9 };
enum { STS = BASE, EN = BASE + 2, CNT = BASE + 4, TMR = BASE + 8 };

static struct device *pm;

static void setup(void)
{
    bench_setup();
    struct piix4_pm_config c = {.bus = bench.bus, .sci = bench_line(SCI), .cpus = 3};
    ck_assert(device_create(&bench.sys, &isa_serial_class, NULL, NULL) &&
              device_create(&bench.sys, &isa_parallel_class, NULL, NULL));
    pm = device_create(&bench.sys, &piix4_pm_class, "pm", &c);
    ck_assert_ptr_nonnull(pm);
    /* as SeaBIOS sets it up */
    pci_write(PM, 0x40, BASE | 1, 4);
    pci_write(PM, 0x80, 1, 1);
    pci_write(PM, 0x90, SMB | 1, 4);
    pci_write(PM, 0xd2, 9, 1);
}
static void teardown(void) { bench_teardown(); }

START_TEST(configuration)
{
    device_reset_all(&bench.sys);
    ck_assert_uint_eq(pci_read(PM, 0x00, 4), 0x71138086);
    ck_assert_uint_eq(pci_read(PM, 0x04, 4), 0x02800000);
    ck_assert_uint_eq(pci_read(PM, 0x08, 4), 0x06800003);
    ck_assert_uint_eq(pci_read(PM, 0x3c, 4), 0x00000100);
    ck_assert_uint_eq(pci_read(PM, 0x40, 4), 0x00000001);
    ck_assert_uint_eq(pci_read(PM, 0x5c, 4), 0x90000000);
    ck_assert_uint_eq(pci_read(PM, 0x60, 4), 0x60000000);
    ck_assert_uint_eq(pci_read(PM, 0x64, 4), 0x08000000);
    ck_assert_uint_eq(pci_read(PM, 0x90, 4), 0x0000b101);
    ck_assert_uint_eq(pci_read(PM, 0xd0, 4), 0x00090000);
    ck_assert_uint_eq(pci_read(PM, 0x58, 4) >> 25 & 1, 1); /* APMC_EN: SeaBIOS leaves SMM alone */
    ck_assert_uint_eq(inw(STS), 0xffff);
    pci_write(PM, 0x40, 0xffffffff, 4);
    ck_assert_uint_eq(pci_read(PM, 0x40, 4), 0xffc1);
    ck_assert_uint_eq(inw(0xffc0), 0xffff); /* not enabled */
    pci_write(PM, 0x80, 1, 1);
    ck_assert_uint_eq(inw(0xffc4), 0);
}
END_TEST

START_TEST(enable_by_apm)
{
    ck_assert_uint_eq(inw(CNT), 0);
    outb(0xb2, 0xf1);
    ck_assert_uint_eq(inw(CNT), 1);
    outb(0xb2, 0xf0);
    ck_assert_uint_eq(inw(CNT), 0);
    outb(0xb3, 0x12);
    ck_assert_uint_eq(inw(0xb2), 0x12f0);
}
END_TEST

START_TEST(power_button)
{
    piix4_pm_power_button(pm);
    ck_assert_uint_eq(inw(STS) & 0x100, 0x100);
    ck_assert(!bench.level[SCI]);
    outw(EN, 0x100);
    ck_assert(!bench.level[SCI]); /* SCI_EN is off */
    outb(0xb2, 0xf1);
    ck_assert(bench.level[SCI]);
    outw(STS, 0x0001);
    ck_assert(bench.level[SCI]);
    outw(STS, 0x0100);
    ck_assert(!bench.level[SCI]);
    ck_assert_uint_eq(inw(STS) & 0x100, 0);
    ck_assert_uint_eq(inw(EN), 0x100);
    piix4_pm_power_button(pm);
    ck_assert_uint_eq(inb(STS + 1), 1);
    outb(STS + 1, 1);
    ck_assert(!bench.level[SCI]);
}
END_TEST

START_TEST(timer)
{
    /* 3.579545 MHz */
    u32 a = inl(TMR);
    pass(1000000000);
    ck_assert_uint_eq((inl(TMR) - a) & 0xffffff, 3579545);
    ck_assert_uint_eq(inl(TMR) >> 24, 0);
    outl(TMR, 0x123);
    ck_assert_uint_eq((inl(TMR) - a) & 0xffffff, 3579545);
    ck_assert_uint_eq(inb(TMR + 2), inl(TMR) >> 16);
}
END_TEST

/* A clock that moves on at every look, as the host's does. */
static u64 restless(void *owner)
{
    (void)owner;
    return bench.sys.clock.now += 17;
}

START_TEST(timer_is_read_at_once)
{
    bench.sys.clock.read = restless;
    for (u32 last = 0, i = 0; i < 20000; i++) {
        u32 now = inl(TMR);
        ck_assert_uint_ge(now, last);
        ck_assert_uint_lt(now - last, 16);
        last = now;
    }
    bench.sys.clock.read = NULL;
}
END_TEST

START_TEST(timer_overflow)
{
    /* The status bit is set at every change of bit 23: after 2^23 ticks, 2.343 s. */
    u64 half = ticks_to_ns_up(1 << 23, 3579545);
    pass(half - 1);
    ck_assert_uint_eq(inw(STS) & 1, 0);
    ck_assert_uint_eq(inl(TMR), 0x7fffff);
    pass(1);
    ck_assert_uint_eq(inl(TMR), 0x800000);
    ck_assert_uint_eq(inw(STS) & 1, 1);
    outw(STS, 1);
    ck_assert_uint_eq(inw(STS) & 1, 0);
    outb(0xb2, 0xf1);
    outw(EN, 1);
    ck_assert(!bench.level[SCI]);
    pass(half);
    ck_assert(bench.level[SCI]);
    ck_assert_uint_le(inl(TMR), 2);
    outw(STS, 1);
    ck_assert(!bench.level[SCI]);
    settle(half + 10);
    ck_assert_uint_eq(bench.rises[SCI], 2);
}
END_TEST

START_TEST(sleep_types)
{
    outw(CNT, 0x2000 | 0 << 10);
    ck_assert_uint_eq(bench.requests[REQUEST_SHUTDOWN], 1);
    outw(CNT, 0x2000 | 1 << 10);
    ck_assert_uint_eq(bench.requests[REQUEST_SUSPEND], 1);
    ck_assert_uint_eq(inw(CNT), 1 << 10); /* SLP_EN reads as 0 */
    outw(CNT, 0x2000 | 2 << 10);
    ck_assert_uint_eq(bench.requests[REQUEST_SHUTDOWN], 2);
    outw(CNT, 0x2000 | 5 << 10);
    outw(CNT, 0 << 10);
    ck_assert_uint_eq(bench.requests[REQUEST_SHUTDOWN] + bench.requests[REQUEST_SUSPEND], 3);
    device_reset_all(&bench.sys);
    piix4_pm_wake(pm);
    pci_write(PM, 0x40, BASE | 1, 4);
    pci_write(PM, 0x80, 1, 1);
    ck_assert_uint_eq(inw(STS) & 0x8000, 0x8000);
}
END_TEST

START_TEST(qemu_ports)
{
    ck_assert_uint_eq(inl(0xafe0), 0);
    outl(0xafe0, 0x000f0000);
    ck_assert_uint_eq(inl(0xafe0), 0x000f0000);
    ck_assert_uint_eq(inb(0xafe2), 0x0f);
    ck_assert_uint_eq(inl(0xae00), 0);
    ck_assert_uint_eq(inl(0xae04), 0);
    ck_assert_uint_eq(inl(0xae08), 0);
    ck_assert_uint_eq(inl(0xae0c), 0xfffffff8);
    outl(0xae08, 0xffffffff);
    ck_assert_uint_eq(inb(0xaf00), 7); /* three CPUs */
    for (u16 p = 0xaf01; p < 0xaf20; p++)
        ck_assert_uint_eq(inb(p), 0);
}
END_TEST

START_TEST(smbus_without_slaves)
{
    ck_assert_uint_eq(inb(SMB), 0);
    outb(SMB + 4, 0xa1);
    outb(SMB + 3, 0);
    outb(SMB + 2, 0x48); /* byte data, start */
    ck_assert_uint_eq(inb(SMB), 1);
    ck_assert_uint_eq(inb(SMB + 2), 0x08);
    settle(1000000);
    ck_assert_uint_eq(inb(SMB), 4); /* device error: no acknowledge */
    outb(SMB, 0x1e);
    ck_assert_uint_eq(inb(SMB), 0);
    /* killed */
    outb(SMB + 2, 0x48);
    outb(SMB + 2, 0x02);
    ck_assert_uint_eq(inb(SMB), 0x10);
    outb(SMB, 0xff);
    settle(1000000);
    ck_assert_uint_eq(inb(SMB), 0);
    /* with its interrupt */
    outb(SMB + 2, 0x49);
    settle(1000000);
    ck_assert(bench.level[SCI]);
    outb(SMB, 0x04);
    ck_assert(!bench.level[SCI]);
    pci_write(PM, 0xd2, 0, 1);
    ck_assert_uint_eq(inb(SMB), 0xff);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("acpi");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, configuration);
    tcase_add_test(t, enable_by_apm);
    tcase_add_test(t, power_button);
    tcase_add_test(t, timer);
    tcase_add_test(t, timer_is_read_at_once);
    tcase_add_test(t, timer_overflow);
    tcase_add_test(t, sleep_types);
    tcase_add_test(t, qemu_ports);
    tcase_add_test(t, smbus_without_slaves);
    suite_add_tcase(s, t);
    return bench_run(s);
}
