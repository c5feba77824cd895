/*
 * QEMU's educational device (docs/specs/edu.txt there), on which people learn
 * to write drivers: registers in 1 MiB of memory, a factorial, interrupts by
 * pin or message, and a DMA engine with 4 KiB of its own.
 *
 * Registers below 80h are read and written as dwords, the others also as
 * quadwords; other accesses do nothing. A transfer beyond the 4 KiB moves
 * nothing.
 */
#include "devices/devices.h"
#include "devices/pci/pci.h"

enum { BAR_SIZE = 1 << 20, BUFFER = 0x40000, BUFFER_SIZE = 4096, WIDE_REGISTERS = 0x80 };
enum {
    REG_ID = 0x00,
    REG_LIVENESS = 0x04,
    REG_FACTORIAL = 0x08,
    REG_STATUS = 0x20,
    REG_INTERRUPT = 0x24,
    REG_RAISE = 0x60,
    REG_ACKNOWLEDGE = 0x64,
    REG_SOURCE = 0x80,
    REG_TARGET = 0x88,
    REG_COUNT = 0x90,
    REG_COMMAND = 0x98,
};
enum { ID = 0x010000ed };
enum { STATUS_COMPUTING = 0x01, STATUS_INTERRUPT = 0x80 };
enum { DMA_RUN = BIT(0), DMA_TO_MEMORY = BIT(1), DMA_INTERRUPT = BIT(2) };
enum { INTERRUPT_FACTORIAL = 0x001, INTERRUPT_DMA = 0x100 };
enum { FACTORIAL_NS = 10000, DMA_NS = 100 * 1000000 };

struct edu {
    struct device dev;
    struct pci_device pci;
    struct region registers;
    u64 dma_mask; /* of addresses in memory */
    u32 liveness, factorial, status, interrupt;
    u64 source, target, count, command;
    struct event computed, moved;
    u8 buffer[BUFFER_SIZE];
};

static const struct property properties[] = {
    PROPERTY_UINT("dma_mask", struct edu, dma_mask, BIT64(28) - 1, 0, UINT64_MAX, NULL,
                  "what of an address in memory counts"),
    PCI_PROPERTIES(struct edu, pci),
    PROPERTY_END,
};

static const struct state_field state[] = {
    DEVICE_STATE(struct edu),    PCI_DEVICE_STATE(struct edu, pci),
    HOST(struct edu, registers), HOST(struct edu, dma_mask),
    STATE(struct edu, liveness), STATE(struct edu, factorial),
    STATE(struct edu, status),   STATE(struct edu, interrupt),
    STATE(struct edu, source),   STATE(struct edu, target),
    STATE(struct edu, count),    STATE(struct edu, command),
    EVENT(struct edu, computed), EVENT(struct edu, moved),
    STATE(struct edu, buffer),   STATE_END,
};

static const struct pci_identity identity = {
    .vendor = 0x1234, .device = 0x11e8, .revision = 0x10, .class_code = 0x00ff00, .interrupt_pin = 1};

static void after(struct edu *e, struct event *event, u64 ns)
{
    event_at(&e->dev.sys->clock, event, clock_now(&e->dev.sys->clock) + ns);
}

/* ---- interrupts ---- */

static void raise(struct edu *e, u32 reasons)
{
    e->interrupt |= reasons;
    if (!e->interrupt)
        return;
    pci_set_intx(&e->pci, true);
    pci_msi_send(&e->pci, 0);
}
static void acknowledge(struct edu *e, u32 reasons)
{
    e->interrupt &= ~reasons;
    if (!e->interrupt)
        pci_set_intx(&e->pci, false);
}

/* ---- what it does ---- */

static void computed(void *owner)
{
    enum { ZERO_FROM = 34 }; /* whose factorial is the first that 2^32 divides */
    struct edu *e = owner;
    u32 result = e->factorial < ZERO_FROM;
    for (u32 n = 2; result && n <= e->factorial; n++)
        result *= n;
    e->factorial = result;
    e->status &= ~(u32)STATUS_COMPUTING;
    if (e->status & STATUS_INTERRUPT)
        raise(e, INTERRUPT_FACTORIAL);
}

static void moved(void *owner)
{
    struct edu *e = owner;
    bool to_memory = e->command & DMA_TO_MEMORY;
    u64 at = (to_memory ? e->source : e->target) - BUFFER, addr = (to_memory ? e->target : e->source) & e->dma_mask;
    if (at > BUFFER_SIZE || e->count > BUFFER_SIZE - at)
        trace(e->dev.sys->trace, guest_errors, "edu: DMA of %llu bytes beyond its buffer",
              (unsigned long long)e->count);
    else if (to_memory)
        dma_write(&e->pci.dma, addr, e->buffer + at, e->count);
    else
        dma_read(&e->pci.dma, addr, e->buffer + at, e->count);
    e->command &= ~(u64)DMA_RUN;
    if (e->command & DMA_INTERRUPT)
        raise(e, INTERRUPT_DMA);
}

