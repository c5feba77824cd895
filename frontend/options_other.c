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

static bool sound_number(const char *text, const char *key, u64 low, u64 high, unsigned *out, struct error *e)
{
    u64 v = *out;
    if (text && (!text_number(text, high, &v) || v < low))
        return fail(e, "-audiodev %s=%s must be a number from %llu to %llu", key, text, (unsigned long long)low,
                    (unsigned long long)high);
    *out = (unsigned)v;
    return true;
}

static bool take_audiodev(struct options *o, struct subopts *s, struct error *e)
{
    const char *driver = subopts_get(s, "driver"), *id = subopts_get(s, "id"), *path = subopts_get(s, "path");
    struct sound_options *to = &o->sound;
    const char *names[8];
    for (unsigned i = 0; i < sound_driver_count; i++)
        names[i] = sound_drivers[i].name;
    if (!driver || !sound_find_driver(driver))
        return fail_unknown(e, "-audiodev driver", driver ? driver : "", names, sound_driver_count);
    if (!id || !*id)
        return fail(e, "-audiodev %s needs an id=NAME", driver);
    if (to->id)
        return fail(e, "-audiodev %s: there is one already, '%s'", id, to->id);
    if (path && strcmp(driver, "wav") != 0)
        return fail(e, "-audiodev %s has no path=, wav has", driver);
    *to = (struct sound_options){options_keep(o, id), sound_find_driver(driver)->name,
                                 path ? options_keep(o, path) : NULL, SOUND_RATE_DEFAULT, 2};
    return sound_number(subopts_get(s, "out.frequency"), "out.frequency", SOUND_RATE_MIN, SOUND_RATE_MAX, &to->rate,
                        e) &&
           sound_number(subopts_get(s, "out.channels"), "out.channels", 1, 2, &to->channels, e) &&
           subopts_done(s, "-audiodev", e);
}

int opt_audiodev(struct options *o, const char *arg, FILE *out, struct error *e)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        for (unsigned i = 0; i < sound_driver_count; i++)
            fprintf(out, "%-8s %s\n", sound_drivers[i].name, sound_drivers[i].about);
        return OPTION_DONE;
    }
    struct subopts s;
    if (!subopts_parse(&s, arg, "driver", e))
        return false;
    bool ok = take_audiodev(o, &s, e);
    subopts_free(&s);
    return ok;
}

bool options_finish_audio(const struct options *o, struct error *e)
{
    if (!o->speaker_audiodev || (o->sound.id && !strcmp(o->speaker_audiodev, o->sound.id)))
        return true;
    return fail_unknown(e, "audio device (-audiodev id)", o->speaker_audiodev, &o->sound.id, o->sound.id ? 1 : 0);
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
