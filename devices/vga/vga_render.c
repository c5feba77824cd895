/*
 * From video memory to pixels. VGA modes are drawn scan line by scan line as
 * the CRTC, the shift registers and the attribute controller would, in dots
 * (mode 13h is 640 by 400); linear VBE modes are drawn by dirty pages. A line
 * is compared with what the surface holds, so that only what really changed
 * is reported. The border is not part of the surface. Shift register loads of
 * every second and fourth clock (sequencer 1, bits 2 and 4) are not modelled.
 */
#include "devices/vga/vga_state.h"

#include <stdlib.h>

enum { PAGE = 4096, FIRST_WIDTH = 640, FIRST_HEIGHT = 480, LEGACY_MEMORY = 256 << 10 };
enum {
    CLOCKING_8_DOTS = 0x01,
    CLOCKING_HALF_DOTS = 0x08,
    CLOCKING_SCREEN_OFF = 0x20,
    ATTR10_GRAPHICS = 0x01,
    ATTR10_LINE_GRAPHICS = 0x04,
    ATTR10_BLINK = 0x08,
    ATTR10_PAN_COMPAT = 0x20,
    ATTR10_8BIT = 0x40,
    ATTR10_P54S = 0x80,
    GFX6_GRAPHICS = 0x01
};

/* ---- the surface and what changed in it ---- */

bool vga_render_init(struct vga *v)
{
    for (unsigned i = 0; i < 256; i++) {
        u8 pixel[8];
        for (unsigned bit = 0; bit < 8; bit++)
            pixel[bit] = i >> (7 - bit) & 1;
        memcpy(&v->spread[i], pixel, 8);
    }
    v->page_dirty = calloc(v->vram->size / PAGE, 1);
    v->surface_cap = FIRST_WIDTH * FIRST_HEIGHT;
    v->display.surface = (struct surface){calloc(v->surface_cap, sizeof(u32)), FIRST_WIDTH, FIRST_HEIGHT, FIRST_WIDTH};
    return v->page_dirty && v->display.surface.pixels;
}

void vga_render_free(struct vga *v)
{
    free(v->page_dirty);
    free(v->line);
    free(v->display.surface.pixels);
}

/* Gives the surface and the line buffer that size. False: no memory, keep the old picture. */
static bool resize(struct vga *v, int width, int height)
{
    struct surface *s = &v->display.surface;
    u32 need = (u32)width + 64; /* a character on either side for panning */
    if (v->line_cap < need) {
        u32 *line = realloc(v->line, need * sizeof *line);
        if (!line)
            return false;
        v->line = line;
        v->line_cap = need;
    }
    if (s->width == width && s->height == height)
        return true;
    size_t count = (size_t)width * (size_t)height;
    if (v->surface_cap < count) {
        u32 *pixels = realloc(s->pixels, count * sizeof *pixels);
        if (!pixels)
            return false;
        s->pixels = pixels;
        v->surface_cap = count;
    }
    s->width = s->stride = width;
    s->height = height;
    trace(v->dev.sys->trace, vga, "surface %dx%d", width, height);
    return true;
}

static void damage_add(struct vga_damage *d, int y, int x0, int x1)
{
    struct rect *last = d->count ? &d->rect[d->count - 1] : NULL;
    if (last &&
        ((last->y + last->h == y && x0 <= last->x + last->w && last->x <= x1) || d->count == VGA_DAMAGE_RECTS)) {
        int left = MIN(last->x, x0), right = MAX(last->x + last->w, x1);
        *last = (struct rect){left, last->y, right - left, y + 1 - last->y};
        return;
    }
    d->rect[d->count++] = (struct rect){x0, y, x1 - x0, 1};
}

/* Puts a finished line into the surface, and on record where it differs. */
static void put_line(struct vga *v, int y, const u32 *line, bool full)
{
    const struct surface *s = &v->display.surface;
    u32 *row = s->pixels + (size_t)y * (size_t)s->stride;
    int x0 = 0, x1 = s->width;
    if (!full) {
        if (!memcmp(row, line, (size_t)s->width * sizeof *row))
            return;
        while (row[x0] == line[x0])
            x0++;
        while (row[x1 - 1] == line[x1 - 1])
            x1--;
    }
    memcpy(row + x0, line + x0, (size_t)(x1 - x0) * sizeof *row);
    damage_add(&v->damage, y, x0, x1);
}

/* ---- colours ---- */

static u8 widen(u8 six) { return (u8)(six << 2 | six >> 4); }