/* ---- registers ---- */

static bool has_width(u64 off, unsigned size) { return size == 4 || (size == 8 && off >= WIDE_REGISTERS); }

static u64 read_register(void *owner, u64 off, unsigned size)
{
    const struct edu *e = owner;
    if (!has_width(off, size))
        return size_mask(size);
    switch (off) {
    case REG_ID:
        return ID;
    case REG_LIVENESS:
        return e->liveness;
    case REG_FACTORIAL:
        return e->factorial;
    case REG_STATUS:
        return e->status;
    case REG_INTERRUPT:
        return e->interrupt;
    case REG_SOURCE:
        return e->source;
    case REG_TARGET:
        return e->target;
    case REG_COUNT:
        return e->count;
    case REG_COMMAND:
        return e->command;
    default:
        return size_mask(size);
    }
}

/* While a transfer runs, nothing of it can be changed. */
static void write_dma(struct edu *e, u64 off, u64 val)
{
    u64 *reg = off == REG_SOURCE   ? &e->source
               : off == REG_TARGET ? &e->target
               : off == REG_COUNT  ? &e->count
                                   : &e->command;
    if ((e->command & DMA_RUN) || (off == REG_COMMAND && !(val & DMA_RUN)))
        return;
    *reg = val;
    if (off == REG_COMMAND)
        after(e, &e->moved, DMA_NS);
}

static void write_register(void *owner, u64 off, u64 val, unsigned size)
{
    struct edu *e = owner;
    if (!has_width(off, size))
        return;
    switch (off) {
    case REG_LIVENESS:
        e->liveness = ~(u32)val;
        break;
    case REG_FACTORIAL:
        if (e->status & STATUS_COMPUTING)
            break;
        e->factorial = (u32)val;
        e->status |= STATUS_COMPUTING;
        after(e, &e->computed, FACTORIAL_NS);
        break;
    case REG_STATUS:
        e->status = (e->status & ~(u32)STATUS_INTERRUPT) | ((u32)val & STATUS_INTERRUPT);
        break;
    case REG_RAISE:
        raise(e, (u32)val);
        break;
    case REG_ACKNOWLEDGE:
        acknowledge(e, (u32)val);
        break;
    case REG_SOURCE:
    case REG_TARGET:
    case REG_COUNT:
    case REG_COMMAND:
        write_dma(e, off, val);
        break;
    default:
        break;
    }
}

/* ---- its life ---- */

static bool create(struct device *dev, const void *cfg)
{
    struct edu *e = container_of(dev, struct edu, dev);
    (void)cfg;
    if (!pci_plug(&e->pci, dev, &identity))
        return false;
    event_init(&e->computed, "edu factorial", computed, e);
    event_init(&e->moved, "edu DMA", moved, e);
    e->registers =
        (struct region){.name = "edu", .owner = e, .read = read_register, .write = write_register, .size = BAR_SIZE};
    pci_msi_init(&e->pci, 1, false);
    pci_bar(&e->pci, 0, PCI_BAR_MEM32, &e->registers);
    return true;
}

static void cancel(struct edu *e)
{
    event_cancel(&e->dev.sys->clock, &e->computed);
    event_cancel(&e->dev.sys->clock, &e->moved);
}

static void reset(struct device *dev)
{
    struct edu *e = container_of(dev, struct edu, dev);
    pci_device_reset(&e->pci);
    cancel(e);
    e->liveness = e->factorial = e->status = e->interrupt = 0;
    e->source = e->target = e->count = e->command = 0;
    memset(e->buffer, 0, sizeof(e->buffer));
}

static void restored(struct device *dev) { pci_device_restored(&container_of(dev, struct edu, dev)->pci); }

static void destroy(struct device *dev)
{
    struct edu *e = container_of(dev, struct edu, dev);
    cancel(e);
    pci_unplug(&e->pci);
}

const struct device_class edu_class = {
    .name = "edu",
    .description = "device to learn to write drivers on",
    .bus = "PCI",
    .user_creatable = true,
    .hotpluggable = true,
    .size = sizeof(struct edu),
    .state = state,
    .properties = properties,
    .create = create,
    .reset = reset,
    .restored = restored,
    .destroy = destroy,
};
