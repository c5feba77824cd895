/* The x86-64 encoder; see emit.h. */
#include "jit/x64/emit.h"

void e_modrm(struct emit *e, unsigned reg, const struct rm *m)
{
    unsigned r = (reg & 7) << 3;
    e->named |= BIT(reg);
    if (!m->mem) {
        e->named |= BIT(m->reg);
        e8(e, 0xc0 | r | (m->reg & 7));
        return;
    }
    if (m->index == RIP_RELATIVE) {
        e8(e, r | 5);
        e32(e, (u32)(m->disp - (i32)(e->p + 4 - e->start)));
        return;
    }
    /* rBP and r13 as base need a displacement; rSP and r12 a SIB byte. */
    unsigned base = m->reg & 7;
    unsigned mod = m->disp == 0 && base != 5 ? 0 : m->disp == (i8)m->disp ? 1 : 2;
    if (m->index >= 0 || base == 4) {
        e8(e, mod << 6 | r | 4);
        e8(e, (unsigned)m->scale << 6 | (m->index >= 0 ? (unsigned)m->index & 7 : 4u) << 3 | base);
    } else {
        e8(e, mod << 6 | r | base);
    }
    if (mod == 1)
        e8(e, (u8)m->disp);
    else if (mod == 2)
        e32(e, (u32)m->disp);
}

static unsigned rex_bits(unsigned reg, const struct rm *m)
{
    return (reg & 8) >> 1 | (m->mem && m->index >= 8 ? 2u : 0u) | (m->reg & 8u) >> 3;
}

static void e_opcode(struct emit *e, u32 opcode)
{
    if (opcode > 0xffff)
        e8(e, opcode >> 16);
    if (opcode > 0xff)
        e8(e, opcode >> 8);
    e8(e, opcode);
}

void e_op_prefixed(struct emit *e, unsigned prefix, bool w, u32 opcode, unsigned reg, struct rm m)
{
    if (prefix)
        e8(e, prefix);
    unsigned rex = rex_bits(reg, &m) | (w ? 8u : 0u);
    if (rex)
        e8(e, 0x40 | rex);
    e_opcode(e, opcode);
    e_modrm(e, reg, &m);
}

/* byte_reg, byte_rm: which operands are byte registers, SPL to DIL among them. */
static void e_sized(struct emit *e, unsigned size, bool byte_reg, bool byte_rm, u32 opcode, unsigned reg, struct rm m)
{
    if (size == 2)
        e8(e, 0x66);
    unsigned rex = rex_bits(reg, &m) | (size == 8 ? 8u : 0u);
    if (rex || (byte_reg && (reg & 0xc) == 4) || (byte_rm && !m.mem && (m.reg & 0xc) == 4))
        e8(e, 0x40 | rex);
    e_opcode(e, opcode);
    e_modrm(e, reg, &m);
}
void e_op(struct emit *e, unsigned size, u32 opcode, unsigned reg, struct rm m)
{
    e_sized(e, size, size == 1, size == 1, opcode, reg, m);
}
void e_op_byte_rm(struct emit *e, unsigned size, u32 opcode, unsigned reg, struct rm m)
{
    e_sized(e, size, false, true, opcode, reg, m);
}

void e_vex(struct emit *e, unsigned map, unsigned pp, bool w, unsigned l, unsigned vvvv, u8 opcode, unsigned reg,
           struct rm m)
{
    unsigned rex = rex_bits(reg, &m) ^ 7;
    e8(e, 0xc4);
    e8(e, (rex & 4) << 5 | (rex & 2) << 5 | (rex & 1) << 5 | map);
    e8(e, (w ? 0x80u : 0u) | (~vvvv & 15) << 3 | l << 2 | pp);
    e8(e, opcode);
    e_modrm(e, reg, &m);
}

void e_alu_imm(struct emit *e, unsigned size, unsigned op, struct rm m, i32 imm)
{
    if (size == 1) {
        e_op(e, 1, 0x80, op, m);
        e8(e, (u8)imm);
    } else if (imm == (i8)imm) {
        e_op(e, size, 0x83, op, m);
        e8(e, (u8)imm);
    } else {
        e_op(e, size, 0x81, op, m);
        if (size == 2)
            e16(e, (u16)imm);
        else
            e32(e, (u32)imm);
    }
}

void e_mov_imm(struct emit *e, unsigned to, u64 v)
{
    e->named |= BIT(to);
    if (v == (u32)v) {
        if (to & 8)
            e8(e, 0x41);
        e8(e, 0xb8 | (to & 7));
        e32(e, (u32)v);
    } else if ((u64)(i32)v == v) {
        e_op(e, 8, 0xc7, 0, rm_reg(to));
        e32(e, (u32)v);
    } else {
        e8(e, 0x48 | (to & 8) >> 3);
        e8(e, 0xb8 | (to & 7));
        e64(e, v);
    }
}

static u8 *hole(struct emit *e)
{
    u8 *at = e->p;
    e32(e, 0);
    return at;
}
u8 *e_jcc(struct emit *e, unsigned cc)
{
    e8(e, 0x0f);
    e8(e, 0x80 | cc);
    return hole(e);
}
u8 *e_jmp(struct emit *e)
{
    e8(e, 0xe9);
    return hole(e);
}
u8 *e_call(struct emit *e)
{
    e->named = ~0u;
    e8(e, 0xe8);
    return hole(e);
}

void e_patch(struct emit *e, u8 *at, const u8 *target)
{
    if (!emit_full(e))
        st32(at, (u32)(target - (at + 4)));
}
