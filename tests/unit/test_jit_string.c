/*
 * String instructions translated: against the interpreter, with every size,
 * prefix and direction, in 64-bit and 32-bit code, where pages end, are missing,
 * not writable, no memory, seen twice, or the last of the address space.
 */
#include "tests/unit/jit_world.h"

/* What is seen from DATA on: no page lies in memory where the one before it ends. */
enum { PAGE_TWIN = 6, PAGES = 8, TOP_PAGE = 1023 /* of 32-bit code's address space */ };
enum { PRESENT = 1, WRITABLE = 2, USER = 4 };
static const u32 pages[PAGES] = {
    DATA | PRESENT | WRITABLE | USER,
    (DATA + 2 * PAGE_SIZE) | PRESENT | WRITABLE | USER,
    (DATA + PAGE_SIZE) | PRESENT | WRITABLE | USER,
    DATA,
    (DATA + 3 * PAGE_SIZE) | PRESENT | WRITABLE | USER,
    (DATA + PAGE_SIZE) | PRESENT | USER,
    [PAGE_TWIN] = DATA | PRESENT | WRITABLE | USER,
    MMIO | PRESENT | WRITABLE | USER,
};

static u64 random_state;
static u64 rng(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return random_state >> 33;
}

static struct string_case {
    u64 rsi, rdi, rcx, rax;
    u32 eflags;
    u8 code[128];
    unsigned n;
} the_case;

/* 64-bit code: 4 KiB pages; 32-bit code: the same by two levels, and the address space's last page is the third of
 * these. */
static void map_64(void)
{
    for (unsigned i = 0; i < 512; i++)
        st64(w.ram + PT + 8 * i, (u64)i << 12 | 7);
    for (unsigned i = 0; i < PAGES; i++)
        st64(w.ram + PT + 8 * (DATA / PAGE_SIZE + i), pages[i]);
    st64(w.ram + TABLES + 0x2000, PT | 7);
}
static void map_32(void)
{
    u8 *top = w.ram + PT + PAGE_SIZE;
    for (unsigned i = 0; i < 1024; i++)
        st32(w.ram + PT + 4 * i, i << 12 | 7);
    for (unsigned i = 0; i < PAGES; i++)
        st32(w.ram + PT + 4 * (DATA / PAGE_SIZE + i), pages[i]);
    st32(top + 4 * TOP_PAGE, pages[2]);
    st32(w.ram + TABLES, PT | 7);
    st32(w.ram + TABLES + 4 * 1023, (PT + PAGE_SIZE) | 7);
    w.cpu->cr3 = TABLES;
    w.cpu->cr0 |= (u32)CR0_PG | CR0_WP;
    cpu_update_mode(w.cpu);
}

static void prepare(void)
{
    u64 *r = w.cpu->gpr;
    if (w.cpu->efer & EFER_LMA)
        map_64();
    else
        map_32();
    w.cpu->cr0 |= CR0_WP;
    cpu_update_mode(w.cpu);
    tlb_flush(w.cpu, true);
    for (unsigned i = 0; i < DATA_BYTES; i++) /* long runs that are equal, and some that are not */
        w.ram[DATA + i] = i % 61 && i % 1013 ? 0x11 : (u8)(i / 61);
    r[RSI] = the_case.rsi;
    r[RDI] = the_case.rdi;
    r[RCX] = the_case.rcx;
    r[RAX] = the_case.rax;
    cpu_set_eflags(w.cpu, the_case.eflags, FL_DF);
}

static void emit(const void *bytes, unsigned n)
{
    memcpy(the_case.code + the_case.n, bytes, n);
    the_case.n += n;
}
#define EMIT(...) emit((const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))

/* OR byte [at], 0 or TEST byte [at], 0: the page is in the TLB then. */
static void touch(bool is32, u32 at, bool write)
{
    unsigned reg = write ? 1 << 3 : 0;
    EMIT(write ? 0x80 : 0xf6, (u8)(reg | (is32 ? 5 : 4)));
    if (!is32)
        EMIT(0x25);
    EMIT((u8)at, (u8)(at >> 8), (u8)(at >> 16), (u8)(at >> 24), 0);
}
static void touch_all(bool is32)
{
    EMIT(0x9c); /* pushf */
    for (unsigned i = 0; i < PAGES; i++) {
        if (pages[i] & PRESENT)
            touch(is32, DATA + i * PAGE_SIZE, false);
        if (pages[i] & WRITABLE)
            touch(is32, DATA + i * PAGE_SIZE, true);
    }
    touch(is32, 0, true);
    if (is32)
        touch(is32, 0xfffff000, true);
    EMIT(0x9d); /* popf */
}

static u64 place(bool is32)
{
    static const u16 near[] = {0, 1, 2, 4, 7, 8, 9, 16, 40, 200};
    u64 page = rng() % (PAGES + 2);
    u64 off = rng() % 2 ? rng() % PAGE_SIZE : PAGE_SIZE - near[rng() % ARRAY_LEN(near)];
    if (page == PAGES + 1)
        return rng() % 64;
    if (page == PAGES)
        return (is32 ? 0xfffff000u : ~0xfffull) + off % PAGE_SIZE;
    return DATA + page * PAGE_SIZE + off;
}

static u64 count(void)
{
    static const u16 counts[] = {0, 1, 2, 3, 15, 64, 255, 1024, 4095, 4096, 4097, 9000};
    switch (rng() % 4) {
    case 0:
        return counts[rng() % ARRAY_LEN(counts)];
    case 1:
        return rng() % 600;
    default:
        return rng() % 40;
    }
}

