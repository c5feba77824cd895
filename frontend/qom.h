/*
 * The machine's devices as QEMU's object model names them: paths such as
 * /machine/peripheral/ID, and each thing's children, links and properties.
 * Nothing is an object here: paths are read off the device list each time.
 */
#ifndef ORRERY_FRONTEND_QOM_H
#define ORRERY_FRONTEND_QOM_H

#include "devices/machine/machine.h"

enum qom_kind { QOM_ROOT, QOM_MACHINE, QOM_PERIPHERAL, QOM_ANONYMOUS, QOM_UNATTACHED, QOM_CPU, QOM_DEVICE, QOM_BUS };
struct qom_node {
    enum qom_kind kind;
    unsigned cpu;          /* QOM_CPU */
    struct device *device; /* QOM_DEVICE */
    struct bus *bus;       /* QOM_BUS */
};
enum { QOM_NAME_MAX = 96, QOM_VALUE_MAX = 256 };
/* One property: a child<TYPE>, a link<TYPE>, or a value. number: the value is a number, or on or off. */
struct qom_property {
    char name[QOM_NAME_MAX], type[QOM_NAME_MAX], value[QOM_VALUE_MAX];
    bool number, boolean;
    struct qom_node child; /* of a child<> */
    bool is_child;
};
/* All on the machine's thread. False: there is no such path. */
bool qom_find(struct machine *m, const char *path, struct qom_node *out);
/* Calls 'found' with each property of a node, children first. */
void qom_properties(struct machine *m, struct qom_node n, void (*found)(void *owner, const struct qom_property *p),
                    void *owner);
/* What users know a device by: its id or, without one, its path. */
void qom_device_id(struct machine *m, const struct device *d, char *text, size_t size);
const char *qom_type(struct machine *m, struct qom_node n);

#endif
