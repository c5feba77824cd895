/*
 * info mem and info tlb: the guest's page tables, walked without touching
 * accessed bits. One walker for 32-bit, PAE and 4-level tables; layout is
 * QEMU's.
 */
#include "frontend/hmp.h"

enum {
    PTE_P = BIT(0),
    PTE_W = BIT(1),
    PTE_U = BIT(2),
    PTE_PWT = BIT(3),
    PTE_PCD = BIT(4),
    PTE_A = BIT(5),
    PTE_D = BIT(6),
    PTE_PS = BIT(7),
    PTE_G = BIT(8)
};
#define PTE_NX      BIT64(63)
#define PTE_ADDRESS 0x000ffffffffff000ull

/* The shape of the tables in use. */
struct shape {
    unsigned levels; /* 2, 3 (PAE) or 4 */
    unsigned entry;  /* bytes */
    unsigned digits; /* of an address, as printed */
    bool canonical;  /* bit 47 is copied upwards */
    bool pse;        /* level 2 entries of two-level tables may be large */
};

/* Told of every present leaf, in order of address. rights: PTE_W, PTE_U as all levels allow. */
struct walk {
    struct hmp *h;
    struct shape shape;
    void (*leaf)(struct walk *w, u64 lin, u64 size, u64 pte, u64 rights);
    /* info mem: the run being collected */
    u64 start, end, rights;
    bool open;
    u64 budget; /* lines still to print: a hostile table could make millions */
};

static unsigned index_bits(const struct shape *s) { return s->entry == 4 ? 10 : 9; }

static bool is_large(const struct shape *s, unsigned level, u64 pte)
{
    if (!(pte & PTE_PS))
        return false;
    return level == 2 ? s->entry == 8 || s->pse : level == 3 && s->levels == 4;
}

static u64 leaf_address(const struct shape *s, unsigned level, u64 pte)
{
    if (level == 1)
        return s->entry == 4 ? pte & 0xfffff000u : pte & PTE_ADDRESS;
    if (s->entry == 4) /* PSE-36: bits 20..13 are address bits 39..32 */
        return (pte & 0xffc00000u) | (pte >> 13 & 0xff) << 32;
    return pte & PTE_ADDRESS & ~(BIT64(12 + 9 * (level - 1)) - 1);
}

static void walk_table(struct walk *w, u64 table, unsigned level, u64 lin, u64 rights)
{
    const struct shape *s = &w->shape;
    unsigned bits = index_bits(s), shift = 12 + bits * (level - 1);
    unsigned count = s->levels == 3 && level == 3 ? 4 : 1u << bits;
    for (unsigned i = 0; i < count && w->budget; i++) {
        u64 pte = space_read(&w->h->m->sys.mem, table + (u64)i * s->entry, s->entry);
        u64 at = lin | (u64)i << shift;
        if (!(pte & PTE_P))
            continue;
        if (s->canonical && level == 4 && i >= 256)
            at |= 0xffff000000000000ull;
        /* PAE's top entries carry no rights. */
        u64 r = s->levels == 3 && level == 3 ? rights : rights & (pte | ~(u64)(PTE_W | PTE_U));
        if (level == 1 || is_large(s, level, pte))
            w->leaf(w, at, BIT64(shift), pte, r);
        else
            walk_table(w, s->entry == 4 ? pte & 0xfffff000u : pte & PTE_ADDRESS, level - 1, at, r);
    }
}

static bool walk_start(struct walk *w)
{
    enum { MAX_LINES = 200000 };
    const struct cpu *cpu = hmp_cpu_of(w->h);
    if (!(cpu->cr0 & CR0_PG)) {
        fprintf(w->h->out, "PG disabled\n");
        return false;
    }
    bool pae = cpu->cr4 & CR4_PAE, lma = cpu->efer & EFER_LMA;
    w->shape = (struct shape){.levels = lma   ? 4
                                        : pae ? 3
                                              : 2,
                              .entry = pae ? 8 : 4,
                              .digits = 16,
                              .canonical = lma,
                              .pse = cpu->cr4 & CR4_PSE};
    w->budget = MAX_LINES;
    u64 root = lma ? cpu->cr3 & PTE_ADDRESS : pae ? cpu->cr3 & 0xffffffe0u : cpu->cr3 & 0xfffff000u;
    walk_table(w, root, w->shape.levels, 0, PTE_W | PTE_U);
    return true;
}

static void print_tlb(struct walk *w, u64 lin, u64 size, u64 pte, u64 rights)
{
    (void)rights;
    unsigned level = size == 4096 ? 1 : size >= BIT64(30) ? 3 : 2;
    w->budget--;
    fprintf(w->h->out, "%016llx: %016llx %c%c%c%c%c%c%c%c%c\n", (unsigned long long)lin,
            (unsigned long long)leaf_address(&w->shape, level, pte), pte & PTE_NX ? 'X' : '-', pte & PTE_G ? 'G' : '-',
            level > 1 ? 'P' : '-', pte & PTE_D ? 'D' : '-', pte & PTE_A ? 'A' : '-', pte & PTE_PCD ? 'C' : '-',
            pte & PTE_PWT ? 'T' : '-', pte & PTE_U ? 'U' : '-', pte & PTE_W ? 'W' : '-');
}

void info_tlb(struct hmp *h)
{
    struct walk w = {.h = h, .leaf = print_tlb};
    walk_start(&w);
}

static void close_run(struct walk *w)
{
    if (!w->open)
        return;
    w->open = false;
    w->budget--;
    fprintf(w->h->out, "%016llx-%016llx %016llx %cr%c\n", (unsigned long long)w->start, (unsigned long long)w->end,
            (unsigned long long)(w->end - w->start), w->rights & PTE_U ? 'u' : '-', w->rights & PTE_W ? 'w' : '-');
}

static void collect_run(struct walk *w, u64 lin, u64 size, u64 pte, u64 rights)
{
    (void)pte;
    rights &= PTE_W | PTE_U;
    if (w->open && (w->end != lin || w->rights != rights))
        close_run(w);
    if (!w->open) {
        w->open = true;
        w->start = lin;
        w->rights = rights;
    }
    w->end = lin + size;
}

void info_mem(struct hmp *h)
{
    struct walk w = {.h = h, .leaf = collect_run};
    if (walk_start(&w))
        close_run(&w);
}
