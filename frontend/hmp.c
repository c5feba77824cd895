/*
 * The monitor's frame (hmp.h): finds the row of monitor.def, runs it on its
 * thread, and has the small parsers commands share. Knows no command by name
 * but "info" and "help".
 */
#include "frontend/hmp.h"

#include <ctype.h>
#include <stdlib.h>

#include "frontend/expression.h"
#include "frontend/registers.h"

const struct hmp_command hmp_commands[] = {
#define COMMAND(name, other, args, thread, function, help) {name, other, args, help, thread, function},
#define INFO(name, args, thread, function, help)
#include "frontend/monitor.def"
#undef COMMAND
#undef INFO
};
const struct hmp_command hmp_infos[] = {
#define COMMAND(name, other, args, thread, function, help)
#define INFO(name, args, thread, function, help) {name, NULL, args, help, thread, function},
#include "frontend/monitor.def"
#undef COMMAND
#undef INFO
};
const size_t hmp_command_count = ARRAY_LEN(hmp_commands), hmp_info_count = ARRAY_LEN(hmp_infos);

void hmp_session_init(struct hmp_session *s)
{
    memset(s, 0, sizeof(*s));
    s->format = 'x';
    s->size = 4;
}

void hmp_session_free(struct hmp_session *s)
{
    for (unsigned i = 0; i < HMP_HISTORY; i++)
        free(s->history[i]);
}

static void remember(struct hmp_session *s, const char *line)
{
    free(s->history[s->next]);
    s->history[s->next] = strdup(line);
    s->next = (s->next + 1) % HMP_HISTORY;
}

/* ---- small parsers ---- */

bool hmp_more(struct hmp *h)
{
    while (isspace((u8)*h->args))
        h->args++;
    return *h->args != 0;
}

bool hmp_word(struct hmp *h, char *buf, size_t size)
{
    size_t n = 0;
    if (!hmp_more(h))
        return false;
    bool quoted = *h->args == '"';
    h->args += quoted;
    while (*h->args && (quoted ? *h->args != '"' : !isspace((u8)*h->args))) {
        if (quoted && *h->args == '\\' && h->args[1])
            h->args++;
        if (n + 1 < size)
            buf[n++] = *h->args;
        h->args++;
    }
    h->args += quoted && *h->args;
    buf[n] = 0;
    return true;
}

bool hmp_flag(struct hmp *h, char letter)
{
    if (!hmp_more(h) || h->args[0] != '-' || h->args[1] != letter || (h->args[2] && !isspace((u8)h->args[2])))
        return false;
    h->args += 2;
    return true;
}

struct cpu *hmp_cpu_of(struct hmp *h) { return h->m->ncpus ? h->m->cpu[MIN(h->session->cpu, h->m->ncpus - 1)] : NULL; }

static bool lookup_register(void *owner, const char *name, u64 *val) { return owner && reg_by_name(owner, name, val); }

void hmp_error(struct hmp *h, const struct error *e) { fprintf(h->out, "%s\n", e->text); }

static void try_help(struct hmp *h, const struct error *e)
{
    fprintf(h->out, "%s\nTry \"help %s\" for more information\n", e->text, h->row ? h->row->name : "");
}

bool hmp_number(struct hmp *h, u64 *out)
{
    struct error e;
    struct expression_names names = {lookup_register, hmp_cpu_of(h)};
    if (expression_parse(&h->args, &names, out, &e))
        return true;
    try_help(h, &e);
    return false;
}

/* ---- running ---- */

/* The length of the command word: "x/4i" is "x". */
static size_t name_length(const char *line)
{
    size_t n = 0;
    while (line[n] && !isspace((u8)line[n]) && line[n] != '/')
        n++;
    return n;
}

static bool is_name(const char *name, const char *word, size_t n)
{
    return name && strlen(name) == n && !memcmp(name, word, n);
}

static const struct hmp_command *find(const struct hmp_command *rows, size_t count, const char *word, size_t n)
{
    for (size_t i = 0; i < count; i++) {
        if (is_name(rows[i].name, word, n) || is_name(rows[i].other, word, n))
            return &rows[i];
    }
    return NULL;
}

/* A task is one line being carried out. Between its pieces it is a timer. */
struct hmp_task {
    struct hmp h;
    struct hmp_user user;
    struct loop_timer again;
};

void *hmp_job(struct hmp *h, size_t size, hmp_function *next, void (*end)(void *job))
{
    h->job = calloc(1, size);
    if (!h->job) {
        fprintf(h->out, "Error: out of memory\n");
        return NULL;
    }
    h->next = next;
    h->job_end = end;
    return h->job;
}

/* As much as fits into a piece, on the command's thread. */
static void run_piece(struct machine *m, void *arg)
{
    enum { PIECE_MS = 20, TEXT_MAX = 64 << 10 };
    struct hmp *h = arg;
    (void)m;
    u64 end = loop_now_ms() + PIECE_MS;
    h->waits = false;
    while (h->next && !h->waits && ftell(h->out) < TEXT_MAX && loop_now_ms() < end)
        h->next(h);
}

static void run_first(struct machine *m, void *arg)
{
    struct hmp *h = arg;
    h->row->function(h);
    run_piece(m, h);
}

static void on_its_thread(struct hmp *h, void (*fn)(struct machine *m, void *arg))
{
    if (h->row->thread == ON_CPU && !h->m->ncpus)
        fprintf(h->out, "this machine has no CPU\n");
    else if (h->row->thread != ON_MAIN)
        machine_call(h->m, fn, h);
    else
        fn(h->m, h);
}

static void run_row(struct hmp *h, const struct hmp_command *row)
{
    h->row = row;
    on_its_thread(h, run_first);
}

