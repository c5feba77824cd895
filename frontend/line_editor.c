/*
 * Line editing (line_editor.h). The thread sits in el_gets; its characters come
 * from a queue the main thread fills. The pseudo-terminal is never read or
 * written: it is there for libedit to set modes on, so that it leaves the real
 * terminal alone.
 */
#include "frontend/line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { QUEUE = 4096, REDISPLAY = 0x1f, HISTORY_SIZE = 200, LOOK_AGAIN_NS = 20000000 };

struct line_editor {
    struct stream *out;
    struct line_editor_user user;
    char prompt[32];
    int master, slave;
    FILE *in_file, *out_file;
    EditLine *el;
    History *history;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    u8 queue[QUEUE];
    unsigned head, len;
    char *line; /* handed to the main thread, which frees it */
    bool stopping;
    bool posted; /* 'deliver' is on its way */
    bool dead;   /* ... and is all that is left to do */
};

static struct line_editor *self(EditLine *el)
{
    void *data;
    el_get(el, EL_CLIENTDATA, &data);
    return data;
}

static char *prompt(EditLine *el) { return self(el)->prompt; }

/* Until there is a character, and what was shown so far has left: an echo that nobody reads must not pile up. */
static void wait_for_char(struct line_editor *e)
{
    while (!e->len && !e->stopping)
        pthread_cond_wait(&e->changed, &e->lock);
    while (stream_busy(e->out) && !e->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_AGAIN_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&e->changed, &e->lock, &until);
    }
}

static int get_char(EditLine *el, wchar_t *c)
{
    struct line_editor *e = self(el);
    fflush(e->out_file);
    pthread_mutex_lock(&e->lock);
    wait_for_char(e);
    int got = !e->stopping;
    if (got) {
        *c = e->queue[e->head];
        e->head = (e->head + 1) % QUEUE;
        e->len--;
    }
    pthread_mutex_unlock(&e->lock);
    return got;
}

static ssize_t write_out(void *cookie, const char *buf, size_t n)
{
    struct line_editor *e = cookie;
    for (size_t at = 0; at < n;) {
        const char *nl = e->out->crlf ? memchr(buf + at, '\n', n - at) : NULL;
        size_t len = nl ? (size_t)(nl - buf) - at : n - at;
        stream_write_all(e->out, buf + at, len);
        if (nl)
            stream_write_all(e->out, "\r\n", 2);
        at += len + (nl != NULL);
    }
    return (ssize_t)n;
}

/* ---- completion ---- */

struct matches {
    size_t count, typed, common; /* typed: length of the word so far */
    char first[64];
    char list[1024];
};

static void add_match(void *owner, const char *word)
{
    struct matches *m = owner;
    if (!m->count++) {
        snprintf(m->first, sizeof(m->first), "%s", word);
        m->common = strlen(m->first);
    }
    size_t n = 0;
    while (n < m->common && word[n] == m->first[n])
        n++;
    m->common = n;
    size_t used = strlen(m->list);
    snprintf(m->list + used, sizeof(m->list) - used, "%s%s", used ? "  " : "", word);
}

static unsigned char complete(EditLine *el, int ch)
{
    struct line_editor *e = self(el);
    const LineInfo *info = el_line(el);
    char line[256];
    struct matches m = {0};
    (void)ch;
    snprintf(line, sizeof(line), "%.*s", (int)(info->cursor - info->buffer), info->buffer);
    const char *word = strrchr(line, ' ');
    m.typed = strlen(word ? word + 1 : line);
    e->user.complete(line, add_match, &m);
    if (!m.count || m.typed > m.common)
        return CC_ERROR;
    if (m.count > 1 && m.common == m.typed) {
        fprintf(e->out_file, "\n%s\n", m.list);
        return CC_REDISPLAY;
    }
    m.first[m.common] = 0;
    el_insertstr(el, m.first + m.typed);
    if (m.count == 1)
        el_insertstr(el, " ");
    return CC_REFRESH;
}

/* ---- the thread ---- */

static void deliver(void *arg)
{
    struct line_editor *e = arg;
    if (e->dead) {
        free(e);
        return;
    }
    pthread_mutex_lock(&e->lock);
    e->posted = false;
    pthread_mutex_unlock(&e->lock);
    e->user.line(e->user.owner, e->line);
}

