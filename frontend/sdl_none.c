/* What needs SDL2, in a program that was built without it (ORRERY_WINDOW=OFF): there is none, and it says so. */
#include "frontend/sdl.h"
#include "frontend/sound.h"

bool sdl_display_exists(void) { return false; }
struct sdl *sdl_create(struct loop *loop, struct machine *m, struct keys *keys, const struct sdl_options *options,
                       struct error *e)
{
    (void)loop, (void)m, (void)keys, (void)options;
    fail(e, "this orrery was built without a window (SDL2)");
    return NULL;
}
void sdl_free(struct sdl *s) { (void)s; }
struct sound *sound_open_sdl(const struct sound_options *o, struct error *e)
{
    (void)o;
    fail(e, "-audiodev sdl: this orrery was built without SDL2");
    return NULL;
}
