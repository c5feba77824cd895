/*
 * Every chip of devices.def, and whatever else the running machine is: its state description covers its struct, saving
 * and loading gives the same bytes, resetting twice gives the state of once.
 */
#include "tests/device/chips.h"
#include "tests/device/rig.h"

#include "cpu/cpu.h"
#include "devices/machine/machine_internal.h"

static struct ram *ram;

/* What of the machine is no device. */
static const struct {
    const char *name;
    const struct state_field *fields;
    size_t size;
} others[] = {
    {"struct cpu", cpu_state, sizeof(struct cpu)},
    {"struct system", system_state, sizeof(struct system)},
    {"struct clock", clock_state, sizeof(struct clock)},
    {"struct irq", wire_state, sizeof(struct irq)},
    {"struct irq_or", irq_or_state, sizeof(struct irq_or)},
    {"struct machine", machine_state_table, sizeof(struct machine)},
    {"struct machine_private", machine_private_table, sizeof(struct machine_private)},
    {"struct vclock", vclock_state, sizeof(struct vclock)},
};

static void setup(void)
{
    rig_up();
    ram = ram_create(1 << 20);
}
static void teardown(void)
{
    rig_down();
    ram_destroy(ram);
}

START_TEST(every_byte_is_declared)
{
    const struct device_class *cls = chip_classes[_i];
    long at = state_uncovered(cls->state, cls->size);
    ck_assert_msg(at == -1, "%s: byte %ld of %zu is in no entry, or in two", cls->name, at, cls->size);
}
END_TEST

START_TEST(every_byte_of_the_rest)
{
    long at = state_uncovered(others[_i].fields, others[_i].size);
    ck_assert_msg(at == -1, "%s: byte %ld of %zu is in no entry, or in two", others[_i].name, at, others[_i].size);
}
END_TEST

/* A chip that needs a bus says so. */
START_TEST(alone_or_a_sentence)
{
    struct device *dev = device_create(&rig.sys, chip_classes[_i], NULL, NULL);
    ck_assert_msg(dev || rig.sys.err[0], "%s refuses without a sentence", chip_classes[_i]->name);
}
END_TEST

static struct state_buf save(const struct device *dev)
{
    struct state_buf b = {0};
    state_save(dev->cls->state, dev, &b);
    return b;
}

static void same(const struct device *dev, const struct state_buf *a, const struct state_buf *b, const char *what)
{
    ck_assert_msg(a->len == b->len && !memcmp(a->data, b->data, a->len), "%s: %s changes the state", dev->cls->name,
                  what);
}

/* Some life, so that events and buffers hold something: a few hundred accesses all over its claims. */
static void stir(struct device *dev)
{
    u32 seed = 12345;
    for (unsigned i = 0; i < 500; i++) {
        seed = seed * 1664525 + 1013904223;
        struct space *s = seed >> 30 & 1 && dev->sys->mem.nflat ? &dev->sys->mem : &dev->sys->io;
        if (!s->nflat)
            continue;
        const struct flat_range *f = &s->flat[(seed >> 8) % s->nflat];
        space_write(s, f->start + (seed >> 16) % f->size, seed >> 3, 1);
        if (i % 50 == 0)
            wait_ns(seed % 3000000);
    }
}

START_TEST(round_trip)
{
    struct device *dev = chip_create(&rig.sys, chip_classes[_i], ram);
    ck_assert_msg(dev != NULL, "%s: %s", chip_classes[_i]->name, rig.sys.err);
    struct state_buf fresh = save(dev);
    stir(dev);
    struct state_buf a = save(dev);
    stir(dev);
    ck_assert_msg(device_load(dev, &a), "%s", rig.sys.err);
    struct state_buf b = save(dev);
    same(dev, &a, &b, "save, load, save");
    /* Loading what a fresh one saved must work too: nothing is kept outside the description. */
    ck_assert_msg(device_load(dev, &fresh), "%s", rig.sys.err);
    free(a.data);
    free(b.data);
    free(fresh.data);
}
END_TEST

