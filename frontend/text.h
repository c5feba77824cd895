/*
 * Text tools of the front ends: one-sentence errors and QEMU's
 * "file=a,,b,format=raw" suboptions. Knows nothing of options or machines.
 */
#ifndef ORRERY_FRONTEND_TEXT_H
#define ORRERY_FRONTEND_TEXT_H

#include "devices/core/text.h"

/* One sentence for the user, without a full stop or a program name. */
struct error {
    char text[512];
};
/* Writes the sentence; returns false so that callers can return it. */
bool fail(struct error *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Puts the formatted text and ": " in front of the sentence, unless it begins with it. Returns false. */
bool fail_in(struct error *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Fails with "<what> 'word' is unknown", and the nearest name or the list of all. */
bool fail_unknown(struct error *e, const char *what, const char *word, const char *const *names, size_t count);

enum { SUBOPTS_MAX = 32 };
struct subopts {
    unsigned count, nasked;
    struct {
        char *key, *val;
        bool taken;
    } item[SUBOPTS_MAX];
    const char *asked[2 * SUBOPTS_MAX];
    char *buf;
};
/*
 * Splits "a=b,c=d,,e,flag,noflag". A first item without '=' is the value of
 * 'implied' when that is not NULL. A bare word means word=on, and "noword" word=off
 * once somebody asks for "word". False: not even that form.
 */
bool subopts_parse(struct subopts *s, const char *text, const char *implied, struct error *e);
/* The value of key (the last one given) or NULL; remembers that the key is known. */
const char *subopts_get(struct subopts *s, const char *key);
/* As subopts_get for on/off; *out is left alone when absent. False when the value is neither. */
bool subopts_bool(struct subopts *s, const char *key, bool *out, struct error *e);
bool subopts_number(struct subopts *s, const char *key, u64 max, u64 *out, struct error *e);
/* Every key was asked for? Otherwise names the first that was not, and the nearest known one. */
bool subopts_done(struct subopts *s, const char *what, struct error *e);
void subopts_free(struct subopts *s);

#endif
