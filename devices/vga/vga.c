/*
 * The display adapter: ports, DAC, beam position and its place on the PCI bus.
 * Registers are those of the IBM VGA (PS/2 Hardware Interface Technical
 * Reference, "Video Subsystem"), plus Bochs VBE (vga_vbe.c). Retrace bits come
 * from virtual time and the CRTC's own numbers, so programs that wait for
 * retrace run at the speed they expect. Refuses to raise an interrupt: PCI
 * adapters have none, so the vertical interrupt is only seen in status 0.
 */
#include "devices/vga/vga_state.h"

#include <stdlib.h>

enum {
    VRAM_DEFAULT = 16 << 20,
    VRAM_MIN = 256 << 10,
    MMIO_SIZE = 4096,
    ROM_MAX = 1 << 20,
    ISA_LFB_BASE = 0xe0000000u,
    CRTC_PROTECT = 0x80,
    V_INTERRUPT_CLEAR = 0x10,
    V_INTERRUPT_OFF = 0x20
};

/* ---- timing ---- */

static unsigned crtc_ten_bits(const struct vga *v, unsigned low, unsigned bit8, unsigned bit9)
{
    unsigned o = v->crtc[CRTC_OVERFLOW];
    return v->crtc[low] | (o >> bit8 & 1) << 8 | (o >> bit9 & 1) << 9;
}

/* 640 by 480 at 60 Hz: for VBE modes, whose guests leave the CRTC alone, and for nonsense. */
static const struct vga_timing timing_default = {
    .dot_hz = 25175000,
    .line_dots = 800,
    .char_dots = 8,
    .frame_lines = 525,
    .display_chars = 80,
    .display_lines = 480,
    .retrace_start = 490,
    .retrace_end = 492,
};

static void timing_update(struct vga *v)
{
    struct vga_timing *t = &v->timing;
    t->dot_hz = (v->misc >> 2 & 3) == 1 ? 28322000 : 25175000;
    if (v->seq[SEQ_CLOCKING] & 8)
        t->dot_hz /= 2;
    t->char_dots = v->seq[SEQ_CLOCKING] & 1 ? 8 : 9;
    t->line_dots = (v->crtc[CRTC_H_TOTAL] + 5u) * t->char_dots;
    t->display_chars = v->crtc[CRTC_H_DISPLAY_END] + 1u;
    t->frame_lines = crtc_ten_bits(v, CRTC_V_TOTAL, 0, 5) + 2;
    t->display_lines = crtc_ten_bits(v, CRTC_V_DISPLAY_END, 1, 6) + 1;
    t->retrace_start = crtc_ten_bits(v, CRTC_V_RETRACE_START, 2, 7);
    unsigned width = (v->crtc[CRTC_V_RETRACE_END] - t->retrace_start) & 15;
    t->retrace_end = t->retrace_start + (width ? width : 16);
    if (v->crtc[CRTC_MODE] & 4) { /* the vertical counter runs at half speed */
        t->frame_lines *= 2;
        t->display_lines *= 2;
        t->retrace_start *= 2;
        t->retrace_end *= 2;
    }
    u64 frame_dots = (u64)t->line_dots * t->frame_lines;
    if (t->dot_hz / frame_dots > 300 || t->dot_hz / frame_dots < 10 || t->display_lines >= t->frame_lines ||
        t->retrace_start >= t->frame_lines)
        *t = timing_default;
}

static const struct vga_timing *timing(const struct vga *v) { return vbe_on(v) ? &timing_default : &v->timing; }

u64 vga_frame(struct vga *v)
{
    const struct vga_timing *t = timing(v);
    return ns_to_ticks(clock_now(&v->dev.sys->clock), t->dot_hz) / ((u64)t->line_dots * t->frame_lines);
}

/* Frames by their vertical retraces: the one the beam is in or had last. */
static u64 retrace_count(struct vga *v)
{
    const struct vga_timing *t = timing(v);
    u64 dots = ns_to_ticks(clock_now(&v->dev.sys->clock), t->dot_hz), frame = (u64)t->line_dots * t->frame_lines;
    return (dots + frame - (u64)t->retrace_start * t->line_dots) / frame;
}

static u8 input_status_0(struct vga *v)
{
    enum { SWITCH_SENSE = 0x10, INTERRUPT_PENDING = 0x80 };
    bool pending = (v->crtc[CRTC_V_RETRACE_END] & V_INTERRUPT_CLEAR) &&
                   !(v->crtc[CRTC_V_RETRACE_END] & V_INTERRUPT_OFF) && retrace_count(v) != v->retrace_seen;
    return SWITCH_SENSE | (pending ? INTERRUPT_PENDING : 0);
}

