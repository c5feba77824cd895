/*
 * Segmentation and far transfers: loads with their faults, limits, gates,
 * returns to outer rings, task switches, LAR LSL VERR VERW ARPL. Expected
 * values are the manual's (SDM vol. 3, chapters 5 and 8; vol. 2).
 */
#include "tests/unit/cpu_world.h"

static void start(void) { w_start("max"); }
#define FRAME_IS(n, v) ck_assert_uint_eq(w_frame(n), v)

/* ---- loads of segment registers ---- */

/* MOV Sreg, AX of a selector whose descriptor has 'attr', at privilege cpl. */
static const struct load_case {
    u8 cpl, sreg; /* enum segreg */
    u16 rpl;
    u32 attr;
    int vector; /* -1: loads */
} loads[] = {
    {0, DS, 0, D_DATA, -1},          {0, DS, 3, D_DATA | D_DPL3, -1},
    {0, DS, 3, D_DATA, EXC_GP},                                  /* RPL > DPL */
    {3, DS, 3, D_DATA, EXC_GP},      {3, DS, 0, D_DATA, EXC_GP}, /* CPL > DPL */
    {3, DS, 0, D_DATA | D_DPL3, -1}, {0, DS, 0, D_CODE32, -1},   /* readable code */
    {0, DS, 0, 0xc099, EXC_GP},                                  /* execute-only code */
    {3, DS, 3, 0xc09f, -1},                                      /* conforming readable code: no privilege check */
    {0, DS, 0, 0xc013, EXC_NP},      {0, DS, 0, D_LDT, EXC_GP},
    {0, SS, 0, D_DATA, -1},          {0, SS, 0, 0xc091, EXC_GP}, /* not writable */
    {0, SS, 3, D_DATA, EXC_GP},      {0, SS, 0, D_DATA | D_DPL3, EXC_GP},
    {3, SS, 3, D_DATA | D_DPL3, -1}, {3, SS, 0, D_DATA | D_DPL3, EXC_GP},
    {0, SS, 0, 0xc013, EXC_SS},      {0, SS, 0, D_CODE32, EXC_GP},
};

START_TEST(load_checks)
{
    const struct load_case *l = &loads[_i];
    w_protected(l->cpl);
    struct cpu *c = w.cpu;
    set_desc(GDT, SEL_TEST, 0x12345000, 0xfffff, l->attr & ~1u);
    c->gpr[RAX] = SEL_TEST | l->rpl;
    CODE_AT(CODE, 0x8e, 0xc0 | l->sreg << 3, 0x90);
    cpu_run(c, l->vector < 0 ? 1 : 10);
    if (l->vector >= 0) {
        ck_assert_int_eq(w_vector(), l->vector);
        FRAME_IS(0, SEL_TEST);
        FRAME_IS(1, CODE);
    } else {
        ck_assert_uint_eq(c->seg[l->sreg].sel, SEL_TEST | l->rpl);
        ck_assert_uint_eq(c->seg[l->sreg].base, 0x12345000);
        ck_assert_uint_eq(c->seg[l->sreg].limit, 0xfffff);
        ck_assert(w.ram[GDT + SEL_TEST + 5] & 1); /* accessed */
    }
}
END_TEST

START_TEST(load_outside_table)
{
    w_protected(0);
    w.cpu->gpr[RAX] = GDT_ENTRIES * 8;
    CODE_AT(CODE, 0x8e, 0xd8);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_GP);
    FRAME_IS(0, GDT_ENTRIES * 8);
}
END_TEST

START_TEST(null_selectors)
{
    w_protected(0);
    CODE_AT(CODE, 0x31, 0xc0, 0x8e, 0xd8, 0xa1, 0, 0, 2, 0); /* XOR EAX, EAX; MOV DS, AX; MOV EAX, [20000h] */
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_GP);
    FRAME_IS(0, 0);
    FRAME_IS(1, CODE + 4);
}
END_TEST

START_TEST(null_ss)
{
    w_protected(0);
    CODE_AT(CODE, 0x31, 0xc0, 0x8e, 0xd0);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_GP);
    FRAME_IS(0, 0);
}
END_TEST

START_TEST(mov_cs_is_ud)
{
    w_protected(0);
    CODE_AT(CODE, 0x8e, 0xc8);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_UD);
}
END_TEST

