/*
 * Delivery of exceptions and interrupts: frames, error codes, privilege
 * changes, double and triple faults, shadows, single-step, V86 and VME, IST.
 * Expected values are the manual's (SDM vol. 3, chapters 6, 17 and 20).
 */
#include "tests/unit/cpu_world.h"

static void start(void) { w_start("max"); }

#define FRAME_IS(n, v) ck_assert_uint_eq(w_frame(n), v)

START_TEST(int_n_same_ring)
{
    w_protected(0);
    w.cpu->eflags |= FL_IF;
    CODE_AT(CODE, 0xcd, 0x30); /* INT 30h */
    w_run(10);
    ck_assert_int_eq(w_vector(), 0x30);
    FRAME_IS(0, CODE + 2);
    FRAME_IS(1, SEL_CODE0);
    FRAME_IS(2, FL_1 | FL_IF | flags_to_image(w.cpu));
    ck_assert_uint_eq(w.cpu->gpr[RSP], STACK0 - 12);
    ck_assert(!(w.cpu->eflags & FL_IF));
}
END_TEST

START_TEST(int_n_from_ring_3)
{
    w_protected(3);
    CODE_AT(CODE, 0xcd, 0x80);
    w_run(10);
    ck_assert_int_eq(w_vector(), 0x80);
    FRAME_IS(0, CODE + 2);
    FRAME_IS(1, SEL_CODE3);
    FRAME_IS(3, STACK3);
    FRAME_IS(4, SEL_DATA3);
    ck_assert_uint_eq(w.cpu->cpl, 0);
    ck_assert_uint_eq(w.cpu->seg[SS].sel, SEL_DATA0);
}
END_TEST

/* A gate of DPL 0 is #GP for INT n of ring 3, with the entry as error code, at the instruction. */
START_TEST(int_n_without_privilege)
{
    w_protected(3);
    CODE_AT(CODE, 0xcd, 0x30);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_GP);
    FRAME_IS(0, 0x30 * 8 + 2);
    FRAME_IS(1, CODE);
    ck_assert(w_frame(3) & FL_RF);
}
END_TEST

START_TEST(ud_is_a_fault)
{
    w_protected(0);
    CODE_AT(CODE, 0x90, 0x0f, 0x0b);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_UD);
    FRAME_IS(0, CODE + 1);
    ck_assert(w_frame(2) & FL_RF);
}
END_TEST

/* A missing #GP gate: #NP while delivering #GP, both contributory: #DF with error code 0. */
START_TEST(double_fault)
{
    w_protected(0);
    set_gate(IDT + EXC_GP * 8, SEL_CODE0, 0, 0x0e, 0);
    CODE_AT(CODE, 0xb8, 0xff, 0xff, 0, 0, 0x8e, 0xd8); /* MOV EAX, 0FFFFh; MOV DS, AX */
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_DF);
    FRAME_IS(0, 0);
    FRAME_IS(1, CODE + 5);
}
END_TEST

/* A benign exception that cannot be delivered is replaced by the fault met: #NP(entry) with EXT. */
START_TEST(benign_then_contributory)
{
    w_protected(0);
    set_gate(IDT + EXC_UD * 8, SEL_CODE0, 0, 0x0e, 0);
    CODE_AT(CODE, 0x0f, 0x0b);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_NP);
    FRAME_IS(0, EXC_UD * 8 + 2 + 1);
    FRAME_IS(1, CODE);
}
END_TEST

START_TEST(triple_fault)
{
    w_protected(0);
    w.cpu->idtr.limit = 0;
    CODE_AT(CODE, 0x0f, 0x0b);
    w_run(10);
    ck_assert_uint_eq(w.shutdowns, 1);
    ck_assert(w.cpu->in_shutdown);
}
END_TEST

