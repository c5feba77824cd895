/*
 * Lays out Linux kernels (Documentation/x86/boot.rst) and hands plans to
 * firmware. ELF kernels (multiboot, PVH) are in kernel_elf.c.
 */
#include "bios/kernel.h"

#include <stdlib.h>

#include "bios/firmware.h"
#include "bios/kernel_elf.h"
#include "devices/fw_cfg.h"

extern const u8 kernelboot_rom[];
extern const unsigned kernelboot_rom_size;

enum {
    KERNEL_MAX = 1 << 30,
    SETUP_ADDR = 0x10000,
    CMDLINE_ADDR = 0x20000,
    CMDLINE_ROOM = 0x10000,
    PAGE_TABLES = 0x11000,
    PROT_ADDR = 0x100000,
    FIRMWARE_RESERVE = 1 << 20, /* at the end of low memory: firmware's tables */
    /* the setup header */
    H_SETUP_SECTS = 0x1f1,
    H_VID_MODE = 0x1fa,
    H_MAGIC = 0x202,
    H_VERSION = 0x206,
    H_TYPE = 0x210,
    H_FLAGS = 0x211,
    H_RAMDISK = 0x218,
    H_RAMDISK_SIZE = 0x21c,
    H_HEAP_END = 0x224,
    H_CMDLINE = 0x228,
    H_INITRD_MAX = 0x22c,
    H_XFLAGS = 0x236,
    H_CMDLINE_MAX = 0x238,
    HDRS = 0x53726448,
    LOADED_HIGH = 1,
    CAN_USE_HEAP = 0x80,
    XLF_64 = 1,
    LOADER_UNDEFINED = 0xff,
    ZP_E820_COUNT = 0x1e8,
    ZP_E820 = 0x2d0,
    ZP_E820_MAX = 128,
    BOOT_CS = 0x10, /* __BOOT_CS and __BOOT_DS of the 32-bit protocol */
    BOOT_DS = 0x18,
};

/* struct as kernelboot.asm has it, from offset 60h. */
enum {
    ROM_PNP = 0x20,
    ROM_PARAMS = 0x60,
    P_KIND = 0,
    P_LOADS = 1,
    P_SETUP_SEG = 2,
    P_ENTRY = 4,
    P_EAX = 8,
    P_EBX = 12,
    P_ESI = 16,
    P_CR3 = 20,
    P_MAP = 24,
    P_MAP_MAX = 28,
    P_STRIDE = 30,
    P_LEAD = 31,
    P_COUNT = 32,
    P_COUNT_BYTES = 36,
    P_COUNT_SIZE = 37,
    P_RSDP = 38,
    P_CS = 40,
    P_DS = 42,
    P_TABLE = 44,
};

void kernel_plan_free(struct boot_plan *plan)
{
    for (unsigned i = 0; i < plan->npieces; i++)
        free(plan->piece[i].data);
    plan->npieces = 0;
}

bool plan_add(struct boot_plan *plan, const void *data, size_t len, u64 addr, u64 ram, char *err, size_t err_size)
{
    if (len == 0)
        return true;
    if (len > ram || addr > ram - len) {
        snprintf(err, err_size,
                 "the kernel and what goes with it need memory up to %llu MiB: give the machine more (-m)",
                 (unsigned long long)((addr + len) >> 20) + 1);
        return false;
    }
    u8 *copy = plan->npieces < BOOT_PIECES ? malloc(len) : NULL;
    if (!copy) {
        snprintf(err, err_size,
                 plan->npieces < BOOT_PIECES ? "not enough memory for the kernel"
                                             : "the kernel has too many pieces (modules, ELF segments)");
        return false;
    }
    memcpy(copy, data, len);
    plan->piece[plan->npieces++] = (struct boot_piece){copy, (u32)len, (u32)addr};
    return true;
}

/* Identity map of the first 4 GiB in 2 MiB pages, at PAGE_TABLES. */
static bool add_page_tables(struct boot_plan *plan, u64 ram, char *err, size_t err_size)
{
    enum { TABLES = 6, PRESENT_WRITE = 3, LARGE = 0x80 };
    u8 *t = calloc(TABLES, PAGE_SIZE);
    if (!t)
        return false;
    st64(t, (PAGE_TABLES + PAGE_SIZE) | PRESENT_WRITE);
    for (u64 i = 0; i < 4; i++)
        st64(t + PAGE_SIZE + i * 8, (PAGE_TABLES + (2 + i) * PAGE_SIZE) | PRESENT_WRITE);
    for (u64 i = 0; i < 4 * 512; i++)
        st64(t + 2 * PAGE_SIZE + i * 8, i << 21 | LARGE | PRESENT_WRITE);
    plan->cr3 = PAGE_TABLES;
    bool ok = plan_add(plan, t, TABLES * PAGE_SIZE, PAGE_TABLES, ram, err, err_size);
    free(t);
    return ok;
}

