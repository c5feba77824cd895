/* What the manuals leave undefined (undefined.def). */
#ifndef ORRERY_CPU_UNDEFINED_H
#define ORRERY_CPU_UNDEFINED_H

#include "cpu/insn.h"
#include "cpu/state.h"

/* Beside FL_*: what a row is about. */
enum { UNDEFINED_CC = BIT(24), UNDEFINED_RESULT = BIT(25) };

enum { MAKER_ANY, MAKER_AMD, MAKER_INTEL };
struct undefined_probe {
    u8 maker; /* of the CPU model it holds on */
    u8 bits, len, vector;
    const char *code;
    u64 rax, rcx, rdx, rax_after;
    u32 flags_after[2]; /* begun with no arithmetic flag, with all */
};
struct undefined_row {
    const char *id, *mnemonics; /* NULL: the end */
    u8 opsize;                  /* operands of so many bytes only; 0: any */
    u32 what;
    bool zeroed; /* these flags are 0 */
    const char *source, *ours;
    const struct undefined_probe *probes; /* up to one of 0 bits */
};
enum {
#define UNDEFINED(id, ...) UNDEFINED_##id,
#define ZEROED             UNDEFINED
#define MAKER              UNDEFINED
#include "cpu/undefined.def"
#undef UNDEFINED
#undef ZEROED
#undef MAKER
    UNDEFINED_ROWS
};
extern const struct undefined_row undefined_rows[UNDEFINED_ROWS + 1]; /* the last: all 0 */
/* Whether it speaks of this row of insn_rows, with operands of whatever size. */
bool undefined_is_about(const struct undefined_row *r, const struct insn_row *row);

/* True when a row of insn_rows has one of these slash-separated mnemonics. */
bool insn_is_one_of(const struct insn_row *row, const char *names);
/* The flags that its instructions leave 0 though the manuals promise nothing (FL_*). */
u32 insn_zeroed_flags(const struct insn_row *row);

#endif
