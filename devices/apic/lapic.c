/*
 * Local APIC (SDM vol. 3, chapter 11): xAPIC registers in a page that its own
 * processor alone sees, x2APIC registers as MSRs, timer, local vectors, IPIs.
 * Messages between APICs are plain calls: all processors run in turn on one
 * thread. There is no SMM: an SMI is taken and forgotten.
 * LINT0 of the boot processor starts as an open ExtINT, as firmware would leave
 * it, so that guests started without firmware get the 8259A's interrupts.
 */
#include "devices/apic/lapic.h"

/* MMIO offset >> 4, MSR - 800h */
enum lapic_register {
    REG_ID = 0x02,
    REG_VERSION = 0x03,
    REG_TPR = 0x08,
    REG_APR = 0x09,
    REG_PPR = 0x0a,
    REG_EOI = 0x0b,
    REG_REMOTE_READ = 0x0c,
    REG_LDR = 0x0d,
    REG_DFR = 0x0e,
    REG_SVR = 0x0f,
    REG_ISR = 0x10,
    REG_TMR = 0x18,
    REG_IRR = 0x20,
    REG_ESR = 0x28,
    REG_CMCI = 0x2f,
    REG_ICR = 0x30,
    REG_ICR_HIGH = 0x31,
    REG_LVT = 0x32,
    REG_TIMER_INITIAL = 0x38,
    REG_TIMER_CURRENT = 0x39,
    REG_TIMER_DIVIDE = 0x3e,
    REG_SELF_IPI = 0x3f
};
enum lvt { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };
enum {
    LVT_VECTOR = 0xff,
    LVT_MODE = 7 << 8,
    LVT_REMOTE_IRR = BIT(14),
    LVT_LEVEL = BIT(15),
    LVT_MASKED = BIT(16),
    TIMER_MODE = 3 << 17,
    TIMER_PERIODIC = 1 << 17,
    TIMER_DEADLINE = 2 << 17,
    SVR_ENABLE = BIT(8),
    SVR_WRITABLE = 0x3ff,
    ESR_SEND_VECTOR = BIT(5),
    ESR_RECEIVE_VECTOR = BIT(6),
    ESR_REGISTER = BIT(7),
    BASE_BSP = BIT(8),
    BASE_X2APIC = BIT(10),
    BASE_ENABLE = BIT(11),
    VERSION = 0x14,
    MSR_APIC_BASE = 0x1b,
    MSR_TSC_DEADLINE = 0x6e0,
    MSR_X2APIC = 0x800,
    MIN_PERIOD_NS = 1000, /* a mistaken count of 1 would cost the host an event a nanosecond */
};
/* The timer's input clock is 1 GHz: a nanosecond is a tick at divisor 1, as under KVM and QEMU. */

static const u32 lvt_writable[LVT_COUNT] = {0x700ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff};

struct lapic {
    struct device dev;
    u64 base; /* IA32_APIC_BASE */
    u32 id;   /* xAPIC: 8 bits, writable */
    u32 tpr, ldr, dfr, svr;
    u32 isr[8], tmr[8], irr[8];
    u32 esr, errors; /* as last latched; collected since */
    u64 icr;
    u32 lvt[LVT_COUNT];
    u32 timer_initial, timer_divide;
    u64 timer_start; /* ns when the count was timer_initial */
    bool timer_idle; /* ran out, and waits for a new initial count whatever the mode becomes */
    u64 deadline;    /* TSC; 0: disarmed */
    bool lint[2];    /* the pins */
    bool extint;     /* an ExtINT message waits */
    bool intr;       /* output */
    struct event timer;
    struct lapic_config cfg;
};

static const struct state_field lapic_state[] = {
    DEVICE_STATE(struct lapic),
    STATE(struct lapic, base),
    STATE_RANGE(struct lapic, id, 0, 0xff),
    STATE(struct lapic, tpr),
    STATE(struct lapic, ldr),
    STATE(struct lapic, dfr),
    STATE(struct lapic, svr),
    STATE(struct lapic, isr),
    STATE(struct lapic, tmr),
    STATE(struct lapic, irr),
    STATE(struct lapic, esr),
    STATE(struct lapic, errors),
    STATE(struct lapic, icr),
    STATE(struct lapic, lvt),
    STATE(struct lapic, timer_initial),
    STATE_RANGE(struct lapic, timer_divide, 0, 0xb),
    STATE(struct lapic, timer_start),
    STATE(struct lapic, deadline),
    STATE(struct lapic, timer_idle),
    STATE(struct lapic, lint),
    STATE(struct lapic, extint),
    STATE(struct lapic, intr),
    EVENT(struct lapic, timer),
    HOST(struct lapic, cfg),
    STATE_END,
};

