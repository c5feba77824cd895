/*
 * The rows of options.def that say what the machine is: board, processors,
 * memory, names.
 */
#include "frontend/options_keys.h"

#include <ctype.h>
#include <stdlib.h>

static bool set_linux_entry(struct options *o, const char *entry, struct error *e)
{
    u64 bits = 0;
    if (!text_number(entry, 64, &bits) || (bits != 16 && bits != 32 && bits != 64))
        return fail(e, "-machine linux-entry=%s must be 16, 32 or 64", entry);
    o->config.linux_entry = (unsigned)bits;
    return true;
}

/* ---- -machine ---- */

static const struct {
    const char *name;
    enum machine_type type;
    const char *text;
} machine_types[] = {{"pc", MACHINE_PC, "i440FX and PIIX3, as QEMU's pc (default)"},
                     {"bare", MACHINE_BARE, "CPUs, flat RAM, debugcon, exit port, COM1"},
                     {"none", MACHINE_NONE, "no CPU, no memory, no devices: monitors and QMP answer, and that is all"}};

/* QEMU's boards by version, "pc-i440fx-7.2", "pc-1.0": ours is one, and close enough to all of them. */
static bool is_versioned_pc(const char *type)
{
    const char *version;
    if (!text_prefix(type, "pc-i440fx-", &version) && !text_prefix(type, "pc-", &version))
        return false;
    return *version >= '0' && *version <= '9' && strspn(version, "0123456789.") == strlen(version);
}

static bool set_machine_type(struct options *o, const char *type, struct error *e)
{
    const char *names[ARRAY_LEN(machine_types)], *rest;
    if (!strcmp(type, "q35") || text_prefix(type, "pc-q35-", &rest))
        return fail(e, "machine type '%s' needs the Q35 and ICH9 chips, which are not there yet: use pc", type);
    if (is_versioned_pc(type))
        type = "pc";
    for (size_t i = 0; i < ARRAY_LEN(machine_types); i++) {
        names[i] = machine_types[i].name;
        if (!strcmp(type, names[i])) {
            o->config.type = machine_types[i].type;
            return true;
        }
    }
    return fail_unknown(e, "machine type", type, names, ARRAY_LEN(names));
}

#define ON_OFF "on|off"
static const struct option_key machine_keys[] = {
    KEY_FIELD("acpi", KEY_NOT_BOOL, config.no_acpi),
    KEY_FIELD("hpet", KEY_NOT_BOOL, config.no_hpet),
    KEY_FIELD("pit", KEY_NOT_BOOL, config.no_pit),
    KEY_FIELD("graphics", KEY_NOT_BOOL, config.nographic),
    KEY_FIELD("kernel", KEY_STRING, config.kernel),
    KEY_FIELD("initrd", KEY_STRING, config.initrd),
    KEY_FIELD("append", KEY_STRING, config.append),
    KEY_FIELD("firmware", KEY_STRING, config.bios),
    KEY_FIELD("memory-backend", KEY_STRING, memory_backend),
    KEY_FIELD("pcspk-audiodev", KEY_STRING, speaker_audiodev),
    KEY_REFUSED("usb", "off", "on", "there is no USB controller"),
    KEY_REFUSED("vmport", "off|auto", "on", "there is no port of VMware's"),
    KEY_REFUSED("nvdimm", "off", "on", "there is no persistent memory"),
    KEY_REFUSED("hmat", "off", "on", "there are no NUMA nodes to describe"),
    KEY_REFUSED("smm", "off|auto", "on", "there is no system management mode"),
    KEY_REFUSED("i8042", "on", "off", "the keyboard controller is soldered on"),
    /* The host's affairs, which no guest sees. */
    KEY_NEUTRAL("dump-guest-core", ON_OFF),
    KEY_NEUTRAL("mem-merge", ON_OFF),
    KEY_NEUTRAL("kernel-irqchip", ON_OFF "|split"),
    KEY_NEUTRAL("kernel_irqchip", ON_OFF "|split"),
    KEY_NEUTRAL("suppress-vmdesc", ON_OFF),
    KEY_NEUTRAL("igd-passthru", "off"),
};

int opt_machine(struct options *o, const char *arg, FILE *out, struct error *e)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        for (size_t i = 0; i < ARRAY_LEN(machine_types); i++)
            fprintf(out, "%-6s %s\n", machine_types[i].name, machine_types[i].text);
        return OPTION_DONE;
    }
    struct subopts s;
    if (!subopts_parse(&s, arg, "type", e))
        return false;
    const char *type = subopts_get(&s, "type"), *accel = subopts_get(&s, "accel");
    const char *entry = subopts_get(&s, "linux-entry");
    bool ok = (!entry || set_linux_entry(o, entry, e)) && (!type || set_machine_type(o, type, e)) &&
              (!accel || options_add_accels(o, accel, e)) &&
              options_take_keys(o, &s, "-machine", machine_keys, ARRAY_LEN(machine_keys), e) &&
              subopts_done(&s, "-machine", e);
    subopts_free(&s);
    return ok;
}

SET_BOOL(opt_no_acpi, config.no_acpi, true)
SET_BOOL(opt_no_hpet, config.no_hpet, true)

