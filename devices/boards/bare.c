/*
 * The board of `-M bare`: processors, flat RAM from 0 over all of -m, COM1,
 * debug consoles, isa-debug-exit. No firmware, no interrupt controllers, no
 * holes: for test programs. A ROM named with -bios stands below 4 GiB as on a
 * PC and is where the processor starts; a kernel named with -kernel is put into
 * memory, and the first processor into its entry point, at every reset.
 */
#include <stdlib.h>

#include "bios/firmware.h"
#include "bios/kernel.h"
#include "devices/machine/machine_internal.h"

struct bare {
    struct bus isa; /* for ports: no interrupts */
    struct region ram, rom_top, rom_low;
    struct ram *rom;
    struct boot_plan plan; /* of -kernel */
};

/* A kernel is the command line's, and put into memory anew at a reset. */
#define BARE(f) HOST(struct bare, f)
static const struct state_field bare_state[] = {
    MEMORY(struct bare, rom), BARE(isa), BARE(ram), BARE(rom_top), BARE(rom_low), BARE(plan), STATE_END,
};

static void bare_destroy(struct machine *m)
{
    struct bare *b = m->priv->board;
    kernel_plan_free(&b->plan);
    ram_destroy(b->rom);
    free(b);
}

static bool map_rom(struct machine *m, struct bare *b)
{
    b->rom = firmware_load(&m->priv->firmware, m->config.bios, m->sys.err, sizeof(m->sys.err));
    if (!b->rom)
        return false;
    u64 size = b->rom->size, low = MIN(size, 0x20000ull);
    region_ram(&b->rom_top, &m->sys.mem, "bios", (1ull << 32) - size, b->rom, 0, size, true);
    region_ram(&b->rom_low, &m->sys.mem, "bios-low", 0x100000 - low, b->rom, size - low, low, true);
    b->rom_top.priority = b->rom_low.priority = PRIO_DEVICE;
    return true;
}

/* ---- -kernel ---- */

enum { GDT_ADDR = 0x600 };

static void set_segment(struct cpu *cpu, enum segreg s, u16 sel, u64 descriptor)
{
    cpu->seg[s] = (struct seg){.sel = sel, .limit = 0xffffffffu, .attr = (u32)(descriptor >> 40) & 0xf0ff};
}

/* The processor as kernelboot.asm leaves it on a PC: flat segments, no interrupts, no paging but for 64 bits. */
static void enter_kernel(struct machine *m, const struct boot_plan *plan)
{
    static const u64 code32 = 0x00cf9b000000ffffull, data = 0x00cf93000000ffffull, code64 = 0x00af9b000000ffffull;
    struct cpu *cpu = m->cpu[0];
    bool is64 = plan->kind == BOOT_LONG;
    u64 gdt[BOOT_CODE64 / 8 + 1] = {[BOOT_CODE64 / 8] = code64};
    gdt[plan->cs / 8] = code32;
    gdt[plan->ds / 8] = data;
    for (unsigned i = 0; i < ARRAY_LEN(gdt); i++)
        space_write(&m->sys.mem, GDT_ADDR + i * 8, gdt[i], 8);
    cpu->gdtr = (struct dtable){.base = GDT_ADDR, .limit = sizeof(gdt) - 1};
    for (unsigned s = 0; s < SEG_COUNT; s++)
        set_segment(cpu, (enum segreg)s, plan->ds, data);
    set_segment(cpu, CS, is64 ? BOOT_CODE64 : plan->cs, is64 ? code64 : code32);
    cpu->cr0 = CR0_PE | CR0_ET | (is64 ? (u64)CR0_PG : 0);
    cpu->cr3 = plan->cr3;
    cpu->cr4 = is64 ? CR4_PAE : 0;
    cpu->efer = is64 ? EFER_LME | EFER_LMA : 0;
    cpu->gpr[RAX] = plan->eax;
    cpu->gpr[RBX] = plan->ebx;
    cpu->gpr[RSI] = plan->esi;
    cpu->gpr[RSP] = 0x7c00;
    cpu->gpr[RDX] = 0;
    cpu->gpr[SLOT_RIP] = plan->entry;
    tlb_flush(cpu, true);
    cpu_update_mode(cpu);
}

/* The memory map in the form the plan asks for: it is all RAM. */
static void write_map(struct machine *m, const struct boot_map *map)
{
    enum { ENTRY = 20, RAM = 1 };
    struct space *mem = &m->sys.mem;
    if (!map->addr)
        return;
    if (map->lead)
        space_write(mem, map->addr, ENTRY, 4);
    space_write(mem, map->addr + map->lead, 0, 8);
    space_write(mem, map->addr + map->lead + 8, m->config.ram_size, 8);
    space_write(mem, map->addr + map->lead + 16, RAM, 4);
    space_write(mem, map->count_addr, map->count_bytes ? map->stride : 1, map->count_size);
}

static void start_kernel(struct machine *m)
{
    const struct boot_plan *plan = &((struct bare *)m->priv->board)->plan;
    for (unsigned i = 0; i < plan->npieces; i++)
        space_write_bytes(&m->sys.mem, plan->piece[i].addr, plan->piece[i].data, plan->piece[i].len);
    write_map(m, &plan->map);
    enter_kernel(m, plan);
}

static bool load_kernel(struct machine *m, struct bare *b)
{
    const struct machine_config *c = &m->config;
    enum { LINUX_ENTRY = 32 }; /* the 16-bit one wants firmware */
    struct bios_config cfg = {.ram_size = c->ram_size,
                              .low_ram = MIN(c->ram_size, 0xffff0000ull),
                              .cpus = m->ncpus,
                              .kernel = c->kernel,
                              .initrd = c->initrd,
                              .append = c->append,
                              .linux_entry = c->linux_entry ? c->linux_entry : LINUX_ENTRY};
    if (cfg.linux_entry == 16)
        return device_fail(&m->sys,
                           "-M bare has no firmware for the 16-bit entry of a kernel: use linux-entry=32 or 64");
    if (!kernel_plan(&cfg, &b->plan, m->sys.err, sizeof(m->sys.err)))
        return false;
    if (b->plan.kind == BOOT_LONG && !cpu_has(m->cpu[0], FEAT_LM))
        return device_fail(&m->sys, "this processor has no 64-bit mode to start the kernel in: use another -cpu");
    m->priv->board_reset = start_kernel;
    start_kernel(m);
    return true;
}

bool bare_build(struct machine *m)
{
    struct bare *b = calloc(1, sizeof(*b));
    if (!b)
        return device_fail(&m->sys, "not enough memory for the board");
    m->priv->board = b;
    m->priv->board_size = sizeof(*b);
    m->priv->board_state = bare_state;
    m->priv->board_destroy = bare_destroy;
    if (!machine_add_ram(m, m->config.ram_size))
        return false;
    region_ram(&b->ram, &m->sys.mem, "ram", 0, m->ram, 0, m->config.ram_size, false);
    if (m->config.bios && !map_rom(m, b))
        return false;
    bus_init(&b->isa, &m->sys, NULL, "ISA", "isa.0");
    return !m->config.kernel || load_kernel(m, b);
}