static struct lapic *of(struct device *dev) { return container_of(dev, struct lapic, dev); }
static u64 now_ns(struct lapic *a) { return clock_now(&a->dev.sys->clock); }
static bool x2apic(const struct lapic *a) { return a->base & BASE_X2APIC; }
static bool enabled(const struct lapic *a) { return a->base & BASE_ENABLE; }
static bool software_enabled(const struct lapic *a) { return a->svr & SVR_ENABLE; }

/* ---- 256-bit registers ---- */

static bool test_bit(const u32 *reg, unsigned n) { return reg[n / 32] >> (n % 32) & 1; }
static void set_bit(u32 *reg, unsigned n) { reg[n / 32] |= BIT(n % 32); }
static void clear_bit(u32 *reg, unsigned n) { reg[n / 32] &= ~BIT(n % 32); }

/* The highest vector set, or -1. */
static int highest(const u32 *reg)
{
    for (int i = 7; i >= 0; i--)
        if (reg[i])
            return i * 32 + 31 - __builtin_clz(reg[i]);
    return -1;
}

/* ---- priority (11.8.3) ---- */

static u8 ppr(const struct lapic *a)
{
    int serving = highest(a->isr);
    u8 class = serving < 0 ? 0 : (u8)serving & 0xf0;
    return (a->tpr & 0xf0) >= class ? (u8)a->tpr : class;
}

/* The vector to deliver now, or -1. */
static int deliverable(const struct lapic *a)
{
    if (!enabled(a) || !software_enabled(a))
        return -1;
    int vector = highest(a->irr);
    return vector >= 0 && (vector & 0xf0) > (ppr(a) & 0xf0) ? vector : -1;
}

/* The 8259A's request passes: through LINT0, or past an APIC that is off. */
static bool extint_due(const struct lapic *a)
{
    if (!enabled(a))
        return a->lint[0];
    u32 lvt = a->lvt[LVT_LINT0];
    bool open = !(lvt & LVT_MASKED) && (lvt & LVT_MODE) >> 8 == APIC_EXTINT;
    return (open && a->lint[0]) || a->extint;
}

static void update(struct lapic *a)
{
    bool intr = deliverable(a) >= 0 || extint_due(a);
    if (intr == a->intr)
        return;
    a->intr = intr;
    if (a->cfg.intr)
        a->cfg.intr(a->cfg.cpu, intr);
}

/* ---- accepting interrupts ---- */

static void error(struct lapic *a, u32 bit);

static void accept(struct lapic *a, u8 vector, bool level)
{
    if (vector < 16) {
        error(a, ESR_RECEIVE_VECTOR);
        return;
    }
    if (!enabled(a) || !software_enabled(a))
        return;
    set_bit(a->irr, vector);
    if (level)
        set_bit(a->tmr, vector);
    else
        clear_bit(a->tmr, vector);
    update(a);
}

static void init(struct lapic *a);

/* One message or local interrupt, by delivery mode. */
static void take(struct lapic *a, u8 mode, u8 vector, bool level)
{
    void *cpu = a->cfg.cpu;
    switch ((enum apic_delivery)mode) {
    case APIC_FIXED:
    case APIC_LOWEST:
        accept(a, vector, level);
        break;
    case APIC_SMI:
        if (a->cfg.smi)
            a->cfg.smi(cpu);
        break;
    case APIC_REMOTE_READ:
        break; /* gone since the Pentium 4 */
    case APIC_NMI:
        if (a->cfg.nmi)
            a->cfg.nmi(cpu);
        break;
    case APIC_INIT:
        init(a);
        if (a->cfg.init)
            a->cfg.init(cpu);
        break;
    case APIC_SIPI:
        if (a->cfg.sipi)
            a->cfg.sipi(cpu, vector);
        break;
    case APIC_EXTINT:
        a->extint = true;
        update(a);
        break;
    }
}

/* An event of the local vector table. */
static void local(struct lapic *a, enum lvt which)
{
    u32 lvt = a->lvt[which];
    if (!enabled(a) || (lvt & LVT_MASKED))
        return;
    bool pin = which == LVT_LINT0 || which == LVT_LINT1;
    u8 mode = which == LVT_TIMER || which == LVT_ERROR ? APIC_FIXED : (u8)(lvt >> 8 & 7);
    bool level = pin && mode == APIC_FIXED && (lvt & LVT_LEVEL);
    if (pin && mode == APIC_EXTINT) {
        update(a);
        return;
    }
    if (level) {
        if (lvt & LVT_REMOTE_IRR)
            return;
        a->lvt[which] |= LVT_REMOTE_IRR;
    }
    take(a, mode, (u8)lvt, level);
}