START_TEST(ldt)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    set_desc(LDT, 0x0c, 0x5000, 0xfff, 0x8093);
    CODE_AT(CODE, 0xb8, SEL_LDT, 0, 0, 0, 0x0f, 0x00, 0xd0, 0xb8, 0x0c, 0, 0, 0, 0x8e, 0xd8); /* LLDT AX; MOV DS, 0Ch */
    w_run(4);
    ck_assert_uint_eq(c->ldtr.base, LDT);
    ck_assert_uint_eq(c->seg[DS].base, 0x5000);
    ck_assert_uint_eq(c->seg[DS].limit, 0xfff);
}
END_TEST

/* ---- limits ---- */

static const struct limit_case {
    u32 attr, limit, offset;
    bool write, ok;
} limits[] = {
    {D_DATA16, 0xfff, 0xffc, true, true}, {D_DATA16, 0xfff, 0xffd, true, false},
    {0x8091, 0xfff, 0, true, false},      {0x8091, 0xfff, 0, false, true},
    {0x4097, 0xfff, 0xfff, true, false}, /* expand-down: valid above the limit */
    {0x4097, 0xfff, 0x1000, true, true},  {0x0097, 0xfff, 0xfffc, true, true},
    {0x0097, 0xfff, 0xfffd, true, false}, /* 16-bit expand-down ends at FFFFh */
    {0x4097, 0xfff, 0x10000, true, true}, {0x0097, 0xfff, 0x10000, true, false},
    {0x0099, 0xffff, 0, false, false},    {0x009b, 0xffff, 0, false, true},
    {0x009b, 0xffff, 0, true, false},
};
START_TEST(limit_checks)
{
    const struct limit_case *l = &limits[_i];
    w_protected(0);
    struct cpu *c = w.cpu;
    c->seg[FS] = (struct seg){.sel = SEL_TEST, .attr = l->attr, .limit = l->limit, .base = DATA};
    c->gpr[RBX] = l->offset;
    CODE_AT(CODE, 0x64, l->write ? 0x89 : 0x8b, 0x03, 0xf4); /* MOV FS:[EBX], EAX or back; HLT */
    w_run(10);
    if (l->ok)
        ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 4);
    else
        ck_assert_int_eq(w_vector(), EXC_GP);
}
END_TEST

START_TEST(stack_limit_is_ss)
{
    w_protected(3); /* so that delivery switches to a good stack */
    struct cpu *c = w.cpu;
    c->seg[SS].limit = 0x7fff;
    c->gpr[RSP] = 0x8002;
    cpu_update_mode(c);
    CODE_AT(CODE, 0x50);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_SS);
    FRAME_IS(0, 0);
    ck_assert_uint_eq(w_frame(4), 0x8002);
}
END_TEST

/* Unreal mode: limits survive the way back to real mode. */
START_TEST(unreal)
{
    struct cpu *c = w.cpu;
    c->seg[CS].base = CODE;
    c->seg[CS].sel = 0x1000;
    c->gpr[SLOT_RIP] = 0;
    c->seg[DS].limit = 0xffffffff;
    cpu_update_mode(c);
    CODE_AT(CODE, 0x31, 0xc0, 0x8e, 0xd8, 0x66, 0xbb, 0, 0, 0x20, 0, 0x67, 0x66, 0xc7, 0x03, 1, 2, 3, 4,
            0xf4); /* MOV DS, 0; MOV EBX, 200000h; MOV DWORD [EBX], 04030201h */
    w_run(10);
    ck_assert_uint_eq(ld32(w.ram + 0x200000), 0x04030201);
}
END_TEST

/* ---- far transfers ---- */

START_TEST(far_jump_and_call)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    set_desc(GDT, SEL_TEST, CODE + 0x1000, 0xffff, 0x409b);
    CODE_AT(CODE, 0x9a, 0x20, 0, 0, 0, SEL_TEST, 0, 0xf4); /* CALL 48h:20h; HLT */
    CODE_AT(CODE + 0x1020, 0xca, 4, 0);                    /* RETF 4 */
    w_run(1);
    ck_assert_uint_eq(c->seg[CS].sel, SEL_TEST);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], 0x20);
    ck_assert_uint_eq(ld32(w.ram + STACK0 - 8), CODE + 7);
    ck_assert_uint_eq(ld32(w.ram + STACK0 - 4), SEL_CODE0);
    w_run(2);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 8);
    ck_assert_uint_eq(c->gpr[RSP], STACK0 + 4);
}
END_TEST