START_TEST(real_mode)
{
    struct cpu *c = w.cpu;
    st16(w.ram + 0x21 * 4, 0x100);
    st16(w.ram + 0x21 * 4 + 2, 0x500);
    w.ram[0x5100] = 0xf4;
    c->seg[CS].sel = 0x1000;
    c->seg[CS].base = CODE;
    c->gpr[SLOT_RIP] = 0x10;
    c->seg[SS].sel = 0x800;
    c->seg[SS].base = 0x8000;
    c->gpr[RSP] = 0x12340100;
    c->eflags |= FL_IF;
    cpu_update_mode(c);
    CODE_AT(CODE + 0x10, 0xcd, 0x21);
    w_run(10);
    ck_assert(c->halted);
    ck_assert_uint_eq(c->seg[CS].sel, 0x500);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], 0x101);
    ck_assert_uint_eq(c->gpr[RSP], 0x123400fa);
    ck_assert_uint_eq(ld16(w.ram + 0x80fa), 0x12);
    ck_assert_uint_eq(ld16(w.ram + 0x80fc), 0x1000);
    ck_assert_uint_eq(ld16(w.ram + 0x80fe) & FL_IF, FL_IF);
    ck_assert(!(c->eflags & FL_IF));
}
END_TEST

START_TEST(interrupt_waits_for_if_and_shadow)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    CODE_AT(CODE, 0x90, 0xfb, 0x40, 0x40, 0xf4); /* NOP; STI; INC EAX; INC EAX; HLT */
    w.vector = 0x40;
    cpu_raise_attention(c, ATT_INTR);
    w_run(20);
    ck_assert_int_eq(w_vector(), 0x40);
    FRAME_IS(0, CODE + 3); /* one instruction after STI */
    ck_assert_uint_eq(c->gpr[RAX], 1);
}
END_TEST

/* The shadow holds also when the slice ends right behind STI: STI; HLT never loses a wakeup. */
START_TEST(shadow_over_the_end_of_a_slice)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    CODE_AT(CODE, 0xfb, 0xf4, 0x90);
    w.vector = 0x41;
    ck_assert_uint_eq(cpu_run(c, 1), 1);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 1);
    cpu_raise_attention(c, ATT_INTR);
    w_run(20);
    ck_assert_int_eq(w_vector(), 0x41);
    FRAME_IS(0, CODE + 2);
}
END_TEST

START_TEST(mov_ss_shadow)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    c->eflags |= FL_IF;
    c->gpr[RAX] = SEL_DATA0;
    CODE_AT(CODE, 0x8e, 0xd0, 0x90, 0x90, 0xf4); /* MOV SS, AX; NOP; NOP; HLT */
    ck_assert_uint_eq(cpu_run(c, 1), 1);
    cpu_raise_attention(c, ATT_NMI);
    w_run(20);
    ck_assert_int_eq(w_vector(), EXC_NMI);
    FRAME_IS(0, CODE + 3);
    ck_assert(c->nmi_masked);
}
END_TEST

START_TEST(nmi_in_the_shadow_of_sti)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    CODE_AT(CODE, 0xfb, 0x40, 0x40, 0xf4); /* STI; INC EAX; INC EAX; HLT */
    ck_assert_uint_eq(cpu_run(c, 1), 1);
    cpu_raise_attention(c, ATT_NMI);
    w_run(20);
    ck_assert_int_eq(w_vector(), EXC_NMI);
    FRAME_IS(0, CODE + 2);
    ck_assert_uint_eq(c->gpr[RAX], 1);
}
END_TEST

START_TEST(nmi_masked_until_iret)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    CODE_AT(STUBS + 2 * STUB_SIZE, 0x43, 0xcf); /* INC EBX; IRET */
    CODE_AT(CODE, 0x90, 0x90, 0xf4);
    cpu_raise_attention(c, ATT_NMI);
    cpu_run(c, 1);
    cpu_raise_attention(c, ATT_NMI);
    w_run(30);
    ck_assert_uint_eq(c->gpr[RBX], 2);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 3);
    ck_assert(!c->nmi_masked);
}
END_TEST

START_TEST(single_step)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    c->eflags |= FL_TF;
    cpu_update_mode(c);
    CODE_AT(CODE, 0x40, 0x40);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_DB);
    FRAME_IS(0, CODE + 1);
    ck_assert_uint_eq(c->dr[6], 0xffff4ff0u);
    ck_assert(w_frame(2) & FL_TF);
    ck_assert(!(c->eflags & FL_TF));
}
END_TEST