static void make_case(bool is32)
{
    static const u8 ops[] = {0xa4, 0xa6, 0xaa, 0xac, 0xae};
    struct string_case *c = &the_case;
    unsigned size = (unsigned)rng() % 4, op = ops[rng() % ARRAY_LEN(ops)], prefix = (unsigned)rng() % 5;
    memset(c, 0, sizeof(*c));
    c->rsi = place(is32);
    c->rdi = rng() % 3 ? place(is32) : c->rsi + rng() % 17 - 8; /* copies of what was just written */
    c->rcx = count();
    c->rax = rng() % 2 ? 0x1111111111111111 : rng() << 32 | rng();
    c->eflags = FL_1 | (rng() % 3 ? 0 : FL_DF) | (rng() & FL_ARITH);
    if (rng() % 16 == 0 && op != 0xaa && op != 0xac && prefix)
        c->rcx = is32 ? 0xffffffff : ~0ull; /* as for STRLEN, where something ends it; elsewhere the budget does */
    if (is32)
        c->rdi &= 0xffffffff, c->rax &= 0xffffffff;
    touch_all(is32);
    if (rng() % 16 == 0)
        EMIT(0x67);
    if (size == 1)
        EMIT(0x66);
    if (prefix)
        EMIT(prefix == 1 ? 0xf2 : 0xf3);
    if (size == 3 && !is32)
        EMIT(0x48);
    EMIT((u8)(size ? op | 1 : op), 0x9c, 0xf4); /* PUSHF: the flags are seen, whoever has them */
}

static void random_cases(bool is32)
{
    enum { CASES = 2000 };
    for (unsigned k = 0; k < CASES; k++) {
        random_state = k * 2u + is32;
        make_case(is32);
        both(&(struct program){the_case.code, the_case.n, 0, prepare, 60, is32});
    }
}
START_TEST(like_the_interpreter_in_64_bits) { random_cases(false); }
END_TEST
START_TEST(like_the_interpreter_in_32_bits) { random_cases(true); }
END_TEST

/* Copies to 1 to 8 bytes behind their source repeat what they wrote. */
START_TEST(overlapping_copies)
{
    static const u8 codes[][3] = {{0xa4}, {0x66, 0xa5}, {0xa5}, {0x48, 0xa5}};
    for (unsigned i = 0; i < ARRAY_LEN(codes); i++)
        for (unsigned distance = 1; distance <= 8; distance++)
            for (unsigned twin = 0; twin < 2; twin++) {
                the_case = (struct string_case){.rsi = DATA + 59, .rcx = 100, .eflags = FL_1};
                the_case.rdi = the_case.rsi + distance + (twin ? PAGE_TWIN * PAGE_SIZE : 0);
                touch_all(false);
                EMIT(0xf3);
                emit(codes[i], (unsigned)strlen((const char *)codes[i]));
                EMIT(0xf4);
                both(&(struct program){the_case.code, the_case.n, 0, prepare, 60, false});
                ck_assert_uint_eq(w.cpu->gpr[RCX], 0);
            }
}
END_TEST

/* Ten dwords up to the end of the address space, or down to its start, leave a register that wrapped. */
START_TEST(ends_of_the_address_space)
{
    static const u32 ends[][2] = {{0xffffffd8, FL_1}, {36, FL_1 | FL_DF}};
    for (unsigned i = 0; i < ARRAY_LEN(ends); i++)
        for (unsigned to = 0; to < 2; to++) {
            the_case = (struct string_case){.rsi = DATA + 100, .rdi = DATA + 200, .rcx = 10, .eflags = ends[i][1]};
            *(to ? &the_case.rdi : &the_case.rsi) = ends[i][0];
            touch_all(true);
            EMIT(0xf3, 0xa5, 0xf4);
            both(&(struct program){the_case.code, the_case.n, 0, prepare, 60, true});
            ck_assert_uint_eq(w.cpu->gpr[to ? RDI : RSI], i ? 0xfffffffc : 0);
        }
}
END_TEST

/* What lies in one page of each needs C but to fill the TLB and to ask for links. */
START_TEST(runs_without_c)
{
    static const u8 ops[][2] = {{0xf3, 0xa4}, {0xf3, 0xa5}, {0xf3, 0xaa}, {0xf3, 0xab}, {0xf3, 0xa6},
                                {0xf3, 0xa7}, {0xf2, 0xae}, {0xf2, 0xaf}, {0x90, 0xac}, {0x90, 0xad}};
    for (unsigned i = 0; i < ARRAY_LEN(ops); i++) {
        /* mov ebx, 100; again: mov esi, DATA; mov edi, DATA + 1100h; mov ecx, 50; ...; dec ebx; jnz; hlt */
        u8 code[] = {0xbb, 100,  0,  0, 0, 0xbe, 0,         0,         2,    0,    0xbf, 0,    0x11, 2,
                     0,    0xb9, 50, 0, 0, 0,    ops[i][0], ops[i][1], 0xff, 0xcb, 0x75, 0xeb, 0xf4};
        the_case = (struct string_case){.eflags = FL_1, .rax = 0x1234};
        both(&(struct program){code, sizeof(code), 0, prepare, 1000, false});
        ck_assert(w.cpu->halted);
        ck_assert_uint_le(translator()->counters.site_calls, 4);
    }
}
END_TEST

static void add(TCase *t)
{
    tcase_set_timeout(t, 120);
    tcase_add_test(t, like_the_interpreter_in_64_bits);
    tcase_add_test(t, like_the_interpreter_in_32_bits);
    tcase_add_test(t, overlapping_copies);
    tcase_add_test(t, ends_of_the_address_space);
    tcase_add_test(t, runs_without_c);
}

int main(void) { return w_main("jit_string", add); }
