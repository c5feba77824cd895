/*
 * The block cache: lookup by virtual address (a direct-mapped table that a TLB
 * flush empties), then by physical address and mode, then decoding. Pages that
 * hold blocks are reported to the world by code_here(), which makes writes to
 * them reach block_code_written(). A dropped block's memory stays until the
 * next flush of all, so a running block may drop itself: its next instruction
 * is patched to UOP_STALE.
 */
#include "cpu/block.h"

#include <stdlib.h>

#include "cpu/cpu.h"
#include "cpu/insn.h"

enum { ARENA_BYTES = 1 << 20, MAX_UOPS = BLOCK_MAX_INSNS * LOWER_MAX + 1 };

struct arena {
    struct arena *next;
    size_t used;
    _Alignas(16) u8 bytes[];
};
struct code_page {
    u64 page;
    struct block *first;
    struct code_bytes bytes; /* that are theirs; none, in a chunk that was written, since */
    struct code_page *next;
};

struct block_cache *block_cache_create(size_t limit)
{
    struct block_cache *c = calloc(1, sizeof(*c));
    if (c) {
        c->limit = limit;
        c->gen = 1;
    }
    decode_init();
    return c;
}

void block_cache_unmap(struct block_cache *c)
{
    if (++c->gen == 0) {
        memset(c->jump, 0, sizeof(c->jump));
        c->gen = 1;
    }
}

void block_cache_flush(struct block_cache *c)
{
    block_cache_unmap(c);
    for (unsigned i = 0; i < ARRAY_LEN(c->pages); i++)
        while (c->pages[i]) {
            struct code_page *p = c->pages[i];
            c->pages[i] = p->next;
            free(p);
        }
    memset(c->hash, 0, sizeof(c->hash));
    while (c->arena) {
        struct arena *a = c->arena;
        c->arena = a->next;
        free(a);
    }
    c->used = 0;
    c->flushes++;
}

void block_cache_destroy(struct block_cache *c)
{
    if (c)
        block_cache_flush(c);
    free(c);
}

static struct block *block_alloc(struct block_cache *c, unsigned nuops)
{
    size_t bytes = (sizeof(struct block) + nuops * sizeof(struct uop) + 15) & ~(size_t)15;
    if (!c->arena || c->arena->used + bytes > ARENA_BYTES) {
        struct arena *a = malloc(sizeof(*a) + ARENA_BYTES);
        assert(a && "out of memory for the block cache");
        a->next = c->arena;
        a->used = 0;
        c->arena = a;
    }
    struct block *b = (struct block *)(c->arena->bytes + c->arena->used);
    c->arena->used += bytes;
    c->used += bytes;
    return b;
}

static unsigned hash_of(u64 pa, u32 key)
{
    return (unsigned)((pa ^ (u64)key << 40) * 0x9e3779b97f4a7c15ull >> (64 - BLOCK_HASH_BITS));
}

static struct code_page **page_slot(struct block_cache *c, u64 page)
{
    struct code_page **p = &c->pages[(page ^ page >> 12) & (ARRAY_LEN(c->pages) - 1)];
    while (*p && (*p)->page != page)
        p = &(*p)->next;
    return p;
}

void code_bytes_add(struct code_bytes *b, unsigned off, unsigned n)
{
    for (unsigned end = MIN(off + n, PAGE_SIZE); off < end; off++)
        b->bit[off / 64] |= BIT64(off % 64);
}

bool code_bytes_any(const struct code_bytes *b, unsigned first, unsigned last)
{
    u64 found = 0;
    for (unsigned k = first / 64; k <= last / 64; k++) {
        u64 from = k == first / 64 ? ~0ull << first % 64 : ~0ull;
        u64 to = k == last / 64 ? ~0ull >> (63 - last % 64) : ~0ull;
        found |= b->bit[k] & from & to;
    }
    return found != 0;
}

