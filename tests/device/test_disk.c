/* Raw images: odd sizes, snapshots, locks, and files that change or fail under us. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/device/disks.h"

static struct trace quiet;
static char path[64], err[256];
static u8 buf[8 * 512];

/* A file of n bytes, byte i of it being i / 512 + 1. */
static void make(size_t n)
{
    strcpy(path, "/tmp/orrery-disk-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    for (size_t at = 0; at < n; at += 512) {
        u8 sector[512];
        size_t part = MIN(n - at, sizeof sector);
        memset(sector, (int)(at / 512 + 1), sizeof sector);
        ck_assert_int_eq(write(fd, sector, part), (ssize_t)part);
    }
    close(fd);
}
static void teardown(void)
{
    if (path[0])
        unlink(path);
    path[0] = 0;
}
static struct disk *open_image(bool readonly, bool snapshot)
{
    struct disk_options o = {.path = path, .readonly = readonly, .snapshot = snapshot};
    return disk_open(&o, &quiet, err, sizeof err);
}
static struct disk *must_open(bool readonly, bool snapshot)
{
    struct disk *d = open_image(readonly, snapshot);
    ck_assert_msg(d != NULL, "%s", err);
    return d;
}
static u8 file_byte(size_t at)
{
    int fd = open(path, O_RDONLY);
    u8 b = 0xee;
    ck_assert_int_eq(pread(fd, &b, 1, (off_t)at), 1);
    close(fd);
    return b;
}
/* The user's sentence is expected here; keep it out of the test's output. */
static void hush(void) { ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr)); }

START_TEST(read_and_write)
{
    make(4 * 512);
    struct disk *d = must_open(false, false);
    ck_assert_uint_eq(d->sectors, 4);
    ck_assert_int_eq(disk_read(d, 1, buf, 3), 0);
    ck_assert_uint_eq(buf[0], 2);
    ck_assert_uint_eq(buf[2 * 512 + 511], 4);
    memset(buf, 0x77, 512);
    ck_assert_int_eq(disk_write(d, 2, buf, 1), 0);
    ck_assert_int_eq(disk_flush(d), 0);
    ck_assert_uint_eq(file_byte(2 * 512), 0x77);
    ck_assert_uint_eq(file_byte(3 * 512), 4);
    ck_assert_int_eq(disk_read(d, 4, buf, 0), 0);
    ck_assert_int_eq(disk_read(d, 4, buf, 1), -EIO);
    ck_assert_int_eq(disk_read(d, 3, buf, 2), -EIO);
    ck_assert_int_eq(disk_read(d, UINT64_MAX, buf, 2), -EIO);
    ck_assert_int_eq(disk_write(d, 3, buf, 0xffffffff), -EIO);
    disk_close(d);
    disk_close(NULL);
}
END_TEST

/* Zeros without their bytes, and what was asked is counted. */
START_TEST(zeroed_and_counted)
{
    make(8 * 512);
    struct disk *d = must_open(false, false);
    ck_assert_int_eq(disk_do(d, DISK_ZERO, 2, NULL, 3), 0);
    ck_assert(file_byte(2 * 512 - 1) == 2 && file_byte(5 * 512) == 6);
    for (size_t at = 2 * 512; at < 5 * 512; at += 100)
        ck_assert_uint_eq(file_byte(at), 0);
    ck_assert_int_eq(disk_do(d, DISK_ZERO, 7, NULL, 2), -EIO);
    ck_assert_int_eq(disk_read(d, 0, buf, 4), 0);
    ck_assert_int_eq(disk_read(d, 1, buf, 1), 0);
    ck_assert(d->count[DISK_ZERO].operations == 1 && d->count[DISK_ZERO].invalid == 1);
    ck_assert(d->count[DISK_READ].operations == 2 && d->count[DISK_READ].bytes == 5 * 512);
    disk_close(d);
}
END_TEST

