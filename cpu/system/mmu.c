/*
 * Paging (SDM vol. 3, chapter 4) and the slow paths behind mem.h: page walks
 * in the 32-bit, PAE and 4-level forms, rights, A and D bits, page faults;
 * accesses that cross pages, reach devices or are watched; canonical and
 * alignment checks. Everything is checked before the first byte is written.
 * Physical memory is only reached through cpu->env.
 */
#include "cpu/system/paging.h"
#include "cpu/mem.h"
#include "cpu/system/modes.h"
#include "cpu/system/tlb.h"

enum pf_error { PF_P = BIT(0), PF_W = BIT(1), PF_U = BIT(2), PF_RSVD = BIT(3), PF_I = BIT(4), PF_PK = BIT(5) };

/* A page-table path that is present and well formed. */
struct walk {
    u64 phys;        /* 4 KiB page the address lies in */
    u64 entry_pa[4]; /* where the entry of each level is ... */
    u64 entry[4];    /* ... and what it was */
    u8 entry_size;
    u8 top;   /* level of the first entry */
    u8 level; /* of the leaf: 0 is a 4 KiB page */
    bool user, write, nx;
};

u64 phys_read(struct cpu *cpu, u64 pa, unsigned size)
{
    struct phys_host *h = &cpu->phys_host[pa >> 12 & (ARRAY_LEN(cpu->phys_host) - 1)];
    u64 tag = (pa & PAGE_MASK) + 1;
    if (unlikely(h->tag != tag)) {
        struct cpu_page page;
        cpu->env->page(cpu->env->world, cpu, pa & PAGE_MASK, &page);
        if (!page.read)
            return cpu->env->mem_read(cpu->env->world, cpu, pa, size);
        *h = (struct phys_host){tag, page.read};
    }
    return ld_le(h->host + (pa & 0xfff), size);
}

void phys_write(struct cpu *cpu, u64 pa, u64 val, unsigned size)
{
    struct cpu_page page;
    cpu->env->page(cpu->env->world, cpu, pa & PAGE_MASK, &page);
    if (page.write)
        st_le(page.write + (pa & 0xfff), val, size);
    else
        cpu->env->mem_write(cpu->env->world, cpu, pa, val, size);
}

/* ---- walks ---- */

static bool nx_enabled(const struct cpu *cpu) { return (cpu->efer & EFER_NXE) && (cpu->cr4 & CR4_PAE); }

/* Bits that must be zero in any present 8-byte entry. */
static u64 reserved_bits(const struct cpu *cpu)
{
    u64 bits = PTE_ADDR & ~(BIT64(cpu->model->phys_bits) - 1);
    if (!(cpu->efer & EFER_LMA))
        bits |= 0x7ff0000000000000ull;
    return nx_enabled(cpu) ? bits : bits | PTE_NX;
}

static u32 walk_long_entries(struct cpu *cpu, u64 lin, struct walk *w)
{
    u64 reserved = reserved_bits(cpu), table;
    unsigned level;
    if (cpu->efer & EFER_LMA) {
        level = 3;
        table = cpu->cr3 & PTE_ADDR & (BIT64(cpu->model->phys_bits) - 1);
    } else {
        u64 pdpte = cpu->pdpte[(lin >> 30) & 3];
        if (!(pdpte & PTE_P))
            return 0;
        level = 1;
        table = pdpte & PTE_ADDR;
    }
    w->user = w->write = true;
    w->nx = false;
    w->entry_size = 8;
    w->top = (u8)level;
    for (;; level--) {
        u64 pa = table + ((lin >> (12 + 9 * level)) & 511) * 8;
        u64 e = phys_read(cpu, pa, 8);
        w->entry_pa[level] = pa;
        w->entry[level] = e;
        if (!(e & PTE_P))
            return 0;
        bool leaf = level == 0 || ((e & PTE_PS) && (level == 1 || (level == 2 && cpu_has(cpu, FEAT_PDPE1GB))));
        u64 bad = reserved;
        if (leaf && level > 0)
            bad |= (BIT64(12 + 9 * level) - 1) & ~(u64)0x1fff;
        else if (level >= 2)
            bad |= PTE_PS;
        if (e & bad)
            return PF_P | PF_RSVD;
        w->user &= (e & PTE_U) != 0;
        w->write &= (e & PTE_W) != 0;
        w->nx |= (e & PTE_NX) != 0;
        if (leaf) {
            u64 offset_mask = BIT64(12 + 9 * level) - 1;
            w->phys = ((e & PTE_ADDR & ~offset_mask) | (lin & offset_mask)) & PAGE_MASK;
            w->level = (u8)level;
            return PF_P;
        }
        table = e & PTE_ADDR;
    }
}

