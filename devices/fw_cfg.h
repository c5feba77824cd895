/*
 * The firmware configuration interface: numbered items and named files that
 * firmware reads through ports 510h-51Bh (QEMU's docs/specs/fw_cfg).
 */
#ifndef ORRERY_FW_CFG_H
#define ORRERY_FW_CFG_H

#include "devices/core/device.h"

enum fw_cfg_key {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_KERNEL_ADDR = 0x07,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_BOOT_DEVICE = 0x0c,
    FW_CFG_NUMA = 0x0d,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_ENTRY = 0x10,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_FILE_COUNT = 64,
    FW_CFG_ARCH = 0x8000,
};

extern const struct device_class fw_cfg_class;

/* Adds an item or a file; the bytes are copied. A file of that name is replaced. False: no more room. */
bool fw_cfg_add(struct device *dev, u16 key, const void *data, u32 len);
bool fw_cfg_add_u16(struct device *dev, u16 key, u16 v);
bool fw_cfg_add_u32(struct device *dev, u16 key, u32 v);
bool fw_cfg_add_file(struct device *dev, const char *name, const void *data, u32 len);
/* The selector of a file; 0 when there is none of that name. */
u16 fw_cfg_file_key(struct device *dev, const char *name);
/* A file the guest may write through DMA; told after each write, with the current bytes. */
bool fw_cfg_add_writable(struct device *dev, const char *name, u32 len,
                         void (*written)(void *owner, const u8 *data, u32 len), void *owner);

#endif
