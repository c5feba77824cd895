/*
 * A standard parallel port (SPP) with a printer behind it: what is printed goes
 * to a host stream.
 */
#ifndef ORRERY_DEVICES_PARALLEL_H
#define ORRERY_DEVICES_PARALLEL_H

#include "devices/core/chardev.h"
#include "devices/core/device.h"

struct parallel_config {
    u16 base; /* 0: 378h */
    struct irq irq;
    struct chardev *chardev;
};

extern const struct device_class parallel_class;

#endif
