/*
 * -accel and every other way to say how guest code is to run. QEMU's words
 * for the host's virtualization are taken, as scripts say them everywhere:
 * the translator runs instead, and a note says so.
 */
#include "frontend/options_keys.h"

enum accel_kind {
    ACCEL_OURS,      /* by that name in the configuration */
    ACCEL_TRANSLATE, /* QEMU's name for what translates, or interprets where nothing can */
    ACCEL_HARDWARE   /* virtualization by the host, which is never used */
};
static const struct accel_word {
    const char *name;
    enum accel_kind kind;
} accel_words[] = {{"jit", ACCEL_OURS},     {"interp", ACCEL_OURS},  {"lockstep", ACCEL_OURS}, {"tcg", ACCEL_TRANSLATE},
                   {"kvm", ACCEL_HARDWARE}, {"hvf", ACCEL_HARDWARE}, {"whpx", ACCEL_HARDWARE}, {"xen", ACCEL_HARDWARE},
                   {"hax", ACCEL_HARDWARE}, {"nvmm", ACCEL_HARDWARE}};

static bool set_accel(struct options *o, const char *name, struct error *e)
{
    const char *names[ARRAY_LEN(accel_words)];
    for (size_t i = 0; i < ARRAY_LEN(accel_words); i++) {
        const struct accel_word *w = &accel_words[i];
        names[i] = w->name;
        if (strcmp(name, w->name) != 0)
            continue;
        if (w->kind == ACCEL_HARDWARE) {
            o->hardware_accel = o->hardware_accel ? o->hardware_accel : w->name;
        } else if (!o->accel_given) {
            o->config.accel = w->kind == ACCEL_OURS ? w->name : machine_default_accel();
            o->accel_given = true;
        }
        return true;
    }
    return fail_unknown(e, "accelerator", name, names, ARRAY_LEN(names));
}

bool options_add_accels(struct options *o, const char *list, struct error *e)
{
    char name[16];
    do {
        size_t n = strcspn(list, ":");
        snprintf(name, sizeof(name), "%.*s", (int)MIN(n, sizeof(name) - 1), list);
        if (!set_accel(o, name, e))
            return false;
        list += n;
    } while (*list++ == ':');
    return true;
}

void options_finish_accel(struct options *o)
{
    if (o->hardware_accel)
        options_note(o, "%s is not used: guest code %s (-accel %s)", o->hardware_accel,
                     strcmp(o->config.accel, "interp") != 0 ? "is translated" : "is interpreted", o->config.accel);
}

static bool set_tb_size(struct options *o, const char *name, const char *size, struct error *e)
{
    u64 mib = TB_SIZE_DEFAULT;
    if (size && !strcmp(name, "interp"))
        return fail(e, "-accel interp has no code cache, tb-size=%s is for jit", size);
    if (size && (!text_number(size, TB_SIZE_MAX, &mib) || !mib))
        return fail(e, "-accel tb-size=%s must be a number of MiB from 1 to %d", size, TB_SIZE_MAX);
    o->config.tb_size = mib << 20;
    return true;
}

int opt_accel(struct options *o, const char *arg, FILE *out, struct error *e)
{
    static const struct option_key keys[] = {
        KEY_FIELD("idle", KEY_BOOL, config.idle),
        KEY_NEUTRAL("thread", "single|multi"), /* processors run in turn: no guest can tell but by the time */
        KEY_REFUSED("split-wx", "off", "on", "code memory is not mapped twice"),
        KEY_REFUSED("one-insn-per-tb", "off", "on", "-accel interp goes by single instructions"),
        KEY_NEUTRAL("kernel-irqchip", "on|off|split"),
        KEY_NEUTRAL("kvm-shadow-mem", NULL),
        KEY_NEUTRAL("dirty-ring-size", NULL),
        KEY_NEUTRAL("igd-passthru", "off"),
    };
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        fprintf(out,
                "jit      translates to host code (default where the host has an emitter); tb-size=MIB: memory for it "
                "(default %d)\ntcg      the same\ninterp   interprets\n"
                "lockstep runs both and stops, with status 1, where they differ\n",
                TB_SIZE_DEFAULT);
        return OPTION_DONE;
    }
    struct subopts s;
    if (!subopts_parse(&s, arg, "accel", e))
        return false;
    const char *name = subopts_get(&s, "accel"), *size = subopts_get(&s, "tb-size");
    bool ok = name ? options_add_accels(o, name, e) : fail(e, "-accel: a name is missing, '-accel help' lists them");
    ok = ok && set_tb_size(o, name, size, e) && options_take_keys(o, &s, "-accel", keys, ARRAY_LEN(keys), e) &&
         subopts_done(&s, "-accel", e);
    subopts_free(&s);
    return ok;
}

int opt_enable_kvm(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)arg, (void)out;
    return set_accel(o, "kvm", e);
}

int opt_no_kvm(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)arg, (void)out;
    return set_accel(o, "tcg", e);
}
