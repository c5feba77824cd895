/* The back ends of -audiodev (sound.h). */
#include "frontend/sound.h"

static struct sound *open_none(const struct sound_options *o, struct error *e)
{
    (void)o, (void)e;
    return NULL;
}

const struct sound_driver sound_drivers[] = {
    {"none", "nobody listens", open_none},
    {"sdl", "this host's loudspeakers", sound_open_sdl},
    {"wav", "a file, path=FILE", sound_open_wav},
};
const unsigned sound_driver_count = ARRAY_LEN(sound_drivers);

const struct sound_driver *sound_find_driver(const char *name)
{
    for (unsigned i = 0; i < sound_driver_count; i++)
        if (!strcmp(sound_drivers[i].name, name))
            return &sound_drivers[i];
    return NULL;
}

void sound_close(struct sound *s)
{
    if (s)
        s->close(s);
}
