/* Raw images: odd sizes, snapshots, locks, and files that change or fail under us. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/core/disk.h"

static struct trace quiet;
static char path[64], err[256];
static u8 buf[8 * 512];

/* A file of n bytes, byte i of it being i / 512 + 1. */
static void make(size_t n)
{
    strcpy(path, "/tmp/orrery-disk-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    for (size_t i = 0; i < n; i++) {
        u8 b = (u8)(i / 512 + 1);
        ck_assert_int_eq(write(fd, &b, 1), 1);
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
    struct disk_options o = {path, readonly, snapshot};
    return disk_open_raw(&o, &quiet, err, sizeof err);
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

START_TEST(sentences)
{
    struct disk_options o = {"/nonexistent/image", false, false};
    ck_assert_ptr_null(disk_open_raw(&o, &quiet, err, sizeof err));
    ck_assert_str_eq(err, "cannot open disk image '/nonexistent/image': No such file or directory");
    for (int i = 0; i < 4; i++) {
        o = (struct disk_options){"/tmp", i & 1, i & 2};
        ck_assert_ptr_null(disk_open_raw(&o, &quiet, err, sizeof err));
        ck_assert_str_eq(err, "disk image '/tmp' is a directory; name an image file");
    }
    o = (struct disk_options){"/dev/null", true, false};
    ck_assert_ptr_null(disk_open_raw(&o, &quiet, err, sizeof err));
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
    ck_assert_ptr_null(disk_open_raw(&o, &quiet, err, 1));
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

int main(void)
{
    Suite *s = suite_create("disk");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_test(t, read_and_write);
    tcase_add_test(t, partial_last_sector);
    tcase_add_test(t, readonly);
    tcase_add_test(t, snapshot);
    tcase_add_test(t, locks);
    tcase_add_test(t, sentences);
    tcase_add_test(t, truncated);
    tcase_add_test(t, vanished);
    tcase_add_test(t, large_sparse);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
