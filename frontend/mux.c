/*
 * The mux (mux.h). Ports are streams whose write goes below; input is looked
 * through for the escape key and goes to the port in focus.
 */
#include "frontend/mux.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PORTS = 8 };

struct port {
    struct stream s;
    struct mux *mux;
};
struct mux {
    struct stream *below;
    struct mux_actions actions;
    struct port *port[MAX_PORTS];
    unsigned ports, focus;
    u8 escape; /* Ctrl-a, or what -echr says */
    bool escaped;
    /* Timestamps (Ctrl-a t): under the lock, as any thread writes. */
    pthread_mutex_t lock;
    bool stamps, line_start;
    u64 start_ms;
};

static void mux_help(struct mux *m)
{
    static const struct {
        const char *key, *text;
    } help[] = {{"h", "print this help"},
                {"x", "end the emulator"},
                {"s", "write disk images to the host's disk"},
                {"t", "toggle timestamps at the start of each line"},
                {"b", "send a break"},
                {"c", "switch between the console and the monitor"}};
    if (stream_busy(m->below)) /* it is not an answer: the console's input is never held up */
        return;
    char escape[8];
    if (m->escape < ' ')
        snprintf(escape, sizeof(escape), "C-%c", m->escape + 'a' - 1);
    else
        snprintf(escape, sizeof(escape), m->escape < 0x7f ? "%c" : "\\x%02x", m->escape);
    stream_printf(m->below, "\r\n");
    for (size_t i = 0; i < ARRAY_LEN(help); i++)
        stream_printf(m->below, "%s %-5s%s\r\n", escape, help[i].key, help[i].text);
    stream_printf(m->below, "%s %-5ssend %s\r\n", escape, escape, escape);
}

static struct stream *focused(struct mux *m) { return m->ports ? &m->port[m->focus]->s : NULL; }

static void set_focus(struct mux *m, unsigned next)
{
    if (next == m->focus)
        return;
    stream_event(focused(m), STREAM_UNFOCUS);
    m->focus = next;
    stream_event(focused(m), STREAM_FOCUS);
}

/* The key after the escape. True when it is to be sent on as it is. */
static bool command(struct mux *m, u8 key)
{
    if (key == m->escape)
        return true;
    switch (key) {
    case 'h':
    case '?':
        mux_help(m);
        break;
    case 'x':
        stream_printf(m->below, "Orrery: terminated\r\n");
        m->actions.quit(m->actions.owner);
        break;
    case 's':
        m->actions.sync_disks(m->actions.owner);
        break;
    case 'b':
        stream_event(focused(m), STREAM_BREAK);
        break;
    case 'c':
        set_focus(m, (m->focus + 1) % m->ports);
        break;
    case 't':
        pthread_mutex_lock(&m->lock);
        m->stamps = !m->stamps;
        m->start_ms = loop_now_ms();
        m->line_start = false;
        pthread_mutex_unlock(&m->lock);
        break;
    default:
        break;
    }
    return false;
}

static size_t mux_can_input(void *owner)
{
    struct mux *m = owner;
    struct stream *s = focused(m);
    return s ? s->user.can_input(s->user.owner) : 0;
}

static void mux_input(void *owner, const u8 *buf, size_t n)
{
    struct mux *m = owner;
    size_t start = 0; /* of the bytes not yet handed on */
    for (size_t i = 0; i < n; i++) {
        struct stream *s = focused(m);
        if (m->escaped) {
            m->escaped = false;
            start = command(m, buf[i]) ? i : i + 1;
        } else if (buf[i] == m->escape) {
            if (i > start)
                s->user.input(s->user.owner, buf + start, i - start);
            m->escaped = true;
            start = i + 1;
        }
    }
    struct stream *s = focused(m);
    if (n > start && !m->escaped)
        s->user.input(s->user.owner, buf + start, n - start);
}

static bool mux_busy(void *owner)
{
    struct mux *m = owner;
    bool busy = false;
    for (unsigned i = 0; i < m->ports; i++) {
        const struct stream_user *u = &m->port[i]->s.user;
        busy |= u->busy && u->busy(u->owner);
    }
    return busy;
}

static void mux_event(void *owner, enum stream_event e)
{
    struct mux *m = owner;
    for (unsigned i = 0; i < m->ports; i++)
        stream_event(&m->port[i]->s, e);
}

static size_t stamped_write(struct mux *m, const u8 *buf, size_t n)
{
    for (size_t at = 0; at < n;) {
        const u8 *nl = memchr(buf + at, '\n', n - at);
        size_t len = nl ? (size_t)(nl - (buf + at)) + 1 : n - at;
        if (m->line_start) {
            u64 ms = loop_now_ms() - m->start_ms;
            stream_printf(m->below, "[%02llu:%02llu:%02llu.%03llu] ", (unsigned long long)(ms / 3600000),
                          (unsigned long long)(ms / 60000 % 60), (unsigned long long)(ms / 1000 % 60),
                          (unsigned long long)(ms % 1000));
        }
        stream_write_all(m->below, buf + at, len);
        m->line_start = nl != NULL;
        at += len;
    }
    return n;
}

static size_t port_write(struct stream *s, const u8 *buf, size_t n, bool all)
{
    struct mux *m = container_of(s, struct port, s)->mux;
    pthread_mutex_lock(&m->lock);
    bool stamps = m->stamps;
    if (stamps)
        n = all || !stream_busy(m->below) ? stamped_write(m, buf, n) : 0;
    pthread_mutex_unlock(&m->lock);
    return stamps ? n : m->below->cls->write(m->below, buf, n, all);
}

static size_t port_pending(struct stream *s) { return stream_pending(container_of(s, struct port, s)->mux->below); }

static void port_accept_input(struct stream *s) { stream_accept_input(container_of(s, struct port, s)->mux->below); }

/* Ports go with their mux. */
static void port_close(struct stream *s) { (void)s; }

static void port_describe(struct stream *s, char *out, size_t size)
{
    struct mux *m = container_of(s, struct port, s)->mux;
    int n = snprintf(out, size, "mux on ");
    m->below->cls->describe(m->below, out + n, size - (size_t)n);
}

struct mux *mux_create(struct stream *below, u8 escape, const struct mux_actions *actions)
{
    struct mux *m = calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    m->below = below;
    m->escape = escape;
    m->actions = *actions;
    pthread_mutex_init(&m->lock, NULL);
    stream_attach(below, &(struct stream_user){mux_can_input, mux_input, mux_event, m, mux_busy});
    return m;
}

struct stream *mux_port(struct mux *m)
{
    static const struct stream_class cls = {.name = "mux",
                                            .write = port_write,
                                            .pending = port_pending,
                                            .accept_input = port_accept_input,
                                            .close = port_close,
                                            .describe = port_describe};
    struct port *p = m->ports < MAX_PORTS ? calloc(1, sizeof(*p)) : NULL;
    if (!p)
        return NULL;
    stream_init(&p->s, &cls, m->below->label, m->below->loop);
    p->s.connected = m->below->connected;
    p->s.is_tty = m->below->is_tty;
    p->s.crlf = m->below->crlf;
    p->mux = m;
    m->port[m->ports++] = p;
    return &p->s;
}

void mux_close(struct mux *m)
{
    if (!m)
        return;
    stream_close(m->below);
    for (unsigned i = 0; i < m->ports; i++)
        free(m->port[i]);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
