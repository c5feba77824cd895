/* PCI bus, i440FX and PIIX3: values as a 440FX board (and QEMU's `pc`) shows them through CF8/CFC. */
#include "pcibench.h"

#include "devices/core/irq.h"

/* A function with one BAR of each kind, at device 5. */
struct probe {
    struct device dev;
    struct pci_device pci;
    struct region io, mem, mem64, rom;
    u64 last;
};
static struct probe *probe;

static u64 probe_read(void *owner, u64 off, unsigned size)
{
    (void)owner;
    return (0x40 + off) & size_mask(size);
}
static void probe_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct probe *p = owner;
    (void)size;
    p->last = off << 32 | val;
}
static struct region probe_region(struct probe *p, const char *name, u64 size)
{
    return (struct region){.name = name, .owner = p, .read = probe_read, .write = probe_write, .size = size};
}
static bool probe_create(struct device *dev, const void *cfg)
{
    static const struct pci_identity id = {
        .vendor = 0x1234, .device = 0x5678, .revision = 9, .class_code = 0x020000, .interrupt_pin = 1};
    struct probe *p = container_of(dev, struct probe, dev);
    (void)cfg;
    if (!pci_device_init(&p->pci, dev->sys, bench.bus, 5 << 3, &id, p))
        return false;
    p->io = probe_region(p, "io", 32);
    p->mem = probe_region(p, "mem", 4096);
    p->mem64 = probe_region(p, "mem64", 1 << 20);
    p->rom = probe_region(p, "rom", 65536);
    pci_bar(&p->pci, 0, PCI_BAR_IO, &p->io);
    pci_bar(&p->pci, 1, PCI_BAR_MEM32, &p->mem);
    pci_bar(&p->pci, 2, PCI_BAR_MEM64_PREFETCH, &p->mem64);
    pci_bar(&p->pci, PCI_ROM, PCI_BAR_MEM32, &p->rom);
    return true;
}
static void probe_reset(struct device *dev)
{
    struct probe *p = container_of(dev, struct probe, dev);
    pci_device_reset(&p->pci);
    pci_add_capability(&p->pci, 1, 8);
    pci_add_capability(&p->pci, 5, 10);
}
static const struct device_class probe_class = {
    .name = "probe",
    .size = sizeof(struct probe),
    .create = probe_create,
    .reset = probe_reset,
};

static void setup(void)
{
    bench_setup();
    probe = device_create(&bench.sys, &probe_class, "probe", NULL);
    ck_assert_ptr_nonnull(probe);
}
static void teardown(void) { bench_teardown(); }

enum { HOST = 0, ISA = 1 << 3, PROBE = 5 << 3 };

START_TEST(configuration_mechanism)
{
    outl(0xcf8, 0x80000000);
    ck_assert_uint_eq(inl(0xcf8), 0x80000000);
    ck_assert_uint_eq(inl(0xcfc), 0x12378086);
    ck_assert_uint_eq(inw(0xcfc), 0x8086);
    ck_assert_uint_eq(inw(0xcfe), 0x1237);
    ck_assert_uint_eq(inb(0xcff), 0x12);
    /* Only dwords reach the address register: Linux probes with a byte at CFB first. */
    outb(0xcfb, 1);
    ck_assert_uint_eq(inl(0xcf8), 0x80000000);
    outl(0xcf8, 0x80000003);
    ck_assert_uint_eq(inl(0xcf8), 0x80000000);
    outl(0xcf8, 0);
    ck_assert_uint_eq(inl(0xcfc), 0xffffffff);
    outl(0xcf8, 0x80010000); /* bus 1 */
    ck_assert_uint_eq(inl(0xcfc), 0xffffffff);
    ck_assert_uint_eq(pci_read(0x1f << 3, 0, 4), 0xffffffff); /* nobody there */
}
END_TEST

