/*
 * The engine "jit": the run loop that interprets what is cold, translates what
 * is hot, enters translations and links them; and what emitted code calls.
 */
#include "jit/engine.h"

#include "cpu/cpu.h"
#include "cpu/flags.h"
#include "cpu/x87/fp80.h"
#include "cpu/interp.h"
#include "cpu/vec/mxcsr.h"
#include "cpu/system/sys.h"
#include "cpu/system/tlb.h"
#include "jit/lockstep.h"
#include "jit/recipe.h"
#include ORRERY_BACKEND_FLAGS

static bool is_plain(const struct seg *s)
{
    return s->limit == 0xffffffffu && (s->attr & (SEG_W | SEG_CODE | SEG_E | SEG_UNUSABLE)) == SEG_W;
}

/* DS, ES, SS, FS and GS are of 64 KiB, and so is CS; in virtual-8086 mode that follows. */
static bool all_64k(const struct cpu *cpu)
{
    const u32 bad = SEG_UNUSABLE | SEG_CODE | SEG_E;
    u32 data = 0, limits = 0, limit_of_all = ~0u;
    for (unsigned s = 0; s < SEG_COUNT; s++) {
        data |= s == CS ? cpu->seg[s].attr & (SEG_UNUSABLE | SEG_E) : cpu->seg[s].attr & bad;
        limits |= cpu->seg[s].limit;
        limit_of_all &= cpu->seg[s].limit;
    }
    return !data && limits == 0xffff && limit_of_all == 0xffff;
}

/* The part of the key that says which code segment it is. */
static u64 segment_key(const struct cpu *cpu)
{
    const struct seg *cs = &cpu->seg[CS];
    if (is_real_like(cpu) && !(cs->base & ~0xffff0ull) && all_64k(cpu))
        return KEY_PARAGRAPH | (cs->base >> 4) << KEY_SEGMENT_SHIFT;
    return (u64)jit_code_segment(cpu->translator, cs) << KEY_SEGMENT_SHIFT;
}

/* 32-bit code and stack, all flat: its EIP is the linear address. */
static bool is_flat32(const struct cpu *cpu)
{
    const u32 all = MODE_CODE | MODE_STACK | MODE_FLAT;
    return (cpu->mode & all) == (MODE_CODE32 | MODE_CODE32 << MODE_STACK_SHIFT | MODE_FLAT);
}

ALWAYS_INLINE u64 key_of(const struct cpu *cpu)
{
    bool x87_checked = FP_IN_SOFTWARE || (~cpu->fpu.fcw & FSW_EXC) | (cpu->fpu.fsw & FSW_ES);
    bool sse_checked = FP_IN_SOFTWARE || cpu->sse_checked;
    u32 plain = 0;
    u64 segment = 0;
    if (is_flat32(cpu))
        plain = (is_plain(&cpu->seg[FS]) ? (u32)KEY_FS_PLAIN : 0) | (is_plain(&cpu->seg[GS]) ? (u32)KEY_GS_PLAIN : 0);
    else if ((cpu->mode & MODE_CODE) != MODE_CODE64)
        segment = segment_key(cpu);
    return segment | cpu->mode | plain | (u32)cpu->mmu_idx << KEY_MMU_SHIFT | (sse_checked ? (u32)KEY_SSE_CHECKED : 0) |
           (x87_checked ? (u32)KEY_X87_CHECKED : 0);
}
/* What translated code may rely on now; two states with one key run the same translations. */
u64 jit_key(const struct cpu *cpu) { return key_of(cpu); }

/* Addresses of 32-bit code are made of registers without cutting them, so what 64-bit code left above must be gone. */
static bool upper_halves_clear(const struct cpu *cpu)
{
    u64 all = 0;
    for (unsigned r = RAX; r <= RDI; r++)
        all |= cpu->gpr[r];
    return all >> 32 == 0;
}

bool jit_translatable(const struct cpu *cpu)
{
    if ((cpu->mode & MODE_CODE) == MODE_CODE64)
        return true;
    return upper_halves_clear(cpu);
}

UOP_FN(jit_stop)
{
    (void)cpu;
    return u;
}

/*
 * After a micro-op that left its translation: goes on in the next at once where it is remembered; SITE_LEAVES: the
 * run loop is to look.
 */
