/*
 * An end that was asked for comes, whatever the rest of the program does: a
 * child whose main thread hangs gets a signal and is gone within its grace.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "frontend/guard.h"
#include "frontend/loop.h"

#include <check.h>

enum { LIMIT_MS = 2000, ENDED_ORDERLY = 3 };

static int told[2]; /* what the child's guard did, for the parent */

static void note(char what)
{
    if (write(told[1], &what, 1) != 1)
        _exit(ENDED_ORDERLY);
}
static void on_end(void *owner, int sig)
{
    (void)owner;
    note(sig == SIGTERM ? 'e' : '?');
}
static void on_job(void *owner, int sig) { (void)owner, (void)sig; }
static bool give_up(void *owner)
{
    note('g');
    return owner != NULL;
}

/* A child that hangs under a guard; whether that may give up. Its exit status; 'said' is what the guard did. */
static int hang(bool may_give_up, char *said, size_t size, u64 *ms)
{
    ck_assert_int_eq(pipe(told), 0);
    pid_t child = fork();
    if (!child) {
        struct guard_actions a = {on_end, on_job, give_up, may_give_up ? told : NULL};
        if (!guard_create(&a))
            _exit(ENDED_ORDERLY);
        note('r');
        for (;;)
            pause();
    }
    close(told[1]);
    ck_assert_int_eq(read(told[0], said, 1), 1); /* it stands */
    u64 begin = loop_now_ms();
    int status;
    kill(child, SIGTERM);
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (loop_now_ms() - begin > LIMIT_MS)
            kill(child, SIGKILL);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    *ms = loop_now_ms() - begin;
    ssize_t n = read(told[0], said, size - 1);
    said[n > 0 ? n : 0] = 0;
    close(told[0]);
    return status;
}

START_TEST(a_program_that_hangs_ends)
{
    char said[64];
    u64 ms;
    int status = hang(true, said, sizeof(said), &ms);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE, "status %x after %llu ms", status,
                  (unsigned long long)ms);
    ck_assert_str_eq(said, "eg");
    ck_assert_uint_ge(ms, 500); /* it had its grace */
}
END_TEST

/* Somebody says that the end is under way: it is waited for. */
START_TEST(an_end_under_way_is_waited_for)
{
    char said[64];
    u64 ms;
    int status = hang(false, said, sizeof(said), &ms);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ck_assert_msg(!strncmp(said, "eg", 2), "%s", said);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("guard");
    TCase *t = tcase_create("guard");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, a_program_that_hangs_ends);
    tcase_add_test(t, an_end_under_way_is_waited_for);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
