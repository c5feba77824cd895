/*
 * Virtual time in nanoseconds and the one queue of things to happen in it.
 * Events are intrusive; ties break by order of scheduling. How virtual time
 * moves is the clock source's business: vclock.c advances it from retired
 * instructions (-icount) or from the wall clock, never past a pending event.
 */
#ifndef ORRERY_CORE_CLOCK_H
#define ORRERY_CORE_CLOCK_H

#include "cpu/field.h"

#define NS_PER_SEC 1000000000ull

struct event {
    void (*fire)(void *owner);
    void *owner;
    const char *name;
    u64 when; /* ns; meaningful while pending */
    u64 seq;
    bool pending;
    struct event *next;
};

struct clock {
    u64 now;            /* ns at the last clock_advance */
    bool firing;        /* inside clock_advance: time stands at the event's moment */
    bool held;          /* by the machine: nothing fires, and time stands, until it lets go */
    struct event *head; /* sorted by (when, seq) */
    u64 seq;
    u64 (*read)(void *owner); /* exact now, between advances; never past head->when. NULL: 'now' */
    void *owner;
    struct trace *trace;
    void (*earlier)(void *owner); /* told when a new event became the first: shorten the slice */
};

/* The queue itself comes with the events of its owners. */
extern const struct state_field clock_state[];
void clock_init(struct clock *c, struct trace *trace);
/* Exact virtual time, ns. Monotonic. */
u64 clock_now(struct clock *c);
void event_init(struct event *e, const char *name, void (*fire)(void *owner), void *owner);
/* (Re)schedules for virtual time 'when'; in the past means: as soon as possible. */
void event_at(struct clock *c, struct event *e, u64 when);
/* For state_load: schedules with the place among ties that was saved. */
void event_restore(struct clock *c, struct event *e, u64 when, u64 seq);
void event_cancel(struct clock *c, struct event *e);
/* Virtual time of the first event, or UINT64_MAX. */
u64 clock_deadline(const struct clock *c);
/* Moves to 'now' and fires all that is due, each at its own time. */
void clock_advance(struct clock *c, u64 now);

/*
 * Moves to 'now' over time in which nobody looked: what is pending fires at its moment, once; what it schedules
 * before 'now', as periodic timers do, comes at 'now'.
 */
void clock_jump(struct clock *c, u64 now);

/* Ticks of a 'hz' clock to ns and back, without overflow for centuries. */
ALWAYS_INLINE u64 ticks_to_ns(u64 ticks, u64 hz) { return (u64)((u128)ticks * NS_PER_SEC / hz); }
/* Rounds up: the first ns at which 'ticks' have passed. */
ALWAYS_INLINE u64 ticks_to_ns_up(u64 ticks, u64 hz) { return (u64)(((u128)ticks * NS_PER_SEC + hz - 1) / hz); }
ALWAYS_INLINE u64 ns_to_ticks(u64 ns, u64 hz) { return (u64)((u128)ns * hz / NS_PER_SEC); }

#endif
