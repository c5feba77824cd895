/*
 * The translator where it could go wrong beside its rules: code that changes
 * under it, pages that move, exceptions and single steps inside a superblock,
 * addresses that leave the page or the address space, a full cache, and exact
 * counts. Each program also runs in the interpreter, and both must end alike.
 */
#include "tests/unit/jit_world.h"

/* ---- code that changes ---- */

START_TEST(stores_into_the_next_instruction)
{
    /* ten times: mov byte [rip+1], cl; mov al, imm8; add edx, eax; dec ecx; jnz */
    BOTH(0, NULL, 1000, 0xb9, 10, 0, 0, 0, 0x31, 0xc0, 0x88, 0x0d, 1, 0, 0, 0, 0xb0, 0, 0x01, 0xc2, 0xff, 0xc9, 0x75,
         0xf2, 0xf4);
    ck_assert(w.cpu->halted);
    ck_assert_uint_eq((u32)w.cpu->gpr[RDX], START_RDX + 55);
    ck_assert_uint_ge(translator()->counters.invalidated, 9);
}
END_TEST

START_TEST(stores_further_into_the_superblock)
{
    /* as above, but in the cache line of code that lies 64 bytes on, in the same superblock, behind a jump */
    u8 code[256];
    memset(code, 0x90, sizeof(code));
    static const u8 first[] = {0xb9, 20, 0, 0, 0, 0x31, 0xc0, 0x88, 0x0d, 0x5d, 0, 0, 0, 0xeb, 0x5a};
    static const u8 rest[] = {0xb0, 0, 0x01, 0xc2, 0xff, 0xc9, 0x75, 0x96, 0xf4};
    memcpy(code, first, sizeof(first));
    memcpy(code + 0x69, rest, sizeof(rest)); /* MOV AL, its operand at 6Ah = 0Dh + 5Dh; JNZ goes to 7 */
    both(&(struct program){code, sizeof(code), 0, NULL, 2000, false});
    ck_assert(w.cpu->halted);
    ck_assert_uint_eq((u32)w.cpu->gpr[RDX], START_RDX + 210);
}
END_TEST

/* A function in another page, called and rewritten in turn; what is written there beside it is plain data. */
static void function_elsewhere(void)
{
    static const u8 function[] = {0xb8, 0, 0, 0, 0, 0xc3}; /* mov eax, 0; ret */
    w_code(CODE + 0x3000, function, sizeof(function));
}
START_TEST(stores_into_other_translations)
{
    /* mov ecx, 50; again: mov [CODE+3001h], ecx; call CODE+3000h; add edx, eax;
       inc dword [CODE+3800h]; dec ecx; jnz again; mov ebx, [CODE+3800h]; hlt */
    BOTH(0, function_elsewhere, 2000, 0xb9, 50, 0, 0, 0, 0x89, 0x0c, 0x25, 1, 0x30, 1, 0, 0xe8, 0xef, 0x2f, 0, 0, 0x01,
         0xc2, 0xff, 0x04, 0x25, 0, 0x38, 1, 0, 0xff, 0xc9, 0x75, 0xe3, 0x8b, 0x1c, 0x25, 0, 0x38, 1, 0, 0xf4);
    ck_assert(w.cpu->halted);
    ck_assert_uint_eq((u32)w.cpu->gpr[RDX], START_RDX + 1275);
    ck_assert_uint_eq(w.cpu->gpr[RBX], 50);
}
END_TEST

