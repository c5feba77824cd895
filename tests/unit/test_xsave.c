/*
 * FXSAVE and the XSAVE family, and the debugger's points and registers by
 * name. Layouts and faults are the manual's (SDM vol. 1, 10.5 and chapter 13).
 */
#include "cpu/vec/mxcsr.h"
#include "cpu/x87/fp80.h"
#include "tests/unit/cpu_world.h"

enum { AREA = DATA };

/* 64-bit code at ring 0 with SSE and AVX on. */
static void start_model(const char *model)
{
    w_start(model);
    w_long(0);
    struct cpu *c = w.cpu;
    c->cr4 |= CR4_OSFXSR | CR4_OSXSAVE;
    c->xcr0 = 7;
    c->gpr[RBX] = AREA;
    c->gpr[RAX] = 7;
    c->gpr[RDX] = 0;
    cpu_update_mode(c);
    for (unsigned i = 0; i < 16; i++)
        for (unsigned q = 0; q < 4; q++)
            VQ(&c->xmm[i], q) = 0x1111111111111111ull * (i + 1) + q;
    for (unsigned i = 0; i < 8; i++)
        c->fpu.reg[i] = (struct x87_reg){0x8000000000000000ull + i, (u16)(0x3fff + i)};
    c->fpu.fcw = 0x37f;
    c->fpu.ftw = 0x5a;
    c->fpu.top = 3;
    c->fpu.fsw = 0x4100;
    c->fpu.fip = 0x123456789abcull;
    c->fpu.fop = 0x7ff;
    cpu_set_mxcsr(c, 0x1fa0);
}

static void start(void) { start_model("max"); }

static void spoil(void)
{
    struct cpu *c = w.cpu;
    memset(c->xmm, 0xee, sizeof(c->xmm));
    memset(&c->fpu, 0, sizeof(c->fpu));
    cpu_set_mxcsr(c, MXCSR_RESET);
}

START_TEST(fxsave_layout)
{
    CODE_AT(CODE, 0x48, 0x0f, 0xae, 0x03, 0x90); /* FXSAVE64 [RBX] */
    w_run(1);
    u8 *a = w.ram + AREA;
    ck_assert_uint_eq(ld16(a), 0x37f);
    ck_assert_uint_eq(ld16(a + 2), 0x4100 | 3 << 11);
    ck_assert_uint_eq(a[4], 0x5a);
    ck_assert_uint_eq(ld16(a + 6), 0x7ff);
    ck_assert_uint_eq(ld64(a + 8), 0x123456789abcull);
    ck_assert_uint_eq(ld32(a + 24), 0x1fa0);
    ck_assert_uint_eq(ld32(a + 28), 0xffff);
    ck_assert_uint_eq(ld64(a + 32), 0x8000000000000003ull); /* ST(0) is R3 */
    ck_assert_uint_eq(ld16(a + 40), 0x3fff + 3);
    ck_assert_uint_eq(ld64(a + 160 + 15 * 16), 0x1111111111111111ull * 16);
}
END_TEST

START_TEST(fxrstor_round_trip)
{
    CODE_AT(CODE, 0x48, 0x0f, 0xae, 0x03, 0x48, 0x0f, 0xae, 0x0b, 0x90);
    struct cpu *c = w.cpu;
    struct fpu before = c->fpu;
    w_run(1);
    spoil();
    w_run(1);
    ck_assert_uint_eq(cpu_mxcsr(c), 0x1fa0);
    ck_assert_uint_eq(c->fpu.top, 3);
    ck_assert_uint_eq(c->fpu.ftw, 0x5a);
    ck_assert_uint_eq(c->fpu.fsw, before.fsw);
    for (unsigned i = 0; i < 8; i++)
        ck_assert_uint_eq(c->fpu.reg[i].man, before.reg[i].man);
    ck_assert_uint_eq(VQ(&c->xmm[9], 1), 0x1111111111111111ull * 10 + 1);
    ck_assert_uint_eq(VQ(&c->xmm[9], 2), 0xeeeeeeeeeeeeeeeeull); /* the upper halves are not its business */
}
END_TEST

