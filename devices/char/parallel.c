/*
 * Standard parallel port with an ever-ready printer. A strobe takes the data
 * byte; the printer is busy while the host stream takes it, acknowledges with
 * a pulse, and the end of the pulse interrupts.
 */
#include "devices/core/chardev.h"
#include "devices/devices.h"
#include "devices/pc_map.h"

enum { DATA = 0, STATUS = 1, CONTROL = 2 };
enum {
    STATUS_NOT_BUSY = BIT(7),
    STATUS_NOT_ACK = BIT(6),
    STATUS_SELECTED = BIT(4),
    STATUS_NOT_ERROR = BIT(3),
    STATUS_UNUSED = 7,
    CONTROL_STROBE = BIT(0),
    CONTROL_NOT_INIT = BIT(2),
    CONTROL_IRQ = BIT(4),
    CONTROL_INPUT = BIT(5),
    CONTROL_UNUSED = 0xc0,
};
enum phase { IDLE, BUSY, ACK };
enum { BUSY_NS = 5000, ACK_NS = 5000, RETRY_NS = 1000000 };

struct parallel {
    struct device dev;
    u8 data, control;
    u8 phase;
    bool irq;
    struct event step;
    u8 index, irq_number;
    u16 iobase;
    struct irq irq_line;
    struct chardev *chardev;
    struct region ports;
};

enum { ANY = 0xff /* the next that is free */ };
static const struct {
    u16 iobase;
    u8 irq;
} usual[] = {{PC_PORT_LPT1, PC_IRQ_LPT1},
             {PC_PORT_LPT2, PC_IRQ_LPT2},
             {PC_PORT_LPT3, PC_IRQ_LPT1}}; /* LPT1 to LPT3, as QEMU numbers them */

static const struct property properties[] = {
    PROPERTY_CHARDEV(struct parallel, chardev),
    PROPERTY_UINT("index", struct parallel, index, ANY, 0, ANY, NULL, "0 is LPT1: its usual port and interrupt"),
    PROPERTY_UINT("iobase", struct parallel, iobase, 0, 0, 0xfff8, "port", "the first port; 0: as the index says"),
    PROPERTY_UINT("irq", struct parallel, irq_number, 0, 0, 15, NULL, "the interrupt line; 0: as the index says"),
    PROPERTY_END,
};

static const struct state_field parallel_state[] = {
    DEVICE_STATE(struct parallel),
    STATE(struct parallel, data),
    STATE(struct parallel, control),
    STATE_RANGE(struct parallel, phase, 0, ACK),
    STATE(struct parallel, irq),
    EVENT(struct parallel, step),
    HOST(struct parallel, index),
    HOST(struct parallel, irq_number),
    HOST(struct parallel, iobase),
    STRUCTS(struct parallel, irq_line, struct irq, wire_state),
    HOST(struct parallel, chardev),
    HOST(struct parallel, ports),
    STATE_END,
};

static void set_irq(struct parallel *p, bool level)
{
    p->irq = level;
    irq_set(&p->irq_line, level);
}

static void step_in(struct parallel *p, enum phase phase, u64 ns)
{
    p->phase = (u8)phase;
    event_at(&p->dev.sys->clock, &p->step, clock_now(&p->dev.sys->clock) + ns);
}

static void step_due(void *owner)
{
    struct parallel *p = owner;
    if (p->phase == BUSY) {
        bool taken = chardev_write(p->chardev, &p->data, 1) == 1;
        step_in(p, taken ? ACK : BUSY, taken ? ACK_NS : RETRY_NS);
    } else if (p->phase == ACK) {
        p->phase = IDLE;
        if (p->control & CONTROL_IRQ)
            set_irq(p, true);
    }
}

static u8 status(struct parallel *p)
{
    u8 val = STATUS_SELECTED | STATUS_NOT_ERROR | STATUS_UNUSED;
    if (p->phase != BUSY)
        val |= STATUS_NOT_BUSY;
    if (p->phase != ACK)
        val |= STATUS_NOT_ACK;
    set_irq(p, false);
    return val;
}

static void control_write(struct parallel *p, u8 val)
{
    bool strobe = val & ~p->control & CONTROL_STROBE;
    p->control = val & (u8)~CONTROL_UNUSED;
    if (!(val & CONTROL_NOT_INIT)) { /* the printer is being reset */
        p->phase = IDLE;
        event_cancel(&p->dev.sys->clock, &p->step);
    } else if (strobe && p->phase != BUSY) {
        trace(p->dev.sys->trace, parallel, "print %02x", p->data);
        step_in(p, BUSY, BUSY_NS);
    }
    if (!(val & CONTROL_IRQ))
        set_irq(p, false);
}

static u64 read(void *owner, u64 off, unsigned size)
{
    (void)size;
    struct parallel *p = owner;
    switch (off) {
    case DATA:
        return p->control & CONTROL_INPUT ? 0xff : p->data;
    case STATUS:
        return status(p);
    case CONTROL:
        return p->control | CONTROL_UNUSED;
    default:
        return 0xff;
    }
}

static void write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)size;
    struct parallel *p = owner;
    if (off == DATA && p->phase != BUSY)
        p->data = (u8)val;
    else if (off == CONTROL)
        control_write(p, (u8)val);
}

static bool create(struct device *dev, const void *cfg)
{
    struct parallel *p = container_of(dev, struct parallel, dev);
    (void)cfg;
    if (p->index == ANY)
        p->index = (u8)device_free_index(dev, offsetof(struct parallel, index));
    if (p->index >= ARRAY_LEN(usual))
        return device_fail(dev->sys, "isa-parallel: there are at most %zu parallel ports", ARRAY_LEN(usual));
    if (!p->iobase)
        p->iobase = usual[p->index].iobase;
    if (!p->irq_number)
        p->irq_number = usual[p->index].irq;
    p->irq_line = bus_line(dev, p->irq_number);
    region_device(&p->ports, &dev->sys->io, "parallel", p->iobase, 4, p, read, write);
    p->ports.max_access = 1;
    event_init(&p->step, "parallel", step_due, p);
    return true;
}

static void reset(struct device *dev)
{
    struct parallel *p = container_of(dev, struct parallel, dev);
    p->data = 0;
    p->control = CONTROL_NOT_INIT | BIT(3);
    p->phase = IDLE;
    event_cancel(&dev->sys->clock, &p->step);
    set_irq(p, false);
}

static void destroy(struct device *dev) { bus_line_free(dev, container_of(dev, struct parallel, dev)->irq_line); }

const struct device_class isa_parallel_class = {
    .name = "isa-parallel",
    .description = "parallel port with a printer",
    .bus = "ISA",
    .user_creatable = true,
    .hotpluggable = true,
    .properties = properties,
    .size = sizeof(struct parallel),
    .state = parallel_state,
    .create = create,
    .reset = reset,
    .destroy = destroy,
};
