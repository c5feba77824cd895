/*
 * Streams whose descriptors are simply there: stdio, a file, a pair of named
 * pipes, a terminal device, a pseudo-terminal. Relies on stream_fd.c for all
 * reading and writing.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "frontend/stream_fd.h"
#include "frontend/terminal.h"

enum { TTY_CHUNK = 256, PTY_LOOK_MS = 500 };

struct simple {
    struct fd_stream f;
    char *path;
    int extra_fd;            /* the other direction of a pipe, or -1 */
    struct loop_timer retry; /* pty: has somebody opened it?; stdin: are we in the foreground again? */
};

static struct simple *from_fd(struct fd_stream *f) { return container_of(f, struct simple, f); }
static struct simple *from_stream(struct stream *s) { return container_of(s, struct simple, f.s); }

static void simple_close(struct stream *s)
{
    struct simple *p = from_stream(s);
    int in = p->f.in.fd, out = p->f.out.fd;
    fd_stream_free(&p->f);
    loop_timer_cancel(s->loop, &p->retry);
    if (in > STDERR_FILENO)
        close(in);
    if (out > STDERR_FILENO && out != in)
        close(out);
    free(p->path);
    free(p);
}

static void simple_describe(struct stream *s, char *out, size_t size)
{
    struct simple *p = from_stream(s);
    snprintf(out, size, p->path ? "%s:%s" : "%s", s->cls->name, p->path);
}

/* End of input: what is written still goes out. */
static void simple_hangup(struct fd_stream *f) { loop_fd_remove(f->s.loop, &f->in); }

static struct simple *simple_new(const struct stream_class *cls, const struct stream_spec *spec, struct loop *l,
                                 struct error *e)
{
    struct simple *p = calloc(1, sizeof(*p));
    if (!p) {
        fail(e, "out of memory");
        return NULL;
    }
    fd_stream_init(&p->f, cls, spec->label, l);
    p->f.hangup = simple_hangup;
    p->f.s.connected = true;
    p->path = spec->path ? strdup(spec->path) : NULL;
    return p;
}

static struct stream *simple_failed(struct simple *p, struct error *e, const char *verb, const char *path)
{
    fail(e, "cannot %s '%s': %s", verb, path, strerror(errno));
    simple_close(&p->f.s);
    return NULL;
}

/* ---- stdio ---- */

static void stdin_again(void *owner)
{
    struct simple *p = owner;
    loop_fd_add(p->f.s.loop, &p->f.in);
}

/* A terminal read while in the background fails: wait for the foreground. Anything else is the end. */
static void stdin_hangup(struct fd_stream *f)
{
    struct simple *p = from_fd(f);
    loop_fd_remove(f->s.loop, &f->in);
    if (isatty(STDIN_FILENO) && errno == EIO && tcgetpgrp(STDIN_FILENO) != getpgrp())
        loop_timer_set(f->s.loop, &p->retry, PTY_LOOK_MS);
}

/*
 * Standard output as a description of our own, so that it can be made not to block without that being seen by whoever
 * shares it. Where the host has none to give (a socket, another user's terminal) it is written in small pieces.
 */
static int own_stdout(size_t *chunk)
{
    struct stat st;
    bool file = !fstat(STDOUT_FILENO, &st) && S_ISREG(st.st_mode);
    int fd = file ? -1 : open("/proc/self/fd/1", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    *chunk = file || fd >= 0 ? 0 : TTY_CHUNK;
    return fd >= 0 ? fd : STDOUT_FILENO;
}

static void stdio_close(struct stream *s)
{
    simple_close(s);
    terminal_restore();
}

struct stream *stream_open_stdio(const struct stream_spec *spec, struct loop *l, struct error *e)
{
    static const struct stream_class cls = {.name = "stdio",
                                            .write = fd_stream_write,
                                            .pending = fd_stream_pending,
                                            .accept_input = fd_stream_accept_input,
                                            .close = stdio_close,
                                            .describe = simple_describe};
    struct simple *p = simple_new(&cls, spec, l, e);
    if (!p)
        return NULL;
    size_t chunk;
    int out = own_stdout(&chunk);
    p->f.s.is_tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    p->f.hangup = stdin_hangup;
    p->retry = (struct loop_timer){.fire = stdin_again, .owner = p};
    fd_stream_open(&p->f, STDIN_FILENO, out, chunk);
    terminal_raw(spec->signal);
    return &p->f.s;
}

/* ---- file ---- */

struct stream *stream_open_file(const struct stream_spec *spec, struct loop *l, struct error *e)
{
    static const struct stream_class cls = {.name = "file",
                                            .write = fd_stream_write,
                                            .pending = fd_stream_pending,
                                            .accept_input = fd_stream_accept_input,
                                            .close = simple_close,
                                            .describe = simple_describe};
    struct simple *p = simple_new(&cls, spec, l, e);
    if (!p)
        return NULL;
    int fd = open(spec->path, O_WRONLY | O_CREAT | O_CLOEXEC | (spec->append ? O_APPEND : O_TRUNC), 0666);
    if (fd < 0)
        return simple_failed(p, e, "create", spec->path);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); /* a device or a pipe may be slow */
    fd_stream_open(&p->f, -1, fd, 0);
    return &p->f.s;
}

