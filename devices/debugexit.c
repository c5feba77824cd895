/*
 * isa-debug-exit: how test programs end the emulator. A value v written gives
 * exit status (v << 1) | 1, which is never the 0 of an ordinary end.
 */
#include "devices/devices.h"

struct debugexit {
    struct device dev;
    u16 iobase, iosize;
    struct region ports;
};

static const struct property properties[] = {
    PROPERTY_UINT("iobase", struct debugexit, iobase, 0x501, 0, 0xffff, "port", "the first port"),
    PROPERTY_UINT("iosize", struct debugexit, iosize, 2, 1, 0xffff, "ports", "how many"),
    PROPERTY_END,
};

static const struct state_field debugexit_state[] = {
    DEVICE_STATE(struct debugexit),
    HOST(struct debugexit, iobase),
    HOST(struct debugexit, iosize),
    HOST(struct debugexit, ports),
    STATE_END,
};

static u64 read(void *owner, u64 off, unsigned size) { return (void)owner, (void)off, (void)size, 0; }

static void write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)off, (void)size;
    struct system *sys = ((struct debugexit *)owner)->dev.sys;
    sys->exit_code = (int)((u32)val << 1 | 1);
    trace(sys->trace, debugcon, "debug exit: value %llx", (unsigned long long)val);
    system_request(sys, REQUEST_EXIT);
}

static bool create(struct device *dev, const void *cfg)
{
    struct debugexit *d = container_of(dev, struct debugexit, dev);
    (void)cfg;
    if (d->iobase + d->iosize > 0x10000)
        return device_fail(dev->sys, "isa-debug-exit: ports %#x to %#x lie beyond 0xffff; choose a lower iobase",
                           d->iobase, d->iobase + d->iosize - 1);
    region_device(&d->ports, &dev->sys->io, "debug exit", d->iobase, d->iosize, d, read, write);
    return true;
}

const struct device_class debugexit_class = {
    .name = "isa-debug-exit",
    .description = "a port that ends the emulator",
    .bus = "ISA",
    .user_creatable = true,
    .properties = properties,
    .size = sizeof(struct debugexit),
    .state = debugexit_state,
    .create = create,
};
