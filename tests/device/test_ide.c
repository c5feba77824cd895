/* IDE with ATA disks: task file, PIO, multiple, DMA, addressing, errors, resets, as ATA-7 and SFF-8038i have
 * it. */
#include "pcibench.h"

#include "devices/block/format.h"
#include "devices/ide/ide.h"

enum { IDE = (1 << 3) + 1, BM = 0xc000 };
enum { DATA = 0x1f0, ERROR, COUNT, LOW, MID, HIGH, DEVICE, STATUS, CONTROL = 0x3f6 };
enum { BSY = 0x80, DRDY = 0x40, DF = 0x20, DRQ = 0x08, ERR = 0x01, READY = 0x50 };
enum { ABRT = 4, IDNF = 0x10, UNC = 0x40 };
enum { LBA = 0xe0, SLAVE = 0x10, PRD = 0x1000, BUF = 0x10000 };
enum { SECTORS = 100000 };

static struct device *ide;

static void make(u64 master, bool readonly, u64 slave)
{
    bench_setup();
    struct ide_config c = {.bus = bench.bus, .irq = {bench_line(14), bench_line(15)}};
    ide = device_create(&bench.sys, &ide_class, "ide", &c);
    ck_assert_msg(ide != NULL, "%s", bench.sys.err);
    if (master)
        ck_assert_ptr_nonnull(ide_add_drive(&bench.sys, 0, false, bench_image(master * 512, readonly), NULL));
    if (slave)
        ck_assert_ptr_nonnull(ide_add_drive(&bench.sys, 1, false, bench_image(slave * 512, false), NULL));
    pci_write(IDE, 0x20, BM, 4);
    pci_write(IDE, 0x04, 5, 2);
}
static void setup(void) { make(SECTORS, false, 0); }
static void teardown(void) { bench_teardown(); }

static void wait_ready(void) { settle(1000000000); }

static void registers(u8 feature, u8 count, u32 lba, u8 device)
{
    outb(DEVICE, (u8)(device | (lba >> 24 & 15)));
    outb(ERROR, feature);
    outb(COUNT, count);
    outb(LOW, (u8)lba);
    outb(MID, (u8)(lba >> 8));
    outb(HIGH, (u8)(lba >> 16));
}
/* Starts a command; the drive is busy for a moment of virtual time. */
static void command(u8 cmd)
{
    outb(STATUS, cmd);
    ck_assert(inb(CONTROL) & (BSY | DRQ)); /* a PIO write asks for its data at once */
    wait_ready();
    ck_assert_uint_eq(inb(CONTROL) & BSY, 0);
}
static void command28(u8 cmd, u8 count, u32 lba)
{
    registers(0, count, lba, LBA);
    command(cmd);
}
static void command48(u8 cmd, u32 count, u64 lba)
{
    outb(DEVICE, LBA);
    outb(COUNT, (u8)(count >> 8));
    outb(LOW, (u8)(lba >> 24));
    outb(MID, (u8)(lba >> 32));
    outb(HIGH, (u8)(lba >> 40));
    outb(COUNT, (u8)count);
    outb(LOW, (u8)lba);
    outb(MID, (u8)(lba >> 8));
    outb(HIGH, (u8)(lba >> 16));
    command(cmd);
}
static void read_words(u8 *buf, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i += 2)
        st16(buf + i, inw(DATA));
}
static void write_words(const u8 *buf, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i += 2)
        outw(DATA, ld16(buf + i));
}
static void expect_error(u8 error)
{
    ck_assert_uint_eq(inb(STATUS), READY | ERR);
    ck_assert_uint_eq(inb(ERROR), error);
}
static void expect_done(void)
{
    ck_assert_uint_eq(inb(CONTROL), READY);
    ck_assert(bench.level[14]);
    ck_assert_uint_eq(inb(STATUS), READY);
    ck_assert(!bench.level[14]);
}
/* Reads one sector by READ SECTORS; its mark. */
static u64 mark_of(u32 lba)
{
    u8 buf[512];
    command28(0x20, 1, lba);
    ck_assert_uint_eq(inb(STATUS), READY | DRQ);
    read_words(buf, 512);
    return ld64(buf);
}

START_TEST(pci_function)
{
    ck_assert_uint_eq(pci_read(IDE, 0x00, 4), 0x70108086);
    ck_assert_uint_eq(pci_read(IDE, 0x08, 4), 0x01018000);
    ck_assert_uint_eq(pci_read(IDE, 0x04, 4), 0x02800005);
    ck_assert_uint_eq(pci_read(IDE, 0x20, 4), BM | 1);
    pci_write(IDE, 0x20, 0xffffffff, 4);
    ck_assert_uint_eq(pci_read(IDE, 0x20, 4), 0xfffffff1);
    pci_write(IDE, 0x40, 0x8000a307, 4);
    ck_assert_uint_eq(pci_read(IDE, 0x40, 4), 0x8000a307);
}
END_TEST

