/*
 * The workers behind disks (pool.h).
 */
#include "devices/block/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "devices/block/format.h"

enum { WORKERS = 8 };

struct queue {
    struct disk_request *first, **last;
};

struct disk_pool {
    struct disk_pool_owner owner;
    pthread_mutex_t lock; /* guards the fields up to the blank line, and disks' 'busy' */
    pthread_cond_t work, over;
    struct queue waiting, finished;
    unsigned workers, idle, queued; /* queued: in 'waiting' */
    bool ending;
    pthread_t worker[WORKERS];

    unsigned pending; /* submitted and not delivered; the machine's thread only */
    unsigned lost;    /* of these, cancelled while a worker has them */
};

static void put(struct queue *q, struct disk_request *r)
{
    r->next = NULL;
    *q->last = r;
    q->last = &r->next;
}

static void take(struct queue *q, struct disk_request **at)
{
    struct disk_request *r = *at;
    *at = r->next;
    if (q->last == &r->next)
        q->last = at;
}

static void take_out(struct queue *q, struct disk_request *r)
{
    struct disk_request **at = &q->first;
    while (*at != r)
        at = &(*at)->next;
    take(q, at);
}

/* The first whose disk is free. */
static struct disk_request *next_request(struct disk_pool *p)
{
    for (struct disk_request **at = &p->waiting.first; *at; at = &(*at)->next) {
        struct disk_request *r = *at;
        if (r->disk->busy)
            continue;
        take(&p->waiting, at);
        p->queued--;
        return r;
    }
    return NULL;
}

static void *work(void *arg)
{
    struct disk_pool *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->ending) {
        struct disk_request *r = next_request(p);
        if (!r) {
            p->idle++;
            pthread_cond_wait(&p->work, &p->lock);
            p->idle--;
            continue;
        }
        r->progress = DISK_RUNNING;
        r->disk->busy = true;
        pthread_mutex_unlock(&p->lock);
        disk_carry_out(r);
        pthread_mutex_lock(&p->lock);
        r->progress = DISK_FINISHED;
        r->disk->busy = false;
        put(&p->finished, r);
        pthread_cond_signal(&p->over);
        pthread_mutex_unlock(&p->lock);
        p->owner.wake(p->owner.owner);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct disk_pool *disk_pool_create(const struct disk_pool_owner *owner)
{
    struct disk_pool *p = calloc(1, sizeof(*p));
    pthread_condattr_t attr;
    if (!p)
        return NULL;
    p->owner = *owner;
    p->waiting.last = &p->waiting.first;
    p->finished.last = &p->finished.first;
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->work, &attr);
    pthread_cond_init(&p->over, &attr);
    pthread_condattr_destroy(&attr);
    return p;
}

void disk_pool_free(struct disk_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->workers; i++)
        pthread_join(p->worker[i], NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->over);
    free(p);
}

/* Under the lock: one more, if all are at work. False: there is none at all. */
static bool have_worker(struct disk_pool *p)
{
    sigset_t all, before;
    if (p->idle > p->queued || p->workers == WORKERS)
        return true;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    p->workers += pthread_create(&p->worker[p->workers], NULL, work, p) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return p->workers;
}

bool disk_pool_submit(struct disk_pool *p, struct disk_request *r)
{
    pthread_mutex_lock(&p->lock);
    bool ok = have_worker(p);
    if (ok) {
        r->progress = DISK_QUEUED;
        r->cancelled = false;
        put(&p->waiting, r);
        p->queued++;
        pthread_cond_signal(&p->work);
    }
    pthread_mutex_unlock(&p->lock);
    if (!ok)
        return false;
    p->pending++;
    r->disk->pending++;
    if (p->owner.repeats)
        p->owner.hold(p->owner.owner);
    return true;
}

/* Nobody has it any more. */
static void is_over(struct disk_pool *p, struct disk_request *r)
{
    struct disk *d = r->disk;
    r->progress = DISK_OVER;
    p->pending--;
    p->lost -= r->cancelled;
    if (!--d->pending && d->closing)
        disk_close(d);
}

void disk_pool_cancel(struct disk_pool *p, struct disk_request *r)
{
    pthread_mutex_lock(&p->lock);
    bool running = r->progress == DISK_RUNNING;
    if (r->progress == DISK_QUEUED) {
        take_out(&p->waiting, r);
        p->queued--;
    } else if (r->progress == DISK_FINISHED) {
        take_out(&p->finished, r);
    }
    pthread_mutex_unlock(&p->lock);
    if (!running) {
        is_over(p, r);
    } else if (!r->cancelled) {
        r->cancelled = true;
        p->lost++;
        p->owner.hold(p->owner.owner);
    }
}

static struct disk_request *next_finished(struct disk_pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct disk_request *r = p->finished.first;
    if (r)
        take(&p->finished, &p->finished.first);
    pthread_mutex_unlock(&p->lock);
    return r;
}

void disk_pool_deliver(struct disk_pool *p)
{
    for (struct disk_request *r; (r = next_finished(p));) {
        bool cancelled = r->cancelled;
        int err = disk_settle(r);
        is_over(p, r);
        if (!cancelled)
            r->done(r->owner, err);
    }
}

bool disk_pool_holds(const struct disk_pool *p) { return p->lost || (p->owner.repeats && p->pending); }

bool disk_pool_settle(struct disk_pool *p, unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    bool late = !ms;
    for (disk_pool_deliver(p); p->pending && !late; disk_pool_deliver(p)) {
        pthread_mutex_lock(&p->lock);
        while (!p->finished.first && !late)
            late = pthread_cond_timedwait(&p->over, &p->lock, &until) == ETIMEDOUT;
        pthread_mutex_unlock(&p->lock);
    }
    return !p->pending;
}
