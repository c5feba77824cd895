/* The ATAPI CD-ROM: PACKET protocol by PIO and DMA, commands and sense data of MMC-3 and SFF-8020i. */
#include "pcibench.h"

#include "devices/ide/ide.h"

enum { IDE = (1 << 3) + 1, BM = 0xc000 };
enum { DATA = 0x170, ERROR, REASON, LOW, MID, HIGH, DEVICE, STATUS, CONTROL = 0x376 };
enum { BSY = 0x80, DRQ = 0x08, ERR = 0x01, READY = 0x50 };
enum { COD = 1, IO = 2, PRD = 0x1000, BUF = 0x10000 };
enum { BLOCKS = 300 };

static struct device *ide;
static u8 data[65536];
static u32 got;

static void make(struct disk *disc)
{
    bench_setup();
    struct ide_config c = {.bus = bench.bus, .irq = {bench_line(14), bench_line(15)}};
    ide = device_create(&bench.sys, &ide_class, "ide", &c);
    ck_assert_msg(ide && ide_add_drive(&bench.sys, 2, true, disc, NULL), "%s", bench.sys.err);
    pci_write(IDE, 0x20, BM, 4);
    pci_write(IDE, 0x04, 5, 2);
    outb(DEVICE, 0xa0);
}
static void settled(void) { settle(1000000000); }

/* Sends the packet. 'limit' goes into the byte count registers. */
static void send(const u8 *cdb, u16 limit, u8 feature)
{
    outb(ERROR, feature);
    outb(MID, (u8)limit);
    outb(HIGH, (u8)(limit >> 8));
    outb(STATUS, 0xa0);
    ck_assert_uint_eq(inb(CONTROL), BSY);
    settled();
    ck_assert_uint_eq(inb(CONTROL), READY | DRQ);
    ck_assert_uint_eq(inb(REASON) & 7, COD);
    for (unsigned i = 0; i < 12; i += 2)
        outw(DATA, ld16(cdb + i));
    ck_assert_uint_eq(inb(CONTROL), BSY);
    settled();
}
/* The whole command by PIO; the final status. */
static u8 packet_limit(const u8 *cdb, u16 limit)
{
    got = 0;
    send(cdb, limit, 0);
    for (;;) {
        ck_assert(bench.level[15]);
        u8 status = inb(STATUS);
        ck_assert(!bench.level[15]);
        ck_assert_uint_eq(status & BSY, 0);
        if (!(status & DRQ)) {
            ck_assert_uint_eq(inb(REASON) & 7, IO | COD);
            return status;
        }
        ck_assert_uint_eq(inb(REASON) & 7, IO);
        u32 n = inb(MID) | (u32)inb(HIGH) << 8;
        ck_assert_uint_gt(n, 0);
        ck_assert_uint_le(n, limit);
        for (u32 i = 0; i < n; i += 2) {
            u16 w = inw(DATA);
            if (got + 2 <= sizeof data)
                st16(data + got, w);
            got += MIN(2, n - i);
        }
        settled();
    }
}
static u8 packet(const u8 *cdb) { return packet_limit(cdb, 0xfffe); }
#define CDB(...) ((const u8[12]){__VA_ARGS__})

