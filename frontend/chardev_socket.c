/*
 * Streams over unix and TCP sockets: a server that takes one client at a time
 * and waits for the next when it leaves, or a client that may reconnect.
 * Telnet is the little of RFC 854 that puts a client into character mode.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "frontend/own_file.h"
#include "frontend/stream_fd.h"

struct sock {
    struct fd_stream f;
    struct stream_spec spec; /* a copy: strings are ours */
    struct loop_fd listener;
    struct own_file own; /* the name we listen at */
    struct loop_timer retry, linger;
    size_t pending; /* while lingering: unread output, and how often it was the same */
    unsigned waited;
    /* telnet: what of a command has been seen: 0 nothing, 1 IAC, 2 IAC and WILL/WONT/DO/DONT, 3 in SB, 4 IAC
     * in SB */
    u8 telnet;
    bool after_cr;
};

enum {
    IAC = 255,
    DONT = 254,
    DO = 253,
    WILL = 251,
    SB = 250,
    BRK = 243,
    SE = 240,
    OPT_BINARY = 0,
    OPT_ECHO = 1,
    OPT_SGA = 3
};

static struct sock *from_stream(struct stream *s) { return container_of(s, struct sock, f.s); }

static void describe_address(const struct stream_spec *spec, char *out, size_t size)
{
    if (spec->kind == STREAM_UNIX)
        snprintf(out, size, "unix:%s", spec->path);
    else
        snprintf(out, size, "%s:%s:%s", spec->telnet ? "telnet" : "tcp", spec->host, spec->port);
}

static void sock_describe(struct stream *s, char *out, size_t size)
{
    struct sock *k = from_stream(s);
    char address[160];
    describe_address(&k->spec, address, sizeof(address));
    snprintf(out, size, "%s%s%s", s->connected ? "" : "disconnected:", address, k->spec.server ? ",server=on" : "");
}

static size_t telnet_decode(struct fd_stream *f, u8 *buf, size_t n)
{
    struct sock *k = container_of(f, struct sock, f);
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        u8 c = buf[i];
        switch (k->telnet) {
        case 0:
            if (c == IAC)
                k->telnet = 1;
            else if (!k->after_cr || (c && c != '\n')) /* CR NUL and CR LF are how telnet spells the return key */
                buf[out++] = c;
            k->after_cr = c == '\r';
            break;
        case 1:
            if (c == IAC)
                buf[out++] = c;
            else if (c == BRK)
                stream_event(&f->s, STREAM_BREAK);
            k->telnet = c == SB ? 3 : c >= WILL && c <= DONT ? 2 : 0;
            break;
        case 2:
            k->telnet = 0;
            break;
        case 3:
            k->telnet = c == IAC ? 4 : 3;
            break;
        default:
            k->telnet = c == SE ? 0 : 3;
            break;
        }
    }
    return out;
}

/* A peer is there: fd is connected. */
static void connected(struct sock *k, int fd)
{
    int one = 1;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (k->spec.kind == STREAM_TCP && !k->spec.delay)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fd_stream_open(&k->f, fd, fd, 0);
    k->telnet = 0;
    if (k->spec.telnet) {
        static const u8 hello[] = {IAC, WILL, OPT_ECHO, IAC, WILL, OPT_SGA, IAC, WILL, OPT_BINARY, IAC, DO, OPT_BINARY};
        stream_write_all(&k->f.s, hello, sizeof(hello));
    }
    stream_event(&k->f.s, STREAM_OPENED);
}

/* The peer may have closed only its sending half: it has until nothing more leaves for a while. */
static void hung_up(void *owner)
{
    enum { LOOK_MS = 10, PATIENCE = 100 };
    struct sock *k = owner;
    struct fd_stream *f = &k->f;
    int fd = f->in.fd;
    size_t pending = fd_stream_pending(&f->s);
    k->waited = pending && pending == k->pending ? k->waited + 1 : 0;
    k->pending = pending;
    if (k->waited < PATIENCE && fd_stream_answering(f)) {
        loop_timer_set(f->s.loop, &k->linger, LOOK_MS);
        return;
    }
    fd_stream_stop(f);
    close(fd);
    stream_event(&f->s, STREAM_CLOSED);
    if (k->spec.server)
        loop_fd_add(f->s.loop, &k->listener);
    else if (k->spec.reconnect_s)
        loop_timer_set(f->s.loop, &k->retry, k->spec.reconnect_s * 1000u);
}

static void sock_hangup(struct fd_stream *f)
{
    struct sock *k = container_of(f, struct sock, f);
    loop_fd_remove(f->s.loop, &f->in);
    k->waited = 0;
    hung_up(k);
}