static void update_rgb(struct vga *v)
{
    bool eight = v->vbe[VBE_ENABLE] & VBE_DAC_8BIT;
    for (unsigned i = 0; i < 256; i++) {
        const u8 *c = v->dac + 3 * i;
        u32 r = eight ? c[0] : widen(c[0]), g = eight ? c[1] : widen(c[1]), b = eight ? c[2] : widen(c[2]);
        v->rgb[i] = r << 16 | g << 8 | b;
    }
}

/* A four-bit attribute to the DAC's address: palette register, then colour select (VGA manual, "Attribute
 * Controller"). */
static u8 palette(const struct vga *v, unsigned color)
{
    u8 p = v->attr[color & v->attr[ATTR_PLANE_ENABLE] & 15], select = v->attr[ATTR_COLOR_SELECT];
    if (v->attr[ATTR_MODE] & ATTR10_P54S)
        return (u8)((p & 0x0f) | (select & 0x0f) << 4);
    return (u8)((p & 0x3f) | (select & 0x0c) << 4);
}

static void update_lut(struct vga *v, bool eight_bit)
{
    for (unsigned i = 0; i < 256; i++) {
        u8 index;
        if (vbe_linear(v))
            index = (u8)i;
        else if (eight_bit) {
            u8 enable = v->attr[ATTR_PLANE_ENABLE] & 15;
            index = (u8)((v->attr[i >> 4 & enable] & 15) << 4 | (v->attr[i & enable] & 15));
        } else
            index = palette(v, i & 15);
        v->lut[i] = v->rgb[index & v->dac_mask];
    }
}

/* ---- VGA modes ---- */

/* What the CRTC is set to, for one frame. */
struct frame {
    bool text, half_dots, eight_bit;
    int chars, char_dots, width, height;
    u32 start, pitch;     /* in counts of the memory address counter */
    unsigned count_shift; /* character clocks per count, as a power of two */
    unsigned max_scan, row_scan, line_compare, pan, byte_pan;
    bool double_scan, pan_compat;
    u32 cursor; /* memory address counter value at the cursor */
    unsigned cursor_first, cursor_last;
    bool cursor_on, blink_on, blink;
    u32 font[2]; /* plane 2 addresses of maps B and A */
};

static u32 font_address(unsigned map) { return (map & 3) * 0x4000 + (map >> 2) * 0x2000; }

static void frame_text(const struct vga *v, struct frame *f)
{
    u8 maps = v->seq[SEQ_CHAR_MAP];
    f->font[0] = font_address((maps & 3) | (maps >> 2 & 4));
    f->font[1] = font_address((maps >> 2 & 3) | (maps >> 3 & 4));
    u8 first = v->crtc[CRTC_CURSOR_START], last = v->crtc[CRTC_CURSOR_END];
    f->cursor_first = first & 0x1f;
    f->cursor_last = last & 0x1f;
    if (first & 0x20)
        f->cursor_on = false;
    f->cursor = (u32)(v->crtc[CRTC_CURSOR_HIGH] << 8 | v->crtc[CRTC_CURSOR_LOW]) + (last >> 5 & 3);
}

static void frame_setup(struct vga *v, struct frame *f)
{
    const u8 *c = v->crtc;
    u8 mode = v->attr[ATTR_MODE], over = c[CRTC_OVERFLOW];
    f->text = !(v->gfx[GFX_MISC] & GFX6_GRAPHICS);
    f->half_dots = v->seq[SEQ_CLOCKING] & CLOCKING_HALF_DOTS;
    f->eight_bit = !f->text && (mode & ATTR10_8BIT);
    f->chars = c[CRTC_H_DISPLAY_END] + 1;
    f->char_dots = f->text && !(v->seq[SEQ_CLOCKING] & CLOCKING_8_DOTS) ? 9 : 8;
    f->width = f->chars * f->char_dots * (f->half_dots ? 2 : 1);
    f->height = (c[CRTC_V_DISPLAY_END] | (over & 0x02) << 7 | (over & 0x40) << 3) + 1;
    f->line_compare = c[CRTC_LINE_COMPARE] | (over & 0x10u) << 4 | (c[CRTC_MAX_SCAN_LINE] & 0x40u) << 3;
    if (c[CRTC_MODE] & 4) {
        f->height *= 2;
        f->line_compare = f->line_compare * 2 + 1;
    }
    f->byte_pan = c[CRTC_PRESET_ROW_SCAN] >> 5 & 3;
    f->start = (u32)(c[CRTC_START_HIGH] << 8 | c[CRTC_START_LOW]);
    f->pitch = c[CRTC_OFFSET] * 2u;
    f->count_shift = c[CRTC_UNDERLINE] & 0x20 ? 2 : c[CRTC_MODE] & 8 ? 1 : 0;
    f->max_scan = c[CRTC_MAX_SCAN_LINE] & 0x1f;
    f->double_scan = c[CRTC_MAX_SCAN_LINE] & 0x80;
    f->row_scan = c[CRTC_PRESET_ROW_SCAN] & 0x1f;
    f->pan_compat = mode & ATTR10_PAN_COMPAT;
    u8 pan = v->attr[ATTR_PANNING] & 15;
    f->pan = f->char_dots == 9 ? (pan >= 8 ? 0 : pan + 1u) : pan & 7u;
    f->blink = mode & ATTR10_BLINK;
    f->cursor_on = v->cursor_on;
    f->blink_on = v->blink_on;
    if (f->text)
        frame_text(v, f);
}