/* Enters b in the list of the page 'pa' lies in; which: 0 its first page, 1 its second. */
static void page_add(struct block_cache *c, struct block *b, u64 pa, unsigned which)
{
    struct code_page **slot = page_slot(c, pa >> 12);
    if (!*slot) {
        *slot = calloc(1, sizeof(**slot));
        assert(*slot && "out of memory for the block cache");
        (*slot)->page = pa >> 12;
    }
    unsigned in_first = b->pa2 == ~0ull ? b->len : (unsigned)(PAGE_SIZE - (b->pa & 0xfff));
    if (which == 0)
        code_bytes_add(&(*slot)->bytes, b->pa & 0xfff, in_first);
    else
        code_bytes_add(&(*slot)->bytes, 0, b->len - in_first);
    b->page_next[which] = (*slot)->first;
    (*slot)->first = b;
}

static void page_remove(struct block_cache *c, struct block *b, u64 pa)
{
    struct code_page **slot = page_slot(c, pa >> 12);
    if (!*slot)
        return;
    struct block **p = &(*slot)->first;
    while (*p && *p != b)
        p = &(*p)->page_next[(*p)->pa >> 12 == pa >> 12 ? 0 : 1];
    if (*p)
        *p = b->page_next[b->pa >> 12 == pa >> 12 ? 0 : 1];
}

static void block_drop(struct block_cache *c, struct block *b)
{
    struct block **p = &c->hash[hash_of(b->pa, b->key)];
    while (*p && *p != b)
        p = &(*p)->hash_next;
    if (*p)
        *p = b->hash_next;
    page_remove(c, b, b->pa);
    if (b->pa2 != ~0ull)
        page_remove(c, b, b->pa2);
    b->valid = false;
    b->need = ~0u;
    for (unsigned i = 0; i < b->nuops; i++)
        if (b->uops[i].flags & UF_FIRST) {
            b->uops[i].op = UOP_STALE;
            b->uops[i].fn = uop_info[UOP_STALE].table->fn[FORM_0][0];
        }
    c->invalidated++;
}

/* True when [pa, pa + len) touches bytes of b that lie in the same page. */
static bool block_touches(const struct block *b, u64 pa, u64 end)
{
    u64 first = b->pa, last = b->pa + b->len;
    if (b->pa2 != ~0ull) {
        u64 in_first = PAGE_SIZE - (b->pa & 0xfff);
        if (b->pa2 < end && b->pa2 + (b->len - in_first) > pa)
            return true;
        last = b->pa + in_first;
    }
    return first < end && last > pa;
}

/* The part of a page that was written; true: code is left in its chunks. */
static bool page_written(struct block_cache *c, struct code_page *p, unsigned first, unsigned last)
{
    unsigned from = first & ~63u, to = last | 63;
    if (!code_bytes_any(&p->bytes, first, last))
        return code_bytes_any(&p->bytes, from, to);
    u64 page = p->page << 12;
    for (struct block *b = p->first, *next; b; b = next) {
        next = b->page_next[b->pa >> 12 == p->page ? 0 : 1];
        if (block_touches(b, page + from, page + to + 1))
            block_drop(c, b);
    }
    memset(&p->bytes.bit[from / 64], 0, (to + 1 - from) / 8);
    return false;
}

bool block_code_written(struct cpu *cpu, u64 pa, unsigned len)
{
    u64 last = pa + len - 1;
    bool left = false;
    for (u64 page = pa >> 12; page <= last >> 12; page++) {
        struct code_page *p = *page_slot(cpu->engine_data, page);
        if (p)
            left |= page_written(cpu->engine_data, p, page == pa >> 12 ? pa & 0xfff : 0,
                                 page == last >> 12 ? last & 0xfff : PAGE_SIZE - 1);
    }
    return left;
}

/* Code bytes at one place: from its page's host memory, or (NULL) single bytes read through the world. */
static unsigned fetch_bytes(struct cpu *cpu, const u8 *page, u64 pa, u8 *out, unsigned n)
{
    n = MIN(n, PAGE_SIZE - (unsigned)(pa & 0xfff));
    if (page)
        memcpy(out, page + (pa & 0xfff), n);
    else
        for (unsigned i = 0; i < n; i++)
            out[i] = (u8)cpu->env->mem_read(cpu->env->world, cpu, pa + i, 1);
    return n;
}
static const u8 *page_at(struct cpu *cpu, u64 pa)
{
    struct cpu_page page;
    cpu->env->page(cpu->env->world, cpu, pa & PAGE_MASK, &page);
    return page.read;
}

