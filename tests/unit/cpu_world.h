/*
 * A CPU in a world of flat RAM, for tests of the system side: a GDT with every
 * kind of descriptor a test asks for, an IDT whose gates lead to a HLT each, so
 * that an exception is really delivered and its frame can be looked at. One
 * world per process (Check forks). ORRERY_ACCEL=jit or lockstep: translated from the first instruction on.
 */
#ifndef ORRERY_TESTS_CPU_WORLD_H
#define ORRERY_TESTS_CPU_WORLD_H

#include <check.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "cpu/cpu.h"
#include "cpu/system/cpuid.h"
#include "cpu/flags.h"
#include "cpu/mem.h"
#include "jit/engine.h"

enum {
    RAM_SIZE = 4 << 20,
    GDT = 0x1000,
    IDT = 0x2000,
    TSS = 0x3000,
    TSS2 = 0x3800,
    LDT = 0x4000,
    STUBS = 0x5000,
    STUB_SIZE = 16,
    STACK0 = 0x8000,
    STACK1 = 0x9000,
    STACK3 = 0xa000,
    CODE = 0x10000,
    DATA = 0x20000,
    TABLES = 0x40000,
    MMIO = RAM_SIZE, /* one page where nothing is but a recorder */
};
/* Descriptor words 8..23 of the second dword, as struct seg's attr has them, and what a test may add. */
enum {
    D_CODE32 = 0xc09b,
    D_CODE16 = 0x809b,
    D_CODE64 = 0xa09b,
    D_DATA = 0xc093,
    D_DATA16 = 0x8093,
    D_TSS32 = 0x0089,
    D_TSS16 = 0x0081,
    D_LDT = 0x0082,
    D_DPL3 = 0x60,
    D_DPL1 = 0x20,
};
enum {
    SEL_CODE0 = 0x08,
    SEL_DATA0 = 0x10,
    SEL_CODE3 = 0x1b,
    SEL_DATA3 = 0x23,
    SEL_TSS = 0x28,
    SEL_TSS_HIGH = 0x30,
    SEL_CODE64 = 0x38,
    SEL_CODE16 = 0x40,
    SEL_TEST = 0x48,
    SEL_TEST2 = 0x50,
    SEL_CODE1 = 0x59,
    SEL_DATA1 = 0x61,
    SEL_TSS2 = 0x68,
    SEL_LDT = 0x70,
    SEL_CODE64_3 = 0x7b,
    GDT_ENTRIES = 32,
};

static struct {
    u8 *ram;
    bool code_page[RAM_SIZE / PAGE_SIZE];
    struct cpu *cpu;
    struct cpu_env env;
    void (*on_page)(u64 pa); /* the CPU asks what is there, or NULL */
    struct cpu_model model;
    struct trace trace;
    int vector; /* what int_ack answers */
    unsigned shutdowns;
    u64 mmio_value;
    u64 mmio_log[64]; /* pa << 8 | size, one each */
    unsigned mmio_count;
    unsigned mmio_exit_at; /* the access, counted from 1, that raises ATT_EXIT */
    u16 io_port;
    u32 io_value;
    unsigned io_count;
} w;