/* JMP to code of a descriptor with those rights. */
static const struct jump_case {
    u8 cpl;
    u16 rpl;
    u32 attr;
    int vector;
} jumps[] = {
    {0, 0, D_CODE32, -1},
    {0, 3, D_CODE32, EXC_GP}, /* RPL > CPL */
    {3, 3, D_CODE32, EXC_GP},
    {3, 3, D_CODE32 | D_DPL3, -1},
    {3, 0, D_CODE32 | D_DPL3, -1},
    {0, 0, D_CODE32 | D_DPL3, EXC_GP},
    {3, 3, 0xc09f, -1} /* conforming, stays in ring 3 */,
    {0, 0, 0xc0ff, EXC_GP} /* conforming of an outer ring */,
    {0, 0, D_DATA, EXC_GP},
    {0, 0, 0xc01b, EXC_NP},
};
START_TEST(far_jump_checks)
{
    const struct jump_case *j = &jumps[_i];
    w_protected(j->cpl);
    struct cpu *c = w.cpu;
    set_desc(GDT, SEL_TEST, 0, 0xffffffff, j->attr);
    CODE_AT(CODE, 0xea, 0, 0, 1, 0, SEL_TEST | j->rpl, 0);
    w.ram[CODE] = 0xea;
    cpu_run(c, j->vector < 0 ? 1 : 10);
    if (j->vector >= 0) {
        ck_assert_int_eq(w_vector(), j->vector);
        FRAME_IS(0, SEL_TEST);
    } else {
        ck_assert_uint_eq(c->seg[CS].sel, SEL_TEST | j->cpl);
        ck_assert_uint_eq(c->cpl, j->cpl);
    }
}
END_TEST

/* A call gate from ring 3 to ring 0 copies two parameters; RETF 8 drops them from both stacks. */
START_TEST(call_gate_inner)
{
    w_protected(3);
    struct cpu *c = w.cpu;
    set_gate(GDT + SEL_TEST, SEL_CODE0, CODE + 0x1000, 0xec, 2);
    CODE_AT(CODE, 0x6a, 0x11, 0x6a, 0x22, 0x9a, 0, 0, 0, 0, SEL_TEST | 3, 0, 0x90);
    CODE_AT(CODE + 0x1000, 0xca, 8, 0);
    w_run(3);
    ck_assert_uint_eq(c->cpl, 0);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 0x1000);
    FRAME_IS(0, CODE + 11);
    FRAME_IS(1, SEL_CODE3);
    FRAME_IS(2, 0x22);
    FRAME_IS(3, 0x11);
    FRAME_IS(4, STACK3 - 8);
    FRAME_IS(5, SEL_DATA3);
    c->seg[FS] = w_seg(SEL_DATA0, D_DATA);
    w_run(1);
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 11);
    ck_assert_uint_eq(c->gpr[RSP], STACK3);
    ck_assert(c->seg[FS].attr & SEG_UNUSABLE); /* ring 0 data does not leak out */
    ck_assert_uint_eq(c->seg[DS].sel, SEL_DATA3);
}
END_TEST

START_TEST(call_gate_privilege)
{
    w_protected(3);
    set_gate(GDT + SEL_TEST, SEL_CODE0, CODE + 0x1000, 0x8c, 0); /* DPL 0 */
    CODE_AT(CODE, 0x9a, 0, 0, 0, 0, SEL_TEST | 3, 0);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_GP);
    FRAME_IS(0, SEL_TEST);
}
END_TEST

START_TEST(inner_stack_faults)
{
    static const struct {
        u16 ss;
        u32 attr;
        int vector;
        u32 error;
    } cases[] = {
        {0, D_DATA, EXC_TS, 0},
        {SEL_TEST2 | 1, D_DATA | D_DPL3, EXC_TS, SEL_TEST2},
        {SEL_TEST2 | 3, D_DATA | D_DPL1, EXC_TS, SEL_TEST2},
        {SEL_TEST2 | 1, 0xc033, EXC_SS, SEL_TEST2}, /* not present */
        {SEL_TEST2 | 1, 0xc0b1, EXC_TS, SEL_TEST2}, /* not writable */
        {GDT_ENTRIES * 8 | 1, D_DATA, EXC_TS, GDT_ENTRIES * 8},
    };
    w_protected(3);
    set_gate(GDT + SEL_TEST, SEL_CODE1, CODE + 0x1000, 0xec, 0); /* to ring 1, so that ring 0 can handle the fault */
    set_desc(GDT, SEL_TEST2, 0, 0xffffffff, cases[_i].attr);
    st16(w.ram + TSS + 16, cases[_i].ss);
    CODE_AT(CODE, 0x9a, 0, 0, 0, 0, SEL_TEST | 3, 0);
    w_run(10);
    ck_assert_int_eq(w_vector(), cases[_i].vector);
    FRAME_IS(0, cases[_i].error);
    FRAME_IS(1, CODE);
}
END_TEST

