/*
 * IA-PC HPET 1.0a: a 64-bit counter at 100 MHz and three comparators, all of
 * them periodic-capable, 32 or 64 bits, no FSB delivery; QEMU's layout. The
 * counter is computed from virtual time. A period of less than a microsecond
 * is served every microsecond, so that a guest's mistake costs only itself.
 */
#include "devices/hpet.h"

enum { PERIOD_NS = 10, SPACE = 0x400, MIN_TICKS = 1000 / PERIOD_NS };
enum { GEN_CAP = 0x00, GEN_CONFIG = 0x10, GEN_STATUS = 0x20, MAIN_COUNTER = 0xf0, TIMERS = 0x100, TIMER_STRIDE = 0x20 };
enum { TIMER_CONFIG = 0, TIMER_COMPARATOR = 8, TIMER_FSB = 16 };
enum { ENABLE = BIT(0), LEGACY = BIT(1) };
enum {
    T_LEVEL = BIT(1),
    T_INT = BIT(2),
    T_PERIODIC = BIT(3),
    T_PERIODIC_CAP = BIT(4),
    T_SIZE_CAP = BIT(5),
    T_SET = BIT(6),
    T_32 = BIT(8),
    T_ROUTE_SHIFT = 9,
    T_ROUTE = 31 << T_ROUTE_SHIFT,
    T_WRITABLE = T_LEVEL | T_INT | T_PERIODIC | T_SET | T_32 | T_ROUTE,
};
/* Vendor 8086h, legacy replacement, 64-bit counter, revision 1, period in femtoseconds. */
#define CAPABILITIES ((u64)(PERIOD_NS * 1000000u) << 32 | 0x8086a001u | (HPET_TIMERS - 1) << 8)

struct hpet;
struct hpet_timer {
    u64 config;
    u64 comparator;
    u64 period;
    struct event match;
    struct hpet *hpet;
    unsigned index;
};

struct hpet {
    struct device dev;
    u64 config, status;
    u64 counter; /* at 'counter_ns' when enabled, else as it stands */
    u64 counter_ns;
    u8 legacy_level; /* the two lines that pass through */
    struct hpet_timer timer[HPET_TIMERS];
    struct hpet_config cfg;
    struct region page;
};

static const struct state_field timer_state[] = {
    STATE(struct hpet_timer, config),
    STATE(struct hpet_timer, comparator),
    STATE(struct hpet_timer, period),
    EVENT(struct hpet_timer, match),
    HOST(struct hpet_timer, hpet),
    HOST(struct hpet_timer, index),
    STATE_END,
};
static const struct state_field hpet_state[] = {
    DEVICE_STATE(struct hpet),
    STATE_RANGE(struct hpet, config, 0, ENABLE | LEGACY),
    STATE_RANGE(struct hpet, status, 0, BIT(HPET_TIMERS) - 1),
    STATE(struct hpet, counter),
    STATE_RANGE(struct hpet, counter_ns, 0, INT64_MAX),
    STATE_RANGE(struct hpet, legacy_level, 0, 3),
    STRUCTS(struct hpet, timer, struct hpet_timer, timer_state),
    HOST(struct hpet, cfg),
    HOST(struct hpet, page),
    STATE_END,
};

static u64 now_ns(struct hpet *h) { return clock_now(&h->dev.sys->clock); }

static u64 counter(struct hpet *h)
{
    return h->config & ENABLE ? h->counter + (now_ns(h) - h->counter_ns) / PERIOD_NS : h->counter;
}

/* Comparator arithmetic is modulo the timer's width. */
static u64 width_mask(const struct hpet_timer *t) { return t->config & T_32 ? UINT32_MAX : UINT64_MAX; }
static bool periodic(const struct hpet_timer *t) { return t->config & T_PERIODIC; }

/* ---- wires ---- */

static const struct irq *output(const struct hpet_timer *t)
{
    const struct hpet *h = t->hpet;
    if ((h->config & LEGACY) && t->index < 2)
        return &h->cfg.legacy[t->index];
    unsigned route = (unsigned)(t->config & T_ROUTE) >> T_ROUTE_SHIFT;
    bool possible = route < HPET_GSIS && h->cfg.route_cap >> route & 1;
    return possible ? &h->cfg.gsi[route] : NULL;
}

