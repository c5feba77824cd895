/* Flags recomputed from the registers an instruction left; see recipe.h. */
#include "jit/recipe.h"

#include "cpu/exec.h"
#include "cpu/flags.h"

static u16 gpr_of(const struct uop *u, unsigned slot) { return (u16)BIT(u->size == 1 ? slot / 8 : slot); }

/* XOR and SUB of a register with itself: flags of 0, whatever becomes of the register. */
static bool is_zeroing(unsigned op, unsigned form, unsigned dst, unsigned src)
{
    return (op == UOP_XOR || op == UOP_SUB) && form == FORM_RR && dst == src;
}

bool recipe_possible(const struct uop *u, u16 *gprs)
{
    if (is_zeroing(u->op, u->form, u->dst, u->src)) {
        *gprs = 0;
        return true;
    }
    if (u->form != FORM_RR && u->form != FORM_RI && !(u->form == FORM_R && u->op == UOP_NEG))
        return false;
    *gprs = gpr_of(u, u->dst);
    if (u->form == FORM_RR)
        *gprs |= gpr_of(u, u->src);
    switch (u->op) {
    case UOP_CMP:
    case UOP_TEST:
    case UOP_AND:
    case UOP_OR:
    case UOP_XOR:
    case UOP_NEG:
        return true;
    case UOP_ADD:
    case UOP_SUB: /* the operand that was overwritten follows from the other */
        return u->form == FORM_RI || gpr_of(u, u->dst) != gpr_of(u, u->src);
    default:
        return false;
    }
}

struct recipe recipe_of(const struct uop *u)
{
    return (struct recipe){u->imm, u->op, u->form, u->size, u->dst, u->src};
}

void recipe_flags(struct cpu *cpu, const struct recipe *u)
{
    unsigned size = u->size;
    if (is_zeroing(u->op, u->form, u->dst, u->src)) {
        flags_logic(cpu, size, 0);
        return;
    }
    u64 r = reg_get(cpu, u->dst, size), b = u->form == FORM_RR ? reg_get(cpu, u->src, size) : u->imm;
    switch (u->op) {
    case UOP_CMP:
        flags_sub(cpu, size, r, b, r - b);
        break;
    case UOP_TEST:
        flags_logic(cpu, size, r & b);
        break;
    case UOP_ADD:
        flags_add(cpu, size, r - b, b, r);
        break;
    case UOP_SUB:
        flags_sub(cpu, size, r + b, b, r);
        break;
    case UOP_NEG:
        flags_sub(cpu, size, 0, -r, r);
        break;
    default:
        flags_logic(cpu, size, r);
        break;
    }
}
