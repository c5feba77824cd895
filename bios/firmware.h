/*
 * Firmware images: which file, how big, where it shows.
 */
#ifndef ORRERY_BIOS_FIRMWARE_H
#define ORRERY_BIOS_FIRMWARE_H

#include "devices/core/bus.h"

/* A file's bytes: free() data. */
struct blob {
    u8 *data;
    size_t len;
};
/* Reads a whole file; false with one sentence in err. 'what' names it for the user ("the BIOS image"). */
bool blob_read(struct blob *out, const char *what, const char *path, size_t max, char *err, size_t err_size);

/* Where firmware is looked for before the default folder. */
struct firmware_dirs {
    const char *const *dir;
    unsigned count;
};
/* The default folder: where Debian's package seabios puts it, or the environment's ORRERY_FIRMWARE_DIR. */
const char *firmware_dir(void);

/*
 * The ROM of a machine: path, or a name in one of the folders, or NULL for SeaBIOS;
 * 64 KB to 8 MB. The bytes stand at the
 * end of the returned block, whose size is a multiple of 64 KB. NULL with one sentence in err.
 */
struct ram *firmware_load(const struct firmware_dirs *dirs, const char *path, char *err, size_t err_size);
/* An option ROM of the firmware's package ("vgabios-stdvga.bin"). False with one sentence in err. */
bool firmware_option_rom(const struct firmware_dirs *dirs, const char *name, struct blob *out, char *err,
                         size_t err_size);

#endif
