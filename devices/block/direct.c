/*
 * Files without the host's page cache (O_DIRECT): the kernel wants memory,
 * place and length aligned. What is not goes through a buffer of ours, and a
 * write that covers a block in part reads the rest of it first.
 */
#include "devices/block/format.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { ALIGN_MAX = 4096, BUFFER = 64 << 10 };

struct disk_direct {
    int fd;
    u32 align;
    u8 *buf;
};

struct disk_direct *disk_direct_open(int fd)
{
    struct disk_direct *d = calloc(1, sizeof *d);
    void *buf = NULL;
    if (!d || posix_memalign(&buf, ALIGN_MAX, BUFFER)) {
        free(d);
        errno = ENOMEM;
        return NULL;
    }
    *d = (struct disk_direct){.fd = fd, .buf = buf};
    /* The smallest block the file lets us read is its own. */
    for (u32 align = DISK_SECTOR; align <= ALIGN_MAX && !d->align; align *= 2)
        d->align = pread(fd, buf, align, 0) >= 0 ? align : 0;
    if (d->align)
        return d;
    disk_direct_close(d);
    errno = EINVAL;
    return NULL;
}

void disk_direct_close(struct disk_direct *d)
{
    if (d)
        free(d->buf);
    free(d);
}

u32 disk_direct_align(const struct disk_direct *d) { return d->align; }

/* The piece at 'pos' that fits the buffer: its first block, its blocks' bytes, how many of n bytes are in it. */
struct piece {
    u64 start;
    u32 skip, span, bytes;
};
static struct piece piece_at(const struct disk_direct *d, u64 pos, u64 n)
{
    struct piece p = {.start = pos / d->align * d->align};
    p.skip = (u32)(pos - p.start);
    p.bytes = (u32)MIN(n, BUFFER - p.skip);
    p.span = (p.skip + p.bytes + d->align - 1) / d->align * d->align;
    return p;
}

/* At least 'need' bytes; the last block of a file may be short. */
static int fill(struct disk_direct *d, const struct piece *p, u32 need)
{
    ssize_t got;
    do
        got = pread(d->fd, d->buf, p->span, (off_t)p->start);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : (u32)got < need ? -EIO : 0;
}

static int read_pieces(struct disk_direct *d, u8 *buf, u64 n, u64 pos)
{
    while (n) {
        struct piece p = piece_at(d, pos, n);
        int err = fill(d, &p, p.skip + p.bytes);
        if (err)
            return err;
        memcpy(buf, d->buf + p.skip, p.bytes);
        buf += p.bytes;
        pos += p.bytes;
        n -= p.bytes;
    }
    return 0;
}

static int write_pieces(struct disk_direct *d, const u8 *buf, u64 n, u64 pos)
{
    while (n) {
        struct piece p = piece_at(d, pos, n);
        int err = p.bytes < p.span ? fill(d, &p, p.span) : 0;
        if (err)
            return err;
        memcpy(d->buf + p.skip, buf, p.bytes);
        err = fd_write(d->fd, &(struct iovec){d->buf, p.span}, 1, p.start);
        if (err)
            return err;
        buf += p.bytes;
        pos += p.bytes;
        n -= p.bytes;
    }
    return 0;
}

static bool aligned(const struct disk_direct *d, const struct iovec *vec, unsigned n, u64 pos)
{
    u64 bits = pos;
    for (unsigned i = 0; i < n; i++)
        bits |= (uintptr_t)vec[i].iov_base | vec[i].iov_len;
    return bits % d->align == 0;
}

int disk_direct_read(struct disk_direct *d, const struct iovec *vec, unsigned n, u64 pos)
{
    int err = 0;
    if (aligned(d, vec, n, pos))
        return fd_read(d->fd, vec, n, pos, 0);
    for (unsigned i = 0; i < n && !err; pos += vec[i++].iov_len)
        err = read_pieces(d, vec[i].iov_base, vec[i].iov_len, pos);
    return err;
}

int disk_direct_write(struct disk_direct *d, const struct iovec *vec, unsigned n, u64 pos)
{
    int err = 0;
    if (aligned(d, vec, n, pos))
        return fd_write(d->fd, vec, n, pos);
    for (unsigned i = 0; i < n && !err; pos += vec[i++].iov_len)
        err = write_pieces(d, vec[i].iov_base, vec[i].iov_len, pos);
    return err;
}
