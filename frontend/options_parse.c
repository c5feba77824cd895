/*
 * One function per row of options.def: checks the argument and writes struct
 * options. Files are not touched here, so that every error of spelling comes
 * before anything has an effect.
 */
#include "frontend/options.h"

#include <stdlib.h>
#include <time.h>

#define UNUSED_ARGS (void)arg, (void)out, (void)e

/* A copy that lives as long as the options. */
static const char *keep(struct options *o, const char *s)
{
    char *copy = o->nowned < ARRAY_LEN(o->owned) ? strdup(s) : NULL;
    if (copy)
        o->owned[o->nowned++] = copy;
    return copy ? copy : "";
}

/* ---- the machine ---- */

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
    fprintf(out, "Processors:\n");
    for (size_t i = 0; i < cpu_model_count; i++)
        fprintf(out, "  %-12s %s\n", cpu_models[i].name, cpu_models[i].brand ? cpu_models[i].brand : "");
    fprintf(out, "\nFeatures, for +NAME, -NAME, NAME=on|off:\n ");
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
    return cpu_model_parse(arg, &o->config.cpu, e->text, sizeof(e->text));
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

static bool parse_rtc_base(struct options *o, const char *base, struct error *e)
{
    if (!strcmp(base, "utc")) {
        o->config.rtc_base = UINT64_MAX;
        o->config.rtc_localtime = false;
        return true;
    }
    if (!strcmp(base, "localtime")) {
        o->config.rtc_base = UINT64_MAX;
        o->config.rtc_localtime = true;
        return true;
    }
    struct tm tm = {0};
    const char *end = strptime(base, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end || *end) {
        memset(&tm, 0, sizeof(tm));
        end = strptime(base, "%Y-%m-%d", &tm);
    }
    time_t t = end && !*end ? timegm(&tm) : -1;
    if (t < 0)
        return fail(e, "-rtc base=%s must be utc, localtime or a date such as 2006-06-17T16:01:21", base);
    o->config.rtc_base = (u64)t;
    o->config.rtc_localtime = false;
    return true;
}

int opt_rtc(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    static const char *const clocks[] = {"host", "rt", "vm"};
    static const char *const fixes[] = {"none", "slew"};
    struct subopts s;
    if (!subopts_parse(&s, arg, "base", e))
        return false;
    const char *base = subopts_get(&s, "base"), *clock = subopts_get(&s, "clock"), *fix = subopts_get(&s, "driftfix");
    bool ok = !base || parse_rtc_base(o, base, e);
    if (ok && clock) {
        size_t i = 0;
        while (i < ARRAY_LEN(clocks) && strcmp(clock, clocks[i]) != 0)
            i++;
        if (i == ARRAY_LEN(clocks))
            ok = fail_unknown(e, "-rtc clock", clock, clocks, ARRAY_LEN(clocks));
        else
            o->config.rtc_clock = (enum rtc_clock)(RTC_CLOCK_HOST + i);
    }
    /* Ticks are never lost here, so both ways of making up for them are the same. */
    if (ok && fix && strcmp(fix, "none") != 0 && strcmp(fix, "slew") != 0)
        ok = fail_unknown(e, "-rtc driftfix", fix, fixes, ARRAY_LEN(fixes));
    ok = ok && subopts_done(&s, "-rtc", e);
    subopts_free(&s);
    return ok;
}

int opt_icount(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    enum { MAX_SHIFT = 10 };
    struct subopts s;
    if (!subopts_parse(&s, arg, "shift", e))
        return false;
    const char *shift = subopts_get(&s, "shift");
    bool align = false;
    u64 n = 0;
    bool ok = subopts_bool(&s, "sleep", &o->config.icount_sleep, e) && subopts_bool(&s, "align", &align, e);
    if (ok && align)
        ok = fail(e, "-icount align=on is not supported: virtual time is never slowed to the host's");
    if (ok && (!shift || !strcmp(shift, "auto"))) {
        o->config.icount = ICOUNT_AUTO;
    } else if (ok) {
        o->config.icount = ICOUNT_SHIFT;
        ok = text_number(shift, MAX_SHIFT, &n) ||
             fail(e, "-icount shift=%s must be auto or a number from 0 to %d", shift, MAX_SHIFT);
        o->config.icount_shift = (unsigned)n;
    }
    ok = ok && subopts_done(&s, "-icount", e);
    if (ok && o->config.icount == ICOUNT_AUTO && !o->config.icount_sleep)
        ok = fail(e, "-icount shift=auto and sleep=off exclude each other");
    subopts_free(&s);
    return ok;
}

