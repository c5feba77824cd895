/*
 * Bit instructions: BT BTS BTR BTC, BSF BSR LZCNT TZCNT POPCNT, BMI1, BMI2's
 * BZHI PDEP PEXT, ADCX ADOX, CRC32. Undefined flags are 0, BT's as they were
 * (undefined.def).
 */
#include "cpu/handlers.h"

/* ---- BT, BTS, BTR, BTC ---- */
typedef u64 bit_fn(u64 v, u64 bit);
ALWAYS_INLINE u64 bt(u64 v, u64 bit) { return (void)bit, v; }
ALWAYS_INLINE u64 bts(u64 v, u64 bit) { return v | bit; }
ALWAYS_INLINE u64 btr(u64 v, u64 bit) { return v & ~bit; }
ALWAYS_INLINE u64 btc(u64 v, u64 bit) { return v ^ bit; }

ALWAYS_INLINE void bit_reg(struct cpu *cpu, const struct uop *u, unsigned size, bit_fn *op, bool store, u64 index)
{
    u64 v = reg_get(cpu, u->dst, size), bit = BIT64(index & (size * 8 - 1));
    if (store)
        reg_set(cpu, u->dst, size, op(v, bit));
    flag_set_cf(cpu, v & bit);
}
ALWAYS_INLINE void bit_mem(struct cpu *cpu, unsigned size, bit_fn *op, bool store, u64 index, u64 lin)
{
    u64 bit = BIT64(index & (size * 8 - 1)), v;
    if (store) {
        struct rmw m = rmw_begin(cpu, lin, size);
        v = m.val;
        rmw_end(cpu, &m, op(v, bit));
    } else {
        v = mem_read(cpu, lin, size);
    }
    flag_set_cf(cpu, v & bit);
}
ALWAYS_INLINE const struct uop *bit_rr(struct cpu *cpu, const struct uop *u, unsigned size, bit_fn *op, bool store)
{
    bit_reg(cpu, u, size, op, store, reg_get(cpu, u->src, size));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *bit_ri(struct cpu *cpu, const struct uop *u, unsigned size, bit_fn *op, bool store)
{
    bit_reg(cpu, u, size, op, store, u->imm);
    NEXT(u);
}
/* A register's bit number is signed and reaches beyond the operand. */
ALWAYS_INLINE const struct uop *bit_mr(struct cpu *cpu, const struct uop *u, unsigned size, bit_fn *op, bool store)
{
    i64 index = (i64)sext(cpu->gpr[u->src], size);
    i64 step = index >> (size == 2 ? 4 : size == 4 ? 5 : 6);
    u64 off = addr_wrap(u, uop_ea(cpu, u) + (u64)step * size);
    bit_mem(cpu, size, op, store, (u64)index, lin_at(cpu, u, u->seg, off, size, store));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *bit_mi(struct cpu *cpu, const struct uop *u, unsigned size, bit_fn *op, bool store)
{
    bit_mem(cpu, size, op, store, u->imm, uop_lin(cpu, u, size, store));
    NEXT(u);
}
#define BIT_OP(name, store)                                                                                            \
    BY_SIZE_248(name, bit_rr, name, store)                                                                             \
    BY_SIZE_248(name, bit_ri, name, store)                                                                             \
    BY_SIZE_248(name, bit_mr, name, store)                                                                             \
    BY_SIZE_248(name, bit_mi, name, store)                                                                             \
    const struct uop_table uop_##name = {{[FORM_RR] = SIZES_248(name, bit_rr),                                         \
                                          [FORM_RI] = SIZES_248(name, bit_ri),                                         \
                                          [FORM_MR] = SIZES_248(name, bit_mr),                                         \
                                          [FORM_MI] = SIZES_248(name, bit_mi)}};
BIT_OP(bt, false)
BIT_OP(bts, true)
BIT_OP(btr, true)
BIT_OP(btc, true)

