/* What sources played, to who listens (audio.h). */
#include "devices/core/audio.h"

enum { PIECE = 512, LONGEST_S = 10 };

void audio_add_source(struct audio *a, struct audio_source *s)
{
    s->next = a->sources;
    a->sources = s;
}

static u64 frames_until(u64 now, unsigned rate)
{
    return now / 1000000000 * rate + now % 1000000000 * rate / 1000000000;
}

void audio_attach(struct audio *a, struct audio_sink *s, u64 now)
{
    s->done = frames_until(now, s->rate);
    s->mean = s->before = 0;
    s->next = a->sinks;
    a->sinks = s;
}

void audio_detach(struct audio *a, struct audio_sink *s)
{
    struct audio_sink **p = &a->sinks;
    while (*p && *p != s)
        p = &(*p)->next;
    if (*p)
        *p = s->next;
}

/* A level that stays makes no sound: a filter of 20 Hz and less takes it away. */
static i16 sample(struct audio_sink *s, float level)
{
    const float keep = 1.0f - 6.2832f * 20 / (float)s->rate;
    s->mean = keep * (s->mean + level - s->before);
    s->before = level;
    float v = s->mean * 16000;
    return (i16)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
}

static void take(const struct audio *a, struct audio_sink *s, unsigned n)
{
    float level[PIECE] = {0};
    i16 out[PIECE];
    for (struct audio_source *src = a->sources; src; src = src->next)
        src->add(src->owner, s->done, s->rate, level, n);
    for (unsigned i = 0; i < n; i++)
        out[i] = sample(s, level[i]);
    s->done += n;
    s->take(s, out, n);
}

void audio_catch_up(struct audio *a, u64 now)
{
    for (struct audio_sink *s = a->sinks; s; s = s->next) {
        u64 until = frames_until(now, s->rate);
        if (until > s->done + (u64)LONGEST_S * s->rate) /* time went on at a leap: nobody heard it */
            s->done = until - (u64)LONGEST_S * s->rate;
        while (s->done < until)
            take(a, s, (unsigned)MIN(until - s->done, (u64)PIECE));
    }
}
