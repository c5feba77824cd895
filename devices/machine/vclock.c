/*
 * Virtual time. With -icount it is a function of the number of instructions
 * retired (plus what passed while every CPU was halted), so two runs with the
 * same input are identical.
 *
 * Otherwise it follows the host's clock, and loses nothing against it. While
 * every CPU is halted it is where the host's clock is. While one runs, what
 * passes is the time that CPU really had, and what is missing from the host's
 * clock, since somebody else had the processor meanwhile, is made up for over
 * the next milliseconds of the CPU's time: a guest that polls with a timeout,
 * or measures one timer by another, sees time go faster for a while, and never
 * a jump between two instructions. Events fire in order, each at its moment,
 * one moment at a time with instructions of the guest in between. Only who was
 * stopped for long is set right at once.
 */
#include <time.h>

#include "devices/machine/machine_internal.h"

enum {
    CATCH_UP_INSNS = 3000,          /* what a guest runs at the host's pace after an event, ... */
    CATCH_UP_NS = 200000,           /* ... or, where one instruction is much work, that long */
    MAKE_UP_NS = 10 * 1000000,      /* missing time is made up for in about so much of the CPU's time, but ... */
    MAX_PACE = 20,                  /* ... no faster than so many times the host's clock */
    SLOW = 8,                       /* instructions since the last look may have taken so many times the usual, ... */
    LOOK_NS = 4000,                 /* ... and this */
    MAX_STEP_NS = 500000,           /* the most a running guest may see pass at once */
    SLICE_NS = MAX_STEP_NS / 2,     /* so no slice is meant to take as long, ... */
    SHORT_SLICE_NS = SLICE_NS / 10, /* ... nor, with the pace, more; but what is shorter than this costs too much */
    LONG_STOP_NS = 1000000000,      /* who was stopped for longer is set right at once */
    NEAR_NS = 50000, /* an event further away is approached by halves: the estimate of speed may be wrong */
    MIN_BUDGET = 200,
    AUTO_PERIOD_NS = 100 * 1000000,
    MAX_SHIFT = 10,
    SLOWEST_SHIFT = 8,
};

u64 host_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (u64)ts.tv_sec * NS_PER_SEC + (u64)ts.tv_nsec;
}

static u64 insns(const struct vclock *v)
{
    return v->retired + (v->running ? cpu_icount(v->running) - v->running_base : 0);
}

/* ---- after the host's clock ---- */

/*
 * How far virtual time is behind; what makes the pace of it. That grows faster than the lag: who gets a fifth of a
 * processor has to be five times as fast all the time, and should not have to be far behind for that.
 */
static u64 lag_at(const struct vclock *v, u64 host) { return host - v->host_offset - v->wall; }
static u64 pressing(u64 lag)
{
    const u64 most = (u64)MAKE_UP_NS * (MAX_PACE - 1);
    lag = MIN(lag, most);
    return MIN(lag + lag * lag / (2 * MAKE_UP_NS), most);
}

static void set_rate(struct vclock *v, u64 insns_per_ms)
{
    v->rate = MAX(insns_per_ms, 100ull);
    v->slowest = (SLOW * 1000000ull << SLOWEST_SHIFT) / v->rate;
}

/*
 * The host's clock is at 'host': how much of the time since the last look the guest's instructions can have taken. The
 * rest was somebody else's; the host is not asked, which would take longer than a short slice.
 */
static u64 time_of_insns(struct vclock *v, u64 host)
{
    u64 now = insns(v), n = MIN(now - v->insns_seen, (u64)UINT32_MAX), gap = host - v->seen;
    v->insns_seen = now;
    v->seen = host;
    return MIN(gap, LOOK_NS + (n * v->slowest >> SLOWEST_SHIFT));
}

/* Has the guest had its time since the last event? */
static bool rested(const struct vclock *v)
{
    return insns(v) - v->fired_insns >= CATCH_UP_INSNS || v->ran - v->fired_ran >= CATCH_UP_NS;
}
static void note_fired(struct vclock *v)
{
    v->fired_insns = insns(v);
    v->fired_ran = v->ran;
}

/* Looks at the host's clock, 'host', and moves virtual time; false: the running slice should end soon. */
static bool look(struct vclock *v, u64 host)
{
    u64 gap = host - v->seen, lag = lag_at(v, host), ran = time_of_insns(v, host), extra = 0;
    if (rested(v))
        extra = ran * pressing(lag) / MAKE_UP_NS;
    v->ran += ran;
    v->was_stopped |= gap - ran > LONG_STOP_NS;
    v->wall += MIN(lag, MIN(ran + extra, (u64)MAX_STEP_NS));
    return v->wall < clock_deadline(v->clock) && !v->was_stopped;
}

/* The same from within a slice. */
static void look_now(struct vclock *v)
{
    if (!look(v, v->host()))
        cpu_raise_attention(v->running, ATT_EXIT);
}

