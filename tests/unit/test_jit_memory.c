/*
 * Memory accesses of translated user code: what is remembered of the page an
 * access went to last, accesses that share a check, and flags that only a fault
 * asks for. Each program also runs in the interpreter, and both must end alike.
 */
#include "tests/unit/jit_world.h"

static u8 *pte(u64 lin) { return w.ram + PT + 8 * (lin >> 12); }

/* Recipes far into the metadata, so that their places use all bits. */
static void far_metadata(void)
{
    small_pages();
    if (w.cpu->translator)
        ck_assert_ptr_nonnull(jit_meta(w.cpu->translator, (4 << 20) + 0x1ff8));
}

START_TEST(pages_that_move_are_forgotten)
{
    /* again: mov eax, [rsi]; add edx, eax; inc ecx; jmp again */
    static const u8 code[] = {0x8b, 0x06, 0x01, 0xc2, 0xff, 0xc1, 0xeb, 0xf8};
    begin(&(struct program){code, sizeof(code), 3, small_pages, 0, false}, true, CODE_BYTES);
    w.cpu->gpr[RSI] = DATA;
    st32(w.ram + DATA, 1);
    st32(w.ram + DATA + PAGE_SIZE, 1000);
    w_run(400);
    ck_assert_uint_eq(w.cpu->gpr[RDX], START_RDX + 100);
    st64(pte(DATA), (DATA + PAGE_SIZE) | 7);
    tlb_flush_page(w.cpu, DATA);
    w_run(400);
    ck_assert_uint_eq(w.cpu->gpr[RDX], START_RDX + 100 + 100 * 1000);
    st64(pte(DATA), DATA | 7);
    tlb_flush(w.cpu, false);
    w_run(400);
    ck_assert_uint_eq(w.cpu->gpr[RDX], START_RDX + 200 + 100 * 1000);
    st64(pte(DATA), 0);
    tlb_flush(w.cpu, true);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_PF);
    ck_assert_uint_eq(w.cpu->cr2, DATA);
}
END_TEST

static void data_in_rsi(void)
{
    far_metadata();
    w.cpu->gpr[RSI] = DATA;
}
START_TEST(emptied_sites_match_no_address)
{
    /* mov ecx, 40; again: mov rax, [rsi]; add rdx, rax; sub ecx, 1; jnz again; mov rsi, 1 << 63; inc ecx; jmp again */
    BOTH(3, data_in_rsi, 1000, 0xb9, 40, 0, 0, 0, 0x48, 0x8b, 0x06, 0x48, 0x01, 0xc2, 0x83, 0xe9, 1, 0x75, 0xf5, 0x48,
         0xbe, 0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0xc1, 0xeb, 0xe7);
    ck_assert_int_eq(w_vector(), EXC_GP);
    ck_assert_uint_eq(w_frame(1), CODE + 5);
}
END_TEST

START_TEST(groups_across_pages)
{
    /* mov esi, 20ff8h; mov ecx, 200; again: mov eax, [rsi]; add edx, [rsi+16]; mov [rsi+8], edx; add edx, eax;
       sub ecx, 1; jnz again; ud2 */
    BOTH(3, small_pages, 5000, 0xbe, 0xf8, 0x0f, 2, 0, 0xb9, 200, 0, 0, 0, 0x8b, 0x06, 0x03, 0x56, 0x10, 0x89, 0x56, 8,
         0x01, 0xc2, 0x83, 0xe9, 1, 0x75, 0xf1, 0x0f, 0x0b);
    ck_assert_int_eq(w_vector(), EXC_UD);
    if (translator()->sites) { /* other backends have none, and learn nothing */
        ck_assert(insn_set_has(&translator()->loners, CODE + 10));
        ck_assert_uint_lt(translator()->counters.site_calls, 150);
    }
}
END_TEST

static void read_only_data(void)
{
    small_pages();
    st64(pte(DATA + PAGE_SIZE), (DATA + PAGE_SIZE) | 5);
    tlb_flush(w.cpu, true);
}
START_TEST(groups_that_write_at_the_end)
{
    /* mov esi, 21000h; mov eax, [rsi]; add edx, eax; mov [rsi+8], edx; ud2 */
    BOTH(3, read_only_data, 100, 0xbe, 0, 0x10, 2, 0, 0x8b, 0x06, 0x01, 0xc2, 0x89, 0x56, 8, 0x0f, 0x0b);
    ck_assert_int_eq(w_vector(), EXC_PF);
    ck_assert_uint_eq(w_frame(0), 7); /* a write by user code to a page that is there */
    ck_assert_uint_eq(w_frame(1), CODE + 9);
}
END_TEST

