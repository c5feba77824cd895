/*
 * ELF kernels: multiboot 1 and PVH. Part of kernel.c's plan making.
 */
#ifndef ORRERY_BIOS_KERNEL_ELF_H
#define ORRERY_BIOS_KERNEL_ELF_H

#include "bios/firmware.h"
#include "bios/kernel.h"

/* Multiboot 1 (ELF or a.out kludge) or PVH, whichever the file is; else false with a sentence. */
bool kernel_plan_elf(const struct bios_config *cfg, const struct blob *file, struct boot_plan *plan, char *err,
                     size_t err_size);
/* Adds a copy of data at addr; false with a sentence when it does not fit below ram (kernel.c). */
bool plan_add(struct boot_plan *plan, const void *data, size_t len, u64 addr, u64 ram, char *err, size_t err_size);

#endif
