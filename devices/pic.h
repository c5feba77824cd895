/*
 * Two cascaded 8259A interrupt controllers with the PIIX3 edge/level registers:
 * ports 20h-21h, A0h-A1h, 4D0h-4D1h.
 */
#ifndef ORRERY_DEVICES_PIC_H
#define ORRERY_DEVICES_PIC_H

#include "devices/core/device.h"

struct pic_config {
    struct irq intr; /* the INTR output of the master */
};

extern const struct device_class pic_class;

/* The wire to request input 0..15 (2 is the cascade, driven by the slave). */
struct irq pic_input(struct device *dev, unsigned irq);
/* The two INTA cycles of the processor: the vector. A request that went away gives IR7. */
int pic_read_irq(struct device *dev);

#endif
