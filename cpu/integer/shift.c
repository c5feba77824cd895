/*
 * Shifts and rotates: ROL ROR RCL RCR SHL SHR SAR SHLD SHRD and BMI2's SHLX
 * SHRX SARX RORX. A masked count of zero changes no flag. What the manuals
 * leave undefined (OF for counts above 1, CF beyond the operand's width, AF) is
 * said in undefined.def.
 */
#include "cpu/handlers.h"

typedef u64 shift_fn(struct cpu *cpu, unsigned size, u64 a, unsigned count);
typedef u64 double_fn(struct cpu *cpu, unsigned size, u64 a, u64 b, unsigned count);

ALWAYS_INLINE unsigned shift_count(unsigned size, u64 count) { return count & (size == 8 ? 63 : 31); }

/* Result flags of a shift: SF ZF PF of r, CF and OF as told, AF set. */
ALWAYS_INLINE void flags_shift(struct cpu *cpu, unsigned size, u64 r, bool cf, bool of)
{
    cpu->cc_res = sext(r, size);
    cpu->cc_aux = AUX_AF | (u32)cf << 31 | (u32)(cf ^ of) << 30;
}

/* ---- meanings; a is zero-extended, count masked and not 0 ---- */
ALWAYS_INLINE u64 shl(struct cpu *cpu, unsigned size, u64 a, unsigned count)
{
    u64 r = a << count;
    bool cf = size == 8 ? (a >> (64 - count)) & 1 : (r >> (size * 8 % 64)) & 1;
    flags_shift(cpu, size, r, cf, cf ^ sign_bit(r, size));
    return r;
}
ALWAYS_INLINE u64 shr(struct cpu *cpu, unsigned size, u64 a, unsigned count)
{
    u64 r = a >> count;
    flags_shift(cpu, size, r, (a >> (count - 1)) & 1, sign_bit(r ^ r << 1, size));
    return r;
}
ALWAYS_INLINE u64 sar(struct cpu *cpu, unsigned size, u64 a, unsigned count)
{
    i64 s = (i64)sext(a, size);
    u64 r = (u64)(s >> count);
    flags_shift(cpu, size, r, (u64)(s >> (count - 1)) & 1, false);
    return r;
}
ALWAYS_INLINE u64 rotate_left(u64 a, unsigned size, unsigned n)
{
    unsigned bits = size * 8;
    return n % bits == 0 ? a : a << (n % bits) | a >> (bits - n % bits);
}
ALWAYS_INLINE u64 rol(struct cpu *cpu, unsigned size, u64 a, unsigned count)
{
    u64 r = rotate_left(a, size, count);
    flags_set_cf_of(cpu, r & 1, (r & 1) ^ sign_bit(r, size));
    return r;
}
ALWAYS_INLINE u64 ror(struct cpu *cpu, unsigned size, u64 a, unsigned count)
{
    u64 r = rotate_left(a, size, size * 8 - count % (size * 8));
    flags_set_cf_of(cpu, sign_bit(r, size), sign_bit(r ^ r << 1, size));
    return r;
}
/* Through carry: size * 8 + 1 bits turn. */
ALWAYS_INLINE u64 rcl(struct cpu *cpu, unsigned size, u64 a, unsigned count)
{
    unsigned bits = size * 8;
    u64 cf = flag_cf(cpu);
    count %= bits + 1;
    if (count != 0) {
        u64 out = (a >> (bits - count)) & 1;
        u64 low = count == 1 ? 0 : a >> (bits + 1 - count);
        a = (count == 64 ? 0 : a << count) | cf << (count - 1) | low;
        cf = out;
    }
    flags_set_cf_of(cpu, cf, cf ^ sign_bit(a, size));
    return a;
}
ALWAYS_INLINE u64 rcr(struct cpu *cpu, unsigned size, u64 a, unsigned count)
{
    unsigned bits = size * 8;
    u64 cf = flag_cf(cpu);
    count %= bits + 1;
    if (count != 0) {
        u64 out = (a >> (count - 1)) & 1;
        u64 high = count == 1 ? 0 : a << (bits + 1 - count);
        a = (count == 64 ? 0 : a >> count) | cf << (bits - count) | high;
        cf = out;
    }
    flags_set_cf_of(cpu, cf, sign_bit(a ^ a << 1, size));
    return a;
}
/* With size 2 and counts above 16 more bits of b follow, and CF is 0. */
ALWAYS_INLINE u64 shld(struct cpu *cpu, unsigned size, u64 a, u64 b, unsigned count)
{
    unsigned bits = size * 8;
    if (size == 2) {
        u64 r = (a << 32 | b << 16 | b) << count >> 32;
        bool cf = count <= 16 && (a >> (16 - count) & 1), next = count < 16 && (a >> (15 - count) & 1);
        flags_shift(cpu, size, r, cf, cf ^ next);
        return r;
    }
    u64 r = a << count | b >> (bits - count);
    bool cf = a >> (bits - count) & 1;
    flags_shift(cpu, size, r, cf, cf ^ sign_bit(r, size));
    return r;
}
ALWAYS_INLINE u64 shrd(struct cpu *cpu, unsigned size, u64 a, u64 b, unsigned count)
{
    bool cf = a >> (count - 1) & 1; /* a has no bits above its size: 0 for counts above 16 */
    u64 r = size == 2 ? (b << 32 | b << 16 | a) >> count : a >> count | b << (size * 8 - count);
    flags_shift(cpu, size, r, cf, sign_bit(r ^ r << 1, size));
    return r;
}

