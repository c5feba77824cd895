/*
 * The translator's own structures: translations, where they are found, the code
 * memory they live in, and what a host backend provides. See jit/README.md.
 */
#ifndef ORRERY_JIT_JIT_H
#define ORRERY_JIT_JIT_H

#include "cpu/block.h"
#include "cpu/exec.h"
#include "jit/engine.h"
#include "jit/state.h"
#include "jit/superblock.h"

struct jit;
struct lockstep;
struct translation_block;

/*
 * A micro-op as emitted code hands it to C: when its access misses the TLB, or
 * where there is no rule for it. C runs its function, 'stop' gives control back.
 */
struct call_site {
    struct uop u;
    /* What stands for the micro-op behind it, as far as anybody looks: 'stop' and 'stop_op' are its fn and op. */
    uop_fn *stop;
    u32 tb;       /* offset of its translation_block in the metadata */
    u32 recipe;   /* flags before it: offset of a struct recipe; 0: jit_state.flags */
    bool leads;   /* a group of accesses, whose check failed */
    u16 failures; /* of those, that came from no miss of the TLB */
    u16 stop_op;
    u32 access; /* the access site that failed, offset from jit->sites, and SITE_WRITES; 0: none, or several */
};
static_assert(offsetof(struct call_site, stop) == sizeof(struct uop) + offsetof(struct uop, fn) &&
                  offsetof(struct call_site, stop_op) == sizeof(struct uop) + offsetof(struct uop, op),
              "'stop' is where C looks for the next micro-op");

/* A direct exit: emitted code jumps where the displacement at 'patch' says, at first to a stub that asks for a link. */
struct exit_link {
    i64 target;  /* from the page's start; of a far exit: EIP */
    u64 page;    /* EIP of that start when it was made, where gen is not -1: it holds for that alone */
    u32 tb, to;  /* offsets of translation_blocks: whose it is, where it leads (0: nowhere yet) */
    u32 next;    /* offset of the next in the list of 'to' */
    u32 patch;   /* offset in code memory of the link's code, which a backend patches */
    u32 made_at; /* jit_state.map_gen[gen] then */
    i8 gen;      /* it holds while that one of jit_state.map_gen stays as it was; -1: for good */
    /* a backend's: */
    u8 refund; /* instructions of tb behind this exit */
    u8 ready;  /* what is loaded here */
    bool far;  /* to another code segment, which is CS when the exit is taken */
};

/* What a run of emitted code is for. */
enum mark_kind {
    MARK_ENTRY,
    MARK_INSN,
    MARK_EXIT, /* out of line: the way out of a conditional jump */
    MARK_REFUSAL,
    MARK_SLOW, /* out of line: the instruction in C */
};
/*
 * From host code back to guest instructions: this run, up to the next mark's, belongs to the instruction at pc_off
 * of the page.
 */
struct code_mark {
    u16 host; /* from the translation's entry; ascending */
    u16 op;   /* enum uop_op */
    u16 pc_off : 12, kind : 4;
};
/* What lies between runs of code, never executed. */
enum { CODE_PADDING = 0xcc };

struct translation_block {
    struct translation_block *hash_next, *page_next;
    struct translation_block *crossing_next; /* in the list of pa2's page */
    u64 pa, pa2;                             /* pa2: of the second page of an instruction that crosses, or ~0 */
    u64 key;
    u32 page_eip; /* as in struct superblock */
    u32 entry;    /* offset in code memory */
    u32 length;   /* bytes of host code */
    u32 serial;
    u64 chunks; /* as in struct superblock */
    u64 runs;   /* only counted where -d or a test asks */
    u32 links;  /* offset of the first exit_link that leads here */
    u32 marks;  /* offset in the metadata of struct code_mark */
    u16 nmarks;
    u8 n; /* instructions */
    bool valid;
    u32 sampled_in; /* the last lot of samples that met it, ... */
    u8 samples;     /* ... so often */
    /* a backend's: */
    u8 charged; /* bytes from the entry to where links go that have charged for its instructions */
    u8 wants;   /* ... and have this loaded */
};

