/* 82077AA and 8237A: commands, results and status bits as the data sheets have them; every image format. */
#include "pcibench.h"

#include "devices/dma8237.h"
#include "devices/fdc/fdc.h"

enum { SRA = 0x3f0, DOR = 0x3f2, MSR = 0x3f4, FIFO = 0x3f5, DIR = 0x3f7, BUF = 0x20000 };
enum { READ = 0xe6, WRITE = 0xc5, FORMAT = 0x4d, ID = 0x4a, VERIFY = 0x56, TRACK = 0x42 };

static struct device *fdc, *dma;
static u8 st[16];

static void make(u64 sectors, bool readonly)
{
    bench_setup();
    dma = device_create(&bench.sys, &dma8237_class, "dma", NULL);
    struct fdc_config c = {.irq = bench_line(6), .dma = dma8237_channel(dma, 2)};
    c.drive[0] = (struct fdc_drive_config){true, sectors ? bench_image(sectors * 512, readonly) : NULL};
    c.drive[1] = (struct fdc_drive_config){true, NULL};
    fdc = device_create(&bench.sys, &fdc_class, "fdc", &c);
    ck_assert_msg(fdc != NULL, "%s", bench.sys.err);
}
static void settled(void) { settle(100000000); }

static void put(u8 val)
{
    ck_assert_uint_eq(inb(MSR) & 0xc0, 0x80);
    outb(FIFO, val);
}
static unsigned result(void)
{
    unsigned n = 0;
    while ((inb(MSR) & 0xd0) == 0xd0) {
        ck_assert_uint_lt(n, sizeof st);
        st[n++] = inb(FIFO);
    }
    ck_assert_uint_eq(inb(MSR) & 0xf0, 0x80);
    return n;
}
static void send(const u8 *cmd, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        put(cmd[i]);
}
#define CMD(...) send((const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))

static void expect(unsigned n, u8 st0, u8 st1, u8 st2)
{
    settled();
    ck_assert(bench.level[6]);
    ck_assert_uint_eq(result(), n);
    ck_assert(!bench.level[6]);
    ck_assert_uint_eq(st[0], st0);
    ck_assert_uint_eq(st[1], st1);
    ck_assert_uint_eq(st[2], st2);
}
static void expect_chrn(u8 c, u8 h, u8 r)
{
    ck_assert_uint_eq(st[3], c);
    ck_assert_uint_eq(st[4], h);
    ck_assert_uint_eq(st[5], r);
    ck_assert_uint_eq(st[6], 2);
}
/* Reset, four polls, SPECIFY, rate, recalibrate. */
static void start(u8 rate)
{
    outb(DOR, 0x18);
    outb(DOR, 0x1c);
    settled();
    for (u8 i = 0; i < 4; i++) {
        put(0x08);
        ck_assert_uint_eq(result(), 2);
        ck_assert_uint_eq(st[0], 0xc0 | i);
    }
    CMD(0x03, 0xaf, 0x02);
    outb(DIR, rate);
    CMD(0x07, 0);
    settled();
    put(0x08);
    ck_assert_uint_eq(result(), 2);
    ck_assert_uint_eq(st[0], 0x20);
    ck_assert_uint_eq(st[1], 0);
}
static void seek_to(u8 unit, u8 cylinder)
{
    CMD(0x0f, unit, cylinder);
    ck_assert_uint_eq(inb(MSR) & 3, 1u << (unit & 3));
    settled();
    ck_assert(bench.level[6]);
    put(0x08);
    ck_assert(!bench.level[6]);
    ck_assert_uint_eq(result(), 2);
    ck_assert_uint_eq(st[0], 0x20 | unit);
    ck_assert_uint_eq(st[1], cylinder);
}
/* Channel 2: mode 46 to memory, 4A from it. */
static void program(u8 mode, u32 addr, u32 count)
{
    outb(0x0a, 6);
    outb(0x0c, 0);
    outb(0x0b, mode);
    outb(0x04, (u8)addr);
    outb(0x04, (u8)(addr >> 8));
    outb(0x81, (u8)(addr >> 16));
    outb(0x05, (u8)(count - 1));
    outb(0x05, (u8)((count - 1) >> 8));
    outb(0x0a, 2);
}
static u64 mark(u32 addr) { return ld64(bench.ram->host + addr); }

static void setup(void)
{
    make(2880, false);
    start(0);
}
static void teardown(void) { bench_teardown(); }

