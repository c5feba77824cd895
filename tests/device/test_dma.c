/* Memory as bus masters see it: gates, the end of addresses, RAM without a copy, registers in order. */
#include <check.h>
#include <stdlib.h>

#include "devices/core/dma.h"

enum { RAM_SIZE = 0x10000, REGISTERS = 0x20000, OTHERS = 0x20800, ROM = 0x30000 };

static struct trace quiet;
static struct space mem;
static struct ram *ram, *rom;
static struct region low, high, fixed, registers, others;
static u8 command;
static struct dma_view view, any;
static unsigned written, code_writes;
static u64 last_value;

static u64 read_register(void *owner, u64 off, unsigned size) { return (void)owner, (void)off, (void)size, 0x5a; }
static void write_register(void *owner, u64 off, u64 val, unsigned size)
{
    (void)owner, (void)off, (void)size;
    last_value = val;
    written++;
}
/* Registers whose every write has their owner move something itself: to RAM, and to other registers. */
static void write_and_move(void *owner, u64 off, u64 val, unsigned size)
{
    static const u8 byte = 0x77;
    (void)owner, (void)off, (void)val, (void)size;
    written++;
    ck_assert(dma_write(&any, 0x500, &byte, 1));
    ck_assert(dma_write(&any, REGISTERS, &byte, 1));
}
static void on_code(void *owner, struct ram *r, u64 off, unsigned len)
{
    (void)owner, (void)r, (void)off, (void)len;
    code_writes++;
}

static void setup(void)
{
    space_init(&mem, "memory", BIT64(52), false, &quiet);
    ram = ram_create(RAM_SIZE);
    rom = ram_create(0x1000);
    mem.code_written = on_code;
    region_ram(&low, &mem, "low", 0, ram, 0, 0x8000, false);
    region_ram(&high, &mem, "high", BIT64(32) - 0x8000, ram, 0x8000, 0x8000, false);
    region_ram(&fixed, &mem, "rom", ROM, rom, 0, 0x1000, true);
    region_device(&registers, &mem, "registers", REGISTERS, 16, NULL, read_register, write_register);
    region_device(&others, &mem, "others", OTHERS, 16, NULL, read_register, write_and_move);
    view = (struct dma_view){&mem, UINT32_MAX, &command, 4};
    any = (struct dma_view){.mem = &mem, .last = UINT64_MAX};
    registers.master = &view;
    command = 4;
    written = code_writes = 0;
}
static void teardown(void)
{
    space_destroy(&mem);
    ram_destroy(ram);
    ram_destroy(rom);
}

START_TEST(gate)
{
    u8 b[4] = {1, 2, 3, 4};
    struct dma_map m;
    command = 0xfb;
    ck_assert(!dma_write(&view, 0x100, b, 4));
    ck_assert_uint_eq(ld32(ram->host + 0x100), 0);
    ck_assert(!dma_read(&view, 0x100, b, 4));
    ck_assert_uint_eq(ld32(b), 0xffffffff);
    ck_assert(!dma_map(&view, 0x100, 4, true, &m));
    ck_assert(dma_write(&any, 0x100, "abcd", 4));
    ck_assert_mem_eq(ram->host + 0x100, "abcd", 4);
}
END_TEST

/* 32 bits of address go on at 0; a master with more meets a hole there. */
START_TEST(end_of_addresses)
{
    u8 b[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct dma_map m;
    ck_assert(dma_write(&view, 0xfffffffc, b, 8));
    ck_assert_uint_eq(ld32(ram->host + 0xfffc), 0x04030201);
    ck_assert_uint_eq(ld32(ram->host), 0x08070605);
    memset(b, 0, 8);
    ck_assert(dma_read(&view, 0xfffffffe, b, 4));
    ck_assert_uint_eq(ld32(b), 0x06050403);
    ck_assert(dma_map(&view, 0xfffffffc, 8, false, &m));
    ck_assert_uint_eq(m.len, 4);
    dma_unmap(&view, &m, 4);
    ck_assert(dma_read(&any, 0xfffffffe, b, 4));
    ck_assert_uint_eq(ld32(b), 0xffff0403);
}
END_TEST

START_TEST(without_a_copy)
{
    struct dma_map m;
    ck_assert(dma_map(&view, 0x7000, 0x4000, true, &m)); /* as far as it is RAM */
    ck_assert_ptr_eq(m.host, ram->host + 0x7000);
    ck_assert_uint_eq(m.len, 0x1000);
    ram->code[7] = 1; /* the first 64 bytes hold decoded code */
    memset(m.host, 1, 100);
    ck_assert_uint_eq(ram->dirty[7], 0);
    dma_unmap(&view, &m, 0);
    ck_assert_uint_eq(ram->dirty[7], 0);
    dma_unmap(&view, &m, 100);
    ck_assert_uint_eq(ram->dirty[7], 0xff);
    ck_assert_uint_eq(code_writes, 1);
    ck_assert(dma_map(&view, ROM + 0xff0, 100, false, &m));
    ck_assert_uint_eq(m.len, 16);
    dma_unmap(&view, &m, 16);
    ck_assert_uint_eq(rom->dirty[0], 0);
    ck_assert(!dma_map(&view, ROM, 100, true, &m));
    ck_assert(!dma_map(&view, OTHERS, 4, true, &m));
    ck_assert(!dma_map(&view, 0x40000, 4, false, &m));
}
END_TEST

/* Across a hole into registers: its own do not answer, those of others do. */
START_TEST(own_registers)
{
    u8 b[0x40];
    memset(b, 0x11, sizeof(b));
    ck_assert(dma_write(&view, REGISTERS - 8, b, sizeof(b)));
    ck_assert_uint_eq(written, 0);
    ck_assert(dma_read(&view, REGISTERS - 8, b, sizeof(b)));
    ck_assert_uint_eq(b[8], 0xff);
    ck_assert(dma_read(&any, REGISTERS, b, 1));
    ck_assert_uint_eq(b[0], 0x5a);
    ck_assert(dma_write(&any, REGISTERS, b, 4));
    ck_assert_uint_eq(written, 1);
    ck_assert_uint_eq(last_value, 0xffffff5a);
}
END_TEST

/* What registers set off reaches RAM, and no registers. */
START_TEST(registers_of_others)
{
    static const u8 byte = 1;
    ck_assert(dma_write(&view, OTHERS, &byte, 1));
    ck_assert_uint_eq(written, 1);
    ck_assert_uint_eq(ram->host[0x500], 0x77);
    space_write(&mem, OTHERS, 1, 1); /* a processor's is no bus master's */
    ck_assert_uint_eq(written, 3);
    ck_assert(dma_write(&any, REGISTERS, &byte, 1)); /* and all is open again */
    ck_assert_uint_eq(written, 4);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dma");
    TCase *t = tcase_create("dma");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, gate);
    tcase_add_test(t, end_of_addresses);
    tcase_add_test(t, without_a_copy);
    tcase_add_test(t, own_registers);
    tcase_add_test(t, registers_of_others);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
