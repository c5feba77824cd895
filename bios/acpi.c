/*
 * ACPI tables (ACPI 6.4, chapter 5): FACS, DSDT (dsdt.asl), FADT, MADT, HPET,
 * RSDT. Firmware places them, patches the pointers and fills the checksums, as
 * the script in etc/table-loader says (SeaBIOS's romfile_loader).
 */
#include <stdlib.h>

#include "bios/tables.h"
#include "devices/fw_cfg.h"
#include "devices/pc_map.h"

extern const u8 dsdt_aml[];
extern const unsigned dsdt_aml_size;

enum {
    HEADER = 36,
    LOADER_ENTRY = 128,
    NAME = 56,
    CMD_ALLOCATE = 1,
    CMD_ADD_POINTER = 2,
    CMD_ADD_CHECKSUM = 3,
    ZONE_HIGH = 1,
    ZONE_FSEG = 2,
    FADT_SIZE = 244,
    FACS_SIZE = 64,
    RSDP_SIZE = 20,
    MAX_TABLES = 4,
};
static const char tables_file[] = "etc/acpi/tables", rsdp_file[] = "etc/acpi/rsdp";

/* Makes room for n more bytes. An image that once failed stays as it is. */
static bool image_grow(struct image *i, u32 n)
{
    if (i->failed)
        return false;
    if (n <= i->cap - i->len)
        return true;
    u32 cap = (i->len + n) * 2;
    u8 *grown = realloc(i->data, cap);
    if (!grown) {
        i->failed = true;
        return false;
    }
    i->data = grown;
    i->cap = cap;
    return true;
}

u32 image_add(struct image *i, const void *data, u32 n)
{
    u32 at = i->len;
    if (!image_grow(i, n))
        return 0;
    if (data)
        memcpy(i->data + at, data, n);
    else
        memset(i->data + at, 0, n);
    i->len += n;
    return at;
}

/* The tables and the script under construction. */
struct acpi {
    struct image tables, script;
    u32 table[MAX_TABLES]; /* those the RSDT lists */
    unsigned ntables;
};

static void script_add(struct acpi *a, u32 command, const char *file, const void *rest, u32 n)
{
    u8 e[LOADER_ENTRY] = {0};
    st32(e, command);
    snprintf((char *)e + 4, NAME, "%s", file);
    memcpy(e + 4 + NAME, rest, n);
    image_add(&a->script, e, sizeof(e));
}

static void allocate(struct acpi *a, const char *file, u32 align, u8 zone)
{
    u8 r[5];
    st32(r, align);
    r[4] = zone;
    script_add(a, CMD_ALLOCATE, file, r, sizeof(r));
}

/* The 4-byte field of 'file' at 'off' holds an offset into the tables: it becomes an address. */
static void pointer(struct acpi *a, const char *file, u32 off)
{
    u8 r[NAME + 5] = {0};
    snprintf((char *)r, NAME, "%s", tables_file);
    st32(r + NAME, off);
    r[NAME + 4] = 4;
    script_add(a, CMD_ADD_POINTER, file, r, sizeof(r));
}

static void checksum(struct acpi *a, const char *file, u32 off, u32 start, u32 len)
{
    u8 r[12];
    st32(r, off);
    st32(r + 4, start);
    st32(r + 8, len);
    script_add(a, CMD_ADD_CHECKSUM, file, r, sizeof(r));
}

static u32 begin_table(struct acpi *a, const char *signature, u8 revision)
{
    u8 h[HEADER] = {0};
    memcpy(h, signature, 4);
    h[8] = revision;
    memcpy(h + 10, "ORRERYORRYPC  ", 14);
    st32(h + 24, 1);
    memcpy(h + 28, "ORRY", 4);
    st32(h + 32, 1);
    return image_add(&a->tables, h, sizeof(h));
}

