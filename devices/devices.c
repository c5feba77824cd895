/*
 * All classes of devices (devices.h).
 */
#include "devices/devices.h"

static const struct device_class *const classes[] = {
#define DEVICE(cls) &cls,
#include "devices/devices.def"
#undef DEVICE
};

const struct device_class *device_class_at(unsigned n) { return n < ARRAY_LEN(classes) ? classes[n] : NULL; }

const struct device_class *device_class_find(const char *name)
{
    for (unsigned n = 0; n < ARRAY_LEN(classes); n++)
        if (!strcmp(classes[n]->name, name))
            return classes[n];
    return NULL;
}

static bool may_add(struct system *sys, const struct device_class *cls, const struct device_args *a, bool running)
{
    if (!cls)
        return device_fail(sys, "'%s' is not a valid device model name", a->driver);
    if (!cls->user_creatable)
        return device_fail(sys, "device '%s' is part of the board, it cannot be added", a->driver);
    if (running && !cls->hotpluggable)
        return device_fail(sys, "device '%s' does not support hotplugging", a->driver);
    if (a->id && strlen(a->id) >= DEVICE_ID_MAX)
        return device_fail(sys, "device id '%.40s...' is longer than %d characters", a->id, DEVICE_ID_MAX - 1);
    if (a->id && device_find(sys, a->id))
        return device_fail(sys, "Duplicate device ID '%s'", a->id);
    return true;
}

static struct bus *find_bus(struct system *sys, const struct device_class *cls, const char *name)
{
    struct bus *bus = bus_find(sys, cls->bus, name);
    if (!bus && name)
        device_fail(sys, "Bus '%s' not found", name);
    else if (!bus)
        device_fail(sys, "No '%s' bus found for device '%s'", cls->bus, cls->name);
    else if (strcmp(bus->type, cls->bus) != 0)
        device_fail(sys, "'%s' cannot be plugged into bus '%s', which is of type %s", cls->name, name, bus->type);
    else
        return bus;
    return NULL;
}

struct device *device_add(struct system *sys, const struct device_args *args, bool running)
{
    const struct device_class *cls = device_class_find(args->driver);
    struct bus *bus = may_add(sys, cls, args, running) ? find_bus(sys, cls, args->bus) : NULL;
    struct device *dev = bus ? device_new(sys, cls, args->id ? args->id : "") : NULL;
    if (!dev)
        return NULL;
    dev->by_user = true;
    for (unsigned i = 0; i < args->nproperties; i++) {
        if (!device_set(dev, args->property[i].name, args->property[i].value)) {
            device_discard(dev);
            return NULL;
        }
    }
    return device_plug(dev, bus, NULL);
}

bool device_del(struct system *sys, const char *id)
{
    struct device *dev = *id ? device_find(sys, id) : NULL;
    if (!dev)
        return device_fail(sys, "Device '%s' not found", id);
    if (!dev->by_user || !dev->cls->hotpluggable)
        return device_fail(sys, "Device '%s' does not support hotplugging", id);
    device_unplug(dev);
    return true;
}
