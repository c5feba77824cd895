/*
 * The rows of options.def about starting and ending: boot order, firmware, kernels.
 */
#include "frontend/options_parse.h"

static bool boot_letters(struct options *o, const char *key, const char *letters, const char **to, struct error *e)
{
    static const char known[] = "abcdn";
    for (const char *p = letters; *p; p++) {
        if (!strchr(known, *p))
            return fail(e, "-boot %s=%s: '%c' is not a boot device, use a (floppy), c (hard disk), d (CD-ROM)", key,
                        letters, *p);
        if (strchr(p + 1, *p))
            return fail(e, "-boot %s=%s names '%c' twice", key, letters, *p);
    }
    *to = options_keep(o, letters);
    return true;
}

int opt_boot(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    struct subopts s;
    if (!subopts_parse(&s, arg, "order", e))
        return false;
    const char *order = subopts_get(&s, "order"), *once = subopts_get(&s, "once");
    u64 splash = 0;
    bool strict = false;
    bool ok = (!order || boot_letters(o, "order", order, &o->config.boot_order, e)) &&
              (!once || boot_letters(o, "once", once, &o->config.boot_once, e)) &&
              subopts_bool(&s, "menu", &o->config.boot_menu, e) &&
              subopts_number(&s, "splash-time", 65535, &splash, e) && subopts_bool(&s, "strict", &strict, e);
    if (ok && strict)
        ok = fail(e, "-boot strict=on is not supported");
    ok = ok && subopts_done(&s, "-boot", e);
    if (ok && subopts_get(&s, "splash-time"))
        o->config.splash_time_ms = (u32)splash;
    subopts_free(&s);
    return ok;
}

KEEP_STRING(opt_bios, config.bios)
KEEP_STRING(opt_kernel, config.kernel)
KEEP_STRING(opt_append, config.append)
KEEP_STRING(opt_initrd, config.initrd)
SET_BOOL(opt_no_fd_bootchk, config.fd_bootchk, false)
SET_BOOL(opt_no_reboot, config.no_reboot, true)
SET_BOOL(opt_no_shutdown, config.no_shutdown, true)
