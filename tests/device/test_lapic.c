/* Local APICs and I/O APIC together: priorities, IPIs, destinations, timer modes, LINT pins, x2APIC rules (SDM 11). */
#include "devices/apic/ioapic.h"
#include "devices/apic/lapic.h"
#include "tests/device/rig.h"

enum { CPUS = 4, BASE = LAPIC_BASE };
enum {
    ID = 0x20,
    VERSION = 0x30,
    TPR = 0x80,
    PPR = 0xa0,
    EOI = 0xb0,
    LDR = 0xd0,
    DFR = 0xe0,
    SVR = 0xf0,
    ISR = 0x100,
    TMR = 0x180,
    IRR = 0x200,
    ESR = 0x280,
    ICR = 0x300,
    ICR_HIGH = 0x310,
    LVT_TIMER = 0x320,
    LVT_LINT0 = 0x350,
    LVT_LINT1 = 0x360,
    LVT_ERROR = 0x370,
    INITIAL = 0x380,
    CURRENT = 0x390,
    DIVIDE = 0x3e0
};

static struct apic_bus bus;
static struct device *lapic[CPUS], *ioapic;
static struct cpu_end {
    bool intr;
    unsigned nmi, init, smi, sipi, extint, moved;
    u8 sipi_vector;
} cpu[CPUS];
static unsigned current;

static void on_intr(void *c, bool level) { ((struct cpu_end *)c)->intr = level; }
static void on_nmi(void *c) { ((struct cpu_end *)c)->nmi++; }
static void on_smi(void *c) { ((struct cpu_end *)c)->smi++; }
static void on_moved(void *c, u64 pa) { (void)pa, ((struct cpu_end *)c)->moved++; }
static void on_init(void *c) { ((struct cpu_end *)c)->init++; }
static void on_sipi(void *c, u8 vector)
{
    ((struct cpu_end *)c)->sipi++;
    ((struct cpu_end *)c)->sipi_vector = vector;
}
static int on_extint(void *c) { return ((struct cpu_end *)c)->extint++, 0x08; }
static u64 tsc(void *c) { return (void)c, now() * 2; } /* 2 GHz */

/* The running processor's accesses: where its local APIC does not answer, nothing does. */
static bool claims(u64 pa) { return lapic_claims(lapic[current], pa); }
static u32 get(u32 reg) { return claims(BASE) ? (u32)lapic_page_read(lapic[current], BASE + reg, 4) : UINT32_MAX; }
static void set(u32 reg, u32 val)
{
    if (claims(BASE))
        lapic_page_write(lapic[current], BASE + reg, val, 4);
}
static void on(unsigned n) { current = n; }
static int ack(unsigned n) { return lapic_int_ack(lapic[n]); }
static void enable(unsigned n)
{
    on(n);
    set(SVR, 0x1ff);
}

static void setup(void)
{
    rig_up();
    bus = (struct apic_bus){.count = 0};
    for (unsigned i = 0; i < CPUS; i++) {
        struct lapic_config cfg = {.bus = &bus,
                                   .id = (u8)i,
                                   .bsp = i == 0,
                                   .x2apic = true,
                                   .tsc_deadline = true,
                                   .cpu = &cpu[i],
                                   .intr = on_intr,
                                   .nmi = on_nmi,
                                   .smi = on_smi,
                                   .page_moved = on_moved,
                                   .init = on_init,
                                   .sipi = on_sipi,
                                   .extint_ack = on_extint,
                                   .tsc = tsc,
                                   .tsc_hz = 2000000000};
        lapic[i] = rig_plug(&lapic_class, &cfg);
        enable(i);
    }
    memset(cpu, 0, sizeof cpu);
    struct ioapic_config io = {.bus = &bus, .id = 0};
    ioapic = rig_plug(&ioapic_class, &io);
    on(0);
}