static void expect_sense(const u8 *cdb, u8 key, u8 asc)
{
    ck_assert_uint_eq(packet(cdb), READY | ERR);
    ck_assert_uint_eq(inb(ERROR) >> 4, key);
    ck_assert_uint_eq(packet(CDB(0x03, 0, 0, 0, 18)), READY);
    ck_assert_uint_eq(got, 18);
    ck_assert_uint_eq(data[0], 0x70);
    ck_assert_uint_eq(data[2], key);
    ck_assert_uint_eq(data[12], asc);
}
static u32 be(const u8 *p) { return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

static void setup(void)
{
    make(bench_image(BLOCKS * 2048, true));
    expect_sense(CDB(0x00), 6, 0x29); /* the power-on attention, out of the way */
    ck_assert_uint_eq(packet(CDB(0x00)), READY);
}
static void teardown(void) { bench_teardown(); }

START_TEST(signature)
{
    outb(CONTROL, 4);
    outb(CONTROL, 0);
    settled();
    ck_assert_uint_eq(inb(STATUS), 0);
    ck_assert_uint_eq(inb(REASON), 1);
    ck_assert_uint_eq(inb(LOW), 1);
    ck_assert_uint_eq(inb(MID), 0x14);
    ck_assert_uint_eq(inb(HIGH), 0xeb);
    /* no second one: OpenBSD 2.8 would wait for it */
    static const u8 none[8] = {[2] = 1, 1, 0xff, 0xff, 0xb0, 0};
    outb(DEVICE, 0xb0);
    for (u16 reg = 1; reg < 8; reg++)
        ck_assert_uint_eq(inb((u16)(DATA + reg)), none[reg]);
    outb(DEVICE, 0xa0);
    /* IDENTIFY DEVICE and READ SECTORS abort, showing it again */
    for (int i = 0; i < 2; i++) {
        outb(MID, 0);
        outb(STATUS, i ? 0x20 : 0xec);
        settled();
        ck_assert_uint_eq(inb(STATUS), READY | ERR);
        ck_assert_uint_eq(inb(ERROR), 4);
        ck_assert_uint_eq(inb(MID), 0x14);
    }
    outb(STATUS, 0x08); /* DEVICE RESET: no interrupt */
    settled();
    ck_assert(!bench.level[15]);
    ck_assert_uint_eq(inb(STATUS), 0);
    ck_assert_uint_eq(inb(HIGH), 0xeb);
    outb(STATUS, 0xa1);
    settled();
    ck_assert_uint_eq(inb(STATUS), READY | DRQ);
    u8 id[512];
    for (int i = 0; i < 512; i += 2)
        st16(id + i, inw(DATA));
    ck_assert_uint_eq(ld16(id), 0x85c0);
    ck_assert(!memcmp(id + 54, "ROERYRC -DOR M  ", 16));
}
END_TEST

/* An empty drive that a -global has named. */
START_TEST(identity)
{
    static const struct global_property globals[] = {{"ide-cd", "serial", "A1", &globals[1]},
                                                     {"ide-cd", "model", "disc", &globals[2]},
                                                     {"ide-cd", "wwn", "0x5000c500a1b2c3d4", NULL}};
    u8 id[512];
    bench.sys.globals = globals;
    ck_assert_ptr_nonnull(ide_add_drive(&bench.sys, 3, true, NULL, NULL));
    outb(DEVICE, 0xb0);
    outb(STATUS, 0xa1);
    settled();
    for (int i = 0; i < 512; i += 2)
        st16(id + i, inw(DATA));
    ck_assert(!memcmp(id + 20, "1A                  ", 20) && !memcmp(id + 54, "idcs    ", 8));
    ck_assert(ld16(id + 174) == 0x4100 && ld16(id + 216) == 0x5000 && ld16(id + 222) == 0xc3d4);
}
END_TEST

START_TEST(inquiry)
{
    ck_assert_uint_eq(packet(CDB(0x12, 0, 0, 0, 96)), READY);
    ck_assert_uint_eq(got, 36);
    ck_assert_uint_eq(data[0], 5);
    ck_assert_uint_eq(data[1], 0x80);
    ck_assert(!memcmp(data + 8, "ORRERY  ORRERY CD-ROM   ", 24));
    ck_assert_uint_eq(packet(CDB(0x12, 0, 0, 0, 5)), READY);
    ck_assert_uint_eq(got, 5); /* an odd last block */
    ck_assert_uint_eq(packet(CDB(0x12, 1, 0x83, 0, 96)), READY);
    ck_assert_uint_eq(got, 16);
    expect_sense(CDB(0x12, 1, 0x77, 0, 96), 5, 0x24);
    expect_sense(CDB(0xf7), 5, 0x20);
}
END_TEST

START_TEST(reading)
{
    ck_assert_uint_eq(packet(CDB(0x25)), READY);
    ck_assert_uint_eq(be(data), BLOCKS - 1);
    ck_assert_uint_eq(be(data + 4), 2048);
    ck_assert_uint_eq(packet(CDB(0x28, 0, 0, 0, 0, 16, 0, 0, 3)), READY);
    ck_assert_uint_eq(got, 3 * 2048);
    for (unsigned i = 0; i < 12; i++)
        ck_assert_uint_eq(ld64(data + i * 512), 64 + i);
    ck_assert_uint_eq(packet_limit(CDB(0x28, 0, 0, 0, 0, 16, 0, 0, 3), 2048), READY);
    ck_assert_uint_eq(got, 3 * 2048);
    ck_assert_uint_eq(packet_limit(CDB(0xa8, 0, 0, 0, 0, 16, 0, 0, 0, 2), 1001), READY); /* odd limit */
    ck_assert_uint_eq(got, 2 * 2048);
    ck_assert_uint_eq(ld64(data + 2048), 68);
    ck_assert_uint_eq(packet(CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 100)), READY); /* longer than the buffer */
    ck_assert_uint_eq(got, 100 * 2048);
    ck_assert_uint_eq(packet(CDB(0x28, 0, 0, 0, 0, 16, 0, 0, 0)), READY); /* nothing */
    ck_assert_uint_eq(got, 0);
    expect_sense(CDB(0x28, 0, 0, 0, 0x01, 0x2c, 0, 0, 1), 5, 0x21);
    expect_sense(CDB(0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff), 5, 0x21);
    expect_sense(CDB(0xa8, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff), 5, 0x21);
    ck_assert_uint_eq(packet(CDB(0x2b, 0, 0, 0, 0, 5)), READY);
    expect_sense(CDB(0x2b, 0, 0, 0, 0x10, 5), 5, 0x21);
}
END_TEST

