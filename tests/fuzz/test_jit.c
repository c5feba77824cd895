/*
 * A hostile program under the translator: random bytes as user code, random
 * page tables that it may also reach and change, registers that point at
 * borders. Odd rounds run translator and interpreter in lockstep. Guest RAM
 * lies between pages that nobody may touch, so an address that gets past a
 * check ends the process; the address sanitizer watches the C side.
 *   test_fuzz_jit [ROUNDS [SEED]]
 */
#include <sys/mman.h>

#include "jit/jit.h"
#include "tests/fuzz/hostile.h"
#include "tests/unit/cpu_world.h"

enum { DEFAULT_ROUNDS = 60, STARTS = 2000, CODE_PAGES = 4, CODE_MEMORY = 1 << 20, PAGES = 512 };
enum { PT = TABLES + 0x3000 };
#define GUARD_SIZE ((size_t)5 << 30) /* an address that wrapped at 32 bits ends here, too */

/* Every other set of tables and code: most accesses succeed, so that more than the first few instructions run. */
static bool friendly;

/* Host memory for RAM with forbidden space on both sides. */
static u8 *guarded_ram(void)
{
    u8 *all = mmap(NULL, RAM_SIZE + 2 * GUARD_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED || mprotect(all + GUARD_SIZE, RAM_SIZE, PROT_READ | PROT_WRITE) != 0)
        exit(77);
    return all + GUARD_SIZE;
}

/*
 * A page's entry: mostly present, for users and writable; any page of RAM, the tables' own among them if wanted, or
 * beyond it.
 */
static u64 random_pte(bool tables)
{
    u64 flags = below(8) ? 1 : 0, page = below(16) ? below(RAM_SIZE / PAGE_SIZE) : below(1 << 20);
    if (friendly)
        page = CODE / PAGE_SIZE + below((RAM_SIZE - CODE) / PAGE_SIZE);
    if (!tables && page >= TABLES / PAGE_SIZE && page < TABLES / PAGE_SIZE + 4)
        page = DATA / PAGE_SIZE;
    if (friendly)
        return page << 12 | 7 | (rnd() & 0x160);
    flags |= below(6) ? 2 : 0;
    flags |= below(8) ? 4 : 0;
    flags |= rnd() & 0x160;
    flags |= below(16) ? 0 : BIT64(63);
    flags |= below(64) ? 0 : BIT64(52 - below(4)); /* reserved: beyond what addresses have */
    return page << 12 | flags;
}

static u64 large_page(bool tables)
{
    u64 e = (random_pte(tables) & ~(u64)0x1ff000) | BIT64(7);
    return tables || (e & 0xfffffffe00000) ? e : e | 0x200000;
}

static void random_tables(bool tables)
{
    for (unsigned i = 0; i < PAGES; i++)
        st64(w.ram + PT + 8 * i, random_pte(tables));
    for (unsigned i = 0; i < CODE / PAGE_SIZE; i++) /* what delivers exceptions is there, for the kernel alone */
        st64(w.ram + PT + 8 * i, (u64)i << 12 | 3);
    for (unsigned i = 0; i < CODE_PAGES; i++)
        st64(w.ram + PT + 8 * (CODE / PAGE_SIZE + i), (CODE + i * PAGE_SIZE) | (below(3) ? 7 : 5));
    st64(w.ram + TABLES, (TABLES + 0x1000) | 7);
    st64(w.ram + TABLES + 8 * 255, (TABLES + 0x1000) | 7);
    st64(w.ram + TABLES + 8 * 511, (TABLES + 0x1000) | 7);
    st64(w.ram + TABLES + 0x1000, (TABLES + 0x2000) | 7);
    st64(w.ram + TABLES + 0x1000 + 8 * 3, (TABLES + 0x2000) | 7); /* up to 4 GiB, and to the end of each half */
    st64(w.ram + TABLES + 0x1000 + 8 * 511, (TABLES + 0x2000) | 7);
    st64(w.ram + TABLES + 0x2000, PT | 7);
    for (unsigned i = 1; i < 511; i++)
        st64(w.ram + TABLES + 0x2000 + 8 * i, below(4) ? 0 : large_page(tables));
    st64(w.ram + TABLES + 0x2000 + 8 * 511, PT | 7);
}

