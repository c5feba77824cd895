/*
 * The thread that reads the process's signals, and sees to it that an end that was asked for comes: whatever the
 * main thread and the machine's wait for, the process is gone within a second.
 */
#ifndef ORRERY_FRONTEND_GUARD_H
#define ORRERY_FRONTEND_GUARD_H

#include "cpu/base.h"

struct guard;
/* All on the guard's thread. */
struct guard_actions {
    void (*end)(void *owner, int sig); /* a signal asks for the end: pass it on; guard_expect_end() is implied */
    void (*job)(void *owner, int sig); /* SIGTSTP, SIGCONT */
    /* The end is overdue. False: it is under way, wait on. True: the outside is left in order, nothing is written. */
    bool (*give_up)(void *owner);
    void *owner;
};

/* Blocks the signals, in this thread and those it starts from now on, and starts to read them. NULL: errno. */
struct guard *guard_create(const struct guard_actions *a);
/* From any thread: the process is to end, by itself, soon. */
void guard_expect_end(struct guard *g);
/* It is on its way: signals are not looked at any more. */
void guard_free(struct guard *g);

#endif