static void end_table(struct acpi *a, u32 at, bool listed)
{
    u32 len = a->tables.len - at;
    st32(a->tables.data + at + 4, len);
    checksum(a, tables_file, at + 9, at, len);
    if (listed)
        a->table[a->ntables++] = at;
}

static u32 add_facs(struct acpi *a)
{
    u8 f[FACS_SIZE] = {0};
    memcpy(f, "FACS", 4);
    st32(f + 4, FACS_SIZE);
    return image_add(&a->tables, f, sizeof(f));
}

/* The compiled DSDT, with where PCI memory begins (SeaBIOS's pciinit.c chooses by the end of RAM). */
static u32 add_dsdt(struct acpi *a, const struct bios_config *cfg)
{
    static const u8 window[] = {0x78, 0x56, 0x34, 0x12, 0xff, 0xff, 0xbf, 0xfe}; /* 12345678 to FEBFFFFF */
    u32 at = image_add(&a->tables, dsdt_aml, dsdt_aml_size);
    u32 start = cfg->low_ram <= 0x80000000u ? 0x80000000u : cfg->low_ram <= 0xc0000000u ? 0xc0000000u : 0xe0000000u;
    for (u32 i = 0; !a->tables.failed && i + 16 <= dsdt_aml_size; i++)
        if (!memcmp(a->tables.data + at + i, window, sizeof(window))) {
            st32(a->tables.data + at + i, start);
            st32(a->tables.data + at + i + 12, PC_MEM_PCI_END + 1u - start);
        }
    if (!a->tables.failed)
        a->tables.data[at + 9] = 0;
    checksum(a, tables_file, at + 9, at, dsdt_aml_size);
    return at;
}

/* A generic address structure for an I/O port (5.2.3.2). */
static void put_gas(u8 *f, u8 bits, u32 port)
{
    f[0] = 1;
    f[1] = bits;
    st64(f + 4, port);
}

static void add_fadt(struct acpi *a, u32 facs, u32 dsdt)
{
    enum { WBINVD = BIT(0), PROC_C1 = BIT(2), SLP_BUTTON = BIT(5), RTC_S4 = BIT(7), RESET_REG = BIT(10) };
    u32 at = begin_table(a, "FACP", 3);
    image_add(&a->tables, NULL, FADT_SIZE - HEADER);
    if (a->tables.failed)
        return;
    u8 *f = a->tables.data + at;
    st32(f + 36, facs);
    st32(f + 40, dsdt);
    st16(f + 46, PC_IRQ_SCI);
    st32(f + 48, PC_PORT_APM); /* SMI_CMD */
    f[52] = 0xf1;
    f[53] = 0xf0;
    st32(f + 56, PC_PORT_PM);
    st32(f + 64, PC_PORT_PM + 4);
    st32(f + 76, PC_PORT_PM + 8);
    st32(f + 80, PC_PORT_GPE0);
    f[88] = 4; /* lengths: PM1_EVT, PM1_CNT, PM_TMR, GPE0 */
    f[89] = 2;
    f[91] = 4;
    f[92] = 4;
    st16(f + 96, 0xfff); /* no C2, no C3 */
    st16(f + 98, 0xfff);
    f[108] = 0x32;                  /* CENTURY */
    st16(f + 109, 0x0002 | 0x0001); /* legacy devices, 8042 */
    st32(f + 112, WBINVD | PROC_C1 | SLP_BUTTON | RTC_S4 | RESET_REG);
    put_gas(f + 116, 8, PC_PORT_RESET);
    f[128] = 0x0e; /* what resets through CF9h: full, hard */
    put_gas(f + 148, 32, PC_PORT_PM);
    put_gas(f + 172, 16, PC_PORT_PM + 4);
    put_gas(f + 208, 32, PC_PORT_PM + 8);
    put_gas(f + 220, 32, PC_PORT_GPE0);
    pointer(a, tables_file, at + 36);
    pointer(a, tables_file, at + 40);
    end_table(a, at, true);
}

