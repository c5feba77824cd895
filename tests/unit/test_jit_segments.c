/*
 * Code that is not flat, translated: real mode, virtual-8086 mode, 16-bit and
 * 32-bit protected mode with bases and limits, against the interpreter and
 * against the values that the manuals give.
 */
#include "tests/unit/jit_world.h"

enum { PARAGRAPH = CODE >> 4, DATA_PARAGRAPH = DATA >> 4, BUDGET = 20000, IVT_STUB = 0x700, START_EDX = 0x60fb1 };

/* Real mode at CODE, where IP is 0; DS = DATA, SS:SP below STACK0. */
static void real_mode(void)
{
    cpu_reset(w.cpu, false);
    w.cpu->seg[CS].base = CODE;
    w.cpu->seg[CS].sel = PARAGRAPH;
    seg_load_real(w.cpu, DS, DATA_PARAGRAPH);
    seg_load_real(w.cpu, ES, DATA_PARAGRAPH);
    seg_load_real(w.cpu, SS, 0);
    w.cpu->gpr[RSP] = STACK0;
    w.cpu->gpr[RDX] = START_EDX;
    w.cpu->gpr[SLOT_RIP] = 0;
    memset(w.ram, 0, 0x400);
    for (unsigned v = 0; v < 256; v++) /* each vector: HLT in segment 0 */
        st16(w.ram + 4 * v, (u16)(IVT_STUB + v));
    memset(w.ram + IVT_STUB, 0xf4, 256);
    cpu_update_mode(w.cpu);
}

static struct result end_of[2];

/* The program in real mode under both engines, which must agree; a HLT ends it. */
static void run_real(const u8 *code, unsigned n, void (*prepare)(void))
{
    for (unsigned translated = 0; translated < 2; translated++) {
        w_start("max");
        jit_detach(w.cpu);
        if (translated && !jit_attach(w.cpu, CODE_BYTES, 0))
            exit(EXIT_SUCCESS);
        real_mode();
        if (prepare)
            prepare();
        w_code(CODE, code, n);
        collect(&end_of[translated], cpu_run(w.cpu, BUDGET));
        ck_assert(w.cpu->halted);
    }
    ck_assert_uint_gt(translator()->counters.translated, 0);
    ck_assert_mem_eq(&end_of[0], &end_of[1], sizeof(end_of[0]));
}
#define REAL(prepare, ...) run_real((const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}), prepare)

#define ENDED_IN_VECTOR(v) ck_assert_uint_eq(w.cpu->gpr[SLOT_RIP], IVT_STUB + (v) + 1u)

START_TEST(a_loop_over_a_segment)
{
    REAL(NULL, 0x31, 0xdb, /* xor bx, bx */
         0xb9, 0x00, 0x10, /* mov cx, 1000h */
         0x89, 0x1f,       /* l: mov [bx], bx */
         0x83, 0xc3, 0x02, /* add bx, 2 */
         0x01, 0x5f, 0xfe, /* add [bx - 2], bx */
         0xe2, 0xf6,       /* loop l */
         0xf4);
    ck_assert_uint_eq(w.cpu->gpr[RBX], 0x2000);
    ck_assert_uint_eq(ld16(w.ram + DATA + 0x1ffe), 0x1ffe + 0x2000);
}
END_TEST

/* The sum of base and displacement wraps at 64 KiB; the word's last byte must not lie beyond. */
START_TEST(offsets_wrap_but_words_do_not)
{
    REAL(NULL, 0xbb, 0xf0, 0xff, /* mov bx, fff0h */
         0xc6, 0x47, 0x12, 0x5a, /* mov byte [bx + 12h], 5ah */
         0xf4);
    ck_assert_uint_eq(w.ram[DATA + 2], 0x5a);
    REAL(NULL, 0xbb, 0xff, 0xff, /* mov bx, ffffh */
         0x88, 0x1f,             /* mov [bx], bl */
         0x89, 0x1f,             /* mov [bx], bx: #GP */
         0xf4);
    ENDED_IN_VECTOR(EXC_GP);
    ck_assert_uint_eq(w.ram[DATA + 0xffff], 0xff);
    ck_assert_uint_eq(ld16(w.ram + STACK0 - 6), 5); /* the instruction that faulted */
}
END_TEST