static void w_page(void *world, struct cpu *cpu, u64 pa, struct cpu_page *out)
{
    (void)cpu;
    (void)world;
    bool ram = pa < RAM_SIZE;
    if (w.on_page)
        w.on_page(pa);
    out->read = ram ? w.ram + pa : NULL;
    out->write = ram && !w.code_page[pa >> 12] ? w.ram + pa : NULL;
}
static void w_mmio(u64 pa, unsigned size)
{
    w.mmio_log[w.mmio_count++ % ARRAY_LEN(w.mmio_log)] = pa << 8 | size;
    if (w.mmio_count == w.mmio_exit_at)
        cpu_raise_attention(w.cpu, ATT_EXIT);
}
static u64 w_read(void *world, struct cpu *cpu, u64 pa, unsigned size)
{
    (void)cpu;
    (void)world;
    if (pa + size <= RAM_SIZE)
        return ld_le(w.ram + pa, size);
    w_mmio(pa, size);
    return w.mmio_value & size_mask(size);
}
static void w_write(void *world, struct cpu *cpu, u64 pa, u64 val, unsigned size)
{
    (void)cpu;
    (void)world;
    if (pa + size > RAM_SIZE) {
        w_mmio(pa, size);
        w.mmio_value = val;
        return;
    }
    st_le(w.ram + pa, val, size);
    if (w.code_page[pa >> 12])
        w.cpu->engine->code_written(w.cpu, pa, size);
}
static void w_code_here(void *world, u64 pa)
{
    (void)world;
    if (pa < RAM_SIZE && !w.code_page[pa >> 12]) {
        w.code_page[pa >> 12] = true;
        tlb_protect_host_page(w.cpu, w.ram + (pa & PAGE_MASK));
    }
}
static u32 w_io_read(void *world, u16 port, unsigned size)
{
    (void)world, (void)size;
    w.io_port = port;
    w.io_count++;
    return 0x5aa5a55a;
}
static void w_io_write(void *world, u16 port, u32 val, unsigned size)
{
    (void)world, (void)size;
    w.io_port = port;
    w.io_value = val;
    w.io_count++;
}
static int w_int_ack(void *world, struct cpu *cpu)
{
    (void)world;
    cpu_clear_attention(cpu, ATT_INTR);
    return w.vector;
}
static u64 w_tsc(void *world, struct cpu *cpu) { return (void)world, cpu_icount(cpu); }
static bool w_msr_read(void *world, struct cpu *cpu, u32 msr, u64 *val, bool *fault)
{
    return (void)world, (void)cpu, (void)fault, *val = 0xfee00900, msr == 0x1b;
}
static bool w_msr_write(void *world, struct cpu *cpu, u32 msr, u64 val, bool *fault)
{
    return (void)world, (void)cpu, (void)val, (void)fault, msr == 0x1b;
}
static u8 w_tpr_read(void *world, struct cpu *cpu) { return (void)world, (void)cpu, 5; }
static void w_tpr_write(void *world, struct cpu *cpu, u8 tpr) { (void)world, (void)cpu, (void)tpr; }
static void w_ferr(void *world, bool level) { (void)world, (void)level; }
static void w_shutdown(void *world, struct cpu *cpu) { (void)world, (void)cpu, w.shutdowns++; }

/* A GDT or LDT entry. */
static inline void set_desc(u32 table, u16 sel, u32 base, u32 limit, u32 attr)
{
    u8 *d = w.ram + table + (sel & 0xfff8);
    u32 l = attr & SEG_G ? limit >> 12 : limit;
    st32(d, (l & 0xffff) | base << 16);
    st32(d + 4, (base >> 16 & 0xff) | attr << 8 | (l & 0xf0000) | (base & 0xff000000u));
}
/* An IDT or call gate of 8 bytes; type with P and DPL. */
static inline void set_gate(u32 addr, u16 sel, u32 off, u32 type, unsigned params)
{
    st32(w.ram + addr, (off & 0xffff) | (u32)sel << 16);
    st32(w.ram + addr + 4, (off & 0xffff0000u) | type << 8 | params);
}
static inline void set_gate64(u32 addr, u16 sel, u64 off, u32 type, unsigned ist)
{
    set_gate(addr, sel, (u32)off, type, ist);
    st64(w.ram + addr + 8, off >> 32);
}

static inline void w_stop(void)
{
    if (w.cpu)
        jit_detach(w.cpu);
    cpu_destroy(w.cpu);
    if (w.ram)
        munmap(w.ram, RAM_SIZE);
    memset(&w, 0, sizeof(w));
}

/* Two engines in lockstep do not agree: they have said how. */
static inline void w_differs(void *owner)
{
    (void)owner;
    ck_abort_msg("lockstep: a difference");
}

