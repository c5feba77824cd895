/* What the manuals leave undefined (undefined.def). */
#ifndef ORRERY_CPU_UNDEFINED_H
#define ORRERY_CPU_UNDEFINED_H

#include "cpu/insn.h"
#include "cpu/state.h"

/* True when a row of insn_rows has one of these slash-separated mnemonics. */
bool insn_is_one_of(const struct insn_row *row, const char *names);
/* The flags that its instructions leave 0 though the manuals promise nothing (FL_*). */
u32 insn_zeroed_flags(const struct insn_row *row);

#endif