/* Fires what is due at the first moment something is, up to 'now'. */
static void fire_first(struct vclock *v, u64 now)
{
    u64 deadline = clock_deadline(v->clock);
    if (deadline <= now)
        note_fired(v);
    clock_advance(v->clock, MIN(deadline, now));
}

static void sync_wall(struct vclock *v)
{
    if (!v->was_stopped) {
        fire_first(v, v->wall);
        return;
    }
    v->was_stopped = false;
    v->wall += lag_at(v, v->seen);
    note_fired(v);
    clock_jump(v->clock, v->wall);
}

static u64 budget_wall(const struct vclock *v, u64 most)
{
    u64 deadline = clock_deadline(v->clock), press = MAKE_UP_NS + pressing(lag_at(v, v->seen));
    if (deadline <= v->wall)
        return MIN(most, (u64)CATCH_UP_INSNS);
    u64 ns = MAX((u64)SLICE_NS * MAKE_UP_NS / press, (u64)SHORT_SLICE_NS);
    u64 left = MIN(deadline - v->wall, NS_PER_SEC) * MAKE_UP_NS / press;
    ns = MIN(ns, left > NEAR_NS ? left / 2 : left);
    return MIN(MAX(ns * v->rate / 1000000, (u64)MIN_BUDGET), most);
}

/* ---- from the count of instructions ---- */

static u64 counted(const struct vclock *v) { return (insns(v) << v->shift) + v->warp; }

static u64 budget_counted(const struct vclock *v, u64 most)
{
    u64 deadline = clock_deadline(v->clock), now = MAX(counted(v), v->clock->now);
    if (deadline == UINT64_MAX)
        return most;
    /* the first count at which the deadline is reached */
    u64 left = deadline > now ? (deadline - now + (1ull << v->shift) - 1) >> v->shift : 1;
    return MAX(MIN(left, most), 1ull);
}

/* -icount auto: an instruction's length follows what the host manages, in powers of two. */
static void adjust_shift(struct vclock *v)
{
    u64 host = v->host() - v->auto_host, virt = v->clock->now - v->auto_virtual;
    if (host < AUTO_PERIOD_NS)
        return;
    u64 now = counted(v);
    if (virt * 3 < host * 2 && v->shift < MAX_SHIFT)
        v->shift++;
    else if (virt * 2 > host * 3 && v->shift > 0)
        v->shift--;
    v->warp = now - (v->retired << v->shift);
    v->auto_host = v->host();
    v->auto_virtual = v->clock->now;
}

/* ---- what devices see ---- */

static u64 exact_now(void *owner)
{
    struct vclock *v = owner;
    if (v->mode == ICOUNT_OFF) {
        if (v->running)
            look_now(v);
        return MAX(v->clock->now, MIN(v->wall, clock_deadline(v->clock)));
    }
    u64 t = counted(v), deadline = clock_deadline(v->clock);
    if (t > deadline && v->running)
        cpu_raise_attention(v->running, ATT_EXIT);
    return MAX(v->clock->now, MIN(t, deadline));
}

/* A device scheduled something sooner: the slice was sized for the old deadline. */
static void earlier(void *owner)
{
    struct vclock *v = owner;
    if (v->running)
        cpu_raise_attention(v->running, ATT_EXIT);
}

/* ---- for the machine ---- */

#define V(f)      STATE(struct vclock, f)
#define RUNS(f)   RUNNING(struct vclock, f)
#define DERIVE(f) DERIVED(struct vclock, f)
const struct state_field vclock_state[] = {
    STATE_RANGE(struct vclock, shift, 0, MAX_SHIFT),
    V(retired),
    V(warp),
    RUNS(running),
    RUNS(was_stopped),
    RUNS(running_base),
    RUNS(stopped),
    RUNS(slowly),
    RUNS(ran_base),
    DERIVE(auto_host),
    DERIVE(auto_virtual),
    DERIVE(wall),
    DERIVE(seen),
    DERIVE(host_offset),
    DERIVE(fired_insns),
    DERIVE(insns_seen),
    HOST(struct vclock, ran), /* of this host and its speed */
    HOST(struct vclock, fired_ran),
    HOST(struct vclock, slowest),
    HOST(struct vclock, rate),
    HOST(struct vclock, next_input),
    HOST(struct vclock, clock),
    HOST(struct vclock, mode),
    HOST(struct vclock, host),
    STATE_END,
};

void vclock_restored(struct vclock *v)
{
    v->wall = v->auto_virtual = v->clock->now;
    v->seen = v->auto_host = v->host();
    v->host_offset = v->seen - v->wall;
    v->was_stopped = false;
    v->insns_seen = v->fired_insns = v->retired;
    v->fired_ran = v->ran;
}

u64 vclock_instructions(const struct vclock *v) { return insns(v); }