/* ---- shapes ---- */
ALWAYS_INLINE const struct uop *shift_reg(struct cpu *cpu, const struct uop *u, unsigned size, shift_fn *op,
                                          unsigned count)
{
    u64 a = reg_get(cpu, u->dst, size);
    reg_set(cpu, u->dst, size, count ? op(cpu, size, a, count) : a);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *shift_mem(struct cpu *cpu, const struct uop *u, unsigned size, shift_fn *op,
                                          unsigned count)
{
    struct rmw m = rmw_begin(cpu, uop_lin(cpu, u, size, true), size);
    rmw_end(cpu, &m, count ? op(cpu, size, m.val, count) : m.val);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *shift_ri(struct cpu *cpu, const struct uop *u, unsigned size, shift_fn *op)
{
    return shift_reg(cpu, u, size, op, shift_count(size, u->imm));
}
ALWAYS_INLINE const struct uop *shift_rr(struct cpu *cpu, const struct uop *u, unsigned size, shift_fn *op)
{
    return shift_reg(cpu, u, size, op, shift_count(size, cpu->gpr[RCX]));
}
ALWAYS_INLINE const struct uop *shift_mi(struct cpu *cpu, const struct uop *u, unsigned size, shift_fn *op)
{
    return shift_mem(cpu, u, size, op, shift_count(size, u->imm));
}
ALWAYS_INLINE const struct uop *shift_mr(struct cpu *cpu, const struct uop *u, unsigned size, shift_fn *op)
{
    return shift_mem(cpu, u, size, op, shift_count(size, cpu->gpr[RCX]));
}
#define SHIFT(name)                                                                                                    \
    BY_SIZE(name, shift_ri, name)                                                                                      \
    BY_SIZE(name, shift_rr, name)                                                                                      \
    BY_SIZE(name, shift_mi, name)                                                                                      \
    BY_SIZE(name, shift_mr, name)                                                                                      \
    const struct uop_table uop_##name = {{[FORM_RI] = SIZES(name, shift_ri),                                           \
                                          [FORM_RR] = SIZES(name, shift_rr),                                           \
                                          [FORM_MI] = SIZES(name, shift_mi),                                           \
                                          [FORM_MR] = SIZES(name, shift_mr)}};
SHIFT(rol)
SHIFT(ror)
SHIFT(rcl)
SHIFT(rcr)
SHIFT(shl)
SHIFT(shr)
SHIFT(sar)

ALWAYS_INLINE const struct uop *double_rr(struct cpu *cpu, const struct uop *u, unsigned size, double_fn *op,
                                          bool by_cl)
{
    unsigned count = shift_count(size, by_cl ? cpu->gpr[RCX] : u->imm);
    u64 a = reg_get(cpu, u->dst, size);
    reg_set(cpu, u->dst, size, count ? op(cpu, size, a, reg_get(cpu, u->src, size), count) : a);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *double_mr(struct cpu *cpu, const struct uop *u, unsigned size, double_fn *op,
                                          bool by_cl)
{
    unsigned count = shift_count(size, by_cl ? cpu->gpr[RCX] : u->imm);
    struct rmw m = rmw_begin(cpu, uop_lin(cpu, u, size, true), size);
    rmw_end(cpu, &m, count ? op(cpu, size, m.val, reg_get(cpu, u->src, size), count) : m.val);
    NEXT(u);
}
#define DOUBLE_SHIFT(name, meaning, by_cl)                                                                             \
    BY_SIZE_248(name, double_rr, meaning, by_cl)                                                                       \
    BY_SIZE_248(name, double_mr, meaning, by_cl)                                                                       \
    const struct uop_table uop_##name = {                                                                              \
        {[FORM_RR] = SIZES_248(name, double_rr), [FORM_MR] = SIZES_248(name, double_mr)}};
DOUBLE_SHIFT(shld, shld, false)
DOUBLE_SHIFT(shrd, shrd, false)
DOUBLE_SHIFT(shld_cl, shld, true)
DOUBLE_SHIFT(shrd_cl, shrd, true)

/* ---- BMI2: no flags, count in a third register (RORX: immediate) ---- */
typedef u64 plain_fn(unsigned size, u64 a, unsigned count);
ALWAYS_INLINE u64 shlx(unsigned size, u64 a, unsigned count) { return (void)size, a << count; }
ALWAYS_INLINE u64 shrx(unsigned size, u64 a, unsigned count) { return (void)size, a >> count; }
ALWAYS_INLINE u64 sarx(unsigned size, u64 a, unsigned count) { return (u64)((i64)sext(a, size) >> count); }
ALWAYS_INLINE u64 rorx(unsigned size, u64 a, unsigned count) { return rotate_left(a, size, size * 8 - count); }

ALWAYS_INLINE const struct uop *plain_rr(struct cpu *cpu, const struct uop *u, unsigned size, plain_fn *op, bool imm)
{
    unsigned count = shift_count(size, imm ? u->imm : cpu->gpr[u->src2]);
    reg_set(cpu, u->dst, size, op(size, reg_get(cpu, u->src, size), count));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *plain_rm(struct cpu *cpu, const struct uop *u, unsigned size, plain_fn *op, bool imm)
{
    unsigned count = shift_count(size, imm ? u->imm : cpu->gpr[u->src2]);
    reg_set(cpu, u->dst, size, op(size, mem_read(cpu, uop_lin(cpu, u, size, false), size), count));
    NEXT(u);
}
#define PLAIN_SHIFT(name, imm)                                                                                         \
    BY_SIZE_48(name, plain_rr, name, imm)                                                                              \
    BY_SIZE_48(name, plain_rm, name, imm)                                                                              \
    const struct uop_table uop_##name = {{[FORM_RR] = SIZES_48(name, plain_rr), [FORM_RM] = SIZES_48(name, plain_rm)}};
PLAIN_SHIFT(shlx, false)
PLAIN_SHIFT(shrx, false)
PLAIN_SHIFT(sarx, false)
PLAIN_SHIFT(rorx, true)
