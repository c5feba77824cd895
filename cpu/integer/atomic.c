/*
 * XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B, and UD0/1/2. CPUs run in turn on one
 * thread, so a LOCK prefix needs nothing beyond what the decoder checks (emitted
 * code has it). The compare-and-exchanges write their destination even when they fail.
 */
#include "cpu/handlers.h"

ALWAYS_INLINE u64 xadd(struct cpu *cpu, const struct uop *u, unsigned size, u64 a)
{
    u64 b = reg_get(cpu, u->src, size), r = a + b;
    flags_add(cpu, size, a, b, r);
    return r;
}
ALWAYS_INLINE const struct uop *xadd_rr(struct cpu *cpu, const struct uop *u, unsigned size)
{
    u64 a = reg_get(cpu, u->dst, size), r = xadd(cpu, u, size, a);
    reg_set(cpu, u->src, size, a);
    reg_set(cpu, u->dst, size, r);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *xadd_mr(struct cpu *cpu, const struct uop *u, unsigned size)
{
    struct rmw m = rmw_begin(cpu, uop_lin(cpu, u, size, true), size);
    rmw_end(cpu, &m, xadd(cpu, u, size, m.val));
    reg_set(cpu, u->src, size, m.val);
    NEXT(u);
}
BY_SIZE(xadd, xadd_rr)
BY_SIZE(xadd, xadd_mr)
const struct uop_table uop_xadd = {{[FORM_RR] = SIZES(xadd, xadd_rr), [FORM_MR] = SIZES(xadd, xadd_mr)}};

/* Compares with the accumulator and sets flags; true: equal. */
ALWAYS_INLINE bool compare_acc(struct cpu *cpu, unsigned size, u64 v)
{
    u64 acc = reg_get(cpu, size == 1 ? BYTE_SLOT(RAX, 0) : RAX, size);
    flags_sub(cpu, size, acc, v, acc - v);
    return acc == v;
}
ALWAYS_INLINE void load_acc(struct cpu *cpu, unsigned size, u64 v)
{
    reg_set(cpu, size == 1 ? BYTE_SLOT(RAX, 0) : RAX, size, v);
}
ALWAYS_INLINE const struct uop *cmpxchg_rr(struct cpu *cpu, const struct uop *u, unsigned size)
{
    u64 v = reg_get(cpu, u->dst, size);
    if (compare_acc(cpu, size, v))
        reg_set(cpu, u->dst, size, reg_get(cpu, u->src, size));
    else
        load_acc(cpu, size, v);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *cmpxchg_mr(struct cpu *cpu, const struct uop *u, unsigned size)
{
    struct rmw m = rmw_begin(cpu, uop_lin(cpu, u, size, true), size);
    if (compare_acc(cpu, size, m.val)) {
        rmw_end(cpu, &m, reg_get(cpu, u->src, size));
    } else {
        rmw_end(cpu, &m, m.val);
        load_acc(cpu, size, m.val);
    }
    NEXT(u);
}
BY_SIZE(cmpxchg, cmpxchg_rr)
BY_SIZE(cmpxchg, cmpxchg_mr)
const struct uop_table uop_cmpxchg = {{[FORM_RR] = SIZES(cmpxchg, cmpxchg_rr), [FORM_MR] = SIZES(cmpxchg, cmpxchg_mr)}};

static UOP_FN(cmpxchg8b)
{
    u64 acc = (u32)cpu->gpr[RAX] | cpu->gpr[RDX] << 32;
    struct rmw m = rmw_begin(cpu, uop_lin(cpu, u, 8, true), 8);
    bool equal = m.val == acc;
    rmw_end(cpu, &m, equal ? (u32)cpu->gpr[RBX] | cpu->gpr[RCX] << 32 : m.val);
    if (!equal) {
        cpu->gpr[RAX] = (u32)m.val;
        cpu->gpr[RDX] = m.val >> 32;
    }
    flag_set_zf(cpu, equal);
    NEXT(u);
}
static UOP_FN(cmpxchg16b)
{
    u64 lin = uop_lin(cpu, u, 16, true);
    if (lin & 15)
        raise_gp(cpu, 0);
    u8 bytes[16];
    mem_probe_write(cpu, lin, 16, cpu->mmu_idx);
    mem_read_bytes(cpu, lin, bytes, 16, cpu->mmu_idx);
    u64 lo = ld64(bytes), hi = ld64(bytes + 8);
    bool equal = lo == cpu->gpr[RAX] && hi == cpu->gpr[RDX];
    if (equal) {
        st64(bytes, cpu->gpr[RBX]);
        st64(bytes + 8, cpu->gpr[RCX]);
    } else {
        cpu->gpr[RAX] = lo;
        cpu->gpr[RDX] = hi;
    }
    mem_write_bytes(cpu, lin, bytes, 16, cpu->mmu_idx);
    flag_set_zf(cpu, equal);
    NEXT(u);
}
const struct uop_table uop_cmpxchg8b = {{[FORM_M] = ANY_SIZE(cmpxchg8b)}};
const struct uop_table uop_cmpxchg16b = {{[FORM_M] = ANY_SIZE(cmpxchg16b)}};

static UOP_FN(ud)
{
    RAISES(cpu, u);
    raise_ud(cpu);
}
const struct uop_table uop_ud = {{[FORM_0] = ANY_SIZE(ud), [FORM_RR] = ANY_SIZE(ud), [FORM_RM] = ANY_SIZE(ud)}};
