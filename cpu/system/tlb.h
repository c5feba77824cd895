/*
 * The TLB's bookkeeping, for mmu.c. The tables themselves are in state.h
 * because the fast path of mem.h reads them; here is who fills and empties
 * them. Flushing walks lists of filled slots, never the whole tables.
 */
#ifndef ORRERY_CPU_TLB_H
#define ORRERY_CPU_TLB_H

#include "cpu/cpu.h"

/* What a translation allows with one set of rights (enum mmu_idx). */
struct translation {
    u64 phys; /* the 4 KiB page */
    bool read, write, exec;
    bool global;
    bool large; /* 2 MiB, 4 MiB or 1 GiB page */
    bool huge;  /* 1 GiB */
    bool keyed; /* rights depend on protection key 'key' (pkey_of) */
    u8 key;
};

/* The tables lie right behind *cpu, where translated code reaches them from the same register. */
bool tlb_create(struct cpu *cpu);
void tlb_destroy(struct cpu *cpu);
/* Remembers the translation of the data page at lin; host pointers follow by tlb_fill_host. */
void tlb_fill_data(struct cpu *cpu, unsigned idx, u64 lin, const struct translation *t);
/* Opens the fast path to the page, as far as rights, host pointers and watchpoints let. */
void tlb_fill_host(struct cpu *cpu, unsigned idx, u64 lin, const struct cpu_page *page);
/* Whether code at lin lies in a global page, as far as the TLB still knows. */
bool tlb_exec_global(const struct cpu *cpu, u64 lin);
/* Drops data entries whose rights depend on these keys, by BIT(pkey_of). Costs nothing where there are none. */
void tlb_flush_keys(struct cpu *cpu, u32 keys);
void tlb_fill_exec(struct cpu *cpu, unsigned idx, u64 lin, const struct translation *t);

/* ---- protection keys (pkeys.c) ---- */
/* Of a page with that leaf entry, user or not: which key guards it, 0..15 of IA32_PKRS, 16..31 of PKRU; -1: none. */
int pkey_of(const struct cpu *cpu, u64 leaf, bool user);
/* What that key denies to data accesses; 'user': accesses of CPL 3. */
enum { PKEY_DENIES_WRITE = 1, PKEY_DENIES_ALL = 3 };
unsigned pkey_denies(const struct cpu *cpu, int key, bool user);

#endif