/* What emitted code returns with: an offset in the metadata, aligned to 8, and in the low bits why. */
enum leave {
    LEAVE_EXACT, /* SLOT_RIP is the next instruction's EIP */
    LEAVE_LINK,  /* exit_link: go on there, and link it */
    LEAVE_ENTRY, /* translation_block: its entry refused: it is stale or the budget is too small */
};

/*
 * An access in emitted code, or a group of them, and the page it was made to last. Addresses from page on, fewer than
 * limit, are known to be good, and at host. They stay good until the TLB loses something: then limit becomes 0.
 */
struct access_site {
    u64 limit, page, host;
    u64 addend; /* host - page, also when limit is 0: members of a group have it behind their leader's check */
    u32 next;   /* in the list of those that are filled: an offset from jit->sites; SITES_END; 0: not in it */
    u16 last;   /* bytes behind the first that the access touches, and SITE_INSIDE */
    u8 stamp;   /* when it was filled: the budget's bits 8 to 15 */
    u8 strikes; /* how often it may still be filled again at once, before the TLB is asked each time */
};
enum {
    SITES_END = 1,
    SITE_WRITES = 1,       /* beside an offset: it asks for the right to write */
    SITE_INSIDE = 0x8000,  /* in the first and last 64 KiB of 4 GiB it is not filled: members do not cut addresses */
    SITE_BORDER = 0x10000, /* those 64 KiB */
    SITE_STRIKES = 16
};

/* A page with translations. */
struct jit_page;

enum { JUMP_TABLE = 1 << 16 };
/* Functions begin at multiples of 16, so the low bits alone would leave most slots empty. */
#define JUMP_HASH       0x9e3779b1u
#define JUMP_INDEX(eip) ((u32)(eip)*JUMP_HASH >> 16)
/*
 * Where emitted code finds the target of an indirect jump. C finds what had to make room for another in the slot
 * beside it, too.
 */
struct jump_target {
    u64 tag;        /* EIP, and in segmented code, above it, key_segment() */
    const u8 *host; /* executable */
};
/*
 * Tags of an empty slot, and of one that is empty but listed as filled: an EIP that is looked for elsewhere, since a
 * guest may jump to any EIP. That of 0 in its low half belongs to slot 0, that of 1 to a slot in the table's middle.
 */
#define NO_TAG(slot)   (BIT64(62) | ((slot) < 2))
#define DEAD_TAG(slot) (BIT64(61) | ((slot) < 2))
static_assert(JUMP_INDEX(0) == 0 && JUMP_INDEX(1) >= 2, "what empty slots rely on");

/* What indirect jumps under keys that differ in their code segments alone find. */
struct jump_table {
    struct jump_target target[JUMP_TABLE];
    u32 list[JUMP_TABLE]; /* filled slots */
    unsigned count;
    bool local; /* some lie in pages that are not global */
};
/* The tables of keys that differ in mmu_idx alone; made when first filled. */
struct jump_set {
    u32 key; /* without mmu_idx and code segment */
    u64 used;
    struct jump_table *table[MMU_COUNT];
};
enum { JUMP_SETS = 6, HASH_BITS = 16, HEAT_BITS = 19 };

/* A code segment that keys know by its number, from 1: its place in the table. */
struct jit_code_segment {
    u32 base, limit;
};
enum { CODE_SEGMENTS = 1 << 12, CODE_SEGMENTS_FULL = CODE_SEGMENTS };

/* Ends of slices in user code, by lots. */
struct jit_samples {
    u32 lot;
    u16 taken, again; /* again: they met what others of the lot had met */
};

struct jit_counters {
    u64 translated, guest_bytes, host_bytes, invalidated, flushes, entered, links, lookups, misses, interpreted;
    u64 site_calls, refused;
    u64 translate_ns;
};

