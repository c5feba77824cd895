/*
 * Intel 82371SB (PIIX3) function 0: the PCI-to-ISA bridge, 8086:7000 at
 * 00:01.0. Its 8259s, 8254 and DMA controllers are devices of their own.
 */
#ifndef ORRERY_PIIX3_H
#define ORRERY_PIIX3_H

#include "devices/pci/pci.h"

struct piix3_config {
    struct device *bus;
    struct irq isa_irq[16]; /* one driver each of the ISA interrupt lines PIRQs may be routed to */
    /* For devices on the ISA bus: see struct bus. */
    struct irq (*line)(void *owner, unsigned n);
    void (*line_free)(void *owner, struct irq line);
    void *line_owner;
    unsigned lines;
};
extern const struct device_class piix3_class;

#endif
