/*
 * PCI bus 0 (PCI 2.1 specification): configuration mechanism 1 at CF8/CFC,
 * configuration space with write masks, base address registers that move
 * regions as they are programmed, interrupt pins swizzled onto PIRQA-D.
 *
 * Memory BARs lie under everything else: the host bridge decodes RAM before
 * it forwards a cycle to PCI. A BAR that points at 0 or past the end of its
 * space answers nowhere, which is what firmware relies on when it sizes BARs
 * with decoding left on. There is one bus and no bridges.
 */
#include "devices/pci/pci.h"
#include "devices/pc_map.h"

struct pci_bus {
    struct device dev;
    struct bus bus;
    struct region port;
    struct pci_device *slot[256];
    struct irq pirq[4];
    struct msi msi;
    u32 address;
    u16 up[4]; /* functions that hold each PIRQ up */
};

const struct state_field pci_device_state[] = {
    HOST(struct pci_device, bus),       HOST(struct pci_device, owner),
    HOST(struct pci_device, id),        HOST(struct pci_device, config_written),
    HOST(struct pci_device, bar),       HOST(struct pci_device, dma),
    HOST(struct pci_device, msi),       HOST(struct pci_device, devfn),
    HOST(struct pci_device, addr),      STATE(struct pci_device, intx),
    STATE(struct pci_device, intx_out), STATE_RANGE(struct pci_device, cap_next, 0, 0xfc),
    STATE(struct pci_device, config),   HOST(struct pci_device, wmask),
    HOST(struct pci_device, w1cmask),   STATE_END,
};

static unsigned bar_offset(unsigned n) { return n == PCI_ROM ? PCI_ROM_BAR : PCI_BAR0 + 4 * n; }
static bool bar_is_64(const struct pci_bar *b) { return !(b->type & PCI_BAR_IO) && (b->type & PCI_BAR_MEM64); }

/* Where BAR n decodes now, or UINT64_MAX (PCI 2.1, 6.2.5). */
static u64 bar_address(const struct pci_device *d, unsigned n)
{
    const struct pci_bar *b = &d->bar[n];
    u8 command = d->config[PCI_COMMAND];
    u32 low = ld32(d->config + bar_offset(n));
    u64 base;
    if (!(command & (b->type == PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)))
        return UINT64_MAX;
    if (n == PCI_ROM && !(low & 1))
        return UINT64_MAX;
    base = low & ~(b->size - 1);
    if (bar_is_64(b))
        base |= (u64)ld32(d->config + bar_offset(n) + 4) << 32;
    if (base == 0)
        return UINT64_MAX;
    if (b->type == PCI_BAR_IO)
        return base + b->size > 0x10000 ? UINT64_MAX : base;
    /* All ones in the address bits is a guest that sizes the BAR. */
    if (!bar_is_64(b))
        return base + b->size >= BIT64(32) ? UINT64_MAX : base;
    return base + b->size - 1 >= b->region->space->limit || base + b->size < base ? UINT64_MAX : base;
}

static bool bar_is_mapped(const struct pci_device *d, unsigned n)
{
    const struct region *r = d->bar[n].region;
    u64 base = bar_address(d, n);
    return base == UINT64_MAX ? !r->enabled : r->enabled && r->base == base;
}

static void map_bar(struct pci_device *d, unsigned n)
{
    struct region *r = d->bar[n].region;
    u64 base = bar_address(d, n);
    trace(d->bus->dev.sys->trace, pci, "%02x.%u: %s %s at %#llx", d->devfn >> 3, d->devfn & 7, r->name,
          base != UINT64_MAX ? "mapped" : "unmapped", (unsigned long long)(base != UINT64_MAX ? base : r->base));
    space_begin(r->space);
    if (base != UINT64_MAX)
        region_move(r, base);
    region_enable(r, base != UINT64_MAX);
    space_commit(r->space);
}

static void map_bars(struct pci_device *d)
{
    for (unsigned n = 0; n < PCI_BARS; n++)
        if (d->bar[n].region && !bar_is_mapped(d, n))
            map_bar(d, n);
}

/* INTA of device 1 is PIRQA, and each device and pin is one further round. */
static unsigned pirq_of(const struct pci_device *d)
{
    return ((d->config[PCI_INT_PIN] - 1u) + (d->devfn >> 3) - 1u) & 3;
}