static void ipi(u32 dest, u32 low)
{
    set(ICR_HIGH, dest << 24);
    set(ICR, low);
}
static void redirect(unsigned pin, u32 high, u32 low)
{
    poke(IOAPIC_BASE, 0x11 + 2 * pin, 4);
    poke(IOAPIC_BASE + 0x10, high << 24, 4);
    poke(IOAPIC_BASE, 0x10 + 2 * pin, 4);
    poke(IOAPIC_BASE + 0x10, low, 4);
}
static u32 entry(unsigned pin) { return poke(IOAPIC_BASE, 0x10 + 2 * pin, 4), (u32)peek(IOAPIC_BASE + 0x10, 4); }
static void line(unsigned pin, bool level)
{
    struct irq i = ioapic_input(ioapic, pin);
    irq_set(&i, level);
}

START_TEST(identity)
{
    ck_assert_uint_eq(get(ID), 0);
    ck_assert_uint_eq(get(VERSION), 0x50014);
    ck_assert_uint_eq(get(DFR), 0xffffffff);
    on(2);
    ck_assert_uint_eq(get(ID), 0x02000000);
    ck_assert_uint_eq(get(TPR + 4), 0); /* only each sixteenth address answers */
    poke(IOAPIC_BASE, 1, 4);
    ck_assert_uint_eq(peek(IOAPIC_BASE + 0x10, 4), 0x170020);
}
END_TEST

START_TEST(priorities)
{
    ipi(0, 0x31);
    ipi(0, 0x52);
    ck_assert(cpu[0].intr);
    ck_assert_int_eq(ack(0), 0x52);
    ck_assert(!cpu[0].intr); /* 31h waits */
    ck_assert_uint_eq(get(PPR), 0x50);
    ck_assert_uint_eq(get(ISR + 0x20), BIT(0x12));
    ck_assert_uint_eq(get(IRR + 0x10), BIT(0x11));
    ipi(0, 0x5f); /* same class: not before EOI */
    ck_assert(!cpu[0].intr);
    ipi(0, 0x60);
    ck_assert_int_eq(ack(0), 0x60);
    set(EOI, 0);
    set(EOI, 0);
    ck_assert_int_eq(ack(0), 0x5f);
    set(EOI, 0);
    set(TPR, 0x30);
    ck_assert(!cpu[0].intr);
    ck_assert_int_eq(ack(0), -1);
    ck_assert_uint_eq(lapic_tpr_read(lapic[0]), 3);
    lapic_tpr_write(lapic[0], 2);
    ck_assert_uint_eq(get(TPR), 0x20);
    ck_assert_int_eq(ack(0), 0x31);
}
END_TEST

START_TEST(destinations)
{
    ipi(2, 0x40);
    ck_assert_int_eq(ack(2), 0x40);
    ipi(0xff, 0x51); /* broadcast */
    for (unsigned i = 0; i < CPUS; i++)
        ck_assert_int_eq(ack(i), 0x51);
    ipi(0, 0x62 | 3 << 18); /* all but self */
    ck_assert_int_eq(ack(0), -1);
    for (unsigned i = 1; i < CPUS; i++)
        ck_assert_int_eq(ack(i), 0x62);
    ipi(0, 0x60 | 1 << 18);
    ck_assert_int_eq(ack(0), 0x60);
    for (unsigned i = 0; i < CPUS; i++) { /* flat logical */
        on(i);
        set(LDR, 1u << (24 + i));
        set(EOI, 0);
        set(EOI, 0);
        set(EOI, 0);
    }
    on(0);
    ipi(0x0a, 0x43 | 1 << 11);
    ck_assert_int_eq(ack(1), 0x43);
    ck_assert_int_eq(ack(3), 0x43);
    ck_assert_int_eq(ack(0), -1);
    for (unsigned i = 0; i < CPUS; i++) { /* two clusters of two */
        on(i);
        set(DFR, 0x0fffffff);
        set(LDR, (i / 2) << 28 | 1u << (24 + i % 2));
        set(EOI, 0);
    }
    ipi(0x13, 0x44 | 1 << 11);
    ck_assert_int_eq(ack(2), 0x44);
    ck_assert_int_eq(ack(3), 0x44);
    ck_assert_int_eq(ack(1), -1);
    on(2);
    set(EOI, 0);
    on(3);
    set(EOI, 0);
    set(TPR, 0x20); /* lowest priority picks the other one */
    ipi(0x13, 0x45 | 1 << 11 | 1 << 8);
    ck_assert_int_eq(ack(3), -1);
    ck_assert_int_eq(ack(2), 0x45);
}
END_TEST

