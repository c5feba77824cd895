/*
 * Bochs VBE extensions (the "dispi" interface, ids B0C0h to B0C5h): any
 * resolution that fits video memory, at 4 (planar), 8, 15, 16, 24 or 32 bits a
 * pixel, through ports 1CEh/1CFh or the PCI function's BAR 2, which also holds
 * the monitor's EDID, the VGA ports and QEMU's endianness register. While a
 * VBE mode is on, the picture comes from these registers alone, whatever the
 * CRTC says.
 */
#include "devices/vga/vga_state.h"

enum {
    ID_FIRST = 0xb0c0,
    ID_LAST = 0xb0c5,
    MAX_XRES = 16000,
    MAX_YRES = 12000,
    MAX_BPP = 32,
    BANK_WRITE_ONLY = 0x4000,
    BANK_READ_ONLY = 0x8000,
    BANK_MASK = 0x3fff
};

static u32 pitch_of(const struct vga *v, u32 pixels)
{
    unsigned bpp = v->vbe[VBE_BPP];
    return bpp == 4 ? pixels / 8 : pixels * ((bpp + 7) / 8);
}

static bool is_depth(unsigned bpp) { return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32; }

bool vbe_possible(const struct vga *v) { return is_depth(v->vbe[VBE_BPP]); }

u32 vbe_pitch(const struct vga *v) { return pitch_of(v, v->vbe[VBE_VIRT_WIDTH]); }

/* Bytes that lines may fill: all of memory, or one plane of it. */
static u32 room(const struct vga *v) { return (u32)(v->vbe[VBE_BPP] == 4 ? v->vram->size / 4 : v->vram->size); }

u32 vbe_start(const struct vga *v)
{
    u32 pitch = vbe_pitch(v), x = pitch_of(v, v->vbe[VBE_X_OFFSET]), most = room(v);
    u64 y = (u64)v->vbe[VBE_Y_OFFSET] * pitch, picture = (u64)v->vbe[VBE_YRES] * pitch;
    return (u32)(x + y + picture <= most ? x + y : x + picture <= most ? x : 0);
}

/* Makes the geometry one that memory can hold: width is kept, height gives way. */
static void fit(struct vga *v)
{
    u16 *r = v->vbe;
    r[VBE_XRES] = (u16)MAX(MIN(r[VBE_XRES], MAX_XRES) & ~7u, 8u);
    r[VBE_VIRT_WIDTH] = (u16)MAX(r[VBE_VIRT_WIDTH] & ~7u, r[VBE_XRES]);
    u32 lines = room(v) / vbe_pitch(v);
    r[VBE_YRES] = (u16)MAX(MIN(MIN(r[VBE_YRES], MAX_YRES), lines), 1u);
    r[VBE_VIRT_HEIGHT] = (u16)MIN(lines, 0xffffu);
}

void vbe_reset(struct vga *v)
{
    memset(v->vbe, 0, sizeof v->vbe);
    v->vbe_index = 0;
    v->vbe[VBE_ID] = ID_LAST;
    v->vbe[VBE_BPP] = 8;
    v->vbe_read_bank = v->vbe_write_bank = 0;
    v->big_endian = false;
}

void vbe_restored(struct vga *v)
{
    if (vbe_on(v))
        fit(v);
}

u16 vbe_read(struct vga *v, unsigned index)
{
    bool caps = v->vbe[VBE_ENABLE] & VBE_GETCAPS;
    switch (index) {
    case VBE_XRES:
        return caps ? MAX_XRES : v->vbe[index];
    case VBE_YRES:
        return caps ? MAX_YRES : v->vbe[index];
    case VBE_BPP:
        return caps ? MAX_BPP : v->vbe[index];
    case VBE_MEMORY_64K:
        return (u16)(v->vram->size >> 16);
    default:
        return index < VBE_COUNT ? v->vbe[index] : 0;
    }
}

/*
 * The picture's memory; of planes, the 64 KiB pieces that hold it (see vga_plane_offset). Pages of zeros stay as they
 * are: a host takes long to give memory that has never been touched.
 */
static void clear_screen(struct vga *v)
{
    struct space *mem = &v->dev.sys->mem;
    u64 len = (u64)vbe_pitch(v) * v->vbe[VBE_YRES];
    if (v->vbe[VBE_BPP] == 4)
        len = (len + 0xffff) >> 16 << 18;
    for (u64 at = 0, n; at < len; at += n) {
        n = MIN(len - at, PAGE_SIZE);
        if (!(v->vram->dirty[at / PAGE_SIZE] & DIRTY_VBE))
            continue;
        memset(v->vram->host + at, 0, n);
        ram_written(mem, v->vram, at, n);
    }
    ram_clean(mem, v->vram, DIRTY_VBE, 0, len & ~(u64)(PAGE_SIZE - 1));
}

