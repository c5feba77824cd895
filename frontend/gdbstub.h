/*
 * The gdb remote protocol: a stub stock gdb talks to. CPUs are threads 1 to n.
 * Addresses are linear in every mode; so is the program counter it shows.
 */
#ifndef ORRERY_FRONTEND_GDBSTUB_H
#define ORRERY_FRONTEND_GDBSTUB_H

#include "frontend/host.h"

struct gdb_server;
struct gdb_server *gdb_server_create(struct host *host, struct stream *s);
/* Tells a connected gdb that the machine has ended. */
void gdb_server_ended(struct gdb_server *g, int status);
/* Takes its breakpoints away. The stream stays. */
void gdb_server_free(struct gdb_server *g);

#endif
