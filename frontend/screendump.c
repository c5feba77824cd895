/*
 * screendump: a copy of the screen, made at one instant, then encoded and
 * written in pieces.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "frontend/hmp.h"
#include "frontend/picture.h"

struct shot {
    struct picture picture;
    struct picture_encoder encoder;
    int fd;
    char file[512];
    size_t written;
};

static void shot_end(void *job)
{
    struct shot *s = job;
    picture_encode_end(&s->encoder);
    picture_free(&s->picture);
    if (s->fd >= 0)
        close(s->fd);
}

static void failed(struct hmp *h, const char *what, const char *file, const char *why)
{
    fprintf(h->out, "Error: %s '%s': %s\n", what, file, why);
    h->next = NULL;
}

static void shot_go_on(struct hmp *h)
{
    struct shot *s = h->job;
    const struct picture_encoder *enc = &s->encoder;
    if (!enc->done) {
        if (!picture_encode_row(&s->encoder))
            failed(h, "cannot write", s->file, "out of memory");
        return;
    }
    ssize_t w = write(s->fd, enc->data + s->written, enc->size - s->written);
    if (w >= 0)
        s->written += (size_t)w;
    else if (errno == EAGAIN)
        h->waits = true; /* a pipe whose reader is slower */
    else if (errno != EINTR)
        failed(h, "cannot write", s->file, strerror(errno));
    if (s->written == enc->size)
        h->next = NULL;
}

struct grab {
    const char *screen; /* NULL: the first */
    struct picture *picture;
    const char *why; /* it failed */
};

static void grab_screen(struct machine *m, void *arg)
{
    struct grab *g = arg;
    struct display *d = machine_find_display(m, g->screen);
    if (!d) {
        g->why = g->screen ? "there is no graphics adapter of that name" : "there is no graphics adapter";
        return;
    }
    d->refresh(d->owner, false);
    if (!picture_copy(g->picture, &d->surface))
        g->why = "the screen is off or memory is short";
}

static void take(struct hmp *h, const char *file, const char *screen, bool png)
{
    struct shot *s = hmp_job(h, sizeof(*s), shot_go_on, shot_end);
    if (!s)
        return;
    s->fd = -1;
    snprintf(s->file, sizeof(s->file), "%s", file);
    struct grab g = {.screen = screen, .picture = &s->picture};
    machine_call(h->m, grab_screen, &g);
    if (g.why) {
        fprintf(h->out, "Error: %s\n", g.why);
        h->next = NULL;
        return;
    }
    s->fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0666);
    if (s->fd < 0)
        failed(h, "failed to open file", file, strerror(errno));
    else if (!picture_encode(&s->encoder, &s->picture, png))
        failed(h, "cannot write", file, "out of memory");
}

void hmp_screendump(struct hmp *h)
{
    static const char *const formats[] = {"ppm", "png"};
    char file[512], format[16], screen[DEVICE_ID_MAX];
    u64 head = 0;
    struct error e;
    bool given = hmp_flag(h, 'f') && hmp_word(h, format, sizeof(format));
    if (!hmp_word(h, file, sizeof(file))) {
        fprintf(h->out, "screendump: filename expected\nTry \"help screendump\" for more information\n");
        return;
    }
    if (!given && hmp_flag(h, 'f'))
        given = hmp_word(h, format, sizeof(format));
    bool named = hmp_word(h, screen, sizeof(screen));
    if (named && hmp_more(h) && (!hmp_number(h, &head) || head)) {
        fprintf(h->out, "Error: an adapter has one screen, head 0\n");
        return;
    }
    size_t n = strlen(file);
    bool png = given ? !strcmp(format, "png") : n > 4 && !strcmp(file + n - 4, ".png");
    if (given && !png && strcmp(format, "ppm") != 0) {
        fail_unknown(&e, "picture format", format, formats, ARRAY_LEN(formats));
        fprintf(h->out, "Error: %s\n", e.text);
        return;
    }
    take(h, file, named ? screen : NULL, png);
}
