/*
 * Seam between a disk controller and the image behind it. A controller hands
 * in requests, whose memory is its own or the guest's, and is told when they
 * are over: at once, or later on the machine's thread; meanwhile workers do
 * what the host needs for them (pool.h). Sectors are 512 bytes whatever the
 * medium. Errors are values: 0 or -errno; the first one is also told to the
 * user in a sentence. An error the user can mend, a full file system above
 * all, stops the machine instead: -EAGAIN asks the controller to try the same
 * again. Removable media may come and go.
 */
#ifndef ORRERY_BLOCK_DISK_H
#define ORRERY_BLOCK_DISK_H

#include <sys/uio.h>

#include "cpu/base.h"

enum { DISK_SECTOR = 512, DISK_VECTORS = 160 /* pieces of memory of one request, at most */ };

struct disk;
struct disk_pool;
/* What comes of an error of the host (QEMU's werror= and rerror=). DISK_ENOSPC: stop if space ran out, else report. */
enum disk_policy { DISK_REPORT, DISK_IGNORE, DISK_STOP, DISK_ENOSPC };

struct disk_failure {
    const char *drive; /* disk_options.drive */
    bool write;
    int error;               /* -errno */
    enum disk_policy action; /* what comes of it, not DISK_ENOSPC */
};
/* The machine, as its disks see it. */
struct disk_watch {
    /* Told of failures, and stops the machine. */
    void (*failed)(void *owner, const struct disk_failure *f);
    void *owner;
    bool stopping;          /* set by a failure, until the machine runs again: nothing is tried meanwhile */
    struct disk_pool *pool; /* who waits for the host; NULL: whoever asks */
};

enum disk_op { DISK_READ, DISK_WRITE, DISK_FLUSH, DISK_DISCARD, DISK_ZERO, DISK_OPS };

/* Over, handed to the pool, in a worker's hands, waiting to be told of. */
enum disk_progress { DISK_OVER, DISK_QUEUED, DISK_RUNNING, DISK_FINISHED };

/* One request. It and its memory stay where they are until it is over. */
struct disk_request {
    enum disk_op op;
    bool fua; /* over only when it is on the medium */
    u64 sector;
    u32 count;               /* sectors; 0 for DISK_FLUSH */
    const struct iovec *vec; /* DISK_READ, DISK_WRITE: count sectors in all */
    unsigned nvec;
    void (*done)(void *owner, int err); /* on the machine's thread; err as disk_submit's */
    void *owner;
    /* Answers */
    u32 good; /* of a read that failed: the sectors before the first that cannot be read */
    /* The seam's own */
    struct disk *disk;
    enum disk_progress progress;
    bool cancelled, hosts; /* hosts: no controller has asked for it */
    int err;
    u64 began;
    const char *blame;
    struct disk_request *next;
};

/* What was asked of a disk by its controller, and was done. */
struct disk_count {
    u64 bytes, operations, ns; /* ns: of the host's time, until it was over */
    u64 failed, invalid;
};

struct disk_ops;
struct disk {
    const struct disk_ops *ops;
    const char *format;
    u64 sectors;
    bool readonly;
    bool discards; /* a guest may give sectors back */
    char *path;
    const char *blame; /* set by ops with an error: the file it is of, as a sentence begins; NULL: path says it */
    bool error_told;
    struct trace *trace;
    char *drive;
    enum disk_policy on_read_error, on_write_error;
    struct disk_watch *watch; /* NULL: nobody could stop, or wait */
    int stopped_by;           /* the error that did, until an access succeeds; or 0 */
    struct disk_count count[DISK_OPS];
    /* pool.c's */
    unsigned pending; /* requests not over */
    bool busy;        /* one is in a worker's hands */
    bool closing;
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
    const char *format; /* one of disk_format_name(); NULL: what it looks like */
    bool readonly;
    bool snapshot; /* writes go to an anonymous overlay */
    enum disk_locking locking;
    struct disk_cache cache;
    enum disk_zeroes zeroes;
    bool discard;
    const char *drive; /* the name of the drive it is in, or NULL */
    enum disk_policy on_read_error, on_write_error;
};
/* Format n of formats.def; NULL behind the last. */
const char *disk_format_name(unsigned n);
/*
 * Opens an image; NULL with one sentence in err. A directory, a missing or an unreadable file are errors, and so is
 * what looks like a format that is none of ours, unless 'format' says what it is. Where nothing is said and it looks
 * like nothing, it is raw; then a write that would make it look like something fails with -EPERM.
 */
struct disk *disk_open(const struct disk_options *opt, struct trace *trace, char *err, size_t err_size);
/* What is under way ends first, or is left to end without anybody waiting for it. */
void disk_close(struct disk *d);
/*
 * A request of the guest, checked against the size and readonly. 0 or -errno (-EIO, -EROFS, ...): it is over, and
 * 'done' is not called. -EINPROGRESS: 'done' will be. -EAGAIN, from either: the machine is being stopped, the same is
 * to be asked again a little later in virtual time. DISK_DISCARD: the guest has no use for these sectors; where
 * 'discards' allows, the image gives back their space, and they read as zeros; elsewhere they stay as they are.
 */
int disk_submit(struct disk *d, struct disk_request *r);
/* Nobody waits for it any more, and 'done' is not called. While the host still has its memory, the guest stands. */
void disk_cancel(struct disk_request *r);
/* A flush of the host's own, in its turn: errors are told, and that is all. */
void disk_sync(struct disk *d);
/* The same at once, whatever is under way, on any thread: when the machine's does not answer. */
void disk_sync_now(struct disk *d);
/* Did space run out, for whichever reason? */
bool disk_out_of_space(int err);

/* ---- for saved machines, with nothing under way ---- */

/* What tells an image from others, and from itself once somebody has written to it: a few words. */
void disk_identify(struct disk *d, char *text, size_t size);

/*
 * What was written under -snapshot, in pieces of DISK_PIECE sectors: a bit for each that was, then the contents of
 * those, one after the other. It is taken over into a new place: begin, put what there is, end.
 */
enum {
    DISK_PIECE = 2048,
    DISK_PIECE_BITS = DISK_PIECE / 8,
    DISK_PIECE_MAX = DISK_PIECE_BITS + DISK_PIECE * DISK_SECTOR
};
bool disk_is_overlaid(const struct disk *d);
/* *len bytes of piece n into 'out', which has DISK_PIECE_MAX; 0: nothing of it was written. 0 or -errno. */
int disk_overlay_save(struct disk *d, u64 n, u8 *out, u32 *len);
/* 0 or -errno; -EINVAL: that is no piece of this disk. */
int disk_overlay_begin(struct disk *d);
int disk_overlay_put(struct disk *d, u64 n, const u8 *piece, u32 len);
/* take: what was put is what the disk has from now on; else it is forgotten. Also without a begin. */
void disk_overlay_end(struct disk *d, bool take);

#endif
