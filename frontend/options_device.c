/*
 * Command line rows about devices by name: -device, -global, and those that
 * are short for one (-debugcon; -serial and -parallel become theirs at the
 * end). Values of properties are looked at when the device is made.
 */
#include "frontend/options_parse.h"

#include <stdlib.h>

static struct device_words *new_device(struct options *o, struct error *e)
{
    if (o->ndevices < MAX_DEVICES)
        return &o->device[o->ndevices++];
    fail(e, "there is room for %d devices", MAX_DEVICES);
    return NULL;
}

int opt_device(struct options *o, const char *arg, FILE *out, struct error *e)
{
    struct error why;
    if (device_words_help(arg, out))
        return OPTION_DONE;
    struct device_words *w = new_device(o, e);
    if (!w)
        return false;
    return device_words_parse(w, arg, &why) || fail(e, "-device %s: %.300s", arg, why.text);
}

bool options_add_device(struct options *o, const char *driver, int index, const char *chardev, struct error *e)
{
    struct device_words *w = new_device(o, e);
    char text[160];
    int at = snprintf(text, sizeof(text), "%s", driver);
    if (!w)
        return false;
    if (index >= 0)
        at += snprintf(text + at, sizeof(text) - (size_t)at, ",index=%d", index);
    if (chardev)
        snprintf(text + at, sizeof(text) - (size_t)at, ",chardev=%s", chardev);
    return device_words_parse(w, text, e);
}

int opt_global(struct options *o, const char *arg, FILE *out, struct error *e)
{
    struct error why;
    (void)out;
    const char *dot = strchr(arg, '.'), *eq = dot ? strchr(dot, '=') : NULL;
    if (!eq || dot == arg)
        return fail(e, "-global %s: it is written DRIVER.PROPERTY=VALUE", arg);
    if (o->nglobals == MAX_GLOBALS)
        return fail(e, "-global %s: there is room for %d of them", arg, MAX_GLOBALS);
    struct global_option *g = &o->global[o->nglobals++];
    g->buf = strdup(arg);
    if (!g->buf)
        return fail(e, "out of memory");
    g->buf[dot - arg] = g->buf[eq - arg] = 0;
    g->property = (struct global_property){g->buf, g->buf + (dot - arg) + 1, g->buf + (eq - arg) + 1, NULL};
    const struct device_class *cls = device_words_class(g->property.driver, &why);
    if (!cls || !device_words_property(cls, g->property.property, &why))
        return fail(e, "-global %s: %.300s", arg, why.text);
    return true;
}

/* The -chardev a property of a device names is there, and is not somebody else's. */
bool options_device_streams(struct options *o, const struct device_args *a, struct error *e)
{
    const struct device_class *cls = device_class_find(a->driver);
    for (unsigned i = 0; i < a->nproperties; i++) {
        const struct property *p = property_find(cls->properties, a->property[i].name);
        if (p->type == PROPERTY_CHARDEV && !options_use_chardev(o, a->property[i].value, e))
            return false;
    }
    return true;
}

void options_list_devices(struct options *o)
{
    for (unsigned i = 0; i < o->ndevices; i++)
        o->device_args[i] = o->device[i].args;
    for (unsigned i = 0; i + 1 < o->nglobals; i++)
        o->global[i].property.next = &o->global[i + 1].property;
    o->config.devices = o->device_args;
    o->config.ndevices = o->ndevices;
    o->config.globals = o->nglobals ? &o->global[0].property : NULL;
}
