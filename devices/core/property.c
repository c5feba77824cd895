/*
 * Properties of devices as text and as members (property.h).
 */
#include "devices/core/property.h"

#include <stdlib.h>

#include "devices/core/device.h"
#include "devices/core/text.h"

const struct property *property_find(const struct property *list, const char *name)
{
    for (; list && list->name; list++)
        if (!strcmp(list->name, name))
            return list;
    return NULL;
}

const char *property_type_name(const struct property *p)
{
    switch (p->type) {
    case PROPERTY_BOOL:
        return "bool";
    case PROPERTY_SIZE:
        return "size";
    case PROPERTY_DEVFN:
        return "int32";
    case PROPERTY_UINT:
        return p->width == 1 ? "uint8" : p->width == 2 ? "uint16" : p->width == 4 ? "uint32" : "uint64";
    default:
        return "str";
    }
}

static void *member(const struct device *dev, const struct property *p) { return (char *)dev + p->offset; }

void property_put_number(struct device *dev, const struct property *p, u64 v)
{
    set_host_value(member(dev, p), v, p->width);
}

static bool is_number(const struct property *p) { return p->type != PROPERTY_STRING && p->type != PROPERTY_CHARDEV; }

void property_default(struct device *dev, const struct property *p)
{
    if (is_number(p))
        property_put_number(dev, p, p->fallback);
    else
        memset(member(dev, p), 0, p->width);
}

/* "3" or "03.1", hexadecimal as lspci writes it; the last function of a slot is 7. */
static bool parse_devfn(const char *text, u64 *out)
{
    char *end;
    unsigned long slot = strtoul(text, &end, 16), function = 0;
    bool ok = end != text && *text != '-' && slot < 32;
    if (ok && *end == '.') {
        const char *from = end + 1;
        function = strtoul(from, &end, 16);
        ok = end != from && function < 8;
    }
    *out = slot << 3 | function;
    return ok && !*end;
}

static bool parse_number(const struct property *p, const char *text, u64 *v)
{
    bool on;
    switch (p->type) {
    case PROPERTY_BOOL:
        if (!text_bool(text, &on))
            return false;
        *v = on;
        return true;
    case PROPERTY_DEVFN:
        return parse_devfn(text, v);
    case PROPERTY_SIZE:
        return text_size(text, 1, v);
    default:
        return text_number(text, UINT64_MAX, v);
    }
}

static const char *what_it_takes(const struct property *p, char *buf, size_t size)
{
    if (p->type == PROPERTY_BOOL)
        return "on or off";
    if (p->type == PROPERTY_DEVFN)
        return "a slot from 0 to 1f, or slot.function";
    snprintf(buf, size, "a number from %llu to %llu", (unsigned long long)p->min, (unsigned long long)p->max);
    return buf;
}

/* The value of a number; false: what is wrong in 'why'. */
static bool checked_number(const struct property *p, const char *text, u64 *v, char *why, size_t size)
{
    char takes[80];
    if (parse_number(p, text, v) && (p->type == PROPERTY_DEVFN || (*v >= p->min && *v <= p->max)))
        return true;
    snprintf(why, size, "'%s=%.80s' must be %s", p->name, text, what_it_takes(p, takes, sizeof(takes)));
    return false;
}

bool property_check(const struct property *p, const char *text, char *why, size_t size)
{
    u64 v;
    if (is_number(p))
        return checked_number(p, text, &v, why, size);
    if (p->type != PROPERTY_STRING || strlen(text) < p->width)
        return true;
    snprintf(why, size, "'%s' takes at most %u characters", p->name, p->width - 1);
    return false;
}

static bool set_chardev(struct device *dev, const struct property *p, const char *id)
{
    struct system *sys = dev->sys;
    struct chardev *cd = sys->find_chardev ? sys->find_chardev(sys->find_owner, id) : NULL;
    if (!cd)
        return device_fail(sys, "%s: there is no free -chardev with id '%s'", dev->cls->name, id);
    *(struct chardev **)member(dev, p) = cd;
    return true;
}

bool property_set(struct device *dev, const struct property *p, const char *text)
{
    u64 v;
    char why[200];
    if (p->type == PROPERTY_CHARDEV)
        return set_chardev(dev, p, text);
    if (!property_check(p, text, why, sizeof(why)))
        return device_fail(dev->sys, "%s: %s", dev->cls->name, why);
    if (p->type == PROPERTY_STRING)
        strcpy(member(dev, p), text);
    else if (checked_number(p, text, &v, why, sizeof(why)))
        property_put_number(dev, p, v);
    return true;
}

static void print_number(const struct property *p, u64 v, char *text, size_t size)
{
    if (p->type == PROPERTY_BOOL)
        snprintf(text, size, "%s", v ? "on" : "off");
    else if (p->type == PROPERTY_DEVFN)
        snprintf(text, size, "%02x.%x", (unsigned)(v >> 3 & 31), (unsigned)(v & 7));
    else if (p->type == PROPERTY_UINT && p->unit && !strcmp(p->unit, "port"))
        snprintf(text, size, "0x%llx", (unsigned long long)v);
    else
        snprintf(text, size, "%llu", (unsigned long long)v);
}

void property_get(const struct device *dev, const struct property *p, char *text, size_t size)
{
    if (is_number(p))
        print_number(p, host_value(member(dev, p), p->width), text, size);
    else if (p->type == PROPERTY_STRING)
        snprintf(text, size, "\"%s\"", (const char *)member(dev, p));
    else
        snprintf(text, size, "%s", *(void **)member(dev, p) ? "connected" : "\"\"");
}

bool property_default_text(const struct property *p, char *text, size_t size)
{
    if (!is_number(p) || p->type == PROPERTY_DEVFN)
        return false;
    print_number(p, p->fallback, text, size);
    return true;
}
