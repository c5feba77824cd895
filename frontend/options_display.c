/*
 * The rows of options.def about the screen.
 */
#include "frontend/options_parse.h"

int opt_display(struct options *o, const char *arg, FILE *out, struct error *e)
{
    static const char *const kinds[] = {[DISPLAY_NONE - 1] = "none", [DISPLAY_SDL - 1] = "sdl"};
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        fprintf(out, "none\nsdl\n");
        return OPTION_DONE;
    }
    char kind[32];
    snprintf(kind, sizeof(kind), "%.*s", (int)strcspn(arg, ","), arg);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!strcmp(kind, kinds[i])) {
            o->display = (enum display_kind)(i + 1);
            o->display_arg = arg;
            return true;
        }
    }
    return fail_unknown(e, "display", kind, kinds, ARRAY_LEN(kinds));
}

int opt_vga(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    static const char *const kinds[] = {"none", "std"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!strcmp(arg, kinds[i])) {
            o->config.vga = i;
            o->vga_given = true;
            return true;
        }
    }
    return fail_unknown(e, "graphics adapter", arg, kinds, ARRAY_LEN(kinds));
}

int opt_nographic(struct options *o, const char *arg, FILE *out, struct error *e)
{
    UNUSED_ARGS;
    o->nographic = o->config.nographic = true;
    o->display = DISPLAY_NONE;
    return true;
}