/* add edx, 01020304h across a page border, its bytes in the second page changed each time */
START_TEST(stores_into_an_instruction_across_pages)
{
    static u8 code[PAGE_SIZE + 32];
    memset(code, 0x90, sizeof(code));
    static const u8 first[] = {0xb9, 30, 0, 0, 0, 0x88, 0x0c, 0x25, 1, 0x10, 1, 0, 0xe9, 0xec, 0x0f, 0, 0};
    static const u8 rest[] = {0x81, 0xc2, 4, 3, 2, 1, 0xff, 0xc9, 0x0f, 0x85, 0xfa, 0xef, 0xff, 0xff, 0xf4};
    memcpy(code, first, sizeof(first));
    memcpy(code + PAGE_SIZE - 3, rest, sizeof(rest)); /* imm32: one byte in the first page, then 3, 2, 1 */
    both(&(struct program){code, sizeof(code), 0, NULL, 2000, false});
    ck_assert(w.cpu->halted);
    u32 sum = START_RDX;
    for (u32 i = 30; i; i--)
        sum += 0x01000304 | i << 16; /* CODE + 1001h is its third byte */
    ck_assert_uint_eq((u32)w.cpu->gpr[RDX], sum);
}
END_TEST

/* ---- pages that move ---- */

enum { FUNCTION = 0x100000, ONE = 0x110000, TWO = 0x111000 };

/* At linear FUNCTION either of two functions that add 1 or 100h to EDX. */
static void two_functions(void)
{
    static const u8 one[] = {0x83, 0xc2, 0x01, 0xc3}, two[] = {0x81, 0xc2, 0x00, 0x01, 0x00, 0x00, 0xc3};
    small_pages();
    w_code(ONE, one, sizeof(one));
    w_code(TWO, two, sizeof(two));
    st64(w.ram + PT + 8 * (FUNCTION >> 12), ONE | 7);
}
/* Another set of tables, in which FUNCTION is TWO. */
static void two_spaces(void)
{
    enum { OTHER = TABLES + 0x10000 };
    two_functions();
    memcpy(w.ram + OTHER, w.ram + TABLES, 0x4000);
    st64(w.ram + OTHER, (OTHER + 0x1000) | 7);
    st64(w.ram + OTHER + 0x1000, (OTHER + 0x2000) | 7);
    st64(w.ram + OTHER + 0x2000, (OTHER + 0x3000) | 7);
    st64(w.ram + OTHER + 0x3000 + 8 * (FUNCTION >> 12), TWO | 7);
    w.cpu->gpr[RBX] = TABLES;
    w.cpu->gpr[RSI] = OTHER;
}

START_TEST(invlpg_remaps_code)
{
    /* mov ecx, 40; again: call FUNCTION (cross-page link); mov rax, [PTE]; xor eax, 1000h ^ ...: toggles the page;
       mov [PTE], rax; invlpg [FUNCTION]; dec ecx; jnz again; hlt. ONE and TWO differ in bit 12. */
    BOTH(0, two_functions, 2000, 0xb9, 40, 0, 0, 0, 0xe8, 0xf6, 0xff, 0x0e, 0, 0x48, 0x8b, 0x04, 0x25, 0, 0x38, 4, 0,
         0x48, 0x35, 0, 0x10, 0, 0, 0x48, 0x89, 0x04, 0x25, 0, 0x38, 4, 0, 0x0f, 0x01, 0x3c, 0x25, 0, 0, 0x10, 0, 0xff,
         0xc9, 0x75, 0xd5, 0xf4);
    ck_assert(w.cpu->halted);
    ck_assert_uint_eq((u32)w.cpu->gpr[RDX], START_RDX + 20 * 0x101);
    ck_assert_uint_ge(translator()->counters.links, jit_available() ? 2 : 1); /* CALL is C's where nothing is emitted */
}
END_TEST

START_TEST(cr3_remaps_code)
{
    /* mov ecx, 40; again: call FUNCTION; mov cr3, rsi; xchg rbx, rsi; dec ecx; jnz again; hlt */
    BOTH(0, two_spaces, 2000, 0xb9, 40, 0, 0, 0, 0xe8, 0xf6, 0xff, 0x0e, 0, 0x0f, 0x22, 0xde, 0x48, 0x87, 0xde, 0xff,
         0xc9, 0x75, 0xf1, 0xf4);
    ck_assert(w.cpu->halted);
    ck_assert_uint_eq((u32)w.cpu->gpr[RDX], START_RDX + 20 * 0x101);
}
END_TEST

