/*
 * cpu/undefined.def on ours: what its rows say must hold in the interpreter and the translator, on any host.
 * --list: the rows, and whether this host's CPU answers so.
 */
#include <check.h>

#include "tests/insn/undefined.h"

static void check_row(const struct undefined_row *row, const char *engine)
{
    for (const struct undefined_probe *p = row->probes; p->bits; p++)
        for (unsigned run = 0; run < 2 && !ours_pretends(); run++) {
            ours_maker(p->maker != MAKER_INTEL);
            ck_assert_msg(undefined_probe_holds(p, run, ours_run, FL_ARITH), "%s: probe %u, run %u, by the %s", row->id,
                          (unsigned)(p - row->probes), run, engine);
        }
}
START_TEST(rows_hold)
{
    if (ours_translate())
        check_row(&undefined_rows[_i], "translator");
    ours_features();
    ours_switch(false);
    check_row(&undefined_rows[_i], "interpreter");
    /* otherwise it would not be noticed that a CPU is another */
    if (ours_pretends() && undefined_rows[_i].probes->bits && undefined_rows[_i].what)
        ck_assert_msg(!undefined_row_native(&undefined_rows[_i]), "%s", undefined_rows[_i].id);
}
END_TEST

static void list(void)
{
    for (const struct undefined_row *r = undefined_rows; r->id; r++)
        printf("%-16s %-8s%s\n%24s%s\n%24s%s\n", r->id,
               !r->probes->bits          ? "unasked"
               : undefined_row_native(r) ? "so"
                                         : "other",
               r->mnemonics, "", r->source, "", r->ours);
}

int main(int argc, char **argv)
{
    int rows = 0;
    if (argc > 1 && !strcmp(argv[1], "--list"))
        return list(), 0;
    while (undefined_rows[rows].id)
        rows++;
    Suite *s = suite_create("undefined");
    TCase *t = tcase_create("rows");
    tcase_add_loop_test(t, rows_hold, 0, rows);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_set_fork_status(sr, CK_NOFORK);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
