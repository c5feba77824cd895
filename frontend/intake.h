/*
 * Requests that wait for their turn: what a stream brought, held back while an
 * earlier request is being carried out or its answers do not leave. When this
 * is full the stream is no longer read.
 */
#ifndef ORRERY_FRONTEND_INTAKE_H
#define ORRERY_FRONTEND_INTAKE_H

#include "frontend/stream.h"

struct intake_user {
    void (*byte)(void *owner, u8 c);
    bool (*busy)(void *owner); /* with an earlier request */
    void *owner;
};
struct intake {
    struct stream *stream;
    struct intake_user user;
    struct loop_timer again;
    u8 buf[4096];
    unsigned head, len;
    bool going;
};
void intake_init(struct intake *in, struct stream *s, const struct intake_user *user);
/* For a stream_user. */
size_t intake_room(const struct intake *in);
void intake_put(struct intake *in, const u8 *buf, size_t n);
/* A request has been carried out: on with the next. */
void intake_go(struct intake *in);
/* Something waits, or is being carried out. */
bool intake_busy(const struct intake *in);
/* Forgets all; to be called before it goes, too. */
void intake_clear(struct intake *in);

#endif
