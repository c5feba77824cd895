/*
 * What every image format shares: bounds, read-only, and telling the user
 * once, in a sentence, that an image fails. A failed access is the guest's to
 * handle; it never ends the emulator. Relies on core/disk.h only.
 */
#include "devices/core/disk.h"

#include <errno.h>
#include <stdlib.h>

static int report(struct disk *d, const char *what, u64 sector, int err)
{
    if (err < 0 && !d->error_told) {
        d->error_told = true;
        fprintf(stderr,
                "orrery: disk image '%s': %s failed at sector %llu: %s; the guest sees an I/O error "
                "(told once for this image)\n",
                d->path ? d->path : "?", what, (unsigned long long)sector, strerror(-err));
    }
    if (d->trace)
        trace(d->trace, disk, "%s: %s at %llu: %s", d->path ? d->path : "?", what, (unsigned long long)sector,
              err < 0 ? strerror(-err) : "ok");
    return err;
}

static bool in_range(const struct disk *d, u64 sector, u32 count)
{
    return sector <= d->sectors && count <= d->sectors - sector;
}

int disk_read(struct disk *d, u64 sector, void *buf, u32 count)
{
    if (!in_range(d, sector, count))
        return -EIO;
    return report(d, "reading", sector, d->ops->read(d, sector, buf, count));
}

int disk_write(struct disk *d, u64 sector, const void *buf, u32 count)
{
    if (d->readonly)
        return -EROFS;
    if (!in_range(d, sector, count))
        return -EIO;
    return report(d, "writing", sector, d->ops->write(d, sector, buf, count));
}

int disk_flush(struct disk *d)
{
    if (d->readonly)
        return 0;
    return report(d, "flushing", 0, d->ops->flush(d));
}

void disk_close(struct disk *d)
{
    if (!d)
        return;
    disk_flush(d);
    d->ops->close(d);
}