START_TEST(one_page_after_another)
{
    /* mov ebx, 40; outer: mov esi, 60000h; mov ecx, 64; again: mov eax, [rsi]; add eax, ecx; mov [rsi+4], eax;
       add edx, eax; add esi, 1008h; sub ecx, 1; jnz again; sub ebx, 1; jnz outer; ud2 */
    BOTH(3, small_pages, 30000, 0xbb, 40, 0, 0, 0, 0xbe, 0, 0, 6, 0, 0xb9, 64, 0, 0, 0, 0x8b, 0x06, 0x01, 0xc8, 0x89,
         0x46, 4, 0x01, 0xc2, 0x81, 0xc6, 8, 0x10, 0, 0, 0x83, 0xe9, 1, 0x75, 0xec, 0x83, 0xeb, 1, 0x75, 0xdd, 0x0f,
         0x0b);
    ck_assert_int_eq(w_vector(), EXC_UD);
    ck_assert(!translator()->sites || insn_set_has(&translator()->wanderers, CODE + 15));
}
END_TEST

/* What is at DATA also 16 and 32 MiB above it, which is the same slot of the TLB. */
static void three_of_a_slot(void)
{
    static_assert(TLB_ENTRIES * PAGE_SIZE == 16 << 20, "how far slots are apart");
    small_pages();
    st64(w.ram + TABLES + 0x2000 + 8ull * 8, PT | 7);
    st64(w.ram + TABLES + 0x2000 + 8ull * 16, PT | 7);
    tlb_flush(w.cpu, true);
}
START_TEST(pages_that_share_a_slot)
{
    /* mov esi, 20000h; mov edi, 1020000h; mov ebx, 2020000h; mov ecx, 200; again: mov eax, [rsi]; add eax, [rdi+8];
       mov [rbx+16], eax; add edx, eax; sub ecx, 1; jnz again; ud2 */
    BOTH(3, three_of_a_slot, 5000, 0xbe, 0, 0, 2, 0, 0xbf, 0, 0, 2, 1, 0xbb, 0, 0, 2, 2, 0xb9, 200, 0, 0, 0, 0x8b, 0x06,
         0x03, 0x47, 8, 0x89, 0x43, 16, 0x01, 0xc2, 0x83, 0xe9, 1, 0x75, 0xf1, 0x0f, 0x0b);
    ck_assert_int_eq(w_vector(), EXC_UD);
    ck_assert(!translator()->sites || translator()->counters.site_calls < 20);
}
END_TEST
START_TEST(pages_that_share_a_slot_are_forgotten)
{
    /* again: mov eax, [rsi]; add eax, [rdi+8]; mov [rbx+16], eax; jmp again */
    static const u8 code[] = {0x8b, 0x06, 0x03, 0x47, 8, 0x89, 0x43, 16, 0xeb, 0xf6};
    static const u64 above[] = {0, 16 << 20, 32 << 20};
    for (unsigned i = 0; i < ARRAY_LEN(above); i++) {
        begin(&(struct program){code, sizeof(code), 3, three_of_a_slot, 0, false}, true, CODE_BYTES);
        w.cpu->gpr[RSI] = DATA;
        w.cpu->gpr[RDI] = DATA + above[1];
        w.cpu->gpr[RBX] = DATA + above[2];
        w_run(400);
        st64(i ? w.ram + TABLES + 0x2000 + 8 * (above[i] >> 21) : pte(DATA), 0);
        tlb_flush_page(w.cpu, DATA + above[i]);
        w_run(10);
        ck_assert_int_eq(w_vector(), EXC_PF);
        ck_assert_uint_eq(w.cpu->cr2, DATA + above[i] + 8 * i);
    }
}
END_TEST

static void two_pages_of_data(void)
{
    far_metadata();
    st64(pte(DATA + 2 * PAGE_SIZE), 0);
    tlb_flush(w.cpu, true);
}
START_TEST(faults_at_a_loops_start_have_exact_flags)
{
    /* mov esi, 20000h; mov ecx, 7fffff00h; again: mov eax, [rsi]; add edx, eax; add esi, 8; cmp ecx, esi; jg again */
    BOTH(3, two_pages_of_data, 10000, 0xbe, 0, 0, 2, 0, 0xb9, 0, 0xff, 0xff, 0x7f, 0x8b, 0x06, 0x01, 0xc2, 0x83, 0xc6,
         8, 0x39, 0xf1, 0x7f, 0xf5, 0x0f, 0x0b);
    ck_assert_int_eq(w_vector(), EXC_PF);
    ck_assert_uint_eq(w_frame(1), CODE + 10);
    ck_assert_uint_eq(w.cpu->cr2, DATA + 2 * PAGE_SIZE);
}
END_TEST

