/*
 * Random cases for the oracle, made from the rows of insn.def: one instruction
 * or a sequence, with prefixes, operands and a state biased to corner cases.
 * Everything follows from the seed.
 */
#ifndef ORRERY_TESTS_GEN_H
#define ORRERY_TESTS_GEN_H

#include "tests/insn/oracle.h"

/* Which file of rows an instruction comes from. */
enum gen_family { GEN_INT, GEN_SYS, GEN_X87, GEN_MMX, GEN_SSE, GEN_FAMILIES };

struct gen {
    u64 rng;
    const char *only;    /* only rows of this mnemonic, or NULL */
    u32 families;        /* BIT(enum gen_family) */
    const u32 *features; /* for decode() */
    bool native;         /* only what the host runs, and answers as ours does */
    /* out: what the rows were chosen from */
    unsigned usable, skipped; /* rows that can be used; that the host lacks */
    u16 rows[4096];
};

/* Collects the rows that host and our CPU have; families and only must be set. */
void gen_init(struct gen *g, u64 seed);
/* One instruction (count 1) or a sequence; false: no luck this time. */
bool gen_case(struct gen *g, struct oracle_case *c, unsigned count);
/* A row of insn_rows as bytes, with random operands for that code size; 0: it cannot be encoded there. */
unsigned gen_encode(struct gen *g, unsigned row, unsigned bits, u8 out[16]);
/* The decoder's mode for code of 16, 32 or 64 bits, everything enabled. */
u32 gen_mode(unsigned bits);
enum gen_family gen_family(unsigned row);
u64 gen_random(struct gen *g);
/* A 64-bit value of the sort that finds mistakes. */
u64 gen_value(struct gen *g);

#endif