static u32 chain(struct jit *jit)
{
    struct cpu *cpu = jit->cpu;
    u64 eip = cpu->gpr[SLOT_RIP];
    flags_to_code(cpu);
    if (__atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) || cpu->budget <= 0 || cpu->halted || cpu->wait_sipi ||
        (cpu->mode & (MODE_STEP | MODE_BREAKS)) || !jit_translatable(cpu))
        return SITE_LEAVES;
    u64 key = key_of(cpu);
    jit_sync_jumps(jit, key);
    const u8 *host = jit_recall(jit, key, eip);
    if (!host)
        return SITE_LEAVES;
    cpu->cur = NULL;
    cpu->gpr[SLOT_RIP] = jit_page_start(cpu, eip);
    return (u32)(host - jit->exec);
}

/* The instruction touches one page after another: asking the TLB each time will be faster. */
static void translate_as_wanderer(struct jit *jit, const struct call_site *s, struct translation_block *tb)
{
    insn_set_add(&jit->wanderers, (tb->pa & PAGE_MASK) + s->u.pc_off);
    jit_drop(jit, tb);
}

/* The group of accesses that it leads lies across pages, and will again: each is to be checked for itself. */
static void count_failure(struct jit *jit, struct call_site *s, struct translation_block *tb)
{
    enum { FAILURES_MAX = 32 };
    if (++s->failures < FAILURES_MAX || !tb->valid)
        return;
    insn_set_add(&jit->loners, (tb->pa & PAGE_MASK) + s->u.pc_off);
    jit_drop(jit, tb);
}

u32 jit_call_site(struct cpu *cpu, u32 offset)
{
    struct jit *jit = cpu->translator;
    struct call_site *s = jit_meta_at(jit, offset);
    struct translation_block *tb = jit_meta_at(jit, s->tb);
    const struct uop_info *info = &uop_info[s->u.op];
    cpu->block = &jit->head[tb->n];
    cpu->cur = &s->u;
    jit->stale = false;
    bool wanders = jit->wanderer; /* of this instruction, even if it faults */
    jit->wanderer = false;
    jit->counters.site_calls++;
    if (s->recipe)
        recipe_flags(cpu, jit_meta_at(jit, s->recipe));
    else
        flags_to_c(jit);
    u32 epoch = cpu->tlb_epoch, fills = cpu->tlb_fills;
    const struct uop *next = s->u.fn(cpu, &s->u);
    if (unlikely(s->leads && cpu->tlb_fills == fills))
        count_failure(jit, s, tb);
    if (s->access && cpu->tlb_fills != fills)
        jit_site_fill(jit, s->access, tb->key >> KEY_MMU_SHIFT & (MMU_COUNT - 1));
    if (unlikely(wanders))
        translate_as_wanderer(jit, s, tb);
    if (!next)
        return chain(jit);
    bool look = __atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) && s->u.op != UOP_STI &&
                s->u.op != UOP_MOV_TO_SREG && s->u.op != UOP_POP_SREG;
    if (likely(!look && !(jit->stale && !tb->valid) && cpu->tlb_epoch == epoch && key_of(cpu) == tb->key)) {
        if (info->flags_written || s->recipe)
            flags_to_code(cpu);
        return SITE_GOES_ON;
    }
    goto_afresh(cpu, &s->u, uop_next_ip(cpu, &s->u));
    return chain(jit);
}

helper_fn *const jit_helpers[HELPER_COUNT] = {
#define HELPER(fn, ret, a, b) [HELPER_##fn] = (helper_fn *)fn,
#include "jit/helpers.def"
#undef HELPER
};

/* ---- the run loop ---- */

/*
 * Whether addresses that are not canonical begin within that distance. A direct jump to one faults, which emitted code
 * does not look for. So what lies in its shadow is interpreted, and so are pages within reach of any direct jump that
 * hold jumps to further away than the shadow.
 */
enum { SHADOW = 2 * FAR_JUMP };
#define REACH (2ull << 31)
static bool near_hole(u64 eip, u64 distance) { return !is_canonical(eip - distance) || !is_canonical(eip + distance); }

