/* 8259A: initialisation, priorities, every OCW, cascade, level mode, spurious interrupts. Cases from 231468. */
#include "devices/pic.h"
#include "tests/device/rig.h"

static struct device *pic;
static struct irq in[16];

/* As the BIOS sets it up: vectors 08h and 70h, all open. */
static void init(u8 icw4_master, u8 icw4_slave)
{
    static const u8 base[2] = {0x08, 0x70}, icw3[2] = {4, 2};
    for (unsigned i = 0; i < 2; i++) {
        u16 port = i ? 0xa0 : 0x20;
        out8(port, 0x11);
        out8(port + 1, base[i]);
        out8(port + 1, icw3[i]);
        out8(port + 1, i ? icw4_slave : icw4_master);
        out8(port + 1, 0);
    }
}

static void setup(void)
{
    rig_up();
    struct pic_config cfg = {.intr = rig_wire(0)};
    pic = rig_plug(&pic_class, &cfg);
    for (unsigned i = 0; i < 16; i++)
        in[i] = pic_input(pic, i);
    init(1, 1);
}

static void raise(unsigned n) { irq_set(&in[n], true); }
static void lower(unsigned n) { irq_set(&in[n], false); }
static bool intr(void) { return rig.level[0]; }
static int ack(void) { return pic_read_irq(pic); }
static u8 isr(u16 port) { return out8(port, 0x0b), in8(port); }
static u8 irr(u16 port) { return out8(port, 0x0a), in8(port); }

START_TEST(edge_and_eoi)
{
    raise(1);
    ck_assert(intr());
    ck_assert_uint_eq(irr(0x20), 2);
    ck_assert_int_eq(ack(), 9);
    ck_assert(!intr());
    ck_assert_uint_eq(isr(0x20), 2);
    ck_assert_uint_eq(irr(0x20), 0);
    out8(0x20, 0x20);
    ck_assert_uint_eq(isr(0x20), 0);
    ck_assert(!intr()); /* still high, but no new edge */
    lower(1);
    raise(1);
    ck_assert(intr());
}
END_TEST

START_TEST(nesting)
{
    raise(3);
    ck_assert_int_eq(ack(), 11);
    raise(5);
    ck_assert(!intr());
    raise(1);
    ck_assert(intr());
    ck_assert_int_eq(ack(), 9);
    ck_assert_uint_eq(isr(0x20), 0x0a);
    out8(0x20, 0x20); /* ends 1 */
    ck_assert_uint_eq(isr(0x20), 0x08);
    out8(0x20, 0x63); /* specific, 3 */
    ck_assert_uint_eq(isr(0x20), 0);
    ck_assert_int_eq(ack(), 13);
}
END_TEST

START_TEST(masking_and_withdrawal)
{
    out8(0x21, 0x08);
    raise(3);
    ck_assert(!intr());
    ck_assert_uint_eq(irr(0x20), 0x08);
    ck_assert_uint_eq(in8(0x21), 0x08);
    out8(0x21, 0);
    ck_assert(intr());
    lower(3); /* an edge must hold until INTA */
    ck_assert(!intr());
    ck_assert_int_eq(ack(), 15); /* IR7, and no ISR bit */
    ck_assert_uint_eq(isr(0x20), 0);
}
END_TEST

START_TEST(cascade)
{
    raise(8);
    ck_assert_int_eq(ack(), 0x70);
    ck_assert_uint_eq(isr(0x20), 4);
    ck_assert_uint_eq(isr(0xa0), 1);
    raise(12);
    ck_assert(!intr());
    out8(0xa0, 0x20);
    ck_assert(!intr()); /* the master's IR2 is still in service */
    out8(0x20, 0x20);
    ck_assert_int_eq(ack(), 0x74);
    out8(0xa0, 0x20);
    out8(0x20, 0x20);
    /* Slave request withdrawn after the master latched it: IR15, the master has IR2 in service. */
    out8(0xa1, 0);
    raise(14);
    raise(15);
    out8(0xa1, 0xff);
    ck_assert(!intr());
}
END_TEST

START_TEST(special_fully_nested)
{
    init(0x11, 1);
    raise(12);
    ck_assert_int_eq(ack(), 0x74);
    raise(8);
    ck_assert(intr());
    ck_assert_int_eq(ack(), 0x70);
    ck_assert_uint_eq(isr(0xa0), 0x11);
}
END_TEST