START_TEST(start_up)
{
    ipi(1, 0x4500);
    ck_assert_uint_eq(cpu[1].init, 1);
    ipi(1, 0x8500); /* level de-assert: nothing */
    ck_assert_uint_eq(cpu[1].init, 1);
    ipi(1, 0x4600 | 0x9a);
    ck_assert_uint_eq(cpu[1].sipi_vector, 0x9a);
    ipi(0, 0x4400 | 3 << 18);
    ck_assert_uint_eq(cpu[0].nmi, 0);
    ck_assert_uint_eq(cpu[3].nmi, 1);
    on(1);
    ck_assert_uint_eq(get(SVR), 0xff); /* INIT reset its APIC */
    ck_assert_uint_eq(get(ID), 0x01000000);
}
END_TEST

/* Delivery modes and shorthands (table 11-3): to itself a processor sends nothing but fixed interrupts. */
START_TEST(shorthands)
{
    enum { TO_SELF = 1 << 18, TO_ALL = 2 << 18, TO_OTHERS = 3 << 18 };
    static const u32 self[] = {TO_SELF, TO_ALL};
    for (unsigned i = 0; i < ARRAY_LEN(self); i++) {
        for (u32 mode = 1; mode < 8; mode++)
            ipi(0, self[i] | 0x4000 | mode << 8 | 0x40);
        for (unsigned n = 0; n < CPUS; n++) {
            ck_assert_uint_eq(cpu[n].nmi | cpu[n].init | cpu[n].smi | cpu[n].sipi, 0);
            ck_assert(!cpu[n].intr);
        }
        ipi(0, self[i] | 0x4000 | 0x40);
        for (unsigned n = 0; n < CPUS; n++) {
            ck_assert_int_eq(ack(n), n == 0 || self[i] == TO_ALL ? 0x40 : -1);
            on(n);
            set(EOI, 0);
        }
        on(0);
    }
    ipi(0, TO_OTHERS | 0x4200);
    ipi(0, TO_OTHERS | 0x4400);
    for (unsigned n = 0; n < CPUS; n++)
        ck_assert_uint_eq(cpu[n].smi << 4 | cpu[n].nmi, n ? 0x11 : 0);
    /* Lowest priority goes to one of the others. */
    on(1);
    set(TPR, 0x20);
    on(0);
    ipi(0, TO_OTHERS | 0x4100 | 0x50);
    ck_assert_int_eq(ack(0), -1);
    ck_assert_int_eq(ack(1), -1);
    ck_assert_int_eq(ack(2), 0x50);
    ck_assert_int_eq(ack(3), -1);
    ipi(0, TO_OTHERS | 0x4500);
    ipi(0, TO_OTHERS | 0x4612);
    for (unsigned n = 0; n < CPUS; n++)
        ck_assert_uint_eq(cpu[n].init << 4 | cpu[n].sipi, n ? 0x11 : 0);
    ipi(0, TO_OTHERS | 0x4340); /* reserved */
    ipi(0, TO_OTHERS | 0x4740);
    for (unsigned n = 0; n < CPUS; n++)
        ck_assert(!cpu[n].intr);
}
END_TEST

/* IA32_APIC_BASE moves and removes the page of one processor, and the bus has none at all. */
START_TEST(own_page)
{
    bool fault = false;
    lapic_msr_write(lapic[1], 0x1b, 0x12345000 | 0x800, &fault);
    ck_assert(!fault);
    ck_assert_uint_eq(cpu[1].moved, 2);
    ck_assert_uint_eq(cpu[0].moved, 0);
    ck_assert(claims(BASE + 0xff0) && !claims(0x12345000));
    on(1);
    ck_assert(!claims(BASE) && claims(0x12345fff) && !claims(0x12346000));
    ck_assert_uint_eq(lapic_page_read(lapic[1], 0x12345000 + ID, 4), 0x01000000);
    ck_assert_uint_eq(lapic_page_read(lapic[1], 0x12345000 + ID + 3, 1), 0x01);
    ck_assert_uint_eq(lapic_page_read(lapic[1], 0x12345000 + VERSION, 8), 0x00050014);
    lapic_msr_write(lapic[1], 0x1b, 0x12345000, &fault);
    ck_assert(!claims(0x12345000));
    on(0);
    ck_assert_uint_eq(get(VERSION), 0x50014);
    ck_assert_ptr_null(space_find(&rig.sys.mem, BASE));
    device_reset_all(&rig.sys);
    on(1);
    ck_assert(claims(BASE));
}
END_TEST

