/*
 * What every disk shares: bounds, read-only, and telling the user once, in a
 * sentence, that an image fails. A failed access is the guest's to handle, or
 * the user's, as the policy says; it never ends the emulator.
 */
#include "devices/block/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "devices/block/format.h"
#include "devices/block/pool.h"

static const struct {
    const char *verb;
    bool write;
} operations[DISK_OPS] = {
    [DISK_READ] = {"reading", false},      [DISK_WRITE] = {"writing", true}, [DISK_FLUSH] = {"flushing", true},
    [DISK_DISCARD] = {"discarding", true}, [DISK_ZERO] = {"zeroing", true},
};

void disk_identify(struct disk *d, char *text, size_t size)
{
    struct stat st;
    int n = snprintf(text, size, "an image of %llu sectors%s", (unsigned long long)d->sectors,
                     disk_is_overlaid(d) ? " with -snapshot" : "");
    if (d->ops->stat && !d->ops->stat(d, &st) && S_ISREG(st.st_mode) && n >= 0 && (size_t)n < size)
        snprintf(text + n, size - (size_t)n, ", last written at %lld.%09ld s", (long long)st.st_mtim.tv_sec,
                 st.st_mtim.tv_nsec);
}

bool disk_out_of_space(int err) { return err == -ENOSPC || err == -EDQUOT || err == -EFBIG; }

/* ---- how it went ---- */

static enum disk_policy policy_of(const struct disk *d, bool write)
{
    return write ? d->on_write_error : d->on_read_error;
}

static enum disk_policy decide(const struct disk *d, bool write, int err)
{
    enum disk_policy policy = policy_of(d, write);
    if (policy == DISK_ENOSPC)
        policy = disk_out_of_space(err) ? DISK_STOP : DISK_REPORT;
    return policy == DISK_STOP && !d->watch ? DISK_REPORT : policy;
}

static void tell(const struct disk_request *r, int err, const char *outcome)
{
    const char *path = r->disk->path ? r->disk->path : "?";
    fprintf(stderr, "orrery: %s%s%s: %s failed at sector %llu: %s; %s\n", r->blame ? r->blame : "disk image '",
            r->blame ? "" : path, r->blame ? "" : "'", operations[r->op].verb, (unsigned long long)r->sector,
            strerror(-err), outcome);
}

static void note(const struct disk_request *r)
{
    const struct disk *d = r->disk;
    if (d->trace)
        trace(d->trace, disk, "%s: %s at %llu: %s", d->path ? d->path : "?", operations[r->op].verb,
              (unsigned long long)r->sector, r->err < 0 ? strerror(-r->err) : "ok");
}