/* Reserved bits of a 4 MiB PDE: bit 21 and what PSE-36 does not use of 13..20. */
static u32 pse_reserved(const struct cpu *cpu)
{
    unsigned used = 0;
    if (cpu_has(cpu, FEAT_PSE36) && cpu->model->phys_bits > 32)
        used = MIN(cpu->model->phys_bits, 40u) - 32u;
    return 0x3fe000u & ~(((1u << used) - 1) << 13);
}

static u32 walk_32bit(struct cpu *cpu, u64 lin, struct walk *w)
{
    u64 pa = (cpu->cr3 & 0xfffff000u) + ((lin >> 22) & 1023) * 4;
    u32 pde = (u32)phys_read(cpu, pa, 4);
    if (!(pde & PTE_P))
        return 0;
    w->entry_size = 4;
    w->entry_pa[1] = pa;
    w->entry[1] = pde;
    w->top = 1;
    w->nx = false;
    if ((pde & PTE_PS) && (cpu->cr4 & CR4_PSE)) {
        if (pde & pse_reserved(cpu))
            return PF_P | PF_RSVD;
        w->phys = (pde & 0xffc00000u) | (u64)((pde >> 13) & 0xff) << 32 | (lin & 0x3ff000);
        w->user = (pde & PTE_U) != 0;
        w->write = (pde & PTE_W) != 0;
        w->level = 1;
        return PF_P;
    }
    pa = (pde & 0xfffff000u) + ((lin >> 12) & 1023) * 4;
    u32 pte = (u32)phys_read(cpu, pa, 4);
    if (!(pte & PTE_P))
        return 0;
    w->phys = pte & 0xfffff000u;
    w->user = (pde & pte & PTE_U) != 0;
    w->write = (pde & pte & PTE_W) != 0;
    w->entry_pa[0] = pa;
    w->entry[0] = pte;
    w->level = 0;
    return PF_P;
}

/* PF_P when the path is good; otherwise the P and RSVD bits of the error code. */
static u32 walk(struct cpu *cpu, u64 lin, struct walk *w)
{
    return cpu->cr4 & CR4_PAE ? walk_long_entries(cpu, lin, w) : walk_32bit(cpu, lin, w);
}

/*
 * An entry becomes 'now' if it is still as it was read: another CPU may write it at any time. Tables lie at multiples
 * of their entries' size, so where there is memory the host does it in one.
 */
