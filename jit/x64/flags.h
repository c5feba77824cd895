/*
 * Arithmetic flags between translations, in jit_state.flags: as LAHF and SETO leave them in AX, OF in bit 0, SF ZF AF
 * PF CF in bits 15..8. Bit 9, which EFLAGS' image has always set, is clear where a recipe lies there in their place.
 */
#ifndef ORRERY_JIT_X64_FLAGS_H
#define ORRERY_JIT_X64_FLAGS_H

#include "cpu/flags.h"
#include "jit/jit.h"
#include "jit/recipe.h"

enum { FLAGS_SAVED = BIT(9) };
/* The place of a recipe at that offset in the metadata. */
ALWAYS_INLINE u32 flags_recipe(u32 offset) { return (offset >> 3 & 0x1ff) | (offset >> 12) << 10; }
ALWAYS_INLINE u32 flags_recipe_offset(u32 place) { return (place & 0x1ff) << 3 | place >> 10 << 12; }

/* From C's flags to where emitted code expects them. */
ALWAYS_INLINE void flags_to_code(struct cpu *cpu)
{
    jit_state(cpu)->flags = (u16)((flags_to_image(cpu) | FL_1) << 8 | flag_of(cpu));
}
/* ... and back; C's stay as good until emitted code runs. */
ALWAYS_INLINE void flags_to_c(struct jit *jit)
{
    struct cpu *cpu = jit->cpu;
    u32 flags = jit_state(cpu)->flags;
    if (unlikely(!(flags & FLAGS_SAVED))) {
        recipe_flags(cpu, jit_meta_at(jit, flags_recipe_offset(flags)));
        flags_to_code(cpu);
        return;
    }
    flags_from_image(cpu, (flags >> 8 & 0xff) | (flags & 1 ? FL_OF : 0));
}

#endif