/* POPF that sets TF: the trap comes after the instruction behind it. */
START_TEST(popf_sets_tf)
{
    w_protected(0);
    CODE_AT(CODE, 0x68, 0x02, 0x01, 0, 0, 0x9d, 0x40, 0x40); /* PUSH 102h; POPF; INC EAX; INC EAX */
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_DB);
    FRAME_IS(0, CODE + 7);
    ck_assert_uint_eq(w.cpu->gpr[RAX], 1);
}
END_TEST

/* INT n clears TF and takes no trap of its own. */
START_TEST(int_under_tf)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    c->eflags |= FL_TF;
    cpu_update_mode(c);
    CODE_AT(CODE, 0xcd, 0x33);
    w_run(10);
    ck_assert_int_eq(w_vector(), 0x33);
    ck_assert_uint_eq(c->gpr[RSP], STACK0 - 12);
    ck_assert_uint_eq(c->dr[6], 0xffff0ff0u);
}
END_TEST

START_TEST(code_breakpoint_and_rf)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    CODE_AT(STUBS + STUB_SIZE, 0x81, 0x4c, 0x24, 0x08, 0, 0, 1, 0, 0x43, 0xcf); /* set RF in the image; INC EBX; IRET */
    CODE_AT(CODE, 0x90, 0x40, 0xeb, 0xfc);                                      /* NOP; INC EAX; JMP $-2 */
    c->dr[0] = CODE + 1;
    c->dr[7] |= 2;
    cpu_update_mode(c);
    cpu_run(c, 1 + 7 * 4); /* each turn: the exception counts one, handler 3, INC, JMP, NOP */
    ck_assert_uint_gt(c->gpr[RBX], 2);
    ck_assert(c->gpr[RBX] - c->gpr[RAX] <= 1);
    ck_assert_uint_eq(c->dr[6] & 15, 1);
}
END_TEST

/* A data breakpoint traps right behind the instruction, in the middle of a block too. */
START_TEST(data_breakpoint)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    CODE_AT(CODE, 0x40, 0xa3, 0, 0, 2, 0, 0x40, 0x40); /* INC EAX; MOV [20000h], EAX; INC EAX; INC EAX */
    c->dr[2] = DATA;
    c->dr[7] |= 0x10 | 0x0d000000; /* L2, write, 4 bytes */
    cpu_update_mode(c);
    w_run(20);
    ck_assert_int_eq(w_vector(), EXC_DB);
    FRAME_IS(0, CODE + 6);
    ck_assert_uint_eq(c->gpr[RAX], 1);
    ck_assert_uint_eq(ld32(w.ram + DATA), 1);
    ck_assert_uint_eq(c->dr[6] & 0x400f, 4);
}
END_TEST

START_TEST(io_breakpoint)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    CODE_AT(CODE, 0x90, 0xe6, 0x42, 0x40, 0x40); /* NOP; OUT 42h, AL; INC EAX */
    c->cr4 |= CR4_DE;
    c->dr[1] = 0x42;
    c->dr[7] |= 4 | 0x200000;
    cpu_update_mode(c);
    w_run(20);
    ck_assert_int_eq(w_vector(), EXC_DB);
    FRAME_IS(0, CODE + 3);
    ck_assert_uint_eq(w.io_port, 0x42);
    ck_assert_uint_eq(w.io_count, 1);
}
END_TEST

START_TEST(general_detect)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    c->dr[7] |= BIT(13);
    CODE_AT(CODE, 0x0f, 0x21, 0xc0); /* MOV EAX, DR0 */
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_DB);
    FRAME_IS(0, CODE);
    ck_assert(c->dr[6] & BIT(13));
    ck_assert(!(c->dr[7] & BIT(13)));
}
END_TEST

/* ---- V86 ---- */