START_TEST(iret_to_outer_ring)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    c->gpr[RSP] = STACK0 - 20;
    u32 frame[] = {CODE + 0x100, SEL_CODE3, FL_1 | FL_IF | FL_IOPL, STACK3, SEL_DATA3};
    for (unsigned i = 0; i < 5; i++)
        st32(w.ram + STACK0 - 20 + 4 * i, frame[i]);
    CODE_AT(CODE, 0xcf);
    w_run(1);
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert_uint_eq(c->gpr[RSP], STACK3);
    ck_assert_uint_eq(c->eflags, FL_1 | FL_IF | FL_IOPL);
    ck_assert(c->seg[DS].attr & SEG_UNUSABLE);
}
END_TEST

/* Ring 3 cannot change IOPL or IF by IRET or POPF, and gets no fault for trying. */
START_TEST(flags_privilege)
{
    w_protected(3);
    struct cpu *c = w.cpu;
    CODE_AT(CODE, 0x68, 0xff, 0xff, 0x3f, 0, 0x9d, 0x90); /* PUSH 3FFFFFh; POPF */
    w_run(2);
    ck_assert(!(c->eflags & (FL_IF | FL_IOPL | FL_VM | FL_RF | FL_VIF | FL_VIP)));
    ck_assert_uint_eq(c->eflags & (FL_AC | FL_ID | FL_NT | FL_DF | FL_TF), FL_AC | FL_ID | FL_NT | FL_DF | FL_TF);
}
END_TEST

/* ---- looking at descriptors ---- */

START_TEST(lar_lsl_verr_verw)
{
    w_protected(3);
    struct cpu *c = w.cpu;
    set_desc(GDT, SEL_TEST, 0, 0x12345fff, 0x90f1 & ~1u);
    CODE_AT(CODE, 0xb8, SEL_TEST | 3, 0, 0, 0, 0x0f, 0x02, 0xd8, 0x0f, 0x03, 0xc8,   /* LAR EBX, EAX; LSL ECX, EAX */
            0x0f, 0x00, 0xe0, 0x0f, 0x94, 0xc2, 0x0f, 0x00, 0xe8, 0x0f, 0x94, 0xc6); /* VERR; SETZ DL; VERW; SETZ DH */
    w_run(7);
    ck_assert_uint_eq(c->gpr[RBX], 0x90f000 | (0x12345 & 0xf0000));
    ck_assert_uint_eq(c->gpr[RCX], 0x12345fff);
    ck_assert_uint_eq(c->gpr[RDX] & 0xffff, 1);
}
END_TEST

START_TEST(lar_refuses)
{
    static const struct {
        u32 attr;
        bool lar, lsl;
    } cases[] = {{0x86, false, false}, {0x87, false, false}, {0x84 | 0x60, true, false}, {0xe5, true, false},
                 {0xe2, true, true},   {0xe9, true, true},   {0x80, false, false},       {D_DATA, false, false}};
    w_protected(3);
    struct cpu *c = w.cpu;
    set_desc(GDT, SEL_TEST, 0, 0xfff, cases[_i].attr);
    CODE_AT(CODE, 0xb8, SEL_TEST | 3, 0, 0, 0, 0x0f, 0x02, 0xd8, 0x0f, 0x94, 0xc2, 0x0f, 0x03, 0xc8, 0x0f, 0x94, 0xc6);
    w_run(5);
    ck_assert_uint_eq(c->gpr[RDX] & 0xff, cases[_i].lar);
    ck_assert_uint_eq(c->gpr[RDX] >> 8 & 0xff, cases[_i].lsl);
}
END_TEST

START_TEST(arpl)
{
    w_protected(3);
    struct cpu *c = w.cpu;
    c->gpr[RAX] = 0x1230;
    c->gpr[RBX] = 2;
    CODE_AT(CODE, 0x63, 0xd8, 0x90); /* ARPL AX, BX */
    w_run(1);
    ck_assert_uint_eq(c->gpr[RAX], 0x1232);
    ck_assert(flag_zf(c));
}
END_TEST

