/*
 * The firmware's view of the machine: sizes, the memory map, boot choices.
 */
#include "bios/bios.h"

#include "bios/kernel.h"
#include "bios/tables.h"
#include "devices/fw_cfg.h"

enum { E820_RAM = 1, E820_RESERVED = 2, E820_ENTRY = 20 };

static void e820_put(u8 *e, u64 addr, u64 len, u32 type)
{
    st64(e, addr);
    st64(e + 8, len);
    st32(e + 16, type);
}

/* etc/e820: RAM below and above 4 GiB, as QEMU's pc gives it to SeaBIOS. */
static bool add_e820(struct device *fw_cfg, const struct bios_config *cfg)
{
    u8 map[2 * E820_ENTRY];
    u32 n = 1;
    e820_put(map, 0, cfg->low_ram, E820_RAM);
    if (cfg->ram_size > cfg->low_ram)
        e820_put(map + E820_ENTRY * n++, 1ull << 32, cfg->ram_size - cfg->low_ram, E820_RAM);
    return fw_cfg_add_file(fw_cfg, "etc/e820", map, n * E820_ENTRY);
}

static bool add_kernel(struct system *sys, struct device *fw_cfg, const struct bios_config *cfg)
{
    struct boot_plan plan;
    if (!kernel_plan(cfg, &plan, sys->err, sizeof(sys->err)))
        return false;
    bool ok = kernel_install(fw_cfg, &plan, sys->err, sizeof(sys->err));
    kernel_plan_free(&plan);
    return ok;
}

bool bios_setup(struct system *sys, struct device *fw_cfg, const struct bios_config *cfg)
{
    u8 ram_size[8], wait[2];
    st64(ram_size, cfg->ram_size);
    st16(wait, (u16)MIN(cfg->menu_wait_ms, 0xffffu));
    bool ok = fw_cfg_add(fw_cfg, FW_CFG_RAM_SIZE, ram_size, sizeof(ram_size)) &&
              fw_cfg_add_u16(fw_cfg, FW_CFG_NB_CPUS, (u16)cfg->cpus) &&
              fw_cfg_add_u16(fw_cfg, FW_CFG_MAX_CPUS, (u16)cfg->cpus) &&
              fw_cfg_add_u16(fw_cfg, FW_CFG_NOGRAPHIC, cfg->nographic) &&
              fw_cfg_add_u16(fw_cfg, FW_CFG_BOOT_MENU, cfg->boot_menu) && add_e820(fw_cfg, cfg) &&
              acpi_setup(fw_cfg, cfg) && smbios_setup(fw_cfg, cfg);
    if (ok && cfg->menu_wait_ms)
        ok = fw_cfg_add_file(fw_cfg, "etc/boot-menu-wait", wait, sizeof(wait));
    if (!ok)
        return device_fail(sys, "not enough memory for the firmware configuration");
    return !cfg->kernel || add_kernel(sys, fw_cfg, cfg);
}
