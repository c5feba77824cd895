/*
 * PIIX3 function 1: the IDE controller, 8086:7010 at 00:01.1, with two
 * channels at the legacy ports and bus-master DMA at BAR 4. Drives are ATA
 * disks or ATAPI CD-ROMs, devices on the buses ide.0 and ide.1: 0 and 1 on the
 * primary channel, 2 and 3 on the secondary.
 */
#ifndef ORRERY_IDE_H
#define ORRERY_IDE_H

#include "devices/block/disk.h"
#include "devices/pci/pci.h"

enum { IDE_DRIVES = 4 };

struct ide_config {
    struct device *bus;
    struct irq irq[2]; /* ISA interrupt lines 14 and 15 */
};
extern const struct device_class ide_class, ide_hd_class, ide_cd_class;

/*
 * Plugs drive 'number' in; drive: its back end's name, or NULL. The disk is closed with it, and at once when it fails
 * (NULL, sentence in sys->err); NULL: a CD-ROM drive without a disc.
 */
struct device *ide_add_drive(struct system *sys, unsigned number, bool cdrom, struct disk *disk, const char *drive);
/* Of an ide-hd or ide-cd that has its unit. */
unsigned ide_drive_number(const struct device *drive);

/* The geometry a disk reports by default, for CMOS. False: not a disk. */
bool ide_geometry(struct device *dev, unsigned drive, unsigned *cylinders, unsigned *heads, unsigned *sectors);
/*
 * Another disc (NULL: none) into a CD-ROM drive; the old one is closed. False when there is no such
 * drive, or when the guest locked the tray and 'force' is not set.
 */
bool ide_change_medium(struct device *dev, unsigned drive, struct disk *disk, bool force);

/* What is in a drive, how the tray stands of one that has a tray, and the drive itself; NULL: no such drive. */
struct device *ide_look_at_drive(struct device *dev, unsigned drive, struct disk **disk, bool *has_tray,
                                 bool *tray_open, bool *locked);

#endif