int opt_seed(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    if (!text_number(arg, UINT64_MAX, &o->config.seed))
        return fail(e, "-seed %s must be a number", arg);
    return o->config.seeded = true;
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
        o->config.name = keep(o, name);
    subopts_free(&s);
    return ok;
}

int opt_nodefaults(struct options *o, const char *arg, FILE *out, struct error *e)
{
    UNUSED_ARGS;
    return o->nodefaults = true;
}

/* ---- disks ---- */

static struct drive_option *add_drive(struct options *o, enum drive_bus bus, int index, const char *file,
                                      const char *given, struct error *e)
{
    if (o->ndrives == MAX_DRIVES) {
        fail(e, "%s: there is room for %d IDE drives and %d floppy drives", given, MAX_IDE, MAX_FLOPPY);
        return NULL;
    }
    struct drive_option *d = &o->drive[o->ndrives++];
    *d = (struct drive_option){.bus = bus, .index = index, .file = file, .given = keep(o, given)};
    return d;
}

static bool simple_drive(struct options *o, enum drive_bus bus, int index, const char *name, const char *file,
                         bool cdrom, struct error *e)
{
    char given[160];
    snprintf(given, sizeof(given), "%s %s", name, file);
    struct drive_option *d = add_drive(o, bus, index, file, given, e);
    if (d)
        d->cdrom = d->readonly = cdrom;
    return d != NULL;
}

#define SIMPLE_DRIVE(function, bus, index, name, cdrom)                                                                \
    int function(struct options *o, const char *arg, FILE *out, struct error *e)                                       \
    {                                                                                                                  \
        (void)out;                                                                                                     \
        return simple_drive(o, bus, index, name, arg, cdrom, e);                                                       \
    }
SIMPLE_DRIVE(opt_hda, DRIVE_IDE, 0, "-hda", false)
SIMPLE_DRIVE(opt_hdb, DRIVE_IDE, 1, "-hdb", false)
SIMPLE_DRIVE(opt_hdc, DRIVE_IDE, 2, "-hdc", false)
SIMPLE_DRIVE(opt_hdd, DRIVE_IDE, 3, "-hdd", false)
SIMPLE_DRIVE(opt_cdrom, DRIVE_IDE, 2, "-cdrom", true)
SIMPLE_DRIVE(opt_fda, DRIVE_FLOPPY, 0, "-fda", false)
SIMPLE_DRIVE(opt_fdb, DRIVE_FLOPPY, 1, "-fdb", false)

/* if=, bus=, unit=, index= */
static bool drive_place(struct subopts *s, enum drive_bus *bus, int *index, struct error *e)
{
    static const char *const interfaces[] = {"ide", "floppy"};
    const char *interface = subopts_get(s, "if");
    *bus = interface && !strcmp(interface, "floppy") ? DRIVE_FLOPPY : DRIVE_IDE;
    if (interface && *bus == DRIVE_IDE && strcmp(interface, "ide") != 0)
        return fail_unknown(e, "-drive interface", interface, interfaces, ARRAY_LEN(interfaces));
    u64 n = 0, channel = 0, unit = 0, places = *bus == DRIVE_IDE ? MAX_IDE : MAX_FLOPPY;
    if (!subopts_number(s, "index", places - 1, &n, e) || !subopts_number(s, "unit", 1, &unit, e) ||
        !subopts_number(s, "bus", places / 2 - 1, &channel, e))
        return false;
    bool by_bus = subopts_get(s, "unit") || subopts_get(s, "bus");
    if (by_bus && subopts_get(s, "index"))
        return fail(e, "-drive: give either index= or bus= and unit=");
    *index = by_bus ? (int)(channel * 2 + unit) : subopts_get(s, "index") ? (int)n : -1;
    return true;
}

