/*
 * The queue of events in virtual time. A sorted list is enough: a PC has some
 * twenty events, and the ones that move often lie near its head. While events
 * fire, time stands at the moment of each.
 */
#include "devices/core/clock.h"

const struct state_field clock_state[] = {
    STATE_RANGE(struct clock, now, 0, INT64_MAX),
    RUNNING(struct clock, firing),
    RUNNING(struct clock, held),
    DERIVED(struct clock, head),
    STATE_RANGE(struct clock, seq, 0, INT64_MAX),
    HOST(struct clock, read),
    HOST(struct clock, owner),
    HOST(struct clock, trace),
    HOST(struct clock, earlier),
    STATE_END,
};

void clock_init(struct clock *c, struct trace *trace) { *c = (struct clock){.trace = trace}; }

u64 clock_now(struct clock *c)
{
    if (!c->read || c->firing)
        return c->now;
    u64 t = c->read(c->owner);
    if (c->head && t > c->head->when)
        t = c->head->when;
    return MAX(t, c->now);
}

void event_init(struct event *e, const char *name, void (*fire)(void *owner), void *owner)
{
    *e = (struct event){.fire = fire, .owner = owner, .name = name};
}

static void unlink_event(struct clock *c, struct event *e)
{
    struct event **p = &c->head;
    while (*p != e)
        p = &(*p)->next;
    *p = e->next;
    e->next = NULL;
    e->pending = false;
}

static void link_event(struct clock *c, struct event *e, u64 when, u64 seq)
{
    struct event **p = &c->head;
    while (*p && ((*p)->when < when || ((*p)->when == when && (*p)->seq < seq)))
        p = &(*p)->next;
    e->when = when;
    e->seq = seq;
    e->pending = true;
    e->next = *p;
    *p = e;
    if (c->head == e && c->earlier)
        c->earlier(c->owner);
}

void event_at(struct clock *c, struct event *e, u64 when)
{
    /* Not before the present, or clock_now(), which never passes the first event, would step back. */
    u64 now = clock_now(c);
    event_cancel(c, e);
    link_event(c, e, MAX(when, now), c->seq++);
}

void event_restore(struct clock *c, struct event *e, u64 when, u64 seq)
{
    event_cancel(c, e);
    c->seq = MAX(c->seq, seq + 1);
    link_event(c, e, when, seq);
}

void event_cancel(struct clock *c, struct event *e)
{
    if (e->pending)
        unlink_event(c, e);
}

u64 clock_deadline(const struct clock *c) { return c->head ? c->head->when : UINT64_MAX; }

static void fire_at_its_time(struct clock *c, struct event *e)
{
    bool outer = c->firing;
    c->firing = true;
    c->now = MAX(c->now, e->when);
    unlink_event(c, e);
    trace(c->trace, clock, "%llu %s", (unsigned long long)c->now, e->name);
    e->fire(e->owner);
    c->firing = outer;
}

void clock_advance(struct clock *c, u64 now)
{
    while (!c->held && c->head && c->head->when <= now)
        fire_at_its_time(c, c->head);
    if (!c->held)
        c->now = MAX(c->now, now);
}

/* The first event up to 'now' that was scheduled before 'seq'. */
static struct event *first_before(const struct clock *c, u64 now, u64 seq)
{
    struct event *e = c->head;
    while (e && e->when <= now && e->seq >= seq)
        e = e->next;
    return e && e->when <= now ? e : NULL;
}

void clock_jump(struct clock *c, u64 now)
{
    u64 seq = c->seq;
    for (struct event *e; !c->held && (e = first_before(c, now, seq));)
        fire_at_its_time(c, e);
    if (!c->held)
        c->now = MAX(c->now, now);
    clock_advance(c, now);
}
