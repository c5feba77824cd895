/*
 * 8254 interval timer: ports 40h-43h, three counters at 1.193182 MHz.
 */
#ifndef ORRERY_DEVICES_PIT_H
#define ORRERY_DEVICES_PIT_H

#include "devices/core/device.h"

enum { PIT_HZ = 1193182 };

struct pit_config {
    struct irq irq0; /* OUT of counter 0 */
};

extern const struct device_class pit_class;

/* The wire to GATE 2 (port 61h bit 0). Gates 0 and 1 are tied high. */
struct irq pit_gate2(struct device *dev);
/* OUT of counter 2, now; dev is the device, as port 61h wants it. */
bool pit_out2(void *dev);
/* In how many of the clocks [from, to), counted from virtual 0, it is high, as counter 2 is programmed now. */
u64 pit_out2_high(void *dev, u64 from, u64 to);

#endif
