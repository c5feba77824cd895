/*
 * The PCI board half under random guests: ports of every chip on the bench with random values, short
 * plausible command sequences for drives so that deep states are reached, random DMA tables, time that
 * passes, media that change, resets, and snapshots taken and put back in between. Nothing may crash,
 * write outside its buffers, or schedule events without end; saved state must come back byte for byte.
 */
#include "tests/device/pcibench.h"

#include "devices/dma8237.h"
#include "devices/fdc/fdc.h"
#include "devices/ide/ide.h"
#include "devices/pci/piix4_pm.h"

enum { STEPS = 30000 };

static struct device *ide, *fdc, *dma, *pm;
static u64 seed;

/* xorshift64* */
static u32 rnd(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (u32)(seed * 0x2545f4914f6cdd1dull >> 32);
}
static u32 below(u32 n) { return rnd() % n; }

static void make(void)
{
    bench_setup();
    struct ide_config c = {.bus = bench.bus, .irq = {bench_line(14), bench_line(15)}};
    ide = device_create(&bench.sys, &ide_class, "ide", &c);
    ck_assert(ide && ide_add_drive(&bench.sys, 0, false, bench_image(3000 * 512, false), NULL));
    ck_assert(ide_add_drive(&bench.sys, 1, true, NULL, NULL) &&
              ide_add_drive(&bench.sys, 3, true, bench_image(700 * 2048 + 3, true), NULL));
    dma = device_create(&bench.sys, &dma8237_class, "dma", NULL);
    struct fdc_config f = {.irq = bench_line(6), .dma = dma8237_channel(dma, 2)};
    f.drive[0] = (struct fdc_drive_config){true, bench_image(1440 * 512, false)};
    f.drive[1] = (struct fdc_drive_config){true, NULL};
    fdc = device_create(&bench.sys, &fdc_class, "fdc", &f);
    struct piix4_pm_config p = {.bus = bench.bus, .sci = bench_line(9), .cpus = 1};
    pm = device_create(&bench.sys, &piix4_pm_class, "pm", &p);
    ck_assert(ide && dma && fdc && pm);
    pci_write(9, 0x20, 0xc000, 4);
    pci_write(9, 0x04, 5, 2);
    pci_write(11, 0x40, 0x600, 4);
    pci_write(11, 0x80, 1, 1);
}

/* Any port of the bench, now and then any port at all. */
static u16 some_port(void)
{
    static const struct {
        u16 base, size;
    } areas[] = {{0x1f0, 8},   {0x1f0, 8},  {0x170, 8},   {0x3f0, 8},  {0x3f0, 8}, {0x376, 1},
                 {0xc000, 16}, {0x00, 16},  {0xc0, 32},   {0x81, 15},  {0xcf8, 8}, {0x600, 0x40},
                 {0xb2, 2},    {0xafe0, 4}, {0xae00, 24}, {0xb100, 16}};
    if (below(50) == 0)
        return (u16)rnd();
    size_t i = below(ARRAY_LEN(areas));
    return (u16)(areas[i].base + below(areas[i].size));
}

static void random_access(void)
{
    unsigned size = 1u << below(3);
    u16 port = some_port();
    if (below(2))
        inp(port, size);
    else
        outp(port, below(3) ? rnd() : rnd() & 7, size);
}

