/*
 * The display adapter through the bus: registers and memory are written as a
 * BIOS or a guest would, and pixels of the surface compared with what the IBM
 * VGA manual (PS/2 Hardware Interface Technical Reference, "Video Subsystem")
 * says they are. Mode parameters are IBM's BIOS tables.
 */
#include "devices/vga/vga_state.h"

#include <check.h>
#include <stdlib.h>

static struct system sys;
static struct trace no_trace;
static struct device *vga;
static struct display *display;

enum { LFB = 0xe0000000u };

static void out(u16 port, u8 val) { space_write(&sys.io, port, val, 1); }
static u8 in(u16 port) { return (u8)space_read(&sys.io, port, 1); }
static void indexed(u16 port, u8 index, u8 val) { space_write(&sys.io, port, index | val << 8, 2); }
static void attr(u8 index, u8 val)
{
    in(0x3da);
    out(0x3c0, index);
    out(0x3c0, val);
    out(0x3c0, 0x20);
}
static void mem8(u32 addr, u8 val) { space_write(&sys.mem, addr, val, 1); }
static u8 peek8(u32 addr) { return (u8)space_read(&sys.mem, addr, 1); }
static void vbe_set(u16 index, u16 val)
{
    space_write(&sys.io, 0x1ce, index, 2);
    space_write(&sys.io, 0x1cf, val, 2);
}
static u16 vbe_get(u16 index)
{
    space_write(&sys.io, 0x1ce, index, 2);
    return (u16)space_read(&sys.io, 0x1cf, 2);
}
static void refresh(void) { display->refresh(display->owner, false); }
static u32 pixel(int x, int y)
{
    ck_assert_int_lt(x, display->surface.width);
    ck_assert_int_lt(y, display->surface.height);
    return display->surface.pixels[y * display->surface.stride + x];
}
static void at_ns(u64 ns) { clock_advance(&sys.clock, ns); }

struct mode {
    u8 misc, seq[5], crtc[25], gfx[9], attr[21];
};
/* clang-format off */
static const struct mode mode3 = {0x67, {3, 0x00, 3, 0, 2},
    {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff},
    {0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff},
    {0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0, 0x0f, 8, 0}};
static const struct mode mode4 = {0x63, {3, 0x09, 3, 0, 2},
    {0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0, 0x96, 0xb9, 0xa2, 0xff},
    {0, 0, 0, 0, 0, 0x30, 0x0f, 0, 0xff},
    {0, 0x13, 0x15, 0x17, 2, 4, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 1, 0, 3, 0, 0}};
static const struct mode mode6 = {0x63, {3, 0x01, 1, 0, 6},
    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0, 0x96, 0xb9, 0xc2, 0xff},
    {0, 0, 0, 0, 0, 0, 0x0d, 0, 0xff},
    {0, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 1, 0, 1, 0, 0}};
static const struct mode mode12 = {0xe3, {3, 0x01, 0x0f, 0, 6},
    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c, 0xdf, 0x28, 0, 0xe7, 0x04, 0xe3, 0xff},
    {0, 0, 0, 0, 0, 0, 0x05, 0x0f, 0xff},
    {0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 1, 0, 0x0f, 0, 0}};
static const struct mode mode13 = {0x63, {3, 0x01, 0x0f, 0, 0x0e},
    {0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x41, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff},
    {0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 0x0f, 0, 0}};
/* clang-format on */

/* Colour n of the DAC is red n, green 63 - n, blue n / 2: no two alike. */
static u32 dac_color(unsigned n)
{
    unsigned r = n & 63, g = 63 - (n & 63), b = n >> 2;
    return (r << 2 | r >> 4) << 16 | (g << 2 | g >> 4) << 8 | (b << 2 | b >> 4);
}
static void load_dac(void)
{
    out(0x3c8, 0);
    for (unsigned n = 0; n < 256; n++) {
        out(0x3c9, n & 63);
        out(0x3c9, 63 - (n & 63));
        out(0x3c9, (u8)(n >> 2));
    }
}

static void set_mode(const struct mode *m)
{
    vbe_set(4, 0);
    out(0x3c2, m->misc);
    for (u8 i = 0; i < 5; i++)
        indexed(0x3c4, i, m->seq[i]);
    indexed(0x3d4, 0x11, 0);
    for (u8 i = 0; i < 25; i++)
        indexed(0x3d4, i, m->crtc[i]);
    for (u8 i = 0; i < 9; i++)
        indexed(0x3ce, i, m->gfx[i]);
    for (u8 i = 0; i < 21; i++)
        attr(i, m->attr[i]);
    out(0x3c6, 0xff);
    load_dac();
}

static void setup(void)
{
    system_init(&sys, &no_trace);
    struct vga_config cfg = {.vram_size = 4 << 20};
    vga = device_create(&sys, &vga_class, NULL, &cfg);
    ck_assert_msg(vga != NULL, "%s", sys.err);
    display = vga_display(vga);
}
static void teardown(void) { system_destroy(&sys); }

/* Loads one glyph into map 'at' as the BIOS does: plane 2, sequential. */
static void load_glyph(u32 at, u8 ch, const u8 rows[16])
{
    indexed(0x3c4, 2, 4);
    indexed(0x3c4, 4, 7);
    indexed(0x3ce, 5, 0);
    indexed(0x3ce, 6, 4);
    for (u32 i = 0; i < 16; i++)
        mem8(0xa0000 + at + ch * 32u + i, rows[i]);
    indexed(0x3c4, 2, 3);
    indexed(0x3c4, 4, 3);
    indexed(0x3ce, 5, 0x10);
    indexed(0x3ce, 6, 0x0e);
}
/* The dots of cell (0, 0), row y, as bits: 1 where the pixel is 'fore'. */
static unsigned cell_bits(int col, int y, int dots, u32 fore, u32 back)
{
    unsigned bits = 0;
    for (int d = 0; d < dots; d++) {
        u32 p = pixel(col * dots + d, y);
        ck_assert_msg(p == fore || p == back, "dot %d of row %d is %06x", d, y, p);
        bits = bits << 1 | (p == fore);
    }
    return bits;
}

