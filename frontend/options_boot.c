/*
 * The rows of options.def about starting and ending: boot order, firmware, kernels.
 */
#include "frontend/options_keys.h"

static bool boot_letters(struct options *o, const char *key, const char *letters, const char **to, struct error *e)
{
    static const char known[] = "abcdn";
    for (const char *p = letters; *p; p++) {
        if (!strchr(known, *p))
            return fail(
                e, "-boot %s=%s: '%c' is not a boot device, use a (floppy), c (hard disk), d (CD-ROM), n (network)",
                key, letters, *p);
        if (strchr(p + 1, *p))
            return fail(e, "-boot %s=%s names '%c' twice", key, letters, *p);
    }
    *to = options_keep(o, letters);
    return true;
}

/* -1: never, as without; milliseconds. */
static bool reboot_timeout(struct subopts *s, u64 *ms, struct error *e)
{
    const char *text = subopts_get(s, "reboot-timeout");
    *ms = UINT32_MAX;
    if (!text || !strcmp(text, "-1") || text_number(text, 65535, ms))
        return true;
    return fail(e, "-boot reboot-timeout=%s must be -1 or a number of milliseconds up to 65535", text);
}

int opt_boot(struct options *o, const char *arg, FILE *out, struct error *e)
{
    static const struct option_key keys[] = {
        KEY_FIELD("menu", KEY_BOOL, config.boot_menu),
        KEY_FIELD("strict", KEY_BOOL, config.boot_strict),
        KEY_FIELD("splash", KEY_STRING, config.splash),
    };
    (void)out;
    struct subopts s;
    if (!subopts_parse(&s, arg, "order", e))
        return false;
    const char *order = subopts_get(&s, "order"), *once = subopts_get(&s, "once");
    u64 splash = o->config.splash_time_ms, timeout = 0;
    bool ok = (!order || boot_letters(o, "order", order, &o->config.boot_order, e)) &&
              (!once || boot_letters(o, "once", once, &o->config.boot_once, e)) &&
              subopts_number(&s, "splash-time", 65535, &splash, e) && reboot_timeout(&s, &timeout, e) &&
              options_take_keys(o, &s, "-boot", keys, ARRAY_LEN(keys), e) && subopts_done(&s, "-boot", e);
    o->config.splash_time_ms = (u32)splash;
    if (ok && subopts_get(&s, "reboot-timeout"))
        o->config.reboot_timeout_ms = (u32)timeout;
    subopts_free(&s);
    return ok;
}

int opt_L(struct options *o, const char *arg, FILE *out, struct error *e)
{
    struct machine_config *c = &o->config;
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        for (unsigned i = 0; i < c->nfirmware_dirs; i++)
            fprintf(out, "%s\n", c->firmware_dir[i]);
        fprintf(out, "%s\n", machine_firmware_dir());
        return OPTION_DONE;
    }
    if (c->nfirmware_dirs == MAX_FIRMWARE_DIRS)
        return fail(e, "-L %s: there is room for %d folders", arg, MAX_FIRMWARE_DIRS);
    c->firmware_dir[c->nfirmware_dirs++] = arg;
    return true;
}

KEEP_STRING(opt_bios, config.bios)
KEEP_STRING(opt_kernel, config.kernel)
KEEP_STRING(opt_append, config.append)
KEEP_STRING(opt_initrd, config.initrd)
SET_BOOL(opt_no_fd_bootchk, config.fd_bootchk, false)
SET_BOOL(opt_no_reboot, config.no_reboot, true)
SET_BOOL(opt_no_shutdown, config.no_shutdown, true)

int opt_loadvm(struct options *o, const char *arg, FILE *out, struct error *e)
{
    static const char prefix[] = "file:";
    (void)out;
    if (strncmp(arg, prefix, strlen(prefix)) != 0 || !arg[strlen(prefix)])
        return fail(e, "-loadvm %s must name a file that 'savevm -f' wrote: -loadvm file:FILE", arg);
    o->loadvm = options_keep(o, arg + strlen(prefix));
    return true;
}
