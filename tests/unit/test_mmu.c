/*
 * Paging: every form of table and page size, rights by CR0.WP, SMEP, SMAP, NX
 * and privilege with their error codes, reserved bits, A and D bits, global
 * pages and invalidation, PDPTEs, accesses across pages, MMIO, alignment
 * checks. Expected values are the manual's (SDM vol. 3, chapter 4).
 */
#include <unistd.h>

#include "tests/unit/cpu_world.h"

static void start(void) { w_start("max"); }

enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100 };
#define NX BIT64(63)
enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16, NO_FAULT = -1 };

/* A translation: the error code of its page fault, or NO_FAULT and *pa. */
static int try_translate(u64 lin, enum access access, unsigned idx, u64 *pa)
{
    w.cpu->cur = NULL;
    if (_setjmp(w.cpu->unwind)) {
        ck_assert_uint_eq(w.cpu->exc_vector, EXC_PF);
        ck_assert_uint_eq(w.cpu->cr2, lin);
        return (int)w.cpu->exc_error;
    }
    *pa = mmu_translate(w.cpu, lin, access, idx);
    return NO_FAULT;
}

enum paging { PAGING_32, PAGING_PAE, PAGING_LONG };
/* Tables at TABLES with one path to LIN, its leaf at that level (0: 4 KiB). */
#define LIN  0x00403000ull
#define PHYS 0x00200000ull

static u32 table_at(unsigned level) { return TABLES + level * 0x1000; }
static unsigned index_at(enum paging f, unsigned level)
{
    return f == PAGING_32 ? (LIN >> (12 + 10 * level)) & 1023 : (LIN >> (12 + 9 * level)) & 511;
}
static u8 *entry_at(enum paging f, unsigned level)
{
    return w.ram + table_at(level) + index_at(f, level) * (f == PAGING_32 ? 4 : 8);
}
static void put(enum paging f, unsigned level, u64 v) { st_le(entry_at(f, level), v, f == PAGING_32 ? 4 : 8); }
static u64 get(enum paging f, unsigned level) { return ld_le(entry_at(f, level), f == PAGING_32 ? 4 : 8); }

static void set_form(enum paging f)
{
    struct cpu *c = w.cpu;
    c->cr0 |= CR0_PE | (u64)(u32)CR0_PG;
    c->cr4 = f == PAGING_32 ? CR4_PSE : CR4_PAE;
    c->efer = f == PAGING_LONG ? EFER_LME | EFER_LMA : 0;
    c->cr3 = f == PAGING_LONG ? table_at(3) : f == PAGING_PAE ? table_at(2) : table_at(1);
    c->pdpte[0] = table_at(1) | P;
    tlb_flush(c, true);
}

static void build(enum paging f, unsigned leaf_level, u64 leaf_bits, u64 upper_bits)
{
    set_form(f);
    unsigned top = f == PAGING_LONG ? 3 : 1;
    for (unsigned l = top; l > leaf_level; l--)
        put(f, l, table_at(l - 1) | upper_bits);
    u64 base = f == PAGING_32 && leaf_level ? 0xc00000 : leaf_level == 2 ? 0x40000000 : PHYS;
    put(f, leaf_level, base | leaf_bits | (leaf_level ? PS : 0));
}

START_TEST(page_sizes)
{
    static const struct {
        enum paging form;
        unsigned level;
        u64 pa;
    } cases[] = {{PAGING_32, 0, PHYS + 0x123},   {PAGING_32, 1, 0xc03123},       {PAGING_PAE, 0, PHYS + 0x123},
                 {PAGING_PAE, 1, PHYS + 0x3123}, {PAGING_LONG, 0, PHYS + 0x123}, {PAGING_LONG, 1, PHYS + 0x3123},
                 {PAGING_LONG, 2, 0x40403123}};
    u64 pa = 0;
    build(cases[_i].form, cases[_i].level, P | W | U, P | W | U);
    ck_assert_int_eq(try_translate(LIN + 0x123, ACCESS_READ, MMU_USER, &pa), NO_FAULT);
    ck_assert_uint_eq(pa, cases[_i].pa);
    ck_assert(mmu_probe(w.cpu, LIN + 0x123, &pa));
    ck_assert_uint_eq(pa, cases[_i].pa);
}
END_TEST

/* PSE-36: bits 13..20 of a 4 MiB entry are bits 32..39 of the address. */
START_TEST(pse36)
{
    u64 pa = 0;
    build(PAGING_32, 1, P | W | U | 0x5a << 13, 0);
    ck_assert_int_eq(try_translate(LIN, ACCESS_READ, MMU_USER, &pa), NO_FAULT);
    ck_assert_uint_eq(pa, 0x5a00c03000ull);
}
END_TEST

