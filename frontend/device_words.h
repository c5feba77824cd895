/*
 * Devices as users write them: "isa-serial,id=s1,chardev=c" and what help says
 * of them. -device, -global and the monitor's device_add have the same words.
 */
#ifndef ORRERY_FRONTEND_DEVICE_WORDS_H
#define ORRERY_FRONTEND_DEVICE_WORDS_H

#include "devices/devices.h"
#include "frontend/text.h"

struct device_words {
    struct device_args args;
    char *buf; /* what args points into */
};
/* False with a sentence: not of that form, no such device or property. Pair with device_words_free. */
bool device_words_parse(struct device_words *w, const char *text, struct error *e);
void device_words_free(struct device_words *w);
/* One key of a device; "driver" comes first. */
bool device_args_take(struct device_args *a, const char *key, const char *val, struct error *e);
/* "help" lists the devices, "NAME,help" the properties of one; true: it was one of these, and is printed. */
bool device_words_help(const char *text, FILE *out);
/* The class of that name for users; NULL with a sentence that names the nearest. */
const struct device_class *device_words_class(const char *name, struct error *e);
/* A property of it; NULL with a sentence. */
const struct property *device_words_property(const struct device_class *cls, const char *name, struct error *e);

#endif
