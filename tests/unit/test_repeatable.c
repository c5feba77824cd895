/*
 * What a CPU computes in a run that is to repeat anywhere: the x87's functions, of which each maker's silicon has last
 * places of its own, rounded to the nearest, by every engine. The operands are such that an AMD Zen 3 is one unit off.
 */
#include "cpu/x87/fp80.h"
#include "tests/unit/cpu_world.h"

enum { SPACING = 16 }; /* of registers in memory */

static const struct function {
    u8 opcode;                /* after D9 */
    u8 results;               /* on the stack */
    struct x87_reg st1, st0;  /* ST(1) matters to FPATAN, FYL2X, FYL2XP1, FPREM, FSCALE */
    struct x87_reg result[2]; /* from the top of the stack */
} functions[] = {
    {0xf3, 1, {0x8b4eb7817f86ead9, 0x3ffd}, {0xfad4dc52cb2fa2ae, 0x3ffc}, {{0xd67bcd1af867e837, 0x3ffe}}}, /* FPATAN */
    {0xf1, 1, {0xae70e5fe7ef21a3b, 0x4000}, {0xe64f0f005ca9632e, 0x3ff9}, {{0xe0b47eb1161d8624, 0xc002}}}, /* FYL2X */
    {0xf9, 1, {0xa7b578984885bd65, 0x4000}, {0x920d2c369d33aa01, 0x3ffe}, {{0xda6fac687adf423e, 0x3fff}}}, /* FYL2XP1 */
    {0xf0, 2, {1, 0}, {0xf6110a4987fb85e4, 0x3ff8}, {{0xab7382d24c63785c, 0x3ff8}, {1, 0}}},               /* F2XM1 */
    {0xfe, 2, {1, 0}, {0xdca282d957ea61cf, 0x3ffd}, {{0xd5de8d579a0e8093, 0x3ffd}, {1, 0}}},               /* FSIN */
    {0xff, 2, {1, 0}, {0xa87df66f6d1ff7d2, 0x3ffe}, {{0xca864b4bd5a5870d, 0x3ffe}, {1, 0}}},               /* FCOS */
    {0xf2, 2, {1, 0}, {0xf83e31d5a9a22666, 0x3ffb}, {{BIT64(63), 0x3fff}, {0xf9774542b0c6c000, 0x3ffb}}},  /* FPTAN */
    {0xfb,
     2,
     {1, 0},
     {0x8b425caed2fe48b5, 0x3ffd},
     {{0xf696c42b22671c6d, 0x3ffe}, {0x898c6c2924c4f422, 0x3ffd}}}, /* FSINCOS */
};

static void put(u32 at, struct x87_reg r)
{
    st64(w.ram + at, r.man);
    st16(w.ram + at + 8, r.se);
}

START_TEST(test_functions)
{
    const struct function *f = &functions[_i];
    w_start("max");
    jit_detach(w.cpu);
    w.cpu->fp80 = fp80_functions(true);
    w_engine();
    w_protected(0);
    /* fninit; fld tbyte [DATA]; fld tbyte [DATA + 16]; the function; fstp tbyte [DATA + 32]; [DATA + 48]; hlt */
    CODE_AT(CODE, 0xdb, 0xe3, 0xdb, 0x2d, 0, 0, 2, 0, 0xdb, 0x2d, SPACING, 0, 2, 0, 0xd9, f->opcode, 0xdb, 0x3d,
            2 * SPACING, 0, 2, 0, 0xdb, 0x3d, 3 * SPACING, 0, 2, 0, 0xf4);
    put(DATA, f->st1);
    put(DATA + SPACING, f->st0);
    w_run(10);
    for (unsigned i = 0; i < f->results; i++) {
        const u8 *r = w.ram + DATA + (2 + i) * SPACING;
        ck_assert_msg(ld64(r) == f->result[i].man && ld16(r + 8) == f->result[i].se, "D9 %x: result %u is %04x:%016llx",
                      f->opcode, i, ld16(r + 8), (unsigned long long)ld64(r));
    }
}
END_TEST

static void add(TCase *t) { tcase_add_loop_test(t, test_functions, 0, ARRAY_LEN(functions)); }
int main(void) { return w_main("repeatable", add); }
