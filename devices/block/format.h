/*
 * What image formats are made of, and what they stand on: vectors, and files
 * of the host. A format is a file of its own and a row of formats.def. Seen in
 * this folder only.
 */
#ifndef ORRERY_BLOCK_FORMAT_H
#define ORRERY_BLOCK_FORMAT_H

#include <sys/stat.h>

#include "devices/block/disk.h"

struct complaint {
    char *text;
    size_t size;
};
/* One sentence, and false. */
bool complain(const struct complaint *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * How a disk carries out requests that are in its bounds: on any thread, one at a time. 0 or -errno.
 */
struct disk_ops {
    const char *name;
    int (*read)(struct disk *d, u64 sector, const struct iovec *vec, unsigned n);
    /* The same on the machine's thread; -EAGAIN: it would have to wait. NULL: it always would. */
    int (*read_now)(struct disk *d, u64 sector, const struct iovec *vec, unsigned n);
    int (*write)(struct disk *d, u64 sector, const struct iovec *vec, unsigned n);
    int (*flush)(struct disk *d);
    int (*discard)(struct disk *d, u64 sector, u32 count); /* NULL: not done */
    int (*zero)(struct disk *d, u64 sector, u32 count);    /* NULL: by writing */
    int (*stat)(struct disk *d, struct stat *st);          /* of the file; NULL: there is none */
    void (*close)(struct disk *d);
};

struct disk_file;
struct disk_format {
    const char *name;
    /* What an image's first 512 bytes and its last say: is it one? NULL: anything may be. */
    bool (*probe)(const u8 *first, const u8 *last);
    /* Takes the file over, also when it fails: NULL with a sentence. 'guessed': nobody said that it is one. */
    struct disk *(*open)(struct disk_file *f, const struct disk_options *opt, bool guessed, const struct complaint *c);
};
#define FORMAT(format) extern const struct disk_format format;
#include "devices/block/formats.def"
#undef FORMAT

/* Carries out r, whose bounds are checked, and sets its err, blame and good. Any thread. */
void disk_carry_out(struct disk_request *r);
/* On the machine's thread, when it has been: what the guest learns of it. */
int disk_settle(struct disk_request *r);
/* Frees it, with nothing under way. */
void disk_free(struct disk *d);

/* A disk on top of 'under', which becomes its own: what is written goes to a temporary file. */
struct disk *disk_overlay_open(struct disk *under, const char *path, const struct complaint *c);

/* ---- vectors ---- */

size_t vec_bytes(const struct iovec *vec, unsigned n);
/* Bytes [off, off+len) of a vector as one of at most 'max' pieces; how many, which may be too few for all of it. */
unsigned vec_slice(struct iovec *out, unsigned max, const struct iovec *vec, unsigned n, size_t off, size_t len);
void vec_zero(const struct iovec *vec, unsigned n, size_t off);
bool vec_all_zero(const struct iovec *vec, unsigned n);
/* The first 'len' bytes of it. */
void vec_gather(void *to, const struct iovec *vec, unsigned n, size_t len);

/* ---- files of the host ---- */

/* NULL with a sentence. */
struct disk_file *disk_file_open(const struct disk_options *opt, const struct complaint *c);
bool disk_file_lock(struct disk_file *f, const struct disk_options *opt, const struct complaint *c);
void disk_file_close(struct disk_file *f);
u64 disk_file_size(const struct disk_file *f);
int disk_file_stat(const struct disk_file *f, struct stat *st);
int disk_file_read(struct disk_file *f, const struct iovec *vec, unsigned n, u64 pos);
int disk_file_read_now(struct disk_file *f, const struct iovec *vec, unsigned n, u64 pos);
/* Behind its end it grows. */
int disk_file_write(struct disk_file *f, const struct iovec *vec, unsigned n, u64 pos);
int disk_file_flush(struct disk_file *f);
int disk_file_discard(struct disk_file *f, u64 pos, u64 n);
int disk_file_zero(struct disk_file *f, u64 pos, u64 n);

/* All of a vector from or to a descriptor; 0 or -errno; -EIO at an end of file. flags: preadv2's. */
int fd_read(int fd, const struct iovec *vec, unsigned n, u64 pos, int flags);
int fd_write(int fd, const struct iovec *vec, unsigned n, u64 pos);

enum disk_lock { DISK_LOCKED, DISK_IN_USE, DISK_NO_LOCKS /* the file system has none */ };
/* Until fd and its duplicates are closed. 'write': the image will be written to. */
enum disk_lock disk_lock_file(int fd, bool write);

/* The format whose signature is in an image's first 512 bytes, or NULL: it may be raw. */
const char *disk_probe(const u8 *sector);
/* Is this the end of a DMG, its last 512 bytes? */
bool disk_probe_dmg(const u8 *last);

/* A file opened with O_DIRECT; NULL with errno (EINVAL: the file system has no such thing). fd stays the caller's. */
struct disk_direct;
struct disk_direct *disk_direct_open(int fd);
void disk_direct_close(struct disk_direct *d);
/* What the file's size must be a multiple of to be written. */
u32 disk_direct_align(const struct disk_direct *d);
int disk_direct_read(struct disk_direct *d, const struct iovec *vec, unsigned n, u64 pos);
int disk_direct_write(struct disk_direct *d, const struct iovec *vec, unsigned n, u64 pos);

#endif
