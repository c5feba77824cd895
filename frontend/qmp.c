/*
 * The QMP protocol (qmp.h). Input is cut into JSON objects by counting braces
 * outside strings, as QEMU's does not need newlines between them; what is no
 * JSON is an error reply, never the end of the connection.
 */
#include "frontend/qmp.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>

enum { INPUT_MAX = 1 << 20 };

struct qmp {
    struct host *host;
    struct stream *stream;
    struct hmp_session session;
    struct host_listener listener;
    bool negotiated;
    char *buf; /* the object being received */
    size_t len, cap;
    int depth;
    bool in_string, escaped;
    bool too_long;
};

static const struct {
    const char *name;
    qmp_function *function;
} commands[] = {
#define QMP(name, function) {name, function},
#include "frontend/qmp.def"
#undef QMP
};
const char *const qmp_names[] = {
#define QMP(name, function) name,
#include "frontend/qmp.def"
#undef QMP
};
const size_t qmp_count = ARRAY_LEN(qmp_names);

/* ---- arguments ---- */

json_t *qmp_fail(struct qmp_call *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->error.text, sizeof(c->error.text), fmt, ap);
    va_end(ap);
    c->failed = true;
    return NULL;
}

static const char *type_name(json_type type)
{
    switch (type) {
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "integer";
    case JSON_ARRAY:
        return "array";
    case JSON_OBJECT:
        return "object";
    default:
        return "boolean";
    }
}

json_t *qmp_arg(struct qmp_call *c, const char *name, json_type type, bool required)
{
    json_t *v = c->args ? json_object_get(c->args, name) : NULL;
    if (c->nasked < QMP_MAX_ARGS)
        c->asked[c->nasked++] = name;
    if (c->failed)
        return NULL;
    if (!v)
        return required ? qmp_fail(c, "Parameter '%s' is missing", name) : NULL;
    bool boolean = type == JSON_TRUE && json_is_boolean(v);
    if (json_typeof(v) != type && !boolean)
        return qmp_fail(c, "Invalid parameter type for '%s', expected: %s", name, type_name(type));
    return v;
}

const char *qmp_string(struct qmp_call *c, const char *name, bool required)
{
    return json_string_value(qmp_arg(c, name, JSON_STRING, required));
}

bool qmp_int(struct qmp_call *c, const char *name, i64 *out, bool required)
{
    json_t *v = qmp_arg(c, name, JSON_INTEGER, required);
    if (v)
        *out = json_integer_value(v);
    return v != NULL;
}

bool qmp_flag(struct qmp_call *c, const char *name) { return json_is_true(qmp_arg(c, name, JSON_TRUE, false)); }

bool qmp_args_done(struct qmp_call *c)
{
    const char *key;
    json_t *value;
    json_object_foreach(c->args, key, value)
    {
        bool known = false;
        for (unsigned i = 0; i < c->nasked; i++)
            known |= !strcmp(c->asked[i], key);
        if (!known && !c->failed)
            qmp_fail(c, "Parameter '%s' is unexpected", key);
    }
    return !c->failed;
}

/* ---- output ---- */

/* Sends and drops the reference. */
static void send_json(struct qmp *q, json_t *v)
{
    char *text = json_dumps(v, 0);
    json_decref(v);
    if (text)
        stream_printf(q->stream, "%s\r\n", text);
    free(text);
}

static void reply(struct qmp *q, json_t *answer, json_t *id)
{
    json_t *r = json_object();
    json_object_set_new(r, "return", answer ? answer : json_object());
    if (id)
        json_object_set(r, "id", id);
    send_json(q, r);
}

static void reply_error(struct qmp *q, const char *class, const char *desc, json_t *id)
{
    json_t *r = json_object(), *text = json_string(desc);
    if (!text)
        text = json_string("the reason is not valid UTF-8");
    json_object_set_new(r, "error", json_pack("{s:s, s:o}", "class", class, "desc", text));
    if (id)
        json_object_set(r, "id", id);
    send_json(q, r);
}

static void greet(struct qmp *q)
{
    /* The version whose protocol this is; the package says who we are. */
    send_json(q, json_pack("{s:{s:{s:{s:i, s:i, s:i}, s:s}, s:[]}}", "QMP", "version", "qemu", "micro", 0, "minor", 2,
                           "major", 7, "package", "Orrery " ORRERY_VERSION, "capabilities"));
}

static void on_event(void *owner, enum machine_event e, const char *detail, u64 when_us)
{
    static const char *const names[] = {
        [EVENT_STOP] = "STOP",         [EVENT_RESUME] = "RESUME",       [EVENT_RESET] = "RESET",
        [EVENT_SHUTDOWN] = "SHUTDOWN", [EVENT_POWERDOWN] = "POWERDOWN", [EVENT_GUEST_PANICKED] = "GUEST_PANICKED"};
    struct qmp *q = owner;
    if (!q->negotiated || (size_t)e >= ARRAY_LEN(names) || !names[e])
        return;
    json_t *r = json_pack("{s:{s:I, s:I}, s:s}", "timestamp", "seconds", (json_int_t)(when_us / 1000000),
                          "microseconds", (json_int_t)(when_us % 1000000), "event", names[e]);
    if (e == EVENT_SHUTDOWN || e == EVENT_RESET) {
        bool guest = detail && !strncmp(detail, "guest", 5);
        json_object_set_new(r, "data", json_pack("{s:b, s:s}", "guest", guest, "reason", detail ? detail : "none"));
    } else if (e == EVENT_GUEST_PANICKED) {
        const char *action = q->host->options->config.no_shutdown ? "pause" : "poweroff";
        json_object_set_new(r, "data", json_pack("{s:s}", "action", action));
    }
    send_json(q, r);
}