START_TEST(identities)
{
    ck_assert_uint_eq(pci_read(HOST, 0x08, 4), 0x06000002);
    ck_assert_uint_eq(pci_read(HOST, 0x2c, 4), 0x11001af4);
    ck_assert_uint_eq(pci_read(HOST, 0x0e, 1), 0);
    ck_assert_uint_eq(pci_read(ISA, 0x00, 4), 0x70008086);
    ck_assert_uint_eq(pci_read(ISA, 0x04, 4), 0x02000000);
    ck_assert_uint_eq(pci_read(ISA, 0x08, 4), 0x06010000);
    ck_assert_uint_eq(pci_read(ISA, 0x0c, 4), 0x00800000);
    ck_assert_uint_eq(pci_read(ISA, 0x4c, 4), 0x0003004d);
    ck_assert_uint_eq(pci_read(ISA, 0x60, 4), 0x80808080);
    ck_assert_uint_eq(pci_read(HOST, 0x72, 1), 2);
}
END_TEST

START_TEST(read_only_fields)
{
    pci_write(HOST, 0, 0xffffffff, 4);
    ck_assert_uint_eq(pci_read(HOST, 0, 4), 0x12378086);
    pci_write(HOST, 4, 0xffffffff, 4);
    ck_assert_uint_eq(pci_read(HOST, 4, 2), 0x0507);
    pci_write(PROBE, 0x3c, 0xffff, 2);
    ck_assert_uint_eq(pci_read(PROBE, 0x3c, 2), 0x01ff);
    pci_write(PROBE, 0x0c, 0xffffffff, 4);
    ck_assert_uint_eq(pci_read(PROBE, 0x0c, 4), 0xff);
}
END_TEST

START_TEST(bar_sizing)
{
    static const struct {
        u8 off;
        u32 reset, ones;
    } rows[] = {
        {0x10, 1, 0xffffffe1}, {0x14, 0, 0xfffff000}, {0x18, 0xc, 0xfff0000c}, {0x1c, 0, 0xffffffff},
        {0x20, 0, 0},          {0x24, 0, 0},          {0x30, 0, 0xffff0001},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_uint_eq(pci_read(PROBE, rows[i].off, 4), rows[i].reset);
        pci_write(PROBE, rows[i].off, 0xffffffff, 4);
        ck_assert_uint_eq(pci_read(PROBE, rows[i].off, 4), rows[i].ones);
    }
}
END_TEST

START_TEST(bar_mapping)
{
    pci_write(PROBE, 0x10, 0xc000, 4);
    ck_assert_uint_eq(inb(0xc001), 0xff);
    pci_write(PROBE, 0x04, 1, 2);
    ck_assert_uint_eq(inb(0xc001), 0x41);
    outb(0xc01f, 0x99);
    ck_assert_uint_eq(probe->last, 0x1full << 32 | 0x99);
    ck_assert_uint_eq(inb(0xc020), 0xff);
    pci_write(PROBE, 0x11, 0xd0, 1); /* a byte moves it too */
    ck_assert_uint_eq(inb(0xc001), 0xff);
    ck_assert_uint_eq(inb(0xd001), 0x41);
    pci_write(PROBE, 0x14, 0xfebf0000, 4);
    ck_assert_uint_eq(space_read(&bench.sys.mem, 0xfebf0002, 1), 0xff);
    pci_write(PROBE, 0x04, 3, 2);
    ck_assert_uint_eq(space_read(&bench.sys.mem, 0xfebf0002, 1), 0x42);
    /* 64 bits */
    pci_write(PROBE, 0x18, 0x40000000, 4);
    pci_write(PROBE, 0x1c, 0x12, 4);
    ck_assert_uint_eq(space_read(&bench.sys.mem, 0x1240000003, 1), 0x43);
    /* ROM needs its own enable bit as well. */
    pci_write(PROBE, 0x30, 0xfea00000, 4);
    ck_assert_uint_eq(space_read(&bench.sys.mem, 0xfea00001, 1), 0xff);
    pci_write(PROBE, 0x30, 0xfea00001, 4);
    ck_assert_uint_eq(space_read(&bench.sys.mem, 0xfea00001, 1), 0x41);
    /* RAM is decoded before PCI is. */
    bench.ram->host[0x1001] = 0x77;
    pci_write(PROBE, 0x14, 0x1000, 4);
    ck_assert_uint_eq(space_read(&bench.sys.mem, 0x1001, 1), 0x77);
    /* Sizing with decoding on, and base 0, answer nowhere. */
    pci_write(PROBE, 0x14, 0xffffffff, 4);
    pci_write(PROBE, 0x10, 0, 4);
    ck_assert_uint_eq(space_read(&bench.sys.mem, 0xfffff002, 1), 0xff);
    ck_assert_uint_eq(inb(1), 0xff);
    device_reset_all(&bench.sys);
    ck_assert_uint_eq(space_read(&bench.sys.mem, 0x1240000003, 1), 0xff);
}
END_TEST