/* A jump, call or return: near, as far as a displacement reaches, or by a register. */
static unsigned random_branch(u8 *p)
{
    unsigned n = 0;
    switch (below(4)) {
    case 0:
        p[n++] = 0xc3;
        return n;
    case 1:
        p[n++] = 0xff;
        p[n++] = (u8)((below(2) ? 0xd0 : 0xe0) | below(8)); /* CALL, JMP */
        return n;
    case 2:
        p[n++] = 0x0f;
        p[n++] = (u8)(0x80 | below(16));
        break;
    default:
        p[n++] = below(2) ? 0xe8 : 0xe9;
    }
    st32(p + n, below(8) ? (u32)below(0x2000) - 0x1000 : 0x80000000u + (u32)below(0x4000) - 0x2000);
    return n + 4;
}

/* VGATHERDPS, VPGATHERQQ: VSIB, masks in XMM2. */
static unsigned random_gather(u8 *p)
{
    const u8 insn[] = {0xc4,     0xe2, (u8)(below(2) ? 0x69 : 0xe9), (u8)(0x90 | below(4)), (u8)(0x44 | below(2) << 7),
                       (u8)rnd()};
    memcpy(p, insn, sizeof(insn));
    st32(p + 6, (u32)below(0x100));
    return insn[4] & 0x80 ? 10 : 7;
}

/* One instruction that means something, and what its ModRM reads: registers, or memory near where they point. */
static unsigned random_insn(u8 *p)
{
    static const u8 with_modrm[] = {0x00, 0x01, 0x03, 0x11, 0x13, 0x19, 0x1b, 0x21, 0x23, 0x29, 0x2b, 0x31,
                                    0x33, 0x39, 0x3b, 0x63, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b,
                                    0x8d, 0xd1, 0xd3, 0xd8, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xf7, 0xff};
    static const u8 two_byte[] = {0x10, 0x11, 0x28, 0x29, 0x40, 0x44, 0x4f, 0x54, 0x57, 0x58,
                                  0x59, 0x6f, 0x7f, 0x90, 0x94, 0xa3, 0xab, 0xaf, 0xb0, 0xb1,
                                  0xb6, 0xbe, 0xc0, 0xc1, 0xc7, 0xd6, 0xe7, 0xef, 0xfe};
    static const u8 plain[] = {0x50, 0x53, 0x58, 0x5a, 0x98, 0x99, 0x9c, 0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xae, 0xc9};
    static const u8 prefixes[] = {0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3};
    unsigned n = 0;
    if (below(6) == 0)
        p[n++] = prefixes[below(ARRAY_LEN(prefixes))];
    if (below(2))
        p[n++] = (u8)(0x40 | below(16)); /* REX; INC and DEC in 32 bits */
    switch (below(8)) {
    case 0:
        p[n++] = plain[below(ARRAY_LEN(plain))];
        return n;
    case 1:
        p[n++] = (u8)(0x70 | below(16));
        p[n++] = (u8)(below(8) ? below(32) : rnd());
        return n;
    case 2:
    case 3:
        p[n++] = 0x0f;
        p[n++] = two_byte[below(ARRAY_LEN(two_byte))];
        break;
    default:
        p[n++] = with_modrm[below(ARRAY_LEN(with_modrm))];
    }
    unsigned mod = (unsigned)below(4), rm = (unsigned)below(8);
    p[n++] = (u8)(mod << 6 | below(8) << 3 | rm);
    if (mod != 3 && rm == 4)
        p[n++] = (u8)rnd();
    if (mod == 1)
        p[n++] = (u8)rnd();
    if (mod == 2 || (mod == 0 && rm == 5)) {
        st32(p + n, below(8) ? (u32)below(0x2000) - 0x1000 : 0x80000000u + (u32)below(64) - 32);
        n += 4;
    }
    return n;
}

static void random_code(u8 *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (u8)rnd();
    for (unsigned i = 0; i + 16 < n;)
        switch (below(64)) {
        case 0:
            i++;
            break;
        case 1:
        case 2:
            i += random_branch(p + i);
            break;
        case 3:
            i += random_gather(p + i);
            break;
        default:
            i += random_insn(p + i);
        }
}