static void set_output(const struct hpet_timer *t, bool level)
{
    const struct irq *irq = output(t);
    if (irq)
        irq_set(irq, level);
}

static void fire(struct hpet_timer *t)
{
    u64 bit = BIT64(t->index);
    if (t->config & T_LEVEL) {
        t->hpet->status |= bit;
        set_output(t, t->config & T_INT);
    } else if (t->config & T_INT) {
        /* The line stays up till the next edge: an 8259A forgets an edge that drops before INTA. */
        set_output(t, false);
        set_output(t, true);
    }
}

/* Timers 0 and 1 against the PIT and the RTC: who drives IRQ 0 and IRQ 8. */
static void legacy_input(void *owner, unsigned n, bool level)
{
    struct hpet *h = owner;
    h->legacy_level = (u8)(level ? h->legacy_level | BIT(n) : h->legacy_level & ~BIT(n));
    if (!(h->config & LEGACY))
        irq_set(&h->cfg.legacy[n], level);
}

struct irq hpet_legacy_input(struct device *dev, unsigned n)
{
    assert(n < 2);
    return (struct irq){legacy_input, dev, n};
}

/* ---- matches ---- */

static void schedule(struct hpet_timer *t)
{
    struct hpet *h = t->hpet;
    struct clock *clock = &h->dev.sys->clock;
    event_cancel(clock, &t->match);
    if (!(h->config & ENABLE))
        return;
    u64 now = counter(h);
    u64 ticks = (t->comparator - now) & width_mask(t);
    if (ticks > (u64)INT64_MAX / PERIOD_NS)
        return; /* centuries */
    /* The counter reaches the value at a whole tick, counted from where it was last set. */
    u64 at = h->counter_ns + (now - h->counter + ticks) * PERIOD_NS;
    event_at(clock, &t->match, at);
}

static void match_due(void *owner)
{
    struct hpet_timer *t = owner;
    struct hpet *h = t->hpet;
    u64 mask = width_mask(t), now = counter(h) & mask;
    fire(t);
    if (!periodic(t)) {
        /* Again when the counter has gone round: for 64 bits, never. */
        if (mask == UINT32_MAX)
            event_at(&h->dev.sys->clock, &t->match, now_ns(h) + (BIT64(32) * PERIOD_NS));
        return;
    }
    if (!t->period)
        return;
    u64 behind = (now - t->comparator + MIN_TICKS - 1) & mask;
    t->comparator = (t->comparator + t->period * (behind / t->period + 1)) & mask;
    schedule(t);
}

static void schedule_all(struct hpet *h)
{
    for (unsigned i = 0; i < HPET_TIMERS; i++)
        schedule(&h->timer[i]);
}

/* ---- registers: 64 bits wide, written under a mask ---- */

static void config_write(struct hpet *h, u64 val)
{
    u64 changed = h->config ^ val;
    u64 at = counter(h);
    if (changed & LEGACY)
        for (unsigned i = 0; i < 2; i++)
            irq_set(&h->cfg.legacy[i], val & LEGACY ? false : h->legacy_level >> i & 1);
    h->config = val & (ENABLE | LEGACY);
    h->counter = at;
    h->counter_ns = now_ns(h);
    if (changed & ENABLE)
        schedule_all(h);
    if ((changed & ENABLE) && !(val & ENABLE))
        for (unsigned i = 0; i < HPET_TIMERS; i++)
            if (!(h->status & BIT64(i)))
                set_output(&h->timer[i], false);
}

static void status_write(struct hpet *h, u64 val)
{
    for (unsigned i = 0; i < HPET_TIMERS; i++)
        if (val & h->status & BIT64(i))
            set_output(&h->timer[i], false);
    h->status &= ~val;
}

static void timer_config_write(struct hpet_timer *t, u64 val)
{
    bool up = t->hpet->status & BIT64(t->index);
    set_output(t, false); /* its line may be about to move */
    t->config = (t->config & ~(u64)T_WRITABLE) | (val & T_WRITABLE);
    if (t->config & T_32) {
        t->comparator = (u32)t->comparator;
        t->period = (u32)t->period;
    }
    if (up && (t->config & T_LEVEL) && (t->config & T_INT))
        set_output(t, true);
    schedule(t);
}