static u8 input_status_1(struct vga *v)
{
    enum { NOT_DISPLAYING = 1, RETRACE = 8 };
    const struct vga_timing *t = timing(v);
    u64 dots = ns_to_ticks(clock_now(&v->dev.sys->clock), t->dot_hz);
    u32 pos = (u32)(dots % ((u64)t->line_dots * t->frame_lines)), line = pos / t->line_dots;
    u32 col = pos % t->line_dots / t->char_dots;
    u8 status = 0;
    if (line >= t->display_lines || col >= t->display_chars) {
        /* Two of the border colour's bits, as the video status multiplexer chooses. */
        static const u8 bits[4][2] = {{0, 2}, {4, 5}, {1, 3}, {6, 7}};
        const u8 *b = bits[v->attr[ATTR_PLANE_ENABLE] >> 4 & 3];
        u8 border = v->attr[ATTR_OVERSCAN];
        status = (u8)(NOT_DISPLAYING | (border >> b[0] & 1) << 4 | (border >> b[1] & 1) << 5);
    }
    if (line >= t->retrace_start && line < t->retrace_end)
        status |= RETRACE;
    return status;
}

/* ---- ports ---- */

static u8 dac_read(struct vga *v)
{
    u8 val = v->dac[3 * v->dac_read_index + v->dac_component];
    if (++v->dac_component == 3) {
        v->dac_component = 0;
        v->dac_read_index++;
    }
    return val;
}

/* A colour changes only when all of it has arrived. */
static void dac_write(struct vga *v, u8 val)
{
    v->dac_partial[v->dac_component] = v->vbe[VBE_ENABLE] & VBE_DAC_8BIT ? val : val & 0x3f;
    if (++v->dac_component < 3)
        return;
    memcpy(v->dac + 3 * v->dac_write_index, v->dac_partial, 3);
    v->dac_component = 0;
    v->dac_write_index++;
    v->changed = true;
}

static void attr_write(struct vga *v, u8 val)
{
    static const u8 mask[ATTR_COUNT] = {
        0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
        0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f,
    };
    bool data = v->attr_data;
    v->attr_data = !data;
    if (!data) {
        v->changed |= (val ^ v->attr_index) & ATTR_PAS;
        v->attr_index = val & 0x3f;
        return;
    }
    unsigned i = v->attr_index & 0x1f;
    if (i >= ATTR_COUNT)
        return;
    v->changed |= v->attr[i] != (val & mask[i]);
    v->attr[i] = val & mask[i];
}

static void seq_write(struct vga *v, u8 val)
{
    static const u8 mask[SEQ_COUNT] = {0x03, 0x3d, 0x0f, 0x3f, 0x0e};
    unsigned i = v->seq_index;
    if (i >= SEQ_COUNT || v->seq[i] == (val & mask[i]))
        return;
    v->seq[i] = val & mask[i];
    if (i == SEQ_CLOCKING || i == SEQ_CHAR_MAP)
        v->changed = true;
    if (i == SEQ_CLOCKING)
        timing_update(v);
    if (i == SEQ_MAP_MASK || i == SEQ_MEMORY_MODE)
        vga_window_update(v);
}

static void gfx_write(struct vga *v, u8 val)
{
    static const u8 mask[GFX_COUNT] = {0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff};
    unsigned i = v->gfx_index;
    if (i >= GFX_COUNT || v->gfx[i] == (val & mask[i]))
        return;
    v->gfx[i] = val & mask[i];
    if (i == GFX_MODE || i == GFX_MISC)
        v->changed = true;
    if (i != GFX_SET_RESET && i != GFX_COLOR_COMPARE && i != GFX_READ_MAP && i != GFX_DONT_CARE)
        vga_window_update(v);
}

static void crtc_write(struct vga *v, u8 val)
{
    unsigned i = v->crtc_index;
    if (i >= CRTC_COUNT)
        return;
    if (i <= CRTC_OVERFLOW && (v->crtc[CRTC_V_RETRACE_END] & CRTC_PROTECT)) {
        if (i != CRTC_OVERFLOW)
            return;
        val = (u8)((v->crtc[i] & ~0x10) | (val & 0x10)); /* line compare bit 8 stays writable */
    }
    if (i == CRTC_V_RETRACE_END && !(val & V_INTERRUPT_CLEAR))
        v->retrace_seen = retrace_count(v);
    if (v->crtc[i] == val)
        return;
    v->crtc[i] = val;
    v->changed = true;
    if (i <= CRTC_OVERFLOW || (i >= CRTC_V_RETRACE_START && i <= CRTC_V_DISPLAY_END) || i == CRTC_MODE)
        timing_update(v);
}

