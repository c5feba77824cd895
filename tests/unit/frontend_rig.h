/*
 * What tests of front ends stand on: a bare machine that is not started (so
 * machine_call runs at once), the host side of it, and a socket with the test
 * at the other end.
 */
#ifndef ORRERY_TESTS_FRONTEND_RIG_H
#define ORRERY_TESTS_FRONTEND_RIG_H

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "frontend/gdb_registers.h"
#include "frontend/hmp.h"
#include "frontend/host.h"

#include <check.h> /* last: it has a macro called fail */

struct rig {
    struct options options;
    struct host host;
    struct machine *m;
    struct stream *stream;
    int fd; /* the test's end */
    char path[64];
    char got[1 << 16]; /* what came out, NUL-terminated */
    size_t ngot;
};

static inline void rig_open_stream(struct rig *r)
{
    struct error e;
    struct stream_spec spec;
    char dev[96];
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(r->path, sizeof(r->path), "/tmp/orrery-test-%ld", (long)getpid());
    snprintf(dev, sizeof(dev), "unix:%s,server,nowait", r->path);
    ck_assert(stream_spec_parse(&spec, dev, "test", &e));
    r->stream = stream_open(&spec, r->host.loop, &e);
    stream_spec_free(&spec);
    ck_assert_msg(r->stream != NULL, "%s", e.text);
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", r->path);
    r->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(r->fd, (struct sockaddr *)&a, sizeof(a)), 0);
    fcntl(r->fd, F_SETFL, O_NONBLOCK);
}

static inline void rig_open(struct rig *r, unsigned cpus)
{
    struct error e;
    memset(r, 0, sizeof(*r));
    char count[8];
    snprintf(count, sizeof(count), "%u", cpus);
    char *argv[] = {(char *)"orrery", (char *)"-M", (char *)"bare", (char *)"-m", (char *)"1", (char *)"-smp", count};
    ck_assert_msg(options_parse(&r->options, (int)ARRAY_LEN(argv), argv, stdout, &e) == OPTIONS_RUN, "%s", e.text);
    r->options.config.trace = &r->options.trace;
    r->options.config.write_registers = gdb_write_registers;
    r->m = machine_create(&r->options.config, e.text, sizeof(e.text));
    ck_assert_msg(r->m != NULL, "%s", e.text);
    r->host.loop = loop_create();
    r->host.options = &r->options;
    r->host.trace = &r->options.trace;
    host_init(&r->host);
    host_start(&r->host, r->m);
    rig_open_stream(r);
}

static inline void rig_close(struct rig *r)
{
    close(r->fd);
    stream_close(r->stream);
    host_destroy(&r->host);
    machine_destroy(r->m);
    loop_destroy(r->host.loop);
    options_free(&r->options);
}

/* Sends, runs the loop until nothing more comes, and leaves what came in r->got. */
static inline const char *rig_talk_bytes(struct rig *r, const void *bytes, size_t n)
{
    r->ngot = 0;
    for (size_t at = 0; at < n;) {
        ssize_t w = write(r->fd, (const char *)bytes + at, n - at);
        at += w > 0 ? (size_t)w : 0;
        loop_once(r->host.loop, 0);
    }
    for (int quiet = 0; quiet < 4;) {
        loop_once(r->host.loop, 1);
        ssize_t got = read(r->fd, r->got + r->ngot, sizeof(r->got) - 1 - r->ngot);
        if (got > 0)
            r->ngot += (size_t)got;
        quiet = got > 0 ? 0 : quiet + 1;
        if (r->ngot == sizeof(r->got) - 1)
            r->ngot = 0;
    }
    r->got[r->ngot] = 0;
    return r->got;
}
/* What a line of the monitor prints, to be freed. */
struct rig_line {
    FILE *out;
    bool done;
};
static inline bool rig_line_text(void *owner, const char *text, size_t n)
{
    return fwrite(text, 1, n, ((struct rig_line *)owner)->out) == n;
}
static inline void rig_line_done(void *owner) { ((struct rig_line *)owner)->done = true; }
static inline char *rig_hmp(struct rig *r, struct hmp_session *session, const char *line)
{
    char *text = NULL;
    size_t size;
    struct rig_line l = {.out = open_memstream(&text, &size)};
    hmp_start(&r->host, session, line, &(struct hmp_user){rig_line_text, rig_line_done, NULL, &l});
    while (!l.done)
        loop_once(r->host.loop, 1);
    fclose(l.out);
    return text;
}

static inline const char *rig_talk(struct rig *r, const char *text) { return rig_talk_bytes(r, text, strlen(text)); }

#endif
