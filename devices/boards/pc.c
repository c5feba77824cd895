/*
 * The board of `-M pc`: i440FX and PIIX3 with everything soldered on, wired as
 * QEMU's pc is, so that guests and firmware find what they expect. Read
 * pc_build from top to bottom; that is the machine.
 */
#include <stdlib.h>
#include <time.h>

#include "bios/bios.h"
#include "bios/firmware.h"
#include "devices/apic/apic_bus.h"
#include "devices/dma8237.h"
#include "devices/fdc/fdc.h"
#include "devices/fw_cfg.h"
#include "devices/hpet.h"
#include "devices/i8042.h"
#include "devices/pci/i440fx.h"
#include "devices/ide/ide.h"
#include "devices/apic/ioapic.h"
#include "devices/apic/lapic.h"
#include "devices/machine/machine_internal.h"
#include "devices/pc_map.h"
#include "devices/pci/pci.h"
#include "devices/pic.h"
#include "devices/pci/piix3.h"
#include "devices/pci/piix4_pm.h"
#include "devices/pit.h"
#include "devices/port61.h"
#include "devices/port80.h"
#include "devices/port92.h"
#include "devices/ps2.h"
#include "devices/rtc.h"
#include "devices/vga/vga.h"

enum { ISA_LINES = 16, KIB = 1024, MIB = 1024 * 1024 };
#define GIB (1ull << 30)

/* One ISA interrupt line: many drivers, heard by the 8259A and the I/O APIC. */
struct isa_line {
    struct irq_or junction;
    struct irq pic, gsi;
};

struct pc {
    struct machine *m;
    struct ram *rom;
    struct region low_ram, main_ram, high_ram, rom_top;
    struct region ferr_port;
    struct isa_line line[ISA_LINES];
    struct irq_or gsi[IOAPIC_PINS]; /* inputs of the I/O APIC */
    struct irq ferr_irq;
    struct apic_bus apic_bus;
    struct cpu_env bus_side; /* memory without the local APICs */
    struct device *lapic[MAX_CPUS];
    struct device *pic, *rtc, *pci, *pm, *hpet, *fw_cfg, *ioapic, *ide, *fdc;
    u64 low_size;    /* RAM below 4 GiB */
    bool nmi_masked; /* by port 70h */
};

#define PC(f) HOST(struct pc, f)
static const struct state_field line_state[] = {
    STRUCTS(struct isa_line, junction, struct irq_or, irq_or_state),
    HOST(struct isa_line, pic),
    HOST(struct isa_line, gsi),
    STATE_END,
};
static const struct state_field pc_state[] = {
    MEMORY(struct pc, rom),
    STRUCTS(struct pc, line, struct isa_line, line_state),
    STRUCTS(struct pc, gsi, struct irq_or, irq_or_state),
    STATE(struct pc, nmi_masked),
    PC(m),
    PC(low_ram),
    PC(main_ram),
    PC(high_ram),
    PC(rom_top),
    PC(ferr_port),
    PC(ferr_irq),
    PC(apic_bus),
    PC(bus_side),
    PC(lapic),
    PC(pic),
    PC(rtc),
    PC(pci),
    PC(pm),
    PC(hpet),
    PC(fw_cfg),
    PC(ioapic),
    PC(ide),
    PC(fdc),
    PC(low_size),
    STATE_END,
};

static struct pc *pc_of(struct machine *m) { return m->priv->board; }

static void line_set(void *owner, unsigned pin, bool level)
{
    struct isa_line *l = owner;
    (void)pin;
    irq_set(&l->pic, level);
    irq_set(&l->gsi, level);
}

/* A driver's end of ISA line n. */
static struct irq isa_irq(struct pc *pc, unsigned n) { return irq_or_input(&pc->line[n].junction); }
/*
 * A driver's end of global system interrupt n: an ISA line, or, above those and for 2, an input of the I/O APIC alone.
 * Input 2 is the timer's, as ACPI's MADT says: it has the PIT's ISA line 0, and whoever drives GSI 2.
 */
