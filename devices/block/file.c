/*
 * Files and block devices of the host, by preadv and pwritev: an image that is
 * truncated under us is an error code, where a mapping would be SIGBUS.
 */
#include "devices/block/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct disk_file {
    int fd;
    u64 bytes;
    bool regular; /* a file, whose size can change */
    bool waits;   /* its file system does not tell what it could give at once */
    struct disk_cache cache;
    struct disk_direct *direct; /* with cache.direct */
    enum disk_zeroes zeroes;
};

u64 disk_file_size(const struct disk_file *f) { return f->bytes; }
int disk_file_stat(const struct disk_file *f, struct stat *st) { return fstat(f->fd, st) < 0 ? -errno : 0; }

int disk_file_read(struct disk_file *f, const struct iovec *vec, unsigned n, u64 pos)
{
    return f->direct ? disk_direct_read(f->direct, vec, n, pos) : fd_read(f->fd, vec, n, pos, 0);
}

int disk_file_read_now(struct disk_file *f, const struct iovec *vec, unsigned n, u64 pos)
{
    if (f->direct || f->waits)
        return -EAGAIN;
    int err = fd_read(f->fd, vec, n, pos, RWF_NOWAIT);
    f->waits = err == -EOPNOTSUPP;
    return err ? -EAGAIN : 0;
}

/* A file that someone cut short would take our write past its end as a hole: data lost without a word. */
static int check_size(const struct disk_file *f)
{
    struct stat st;
    if (!f->regular)
        return 0;
    if (fstat(f->fd, &st) < 0)
        return -errno;
    return (u64)st.st_size < f->bytes ? -EIO : 0;
}

/* Zeros without writing them; false: they have to be written. */
static bool put_zeroes(struct disk_file *f, u64 n, u64 pos)
{
    int mode = f->zeroes == DISK_ZEROES_HOLES ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
    if (fallocate(f->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)pos, (off_t)n) == 0)
        return !f->cache.writethrough || fdatasync(f->fd) == 0;
    if (errno == EOPNOTSUPP)
        f->zeroes = DISK_ZEROES_WRITTEN;
    return false;
}

int disk_file_write(struct disk_file *f, const struct iovec *vec, unsigned n, u64 pos)
{
    u64 bytes = vec_bytes(vec, n);
    int err = check_size(f);
    if (err)
        return err;
    if (f->zeroes != DISK_ZEROES_WRITTEN && pos + bytes <= f->bytes && vec_all_zero(vec, n) &&
        put_zeroes(f, bytes, pos))
        return 0;
    err = f->direct ? disk_direct_write(f->direct, vec, n, pos) : fd_write(f->fd, vec, n, pos);
    if (!err && pos + bytes > f->bytes)
        f->bytes = pos + bytes;
    return err;
}

int disk_file_zero(struct disk_file *f, u64 pos, u64 n)
{
    static const u8 zeros[64 << 10];
    int err = check_size(f);
    if (!err && pos + n <= f->bytes && fallocate(f->fd, FALLOC_FL_ZERO_RANGE, (off_t)pos, (off_t)n) == 0)
        return f->cache.writethrough && fdatasync(f->fd) < 0 ? -errno : 0;
    while (n && !err) {
        struct iovec part = {(void *)(uintptr_t)zeros, MIN(n, sizeof(zeros))};
        err = disk_file_write(f, &part, 1, pos);
        pos += part.iov_len;
        n -= part.iov_len;
    }
    return err;
}

int disk_file_flush(struct disk_file *f) { return !f->cache.no_flush && fdatasync(f->fd) < 0 ? -errno : 0; }

int disk_file_discard(struct disk_file *f, u64 pos, u64 n)
{
    n = MIN(n, f->bytes - MIN(pos, f->bytes));
    if (!n)
        return 0;
    int err = fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)pos, (off_t)n) < 0 ? -errno : 0;
    return err == -EOPNOTSUPP ? 0 : err;
}

