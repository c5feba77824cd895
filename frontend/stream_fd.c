/*
 * Streams over descriptors (stream_fd.h). Nobody waits for the other end: from
 * a device that writes faster than is read nothing more is taken, which it
 * shows to the guest as its chip does; a monitor's output is kept, and the
 * monitor takes no further requests. Once all has left, so does the memory.
 */
#include "frontend/stream_fd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUFFER_DEVICE = 64 << 10, DRAIN_MS = 1000, READ_MAX = 4096 };

/* Room for n more bytes behind the pending ones, under the lock; how many there are. */
static size_t make_room(struct fd_stream *f, size_t n, size_t limit)
{
    n = f->len < limit ? MIN(n, limit - f->len) : 0;
    if (f->head && f->head + f->len + n > f->cap) {
        memmove(f->buf, f->buf + f->head, f->len);
        f->head = 0;
    }
    if (f->head + f->len + n > f->cap) {
        size_t cap = MAX((f->len + n) * 2, (size_t)READ_MAX);
        u8 *buf = realloc(f->buf, cap);
        if (!buf)
            return 0;
        f->buf = buf;
        f->cap = cap;
    }
    return n;
}

static bool writable(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, timeout_ms) > 0 && (p.revents & (POLLOUT | POLLERR | POLLHUP));
}

/* Nobody is there any more, or, what the user would not know, a file takes no more. */
static void give_up(struct fd_stream *f)
{
    if (errno == EFBIG || errno == ENOSPC || errno == EDQUOT)
        fprintf(stderr, "orrery: %s: writing failed: %s; from here on its output is lost\n", f->s.label,
                strerror(errno));
    f->discard = true;
}

/* As much as goes out now, under the lock. A broken end takes everything. */
static size_t write_now(struct fd_stream *f, const u8 *buf, size_t n)
{
    size_t done = 0;
    while (done < n && !f->discard) {
        if (f->chunk && !writable(f->out.fd, 0))
            return done;
        ssize_t w = write(f->out.fd, buf + done, f->chunk ? MIN(f->chunk, n - done) : n - done);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return done;
        if (w <= 0)
            give_up(f);
        else
            done += (size_t)w;
    }
    return f->discard ? n : done;
}

static void flush(struct fd_stream *f)
{
    size_t done = write_now(f, f->buf + f->head, f->len);
    f->head += done;
    f->len -= done;
    if (f->len)
        return;
    f->head = 0;
    if (f->cap > BUFFER_DEVICE) {
        free(f->buf);
        f->buf = NULL;
        f->cap = 0;
    }
}

size_t fd_stream_write(struct stream *s, const u8 *buf, size_t n, bool all)
{
    struct fd_stream *f = container_of(s, struct fd_stream, s);
    pthread_mutex_lock(&f->lock);
    if (f->out.fd < 0 || f->discard) {
        pthread_mutex_unlock(&f->lock);
        return n;
    }
    size_t before = f->len, done = before ? 0 : write_now(f, buf, n);
    if (done < n) {
        size_t more = make_room(f, n - done, all ? SIZE_MAX : BUFFER_DEVICE);
        if (more)
            memcpy(f->buf + f->head + f->len, buf + done, more);
        f->len += more;
        done += more;
        if (!before)
            loop_wake(s->loop); /* from now on it writes */
    }
    pthread_mutex_unlock(&f->lock);
    return done;
}

size_t fd_stream_pending(struct stream *s)
{
    struct fd_stream *f = container_of(s, struct fd_stream, s);
    pthread_mutex_lock(&f->lock);
    size_t n = f->len;
    pthread_mutex_unlock(&f->lock);
    return n;
}

bool fd_stream_answering(struct fd_stream *f)
{
    pthread_mutex_lock(&f->lock);
    bool gone = f->discard, pending = f->len;
    pthread_mutex_unlock(&f->lock);
    return !gone && (pending || (f->s.user.busy && f->s.user.busy(f->s.user.owner)));
}

void fd_stream_accept_input(struct stream *s) { loop_wake(s->loop); }

static short want_in(void *owner)
{
    struct fd_stream *f = owner;
    return f->s.user.input && f->s.user.can_input(f->s.user.owner) ? POLLIN : 0;
}

static short want_out(void *owner)
{
    struct fd_stream *f = owner;
    pthread_mutex_lock(&f->lock);
    short events = f->len ? POLLOUT : 0;
    pthread_mutex_unlock(&f->lock);
    return events;
}

static void ready_in(void *owner, short revents)
{
    struct fd_stream *f = owner;
    u8 buf[READ_MAX];
    (void)revents;
    size_t room = f->s.user.can_input(f->s.user.owner);
    if (!room)
        return;
    errno = 0; /* hangup looks at it, an end of file sets none */
    ssize_t n = read(f->in.fd, buf, MIN(room, sizeof(buf)));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        f->hangup(f);
        return;
    }
    size_t left = f->decode ? f->decode(f, buf, (size_t)n) : (size_t)n;
    if (left)
        f->s.user.input(f->s.user.owner, buf, left);
}

static void ready_out(void *owner, short revents)
{
    struct fd_stream *f = owner;
    (void)revents;
    pthread_mutex_lock(&f->lock);
    flush(f);
    pthread_mutex_unlock(&f->lock);
}

void fd_stream_init(struct fd_stream *f, const struct stream_class *cls, const char *label, struct loop *l)
{
    stream_init(&f->s, cls, label, l);
    pthread_mutex_init(&f->lock, NULL);
    f->in = (struct loop_fd){.fd = -1, .want = want_in, .ready = ready_in, .owner = f};
    f->out = (struct loop_fd){.fd = -1, .want = want_out, .ready = ready_out, .owner = f};
}

void fd_stream_open(struct fd_stream *f, int in, int out, size_t chunk)
{
    pthread_mutex_lock(&f->lock);
    f->in.fd = in;
    f->out.fd = out;
    f->chunk = chunk;
    f->discard = false;
    f->head = f->len = 0;
    pthread_mutex_unlock(&f->lock);
    if (in >= 0)
        loop_fd_add(f->s.loop, &f->in);
    if (out >= 0)
        loop_fd_add(f->s.loop, &f->out);
}

void fd_stream_stop(struct fd_stream *f)
{
    loop_fd_remove(f->s.loop, &f->in);
    loop_fd_remove(f->s.loop, &f->out);
    pthread_mutex_lock(&f->lock);
    f->in.fd = f->out.fd = -1;
    f->head = f->len = 0;
    pthread_mutex_unlock(&f->lock);
}

void fd_stream_drain(struct fd_stream *f)
{
    u64 end = loop_now_ms() + DRAIN_MS;
    pthread_mutex_lock(&f->lock);
    while (f->len && !f->discard && f->out.fd >= 0) {
        u64 now = loop_now_ms();
        if (now >= end || !writable(f->out.fd, (int)(end - now)))
            break;
        flush(f);
    }
    pthread_mutex_unlock(&f->lock);
}

void fd_stream_free(struct fd_stream *f)
{
    fd_stream_drain(f);
    fd_stream_stop(f);
    pthread_mutex_destroy(&f->lock);
    free(f->buf);
}
