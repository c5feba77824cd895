/*
 * Seam between a disk controller and the image behind it. Sectors are 512
 * bytes whatever the medium. Errors are values: 0 or -errno; the first one is
 * also told to the user in a sentence. Removable media may come and go.
 */
#ifndef ORRERY_CORE_DISK_H
#define ORRERY_CORE_DISK_H

#include "cpu/base.h"

struct disk;
struct disk_ops {
    const char *name; /* "raw" */
    int (*read)(struct disk *d, u64 sector, void *buf, u32 count);
    int (*write)(struct disk *d, u64 sector, const void *buf, u32 count);
    int (*flush)(struct disk *d);
    void (*close)(struct disk *d);
};
struct disk {
    const struct disk_ops *ops;
    u64 sectors;
    bool readonly;
    char *path;
    bool error_told;
    struct trace *trace;
};

/* DISK_LOCKING_AUTO: where the file system has locks. */
enum disk_locking { DISK_LOCKING_AUTO, DISK_LOCKING_ON, DISK_LOCKING_OFF };

struct disk_options {
    const char *path;
    bool readonly;
    bool snapshot; /* writes go to an anonymous overlay */
    bool raw;      /* its bytes are the disk, even if they look like another format's */
    enum disk_locking locking;
};
/*
 * Opens a raw image; NULL with one sentence in err. A directory, a missing or an unreadable file are errors,
 * and so is what looks like another format, unless 'raw' says it is not; without 'raw', a write that would
 * make it look so fails with -EPERM.
 */
struct disk *disk_open_raw(const struct disk_options *opt, struct trace *trace, char *err, size_t err_size);
void disk_close(struct disk *d);
/*
 * Checked against the size and readonly; 0 or -errno (-EIO, -EROFS, ...). -EAGAIN: not before the user has helped,
 * for which the machine stops. Controllers then do the same again a little later in virtual time.
 */
int disk_read(struct disk *d, u64 sector, void *buf, u32 count);
int disk_write(struct disk *d, u64 sector, const void *buf, u32 count);
int disk_flush(struct disk *d);

#endif