/* AMD's older ones keep FOP, FIP and FDP out of areas while no unmasked exception is pending. */
START_TEST(pointers_of_amd)
{
    static const struct {
        const char *model;
        bool pending, kept; /* kept in the CPU and in memory what was there */
    } cases[] = {
        {"EPYC-v1", false, true}, {"EPYC-v1", true, false}, {"EPYC-Rome", false, false}, {"Haswell", false, false}};
    start_model(cases[_i].model);
    struct cpu *c = w.cpu;
    u8 *a = w.ram + AREA;
    memset(a, 0xcc, 32);
    c->fpu.fdp = 0x4321;
    if (cases[_i].pending) {
        c->fpu.fcw = 0x37e;
        c->fpu.fsw = FSW_IE | FSW_ES | FSW_B;
    }
    CODE_AT(CODE, 0x48, 0x0f, 0xae, 0x03, 0x48, 0x0f, 0xae, 0x0b, 0x48, 0x0f, 0xae, 0x23, 0x90); /* and XSAVE64 */
    w_run(1);
    ck_assert_uint_eq(ld16(a + 4), 0x5a);
    ck_assert_uint_eq(ld16(a + 6), cases[_i].kept ? 0xcccc : 0x7ff);
    ck_assert_uint_eq(ld64(a + 8), cases[_i].kept ? 0xccccccccccccccccull : 0x123456789abcull);
    ck_assert_uint_eq(ld64(a + 16), cases[_i].kept ? 0xccccccccccccccccull : 0x4321);
    c->fpu.fip = 0x1111;
    w_run(1);
    ck_assert_uint_eq(c->fpu.fip, cases[_i].kept ? 0x1111 : 0x123456789abcull);
    st64(a + 8, 0x2222);
    w_run(1);
    ck_assert_uint_eq(ld64(a + 8), cases[_i].kept ? 0x2222 : 0x123456789abcull);
}
END_TEST

START_TEST(faults)
{
    static const struct {
        u8 code[5];
        u64 rbx, cr0, cr4_off;
        int vector;
        u32 mxcsr;
    } cases[] = {
        {{0x0f, 0xae, 0x03}, AREA + 8, 0, 0, EXC_GP, 0},  /* FXSAVE wants 16 */
        {{0x0f, 0xae, 0x23}, AREA + 32, 0, 0, EXC_GP, 0}, /* XSAVE wants 64 */
        {{0x0f, 0xae, 0x03}, AREA, CR0_TS, 0, EXC_NM, 0},  {{0x0f, 0xae, 0x03}, AREA, CR0_EM, 0, EXC_UD, 0},
        {{0x0f, 0xae, 0x23}, AREA, CR0_TS, 0, EXC_NM, 0},  {{0x0f, 0xae, 0x23}, AREA, 0, CR4_OSXSAVE, EXC_UD, 0},
        {{0x0f, 0xae, 0x0b}, AREA, 0, 0, EXC_GP, 0x10000}, /* reserved MXCSR bit */
        {{0x0f, 0xae, 0x2b}, AREA, 0, 0, EXC_GP, 0x10000},
    };
    struct cpu *c = w.cpu;
    c->gpr[RBX] = cases[_i].rbx;
    c->cr0 |= cases[_i].cr0;
    c->cr4 &= ~cases[_i].cr4_off;
    cpu_update_mode(c);
    st32(w.ram + AREA + 24, cases[_i].mxcsr);
    w_code(CODE, cases[_i].code, 3);
    w_run(10);
    ck_assert_int_eq(w_vector(), cases[_i].vector);
}
END_TEST

