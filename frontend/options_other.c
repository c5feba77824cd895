/*
 * The rows of options.def that have no subject of their own.
 */
#include "frontend/options_parse.h"

KEEP_STRING(opt_pidfile, pidfile)

int opt_net(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)o;
    (void)out;
    return !strcmp(arg, "none") || fail(e, "network '%s' is unknown, there is no network card, only 'none'", arg);
}

int opt_version(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)o;
    UNUSED_ARGS;
    fprintf(out, "Orrery version %s\n", ORRERY_VERSION);
    return OPTION_DONE;
}

int opt_help(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)o;
    UNUSED_ARGS;
    options_help(out, "orrery");
    return OPTION_DONE;
}
