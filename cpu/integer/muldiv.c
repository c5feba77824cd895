/*
 * MUL, IMUL in its three shapes, MULX, DIV, IDIV. Flags the manuals leave
 * undefined are 0 (undefined.def).
 */
#include "cpu/handlers.h"

/* CF = OF; the others are 0. */
ALWAYS_INLINE void flags_mul(struct cpu *cpu, bool overflow) { flags_from_image(cpu, overflow ? FL_CF | FL_OF : 0); }

/* The low and high halves of a product of 'size' bytes. */
struct product {
    u64 lo, hi;
};
ALWAYS_INLINE struct product multiply(unsigned size, u64 a, u64 b, bool sign)
{
    if (size == 8) {
        u128 p = sign ? (u128)((i128)(i64)a * (i64)b) : (u128)a * b;
        return (struct product){(u64)p, (u64)(p >> 64)};
    }
    u64 p = sign ? sext(a, size) * sext(b, size) : a * b;
    return (struct product){p, p >> (size * 8 % 64)};
}
/* True when the high half says more than the low one. */
ALWAYS_INLINE bool product_wide(unsigned size, struct product p, bool sign)
{
    u64 mask = size_mask(size);
    return sign ? (p.hi & mask) != (sign_bit(p.lo, size) ? mask : 0) : (p.hi & mask) != 0;
}