START_TEST(flags_of_zeroing_need_no_register)
{
    /* mov esi, 22000h; cmp esi, esi; xor eax, eax; mov eax, [rdx]; mov al, 1; add eax, [rsi] (#PF) */
    BOTH(3, two_pages_of_data, 100, 0xbe, 0, 0x20, 2, 0, 0x39, 0xf6, 0x31, 0xc0, 0x8b, 0x02, 0xb0, 1, 0x03, 0x06);
    ck_assert_int_eq(w_vector(), EXC_PF);
    ck_assert_uint_eq(w_frame(3) & FL_ARITH, FL_ZF | FL_PF);
    /* stc; mov ecx, 1; sub ecx, ecx; mov ecx, [rdx]; add eax, [rsi] (#PF) */
    BOTH(3, two_pages_of_data, 100, 0xbe, 0, 0x20, 2, 0, 0xf9, 0xb9, 1, 0, 0, 0, 0x29, 0xc9, 0x8b, 0x0a, 0x03, 0x06);
    ck_assert_int_eq(w_vector(), EXC_PF);
    ck_assert_uint_eq(w_frame(3) & FL_ARITH, FL_ZF | FL_PF);
}
END_TEST

/* A link leaves flags behind as a recipe only for faults: PUSHF at its end wants them saved. */
START_TEST(flags_of_zeroing_over_a_link)
{
    /* mov ecx, 20; again: cmp ecx, 5; xor eax, eax; jz there (+40h); ... there: pushfq; pop rbx; add rdx, rbx;
       dec ecx; jnz again; ud2 */
    u8 code[0x80];
    memset(code, 0x90, sizeof(code));
    static const u8 first[] = {0xb9, 20, 0, 0, 0, 0x83, 0xf9, 5, 0x31, 0xc0, 0x74, 0x34};
    static const u8 there[] = {0x9c, 0x5b, 0x48, 0x01, 0xda, 0xff, 0xc9, 0x75, 0xbc, 0x0f, 0x0b};
    memcpy(code, first, sizeof(first));
    memcpy(code + 0x40, there, sizeof(there));
    both(&(struct program){code, sizeof(code), 3, far_metadata, 1000, false});
    ck_assert_int_eq(w_vector(), EXC_UD);
    ck_assert_uint_eq(w.cpu->gpr[RDX], START_RDX + 20 * 0x46);
}
END_TEST

/* A loop, in slices as short as these, and not told to translate all at once: its sites, once it was met often. */
static void run_as_if_cold(unsigned cpl)
{
    /* again: mov eax, [rsi]; add edx, eax; inc ecx; jmp again */
    static const u8 code[] = {0x8b, 0x06, 0x01, 0xc2, 0xff, 0xc1, 0xeb, 0xf8};
    begin(&(struct program){code, sizeof(code), cpl, small_pages, 0, false}, true, CODE_BYTES);
    struct jit *jit = w.cpu->translator;
    jit->hot = jit->hot_asked = 1;
    w.cpu->gpr[RSI] = DATA;
    st32(w.ram + DATA, 3);
    w_run(101);
    ck_assert_uint_gt(jit->counters.translated, 0);
    ck_assert_uint_eq(jit->nsites, 1); /* the one that is nobody's */
    for (unsigned i = 0; i < 99; i++)
        w_run(101);
    ck_assert_uint_eq(w.cpu->gpr[RCX], 101 * 100 / 4);
    ck_assert_uint_eq(w.cpu->gpr[RDX], START_RDX + 3 * 101 * 100 / 4);
}
START_TEST(hot_loops_get_sites)
{
    run_as_if_cold(3);
    if (!translator()->sites)
        return; /* this backend has none */
    ck_assert_uint_gt(translator()->nsites, 1);
    ck_assert(insn_set_has(&translator()->hottest, CODE));
}
END_TEST

START_TEST(kernels_get_no_sites)
{
    run_as_if_cold(0);
    ck_assert_uint_eq(translator()->nsites, 1);
}
END_TEST

/*
 * Locked accesses that are not aligned are C's, each time: on the host they could lie across a cache line. Aligned ones
 * are not.
 */
