/*
 * Port 92h, the PS/2's system control port A: bit 1 opens A20, a rising bit 0
 * resets the processor. A20 itself is the machine's: the keyboard controller
 * moves the same line, and the last word counts, as on QEMU's pc.
 */
#include "devices/port92.h"
#include "devices/pc_map.h"

enum { FAST_RESET = BIT(0), A20 = BIT(1) };

struct port92 {
    struct device dev;
    u8 control;
    struct region ports;
};

static const struct state_field port92_state[] = {
    DEVICE_STATE(struct port92),
    STATE(struct port92, control),
    HOST(struct port92, ports),
    STATE_END,
};

static u64 read(void *owner, u64 off, unsigned size)
{
    (void)off, (void)size;
    struct port92 *p = owner;
    return (p->control & ~A20) | (p->dev.sys->a20 ? A20 : 0);
}

static void write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)off, (void)size;
    struct port92 *p = owner;
    bool rising = val & ~p->control & FAST_RESET;
    p->control = (u8)val;
    system_set_a20(p->dev.sys, val & A20);
    if (rising)
        system_request(p->dev.sys, REQUEST_RESET);
}

static bool create(struct device *dev, const void *cfg)
{
    (void)cfg;
    struct port92 *p = container_of(dev, struct port92, dev);
    region_device(&p->ports, &dev->sys->io, "port 92h", PC_PORT_A20, 1, p, read, write);
    return true;
}

/* A20 is open at power-on: the first instruction is fetched from just below 4 GiB. */
static void reset(struct device *dev)
{
    container_of(dev, struct port92, dev)->control = 0;
    system_set_a20(dev->sys, true);
}

const struct device_class port92_class = {
    .name = "port92",
    .size = sizeof(struct port92),
    .state = port92_state,
    .create = create,
    .reset = reset,
};
