/*
 * What all streams over file descriptors share: reading when the user has
 * room, output that is written at once where possible and by the loop where not.
 */
#ifndef ORRERY_FRONTEND_STREAM_FD_H
#define ORRERY_FRONTEND_STREAM_FD_H

#include <pthread.h>

#include "frontend/stream.h"

struct fd_stream {
    struct stream s;
    struct loop_fd in, out;
    pthread_mutex_t lock; /* of all below, and of out.fd */
    u8 *buf;              /* output not yet written: buf[head, head + len) */
    size_t head, len, cap;
    size_t chunk; /* out.fd blocks: write only this much, and only when poll says so; 0: it does not block */
    bool discard; /* nobody is there: output vanishes */
    /* Main thread: the other end is gone. */
    void (*hangup)(struct fd_stream *f);
    /* Changes what was read in place (telnet); returns how much is left. May be NULL. */
    size_t (*decode)(struct fd_stream *f, u8 *buf, size_t n);
};

void fd_stream_init(struct fd_stream *f, const struct stream_class *cls, const char *label, struct loop *l);
/* Starts using these descriptors (-1: none); the same one for both directions is fine. */
void fd_stream_open(struct fd_stream *f, int in, int out, size_t chunk);
/* Stops using them, without closing; pending output is given up. */
void fd_stream_stop(struct fd_stream *f);
/* Gives pending output up to a second to leave. */
void fd_stream_drain(struct fd_stream *f);
void fd_stream_free(struct fd_stream *f);
/* For the class: */
size_t fd_stream_write(struct stream *s, const u8 *buf, size_t n, bool all);
size_t fd_stream_pending(struct stream *s);
/* Whoever hung up gets answers: the user is at work on some, or they have not left, and somebody is there. */
bool fd_stream_answering(struct fd_stream *f);
void fd_stream_accept_input(struct stream *s);

#endif