/* The initrd as high as kernel and firmware allow; its address goes into the header. */
static bool add_initrd(struct boot_plan *plan, const struct bios_config *cfg, u8 *setup, unsigned version,
                       u64 kernel_end, char *err, size_t err_size)
{
    struct blob rd;
    if (!blob_read(&rd, "the initrd", cfg->initrd, KERNEL_MAX, err, err_size))
        return false;
    u64 max = version >= 0x203 ? ld32(setup + H_INITRD_MAX) : 0x37ffffff;
    u64 top = MIN(max + 1, cfg->low_ram - MIN(cfg->low_ram, (u64)FIRMWARE_RESERVE));
    u64 addr = top > rd.len ? (top - rd.len) & PAGE_MASK : 0;
    bool ok = addr >= kernel_end;
    if (!ok)
        snprintf(err, err_size,
                 "the initrd '%s' (%zu MiB) does not fit into %llu MiB of memory: give the machine more (-m)",
                 cfg->initrd, rd.len >> 20, (unsigned long long)cfg->low_ram >> 20);
    ok = ok && plan_add(plan, rd.data, rd.len, addr, cfg->low_ram, err, err_size);
    st32(setup + H_RAMDISK, (u32)addr);
    st32(setup + H_RAMDISK_SIZE, (u32)rd.len);
    free(rd.data);
    return ok;
}

/* The zero page of the 32- and 64-bit protocols: the header copied, a text screen, room for E820. */
static bool add_zero_page(struct boot_plan *plan, const u8 *setup, u64 ram, char *err, size_t err_size)
{
    u8 zp[PAGE_SIZE] = {0};
    unsigned end = MIN(0x202u + setup[0x201], 0x290u);
    memcpy(zp + H_SETUP_SECTS, setup + H_SETUP_SECTS, end - H_SETUP_SECTS);
    zp[6] = 3; /* screen_info: mode 3, 80 columns, 25 lines, VGA, 16-line characters */
    zp[7] = 80;
    zp[14] = 25;
    zp[15] = 1;
    zp[16] = 16;
    plan->esi = SETUP_ADDR;
    plan->map = (struct boot_map){SETUP_ADDR + ZP_E820, ZP_E820_MAX, 20, 0, SETUP_ADDR + ZP_E820_COUNT, false, 1};
    return plan_add(plan, zp, sizeof(zp), SETUP_ADDR, ram, err, err_size);
}

/* "vga=" is for the boot loader (boot.rst, "Special command line options"): the mode setup shall set. */
static void set_video_mode(u8 *setup, const char *cmdline)
{
    static const struct {
        const char *name;
        u16 mode;
    } named[] = {{"normal", 0xffff}, {"ext", 0xfffe}, {"ask", 0xfffd}};
    const char *word = cmdline;
    while ((word = strstr(word, "vga=")) && word != cmdline && word[-1] != ' ')
        word += 4;
    if (!word)
        return;
    word += 4;
    u16 mode = (u16)strtoul(word, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(named); i++)
        if (!strncmp(word, named[i].name, strlen(named[i].name)))
            mode = named[i].mode;
    st16(setup + H_VID_MODE, mode);
}

static bool plan_linux(const struct bios_config *cfg, const struct blob *file, struct boot_plan *plan, char *err,
                       size_t err_size)
{
    u64 ram = cfg->low_ram;
    size_t setup_len = ((file->data[H_SETUP_SECTS] ? file->data[H_SETUP_SECTS] : 4u) + 1u) * 512;
    if (setup_len > file->len || setup_len > 0x10000) {
        snprintf(err, err_size, "the kernel '%s' is truncated", cfg->kernel);
        return false;
    }
    unsigned version = ld16(file->data + H_VERSION);
    bool high = file->data[H_FLAGS] & LOADED_HIGH;
    u64 prot = high ? PROT_ADDR : 0x10000;
    unsigned entry = cfg->linux_entry ? cfg->linux_entry : 16;
    if (entry == 64 && (version < 0x20c || !(ld16(file->data + H_XFLAGS) & XLF_64))) {
        snprintf(err, err_size, "the kernel '%s' has no 64-bit entry point", cfg->kernel);
        return false;
    }
    u8 *setup = calloc(1, 0x10000);
    if (!setup)
        return false;
    memcpy(setup, file->data, setup_len);
    const char *cmdline = cfg->append ? cfg->append : "";
    if (strlen(cmdline) >= CMDLINE_ROOM) {
        snprintf(err, err_size, "the kernel's command line is longer than %d characters", CMDLINE_ROOM - 1);
        free(setup);
        return false;
    }
    setup[H_TYPE] = LOADER_UNDEFINED;
    setup[H_FLAGS] |= CAN_USE_HEAP;
    st16(setup + H_HEAP_END, BOOT_SETUP_SP - 0x200);
    st32(setup + H_CMDLINE, CMDLINE_ADDR);
    set_video_mode(setup, cmdline);
    u64 end = prot + (file->len - setup_len);
    bool ok = (!cfg->initrd || add_initrd(plan, cfg, setup, version, end, err, err_size)) &&
              plan_add(plan, file->data + setup_len, file->len - setup_len, prot, ram, err, err_size) &&
              plan_add(plan, cmdline, strlen(cmdline) + 1, CMDLINE_ADDR, ram, err, err_size);
    plan->kind = entry == 16 ? BOOT_REAL : entry == 32 ? BOOT_FLAT32 : BOOT_LONG;
    plan->setup_seg = SETUP_ADDR >> 4;
    plan->cs = BOOT_CS;
    plan->ds = BOOT_DS;
    plan->entry = (u32)prot + (entry == 64 ? 0x200 : 0);
    if (ok && entry == 16)
        ok = plan_add(plan, setup, setup_len, SETUP_ADDR, ram, err, err_size);
    else if (ok)
        ok = add_zero_page(plan, setup, ram, err, err_size) &&
             (entry != 64 || add_page_tables(plan, ram, err, err_size));
    free(setup);
    return ok;
}

