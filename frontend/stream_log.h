/*
 * A file that gets all that goes out on a stream (-chardev ...,logfile=).
 */
#ifndef ORRERY_FRONTEND_STREAM_LOG_H
#define ORRERY_FRONTEND_STREAM_LOG_H

#include "frontend/stream.h"

struct stream_log;
/* NULL: see e. */
struct stream_log *stream_log_open(struct stream *s, const char *path, bool append, struct error *e);
/* Before the stream is closed; may be NULL. */
void stream_log_close(struct stream_log *log);

#endif
