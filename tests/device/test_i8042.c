/* Keyboard controller with keyboard and mouse: what firmware and drivers do to them, byte for byte. */
#include "devices/i8042.h"
#include "tests/device/rig.h"

enum { KBD_IRQ, MOUSE_IRQ };

static struct device *ctl, *kbd, *mouse;
static struct keyboard_sink keys;
static struct pointer_sink *pointer;

static void setup(void)
{
    rig_up();
    struct i8042_config cfg = {.irq1 = rig_wire(KBD_IRQ), .irq12 = rig_wire(MOUSE_IRQ)};
    ctl = rig_plug(&i8042_class, &cfg);
    struct ps2_config k = {i8042_keyboard_data(ctl)}, m = {i8042_mouse_data(ctl)};
    kbd = rig_plug(&ps2_keyboard_class, &k);
    mouse = rig_plug(&ps2_mouse_class, &m);
    i8042_connect(ctl, ps2_link(kbd), ps2_link(mouse));
    keys = ps2_keyboard_sink(kbd);
    pointer = ps2_mouse_sink(mouse);
}

/* The next byte, waiting as long as one may take; -1: none came. */
static int get(void)
{
    for (unsigned i = 0; i < 20 && !(in8(0x64) & 1); i++)
        wait_ns(500000);
    return in8(0x64) & 1 ? in8(0x60) : -1;
}
static void expect(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(get(), (u8)bytes[i]);
}
#define EXPECT(bytes) expect(bytes, sizeof bytes - 1)
static void expect_nothing(void) { ck_assert_int_eq(get(), -1); }
static void command(u8 c) { out8(0x64, c); }
static void command_data(u8 c, u8 data)
{
    out8(0x64, c);
    out8(0x60, data);
}
static void to_mouse(u8 b) { command_data(0xd4, b); }
static void move(int dx, int dy) { pointer->move(pointer->owner, dx, dy); }
static void wheel(int dz) { pointer->wheel(pointer->owner, dz); }
static void buttons(unsigned down) { pointer->buttons(pointer->owner, down); }
static void press(u32 code)
{
    keys.key(keys.owner, code, true);
    keys.key(keys.owner, code, false);
}

START_TEST(controller)
{
    ck_assert_uint_eq(in8(0x64) & 0x05, 0);
    command(0xaa);
    EXPECT("\x55");
    ck_assert_uint_eq(in8(0x64) & 0x04, 0x04);
    command(0xab);
    EXPECT("\x00");
    command(0xa9);
    EXPECT("\x00");
    command_data(0x60, 0x61);
    command(0x20);
    EXPECT("\x61");
    command(0xad);
    command(0xa7);
    command(0x20);
    EXPECT("\x71");
    command(0xae);
    command(0xa8);
    command(0x20);
    EXPECT("\x41");
    command_data(0x70, 0x99); /* RAM 10h */
    command(0x30);
    EXPECT("\x99");
    command_data(0xd2, 0x42); /* as if the keyboard had sent it */
    ck_assert_uint_eq(in8(0x64) & 0x21, 0x01);
    EXPECT("\x42");
    command_data(0xd3, 0x43);
    ck_assert_uint_eq(in8(0x64) & 0x21, 0x21);
    EXPECT("\x43");
    ck_assert_uint_eq(in8(0x60), 0x43); /* the buffer stays readable */
}
END_TEST

START_TEST(a20_and_reset)
{
    command(0xd0);
    EXPECT("\xc3");
    command_data(0xd1, 0xdd);
    ck_assert(!rig.sys.a20);
    command(0xd0);
    EXPECT("\xc1");
    command(0xdf);
    ck_assert(rig.sys.a20);
    command(0xff);
    ck_assert_uint_eq(rig.requests[REQUEST_RESET], 0);
    command(0xfe);
    ck_assert_uint_eq(rig.requests[REQUEST_RESET], 1);
    command_data(0xd1, 0x02);
    ck_assert_uint_eq(rig.requests[REQUEST_RESET], 2);
}
END_TEST

START_TEST(keyboard_commands)
{
    out8(0x60, 0xff);
    EXPECT("\xfa\xaa");
    out8(0x60, 0xf2);
    EXPECT("\xfa\xab\x83");
    out8(0x60, 0xee);
    EXPECT("\xee");
    out8(0x60, 0xed);
    EXPECT("\xfa");
    out8(0x60, 0x05);
    EXPECT("\xfa");
    ck_assert_uint_eq(ps2_keyboard_leds(kbd), 5);
    out8(0x60, 0xf0);
    EXPECT("\xfa");
    out8(0x60, 0x00);
    EXPECT("\xfa\x02");
    out8(0x60, 0x01); /* no command */
    EXPECT("\xfe");
    out8(0x60, 0xf4);
    EXPECT("\xfa");
    out8(0x60, 0xfe);
    EXPECT("\xfa"); /* once more */
    command_data(0x60, 0x43);
    out8(0x60, 0xf2);
    EXPECT("\xfa\xab\x41"); /* the id too is translated */
    expect_nothing();
}
END_TEST

