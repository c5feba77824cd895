/*
 * Translated code and where it is: jumps to addresses nobody can run at, one
 * page seen at two addresses, pages that stop being global, the hole between
 * the canonical addresses, jumps of nearly 2 GiB. Each program also runs in the
 * interpreter, and both must end alike.
 */
#include "tests/unit/jit_world.h"

enum { HOLE_PAGES = 255 }; /* the last entry of the PML4 for addresses below the hole; the next is above */

static u8 code[2 * PAGE_SIZE];
static void no_code(void) { memset(code, 0x90, sizeof(code)); }

/* Every GiB of the lowest, the two beside the hole, and the highest 512 show the first, whose last 2 MiB are the first.
 */
static void repeated(void)
{
    static const unsigned top[] = {HOLE_PAGES, HOLE_PAGES + 1, 511};
    for (unsigned i = 1; i < 512; i++)
        st64(w.ram + TABLES + 0x1000 + 8 * i, (TABLES + 0x2000) | 7);
    st64(w.ram + TABLES + 0x2000 + 8 * 511, 0x87);
    for (unsigned i = 0; i < ARRAY_LEN(top); i++)
        st64(w.ram + TABLES + 8 * top[i], (TABLES + 0x1000) | 7);
    tlb_flush(w.cpu, true);
}

/* ---- indirect jumps ---- */

static bool is_looked_for_in(u64 eip, unsigned slot) { return JUMP_INDEX(eip) / 2 == slot / 2; }

START_TEST(empty_slots_are_never_found)
{
    for (unsigned slot = 0; slot < JUMP_TABLE; slot++) {
        ck_assert(!is_looked_for_in(NO_TAG(slot), slot));
        ck_assert(!is_looked_for_in(DEAD_TAG(slot), slot));
        ck_assert(NO_TAG(slot) != DEAD_TAG(slot));
    }
}
END_TEST

START_TEST(jumps_to_what_empty_slots_hold)
{
    static const u64 tags[] = {NO_TAG(0), NO_TAG(2), DEAD_TAG(0), DEAD_TAG(2)};
    for (unsigned i = 0; i < ARRAY_LEN(tags); i++) {
        u8 jump[] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0}; /* mov rax, tag; jmp rax */
        st64(jump + 2, tags[i]);
        both(&(struct program){jump, sizeof(jump), 3, NULL, 100, false});
        ck_assert_int_eq(w_vector(), EXC_GP);
        ck_assert_uint_eq(w_frame(1), CODE + 10);
    }
}
END_TEST

/* ---- one page, two addresses ---- */

enum { V1 = 0x100000, V2 = 0x180000, SHARED_PAGE = 0x110000, ONE = 0x120000, TWO = 0x121000 };
static u8 *pte(u64 lin) { return w.ram + PT + 8 * (lin >> 12); }

/* A page at V1 and V2; behind it there is ONE at V1, and at V2 TWO. */
static void two_places(void)
{
    small_pages();
    CODE_AT(ONE, 0x83, 0xc2, 1, 0xc3);                               /* add edx, 1; ret */
    CODE_AT(TWO, 0x81, 0xc2, 0, 1, 0, 0, 0xbf, 0, 0, 0x13, 0, 0xc3); /* add edx, 100h; mov edi, 130000h; ret */
    CODE_AT(0x130000, 0xf4);
    /* mov ecx, 5; again: call page + 1000h; dec ecx; jnz again; jmp rdi */
    CODE_AT(SHARED_PAGE, 0xb9, 5, 0, 0, 0, 0xe8, 0xf6, 0x0f, 0, 0, 0xff, 0xc9, 0x75, 0xf7, 0xff, 0xe7);
    st64(pte(V1), SHARED_PAGE | 7);
    st64(pte(V1 + PAGE_SIZE), ONE | 7);
    st64(pte(V2), SHARED_PAGE | 7);
    st64(pte(V2 + PAGE_SIZE), TWO | 7);
    w.cpu->gpr[RDI] = V2;
    tlb_flush(w.cpu, true);
}
START_TEST(links_hold_for_one_address_of_a_page)
{
    /* mov eax, V1; jmp rax */
    BOTH(0, two_places, 300, 0xb8, 0, 0, 0x10, 0, 0xff, 0xe0);
    ck_assert(w.cpu->halted);
    ck_assert_uint_eq(w.cpu->gpr[RDX], START_RDX + 5 + 5 * 0x100);
}
END_TEST