static struct irq gsi_line(void *owner, unsigned n)
{
    struct pc *pc = owner;
    if (n < ISA_LINES && n != PC_GSI_PIT)
        return isa_irq(pc, n);
    return pc->ioapic ? irq_or_input(&pc->gsi[n]) : (struct irq){0};
}
static void gsi_line_free(void *owner, struct irq line)
{
    struct pc *pc = owner;
    bool ours = false;
    for (unsigned i = 0; i < ISA_LINES; i++)
        ours |= line.owner == &pc->line[i].junction;
    for (unsigned i = 0; i < IOAPIC_PINS; i++)
        ours |= line.owner == &pc->gsi[i];
    if (ours)
        irq_or_free(line);
}

/* ---- memory ---- */

/* As QEMU's pc: with 3.5 GiB or more, RAM below 4 GiB ends at 3 GiB. */
static u64 low_ram_size(u64 total) { return total >= 0xe0000000u ? MIN(total, 0xc0000000ull) : total; }

static bool map_ram(struct pc *pc)
{
    struct machine *m = pc->m;
    u64 total = m->config.ram_size;
    if (!machine_add_ram(m, MAX(total, (u64)MIB)))
        return false;
    pc->low_size = low_ram_size(total);
    struct space *mem = &m->sys.mem;
    region_ram(&pc->low_ram, mem, "ram", 0, m->ram, 0, 0xa0000, false);
    if (pc->low_size > MIB)
        region_ram(&pc->main_ram, mem, "ram-main", MIB, m->ram, MIB, pc->low_size - MIB, false);
    if (total > pc->low_size)
        region_ram(&pc->high_ram, mem, "ram-high", 4 * GIB, m->ram, pc->low_size, total - pc->low_size, false);
    return true;
}

static bool map_rom(struct pc *pc)
{
    struct machine *m = pc->m;
    pc->rom = firmware_load(&m->priv->firmware, m->config.bios, m->sys.err, sizeof(m->sys.err));
    if (!pc->rom)
        return false;
    region_ram(&pc->rom_top, &m->sys.mem, "bios", 4 * GIB - pc->rom->size, pc->rom, 0, pc->rom->size, true);
    pc->rom_top.priority = PRIO_DEVICE;
    return true;
}

/* ---- processors and interrupts ---- */

static void cpu_intr(void *cpu, bool level)
{
    if (level)
        cpu_raise_attention(cpu, ATT_INTR);
    else
        cpu_clear_attention(cpu, ATT_INTR);
}
static void cpu_nmi(void *cpu) { cpu_raise_attention(cpu, ATT_NMI); }
static void cpu_init(void *cpu) { cpu_raise_attention(cpu, ATT_INIT); }
static void cpu_sipi(void *cpu, u8 vector)
{
    ((struct cpu *)cpu)->sipi_vector = vector;
    cpu_raise_attention(cpu, ATT_SIPI);
}
static struct machine *machine_of(const struct cpu *cpu) { return cpu->env->world; }
static int cpu_extint_ack(void *cpu) { return pic_read_irq(pc_of(machine_of(cpu))->pic); }
static u64 cpu_tsc(void *p)
{
    const struct cpu *cpu = p;
    struct machine *m = machine_of(cpu);
    return machine_tsc_at(m, clock_now(&m->sys.clock)) + cpu->tsc_offset;
}

static struct device *lapic_of(struct machine *m, const struct cpu *cpu) { return pc_of(m)->lapic[cpu->index]; }

