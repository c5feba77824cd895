/*
 * Programs that run in the interpreter and then translated, from their first
 * instruction on, in two worlds of cpu_world.h that begin alike: both must end
 * alike.
 */
#ifndef ORRERY_TESTS_JIT_WORLD_H
#define ORRERY_TESTS_JIT_WORLD_H

#include "jit/jit.h"
#include "tests/unit/cpu_world.h"

enum { CODE_BYTES = 4 << 20, START_RDX = 0x60fb1, DATA_BYTES = 4 * PAGE_SIZE, PT = TABLES + 0x3000 };

/* Code at CODE for both engines: what it needs beside it is set up by prepare(). */
struct program {
    const u8 *code;
    unsigned n;
    unsigned cpl;
    void (*prepare)(void);
    u64 budget; /* instructions */
    bool is32;  /* 32-bit code, flat and without paging; else 64-bit code */
};

struct result {
    u64 gpr[17], count, cr2;
    u32 eflags;
    bool halted;
    u8 data[DATA_BYTES], stack[PAGE_SIZE];
};

static inline void begin(const struct program *p, bool translated, size_t code_bytes)
{
    w_start("max");
    jit_detach(w.cpu);
    if (translated && !jit_attach(w.cpu, code_bytes, 0))
        exit(EXIT_SUCCESS); /* this host cannot translate */
    if (p->is32)
        w_protected(p->cpl);
    else
        w_long(p->cpl);
    w.cpu->gpr[RDX] = START_RDX;
    if (p->prepare)
        p->prepare();
    w_code(CODE, p->code, p->n);
}

static inline void collect(struct result *r, u64 count)
{
    memset(r, 0, sizeof(*r));
    memcpy(r->gpr, w.cpu->gpr, sizeof(r->gpr[0]) * 16);
    r->gpr[16] = w.cpu->gpr[SLOT_RIP];
    r->eflags = cpu_eflags(w.cpu);
    r->halted = w.cpu->halted;
    r->count = count;
    r->cr2 = w.cpu->cr2;
    memcpy(r->data, w.ram + DATA, DATA_BYTES);
    memcpy(r->stack, w.ram + STACK0 - PAGE_SIZE, PAGE_SIZE);
}

static inline const struct jit *translator(void) { return w.cpu->translator; }

/* The first 2 MiB by 4 KiB pages. */
static inline void small_pages(void)
{
    for (unsigned i = 0; i < 512; i++)
        st64(w.ram + PT + 8 * i, (u64)i << 12 | 7);
    st64(w.ram + TABLES + 0x2000, PT | 7);
    tlb_flush(w.cpu, true);
}

/* Runs p in the interpreter, then translated; the latter's end stays in w. */
static inline void both(const struct program *p)
{
    static struct result interpreted, translated;
    begin(p, false, CODE_BYTES);
    collect(&interpreted, cpu_run(w.cpu, p->budget));
    begin(p, true, CODE_BYTES);
    collect(&translated, cpu_run(w.cpu, p->budget));
    for (unsigned i = 0; i < ARRAY_LEN(translated.gpr); i++)
        ck_assert_msg(translated.gpr[i] == interpreted.gpr[i], "register %u is %llx, not %llx", i,
                      (unsigned long long)translated.gpr[i], (unsigned long long)interpreted.gpr[i]);
    ck_assert_uint_gt(translator()->counters.translated, 0);
    ck_assert_uint_eq(translated.count, interpreted.count);
    ck_assert_uint_eq(translated.eflags, interpreted.eflags);
    ck_assert_uint_eq(translated.cr2, interpreted.cr2);
    ck_assert_int_eq(translated.halted, interpreted.halted);
    ck_assert_mem_eq(translated.data, interpreted.data, DATA_BYTES);
    ck_assert_mem_eq(translated.stack, interpreted.stack, PAGE_SIZE);
}
#define BOTH(cpl, before, budget, ...)                                                                                 \
    both(&(struct program){(const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}), cpl, before, budget, false})

#endif
