/*
 * Raw image files and block devices, by pread and pwrite: an image that is
 * truncated under us is an error code, where a mapping would be SIGBUS. With
 * `snapshot` all writes go to an unlinked sparse file, found again by a bit
 * per sector.
 *
 * A size that is not a multiple of 512 is rounded up: the last sector reads
 * with zeros behind the end, and a write to it makes the file whole.
 */
#include "devices/block/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = DISK_SECTOR };

struct raw_disk {
    struct disk disk;
    int fd, overlay;    /* overlay: -1 without */
    char *overlay_name; /* as a sentence begins */
    u64 bytes;          /* of the image */
    bool regular;       /* a file, whose size can change */
    struct disk_cache cache;
    struct disk_direct *direct; /* with cache.direct */
    enum disk_zeroes zeroes;
    bool guessed; /* to be raw: it must not come to look like something else */
    u64 *written; /* a bit per sector: read it from the overlay */
};

static struct raw_disk *raw_of(struct disk *d) { return container_of(d, struct raw_disk, disk); }

/* 0, or -errno; -EIO at an end of file that should not be there. */
static int read_full(int fd, u8 *buf, u64 n, u64 pos)
{
    while (n) {
        ssize_t got = pread(fd, buf, n, (off_t)pos);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        buf += got;
        pos += (u64)got;
        n -= (u64)got;
    }
    return 0;
}

int disk_write_full(int fd, const u8 *buf, u64 n, u64 pos)
{
    while (n) {
        ssize_t put = pwrite(fd, buf, n, (off_t)pos);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? -errno : -ENOSPC;
        buf += put;
        pos += (u64)put;
        n -= (u64)put;
    }
    return 0;
}

static int read_image(struct raw_disk *r, u64 sector, u8 *buf, u32 count)
{
    u64 pos = sector * SECTOR, n = (u64)count * SECTOR, have = pos < r->bytes ? MIN(n, r->bytes - pos) : 0;
    memset(buf + have, 0, n - have);
    return r->direct ? disk_direct_read(r->direct, buf, have, pos) : read_full(r->fd, buf, have, pos);
}

static bool is_written(const struct raw_disk *r, u64 sector) { return r->written[sector / 64] & BIT64(sector % 64); }

/* Run by run: each is wholly in the overlay or wholly in the image. */
static int read_overlaid(struct raw_disk *r, u64 sector, u8 *buf, u32 count)
{
    while (count) {
        bool over = is_written(r, sector);
        u32 n = 1;
        while (n < count && is_written(r, sector + n) == over)
            n++;
        r->disk.blame = over ? r->overlay_name : NULL;
        int err = over ? read_full(r->overlay, buf, (u64)n * SECTOR, sector * SECTOR) : read_image(r, sector, buf, n);
        if (err)
            return err;
        buf += (size_t)n * SECTOR;
        sector += n;
        count -= n;
    }
    return 0;
}

static int raw_read(struct disk *d, u64 sector, void *buf, u32 count)
{
    struct raw_disk *r = raw_of(d);
    d->blame = NULL;
    return r->overlay >= 0 ? read_overlaid(r, sector, buf, count) : read_image(r, sector, buf, count);
}

/* A file that someone cut short would take our write past its end as a hole: data lost without a word. */
static int check_size(struct raw_disk *r)
{
    struct stat st;
    if (!r->regular)
        return 0;
    if (fstat(r->fd, &st) < 0)
        return -errno;
    return (u64)st.st_size < r->bytes ? -EIO : 0;
}

static bool all_zero(const u8 *buf, u64 n) { return !n || (!buf[0] && !memcmp(buf, buf + 1, n - 1)); }

/* Zeros without writing them; false: they have to be written. */
static bool put_zeroes(struct raw_disk *r, u64 n, u64 pos)
{
    int mode = r->zeroes == DISK_ZEROES_HOLES ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
    if (fallocate(r->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)pos, (off_t)n) == 0)
        return !r->cache.writethrough || fdatasync(r->fd) == 0;
    if (errno == EOPNOTSUPP)
        r->zeroes = DISK_ZEROES_WRITTEN;
    return false;
}