START_TEST(capabilities)
{
    ck_assert_uint_eq(pci_read(PROBE, 0x06, 2), 0x10);
    ck_assert_uint_eq(pci_read(PROBE, 0x34, 1), 0x48);
    ck_assert_uint_eq(pci_read(PROBE, 0x48, 2), 0x4005);
    ck_assert_uint_eq(pci_read(PROBE, 0x40, 2), 0x0001);
}
END_TEST

START_TEST(interrupt_routing)
{
    /* INTA of device 5 is PIRQA + (5 - 1) = PIRQA again. */
    pci_set_intx(&probe->pci, true);
    ck_assert_uint_eq(pci_read(PROBE, 0x06, 2) & 8, 8);
    ck_assert(!bench.level[11]);
    pci_write(ISA, 0x60, 11, 1);
    ck_assert(bench.level[11]);
    pci_write(ISA, 0x60, 10, 1);
    ck_assert(!bench.level[11] && bench.level[10]);
    pci_write(PROBE, 0x04, 0x400, 2); /* INTx off */
    ck_assert(!bench.level[10]);
    pci_write(PROBE, 0x04, 0, 2);
    ck_assert(bench.level[10]);
    pci_write(ISA, 0x60, 0x80, 1);
    ck_assert(!bench.level[10]);
    pci_write(ISA, 0x60, 2, 1); /* a reserved line */
    ck_assert(!bench.level[2]);
    pci_write(ISA, 0x60, 5, 1);
    device_reset_all(&bench.sys);
    ck_assert(!bench.level[5]);
}
END_TEST

START_TEST(reset_control)
{
    outb(0xcf9, 2);
    ck_assert_uint_eq(bench.requests[REQUEST_RESET], 0);
    ck_assert_uint_eq(inb(0xcf9), 2);
    outb(0xcf9, 6);
    ck_assert_uint_eq(bench.requests[REQUEST_RESET], 1);
    outb(0xcf9, 6); /* no edge */
    ck_assert_uint_eq(bench.requests[REQUEST_RESET], 1);
    outb(0xcf9, 0);
    outb(0xcf9, 4);
    ck_assert_uint_eq(bench.requests[REQUEST_RESET], 2);
}
END_TEST

static u8 peek(u32 a) { return (u8)space_read(&bench.sys.mem, a, 1); }
static void poke(u32 a, u8 v) { space_write(&bench.sys.mem, a, v, 1); }