START_TEST(identify)
{
    u8 b[512], sum = 0;
    outb(DEVICE, 0xa0);
    command(0xec);
    ck_assert(bench.level[14]);
    ck_assert_uint_eq(inb(STATUS), READY | DRQ);
    ck_assert(!bench.level[14]);
    read_words(b, 512);
    ck_assert_uint_eq(inb(STATUS), READY);
    ck_assert(!bench.level[14]);
    ck_assert_uint_eq(ld16(b), 0x0040);
    ck_assert_uint_eq(ld16(b + 2), SECTORS / (16 * 63));
    ck_assert_uint_eq(ld16(b + 6), 16);
    ck_assert_uint_eq(ld16(b + 12), 63);
    ck_assert_uint_eq(ld32(b + 120), SECTORS);
    ck_assert_uint_eq(ld64(b + 200), SECTORS);
    ck_assert(!memcmp(b + 54, "ROERYRH RADDSI K", 16)); /* "ORRERY HARDDISK", bytes swapped */
    ck_assert_uint_eq(ld16(b + 94) & 0xff, 16);
    ck_assert_uint_eq(ld16(b + 166) & 0x3400, 0x3400); /* 48 bits, both flushes */
    for (int i = 0; i < 512; i++)
        sum = (u8)(sum + b[i]);
    ck_assert_uint_eq(sum, 0);
    ck_assert_uint_eq(b[510], 0xa5);
}
END_TEST

static bool give_disk(void *owner, struct device *user, const char *id, struct disk **disk)
{
    (void)owner, (void)user;
    *disk = strcmp(id, "empty") != 0 ? bench_image(SECTORS * 512, false) : NULL;
    return true;
}

/* A disk made by name, of that unit. */
static struct device *named_disk(const char *drive, const char *unit)
{
    static const char *const given[][2] = {
        {"serial", "A1"}, {"ver", "2.5"}, {"model", "disk"}, {"wwn", "0x5000c500a1b2c3d4"}};
    struct device *d = device_new(&bench.sys, &ide_hd_class, "");
    for (size_t i = 0; i < ARRAY_LEN(given); i++)
        ck_assert(device_set(d, given[i][0], given[i][1]));
    ck_assert(device_set(d, "drive", drive) && (!unit || device_set(d, "unit", unit)));
    ck_assert(!device_set(d, "serial", "123456789012345678901")); /* IDENTIFY has room for 20 */
    return device_plug(d, bus_find(&bench.sys, "IDE", "ide.0"), NULL);
}

/* IDENTIFY tells what a drive's properties say, with a bit in words 84 and 87 for the World Wide Name. */
START_TEST(identity)
{
    u8 b[512];
    bench.sys.take_drive = give_disk;
    command28(0xec, 1, 0);
    read_words(b, 512);
    ck_assert(!memcmp(b + 20, "RO0000 1", 8) && ld16(b + 168) == 0x4042 && !ld64(b + 216));
    ck_assert_ptr_nonnull(named_disk("x", NULL)); /* unit 0 is taken */
    registers(0, 1, 0, LBA | SLAVE);
    command(0xec);
    read_words(b, 512);
    ck_assert(!memcmp(b + 20, "1A                  ", 20));
    ck_assert(!memcmp(b + 46, ".2 5    ", 8));
    ck_assert(!memcmp(b + 54, "idks    ", 8));
    ck_assert(ld16(b + 168) == 0x4142 && ld16(b + 174) == 0x4142);
    ck_assert(ld16(b + 216) == 0x5000 && ld16(b + 218) == 0xc500 && ld16(b + 220) == 0xa1b2 && ld16(b + 222) == 0xc3d4);
    ck_assert_ptr_null(named_disk("x", NULL));
    ck_assert_str_eq(bench.sys.err, "ide-hd: IDE unit 1 is in use");
    ck_assert_ptr_null(named_disk("x", "2"));
    ck_assert_str_eq(bench.sys.err, "ide-hd: Can't create IDE unit 2, bus supports only 2 units");
    ck_assert_ptr_null(named_disk("", "0"));
    ck_assert_str_eq(bench.sys.err, "ide-hd: IDE unit 0 is in use");
    teardown();
    make(0, false, 0);
    bench.sys.take_drive = give_disk;
    ck_assert_ptr_null(named_disk("", NULL));
    ck_assert_str_eq(bench.sys.err, "ide-hd: No drive specified");
    ck_assert_ptr_null(named_disk("empty", NULL));
    ck_assert_str_eq(bench.sys.err, "ide-hd: Device needs media, but drive is empty");
}
END_TEST

START_TEST(pio_read)
{
    ck_assert_uint_eq(mark_of(7), 7);
    u8 b[3 * 512];
    unsigned before = bench.rises[14];
    command28(0x20, 3, 100);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(inb(STATUS), READY | DRQ);
        read_words(b + i * 512, 512);
        wait_ready();
    }
    ck_assert_uint_eq(bench.rises[14] - before, 3); /* one for each block, none at the end */
    ck_assert_uint_eq(inb(STATUS), READY);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(ld64(b + i * 512), 100 + i);
    ck_assert_uint_eq(inb(COUNT), 0);
    ck_assert_uint_eq(inb(LOW), 102);
    /* dwords */
    command28(0x20, 1, 9);
    ck_assert_uint_eq(inl(DATA), 9);
    ck_assert_uint_eq(inl(DATA), 0);
    ck_assert_uint_eq(inb(STATUS), READY | DRQ);
}
END_TEST

