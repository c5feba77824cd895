/* Arithmetic flags between translations: they are C's all the time. */
#ifndef ORRERY_JIT_PORTABLE_FLAGS_H
#define ORRERY_JIT_PORTABLE_FLAGS_H

#include "jit/jit.h"

ALWAYS_INLINE void flags_to_code(struct cpu *cpu) { (void)cpu; }
ALWAYS_INLINE void flags_to_c(struct jit *jit) { (void)jit; }

#endif