/* ---- tasks ---- */

/* A second 32-bit task, runnable at CODE + 0x1000. */
static void second_task(void)
{
    u8 *t = w.ram + TSS2;
    set_desc(GDT, SEL_TSS2, TSS2, 0x67, D_TSS32);
    st32(t + 0x20, CODE + 0x1000);
    st32(t + 0x24, FL_1);
    st32(t + 0x28, 0xaaaa0001);
    st32(t + 0x38, 0x7800);
    u16 sel[] = {SEL_DATA0, SEL_CODE0, SEL_DATA0, SEL_DATA0, SEL_DATA0, SEL_DATA0};
    for (unsigned i = 0; i < 6; i++)
        st16(t + 0x48 + 4 * i, sel[i]);
    set_desc(GDT, SEL_TSS, TSS, 0x7ff, D_TSS32 | 2);
}
static unsigned busy(u16 sel) { return w.ram[GDT + sel + 5] & 2; }

START_TEST(task_by_call_and_iret)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    second_task();
    c->gpr[RAX] = 0x1111;
    c->dr[7] |= 1;
    CODE_AT(CODE, 0x9a, 0, 0, 0, 0, SEL_TSS2, 0, 0x43, 0xf4); /* CALL task; INC EBX; HLT */
    CODE_AT(CODE + 0x1000, 0x40, 0xcf, 0xf4);                 /* INC EAX; IRET */
    w_run(1);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 0x1000);
    ck_assert_uint_eq(c->gpr[RAX], 0xaaaa0001);
    ck_assert_uint_eq(c->gpr[RSP], 0x7800);
    ck_assert_uint_eq(c->tr.sel, SEL_TSS2);
    ck_assert(c->eflags & FL_NT);
    ck_assert(c->cr0 & CR0_TS);
    ck_assert(!(c->dr[7] & 1));
    ck_assert(busy(SEL_TSS) && busy(SEL_TSS2));
    ck_assert_uint_eq(ld16(w.ram + TSS2), SEL_TSS);
    ck_assert_uint_eq(ld32(w.ram + TSS + 0x20), CODE + 7);
    ck_assert_uint_eq(ld32(w.ram + TSS + 0x28), 0x1111);
    w_run(10);
    ck_assert_uint_eq(c->gpr[RBX], 1);
    ck_assert_uint_eq(c->gpr[RAX], 0x1111);
    ck_assert(!busy(SEL_TSS2) && busy(SEL_TSS));
    ck_assert_uint_eq(ld32(w.ram + TSS2 + 0x28), 0xaaaa0002);
    ck_assert(!(ld32(w.ram + TSS2 + 0x24) & FL_NT));
}
END_TEST

START_TEST(task_by_jump)
{
    w_protected(0);
    second_task();
    CODE_AT(CODE, 0xea, 0, 0, 0, 0, SEL_TSS2, 0);
    w_run(1);
    ck_assert(!busy(SEL_TSS) && busy(SEL_TSS2));
    ck_assert(!(w.cpu->eflags & FL_NT));
}
END_TEST

START_TEST(task_busy_is_gp)
{
    w_protected(0);
    second_task();
    CODE_AT(CODE, 0xea, 0, 0, 0, 0, SEL_TSS, 0);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_GP);
    FRAME_IS(0, SEL_TSS);
}
END_TEST

START_TEST(task_limit_is_ts)
{
    w_protected(0);
    second_task();
    set_desc(GDT, SEL_TSS2, TSS2, 0x66, D_TSS32);
    CODE_AT(CODE, 0xea, 0, 0, 0, 0, SEL_TSS2, 0);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_TS);
    FRAME_IS(0, SEL_TSS2);
    FRAME_IS(1, CODE); /* before the commit point: the old task's fault */
}
END_TEST

/* An exception through a task gate: the error code lands on the new task's stack. */
START_TEST(task_gate_for_exception)
{
    w_protected(3);
    struct cpu *c = w.cpu;
    second_task();
    set_gate(IDT + EXC_GP * 8, SEL_TSS2, 0, 0x85, 0);
    CODE_AT(CODE, 0x90, 0xf4); /* HLT of ring 3: #GP(0) */
    w_run(2);
    ck_assert_uint_eq(c->tr.sel, SEL_TSS2);
    ck_assert_uint_eq(c->cpl, 0);
    ck_assert_uint_eq(c->gpr[RSP], 0x7800 - 4);
    ck_assert_uint_eq(ld32(w.ram + 0x7800 - 4), 0);
    ck_assert_uint_eq(ld32(w.ram + TSS + 0x20), CODE + 1);
    ck_assert(ld32(w.ram + TSS + 0x24) & FL_RF);
}
END_TEST

