/*
 * Saved states that somebody made up: every chip of devices.def saves, some of the values are changed with all names,
 * types and lengths left right, and what is not refused runs under random accesses while time passes. Nothing is
 * expected but that we survive, and that a refusal names the device.
 *   test_fuzz_state [ROUNDS [SEED]]
 */
#include "tests/device/chips.h"
#include "tests/fuzz/hostile.h"
#include "tests/fuzz/spoil.h"

enum { DEFAULT_ROUNDS = 60, ACCESSES = 300, RAM_SIZE = 2 << 20 };

static u64 loaded, refused;

static void one_chip(struct system *sys, struct device *dev)
{
    struct state_buf b = {0};
    state_save(dev->cls->state, dev, &b);
    spoil(dev->cls->state, b.data, 2 + (unsigned)below(60));
    if (device_load(dev, &b)) {
        loaded++;
    } else {
        refused++;
        if (!strstr(sys->err, dev->id))
            abort();
    }
    free(b.data);
    for (unsigned i = 0; i < ACCESSES; i++)
        if (below(64))
            one_access(sys);
        else
            clock_advance(&sys->clock, clock_now(&sys->clock) + below(2000000));
}

static void one_round(struct ram *ram, const struct device_class *cls)
{
    static struct system sys;
    struct trace quiet = {0};
    struct region low = {0};
    system_init(&sys, &quiet);
    region_ram(&low, &sys.mem, "ram", 0, ram, 0, RAM_SIZE, false);
    struct device *dev = chip_create(&sys, cls, ram);
    if (!dev) {
        fprintf(stderr, "%s: %s\n", cls->name, sys.err);
        exit(EXIT_FAILURE);
    }
    for (unsigned i = 0; i < 4; i++)
        one_chip(&sys, dev);
    system_destroy(&sys);
}

int main(int argc, char **argv)
{
    u64 rounds = argc > 1 ? strtoull(argv[1], NULL, 0) : DEFAULT_ROUNDS;
    rnd_seed(argc > 2 ? strtoull(argv[2], NULL, 0) : 1);
    struct ram *ram = ram_create(RAM_SIZE);
    for (u64 i = 0; i < rounds; i++)
        one_round(ram, chip_classes[i % CHIPS]);
    printf("%llu states taken, %llu refused: survived\n", (unsigned long long)loaded, (unsigned long long)refused);
    ram_destroy(ram);
    return EXIT_SUCCESS;
}