static void error(struct lapic *a, u32 bit)
{
    bool first = !(a->errors & bit);
    a->errors |= bit;
    if (first)
        local(a, LVT_ERROR);
}

/* A pin that is up asks again when its level-triggered interrupt ends or its entry opens. */
static void ask_level(struct lapic *a, enum lvt which, unsigned pin)
{
    u32 lvt = a->lvt[which];
    if (a->lint[pin] && (lvt & LVT_LEVEL) && (lvt & LVT_MODE) >> 8 == APIC_FIXED)
        local(a, which);
}

static void lint_set(void *owner, unsigned pin, bool level)
{
    struct lapic *a = owner;
    bool rising = level && !a->lint[pin];
    a->lint[pin] = level;
    if (!enabled(a)) {
        if (pin == 1 && rising && a->cfg.nmi)
            a->cfg.nmi(a->cfg.cpu);
    } else if (rising) {
        local(a, LVT_LINT0 + (enum lvt)pin);
    }
    update(a);
}

struct irq lapic_lint(struct device *dev, unsigned n)
{
    assert(n < 2);
    return (struct irq){lint_set, of(dev), n};
}

int lapic_int_ack(struct device *dev)
{
    struct lapic *a = of(dev);
    int vector = deliverable(a);
    if (vector >= 0) {
        clear_bit(a->irr, (unsigned)vector);
        set_bit(a->isr, (unsigned)vector);
    } else if (extint_due(a)) {
        a->extint = false;
        vector = a->cfg.extint_ack ? a->cfg.extint_ack(a->cfg.cpu) : -1;
    }
    update(a);
    trace(dev->sys->trace, apic, "lapic %u acknowledge: vector %02x", a->cfg.id, vector);
    return vector;
}

static void eoi(struct lapic *a)
{
    int vector = highest(a->isr);
    if (vector < 0)
        return;
    clear_bit(a->isr, (unsigned)vector);
    if (test_bit(a->tmr, (unsigned)vector)) {
        for (unsigned pin = 0; pin < 2; pin++) {
            enum lvt which = LVT_LINT0 + (enum lvt)pin;
            if ((u8)a->lvt[which] == vector)
                a->lvt[which] &= ~(u32)LVT_REMOTE_IRR;
            ask_level(a, which, pin);
        }
        if (a->cfg.bus && a->cfg.bus->eoi)
            a->cfg.bus->eoi(a->cfg.bus->eoi_owner, (u8)vector);
    }
    update(a);
}

/* ---- messages (11.6) ---- */

struct message {
    u32 dest;
    bool logical;
    bool wide; /* dest has 32 bits: from an x2APIC */
    bool all;  /* whatever dest says, all but 'except' */
    const struct lapic *except;
    u8 mode, vector;
    bool level;
};

static bool is_broadcast(const struct message *m) { return m->dest == (m->wide ? UINT32_MAX : 0xff); }

static bool matches_logical(const struct lapic *a, u32 dest)
{
    if (x2apic(a))
        return dest >> 16 == a->ldr >> 16 && (dest & a->ldr & 0xffff);
    if (dest > 0xff)
        return false;
    u32 id = a->ldr >> 24;
    if (a->dfr >> 28 == 0xf) /* flat model */
        return id & dest;
    return id >> 4 == dest >> 4 && (id & dest & 15); /* cluster model */
}

static bool matches(const struct lapic *a, const struct message *m)
{
    if (!enabled(a) || a == m->except)
        return false;
    if (m->all || is_broadcast(m))
        return true;
    if (m->logical)
        return matches_logical(a, m->dest);
    return m->dest == (x2apic(a) ? a->cfg.id : a->id);
}

static void send(struct apic_bus *bus, const struct message *m)
{
    if (m->mode == APIC_LOWEST) {
        struct lapic *best = NULL;
        for (unsigned i = 0; i < bus->count; i++) {
            struct lapic *a = bus->member[i];
            if (matches(a, m) && software_enabled(a) && (!best || ppr(a) < ppr(best)))
                best = a;
        }
        if (best)
            take(best, APIC_FIXED, m->vector, m->level);
        return;
    }
    for (unsigned i = 0; i < bus->count; i++)
        if (matches(bus->member[i], m))
            take(bus->member[i], m->mode, m->vector, m->level);
}