/* ---- commands ---- */

static void execute(struct qmp *q, const char *name, json_t *args, json_t *id)
{
    struct qmp_call c = {.host = q->host, .session = &q->session, .args = args, .error_class = "GenericError"};
    char text[160];
    size_t i = 0;
    while (i < qmp_count && strcmp(commands[i].name, name) != 0)
        i++;
    if (i < qmp_count && !q->negotiated && strcmp(name, "qmp_capabilities") != 0) {
        reply_error(q, "CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'", id);
        return;
    }
    if (i == qmp_count || (q->negotiated && !strcmp(name, "qmp_capabilities"))) {
        snprintf(text, sizeof(text),
                 i == qmp_count ? "The command %.100s has not been found"
                                : "Capabilities negotiation is already complete, command '%.40s' ignored",
                 name);
        reply_error(q, "CommandNotFound", text, id);
        return;
    }
    trace(q->host->trace, monitor, "qmp: %s", name);
    json_t *answer = commands[i].function(&c);
    if (c.events_first)
        host_deliver(q->host);
    if (c.failed) {
        json_decref(answer);
        reply_error(q, c.error_class, c.error.text, id);
        return;
    }
    reply(q, answer, id);
    q->negotiated |= c.negotiated;
}

static void handle_object(struct qmp *q, json_t *v)
{
    static const char *const members[] = {"execute", "arguments", "id", "exec-oob"};
    json_t *id = json_object_get(v, "id");
    json_t *name = json_object_get(v, "execute"), *args = json_object_get(v, "arguments");
    const char *key;
    json_t *value;
    char text[160];
    json_object_foreach(v, key, value)
    {
        size_t i = 0;
        while (i < ARRAY_LEN(members) && strcmp(key, members[i]) != 0)
            i++;
        if (i == ARRAY_LEN(members)) {
            snprintf(text, sizeof(text), "QMP input member '%.100s' is unexpected", key);
            reply_error(q, "GenericError", text, id);
            return;
        }
    }
    if (!name)
        reply_error(q, "GenericError", "QMP input lacks member 'execute'", id);
    else if (!json_is_string(name))
        reply_error(q, "GenericError", "QMP input member 'execute' must be a string", id);
    else if (args && !json_is_object(args))
        reply_error(q, "GenericError", "QMP input member 'arguments' must be an object", id);
    else
        execute(q, json_string_value(name), args, id);
}

/* q->buf[0, q->len) is a whole value, or what is meant to be one. */
static void handle_text(struct qmp *q)
{
    json_error_t why;
    if (q->too_long) {
        reply_error(q, "GenericError", "JSON token size limit exceeded", NULL);
        return;
    }
    json_t *v = json_loadb(q->buf, q->len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!v) {
        char text[JSON_ERROR_TEXT_LENGTH + 40];
        snprintf(text, sizeof(text), "JSON parse error, %s", why.text);
        reply_error(q, "GenericError", text, NULL);
    } else if (!json_is_object(v)) {
        reply_error(q, "GenericError", "QMP input must be a JSON object", NULL);
    } else {
        handle_object(q, v);
    }
    json_decref(v);
}

static void put_char(struct qmp *q, char c)
{
    if (q->len == q->cap) {
        size_t cap = q->cap ? q->cap * 2 : 1024;
        char *buf = cap <= INPUT_MAX ? realloc(q->buf, cap) : NULL;
        if (!buf) {
            q->too_long = true; /* goes on to the end of the object, unread */
            return;
        }
        q->buf = buf;
        q->cap = cap;
    }
    q->buf[q->len++] = c;
}

static void next_value(struct qmp *q)
{
    q->len = 0;
    q->depth = 0;
    q->in_string = q->escaped = q->too_long = false;
}

static void put_input(struct qmp *q, char c)
{
    if (!q->len && isspace((u8)c))
        return;
    put_char(q, c);
    if (q->in_string) {
        bool ends = c == '"' && !q->escaped;
        q->escaped = c == '\\' && !q->escaped;
        q->in_string = !ends;
        return;
    }
    if (c == '"')
        q->in_string = true;
    else if (c == '{' || c == '[')
        q->depth++;
    else if (c == '}' || c == ']')
        q->depth--;
    /* Outside any object a line is a value, so that garbage gets its error. */
    bool whole = q->depth <= 0 && (c == '}' || c == ']' || c == '\n');
    if (!whole)
        return;
    handle_text(q);
    next_value(q);
}

static size_t qmp_can_input(void *owner)
{
    (void)owner;
    return 4096;
}

static void qmp_input(void *owner, const u8 *buf, size_t n)
{
    struct qmp *q = owner;
    for (size_t i = 0; i < n; i++)
        put_input(q, (char)buf[i]);
}

static void qmp_stream_event(void *owner, enum stream_event e)
{
    struct qmp *q = owner;
    if (e == STREAM_OPENED) {
        q->negotiated = false;
        next_value(q);
        greet(q);
    } else if (e == STREAM_CLOSED) {
        q->negotiated = false;
    }
}

struct qmp *qmp_create(struct host *host, struct stream *s)
{
    struct qmp *q = calloc(1, sizeof(*q));
    if (!q)
        return NULL;
    q->host = host;
    q->stream = s;
    hmp_session_init(&q->session);
    q->listener = (struct host_listener){.event = on_event, .owner = q};
    host_listen(host, &q->listener);
    stream_attach(s, &(struct stream_user){qmp_can_input, qmp_input, qmp_stream_event, q});
    return q;
}

void qmp_free(struct qmp *q)
{
    if (!q)
        return;
    host_unlisten(q->host, &q->listener);
    hmp_session_free(&q->session);
    free(q->buf);
    free(q);
}
