/*
 * -snapshot: what is written goes to a sparse temporary file without a name,
 * found again by a bit per sector; the image below stays as it is.
 */
#include "devices/block/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECTOR = DISK_SECTOR };

struct overlay {
    struct disk disk;
    struct disk *under;
    int fd;
    char *name;   /* as a sentence begins */
    u64 *written; /* a bit per sector: it is here */
};

static struct overlay *overlay_of(struct disk *d) { return container_of(d, struct overlay, disk); }

static bool is_written(const struct overlay *o, u64 sector) { return o->written[sector / 64] & BIT64(sector % 64); }

/* How many of 'count' sectors lie where the first one does; *here: in the overlay. */
static u32 run_at(const struct overlay *o, u64 sector, u32 count, bool *here)
{
    u32 n = 1;
    *here = is_written(o, sector);
    while (n < count && is_written(o, sector + n) == *here)
        n++;
    return n;
}

/* Run by run: each is wholly here or wholly below. */
static int overlay_read(struct disk *d, u64 sector, const struct iovec *vec, unsigned n)
{
    struct overlay *o = overlay_of(d);
    u32 count = (u32)(vec_bytes(vec, n) / SECTOR), at = 0;
    while (at < count) {
        struct iovec part[DISK_VECTORS];
        bool here;
        size_t bytes = (size_t)run_at(o, sector + at, count - at, &here) * SECTOR;
        unsigned pieces = vec_slice(part, DISK_VECTORS, vec, n, (size_t)at * SECTOR, bytes);
        bytes = vec_bytes(part, pieces);
        if (bytes % SECTOR)
            return -EINVAL;
        d->blame = here ? o->name : NULL;
        int err = here ? fd_read(o->fd, part, pieces, (sector + at) * SECTOR, 0)
                       : o->under->ops->read(o->under, sector + at, part, pieces);
        if (err)
            return err;
        at += (u32)(bytes / SECTOR);
    }
    return 0;
}

static int overlay_read_now(struct disk *d, u64 sector, const struct iovec *vec, unsigned n)
{
    struct overlay *o = overlay_of(d);
    u32 count = (u32)(vec_bytes(vec, n) / SECTOR);
    bool here;
    if (run_at(o, sector, count, &here) < count)
        return -EAGAIN;
    if (here)
        return fd_read(o->fd, vec, n, sector * SECTOR, RWF_NOWAIT) ? -EAGAIN : 0;
    return o->under->ops->read_now ? o->under->ops->read_now(o->under, sector, vec, n) : -EAGAIN;
}

static int overlay_write(struct disk *d, u64 sector, const struct iovec *vec, unsigned n)
{
    struct overlay *o = overlay_of(d);
    u64 count = vec_bytes(vec, n) / SECTOR;
    d->blame = o->name;
    int err = fd_write(o->fd, vec, n, sector * SECTOR);
    for (u64 i = 0; i < count && !err; i++)
        o->written[(sector + i) / 64] |= BIT64((sector + i) % 64);
    return err;
}

static int overlay_flush(struct disk *d)
{
    (void)d; /* forgotten at the end in any case */
    return 0;
}

static void overlay_close(struct disk *d)
{
    struct overlay *o = overlay_of(d);
    disk_free(o->under);
    if (o->fd >= 0)
        close(o->fd);
    free(o->written);
    free(o->name);
    free(o);
}

/* An open file without a name, where the user wants temporary files; *where is set. */
static int open_temporary(const char **where)
{
    const char *tmp = getenv("TMPDIR"), *dir[] = {tmp ? tmp : "/var/tmp", "/var/tmp", "/tmp"};
    for (size_t i = 0; i < ARRAY_LEN(dir); i++) {
        char name[4096];
        *where = dir[i];
        int fd = open(dir[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0)
            return fd;
        if ((size_t)snprintf(name, sizeof name, "%s/orrery-XXXXXX", dir[i]) >= sizeof name)
            continue;
        fd = mkostemp(name, O_CLOEXEC);
        if (fd >= 0) {
            unlink(name);
            return fd;
        }
    }
    return -1;
}

static const struct disk_ops overlay_ops = {
    .name = "overlay",
    .read = overlay_read,
    .read_now = overlay_read_now,
    .write = overlay_write,
    .flush = overlay_flush,
    .close = overlay_close,
};

static bool fill(struct overlay *o, const char *path, const struct complaint *c)
{
    const char *where;
    o->fd = open_temporary(&where);
    if (o->fd < 0)
        return complain(c, "cannot make a temporary file for the snapshot of '%s': %s; set TMPDIR", path,
                        strerror(errno));
    o->written = calloc(o->disk.sectors / 64 + 1, sizeof *o->written);
    if (asprintf(&o->name, "temporary file in %s for the snapshot of '%s'", where, path) < 0)
        o->name = NULL;
    return (o->written && o->name) || complain(c, "no memory for the snapshot of '%s'", path);
}

struct disk *disk_overlay_open(struct disk *under, const char *path, const struct complaint *c)
{
    struct overlay *o = calloc(1, sizeof *o);
    if (!o) {
        complain(c, "no memory for the snapshot of '%s'", path);
        disk_free(under);
        return NULL;
    }
    *o = (struct overlay){.disk = {.ops = &overlay_ops, .sectors = under->sectors}, .under = under, .fd = -1};
    if (fill(o, path, c))
        return &o->disk;
    overlay_close(&o->disk);
    return NULL;
}