static bool exchange_entry(struct cpu *cpu, u64 pa, u64 was, u64 now, unsigned size)
{
    struct cpu_page page;
    cpu->env->page(cpu->env->world, cpu, pa & PAGE_MASK, &page);
    if (!page.write) {
        if (phys_read(cpu, pa, size) != was)
            return false;
        cpu->env->mem_write(cpu->env->world, cpu, pa, now, size);
        return true;
    }
    u8 *host = page.write + (pa & 0xfff);
    u32 was4, now4;
    u64 was8, now8;
    if (size == 4) {
        st32(&was4, (u32)was), st32(&now4, (u32)now);
        return __atomic_compare_exchange_n((u32 *)host, &was4, now4, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    }
    st64(&was8, was), st64(&now8, now);
    return __atomic_compare_exchange_n((u64 *)host, &was8, now8, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/*
 * Sets A on the whole path and D on its leaf: only once the access has been found legal. False: an entry is another by
 * now, the path is to be walked again.
 */
static bool mark_path(struct cpu *cpu, struct walk *w, bool dirty)
{
    for (unsigned level = w->level; level <= w->top; level++) {
        u64 e = w->entry[level] | PTE_A | (dirty && level == w->level ? PTE_D : 0);
        if (e != w->entry[level] && !exchange_entry(cpu, w->entry_pa[level], w->entry[level], e, w->entry_size))
            return false;
        w->entry[level] = e;
    }
    return true;
}

/* So that the engine hears of what makes an entry of the TLB stale. */
static void tell_tables(struct cpu *cpu, const struct walk *w)
{
    for (unsigned level = w->level; level <= w->top; level++)
        cpu->env->code_here(cpu->env->world, w->entry_pa[level]);
}

/* ---- rights ---- */

static bool idx_is_user(unsigned idx) { return idx == MMU_USER || idx == MMU_USER_AC; }

/* Protection keys take rights away from data accesses (SDM vol. 3, 4.6.2); the PK bit of the error code where they do.
 */
static u32 apply_key(const struct cpu *cpu, const struct walk *w, enum access access, unsigned idx,
                     struct translation *t)
{
    int key = pkey_of(cpu, w->entry[w->level], w->user);
    if (likely(key < 0))
        return 0;
    unsigned denies = pkey_denies(cpu, key, idx_is_user(idx));
    t->keyed = true;
    t->key = (u8)key;
    t->write = t->write && !denies;
    t->read = t->read && denies != PKEY_DENIES_ALL;
    bool denied = access == ACCESS_WRITE ? denies != 0 : access == ACCESS_READ && denies == PKEY_DENIES_ALL;
    return denied ? PF_PK : 0;
}

/* What the path allows to accesses of that kind, D bit aside (SDM vol. 3, 4.6). */
static void rights(const struct cpu *cpu, const struct walk *w, unsigned idx, struct translation *t)
{
    bool user = idx_is_user(idx);
    t->read = user ? w->user : idx == MMU_KERNEL_SMAP ? !w->user : true;
    t->write = t->read && (w->write || (!user && !(cpu->cr0 & CR0_WP)));
    t->exec = !w->nx && (user ? w->user : !(w->user && (cpu->cr4 & CR4_SMEP)));
}

static _Noreturn void page_fault(struct cpu *cpu, u64 lin, enum access access, unsigned idx, u32 error)
{
    if (access == ACCESS_WRITE)
        error |= PF_W;
    if (idx_is_user(idx))
        error |= PF_U;
    if (access == ACCESS_EXEC && (nx_enabled(cpu) || (cpu->cr4 & CR4_SMEP)))
        error |= PF_I;
    cpu->cr2 = lin;
    trace(cpu->trace, mmu, "page fault cr2=%016llx error=%x", (unsigned long long)lin, error);
    cpu_raise_error(cpu, EXC_PF, error);
}

/* Walks, checks, sets A and D; *t says what else the entry allows. */
static void translate(struct cpu *cpu, u64 lin, enum access access, unsigned idx, struct translation *t)
{
    if (!(cpu->cr0 & CR0_PG)) {
        *t = (struct translation){.phys = lin & 0xfffff000u & cpu->a20_mask, .read = true, .write = true, .exec = true};
        return;
    }
    struct walk w;
    do {
        u32 error = walk(cpu, lin, &w);
        if (error != PF_P)
            page_fault(cpu, lin, access, idx, error);
        *t = (struct translation){.phys = w.phys & cpu->a20_mask};
        rights(cpu, &w, idx, t);
        error |= apply_key(cpu, &w, access, idx, t);
        bool ok = access == ACCESS_READ ? t->read : access == ACCESS_WRITE ? t->write : t->exec;
        if (!ok)
            page_fault(cpu, lin, access, idx, error);
    } while (!mark_path(cpu, &w, access == ACCESS_WRITE));
    if (unlikely(cpu->tables_are_code))
        tell_tables(cpu, &w);
    u64 leaf = w.entry[w.level];
    t->write = t->write && (leaf & PTE_D);
    t->global = (leaf & PTE_G) && (cpu->cr4 & CR4_PGE);
    t->large = w.level >= 1;
    t->huge = w.level == 2;
}

u64 mmu_translate(struct cpu *cpu, u64 lin, enum access access, unsigned mmu_idx)
{
    struct translation t;
    translate(cpu, lin, access, mmu_idx, &t);
    return t.phys | (lin & 0xfff);
}

bool mmu_probe(struct cpu *cpu, u64 lin, u64 *pa)
{
    struct walk w;
    if (__atomic_load_n(&cpu->attention, __ATOMIC_ACQUIRE) & ATT_REQUEST)
        cpu_answer(cpu); /* whoever looks has stopped it, and owns it */
    if (!(cpu->cr0 & CR0_PG)) {
        *pa = (u32)lin & cpu->a20_mask;
        return true;
    }
    if (!(cpu->efer & EFER_LMA))
        lin = (u32)lin;
    else if (!is_canonical(lin))
        return false;
    if (walk(cpu, lin, &w) != PF_P)
        return false;
    *pa = (w.phys & cpu->a20_mask) | (lin & 0xfff);
    return true;
}

u64 mmu_fetch(struct cpu *cpu, u64 lin)
{
    unsigned idx = cpu->cpl == 3 ? MMU_USER : MMU_KERNEL;
    const struct tlb_exec *e = &cpu->tlb[idx].exec[(lin >> 12) & (TLB_ENTRIES - 1)];
    if (likely(e->tag == (lin & PAGE_MASK)))
        return e->phys | (lin & 0xfff);
    if ((cpu->efer & EFER_LMA) && !is_canonical(lin))
        raise_gp(cpu, 0);
    struct translation t;
    translate(cpu, lin, ACCESS_EXEC, idx, &t);
    tlb_fill_exec(cpu, idx, lin, &t);
    return t.phys | (lin & 0xfff);
}

unsigned sys_idx(const struct cpu *cpu) { return cpu->cr4 & CR4_SMAP ? MMU_KERNEL_SMAP : MMU_KERNEL; }

/* ---- data accesses ---- */

/* Whether the access at lin is the stack's: then it is #SS that a non-canonical address raises. */
static bool is_stack_access(const struct cpu *cpu, u64 lin, bool write)
{
    const struct uop *u = cpu->cur;
    if (!u)
        return false;
    bool has_memory = u->form == FORM_M || u->form == FORM_RM || u->form == FORM_MR || u->form == FORM_MI;
    if (has_memory && u->seg == SS)
        return true;
    u64 operand = uop_ea(cpu, u) + (u->seg >= FS ? cpu->seg[u->seg].base : 0);
    if (has_memory && lin - operand < 64)
        return u->op == UOP_POP && !write;
    if (has_memory && u->op != UOP_PUSH && u->op != UOP_POP && u->op != UOP_CALL && u->op != UOP_CALL_FAR)
        return false;
    u64 mask = (cpu->mode & MODE_CODE) == MODE_CODE64 ? ~0ull : 0xffffffffull;
    u64 from_sp = (lin - (cpu->gpr[RSP] - 256)) & mask, from_bp = (lin - (cpu->gpr[RBP] - 256)) & mask;
    return from_sp < 512 || ((u->op == UOP_LEAVE || u->op == UOP_ENTER) && from_bp < 512);
}

/*
 * Linear addresses are 32 bits outside IA-32e mode; inside, they must be canonical. In flat mode
 * nobody has looked at segment limits, and an access across 4 GiB is beyond them.
 */
static u64 check_linear(struct cpu *cpu, u64 lin, unsigned n, bool write)
{
    bool flat = (cpu->mode & MODE_FLAT) && (cpu->mode & MODE_CODE) != MODE_CODE64;
    if (unlikely(flat && (u32)lin + (u64)n - 1 > 0xffffffffu))
        cpu_raise_error(cpu, is_stack_access(cpu, lin, write) ? EXC_SS : EXC_GP, cpu->exc_ext);
    if (!(cpu->efer & EFER_LMA))
        return (u32)lin;
    if (unlikely(!is_canonical(lin) || !is_canonical(lin + n - 1)))
        cpu_raise_error(cpu, is_stack_access(cpu, lin, write) ? EXC_SS : EXC_GP, cpu->exc_ext);
    return lin;
}

/* Where the page after lin's begins. */
static u64 next_page(const struct cpu *cpu, u64 lin)
{
    u64 next = (lin | 0xfff) + 1;
    bool wraps = !(cpu->efer & EFER_LMA) || (next == BIT64(32) && (cpu->mode & MODE_CODE) != MODE_CODE64);
    return wraps ? (u32)next : next;
}

/* Physical address of data at lin, and what is there; opens the fast path where it may. */
static u64 data_page(struct cpu *cpu, u64 lin, bool write, unsigned idx, struct cpu_page *page)
{
    const struct tlb_phys *e = &cpu->tlb[idx].phys[(lin >> 12) & (TLB_ENTRIES - 1)];
    if (e->tag != (lin & PAGE_MASK) || !(e->phys & (write ? TLB_PHYS_WRITE : TLB_PHYS_READ))) {
        struct translation t;
        translate(cpu, lin, write ? ACCESS_WRITE : ACCESS_READ, idx, &t);
        tlb_fill_data(cpu, idx, lin, &t);
    }
    u64 phys = e->phys & PAGE_MASK;
    cpu->env->page(cpu->env->world, cpu, phys, page);
    tlb_fill_host(cpu, idx, lin, page);
    return phys | (lin & 0xfff);
}

/* EFLAGS.AC: AMD's silicon looks at it before paging; ten bytes count as eight, YMM as XMM, areas as dwords. */
static void check_alignment(struct cpu *cpu, u64 lin, unsigned n, unsigned idx)
{
    if (idx != MMU_USER_AC)
        return;
    unsigned align = n == 10 ? 8 : n <= 8 ? n : n == 16 || n == 32 ? 16 : n % 4 == 0 ? 4 : 2;
    if (lin & (align - 1))
        cpu_raise_error(cpu, EXC_AC, 0);
}

static void check_watch(struct cpu *cpu, u64 lin, unsigned n, bool write)
{
    if (unlikely((cpu->dr[7] & 0xff) || cpu->points))
        debug_check_data(cpu, lin, n, write);
}

/* The largest power of two that starts at pa aligned and fits n bytes: what a bus would transfer. */
static unsigned bus_size(u64 pa, unsigned n)
{
    unsigned size = 8;
    while (size > n || (pa & (size - 1)))
        size >>= 1;
    return size;
}

static void read_part(struct cpu *cpu, const struct cpu_page *page, u64 pa, u8 *buf, unsigned n)
{
    if (page->read) {
        memcpy(buf, page->read + (pa & 0xfff), n);
        return;
    }
    for (unsigned done = 0, size; done < n; done += size) {
        size = bus_size(pa + done, n - done);
        st_le(buf + done, cpu->env->mem_read(cpu->env->world, cpu, pa + done, size), size);
    }
}

static void write_part(struct cpu *cpu, const struct cpu_page *page, u64 pa, const u8 *buf, unsigned n)
{
    if (page->write) {
        memcpy(page->write + (pa & 0xfff), buf, n);
        return;
    }
    /* RAM that holds code or is tracked takes unaligned words whole; devices see bus cycles. */
    for (unsigned done = 0, size; done < n; done += size) {
        unsigned left = n - done;
        size = !page->read ? bus_size(pa + done, left) : left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        cpu->env->mem_write(cpu->env->world, cpu, pa + done, ld_le(buf + done, size), size);
    }
}

/* An access that touches two pages the TLB has both: done here, true. */
static bool cross_fast(struct cpu *cpu, u64 lin, u8 *buf, unsigned n, unsigned idx, bool write)
{
    unsigned first = PAGE_SIZE - (unsigned)(lin & 0xfff);
    if (first >= n || lin + n < lin || (u32)lin + (u64)n > 0xffffffffu)
        return false;
    u8 *p = write ? tlb_write_ptr(cpu, lin, first, idx) : tlb_read_ptr(cpu, lin, first, idx);
    u8 *q = write ? tlb_write_ptr(cpu, lin + first, n - first, idx) : tlb_read_ptr(cpu, lin + first, n - first, idx);
    if (!p || !q)
        return false;
    memcpy(write ? p : buf, write ? buf : p, first);
    memcpy(write ? q : buf + first, write ? buf + first : q, n - first);
    return true;
}

/* n is at most a page: the access touches two pages at most. */
static void read_pieces(struct cpu *cpu, u64 lin, u8 *buf, unsigned n, unsigned idx)
{
    if (cross_fast(cpu, lin, buf, n, idx, false))
        return;
    struct cpu_page page, page2;
    lin = check_linear(cpu, lin, n, false);
    check_alignment(cpu, lin, n, idx);
    unsigned first = MIN(n, PAGE_SIZE - (unsigned)(lin & 0xfff));
    u64 pa = data_page(cpu, lin, false, idx, &page), pa2 = 0;
    if (first < n)
        pa2 = data_page(cpu, next_page(cpu, lin), false, idx, &page2);
    check_watch(cpu, lin, n, false);
    read_part(cpu, &page, pa, buf, first);
    if (first < n)
        read_part(cpu, &page2, pa2, buf + first, n - first);
}

static void write_pieces(struct cpu *cpu, u64 lin, const u8 *buf, unsigned n, unsigned idx)
{
    if (cross_fast(cpu, lin, (u8 *)(uintptr_t)buf, n, idx, true))
        return;
    struct cpu_page page, page2;
    lin = check_linear(cpu, lin, n, true);
    check_alignment(cpu, lin, n, idx);
    unsigned first = MIN(n, PAGE_SIZE - (unsigned)(lin & 0xfff));
    u64 pa = data_page(cpu, lin, true, idx, &page), pa2 = 0;
    if (first < n)
        pa2 = data_page(cpu, next_page(cpu, lin), true, idx, &page2);
    check_watch(cpu, lin, n, true);
    write_part(cpu, &page, pa, buf, first);
    if (first < n)
        write_part(cpu, &page2, pa2, buf + first, n - first);
}

u64 mem_read_slow(struct cpu *cpu, u64 lin, unsigned size, unsigned idx)
{
    u8 buf[8];
    read_pieces(cpu, lin, buf, size, idx);
    return ld_le(buf, size);
}

void mem_write_slow(struct cpu *cpu, u64 lin, u64 val, unsigned size, unsigned idx)
{
    u8 buf[8];
    st_le(buf, val, size);
    write_pieces(cpu, lin, buf, size, idx);
}

void mem_read_bytes(struct cpu *cpu, u64 lin, void *buf, unsigned n, unsigned idx)
{
    const u8 *p = tlb_read_ptr(cpu, lin, n, idx);
    if (likely(p != NULL))
        memcpy(buf, p, n);
    else
        read_pieces(cpu, lin, buf, n, idx);
}

void mem_write_bytes(struct cpu *cpu, u64 lin, const void *buf, unsigned n, unsigned idx)
{
    u8 *p = tlb_write_ptr(cpu, lin, n, idx);
    if (likely(p != NULL))
        memcpy(p, buf, n);
    else
        write_pieces(cpu, lin, buf, n, idx);
}

void mem_probe_write(struct cpu *cpu, u64 lin, unsigned n, unsigned idx)
{
    struct cpu_page page;
    if (tlb_write_ptr(cpu, lin, n, idx))
        return;
    lin = check_linear(cpu, lin, n, true);
    check_alignment(cpu, lin, n, idx);
    data_page(cpu, lin, true, idx, &page);
    if ((lin & 0xfff) + n > PAGE_SIZE)
        data_page(cpu, next_page(cpu, lin), true, idx, &page);
}

u64 mem_probe_read(struct cpu *cpu, u64 lin, unsigned idx)
{
    struct cpu_page page;
    return data_page(cpu, check_linear(cpu, lin, 1, false), false, idx, &page);
}

bool cpu_debug_read(struct cpu *cpu, u64 lin, void *buf, size_t n)
{
    u8 *out = buf;
    u64 pa;
    for (size_t i = 0; i < n; i++) {
        if (!mmu_probe(cpu, lin + i, &pa))
            return false;
        out[i] = (u8)phys_read(cpu, pa, 1);
    }
    return true;
}

bool cpu_debug_write(struct cpu *cpu, u64 lin, const void *buf, size_t n)
{
    const u8 *in = buf;
    u64 pa;
    for (size_t i = 0; i < n; i++) {
        if (!mmu_probe(cpu, lin + i, &pa))
            return false;
        phys_write(cpu, pa, in[i], 1);
    }
    return true;
}
