/*
 * Who looks at a display adapter's picture (display.h).
 */
#include "devices/core/display.h"

void display_attach(struct display *d, struct screen_observer *o)
{
    struct rect all;
    d->refresh(d->owner, false); /* the others have their changes first */
    all = (struct rect){0, 0, d->surface.width, d->surface.height};
    o->next = d->observers;
    d->observers = o;
    o->frame(o, &d->surface, &all, 1);
}

void display_detach(struct display *d, struct screen_observer *o)
{
    struct screen_observer **p = &d->observers;
    while (*p && *p != o)
        p = &(*p)->next;
    if (*p)
        *p = o->next;
}

void display_changed(struct display *d, const struct rect *dirty, int count)
{
    for (struct screen_observer *o = d->observers, *next; o; o = next) {
        next = o->next;
        o->frame(o, &d->surface, dirty, count);
    }
}