START_TEST(pam)
{
    static const struct {
        u32 addr;
        u8 reg, shift;
        bool rom;
    } rows[] = {
        {0xf0000, 0x59, 4, true},  {0xfffff, 0x59, 4, true},  {0xc0000, 0x5a, 0, false}, {0xc7fff, 0x5a, 4, false},
        {0xc8000, 0x5b, 0, false}, {0xcc000, 0x5b, 4, false}, {0xd0000, 0x5c, 0, false}, {0xd4000, 0x5c, 4, false},
        {0xd8000, 0x5d, 0, false}, {0xdc000, 0x5d, 4, false}, {0xe0000, 0x5e, 0, true},  {0xe4000, 0x5e, 4, true},
        {0xe8000, 0x5f, 0, true},  {0xeffff, 0x5f, 4, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        u32 a = rows[i].addr;
        u8 rom = rows[i].rom ? 0x5a : 0xff, s = rows[i].shift;
        bench.ram->host[a] = 0x11;
        ck_assert_uint_eq(peek(a), rom);
        poke(a, 0x22);
        ck_assert_uint_eq(bench.ram->host[a], 0x11);
        pci_write(HOST, rows[i].reg, 2u << s, 1); /* reads ROM, writes RAM */
        ck_assert_uint_eq(peek(a), rom);
        poke(a, 0x33);
        ck_assert_uint_eq(bench.ram->host[a], 0x33);
        ck_assert_uint_eq(peek(a), rom);
        pci_write(HOST, rows[i].reg, 1u << s, 1); /* reads RAM, write protected */
        ck_assert_uint_eq(peek(a), 0x33);
        poke(a, 0x44);
        ck_assert_uint_eq(peek(a), 0x33);
        pci_write(HOST, rows[i].reg, 3u << s, 1);
        poke(a, 0x55);
        ck_assert_uint_eq(peek(a), 0x55);
        pci_write(HOST, rows[i].reg, 0xff, 1);
        ck_assert_uint_eq(pci_read(HOST, rows[i].reg, 1), rows[i].reg == 0x59 ? 0x30 : 0x33);
        pci_write(HOST, rows[i].reg, 0, 1);
        ck_assert_uint_eq(peek(a), rom);
    }
    pci_write(HOST, 0x58, 0x33333300, 4);
    pci_write(HOST, 0x5c, 0x33333333, 4);
    for (u32 a = 0xc0000; a < 0x100000; a += 0x1000) {
        poke(a, (u8)(a >> 12));
        ck_assert_uint_eq(bench.ram->host[a], (u8)(a >> 12));
    }
    device_reset_all(&bench.sys);
    ck_assert_uint_eq(peek(0xf0000), 0x5a);
}
END_TEST

START_TEST(smram)
{
    bench.ram->host[0xa1234] = 0x66;
    ck_assert_uint_eq(peek(0xa1234), 0xff);
    pci_write(HOST, 0x72, 0x4a, 1); /* enabled and open */
    ck_assert_uint_eq(peek(0xa1234), 0x66);
    pci_write(HOST, 0x72, 0x0a, 1); /* closed */
    ck_assert_uint_eq(peek(0xa1234), 0xff);
    pci_write(HOST, 0x72, 0x5a, 1); /* locked: closes, and stays so */
    ck_assert_uint_eq(pci_read(HOST, 0x72, 1), 0x1a);
    pci_write(HOST, 0x72, 0x4a, 1);
    ck_assert_uint_eq(pci_read(HOST, 0x72, 1), 0x1a);
    ck_assert_uint_eq(peek(0xa1234), 0xff);
    device_reset_all(&bench.sys);
    pci_write(HOST, 0x72, 0x4a, 1);
    ck_assert_uint_eq(peek(0xa1234), 0x66);
}
END_TEST

START_TEST(slot_taken)
{
    ck_assert_ptr_null(device_create(&bench.sys, &probe_class, "again", NULL));
    ck_assert_str_eq(bench.sys.err, "PCI slot 05.0 is taken");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pci");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, configuration_mechanism);
    tcase_add_test(t, identities);
    tcase_add_test(t, read_only_fields);
    tcase_add_test(t, bar_sizing);
    tcase_add_test(t, bar_mapping);
    tcase_add_test(t, capabilities);
    tcase_add_test(t, interrupt_routing);
    tcase_add_test(t, reset_control);
    tcase_add_test(t, pam);
    tcase_add_test(t, smram);
    tcase_add_test(t, slot_taken);
    suite_add_tcase(s, t);
    return bench_run(s);
}