/* Without CR4.PSE the PS bit means nothing. */
START_TEST(no_pse)
{
    u64 pa = 0;
    build(PAGING_32, 0, P | W | U, P | W | U | PS);
    w.cpu->cr4 = 0;
    ck_assert_int_eq(try_translate(LIN, ACCESS_READ, MMU_USER, &pa), NO_FAULT);
    ck_assert_uint_eq(pa, PHYS);
}
END_TEST

/* All combinations of rights against SDM vol. 3, 4.6.1, on every form and level. */
START_TEST(rights)
{
    static const struct {
        enum paging form;
        unsigned level;
    } shapes[] = {{PAGING_32, 0},   {PAGING_32, 1},   {PAGING_PAE, 0}, {PAGING_PAE, 1},
                  {PAGING_LONG, 0}, {PAGING_LONG, 1}, {PAGING_LONG, 2}};
    enum paging form = shapes[_i].form;
    struct cpu *c = w.cpu;
    for (unsigned bits = 0; bits < 512; bits++) {
        bool leaf_w = bits & 1, leaf_u = bits & 2, up_w = bits & 4, up_u = bits & 8, wp = bits & 16, smep = bits & 32;
        bool smap = bits & 64, nxe = (bits & 128) && form != PAGING_32, nx = nxe && (bits & 256);
        build(form, shapes[_i].level, P | (leaf_w ? W : 0) | (leaf_u ? U : 0) | (nx ? NX : 0),
              P | (up_w ? W : 0) | (up_u ? U : 0));
        bool has_upper = !(form == PAGING_32 || form == PAGING_PAE) || shapes[_i].level == 0;
        bool page_w = leaf_w && (up_w || !has_upper), page_u = leaf_u && (up_u || !has_upper);
        c->cr0 = wp ? c->cr0 | CR0_WP : c->cr0 & ~(u64)CR0_WP;
        c->cr4 |= (smep ? CR4_SMEP : 0) | (smap ? CR4_SMAP : 0);
        c->efer |= nxe ? EFER_NXE : 0;
        for (unsigned n = 0; n < 9; n++) {
            static const enum access kinds[] = {ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC};
            static const unsigned idxs[] = {MMU_USER, MMU_KERNEL, MMU_KERNEL_SMAP};
            enum access access = kinds[n % 3];
            unsigned idx = idxs[n / 3];
            if (idx == MMU_KERNEL_SMAP && (!smap || access == ACCESS_EXEC))
                continue;
            bool user = idx == MMU_USER, ok;
            if (access == ACCESS_EXEC)
                ok = !nx && (user ? page_u : !(smep && page_u));
            else
                ok = (user ? page_u : !(idx == MMU_KERNEL_SMAP && page_u)) &&
                     (access == ACCESS_READ || page_w || (!user && !wp));
            int error = PF_P | (access == ACCESS_WRITE ? PF_W : 0) | (user ? PF_U : 0) |
                        (access == ACCESS_EXEC && (smep || nxe) ? PF_I : 0);
            u64 pa;
            int got = try_translate(LIN, access, idx, &pa);
            ck_assert_msg(got == (ok ? NO_FAULT : error), "shape %d bits %x access %d idx %u: %d, not %d", _i, bits,
                          (int)access, idx, got, ok ? NO_FAULT : error);
        }
    }
}
END_TEST

START_TEST(reserved_bits)
{
    static const struct {
        enum paging form;
        unsigned leaf, level; /* of the bad entry */
        u64 bit;
        bool fault;
    } cases[] = {
        {PAGING_LONG, 0, 0, BIT64(51), true},  {PAGING_LONG, 0, 0, BIT64(40), true},
        {PAGING_LONG, 0, 0, BIT64(39), false}, {PAGING_LONG, 0, 0, BIT64(52), false},
        {PAGING_LONG, 0, 0, BIT64(63), true},  {PAGING_LONG, 0, 1, BIT64(51), true},
        {PAGING_LONG, 0, 2, BIT64(63), true},  {PAGING_LONG, 0, 3, PS, true},
        {PAGING_LONG, 0, 3, BIT64(40), true},  {PAGING_LONG, 1, 1, BIT64(13), true},
        {PAGING_LONG, 1, 1, BIT64(20), true},  {PAGING_LONG, 1, 1, BIT64(12), false},
        {PAGING_LONG, 2, 2, BIT64(13), true},  {PAGING_LONG, 2, 2, BIT64(29), true},
        {PAGING_PAE, 0, 0, BIT64(52), true},   {PAGING_PAE, 0, 0, BIT64(62), true},
        {PAGING_PAE, 0, 1, BIT64(63), true},   {PAGING_PAE, 1, 1, BIT64(14), true},
        {PAGING_32, 1, 1, BIT64(21), true},    {PAGING_32, 1, 1, BIT64(20), false},
    };
    u64 pa;
    build(cases[_i].form, cases[_i].leaf, P | W | U, P | W | U);
    put(cases[_i].form, cases[_i].level, get(cases[_i].form, cases[_i].level) | cases[_i].bit);
    int got = try_translate(LIN, ACCESS_READ, MMU_USER, &pa);
    ck_assert_int_eq(got, cases[_i].fault ? PF_P | PF_RSVD | PF_U : NO_FAULT);
}
END_TEST

