/*
 * Byte streams to the outside: what stands behind a serial port, a monitor or
 * a debugger. One reader ('user'), on the main thread; stream_write may be
 * called from any thread. stream_open makes one from a description.
 */
#ifndef ORRERY_FRONTEND_STREAM_H
#define ORRERY_FRONTEND_STREAM_H

#include <pthread.h>

#include "frontend/loop.h"
#include "frontend/stream_spec.h"

enum stream_event {
    STREAM_OPENED, /* somebody is at the other end */
    STREAM_CLOSED,
    STREAM_BREAK,
    STREAM_FOCUS, /* a mux: input now comes to this user */
    STREAM_UNFOCUS,
};
/* Whoever reads: called on the main thread. */
struct stream_user {
    size_t (*can_input)(void *owner); /* bytes welcome now; 0 until stream_accept_input */
    void (*input)(void *owner, const u8 *buf, size_t n);
    void (*event)(void *owner, enum stream_event e); /* may be NULL */
    void *owner;
    bool (*busy)(void *owner); /* it still works on what it got: a hangup waits for the answers; may be NULL */
};

/* Is told of all that a stream takes to go out, on whichever thread writes it. */
struct stream_observer {
    void (*output)(struct stream_observer *o, const u8 *buf, size_t n);
    struct stream_observer *next;
};

struct stream;
struct stream_class {
    const char *name;
    /* Takes what it can without waiting; returns how much. all: buffers the rest. Any thread. */
    size_t (*write)(struct stream *s, const u8 *buf, size_t n, bool all);
    /* Bytes written that the other end has not taken yet; NULL: never any. Any thread. */
    size_t (*pending)(struct stream *s);
    /* The user has room again. Any thread. */
    void (*accept_input)(struct stream *s);
    void (*close)(struct stream *s);
    /* One line for 'info chardev'. */
    void (*describe)(struct stream *s, char *out, size_t size);
};
struct stream {
    const struct stream_class *cls;
    struct loop *loop;
    struct stream_user user;
    char label[32];
    bool connected; /* written on the main thread */
    bool is_tty;    /* a person with a terminal: line editing makes sense */
    bool crlf;      /* lines of text end in CR LF, as nothing below adds the CR */
    struct stream *next;
    pthread_mutex_t observing; /* of the list below */
    struct stream_observer *observers;
};

/* Opens what 'spec' describes; a server with wait=on returns once somebody is there. NULL: see e. */
struct stream *stream_open(const struct stream_spec *spec, struct loop *l, struct error *e);
void stream_close(struct stream *s);
/* Sets the reader and tells it STREAM_OPENED if somebody is there already. */
void stream_attach(struct stream *s, const struct stream_user *user);
/* Never waits: what does not fit is not taken. With s == NULL takes all. */
size_t stream_write(struct stream *s, const u8 *buf, size_t n);
/*
 * Writes all, buffering what the other end does not take at once, without a bound: for answers. Whoever answers
 * takes no more requests while the stream is busy.
 */
void stream_write_all(struct stream *s, const void *buf, size_t n);
size_t stream_pending(struct stream *s);
/* They come and go while the stream is in use. Any thread. */
void stream_observe(struct stream *s, struct stream_observer *o);
void stream_unobserve(struct stream *s, struct stream_observer *o);
/* The other end does not read as fast as is written. Any thread. */
bool stream_busy(struct stream *s);
void stream_printf(struct stream *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void stream_accept_input(struct stream *s);

/* ---- for the kinds of streams ---- */
void stream_init(struct stream *s, const struct stream_class *cls, const char *label, struct loop *l);
void stream_event(struct stream *s, enum stream_event e);
typedef struct stream *stream_opener(const struct stream_spec *spec, struct loop *l, struct error *e);
stream_opener stream_open_null, stream_open_stdio, stream_open_file, stream_open_pipe, stream_open_pty, stream_open_tty,
    stream_open_socket;

#endif