static void bus_deliver(void *owner, u8 dest, bool logical, u8 mode, u8 vector, bool level)
{
    struct message m = {.dest = dest, .logical = logical, .mode = mode, .vector = vector, .level = level};
    send(owner, &m);
}

/* ICR bits 18 and 19. */
enum shorthand { TO_DEST, TO_SELF, TO_ALL, TO_OTHERS };

/*
 * What may be sent (table 11-3): to itself an APIC sends fixed interrupts only, alone or among all. The
 * manual leaves open what else does; here it is not sent. Modes 3 and 7 are reserved in the ICR.
 */
static bool may_send(u8 mode, enum shorthand to)
{
    switch ((enum apic_delivery)mode) {
    case APIC_FIXED:
        return true;
    case APIC_LOWEST:
    case APIC_SMI:
    case APIC_NMI:
    case APIC_INIT:
    case APIC_SIPI:
        return to == TO_DEST || to == TO_OTHERS;
    default:
        return false;
    }
}

/* ICR written. */
static void send_ipi(struct lapic *a)
{
    struct message m = {.logical = a->icr & BIT(11), .wide = x2apic(a), .mode = a->icr >> 8 & 7, .vector = (u8)a->icr};
    enum shorthand to = (enum shorthand)(a->icr >> 18 & 3);
    m.dest = (u32)(a->icr >> (m.wide ? 32 : 56));
    trace(a->dev.sys->trace, apic, "lapic %u IPI %016llx", a->cfg.id, (unsigned long long)a->icr);
    if (m.mode <= APIC_LOWEST && m.vector < 16) {
        error(a, ESR_SEND_VECTOR);
        return;
    }
    if (m.mode == APIC_INIT && (a->icr & (BIT(14) | BIT(15))) == BIT(15))
        return; /* INIT level de-assert: only the arbitration ids of old */
    if (!may_send(m.mode, to)) {
        trace(a->dev.sys->trace, guest_errors, "lapic %u: mode %u is not for this shorthand", a->cfg.id, m.mode);
        return;
    }
    m.all = to == TO_ALL || to == TO_OTHERS;
    m.except = to == TO_OTHERS ? a : NULL;
    if (to == TO_SELF || (to == TO_ALL && !a->cfg.bus))
        take(a, m.mode, m.vector, false);
    else if (a->cfg.bus)
        send(a->cfg.bus, &m);
}

/* ---- timer (11.5.4) ---- */

static u64 timer_divisor(const struct lapic *a)
{
    unsigned code = (a->timer_divide & 3) | (a->timer_divide >> 1 & 4);
    return code == 7 ? 1 : 2u << code;
}
static u32 timer_mode(const struct lapic *a) { return a->lvt[LVT_TIMER] & TIMER_MODE; }
static u64 timer_period(const struct lapic *a) { return a->timer_initial * timer_divisor(a); }

static u32 timer_count(struct lapic *a)
{
    if (!a->timer_initial || a->timer_idle || timer_mode(a) == TIMER_DEADLINE)
        return 0;
    u64 ticks = (now_ns(a) - a->timer_start) / timer_divisor(a);
    if (timer_mode(a) == TIMER_PERIODIC)
        return (u32)(a->timer_initial - ticks % a->timer_initial);
    return ticks >= a->timer_initial ? 0 : (u32)(a->timer_initial - ticks);
}

static void schedule_deadline(struct lapic *a)
{
    u64 tsc = a->cfg.tsc ? a->cfg.tsc(a->cfg.cpu) : 0;
    u64 hz = a->cfg.tsc_hz ? a->cfg.tsc_hz : NS_PER_SEC;
    u64 left = a->deadline > tsc ? a->deadline - tsc : 0;
    u128 ns = ((u128)left * NS_PER_SEC + hz - 1) / hz;
    u64 now = now_ns(a);
    if (ns > INT64_MAX - now)
        return; /* centuries */
    event_at(&a->dev.sys->clock, &a->timer, now + (u64)ns);
}

static void schedule(struct lapic *a)
{
    struct clock *clock = &a->dev.sys->clock;
    event_cancel(clock, &a->timer);
    if ((a->lvt[LVT_TIMER] & LVT_MASKED) || (a->timer_idle && timer_mode(a) != TIMER_DEADLINE))
        return;
    u64 period = timer_period(a), now = now_ns(a), passed = now - a->timer_start;
    switch (timer_mode(a)) {
    case TIMER_DEADLINE:
        if (a->deadline)
            schedule_deadline(a);
        break;
    case TIMER_PERIODIC:
        if (period) {
            u64 first = passed + (period < MIN_PERIOD_NS ? MIN_PERIOD_NS : 0);
            event_at(clock, &a->timer, a->timer_start + (first / period + 1) * period);
        }
        break;
    default:
        if (period && passed < period)
            event_at(clock, &a->timer, a->timer_start + period);
    }
}