static int pc_int_ack(void *world, struct cpu *cpu)
{
    struct device *lapic = lapic_of(world, cpu);
    return lapic ? lapic_int_ack(lapic) : pic_read_irq(pc_of(world)->pic);
}
static bool pc_msr_read(void *world, struct cpu *cpu, u32 msr, u64 *val, bool *fault)
{
    struct device *lapic = lapic_of(world, cpu);
    return lapic && lapic_msr_read(lapic, msr, val, fault);
}
static bool pc_msr_write(void *world, struct cpu *cpu, u32 msr, u64 val, bool *fault)
{
    struct device *lapic = lapic_of(world, cpu);
    return lapic && lapic_msr_write(lapic, msr, val, fault);
}
static u8 pc_tpr_read(void *world, struct cpu *cpu)
{
    struct device *lapic = lapic_of(world, cpu);
    return lapic ? lapic_tpr_read(lapic) : 0;
}
static void pc_tpr_write(void *world, struct cpu *cpu, u8 tpr)
{
    struct device *lapic = lapic_of(world, cpu);
    if (lapic)
        lapic_tpr_write(lapic, tpr);
}
/* FERR# is wired to IRQ 13; port F0h clears the latch. */
static void pc_ferr(void *world, bool level) { irq_set(&pc_of(world)->ferr_irq, level); }
static u64 ferr_read(void *owner, u64 off, unsigned size)
{
    (void)owner, (void)off;
    return size_mask(size);
}
static void ferr_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct pc *pc = owner;
    struct cpu *cpu = pc->m->cpu[0];
    (void)off, (void)val, (void)size;
    cpu->ignne = cpu->ferr_high; /* IGNNE# stays up until FERR# falls (SDM vol. 1, D.1.1) */
    irq_set(&pc->ferr_irq, false);
}

/* ---- memory as a processor sees it: its own local APIC's page lies over what the bus has there ---- */

static struct device *lapic_at(struct machine *m, struct cpu *cpu, u64 pa)
{
    struct device *lapic = lapic_of(m, cpu);
    return lapic && lapic_claims(lapic, pa) ? lapic : NULL;
}
static void pc_page(void *world, struct cpu *cpu, u64 pa, struct cpu_page *out)
{
    if (lapic_at(world, cpu, pa))
        *out = (struct cpu_page){NULL, NULL};
    else
        pc_of(world)->bus_side.page(world, cpu, pa, out);
}
static u64 pc_mem_read(void *world, struct cpu *cpu, u64 pa, unsigned size)
{
    struct device *lapic = lapic_at(world, cpu, pa);
    return lapic ? lapic_page_read(lapic, pa, size) : pc_of(world)->bus_side.mem_read(world, cpu, pa, size);
}
static void pc_mem_write(void *world, struct cpu *cpu, u64 pa, u64 val, unsigned size)
{
    struct device *lapic = lapic_at(world, cpu, pa);
    if (lapic)
        lapic_page_write(lapic, pa, val, size);
    else
        pc_of(world)->bus_side.mem_write(world, cpu, pa, val, size);
}
static void cpu_page_moved(void *p, u64 pa)
{
    cpu_ask(p, &(struct cpu_request){.kind = CPU_FLUSH});
    cpu_ask(p, &(struct cpu_request){.kind = CPU_CODE_WRITTEN, .pa = pa, .len = PAGE_SIZE});
}

static bool add_lapics(struct pc *pc)
{
    struct machine *m = pc->m;
    for (unsigned i = 0; i < m->ncpus; i++) {
        struct cpu *cpu = m->cpu[i];
        struct lapic_config c = {
            .bus = &pc->apic_bus,
            .id = (u8)i,
            .bsp = i == 0,
            .x2apic = cpu_has(cpu, FEAT_X2APIC),
            .tsc_deadline = cpu_has(cpu, FEAT_TSC_DEADLINE),
            .phys_bits = m->config.cpu.phys_bits,
            .cpu = cpu,
            .intr = cpu_intr,
            .nmi = cpu_nmi,
            .init = cpu_init,
            .sipi = cpu_sipi,
            .extint_ack = cpu_extint_ack,
            .page_moved = cpu_page_moved,
            .tsc = cpu_tsc,
            .tsc_hz = cpu_model_mhz(&m->config.cpu) * 1000000ull,
        };
        char id[24];
        snprintf(id, sizeof(id), "lapic%u", i);
        if (!(pc->lapic[i] = device_create(&m->sys, &lapic_class, id, &c)))
            return false;
    }
    return true;
}

/* INTR of the 8259A: LINT0 of every local APIC, or the processor's pin where there is none. */
static void intr_set(void *owner, unsigned pin, bool level)
{
    struct pc *pc = owner;
    (void)pin;
    if (!pc->lapic[0]) {
        cpu_intr(pc->m->cpu[0], level);
        return;
    }
    for (unsigned i = 0; i < pc->m->ncpus; i++) {
        struct irq lint0 = lapic_lint(pc->lapic[i], 0);
        irq_set(&lint0, level);
    }
}

