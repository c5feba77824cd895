/*
 * How block-ending micro-ops hand over to the next block. Each returns what a
 * uop function returns. After any of them the instruction counts as retired.
 */
#ifndef ORRERY_CPU_INTERP_H
#define ORRERY_CPU_INTERP_H

#include "cpu/uop.h"

/* Continue at EIP 'ip' (already masked and checked against CS.limit / canonical by the caller:
 * use branch_check). Finds the block through the link cached in u, then by hash. */
const struct uop *goto_direct(struct cpu *cpu, const struct uop *u, u64 ip, unsigned link);
/* The same for computed targets. */
const struct uop *goto_indirect(struct cpu *cpu, const struct uop *u, u64 ip);
/* After an instruction that may have changed mode, CPL, paging, attention or code: sets SLOT_RIP
 * to ip and goes back to the run loop, which looks at everything afresh. */
const struct uop *goto_afresh(struct cpu *cpu, const struct uop *u, u64 ip);
/* Raises #GP(0) when a near branch may not go to ip (CS.limit, canonical). */
void branch_check(struct cpu *cpu, u64 ip);

#endif