/* At 1 GiB level a CPU without the feature finds PS reserved. */
START_TEST(no_1g_pages)
{
    u64 pa;
    w_start("qemu64");
    build(PAGING_LONG, 2, P | W | U, P | W | U);
    ck_assert_int_eq(try_translate(LIN, ACCESS_READ, MMU_KERNEL, &pa), PF_P | PF_RSVD);
}
END_TEST

START_TEST(not_present)
{
    u64 pa;
    build(PAGING_LONG, 0, P | W | U, P | W | U);
    put(PAGING_LONG, _i, get(PAGING_LONG, _i) & ~1ull);
    ck_assert_int_eq(try_translate(LIN, ACCESS_WRITE, MMU_USER, &pa), PF_W | PF_U);
    ck_assert(!mmu_probe(w.cpu, LIN, &pa));
}
END_TEST

START_TEST(accessed_and_dirty)
{
    static const enum paging forms[] = {PAGING_32, PAGING_PAE, PAGING_LONG};
    enum paging f = forms[_i];
    u64 pa;
    build(f, 0, P | W | U, P | W | U);
    mmu_probe(w.cpu, LIN, &pa);
    ck_assert(!(get(f, 0) & A));
    try_translate(LIN, ACCESS_READ, MMU_USER, &pa);
    ck_assert_uint_eq(get(f, 0) & (A | D), A);
    ck_assert_uint_eq(get(f, 1) & (A | D), A);
    try_translate(LIN, ACCESS_WRITE, MMU_USER, &pa);
    ck_assert_uint_eq(get(f, 0) & (A | D), A | D);
    ck_assert_uint_eq(get(f, 1) & (A | D), A);
    build(f, 0, P | U, P | W | U);
    ck_assert_int_eq(try_translate(LIN, ACCESS_WRITE, MMU_USER, &pa), PF_P | PF_W | PF_U);
    ck_assert(!(get(f, 0) & (A | D)));
    if (f != PAGING_LONG) {
        build(f, 1, P | W | U, 0);
        try_translate(LIN, ACCESS_WRITE, MMU_USER, &pa);
        ck_assert_uint_eq(get(f, 1) & (A | D), A | D);
    }
}
END_TEST

/* A read does not open the page for writes: D must be set by the first one. */
START_TEST(dirty_after_read_hit)
{
    build(PAGING_LONG, 0, P | W | U, P | W | U);
    struct cpu *c = w.cpu;
    c->cur = NULL;
    mem_read_as(c, LIN, 4, MMU_KERNEL);
    ck_assert_ptr_nonnull(tlb_read_ptr(c, LIN, 4, MMU_KERNEL));
    ck_assert_ptr_null(tlb_write_ptr(c, LIN, 4, MMU_KERNEL));
    mem_write_as(c, LIN, 0x12345678, 4, MMU_KERNEL);
    ck_assert(get(PAGING_LONG, 0) & D);
    ck_assert_ptr_nonnull(tlb_write_ptr(c, LIN, 4, MMU_KERNEL));
    ck_assert_uint_eq(ld32(w.ram + PHYS), 0x12345678);
}
END_TEST

static bool cached(void) { return tlb_read_ptr(w.cpu, LIN, 1, MMU_KERNEL) != NULL; }
static void touch(void)
{
    w.cpu->cur = NULL;
    mem_read_as(w.cpu, LIN, 1, MMU_KERNEL);
    mmu_fetch(w.cpu, LIN);
}

START_TEST(global_pages)
{
    build(PAGING_LONG, 0, P | W | U | G, P | W | U);
    touch();
    tlb_flush(w.cpu, false);
    ck_assert(!cached()); /* without CR4.PGE, G means nothing */
    w.cpu->cr4 |= CR4_PGE;
    tlb_flush(w.cpu, true);
    touch();
    tlb_flush(w.cpu, false);
    ck_assert(cached());
    tlb_flush_page(w.cpu, LIN);
    ck_assert(!cached());
    touch();
    tlb_flush(w.cpu, true);
    ck_assert(!cached());
}
END_TEST

