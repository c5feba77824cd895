/*
 * Monitors on streams (monitor.h): gets lines, runs them through hmp.c, writes
 * what they print, one after the other. The prompt is QEMU's, because scripts
 * wait for it.
 */
#include "frontend/monitor.h"

#include <stdlib.h>

#include "frontend/hmp.h"
#include "frontend/intake.h"
#include "frontend/line_editor.h"

#define PROMPT "(qemu) "

enum { LINE_MAX_LEN = 4096 };

struct monitor {
    struct host *host;
    struct stream *stream;
    struct hmp_session session;
    struct line_editor *editor; /* on terminals, once the prompt was first shown */
    bool muxed;
    bool greeted;
    bool running;          /* a line is being carried out */
    struct hmp_task *task; /* ... in pieces */
    /* elsewhere: */
    struct intake intake;
    char line[LINE_MAX_LEN];
    size_t len;
    bool after_cr;
};

/* Text with the line ends the stream needs, in one piece. */
static void print_text(struct stream *s, const char *text, size_t n)
{
    char *copy = s->crlf ? malloc(2 * n) : NULL;
    size_t out = 0;
    for (size_t i = 0; copy && i < n; i++) {
        if (text[i] == '\n')
            copy[out++] = '\r';
        copy[out++] = text[i];
    }
    stream_write_all(s, copy ? copy : text, copy ? out : n);
    free(copy);
}
static void print_string(struct stream *s, const char *text) { print_text(s, text, strlen(text)); }

static bool task_text(void *owner, const char *text, size_t n)
{
    struct monitor *m = owner;
    print_text(m->stream, text, n);
    return true;
}

static void task_done(void *owner)
{
    struct monitor *m = owner;
    m->running = false;
    m->task = NULL;
    if (m->editor) {
        line_editor_go_on(m->editor);
        return;
    }
    print_string(m->stream, PROMPT);
    intake_go(&m->intake);
}

static void run_line(struct monitor *m, const char *line)
{
    m->running = true;
    struct hmp_task *t = hmp_start(m->host, &m->session, line, &(struct hmp_user){task_text, task_done, m->stream, m});
    if (m->running)
        m->task = t;
}

static void editor_line(void *owner, const char *line) { run_line(owner, line); }

static void greet(struct monitor *m)
{
    if (m->greeted)
        return;
    m->greeted = true;
    print_string(m->stream, "Orrery " ORRERY_VERSION " monitor - type 'help' for more information\n");
    if (m->stream->is_tty)
        m->editor = line_editor_create(m->stream, PROMPT, &(struct line_editor_user){editor_line, hmp_complete, m});
    if (!m->editor)
        print_string(m->stream, PROMPT);
}

static void plain_byte(void *owner, u8 c)
{
    struct monitor *m = owner;
    bool lf_of_crlf = c == '\n' && m->after_cr;
    m->after_cr = c == '\r';
    if (lf_of_crlf)
        return;
    if (c == '\n' || c == '\r') {
        m->line[m->len] = 0;
        m->len = 0;
        run_line(m, m->line);
    } else if ((c == 8 || c == 127) && m->len) {
        m->len--;
    } else if (((c >= ' ' && c != 127) || c == '\t') && m->len + 1 < LINE_MAX_LEN) {
        m->line[m->len++] = c == '\t' ? ' ' : (char)c;
    }
}

static bool plain_busy(void *owner) { return ((struct monitor *)owner)->running; }

static bool monitor_answering(void *owner)
{
    struct monitor *m = owner;
    return m->editor ? m->running : intake_busy(&m->intake);
}

static size_t monitor_can_input(void *owner)
{
    struct monitor *m = owner;
    return m->editor ? line_editor_room(m->editor) : intake_room(&m->intake);
}

static void monitor_input(void *owner, const u8 *buf, size_t n)
{
    struct monitor *m = owner;
    if (m->editor)
        line_editor_input(m->editor, buf, n);
    else
        intake_put(&m->intake, buf, n);
}

/* Whatever is under way is nobody's any more. */
static void forget(struct monitor *m)
{
    hmp_cancel(m->task);
    m->task = NULL;
    m->running = false;
    intake_clear(&m->intake);
    m->len = 0;
    line_editor_free(m->editor);
    m->editor = NULL;
}

static void monitor_event(void *owner, enum stream_event e)
{
    struct monitor *m = owner;
    switch (e) {
    case STREAM_OPENED:
        m->len = 0;
        if (!m->muxed)
            greet(m);
        break;
    case STREAM_FOCUS:
        if (m->greeted && m->editor)
            line_editor_redraw(m->editor);
        else if (m->greeted && !stream_busy(m->stream))
            print_string(m->stream, "\n" PROMPT);
        else if (!m->greeted)
            greet(m);
        break;
    case STREAM_CLOSED:
        /* The next client is greeted anew. */
        forget(m);
        m->greeted = false;
        break;
    default:
        break;
    }
}

struct monitor *monitor_create(struct host *host, struct stream *s, bool muxed)
{
    struct monitor *m = calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    m->host = host;
    m->stream = s;
    m->muxed = muxed;
    hmp_session_init(&m->session);
    intake_init(&m->intake, s, &(struct intake_user){plain_byte, plain_busy, m});
    stream_attach(s, &(struct stream_user){monitor_can_input, monitor_input, monitor_event, m, monitor_answering});
    return m;
}

void monitor_free(struct monitor *m)
{
    if (!m)
        return;
    forget(m);
    hmp_session_free(&m->session);
    free(m);
}
