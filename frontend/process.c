/*
 * The emulator as a process (process.h).
 */
#include "frontend/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- -msg: a stream in stderr's place that begins lines ---- */

struct stamper {
    bool time;
    const char *guest; /* or NULL */
    bool inside;       /* a line has begun */
    int fd;
};

static int stamp(const struct stamper *s, char *out, size_t size)
{
    struct timeval now;
    struct tm tm;
    char when[32] = "";
    gettimeofday(&now, NULL);
    if (s->time && gmtime_r(&now.tv_sec, &tm)) {
        size_t n = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(when + n, sizeof(when) - n, ".%06ldZ ", (long)now.tv_usec);
    }
    return snprintf(out, size, "%s%.80s%s", when, s->guest ? s->guest : "", s->guest ? " " : "");
}

static ssize_t stamper_write(void *cookie, const char *buf, size_t n)
{
    struct stamper *s = cookie;
    char head[128];
    for (size_t at = 0; at < n;) {
        const char *nl = memchr(buf + at, '\n', n - at);
        size_t len = nl ? (size_t)(nl - (buf + at)) + 1 : n - at;
        if (!s->inside && write(s->fd, head, (size_t)stamp(s, head, sizeof(head))) < 0)
            return 0;
        if (write(s->fd, buf + at, len) < 0)
            return 0;
        s->inside = nl == NULL;
        at += len;
    }
    return (ssize_t)n;
}

static bool stamp_messages(const struct process_options *p)
{
    struct stamper *s = calloc(1, sizeof(*s));
    FILE *f = s ? fopencookie(s, "w", (cookie_io_functions_t){.write = stamper_write}) : NULL;
    if (!f)
        return false;
    *s = (struct stamper){.time = p->stamps, .guest = p->stamp_guest ? p->guest : NULL, .fd = STDERR_FILENO};
    setvbuf(f, NULL, _IOLBF, 0);
    stderr = f; /* until the process ends */
    return true;
}

/* ---- -daemonize ---- */

/* The parent's end: the child says one byte when it is ready, or nothing and ends. */
static _Noreturn void wait_for_child(int from)
{
    u8 byte;
    ssize_t n;
    do
        n = read(from, &byte, 1);
    while (n < 0 && errno == EINTR);
    _exit(n == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static bool daemonize(int *ready, struct error *e)
{
    int pipe_fd[2];
    if (pipe2(pipe_fd, O_CLOEXEC))
        return fail(e, "-daemonize: %s", strerror(errno));
    pid_t child = fork();
    if (child < 0)
        return fail(e, "-daemonize: %s", strerror(errno));
    if (child) {
        close(pipe_fd[1]);
        wait_for_child(pipe_fd[0]);
    }
    close(pipe_fd[0]);
    *ready = pipe_fd[1];
    if (setsid() < 0)
        return fail(e, "-daemonize: %s", strerror(errno));
    /* Not the session's leader, so that no terminal opened later becomes its own. */
    child = fork();
    if (child)
        _exit(child < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
    return true;
}

static bool leave_terminal(struct error *e)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return fail(e, "-daemonize: /dev/null: %s", strerror(errno));
    fflush(stdout);
    fflush(stderr);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    if (null > STDERR_FILENO)
        close(null);
    return true;
}

/* ---- rights ---- */

static bool change_root(const char *dir, struct error *e)
{
    if (chroot(dir) || chdir("/"))
        return fail(e, "-chroot %s: %s", dir, strerror(errno));
    return true;
}

/* "NAME" or "UID:GID" */
static bool change_user(const char *user, struct error *e)
{
    const struct passwd *pw = getpwnam(user);
    char *end = NULL;
    uid_t uid = pw ? pw->pw_uid : (uid_t)strtoul(user, &end, 10);
    gid_t gid = pw ? pw->pw_gid : 0;
    if (!pw && end && end != user && *end == ':' && end[1])
        gid = (gid_t)strtoul(end + 1, &end, 10);
    if (!pw && (!end || end == user || *end || !strchr(user, ':')))
        return fail(e, "-runas %s: there is no such user (a name, or UID:GID)", user);
    if ((pw ? initgroups(user, gid) : setgroups(0, NULL)) || setgid(gid) || setuid(uid))
        return fail(e, "-runas %s: %s", user, strerror(errno));
    if (uid && setuid(0) != -1)
        return fail(e, "-runas %s: the rights of root cannot be given up", user);
    return true;
}

bool process_begin(const struct process_options *p, int *ready, struct error *e)
{
    *ready = -1;
    if ((p->stamps || p->stamp_guest) && !stamp_messages(p))
        return fail(e, "out of memory");
    if (p->name)
        prctl(PR_SET_NAME, p->name, 0, 0, 0);
    if (p->daemonize && !daemonize(ready, e))
        return false;
    if (p->mem_lock && mlockall(MCL_CURRENT | MCL_FUTURE))
        return fail(e, "-overcommit mem-lock=on: cannot lock memory: %s", strerror(errno));
    return true;
}

bool process_ready(const struct process_options *p, int ready, struct error *e)
{
    const u8 byte = 0;
    if (p->chroot && !change_root(p->chroot, e))
        return false;
    if (p->runas && !change_user(p->runas, e))
        return false;
    if (ready < 0)
        return true;
    if (!leave_terminal(e))
        return false;
    bool told = write(ready, &byte, 1) == 1;
    close(ready);
    return told || fail(e, "-daemonize: whoever started this has gone");
}
