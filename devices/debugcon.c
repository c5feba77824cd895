/*
 * isa-debugcon, from Bochs: one port, bytes written go to a host stream, and
 * E9h read back tells firmware that somebody listens.
 */
#include "devices/debugcon.h"

enum { DEFAULT_PORT = 0xe9, READBACK = 0xe9 };

struct debugcon {
    struct device dev;
    struct debugcon_device_config cfg;
    struct region ports;
};

static const struct state_field debugcon_state[] = {
    DEVICE_STATE(struct debugcon),
    HOST(struct debugcon, cfg),
    HOST(struct debugcon, ports),
    STATE_END,
};

static u64 read(void *owner, u64 off, unsigned size) { return (void)owner, (void)off, (void)size, READBACK; }

static void write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)off, (void)size;
    struct debugcon *d = owner;
    u8 byte = (u8)val;
    chardev_put(d->cfg.chardev, &byte, 1);
}

static bool create(struct device *dev, const void *cfg)
{
    struct debugcon *d = container_of(dev, struct debugcon, dev);
    if (cfg)
        d->cfg = *(const struct debugcon_device_config *)cfg;
    if (!d->cfg.port)
        d->cfg.port = DEFAULT_PORT;
    region_device(&d->ports, &dev->sys->io, "debugcon", d->cfg.port, 1, d, read, write);
    return true;
}

const struct device_class debugcon_class = {
    .name = "isa-debugcon",
    .size = sizeof(struct debugcon),
    .state = debugcon_state,
    .create = create,
};
