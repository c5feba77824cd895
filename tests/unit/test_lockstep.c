/*
 * -accel lockstep: programs that translate rightly run to their end, devices
 * touched once; a translation that was tampered with is found, and the report
 * names what differs.
 */
#include "tests/unit/cpu_world.h"

#include "cpu/block.h"
#include "jit/jit.h"
#include "jit/lockstep.h"

enum { MAGIC = 0x5a17c3e9, CODE_SIZE = 4 << 20 };

static unsigned differences;
static FILE *report;

static void count_difference(void *owner)
{
    ck_assert_ptr_eq(owner, &w);
    differences++;
}

static void start(void)
{
    w_start("max");
    jit_detach(w.cpu);
    differences = 0;
    report = tmpfile();
    w.trace.out = report;
    if (!lockstep_attach(w.cpu, CODE_SIZE, count_difference, &w))
        exit(EXIT_SUCCESS); /* this host cannot translate */
    w_long(0);
    /* Nothing has to be marked accessed or dirty: that is written once, by the interpreter. */
    for (unsigned i = 0; i < 4; i++)
        st64(w.ram + TABLES + 0x2000 + 8 * i, ld64(w.ram + TABLES + 0x2000 + 8 * i) | 0x60);
    st64(w.ram + TABLES, ld64(w.ram + TABLES) | 0x20);
    st64(w.ram + TABLES + 0x1000, ld64(w.ram + TABLES + 0x1000) | 0x20);
}

/* What was printed so far. */
static const char *printed(void)
{
    static char text[1 << 16];
    fflush(report);
    rewind(report);
    text[fread(text, 1, sizeof(text) - 1, report)] = 0;
    return text;
}

/* RAX counts to 1000 by way of memory; each turn adds MAGIC to EBX, pushes and pops it; then RCX goes out of a port. */
static const u8 loop[] = {
    0x31, 0xc0,                                     /* xor eax, eax */
    0x81, 0xc3, 0xe9, 0xc3, 0x17, 0x5a,             /* again: add ebx, MAGIC */
    0x53,                                           /* push rbx */
    0x59,                                           /* pop rcx */
    0x48, 0xff, 0x04, 0x25, 0x00, 0x00, 0x02, 0x00, /* inc qword [DATA] */
    0x48, 0x8b, 0x04, 0x25, 0x00, 0x00, 0x02, 0x00, /* mov rax, [DATA] */
    0x48, 0x3d, 0xe8, 0x03, 0x00, 0x00,             /* cmp rax, 1000 */
    0x75, 0xe0,                                     /* jne again */
    0xe6, 0x80,                                     /* out 80h, al */
    0xf4,                                           /* hlt */
};
enum { LOOP_INSNS = 2 + 7 * 1000 };

START_TEST(runs)
{
    start();
    w_code(CODE, loop, sizeof(loop));
    ck_assert_uint_eq(cpu_run(w.cpu, 1000000), LOOP_INSNS + 1);
    ck_assert(w.cpu->halted);
    ck_assert_uint_eq(w.cpu->gpr[RCX], (u32)(1000u * MAGIC));
    ck_assert_uint_eq(ld64(w.ram + DATA), 1000);
    ck_assert_uint_eq(w.io_count, 1);
    const struct lockstep_counters *c = lockstep_counters(w.cpu);
    ck_assert_uint_eq(c->compared + c->alone, LOOP_INSNS + 1);
    ck_assert_uint_eq(c->alone, 1); /* OUT */
    ck_assert_uint_eq(differences, 0);
    ck_assert_str_eq(printed(), "");
}
END_TEST

/* The count of instructions holds whatever the slices are, and a fault in a block is delivered once. */
START_TEST(faults)
{
    static const u8 code[] = {
        0xff, 0xc1,                               /* inc ecx */
        0x8b, 0x04, 0x25, 0x00, 0x00, 0x00, 0x70, /* mov eax, [70000000h]: not mapped */
        0xf4,
    };
    start();
    w_code(CODE, code, sizeof(code));
    w.cpu->gpr[RCX] = 7;
    while (!w.cpu->halted)
        ck_assert_uint_le(cpu_run(w.cpu, 1), 1);
    ck_assert_int_eq(w_vector(), EXC_PF);
    ck_assert_uint_eq(w_frame(1), CODE + 2);
    ck_assert_uint_eq(w.cpu->cr2, 0x70000000);
    ck_assert_uint_eq(w.cpu->gpr[RCX], 8);
    ck_assert_uint_eq(differences, 0);
    start();
    w_code(CODE, code, sizeof(code));
    w_run(100);
    ck_assert_int_eq(w_vector(), EXC_PF);
    ck_assert_uint_eq(lockstep_counters(w.cpu)->exceptions, 1);
    ck_assert_uint_eq(differences, 0);
}
END_TEST

