/*
 * Raw mode (terminal.h). The saved mode is the one mutable static of the front
 * ends: a signal handler has no other way to reach it. SIGINT, SIGTERM, SIGHUP
 * and the stops are read by a thread (guard.c), so only signals that mean a
 * crash have a handler here.
 */
#include "frontend/terminal.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static struct {
    struct termios before, raw;
    volatile sig_atomic_t changed; /* 'before' must be put back */
    bool installed, wanted;
} tty;

void terminal_restore(void)
{
    if (tty.changed) {
        tty.changed = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &tty.before);
    }
}

static void crash(int sig)
{
    terminal_restore();
    signal(sig, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(sig);
}

static void install(void)
{
    static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS};
    tty.installed = true;
    atexit(terminal_restore);
    for (size_t i = 0; i < ARRAY_LEN(fatal); i++) {
        struct sigaction old;
        /* A sanitizer or debugger that came first keeps its handler. */
        if (!sigaction(fatal[i], NULL, &old) && old.sa_handler == SIG_DFL)
            sigaction(fatal[i], &(struct sigaction){.sa_handler = crash}, NULL);
    }
}

static void apply(void)
{
    if (tty.wanted && tcgetpgrp(STDIN_FILENO) == getpgrp()) {
        tty.changed = 1;
        tcsetattr(STDIN_FILENO, TCSANOW, &tty.raw);
    }
}

void terminal_raw(bool signals)
{
    if (!isatty(STDIN_FILENO) || (!tty.wanted && tcgetattr(STDIN_FILENO, &tty.before)))
        return;
    if (!tty.installed)
        install();
    tty.raw = tty.before;
    tty.raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    tty.raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals)
        tty.raw.c_lflag &= ~(tcflag_t)ISIG;
    tty.raw.c_cflag = (tty.raw.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
    tty.raw.c_oflag |= OPOST; /* our own messages end in plain newlines */
    tty.raw.c_cc[VMIN] = 1;
    tty.raw.c_cc[VTIME] = 0;
    tty.wanted = true;
    apply();
}

void terminal_suspend(void)
{
    terminal_restore();
    kill(getpid(), SIGSTOP);
    terminal_resume();
}

void terminal_resume(void) { apply(); }
