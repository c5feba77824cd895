/*
 * The translation look-aside buffer: filling, flushing, lists of what is
 * filled. Entries of global pages are listed apart, so that a CR3 load touches
 * only what it must drop. An entry in the write table means: the page is RAM
 * without code, mapped writable with its D bit set, and nobody watches it.
 * The TLB is not tagged with PCIDs: a CR3 load drops all that is not global.
 */
#include "cpu/system/tlb.h"

#include <stdlib.h>

enum { LIST_LOCAL, LIST_GLOBAL, LIST_COUNT };
#define SLOTS (MMU_COUNT * TLB_ENTRIES)

struct tlb_lists {
    u16 slot[LIST_COUNT][SLOTS]; /* idx * TLB_ENTRIES + slot */
    unsigned count[LIST_COUNT];
    u8 listed[SLOTS];     /* BIT(list) */
    u8 exec_flags[SLOTS]; /* TLB_PHYS_GLOBAL, TLB_PHYS_LARGE of exec entries */
    /* Which 2 MiB and 1 GiB regions may have entries that are part of a large page. */
    u64 large[4096], huge[64];
    u32 keys; /* protection keys that entries may depend on */
};

static_assert(SLOTS <= 65536, "slots are listed as u16");

static unsigned slot_of(u64 lin) { return (lin >> 12) & (TLB_ENTRIES - 1); }

/* Sets of regions: one by its number in each slot, 1 added, or MANY that share the slot; 0: none. */
#define MANY ~0ull
static void region_add(u64 *slot, u64 region)
{
    if (*slot != region + 1)
        *slot = *slot ? MANY : region + 1;
}
static bool region_has(u64 slot, u64 region) { return slot == region + 1 || slot == MANY; }
static u64 *large_slot(struct tlb_lists *l, u64 region) { return &l->large[region & (ARRAY_LEN(l->large) - 1)]; }
static u64 *huge_slot(struct tlb_lists *l, u64 region) { return &l->huge[region & (ARRAY_LEN(l->huge) - 1)]; }

static void clear_data(struct tlb *t, unsigned slot)
{
    t->phys[slot].tag = TLB_EMPTY;
    t->read[slot].tag = TLB_EMPTY;
    t->write[slot].tag = TLB_EMPTY;
}

bool tlb_create(struct cpu *cpu)
{
    cpu->tlb = (struct tlb *)(cpu + 1);
    cpu->tlb_lists = calloc(1, sizeof(*cpu->tlb_lists));
    if (!cpu->tlb_lists)
        return false;
    for (unsigned idx = 0; idx < MMU_COUNT; idx++) {
        for (unsigned slot = 0; slot < TLB_ENTRIES; slot++) {
            clear_data(&cpu->tlb[idx], slot);
            cpu->tlb[idx].exec[slot].tag = TLB_EMPTY;
        }
    }
    return true;
}

void tlb_destroy(struct cpu *cpu)
{
    free(cpu->tlb_lists);
    cpu->tlb = NULL;
    cpu->tlb_lists = NULL;
}

static void list_slot(struct cpu *cpu, unsigned idx, u64 lin, const struct translation *t)
{
    struct tlb_lists *l = cpu->tlb_lists;
    unsigned list = t->global ? LIST_GLOBAL : LIST_LOCAL;
    unsigned slot = idx * TLB_ENTRIES + slot_of(lin);
    if (!(l->listed[slot] & BIT(list))) {
        l->listed[slot] |= (u8)BIT(list);
        l->slot[list][l->count[list]++] = (u16)slot;
    }
    if (t->large)
        region_add(large_slot(l, lin >> 21), lin >> 21);
    if (t->huge)
        region_add(huge_slot(l, lin >> 30), lin >> 30);
}

static void flush_engine(struct cpu *cpu, enum flush_kind kind, u64 lin)
{
    if (cpu->engine && cpu->engine->flush)
        cpu->engine->flush(cpu, kind, lin);
}

/* Whether engines must forget what they remember of the page in that slot, now that another translation comes. */
static bool replaces(const struct cpu *cpu, const struct tlb_phys *old, const struct tlb_phys *now)
{
    const u64 rights = TLB_PHYS_READ | TLB_PHYS_WRITE;
    if (old->tag == TLB_EMPTY)
        return false;
    if (old->tag != now->tag)
        return cpu->tlb_strict;
    return ((old->phys ^ now->phys) & PAGE_MASK) || (old->phys & ~now->phys & rights);
}