/* A page that only the real CPU has looked up moves, and nobody says INVLPG. */
START_TEST(moved_page)
{
    enum { PT = TABLES + 0x3000, PAGE = 0x100000, OTHER = 0x110000 };
    static const u8 code[] = {
        0xbf, 0x00, 0x00, 0x10, 0x00,                                           /* mov edi, PAGE */
        0x6c,                                                                   /* insb: done once */
        0x48, 0xc7, 0x04, 0x25, 0x00, 0x38, 0x04, 0x00, 0x07, 0x00, 0x11, 0x00, /* mov qword [its PTE], OTHER | 7 */
        0x48, 0x8b, 0x1c, 0x25, 0x00, 0x00, 0x10, 0x00,                         /* mov rbx, [PAGE] */
        0x48, 0x89, 0x1c, 0x25, 0x08, 0x00, 0x10, 0x00,                         /* mov [PAGE + 8], rbx */
        0xf4,
    };
    start();
    for (unsigned i = 0; i < 512; i++)
        st64(w.ram + PT + 8 * i, (u64)i << 12 | 7);
    st64(w.ram + TABLES + 0x2000, PT | 7);
    tlb_flush(w.cpu, true);
    st64(w.ram + OTHER, MAGIC);
    w_code(CODE, code, sizeof(code));
    w_run(100);
    ck_assert_str_eq(printed(), "");
    ck_assert_uint_eq(differences, 0);
    ck_assert_uint_eq(w.cpu->gpr[RBX], MAGIC);
    ck_assert_uint_eq(ld64(w.ram + OTHER + 8), MAGIC);
}
END_TEST

/* A backend that is right but for one number in what it emits. */
static struct {
    const struct backend *right;
    struct backend wrong;
    u32 from, to;
} tampered;

static bool tampered_translate(struct jit *jit, struct superblock *sb, struct translation_block *tb)
{
    if (!tampered.right->translate(jit, sb, tb))
        return false;
    for (u8 *at = jit->write + tb->entry; at + 4 <= jit->write + tb->entry + tb->length; at++)
        if (ld32(at) == tampered.from)
            st32(at, tampered.to);
    return true;
}

static void tamper(u32 from, u32 to)
{
    struct jit *jit = w.cpu->translator;
    if (!jit_available())
        exit(EXIT_SUCCESS); /* nothing is emitted */
    tampered.right = jit->backend;
    tampered.wrong = *jit->backend;
    tampered.wrong.translate = tampered_translate;
    tampered.from = from;
    tampered.to = to;
    jit->backend = &tampered.wrong;
}

START_TEST(finds_registers)
{
    start();
    tamper(MAGIC, MAGIC ^ 0x100);
    w_code(CODE, loop, sizeof(loop));
    w_run(1000000);
    ck_assert_uint_eq(differences, 1);
    ck_assert(!w.cpu->halted);
    const char *text = printed();
    ck_assert_ptr_nonnull(strstr(text, "lockstep: CPU 0 ends differently within"));
    ck_assert_ptr_nonnull(strstr(text, "-- the block at RIP 0000000000010000, 0 instructions on"));
    ck_assert_ptr_nonnull(strstr(text, "gpr[RBX]       translated 00000000b42f86d2"));
    ck_assert_ptr_nonnull(strstr(text, "ADD"));
    ck_assert_ptr_nonnull(strstr(text, "OUT: "));
    ck_assert_ptr_nonnull(strstr(text, "memory, ")); /* what PUSH wrote */
    ck_assert_ptr_nonnull(strstr(text, "-- state before"));
    u64 count = cpu_icount(w.cpu);
    w_run(1000);
    ck_assert_uint_eq(cpu_icount(w.cpu), count); /* it runs no more */
}
END_TEST

/* A write beside the one that is meant, and none where it is: only memory tells. */
START_TEST(finds_memory)
{
    static const u8 code[] = {
        0xc7, 0x04, 0x25, 0x00, 0x00, 0x02, 0x00, 0xe9, 0xc3, 0x17, 0x5a, /* mov dword [DATA], MAGIC */
        0xf4,
    };
    start();
    tamper(MAGIC, 1);
    w_code(CODE, code, sizeof(code));
    w_run(10); /* in C, for the TLB is empty: right */
    ck_assert_uint_eq(differences, 0);
    w.cpu->halted = false;
    w.cpu->gpr[SLOT_RIP] = CODE;
    w_run(10);
    ck_assert_uint_eq(differences, 1);
    ck_assert_ptr_nonnull(strstr(printed(), "around a write of 4: translated"));
}
END_TEST

/*
 * Between turns of the inner loop the flags are nobody's, and translations linked to each other leave them as they are.
 * That is seen whatever was translated last: here an instruction in two pages.
 */
START_TEST(dead_flags)
{
    static const u8 code[] = {
        0xb9, 0xe8, 0x03, 0x00, 0x00,       /* outer: mov ecx, 1000 */
        0x89, 0xc8,                         /* again: mov eax, ecx */
        0x89, 0xc7,                         /* mov edi, eax */
        0x89, 0xfb,                         /* mov ebx, edi */
        0x01, 0xd0,                         /* add eax, edx */
        0x83, 0xe9, 0x01,                   /* sub ecx, 1 */
        0x75, 0xf3,                         /* jnz again */
        0x83, 0xee, 0x01,                   /* sub esi, 1 */
        0x0f, 0x85, 0xe5, 0xff, 0xff, 0xff, /* jnz outer: its first three bytes end the page */
        0xf4,
    };
    enum { START = CODE + PAGE_SIZE - 24 };
    start();
    w_code(START, code, sizeof(code));
    w.cpu->gpr[SLOT_RIP] = START;
    w.cpu->gpr[RSI] = 4;
    w_run(40000);
    ck_assert_uint_eq(w.cpu->gpr[SLOT_RIP], START + sizeof(code));
    ck_assert_uint_eq(differences, 0);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_test(t, runs);
    tcase_add_test(t, dead_flags);
    tcase_add_test(t, faults);
    tcase_add_test(t, moved_page);
    tcase_add_test(t, finds_registers);
    tcase_add_test(t, finds_memory);
}

int main(void) { return w_main("lockstep", add); }