static bool add_interrupt_controllers(struct pc *pc)
{
    struct machine *m = pc->m;
    struct pic_config pic = {.intr = {intr_set, pc, 0}};
    struct ioapic_config ioapic = {.bus = &pc->apic_bus, .id = 0};
    bool apic = cpu_has(m->cpu[0], FEAT_APIC);
    if (apic && !add_lapics(pc))
        return false;
    if (!(pc->pic = device_create(&m->sys, &pic_class, "pic", &pic)))
        return false;
    if (apic && !(pc->ioapic = device_create(&m->sys, &ioapic_class, "ioapic", &ioapic)))
        return false;
    for (unsigned i = 0; apic && i < IOAPIC_PINS; i++)
        irq_or_init(&pc->gsi[i], ioapic_input(pc->ioapic, i));
    for (unsigned i = 0; i < ISA_LINES; i++) {
        struct isa_line *l = &pc->line[i];
        l->pic = pic_input(pc->pic, i);
        if (apic)
            l->gsi = irq_or_input(&pc->gsi[i == PC_IRQ_PIT ? PC_GSI_PIT : i]);
        irq_or_init(&l->junction, (struct irq){line_set, l, i});
    }
    struct cpu_env *env = &m->priv->env;
    pc->bus_side = *env;
    env->page = pc_page;
    env->mem_read = pc_mem_read;
    env->mem_write = pc_mem_write;
    env->int_ack = pc_int_ack;
    env->msr_read = pc_msr_read;
    env->msr_write = pc_msr_write;
    env->tpr_read = pc_tpr_read;
    env->tpr_write = pc_tpr_write;
    env->ferr = pc_ferr;
    pc->ferr_irq = isa_irq(pc, PC_IRQ_FERR);
    region_device(&pc->ferr_port, &m->sys.io, "ferr", PC_PORT_FERR, 2, pc, ferr_read, ferr_write);
    m->pic = pc->pic;
    m->ioapic = pc->ioapic;
    return true;
}

/* ---- the chips ---- */

/* Seconds since 1970 that the RTC shows at the start; local time as the user asks. */
static u64 rtc_start(struct machine *m)
{
    const struct machine_config *c = &m->config;
    time_t t = c->rtc_base == UINT64_MAX ? time(NULL) : (time_t)c->rtc_base;
    struct tm tm;
    if (c->rtc_localtime && localtime_r(&t, &tm))
        t += tm.tm_gmtoff;
    return input_draw_number(m, "rtc base", (u64)t);
}

static u64 host_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (u64)ts.tv_sec * NS_PER_SEC + (u64)ts.tv_nsec;
}
/* The host's clocks as of virtual time, so that all clocks of the guest agree. */
static u64 monotonic_at(struct machine *m) { return clock_now(&m->sys.clock) + vclock_host_origin(&m->priv->vclock); }
static u64 monotonic_time(void *owner)
{
    struct machine *m = ((struct pc *)owner)->m;
    return input_draw_number(m, "rtc", monotonic_at(m));
}
static u64 time_of_day(void *owner)
{
    struct machine *m = ((struct pc *)owner)->m;
    u64 ahead = host_clock(CLOCK_REALTIME) - host_clock(CLOCK_MONOTONIC);
    return input_draw_number(m, "rtc", monotonic_at(m) + ahead);
}

/* Bit 7 of port 70h: the gate before the processors' NMI. */
static void nmi_mask_set(void *owner, unsigned pin, bool level)
{
    (void)pin;
    ((struct pc *)owner)->nmi_masked = level;
}

