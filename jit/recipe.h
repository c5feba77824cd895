/*
 * Recipes: flags that were neither saved nor needed, until a fault asks. An
 * instruction whose operands can be told from the registers after it is a
 * recipe for its own flags, as long as those registers stay.
 */
#ifndef ORRERY_JIT_RECIPE_H
#define ORRERY_JIT_RECIPE_H

#include "cpu/base.h"
#include "cpu/uop.h"

/*
 * The place of flags that emitted code leaves behind as a recipe, at that offset in the metadata. Saved flags have
 * bit 9, which EFLAGS' image has always set.
 */
#define FLAGS_SAVED BIT(9)
ALWAYS_INLINE u32 flags_recipe(u32 offset) { return (offset >> 3 & 0x1ff) | (offset >> 12) << 10; }
ALWAYS_INLINE u32 flags_recipe_offset(u32 place) { return (place & 0x1ff) << 3 | place >> 10 << 12; }

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
