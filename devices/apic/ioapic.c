/*
 * 82093AA I/O APIC (Intel 290566), version 20h: with an EOI register, as
 * QEMU's. Wires mean "asserted", whatever polarity the entry names. An edge on
 * a masked pin is lost, as the manual has it.
 */
#include "devices/apic/ioapic.h"

enum { IOREGSEL = 0x00, IOWIN = 0x10, EOI = 0x40, SPACE = 0x1000 };
enum { REG_ID = 0, REG_VERSION = 1, REG_ARBITRATION = 2, REG_TABLE = 0x10, VERSION = 0x20 };
enum {
    ENTRY_LOGICAL = BIT(11),
    ENTRY_STATUS = BIT(12),
    ENTRY_REMOTE_IRR = BIT(14),
    ENTRY_LEVEL = BIT(15),
    ENTRY_MASKED = BIT(16),
    ENTRY_READ_ONLY = ENTRY_STATUS | ENTRY_REMOTE_IRR,
    ENTRY_LOW_BITS = 0x1ffff,
};

struct ioapic {
    struct device dev;
    u8 id, select;
    u32 lines;
    u64 entry[IOAPIC_PINS];
    u64 raised[IOAPIC_PINS]; /* how often each input went up, for the monitor */
    struct ioapic_config cfg;
    struct region page;
};

static const struct state_field ioapic_state[] = {
    DEVICE_STATE(struct ioapic),
    STATE_RANGE(struct ioapic, id, 0, 15),
    STATE(struct ioapic, select),
    STATE_RANGE(struct ioapic, lines, 0, BIT(IOAPIC_PINS) - 1),
    STATE(struct ioapic, entry),
    HOST(struct ioapic, cfg),
    HOST(struct ioapic, page),
    STATE(struct ioapic, raised),
    STATE_END,
};

static void send(struct ioapic *a, unsigned pin)
{
    struct apic_bus *bus = a->cfg.bus;
    u64 e = a->entry[pin];
    trace(a->dev.sys->trace, apic, "ioapic pin %u: vector %02x mode %u to %s %02x", pin, (u8)e, (unsigned)(e >> 8 & 7),
          e & ENTRY_LOGICAL ? "logical" : "physical", (unsigned)(e >> 56));
    if (bus && bus->deliver)
        bus->deliver(bus->owner, (u8)(e >> 56), e & ENTRY_LOGICAL, e >> 8 & 7, (u8)e, e & ENTRY_LEVEL);
}

/* Only fixed and lowest priority are ever level triggered: the others have no EOI. */
static bool is_level(u64 e) { return (e & ENTRY_LEVEL) && (e >> 8 & 7) <= APIC_LOWEST; }

/* A level-triggered pin that is up, open and not in service asks. */
static void ask_level(struct ioapic *a, unsigned pin)
{
    u64 *e = &a->entry[pin];
    if (!(a->lines & BIT(pin)) || (*e & (ENTRY_MASKED | ENTRY_REMOTE_IRR)) || !is_level(*e))
        return;
    *e |= ENTRY_REMOTE_IRR;
    send(a, pin);
}

static void input(void *owner, unsigned pin, bool level)
{
    struct ioapic *a = owner;
    bool rising = level && !(a->lines & BIT(pin));
    a->raised[pin] += rising;
    a->lines = level ? a->lines | BIT(pin) : a->lines & ~BIT(pin);
    if (is_level(a->entry[pin]))
        ask_level(a, pin);
    else if (rising && !(a->entry[pin] & ENTRY_MASKED))
        send(a, pin);
}

struct irq ioapic_input(struct device *dev, unsigned pin)
{
    assert(pin < IOAPIC_PINS);
    return (struct irq){input, dev, pin};
}

static void eoi(void *owner, u8 vector)
{
    struct ioapic *a = owner;
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        if ((u8)a->entry[pin] != vector || !(a->entry[pin] & ENTRY_REMOTE_IRR))
            continue;
        a->entry[pin] &= ~(u64)ENTRY_REMOTE_IRR;
        ask_level(a, pin);
    }
}

/* ---- registers ---- */

static u32 register_read(const struct ioapic *a)
{
    unsigned reg = a->select;
    if (reg >= REG_TABLE && reg < REG_TABLE + 2 * IOAPIC_PINS)
        return (u32)(a->entry[(reg - REG_TABLE) / 2] >> (reg & 1 ? 32 : 0));
    switch (reg) {
    case REG_ID:
    case REG_ARBITRATION:
        return (u32)a->id << 24;
    case REG_VERSION:
        return (IOAPIC_PINS - 1) << 16 | VERSION;
    default:
        return 0;
    }
}

