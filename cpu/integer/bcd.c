/*
 * Decimal adjustment: DAA DAS AAA AAS AAM AAD (not in 64-bit mode). Flags the
 * manuals leave undefined are AMD Zen's, found by the native tests.
 */
#include "cpu/handlers.h"

static void set_al(struct cpu *cpu, unsigned al) { cpu->gpr[RAX] = (cpu->gpr[RAX] & ~0xffull) | (u8)al; }
static void set_ax(struct cpu *cpu, unsigned ax) { cpu->gpr[RAX] = (cpu->gpr[RAX] & ~0xffffull) | (u16)ax; }

static void flags_decimal(struct cpu *cpu, unsigned r, bool cf, bool of, bool af)
{
    flags_logic(cpu, 1, r);
    flags_set_cf_of(cpu, cf, of);
    cpu->cc_aux |= af ? (u32)AUX_AF : 0;
}
/* Whether a + b (or a - b) = r overflows in its top bit, 'sign'. */
static bool overflows(unsigned a, unsigned b, unsigned r, bool subtract, unsigned sign)
{
    return (subtract ? (a ^ b) & (a ^ r) : ~(a ^ b) & (a ^ r)) & sign;
}

/* SDM: DAA and DAS differ in the sign of the adjustment, and in when the low one carries. */
static void adjust_packed(struct cpu *cpu, bool subtract)
{
    unsigned al = (u8)cpu->gpr[RAX], step = 0;
    bool cf = flag_cf(cpu), af = (al & 15) > 9 || flag_af(cpu), carry = false;
    if (af) {
        step = 6;
        carry = cf || (subtract ? al < 6 : al + 6 > 0xff);
    }
    if (al > 0x99 || cf) {
        step += 0x60;
        carry = true;
    }
    unsigned r = (u8)(subtract ? al - step : al + step);
    set_al(cpu, r);
    flags_decimal(cpu, r, carry, overflows(al, step, r, subtract, 0x80), af);
}
static UOP_FN(daa)
{
    adjust_packed(cpu, false);
    NEXT(u);
}
static UOP_FN(das)
{
    adjust_packed(cpu, true);
    NEXT(u);
}
/* SF ZF PF OF are those of the 16-bit sum, before the upper digit of AL is cleared. */
static void adjust_unpacked(struct cpu *cpu, bool subtract)
{
    unsigned ax = (u16)cpu->gpr[RAX];
    bool adjust = (ax & 15) > 9 || flag_af(cpu);
    unsigned step = adjust ? 0x106 : 0, r = (u16)(subtract ? ax - step : ax + step);
    set_ax(cpu, r & 0xff0f);
    flags_decimal(cpu, r, adjust, overflows(ax, step, r, subtract, 0x8000), adjust);
    cpu->cc_res = sext(r, 2);
}
static UOP_FN(aaa)
{
    adjust_unpacked(cpu, false);
    NEXT(u);
}
static UOP_FN(aas)
{
    adjust_unpacked(cpu, true);
    NEXT(u);
}
static UOP_FN(aam)
{
    RAISES(cpu, u);
    unsigned al = (u8)cpu->gpr[RAX], base = (u8)u->imm;
    if (base == 0)
        cpu_raise(cpu, EXC_DE);
    set_ax(cpu, al / base << 8 | al % base);
    flags_decimal(cpu, al % base, false, false, false);
    NEXT(u);
}
/* All flags are those of the 8-bit addition. */
static UOP_FN(aad)
{
    unsigned al = (u8)cpu->gpr[RAX], high = (u8)((u8)(cpu->gpr[RAX] >> 8) * (u8)u->imm);
    flags_add(cpu, 1, al, high, al + high);
    set_ax(cpu, (u8)(al + high));
    NEXT(u);
}
const struct uop_table uop_daa = {{[FORM_0] = ANY_SIZE(daa)}};
const struct uop_table uop_das = {{[FORM_0] = ANY_SIZE(das)}};
const struct uop_table uop_aaa = {{[FORM_0] = ANY_SIZE(aaa)}};
const struct uop_table uop_aas = {{[FORM_0] = ANY_SIZE(aas)}};
const struct uop_table uop_aam = {{[FORM_I] = ANY_SIZE(aam)}};
const struct uop_table uop_aad = {{[FORM_I] = ANY_SIZE(aad)}};