START_TEST(pio_write)
{
    u8 b[2 * 512], back[512];
    unsigned before = bench.rises[14];
    for (unsigned i = 0; i < sizeof b; i++)
        b[i] = (u8)(i * 7 + i / 512);
    command28(0x30, 2, 50);
    ck_assert_uint_eq(bench.rises[14], before); /* the first DRQ comes without an interrupt */
    ck_assert_uint_eq(inb(STATUS), READY | DRQ);
    write_words(b, 512);
    ck_assert_uint_eq(inb(CONTROL), BSY);
    wait_ready();
    ck_assert_uint_eq(bench.rises[14], before + 1);
    ck_assert_uint_eq(inb(STATUS), READY | DRQ);
    write_words(b + 512, 512);
    wait_ready();
    expect_done();
    command28(0x20, 1, 51);
    read_words(back, 512);
    ck_assert_mem_eq(back, b + 512, 512);
    ck_assert_uint_eq(mark_of(52), 52);
    command(0xe7);
    expect_done();
    command(0xea);
    expect_done();
}
END_TEST

START_TEST(multiple)
{
    u8 b[16 * 512];
    registers(0, 8, 0, LBA);
    command(0xc6);
    expect_done();
    unsigned before = bench.rises[14];
    command28(0xc4, 19, 200);
    static const unsigned blocks[] = {8, 8, 3};
    for (unsigned i = 0, at = 200; i < 3; at += blocks[i++]) {
        ck_assert_uint_eq(inb(STATUS), READY | DRQ);
        read_words(b, blocks[i] * 512);
        ck_assert_uint_eq(ld64(b), at);
        ck_assert_uint_eq(ld64(b + (blocks[i] - 1) * 512), at + blocks[i] - 1);
        wait_ready();
    }
    ck_assert_uint_eq(bench.rises[14] - before, 3);
    ck_assert_uint_eq(inb(STATUS), READY);
    memset(b, 0xab, sizeof b);
    command28(0xc5, 9, 300);
    write_words(b, 8 * 512);
    wait_ready();
    ck_assert_uint_eq(inb(STATUS), READY | DRQ);
    write_words(b, 512);
    wait_ready();
    expect_done();
    ck_assert_uint_eq(mark_of(308), 0xababababababababull);
    ck_assert_uint_eq(mark_of(309), 309);
    registers(0, 3, 0, LBA); /* not a power of two */
    command(0xc6);
    expect_error(ABRT);
    registers(0, 0, 0, LBA);
    command(0xc6);
    expect_done();
    command28(0xc4, 1, 0); /* multiple mode is off */
    expect_error(ABRT);
}
END_TEST

START_TEST(chs)
{
    u8 b[512];
    /* C 1 H 2 S 3 of 16 heads and 63 sectors */
    outb(DEVICE, 0xa2);
    outb(COUNT, 1);
    outb(LOW, 3);
    outb(MID, 1);
    outb(HIGH, 0);
    command(0x20);
    read_words(b, 512);
    ck_assert_uint_eq(ld64(b), (1 * 16 + 2) * 63 + 2);
    ck_assert_uint_eq(inb(LOW), 3);
    outb(LOW, 0); /* there is no sector 0 */
    command(0x20);
    expect_error(IDNF);
    outb(LOW, 64);
    command(0x20);
    expect_error(IDNF);
    outb(LOW, 1);
    outb(MID, 100);
    command(0x20); /* cylinder 100 of 99 */
    expect_error(IDNF);
    /* Another translation: 4 heads of 17 sectors */
    outb(COUNT, 17);
    outb(DEVICE, 0xa3);
    command(0x91);
    expect_done();
    outb(COUNT, 2);
    outb(LOW, 17);
    outb(MID, 0);
    outb(DEVICE, 0xa3);
    command(0x20);
    read_words(b, 512);
    ck_assert_uint_eq(ld64(b), 4 * 17 - 1);
    wait_ready();
    read_words(b, 512);
    ck_assert_uint_eq(ld64(b), 4 * 17);
    ck_assert_uint_eq(inb(MID), 1);
    ck_assert_uint_eq(inb(LOW), 1);
    ck_assert_uint_eq(inb(DEVICE) & 15, 0);
    command(0xec);
    read_words(b, 512);
    ck_assert_uint_eq(ld16(b + 110), 4);
    ck_assert_uint_eq(ld16(b + 112), 17);
}
END_TEST

