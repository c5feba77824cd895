/*
 * The monitor for people: monitor.def lists its commands. A command gets its
 * text, prints to 'out', and knows nothing of who typed it: a terminal, a
 * socket, QMP's human-monitor-command or gdb's "monitor".
 */
#ifndef ORRERY_FRONTEND_HMP_H
#define ORRERY_FRONTEND_HMP_H

#include "frontend/host.h"

enum { HMP_HISTORY = 100 };

/* What one monitor remembers between commands. */
struct hmp_session {
    unsigned cpu; /* "cpu N" */
    char format;  /* of the last x, xp */
    unsigned size;
    char *history[HMP_HISTORY]; /* a ring, the newest at (next - 1) */
    unsigned next;
};
void hmp_session_init(struct hmp_session *s);
void hmp_session_free(struct hmp_session *s);

struct hmp;
typedef void hmp_function(struct hmp *h);
struct hmp {
    struct host *host;
    struct machine *m;
    struct hmp_session *session;
    FILE *out;
    const char *args; /* what is left of the line; for the first call only */
    const struct hmp_command *row;
    /* What takes long: 'next' is called, on the command's thread, until it is NULL again (hmp_job). */
    hmp_function *next;
    void *job;
    void (*job_end)(void *job);
    bool waits; /* set by 'next' when there is nothing it could do now */
};

enum hmp_thread { ON_MAIN, ON_MACHINE, ON_CPU /* the machine's, which must have a CPU */ };
struct hmp_command {
    const char *name, *other, *args, *help;
    enum hmp_thread thread;
    hmp_function *function;
};
extern const struct hmp_command hmp_commands[], hmp_infos[];
extern const size_t hmp_command_count, hmp_info_count;

/* Whoever typed a line; called on the main thread. */
struct hmp_user {
    /* A piece of what is printed. False: enough, the command is to end. */
    bool (*text)(void *owner, const char *text, size_t n);
    void (*done)(void *owner); /* it has ended */
    struct stream *stream;     /* where the text goes: while that is busy the command waits; or NULL */
    void *owner;
};
/*
 * Runs one line; main thread. What takes longer goes on in pieces of some milliseconds, between which the guest and
 * everybody else have their turn. NULL: it has ended already, and user.done was called.
 */
struct hmp_task;
struct hmp_task *hmp_start(struct host *host, struct hmp_session *session, const char *line,
                           const struct hmp_user *user);
/* Ends it without user.done; t may be NULL. */
void hmp_cancel(struct hmp_task *t);
/* Completions of the first words of 'line': calls 'found' with each full word. */
void hmp_complete(const char *line, void (*found)(void *owner, const char *word), void *owner);

/* ---- for commands ---- */
/* The next blank-separated (or "quoted") word into buf; false when there is none. */
bool hmp_word(struct hmp *h, char *buf, size_t size);
/* "-f": true and consumed when it comes next. */
bool hmp_flag(struct hmp *h, char letter);
/* The next expression; false, having said why, when there is none. */
bool hmp_number(struct hmp *h, u64 *out);
/* True when something is left. */
bool hmp_more(struct hmp *h);
struct cpu *hmp_cpu_of(struct hmp *h);
/*
 * Makes the command one that goes on: 'size' zeroed bytes for it to remember, in h->job, and what is called with them
 * from then on, each time for about as much as a line of output costs. 'end' (may be NULL) closes what the job holds.
 */
void *hmp_job(struct hmp *h, size_t size, hmp_function *next, void (*end)(void *job));
/* Prints e's sentence as monitors do. */
void hmp_error(struct hmp *h, const struct error *e);

#define COMMAND(name, other, args, thread, function, help) hmp_function function;
#define INFO(name, args, thread, function, help)           hmp_function function;
#include "frontend/monitor.def"
#undef COMMAND
#undef INFO

#endif
