/* 16550A: FIFOs, triggers, interrupt priorities, timeout, loopback, modem lines, breaks, a host end that is full. */
#include "devices/core/input.h"
#include "devices/devices.h"
#include "tests/device/rig.h"

enum { BASE = 0x3f8, DATA = BASE, IER, IIR, LCR, MCR, LSR, MSR, SCR };

static struct device *uart;
static struct host_end {
    struct chardev cd;
    u8 got[4096];
    size_t count;
    bool full;
    unsigned accepts;
} host;

static size_t host_write(struct chardev *cd, const u8 *buf, size_t n)
{
    struct host_end *h = container_of(cd, struct host_end, cd);
    if (h->full)
        return 0;
    memcpy(h->got + h->count, buf, n);
    h->count += n;
    return n;
}
static void host_accept(struct chardev *cd) { container_of(cd, struct host_end, cd)->accepts++; }

static void setup(void)
{
    rig_up();
    host = (struct host_end){.cd = {.write = host_write, .accept_input = host_accept}};
    rig_bus("ISA");
    uart = device_new(&rig.sys, &isa_serial_class, NULL);
    device_set_chardev(uart, &host.cd);
    ck_assert_ptr_nonnull(device_plug(uart, NULL, NULL));
}

static void feed(const char *text)
{
    for (; *text; text++) {
        while (!host.cd.input->room(host.cd.owner))
            wait_ns(1000000);
        host.cd.input->receive(host.cd.owner, (const u8 *)text, 1);
    }
}
static bool irq(void) { return rig.level[4]; }

START_TEST(detection)
{
    ck_assert_uint_eq(in8(LSR), 0x60);
    ck_assert_uint_eq(in8(MSR), 0xb0);
    ck_assert_uint_eq(in8(IIR), 0x01);
    out8(SCR, 0x5a);
    ck_assert_uint_eq(in8(SCR), 0x5a);
    out8(IER, 0xff);
    ck_assert_uint_eq(in8(IER), 0x0f);
    out8(IIR, 0x01);
    ck_assert_uint_eq(in8(IIR) & 0xc0, 0xc0); /* a 16550A */
    out8(IIR, 0x00);
    ck_assert_uint_eq(in8(IIR) & 0xc0, 0);
    out8(LCR, 0x80);
    out8(DATA, 0x01);
    out8(IER, 0x02);
    ck_assert_uint_eq(in8(DATA) | in8(IER) << 8, 0x0201);
    out8(LCR, 0x03);
    ck_assert_uint_eq(in8(IER), 0x0f);
}
END_TEST

START_TEST(transmit)
{
    out8(IIR, 0x07);
    out8(IER, 0x02);
    ck_assert_uint_eq(in8(IIR), 0xc2); /* enabling with THRE set asks at once */
    ck_assert(!irq());                 /* reading IIR took it back */
    for (unsigned i = 0; i < 16; i++)
        out8(DATA, (u8)('a' + i));
    ck_assert_uint_eq(in8(LSR) & 0x60, 0);
    ck_assert(!irq());
    wait_ns(100000);
    ck_assert(irq());
    ck_assert_uint_eq(in8(LSR) & 0x60, 0x60);
    ck_assert_uint_eq(host.count, 16);
    ck_assert_mem_eq(host.got, "abcdefghijklmnop", 16);
    out8(DATA, 'q'); /* writing takes it back as well */
    wait_ns(100000);
    ck_assert_uint_eq(in8(IIR), 0xc2);
}
END_TEST

/* One character at a time, no wait is seen: SeaBIOS's serial console has its output mixed up where it has to wait. */
START_TEST(transmit_polled)
{
    out8(IIR, 0x01);
    for (unsigned i = 0; i < 4; i++) {
        out8(DATA, (u8)('a' + i));
        ck_assert_uint_eq(in8(LSR), 0x60);
    }
    ck_assert_mem_eq(host.got, "abcd", 4);
    host.full = true;
    out8(DATA, 'e');
    ck_assert_uint_eq(in8(LSR), 0x20);
}
END_TEST

/* Somebody who does not read at all holds the guest up for a second, not for every character. */
START_TEST(host_end_dead)
{
    host.full = true;
    out8(DATA, 'a');
    wait_ns(900000000);
    ck_assert_uint_eq(in8(LSR) & 0x40, 0); /* the character waits */
    wait_ns(200000000);
    ck_assert_uint_eq(in8(LSR) & 0x60, 0x60);
    for (int i = 0; i < 100; i++) {
        out8(DATA, 'b');
        wait_ns(5000);
        ck_assert_uint_eq(in8(LSR) & 0x60, 0x60);
    }
    ck_assert_uint_eq(host.count, 0);
    host.full = false;
    out8(DATA, 'c');
    out8(DATA, 'd');
    wait_ns(100000);
    ck_assert(host.count == 2 && host.got[0] == 'c' && host.got[1] == 'd');
    host.full = true; /* it has its second again */
    out8(DATA, 'e');
    wait_ns(100000000);
    ck_assert_uint_eq(in8(LSR) & 0x40, 0);
    host.full = false;
    wait_ns(2000000);
    ck_assert(host.count == 3 && host.got[2] == 'e');
}
END_TEST

START_TEST(host_end_full)
{
    out8(IIR, 0x07);
    host.full = true;
    for (unsigned i = 0; i < 16; i++)
        out8(DATA, (u8)('a' + i));
    wait_ns(50000000);
    ck_assert_uint_eq(in8(LSR) & 0x60, 0);
    host.full = false;
    wait_ns(50000000);
    ck_assert_uint_eq(in8(LSR) & 0x60, 0x60);
    ck_assert_mem_eq(host.got, "abcdefghijklmnop", 16);
}
END_TEST

