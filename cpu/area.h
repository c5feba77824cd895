/*
 * Memory operands that silicon reaches in parts, each at an address cut to the
 * address size for itself: ten-byte reals, x87 images, FXSAVE's and XSAVE's
 * areas, MASKMOVQ. With a 32-bit address in 64-bit code the parts that begin
 * past 4 GiB lie at 0, while a single access runs on there (seen on Zen 5).
 */
#ifndef ORRERY_CPU_AREA_H
#define ORRERY_CPU_AREA_H

#include "cpu/mem.h"

/* Bytes [0, cut) lie at lin, the rest at tail. */
struct area {
    u64 lin, tail;
    unsigned cut;
};

/* How an operand is divided: first 'words' parts of 'word' bytes, then eight and two bytes in turn. */
struct area_parts {
    u16 words;
    u8 word;
};

/* The operand of n bytes at offset ea of segment seg, whose linear address is lin. */
struct area area_of(const struct cpu *cpu, const struct uop *u, unsigned seg, u64 ea, u64 lin, unsigned n,
                    struct area_parts parts);
/* The same for u's memory operand; may raise as uop_lin. */
struct area area_operand(struct cpu *cpu, const struct uop *u, unsigned n, bool write, struct area_parts parts);
/* Bytes [off, off + n) of it; raise as mem_read_bytes and its like do. */
void area_read(struct cpu *cpu, const struct area *a, unsigned off, void *buf, unsigned n);
void area_write(struct cpu *cpu, const struct area *a, unsigned off, const void *buf, unsigned n);
void area_probe_write(struct cpu *cpu, const struct area *a, unsigned off, unsigned n);

#endif
