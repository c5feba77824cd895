/*
 * pvpanic: reading its port names the events the host understands, writing
 * one tells that it happened. A loaded crash kernel is only traced, since the
 * guest then goes on by itself.
 */
#include "devices/devices.h"

enum { PANICKED = BIT(0), CRASH_LOADED = BIT(1) };

struct pvpanic {
    struct device dev;
    u16 ioport;
    u8 events; /* those the guest is told we understand */
    struct region ports;
};

static const struct property properties[] = {
    PROPERTY_UINT("ioport", struct pvpanic, ioport, 0x505, 0, 0xffff, "port", "the port"),
    PROPERTY_UINT("events", struct pvpanic, events, PANICKED | CRASH_LOADED, 0, PANICKED | CRASH_LOADED, NULL,
                  "bits of the events that are understood: 1 panic, 2 crash kernel loaded"),
    PROPERTY_END,
};

static const struct state_field pvpanic_state[] = {
    DEVICE_STATE(struct pvpanic),
    HOST(struct pvpanic, ioport),
    HOST(struct pvpanic, events),
    HOST(struct pvpanic, ports),
    STATE_END,
};

static u64 read(void *owner, u64 off, unsigned size)
{
    (void)off, (void)size;
    return ((struct pvpanic *)owner)->events;
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
    region_device(&p->ports, &dev->sys->io, "pvpanic", p->ioport, 1, p, read, write);
    return true;
}

const struct device_class pvpanic_class = {
    .name = "pvpanic",
    .description = "how a guest tells that it panicked",
    .bus = "ISA",
    .user_creatable = true,
    .properties = properties,
    .size = sizeof(struct pvpanic),
    .state = pvpanic_state,
    .create = create,
};