/* ---- one source, one destination ---- */
/* Flags but ZF are 0. A zero source leaves the destination as it is, in 32-bit size all 64 bits of it. */
ALWAYS_INLINE void bit_scan(struct cpu *cpu, const struct uop *u, unsigned size, u64 v, bool reverse)
{
    flags_from_image(cpu, v == 0 ? FL_ZF : 0);
    if (v != 0)
        reg_set(cpu, u->dst, size, reverse ? 63 - (u64)__builtin_clzll(v) : (u64)__builtin_ctzll(v));
}
ALWAYS_INLINE const struct uop *bit_scan_rr(struct cpu *cpu, const struct uop *u, unsigned size, bool reverse)
{
    bit_scan(cpu, u, size, reg_get(cpu, u->src, size), reverse);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *bit_scan_rm(struct cpu *cpu, const struct uop *u, unsigned size, bool reverse)
{
    bit_scan(cpu, u, size, mem_read(cpu, uop_lin(cpu, u, size, false), size), reverse);
    NEXT(u);
}
BY_SIZE_248(bsf, bit_scan_rr, false)
BY_SIZE_248(bsf, bit_scan_rm, false)
BY_SIZE_248(bsr, bit_scan_rr, true)
BY_SIZE_248(bsr, bit_scan_rm, true)
const struct uop_table uop_bsf = {{[FORM_RR] = SIZES_248(bsf, bit_scan_rr), [FORM_RM] = SIZES_248(bsf, bit_scan_rm)}};
const struct uop_table uop_bsr = {{[FORM_RR] = SIZES_248(bsr, bit_scan_rr), [FORM_RM] = SIZES_248(bsr, bit_scan_rm)}};

/* Returns the new destination; v is zero-extended. */
typedef u64 scan_fn(struct cpu *cpu, unsigned size, u64 v);

/* CF: the source was zero; ZF: the result is; the others are 0. */
ALWAYS_INLINE u64 count_flags(struct cpu *cpu, u64 v, u64 r)
{
    flags_from_image(cpu, (v == 0 ? FL_CF : 0) | (r == 0 ? FL_ZF : 0));
    return r;
}
ALWAYS_INLINE u64 tzcnt(struct cpu *cpu, unsigned size, u64 v)
{
    return count_flags(cpu, v, v == 0 ? size * 8 : (u64)__builtin_ctzll(v));
}
ALWAYS_INLINE u64 lzcnt(struct cpu *cpu, unsigned size, u64 v)
{
    return count_flags(cpu, v, v == 0 ? size * 8 : (u64)__builtin_clzll(v) - (64 - size * 8));
}
/* All flags 0 but ZF, and that tells of the source. */
ALWAYS_INLINE u64 popcnt(struct cpu *cpu, unsigned size, u64 v)
{
    (void)size;
    flags_from_image(cpu, v == 0 ? FL_ZF : 0);
    return (u64)__builtin_popcountll(v);
}
/* SF ZF of the result, CF as told, the others 0. */
ALWAYS_INLINE u64 bmi_flags(struct cpu *cpu, unsigned size, u64 r, bool cf)
{
    flags_from_image(cpu,
                     (sign_bit(r, size) ? FL_SF : 0) | ((r & size_mask(size)) == 0 ? FL_ZF : 0) | (cf ? FL_CF : 0));
    return r;
}
ALWAYS_INLINE u64 blsr(struct cpu *cpu, unsigned size, u64 v) { return bmi_flags(cpu, size, v & (v - 1), v == 0); }
ALWAYS_INLINE u64 blsmsk(struct cpu *cpu, unsigned size, u64 v) { return bmi_flags(cpu, size, v ^ (v - 1), v == 0); }
ALWAYS_INLINE u64 blsi(struct cpu *cpu, unsigned size, u64 v) { return bmi_flags(cpu, size, v & -v, v != 0); }

ALWAYS_INLINE const struct uop *scan_rr(struct cpu *cpu, const struct uop *u, unsigned size, scan_fn *op)
{
    u64 v = reg_get(cpu, u->src, size);
    reg_set(cpu, u->dst, size, op(cpu, size, v));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *scan_rm(struct cpu *cpu, const struct uop *u, unsigned size, scan_fn *op)
{
    u64 v = mem_read(cpu, uop_lin(cpu, u, size, false), size);
    reg_set(cpu, u->dst, size, op(cpu, size, v));
    NEXT(u);
}
#define SCAN(name)                                                                                                     \
    BY_SIZE_248(name, scan_rr, name)                                                                                   \
    BY_SIZE_248(name, scan_rm, name)                                                                                   \
    const struct uop_table uop_##name = {{[FORM_RR] = SIZES_248(name, scan_rr), [FORM_RM] = SIZES_248(name, scan_rm)}};
SCAN(tzcnt)
SCAN(lzcnt)
SCAN(popcnt)
SCAN(blsr)
SCAN(blsmsk)
SCAN(blsi)

/* ---- three operands: v from register or memory, c from src2 ---- */
typedef u64 three_fn(struct cpu *cpu, unsigned size, u64 v, u64 c);

ALWAYS_INLINE u64 andn(struct cpu *cpu, unsigned size, u64 v, u64 c) { return bmi_flags(cpu, size, v & ~c, false); }
ALWAYS_INLINE u64 bextr(struct cpu *cpu, unsigned size, u64 v, u64 c)
{
    unsigned start = c & 0xff, len = (c >> 8) & 0xff;
    u64 r = start < size * 8 ? v >> start : 0;
    if (len < 64)
        r &= BIT64(len) - 1;
    r &= size_mask(size);
    flags_from_image(cpu, r == 0 ? FL_ZF : 0);
    return r;
}
ALWAYS_INLINE u64 bzhi(struct cpu *cpu, unsigned size, u64 v, u64 c)
{
    unsigned n = c & 0xff;
    return bmi_flags(cpu, size, n < size * 8 ? v & (BIT64(n) - 1) : v, n >= size * 8);
}
/* v is the mask. */
ALWAYS_INLINE u64 pdep(struct cpu *cpu, unsigned size, u64 v, u64 c)
{
    (void)cpu, (void)size;
    u64 r = 0;
    for (; v != 0; v &= v - 1, c >>= 1)
        r |= c & 1 ? v & -v : 0;
    return r;
}
ALWAYS_INLINE u64 pext(struct cpu *cpu, unsigned size, u64 v, u64 c)
{
    (void)cpu, (void)size;
    u64 r = 0;
    for (u64 bit = 1; v != 0; v &= v - 1, bit <<= 1)
        r |= c & v & -v ? bit : 0;
    return r;
}
ALWAYS_INLINE const struct uop *three_rr(struct cpu *cpu, const struct uop *u, unsigned size, three_fn *op)
{
    u64 v = reg_get(cpu, u->src, size);
    reg_set(cpu, u->dst, size, op(cpu, size, v, reg_get(cpu, u->src2, size)));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *three_rm(struct cpu *cpu, const struct uop *u, unsigned size, three_fn *op)
{
    u64 v = mem_read(cpu, uop_lin(cpu, u, size, false), size);
    reg_set(cpu, u->dst, size, op(cpu, size, v, reg_get(cpu, u->src2, size)));
    NEXT(u);
}
#define THREE(name)                                                                                                    \
    BY_SIZE_48(name, three_rr, name)                                                                                   \
    BY_SIZE_48(name, three_rm, name)                                                                                   \
    const struct uop_table uop_##name = {{[FORM_RR] = SIZES_48(name, three_rr), [FORM_RM] = SIZES_48(name, three_rm)}};
THREE(andn)
THREE(bextr)
THREE(bzhi)
THREE(pdep)
THREE(pext)

/* ---- ADCX, ADOX ---- */
ALWAYS_INLINE void add_carry(struct cpu *cpu, const struct uop *u, unsigned size, u64 b, bool overflow)
{
    u64 a = reg_get(cpu, u->dst, size);
    bool cf = flag_cf(cpu), of = flag_of(cpu);
    u64 r = a + b + (overflow ? of : cf);
    bool carry = sign_bit(carries_add(a, b, r), size);
    flags_set_cf_of(cpu, overflow ? cf : carry, overflow ? carry : of);
    reg_set(cpu, u->dst, size, r);
}
ALWAYS_INLINE const struct uop *carry_rr(struct cpu *cpu, const struct uop *u, unsigned size, bool overflow)
{
    add_carry(cpu, u, size, reg_get(cpu, u->src, size), overflow);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *carry_rm(struct cpu *cpu, const struct uop *u, unsigned size, bool overflow)
{
    add_carry(cpu, u, size, mem_read(cpu, uop_lin(cpu, u, size, false), size), overflow);
    NEXT(u);
}
BY_SIZE_48(adcx, carry_rr, false)
BY_SIZE_48(adcx, carry_rm, false)
BY_SIZE_48(adox, carry_rr, true)
BY_SIZE_48(adox, carry_rm, true)
const struct uop_table uop_adcx = {{[FORM_RR] = SIZES_48(adcx, carry_rr), [FORM_RM] = SIZES_48(adcx, carry_rm)}};
const struct uop_table uop_adox = {{[FORM_RR] = SIZES_48(adox, carry_rr), [FORM_RM] = SIZES_48(adox, carry_rm)}};

/* ---- CRC32: Castagnoli's polynomial, bit-reflected; the source has size2 bytes ---- */
static void crc32(struct cpu *cpu, const struct uop *u, u64 v)
{
    u64 crc = (u32)cpu->gpr[u->dst] ^ v;
    for (unsigned i = 0; i < u->size2 * 8u; i++)
        crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    cpu->gpr[u->dst] = (u32)crc;
}
static UOP_FN(crc32_rr)
{
    crc32(cpu, u, reg_get(cpu, u->src, u->size2));
    NEXT(u);
}
static UOP_FN(crc32_rm)
{
    crc32(cpu, u, mem_read(cpu, uop_lin(cpu, u, u->size2, false), u->size2));
    NEXT(u);
}
const struct uop_table uop_crc32 = {{[FORM_RR] = ANY_SIZE(crc32_rr), [FORM_RM] = ANY_SIZE(crc32_rm)}};
