/*
 * info mem and info tlb: the guest's page tables, walked without touching
 * accessed bits. One walker for 32-bit, PAE and 4-level tables, bounded by how
 * many entries it looks at and how many lines it prints: tables that point at
 * themselves map everything.
 * Layout is QEMU's.
 */
#include "cpu/system/paging.h"
#include "frontend/hmp.h"

/* The shape of the tables in use. */
struct shape {
    unsigned levels; /* 2, 3 (PAE) or 4 */
    unsigned entry;  /* bytes */
    bool canonical;  /* bit 47 is copied upwards */
    bool pse;        /* level 2 entries of two-level tables may be large */
};

enum { MAX_LEVELS = 4, MAX_ENTRIES = 1 << 24, MAX_LINES = 1 << 20 };

/* A table on the way down. */
struct table {
    u8 entry[PAGE_SIZE]; /* as it was when the walk got here */
    unsigned next, count;
    u64 lin, rights; /* of what it maps; PTE_W, PTE_U as all levels allow */
};
/* The job: told of every present leaf, in order of address. */
struct walk {
    void (*leaf)(struct hmp *h, u64 lin, u64 size, u64 pte, u64 rights);
    struct shape shape;
    struct table table[MAX_LEVELS + 1]; /* by level; 1 is the last */
    unsigned level, entries, lines;     /* entries and lines: how many more there may be */
    /* info mem: the run being collected */
    u64 start, end, rights;
    bool open;
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
        return s->entry == 4 ? pte & 0xfffff000u : pte & PTE_ADDR;
    if (s->entry == 4) /* PSE-36: bits 20..13 are address bits 39..32 */
        return (pte & 0xffc00000u) | (pte >> 13 & 0xff) << 32;
    return pte & PTE_ADDR & ~(BIT64(12 + 9 * (level - 1)) - 1);
}

/* What is no RAM is no table either: registers of a chip are not to be read. */
static void enter_table(struct hmp *h, u64 addr, unsigned level, u64 lin, u64 rights)
{
    struct walk *w = h->job;
    struct table *t = &w->table[level];
    const struct flat_range *r = space_find(&h->m->sys.mem, addr);
    t->count = w->shape.levels == 3 && level == 3 ? 4 : 1u << index_bits(&w->shape);
    size_t n = (size_t)t->count * w->shape.entry;
    if (r && r->region->host && r->start + r->size - addr >= n)
        space_read_bytes(&h->m->sys.mem, addr, t->entry, n);
    else
        t->count = 0;
    t->next = 0;
    t->lin = lin;
    t->rights = rights;
    w->level = level;
}

/* One present entry: a leaf, or the way down. */
static void look_at(struct hmp *h, const struct table *t, unsigned i, u64 pte)
{
    struct walk *w = h->job;
    const struct shape *s = &w->shape;
    unsigned level = w->level, shift = 12 + index_bits(s) * (level - 1);
    u64 at = t->lin | (u64)i << shift;
    if (s->canonical && level == 4 && i >= 256)
        at |= 0xffff000000000000ull;
    /* PAE's top entries carry no rights. */
    u64 r = s->levels == 3 && level == 3 ? t->rights : t->rights & (pte | ~(u64)(PTE_W | PTE_U));
    if (level == 1 || is_large(s, level, pte))
        w->leaf(h, at, BIT64(shift), pte, r);
    else
        enter_table(h, s->entry == 4 ? pte & 0xfffff000u : pte & PTE_ADDR, level - 1, at, r);
}

static void close_run(struct hmp *h);

/* The rest of a table, or up to an entry that leads to another. */
static void walk_on(struct hmp *h)
{
    struct walk *w = h->job;
    unsigned level = w->level, size = w->shape.entry;
    struct table *t = &w->table[level];
    while (w->level == level && t->next < t->count && w->entries && w->lines) {
        unsigned i = t->next++;
        u64 pte = ld_le(t->entry + (size_t)i * size, size);
        w->entries--;
        if (pte & PTE_P)
            look_at(h, t, i, pte);
    }
    bool over = w->level == level && t->next == t->count && level == w->shape.levels;
    if (over || !w->entries || !w->lines) {
        bool printed_enough = !w->lines;
        if (!printed_enough)
            close_run(h);
        h->next = NULL;
        if (!over)
            fprintf(h->out, "The page tables go on; stopped after %d %s\n", printed_enough ? MAX_LINES : MAX_ENTRIES,
                    printed_enough ? "lines" : "entries");
    } else if (w->level == level && t->next == t->count) {
        w->level++;
    }
}

static void walk_start(struct hmp *h, void (*leaf)(struct hmp *h, u64 lin, u64 size, u64 pte, u64 rights))
{
    const struct cpu *cpu = hmp_cpu_of(h);
    if (!(cpu->cr0 & CR0_PG)) {
        fprintf(h->out, "PG disabled\n");
        return;
    }
    bool pae = cpu->cr4 & CR4_PAE, lma = cpu->efer & EFER_LMA;
    struct walk *w = hmp_job(h, sizeof(*w), walk_on, NULL);
    if (!w)
        return;
    w->leaf = leaf;
    w->entries = MAX_ENTRIES;
    w->lines = MAX_LINES;
    w->shape = (struct shape){.levels = lma   ? 4
                                        : pae ? 3
                                              : 2,
                              .entry = pae ? 8 : 4,
                              .canonical = lma,
                              .pse = cpu->cr4 & CR4_PSE};
    u64 root = lma ? cpu->cr3 & PTE_ADDR : pae ? cpu->cr3 & 0xffffffe0u : cpu->cr3 & 0xfffff000u;
    enter_table(h, root, w->shape.levels, 0, PTE_W | PTE_U);
}

static void print_tlb(struct hmp *h, u64 lin, u64 size, u64 pte, u64 rights)
{
    struct walk *w = h->job;
    (void)rights;
    w->lines--;
    unsigned level = size == 4096 ? 1 : size >= BIT64(30) ? 3 : 2;
    fprintf(h->out, "%016llx: %016llx %c%c%c%c%c%c%c%c%c\n", (unsigned long long)lin,
            (unsigned long long)leaf_address(&w->shape, level, pte), pte & PTE_NX ? 'X' : '-', pte & PTE_G ? 'G' : '-',
            level > 1 ? 'P' : '-', pte & PTE_D ? 'D' : '-', pte & PTE_A ? 'A' : '-', pte & PTE_PCD ? 'C' : '-',
            pte & PTE_PWT ? 'T' : '-', pte & PTE_U ? 'U' : '-', pte & PTE_W ? 'W' : '-');
}

void info_tlb(struct hmp *h) { walk_start(h, print_tlb); }

static void close_run(struct hmp *h)
{
    struct walk *w = h->job;
    if (!w->open)
        return;
    w->open = false;
    w->lines--;
    fprintf(h->out, "%016llx-%016llx %016llx %cr%c\n", (unsigned long long)w->start, (unsigned long long)w->end,
            (unsigned long long)(w->end - w->start), w->rights & PTE_U ? 'u' : '-', w->rights & PTE_W ? 'w' : '-');
}

static void collect_run(struct hmp *h, u64 lin, u64 size, u64 pte, u64 rights)
{
    struct walk *w = h->job;
    (void)pte;
    rights &= PTE_W | PTE_U;
    if (w->open && (w->end != lin || w->rights != rights))
        close_run(h);
    if (!w->open) {
        w->open = true;
        w->start = lin;
        w->rights = rights;
    }
    w->end = lin + size;
}

void info_mem(struct hmp *h) { walk_start(h, collect_run); }
