/* Files of our own (own_file.h), told by device and inode. */
#include "frontend/own_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_ours(const struct own_file *f)
{
    struct stat st;
    return f->path && !lstat(f->path, &st) && st.st_dev == f->dev && st.st_ino == f->ino;
}

static void note(struct own_file *f, const char *path, const struct stat *st)
{
    f->path = path;
    f->dev = st->st_dev;
    f->ino = st->st_ino;
}

void own_file_adopt(struct own_file *f, const char *path)
{
    struct stat st;
    f->lock = -1;
    if (!lstat(path, &st))
        note(f, path, &st);
}

/* A locked descriptor of the file, which may have lost its name before we got the lock; -1: see e. */
static int open_locked(const char *path, struct stat *st, struct error *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fd < 0 && errno == ELOOP)
        fail(e, "-pidfile %s: it is a symbolic link", path);
    else if (fd < 0 || fstat(fd, st))
        fail(e, "-pidfile %s: cannot create it: %s", path, strerror(errno));
    else if (!S_ISREG(st->st_mode))
        fail(e, "-pidfile %s: it is not a regular file", path);
    else if (fcntl(fd, F_OFD_SETLK, &lock) < 0 && (errno == EAGAIN || errno == EACCES))
        fail(e, "-pidfile %s: cannot lock pid file: another process runs with it", path);
    else
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

bool own_file_pid(struct own_file *f, const char *path, struct error *e)
{
    struct stat st;
    f->path = NULL;
    do {
        if (f->path)
            close(f->lock);
        f->lock = open_locked(path, &st, e);
        if (f->lock < 0)
            return false;
        note(f, path, &st);
    } while (!is_ours(f)); /* its last owner has just removed it */
    if (ftruncate(f->lock, 0) < 0 || dprintf(f->lock, "%ld\n", (long)getpid()) < 0)
        return fail(e, "-pidfile %s: cannot write it: %s", path, strerror(errno));
    return true;
}

void own_file_remove(struct own_file *f)
{
    if (!f->path)
        return;
    if (is_ours(f))
        unlink(f->path);
    if (f->lock >= 0)
        close(f->lock);
    f->path = NULL;
}
