/*
 * The rows of options.def for what does not exist here beyond 'none', and
 * those that only print.
 */
#include "frontend/options_parse.h"

/* A list with one entry, for 'help'. */
static int only_none(const char *arg, const char *none, const char *what, FILE *out, struct error *e)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        fprintf(out, "%s\n", none);
        return OPTION_DONE;
    }
    return !strcmp(arg, none) || fail(e, "%s, only '%s'", what, none);
}

int opt_net(struct options *o, const char *arg, FILE *out, struct error *e)
{
    char what[160];
    (void)o;
    snprintf(what, sizeof(what), "network '%.80s' is unknown, there is no network card", arg);
    return only_none(arg, "none", what, out, e);
}

int opt_audiodev(struct options *o, const char *arg, FILE *out, struct error *e)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        fprintf(out, "none\n");
        return OPTION_DONE;
    }
    struct subopts s;
    if (!subopts_parse(&s, arg, "driver", e))
        return false;
    const char *driver = subopts_get(&s, "driver"), *id = subopts_get(&s, "id");
    bool ok = driver && !strcmp(driver, "none")
                  ? subopts_done(&s, "-audiodev", e)
                  : fail(e, "-audiodev '%.80s' is unknown, there is no sound, only 'none'", driver ? driver : "");
    if (ok && (!id || !*id))
        ok = fail(e, "-audiodev %s needs an id=NAME", arg);
    if (ok)
        o->audiodev = options_keep(o, id);
    subopts_free(&s);
    return ok;
}

bool options_finish_audio(const struct options *o, struct error *e)
{
    if (!o->speaker_audiodev || (o->audiodev && !strcmp(o->speaker_audiodev, o->audiodev)))
        return true;
    return fail_unknown(e, "audio device (-audiodev id)", o->speaker_audiodev, &o->audiodev, o->audiodev ? 1 : 0);
}

void options_version(FILE *out)
{
    fprintf(out, "QEMU emulator version " ORRERY_AS_QEMU " (Orrery " ORRERY_VERSION ")\n");
}

int opt_version(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)o;
    UNUSED_ARGS;
    options_version(out);
    return OPTION_DONE;
}

int opt_help(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)o;
    UNUSED_ARGS;
    options_help(out, "orrery");
    return OPTION_DONE;
}