/* INVLPG anywhere in a large page drops all of it. */
START_TEST(invlpg_large)
{
    static const struct {
        enum paging form;
        unsigned level;
        u64 other;
    } cases[] = {{PAGING_LONG, 1, 0x1ff000}, {PAGING_32, 1, 0x3ff000}, {PAGING_LONG, 2, 0x3ff00000}};
    build(cases[_i].form, cases[_i].level, P | W | U, P | W | U);
    w.cpu->cur = NULL;
    st_le(w.ram, 0, 4);
    mem_read_as(w.cpu, LIN, 1, MMU_KERNEL);
    bool fast = cases[_i].level == 1; /* the 1 GiB page is no RAM here: look at the slow entry */
    u64 base = LIN & ~(u64)(cases[_i].level == 2 ? 0x3fffffff : cases[_i].form == PAGING_32 ? 0x3fffff : 0x1fffff);
    ck_assert(!fast || cases[_i].form == PAGING_32 || cached());
    ck_assert_uint_eq(w.cpu->tlb[MMU_KERNEL].phys[(LIN >> 12) % TLB_ENTRIES].tag, LIN);
    tlb_flush_page(w.cpu, base + cases[_i].other);
    ck_assert_uint_eq(w.cpu->tlb[MMU_KERNEL].phys[(LIN >> 12) % TLB_ENTRIES].tag, TLB_EMPTY);
}
END_TEST

START_TEST(protect_host_page)
{
    build(PAGING_LONG, 0, P | W | U, P | W | U);
    w.cpu->cur = NULL;
    mem_write_as(w.cpu, LIN, 1, 1, MMU_KERNEL);
    ck_assert_ptr_nonnull(tlb_write_ptr(w.cpu, LIN, 1, MMU_KERNEL));
    tlb_protect_host_page(w.cpu, w.ram + PHYS);
    ck_assert_ptr_null(tlb_write_ptr(w.cpu, LIN, 1, MMU_KERNEL));
    ck_assert(cached());
}
END_TEST

/* An access across pages faults on the second page before it writes to the first. */
START_TEST(page_crossing)
{
    build(PAGING_LONG, 0, P | W | U, P | W | U);
    struct cpu *c = w.cpu;
    c->cur = NULL;
    st32(w.ram + PHYS + 0xffc, 0xeeeeeeee);
    if (_setjmp(c->unwind) == 0) {
        mem_write_as(c, LIN + 0xffe, 0x11223344, 4, MMU_USER);
        ck_abort_msg("no fault");
    }
    ck_assert_uint_eq(c->cr2, LIN + 0x1000);
    ck_assert_uint_eq(c->exc_error, PF_W | PF_U);
    ck_assert_uint_eq(ld32(w.ram + PHYS + 0xffc), 0xeeeeeeee);
    st64(entry_at(PAGING_LONG, 0) + 8, DATA | P | W | U);
    mem_write_as(c, LIN + 0xffe, 0x11223344, 4, MMU_USER);
    ck_assert_uint_eq(ld16(w.ram + PHYS + 0xffe), 0x3344);
    ck_assert_uint_eq(ld16(w.ram + DATA), 0x1122);
    ck_assert_uint_eq(mem_read_as(c, LIN + 0xffe, 4, MMU_USER), 0x11223344);
}
END_TEST

/* Devices see naturally aligned bus cycles. */
START_TEST(mmio)
{
    build(PAGING_LONG, 0, P | W | U, P | W | U);
    put(PAGING_LONG, 0, MMIO | P | W | U);
    struct cpu *c = w.cpu;
    c->cur = NULL;
    mem_write_as(c, LIN, 5, 4, MMU_KERNEL);
    mem_read_as(c, LIN + 8, 8, MMU_KERNEL);
    mem_read_as(c, LIN + 1, 4, MMU_KERNEL);
    static const u64 log[] = {(u64)MMIO << 8 | 4, (u64)(MMIO + 8) << 8 | 8, (u64)(MMIO + 1) << 8 | 1,
                              (u64)(MMIO + 2) << 8 | 2, (u64)(MMIO + 4) << 8 | 1};
    ck_assert_uint_eq(w.mmio_count, ARRAY_LEN(log));
    for (unsigned i = 0; i < ARRAY_LEN(log); i++)
        ck_assert_uint_eq(w.mmio_log[i], log[i]);
}
END_TEST

START_TEST(alignment_check)
{
    w_protected(3);
    struct cpu *c = w.cpu;
    c->cr0 |= CR0_AM;
    c->eflags |= FL_AC;
    cpu_update_mode(c);
    CODE_AT(CODE, 0xa1, 0, 0, 2, 0, 0xa1, 1, 0, 2, 0); /* MOV EAX, [20000h]; MOV EAX, [20001h] */
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_AC);
    ck_assert_uint_eq(w_frame(0), 0);
    ck_assert_uint_eq(w_frame(1), CODE + 5);
}
END_TEST

