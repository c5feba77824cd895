/*
 * The QMP protocol (qmp.h). Commands are carried out one after the other; what
 * is no JSON is an error reply, never the end of the connection. A client that
 * does not read has its next commands left in the socket, and loses events.
 */
#include "frontend/qmp.h"

#include <stdarg.h>
#include <stdlib.h>

#include "frontend/intake.h"
#include "frontend/json_input.h"

enum { EVENTS_MAX = 1 << 20 /* unread bytes */, SAID_MAX = 16 << 20 };

struct qmp {
    struct host *host;
    struct stream *stream;
    struct hmp_session session;
    struct host_listener listener;
    bool negotiated;
    struct intake intake;
    struct json_input input;
    struct qmp_call *call; /* under way */
    bool told_lost;
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

/* Events are nobody's answer: those that a client leaves unread do not pile up for ever. */
static bool loses_events(struct qmp *q)
{
    if (stream_pending(q->stream) <= EVENTS_MAX)
        return false;
    if (!q->told_lost)
        fprintf(stderr, "orrery: %s: the client does not read, events are lost\n", q->stream->label);
    return q->told_lost = true;
}

/* To a client that is there and reads. Takes the reference to data, which may be NULL. */
static void send_event(struct qmp *q, const char *name, u64 when_us, json_t *data)
{
    if (!q->negotiated || loses_events(q)) {
        json_decref(data);
        return;
    }
    json_t *r = json_pack("{s:{s:I, s:I}, s:s}", "timestamp", "seconds", (json_int_t)(when_us / 1000000),
                          "microseconds", (json_int_t)(when_us % 1000000), "event", name);
    if (data)
        json_object_set_new(r, "data", data);
    send_json(q, r);
}

static void on_event(void *owner, enum machine_event e, const char *detail, u64 when_us)
{
    static const char *const names[] = {[EVENT_STOP] = "STOP",
                                        [EVENT_RESUME] = "RESUME",
                                        [EVENT_RESET] = "RESET",
                                        [EVENT_SHUTDOWN] = "SHUTDOWN",
                                        [EVENT_POWERDOWN] = "POWERDOWN",
                                        [EVENT_GUEST_PANICKED] = "GUEST_PANICKED",
                                        [EVENT_DEVICE_DELETED] = "DEVICE_DELETED"};
    struct qmp *q = owner;
    if ((size_t)e >= ARRAY_LEN(names) || !names[e])
        return;
    json_t *data = NULL;
    if (e == EVENT_SHUTDOWN || e == EVENT_RESET) {
        bool guest = detail && !strncmp(detail, "guest", 5);
        data = json_pack("{s:b, s:s}", "guest", guest, "reason", detail ? detail : "none");
    } else if (e == EVENT_DEVICE_DELETED) {
        data = json_pack("{s:s, s:s++}", "device", detail, "path", "/machine/peripheral/", detail, "");
    } else if (e == EVENT_GUEST_PANICKED) {
        const char *action = q->host->options->config.no_shutdown ? "pause" : "poweroff";
        data = json_pack("{s:s}", "action", action);
    }
    send_event(q, names[e], when_us, data);
}

static void on_disk_failure(void *owner, const struct disk_failure *f, u64 when_us)
{
    static const char *const actions[] = {[DISK_REPORT] = "report", [DISK_IGNORE] = "ignore", [DISK_STOP] = "stop"};
    struct qmp *q = owner;
    struct error unused;
    char node[32] = "";
    struct drive_option *d = host_find_drive(q->host, f->drive, &unused);
    if (d)
        host_node_name(d, node, sizeof(node));
    send_event(q, "BLOCK_IO_ERROR", when_us,
               json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "device", f->drive, "node-name", node, "operation",
                         f->write ? "write" : "read", "action", actions[f->action], "nospace",
                         disk_out_of_space(f->error), "reason", strerror(-f->error)));
}

/* ---- commands ---- */

static void free_call(struct qmp_call *c)
{
    hmp_cancel(c->task);
    json_decref(c->args);
    json_decref(c->id);
    free(c->said);
    free(c);
}

/* Answers, and is done with it. */
static void finish(struct qmp *q, struct qmp_call *c, json_t *answer)
{
    q->call = NULL;
    if (c->events_first)
        host_deliver(q->host);
    if (c->failed) {
        json_decref(answer);
        reply_error(q, c->error_class, c->error.text, c->id);
    } else {
        reply(q, answer, c->id);
        q->negotiated |= c->negotiated;
    }
    free_call(c);
}

static bool line_text(void *owner, const char *text, size_t n)
{
    struct qmp_call *c = owner;
    bool enough = c->said_len + n > SAID_MAX;
    if (enough) {
        text = "...\n";
        n = strlen(text);
    }
    char *said = realloc(c->said, c->said_len + n + 1);
    if (!said)
        return false;
    memcpy(said + c->said_len, text, n);
    c->said = said;
    c->said_len += n;
    said[c->said_len] = 0;
    return !enough;
}

