/*
 * 8254 programmable interval timer (Intel 231164). Counters are not ticked:
 * each remembers at which clock its count was loaded, and count and OUT are
 * computed from virtual time when someone looks. Only counter 0 has an event,
 * at the next edge of its OUT.
 */
#include "devices/pit.h"
#include "devices/pc_map.h"

enum { COUNTERS = 3 };
enum rw_mode { RW_LATCH, RW_LSB, RW_MSB, RW_BOTH };

struct pit_counter {
    u8 control; /* as programmed: RW1 RW0 M2 M1 M0 BCD */
    u8 mode;    /* 0..5 */
    bool gate;
    bool has_count;           /* a whole count was written since the control word */
    bool running;             /* a count was loaded into the counting element */
    bool held;                /* stopped by GATE with 'held_at' clocks done */
    bool out_before;          /* OUT until 'start' comes */
    bool waiting;             /* 'next' waits for a trigger */
    bool reload;              /* 'next' replaces 'modulus' at clock 'reload_at' */
    bool msb_write, msb_read; /* RW_BOTH: the high byte is due */
    u8 lsb_written;
    bool count_latched, status_latched;
    u8 status;
    u16 latch;
    u16 idle_count;    /* what reads while nothing runs */
    u32 modulus, next; /* 1..65536 */
    i64 start;         /* clock at which the counting element holds 'modulus' */
    i64 held_at, reload_at;
};

struct pit {
    struct device dev;
    struct pit_counter counter[COUNTERS];
    struct event edge;
    struct pit_config wire;
    struct region ports;
};

#define FAR_OFF (1ll << 61) /* clocks: sums of two of them do not overflow */
static const struct state_field counter_state[] = {
    STATE(struct pit_counter, control),
    STATE_RANGE(struct pit_counter, mode, 0, 5),
    STATE(struct pit_counter, gate),
    STATE(struct pit_counter, has_count),
    STATE(struct pit_counter, running),
    STATE(struct pit_counter, held),
    STATE(struct pit_counter, out_before),
    STATE(struct pit_counter, waiting),
    STATE(struct pit_counter, reload),
    STATE(struct pit_counter, msb_write),
    STATE(struct pit_counter, msb_read),
    STATE(struct pit_counter, lsb_written),
    STATE(struct pit_counter, count_latched),
    STATE(struct pit_counter, status_latched),
    STATE(struct pit_counter, status),
    STATE(struct pit_counter, latch),
    STATE(struct pit_counter, idle_count),
    STATE_RANGE(struct pit_counter, modulus, 0, 65536),
    STATE_RANGE(struct pit_counter, next, 0, 65536),
    STATE_RANGE(struct pit_counter, start, -FAR_OFF, FAR_OFF),
    STATE_RANGE(struct pit_counter, held_at, -FAR_OFF, FAR_OFF),
    STATE_RANGE(struct pit_counter, reload_at, -FAR_OFF, FAR_OFF),
    STATE_END,
};
static const struct state_field pit_state[] = {
    DEVICE_STATE(struct pit), STRUCTS(struct pit, counter, struct pit_counter, counter_state),
    EVENT(struct pit, edge),  HOST(struct pit, wire),
    HOST(struct pit, ports),  STATE_END,
};

/* ---- a counter as a function of time ---- */

static i64 clocks(struct pit *p) { return (i64)ns_to_ticks(clock_now(&p->dev.sys->clock), PIT_HZ); }

static bool is_bcd(const struct pit_counter *c) { return c->control & 1; }
static enum rw_mode rw_mode(const struct pit_counter *c) { return (enum rw_mode)(c->control >> 4 & 3); }
/* Clocks of the high half of mode 3: an odd count spends the extra one there. */
static i64 high_half(u32 modulus) { return ((i64)modulus + 1) / 2; }

/* Takes over a count whose moment has come. */
static void sync(struct pit_counter *c, i64 now)
{
    if (!c->reload || now < c->reload_at)
        return;
    i64 done = c->reload_at - c->start;
    bool mid = c->mode == 3 && done % c->modulus == high_half(c->modulus);
    c->reload = false;
    c->modulus = c->next;
    c->start = c->reload_at - (mid ? high_half(c->modulus) : 0);
}

