/*
 * Blocks of micro-ops, cached by physical address and mode, so that nothing is
 * decoded twice. A block is position independent: it runs at whatever EIP
 * SLOT_RIP holds. Each CPU has a cache of its own.
 */
#ifndef ORRERY_CPU_BLOCK_H
#define ORRERY_CPU_BLOCK_H

#include "cpu/state.h"
#include "cpu/uop.h"

enum { BLOCK_MAX_INSNS = 32, JUMP_CACHE = 1 << 14, BLOCK_HASH_BITS = 17 };

struct block;
/*
 * A remembered successor. gen 0: same physical page, holds while both blocks are valid; otherwise it holds for that EIP
 * while the cache's generation (mapping of pages) is that.
 */
struct block_link {
    struct block *to;
    u64 ip;
    u32 gen;
    u32 base, limit; /* CS's, if it was not flat: it holds for those */
};

struct block {
    u64 pa, pa2; /* pa2: second page of a page-crossing instruction, or ~0 */
    u32 key;     /* mode it was decoded for */
    u16 len;     /* bytes */
    u16 ninsn;
    u16 nuops;
    bool valid;
    u32 need; /* budget it wants: ninsn, or more than there can be when it is not valid */
    struct block_link link[2];
    struct block *hash_next;
    struct block *page_next[2]; /* in the lists of pa's and pa2's page */
    struct uop uops[];
};

struct code_page; /* the blocks that lie in one physical page */

/* Which bytes of a page are code: data lies beside it. */
struct code_bytes {
    u64 bit[PAGE_SIZE / 64];
};
/* Notes n bytes from 'off' on, as far as the page goes. */
void code_bytes_add(struct code_bytes *b, unsigned off, unsigned n);
/* Whether one from 'first' to 'last' is. */
bool code_bytes_any(const struct code_bytes *b, unsigned first, unsigned last);

struct jump_entry {
    u64 lin;
    u32 key; /* mode and privilege */
    u32 gen; /* of the cache: entries of another do not count */
    struct block *block;
};

/* Where in 'jump' a linear address is. */
#define JUMP_SLOT(lin) (((lin) ^ (lin) >> 12) & (JUMP_CACHE - 1))
ALWAYS_INLINE u32 jump_key(const struct cpu *cpu, u32 mode) { return mode | (cpu->cpl == 3 ? BIT(31) : 0); }

struct block_cache {
    struct jump_entry jump[JUMP_CACHE];
    struct block *hash[1 << BLOCK_HASH_BITS];
    struct code_page *pages[4096];
    struct arena *arena;
    size_t used, limit; /* bytes of uops */
    u32 unchained;      /* all ones: every block goes back to the run loop (a translator counts it there) */
    u32 gen;            /* bumped when virtual mappings change; never 0 */
    u64 built, invalidated, flushes;
};

struct block_cache *block_cache_create(size_t limit);
void block_cache_destroy(struct block_cache *c);
/* Forgets every block. Only between blocks. */
void block_cache_flush(struct block_cache *c);
/* Forgets what virtual addresses meant. */
void block_cache_unmap(struct block_cache *c);
/*
 * The block at EIP ip for that mode, decoded if need be. Raises #PF, #GP for
 * the fetch, with SLOT_RIP = ip and cpu->cur = NULL set first.
 */
struct block *block_lookup(struct cpu *cpu, u64 ip, u32 mode);
/* RAM in [pa, pa + len) changed: drops blocks that overlap its 64-byte chunks, if a byte of it is code; see struct
 * engine. */
bool block_code_written(struct cpu *cpu, u64 pa, unsigned len);

#endif