START_TEST(xsave_round_trip)
{
    static const u8 save[3][4] = {{0x48, 0x0f, 0xae, 0x23}, {0x48, 0x0f, 0xae, 0x33}, {0x48, 0x0f, 0xc7, 0x23}};
    struct cpu *c = w.cpu;
    w_code(CODE, save[_i], 4);
    CODE_AT(CODE + 4, 0x48, 0x0f, 0xae, 0x2b, 0x90); /* XRSTOR64 */
    w_run(1);
    ck_assert_uint_eq(ld64(w.ram + AREA + 512), 7);
    ck_assert_uint_eq(ld64(w.ram + AREA + 520), _i == 2 ? BIT64(63) | 7 : 0);
    spoil();
    w_run(1);
    ck_assert_int_eq(w_vector(), -1);
    ck_assert_uint_eq(VQ(&c->xmm[15], 3), 0x1111111111111111ull * 16 + 3);
    ck_assert_uint_eq(VQ(&c->xmm[3], 0), 0x1111111111111111ull * 4);
    ck_assert_uint_eq(c->fpu.top, 3);
    ck_assert_uint_eq(cpu_mxcsr(c), 0x1fa0);
}
END_TEST

/* Components whose XSTATE_BV bit is clear come back in their initial state. */
START_TEST(xrstor_initialises)
{
    struct cpu *c = w.cpu;
    st32(w.ram + AREA + 24, 0x1f80);
    CODE_AT(CODE, 0x0f, 0xae, 0x2b, 0x90);
    w_run(1);
    ck_assert_uint_eq(c->fpu.fcw, 0x37f);
    ck_assert_uint_eq(c->fpu.ftw, 0);
    ck_assert_uint_eq(c->fpu.fsw, 0);
    for (unsigned i = 0; i < 16; i++)
        for (unsigned q = 0; q < 4; q++)
            ck_assert_uint_eq(VQ(&c->xmm[i], q), 0);
}
END_TEST

START_TEST(xrstor_bad_headers)
{
    static const struct {
        u32 offset;
        u64 value;
    } cases[] = {{512, 8}, {520, 1}, {528, 1}, {520, BIT64(63) | 8}, {544, 0}};
    bool good = cases[_i].value == 0;
    st32(w.ram + AREA + 24, 0x1f80);
    st64(w.ram + AREA + cases[_i].offset, cases[_i].value);
    CODE_AT(CODE, 0x0f, 0xae, 0x2b, 0x90);
    w_run(good ? 1 : 10);
    ck_assert_int_eq(w_vector(), good ? -1 : EXC_GP);
}
END_TEST

START_TEST(xsetbv)
{
    static const struct {
        u64 value;
        bool ok;
    } cases[] = {{1, true}, {3, true}, {7, true}, {5, false}, {2, false}, {0xf, false}};
    struct cpu *c = w.cpu;
    c->gpr[RAX] = cases[_i].value;
    c->gpr[RCX] = 0;
    CODE_AT(CODE, 0x0f, 0x01, 0xd1, 0x90);
    w_run(cases[_i].ok ? 1 : 10);
    if (cases[_i].ok)
        ck_assert_uint_eq(c->xcr0, cases[_i].value);
    else
        ck_assert_int_eq(w_vector(), EXC_GP);
}
END_TEST

/* ---- what debuggers use ---- */

START_TEST(break_point)
{
    struct cpu *c = w.cpu;
    enum point_kind kind;
    u64 lin;
    CODE_AT(CODE, 0x90, 0x90, 0xff, 0xc1, 0xeb, 0xfa); /* NOP; NOP; INC ECX; JMP $-4 */
    ck_assert(cpu_point_add(c, POINT_BREAK, CODE + 2, 1));
    w_run(100);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 2);
    ck_assert(cpu_point_hit(c, &kind, &lin));
    ck_assert_uint_eq(lin, CODE + 2);
    ck_assert(!cpu_point_hit(c, &kind, &lin));
    c->gpr[RCX] = 0;
    w_run(100); /* goes on, and stops there again next time round */
    ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 2);
    ck_assert_uint_eq(c->gpr[RCX], 1);
    ck_assert(cpu_point_remove(c, POINT_BREAK, CODE + 2, 1));
    w_run(100);
    ck_assert_uint_gt(c->gpr[RCX], 20);
}
END_TEST

