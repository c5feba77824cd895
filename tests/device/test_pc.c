/*
 * What the pc board wires between its chips and its processors: each processor's own local APIC over the bus, the
 * junction before the I/O APIC's timer input, code that goes where memory does. The machine's thread is not started.
 * Needs Debian's seabios.
 */
#include <check.h>
#include <stdlib.h>

#include "cpu/x87/fp80.h"
#include "devices/apic/apic_bus.h"
#include "devices/devices.h"
#include "devices/hpet.h"
#include "devices/apic/ioapic.h"
#include "devices/machine/machine_internal.h"
#include "devices/pci/pci.h"

enum { RAM_SIZE = 16 << 20, VGA = 2 << 3, LAPIC_ID = 0x20 };

static struct trace quiet;
static struct machine *m;

static void setup(void)
{
    struct machine_config c = {
        .type = MACHINE_PC, .ram_size = RAM_SIZE, .cpus = 2, .icount = ICOUNT_SHIFT, .vga = true, .trace = &quiet};
    char err[512];
    ck_assert_msg(cpu_model_parse("max", &c.cpu, err, sizeof err), "%s", err);
    m = machine_create(&c, err, sizeof err);
    ck_assert_msg(m != NULL, "%s", err);
}
static void teardown(void) { machine_destroy(m); }

static u32 cpu_read(unsigned n, u64 pa)
{
    u32 val = (u32)m->priv->env.mem_read(m, m->cpu[n], pa, 4);
    return val;
}
static bool cpu_has_ram(unsigned n, u64 pa)
{
    struct cpu_page page;
    m->priv->env.page(m, m->cpu[n], pa, &page);
    return page.read != NULL;
}
static void apic_base(unsigned n, u64 val)
{
    bool fault = false;
    ck_assert(m->priv->env.msr_write(m, m->cpu[n], 0x1b, val, &fault));
    ck_assert(!fault);
}

/* A processor that moves its APIC into RAM, or switches it off, changes what it sees itself, and nobody else. */
START_TEST(apic_page)
{
    space_write(&m->sys.mem, 0x5020, 0x11223344, 4);
    ck_assert_uint_eq(cpu_read(0, LAPIC_BASE + LAPIC_ID), 0);
    ck_assert_uint_eq(cpu_read(1, LAPIC_BASE + LAPIC_ID), 0x01000000);
    apic_base(1, 0x5000 | 0x800);
    ck_assert(!cpu_has_ram(1, 0x5000));
    ck_assert(cpu_has_ram(0, 0x5000));
    ck_assert_uint_eq(cpu_read(1, 0x5000 + LAPIC_ID), 0x01000000);
    ck_assert_uint_eq(cpu_read(0, 0x5000 + LAPIC_ID), 0x11223344);
    ck_assert_uint_eq(cpu_read(0, LAPIC_BASE + LAPIC_ID), 0);
    ck_assert_uint_eq(cpu_read(1, LAPIC_BASE + LAPIC_ID), 0xffffffff);
    /* Bus masters have no local APIC. */
    ck_assert_uint_eq(space_read(&m->sys.mem, 0x5020, 4), 0x11223344);
    ck_assert_uint_eq(space_read(&m->sys.mem, LAPIC_BASE + 0x30, 4), 0xffffffff);
    apic_base(1, 0x5000);
    ck_assert_uint_eq(cpu_read(1, 0x5000 + LAPIC_ID), 0x11223344);
}
END_TEST

/* Nothing the processors compute is the host's own when instructions are counted. */
START_TEST(repeatable)
{
    for (unsigned n = 0; n < m->ncpus; n++)
        ck_assert(m->cpu[n]->fp80 == &fp80_soft_functions);
}
END_TEST

/* The PIT (ISA line 0) and a comparator of the HPET share the I/O APIC's input 2: it is up while either is. */
START_TEST(timer_input)
{
    enum { T2_CONFIG = HPET_BASE + 0x140, T2_COMPARATOR = HPET_BASE + 0x148, LEVEL = 2, INT = 4 };
    char *text = NULL;
    size_t size = 0;
    space_write(&m->sys.mem, T2_COMPARATOR, 1000, 8);
    space_write(&m->sys.mem, T2_CONFIG, LEVEL | INT | 2 << 9, 4); /* level triggered, route 2 */
    space_write(&m->sys.mem, HPET_BASE + 0x10, 1, 8);
    space_write(&m->sys.io, 0x43, 0x34, 1); /* channel 0, mode 2: high */
    space_write(&m->sys.io, 0x40, 0xa9, 1);
    space_write(&m->sys.io, 0x40, 0x04, 1);
    clock_advance(&m->sys.clock, clock_now(&m->sys.clock) + 1000000);
    space_write(&m->sys.io, 0x43, 0x30, 1); /* mode 0: low */
    FILE *out = open_memstream(&text, &size);
    ioapic_dump(m->ioapic, out);
    fclose(out);
    ck_assert_uint_eq(space_read(&m->sys.mem, HPET_BASE + 0x20, 4), 4);
    ck_assert_msg(strstr(text, "lines up: 2\n") != NULL, "%s", strstr(text, "lines up"));
    free(text);
}
END_TEST