static void enter_v86(u32 flags)
{
    struct cpu *c = w.cpu;
    w_protected(0);
    c->eflags = FL_1 | FL_VM | flags;
    for (unsigned s = 0; s < SEG_COUNT; s++)
        seg_load_real(c, s, 0x1000);
    c->cpl = 3;
    c->gpr[RSP] = 0x800;
    c->gpr[SLOT_RIP] = 0;
    cpu_update_mode(c);
}

START_TEST(v86_int_needs_iopl)
{
    enter_v86(0);
    CODE_AT(CODE, 0xcd, 0x80);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_GP);
    FRAME_IS(0, 0);
    FRAME_IS(1, 0);      /* IP */
    FRAME_IS(2, 0x1000); /* CS */
    FRAME_IS(4, 0x800);  /* SP, SS, ES, DS, FS, GS */
    FRAME_IS(5, 0x1000);
    FRAME_IS(9, 0x1000);
    ck_assert(w_frame(3) & FL_VM);
    ck_assert(w.cpu->seg[DS].attr & SEG_UNUSABLE);
    ck_assert_uint_eq(w.cpu->gpr[RSP], STACK0 - 40);
}
END_TEST

START_TEST(v86_int_through_idt)
{
    enter_v86(FL_IOPL);
    CODE_AT(CODE, 0xcd, 0x80);
    w_run(10);
    ck_assert_int_eq(w_vector(), 0x80);
    FRAME_IS(0, 2);
}
END_TEST

/* CR4.VME and a clear redirection bit: through the IVT, in V86 mode; IOPL < 3: IF is VIF. */
START_TEST(vme_redirection)
{
    enter_v86(FL_VIF);
    struct cpu *c = w.cpu;
    c->cr4 |= CR4_VME;
    st16(w.ram + TSS + 0x66, 0x88); /* the redirection bitmap is the 32 bytes below */
    memset(w.ram + TSS + 0x68, 0, 32);
    st16(w.ram + 0x21 * 4, 0x40);
    st16(w.ram + 0x21 * 4 + 2, 0x1000);
    CODE_AT(CODE, 0xcd, 0x21);
    CODE_AT(CODE + 0x40, 0xcd, 0x21, 0x90);
    cpu_run(c, 1);
    ck_assert(c->eflags & FL_VM);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], 0x40);
    ck_assert_uint_eq(c->gpr[RSP], 0x7fa);
    ck_assert_uint_eq(ld16(w.ram + CODE + 0x7fa), 2);
    ck_assert_uint_eq(ld16(w.ram + CODE + 0x7fe) & (FL_IF | FL_IOPL), FL_IF | FL_IOPL);
    ck_assert(!(c->eflags & FL_VIF));
}
END_TEST

START_TEST(vme_flags)
{
    enter_v86(0);
    struct cpu *c = w.cpu;
    c->cr4 |= CR4_VME;
    CODE_AT(CODE, 0xfb, 0x9c, 0xfa, 0x9d, 0xfb); /* STI; PUSHF; CLI; POPF; STI */
    cpu_run(c, 2);
    ck_assert(c->eflags & FL_VIF);
    ck_assert_uint_eq(ld16(w.ram + CODE + 0x7fe) & (FL_IF | FL_IOPL), FL_IF | FL_IOPL);
    cpu_run(c, 1);
    ck_assert(!(c->eflags & FL_VIF));
    cpu_run(c, 1);
    ck_assert(c->eflags & FL_VIF);
    c->eflags |= FL_VIP;
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_GP);
}
END_TEST

START_TEST(v86_iret_round_trip)
{
    enter_v86(FL_IOPL | FL_IF);
    struct cpu *c = w.cpu;
    CODE_AT(CODE, 0xcd, 0x80, 0x40, 0x40);
    CODE_AT(STUBS + 0x80 * STUB_SIZE, 0xcf);
    cpu_run(c, 3);
    ck_assert(c->eflags & FL_VM);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], 3);
    ck_assert_uint_eq(c->gpr[RSP], 0x800);
    ck_assert_uint_eq(c->seg[FS].base, 0x10000);
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert_uint_eq(c->gpr[RAX] & 0xffff, 1);
}
END_TEST