START_TEST(watch_point)
{
    struct cpu *c = w.cpu;
    enum point_kind kind;
    u64 lin;
    CODE_AT(CODE, 0xff, 0xc1, 0x8b, 0x03, 0x89, 0x4b, 0x08, 0xeb,
            0xf7); /* INC ECX; MOV EAX,[RBX]; MOV [RBX+8],ECX; JMP */
    c->gpr[RCX] = 0;
    ck_assert(cpu_point_add(c, POINT_WATCH_WRITE, AREA + 8, 4));
    w_run(100);
    ck_assert(cpu_point_hit(c, &kind, &lin));
    ck_assert_int_eq(kind, POINT_WATCH_WRITE);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 7); /* right behind the instruction */
    ck_assert_uint_eq(ld32(w.ram + AREA + 8), 1);
    cpu_point_remove(c, POINT_WATCH_WRITE, AREA + 8, 4);
    cpu_point_add(c, POINT_WATCH_READ, AREA, 4);
    w_run(100);
    ck_assert(cpu_point_hit(c, &kind, &lin));
    ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 4);
}
END_TEST

START_TEST(registers_by_name)
{
    struct cpu *c = w.cpu;
    u8 buf[32];
    c->gpr[R11] = 0x1122334455667788ull;
    ck_assert_uint_eq(cpu_reg_read(c, "r11", buf), 8);
    ck_assert_uint_eq(ld64(buf), 0x1122334455667788ull);
    ck_assert_uint_eq(cpu_reg_read(c, "xmm5", buf), 16);
    ck_assert_uint_eq(ld64(buf + 8), 0x1111111111111111ull * 6 + 1);
    ck_assert_uint_eq(cpu_reg_read(c, "st0", buf), 10);
    ck_assert_uint_eq(ld16(buf + 8), 0x3fff + 3);
    ck_assert_uint_eq(cpu_reg_read(c, "nonsense", buf), 0);
    st32(buf, FL_CF | FL_ZF | FL_DF);
    ck_assert(cpu_reg_write(c, "eflags", buf));
    ck_assert_uint_eq(cpu_eflags(c), FL_CF | FL_ZF | FL_DF | FL_1);
    st16(buf, SEL_DATA3);
    ck_assert(cpu_reg_write(c, "ds", buf));
    ck_assert_uint_eq(c->seg[DS].attr, D_DATA | D_DPL3);
    const struct seg cs = c->seg[CS];
    for (unsigned sel = 0; sel < 0x10000; sel += 0xfff8) { /* no code segment, nothing changes */
        st16(buf, (u16)sel);
        ck_assert(!cpu_reg_write(c, "cs", buf));
        ck_assert(c->seg[CS].sel == cs.sel && c->seg[CS].attr == cs.attr);
    }
    c->cr0 &= ~(u64)(CR0_PE | (u32)CR0_PG);
    c->efer = 0;
    c->seg[CS].attr = 0x9b;
    cpu_update_mode(c);
    st16(buf, 0x1234);
    ck_assert(cpu_reg_write(c, "cs", buf)); /* real mode: the base follows */
    ck_assert_uint_eq(c->seg[CS].base, 0x12340);
}
END_TEST

START_TEST(mwait_wakes_on_a_write)
{
    struct cpu *c = w.cpu;
    c->gpr[RAX] = AREA + 20;
    c->gpr[RCX] = c->gpr[RDX] = 0;
    CODE_AT(CODE, 0x0f, 0x01, 0xc8, 0x0f, 0x01, 0xc9, 0x90, 0x90); /* MONITOR; MWAIT; NOP */
    w_run(10);
    ck_assert(c->halted && cpu_idle(c));
    st32(w.ram + AREA + 60, 1); /* the same line */
    ck_assert(!cpu_idle(c));
    w_run(1);
    ck_assert(!c->halted);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 7);
}
END_TEST

