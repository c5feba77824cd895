/*
 * What a user writes where a byte stream is wanted ("unix:/tmp/s,server,nowait",
 * "-chardev socket,id=a,path=/tmp/s"), parsed but not yet opened.
 */
#ifndef ORRERY_FRONTEND_STREAM_SPEC_H
#define ORRERY_FRONTEND_STREAM_SPEC_H

#include "frontend/text.h"

enum stream_kind {
    STREAM_NULL,
    STREAM_STDIO,
    STREAM_FILE,
    STREAM_PIPE,
    STREAM_PTY,
    STREAM_TTY,
    STREAM_UNIX,
    STREAM_TCP,
    STREAM_CHARDEV /* path is the id of a -chardev */
};
struct stream_spec {
    enum stream_kind kind;
    const char *option; /* "-serial", for messages; or NULL */
    char label[32];     /* "serial0", "monitor", or the -chardev's id */
    char *path;         /* file, pipe, tty, unix socket; chardev id */
    char *host, *port;  /* tcp */
    bool server, wait;  /* socket: listen; and hold the start until somebody connects */
    bool telnet;
    bool delay;                       /* tcp: small pieces may wait for others (Nagle) */
    enum { IP_ANY, IP_V4, IP_V6 } ip; /* tcp: the family of addresses */
    unsigned reconnect_s;             /* client: try again after so many seconds; 0: never */
    bool mux;                         /* shared by several users, switched by Ctrl-a c */
    bool mon;                         /* "mon:" was written in front: a monitor shares it */
    bool signal;                      /* stdio: Ctrl-c and Ctrl-z are for us, not for the guest */
    bool append;                      /* file */
    char *log;                        /* -chardev: a file that gets a copy of what goes out, or NULL */
    bool log_append;
    bool vc;       /* a text console of the window was asked for: there are none, the kind is null */
    bool named;    /* by -chardev: others refer to it by its label */
    unsigned uses; /* filled by options_finish */
};

/* The form of -serial, -monitor, -gdb...: "stdio", "mon:stdio", "file:x", "tcp:host:port,server",
 * "chardev:id". */
bool stream_spec_parse(struct stream_spec *s, const char *text, const char *label, struct error *e);
/* The form of -chardev: "socket,id=a,path=/tmp/x,server=on". */
bool stream_spec_parse_chardev(struct stream_spec *s, const char *text, struct error *e);
void stream_spec_free(struct stream_spec *s);

#endif