bool kernel_plan(const struct bios_config *cfg, struct boot_plan *plan, char *err, size_t err_size)
{
    struct blob file;
    *plan = (struct boot_plan){.npieces = 0};
    if (!blob_read(&file, "the kernel", cfg->kernel, KERNEL_MAX, err, err_size))
        return false;
    bool ok;
    if (file.len > 0x260 && ld32(file.data + H_MAGIC) == HDRS)
        ok = plan_linux(cfg, &file, plan, err, err_size);
    else
        ok = kernel_plan_elf(cfg, &file, plan, err, err_size);
    free(file.data);
    if (!ok)
        kernel_plan_free(plan);
    return ok;
}

static void checksum(u8 *bytes, size_t n, size_t at)
{
    u8 sum = 0;
    bytes[at] = 0;
    for (size_t i = 0; i < n; i++)
        sum = (u8)(sum + bytes[i]);
    bytes[at] = (u8)-sum;
}

/* A ready-made fw_cfg descriptor (big-endian): select the item and read all of it to addr. */
static void put_descriptor(u8 *d, u16 key, const struct boot_piece *p)
{
    enum { SELECT = 8, READ = 2 };
    st32(d, __builtin_bswap32((u32)key << 16 | SELECT | READ));
    st32(d + 4, __builtin_bswap32(p->len));
    st64(d + 8, __builtin_bswap64(p->addr));
}

static void put_params(u8 *rom, const struct boot_plan *plan)
{
    u8 *p = rom + ROM_PARAMS;
    p[P_KIND] = (u8)plan->kind;
    p[P_LOADS] = (u8)plan->npieces;
    st16(p + P_SETUP_SEG, plan->setup_seg);
    st32(p + P_ENTRY, plan->entry);
    st32(p + P_EAX, plan->eax);
    st32(p + P_EBX, plan->ebx);
    st32(p + P_ESI, plan->esi);
    st32(p + P_CR3, plan->cr3);
    st32(p + P_MAP, plan->map.addr);
    st16(p + P_MAP_MAX, plan->map.max);
    p[P_STRIDE] = plan->map.stride;
    p[P_LEAD] = plan->map.lead;
    st32(p + P_COUNT, plan->map.count_addr);
    p[P_COUNT_BYTES] = plan->map.count_bytes;
    p[P_COUNT_SIZE] = plan->map.count_size;
    p[P_RSDP] = plan->rsdp_off;
    st16(p + P_CS, plan->cs);
    st16(p + P_DS, plan->ds);
}

bool kernel_install(struct device *fw_cfg, const struct boot_plan *plan, bool strict, char *err, size_t err_size)
{
    /* HALT: firmware goes no further down its list than what is named before it. */
    static const char order[] = "/rom@genroms/orrery-kernel.bin",
                      strict_order[] = "/rom@genroms/orrery-kernel.bin\nHALT";
    u8 *rom = malloc(kernelboot_rom_size);
    bool ok = rom != NULL;
    if (ok)
        memcpy(rom, kernelboot_rom, kernelboot_rom_size);
    for (unsigned i = 0; ok && i < plan->npieces; i++) {
        char name[56];
        snprintf(name, sizeof(name), "opt/orrery/kernel/%02u", i);
        ok = fw_cfg_add_file(fw_cfg, name, plan->piece[i].data, plan->piece[i].len);
        put_descriptor(rom + ROM_PARAMS + P_TABLE + 16 * i, fw_cfg_file_key(fw_cfg, name), &plan->piece[i]);
    }
    if (ok) {
        put_params(rom, plan);
        checksum(rom + ROM_PNP, 32, 9);
        checksum(rom, kernelboot_rom_size, kernelboot_rom_size - 1);
        ok = fw_cfg_add_file(fw_cfg, "genroms/orrery-kernel.bin", rom, kernelboot_rom_size) &&
             fw_cfg_add_file(fw_cfg, "bootorder", strict ? strict_order : order,
                             strict ? sizeof(strict_order) : sizeof(order));
    }
    if (!ok)
        snprintf(err, err_size, "not enough memory for the kernel");
    free(rom);
    return ok;
}