void tlb_fill_data(struct cpu *cpu, unsigned idx, u64 lin, const struct translation *t)
{
    struct tlb *tlb = &cpu->tlb[idx];
    unsigned slot = slot_of(lin);
    struct tlb_phys now = {.tag = lin & PAGE_MASK,
                           .phys = (t->phys & PAGE_MASK) | (t->read ? TLB_PHYS_READ : 0u) |
                                   (t->write ? TLB_PHYS_WRITE : 0u) | (t->global ? TLB_PHYS_GLOBAL : 0u) |
                                   (t->large ? TLB_PHYS_LARGE : 0u)};
    if (unlikely(t->keyed)) {
        now.phys |= TLB_PHYS_KEYED | (u64)t->key << TLB_PHYS_KEY_SHIFT;
        cpu->tlb_lists->keys |= BIT(t->key);
    }
    if (replaces(cpu, &tlb->phys[slot], &now))
        flush_engine(cpu, FLUSH_DATA, lin);
    cpu->tlb_fills++;
    cpu->tlb_filled = now.tag;
    clear_data(tlb, slot);
    tlb->phys[slot] = now;
    list_slot(cpu, idx, lin, t);
}

void tlb_fill_host(struct cpu *cpu, unsigned idx, u64 lin, const struct cpu_page *page)
{
    struct tlb *tlb = &cpu->tlb[idx];
    unsigned slot = slot_of(lin);
    u64 tag = lin & PAGE_MASK;
    if (tag >> 32 && !cpu->tlb_wide[idx])
        return;
    if (idx == MMU_USER_AC || tlb->phys[slot].tag != tag || debug_page_watched(cpu, tag))
        return;
    if (page->read && (tlb->phys[slot].phys & TLB_PHYS_READ))
        tlb->read[slot] = (struct tlb_entry){tag, (u64)(uintptr_t)page->read - tag};
    if (page->write && (tlb->phys[slot].phys & TLB_PHYS_WRITE))
        tlb->write[slot] = (struct tlb_entry){tag, (u64)(uintptr_t)page->write - tag};
}

void tlb_fill_exec(struct cpu *cpu, unsigned idx, u64 lin, const struct translation *t)
{
    unsigned slot = slot_of(lin);
    cpu->tlb[idx].exec[slot] = (struct tlb_exec){lin & PAGE_MASK, t->phys & PAGE_MASK};
    cpu->tlb_lists->exec_flags[idx * TLB_ENTRIES + slot] =
        (u8)((t->global ? TLB_PHYS_GLOBAL : 0u) | (t->large ? TLB_PHYS_LARGE : 0u));
    list_slot(cpu, idx, lin, t);
}

bool tlb_exec_global(const struct cpu *cpu, u64 lin)
{
    unsigned idx = cpu->cpl == 3 ? MMU_USER : MMU_KERNEL, slot = slot_of(lin);
    return cpu->tlb[idx].exec[slot].tag == (lin & PAGE_MASK) &&
           (cpu->tlb_lists->exec_flags[idx * TLB_ENTRIES + slot] & TLB_PHYS_GLOBAL);
}

/* Empties the slots of one list; of the local list, entries since replaced by global ones stay. */
static void flush_list(struct cpu *cpu, unsigned list, bool keep_global)
{
    struct tlb_lists *l = cpu->tlb_lists;
    for (unsigned i = 0; i < l->count[list]; i++) {
        unsigned n = l->slot[list][i], slot = n % TLB_ENTRIES;
        struct tlb *t = &cpu->tlb[n / TLB_ENTRIES];
        l->listed[n] &= (u8)~BIT(list);
        if (!keep_global || !(t->phys[slot].phys & TLB_PHYS_GLOBAL))
            clear_data(t, slot);
        if (!keep_global || !(l->exec_flags[n] & TLB_PHYS_GLOBAL))
            t->exec[slot].tag = TLB_EMPTY;
    }
    l->count[list] = 0;
}