static void add_override(struct image *t, u8 irq, u8 gsi, u16 flags)
{
    u8 o[10] = {2, 10, 0, irq, gsi};
    st16(o + 8, flags);
    image_add(t, o, sizeof(o));
}

static void add_madt(struct acpi *a, const struct bios_config *cfg)
{
    static const u8 pci_irqs[] = {PC_IRQ_PCI_A, PC_IRQ_SCI, PC_IRQ_PCI_B, PC_IRQ_PCI_C};
    enum { LEVEL_HIGH = 0x0d };
    u32 at = begin_table(a, "APIC", 1);
    u8 head[8], io[12] = {1, 12, 0};
    st32(head, PC_MEM_LAPIC);
    st32(head + 4, 1); /* PC/AT 8259s as well */
    image_add(&a->tables, head, sizeof(head));
    for (unsigned i = 0; i < cfg->cpus; i++) {
        u8 cpu[8] = {0, 8, (u8)i, (u8)i, 1};
        image_add(&a->tables, cpu, sizeof(cpu));
    }
    st32(io + 4, PC_MEM_IOAPIC);
    image_add(&a->tables, io, sizeof(io));
    add_override(&a->tables, PC_IRQ_PIT, PC_GSI_PIT, 0);
    for (unsigned i = 0; i < ARRAY_LEN(pci_irqs); i++)
        add_override(&a->tables, pci_irqs[i], pci_irqs[i], LEVEL_HIGH);
    u8 nmi[6] = {4, 6, 0xff, 0, 0, 1}; /* LINT1 of every CPU */
    image_add(&a->tables, nmi, sizeof(nmi));
    if (!a->tables.failed)
        end_table(a, at, true);
}

static void add_hpet(struct acpi *a)
{
    u32 at = begin_table(a, "HPET", 1);
    u8 h[20] = {0};
    st32(h, 0x8086a201);
    st32(h + 4, 0);
    st64(h + 8, PC_MEM_HPET);
    image_add(&a->tables, h, sizeof(h));
    if (!a->tables.failed)
        end_table(a, at, true);
}

static void add_rsdt(struct acpi *a, struct image *rsdp)
{
    u32 at = begin_table(a, "RSDT", 1);
    for (unsigned i = 0; i < a->ntables; i++) {
        u8 p[4];
        st32(p, a->table[i]);
        pointer(a, tables_file, image_add(&a->tables, p, sizeof(p)));
    }
    if (!a->tables.failed)
        end_table(a, at, false);
    u8 r[RSDP_SIZE] = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ', 0, 'O', 'R', 'R', 'E', 'R', 'Y', 0};
    st32(r + 16, at);
    image_add(rsdp, r, sizeof(r));
    pointer(a, rsdp_file, 16);
    checksum(a, rsdp_file, 8, 0, RSDP_SIZE);
}

bool acpi_setup(struct device *fw_cfg, const struct bios_config *cfg)
{
    struct acpi a = {.ntables = 0};
    struct image rsdp = {0};
    allocate(&a, tables_file, 64, ZONE_HIGH);
    allocate(&a, rsdp_file, 16, ZONE_FSEG);
    u32 facs = add_facs(&a), dsdt = add_dsdt(&a, cfg);
    add_fadt(&a, facs, dsdt);
    if (cfg->apic)
        add_madt(&a, cfg);
    if (cfg->hpet)
        add_hpet(&a);
    add_rsdt(&a, &rsdp);
    bool ok = !a.tables.failed && !a.script.failed && !rsdp.failed &&
              fw_cfg_add_file(fw_cfg, tables_file, a.tables.data, a.tables.len) &&
              fw_cfg_add_file(fw_cfg, rsdp_file, rsdp.data, rsdp.len) &&
              fw_cfg_add_file(fw_cfg, "etc/table-loader", a.script.data, a.script.len);
    free(a.tables.data);
    free(a.script.data);
    free(rsdp.data);
    return ok;
}