/* ---- long mode ---- */

START_TEST(long_mode_frame)
{
    w_long(3);
    struct cpu *c = w.cpu;
    c->gpr[RSP] = STACK3 - 5;
    CODE_AT(CODE, 0xcd, 0x80);
    w_run(10);
    ck_assert_int_eq(w_vector(), 0x80);
    FRAME_IS(0, CODE + 2);
    FRAME_IS(1, SEL_CODE64_3);
    FRAME_IS(3, STACK3 - 5);
    FRAME_IS(4, SEL_DATA3);
    ck_assert_uint_eq(c->gpr[RSP], STACK0 - 40);
    ck_assert_uint_eq(c->seg[SS].sel, 0);
}
END_TEST

/* Same ring: SS:RSP is pushed all the same, on a stack aligned to 16. */
START_TEST(long_mode_same_ring_aligns)
{
    w_long(0);
    struct cpu *c = w.cpu;
    c->gpr[RSP] = STACK0 - 5;
    CODE_AT(CODE, 0x0f, 0x0b);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_UD);
    FRAME_IS(3, STACK0 - 5);
    FRAME_IS(4, SEL_DATA0);
    ck_assert_uint_eq(c->gpr[RSP], STACK0 - 16 - 40);
}
END_TEST

START_TEST(long_mode_ist)
{
    w_long(0);
    st64(w.ram + TSS + 0x24 + 2 * 8, 0x7000);
    set_gate64(IDT + EXC_UD * 16, SEL_CODE64, STUBS + EXC_UD * STUB_SIZE, 0x8e, 3);
    CODE_AT(CODE, 0x0f, 0x0b);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_UD);
    ck_assert_uint_eq(w.cpu->gpr[RSP], 0x7000 - 40);
}
END_TEST

START_TEST(long_mode_iretq)
{
    w_long(3);
    struct cpu *c = w.cpu;
    CODE_AT(CODE, 0xcd, 0x80, 0x90, 0x90);
    CODE_AT(STUBS + 0x80 * STUB_SIZE, 0x48, 0xcf);
    cpu_run(c, 3);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 3);
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert_uint_eq(c->gpr[RSP], STACK3);
    ck_assert_uint_eq(c->seg[SS].sel, SEL_DATA3);
}
END_TEST

/* Non-canonical: #GP(0), but #SS(0) through RSP. */
START_TEST(non_canonical)
{
    w_long(0);
    w.cpu->gpr[RAX] = 0x0000800000000000ull;
    CODE_AT(CODE, 0x8b, 0x18); /* MOV EBX, [RAX] */
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_GP);
    FRAME_IS(0, 0);
}
END_TEST
START_TEST(non_canonical_stack)
{
    w_long(0);
    w.cpu->gpr[RSP] = 0x0000800000000010ull;
    st64(w.ram + TSS + 0x24, 0x7000);
    set_gate64(IDT + EXC_SS * 16, SEL_CODE64, STUBS + EXC_SS * STUB_SIZE, 0x8e, 1);
    CODE_AT(CODE, 0x58); /* POP RAX */
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_SS);
    FRAME_IS(0, 0);
}
END_TEST

START_TEST(syscall_sysret)
{
    w_long(3);
    struct cpu *c = w.cpu;
    c->star = (u64)0x6b << 48 | (u64)SEL_CODE64 << 32;
    c->lstar = CODE + 0x100;
    c->sfmask = FL_IF | FL_TF | FL_DF;
    c->eflags |= FL_IF | FL_DF;
    CODE_AT(CODE, 0x0f, 0x05, 0x90);
    CODE_AT(CODE + 0x100, 0x48, 0x0f, 0x07);
    cpu_run(c, 1);
    ck_assert_uint_eq(c->cpl, 0);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 0x100);
    ck_assert_uint_eq(c->gpr[RCX], CODE + 2);
    ck_assert_uint_eq(c->gpr[R11] & (FL_IF | FL_DF), FL_IF | FL_DF);
    ck_assert(!(c->eflags & (FL_IF | FL_DF)));
    cpu_run(c, 1);
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], CODE + 2);
    ck_assert_uint_eq(c->seg[CS].sel, 0x7b);
    ck_assert_uint_eq(c->seg[SS].sel, 0x73);
    ck_assert_uint_eq(c->eflags & (FL_IF | FL_DF), FL_IF | FL_DF);
}
END_TEST

