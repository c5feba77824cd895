/*
 * Text tools (text.h). Everything here is pure: no I/O, no state.
 */
#include "frontend/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>

bool fail(struct error *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    return false;
}

bool fail_in(struct error *e, const char *fmt, ...)
{
    struct error inner = *e;
    va_list ap;
    va_start(ap, fmt);
    char head[160];
    int n = vsnprintf(head, sizeof(head), fmt, ap);
    va_end(ap);
    if (n > 0 && strncmp(inner.text, head, (size_t)n) != 0)
        fail(e, "%s: %.340s", head, inner.text);
    return false;
}

bool fail_unknown(struct error *e, const char *what, const char *word, const char *const *names, size_t count)
{
    const char *near = text_nearest(word, names, count);
    if (near)
        return fail(e, "%s '%s' is unknown, did you mean '%s'?", what, word, near);
    int at = snprintf(e->text, sizeof(e->text), "%s '%s' is unknown%s", what, word, count ? ", there are:" : "");
    for (size_t i = 0; i < count && at > 0 && (size_t)at < sizeof(e->text); i++)
        at += snprintf(e->text + at, sizeof(e->text) - (size_t)at, " %s", names[i]);
    return false;
}

/* Ends the item at p (undoubling ",,") and returns the start of the next, or NULL. */
static char *cut_item(char *p)
{
    char *to = p;
    while (*p) {
        if (*p == ',') {
            if (p[1] != ',') {
                *to = 0;
                return p + 1;
            }
            p++;
        }
        *to++ = *p++;
    }
    *to = 0;
    return NULL;
}

bool subopts_parse(struct subopts *s, const char *text, const char *implied, struct error *e)
{
    memset(s, 0, sizeof(*s));
    s->buf = strdup(text);
    if (!s->buf)
        return fail(e, "out of memory");
    for (char *p = s->buf, *next; p; p = next) {
        next = cut_item(p);
        if (!*p && !next && s->count)
            break; /* a trailing comma */
        if (s->count == SUBOPTS_MAX) {
            subopts_free(s);
            return fail(e, "'%.80s' has more than %d parts", text, SUBOPTS_MAX);
        }
        char *eq = strchr(p, '=');
        unsigned i = s->count++;
        if (!eq && !i && implied) {
            s->item[i].key = (char *)implied;
            s->item[i].val = p;
        } else {
            if (eq)
                *eq = 0;
            s->item[i].key = p;
            s->item[i].val = eq ? eq + 1 : NULL;
        }
    }
    return true;
}

const char *subopts_get(struct subopts *s, const char *key)
{
    const char *val = NULL;
    if (s->nasked < ARRAY_LEN(s->asked))
        s->asked[s->nasked++] = key;
    for (unsigned i = 0; i < s->count; i++) {
        const char *k = s->item[i].key;
        if (!strcmp(k, key)) {
            val = s->item[i].val ? s->item[i].val : "on";
            s->item[i].taken = true;
        } else if (!s->item[i].val && !strncmp(k, "no", 2) && !strcmp(k + 2, key)) {
            val = "off";
            s->item[i].taken = true;
        }
    }
    return val;
}

bool subopts_bool(struct subopts *s, const char *key, bool *out, struct error *e)
{
    const char *val = subopts_get(s, key);
    if (!val || text_bool(val, out))
        return true;
    return fail(e, "'%s=%s' must be on or off", key, val);
}

bool subopts_number(struct subopts *s, const char *key, u64 max, u64 *out, struct error *e)
{
    const char *val = subopts_get(s, key);
    if (!val || text_number(val, max, out))
        return true;
    return fail(e, "'%s=%s' must be a number from 0 to %llu", key, val, (unsigned long long)max);
}

bool subopts_done(struct subopts *s, const char *what, struct error *e)
{
    for (unsigned i = 0; i < s->count; i++) {
        if (s->item[i].taken)
            continue;
        char label[80];
        snprintf(label, sizeof(label), "%s key", what);
        return fail_unknown(e, label, s->item[i].key, s->asked, s->nasked);
    }
    return true;
}

void subopts_free(struct subopts *s)
{
    free(s->buf);
    s->buf = NULL;
}
