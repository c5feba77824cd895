/*
 * Parsing of stream descriptions (stream_spec.h). Opens nothing.
 */
#include "frontend/stream_spec.h"

#include <stdlib.h>

static const char *const legacy_names[] = {"stdio", "null", "none",    "vc",       "file:", "pipe:",   "pty",
                                           "unix:", "tcp:", "telnet:", "chardev:", "mon:",  "/dev/..."};
static const char *const chardev_names[] = {"stdio", "null", "vc", "file", "pipe", "pty", "serial", "tty", "socket"};

static void spec_init(struct stream_spec *s, enum stream_kind kind, const char *label)
{
    bool mon = s->mon;
    memset(s, 0, sizeof(*s));
    s->kind = kind;
    s->mon = s->mux = mon;
    s->signal = !mon; /* a monitor shares the terminal: Ctrl-c belongs to the guest, Ctrl-a x leaves */
    s->wait = true;
    snprintf(s->label, sizeof(s->label), "%s", label);
}

/* ipv4= and ipv6=: off for one is on for the other; on for both, or neither given, is any. */
static bool ip_flags(struct stream_spec *s, struct subopts *o, struct error *e)
{
    bool v4 = true, v6 = true, has4 = subopts_get(o, "ipv4"), has6 = subopts_get(o, "ipv6");
    if (!subopts_bool(o, "ipv4", &v4, e) || !subopts_bool(o, "ipv6", &v6, e))
        return false;
    if (!v4 && !v6)
        return fail(e, "'%s': ipv4=off and ipv6=off leave no addresses", s->label);
    bool only4 = !v6 || (has4 && v4 && !has6), only6 = !v4 || (has6 && v6 && !has4);
    s->ip = only4 ? IP_V4 : only6 ? IP_V6 : IP_ANY;
    return true;
}

/* server, wait, telnet, reconnect and the like: common to both forms. */
static bool socket_flags(struct stream_spec *s, struct subopts *o, struct error *e)
{
    bool nodelay = true;
    u64 reconnect = 0;
    if (!subopts_bool(o, "server", &s->server, e) || !subopts_bool(o, "wait", &s->wait, e) ||
        !subopts_bool(o, "telnet", &s->telnet, e) || !subopts_bool(o, "nodelay", &nodelay, e) ||
        !subopts_bool(o, "delay", &s->delay, e) || !ip_flags(s, o, e) ||
        !subopts_number(o, "reconnect", 3600, &reconnect, e))
        return false;
    s->delay |= !nodelay;
    s->reconnect_s = (unsigned)reconnect;
    if (s->server && reconnect)
        return fail(e, "'%s': reconnect is for the side that connects, not for a server", s->label);
    return true;
}

static bool split_host_port(struct stream_spec *s, const char *text, struct error *e)
{
    const char *colon = strrchr(text, ':');
    if (!colon || !colon[1])
        return fail(e, "'%s' must be HOST:PORT or :PORT", text);
    u64 port;
    if (colon[1] >= '0' && colon[1] <= '9' && !text_number(colon + 1, 65535, &port))
        return fail(e, "'%s': a port is a number up to 65535", text);
    size_t n = (size_t)(colon - text);
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    s->host = strndup(text, n);
    s->port = strdup(colon + 1);
    return s->host && s->port ? true : fail(e, "out of memory");
}

static bool parse_path(struct stream_spec *s, const char *path, struct error *e)
{
    if (!*path)
        return fail(e, "'%s': a file name is missing", s->label);
    s->path = strdup(path);
    return s->path ? true : fail(e, "out of memory");
}

/* "path,server,nowait" or "host:port,server,nowait" */
static bool parse_socket(struct stream_spec *s, const char *rest, struct error *e)
{
    struct subopts o;
    if (!subopts_parse(&o, rest, "address", e))
        return false;
    const char *address = subopts_get(&o, "address");
    bool ok = false;
    if (!address || !*address)
        fail(e, "'%s': a socket needs an address", rest);
    else if (s->kind == STREAM_UNIX)
        ok = parse_path(s, address, e);
    else
        ok = split_host_port(s, address, e);
    ok = ok && socket_flags(s, &o, e) && subopts_done(&o, "socket", e);
    subopts_free(&o);
    return ok;
}