static void sp_is_0(void) { w.cpu->gpr[RSP] = 0xabcd0000; }
static void sp_is_1(void) { w.cpu->gpr[RSP] = 1; }
START_TEST(the_stack_wraps)
{
    REAL(sp_is_0, 0x68, 0x34, 0x12, /* push 1234h */
         0x58,                      /* pop ax */
         0x6a, 0x05,                /* push 5 */
         0xf4);
    ck_assert_uint_eq(w.cpu->gpr[RSP], 0xabcdfffe);
    ck_assert_uint_eq(w.cpu->gpr[RAX], 0x1234);
    ck_assert_uint_eq(ld16(w.ram + 0xfffe), 5);
    /* A word at SS:FFFF is #SS, which cannot be pushed either: shutdown. */
    w_start("max");
    jit_detach(w.cpu);
    if (!jit_attach(w.cpu, CODE_BYTES, 0))
        exit(EXIT_SUCCESS);
    real_mode();
    sp_is_1();
    CODE_AT(CODE, 0x50, 0xf4); /* push ax */
    cpu_run(w.cpu, BUDGET);
    ck_assert_uint_eq(w.shutdowns, 1);
}
END_TEST

static void last_bytes(void)
{
    w.cpu->gpr[SLOT_RIP] = 0xfffa;
    CODE_AT(CODE + 0xfffa, 0x40, 0xeb, 0x10); /* inc ax; jmp short to FFFD + 10h */
    CODE_AT(CODE + 0x0d, 0x41, 0xf4);         /* inc cx; hlt */
}
START_TEST(ip_wraps_in_jumps)
{
    for (unsigned translated = 0; translated < 2; translated++) {
        w_start("max");
        jit_detach(w.cpu);
        if (translated && !jit_attach(w.cpu, CODE_BYTES, 0))
            exit(EXIT_SUCCESS);
        real_mode();
        last_bytes();
        collect(&end_of[translated], cpu_run(w.cpu, 3));
        ck_assert_uint_eq(w.cpu->gpr[SLOT_RIP], 0x0e);
        ck_assert_uint_eq(w.cpu->gpr[RAX], 1);
        ck_assert_uint_eq(w.cpu->gpr[RCX], 1);
    }
    ck_assert_mem_eq(&end_of[0], &end_of[1], sizeof(end_of[0]));
}
END_TEST

/* A function in another segment at the same IP as one in this: each is its own translation. */
static void far_functions(void)
{
    CODE_AT(DATA + 0x10, 0x42, 0xcb);              /* inc dx; retf */
    CODE_AT(CODE + 0x210, 0x46, 0xca, 0x02, 0x00); /* inc si; retf 2 */
    st32(w.ram + DATA + 0x80, (u32)DATA_PARAGRAPH << 16 | 0x10);
    w.cpu->gpr[RDX] = w.cpu->gpr[RSI] = 0;
}
START_TEST(far_calls_go_and_return)
{
    REAL(far_functions, 0xb9, 0x40, 0x00,                              /* mov cx, 64 */
         0x9a, 0x10, 0x00, DATA_PARAGRAPH & 0xff, DATA_PARAGRAPH >> 8, /* l: call DATA:10h */
         0x50,                                                         /* push ax */
         0x9a, 0x10, 0x02, PARAGRAPH & 0xff, PARAGRAPH >> 8,           /* call CODE:210h */
         0xff, 0x1e, 0x80, 0x00,                                       /* call far [80h] */
         0xe2, 0xef,                                                   /* loop l */
         0x0e, 0x1f,                                                   /* push cs; pop ds */
         0x8c, 0xd8, 0x8e, 0xc0,                                       /* mov ax, ds; mov es, ax */
         0x26, 0x8a, 0x1e, 0x00, 0x00,                                 /* mov bl, [es:0] */
         0xf4);
    ck_assert_uint_eq(w.cpu->gpr[RDX], 128);
    ck_assert_uint_eq(w.cpu->gpr[RSI], 64);
    ck_assert_uint_eq(w.cpu->gpr[RSP], STACK0);
    ck_assert_uint_eq(w.cpu->gpr[RAX], PARAGRAPH);
    ck_assert_uint_eq((u8)w.cpu->gpr[RBX], 0xb9);
    ck_assert_uint_eq(w.cpu->seg[ES].base, CODE);
}
END_TEST

/* PUSHA, POPA, ENTER and LEAVE with a 16-bit stack; only SP's lower half changes. */
static void high_halves(void)
{
    w.cpu->gpr[RSP] = 0x11110000 | STACK0;
    w.cpu->gpr[RBP] = 0x22225555;
    w.cpu->gpr[RSI] = 0x33336666;
}
START_TEST(frames_have_16_bits)
{
    REAL(high_halves, 0xc8, 0x06, 0x00, 0x00, /* enter 6, 0 */
         0x60,                                /* pusha */
         0x31, 0xf6,                          /* xor si, si */
         0x61,                                /* popa */
         0x89, 0x76, 0xfa,                    /* mov [bp - 6], si */
         0x8d, 0x7a, 0x02,                    /* lea di, [bp + si + 2] */
         0xc9,                                /* leave */
         0xf4);
    ck_assert_uint_eq(w.cpu->gpr[RSP], 0x11110000 | STACK0);
    ck_assert_uint_eq(w.cpu->gpr[RBP], 0x22225555);
    ck_assert_uint_eq(w.cpu->gpr[RSI], 0x33336666);
    ck_assert_uint_eq(ld16(w.ram + STACK0 - 8), 0x6666);
    ck_assert_uint_eq((u16)w.cpu->gpr[RDI], (u16)(STACK0 - 2 + 0x6666 + 2));
}
END_TEST

