/*
 * -device and -global: one function a device that can be asked for.
 */
#include "frontend/options_parse.h"

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
        stream = options_add_stream(o, dev, "debugcon", e);
    }
    return stream != STREAM_BAD && options_add_debugcon(o, (u16)base, stream, e);
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

bool options_add_debugcon(struct options *o, u16 port, int stream, struct error *e)
{
    if (o->config.ndebugcon == MAX_DEBUGCON)
        return fail(e, "there is room for %d debug consoles", MAX_DEBUGCON);
    o->debugcon[o->config.ndebugcon] = stream;
    o->config.debugcon[o->config.ndebugcon++].port = port;
    return true;
}
