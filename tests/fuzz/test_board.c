/*
 * A whole pc under a hostile guest: random accesses to every port and every
 * page that is claimed, with all chips wired as on the board, disks in the
 * drives, lines and keys from outside, time passing, resets and snapshots. The
 * processors are there and never run. Needs Debian's seabios.
 *   test_fuzz_board [STEPS [SEED]]
 */
#include "devices/apic/lapic.h"
#include "devices/machine/machine_internal.h"
#include "tests/device/chips.h"
#include "tests/fuzz/hostile.h"

enum { DEFAULT_STEPS = 100000, RAM_SIZE = 8 << 20 };

/* A host end that is sometimes full. */
static size_t sink_write(struct chardev *cd, const u8 *buf, size_t n)
{
    (void)cd, (void)buf;
    return below(4) ? n : 0;
}

static void feed(struct chardev *cd)
{
    u8 bytes[32];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (u8)rnd();
    size_t room = cd->input ? cd->input->room(cd->owner) : 0;
    if (room)
        cd->input->receive(cd->owner, bytes, MIN(room, sizeof bytes));
    if (cd->input && below(8) == 0)
        cd->input->event(cd->owner, CHARDEV_BREAK);
}

static struct chardev sink[2] = {{.write = sink_write}, {.write = sink_write}};
static struct chardev *find_sink(void *owner, const char *id) { return (void)owner, &sink[*id - '0']; }

static void one_input(struct machine *m)
{
    switch (below(4)) {
    case 0:
        machine_key(m, (u32)below(128) | (below(2) ? 0xe000 : 0), below(2));
        break;
    case 1:
        machine_pointer_move(m, (int)rnd(), (int)rnd());
        machine_pointer_at(m, "", (int)rnd(), (int)rnd());
        machine_pointer_wheel(m, (int)rnd());
        machine_pointer_buttons(m, (unsigned)rnd());
        break;
    case 2:
        feed(&sink[0]);
        break;
    default:
        if (m->displays)
            m->displays->refresh(m->displays->owner, below(2));
    }
}

/* The local APICs are not on the bus: their processors' way to them. */
static void one_apic_access(struct machine *m)
{
    struct cpu_env *env = &m->priv->env;
    u64 pa = LAPIC_BASE + below(0x400);
    unsigned size = 1u << below(4);
    struct cpu *cpu = m->cpu[below(2)];
    if (below(2))
        env->mem_write(m, cpu, pa, rnd(), size);
    else
        env->mem_read(m, cpu, pa, size);
}

static void step(struct machine *m)
{
    struct clock *clock = &m->sys.clock;
    switch (below(256)) {
    case 0:
    case 1:
        clock_advance(clock, clock_now(clock) + below(2000000));
        break;
    case 2:
        one_input(m);
        break;
    case 3:
        if (below(128) == 0)
            device_reset_all(&m->sys);
        break;
    case 4:
        if (below(16) == 0)
            one_snapshot(&m->sys);
        break;
    case 5:
    case 6:
        one_apic_access(m);
        break;
    default:
        one_access(&m->sys);
    }
}

static struct machine *build(struct trace *quiet)
{
    static const struct device_args devices[] = {
        {.driver = "isa-serial", .property = {{"chardev", "0"}}, .nproperties = 1},
        {.driver = "isa-serial"},
        {.driver = "isa-parallel", .property = {{"chardev", "1"}}, .nproperties = 1},
        {.driver = "isa-debug-exit"},
        {.driver = "pvpanic"},
        {.driver = "pc-testdev"},
    };
    struct machine_config c = {.type = MACHINE_PC,
                               .ram_size = RAM_SIZE,
                               .cpus = 2,
                               .icount = ICOUNT_SHIFT,
                               .devices = devices,
                               .ndevices = ARRAY_LEN(devices),
                               .find_chardev = find_sink,
                               .vga = true,
                               .trace = quiet};
    c.floppy[0] = (struct drive_config){.present = true, .disk = memory_disk(2880, quiet)};
    c.ide[0] = (struct drive_config){.present = true, .disk = memory_disk(10000, quiet)};
    c.ide[2] = (struct drive_config){.present = true, .cdrom = true, .disk = memory_disk(4000, quiet)};
    char err[256] = "";
    struct machine *m = NULL;
    if (cpu_model_parse("max", &c.cpu, err, sizeof err))
        m = machine_create(&c, err, sizeof err);
    if (!m)
        fprintf(stderr, "%s\n", err);
    return m;
}

int main(int argc, char **argv)
{
    u64 steps = argc > 1 ? strtoull(argv[1], NULL, 0) : DEFAULT_STEPS;
    u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    rnd_seed(seed);
    struct trace quiet = {0};
    struct machine *m = build(&quiet);
    if (!m)
        return EXIT_FAILURE;
    for (u64 i = 0; i < steps; i++)
        step(m);
    printf("a pc, %llu steps, seed %llu: survived\n", (unsigned long long)steps, (unsigned long long)seed);
    machine_destroy(m);
    return EXIT_SUCCESS;
}
