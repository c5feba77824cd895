/* The bus: overlaps and priorities, splitting of accesses, RAM bitmaps, changes under way. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "devices/core/bus.h"

/* A device that logs its accesses and answers with the offset's low byte in each lane. */
struct probe {
    struct region r;
    u64 off[16], val[16];
    unsigned size[16], count;
};

static u64 probe_read(void *owner, u64 off, unsigned size)
{
    struct probe *p = owner;
    p->off[p->count] = off;
    p->size[p->count++] = size;
    u64 val = 0;
    for (unsigned i = 0; i < size; i++)
        val |= ((off + i) & 0xff) << (8 * i);
    return val;
}
static void probe_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct probe *p = owner;
    p->off[p->count] = off;
    p->val[p->count] = val;
    p->size[p->count++] = size;
}

static struct trace quiet;
static struct space mem, io;
static struct probe a, b;

static void setup(void)
{
    space_init(&mem, "memory", 1ull << 52, false, &quiet);
    space_init(&io, "port", 65536, true, &quiet);
    a = b = (struct probe){0};
}
static void teardown(void)
{
    space_destroy(&mem);
    space_destroy(&io);
}
static void claim(struct probe *p, struct space *s, u64 base, u64 size)
{
    region_device(&p->r, s, "probe", base, size, p, probe_read, probe_write);
}

START_TEST(holes_read_as_ones)
{
    ck_assert_uint_eq(space_read(&io, 0x80, 1), 0xff);
    ck_assert_uint_eq(space_read(&mem, 0x1234, 8), ~0ull);
    space_write(&mem, 0, 1, 8);
    ck_assert_ptr_null(space_find(&mem, 0));
}
END_TEST

START_TEST(word_splits_between_two_byte_ports)
{
    claim(&a, &io, 0x70, 1);
    claim(&b, &io, 0x71, 1);
    space_write(&io, 0x70, 0xbbaa, 2);
    ck_assert_uint_eq(a.count, 1);
    ck_assert_uint_eq(a.size[0], 1);
    ck_assert_uint_eq(a.val[0], 0xaa);
    ck_assert_uint_eq(b.val[0], 0xbb);
    ck_assert_uint_eq(b.off[0], 0);
    ck_assert_uint_eq(space_read(&io, 0x70, 4), 0xffff0000);
}
END_TEST

static struct {
    u64 start, size;
} moved[8];
static unsigned nmoved;
static void on_moved(void *owner, u64 start, u64 size)
{
    (void)owner;
    moved[nmoved].start = start;
    moved[nmoved++ % 8].size = size;
}

/* A change of the view is told for exactly those addresses where something else answers. */
START_TEST(moves_are_told)
{
    claim(&a, &mem, 0x1000, 0x4000);
    mem.moved = on_moved;
    nmoved = 0;
    claim(&b, &mem, 0x3000, 0x1000);
    ck_assert_uint_eq(nmoved, 1);
    ck_assert_uint_eq(moved[0].start, 0x3000);
    ck_assert_uint_eq(moved[0].size, 0x1000);
    nmoved = 0;
    region_move(&b.r, 0x8000);
    ck_assert_uint_eq(nmoved, 2);
    ck_assert_uint_eq(moved[0].start, 0x3000);
    ck_assert_uint_eq(moved[0].size, 0x1000);
    ck_assert_uint_eq(moved[1].start, 0x8000);
    ck_assert_uint_eq(moved[1].size, 0x1000);
    nmoved = 0;
    region_move(&a.r, 0x2000); /* the same region, other bytes of it */
    ck_assert_uint_eq(moved[0].start, 0x1000);
    ck_assert_uint_eq(moved[nmoved - 1].start + moved[nmoved - 1].size, 0x6000);
    nmoved = 0;
    space_begin(&mem);
    region_enable(&a.r, false);
    region_enable(&a.r, true);
    space_commit(&mem);
    ck_assert_uint_eq(nmoved, 0);
}
END_TEST

START_TEST(a_claim_takes_whole_cycles)
{
    claim(&a, &io, 0xcf8, 4);
    b.r.priority = PRIO_OVERLAY;
    claim(&b, &io, 0xcf9, 1);
    space_write(&io, 0xcf8, 0x80001234, 4);
    ck_assert_uint_eq(a.count, 1);
    ck_assert_uint_eq(a.size[0], 4);
    ck_assert_uint_eq(a.val[0], 0x80001234);
    space_write(&io, 0xcf9, 6, 1);
    ck_assert_uint_eq(b.count, 1);
    ck_assert_uint_eq(a.count, 1);
}
END_TEST

