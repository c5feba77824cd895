/*
 * The x87's stack machine: what its instructions have in common. Registers,
 * tags and TOP are here, the arithmetic is behind fp80.h. The decoder's gate
 * has seen to CR0.EM and CR0.TS; a waiting instruction still has to ask for
 * pending exceptions (x87_is_pending), MMX instructions likewise (mmx.h).
 */
#ifndef ORRERY_CPU_X87_H
#define ORRERY_CPU_X87_H

#include "cpu/area.h"
#include "cpu/x87/fp80.h"
#include "cpu/mem.h"

/* FNINIT's state. */
void x87_init(struct fpu *f);
/* FCW as an instruction loads it, and ES, B recomputed from it: after any load of FCW or FSW. */
void x87_load_fcw(struct cpu *cpu, u16 fcw);
/* Call after anything that may have cleared FSW.ES (FNCLEX, FXRSTOR, XRSTOR): lowers FERR#. */
void x87_update_ferr(struct cpu *cpu);
/* The 16-bit tag word as FNSTENV stores it, from the abridged one and the registers' contents. */
u16 x87_tag_word(const struct fpu *f);
/* The abridged tag word of a full one. */
u8 x87_abridged_tags(u16 tags);

/* FSW as the guest sees it, TOP included, and back. */
ALWAYS_INLINE u16 x87_fsw(const struct fpu *f) { return (u16)(f->fsw | f->top << FSW_TOP_SHIFT); }
ALWAYS_INLINE void x87_set_fsw(struct fpu *f, u16 fsw)
{
    f->top = (fsw >> FSW_TOP_SHIFT) & 7;
    f->fsw = fsw & ~FSW_TOP;
}

/*
 * An unmasked exception is pending and u is a waiting instruction: #MF, or
 * with CR0.NE = 0 FERR# and a stop until IRQ 13 arrives (SDM vol. 1, 8.7).
 * x87_wait_ignored says whether IGNNE# lets u go on; x87_freeze returns what u is to return.
 */
bool x87_wait_ignored(struct cpu *cpu, const struct uop *u);
const struct uop *x87_freeze(struct cpu *cpu, const struct uop *u);
#define X87_WAIT(cpu, u)                                                                                               \
    do {                                                                                                               \
        if (unlikely((cpu)->fpu.fsw & FSW_ES) && !x87_wait_ignored(cpu, u))                                            \
            return x87_freeze(cpu, u);                                                                                 \
    } while (0)

/* ---- the stack ---- */

ALWAYS_INLINE unsigned x87_phys(const struct fpu *f, unsigned i) { return (f->top + i) & 7; }
ALWAYS_INLINE struct x87_reg *x87_st(struct fpu *f, unsigned i) { return &f->reg[x87_phys(f, i)]; }
ALWAYS_INLINE bool x87_empty(const struct fpu *f, unsigned i) { return !(f->ftw >> x87_phys(f, i) & 1); }
ALWAYS_INLINE void x87_pop(struct fpu *f)
{
    f->ftw &= (u8)~BIT(f->top);
    f->top = (f->top + 1) & 7;
}
/* Makes room; the caller has filled x87_st(f, 7). */
ALWAYS_INLINE void x87_push(struct fpu *f)
{
    f->top = (f->top - 1) & 7;
    f->ftw |= (u8)BIT(f->top);
}
ALWAYS_INLINE void x87_copy(struct x87_reg *d, const struct x87_reg *s)
{
    d->man = s->man;
    d->se = s->se;
}
ALWAYS_INLINE void x87_clear_c1(struct fpu *f) { f->fsw &= (u16)~FSW_C1; }

/*
 * The status of a stack overflow (C1 = 1) or underflow (C1 = 0), as fp80.h's
 * operations return theirs: FP80_PRE is set where the instruction is to do
 * nothing, else it gives its masked response.
 */
u32 x87_stack_fault(struct fpu *f, bool overflow);
/* Underflow of an instruction whose result goes to ST(i). */
u32 x87_underflow(struct fpu *f, unsigned i);

/* ---- FIP, FDP, FOP ---- */

/* Of every instruction that is none of environment and control words. The decoder leaves FOP in u->imm. */
ALWAYS_INLINE void x87_note(struct cpu *cpu, const struct uop *u)
{
    struct fpu *f = &cpu->fpu;
    f->fip = cpu->gpr[SLOT_RIP] + u->pc_off;
    f->fcs = cpu->seg[CS].sel;
    f->fop = (u16)u->imm;
}
/* Of those with a memory operand, once it has been found accessible. */
ALWAYS_INLINE void x87_note_mem(struct cpu *cpu, const struct uop *u)
{
    x87_note(cpu, u);
    cpu->fpu.fdp = uop_ea(cpu, u);
    cpu->fpu.fds = cpu->seg[u->seg].sel;
}

/* Ten bytes of memory, u's operand; the slow path is only for page crossings and the like. */
struct x87_reg x87_read80_slow(struct cpu *cpu, const struct uop *u, u64 lin);
void x87_write80_slow(struct cpu *cpu, const struct uop *u, u64 lin, struct x87_reg r);
ALWAYS_INLINE struct x87_reg x87_read80(struct cpu *cpu, const struct uop *u, u64 lin)
{
    const u8 *p = tlb_read_ptr(cpu, lin, 10, cpu->mmu_idx);
    return likely(p != NULL) ? (struct x87_reg){ld64(p), ld16(p + 8)} : x87_read80_slow(cpu, u, lin);
}
ALWAYS_INLINE void x87_write80(struct cpu *cpu, const struct uop *u, u64 lin, struct x87_reg r)
{
    u8 *p = tlb_write_ptr(cpu, lin, 10, cpu->mmu_idx);
    if (likely(p != NULL)) {
        st64(p, r.man);
        st16(p + 8, r.se);
    } else {
        x87_write80_slow(cpu, u, lin, r);
    }
}
/*
 * Linear address of a ten-byte operand. Silicon goes at it with eight bytes, then two: a page fault
 * of the first comes before the segment limit does away with the rest.
 */
ALWAYS_INLINE u64 x87_lin80(struct cpu *cpu, const struct uop *u, bool write)
{
    if (unlikely(u->amode == AM_SEG)) {
        u64 lin = uop_lin(cpu, u, 8, write);
        if (write)
            mem_probe_write(cpu, lin, 8, cpu->mmu_idx);
        else
            mem_read(cpu, lin, 8);
    }
    return uop_lin(cpu, u, 10, write);
}
ALWAYS_INLINE struct area x87_area80(struct cpu *cpu, const struct uop *u, u64 lin)
{
    return area_of(cpu, u, u->seg, uop_ea(cpu, u), lin, 10, (struct area_parts){0, 0});
}

#endif