static bool drive_keys(struct options *o, struct subopts *s, const char *arg, struct error *e)
{
    static const char *const formats[] = {"raw"}, *const medias[] = {"disk", "cdrom"};
    enum drive_bus bus = DRIVE_IDE;
    int index = -1;
    bool readonly = false, snapshot = false;
    const char *format = subopts_get(s, "format"), *media = subopts_get(s, "media"), *id = subopts_get(s, "id");
    const char *file = subopts_get(s, "file");
    if (!drive_place(s, &bus, &index, e) || !subopts_bool(s, "snapshot", &snapshot, e) ||
        !subopts_bool(s, "readonly", &readonly, e) || !subopts_bool(s, "read-only", &readonly, e))
        return false;
    /* Hints about the host's caching: every way of it keeps our promise about flushes. */
    static const char *const hints[] = {"cache", "aio", "discard", "detect-zeroes"};
    for (size_t i = 0; i < ARRAY_LEN(hints); i++)
        subopts_get(s, hints[i]);
    if (!subopts_done(s, "-drive", e))
        return false;
    if (format && strcmp(format, "raw") != 0)
        return fail_unknown(e, "-drive format", format, formats, ARRAY_LEN(formats));
    if (media && strcmp(media, "disk") != 0 && strcmp(media, "cdrom") != 0)
        return fail_unknown(e, "-drive media", media, medias, ARRAY_LEN(medias));
    bool cdrom = media && !strcmp(media, "cdrom");
    if (cdrom && bus == DRIVE_FLOPPY)
        return fail(e, "-drive %s: a floppy drive takes no CD", arg);
    if (!file && !cdrom && bus != DRIVE_FLOPPY)
        return fail(e, "-drive %s: a hard disk needs file=NAME", arg);
    char given[160];
    snprintf(given, sizeof(given), "-drive %s", arg);
    struct drive_option *d = add_drive(o, bus, index, file && *file ? keep(o, file) : NULL, given, e);
    if (!d)
        return false;
    d->cdrom = cdrom;
    d->readonly = readonly || cdrom;
    d->snapshot = snapshot;
    d->id = id ? keep(o, id) : NULL;
    return true;
}

int opt_drive(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    struct subopts s;
    if (!subopts_parse(&s, arg, NULL, e))
        return false;
    bool ok = drive_keys(o, &s, arg, e);
    subopts_free(&s);
    return ok;
}

int opt_snapshot(struct options *o, const char *arg, FILE *out, struct error *e)
{
    UNUSED_ARGS;
    return o->snapshot = true;
}

/* ---- booting ---- */

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
    *to = keep(o, letters);
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

#define KEEP_STRING(function, field)                                                                                   \
    int function(struct options *o, const char *arg, FILE *out, struct error *e)                                       \
    {                                                                                                                  \
        UNUSED_ARGS;                                                                                                   \
        o->field = arg;                                                                                                \
        return true;                                                                                                   \
    }
#define SET_BOOL(function, field, value)                                                                               \
    int function(struct options *o, const char *arg, FILE *out, struct error *e)                                       \
    {                                                                                                                  \
        UNUSED_ARGS;                                                                                                   \
        o->field = value;                                                                                              \
        return true;                                                                                                   \
    }
KEEP_STRING(opt_bios, config.bios)
KEEP_STRING(opt_kernel, config.kernel)
KEEP_STRING(opt_append, config.append)
KEEP_STRING(opt_initrd, config.initrd)
SET_BOOL(opt_no_fd_bootchk, config.fd_bootchk, false)
SET_BOOL(opt_no_reboot, config.no_reboot, true)
SET_BOOL(opt_no_shutdown, config.no_shutdown, true)

/* ---- screen ---- */

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
    o->nographic = true;
    o->display = DISPLAY_NONE;
    return true;
}

/* ---- character devices ---- */