static struct device *add_rtc(struct pc *pc)
{
    const struct machine_config *c = &pc->m->config;
    enum rtc_clock clock = c->rtc_clock;
    if (clock == RTC_CLOCK_DEFAULT) /* with icount nothing may depend on the host */
        clock = c->icount == ICOUNT_OFF ? RTC_CLOCK_HOST : RTC_CLOCK_VM;
    struct rtc_config rtc = {.irq8 = pc->hpet ? hpet_legacy_input(pc->hpet, 1) : isa_irq(pc, PC_IRQ_RTC),
                             .nmi_mask = {nmi_mask_set, pc, 0},
                             .base = rtc_start(pc->m),
                             .host_ns = clock == RTC_CLOCK_HOST ? time_of_day
                                        : clock == RTC_CLOCK_RT ? monotonic_time
                                                                : NULL,
                             .owner = pc,
                             .slew = c->rtc_slew};
    return device_create(&pc->m->sys, &rtc_class, "rtc", &rtc);
}

/* ... and port 61h, which is there for its sake. */
static bool add_pit(struct pc *pc)
{
    struct system *sys = &pc->m->sys;
    struct pit_config pit = {.irq0 = pc->hpet ? hpet_legacy_input(pc->hpet, 0) : isa_irq(pc, PC_IRQ_PIT)};
    struct device *p = device_create(sys, &pit_class, "pit", &pit);
    if (!p)
        return false;
    struct port61_config port61 = {
        .gate2 = pit_gate2(p), .out2 = pit_out2, .out2_high = pit_out2_high, .out2_owner = p, .out2_hz = PIT_HZ};
    return device_create(sys, &port61_class, "port61", &port61);
}

static bool add_timers(struct pc *pc)
{
    struct machine *m = pc->m;
    struct hpet_config hpet = {.legacy = {isa_irq(pc, PC_IRQ_PIT), isa_irq(pc, PC_IRQ_RTC)}};
    for (unsigned i = 0; pc->ioapic && i < HPET_GSIS; i++)
        hpet.gsi[i] = gsi_line(pc, i);
    if (!m->config.no_hpet && !(pc->hpet = device_create(&m->sys, &hpet_class, "hpet", &hpet)))
        return false;
    return (pc->rtc = add_rtc(pc)) && (m->config.no_pit || add_pit(pc));
}

static bool add_keyboard(struct pc *pc)
{
    struct machine *m = pc->m;
    struct i8042_config c = {isa_irq(pc, PC_IRQ_KBD), isa_irq(pc, PC_IRQ_MOUSE)};
    struct device *i8042 = device_create(&m->sys, &i8042_class, "i8042", &c);
    if (!i8042)
        return false;
    struct ps2_config kbd = {i8042_keyboard_data(i8042)}, aux = {i8042_mouse_data(i8042)};
    struct device *keyboard = device_create(&m->sys, &ps2_keyboard_class, "keyboard", &kbd);
    struct device *mouse = device_create(&m->sys, &ps2_mouse_class, "mouse", &aux);
    if (!keyboard || !mouse)
        return false;
    i8042_connect(i8042, ps2_link(keyboard), ps2_link(mouse));
    input_connect_keyboard(m, ps2_keyboard_sink(keyboard));
    input_connect_pointer(m, ps2_mouse_sink(mouse));
    return true;
}

static bool add_delay_ports(struct pc *pc)
{
    struct system *sys = &pc->m->sys;
    return device_create(sys, &port92_class, "port92", NULL) && device_create(sys, &port80_class, "port80", NULL);
}

static bool add_chipset(struct pc *pc)
{
    struct machine *m = pc->m;
    if (!(pc->pci = device_create(&m->sys, &pci_bus_class, "pci.0", NULL)))
        return false;
    m->pci = pc->pci;
    if (pc->ioapic)
        pci_connect_msi(pc->pci, (struct msi){apic_bus_message, &pc->apic_bus});
    u64 below_1m = MIN(pc->rom->size, 0x40000ull);
    struct i440fx_config host = {pc->pci,       m->ram, m->config.ram_size, pc->rom, pc->rom->size - below_1m,
                                 MIB - below_1m};
    struct piix3_config isa = {
        .bus = pc->pci,
        .line = gsi_line,
        .line_free = gsi_line_free,
        .line_owner = pc,
        .lines = pc->ioapic ? IOAPIC_PINS : ISA_LINES,
    };
    for (unsigned i = 0; i < ISA_LINES; i++)
        isa.isa_irq[i] = isa_irq(pc, i);
    struct piix4_pm_config pm = {.bus = pc->pci, .sci = isa_irq(pc, PC_IRQ_SCI), .cpus = m->ncpus};
    return device_create(&m->sys, &i440fx_class, "i440fx", &host) &&
           device_create(&m->sys, &piix3_class, "piix3", &isa) &&
           (m->config.no_acpi || (pc->pm = device_create(&m->sys, &piix4_pm_class, "piix4_pm", &pm)) != NULL);
}