static void line_done(void *owner)
{
    struct qmp_call *c = owner;
    struct qmp *q = c->qmp;
    c->task = NULL;
    c->running = false;
    if (c->other_cpu)
        c->session->cpu = c->session_cpu;
    if (c->starting)
        return; /* qmp_run_line answers */
    finish(q, c, c->then(c));
    intake_go(&q->intake);
}

json_t *qmp_run_line(struct qmp_call *c, const char *line, i64 cpu, qmp_function *then)
{
    c->then = then;
    c->starting = c->running = true;
    c->other_cpu = cpu >= 0;
    c->session_cpu = c->session->cpu;
    if (c->other_cpu)
        c->session->cpu = (unsigned)cpu;
    struct hmp_task *t = hmp_start(c->host, c->session, line, &(struct hmp_user){line_text, line_done, NULL, c});
    c->starting = false;
    if (c->running)
        c->task = t;
    return c->running ? NULL : then(c);
}

/* The command by that name, if it may be given now; else the reply says why not. */
static qmp_function *find_command(struct qmp *q, const char *name, json_t *id)
{
    char text[160];
    size_t i = 0;
    while (i < qmp_count && strcmp(commands[i].name, name) != 0)
        i++;
    if (i < qmp_count && !q->negotiated && strcmp(name, "qmp_capabilities") != 0) {
        reply_error(q, "CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'", id);
        return NULL;
    }
    if (i == qmp_count || (q->negotiated && !strcmp(name, "qmp_capabilities"))) {
        snprintf(text, sizeof(text),
                 i == qmp_count ? "The command %.100s has not been found"
                                : "Capabilities negotiation is already complete, command '%.40s' ignored",
                 name);
        reply_error(q, "CommandNotFound", text, id);
        return NULL;
    }
    return commands[i].function;
}

static void execute(struct qmp *q, const char *name, json_t *args, json_t *id)
{
    qmp_function *function = find_command(q, name, id);
    struct qmp_call *c = function ? calloc(1, sizeof(*c)) : NULL;
    if (!c)
        return;
    *c = (struct qmp_call){.qmp = q,
                           .host = q->host,
                           .session = &q->session,
                           .args = json_incref(args),
                           .id = json_incref(id),
                           .error_class = "GenericError"};
    trace(q->host->trace, monitor, "qmp: %s", name);
    q->call = c;
    json_t *answer = function(c);
    if (!c->running)
        finish(q, c, answer);
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

static void qmp_byte(void *owner, u8 byte)
{
    struct qmp *q = owner;
    struct error e;
    json_t *v;
    switch (json_feed(&q->input, byte, &v, &e)) {
    case JSON_BAD:
        reply_error(q, "GenericError", e.text, NULL);
        break;
    case JSON_WHOLE:
        if (json_is_object(v))
            handle_object(q, v);
        else
            reply_error(q, "GenericError", "QMP input must be a JSON object", NULL);
        json_decref(v);
        break;
    case JSON_MORE:
        break;
    }
}

static bool qmp_busy(void *owner) { return ((struct qmp *)owner)->call; }

static bool qmp_answering(void *owner) { return intake_busy(&((struct qmp *)owner)->intake); }

static size_t qmp_can_input(void *owner) { return intake_room(&((struct qmp *)owner)->intake); }

static void qmp_input(void *owner, const u8 *buf, size_t n) { intake_put(&((struct qmp *)owner)->intake, buf, n); }

/* Nobody is left to be answered. */
static void forget(struct qmp *q)
{
    if (q->call)
        free_call(q->call);
    q->call = NULL;
    intake_clear(&q->intake);
    json_input_reset(&q->input);
    q->negotiated = q->told_lost = false;
}

static void qmp_stream_event(void *owner, enum stream_event e)
{
    struct qmp *q = owner;
    if (e == STREAM_OPENED || e == STREAM_CLOSED)
        forget(q);
    if (e == STREAM_OPENED)
        greet(q);
}

struct qmp *qmp_create(struct host *host, struct stream *s)
{
    struct qmp *q = calloc(1, sizeof(*q));
    if (!q)
        return NULL;
    q->host = host;
    q->stream = s;
    hmp_session_init(&q->session);
    intake_init(&q->intake, s, &(struct intake_user){qmp_byte, qmp_busy, q});
    q->listener = (struct host_listener){.event = on_event, .disk_failed = on_disk_failure, .owner = q};
    host_listen(host, &q->listener);
    stream_attach(s, &(struct stream_user){qmp_can_input, qmp_input, qmp_stream_event, q, qmp_answering});
    return q;
}

void qmp_free(struct qmp *q)
{
    if (!q)
        return;
    host_unlisten(q->host, &q->listener);
    forget(q);
    hmp_session_free(&q->session);
    free(q);
}