static void ata_command_somewhere(void)
{
    static const u8 commands[] = {0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0x40, 0x42, 0x91, 0xa0, 0xa1, 0xb0,
                                  0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xe7, 0xec, 0xef, 0xf8, 0x90, 0x08, 0xa0, 0xa0, 0xa0};
    u16 base = below(2) ? 0x1f0 : 0x170;
    outb(base + 6, (u8)(0xa0 | (below(2) ? 0x40 : 0) | (below(2) ? 0x10 : 0) | (below(4) ? 0 : rnd() & 15)));
    for (unsigned reg = 1; reg < 6; reg++)
        if (below(3))
            outb((u16)(base + reg), (u8)(below(2) ? rnd() : below(8)));
    outb(base + 7, commands[below(ARRAY_LEN(commands))]);
    settle(100000);
    if ((inb(base + 7) & 8) && below(2)) { /* a packet, if one is wanted */
        static const u8 packets[] = {0x00, 0x03, 0x12, 0x1a, 0x1b, 0x1e, 0x25, 0x28, 0x42, 0x43, 0x46,
                                     0x4a, 0x51, 0x52, 0x5a, 0xa8, 0xad, 0xb9, 0xbb, 0xbd, 0xbe, 0x2b};
        outw(base, (u16)(packets[below(ARRAY_LEN(packets))] | (below(4) << 8)));
        for (unsigned i = 0; i < 5; i++)
            outw(base, (u16)(below(2) ? below(300) << 8 : rnd() & 0x0f0f));
        settle(100000);
    }
    for (unsigned n = below(600); n; n--)
        if (below(2))
            inw(base);
        else
            outw(base, (u16)rnd());
}

/* A packet as a driver would send it, to the drive that has a disc. */
static void plausible_packet(void)
{
    static const u8 packets[] = {0x00, 0x03, 0x12, 0x1a, 0x1b, 0x1e, 0x25, 0x28, 0x28, 0x42, 0x43, 0x46, 0x4a,
                                 0x51, 0x52, 0x5a, 0xa8, 0xad, 0xb9, 0xbb, 0xbd, 0xbe, 0xbe, 0x2b, 0x2f, 0x28};
    u8 cdb[12] = {packets[below(ARRAY_LEN(packets))],
                  (u8)below(4),
                  0,
                  0,
                  below(2) ? 0 : (u8)rnd(),
                  (u8)rnd(),
                  0,
                  0,
                  (u8)below(40),
                  (u8)(below(2) ? rnd() & 0xf8 : 0)};
    if (below(2))
        cdb[2] = (u8)(below(2) ? below(4) : rnd());
    outb(0x176, 0xb0);
    outb(0x171, (u8)below(2));
    outb(0x174, (u8)rnd());
    outb(0x175, (u8)rnd());
    outb(0x177, 0xa0);
    settle(100000);
    for (unsigned i = 0; i < 12; i += 2)
        outw(0x170, ld16(cdb + i));
    settle(100000);
    for (unsigned n = below(3000); n && (inb(0x376) & 8); n--) {
        inl(0x170);
        if (below(50) == 0)
            settle(10000);
    }
}

static void bus_master_somewhere(void)
{
    u32 table = below(8) ? below(0x1f0000) & ~3u : rnd();
    for (unsigned i = 0; i < 4 && table < 0x1f0000; i++) {
        st32(bench.ram->host + table + i * 8, below(8) ? below(0x1f0000) : rnd());
        st32(bench.ram->host + table + i * 8 + 4, (below(4) ? below(4096) : rnd() & 0xffff) | (i == 3 ? 1u << 31 : 0));
    }
    u16 base = below(2) ? 0xc000 : 0xc008;
    outl(base + 4, table);
    outb(base + 2, 6);
    outb(base, 8 | 1);
}

static void floppy_command(void)
{
    static const u8 commands[] = {0xe6, 0xc5, 0x4d, 0x4a, 0x07, 0x08, 0x0f, 0x03, 0x04, 0x42, 0x56,
                                  0x51, 0x59, 0x5d, 0x6c, 0x49, 0x13, 0x12, 0x0e, 0x94, 0x8f, 0x46};
    outb(0x3f2, 0x1c);
    settle(50000);
    outb(0x3f5, commands[below(ARRAY_LEN(commands))]);
    for (unsigned i = below(10); i; i--)
        outb(0x3f5, (u8)(below(2) ? below(4) : rnd()));
    if (below(2)) {
        outb(0x0a, 6);
        outb(0x0b, below(2) ? 0x46 : 0x4a);
        outb(0x0a, 2);
    }
    settle(below(10000000));
    for (unsigned i = below(20); i; i--)
        inb(0x3f5);
}