static bool add_vga(struct pc *pc)
{
    struct machine *m = pc->m;
    struct blob rom;
    if (!m->config.vga)
        return true;
    if (!firmware_option_rom(&m->priv->firmware, "vgabios-stdvga.bin", &rom, m->sys.err, sizeof(m->sys.err)))
        return false;
    struct vga_config c = {.pci = pc->pci, .devfn = PC_DEVFN(PC_PCI_VGA), .rom = rom.data, .rom_size = (u32)rom.len};
    struct device *vga = device_create(&m->sys, &vga_class, "vga", &c);
    free(rom.data);
    if (vga)
        machine_add_display(m, vga_display(vga));
    return vga != NULL;
}

static bool add_ide(struct pc *pc)
{
    struct machine *m = pc->m;
    struct ide_config c = {.bus = pc->pci, .irq = {isa_irq(pc, PC_IRQ_IDE0), isa_irq(pc, PC_IRQ_IDE1)}};
    bool ok = true;
    pc->ide = device_create(&m->sys, &ide_class, "ide", &c);
    if (!pc->ide)
        return false;
    for (unsigned i = 0; i < MAX_IDE; i++) { /* all of them, as each takes its disk */
        const struct drive_config *d = &m->config.ide[i];
        ok &= !d->present || ide_add_drive(&m->sys, i, d->cdrom, d->disk, d->id);
    }
    return ok;
}

static bool is_named(const struct drive_config *d, const char *id) { return d->present && d->id && !strcmp(d->id, id); }

static bool on_the_board(const struct machine_config *c, const char *id)
{
    bool hit = false;
    for (unsigned i = 0; i < MAX_IDE; i++)
        hit |= is_named(&c->ide[i], id);
    for (unsigned i = 0; i < MAX_FLOPPY; i++)
        hit |= is_named(&c->floppy[i], id);
    return hit;
}

/* For system.take_drive. */
static bool take_drive(void *owner, struct device *user, const char *id, struct disk **disk)
{
    struct machine *m = owner;
    struct machine_config *c = &m->config;
    unsigned i = 0;
    while (i < MAX_LOOSE && !is_named(&c->loose[i].drive, id))
        i++;
    if (i == MAX_LOOSE && on_the_board(c, id))
        return device_fail(&m->sys,
                           "Drive '%s' is already in use because it has been automatically connected to another device "
                           "(did you need 'if=none' in the drive options?)",
                           id);
    if (i == MAX_LOOSE)
        return device_fail(&m->sys, "Property '%s.drive' can't find value '%s'", user->cls->name, id);
    struct loose_drive *d = &c->loose[i];
    if (d->taken)
        return device_fail(&m->sys, "Drive '%s' is already in use by another device", id);
    d->taken = true;
    d->place = ide_drive_number(user);
    c->ide[d->place] = d->drive;
    *disk = d->drive.disk;
    if (*disk)
        (*disk)->watch = &m->disks;
    d->drive.disk = NULL;
    return true;
}

static bool add_floppies(struct pc *pc)
{
    struct machine *m = pc->m;
    struct device *dma = device_create(&m->sys, &dma8237_class, "dma", NULL);
    if (!dma)
        return false;
    struct fdc_config c = {.irq = isa_irq(pc, PC_IRQ_FDC), .dma = dma8237_channel(dma, PC_DMA_FDC)};
    for (unsigned i = 0; i < MAX_FLOPPY; i++)
        c.drive[i] = (struct fdc_drive_config){m->config.floppy[i].present, m->config.floppy[i].disk};
    pc->fdc = device_create(&m->sys, &fdc_class, "fdc", &c);
    return pc->fdc != NULL;
}

