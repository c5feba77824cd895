/*
 * Port 80h: progress codes of firmware, and where Linux writes to wait a
 * microsecond. It lies over the DMA page registers' unused port 80h. EBh and
 * EDh are other delay ports; claiming them keeps -d unimp quiet.
 */
#include "devices/port80.h"

struct port80 {
    struct device dev;
    u8 code;
    struct region post, delay[2];
};

static const struct state_field port80_state[] = {
    DEVICE_STATE(struct port80),
    STATE(struct port80, code),
    HOST(struct port80, post),
    HOST(struct port80, delay),
    STATE_END,
};

static u64 post_read(void *owner, u64 off, unsigned size)
{
    (void)off, (void)size;
    return ((struct port80 *)owner)->code;
}

static void post_write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)off, (void)size;
    struct port80 *p = owner;
    if (p->code != (u8)val) /* the same again is a delay loop */
        trace(p->dev.sys->trace, debugcon, "post code %02x", (u8)val);
    p->code = (u8)val;
}

static bool create(struct device *dev, const void *cfg)
{
    (void)cfg;
    struct port80 *p = container_of(dev, struct port80, dev);
    struct space *io = &dev->sys->io;
    p->post = (struct region){.name = "post code",
                              .owner = p,
                              .read = post_read,
                              .write = post_write,
                              .max_access = 1,
                              .priority = PRIO_OVERLAY,
                              .enabled = true,
                              .base = 0x80,
                              .size = 1};
    region_add(io, &p->post);
    region_device(&p->delay[0], io, "delay", 0xeb, 1, p, NULL, NULL);
    region_device(&p->delay[1], io, "delay", 0xed, 1, p, NULL, NULL);
    return true;
}

static void reset(struct device *dev) { container_of(dev, struct port80, dev)->code = 0; }

const struct device_class port80_class = {
    .name = "port80",
    .size = sizeof(struct port80),
    .state = port80_state,
    .create = create,
    .reset = reset,
};