void line_editor_go_on(struct line_editor *e)
{
    pthread_mutex_lock(&e->lock);
    free(e->line);
    e->line = NULL;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

/* Gives the line to the main thread and waits until the command has been carried out. */
static bool hand_over(struct line_editor *e, const char *text)
{
    fflush(e->out_file);
    pthread_mutex_lock(&e->lock);
    e->line = strdup(text);
    bool ok = e->line && !e->stopping;
    e->posted = ok;
    if (ok)
        loop_post(e->out->loop, deliver, e);
    while (ok && e->line && !e->stopping)
        pthread_cond_wait(&e->changed, &e->lock);
    ok = !e->stopping;
    pthread_mutex_unlock(&e->lock);
    return ok;
}

static void *editor_main(void *arg)
{
    struct line_editor *e = arg;
    HistEvent event;
    bool going = true;
    while (going) {
        int n = 0;
        const char *line = el_gets(e->el, &n);
        char text[QUEUE];
        if (!line || n <= 0) {
            pthread_mutex_lock(&e->lock);
            going = !e->stopping;
            pthread_mutex_unlock(&e->lock);
            if (going)
                fprintf(e->out_file, "\n"); /* Ctrl-d on an empty line */
            continue;
        }
        snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\r\n"), line);
        if (*text)
            history(e->history, &event, H_ENTER, text);
        going = hand_over(e, text);
    }
    return NULL;
}

size_t line_editor_room(struct line_editor *e)
{
    pthread_mutex_lock(&e->lock);
    size_t room = QUEUE - e->len;
    pthread_mutex_unlock(&e->lock);
    return room;
}

void line_editor_input(struct line_editor *e, const u8 *buf, size_t n)
{
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < n && e->len < QUEUE; i++)
        e->queue[(e->head + e->len++) % QUEUE] = buf[i];
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

void line_editor_redraw(struct line_editor *e)
{
    if (stream_busy(e->out))
        return; /* what it shows now is older than that, anyway */
    stream_printf(e->out, "%s", e->out->crlf ? "\r\n" : "\n");
    line_editor_input(e, &(u8){REDISPLAY}, 1);
}

static bool open_terminal(struct line_editor *e)
{
    char name[128];
    struct winsize size;
    e->slave = -1;
    e->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (e->master < 0 || grantpt(e->master) || unlockpt(e->master) || ptsname_r(e->master, name, sizeof(name)))
        return false;
    e->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (e->slave < 0)
        return false;
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
        size = (struct winsize){.ws_row = 24, .ws_col = 80};
    ioctl(e->slave, TIOCSWINSZ, &size);
    e->in_file = fdopen(dup(e->slave), "r");
    e->out_file = fopencookie(e, "w", (cookie_io_functions_t){.write = write_out});
    return e->in_file && e->out_file;
}

static bool open_editor(struct line_editor *e)
{
    HistEvent event;
    e->el = el_init_fd("orrery", e->in_file, e->out_file, e->out_file, e->slave, e->slave, e->slave);
    e->history = history_init();
    if (!e->el || !e->history)
        return false;
    history(e->history, &event, H_SETSIZE, HISTORY_SIZE);
    history(e->history, &event, H_SETUNIQUE, 1);
    el_set(e->el, EL_CLIENTDATA, e);
    el_set(e->el, EL_PROMPT, prompt);
    el_set(e->el, EL_EDITOR, "emacs");
    el_set(e->el, EL_HIST, history, e->history);
    el_set(e->el, EL_GETCFN, get_char);
    el_set(e->el, EL_ADDFN, "orrery-complete", "complete a command", complete);
    el_set(e->el, EL_BIND, "^I", "orrery-complete", NULL);
    el_set(e->el, EL_BIND, "^_", "ed-redisplay", NULL);
    el_set(e->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    return true;
}

struct line_editor *line_editor_create(struct stream *out, const char *prompt_text, const struct line_editor_user *user)
{
    struct line_editor *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->out = out;
    e->user = *user;
    snprintf(e->prompt, sizeof(e->prompt), "%s", prompt_text);
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->changed, NULL);
    e->started = open_terminal(e) && open_editor(e) && !pthread_create(&e->thread, NULL, editor_main, e);
    if (!e->started) {
        line_editor_free(e);
        return NULL;
    }
    return e;
}

void line_editor_free(struct line_editor *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->stopping = true;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
    if (e->started)
        pthread_join(e->thread, NULL);
    if (e->el)
        el_end(e->el);
    if (e->history)
        history_end(e->history);
    if (e->out_file)
        fclose(e->out_file);
    if (e->in_file)
        fclose(e->in_file);
    if (e->slave >= 0)
        close(e->slave);
    if (e->master >= 0)
        close(e->master);
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->changed);
    free(e->line);
    if (e->posted)
        e->dead = true;
    else
        free(e);
}
