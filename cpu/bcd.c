/*
 * Decimal adjustment: DAA DAS AAA AAS AAM AAD (not in 64-bit mode). Flags the
 * manuals leave undefined are AMD Zen's, found by the native tests.
 */
#include "cpu/handlers.h"

static void set_al(struct cpu *cpu, unsigned al) { cpu->gpr[RAX] = (cpu->gpr[RAX] & ~0xffull) | (u8)al; }
static void set_ax(struct cpu *cpu, unsigned ax) { cpu->gpr[RAX] = (cpu->gpr[RAX] & ~0xffffull) | (u16)ax; }

static void flags_decimal(struct cpu *cpu, unsigned r, bool cf, bool af)
{
    flags_logic(cpu, 1, r);
    cpu->cc_aux = (cf ? (u32)AUX_CF | AUX_PO : 0) | (af ? (u32)AUX_AF : 0);
}

/* SDM: DAA and DAS differ only in the sign of the adjustment and in how CF arises below 0x9a. */
static void adjust_packed(struct cpu *cpu, bool subtract)
{
    unsigned al = (u8)cpu->gpr[RAX], r = al;
    bool cf = flag_cf(cpu), af = flag_af(cpu), carry = false;
    if ((al & 15) > 9 || af) {
        r = subtract ? r - 6 : r + 6;
        carry = subtract ? cf || al < 6 : cf || r > 0xff;
        af = true;
    }
    if (al > 0x99 || cf) {
        r = subtract ? r - 0x60 : r + 0x60;
        carry = true;
    }
    set_al(cpu, r);
    flags_decimal(cpu, r, carry, af);
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
static void adjust_unpacked(struct cpu *cpu, unsigned step)
{
    unsigned ax = (u16)cpu->gpr[RAX];
    bool adjust = (ax & 15) > 9 || flag_af(cpu);
    if (adjust)
        ax += step;
    set_ax(cpu, ax & 0xff0f);
    flags_decimal(cpu, ax & 15, adjust, adjust);
}
static UOP_FN(aaa)
{
    adjust_unpacked(cpu, 0x106);
    NEXT(u);
}
static UOP_FN(aas)
{
    adjust_unpacked(cpu, 0u - 0x106);
    NEXT(u);
}
static UOP_FN(aam)
{
    RAISES(cpu, u);
    unsigned al = (u8)cpu->gpr[RAX], base = (u8)u->imm;
    if (base == 0)
        cpu_raise(cpu, EXC_DE);
    set_ax(cpu, al / base << 8 | al % base);
    flags_decimal(cpu, al % base, false, false);
    NEXT(u);
}
static UOP_FN(aad)
{
    unsigned ax = (u16)cpu->gpr[RAX];
    unsigned r = (u8)((ax & 0xff) + (ax >> 8) * (u8)u->imm);
    set_ax(cpu, r);
    flags_decimal(cpu, r, false, false);
    NEXT(u);
}
const struct uop_table uop_daa = {{[FORM_0] = ANY_SIZE(daa)}};
const struct uop_table uop_das = {{[FORM_0] = ANY_SIZE(das)}};
const struct uop_table uop_aaa = {{[FORM_0] = ANY_SIZE(aaa)}};
const struct uop_table uop_aas = {{[FORM_0] = ANY_SIZE(aas)}};
const struct uop_table uop_aam = {{[FORM_I] = ANY_SIZE(aam)}};
const struct uop_table uop_aad = {{[FORM_I] = ANY_SIZE(aad)}};