/*
 * The memory address counter to an address of the planes (CRTC registers 14h and 17h). In doubleword
 * mode IBM's manual feeds bits 12 and 13 back into the low bits, to suit a chain-4 whose low bits are
 * A14 and A15; like most chips we use 14 and 15, so that chain-4 uses each fourth address.
 */
static u32 crtc_address(const struct vga *v, u32 count, unsigned row_scan)
{
    u8 mode = v->crtc[CRTC_MODE];
    u32 addr;
    if (vbe_on(v))
        return count;
    count &= 0xffff;
    if (v->crtc[CRTC_UNDERLINE] & 0x40)
        addr = count << 2 | (count >> 14 & 3);
    else if (!(mode & 0x40))
        addr = count << 1 | (count >> (mode & 0x20 ? 15 : 13) & 1);
    else
        addr = count;
    if (!(mode & 1))
        addr = (addr & ~0x2000u) | (row_scan & 1) << 13;
    if (!(mode & 2))
        addr = (addr & ~0x4000u) | (row_scan & 2) << 13;
    return addr & 0xffff;
}

static const u8 *planes_at(const struct vga *v, u32 addr) { return v->vram->host + vga_plane_offset(v, addr); }

static bool cursor_here(const struct frame *f, u32 count, unsigned row_scan)
{
    return f->cursor_on && (count & 0xffff) == (f->cursor & 0xffff) && row_scan >= f->cursor_first &&
           row_scan <= f->cursor_last;
}

/* A row of a cell, most significant of 'dots' first, each dot 'repeat' times. */
ALWAYS_INLINE u32 *put_dots(u32 *out, unsigned bits, unsigned dots, unsigned repeat, const u32 color[2])
{
    u32 differ = color[0] ^ color[1];
    for (unsigned d = 0; d < dots; d++)
        for (unsigned r = 0; r < repeat; r++)
            *out++ = color[0] ^ (differ & -(bits >> (8 - d) & 1));
    return out;
}

/* One scan line of text, 'chars' cells from 'count' on. */
static u32 *text_line(const struct vga *v, const struct frame *f, u32 *out, u32 count, unsigned row_scan, int chars)
{
    u8 mode = v->attr[ATTR_MODE];
    bool underline_row = row_scan == (v->crtc[CRTC_UNDERLINE] & 0x1fu);
    unsigned repeat = f->half_dots ? 2 : 1;
    for (int i = 0; i < chars; i++) {
        u32 ma = count + ((u32)i >> f->count_shift);
        const u8 *cell = planes_at(v, crtc_address(v, ma, row_scan));
        u8 ch = cell[0], attr = cell[1];
        unsigned dots = planes_at(v, f->font[attr >> 3 & 1] + ch * 32u + row_scan)[2], back = attr >> 4;
        if ((attr & 7) == 1 && underline_row)
            dots = 0xff;
        dots <<= 1;
        if ((underline_row && (attr & 7) == 1) || ((mode & ATTR10_LINE_GRAPHICS) && (ch & 0xe0) == 0xc0))
            dots |= dots >> 1 & 1;
        if (f->blink) {
            back &= 7;
            if ((attr & 0x80) && !f->blink_on)
                dots = 0;
        }
        if (cursor_here(f, ma, row_scan))
            dots = 0x1ff;
        u32 color[2] = {v->lut[back], v->lut[attr & 15]};
        out = f->char_dots == 9 && repeat == 1 ? put_dots(out, dots, 9, 1, color)
                                               : put_dots(out, dots, (unsigned)f->char_dots, repeat, color);
    }
    return out;
}

