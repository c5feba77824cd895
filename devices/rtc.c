/*
 * MC146818A real time clock as the PIIX3 holds it (Motorola ADI 1014). The
 * time is not ticked: it is a base plus virtual or the host's time, brought into the
 * registers when they are read; one event a second makes the update-ended and
 * alarm flags. Contents survive a reset, as the battery sees to. Daylight
 * saving (DSE) is accepted and does nothing: no PC operating system wants it.
 */
#include "devices/rtc.h"
#include "devices/pc_map.h"

enum rtc_register {
    SECONDS,
    SECONDS_ALARM,
    MINUTES,
    MINUTES_ALARM,
    HOURS,
    HOURS_ALARM,
    WEEKDAY,
    DAY,
    MONTH,
    YEAR,
    REG_A,
    REG_B,
    REG_C,
    REG_D,
    CENTURY = 0x32,
    CMOS_SIZE = 128
};
enum {
    A_UIP = BIT(7),
    A_DV = 7 << 4,
    A_DV_RUN = 2 << 4,
    A_RS = 15,
    B_SET = BIT(7),
    B_PIE = BIT(6),
    B_AIE = BIT(5),
    B_UIE = BIT(4),
    B_SQWE = BIT(3),
    B_BINARY = BIT(2),
    B_24H = BIT(1),
    C_IRQF = BIT(7),
    C_PF = BIT(6),
    C_AF = BIT(5),
    C_UF = BIT(4),
    D_VRT = BIT(7),
    BASE_HZ = 32768,
    REINJECT_MAX = 20, /* lost interrupts that may come at once, in the place of one */
    UPDATE_NS =
        244000 + 1984000, /* UIP rises 244 us before an update of 1984 us; the new time is there when it falls */
};

#define MAX_SECONDS ((i64)1 << 40) /* some 34,000 years */

struct rtc {
    struct device dev;
    u8 index;        /* port 70h, with the NMI mask in bit 7 */
    u8 weekday_skew; /* the weekday counter is independent of the date */
    u8 cmos[CMOS_SIZE];
    i64 base_s;        /* what the clock showed, seconds since 1970 ... */
    i64 base_ns;       /* ... at this time of day_ns */
    i64 told_s;        /* the last second whose update was told */
    u64 periodic_seen; /* ticks of BASE_HZ up to which periodic flags were told */
    u32 lost;          /* periodic interrupts the guest was too slow for, to be made up for */
    u32 reinjected;    /* since the last one that came by itself */
    struct event update, periodic;
    struct rtc_config wire;
    struct region ports;
};

static const struct state_field rtc_state[] = {
    DEVICE_STATE(struct rtc),
    STATE(struct rtc, index),
    STATE_RANGE(struct rtc, weekday_skew, 0, 6),
    STATE(struct rtc, cmos),
    STATE_RANGE(struct rtc, base_s, -MAX_SECONDS, MAX_SECONDS),
    STATE(struct rtc, base_ns),
    STATE(struct rtc, told_s),
    STATE(struct rtc, periodic_seen),
    STATE(struct rtc, lost),
    STATE(struct rtc, reinjected),
    EVENT(struct rtc, update),
    EVENT(struct rtc, periodic),
    HOST(struct rtc, wire),
    HOST(struct rtc, ports),
    STATE_END,
};

static u64 now_ns(struct rtc *r) { return clock_now(&r->dev.sys->clock); }
/* The clock that the time of day follows. Interrupts come in virtual time all the same. */
static u64 day_ns(struct rtc *r) { return r->wire.host_ns ? r->wire.host_ns(r->wire.owner) : now_ns(r); }

/* Updates happen: no SET, and the divider runs. */
static bool running(const struct rtc *r) { return !(r->cmos[REG_B] & B_SET) && (r->cmos[REG_A] & A_DV) < 0x60; }

/* ---- calendar ---- */

/* Days since 1970 of a proleptic Gregorian date; month and day may be out of range. */
static i64 days_from_date(i64 year, i64 month, i64 day)
{
    month -= 1;
    year += month >= 0 ? month / 12 : -1;
    month = (month % 12 + 12) % 12 + 1;
    /* Years start in March, so that leap days come last. */
    i64 y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    i64 doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void date_from_days(i64 days, i64 *year, unsigned *month, unsigned *day)
{
    i64 z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    i64 yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    i64 mp = (5 * doy + 2) / 153;
    *day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2);
}