/* Index of a new stream for DEV; -3 with the sentence in e. */
enum { STREAM_BAD = -3 };
static int add_stream(struct options *o, const char *text, const char *label, struct error *e)
{
    if (o->nspecs == MAX_STREAM_SPECS) {
        fail(e, "there is room for %d character devices", MAX_STREAM_SPECS);
        return STREAM_BAD;
    }
    struct stream_spec *s = &o->specs[o->nspecs];
    bool ok = stream_spec_parse(s, text, label, e);
    o->nspecs++;
    return ok ? (int)o->nspecs - 1 : STREAM_BAD;
}

static bool add_monitor(struct options *o, int stream, bool qmp, struct error *e)
{
    if (o->nmonitors == MAX_MONITORS)
        return fail(e, "there is room for %d monitors", MAX_MONITORS);
    o->monitor[o->nmonitors++] = (struct monitor_option){stream, qmp};
    return true;
}

/* A "mon:" prefix brings a monitor with it. */
static bool add_its_monitor(struct options *o, int stream, struct error *e)
{
    if (stream < 0 || !o->specs[stream].mon)
        return true;
    o->default_monitor = false;
    return add_monitor(o, stream, false, e);
}

int opt_serial(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    if (o->nserial == MAX_SERIAL)
        return fail(e, "-serial %s: there are %d serial ports", arg, MAX_SERIAL);
    char label[16];
    snprintf(label, sizeof(label), "serial%u", o->nserial);
    int stream = !strcmp(arg, "none") ? STREAM_ABSENT : add_stream(o, arg, label, e);
    o->serial[o->nserial] = stream;
    if (stream == STREAM_BAD)
        return false;
    o->nserial++;
    return add_its_monitor(o, stream, e);
}

int opt_parallel(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    if (o->nparallel)
        return fail(e, "-parallel %s: there is one parallel port", arg);
    int stream = !strcmp(arg, "none") ? STREAM_ABSENT : add_stream(o, arg, "parallel0", e);
    o->parallel = stream;
    if (stream == STREAM_BAD)
        return false;
    o->nparallel++;
    return add_its_monitor(o, stream, e);
}

static bool opt_any_monitor(struct options *o, const char *arg, bool qmp, struct error *e)
{
    o->default_monitor = false;
    if (!strcmp(arg, "none"))
        return true;
    char label[24];
    snprintf(label, sizeof(label), "compat_monitor%u", o->nmonitors);
    int stream = add_stream(o, arg, label, e);
    return stream != STREAM_BAD && add_monitor(o, stream, qmp, e);
}

int opt_monitor(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    return opt_any_monitor(o, arg, false, e);
}

int opt_qmp(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    return opt_any_monitor(o, arg, true, e);
}

int opt_mon(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    static const char *const modes[] = {"readline", "control"};
    struct subopts s;
    if (!subopts_parse(&s, arg, "chardev", e))
        return false;
    const char *id = subopts_get(&s, "chardev"), *mode = subopts_get(&s, "mode");
    bool pretty, qmp = mode && !strcmp(mode, "control");
    bool ok = id ? subopts_bool(&s, "pretty", &pretty, e) && subopts_done(&s, "-mon", e)
                 : fail(e, "-mon %s needs chardev=ID", arg);
    if (ok && mode && !qmp && strcmp(mode, "readline") != 0)
        ok = fail_unknown(e, "-mon mode", mode, modes, ARRAY_LEN(modes));
    if (ok) {
        char dev[80];
        snprintf(dev, sizeof(dev), "chardev:%s", id);
        ok = opt_any_monitor(o, dev, qmp, e);
    }
    subopts_free(&s);
    return ok;
}

int opt_chardev(struct options *o, const char *arg, FILE *out, struct error *e)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        fprintf(out, "stdio\nnull\nvc\nfile\npipe\npty\nserial\ntty\nsocket\n");
        return OPTION_DONE;
    }
    if (o->nspecs == MAX_STREAM_SPECS)
        return fail(e, "there is room for %d character devices", MAX_STREAM_SPECS);
    struct stream_spec *s = &o->specs[o->nspecs++];
    if (!stream_spec_parse_chardev(s, arg, e))
        return false;
    s->named = true;
    for (unsigned i = 0; i + 1 < o->nspecs; i++) {
        if (o->specs[i].named && !strcmp(o->specs[i].label, s->label))
            return fail(e, "-chardev %s: the id '%s' is taken", arg, s->label);
    }
    return true;
}