static void timer_due(void *owner)
{
    struct lapic *a = owner;
    if (timer_mode(a) == TIMER_DEADLINE) {
        if (a->cfg.tsc && a->cfg.tsc(a->cfg.cpu) < a->deadline) { /* the guest moved its TSC back */
            schedule_deadline(a);
            return;
        }
        a->deadline = 0;
    }
    local(a, LVT_TIMER);
    if (timer_mode(a) == TIMER_PERIODIC)
        schedule(a);
}

static void timer_start(struct lapic *a, u32 initial)
{
    if (timer_mode(a) == TIMER_DEADLINE)
        return; /* ignored in this mode */
    a->timer_initial = initial;
    a->timer_start = now_ns(a);
    a->timer_idle = false;
    schedule(a);
}

/* Another divisor or mode: the count goes on from where it is. */
static void timer_continue(struct lapic *a, u32 count)
{
    a->timer_idle = !count;
    a->timer_start = now_ns(a) - (a->timer_initial - count) * timer_divisor(a);
    schedule(a);
}

static void timer_set_divide(struct lapic *a, u32 val)
{
    u32 count = timer_count(a);
    a->timer_divide = val & 0xb;
    timer_continue(a, count);
}

/* To or from TSC-deadline mode disarms (11.5.4.1). */
static void timer_mode_changed(struct lapic *a, u32 old, u32 count)
{
    if ((old ^ a->lvt[LVT_TIMER]) & TIMER_DEADLINE)
        a->deadline = a->timer_initial = count = 0;
    timer_continue(a, count);
}

/* ---- registers ---- */

static void lvt_write(struct lapic *a, enum lvt which, u32 val)
{
    u32 old = a->lvt[which], count = which == LVT_TIMER ? timer_count(a) : 0;
    val &= lvt_writable[which];
    if (which == LVT_TIMER && !a->cfg.tsc_deadline)
        val &= ~(u32)TIMER_DEADLINE;
    if (!software_enabled(a))
        val |= LVT_MASKED;
    a->lvt[which] = val | (val & LVT_LEVEL ? old & LVT_REMOTE_IRR : 0);
    if (which == LVT_TIMER && (old ^ val) & TIMER_MODE) {
        timer_mode_changed(a, old, count);
    } else if (which == LVT_TIMER) {
        schedule(a);
    } else if (which == LVT_LINT0 || which == LVT_LINT1) {
        ask_level(a, which, which - LVT_LINT0);
        update(a);
    }
}

static void svr_write(struct lapic *a, u32 val)
{
    a->svr = val & SVR_WRITABLE;
    if (!software_enabled(a))
        for (unsigned i = 0; i < LVT_COUNT; i++)
            a->lvt[i] |= LVT_MASKED;
    schedule(a);
    update(a);
}

static void write_tpr(struct lapic *a, u8 val)
{
    a->tpr = val;
    update(a);
}

/* The registers xAPIC and x2APIC have alike. */
static u32 register_read(struct lapic *a, unsigned reg)
{
    if (reg >= REG_ISR && reg < REG_ISR + 8)
        return a->isr[reg - REG_ISR];
    if (reg >= REG_TMR && reg < REG_TMR + 8)
        return a->tmr[reg - REG_TMR];
    if (reg >= REG_IRR && reg < REG_IRR + 8)
        return a->irr[reg - REG_IRR];
    if (reg >= REG_LVT && reg < REG_LVT + LVT_COUNT)
        return a->lvt[reg - REG_LVT];
    switch (reg) {
    case REG_ID:
        return x2apic(a) ? a->cfg.id : a->id << 24;
    case REG_VERSION:
        return VERSION | (LVT_COUNT - 1) << 16;
    case REG_TPR:
        return a->tpr;
    case REG_APR:
        return MAX(ppr(a) & 0xf0, MAX(highest(a->irr), 0) & 0xf0);
    case REG_PPR:
        return ppr(a);
    case REG_LDR:
        return a->ldr;
    case REG_DFR:
        return a->dfr;
    case REG_SVR:
        return a->svr;
    case REG_ESR:
        return a->esr;
    case REG_ICR:
        return (u32)a->icr;
    case REG_ICR_HIGH:
        return (u32)(a->icr >> 32);
    case REG_TIMER_INITIAL:
        return timer_mode(a) == TIMER_DEADLINE ? 0 : a->timer_initial;
    case REG_TIMER_CURRENT:
        return timer_count(a);
    case REG_TIMER_DIVIDE:
        return a->timer_divide;
    case REG_EOI:
    case REG_REMOTE_READ:
        return 0;
    default:
        error(a, ESR_REGISTER);
        return 0;
    }
}