START_TEST(reset_and_sense)
{
    outb(DOR, 0x08);
    ck_assert_uint_eq(inb(MSR), 0);
    outb(DOR, 0x1c);
    ck_assert_uint_eq(inb(MSR), 0);
    settled();
    ck_assert(bench.level[6]);
    ck_assert_uint_eq(inb(MSR), 0x80);
    put(0x08);
    ck_assert_uint_eq(result(), 2);
    ck_assert_uint_eq(st[0], 0xc0);
    ck_assert(!bench.level[6]);
    for (u8 i = 1; i < 4; i++) {
        put(0x08);
        ck_assert_uint_eq(result(), 2);
        ck_assert_uint_eq(st[0], 0xc0 | i);
    }
    put(0x08); /* nothing more */
    ck_assert_uint_eq(result(), 1);
    ck_assert_uint_eq(st[0], 0x80);
    /* DSR's reset does the same and clears itself */
    outb(MSR, 0x82);
    settled();
    ck_assert(bench.level[6]);
    put(0x08);
    ck_assert_uint_eq(result(), 2);
    /* without the gate the interrupt stays in */
    outb(DOR, 0x00);
    outb(DOR, 0x04);
    settled();
    ck_assert(!bench.level[6]);
    outb(DOR, 0x0c);
    ck_assert(bench.level[6]);
}
END_TEST

START_TEST(simple_commands)
{
    put(0x10);
    ck_assert_uint_eq(result(), 1);
    ck_assert_uint_eq(st[0], 0x90);
    CMD(0x04, 0x00);
    ck_assert_uint_eq(result(), 1);
    ck_assert_uint_eq(st[0], 0x38); /* ready, track 0, two sides */
    seek_to(0, 3);
    CMD(0x04, 0x04);
    ck_assert_uint_eq(result(), 1);
    ck_assert_uint_eq(st[0], 0x2c);
    put(0x18); /* PART ID: the 82078's */
    ck_assert_uint_eq(result(), 1);
    ck_assert_uint_eq(st[0], 0x80);
    CMD(0x13, 0, 0x57, 0x07);
    CMD(0x12, 0x84 | 3);
    put(0x94);
    ck_assert_uint_eq(result(), 1);
    ck_assert_uint_eq(st[0], 0x10);
    put(0x0e);
    ck_assert_uint_eq(result(), 10);
    ck_assert_uint_eq(st[0], 3);
    ck_assert_uint_eq(st[4], 0xaf);
    ck_assert_uint_eq(st[5], 0x02);
    ck_assert_uint_eq(st[7], 0x87);
    ck_assert_uint_eq(st[8], 0x57);
    ck_assert_uint_eq(st[9], 0x07);
    start(0); /* LOCK keeps the FIFO's settings over this */
    put(0x0e);
    result();
    ck_assert_uint_eq(st[8], 0x07);
    put(0x14);
    result();
    ck_assert_uint_eq(st[0], 0x00);
    start(0);
    put(0x0e);
    result();
    ck_assert_uint_eq(st[8], 0x20);
    ck_assert_uint_eq(inb(DOR), 0x1c);
    /* relative seek */
    seek_to(0, 10);
    CMD(0xcf, 0, 5);
    settled();
    put(0x08);
    result();
    ck_assert_uint_eq(st[1], 15);
    CMD(0x8f, 0, 14);
    settled();
    put(0x08);
    result();
    ck_assert_uint_eq(st[1], 1);
}
END_TEST

START_TEST(recalibrate)
{
    seek_to(0, 82);
    CMD(0x07, 0);
    settled();
    put(0x08);
    result();
    ck_assert_uint_eq(st[0], 0x70); /* 80 steps were not enough */
    CMD(0x07, 0);
    settled();
    put(0x08);
    result();
    ck_assert_uint_eq(st[0], 0x20);
    CMD(0x07, 2); /* no such drive */
    settled();
    put(0x08);
    result();
    ck_assert_uint_eq(st[0], 0x72);
    /* two at once */
    CMD(0x0f, 0, 5);
    CMD(0x0f, 1, 6);
    settled();
    put(0x08);
    result();
    ck_assert_uint_eq(st[0], 0x20);
    ck_assert(bench.level[6]);
    put(0x08);
    result();
    ck_assert_uint_eq(st[0], 0x21);
    ck_assert_uint_eq(st[1], 6);
}
END_TEST

