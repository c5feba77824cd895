/*
 * Every chip of devices.def, created for a test: alone where it can be, else on
 * a PCI bus, with memory disks in the drives.
 */
#ifndef ORRERY_TESTS_CHIPS_H
#define ORRERY_TESTS_CHIPS_H

#include <stdlib.h>

#include "devices/devices.h"
#include "devices/fdc/fdc.h"
#include "devices/pci/i440fx.h"
#include "devices/ide/ide.h"
#include "devices/pci/piix3.h"
#include "devices/pci/piix4_pm.h"
#include "tests/device/disks.h"

static const struct device_class *const chip_classes[] = {
#define DEVICE(cls) &cls,
#include "devices/devices.def"
#undef DEVICE
};
enum { CHIPS = ARRAY_LEN(chip_classes) };

/* ---- chips ---- */

static inline struct device *chip_find(struct system *sys, const struct device_class *cls)
{
    struct device *dev = sys->devices;
    while (dev && dev->cls != cls)
        dev = dev->next;
    return dev;
}

static inline struct device *chip_bus(struct system *sys)
{
    struct device *bus = chip_find(sys, &pci_bus_class);
    return bus ? bus : device_create(sys, &pci_bus_class, NULL, NULL);
}

/* ram: at least 1 MiB, for the host bridge. NULL: the sentence is in sys->err. */
static inline struct device *chip_create(struct system *sys, const struct device_class *cls, struct ram *ram)
{
    if (cls == &i440fx_class) {
        struct i440fx_config cfg = {.bus = chip_bus(sys), .ram = ram, .ram_size = ram->size};
        return device_create(sys, cls, NULL, &cfg);
    }
    if (cls == &piix3_class) {
        struct piix3_config cfg = {.bus = chip_bus(sys)};
        return device_create(sys, cls, NULL, &cfg);
    }
    if (cls == &piix4_pm_class) {
        struct piix4_pm_config cfg = {.bus = chip_bus(sys), .cpus = 1};
        return device_create(sys, cls, NULL, &cfg);
    }
    if (cls == &ide_class) {
        struct ide_config cfg = {.bus = chip_bus(sys)};
        struct device *ide = device_create(sys, cls, NULL, &cfg);
        bool ok = ide && ide_add_drive(sys, 0, false, memory_disk(10000, sys->trace), NULL) &&
                  ide_add_drive(sys, 2, true, memory_disk(4000, sys->trace), NULL) &&
                  ide_add_drive(sys, 3, true, NULL, NULL);
        return ok ? ide : NULL;
    }
    if (cls == &ide_hd_class || cls == &ide_cd_class) {
        struct ide_config cfg = {.bus = chip_bus(sys)};
        if (!chip_find(sys, &ide_class) && !device_create(sys, &ide_class, NULL, &cfg))
            return NULL;
        bool cdrom = cls == &ide_cd_class;
        for (unsigned i = 0; i < IDE_DRIVES; i++) {
            struct disk *disk;
            bool tray, open, locked;
            if (!ide_look_at_drive(chip_find(sys, &ide_class), i, &disk, &tray, &open, &locked))
                return ide_add_drive(sys, i, cdrom, memory_disk(4000, sys->trace), NULL);
        }
        return NULL;
    }
    if (cls->bus && !strcmp(cls->bus, "PCI"))
        chip_bus(sys);
    if (cls == &fdc_class) {
        struct fdc_config cfg = {.drive = {{true, memory_disk(2880, sys->trace)}, {true, NULL}}};
        return device_create(sys, cls, NULL, &cfg);
    }
    return device_create(sys, cls, NULL, NULL);
}

#endif