static void register_write(struct lapic *a, unsigned reg, u32 val)
{
    if (reg >= REG_LVT && reg < REG_LVT + LVT_COUNT) {
        lvt_write(a, (enum lvt)(reg - REG_LVT), val);
        return;
    }
    switch (reg) {
    case REG_ID:
        a->id = val >> 24;
        break;
    case REG_TPR:
        write_tpr(a, (u8)val);
        break;
    case REG_EOI:
        eoi(a);
        break;
    case REG_LDR:
        a->ldr = val & 0xff000000;
        break;
    case REG_DFR:
        a->dfr = val | 0x0fffffff;
        break;
    case REG_SVR:
        svr_write(a, val);
        break;
    case REG_ESR:
        a->esr = a->errors;
        a->errors = 0;
        break;
    case REG_ICR:
        a->icr = (a->icr & ~(u64)UINT32_MAX) | (val & 0xccfff);
        a->icr &= ~BIT64(12); /* delivery status: sent at once */
        send_ipi(a);
        break;
    case REG_ICR_HIGH:
        a->icr = (u32)a->icr | (u64)val << 32;
        break;
    case REG_TIMER_INITIAL:
        timer_start(a, val);
        break;
    case REG_TIMER_DIVIDE:
        timer_set_divide(a, val);
        break;
    default:
        if (reg != REG_VERSION && reg != REG_APR && reg != REG_PPR && reg != REG_TIMER_CURRENT &&
            !(reg >= REG_ISR && reg < REG_ESR))
            error(a, ESR_REGISTER);
    }
}

/* ---- the page ---- */

bool lapic_claims(const struct device *dev, u64 pa)
{
    const struct lapic *a = (const struct lapic *)(const void *)dev;
    return (pa ^ a->base) >> 12 == 0 && enabled(a) && !x2apic(a);
}

/* Registers are dwords 16 bytes apart; a narrower access sees its part of one. */
static u32 dword_read(struct lapic *a, unsigned off) { return off & 15 ? 0 : register_read(a, off >> 4); }

u64 lapic_page_read(struct device *dev, u64 pa, unsigned size)
{
    u64 val = 0;
    for (unsigned at = 0, n; at < size; at += n) {
        unsigned off = (unsigned)(pa + at) & 0xfff, in = off & 3;
        n = MIN(4 - in, size - at);
        val |= (dword_read(of(dev), off - in) >> (8 * in) & size_mask(n)) << (8 * at);
    }
    return val;
}

void lapic_page_write(struct device *dev, u64 pa, u64 val, unsigned size)
{
    for (unsigned at = 0, n; at < size; at += n) {
        unsigned off = (unsigned)(pa + at) & 0xfff, in = off & 3;
        n = MIN(4 - in, size - at);
        if (!((off - in) & 15))
            register_write(of(dev), off >> 4, (u32)((val >> (8 * at) & size_mask(n)) << (8 * in)));
    }
}

/* IA32_APIC_BASE takes a value; the processor hears which of its pages may show something else. */
static void set_base(struct lapic *a, u64 val)
{
    u64 old = a->base;
    a->base = val;
    if (a->cfg.page_moved && old != val) {
        a->cfg.page_moved(a->cfg.cpu, old & ~0xfffull);
        a->cfg.page_moved(a->cfg.cpu, val & ~0xfffull);
    }
}

/* ---- MSRs ---- */

static u64 base_reserved(const struct lapic *a)
{
    unsigned bits = a->cfg.phys_bits ? a->cfg.phys_bits : 40;
    u64 reserved = 0xff | BIT64(9) | (bits < 64 ? ~0ull << bits : 0);
    return a->cfg.x2apic ? reserved : reserved | BASE_X2APIC;
}

static void power_on(struct lapic *a);