/* The same by an indirect call, which the jump table serves. */
START_TEST(cr3_remaps_indirect_targets)
{
    /* mov ecx, 40; mov edi, FUNCTION; again: call rdi; mov cr3, rsi; xchg rbx, rsi; dec ecx; jnz again; hlt */
    BOTH(0, two_spaces, 2000, 0xb9, 40, 0, 0, 0, 0xbf, 0, 0, 0x10, 0, 0xff, 0xd7, 0x0f, 0x22, 0xde, 0x48, 0x87, 0xde,
         0xff, 0xc9, 0x75, 0xf4, 0xf4);
    ck_assert(w.cpu->halted);
    ck_assert_uint_eq((u32)w.cpu->gpr[RDX], START_RDX + 20 * 0x101);
}
END_TEST

/* The page of the running loop itself: both copies of it jump within the page, but add different numbers. */
static void two_loops(void)
{
    static const u8 loop[] = {/* add edx, imm32; mov [PTE], rax; xor rax, 3000h; invlpg [FUNCTION]; dec ecx; jnz; hlt */
                              0x81, 0xc2, 1, 0,    0,    0, 0x48, 0x89, 0x04, 0x25, 0,
                              0x38, 4,    0, 0x48, 0x35, 0, 0x10, 0,    0,    0x0f, 0x01,
                              0x3c, 0x25, 0, 0,    0x10, 0, 0xff, 0xc9, 0x75, 0xe0, 0xf4};
    small_pages();
    w_code(ONE, loop, sizeof(loop));
    w_code(TWO, loop, sizeof(loop));
    st32(w.ram + TWO + 2, 0x100);
    w.cpu->gpr[RAX] = TWO | 7;
    st64(w.ram + PT + 8 * (FUNCTION >> 12), ONE | 7);
}
START_TEST(invlpg_remaps_the_running_page)
{
    BOTH(0, two_loops, 2000, 0xb9, 41, 0, 0, 0, 0xe9, 0xf6, 0xff, 0x0e, 0); /* mov ecx, 41; jmp FUNCTION */
    ck_assert(w.cpu->halted);
    ck_assert_uint_eq((u32)w.cpu->gpr[RDX], START_RDX + 21 + 20 * 0x100);
}
END_TEST

/* ---- stops inside superblocks ---- */

START_TEST(breakpoints)
{
    /* mov ecx, 100; again: inc edx; inc ebx; dec ecx; jnz again; hlt */
    static const u8 code[] = {0xb9, 100, 0, 0, 0, 0xff, 0xc2, 0xff, 0xc3, 0xff, 0xc9, 0x75, 0xf8, 0xf4};
    enum point_kind kind;
    u64 lin;
    begin(&(struct program){code, sizeof(code), 0, NULL, 0, false}, true, CODE_BYTES);
    ck_assert_uint_eq(cpu_run(w.cpu, 41), 41); /* it is translated and linked by now */
    ck_assert(cpu_point_add(w.cpu, POINT_BREAK, CODE + 7, 1));
    for (unsigned i = 0; i < 3; i++) {
        u64 before = w.cpu->gpr[RBX];
        cpu_run(w.cpu, 1000);
        ck_assert(cpu_point_hit(w.cpu, &kind, &lin));
        ck_assert_uint_eq(lin, CODE + 7);
        ck_assert_uint_eq(w.cpu->gpr[SLOT_RIP], CODE + 7);
        ck_assert_uint_eq(w.cpu->gpr[RBX], before);
        ck_assert(cpu_point_remove(w.cpu, POINT_BREAK, CODE + 7, 1));
        cpu_clear_attention(w.cpu, ATT_EXIT);
        ck_assert_uint_eq(cpu_run(w.cpu, 1), 1);
        ck_assert_uint_eq(w.cpu->gpr[RBX], before + 1);
        ck_assert(cpu_point_add(w.cpu, POINT_BREAK, CODE + 7, 1));
    }
    ck_assert(cpu_point_remove(w.cpu, POINT_BREAK, CODE + 7, 1));
    w_run(1000);
    ck_assert(w.cpu->halted);
    ck_assert_uint_eq(w.cpu->gpr[RBX], 100);
}
END_TEST