static int write_image(struct raw_disk *r, const u8 *buf, u64 n, u64 pos)
{
    if (r->zeroes != DISK_ZEROES_WRITTEN && pos + n <= r->bytes && all_zero(buf, n) && put_zeroes(r, n, pos))
        return 0;
    int err = r->direct ? disk_direct_write(r->direct, buf, n, pos) : disk_write_full(r->fd, buf, n, pos);
    if (!err && pos + n > r->bytes)
        r->bytes = pos + n;
    return err;
}

static int raw_write(struct disk *d, u64 sector, const void *buf, u32 count)
{
    struct raw_disk *r = raw_of(d);
    u64 n = (u64)count * SECTOR, pos = sector * SECTOR;
    int err;
    d->blame = r->overlay >= 0 ? r->overlay_name : NULL;
    if (r->guessed && sector == 0 && count && disk_probe(buf))
        return -EPERM;
    if (r->overlay >= 0) {
        err = disk_write_full(r->overlay, buf, n, pos);
        for (u32 i = 0; i < count && !err; i++)
            r->written[(sector + i) / 64] |= BIT64((sector + i) % 64);
        return err;
    }
    err = check_size(r);
    return err ? err : write_image(r, buf, n, pos);
}

static int raw_flush(struct disk *d)
{
    struct raw_disk *r = raw_of(d);
    d->blame = NULL;
    if (r->overlay >= 0 || r->cache.no_flush)
        return 0;
    return fdatasync(r->fd) < 0 ? -errno : 0;
}

static int raw_discard(struct disk *d, u64 sector, u32 count)
{
    struct raw_disk *r = raw_of(d);
    u64 pos = sector * SECTOR, n = MIN((u64)count * SECTOR, r->bytes - MIN(pos, r->bytes));
    d->blame = NULL;
    if (r->overlay >= 0 || !n)
        return 0;
    int err = fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)pos, (off_t)n) < 0 ? -errno : 0;
    return err == -EOPNOTSUPP ? 0 : err;
}

static void raw_close(struct disk *d)
{
    struct raw_disk *r = raw_of(d);
    if (r->overlay >= 0)
        close(r->overlay);
    if (r->fd >= 0)
        close(r->fd);
    disk_direct_close(r->direct);
    free(r->written);
    free(r->overlay_name);
    free(d->path);
    free(d->drive);
    free(r);
}

static const struct disk_ops raw_ops = {
    .name = "raw",
    .read = raw_read,
    .write = raw_write,
    .flush = raw_flush,
    .discard = raw_discard,
    .close = raw_close,
};

/* ---- opening ---- */

struct complaint {
    char *text;
    size_t size;
};

static bool PRINTF_LIKE(2, 3) complain(const struct complaint *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (c->size)
        vsnprintf(c->text, c->size, fmt, ap);
    va_end(ap);
    return false;
}

