/*
 * Guest memory from inside micro-ops. The fast path is one compare: the tag of
 * the linear address's TLB entry against the page of the access's last byte,
 * so page crossing, non-canonical addresses, MMIO, watched pages and pages
 * that hold code all miss. Misses go to mmu.c.
 */
#ifndef ORRERY_CPU_MEM_H
#define ORRERY_CPU_MEM_H

#include "cpu/cpu.h"
#include "cpu/exec.h"

/* Slow paths (mmu.c); raise #PF, #GP/#SS (non-canonical), #AC. idx: enum mmu_idx. */
u64 mem_read_slow(struct cpu *cpu, u64 lin, unsigned size, unsigned idx);
void mem_write_slow(struct cpu *cpu, u64 lin, u64 val, unsigned size, unsigned idx);
/* Reads/writes of any length (16, 32 bytes, x87 80-bit, FXSAVE); all pages checked before any write. */
void mem_read_bytes(struct cpu *cpu, u64 lin, void *buf, unsigned n, unsigned idx);
void mem_write_bytes(struct cpu *cpu, u64 lin, const void *buf, unsigned n, unsigned idx);
/* Raises unless [lin, lin+n) may be written (all pages), setting A and D. */
void mem_probe_write(struct cpu *cpu, u64 lin, unsigned n, unsigned idx);

/* Host pointer for [lin, lin+size) if plain access is allowed, else NULL. */
ALWAYS_INLINE u8 *tlb_read_ptr(struct cpu *cpu, u64 lin, unsigned size, unsigned idx)
{
    const struct tlb_entry *e = &cpu->tlb[idx].read[(lin >> 12) & (TLB_ENTRIES - 1)];
    return likely(((lin + (size - 1)) & PAGE_MASK) == e->tag) ? (u8 *)(uintptr_t)(lin + e->addend) : NULL;
}
ALWAYS_INLINE u8 *tlb_write_ptr(struct cpu *cpu, u64 lin, unsigned size, unsigned idx)
{
    const struct tlb_entry *e = &cpu->tlb[idx].write[(lin >> 12) & (TLB_ENTRIES - 1)];
    return likely(((lin + (size - 1)) & PAGE_MASK) == e->tag) ? (u8 *)(uintptr_t)(lin + e->addend) : NULL;
}

ALWAYS_INLINE u64 mem_read_as(struct cpu *cpu, u64 lin, unsigned size, unsigned idx)
{
    const u8 *p = tlb_read_ptr(cpu, lin, size, idx);
    return likely(p != NULL) ? ld_le(p, size) : mem_read_slow(cpu, lin, size, idx);
}
ALWAYS_INLINE void mem_write_as(struct cpu *cpu, u64 lin, u64 val, unsigned size, unsigned idx)
{
    u8 *p = tlb_write_ptr(cpu, lin, size, idx);
    if (likely(p != NULL))
        st_le(p, val, size);
    else
        mem_write_slow(cpu, lin, val, size, idx);
}
/* With the rights of the running code. size 1, 2, 4, 8. */
ALWAYS_INLINE u64 mem_read(struct cpu *cpu, u64 lin, unsigned size)
{
    return mem_read_as(cpu, lin, size, cpu->mmu_idx);
}
ALWAYS_INLINE void mem_write(struct cpu *cpu, u64 lin, u64 val, unsigned size)
{
    mem_write_as(cpu, lin, val, size, cpu->mmu_idx);
}
/* Implicit supervisor access: descriptor tables, TSS. */
unsigned sys_idx(const struct cpu *cpu);
ALWAYS_INLINE u64 sysmem_read(struct cpu *cpu, u64 lin, unsigned size)
{
    return mem_read_as(cpu, lin, size, sys_idx(cpu));
}
ALWAYS_INLINE void sysmem_write(struct cpu *cpu, u64 lin, u64 val, unsigned size)
{
    mem_write_as(cpu, lin, val, size, sys_idx(cpu));
}

/* Segment offset to linear with limit and rights checked (seg.c). Raises #GP(0) or #SS(0). */
u64 seg_lin(struct cpu *cpu, enum segreg s, u64 off, unsigned size, bool write);

/* In 64-bit code only FS and GS have a base. AMD's silicon finds a non-canonical offset illegal whatever the sum. */
ALWAYS_INLINE u64 lin64(const struct cpu *cpu, unsigned s, u64 off)
{
    if (s < FS || (u64)((i64)(off << 16) >> 16) != off)
        return off;
    return off + cpu->seg[s].base;
}