START_TEST(read_dma)
{
    program(0x46, BUF, 512);
    CMD(READ, 0, 0, 0, 5, 2, 18, 0x1b, 0xff);
    expect(7, 0, 0, 0);
    expect_chrn(0, 0, 6);
    ck_assert_uint_eq(mark(BUF), 4);
    ck_assert_uint_eq(inb(0x08) & 4, 4); /* terminal count */
    /* multitrack: the rest of side 0, then side 1 */
    seek_to(0, 2);
    program(0x46, BUF, 36 * 512);
    CMD(READ, 0, 2, 0, 1, 2, 18, 0x1b, 0xff);
    expect(7, 4, 0, 0);
    expect_chrn(3, 0, 1);
    for (unsigned i = 0; i < 36; i++)
        ck_assert_uint_eq(mark(BUF + i * 512), 72 + i);
    /* one side only ends at EOT */
    program(0x46, BUF, 36 * 512);
    CMD(READ & 0x7f, 0, 2, 0, 17, 2, 18, 0x1b, 0xff);
    expect(7, 0x40, 0x80, 0);
    expect_chrn(2, 0, 18);
    ck_assert_uint_eq(mark(BUF + 512), 72 + 17);
    /* TC inside a sector */
    program(0x46, BUF, 100);
    CMD(READ, 4, 2, 1, 18, 2, 18, 0x1b, 0xff);
    expect(7, 4, 0, 0);
    expect_chrn(3, 0, 1);
    ck_assert_uint_eq(mark(BUF), 72 + 35);
}
END_TEST