static void update_intx(struct pci_device *d)
{
    struct pci_bus *bus = d->bus;
    bool out = d->intx && !(ld16(d->config + PCI_COMMAND) & PCI_COMMAND_INTX_OFF) && d->config[PCI_INT_PIN] &&
               !pci_msi_enabled(d);
    unsigned line = pirq_of(d);
    if (d->intx)
        d->config[PCI_STATUS] |= PCI_STATUS_INTX;
    else
        d->config[PCI_STATUS] &= (u8)~PCI_STATUS_INTX;
    if (out == d->intx_out)
        return;
    d->intx_out = out;
    bus->up[line] = (u16)(bus->up[line] + (out ? 1 : -1));
    irq_set(&bus->pirq[line], bus->up[line] != 0);
}

void pci_set_intx(struct pci_device *d, bool level)
{
    d->intx = level;
    update_intx(d);
}

void pci_send_message(struct pci_device *d, u64 addr, u32 data)
{
    u8 bytes[4];
    if (!(d->config[PCI_COMMAND] & PCI_COMMAND_MASTER))
        return;
    trace(d->bus->dev.sys->trace, pci, "%02x.%u: message %08x to %llx", d->devfn >> 3, d->devfn & 7, data,
          (unsigned long long)addr);
    st32(bytes, data);
    if (!msi_send(&d->bus->msi, addr, data))
        dma_write(&d->dma, addr, bytes, sizeof(bytes));
}

bool pci_device_init(struct pci_device *d, struct system *sys, struct device *bus, unsigned devfn,
                     const struct pci_identity *id, void *owner)
{
    struct pci_bus *b = container_of(bus, struct pci_bus, dev);
    if (b->slot[devfn & 0xff])
        return device_fail(sys, "PCI slot %02x.%u is taken", devfn >> 3, devfn & 7);
    d->bus = b;
    d->devfn = (u8)devfn;
    d->owner = owner;
    d->id = id;
    d->dma = (struct dma_view){&sys->mem, UINT32_MAX, &d->config[PCI_COMMAND], PCI_COMMAND_MASTER};
    b->slot[d->devfn] = d;
    st16(d->wmask + PCI_COMMAND,
         PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_SERR | PCI_COMMAND_INTX_OFF);
    st16(d->w1cmask + PCI_STATUS, PCI_STATUS_ERRORS);
    d->wmask[PCI_CACHE_LINE] = 0xff;
    d->wmask[PCI_INT_LINE] = 0xff;
    return true;
}

bool pci_plug(struct pci_device *d, struct device *dev, const struct pci_identity *id)
{
    if (!dev->bus || !dev->bus->owner)
        return device_fail(dev->sys, "%s needs a PCI bus", dev->cls->name);
    const struct pci_bus *b = container_of(dev->bus->owner, struct pci_bus, dev);
    unsigned devfn = d->addr;
    for (unsigned slot = PC_PCI_FREE >> 16; devfn == DEVFN_ANY && slot < 32; slot++)
        if (!b->slot[slot << 3])
            devfn = slot << 3;
    if (devfn == DEVFN_ANY)
        return device_fail(dev->sys, "%s: there is no free slot on bus %s", dev->cls->name, dev->bus->name);
    if (!pci_device_init(d, dev->sys, dev->bus->owner, devfn, id, dev))
        return false;
    d->addr = (u16)devfn;
    return true;
}

void pci_unplug(struct pci_device *d)
{
    pci_set_intx(d, false);
    d->bus->slot[d->devfn] = NULL;
}

void pci_bar(struct pci_device *d, unsigned n, enum pci_bar_type type, struct region *r)
{
    struct system *sys = d->bus->dev.sys;
    struct pci_bar *b = &d->bar[n];
    assert(n < PCI_BARS && r->size >= 4 && !(r->size & (r->size - 1)));
    *b = (struct pci_bar){.region = r, .size = r->size, .type = (u8)type};
    r->priority = PRIO_BACKGROUND;
    r->master = &d->dma;
    if (r->space) {
        region_enable(r, false);
    } else {
        r->enabled = false;
        region_add(type == PCI_BAR_IO ? &sys->io : &sys->mem, r);
    }
    u64 mask = ~(b->size - 1);
    st32(d->wmask + bar_offset(n), (u32)mask | (n == PCI_ROM ? 1 : 0));
    if (bar_is_64(b))
        st32(d->wmask + bar_offset(n) + 4, (u32)(mask >> 32));
}