/* INT and IRET: the handler changes the flags that are popped. */
static void handler(void)
{
    st32(w.ram + 4 * 0x60, (u32)DATA_PARAGRAPH << 16 | 0x10);
    CODE_AT(DATA + 0x10, 0x55, 0x89, 0xe5,                  /* push bp; mov bp, sp */
            0x80, 0x76, 0x06, 0x01, 0x80, 0x76, 0x07, 0x0a, /* xor byte [bp + 6], CF; xor byte [bp + 7], OF and IF */
            0x5d, 0x42, 0xcf);                              /* pop bp; inc dx; iret */
}
START_TEST(interrupts_return)
{
    REAL(handler, 0xb9, 0x40, 0x00, /* mov cx, 64 */
         0x31, 0xdb, 0x31, 0xff,    /* xor bx, bx; xor di, di */
         0xcd, 0x60,                /* l: int 60h */
         0x83, 0xd3, 0x00,          /* adc bx, 0 */
         0x9c, 0x58, 0x01, 0xc7,    /* pushf; pop ax; add di, ax */
         0xe2, 0xf5,                /* loop l */
         0xcd, 0x60, 0x9c, 0x58,    /* int 60h; pushf; pop ax */
         0xf4);
    ck_assert_uint_gt((u16)w.cpu->gpr[RBX], 0);
    ck_assert_uint_eq(w.cpu->gpr[RSP], STACK0);
    ck_assert_uint_eq((u16)w.cpu->gpr[RDX], (u16)(START_EDX + 65));
}
END_TEST

/* A segment of 4 GiB in real mode. */
static void unreal(void)
{
    w.cpu->seg[DS].limit = 0xffffffff;
    w.cpu->seg[DS].base = 0;
    cpu_update_mode(w.cpu);
}
START_TEST(big_real_mode)
{
    REAL(unreal, 0x66, 0xbb, 0x00, 0x00, 0x10, 0x00,     /* mov ebx, 100000h */
         0x67, 0x66, 0xc7, 0x03, 0x78, 0x56, 0x34, 0x12, /* mov dword [ebx], 12345678h */
         0x67, 0x26, 0x8a, 0x03,                         /* mov al, [es:ebx]: #GP */
         0xf4);
    ck_assert_uint_eq(ld32(w.ram + 0x100000), 0x12345678);
    ENDED_IN_VECTOR(EXC_GP);
}
END_TEST

/* 16-bit protected mode: a data segment of 100h bytes with a base, a code segment that ends in the middle of code. */
static void small_segments(void)
{
    set_desc(GDT, SEL_TEST, DATA + 0x30, 0xff, D_DATA16);
    set_desc(GDT, SEL_TEST2, CODE, 0x1f, D_CODE16);
}
static void run_small(const u8 *code, unsigned n)
{
    for (unsigned translated = 0; translated < 2; translated++) {
        w_start("max");
        jit_detach(w.cpu);
        if (translated && !jit_attach(w.cpu, CODE_BYTES, 0))
            exit(EXIT_SUCCESS);
        w_protected(0);
        small_segments();
        w_code(CODE, code, n);
        w.cpu->seg[CS] = (struct seg){.sel = SEL_TEST2, .attr = D_CODE16, .limit = 0x1f, .base = CODE};
        w.cpu->seg[DS] = (struct seg){.sel = SEL_TEST, .attr = D_DATA16, .limit = 0xff, .base = DATA + 0x30};
        w.cpu->gpr[SLOT_RIP] = 0;
        cpu_update_mode(w.cpu);
        collect(&end_of[translated], cpu_run(w.cpu, BUDGET));
        ck_assert(w.cpu->halted);
    }
    ck_assert_mem_eq(&end_of[0], &end_of[1], sizeof(end_of[0]));
}
#define SMALL(...)       run_small((const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))
#define ENDED_IN_STUB(v) ck_assert_uint_eq(w.cpu->gpr[SLOT_RIP], STUBS + (v)*STUB_SIZE + 1u)

