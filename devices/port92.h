/*
 * Port 92h: fast A20 gate and fast reset.
 */
#ifndef ORRERY_DEVICES_PORT92_H
#define ORRERY_DEVICES_PORT92_H

#include "devices/core/device.h"

extern const struct device_class port92_class; /* no config */

#endif