/* A block under construction. */
struct builder {
    struct cpu *cpu;
    u64 ip, lin, pa, pa2;
    const u8 *page; /* pa's, where it is memory */
    u32 mode;
    unsigned len, ninsn, nuops;
    bool ended, cached;
    struct uop uops[MAX_UOPS];
};

static void emit_plain(struct builder *b, enum uop_op op, unsigned len)
{
    b->uops[b->nuops] = (struct uop){.op = op,
                                     .fn = uop_info[op].table->fn[FORM_0][0],
                                     .pc_off = (u16)b->len,
                                     .len = (u8)len,
                                     .base = SLOT_ZERO,
                                     .index = SLOT_ZERO,
                                     .index_in_block = (u8)b->ninsn,
                                     .flags = UF_FIRST | UF_LAST};
    b->nuops++;
}

static void trace_insn(struct builder *b, const u8 *bytes, unsigned n)
{
    struct trace *t = b->cpu->trace;
    static const unsigned bits[] = {16, 32, 64, 64};
    if (t->disasm) {
        t->disasm(t->out, b->lin + b->len, bytes, n, bits[b->mode & MODE_CODE]);
        return;
    }
    fprintf(t->out, "0x%08llx: ", (unsigned long long)(b->lin + b->len));
    for (unsigned i = 0; i < n; i++)
        fprintf(t->out, "%02x", bytes[i]);
    fputc('\n', t->out);
}

/* Lowers one decoded instruction into the block. */
static void append(struct builder *b, const struct insn *in)
{
    unsigned n = lower(in, b->mode, (u16)b->len, &b->uops[b->nuops]);
    for (unsigned i = 0; i < n; i++) {
        struct uop *u = &b->uops[b->nuops + i];
        u->index_in_block = (u8)b->ninsn;
        b->ended |= (uop_info[u->op].props & (UP_ENDS | UP_MODE)) || u->op == UOP_GATE;
    }
    b->nuops += n;
}

/* Decodes the next instruction; false when the block must end before it. */
static bool build_one(struct builder *b)
{
    u8 bytes[16] = {0};
    struct insn in;
    u64 pa = b->pa + b->len;
    if (b->ninsn && (pa & PAGE_MASK) != (b->pa & PAGE_MASK))
        return false;
    unsigned avail = fetch_bytes(b->cpu, b->page, pa, bytes, 15);
    enum decode_result r = decode(b->cpu->features, b->mode, bytes, avail, &in);
    if (r == DECODE_NEED_MORE) {
        if (b->ninsn)
            return false;
        b->pa2 = mmu_fetch(b->cpu, b->lin + avail);
        avail += fetch_bytes(b->cpu, page_at(b->cpu, b->pa2), b->pa2, bytes + avail, 15 - avail);
        r = decode(b->cpu->features, b->mode, bytes, avail, &in);
    }
    if (tracing(b->cpu->trace, in_asm))
        trace_insn(b, bytes, in.len);
    if (r == DECODE_OK) {
        append(b, &in);
    } else {
        emit_plain(b, r == DECODE_UD ? UOP_INVALID : UOP_TOO_LONG, in.len);
        b->ended = true;
    }
    b->len += in.len;
    b->ninsn++;
    return true;
}

static void trace_uops(struct trace *t, u64 lin, const struct block *b)
{
    fprintf(t->out, "UOP: block 0x%llx\n", (unsigned long long)lin);
    for (unsigned k = 0; k < b->nuops; k++)
        uop_print(t->out, &b->uops[k]);
}

