/*
 * Port 61h: the speaker and its gate, refresh toggle, OUT of counter 2.
 */
#ifndef ORRERY_DEVICES_PORT61_H
#define ORRERY_DEVICES_PORT61_H

#include "devices/core/device.h"

struct port61_config {
    struct irq gate2;          /* GATE of PIT counter 2 */
    bool (*out2)(void *owner); /* OUT of PIT counter 2 */
    /* In how many of those of its clocks OUT is high; NULL: there is nothing to hear. */
    u64 (*out2_high)(void *owner, u64 from, u64 to);
    void *out2_owner;
    unsigned out2_hz;
};

extern const struct device_class port61_class;

#endif