START_TEST(byte_count_zero)
{
    send(CDB(0x12, 0, 0, 0, 36), 0, 0);
    ck_assert_uint_eq(inb(STATUS), READY | ERR);
    ck_assert_uint_eq(inb(ERROR), 4);
    send(CDB(0x00), 0, 0); /* no data: no matter */
    ck_assert_uint_eq(inb(STATUS), READY);
}
END_TEST

START_TEST(read_cd)
{
    ck_assert_uint_eq(packet(CDB(0xbe, 0, 0, 0, 0, 16, 0, 0, 1, 0xf8)), READY);
    ck_assert_uint_eq(got, 2352);
    ck_assert_uint_eq(be(data), 0x00ffffff);
    ck_assert_uint_eq(be(data + 12), 0x00021601); /* 00:02:16 mode 1 */
    ck_assert_uint_eq(ld64(data + 16), 64);
    ck_assert_uint_eq(packet(CDB(0xbe, 0, 0, 0, 0, 16, 0, 0, 2, 0x10)), READY);
    ck_assert_uint_eq(got, 4096);
    ck_assert_uint_eq(packet(CDB(0xbe, 0, 0, 0, 0, 16, 0, 0, 40, 0xf8)), READY);
    ck_assert_uint_eq(got, 40 * 2352);
    ck_assert_uint_eq(packet(CDB(0xbe, 0, 0, 0, 0, 16, 0, 0, 1, 0x00)), READY);
    ck_assert_uint_eq(got, 0);
    ck_assert_uint_eq(packet(CDB(0xb9, 0, 0, 0, 2, 16, 0, 2, 18, 0x10)), READY);
    ck_assert_uint_eq(got, 4096);
    ck_assert_uint_eq(ld64(data), 64);
    expect_sense(CDB(0xbe, 1 << 2, 0, 0, 0, 16, 0, 0, 1, 0x10), 5, 0x64); /* audio */
    expect_sense(CDB(0xbe, 0, 0, 0, 0, 16, 0, 0, 1, 0x12), 5, 0x24);      /* C2 */
    expect_sense(CDB(0xb9, 0, 0, 0, 0, 16, 0, 2, 18, 0x10), 5, 0x24);
}
END_TEST