/* The eight four-bit values that a character clock shifts out (graphics mode register, bits 5 and 6). */
static void shift_out(const struct vga *v, const u8 *p, u8 out[8])
{
    u8 mode = v->gfx[GFX_MODE];
    if (vbe_on(v))
        mode = 0;
    if (mode & 0x40) {
        for (unsigned i = 0; i < 4; i++) {
            out[2 * i] = p[i] >> 4;
            out[2 * i + 1] = p[i] & 15;
        }
    } else if (mode & 0x20) {
        for (unsigned i = 0; i < 8; i++) {
            unsigned at = 6 - 2 * (i & 3), low = i >> 2;
            out[i] = (u8)((p[low] >> at & 3) | (p[low + 2] >> at & 3) << 2);
        }
    } else {
        u64 pixels = v->spread[p[0]] | v->spread[p[1]] << 1 | v->spread[p[2]] << 2 | v->spread[p[3]] << 3;
        memcpy(out, &pixels, 8);
    }
}

/* One scan line of graphics. */
static u32 *graphics_line(const struct vga *v, const struct frame *f, u32 *out, u32 count, unsigned row_scan, int chars)
{
    unsigned repeat = f->half_dots ? 2 : 1;
    u8 blink_or = f->blink && f->blink_on ? 8 : 0, blink_xor = f->blink && !f->blink_on ? 8 : 0;
    for (int i = 0; i < chars; i++) {
        u8 dot[8];
        shift_out(v, planes_at(v, crtc_address(v, count + ((u32)i >> f->count_shift), row_scan)), dot);
        if (f->eight_bit) { /* two shifts make a pixel, which lasts two dots */
            for (unsigned d = 0; d < 8; d += 2)
                for (unsigned r = 0; r < 2 * repeat; r++)
                    *out++ = v->lut[dot[d] << 4 | dot[d + 1]];
            continue;
        }
        for (unsigned d = 0; d < 8; d++) {
            u32 color = v->lut[(dot[d] | blink_or) ^ blink_xor];
            *out++ = color;
            if (repeat == 2)
                *out++ = color;
        }
    }
    return out;
}

/* Walks the lines of a frame as the CRTC's counters do. */
static void draw_frame(struct vga *v, struct frame *f, bool full)
{
    u32 count = f->start + f->byte_pan;
    unsigned row = f->row_scan, pan = f->pan, repeat = f->half_dots ? 2 : 1;
    bool second = false, fresh = true;
    for (int y = 0; y < f->height; y++) {
        if (fresh) {
            if (f->text)
                text_line(v, f, v->line, count, row, f->chars + 1);
            else
                graphics_line(v, f, v->line, count, row, f->chars + 1);
        }
        put_line(v, y, v->line + pan * repeat, full);
        fresh = true;
        if ((unsigned)y == f->line_compare) { /* split screen: the rest comes from address 0 */
            count = f->pan_compat ? 0 : f->byte_pan;
            pan = f->pan_compat ? 0 : pan;
            row = 0;
            second = false;
            continue;
        }
        if (f->double_scan && !second) {
            second = true;
            fresh = false;
            continue;
        }
        second = false;
        if (row == f->max_scan)
            count += f->pitch;
        row = row == f->max_scan ? 0 : (row + 1) & 0x1f;
    }
}

static void refresh_vga(struct vga *v, bool full)
{
    struct frame f;
    frame_setup(v, &f);
    int old_width = v->display.surface.width, old_height = v->display.surface.height;
    if (!resize(v, f.width, f.height))
        return;
    full |= old_width != f.width || old_height != f.height;
    update_lut(v, f.eight_bit);
    draw_frame(v, &f, full);
}

/* ---- VBE modes ---- */

static u32 swapped(u32 val, unsigned size, bool swap)
{
    return !swap ? val : size == 2 ? __builtin_bswap16((u16)val) : __builtin_bswap32(val);
}

static u32 rgb555(u32 p)
{
    u32 r = p >> 10 & 31, g = p >> 5 & 31, b = p & 31;
    return (r << 3 | r >> 2) << 16 | (g << 3 | g >> 2) << 8 | (b << 3 | b >> 2);
}

static u32 rgb565(u32 p)
{
    u32 r = p >> 11 & 31, g = p >> 5 & 63, b = p & 31;
    return (r << 3 | r >> 2) << 16 | (g << 2 | g >> 4) << 8 | (b << 3 | b >> 2);
}

static void linear_line(struct vga *v, const u8 *from, unsigned pixels)
{
    u32 *out = v->line;
    bool swap = v->big_endian;
    switch (v->vbe[VBE_BPP]) {
    case 8:
        for (unsigned i = 0; i < pixels; i++)
            out[i] = v->lut[from[i]];
        break;
    case 15:
        for (unsigned i = 0; i < pixels; i++)
            out[i] = rgb555(swapped(ld16(from + 2 * i), 2, swap));
        break;
    case 16:
        for (unsigned i = 0; i < pixels; i++)
            out[i] = rgb565(swapped(ld16(from + 2 * i), 2, swap));
        break;
    case 24:
        for (unsigned i = 0; i < pixels; i++, from += 3)
            out[i] =
                swap ? (u32)(from[0] << 16 | from[1] << 8 | from[2]) : (u32)(from[2] << 16 | from[1] << 8 | from[0]);
        break;
    default:
        for (unsigned i = 0; i < pixels; i++)
            out[i] = swapped(ld32(from + 4 * i), 4, swap) & 0xffffff;
        break;
    }
}

