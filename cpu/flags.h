/*
 * Lazy arithmetic flags. An operation leaves its result (sign-extended to 64
 * bits) in cc_res and its carries in cc_aux; flags are computed when somebody
 * asks. cc_aux holds, independent of operand size:
 *   bit 31     carry out of the top bit        = CF
 *   bit 30     carry into the top bit          ; OF = bit 31 ^ bit 30
 *   bit 3      carry out of bit 3              = AF
 *   bits 8..15 xor'ed into the result's low byte before its parity is taken
 *   bit 16     xor'ed into the result's sign   (so POPF can set any combination)
 * ZF is cc_res == 0, SF is the sign of cc_res, PF the parity of its low byte.
 */
#ifndef ORRERY_CPU_FLAGS_H
#define ORRERY_CPU_FLAGS_H

#include "cpu/state.h"

enum { AUX_CF = (int)BIT(31), AUX_PO = BIT(30), AUX_AF = BIT(3), AUX_PDB = 8, AUX_SFD = 16 };

ALWAYS_INLINE bool flag_cf(const struct cpu *c) { return c->cc_aux >> 31; }
ALWAYS_INLINE bool flag_of(const struct cpu *c) { return ((c->cc_aux >> 31) ^ (c->cc_aux >> 30)) & 1; }
ALWAYS_INLINE bool flag_af(const struct cpu *c) { return (c->cc_aux >> 3) & 1; }
ALWAYS_INLINE bool flag_zf(const struct cpu *c) { return c->cc_res == 0; }
ALWAYS_INLINE bool flag_sf(const struct cpu *c) { return ((c->cc_res >> 63) ^ (c->cc_aux >> AUX_SFD)) & 1; }
ALWAYS_INLINE bool flag_pf(const struct cpu *c) { return !__builtin_parity((u8)(c->cc_res ^ (c->cc_aux >> AUX_PDB))); }

/* The vector of carries (bit i: carry out of bit i) of an addition or subtraction. */
ALWAYS_INLINE u64 carries_add(u64 a, u64 b, u64 r) { return (a & b) | ((a | b) & ~r); }
ALWAYS_INLINE u64 carries_sub(u64 a, u64 b, u64 r) { return (~a & b) | ((~a | b) & r); }

/* Sets the flags of a result of 'size' bytes with that vector of carries. */
ALWAYS_INLINE void flags_set(struct cpu *c, unsigned size, u64 res, u64 carries)
{
    c->cc_res = sext(res, size);
    unsigned top = size * 8 - 2; /* the two top carries go to bits 31 and 30 */
    u32 high = size == 8 ? (u32)(carries >> 32) & 0xc0000000u : ((u32)carries << (30 - (top & 31))) & 0xc0000000u;
    c->cc_aux = high | ((u32)carries & AUX_AF);
}
ALWAYS_INLINE void flags_add(struct cpu *c, unsigned size, u64 a, u64 b, u64 r)
{
    flags_set(c, size, r, carries_add(a, b, r));
}
ALWAYS_INLINE void flags_sub(struct cpu *c, unsigned size, u64 a, u64 b, u64 r)
{
    flags_set(c, size, r, carries_sub(a, b, r));
}
/* AND, OR, XOR, TEST: CF = OF = AF = 0. */
ALWAYS_INLINE void flags_logic(struct cpu *c, unsigned size, u64 r)
{
    c->cc_res = sext(r, size);
    c->cc_aux = 0;
}
/* The two top bits of cc_aux that say so. */
ALWAYS_INLINE u32 aux_cf_of(bool cf, bool of) { return (cf ? BIT(31) : 0u) | (cf != of ? BIT(30) : 0u); }
ALWAYS_INLINE void flags_set_cf_of(struct cpu *c, bool cf, bool of)
{
    c->cc_aux = (c->cc_aux & 0x3fffffffu) | aux_cf_of(cf, of);
}
/* CF alone, OF kept. */
ALWAYS_INLINE void flag_set_cf(struct cpu *c, bool cf) { flags_set_cf_of(c, cf, flag_of(c)); }
/* ZF alone; SF and PF kept. */
ALWAYS_INLINE void flag_set_zf(struct cpu *c, bool zf)
{
    bool sf = flag_sf(c), pf = flag_pf(c);
    c->cc_res = zf ? 0 : 1;
    u32 pdb = zf ? (pf ? 0u : 1u) : (pf ? 1u : 0u);
    c->cc_aux = (c->cc_aux & ~(0xff00u | BIT(AUX_SFD))) | pdb << AUX_PDB | (u32)sf << AUX_SFD;
}
/* All six from an EFLAGS image. */
ALWAYS_INLINE void flags_from_image(struct cpu *c, u32 f)
{
    bool zf = f & FL_ZF, pf = f & FL_PF, cf = f & FL_CF, of = f & FL_OF;
    c->cc_res = zf ? 0 : 1;
    u32 pdb = zf ? (pf ? 0u : 1u) : (pf ? 1u : 0u);
    c->cc_aux = aux_cf_of(cf, of) | (f & FL_AF ? AUX_AF : 0u) | pdb << AUX_PDB | (f & FL_SF ? BIT(AUX_SFD) : 0u);
}
ALWAYS_INLINE u32 flags_to_image(const struct cpu *c)
{
    return (flag_cf(c) ? FL_CF : 0) | (flag_pf(c) ? FL_PF : 0) | (flag_af(c) ? FL_AF : 0) | (flag_zf(c) ? FL_ZF : 0) |
           (flag_sf(c) ? FL_SF : 0) | (flag_of(c) ? FL_OF : 0);
}
/* The whole EFLAGS register. */
ALWAYS_INLINE u32 cpu_eflags(const struct cpu *c) { return c->eflags | flags_to_image(c) | FL_1; }

/* Condition code 0..15 (the low nibble of Jcc). */
ALWAYS_INLINE bool flags_cond(const struct cpu *c, unsigned cc)
{
    bool r;
    switch (cc >> 1) {
    case 0:
        r = flag_of(c);
        break;
    case 1:
        r = flag_cf(c);
        break;
    case 2:
        r = flag_zf(c);
        break;
    case 3:
        r = flag_cf(c) || flag_zf(c);
        break;
    case 4:
        r = flag_sf(c);
        break;
    case 5:
        r = flag_pf(c);
        break;
    case 6:
        r = flag_sf(c) != flag_of(c);
        break;
    default:
        r = flag_zf(c) || flag_sf(c) != flag_of(c);
        break;
    }
    return r ^ (cc & 1);
}

#endif