/* A handler of #DB that counts in EDI and stores where it was. */
static void trap_handler(void)
{
    /* mov rax, [rsp]; mov [DATA+rdi*8], rax; inc edi; iretq */
    static const u8 handler[] = {0x48, 0x8b, 0x04, 0x24, 0x48, 0x89, 0x04, 0xfd, 0, 0, 2, 0, 0xff, 0xc7, 0x48, 0xcf};
    w_code(STUBS + EXC_DB * STUB_SIZE, handler, sizeof(handler));
}
START_TEST(single_steps)
{
    /* again: inc edx; pushfq; or dword [rsp], 100h; popfq; inc ebx; inc ebx; pushfq; and dword [rsp], ~100h; popfq;
       cmp edx, 60fb1h + 12; jnz again; hlt */
    BOTH(0, trap_handler, 3000, 0xff, 0xc2, 0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0xff, 0xc3, 0xff, 0xc3, 0x9c,
         0x81, 0x24, 0x24, 0xff, 0xfe, 0xff, 0xff, 0x9d, 0x81, 0xfa, 0xbd, 0x0f, 6, 0, 0x75, 0xe0, 0xf4);
    ck_assert(w.cpu->halted);
    ck_assert_uint_eq(w.cpu->gpr[RDI], 12 * 5); /* INC INC PUSHF AND POPF */
    ck_assert_uint_eq(ld64(w.ram + DATA), CODE + 13);
}
END_TEST

START_TEST(sti_shadow)
{
    /* mov ecx, 3; again: dec ecx; jnz again; sti; inc edx; inc edx; hlt */
    static const u8 code[] = {0xb9, 3, 0, 0, 0, 0xff, 0xc9, 0x75, 0xfc, 0xfb, 0xff, 0xc2, 0xff, 0xc2, 0xf4};
    begin(&(struct program){code, sizeof(code), 0, NULL, 0, false}, true, CODE_BYTES);
    w.vector = 0x40;
    cpu_raise_attention(w.cpu, ATT_INTR);
    w_run(100);
    ck_assert_int_eq(w_vector(), 0x40);
    ck_assert_uint_eq(w_frame(0), CODE + 12); /* behind the instruction that follows STI */
}
END_TEST

/* ---- exceptions inside superblocks ---- */

START_TEST(faults_have_exact_flags)
{
    static const u8 setters[][4] = {
        {3, 0x01, 0xd8, 0x90}, /* add eax, ebx */
        {3, 0x29, 0xd8, 0x90}, /* sub eax, ebx */
        {3, 0x39, 0xd8, 0x90}, /* cmp eax, ebx */
        {3, 0x85, 0xd8, 0x90}, /* test eax, ebx */
        {3, 0x21, 0xd8, 0x90}, /* and eax, ebx */
        {3, 0xf7, 0xd8, 0x90}, /* neg eax */
        {3, 0x00, 0xd8, 0x90}, /* add al, bl */
        {3, 0x28, 0xfc, 0x90}, /* sub ah, bh */
        {3, 0x11, 0xd8, 0x90}, /* adc eax, ebx */
        {3, 0x83, 0xe8, 0x80}, /* sub eax, -128 */
        {3, 0xd1, 0xe0, 0x90}, /* shl eax, 1 */
        {3, 0xff, 0xc0, 0x90}, /* inc eax */
        {3, 0x0f, 0xaf, 0xc3}, /* imul eax, ebx */
        {3, 0x66, 0x29, 0xd8}, /* sub ax, bx */
    };
    for (unsigned i = 0; i < ARRAY_LEN(setters); i++) {
        /* The setter twice; mov edi, eax; mov ecx, [70000000h]; add edx, 1 (flags die) */
        u8 code[] = {0xb8, 0x34, 0x12, 0x80, 0x7f, 0xbb, 0x35, 0x12, 0x80, 0x80, 0x90, 0x90, 0x90, 0x90, 0x90,
                     0x90, 0x89, 0xc7, 0x8b, 0x0c, 0x25, 0x00, 0x00, 0x00, 0x70, 0x83, 0xc2, 0x01, 0xf4};
        memcpy(code + 10, setters[i] + 1, 3);
        memcpy(code + 13, setters[i] + 1, 3);
        both(&(struct program){code, sizeof(code), 0, NULL, 100, false});
        ck_assert_int_eq(w_vector(), EXC_PF);
        ck_assert_uint_eq(w_frame(1), CODE + 18);
        ck_assert_uint_eq(w.cpu->cr2, 0x70000000);
        ck_assert_uint_eq((u32)w.cpu->gpr[RDX], START_RDX);
    }
}
END_TEST

