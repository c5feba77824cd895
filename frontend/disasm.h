/*
 * Disassembly through Capstone, AT&T syntax, in QEMU's layout: for the
 * monitor's x/i and, as the disasm of struct trace, for -d in_asm and out_asm.
 */
#ifndef ORRERY_FRONTEND_DISASM_H
#define ORRERY_FRONTEND_DISASM_H

#include "cpu/base.h"

/* Prints the instruction at bytes[0, n), whose address is lin; bits: 16, 32 or 64. Returns its length (1 if
 * bad). */
unsigned disasm_print(FILE *out, u64 lin, const u8 *bytes, unsigned n, unsigned bits);

#endif