/* ---- registers from time and back ---- */

static u8 encode(const struct rtc *r, unsigned v)
{
    return (u8)(r->cmos[REG_B] & B_BINARY ? v : v / 10 % 10 << 4 | v % 10);
}
static unsigned decode(const struct rtc *r, u8 v) { return r->cmos[REG_B] & B_BINARY ? v : (v >> 4) * 10u + (v & 15); }

static u8 encode_hour(const struct rtc *r, unsigned hour)
{
    if (r->cmos[REG_B] & B_24H)
        return encode(r, hour);
    return (u8)(encode(r, hour % 12 ? hour % 12 : 12) | (hour >= 12) << 7);
}
static unsigned decode_hour(const struct rtc *r, u8 v)
{
    if (r->cmos[REG_B] & B_24H)
        return decode(r, v);
    return decode(r, v & 0x7f) % 12 + (v & 0x80 ? 12 : 0);
}

static i64 floor_div(i64 a, i64 b) { return a / b - (a % b < 0); }

/* ns since the base; the base may lie before virtual time 0. */
static i64 since_base(struct rtc *r) { return (i64)(day_ns(r) - (u64)r->base_ns); }

static i64 time_s(struct rtc *r) { return r->base_s + floor_div(since_base(r), (i64)NS_PER_SEC); }

/* ns since the last update. */
static u64 phase_ns(struct rtc *r)
{
    i64 d = since_base(r);
    return (u64)(d - floor_div(d, (i64)NS_PER_SEC) * (i64)NS_PER_SEC);
}

/* Brings the time registers up to date. */
static void latch_time(struct rtc *r)
{
    i64 t = time_s(r), days = floor_div(t, 86400), year;
    unsigned s = (unsigned)(t - days * 86400), month, day;
    date_from_days(days, &year, &month, &day);
    unsigned weekday = (unsigned)((days % 7 + 11) % 7); /* 1970 began on a Thursday */
    r->cmos[SECONDS] = encode(r, s % 60);
    r->cmos[MINUTES] = encode(r, s / 60 % 60);
    r->cmos[HOURS] = encode_hour(r, s / 3600);
    r->cmos[WEEKDAY] = (u8)((weekday + r->weekday_skew) % 7 + 1);
    r->cmos[DAY] = encode(r, day);
    r->cmos[MONTH] = encode(r, month);
    r->cmos[YEAR] = encode(r, (unsigned)(((year % 100) + 100) % 100));
    r->cmos[CENTURY] = encode(r, (unsigned)(((year / 100) % 100 + 100) % 100));
}

/* The time registers become the time, 'phase' ns into their second. */
static void set_time(struct rtc *r, u64 phase)
{
    i64 year = (i64)decode(r, r->cmos[CENTURY]) * 100 + decode(r, r->cmos[YEAR]);
    i64 days = days_from_date(year, decode(r, r->cmos[MONTH]), decode(r, r->cmos[DAY]));
    r->base_s = days * 86400 + decode_hour(r, r->cmos[HOURS]) * 3600 + decode(r, r->cmos[MINUTES]) * 60 +
                decode(r, r->cmos[SECONDS]);
    r->base_ns = (i64)day_ns(r) - (i64)phase;
    r->told_s = r->base_s;
    unsigned weekday = (unsigned)((days % 7 + 11) % 7);
    r->weekday_skew = (u8)((r->cmos[WEEKDAY] % 7 + 6 + 7 - weekday) % 7);
}

/* ---- interrupts ---- */

static void raise(struct rtc *r, u8 flags)
{
    r->cmos[REG_C] |= flags;
    if (r->cmos[REG_C] & r->cmos[REG_B] & (B_PIE | B_AIE | B_UIE)) {
        r->cmos[REG_C] |= C_IRQF;
        irq_set(&r->wire.irq8, true);
    }
}