void tlb_flush(struct cpu *cpu, bool global)
{
    struct tlb_lists *l = cpu->tlb_lists;
    cpu->tlb_epoch++;
    flush_list(cpu, LIST_LOCAL, !global);
    if (global) {
        flush_list(cpu, LIST_GLOBAL, false);
        memset(cpu->phys_host, 0, sizeof(cpu->phys_host));
        memset(l->large, 0, sizeof(l->large));
        memset(l->huge, 0, sizeof(l->huge));
        l->keys = 0;
    }
    flush_engine(cpu, global ? FLUSH_GLOBAL : FLUSH_LOCAL, 0);
}

void tlb_flush_keys(struct cpu *cpu, u32 keys)
{
    struct tlb_lists *l = cpu->tlb_lists;
    if (!(l->keys & keys))
        return;
    l->keys &= ~keys;
    cpu->tlb_epoch++;
    for (unsigned list = 0; list < LIST_COUNT; list++) {
        for (unsigned i = 0; i < l->count[list]; i++) {
            unsigned n = l->slot[list][i], slot = n % TLB_ENTRIES;
            struct tlb *t = &cpu->tlb[n / TLB_ENTRIES];
            u64 phys = t->phys[slot].phys;
            if ((phys & TLB_PHYS_KEYED) && keys >> (phys >> TLB_PHYS_KEY_SHIFT & 31) & 1)
                clear_data(t, slot);
        }
    }
    flush_engine(cpu, FLUSH_DATA, 0);
}

/* Drops all entries that came from large pages (of at most 4 MiB; any, when 'huge') around lin. */
static void flush_large(struct cpu *cpu, u64 lin, bool huge)
{
    struct tlb_lists *l = cpu->tlb_lists;
    u64 mask = huge ? ~(u64)0x3fffffff : ~(u64)0x3fffff;
    for (unsigned list = 0; list < LIST_COUNT; list++) {
        for (unsigned i = 0; i < l->count[list]; i++) {
            unsigned n = l->slot[list][i], slot = n % TLB_ENTRIES;
            struct tlb *t = &cpu->tlb[n / TLB_ENTRIES];
            if ((t->phys[slot].phys & TLB_PHYS_LARGE) && ((t->phys[slot].tag ^ lin) & mask) == 0)
                clear_data(t, slot);
            if ((l->exec_flags[n] & TLB_PHYS_LARGE) && ((t->exec[slot].tag ^ lin) & mask) == 0)
                t->exec[slot].tag = TLB_EMPTY;
        }
    }
}

void tlb_flush_page(struct cpu *cpu, u64 lin)
{
    struct tlb_lists *l = cpu->tlb_lists;
    u64 tag = lin & PAGE_MASK;
    unsigned slot = slot_of(lin);
    cpu->tlb_epoch++;
    for (unsigned idx = 0; idx < MMU_COUNT; idx++) {
        struct tlb *t = &cpu->tlb[idx];
        if (t->phys[slot].tag == tag)
            clear_data(t, slot);
        if (t->exec[slot].tag == tag)
            t->exec[slot].tag = TLB_EMPTY;
    }
    /* A 4 MiB page covers two 2 MiB regions. */
    u64 region = lin >> 21;
    bool huge = region_has(*huge_slot(l, lin >> 30), lin >> 30);
    bool large = region_has(*large_slot(l, region), region) || region_has(*large_slot(l, region ^ 1), region ^ 1);
    if (huge || large)
        flush_large(cpu, lin, huge);
    flush_engine(cpu, huge || large ? FLUSH_GLOBAL : FLUSH_PAGE, lin);
}

void tlb_protect_host_page(struct cpu *cpu, const u8 *host)
{
    const struct tlb_lists *l = cpu->tlb_lists;
    cpu->tlb_epoch++;
    for (unsigned list = 0; list < LIST_COUNT; list++) {
        for (unsigned i = 0; i < l->count[list]; i++) {
            unsigned n = l->slot[list][i];
            struct tlb_entry *e = &cpu->tlb[n / TLB_ENTRIES].write[n % TLB_ENTRIES];
            if (e->tag != TLB_EMPTY && e->tag + e->addend == (u64)(uintptr_t)host)
                e->tag = TLB_EMPTY;
        }
    }
    flush_engine(cpu, FLUSH_DATA, 0);
}