static bool add_debugcon(struct options *o, u16 port, int stream, struct error *e)
{
    if (o->config.ndebugcon == MAX_DEBUGCON)
        return fail(e, "there is room for %d debug consoles", MAX_DEBUGCON);
    o->debugcon[o->config.ndebugcon] = stream;
    o->config.debugcon[o->config.ndebugcon++].port = port;
    return true;
}

enum { DEBUGCON_BY_GLOBAL = 0 }; /* port still to come from -global */

int opt_debugcon(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    if (!strcmp(arg, "none"))
        return true;
    int stream = add_stream(o, arg, "debugcon", e);
    return stream != STREAM_BAD && add_its_monitor(o, stream, e) && add_debugcon(o, DEBUGCON_BY_GLOBAL, stream, e);
}

static bool device_debug_exit(struct options *o, struct subopts *s, struct error *e)
{
    u64 base = 0x501, size = 2;
    if (!subopts_number(s, "iobase", 0xffff, &base, e) || !subopts_number(s, "iosize", 4, &size, e))
        return false;
    if (size != 1 && size != 2 && size != 4)
        return fail(e, "-device isa-debug-exit: iosize must be 1, 2 or 4");
    o->config.debug_exit = true;
    o->config.debug_exit_base = (u16)base;
    o->config.debug_exit_size = (u16)size;
    return true;
}

static bool device_debugcon(struct options *o, struct subopts *s, struct error *e)
{
    u64 base = DEBUGCON_BY_GLOBAL, readback;
    const char *id = subopts_get(s, "chardev");
    if (!subopts_number(s, "iobase", 0xffff, &base, e) || !subopts_number(s, "readback", 0xff, &readback, e))
        return false;
    int stream = STREAM_NONE;
    if (id) {
        char dev[80];
        snprintf(dev, sizeof(dev), "chardev:%s", id);
        stream = add_stream(o, dev, "debugcon", e);
    }
    return stream != STREAM_BAD && add_debugcon(o, (u16)base, stream, e);
}

static bool device_pvpanic(struct options *o, struct subopts *s, struct error *e)
{
    u64 port = 0x505;
    if (!subopts_number(s, "ioport", 0xffff, &port, e))
        return false;
    if (port != 0x505)
        return fail(e, "-device pvpanic: its port is 0x505");
    return o->config.pvpanic = true;
}

static bool device_testdev(struct options *o, struct subopts *s, struct error *e)
{
    (void)s;
    (void)e;
    return o->config.testdev = true;
}

int opt_device(struct options *o, const char *arg, FILE *out, struct error *e)
{
    static const struct {
        const char *name;
        bool (*parse)(struct options *o, struct subopts *s, struct error *e);
    } devices[] = {{"isa-debug-exit", device_debug_exit},
                   {"isa-debugcon", device_debugcon},
                   {"pvpanic", device_pvpanic},
                   {"pc-testdev", device_testdev}};
    const char *names[ARRAY_LEN(devices)];
    for (size_t i = 0; i < ARRAY_LEN(devices); i++)
        names[i] = devices[i].name;
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            fprintf(out, "%s\n", names[i]);
        return OPTION_DONE;
    }
    struct subopts s;
    if (!subopts_parse(&s, arg, "driver", e))
        return false;
    const char *driver = subopts_get(&s, "driver");
    subopts_get(&s, "id");
    if (!driver) {
        subopts_free(&s);
        return fail(e, "-device: a name is missing, '-device help' lists them");
    }
    size_t i = 0;
    while (i < ARRAY_LEN(devices) && strcmp(names[i], driver) != 0)
        i++;
    bool ok = i < ARRAY_LEN(devices) ? devices[i].parse(o, &s, e) && subopts_done(&s, "-device", e)
                                     : fail_unknown(e, "-device", driver, names, ARRAY_LEN(names));
    subopts_free(&s);
    return ok;
}

int opt_global(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    const char *rest;
    u64 port;
    if (!text_prefix(arg, "isa-debugcon.iobase=", &rest))
        return fail(e, "-global %s: the only global property is isa-debugcon.iobase=PORT", arg);
    if (!text_number(rest, 0xffff, &port))
        return fail(e, "-global %s: the port must be a number from 0 to 0xffff", arg);
    o->debugcon_port = (u16)port;
    return true;
}

