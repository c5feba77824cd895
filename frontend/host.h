/*
 * What the front ends share on the host's side of one machine: who it is,
 * which streams and drives it has by which names, keys, and its events brought
 * to the main thread. Monitor, QMP and gdb stub get a pointer to this.
 */
#ifndef ORRERY_FRONTEND_HOST_H
#define ORRERY_FRONTEND_HOST_H

#include <pthread.h>

#include "devices/machine/machine.h"
#include "frontend/keys.h"
#include "frontend/loop.h"
#include "frontend/options.h"
#include "frontend/stream.h"

/* Told of the machine's events on the main thread, in order. */
struct host_listener {
    void (*event)(void *owner, enum machine_event e, const char *detail, u64 when_us);
    /* NULL: not told. */
    void (*disk_failed)(void *owner, const struct disk_failure *f, u64 when_us);
    void *owner;
    struct host_listener *next;
};
struct host_event;

struct host {
    struct machine *machine;
    struct loop *loop;
    struct options *options;
    struct trace *trace;
    struct stream *stream[MAX_STREAM_SPECS]; /* by options->specs; NULL where none was opened */
    struct keys *keys;
    /* Starts, moves or (NULL) stops the gdb stub: "tcp::1234". Set by main. */
    bool (*gdb_listen)(struct host *h, const char *dev, struct error *e);
    struct host_listener *listeners;
    struct machine_observer observer;
    pthread_mutex_t lock; /* of the queue */
    struct host_event *first, **last;
};

void host_init(struct host *h);
/* Once the machine exists: keys, events. */
bool host_start(struct host *h, struct machine *m);
void host_destroy(struct host *h);
void host_listen(struct host *h, struct host_listener *l);
void host_unlisten(struct host *h, struct host_listener *l);
/* Hands on all events that have happened so far: before answering the command that caused them. */
void host_deliver(struct host *h);

/* The device a drive has: its id or its path; false: none yet. */
bool host_drive_device(struct host *h, const struct drive_option *d, char *name, size_t size);
/* The drive as it is now; it and its medium stay so while the caller holds the main thread. False: not on this board.
 */
bool host_look_at_drive(struct host *h, const struct drive_option *d, struct drive_state *out);
/* ... and its image's node: QEMU's way to number nodes nobody named. */
void host_node_name(const struct drive_option *d, char *name, size_t size);
/* A drive of the command line by its id or its default name ("ide0-hd0", "ide1-cd0", "floppy0"). */
struct drive_option *host_find_drive(struct host *h, const char *name, struct error *e);
/* Puts a medium in (file; its format "raw", or NULL: as it looks) or takes it out (NULL). 'force': even when the
 * guest locked the tray. */
bool host_change_medium(struct host *h, const char *drive, const char *file, const char *format, bool force,
                        struct error *e);

#endif