static const u8 glyph_a[16] = {0x81, 0x42, 0x24, 0x18, 0xff, 0x01, 0x80, 0x55,
                               0xaa, 0,    0x0f, 0xf0, 0x3c, 0xc3, 0x7e, 0xe7};

START_TEST(text_ninth_dot)
{
    set_mode(&mode3);
    load_glyph(0, 'A', glyph_a);
    load_glyph(0, 0xc4, glyph_a);
    indexed(0x3d4, 0x0a, 0x20); /* no cursor */
    space_write(&sys.mem, 0xb8000, 0x1e41, 2);
    space_write(&sys.mem, 0xb8002, 0x1ec4, 2);
    refresh();
    ck_assert_int_eq(display->surface.width, 720);
    ck_assert_int_eq(display->surface.height, 400);
    u32 fore = dac_color(0x3e), back = dac_color(1); /* palette registers 14 and 1 */
    for (int y = 0; y < 16; y++) {
        ck_assert_uint_eq(cell_bits(0, y, 9, fore, back), glyph_a[y] << 1);
        ck_assert_uint_eq(cell_bits(1, y, 9, fore, back), glyph_a[y] << 1 | (glyph_a[y] & 1));
    }
    /* Line graphics off: the ninth dot is background for every character. */
    attr(0x10, 0x08);
    refresh();
    ck_assert_uint_eq(cell_bits(1, 0, 9, fore, back), glyph_a[0] << 1);
    /* Eight-dot characters. */
    indexed(0x3c4, 1, 1);
    refresh();
    ck_assert_int_eq(display->surface.width, 640);
    ck_assert_uint_eq(cell_bits(1, 0, 8, fore, back), glyph_a[0]);
}
END_TEST

START_TEST(text_cursor_blink_underline)
{
    set_mode(&mode3);
    load_glyph(0, 'A', glyph_a);
    u32 fore = dac_color(7), back = dac_color(0);
    space_write(&sys.mem, 0xb8000, 0x0741, 2);
    space_write(&sys.mem, 0xb8002, 0x0741, 2);
    space_write(&sys.mem, 0xb8004, 0x8741, 2); /* blinking */
    space_write(&sys.mem, 0xb8006, 0x0141, 2); /* underlined on monochrome */
    indexed(0x3d4, 0x0f, 1);                   /* cursor on the second cell, rows 13 and 14 */
    at_ns(1000);
    refresh();
    for (int y = 0; y < 16; y++) {
        ck_assert_uint_eq(cell_bits(0, y, 9, fore, back), glyph_a[y] << 1);
        ck_assert_uint_eq(cell_bits(1, y, 9, fore, back), y == 13 || y == 14 ? 0x1ff : glyph_a[y] << 1);
        ck_assert_uint_eq(cell_bits(2, y, 9, fore, back), glyph_a[y] << 1);
    }
    /* 28.322 MHz, 900 by 449 dots: 14.27 ms a frame. After 8 frames the cursor is off, after 16 characters
     * are. */
    u64 frame = 900ull * 449 * NS_PER_SEC / 28322000;
    at_ns(9 * frame);
    refresh();
    ck_assert_uint_eq(cell_bits(1, 13, 9, fore, back), glyph_a[13] << 1);
    ck_assert_uint_eq(cell_bits(2, 0, 9, fore, back), glyph_a[0] << 1);
    at_ns(17 * frame);
    refresh();
    ck_assert_uint_eq(cell_bits(1, 13, 9, fore, back), 0x1ff);
    ck_assert_uint_eq(cell_bits(2, 0, 9, fore, back), 0);
    /* Start after end: no cursor. Bit 5: no cursor. */
    indexed(0x3d4, 0x0a, 0x0f);
    refresh();
    ck_assert_uint_eq(cell_bits(1, 14, 9, fore, back), glyph_a[14] << 1);
    indexed(0x3d4, 0x14, 12);
    refresh();
    ck_assert_uint_eq(cell_bits(3, 12, 9, dac_color(1), back), 0x1ff);
    ck_assert_uint_eq(cell_bits(3, 11, 9, dac_color(1), back), glyph_a[11] << 1);
}
END_TEST