/* undefined.def: where RCX is not canonical Intel's fault in ring 0, AMD's in ring 3; SS's attributes. */
START_TEST(sysret_by_maker)
{
    bool amd = _i;
    w_start(amd ? "EPYC" : "Haswell");
    w_long(0);
    struct cpu *c = w.cpu;
    c->star = (u64)0x6b << 48 | (u64)SEL_CODE64 << 32;
    c->gpr[RCX] = CODE + 0x100;
    c->gpr[R11] = FL_1;
    c->seg[SS].attr = SEG_UNUSABLE;
    CODE_AT(CODE, 0x48, 0x0f, 0x07);
    CODE_AT(CODE + 0x100, 0xcc);
    cpu_run(c, 1);
    ck_assert_uint_eq(c->cpl, 3);
    ck_assert_uint_eq(c->seg[SS].sel, 0x73);
    ck_assert_uint_eq((c->seg[SS].attr & SEG_UNUSABLE) != 0, amd);
    w_long(0);
    c->gpr[RCX] = 1ull << 47;
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_GP);
    FRAME_IS(0, 0);
    ck_assert_uint_eq(ld64(w.ram + (c->gpr[RSP] & 0xffffff) + 8), amd ? 1ull << 47 : CODE);
    ck_assert_uint_eq(ld64(w.ram + (c->gpr[RSP] & 0xffffff) + 16) & 3, amd ? 3 : 0);
}
END_TEST

START_TEST(sysenter_is_ud_in_long_mode_on_amd)
{
    w_long(3);
    w.cpu->sysenter_cs = SEL_CODE0;
    CODE_AT(CODE, 0x0f, 0x34);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_UD);
}
END_TEST

START_TEST(inhibited_hlt_wakes_only_for_if)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    CODE_AT(CODE, 0xf4);
    w_run(5);
    ck_assert(cpu_idle(c));
    cpu_raise_attention(c, ATT_INTR);
    ck_assert(cpu_idle(c));
    w_run(5);
    ck_assert(c->halted);
    cpu_raise_attention(c, ATT_NMI);
    ck_assert(!cpu_idle(c));
    w_run(5);
    ck_assert_int_eq(w_vector(), EXC_NMI);
}
END_TEST

START_TEST(init_and_sipi)
{
    struct cpu *c = cpu_create(&w.model, 1, &w.env, &w.trace);
    ck_assert(cpu_idle(c));
    ck_assert_uint_eq(cpu_run(c, 10), 0);
    w.ram[0x7000] = 0xf4;
    c->sipi_vector = 7;
    cpu_raise_attention(c, ATT_SIPI);
    ck_assert(!cpu_idle(c));
    cpu_run(c, 10);
    ck_assert(c->halted);
    ck_assert_uint_eq(c->seg[CS].sel, 0x700);
    ck_assert_uint_eq(c->gpr[SLOT_RIP], 1);
    cpu_raise_attention(c, ATT_INIT);
    cpu_run(c, 10);
    ck_assert(c->wait_sipi);
    ck_assert(!c->halted);
    cpu_destroy(c);
}
END_TEST

