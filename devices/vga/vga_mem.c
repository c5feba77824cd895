/*
 * The CPU's window on video memory (A0000h to BFFFFh): sequencer and graphics
 * controller between the bus and the four planes (IBM VGA Technical Reference,
 * "Graphics Controller"; the write modes and latches apply in chained modes
 * too, as on the chip). The linear VBE modes see a 64 KiB bank of plain memory.
 *
 * Where the window amounts to plain memory (chain-4 with neutral settings, VBE
 * banks) it becomes RAM for the CPU, after a run of accesses: programs that
 * flip the map mask between pixels would otherwise rebuild the memory map each
 * time. Reads then do not load the latches. The page bit of the
 * miscellaneous output register is not used: nothing that runs on VGA clears it.
 */
#include "devices/vga/vga_state.h"

enum { DIRECT_AFTER = 256, BANK_SIZE = 0x10000 };
enum {
    SEQ4_NOT_ODD_EVEN = 0x04,
    SEQ4_CHAIN4 = 0x08,
    GFX5_READ_COMPARE = 0x08,
    GFX5_ODD_EVEN = 0x10,
    GFX6_CHAIN_ODD_EVEN = 0x02
};

/* FFh in the byte of each plane whose bit is set. */
ALWAYS_INLINE u32 expand(unsigned planes)
{
    return ((planes & 1) | (planes & 2) << 7 | (planes & 4) << 14 | (planes & 8) << 21) * 0xff;
}

ALWAYS_INLINE u32 replicate(u8 b) { return b * 0x01010101u; }

static unsigned map_select(const struct vga *v) { return v->gfx[GFX_MISC] >> 2 & 3; }

/* Does this adapter answer in the legacy window at all? */
static bool decodes(const struct vga *v)
{
    enum { MISC_RAM_ENABLE = 2 };
    return (v->subsystem_enable & 1) && ((v->misc & MISC_RAM_ENABLE) || vbe_on(v));
}

/* Whether the part of the window that the map select names holds off, counted from A0000h; then *at counts from its
 * start. What it does not name reads all ones. */
static bool selected(const struct vga *v, u64 off, u32 *at)
{
    static const struct {
        u32 start, size;
    } map[4] = {{0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}};
    unsigned n = vbe_on(v) ? 1 : map_select(v);
    *at = (u32)off - map[n].start;
    return decodes(v) && *at < map[n].size;
}

/* Odd/even chaining takes A0 to choose the plane; A16 takes its place where the window is that large. */
static u32 unchain(const struct vga *v, u32 addr)
{
    if (v->gfx[GFX_MISC] & GFX6_CHAIN_ODD_EVEN)
        addr = (addr & ~1u) | (map_select(v) == 0 ? addr >> 16 & 1 : 0);
    return addr & 0xffff;
}

/* In the planar VBE mode the bank register extends the address. */
static u32 banked(const struct vga *v, u32 addr, u16 bank) { return vbe_on(v) ? addr + bank * (u32)BANK_SIZE : addr; }

static u8 planar_read(struct vga *v, u32 addr)
{
    unsigned plane;
    u32 at;
    if (v->seq[SEQ_MEMORY_MODE] & SEQ4_CHAIN4) {
        plane = addr & 3;
        at = addr & 0xfffc;
    } else {
        plane = v->gfx[GFX_READ_MAP] & 3;
        if (v->gfx[GFX_MODE] & GFX5_ODD_EVEN)
            plane = (plane & 2) | (addr & 1);
        at = unchain(v, addr);
    }
    v->latch = ld32(v->vram->host + vga_plane_offset(v, banked(v, at, v->vbe_read_bank)));
    if (!(v->gfx[GFX_MODE] & GFX5_READ_COMPARE))
        return (u8)(v->latch >> (8 * plane));
    u32 differs = (v->latch ^ expand(v->gfx[GFX_COLOR_COMPARE])) & expand(v->gfx[GFX_DONT_CARE]);
    differs |= differs >> 16;
    return (u8) ~(differs | differs >> 8);
}

static u8 rotate(u8 val, unsigned by)
{
    by &= 7;
    return (u8)(val >> by | val << (8 - by));
}

/* What the graphics controller sends to the planes for a CPU write of val. */
static u32 graphics_data(const struct vga *v, u8 val)
{
    unsigned mode = v->gfx[GFX_MODE] & 3;
    u32 set = expand(v->gfx[GFX_SET_RESET]), bits = replicate(v->gfx[GFX_BIT_MASK]), data;
    if (mode == 1)
        return v->latch;
    if (mode == 0) {
        u32 enable = expand(v->gfx[GFX_ENABLE_SET_RESET]);
        data = (replicate(rotate(val, v->gfx[GFX_ROTATE])) & ~enable) | (set & enable);
    } else if (mode == 2) {
        data = expand(val);
    } else {
        data = set;
        bits &= replicate(rotate(val, v->gfx[GFX_ROTATE]));
    }
    switch (v->gfx[GFX_ROTATE] >> 3 & 3) {
    case 1:
        data &= v->latch;
        break;
    case 2:
        data |= v->latch;
        break;
    case 3:
        data ^= v->latch;
        break;
    default:
        break;
    }
    return (data & bits) | (v->latch & ~bits);
}

