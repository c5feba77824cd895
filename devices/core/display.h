/*
 * Seams between the machine and whoever looks at it: pictures out, keys and
 * pointer in. All of it happens on the machine's thread.
 */
#ifndef ORRERY_CORE_DISPLAY_H
#define ORRERY_CORE_DISPLAY_H

#include "cpu/base.h"

struct rect {
    int x, y, w, h;
};
/* The guest's screen: 32-bit 0x00RRGGBB, host endian. */
struct surface {
    u32 *pixels;
    int width, height;
    int stride; /* pixels */
};
/* Implemented by front ends; the display adapter calls all that are attached. */
struct screen_observer {
    /* The picture changed in these rectangles (surface valid only during the call). */
    void (*frame)(struct screen_observer *o, const struct surface *s, const struct rect *dirty, int count);
    struct screen_observer *next;
};
struct display {
    void *owner;                             /* the adapter */
    void (*refresh)(void *owner, bool full); /* bring 'surface' up to date, tell observers */
    struct surface surface;
    struct screen_observer *observers;
};

/* Keys as set-1 scan codes; 0xe000 | code for extended keys; 0xe11d45 for Pause, 0xe037 for Print. */
struct input_sink {
    void *owner;
    void (*key)(void *owner, u32 scancode, bool down);
    void (*mouse)(void *owner, int dx, int dy, int dz, unsigned buttons); /* buttons: 1 left, 2 right, 4 middle */
};

#endif
