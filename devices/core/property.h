/*
 * What a device can be told when it is made: typed members of its struct, by
 * name, as data. From these rows come -device NAME,KEY=VALUE, -global, their
 * help, what the monitor and QMP show of a device, and how boards make theirs.
 */
#ifndef ORRERY_CORE_PROPERTY_H
#define ORRERY_CORE_PROPERTY_H

#include "cpu/base.h"

struct device;

enum property_type {
    PROPERTY_END_,
    PROPERTY_BOOL,
    PROPERTY_UINT,    /* of the member's width */
    PROPERTY_SIZE,    /* bytes: 512, 16M */
    PROPERTY_STRING,  /* char[] */
    PROPERTY_CHARDEV, /* struct chardev *: the id of a -chardev */
    PROPERTY_DEVFN,   /* u16: slot[.function] of a PCI bus */
};
enum { PROPERTY_TEXT_MAX = 256, DEVFN_ANY = 0xffff /* the next free slot */ };

struct property {
    const char *name;
    enum property_type type;
    u32 offset, width;      /* of the member in the device's struct */
    u64 fallback, min, max; /* of numbers; strings and back ends begin empty */
    const char *unit, *help;
};
#define PROPERTY_MEMBER_(T, member) offsetof(T, member), sizeof(((T *)0)->member)
#define PROPERTY_BOOL(name, T, member, fallback, help)                                                                 \
    {                                                                                                                  \
        name, PROPERTY_BOOL, PROPERTY_MEMBER_(T, member), fallback, 0, 1, NULL, help                                   \
    }
#define PROPERTY_UINT(name, T, member, fallback, min, max, unit, help)                                                 \
    {                                                                                                                  \
        name, PROPERTY_UINT, PROPERTY_MEMBER_(T, member), fallback, min, max, unit, help                               \
    }
#define PROPERTY_SIZE(name, T, member, fallback, min, max, help)                                                       \
    {                                                                                                                  \
        name, PROPERTY_SIZE, PROPERTY_MEMBER_(T, member), fallback, min, max, "bytes", help                            \
    }
#define PROPERTY_STRING(name, T, member, help)                                                                         \
    {                                                                                                                  \
        name, PROPERTY_STRING, PROPERTY_MEMBER_(T, member), 0, 0, 0, NULL, help                                        \
    }
#define PROPERTY_CHARDEV(T, member)                                                                                    \
    {                                                                                                                  \
        "chardev", PROPERTY_CHARDEV, PROPERTY_MEMBER_(T, member), 0, 0, 0, NULL, "id of a -chardev"                    \
    }
#define PROPERTY_END                                                                                                   \
    {                                                                                                                  \
        NULL, PROPERTY_END_, 0, 0, 0, 0, 0, NULL, NULL                                                                 \
    }

/* The row of that name, or NULL. */
const struct property *property_find(const struct property *list, const char *name);
/* QEMU's word for the type: "uint16", "bool", "str", ... */
const char *property_type_name(const struct property *p);
/* Gives the member its first value. */
void property_default(struct device *dev, const struct property *p);
/* Sets the member of a number; the value is not looked at. */
void property_put_number(struct device *dev, const struct property *p, u64 v);
/* Whether text is a value for it; false: what is wrong in 'why'. Back ends are not looked for. */
bool property_check(const struct property *p, const char *text, char *why, size_t size);
/* Sets the member from text. False: one sentence in dev->sys->err. */
bool property_set(struct device *dev, const struct property *p, const char *text);
/* The member as text; at most PROPERTY_TEXT_MAX bytes with the zero. */
void property_get(const struct device *dev, const struct property *p, char *text, size_t size);
/* The first value as text; false when there is none to tell. */
bool property_default_text(const struct property *p, char *text, size_t size);

#endif
