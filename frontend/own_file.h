/*
 * Names in the file system that this process makes and takes away at its end:
 * the pidfile, listening sockets. What meanwhile has become somebody else's
 * stays.
 */
#ifndef ORRERY_FRONTEND_OWN_FILE_H
#define ORRERY_FRONTEND_OWN_FILE_H

#include <sys/types.h>

#include "frontend/text.h"

struct own_file {
    const char *path; /* the caller's; NULL: none */
    int lock;         /* descriptor that holds the lock, or -1 */
    dev_t dev;
    ino_t ino;
};

/* Takes note of what was just made by that name. */
void own_file_adopt(struct own_file *f, const char *path);
/* Writes our process number into a file that is locked until the end, mode 0600; links are not followed. */
bool own_file_pid(struct own_file *f, const char *path, struct error *e);
/* Removes the name if it is still ours. */
void own_file_remove(struct own_file *f);

#endif