/* A request in pieces of odd lengths, whatever is below. */
START_TEST(vectors)
{
    for (int over = 0; over < 2; over++) {
        make(8 * 512 - 100);
        struct disk *d = must_open(false, over);
        u8 a[700], b[1], c[4 * 512 - 701];
        struct iovec vec[] = {{a, sizeof a}, {b, sizeof b}, {c, sizeof c}};
        struct disk_request r = {.op = DISK_READ, .sector = 4, .count = 4, .vec = vec, .nvec = 3};
        ck_assert_int_eq(disk_submit(d, &r), 0);
        ck_assert(a[0] == 5 && a[699] == 6 && b[0] == 6 && c[0] == 6 && c[1024 - 701] == 7 && c[sizeof c - 1] == 0);
        memset(a, 0x11, sizeof a);
        memset(b, 0x22, sizeof b);
        memset(c, 0x33, sizeof c);
        r.op = DISK_WRITE;
        r.sector = 1;
        r.fua = true;
        ck_assert_int_eq(disk_submit(d, &r), 0);
        ck_assert_int_eq(disk_read(d, 0, buf, 8), 0);
        ck_assert(buf[511] == 1 && buf[512] == 0x11 && buf[512 + 700] == 0x22 && buf[512 + 701] == 0x33);
        ck_assert(buf[5 * 512 - 1] == 0x33 && buf[5 * 512] == 6);
        ck_assert_uint_eq(file_byte(512), over ? 2 : 0x11);
        disk_close(d);
        teardown();
    }
}
END_TEST

START_TEST(partial_last_sector)
{
    make(512 + 100);
    struct disk *d = must_open(false, false);
    ck_assert_uint_eq(d->sectors, 2);
    ck_assert_int_eq(disk_read(d, 0, buf, 2), 0);
    ck_assert_uint_eq(buf[512 + 99], 2);
    for (int i = 512 + 100; i < 1024; i++)
        ck_assert_uint_eq(buf[i], 0);
    memset(buf, 9, 512);
    ck_assert_int_eq(disk_write(d, 1, buf, 1), 0);
    ck_assert_int_eq(disk_read(d, 1, buf + 512, 1), 0);
    ck_assert_uint_eq(buf[1023], 9);
    ck_assert_uint_eq(file_byte(1023), 9);
    disk_close(d);
}
END_TEST

START_TEST(readonly)
{
    make(1024);
    struct disk *d = must_open(true, false);
    ck_assert(d->readonly);
    ck_assert_int_eq(disk_write(d, 0, buf, 1), -EROFS);
    ck_assert_int_eq(disk_flush(d), 0);
    disk_close(d);
}
END_TEST

START_TEST(snapshot)
{
    make(8 * 512 - 10);
    struct disk *d = must_open(false, true);
    memset(buf, 0x55, sizeof buf);
    ck_assert_int_eq(disk_write(d, 2, buf, 2), 0);
    ck_assert_int_eq(disk_write(d, 7, buf, 1), 0);
    ck_assert_int_eq(disk_flush(d), 0);
    ck_assert_int_eq(disk_read(d, 0, buf, 8), 0);
    for (int s = 0; s < 8; s++)
        ck_assert_uint_eq(buf[s * 512], s == 2 || s == 3 || s == 7 ? 0x55 : s + 1);
    ck_assert_uint_eq(buf[8 * 512 - 1], 0x55);
    ck_assert_uint_eq(file_byte(2 * 512), 3);
    disk_close(d);
    ck_assert_uint_eq(file_byte(7 * 512), 8);
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_size, 8 * 512 - 10);
}
END_TEST

START_TEST(locks)
{
    make(1024);
    struct disk *d = must_open(false, false);
    ck_assert_ptr_null(open_image(false, false));
    ck_assert_ptr_nonnull(strstr(err, "in use"));
    ck_assert_ptr_null(open_image(true, false));
    ck_assert_ptr_null(open_image(false, true));
    disk_close(d);
    d = must_open(true, false);
    struct disk *e = must_open(false, true);
    ck_assert_ptr_null(open_image(false, false));
    disk_close(d);
    disk_close(e);
    d = must_open(false, false);
    disk_close(d);
}
END_TEST