/* The CRTC and status ports answer where the miscellaneous output register puts them. */
static bool decodes(const struct vga *v, u16 port)
{
    bool color = port >= 0x3d0, mono = port < 0x3c0;
    return !(color || mono) || color == (v->misc & 1);
}

u8 vga_port_read(struct vga *v, u16 port)
{
    if (!decodes(v, port) || (!(v->subsystem_enable & 1) && port != 0x3c3))
        return 0xff;
    switch (port) {
    case 0x3c0:
        return v->attr_index;
    case 0x3c1:
        return (v->attr_index & 0x1f) < ATTR_COUNT ? v->attr[v->attr_index & 0x1f] : 0;
    case 0x3c2:
        return input_status_0(v);
    case 0x3c3:
        return v->subsystem_enable;
    case 0x3c4:
        return v->seq_index;
    case 0x3c5:
        return v->seq_index < SEQ_COUNT ? v->seq[v->seq_index] : 0;
    case 0x3c6:
        return v->dac_mask;
    case 0x3c7:
        return v->dac_state;
    case 0x3c8:
        return v->dac_write_index;
    case 0x3c9:
        return dac_read(v);
    case 0x3ca:
        return v->feature;
    case 0x3cc:
        return v->misc;
    case 0x3ce:
        return v->gfx_index;
    case 0x3cf:
        return v->gfx_index < GFX_COUNT ? v->gfx[v->gfx_index] : 0;
    case 0x3b4:
    case 0x3d4:
        return v->crtc_index;
    case 0x3b5:
    case 0x3d5:
        return v->crtc_index < CRTC_COUNT ? v->crtc[v->crtc_index] : 0;
    case 0x3ba:
    case 0x3da:
        v->attr_data = false;
        return input_status_1(v);
    default:
        return 0xff;
    }
}

static void misc_write(struct vga *v, u8 val)
{
    if (v->misc == val)
        return;
    v->misc = val;
    timing_update(v);
    vga_window_update(v);
}

void vga_port_write(struct vga *v, u16 port, u8 val)
{
    if (!decodes(v, port) || (!(v->subsystem_enable & 1) && port != 0x3c3))
        return;
    switch (port) {
    case 0x3c0:
        attr_write(v, val);
        break;
    case 0x3c2:
        misc_write(v, val);
        break;
    case 0x3c3:
        v->subsystem_enable = val & 1;
        vga_window_update(v);
        break;
    case 0x3c4:
        v->seq_index = val & 7;
        break;
    case 0x3c5:
        seq_write(v, val);
        break;
    case 0x3c6:
        v->changed |= v->dac_mask != val;
        v->dac_mask = val;
        break;
    case 0x3c7:
        v->dac_read_index = val;
        v->dac_component = 0;
        v->dac_state = 3;
        break;
    case 0x3c8:
        v->dac_write_index = val;
        v->dac_component = 0;
        v->dac_state = 0;
        break;
    case 0x3c9:
        dac_write(v, val);
        break;
    case 0x3ce:
        v->gfx_index = val & 15;
        break;
    case 0x3cf:
        gfx_write(v, val);
        break;
    case 0x3b4:
    case 0x3d4:
        v->crtc_index = val & 0x3f;
        break;
    case 0x3b5:
    case 0x3d5:
        crtc_write(v, val);
        break;
    case 0x3ba:
    case 0x3da:
        v->feature = val & 0x0b;
        break;
    default:
        break;
    }
}

/* Each claim's handlers: the offset plus the claim's first port. */
static u64 crtc_mono_read(void *o, u64 off, unsigned size) { return (void)size, vga_port_read(o, (u16)(0x3b4 + off)); }
static u64 status_mono_read(void *o, u64 off, unsigned size)
{
    return (void)size, vga_port_read(o, (u16)(0x3ba + off));
}
static u64 main_read(void *o, u64 off, unsigned size) { return (void)size, vga_port_read(o, (u16)(0x3c0 + off)); }
static u64 crtc_color_read(void *o, u64 off, unsigned size) { return (void)size, vga_port_read(o, (u16)(0x3d4 + off)); }
static u64 status_color_read(void *o, u64 off, unsigned size)
{
    return (void)size, vga_port_read(o, (u16)(0x3da + off));
}

