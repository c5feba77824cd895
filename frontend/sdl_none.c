/* sdl.h of a program that was built without a window (ORRERY_WINDOW=OFF): there is none to open, and it says so. */
#include "frontend/sdl.h"

bool sdl_display_exists(void) { return false; }
struct sdl *sdl_create(struct loop *loop, struct machine *m, struct keys *keys, const struct sdl_options *options,
                       struct error *e)
{
    (void)loop, (void)m, (void)keys, (void)options;
    fail(e, "this orrery was built without a window (SDL2)");
    return NULL;
}
void sdl_free(struct sdl *s) { (void)s; }
