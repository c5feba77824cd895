/*
 * What raw.c is made of: which format a file seems to have, and the
 * locks on it. Nobody else includes it.
 */
#ifndef ORRERY_BLOCK_FILE_H
#define ORRERY_BLOCK_FILE_H

#include "devices/block/disk.h"

/* The format whose signature is in an image's first 512 bytes, or NULL: it may be raw. */
const char *disk_probe(const u8 *sector);
/* Is this the end of a DMG, its last 512 bytes? */
bool disk_probe_dmg(const u8 *last);

enum disk_lock { DISK_LOCKED, DISK_IN_USE, DISK_NO_LOCKS /* the file system has none */ };
/* Until fd and its duplicates are closed. 'write': the image will be written to. */
enum disk_lock disk_lock_file(int fd, bool write);

/* Writes all of it; 0 or -errno. */
int disk_write_full(int fd, const u8 *buf, u64 n, u64 pos);

/* A file opened with O_DIRECT; NULL with errno (EINVAL: the file system has no such thing). fd stays the caller's. */
struct disk_direct;
struct disk_direct *disk_direct_open(int fd);
void disk_direct_close(struct disk_direct *d);
/* What the file's size must be a multiple of to be written. */
u32 disk_direct_align(const struct disk_direct *d);
int disk_direct_read(struct disk_direct *d, u8 *buf, u64 n, u64 pos);
int disk_direct_write(struct disk_direct *d, const u8 *buf, u64 n, u64 pos);

#endif