static void traced_write(struct vga *v, u16 port, u8 val)
{
    trace(v->dev.sys->trace, vga, "out %03x = %02x", port, val);
    vga_port_write(v, port, val);
}
static void crtc_mono_write(void *o, u64 off, u64 val, unsigned size)
{
    (void)size, traced_write(o, (u16)(0x3b4 + off), (u8)val);
}
static void status_mono_write(void *o, u64 off, u64 val, unsigned size)
{
    (void)size, traced_write(o, (u16)(0x3ba + off), (u8)val);
}
static void main_write(void *o, u64 off, u64 val, unsigned size)
{
    (void)size, traced_write(o, (u16)(0x3c0 + off), (u8)val);
}
static void crtc_color_write(void *o, u64 off, u64 val, unsigned size)
{
    (void)size, traced_write(o, (u16)(0x3d4 + off), (u8)val);
}
static void status_color_write(void *o, u64 off, u64 val, unsigned size)
{
    (void)size, traced_write(o, (u16)(0x3da + off), (u8)val);
}

static void claim(struct vga *v, struct region *r, const char *name, u16 base, unsigned size, region_read *read,
                  region_write *write, unsigned width)
{
    *r = (struct region){.name = name,
                         .owner = v,
                         .read = read,
                         .write = write,
                         .max_access = (u8)width,
                         .priority = PRIO_DEVICE,
                         .enabled = true,
                         .base = base,
                         .size = size};
    region_add(&v->dev.sys->io, r);
}

static void claim_ports(struct vga *v)
{
    claim(v, &v->port_crtc_mono, "vga-crtc-mono", 0x3b4, 2, crtc_mono_read, crtc_mono_write, 1);
    claim(v, &v->port_status_mono, "vga-status-mono", 0x3ba, 1, status_mono_read, status_mono_write, 1);
    claim(v, &v->port_main, "vga", 0x3c0, 16, main_read, main_write, 1);
    claim(v, &v->port_crtc_color, "vga-crtc-color", 0x3d4, 2, crtc_color_read, crtc_color_write, 1);
    claim(v, &v->port_status_color, "vga-status-color", 0x3da, 1, status_color_read, status_color_write, 1);
    /* Two 16-bit registers whose second ports overlap; 1D0h is an aligned alias of 1CFh. */
    claim(v, &v->port_vbe_index, "vbe-index", 0x1ce, 2, vbe_index_read, vbe_index_write, 2);
    claim(v, &v->port_vbe_data, "vbe-data", 0x1cf, 2, vbe_data_read, vbe_data_write, 2);
    claim(v, &v->port_vbe_data_aligned, "vbe-data-aligned", 0x1d0, 2, vbe_data_read, vbe_data_write, 2);
}

/* ---- the PCI function: its command register gates the BARs alone, as on QEMU's; the legacy claims always answer ----
 */

static const struct pci_identity vga_identity = {
    .vendor = 0x1234,
    .device = 0x1111,
    .revision = 2,
    .class_code = 0x030000,
};

static bool add_rom(struct vga *v, const u8 *rom, u32 rom_size)
{
    u32 size = 2048;
    while (size < rom_size)
        size *= 2;
    v->rom = ram_create(size);
    if (!v->rom)
        return device_fail(v->dev.sys, "no memory for the VGA BIOS");
    memcpy(v->rom->host, rom, rom_size);
    v->rom_region = (struct region){
        .name = "vga-rom", .priority = PRIO_DEVICE, .size = size, .host = v->rom->host, .rom = true, .ram = v->rom};
    pci_bar(&v->pci, PCI_ROM, PCI_BAR_MEM32, &v->rom_region);
    return true;
}

static bool add_pci(struct vga *v, const struct vga_config *cfg)
{
    if (!pci_device_init(&v->pci, v->dev.sys, cfg->pci, cfg->devfn, &vga_identity, v))
        return false;
    pci_bar(&v->pci, 0, PCI_BAR_MEM32_PREFETCH, &v->lfb);
    pci_bar(&v->pci, 2, PCI_BAR_MEM32, &v->mmio);
    return !cfg->rom || add_rom(v, cfg->rom, cfg->rom_size);
}

