/*
 * Virtual time. With -icount it is a function of the number of instructions
 * retired (plus what passed while every CPU was halted), so two runs with the
 * same input are identical. Otherwise it follows the host's clock, but stops
 * at each pending event until that has fired and the guest has run a little,
 * so a guest on a loaded host sees slow time, never lost ticks.
 */
#include <time.h>

#include "devices/machine_internal.h"

enum {
    CATCH_UP_INSNS = 3000,      /* what a guest may run between two overdue events */
    MAX_LAG_NS = 100 * 1000000, /* time that is further behind than this is given up */
    MAX_GAP_NS = 20 * 1000000,  /* the most a running guest may see pass at once */
    AUTO_PERIOD_NS = 100 * 1000000,
    MAX_SHIFT = 10,
};

u64 host_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (u64)ts.tv_sec * NS_PER_SEC + (u64)ts.tv_nsec;
}

static u64 running_insns(const struct vclock *v) { return v->running ? cpu_icount(v->running) - v->running_base : 0; }

/*
 * The host's clock, without what the host kept from us: a guest that polls with a timeout must not
 * find it expired because somebody else had the processor meanwhile.
 */
static u64 wall_now(struct vclock *v)
{
    u64 host = host_ns();
    if (host - v->seen > MAX_GAP_NS)
        v->host_offset += host - v->seen - MAX_GAP_NS;
    v->seen = host;
    return host - v->host_offset;
}

/* Virtual time as the rule says, which may lie past the next event. */
static u64 raw_now(struct vclock *v)
{
    if (v->mode == ICOUNT_OFF)
        return v->stopped ? v->clock->now : wall_now(v);
    return ((v->retired + running_insns(v)) << v->shift) + v->warp;
}

static u64 exact_now(void *owner)
{
    struct vclock *v = owner;
    u64 t = raw_now(v), deadline = clock_deadline(v->clock);
    /* A guest that polls a timer in an overlong slice must not see time stand at the event that is due. */
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

void vclock_init(struct vclock *v, struct clock *clock, const struct machine_config *cfg)
{
    *v = (struct vclock){.clock = clock, .mode = cfg->icount, .rate = 50000, .stopped = true};
    v->shift = cfg->icount == ICOUNT_SHIFT ? cfg->icount_shift : 3;
    clock->read = exact_now;
    clock->owner = v;
    clock->earlier = earlier;
    v->host_offset = v->auto_host = v->seen = host_ns();
}

void vclock_pause(struct vclock *v) { v->stopped = true; }

void vclock_resume(struct vclock *v)
{
    v->stopped = false;
    v->seen = host_ns();
    v->host_offset = v->seen - v->clock->now;
    v->auto_host = host_ns();
    v->auto_virtual = v->clock->now;
}

u64 vclock_budget(struct vclock *v, u64 most)
{
    u64 deadline = clock_deadline(v->clock), now = MAX(raw_now(v), v->clock->now);
    if (deadline == UINT64_MAX)
        return most;
    if (v->mode != ICOUNT_OFF) {
        /* the first count at which the deadline is reached */
        u64 left = deadline > now ? (deadline - now + (1ull << v->shift) - 1) >> v->shift : 1;
        return MAX(MIN(left, most), 1ull);
    }
    if (deadline <= now)
        return CATCH_UP_INSNS;
    u64 ns = MIN(deadline - now, NS_PER_SEC);
    return MIN(MAX(ns * v->rate / 1000000, 200ull), most);
}

void vclock_slice_begin(struct vclock *v, struct cpu *cpu)
{
    v->running_base = cpu_icount(cpu);
    v->running = cpu;
}

void vclock_slice_end(struct vclock *v, u64 instructions, u64 ns)
{
    v->running = NULL;
    v->retired += instructions;
    if (instructions > 1000 && ns > 1000) {
        u64 rate = instructions * 1000000 / ns;
        v->rate = (v->rate * 7 + MIN(rate, 5000000ull)) / 8;
    }
}

/* -icount auto: an instruction's length follows what the host manages, in powers of two. */
static void adjust_shift(struct vclock *v)
{
    u64 host = host_ns() - v->auto_host, virt = v->clock->now - v->auto_virtual;
    if (host < AUTO_PERIOD_NS)
        return;
    u64 now = raw_now(v);
    if (virt * 3 < host * 2 && v->shift < MAX_SHIFT)
        v->shift++;
    else if (virt * 2 > host * 3 && v->shift > 0)
        v->shift--;
    v->warp = now - (v->retired << v->shift);
    v->auto_host = host_ns();
    v->auto_virtual = v->clock->now;
}

void vclock_sync(struct vclock *v)
{
    u64 now = raw_now(v), deadline = clock_deadline(v->clock);
    now = MAX(now, v->clock->now);
    if (v->mode != ICOUNT_OFF) {
        clock_advance(v->clock, now);
        if (v->mode == ICOUNT_AUTO)
            adjust_shift(v);
        return;
    }
    if (deadline >= now) {
        clock_advance(v->clock, now);
        return;
    }
    clock_advance(v->clock, deadline);
    if (now - v->clock->now > MAX_LAG_NS)
        v->host_offset += now - v->clock->now - MAX_LAG_NS;
}

u64 vclock_idle_sleep(struct vclock *v)
{
    u64 deadline = clock_deadline(v->clock), now = MAX(raw_now(v), v->clock->now);
    return deadline == UINT64_MAX ? UINT64_MAX : deadline > now ? deadline - now : 0;
}

void vclock_idle_done(struct vclock *v, u64 slept_ns, bool slept_all)
{
    v->seen = host_ns(); /* sleeping is not being kept waiting */
    if (v->mode == ICOUNT_OFF)
        return;
    u64 left = vclock_idle_sleep(v);
    if (left != UINT64_MAX)
        v->warp += slept_all ? left : MIN(slept_ns, left);
}
