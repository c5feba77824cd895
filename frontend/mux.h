/*
 * One stream shared by several users, as QEMU's mux: Ctrl-a c (another key with -echr) hands the input
 * on to the next user, everybody's output is shown. Ctrl-a h lists the keys.
 */
#ifndef ORRERY_FRONTEND_MUX_H
#define ORRERY_FRONTEND_MUX_H

#include "frontend/stream.h"

struct mux;
/* What Ctrl-a x and Ctrl-a s do. */
struct mux_actions {
    void (*quit)(void *owner);
    void (*sync_disks)(void *owner);
    void *owner;
};
/* escape: the key before a command, 1 for Ctrl-a. */
struct mux *mux_create(struct stream *below, u8 escape, const struct mux_actions *actions);
/* A stream for one more user; belongs to the mux. The first one has the input. */
struct stream *mux_port(struct mux *m);
/* Closes the ports and the stream below. */
void mux_close(struct mux *m);

#endif