static void entry_write(struct ioapic *a, unsigned pin, bool high, u32 val)
{
    u64 *e = &a->entry[pin];
    if (high) {
        *e = (*e & UINT32_MAX) | (u64)(val & 0xff000000) << 32;
        return;
    }
    u32 low = (val & ENTRY_LOW_BITS & ~(u32)ENTRY_READ_ONLY) | ((u32)*e & ENTRY_READ_ONLY);
    /* Remote IRR has no meaning for an edge; Linux ends a stuck interrupt by going through edge mode. */
    if (!(low & ENTRY_LEVEL))
        low &= ~(u32)ENTRY_REMOTE_IRR;
    *e = (*e & ~(u64)UINT32_MAX) | low;
    ask_level(a, pin);
}

static void register_write(struct ioapic *a, u32 val)
{
    unsigned reg = a->select;
    trace(a->dev.sys->trace, apic, "ioapic write %02x %08x", reg, val);
    if (reg == REG_ID)
        a->id = val >> 24 & 15;
    else if (reg >= REG_TABLE && reg < REG_TABLE + 2 * IOAPIC_PINS)
        entry_write(a, (reg - REG_TABLE) / 2, reg & 1, val);
}

static u64 read(void *owner, u64 off, unsigned size)
{
    (void)size;
    struct ioapic *a = owner;
    return off == IOREGSEL ? a->select : off == IOWIN ? register_read(a) : 0;
}

static void write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)size;
    struct ioapic *a = owner;
    if (off == IOREGSEL)
        a->select = (u8)val;
    else if (off == IOWIN)
        register_write(a, (u32)val);
    else if (off == EOI)
        eoi(a, (u8)val);
}

void ioapic_dump(struct device *dev, FILE *out)
{
    static const char *const modes[] = {"fixed", "lowest", "SMI", "...", "NMI", "INIT", "...", "ExtINT"};
    const struct ioapic *a = container_of(dev, struct ioapic, dev);
    fprintf(out, "ioapic: id=%#x sel=%#x\n", a->id, a->select);
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        u64 e = a->entry[i];
        fprintf(out, "  pin %-2u 0x%016llx dest=%02x vec=%-3u %s %-5s %s %s%s%s\n", i, (unsigned long long)e,
                (unsigned)(e >> 56), (u8)e, e & BIT(13) ? "active-lo" : "active-hi", e & ENTRY_LEVEL ? "level" : "edge",
                e & ENTRY_MASKED ? "masked" : "      ", e & ENTRY_LOGICAL ? "logical " : "physical ", modes[e >> 8 & 7],
                e & ENTRY_REMOTE_IRR ? " in service" : "");
    }
    fprintf(out, "  lines up:");
    for (unsigned i = 0; i < IOAPIC_PINS; i++)
        if (a->lines & BIT(i))
            fprintf(out, " %u", i);
    fprintf(out, a->lines ? "\n" : " (none)\n");
}

/* ---- life ---- */

static bool create(struct device *dev, const void *cfg)
{
    struct ioapic *a = container_of(dev, struct ioapic, dev);
    if (cfg)
        a->cfg = *(const struct ioapic_config *)cfg;
    if (a->cfg.bus) {
        a->cfg.bus->eoi = eoi;
        a->cfg.bus->eoi_owner = a;
    }
    region_device(&a->page, &dev->sys->mem, "ioapic", IOAPIC_BASE, SPACE, a, read, write);
    a->page.min_access = a->page.max_access = 4;
    return true;
}

static void reset(struct device *dev)
{
    struct ioapic *a = container_of(dev, struct ioapic, dev);
    a->id = a->cfg.id;
    a->select = 0;
    for (unsigned i = 0; i < IOAPIC_PINS; i++)
        a->entry[i] = ENTRY_MASKED;
}

static void destroy(struct device *dev)
{
    struct ioapic *a = container_of(dev, struct ioapic, dev);
    if (a->cfg.bus)
        a->cfg.bus->eoi = NULL;
}

const struct device_class ioapic_class = {
    .name = "ioapic",
    .description = "I/O APIC",
    .size = sizeof(struct ioapic),
    .state = ioapic_state,
    .create = create,
    .reset = reset,
    .destroy = destroy,
    .info = ioapic_dump,
};
