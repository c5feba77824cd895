/*
 * Intel 82371AB (PIIX4) function 3: ACPI power management, 8086:7113 at
 * 00:01.3, with the SMBus host and the fixed ports QEMU's ACPI tables name.
 */
#ifndef ORRERY_PIIX4_PM_H
#define ORRERY_PIIX4_PM_H

#include "devices/pci/pci.h"

struct piix4_pm_config {
    struct device *bus;
    struct irq sci; /* a driver of ISA interrupt line 9 */
    unsigned cpus;  /* present, for the CPU hotplug bitmap */
};
extern const struct device_class piix4_pm_class;

/* The power button: PWRBTN_STS, and SCI if the guest asked for it. */
/* Looks again which serial and parallel ports the board decodes, which DEVRESB-E tell. */
void piix4_pm_find_ports(struct device *dev);
void piix4_pm_power_button(struct device *dev);
/* After the reset that ends S3: WAK_STS, which tells firmware and guest what happened. */
void piix4_pm_wake(struct device *dev);

#endif