struct jit {
    struct cpu *cpu;
    unsigned hot; /* times a block is interpreted before it is translated: as asked for, or more */
    unsigned hot_asked;
    u64 flushed_at; /* the last time it was full: cpu->icount_base */
    const struct backend *backend;
    enum jit_host host;
    /* Code memory: one file mapped twice, never writable and executable in one mapping; or the metadata (no_code). */
    u8 *write, *exec;
    size_t size, used, stubs; /* stubs: entry, exits, calls; kept by a flush */
    void *backend_data;
    /* Metadata: sites, links, translations; reserved whole, used from the start. */
    u8 *meta;
    size_t meta_size, meta_used, meta_stubs;
    struct translation_block *hash[1 << HASH_BITS];
    /*
     * By the same hash, more of it: times code there was interpreted, up to 'hot', since code memory was last emptied.
     * Not in the blocks, which may be dropped for want of room before they are hot.
     */
    u8 heat[1 << HEAT_BITS];
    struct jit_page *pages[1 << 10];
    struct jump_set jumps[JUMP_SETS];
    struct jump_set *jump_set;   /* that of the key code runs under; jit_state.jump points into it */
    struct jump_table *no_jumps; /* always empty: in place of tables not made yet */
    u64 jump_clock;
    struct jit_code_segment segments[CODE_SEGMENTS]; /* by hash; base and limit 0: free */
    unsigned nsegments;
    u64 seen[2][2048]; /* by whether they are global: pages found by virtual address since jit_state.map_gen last
                          changed */
    struct access_site *sites; /* behind the executable code, in reach of RIP; NULL: the backend has no use for them */
    u32 nsites, max_sites;
    u32 filled;                /* the list's head, written by emitted code */
    bool wanderer;             /* set by emitted code: a site out of strikes, whose instruction C runs now */
    struct insn_set wanderers; /* they touch another page again and again */
    struct insn_set loners;    /* they would lead groups that lie across pages */
    struct insn_set hottest;   /* first instructions of superblocks that take a good part of all time */
    struct jit_samples samples;
    bool refused;                   /* the last entry was refused: interpret next */
    struct translation_block *gone; /* the last entry was refused, because this is stale; or NULL */
    bool stale;                     /* code was written while C ran for a translation */
    bool unlinked;                  /* every translation goes back to the run loop; before it is set: jit_flush */
    u32 serial;
    struct lockstep *lockstep; /* whose it is, or NULL */
    struct jit_counters counters;
    struct jit_perf *perf; /* or NULL */
    struct superblock *sb;
    /* What cpu->block is while C runs micro-ops of a translation of so many instructions. */
    struct block head[SUPERBLOCK_MAX + 1];
    u8 border[PAGE_SIZE + 16]; /* the end of a page and the start of the next, for an instruction that crosses */
};

/* A host: emits code for superblocks. */
struct backend {
    const char *name;
    /* It emits nothing that the host executes: in place of code memory it has the metadata. */
    bool no_code;
    /* Emits the stubs at the start of code memory; false: this host cannot. */
    bool (*start)(struct jit *jit);
    /* Emits sb into code memory as tb; false when out of room. Fills entry, length, marks. */
    bool (*translate)(struct jit *jit, struct superblock *sb, struct translation_block *tb);
    /* Runs emitted code from host (executable) until it leaves. */
    u32 (*enter)(struct jit *jit, const u8 *host);
    /*
     * Makes the link's code go to 'to': from link->page while jit_state.map_gen[gen] stays as it is, or (-1) for good
     * within whatever page; false: no room.
     */
    bool (*link)(struct jit *jit, const struct exit_link *link, const struct translation_block *to, int gen);
    /* Makes tb refuse every entry. */
    void (*unlink)(struct jit *jit, struct translation_block *tb);
    /* Makes every entry of tb, which refuses, one of 'to', which is the same place's. */
    void (*forward)(struct jit *jit, struct translation_block *tb, const struct translation_block *to);
    /* Learns, as jit->host says, what it may not take from the host; 'start' has done so. NULL: it takes nothing. */
    void (*ask_host)(struct jit *jit);
};
/* One a folder; ORRERY_BACKEND is the one that the build chose. */
#define BACKEND(name, processor) extern const struct backend backend_##name;
#include "jit/backends.def"
#undef BACKEND

