/*
 * The rows of options.def that say what the machine is: board, translator,
 * processor, memory, names.
 */
#include "frontend/options_parse.h"

static bool set_accel(struct options *o, const char *name, struct error *e)
{
    static const char *const names[] = {"jit", "interp", "lockstep"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!strcmp(name, names[i])) {
            o->config.accel = names[i];
            return true;
        }
    return fail_unknown(e, "accelerator", name, names, ARRAY_LEN(names));
}

static bool set_linux_entry(struct options *o, const char *entry, struct error *e)
{
    u64 bits = 0;
    if (!text_number(entry, 64, &bits) || (bits != 16 && bits != 32 && bits != 64))
        return fail(e, "-machine linux-entry=%s must be 16, 32 or 64", entry);
    o->config.linux_entry = (unsigned)bits;
    return true;
}

int opt_machine(struct options *o, const char *arg, FILE *out, struct error *e)
{
    static const char *const types[] = {[MACHINE_PC] = "pc", [MACHINE_BARE] = "bare"};
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        fprintf(out, "pc     i440FX and PIIX3, as QEMU's pc (default)\nbare   CPUs, flat RAM, debugcon, exit "
                     "port, COM1\n");
        return OPTION_DONE;
    }
    struct subopts s;
    if (!subopts_parse(&s, arg, "type", e))
        return false;
    const char *type = subopts_get(&s, "type"), *accel = subopts_get(&s, "accel");
    const char *entry = subopts_get(&s, "linux-entry");
    bool ok = !entry || set_linux_entry(o, entry, e);
    if (ok && type) {
        size_t i = 0;
        while (i < ARRAY_LEN(types) && strcmp(type, types[i]) != 0)
            i++;
        if (i == ARRAY_LEN(types))
            ok = fail_unknown(e, "machine type", type, types, ARRAY_LEN(types));
        else
            o->config.type = (enum machine_type)i;
    }
    ok = ok && (!accel || set_accel(o, accel, e)) && subopts_done(&s, "-machine", e);
    subopts_free(&s);
    return ok;
}

int opt_accel(struct options *o, const char *arg, FILE *out, struct error *e)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        fprintf(out,
                "jit      translates to host code (default where the host has an emitter); tb-size=MIB: memory for it "
                "(default %d)\ninterp   interprets\n"
                "lockstep runs both and stops, with status 1, where they differ\n",
                TB_SIZE_DEFAULT);
        return OPTION_DONE;
    }
    struct subopts s;
    if (!subopts_parse(&s, arg, "accel", e))
        return false;
    const char *name = subopts_get(&s, "accel"), *size = subopts_get(&s, "tb-size");
    u64 mib = TB_SIZE_DEFAULT;
    bool ok = name ? set_accel(o, name, e) : fail(e, "-accel: a name is missing, '-accel help' lists them");
    if (ok && size && !strcmp(o->config.accel, "interp"))
        ok = fail(e, "-accel interp has no code cache, tb-size=%s is for jit", size);
    else if (ok && size && (!text_number(size, TB_SIZE_MAX, &mib) || !mib))
        ok = fail(e, "-accel tb-size=%s must be a number of MiB from 1 to %d", size, TB_SIZE_MAX);
    ok = ok && subopts_done(&s, "-accel", e);
    o->config.tb_size = mib << 20;
    subopts_free(&s);
    return ok;
}

static void print_cpus(FILE *out)
{
    fprintf(out, "Available CPUs:\n");
    for (size_t i = 0; i < cpu_model_count; i++) {
        const struct cpu_model_row *row = &cpu_models[i];
        if (row->alias_of)
            fprintf(out, "x86 %-25s  (alias of %s)\n", row->name, row->alias_of);
        else
            fprintf(out, "x86 %-25s  %s\n", row->name, row->brand);
    }
    fprintf(out, "\nRecognized CPUID flags:\n ");
    static const char *const features[] = {
#define FEATURE(id, name, word, bit) name,
#include "cpu/features.def"
#undef FEATURE
    };
    int at = 1;
    for (size_t i = 0; i < ARRAY_LEN(features); i++) {
        if (!*features[i])
            continue;
        if (at > 70) {
            fprintf(out, "\n ");
            at = 1;
        }
        at += fprintf(out, " %s", features[i]);
    }
    fputc('\n', out);
}

int opt_cpu(struct options *o, const char *arg, FILE *out, struct error *e)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        print_cpus(out);
        return OPTION_DONE;
    }
    char note[ABSENT_TEXT + 100];
    if (!cpu_model_parse(arg, &o->config.cpu, e->text, sizeof(e->text)))
        return false;
    if (cpu_model_note(&o->config.cpu, note, sizeof(note)))
        fprintf(stderr, "orrery: %s\n", note);
    return true;
}

int opt_smp(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    struct subopts s;
    if (!subopts_parse(&s, arg, "cpus", e))
        return false;
    u64 cpus = 0, sockets = 1, dies = 1, cores = 1, threads = 1, maxcpus = 0;
    bool ok = subopts_number(&s, "cpus", 1000, &cpus, e) && subopts_number(&s, "sockets", 1000, &sockets, e) &&
              subopts_number(&s, "dies", 1000, &dies, e) && subopts_number(&s, "cores", 1000, &cores, e) &&
              subopts_number(&s, "threads", 1000, &threads, e) && subopts_number(&s, "maxcpus", 1000, &maxcpus, e) &&
              subopts_done(&s, "-smp", e);
    if (ok && !subopts_get(&s, "cpus"))
        cpus = sockets * dies * cores * threads;
    subopts_free(&s);
    if (!ok)
        return false;
    if (cpus < 1 || cpus > MAX_CPUS)
        return fail(e, "-smp %s: the number of processors must be 1 to %d", arg, MAX_CPUS);
    if (maxcpus && maxcpus != cpus)
        return fail(e, "-smp %s: processors cannot be added later, so maxcpus must be %llu", arg,
                    (unsigned long long)cpus);
    o->config.cpus = (unsigned)cpus;
    return true;
}

int opt_m(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    enum { MIN_MIB = 1, MAX_GIB = 512 };
    struct subopts s;
    if (!subopts_parse(&s, arg, "size", e))
        return false;
    const char *text = subopts_get(&s, "size");
    u64 size = 0;
    bool ok = subopts_done(&s, "-m", e);
    if (ok && (!text || !text_size(text, 1 << 20, &size)))
        ok = fail(e, "-m %s is not a size, write for example 512M or 2G", arg);
    subopts_free(&s);
    if (!ok)
        return false;
    if (size < (u64)MIN_MIB << 20)
        return fail(e, "-m %s is too little, the machine needs at least %dM", arg, MIN_MIB);
    if (size > (u64)MAX_GIB << 30)
        return fail(e, "-m %s is too much, the machine takes at most %dG", arg, MAX_GIB);
    o->config.ram_size = size & PAGE_MASK;
    return true;
}

int opt_name(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    struct subopts s;
    if (!subopts_parse(&s, arg, "guest", e))
        return false;
    const char *name = subopts_get(&s, "guest");
    bool ignored;
    bool ok = subopts_bool(&s, "debug-threads", &ignored, e);
    subopts_get(&s, "process");
    ok = ok && subopts_done(&s, "-name", e);
    if (ok && name)
        o->config.name = options_keep(o, name);
    subopts_free(&s);
    return ok;
}

int opt_nodefaults(struct options *o, const char *arg, FILE *out, struct error *e)
{
    UNUSED_ARGS;
    return o->nodefaults = true;
}
