/*
 * Signals and the time limit of an end (guard.h). Signals are blocked
 * everywhere and read from a descriptor.
 */
#include "frontend/guard.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "frontend/loop.h"

enum { GRACE_MS = 700 };

struct guard {
    struct guard_actions actions;
    pthread_t thread;
    int signals, wake;
    bool ending, over; /* atomic; 'wake' tells of a change */
};

static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT};

static void set_flag(struct guard *g, bool *flag)
{
    u64 one = 1;
    __atomic_store_n(flag, true, __ATOMIC_RELEASE);
    /* EAGAIN means 2^64 - 2 wakes are pending: it will wake. */
    if (write(g->wake, &one, sizeof(one)) < 0)
        return;
}

static void read_signals(struct guard *g)
{
    struct signalfd_siginfo info;
    while (read(g->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        int sig = (int)info.ssi_signo;
        if (sig == SIGTSTP || sig == SIGCONT) {
            g->actions.job(g->actions.owner, sig);
            continue;
        }
        guard_expect_end(g);
        g->actions.end(g->actions.owner, sig);
    }
}

static void *guard_main(void *arg)
{
    struct guard *g = arg;
    u64 limit = 0, count;
    while (!__atomic_load_n(&g->over, __ATOMIC_ACQUIRE)) {
        u64 now = loop_now_ms();
        if (!limit && __atomic_load_n(&g->ending, __ATOMIC_ACQUIRE))
            limit = now + GRACE_MS;
        if (limit && now >= limit) {
            if (g->actions.give_up(g->actions.owner))
                _exit(EXIT_FAILURE);
            limit = now + GRACE_MS;
        }
        struct pollfd polls[] = {{.fd = g->signals, .events = POLLIN}, {.fd = g->wake, .events = POLLIN}};
        poll(polls, ARRAY_LEN(polls), limit ? (int)(limit - now) : -1);
        if (read(g->wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
            abort();
        read_signals(g);
    }
    return NULL;
}

struct guard *guard_create(const struct guard_actions *a)
{
    struct guard *g = calloc(1, sizeof(*g));
    sigset_t set;
    if (!g)
        return NULL;
    g->actions = *a;
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(handled); i++)
        sigaddset(&set, handled[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    g->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    g->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int failed = g->signals < 0 || g->wake < 0 ? errno : pthread_create(&g->thread, NULL, guard_main, g);
    if (!failed)
        return g;
    close(g->signals);
    close(g->wake);
    free(g);
    errno = failed;
    return NULL;
}

void guard_expect_end(struct guard *g) { set_flag(g, &g->ending); }

void guard_free(struct guard *g)
{
    if (!g)
        return;
    set_flag(g, &g->over);
    pthread_join(g->thread, NULL);
    close(g->signals);
    close(g->wake);
    free(g);
}