/* A transfer as a driver would start it, on the 720 KB disk. */
static void plausible_floppy(void)
{
    static const u8 commands[] = {0xe6, 0xe6, 0xc5, 0x4d, 0x42, 0x56, 0xd6, 0x51, 0x59, 0x5d, 0x4c, 0x6c, 0x49, 0x4a};
    u8 c = (u8)below(81), h = (u8)below(2), r = (u8)(1 + below(10)), command = commands[below(ARRAY_LEN(commands))];
    outb(0x3f2, 0x1c);
    settle(50000);
    outb(0x3f7, 2);
    for (unsigned i = 0; i < 20 && (inb(0x3f4) & 0xd0) == 0xd0; i++)
        inb(0x3f5);
    const u8 seek[] = {0x0f, 0, c, 0x03, 0xaf, (u8)(2 | (below(8) == 0))};
    for (size_t i = 0; i < sizeof seek; i++)
        outb(0x3f5, seek[i]);
    settle(10000000);
    const u8 data[] = {command, (u8)(h << 2), command == 0x4d ? 2 : c, command == 0x4d ? 9 : h, r, 2, 9,
                       0x1b,    (u8)below(3)};
    for (size_t i = 0; i < (command == 0x4d ? 6 : command == 0x4a ? 2 : 9); i++)
        outb(0x3f5, data[i]);
    outb(0x0a, 6);
    outb(0x0c, 0);
    outb(0x0b, (u8)(((command & 0x1f) == 6 || (command & 0x1f) == 2 ? 0x46 : 0x4a) | (below(2) ? 0x10 : 0)));
    outb(0x05, (u8)rnd());
    outb(0x05, (u8)below(12));
    if (command == 0x4d) /* sector IDs where the channel finds them */
        for (u32 i = 0; i < 0x10000; i += 4)
            st32(bench.ram->host + i, c | (u32)h << 8 | (1 + below(9)) << 16 | 2u << 24);
    outb(0x0a, 2);
    settle(below(100000000));
}

/* What was saved comes back the same, whatever happened since. */
static void snapshot_of(struct device *dev)
{
    struct state_buf a = {0}, b = {0};
    state_save(dev->cls->state, dev, &a);
    for (unsigned i = below(100); i; i--)
        random_access();
    ck_assert_msg(device_load(dev, &a), "%s", bench.sys.err);
    state_save(dev->cls->state, dev, &b);
    ck_assert_uint_eq(a.len, b.len);
    ck_assert_mem_eq(a.data, b.data, a.len);
    free(a.data);
    free(b.data);
}

static void step(void)
{
    struct disk *disc;
    struct device *all[] = {ide, fdc, dma, pm, bench.host, bench.isa};
    switch (below(400)) {
    case 0:
        device_reset_all(&bench.sys);
        pci_write(9, 0x20, 0xc000, 4);
        pci_write(9, 0x04, 5, 2);
        break;
    case 1:
        disc = below(2) ? bench_image(below(900000) + 1, true) : NULL;
        if (!ide_change_medium(ide, 3, disc, below(2)))
            disk_close(disc); /* the tray is locked */
        break;
    case 2:
        fdc_change_medium(fdc, below(2), below(2) ? bench_image(2880 * 512, below(2)) : NULL);
        break;
    case 3:
        snapshot_of(all[below(ARRAY_LEN(all))]);
        break;
    default:
        break;
    }
    switch (below(32)) {
    case 0:
    case 1:
        ata_command_somewhere();
        break;
    case 2:
        bus_master_somewhere();
        break;
    case 3:
        floppy_command();
        break;
    case 4:
        plausible_packet();
        break;
    case 5:
        plausible_floppy();
        break;
    case 6:
        settle(below(2) ? below(1000) : below(100000000));
        break;
    default:
        random_access();
    }
}

START_TEST(random_guest)
{
    const char *more = getenv("ORRERY_FUZZ_STEPS");
    u64 steps = more ? strtoull(more, NULL, 10) : STEPS;
    seed = 0x9e3779b97f4a7c15ull + (u64)_i;
    make();
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
    for (u64 i = 0; i < steps; i++)
        step();
    bench_teardown();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("controllers");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, random_guest, 0, 4);
    suite_add_tcase(s, t);
    return bench_run(s);
}
