/*
 * What disk_raw.c is made of: which format a file seems to have, and the
 * locks on it. Nobody else includes it.
 */
#ifndef ORRERY_CORE_DISK_FILE_H
#define ORRERY_CORE_DISK_FILE_H

#include "devices/core/disk.h"

/* The format whose signature is in an image's first 512 bytes, or NULL: it may be raw. */
const char *disk_probe(const u8 *sector);
/* Is this the end of a DMG, its last 512 bytes? */
bool disk_probe_dmg(const u8 *last);

enum disk_lock { DISK_LOCKED, DISK_IN_USE, DISK_NO_LOCKS /* the file system has none */ };
/* Until fd and its duplicates are closed. 'write': the image will be written to. */
enum disk_lock disk_lock_file(int fd, bool write);

#endif