/* PKRU where the vendor has it in the standard form, and behind what is saved in the compacted one. */
START_TEST(xsave_pkru)
{
    static const struct {
        const char *model;
        u8 save[4];
        u32 rfbm, at;
    } cases[] = {{"max", {0x48, 0x0f, 0xae, 0x23}, 0x207, 832},
                 {"max,vendor=GenuineIntel", {0x48, 0x0f, 0xae, 0x23}, 0x207, 2688},
                 {"max", {0x48, 0x0f, 0xc7, 0x23}, 0x207, 832},
                 {"max", {0x48, 0x0f, 0xc7, 0x23}, 0x203, 576}};
    w_start(cases[_i].model);
    w_long(0);
    struct cpu *c = w.cpu;
    c->cr4 |= CR4_OSFXSR | CR4_OSXSAVE | CR4_PKE;
    c->xcr0 = 0x207;
    cpu_update_mode(c);
    c->gpr[RBX] = AREA;
    c->gpr[RAX] = cases[_i].rfbm;
    c->gpr[RDX] = 0;
    c->pkru = 0xabcd1234;
    VQ(&c->xmm[0], 2) = 1;
    w_code(CODE, cases[_i].save, 4);
    CODE_AT(CODE + 4, 0x48, 0x0f, 0xae, 0x2b, 0x48, 0x0f, 0xae, 0x2b, 0x90); /* XRSTOR64, twice */
    w_run(1);
    ck_assert_uint_eq(ld64(w.ram + AREA + cases[_i].at), 0xabcd1234);
    ck_assert(ld64(w.ram + AREA + 512) & 0x200);
    c->pkru = 0;
    w_run(1);
    ck_assert_uint_eq(c->pkru, 0xabcd1234);
    st64(w.ram + AREA + 512, 1);
    w_run(1);
    ck_assert_uint_eq(c->pkru, 0); /* its initial state */
}
END_TEST

START_TEST(control_registers_by_name)
{
    struct cpu *c = w.cpu;
    u8 buf[8];
    static const struct {
        const char *name;
        u64 value; /* refused: changed bits are exclusive or */
    } bad[] = {{"cr0", (u32)CR0_PG}, {"cr4", CR4_PAE},   {"cr4", BIT(31)}, {"efer", BIT(1)},
               {"efer", EFER_LME},   {"cr3", BIT64(63)}, {"xcr0", 1},      {"mxcsr", BIT(16)}};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        u64 before = 0, after = 0;
        cpu_reg_read(c, bad[i].name, &before);
        st64(buf, before ^ bad[i].value);
        ck_assert_msg(!cpu_reg_write(c, bad[i].name, buf), "%s", bad[i].name);
        cpu_reg_read(c, bad[i].name, &after);
        ck_assert_uint_eq(before, after);
    }
    /* What is written acts: other tables, and what the TLB had of the old ones is gone. */
    u32 v;
    memcpy(w.ram + TABLES + 0x8000, w.ram + TABLES, 0x3000);
    st64(w.ram + TABLES + 0x8000, (TABLES + 0x9000) | 7);
    st64(w.ram + TABLES + 0x9000, (TABLES + 0xa000) | 7);
    st64(w.ram + TABLES + 0xa000 + 8, 0x87); /* 2 MiB is 0 there */
    st32(w.ram + 0x200000 + DATA, 1);
    st32(w.ram + DATA, 2);
    c->gpr[RSI] = 0x200000 + DATA;
    CODE_AT(CODE, 0x8b, 0x0e, 0x8b, 0x0e, 0x90);
    w_run(1);
    ck_assert_uint_eq(c->gpr[RCX], 1);
    st64(buf, TABLES + 0x8000);
    ck_assert(cpu_reg_write(c, "cr3", buf));
    w_run(1);
    v = (u32)c->gpr[RCX];
    ck_assert_uint_eq(v, 2);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, start, NULL);
    tcase_add_test(t, fxsave_layout);
    tcase_add_loop_test(t, xsave_pkru, 0, 4);
    tcase_add_test(t, control_registers_by_name);
    tcase_add_test(t, fxrstor_round_trip);
    tcase_add_loop_test(t, pointers_of_amd, 0, 4);
    tcase_add_loop_test(t, faults, 0, 8);
    tcase_add_loop_test(t, xsave_round_trip, 0, 3);
    tcase_add_test(t, xrstor_initialises);
    tcase_add_loop_test(t, xrstor_bad_headers, 0, 5);
    tcase_add_loop_test(t, xsetbv, 0, 6);
    tcase_add_test(t, break_point);
    tcase_add_test(t, watch_point);
    tcase_add_test(t, registers_by_name);
    tcase_add_test(t, mwait_wakes_on_a_write);
}

int main(void) { return w_main("xsave", add); }
