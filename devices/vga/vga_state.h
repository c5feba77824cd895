/*
 * The display adapter's registers, and what its files ask of each other:
 * vga.c (ports, timing, PCI), vga_mem.c (the window at A0000h), vga_vbe.c
 * (Bochs VBE), vga_edid.c (the monitor) and vga_render.c (pixels). Nobody else includes this.
 *
 * Video memory holds the four planes so that both views of it are straight: a
 * planar address's four bytes lie side by side (plane 0 first), and those of
 * the addresses that chain-4 uses (multiples of 4) follow each other, so that
 * mode 13h is linear at offset 0. See vga_plane_offset.
 */
#ifndef ORRERY_DEVICES_VGA_STATE_H
#define ORRERY_DEVICES_VGA_STATE_H

#include "devices/pci/pci.h"
#include "devices/vga/vga.h"

enum vga_crtc_register {
    CRTC_H_TOTAL = 0x00,
    CRTC_H_DISPLAY_END = 0x01,
    CRTC_V_TOTAL = 0x06,
    CRTC_OVERFLOW = 0x07,
    CRTC_PRESET_ROW_SCAN = 0x08,
    CRTC_MAX_SCAN_LINE = 0x09,
    CRTC_CURSOR_START = 0x0a,
    CRTC_CURSOR_END = 0x0b,
    CRTC_START_HIGH = 0x0c,
    CRTC_START_LOW = 0x0d,
    CRTC_CURSOR_HIGH = 0x0e,
    CRTC_CURSOR_LOW = 0x0f,
    CRTC_V_RETRACE_START = 0x10,
    CRTC_V_RETRACE_END = 0x11,
    CRTC_V_DISPLAY_END = 0x12,
    CRTC_OFFSET = 0x13,
    CRTC_UNDERLINE = 0x14,
    CRTC_MODE = 0x17,
    CRTC_LINE_COMPARE = 0x18,
    CRTC_COUNT = 0x19
};
enum vga_seq_register {
    SEQ_RESET = 0,
    SEQ_CLOCKING = 1,
    SEQ_MAP_MASK = 2,
    SEQ_CHAR_MAP = 3,
    SEQ_MEMORY_MODE = 4,
    SEQ_COUNT = 5
};
enum vga_gfx_register {
    GFX_SET_RESET = 0,
    GFX_ENABLE_SET_RESET = 1,
    GFX_COLOR_COMPARE = 2,
    GFX_ROTATE = 3,
    GFX_READ_MAP = 4,
    GFX_MODE = 5,
    GFX_MISC = 6,
    GFX_DONT_CARE = 7,
    GFX_BIT_MASK = 8,
    GFX_COUNT = 9
};
enum vga_attr_register {
    ATTR_MODE = 0x10,
    ATTR_OVERSCAN = 0x11,
    ATTR_PLANE_ENABLE = 0x12,
    ATTR_PANNING = 0x13,
    ATTR_COLOR_SELECT = 0x14,
    ATTR_COUNT = 0x15
};
enum { ATTR_PAS = 0x20 }; /* of the attribute index: the palette belongs to the display */

enum vbe_register {
    VBE_ID,
    VBE_XRES,
    VBE_YRES,
    VBE_BPP,
    VBE_ENABLE,
    VBE_BANK,
    VBE_VIRT_WIDTH,
    VBE_VIRT_HEIGHT,
    VBE_X_OFFSET,
    VBE_Y_OFFSET,
    VBE_MEMORY_64K,
    VBE_COUNT
};
enum vbe_enable {
    VBE_ENABLED = 0x01,
    VBE_GETCAPS = 0x02,
    VBE_BANK_32K = 0x10,
    VBE_DAC_8BIT = 0x20,
    VBE_LFB = 0x40,
    VBE_NOCLEARMEM = 0x80
};

/* When the beam is where, in dots since time 0; derived from the CRTC. */
struct vga_timing {
    u64 dot_hz;
    u32 line_dots, char_dots, frame_lines;
    u32 display_chars, display_lines, retrace_start, retrace_end;
};

enum { VGA_DAMAGE_RECTS = 32 };
/* Rectangles of the surface that changed, in the order lines were drawn. */
struct vga_damage {
    struct rect rect[VGA_DAMAGE_RECTS];
    int count;
};

struct vga {
    struct device dev;
    struct pci_device pci;

