/*
 * Intel 82441FX PCI and memory controller (Intel 290549), function 0. What
 * guests can see of it: configuration registers, the PAM registers 59-5F
 * that route C0000-FFFFF to RAM or to PCI (where the BIOS ROM is), separately
 * for reads and writes, and SMRAM (72), which opens the RAM behind the VGA
 * window. There is no SMM here, so a closed SMRAM is simply hidden.
 *
 * Each of the 13 PAM segments has one region for every way but the fourth,
 * all to PCI, which is the ROM lying underneath; at most one is enabled.
 */
#include "devices/pci/i440fx.h"

enum { DRAM_SIZE = 0x57, PAM0 = 0x59, PAM6 = 0x5f, SMRAM = 0x72 };
enum { PAM_READ = 1, PAM_WRITE = 2, PAM_BOTH = 3 };
enum { SMRAM_OPEN = BIT(6), SMRAM_CLOSED = BIT(5), SMRAM_LOCK = BIT(4), SMRAM_ENABLE = BIT(3), SMRAM_BASE = 2 };
enum { SEGMENTS = 13, PRIO_SHADOW = PRIO_RAM + 1 };

struct segment {
    struct i440fx *bridge;
    u64 base, size;
    struct region way[4]; /* by PAM attribute; [0] unused */
};

struct i440fx {
    struct device dev;
    struct pci_device pci;
    struct ram *ram, *rom;
    u64 ram_size, rom_base, rom_off;
    struct segment segment[SEGMENTS];
    struct region rom_region, smram;
};

/* Where segment n is programmed: PAM0's high nibble is F0000, then nibbles from C0000 up. */
static unsigned attribute(const struct i440fx *b, unsigned n)
{
    u8 pam = b->pci.config[PAM0 + (n + 1) / 2];
    return (n & 1 ? pam : pam >> 4) & 3;
}

static void update_pam(struct i440fx *b)
{
    space_begin(&b->dev.sys->mem);
    for (unsigned n = 0; n < SEGMENTS; n++)
        for (unsigned way = 1; way < 4; way++)
            region_enable(&b->segment[n].way[way], way == attribute(b, n));
    space_commit(&b->dev.sys->mem);
}

static void update_smram(struct i440fx *b)
{
    u8 r = b->pci.config[SMRAM];
    region_enable(&b->smram, (r & (SMRAM_OPEN | SMRAM_ENABLE | SMRAM_LOCK)) == (SMRAM_OPEN | SMRAM_ENABLE));
}

/* Setting D_LCK closes SMRAM and freezes the register until reset (3.2.25). */
static void set_smram_mask(struct i440fx *b)
{
    u8 *r = &b->pci.config[SMRAM];
    bool locked = *r & SMRAM_LOCK;
    if (locked)
        *r &= (u8)~SMRAM_OPEN;
    b->pci.wmask[SMRAM] = locked ? SMRAM_CLOSED : SMRAM_OPEN | SMRAM_CLOSED | SMRAM_LOCK | SMRAM_ENABLE;
}

static void config_written(void *owner, unsigned off, unsigned size)
{
    struct i440fx *b = owner;
    if (off <= PAM6 && off + size > PAM0) {
        trace(b->dev.sys->trace, pci, "PAM %02x %02x %02x %02x %02x %02x %02x", b->pci.config[PAM0],
              b->pci.config[PAM0 + 1], b->pci.config[PAM0 + 2], b->pci.config[PAM0 + 3], b->pci.config[PAM0 + 4],
              b->pci.config[PAM0 + 5], b->pci.config[PAM0 + 6]);
        update_pam(b);
    }
    if (off <= SMRAM && off + size > SMRAM) {
        set_smram_mask(b);
        update_smram(b);
    }
}

/* Writes that go to RAM while reads go to ROM: how a BIOS copies itself into its shadow. */
static void shadow_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct segment *s = owner;
    struct ram *ram = s->bridge->ram;
    st_le(ram->host + s->base + off, val, size);
    ram_written(&s->bridge->dev.sys->mem, ram, s->base + off, size);
}

static u64 no_rom(void *owner, u64 off, unsigned size)
{
    (void)owner;
    (void)off;
    return size_mask(size);
}

static void claim(struct i440fx *b, struct region *r, const char *name, u64 base, u64 size)
{
    r->name = name;
    r->base = base;
    r->size = size;
    r->priority = PRIO_SHADOW;
    r->ram = b->ram;
    r->ram_off = base;
    r->host = b->ram->host + base;
}

