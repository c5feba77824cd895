/*
 * The engine "jit": the run loop that interprets what is cold, translates what
 * is hot, enters translations and links them; and what emitted code calls. Only
 * 64-bit code and flat 32-bit code are translated; the rest is interpreted.
 */
#include "jit/engine.h"

#include "cpu/cpu.h"
#include "cpu/flags.h"
#include "cpu/fp80.h"
#include "cpu/interp.h"
#include "cpu/mxcsr.h"
#include "cpu/tlb.h"
#include "jit/lockstep.h"
#include "jit/recipe.h"

/* ---- flags between emitted code and C ---- */

void jit_flags_to_host(struct cpu *cpu) { cpu->host_flags = (u16)((flags_to_image(cpu) | FL_1) << 8 | flag_of(cpu)); }
static void flags_from_host(struct cpu *cpu)
{
    if (unlikely(!(cpu->host_flags & FLAGS_SAVED))) {
        const struct jit *jit = cpu->translator;
        recipe_flags(cpu, (const struct uop *)(jit->meta + flags_recipe_offset(cpu->host_flags)));
        jit_flags_to_host(cpu);
        return;
    }
    flags_from_image(cpu, (cpu->host_flags >> 8 & 0xff) | (cpu->host_flags & 1 ? FL_OF : 0));
}

static bool is_plain(const struct seg *s)
{
    return s->limit == 0xffffffffu && (s->attr & (SEG_W | SEG_CODE | SEG_E | SEG_UNUSABLE)) == SEG_W;
}

ALWAYS_INLINE u32 key_of(const struct cpu *cpu)
{
    bool x87_checked = (~cpu->fpu.fcw & FSW_EXC) | (cpu->fpu.fsw & FSW_ES);
    u32 plain = 0;
    if ((cpu->mode & MODE_CODE) == MODE_CODE32)
        plain = (is_plain(&cpu->seg[FS]) ? (u32)KEY_FS_PLAIN : 0) | (is_plain(&cpu->seg[GS]) ? (u32)KEY_GS_PLAIN : 0);
    return cpu->mode | plain | (u32)cpu->mmu_idx << KEY_MMU_SHIFT | (cpu->sse_checked ? (u32)KEY_SSE_CHECKED : 0) |
           (x87_checked ? (u32)KEY_X87_CHECKED : 0);
}
/* What translated code may rely on now; two states with one key run the same translations. */
u32 jit_key(const struct cpu *cpu) { return key_of(cpu); }

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
    return (cpu->mode & MODE_FLAT) && (cpu->mode & MODE_CODE) == MODE_CODE32 &&
           (cpu->mode & MODE_STACK) >> MODE_STACK_SHIFT == MODE_CODE32 && upper_halves_clear(cpu);
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
    jit_flags_to_host(cpu);
    if (__atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) || cpu->budget <= 0 || cpu->halted || cpu->wait_sipi ||
        (cpu->mode & (MODE_STEP | MODE_BREAKS)) || !jit_translatable(cpu))
        return SITE_LEAVES;
    jit_sync_jumps(jit, key_of(cpu));
    const u8 *host = jit_recall(jit, eip);
    if (!host)
        return SITE_LEAVES;
    cpu->cur = NULL;
    cpu->gpr[SLOT_RIP] = eip & PAGE_MASK;
    return (u32)(host - jit->exec);
}

/* The instruction touches one page after another: asking the TLB each time will be faster. */
static void translate_as_wanderer(struct jit *jit, const struct call_site *s)
{
    jit->wanderer = false;
    insn_set_add(&jit->wanderers, (s->tb->pa & PAGE_MASK) + s->u.pc_off);
    jit_drop(jit, s->tb);
}

/* The group of accesses that it leads lies across pages, and will again: each is to be checked for itself. */
static void count_failure(struct jit *jit, struct call_site *s)
{
    enum { FAILURES_MAX = 32 };
    if (++s->failures < FAILURES_MAX || !s->tb->valid)
        return;
    insn_set_add(&jit->loners, (s->tb->pa & PAGE_MASK) + s->u.pc_off);
    jit_drop(jit, s->tb);
}