START_TEST(last_words)
{
    out8(IIR, 0x07);
    for (const char *p = "panic!\n"; *p; p++)
        out8(DATA, (u8)*p);
    device_reset_all(&rig.sys);
    ck_assert_uint_eq(host.count, 7);
}
END_TEST

START_TEST(receive_without_fifo)
{
    out8(IER, 0x01);
    feed("x");
    ck_assert(irq());
    ck_assert_uint_eq(in8(IIR), 0x04);
    ck_assert_uint_eq(in8(LSR), 0x61);
    ck_assert_uint_eq(host.cd.input->room(host.cd.owner), 0);
    ck_assert_uint_eq(in8(DATA), 'x');
    ck_assert(!irq());
    ck_assert_uint_eq(in8(LSR), 0x60);
    wait_ns(2000000); /* the line is free again after a character time */
    ck_assert_uint_ge(host.accepts, 1);
    ck_assert_uint_eq(host.cd.input->room(host.cd.owner), 1);
}
END_TEST

START_TEST(triggers_and_timeout)
{
    out8(IIR, 0x81); /* trigger at 8 */
    out8(IER, 0x01);
    feed("1234567");
    ck_assert(!irq());
    wait_ns(6000000); /* 4 characters at 9600 baud */
    ck_assert_uint_eq(in8(IIR), 0xcc);
    ck_assert_uint_eq(in8(DATA), '1');
    ck_assert(!irq());
    feed("89");
    ck_assert_uint_eq(in8(IIR), 0xc4);
    for (unsigned i = 0; i < 8; i++)
        ck_assert_uint_eq(in8(DATA), '2' + i);
    ck_assert_uint_eq(in8(LSR) & 1, 0);
    wait_ns(50000000);
    ck_assert(!irq()); /* empty: no timeout */
    feed("abc");
    out8(IIR, 0x83);
    ck_assert_uint_eq(in8(LSR) & 1, 0);
}
END_TEST

START_TEST(priorities)
{
    out8(IIR, 0x01);
    out8(IER, 0x0f);
    in8(IIR);
    in8(MSR);
    out8(MCR, 0x10); /* loopback: modem inputs drop */
    ck_assert_uint_eq(in8(IIR) & 15, 0x00);
    out8(DATA, 'x');
    wait_ns(100000);
    ck_assert_uint_eq(in8(IIR) & 15, 0x04);
    out8(LCR, 0x43); /* break, looped back */
    in8(DATA);
    ck_assert_uint_eq(in8(IIR) & 15, 0x06);
    ck_assert_uint_eq(in8(LSR) & 0x91, 0x91); /* DR, BI, error in FIFO */
    ck_assert_uint_eq(in8(LSR) & 0x90, 0);
    ck_assert_uint_eq(in8(DATA), 0);
    ck_assert_uint_eq(in8(IIR) & 15, 0x02);
    ck_assert_uint_eq(in8(IIR) & 15, 0x00);
    in8(MSR);
    ck_assert_uint_eq(in8(IIR) & 15, 0x01);
}
END_TEST

START_TEST(loopback)
{
    out8(MCR, 0x10);
    ck_assert_uint_eq(in8(MSR) & 0xf0, 0);
    out8(MCR, 0x1a); /* as Linux probes: RTS and OUT2 */
    ck_assert_uint_eq(in8(MSR), 0x90 | 0x09);
    out8(MCR, 0x14);
    ck_assert_uint_eq(in8(MSR), 0x40 | 0x09);
    out8(MCR, 0x10);
    ck_assert_uint_eq(in8(MSR), 0x04); /* trailing edge of RI */
    out8(DATA, 0x55);
    wait_ns(2000000);
    ck_assert_uint_eq(in8(DATA), 0x55);
    out8(DATA, 1);
    wait_ns(2000000);
    out8(DATA, 2);
    wait_ns(2000000);
    ck_assert_uint_eq(in8(LSR) & 2, 2); /* overrun: the last one stays */
    ck_assert_uint_eq(in8(DATA), 2);
    ck_assert_uint_eq(host.count, 0);
    ck_assert_uint_eq(host.cd.input->room(host.cd.owner), 0);
}
END_TEST

START_TEST(breaks)
{
    out8(IIR, 0x01);
    out8(IER, 0x05);
    feed("a");
    host.cd.input->event(host.cd.owner, CHARDEV_BREAK);
    ck_assert_uint_eq(in8(LSR) & 0x90, 0x80); /* it is behind the 'a' */
    in8(DATA);
    ck_assert_uint_eq(in8(IIR) & 15, 6);
    ck_assert_uint_eq(in8(LSR) & 0x90, 0x90);
    ck_assert_uint_eq(in8(DATA), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("16550A");
    TCase *t = tcase_create("uart");
    tcase_add_checked_fixture(t, setup, rig_down);
    tcase_add_test(t, detection);
    tcase_add_test(t, transmit);
    tcase_add_test(t, transmit_polled);
    tcase_add_test(t, host_end_full);
    tcase_add_test(t, host_end_dead);
    tcase_add_test(t, last_words);
    tcase_add_test(t, receive_without_fifo);
    tcase_add_test(t, triggers_and_timeout);
    tcase_add_test(t, priorities);
    tcase_add_test(t, loopback);
    tcase_add_test(t, breaks);
    suite_add_tcase(s, t);
    return rig_run(s);
}
