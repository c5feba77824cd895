/*
 * Seam between a display adapter and whoever looks at its picture, on the
 * machine's thread.
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

#endif