START_TEST(errors)
{
    set(LVT_ERROR, 0xe0);
    ipi(1, 0x05);
    ck_assert_uint_eq(get(ESR), 0);
    set(ESR, 0);
    ck_assert_uint_eq(get(ESR), 0x20);
    ck_assert_int_eq(ack(0), 0xe0);
    set(ESR, 0);
    ck_assert_uint_eq(get(ESR), 0);
    get(0x3f0);
    set(ESR, 0);
    ck_assert_uint_eq(get(ESR), 0x80);
    set(LVT_TIMER, 0x0f);
    set(INITIAL, 10);
    wait_ns(1000);
    set(ESR, 0);
    ck_assert_uint_eq(get(ESR), 0x40);
}
END_TEST

START_TEST(timer)
{
    set(DIVIDE, 0x0b); /* by 1 */
    set(LVT_TIMER, 0x40);
    set(INITIAL, 1000000);
    wait_ns(400000);
    ck_assert_uint_eq(get(CURRENT), 600000);
    ck_assert(!cpu[0].intr);
    wait_ns(600000);
    ck_assert_int_eq(ack(0), 0x40);
    set(EOI, 0);
    wait_ns(10000000);
    ck_assert(!cpu[0].intr);
    ck_assert_uint_eq(get(CURRENT), 0);

    set(DIVIDE, 0x03); /* by 16 */
    set(LVT_TIMER, 0x20041);
    set(INITIAL, 1000);
    unsigned n = 0;
    for (unsigned i = 0; i < 1000; i++) {
        wait_ns(1000);
        if (cpu[0].intr) {
            ck_assert_int_eq(ack(0), 0x41);
            set(EOI, 0);
            n++;
        }
    }
    ck_assert_uint_eq(n, 62); /* 1 ms / 16 us */
    set(LVT_TIMER, 0x30041);
    wait_ns(100000);
    ck_assert(!cpu[0].intr);
    /* A change of mode does not disturb the count; one that has run out stays at zero. */
    set(INITIAL, 1000);
    wait_ns(16 * 2700);
    set(LVT_TIMER, 0x10041);
    ck_assert_uint_eq(get(CURRENT), 300);
    wait_ns(16 * 300);
    ck_assert_uint_eq(get(CURRENT), 0);
    set(LVT_TIMER, 0x20041);
    wait_ns(100000);
    ck_assert_uint_eq(get(CURRENT), 0);
    ck_assert(!cpu[0].intr);
    set(INITIAL, 0);
    ck_assert_uint_eq(get(CURRENT), 0);
    set(LVT_TIMER, 0x20041);
    set(DIVIDE, 0x0b);
    set(INITIAL, 1); /* hostile: does not take an event a nanosecond */
    wait_ns(NS_PER_SEC / 100);
    ck_assert(cpu[0].intr);
}
END_TEST

START_TEST(tsc_deadline)
{
    bool fault = false;
    u64 val = 0;
    ck_assert(lapic_msr_write(lapic[0], 0x6e0, 2000000, &fault));
    ck_assert(lapic_msr_read(lapic[0], 0x6e0, &val, &fault));
    ck_assert_uint_eq(val, 0); /* not in that mode */
    set(LVT_TIMER, 0x40042);
    lapic_msr_write(lapic[0], 0x6e0, tsc(NULL) + 2000000, &fault);
    wait_ns(999999);
    ck_assert(!cpu[0].intr);
    wait_ns(1);
    ck_assert_int_eq(ack(0), 0x42);
    lapic_msr_read(lapic[0], 0x6e0, &val, &fault);
    ck_assert_uint_eq(val, 0);
    set(EOI, 0);
    set(INITIAL, 5); /* ignored */
    ck_assert_uint_eq(get(INITIAL), 0);
    lapic_msr_write(lapic[0], 0x6e0, 1, &fault); /* long past */
    wait_ns(1);
    ck_assert_int_eq(ack(0), 0x42);
    ck_assert(!fault);
}
END_TEST