/* The same page at V1 and right behind; a jump leads from the first to the second, which becomes another. */
static void twice_in_a_row(void)
{
    small_pages();
    CODE_AT(SHARED_PAGE, 0xe9, 0x7b, 0x10, 0, 0); /* jmp page + 1080h */
    CODE_AT(SHARED_PAGE + 0x80, 0x83, 0xc2, 1, 0xc3);
    CODE_AT(ONE + 0x80, 0x81, 0xc2, 0, 1, 0, 0, 0xc3);
    st64(pte(V1), SHARED_PAGE | 7);
    st64(pte(V1 + PAGE_SIZE), SHARED_PAGE | 7);
    tlb_flush(w.cpu, true);
}
START_TEST(links_within_a_page_are_within_its_address)
{
    /* mov ecx, 5; again: mov eax, V1; call rax; cmp ecx, 3; jne on; mov qword [PTE of V1 + 1000h], ONE | 7;
       invlpg [V1 + 1000h]; on: dec ecx; jnz again; hlt */
    BOTH(0, twice_in_a_row, 500, 0xb9, 5, 0, 0, 0, 0xb8, 0, 0, 0x10, 0, 0xff, 0xd0, 0x83, 0xf9, 3, 0x75, 0x13, 0xc7,
         0x04, 0x25, 8, 0x38, 4, 0, 7, 0, 0x12, 0, 0x0f, 0x01, 0x3c, 0x25, 0, 0x10, 0x10, 0, 0xff, 0xc9, 0x75, 0xdd,
         0xf4);
    ck_assert(w.cpu->halted);
    ck_assert_uint_eq(w.cpu->gpr[RDX], START_RDX + 3 + 2 * 0x100);
}
END_TEST

/* ---- global pages ---- */

enum { FUNCTION = 0x100000, OTHER = TABLES + 0x10000 };
/* A function in a global page; other tables, in RSI, have another there. */
static void two_spaces(void)
{
    small_pages();
    CODE_AT(0x110000, 0x83, 0xc2, 1, 0xc3);
    CODE_AT(0x111000, 0x81, 0xc2, 0, 1, 0, 0, 0xc3);
    memcpy(w.ram + OTHER, w.ram + TABLES, 0x4000);
    for (unsigned level = 0; level < 3; level++)
        st64(w.ram + OTHER + level * 0x1000, (OTHER + (level + 1) * 0x1000) | 7);
    st64(pte(FUNCTION), 0x110000 | 0x107);
    st64(w.ram + OTHER + 0x3000 + 8 * (FUNCTION >> 12), 0x111000 | 7);
    w.cpu->gpr[RSI] = OTHER;
    w.cpu->cr4 |= CR4_PGE;
    tlb_flush(w.cpu, true);
    cpu_update_mode(w.cpu);
}
START_TEST(links_to_pages_that_are_global_no_more)
{
    /* mov ecx, 6; again: call FUNCTION; cmp ecx, 4; je local; cmp ecx, 2; je switch; dec ecx; jnz again; hlt;
       local: mov dword [its PTE], 110007h; invlpg [FUNCTION]; dec ecx; jmp again;
       switch: mov cr3, rsi; push rax; pop rax; dec ecx; jmp again */
    BOTH(0, two_spaces, 300, 0xb9, 6, 0, 0, 0, 0xe8, 0xf6, 0xff, 0x0e, 0, 0x83, 0xf9, 4, 0x74, 0x0a, 0x83, 0xf9, 2,
         0x74, 0x1c, 0xff, 0xc9, 0x75, 0xed, 0xf4, 0xc7, 0x04, 0x25, 0, 0x38, 4, 0, 7, 0, 0x11, 0, 0x0f, 0x01, 0x3c,
         0x25, 0, 0, 0x10, 0, 0xff, 0xc9, 0xeb, 0xd5, 0x0f, 0x22, 0xde, 0x50, 0x58, 0xff, 0xc9, 0xeb, 0xcc);
    static_assert(PT + 8 * (FUNCTION >> 12) == 0x43800, "in the program");
    ck_assert(w.cpu->halted);
    ck_assert_uint_eq(w.cpu->gpr[RDX], START_RDX + 5 + 0x100);
}
END_TEST