void disk_file_close(struct disk_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    disk_direct_close(f->direct);
    free(f);
}

/* ---- opening ---- */

static bool open_file(struct disk_file *f, const struct disk_options *opt, const struct complaint *c)
{
    bool write = !opt->readonly && !opt->snapshot;
    int how = (opt->cache.direct ? O_DIRECT : 0) | (opt->cache.writethrough && write ? O_DSYNC : 0);
    f->fd = open(opt->path, (write ? O_RDWR : O_RDONLY) | how | O_CLOEXEC | O_NONBLOCK);
    if (f->fd >= 0)
        return true;
    if (errno == EISDIR)
        return complain(c, "disk image '%s' is a directory; name an image file", opt->path);
    if (write && (errno == EACCES || errno == EROFS) && access(opt->path, R_OK) == 0)
        return complain(c, "disk image '%s' is not writable: %s; make it so, or use readonly=on or -snapshot",
                        opt->path, strerror(errno));
    if (errno == EINVAL && opt->cache.direct)
        return complain(c, "disk image '%s': its file system has no O_DIRECT, which cache.direct=on (cache=none) needs",
                        opt->path);
    return complain(c, "cannot open disk image '%s': %s", opt->path, strerror(errno));
}

static bool measure(struct disk_file *f, const struct disk_options *opt, const struct complaint *c)
{
    struct stat st;
    if (fstat(f->fd, &st) < 0)
        return complain(c, "cannot examine disk image '%s': %s", opt->path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return complain(c, "disk image '%s' is a directory; name an image file", opt->path);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return complain(c, "disk image '%s' is neither a file nor a block device", opt->path);
    off_t end = lseek(f->fd, 0, SEEK_END);
    if (end < 0)
        return complain(c, "cannot tell the size of disk image '%s': %s", opt->path, strerror(errno));
    if (end == 0)
        return complain(c, "disk image '%s' is empty; give it a size, as with: truncate -s 1G '%s'", opt->path,
                        opt->path);
    f->regular = S_ISREG(st.st_mode);
    f->bytes = (u64)end;
    return true;
}

static bool open_direct(struct disk_file *f, const struct disk_options *opt, const struct complaint *c)
{
    if (!opt->cache.direct)
        return true;
    f->direct = disk_direct_open(f->fd);
    if (!f->direct)
        return complain(c, "disk image '%s' cannot be read with O_DIRECT, which cache.direct=on (cache=none) needs: %s",
                        opt->path, strerror(errno));
    u32 align = disk_direct_align(f->direct);
    return f->bytes % align == 0 || opt->readonly || opt->snapshot ||
           complain(c, "disk image '%s' is not a multiple of %u bytes, as cache.direct=on (cache=none) needs here",
                    opt->path, align);
}

struct disk_file *disk_file_open(const struct disk_options *opt, const struct complaint *c)
{
    struct disk_file *f = calloc(1, sizeof *f);
    if (!f) {
        complain(c, "no memory for disk image '%s'", opt->path);
        return NULL;
    }
    *f = (struct disk_file){.fd = -1, .cache = opt->cache, .zeroes = opt->zeroes};
    if (open_file(f, opt, c) && measure(f, opt, c) && open_direct(f, opt, c))
        return f;
    disk_file_close(f);
    return NULL;
}

bool disk_file_lock(struct disk_file *f, const struct disk_options *opt, const struct complaint *c)
{
    bool write = !opt->readonly && !opt->snapshot;
    enum disk_lock lock = opt->locking == DISK_LOCKING_OFF ? DISK_LOCKED : disk_lock_file(f->fd, write);
    if (lock == DISK_IN_USE)
        return complain(c, "disk image '%s' is in use by another drive or machine%s", opt->path,
                        write ? "; close that, or use -snapshot on both" : " that writes to it; close that first");
    return lock == DISK_LOCKED || opt->locking == DISK_LOCKING_AUTO ||
           complain(c, "disk image '%s' cannot be locked as locking=on asks: its file system has no locks", opt->path);
}
