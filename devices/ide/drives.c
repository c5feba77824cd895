/*
 * The drives as devices of their own: ide-hd and ide-cd, each plugged into a
 * unit of a channel's bus. A drive's registers, and all that is saved of it, are
 * the controller's (ide.c); here is what it is told when it is made.
 */
#include <inttypes.h>

#include "devices/ide/ide.h"
#include "devices/ide/ide_drive.h"

enum { UNITS = 2 };
/* Of 'unit': the first free one. */
#define UNIT_ANY UINT32_MAX

struct ide_unit {
    struct device dev;
    char drive[64];
    u32 unit;
    struct ide_identity identity;
    struct ide_drive *slot;
};
/* From boards: the disk is at hand. */
struct unit_config {
    struct disk *disk;
};

static bool find_slot(struct ide_unit *u)
{
    struct device *dev = &u->dev;
    const char *name = dev->cls->name;
    if (!dev->bus)
        return device_fail(dev->sys, "No 'IDE' bus found for device '%s'", name);
    if (u->unit == UNIT_ANY)
        u->unit = ide_slot(dev->bus, 0)->present;
    if (u->unit >= UNITS)
        return device_fail(dev->sys, "%s: Can't create IDE unit %" PRIu32 ", bus supports only %d units", name, u->unit,
                           UNITS);
    u->slot = ide_slot(dev->bus, u->unit);
    return !u->slot->present || device_fail(dev->sys, "%s: IDE unit %" PRIu32 " is in use", name, u->unit);
}

static bool find_disk(struct ide_unit *u, bool cdrom, struct disk **disk)
{
    struct system *sys = u->dev.sys;
    const char *name = u->dev.cls->name;
    if (!u->drive[0])
        return cdrom || device_fail(sys, "%s: No drive specified", name);
    if (!sys->take_drive)
        return device_fail(sys, "Property '%s.drive' can't find value '%s'", name, u->drive);
    return sys->take_drive(sys->take_owner, &u->dev, u->drive, disk);
}

/* What nobody gave. */
static void complete_identity(struct ide_identity *id, unsigned number, bool cdrom)
{
    if (!id->serial[0])
        snprintf(id->serial, sizeof(id->serial), "OR%05u", number + 1);
    if (!id->version[0])
        snprintf(id->version, sizeof(id->version), "%.8s", ORRERY_VERSION);
    if (!id->model[0])
        snprintf(id->model, sizeof(id->model), "%s", cdrom ? "ORRERY CD-ROM" : "ORRERY HARDDISK");
}

static bool create(struct device *dev, const void *cfg)
{
    struct ide_unit *u = container_of(dev, struct ide_unit, dev);
    const struct unit_config *c = cfg;
    bool cdrom = dev->cls == &ide_cd_class;
    struct disk *disk = c ? c->disk : NULL;
    if (!find_slot(u) || (!c && !find_disk(u, cdrom, &disk)))
        return false;
    if (!cdrom && !disk)
        return device_fail(dev->sys, "%s: Device needs media, but drive is empty", dev->cls->name);
    complete_identity(&u->identity, u->slot->number, cdrom);
    ide_attach(u->slot, dev, &u->identity, cdrom, disk);
    return true;
}

static void destroy(struct device *dev) { ide_detach(container_of(dev, struct ide_unit, dev)->slot); }

unsigned ide_drive_number(const struct device *drive)
{
    return container_of(drive, const struct ide_unit, dev)->slot->number;
}

struct device *ide_add_drive(struct system *sys, unsigned number, bool cdrom, struct disk *disk, const char *drive)
{
    struct bus *bus = bus_find(sys, "IDE", number / UNITS ? "ide.1" : "ide.0");
    struct device *dev = device_new(sys, cdrom ? &ide_cd_class : &ide_hd_class, "");
    if (dev) {
        struct ide_unit *u = container_of(dev, struct ide_unit, dev);
        snprintf(u->drive, sizeof(u->drive), "%s", drive ? drive : "");
        u->unit = number % UNITS;
        dev = device_plug(dev, bus, &(struct unit_config){disk});
    }
    if (!dev)
        disk_close(disk);
    return dev;
}

static const struct property properties[] = {
    PROPERTY_STRING("drive", struct ide_unit, drive, "id of a -drive with if=none"),
    PROPERTY_UINT("unit", struct ide_unit, unit, UNIT_ANY, 0, UNIT_ANY, NULL, "0 or 1; by default the first free one"),
    PROPERTY_STRING("serial", struct ide_unit, identity.serial, "serial number that IDENTIFY tells"),
    PROPERTY_STRING("ver", struct ide_unit, identity.version, "firmware revision that IDENTIFY tells"),
    PROPERTY_STRING("model", struct ide_unit, identity.model, "model number that IDENTIFY tells"),
    PROPERTY_UINT("wwn", struct ide_unit, identity.wwn, 0, 0, UINT64_MAX, NULL, "World Wide Name, 0 for none"),
    PROPERTY_END,
};

static const struct state_field state[] = {
    DEVICE_STATE(struct ide_unit),   HOST(struct ide_unit, drive), HOST(struct ide_unit, unit),
    HOST(struct ide_unit, identity), HOST(struct ide_unit, slot),  STATE_END,
};

#define DRIVE_CLASS(class_name, text)                                                                                  \
    {                                                                                                                  \
        .name = class_name, .description = text, .bus = "IDE", .user_creatable = true,                                 \
        .size = sizeof(struct ide_unit), .state = state, .properties = properties, .create = create,                   \
        .destroy = destroy,                                                                                            \
    }
const struct device_class ide_hd_class = DRIVE_CLASS("ide-hd", "virtual IDE disk");
const struct device_class ide_cd_class = DRIVE_CLASS("ide-cd", "virtual IDE CD-ROM");