u32 jit_call_site(struct cpu *cpu, u32 offset)
{
    struct jit *jit = cpu->translator;
    struct call_site *s = (struct call_site *)(jit->meta + offset);
    const struct uop_info *info = &uop_info[s->u.op];
    cpu->block = &s->tb->head;
    cpu->cur = &s->u;
    jit->stale = false;
    jit->counters.site_calls++;
    if (s->recipe)
        recipe_flags(cpu, s->recipe);
    else
        flags_from_host(cpu);
    u32 epoch = cpu->tlb_epoch, fills = cpu->tlb_fills;
    const struct uop *next = s->u.fn(cpu, &s->u);
    if (unlikely(s->leads && cpu->tlb_fills == fills))
        count_failure(jit, s);
    if (unlikely(jit->wanderer))
        translate_as_wanderer(jit, s);
    if (!next)
        return chain(jit);
    bool look = __atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) && s->u.op != UOP_STI &&
                s->u.op != UOP_MOV_TO_SREG && s->u.op != UOP_POP_SREG;
    if (likely(!look && !(jit->stale && !s->tb->valid) && cpu->tlb_epoch == epoch && key_of(cpu) == s->tb->key)) {
        if (info->flags_written || s->recipe)
            jit_flags_to_host(cpu);
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

/* The translation for code at EIP, made now when the place has become hot; NULL: interpret. Raises #PF. */
static struct translation_block *find(struct jit *jit, u64 eip)
{
    struct cpu *cpu = jit->cpu;
    cpu->cur = NULL;
    cpu->gpr[SLOT_RIP] = eip;
    u64 pa = mmu_fetch(cpu, eip);
    u32 key = jit_key(cpu);
    jit->counters.lookups++;
    struct translation_block *tb = jit_find(jit, pa, key, eip);
    if (tb)
        return tb;
    jit->counters.misses++;
    struct block *b = block_lookup(cpu, eip, cpu->mode);
    if (b->heat_of != (u8)jit->counters.flushes) {
        b->heat_of = (u8)jit->counters.flushes;
        b->heat = 0;
    }
    if (b->heat < jit->hot) {
        b->heat++;
        return NULL;
    }
    return jit_translate(jit, pa, key, eip);
}

/* A link across pages that was made under other mappings: true when it still holds. Raises #PF. */
static bool relink(struct jit *jit, struct exit_link *link, u64 eip)
{
    struct cpu *cpu = jit->cpu;
    struct translation_block *to = link->to;
    if (!to || !to->valid || link->gen < 0 || to->pa2 != ~0ull)
        return false;
    cpu->cur = NULL;
    cpu->gpr[SLOT_RIP] = eip;
    if (mmu_fetch(cpu, eip) != to->pa)
        return false;
    jit_remember(jit, eip, to);
    jit->backend->link(jit, link, to, link->target & ~(i64)0xfff, link->gen);
    return true;
}

/* Follows a link: to a translation, which it is made to go to from now on, or nowhere (NULL). */
static struct translation_block *follow(struct jit *jit, struct exit_link *link)
{
    struct cpu *cpu = jit->cpu;
    u64 from = cpu->gpr[SLOT_RIP], eip = (from + (u64)link->target) & ip_mask(cpu);
    /* Not beyond the budget: the fetch there may fault, which is for after the interrupts of this boundary. */
    if (jit->unlinked || cpu->budget <= 0) {
        cpu->gpr[SLOT_RIP] = eip;
        return NULL;
    }
    if (relink(jit, link, eip))
        return link->to;
    u64 flushes = jit->counters.flushes;
    struct translation_block *tb = find(jit, eip);
    if (!tb || jit->counters.flushes != flushes || !link->tb->valid || !tb->valid)
        return tb;
    bool same_page =
        tb->pa >> 12 == link->tb->pa >> 12 && link->target >= 0 && link->target < (i64)PAGE_SIZE && tb->pa2 == ~0ull;
    i64 delta = (link->target & ~(i64)0xfff);
    jit_remember(jit, eip, tb);
    jit->backend->link(jit, link, tb, delta, same_page ? -1 : jit_is_global(jit, eip, tb) ? 1 : 0);
    jit->counters.links++;
    return tb;
}

/* Enters at 'host' and sorts out why it came back. SLOT_RIP becomes exact. */
static void enter(struct jit *jit, const u8 *host)
{
    struct cpu *cpu = jit->cpu;
    cpu->gpr[SLOT_RIP] &= PAGE_MASK;
    jit_flags_to_host(cpu);
    for (;;) {
        jit->counters.entered++;
        u32 left = jit->backend->enter(jit, host);
        flags_from_host(cpu);
        cpu->cur = NULL;
        u8 *what = jit->meta + (left & ~7u);
        if ((left & 7) == LEAVE_EXACT)
            return;
        if ((left & 7) == LEAVE_ENTRY) {
            struct translation_block *tb = (struct translation_block *)what;
            cpu->gpr[SLOT_RIP] = (cpu->gpr[SLOT_RIP] + (tb->pa & 0xfff)) & ip_mask(cpu);
            jit->refused = tb->valid;
            if (!tb->valid) {
                jit_forget(jit, cpu->gpr[SLOT_RIP]);
                jit->gone = tb;
            }
            jit->counters.refused++;
            return;
        }
        struct translation_block *tb = follow(jit, (struct exit_link *)what);
        if (!tb || cpu->budget < tb->head.ninsn || __atomic_load_n(&cpu->attention, __ATOMIC_RELAXED))
            return;
        cpu->gpr[SLOT_RIP] &= PAGE_MASK;
        host = jit->exec + tb->entry;
    }
}

/* A stale translation's entry was refused, by a link or another that still leads there: from now on it leads to tb. */
static void replace(struct jit *jit, struct translation_block *gone, struct translation_block *tb)
{
    if (gone->pa == tb->pa && gone->key == tb->key && gone->pa2 == ~0ull && tb->pa2 == ~0ull)
        jit->backend->forward(jit, gone, tb);
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
    jit_sync_jumps(jit, key_of(cpu));
    const u8 *host = jit_recall(jit, eip);
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
        replace(jit, gone, tb);
    jit_remember(jit, eip, tb);
    if (tb->head.ninsn > cpu->budget)
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
    struct jit *jit = jit_create(cpu, code_bytes);
    if (!jit)
        return false;
    jit->hot = jit->hot_asked = hot;
    struct block_cache *c = cpu->engine_data;
    c->unchained = ~0u;
    cpu->translator = jit;
    cpu->engine = &engine_jit;
    return true;
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
