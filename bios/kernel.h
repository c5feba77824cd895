/*
 * Kernels named on the command line: Linux bzImage by its boot protocol,
 * multiboot 1, PVH ELF. A file becomes a plan: pieces of memory, an entry point
 * and registers. A PC carries plans out with an option ROM (kernelboot.asm)
 * once firmware has run; a bare board does so itself.
 */
#ifndef ORRERY_BIOS_KERNEL_H
#define ORRERY_BIOS_KERNEL_H

#include "bios/bios.h"

enum { BOOT_PIECES = 24, BOOT_SETUP_SP = 0xe000, BOOT_CODE64 = 0x20 };
enum boot_kind { BOOT_REAL, BOOT_FLAT32, BOOT_LONG };

struct boot_piece {
    u8 *data; /* malloc'ed */
    u32 len;
    u32 addr;
};
/* Where whoever starts the kernel writes the E820 map. */
struct boot_map {
    u32 addr; /* 0: not wanted */
    u16 max;
    u8 stride, lead; /* bytes between entries; bytes before each address, which hold 20 */
    u32 count_addr;
    bool count_bytes; /* length in bytes, not entries */
    u8 count_size;
};
struct boot_plan {
    enum boot_kind kind;
    struct boot_piece piece[BOOT_PIECES];
    unsigned npieces;
    u16 setup_seg;
    u32 entry, eax, ebx, esi, cr3;
    u16 cs, ds; /* selectors of flat 32-bit code and data, below BOOT_CODE64 */
    struct boot_map map;
    u8 rsdp_off; /* where from EBX the address of ACPI's RSDP is to be written; 0: nowhere */
};

/* Reads and lays out kernel, initrd or modules, and command line. False with a sentence in err. */
bool kernel_plan(const struct bios_config *cfg, struct boot_plan *plan, char *err, size_t err_size);
void kernel_plan_free(struct boot_plan *plan);
/* Gives fw_cfg the pieces and the option ROM, and puts that first in the boot order; strict: alone there. */
bool kernel_install(struct device *fw_cfg, const struct boot_plan *plan, bool strict, char *err, size_t err_size);

#endif
