/*
 * ACPI and SMBIOS tables, handed to firmware through fw_cfg.
 */
#ifndef ORRERY_BIOS_TABLES_H
#define ORRERY_BIOS_TABLES_H

#include "bios/bios.h"

/* etc/acpi/tables, etc/acpi/rsdp and the loader script that links them. False: no room or memory. */
bool acpi_setup(struct device *fw_cfg, const struct bios_config *cfg);
/* etc/smbios/smbios-tables and -anchor. */
bool smbios_setup(struct device *fw_cfg, const struct bios_config *cfg);

/* A growing image of bytes. */
struct image {
    u8 *data;
    u32 len, cap;
    bool failed;
};
/* Appends n bytes (zeros when data is NULL); the offset they stand at. Failure is noted in 'failed'. */
u32 image_add(struct image *i, const void *data, u32 n);

#endif
