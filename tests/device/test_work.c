/*
 * No event does much at once: DMA into a register that costs as much as a screen, and commands that read far more
 * than they move, go on in other events, and come to the right end.
 */
#include "pcibench.h"

#include "devices/fw_cfg.h"
#include "devices/ide/ide.h"

enum { IDE = (1 << 3) + 1, BM = 0xc000, PRD = 0x1000, BUF = 0x100000, COSTLY = 0xf0000000, COST = 16 << 20 };
enum { BSY = 0x80, DRQ = 0x08, READY = 0x50 };

static struct region costly;
static unsigned writes;

static void costly_write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)owner, (void)off, (void)val, (void)size;
    bench.sys.mem.work += COST;
    writes++;
}

static void setup(void)
{
    bench_setup();
    struct ide_config c = {.bus = bench.bus, .irq = {bench_line(14), bench_line(15)}};
    ck_assert_msg(device_create(&bench.sys, &ide_class, "ide", &c) &&
                      ide_add_drive(&bench.sys, 0, false, bench_image(70000 * 512, false), NULL) &&
                      ide_add_drive(&bench.sys, 2, true, bench_image(32 << 20, true), NULL),
                  "%s", bench.sys.err);
    pci_write(IDE, 0x20, BM, 4);
    pci_write(IDE, 0x04, 5, 2);
    region_device(&costly, &bench.sys.mem, "costly", COSTLY, 16, NULL, NULL, costly_write);
    writes = 0;
}
static void teardown(void) { bench_teardown(); }

/* Lets everything happen; the number of events it took, none of which may do more work than 'most'. */
static unsigned events(u64 most)
{
    unsigned n = 0;
    for (u64 when; (when = clock_deadline(&bench.sys.clock)) != UINT64_MAX; n++) {
        u64 before = bench.sys.mem.work;
        clock_advance(&bench.sys.clock, when);
        ck_assert_uint_le(bench.sys.mem.work - before, most);
    }
    return n;
}

static void prd(unsigned n, u32 addr, u32 bytes, bool last)
{
    st32(bench.ram->host + PRD + n * 8, addr);
    st32(bench.ram->host + PRD + n * 8 + 4, (bytes & 0xffff) | (last ? 1u << 31 : 0));
}
static void start_dma(u16 channel, bool to_memory)
{
    outb(BM + channel + 2, 6);
    outl(BM + channel + 4, PRD);
    outb(BM + channel, to_memory ? 8 : 0);
    outb(BM + channel, to_memory ? 9 : 1);
}
static void ata(u8 command, u32 count, u32 lba)
{
    outb(0x1f6, 0xe0);
    for (unsigned reg = 2, shift = 0; reg < 6; reg++, shift += 8) {
        outb((u16)(0x1f0 + reg), reg == 2 ? (u8)(count >> 8) : reg == 3 ? (u8)(lba >> 24) : 0);
        outb((u16)(0x1f0 + reg), reg == 2 ? (u8)count : (u8)(lba >> (shift - 8)));
    }
    outb(0x1f7, command);
}
static void packet(const u8 *cdb, u8 feature)
{
    outb(0x176, 0xa0);
    outb(0x171, feature);
    outb(0x174, 0xfe);
    outb(0x175, 0xff);
    outb(0x177, 0xa0);
    events(WORK_SLICE);
    for (unsigned i = 0; i < 12; i += 2)
        outw(0x170, ld16(cdb + i));
}

/* 256 pieces of two bytes into the register, one an event, and the rest where it belongs. */
START_TEST(dma_to_a_costly_register)
{
    enum { PIECES = 256 };
    for (unsigned i = 0; i < PIECES; i++)
        prd(i, COSTLY, 2, false);
    prd(PIECES, BUF, 512, true);
    start_dma(0, true);
    ata(0x25, 2, 77);
    ck_assert_uint_ge(events(2 * COST), PIECES);
    ck_assert_uint_eq(writes, PIECES);
    ck_assert_uint_eq(ld64(bench.ram->host + BUF), 78);
    ck_assert_uint_eq(inb(BM + 2) & 7, 4);
    ck_assert_uint_eq(inb(0x1f7), READY);
}
END_TEST

/* The same out of memory: sector 5 is written once it is complete. */
START_TEST(dma_write_in_pieces)
{
    memset(bench.ram->host + BUF, 0x5a, 0x10000);
    for (unsigned i = 0; i < 40; i++)
        prd(i, BUF, 0, i == 39);
    start_dma(0, false);
    ata(0x35, 40 * 128, 5);
    ck_assert_uint_gt(events(2 * WORK_SLICE), 2);
    ck_assert_uint_eq(inb(0x1f7), READY);
    outb(BM, 0);
    prd(0, BUF + 0x10000, 1024, true);
    start_dma(0, true);
    ata(0x25, 2, 40 * 128 + 4);
    events(WORK_SLICE);
    ck_assert_uint_eq(bench.ram->host[BUF + 0x10000 + 511], 0x5a);
    ck_assert_uint_eq(ld64(bench.ram->host + BUF + 0x10200), 40 * 128 + 5);
}
END_TEST