/* QEMU's view: does another program use byte 'at', or refuse to share it? */
static bool locked(off_t at)
{
    int fd = open(path, O_RDONLY);
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    ck_assert_int_eq(fcntl(fd, F_OFD_GETLK, &l), 0);
    close(fd);
    return l.l_type != F_UNLCK;
}
static void expect_locks(const char *ours)
{
    char now[16] = "";
    static const off_t bytes[] = {0, 100, 101, 102, 103, 104, 200, 201, 202, 203, 204};
    for (size_t i = 0; i < ARRAY_LEN(bytes); i++)
        now[i] = locked(bytes[i]) ? 'x' : '.';
    ck_assert_str_eq(now, ours);
}
/* Holds what QEMU holds of the open image: a lock on each byte. Its descriptor. */
static int lock_as_qemu(const off_t *byte, size_t n)
{
    int fd = open(path, O_RDWR);
    for (size_t i = 0; i < n; i++) {
        struct flock l = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte[i], .l_len = 1};
        ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &l), 0);
    }
    return fd;
}

START_TEST(qemu_locks)
{
    static const off_t writer[] = {100, 101, 201}, reader[] = {100, 201, 203};
    make(1024);
    expect_locks("...........");
    struct disk *d = must_open(false, false);
    expect_locks("xxx....x.x.");
    disk_close(d);
    expect_locks("...........");
    for (int i = 1; i < 4; i++) {
        d = must_open(i & 1, i & 2);
        expect_locks("xx.....x.x.");
        disk_close(d);
    }
    int fd = lock_as_qemu(writer, ARRAY_LEN(writer));
    for (int i = 0; i < 4; i++)
        ck_assert_ptr_null(open_image(i & 1, i & 2));
    ck_assert_ptr_nonnull(strstr(err, "in use"));
    struct disk_options o = {.path = path, .locking = DISK_LOCKING_OFF};
    d = disk_open(&o, &quiet, err, sizeof err);
    ck_assert_ptr_nonnull(d);
    disk_close(d);
    close(fd);
    fd = lock_as_qemu(reader, ARRAY_LEN(reader));
    ck_assert_ptr_null(open_image(false, false));
    for (int i = 1; i < 4; i++)
        disk_close(must_open(i & 1, i & 2));
    close(fd);
    disk_close(must_open(false, false));
}
END_TEST

/* The file's first bytes, or with at its others; the rest is zeros. */
static void make_with(size_t size, size_t at, const char *bytes, size_t n)
{
    make(1);
    int fd = open(path, O_RDWR);
    ck_assert_int_eq(pwrite(fd, "", 1, 0), 1);
    ck_assert_int_eq(pwrite(fd, bytes, n, (off_t)at), (ssize_t)n);
    ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
    close(fd);
}