START_TEST(scan_codes)
{
    static const struct {
        u32 key;
        const char *set2, *translated;
    } cases[] = {
        {0x1e, "\x1c\xf0\x1c", "\x1e\x9e"},
        {0x01, "\x76\xf0\x76", "\x01\x81"},
        {0x41, "\x83\xf0\x83", "\x41\xc1"}, /* F7: beyond 7Fh */
        {0xe04b, "\xe0\x6b\xe0\xf0\x6b", "\xe0\x4b\xe0\xcb"},
        {0xe037, "\xe0\x12\xe0\x7c\xe0\xf0\x7c\xe0\xf0\x12", "\xe0\x2a\xe0\x37\xe0\xb7\xe0\xaa"},
        {0xe11d45, "\xe1\x14\x77\xe1\xf0\x14\xf0\x77", "\xe1\x1d\x45\xe1\x9d\xc5"},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        command_data(0x60, 0x01);
        press(cases[i].key);
        expect(cases[i].set2, strlen(cases[i].set2));
        command_data(0x60, 0x41);
        press(cases[i].key);
        expect(cases[i].translated, strlen(cases[i].translated));
    }
    expect_nothing();
}
END_TEST

START_TEST(sets_1_and_3)
{
    command_data(0x60, 0x01);
    out8(0x60, 0xf0);
    EXPECT("\xfa");
    out8(0x60, 0x01);
    EXPECT("\xfa");
    press(0xe048);
    EXPECT("\xe0\x48\xe0\xc8");
    out8(0x60, 0xf0);
    EXPECT("\xfa");
    out8(0x60, 0x03);
    EXPECT("\xfa");
    press(0x1e);
    EXPECT("\x1c"); /* typematic: no break code */
    press(0x2a);
    EXPECT("\x12\xf0\x12");
    press(0xe048);
    EXPECT("\x63");
    out8(0x60, 0xf8); /* all keys make and break */
    EXPECT("\xfa");
    press(0x3b);
    EXPECT("\x07\xf0\x07");
    out8(0x60, 0xfd); /* F1 makes only */
    EXPECT("\xfa");
    out8(0x60, 0x07);
    EXPECT("\xfa");
    out8(0x60, 0xf4);
    EXPECT("\xfa");
    press(0x3b);
    EXPECT("\x07");
    expect_nothing();
}
END_TEST

START_TEST(typematic)
{
    command_data(0x60, 0x41);
    keys.key(keys.owner, 0x1e, true);
    EXPECT("\x1e");
    wait_ns(400000000);
    ck_assert_uint_eq(in8(0x64) & 1, 0);
    unsigned n = 0;
    for (unsigned i = 0; i < 1100; i++) {
        wait_ns(1000000);
        while (in8(0x64) & 1) {
            ck_assert_uint_eq(in8(0x60), 0x1e);
            n++;
        }
    }
    ck_assert_uint_ge(n, 9); /* 500 ms, then 10.9 a second */
    ck_assert_uint_le(n, 12);
    keys.key(keys.owner, 0x1e, true); /* the front end's own repeat is ignored */
    keys.key(keys.owner, 0x1e, false);
    EXPECT("\x9e");
    wait_ns(NS_PER_SEC);
    expect_nothing();
}
END_TEST

START_TEST(interrupts_and_pacing)
{
    command_data(0x60, 0x43);
    press(0x1e);
    ck_assert(!rig.level[KBD_IRQ]); /* on its way */
    wait_ns(500000);
    ck_assert(rig.level[KBD_IRQ]);
    ck_assert_uint_eq(in8(0x60), 0x1e);
    ck_assert(!rig.level[KBD_IRQ]);
    ck_assert_uint_eq(in8(0x60), 0x1e); /* the next one is not here yet */
    wait_ns(1000000);
    ck_assert_uint_eq(in8(0x60), 0x9e);
    ck_assert_uint_eq(rig.rises[KBD_IRQ], 2);
    ck_assert_uint_eq(rig.rises[MOUSE_IRQ], 0);
    command(0xad); /* disabled: it waits in the keyboard */
    press(0x30);
    expect_nothing();
    command(0xae);
    EXPECT("\x30\xb0");
}
END_TEST

START_TEST(overrun)
{
    command_data(0x60, 0x01);
    for (unsigned i = 0; i < 40; i++)
        press(0x1e);
    for (unsigned i = 0; i < 21; i++)
        EXPECT("\x1c\xf0\x1c");
    ck_assert_int_eq(get(), 0x00);
}
END_TEST