START_TEST(lba48)
{
    u8 b[512];
    command48(0x24, 1, 77);
    read_words(b, 512);
    ck_assert_uint_eq(ld64(b), 77);
    command48(0x24, 1, (u64)SECTORS);
    expect_error(IDNF);
    command48(0x24, 1, 1ull << 32);
    expect_error(IDNF);
    command48(0x24, 0, SECTORS - 65535); /* 0 is 65536 */
    expect_error(IDNF);
    command48(0x42, 0, SECTORS - 65536);
    expect_done();
    /* HOB shows the previous contents, until the next write */
    command48(0x27, 1, 0);
    expect_done();
    ck_assert_uint_eq(inb(LOW) | inb(MID) << 8 | inb(HIGH) << 16, SECTORS - 1);
    outb(COUNT, 0x12);
    outb(COUNT, 0x34);
    outb(CONTROL, 0x80);
    ck_assert_uint_eq(inb(COUNT), 0x12);
    outb(LOW, 0);
    ck_assert_uint_eq(inb(COUNT), 0x34);
    memset(b, 0x5c, 512);
    command48(0x34, 1, 99);
    write_words(b, 512);
    wait_ready();
    ck_assert_uint_eq(mark_of(99), 0x5c5c5c5c5c5c5c5cull);
    command48(0x29, 2, 10);
    read_words(b, 512);
    ck_assert_uint_eq(ld64(b), 10);
}
END_TEST

START_TEST(range)
{
    command28(0x20, 1, SECTORS - 1);
    ck_assert_uint_eq(inb(STATUS), READY | DRQ);
    u8 b[512];
    read_words(b, 512);
    command28(0x20, 1, SECTORS);
    expect_error(IDNF);
    command28(0x20, 2, SECTORS - 1);
    expect_error(IDNF);
    command28(0x20, 0, SECTORS - 256); /* 0 is 256 */
    ck_assert_uint_eq(inb(STATUS), READY | DRQ);
    outb(CONTROL, 4);
    outb(CONTROL, 0);
    wait_ready();
    command28(0x40, 1, SECTORS - 1);
    expect_done();
    command28(0x40, 2, SECTORS - 1);
    expect_error(IDNF);
    command28(0x70, 0, 5);
    expect_done();
    command28(0x70, 0, SECTORS);
    expect_error(IDNF);
}
END_TEST

START_TEST(small_commands)
{
    static const u8 done[] = {0x10, 0xe0, 0xe1, 0xe2, 0xe3, 0x94, 0x95, 0xe7};
    static const u8 aborted[] = {0x00, 0x08, 0xa0, 0xa1, 0xf9, 0xf1, 0x22, 0xff, 0xfe, 0x06};
    for (size_t i = 0; i < sizeof done; i++) {
        command28(done[i], 0, 0);
        expect_done();
    }
    for (size_t i = 0; i < sizeof aborted; i++) {
        command28(aborted[i], 0, 0);
        expect_error(ABRT);
    }
    command28(0xe0, 0, 0);
    command28(0xe5, 5, 0);
    ck_assert_uint_eq(inb(COUNT), 0x00);
    command28(0xe1, 0, 0);
    command28(0xe5, 5, 0);
    ck_assert_uint_eq(inb(COUNT), 0xff);
    command28(0xf8, 0, 0);
    expect_done();
    ck_assert_uint_eq(inb(LOW) | inb(MID) << 8 | inb(HIGH) << 16 | (inb(DEVICE) & 15) << 24, SECTORS - 1);
    /* SLEEP: only a reset wakes it */
    command28(0xe6, 0, 0);
    inb(STATUS);
    outb(STATUS, 0xec);
    wait_ready();
    ck_assert_uint_eq(inb(STATUS), READY);
    outb(CONTROL, 4);
    outb(CONTROL, 0);
    wait_ready();
    command(0xec);
    ck_assert_uint_eq(inb(STATUS), READY | DRQ);
}
END_TEST

