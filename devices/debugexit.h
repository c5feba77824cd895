/*
 * isa-debug-exit: writing v ends the emulator with status (v << 1) | 1.
 */
#ifndef ORRERY_DEVICES_DEBUGEXIT_H
#define ORRERY_DEVICES_DEBUGEXIT_H

#include "devices/core/device.h"

struct debugexit_config {
    u16 iobase, iosize; /* 0: 501h and 2, as QEMU */
};

extern const struct device_class debugexit_class;

#endif
