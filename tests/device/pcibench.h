/*
 * A workbench for PCI chips and disk controllers: 2 MiB of RAM (the board's
 * two pieces), a 128 KiB ROM, the PCI bus, host bridge and ISA bridge, and
 * sixteen interrupt lines whose level and rises are counted.
 */
#ifndef ORRERY_TEST_PCIBENCH_H
#define ORRERY_TEST_PCIBENCH_H

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "devices/block/disk.h"
#include "devices/pci/i440fx.h"
#include "devices/pci/pci.h"
#include "devices/pci/piix3.h"

struct bench {
    struct trace trace;
    struct system sys;
    struct ram *ram, *rom;
    struct region low, high;
    struct device *bus, *host, *isa;
    bool level[16];
    unsigned rises[16];
    unsigned requests[8];
};
static struct bench bench;

static void bench_irq(void *owner, unsigned pin, bool level)
{
    struct bench *b = owner;
    if (level && !b->level[pin])
        b->rises[pin]++;
    b->level[pin] = level;
}
static inline struct irq bench_line(unsigned n) { return (struct irq){bench_irq, &bench, n}; }

static void bench_request(void *owner, enum system_request what)
{
    struct bench *b = owner;
    b->requests[what]++;
}

static inline u64 inp(u16 port, unsigned size) { return space_read(&bench.sys.io, port, size); }
static inline void outp(u16 port, u64 val, unsigned size) { space_write(&bench.sys.io, port, val, size); }
static inline u8 inb(u16 port) { return (u8)inp(port, 1); }
static inline u16 inw(u16 port) { return (u16)inp(port, 2); }
static inline u32 inl(u16 port) { return (u32)inp(port, 4); }
static inline void outb(u16 port, u8 val) { outp(port, val, 1); }
static inline void outw(u16 port, u16 val) { outp(port, val, 2); }
static inline void outl(u16 port, u32 val) { outp(port, val, 4); }

static inline u32 pci_read(unsigned devfn, unsigned off, unsigned size)
{
    outl(0xcf8, 0x80000000u | devfn << 8 | (off & 0xfc));
    return (u32)inp((u16)(0xcfc + (off & 3)), size);
}
static inline void pci_write(unsigned devfn, unsigned off, u32 val, unsigned size)
{
    outl(0xcf8, 0x80000000u | devfn << 8 | (off & 0xfc));
    outp((u16)(0xcfc + (off & 3)), val, size);
}

/* Time passes by ns; whatever is due happens. */
static inline void pass(u64 ns) { clock_advance(&bench.sys.clock, bench.sys.clock.now + ns); }
/* Time passes until nothing is scheduled within 'limit' ns. */
static inline void settle(u64 limit)
{
    u64 end = bench.sys.clock.now + limit, next;
    while ((next = clock_deadline(&bench.sys.clock)) <= end)
        clock_advance(&bench.sys.clock, next);
}

static inline void bench_setup(void)
{
    memset(&bench, 0, sizeof bench);
    system_init(&bench.sys, &bench.trace);
    bench.sys.request = bench_request;
    bench.sys.request_owner = &bench;
    bench.ram = ram_create(2 << 20);
    bench.rom = ram_create(128 << 10);
    memset(bench.rom->host, 0x5a, 128 << 10);
    region_ram(&bench.low, &bench.sys.mem, "low", 0, bench.ram, 0, 0xa0000, false);
    region_ram(&bench.high, &bench.sys.mem, "high", 1 << 20, bench.ram, 1 << 20, 1 << 20, false);
    bench.bus = device_create(&bench.sys, &pci_bus_class, "pci.0", NULL);
    struct i440fx_config host = {
        .bus = bench.bus, .ram = bench.ram, .ram_size = 2 << 20, .rom = bench.rom, .rom_base = 0xe0000};
    bench.host = device_create(&bench.sys, &i440fx_class, "host", &host);
    struct piix3_config isa = {.bus = bench.bus};
    for (unsigned i = 0; i < 16; i++)
        isa.isa_irq[i] = bench_line(i);
    bench.isa = device_create(&bench.sys, &piix3_class, "isa", &isa);
    ck_assert_msg(bench.bus && bench.host && bench.isa, "%s", bench.sys.err);
}

static inline void bench_teardown(void)
{
    system_destroy(&bench.sys);
    ram_destroy(bench.ram);
    ram_destroy(bench.rom);
}

/* A raw image of n bytes; each sector begins with its number. */
static inline struct disk *bench_image(u64 bytes, bool readonly)
{
    char path[] = "/tmp/orrery-test-XXXXXX", err[256];
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)bytes), 0);
    for (u64 s = 0; s * 512 + 8 <= bytes && s < 8192; s++) {
        u8 mark[8];
        st64(mark, s);
        ck_assert_int_eq(pwrite(fd, mark, 8, (off_t)(s * 512)), 8);
    }
    close(fd);
    struct disk_options opt = {.path = path, .readonly = readonly};
    struct disk *d = disk_open(&opt, &bench.trace, err, sizeof err);
    ck_assert_msg(d != NULL, "%s", err);
    unlink(path);
    return d;
}

/* Runs the suite as every test program does. */
static inline int bench_run(Suite *s)
{
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
