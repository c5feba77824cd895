/* The disks a machine is given are closed once each, whether it was built, half built or not at all. */
#include <check.h>
#include <stdlib.h>

#include "devices/block/format.h"
#include "devices/machine/machine.h"

static struct trace quiet;
enum { DISKS = 6 };
static unsigned closed[DISKS];
static struct disk disks[DISKS];

static void note_close(struct disk *d) { closed[d - disks]++; }
static const struct disk_ops ops = {.name = "none", .close = note_close};

/*
 * Two IDE disks, two floppies, the second of that many sectors, and two drives for -device to name, "x" and "y", of
 * which 'device' wants one.
 */
static struct machine *build(const char *bios, u64 sectors, const char *device, char *err, size_t size)
{
    struct device_args args[2] = {
        {.driver = "ide-hd", .id = "first", .bus = "ide.1", .property = {{"drive", "x"}}, .nproperties = 1},
        {.driver = "ide-hd", .bus = "ide.1", .property = {{"drive", device}}, .nproperties = 1}};
    struct machine_config c = {.type = MACHINE_PC,
                               .ram_size = 16 << 20,
                               .cpus = 1,
                               .bios = bios,
                               .trace = &quiet,
                               .devices = args,
                               .ndevices = device ? 2 : 1};
    for (unsigned i = 0; i < DISKS; i++) {
        closed[i] = 0;
        disks[i] = (struct disk){.ops = &ops, .sectors = i == 3 ? sectors : 2880, .readonly = true};
        struct drive_config *to = i < 2 ? &c.ide[i] : i < 4 ? &c.floppy[i - 2] : &c.loose[i - 4].drive;
        *to = (struct drive_config){.present = true, .disk = &disks[i], .id = i == 0 ? "a" : i == 4 ? "x" : "y"};
    }
    ck_assert(cpu_model_parse("max", &c.cpu, err, size));
    return machine_create(&c, err, size);
}
static void expect_closed(unsigned times)
{
    for (unsigned i = 0; i < DISKS; i++)
        ck_assert_msg(closed[i] == times, "disk %u was closed %u times, not %u", i, closed[i], times);
}

START_TEST(built)
{
    char err[256] = "";
    struct machine *m = build(NULL, 2880, NULL, err, sizeof err);
    ck_assert_msg(m != NULL, "%s", err);
    expect_closed(0);
    struct drive_state now;
    ck_assert(m->look_at_drive(m, false, 2, &now) && now.disk == &disks[4]);
    ck_assert(now.device == device_find(&m->sys, "first"));
    ck_assert(m->config.loose[0].taken && m->config.loose[0].place == 2 && !m->config.loose[1].taken);
    ck_assert(!m->look_at_drive(m, false, 3, &now));
    machine_destroy(m);
    expect_closed(1);
}
END_TEST

START_TEST(half_built)
{
    char err[256] = "";
    ck_assert_ptr_null(build(NULL, 1 << 20, NULL, err, sizeof err));
    ck_assert_ptr_nonnull(strstr(err, "too large for a floppy"));
    expect_closed(1);
}
END_TEST

START_TEST(not_built)
{
    char err[256] = "";
    ck_assert_ptr_null(build("/nonexistent/bios", 2880, NULL, err, sizeof err));
    expect_closed(1);
}
END_TEST

/* A drive is one device's, and must be there. */
START_TEST(refused)
{
    static const char *const cases[][2] = {
        {"x", "Drive 'x' is already in use by another device"},
        {"a", "Drive 'a' is already in use because it has been automatically connected to another device (did you need "
              "'if=none' in the drive options?)"},
        {"z", "Property 'ide-hd.drive' can't find value 'z'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char err[256] = "";
        ck_assert_ptr_null(build(NULL, 2880, cases[i][0], err, sizeof err));
        ck_assert_str_eq(err, cases[i][1]);
        expect_closed(1);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("machine disks");
    TCase *t = tcase_create("all");
    tcase_add_test(t, built);
    tcase_add_test(t, half_built);
    tcase_add_test(t, not_built);
    tcase_add_test(t, refused);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