START_TEST(mouse_protocols)
{
    command_data(0x60, 0x03);
    to_mouse(0xff);
    EXPECT("\xfa\xaa\x00");
    to_mouse(0xf2);
    EXPECT("\xfa\x00");
    to_mouse(0xf4);
    EXPECT("\xfa");
    unsigned irqs = rig.rises[MOUSE_IRQ];
    move(5, 3);
    EXPECT("\x28\x05\xfd"); /* y negative: down */
    ck_assert_uint_eq(rig.rises[MOUSE_IRQ], irqs + 3);
    ck_assert_uint_eq(rig.rises[KBD_IRQ], 0);
    wait_ns(20000000);
    buttons(1);
    EXPECT("\x09\x00\x00");
    wait_ns(20000000);
    buttons(0);
    EXPECT("\x08\x00\x00");
    wait_ns(20000000);
    move(-300, 0); /* more than fits: two packets */
    EXPECT("\x18\x01\x00");
    wait_ns(20000000);
    EXPECT("\x18\xd3\x00");

    static const u8 ask_wheel[] = {0xf3, 200, 0xf3, 100, 0xf3, 80}, ask_buttons[] = {0xf3, 200, 0xf3, 200, 0xf3, 80};
    for (unsigned i = 0; i < 6; i++) {
        to_mouse(ask_wheel[i]);
        EXPECT("\xfa");
    }
    to_mouse(0xf2);
    EXPECT("\xfa\x03");
    wait_ns(20000000);
    wheel(1);
    EXPECT("\x08\x00\x00\xff"); /* away from the user is negative */
    for (unsigned i = 0; i < 6; i++) {
        to_mouse(ask_buttons[i]);
        EXPECT("\xfa");
    }
    to_mouse(0xf2);
    EXPECT("\xfa\x04");
    wait_ns(20000000);
    buttons(8 | 2);
    EXPECT("\x0a\x00\x00\x10");
    wait_ns(20000000);
    wheel(-2);
    EXPECT("\x0a\x00\x00\x12");
}
END_TEST

START_TEST(mouse_modes)
{
    to_mouse(0xe8);
    EXPECT("\xfa");
    to_mouse(0x03);
    EXPECT("\xfa");
    to_mouse(0xe7);
    EXPECT("\xfa");
    to_mouse(0xe9);
    EXPECT("\xfa\x10\x03\x64");
    to_mouse(0xf0); /* remote: only when asked */
    EXPECT("\xfa");
    buttons(4);
    move(7, -2);
    expect_nothing();
    to_mouse(0xeb);
    EXPECT("\xfa\x0c\x07\x02");
    to_mouse(0xee); /* wrap: echoes all but EC and FF */
    EXPECT("\xfa");
    to_mouse(0xf4);
    EXPECT("\xf4");
    to_mouse(0xec);
    EXPECT("\xfa");
    to_mouse(0xea);
    EXPECT("\xfa");
    to_mouse(0xf4);
    EXPECT("\xfa");
    wait_ns(20000000);
    move(3, 6); /* 2:1 scaling */
    EXPECT("\x2c\x03\xf4");
    to_mouse(0xe1);
    EXPECT("\xfe");
    to_mouse(0xf5);
    EXPECT("\xfa");
    move(3, 3);
    buttons(1);
    expect_nothing();
}
END_TEST

START_TEST(sample_rate)
{
    to_mouse(0xf3);
    EXPECT("\xfa");
    to_mouse(20);
    EXPECT("\xfa");
    to_mouse(0xf4);
    EXPECT("\xfa");
    unsigned packets = 0;
    for (unsigned i = 0; i < 1000; i++) {
        move(1, 0);
        wait_ns(1000000);
        while (in8(0x64) & 1)
            packets += in8(0x60) == 8;
    }
    ck_assert_uint_ge(packets, 18);
    ck_assert_uint_le(packets, 21);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("i8042");
    TCase *t = tcase_create("i8042");
    tcase_add_checked_fixture(t, setup, rig_down);
    tcase_add_test(t, controller);
    tcase_add_test(t, a20_and_reset);
    tcase_add_test(t, keyboard_commands);
    tcase_add_test(t, scan_codes);
    tcase_add_test(t, sets_1_and_3);
    tcase_add_test(t, typematic);
    tcase_add_test(t, interrupts_and_pacing);
    tcase_add_test(t, overrun);
    tcase_add_test(t, mouse_protocols);
    tcase_add_test(t, mouse_modes);
    tcase_add_test(t, sample_rate);
    suite_add_tcase(s, t);
    return rig_run(s);
}