/* The engine that the environment asks for; the interpreter where it cannot be had. */
static inline void w_engine(void)
{
    enum { CODE_BYTES = 16 << 20 };
    const char *accel = getenv("ORRERY_ACCEL");
    if (accel && !strcmp(accel, "jit"))
        jit_attach(w.cpu, CODE_BYTES, 0);
    else if (accel && !strcmp(accel, "lockstep"))
        lockstep_attach(w.cpu, CODE_BYTES, w_differs, NULL);
}

static inline void w_start(const char *model)
{
    char err[200];
    w_stop();
    /* zeroed where it is touched: some tests start thousands of worlds */
    w.ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(w.ram, MAP_FAILED);
    w.vector = -1;
    w.env = (struct cpu_env){.page = w_page,
                             .mem_read = w_read,
                             .mem_write = w_write,
                             .code_here = w_code_here,
                             .io_read = w_io_read,
                             .io_write = w_io_write,
                             .int_ack = w_int_ack,
                             .tsc = w_tsc,
                             .msr_read = w_msr_read,
                             .msr_write = w_msr_write,
                             .tpr_read = w_tpr_read,
                             .tpr_write = w_tpr_write,
                             .ferr = w_ferr,
                             .shutdown = w_shutdown};
    ck_assert_msg(cpu_model_parse(model, &w.model, err, sizeof(err)), "%s", err);
    w.cpu = cpu_create(&w.model, 0, &w.env, &w.trace);
    ck_assert_ptr_nonnull(w.cpu);
    w_engine();
    if (getenv("W_TRACE")) {
        const char *bad;
        w.trace.out = stderr;
        trace_parse(&w.trace, getenv("W_TRACE"), &bad);
    }
}

static inline void w_code(u32 addr, const void *bytes, unsigned n)
{
    memcpy(w.ram + addr, bytes, n);
    w.cpu->engine->code_written(w.cpu, addr, n);
}
#define CODE_AT(addr, ...) w_code(addr, (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))

static inline void w_idt(bool wide)
{
    for (unsigned v = 0; v < 256; v++) {
        u32 stub = STUBS + v * STUB_SIZE, dpl = v == 3 || v == 4 || v >= 0x80 ? 0x60 : 0;
        if (wide)
            set_gate64(IDT + v * 16, SEL_CODE64, stub, 0x8e | dpl, 0);
        else
            set_gate(IDT + v * 8, SEL_CODE0, stub, 0x8e | dpl, 0);
    }
    memset(w.ram + STUBS, 0xf4, 256 * STUB_SIZE);
}

static inline struct seg w_seg(u16 sel, u32 attr)
{
    return (struct seg){.sel = sel, .attr = attr, .limit = 0xffffffffu};
}