static struct region memory_region(struct vga *v, const char *name, u64 base, u64 size)
{
    return (struct region){
        .name = name, .priority = PRIO_DEVICE, .base = base, .size = size, .host = v->vram->host, .ram = v->vram};
}

static void vga_destroy(struct device *dev)
{
    struct vga *v = (struct vga *)dev;
    struct region *r[] = {&v->direct, &v->lfb, &v->rom_region};
    for (unsigned i = 0; i < ARRAY_LEN(r); i++)
        region_remove(r[i]);
    vga_render_free(v);
    ram_destroy(v->vram);
    ram_destroy(v->rom);
}

static void add_memory(struct vga *v)
{
    struct space *mem = &v->dev.sys->mem;
    v->window = (struct region){.name = "vga-window",
                                .owner = v,
                                .read = vga_window_read,
                                .write = vga_window_write,
                                .priority = PRIO_DEVICE,
                                .enabled = true,
                                .base = 0xa0000,
                                .size = 0x20000};
    region_add(mem, &v->window);
    v->direct = memory_region(v, "vga-window-direct", 0xa0000, 0x10000);
    region_add(mem, &v->direct); /* added later than the window: covers it when enabled */
    v->lfb = memory_region(v, "vga-lfb", ISA_LFB_BASE, v->vram->size);
    v->mmio = (struct region){.name = "vga-mmio",
                              .owner = v,
                              .read = vbe_mmio_read,
                              .write = vbe_mmio_write,
                              .priority = PRIO_DEVICE,
                              .size = MMIO_SIZE,
                              .max_access = 4};
    if (v->is_pci)
        return;
    v->lfb.enabled = true;
    region_add(mem, &v->lfb);
}

static bool build(struct vga *v, const struct vga_config *cfg, u32 vram_size)
{
    v->vram = ram_create(vram_size);
    if (!v->vram || !vga_render_init(v))
        return device_fail(v->dev.sys, "no memory for the display adapter");
    v->vram->tracked |= DIRTY_VGA | DIRTY_VBE;
    v->is_pci = cfg->pci != NULL;
    v->display.name = v->dev.id;
    v->display.owner = v;
    v->display.refresh = vga_refresh;
    claim_ports(v);
    add_memory(v);
    return !v->is_pci || add_pci(v, cfg);
}

static bool vga_create(struct device *dev, const void *config)
{
    struct vga *v = (struct vga *)dev;
    static const struct vga_config isa;
    const struct vga_config *cfg = config ? config : &isa;
    u32 size = cfg->vram_size ? cfg->vram_size : VRAM_DEFAULT;
    if (size < VRAM_MIN || (size & (size - 1)))
        return device_fail(dev->sys, "video memory must be a power of two of at least 256 KiB, not %u bytes", size);
    if (cfg->rom && (!cfg->rom_size || cfg->rom_size > ROM_MAX))
        return device_fail(dev->sys, "the VGA BIOS must be of 1 byte to 1 MiB, not %u bytes", cfg->rom_size);
    if (build(v, cfg, size))
        return true;
    vga_destroy(dev);
    return false;
}

static void derive(struct vga *v)
{
    v->changed = true;
    timing_update(v);
    vga_window_update(v);
}

static void vga_reset(struct device *dev)
{
    struct vga *v = (struct vga *)dev;
    if (v->is_pci)
        pci_device_reset(&v->pci);
    v->misc = v->feature = 0;
    v->subsystem_enable = 1;
    v->seq_index = v->crtc_index = v->gfx_index = v->attr_index = 0;
    v->attr_data = false;
    memset(v->seq, 0, sizeof v->seq);
    memset(v->crtc, 0, sizeof v->crtc);
    memset(v->gfx, 0, sizeof v->gfx);
    memset(v->attr, 0, sizeof v->attr);
    memset(v->dac, 0, sizeof v->dac);
    memset(v->dac_partial, 0, sizeof v->dac_partial);
    v->dac_read_index = v->dac_write_index = v->dac_component = v->dac_state = 0;
    v->dac_mask = 0xff;
    v->latch = 0;
    v->retrace_seen = 0;
    vbe_reset(v);
    derive(v); /* memory keeps what it held, as the chips do */
}

static void vga_restored(struct device *dev)
{
    struct vga *v = (struct vga *)dev;
    if (v->is_pci)
        pci_device_restored(&v->pci);
    vbe_restored(v);
    ram_written(&dev->sys->mem, v->vram, 0, v->vram->size);
    derive(v);
}