/* A bad SS in the new TSS: #TS in the new task's context. */
START_TEST(task_bad_segment)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    second_task();
    st16(w.ram + TSS2 + 0x54, GDT_ENTRIES * 8); /* DS outside the GDT */
    CODE_AT(CODE, 0xea, 0, 0, 0, 0, SEL_TSS2, 0);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_TS);
    FRAME_IS(0, GDT_ENTRIES * 8);
    FRAME_IS(1, CODE + 0x1000);
    ck_assert_uint_eq(c->tr.sel, SEL_TSS2);
    ck_assert_uint_eq(c->gpr[RSP], 0x7800 - 16);
}
END_TEST

START_TEST(task_trap_bit)
{
    w_protected(0);
    second_task();
    st16(w.ram + TSS2 + 0x64, 1);
    CODE_AT(CODE, 0xea, 0, 0, 0, 0, SEL_TSS2, 0);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_DB);
    FRAME_IS(0, CODE + 0x1000);
    ck_assert(w.cpu->dr[6] & 0x8000);
}
END_TEST

START_TEST(task_16)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    u8 *t = w.ram + TSS2;
    set_desc(GDT, SEL_TSS2, TSS2, 0x2b, D_TSS16);
    set_desc(GDT, SEL_TEST, CODE, 0xffff, 0x9b);
    st16(t + 0x0e, 0x800);
    st16(t + 0x10, 2);
    st16(t + 0x12, 0x1234);
    st16(t + 0x1a, 0x7800);
    u16 sel[] = {SEL_DATA0, SEL_TEST, SEL_DATA0, SEL_DATA0};
    for (unsigned i = 0; i < 4; i++)
        st16(t + 0x22 + 2 * i, sel[i]);
    CODE_AT(CODE, 0x9a, 0, 0, 0, 0, SEL_TSS2, 0, 0xf4);
    CODE_AT(CODE + 0x800, 0x40, 0xcf);
    w_run(1);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], 0x800);
    ck_assert_uint_eq(c->gpr[RAX] & 0xffff, 0x1234);
    ck_assert(c->seg[FS].attr & SEG_UNUSABLE);
    w_run(10);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 8);
    ck_assert_uint_eq(ld16(t + 0x12), 0x1235);
}
END_TEST

/* ---- I/O permission ---- */

START_TEST(io_bitmap)
{
    static const struct {
        u8 code[3];
        u32 map;
        bool ok;
    } cases[] = {{{0xe6, 0x10}, 0, true},
                 {{0xe6, 0x10}, 0x10000, false},
                 {{0xe7, 0x0f}, 0x40000, false},
                 {{0xe7, 0x0f}, 0x80000, true},
                 {{0xe5, 0x20}, 0, false} /* ports 20h.. are not permitted */};
    w_protected(3);
    w.ram[TSS + 0x6c] = 0xff;
    st32(w.ram + TSS + 0x68, cases[_i].map);
    w_code(CODE, cases[_i].code, 2);
    w.ram[CODE + 2] = 0x90;
    cpu_run(w.cpu, cases[_i].ok ? 1 : 5);
    if (cases[_i].ok)
        ck_assert_uint_eq(w.io_count, 1);
    else
        ck_assert_int_eq(w_vector(), EXC_GP);
}
END_TEST

/*
 * 16-bit code that runs on past FFFFh: EIP becomes 10000h, which a limit of FFFFh makes #GP(0) there, and a larger one
 * does not. Branches of 16 bits are cut. (Real hardware: os2museum.com, "Does EIP wrap around in 16-bit segments?")
 */