static void create_segment(struct i440fx *b, unsigned n)
{
    struct segment *s = &b->segment[n];
    struct space *mem = &b->dev.sys->mem;
    s->bridge = b;
    s->base = n == 0 ? 0xf0000 : 0xc0000 + (n - 1) * 0x4000u;
    s->size = n == 0 ? 0x10000 : 0x4000;
    for (unsigned way = 1; way < 4; way++) {
        struct region *r = &s->way[way];
        claim(b, r,
              way == PAM_READ    ? "pam-readonly"
              : way == PAM_WRITE ? "pam-writeonly"
                                 : "pam-ram",
              s->base, s->size);
        r->rom = way != PAM_BOTH;
        if (way == PAM_WRITE) {
            bool behind = b->rom && s->base >= b->rom_base;
            r->owner = s;
            r->read = no_rom;
            r->write = shadow_write;
            r->ram = behind ? b->rom : NULL;
            r->ram_off = behind ? b->rom_off + (s->base - b->rom_base) : 0;
            r->host = behind ? b->rom->host + r->ram_off : NULL;
            r->rom = behind;
        }
        region_add(mem, r);
    }
}

static const struct pci_identity identity = {
    .vendor = 0x8086,
    .device = 0x1237,
    .revision = 2,
    .class_code = 0x060000,
};

/* Register masks of 82441FX, chapter 3.2; what is not listed is reserved and reads as zero. */
static void set_masks(struct pci_device *p)
{
    static const struct {
        u8 first, last, mask;
    } rows[] = {
        {0x0d, 0x0d, 0xf8}, {0x50, 0x51, 0xff}, {0x52, 0x53, 0xff}, {0x54, 0x58, 0xff}, {0x59, 0x59, 0x30},
        {0x5a, 0x5f, 0x33}, {0x60, 0x67, 0xff}, {0x68, 0x6b, 0xff}, {0x70, 0x71, 0xff}, {0x90, 0x90, 0xff},
        {0x91, 0x91, 0x00}, {0x92, 0x92, 0x00}, {0x93, 0x93, 0x0b},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        memset(p->wmask + rows[i].first, rows[i].mask, rows[i].last - rows[i].first + 1u);
    p->w1cmask[0x91] = 0x11;
}

static bool create(struct device *dev, const void *cfg)
{
    struct i440fx *b = container_of(dev, struct i440fx, dev);
    const struct i440fx_config *c = cfg;
    if (!c)
        return device_fail(dev->sys, "the i440FX host bridge needs a PCI bus");
    if (!pci_device_init(&b->pci, dev->sys, c->bus, 0, &identity, b))
        return false;
    b->pci.config_written = config_written;
    b->ram = c->ram;
    b->ram_size = c->ram_size;
    b->rom = c->rom;
    b->rom_off = c->rom_off;
    b->rom_base = c->rom_base;
    set_masks(&b->pci);
    if (c->rom)
        region_ram(&b->rom_region, &dev->sys->mem, "bios-low", c->rom_base, c->rom, c->rom_off, 0x100000 - c->rom_base,
                   true);
    for (unsigned n = 0; n < SEGMENTS; n++)
        create_segment(b, n);
    claim(b, &b->smram, "smram", 0xa0000, 0x20000);
    b->smram.priority = PRIO_OVERLAY;
    region_add(&dev->sys->mem, &b->smram);
    return true;
}

static void reset(struct device *dev)
{
    struct i440fx *b = container_of(dev, struct i440fx, dev);
    u64 units = b->ram_size >> 23;
    pci_device_reset(&b->pci);
    b->pci.config[DRAM_SIZE] = (u8)MIN(units, 255); /* in 8 MiB, as QEMU tells coreboot */
    b->pci.config[SMRAM] = SMRAM_BASE;
    set_smram_mask(b);
    update_pam(b);
    update_smram(b);
}

static void restored(struct device *dev)
{
    struct i440fx *b = container_of(dev, struct i440fx, dev);
    pci_device_restored(&b->pci);
    set_smram_mask(b);
    update_pam(b);
    update_smram(b);
}

static const struct state_field state[] = {
    DEVICE_STATE(struct i440fx),
    PCI_DEVICE_STATE(struct i440fx, pci),
    HOST(struct i440fx, ram),
    HOST(struct i440fx, rom),
    HOST(struct i440fx, ram_size),
    HOST(struct i440fx, rom_base),
    HOST(struct i440fx, rom_off),
    HOST(struct i440fx, segment),
    HOST(struct i440fx, rom_region),
    HOST(struct i440fx, smram),
    STATE_END,
};

const struct device_class i440fx_class = {
    .name = "i440FX",
    .description = "host bridge",
    .bus = "PCI",
    .size = sizeof(struct i440fx),
    .state = state,
    .create = create,
    .reset = reset,
    .restored = restored,
};
