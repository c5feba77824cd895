/*
 * Streams (stream.h): opening by kind, and the parts every kind shares.
 */
#include "frontend/stream.h"

#include <stdarg.h>
#include <stdlib.h>

static size_t no_room(void *owner)
{
    (void)owner;
    return 0;
}

void stream_init(struct stream *s, const struct stream_class *cls, const char *label, struct loop *l)
{
    *s = (struct stream){.cls = cls, .loop = l, .user.can_input = no_room};
    snprintf(s->label, sizeof(s->label), "%s", label);
    pthread_mutex_init(&s->observing, NULL);
}

struct stream *stream_open(const struct stream_spec *spec, struct loop *l, struct error *e)
{
    static stream_opener *const openers[] = {
        [STREAM_NULL] = stream_open_null,   [STREAM_STDIO] = stream_open_stdio, [STREAM_FILE] = stream_open_file,
        [STREAM_PIPE] = stream_open_pipe,   [STREAM_PTY] = stream_open_pty,     [STREAM_TTY] = stream_open_tty,
        [STREAM_UNIX] = stream_open_socket, [STREAM_TCP] = stream_open_socket,
    };
    assert(spec->kind < ARRAY_LEN(openers));
    return openers[spec->kind](spec, l, e);
}

void stream_close(struct stream *s)
{
    if (s)
        s->cls->close(s);
}

void stream_attach(struct stream *s, const struct stream_user *user)
{
    s->user = *user;
    if (s->connected)
        stream_event(s, STREAM_OPENED);
    stream_accept_input(s);
}

void stream_event(struct stream *s, enum stream_event e)
{
    if (e == STREAM_OPENED || e == STREAM_CLOSED)
        s->connected = e == STREAM_OPENED;
    if (s->user.event)
        s->user.event(s->user.owner, e);
}

void stream_observe(struct stream *s, struct stream_observer *o)
{
    pthread_mutex_lock(&s->observing);
    o->next = s->observers;
    s->observers = o;
    pthread_mutex_unlock(&s->observing);
}

void stream_unobserve(struct stream *s, struct stream_observer *o)
{
    pthread_mutex_lock(&s->observing);
    struct stream_observer **p = &s->observers;
    while (*p && *p != o)
        p = &(*p)->next;
    if (*p)
        *p = o->next;
    pthread_mutex_unlock(&s->observing);
}

static size_t write_seen(struct stream *s, const u8 *buf, size_t n, bool all)
{
    size_t taken = s->cls->write(s, buf, n, all);
    pthread_mutex_lock(&s->observing);
    for (struct stream_observer *o = s->observers; o; o = o->next)
        o->output(o, buf, all ? n : taken);
    pthread_mutex_unlock(&s->observing);
    return taken;
}

size_t stream_write(struct stream *s, const u8 *buf, size_t n) { return s ? write_seen(s, buf, n, false) : n; }

void stream_write_all(struct stream *s, const void *buf, size_t n)
{
    if (s)
        write_seen(s, buf, n, true);
}

size_t stream_pending(struct stream *s) { return s && s->cls->pending ? s->cls->pending(s) : 0; }

bool stream_busy(struct stream *s)
{
    enum { BUSY = 64 << 10 };
    return stream_pending(s) > BUSY;
}

void stream_printf(struct stream *s, const char *fmt, ...)
{
    char *text;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    stream_write_all(s, text, (size_t)n);
    free(text);
}

void stream_accept_input(struct stream *s)
{
    if (s && s->cls->accept_input)
        s->cls->accept_input(s);
}

/* ---- null: takes everything, says nothing ---- */

static size_t null_write(struct stream *s, const u8 *buf, size_t n, bool all)
{
    (void)s;
    (void)buf;
    (void)all;
    return n;
}

static void null_close(struct stream *s) { free(s); }

static void null_describe(struct stream *s, char *out, size_t size)
{
    (void)s;
    snprintf(out, size, "null");
}

struct stream *stream_open_null(const struct stream_spec *spec, struct loop *l, struct error *e)
{
    static const struct stream_class cls = {
        .name = "null", .write = null_write, .close = null_close, .describe = null_describe};
    struct stream *s = calloc(1, sizeof(*s));
    if (!s) {
        fail(e, "out of memory");
        return NULL;
    }
    stream_init(s, &cls, spec->label, l);
    return s;
}
