/*
 * Where the guest's sound goes: the back ends of -audiodev.
 */
#ifndef ORRERY_FRONTEND_SOUND_H
#define ORRERY_FRONTEND_SOUND_H

#include "devices/core/audio.h"
#include "frontend/text.h"

struct sound_options {
    const char *id;     /* NULL: there is none */
    const char *driver; /* one of sound_drivers' */
    const char *path;   /* wav: the file */
    unsigned rate;      /* frames a second */
    unsigned channels;  /* 1 or 2 */
};
enum { SOUND_RATE_DEFAULT = 44100, SOUND_RATE_MIN = 8000, SOUND_RATE_MAX = 192000 };

struct sound {
    struct audio_sink sink;
    void (*close)(struct sound *s);
};

struct sound_driver {
    const char *name, *about;
    /* NULL with the sentence; NULL without one where nobody is to listen. */
    struct sound *(*open)(const struct sound_options *o, struct error *e);
};
extern const struct sound_driver sound_drivers[];
extern const unsigned sound_driver_count;

/* By its name; NULL: there is none. */
const struct sound_driver *sound_find_driver(const char *name);
/* sound_wav.c, sound_sdl.c */
struct sound *sound_open_wav(const struct sound_options *o, struct error *e);
struct sound *sound_open_sdl(const struct sound_options *o, struct error *e);
/* No sink of a machine any more. NULL is fine. */
void sound_close(struct sound *s);

#endif
