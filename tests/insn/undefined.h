/*
 * cpu/undefined.def in the oracle: what an instruction leaves undefined is
 * compared with the host's CPU only where that answers as ours does.
 */
#ifndef ORRERY_TESTS_UNDEFINED_H
#define ORRERY_TESTS_UNDEFINED_H

#include "cpu/undefined.h"
#include "tests/insn/oracle.h"

typedef bool oracle_run(const struct oracle_case *c, struct oracle_state *out);
/* Whether run 0 or 1 of a probe leaves what its row says, of flags these, natively or on ours. */
bool undefined_probe_holds(const struct undefined_probe *p, unsigned run, oracle_run *on, u32 flags);
/* Whether the host answers as the row says: all of its probes hold. Asked once. */
bool undefined_row_native(const struct undefined_row *row);
/* Whether code of so many bits can be run natively at all: some systems have no 16- and 32-bit programs. */
bool native_runs(unsigned bits);
/* What undefined.def says of this row of insn_rows with operands of 'opsize' bytes; and what of that not to compare. */
u32 undefined_anywhere(const struct insn_row *row, unsigned opsize);
u32 undefined_here(const struct insn_row *row, unsigned opsize);

#endif