static void planar_write(struct vga *v, u32 addr, u8 val)
{
    unsigned planes = v->seq[SEQ_MAP_MASK] & 15;
    u32 at;
    if (v->seq[SEQ_MEMORY_MODE] & SEQ4_CHAIN4) {
        planes &= BIT(addr & 3);
        at = addr & 0xfffc;
    } else {
        if (!(v->seq[SEQ_MEMORY_MODE] & SEQ4_NOT_ODD_EVEN))
            planes &= addr & 1 ? 0xa : 0x5;
        at = unchain(v, addr);
    }
    if (!planes)
        return;
    u32 off = vga_plane_offset(v, banked(v, at, v->vbe_write_bank)), mask = expand(planes);
    u8 *p = v->vram->host + off;
    st32(p, (ld32(p) & ~mask) | (graphics_data(v, val) & mask));
    ram_written(&v->dev.sys->mem, v->vram, off, 4);
}

static u32 bank_offset(const struct vga *v, u16 bank)
{
    u32 granule = v->vbe[VBE_ENABLE] & VBE_BANK_32K ? BANK_SIZE / 2 : BANK_SIZE;
    return (u32)(((u64)bank * granule) & (v->vram->size - 1));
}

/* Becomes RAM once the window has been used this way for a while. */
static void count_hit(struct vga *v)
{
    if (!v->direct_legal || ++v->direct_hits < DIRECT_AFTER || v->direct.enabled)
        return;
    struct space *s = &v->dev.sys->mem;
    space_begin(s);
    v->direct.host = v->vram->host + v->direct_offset;
    v->direct.ram_off = v->direct_offset;
    region_enable(&v->direct, true);
    space_commit(s);
}

static u8 window_byte(struct vga *v, u64 off)
{
    u32 at;
    if (!selected(v, off, &at))
        return 0xff;
    if (vbe_linear(v))
        return v->vram->host[(bank_offset(v, v->vbe_read_bank) + at) & (v->vram->size - 1)];
    return planar_read(v, at);
}

static void window_set_byte(struct vga *v, u64 off, u8 val)
{
    u32 at;
    if (!selected(v, off, &at))
        return;
    if (!vbe_linear(v)) {
        planar_write(v, at, val);
        return;
    }
    at = (bank_offset(v, v->vbe_write_bank) + at) & (u32)(v->vram->size - 1);
    v->vram->host[at] = val;
    ram_written(&v->dev.sys->mem, v->vram, at, 1);
}

u64 vga_window_read(void *owner, u64 off, unsigned size)
{
    u64 val = 0;
    count_hit(owner);
    for (unsigned i = 0; i < size; i++)
        val |= (u64)window_byte(owner, off + i) << (8 * i);
    return val;
}

void vga_window_write(void *owner, u64 off, u64 val, unsigned size)
{
    count_hit(owner);
    for (unsigned i = 0; i < size; i++)
        window_set_byte(owner, off + i, (u8)(val >> (8 * i)));
}

/* Chain-4 with everything between CPU and memory set to pass through. */
static bool chain4_is_plain(const struct vga *v)
{
    return (v->seq[SEQ_MEMORY_MODE] & SEQ4_CHAIN4) && (v->seq[SEQ_MAP_MASK] & 15) == 15 && map_select(v) == 1 &&
           !(v->gfx[GFX_MODE] & (GFX5_READ_COMPARE | 3)) && !(v->gfx[GFX_ENABLE_SET_RESET] & 15) &&
           !(v->gfx[GFX_ROTATE] & 0x1f) && v->gfx[GFX_BIT_MASK] == 0xff && !vbe_on(v);
}

static bool window_is_plain(const struct vga *v, u32 *offset)
{
    if (vbe_linear(v)) {
        *offset = bank_offset(v, v->vbe_write_bank);
        return v->vbe_read_bank == v->vbe_write_bank && *offset <= v->vram->size - BANK_SIZE;
    }
    *offset = 0;
    return chain4_is_plain(v);
}

void vga_window_update(struct vga *v)
{
    u32 offset;
    bool plain = window_is_plain(v, &offset) && decodes(v);
    if (plain != v->direct_legal || offset != v->direct_offset)
        v->direct_hits = 0;
    v->direct_legal = plain;
    v->direct_offset = offset;
    if (v->direct.enabled && !(plain && v->direct.ram_off == offset))
        region_enable(&v->direct, false);
}