/* Where time goes while nobody runs. */
static u64 idle_until(const struct vclock *v) { return MIN(clock_deadline(v->clock), v->next_input); }

void vclock_init(struct vclock *v, struct clock *clock, const struct machine_config *cfg)
{
    *v = (struct vclock){.clock = clock, .mode = cfg->icount, .host = host_ns, .next_input = UINT64_MAX};
    set_rate(v, 50000);
    v->shift = cfg->icount == ICOUNT_SHIFT ? cfg->icount_shift : 3;
    clock->read = exact_now;
    clock->owner = v;
    clock->earlier = earlier;
    v->host_offset = v->auto_host = v->seen = v->host();
    v->stopped = true;
}

void vclock_pause(struct vclock *v) { v->stopped = true; }

void vclock_resume(struct vclock *v)
{
    v->stopped = false;
    v->seen = v->auto_host = v->host();
    v->wall = MAX(v->wall, v->clock->now);
    v->host_offset = v->seen - v->wall;
    v->was_stopped = false;
    v->auto_virtual = v->clock->now;
}

u64 vclock_budget(struct vclock *v, u64 most)
{
    return v->mode == ICOUNT_OFF ? budget_wall(v, most) : budget_counted(v, most);
}

void vclock_slice_begin(struct vclock *v, struct cpu *cpu, u64 host)
{
    if (v->mode == ICOUNT_OFF) {
        v->was_stopped |= host - v->seen > LONG_STOP_NS;
        v->seen = host;
    }
    v->ran_base = v->ran;
    v->running_base = cpu_icount(cpu);
    v->running = cpu;
}

void vclock_slice_end(struct vclock *v, u64 instructions, u64 host)
{
    if (v->mode == ICOUNT_OFF)
        look(v, host);
    v->running = NULL;
    v->retired += instructions;
    u64 ran = v->ran - v->ran_base;
    if (instructions > 1000 && ran > 1000 && !v->slowly)
        set_rate(v, (v->rate * 7 + MIN(instructions * 1000000 / ran, 5000000ull)) / 8);
}

void vclock_sync(struct vclock *v)
{
    if (v->mode == ICOUNT_OFF) {
        sync_wall(v);
        return;
    }
    clock_advance(v->clock, MAX(counted(v), v->clock->now));
    if (v->mode == ICOUNT_AUTO)
        adjust_shift(v);
}

u64 vclock_read(struct vclock *v)
{
    if (v->mode != ICOUNT_OFF || !v->running)
        return clock_now(v->clock);
    look_now(v);
    return MAX(v->clock->now, v->wall);
}

void vclock_before_access(struct vclock *v)
{
    if (v->mode != ICOUNT_OFF || !v->running || v->clock->firing || look(v, v->host()))
        return;
    fire_first(v, v->wall);
    cpu_raise_attention(v->running, ATT_EXIT);
}

void vclock_repetition(struct vclock *v)
{
    if (v->mode == ICOUNT_OFF && v->running)
        look_now(v);
}

u64 vclock_host_origin(const struct vclock *v)
{
    return v->mode == ICOUNT_OFF && !v->stopped ? v->host_offset : v->host() - v->clock->now;
}

u64 vclock_idle_sleep(struct vclock *v)
{
    u64 deadline = idle_until(v);
    u64 now = v->mode == ICOUNT_OFF ? v->host() - v->host_offset : MAX(counted(v), v->clock->now);
    return deadline == UINT64_MAX ? UINT64_MAX : deadline > now ? deadline - now : 0;
}

void vclock_idle_skip(struct vclock *v)
{
    if (v->mode != ICOUNT_OFF) {
        vclock_idle_done(v, 0, true);
    } else if (idle_until(v) != UINT64_MAX) {
        v->seen = v->host();
        v->wall = MAX(v->wall, idle_until(v));
        v->host_offset = v->seen - v->wall;
    }
}

void vclock_idle_done(struct vclock *v, u64 slept_ns, bool slept_all)
{
    if (v->mode == ICOUNT_OFF) {
        u64 host = v->host(), deadline = idle_until(v), before = v->seen - v->host_offset;
        u64 wanted = deadline > before ? deadline - before : 0, gap = host - v->seen;
        v->was_stopped |= gap > wanted && gap - wanted > LONG_STOP_NS;
        v->seen = host;
        v->wall = MAX(v->wall, MIN(host - v->host_offset, deadline));
        return;
    }
    u64 left = vclock_idle_sleep(v);
    if (left != UINT64_MAX)
        v->warp += slept_all ? left : MIN(slept_ns, left);
}

u64 vclock_idle_rounds(struct vclock *v, u64 length, u64 most, u64 slept_ns, bool slept_all)
{
    u64 left = vclock_idle_sleep(v), ns = slept_all ? left : MIN(slept_ns, left);
    u64 n = MIN(ns >> v->shift, most) / length * length;
    v->retired += n;
    return n;
}