static bool lies_dirty(const struct vga *v, u64 start, u64 len)
{
    for (u64 page = start / PAGE; page <= (start + len - 1) / PAGE; page++)
        if (v->page_dirty[page])
            return true;
    return false;
}

static void refresh_vbe(struct vga *v, bool full, bool redraw)
{
    int width = v->vbe[VBE_XRES], height = v->vbe[VBE_YRES];
    int old_width = v->display.surface.width, old_height = v->display.surface.height;
    if (!resize(v, width, height))
        return;
    full |= old_width != width || old_height != height;
    update_lut(v, false);
    u32 pitch = vbe_pitch(v), bytes = (v->vbe[VBE_BPP] + 7u) / 8;
    u64 at = vbe_start(v), len = (u64)width * bytes;
    for (int y = 0; y < height; y++, at += pitch) {
        bool there = at + len <= v->vram->size; /* the registers see to it, but nothing is read on their word */
        if (!full && !redraw && !(there && lies_dirty(v, at, len)))
            continue;
        if (there)
            linear_line(v, v->vram->host + at, (unsigned)width);
        else
            memset(v->line, 0, (size_t)width * sizeof *v->line);
        put_line(v, y, v->line, full);
    }
}

/* The 16-colour VBE mode: planes, but the geometry of the VBE registers. */
static void refresh_vbe_planar(struct vga *v, bool full)
{
    struct frame f = {.chars = v->vbe[VBE_XRES] / 8,
                      .char_dots = 8,
                      .width = v->vbe[VBE_XRES],
                      .height = v->vbe[VBE_YRES],
                      .pitch = vbe_pitch(v),
                      .pan = v->vbe[VBE_X_OFFSET] & 7,
                      .start = vbe_start(v),
                      .line_compare = ~0u};
    int old_width = v->display.surface.width, old_height = v->display.surface.height;
    if (!resize(v, f.width, f.height))
        return;
    full |= old_width != f.width || old_height != f.height;
    update_lut(v, false);
    draw_frame(v, &f, full);
}

/* ---- refresh ---- */

static void draw_blank(struct vga *v, bool full)
{
    const struct surface *s = &v->display.surface;
    if (!resize(v, s->width, s->height))
        return;
    memset(v->line, 0, (size_t)s->width * sizeof *v->line);
    for (int y = 0; y < s->height; y++)
        put_line(v, y, v->line, full);
}

/* Takes the dirty pages of [0, len) for this refresh. */
static bool take_dirty(struct vga *v, u64 len)
{
    u64 pages = len / PAGE;
    for (u64 i = 0; i < pages; i++)
        v->page_dirty[i] = v->vram->dirty[i] & DIRTY_VGA;
    return ram_clean(&v->dev.sys->mem, v->vram, DIRTY_VGA, 0, len);
}

/* The cursor blinks every 16 frames, characters every 32. */
static bool phases_changed(struct vga *v)
{
    u64 frame = vga_frame(v);
    bool cursor = !(frame & 8), blink = !(frame & 16);
    bool changed = cursor != v->cursor_on || blink != v->blink_on;
    v->cursor_on = cursor;
    v->blink_on = blink;
    return changed;
}

void vga_refresh(void *owner, bool full)
{
    struct vga *v = owner;
    bool redraw = v->changed;
    v->damage.count = 0;
    if (redraw)
        update_rgb(v);
    v->changed = false;
    redraw |= phases_changed(v) && !vbe_on(v);
    bool touched = take_dirty(v, vbe_on(v) ? v->vram->size : LEGACY_MEMORY);
    if (!(v->attr_index & ATTR_PAS) || (v->seq[SEQ_CLOCKING] & CLOCKING_SCREEN_OFF)) {
        if (full || redraw)
            draw_blank(v, full);
    } else if (full || redraw || touched) {
        if (vbe_linear(v))
            refresh_vbe(v, full, redraw);
        else if (vbe_on(v))
            refresh_vbe_planar(v, full);
        else
            refresh_vga(v, full);
    }
    if (v->damage.count)
        display_changed(&v->display, v->damage.rect, v->damage.count);
}