static void write_enable(struct vga *v, u16 val)
{
    bool was_on = vbe_on(v);
    v->vbe[VBE_ENABLE] = val;
    if (vbe_on(v) && !was_on) {
        v->vbe[VBE_VIRT_WIDTH] = 0;
        v->vbe[VBE_X_OFFSET] = v->vbe[VBE_Y_OFFSET] = 0;
        fit(v);
        trace(v->dev.sys->trace, vga, "vbe mode %ux%ux%u", v->vbe[VBE_XRES], v->vbe[VBE_YRES], v->vbe[VBE_BPP]);
        if (!(val & VBE_NOCLEARMEM))
            clear_screen(v);
    }
    if (vbe_on(v) != was_on)
        v->vbe[VBE_BANK] = v->vbe_read_bank = v->vbe_write_bank = 0;
}

/* Bits 14 and 15 (Bochs) choose one of the two banks; neither means both. */
static void write_bank(struct vga *v, u16 val)
{
    v->vbe[VBE_BANK] = val & BANK_MASK;
    if (!(val & BANK_WRITE_ONLY) || (val & BANK_READ_ONLY))
        v->vbe_read_bank = val & BANK_MASK;
    if (!(val & BANK_READ_ONLY) || (val & BANK_WRITE_ONLY))
        v->vbe_write_bank = val & BANK_MASK;
}

void vbe_write(struct vga *v, unsigned index, u16 val)
{
    trace(v->dev.sys->trace, vga, "vbe register %u = %04x", index, val);
    switch (index) {
    case VBE_ID:
        if (val >= ID_FIRST && val <= ID_LAST)
            v->vbe[VBE_ID] = val;
        return;
    case VBE_BPP:
        if (val == 0)
            val = 8;
        if (!is_depth(val))
            return;
        v->vbe[VBE_BPP] = val;
        break;
    case VBE_XRES:
    case VBE_YRES:
    case VBE_VIRT_WIDTH:
    case VBE_X_OFFSET:
    case VBE_Y_OFFSET:
        v->vbe[index] = val;
        break;
    case VBE_ENABLE:
        write_enable(v, val);
        break;
    case VBE_BANK:
        write_bank(v, val);
        break;
    default:
        return; /* the height of virtual memory follows from its width */
    }
    if (vbe_on(v))
        fit(v);
    v->changed = true;
    vga_window_update(v);
}

u64 vbe_index_read(void *owner, u64 off, unsigned size)
{
    struct vga *v = owner;
    return (u64)v->vbe_index >> (8 * off) & size_mask(size);
}

void vbe_index_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct vga *v = owner;
    if (off == 0)
        v->vbe_index = (u16)(val & size_mask(size));
}

u64 vbe_data_read(void *owner, u64 off, unsigned size)
{
    struct vga *v = owner;
    return (u64)vbe_read(v, v->vbe_index) >> (8 * off) & size_mask(size);
}

void vbe_data_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct vga *v = owner;
    if (off == 0)
        vbe_write(v, v->vbe_index, (u16)(val & size_mask(size)));
}

/* ---- BAR 2 ---- */

enum {
    MMIO_EDID_END = 0x400,
    MMIO_PORTS = 0x400,
    MMIO_PORTS_END = 0x420,
    MMIO_VBE = 0x500,
    MMIO_VBE_END = MMIO_VBE + 2 * VBE_COUNT,
    MMIO_EXT_SIZE = 0x600,
    MMIO_EXT_ENDIAN = 0x604,
    EXT_SIZE = 8
};
static const u32 endian_little = 0x1e1e1e1e, endian_big = 0xbebebebe;

static u8 mmio_byte(struct vga *v, u64 off)
{
    if (off < MMIO_EDID_END)
        return vga_edid_byte((unsigned)off);
    if (off < MMIO_PORTS_END)
        return vga_port_read(v, (u16)(0x3c0 + off - MMIO_PORTS));
    if (off >= MMIO_VBE && off < MMIO_VBE_END)
        return (u8)(vbe_read(v, (unsigned)(off - MMIO_VBE) / 2) >> (8 * (off & 1)));
    if (off >= MMIO_EXT_SIZE && off < MMIO_EXT_ENDIAN)
        return (u8)((u32)EXT_SIZE >> (8 * (off & 3)));
    if (off >= MMIO_EXT_ENDIAN && off < MMIO_EXT_SIZE + EXT_SIZE)
        return (u8)((v->big_endian ? endian_big : endian_little) >> (8 * (off & 3)));
    return 0xff;
}

u64 vbe_mmio_read(void *owner, u64 off, unsigned size)
{
    u64 val = 0;
    for (unsigned i = 0; i < size; i++)
        val |= (u64)mmio_byte(owner, off + i) << (8 * i);
    return val;
}

void vbe_mmio_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct vga *v = owner;
    if (off >= MMIO_VBE && off < MMIO_VBE_END && size >= 2) {
        for (unsigned i = 0; i + 1 < size; i += 2)
            vbe_write(v, (unsigned)(off - MMIO_VBE + i) / 2, (u16)(val >> (8 * i)));
    } else if (off >= MMIO_PORTS && off < MMIO_PORTS_END) {
        for (unsigned i = 0; i < size && off + i < MMIO_PORTS_END; i++)
            vga_port_write(v, (u16)(0x3c0 + off + i - MMIO_PORTS), (u8)(val >> (8 * i)));
    } else if (off == MMIO_EXT_ENDIAN && size == 4 && (val == endian_little || val == endian_big)) {
        v->big_endian = val == endian_big;
        v->changed = true;
    }
}