START_TEST(features)
{
    static const struct {
        u8 feature, count;
        bool ok;
    } rows[] = {{0x02, 0, true},     {0x82, 0, true},     {0xaa, 0, true},     {0x55, 0, true},    {0xcc, 0, true},
                {0x66, 0, true},     {0x03, 0x00, true},  {0x03, 0x0c, true},  {0x03, 0x22, true}, {0x03, 0x45, true},
                {0x03, 0x46, false}, {0x03, 0x23, false}, {0x03, 0xff, false}, {0x77, 0, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        registers(rows[i].feature, rows[i].count, 0, LBA);
        command(0xef);
        if (rows[i].ok)
            expect_done();
        else
            expect_error(ABRT);
    }
    u8 b[512];
    command(0xec);
    read_words(b, 512);
    ck_assert_uint_eq(ld16(b + 2 * 88), 0x203f); /* UDMA 5 was the last good one */
    ck_assert_uint_eq(ld16(b + 2 * 63), 0x0007);
    ck_assert_uint_eq(ld16(b + 2 * 85) & 0x20, 0); /* the write cache is off */
}
END_TEST

START_TEST(smart)
{
    u8 b[512], sum = 0;
    registers(0xd0, 1, 0xc24f00, 0xa0);
    command(0xb0);
    read_words(b, 512);
    for (int i = 0; i < 512; i++)
        sum = (u8)(sum + b[i]);
    ck_assert_uint_eq(sum, 0);
    registers(0xda, 1, 0xc24f00, 0xa0);
    command(0xb0);
    expect_done();
    ck_assert_uint_eq(inb(MID), 0x4f);
    ck_assert_uint_eq(inb(HIGH), 0xc2);
    registers(0xda, 1, 0x123400, 0xa0);
    command(0xb0);
    expect_error(ABRT);
    registers(0xd9, 1, 0xc24f00, 0xa0);
    command(0xb0);
    expect_done();
    registers(0xda, 1, 0xc24f00, 0xa0);
    command(0xb0);
    expect_error(ABRT);
    registers(0xd8, 1, 0xc24f00, 0xa0);
    command(0xb0);
    expect_done();
    registers(0xd5, 1, 0xc24f06, 0xa0);
    command(0xb0);
    ck_assert_uint_eq(inb(STATUS), READY | DRQ);
    read_words(b, 512);
    registers(0xd6, 1, 0xc24f09, 0xa0);
    command(0xb0);
    write_words(b, 512);
    wait_ready();
    expect_done();
}
END_TEST

START_TEST(resets)
{
    registers(1, 2, 0x123456, LBA);
    outb(CONTROL, 4);
    ck_assert_uint_eq(inb(CONTROL), BSY);
    outb(CONTROL, 0);
    ck_assert_uint_eq(inb(CONTROL), BSY);
    wait_ready();
    ck_assert_uint_eq(inb(STATUS), READY);
    ck_assert_uint_eq(inb(ERROR), 1);
    ck_assert_uint_eq(inb(COUNT), 1);
    ck_assert_uint_eq(inb(LOW), 1);
    ck_assert_uint_eq(inb(MID), 0);
    ck_assert_uint_eq(inb(HIGH), 0);
    ck_assert(!bench.level[14]);
    /* in the middle of a transfer */
    command28(0x20, 4, 0);
    inw(DATA);
    outb(CONTROL, 4);
    ck_assert(!bench.level[14]);
    outb(CONTROL, 0);
    wait_ready();
    ck_assert_uint_eq(inb(STATUS), READY);
    ck_assert_uint_eq(mark_of(3), 3);
    /* diagnostic */
    outb(DEVICE, 0xa0);
    command(0x90);
    ck_assert_uint_eq(inb(STATUS), READY);
    ck_assert_uint_eq(inb(ERROR), 1);
    ck_assert_uint_eq(inb(COUNT), 1);
}
END_TEST

START_TEST(interrupt_enable)
{
    outb(CONTROL, 2);
    command28(0x20, 1, 0);
    ck_assert(!bench.level[14]);
    outb(CONTROL, 0);
    ck_assert(bench.level[14]);
    ck_assert_uint_eq(inb(CONTROL), READY | DRQ); /* the alternate status leaves it alone */
    ck_assert(bench.level[14]);
    inb(STATUS);
    ck_assert(!bench.level[14]);
}
END_TEST

START_TEST(absent_drives)
{
    /* Beside device 0 an absent device 1 has error and status 0, and a task file with no drive's signature. */
    outb(CONTROL, 4);
    outb(CONTROL, 0);
    wait_ready();
    outb(DEVICE, 0xa0 | SLAVE);
    static const u8 signature[8] = {[2] = 1, 1, 0xff, 0xff, 0xb0, 0};
    for (u16 reg = 1; reg < 8; reg++)
        ck_assert_uint_eq(inb((u16)(DATA + reg)), signature[reg]);
    ck_assert_uint_eq(inb(CONTROL), 0);
    outb(COUNT, 0x55);
    outb(LOW, 0xaa);
    ck_assert_uint_eq(inb(COUNT), 0x55);
    outb(STATUS, 0xec);
    wait_ready();
    ck_assert_uint_eq(inb(STATUS), 0);
    ck_assert(!bench.level[14]);
    outb(DEVICE, LBA);
    ck_assert_uint_eq(inb(STATUS), READY);
    /* and an empty channel */
    outb(0x176, 0xa0);
    outb(0x172, 0x55);
    ck_assert_uint_eq(inb(0x177), 0);
    ck_assert_uint_eq(inb(0x172), 0);
    outb(0x177, 0xec);
    outb(0x376, 4);
    outb(0x376, 0);
    wait_ready();
    ck_assert_uint_eq(inb(0x177), 0);
    ck_assert(!bench.level[15]);
    inw(0x170);
    outw(0x170, 5);
}
END_TEST

START_TEST(two_drives)
{
    teardown();
    make(1000, false, 2000);
    u8 b[512];
    for (unsigned i = 0; i < 2; i++) {
        outb(DEVICE, (u8)(0xa0 | (i ? SLAVE : 0)));
        command(0xec);
        read_words(b, 512);
        ck_assert_uint_eq(ld32(b + 120), i ? 2000 : 1000);
    }
    outb(DEVICE, 0xb0);
    command(0x90);
    ck_assert_uint_eq(inb(DEVICE) & SLAVE, 0);
    unsigned c, h, s;
    ck_assert(ide_geometry(ide, 1, &c, &h, &s));
    ck_assert_uint_eq(c * 1000000 + h * 1000 + s, 1016063);
    ck_assert(!ide_geometry(ide, 2, &c, &h, &s));
    /* a wrong sized buffer of a busy drive does not disturb the other */
    outb(DEVICE, LBA);
    registers(0, 1, 3, LBA);
    outb(STATUS, 0x20);
    outb(DEVICE, LBA | SLAVE); /* ignored while busy */
    wait_ready();
    ck_assert_uint_eq(inb(STATUS), READY | DRQ);
    ck_assert_uint_eq(inw(DATA), 3);
}
END_TEST

START_TEST(read_only_disk)
{
    teardown();
    make(1000, true, 0);
    u8 b[512] = {0};
    command28(0x30, 1, 5);
    write_words(b, 512);
    wait_ready();
    expect_error(ABRT);
    ck_assert_uint_eq(mark_of(5), 5);
}
END_TEST

/* ---- bus master ---- */

static void prd(unsigned n, u32 addr, u32 count, bool last)
{
    st32(bench.ram->host + PRD + n * 8, addr);
    st32(bench.ram->host + PRD + n * 8 + 4, (count & 0xffff) | (last ? 0x80000000u : 0));
}
static void dma_prepare(bool to_memory)
{
    outb(BM, 0);
    outb(BM + 2, 6);
    outl(BM + 4, PRD);
    outb(BM, to_memory ? 8 : 0);
}
static void dma_start(void)
{
    outb(BM, inb(BM) | 1);
    wait_ready();
}

START_TEST(dma_reads)
{
    prd(0, BUF, 512, false);
    prd(1, BUF + 0x1000, 1024, false);
    prd(2, BUF + 0x2000, 512, true);
    dma_prepare(true);
    registers(0, 4, 20, LBA);
    outb(STATUS, 0xc8);
    wait_ready();
    ck_assert_uint_eq(inb(CONTROL) & (BSY | DRQ), BSY);
    ck_assert_uint_eq(inb(BM + 2) & 7, 0);
    dma_start();
    ck_assert_uint_eq(inb(BM + 2) & 7, 4); /* interrupt, table used up */
    expect_done();
    ck_assert_uint_eq(ld64(bench.ram->host + BUF), 20);
    ck_assert_uint_eq(ld64(bench.ram->host + BUF + 0x1000), 21);
    ck_assert_uint_eq(ld64(bench.ram->host + BUF + 0x1200), 22);
    ck_assert_uint_eq(ld64(bench.ram->host + BUF + 0x2000), 23);
    outb(BM, 8);
    outb(BM + 2, 4);
    ck_assert_uint_eq(inb(BM + 2) & 7, 0);
    ck_assert_uint_eq(inb(COUNT), 0);
}
END_TEST

START_TEST(dma_started_first)
{
    prd(0, BUF, 512, true);
    dma_prepare(true);
    dma_start();
    ck_assert_uint_eq(inb(BM + 2) & 7, 1);
    command48(0x25, 1, 33);
    ck_assert_uint_eq(inb(BM + 2) & 7, 4);
    expect_done();
    ck_assert_uint_eq(ld64(bench.ram->host + BUF), 33);
}
END_TEST

START_TEST(dma_writes)
{
    memset(bench.ram->host + BUF, 0x3c, 0x10000);
    prd(0, BUF, 0, true); /* 64 KiB */
    dma_prepare(false);
    registers(0, 128, 1000, LBA);
    outb(STATUS, 0xca);
    wait_ready();
    dma_start();
    ck_assert_uint_eq(inb(BM + 2) & 7, 4);
    expect_done();
    ck_assert_uint_eq(mark_of(999), 999);
    ck_assert_uint_eq(mark_of(1000), 0x3c3c3c3c3c3c3c3cull);
    ck_assert_uint_eq(mark_of(1127), 0x3c3c3c3c3c3c3c3cull);
    ck_assert_uint_eq(mark_of(1128), 1128);
}
END_TEST

static void trim(u64 lba, u64 count, u32 blocks)
{
    memset(bench.ram->host + BUF, 0, 512 * blocks);
    st64(bench.ram->host + BUF + 512 * blocks - 8, count << 48 | lba);
    prd(0, BUF, 512 * blocks, true);
    dma_prepare(false);
    outb(ERROR, 0);
    outb(ERROR, 1);
    outb(DEVICE, LBA);
    outb(COUNT, 0);
    outb(COUNT, (u8)blocks);
    outb(STATUS, 0x06);
    wait_ready();
    dma_start();
}

/* DATA SET MANAGEMENT: there only where the image may give space back. */
START_TEST(trim_sectors)
{
    trim(8, 8, 1);
    expect_error(ABRT);
    struct disk *d;
    bool has_tray, open, locked;
    u8 id[512];
    ck_assert(ide_look_at_drive(ide, 0, &d, &has_tray, &open, &locked) && !has_tray);
    d->discards = true;
    command28(0xec, 1, 0);
    read_words(id, 512);
    ck_assert(ld16(id + 2 * 169) == 1 && ld16(id + 2 * 105) == 8);
    trim(8, 16, 1);
    expect_done();
    ck_assert_uint_eq(mark_of(7), 7);
    ck_assert_uint_eq(mark_of(8), 0);
    ck_assert_uint_eq(mark_of(23), 0);
    ck_assert_uint_eq(mark_of(24), 24);
    trim(40, 1, 8); /* in the last of 512 ranges */
    expect_done();
    ck_assert_uint_eq(mark_of(40), 0);
    trim(SECTORS - 1, 2, 1);
    expect_error(ABRT);
    ck_assert_uint_eq(inb(STATUS) & DF, 0);
    trim(8, 8, 9);
    expect_error(ABRT);
    ck_assert_uint_eq(mark_of(41), 41);
}
END_TEST

START_TEST(dma_long_table)
{
    prd(0, BUF, 4096, true);
    dma_prepare(true);
    registers(0, 1, 5, LBA);
    outb(STATUS, 0xc8);
    dma_start();
    ck_assert_uint_eq(inb(BM + 2) & 7, 5); /* interrupt, and still active */
    expect_done();
    outb(BM, 0);
    ck_assert_uint_eq(inb(BM + 2) & 7, 4);
}
END_TEST

START_TEST(dma_short_table)
{
    prd(0, BUF, 512, true);
    dma_prepare(true);
    registers(0, 2, 5, LBA);
    outb(STATUS, 0xc8);
    dma_start();
    ck_assert_uint_eq(inb(BM + 2) & 7, 0); /* neither */
    ck_assert_uint_eq(inb(CONTROL) & (BSY | ERR | DF), 0);
    ck_assert(!bench.level[14]);
    ck_assert_uint_eq(mark_of(1), 1);
}
END_TEST

START_TEST(dma_odd_tables)
{
    /* In pieces that are no sectors, to odd addresses (bit 0 is not decoded), and to nowhere. */
    prd(0, BUF + 1, 6, false);
    prd(1, BUF + 0x100, 250, false);
    prd(2, 0xfff00000, 256, true);
    dma_prepare(true);
    registers(0, 1, 7, LBA);
    outb(STATUS, 0xc8);
    dma_start();
    ck_assert_uint_eq(inb(BM + 2) & 7, 4);
    expect_done();
    ck_assert_uint_eq(ld32(bench.ram->host + BUF), 7);
    /* The table itself lies nowhere: entries read as ones. */
    outb(BM, 0);
    outl(BM + 4, 0xf0000000);
    outb(BM, 8);
    registers(0, 1, 7, LBA);
    outb(STATUS, 0xc8);
    dma_start();
    expect_done();
    /* Not a bus master */
    outb(BM + 2, 6);
    pci_write(IDE, 0x04, 1, 2);
    outb(BM, 0);
    outb(BM, 8);
    registers(0, 1, 7, LBA);
    outb(STATUS, 0xc8);
    dma_start();
    ck_assert_uint_eq(inb(BM + 2) & 7, 2);
    pci_write(IDE, 0x04, 5, 2);
    ck_assert_uint_eq(mark_of(8), 8);
}
END_TEST

START_TEST(dma_stopped)
{
    prd(0, BUF, 512, true);
    dma_prepare(true);
    registers(0, 1, 5, LBA);
    outb(STATUS, 0xc8);
    wait_ready();
    outb(BM, 9);
    outb(BM, 8); /* before it got anywhere */
    wait_ready();
    ck_assert_uint_eq(inb(BM + 2) & 7, 0);
    ck_assert_uint_eq(inb(CONTROL), BSY);
    dma_start();
    expect_done();
    ck_assert_uint_eq(ld64(bench.ram->host + BUF), 5);
    /* SRST ends a DMA that never starts */
    outb(BM, 0);
    registers(0, 1, 5, LBA);
    outb(STATUS, 0xc8);
    wait_ready();
    outb(CONTROL, 4);
    outb(CONTROL, 0);
    wait_ready();
    ck_assert_uint_eq(inb(STATUS), READY);
    dma_start();
    ck_assert(!bench.level[14]);
}
END_TEST

START_TEST(bus_master_registers)
{
    outl(BM + 4, 0xffffffff);
    ck_assert_uint_eq(inl(BM + 4), 0xfffffffc);
    outb(BM + 5, 0x12);
    ck_assert_uint_eq(inl(BM + 4), 0xffff12fc);
    outb(BM + 2, 0x60);
    ck_assert_uint_eq(inb(BM + 2), 0x60);
    outb(BM + 10, 0x20);
    ck_assert_uint_eq(inb(BM + 10), 0x20);
    ck_assert_uint_eq(inb(BM + 8), 0);
    ck_assert_uint_eq(inb(BM + 3), 0);
    /* PIO raises the interrupt bit as well */
    ck_assert_uint_eq(mark_of(0), 0);
    ck_assert_uint_eq(inb(BM + 2), 0x64);
}
END_TEST

/* ---- an image that fails ---- */

static struct disk_ops bad_ops;
static const struct disk_ops *good_ops;
static u64 bad_sector;
static int bad_read(struct disk *d, u64 sector, const struct iovec *vec, unsigned n)
{
    if (sector <= bad_sector && bad_sector < sector + vec_bytes(vec, n) / 512)
        return -5;
    return good_ops->read(d, sector, vec, n);
}
static int bad_write(struct disk *d, u64 sector, const struct iovec *vec, unsigned n)
{
    (void)d;
    (void)sector;
    (void)vec;
    (void)n;
    return -28;
}

START_TEST(media_errors)
{
    teardown();
    bench_setup();
    struct disk *disk = bench_image(1000 * 512, false);
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
    good_ops = disk->ops;
    bad_ops = *disk->ops;
    bad_ops.read = bad_read;
    bad_ops.write = bad_write;
    bad_sector = 100;
    disk->ops = &bad_ops;
    struct ide_config c = {.bus = bench.bus, .irq = {bench_line(14)}};
    ide = device_create(&bench.sys, &ide_class, "ide", &c);
    ck_assert_ptr_nonnull(ide_add_drive(&bench.sys, 0, false, disk, NULL));
    pci_write(IDE, 0x20, BM, 4);
    pci_write(IDE, 0x04, 5, 2);
    u8 b[512] = {0};
    command28(0x20, 4, 99);
    read_words(b, 512);
    wait_ready();
    expect_error(UNC);
    ck_assert_uint_eq(inb(LOW), 100);
    ck_assert_uint_eq(inb(COUNT), 3);
    command28(0xc4, 16, 90); /* in the middle of a block */
    expect_error(UNC);
    ck_assert_uint_eq(inb(LOW), 100);
    command28(0x40, 200, 0);
    expect_error(UNC);
    ck_assert_uint_eq(inb(LOW), 100);
    prd(0, BUF, 0, true);
    dma_prepare(true);
    registers(0, 16, 96, LBA);
    outb(STATUS, 0xc8);
    dma_start();
    ck_assert_uint_eq(inb(BM + 2) & 4, 4);
    expect_error(UNC);
    command28(0x30, 1, 5);
    write_words(b, 512);
    wait_ready();
    ck_assert_uint_eq(inb(STATUS), READY | DF | ERR);
    ck_assert_uint_eq(inb(ERROR), ABRT);
    outb(BM, 0);
    outb(BM, 0 | 1);
    registers(0, 1, 5, LBA);
    outb(STATUS, 0xca);
    wait_ready();
    ck_assert_uint_eq(inb(STATUS), READY | DF | ERR);
}
END_TEST

START_TEST(state_survives)
{
    struct state_buf s = {0};
    char err[128];
    u8 b[512];
    command28(0x20, 2, 40);
    read_words(b, 100);
    state_save(ide_class.state, ide, &s);
    read_words(b + 100, 412);
    wait_ready();
    read_words(b, 512);
    ck_assert_uint_eq(ld64(b), 41);
    ck_assert_msg(state_load(ide_class.state, ide, &bench.sys.clock, &s, err, sizeof err), "%s", err);
    ide_class.restored(ide);
    ck_assert_uint_eq(inb(STATUS), READY | DRQ);
    read_words(b, 412);
    wait_ready();
    read_words(b, 512);
    ck_assert_uint_eq(ld64(b), 41);
    free(s.data);
    ck_assert_int_eq(state_uncovered(ide_class.state, ide_class.size), -1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ide");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, pci_function);
    tcase_add_test(t, identify);
    tcase_add_test(t, identity);
    tcase_add_test(t, pio_read);
    tcase_add_test(t, pio_write);
    tcase_add_test(t, multiple);
    tcase_add_test(t, chs);
    tcase_add_test(t, lba48);
    tcase_add_test(t, range);
    tcase_add_test(t, small_commands);
    tcase_add_test(t, features);
    tcase_add_test(t, smart);
    tcase_add_test(t, resets);
    tcase_add_test(t, interrupt_enable);
    tcase_add_test(t, absent_drives);
    tcase_add_test(t, two_drives);
    tcase_add_test(t, read_only_disk);
    tcase_add_test(t, dma_reads);
    tcase_add_test(t, dma_started_first);
    tcase_add_test(t, dma_writes);
    tcase_add_test(t, trim_sectors);
    tcase_add_test(t, dma_long_table);
    tcase_add_test(t, dma_short_table);
    tcase_add_test(t, dma_odd_tables);
    tcase_add_test(t, dma_stopped);
    tcase_add_test(t, bus_master_registers);
    tcase_add_test(t, media_errors);
    tcase_add_test(t, state_survives);
    suite_add_tcase(s, t);
    return bench_run(s);
}