START_TEST(toc)
{
    ck_assert_uint_eq(packet(CDB(0x43, 0, 0, 0, 0, 0, 0, 0, 100)), READY);
    ck_assert_uint_eq(got, 20);
    ck_assert_uint_eq(be(data), 0x00120101);
    ck_assert_uint_eq(be(data + 4), 0x00140100);
    ck_assert_uint_eq(be(data + 8), 0);
    ck_assert_uint_eq(be(data + 12), 0x0014aa00);
    ck_assert_uint_eq(be(data + 16), BLOCKS);
    ck_assert_uint_eq(packet(CDB(0x43, 2, 0, 0, 0, 0, 0xaa, 0, 100)), READY);
    ck_assert_uint_eq(got, 12);
    ck_assert_uint_eq(be(data + 8), 0x00000600); /* 300 + 150 frames are six seconds */
    ck_assert_uint_eq(packet(CDB(0x43, 0, 1, 0, 0, 0, 0, 0, 100)), READY);
    ck_assert_uint_eq(got, 12);
    ck_assert_uint_eq(packet(CDB(0x43, 0, 0, 0, 0, 0, 0, 0, 100, 0x40)), READY); /* the old place of the format */
    ck_assert_uint_eq(got, 12);
    ck_assert_uint_eq(packet(CDB(0x43, 2, 2, 0, 0, 0, 0, 0, 100)), READY);
    ck_assert_uint_eq(got, 4 + 4 * 11);
    ck_assert_uint_eq(data[4 + 3], 0xa0);
    ck_assert_uint_eq(data[4 + 8], 1);
    ck_assert_uint_eq(data[4 + 22 + 3], 0xa2);
    ck_assert_uint_eq(packet(CDB(0x43, 0, 0, 0, 0, 0, 0, 0, 4)), READY);
    ck_assert_uint_eq(got, 4);
    expect_sense(CDB(0x43, 0, 5, 0, 0, 0, 0, 0, 100), 5, 0x24);
    expect_sense(CDB(0x43, 0, 0, 0, 0, 0, 7, 0, 100), 5, 0x24);
}
END_TEST

START_TEST(mode_sense)
{
    ck_assert_uint_eq(packet(CDB(0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 100)), READY);
    ck_assert_uint_eq(got, 30);
    ck_assert_uint_eq(data[1], 28);
    ck_assert_uint_eq(data[2], 0x01);
    ck_assert_uint_eq(data[8], 0x2a);
    ck_assert_uint_eq(data[9], 20);
    ck_assert_uint_eq(packet(CDB(0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 200)), READY);
    u32 whole = got, n = 8;
    while (n < whole)
        n += data[n + 1] + 2u;
    ck_assert_uint_eq(n, whole);
    ck_assert_uint_eq(packet(CDB(0x1a, 0, 0x01, 0, 100)), READY);
    ck_assert_uint_eq(got, 12);
    ck_assert_uint_eq(packet(CDB(0x5a, 0, 0x6a, 0, 0, 0, 0, 0, 100)), READY); /* changeable */
    ck_assert_uint_eq(data[10], 0);
    expect_sense(CDB(0x5a, 0, 0xea, 0, 0, 0, 0, 0, 100), 5, 0x39);
    expect_sense(CDB(0x5a, 0, 0x05, 0, 0, 0, 0, 0, 100), 5, 0x24);
}
END_TEST