START_TEST(divisions_fault_inside)
{
    /* mov ecx, 3; again: mov eax, 7; xor edx, edx; dec ecx; div ecx; jmp again: #DE the third time */
    BOTH(0, NULL, 100, 0xb9, 3, 0, 0, 0, 0xb8, 7, 0, 0, 0, 0x31, 0xd2, 0xff, 0xc9, 0xf7, 0xf1, 0xeb, 0xf3);
    ck_assert_int_eq(w_vector(), EXC_DE);
    ck_assert_uint_eq(w_frame(0), CODE + 14);
}
END_TEST

/* ---- addresses ---- */

static u64 fs_base;
static void with_fs_base(void)
{
    w.cpu->seg[FS].base = fs_base;
    w.cpu->cr4 |= CR4_OSFXSR | CR4_OSXSAVE;
    w.cpu->xcr0 = 7;
    cpu_update_mode(w.cpu);
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        w.ram[DATA + i] = (u8)(i * 7 + 1);
}

/* Every access form at RSI = address, as read, write and both, 1 to 32 bytes. */
START_TEST(addresses)
{
    static const u8 accesses[][8] = {
        {2, 0x8a, 0x06},                               /* mov al, [rsi] */
        {2, 0x8b, 0x06},                               /* mov eax, [rsi] */
        {3, 0x48, 0x8b, 0x06},                         /* mov rax, [rsi] */
        {3, 0x48, 0x89, 0x06},                         /* mov [rsi], rax */
        {3, 0x48, 0x01, 0x06},                         /* add [rsi], rax */
        {3, 0x48, 0xff, 0x36},                         /* push qword [rsi]: REX changes nothing */
        {3, 0x67, 0x8b, 0x06},                         /* mov eax, [esi] */
        {4, 0x67, 0x48, 0x89, 0x06},                   /* mov [esi], rax */
        {4, 0x64, 0x48, 0x8b, 0x06},                   /* mov rax, fs:[rsi] */
        {4, 0x64, 0x48, 0x89, 0x06},                   /* mov fs:[rsi], rax */
        {4, 0x64, 0x67, 0x8b, 0x06},                   /* mov eax, fs:[esi] */
        {4, 0x48, 0x8b, 0x46, 0x08},                   /* mov rax, [rsi+8] */
        {4, 0x48, 0x8b, 0x04, 0x26},                   /* mov rax, [rsi] by SIB */
        {4, 0x48, 0x8b, 0x04, 0x1e},                   /* mov rax, [rsi+rbx] */
        {7, 0x48, 0x8b, 0x86, 0x00, 0xf0, 0xff, 0xff}, /* mov rax, [rsi-1000h] */
        {3, 0x0f, 0x10, 0x06},                         /* movups xmm0, [rsi] */
        {3, 0x0f, 0x11, 0x06},                         /* movups [rsi], xmm0 */
        {4, 0xc5, 0xfc, 0x10, 0x06},                   /* vmovups ymm0, [rsi] */
        {2, 0xdb, 0x2e},                               /* fld tbyte [rsi] */
        {3, 0x48, 0xa5},                               /* movsq */
    };
    static const u64 places[] = {
        DATA,
        DATA + 0xff8,
        DATA + 0xff9,
        DATA + 0xffc,
        DATA + 0xfff,
        0x3ffff9,
        0x3ffffc,
        0x400000,
        0x7ffffffffff8,
        0x7ffffffffffc,
        0x7fffffffffff,
        0x800000000000,
        0xffff7fffffffffff,
        0xffff7ffffffffff9,
        0xffff800000000000,
        0xfffffffffffffff8,
        0xfffffffffffffffc,
        ~0ull,
        0xfffff000,
        0xfffffffc,
        0x100000000 + DATA,
        0xffffffff00000000 + DATA,
    };
    static const u64 bases[] = {0, 0x1000, 0xffffffffffffff00, 0x7fffffffff00};
    for (unsigned i = 0; i < ARRAY_LEN(accesses); i++)
        for (unsigned b = 0; b < (accesses[i][1] == 0x64 ? ARRAY_LEN(bases) : 1); b++)
            for (unsigned k = 0; k < ARRAY_LEN(places); k++) {
                /* mov rsi, imm64; mov edi, DATA+800h; xor ebx, ebx; the access twice; hlt */
                u8 code[64] = {0x48, 0xbe, 0, 0, 0, 0, 0, 0, 0, 0, 0xbf, 0, 8, 2, 0, 0x31, 0xdb};
                unsigned n = 17, len = accesses[i][0];
                st64(code + 2, places[k]);
                memcpy(code + n, accesses[i] + 1, len);
                memcpy(code + n + len, accesses[i] + 1, len);
                code[n + 2 * len] = 0xf4;
                fs_base = bases[b];
                both(&(struct program){code, n + 2 * len + 1, 0, with_fs_base, 100, false});
                ck_assert(w.cpu->halted);
            }
}
END_TEST

