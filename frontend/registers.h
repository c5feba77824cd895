/*
 * A CPU's registers as debuggers see them, on the machine's thread or while it
 * is stopped. The program counter is linear: the CS base is added outside
 * 64-bit code, so that it can be used as an address in every mode.
 */
#ifndef ORRERY_FRONTEND_REGISTERS_H
#define ORRERY_FRONTEND_REGISTERS_H

#include "cpu/cpu.h"

unsigned reg_code_bits(const struct cpu *cpu); /* 16, 32 or 64 */
u64 reg_pc(const struct cpu *cpu);
void reg_set_pc(struct cpu *cpu, u64 lin);
/* "eax", "r8d", "al", "cs", "cr0", "pc": false when there is none of that name. */
bool reg_by_name(struct cpu *cpu, const char *name, u64 *val);

#endif