/* ---- debugging ---- */

static bool set_gdb(struct options *o, const char *dev, struct error *e)
{
    if (o->gdb != STREAM_NONE)
        return fail(e, "-gdb %s: one debugger at a time (-s is -gdb tcp::1234)", dev);
    if (!strcmp(dev, "none"))
        return true;
    o->gdb = add_stream(o, dev, "gdb", e);
    if (o->gdb == STREAM_BAD)
        return false;
    struct stream_spec *s = &o->specs[o->gdb];
    if (s->kind == STREAM_TCP || s->kind == STREAM_UNIX) {
        s->server = true;
        s->wait = false;
    }
    return true;
}

int opt_s(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)arg;
    (void)out;
    return set_gdb(o, "tcp::1234", e);
}

int opt_gdb(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    return set_gdb(o, arg, e);
}

SET_BOOL(opt_S, config.start_paused, true)
SET_BOOL(opt_perfmap, config.perfmap, true)
SET_BOOL(opt_jitdump, config.jitdump, true)

static const char *const trace_names[] = {
#define TRACE(name, text) #name,
#include "cpu/trace.def"
#undef TRACE
};
static const char *const trace_texts[] = {
#define TRACE(name, text) text,
#include "cpu/trace.def"
#undef TRACE
};

int opt_d(struct options *o, const char *arg, FILE *out, struct error *e)
{
    if (!strcmp(arg, "help") || !strcmp(arg, "?")) {
        for (size_t i = 0; i < ARRAY_LEN(trace_names); i++)
            fprintf(out, "%-14s %s\n", trace_names[i], trace_texts[i]);
        return OPTION_DONE;
    }
    const char *bad;
    if (trace_parse(&o->trace, arg, &bad))
        return true;
    char word[40];
    snprintf(word, sizeof(word), "%.*s", (int)strcspn(bad, ","), bad);
    return fail_unknown(e, "-d category", word, trace_names, ARRAY_LEN(trace_names));
}

KEEP_STRING(opt_D, log_file)

/* ---- other ---- */

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

/* ---- what depends on several options ---- */

/* Where "chardev:id" leads; negative indices stay. */
static bool resolve(struct options *o, int *stream, struct error *e)
{
    if (*stream < 0 || o->specs[*stream].kind != STREAM_CHARDEV)
        return true;
    const struct stream_spec *use = &o->specs[*stream];
    const char *names[MAX_STREAM_SPECS];
    size_t n = 0;
    for (unsigned i = 0; i < o->nspecs; i++) {
        if (!o->specs[i].named)
            continue;
        names[n++] = o->specs[i].label;
        if (!strcmp(o->specs[i].label, use->path)) {
            *stream = (int)i;
            return true;
        }
    }
    return fail_unknown(e, "character device (-chardev id)", use->path, names, n);
}

static bool count_use(struct options *o, int *stream, struct error *e)
{
    if (!resolve(o, stream, e))
        return false;
    if (*stream < 0)
        return true;
    struct stream_spec *s = &o->specs[*stream];
    if (++s->uses > 1 && !s->mux)
        return fail(e, "character device '%s' has two users, give it mux=on to share it", s->label);
    return true;
}

static bool resolve_all(struct options *o, struct error *e)
{
    for (unsigned i = 0; i < o->nserial; i++) {
        if (!count_use(o, &o->serial[i], e))
            return false;
    }
    for (unsigned i = 0; i < o->config.ndebugcon; i++) {
        if (!count_use(o, &o->debugcon[i], e))
            return false;
    }
    for (unsigned i = 0; i < o->nmonitors; i++) {
        if (!count_use(o, &o->monitor[i].stream, e))
            return false;
    }
    if (!count_use(o, &o->parallel, e) || !count_use(o, &o->gdb, e))
        return false;
    unsigned stdios = 0;
    for (unsigned i = 0; i < o->nspecs; i++)
        stdios += o->specs[i].kind == STREAM_STDIO;
    if (stdios > 1)
        return fail(e, "stdio is asked for %u times, one 'mon:stdio' or a -chardev stdio,mux=on can be shared", stdios);
    return true;
}

