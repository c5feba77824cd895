/*
 * Line editing by libedit for input that arrives in pieces on the main thread.
 * libedit wants to block on a terminal, so it gets a thread and a
 * pseudo-terminal of its own; what it prints goes to a stream.
 */
#ifndef ORRERY_FRONTEND_LINE_EDITOR_H
#define ORRERY_FRONTEND_LINE_EDITOR_H

#include "frontend/stream.h"

struct line_editor;
struct line_editor_user {
    /* Main thread: a whole line. Editing waits for line_editor_go_on, which may be called from inside. */
    void (*line)(void *owner, const char *text);
    /* Any thread: completions of what has been typed. */
    void (*complete)(const char *line, void (*found)(void *owner, const char *word), void *owner);
    void *owner;
};
struct line_editor *line_editor_create(struct stream *out, const char *prompt, const struct line_editor_user *user);
void line_editor_go_on(struct line_editor *e);
/* Main thread: what was typed, as much as there is room for. */
size_t line_editor_room(struct line_editor *e);
void line_editor_input(struct line_editor *e, const u8 *buf, size_t n);
/* Prints the prompt and what has been typed again. */
void line_editor_redraw(struct line_editor *e);
void line_editor_free(struct line_editor *e);

#endif