START_TEST(locked_and_misaligned)
{
    static const struct {
        u8 code[5], n, size;
    } cases[] = {{{0xf0, 0x01, 0x1e}, 3, 4},              /* LOCK ADD [RSI], EBX */
                 {{0xf0, 0xff, 0x06}, 3, 4},              /* LOCK INC DWORD [RSI] */
                 {{0xf0, 0x0f, 0xc1, 0x1e}, 4, 4},        /* LOCK XADD [RSI], EBX */
                 {{0xf0, 0x0f, 0xb1, 0x1e}, 4, 4},        /* LOCK CMPXCHG [RSI], EBX */
                 {{0x48, 0x87, 0x1e}, 3, 8},              /* XCHG [RSI], RBX */
                 {{0xf0, 0x0f, 0xc7, 0x0e}, 4, 8},        /* LOCK CMPXCHG8B [RSI] */
                 {{0xf0, 0x0f, 0xba, 0x2e, 0x03}, 5, 4}}; /* LOCK BTS DWORD [RSI], 3 */
    enum { TURNS = 100 };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        u8 code[16];
        unsigned n = cases[i].n;
        memcpy(code, cases[i].code, n);
        memcpy(code + n, (const u8[]){0x41, 0xff, 0xc8, 0x75}, 4); /* DEC R8D; JNZ */
        code[n + 4] = (u8) - (n + 5);
        code[n + 5] = 0xf4;
        for (unsigned misaligned = 0; misaligned < 2; misaligned++) {
            for (unsigned cpl = 0; cpl <= 3; cpl += 3) {
                begin(&(struct program){code, n + 6, cpl, small_pages, 0, false}, true, CODE_BYTES);
                w.cpu->gpr[RSI] = DATA + 64 - (misaligned ? 1 : cases[i].size);
                w.cpu->gpr[R8] = TURNS;
                w_run(TURNS * 100);
                ck_assert_uint_eq(w.cpu->gpr[R8], 0);
                if (translator()->backend->no_code)
                    return;
                if (misaligned)
                    ck_assert_uint_ge(translator()->counters.site_calls, TURNS);
                else
                    ck_assert_uint_lt(translator()->counters.site_calls, TURNS / 2);
            }
        }
    }
}
END_TEST

/* That its site is out of strikes is said of one instruction, even if that faults. */
START_TEST(wanderers_that_fault)
{
    static const u8 code[] = {0x8b, 0x06, 0xf4};
    begin(&(struct program){code, sizeof(code), 3, small_pages, 0, false}, true, CODE_BYTES);
    st64(pte(DATA), 0);
    w.cpu->gpr[RSI] = DATA;
    ((struct jit *)w.cpu->translator)->wanderer = true;
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_PF);
    ck_assert(!translator()->wanderer);
    ck_assert_uint_eq(translator()->counters.invalidated, 0);
}
END_TEST

/* A backend that begins, takes what it needs, and gives up. */
static bool gives_up(struct jit *jit, struct superblock *sb, struct translation_block *tb)
{
    (void)sb, (void)tb;
    jit_meta(jit, 1000);
    jit_site(jit);
    return false;
}
START_TEST(failures_leave_nothing_behind)
{
    static struct backend failing;
    static const u8 code[] = {0xff, 0xc1, 0xeb, 0xfc}; /* again: inc ecx; jmp again */
    begin(&(struct program){code, sizeof(code), 3, small_pages, 0, false}, true, CODE_BYTES);
    struct jit *jit = w.cpu->translator;
    failing = *jit->backend;
    failing.translate = gives_up;
    jit->backend = &failing;
    size_t meta = jit->meta_used, used = jit->used;
    u32 nsites = jit->nsites;
    w_run(1000);
    ck_assert_uint_eq(w.cpu->gpr[RCX], 500);
    ck_assert_uint_eq(jit->meta_used, meta);
    ck_assert_uint_eq(jit->used, used);
    ck_assert_uint_eq(jit->nsites, nsites);
    ck_assert_uint_eq(jit->counters.flushes, 0);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_test(t, locked_and_misaligned);
    tcase_add_test(t, wanderers_that_fault);
    tcase_add_test(t, failures_leave_nothing_behind);
    tcase_add_test(t, pages_that_move_are_forgotten);
    tcase_add_test(t, emptied_sites_match_no_address);
    tcase_add_test(t, groups_across_pages);
    tcase_add_test(t, groups_that_write_at_the_end);
    tcase_add_test(t, one_page_after_another);
    tcase_add_test(t, pages_that_share_a_slot);
    tcase_add_test(t, pages_that_share_a_slot_are_forgotten);
    tcase_add_test(t, faults_at_a_loops_start_have_exact_flags);
    tcase_add_test(t, flags_of_zeroing_need_no_register);
    tcase_add_test(t, flags_of_zeroing_over_a_link);
    tcase_add_test(t, hot_loops_get_sites);
    tcase_add_test(t, kernels_get_no_sites);
}

int main(void) { return w_main("jit_memory", add); }