void pci_device_reset(struct pci_device *d)
{
    const struct pci_identity *id = d->id;
    pci_set_intx(d, false);
    memset(d->config, 0, sizeof d->config);
    d->cap_next = 0;
    st16(d->config + PCI_VENDOR_ID, id->vendor);
    st16(d->config + PCI_DEVICE_ID, id->device);
    st16(d->config + PCI_STATUS, id->status);
    st32(d->config + PCI_REVISION, id->class_code << 8 | id->revision);
    d->config[PCI_HEADER_TYPE] = id->multifunction ? 0x80 : 0;
    st16(d->config + PCI_SUBSYSTEM_VENDOR, id->subsystem_vendor ? id->subsystem_vendor : 0x1af4);
    st16(d->config + PCI_SUBSYSTEM, id->subsystem_vendor ? id->subsystem : 0x1100);
    d->config[PCI_INT_PIN] = id->interrupt_pin;
    for (unsigned n = 0; n < PCI_ROM; n++)
        if (d->bar[n].region)
            d->config[bar_offset(n)] = d->bar[n].type;
    pci_msi_reset(d);
    map_bars(d);
}

void pci_device_restored(struct pci_device *d) { map_bars(d); }

unsigned pci_add_capability(struct pci_device *d, u8 id, unsigned size)
{
    unsigned off = d->cap_next ? d->cap_next : 0x40;
    assert(off + size <= 256);
    d->config[off] = id;
    d->config[off + 1] = d->config[PCI_CAP_PTR];
    d->config[PCI_CAP_PTR] = (u8)off;
    d->config[PCI_STATUS] |= PCI_STATUS_CAPS;
    d->cap_next = (u8)((off + size + 3) & ~3u);
    return off;
}

static bool overlaps(unsigned off, unsigned size, unsigned reg, unsigned len)
{
    return off < reg + len && reg < off + size;
}

static void config_write(struct pci_device *d, unsigned off, u32 val, unsigned size)
{
    for (unsigned i = 0; i < size; i++, val >>= 8) {
        u8 *p = &d->config[off + i], w = d->wmask[off + i];
        *p = (u8)((*p & ~w) | (val & w));
        *p &= (u8) ~(val & d->w1cmask[off + i]);
    }
    if (d->msi.at && overlaps(off, size, d->msi.at, PCI_MSI_SIZE)) {
        update_intx(d);
        pci_msi_written(d);
    }
    if (overlaps(off, size, PCI_COMMAND, 2)) {
        update_intx(d);
        map_bars(d);
    } else if (overlaps(off, size, PCI_BAR0, 24) || overlaps(off, size, PCI_ROM_BAR, 4)) {
        map_bars(d);
    }
    if (d->config_written)
        d->config_written(d->owner, off, size);
}

u32 pci_config_read(struct device *dev, unsigned devfn, unsigned off, unsigned size)
{
    struct pci_bus *bus = container_of(dev, struct pci_bus, dev);
    struct pci_device *d = bus->slot[devfn & 0xff];
    u32 val = (u32)size_mask(size);
    if (d && off + size <= 256)
        val = (u32)ld_le(d->config + off, size);
    trace(dev->sys->trace, pci, "%02x.%u[%02x] -> %0*x", devfn >> 3, devfn & 7, off, (int)size * 2, val);
    return val;
}

void pci_config_write(struct device *dev, unsigned devfn, unsigned off, u32 val, unsigned size)
{
    struct pci_bus *bus = container_of(dev, struct pci_bus, dev);
    struct pci_device *d = bus->slot[devfn & 0xff];
    trace(dev->sys->trace, pci, "%02x.%u[%02x] <- %0*x", devfn >> 3, devfn & 7, off, (int)size * 2, val);
    if (d && off + size <= 256)
        config_write(d, off, val, size);
}

/* Enabled, and bus 0: there is no other. */
static bool address_hits(const struct pci_bus *bus) { return bus->address >> 16 == 0x8000; }

/* Only whole dwords reach the address register: smaller cycles are other chips' ports, like CF9. */
static u64 port_read(void *owner, u64 off, unsigned size)
{
    struct pci_bus *bus = owner;
    if (off >= 4) {
        if (!address_hits(bus))
            return size_mask(size);
        return pci_config_read(&bus->dev, bus->address >> 8 & 0xff, (bus->address & 0xfc) + (off & 3), size);
    }
    return bus->address >> (8 * off) & size_mask(size);
}

