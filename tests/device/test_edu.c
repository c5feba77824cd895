/*
 * QEMU's edu device, and through it what PCI functions have of the bus: DMA by its view of memory, interrupts by pin
 * and by message.
 */
#include "pcibench.h"

#include "devices/apic/apic_bus.h"
#include "devices/devices.h"

enum { EDU = 3 << 3, BAR = 0xe0000000, MS = 1000000, MSI = 0x40 };
enum { SOURCE = 0x80, TARGET = 0x88, COUNT = 0x90, COMMAND = 0x98, BUFFER = 0x40000 };
enum { RUN = 1, TO_MEMORY = 2, INTERRUPT = 4 };

static struct device *edu;
static unsigned messages;
static u64 message_addr;
static u32 message_data;

static bool take_message(void *owner, u64 addr, u32 data)
{
    (void)owner;
    if (addr >> 20 != 0xfee)
        return false;
    messages++;
    message_addr = addr;
    message_data = data;
    return true;
}

static void setup(void)
{
    bench_setup();
    edu = device_new(&bench.sys, &edu_class, "edu");
    device_set_number(edu, "dma_mask", UINT64_MAX);
    edu = device_plug(edu, NULL, NULL);
    ck_assert_msg(edu != NULL, "%s", bench.sys.err);
    pci_connect_msi(bench.bus, (struct msi){take_message, NULL});
    pci_write(EDU, 0x10, BAR, 4);
    pci_write(EDU, 4, 6, 2);
    messages = 0;
}
static void teardown(void) { bench_teardown(); }

static u32 get(u32 reg) { return (u32)space_read(&bench.sys.mem, BAR + reg, 4); }
static void put(u32 reg, u64 val) { space_write(&bench.sys.mem, BAR + reg, val, reg < 0x80 ? 4 : 8); }
static bool pin(void) { return pci_read(EDU, 6, 2) & 8; }
static void move(u64 source, u64 target, u64 count, u32 command)
{
    put(SOURCE, source);
    put(TARGET, target);
    put(COUNT, count);
    put(COMMAND, command | RUN);
    pass(99 * MS);
    ck_assert_uint_eq(get(COMMAND), command | RUN);
    put(COUNT, 1); /* not now */
    pass(MS);
    ck_assert_uint_eq(get(COMMAND), command);
}

START_TEST(registers)
{
    ck_assert_uint_eq(pci_read(EDU, 0, 4), 0x11e81234);
    ck_assert_uint_eq(pci_read(EDU, 8, 4), 0x00ff0010);
    ck_assert_uint_eq(get(0), 0x010000ed);
    put(4, 0x12345678);
    ck_assert_uint_eq(get(4), ~0x12345678u);
    ck_assert_uint_eq(space_read(&bench.sys.mem, BAR, 2), 0xffff);
    static const struct {
        u32 n, factorial;
    } cases[] = {{0, 1}, {1, 1}, {5, 120}, {12, 479001600}, {13, 1932053504}, {33, 0x80000000}, {34, 0}, {~0u, 0}};
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        put(8, cases[i].n);
        put(8, 3); /* it is busy */
        ck_assert_uint_eq(get(0x20), 1);
        pass(MS);
        ck_assert_uint_eq(get(0x20), 0);
        ck_assert_uint_eq(get(8), cases[i].factorial);
        ck_assert(!pin());
    }
    put(0x20, 0x80);
    put(8, 4);
    pass(MS);
    ck_assert_uint_eq(get(0x24), 1);
    ck_assert(pin());
    put(0x60, 0x12);
    put(0x64, 1);
    ck_assert(pin());
    put(0x64, 0x12);
    ck_assert(!pin());
}
END_TEST

START_TEST(dma)
{
    memcpy(bench.ram->host + 0x1000, "a message", 10);
    move(0x1000, BUFFER + 4086, 10, INTERRUPT);
    ck_assert_uint_eq(get(0x24), 0x100);
    move(BUFFER + 4086, 0x2000, 10, TO_MEMORY);
    ck_assert_str_eq((char *)bench.ram->host + 0x2000, "a message");
    /* beyond its own 4 KiB, below them, more than they are */
    move(BUFFER + 4086, 0x3000, 11, TO_MEMORY);
    move(0x4000, 0x3000, 4, TO_MEMORY);
    move(BUFFER, 0x3000, ~0ull, TO_MEMORY);
    ck_assert_uint_eq(ld32(bench.ram->host + 0x3000), 0);
    /* not as long as COMMAND does not let it */
    pci_write(EDU, 4, 2, 2);
    move(BUFFER + 4086, 0x3000, 10, TO_MEMORY);
    ck_assert_uint_eq(ld32(bench.ram->host + 0x3000), 0);
    /* addresses of 32 bits go on at 0 */
    pci_write(EDU, 4, 6, 2);
    move(BUFFER + 4086, 0xfffffffe, 10, TO_MEMORY);
    ck_assert_mem_eq(bench.ram->host, "message", 8);
}
END_TEST

/* Its own registers are not there for it: the transfer goes on as it began. */
START_TEST(dma_into_itself)
{
    put(4, 1);
    for (u32 i = 0; i < 8; i++)
        st32(bench.ram->host + 0x1000 + 4 * i, RUN | TO_MEMORY);
    move(0x1000, BUFFER, 32, 0);
    move(BUFFER, BAR + COMMAND, 8, TO_MEMORY);
    move(BUFFER, BAR + 4, 4, TO_MEMORY);
    ck_assert_uint_eq(get(4), ~1u);
    ck_assert_uint_eq(get(TARGET), BAR + 4);
    pass(1000 * MS);
    move(BAR, BUFFER, 4, 0); /* nor to be read */
    move(BUFFER, 0x2000, 4, TO_MEMORY);
    ck_assert_uint_eq(ld32(bench.ram->host + 0x2000), 0xffffffff);
}
END_TEST