/* ---- code memory and metadata (cache.c) ---- */
/* bytes: of code memory. NULL: as jit_attach says. */
struct jit *jit_create(struct cpu *cpu, size_t bytes);
void jit_destroy(struct jit *jit);
/* Room in the metadata for n bytes, aligned to 8; NULL: full. */
void *jit_meta(struct jit *jit, size_t n);
ALWAYS_INLINE u32 jit_meta_offset(const struct jit *jit, const void *p) { return (u32)((const u8 *)p - jit->meta); }
ALWAYS_INLINE void *jit_meta_at(const struct jit *jit, u32 offset) { return jit->meta + offset; }
/* The number of CS in keys, new where it must be; CODE_SEGMENTS_FULL: there is no room before jit_forget_segments. */
u32 jit_code_segment(struct jit *jit, const struct seg *cs);
/* No code segment has a number any more, and no translation is left. */
void jit_forget_segments(struct jit *jit);
/* Aims jit->sb at the code at pa, seen at EIP, in that page alone; false: it cannot be read. */
bool jit_aim(struct jit *jit, u64 pa, u64 key, u64 eip);
/* The translation of sb's start, new. Flushes everything first when full; NULL: cannot be translated. */
/* EIP: where that physical address is seen; raises #PF where an instruction goes on in a page that is not there. */
struct translation_block *jit_translate(struct jit *jit, u64 pa, u64 key, u64 eip);
struct translation_block *jit_find(struct jit *jit, u64 pa, u64 key, u64 eip);
u8 *jit_heat(struct jit *jit, u64 pa, u64 key);
void jit_flush(struct jit *jit);
/*
 * The page at pa runs at an address from which a far jump (superblock.h) may not be canonical: whether it has some.
 * When it gets one later, jit_state.map_gen moves on.
 */
bool jit_near_hole(struct jit *jit, u64 pa);
/* The translation is entered no more; its place is translated again. */
void jit_drop(struct jit *jit, struct translation_block *tb);
bool jit_code_written(struct cpu *cpu, u64 pa, unsigned len);
void jit_change_jumps(struct jit *jit, u32 common);
/* From now on indirect jumps find what was remembered under this key. Before translated code runs under it. */
ALWAYS_INLINE void jit_sync_jumps(struct jit *jit, u64 key)
{
    u32 common = (u32)key & ~((u32)(MMU_COUNT - 1) << KEY_MMU_SHIFT);
    if (unlikely(jit->jump_set->key != common))
        jit_change_jumps(jit, common);
}
/* The linear address of EIP, whose lower half says where it is in a jump_table. */
ALWAYS_INLINE u64 jit_linear(const struct cpu *cpu, u64 eip)
{
    return (cpu->mode & MODE_CODE) == MODE_CODE64 ? eip : (u32)(cpu->seg[CS].base + eip);
}
ALWAYS_INLINE u64 jit_tag(u64 key, u64 eip) { return eip | (u64)key_segment(key) << 32; }
/* EIP of the start of its page: SLOT_RIP while emitted code runs there. */
ALWAYS_INLINE u64 jit_page_start(const struct cpu *cpu, u64 eip)
{
    u64 start = eip - (jit_linear(cpu, eip) & 0xfff);
    return (cpu->mode & MODE_CODE) == MODE_CODE64 ? start : (u32)start;
}
/* Enters host code under (the CPU's mmu_idx, eip) for indirect jumps. */
void jit_remember(struct jit *jit, u64 eip, const struct translation_block *tb);
/*
 * Something relies on tb being found at EIP: jit_unmap of its pages will move jit_state.map_gen on. Whether they are
 * global, as far as the TLB still knows.
 */
