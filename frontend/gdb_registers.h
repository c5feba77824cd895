/*
 * Registers as gdb numbers them: the order of QEMU's descriptions for i386 and
 * x86-64, and the XML that tells gdb. Machine's thread, or while stopped.
 */
#ifndef ORRERY_FRONTEND_GDB_REGISTERS_H
#define ORRERY_FRONTEND_GDB_REGISTERS_H

#include "cpu/cpu.h"

enum { GDB_REGISTER_MAX = 16 /* bytes */ };
struct gdb_layout;
/* The description for a connection that is to last, whatever modes the CPU goes through. */
const struct gdb_layout *gdb_layout_for(const struct cpu *cpu);
/* The one that fits the code this CPU runs now: i8086, i386 or x86-64. */
const struct gdb_layout *gdb_layout_now(const struct cpu *cpu);
unsigned gdb_register_count(const struct gdb_layout *l);
/* Bytes of register n (0: there is none). */
unsigned gdb_register_size(const struct gdb_layout *l, unsigned n);
/* Little-endian, as the protocol wants it; returns the size, 0: no such register. */
unsigned gdb_register_read(const struct gdb_layout *l, struct cpu *cpu, unsigned n, u8 *out);
/*
 * The machine's write_registers: register 'number' of the layout with that index, all of them, or the linear program
 * counter (8 bytes). False: no such register, or the size does not fit, and nothing was written, or the CPU would fault
 * at such a value, which stays as it was.
 */
enum { GDB_ALL = -1, GDB_LINEAR_PC = -2 };
bool gdb_write_registers(struct cpu *cpu, unsigned layout, int number, const u8 *in, size_t size);
unsigned gdb_layout_index(const struct gdb_layout *l);
/* target.xml, to be freed. */
char *gdb_target_xml(const struct gdb_layout *l);

#endif
