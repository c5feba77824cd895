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
    /* What a saved machine had, until it is taken over */
    int next_fd;
    u64 *next_written;
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

static int overlay_stat(struct disk *d, struct stat *st)
{
    struct disk *under = overlay_of(d)->under;
    return under->ops->stat ? under->ops->stat(under, st) : -ENOENT;
}

static void overlay_close(struct disk *d)
{
    struct overlay *o = overlay_of(d);
    disk_overlay_end(d, false);
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
    .stat = overlay_stat,
    .close = overlay_close,
};

/* ---- saved machines ---- */

bool disk_is_overlaid(const struct disk *d) { return d->ops == &overlay_ops; }

static u32 piece_sectors(const struct disk *d, u64 n)
{
    u64 first = n * DISK_PIECE;
    return first < d->sectors ? (u32)MIN(d->sectors - first, (u64)DISK_PIECE) : 0;
}

int disk_overlay_save(struct disk *d, u64 n, u8 *out, u32 *len)
{
    struct overlay *o = overlay_of(d);
    u32 count = piece_sectors(d, n), at = DISK_PIECE_BITS;
    *len = 0;
    memset(out, 0, DISK_PIECE_BITS);
    for (u32 i = 0; i < count; i++) {
        u64 sector = n * DISK_PIECE + i;
        struct iovec to = {out + at, SECTOR};
        if (!is_written(o, sector))
            continue;
        int err = fd_read(o->fd, &to, 1, sector * SECTOR, 0);
        if (err)
            return err;
        out[i / 8] |= (u8)BIT(i % 8);
        at += SECTOR;
        *len = at;
    }
    return 0;
}

int disk_overlay_begin(struct disk *d)
{
    struct overlay *o = overlay_of(d);
    const char *where;
    disk_overlay_end(d, false);
    o->next_fd = open_temporary(&where);
    o->next_written = calloc(d->sectors / 64 + 1, sizeof *o->next_written);
    return o->next_fd < 0 ? -errno : o->next_written ? 0 : -ENOMEM;
}

int disk_overlay_put(struct disk *d, u64 n, const u8 *piece, u32 len)
{
    struct overlay *o = overlay_of(d);
    u32 count = n <= d->sectors / DISK_PIECE ? piece_sectors(d, n) : 0, at = DISK_PIECE_BITS;
    for (u32 i = 0; i < DISK_PIECE && len >= DISK_PIECE_BITS; i++) {
        u64 sector = n * DISK_PIECE + i;
        if (!(piece[i / 8] & BIT(i % 8)))
            continue;
        struct iovec from = {(void *)(uintptr_t)(piece + at), SECTOR};
        if (i >= count || len - at < SECTOR)
            return -EINVAL;
        int err = fd_write(o->next_fd, &from, 1, sector * SECTOR);
        if (err)
            return err;
        o->next_written[sector / 64] |= BIT64(sector % 64);
        at += SECTOR;
    }
    return len == at ? 0 : -EINVAL;
}

void disk_overlay_end(struct disk *d, bool take)
{
    struct overlay *o = overlay_of(d);
    if (take && o->next_written) {
        close(o->fd);
        free(o->written);
        o->fd = o->next_fd;
        o->written = o->next_written;
    } else {
        if (o->next_fd >= 0)
            close(o->next_fd);
        free(o->next_written);
    }
    o->next_fd = -1;
    o->next_written = NULL;
}

/* ---- opening ---- */

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
    *o = (struct overlay){
        .disk = {.ops = &overlay_ops, .sectors = under->sectors}, .under = under, .fd = -1, .next_fd = -1};
    if (fill(o, path, c))
        return &o->disk;
    overlay_close(&o->disk);
    return NULL;
}
