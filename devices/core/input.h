/*
 * Seams by which something from outside reaches a chip: keys, the pointer,
 * bytes for a serial-like device. Only the machine's input queue
 * (machine/input.c) calls them, on the machine's thread at an instruction
 * boundary; front ends do not see this header.
 */
#ifndef ORRERY_CORE_INPUT_H
#define ORRERY_CORE_INPUT_H

#include "devices/core/chardev.h"

struct keyboard_sink {
    void *owner;
    /* scancode: as machine_key() has it */
    void (*key)(void *owner, u32 scancode, bool down);
};

enum { POINTER_MAX = 0x7fff /* the right and the lower edge of the screen */ };

/* A device that may take the pointer. Each event goes to the first that is there for it; NULL: not for that kind. */
struct pointer_sink {
    const char *name;
    void *owner;
    bool (*active)(void *owner); /* NULL: always */
    void (*move)(void *owner, int dx, int dy);
    void (*at)(void *owner, int x, int y); /* 0 to POINTER_MAX */
    void (*wheel)(void *owner, int dz);
    void (*buttons)(void *owner, unsigned buttons); /* all that are down now */
    struct pointer_sink *next;
};

/* The receiving side of a device that has a struct chardev; any may be NULL. */
struct chardev_input {
    size_t (*room)(void *owner); /* bytes it takes now; NULL: any number */
    void (*receive)(void *owner, const u8 *buf, size_t n);
    void (*event)(void *owner, enum chardev_event e);
};

#endif
