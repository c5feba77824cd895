/*
 * IN and OUT. The port is an immediate or DX, the register comes first in
 * both. A port may do anything to the machine (interrupts, A20, memory maps),
 * so the block is left when it asked for attention.
 */
#include "cpu/handlers.h"
#include "cpu/interp.h"

/* On to the next instruction, through the run loop if something wants it. */
ALWAYS_INLINE const struct uop *io_done(struct cpu *cpu, const struct uop *u)
{
    if (unlikely(__atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) != 0))
        return goto_afresh(cpu, u, uop_next_ip(cpu, u));
    NEXT(u);
}
ALWAYS_INLINE const struct uop *port_in(struct cpu *cpu, const struct uop *u, unsigned size, u16 port)
{
    RAISES(cpu, u);
    io_check(cpu, port, size);
    reg_set(cpu, u->dst, size, cpu->env->io_read(cpu->env->world, port, size));
    return io_done(cpu, u);
}
ALWAYS_INLINE const struct uop *port_out(struct cpu *cpu, const struct uop *u, unsigned size, u16 port)
{
    RAISES(cpu, u);
    io_check(cpu, port, size);
    cpu->env->io_write(cpu->env->world, port, (u32)reg_get(cpu, u->dst, size), size);
    return io_done(cpu, u);
}
ALWAYS_INLINE const struct uop *in_ri(struct cpu *cpu, const struct uop *u, unsigned size)
{
    return port_in(cpu, u, size, (u8)u->imm);
}
ALWAYS_INLINE const struct uop *in_rr(struct cpu *cpu, const struct uop *u, unsigned size)
{
    return port_in(cpu, u, size, (u16)cpu->gpr[RDX]);
}
ALWAYS_INLINE const struct uop *out_ri(struct cpu *cpu, const struct uop *u, unsigned size)
{
    return port_out(cpu, u, size, (u8)u->imm);
}
ALWAYS_INLINE const struct uop *out_rr(struct cpu *cpu, const struct uop *u, unsigned size)
{
    return port_out(cpu, u, size, (u16)cpu->gpr[RDX]);
}
#define PORT_OP(name, shape)                                                                                           \
    static UOP_FN(name##_##shape##_1) { return name##_##shape(cpu, u, 1); }                                            \
    static UOP_FN(name##_##shape##_2) { return name##_##shape(cpu, u, 2); }                                            \
    static UOP_FN(name##_##shape##_4) { return name##_##shape(cpu, u, 4); }
#define PORT_SIZES(name, shape)                                                                                        \
    {                                                                                                                  \
        name##_##shape##_1, name##_##shape##_2, name##_##shape##_4, NULL                                               \
    }
PORT_OP(in, ri)
PORT_OP(in, rr)
PORT_OP(out, ri)
PORT_OP(out, rr)
const struct uop_table uop_in = {{[FORM_RI] = PORT_SIZES(in, ri), [FORM_RR] = PORT_SIZES(in, rr)}};
const struct uop_table uop_out = {{[FORM_RI] = PORT_SIZES(out, ri), [FORM_RR] = PORT_SIZES(out, rr)}};
