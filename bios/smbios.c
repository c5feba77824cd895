/*
 * SMBIOS tables (DMTF DSP0134 2.8): system, chassis, processors, memory.
 * Firmware adds its own type 0 and places them.
 */
#include <stdlib.h>

#include "bios/tables.h"
#include "devices/fw_cfg.h"

enum { ANCHOR_SIZE = 31, MAX_DIMM_KB = 0x7fff * 1024 };

/* The structures under construction. */
struct smbios {
    struct image bytes;
    u16 count, largest;
};

/* Appends a structure and its strings (NULL-terminated list). */
static void add(struct smbios *s, u8 type, u16 handle, const u8 *body, u8 n, const char *const *strings)
{
    u8 head[4] = {type, (u8)(n + 4)};
    u32 start = s->bytes.len;
    st16(head + 2, handle);
    image_add(&s->bytes, head, sizeof(head));
    image_add(&s->bytes, body, n);
    for (unsigned i = 0; strings && strings[i]; i++)
        image_add(&s->bytes, strings[i], (u32)strlen(strings[i]) + 1);
    image_add(&s->bytes, NULL, strings && strings[0] ? 1 : 2);
    s->count++;
    s->largest = (u16)MAX((u32)s->largest, s->bytes.len - start);
}

/* Its first three fields are little-endian (DSP0134, 7.2.1). */
static void put_uuid(u8 *to, const u8 *uuid)
{
    static const u8 from[UUID_SIZE] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    for (unsigned i = 0; i < UUID_SIZE; i++)
        to[i] = uuid[from[i]];
}

static void add_system(struct smbios *s, const struct bios_config *cfg)
{
    static const char *const names[] = {"Orrery", "Standard PC (i440FX + PIIX, 1996)", ORRERY_VERSION, NULL};
    u8 b[23] = {1, 2, 3, 0};
    put_uuid(b + 4, cfg->uuid);
    b[20] = 6; /* woken by the power switch */
    add(s, 1, 0x100, b, sizeof(b), names);
    static const char *const chassis[] = {"Orrery", NULL};
    u8 c[17] = {1, 1, 0, 0, 0, 3, 3, 3, 2};
    add(s, 3, 0x300, c, sizeof(c), chassis);
}

static void add_cpus(struct smbios *s, const struct bios_config *cfg)
{
    for (unsigned i = 0; i < cfg->cpus; i++) {
        char socket[16];
        snprintf(socket, sizeof(socket), "CPU %u", i);
        const char *const names[] = {socket, "Orrery", NULL};
        u8 b[38] = {1, 3, 1, 2};
        st16(b + 16, 1000); /* MHz, the TSC's */
        st16(b + 18, 1000);
        b[20] = 0x41; /* populated, enabled */
        b[21] = 1;
        st16(b + 22, 0xffff); /* no cache described */
        st16(b + 24, 0xffff);
        st16(b + 26, 0xffff);
        b[31] = b[32] = b[33] = 1;
        st16(b + 34, 2);
        add(s, 4, (u16)(0x400 + i), b, sizeof(b), names);
    }
}

static void add_memory(struct smbios *s, const struct bios_config *cfg)
{
    static const char *const names[] = {"DIMM 0", "Orrery", NULL};
    u64 kb = cfg->ram_size >> 10;
    u8 array[19] = {1, 3, 6}; /* on the board, system memory, multi-bit ECC */
    st32(array + 3, kb < 0x80000000u ? (u32)kb : 0x80000000u);
    st16(array + 7, 0xfffe);
    st16(array + 9, 1);
    st64(array + 11, kb < 0x80000000u ? 0 : cfg->ram_size);
    add(s, 16, 0x1000, array, sizeof(array), NULL);
    u8 dimm[36] = {0};
    st16(dimm, 0x1000);
    st16(dimm + 2, 0xfffe);
    st16(dimm + 4, 0xffff);
    st16(dimm + 6, 0xffff);
    st16(dimm + 8, kb < MAX_DIMM_KB ? (u16)(kb >> 10) : 0x7fff);
    dimm[10] = 9;
    dimm[12] = 1;
    dimm[14] = 7; /* RAM */
    st16(dimm + 15, 2);
    dimm[19] = 2;
    st32(dimm + 24, kb < MAX_DIMM_KB ? 0 : (u32)(kb >> 10));
    add(s, 17, 0x1100, dimm, sizeof(dimm), names);
    u8 map[27] = {0};
    st32(map + 4, (u32)MIN(kb, 0xffffffffull) - 1);
    st16(map + 8, 0x1000);
    map[10] = 1;
    add(s, 19, 0x1300, map, sizeof(map), NULL);
}

bool smbios_setup(struct device *fw_cfg, const struct bios_config *cfg)
{
    struct smbios s = {.count = 0};
    u8 boot[7] = {0};
    add_system(&s, cfg);
    add_cpus(&s, cfg);
    add_memory(&s, cfg);
    add(&s, 32, 0x2000, boot, sizeof(boot), NULL);
    add(&s, 127, 0x7f00, NULL, 0, NULL);
    u8 anchor[ANCHOR_SIZE] = {'_', 'S', 'M', '_', 0, ANCHOR_SIZE, 2, 8};
    st16(anchor + 8, s.largest);
    memcpy(anchor + 16, "_DMI_", 5);
    st16(anchor + 22, (u16)s.bytes.len);
    st16(anchor + 28, s.count);
    anchor[30] = 0x28;
    bool ok = !s.bytes.failed && fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-tables", s.bytes.data, s.bytes.len) &&
              fw_cfg_add_file(fw_cfg, "etc/smbios/smbios-anchor", anchor, sizeof(anchor));
    free(s.bytes.data);
    return ok;
}
