/*
 * -accel lockstep: every stretch of guest code is first run by the interpreter
 * on a copy of the CPU, its writes to RAM logged and undone, then by the
 * translator for real; both must end alike. What reaches a device, reads the
 * time or writes into a page with code ends the copy's run and is done once,
 * by the interpreter on the real CPU. Page tables that either walks count as
 * code, so that no entry of a TLB is ever stale. engine.h says how a CPU gets it.
 */
#ifndef ORRERY_JIT_LOCKSTEP_H
#define ORRERY_JIT_LOCKSTEP_H

#include "jit/engine.h"
#include "jit/jit.h"

enum { LOCKSTEP_CHUNK = 1024, GUARD = 16, WRITES_MAX = 1 << 16 };

/* One write of the copy's, at most 8 bytes inside a page. */
struct logged_write {
    u8 *host;
    u64 old;
    u8 size;
    u8 before, after;        /* bytes around it that are looked at, too: a wider write than meant shows there */
    u8 image[8 + 2 * GUARD]; /* all of that when the copy had ended */
};

struct lockstep {
    struct cpu *cpu, *copy;
    struct jit *jit;
    struct cpu *start;  /* what both started from */
    struct cpu_env env; /* the copy's */
    struct trace quiet;
    struct logged_write *writes;
    unsigned nwrites;
    bool stopped;  /* the copy met what it may not do */
    bool raised;   /* the real CPU's exception is still to be delivered */
    bool alone;    /* the next instruction is the interpreter's alone */
    bool differed; /* nothing runs any more */
    i64 done;      /* instructions the copy retired */
    i64 budget;    /* what the real CPU was given for them: more where it is to raise an exception */
    u32 random;
    void (*differs)(void *owner);
    void *owner;
    struct lockstep_counters counters;
};

/* What is compared of struct cpu beside the flags: members without padding. */
struct compared_part {
    const char *name;
    u16 offset, size;
};
extern const struct compared_part compared_parts[];
extern const unsigned compared_part_count;
/*
 * Whether n instructions from l->start, or up to 'spare' fewer, end alike; afterwards l->cpu and l->copy are where they
 * ended.
 */
bool lockstep_alike(struct lockstep *l, i64 n, i64 spare);
/* Both CPUs and memory as at l->start again. */
void lockstep_restore(struct lockstep *l);
/* The write that memory does not show as the copy left it, or NULL. */
const struct logged_write *lockstep_memory_differs(const struct lockstep *l);
/* Finds the block within the next n instructions after l->start that ends differently, and prints all about it. */
void lockstep_report(struct lockstep *l, i64 n);
void lockstep_destroy(struct lockstep *l);

#endif