START_TEST(other_commands)
{
    ck_assert_uint_eq(packet(CDB(0x46, 0, 0, 0, 0, 0, 0, 1, 0)), READY);
    ck_assert_uint_eq(be(data) + 4, got);
    ck_assert_uint_eq(data[7], 8); /* CD-ROM */
    for (u32 at = 8; at < got; at += data[at + 3] + 4u)
        ck_assert_uint_eq(data[at + 3] & 3, 0);
    ck_assert_uint_eq(packet(CDB(0x46, 2, 0, 3, 0, 0, 0, 1, 0)), READY);
    ck_assert_uint_eq(got, 16);
    ck_assert_uint_eq(packet(CDB(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8)), READY);
    ck_assert_uint_eq(got, 8);
    ck_assert_uint_eq(be(data), 0x00060410);
    ck_assert_uint_eq(be(data + 4), 0x00020000); /* a disc, and nothing happened */
    ck_assert_uint_eq(packet(CDB(0x4a, 1, 0, 0, 0x02, 0, 0, 0, 8)), READY);
    ck_assert_uint_eq(got, 4);
    expect_sense(CDB(0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8), 5, 0x24);
    ck_assert_uint_eq(packet(CDB(0x51, 0, 0, 0, 0, 0, 0, 0, 100)), READY);
    ck_assert_uint_eq(got, 34);
    ck_assert_uint_eq(packet(CDB(0x52, 1, 0, 0, 0, 1, 0, 0, 100)), READY);
    ck_assert_uint_eq(got, 36);
    ck_assert_uint_eq(packet(CDB(0x42, 2, 0x40, 1, 0, 0, 0, 0, 100)), READY);
    ck_assert_uint_eq(got, 16);
    ck_assert_uint_eq(packet(CDB(0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8)), READY);
    ck_assert_uint_eq(got, 8);
    ck_assert_uint_eq(packet(CDB(0xbb, 0, 0xff, 0xff)), READY);
    expect_sense(CDB(0xad, 0, 0, 0, 0, 0, 0, 0, 0, 100), 5, 0x30);
}
END_TEST

static void expect_tray(bool open, bool locked)
{
    struct disk *disk;
    bool has_tray, is_open, is_locked;
    ck_assert(ide_look_at_drive(ide, 2, &disk, &has_tray, &is_open, &is_locked));
    ck_assert(disk && has_tray && is_open == open && is_locked == locked);
    ck_assert(!ide_look_at_drive(ide, 1, &disk, &has_tray, &is_open, &is_locked));
}

START_TEST(tray_and_lock)
{
    expect_tray(false, false);
    ck_assert_uint_eq(packet(CDB(0x1e, 0, 0, 0, 1)), READY);
    expect_tray(false, true);
    expect_sense(CDB(0x1b, 0, 0, 0, 2), 5, 0x53);
    ck_assert(!ide_change_medium(ide, 2, NULL, false));
    ck_assert_uint_eq(packet(CDB(0x1e, 0, 0, 0, 0)), READY);
    ck_assert_uint_eq(packet(CDB(0x1b, 0, 0, 0, 2)), READY);
    expect_tray(true, false);
    expect_sense(CDB(0x00), 2, 0x3a);
    expect_sense(CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1), 2, 0x3a);
    ck_assert_uint_eq(packet(CDB(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8)), READY);
    ck_assert_uint_eq(data[5], 1);
    ck_assert_uint_eq(packet(CDB(0x1b, 0, 0, 0, 3)), READY);
    expect_sense(CDB(0x00), 6, 0x28);
    ck_assert_uint_eq(packet(CDB(0x00)), READY);
}
END_TEST

START_TEST(medium_change)
{
    ck_assert(ide_change_medium(ide, 2, NULL, false));
    ck_assert_uint_eq(packet(CDB(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8)), READY);
    ck_assert_uint_eq(be(data + 4), 0x03000000); /* removal */
    expect_sense(CDB(0x00), 6, 0x28);
    expect_sense(CDB(0x00), 2, 0x3a);
    ck_assert(ide_change_medium(ide, 2, bench_image(2048 * 5 + 100, true), false));
    ck_assert_uint_eq(packet(CDB(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8)), READY);
    ck_assert_uint_eq(be(data + 4), 0x02020000);
    ck_assert_uint_eq(packet(CDB(0x03, 0, 0, 0, 18)), READY); /* asked for before any command met it */
    ck_assert_uint_eq(data[2], 6);
    ck_assert_uint_eq(packet(CDB(0x25)), READY);
    ck_assert_uint_eq(be(data), 5); /* the torn last block counts */
    ck_assert_uint_eq(packet(CDB(0x28, 0, 0, 0, 0, 5, 0, 0, 1)), READY);
    ck_assert_uint_eq(got, 2048);
    ck_assert_uint_eq(ld64(data), 20);
    ck_assert_uint_eq(ld64(data + 512), 0);
    ck_assert(!ide_change_medium(ide, 0, NULL, false));
}
END_TEST

