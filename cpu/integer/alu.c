/*
 * ADD OR ADC SBB AND SUB XOR CMP TEST NEG NOT INC DEC and the instructions
 * that only change flags (SDM vol. 2). Each meaning takes its operands zero-
 * extended or with any upper bits, and returns a result whose upper bits the
 * caller drops.
 */
#include "cpu/handlers.h"

typedef u64 binary_fn(struct cpu *cpu, unsigned size, u64 a, u64 b);
typedef u64 unary_fn(struct cpu *cpu, unsigned size, u64 a);

/* ---- meanings ---- */
ALWAYS_INLINE u64 add(struct cpu *cpu, unsigned size, u64 a, u64 b)
{
    u64 r = a + b;
    flags_add(cpu, size, a, b, r);
    return r;
}
ALWAYS_INLINE u64 adc(struct cpu *cpu, unsigned size, u64 a, u64 b)
{
    u64 r = a + b + flag_cf(cpu);
    flags_add(cpu, size, a, b, r);
    return r;
}
ALWAYS_INLINE u64 sub(struct cpu *cpu, unsigned size, u64 a, u64 b)
{
    u64 r = a - b;
    flags_sub(cpu, size, a, b, r);
    return r;
}
ALWAYS_INLINE u64 sbb(struct cpu *cpu, unsigned size, u64 a, u64 b)
{
    u64 r = a - b - flag_cf(cpu);
    flags_sub(cpu, size, a, b, r);
    return r;
}
ALWAYS_INLINE u64 bit_and(struct cpu *cpu, unsigned size, u64 a, u64 b)
{
    flags_logic(cpu, size, a & b);
    return a & b;
}
ALWAYS_INLINE u64 bit_or(struct cpu *cpu, unsigned size, u64 a, u64 b)
{
    flags_logic(cpu, size, a | b);
    return a | b;
}
ALWAYS_INLINE u64 bit_xor(struct cpu *cpu, unsigned size, u64 a, u64 b)
{
    flags_logic(cpu, size, a ^ b);
    return a ^ b;
}
ALWAYS_INLINE u64 bit_not(struct cpu *cpu, unsigned size, u64 a)
{
    (void)cpu, (void)size;
    return ~a;
}
ALWAYS_INLINE u64 neg(struct cpu *cpu, unsigned size, u64 a) { return sub(cpu, size, 0, a); }
/* INC and DEC keep CF: only bit 31 of cc_aux survives, and bit 30 is OF relative to it. */
ALWAYS_INLINE void flags_keep_cf(struct cpu *cpu, unsigned size, u64 r, bool of, bool af)
{
    u32 cf = cpu->cc_aux & 0x80000000u;
    cpu->cc_res = sext(r, size);
    cpu->cc_aux = cf | ((cf >> 1) ^ ((u32)of << 30)) | (u32)af << 3;
}
ALWAYS_INLINE u64 inc(struct cpu *cpu, unsigned size, u64 a)
{
    u64 r = (a + 1) & size_mask(size);
    flags_keep_cf(cpu, size, r, r == BIT64(size * 8 - 1), (r & 15) == 0);
    return r;
}
ALWAYS_INLINE u64 dec(struct cpu *cpu, unsigned size, u64 a)
{
    u64 r = (a - 1) & size_mask(size);
    flags_keep_cf(cpu, size, r, r == BIT64(size * 8 - 1) - 1, (r & 15) == 15);
    return r;
}