/* IA32_APIC_BASE: only off -> xAPIC -> x2APIC -> off, and off from anywhere (11.12.5). */
static bool base_write(struct lapic *a, u64 val)
{
    bool was_x2 = x2apic(a), on = val & BASE_ENABLE, x2 = val & BASE_X2APIC;
    if ((val & base_reserved(a)) || (x2 && !on) || (was_x2 && on && !x2) || (x2 && !enabled(a)))
        return false;
    bool was_on = enabled(a);
    set_base(a, val);
    if (was_on && !on) {
        a->id = a->cfg.id;
        power_on(a);
    }
    if (x2 && !was_x2) {
        a->ldr = (u32)(a->cfg.id >> 4) << 16 | BIT(a->cfg.id & 15);
        a->icr = (u32)a->icr;
    }
    update(a);
    return true;
}

static bool x2_read(struct lapic *a, unsigned reg, u64 *val)
{
    bool known = reg == REG_ID || reg == REG_VERSION || reg == REG_TPR || reg == REG_PPR || reg == REG_LDR ||
                 (reg >= REG_SVR && reg <= REG_ESR) || reg == REG_ICR || (reg >= REG_LVT && reg <= REG_TIMER_CURRENT) ||
                 reg == REG_TIMER_DIVIDE;
    if (!known)
        return false;
    *val = reg == REG_ICR ? a->icr : register_read(a, reg);
    return true;
}

/* Bits a register takes; a write of others is #GP. 0: read-only or absent. */
static u64 x2_writable(unsigned reg)
{
    if (reg >= REG_LVT && reg < REG_LVT + LVT_COUNT)
        return lvt_writable[reg - REG_LVT] | LVT_REMOTE_IRR | BIT(12);
    switch (reg) {
    case REG_TPR:
    case REG_SELF_IPI:
        return 0xff;
    case REG_SVR:
        return SVR_WRITABLE;
    case REG_ICR:
        return 0xffffffff000ccfffull;
    case REG_TIMER_INITIAL:
        return UINT32_MAX;
    case REG_TIMER_DIVIDE:
        return 0xb;
    default:
        return 0;
    }
}

static bool x2_write(struct lapic *a, unsigned reg, u64 val)
{
    if (reg == REG_EOI || reg == REG_ESR) {
        if (val)
            return false;
    } else if (!x2_writable(reg) || (val & ~x2_writable(reg))) {
        return false;
    }
    if (reg == REG_SELF_IPI) {
        if (val < 16)
            error(a, ESR_SEND_VECTOR);
        else
            accept(a, (u8)val, false);
    } else if (reg == REG_ICR) {
        a->icr = val & ~BIT64(12);
        send_ipi(a);
    } else {
        register_write(a, reg, (u32)val);
    }
    return true;
}

static bool is_mine(const struct lapic *a, u32 msr)
{
    return msr == MSR_APIC_BASE || (msr == MSR_TSC_DEADLINE && a->cfg.tsc_deadline) ||
           (msr >= MSR_X2APIC && msr < MSR_X2APIC + 0x100);
}

bool lapic_msr_read(struct device *dev, u32 msr, u64 *val, bool *fault)
{
    struct lapic *a = of(dev);
    if (!is_mine(a, msr))
        return false;
    if (msr == MSR_APIC_BASE)
        *val = a->base;
    else if (msr == MSR_TSC_DEADLINE)
        *val = timer_mode(a) == TIMER_DEADLINE ? a->deadline : 0;
    else
        *fault = !x2apic(a) || !x2_read(a, msr - MSR_X2APIC, val);
    return true;
}

bool lapic_msr_write(struct device *dev, u32 msr, u64 val, bool *fault)
{
    struct lapic *a = of(dev);
    if (!is_mine(a, msr))
        return false;
    if (msr == MSR_APIC_BASE) {
        *fault = !base_write(a, val);
    } else if (msr == MSR_TSC_DEADLINE) {
        if (timer_mode(a) == TIMER_DEADLINE) {
            a->deadline = val;
            schedule(a);
        }
    } else {
        *fault = !x2apic(a) || !x2_write(a, msr - MSR_X2APIC, val);
    }
    return true;
}

u8 lapic_tpr_read(struct device *dev) { return (u8)(of(dev)->tpr >> 4); }
void lapic_tpr_write(struct device *dev, u8 tpr) { write_tpr(of(dev), (u8)(tpr << 4)); }
bool lapic_enabled(const struct device *dev) { return enabled((const struct lapic *)(const void *)dev); }

/* ---- text ---- */

static void dump_vectors(const char *name, const u32 *reg, FILE *out)
{
    fprintf(out, "%s\t", name);
    for (unsigned i = 0; i < 256; i++)
        if (test_bit(reg, i))
            fprintf(out, " %u", i);
    fprintf(out, highest(reg) < 0 ? " (none)\n" : "\n");
}