static void schedule_update(struct rtc *r)
{
    struct clock *clock = &r->dev.sys->clock;
    if (running(r))
        event_at(clock, &r->update, now_ns(r) + NS_PER_SEC - phase_ns(r));
    else
        event_cancel(clock, &r->update);
}

static bool alarm_matches(const struct rtc *r, unsigned alarm, unsigned value)
{
    return (r->cmos[alarm] & 0xc0) == 0xc0 || r->cmos[alarm] == r->cmos[value];
}

static void update_due(void *owner)
{
    struct rtc *r = owner;
    i64 now = time_s(r);
    /* What the time of day follows may have moved against virtual time: the second is not over. */
    if (now == r->told_s) {
        schedule_update(r);
        return;
    }
    r->told_s = now;
    latch_time(r);
    bool alarm = alarm_matches(r, SECONDS_ALARM, SECONDS) && alarm_matches(r, MINUTES_ALARM, MINUTES) &&
                 alarm_matches(r, HOURS_ALARM, HOURS);
    raise(r, (u8)(C_UF | (alarm ? C_AF : 0)));
    schedule_update(r);
}

/* Ticks of the 32768 Hz chain between periodic interrupts; 0: off. */
static u32 period_ticks(const struct rtc *r)
{
    unsigned rate = r->cmos[REG_A] & A_RS;
    if (!rate || (r->cmos[REG_A] & A_DV) >= 0x60)
        return 0;
    return 1u << (rate <= 2 ? rate + 6 : rate - 1);
}

static u64 base_ticks(struct rtc *r) { return ns_to_ticks(now_ns(r), BASE_HZ); }

/* With PIE off no event runs: the flag is found out when register C is read. */
static void catch_up_periodic(struct rtc *r)
{
    u32 period = period_ticks(r);
    u64 now = base_ticks(r);
    if (period && now / period != r->periodic_seen / period)
        r->cmos[REG_C] |= C_PF;
    r->periodic_seen = now;
}

static void schedule_periodic(struct rtc *r)
{
    u32 period = period_ticks(r);
    struct clock *clock = &r->dev.sys->clock;
    if (period && r->cmos[REG_B] & B_PIE)
        event_at(clock, &r->periodic, ticks_to_ns_up((base_ticks(r) / period + 1) * period, BASE_HZ));
    else
        event_cancel(clock, &r->periodic);
}

/* Counts interrupts that the guest will not see: the last one is still there, or time went on in a leap. */
static void count_lost(struct rtc *r, u64 now)
{
    u32 period = period_ticks(r);
    u64 lost = (r->cmos[REG_C] & C_PF) != 0;
    if (period && now / period > r->periodic_seen / period)
        lost += now / period - r->periodic_seen / period - 1;
    r->lost = (u32)MIN(r->lost + lost, (u64)UINT32_MAX);
    r->reinjected = 0;
}

static void periodic_due(void *owner)
{
    struct rtc *r = owner;
    u64 now = base_ticks(r);
    if (r->wire.slew)
        count_lost(r, now);
    r->periodic_seen = now;
    raise(r, C_PF);
    schedule_periodic(r);
}

/* The guest has taken a periodic interrupt: here is one that it had no time for. */
static void reinject(struct rtc *r)
{
    if (!(r->cmos[REG_B] & B_PIE))
        r->lost = 0;
    if (!r->lost || r->reinjected >= REINJECT_MAX)
        return;
    r->lost--;
    r->reinjected++;
    raise(r, C_PF);
}

/* ---- ports ---- */

static bool is_time(unsigned reg)
{
    return reg == CENTURY || (reg <= YEAR && reg != SECONDS_ALARM && reg != MINUTES_ALARM && reg != HOURS_ALARM);
}

static void write_a(struct rtc *r, u8 val)
{
    bool was_reset = (r->cmos[REG_A] & A_DV) >= 0x60, was_running = running(r);
    if (was_running)
        latch_time(r);
    catch_up_periodic(r);
    r->cmos[REG_A] = val & 0x7f;
    /* Out of divider reset the first update comes half a second later. */
    if (was_reset && (val & A_DV) < 0x60)
        set_time(r, NS_PER_SEC / 2);
    schedule_update(r);
    schedule_periodic(r);
}

