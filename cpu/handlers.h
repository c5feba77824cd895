/*
 * How the handlers of an integer micro-op are made. A "shape" is an inline
 * function that fetches operands, applies a meaning and stores the result;
 * BY_SIZE makes its four handlers, in which size (and the meaning, passed as a
 * function) are constants the compiler folds. TWO_SPEEDS makes of one shape a
 * hot handler without calls and a cold one. Also: linear addresses of
 * operands that are not described by base, index and disp of the micro-op.
 */
#ifndef ORRERY_CPU_HANDLERS_H
#define ORRERY_CPU_HANDLERS_H

#include "cpu/flags.h"
#include "cpu/mem.h"
#include "cpu/exec.h"

/* The handlers NAME_SHAPE_1 .. _8, each SHAPE(cpu, u, size, more...). */
#define BY_SIZE(name, shape, ...)                                                                                      \
    static UOP_FN(name##_##shape##_1) { return shape(cpu, u, 1, ##__VA_ARGS__); }                                      \
    static UOP_FN(name##_##shape##_2) { return shape(cpu, u, 2, ##__VA_ARGS__); }                                      \
    static UOP_FN(name##_##shape##_4) { return shape(cpu, u, 4, ##__VA_ARGS__); }                                      \
    static UOP_FN(name##_##shape##_8) { return shape(cpu, u, 8, ##__VA_ARGS__); }
/* The same for ops that have no byte size. */
#define BY_SIZE_248(name, shape, ...)                                                                                  \
    static UOP_FN(name##_##shape##_2) { return shape(cpu, u, 2, ##__VA_ARGS__); }                                      \
    static UOP_FN(name##_##shape##_4) { return shape(cpu, u, 4, ##__VA_ARGS__); }                                      \
    static UOP_FN(name##_##shape##_8) { return shape(cpu, u, 8, ##__VA_ARGS__); }
#define BY_SIZE_48(name, shape, ...)                                                                                   \
    static UOP_FN(name##_##shape##_4) { return shape(cpu, u, 4, ##__VA_ARGS__); }                                      \
    static UOP_FN(name##_##shape##_8) { return shape(cpu, u, 8, ##__VA_ARGS__); }
/* Their columns in a uop_table. */
#define SIZES(name, shape)                                                                                             \
    {                                                                                                                  \
        name##_##shape##_1, name##_##shape##_2, name##_##shape##_4, name##_##shape##_8                                 \
    }
#define SIZES_248(name, shape)                                                                                         \
    {                                                                                                                  \
        NULL, name##_##shape##_2, name##_##shape##_4, name##_##shape##_8                                               \
    }
#define SIZES_48(name, shape)                                                                                          \
    {                                                                                                                  \
        NULL, NULL, name##_##shape##_4, name##_##shape##_8                                                             \
    }

/*
 * Handlers of shapes that touch memory or branch, in two versions of one text: a
 * hot leaf that only knows TLB hits and addresses that need no check, and behind
 * it, for everything else, a cold one. The shape's last parameter is
 * the cold handler, NULL in the cold handler itself; see load, store and change.
 */
#define TWO_SPEEDS(name, shape, size, ...)                                                                             \
    static NOINLINE UOP_FN(name##_##shape##_cold_##size) { return shape(cpu, u, size, ##__VA_ARGS__, NULL); }          \
    static UOP_FN(name##_##shape##_##size) { return shape(cpu, u, size, ##__VA_ARGS__, name##_##shape##_cold_##size); }
#define BY_SIZE_MEM(name, shape, ...)                                                                                  \
    TWO_SPEEDS(name, shape, 1, ##__VA_ARGS__)                                                                          \
    TWO_SPEEDS(name, shape, 2, ##__VA_ARGS__)                                                                          \
    TWO_SPEEDS(name, shape, 4, ##__VA_ARGS__)                                                                          \
    TWO_SPEEDS(name, shape, 8, ##__VA_ARGS__)
#define BY_SIZE_248_MEM(name, shape, ...)                                                                              \
    TWO_SPEEDS(name, shape, 2, ##__VA_ARGS__)                                                                          \
    TWO_SPEEDS(name, shape, 4, ##__VA_ARGS__)                                                                          \
    TWO_SPEEDS(name, shape, 8, ##__VA_ARGS__)

/* NAME, once for each condition code, with Intel's spelling. */
/* clang-format off */
#define CONDITIONS(X) \
    X(CC_O, o) X(CC_NO, no) X(CC_B, b) X(CC_AE, ae) \
    X(CC_E, e) X(CC_NE, ne) X(CC_BE, be) X(CC_A, a) \
    X(CC_S, s) X(CC_NS, ns) X(CC_P, p) X(CC_NP, np) \
    X(CC_L, l) X(CC_GE, ge) X(CC_LE, le) X(CC_G, g)
/* clang-format on */

ALWAYS_INLINE u64 sign_bit(u64 v, unsigned size) { return (v >> (size * 8 - 1)) & 1; }
/* v cut to the address size of u. */
ALWAYS_INLINE u64 addr_wrap(const struct uop *u, u64 v) { return u->asize == 8 ? v : u->asize == 4 ? (u32)v : (u16)v; }
/* Linear address of offset 'off' (already wrapped) in segment s. */
ALWAYS_INLINE u64 lin_at(struct cpu *cpu, const struct uop *u, unsigned s, u64 off, unsigned size, bool write)
{
    cpu->cur = u;
    if ((cpu->mode & MODE_CODE) == MODE_CODE64)
        return lin64(cpu, s, off);
    if ((cpu->mode & MODE_FLAT) && s < FS && s != CS)
        return (u32)off;
    return seg_lin(cpu, (enum segreg)s, off, size, write);
}

/* TLB hit for [lin, lin + size): true, and the host address. */
ALWAYS_INLINE bool tlb_hit(const struct tlb_entry *e, u64 lin, unsigned size, u8 **p)
{
    *p = (u8 *)(uintptr_t)(lin + e->addend);
    return likely(((lin + (size - 1)) & PAGE_MASK) == e->tag);
}
ALWAYS_INLINE bool hit_read(struct cpu *cpu, u64 lin, unsigned size, u8 **p)
{
    return tlb_hit(&cpu->tlb[cpu->mmu_idx].read[(lin >> 12) & (TLB_ENTRIES - 1)], lin, size, p);
}
ALWAYS_INLINE bool hit_write(struct cpu *cpu, u64 lin, unsigned size, u8 **p)
{
    return tlb_hit(&cpu->tlb[cpu->mmu_idx].write[(lin >> 12) & (TLB_ENTRIES - 1)], lin, size, p);
}
/* Linear address of [off, off + size) of a segment, outside 64-bit code; false: C must look why not (seg.c). */
ALWAYS_INLINE bool reach_lin(const struct cpu *cpu, unsigned s, u64 off, unsigned size, bool write, u64 *lin)
{
    *lin = (u32)(cpu->seg[s].base + off);
    return likely((i64)(off + size - 1) <= cpu->reach[write][s]);
}
/* Linear address of the memory operand where that takes no more than a compare; false: use uop_lin. */
ALWAYS_INLINE bool quick_lin(const struct cpu *cpu, const struct uop *u, unsigned size, bool write, u64 *lin)
{
    u64 ea = cpu->gpr[u->base] + (cpu->gpr[u->index] << u->scale) + (u64)(i64)u->disp;
    if (likely(u->amode <= AM_FLAT32)) {
        *lin = u->amode == AM_FLAT64 ? ea : (u32)ea;
        return true;
    }
    if (u->amode == AM_SEG)
        return reach_lin(cpu, u->seg, u->asize == 2 ? (u16)ea : (u32)ea, size, write, lin);
    *lin = lin64(cpu, u->seg, u->asize == 8 ? ea : (u32)ea);
    return true;
}

/* The memory operand's value; false only if hot, and then nothing has happened. */
ALWAYS_INLINE bool load(struct cpu *cpu, const struct uop *u, unsigned size, bool hot, u64 *v)
{
    u64 lin;
    u8 *p;
    if (hot) {
        if (!quick_lin(cpu, u, size, false, &lin) || !hit_read(cpu, lin, size, &p))
            return false;
        *v = ld_le(p, size);
        return true;
    }
    *v = mem_read(cpu, uop_lin(cpu, u, size, false), size);
    return true;
}
/* Stores to the memory operand. */
ALWAYS_INLINE bool store(struct cpu *cpu, const struct uop *u, unsigned size, bool hot, u64 v)
{
    u64 lin;
    u8 *p;
    if (hot) {
        if (!quick_lin(cpu, u, size, true, &lin) || !hit_write(cpu, lin, size, &p))
            return false;
        st_le(p, v, size);
        return true;
    }
    mem_write(cpu, uop_lin(cpu, u, size, true), v, size);
    return true;
}
/* Begins a read-modify-write of the memory operand; rmw_end completes it. */
ALWAYS_INLINE bool change(struct cpu *cpu, const struct uop *u, unsigned size, bool hot, struct rmw *m)
{
    u64 lin;
    if (hot) {
        if (!quick_lin(cpu, u, size, true, &lin) || !hit_write(cpu, lin, size, &m->p))
            return false;
        m->val = ld_le(m->p, size);
        m->size = size;
        return true;
    }
    *m = rmw_begin(cpu, uop_lin(cpu, u, size, true), size);
    return true;
}
ALWAYS_INLINE void change_end(struct cpu *cpu, const struct rmw *m, bool hot, u64 v)
{
    if (hot)
        st_le(m->p, v, m->size);
    else
        rmw_end(cpu, m, v);
}

/*
 * The stack, size bytes at a time. Size 8 exists only in 64-bit mode, where the
 * stack is flat and 64 bits wide; hot handlers of other sizes want MODE_FLAT, or look at SS.
 */
/* From an offset of the stack, already cut, to its linear address. */
ALWAYS_INLINE bool quick_stack(const struct cpu *cpu, unsigned size, bool write, u64 *sp)
{
    return (cpu->mode & MODE_CODE) != MODE_CODE64 && reach_lin(cpu, SS, *sp, size, write, sp);
}
ALWAYS_INLINE u64 stack_at(struct cpu *cpu, u64 sp, unsigned size, bool write)
{
    return size == 8 ? sp : stack_lin(cpu, sp, size, write);
}
ALWAYS_INLINE void stack_move(struct cpu *cpu, unsigned size, u64 sp)
{
    if (size == 8)
        cpu->gpr[RSP] = sp;
    else
        sp_set(cpu, sp);
}
/* Writes v below the top without moving rSP. False only if hot, and then nothing has happened. */
ALWAYS_INLINE bool push_below(struct cpu *cpu, unsigned size, bool hot, u64 v)
{
    u64 sp = cpu->gpr[RSP] - size;
    u8 *p;
    if (hot) {
        if (size != 8) {
            sp &= cpu->sp_mask;
            if (!(cpu->mode & MODE_FLAT) && !quick_stack(cpu, size, true, &sp))
                return false;
        }
        if (!hit_write(cpu, sp, size, &p))
            return false;
        st_le(p, v, size);
        return true;
    }
    mem_write(cpu, stack_at(cpu, sp, size, true), v, size);
    return true;
}
/* Reads at offset sp of the stack. */
ALWAYS_INLINE bool peek_at(struct cpu *cpu, unsigned size, bool hot, u64 sp, u64 *v)
{
    u8 *p;
    if (hot) {
        if (size != 8) {
            sp &= cpu->sp_mask;
            if (!(cpu->mode & MODE_FLAT) && !quick_stack(cpu, size, false, &sp))
                return false;
        }
        if (!hit_read(cpu, sp, size, &p))
            return false;
        *v = ld_le(p, size);
        return true;
    }
    *v = mem_read(cpu, stack_at(cpu, sp, size, false), size);
    return true;
}

#endif