START_TEST(running_past_64k)
{
    static const struct {
        u32 limit;
        u8 code[4]; /* at FFFCh */
        u32 start;
        int vector;
        u32 eip; /* in the frame, or behind the HLT */
    } cases[] = {
        {0xffff, {0x90, 0x90, 0x90, 0x90}, 0xfffe, EXC_GP, 0x10000},
        {0xffff, {0x90, 0x90, 0x90, 0xb0}, 0xffff, EXC_GP, 0xffff},  /* MOV AL, cut in two */
        {0xffff, {0x90, 0x90, 0xeb, 0x10}, 0xfffe, -1, 0x11},        /* JMP SHORT */
        {0xffff, {0x90, 0x90, 0x74, 0x10}, 0xfffe, EXC_GP, 0x10000}, /* JZ, not taken */
        {0x1ffff, {0x90, 0x90, 0x90, 0x90}, 0xfffe, -1, 0x10001},
        {0x1ffff, {0x90, 0x90, 0xeb, 0x10}, 0xfffe, -1, 0x11},
    };
    w_start("max");
    struct cpu *c = w.cpu;
    w_protected(0);
    c->seg[CS] =
        (struct seg){.sel = SEL_CODE16, .attr = cases[_i].limit >> 16 ? 0x809b : 0x9b, .limit = cases[_i].limit};
    c->gpr[SLOT_RIP] = cases[_i].start;
    cpu_update_mode(c);
    w_code(0xfffc, cases[_i].code, 4);
    CODE_AT(0x10, 0xf4);
    CODE_AT(0x10000, 0xf4, 0xf4);
    w_run(10);
    ck_assert_int_eq(w_vector(), cases[_i].vector);
    if (cases[_i].vector < 0) {
        ck_assert_uint_eq(c->gpr[SLOT_RIP], cases[_i].eip);
        return;
    }
    ck_assert_uint_eq(w_frame(0), 0);
    ck_assert_uint_eq(w_frame(1), cases[_i].eip);
}
END_TEST

/* In real mode 0 is in the frame, so a handler that returns at once makes it wrap. */
START_TEST(running_past_64k_in_real_mode)
{
    w_start("max");
    struct cpu *c = w.cpu;
    seg_load_real(c, CS, 0x1000);
    seg_load_real(c, SS, 0);
    c->gpr[RSP] = STACK0;
    c->gpr[SLOT_RIP] = 0xfffe;
    cpu_update_mode(c);
    st16(w.ram + 13 * 4, 0x600);
    st16(w.ram + 13 * 4 + 2, 0);
    CODE_AT(0x600, 0x43, 0xcf); /* INC BX; IRET */
    CODE_AT(0x1fffe, 0x90, 0x90);
    CODE_AT(0x10000, 0xf4);
    w_run(10);
    ck_assert(c->halted);
    ck_assert_uint_eq(c->gpr[RBX], 1);
    ck_assert_uint_eq(c->seg[CS].sel, 0x1000);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], 1);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_loop_test(t, running_past_64k, 0, 6);
    tcase_add_test(t, running_past_64k_in_real_mode);
    tcase_add_checked_fixture(t, start, NULL);
    tcase_add_loop_test(t, load_checks, 0, ARRAY_LEN(loads));
    tcase_add_test(t, load_outside_table);
    tcase_add_test(t, null_selectors);
    tcase_add_test(t, null_ss);
    tcase_add_test(t, mov_cs_is_ud);
    tcase_add_test(t, ldt);
    tcase_add_loop_test(t, limit_checks, 0, ARRAY_LEN(limits));
    tcase_add_test(t, stack_limit_is_ss);
    tcase_add_test(t, unreal);
    tcase_add_test(t, far_jump_and_call);
    tcase_add_loop_test(t, far_jump_checks, 0, ARRAY_LEN(jumps));
    tcase_add_test(t, call_gate_inner);
    tcase_add_test(t, call_gate_privilege);
    tcase_add_loop_test(t, inner_stack_faults, 0, 6);
    tcase_add_test(t, iret_to_outer_ring);
    tcase_add_test(t, flags_privilege);
    tcase_add_test(t, lar_lsl_verr_verw);
    tcase_add_loop_test(t, lar_refuses, 0, 8);
    tcase_add_test(t, arpl);
    tcase_add_test(t, task_by_call_and_iret);
    tcase_add_test(t, task_by_jump);
    tcase_add_test(t, task_busy_is_gp);
    tcase_add_test(t, task_limit_is_ts);
    tcase_add_test(t, task_gate_for_exception);
    tcase_add_test(t, task_bad_segment);
    tcase_add_test(t, task_trap_bit);
    tcase_add_test(t, task_16);
    tcase_add_loop_test(t, io_bitmap, 0, 5);
}

int main(void) { return w_main("seg", add); }
