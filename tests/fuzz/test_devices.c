/*
 * Random accesses to every chip of devices.def at once, hardly wired to each
 * other: what a hostile guest can do with IN, OUT and MOV. Nothing is
 * expected but that we survive; the sanitizers of the asan build look on.
 *   test_fuzz_devices [STEPS [SEED]]
 */
#include "devices/ps2.h"
#include "tests/device/chips.h"

enum { DEFAULT_STEPS = 200000, RAM_SIZE = 2 << 20 };

static u64 state;

/* xorshift64*: the same numbers everywhere */
static u64 rnd(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
}
static u64 below(u64 n) { return rnd() % n; }

/* An address within what the view holds, or a little past it. */
static u64 address(const struct space *s)
{
    if (s->nflat == 0 || below(50) == 0)
        return s->is_io ? below(0x10000) : rnd() & 0xffffffff;
    const struct flat_range *f = &s->flat[below(s->nflat)];
    u64 span = MIN(f->size, 0x1000);
    return f->start + (below(4) ? below(span) : below(f->size));
}

/* Mostly small or patterned: values that registers take. */
static u64 value(void)
{
    static const u64 special[] = {0, 1, 0xff, 0x80, 0xffff, 0xffffffff, 0x80000000, ~0ull, 0x55aa};
    switch (below(4)) {
    case 0: return special[below(ARRAY_LEN(special))];
    case 1: return BIT64(below(64));
    case 2: return below(256);
    default: return rnd();
    }
}

static void one_access(struct system *sys)
{
    struct space *s = below(3) ? &sys->io : &sys->mem;
    unsigned size = 1u << below(s->is_io ? 3 : 4);
    u64 addr = address(s);
    if (s->is_io)
        addr &= 0xffff;
    /* Bursts to one place: data ports, FIFOs, index registers. */
    unsigned times = below(20) ? 1 : 1 + (unsigned)below(600);
    bool write = below(3) != 0;
    for (unsigned i = 0; i < times; i++) {
        if (write)
            space_write(s, addr, value(), size);
        else
            space_read(s, addr, size);
    }
}

/* What front ends do meanwhile. */
static void one_input(struct system *sys)
{
    struct device *k = chip_find(sys, &ps2_keyboard_class), *m = chip_find(sys, &ps2_mouse_class);
    if (k && below(2)) {
        static const u32 keys[] = {0xe11d45, 0xe037, 0xe046, 0x1d, 0x38, 0x2a};
        struct input_sink s = ps2_sink(k);
        s.key(s.owner, below(4) ? (u32)below(128) | (below(2) ? 0xe000 : 0) : keys[below(ARRAY_LEN(keys))], below(2));
        ps2_link(k).write(ps2_link(k).owner, (u8)value());
    } else if (m) {
        struct input_sink s = ps2_sink(m);
        s.mouse(s.owner, (int)rnd(), (int)rnd(), (int)rnd(), (unsigned)rnd());
        ps2_link(m).write(ps2_link(m).owner, (u8)value());
    }
}

/* A snapshot taken and restored in the middle of it all. */
static void one_snapshot(struct system *sys)
{
    unsigned n = 0;
    for (struct device *d = sys->devices; d; d = d->next)
        n++;
    struct device *dev = sys->devices;
    for (u64 i = below(n); i; i--)
        dev = dev->next;
    struct state_buf b = {0};
    char err[256];
    state_save(dev->cls->state, dev, &b);
    if (!state_load(dev->cls->state, dev, &sys->clock, &b, err, sizeof err)) {
        fprintf(stderr, "%s: %s\n", dev->cls->name, err);
        abort();
    }
    if (dev->cls->restored)
        dev->cls->restored(dev);
    free(b.data);
}

static void step(struct system *sys)
{
    switch (below(256)) {
    case 0: clock_advance(&sys->clock, clock_now(&sys->clock) + below(2000000)); break;
    case 1: one_input(sys); break;
    case 2:
        if (below(64) == 0)
            device_reset_all(sys);
        break;
    case 3:
        if (below(16) == 0)
            one_snapshot(sys);
        break;
    default: one_access(sys);
    }
}

int main(int argc, char **argv)
{
    u64 steps = argc > 1 ? strtoull(argv[1], NULL, 0) : DEFAULT_STEPS;
    u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    state = seed * 0x9e3779b97f4a7c15ull | 1;
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