static struct translation_block *find_anywhere(struct jit *jit, u64 eip)
{
    struct cpu *cpu = jit->cpu;
    enum { DECODING = 8 }; /* takes as long as so many runs, and comes again when blocks had to make room */
    const struct block_cache *c = cpu->engine_data;
    u64 built = c->built;
    const struct block *b = block_lookup(cpu, eip, cpu->mode);
    unsigned warmer = c->built == built ? 1 : DECODING;
    jit->counters.lookups++;
    u64 key = jit_key(cpu);
    if (unlikely(key_segment(key) == CODE_SEGMENTS_FULL))
        return NULL;
    u8 *heat = jit_heat(jit, b->pa, key);
    bool warming = *heat > 0 && *heat < jit->hot; /* it was looked for when the block was new */
    struct translation_block *tb = warming ? NULL : jit_find(jit, b->pa, key, eip);
    if (tb) {
        *heat = (u8)jit->hot;
        return tb;
    }
    jit->counters.misses++;
    if (*heat < jit->hot) {
        *heat = (u8)MIN(*heat + warmer, jit->hot);
        return NULL;
    }
    return jit_translate(jit, b->pa, key, eip);
}

/* The translation for code at EIP, made now when the place has become hot; NULL: interpret. Raises #PF. */
static struct translation_block *find(struct jit *jit, u64 eip)
{
    jit->cpu->cur = NULL;
    jit->cpu->gpr[SLOT_RIP] = eip;
    if (likely(!near_hole(eip, REACH)))
        return find_anywhere(jit, eip);
    struct translation_block *tb = near_hole(eip, SHADOW) ? NULL : find_anywhere(jit, eip);
    return tb && !jit_near_hole(jit, tb->pa) ? tb : NULL;
}

/* A link across pages that was made under other mappings: true when it still holds. Raises #PF. */
static bool relink(struct jit *jit, struct exit_link *link, u64 from, u64 eip)
{
    struct cpu *cpu = jit->cpu;
    struct translation_block *to = jit_meta_at(jit, link->to);
    if (!link->to || !to->valid || link->gen < 0 || to->pa2 != ~0ull || near_hole(eip, REACH))
        return false;
    cpu->cur = NULL;
    cpu->gpr[SLOT_RIP] = eip;
    if (mmu_fetch(cpu, jit_linear(cpu, eip)) != to->pa)
        return false;
    link->page = from;
    jit_link(jit, link, to, jit_see(jit, eip, to) ? 1 : 0);
    return true;
}

/* Follows a link: to a translation, which it is made to go to from now on, or nowhere (NULL). */
static struct translation_block *follow(struct jit *jit, struct exit_link *link)
{
    struct cpu *cpu = jit->cpu;
    u64 from = cpu->gpr[SLOT_RIP], eip = ((link->far ? 0 : from) + (u64)link->target) & ip_mask(cpu);
    /* Not beyond the budget, as in the interpreter. */
    if (jit->unlinked || cpu->budget <= 0) {
        cpu->gpr[SLOT_RIP] = eip;
        return NULL;
    }
    if (relink(jit, link, from, eip))
        return jit_meta_at(jit, link->to);
    u64 flushes = jit->counters.flushes;
    struct translation_block *tb = find(jit, eip);
    const struct translation_block *whose = jit_meta_at(jit, link->tb);
    if (!tb || jit->counters.flushes != flushes || !whose->valid || !tb->valid)
        return tb;
    bool same_page = !link->far && tb->pa >> 12 == whose->pa >> 12 && link->target >= 0 &&
                     link->target < (i64)PAGE_SIZE && tb->pa2 == ~0ull;
    bool global = jit_see(jit, eip, tb);
    link->page = from;
    jit_link(jit, link, tb, same_page ? -1 : global ? 1 : 0);
    jit->counters.links++;
    return tb;
}

/*
 * A slice ended in front of tb, which makes it a sample of where user code spends its time. What some of the last few
 * samples met is translated again, with access sites: soon where time goes to few places, since most samples meet what
 * others met, and hardly ever in a compiler, say, where sites would be further away from the processor than the TLB.
 */
static void sample(struct jit *jit, struct translation_block *tb)
{
    enum { LOT = 256, MET_SOON = 2, MET_OFTEN = 6 };
    struct jit_samples *s = &jit->samples;
    if (!jit->sites || !key_is_user(tb->key) || tb->pa2 != ~0ull)
        return;
    if (++s->taken > LOT)
        *s = (struct jit_samples){.lot = s->lot + 1, .taken = 1};
    bool again = tb->sampled_in == s->lot;
    s->again += again;
    tb->sampled_in = s->lot;
    tb->samples = again ? (u8)(tb->samples + 1) : 1;
    if (tb->samples < (s->again * 2 > s->taken ? MET_SOON : MET_OFTEN) || insn_set_has(&jit->hottest, tb->pa))
        return;
    insn_set_add(&jit->hottest, tb->pa);
    jit_drop(jit, tb);
}