START_TEST(virtual_wire)
{
    struct irq lint0 = lapic_lint(lapic[0], 0), lint1 = lapic_lint(lapic[0], 1);
    irq_set(&lint0, true);
    set(LVT_LINT0, 0x700);
    ck_assert(cpu[0].intr);
    ck_assert_int_eq(ack(0), 0x08);
    irq_set(&lint0, false);
    ck_assert(!cpu[0].intr);
    set(LVT_LINT0, 0x10700);
    irq_set(&lint0, true);
    ck_assert(!cpu[0].intr);
    irq_set(&lint0, false);
    set(LVT_LINT0, 0x55); /* fixed, edge */
    irq_set(&lint0, true);
    ck_assert_int_eq(ack(0), 0x55);
    set(EOI, 0);
    ck_assert(!cpu[0].intr);
    irq_set(&lint0, false);
    set(LVT_LINT0, 0x8055); /* fixed, level */
    irq_set(&lint0, true);
    ck_assert_int_eq(ack(0), 0x55);
    ck_assert_uint_eq(get(LVT_LINT0), 0xc055);
    set(EOI, 0);
    ck_assert_int_eq(ack(0), 0x55); /* still up */
    irq_set(&lint0, false);
    set(EOI, 0);
    ck_assert(!cpu[0].intr);
    irq_set(&lint1, true);
    ck_assert_uint_eq(cpu[0].nmi, 0);
    irq_set(&lint1, false);
    set(LVT_LINT1, 0x400);
    irq_set(&lint1, true);
    ck_assert_uint_eq(cpu[0].nmi, 1);
    /* Off by IA32_APIC_BASE: the pins reach the processor. */
    bool fault = false;
    lapic_msr_write(lapic[0], 0x1b, BASE | 0x100, &fault);
    ck_assert(!fault && !lapic_enabled(lapic[0]));
    irq_set(&lint0, true);
    ck_assert(cpu[0].intr);
    ck_assert_int_eq(ack(0), 0x08);
    ck_assert_uint_eq(get(VERSION), 0xffffffff);
}
END_TEST

START_TEST(after_power_on)
{
    device_reset_all(&rig.sys);
    struct irq lint0 = lapic_lint(lapic[0], 0);
    irq_set(&lint0, true); /* guests without firmware get the 8259A's interrupts */
    ck_assert(cpu[0].intr);
    ck_assert_int_eq(ack(0), 0x08);
    irq_set(&lint0, false);
    ipi(0, 0x40); /* software disabled: not accepted */
    ck_assert(!cpu[0].intr);
    set(LVT_TIMER, 0x40);
    ck_assert_uint_eq(get(LVT_TIMER), 0x10040);
}
END_TEST

START_TEST(io_apic)
{
    ck_assert_uint_eq(entry(5), 0x10000);
    redirect(4, 1, 0x64);
    line(4, true);
    ck_assert_int_eq(ack(1), 0x64);
    on(1);
    set(EOI, 0);
    ck_assert(!cpu[1].intr);
    line(4, false);
    line(4, true);
    ck_assert_int_eq(ack(1), 0x64);
    set(EOI, 0);
    /* Level: remote IRR until the EOI comes round. */
    on(0);
    redirect(10, 0, 0x8071);
    line(10, true);
    ck_assert_uint_eq(entry(10), 0xc071);
    ck_assert_int_eq(ack(0), 0x71);
    ck_assert_uint_eq(get(TMR + 0x30), BIT(0x11));
    set(EOI, 0);
    ck_assert_int_eq(ack(0), 0x71); /* still up */
    line(10, false);
    set(EOI, 0);
    ck_assert_uint_eq(entry(10), 0x8071);
    ck_assert(!cpu[0].intr);
    /* Masked: a level waits, an edge is lost. */
    redirect(10, 0, 0x18071);
    redirect(4, 0, 0x10064);
    line(4, false);
    line(4, true);
    line(10, true);
    ck_assert(!cpu[0].intr);
    redirect(4, 0, 0x64);
    ck_assert(!cpu[0].intr);
    redirect(10, 0, 0x8071);
    ck_assert_int_eq(ack(0), 0x71);
    /* The EOI register of version 20h. */
    line(10, false);
    poke(IOAPIC_BASE + 0x40, 0x71, 4);
    ck_assert_uint_eq(entry(10), 0x8071);
    /* Level to edge drops remote IRR: how Linux ends one that is stuck. */
    set(EOI, 0);
    line(10, true);
    redirect(10, 0, 0x10071);
    ck_assert_uint_eq(entry(10), 0x10071);
    redirect(11, 0, 0x500); /* INIT by pin */
    line(11, true);
    ck_assert_uint_eq(cpu[0].init, 1);
}
END_TEST