START_TEST(messages_in_place_of_the_pin)
{
    ck_assert_uint_eq(pci_read(EDU, 0x34, 1), MSI);
    ck_assert_uint_eq(pci_read(EDU, MSI, 4), 0x00800005);
    pci_write(EDU, MSI + 4, 0xfee01003, 4);
    pci_write(EDU, MSI + 12, 0x4123, 2);
    put(0x60, 1);
    ck_assert(pin());
    ck_assert_uint_eq(bench.rises[10] + bench.rises[11], 0); /* no line is routed */
    ck_assert_uint_eq(messages, 0);
    pci_write(EDU, MSI + 2, 1, 2);
    put(0x64, 1);
    put(0x60, 2);
    ck_assert_uint_eq(messages, 1);
    ck_assert_uint_eq(message_addr, 0xfee01000);
    ck_assert_uint_eq(message_data, 0x4123);
    /* an address of memory's is a write there, and nothing goes out that COMMAND keeps in */
    pci_write(EDU, MSI + 4, 0x5000, 4);
    put(0x60, 2);
    ck_assert_uint_eq(ld32(bench.ram->host + 0x5000), 0x4123);
    pci_write(EDU, MSI + 12, 0x4124, 2);
    pci_write(EDU, 4, 2, 2);
    put(0x60, 2);
    ck_assert_uint_eq(ld32(bench.ram->host + 0x5000), 0x4123);
    ck_assert_uint_eq(messages, 1);
}
END_TEST

/* A function of the test's own with 4 vectors that can be masked. */
START_TEST(masked_vectors)
{
    static const struct pci_identity id = {.vendor = 1, .device = 2};
    static struct pci_device d;
    enum { FN = 9 << 3 };
    memset(&d, 0, sizeof(d));
    ck_assert(pci_device_init(&d, &bench.sys, bench.bus, FN, &id, NULL));
    pci_msi_init(&d, 4, true);
    pci_device_reset(&d);
    ck_assert_uint_eq(pci_read(FN, MSI + 2, 2), 0x0184);
    pci_write(FN, 4, 4, 2);
    pci_write(FN, MSI + 4, 0xfee00000, 4);
    pci_write(FN, MSI + 12, 0x53, 2);
    pci_msi_send(&d, 2); /* not enabled */
    pci_write(FN, MSI + 2, 1 | 2 << 4, 2);
    ck_assert_uint_eq(messages, 0);
    pci_msi_send(&d, 2);
    ck_assert_uint_eq(message_data, 0x52);
    pci_write(FN, MSI + 16, 0xffffffff, 4);
    ck_assert_uint_eq(pci_read(FN, MSI + 16, 4), 15);
    pci_msi_send(&d, 1);
    pci_msi_send(&d, 1);
    pci_msi_send(&d, 3);
    ck_assert_uint_eq(messages, 1);
    ck_assert_uint_eq(pci_read(FN, MSI + 20, 4), 10);
    pci_write(FN, MSI + 16, 8, 4);
    ck_assert_uint_eq(messages, 2);
    ck_assert_uint_eq(message_data, 0x51);
    ck_assert_uint_eq(pci_read(FN, MSI + 20, 4), 8);
    pci_write(FN, MSI + 2, 1, 2); /* one vector granted */
    pci_write(FN, MSI + 16, 0, 4);
    ck_assert_uint_eq(message_data, 0x53);
    pci_unplug(&d);
}
END_TEST

static struct {
    u8 dest, mode, vector;
    bool logical, level;
    unsigned count;
} heard;
static void hear(void *owner, u8 dest, bool logical, u8 mode, u8 vector, bool level)
{
    (void)owner;
    heard.dest = dest;
    heard.logical = logical;
    heard.mode = mode;
    heard.vector = vector;
    heard.level = level;
    heard.count++;
}
START_TEST(messages_to_local_apics)
{
    struct apic_bus bus = {.deliver = hear};
    ck_assert(!apic_bus_message(&bus, 0xfec00000, 1));
    ck_assert(!apic_bus_message(&bus, 0x1fee00000, 1));
    ck_assert_uint_eq(heard.count, 0);
    ck_assert(apic_bus_message(&bus, 0xfee34004, 0xc189));
    ck_assert_uint_eq(heard.dest, 0x34);
    ck_assert(heard.logical && heard.level);
    ck_assert_uint_eq(heard.mode, APIC_LOWEST);
    ck_assert_uint_eq(heard.vector, 0x89);
    ck_assert(apic_bus_message(&bus, 0xfee00000, 0x8041)); /* the end of a level says nothing */
    ck_assert_uint_eq(heard.count, 1);
    ck_assert(apic_bus_message(&bus, 0xfee00000, 0x0041));
    ck_assert(!heard.logical && !heard.level && heard.vector == 0x41 && heard.mode == APIC_FIXED);
}
END_TEST

/* Taken out in the middle of a transfer. */
START_TEST(unplugged)
{
    put(0x60, 1);
    put(COMMAND, RUN);
    device_unplug(edu);
    pass(1000 * MS);
    ck_assert_uint_eq(pci_read(EDU, 0, 4), 0xffffffff);
    ck_assert_uint_eq(get(0), 0xffffffff);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("edu");
    TCase *t = tcase_create("edu");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, registers);
    tcase_add_test(t, dma);
    tcase_add_test(t, dma_into_itself);
    tcase_add_test(t, messages_in_place_of_the_pin);
    tcase_add_test(t, masked_vectors);
    tcase_add_test(t, messages_to_local_apics);
    tcase_add_test(t, unplugged);
    suite_add_tcase(s, t);
    return bench_run(s);
}
