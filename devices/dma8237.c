/*
 * Two 8237A DMA controllers (Intel 231466) as a PC/AT wires them: ports 00-0F
 * for channels 0-3, C0-DF (every second) for 4-7 with addresses counted in
 * words, page registers at 81-8F. All modes: single, block, demand, verify,
 * autoinitialize, decrement, software requests and memory to memory.
 *
 * Transfers take no time here: a peripheral moves its bytes when it has them.
 * Whether channel 4 is set to cascade is not asked. Addresses wrap inside a
 * 64 KiB page (128 KiB for words), as the 16-bit counters do.
 */
#include "devices/dma8237.h"
#include "devices/pc_map.h"

enum { COMMAND_MEMORY = BIT(0), COMMAND_HOLD = BIT(1), COMMAND_DISABLE = BIT(2) };
enum { MODE_VERIFY = 0, MODE_WRITE = 1, MODE_READ = 2, MODE_AUTOINIT = BIT(4), MODE_DECREMENT = BIT(5) };
enum { MODE_CASCADE = 3 };
enum { REG_COMMAND = 8, REG_REQUEST, REG_MASK, REG_MODE, REG_FLIPFLOP, REG_CLEAR, REG_CLEAR_MASK, REG_ALL_MASK };

struct channel {
    u16 base_address, base_count, address, count;
    u8 mode;
};

struct controller {
    struct dma8237 *dma;
    struct region ports;
    unsigned shift; /* 0: bytes, 1: words */
    struct channel channel[4];
    u8 command, status, request, mask, temporary;
    u8 dreq; /* lines held up */
    bool flipflop;
};

struct dma8237 {
    struct device dev;
    struct controller half[2];
    struct region page_ports;
    struct dma_view mem; /* 24 bits: a counter's 16 (17 for words) and a page register */
    u8 page[16];
    void (*ready[8])(void *peripheral);
    void *peripheral[8];
};

/* ---- addresses ---- */

static u32 page_base(const struct controller *c, unsigned n)
{
    static const u8 page_register[2][4] = {{0x7, 0x3, 0x1, 0x2}, {0xf, 0xb, 0x9, 0xa}};
    u32 page = c->dma->page[page_register[c->shift][n]];
    return c->shift ? (page & 0xfe) << 16 : page << 16;
}

static u32 physical(const struct controller *c, unsigned n)
{
    return page_base(c, n) + ((u32)c->channel[n].address << c->shift);
}

static void step(struct channel *ch, u32 units)
{
    ch->address = (u16)(ch->mode & MODE_DECREMENT ? ch->address - units : ch->address + units);
    ch->count = (u16)(ch->count - units);
}

/* The counter went from 0 to FFFF: terminal count. */
static void terminal_count(struct controller *c, unsigned n)
{
    struct channel *ch = &c->channel[n];
    c->status |= (u8)BIT(n);
    c->request &= (u8)~BIT(n);
    if (ch->mode & MODE_AUTOINIT) {
        ch->address = ch->base_address;
        ch->count = ch->base_count;
    } else {
        c->mask |= (u8)BIT(n);
    }
}

/* ---- transfers ---- */

static void move(struct controller *c, unsigned n, u8 *buf, size_t bytes, bool to_memory)
{
    const struct dma_view *mem = &c->dma->mem;
    unsigned type = c->channel[n].mode >> 2 & 3;
    if (to_memory && type == MODE_WRITE)
        dma_write(mem, physical(c, n), buf, bytes);
    else if (!to_memory && type == MODE_READ)
        dma_read(mem, physical(c, n), buf, bytes);
    else if (!to_memory)
        memset(buf, 0xff, bytes); /* verify, or the wrong way round: nobody drives the bus */
}

/* How many units can be moved at once: up to terminal count, and to where the address wraps. */
static u32 run_length(const struct channel *ch, u32 wanted)
{
    u32 n = MIN(wanted, ch->count + 1u);
    return ch->mode & MODE_DECREMENT ? MIN(n, 1u) : MIN(n, 0x10000u - ch->address);
}

static bool usable(const struct controller *c, unsigned n)
{
    return !(c->command & COMMAND_DISABLE) && !(c->mask & BIT(n)) && c->channel[n].mode >> 6 != MODE_CASCADE;
}