/* ---- the hole ---- */

#define BELOW_HOLE 0x7fffffe00000ull /* shows physical addresses from 0 on */
static void below_hole(void)
{
    repeated();
    w.cpu->gpr[SLOT_RIP] = BELOW_HOLE + CODE;
    cpu_update_mode(w.cpu);
}
/* A branch from below the hole into it: it faults itself, and does nothing else. */
static void into_the_hole(u8 opcode, unsigned cpl)
{
    no_code();
    code[2] = opcode;
    st32(code + 3, 0x200000 - 7 + 0x1000);
    code[0x1000] = 0xf4; /* there, if addresses had 47 bits */
    both(&(struct program){code, sizeof(code), cpl, below_hole, 500, false});
    ck_assert_int_eq(w_vector(), EXC_GP);
    ck_assert_uint_eq(w_frame(1), BELOW_HOLE + CODE + 2);
}
START_TEST(direct_branches_into_the_hole)
{
    into_the_hole(0xe9, 0);
    into_the_hole(0xe9, 3);
    into_the_hole(0xe8, 0);
    into_the_hole(0xe8, 3);
}
END_TEST

/* The same from further away, where code is translated unless its page holds such a branch. */
#define AWAY 0x7fff80000000ull
static void away_from_hole(void)
{
    repeated();
    w.cpu->gpr[SLOT_RIP] = AWAY + CODE;
    cpu_update_mode(w.cpu);
}
START_TEST(far_branches_into_the_hole)
{
    no_code();
    /* mov ecx, 20; again: add edx, ecx; dec ecx; jnz again; jmp 100h */
    static const u8 loop[] = {0xb9, 20, 0, 0, 0, 0x01, 0xca, 0xff, 0xc9, 0x75, 0xfa, 0xe9, 0xf0, 0, 0, 0};
    memcpy(code, loop, sizeof(loop));
    code[0x100] = 0xe8;
    st32(code + 0x101, 0x7fffffff);
    both(&(struct program){code, sizeof(code), 3, away_from_hole, 500, false});
    ck_assert_int_eq(w_vector(), EXC_GP);
    ck_assert_uint_eq(w_frame(1), AWAY + CODE + 0x100);
    ck_assert_uint_gt(translator()->counters.entered, 0);
}
END_TEST

static void at_the_hole(void)
{
    repeated();
    memset(w.ram + 0x1ffff0, 0x90, 16);
    CODE_AT(0, 0xf4);
    w.cpu->gpr[SLOT_RIP] = 0x7ffffffffff0;
}
START_TEST(falling_into_the_hole)
{
    /* The interpreter is all that runs there. */
    for (int translated = 0; translated < 2; translated++) {
        begin(&(struct program){(const u8 *)"\x90", 1, 0, at_the_hole, 0, false}, translated, CODE_BYTES);
        w_run(100);
        ck_assert_int_eq(w_vector(), EXC_GP);
        ck_assert_uint_eq(w_frame(1), 0x800000000000);
    }
}
END_TEST