START_TEST(text_font_maps_and_start_address)
{
    static const u8 solid[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    set_mode(&mode3);
    load_glyph(0, 'A', glyph_a);
    load_glyph(0xe000, 'A', solid); /* map 7: 56 KiB */
    indexed(0x3d4, 0x0a, 0x20);
    space_write(&sys.mem, 0xb8000, 0x0741, 2);
    space_write(&sys.mem, 0xb8002, 0x0f41, 2);
    indexed(0x3c4, 3, 0x2c); /* map A (attribute bit 3) = 7, map B = 0 */
    refresh();
    ck_assert_uint_eq(cell_bits(0, 0, 9, dac_color(7), dac_color(0)), glyph_a[0] << 1);
    ck_assert_uint_eq(cell_bits(1, 0, 9, dac_color(0x3f), dac_color(0)), 0x1fe);
    indexed(0x3d4, 0x0d, 1); /* start one cell later */
    refresh();
    ck_assert_uint_eq(cell_bits(0, 0, 9, dac_color(0x3f), dac_color(0)), 0x1fe);
    /* Byte panning adds to it; preset row scan begins lower in the first row. */
    indexed(0x3d4, 0x0d, 0);
    indexed(0x3d4, 0x08, 0x20 | 4);
    refresh();
    ck_assert_uint_eq(cell_bits(0, 0, 9, dac_color(0x3f), dac_color(0)), 0x1fe);
    indexed(0x3d4, 0x08, 4);
    refresh();
    ck_assert_uint_eq(cell_bits(0, 0, 9, dac_color(7), dac_color(0)), glyph_a[4] << 1);
    /* Nine-dot panning: 8 is none, 0 is one dot, 7 eight. */
    indexed(0x3d4, 0x08, 0);
    attr(0x13, 0);
    refresh();
    ck_assert_uint_eq(pixel(8, 0), dac_color(0x3f));
    ck_assert_uint_eq(pixel(6, 0), dac_color(7));
    ck_assert_uint_eq(pixel(7, 0), dac_color(0));
    attr(0x13, 7);
    refresh();
    ck_assert_uint_eq(pixel(0, 0), dac_color(0));
    ck_assert_uint_eq(pixel(1, 0), dac_color(0x3f));
}
END_TEST

/* Contents of a plane at an address, by read mode 0. */
static u8 plane(unsigned p, u32 at)
{
    indexed(0x3ce, 4, (u8)p);
    return peek8(0xa0000 + at);
}

START_TEST(planar_write_modes)
{
    set_mode(&mode12);
    /* Mode 0, map mask: planes 0 and 2. */
    indexed(0x3c4, 2, 0x5);
    mem8(0xa0000, 0xa5);
    ck_assert_uint_eq(plane(0, 0), 0xa5);
    ck_assert_uint_eq(plane(1, 0), 0);
    ck_assert_uint_eq(plane(2, 0), 0xa5);
    ck_assert_uint_eq(plane(3, 0), 0);
    /* Rotate right by 3, exclusive-or with the latches. */
    indexed(0x3c4, 2, 0xf);
    indexed(0x3ce, 3, 0x18 | 3);
    peek8(0xa0000);
    mem8(0xa0000, 0x0f);
    ck_assert_uint_eq(plane(0, 0), 0xa5 ^ 0xe1);
    ck_assert_uint_eq(plane(1, 0), 0xe1);
    indexed(0x3ce, 3, 0);
    /* Set/reset: planes 0 and 1 enabled, 0 set, 1 reset; the others take the data; bit mask F0. */
    mem8(0xa0001, 0x33);
    peek8(0xa0001);
    indexed(0x3ce, 0, 0x1);
    indexed(0x3ce, 1, 0x3);
    indexed(0x3ce, 8, 0xf0);
    mem8(0xa0001, 0x55);
    ck_assert_uint_eq(plane(0, 1), 0xf3);
    ck_assert_uint_eq(plane(1, 1), 0x03);
    ck_assert_uint_eq(plane(2, 1), 0x53);
    indexed(0x3ce, 1, 0);
    /* Mode 2: data bit n fills plane n, under the bit mask. */
    indexed(0x3ce, 5, 2);
    peek8(0xa0002); /* zero so far */
    mem8(0xa0002, 0x6);
    ck_assert_uint_eq(plane(0, 2), 0x00);
    ck_assert_uint_eq(plane(1, 2), 0xf0);
    ck_assert_uint_eq(plane(2, 2), 0xf0);
    ck_assert_uint_eq(plane(3, 2), 0x00);
    /* Mode 1: latches, whatever the data. */
    indexed(0x3ce, 5, 1);
    indexed(0x3ce, 8, 0xff);
    peek8(0xa0001);
    mem8(0xa0003, 0xee);
    ck_assert_uint_eq(plane(0, 3), 0xf3);
    ck_assert_uint_eq(plane(2, 3), 0x53);
    /* Mode 3: rotated data and the bit mask make the mask, set/reset the colour. */
    indexed(0x3ce, 5, 3);
    indexed(0x3ce, 0, 0x9);
    indexed(0x3ce, 8, 0x7e);
    indexed(0x3ce, 3, 4);
    peek8(0xa0004);
    mem8(0xa0004, 0xf1); /* rotated: 1f; under 7e: 1e */
    ck_assert_uint_eq(plane(0, 4), 0x1e);
    ck_assert_uint_eq(plane(1, 4), 0x00);
    ck_assert_uint_eq(plane(3, 4), 0x1e);
    /* Read mode 1: colour compare on the planes of "don't care". */
    indexed(0x3ce, 5, 8);
    indexed(0x3ce, 2, 0x9);
    indexed(0x3ce, 7, 0xf);
    ck_assert_uint_eq(peek8(0xa0004), 0x1e);
    indexed(0x3ce, 2, 0x0);
    indexed(0x3ce, 7, 0x6);
    ck_assert_uint_eq(peek8(0xa0004), 0xff);
    indexed(0x3ce, 7, 0x1);
    ck_assert_uint_eq(peek8(0xa0004), 0xe1);
}
END_TEST

START_TEST(planar_pixels)
{
    set_mode(&mode12);
    indexed(0x3c4, 2, 0x1);
    mem8(0xa0000 + 80 * 479 + 79, 0x81);
    indexed(0x3c4, 2, 0x8);
    mem8(0xa0000 + 80 * 479 + 79, 0x01);
    refresh();
    ck_assert_int_eq(display->surface.width, 640);
    ck_assert_int_eq(display->surface.height, 480);
    ck_assert_uint_eq(pixel(632, 479), dac_color(1));
    ck_assert_uint_eq(pixel(633, 479), dac_color(0));
    ck_assert_uint_eq(pixel(639, 479), dac_color(0x39));
    /* Colour plane enable; P54S takes bits 4 to 7 from colour select. */
    attr(0x12, 0x7);
    refresh();
    ck_assert_uint_eq(pixel(639, 479), dac_color(1));
    attr(0x12, 0xf);
    attr(0x14, 0x0a);
    refresh();
    ck_assert_uint_eq(pixel(639, 479), dac_color(0xb9)); /* bits 7, 6 = 10 */
    attr(0x10, 0x81);
    refresh();
    ck_assert_uint_eq(pixel(639, 479), dac_color(0xa9));
    /* The pixel mask comes last. */
    out(0x3c6, 0x0f);
    refresh();
    ck_assert_uint_eq(pixel(639, 479), dac_color(9));
    out(0x3c6, 0xff);
    /* Panning by 3. */
    attr(0x10, 1);
    attr(0x14, 0);
    attr(0x13, 3);
    refresh();
    ck_assert_uint_eq(pixel(636, 479), dac_color(0x39));
    /* Palette address source off: nothing is shown. */
    in(0x3da);
    out(0x3c0, 0);
    refresh();
    ck_assert_uint_eq(pixel(636, 479), 0);
}
END_TEST

START_TEST(cga_layouts)
{
    set_mode(&mode4);
    mem8(0xb8000, 0x1b);          /* colours 0 1 2 3 */
    mem8(0xb8000 + 1, 0xe4);      /* 3 2 1 0 */
    mem8(0xb8000 + 0x2000, 0xff); /* odd lines */
    refresh();
    ck_assert_int_eq(display->surface.width, 640);
    ck_assert_int_eq(display->surface.height, 400);
    static const u8 palette[4] = {0, 0x13, 0x15, 0x17}, want[8] = {0, 1, 2, 3, 3, 2, 1, 0};
    for (int x = 0; x < 16; x++) {
        ck_assert_uint_eq(pixel(x, 0), dac_color(palette[want[x / 2]]));
        ck_assert_uint_eq(pixel(x, 1), pixel(x, 0));
    }
    ck_assert_uint_eq(pixel(0, 2), dac_color(0x17));
    ck_assert_uint_eq(pixel(8, 3), dac_color(0));

    set_mode(&mode6);
    mem8(0xb8000 + 80, 0x80);
    mem8(0xb8000 + 0x2000, 0x40);
    refresh();
    ck_assert_uint_eq(pixel(0, 4), dac_color(0x17));
    ck_assert_uint_eq(pixel(1, 4), dac_color(0));
    ck_assert_uint_eq(pixel(1, 2), dac_color(0x17));
}
END_TEST

START_TEST(mode_13h)
{
    set_mode(&mode13);
    /* More than enough writes for the window to become plain memory on the way. */
    for (u32 i = 0; i < 64000; i++)
        mem8(0xa0000 + i, (u8)(i % 251));
    refresh();
    ck_assert_int_eq(display->surface.width, 640);
    ck_assert_int_eq(display->surface.height, 400);
    for (u32 i = 0; i < 64000; i += 7) {
        int x = (int)(i % 320) * 2, y = (int)(i / 320) * 2;
        u32 want = dac_color(i % 251);
        ck_assert_uint_eq(pixel(x, y), want);
        ck_assert_uint_eq(pixel(x + 1, y + 1), want);
        ck_assert_uint_eq(peek8(0xa0000 + i), i % 251);
    }
    /* The map mask ends that at once: only plane 2 can be written. */
    indexed(0x3c4, 2, 4);
    for (u32 i = 0; i < 4; i++)
        mem8(0xa0000 + i, 0xfe);
    indexed(0x3c4, 2, 15);
    ck_assert_uint_eq(peek8(0xa0001), 1);
    ck_assert_uint_eq(peek8(0xa0002), 0xfe);
    ck_assert_uint_eq(peek8(0xa0003), 3);
}
END_TEST

START_TEST(mode_x)
{
    set_mode(&mode13);
    mem8(0xa0005, 77); /* pixel 5: plane 1, and in chain-4 address 4 */
    indexed(0x3c4, 4, 6);
    indexed(0x3d4, 0x14, 0);
    indexed(0x3d4, 0x17, 0xe3);
    ck_assert_uint_eq(plane(1, 4), 77);
    for (u32 i = 0; i < 16000; i++) {
        indexed(0x3c4, 2, 15);
        mem8(0xa0000 + i, 0);
    }
    indexed(0x3c4, 2, 2);
    mem8(0xa0000 + 80 * 10 + 3, 99);         /* page 0: pixel (13, 10) */
    mem8(0xa0000 + 16000 + 80 * 10 + 4, 88); /* page 1: pixel (17, 10) */
    refresh();
    ck_assert_uint_eq(pixel(26, 20), dac_color(99));
    ck_assert_uint_eq(pixel(24, 20), dac_color(0));
    indexed(0x3d4, 0x0c, 16000 >> 8);
    indexed(0x3d4, 0x0d, 16000 & 0xff);
    refresh();
    ck_assert_uint_eq(pixel(34, 20), dac_color(88));
    ck_assert_uint_eq(pixel(26, 20), dac_color(0));
}
END_TEST

START_TEST(split_screen)
{
    set_mode(&mode12);
    indexed(0x3c4, 2, 15);
    mem8(0xa0000, 0x80);            /* top left of the lower half */
    mem8(0xa0000 + 80 * 100, 0x40); /* top of the upper half */
    indexed(0x3d4, 0x0c, 8000 >> 8);
    indexed(0x3d4, 0x0d, 8000 & 0xff);
    indexed(0x3d4, 0x18, 199); /* line compare 199: bits 8 and 9 are 0 */
    indexed(0x3d4, 0x07, 0x3e & ~0x10);
    indexed(0x3d4, 0x09, 0x00);
    refresh();
    u32 on = dac_color(0x3f), off = dac_color(0);
    ck_assert_uint_eq(pixel(1, 0), on);
    ck_assert_uint_eq(pixel(0, 0), off);
    ck_assert_uint_eq(pixel(0, 199), off);
    ck_assert_uint_eq(pixel(0, 200), on);
    ck_assert_uint_eq(pixel(1, 200), off);
    /* Panning moves both halves, unless attribute mode bit 5 keeps the lower one. */
    attr(0x13, 1);
    refresh();
    ck_assert_uint_eq(pixel(0, 0), on);
    ck_assert_uint_eq(pixel(0, 200), off);
    attr(0x10, 0x21);
    refresh();
    ck_assert_uint_eq(pixel(0, 200), on);
}
END_TEST

START_TEST(crtc_protection_and_decoding)
{
    set_mode(&mode3);
    indexed(0x3d4, 0x11, 0x8e);
    indexed(0x3d4, 0x00, 0x12);
    indexed(0x3d4, 0x07, 0x00);
    out(0x3d4, 0);
    ck_assert_uint_eq(in(0x3d5), 0x5f);
    out(0x3d4, 7);
    ck_assert_uint_eq(in(0x3d5), 0x0f); /* only line compare bit 8 could be cleared */
    ck_assert_uint_eq(in(0x3b5), 0xff);
    out(0x3c2, 0x66);
    ck_assert_uint_eq(in(0x3d5), 0xff);
    ck_assert_uint_eq(in(0x3b5), 0x0f);
    ck_assert_uint_eq(in(0x3cc), 0x66);
    out(0x3c2, 0x65); /* RAM disabled */
    mem8(0xb8000, 0x12);
    ck_assert_uint_eq(peek8(0xb8000), 0xff);
}
END_TEST

START_TEST(retrace_timing)
{
    set_mode(&mode3);
    /* 900 dots a line at 28.322 MHz; 449 lines; 400 displayed; retrace lines 412 and 413. */
    u64 line = 900ull * NS_PER_SEC / 28322000, frame = 900ull * 449 * NS_PER_SEC / 28322000;
    u64 start = 100 * frame + 1000;
    static const struct {
        unsigned line, column;
        u8 status;
    } points[] = {{0, 0, 0},   {100, 300, 0}, {100, 780, 1}, {399, 0, 0},  {400, 0, 1},
                  {411, 0, 1}, {412, 10, 9},  {413, 10, 9},  {414, 10, 1}, {448, 0, 1}};
    for (unsigned i = 0; i < ARRAY_LEN(points); i++) {
        at_ns(start + points[i].line * line + points[i].line * 32 / 100 + points[i].column * line / 900);
        ck_assert_msg((in(0x3da) & 9) == points[i].status, "line %u column %u: %02x", points[i].line, points[i].column,
                      in(0x3da));
    }
    /* The vertical interrupt bit: cleared by bit 4 = 0, armed by 1, set at the next retrace. */
    indexed(0x3d4, 0x11, 0x0e);
    indexed(0x3d4, 0x11, 0x1e);
    ck_assert_uint_eq(in(0x3c2) & 0x80, 0);
    at_ns(start + 2 * frame);
    ck_assert_uint_eq(in(0x3c2) & 0x80, 0x80);
}
END_TEST

START_TEST(dac_protocol)
{
    set_mode(&mode3);
    out(0x3c8, 200);
    out(0x3c9, 0xff);
    out(0x3c9, 1);
    out(0x3c9, 2);
    out(0x3c7, 200);
    ck_assert_uint_eq(in(0x3c7), 3);
    ck_assert_uint_eq(in(0x3c9), 0x3f);
    ck_assert_uint_eq(in(0x3c9), 1);
    ck_assert_uint_eq(in(0x3c9), 2);
    ck_assert_uint_eq(in(0x3c9), 201 & 63);
    out(0x3c8, 0);
    ck_assert_uint_eq(in(0x3c7), 0);
}
END_TEST

static void vbe_mode(u16 x, u16 y, u16 bpp, u16 flags)
{
    vbe_set(4, 0);
    vbe_set(1, x);
    vbe_set(2, y);
    vbe_set(3, bpp);
    vbe_set(4, 1 | flags);
    in(0x3da);
    out(0x3c0, 0x20);
}

START_TEST(vbe_true_color)
{
    ck_assert_uint_eq(vbe_get(0), 0xb0c5);
    vbe_set(0, 0xb0c2);
    ck_assert_uint_eq(vbe_get(0), 0xb0c2);
    vbe_set(0, 0x1234);
    ck_assert_uint_eq(vbe_get(0), 0xb0c2);
    ck_assert_uint_eq(vbe_get(10), 64);
    vbe_mode(800, 600, 32, 0x40);
    space_write(&sys.mem, LFB + (599 * 800 + 799) * 4, 0xff123456, 4);
    refresh();
    ck_assert_int_eq(display->surface.width, 800);
    ck_assert_int_eq(display->surface.height, 600);
    ck_assert_uint_eq(pixel(799, 599), 0x123456);
    /* A second page by offset, a wider virtual screen by width. */
    vbe_set(6, 1024);
    ck_assert_uint_eq(vbe_get(6), 1024);
    ck_assert_uint_eq(vbe_get(7), (4 << 20) / 4096);
    space_write(&sys.mem, LFB + (300 * 1024 + 100) * 4, 0x00abcdef, 4);
    vbe_set(8, 96);
    vbe_set(9, 290);
    refresh();
    ck_assert_uint_eq(pixel(4, 10), 0xabcdef);
    /* 24 bits. */
    vbe_mode(640, 480, 24, 0x40);
    space_write(&sys.mem, LFB + 640 * 3 + 3, 0x665544, 4);
    refresh();
    ck_assert_uint_eq(pixel(1, 1), 0x665544);
    /* Capabilities instead of settings. */
    vbe_set(4, 3);
    ck_assert_uint_ge(vbe_get(1), 1920);
    ck_assert_uint_ge(vbe_get(2), 1200);
    ck_assert_uint_eq(vbe_get(3), 32);
}
END_TEST

START_TEST(vbe_high_color_and_banks)
{
    vbe_mode(640, 480, 16, 0x40);
    space_write(&sys.mem, LFB + (10 * 640 + 20) * 2, 0xf81f, 2);
    space_write(&sys.mem, LFB + (10 * 640 + 21) * 2, 0x07e0, 2);
    refresh();
    ck_assert_uint_eq(pixel(20, 10), 0xff00ff);
    ck_assert_uint_eq(pixel(21, 10), 0x00ff00);
    vbe_mode(640, 480, 15, 0x40);
    space_write(&sys.mem, LFB + 2, 0x7c1f, 2);
    refresh();
    ck_assert_uint_eq(pixel(1, 0), 0xff00ff);

    set_mode(&mode13);
    vbe_mode(640, 480, 8, 0);
    for (u32 i = 0; i < 0x10000; i++) {
        vbe_set(5, 1);
        mem8(0xa0000 + i, (u8)i);
        if (i > 300)
            break;
    }
    vbe_set(5, 2);
    for (u32 i = 0; i < 1000; i++)
        mem8(0xa0000 + i, (u8)(i * 3));
    refresh();
    for (u32 i = 0; i < 1000; i++) {
        u32 at = 0x20000 + i;
        ck_assert_uint_eq(pixel((int)(at % 640), (int)(at / 640)), dac_color((u8)(i * 3)));
    }
    ck_assert_uint_eq(pixel(0x10010 % 640, 0x10010 / 640), dac_color(0x10));
    vbe_set(5, 1);
    ck_assert_uint_eq(peek8(0xa0000 + 77), 77);
    /* Separate banks: read from 2, write to 3. */
    vbe_set(5, 0x8000 | 2);
    vbe_set(5, 0x4000 | 3);
    mem8(0xa0000 + 5, peek8(0xa0000 + 9));
    ck_assert_uint_eq(space_read(&sys.mem, LFB + 0x30005, 1), 27);
    /* Not cleared when asked so; cleared otherwise. 8-bit DAC. */
    vbe_mode(640, 480, 8, 0x80 | 0x20);
    out(0x3c8, 27);
    out(0x3c9, 0x81);
    out(0x3c9, 0x42);
    out(0x3c9, 0x24);
    refresh();
    ck_assert_uint_eq(pixel(0x30005 % 640, 0x30005 / 640), 0x814224);
    vbe_mode(640, 480, 8, 0);
    ck_assert_uint_eq(space_read(&sys.mem, LFB + 0x30005, 1), 0);
}
END_TEST

/* Only the picture's memory is cleared, each time, and only what is not zero makes work. */
START_TEST(vbe_clears)
{
    vbe_mode(1024, 768, 32, 0);
    space_write(&sys.mem, LFB + 4, 0x11, 1);
    space_write(&sys.mem, LFB + 100, 0x22, 1);
    vbe_mode(8, 1, 8, 0);
    ck_assert_uint_eq(space_read(&sys.mem, LFB + 4, 1), 0);
    ck_assert_uint_eq(space_read(&sys.mem, LFB + 100, 1), 0x22);
    u64 work = sys.mem.work;
    vbe_mode(1024, 768, 32, 0);
    ck_assert_uint_lt(sys.mem.work - work, 2 * PAGE_SIZE);
    ck_assert_uint_eq(space_read(&sys.mem, LFB + 100, 1), 0);
    space_write(&sys.mem, LFB + 100, 0x33, 1);
    vbe_mode(1024, 768, 32, 0);
    ck_assert_uint_eq(space_read(&sys.mem, LFB + 100, 1), 0);
}
END_TEST

START_TEST(vbe_planar_and_nonsense)
{
    set_mode(&mode12);
    vbe_mode(800, 600, 4, 0);
    indexed(0x3c4, 2, 9);
    mem8(0xa0000 + 100 * 599 + 99, 1);
    refresh();
    ck_assert_uint_eq(pixel(799, 599), dac_color(0x39));
    /* More than memory holds: width stays, height gives way. */
    vbe_mode(4096, 4096, 32, 0);
    ck_assert_uint_eq(vbe_get(1), 4096);
    ck_assert_uint_eq(vbe_get(2), 256);
    refresh();
    vbe_mode(0, 0, 32, 0);
    ck_assert_uint_eq(vbe_get(1), 8);
    ck_assert_uint_eq(vbe_get(2), 1);
    for (u16 i = 0; i < 16; i++)
        vbe_set(i, 0xffff);
    refresh();
    vbe_set(4, 0);
    refresh();
}
END_TEST

/* X and Y offset make one linear address: Linux's bochs-drm puts a 1440 by 900 picture behind a 1024 by 768 one so. */
START_TEST(vbe_start_is_linear)
{
    vbe_mode(640, 480, 16, 0x40);
    u32 base = 480 * 640 * 2, pitch = 720 * 2;
    vbe_set(6, 720);
    vbe_set(8, base % pitch / 2);
    vbe_set(9, base / pitch);
    ck_assert_uint_gt(base % pitch / 2, 720 - 640);
    ck_assert_uint_eq(vbe_get(8), base % pitch / 2);
    space_write(&sys.mem, LFB + base, 0xf800, 2);
    space_write(&sys.mem, LFB + base + 479 * pitch + 639 * 2, 0x07e0, 2);
    refresh();
    ck_assert_uint_eq(pixel(0, 0), 0xff0000);
    ck_assert_uint_eq(pixel(639, 479), 0x00ff00);
    /* What would run past memory starts without Y, then without X. */
    space_write(&sys.mem, LFB + 200 * 2, 0x001f, 2);
    vbe_set(8, 200);
    vbe_set(9, 0xffff);
    refresh();
    ck_assert_uint_eq(pixel(0, 0), 0x0000ff);
    vbe_mode(1024, 1024, 32, 0x40 | 0x80); /* all of memory */
    space_write(&sys.mem, LFB, 0x123456, 4);
    vbe_set(8, 1);
    refresh();
    ck_assert_uint_eq(pixel(0, 0), 0x123456);
    /* The planes, too: 512 lines of 1024 are half of one. */
    set_mode(&mode12);
    vbe_mode(1024, 512, 4, 0);
    vbe_set(8, 128 * 8 + 16);
    vbe_set(9, 510);
    vbe_set(5, 0);
    indexed(0x3c4, 2, 9);
    vbe_set(5, (511 * 128 + 2) >> 16);
    mem8(0xa0000 + ((511 * 128 + 2) & 0xffff), 0x80);
    refresh();
    ck_assert_uint_eq(pixel(0, 0), dac_color(0x39));
}
END_TEST

/* Whatever the registers say, no pixel comes from behind video memory (as after a restore of nonsense). */
START_TEST(renderer_stays_in_memory)
{
    static const u16 widths[] = {1, 8, 640, 16000, 65535};
    struct vga *v = (struct vga *)vga;
    for (unsigned bpp = 0; bpp <= 32; bpp += 4)
        for (unsigned i = 0; i < ARRAY_LEN(widths); i++) {
            vbe_mode(640, 480, 32, 0x40);
            v->vbe[VBE_BPP] = (u16)bpp;
            v->vbe[VBE_XRES] = (u16)MIN(widths[i], 4096);
            v->vbe[VBE_YRES] = (u16)(i == 2 ? 6000 : 600);
            v->vbe[VBE_VIRT_WIDTH] = widths[i];
            v->vbe[VBE_X_OFFSET] = v->vbe[VBE_Y_OFFSET] = 65535;
            v->changed = true;
            refresh();
        }
    /* 6000 lines of 640 pixels of 32 bits are three times what there is: the rest is black. */
    memset(v->vram->host, 0xff, v->vram->size);
    vbe_mode(640, 480, 32, 0x40 | 0x80);
    v->vbe[VBE_YRES] = 6000;
    display->refresh(display->owner, true);
    ck_assert_uint_eq(pixel(639, 1637), 0xffffff);
    ck_assert_uint_eq(pixel(639, 1638), 0);
    ck_assert_uint_eq(pixel(639, 5999), 0);
    vga->cls->restored(vga);
    ck_assert_uint_eq(vbe_get(2), 1638);
}
END_TEST

/* What the map select does not name is no hole: it reads ones, as on QEMU's. */
START_TEST(window_beside_the_map)
{
    set_mode(&mode13);
    ck_assert_ptr_nonnull(space_find(&sys.mem, 0xb8000));
    ck_assert_uint_eq(peek8(0xb8000), 0xff);
    mem8(0xb8000, 1);
    set_mode(&mode3);
    ck_assert_uint_eq(peek8(0xb8000), 0);
    ck_assert_uint_eq(peek8(0xa0000), 0xff);
    ck_assert_uint_eq(peek8(0xb7fff), 0xff);
    space_write(&sys.mem, 0xb7ffe, 0x44332211, 4);
    ck_assert_uint_eq(space_read(&sys.mem, 0xb7ffe, 4), 0x4433ffff);
}
END_TEST

static struct rect seen[64];
static int nseen;
static void on_frame(struct screen_observer *o, const struct surface *s, const struct rect *dirty, int count)
{
    (void)o, (void)s;
    nseen = count;
    memcpy(seen, dirty, (size_t)count * sizeof *dirty);
}

START_TEST(damage)
{
    struct screen_observer observer = {.frame = on_frame};
    display->observers = &observer;
    vbe_mode(640, 512, 32, 0x40);
    nseen = -1;
    refresh();
    ck_assert_int_eq(nseen, 1);
    ck_assert_int_eq(seen[0].w, 640);
    ck_assert_int_eq(seen[0].h, 512);
    nseen = -1;
    refresh();
    ck_assert_int_eq(nseen, -1); /* nothing changed: nobody is told */
    for (u32 y = 100; y < 110; y++)
        for (u32 x = 50; x < 60; x++)
            space_write(&sys.mem, LFB + (y * 640 + x) * 4, 0xffffff, 4);
    space_write(&sys.mem, LFB + (400 * 640 + 7) * 4, 0xffffff, 4);
    refresh();
    ck_assert_int_eq(nseen, 2);
    ck_assert_int_eq(seen[0].x, 50);
    ck_assert_int_eq(seen[0].y, 100);
    ck_assert_int_eq(seen[0].w, 10);
    ck_assert_int_eq(seen[0].h, 10);
    ck_assert_int_eq(seen[1].x, 7);
    ck_assert_int_eq(seen[1].y, 400);
    ck_assert_int_eq(seen[1].w, 1);
    ck_assert_int_eq(seen[1].h, 1);
    display->refresh(display->owner, true);
    ck_assert_int_eq(nseen, 1);
    ck_assert_int_eq(seen[0].h, 512);
    display->observers = NULL;
}
END_TEST

/* Who comes later gets the whole picture, and nobody else does; who has gone is told no more. */
static struct counting {
    struct screen_observer observer;
    int calls, width, height;
} looker[2];
static void count_frame(struct screen_observer *o, const struct surface *s, const struct rect *dirty, int count)
{
    struct counting *c = container_of(o, struct counting, observer);
    (void)s;
    c->calls++;
    c->width = dirty[count - 1].w;
    c->height = dirty[count - 1].h;
}
START_TEST(observers)
{
    looker[0] = looker[1] = (struct counting){.observer = {.frame = count_frame}};
    vbe_mode(640, 512, 32, 0x40);
    display_attach(display, &looker[0].observer);
    ck_assert(looker[0].calls == 1 && looker[0].width == 640 && looker[0].height == 512);
    space_write(&sys.mem, LFB + (400 * 640 + 7) * 4, 0xffffff, 4);
    display_attach(display, &looker[1].observer);
    ck_assert(looker[0].calls == 2 && looker[0].width == 1 && looker[0].height == 1);
    ck_assert(looker[1].calls == 1 && looker[1].width == 640 && looker[1].height == 512);
    space_write(&sys.mem, LFB + (9 * 640 + 7) * 4, 0xffffff, 4);
    display_detach(display, &looker[0].observer);
    refresh();
    ck_assert(looker[0].calls == 2 && looker[1].calls == 2 && looker[1].width == 1);
    display_detach(display, &looker[1].observer);
    ck_assert_ptr_null(display->observers);
    ck_assert_str_eq(display->name, "VGA");
}
END_TEST

START_TEST(pci_function)
{
    struct system s2;
    system_init(&s2, &no_trace);
    struct device *bus = device_create(&s2, &pci_bus_class, NULL, NULL);
    ck_assert_ptr_nonnull(bus);
    static const u8 rom[3000] = {0x55, 0xaa, 6};
    struct vga_config cfg = {.pci = bus, .devfn = 0x10, .rom = rom, .rom_size = sizeof rom};
    struct device *dev = device_create(&s2, &vga_class, NULL, &cfg);
    ck_assert_msg(dev != NULL, "%s", s2.err);
    ck_assert_uint_eq(pci_config_read(bus, 0x10, 0, 4), 0x11111234);
    ck_assert_uint_eq(pci_config_read(bus, 0x10, 8, 4), 0x03000002);
    static const struct {
        unsigned off;
        u32 mask, base;
    } bars[] = {{0x10, 0xff000008, 0xfd000000}, {0x18, 0xfffff000, 0xfebf0000}, {0x30, 0xfffff001, 0xfebe0001}};
    for (unsigned i = 0; i < ARRAY_LEN(bars); i++) {
        pci_config_write(bus, 0x10, bars[i].off, 0xffffffff, 4);
        ck_assert_uint_eq(pci_config_read(bus, 0x10, bars[i].off, 4), bars[i].mask);
        pci_config_write(bus, 0x10, bars[i].off, bars[i].base, 4);
    }
    /* Legacy ports and memory do not wait for the command register: firmware may use them first. */
    ck_assert_uint_eq(space_read(&s2.io, 0x3cc, 1), 0);
    space_write(&s2.io, 0x3c2, 0x63, 1);
    ck_assert_uint_eq(space_read(&s2.io, 0x3cc, 1), 0x63);
    ck_assert_uint_eq(space_read(&s2.mem, 0xa0000, 1), 0);
    ck_assert_uint_eq(space_read(&s2.mem, 0xfebe0000, 2), 0xffff);
    pci_config_write(bus, 0x10, 4, 3, 2);
    ck_assert_uint_eq(space_read(&s2.mem, 0xfebe0000, 2), 0xaa55);
    /* BAR 2: VGA ports at 400h, Bochs registers at 500h, byte order at 604h. */
    space_write(&s2.mem, 0xfebf0402, 0x67, 1);
    ck_assert_uint_eq(space_read(&s2.io, 0x3cc, 1), 0x67);
    ck_assert_uint_eq(space_read(&s2.mem, 0xfebf0500, 2), 0xb0c5);
    ck_assert_uint_eq(space_read(&s2.mem, 0xfebf0514, 2), 256);
    space_write(&s2.mem, 0xfebf0502, 64, 2);
    space_write(&s2.mem, 0xfebf0504, 64, 2);
    space_write(&s2.mem, 0xfebf0506, 32, 2);
    space_write(&s2.mem, 0xfebf0508, 0x41, 2);
    space_write(&s2.mem, 0xfebf0400, 0x20, 1); /* attribute index: palette to the display */
    ck_assert_uint_eq(space_read(&s2.mem, 0xfebf0604, 4), 0x1e1e1e1e);
    space_write(&s2.mem, 0xfebf0604, 0xbebebebe, 4);
    space_write(&s2.mem, 0xfd000000, 0x56341200, 4);
    u8 edid[128], sum = 0;
    space_read_bytes(&s2.mem, 0xfebf0000, edid, sizeof edid);
    for (unsigned i = 0; i < sizeof edid; i++)
        sum = (u8)(sum + edid[i]);
    ck_assert_uint_eq(sum, 0);
    ck_assert_uint_eq(ld64(edid), 0x00ffffffffffff00);
    ck_assert_uint_eq(edid[24] & 2, 2); /* the first timing is preferred: 1280 by 800 */
    ck_assert_uint_eq(edid[56] | edid[58] >> 4 << 8, 1280);
    ck_assert_uint_eq(edid[59] | edid[61] >> 4 << 8, 800);
    struct display *d = vga_display(dev);
    d->refresh(d->owner, false);
    ck_assert_uint_eq(d->surface.pixels[0], 0x123456);
    system_destroy(&s2);
}
END_TEST

/* Garbage in every register and anywhere in memory, looked at now and then: nothing may fall over. */
START_TEST(random_accesses)
{
    u64 x = 88172645463325252ull;
    for (unsigned n = 0; n < 300000; n++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        u32 a = (u32)(x >> 32);
        switch (a & 7) {
        case 0:
        case 1:
        case 2:
            out((u16)(0x3b0 + (a >> 8) % 0x30), (u8)x);
            break;
        case 3:
            vbe_set(a >> 8 & 15, (u16)(x >> (x & 15)));
            break;
        case 4:
            space_write(&sys.mem, LFB + ((a >> 3) & 0x3fffff), x, 8);
            break;
        case 5:
            space_write(&sys.mem, 0xa0000 + (a >> 8) % 0x20000, x, 1u << (x & 3));
            break;
        case 6:
            space_read(&sys.mem, 0xa0000 + (a >> 8) % 0x20000, 1u << (x & 3));
            break;
        default:
            space_read(&sys.io, 0x3b0 + (a >> 8) % 0x30, 1);
            break;
        }
        if (n % 500 == 0) {
            at_ns(n * 20000ull);
            display->refresh(display->owner, x & 1);
        }
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("vga");
    TCase *t = tcase_create("vga");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, text_ninth_dot);
    tcase_add_test(t, text_cursor_blink_underline);
    tcase_add_test(t, text_font_maps_and_start_address);
    tcase_add_test(t, planar_write_modes);
    tcase_add_test(t, planar_pixels);
    tcase_add_test(t, cga_layouts);
    tcase_add_test(t, mode_13h);
    tcase_add_test(t, mode_x);
    tcase_add_test(t, split_screen);
    tcase_add_test(t, crtc_protection_and_decoding);
    tcase_add_test(t, retrace_timing);
    tcase_add_test(t, dac_protocol);
    tcase_add_test(t, vbe_true_color);
    tcase_add_test(t, vbe_high_color_and_banks);
    tcase_add_test(t, vbe_clears);
    tcase_add_test(t, vbe_planar_and_nonsense);
    tcase_add_test(t, vbe_start_is_linear);
    tcase_add_test(t, renderer_stays_in_memory);
    tcase_add_test(t, window_beside_the_map);
    tcase_add_test(t, damage);
    tcase_add_test(t, observers);
    tcase_add_test(t, pci_function);
    tcase_add_test(t, random_accesses);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
