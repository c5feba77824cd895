/*
 * A monitor for people on a stream: prompt, line editing where there is a
 * terminal, plain lines elsewhere.
 */
#ifndef ORRERY_FRONTEND_MONITOR_H
#define ORRERY_FRONTEND_MONITOR_H

#include "frontend/host.h"

struct monitor;
/* 'muxed': prompt only once it has the input. */
struct monitor *monitor_create(struct host *host, struct stream *s, bool muxed);
void monitor_free(struct monitor *m);

#endif
