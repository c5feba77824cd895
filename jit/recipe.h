/*
 * Recipes: flags that were neither saved nor needed, until a fault asks. An
 * instruction whose operands can be told from the registers after it is a
 * recipe for its own flags, as long as those registers stay.
 */
#ifndef ORRERY_JIT_RECIPE_H
#define ORRERY_JIT_RECIPE_H

#include "cpu/uop.h"

/* Whether u's flags can be recomputed after it, and from which registers (bit per GPR). */
bool recipe_possible(const struct uop *u, u16 *gprs);
/* Sets the flags as u left them. */
void recipe_flags(struct cpu *cpu, const struct uop *u);

#endif