bool stream_spec_parse(struct stream_spec *s, const char *text, const char *label, struct error *e)
{
    const char *rest;
    memset(s, 0, sizeof(*s));
    if (text_prefix(text, "mon:", &rest)) {
        text = rest;
        s->mon = true;
    }
    spec_init(s, STREAM_NULL, label);
    s->vc = text_prefix(text, "vc", &rest) && (!*rest || *rest == ':');
    if (!strcmp(text, "null") || s->vc)
        return true;
    if (!strcmp(text, "stdio")) {
        s->kind = STREAM_STDIO;
        return true;
    }
    if (!strcmp(text, "pty")) {
        s->kind = STREAM_PTY;
        return true;
    }
    static const struct {
        const char *prefix;
        enum stream_kind kind;
    } paths[] = {{"file:", STREAM_FILE}, {"pipe:", STREAM_PIPE}, {"chardev:", STREAM_CHARDEV}};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (text_prefix(text, paths[i].prefix, &rest)) {
            s->kind = paths[i].kind;
            return parse_path(s, rest, e);
        }
    }
    if (text_prefix(text, "/dev/", &rest)) {
        s->kind = STREAM_TTY;
        return parse_path(s, text, e);
    }
    if (text_prefix(text, "unix:", &rest)) {
        s->kind = STREAM_UNIX;
        return parse_socket(s, rest, e);
    }
    if (text_prefix(text, "tcp:", &rest) || text_prefix(text, "telnet:", &rest)) {
        s->kind = STREAM_TCP;
        s->telnet = text[1] == 'e';
        return parse_socket(s, rest, e);
    }
    return fail_unknown(e, "character device", text, legacy_names, ARRAY_LEN(legacy_names));
}

static bool chardev_socket(struct stream_spec *s, struct subopts *o, struct error *e)
{
    const char *path = subopts_get(o, "path"), *host = subopts_get(o, "host"), *port = subopts_get(o, "port");
    if (path ? host || port : !port)
        return fail(e, "-chardev socket,id=%s needs path=FILE or host=HOST,port=PORT", s->label);
    s->kind = path ? STREAM_UNIX : STREAM_TCP;
    s->path = path ? strdup(path) : NULL;
    s->host = path ? NULL : strdup(host ? host : "");
    s->port = path ? NULL : strdup(port);
    return socket_flags(s, o, e);
}

static bool chardev_kind(struct stream_spec *s, const char *kind, struct subopts *o, struct error *e)
{
    static const struct {
        const char *name;
        enum stream_kind kind;
        bool path;
    } kinds[] = {{"null", STREAM_NULL, false}, {"vc", STREAM_NULL, false},  {"stdio", STREAM_STDIO, false},
                 {"pty", STREAM_PTY, false},   {"file", STREAM_FILE, true}, {"pipe", STREAM_PIPE, true},
                 {"serial", STREAM_TTY, true}, {"tty", STREAM_TTY, true}};
    if (!strcmp(kind, "socket"))
        return chardev_socket(s, o, e);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kind, kinds[i].name) != 0)
            continue;
        s->kind = kinds[i].kind;
        s->vc = !strcmp(kind, "vc");
        if (s->kind == STREAM_STDIO && !subopts_bool(o, "signal", &s->signal, e))
            return false;
        if (s->kind == STREAM_FILE && !subopts_bool(o, "append", &s->append, e))
            return false;
        const char *path = kinds[i].path ? subopts_get(o, "path") : "";
        if (!path)
            return fail(e, "-chardev %s,id=%s needs path=FILE", kind, s->label);
        return !kinds[i].path || parse_path(s, path, e);
    }
    return fail_unknown(e, "-chardev backend", kind, chardev_names, ARRAY_LEN(chardev_names));
}

bool stream_spec_parse_chardev(struct stream_spec *s, const char *text, struct error *e)
{
    struct subopts o;
    memset(s, 0, sizeof(*s));
    if (!subopts_parse(&o, text, "backend", e))
        return false;
    const char *kind = subopts_get(&o, "backend"), *id = subopts_get(&o, "id");
    bool ok = id && *id ? true : fail(e, "-chardev %s needs an id=NAME", text);
    if (ok) {
        spec_init(s, STREAM_NULL, id);
        const char *log = subopts_get(&o, "logfile");
        s->log = log ? strdup(log) : NULL;
        ok = subopts_bool(&o, "mux", &s->mux, e) && subopts_bool(&o, "logappend", &s->log_append, e) &&
             chardev_kind(s, kind ? kind : "", &o, e) && subopts_done(&o, "-chardev", e);
    }
    subopts_free(&o);
    return ok;
}

void stream_spec_free(struct stream_spec *s)
{
    free(s->path);
    free(s->host);
    free(s->port);
    free(s->log);
    s->path = s->host = s->port = s->log = NULL;
}
