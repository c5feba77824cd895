/*
 * The monitor for programs: JSON objects over a stream, QEMU's protocol.
 * qmp.c is the protocol (greeting, negotiation, ids, events, errors),
 * qmp_commands.c the commands, qmp.def their list.
 */
#ifndef ORRERY_FRONTEND_QMP_H
#define ORRERY_FRONTEND_QMP_H

#include <jansson.h>

#include "frontend/hmp.h"
#include "frontend/host.h"

struct qmp;
struct qmp_call;
struct qmp *qmp_create(struct host *host, struct stream *s);
void qmp_free(struct qmp *q);

/* ---- between qmp.c and qmp_commands.c ---- */
enum { QMP_MAX_ARGS = 12 };
typedef json_t *qmp_function(struct qmp_call *c);
/* One command being carried out. */
struct qmp_call {
    struct qmp *qmp;
    struct host *host;
    struct hmp_session *session;
    json_t *args, *id; /* an object, or NULL; as it came, or NULL */
    const char *asked[QMP_MAX_ARGS];
    unsigned nasked;
    struct error error;      /* set by qmp_fail and the argument functions */
    const char *error_class; /* "GenericError" unless set */
    bool failed, negotiated; /* negotiated: set by qmp_capabilities */
    bool events_first;       /* events caused by the command precede its answer */
    /* A command that is one of the other monitor's (qmp_run_line): */
    struct hmp_task *task;
    qmp_function *then;
    char *said;
    size_t said_len;
    bool starting, running;
    bool other_cpu; /* than the session's, which is: */
    unsigned session_cpu;
};
/*
 * Runs a line of the monitor for people, which may go on after the function has returned; when it has ended 'then'
 * gives the answer from c->said. cpu: the one it is about, or -1.
 */
json_t *qmp_run_line(struct qmp_call *c, const char *line, i64 cpu, qmp_function *then);
/* Functions return the answer, a new reference (NULL means {}); with c->failed set it is ignored. */
json_t *qmp_fail(struct qmp_call *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Arguments by name. With 'required' and none given the call fails. NULL or false: absent or failed. */
json_t *qmp_arg(struct qmp_call *c, const char *name, json_type type, bool required);
const char *qmp_string(struct qmp_call *c, const char *name, bool required);
bool qmp_int(struct qmp_call *c, const char *name, i64 *out, bool required);
bool qmp_flag(struct qmp_call *c, const char *name);
/* Fails when an argument was given that nobody asked for. */
bool qmp_args_done(struct qmp_call *c);

#define QMP(name, function) qmp_function function;
#include "frontend/qmp.def"
#undef QMP
/* Names in order, for query-commands. */
extern const char *const qmp_names[];
extern const size_t qmp_count;

#endif