static void port_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct pci_bus *bus = owner;
    if (off >= 4) {
        if (address_hits(bus))
            pci_config_write(&bus->dev, bus->address >> 8 & 0xff, (bus->address & 0xfc) + (off & 3), (u32)val, size);
    } else if (off == 0 && size == 4) {
        bus->address = (u32)val & 0x80fffffc;
    }
}

void pci_connect_pirq(struct device *dev, const struct irq pirq[4])
{
    struct pci_bus *bus = container_of(dev, struct pci_bus, dev);
    for (unsigned i = 0; i < 4; i++)
        bus->pirq[i] = pirq[i];
}

void pci_connect_msi(struct device *dev, struct msi msi) { container_of(dev, struct pci_bus, dev)->msi = msi; }

static const char *class_name(u16 class)
{
    static const struct {
        u16 class;
        const char *name;
    } names[] = {{0x0101, "IDE controller"}, {0x0200, "Ethernet controller"}, {0x0300, "VGA controller"},
                 {0x0600, "Host bridge"},    {0x0601, "ISA bridge"},          {0x0680, "Bridge"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].class == class)
            return names[i].name;
    return "Device";
}

static void info_bar(const struct pci_device *d, unsigned n, FILE *out)
{
    const struct pci_bar *b = &d->bar[n];
    u64 base = ld32(d->config + bar_offset(n)) & ~(b->size - 1);
    const char *off = bar_address(d, n) == UINT64_MAX ? " (off)" : "";
    if (bar_is_64(b))
        base |= (u64)ld32(d->config + bar_offset(n) + 4) << 32;
    if (b->type == PCI_BAR_IO)
        fprintf(out, "      BAR%u: I/O at 0x%04llx [0x%04llx]%s.\n", n, (unsigned long long)base,
                (unsigned long long)(base + b->size - 1), off);
    else
        fprintf(out, "      BAR%u: %s bit%s memory at 0x%08llx [0x%08llx]%s.\n", n, bar_is_64(b) ? "64" : "32",
                b->type & 8 ? " prefetchable" : "", (unsigned long long)base, (unsigned long long)(base + b->size - 1),
                off);
}

static void info(struct device *dev, FILE *out)
{
    struct pci_bus *bus = container_of(dev, struct pci_bus, dev);
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        const struct pci_device *d = bus->slot[devfn];
        if (!d)
            continue;
        const u8 *c = d->config;
        fprintf(out, "  Bus  0, device %3u, function %u:\n    %s: PCI device %04x:%04x\n", devfn >> 3, devfn & 7,
                class_name(ld16(c + PCI_CLASS_DEVICE)), ld16(c + PCI_VENDOR_ID), ld16(c + PCI_DEVICE_ID));
        fprintf(out, "      PCI subsystem %04x:%04x\n", ld16(c + PCI_SUBSYSTEM_VENDOR), ld16(c + PCI_SUBSYSTEM));
        if (c[PCI_INT_PIN])
            fprintf(out, "      IRQ %u, pin %c\n", c[PCI_INT_LINE], 'A' + c[PCI_INT_PIN] - 1);
        for (unsigned n = 0; n < PCI_BARS; n++)
            if (d->bar[n].region)
                info_bar(d, n, out);
    }
}

static bool create(struct device *dev, const void *cfg)
{
    struct pci_bus *bus = container_of(dev, struct pci_bus, dev);
    (void)cfg;
    bus_init(&bus->bus, dev->sys, dev, "PCI", "pci.0");
    region_device(&bus->port, &dev->sys->io, "pci-config", PC_PORT_PCI, 8, bus, port_read, port_write);
    return true;
}

static void reset(struct device *dev)
{
    struct pci_bus *bus = container_of(dev, struct pci_bus, dev);
    bus->address = 0;
}

static const struct state_field state[] = {
    DEVICE_STATE(struct pci_bus),
    HOST(struct pci_bus, bus),
    HOST(struct pci_bus, port),
    HOST(struct pci_bus, slot),
    HOST(struct pci_bus, pirq),
    HOST(struct pci_bus, msi),
    STATE(struct pci_bus, address),
    STATE_RANGE(struct pci_bus, up, 0, 256),
    STATE_END,
};

const struct device_class pci_bus_class = {
    .name = "i440FX-pcihost",
    .description = "PCI bus",
    .size = sizeof(struct pci_bus),
    .state = state,
    .create = create,
    .reset = reset,
    .info = info,
};