/* Offset of u's memory operand, wrapped to its address size. */
ALWAYS_INLINE u64 uop_ea(const struct cpu *cpu, const struct uop *u)
{
    u64 ea = cpu->gpr[u->base] + (cpu->gpr[u->index] << u->scale) + (u64)(i64)u->disp;
    return u->asize == 8 ? ea : u->asize == 4 ? (u32)ea : (u16)ea;
}
/*
 * Linear address of u's memory operand for an access of 'size' bytes; makes u
 * the raising uop. 'write' also for read-modify-write.
 */
ALWAYS_INLINE u64 uop_lin(struct cpu *cpu, const struct uop *u, unsigned size, bool write)
{
    cpu->cur = u;
    u64 ea = cpu->gpr[u->base] + (cpu->gpr[u->index] << u->scale) + (u64)(i64)u->disp;
    if (likely(u->amode == AM_FLAT64))
        return ea;
    if (likely(u->amode == AM_FLAT32))
        return (u32)ea;
    ea = u->asize == 8 ? ea : u->asize == 4 ? (u32)ea : (u16)ea;
    if (u->amode == AM_SEG64)
        return lin64(cpu, u->seg, ea);
    return seg_lin(cpu, u->seg, ea, size, write);
}
/* The same for an operand that lies 'off' bytes past it (second dword of a far pointer, ...). */
ALWAYS_INLINE u64 uop_lin_off(struct cpu *cpu, const struct uop *u, unsigned off, unsigned size, bool write)
{
    cpu->cur = u;
    u64 ea = uop_ea(cpu, u) + off;
    ea = u->asize == 8 ? ea : u->asize == 4 ? (u32)ea : (u16)ea;
    if (u->amode == AM_FLAT64 || u->amode == AM_FLAT32)
        return ea;
    if (u->amode == AM_SEG64)
        return lin64(cpu, u->seg, ea);
    return seg_lin(cpu, u->seg, ea, size, write);
}

/* Stack addresses: offset wrapped by SS.B, then as any SS access. Needs cpu->cur. */
ALWAYS_INLINE u64 stack_lin(struct cpu *cpu, u64 sp, unsigned size, bool write)
{
    sp &= cpu->sp_mask;
    if (likely((cpu->mode & MODE_CODE) == MODE_CODE64 || (cpu->mode & MODE_FLAT)))
        return sp;
    return seg_lin(cpu, SS, sp, size, write);
}
ALWAYS_INLINE void sp_set(struct cpu *cpu, u64 sp)
{
    cpu->gpr[RSP] = (cpu->gpr[RSP] & ~cpu->sp_mask) | (sp & cpu->sp_mask);
}
ALWAYS_INLINE void stack_push(struct cpu *cpu, u64 val, unsigned size)
{
    u64 sp = cpu->gpr[RSP] - size;
    mem_write(cpu, stack_lin(cpu, sp, size, true), val, size);
    sp_set(cpu, sp);
}
/* Value at SP + off, SP unmoved: callers move it once nothing can fault any more. */
ALWAYS_INLINE u64 stack_peek(struct cpu *cpu, unsigned off, unsigned size)
{
    return mem_read(cpu, stack_lin(cpu, cpu->gpr[RSP] + off, size, false), size);
}

/*
 * Reads, changes and writes back: 'p' is a plain host pointer or NULL. Usage:
 *   struct rmw m = rmw_begin(cpu, lin, size);  v = m.val; ...; rmw_end(cpu, &m, new);
 */
struct rmw {
    u8 *p;
    u64 lin, val;
    unsigned size;
};
ALWAYS_INLINE struct rmw rmw_begin(struct cpu *cpu, u64 lin, unsigned size)
{
    struct rmw m = {tlb_write_ptr(cpu, lin, size, cpu->mmu_idx), lin, 0, size};
    if (likely(m.p != NULL)) {
        m.val = ld_le(m.p, size);
    } else {
        mem_probe_write(cpu, lin, size, cpu->mmu_idx);
        m.val = mem_read_slow(cpu, lin, size, cpu->mmu_idx);
    }
    return m;
}
ALWAYS_INLINE void rmw_end(struct cpu *cpu, const struct rmw *m, u64 val)
{
    if (likely(m->p != NULL))
        st_le(m->p, val, m->size);
    else
        mem_write_slow(cpu, m->lin, val, m->size, cpu->mmu_idx);
}

#endif