START_TEST(dma)
{
    st32(bench.ram->host + PRD, BUF);
    st32(bench.ram->host + PRD + 4, 0x80000000 | 4096);
    outb(BM + 8 + 2, 6);
    outl(BM + 8 + 4, PRD);
    outb(BM + 8, 8);
    send(CDB(0x28, 0, 0, 0, 0, 20, 0, 0, 2), 0, 1);
    ck_assert_uint_eq(inb(CONTROL), BSY);
    outb(BM + 8, 9);
    settled();
    ck_assert_uint_eq(inb(BM + 8 + 2) & 7, 4);
    ck_assert_uint_eq(inb(STATUS), READY);
    ck_assert_uint_eq(inb(REASON) & 7, IO | COD);
    ck_assert_uint_eq(ld64(bench.ram->host + BUF + 2048), 84);
    /* The table is too long for an INQUIRY, and too short for three blocks. */
    outb(BM + 8 + 2, 4);
    outb(BM + 8, 8);
    send(CDB(0x12, 0, 0, 0, 36), 0, 1);
    outb(BM + 8, 9);
    settled();
    ck_assert_uint_eq(inb(BM + 8 + 2) & 7, 5);
    ck_assert_uint_eq(inb(STATUS), READY);
    outb(BM + 8 + 2, 4);
    outb(BM + 8, 8);
    send(CDB(0x28, 0, 0, 0, 0, 20, 0, 0, 3), 0, 1);
    outb(BM + 8, 9);
    settled();
    ck_assert_uint_eq(inb(BM + 8 + 2) & 7, 0);
    ck_assert_uint_eq(inb(STATUS) & BSY, 0);
    outb(BM + 8, 8);
    /* An error ends it without a transfer. */
    send(CDB(0x28, 0, 0, 0, 0xff, 20, 0, 0, 3), 0, 1);
    ck_assert_uint_eq(inb(STATUS), READY | ERR);
    ck_assert_uint_eq(packet(CDB(0x00)), READY);
}
END_TEST

START_TEST(dvd)
{
    teardown();
    char path[] = "/tmp/orrery-dvd-XXXXXX", err[128];
    int fd = mkstemp(path);
    ck_assert_int_eq(ftruncate(fd, 4ll << 30), 0);
    close(fd);
    struct disk_options o = {.path = path, .readonly = true};
    struct disk *d = disk_open(&o, &bench.trace, err, sizeof err);
    unlink(path);
    make(d);
    packet(CDB(0x00));
    ck_assert_uint_eq(packet(CDB(0x46, 1, 0, 0, 0, 0, 0, 1, 0)), READY);
    ck_assert_uint_eq(data[7], 0x10);
    ck_assert_uint_eq(packet(CDB(0xad, 0, 0, 0, 0, 0, 0, 0, 0x10)), READY);
    ck_assert_uint_eq(got, 2052);
    ck_assert_uint_eq(be(data + 12), 0x30000 + 2097152 - 1);
    ck_assert_uint_eq(packet(CDB(0x28, 0, 0, 0x1f, 0xff, 0xff, 0, 0, 1)), READY);
    ck_assert_uint_eq(got, 2048);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("atapi");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, signature);
    tcase_add_test(t, identity);
    tcase_add_test(t, inquiry);
    tcase_add_test(t, reading);
    tcase_add_test(t, byte_count_zero);
    tcase_add_test(t, read_cd);
    tcase_add_test(t, toc);
    tcase_add_test(t, mode_sense);
    tcase_add_test(t, other_commands);
    tcase_add_test(t, tray_and_lock);
    tcase_add_test(t, medium_change);
    tcase_add_test(t, dma);
    tcase_add_test(t, dvd);
    suite_add_tcase(s, t);
    return bench_run(s);
}