START_TEST(widths_and_alignment)
{
    claim(&a, &mem, 0x1000, 0x100);
    a.r.max_access = 2;
    ck_assert_uint_eq(space_read(&mem, 0x1010, 4), 0x13121110);
    ck_assert_uint_eq(a.count, 2);
    ck_assert_uint_eq(a.size[0], 2);
    a.count = 0;
    a.r.max_access = 4;
    ck_assert_uint_eq(space_read(&mem, 0x1011, 4), 0x14131211);
    ck_assert_uint_eq(a.count, 3); /* 1 + 2 + 1 */
    a.count = 0;
    a.r.min_access = 4;
    ck_assert_uint_eq(space_read(&mem, 0x1022, 1), 0x22);
    ck_assert_uint_eq(a.off[0], 0x20);
    ck_assert_uint_eq(a.size[0], 4);
    space_write(&mem, 0x1022, 0xee, 1);
    ck_assert_uint_eq(a.val[1], 0xee0000);
    ck_assert_uint_eq(a.off[1], 0x20);
}
END_TEST

START_TEST(ram_rom_and_overlays)
{
    struct ram *ram = ram_create(0x10000);
    struct region low = {0}, rom = {0};
    region_ram(&low, &mem, "ram", 0, ram, 0, 0x10000, false);
    region_ram(&rom, &mem, "rom", 0x20000, ram, 0x8000, 0x1000, true);
    space_write(&mem, 0x7ffe, 0x1122334455667788, 8);
    ck_assert_uint_eq(space_read(&mem, 0x7fff, 4), 0x44556677);
    ck_assert_uint_eq(space_read(&mem, 0x20000, 4), 0x33445566);
    space_write(&mem, 0x20000, 0, 4);
    ck_assert_uint_eq(space_read(&mem, 0x20000, 4), 0x33445566);
    space_load(&mem, 0x20000, "abc", 3);
    ck_assert_uint_eq(space_read(&mem, 0x8000, 4), 0x33636261);

    claim(&a, &mem, 0x2000, 0x1000);
    ck_assert_uint_eq(space_read(&mem, 0x1ffe, 4), 0x01000000);
    ck_assert_uint_eq(mem.nflat, 4);
    region_enable(&a.r, false);
    ck_assert_uint_eq(mem.nflat, 2);
    region_enable(&a.r, true);
    region_move(&a.r, 0xfffffffffffff800ull); /* a BAR of all ones claims nothing reachable */
    ck_assert_uint_eq(mem.nflat, 2);
    region_move(&a.r, 0x3000);
    u8 buf[0x2000];
    space_write(&mem, 0x2fff, 0x42, 1);
    space_read_bytes(&mem, 0x2fff, buf, 9);
    ck_assert_uint_eq(buf[0], 0x42);
    ck_assert_uint_eq(buf[3], 2);
    region_remove(&a.r);
    ck_assert_uint_eq(mem.nflat, 2);
    ram_destroy(ram);
}
END_TEST

static unsigned told;
static u64 told_off;
static void code_written(void *owner, struct ram *ram, u64 off, unsigned len)
{
    (void)owner, (void)ram, (void)len;
    told++;
    told_off = off;
}

/* RAM at 1 MiB; who is told of writes to code in it */
static struct ram *watched_ram(struct region *r, void (*written)(void *owner, struct ram *ram, u64 off, unsigned len))
{
    struct ram *ram = ram_create(0x4000);
    region_ram(r, &mem, "ram", 0x100000, ram, 0, 0x4000, false);
    mem.code_written = written;
    told = 0;
    return ram;
}

