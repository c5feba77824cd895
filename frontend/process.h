/*
 * The emulator as a process of the host: its name, what its messages begin
 * with, whether it stays in the foreground, and the rights it gives up.
 */
#ifndef ORRERY_FRONTEND_PROCESS_H
#define ORRERY_FRONTEND_PROCESS_H

#include "frontend/text.h"

struct process_options {
    bool daemonize;
    bool mem_lock;              /* all memory stays in RAM */
    bool stamps, stamp_guest;   /* messages begin with the time, the guest's name */
    const char *name;           /* the process's; NULL: as it is */
    const char *guest;          /* the guest's name, for stamp_guest; or NULL */
    const char *chroot, *runas; /* NULL: not */
};

/*
 * Before anything is opened. With daemonize the caller returns in the child,
 * in a session of its own; the parent waits for process_ready, or the child's
 * end, and exits with status 0 or 1. *ready is what process_ready needs.
 */
bool process_begin(const struct process_options *p, int *ready, struct error *e);
/* Once everything is open: gives up the rights, and the terminal. */
bool process_ready(const struct process_options *p, int ready, struct error *e);

#endif