/* Stopped in the middle the drive waits; a new command after a reset works. */
START_TEST(dma_stopped_between_pieces)
{
    for (unsigned i = 0; i < 256; i++)
        prd(i, COSTLY, 2, i == 255);
    start_dma(0, true);
    ata(0x25, 1, 77);
    while (writes < 3)
        clock_advance(&bench.sys.clock, clock_deadline(&bench.sys.clock));
    outb(BM, 8);
    ck_assert_uint_eq(events(WORK_SLICE), 0);
    ck_assert_uint_eq(inb(0x3f6), BSY);
    outb(0x3f6, 4);
    outb(0x3f6, 0);
    events(WORK_SLICE);
    prd(0, BUF, 512, true);
    start_dma(0, true);
    ata(0x25, 1, 9);
    events(WORK_SLICE);
    ck_assert_uint_eq(ld64(bench.ram->host + BUF), 9);
}
END_TEST

START_TEST(verify_in_pieces)
{
    ata(0x42, 0, 0); /* 65,536 sectors */
    ck_assert_uint_ge(events(2 * WORK_SLICE), 32);
    ck_assert_uint_eq(inb(0x1f7), READY);
    ck_assert_uint_eq(inb(0x1f3), 0xff);
    ck_assert_uint_eq(inb(0x1f4), 0xff);
}
END_TEST

/* READ CD of headers alone moves 4 bytes a block; with DATA and ECC, 2,336. */
START_TEST(read_cd_in_pieces)
{
    packet((const u8[12]){0}, 0); /* takes the attention after power-on */
    events(WORK_SLICE);
    for (unsigned i = 0; i < 2; i++) {
        u8 fields = i ? 0x18 : 0x20;
        packet((const u8[12]){0xbe, 0, 0, 0, 0, 0, 0, 0x10, 0, fields}, 1);
        for (unsigned n = 0; n < 512; n++)
            prd(n, BUF, 0, n == 511);
        start_dma(8, true);
        unsigned n = events(2 * WORK_SLICE);
        ck_assert_uint_eq(inb(0x177), READY);
        ck_assert(i ? n > 8 : n < 8); /* headers need nothing of the disc */
        outb(BM + 8, 0);
    }
}
END_TEST

/* Addresses go on at 0 behind FFFFFFFEh. */
START_TEST(masters_addresses)
{
    prd(0, 0xfee00000, 0x100, false);
    prd(1, 0xfffffffe, 0x100, true);
    start_dma(0, true);
    ata(0x25, 1, 0x11223344 & 0xffff);
    events(WORK_SLICE);
    ck_assert_uint_eq(inb(0x1f7), READY);
    memset(bench.ram->host, 0xee, 0x200);
    outb(BM, 0);
    prd(0, 0xfffffffe, 0x200, true);
    start_dma(0, true);
    ata(0x25, 1, 0x1234);
    events(WORK_SLICE);
    ck_assert_uint_eq(ld64(bench.ram->host), 0);
    ck_assert_uint_eq(bench.ram->host[0x1fd], 0);
    ck_assert_uint_eq(bench.ram->host[0x1fe], 0xee);
}
END_TEST

static void read_item(struct device *dev, u8 *descriptor, u32 to, u32 len)
{
    st32(descriptor, __builtin_bswap32((u32)fw_cfg_file_key(dev, "etc/long") << 16 | 8 | 2));
    st32(descriptor + 4, __builtin_bswap32(len));
    st64(descriptor + 8, __builtin_bswap64(to));
    outl(0x514, 0);
    outl(0x518, __builtin_bswap32((u32)(descriptor - bench.ram->host)));
}

/* An item and zeros behind it; then up to 4 GiB of zeros, a little in each event, until a reset. */
START_TEST(fw_cfg_in_pieces)
{
    enum { LONG = 0x170000, TO = 0x80000 };
    static u8 item[LONG];
    struct device *dev = device_create(&bench.sys, &fw_cfg_class, "fw_cfg", NULL);
    u8 *ram = bench.ram->host, *descriptor = ram + 0x5000;
    memset(item, 0x6b, sizeof(item));
    memset(ram + 0x100000, 0xee, 0x100000);
    ck_assert(fw_cfg_add_file(dev, "etc/long", item, LONG));
    read_item(dev, descriptor, TO, 100);
    ck_assert_uint_eq(ld32(descriptor), 0);
    read_item(dev, descriptor, TO, LONG + 0x1000);
    ck_assert_uint_ne(ld32(descriptor), 0);
    ck_assert_uint_eq(events(2 * WORK_SLICE), 1);
    ck_assert_uint_eq(ld32(descriptor), 0);
    ck_assert_uint_eq(ram[TO + LONG - 1], 0x6b);
    ck_assert_uint_eq(ram[TO + LONG], 0);
    ck_assert_uint_eq(ram[TO + LONG + 0xfff], 0);
    ck_assert_uint_eq(ram[TO + LONG + 0x1000], 0xee);
    read_item(dev, descriptor, TO, 0xffffffff);
    for (unsigned n = 0; n < 10; n++) {
        u64 before = bench.sys.mem.work;
        clock_advance(&bench.sys.clock, clock_deadline(&bench.sys.clock));
        ck_assert_uint_le(bench.sys.mem.work - before, 2 * WORK_SLICE);
        ck_assert_uint_ne(ld32(descriptor), 0);
    }
    device_reset_all(&bench.sys);
    ck_assert_uint_eq(events(WORK_SLICE), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("work in pieces");
    TCase *t = tcase_create("work");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, dma_to_a_costly_register);
    tcase_add_test(t, dma_write_in_pieces);
    tcase_add_test(t, dma_stopped_between_pieces);
    tcase_add_test(t, verify_in_pieces);
    tcase_add_test(t, read_cd_in_pieces);
    tcase_add_test(t, masters_addresses);
    tcase_add_test(t, fw_cfg_in_pieces);
    suite_add_tcase(s, t);
    return bench_run(s);
}
