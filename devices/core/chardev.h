/*
 * Seam between a serial-like device and its host end (stdio, file, socket,
 * pty, none). The device side runs on the machine's thread; the host end calls
 * 'receive' there too (it posts through the machine).
 */
#ifndef ORRERY_CORE_CHARDEV_H
#define ORRERY_CORE_CHARDEV_H

#include "cpu/base.h"

enum chardev_event { CHARDEV_OPENED, CHARDEV_CLOSED, CHARDEV_BREAK };

struct chardev {
    /* Device side calls: bytes out. Returns how many were taken; never waits. */
    size_t (*write)(struct chardev *cd, const u8 *buf, size_t n);
    /* The same for a device that cannot make its guest wait: more is kept than by 'write', what exceeds that is
     * lost. NULL: as 'write'. */
    void (*put)(struct chardev *cd, const u8 *buf, size_t n);
    /* Device side calls: there is room again. */
    void (*accept_input)(struct chardev *cd);
    void (*close)(struct chardev *cd);
    /* Host side calls, set by the device: */
    size_t (*can_receive)(void *owner);
    void (*receive)(void *owner, const u8 *buf, size_t n);
    void (*event)(void *owner, enum chardev_event e);
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

#endif