static struct block *builder_finish(struct builder *b)
{
    struct block_cache *c = b->cpu->engine_data;
    if (!b->ended)
        emit_plain(b, UOP_FALLTHROUGH, 0);
    struct block *blk = block_alloc(c, b->nuops);
    *blk = (struct block){.pa = b->pa,
                          .pa2 = b->pa2,
                          .key = b->mode,
                          .len = (u16)b->len,
                          .ninsn = (u16)b->ninsn,
                          .nuops = (u16)b->nuops,
                          .valid = true,
                          .need = b->ninsn};
    memcpy(blk->uops, b->uops, b->nuops * sizeof(struct uop));
    if (tracing(b->cpu->trace, uop))
        trace_uops(b->cpu->trace, b->lin, blk);
    c->built++;
    if (!b->cached)
        return blk;
    blk->hash_next = c->hash[hash_of(blk->pa, blk->key)];
    c->hash[hash_of(blk->pa, blk->key)] = blk;
    page_add(c, blk, blk->pa, 0);
    if (blk->pa2 != ~0ull)
        page_add(c, blk, blk->pa2, 1);
    u64 in_first = MIN((u64)blk->len, PAGE_SIZE - (blk->pa & 0xfff));
    for (u64 pa = blk->pa & ~63ull; pa < blk->pa + in_first; pa += 64)
        b->cpu->env->code_here(b->cpu->env->world, pa);
    if (blk->pa2 != ~0ull)
        b->cpu->env->code_here(b->cpu->env->world, blk->pa2);
    return blk;
}

static struct block *block_build(struct cpu *cpu, u64 ip, u64 lin, u64 pa, u32 mode)
{
    struct builder b = {.cpu = cpu, .ip = ip, .lin = lin, .pa = pa, .pa2 = ~0ull, .mode = mode};
    b.page = page_at(cpu, pa);
    b.cached = b.page != NULL; /* code in MMIO is read anew each time */
    if (tracing(cpu->trace, in_asm))
        fprintf(cpu->trace->out, "IN: 0x%llx\n", (unsigned long long)lin);
    unsigned max = (mode & MODE_STEP) || !b.cached ? 1 : BLOCK_MAX_INSNS;
    while (b.ninsn < max && !b.ended && build_one(&b))
        ;
    return builder_finish(&b);
}

/* #GP(0) when the fetch of [ip, ip + len) leaves CS (SDM vol. 3, 5.3). */
static void check_limit(struct cpu *cpu, u64 ip, unsigned len)
{
    if (ip + len - 1 > cpu->seg[CS].limit)
        raise_gp(cpu, 0);
}

static struct block *find(struct cpu *cpu, u64 ip, u64 lin, u32 mode)
{
    struct block_cache *c = cpu->engine_data;
    u64 pa = mmu_fetch(cpu, lin);
    for (struct block *b = c->hash[hash_of(pa, mode)]; b; b = b->hash_next)
        if (b->pa == pa && b->key == mode &&
            (b->pa2 == ~0ull || mmu_fetch(cpu, lin + (PAGE_SIZE - (pa & 0xfff))) == b->pa2))
            return b;
    if (c->used > c->limit)
        block_cache_flush(c);
    return block_build(cpu, ip, lin, pa, mode);
}

struct block *block_lookup(struct cpu *cpu, u64 ip, u32 mode)
{
    struct block_cache *c = cpu->engine_data;
    cpu->gpr[SLOT_RIP] = ip;
    bool is64 = (mode & MODE_CODE) == MODE_CODE64;
    u64 lin = is64 ? ip : (u32)(cpu->seg[CS].base + ip);
    u32 key = jump_key(cpu, mode);
    struct jump_entry *j = &c->jump[JUMP_SLOT(lin)];
    struct block *b = j->block;
    if (likely(j->lin == lin && j->key == key && j->gen == c->gen && b->valid)) {
        if (likely(is64 || (mode & MODE_FLAT)))
            return b;
    } else {
        cpu->cur = NULL;
        if (!is64 && unlikely(ip > cpu->seg[CS].limit))
            raise_gp(cpu, 0);
        b = find(cpu, ip, lin, mode);
        if (b->hash_next || c->hash[hash_of(b->pa, b->key)] == b)
            *j = (struct jump_entry){lin, key, c->gen, b};
    }
    if (!is64 && unlikely(ip + b->len - 1 > cpu->seg[CS].limit)) {
        /* only the instructions that lie inside may run: one at a time */
        cpu->cur = NULL;
        if (b->ninsn > 1)
            b = find(cpu, ip, lin, mode | MODE_STEP);
        check_limit(cpu, ip, b->len);
    }
    return b;
}
