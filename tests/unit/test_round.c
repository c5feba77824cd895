/* Loops that come round to the state they were in (cpu_run_round), and loops that do not. */
#include "tests/unit/cpu_world.h"

static struct {
    struct cpu_round round;
    unsigned begun;
    bool differs; /* memory */
} look;

static void begin(void *owner) { (void)owner, look.begun++; }
static bool memory_is_same(void *owner) { return (void)owner, !look.differs; }
static u32 clock_read(void *world, u16 port, unsigned size)
{
    (void)world, (void)port, (void)size;
    look.round.given_up = true;
    return 0;
}

static u64 run(void)
{
    look.round = (struct cpu_round){.begin = begin, .memory_is_same = memory_is_same};
    return cpu_run_round(w.cpu, 5000, &look.round);
}
static void start(void)
{
    w_start("max");
    w_protected(0);
    w.cpu->gpr[SLOT_RIP] = CODE;
}

START_TEST(waits_for_memory)
{
    start();
    CODE_AT(CODE, 0x50, 0x58, 0xf6, 0x05, 0, 0, 2, 0, 1, 0x74, 0xf5); /* push; pop; test byte [DATA], 1; jz back */
    ck_assert_uint_lt(run(), 1000);
    ck_assert(look.round.came_round && !look.round.given_up);
    ck_assert_uint_eq(look.round.length, 4);
}
END_TEST

/* The way into a loop of 3,000 instructions is none of it. */
START_TEST(long_loop_behind_another)
{
    start();
    CODE_AT(CODE, 0xb9, 200, 0, 0, 0, 0xe2, 0xfe);           /* mov ecx, 200; loop itself */
    CODE_AT(CODE + 7, 0xb9, 0xdb, 5, 0, 0, 0x49, 0x75, 0xfd, /* mov ecx, 1499; dec ecx; jnz */
            0xeb, 0xf6);                                     /* jmp to the mov */
    look.round = (struct cpu_round){.begin = begin, .memory_is_same = memory_is_same};
    cpu_run_round(w.cpu, 20000, &look.round);
    ck_assert(look.round.came_round);
    ck_assert_uint_eq(look.round.length, 3000);
}
END_TEST

START_TEST(counts)
{
    start();
    CODE_AT(CODE, 0x40, 0xeb, 0xfd); /* inc eax; jmp back */
    ck_assert_uint_eq(run(), 5000);
    ck_assert(!look.round.came_round && look.begun > 3);
}
END_TEST

/* The same state each time, just behind the read: that ends the look all the same. */
START_TEST(reads_a_clock)
{
    start();
    w.env.io_read = clock_read;
    CODE_AT(CODE, 0xe4, 0x61, 0xeb, 0xfc); /* in al, 61h; jmp back */
    w.cpu->gpr[RAX] = 0;
    w.cpu->gpr[SLOT_RIP] = CODE + 2;
    run();
    ck_assert(look.round.given_up && !look.round.came_round);
}
END_TEST

START_TEST(changes_memory)
{
    start();
    look.differs = true;
    CODE_AT(CODE, 0xff, 0x05, 0, 0, 2, 0, 0xeb, 0xf8); /* inc dword [DATA]; jmp back */
    run();
    ck_assert(!look.round.came_round);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_test(t, waits_for_memory);
    tcase_add_test(t, long_loop_behind_another);
    tcase_add_test(t, counts);
    tcase_add_test(t, reads_a_clock);
    tcase_add_test(t, changes_memory);
}

int main(void) { return w_main("round", add); }