static i64 elapsed(const struct pit_counter *c, i64 now) { return c->held ? c->held_at : now - c->start; }

static bool out_at(const struct pit_counter *c, i64 now)
{
    if (!c->running)
        return c->mode != 0;
    i64 n = c->modulus, d = elapsed(c, now);
    if ((c->mode == 2 || c->mode == 3) && c->held)
        return true;
    if (d < 0)
        return c->out_before;
    switch (c->mode) {
    case 0:
    case 1:
        return d >= n;
    case 2:
        return n == 1 || d % n != n - 1;
    case 3:
        return d % n < high_half(c->modulus);
    default:
        return d != n;
    }
}

/* The next clock after 'now' at which OUT may change, or -1. */
static i64 next_edge(const struct pit_counter *c, i64 now)
{
    if (!c->running || c->held)
        return -1;
    i64 n = c->modulus, d = now - c->start;
    if (d < 0)
        return c->start;
    i64 period = now - d % n;
    switch (c->mode) {
    case 0:
    case 1:
        return d < n ? c->start + n : -1;
    case 2:
        return n == 1 ? -1 : d % n < n - 1 ? period + n - 1 : period + n;
    case 3:
        return n == 1 ? -1 : d % n < high_half(c->modulus) ? period + high_half(c->modulus) : period + n;
    default:
        return d < n ? c->start + n : d == n ? c->start + n + 1 : -1;
    }
}

static u16 to_bcd(unsigned v) { return (u16)(v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 % 10 << 12); }

/* The counting element, in the radix it was programmed for. */
static u16 count_at(const struct pit_counter *c, i64 now)
{
    if (!c->running)
        return c->idle_count;
    i64 n = c->modulus, d = MAX(elapsed(c, now), 0), count;
    i64 wrap = is_bcd(c) ? 10000 : 65536;
    if (c->mode == 2) {
        count = n - d % n;
    } else if (c->mode == 3) {
        /* Counts down by two, from n, or from n - 1 when n is odd. */
        i64 phase = d % n, high = high_half(c->modulus);
        count = (n & ~(i64)1) - 2 * (phase < high ? phase : phase - high);
    } else {
        count = n - d % wrap;
    }
    count = (count % wrap + wrap) % wrap;
    return is_bcd(c) ? to_bcd((unsigned)count) : (u16)count;
}

/* Null count: what was written is not in the counting element yet. */
static bool null_count(const struct pit_counter *c, i64 now)
{
    return !c->running || c->reload || c->waiting || (!c->held && now < c->start);
}

/* ---- counter 0's wire ---- */

static void schedule(struct pit *p)
{
    struct pit_counter *c = &p->counter[0];
    struct clock *clock = &p->dev.sys->clock;
    i64 now = clocks(p);
    sync(c, now);
    irq_set(&p->wire.irq0, out_at(c, now));
    i64 at = next_edge(c, now);
    if (c->reload && (at < 0 || c->reload_at < at))
        at = c->reload_at;
    if (at < 0)
        event_cancel(clock, &p->edge);
    else
        event_at(clock, &p->edge, ticks_to_ns_up((u64)at, PIT_HZ));
}

static void edge_due(void *owner) { schedule(owner); }

/* ---- programming ---- */

/* Starts counting from 'next', with the clock after this one. */
static void load(struct pit_counter *c, i64 now, bool out_before)
{
    c->modulus = c->next;
    c->start = now + 1;
    c->out_before = out_before;
    c->running = true;
    c->reload = false;
    c->waiting = false;
    c->held = !c->gate && c->mode != 1 && c->mode != 5;
    c->held_at = 0;
}

static void set_gate(struct pit_counter *c, i64 now, bool level)
{
    bool rising = level && !c->gate;
    if (level == c->gate)
        return;
    sync(c, now);
    c->gate = level;
    if (c->mode == 1 || c->mode == 5) {
        if (rising && c->has_count)
            load(c, now, out_at(c, now));
    } else if (!c->running) {
        return;
    } else if (!rising) {
        c->held_at = MAX(now - c->start, 0);
        c->held = true;
    } else if (c->mode == 2 || c->mode == 3) {
        load(c, now, true);
    } else {
        c->start = now - c->held_at;
        c->held = false;
    }
}

