/*
 * The interpreter: runs cached blocks of micro-ops, and cpu_run, the loop that
 * every engine shares: pending events and breakpoints are looked at between
 * blocks, faults come back here by longjmp, the budget of instructions is kept
 * exact (the last few run one by one).
 */
#include "cpu/interp.h"

#include "cpu/block.h"
#include "cpu/cpu.h"
#include "cpu/insn.h"
#include "cpu/mem.h"
#include "cpu/vec/mxcsr.h"

/* Goes on to b; NULL, with nothing run, when it may not follow at once. */
static const struct uop *block_chain(struct cpu *cpu, struct block *b)
{
    return block_may_follow(cpu, b) ? block_enter(cpu, b) : NULL;
}

/* The instruction before which 'u' leaves its block early has not run, nor those behind it. */
static void refund_from(struct cpu *cpu, unsigned index) { cpu->budget += (i64)cpu->block->ninsn - (i64)index; }

void branch_check(struct cpu *cpu, u64 ip)
{
    if ((cpu->mode & MODE_CODE) == MODE_CODE64) {
        if ((u64)((i64)(ip << 16) >> 16) != ip)
            raise_gp(cpu, 0);
    } else if (ip > cpu->seg[CS].limit) {
        raise_gp(cpu, 0);
    }
}

/* The fetch there may fault, which is for after the interrupts of this boundary. */
static bool beyond_budget(const struct cpu *cpu) { return cpu->budget <= 0; }

const struct uop *goto_direct_slow(struct cpu *cpu, u64 ip, unsigned link)
{
    struct block_cache *c = cpu->engine_data;
    struct block *from = cpu->block;
    u64 here = cpu->gpr[SLOT_RIP];
    cpu->gpr[SLOT_RIP] = ip;
    if (unlikely((cpu->mode | from->key | c->unchained) & (MODE_STEP | MODE_BREAKS)))
        return NULL; /* such blocks are never linked: the run loop looks at each */
    if (beyond_budget(cpu))
        return NULL;
    u64 flushes = c->flushes;
    struct block *b = block_lookup(cpu, ip, cpu->mode);
    /* Outside flat code it holds for that CS alone. */
    if (c->flushes == flushes && from->valid) {
        bool same_page = (cpu->mode & (MODE_FLAT | MODE_CODE64)) && b->pa >> 12 == from->pa >> 12 &&
                         ip >> 12 == here >> 12 && b->pa2 == ~0ull && from->pa2 == ~0ull;
        if (b->key == cpu->mode)
            from->link[link] =
                (struct block_link){b, ip, same_page ? 0 : c->gen, (u32)cpu->seg[CS].base, cpu->seg[CS].limit};
    }
    return block_chain(cpu, b);
}

const struct uop *goto_indirect_slow(struct cpu *cpu, u64 ip)
{
    const struct block_cache *c = cpu->engine_data;
    cpu->gpr[SLOT_RIP] = ip;
    if (unlikely((cpu->mode | cpu->block->key | c->unchained) & (MODE_STEP | MODE_BREAKS)) || beyond_budget(cpu))
        return NULL;
    return block_chain(cpu, block_lookup(cpu, ip, cpu->mode));
}

const struct uop *goto_afresh(struct cpu *cpu, const struct uop *u, u64 ip)
{
    refund_from(cpu, u->index_in_block + 1u);
    cpu->gpr[SLOT_RIP] = ip;
    return NULL;
}

static UOP_FN(run_gate)
{
    RAISES(cpu, u);
    /* AVX and SSE first look at what makes them #UD (SDM vol. 2, 2.4 and table 13-1) */
    bool avx_off = !(cpu->cr4 & CR4_OSXSAVE) || (cpu->xcr0 & 6) != 6 || !(cpu->cr0 & CR0_PE) || (cpu->eflags & FL_VM);
    bool ud = u->imm == A_AVX   ? avx_off
              : u->imm == A_SSE ? (cpu->cr0 & CR0_EM) || !(cpu->cr4 & CR4_OSFXSR)
              : u->imm == A_MMX ? (cpu->cr0 & CR0_EM) != 0
                                : false;
    if (ud)
        raise_ud(cpu);
    raise_nm(cpu);
}
static UOP_FN(run_invalid)
{
    RAISES(cpu, u);
    raise_ud(cpu);
}
static UOP_FN(run_too_long)
{
    RAISES(cpu, u);
    raise_gp(cpu, 0);
}
static UOP_FN(run_fallthrough) { return goto_direct(cpu, u, (cpu->gpr[SLOT_RIP] + u->pc_off) & ip_mask(cpu), 0); }
static UOP_FN(run_stale)
{
    refund_from(cpu, u->index_in_block);
    cpu->gpr[SLOT_RIP] = uop_ip(cpu, u);
    return NULL;
}
const struct uop_table uop_gate = {{[FORM_0] = ANY_SIZE(run_gate)}};
const struct uop_table uop_invalid = {{[FORM_0] = ANY_SIZE(run_invalid)}};
const struct uop_table uop_too_long = {{[FORM_0] = ANY_SIZE(run_too_long)}};
const struct uop_table uop_fallthrough = {{[FORM_0] = ANY_SIZE(run_fallthrough)}};
const struct uop_table uop_stale = {{[FORM_0] = ANY_SIZE(run_stale)}};

void run_rewind(struct cpu *cpu)
{
    if (!cpu->cur)
        return;
    refund_from(cpu, cpu->cur->index_in_block);
    cpu->gpr[SLOT_RIP] = uop_ip(cpu, cpu->cur);
    cpu->cur = NULL;
}