/* What an access covers may end, or begin, beyond the displacements there are: not 4 GiB away from there. */
START_TEST(largest_displacements)
{
    static const struct {
        u8 code[20];
        u64 start; /* of what is accessed, from RSI */
    } accesses[] = {
        {{7, 0x48, 0x8b, 0x9e, 0xfe, 0xff, 0xff, 0x7f}, 0x7ffffffe}, /* mov rbx, [rsi+7ffffffeh] */
        {{7, 0x48, 0x89, 0x9e, 0xfe, 0xff, 0xff, 0x7f}, 0x7ffffffe}, /* mov [rsi+7ffffffeh], rbx */
        {{7, 0x0f, 0x10, 0x86, 0xf1, 0xff, 0xff, 0x7f}, 0x7ffffff1}, /* movups xmm0, [rsi+7ffffff1h] */
        /* lea rdi, [rsi-8]; mov rax, [rsi-80000000h]; mov rbx, [rdi-80000000h]: checked at once */
        {{18, 0x48, 0x8d, 0x7e, 0xf8, 0x48, 0x8b, 0x86, 0, 0, 0, 0x80, 0x48, 0x8b, 0x9f, 0, 0, 0, 0x80},
         0xffffffff80000000},
    };
    for (unsigned i = 0; i < 2 * ARRAY_LEN(accesses); i++) {
        /* mov rsi, imm64; mov rax, [DATA+800h]; mov [DATA+800h], rax: in the TLB; the access; hlt */
        u8 code[64] = {0x48, 0xbe, 0, 0,    0,    0,    0,    0, 0,    0, 0x48, 0x8b, 0x04,
                       0x25, 0,    8, 0x02, 0x00, 0x48, 0x89, 4, 0x25, 0, 8,    2,    0};
        unsigned k = i / 2, n = 26, len = accesses[k].code[0];
        u64 away = i & 1 ? BIT64(32) : -BIT64(32); /* DATA is that far from the bytes accessed */
        st64(code + 2, DATA + 0x808 + away - accesses[k].start);
        memcpy(code + n, accesses[k].code + 1, len);
        code[n + len] = 0xf4;
        both(&(struct program){code, n + len + 1, 0, with_fs_base, 100, false});
        ck_assert_int_eq(w_vector(), EXC_PF);
    }
}
END_TEST

