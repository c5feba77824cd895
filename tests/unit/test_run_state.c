/* Whether the machine runs, and its clock with it: one state, whoever asks for what. The machine's thread runs. */
#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "devices/machine/machine_internal.h"

static struct trace quiet;
static struct machine *m;

/* 'jmp $' at the reset vector of a bare machine, whose RAM is all there is. */
static void setup(void)
{
    static const u8 loop[] = {0xeb, 0xfe};
    char err[256];
    struct machine_config c = {.type = MACHINE_BARE,
                               .ram_size = 1 << 20,
                               .cpus = 1,
                               .no_shutdown = true,
                               .start_paused = true,
                               .trace = &quiet};
    ck_assert(cpu_model_parse("max", &c.cpu, err, sizeof err));
    m = machine_create(&c, err, sizeof err);
    ck_assert_msg(m != NULL, "%s", err);
    space_write_bytes(&m->sys.mem, 0xffff0, loop, sizeof(loop));
    m->cpu[0]->seg[CS].base = 0xf0000;
    cpu_update_mode(m->cpu[0]);
    ck_assert(machine_start(m));
}
static void teardown(void) { machine_destroy(m); }

static void nothing(struct machine *machine, void *arg) { (void)machine, (void)arg; }
/* What was asked for has been carried out: that is between two calls. */
static void settle(void)
{
    machine_call(m, nothing, NULL);
    machine_call(m, nothing, NULL);
}
static void power_off(struct machine *machine, void *arg)
{
    (void)arg;
    system_request(&machine->sys, REQUEST_SHUTDOWN);
}
static void read_clock(struct machine *machine, void *arg) { *(u64 *)arg = clock_now(&machine->sys.clock); }
static u64 now(void)
{
    u64 ns;
    machine_call(m, read_clock, &ns);
    return ns;
}
static bool clock_moves(void)
{
    u64 start = now();
    for (unsigned i = 0; i < 20 && now() == start; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return now() != start;
}

/* As QEMU: after a power-off only a reset helps, and then the machine waits to be started. */
START_TEST(power_off_and_reset)
{
    machine_cont(m);
    settle();
    ck_assert_int_eq(machine_state(m), RUN_RUNNING);
    machine_call(m, power_off, NULL);
    settle();
    ck_assert_int_eq(machine_state(m), RUN_SHUTDOWN);
    machine_cont(m);
    ck_assert_int_eq(machine_state(m), RUN_SHUTDOWN);
    machine_reset(m);
    settle();
    ck_assert_int_eq(machine_state(m), RUN_PRELAUNCH);
    ck_assert_str_eq(run_state_name(RUN_PRELAUNCH), "prelaunch");
    machine_cont(m);
    ck_assert_int_eq(machine_state(m), RUN_RUNNING);
}
END_TEST

/* A debugger's step of a machine that runs stops it; its clock stands until it goes on. */
START_TEST(step_while_running)
{
    machine_cont(m);
    ck_assert(clock_moves());
    machine_step(m, 0, false, false);
    ck_assert_int_eq(machine_state(m), RUN_DEBUG);
    ck_assert(!clock_moves());
    machine_step(m, 0, false, false);
    machine_cont(m);
    ck_assert_int_eq(machine_state(m), RUN_RUNNING);
    ck_assert(clock_moves());
}
END_TEST

int main(void)
{
    Suite *s = suite_create("run state");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, power_off_and_reset);
    tcase_add_test(t, step_while_running);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
