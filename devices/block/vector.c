/*
 * Vectors of memory: pieces of the guest's RAM or of a controller's buffer
 * that hold a request's sectors one after the other.
 */
#include "devices/block/format.h"

#include <errno.h>

enum { PIECES = 64 };

size_t vec_bytes(const struct iovec *vec, unsigned n)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < n; i++)
        bytes += vec[i].iov_len;
    return bytes;
}

unsigned vec_slice(struct iovec *out, unsigned max, const struct iovec *vec, unsigned n, size_t off, size_t len)
{
    unsigned count = 0;
    for (unsigned i = 0; i < n && len && count < max; i++) {
        size_t have = vec[i].iov_len;
        if (off >= have) {
            off -= have;
            continue;
        }
        size_t part = MIN(have - off, len);
        out[count++] = (struct iovec){(u8 *)vec[i].iov_base + off, part};
        len -= part;
        off = 0;
    }
    return count;
}

void vec_zero(const struct iovec *vec, unsigned n, size_t off)
{
    for (unsigned i = 0; i < n; i++) {
        size_t skip = MIN(off, vec[i].iov_len);
        memset((u8 *)vec[i].iov_base + skip, 0, vec[i].iov_len - skip);
        off -= skip;
    }
}

bool vec_all_zero(const struct iovec *vec, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const u8 *p = vec[i].iov_base;
        if (vec[i].iov_len && (*p || memcmp(p, p + 1, vec[i].iov_len - 1) != 0))
            return false;
    }
    return true;
}

void vec_gather(void *to, const struct iovec *vec, unsigned n, size_t len)
{
    for (unsigned i = 0; i < n && len; i++) {
        size_t part = MIN(len, vec[i].iov_len);
        memcpy(to, vec[i].iov_base, part);
        to = (u8 *)to + part;
        len -= part;
    }
}

int fd_read(int fd, const struct iovec *vec, unsigned n, u64 pos, int flags)
{
    size_t all = vec_bytes(vec, n), off = 0;
    while (off < all) {
        struct iovec part[PIECES];
        unsigned pieces = vec_slice(part, PIECES, vec, n, off, all - off);
        ssize_t got = preadv2(fd, part, (int)pieces, (off_t)(pos + off), flags);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        off += (size_t)got;
    }
    return 0;
}

int fd_write(int fd, const struct iovec *vec, unsigned n, u64 pos)
{
    size_t all = vec_bytes(vec, n), off = 0;
    while (off < all) {
        struct iovec part[PIECES];
        unsigned pieces = vec_slice(part, PIECES, vec, n, off, all - off);
        ssize_t put = pwritev(fd, part, (int)pieces, (off_t)(pos + off));
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? -errno : -ENOSPC;
        off += (size_t)put;
    }
    return 0;
}
