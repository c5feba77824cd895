/*
 * isa-debugcon, from Bochs: one port, bytes written go to a host stream, and
 * E9h read back tells firmware that somebody listens.
 */
#include "devices/devices.h"

#include "devices/core/chardev.h"

struct debugcon {
    struct device dev;
    u16 iobase;
    u8 readback;
    struct chardev *chardev;
    struct region ports;
};

static const struct property properties[] = {
    PROPERTY_CHARDEV(struct debugcon, chardev),
    PROPERTY_UINT("iobase", struct debugcon, iobase, 0xe9, 0, 0xffff, "port", "the port; SeaBIOS writes to 0x402"),
    PROPERTY_UINT("readback", struct debugcon, readback, 0xe9, 0, 0xff, NULL, "what reading the port gives"),
    PROPERTY_END,
};

static const struct state_field debugcon_state[] = {
    DEVICE_STATE(struct debugcon),  HOST(struct debugcon, iobase), HOST(struct debugcon, readback),
    HOST(struct debugcon, chardev), HOST(struct debugcon, ports),  STATE_END,
};

static u64 read(void *owner, u64 off, unsigned size)
{
    (void)off, (void)size;
    return ((struct debugcon *)owner)->readback;
}

static void write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)off, (void)size;
    struct debugcon *d = owner;
    u8 byte = (u8)val;
    chardev_put(d->chardev, &byte, 1);
}

static bool create(struct device *dev, const void *cfg)
{
    struct debugcon *d = container_of(dev, struct debugcon, dev);
    (void)cfg;
    region_device(&d->ports, &dev->sys->io, "debugcon", d->iobase, 1, d, read, write);
    return true;
}

const struct device_class debugcon_class = {
    .name = "isa-debugcon",
    .description = "debug console of Bochs",
    .bus = "ISA",
    .user_creatable = true,
    .hotpluggable = true,
    .properties = properties,
    .size = sizeof(struct debugcon),
    .state = debugcon_state,
    .create = create,
};
