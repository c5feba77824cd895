/*
 * The display adapter: IBM VGA with the Bochs VBE extensions, as PCI function
 * 1234:1111 (QEMU's "std" adapter), or on the ISA bus with its linear frame
 * buffer at E0000000h.
 */
#ifndef ORRERY_DEVICES_VGA_H
#define ORRERY_DEVICES_VGA_H

#include "devices/core/device.h"
#include "devices/core/display.h"

/* NULL for a config: the ISA adapter with 16 MiB. */
struct vga_config {
    struct device *pci; /* the bus; NULL: ISA */
    unsigned devfn;
    u32 vram_size; /* a power of two of at least 256 KiB; 0: 16 MiB */
    const u8 *rom; /* option ROM of the PCI function, copied; NULL: none */
    u32 rom_size;
};
extern const struct device_class vga_class;

/* What the machine shows to front ends; lives as long as the device. */
struct display *vga_display(struct device *dev);

#endif
