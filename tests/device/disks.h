/*
 * Requests to a disk that nobody else carries out, as calls; and a disk in
 * memory.
 */
#ifndef ORRERY_TESTS_DISKS_H
#define ORRERY_TESTS_DISKS_H

#include <stdlib.h>

#include "devices/block/format.h"

static inline int disk_do(struct disk *d, enum disk_op op, u64 sector, void *buf, u32 count)
{
    struct iovec memory = {buf, (size_t)count * DISK_SECTOR};
    struct disk_request r = {.op = op, .sector = sector, .count = count, .vec = &memory, .nvec = 1};
    return disk_submit(d, &r);
}
static inline int disk_read(struct disk *d, u64 sector, void *buf, u32 count)
{
    return disk_do(d, DISK_READ, sector, buf, count);
}
static inline int disk_write(struct disk *d, u64 sector, void *buf, u32 count)
{
    return disk_do(d, DISK_WRITE, sector, buf, count);
}
static inline int disk_flush(struct disk *d) { return disk_do(d, DISK_FLUSH, 0, NULL, 0); }
static inline int disk_discard(struct disk *d, u64 sector, u32 count)
{
    return disk_do(d, DISK_DISCARD, sector, NULL, count);
}

/* ---- a disk in memory ---- */

struct memory_disk {
    struct disk d;
    u8 *bytes;
};
static inline int memory_move(struct disk *d, u64 sector, const struct iovec *vec, unsigned n, bool write)
{
    u8 *at = container_of(d, struct memory_disk, d)->bytes + sector * DISK_SECTOR;
    for (unsigned i = 0; i < n; at += vec[i++].iov_len)
        memcpy(write ? at : vec[i].iov_base, write ? vec[i].iov_base : at, vec[i].iov_len);
    return 0;
}
static inline int memory_read(struct disk *d, u64 sector, const struct iovec *vec, unsigned n)
{
    return memory_move(d, sector, vec, n, false);
}
static inline int memory_write(struct disk *d, u64 sector, const struct iovec *vec, unsigned n)
{
    return memory_move(d, sector, vec, n, true);
}
static inline int memory_flush(struct disk *d) { return (void)d, 0; }
static inline void memory_close(struct disk *d)
{
    struct memory_disk *m = container_of(d, struct memory_disk, d);
    free(m->bytes);
    free(m);
}
static const struct disk_ops memory_ops = {
    .name = "memory", .read = memory_read, .write = memory_write, .flush = memory_flush, .close = memory_close};

static inline struct disk *memory_disk(u64 sectors, struct trace *trace)
{
    struct memory_disk *m = calloc(1, sizeof *m);
    m->d = (struct disk){.ops = &memory_ops, .sectors = sectors, .trace = trace, .path = strdup("memory")};
    m->bytes = calloc(sectors, DISK_SECTOR);
    return &m->d;
}

#endif
