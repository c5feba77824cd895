/* -audiodev wav: a file of 16-bit PCM (RIFF WAVE, Microsoft and IBM 1991). */
#include "frontend/sound.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEADER = 44, FRAMES = 512 };

struct wav {
    struct sound sound;
    FILE *file;
    unsigned channels;
    u64 bytes;
    bool full; /* the host refused some: what is there is kept, nothing follows */
};

static void put_header(const struct wav *w)
{
    u8 h[HEADER] = "RIFF....WAVEfmt ....................data....";
    u32 frame = w->channels * 2, size = (u32)MIN(w->bytes, (u64)UINT32_MAX - HEADER);
    st32(h + 4, size + HEADER - 8);
    st32(h + 16, 16); /* bytes of the format: */
    st16(h + 20, 1);  /* PCM */
    st16(h + 22, (u16)w->channels);
    st32(h + 24, w->sound.sink.rate);
    st32(h + 28, w->sound.sink.rate * frame);
    st16(h + 32, (u16)frame);
    st16(h + 34, 16); /* bits */
    st32(h + 40, size);
    fwrite(h, sizeof(h), 1, w->file);
}

static void take(struct audio_sink *sink, const i16 *frames, unsigned n)
{
    struct wav *w = container_of(sink, struct wav, sound.sink);
    u8 out[FRAMES * 4];
    while (n && !w->full) {
        unsigned some = MIN(n, (unsigned)FRAMES), frame = w->channels * 2;
        for (unsigned i = 0; i < some * w->channels; i++)
            st16(out + i * 2, (u16)frames[i / w->channels]);
        w->full = fwrite(out, frame, some, w->file) != some;
        w->bytes += w->full ? 0 : some * frame;
        frames += some;
        n -= some;
    }
}

static void close_wav(struct sound *s)
{
    struct wav *w = container_of(s, struct wav, sound);
    bool bad = w->full || fflush(w->file) != 0 || fseek(w->file, 0, SEEK_SET) != 0;
    if (!bad)
        put_header(w);
    if (fclose(w->file) != 0 || bad)
        fprintf(stderr, "orrery: -audiodev wav: the file could not be written to its end\n");
    free(w);
}

struct sound *sound_open_wav(const struct sound_options *o, struct error *e)
{
    const char *path = o->path ? o->path : "qemu.wav"; /* QEMU's name for it */
    struct wav *w = calloc(1, sizeof(*w));
    FILE *file = w ? fopen(path, "wbe") : NULL;
    if (!file) {
        fail(e, "-audiodev wav,path=%.200s: %s", path, w ? strerror(errno) : "out of memory");
        free(w);
        return NULL;
    }
    w->sound = (struct sound){.sink = {.rate = o->rate, .take = take}, .close = close_wav};
    w->file = file;
    w->channels = o->channels;
    put_header(w);
    return &w->sound;
}
