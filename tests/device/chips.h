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

static const struct device_class *const chip_classes[] = {
#define DEVICE(cls) &cls,
#include "devices/devices.def"
#undef DEVICE
};
enum { CHIPS = ARRAY_LEN(chip_classes) };

/* ---- a disk in memory ---- */

struct memory_disk {
    struct disk d;
    u8 *bytes;
};
static int memory_read(struct disk *d, u64 sector, void *buf, u32 count)
{
    memcpy(buf, container_of(d, struct memory_disk, d)->bytes + sector * 512, (size_t)count * 512);
    return 0;
}
static int memory_write(struct disk *d, u64 sector, const void *buf, u32 count)
{
    memcpy(container_of(d, struct memory_disk, d)->bytes + sector * 512, buf, (size_t)count * 512);
    return 0;
}
static int memory_flush(struct disk *d) { return (void)d, 0; }
static void memory_close(struct disk *d)
{
    struct memory_disk *m = container_of(d, struct memory_disk, d);
    free(m->bytes);
    free(m->d.path);
    free(m);
}
static const struct disk_ops memory_ops = {
    .name = "memory", .read = memory_read, .write = memory_write, .flush = memory_flush, .close = memory_close};

static inline struct disk *memory_disk(u64 sectors, struct trace *trace)
{
    struct memory_disk *m = calloc(1, sizeof *m);
    m->d = (struct disk){.ops = &memory_ops, .sectors = sectors, .trace = trace, .path = strdup("memory")};
    m->bytes = calloc(sectors, 512);
    return &m->d;
}

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
        cfg.drive[0] = (struct ide_drive_config){.present = true, .disk = memory_disk(10000, sys->trace)};
        cfg.drive[2] = (struct ide_drive_config){.present = true, .cdrom = true, .disk = memory_disk(4000, sys->trace)};
        cfg.drive[3] = (struct ide_drive_config){.present = true, .cdrom = true};
        return device_create(sys, cls, NULL, &cfg);
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
