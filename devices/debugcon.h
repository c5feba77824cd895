/*
 * isa-debugcon: a port whose bytes go straight to a host stream; reads E9h, by
 * which firmware finds it.
 */
#ifndef ORRERY_DEVICES_DEBUGCON_H
#define ORRERY_DEVICES_DEBUGCON_H

#include "devices/core/chardev.h"
#include "devices/core/device.h"

struct debugcon_device_config {
    u16 port; /* usually E9h or 402h */
    struct chardev *chardev;
};

extern const struct device_class debugcon_class;

#endif