void run_caught(struct cpu *cpu)
{
    run_rewind(cpu);
    cpu->budget--; /* so that a guest that only faults still uses up its slice */
    cpu_handle_exception(cpu);
}

u64 run_next_lin(const struct cpu *cpu)
{
    u64 ip = cpu->gpr[SLOT_RIP];
    return (cpu->mode & MODE_CODE) == MODE_CODE64 ? ip : (u32)(cpu->seg[CS].base + ip);
}

void run_once(struct cpu *cpu)
{
    u32 mode = cpu->mode, eflags = cpu->eflags, forced = 0;
    u64 ip = cpu->gpr[SLOT_RIP], lin = run_next_lin(cpu);
    if (unlikely(mode & MODE_BREAKS) && debug_page_has_break(cpu, lin & PAGE_MASK)) {
        forced = MODE_STEP;
        if (cpu_check_code_break(cpu, lin))
            return;
    }
    struct block *b = block_lookup(cpu, ip, mode | forced);
    if (b->ninsn > cpu->budget)
        b = block_lookup(cpu, ip, mode | MODE_STEP);
    const struct uop *u = block_enter(cpu, b);
    while (u)
        u = u->fn(cpu, u);
    if (unlikely(mode & MODE_STEP))
        cpu_step_done(cpu, eflags);
}

bool run_finished(struct cpu *cpu)
{
    if (cpu->budget <= 0)
        return true;
    u32 attention = __atomic_load_n(&cpu->attention, __ATOMIC_ACQUIRE);
    /* Nothing is taken at a boundary where the run ends: it then does not matter what ended it, a wish or the budget.
     */
    if (unlikely(attention & ATT_EXIT)) {
        cpu_clear_attention(cpu, ATT_EXIT);
        return true;
    }
    bool look = attention || cpu->halted || cpu->wait_sipi;
    return unlikely(look) && cpu_take_pending(cpu);
}

static void interp_run(struct cpu *cpu)
{
    for (;;) {
        if (_setjmp(cpu->unwind) == 0) {
            while (!run_finished(cpu))
                run_once(cpu);
            return;
        }
        run_caught(cpu);
    }
}

static void interp_flush(struct cpu *cpu, enum flush_kind kind, u64 lin)
{
    (void)lin;
    if (kind != FLUSH_DATA)
        block_cache_unmap(cpu->engine_data);
}

static void interp_info(const struct cpu *cpu, FILE *out)
{
    const struct block_cache *c = cpu->engine_data;
    fprintf(out, "  decoded blocks: %llu made, %llu dropped, %llu flushes, %zu KiB\n", (unsigned long long)c->built,
            (unsigned long long)c->invalidated, (unsigned long long)c->flushes, c->used >> 10);
}

const struct engine engine_interp = {"interp", interp_run, block_code_written, interp_flush, interp_info};

static void run_begin(struct cpu *cpu, u64 instructions)
{
    cpu_own(cpu);
    cpu->budget = cpu->slice = (i64)instructions;
    cpu->block = NULL;
    cpu->cur = NULL;
    sse_enter(cpu);
}
static u64 run_end(struct cpu *cpu)
{
    sse_leave(cpu);
    u64 done = (u64)(cpu->slice - cpu->budget);
    cpu->icount_base += done;
    cpu->slice = cpu->budget = 0;
    cpu->block = NULL;
    cpu_disown(cpu);
    return done;
}

u64 cpu_run(struct cpu *cpu, u64 instructions)
{
    run_begin(cpu, instructions);
    cpu->engine->run(cpu);
    return run_end(cpu);
}

/*
 * ---- loops that come round ----
 * The state that is looked for again is taken anew after 16 blocks, then 32, and so on: what led into the loop is left
 * behind, whatever its length.
 */
static void round_begin(struct cpu *cpu, struct cpu_round *r)
{
    r->blocks = 0;
    r->begun = cpu_icount(cpu);
    memcpy(r->start, cpu, sizeof(r->start));
    r->begin(r->owner);
}

static void round_look(struct cpu *cpu, struct cpu_round *r)
{
    if (r->given_up)
        return;
    if (memcmp(r->start, cpu, sizeof(r->start)) == 0 && r->memory_is_same(r->owner)) {
        r->length = cpu_icount(cpu) - r->begun;
        r->came_round = r->length != 0;
    } else if (++r->blocks == r->span) {
        r->span *= 2;
        round_begin(cpu, r);
    }
}

u64 cpu_run_round(struct cpu *cpu, u64 most, struct cpu_round *r)
{
    run_begin(cpu, most);
    r->span = 16;
    r->came_round = r->given_up = false;
    round_begin(cpu, r);
    cpu_raise_attention(cpu, ATT_EXIT); /* so every block comes back here, linked or not */
    if (_setjmp(cpu->unwind) != 0)
        run_caught(cpu);
    while (cpu->budget > 0 && !r->came_round && !r->given_up && !cpu->halted && !cpu->wait_sipi &&
           !(__atomic_load_n(&cpu->attention, __ATOMIC_ACQUIRE) & ~(u32)ATT_EXIT)) {
        run_once(cpu);
        cpu->cur = NULL; /* this is a boundary: instructions are counted */
        round_look(cpu, r);
    }
    return run_end(cpu);
}

u64 cpu_icount(const struct cpu *cpu)
{
    u64 n = cpu->icount_base + (u64)(cpu->slice - cpu->budget);
    /* the running block was charged whole */
    if (cpu->block && cpu->cur)
        n -= (u64)cpu->block->ninsn - cpu->cur->index_in_block;
    return n;
}