/* Protected mode, flat, without paging, at CODE with that privilege; a 32-bit TSS with stacks for rings 0, 1. */
static inline void w_protected(unsigned cpl)
{
    struct cpu *c = w.cpu;
    set_desc(GDT, SEL_CODE0, 0, 0xffffffff, D_CODE32);
    set_desc(GDT, SEL_DATA0, 0, 0xffffffff, D_DATA);
    set_desc(GDT, SEL_CODE3, 0, 0xffffffff, D_CODE32 | D_DPL3);
    set_desc(GDT, SEL_DATA3, 0, 0xffffffff, D_DATA | D_DPL3);
    set_desc(GDT, SEL_CODE1, 0, 0xffffffff, D_CODE32 | D_DPL1);
    set_desc(GDT, SEL_DATA1, 0, 0xffffffff, D_DATA | D_DPL1);
    set_desc(GDT, SEL_CODE64, 0, 0xffffffff, D_CODE64);
    set_desc(GDT, SEL_CODE64_3, 0, 0xffffffff, D_CODE64 | D_DPL3);
    set_desc(GDT, SEL_CODE16, 0, 0xffff, 0x9b);
    set_desc(GDT, SEL_TSS, TSS, 0x7ff, D_TSS32 | 2);
    set_desc(GDT, SEL_LDT, LDT, 0xff, D_LDT);
    w_idt(false);
    c->gdtr = (struct dtable){GDT_ENTRIES * 8 - 1, GDT};
    c->idtr = (struct dtable){0x7ff, IDT};
    c->tr = (struct seg){.sel = SEL_TSS, .attr = 0x8b, .limit = 0x7ff, .base = TSS};
    c->ldtr = (struct seg){.attr = SEG_UNUSABLE};
    st32(w.ram + TSS + 4, STACK0);
    st16(w.ram + TSS + 8, SEL_DATA0);
    st32(w.ram + TSS + 12, STACK1);
    st16(w.ram + TSS + 16, SEL_DATA1);
    st16(w.ram + TSS + 0x66, 0x68);
    memset(w.ram + TSS + 0x68, 0xff, 0x700);
    c->cr0 = CR0_PE | CR0_ET;
    u32 dpl = cpl << 5;
    u16 code = cpl == 3 ? SEL_CODE3 : cpl == 1 ? SEL_CODE1 : SEL_CODE0;
    u16 data = cpl == 3 ? SEL_DATA3 : cpl == 1 ? SEL_DATA1 : SEL_DATA0;
    c->seg[CS] = w_seg(code, D_CODE32 | dpl);
    c->seg[SS] = c->seg[DS] = c->seg[ES] = c->seg[FS] = c->seg[GS] = w_seg(data, D_DATA | dpl);
    c->cpl = (u8)cpl;
    c->gpr[RSP] = cpl == 3 ? STACK3 : cpl == 1 ? STACK1 : STACK0;
    c->gpr[SLOT_RIP] = CODE;
    c->eflags = FL_1;
    cpu_update_mode(c);
}

/* 64-bit mode with the first 4 MiB mapped one to one for everybody, by 2 MiB pages. */
static inline void w_long(unsigned cpl)
{
    struct cpu *c = w.cpu;
    w_protected(0);
    st64(w.ram + TABLES, (TABLES + 0x1000) | 7);
    st64(w.ram + TABLES + 0x1000, (TABLES + 0x2000) | 7);
    for (unsigned i = 0; i < 4; i++)
        st64(w.ram + TABLES + 0x2000 + 8 * i, (u64)i << 21 | 0x87);
    memset(w.ram + GDT + SEL_TSS_HIGH, 0, 8);
    w_idt(true);
    st64(w.ram + TSS + 4, STACK0);
    c->idtr.limit = 0xfff;
    c->cr3 = TABLES;
    c->cr4 |= CR4_PAE;
    c->cr0 |= (u32)CR0_PG;
    c->efer |= EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE;
    c->seg[CS] = cpl == 3 ? w_seg(SEL_CODE64_3, D_CODE64 | D_DPL3) : w_seg(SEL_CODE64, D_CODE64);
    if (cpl == 3)
        c->seg[SS] = c->seg[DS] = c->seg[ES] = w_seg(SEL_DATA3, D_DATA | D_DPL3);
    c->cpl = (u8)cpl;
    c->gpr[RSP] = cpl == 3 ? STACK3 : STACK0;
    tlb_flush(c, true);
    cpu_update_mode(c);
}

/* Runs until HLT, at most n instructions. */
static inline void w_run(u64 n) { cpu_run(w.cpu, n); }

/* The vector whose stub the CPU has halted in, or -1. */
static inline int w_vector(void)
{
    u64 ip = w.cpu->gpr[SLOT_RIP] - 1 - STUBS;
    return w.cpu->halted && ip < 256 * STUB_SIZE && ip % STUB_SIZE == 0 ? (int)(ip / STUB_SIZE) : -1;
}
/* Word n of the frame the handler sees. */
static inline u64 w_frame(unsigned n)
{
    bool wide = w.cpu->efer & EFER_LMA;
    u64 at = w.cpu->gpr[RSP] + n * (wide ? 8 : 4);
    return wide ? ld64(w.ram + at) : ld32(w.ram + at);
}

static inline int w_main(const char *name, void (*add)(TCase *))
{
    Suite *s = suite_create(name);
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, NULL, w_stop);
    add(t);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
