/*
 * The rows of options.def that bring byte streams: serial and parallel ports,
 * monitors, -chardev; and what leads to which once all are known.
 */
#include "frontend/options_parse.h"

int options_add_stream(struct options *o, const char *option, const char *text, const char *label, struct error *e)
{
    if (o->nspecs == MAX_STREAM_SPECS) {
        fail(e, "there is room for %d character devices", MAX_STREAM_SPECS);
        return STREAM_BAD;
    }
    struct stream_spec *s = &o->specs[o->nspecs];
    bool ok = stream_spec_parse(s, text, label, e) || fail_in(e, "%s %.80s", option, text);
    s->option = option;
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
    int stream = !strcmp(arg, "none") ? STREAM_ABSENT : options_add_stream(o, "-serial", arg, label, e);
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
    int stream = !strcmp(arg, "none") ? STREAM_ABSENT : options_add_stream(o, "-parallel", arg, "parallel0", e);
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
    int stream = options_add_stream(o, qmp ? "-qmp" : "-monitor", arg, label, e);
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
        return fail_in(e, "-chardev");
    s->option = "-chardev";
    s->named = true;
    for (unsigned i = 0; i + 1 < o->nspecs; i++) {
        if (!strcmp(o->specs[i].label, s->label))
            return fail(e, "-chardev %s: the id '%s' is taken", arg, s->label);
    }
    return true;
}

int opt_debugcon(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    char label[24];
    if (!strcmp(arg, "none"))
        return true;
    snprintf(label, sizeof(label), "debugcon%u", o->ndebugcon++);
    int stream = options_add_stream(o, "-debugcon", arg, label, e);
    if (stream == STREAM_BAD || !add_its_monitor(o, stream, e))
        return false;
    const struct stream_spec *s = &o->specs[stream];
    return options_add_device(o, "isa-debugcon", -1, s->kind == STREAM_CHARDEV ? s->path : s->label, e);
}

/* The stream of that label among those that may be named. */
static int find_stream(struct options *o, const char *label, struct error *e)
{
    const char *names[MAX_STREAM_SPECS];
    size_t n = 0;
    for (unsigned i = 0; i < o->nspecs; i++) {
        if (o->specs[i].kind == STREAM_CHARDEV)
            continue;
        if (!strcmp(o->specs[i].label, label))
            return (int)i;
        if (o->specs[i].named)
            names[n++] = o->specs[i].label;
    }
    fail_unknown(e, "character device (-chardev id)", label, names, n);
    return STREAM_BAD;
}

static bool use(struct stream_spec *s, struct error *e)
{
    if (++s->uses > 1 && !s->mux)
        return fail(e, "character device '%s' has two users, give it mux=on to share it", s->label);
    return true;
}

bool options_use_chardev(struct options *o, const char *label, struct error *e)
{
    int stream = find_stream(o, label, e);
    return stream >= 0 && use(&o->specs[stream], e);
}

/* A stream by its -chardev, or its own; counted. */
static bool count_use(struct options *o, int *stream, struct error *e)
{
    if (*stream >= 0 && o->specs[*stream].kind == STREAM_CHARDEV)
        *stream = find_stream(o, o->specs[*stream].path, e);
    if (*stream == STREAM_BAD)
        return false;
    return *stream < 0 || use(&o->specs[*stream], e);
}

/* A serial or parallel port is a device like others. */
static bool port_device(struct options *o, const char *driver, unsigned index, int *stream, struct error *e)
{
    if (*stream == STREAM_ABSENT)
        return true;
    if (*stream >= 0 && o->specs[*stream].kind == STREAM_CHARDEV)
        *stream = find_stream(o, o->specs[*stream].path, e);
    return *stream != STREAM_BAD &&
           options_add_device(o, driver, (int)index, *stream < 0 ? NULL : o->specs[*stream].label, e);
}

static bool resolve_all(struct options *o, struct error *e)
{
    for (unsigned i = 0; i < o->nserial; i++) {
        if (!port_device(o, "isa-serial", i, &o->serial[i], e))
            return false;
    }
    if (!port_device(o, "isa-parallel", 0, &o->parallel, e))
        return false;
    for (unsigned i = 0; i < o->ndevices; i++) {
        if (!options_device_streams(o, &o->device[i].args, e))
            return false;
    }
    for (unsigned i = 0; i < o->nmonitors; i++) {
        if (!count_use(o, &o->monitor[i].stream, e))
            return false;
    }
    if (!count_use(o, &o->gdb, e))
        return false;
    options_list_devices(o);
    unsigned stdios = 0;
    for (unsigned i = 0; i < o->nspecs; i++)
        stdios += o->specs[i].kind == STREAM_STDIO;
    if (stdios && o->process.daemonize)
        return fail(e, "-daemonize leaves the terminal, on which something is to be: use -display none, and another "
                       "device than stdio");
    if (stdios > 1)
        return fail(e, "stdio is asked for %u times, one 'mon:stdio' or a -chardev stdio,mux=on can be shared", stdios);
    return true;
}

/* The serial port, parallel port and monitor nobody mentioned (QEMU's rules, -nographic included). */
static bool default_streams(struct options *o, struct error *e)
{
    bool serial = !o->nserial && !o->nodefaults && o->config.type != MACHINE_NONE,
         parallel = !o->nparallel && !o->nodefaults;
    bool monitor = o->default_monitor && !o->nodefaults;
    bool bare = o->config.type != MACHINE_PC;
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

bool options_finish_streams(struct options *o, struct error *e) { return default_streams(o, e) && resolve_all(o, e); }