START_TEST(dma_comes_late)
{
    outb(0x0a, 6);
    CMD(READ, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    settled();
    ck_assert(!bench.level[6]);
    ck_assert_uint_eq(inb(MSR), 0x10);
    program(0x46, BUF, 512);
    expect(7, 0, 0, 0);
    ck_assert_uint_eq(mark(BUF), 0);
    /* and a reset ends waiting */
    outb(0x0a, 6);
    CMD(READ, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    settled();
    start(0);
}
END_TEST

START_TEST(write_dma)
{
    memset(bench.ram->host + BUF, 0x42, 1024);
    program(0x4a, BUF, 1024);
    CMD(WRITE, 4, 0, 1, 3, 2, 18, 0x1b, 0xff);
    expect(7, 4, 0, 0);
    expect_chrn(0, 1, 5);
    program(0x46, BUF + 0x1000, 4 * 512);
    CMD(READ, 4, 0, 1, 2, 2, 18, 0x1b, 0xff);
    expect(7, 4, 0, 0);
    ck_assert_uint_eq(mark(BUF + 0x1000), 19);
    ck_assert_uint_eq(mark(BUF + 0x1200), 0x4242424242424242ull);
    ck_assert_uint_eq(mark(BUF + 0x1400), 0x4242424242424242ull);
    ck_assert_uint_eq(mark(BUF + 0x1600), 22);
    /* a sector cut short is filled with zeros */
    program(0x4a, BUF, 4);
    CMD(0x49, 4, 0, 1, 3, 2, 18, 0x1b, 0xff);
    expect(7, 4, 0, 0);
    program(0x46, BUF + 0x1000, 512);
    CMD(READ, 4, 0, 1, 3, 2, 18, 0x1b, 0xff);
    expect(7, 4, 0, 0);
    ck_assert_uint_eq(mark(BUF + 0x1000), 0x42424242);
}
END_TEST

START_TEST(errors)
{
    program(0x46, BUF, 512);
    CMD(READ, 0, 1, 0, 1, 2, 18, 0x1b, 0xff); /* the heads are on cylinder 0 */
    expect(7, 0x40, 0x04, 0x10);
    CMD(READ, 0, 0, 0, 19, 2, 18, 0x1b, 0xff); /* 18 sectors */
    expect(7, 0x40, 0x04, 0);
    CMD(READ, 0, 0, 0, 0, 2, 18, 0x1b, 0xff);
    expect(7, 0x40, 0x04, 0);
    CMD(READ, 0, 0, 1, 1, 2, 18, 0x1b, 0xff); /* H is not the side */
    expect(7, 0x40, 0x04, 0);
    CMD(READ, 0, 0, 0, 1, 3, 18, 0x1b, 0xff); /* not 1024 bytes */
    expect(7, 0x40, 0x04, 0);
    CMD(0xa6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff); /* FM */
    expect(7, 0x40, 0x01, 0);
    CMD(READ, 1, 0, 0, 1, 2, 18, 0x1b, 0xff); /* an empty drive */
    expect(7, 0x41, 0x01, 0);
    CMD(READ, 3, 0, 0, 1, 2, 18, 0x1b, 0xff);
    expect(7, 0x43, 0x01, 0);
    for (u8 rate = 1; rate < 4; rate++) {
        outb(DIR, rate);
        CMD(READ, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
        expect(7, 0x40, 0x01, 0);
        CMD(ID, 0);
        expect(7, 0x40, 0x01, 0);
    }
    outb(MSR, 0); /* DSR sets the rate, too */
    CMD(READ, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    expect(7, 0, 0, 0);
}
END_TEST

START_TEST(read_id)
{
    seek_to(4, 7);
    CMD(ID, 4);
    expect(7, 4, 0, 0);
    u8 r = st[5];
    expect_chrn(7, 1, r);
    CMD(ID, 4);
    expect(7, 4, 0, 0);
    ck_assert_uint_eq(st[5], r % 18 + 1);
}
END_TEST

START_TEST(write_protect)
{
    teardown();
    make(2880, true);
    start(0);
    program(0x4a, BUF, 512);
    CMD(WRITE, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    expect(7, 0x40, 0x02, 0);
    CMD(FORMAT, 0, 2, 18, 0x54, 0xf6);
    expect(7, 0x40, 0x02, 0);
    CMD(0x04, 0);
    result();
    ck_assert_uint_eq(st[0], 0x78);
}
END_TEST

START_TEST(format_track)
{
    u8 *p = bench.ram->host + BUF;
    seek_to(0, 1);
    for (u8 i = 0; i < 18; i++)
        memcpy(p + i * 4, (u8[]){1, 1, (u8)(18 - i), 2}, 4);
    program(0x4a, BUF, 72);
    CMD(FORMAT, 4, 2, 18, 0x54, 0xf6);
    expect(7, 4, 0, 0);
    program(0x46, BUF, 20 * 512);
    CMD(READ, 0, 1, 0, 18, 2, 18, 0x1b, 0xff);
    settled();
    result();
    ck_assert_uint_eq(mark(BUF), 36 + 17);
    for (unsigned i = 1; i < 19; i++)
        ck_assert_uint_eq(mark(BUF + i * 512), 0xf6f6f6f6f6f6f6f6ull);
    program(0x4a, BUF, 36);
    CMD(FORMAT, 4, 2, 9, 0x54, 0xf6); /* not what the image is */
    expect(7, 0x44, 0x01, 0);
}
END_TEST

START_TEST(other_transfers)
{
    /* READ TRACK starts at the index hole */
    program(0x46, BUF, 3 * 512);
    CMD(TRACK, 0, 0, 0, 9, 2, 18, 0x1b, 0xff);
    expect(7, 0, 0, 0);
    ck_assert_uint_eq(mark(BUF), 0);
    ck_assert_uint_eq(mark(BUF + 1024), 2);
    /* deleted data: none here is; the first sector comes with CM, or all are skipped */
    program(0x46, BUF, 1024);
    CMD(0x4c, 0, 0, 0, 2, 2, 18, 0x1b, 0xff);
    expect(7, 0, 0, 0x40);
    expect_chrn(0, 0, 3);
    ck_assert_uint_eq(mark(BUF), 1);
    CMD(0x6c, 0, 0, 0, 2, 2, 18, 0x1b, 0xff);
    expect(7, 0x40, 0x80, 0);
    /* VERIFY to EOT, or as many as its last parameter says */
    CMD(VERIFY, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    expect(7, 0, 0, 0);
    CMD(VERIFY | 0x80, 0x80, 0, 0, 1, 2, 18, 0x1b, 20);
    expect(7, 4, 0, 0);
    CMD(VERIFY, 0, 0, 0, 1, 2, 19, 0x1b, 0xff);
    expect(7, 0x40, 4, 0);
    /* implied seek */
    CMD(0x13, 0, 0x40, 0);
    program(0x46, BUF, 512);
    CMD(READ, 0, 12, 0, 1, 2, 18, 0x1b, 0xff);
    expect(7, 0, 0, 0);
    ck_assert_uint_eq(mark(BUF), 12 * 36);
}
END_TEST

START_TEST(scan)
{
    u8 *p = bench.ram->host + BUF;
    /* sector 3 is number 2: a 2, then zeros */
    memset(p, 0, 4 * 512);
    p[512] = 2;
    program(0x4a, BUF, 1024);
    CMD(0x51, 0, 0, 0, 2, 2, 18, 0x1b, 1); /* sector 2 (number 1) against zeros misses, 3 against 2 hits */
    expect(7, 0, 0, 0x08);
    expect_chrn(0, 0, 3);
    memset(p, 0, 1024);
    p[0] = 0xff; /* don't care */
    program(0x4a, BUF, 512);
    CMD(0x51, 0, 0, 0, 3, 2, 18, 0x1b, 1);
    expect(7, 0, 0, 0x08);
    p[0] = 5;
    program(0x4a, BUF, 512);
    CMD(0x59, 0, 0, 0, 3, 2, 18, 0x1b, 1); /* disk <= host: low */
    expect(7, 0, 0, 0);
    program(0x4a, BUF, 512);
    CMD(0x5d, 0, 0, 0, 3, 2, 3, 0x1b, 1); /* disk >= host: never */
    expect(7, 0, 0, 0x04);
}
END_TEST

START_TEST(without_dma)
{
    CMD(0x03, 0xaf, 0x03); /* ND */
    CMD(READ & 0x7f, 0, 0, 0, 17, 2, 18, 0x1b, 0xff);
    for (unsigned i = 0; i < 1024; i++) {
        settled();
        ck_assert(bench.level[6]);
        ck_assert_uint_eq(inb(MSR), 0xf0);
        u8 b = inb(FIFO);
        if (i == 0 || i == 512)
            ck_assert_uint_eq(b, 16 + i / 512);
    }
    expect(7, 0x40, 0x80, 0); /* no terminal count: it ends past EOT */
    CMD(WRITE & 0x7f, 0, 0, 0, 18, 2, 18, 0x1b, 0xff);
    for (unsigned i = 0; i < 512; i++) {
        settled();
        ck_assert_uint_eq(inb(MSR), 0xb0);
        outb(FIFO, (u8)(i < 8 ? 0x21 : 0));
    }
    expect(7, 0x40, 0x80, 0);
    CMD(0x03, 0xaf, 0x02);
    program(0x46, BUF, 512);
    CMD(READ, 0, 0, 0, 18, 2, 18, 0x1b, 0xff);
    expect(7, 0, 0, 0);
    ck_assert_uint_eq(mark(BUF), 0x2121212121212121ull);
}
END_TEST

START_TEST(disk_change)
{
    ck_assert_uint_eq(inb(DIR) & 0x80, 0x80);
    seek_to(0, 1);
    ck_assert_uint_eq(inb(DIR) & 0x80, 0);
    ck_assert(fdc_change_medium(fdc, 0, bench_image(1440 * 512, false)));
    ck_assert_uint_eq(inb(DIR) & 0x80, 0x80);
    seek_to(0, 1); /* no step, no change */
    ck_assert_uint_eq(inb(DIR) & 0x80, 0x80);
    seek_to(0, 0);
    ck_assert_uint_eq(inb(DIR) & 0x80, 0);
    outb(DIR, 2);
    CMD(ID, 0);
    expect(7, 0, 0, 0);
    ck_assert(fdc_change_medium(fdc, 0, NULL));
    seek_to(0, 5);
    ck_assert_uint_eq(inb(DIR) & 0x80, 0x80);
    outb(DOR, 0x1d);
    ck_assert_uint_eq(inb(DIR) & 0x80, 0x80);
    outb(DOR, 0x1e); /* no drive: nothing pulls the line */
    ck_assert_uint_eq(inb(DIR) & 0x80, 0);
    ck_assert(!fdc_change_medium(fdc, 2, NULL));
}
END_TEST

static const struct {
    u16 sectors;
    u8 tracks, heads, per_track, rate, cmos;
} formats[] = {
    {320, 40, 1, 8, 2, 2},   {360, 40, 1, 9, 1, 2},   {640, 40, 2, 8, 2, 2},   {720, 40, 2, 9, 1, 2},
    {720, 40, 2, 9, 2, 2},   {820, 41, 2, 10, 1, 2},  {840, 42, 2, 10, 1, 2},  {1440, 80, 2, 9, 2, 4},
    {1660, 83, 2, 10, 2, 4}, {1760, 80, 2, 11, 2, 2}, {2080, 80, 2, 13, 2, 4}, {2240, 80, 2, 14, 2, 4},
    {2400, 80, 2, 15, 0, 2}, {2880, 80, 2, 18, 0, 4}, {2952, 82, 2, 18, 0, 2}, {3360, 80, 2, 21, 0, 4},
    {3444, 82, 2, 21, 0, 4}, {3680, 80, 2, 23, 0, 4}, {5760, 80, 2, 36, 3, 5}, {6400, 80, 2, 40, 3, 5},
};

START_TEST(all_formats)
{
    teardown();
    u16 n = formats[_i].sectors;
    u8 head = formats[_i].heads - 1, last = formats[_i].tracks - 1, spt = formats[_i].per_track;
    make(n, false);
    start(formats[_i].rate);
    ck_assert_uint_eq(fdc_cmos_type(fdc, 0), formats[_i].cmos);
    seek_to(0, last);
    program(0x46, BUF, 1024);
    CMD(READ, (u8)(head << 2), last, head, (u8)(spt - 1), 2, spt, 0x1b, 0xff);
    expect(7, (u8)(head << 2), 0, 0);
    ck_assert_uint_eq(mark(BUF), n - 2u);
    ck_assert_uint_eq(mark(BUF + 512), n - 1u);
    CMD(READ, 0, last, 0, (u8)(spt + 1), 2, spt, 0x1b, 0xff);
    expect(7, 0x40, 4, 0);
    if (!head) {
        CMD(ID, 4);
        expect(7, 0x44, 1, 0);
    }
    seek_to(0, (u8)(last + 1));
    CMD(ID, 0);
    expect(7, 0x40, 1, 0);
}
END_TEST

/* SeaBIOS names the last sector of a request as EOT, though it be more than the track has. */
START_TEST(past_the_tracks_end)
{
    program(0x46, BUF, 64 * 512);
    CMD(READ, 0, 0, 0, 1, 2, 0x40, 0x1b, 0xff);
    expect(7, 4, 0, 0);
    expect_chrn(1, 1, 11);
    for (unsigned i = 0; i < 64; i++)
        ck_assert_uint_eq(mark(BUF + i * 512), i);
    /* into the next cylinder, ending with the track; then a write across it */
    seek_to(4, 5);
    program(0x46, BUF, 19 * 512);
    CMD(READ, 4, 5, 1, 18, 2, 36, 0x1b, 0xff);
    expect(7, 0, 0, 0);
    expect_chrn(6, 1, 1);
    ck_assert_uint_eq(mark(BUF), 5 * 36 + 35);
    ck_assert_uint_eq(mark(BUF + 18 * 512), 6 * 36 + 17);
    memset(bench.ram->host + BUF, 0x42, 1024);
    seek_to(0, 6);
    program(0x4a, BUF, 1024);
    CMD(WRITE, 0, 6, 0, 18, 2, 19, 0x1b, 0xff);
    expect(7, 4, 0, 0);
    program(0x46, BUF + 0x1000, 4 * 512);
    CMD(READ, 0, 6, 0, 17, 2, 20, 0x1b, 0xff);
    expect(7, 4, 0, 0);
    ck_assert_uint_eq(mark(BUF + 0x1000), 6 * 36 + 16);
    ck_assert_uint_eq(mark(BUF + 0x1200), 0x4242424242424242ull);
    ck_assert_uint_eq(mark(BUF + 0x1400), 0x4242424242424242ull);
    ck_assert_uint_eq(mark(BUF + 0x1600), 6 * 36 + 19);
    /* one track without MT; the disk ends */
    seek_to(0, 79);
    program(0x46, BUF, 64 * 512);
    CMD(READ & 0x7f, 0, 79, 0, 18, 2, 0x40, 0x1b, 0xff);
    expect(7, 0x40, 0x04, 0);
    CMD(READ, 0, 79, 0, 1, 2, 0x40, 0x1b, 0xff);
    expect(7, 0x40, 1, 0);
    put(0x0e);
    result();
    ck_assert_uint_eq(st[0], 80);
}
END_TEST

/* What the image lacks of its disk. */
START_TEST(short_images)
{
    teardown();
    make(2879, false);
    start(3);
    ck_assert_uint_eq(fdc_cmos_type(fdc, 0), 5);
    ck_assert_uint_eq(fdc_cmos_type(fdc, 1), 5);
    ck_assert_uint_eq(fdc_cmos_type(fdc, 2), 0);
    seek_to(0, 39);
    memset(bench.ram->host + BUF, 0x77, 1024);
    program(0x46, BUF, 1024);
    CMD(READ, 4, 39, 1, 35, 2, 36, 0x1b, 0xff);
    expect(7, 4, 0, 0);
    ck_assert_uint_eq(mark(BUF), 2878);
    ck_assert_uint_eq(mark(BUF + 512), 0);
    ck_assert_uint_eq(mark(BUF + 1016), 0);
    program(0x4a, BUF, 1024);
    CMD(WRITE, 4, 39, 1, 35, 2, 36, 0x1b, 0xff);
    expect(7, 0x44, 0x20, 0x20); /* the second sector is not there */
    expect_chrn(39, 1, 36);
    program(0x4a, BUF, 512);
    CMD(0x51, 4, 39, 1, 36, 2, 36, 0x1b, 1); /* against zeros */
    expect(7, 4, 0, 4);
    /* In another drive the same image is that drive's disk. */
    teardown();
    make(2880, false);
    start(0);
    ck_assert(fdc_change_medium(fdc, 0, bench_image(512, false)));
    seek_to(0, 1);
    program(0x46, BUF, 512);
    CMD(READ, 0, 1, 0, 18, 2, 18, 0x1b, 0xff);
    expect(7, 0, 0, 0);
    ck_assert_uint_eq(mark(BUF), 0);
    ck_assert(fdc_change_medium(fdc, 0, bench_image(5760 * 512, false)));
    ck_assert_uint_eq(fdc_cmos_type(fdc, 0), 4);
    outb(DIR, 3);
    CMD(ID, 0);
    expect(7, 0, 0, 0);
}
END_TEST

START_TEST(too_large)
{
    struct disk *big = bench_image(20000 * 512, true);
    ck_assert(!fdc_fits(big));
    struct fdc_config c = {.drive = {{true, big}}};
    ck_assert_ptr_null(device_create(&bench.sys, &fdc_class, "again", &c));
    ck_assert_ptr_nonnull(strstr(bench.sys.err, "too large for a floppy"));
    disk_close(big);
}
END_TEST

/* ---- 8237 by itself ---- */

START_TEST(dma_registers)
{
    outb(0x0d, 0);
    ck_assert_uint_eq(inb(0x0f) & 15, 15);
    outb(0x0c, 0);
    outb(0x02, 0x34);
    outb(0x02, 0x12);
    outb(0x03, 0x78);
    outb(0x03, 0x56);
    ck_assert_uint_eq(inb(0x02), 0x34);
    ck_assert_uint_eq(inb(0x02), 0x12);
    ck_assert_uint_eq(inb(0x03), 0x78);
    outb(0x0c, 0); /* the flip-flop back to the low byte */
    ck_assert_uint_eq(inb(0x03), 0x78);
    outb(0x0e, 0);
    ck_assert_uint_eq(inb(0x0f) & 15, 0);
    outb(0x0f, 5);
    outb(0x0a, 1 | 4);
    outb(0x0a, 2);
    ck_assert_uint_eq(inb(0x0f) & 15, 3);
    for (u16 p = 0x81; p < 0x90; p++)
        outb(p, (u8)(p * 3));
    for (u16 p = 0x81; p < 0x90; p++)
        ck_assert_uint_eq(inb(p), (u8)(p * 3));
    outb(0xc4, 0xaa); /* channel 5 address */
    outb(0xc4, 0xbb);
    outb(0xd8, 0);
    ck_assert_uint_eq(inb(0xc4), 0xaa);
    outb(0x09, 4 | 1);
    ck_assert_uint_eq(inb(0x08) >> 4, 2); /* masked: the request waits */
}
END_TEST

static size_t move(unsigned channel, void *buf, size_t n, bool to_memory, bool *tc)
{
    struct dma_channel c = dma8237_channel(dma, channel);
    return dma_transfer(&c, buf, n, to_memory, tc);
}

START_TEST(dma_modes)
{
    u8 b[64];
    bool tc;
    for (unsigned i = 0; i < sizeof b; i++)
        b[i] = (u8)(i + 1);
    program(0x56, BUF, 16); /* autoinitialize */
    ck_assert_uint_eq(move(2, b, 10, true, &tc), 10);
    ck_assert(!tc);
    ck_assert_uint_eq(move(2, b, 10, true, &tc), 6);
    ck_assert(tc);
    ck_assert_uint_eq(move(2, b, 1, true, &tc), 1);
    ck_assert_uint_eq(bench.ram->host[BUF], 1);
    ck_assert_uint_eq(bench.ram->host[BUF + 9], 10);
    ck_assert_uint_eq(bench.ram->host[BUF + 10], 1);
    program(0x66, BUF + 0x3f, 4); /* downwards */
    ck_assert_uint_eq(move(2, b, 10, true, &tc), 4);
    ck_assert(tc);
    ck_assert_uint_eq(bench.ram->host[BUF + 0x3f], 1);
    ck_assert_uint_eq(bench.ram->host[BUF + 0x3c], 4);
    ck_assert_uint_eq(move(2, b, 10, true, &tc), 0); /* masked itself at terminal count */
    program(0x42, BUF + 0x100, 4);                   /* verify moves nothing */
    bench.ram->host[BUF + 0x100] = 0x99;
    ck_assert_uint_eq(move(2, b, 4, true, &tc), 4);
    ck_assert_uint_eq(bench.ram->host[BUF + 0x100], 0x99);
    program(0x46, BUF + 0xfffe, 4); /* wraps inside its page */
    ck_assert_uint_eq(move(2, b, 4, true, &tc), 4);
    ck_assert_uint_eq(bench.ram->host[BUF + 0xffff], 2);
    ck_assert_uint_eq(bench.ram->host[BUF], 3);
    program(0x4a, BUF, 65536);
    ck_assert_uint_eq(move(2, b, 2, false, &tc), 2);
    ck_assert_uint_eq(b[0], 3);
    outb(0x08, 4); /* controller disabled */
    ck_assert_uint_eq(move(2, b, 2, false, &tc), 0);
    outb(0x08, 0);
    /* channel 5 counts words */
    outb(0xd8, 0);
    outb(0xd6, 0x45);
    outb(0xc4, 0x00);
    outb(0xc4, 0x10);
    outb(0x8b, 0x03); /* bit 0 is not used */
    outb(0xc6, 3);
    outb(0xc6, 0);
    outb(0xd4, 1);
    ck_assert_uint_eq(move(5, b, 64, true, &tc), 8);
    ck_assert(tc);
    ck_assert_mem_eq(bench.ram->host + 0x22000, b, 8);
}
END_TEST

START_TEST(dma_memory_to_memory)
{
    memcpy(bench.ram->host + 0x30010, "from here to there", 18);
    outb(0x0d, 0);
    outb(0x87, 3);
    outb(0x83, 3);
    outb(0x0b, 0x88);
    outb(0x0b, 0x85);
    outb(0x00, 0x10);
    outb(0x00, 0x00);
    outb(0x02, 0x00);
    outb(0x02, 0x01);
    outb(0x03, 17);
    outb(0x03, 0);
    outb(0x08, 1);
    outb(0x0f, 0);
    outb(0x09, 4);
    ck_assert_mem_eq(bench.ram->host + 0x30100, "from here to there", 18);
    ck_assert_uint_eq(inb(0x0d), 'e');
    ck_assert_uint_eq(inb(0x08), 2);
}
END_TEST

START_TEST(state_survives)
{
    struct state_buf s = {0};
    char err[128];
    CMD(0x03, 0xaf, 0x03);
    CMD(READ & 0x7f, 0, 0, 0, 17, 2, 18, 0x1b, 0xff);
    settled();
    inb(FIFO);
    state_save(fdc_class.state, fdc, &s);
    outb(DOR, 0);
    ck_assert_msg(state_load(fdc_class.state, fdc, &bench.sys.clock, &s, err, sizeof err), "%s", err);
    for (unsigned i = 1; i < 512; i++)
        inb(FIFO);
    settled();
    ck_assert_uint_eq(inb(FIFO), 17);
    free(s.data);
    ck_assert_int_eq(state_uncovered(fdc_class.state, fdc_class.size), -1);
    ck_assert_int_eq(state_uncovered(dma8237_class.state, dma8237_class.size), -1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("fdc");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, reset_and_sense);
    tcase_add_test(t, simple_commands);
    tcase_add_test(t, recalibrate);
    tcase_add_test(t, read_dma);
    tcase_add_test(t, dma_comes_late);
    tcase_add_test(t, write_dma);
    tcase_add_test(t, errors);
    tcase_add_test(t, read_id);
    tcase_add_test(t, write_protect);
    tcase_add_test(t, format_track);
    tcase_add_test(t, other_transfers);
    tcase_add_test(t, scan);
    tcase_add_test(t, without_dma);
    tcase_add_test(t, disk_change);
    tcase_add_loop_test(t, all_formats, 0, ARRAY_LEN(formats));
    tcase_add_test(t, past_the_tracks_end);
    tcase_add_test(t, short_images);
    tcase_add_test(t, too_large);
    tcase_add_test(t, dma_registers);
    tcase_add_test(t, dma_modes);
    tcase_add_test(t, dma_memory_to_memory);
    tcase_add_test(t, state_survives);
    suite_add_tcase(s, t);
    return bench_run(s);
}