static bool faults(u32 msr, u64 val)
{
    bool fault = false;
    ck_assert(lapic_msr_write(lapic[0], msr, val, &fault));
    return fault;
}
static u64 rdmsr(u32 msr)
{
    bool fault = false;
    u64 val = 0;
    ck_assert(lapic_msr_read(lapic[0], msr, &val, &fault));
    return fault ? ~0ull : val;
}

START_TEST(x2apic)
{
    ck_assert_uint_eq(rdmsr(0x1b), BASE | 0x900);
    ck_assert_uint_eq(rdmsr(0x802), ~0ull); /* not in that mode */
    ck_assert(faults(0x1b, BASE | 0x901));
    ck_assert(faults(0x1b, BASE | 0x500)); /* x2APIC without enable */
    ck_assert(!faults(0x1b, BASE | 0xd00));
    ck_assert(faults(0x1b, BASE | 0x900));  /* back to xAPIC only through off */
    ck_assert_uint_eq(get(ID), 0xffffffff); /* the page is gone */
    ck_assert_uint_eq(rdmsr(0x802), 0);
    ck_assert_uint_eq(rdmsr(0x803), 0x50014);
    ck_assert_uint_eq(rdmsr(0x80d), 1);
    ck_assert(!faults(0x80f, 0x1ff));
    ck_assert(!faults(0x808, 0x10));
    ck_assert(faults(0x808, 0x100));
    ck_assert(faults(0x80b, 1));
    ck_assert(faults(0x80d, 1));
    ck_assert(faults(0x80e, 1));
    ck_assert(faults(0x831, 1));
    ck_assert(faults(0x839, 1));
    ck_assert_uint_eq(rdmsr(0x80b), ~0ull);
    ck_assert(!faults(0x83f, 0x44)); /* self IPI */
    ck_assert_int_eq(ack(0), 0x44);
    ck_assert(!faults(0x80b, 0));
    ck_assert(!faults(0x830, 2ull << 32 | 0x45));
    ck_assert_int_eq(ack(2), 0x45);
    ck_assert(!faults(0x830, 0xffffffffull << 32 | 0x56));
    for (unsigned i = 0; i < CPUS; i++)
        ck_assert_int_eq(ack(i), 0x56);
    ck_assert(!faults(0x1b, BASE | 0x100));
    ck_assert(!faults(0x1b, BASE | 0x900));
    ck_assert_uint_eq(get(SVR), 0xff); /* off and on: as after power-up */
    set(ID, 0x0f000000);
    ck_assert_uint_eq(get(ID), 0x0f000000);
    ck_assert(!faults(0x1b, BASE | 0x100));
    ck_assert(!faults(0x1b, BASE | 0x900));
    ck_assert_uint_eq(get(ID), 0);
    bool fault;
    u64 val;
    ck_assert(!lapic_msr_read(lapic[0], 0x10, &val, &fault)); /* not mine */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("APIC");
    TCase *t = tcase_create("apic");
    tcase_add_checked_fixture(t, setup, rig_down);
    tcase_add_test(t, identity);
    tcase_add_test(t, priorities);
    tcase_add_test(t, destinations);
    tcase_add_test(t, start_up);
    tcase_add_test(t, shorthands);
    tcase_add_test(t, own_page);
    tcase_add_test(t, errors);
    tcase_add_test(t, timer);
    tcase_add_test(t, tsc_deadline);
    tcase_add_test(t, virtual_wire);
    tcase_add_test(t, after_power_on);
    tcase_add_test(t, io_apic);
    tcase_add_test(t, x2apic);
    suite_add_tcase(s, t);
    return rig_run(s);
}
