/* The disks a machine is given are closed once each, whether it was built, half built or not at all. */
#include <check.h>
#include <stdlib.h>

#include "devices/block/format.h"
#include "devices/machine/machine.h"

static struct trace quiet;
static unsigned closed[4];
static struct disk disks[4];

static void note_close(struct disk *d) { closed[d - disks]++; }
static const struct disk_ops ops = {.name = "none", .close = note_close};

/* Two IDE disks and two floppies, the second of that many sectors. */
static struct machine *build(const char *bios, u64 sectors, char *err, size_t size)
{
    struct machine_config c = {.type = MACHINE_PC, .ram_size = 16 << 20, .cpus = 1, .bios = bios, .trace = &quiet};
    for (unsigned i = 0; i < 4; i++) {
        closed[i] = 0;
        disks[i] = (struct disk){.ops = &ops, .sectors = i == 3 ? sectors : 2880, .readonly = true};
        (i < 2 ? &c.ide[i] : &c.floppy[i - 2])[0] = (struct drive_config){.present = true, .disk = &disks[i]};
    }
    ck_assert(cpu_model_parse("max", &c.cpu, err, size));
    return machine_create(&c, err, size);
}
static void expect_closed(unsigned times)
{
    for (unsigned i = 0; i < 4; i++)
        ck_assert_msg(closed[i] == times, "disk %u was closed %u times, not %u", i, closed[i], times);
}

START_TEST(built)
{
    char err[256] = "";
    struct machine *m = build(NULL, 2880, err, sizeof err);
    ck_assert_msg(m != NULL, "%s", err);
    expect_closed(0);
    machine_destroy(m);
    expect_closed(1);
}
END_TEST

START_TEST(half_built)
{
    char err[256] = "";
    ck_assert_ptr_null(build(NULL, 1 << 20, err, sizeof err));
    ck_assert_ptr_nonnull(strstr(err, "too large for a floppy"));
    expect_closed(1);
}
END_TEST

START_TEST(not_built)
{
    char err[256] = "";
    ck_assert_ptr_null(build("/nonexistent/bios", 2880, err, sizeof err));
    expect_closed(1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("machine disks");
    TCase *t = tcase_create("all");
    tcase_add_test(t, built);
    tcase_add_test(t, half_built);
    tcase_add_test(t, not_built);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
