/*
 * What the guest is told about the machine before it runs: fw_cfg items, ACPI
 * and SMBIOS tables, and how a kernel named on the command line gets started.
 */
#ifndef ORRERY_BIOS_BIOS_H
#define ORRERY_BIOS_BIOS_H

#include "devices/core/device.h"

enum { UUID_SIZE = 16 };
struct bios_config {
    u64 ram_size, low_ram; /* bytes in all; of them below 4 GiB */
    unsigned cpus;
    bool apic, hpet, acpi;
    const u8 *uuid; /* UUID_SIZE bytes, as written; all 0: none */
    bool boot_menu;
    bool nographic;                       /* SeaBIOS mirrors its screen to COM1 and takes keys from there */
    u32 menu_wait_ms;                     /* 0: firmware's default */
    u32 retry_ms;                         /* after which it tries again where nothing boots; UINT32_MAX: never */
    bool boot_strict;                     /* nothing is booted but what the boot order names */
    const char *splash;                   /* a JPEG or BMP file shown with the menu, or NULL */
    const char *kernel, *initrd, *append; /* NULL: none */
    unsigned linux_entry;                 /* 16, 32 or 64: which of Linux's entry points; 0: 16 */
};

/* Fills fw_cfg. False with a sentence in sys->err. */
bool bios_setup(struct system *sys, struct device *fw_cfg, const struct bios_config *cfg);

#endif
