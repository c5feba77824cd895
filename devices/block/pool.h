/*
 * Those who wait for the host: a few threads, made when they are needed, that
 * carry out disks' requests beside the machine. Of one disk they do one at a
 * time, in the order in which they came. What is over is told on the machine's
 * thread, by disk_pool_deliver.
 */
#ifndef ORRERY_BLOCK_POOL_H
#define ORRERY_BLOCK_POOL_H

#include "devices/block/disk.h"

struct disk_pool_owner {
    void (*wake)(void *owner); /* any thread: something is to be delivered */
    /* The machine's thread: the guest and its time stand until disk_pool_holds says otherwise. */
    void (*hold)(void *owner);
    void *owner;
    bool repeats; /* runs are to be the same: the guest stands while a request is under way */
};
/* NULL when memory is short. */
struct disk_pool *disk_pool_create(const struct disk_pool_owner *owner);
/* With nothing under way. */
void disk_pool_free(struct disk_pool *p);
/* Tells whoever asked of what is over. Machine's thread. */
void disk_pool_deliver(struct disk_pool *p);
/* Must the guest stand, since the host has its memory, or what it does would not repeat? Machine's thread. */
bool disk_pool_holds(const struct disk_pool *p);
/* Waits at most that long until nothing is under way, delivering; false: something still is. Machine's thread. */
bool disk_pool_settle(struct disk_pool *p, unsigned ms);

/* ---- for disk.c, on the machine's thread ---- */

/* False: there is nobody to do it. */
bool disk_pool_submit(struct disk_pool *p, struct disk_request *r);
void disk_pool_cancel(struct disk_pool *p, struct disk_request *r);

#endif
