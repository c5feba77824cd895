/*
 * A serial port on the ISA bus: a 16550A at the ports and interrupt line that
 * COM1 to COM4 have, or others.
 */
#include "devices/devices.h"
#include "devices/char/uart.h"
#include "devices/pc_map.h"

struct isa_serial {
    struct device dev;
    u8 index, irq;
    u16 iobase;
    struct uart uart;
};

enum { ANY = 0xff /* the next that is free */ };
static const struct {
    u16 iobase;
    u8 irq;
} com[] = {
    {PC_PORT_COM1, PC_IRQ_COM1}, {PC_PORT_COM2, PC_IRQ_COM2}, {PC_PORT_COM3, PC_IRQ_COM1}, {PC_PORT_COM4, PC_IRQ_COM2}};

static const struct property properties[] = {
    PROPERTY_CHARDEV(struct isa_serial, uart.chardev),
    PROPERTY_UINT("index", struct isa_serial, index, ANY, 0, ANY, NULL, "0 is COM1: its usual port and interrupt"),
    PROPERTY_UINT("iobase", struct isa_serial, iobase, 0, 0, 0xfff8, "port", "the first port; 0: as the index says"),
    PROPERTY_UINT("irq", struct isa_serial, irq, 0, 0, 15, NULL, "the interrupt line; 0: as the index says"),
    PROPERTY_END,
};

static const struct state_field state[] = {
    DEVICE_STATE(struct isa_serial),
    HOST(struct isa_serial, index),
    HOST(struct isa_serial, irq),
    HOST(struct isa_serial, iobase),
    STRUCTS(struct isa_serial, uart, struct uart, uart_state),
    STATE_END,
};

static bool create(struct device *dev, const void *cfg)
{
    struct isa_serial *s = container_of(dev, struct isa_serial, dev);
    (void)cfg;
    if (s->index == ANY)
        s->index = (u8)device_free_index(dev, offsetof(struct isa_serial, index));
    if (s->index >= ARRAY_LEN(com) && !(s->iobase && s->irq))
        return device_fail(dev->sys, "isa-serial: a fifth serial port needs iobase= and irq=");
    if (!s->iobase)
        s->iobase = com[s->index].iobase;
    if (!s->irq)
        s->irq = com[s->index].irq;
    uart_init(&s->uart, dev, bus_line(dev, s->irq));
    s->uart.ports.base = s->iobase;
    s->uart.ports.enabled = true;
    region_add(&dev->sys->io, &s->uart.ports);
    return true;
}

static void reset(struct device *dev) { uart_reset(&container_of(dev, struct isa_serial, dev)->uart); }
static void restored(struct device *dev) { uart_restored(&container_of(dev, struct isa_serial, dev)->uart); }
static void destroy(struct device *dev)
{
    bus_line_free(dev, container_of(dev, struct isa_serial, dev)->uart.irq_line);
}

const struct device_class isa_serial_class = {
    .name = "isa-serial",
    .description = "serial port, a 16550A",
    .bus = "ISA",
    .user_creatable = true,
    .hotpluggable = true,
    .size = sizeof(struct isa_serial),
    .state = state,
    .properties = properties,
    .create = create,
    .reset = reset,
    .restored = restored,
    .destroy = destroy,
};