ALWAYS_INLINE void mul_acc(struct cpu *cpu, unsigned size, u64 b, bool sign)
{
    struct product p = multiply(size, reg_get(cpu, size == 1 ? BYTE_SLOT(RAX, 0) : RAX, size), b, sign);
    if (size == 1) {
        reg_set(cpu, RAX, 2, p.lo);
    } else {
        reg_set(cpu, RAX, size, p.lo);
        reg_set(cpu, RDX, size, p.hi);
    }
    flags_mul(cpu, product_wide(size, p, sign));
}
ALWAYS_INLINE const struct uop *mul_r(struct cpu *cpu, const struct uop *u, unsigned size, bool sign)
{
    mul_acc(cpu, size, reg_get(cpu, u->dst, size), sign);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *mul_m(struct cpu *cpu, const struct uop *u, unsigned size, bool sign)
{
    mul_acc(cpu, size, mem_read(cpu, uop_lin(cpu, u, size, false), size), sign);
    NEXT(u);
}
BY_SIZE(mul, mul_r, false)
BY_SIZE(mul, mul_m, false)
BY_SIZE(imul, mul_r, true)
BY_SIZE(imul, mul_m, true)
const struct uop_table uop_mul = {{[FORM_R] = SIZES(mul, mul_r), [FORM_M] = SIZES(mul, mul_m)}};
const struct uop_table uop_imul = {{[FORM_R] = SIZES(imul, mul_r), [FORM_M] = SIZES(imul, mul_m)}};

/* Two and three operands: dst = a * b. */
ALWAYS_INLINE void mul_to(struct cpu *cpu, const struct uop *u, unsigned size, u64 a, u64 b)
{
    struct product p = multiply(size, a, b, true);
    reg_set(cpu, u->dst, size, p.lo);
    flags_mul(cpu, product_wide(size, p, true));
}
ALWAYS_INLINE const struct uop *mul2_rr(struct cpu *cpu, const struct uop *u, unsigned size)
{
    mul_to(cpu, u, size, reg_get(cpu, u->dst, size), reg_get(cpu, u->src, size));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *mul2_rm(struct cpu *cpu, const struct uop *u, unsigned size)
{
    u64 b = mem_read(cpu, uop_lin(cpu, u, size, false), size);
    mul_to(cpu, u, size, reg_get(cpu, u->dst, size), b);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *mul3_rr(struct cpu *cpu, const struct uop *u, unsigned size)
{
    mul_to(cpu, u, size, reg_get(cpu, u->src, size), u->imm);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *mul3_rm(struct cpu *cpu, const struct uop *u, unsigned size)
{
    mul_to(cpu, u, size, mem_read(cpu, uop_lin(cpu, u, size, false), size), u->imm);
    NEXT(u);
}
BY_SIZE_248(imul, mul2_rr)
BY_SIZE_248(imul, mul2_rm)
BY_SIZE_248(imul, mul3_rr)
BY_SIZE_248(imul, mul3_rm)
const struct uop_table uop_imul2 = {{[FORM_RR] = SIZES_248(imul, mul2_rr), [FORM_RM] = SIZES_248(imul, mul2_rm)}};
const struct uop_table uop_imul3 = {{[FORM_RR] = SIZES_248(imul, mul3_rr), [FORM_RM] = SIZES_248(imul, mul3_rm)}};

/* MULX: rDX times source to dst (high) and src2 (low); the high half wins when they are one register. */
ALWAYS_INLINE void mulx(struct cpu *cpu, const struct uop *u, unsigned size, u64 b)
{
    struct product p = multiply(size, reg_get(cpu, RDX, size), b, false);
    reg_set(cpu, u->src2, size, p.lo);
    reg_set(cpu, u->dst, size, p.hi);
}
ALWAYS_INLINE const struct uop *mulx_rr(struct cpu *cpu, const struct uop *u, unsigned size)
{
    mulx(cpu, u, size, reg_get(cpu, u->src, size));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *mulx_rm(struct cpu *cpu, const struct uop *u, unsigned size)
{
    mulx(cpu, u, size, mem_read(cpu, uop_lin(cpu, u, size, false), size));
    NEXT(u);
}
BY_SIZE_48(mul, mulx_rr)
BY_SIZE_48(mul, mulx_rm)
const struct uop_table uop_mulx = {{[FORM_RR] = SIZES_48(mul, mulx_rr), [FORM_RM] = SIZES_48(mul, mulx_rm)}};

/* ---- division ---- */
/* hi:lo / b with all of 'size' bytes; raises #DE. */
ALWAYS_INLINE struct product divide_unsigned(struct cpu *cpu, unsigned size, u64 hi, u64 lo, u64 b)
{
    if (b == 0 || hi >= b)
        cpu_raise(cpu, EXC_DE);
    if (size == 8 && hi != 0) {
        u128 a = (u128)hi << 64 | lo;
        return (struct product){(u64)(a / b), (u64)(a % b)};
    }
    u64 a = size == 8 ? lo : hi << (size * 8 % 64) | lo;
    return (struct product){a / b, a % b};
}
/* By magnitudes, so that no quotient overflows before it is looked at. */
ALWAYS_INLINE struct product divide_signed(struct cpu *cpu, unsigned size, u64 hi, u64 lo, u64 b)
{
    u64 mask = size_mask(size);
    bool neg_a = sign_bit(hi, size), neg_b = sign_bit(b, size);
    if (neg_a) {
        lo = -lo & mask;
        hi = (~hi + (lo == 0)) & mask;
    }
    if (neg_b)
        b = -b & mask;
    struct product p = divide_unsigned(cpu, size, hi, lo, b);
    u64 limit = (mask >> 1) + (neg_a != neg_b);
    if (p.lo > limit)
        cpu_raise(cpu, EXC_DE);
    if (neg_a != neg_b)
        p.lo = -p.lo;
    if (neg_a)
        p.hi = -p.hi;
    return p;
}
ALWAYS_INLINE void div_acc(struct cpu *cpu, unsigned size, u64 b, bool sign)
{
    u64 lo = size == 1 ? (u8)cpu->gpr[RAX] : reg_get(cpu, RAX, size);
    u64 hi = size == 1 ? (u8)(cpu->gpr[RAX] >> 8) : reg_get(cpu, RDX, size);
    struct product p = sign ? divide_signed(cpu, size, hi, lo, b) : divide_unsigned(cpu, size, hi, lo, b);
    if (size == 1) {
        reg_set(cpu, RAX, 2, (u8)p.lo | (u64)(u8)p.hi << 8);
    } else {
        reg_set(cpu, RAX, size, p.lo);
        reg_set(cpu, RDX, size, p.hi);
    }
    flags_from_image(cpu, 0);
}
ALWAYS_INLINE const struct uop *div_r(struct cpu *cpu, const struct uop *u, unsigned size, bool sign)
{
    RAISES(cpu, u);
    div_acc(cpu, size, reg_get(cpu, u->dst, size), sign);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *div_m(struct cpu *cpu, const struct uop *u, unsigned size, bool sign)
{
    div_acc(cpu, size, mem_read(cpu, uop_lin(cpu, u, size, false), size), sign);
    NEXT(u);
}
BY_SIZE(div, div_r, false)
BY_SIZE(div, div_m, false)
BY_SIZE(idiv, div_r, true)
BY_SIZE(idiv, div_m, true)
const struct uop_table uop_div = {{[FORM_R] = SIZES(div, div_r), [FORM_M] = SIZES(div, div_m)}};
const struct uop_table uop_idiv = {{[FORM_R] = SIZES(idiv, div_r), [FORM_M] = SIZES(idiv, div_m)}};
