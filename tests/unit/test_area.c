/*
 * Operands with 32-bit addresses that go past 4 GiB in 64-bit code. Pages end
 * there, go on there and begin at 0, each filled with a pattern of its own;
 * what a store changed and what a load found is as a Zen 5 has it: parts of an
 * operand cut their addresses each for itself, one access runs on.
 */
#include "tests/unit/cpu_world.h"

enum { TOP = DATA, BEYOND = DATA + PAGE_SIZE, ZERO = 0, TABLE = TABLES + 0x4000 };
enum { PAT_TOP = 0xdd, PAT_BEYOND = 0xcc, PAT_ZERO = 0xee };

static void fill(void)
{
    memset(w.ram + TOP, PAT_TOP, PAGE_SIZE);
    memset(w.ram + BEYOND, PAT_BEYOND, PAGE_SIZE);
    memset(w.ram + ZERO, PAT_ZERO, PAGE_SIZE);
}

/* 64-bit code at CODE, about to run, with x87, SSE and AVX on. */
static void prepare(void)
{
    w_long(0);
    struct cpu *c = w.cpu;
    c->halted = false;
    /* 4 GiB - 4 KiB and 4 GiB */
    st64(w.ram + TABLES + 0x1000 + 8 * 3, TABLE | 7);
    st64(w.ram + TABLES + 0x1000 + 8 * 4, (TABLE + 0x1000) | 7);
    st64(w.ram + TABLE + 8 * 511, (TABLE + 0x2000) | 7);
    st64(w.ram + TABLE + 0x1000, (TABLE + 0x3000) | 7);
    st64(w.ram + TABLE + 0x2000 + 8 * 511, TOP | 7);
    st64(w.ram + TABLE + 0x3000, BEYOND | 7);
    c->cr4 |= CR4_OSFXSR | CR4_OSXSAVE;
    c->xcr0 = 7;
    c->gpr[RAX] = 7;
    c->gpr[RDX] = 0;
    cpu_update_mode(c);
    memset(&c->xmm[1], 0xff, sizeof(c->xmm[1]));
    for (unsigned i = 0; i < 8; i++)
        c->fpu.reg[i] = (struct x87_reg){BIT64(63) + 0x0101010101010101ull * i, (u16)(0x4000 + i)};
    c->fpu.fcw = 0x37f;
    c->fpu.ftw = 0xff;
    fill();
    tlb_flush(c, true);
}

static void start(void)
{
    w_start("max");
    prepare();
}

/* How many bytes of the page at pa are no longer 'pattern', and the first of them. */
static unsigned changed(u32 pa, u8 pattern, unsigned *first)
{
    unsigned n = 0;
    for (unsigned i = PAGE_SIZE; i-- > 0;)
        if (w.ram[pa + i] != pattern) {
            *first = i;
            n++;
        }
    return n;
}

START_TEST(stores)
{
    static const struct {
        u8 code[8];
        u8 n;
        u32 address;
        u16 beyond, zero, zero_first; /* bytes at 4 GiB, at 0, and where those begin */
    } cases[] = {
        {{0x67, 0xdb, 0x39}, 3, 0xfffffffa, 2, 2, 2},                    /* FSTP m80 [ECX] */
        {{0x67, 0xdb, 0x39}, 3, 0xfffffff8, 0, 2, 0},                    /* the same */
        {{0x67, 0xdd, 0x19}, 3, 0xfffffffa, 2, 0, 0},                    /* FSTP m64 */
        {{0x67, 0xdf, 0x31}, 3, 0xfffffffa, 2, 2, 2},                    /* FBSTP */
        {{0x67, 0xdd, 0x31}, 3, 0xffffffc0, 2, 0x2a, 2},                 /* FNSAVE, a register across */
        {{0x67, 0xdd, 0x31}, 3, 0xfffffff2, 2, 0x5c, 2},                 /* ... a word of its environment across */
        {{0x67, 0xd9, 0x31}, 3, 0xfffffff2, 2, 0xc, 2},                  /* FNSTENV */
        {{0x66, 0x67, 0xd9, 0x31}, 4, 0xfffffff9, 1, 6, 1},              /* ... of 16 bits */
        {{0x67, 0x0f, 0xae, 0x01}, 4, 0xffffff00, 0, 0xa0, 0},           /* FXSAVE */
        {{0x67, 0x0f, 0xae, 0x21}, 4, 0xffffff00, 0, 0x240, 0},          /* XSAVE */
        {{0x67, 0xf3, 0x0f, 0x7f, 0x09}, 5, 0xfffffff8, 8, 0, 0},        /* MOVDQU */
        {{0x67, 0x0f, 0x01, 0x01}, 4, 0xfffffffe, 0, 8, 0},              /* SGDT */
        {{0x67, 0xc4, 0xe2, 0x75, 0x8e, 0x09}, 6, 0xfffffff0, 16, 0, 0}, /* VPMASKMOVD [ECX], YMM1, YMM1 */
        {{0x67, 0x66, 0x0f, 0xf7, 0xc9}, 5, 0xfffffff4, 0, 4, 0},        /* MASKMOVDQU XMM1, XMM1 */
        {{0x67, 0x66, 0x0f, 0xf7, 0xc9}, 5, 0xfffffffc, 0, 12, 0},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        prepare();
        struct cpu *c = w.cpu;
        unsigned first = 0, ignored;
        c->gpr[RCX] = c->gpr[RDI] = cases[i].address;
        VQ(&c->xmm[1], 3) = VQ(&c->xmm[1], 2) = ~0ull;
        w_code(CODE, cases[i].code, cases[i].n);
        w.ram[CODE + cases[i].n] = 0xf4;
        w_run(2);
        ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + cases[i].n + 1u);
        ck_assert_uint_eq(w.ram[BEYOND + cases[i].beyond], PAT_BEYOND);
        ck_assert_uint_eq(changed(BEYOND, PAT_BEYOND, &ignored), cases[i].beyond);
        /* A byte of an image may be what was there, so only where it begins and ends is certain. */
        unsigned n = changed(ZERO, PAT_ZERO, &first), last = PAGE_SIZE;
        ck_assert_int_eq(n > 0, cases[i].zero > 0);
        if (!n)
            continue;
        ck_assert_uint_eq(first, cases[i].zero_first);
        while (w.ram[ZERO + last - 1] == PAT_ZERO)
            last--;
        ck_assert_uint_eq(last, cases[i].zero_first + cases[i].zero);
    }
}
END_TEST