static bool pc_change_medium(struct machine *m, bool floppy, unsigned drive, struct disk *disk, bool force)
{
    struct pc *pc = pc_of(m);
    if (disk)
        disk->watch = &m->disks;
    return floppy ? fdc_change_medium(pc->fdc, drive, disk) : ide_change_medium(pc->ide, drive, disk, force);
}

static bool pc_look_at_drive(struct machine *m, bool floppy, unsigned drive, struct drive_state *out)
{
    struct pc *pc = pc_of(m);
    *out = (struct drive_state){0};
    if (!floppy)
        out->device = ide_look_at_drive(pc->ide, drive, &out->disk, &out->has_tray, &out->tray_open, &out->locked);
    else if (fdc_look_at_drive(pc->fdc, drive, &out->disk))
        out->device = pc->fdc;
    return out->device != NULL;
}

static bool add_firmware_config(struct pc *pc)
{
    struct machine *m = pc->m;
    if (!(pc->fw_cfg = device_create(&m->sys, &fw_cfg_class, "fw_cfg", NULL)))
        return false;
    struct bios_config c = {
        .ram_size = m->config.ram_size,
        .low_ram = pc->low_size,
        .cpus = m->ncpus,
        .apic = pc->ioapic != NULL,
        .hpet = pc->hpet != NULL,
        .boot_menu = m->config.boot_menu,
        .nographic = m->config.nographic,
        .menu_wait_ms = m->config.splash_time_ms,
        .splash = m->config.splash,
        .retry_ms = m->config.reboot_timeout_ms,
        .boot_strict = m->config.boot_strict,
        .acpi = !m->config.no_acpi,
        .uuid = m->config.uuid,
        .kernel = m->config.kernel,
        .initrd = m->config.initrd,
        .append = m->config.append,
        .linux_entry = m->config.linux_entry,
    };
    return bios_setup(&m->sys, pc->fw_cfg, &c);
}

/* How the BIOS is to translate each disk's geometry: 0 not, 1 LBA, 2 LARGE; and that there are two fixed disks. */
static void fill_disk_cmos(struct pc *pc)
{
    u8 translation = 0, types = 0;
    for (unsigned i = 0; i < MAX_IDE; i++) {
        unsigned c, h, s;
        if (!ide_geometry(pc->ide, i, &c, &h, &s))
            continue;
        unsigned t = c <= 1024 && h <= 16 && s <= 63 ? 0 : c * h <= 131072 ? 2 : 1;
        translation |= (u8)(t << (2 * i));
        if (i < 2)
            types |= i ? 0x0f : 0xf0;
    }
    rtc_cmos_set(pc->rtc, 0x39, translation);
    rtc_cmos_set(pc->rtc, 0x12, types);
    rtc_cmos_set(pc->rtc, 0x19, types & 0xf0 ? 47 : 0);
    rtc_cmos_set(pc->rtc, 0x1a, types & 0x0f ? 47 : 0);
}