/* ---- -object ---- */

static bool memory_object(struct options *o, struct subopts *s, const char *kind, struct error *e)
{
    static const struct option_key keys[] = {
        KEY_NEUTRAL("share", ON_OFF),          KEY_NEUTRAL("merge", ON_OFF),
        KEY_NEUTRAL("dump", ON_OFF),           KEY_NEUTRAL("policy", NULL),
        KEY_NEUTRAL("prealloc-threads", NULL), KEY_FIELD("prealloc", KEY_BOOL, config.mem_prealloc),
    };
    struct memory_object *m = &o->memory_object[o->nmemory_objects];
    if (o->nmemory_objects == ARRAY_LEN(o->memory_object))
        return fail(e, "-object %s: there is room for %zu of them", kind, ARRAY_LEN(o->memory_object));
    const char *id = subopts_get(s, "id"), *size = subopts_get(s, "size");
    if (!id || !*id)
        return fail(e, "-object %s needs an id=NAME", kind);
    if (!size || !text_size(size, 1, &m->size))
        return fail(e, "-object %s,id=%s needs size=SIZE, for example 512M", kind, id);
    m->id = options_keep(o, id);
    o->nmemory_objects++;
    return options_take_keys(o, s, "-object", keys, ARRAY_LEN(keys), e) && subopts_done(s, "-object", e);
}

int opt_object(struct options *o, const char *arg, FILE *out, struct error *e)
{
    static const char *const kinds[] = {"memory-backend-ram"};
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        fprintf(out, "%s\n", kinds[0]);
        return OPTION_DONE;
    }
    struct subopts s;
    if (!subopts_parse(&s, arg, "qom-type", e))
        return false;
    const char *kind = subopts_get(&s, "qom-type");
    bool ok = kind && !strcmp(kind, kinds[0]) ? memory_object(o, &s, kind, e)
                                              : fail_unknown(e, "-object", kind ? kind : "", kinds, ARRAY_LEN(kinds));
    subopts_free(&s);
    return ok;
}

bool options_finish_memory(struct options *o, struct error *e)
{
    const char *names[ARRAY_LEN(o->memory_object)];
    for (unsigned i = 0; i < o->nmemory_objects && o->memory_backend; i++) {
        const struct memory_object *m = &o->memory_object[i];
        names[i] = m->id;
        if (strcmp(m->id, o->memory_backend) != 0)
            continue;
        if (o->memory_given && m->size != o->config.ram_size)
            return fail(e, "-machine memory-backend=%s has another size than -m", m->id);
        o->config.ram_size = m->size & PAGE_MASK;
        return true;
    }
    return !o->memory_backend ||
           fail_unknown(e, "-machine memory-backend", o->memory_backend, names, o->nmemory_objects);
}

/* ---- processors and memory ---- */

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
#include "cpu/system/features.def"
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
    static const char *const levels[] = {"sockets", "dies", "clusters", "cores", "threads"};
    u64 cpus = 0, maxcpus = 0, product = 1;
    bool ok = subopts_number(&s, "cpus", 1000, &cpus, e) && subopts_number(&s, "maxcpus", 1000, &maxcpus, e);
    for (size_t i = 0; ok && i < ARRAY_LEN(levels); i++) {
        u64 n = 1;
        ok = subopts_number(&s, levels[i], 1000, &n, e);
        product *= n ? n : 1;
    }
    ok = ok && subopts_done(&s, "-smp", e);
    if (ok && !subopts_get(&s, "cpus"))
        cpus = maxcpus ? maxcpus : product;
    if (ok && cpus % product)
        ok = fail(e, "-smp %s: %llu processors do not come in groups of %llu", arg, (unsigned long long)cpus,
                  (unsigned long long)product);
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
    return o->memory_given = true;
}

int opt_name(struct options *o, const char *arg, FILE *out, struct error *e)
{
    static const struct option_key keys[] = {
        KEY_FIELD("guest", KEY_STRING, config.name),
        KEY_FIELD("process", KEY_STRING, process.name),
        KEY_NEUTRAL("debug-threads", ON_OFF),
    };
    (void)out;
    return options_only_keys(o, arg, "guest", "-name", keys, ARRAY_LEN(keys), e);
}

static bool parse_uuid(const char *s, u8 *uuid)
{
    enum { BYTES = 16 };
    static const char dashes[BYTES] = {[4] = 1, [6] = 1, [8] = 1, [10] = 1};
    for (int i = 0; i < BYTES; i++) {
        char hex[3] = {0};
        if (dashes[i] && *s++ != '-')
            return false;
        for (int k = 0; k < 2; k++) {
            if (!isxdigit((u8)*s))
                return false;
            hex[k] = *s++;
        }
        uuid[i] = (u8)strtoul(hex, NULL, 16);
    }
    return !*s;
}

int opt_uuid(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    return parse_uuid(arg, o->config.uuid) ||
           fail(e, "-uuid %s must be of the form 550e8400-e29b-41d4-a716-446655440000", arg);
}

int opt_nodefaults(struct options *o, const char *arg, FILE *out, struct error *e)
{
    UNUSED_ARGS;
    return o->nodefaults = true;
}