START_TEST(loads)
{
    struct cpu *c = w.cpu;
    c->gpr[RCX] = 0xfffffffa;
    c->fpu.ftw = 0;
    memset(w.ram + TOP + 0xffa, 0x11, 6);
    memset(w.ram + BEYOND, 0x81, 2);
    w.ram[ZERO + 2] = 0xff;
    w.ram[ZERO + 3] = 0x3f;
    CODE_AT(CODE, 0x67, 0xdb, 0x29, 0xf4); /* FLD m80 [ECX] */
    w_run(2);
    ck_assert_uint_eq(c->fpu.reg[7].man, 0x8181111111111111ull);
    ck_assert_uint_eq(c->fpu.reg[7].se, 0x3fff);
}
END_TEST

START_TEST(environments_come_back)
{
    struct cpu *c = w.cpu;
    struct fpu before = c->fpu;
    c->gpr[RCX] = 0xffffffc0;
    CODE_AT(CODE, 0x67, 0xdd, 0x31, 0x67, 0xdd, 0x21, 0xf4); /* FNSAVE; FRSTOR */
    w_run(3);
    ck_assert_uint_eq(w.ram[BEYOND + 2], PAT_BEYOND);
    for (unsigned i = 0; i < 8; i++) {
        ck_assert_uint_eq(c->fpu.reg[i].man, before.reg[i].man);
        ck_assert_uint_eq(c->fpu.reg[i].se, before.reg[i].se);
    }
}
END_TEST

/* VPMASKMOVD YMM0, YMM1, [ECX]: two elements from beyond; in 32-bit code they are beyond the segment. */
START_TEST(masked_loads)
{
    struct cpu *c = w.cpu;
    memset(&c->xmm[1], 0, sizeof(c->xmm[1]));
    VD(&c->xmm[1], 4) = VD(&c->xmm[1], 5) = ~0u;
    c->gpr[RCX] = 0xfffffff0;
    CODE_AT(CODE, 0x67, 0xc4, 0xe2, 0x75, 0x8c, 0x01, 0xf4);
    w_run(2);
    ck_assert_uint_eq(VQ(&c->xmm[0], 2), 0xccccccccccccccccull);
    ck_assert_uint_eq(VQ(&c->xmm[0], 0) | VQ(&c->xmm[0], 3), 0);
}
END_TEST
START_TEST(masked_loads_beyond_a_segment)
{
    w_start("max");
    w_protected(0);
    struct cpu *c = w.cpu;
    c->cr4 |= CR4_OSFXSR | CR4_OSXSAVE;
    c->xcr0 = 7;
    cpu_update_mode(c);
    VD(&c->xmm[1], _i ? 3 : 4) = ~0u;
    c->gpr[RCX] = 0xfffffff0;
    CODE_AT(CODE, 0xc4, 0xe2, 0x75, 0x8c, 0x01, 0xf4);
    w_run(2);
    ck_assert_int_eq(w_vector(), _i ? -1 : EXC_GP); /* the last element inside is read: nobody is there */
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, start, NULL);
    tcase_add_test(t, stores);
    tcase_add_test(t, loads);
    tcase_add_test(t, environments_come_back);
    tcase_add_test(t, masked_loads);
    tcase_add_loop_test(t, masked_loads_beyond_a_segment, 0, 2);
}

int main(void) { return w_main("area", add); }