/* ---- shapes; 'store' is false for CMP and TEST ---- */
ALWAYS_INLINE const struct uop *alu_rr(struct cpu *cpu, const struct uop *u, unsigned size, binary_fn *op, bool store)
{
    u64 r = op(cpu, size, reg_get(cpu, u->dst, size), reg_get(cpu, u->src, size));
    if (store)
        reg_set(cpu, u->dst, size, r);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *alu_ri(struct cpu *cpu, const struct uop *u, unsigned size, binary_fn *op, bool store)
{
    u64 r = op(cpu, size, reg_get(cpu, u->dst, size), u->imm);
    if (store)
        reg_set(cpu, u->dst, size, r);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *alu_rm(struct cpu *cpu, const struct uop *u, unsigned size, binary_fn *op, bool store,
                                       uop_fn *cold)
{
    u64 b;
    if (!load(cpu, u, size, cold, &b))
        return cold(cpu, u);
    u64 r = op(cpu, size, reg_get(cpu, u->dst, size), b);
    if (store)
        reg_set(cpu, u->dst, size, r);
    NEXT(u);
}
/* Memory with b. Flags change before the write, which cannot fault once change() is through. */
ALWAYS_INLINE const struct uop *alu_mem(struct cpu *cpu, const struct uop *u, unsigned size, binary_fn *op, bool store,
                                        u64 b, uop_fn *cold)
{
    struct rmw m;
    if (!store) {
        if (!load(cpu, u, size, cold, &m.val))
            return cold(cpu, u);
        op(cpu, size, m.val, b);
        NEXT(u);
    }
    if (!change(cpu, u, size, cold, &m))
        return cold(cpu, u);
    change_end(cpu, &m, cold, op(cpu, size, m.val, b));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *alu_mr(struct cpu *cpu, const struct uop *u, unsigned size, binary_fn *op, bool store,
                                       uop_fn *cold)
{
    return alu_mem(cpu, u, size, op, store, reg_get(cpu, u->src, size), cold);
}
ALWAYS_INLINE const struct uop *alu_mi(struct cpu *cpu, const struct uop *u, unsigned size, binary_fn *op, bool store,
                                       uop_fn *cold)
{
    return alu_mem(cpu, u, size, op, store, u->imm, cold);
}
ALWAYS_INLINE const struct uop *alu_r(struct cpu *cpu, const struct uop *u, unsigned size, unary_fn *op)
{
    reg_set(cpu, u->dst, size, op(cpu, size, reg_get(cpu, u->dst, size)));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *alu_m(struct cpu *cpu, const struct uop *u, unsigned size, unary_fn *op, uop_fn *cold)
{
    struct rmw m;
    if (!change(cpu, u, size, cold, &m))
        return cold(cpu, u);
    change_end(cpu, &m, cold, op(cpu, size, m.val));
    NEXT(u);
}

#define BINARY(name, meaning, store)                                                                                   \
    BY_SIZE(name, alu_rr, meaning, store)                                                                              \
    BY_SIZE(name, alu_ri, meaning, store)                                                                              \
    BY_SIZE_MEM(name, alu_rm, meaning, store)                                                                          \
    BY_SIZE_MEM(name, alu_mr, meaning, store)                                                                          \
    BY_SIZE_MEM(name, alu_mi, meaning, store)                                                                          \
    const struct uop_table uop_##name = {{[FORM_RR] = SIZES(name, alu_rr),                                             \
                                          [FORM_RI] = SIZES(name, alu_ri),                                             \
                                          [FORM_RM] = SIZES(name, alu_rm),                                             \
                                          [FORM_MR] = SIZES(name, alu_mr),                                             \
                                          [FORM_MI] = SIZES(name, alu_mi)}};
#define UNARY(name, meaning)                                                                                           \
    BY_SIZE(name, alu_r, meaning)                                                                                      \
    BY_SIZE_MEM(name, alu_m, meaning)                                                                                  \
    const struct uop_table uop_##name = {{[FORM_R] = SIZES(name, alu_r), [FORM_M] = SIZES(name, alu_m)}};

BINARY(add, add, true)
BINARY(or, bit_or, true)
BINARY(adc, adc, true)
BINARY(sbb, sbb, true)
BINARY(and, bit_and, true)
BINARY(sub, sub, true)
BINARY(xor, bit_xor, true)
BINARY(cmp, sub, false)
BINARY(test, bit_and, false)
UNARY(neg, neg)
UNARY(not, bit_not)
UNARY(inc, inc)
UNARY(dec, dec)

/* ---- flags alone ---- */
static UOP_FN(cmc)
{
    flag_set_cf(cpu, !flag_cf(cpu));
    NEXT(u);
}
static UOP_FN(clc)
{
    flag_set_cf(cpu, false);
    NEXT(u);
}
static UOP_FN(stc)
{
    flag_set_cf(cpu, true);
    NEXT(u);
}
static UOP_FN(cld)
{
    cpu->eflags &= ~(u32)FL_DF;
    NEXT(u);
}
static UOP_FN(std)
{
    cpu->eflags |= FL_DF;
    NEXT(u);
}
static UOP_FN(sahf)
{
    flags_from_image(cpu, (u8)(cpu->gpr[RAX] >> 8) | (flag_of(cpu) ? FL_OF : 0));
    NEXT(u);
}
static UOP_FN(lahf)
{
    u64 ah = (flags_to_image(cpu) & 0xff) | FL_1;
    cpu->gpr[RAX] = (cpu->gpr[RAX] & ~0xff00ull) | ah << 8;
    NEXT(u);
}

const struct uop_table uop_cmc = {{[FORM_0] = ANY_SIZE(cmc)}};
const struct uop_table uop_clc = {{[FORM_0] = ANY_SIZE(clc)}};
const struct uop_table uop_stc = {{[FORM_0] = ANY_SIZE(stc)}};
const struct uop_table uop_cld = {{[FORM_0] = ANY_SIZE(cld)}};
const struct uop_table uop_std = {{[FORM_0] = ANY_SIZE(std)}};
const struct uop_table uop_sahf = {{[FORM_0] = ANY_SIZE(sahf)}};
const struct uop_table uop_lahf = {{[FORM_0] = ANY_SIZE(lahf)}};
