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

struct cpu *hmp_cpu_of(struct hmp *h) { return h->m->cpu[MIN(h->session->cpu, h->m->ncpus - 1)]; }

static bool lookup_register(void *owner, const char *name, u64 *val) { return reg_by_name(owner, name, val); }

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

static void run_here(struct machine *m, void *arg)
{
    struct hmp *h = arg;
    (void)m;
    h->row->function(h);
}

static void run_row(struct hmp *h, const struct hmp_command *row)
{
    h->row = row;
    if (row->thread == ON_MACHINE)
        machine_call(h->m, run_here, h);
    else
        row->function(h);
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

void hmp_run(struct host *host, struct hmp_session *session, const char *line, FILE *out)
{
    struct hmp h = {.host = host, .m = host->machine, .session = session, .out = out, .args = line};
    if (!hmp_more(&h) || *h.args == '#')
        return;
    trace(host->trace, monitor, "hmp: %s", h.args);
    remember(session, h.args);
    size_t n = name_length(h.args);
    const struct hmp_command *row = find(hmp_commands, hmp_command_count, h.args, n);
    if (!row) {
        unknown(&h, "", h.args, n, hmp_commands, hmp_command_count);
        return;
    }
    h.args += n;
    run_row(&h, row);
}

char *hmp_run_to_string(struct host *host, struct hmp_session *session, const char *line)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    hmp_run(host, session, line, out);
    fclose(out);
    return text;
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
