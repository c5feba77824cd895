/*
 * Port 80h, where firmware posts its progress codes (trace category debugcon),
 * and the delay ports EBh and EDh.
 */
#ifndef ORRERY_DEVICES_PORT80_H
#define ORRERY_DEVICES_PORT80_H

#include "devices/core/device.h"

extern const struct device_class port80_class; /* no config */

#endif