    /* ---- state ---- */
    u8 misc, feature, subsystem_enable;
    u8 seq_index, seq[SEQ_COUNT];
    u8 crtc_index, crtc[CRTC_COUNT];
    u8 gfx_index, gfx[GFX_COUNT];
    u8 attr_index, attr[ATTR_COUNT]; /* index with the PAS bit */
    bool attr_data;                  /* the next write to 3C0h is data */
    u8 dac_read_index, dac_write_index, dac_component, dac_state, dac_mask;
    u8 dac_partial[3], dac[768];
    u32 latch;        /* plane 0 in the low byte */
    u64 retrace_seen; /* frame in which the vertical interrupt was last cleared */
    u16 vbe_index, vbe[VBE_COUNT], vbe_read_bank, vbe_write_bank;
    bool big_endian; /* of pixels in the frame buffer */

    /* ---- derived ---- */
    struct vga_timing timing;
    bool changed;      /* a register that shows in the picture was written */
    bool direct_legal; /* the window could be plain memory now */
    u32 direct_offset, direct_hits;
    u64 spread[256]; /* bit 7 of the index in the first byte in memory ... bit 0 in the last */
    u32 rgb[256];    /* the DAC */
    u32 lut[256];    /* from what the attribute controller gets to RGB */
    u8 *page_dirty;  /* of this refresh */
    u32 *line;       /* one scan line under construction */
    u32 line_cap;
    size_t surface_cap;       /* pixels */
    bool cursor_on, blink_on; /* phases last drawn */
    struct vga_damage damage;

    /* ---- host ---- */
    bool is_pci;
    struct ram *vram;
    struct ram *rom;
    struct display display;
    struct region window, direct, lfb, mmio, rom_region;
    struct region port_crtc_mono, port_status_mono, port_main, port_crtc_color, port_status_color;
    struct region port_vbe_index, port_vbe_data, port_vbe_data_aligned;
};

/* Where plane 0 of a planar address lies; the other planes follow. */
ALWAYS_INLINE u32 vga_plane_offset(const struct vga *v, u32 addr)
{
    return (((addr >> 16) << 18) | ((addr & 3) << 16) | (addr & 0xfffc)) & (u32)(v->vram->size - 1);
}

/* ---- vga.c ---- */
/* A port, by its number (3B0h to 3DFh). */
u8 vga_port_read(struct vga *v, u16 port);
void vga_port_write(struct vga *v, u16 port, u8 val);
/* Frames begun since time 0, for blinking. */
u64 vga_frame(struct vga *v);

/* ---- vga_mem.c ---- */
region_read vga_window_read;
region_write vga_window_write;
/* Maps the window as the registers now say; to be called after any of them changed. */
void vga_window_update(struct vga *v);

/* ---- vga_vbe.c ---- */
ALWAYS_INLINE bool vbe_on(const struct vga *v) { return v->vbe[VBE_ENABLE] & VBE_ENABLED; }
/* A mode whose memory is a row of pixels, not planes. */
ALWAYS_INLINE bool vbe_linear(const struct vga *v) { return vbe_on(v) && v->vbe[VBE_BPP] > 4; }
/* Bytes from one line to the next (of one plane, in the 4-bit mode). */
u32 vbe_pitch(const struct vga *v);
/*
 * Where in memory (in a plane of it, in the 4-bit mode) the picture starts. The offsets make one linear
 * address: X may be past the end of a line. As in QEMU, a picture that would run past memory starts without
 * Y, or at 0.
 */
u32 vbe_start(const struct vga *v);
void vbe_reset(struct vga *v);
/* Do the saved registers make sense? vbe_restored() sees to what they add up to. */
bool vbe_possible(const struct vga *v);
void vbe_restored(struct vga *v);
u16 vbe_read(struct vga *v, unsigned index);
void vbe_write(struct vga *v, unsigned index, u16 val);
region_read vbe_index_read, vbe_data_read, vbe_mmio_read;
region_write vbe_index_write, vbe_data_write, vbe_mmio_write;

/* ---- vga_edid.c ---- */
/* A byte of the 128; 0 behind them. */
u8 vga_edid_byte(unsigned off);

/* ---- vga_render.c ---- */
void vga_refresh(void *owner, bool full);
/* Fills 'spread'; the first surface. False: no memory. */
bool vga_render_init(struct vga *v);
void vga_render_free(struct vga *v);

#endif