bool jit_see(struct jit *jit, u64 eip, const struct translation_block *tb);
/* The translation of that EIP is gone. */
void jit_forget(struct jit *jit, u64 key, u64 eip);
/* The host code remembered, or NULL. */
ALWAYS_INLINE const u8 *jit_recall(const struct jit *jit, u64 key, u64 eip)
{
    struct jump_target *table = (struct jump_target *)jit_state(jit->cpu)->jump[jit->cpu->mmu_idx];
    u64 tag = jit_tag(key, eip);
    unsigned slot = JUMP_INDEX(jit_linear(jit->cpu, eip));
    struct jump_target *t = &table[slot], *other = &table[slot ^ 1];
    if (likely(t->tag == tag))
        return t->host;
    if (other->tag != tag)
        return NULL;
    /* Emitted code looks at the first place alone. */
    struct jump_target found = *other;
    if (t->tag != NO_TAG(slot)) {
        *other = *t;
        *t = found;
    }
    return found.host;
}
void jit_unmap(struct cpu *cpu, enum flush_kind kind, u64 lin);

/* ---- links (link.c) ---- */
/* The link leads to 'to' from now on. gen: as in exit_link. */
void jit_link(struct jit *jit, struct exit_link *link, struct translation_block *to, int gen);
/* SLOT_RIP behind a link from link->page: EIP of the start of the page it leads to. */
ALWAYS_INLINE u64 jit_link_page(const struct exit_link *link, const struct translation_block *to)
{
    u64 page = (link->page + (u64)link->target) & PAGE_MASK;
    if (key_is_segmented(to->key))
        return to->page_eip;
    return (to->key & MODE_CODE) == MODE_CODE64 ? page : (u32)page;
}
/* All that leads to 'gone', which is stale, leads to tb instead, if that is the same place's. */
void jit_replace(struct jit *jit, struct translation_block *gone, struct translation_block *tb);

/* ---- access sites (site.c) ---- */
/* A new one, or NULL: no more. */
struct access_site *jit_site(struct jit *jit);
/* The page that the TLB has just been filled for goes to that site (struct call_site), under that mmu_idx. */
void jit_site_fill(struct jit *jit, u32 access, unsigned idx);
/* Forgets pages, as what the TLB drops tells. */
void jit_sites_unmap(struct jit *jit, enum flush_kind kind, u64 lin);
void jit_sites_flush(struct jit *jit);

/* ---- seeing it (show.c, perf.c) ---- */
/* What struct jit_counters holds, in words: for struct engine. */
void jit_info(const struct cpu *cpu, FILE *out);
/* What -d asks to see of a translation just made of sb, at EIP SLOT_RIP. */
void jit_show(const struct jit *jit, const struct superblock *sb, const struct translation_block *tb);
void jit_perf_show(const struct jit *jit, const struct translation_block *tb);
/* Its code, by guest instruction, as if tb's first were at 'lin'. */
void jit_print_code(const struct jit *jit, const struct translation_block *tb, u64 lin, FILE *out);
const struct code_mark *jit_marks(const struct jit *jit, const struct translation_block *tb);
/* Whose code is 'host' bytes behind tb's entry. */
const struct code_mark *jit_mark_at(const struct jit *jit, const struct translation_block *tb, u32 host);

/* ---- for engines that share the translator (engine.c) ---- */
/* What translated code may rely on now; two states with one key run the same translations. */
u64 jit_key(const struct cpu *cpu);
bool jit_translatable(const struct cpu *cpu);
/* One turn of the run loop: translations, as far as they are linked, or a block interpreted. */
void jit_once(struct jit *jit);

/* The function of call_site.stop. */
UOP_FN(jit_stop);

/* ---- what emitted code calls (helpers.def) ---- */
/* What jit_call_site returns; anything else is where to go on, an offset in code memory. */
enum { SITE_GOES_ON, SITE_LEAVES };
typedef u32 helper_U32;
typedef struct cpu *helper_CPU;
#define HELPER(fn, ret, a, b) helper_##ret fn(helper_##a, helper_##b);
#include "jit/helpers.def"
#undef HELPER
enum helper {
#define HELPER(fn, ret, a, b) HELPER_##fn,
#include "jit/helpers.def"
#undef HELPER
    HELPER_COUNT
};
typedef void helper_fn(void);
extern helper_fn *const jit_helpers[HELPER_COUNT];

#endif