START_TEST(formats)
{
    static const struct {
        const char *format;
        size_t at, n;
        const char *bytes;
    } images[] = {
        {"qcow2", 0, 8, "QFI\xfb\0\0\0\3"},
        {"qcow2", 0, 8, "QFI\xfb\0\0\0\2"},
        {"qcow", 0, 8, "QFI\xfb\0\0\0\1"},
        {"qed", 0, 4, "QED"},
        {"vmdk", 0, 4, "KDMV"},
        {"vmdk", 0, 31, "# Disk DescriptorFile\nversion=1"},
        {"vdi", 64, 4, "\x7f\x10\xda\xbe"},
        {"vpc", 0, 8, "conectix"},
        {"vhdx", 0, 8, "vhdxfile"},
        {"luks", 0, 8, "LUKS\xba\xbe\0\1"},
        {"parallels", 0, 16, "WithouFreSpacExt"},
        {"bochs", 0, 22, "Bochs Virtual HD Image"},
        {"cloop", 0, 23, "#!/bin/sh\n#V2.0 Format\n"},
        {"dmg", 4096 - 512, 12, "koly\0\0\0\4\0\0\2\0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(images); i++) {
        char say[64];
        u8 sector[512] = {0};
        make_with(4096, images[i].at, images[i].bytes, images[i].n);
        for (int how = 0; how < 4; how++)
            ck_assert_ptr_null(open_image(how & 1, how & 2));
        snprintf(say, sizeof say, "is in %s format", images[i].format);
        ck_assert_msg(strstr(err, say) != NULL, "%s: %s", images[i].format, err);
        struct disk_options o = {.path = path, .format = "raw"};
        struct disk *d = disk_open(&o, &quiet, err, sizeof err);
        ck_assert_ptr_nonnull(d);
        ck_assert_int_eq(disk_write(d, 0, sector, 1), 0);
        disk_close(d);
        teardown();
    }
}
END_TEST

/* A guest must not make a file into what the next program to guess its format follows to other files. */
START_TEST(no_disguise)
{
    u8 two[1024] = {0};
    make(4 * 512);
    hush();
    struct disk *d = must_open(false, false);
    memcpy(two + 512, "QFI\xfb\0\0\0\3", 8);
    ck_assert_int_eq(disk_write(d, 0, two, 2), 0);
    ck_assert_int_eq(disk_write(d, 0, two + 512, 1), -EPERM);
    ck_assert_uint_eq(file_byte(0), 0);
    disk_close(d);
    struct disk_options o = {.path = path, .format = "raw"};
    d = disk_open(&o, &quiet, err, sizeof err);
    ck_assert_int_eq(disk_write(d, 0, two + 512, 1), 0);
    disk_close(d);
}
END_TEST

START_TEST(sentences)
{
    struct disk_options o = {.path = "/nonexistent/image"};
    ck_assert_ptr_null(disk_open(&o, &quiet, err, sizeof err));
    ck_assert_str_eq(err, "cannot open disk image '/nonexistent/image': No such file or directory");
    for (int i = 0; i < 4; i++) {
        o = (struct disk_options){.path = "/tmp", .readonly = i & 1, .snapshot = i & 2};
        ck_assert_ptr_null(disk_open(&o, &quiet, err, sizeof err));
        ck_assert_str_eq(err, "disk image '/tmp' is a directory; name an image file");
    }
    o = (struct disk_options){.path = "/dev/null", .readonly = true};
    ck_assert_ptr_null(disk_open(&o, &quiet, err, sizeof err));
    ck_assert_ptr_nonnull(strstr(err, "neither a file nor a block device"));
    make(0);
    ck_assert_ptr_null(open_image(false, false));
    ck_assert_ptr_nonnull(strstr(err, "is empty"));
    if (geteuid() != 0) { /* root may write anything */
        chmod(path, 0400);
        ck_assert_ptr_null(open_image(false, false));
        ck_assert_ptr_nonnull(strstr(err, "not writable"));
    }
    /* Somewhere to put it is not required. */
    o.path = "/nonexistent";
    ck_assert_ptr_null(disk_open(&o, &quiet, err, 1));
}
END_TEST

START_TEST(truncated)
{
    make(8 * 512);
    hush();
    struct disk *d = must_open(false, false);
    ck_assert_int_eq(truncate(path, 3 * 512), 0);
    ck_assert_int_eq(disk_read(d, 0, buf, 3), 0);
    ck_assert(!d->error_told);
    ck_assert_int_eq(disk_read(d, 2, buf, 2), -EIO);
    ck_assert(d->error_told);
    ck_assert_int_eq(disk_write(d, 6, buf, 1), -EIO);
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_size, 3 * 512);
    disk_close(d);
    d = must_open(false, true);
    ck_assert_int_eq(truncate(path, 512), 0);
    ck_assert_int_eq(disk_write(d, 2, buf, 1), 0); /* the overlay is ours */
    ck_assert_int_eq(disk_read(d, 2, buf, 1), 0);
    ck_assert_int_eq(disk_read(d, 1, buf, 1), -EIO);
    disk_close(d);
}
END_TEST

START_TEST(vanished)
{
    make(8 * 512);
    struct disk *d = must_open(false, false);
    unlink(path);
    ck_assert_int_eq(disk_read(d, 7, buf, 1), 0);
    ck_assert_int_eq(disk_write(d, 7, buf, 1), 0);
    disk_close(d);
}
END_TEST

START_TEST(large_sparse)
{
    make(1);
    ck_assert_int_eq(truncate(path, 3ll << 40), 0);
    struct disk *d = must_open(false, true);
    ck_assert_uint_eq(d->sectors, 3ull << 31);
    memset(buf, 0x31, 512);
    ck_assert_int_eq(disk_write(d, d->sectors - 1, buf, 1), 0);
    ck_assert_int_eq(disk_read(d, d->sectors - 2, buf, 2), 0);
    ck_assert_uint_eq(buf[0], 0);
    ck_assert_uint_eq(buf[512], 0x31);
    disk_close(d);
}
END_TEST

/* ---- errors of the host ---- */

static struct disk_failure last;
static unsigned failures;
static void failed(void *owner, const struct disk_failure *f)
{
    (void)owner;
    last = *f;
    failures++;
}
static struct disk_watch watch = {.failed = failed};