void lapic_dump(struct device *dev, FILE *out)
{
    static const char *const names[LVT_COUNT] = {"TIMER", "THERM", "PERF", "LINT0", "LINT1", "ERROR"};
    struct lapic *a = of(dev);
    fprintf(out, "dumping local APIC state for CPU %u\n\n", a->cfg.id);
    for (unsigned i = 0; i < LVT_COUNT; i++)
        fprintf(out, "LVT%s\t 0x%08x vector %u%s\n", names[i], a->lvt[i], a->lvt[i] & LVT_VECTOR,
                a->lvt[i] & LVT_MASKED ? " masked" : "");
    fprintf(out, "Timer\t DCR=%#x initial=%u current=%u deadline=%llu\n", a->timer_divide, a->timer_initial,
            timer_count(a), (unsigned long long)a->deadline);
    fprintf(out, "SPIV\t 0x%08x APIC %s\n", a->svr, software_enabled(a) ? "enabled" : "disabled");
    fprintf(out, "ICR\t 0x%016llx\nESR\t 0x%08x\nBASE\t 0x%llx%s\n", (unsigned long long)a->icr, a->esr,
            (unsigned long long)a->base, x2apic(a) ? " x2APIC" : "");
    dump_vectors("ISR", a->isr, out);
    dump_vectors("IRR", a->irr, out);
    fprintf(out, "\nTPR 0x%02x PPR 0x%02x LDR 0x%08x DFR 0x%08x\n", a->tpr, ppr(a), a->ldr, a->dfr);
}

/* ---- life ---- */

/* Registers after power-up (11.4.7.1); id and IA32_APIC_BASE stay. */
static void power_on(struct lapic *a)
{
    a->tpr = a->ldr = 0;
    a->dfr = UINT32_MAX;
    a->svr = 0xff;
    memset(a->isr, 0, sizeof a->isr);
    memset(a->tmr, 0, sizeof a->tmr);
    memset(a->irr, 0, sizeof a->irr);
    a->esr = a->errors = 0;
    a->icr = 0;
    for (unsigned i = 0; i < LVT_COUNT; i++)
        a->lvt[i] = LVT_MASKED;
    if (a->cfg.bsp)
        a->lvt[LVT_LINT0] = APIC_EXTINT << 8;
    a->timer_initial = a->timer_divide = 0;
    a->timer_start = a->deadline = 0;
    a->extint = a->timer_idle = false;
    event_cancel(&a->dev.sys->clock, &a->timer);
}

/* INIT: as power-up but for the id (11.4.7.3); in x2APIC mode LDR is read-only and stays. */
static void init(struct lapic *a)
{
    u32 ldr = a->ldr;
    power_on(a);
    if (x2apic(a))
        a->ldr = ldr;
    update(a);
}

static bool create(struct device *dev, const void *cfg)
{
    struct lapic *a = of(dev);
    a->cfg.bsp = true;
    if (cfg)
        a->cfg = *(const struct lapic_config *)cfg;
    event_init(&a->timer, "lapic timer", timer_due, a);
    struct apic_bus *bus = a->cfg.bus;
    if (bus) {
        if (bus->count == APIC_BUS_MAX)
            return device_fail(dev->sys, "there is room for %d local APICs; use fewer processors", APIC_BUS_MAX);
        bus->member[bus->count++] = a;
        bus->deliver = bus_deliver;
        bus->owner = bus;
    }
    return true;
}

static void reset(struct device *dev)
{
    struct lapic *a = of(dev);
    set_base(a, LAPIC_BASE | BASE_ENABLE | (a->cfg.bsp ? BASE_BSP : 0));
    a->id = a->cfg.id;
    power_on(a);
    update(a);
}

static void restored(struct device *dev)
{
    struct lapic *a = of(dev);
    if (a->cfg.page_moved)
        a->cfg.page_moved(a->cfg.cpu, a->base & ~0xfffull);
}

static void destroy(struct device *dev)
{
    struct lapic *a = of(dev);
    struct apic_bus *bus = a->cfg.bus;
    if (!bus)
        return;
    unsigned i = 0;
    while (bus->member[i] != a)
        i++;
    bus->count--;
    memmove(&bus->member[i], &bus->member[i + 1], (bus->count - i) * sizeof *bus->member);
}

const struct device_class lapic_class = {
    .name = "apic",
    .description = "local APIC",
    .size = sizeof(struct lapic),
    .state = lapic_state,
    .create = create,
    .reset = reset,
    .restored = restored,
    .destroy = destroy,
    .info = lapic_dump,
};