/* Within 2 GiB of the instruction, but not of its block or page. */
START_TEST(rip_relative_far)
{
    /* nop; lea rbx, [rip+7fffffffh]; mov rax, [rip+7ffffff0h] */
    BOTH(0, NULL, 10, 0x90, 0x48, 0x8d, 0x1d, 0xff, 0xff, 0xff, 0x7f, 0x48, 0x8b, 0x05, 0xf0, 0xff, 0xff, 0x7f);
    ck_assert_int_eq(w_vector(), EXC_PF);
    ck_assert_uint_eq(w.cpu->gpr[RBX], CODE + 8 + 0x7fffffffull);
    ck_assert_uint_eq(w.cpu->cr2, CODE + 15 + 0x7ffffff0ull);
}
END_TEST

/* ---- counts and memory ---- */

START_TEST(budgets)
{
    for (u64 n = 1; n <= 160; n++)
        /* mov ecx, 9; again: mov ebx, ecx; push rcx; mov esi, DATA; lea edi, [rsi+64]; mov ecx, 5; rep movsb; pop rcx;
           test ecx, 1; jz even; add edx, ebx; even: call f; dec ecx; jnz again; hlt; f: inc edx; ret */
        BOTH(0, NULL, n, 0xb9, 9, 0, 0, 0, 0x89, 0xcb, 0x51, 0xbe, 0, 0, 2, 0, 0x8d, 0x7e, 0x40, 0xb9, 5, 0, 0, 0, 0xf3,
             0xa4, 0x59, 0xf7, 0xc1, 1, 0, 0, 0, 0x74, 2, 0x01, 0xda, 0xe8, 5, 0, 0, 0, 0xff, 0xc9, 0x75, 0xd6, 0xf4,
             0xff, 0xc2, 0xc3);
    ck_assert(w.cpu->halted);
}
END_TEST

START_TEST(slices)
{
    static const u8 code[] = {0x31, 0xdb, 0xff, 0xc3, 0xff, 0xc2, 0x81, 0xfb, 0x10, 0x27, 0, 0, 0x75, 0xf4, 0xf4};
    begin(&(struct program){code, sizeof(code), 0, NULL, 0, false}, true, CODE_BYTES);
    u64 total = 0;
    for (u64 n = 1; !w.cpu->halted; n = n % 97 + 1) {
        u64 done = cpu_run(w.cpu, n);
        total += done;
        ck_assert(done == n || w.cpu->halted);
    }
    ck_assert_uint_eq(total, 2 + 4 * 10000); /* XOR, the loop, HLT */
    ck_assert_uint_eq(cpu_icount(w.cpu), total);
    ck_assert_uint_gt(translator()->counters.entered, 100);
}
END_TEST

START_TEST(full_cache)
{
    /* stores_into_the_next_instruction, 30,000 times */
    static const u8 code[] = {0xb9, 0x30, 0x75, 0, 0,    0x31, 0xc0, 0x88, 0x0d, 1,    0,
                              0,    0,    0xb0, 0, 0x01, 0xc2, 0xff, 0xc9, 0x75, 0xf2, 0xf4};
    enum { SMALL = 128 << 10 };
    begin(&(struct program){code, sizeof(code), 0, NULL, 0, false}, true, SMALL);
    w_run(1000000);
    ck_assert(w.cpu->halted);
    u32 sum = START_RDX;
    for (u32 i = 30000; i; i--)
        sum += i & 0xff;
    ck_assert_uint_eq((u32)w.cpu->gpr[RDX], sum);
    ck_assert_uint_ge(translator()->counters.flushes, 2);
    ck_assert_uint_le(translator()->used, SMALL);
}
END_TEST

/* ---- links ---- */

