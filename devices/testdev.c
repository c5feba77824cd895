/*
 * The test device of kvm-unit-tests, in both of its forms: console, RAM size
 * and exit of the old "testdev", scratch port, page flush, interrupt lines and
 * memory buffer of "pc-testdev". Interrupt lines follow what is written.
 */
#include "devices/devices.h"

#include "devices/core/chardev.h"

enum {
    CONSOLE = 0xf1,
    RAM_SIZE = 0xd1,
    SCRATCH = 0xe0,
    FLUSH = 0xe4,
    EXIT = 0xf4,
    LINES = 0x2000,
    TESTDEV_LINES = 24, /* global system interrupts */
    BUFFER_SIZE = 0x10000
};
#define BUFFER 0xff000000ull

struct testdev {
    struct device dev;
    u8 scratch[8]; /* four ports; the rest keeps st_le in bounds for the compiler */
    u8 buffer[BUFFER_SIZE];
    u32 lines; /* levels written */
    struct irq line[TESTDEV_LINES];
    struct chardev *chardev;
    struct region console, ram_size, scratch_port, flush, exit, line_ports, memory;
};

static const struct property properties[] = {
    PROPERTY_CHARDEV(struct testdev, chardev),
    PROPERTY_END,
};

static const struct state_field testdev_state[] = {
    DEVICE_STATE(struct testdev),
    STATE(struct testdev, scratch),
    STATE(struct testdev, buffer),
    STATE(struct testdev, lines),
    STRUCTS(struct testdev, line, struct irq, wire_state),
    HOST(struct testdev, chardev),
    HOST(struct testdev, console),
    HOST(struct testdev, ram_size),
    HOST(struct testdev, scratch_port),
    HOST(struct testdev, flush),
    HOST(struct testdev, exit),
    HOST(struct testdev, line_ports),
    HOST(struct testdev, memory),
    STATE_END,
};

static void console_write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)off, (void)size;
    u8 byte = (u8)val;
    chardev_put(((struct testdev *)owner)->chardev, &byte, 1);
}

static u64 ram_size_read(void *owner, u64 off, unsigned size)
{
    (void)size;
    return MIN(((struct testdev *)owner)->dev.sys->ram_size, UINT32_MAX) >> (8 * off);
}

static u64 scratch_read(void *owner, u64 off, unsigned size)
{
    return ld_le(((struct testdev *)owner)->scratch + off, size);
}
static void scratch_write(void *owner, u64 off, u64 val, unsigned size)
{
    st_le(((struct testdev *)owner)->scratch + off, val, size);
}

/* The test checks that a page taken away from the host comes back unchanged; here it never goes. */
static void flush_write(void *owner, u64 off, u64 val, unsigned size) { (void)owner, (void)off, (void)val, (void)size; }

static void exit_write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)off, (void)size;
    struct system *sys = ((struct testdev *)owner)->dev.sys;
    sys->exit_code = (int)((u32)val << 1 | 1);
    system_request(sys, REQUEST_EXIT);
}

static void line_write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)size;
    struct testdev *t = owner;
    t->lines = val ? t->lines | BIT(off) : t->lines & ~BIT(off);
    irq_set(&t->line[off], val != 0);
}

static u64 memory_read(void *owner, u64 off, unsigned size)
{
    return ld_le(((struct testdev *)owner)->buffer + off, size);
}
static void memory_write(void *owner, u64 off, u64 val, unsigned size)
{
    st_le(((struct testdev *)owner)->buffer + off, val, size);
}

static bool create(struct device *dev, const void *cfg)
{
    struct testdev *t = container_of(dev, struct testdev, dev);
    struct space *io = &dev->sys->io;
    (void)cfg;
    for (unsigned i = 0; i < TESTDEV_LINES; i++)
        t->line[i] = bus_line(dev, i);
    region_device(&t->console, io, "test console", CONSOLE, 1, t, NULL, console_write);
    region_device(&t->ram_size, io, "test RAM size", RAM_SIZE, 4, t, ram_size_read, NULL);
    t->ram_size.max_access = 4;
    region_device(&t->scratch_port, io, "test scratch", SCRATCH, 4, t, scratch_read, scratch_write);
    t->scratch_port.max_access = 4;
    region_device(&t->flush, io, "test page flush", FLUSH, 4, t, NULL, flush_write);
    region_device(&t->exit, io, "test exit", EXIT, 4, t, NULL, exit_write);
    region_device(&t->line_ports, io, "test lines", LINES, TESTDEV_LINES, t, NULL, line_write);
    t->line_ports.max_access = 1;
    region_device(&t->memory, &dev->sys->mem, "test buffer", BUFFER, BUFFER_SIZE, t, memory_read, memory_write);
    return true;
}

static void drive(struct testdev *t)
{
    for (unsigned i = 0; i < TESTDEV_LINES; i++)
        irq_set(&t->line[i], t->lines >> i & 1);
}

static void reset(struct device *dev)
{
    struct testdev *t = container_of(dev, struct testdev, dev);
    memset(t->scratch, 0, sizeof t->scratch);
    memset(t->buffer, 0, sizeof t->buffer);
    t->lines = 0;
    drive(t);
}

static void destroy(struct device *dev)
{
    for (unsigned i = 0; i < TESTDEV_LINES; i++)
        bus_line_free(dev, container_of(dev, struct testdev, dev)->line[i]);
}

const struct device_class testdev_class = {
    .name = "pc-testdev",
    .description = "the test device of kvm-unit-tests",
    .bus = "ISA",
    .user_creatable = true,
    .properties = properties,
    .size = sizeof(struct testdev),
    .state = testdev_state,
    .create = create,
    .reset = reset,
    .destroy = destroy,
};
