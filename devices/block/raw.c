/*
 * Raw images: the file's bytes are the disk's. A size that is not a multiple
 * of 512 is rounded up: the last sector reads with zeros behind the end, and a
 * write to it makes the file whole.
 */
#include "devices/block/format.h"

#include <errno.h>
#include <stdlib.h>

enum { SECTOR = DISK_SECTOR };

struct raw_disk {
    struct disk disk;
    struct disk_file *file;
    bool guessed; /* to be raw: it must not come to look like something else */
};

static struct raw_disk *raw_of(struct disk *d) { return container_of(d, struct raw_disk, disk); }

typedef int reader(struct disk_file *f, const struct iovec *vec, unsigned n, u64 pos);

static int read_by(reader *read, struct disk *d, u64 sector, const struct iovec *vec, unsigned n)
{
    struct disk_file *f = raw_of(d)->file;
    u64 pos = sector * SECTOR, size = disk_file_size(f), bytes = vec_bytes(vec, n);
    if (pos + bytes <= size)
        return read(f, vec, n, pos);
    struct iovec part[DISK_VECTORS];
    u64 have = pos < size ? size - pos : 0;
    int err = have ? read(f, part, vec_slice(part, DISK_VECTORS, vec, n, 0, have), pos) : 0;
    vec_zero(vec, n, have);
    return err;
}

static int raw_read(struct disk *d, u64 sector, const struct iovec *vec, unsigned n)
{
    return read_by(disk_file_read, d, sector, vec, n);
}

static int raw_read_now(struct disk *d, u64 sector, const struct iovec *vec, unsigned n)
{
    return read_by(disk_file_read_now, d, sector, vec, n);
}

static int raw_write(struct disk *d, u64 sector, const struct iovec *vec, unsigned n)
{
    struct raw_disk *r = raw_of(d);
    u8 first[SECTOR] = {0};
    if (r->guessed && sector == 0) {
        vec_gather(first, vec, n, sizeof(first));
        if (disk_probe(first))
            return -EPERM;
    }
    return disk_file_write(r->file, vec, n, sector * SECTOR);
}

static int raw_flush(struct disk *d) { return disk_file_flush(raw_of(d)->file); }

static int raw_discard(struct disk *d, u64 sector, u32 count)
{
    return disk_file_discard(raw_of(d)->file, sector * SECTOR, (u64)count * SECTOR);
}

static int raw_zero(struct disk *d, u64 sector, u32 count)
{
    return disk_file_zero(raw_of(d)->file, sector * SECTOR, (u64)count * SECTOR);
}

static int raw_stat(struct disk *d, struct stat *st) { return disk_file_stat(raw_of(d)->file, st); }

static void raw_close(struct disk *d)
{
    disk_file_close(raw_of(d)->file);
    free(raw_of(d));
}

static const struct disk_ops raw_ops = {
    .name = "raw",
    .read = raw_read,
    .read_now = raw_read_now,
    .write = raw_write,
    .flush = raw_flush,
    .discard = raw_discard,
    .zero = raw_zero,
    .stat = raw_stat,
    .close = raw_close,
};

static struct disk *raw_open(struct disk_file *f, const struct disk_options *opt, bool guessed,
                             const struct complaint *c)
{
    struct raw_disk *r = calloc(1, sizeof *r);
    if (!r) {
        complain(c, "no memory for disk image '%s'", opt->path);
        disk_file_close(f);
        return NULL;
    }
    *r = (struct raw_disk){
        .disk = {.ops = &raw_ops, .sectors = (disk_file_size(f) + SECTOR - 1) / SECTOR}, .file = f, .guessed = guessed};
    return &r->disk;
}

const struct disk_format raw_format = {.name = "raw", .open = raw_open};
