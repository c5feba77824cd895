/*
 * Intel 82077AA floppy disk controller at 3F0-3F7 with up to two drives.
 */
#ifndef ORRERY_FDC_H
#define ORRERY_FDC_H

#include "devices/core/device.h"
#include "devices/block/disk.h"
#include "devices/core/dma.h"

enum { FDC_DRIVES = 2 };

struct fdc_drive_config {
    bool present;
    struct disk *disk; /* closed with the controller; NULL: an empty drive */
};
/* NULL stands for no drives and nothing connected. */
struct fdc_config {
    struct irq irq;         /* ISA interrupt 6 */
    struct dma_channel dma; /* channel 2 */
    struct fdc_drive_config drive[FDC_DRIVES];
};
extern const struct device_class fdc_class;

/*
 * What CMOS register 10h says of a drive: 0 none, 2 1.2 MB, 4 1.44 MB, 5 2.88 MB. It follows the first image; an empty
 * drive is 2.88 MB, as QEMU's is.
 */
u8 fdc_cmos_type(struct device *dev, unsigned drive);
/* Another disk (NULL: none) into a drive; the old one is closed. False: no such drive, or more than
 * any floppy holds. */
bool fdc_change_medium(struct device *dev, unsigned drive, struct disk *disk);
/* Is this image (NULL: none) small enough for a floppy? */
bool fdc_fits(const struct disk *disk);
/* What is in a drive; false: no such drive. */
bool fdc_look_at_drive(struct device *dev, unsigned drive, struct disk **disk);

#endif
