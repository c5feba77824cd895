/*
 * The rows of options.def about the emulator as a program of the host's, and
 * those of QEMU's that change nothing here because what they ask for is so.
 */
#include "frontend/options_keys.h"

/* What the word asks for is so anyway: no configuration file is read, every device can be saved, no password is kept.
 */
int opt_nothing(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)o;
    UNUSED_ARGS;
    return true;
}

SET_BOOL(opt_daemonize, process.daemonize, true)
SET_BOOL(opt_mem_prealloc, config.mem_prealloc, true)
KEEP_STRING(opt_pidfile, pidfile)
KEEP_STRING(opt_chroot, process.chroot)
KEEP_STRING(opt_runas, process.runas)

int opt_msg(struct options *o, const char *arg, FILE *out, struct error *e)
{
    static const struct option_key keys[] = {
        KEY_FIELD("timestamp", KEY_BOOL, process.stamps),
        KEY_FIELD("guest-name", KEY_BOOL, process.stamp_guest),
    };
    (void)out;
    return options_only_keys(o, arg, NULL, "-msg", keys, ARRAY_LEN(keys), e);
}

int opt_overcommit(struct options *o, const char *arg, FILE *out, struct error *e)
{
    static const struct option_key keys[] = {
        KEY_FIELD("mem-lock", KEY_BOOL, process.mem_lock),
        KEY_NEUTRAL("cpu-pm", "on|off"), /* an idle guest's CPU sleeps on the host either way */
    };
    (void)out;
    return options_only_keys(o, arg, NULL, "-overcommit", keys, ARRAY_LEN(keys), e);
}

int opt_sandbox(struct options *o, const char *arg, FILE *out, struct error *e)
{
    static const struct option_key keys[] = {
        KEY_REFUSED("enable", "off", "on", "there is no filter of the program's system calls"),
        KEY_NEUTRAL("obsolete", "allow|deny"),
        KEY_NEUTRAL("elevateprivileges", "allow|deny|children"),
        KEY_NEUTRAL("spawn", "allow|deny"),
        KEY_NEUTRAL("resourcecontrol", "allow|deny"),
    };
    (void)out;
    return options_only_keys(o, arg, "enable", "-sandbox", keys, ARRAY_LEN(keys), e);
}

int opt_mem_path(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    o->config.mem_path = arg;
    return *arg ? true : fail(e, "-mem-path: a folder or file is missing");
}

/* Layouts QEMU knows. Keys go to the guest by their place, so the guest's layout holds whatever this one is. */
int opt_k(struct options *o, const char *arg, FILE *out, struct error *e)
{
    static const char *const layouts[] = {"ar", "bepo", "cz",    "da", "de",    "de-ch", "en-gb", "en-us", "es",
                                          "et", "fi",   "fo",    "fr", "fr-be", "fr-ca", "fr-ch", "hr",    "hu",
                                          "is", "it",   "ja",    "lt", "lv",    "mk",    "nl",    "nl-be", "no",
                                          "pl", "pt",   "pt-br", "ru", "sl",    "sv",    "th",    "tr"};
    (void)o, (void)out;
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        if (!strcmp(arg, layouts[i]))
            return true;
    }
    return fail_unknown(e, "keyboard layout", arg, layouts, ARRAY_LEN(layouts));
}

int opt_echr(struct options *o, const char *arg, FILE *out, struct error *e)
{
    u64 key;
    (void)out;
    if (!text_number(arg, 255, &key) || !key)
        return fail(e, "-echr %s must be the number of a character from 1 to 255 (1 is Ctrl-a)", arg);
    o->escape = (u8)key;
    return true;
}

/* ---- QEMU's words that ask for what is not there ---- */

int opt_trace(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)o, (void)out;
    return fail(e, "-trace %s: QEMU's trace events are not here, '-d help' lists what can be traced", arg);
}

int opt_singlestep(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)o, (void)arg, (void)out;
    return fail(e, "-singlestep: translations are never of one instruction, -accel interp goes by single instructions");
}
