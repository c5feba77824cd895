/*
 * The firmware's view of the machine: sizes, the memory map, boot choices.
 */
#include "bios/bios.h"

#include <stdlib.h>

#include "bios/firmware.h"
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
    bool ok = kernel_install(fw_cfg, &plan, cfg->boot_strict, sys->err, sizeof(sys->err));
    kernel_plan_free(&plan);
    return ok;
}

/* The picture behind the boot menu: SeaBIOS knows it by its kind. */
static bool add_splash(struct system *sys, struct device *fw_cfg, const char *path)
{
    enum { MAX_BYTES = 16 << 20 };
    struct blob b;
    if (!blob_read(&b, "the picture of -boot splash=", path, MAX_BYTES, sys->err, sizeof(sys->err)))
        return false;
    bool jpeg = b.len > 2 && b.data[0] == 0xff && b.data[1] == 0xd8, bmp = b.len > 2 && !memcmp(b.data, "BM", 2);
    bool ok = jpeg || bmp ? fw_cfg_add_file(fw_cfg, jpeg ? "bootsplash.jpg" : "bootsplash.bmp", b.data, (u32)b.len) ||
                                device_fail(sys, "not enough memory for the picture of -boot splash=")
                          : device_fail(sys, "-boot splash=%s is neither a JPEG nor a BMP picture", path);
    free(b.data);
    return ok;
}

bool bios_setup(struct system *sys, struct device *fw_cfg, const struct bios_config *cfg)
{
    u8 ram_size[8], wait[2], retry[4];
    st32(retry, cfg->retry_ms);
    st64(ram_size, cfg->ram_size);
    st16(wait, (u16)MIN(cfg->menu_wait_ms, 0xffffu));
    bool ok = fw_cfg_add(fw_cfg, FW_CFG_UUID, cfg->uuid, UUID_SIZE) &&
              fw_cfg_add(fw_cfg, FW_CFG_RAM_SIZE, ram_size, sizeof(ram_size)) &&
              fw_cfg_add_file(fw_cfg, "etc/boot-fail-wait", retry, sizeof(retry)) &&
              fw_cfg_add_u16(fw_cfg, FW_CFG_NB_CPUS, (u16)cfg->cpus) &&
              fw_cfg_add_u16(fw_cfg, FW_CFG_MAX_CPUS, (u16)cfg->cpus) &&
              fw_cfg_add_u16(fw_cfg, FW_CFG_NOGRAPHIC, cfg->nographic) &&
              fw_cfg_add_u16(fw_cfg, FW_CFG_BOOT_MENU, cfg->boot_menu) && add_e820(fw_cfg, cfg) &&
              (!cfg->acpi || acpi_setup(fw_cfg, cfg)) && smbios_setup(fw_cfg, cfg);
    if (ok && cfg->menu_wait_ms)
        ok = fw_cfg_add_file(fw_cfg, "etc/boot-menu-wait", wait, sizeof(wait));
    if (!ok)
        return device_fail(sys, "not enough memory for the firmware configuration");
    if (cfg->splash && !add_splash(sys, fw_cfg, cfg->splash))
        return false;
    return !cfg->kernel || add_kernel(sys, fw_cfg, cfg);
}
