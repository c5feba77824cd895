/*
 * The trace sink: categories by name, one line of text at a time. Lines carry
 * no host time and no host address, so that two runs can be compared with diff.
 */
#include <stdarg.h>

#include "cpu/base.h"

static const char *const names[TRACE_COUNT] = {
#define TRACE(name, text) #name,
#include "cpu/trace.def"
#undef TRACE
};

void trace_line(struct trace *t, enum trace_category cat, const char *fmt, ...)
{
    FILE *out = t->out ? t->out : stderr;
    fprintf(out, "%s: ", names[cat]);
    va_list ap;
    va_start(ap, fmt);
    vfprintf(out, fmt, ap);
    va_end(ap);
    fputc('\n', out);
}

static bool is_word(const char *word, size_t len, const char *name)
{
    return strlen(name) == len && !memcmp(word, name, len);
}

/* The bits of one word of the list; 0 when there is no such category. */
static u64 category_bits(const char *word, size_t len)
{
    if (is_word(word, len, "all"))
        return BIT64(TRACE_COUNT) - 1;
    for (unsigned i = 0; i < TRACE_COUNT; i++)
        if (is_word(word, len, names[i]))
            return BIT64(i);
    return 0;
}

bool trace_parse(struct trace *t, const char *list, const char **bad)
{
    while (*list) {
        size_t len = strcspn(list, ",");
        u64 bits = category_bits(list, len);
        if (!bits && len) {
            *bad = list;
            return false;
        }
        t->mask |= bits;
        list += len + (list[len] == ',');
    }
    return true;
}