static void unknown(struct hmp *h, const char *what, const char *word, size_t n, const struct hmp_command *rows,
                    size_t count)
{
    const char *names[64];
    char typed[48];
    snprintf(typed, sizeof(typed), "%.*s", (int)MIN(n, sizeof(typed) - 1), word);
    for (size_t i = 0; i < count && i < ARRAY_LEN(names); i++)
        names[i] = rows[i].name;
    const char *near = text_nearest(typed, names, MIN(count, ARRAY_LEN(names)));
    fprintf(h->out, "unknown command: '%s%s'%s%s%s\n", what, typed, near ? ", did you mean '" : "", near ? near : "",
            near ? "'?" : "");
}

static void run_line(struct hmp *h)
{
    if (!hmp_more(h) || *h->args == '#')
        return;
    trace(h->host->trace, monitor, "hmp: %s", h->args);
    remember(h->session, h->args);
    size_t n = name_length(h->args);
    const struct hmp_command *row = find(hmp_commands, hmp_command_count, h->args, n);
    if (!row) {
        unknown(h, "", h->args, n, hmp_commands, hmp_command_count);
        return;
    }
    h->args += n;
    run_row(h, row);
}

/* One piece, and what it printed to the user. False: the task has ended. */
static bool advance(struct hmp_task *t, const char *line)
{
    struct hmp *h = &t->h;
    char *text = NULL;
    size_t size = 0;
    h->out = open_memstream(&text, &size);
    if (!h->out)
        return line == NULL; /* no memory: later, or not at all */
    if (line) {
        h->args = line;
        run_line(h);
        h->args = "";
    } else {
        on_its_thread(h, run_piece);
    }
    fclose(h->out);
    bool enough = text && size && !t->user.text(t->user.owner, text, size);
    free(text);
    return h->next && !enough;
}

void hmp_cancel(struct hmp_task *t)
{
    if (!t)
        return;
    loop_timer_cancel(t->h.host->loop, &t->again);
    if (t->h.job && t->h.job_end)
        t->h.job_end(t->h.job);
    free(t->h.job);
    free(t);
}

static void go_on(void *owner)
{
    enum { PAUSE_MS = 5, BUSY_MS = 10 };
    struct hmp_task *t = owner;
    bool busy = stream_busy(t->user.stream);
    if (busy || advance(t, NULL)) {
        loop_timer_set(t->h.host->loop, &t->again, busy || t->h.waits ? BUSY_MS : PAUSE_MS);
        return;
    }
    struct hmp_user user = t->user;
    hmp_cancel(t);
    user.done(user.owner);
}

struct hmp_task *hmp_start(struct host *host, struct hmp_session *session, const char *line,
                           const struct hmp_user *user)
{
    struct hmp_task *t = calloc(1, sizeof(*t));
    if (t) {
        t->h = (struct hmp){.host = host, .m = host->machine, .session = session};
        t->user = *user;
        t->again = (struct loop_timer){.fire = go_on, .owner = t};
        if (advance(t, line)) {
            loop_timer_set(host->loop, &t->again, 1);
            return t;
        }
        hmp_cancel(t);
    }
    user->done(user->owner);
    return NULL;
}

/* ---- info and help ---- */

static void help_row(struct hmp *h, const char *prefix, const struct hmp_command *row)
{
    fprintf(h->out, "%s%s%s%s%s%s -- %s\n", prefix, row->name, row->other ? "|" : "", row->other ? row->other : "",
            *row->args ? " " : "", row->args, row->help);
}

static void list_infos(struct hmp *h)
{
    for (size_t i = 0; i < hmp_info_count; i++)
        help_row(h, "info ", &hmp_infos[i]);
}

void hmp_info(struct hmp *h)
{
    if (!hmp_more(h)) {
        list_infos(h);
        return;
    }
    size_t n = name_length(h->args);
    const struct hmp_command *row = find(hmp_infos, hmp_info_count, h->args, n);
    if (!row) {
        unknown(h, "info ", h->args, n, hmp_infos, hmp_info_count);
        return;
    }
    h->args += n;
    run_row(h, row);
}

void hmp_help(struct hmp *h)
{
    char word[48];
    if (!hmp_word(h, word, sizeof(word))) {
        for (size_t i = 0; i < hmp_command_count; i++)
            help_row(h, "", &hmp_commands[i]);
        return;
    }
    if (!strcmp(word, "info") && !hmp_more(h)) {
        list_infos(h);
        return;
    }
    bool info = !strcmp(word, "info") && hmp_word(h, word, sizeof(word));
    const struct hmp_command *rows = info ? hmp_infos : hmp_commands;
    size_t count = info ? hmp_info_count : hmp_command_count;
    const struct hmp_command *row = find(rows, count, word, strlen(word));
    if (row)
        help_row(h, info ? "info " : "", row);
    else
        unknown(h, info ? "info " : "", word, strlen(word), rows, count);
}

void hmp_complete(const char *line, void (*found)(void *owner, const char *word), void *owner)
{
    const struct hmp_command *rows = hmp_commands;
    size_t count = hmp_command_count;
    while (isspace((u8)*line))
        line++;
    if (!strncmp(line, "help ", 5))
        line += 5;
    if (!strncmp(line, "info ", 5)) {
        rows = hmp_infos;
        count = hmp_info_count;
        line += 5;
    }
    while (isspace((u8)*line))
        line++;
    if (strchr(line, ' '))
        return;
    for (size_t i = 0; i < count; i++) {
        if (!strncmp(rows[i].name, line, strlen(line)))
            found(owner, rows[i].name);
    }
}