/* Event sequence numbers and times differ between two resets in time; the rest may not. */
START_TEST(reset_is_idempotent)
{
    struct device *dev = chip_create(&rig.sys, chip_classes[_i], ram);
    if (dev->cls->reset) {
        stir(dev);
        rig.sys.clock.seq = 1000;
        dev->cls->reset(dev);
        struct state_buf a = save(dev);
        rig.sys.clock.seq = 1000;
        dev->cls->reset(dev);
        struct state_buf b = save(dev);
        same(dev, &a, &b, "a second reset");
        free(a.data);
        free(b.data);
    }
}
END_TEST

/* Where the first value of the first saved field 'name' lies in what state_save() wrote at 'at', or NULL; *end: after.
 */
static u8 *find_value(const struct state_field *fields, u8 *at, const char *name, const struct state_field **found,
                      u8 **end)
{
    for (const struct state_field *f = fields; f->type != STATE_END_; f++) {
        if (f->type >= STATE_DERIVED)
            continue;
        at += 1 + strlen(f->name) + 5;
        if (f->type != STATE_STRUCT) {
            *found = f;
            if (!strcmp(f->name, name))
                return at;
            at += f->type == STATE_EVENT ? 17 : (size_t)f->size * f->count;
            continue;
        }
        for (u32 i = 0; i < f->count; i++) {
            u8 *hit = find_value(f->fields, at, name, found, &at);
            if (hit)
                return hit;
        }
    }
    *end = at + 1;
    return NULL;
}

static const struct {
    const struct device_class *cls;
    const char *field;
    u64 value;
} hostile[] = {
    {&fdc_class, "fifo_need", 200},    {&fdc_class, "fifo_pos", 255},   {&ide_class, "multiple", 255},
    {&ide_class, "block", 1000000},    {&ide_class, "heads", 0},        {&ide_class, "heads", 17},
    {&ide_class, "sectors", 0},        {&ide_class, "pos", UINT32_MAX}, {&pit_class, "next", 65537},
    {&vga_class, "dac_component", 3},  {&hpet_class, "status", 8},      {&hpet_class, "config", 4},
    {&ioapic_class, "lines", BIT(24)}, {&piix3_class, "up", 0xffff},    {&lapic_class, "timer_divide", 0xff},
    {&dma8237_class, "dreq", 16},      {&fw_cfg_class, "nfiles", 65},
};

/* A value that cannot be is refused by the names of device and field, and the device is as it was. */
START_TEST(hostile_values)
{
    struct device *dev = chip_create(&rig.sys, hostile[_i].cls, ram);
    ck_assert_ptr_nonnull(dev);
    struct state_buf before = save(dev), bad = save(dev);
    const struct state_field *f;
    u8 *end, *at = find_value(dev->cls->state, bad.data, hostile[_i].field, &f, &end);
    ck_assert_msg(at != NULL, "%s has no '%s'", dev->cls->name, hostile[_i].field);
    st_le(at, hostile[_i].value, f->size);
    ck_assert_msg(!device_load(dev, &bad), "%s takes '%s'", dev->cls->name, hostile[_i].field);
    ck_assert_ptr_nonnull(strstr(rig.sys.err, dev->id));
    ck_assert_ptr_nonnull(strstr(rig.sys.err, hostile[_i].field));
    struct state_buf after = save(dev);
    same(dev, &before, &after, "a refused state");
    free(before.data);
    free(bad.data);
    free(after.data);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device coverage");
    TCase *t = tcase_create("coverage");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    int n = CHIPS;
    tcase_add_loop_test(t, every_byte_is_declared, 0, n);
    tcase_add_loop_test(t, every_byte_of_the_rest, 0, (int)ARRAY_LEN(others));
    tcase_add_loop_test(t, alone_or_a_sentence, 0, n);
    tcase_add_loop_test(t, round_trip, 0, n);
    tcase_add_loop_test(t, reset_is_idempotent, 0, n);
    suite_add_tcase(s, t);
    t = tcase_create("hostile");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, hostile_values, 0, (int)ARRAY_LEN(hostile));
    suite_add_tcase(s, t);
    return rig_run(s);
}