/* MOV CR3 loads the PDPTEs: reserved bits in a present one are #GP(0), CR3 stays. */
START_TEST(pdptes)
{
    w_protected(0);
    struct cpu *c = w.cpu;
    for (unsigned i = 0; i < 4; i++)
        st64(w.ram + table_at(2) + 8 * i, (table_at(1) + 0) | P);
    for (unsigned i = 0; i < 2; i++)
        st64(w.ram + table_at(1) + 8 * i, (u64)i << 21 | P | W | U | PS);
    c->gpr[RAX] = table_at(2);
    c->gpr[RBX] = CR4_PAE;
    c->gpr[RCX] = c->cr0 | (u32)CR0_PG;
    CODE_AT(CODE, 0x0f, 0x22, 0xd8, 0x0f, 0x22, 0xe3, 0x0f, 0x22, 0xc1, 0x0f, 0x22, 0xd8); /* CR3, CR4, CR0, CR3 */
    w_run(3);
    ck_assert_uint_eq(c->pdpte[3], table_at(1) | P);
    st64(w.ram + table_at(2) + 8, table_at(1) | P | 2);
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_GP);
    ck_assert_uint_eq(w_frame(1), CODE + 9);
    ck_assert_uint_eq(c->pdpte[1], table_at(1) | P);
}
END_TEST

/* Long mode by the book: CR4.PAE, EFER.LME, CR0.PG; then CS.L. */
START_TEST(enter_long_mode)
{
    w_long(0);
    struct cpu *c = w.cpu;
    c->cr0 &= 0x7fffffff;
    c->cr4 = 0;
    c->efer = 0;
    c->cr3 = 0;
    c->seg[CS] = w_seg(SEL_CODE0, D_CODE32);
    cpu_update_mode(c);
    tlb_flush(c, true);
    c->gpr[RDI] = TABLES;
    CODE_AT(CODE, 0x0f, 0x20, 0xe0, 0x83, 0xc8, 0x20, 0x0f, 0x22, 0xe0,                    /* CR4 |= PAE */
            0x0f, 0x22, 0xdf,                                                              /* CR3 = EDI */
            0xb9, 0x80, 0, 0, 0xc0, 0x0f, 0x32, 0x0f, 0xba, 0xe8, 8, 0x0f, 0x30,           /* EFER |= LME */
            0x0f, 0x20, 0xc0, 0x0f, 0xba, 0xe8, 31, 0x0f, 0x22, 0xc0,                      /* CR0 |= PG */
            0xea, 0x2a, 0, 1, 0, SEL_CODE64, 0, 0x48, 0x31, 0xc0, 0x48, 0xff, 0xc8, 0xf4); /* JMP; XOR RAX; DEC RAX */
    w_run(40);
    ck_assert(c->efer & EFER_LMA);
    ck_assert_uint_eq(c->gpr[RAX], ~0ull);
    ck_assert_uint_eq(c->mode & MODE_CODE, MODE_CODE64);
}
END_TEST

/* ---- protection keys (SDM vol. 3, 4.6.2) ---- */

enum { AD = 1, WD = 2, PK = 0x20 };
#define KEY(k) ((u64)(k) << 59)

