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
/* Implemented by front ends. Any number of them look at one screen, and come and go while the guest runs. */
struct screen_observer {
    /* The picture changed in these rectangles (surface valid only during the call); at first, all of it. */
    void (*frame)(struct screen_observer *o, const struct surface *s, const struct rect *dirty, int count);
    struct screen_observer *next;
};
/* A screen of the machine, of the display adapter of that name. */
struct display {
    const char *name; /* the device's id */
    void *owner;
    /* Brings 'surface' up to date and tells observers what changed, or, full, all of it (display_changed). */
    void (*refresh)(void *owner, bool full);
    struct surface surface;
    struct screen_observer *observers;
    struct display *next;
};
/* A new observer gets the whole picture, others only what has changed. */
void display_attach(struct display *d, struct screen_observer *o);
void display_detach(struct display *d, struct screen_observer *o);
/* For adapters. */
void display_changed(struct display *d, const struct rect *dirty, int count);

#endif
