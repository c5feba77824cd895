/*
 * Seam between a disk controller and the image behind it. Sectors are 512
 * bytes whatever the medium. Errors are values: 0 or -errno; the first one is
 * also told to the user in a sentence. An error the user can mend, a full file
 * system above all, stops the machine instead: -EAGAIN asks the controller to
 * try the same again. Removable media may come and go.
 */
#ifndef ORRERY_BLOCK_DISK_H
#define ORRERY_BLOCK_DISK_H

#include "cpu/base.h"

enum { DISK_SECTOR = 512 };

struct disk;
/* What comes of an error of the host (QEMU's werror= and rerror=). DISK_ENOSPC: stop if space ran out, else report. */
enum disk_policy { DISK_REPORT, DISK_IGNORE, DISK_STOP, DISK_ENOSPC };

struct disk_failure {
    const char *drive; /* disk_options.drive */
    bool write;
    int error;               /* -errno */
    enum disk_policy action; /* what comes of it, not DISK_ENOSPC */
};
/* Who is told of failures, and stops the machine. */
struct disk_watch {
    void (*failed)(void *owner, const struct disk_failure *f);
    void *owner;
    bool stopping; /* set by a failure, until the machine runs again: nothing is tried meanwhile */
};

struct disk_ops {
    const char *name; /* "raw" */
    int (*read)(struct disk *d, u64 sector, void *buf, u32 count);
    int (*write)(struct disk *d, u64 sector, const void *buf, u32 count);
    int (*flush)(struct disk *d);
    int (*discard)(struct disk *d, u64 sector, u32 count); /* NULL: not done */
    void (*close)(struct disk *d);
};
struct disk {
    const struct disk_ops *ops;
    u64 sectors;
    bool readonly;
    bool discards; /* a guest may give sectors back */
    char *path;
    const char *blame; /* set by ops with an error: the file it is of, as a sentence begins; NULL: path says it */
    bool error_told;
    struct trace *trace;
    char *drive;
    enum disk_policy on_read_error, on_write_error;
    struct disk_watch *watch; /* NULL: nobody could stop */
    int stopped_by;           /* the error that did, until an access succeeds; or 0 */
};

/* DISK_LOCKING_AUTO: where the file system has locks. */
enum disk_locking { DISK_LOCKING_AUTO, DISK_LOCKING_ON, DISK_LOCKING_OFF };

/* What a write of zeros becomes: a write, zeroed space, a hole. */
enum disk_zeroes { DISK_ZEROES_WRITTEN, DISK_ZEROES_KEPT, DISK_ZEROES_HOLES };

/* How an image is kept in step with its medium (QEMU's cache=); all false: writeback. */
struct disk_cache {
    bool direct;       /* not through the host's page cache */
    bool writethrough; /* a write is done once it is on the medium */
    bool no_flush;     /* flushes do nothing: a crash of the host may ruin the image */
};

struct disk_options {
    const char *path;
    bool readonly;
    bool snapshot; /* writes go to an anonymous overlay */
    bool raw;      /* its bytes are the disk, even if they look like another format's */
    enum disk_locking locking;
    struct disk_cache cache;
    enum disk_zeroes zeroes;
    bool discard;
    const char *drive; /* the name of the drive it is in, or NULL */
    enum disk_policy on_read_error, on_write_error;
};
/*
 * Opens a raw image; NULL with one sentence in err. A directory, a missing or an unreadable file are errors,
 * and so is what looks like another format, unless 'raw' says it is not; without 'raw', a write that would
 * make it look so fails with -EPERM.
 */
struct disk *disk_open_raw(const struct disk_options *opt, struct trace *trace, char *err, size_t err_size);
void disk_close(struct disk *d);
/*
 * Requests of the guest, checked against the size and readonly: 0 or -errno (-EIO, -EROFS, ...). -EAGAIN: the machine
 * is being stopped, the same is to be asked again a little later in virtual time.
 */
int disk_read(struct disk *d, u64 sector, void *buf, u32 count);
int disk_write(struct disk *d, u64 sector, const void *buf, u32 count);
int disk_flush(struct disk *d);
/* The guest has no use for these sectors: where 'discards' allows, the image gives back their space, and they read as
 * zeros; elsewhere they stay as they are. */
int disk_discard(struct disk *d, u64 sector, u32 count);
/* A flush of the host's own: errors are told, and that is all. */
void disk_sync(struct disk *d);
/* Did space run out, for whichever reason? */
bool disk_out_of_space(int err);

#endif
