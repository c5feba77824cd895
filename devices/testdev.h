/*
 * pc-testdev and the older testdev as kvm-unit-tests uses them: a console at
 * F1h, RAM size at D1h, a scratch port at E0h, page flush at E4h, exit at F4h,
 * interrupt lines at 2000h, a buffer at FF000000h.
 */
#ifndef ORRERY_DEVICES_TESTDEV_H
#define ORRERY_DEVICES_TESTDEV_H

#include "devices/core/chardev.h"
#include "devices/core/device.h"

enum { TESTDEV_LINES = 24 };

struct testdev_config {
    struct irq line[TESTDEV_LINES]; /* GSI 0.. */
    u64 ram_size;
    struct chardev *chardev;
};

extern const struct device_class testdev_class;

#endif