/* Enters at 'host' and sorts out why it came back. SLOT_RIP becomes exact. */
static void enter(struct jit *jit, const u8 *host)
{
    struct cpu *cpu = jit->cpu;
    cpu->gpr[SLOT_RIP] = jit_page_start(cpu, cpu->gpr[SLOT_RIP]);
    flags_to_code(cpu);
    for (;;) {
        jit->counters.entered++;
        u32 left = jit->backend->enter(jit, host);
        flags_to_c(jit);
        cpu->cur = NULL;
        u8 *what = jit->meta + (left & ~7u);
        if ((left & 7) == LEAVE_EXACT)
            return;
        if ((left & 7) == LEAVE_ENTRY) {
            struct translation_block *tb = (struct translation_block *)what;
            cpu->gpr[SLOT_RIP] = (cpu->gpr[SLOT_RIP] + (tb->pa & 0xfff)) & ip_mask(cpu);
            jit->refused = tb->valid;
            if (tb->valid) {
                sample(jit, tb);
            } else {
                jit_forget(jit, tb->key, cpu->gpr[SLOT_RIP]);
                jit->gone = tb;
            }
            jit->counters.refused++;
            return;
        }
        struct translation_block *tb = follow(jit, (struct exit_link *)what);
        if (!tb || cpu->budget < tb->n || __atomic_load_n(&cpu->attention, __ATOMIC_RELAXED))
            return;
        cpu->gpr[SLOT_RIP] = jit_page_start(cpu, cpu->gpr[SLOT_RIP]);
        host = jit->exec + tb->entry;
    }
}

void jit_once(struct jit *jit)
{
    struct cpu *cpu = jit->cpu;
    u64 eip = cpu->gpr[SLOT_RIP];
    struct translation_block *gone = jit->gone;
    jit->gone = NULL;
    if (unlikely(jit->refused || (cpu->mode & (MODE_STEP | MODE_BREAKS)) || !jit_translatable(cpu))) {
        jit->refused = false;
        jit->counters.interpreted++;
        run_once(cpu);
        return;
    }
    u64 key = key_of(cpu);
    if (unlikely(key_segment(key) == CODE_SEGMENTS_FULL)) {
        jit_forget_segments(jit);
        gone = NULL;
        key = key_of(cpu);
    }
    jit_sync_jumps(jit, key);
    const u8 *host = jit_recall(jit, key, eip);
    if (likely(host)) {
        enter(jit, host);
        return;
    }
    u64 flushes = jit->counters.flushes;
    struct translation_block *tb = find(jit, eip);
    if (!tb) {
        jit->counters.interpreted++;
        run_once(cpu);
        return;
    }
    if (gone && jit->counters.flushes == flushes)
        jit_replace(jit, gone, tb);
    jit_remember(jit, eip, tb);
    if (tb->n > cpu->budget)
        run_once(cpu);
    else
        enter(jit, jit->exec + tb->entry);
}

static void jit_run(struct cpu *cpu)
{
    struct jit *jit = cpu->translator;
    for (;;) {
        if (_setjmp(cpu->unwind) == 0) {
            while (!run_finished(cpu))
                jit_once(jit);
            return;
        }
        run_caught(cpu);
    }
}

const struct engine engine_jit = {"jit", jit_run, jit_code_written, jit_unmap, jit_info};

bool jit_available(void) { return !ORRERY_BACKEND.no_code; }

bool jit_attach(struct cpu *cpu, size_t code_bytes, unsigned hot)
{
    enum { COLD_BYTES = 32 << 20 }; /* of micro-ops, which are for what is not translated yet */
    struct jit *jit = jit_create(cpu, code_bytes);
    if (!jit)
        return false;
    jit->hot = jit->hot_asked = hot;
    struct block_cache *c = cpu->engine_data;
    c->unchained = ~0u;
    c->limit = COLD_BYTES;
    cpu->translator = jit;
    cpu->engine = &engine_jit;
    return true;
}

void jit_assume_host(struct cpu *cpu, enum jit_host host)
{
    struct jit *jit = cpu->translator;
    jit->host = host;
    jit_flush(jit);
    if (jit->backend->ask_host)
        jit->backend->ask_host(jit);
}

void jit_detach(struct cpu *cpu)
{
    if (!cpu->translator)
        return;
    struct jit *jit = cpu->translator;
    lockstep_destroy(jit->lockstep);
    jit_destroy(jit);
    cpu->translator = NULL;
    cpu->engine = &engine_interp;
}