START_TEST(protection_keys)
{
    static const struct {
        u64 cr4, leaf;
        u32 cr0, pkru, pkrs;
        enum access access;
        u8 idx;
        int error;
    } cases[] = {
        {CR4_PKE, U | W | KEY(5), 0, AD << 10, 0, ACCESS_READ, MMU_USER, PF_P | PF_U | PK},
        {CR4_PKE, U | W | KEY(5), 0, AD << 10, 0, ACCESS_WRITE, MMU_USER, PF_P | PF_U | PF_W | PK},
        {CR4_PKE, U | W | KEY(5), 0, AD << 10, 0, ACCESS_EXEC, MMU_USER, NO_FAULT},
        {CR4_PKE, U | W | KEY(5), 0, AD << 10, 0, ACCESS_READ, MMU_KERNEL, PF_P | PK},
        {CR4_PKE, U | W | KEY(5), 0, AD << 8, 0, ACCESS_READ, MMU_USER, NO_FAULT},
        {CR4_PKE, U | W | KEY(15), 0, (u32)WD << 30, 0, ACCESS_READ, MMU_USER, NO_FAULT},
        {CR4_PKE, U | W | KEY(15), 0, (u32)WD << 30, 0, ACCESS_WRITE, MMU_USER, PF_P | PF_U | PF_W | PK},
        {CR4_PKE, U | W | KEY(1), 0, WD << 2, 0, ACCESS_WRITE, MMU_KERNEL, NO_FAULT},
        {CR4_PKE, U | W | KEY(1), CR0_WP, WD << 2, 0, ACCESS_WRITE, MMU_KERNEL, PF_P | PF_W | PK},
        /* the bit tells what the key says, whatever else is wrong */
        {CR4_PKE, U | KEY(1), 0, AD << 2, 0, ACCESS_WRITE, MMU_USER, PF_P | PF_U | PF_W | PK},
        {CR4_PKE, U | KEY(1), 0, 0, 0, ACCESS_WRITE, MMU_USER, PF_P | PF_U | PF_W},
        /* each for its own pages, and only when it is on */
        {0, U | W | KEY(5), 0, ~0u, 0, ACCESS_WRITE, MMU_USER, NO_FAULT},
        {CR4_PKE, W | KEY(5), CR0_WP, ~0u, 0, ACCESS_WRITE, MMU_KERNEL, NO_FAULT},
        {CR4_PKS, U | W | KEY(5), CR0_WP, 0, ~0u, ACCESS_WRITE, MMU_USER, NO_FAULT},
        {CR4_PKE, W | KEY(5), CR0_WP, 0, ~0u, ACCESS_WRITE, MMU_KERNEL, NO_FAULT},
        {CR4_PKS, W | KEY(3), 0, 0, AD << 6, ACCESS_READ, MMU_KERNEL, PF_P | PK},
        {CR4_PKS, W | KEY(3), 0, 0, WD << 6, ACCESS_WRITE, MMU_KERNEL, NO_FAULT},
        {CR4_PKS, W | KEY(3), CR0_WP, 0, WD << 6, ACCESS_WRITE, MMU_KERNEL, PF_P | PF_W | PK},
        {CR4_PKS, W | KEY(3), CR0_WP, 0, WD << 6, ACCESS_EXEC, MMU_KERNEL, NO_FAULT},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        u64 pa;
        w.cpu->cr0 = 0;
        build(PAGING_LONG, 0, P | cases[i].leaf, P | W | U);
        w.cpu->cr4 |= cases[i].cr4;
        w.cpu->cr0 |= cases[i].cr0;
        w.cpu->pkru = cases[i].pkru;
        w.cpu->pkrs = cases[i].pkrs;
        ck_assert_int_eq(try_translate(LIN, cases[i].access, cases[i].idx, &pa), cases[i].error);
    }
}
END_TEST

/* User code in a loop: WRPKRU takes effect at once, on pages that the TLB and translations know, and on no others. */
START_TEST(wrpkru_in_a_loop)
{
    enum { PAGES = TABLES + 0x3000 };
    struct cpu *c = w.cpu;
    w_long(3);
    for (unsigned i = 0; i < 512; i++)
        st64(w.ram + PAGES + 8 * i, (u64)i << 12 | P | W | U);
    st64(w.ram + TABLES + 0x2000, PAGES | P | W | U);
    st64(w.ram + PAGES + 8 * (DATA >> 12), DATA | P | W | U | KEY(2));
    st64(w.ram + PAGES + 8 * ((DATA >> 12) + 1), (DATA + PAGE_SIZE) | P | W | U | KEY(3));
    tlb_flush(c, true);
    c->cr4 |= CR4_PKE | CR4_OSXSAVE;
    c->pkru = 0x55555554;
    cpu_update_mode(c);
    /* again: mov eax, ebp; wrpkru; mov ebx, [rsi]; mov [rsi + 4], ebx; add ebx, [rdi]; mov eax, r8d; wrpkru; inc r9;
     * dec r10d; jnz again; mov eax, WD << 4; wrpkru; rdpkru; mov r11d, eax; mov ebx, [rsi]; mov [rsi], ebx; hlt */
    CODE_AT(CODE, 0x89, 0xe8, 0x0f, 0x01, 0xef, 0x8b, 0x1e, 0x89, 0x5e, 0x04, 0x03, 0x1f, 0x44, 0x89, 0xc0, 0x0f, 0x01,
            0xef, 0x49, 0xff, 0xc1, 0x41, 0xff, 0xca, 0x75, 0xe6, 0xb8, 0x20, 0, 0, 0, 0x0f, 0x01, 0xef, 0x0f, 0x01,
            0xee, 0x41, 0x89, 0xc3, 0x8b, 0x1e, 0x89, 0x1e, 0xf4);
    c->gpr[RCX] = c->gpr[RDX] = 0;
    c->gpr[RSI] = DATA;
    c->gpr[RDI] = DATA + PAGE_SIZE;
    c->gpr[RBP] = 0;                  /* all allowed ... */
    c->gpr[R8] = _i ? AD << 6 : 0x55; /* ... and then key 3, or 0 to 3, denied: 0 has the stack, which nobody touches */
    c->gpr[R9] = 0;
    c->gpr[R10] = 300;
    w_run(10000);
    ck_assert_int_eq(w_vector(), EXC_PF);
    ck_assert_uint_eq(c->cr2, DATA);
    ck_assert_uint_eq(w_frame(0), PF_P | PF_W | PF_U | PK);
    ck_assert_uint_eq(w_frame(1), CODE + 42);
    ck_assert_uint_eq(c->gpr[R9], 300);
    ck_assert_uint_eq(c->gpr[R11], WD << 4);
    /* A page that was just read and written is denied by the next instruction. */
    w_long(3);
    c->gpr[RBP] = AD << 6;
    c->gpr[R10] = 1;
    c->halted = false;
    c->gpr[SLOT_RIP] = CODE;
    st64(w.ram + TABLES + 0x2000, PAGES | P | W | U);
    tlb_flush(c, true);
    w_run(100);
    ck_assert_int_eq(w_vector(), EXC_PF);
    ck_assert_uint_eq(c->cr2, DATA + PAGE_SIZE);
    ck_assert_uint_eq(w_frame(0), PF_P | PF_U | PK);
    ck_assert_uint_eq(w_frame(1), CODE + 10);
}
END_TEST

