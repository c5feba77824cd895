/*
 * Port 61h: speaker gate, refresh toggle, OUT of counter 2.
 */
#ifndef ORRERY_DEVICES_PORT61_H
#define ORRERY_DEVICES_PORT61_H

#include "devices/core/device.h"

struct port61_config {
    struct irq gate2;          /* GATE of PIT counter 2 */
    bool (*out2)(void *owner); /* OUT of PIT counter 2 */
    void *out2_owner;
    struct irq speaker; /* bit 1: the speaker follows OUT 2 */
};

extern const struct device_class port61_class;

#endif