/* A repetition on a device's page ends with the element in which that raised attention, and then goes on from there. */
START_TEST(repetition_on_a_device)
{
    enum { COUNT = 100, EXIT_AT = 3 };
    static const struct {
        u8 op;
        u32 rsi, rdi; /* 0: does not take part */
        bool down;
    } cases[] = {
        {0xa4, DATA, MMIO, false}, /* MOVS */
        {0xa5, MMIO, DATA, false},     {0xa5, DATA + 0x800, MMIO + 0x800, true},
        {0xa6, DATA, MMIO, false},                             /* CMPS */
        {0xa7, MMIO, DATA, false},     {0xaa, 0, MMIO, false}, /* STOS */
        {0xab, 0, MMIO + 0x800, true}, {0xac, MMIO, 0, false}, /* LODS */
        {0xae, 0, MMIO, false},                                /* SCAS */
        {0x6c, 0, MMIO, false},                                /* INS */
        {0x6f, MMIO, 0, false},                                /* OUTS */
    };
    w_protected(0);
    struct cpu *c = w.cpu;
    u64 *r = c->gpr;
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        u32 size = cases[i].op & 1 ? 4 : 1, step = (cases[i].down ? -size : size) * EXIT_AT;
        CODE_AT(CODE, 0xf3, cases[i].op, 0xf4);
        r[RAX] = 0, r[RCX] = COUNT, r[RSI] = cases[i].rsi, r[RDI] = cases[i].rdi, r[SLOT_RIP] = CODE;
        cpu_set_eflags(c, cases[i].down ? FL_DF : 0, FL_DF);
        c->halted = false;
        w.mmio_value = w.mmio_count = 0;
        w.mmio_exit_at = EXIT_AT;
        w_run(10);
        ck_assert_msg(r[RCX] == COUNT - EXIT_AT, "case %u: %u left", i, (unsigned)r[RCX]);
        ck_assert_uint_eq(w.mmio_count, EXIT_AT);
        ck_assert_uint_eq(r[SLOT_RIP], CODE);
        ck_assert_uint_eq(r[RSI], cases[i].rsi ? cases[i].rsi + step : 0);
        ck_assert_uint_eq(r[RDI], cases[i].rdi ? cases[i].rdi + step : 0);
        w_run(10);
        ck_assert(c->halted);
        ck_assert_uint_eq(r[RCX], 0);
        ck_assert_uint_eq(w.mmio_count, COUNT);
    }
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, start, NULL);
    tcase_add_test(t, int_n_same_ring);
    tcase_add_test(t, int_n_from_ring_3);
    tcase_add_test(t, int_n_without_privilege);
    tcase_add_test(t, ud_is_a_fault);
    tcase_add_test(t, double_fault);
    tcase_add_test(t, benign_then_contributory);
    tcase_add_test(t, triple_fault);
    tcase_add_test(t, real_mode);
    tcase_add_test(t, interrupt_waits_for_if_and_shadow);
    tcase_add_test(t, shadow_over_the_end_of_a_slice);
    tcase_add_test(t, mov_ss_shadow);
    tcase_add_test(t, nmi_in_the_shadow_of_sti);
    tcase_add_test(t, nmi_masked_until_iret);
    tcase_add_test(t, single_step);
    tcase_add_test(t, popf_sets_tf);
    tcase_add_test(t, int_under_tf);
    tcase_add_test(t, code_breakpoint_and_rf);
    tcase_add_test(t, data_breakpoint);
    tcase_add_test(t, io_breakpoint);
    tcase_add_test(t, general_detect);
    tcase_add_test(t, v86_int_needs_iopl);
    tcase_add_test(t, v86_int_through_idt);
    tcase_add_test(t, vme_redirection);
    tcase_add_test(t, vme_flags);
    tcase_add_test(t, v86_iret_round_trip);
    tcase_add_test(t, long_mode_frame);
    tcase_add_test(t, long_mode_same_ring_aligns);
    tcase_add_test(t, long_mode_ist);
    tcase_add_test(t, long_mode_iretq);
    tcase_add_test(t, non_canonical);
    tcase_add_test(t, non_canonical_stack);
    tcase_add_test(t, syscall_sysret);
    tcase_add_loop_test(t, sysret_by_maker, 0, 2);
    tcase_add_test(t, sysenter_is_ud_in_long_mode_on_amd);
    tcase_add_test(t, inhibited_hlt_wakes_only_for_if);
    tcase_add_test(t, init_and_sipi);
    tcase_add_test(t, repetition_on_a_device);
}

int main(void) { return w_main("excp", add); }