START_TEST(pkru_instructions)
{
    static const struct {
        u8 code[3];
        u32 ecx, edx;
        bool on;
        int vector;
    } cases[] = {{{0x0f, 0x01, 0xef}, 0, 0, true, -1},     {{0x0f, 0x01, 0xef}, 1, 0, true, EXC_GP},
                 {{0x0f, 0x01, 0xef}, 0, 1, true, EXC_GP}, {{0x0f, 0x01, 0xef}, 0, 0, false, EXC_UD},
                 {{0x0f, 0x01, 0xee}, 0, 9, true, -1},     {{0x0f, 0x01, 0xee}, 1, 0, true, EXC_GP},
                 {{0x0f, 0x01, 0xee}, 0, 0, false, EXC_UD}};
    struct cpu *c = w.cpu;
    w_long(0);
    c->cr4 |= cases[_i].on ? CR4_PKE : 0;
    c->gpr[RAX] = 0x12345678;
    c->gpr[RCX] = cases[_i].ecx;
    c->gpr[RDX] = cases[_i].edx;
    c->pkru = 0x12345678;
    w_code(CODE, cases[_i].code, 3);
    w.ram[CODE + 3] = 0xf4;
    w_run(2);
    ck_assert_int_eq(w_vector(), cases[_i].vector);
    if (cases[_i].vector == -1) {
        ck_assert_uint_eq(c->pkru, 0x12345678);
        ck_assert_uint_eq(c->gpr[RAX], 0x12345678);
        ck_assert_uint_eq(c->gpr[RDX], 0);
    }
}
END_TEST

/* IA32_PKRS by WRMSR, on a page the TLB knows. */
START_TEST(pkrs_msr)
{
    struct cpu *c = w.cpu;
    w_long(0);
    c->cr4 |= CR4_PKS;
    st64(w.ram + TABLES + 0x2000 + 8, 0x200000 | P | W | PS | KEY(7));
    tlb_flush(c, true);
    /* mov ebx, [rsi]; wrmsr; rdmsr; mov ebx, [rsi] */
    CODE_AT(CODE, 0x8b, 0x1e, 0x0f, 0x30, 0x0f, 0x32, 0x8b, 0x1e, 0xf4);
    c->gpr[RSI] = 0x300000;
    c->gpr[RCX] = 0x6e1;
    c->gpr[RAX] = AD << 14;
    c->gpr[RDX] = 0;
    w_run(10);
    ck_assert_int_eq(w_vector(), EXC_PF);
    ck_assert_uint_eq(w_frame(0), PF_P | PK);
    ck_assert_uint_eq(w_frame(1), CODE + 6);
    ck_assert_uint_eq(c->gpr[RAX], AD << 14);
}
END_TEST

/* Another CPU writes the entry between the walk that read it and the bits that are set in it. */
static struct {
    enum paging form;
    unsigned looks;
} rival;
static void rival_writes(u64 pa)
{
    if (pa == table_at(0) && ++rival.looks == 2) /* the walk's look was the first */
        put(rival.form, 0, (PHYS + 0x1000) | P | W);
}

START_TEST(entry_written_meanwhile)
{
    u64 pa;
    rival.form = (enum paging)_i;
    build(rival.form, 0, P | W, P | W | A);
    w.on_page = rival_writes;
    ck_assert_int_eq(try_translate(LIN, ACCESS_WRITE, MMU_KERNEL, &pa), NO_FAULT);
    ck_assert_uint_eq(pa, PHYS + 0x1000);
    ck_assert_uint_eq(get(rival.form, 0), (PHYS + 0x1000) | P | W | A | D);
}
END_TEST

/* ---- what others ask (request.c) ---- */

