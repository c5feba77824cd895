/*
 * The rows of options.def for looking into the guest: gdb, traces, translated code.
 */
#include "frontend/options_parse.h"

static bool set_gdb(struct options *o, const char *dev, struct error *e)
{
    if (o->gdb != STREAM_NONE)
        return fail(e, "-gdb %s: one debugger at a time (-s is -gdb tcp::1234)", dev);
    if (!strcmp(dev, "none"))
        return true;
    o->gdb = options_add_stream(o, "-gdb", dev, "gdb", e);
    if (o->gdb == STREAM_BAD)
        return false;
    struct stream_spec *s = &o->specs[o->gdb];
    if (s->kind == STREAM_TCP || s->kind == STREAM_UNIX) {
        s->server = true;
        s->wait = false;
    }
    return true;
}

int opt_s(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)arg;
    (void)out;
    return set_gdb(o, "tcp::1234", e);
}

int opt_gdb(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    return set_gdb(o, arg, e);
}

SET_BOOL(opt_S, config.start_paused, true)
SET_BOOL(opt_perfmap, config.perfmap, true)
SET_BOOL(opt_jitdump, config.jitdump, true)

static const char *const trace_names[] = {
#define TRACE(name, text) #name,
#include "cpu/trace.def"
#undef TRACE
};
static const char *const trace_texts[] = {
#define TRACE(name, text) text,
#include "cpu/trace.def"
#undef TRACE
};

int opt_d(struct options *o, const char *arg, FILE *out, struct error *e)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        for (size_t i = 0; i < ARRAY_LEN(trace_names); i++)
            fprintf(out, "%-14s %s\n", trace_names[i], trace_texts[i]);
        return OPTION_DONE;
    }
    const char *bad;
    if (trace_parse(&o->trace, arg, &bad))
        return true;
    char word[40];
    snprintf(word, sizeof(word), "%.*s", (int)strcspn(bad, ","), bad);
    return fail_unknown(e, "-d category", word, trace_names, ARRAY_LEN(trace_names));
}

KEEP_STRING(opt_D, log_file)
