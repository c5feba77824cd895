/*
 * The benchmark programs in one binary (programs.def lists them).
 *
 *   bench list          name, group, count, what of each, separated by tabs
 *   bench NAME COUNT    runs one; prints "@START NAME", then "@END NAME CHECKSUM"
 *                       or "@SKIP NAME FEATURE" where the CPU lacks what it needs
 *   bench exit          nothing: what forkexec executes
 *
 * The two lines are for somebody else's clock, which looks when a line ends:
 * all but that end has left the terminal before the program begins.
 */
#include "bench.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

enum need { NEED_none, NEED_ssse3, NEED_avx2, NEED_fma };

static const struct program {
    const char *name, *group;
    enum need need;
    const char *feature;
    unsigned count;
    const char *what;
    uint64_t (*run)(unsigned count);
} programs[] = {
#define PROGRAM(name, group, needs, count, what) {#name, #group, NEED_##needs, #needs, count, what, bench_##name},
#include "programs.def"
#undef PROGRAM
};
enum { PROGRAMS = sizeof programs / sizeof programs[0] };

void bench_die(const char *what)
{
    printf("@FAIL %s\n", what);
    exit(1);
}

void *bench_alloc(size_t bytes)
{
    void *p = calloc(1, bytes);
    if (!p)
        bench_die("out of memory");
    return p;
}

static bool have(enum need need)
{
    __builtin_cpu_init();
    switch (need) {
    case NEED_ssse3:
        return __builtin_cpu_supports("ssse3");
    case NEED_avx2:
        return __builtin_cpu_supports("avx2");
    case NEED_fma:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case NEED_none:
        break;
    }
    return true;
}

static void run(const struct program *p, unsigned count)
{
    if (!have(p->need)) {
        printf("@SKIP %s %s\n", p->name, p->feature);
        return;
    }
    printf("@START %s", p->name);
    fflush(stdout);
    tcdrain(STDOUT_FILENO); // sleeps for some ticks; fails on a pipe, which has no need of it
    putchar('\n');
    fflush(stdout);
    uint64_t sum = p->run(count);
    printf("@END %s %016" PRIx64 "\n", p->name, sum);
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "exit"))
        return 0;
    if (argc == 2 && !strcmp(argv[1], "list")) {
        for (const struct program *p = programs; p < programs + PROGRAMS; p++)
            printf("%s\t%s\t%u\t%s\n", p->name, p->group, p->count, p->what);
        return 0;
    }
    if (argc == 3)
        for (const struct program *p = programs; p < programs + PROGRAMS; p++)
            if (!strcmp(p->name, argv[1])) {
                run(p, (unsigned)strtoul(argv[2], NULL, 10));
                return 0;
            }
    fprintf(stderr, "usage: %s list | exit | NAME COUNT\n", argv[0]);
    return 2;
}