START_TEST(limits_are_exact)
{
    SMALL(0xbb, 0xfe, 0x00, /* mov bx, feh */
          0x89, 0x1f,       /* mov [bx], bx */
          0x43,             /* inc bx */
          0x88, 0x1f,       /* mov [bx], bl */
          0x89, 0x1f,       /* mov [bx], bx: #GP(0) at 8 */
          0xf4);
    ENDED_IN_STUB(EXC_GP);
    ck_assert_uint_eq(ld16(w.ram + DATA + 0x30 + 0xfe), 0xfffe);
    ck_assert_uint_eq(ld32(w.ram + STACK0 - 12), 8); /* EIP, above the error code */
    /* An instruction's last byte lies beyond the code segment; so does a jump's target. */
    SMALL(0xeb, 0x1b, [0x1d] = 0x40, 0xb8, 0x01, 0x02, 0xf4); /* jmp 1dh; inc ax; mov ax, 201h at 1eh */
    ENDED_IN_STUB(EXC_GP);
    ck_assert_uint_eq(ld32(w.ram + STACK0 - 12), 0x1e);
    SMALL(0x40, 0x75, 0x2d, 0xf4); /* inc ax; jnz 30h */
    ENDED_IN_STUB(EXC_GP);
    ck_assert_uint_eq(ld32(w.ram + STACK0 - 12), 1);
}
END_TEST

/* Variables right beside the code, and then a patched immediate: what is written is what runs. */
START_TEST(data_beside_code_drops_nothing)
{
    REAL(NULL, 0xeb, 0x02, 0x00, 0x00, /* jmp over a variable at 2 */
         0xb9, 0x00, 0x02,             /* mov cx, 200h */
         0x2e, 0xff, 0x06, 0x02, 0x00, /* l: inc word [cs:2] */
         0xe2, 0xf9,                   /* loop l */
         0xf4);
    ck_assert_uint_eq(ld16(w.ram + CODE + 2), 0x200);
    ck_assert_uint_le(translator()->counters.invalidated, 2);
    REAL(NULL, 0x31, 0xd2,             /* xor dx, dx */
         0xb9, 0x20, 0x00,             /* mov cx, 20h */
         0x2e, 0x89, 0x0e, 0x0b, 0x00, /* l: mov [cs:0bh], cx */
         0xb8, 0x00, 0x00,             /* mov ax, patched */
         0x01, 0xc2,                   /* add dx, ax */
         0xe2, 0xf4,                   /* loop l */
         0xf4);
    ck_assert_uint_eq((u16)w.cpu->gpr[RDX], 0x20 * 0x21 / 2);
}
END_TEST

/* More code segments than have numbers at a time: of one code, at one address, and each has its own limit. */
START_TEST(code_segments_without_end)
{
    enum { SEGMENTS = CODE_SEGMENTS + 100 };
    w_start("max");
    jit_detach(w.cpu);
    if (!jit_attach(w.cpu, CODE_BYTES, 0))
        exit(EXIT_SUCCESS);
    w_protected(0);
    CODE_AT(CODE, 0x40, 0xe9, 0x04, 0x01, 0xf4); /* inc ax; jmp 108h, which not all have */
    for (unsigned i = 0; i < SEGMENTS; i++) {
        w.cpu->seg[CS] = (struct seg){.sel = SEL_TEST2, .attr = D_CODE16, .limit = 0x100 + i, .base = CODE};
        w.cpu->gpr[SLOT_RIP] = 0;
        w.cpu->gpr[RAX] = i;
        cpu_update_mode(w.cpu);
        cpu_run(w.cpu, 2);
        ck_assert_uint_eq((u16)w.cpu->gpr[RAX], (u16)(i + 1));
        ck_assert_uint_eq(w.cpu->gpr[SLOT_RIP], i < 8 ? STUBS + EXC_GP * STUB_SIZE : 0x108);
        w.cpu->gpr[RSP] = STACK0;
    }
}
END_TEST

static void add(TCase *c)
{
    tcase_add_test(c, code_segments_without_end);
    tcase_add_test(c, a_loop_over_a_segment);
    tcase_add_test(c, offsets_wrap_but_words_do_not);
    tcase_add_test(c, the_stack_wraps);
    tcase_add_test(c, ip_wraps_in_jumps);
    tcase_add_test(c, far_calls_go_and_return);
    tcase_add_test(c, frames_have_16_bits);
    tcase_add_test(c, interrupts_return);
    tcase_add_test(c, big_real_mode);
    tcase_add_test(c, limits_are_exact);
    tcase_add_test(c, data_beside_code_drops_nothing);
}
int main(void) { return w_main("jit_segments", add); }
