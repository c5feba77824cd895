/*
 * pvpanic: port 505h, by which a guest says that its kernel has panicked.
 */
#ifndef ORRERY_DEVICES_PVPANIC_H
#define ORRERY_DEVICES_PVPANIC_H

#include "devices/core/device.h"

extern const struct device_class pvpanic_class; /* no config */

#endif
