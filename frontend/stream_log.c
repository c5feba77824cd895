/*
 * Logs of streams (stream_log.h): an observer of one stream that writes to
 * another, which is a file.
 */
#include "frontend/stream_log.h"

#include <stdlib.h>

enum { KEEP = 4 << 20 }; /* for a log that is a pipe nobody reads */

struct stream_log {
    struct stream_observer observer;
    struct stream *of, *to;
};

static void output(struct stream_observer *o, const u8 *buf, size_t n)
{
    struct stream_log *log = container_of(o, struct stream_log, observer);
    if (stream_pending(log->to) < KEEP)
        stream_write_all(log->to, buf, n);
}

struct stream_log *stream_log_open(struct stream *s, const char *path, bool append, struct error *e)
{
    struct stream_spec file = {.kind = STREAM_FILE, .path = (char *)path, .append = append};
    struct stream_log *log = calloc(1, sizeof(*log));
    if (!log) {
        fail(e, "out of memory");
        return NULL;
    }
    *log = (struct stream_log){.observer = {.output = output}, .of = s, .to = stream_open_file(&file, s->loop, e)};
    if (!log->to) {
        free(log);
        return NULL;
    }
    stream_observe(s, &log->observer);
    return log;
}

void stream_log_close(struct stream_log *log)
{
    if (!log)
        return;
    stream_unobserve(log->of, &log->observer);
    stream_close(log->to);
    free(log);
}
