/*
 * Intel 82441FX (i440FX) host bridge, 8086:1237 at 00:00.0.
 *
 * The board maps RAM at 0-A0000 and from 1M up; the bridge owns everything
 * between C0000 and FFFFF, and the RAM behind the VGA window.
 */
#ifndef ORRERY_I440FX_H
#define ORRERY_I440FX_H

#include "devices/pci/pci.h"

struct i440fx_config {
    struct device *bus;
    struct ram *ram; /* at least 1 MiB, byte 0 is physical address 0 */
    u64 ram_size;    /* all of it: what firmware finds in register 57h */
    /* What answers at [rom_base, 1M) while a segment is not shadowed: rom[rom_off...). NULL: nothing does. */
    struct ram *rom;
    u64 rom_off, rom_base;
};
extern const struct device_class i440fx_class;

#endif
