/*
 * -audiodev sdl: this host's loudspeakers, by SDL2. Virtual time and the
 * loudspeaker's own clock differ a little: what is waiting to be played is kept
 * between two bounds, by leaving some out above the upper one and by silence
 * when there is none.
 */
#include "frontend/sound.h"

#include <SDL.h>
#include <stdlib.h>

enum { MOST_MS = 120, START_MS = 40, PIECE = 512 };

struct sdl_sound {
    struct sound sound;
    SDL_AudioDeviceID device;
    unsigned channels;
};

static u32 bytes_of_ms(const struct sdl_sound *s, u32 ms) { return s->sound.sink.rate * ms / 1000 * s->channels * 2; }

static void take(struct audio_sink *sink, const i16 *frames, unsigned n)
{
    struct sdl_sound *s = container_of(sink, struct sdl_sound, sound.sink);
    static const i16 silence[PIECE * 2];
    i16 out[PIECE * 2];
    u32 waiting = SDL_GetQueuedAudioSize(s->device);
    if (waiting > bytes_of_ms(s, MOST_MS))
        return;
    for (u32 want = waiting ? 0 : bytes_of_ms(s, START_MS), some; want; want -= some) {
        some = MIN(want, (u32)sizeof(silence));
        SDL_QueueAudio(s->device, silence, some);
    }
    for (unsigned some; n; n -= some, frames += some) {
        some = MIN(n, (unsigned)PIECE);
        for (unsigned i = 0; i < some * s->channels; i++)
            out[i] = frames[i / s->channels];
        SDL_QueueAudio(s->device, out, some * s->channels * 2);
    }
}

static void close_sdl(struct sound *sound)
{
    struct sdl_sound *s = container_of(sound, struct sdl_sound, sound);
    SDL_CloseAudioDevice(s->device);
    SDL_QuitSubSystem(SDL_INIT_AUDIO);
    free(s);
}

struct sound *sound_open_sdl(const struct sound_options *o, struct error *e)
{
    struct sdl_sound *s = calloc(1, sizeof(*s));
    SDL_AudioSpec want = {.freq = (int)o->rate, .format = AUDIO_S16SYS, .channels = (u8)o->channels, .samples = 1024};
    if (!s || SDL_InitSubSystem(SDL_INIT_AUDIO) != 0) {
        fail(e, "-audiodev sdl: %s", s ? SDL_GetError() : "out of memory");
        free(s);
        return NULL;
    }
    s->device = SDL_OpenAudioDevice(NULL, 0, &want, NULL, 0);
    if (!s->device) {
        fail(e, "-audiodev sdl: %s", SDL_GetError());
        SDL_QuitSubSystem(SDL_INIT_AUDIO);
        free(s);
        return NULL;
    }
    s->sound = (struct sound){.sink = {.rate = o->rate, .take = take}, .close = close_sdl};
    s->channels = o->channels;
    SDL_PauseAudioDevice(s->device, 0);
    return &s->sound;
}