static bool open_file(struct raw_disk *r, const struct disk_options *opt, const struct complaint *c)
{
    bool write = !opt->readonly && !opt->snapshot;
    int how = (opt->cache.direct ? O_DIRECT : 0) | (opt->cache.writethrough && write ? O_DSYNC : 0);
    r->fd = open(opt->path, (write ? O_RDWR : O_RDONLY) | how | O_CLOEXEC | O_NONBLOCK);
    if (r->fd >= 0)
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

static bool measure(struct raw_disk *r, const struct disk_options *opt, const struct complaint *c)
{
    struct stat st;
    if (fstat(r->fd, &st) < 0)
        return complain(c, "cannot examine disk image '%s': %s", opt->path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return complain(c, "disk image '%s' is a directory; name an image file", opt->path);
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return complain(c, "disk image '%s' is neither a file nor a block device", opt->path);
    off_t end = lseek(r->fd, 0, SEEK_END);
    if (end < 0)
        return complain(c, "cannot tell the size of disk image '%s': %s", opt->path, strerror(errno));
    if (end == 0)
        return complain(c, "disk image '%s' is empty; give it a size, as with: truncate -s 1G '%s'", opt->path,
                        opt->path);
    r->regular = S_ISREG(st.st_mode);
    r->bytes = (u64)end;
    r->disk.sectors = (r->bytes + SECTOR - 1) / SECTOR;
    return true;
}

static bool open_direct(struct raw_disk *r, const struct disk_options *opt, const struct complaint *c)
{
    if (!opt->cache.direct)
        return true;
    r->direct = disk_direct_open(r->fd);
    if (!r->direct)
        return complain(c, "disk image '%s' cannot be read with O_DIRECT, which cache.direct=on (cache=none) needs: %s",
                        opt->path, strerror(errno));
    u32 align = disk_direct_align(r->direct);
    return r->bytes % align == 0 || opt->readonly || opt->snapshot ||
           complain(c, "disk image '%s' is not a multiple of %u bytes, as cache.direct=on (cache=none) needs here",
                    opt->path, align);
}

/* Does it look like an image of another format? */
static bool check_format(struct raw_disk *r, const struct disk_options *opt, const struct complaint *c)
{
    u8 first[SECTOR] = {0}, last[SECTOR] = {0};
    if (opt->raw)
        return true;
    r->guessed = true;
    /* What cannot be read is the guest's to find out. */
    const char *format = read_image(r, 0, first, 1) ? NULL : disk_probe(first);
    if (r->bytes % SECTOR == 0 && !read_image(r, r->disk.sectors - 1, last, 1) && disk_probe_dmg(last))
        format = "dmg";
    return !format ||
           complain(c,
                    "disk image '%s' is in %s format; make a raw one with qemu-img convert -O raw, or say format=raw "
                    "to have its bytes as they are",
                    opt->path, format);
}

static bool lock_file(struct raw_disk *r, const struct disk_options *opt, const struct complaint *c)
{
    bool write = !opt->readonly && !opt->snapshot;
    enum disk_lock lock = opt->locking == DISK_LOCKING_OFF ? DISK_LOCKED : disk_lock_file(r->fd, write);
    if (lock == DISK_IN_USE)
        return complain(c, "disk image '%s' is in use by another drive or machine%s", opt->path,
                        write ? "; close that, or use -snapshot on both" : " that writes to it; close that first");
    return lock == DISK_LOCKED || opt->locking == DISK_LOCKING_AUTO ||
           complain(c, "disk image '%s' cannot be locked as locking=on asks: its file system has no locks", opt->path);
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

static bool open_overlay(struct raw_disk *r, const struct disk_options *opt, const struct complaint *c)
{
    const char *where;
    r->overlay = open_temporary(&where);
    if (r->overlay < 0)
        return complain(c, "cannot make a temporary file for the snapshot of '%s': %s; set TMPDIR", opt->path,
                        strerror(errno));
    r->written = calloc(r->disk.sectors / 64 + 1, sizeof *r->written);
    if (asprintf(&r->overlay_name, "temporary file in %s for the snapshot of '%s'", where, opt->path) < 0)
        r->overlay_name = NULL;
    if (!r->written || !r->overlay_name)
        return complain(c, "no memory for the snapshot of '%s'", opt->path);
    return true;
}

struct disk *disk_open_raw(const struct disk_options *opt, struct trace *trace, char *err, size_t err_size)
{
    const struct complaint c = {err, err_size};
    struct raw_disk *r = calloc(1, sizeof *r);
    if (!r) {
        complain(&c, "no memory for disk image '%s'", opt->path);
        return NULL;
    }
    r->fd = r->overlay = -1;
    r->disk.ops = &raw_ops;
    r->disk.readonly = opt->readonly;
    r->cache = opt->cache;
    r->zeroes = opt->zeroes;
    r->disk.discards = opt->discard && !opt->readonly;
    r->disk.trace = trace;
    r->disk.path = strdup(opt->path);
    r->disk.drive = opt->drive ? strdup(opt->drive) : NULL;
    r->disk.on_read_error = opt->on_read_error;
    r->disk.on_write_error = opt->on_write_error;
    if (open_file(r, opt, &c) && measure(r, opt, &c) && open_direct(r, opt, &c) && check_format(r, opt, &c) &&
        lock_file(r, opt, &c) && (!opt->snapshot || opt->readonly || open_overlay(r, opt, &c)))
        return &r->disk;
    raw_close(&r->disk);
    return NULL;
}