/* From a device that is plugged in, over the bus, to a processor. */
START_TEST(message_to_a_processor)
{
    enum { SLOT = 4 << 3, BAR = 0xe0000000, RAISE = 0x60, VECTOR = 0x51, SVR = 0xf0 };
    struct device *edu = device_new(&m->sys, &edu_class, NULL);
    ck_assert(device_set(edu, "addr", "4") && device_plug(edu, NULL, NULL));
    pci_config_write(m->pci, SLOT, 0x10, BAR, 4);
    pci_config_write(m->pci, SLOT, 0x04, 6, 2);
    pci_config_write(m->pci, SLOT, 0x44, LAPIC_BASE | 1 << 12, 4);
    pci_config_write(m->pci, SLOT, 0x4c, VECTOR, 2);
    pci_config_write(m->pci, SLOT, 0x42, 1, 2);
    m->priv->env.mem_write(m, m->cpu[1], LAPIC_BASE + SVR, 0x1ff, 4);
    space_write(&m->sys.mem, BAR + RAISE, 1, 4);
    ck_assert(m->cpu[1]->attention & ATT_INTR);
    ck_assert(!(m->cpu[0]->attention & ATT_INTR));
    ck_assert_int_eq(m->priv->env.int_ack(m, m->cpu[1]), VECTOR);
}
END_TEST

/* The first instruction at pa, in flat 32-bit code; EAX after it. */
static u32 run_one(u32 pa)
{
    struct cpu *cpu = m->cpu[0];
    for (unsigned s = 0; s < SEG_COUNT; s++)
        cpu->seg[s] = (struct seg){.sel = 8, .limit = 0xffffffff, .attr = s == CS ? 0xc09b : 0xc093};
    cpu->cr0 = CR0_PE | CR0_ET;
    cpu->gpr[RAX] = 0;
    cpu->gpr[RSP] = 0x8000;
    cpu->gpr[SLOT_RIP] = pa;
    tlb_flush(cpu, true);
    cpu_update_mode(cpu);
    machine_step(m, 0, false, false);
    return (u32)cpu->gpr[RAX];
}

/* Code that ran from video memory is not found where it was when the BAR has moved and the ROM stands there. */
START_TEST(code_moves_with_its_bar)
{
    enum { COMMAND = 0x04, LFB_BAR = 0x10, ROM_BAR = 0x30, HERE = 0xe0000000u, THERE = 0xe1000000u };
    static const u8 code[] = {0xb8, 1, 0, 0, 0, 0xf4}; /* mov eax, 1; hlt */
    pci_config_write(m->pci, VGA, COMMAND, 2, 2);
    pci_config_write(m->pci, VGA, LFB_BAR, HERE, 4);
    space_write_bytes(&m->sys.mem, HERE, code, sizeof code);
    ck_assert_uint_eq(run_one(HERE), 1);
    pci_config_write(m->pci, VGA, LFB_BAR, THERE, 4);
    pci_config_write(m->pci, VGA, ROM_BAR, HERE | 1, 4);
    ck_assert_uint_eq(space_read(&m->sys.mem, HERE, 2), 0xaa55); /* push ebp; stosb */
    ck_assert_uint_eq(run_one(HERE), 0);
    ck_assert_uint_eq(m->cpu[0]->gpr[RSP], 0x7ffc);
    ck_assert_uint_eq(run_one(THERE), 1);
    pci_config_write(m->pci, VGA, ROM_BAR, 0, 4);
    pci_config_write(m->pci, VGA, LFB_BAR, HERE, 4);
    ck_assert_uint_eq(run_one(HERE), 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("pc");
    TCase *t = tcase_create("pc");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, apic_page);
    tcase_add_test(t, repeatable);
    tcase_add_test(t, message_to_a_processor);
    tcase_add_test(t, timer_input);
    tcase_add_test(t, code_moves_with_its_bar);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