static size_t transfer(void *owner, unsigned number, void *buf, size_t n, bool to_memory, bool *tc)
{
    struct dma8237 *d = owner;
    struct controller *c = &d->half[number >> 2];
    struct channel *ch = &c->channel[number & 3];
    size_t done = 0, unit = (size_t)1 << c->shift;
    *tc = false;
    while (n - done >= unit && !*tc && usable(c, number & 3)) {
        u32 units = run_length(ch, (u32)MIN((n - done) >> c->shift, 0x10000));
        move(c, number & 3, (u8 *)buf + done, (size_t)units << c->shift, to_memory);
        *tc = units == ch->count + 1u;
        step(ch, units);
        done += (size_t)units << c->shift;
        if (*tc)
            terminal_count(c, number & 3);
    }
    trace(d->dev.sys->trace, dma, "channel %u: %zu of %zu bytes %s memory%s", number, done, n,
          to_memory ? "to" : "from", *tc ? ", terminal count" : "");
    return done;
}

/* Channel 0 reads, channel 1 writes, through the temporary register (command bit 0). */
static void memory_to_memory(struct controller *c)
{
    const struct dma_view *mem = &c->dma->mem;
    struct channel *from = &c->channel[0], *to = &c->channel[1];
    for (u32 left = to->count + 1u; left; left--) {
        u8 unit[2] = {0};
        dma_read(mem, physical(c, 0), unit, 1u << c->shift);
        dma_write(mem, physical(c, 1), unit, 1u << c->shift);
        c->temporary = unit[0];
        u16 held = from->address;
        step(from, 1);
        if (c->command & COMMAND_HOLD)
            from->address = held;
        step(to, 1);
    }
    c->request &= (u8)~BIT(0);
    terminal_count(c, 1);
}

/* A software request runs to terminal count; no peripheral is acknowledged, so no data moves. */
static void software_requests(struct controller *c)
{
    if (c->command & COMMAND_DISABLE)
        return;
    if ((c->command & COMMAND_MEMORY) && (c->request & BIT(0)) && !(c->mask & BIT(0))) {
        memory_to_memory(c);
        return;
    }
    for (unsigned n = 0; n < 4; n++) {
        if (!(c->request & BIT(n)) || !usable(c, n))
            continue;
        step(&c->channel[n], c->channel[n].count + 1u);
        terminal_count(c, n);
    }
}

/* Tells peripherals whose request waited for the channel. */
static void wake(struct controller *c)
{
    struct dma8237 *d = c->dma;
    unsigned first = c->shift * 4;
    software_requests(c);
    for (unsigned n = 0; n < 4; n++)
        if ((c->dreq & BIT(n)) && usable(c, n) && d->ready[first + n])
            d->ready[first + n](d->peripheral[first + n]);
}

static void request(void *owner, unsigned number, bool up)
{
    struct dma8237 *d = owner;
    struct controller *c = &d->half[number >> 2];
    u8 bit = (u8)BIT(number & 3);
    c->dreq = (u8)(up ? c->dreq | bit : c->dreq & ~bit);
}

static void listen(void *owner, unsigned number, void (*ready)(void *peripheral), void *peripheral)
{
    struct dma8237 *d = owner;
    d->ready[number] = ready;
    d->peripheral[number] = peripheral;
}

struct dma_channel dma8237_channel(struct device *dev, unsigned n)
{
    return (struct dma_channel){container_of(dev, struct dma8237, dev), n & 7, request, transfer, listen};
}

/* ---- registers ---- */

static void set_half(u16 *reg, bool high, u8 val)
{
    *reg = high ? (u16)((*reg & 0xff) | val << 8) : (u16)((*reg & 0xff00) | val);
}

static void master_clear(struct controller *c)
{
    c->command = c->status = c->request = c->temporary = 0;
    c->flipflop = false;
    c->mask = 15;
}

static void write_channel(struct controller *c, unsigned reg, u8 val)
{
    struct channel *ch = &c->channel[reg >> 1];
    set_half(reg & 1 ? &ch->base_count : &ch->base_address, c->flipflop, val);
    set_half(reg & 1 ? &ch->count : &ch->address, c->flipflop, val);
    c->flipflop = !c->flipflop;
}

static void write_register(struct controller *c, unsigned reg, u8 val)
{
    u8 bit = (u8)BIT(val & 3);
    switch (reg) {
    case REG_COMMAND:
        c->command = val;
        break;
    case REG_REQUEST:
        c->request = (u8)(val & 4 ? c->request | bit : c->request & ~bit);
        break;
    case REG_MASK:
        c->mask = (u8)(val & 4 ? c->mask | bit : c->mask & ~bit);
        break;
    case REG_MODE:
        c->channel[val & 3].mode = val & 0xfc;
        break;
    case REG_FLIPFLOP:
        c->flipflop = false;
        break;
    case REG_CLEAR:
        master_clear(c);
        break;
    case REG_CLEAR_MASK:
        c->mask = 0;
        break;
    case REG_ALL_MASK:
        c->mask = val & 15;
        break;
    default:
        write_channel(c, reg, val);
        return;
    }
    wake(c);
}