/* What firmware reads of CMOS RAM (RBIL's CMOS list; SeaBIOS's and QEMU's use of it). */
static void fill_cmos(struct pc *pc, const char *boot_order)
{
    const struct machine_config *c = &pc->m->config;
    struct device *rtc = pc->rtc;
    u64 extended = MIN((pc->low_size - MIN(pc->low_size, (u64)MIB)) / KIB, 65535ull);
    u64 above_16m = pc->low_size > 16 * MIB ? MIN((pc->low_size - 16 * MIB) / (64 * KIB), 65535ull) : 0;
    u64 above_4g = (c->ram_size - pc->low_size) / (64 * KIB);
    rtc_cmos_set(rtc, 0x15, 640 & 0xff);
    rtc_cmos_set(rtc, 0x16, 640 >> 8);
    rtc_cmos_set(rtc, 0x17, (u8)extended);
    rtc_cmos_set(rtc, 0x18, (u8)(extended >> 8));
    rtc_cmos_set(rtc, 0x30, (u8)extended);
    rtc_cmos_set(rtc, 0x31, (u8)(extended >> 8));
    rtc_cmos_set(rtc, 0x34, (u8)above_16m);
    rtc_cmos_set(rtc, 0x35, (u8)(above_16m >> 8));
    for (unsigned i = 0; i < 3; i++)
        rtc_cmos_set(rtc, (u8)(0x5b + i), (u8)(above_4g >> (8 * i)));
    rtc_cmos_set(rtc, 0x5f, (u8)(pc->m->ncpus - 1));
    u8 order[3] = {0};
    const char *letters = boot_order ? boot_order : "cad";
    for (unsigned i = 0; i < 3 && letters[i]; i++)
        order[i] = letters[i] == 'c' ? 2 : letters[i] == 'd' ? 3 : letters[i] == 'n' ? 4 : 1;
    rtc_cmos_set(rtc, 0x3d, (u8)(order[1] << 4 | order[0]));
    rtc_cmos_set(rtc, 0x38, (u8)(order[2] << 4 | !c->fd_bootchk));
    u8 a = fdc_cmos_type(pc->fdc, 0), b = fdc_cmos_type(pc->fdc, 1);
    rtc_cmos_set(rtc, 0x10, (u8)(a << 4 | b));
    /* equipment: FPU, PS/2 mouse, floppies */
    rtc_cmos_set(rtc, 0x14, (u8)(0x06 | (a || b) | (a && b ? 0x40 : 0)));
    fill_disk_cmos(pc);
}

static void pc_reset(struct machine *m) { fill_cmos(pc_of(m), m->config.boot_order); }
static void pc_powerdown(struct machine *m)
{
    if (pc_of(m)->pm)
        piix4_pm_power_button(pc_of(m)->pm);
}
static void pc_nmi(struct machine *m)
{
    struct pc *pc = pc_of(m);
    for (unsigned i = 0; i < m->ncpus && !pc->nmi_masked; i++) {
        if (!pc->lapic[i]) {
            cpu_nmi(m->cpu[i]);
            continue;
        }
        struct irq lint1 = lapic_lint(pc->lapic[i], 1);
        irq_pulse(&lint1);
    }
}
/* Disks belong to their controller, once there is one. */
static void pc_destroy(struct machine *m)
{
    struct pc *pc = pc_of(m);
    for (unsigned i = 0; !pc->ide && i < MAX_IDE; i++)
        disk_close(m->config.ide[i].disk);
    for (unsigned i = 0; !pc->fdc && i < MAX_FLOPPY; i++)
        disk_close(m->config.floppy[i].disk);
    for (unsigned i = 0; i < MAX_LOOSE; i++)
        disk_close(m->config.loose[i].drive.disk);
    ram_destroy(pc->rom);
    free(pc);
}

static void pc_complete(struct machine *m)
{
    fill_disk_cmos(pc_of(m)); /* -device may have brought more */
    if (pc_of(m)->pm)
        piix4_pm_find_ports(pc_of(m)->pm);
}

bool pc_build(struct machine *m)
{
    struct pc *pc = calloc(1, sizeof(*pc));
    if (!pc)
        return device_fail(&m->sys, "not enough memory for the board");
    pc->m = m;
    m->priv->board = pc;
    m->priv->board_size = sizeof(*pc);
    m->priv->board_state = pc_state;
    m->priv->board_reset = pc_reset;
    m->priv->board_complete = pc_complete;
    m->priv->board_powerdown = pc_powerdown;
    m->priv->board_nmi = pc_nmi;
    m->priv->board_destroy = pc_destroy;
    m->priv->board_change_medium = pc_change_medium;
    m->look_at_drive = pc_look_at_drive;
    m->sys.take_drive = take_drive;
    m->sys.take_owner = m;
    space_begin(&m->sys.mem);
    bool ok = map_ram(pc) && map_rom(pc) && add_interrupt_controllers(pc) && add_timers(pc) && add_chipset(pc) &&
              add_vga(pc) && add_ide(pc) && add_floppies(pc) && add_keyboard(pc) && add_delay_ports(pc) &&
              add_firmware_config(pc);
    space_commit(&m->sys.mem);
    if (ok)
        fill_cmos(pc, m->config.boot_once ? m->config.boot_once : m->config.boot_order);
    return ok;
}