/* The boundary at which a running mode 2 or 3 takes a new count. */
static i64 reload_boundary(const struct pit_counter *c, i64 now)
{
    i64 n = c->modulus, d = now - c->start;
    if (d < 0)
        return c->start + n;
    i64 period = now - d % n;
    return c->mode == 3 && d % n < high_half(c->modulus) ? period + high_half(c->modulus) : period + n;
}

static void set_count(struct pit_counter *c, i64 now, u16 val)
{
    sync(c, now);
    u32 n = val;
    if (is_bcd(c))
        n = (val & 15) + (val >> 4 & 15) * 10u + (val >> 8 & 15) * 100u + (val >> 12) * 1000u;
    c->next = n ? n : is_bcd(c) ? 10000 : 65536;
    c->has_count = true;
    bool periodic = c->mode == 2 || c->mode == 3;
    if (c->mode == 1 || c->mode == 5 || (periodic && c->held)) {
        c->waiting = true;
        return;
    }
    if (!periodic || !c->running || (!c->held && now < c->start)) {
        load(c, now, c->mode != 0);
    } else {
        c->reload = true;
        c->reload_at = reload_boundary(c, now);
    }
}

static void counter_write(struct pit_counter *c, i64 now, u8 val)
{
    switch (rw_mode(c)) {
    case RW_LSB:
        set_count(c, now, val);
        break;
    case RW_MSB:
        set_count(c, now, (u16)(val << 8));
        break;
    default:
        if (c->msb_write) {
            c->msb_write = false;
            set_count(c, now, (u16)(c->lsb_written | val << 8));
            break;
        }
        c->lsb_written = val;
        c->msb_write = true;
        if (c->mode == 0 && c->running) { /* the first byte stops the count and drops OUT */
            c->idle_count = count_at(c, now);
            c->running = false;
        }
    }
}

static u8 counter_read(struct pit_counter *c, i64 now)
{
    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    u16 count = c->count_latched ? c->latch : count_at(c, now);
    bool high = rw_mode(c) == RW_MSB || (rw_mode(c) != RW_LSB && c->msb_read);
    if (rw_mode(c) == RW_BOTH || rw_mode(c) == RW_LATCH)
        c->msb_read = !c->msb_read;
    /* A latched count goes when its last byte has been read. */
    if (rw_mode(c) != RW_BOTH || high)
        c->count_latched = false;
    return (u8)(high ? count >> 8 : count);
}

static void latch_count(struct pit_counter *c, i64 now)
{
    if (c->count_latched)
        return;
    c->latch = count_at(c, now);
    c->count_latched = true;
}

static void latch_status(struct pit_counter *c, i64 now)
{
    if (c->status_latched)
        return;
    c->status = (u8)(out_at(c, now) << 7 | null_count(c, now) << 6 | c->control);
    c->status_latched = true;
}

static void set_control(struct pit_counter *c, i64 now, u8 val)
{
    if ((val >> 4 & 3) == RW_LATCH) {
        latch_count(c, now);
        return;
    }
    u8 mode = val >> 1 & 7;
    *c = (struct pit_counter){.gate = c->gate, .idle_count = count_at(c, now), .control = val & 0x3f};
    c->mode = mode > 5 ? mode - 4 : mode;
}

static void control_write(struct pit *p, i64 now, u8 val)
{
    unsigned which = val >> 6;
    if (which < COUNTERS) {
        set_control(&p->counter[which], now, val);
        return;
    }
    for (unsigned i = 0; i < COUNTERS; i++) { /* read-back */
        if (!(val & BIT(i + 1)))
            continue;
        if (!(val & 0x20))
            latch_count(&p->counter[i], now);
        if (!(val & 0x10))
            latch_status(&p->counter[i], now);
    }
}

static void write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)size;
    struct pit *p = owner;
    i64 now = clocks(p);
    trace(p->dev.sys->trace, pit, "write %u %02x", (unsigned)off, (u8)val);
    system_sound_changes(p->dev.sys);
    for (unsigned i = 0; i < COUNTERS; i++)
        sync(&p->counter[i], now);
    if (off < COUNTERS)
        counter_write(&p->counter[off], now, (u8)val);
    else
        control_write(p, now, (u8)val);
    schedule(p);
}