static struct {
    pthread_t thread;
    int running, stop;
} other;
static void *run_other(void *arg)
{
    (void)arg;
    __atomic_store_n(&other.running, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&other.stop, __ATOMIC_SEQ_CST))
        cpu_run(w.cpu, 20000); /* emitted code looks up at the end of a slice */
    return NULL;
}
static void ask(struct cpu_request r)
{
    cpu_ask(w.cpu, &r);
    for (unsigned i = 0; i < 20000 && !cpu_has_answered(w.cpu); i++)
        usleep(500);
    ck_assert(cpu_has_answered(w.cpu));
}

/* A thread that runs the CPU does what another asks, and says when it has; nobody else touches its caches. */
START_TEST(asked_while_it_runs)
{
    struct cpu *c = w.cpu;
    w_long(0);
    CODE_AT(CODE, 0xb8, 1, 0, 0, 0, 0xeb, 0xf9); /* mov eax, 1; jmp back */
    ck_assert_int_eq(pthread_create(&other.thread, NULL, run_other, NULL), 0);
    while (!__atomic_load_n(&other.running, __ATOMIC_SEQ_CST))
        usleep(100);
    usleep(20000);
    for (u8 value = 2; value < 60; value++) {
        w.ram[CODE + 1] = value;
        ask((struct cpu_request){.kind = CPU_CODE_WRITTEN, .pa = CODE + 1, .len = 1});
    }
    ask((struct cpu_request){.kind = CPU_FLUSH});
    usleep(1000);
    __atomic_store_n(&other.stop, 1, __ATOMIC_SEQ_CST);
    pthread_join(other.thread, NULL);
    ck_assert_uint_eq(c->gpr[RAX], 59);
}
END_TEST

/* One that another thread has does it before its next instruction; what there is no room for makes it forget more, not
 * less.
 */
START_TEST(asked_before_it_runs)
{
    struct cpu *c = w.cpu;
    w_long(0);
    CODE_AT(CODE, 0xb8, 1, 0, 0, 0, 0xf4); /* mov eax, 1; hlt */
    w_run(10);
    ck_assert_uint_eq(c->gpr[RAX], 1);
    w.ram[CODE + 1] = 2;
    c->owner = 1; /* no thread's */
    for (unsigned i = 0; i < 200; i++)
        cpu_ask(c, &(struct cpu_request){.kind = CPU_CODE_WRITTEN, .pa = RAM_SIZE - 4096 + 8 * i, .len = 1});
    cpu_ask(c, &(struct cpu_request){.kind = CPU_CODE_WRITTEN, .pa = CODE, .len = 64});
    cpu_ask(c, &(struct cpu_request){.kind = CPU_A20, .pa = ~0ull & ~BIT64(20)});
    ck_assert(!cpu_has_answered(c) && c->a20_mask == ~0ull);
    c->owner = 0;
    c->gpr[SLOT_RIP] = CODE;
    c->halted = false;
    w_run(10);
    ck_assert(cpu_has_answered(c));
    ck_assert_uint_eq(c->gpr[RAX], 2);
    ck_assert_uint_eq(c->a20_mask, ~BIT64(20));
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, start, NULL);
    tcase_add_loop_test(t, page_sizes, 0, 7);
    tcase_add_test(t, pse36);
    tcase_add_test(t, no_pse);
    tcase_add_loop_test(t, rights, 0, 7);
    tcase_add_loop_test(t, reserved_bits, 0, 20);
    tcase_add_test(t, no_1g_pages);
    tcase_add_loop_test(t, not_present, 0, 4);
    tcase_add_loop_test(t, accessed_and_dirty, 0, 3);
    tcase_add_test(t, dirty_after_read_hit);
    tcase_add_test(t, global_pages);
    tcase_add_loop_test(t, invlpg_large, 0, 3);
    tcase_add_test(t, protect_host_page);
    tcase_add_loop_test(t, entry_written_meanwhile, 0, 3);
    const char *accel = getenv("ORRERY_ACCEL");
    if (!accel ||
        strcmp(accel, "lockstep") != 0) /* whose two engines would read what the other thread writes at two times */
        tcase_add_test(t, asked_while_it_runs);
    tcase_add_test(t, asked_before_it_runs);
    tcase_add_test(t, page_crossing);
    tcase_add_test(t, mmio);
    tcase_add_test(t, alignment_check);
    tcase_add_test(t, pdptes);
    tcase_add_test(t, enter_long_mode);
    tcase_add_test(t, protection_keys);
    tcase_add_loop_test(t, wrpkru_in_a_loop, 0, 2);
    tcase_add_loop_test(t, pkru_instructions, 0, 7);
    tcase_add_test(t, pkrs_msr);
}

int main(void) { return w_main("mmu", add); }