START_TEST(dirty_and_code)
{
    struct region r = {0};
    struct ram *ram = watched_ram(&r, code_written);
    ram->code[1] = BIT64(2); /* 0x1080..0x10bf */
    u8 zero[0x1000] = {0};
    space_write(&mem, 0x10107f, 0, 1);
    ck_assert_uint_eq(told, 0);
    ck_assert_uint_eq(ram->dirty[1], 0xff);
    ck_assert_uint_eq(ram->dirty[0], 0);
    space_write(&mem, 0x10107f, 0, 2);
    ck_assert_uint_eq(told, 1);
    space_write_bytes(&mem, 0x100f00, zero, sizeof zero);
    ck_assert_uint_eq(told, 2);
    ck_assert_uint_eq(told_off, 0x1000);
    ck_assert_uint_eq(ram->dirty[2], 0);
    ram_destroy(ram);
}
END_TEST

static void code_dropped(void *owner, struct ram *ram, u64 off, unsigned len)
{
    (void)owner;
    told += len == 0x1000 && off == 0x1000;
    ram->code[1] = 0;
}

/* Code that nobody runs any more does not slow its page's data for ever; code that comes back holds out longer. */
START_TEST(code_among_data)
{
    struct region r = {0};
    struct ram *ram = watched_ram(&r, code_dropped);
    for (unsigned round = 1, last = 0; round <= 3; round++) {
        unsigned writes = 0;
        for (ram->code[1] = BIT64(2); ram->code[1] && writes < 100000; writes++)
            space_write(&mem, 0x101800, writes, 4);
        ck_assert_uint_eq(told, round);
        ck_assert_uint_gt(writes, last);
        ck_assert(ram_direct(ram, 0x1000));
        last = writes;
    }
    ram_destroy(ram);
}
END_TEST

static void moving_write(void *owner, u64 off, u64 val, unsigned size)
{
    probe_write(owner, off, val, size);
    region_move(&((struct probe *)owner)->r, 0x500);
}

START_TEST(a_handler_may_move_its_region)
{
    region_device(&a.r, &io, "mover", 0x400, 2, &a, probe_read, moving_write);
    space_write(&io, 0x3ff, 0x030201ff, 4);
    ck_assert_uint_ge(a.count, 1);
    ck_assert_uint_eq(a.val[0] & 0xff, 0x01);
    ck_assert_ptr_nonnull(space_find(&io, 0x500));
    ck_assert_ptr_null(space_find(&io, 0x400));
}
END_TEST

static void count_change(void *owner) { ++*(unsigned *)owner; }

START_TEST(batches_rebuild_once)
{
    unsigned changes = 0;
    io.changed = count_change;
    io.changed_owner = &changes;
    space_begin(&io);
    claim(&a, &io, 0x10, 1);
    claim(&b, &io, 0x10, 1);
    space_commit(&io);
    ck_assert_uint_eq(changes, 1);
    ck_assert_ptr_eq(space_find(&io, 0x10)->region, &b.r); /* the later claim */
}
END_TEST

START_TEST(impossible_ram)
{
    ck_assert_ptr_null(ram_create(0));
    ck_assert_ptr_null(ram_create(UINT64_MAX));
}
END_TEST

/* Without a file that holds it: none can be opened, or none may be that large. */
START_TEST(ram_without_a_file)
{
    int limit = _i == 0 ? RLIMIT_NOFILE : RLIMIT_FSIZE;
    struct rlimit before, none;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(limit, &before), 0);
    none = (struct rlimit){0, before.rlim_max};
    ck_assert_int_eq(setrlimit(limit, &none), 0);
    struct ram *ram = ram_create(0x10000);
    ck_assert_int_eq(setrlimit(limit, &before), 0);
    ck_assert_ptr_nonnull(ram);
    ck_assert_int_eq(ram->fd, -1);
    ck_assert_uint_eq(ram->host[0xffff], 0);
    ram->host[0xffff] = 1;
    ram_destroy(ram);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bus");
    TCase *t = tcase_create("bus");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, holes_read_as_ones);
    tcase_add_test(t, word_splits_between_two_byte_ports);
    tcase_add_test(t, a_claim_takes_whole_cycles);
    tcase_add_test(t, moves_are_told);
    tcase_add_test(t, widths_and_alignment);
    tcase_add_test(t, ram_rom_and_overlays);
    tcase_add_test(t, dirty_and_code);
    tcase_add_test(t, code_among_data);
    tcase_add_test(t, a_handler_may_move_its_region);
    tcase_add_test(t, batches_rebuild_once);
    tcase_add_test(t, impossible_ram);
    tcase_add_loop_test(t, ram_without_a_file, 0, 2);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