/* Files may grow to n bytes: as good as a full file system. No less than 1 MiB, as Check writes files, too. */
enum { FULL = 1 << 20, BEYOND = 3000, LARGE = 4 << 20 };
static void limit_files(rlim_t n)
{
    struct rlimit r;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &r);
    r.rlim_cur = n;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &r), 0);
}
static struct disk *open_with(enum disk_policy on_write, enum disk_policy on_read, bool snap)
{
    struct disk_options o = {
        .path = path, .snapshot = snap, .drive = "hd", .on_write_error = on_write, .on_read_error = on_read};
    struct disk *d = disk_open(&o, &quiet, err, sizeof err);
    ck_assert_msg(d != NULL, "%s", err);
    d->watch = &watch;
    failures = 0;
    watch.stopping = false;
    return d;
}

START_TEST(out_of_space)
{
    make(8 * 512);
    ck_assert_int_eq(truncate(path, LARGE), 0);
    hush();
    for (int snap = 0; snap < 2; snap++) {
        limit_files(FULL);
        struct disk *d = open_with(DISK_ENOSPC, DISK_REPORT, snap);
        memset(buf, 0x66, sizeof buf);
        ck_assert_int_eq(disk_write(d, 1, buf, 1), 0);
        ck_assert_int_eq(disk_write(d, BEYOND, buf, 2), -EAGAIN);
        ck_assert(watch.stopping && failures == 1 && last.write && last.action == DISK_STOP && last.error == -EFBIG);
        ck_assert_str_eq(last.drive, "hd");
        ck_assert_int_eq(d->stopped_by, -EFBIG);
        /* until the machine runs again nothing is tried, and nobody told */
        limit_files(RLIM_INFINITY);
        ck_assert_int_eq(disk_write(d, BEYOND, buf, 2), -EAGAIN);
        ck_assert_int_eq(disk_flush(d), -EAGAIN);
        ck_assert_uint_eq(failures, 1);
        watch.stopping = false;
        ck_assert_int_eq(disk_write(d, BEYOND, buf, 2), 0);
        ck_assert_int_eq(disk_read(d, BEYOND, buf + 512, 2), 0);
        ck_assert(buf[512] == 0x66 && buf[2 * 512] == 0x66 && d->stopped_by == 0);
        disk_close(d);
    }
    ck_assert_uint_eq(file_byte((BEYOND + 1) * 512), 0x66);
    ck_assert(disk_out_of_space(-ENOSPC) && disk_out_of_space(-EDQUOT) && !disk_out_of_space(-EIO));
}
END_TEST

START_TEST(policies)
{
    make(8 * 512);
    ck_assert_int_eq(truncate(path, LARGE), 0);
    hush();
    limit_files(FULL);
    memset(buf, 0x66, sizeof buf);
    static const struct {
        enum disk_policy policy;
        int write, read;
    } rows[] = {
        {DISK_REPORT, -EFBIG, -EIO}, {DISK_IGNORE, 0, 0}, {DISK_STOP, -EAGAIN, -EAGAIN}, {DISK_ENOSPC, -EAGAIN, -EIO}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct disk *d = open_with(rows[i].policy, rows[i].policy, false);
        ck_assert_int_eq(disk_write(d, BEYOND, buf, 1), rows[i].write);
        ck_assert_uint_eq(failures, 1);
        watch.stopping = false;
        ck_assert_int_eq(truncate(path, 7 * 512), 0);
        ck_assert_int_eq(disk_read(d, 6, buf, 2), rows[i].read);
        ck_assert(failures == 2 && !last.write && last.error == -EIO);
        if (rows[i].policy == DISK_IGNORE)
            ck_assert(buf[0] == 0 && buf[1023] == 0);
        /* nobody to stop the machine: then the guest must know */
        d->watch = NULL;
        ck_assert_int_eq(disk_read(d, 6, buf, 2), rows[i].policy == DISK_IGNORE ? 0 : -EIO);
        disk_close(d);
        limit_files(RLIM_INFINITY);
        ck_assert_int_eq(truncate(path, LARGE), 0);
        limit_files(FULL);
    }
}
END_TEST