/* ---- pipe: PATH.in and PATH.out, or PATH for both ---- */

struct stream *stream_open_pipe(const struct stream_spec *spec, struct loop *l, struct error *e)
{
    static const struct stream_class cls = {.name = "pipe",
                                            .write = fd_stream_write,
                                            .pending = fd_stream_pending,
                                            .accept_input = fd_stream_accept_input,
                                            .close = simple_close,
                                            .describe = simple_describe};
    struct simple *p = simple_new(&cls, spec, l, e);
    if (!p)
        return NULL;
    char name[PATH_MAX];
    /* Read-write, as nobody may be at the other end yet: neither open waits, and there is never an end of
     * file. */
    enum { FLAGS = O_RDWR | O_NONBLOCK | O_CLOEXEC };
    snprintf(name, sizeof(name), "%s.in", spec->path);
    int in = open(name, FLAGS);
    snprintf(name, sizeof(name), "%s.out", spec->path);
    int out = open(name, FLAGS);
    if (in < 0 || out < 0) {
        if (in >= 0)
            close(in);
        if (out >= 0)
            close(out);
        in = out = open(spec->path, FLAGS);
    }
    if (in < 0)
        return simple_failed(p, e, "open the pipe", spec->path);
    fd_stream_open(&p->f, in, out, 0);
    return &p->f.s;
}

/* ---- a terminal device of the host ---- */

static void make_raw(int fd)
{
    struct termios t;
    if (tcgetattr(fd, &t))
        return;
    cfmakeraw(&t);
    tcsetattr(fd, TCSANOW, &t);
}

struct stream *stream_open_tty(const struct stream_spec *spec, struct loop *l, struct error *e)
{
    static const struct stream_class cls = {.name = "serial",
                                            .write = fd_stream_write,
                                            .pending = fd_stream_pending,
                                            .accept_input = fd_stream_accept_input,
                                            .close = simple_close,
                                            .describe = simple_describe};
    struct simple *p = simple_new(&cls, spec, l, e);
    if (!p)
        return NULL;
    int fd = open(spec->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return simple_failed(p, e, "open", spec->path);
    make_raw(fd);
    fd_stream_open(&p->f, fd, fd, 0);
    return &p->f.s;
}

/* ---- pty: while nobody has the slave open, output vanishes and we look twice a second ---- */

static void pty_look(void *owner)
{
    struct simple *p = owner;
    struct pollfd poll_fd = {.fd = p->extra_fd, .events = POLLOUT};
    if (poll(&poll_fd, 1, 0) > 0 && !(poll_fd.revents & POLLHUP)) {
        fd_stream_open(&p->f, p->extra_fd, p->extra_fd, 0);
        stream_event(&p->f.s, STREAM_OPENED);
    } else {
        loop_timer_set(p->f.s.loop, &p->retry, PTY_LOOK_MS);
    }
}

static void pty_hangup(struct fd_stream *f)
{
    struct simple *p = from_fd(f);
    fd_stream_stop(f);
    stream_event(&f->s, STREAM_CLOSED);
    loop_timer_set(f->s.loop, &p->retry, PTY_LOOK_MS);
}

static void pty_close(struct stream *s)
{
    struct simple *p = from_stream(s);
    int fd = p->extra_fd;
    fd_stream_drain(&p->f);
    fd_stream_stop(&p->f);
    close(fd);
    simple_close(s);
}

struct stream *stream_open_pty(const struct stream_spec *spec, struct loop *l, struct error *e)
{
    static const struct stream_class cls = {.name = "pty",
                                            .write = fd_stream_write,
                                            .pending = fd_stream_pending,
                                            .accept_input = fd_stream_accept_input,
                                            .close = pty_close,
                                            .describe = simple_describe};
    struct simple *p = simple_new(&cls, spec, l, e);
    if (!p)
        return NULL;
    char name[PATH_MAX];
    int slave = -1, fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && !grantpt(fd) && !unlockpt(fd) && !ptsname_r(fd, name, sizeof(name)))
        slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0) {
        struct stream *none = simple_failed(p, e, "make a pseudo-terminal for", spec->label);
        if (fd >= 0)
            close(fd);
        return none;
    }
    /* Raw from the start; having been open once is what makes poll report its absence. */
    make_raw(slave);
    close(slave);
    p->path = strdup(name);
    p->extra_fd = fd;
    p->f.hangup = pty_hangup;
    p->f.s.crlf = p->f.s.is_tty = true;
    p->f.s.connected = false;
    p->retry = (struct loop_timer){.fire = pty_look, .owner = p};
    fprintf(stderr, "char device redirected to %s (label %s)\n", name, spec->label);
    pty_look(p);
    return &p->f.s;
}