/*
 * In periodic mode a plain write sets the period; the one that follows T_SET sets the comparator
 * as well (IA-PC HPET 2.3.9.2.2).
 */
static void comparator_write(struct hpet_timer *t, u64 val, u64 mask)
{
    u64 width = width_mask(t);
    if (!periodic(t) || (t->config & T_SET))
        t->comparator = ((t->comparator & ~mask) | (val & mask)) & width;
    if (periodic(t))
        t->period = ((t->period & ~mask) | (val & mask)) & width;
    t->config &= ~(u64)T_SET;
    schedule(t);
}

static u64 register_read(struct hpet *h, u64 reg)
{
    switch (reg) {
    case GEN_CAP:
        return CAPABILITIES;
    case GEN_CONFIG:
        return h->config;
    case GEN_STATUS:
        return h->status;
    case MAIN_COUNTER:
        return counter(h);
    default:
        break;
    }
    u64 i = (reg - TIMERS) / TIMER_STRIDE;
    if (reg < TIMERS || i >= HPET_TIMERS)
        return 0;
    const struct hpet_timer *t = &h->timer[i];
    switch ((reg - TIMERS) % TIMER_STRIDE) {
    case TIMER_CONFIG:
        return t->config;
    case TIMER_COMPARATOR:
        return t->comparator;
    default:
        return 0;
    }
}

static void register_write(struct hpet *h, u64 reg, u64 val, u64 mask)
{
    u64 merged = (register_read(h, reg) & ~mask) | (val & mask);
    switch (reg) {
    case GEN_CONFIG:
        config_write(h, merged);
        return;
    case GEN_STATUS:
        status_write(h, val & mask);
        return;
    case MAIN_COUNTER:
        h->counter = merged;
        h->counter_ns = now_ns(h);
        schedule_all(h);
        return;
    default:
        break;
    }
    u64 i = (reg - TIMERS) / TIMER_STRIDE;
    if (reg < TIMERS || i >= HPET_TIMERS)
        return;
    switch ((reg - TIMERS) % TIMER_STRIDE) {
    case TIMER_CONFIG:
        timer_config_write(&h->timer[i], merged);
        break;
    case TIMER_COMPARATOR:
        comparator_write(&h->timer[i], val, mask);
        break;
    default:
        break;
    }
}

static u64 read(void *owner, u64 off, unsigned size)
{
    (void)size;
    return register_read(owner, off & ~7ull) >> (8 * (off & 7));
}

static void write(void *owner, u64 off, u64 val, unsigned size)
{
    struct hpet *h = owner;
    unsigned shift = 8 * (off & 7);
    trace(h->dev.sys->trace, hpet, "write %03x %llx size %u", (unsigned)off, (unsigned long long)val, size);
    register_write(h, off & ~7ull, val << shift, size_mask(size) << shift);
}

/* ---- life ---- */

static bool create(struct device *dev, const void *cfg)
{
    struct hpet *h = container_of(dev, struct hpet, dev);
    if (cfg)
        h->cfg = *(const struct hpet_config *)cfg;
    if (!h->cfg.route_cap)
        h->cfg.route_cap = BIT(2);
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        h->timer[i].hpet = h;
        h->timer[i].index = i;
        event_init(&h->timer[i].match, "hpet", match_due, &h->timer[i]);
    }
    region_device(&h->page, &dev->sys->mem, "hpet", HPET_BASE, SPACE, h, read, write);
    return true;
}

static void reset(struct device *dev)
{
    struct hpet *h = container_of(dev, struct hpet, dev);
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        struct hpet_timer *t = &h->timer[i];
        set_output(t, false);
        event_cancel(&dev->sys->clock, &t->match);
        t->config = (u64)h->cfg.route_cap << 32 | T_PERIODIC_CAP | T_SIZE_CAP;
        t->comparator = UINT64_MAX;
        t->period = 0;
    }
    h->config = h->status = 0;
    h->counter = h->counter_ns = 0;
    for (unsigned i = 0; i < 2; i++)
        irq_set(&h->cfg.legacy[i], h->legacy_level >> i & 1);
}

const struct device_class hpet_class = {
    .name = "hpet",
    .description = "event timers",
    .size = sizeof(struct hpet),
    .state = hpet_state,
    .create = create,
    .reset = reset,
};
