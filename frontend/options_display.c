/*
 * The rows of options.def about the screen.
 */
#include "frontend/options_keys.h"

static const char *const display_kinds[] = {"none", "sdl"};

static bool set_display(struct options *o, const char *kind, struct subopts *s, struct error *e)
{
    static const struct option_key keys[] = {
        KEY_FIELD("window-close", KEY_BOOL, window.close_ends),
        KEY_FIELD("full-screen", KEY_BOOL, window.full_screen),
        KEY_REFUSED("gl", "off", "on|core|es", "the picture is not drawn with OpenGL"),
        KEY_REFUSED("grab-mod", "lctrl-lalt", "lshift-lctrl-lalt|rctrl", "Ctrl-Alt-g takes and gives the mouse"),
        KEY_REFUSED("alt_grab", "off", "on", "Ctrl-Alt-g takes and gives the mouse"),
        KEY_REFUSED("ctrl_grab", "off", "on", "Ctrl-Alt-g takes and gives the mouse"),
        KEY_REFUSED("show-cursor", "off", "on", "the host's pointer is hidden while the guest has the mouse"),
    };
    if (!strcmp(kind, "none")) {
        o->display = DISPLAY_NONE;
        return true;
    }
    if (strcmp(kind, "sdl") != 0)
        return fail_unknown(e, "display", kind, display_kinds, ARRAY_LEN(display_kinds));
    o->display = DISPLAY_SDL;
    return options_take_keys(o, s, "-display", keys, ARRAY_LEN(keys), e);
}

int opt_display(struct options *o, const char *arg, FILE *out, struct error *e)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        for (size_t i = 0; i < ARRAY_LEN(display_kinds); i++)
            fprintf(out, "%s\n", display_kinds[i]);
        return OPTION_DONE;
    }
    struct subopts s;
    if (!subopts_parse(&s, arg, "type", e))
        return false;
    const char *kind = subopts_get(&s, "type");
    bool ok = set_display(o, kind ? kind : "", &s, e) && subopts_done(&s, "-display", e);
    subopts_free(&s);
    return ok;
}

int opt_vga(struct options *o, const char *arg, FILE *out, struct error *e)
{
    static const char *const kinds[] = {"none", "std"};
    bool help = !strcmp(arg, "help") || !strcmp(arg, "?");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (help) {
            fprintf(out, "%s\n", kinds[i]);
        } else if (!strcmp(arg, kinds[i])) {
            o->config.vga = i;
            return o->vga_given = true;
        }
    }
    return help ? OPTION_DONE : fail_unknown(e, "graphics adapter", arg, kinds, ARRAY_LEN(kinds));
}

int opt_sdl(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)arg;
    return opt_display(o, "sdl", out, e);
}

SET_BOOL(opt_full_screen, window.full_screen, true)

int opt_nographic(struct options *o, const char *arg, FILE *out, struct error *e)
{
    UNUSED_ARGS;
    o->nographic = o->config.nographic = true;
    o->display = DISPLAY_NONE;
    return true;
}