static u64 host_clock(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

static void count(const struct disk_request *r)
{
    struct disk_count *c = &r->disk->count[r->op];
    if (r->err) {
        c->failed++;
        return;
    }
    c->operations++;
    c->bytes += (u64)r->count * DISK_SECTOR;
    c->ns += host_clock() - r->began;
}

/* The guest does not learn of an error, or the user is to help. */
static int apply_policy(struct disk_request *r)
{
    struct disk *d = r->disk;
    bool write = operations[r->op].write;
    int err = r->err == -EAGAIN ? -EIO : r->err; /* the host's would mean something else above */
    enum disk_policy action = decide(d, write, err);
    if (action == DISK_STOP) {
        tell(r, err, "the machine is paused, 'cont' tries again");
        d->stopped_by = err;
        d->watch->stopping = true;
    } else if (!d->error_told) {
        d->error_told = true;
        tell(r, err,
             action == DISK_IGNORE ? "ignored as asked (told once for this image)"
                                   : "the guest sees an I/O error (told once for this image)");
    }
    if (d->watch)
        d->watch->failed(d->watch->owner, &(struct disk_failure){d->drive, write, err, action});
    if (action == DISK_IGNORE && r->op == DISK_READ)
        vec_zero(r->vec, r->nvec, 0);
    return action == DISK_STOP ? -EAGAIN : action == DISK_IGNORE ? 0 : err;
}

int disk_settle(struct disk_request *r)
{
    note(r);
    if (r->hosts || r->cancelled) {
        if (r->err && r->op != DISK_READ)
            tell(r, r->err, "what was written last may be lost");
        return r->err;
    }
    count(r);
    if (r->err < 0)
        return apply_policy(r);
    return r->disk->stopped_by = 0;
}

/* ---- carrying out ---- */

/* The sectors before the first that cannot be read. */
static u32 find_bad(struct disk_request *r)
{
    struct iovec piece[16];
    u32 good = 0;
    while (good + 1 < r->count) {
        unsigned n = vec_slice(piece, ARRAY_LEN(piece), r->vec, r->nvec, (size_t)good * DISK_SECTOR, DISK_SECTOR);
        if (vec_bytes(piece, n) < DISK_SECTOR || r->disk->ops->read(r->disk, r->sector + good, piece, n))
            break;
        good++;
    }
    return good;
}

static int zero(struct disk_request *r)
{
    static const u8 zeros[128 * DISK_SECTOR];
    const struct disk_ops *ops = r->disk->ops;
    int err = ops->zero ? ops->zero(r->disk, r->sector, r->count) : 0;
    for (u32 at = 0, n; !ops->zero && !err && at < r->count; at += n) {
        n = MIN(r->count - at, sizeof(zeros) / DISK_SECTOR);
        struct iovec part = {(void *)(uintptr_t)zeros, (size_t)n * DISK_SECTOR};
        err = ops->write(r->disk, r->sector + at, &part, 1);
    }
    return err;
}

static int carry_out(struct disk_request *r)
{
    struct disk *d = r->disk;
    switch (r->op) {
    case DISK_READ:
        return d->ops->read(d, r->sector, r->vec, r->nvec);
    case DISK_WRITE:
        return d->ops->write(d, r->sector, r->vec, r->nvec);
    case DISK_FLUSH:
        return d->ops->flush(d);
    case DISK_DISCARD:
        return d->ops->discard(d, r->sector, r->count);
    default:
        return zero(r);
    }
}

void disk_carry_out(struct disk_request *r)
{
    struct disk *d = r->disk;
    d->blame = NULL;
    r->err = carry_out(r);
    if (!r->err && r->fua)
        r->err = d->ops->flush(d);
    r->blame = d->blame;
    if (r->err && r->op == DISK_READ)
        r->good = find_bad(r);
}

/* ---- what is asked ---- */

static bool in_range(const struct disk *d, const struct disk_request *r)
{
    return r->sector <= d->sectors && r->count <= d->sectors - r->sector;
}

/* A request that may stop the machine is not tried while it is being stopped. */
static bool waits(const struct disk *d, bool write)
{
    enum disk_policy policy = policy_of(d, write);
    return d->watch && d->watch->stopping && (policy == DISK_STOP || policy == DISK_ENOSPC);
}

/* 0 or -errno where there is nothing to do, 1 where there is. */
static int check(struct disk *d, const struct disk_request *r)
{
    bool write = operations[r->op].write, nothing = r->op == DISK_FLUSH ? d->readonly : !r->count;
    int err = 0;
    if (write && r->op != DISK_FLUSH && d->readonly)
        err = -EROFS;
    else if (!in_range(d, r))
        err = r->op == DISK_DISCARD ? -EINVAL : -EIO;
    d->count[r->op].invalid += err != 0;
    if (err || nothing || (r->op == DISK_DISCARD && (!d->discards || !d->ops->discard)))
        return err;
    return waits(d, write) ? -EAGAIN : 1;
}

static int begin(struct disk *d, struct disk_request *r)
{
    struct disk_pool *pool = d->watch ? d->watch->pool : NULL;
    assert(r->progress == DISK_OVER);
    r->disk = d;
    r->cancelled = false;
    r->err = 0;
    r->good = 0;
    r->blame = NULL;
    r->began = host_clock();
    if (pool && !d->pending && r->op == DISK_READ && d->ops->read_now &&
        !d->ops->read_now(d, r->sector, r->vec, r->nvec))
        return disk_settle(r);
    if (pool && disk_pool_submit(pool, r))
        return -EINPROGRESS;
    disk_carry_out(r);
    return disk_settle(r);
}

int disk_submit(struct disk *d, struct disk_request *r)
{
    r->hosts = false;
    int err = check(d, r);
    return err <= 0 ? err : begin(d, r);
}

void disk_cancel(struct disk_request *r)
{
    if (r->progress != DISK_OVER)
        disk_pool_cancel(r->disk->watch->pool, r);
}

/* ---- the host's own flushes, and the end ---- */

static void synced(void *owner, int err)
{
    (void)err;
    free(owner);
}

void disk_sync(struct disk *d)
{
    struct disk_request *r = d->readonly ? NULL : calloc(1, sizeof(*r));
    if (!r)
        return;
    *r = (struct disk_request){.op = DISK_FLUSH, .done = synced, .owner = r, .hosts = true};
    if (begin(d, r) != -EINPROGRESS)
        free(r);
}

void disk_sync_now(struct disk *d)
{
    struct disk_request r = {.op = DISK_FLUSH, .disk = d, .hosts = true};
    if (d->readonly)
        return;
    r.err = d->ops->flush(d);
    disk_settle(&r);
}

void disk_free(struct disk *d)
{
    char *path = d->path, *drive = d->drive;
    d->ops->close(d);
    free(path);
    free(drive);
}

void disk_close(struct disk *d)
{
    if (!d)
        return;
    if (!d->closing)
        disk_sync(d);
    d->closing = true;
    if (!d->pending)
        disk_free(d);
}
