/*
 * Seam between a serial-like device and its host end (stdio, file, socket,
 * pty, none), on the machine's thread. Bytes go out by 'write' and 'put'; they
 * come in through the machine's input queue, which knows the device's
 * receiving side (core/input.h).
 */
#ifndef ORRERY_CORE_CHARDEV_H
#define ORRERY_CORE_CHARDEV_H

#include "cpu/base.h"

enum chardev_event { CHARDEV_OPENED, CHARDEV_CLOSED, CHARDEV_BREAK, CHARDEV_EVENTS };

struct chardev_input;
struct input_port;
struct chardev {
    /* Of the host's end. Bytes out: returns how many were taken; never waits. */
    size_t (*write)(struct chardev *cd, const u8 *buf, size_t n);
    /* The same for a device that cannot make its guest wait: more is kept than by 'write', what exceeds that is
     * lost. NULL: as 'write'. */
    void (*put)(struct chardev *cd, const u8 *buf, size_t n);
    void (*close)(struct chardev *cd);
    /* Of the input queue: the device has room again. */
    void (*accept_input)(struct chardev *cd);
    struct input_port *port;
    /* Of the device: */
    const struct chardev_input *input; /* NULL: it takes none */
    void *owner;
};

/* Safe with cd == NULL: nothing is connected. */
ALWAYS_INLINE size_t chardev_write(struct chardev *cd, const u8 *buf, size_t n)
{
    return cd ? cd->write(cd, buf, n) : n;
}
ALWAYS_INLINE void chardev_put(struct chardev *cd, const u8 *buf, size_t n)
{
    if (cd && cd->put)
        cd->put(cd, buf, n);
    else
        chardev_write(cd, buf, n);
}
ALWAYS_INLINE void chardev_accept_input(struct chardev *cd)
{
    if (cd && cd->accept_input)
        cd->accept_input(cd);
}
ALWAYS_INLINE void chardev_connect(struct chardev *cd, const struct chardev_input *input, void *owner)
{
    if (!cd)
        return;
    cd->input = input;
    cd->owner = owner;
}

#endif