static u8 read_register(struct controller *c, unsigned reg)
{
    u8 val;
    switch (reg) {
    case REG_COMMAND: /* status; reading clears the terminal counts */
        val = (u8)(c->status | (c->dreq | c->request) << 4);
        c->status = 0;
        return val;
    case REG_CLEAR:
        return c->temporary;
    case REG_ALL_MASK:
        return (u8)(c->mask | 0xf0);
    case REG_REQUEST:
    case REG_MASK:
    case REG_MODE:
    case REG_FLIPFLOP:
    case REG_CLEAR_MASK:
        return 0;
    default:
        break;
    }
    const struct channel *ch = &c->channel[reg >> 1];
    u16 whole = reg & 1 ? ch->count : ch->address;
    val = (u8)(c->flipflop ? whole >> 8 : whole);
    c->flipflop = !c->flipflop;
    return val;
}

static u64 port_read(void *owner, u64 off, unsigned size)
{
    struct controller *c = owner;
    (void)size;
    return read_register(c, (unsigned)(off >> c->shift));
}

static void port_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct controller *c = owner;
    (void)size;
    trace(c->dma->dev.sys->trace, dma, "controller %u register %x <- %02x", c->shift, (unsigned)off >> c->shift,
          (u8)val);
    write_register(c, (unsigned)(off >> c->shift), (u8)val);
}

static u64 page_read(void *owner, u64 off, unsigned size)
{
    struct dma8237 *d = owner;
    (void)size;
    return d->page[off + 1];
}

static void page_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct dma8237 *d = owner;
    (void)size;
    d->page[off + 1] = (u8)val;
}

/* ---- life ---- */

static bool create(struct device *dev, const void *cfg)
{
    struct dma8237 *d = container_of(dev, struct dma8237, dev);
    (void)cfg;
    for (unsigned i = 0; i < 2; i++) {
        struct controller *c = &d->half[i];
        c->dma = d;
        c->shift = i;
        region_device(&c->ports, &dev->sys->io, i ? "dma2" : "dma1", i ? PC_PORT_DMA2 : PC_PORT_DMA1, i ? 32 : 16, c,
                      port_read, port_write);
        c->ports.max_access = 1;
    }
    region_device(&d->page_ports, &dev->sys->io, "dma-page", PC_PORT_DMA_PAGES, 15, d, page_read, page_write);
    d->page_ports.max_access = 1;
    d->mem = (struct dma_view){.mem = &dev->sys->mem, .last = 0xffffff};
    return true;
}

static void reset(struct device *dev)
{
    struct dma8237 *d = container_of(dev, struct dma8237, dev);
    for (unsigned i = 0; i < 2; i++) {
        struct controller *c = &d->half[i];
        memset(c->channel, 0, sizeof c->channel);
        c->dreq = 0;
        master_clear(c);
    }
    memset(d->page, 0, sizeof d->page);
}

#define CHANNEL(f) STATE(struct channel, f)
static const struct state_field channel_state[] = {
    CHANNEL(base_address), CHANNEL(base_count), CHANNEL(address), CHANNEL(count), CHANNEL(mode), STATE_END,
};

#define CONTROLLER(f)               STATE(struct controller, f)
#define CONTROLLER_RANGE(f, lo, hi) STATE_RANGE(struct controller, f, lo, hi)
static const struct state_field controller_state[] = {
    HOST(struct controller, dma),
    HOST(struct controller, ports),
    HOST(struct controller, shift),
    STRUCTS(struct controller, channel, struct channel, channel_state),
    CONTROLLER(command),
    CONTROLLER(status),
    CONTROLLER_RANGE(request, 0, 15),
    CONTROLLER_RANGE(mask, 0, 15),
    CONTROLLER(temporary),
    CONTROLLER_RANGE(dreq, 0, 15),
    CONTROLLER(flipflop),
    STATE_END,
};

static const struct state_field state[] = {
    DEVICE_STATE(struct dma8237),     STRUCTS(struct dma8237, half, struct controller, controller_state),
    HOST(struct dma8237, page_ports), HOST(struct dma8237, mem),
    STATE(struct dma8237, page),      HOST(struct dma8237, ready),
    HOST(struct dma8237, peripheral), STATE_END,
};

const struct device_class dma8237_class = {
    .name = "i8257",
    .description = "DMA controllers",
    .size = sizeof(struct dma8237),
    .state = state,
    .create = create,
    .reset = reset,
};
