/*
 * Text tools (text.h). Everything here is pure: no I/O, no state.
 */
#include "frontend/text.h"

#include <ctype.h>
#include <errno.h>
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

enum { WORD_MAX_LEN = 40 };

/* Damerau-Levenshtein (restricted): swapped neighbours, the commonest slip, count once. */
static unsigned edit_distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    if (la > WORD_MAX_LEN || lb > WORD_MAX_LEN)
        return UINT32_MAX;
    unsigned row[3][WORD_MAX_LEN + 1];
    for (size_t j = 0; j <= lb; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned *cur = row[i % 3], *prev = row[(i + 2) % 3], *prev2 = row[(i + 1) % 3];
        cur[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            bool same = tolower((u8)a[i - 1]) == tolower((u8)b[j - 1]);
            unsigned best = prev[j - 1] + !same;
            best = MIN(best, MIN(prev[j], cur[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = MIN(best, prev2[j - 2] + 1);
            cur[j] = best;
        }
    }
    return row[la % 3][lb];
}

const char *text_nearest(const char *word, const char *const *names, size_t count)
{
    const char *best = NULL;
    unsigned best_distance = MAX(1u, (unsigned)(strlen(word) + 1) / 3) + 1;
    for (size_t i = 0; i < count; i++) {
        unsigned d = edit_distance(word, names[i]);
        if (d < best_distance) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
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

bool text_number(const char *s, u64 max, u64 *out)
{
    if (!isdigit((u8)s[0]))
        return false;
    char *end;
    errno = 0;
    u64 v = strtoull(s, &end, 0);
    if (errno || *end || v > max)
        return false;
    *out = v;
    return true;
}

bool text_size(const char *s, u64 unit, u64 *out)
{
    static const char suffixes[] = "BKMGTPE";
    if (!isdigit((u8)s[0]))
        return false;
    char *end;
    errno = 0;
    u64 whole = strtoull(s, &end, s[0] == '0' && tolower((u8)s[1]) == 'x' ? 16 : 10);
    if (errno)
        return false;
    double fraction = 0;
    if (*end == '.' && isdigit((u8)end[1]))
        fraction = strtod(end, &end);
    if (*end) {
        const char *p = strchr(suffixes, toupper((u8)*end));
        if (!p || end[1])
            return false;
        unit = 1ull << (10 * (p - suffixes));
    }
    u64 v;
    if (__builtin_mul_overflow(whole, unit, &v) || __builtin_add_overflow(v, (u64)(fraction * (double)unit), &v))
        return false;
    *out = v;
    return true;
}

bool text_bool(const char *s, bool *out)
{
    static const char *const yes[] = {"on", "yes", "true", "y"}, *const no[] = {"off", "no", "false", "n"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (!strcasecmp(s, yes[i]) || !strcasecmp(s, no[i])) {
            *out = !strcasecmp(s, yes[i]);
            return true;
        }
    }
    return false;
}

bool text_prefix(const char *s, const char *prefix, const char **rest)
{
    size_t n = strlen(prefix);
    if (strncmp(s, prefix, n) != 0)
        return false;
    *rest = s + n;
    return true;
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