/* The sentence names the file that is full: the snapshot's, not the image. */
START_TEST(blame)
{
    char said[64] = "/tmp/orrery-said-XXXXXX", text[512] = "";
    make(8 * 512);
    ck_assert_int_eq(truncate(path, LARGE), 0);
    setenv("TMPDIR", "/tmp", 1);
    struct disk *d = open_with(DISK_ENOSPC, DISK_REPORT, true);
    int fd = mkstemp(said);
    ck_assert_ptr_nonnull(freopen(said, "w", stderr));
    limit_files(FULL);
    ck_assert_int_eq(disk_write(d, BEYOND, buf, 1), -EAGAIN);
    limit_files(RLIM_INFINITY);
    fflush(stderr);
    ck_assert_int_gt(read(fd, text, sizeof text - 1), 0);
    unlink(said);
    snprintf(
        err, sizeof err,
        "orrery: temporary file in /tmp for the snapshot of '%s': writing failed at sector 3000: File too large; the "
        "machine is paused, 'cont' tries again\n",
        path);
    ck_assert_str_eq(text, err);
    close(fd);
    disk_close(d);
}
END_TEST

/* ---- caches and holes ---- */

static off_t blocks(void)
{
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    return st.st_blocks;
}

START_TEST(caches)
{
    static const struct disk_cache rows[] = {
        {.direct = true}, {.writethrough = true}, {.direct = true, .writethrough = true}, {.no_flush = true}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        make(256 * 512);
        struct disk_options o = {.path = path, .cache = rows[i]};
        struct disk *d = disk_open(&o, &quiet, err, sizeof err);
        if (!d && rows[i].direct && strstr(err, "O_DIRECT")) { /* not on this file system */
            teardown();
            continue;
        }
        ck_assert_msg(d != NULL, "%s", err);
        static u8 big[254 * 512]; /* more than the aligned buffer, at odd sectors, from an odd address */
        ck_assert_int_eq(disk_read(d, 1, big + 1, 200), 0);
        for (size_t s = 0; s < 200; s++)
            ck_assert_uint_eq(big[1 + s * 512], (u8)(s + 2));
        memset(big, 0x42, sizeof big);
        ck_assert_int_eq(disk_write(d, 1, big + 1, 253), 0);
        ck_assert_int_eq(disk_flush(d), 0);
        ck_assert(file_byte(511) == 1 && file_byte(512) == 0x42 && file_byte(254 * 512 - 1) == 0x42);
        ck_assert(file_byte(254 * 512) == 255 && file_byte(255 * 512 + 511) == 0);
        disk_close(d);
        teardown();
    }
}
END_TEST

START_TEST(zeroes)
{
    static u8 zeros[128 * 512];
    for (int kind = DISK_ZEROES_WRITTEN; kind <= DISK_ZEROES_HOLES; kind++) {
        make(256 * 512);
        struct disk_options o = {.path = path, .zeroes = (enum disk_zeroes)kind};
        struct disk *d = disk_open(&o, &quiet, err, sizeof err);
        ck_assert_msg(d != NULL, "%s", err);
        ck_assert_int_eq(disk_flush(d), 0);
        off_t before = blocks();
        ck_assert_int_eq(disk_write(d, 64, zeros, 128), 0);
        ck_assert_int_eq(disk_flush(d), 0);
        ck_assert(file_byte(63 * 512) == 64 && file_byte(64 * 512) == 0 && file_byte(192 * 512) == 193);
        ck_assert(kind == DISK_ZEROES_HOLES ? blocks() <= before - 96 : blocks() == before);
        disk_close(d);
        teardown();
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("disk");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_test(t, read_and_write);
    tcase_add_test(t, zeroed_and_counted);
    tcase_add_test(t, vectors);
    tcase_add_test(t, partial_last_sector);
    tcase_add_test(t, readonly);
    tcase_add_test(t, snapshot);
    tcase_add_test(t, locks);
    tcase_add_test(t, qemu_locks);
    tcase_add_test(t, formats);
    tcase_add_test(t, no_disguise);
    tcase_add_test(t, sentences);
    tcase_add_test(t, truncated);
    tcase_add_test(t, vanished);
    tcase_add_test(t, large_sparse);
    tcase_add_test(t, out_of_space);
    tcase_add_test(t, policies);
    tcase_add_test(t, blame);
    tcase_add_test(t, caches);
    tcase_add_test(t, zeroes);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
