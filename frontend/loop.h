/*
 * The host event loop: descriptors, timers and posted calls, all on the main
 * thread. Only loop_post and loop_wake may be called from other threads.
 */
#ifndef ORRERY_FRONTEND_LOOP_H
#define ORRERY_FRONTEND_LOOP_H

#include "cpu/base.h"

struct loop;

/* A descriptor to watch. 'events' is asked of 'want' before every wait, or fixed when 'want' is NULL. */
struct loop_fd {
    int fd; /* -1: not watched for now */
    short events;
    short (*want)(void *owner);
    void (*ready)(void *owner, short revents);
    void *owner;
    struct loop_fd *next;
    bool added;
};
struct loop_timer {
    u64 when_ms; /* on the loop's clock */
    void (*fire)(void *owner);
    void *owner;
    struct loop_timer *next;
    bool pending;
};

struct loop *loop_create(void);
void loop_destroy(struct loop *l);
/* Runs until 'done' says so; it is asked after every round, and at least every 100 ms. */
void loop_run(struct loop *l, bool (*done)(void *owner), void *owner);
/* One round: waits at most timeout_ms. */
void loop_once(struct loop *l, int timeout_ms);

void loop_fd_add(struct loop *l, struct loop_fd *f);
void loop_fd_remove(struct loop *l, struct loop_fd *f);
u64 loop_now_ms(void);
void loop_timer_set(struct loop *l, struct loop_timer *t, u64 in_ms);
void loop_timer_cancel(struct loop *l, struct loop_timer *t);

/* From any thread: fn(arg) on the main thread, soon, in order of posting. */
void loop_post(struct loop *l, void (*fn)(void *arg), void *arg);
/* From any thread: look at 'want' and 'done' again. */
void loop_wake(struct loop *l);

#endif