static u64 random_address(void)
{
    static const u64 borders[] = {0x7ffffffff000, 0x800000000000, 0xffff800000000000, 0,           0x100000000,
                                  0x200000,       NO_TAG(0),      NO_TAG(2),          DEAD_TAG(0), DEAD_TAG(2)};
    u64 near = below(64) - 32;
    switch (friendly && below(8) ? 6 : below(7)) {
    case 0:
        return borders[below(ARRAY_LEN(borders))] + near;
    case 1:
        return value();
    case 2:
        return CODE + below(CODE_PAGES * PAGE_SIZE);
    case 3: /* such that the largest displacements lead somewhere, or 4 GiB away from there */
        return (below(PAGES) << 12) + (below(2) ? below(PAGE_SIZE) : near) + (below(2) ? BIT64(31) : -BIT64(31));
    default:
        return (below(PAGES) << 12) + (below(3) ? below(PAGE_SIZE) : near);
    }
}

/* Somewhere in the code, as one of the places shows it where random_tables() has it. */
static u64 random_start(bool wide)
{
    static const u64 places[] = {0, 0, 0, 0xc0000000, 0x7fffffe00000, 0x7fffc0000000, 0xffffffffffe00000};
    return CODE + below(CODE_PAGES * PAGE_SIZE) + places[below(wide ? ARRAY_LEN(places) : 4)];
}

/* Somewhere in the code, in user mode: 64 bits or 32. */
static void start_user(void)
{
    struct cpu *c = w.cpu;
    bool wide = below(3) != 0;
    c->halted = false;
    c->cpl = 3;
    c->seg[CS] = wide ? w_seg(SEL_CODE64_3, D_CODE64 | D_DPL3) : w_seg(SEL_CODE3, D_CODE32 | D_DPL3);
    for (unsigned s = ES; s < SEG_COUNT; s++)
        if (s != CS)
            c->seg[s] = w_seg(SEL_DATA3, D_DATA | D_DPL3);
    if (wide)
        c->seg[FS].base = random_address();
    for (unsigned r = 0; r < 16; r++)
        c->gpr[r] = wide ? random_address() : (u32)random_address();
    c->gpr[RCX] = below(2) ? below(100) : c->gpr[RCX];
    c->gpr[SLOT_RIP] = random_start(wide);
    c->eflags = FL_1 | (below(16) ? 0 : (u32)FL_TF) | (below(16) ? 0 : (u32)FL_AC) | (below(8) ? 0 : (u32)FL_DF);
    flags_from_image(c, (u32)rnd() & FL_ARITH);
    cpu_update_mode(c);
}

static void differs(void *owner)
{
    fprintf(stderr, "round %u: the translator does not do what the interpreter does\n", *(unsigned *)owner);
    exit(EXIT_FAILURE);
}

static void one_round(u8 *ram, unsigned round)
{
    w_start("max");
    jit_detach(w.cpu);
    munmap(w.ram, RAM_SIZE);
    w.ram = ram;
    memset(ram, 0, RAM_SIZE);
    bool ok = round & 1 ? lockstep_attach(w.cpu, CODE_MEMORY, differs, &round) : jit_attach(w.cpu, CODE_MEMORY, 0);
    if (!ok)
        exit(77);
    w_long(3);
    w.cpu->cr0 |= CR0_WP | CR0_AM | CR0_NE | CR0_MP;
    w.cpu->cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_PGE | (below(2) ? (u32)CR4_SMEP : 0);
    w.cpu->xcr0 = 7;
    w.trace.mask = 0;
    for (unsigned i = 0; i < STARTS && !w.shutdowns; i++) {
        if (i % 100 == 0) {
            friendly = below(2);
            random_tables(below(2));
            tlb_flush(w.cpu, true);
            random_code(w.ram + CODE, CODE_PAGES * PAGE_SIZE);
            w.cpu->engine->code_written(w.cpu, CODE, CODE_PAGES * PAGE_SIZE);
        }
        start_user();
        cpu_run(w.cpu, 2000);
    }
    w.ram = NULL;
    w_stop();
}

static struct {
    unsigned rounds;
    u64 seed;
} wanted = {DEFAULT_ROUNDS, 1};

START_TEST(hostile_programs)
{
    u8 *ram = guarded_ram();
    for (unsigned i = 0; i < wanted.rounds; i++) {
        rnd_seed(wanted.seed + i);
        one_round(ram, i);
    }
}
END_TEST

static void add(TCase *t) { tcase_add_test(t, hostile_programs); }

int main(int argc, char **argv)
{
    if (argc > 1)
        wanted.rounds = (unsigned)strtoul(argv[1], NULL, 0);
    if (argc > 2)
        wanted.seed = strtoull(argv[2], NULL, 0);
    setenv("CK_FORK", "no", 1); /* what dies, dies here, where a debugger and the sanitizers see it */
    return w_main("fuzz jit", add);
}
