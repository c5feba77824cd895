/*
 * Moves and what is like them: MOV, MOVZX/MOVSX/MOVSXD, LEA, XCHG, BSWAP,
 * MOVBE, CMOVcc, SETcc, XLAT, CBW and CWD families, SALC, NOP and all hints.
 */
#include "cpu/handlers.h"

/* ---- MOV ---- */
ALWAYS_INLINE const struct uop *mov_rr(struct cpu *cpu, const struct uop *u, unsigned size)
{
    reg_set(cpu, u->dst, size, reg_get(cpu, u->src, size));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *mov_ri(struct cpu *cpu, const struct uop *u, unsigned size)
{
    reg_set(cpu, u->dst, size, u->imm);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *mov_rm(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    u64 v;
    if (!load(cpu, u, size, cold, &v))
        return cold(cpu, u);
    reg_set(cpu, u->dst, size, v);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *mov_mr(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    if (!store(cpu, u, size, cold, reg_get(cpu, u->src, size)))
        return cold(cpu, u);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *mov_mi(struct cpu *cpu, const struct uop *u, unsigned size, uop_fn *cold)
{
    if (!store(cpu, u, size, cold, u->imm))
        return cold(cpu, u);
    NEXT(u);
}
BY_SIZE(mov, mov_rr)
BY_SIZE(mov, mov_ri)
BY_SIZE_MEM(mov, mov_rm)
BY_SIZE_MEM(mov, mov_mr)
BY_SIZE_MEM(mov, mov_mi)
const struct uop_table uop_mov = {{[FORM_RR] = SIZES(mov, mov_rr),
                                   [FORM_RI] = SIZES(mov, mov_ri),
                                   [FORM_RM] = SIZES(mov, mov_rm),
                                   [FORM_MR] = SIZES(mov, mov_mr),
                                   [FORM_MI] = SIZES(mov, mov_mi)}};

/* A0..A3: the whole offset, up to 64 bits, is in imm. */
ALWAYS_INLINE const struct uop *moffs_rm(struct cpu *cpu, const struct uop *u, unsigned size)
{
    u64 lin = lin_at(cpu, u, u->seg, addr_wrap(u, u->imm), size, false);
    reg_set(cpu, u->dst, size, mem_read(cpu, lin, size));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *moffs_mr(struct cpu *cpu, const struct uop *u, unsigned size)
{
    u64 lin = lin_at(cpu, u, u->seg, addr_wrap(u, u->imm), size, true);
    mem_write(cpu, lin, reg_get(cpu, u->src, size), size);
    NEXT(u);
}
BY_SIZE(mov, moffs_rm)
BY_SIZE(mov, moffs_mr)
const struct uop_table uop_mov_moffs = {{[FORM_RM] = SIZES(mov, moffs_rm), [FORM_MR] = SIZES(mov, moffs_mr)}};

/* ---- widening ---- */
ALWAYS_INLINE const struct uop *widen_rr(struct cpu *cpu, const struct uop *u, unsigned size, unsigned from, bool sign)
{
    u64 v = reg_get(cpu, u->src, from);
    reg_set(cpu, u->dst, size, sign ? sext(v, from) : v);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *widen_rm(struct cpu *cpu, const struct uop *u, unsigned size, unsigned from, bool sign,
                                         uop_fn *cold)
{
    u64 v;
    if (!load(cpu, u, from, cold, &v))
        return cold(cpu, u);
    reg_set(cpu, u->dst, size, sign ? sext(v, from) : v);
    NEXT(u);
}
#define WIDEN(name, from, sign)                                                                                        \
    BY_SIZE_248(name, widen_rr, from, sign)                                                                            \
    BY_SIZE_248_MEM(name, widen_rm, from, sign)                                                                        \
    const struct uop_table uop_##name = {                                                                              \
        {[FORM_RR] = SIZES_248(name, widen_rr), [FORM_RM] = SIZES_248(name, widen_rm)}};
WIDEN(movzx8, 1, false)
WIDEN(movzx16, 2, false)
WIDEN(movsx8, 1, true)
WIDEN(movsx16, 2, true)
WIDEN(movsx32, 4, true)

ALWAYS_INLINE const struct uop *lea_rm(struct cpu *cpu, const struct uop *u, unsigned size)
{
    reg_set(cpu, u->dst, size, uop_ea(cpu, u));
    NEXT(u);
}
BY_SIZE_248(lea, lea_rm)
const struct uop_table uop_lea = {{[FORM_RM] = SIZES_248(lea, lea_rm)}};

/* ---- exchanges ---- */
ALWAYS_INLINE const struct uop *xchg_rr(struct cpu *cpu, const struct uop *u, unsigned size)
{
    u64 a = reg_get(cpu, u->dst, size), b = reg_get(cpu, u->src, size);
    reg_set(cpu, u->dst, size, b);
    reg_set(cpu, u->src, size, a);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *xchg_mr(struct cpu *cpu, const struct uop *u, unsigned size)
{
    struct rmw m = rmw_begin(cpu, uop_lin(cpu, u, size, true), size);
    rmw_end(cpu, &m, reg_get(cpu, u->src, size));
    reg_set(cpu, u->src, size, m.val);
    NEXT(u);
}
BY_SIZE(xchg, xchg_rr)
BY_SIZE(xchg, xchg_mr)
const struct uop_table uop_xchg = {{[FORM_RR] = SIZES(xchg, xchg_rr), [FORM_MR] = SIZES(xchg, xchg_mr)}};

/* 90+r: with rAX itself it is NOP (PAUSE with F3) and does not clear the upper half of RAX. */
ALWAYS_INLINE const struct uop *xchg_acc(struct cpu *cpu, const struct uop *u, unsigned size)
{
    if (u->dst == RAX)
        NEXT(u);
    return xchg_rr(cpu, u, size);
}
BY_SIZE_248(xchg, xchg_acc)
const struct uop_table uop_xchg_acc = {{[FORM_RR] = SIZES_248(xchg, xchg_acc)}};

ALWAYS_INLINE u64 swap_bytes(u64 v, unsigned size)
{
    return size == 2 ? __builtin_bswap16((u16)v) : size == 4 ? __builtin_bswap32((u32)v) : __builtin_bswap64(v);
}
/* With operand size 2 BSWAP is undefined; silicon leaves zero in the low half. */
ALWAYS_INLINE const struct uop *bswap_r(struct cpu *cpu, const struct uop *u, unsigned size)
{
    reg_set(cpu, u->dst, size, size == 2 ? 0 : swap_bytes(cpu->gpr[u->dst], size));
    NEXT(u);
}
BY_SIZE_248(bswap, bswap_r)
const struct uop_table uop_bswap = {{[FORM_R] = SIZES_248(bswap, bswap_r)}};

ALWAYS_INLINE const struct uop *movbe_rm(struct cpu *cpu, const struct uop *u, unsigned size)
{
    reg_set(cpu, u->dst, size, swap_bytes(mem_read(cpu, uop_lin(cpu, u, size, false), size), size));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *movbe_mr(struct cpu *cpu, const struct uop *u, unsigned size)
{
    mem_write(cpu, uop_lin(cpu, u, size, true), swap_bytes(cpu->gpr[u->src], size), size);
    NEXT(u);
}
BY_SIZE_248(movbe, movbe_rm)
BY_SIZE_248(movbe, movbe_mr)
const struct uop_table uop_movbe = {{[FORM_RM] = SIZES_248(movbe, movbe_rm), [FORM_MR] = SIZES_248(movbe, movbe_mr)}};

/* ---- by condition ---- */
/* A false CMOV still reads memory, and still clears the upper half in 32-bit size. */
ALWAYS_INLINE const struct uop *cmov_rr(struct cpu *cpu, const struct uop *u, unsigned size, unsigned cc)
{
    u64 v = reg_get(cpu, flags_cond(cpu, cc) ? u->src : u->dst, size);
    reg_set(cpu, u->dst, size, v);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *cmov_rm(struct cpu *cpu, const struct uop *u, unsigned size, unsigned cc, uop_fn *cold)
{
    u64 v;
    if (!load(cpu, u, size, cold, &v))
        return cold(cpu, u);
    if (!flags_cond(cpu, cc))
        v = reg_get(cpu, u->dst, size);
    reg_set(cpu, u->dst, size, v);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *set_r(struct cpu *cpu, const struct uop *u, unsigned cc)
{
    reg_set(cpu, u->dst, 1, flags_cond(cpu, cc));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *set_m(struct cpu *cpu, const struct uop *u, unsigned cc)
{
    mem_write(cpu, uop_lin(cpu, u, 1, true), flags_cond(cpu, cc), 1);
    NEXT(u);
}
#define MOVE_IF(cc, name)                                                                                              \
    BY_SIZE_248(cmov##name, cmov_rr, cc)                                                                               \
    BY_SIZE_248_MEM(cmov##name, cmov_rm, cc)                                                                           \
    const struct uop_table uop_cmov##name = {                                                                          \
        {[FORM_RR] = SIZES_248(cmov##name, cmov_rr), [FORM_RM] = SIZES_248(cmov##name, cmov_rm)}};                     \
    static UOP_FN(set##name##_r) { return set_r(cpu, u, cc); }                                                         \
    static UOP_FN(set##name##_m) { return set_m(cpu, u, cc); }                                                         \
    const struct uop_table uop_set##name = {{[FORM_R] = ANY_SIZE(set##name##_r), [FORM_M] = ANY_SIZE(set##name##_m)}};
CONDITIONS(MOVE_IF)

/* ---- accumulator ---- */
static UOP_FN(xlat)
{
    u64 off = addr_wrap(u, cpu->gpr[RBX] + (u8)cpu->gpr[RAX]);
    u64 v = mem_read(cpu, lin_at(cpu, u, u->seg, off, 1, false), 1);
    cpu->gpr[RAX] = (cpu->gpr[RAX] & ~0xffull) | v;
    NEXT(u);
}
ALWAYS_INLINE const struct uop *cbw(struct cpu *cpu, const struct uop *u, unsigned size)
{
    reg_set(cpu, RAX, size, sext(cpu->gpr[RAX], size / 2));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *cwd(struct cpu *cpu, const struct uop *u, unsigned size)
{
    reg_set(cpu, RDX, size, sign_bit(cpu->gpr[RAX], size) ? ~0ull : 0);
    NEXT(u);
}
static UOP_FN(salc)
{
    cpu->gpr[RAX] = (cpu->gpr[RAX] & ~0xffull) | (flag_cf(cpu) ? 0xff : 0);
    NEXT(u);
}
static UOP_FN(nop)
{
    (void)cpu;
    NEXT(u);
}
BY_SIZE_248(acc, cbw)
BY_SIZE_248(acc, cwd)
const struct uop_table uop_xlat = {{[FORM_0] = ANY_SIZE(xlat)}};
const struct uop_table uop_cbw = {{[FORM_0] = SIZES_248(acc, cbw)}};
const struct uop_table uop_cwd = {{[FORM_0] = SIZES_248(acc, cwd)}};
const struct uop_table uop_salc = {{[FORM_0] = ANY_SIZE(salc)}};
const struct uop_table uop_nop = {{[FORM_0] = ANY_SIZE(nop), [FORM_R] = ANY_SIZE(nop), [FORM_M] = ANY_SIZE(nop)}};
