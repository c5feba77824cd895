/*
 * Locks on image files, so that two machines cannot ruin one file system.
 *
 * Byte 0 is our own: exclusive for a writer, shared for readers. The others
 * are QEMU's (its block/file-posix.c names them): a shared lock on byte 100 + i
 * says "I use right i", one on 200 + i "I do not share right i". Having taken
 * its own, a program looks whether anybody holds what speaks against them.
 */
#include "devices/block/format.h"

#include <errno.h>
#include <fcntl.h>

enum { OURS = 0, USED = 100, UNSHARED = 200 };
/* QEMU's rights, which are bits of its permissions. */
enum { CONSISTENT_READ, WRITE, WRITE_UNCHANGED, RESIZE, GRAPH_MOD, RIGHTS };

/* Locks of the open file description: they hold against other drives of this process too. */
static bool try_lock(int fd, short type, off_t byte)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static bool held_by_another(int fd, off_t byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

enum disk_lock disk_lock_file(int fd, bool write)
{
    /* What QEMU asks for a guest's disk whose size is fixed. */
    unsigned used = BIT(CONSISTENT_READ) | (write ? BIT(WRITE) : 0), unshared = BIT(WRITE) | BIT(RESIZE);
    if (!try_lock(fd, write ? F_WRLCK : F_RDLCK, OURS))
        return errno == EAGAIN || errno == EACCES ? DISK_IN_USE : DISK_NO_LOCKS;
    for (unsigned i = 0; i < RIGHTS; i++) {
        if (((used & BIT(i)) && !try_lock(fd, F_RDLCK, USED + i)) ||
            ((unshared & BIT(i)) && !try_lock(fd, F_RDLCK, UNSHARED + i)))
            return DISK_IN_USE;
    }
    for (unsigned i = 0; i < RIGHTS; i++) {
        if (((used & BIT(i)) && held_by_another(fd, UNSHARED + i)) ||
            ((unshared & BIT(i)) && held_by_another(fd, USED + i)))
            return DISK_IN_USE;
    }
    return DISK_LOCKED;
}
