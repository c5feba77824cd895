/*
 * Monitors on streams (monitor.h): gets lines, runs them through hmp.c, writes
 * what they print. The prompt is QEMU's, because scripts wait for it.
 */
#include "frontend/monitor.h"

#include <stdlib.h>

#include "frontend/hmp.h"
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
    /* elsewhere: */
    char line[LINE_MAX_LEN];
    size_t len;
    bool after_cr;
};

/* Text with the line ends the stream needs. */
static void print_text(struct stream *s, const char *text)
{
    while (*text) {
        size_t n = s->crlf ? strcspn(text, "\n") : strlen(text);
        stream_write_all(s, text, n);
        text += n;
        if (*text == '\n') {
            stream_write_all(s, "\r\n", 2);
            text++;
        }
    }
}

static void run_line(struct monitor *m, const char *line)
{
    char *text = hmp_run_to_string(m->host, &m->session, line);
    if (text)
        print_text(m->stream, text);
    free(text);
}

static void editor_line(void *owner, const char *line) { run_line(owner, line); }

static void plain_line(struct monitor *m)
{
    m->line[m->len] = 0;
    m->len = 0;
    run_line(m, m->line);
    print_text(m->stream, PROMPT);
}

static void greet(struct monitor *m)
{
    if (m->greeted)
        return;
    m->greeted = true;
    print_text(m->stream, "Orrery " ORRERY_VERSION " monitor - type 'help' for more information\n");
    if (m->stream->is_tty)
        m->editor = line_editor_create(m->stream, PROMPT, &(struct line_editor_user){editor_line, hmp_complete, m});
    if (!m->editor)
        print_text(m->stream, PROMPT);
}

static size_t monitor_can_input(void *owner)
{
    (void)owner;
    return LINE_MAX_LEN;
}

static void monitor_input(void *owner, const u8 *buf, size_t n)
{
    struct monitor *m = owner;
    if (m->editor) {
        line_editor_input(m->editor, buf, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        u8 c = buf[i];
        if (c == '\n' && m->after_cr) {
            m->after_cr = false;
            continue;
        }
        m->after_cr = c == '\r';
        if (c == '\n' || c == '\r')
            plain_line(m);
        else if ((c == 8 || c == 127) && m->len)
            m->len--;
        else if (c >= ' ' && c != 127 && m->len + 1 < LINE_MAX_LEN)
            m->line[m->len++] = (char)c;
        else if (c == '\t' && m->len + 1 < LINE_MAX_LEN)
            m->line[m->len++] = ' ';
    }
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
        else if (m->greeted)
            print_text(m->stream, "\n" PROMPT);
        else
            greet(m);
        break;
    case STREAM_CLOSED:
        /* The next client is greeted anew. */
        line_editor_free(m->editor);
        m->editor = NULL;
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
    stream_attach(s, &(struct stream_user){monitor_can_input, monitor_input, monitor_event, m});
    return m;
}

void monitor_free(struct monitor *m)
{
    if (!m)
        return;
    line_editor_free(m->editor);
    hmp_session_free(&m->session);
    free(m);
}
