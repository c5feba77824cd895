/*
 * `-display sdl`: the guest's screen, keyboard and mouse as a window of the
 * host, on the main thread. The machine must have a display adapter.
 */
#ifndef ORRERY_FRONTEND_SDL_H
#define ORRERY_FRONTEND_SDL_H

#include "devices/machine/machine.h"
#include "frontend/keys.h"
#include "frontend/loop.h"
#include "frontend/text.h"

struct sdl;
struct sdl_options {
    bool close_ends;  /* the window's closing ends the machine */
    bool full_screen; /* from the start */
};
/* Opens the window and lets the loop serve it; NULL: see e. Before the machine starts or after. */
struct sdl *sdl_create(struct loop *loop, struct machine *m, struct keys *keys, const struct sdl_options *options,
                       struct error *e);
/* After the machine is gone (its thread draws into our copy of the picture). */
void sdl_free(struct sdl *s);
/* Is there something to open a window on (X11 or Wayland)? */
bool sdl_display_exists(void);

#endif
