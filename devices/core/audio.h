/*
 * Seam between what makes sound and who listens, on the machine's thread.
 * Sound is a function of virtual time: a source says what it played between
 * two moments, each sink asks for that at its own rate, and comes and goes
 * while the guest runs.
 */
#ifndef ORRERY_CORE_AUDIO_H
#define ORRERY_CORE_AUDIO_H

#include "cpu/base.h"

struct audio_source {
    void *owner;
    /*
     * The mean of the source's level, -1 to 1, in each of n frames that follow 'first' at 'rate' Hz, added to out. What
     * the source's state is now was so all the time since audio_catch_up was last called.
     */
    void (*add)(void *owner, u64 first, unsigned rate, float *out, unsigned n);
    struct audio_source *next;
};

struct audio_sink {
    unsigned rate; /* frames a second */
    /* Takes n more frames of one channel. */
    void (*take)(struct audio_sink *sink, const i16 *frames, unsigned n);
    /* audio.c's own */
    u64 done;           /* frames since virtual 0 */
    float mean, before; /* of the level: what a loudspeaker does not follow */
    struct audio_sink *next;
};

struct audio {
    struct audio_source *sources;
    struct audio_sink *sinks;
};

void audio_add_source(struct audio *a, struct audio_source *s);
/* From virtual time 'now' (ns) on. */
void audio_attach(struct audio *a, struct audio_sink *s, u64 now);
void audio_detach(struct audio *a, struct audio_sink *s);
/* Hands out what was played until virtual time 'now'. Sources call it before they change; the machine, now and then. */
void audio_catch_up(struct audio *a, u64 now);

/* Virtual time, in ns, at which a frame begins. */
ALWAYS_INLINE u64 audio_frame_ns(u64 frame, unsigned rate)
{
    return frame / rate * 1000000000ull + frame % rate * 1000000000ull / rate;
}

#endif