START_TEST(auto_eoi_and_rotation)
{
    init(3, 1);
    out8(0x20, 0x80); /* rotate in AEOI mode */
    raise(0);
    raise(1);
    ck_assert_int_eq(ack(), 8);
    ck_assert_uint_eq(isr(0x20), 0);
    lower(0);
    raise(0);
    ck_assert_int_eq(ack(), 9); /* 0 became the lowest */
    ck_assert_int_eq(ack(), 8);
    out8(0x20, 0x00);
    init(1, 1);
    out8(0x20, 0xc3); /* set priority: 3 lowest */
    lower(0);
    raise(0);
    raise(4);
    ck_assert_int_eq(ack(), 12);
    out8(0x20, 0xa0); /* rotate on non-specific EOI: 4 lowest */
    raise(5);
    ck_assert_int_eq(ack(), 13);
    out8(0x20, 0xe5); /* rotate on specific EOI: 5 lowest */
    ck_assert_uint_eq(isr(0x20), 0);
    raise(6);
    ck_assert_int_eq(ack(), 14);
}
END_TEST

START_TEST(special_mask)
{
    raise(2 + 1);
    ck_assert_int_eq(ack(), 11);
    out8(0x21, 0x08);
    out8(0x20, 0x68); /* set special mask mode */
    raise(6);
    ck_assert(intr()); /* lower priority gets through */
    ck_assert_int_eq(ack(), 14);
    out8(0x20, 0x20); /* non-specific EOI spares the masked one */
    ck_assert_uint_eq(isr(0x20), 0x08);
    out8(0x20, 0x48);
    out8(0x21, 0);
    out8(0x20, 0x20);
    ck_assert_uint_eq(isr(0x20), 0);
}
END_TEST

START_TEST(level_triggered)
{
    out8(0x4d0, 0xff);
    out8(0x4d1, 0xff);
    ck_assert_uint_eq(in8(0x4d0), 0xf8);
    ck_assert_uint_eq(in8(0x4d1), 0xde);
    raise(10);
    ck_assert_int_eq(ack(), 0x72);
    out8(0xa0, 0x20);
    out8(0x20, 0x20);
    ck_assert(intr()); /* still up: asks again */
    ck_assert_int_eq(ack(), 0x72);
    lower(10);
    out8(0xa0, 0x20);
    out8(0x20, 0x20);
    ck_assert(!intr());
}
END_TEST

START_TEST(polling)
{
    out8(0x20, 0x0c);
    ck_assert_uint_eq(in8(0x20) & 0x80, 0);
    raise(4);
    out8(0x20, 0x0c);
    ck_assert_uint_eq(in8(0x20), 0x84);
    ck_assert_uint_eq(isr(0x20), 0x10);
    ck_assert(!intr());
}
END_TEST

START_TEST(icw1_starts_over)
{
    raise(4);
    ck_assert_int_eq(ack(), 12);
    out8(0x21, 0xff);
    raise(5);
    init(1, 1);
    ck_assert_uint_eq(in8(0x21), 0);
    ck_assert_uint_eq(isr(0x20), 0);
    ck_assert_uint_eq(irr(0x20), 0); /* the edge detectors start over */
    ck_assert(!intr());
    out8(0x20, 0x10); /* no ICW4, cascaded: ICW2 and ICW3 only */
    out8(0x21, 0x40);
    out8(0x21, 4);
    out8(0x21, 0x55);
    ck_assert_uint_eq(in8(0x21), 0x55);
}
END_TEST

START_TEST(word_accesses_reach_both)
{
    space_write(&rig.sys.io, 0x4d0, 0x21e8, 2); /* IRQ 8 stays edge triggered */
    ck_assert_uint_eq(space_read(&rig.sys.io, 0x4d0, 2), 0x00e8);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("8259A");
    TCase *t = tcase_create("pic");
    tcase_add_checked_fixture(t, setup, rig_down);
    tcase_add_test(t, edge_and_eoi);
    tcase_add_test(t, nesting);
    tcase_add_test(t, masking_and_withdrawal);
    tcase_add_test(t, cascade);
    tcase_add_test(t, special_fully_nested);
    tcase_add_test(t, auto_eoi_and_rotation);
    tcase_add_test(t, special_mask);
    tcase_add_test(t, level_triggered);
    tcase_add_test(t, polling);
    tcase_add_test(t, icw1_starts_over);
    tcase_add_test(t, word_accesses_reach_both);
    suite_add_tcase(s, t);
    return rig_run(s);
}