static u64 read(void *owner, u64 off, unsigned size)
{
    (void)size;
    struct pit *p = owner;
    if (off >= COUNTERS)
        return 0xff; /* the control word cannot be read */
    i64 now = clocks(p);
    sync(&p->counter[off], now);
    return counter_read(&p->counter[off], now);
}

/* ---- counter 2 ---- */

static void gate2(void *owner, unsigned pin, bool level)
{
    (void)pin;
    struct pit *p = owner;
    system_sound_changes(p->dev.sys);
    set_gate(&p->counter[2], clocks(p), level);
}

struct irq pit_gate2(struct device *dev) { return (struct irq){gate2, dev, 0}; }

/* Clocks of the first 'd' since the count was loaded in which OUT is high. */
static i64 high_since_start(const struct pit_counter *c, i64 d)
{
    i64 n = c->modulus;
    switch (c->mode) {
    case 0:
    case 1:
        return MAX(d - n, 0);
    case 2:
        return n == 1 ? d : d - d / n;
    case 3:
        return d / n * high_half(c->modulus) + MIN(d % n, high_half(c->modulus));
    default:
        return d > n ? d - 1 : d;
    }
}

/* Clocks in [from, to) in which OUT is high while the count is as it is. */
static i64 high_between(const struct pit_counter *c, i64 from, i64 to)
{
    if (from >= to)
        return 0;
    if (!c->running || c->held)
        return out_at(c, from) ? to - from : 0;
    i64 before = from < c->start ? MIN(to, c->start) - from : 0;
    i64 high = c->out_before ? before : 0;
    from += before;
    return from < to ? high + high_since_start(c, to - c->start) - high_since_start(c, from - c->start) : high;
}

u64 pit_out2_high(void *dev, u64 from, u64 to)
{
    const struct pit *p = dev;
    struct pit_counter c = p->counter[2];
    i64 high = 0, a = (i64)from, b = (i64)to;
    sync(&c, a);
    if (c.reload && c.reload_at < b) {
        high = high_between(&c, a, c.reload_at);
        a = c.reload_at;
        sync(&c, a);
    }
    return (u64)(high + high_between(&c, a, b));
}

bool pit_out2(void *dev)
{
    struct pit *p = dev;
    i64 now = clocks(p);
    sync(&p->counter[2], now);
    return out_at(&p->counter[2], now);
}

/* ---- life ---- */

static bool create(struct device *dev, const void *cfg)
{
    struct pit *p = container_of(dev, struct pit, dev);
    if (cfg)
        p->wire = *(const struct pit_config *)cfg;
    region_device(&p->ports, &dev->sys->io, "pit", PC_PORT_PIT, 4, p, read, write);
    p->ports.max_access = 1;
    event_init(&p->edge, "pit OUT 0", edge_due, p);
    return true;
}

/* Undefined until programmed (231164, "Programming the 8254"); here: stopped, OUT low. */
static void reset(struct device *dev)
{
    struct pit *p = container_of(dev, struct pit, dev);
    for (unsigned i = 0; i < COUNTERS; i++)
        p->counter[i] = (struct pit_counter){.gate = i != 2, .control = RW_BOTH << 4};
    event_cancel(&dev->sys->clock, &p->edge);
    irq_set(&p->wire.irq0, false);
}

static const char *contradiction(const struct device *copy)
{
    const struct pit *p = container_of(copy, struct pit, dev);
    for (unsigned i = 0; i < COUNTERS; i++) {
        const struct pit_counter *c = &p->counter[i];
        if (!c->modulus && (c->running || c->reload))
            return "a counter runs and its 'modulus' is 0";
        if (!c->next && (c->has_count || c->waiting || c->reload))
            return "a counter waits for a 'next' of 0";
    }
    return NULL;
}

const struct device_class pit_class = {
    .name = "isa-pit",
    .description = "interval timer",
    .size = sizeof(struct pit),
    .state = pit_state,
    .create = create,
    .reset = reset,
    .contradiction = contradiction,
};