static const char *vga_contradiction(const struct device *copy)
{
    return vbe_possible((const struct vga *)copy) ? NULL : "'vbe' has a depth that no mode has";
}

struct display *vga_display(struct device *dev) { return &((struct vga *)dev)->display; }

static void dump(FILE *out, const char *name, const u8 *reg, unsigned count)
{
    fprintf(out, "%-10s", name);
    for (unsigned i = 0; i < count; i++)
        fprintf(out, " %02x", reg[i]);
    fprintf(out, "\n");
}

static void vga_info(struct device *dev, FILE *out)
{
    const struct vga *v = (const struct vga *)dev;
    fprintf(out, "surface    %d x %d\n", v->display.surface.width, v->display.surface.height);
    if (vbe_on(v))
        fprintf(out, "vbe        %u x %u x %u, line of %u bytes, offset %u,%u, bank %u\n", v->vbe[VBE_XRES],
                v->vbe[VBE_YRES], v->vbe[VBE_BPP], vbe_pitch(v), v->vbe[VBE_X_OFFSET], v->vbe[VBE_Y_OFFSET],
                v->vbe[VBE_BANK]);
    fprintf(out, "misc       %02x\n", v->misc);
    dump(out, "sequencer", v->seq, SEQ_COUNT);
    dump(out, "crtc", v->crtc, CRTC_COUNT);
    dump(out, "graphics", v->gfx, GFX_COUNT);
    dump(out, "attribute", v->attr, ATTR_COUNT);
}

static const struct state_field vga_state[] = {
    DEVICE_STATE(struct vga),
    PCI_DEVICE_STATE(struct vga, pci),
    STATE(struct vga, misc),
    STATE(struct vga, feature),
    STATE(struct vga, subsystem_enable),
    STATE(struct vga, seq_index),
    STATE(struct vga, seq),
    STATE(struct vga, crtc_index),
    STATE(struct vga, crtc),
    STATE(struct vga, gfx_index),
    STATE(struct vga, gfx),
    STATE(struct vga, attr_index),
    STATE(struct vga, attr),
    STATE(struct vga, attr_data),
    STATE(struct vga, dac_read_index),
    STATE(struct vga, dac_write_index),
    STATE_RANGE(struct vga, dac_component, 0, 2),
    STATE(struct vga, dac_state),
    STATE(struct vga, dac_mask),
    STATE(struct vga, dac_partial),
    STATE(struct vga, dac),
    STATE(struct vga, latch),
    STATE(struct vga, retrace_seen),
    STATE(struct vga, vbe_index),
    STATE(struct vga, vbe),
    STATE(struct vga, vbe_read_bank),
    STATE(struct vga, vbe_write_bank),
    STATE(struct vga, big_endian),
    DERIVED(struct vga, timing),
    DERIVED(struct vga, changed),
    DERIVED(struct vga, direct_legal),
    DERIVED(struct vga, direct_offset),
    DERIVED(struct vga, direct_hits),
    DERIVED(struct vga, spread),
    DERIVED(struct vga, rgb),
    DERIVED(struct vga, lut),
    DERIVED(struct vga, page_dirty),
    DERIVED(struct vga, line),
    DERIVED(struct vga, line_cap),
    DERIVED(struct vga, surface_cap),
    DERIVED(struct vga, cursor_on),
    DERIVED(struct vga, blink_on),
    DERIVED(struct vga, damage),
    HOST(struct vga, is_pci),
    MEMORY(struct vga, vram),
    MEMORY(struct vga, rom),
    HOST(struct vga, display),
    HOST(struct vga, window),
    HOST(struct vga, direct),
    HOST(struct vga, lfb),
    HOST(struct vga, mmio),
    HOST(struct vga, rom_region),
    HOST(struct vga, port_crtc_mono),
    HOST(struct vga, port_status_mono),
    HOST(struct vga, port_main),
    HOST(struct vga, port_crtc_color),
    HOST(struct vga, port_status_color),
    HOST(struct vga, port_vbe_index),
    HOST(struct vga, port_vbe_data),
    HOST(struct vga, port_vbe_data_aligned),
    STATE_END,
};

const struct device_class vga_class = {
    .name = "VGA",
    .description = "graphics adapter",
    .bus = "PCI",
    .size = sizeof(struct vga),
    .state = vga_state,
    .create = vga_create,
    .reset = vga_reset,
    .restored = vga_restored,
    .contradiction = vga_contradiction,
    .destroy = vga_destroy,
    .info = vga_info,
};