static void listener_ready(void *owner, short revents)
{
    struct sock *k = owner;
    (void)revents;
    int fd = accept4(k->listener.fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    loop_fd_remove(k->f.s.loop, &k->listener); /* one client at a time: the next waits in the backlog */
    connected(k, fd);
}

static void sock_close(struct stream *s)
{
    struct sock *k = from_stream(s);
    int fd = k->f.in.fd;
    fd_stream_free(&k->f);
    loop_fd_remove(s->loop, &k->listener);
    loop_timer_cancel(s->loop, &k->retry);
    loop_timer_cancel(s->loop, &k->linger);
    if (fd >= 0)
        close(fd);
    own_file_remove(&k->own);
    if (k->listener.fd >= 0)
        close(k->listener.fd);
    stream_spec_free(&k->spec);
    free(k);
}

/* ---- addresses ---- */

static bool fail_address(const struct stream_spec *spec, const char *verb, const char *why, struct error *e)
{
    char address[160];
    describe_address(spec, address, sizeof(address));
    return fail(e, "%s: cannot %s %s: %s", spec->label, verb, address, why);
}

/*
 * Has the socket of that name outlived its process? A datagram socket asks without disturbing who listens: the kernel
 * says EPROTOTYPE where somebody does.
 */
static bool abandoned(const struct sockaddr_un *a)
{
    struct stat st;
    if (lstat(a->sun_path, &st) || !S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool nobody = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof(*a)) && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return nobody;
}

/* What lies there is not ours to remove, unless it is a socket that nobody listens at any more. */
static bool listen_at(int fd, const struct sockaddr_un *a)
{
    if (abandoned(a))
        unlink(a->sun_path);
    fchmod(fd, 0600); /* which the name will have */
    return !bind(fd, (const struct sockaddr *)a, sizeof(*a)) && !listen(fd, 1);
}

static int unix_socket(const struct stream_spec *spec, struct error *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(spec->path) >= sizeof(a.sun_path)) {
        fail(e, "%s: the socket's name '%.60s...' is longer than %zu characters", spec->label, spec->path,
             sizeof(a.sun_path) - 1);
        return -1;
    }
    memcpy(a.sun_path, spec->path, strlen(spec->path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (spec->server ? listen_at(fd, &a) : !connect(fd, (const struct sockaddr *)&a, sizeof(a))))
        return fd;
    fail_address(spec, spec->server ? "listen on" : "connect to", strerror(errno), e);
    if (fd >= 0)
        close(fd);
    return -1;
}

static int tcp_socket(const struct stream_spec *spec, struct error *e)
{
    static const int families[] = {[IP_ANY] = AF_UNSPEC, [IP_V4] = AF_INET, [IP_V6] = AF_INET6};
    struct addrinfo hints = {.ai_family = families[spec->ip], .ai_socktype = SOCK_STREAM}, *list;
    hints.ai_flags = spec->server ? AI_PASSIVE : 0;
    int why = getaddrinfo(*spec->host ? spec->host : NULL, spec->port, &hints, &list);
    if (why) {
        fail_address(spec, "find", gai_strerror(why), e);
        return -1;
    }
    int fd = -1, one = 1;
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (spec->server ? bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 1)
                         : connect(fd, a->ai_addr, a->ai_addrlen)) {
            fail_address(spec, spec->server ? "listen on" : "connect to", strerror(errno), e);
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

static int any_socket(const struct stream_spec *spec, struct error *e)
{
    return spec->kind == STREAM_UNIX ? unix_socket(spec, e) : tcp_socket(spec, e);
}

static void reconnect(void *owner)
{
    struct sock *k = owner;
    struct error ignored;
    int fd = any_socket(&k->spec, &ignored);
    if (fd >= 0)
        connected(k, fd);
    else
        loop_timer_set(k->f.s.loop, &k->retry, k->spec.reconnect_s * 1000u);
}

/* Holds the start until a client comes: what wait=on asks for. */
enum { WAIT_MS = 1000 };
static void wait_for_client(struct sock *k)
{
    char address[160];
    describe_address(&k->spec, address, sizeof(address));
    fprintf(stderr, "orrery: waiting for connection on: disconnected:%s,server=on\n", address);
    /* Ctrl-c meanwhile ends the program: main.c, on the same loop. */
    while (!k->f.s.connected)
        loop_once(k->f.s.loop, WAIT_MS);
}

static bool copy_spec(struct stream_spec *to, const struct stream_spec *from)
{
    *to = *from;
    to->path = from->path ? strdup(from->path) : NULL;
    to->host = from->host ? strdup(from->host) : NULL;
    to->port = from->port ? strdup(from->port) : NULL;
    return (!from->path || to->path) && (!from->host || to->host) && (!from->port || to->port);
}

struct stream *stream_open_socket(const struct stream_spec *spec, struct loop *l, struct error *e)
{
    static const struct stream_class cls = {.name = "socket",
                                            .write = fd_stream_write,
                                            .pending = fd_stream_pending,
                                            .accept_input = fd_stream_accept_input,
                                            .close = sock_close,
                                            .describe = sock_describe};
    struct sock *k = calloc(1, sizeof(*k));
    if (!k) {
        fail(e, "out of memory");
        return NULL;
    }
    fd_stream_init(&k->f, &cls, spec->label, l);
    k->f.hangup = sock_hangup;
    k->f.s.crlf = true;
    k->f.s.is_tty = spec->telnet;
    k->f.decode = spec->telnet ? telnet_decode : NULL;
    k->listener = (struct loop_fd){.fd = -1, .events = POLLIN, .ready = listener_ready, .owner = k};
    k->retry = (struct loop_timer){.fire = reconnect, .owner = k};
    k->linger = (struct loop_timer){.fire = hung_up, .owner = k};
    int fd = copy_spec(&k->spec, spec) ? any_socket(spec, e) : -1;
    if (fd < 0 && (spec->server || !spec->reconnect_s)) {
        sock_close(&k->f.s);
        return NULL;
    }
    if (!spec->server) {
        if (fd >= 0)
            connected(k, fd);
        else
            loop_timer_set(l, &k->retry, spec->reconnect_s * 1000u);
        return &k->f.s;
    }
    k->listener.fd = fd;
    if (spec->kind == STREAM_UNIX)
        own_file_adopt(&k->own, k->spec.path);
    loop_fd_add(l, &k->listener);
    if (spec->wait)
        wait_for_client(k);
    return &k->f.s;
}
