/*
 * What every image format shares: bounds, read-only, and telling the user
 * once, in a sentence, that an image fails. A failed access is the guest's to
 * handle, or the user's, as the policy says; it never ends the emulator.
 * Relies on block/disk.h only.
 */
#include "devices/block/disk.h"

#include <errno.h>
#include <stdlib.h>

/* An attempt and what it is called. */
struct attempt {
    const char *verb;
    bool write;
    u64 sector;
};

bool disk_out_of_space(int err) { return err == -ENOSPC || err == -EDQUOT || err == -EFBIG; }

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

static void tell(struct disk *d, const struct attempt *a, int err, const char *outcome)
{
    fprintf(stderr, "orrery: %s%s%s: %s failed at sector %llu: %s; %s\n", d->blame ? d->blame : "disk image '",
            d->blame  ? ""
            : d->path ? d->path
                      : "?",
            d->blame ? "" : "'", a->verb, (unsigned long long)a->sector, strerror(-err), outcome);
}

static void note(const struct disk *d, const struct attempt *a, int err)
{
    if (d->trace)
        trace(d->trace, disk, "%s: %s at %llu: %s", d->path ? d->path : "?", a->verb, (unsigned long long)a->sector,
              err < 0 ? strerror(-err) : "ok");
}

/* What the guest learns of how an attempt went. */
static int settle(struct disk *d, const struct attempt *a, int err)
{
    note(d, a, err);
    if (err >= 0)
        return d->stopped_by = 0;
    if (err == -EAGAIN) /* of the host's, which would mean something else above */
        err = -EIO;
    enum disk_policy action = decide(d, a->write, err);
    if (action == DISK_STOP) {
        tell(d, a, err, "the machine is paused, 'cont' tries again");
        d->stopped_by = err;
        d->watch->stopping = true;
    } else if (!d->error_told) {
        d->error_told = true;
        tell(d, a, err,
             action == DISK_IGNORE ? "ignored as asked (told once for this image)"
                                   : "the guest sees an I/O error (told once for this image)");
    }
    if (d->watch)
        d->watch->failed(d->watch->owner, &(struct disk_failure){d->drive, a->write, err, action});
    return action == DISK_STOP ? -EAGAIN : action == DISK_IGNORE ? 0 : err;
}

/* A request that may stop the machine is not tried while it is being stopped. */
static bool waits(const struct disk *d, bool write)
{
    enum disk_policy policy = policy_of(d, write);
    return d->watch && d->watch->stopping && (policy == DISK_STOP || policy == DISK_ENOSPC);
}

static bool in_range(const struct disk *d, u64 sector, u32 count)
{
    return sector <= d->sectors && count <= d->sectors - sector;
}

int disk_read(struct disk *d, u64 sector, void *buf, u32 count)
{
    if (!in_range(d, sector, count))
        return -EIO;
    if (waits(d, false))
        return -EAGAIN;
    int err = d->ops->read(d, sector, buf, count);
    if (err && d->on_read_error == DISK_IGNORE)
        memset(buf, 0, (size_t)count * DISK_SECTOR);
    return settle(d, &(struct attempt){"reading", false, sector}, err);
}

int disk_write(struct disk *d, u64 sector, const void *buf, u32 count)
{
    if (d->readonly)
        return -EROFS;
    if (!in_range(d, sector, count))
        return -EIO;
    if (waits(d, true))
        return -EAGAIN;
    return settle(d, &(struct attempt){"writing", true, sector}, d->ops->write(d, sector, buf, count));
}

int disk_flush(struct disk *d)
{
    if (d->readonly)
        return 0;
    if (waits(d, true))
        return -EAGAIN;
    return settle(d, &(struct attempt){"flushing", true, 0}, d->ops->flush(d));
}

int disk_discard(struct disk *d, u64 sector, u32 count)
{
    if (d->readonly)
        return -EROFS;
    if (!in_range(d, sector, count))
        return -EINVAL;
    if (!d->discards || !d->ops->discard || !count)
        return 0;
    if (waits(d, true))
        return -EAGAIN;
    return settle(d, &(struct attempt){"discarding", true, sector}, d->ops->discard(d, sector, count));
}

void disk_sync(struct disk *d)
{
    const struct attempt a = {"flushing", true, 0};
    int err = d->readonly ? 0 : d->ops->flush(d);
    note(d, &a, err);
    if (err)
        tell(d, &a, err, "what was written last may be lost");
}

void disk_close(struct disk *d)
{
    if (!d)
        return;
    disk_sync(d);
    d->ops->close(d);
}
