/*
 * The host event loop (loop.h): poll(2) over an eventfd and the watched
 * descriptors. Handlers may add and remove watches and timers freely; a
 * removed watch is not called any more, even in the same round.
 */
#include "frontend/loop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct posted {
    void (*fn)(void *arg);
    void *arg;
    struct posted *next;
};
struct loop {
    int wake_fd;
    struct loop_fd *fds;
    struct loop_timer *timers; /* sorted */
    pthread_mutex_t lock;      /* of the list below */
    struct posted *first, **last;
    struct pollfd *polls;
    struct loop_fd **polled; /* whose each of polls is; NULL once removed */
    unsigned npolled, capacity;
};

struct loop *loop_create(void)
{
    struct loop *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&l->lock, NULL);
    l->last = &l->first;
    return l;
}

void loop_destroy(struct loop *l)
{
    if (!l)
        return;
    while (l->first) {
        struct posted *p = l->first;
        l->first = p->next;
        free(p);
    }
    close(l->wake_fd);
    pthread_mutex_destroy(&l->lock);
    free(l->polls);
    free(l->polled);
    free(l);
}

u64 loop_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

void loop_fd_add(struct loop *l, struct loop_fd *f)
{
    if (f->added)
        return;
    f->added = true;
    f->next = l->fds;
    l->fds = f;
}

void loop_fd_remove(struct loop *l, struct loop_fd *f)
{
    if (!f->added)
        return;
    f->added = false;
    for (struct loop_fd **p = &l->fds; *p; p = &(*p)->next) {
        if (*p == f) {
            *p = f->next;
            break;
        }
    }
    for (unsigned i = 0; i < l->npolled; i++) {
        if (l->polled[i] == f)
            l->polled[i] = NULL;
    }
}

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
    if (!t->pending)
        return;
    t->pending = false;
    for (struct loop_timer **p = &l->timers; *p; p = &(*p)->next) {
        if (*p == t) {
            *p = t->next;
            return;
        }
    }
}

void loop_timer_set(struct loop *l, struct loop_timer *t, u64 in_ms)
{
    loop_timer_cancel(l, t);
    t->when_ms = loop_now_ms() + in_ms;
    t->pending = true;
    struct loop_timer **p = &l->timers;
    while (*p && (*p)->when_ms <= t->when_ms)
        p = &(*p)->next;
    t->next = *p;
    *p = t;
}

void loop_wake(struct loop *l)
{
    u64 one = 1;
    /* EAGAIN means 2^64 - 2 wakes are pending: it will wake. */
    if (write(l->wake_fd, &one, sizeof(one)) < 0)
        return;
}

void loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
    struct posted *p = malloc(sizeof(*p));
    if (!p)
        abort();
    *p = (struct posted){fn, arg, NULL};
    pthread_mutex_lock(&l->lock);
    *l->last = p;
    l->last = &p->next;
    pthread_mutex_unlock(&l->lock);
    loop_wake(l);
}

static void run_posted(struct loop *l)
{
    for (;;) {
        pthread_mutex_lock(&l->lock);
        struct posted *p = l->first;
        if (p) {
            l->first = p->next;
            if (!l->first)
                l->last = &l->first;
        }
        pthread_mutex_unlock(&l->lock);
        if (!p)
            return;
        p->fn(p->arg);
        free(p);
    }
}

static void run_timers(struct loop *l)
{
    u64 now = loop_now_ms();
    while (l->timers && l->timers->when_ms <= now) {
        struct loop_timer *t = l->timers;
        l->timers = t->next;
        t->pending = false;
        t->fire(t->owner);
    }
}

static bool make_room(struct loop *l, unsigned n)
{
    if (n <= l->capacity)
        return true;
    struct pollfd *polls = realloc(l->polls, n * 2 * sizeof(*polls));
    if (polls)
        l->polls = polls;
    struct loop_fd **polled = realloc(l->polled, n * 2 * sizeof(struct loop_fd *));
    if (polled)
        l->polled = polled;
    if (!polls || !polled)
        return false;
    l->capacity = n * 2;
    return true;
}

void loop_once(struct loop *l, int timeout_ms)
{
    unsigned n = 1;
    for (struct loop_fd *f = l->fds; f; f = f->next)
        n++;
    if (!make_room(l, n))
        abort();
    l->polls[0] = (struct pollfd){.fd = l->wake_fd, .events = POLLIN};
    l->polled[0] = NULL;
    n = 1;
    for (struct loop_fd *f = l->fds; f; f = f->next) {
        short events = f->want ? f->want(f->owner) : f->events;
        if (f->fd < 0 || !events)
            continue;
        l->polls[n] = (struct pollfd){.fd = f->fd, .events = events};
        l->polled[n++] = f;
    }
    l->npolled = n;
    if (l->timers) {
        u64 now = loop_now_ms();
        u64 wait = l->timers->when_ms > now ? l->timers->when_ms - now : 0;
        timeout_ms = (int)MIN((u64)timeout_ms, wait);
    }
    int ready = poll(l->polls, n, timeout_ms);
    if (ready > 0 && l->polls[0].revents) {
        u64 count;
        if (read(l->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
            abort();
    }
    run_posted(l);
    for (unsigned i = 1; ready > 0 && i < n; i++) {
        struct loop_fd *f = l->polled[i];
        if (f && l->polls[i].revents)
            f->ready(f->owner, l->polls[i].revents);
    }
    l->npolled = 0;
    run_timers(l);
}

void loop_run(struct loop *l, bool (*done)(void *owner), void *owner)
{
    enum { LOOK_AGAIN_MS = 100 };
    while (!done(owner))
        loop_once(l, LOOK_AGAIN_MS);
}
