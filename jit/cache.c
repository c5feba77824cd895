/*
 * Translations and where they are kept: code memory mapped twice (writable
 * here, executable there), metadata, lookup by physical address and by virtual
 * address, invalidation. A dropped translation keeps its memory until all is
 * flushed; its entry is made to refuse, so links to it need not be found.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "cpu/system/tlb.h"
#include "jit/engine.h"
#include "jit/jit.h"

struct jit_page {
    u64 page;
    struct translation_block *first;
    struct translation_block *crossing; /* those whose second page it is */
    bool far, near_hole;                /* it has far jumps; see jit_near_hole */
    struct code_bytes bytes;            /* that are theirs; none, in a chunk that was written, since */
    struct jit_page *next;
};

enum { ROOM_CODE = 64 << 10, ROOM_META = 64 << 10 };

/* What so much code takes besides: of metadata; of access sites, which follow it. */
static size_t meta_bytes(size_t code) { return code + code / 4; }
static size_t sites_bytes(size_t code) { return code / 8; }

static bool map_code(struct jit *jit, size_t bytes)
{
    if (jit->backend->no_code) {
        jit->write = jit->exec = jit->meta;
        jit->size = bytes;
        return true;
    }
    /* The sites follow the executable mapping. */
    size_t sites = sites_bytes(bytes);
    u8 *x = mmap(NULL, bytes + sites, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int shared = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    if (x != MAP_FAILED && mmap(x, bytes, PROT_READ | PROT_EXEC, shared, -1, 0) == MAP_FAILED) {
        munmap(x, bytes + sites);
        x = MAP_FAILED;
    }
    /* None of it moved elsewhere is all of it seen twice. It has no file because perf has names only for such code. */
    u8 *w = x == MAP_FAILED ? x : mremap(x, 0, bytes, MREMAP_MAYMOVE);
    if (w != MAP_FAILED && mprotect(w, bytes, PROT_READ | PROT_WRITE) != 0) {
        munmap(w, bytes);
        w = MAP_FAILED;
    }
    jit->write = w == MAP_FAILED ? NULL : w;
    jit->exec = x == MAP_FAILED ? NULL : x;
    jit->size = bytes;
    jit->sites = jit->exec ? (struct access_site *)(jit->exec + bytes) : NULL;
    jit->max_sites = (u32)(sites / sizeof(*jit->sites));
    return jit->write && jit->exec;
}

static struct jump_table *new_jumps(void)
{
    struct jump_table *t = calloc(1, sizeof(*t));
    for (unsigned k = 0; t && k < JUMP_TABLE; k++)
        t->target[k].tag = NO_TAG(k);
    return t;
}
static void point_at_jumps(struct jit *jit)
{
    for (unsigned i = 0; i < MMU_COUNT; i++) {
        struct jump_table *t = jit->jump_set->table[i];
        jit_state(jit->cpu)->jump[i] = t ? t->target : jit->no_jumps->target;
    }
}

struct jit *jit_create(struct cpu *cpu, size_t bytes)
{
    struct jit *jit = calloc(1, sizeof(*jit));
    if (!jit)
        return NULL;
    jit->cpu = cpu;
    jit->backend = &ORRERY_BACKEND;
    jit->sb = calloc(1, sizeof(*jit->sb));
    jit->meta_size = meta_bytes(bytes);
    u8 *meta = mmap(NULL, jit->meta_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    jit->meta = meta == MAP_FAILED ? NULL : meta;
    jit->meta_used = 8; /* offset 0 means nothing */
    for (unsigned n = 0; n < ARRAY_LEN(jit->head); n++)
        jit->head[n] = (struct block){.key = MODE_BREAKS, .ninsn = (u16)n, .valid = true};
    jit_sites_flush(jit);
    jit->no_jumps = new_jumps();
    jit_state(cpu)->map_gen[0] = jit_state(cpu)->map_gen[1] = 1;
    errno = ENOMEM; /* of all that is missing here; only map_code finds other reasons */
    if (!jit->sb || !jit->meta || !jit->no_jumps || !map_code(jit, bytes) || !jit->backend->start(jit)) {
        int why = errno;
        jit_destroy(jit);
        errno = why;
        return NULL;
    }
    jit->jump_set = &jit->jumps[0];
    point_at_jumps(jit);
    jit->stubs = jit->used;
    jit->meta_stubs = jit->meta_used;
    return jit;
}

static void free_pages(struct jit *jit)
{
    for (unsigned i = 0; i < ARRAY_LEN(jit->pages); i++)
        while (jit->pages[i]) {
            struct jit_page *p = jit->pages[i];
            jit->pages[i] = p->next;
            free(p);
        }
}

void jit_destroy(struct jit *jit)
{
    if (!jit)
        return;
    free_pages(jit);
    for (unsigned i = 0; i < JUMP_SETS * MMU_COUNT; i++)
        free(jit->jumps[i / MMU_COUNT].table[i % MMU_COUNT]);
    free(jit->no_jumps);
    if (jit->meta)
        munmap(jit->meta, jit->meta_size);
    if (jit->write && !jit->backend->no_code)
        munmap(jit->write, jit->size);
    if (jit->exec && !jit->backend->no_code)
        munmap(jit->exec, jit->size + sites_bytes(jit->size));
    free(jit->sb);
    free(jit);
}

void *jit_meta(struct jit *jit, size_t n)
{
    n = (n + 7) & ~(size_t)7;
    if (jit->meta_size - jit->meta_used < n)
        return NULL;
    void *p = jit->meta + jit->meta_used;
    jit->meta_used += n;
    memset(p, 0, n);
    return p;
}

static u64 hash_of(u64 pa, u64 key, unsigned bits)
{
    return (pa ^ key << 32 ^ (u64)key_segment(key) << 20) * 0x9e3779b97f4a7c15ull >> (64 - bits);
}
static struct translation_block **hash_slot(struct jit *jit, u64 pa, u64 key)
{
    return &jit->hash[hash_of(pa, key, HASH_BITS)];
}
u8 *jit_heat(struct jit *jit, u64 pa, u64 key) { return &jit->heat[hash_of(pa, key, HEAT_BITS)]; }
static struct jit_page **page_slot(struct jit *jit, u64 page)
{
    struct jit_page **p = &jit->pages[(page ^ page >> 10) & (ARRAY_LEN(jit->pages) - 1)];
    while (*p && (*p)->page != page)
        p = &(*p)->next;
    return p;
}

u32 jit_code_segment(struct jit *jit, const struct seg *cs)
{
    enum { MOST = CODE_SEGMENTS / 2 };
    unsigned at = (u32)(cs->base >> 4 ^ cs->base << 7 ^ cs->limit) * JUMP_HASH >> 20;
    static_assert(CODE_SEGMENTS == 1 << 12, "the hash's range");
    for (;; at = (at + 1) % CODE_SEGMENTS) {
        struct jit_code_segment *s = &jit->segments[at];
        bool none = !(s->base | s->limit);
        if (none && jit->nsegments == MOST)
            return CODE_SEGMENTS_FULL;
        if (none && at) {
            *s = (struct jit_code_segment){(u32)cs->base, cs->limit};
            jit->nsegments++;
        }
        if (at && s->base == (u32)cs->base && s->limit == cs->limit)
            return at;
    }
}

void jit_forget_segments(struct jit *jit)
{
    memset(jit->segments, 0, sizeof(jit->segments));
    jit->nsegments = 0;
    jit_flush(jit);
}

/* The linear address of the page behind that of EIP. */
static u64 next_page(const struct cpu *cpu, u64 eip)
{
    u64 next = (jit_linear(cpu, eip) | 0xfff) + 1;
    return (cpu->mode & MODE_CODE) == MODE_CODE64 ? next : (u32)next;
}

static u32 page_eip_of(u64 key, u64 pa, u64 eip) { return key_is_segmented(key) ? (u32)(eip - (pa & 0xfff)) : 0; }

struct translation_block *jit_find(struct jit *jit, u64 pa, u64 key, u64 eip)
{
    struct translation_block *tb = *hash_slot(jit, pa, key);
    for (; tb; tb = tb->hash_next)
        if (tb->pa == pa && tb->key == key && tb->page_eip == page_eip_of(key, pa, eip) &&
            (tb->pa2 == ~0ull || tb->pa2 == mmu_fetch(jit->cpu, next_page(jit->cpu, eip))))
            break;
    return tb;
}

/* ---- by virtual address ---- */

static void forget_jumps(struct jump_table *t)
{
    for (unsigned i = 0; i < t->count; i++)
        t->target[t->list[i]].tag = NO_TAG(t->list[i]);
    t->count = 0;
    t->local = false;
}

/*
 * Pages that hold what was found by virtual address: each slot has one page's number, or stands for many, of the
 * generation in which it was found; slots of other generations are empty.
 */
#define SEEN_MANY      BIT64(52)
#define SEEN_GEN_SHIFT 53
static u64 *seen_slot(struct jit *jit, u64 lin, bool global)
{
    return &jit->seen[global][lin >> 12 & (ARRAY_LEN(jit->seen[0]) - 1)];
}
static u64 seen_tag(const struct jit *jit, u64 lin, bool global)
{
    return lin >> 12 | (u64)jit_state(jit->cpu)->map_gen[global] << SEEN_GEN_SHIFT;
}
static void see_page(struct jit *jit, u64 lin, bool global)
{
    u64 *slot = seen_slot(jit, lin, global), tag = seen_tag(jit, lin, global);
    if (*slot >> SEEN_GEN_SHIFT != tag >> SEEN_GEN_SHIFT)
        *slot = tag;
    else if (*slot != tag)
        *slot |= SEEN_MANY;
}
static bool page_seen(struct jit *jit, u64 lin, bool global)
{
    u64 slot = *seen_slot(jit, lin, global), tag = seen_tag(jit, lin, global);
    return slot == tag || (slot & SEEN_MANY && slot >> SEEN_GEN_SHIFT == tag >> SEEN_GEN_SHIFT);
}

bool jit_see(struct jit *jit, u64 eip, const struct translation_block *tb)
{
    bool crosses = tb->pa2 != ~0ull;
    u64 lin = jit_linear(jit->cpu, eip), next = next_page(jit->cpu, eip);
    bool global = tlb_exec_global(jit->cpu, lin) && (!crosses || tlb_exec_global(jit->cpu, next));
    see_page(jit, lin, global);
    if (crosses)
        see_page(jit, next, global);
    return global;
}

void jit_change_jumps(struct jit *jit, u32 common)
{
    struct jump_set *set = &jit->jumps[0];
    for (unsigned i = 1; i < JUMP_SETS && set->key != common; i++)
        if (jit->jumps[i].key == common || jit->jumps[i].used < set->used)
            set = &jit->jumps[i];
    for (unsigned i = 0; set->key != common && i < MMU_COUNT; i++)
        if (set->table[i])
            forget_jumps(set->table[i]);
    set->key = common;
    set->used = ++jit->jump_clock;
    jit->jump_set = set;
    point_at_jumps(jit);
}

static void fill_jump(struct jump_table *t, unsigned slot, struct jump_target what)
{
    if (t->target[slot].tag == NO_TAG(slot))
        t->list[t->count++] = slot;
    t->target[slot] = what;
}

void jit_remember(struct jit *jit, u64 eip, const struct translation_block *tb)
{
    struct jump_table **table = &jit->jump_set->table[jit->cpu->mmu_idx];
    if (jit->unlinked)
        return;
    if (!*table) {
        *table = new_jumps();
        point_at_jumps(jit);
    }
    if (!*table)
        return;
    unsigned at = JUMP_INDEX(jit_linear(jit->cpu, eip));
    u64 tag = jit_tag(tb->key, eip);
    struct jump_target was = (*table)->target[at];
    if (was.tag != NO_TAG(at) && was.tag != DEAD_TAG(at) && was.tag != tag)
        fill_jump(*table, at ^ 1, was);
    fill_jump(*table, at, (struct jump_target){tag, jit->exec + tb->entry});
    (*table)->local |= !jit_see(jit, eip, tb);
}

void jit_forget(struct jit *jit, u64 key, u64 eip)
{
    struct jump_table *table = jit->jump_set->table[jit->cpu->mmu_idx];
    for (unsigned beside = 0; table && beside < 2; beside++) {
        unsigned at = JUMP_INDEX(jit_linear(jit->cpu, eip)) ^ beside;
        if (table->target[at].tag == jit_tag(key, eip))
            table->target[at].tag = DEAD_TAG(at);
    }
}

void jit_unmap(struct cpu *cpu, enum flush_kind kind, u64 lin)
{
    struct jit *jit = cpu->translator;
    jit_sites_unmap(jit, kind, lin);
    if (kind == FLUSH_DATA)
        return;
    block_cache_unmap(cpu->engine_data);
    if (kind == FLUSH_PAGE) {
        if (!page_seen(jit, lin, false) && !page_seen(jit, lin, true))
            return;
        kind = page_seen(jit, lin, true) ? FLUSH_GLOBAL : FLUSH_LOCAL;
    }
    jit_state(cpu)->map_gen[0]++;
    if (kind != FLUSH_LOCAL)
        jit_state(cpu)->map_gen[1]++;
    for (unsigned i = 0; i < JUMP_SETS * MMU_COUNT; i++) {
        struct jump_table *t = jit->jumps[i / MMU_COUNT].table[i % MMU_COUNT];
        if (t && (kind != FLUSH_LOCAL || t->local))
            forget_jumps(t);
    }
}

/* ---- making and dropping ---- */

void jit_flush(struct jit *jit)
{
    memset(jit->hash, 0, sizeof(jit->hash));
    memset(jit->heat, 0, sizeof(jit->heat));
    free_pages(jit);
    jit_unmap(jit->cpu, FLUSH_GLOBAL, 0);
    jit_sites_flush(jit);
    jit->used = jit->stubs;
    jit->meta_used = jit->meta_stubs;
    jit->counters.flushes++;
    jit->gone = NULL;
}

void jit_drop(struct jit *jit, struct translation_block *tb)
{
    if (!tb->valid) /* it was found by its other page */
        return;
    struct translation_block **p = hash_slot(jit, tb->pa, tb->key);
    while (*p != tb)
        p = &(*p)->hash_next;
    *p = tb->hash_next;
    tb->valid = false;
    jit->backend->unlink(jit, tb);
    jit->counters.invalidated++;
    jit->stale = true;
}

/* The part of a page that was written; true: code is left in its chunks. */
static bool page_written(struct jit *jit, struct jit_page *p, unsigned first, unsigned last)
{
    unsigned from = first / 64, to = last / 64;
    if (!code_bytes_any(&p->bytes, first, last))
        return code_bytes_any(&p->bytes, from * 64, to * 64 + 63);
    u64 chunks = (~0ull >> (63 - to)) & (~0ull << from);
    struct translation_block **t = &p->first;
    while (*t)
        if ((*t)->chunks & chunks) {
            *jit_heat(jit, (*t)->pa, (*t)->key) = 0; /* what is new there must prove itself */
            jit_drop(jit, *t);
            *t = (*t)->page_next;
        } else {
            t = &(*t)->page_next;
        }
    if (chunks & 1) {
        for (struct translation_block *c = p->crossing; c; c = c->crossing_next)
            jit_drop(jit, c);
        p->crossing = NULL;
    }
    memset(&p->bytes.bit[from], 0, (to + 1 - from) * sizeof(p->bytes.bit[0]));
    return false;
}

bool jit_code_written(struct cpu *cpu, u64 pa, unsigned len)
{
    struct jit *jit = cpu->translator;
    bool left = block_code_written(cpu, pa, len);
    u64 last = pa + len - 1;
    for (u64 page = pa >> 12; page <= last >> 12; page++) {
        struct jit_page *p = *page_slot(jit, page);
        if (p)
            left |= page_written(jit, p, page == pa >> 12 ? pa & 0xfff : 0,
                                 page == last >> 12 ? last & 0xfff : PAGE_SIZE - 1);
    }
    return left;
}

static struct jit_page *page_of(struct jit *jit, u64 pa)
{
    struct jit_page **slot = page_slot(jit, pa >> 12);
    if (!*slot) {
        *slot = calloc(1, sizeof(**slot));
        if (*slot)
            (*slot)->page = pa >> 12;
    }
    return *slot;
}

static bool enter_in_tables(struct jit *jit, struct translation_block *tb)
{
    bool crosses = tb->pa2 != ~0ull;
    struct jit_page *page = page_of(jit, tb->pa), *second = crosses ? page_of(jit, tb->pa2) : NULL;
    if (!page || (crosses && !second))
        return false;
    tb->page_next = page->first;
    page->first = tb;
    for (unsigned k = 0; k < ARRAY_LEN(page->bytes.bit); k++)
        page->bytes.bit[k] |= jit->sb->bytes.bit[k];
    if (crosses) {
        code_bytes_add(&second->bytes, 0, 15); /* as far as an instruction may reach */
        tb->crossing_next = second->crossing;
        second->crossing = tb;
    }
    struct translation_block **h = hash_slot(jit, tb->pa, tb->key);
    tb->hash_next = *h;
    *h = tb;
    if (jit->sb->far && !page->far) {
        page->far = true;
        if (page->near_hole)
            jit_unmap(jit->cpu, FLUSH_GLOBAL, 0);
    }
    return true;
}

bool jit_near_hole(struct jit *jit, u64 pa)
{
    struct jit_page *page = page_of(jit, pa);
    if (!page)
        return true;
    page->near_hole = true;
    return page->far;
}

static struct translation_block *make(struct jit *jit, struct superblock *sb)
{
    size_t used = jit->used, meta_used = jit->meta_used;
    u32 nsites = jit->nsites;
    struct translation_block *tb = jit_meta(jit, sizeof(*tb));
    if (!tb)
        return NULL;
    tb->pa = sb->pa;
    tb->pa2 = sb->pa2;
    tb->key = sb->key;
    tb->page_eip = sb->page_eip;
    tb->valid = true;
    tb->serial = jit->serial++;
    tb->n = (u8)sb->n;
    if (jit->backend->translate(jit, sb, tb) && enter_in_tables(jit, tb)) {
        tb->chunks = sb->chunks; /* all that the translation looked at */
        jit->counters.host_bytes += tb->length;
        return tb;
    }
    jit->used = used;
    jit->meta_used = meta_used;
    jit->nsites = nsites;
    return NULL;
}

static u64 now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

/* Shows sb the instruction at its start that goes on in the next page; false: something else is there. */
static bool cross_border(struct jit *jit, struct superblock *sb, u64 eip)
{
    struct cpu *cpu = jit->cpu;
    struct cpu_page page;
    u32 off = sb->pa & 0xfff, mode = key_mode(sb->key);
    struct insn in;
    if (PAGE_SIZE - off >= 15)
        return false;
    /* What is undefined already must not make the next page accessed, nor fault there. */
    if (decode(cpu->features, mode, sb->page + off, PAGE_SIZE - off, &in) != DECODE_NEED_MORE)
        return false;
    u64 pa2 = mmu_fetch(cpu, next_page(cpu, eip));
    cpu->env->page(cpu->env->world, cpu, pa2, &page);
    if (!page.read)
        return false;
    memcpy(jit->border + off, sb->page + off, PAGE_SIZE - off);
    memcpy(jit->border + PAGE_SIZE, page.read, 15);
    sb->page = jit->border;
    sb->limit = PAGE_SIZE + 15;
    sb->pa2 = pa2;
    return superblock_find(cpu, sb);
}

/*
 * Code memory is full. When that comes too often, more is translated than runs for long, and translating is what takes
 * the time: then blocks must prove themselves longer.
 */
static void make_room(struct jit *jit)
{
    enum { HOT_MAX = 200, SOON = 1 << 30 };
    u64 now = jit->cpu->icount_base;
    if (now - jit->flushed_at < SOON)
        jit->hot = MIN(jit->hot * 2, (unsigned)HOT_MAX);
    else
        jit->hot = MAX(jit->hot / 2, jit->hot_asked);
    jit->flushed_at = now;
    jit_flush(jit);
}

bool jit_aim(struct jit *jit, u64 pa, u64 key, u64 eip)
{
    struct superblock *sb = jit->sb;
    struct cpu_page page;
    jit->cpu->env->page(jit->cpu->env->world, jit->cpu, pa & PAGE_MASK, &page);
    sb->pa = pa;
    sb->pa2 = ~0ull;
    sb->key = key;
    sb->page_eip = page_eip_of(key, pa, eip);
    sb->last_eip = jit->cpu->seg[CS].limit;
    sb->cs_base = (u32)jit->cpu->seg[CS].base;
    sb->page = page.read;
    sb->loners = &jit->loners;
    sb->sites = key_is_user(key) && (jit->hot_asked == 0 || insn_set_has(&jit->hottest, pa));
    sb->limit = PAGE_SIZE;
    return page.read != NULL;
}

static bool find_superblock(struct jit *jit, u64 pa, u64 key, u64 eip)
{
    return jit_aim(jit, pa, key, eip) && (superblock_find(jit->cpu, jit->sb) || cross_border(jit, jit->sb, eip));
}

static void report_code(struct cpu *cpu, const struct superblock *sb)
{
    for (unsigned c = 0; c < 64; c++)
        if (sb->chunks >> c & 1)
            cpu->env->code_here(cpu->env->world, (sb->pa & PAGE_MASK) + c * 64);
    if (sb->pa2 != ~0ull)
        cpu->env->code_here(cpu->env->world, sb->pa2);
}

struct translation_block *jit_translate(struct jit *jit, u64 pa, u64 key, u64 eip)
{
    struct superblock *sb = jit->sb;
    u64 start = now_ns();
    if (!find_superblock(jit, pa, key, eip))
        return NULL;
    if (jit->size - jit->used < ROOM_CODE || jit->meta_size - jit->meta_used < ROOM_META)
        make_room(jit);
    struct translation_block *tb = make(jit, sb);
    if (!tb)
        return NULL;
    report_code(jit->cpu, sb);
    jit->counters.translated++;
    for (unsigned i = 0; i < sb->n; i++)
        jit->counters.guest_bytes += sb->insn[i].u.len;
    jit->counters.translate_ns += now_ns() - start;
    jit_show(jit, sb, tb);
    return tb;
}