static struct translation_block *find_at(u64 eip)
{
    struct translation_block *tb = jit_find(w.cpu->translator, eip, jit_key(w.cpu), eip);
    ck_assert_ptr_nonnull(tb);
    return tb;
}
static bool leads_to(const struct translation_block *from, const struct translation_block *to)
{
    for (u32 at = to->links; at;) {
        const struct exit_link *link = jit_meta_at(translator(), at);
        ck_assert_ptr_eq(jit_meta_at(translator(), link->to), to);
        if (jit_meta_at(translator(), link->tb) == from)
            return true;
        at = link->next;
    }
    return false;
}

/* again: add edx, ecx; sub ecx, 1; jnz OTHER; hlt;  OTHER: inc ebx; jmp again. 'delta': from again to OTHER */
static void loop_of_two(u32 delta)
{
    u8 first[] = {0x01, 0xca, 0x83, 0xe9, 1, 0x0f, 0x85, 0, 0, 0, 0, 0xf4};
    u8 other[] = {0xff, 0xc3, 0xe9, 0, 0, 0, 0};
    st32(first + 7, delta - 11);
    st32(other + 3, -(delta + 7));
    begin(&(struct program){first, sizeof(first), 0, small_pages, 0, false}, true, CODE_BYTES);
    w_code(CODE + delta, other, sizeof(other));
    w_run(500);
}

START_TEST(links_follow_what_is_made_anew)
{
    loop_of_two(0x40);
    struct translation_block *first = find_at(CODE), *other = find_at(CODE + 0x40);
    ck_assert(leads_to(first, other));
    ck_assert(leads_to(other, first));
    jit_drop(w.cpu->translator, first);
    w_run(500);
    ck_assert_ptr_ne(find_at(CODE), first);
    ck_assert(leads_to(other, find_at(CODE)));
    ck_assert_uint_eq(first->links, 0);
    ck_assert_uint_eq(w.cpu->gpr[RBX], 200);
}
END_TEST

START_TEST(links_of_other_mappings_do_not_follow)
{
    loop_of_two(0x1040);
    struct jit *jit = w.cpu->translator;
    struct translation_block *first = find_at(CODE), *other = find_at(CODE + 0x1040);
    ck_assert(leads_to(other, first));
    jit_drop(jit, first);
    struct translation_block *anew = jit_translate(jit, CODE, jit_key(w.cpu), CODE);
    tlb_flush(w.cpu, true);
    jit_replace(jit, first, anew);
    ck_assert(!leads_to(other, anew));
    w_run(500); /* it was mapped where it was, after all */
    ck_assert(leads_to(other, anew));
    ck_assert_uint_eq(w.cpu->gpr[RBX], 200);
}
END_TEST

static void add(TCase *t)
{
    tcase_set_timeout(t, 120);
    tcase_add_test(t, stores_into_the_next_instruction);
    tcase_add_test(t, stores_further_into_the_superblock);
    tcase_add_test(t, stores_into_other_translations);
    tcase_add_test(t, stores_into_an_instruction_across_pages);
    tcase_add_test(t, invlpg_remaps_code);
    tcase_add_test(t, cr3_remaps_code);
    tcase_add_test(t, cr3_remaps_indirect_targets);
    tcase_add_test(t, invlpg_remaps_the_running_page);
    tcase_add_test(t, breakpoints);
    tcase_add_test(t, single_steps);
    tcase_add_test(t, sti_shadow);
    tcase_add_test(t, faults_have_exact_flags);
    tcase_add_test(t, divisions_fault_inside);
    tcase_add_test(t, addresses);
    tcase_add_test(t, largest_displacements);
    tcase_add_test(t, rip_relative_far);
    tcase_add_test(t, budgets);
    tcase_add_test(t, slices);
    tcase_add_test(t, full_cache);
    tcase_add_test(t, links_follow_what_is_made_anew);
    tcase_add_test(t, links_of_other_mappings_do_not_follow);
}

int main(void) { return w_main("jit", add); }
