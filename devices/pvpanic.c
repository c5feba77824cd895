/*
 * pvpanic: reading port 505h names the events the host understands, writing
 * one tells that it happened. A loaded crash kernel is only traced, since the
 * guest then goes on by itself.
 */
#include "devices/pvpanic.h"

enum { PORT = 0x505, PANICKED = BIT(0), CRASH_LOADED = BIT(1) };

struct pvpanic {
    struct device dev;
    struct region ports;
};

static const struct state_field pvpanic_state[] = {
    DEVICE_STATE(struct pvpanic),
    HOST(struct pvpanic, ports),
    STATE_END,
};

static u64 read(void *owner, u64 off, unsigned size)
{
    return (void)owner, (void)off, (void)size, PANICKED | CRASH_LOADED;
}

static void write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)off, (void)size;
    struct system *sys = ((struct pvpanic *)owner)->dev.sys;
    if (val & ~(u64)(PANICKED | CRASH_LOADED))
        trace(sys->trace, guest_errors, "pvpanic: unknown event %02x", (u8)val);
    if (val & CRASH_LOADED)
        trace(sys->trace, guest_errors, "pvpanic: the guest panicked and starts its crash kernel");
    if (val & PANICKED)
        system_request(sys, REQUEST_PANIC);
}

static bool create(struct device *dev, const void *cfg)
{
    (void)cfg;
    struct pvpanic *p = container_of(dev, struct pvpanic, dev);
    region_device(&p->ports, &dev->sys->io, "pvpanic", PORT, 1, p, read, write);
    return true;
}

const struct device_class pvpanic_class = {
    .name = "pvpanic",
    .size = sizeof(struct pvpanic),
    .state = pvpanic_state,
    .create = create,
};