/* The serial port, parallel port and monitor nobody mentioned (QEMU's rules, -nographic included). */
static bool default_streams(struct options *o, struct error *e)
{
    bool serial = !o->nserial && !o->nodefaults, parallel = !o->nparallel && !o->nodefaults;
    bool monitor = o->default_monitor && !o->nodefaults;
    bool bare = o->config.type == MACHINE_BARE;
    if (serial && o->nographic) {
        if (!opt_serial(o, monitor ? "mon:stdio" : "stdio", NULL, e))
            return false;
    } else if (serial) {
        o->serial[o->nserial++] = STREAM_NONE;
    } else if (monitor && o->nographic && !opt_monitor(o, "stdio", NULL, e)) {
        return false;
    }
    if (!parallel && !o->nparallel)
        o->parallel = STREAM_ABSENT;
    if (bare && !o->nparallel)
        o->parallel = STREAM_ABSENT;
    return true;
}

static bool place_drive(struct options *o, struct drive_option *taken[2][MAX_DRIVES], struct drive_option *d,
                        struct error *e)
{
    int places = d->bus == DRIVE_IDE ? MAX_IDE : MAX_FLOPPY;
    (void)o;
    if (d->index < 0) {
        for (d->index = 0; d->index < places && taken[d->bus][d->index];)
            d->index++;
        if (d->index == places)
            return fail(e, "%s: all %d %s drives are taken", d->given, places, d->bus == DRIVE_IDE ? "IDE" : "floppy");
    }
    struct drive_option *other = taken[d->bus][d->index];
    if (other)
        return fail(e, "%s and %s are both %s drive %d, give one of them another index", other->given, d->given,
                    d->bus == DRIVE_IDE ? "IDE" : "floppy", d->index);
    taken[d->bus][d->index] = d;
    return true;
}

/* Indices for those without; the empty CD-ROM and floppy drive every PC has. */
static bool place_drives(struct options *o, struct error *e)
{
    struct drive_option *taken[2][MAX_DRIVES] = {0};
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < o->ndrives; i++) {
            struct drive_option *d = &o->drive[i];
            bool automatic = d->index < 0;
            if (automatic == (pass == 1) && !place_drive(o, taken, d, e))
                return false;
        }
    }
    if (o->config.type == MACHINE_BARE && o->ndrives)
        return fail(e, "%s: -M bare has no drives", o->drive[0].given);
    if (o->nodefaults || o->config.type == MACHINE_BARE)
        return true;
    if (!taken[DRIVE_IDE][2]) {
        struct drive_option *d = add_drive(o, DRIVE_IDE, 2, NULL, "-cdrom", e);
        if (!d)
            return false;
        d->cdrom = d->readonly = true;
    }
    return taken[DRIVE_FLOPPY][0] || add_drive(o, DRIVE_FLOPPY, 0, NULL, "-fda", e);
}

bool options_finish(struct options *o, struct error *e)
{
    struct machine_config *c = &o->config;
    if (!c->cpu.name && !cpu_model_parse("max", &c->cpu, e->text, sizeof(e->text)))
        return false;
    if ((c->perfmap || c->jitdump) && !strcmp(c->accel, "interp"))
        return fail(e, "%s shows translated code, it needs -accel jit", c->perfmap ? "-perfmap" : "-jitdump");
    if (!c->kernel && (c->append || c->initrd))
        return fail(e, "%s only works with -kernel", c->append ? "-append" : "-initrd");
    if (o->nodefaults && !o->vga_given)
        c->vga = false;
    if (c->type == MACHINE_BARE)
        c->vga = false;
    for (unsigned i = 0; i < c->ndebugcon; i++) {
        if (c->debugcon[i].port == DEBUGCON_BY_GLOBAL)
            c->debugcon[i].port = o->debugcon_port;
    }
    for (unsigned i = 0; i < o->ndrives; i++)
        o->drive[i].snapshot |= o->snapshot;
    return default_streams(o, e) && resolve_all(o, e) && place_drives(o, e);
}
