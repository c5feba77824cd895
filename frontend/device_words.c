/*
 * Devices as users write them (device_words.h).
 */
#include "frontend/device_words.h"

#include <stdlib.h>

enum { MAX_CLASSES = 256, MAX_NAMES = 64 };

static bool is_help(const char *s) { return !strcmp(s, "help") || !strcmp(s, "?"); }

const struct device_class *device_words_class(const char *name, struct error *e)
{
    const struct device_class *cls = device_class_find(name);
    const char *names[MAX_CLASSES];
    size_t n = 0;
    if (cls)
        return cls;
    for (unsigned i = 0; device_class_at(i) && n < MAX_CLASSES; i++)
        if (device_class_at(i)->user_creatable)
            names[n++] = device_class_at(i)->name;
    fail_unknown(e, "device", name, names, n);
    return NULL;
}

const struct property *device_words_property(const struct device_class *cls, const char *name, struct error *e)
{
    const struct property *p = property_find(cls->properties, name);
    const char *names[MAX_NAMES];
    size_t n = 0;
    char what[DEVICE_ID_MAX + 16];
    if (p)
        return p;
    for (p = cls->properties; p && p->name && n < MAX_NAMES; p++)
        names[n++] = p->name;
    snprintf(what, sizeof(what), "%s property", cls->name);
    fail_unknown(e, what, name, names, n);
    return NULL;
}

bool device_args_take(struct device_args *a, const char *key, const char *val, struct error *e)
{
    const struct device_class *cls;
    const struct property *p;
    if (!strcmp(key, "driver")) {
        a->driver = val;
        return true;
    }
    if (!a->driver)
        return fail(e, "a device's name comes first, '-device help' lists them");
    if (!strcmp(key, "id"))
        a->id = val;
    else if (!strcmp(key, "bus"))
        a->bus = val;
    else if (!(cls = device_words_class(a->driver, e)) || !(p = device_words_property(cls, key, e)) ||
             !property_check(p, val, e->text, sizeof(e->text)))
        return false;
    else if (a->nproperties == DEVICE_ARGS_MAX)
        return fail(e, "%s: more than %d properties", a->driver, DEVICE_ARGS_MAX);
    else {
        a->property[a->nproperties].name = key;
        a->property[a->nproperties++].value = val;
    }
    return true;
}

bool device_words_parse(struct device_words *w, const char *text, struct error *e)
{
    struct subopts s;
    *w = (struct device_words){0};
    if (!subopts_parse(&s, text, "driver", e))
        return false;
    w->buf = s.buf; /* what the items point into */
    for (unsigned i = 0; i < s.count; i++)
        if (!device_args_take(&w->args, s.item[i].key, s.item[i].val ? s.item[i].val : "on", e))
            return false;
    if (!w->args.driver || !*w->args.driver)
        return fail(e, "a device's name is missing, '-device help' lists them");
    return device_words_class(w->args.driver, e) != NULL;
}

void device_words_free(struct device_words *w)
{
    free(w->buf);
    w->buf = NULL;
}

static void help_property(const struct property *p, FILE *out)
{
    char value[PROPERTY_TEXT_MAX];
    char head[80];
    snprintf(head, sizeof(head), "%s=<%s>", p->name, property_type_name(p));
    fprintf(out, "  %-22s - %s", head, p->help);
    if (p->unit)
        fprintf(out, ", %s", p->unit);
    if (property_default_text(p, value, sizeof(value)))
        fprintf(out, " (default: %s)", value);
    fputc('\n', out);
}

static void help_class(const struct device_class *cls, FILE *out)
{
    if (!cls->properties || !cls->properties->name) {
        fprintf(out, "There are no options for %s.\n", cls->name);
        return;
    }
    fprintf(out, "%s options:\n", cls->name);
    for (const struct property *p = cls->properties; p->name; p++)
        help_property(p, out);
}

bool device_words_help(const char *text, FILE *out)
{
    const char *comma = strchr(text, ',');
    char name[DEVICE_ID_MAX];
    if (is_help(text)) {
        for (unsigned i = 0; device_class_at(i); i++) {
            const struct device_class *cls = device_class_at(i);
            if (cls->user_creatable)
                fprintf(out, "name \"%s\", bus %s, desc \"%s\"\n", cls->name, cls->bus, cls->description);
        }
        return true;
    }
    if (!comma || !is_help(comma + 1) || (size_t)(comma - text) >= sizeof(name))
        return false;
    snprintf(name, sizeof(name), "%.*s", (int)(comma - text), text);
    const struct device_class *cls = device_class_find(name);
    if (cls)
        help_class(cls, out);
    return cls != NULL;
}
