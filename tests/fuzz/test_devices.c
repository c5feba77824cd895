/*
 * Random accesses to every chip of devices.def at once, hardly wired to each
 * other: what a hostile guest can do with IN, OUT and MOV. Nothing is
 * expected but that we survive; the sanitizers of the asan build look on.
 *   test_fuzz_devices [STEPS [SEED]]
 */
#include "devices/ps2.h"
#include "tests/device/chips.h"
#include "tests/fuzz/hostile.h"

enum { DEFAULT_STEPS = 200000, RAM_SIZE = 2 << 20 };

/* What front ends do meanwhile. */
static void one_input(struct system *sys)
{
    struct device *k = chip_find(sys, &ps2_keyboard_class), *m = chip_find(sys, &ps2_mouse_class);
    if (k && below(2)) {
        static const u32 keys[] = {0xe11d45, 0xe037, 0xe046, 0x1d, 0x38, 0x2a};
        struct keyboard_sink s = ps2_keyboard_sink(k);
        s.key(s.owner, below(4) ? (u32)below(128) | (below(2) ? 0xe000 : 0) : keys[below(ARRAY_LEN(keys))], below(2));
        ps2_link(k).write(ps2_link(k).owner, (u8)value());
    } else if (m) {
        const struct pointer_sink *s = ps2_mouse_sink(m);
        s->move(s->owner, (int)rnd(), (int)rnd());
        s->wheel(s->owner, (int)rnd());
        s->buttons(s->owner, (unsigned)rnd());
        ps2_link(m).write(ps2_link(m).owner, (u8)value());
    }
}

static void step(struct system *sys)
{
    switch (below(256)) {
    case 0:
        clock_advance(&sys->clock, clock_now(&sys->clock) + below(2000000));
        break;
    case 1:
        one_input(sys);
        break;
    case 2:
        if (below(64) == 0)
            device_reset_all(sys);
        break;
    case 3:
        if (below(16) == 0)
            one_snapshot(sys);
        break;
    default:
        one_access(sys);
    }
}

int main(int argc, char **argv)
{
    u64 steps = argc > 1 ? strtoull(argv[1], NULL, 0) : DEFAULT_STEPS;
    u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    rnd_seed(seed);
    struct trace quiet = {0};
    static struct system sys;
    system_init(&sys, &quiet);
    struct ram *ram = ram_create(RAM_SIZE);
    struct region low = {0};
    region_ram(&low, &sys.mem, "ram", 0, ram, 0, RAM_SIZE, false);
    for (unsigned i = 0; i < CHIPS; i++) {
        if (!chip_find(&sys, chip_classes[i]) && !chip_create(&sys, chip_classes[i], ram)) {
            fprintf(stderr, "%s: %s\n", chip_classes[i]->name, sys.err);
            return EXIT_FAILURE;
        }
    }
    for (u64 i = 0; i < steps; i++)
        step(&sys);
    printf("%d chips, %llu steps, seed %llu: survived\n", CHIPS, (unsigned long long)steps, (unsigned long long)seed);
    system_destroy(&sys);
    ram_destroy(ram);
    return EXIT_SUCCESS;
}
