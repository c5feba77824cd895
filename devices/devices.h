/*
 * All classes of devices, from devices.def, and devices made by the name of
 * their class, as users ask for them.
 */
#ifndef ORRERY_DEVICES_DEVICES_H
#define ORRERY_DEVICES_DEVICES_H

#include "devices/core/device.h"

#define DEVICE(cls) extern const struct device_class cls;
#include "devices/devices.def"
#undef DEVICE

/* Class n in the order of the list; NULL after the last. */
const struct device_class *device_class_at(unsigned n);
/* By the name -device knows it by, or NULL. */
const struct device_class *device_class_find(const char *name);

enum { DEVICE_ARGS_MAX = 24 };
/* What -device and device_add say. */
struct device_args {
    const char *driver, *id, *bus; /* id and bus may be NULL */
    struct {
        const char *name, *value;
    } property[DEVICE_ARGS_MAX];
    unsigned nproperties;
};
/* Makes it and plugs it in; NULL with a sentence in sys->err. running: only what may come while the machine runs. */
struct device *device_add(struct system *sys, const struct device_args *args, bool running);
/* Takes out what device_add made; false with a sentence in sys->err. */
bool device_del(struct system *sys, const char *id);

#endif