/* ---- distances ---- */

START_TEST(jumps_of_nearly_2_gib)
{
    no_code();
    static const u8 first[] = {0xb9, 10, 0, 0, 0, 0xe9, 0xe6, 0x0f, 0, 0}; /* mov ecx, 10; jmp CODE + ff0h */
    /* lea rax, [rip]; add rdx, rax; dec ecx; jz end; mov rax, CODE + ff0h; jmp rax; end: hlt */
    static const u8 rest[] = {0x48, 0x8d, 0x05, 0,    0,    0,    0,    0x48, 0x01, 0xc2, 0xff, 0xc9,
                              0x74, 0x09, 0x48, 0xc7, 0xc0, 0xf0, 0x0f, 1,    0,    0xff, 0xe0, 0xf4};
    memcpy(code, first, sizeof(first));
    memcpy(code + 0x100, rest, sizeof(rest));
    code[0xff0] = 0xe9;
    st32(code + 0xff1, 0x7ffff10b); /* to CODE + 80000100h */
    both(&(struct program){code, sizeof(code), 0, repeated, 500, false});
    ck_assert(w.cpu->halted);
    ck_assert_uint_eq(w.cpu->gpr[RAX], CODE + 0x80000107ull);
}
END_TEST

/* Paging by pages of 4 MiB, each the first. */
static void repeated32(void)
{
    for (unsigned i = 0; i < 1024; i++)
        st32(w.ram + TABLES + 4 * i, 0x87);
    w.cpu->cr4 |= CR4_PSE;
    w.cpu->cr3 = TABLES;
    w.cpu->cr0 |= (u32)CR0_PG;
    w.cpu->fpu.fcw = 0x37f;
    tlb_flush(w.cpu, true);
    cpu_update_mode(w.cpu);
}
START_TEST(jumps_across_4_gib_in_32_bit_code)
{
    u64 fip[2];
    no_code();
    /* mov ecx, 5; again: fld1; fstp st(0); jmp e0011000h; there: dec ecx; jz end; jmp again; end: hlt */
    static const u8 first[] = {0xb9, 5, 0, 0, 0, 0xd9, 0xe8, 0xdd, 0xd8, 0xe9};
    static const u8 there[] = {0xff, 0xc9, 0x74, 5, 0xe9};
    memcpy(code, first, sizeof(first));
    st32(code + 10, 0xe0011000u - (CODE + 14));
    memcpy(code + 0x1000, there, sizeof(there));
    st32(code + 0x1005, CODE + 5 - (0xe0011000u + 9));
    code[0x1009] = 0xf4;
    const struct program p = {code, sizeof(code), 0, repeated32, 500, true};
    for (int translated = 0; translated < 2; translated++) {
        begin(&p, translated, CODE_BYTES);
        w_run(p.budget);
        ck_assert(w.cpu->halted);
        fip[translated] = w.cpu->fpu.fip;
    }
    ck_assert_uint_eq(fip[0], CODE + 7);
    ck_assert_uint_eq(fip[1], CODE + 7);
}
END_TEST

START_TEST(no_fetch_beyond_the_budget)
{
    /* nop, four times; jmp to where nothing is mapped */
    static const u8 away[] = {0x90, 0x90, 0x90, 0x90, 0xe9, 0, 0, 0, 1};
    for (int translated = 0; translated < 2; translated++) {
        begin(&(struct program){away, sizeof(away), 0, NULL, 0, false}, translated, CODE_BYTES);
        ck_assert_uint_eq(cpu_run(w.cpu, 5), 5);
        ck_assert_uint_eq(w.cpu->cr2, 0);
        ck_assert_uint_eq(w.cpu->gpr[SLOT_RIP], CODE + sizeof(away) + 0x1000000);
    }
}
END_TEST

/* ---- operands ---- */

