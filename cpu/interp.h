/*
 * How block-ending micro-ops hand over to the next block. Each returns what a
 * uop function returns. After any of them the instruction counts as retired.
 */
#ifndef ORRERY_CPU_INTERP_H
#define ORRERY_CPU_INTERP_H

#include "cpu/block.h"
#include "cpu/exec.h"

/* Enters b, whose EIP is in SLOT_RIP. */
ALWAYS_INLINE const struct uop *block_enter(struct cpu *cpu, struct block *b)
{
    cpu->budget -= b->ninsn;
    cpu->block = b;
    return THREAD(cpu, b->uops);
}
/* Whether b may follow at once: it is valid, the budget suffices, nobody wants attention. */
ALWAYS_INLINE bool block_may_follow(struct cpu *cpu, const struct block *b)
{
    return likely(cpu->budget >= (i64)b->need) && likely(!__atomic_load_n(&cpu->attention, __ATOMIC_RELAXED));
}

/* Whether CS is what it was when the link was made: what its target's address and limit come from. */
ALWAYS_INLINE bool link_has_cs(const struct cpu *cpu, const struct block_link *l)
{
    return l->base == (u32)cpu->seg[CS].base && l->limit == cpu->seg[CS].limit;
}

/* What goto_direct and goto_indirect do when the next block is not at hand. */
const struct uop *goto_direct_slow(struct cpu *cpu, u64 ip, unsigned link);
const struct uop *goto_indirect_slow(struct cpu *cpu, u64 ip);

/* Continue at EIP 'ip' (already masked and checked against CS.limit / canonical by the caller:
 * use branch_check). Finds the block through the link cached in this one, then by hash. */
ALWAYS_INLINE const struct uop *goto_direct(struct cpu *cpu, const struct uop *u, u64 ip, unsigned link)
{
    const struct block_cache *c = cpu->engine_data;
    const struct block_link *l = &cpu->block->link[link];
    (void)u;
    if (likely(l->to) && likely(l->gen == 0 || (l->gen == c->gen && l->ip == ip && link_has_cs(cpu, l))) &&
        block_may_follow(cpu, l->to)) {
        cpu->gpr[SLOT_RIP] = ip;
        return block_enter(cpu, l->to);
    }
    return goto_direct_slow(cpu, ip, link);
}
/* The same for computed targets. In flat and 64-bit code EIP is the linear address. */
ALWAYS_INLINE const struct uop *goto_indirect(struct cpu *cpu, const struct uop *u, u64 ip)
{
    const struct block_cache *c = cpu->engine_data;
    const struct jump_entry *j = &c->jump[JUMP_SLOT(ip)];
    bool linear = cpu->mode & (MODE_FLAT | MODE_CODE64),
         looked_at = (cpu->mode | cpu->block->key | c->unchained) & (MODE_STEP | MODE_BREAKS);
    (void)u;
    if (likely(j->lin == ip && j->key == jump_key(cpu, cpu->mode) && j->gen == c->gen && linear && !looked_at) &&
        block_may_follow(cpu, j->block)) {
        cpu->gpr[SLOT_RIP] = ip;
        return block_enter(cpu, j->block);
    }
    return goto_indirect_slow(cpu, ip);
}
/* After an instruction that may have changed mode, CPL, paging, attention or code: sets SLOT_RIP
 * to ip and goes back to the run loop, which looks at everything afresh. */
const struct uop *goto_afresh(struct cpu *cpu, const struct uop *u, u64 ip);
/* Raises #GP(0) when a near branch may not go to ip (CS.limit, canonical). */
void branch_check(struct cpu *cpu, u64 ip);

/*
 * ---- what the run loops of all engines share ----
 * A micro-op raised: registers go back to the boundary before its instruction, and delivery starts.
 */
void run_caught(struct cpu *cpu);
/* The former alone: what cpu_handle_exception then delivers is still to come. */
void run_rewind(struct cpu *cpu);
/* The linear address of the next instruction. */
u64 run_next_lin(const struct cpu *cpu);
/* One turn of the interpreter: breakpoints, then one block, and all those chained to it. */
void run_once(struct cpu *cpu);
/* True when cpu_run has nothing more to do. */
bool run_finished(struct cpu *cpu);

#endif
