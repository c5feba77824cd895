/*
 * Words as users write them (text.h).
 */
#include "devices/core/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

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
    /* Of one letter, behind a dash or not, only the case can be wrong: everything else is one slip away. */
    size_t letters = strlen(word) - (word[0] == '-');
    unsigned best_distance = letters < 2 ? 1 : MAX(1u, (unsigned)(strlen(word) + 1) / 3) + 1;
    for (size_t i = 0; i < count; i++) {
        unsigned d = edit_distance(word, names[i]);
        if (d < best_distance) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
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
