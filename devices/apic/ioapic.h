/*
 * 82093AA I/O APIC with 24 inputs at FEC00000h.
 */
#ifndef ORRERY_DEVICES_IOAPIC_H
#define ORRERY_DEVICES_IOAPIC_H

#include "devices/apic/apic_bus.h"
#include "devices/core/device.h"

enum { IOAPIC_PINS = 24 };

struct ioapic_config {
    struct apic_bus *bus;
    u8 id;
};

extern const struct device_class ioapic_class;

struct irq ioapic_input(struct device *dev, unsigned pin);
/* Redirection table as text, for info pic. */
void ioapic_dump(struct device *dev, FILE *out);

#endif
