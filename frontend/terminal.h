/*
 * The terminal on standard input: raw mode for the guest, and its old mode
 * back on every way out: return, exit(), abort(), a fatal signal, stop by
 * Ctrl-z (terminal_suspend) and continue.
 */
#ifndef ORRERY_FRONTEND_TERMINAL_H
#define ORRERY_FRONTEND_TERMINAL_H

#include "cpu/base.h"

/* Raw mode on fd 0 when that is a terminal; 'signals': Ctrl-c, Ctrl-z and Ctrl-\ still make signals. */
void terminal_raw(bool signals);
/* The mode it had before; safe at any time, also in a signal handler. */
void terminal_restore(void);
/* Stops the process as Ctrl-z does; returns after continue, in the same mode as before. */
void terminal_suspend(void);
/* After SIGCONT: raw again if it was, and if we are in the foreground. */
void terminal_resume(void);

#endif
