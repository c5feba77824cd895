/*
 * Recipes: flags that were neither saved nor needed, until a fault asks. An
 * instruction whose operands can be told from the registers after it is a
 * recipe for its own flags, as long as those registers stay.
 */
#ifndef ORRERY_JIT_RECIPE_H
#define ORRERY_JIT_RECIPE_H

#include "cpu/base.h"
#include "cpu/uop.h"

/* What is left of a micro-op whose flags may have to be recomputed. */
struct recipe {
    u64 imm;
    u16 op;
    u8 form, size, dst, src;
};

/* Whether u's flags can be recomputed after it, and from which registers (bit per GPR). */
bool recipe_possible(const struct uop *u, u16 *gprs);
struct recipe recipe_of(const struct uop *u);
/* Sets the flags as the micro-op left them. */
void recipe_flags(struct cpu *cpu, const struct recipe *r);

#endif