static void base_takes_it_back(void)
{
    repeated();
    w.cpu->seg[FS].base = 0xffff800000000000 + DATA;
    w.cpu->gpr[RBX] = 0x0000800000000000;
}
START_TEST(offsets_of_fs_are_canonical)
{
    /* mov eax, [DATA]; mov eax, fs:[rbx]; hlt */
    BOTH(0, base_takes_it_back, 100, 0x8b, 0x04, 0x25, 0, 0, 2, 0, 0x64, 0x8b, 0x03, 0xf4);
    ck_assert_int_eq(w_vector(), EXC_GP);
}
END_TEST

/* An offset from RIP in the hole, of code that is within reach of it. */
static void fs_near_hole(void)
{
    repeated();
    w.cpu->seg[FS].base = 0xffff800000000000;
    w.cpu->gpr[SLOT_RIP] = 0x7fffc0000000 + CODE;
    cpu_update_mode(w.cpu);
}
START_TEST(offsets_of_fs_from_rip)
{
    /* mov eax, [DATA]; mov eax, fs:[rip + to 800000000000h + DATA]; hlt */
    u8 reads[] = {0x8b, 0x04, 0x25, 0, 0, 2, 0, 0x64, 0x8b, 0x05, 0, 0, 0, 0, 0xf4};
    st32(reads + 10, 0x40000000 + DATA - CODE - 14);
    both(&(struct program){reads, sizeof(reads), 0, fs_near_hole, 100, false});
    ck_assert_int_eq(w_vector(), EXC_GP);
}
END_TEST

static void indices_beyond(void)
{
    repeated();
    st64(w.ram + TABLES + 0x1000 + 8 * 7, 0);
    tlb_flush(w.cpu, true);
    w.cpu->cr4 |= CR4_OSFXSR | CR4_OSXSAVE;
    w.cpu->xcr0 = 7;
    w.cpu->gpr[RBX] = DATA;
    w.cpu->gpr[RCX] = 0;
    for (unsigned i = 0; i < 4; i++) {
        w.cpu->xmm[1].d[i] = 0x70000000;
        w.cpu->xmm[2].d[i] = ~0u;
    }
    cpu_update_mode(w.cpu);
}
START_TEST(flags_where_a_gather_faults)
{
    /* inc dword [rbx]; mov eax, [rbx+rcx*4]; mov eax, 5; cmp eax, 7fh; vgatherdps xmm0, [rbx+xmm1*4+4], xmm2; add eax,
       1; hlt */
    BOTH(0, indices_beyond, 100, 0xff, 0x03, 0x8b, 0x04, 0x8b, 0xb8, 5, 0, 0, 0, 0x83, 0xf8, 0x7f, 0xc4, 0xe2, 0x69,
         0x92, 0x44, 0x8b, 4, 0x83, 0xc0, 1, 0xf4);
    ck_assert_int_eq(w_vector(), EXC_PF);
    ck_assert_uint_eq(w_frame(3) & FL_ARITH, FL_CF | FL_SF | FL_AF);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_test(t, empty_slots_are_never_found);
    tcase_add_test(t, jumps_to_what_empty_slots_hold);
    tcase_add_test(t, links_hold_for_one_address_of_a_page);
    tcase_add_test(t, links_within_a_page_are_within_its_address);
    tcase_add_test(t, links_to_pages_that_are_global_no_more);
    tcase_add_test(t, direct_branches_into_the_hole);
    tcase_add_test(t, far_branches_into_the_hole);
    tcase_add_test(t, falling_into_the_hole);
    tcase_add_test(t, jumps_of_nearly_2_gib);
    tcase_add_test(t, jumps_across_4_gib_in_32_bit_code);
    tcase_add_test(t, no_fetch_beyond_the_budget);
    tcase_add_test(t, offsets_of_fs_are_canonical);
    tcase_add_test(t, offsets_of_fs_from_rip);
    tcase_add_test(t, flags_where_a_gather_faults);
}

int main(void) { return w_main("jit_place", add); }