static void write_b(struct rtc *r, u8 val)
{
    bool was_running = running(r);
    if (was_running)
        latch_time(r);
    catch_up_periodic(r);
    if (val & B_SET)
        val &= (u8)~B_UIE;
    r->cmos[REG_B] = val;
    /* Running on: another radix or clock face shows the same time. */
    if (running(r) && !was_running)
        set_time(r, phase_ns(r));
    schedule_update(r);
    schedule_periodic(r);
    raise(r, 0);
}

static void data_write(struct rtc *r, u8 val)
{
    unsigned reg = r->index & 0x7f;
    trace(r->dev.sys->trace, rtc, "write %02x %02x", reg, val);
    if (reg == REG_A) {
        write_a(r, val);
    } else if (reg == REG_B) {
        write_b(r, val);
    } else if (reg == REG_C || reg == REG_D) {
        return;
    } else if (is_time(reg) && running(r)) {
        latch_time(r);
        r->cmos[reg] = val;
        set_time(r, phase_ns(r));
    } else {
        r->cmos[reg] = val;
    }
}

static u8 data_read(struct rtc *r)
{
    unsigned reg = r->index & 0x7f;
    if (is_time(reg) && running(r))
        latch_time(r);
    u8 val = r->cmos[reg];
    if (reg == REG_A && running(r) && phase_ns(r) >= NS_PER_SEC - UPDATE_NS)
        val |= A_UIP;
    if (reg == REG_C) {
        catch_up_periodic(r);
        val = r->cmos[REG_C];
        r->cmos[REG_C] = 0;
        irq_set(&r->wire.irq8, false);
        if (val & C_PF)
            reinject(r);
    }
    trace(r->dev.sys->trace, rtc, "read %02x %02x", reg, val);
    return val;
}

static u64 read(void *owner, u64 off, unsigned size)
{
    (void)size;
    return off ? data_read(owner) : 0xff; /* port 70h cannot be read */
}

static void write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)size;
    struct rtc *r = owner;
    if (off) {
        data_write(r, (u8)val);
        return;
    }
    r->index = (u8)val;
    irq_set(&r->wire.nmi_mask, val & 0x80);
}

void rtc_cmos_set(struct device *dev, u8 index, u8 val)
{
    container_of(dev, struct rtc, dev)->cmos[index % CMOS_SIZE] = val;
}

u8 rtc_cmos_get(struct device *dev, u8 index) { return container_of(dev, struct rtc, dev)->cmos[index % CMOS_SIZE]; }

/* ---- life ---- */

static bool create(struct device *dev, const void *cfg)
{
    struct rtc *r = container_of(dev, struct rtc, dev);
    if (cfg)
        r->wire = *(const struct rtc_config *)cfg;
    region_device(&r->ports, &dev->sys->io, "rtc", PC_PORT_RTC, 2, r, read, write);
    r->ports.max_access = 1;
    event_init(&r->update, "rtc update", update_due, r);
    event_init(&r->periodic, "rtc periodic", periodic_due, r);
    /* Set here and not in reset: the battery keeps them. */
    r->cmos[REG_A] = A_DV_RUN | 6;
    r->cmos[REG_B] = B_24H;
    r->cmos[REG_D] = D_VRT;
    r->base_s = (i64)MIN(r->wire.base, (u64)MAX_SECONDS);
    r->base_ns = r->wire.host_ns ? (i64)day_ns(r) : 0;
    r->told_s = r->base_s;
    return true;
}

/* RESET#: interrupts off, flags clear; time and RAM go on. */
static void reset(struct device *dev)
{
    struct rtc *r = container_of(dev, struct rtc, dev);
    r->index = 0;
    r->cmos[REG_B] &= (u8) ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    r->cmos[REG_C] = 0;
    r->lost = r->reinjected = 0;
    r->periodic_seen = base_ticks(r);
    schedule_update(r);
    schedule_periodic(r);
    irq_set(&r->wire.irq8, false);
    irq_set(&r->wire.nmi_mask, false);
}

const struct device_class rtc_class = {
    .name = "mc146818rtc",
    .description = "clock and CMOS RAM",
    .size = sizeof(struct rtc),
    .state = rtc_state,
    .create = create,
    .reset = reset,
};
