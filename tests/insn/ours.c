/*
 * Runs instruction bytes on our CPU: 64-bit page tables map the oracle's areas
 * for CPL 3, and at a kernel address a GDT, a TSS, an IDT whose every gate
 * leads to a HLT of its own, and their stack. So the exception that ends a
 * case is really delivered, and its frame gives RIP, RSP and RFLAGS back.
 */
#include "tests/insn/undefined.h"

#include <stdlib.h>

#include "cpu/block.h"
#include "cpu/cpu.h"
#include "cpu/system/cpuid.h"
#include "cpu/flags.h"
#include "cpu/x87/fp80.h"
#include "jit/engine.h"

/* Physical memory: tables from 0, then the areas. */
enum {
    PA_PML4 = 0x1000,
    PA_PDPT_USER = 0x2000,
    PA_PD_USER = 0x3000,
    PA_PT_LOW = 0x4000,
    PA_PT_DATA = 0x5000,
    PA_PT_CODE = 0x6000,
    PA_PDPT_KERNEL = 0x7000,
    PA_PD_KERNEL = 0x8000,
    PA_PT_KERNEL = 0x9000,
    PA_GDT = 0xa000,
    PA_IDT = 0xb000,
    PA_TSS = 0xc000,
    PA_STUBS = 0xd000,
    PA_STACK = 0xe000,
    PA_CODE = 0x10000,
    PA_DATA = 0x11000,
    PA_LOW = 0x14000,
    RAM_SIZE = 0x16000,
    KERNEL_PAGES = 16,
    FRAME_TOP = 0xf00,
};
#define KERNEL 0xffff800000000000ull /* linear address of physical 0 */
enum { SEL_CODE32 = 0x23, SEL_DATA = 0x2b, SEL_CODE64 = 0x33, SEL_KERNEL = 0x08, SEL_TSS = 0x40 };
enum { PTE_P = 1, PTE_W = 2, PTE_U = 4 };
#define PTE_NX (1ull << 63)

extern const struct engine engine_interp;

/* The machine: RAM and a CPU. One per process. */
static struct {
    _Alignas(PAGE_SIZE) u8 ram[RAM_SIZE];
    bool code_page[RAM_SIZE / PAGE_SIZE];
    struct cpu *cpu;
    struct cpu_env env;
    struct cpu_model model;
    struct trace trace;
    bool pretends, jit_pretends;
} ours;

static void world_page(void *world, struct cpu *cpu, u64 pa, struct cpu_page *out)
{
    (void)cpu;
    (void)world;
    bool ram = pa < RAM_SIZE;
    out->read = ram ? ours.ram + pa : NULL;
    out->write = ram && !ours.code_page[pa >> 12] ? ours.ram + pa : NULL;
}
static u64 world_read(void *world, struct cpu *cpu, u64 pa, unsigned size)
{
    (void)cpu;
    (void)world;
    return pa + size <= RAM_SIZE ? ld_le(ours.ram + pa, size) : ~0ull;
}
static void world_write(void *world, struct cpu *cpu, u64 pa, u64 val, unsigned size)
{
    (void)cpu;
    (void)world;
    if (pa + size > RAM_SIZE)
        return;
    st_le(ours.ram + pa, val, size);
    if (ours.code_page[pa >> 12])
        ours.cpu->engine->code_written(ours.cpu, pa, size);
}
static void world_code_here(void *world, u64 pa)
{
    (void)world;
    if (pa < RAM_SIZE && !ours.code_page[pa >> 12]) {
        ours.code_page[pa >> 12] = true;
        tlb_protect_host_page(ours.cpu, ours.ram + (pa & PAGE_MASK));
    }
}
static u32 world_io_read(void *world, u16 port, unsigned size) { return (void)world, (void)port, (void)size, ~0u; }
static void world_io_write(void *world, u16 port, u32 val, unsigned size)
{
    (void)world, (void)port, (void)val, (void)size;
}
static int world_int_ack(void *world, struct cpu *cpu) { return (void)world, (void)cpu, -1; }
static u64 world_tsc(void *world, struct cpu *cpu) { return (void)world, cpu_icount(cpu); }
static bool world_msr_read(void *world, struct cpu *cpu, u32 msr, u64 *val, bool *fault)
{
    return (void)world, (void)cpu, (void)msr, (void)val, (void)fault, false;
}
static bool world_msr_write(void *world, struct cpu *cpu, u32 msr, u64 val, bool *fault)
{
    return (void)world, (void)cpu, (void)msr, (void)val, (void)fault, false;
}
static u8 world_tpr_read(void *world, struct cpu *cpu) { return (void)world, (void)cpu, 0; }
static void world_tpr_write(void *world, struct cpu *cpu, u8 tpr) { (void)world, (void)cpu, (void)tpr; }
static void world_ferr(void *world, bool level) { (void)world, (void)level; }
static void world_shutdown(void *world, struct cpu *cpu) { (void)world, cpu->halted = true; }

static void pte(u32 table, unsigned index, u64 to, u64 bits) { st64(ours.ram + table + 8 * index, to | bits); }

static void build_tables(void)
{
    u64 user = PTE_P | PTE_W | PTE_U;
    pte(PA_PML4, 0, PA_PDPT_USER, user);
    pte(PA_PDPT_USER, 0, PA_PD_USER, user);
    pte(PA_PD_USER, 0, PA_PT_LOW, user);
    pte(PA_PD_USER, ORACLE_DATA >> 21, PA_PT_DATA, user);
    pte(PA_PD_USER, ORACLE_CODE >> 21, PA_PT_CODE, user);
    pte(PA_PT_CODE, 0, PA_CODE, PTE_P | PTE_U);
    for (unsigned i = 0; i < 3; i++)
        pte(PA_PT_DATA, i, PA_DATA + i * PAGE_SIZE, PTE_NX | PTE_P | PTE_U | (i < 2 ? PTE_W : 0));
    for (unsigned i = 0; i < 2; i++)
        pte(PA_PT_LOW, (ORACLE_LOW >> 12) + i, PA_LOW + i * PAGE_SIZE, user | PTE_NX);
    pte(PA_PML4, 256, PA_PDPT_KERNEL, PTE_P | PTE_W);
    pte(PA_PDPT_KERNEL, 0, PA_PD_KERNEL, PTE_P | PTE_W);
    pte(PA_PD_KERNEL, 0, PA_PT_KERNEL, PTE_P | PTE_W);
    for (unsigned i = 0; i < KERNEL_PAGES; i++)
        pte(PA_PT_KERNEL, i, i * PAGE_SIZE, PTE_P | PTE_W);
    u8 *gdt = ours.ram + PA_GDT;
    st64(gdt + SEL_KERNEL, 0x00af9b000000ffffull);
    st64(gdt + 0x10, 0x00cf93000000ffffull);
    st64(gdt + 0x20, 0x00cffb000000ffffull);
    st64(gdt + 0x28, 0x00cff3000000ffffull);
    st64(gdt + 0x30, 0x00affb000000ffffull);
    u64 tss = KERNEL + PA_TSS, stack = KERNEL + PA_STACK + FRAME_TOP;
    st64(gdt + SEL_TSS, 0x67ull | (tss & 0xffffff) << 16 | 0x8bull << 40 | (tss >> 24 & 0xff) << 56);
    st64(gdt + SEL_TSS + 8, tss >> 32);
    st64(ours.ram + PA_TSS + 4, stack);
    for (unsigned v = 0; v < 256; v++) {
        u64 stub = KERNEL + PA_STUBS + v * 16;
        u8 *gate = ours.ram + PA_IDT + 16 * v;
        u64 dpl = v == EXC_BP || v == EXC_OF ? 3 : 0;
        st64(gate, (stub & 0xffff) | SEL_KERNEL << 16 | (0x8eull | dpl << 5) << 40 | (stub >> 16 & 0xffff) << 48);
        st64(gate + 8, stub >> 32);
        memset(ours.ram + PA_STUBS + v * 16, 0xf4, 16);
    }
}

static bool ours_start(void)
{
    char err[200];
    ours.env = (struct cpu_env){.page = world_page,
                                .mem_read = world_read,
                                .mem_write = world_write,
                                .code_here = world_code_here,
                                .io_read = world_io_read,
                                .io_write = world_io_write,
                                .int_ack = world_int_ack,
                                .tsc = world_tsc,
                                .msr_read = world_msr_read,
                                .msr_write = world_msr_write,
                                .tpr_read = world_tpr_read,
                                .tpr_write = world_tpr_write,
                                .ferr = world_ferr,
                                .shutdown = world_shutdown};
    if (!cpu_model_parse("max", &ours.model, err, sizeof(err))) {
        fprintf(stderr, "oracle: %s\n", err);
        return false;
    }
    build_tables();
    ours.pretends = getenv("ORRERY_PRETEND") != NULL;
    ours.jit_pretends = getenv("ORRERY_JIT_PRETEND") != NULL;
    ours.cpu = cpu_create(&ours.model, 0, &ours.env, &ours.trace);
    if (!ours.cpu)
        return false;
    if (!ours.cpu->engine) {
        ours.cpu->engine = &engine_interp;
        ours.cpu->engine_data = block_cache_create(16 << 20);
    }
    return true;
}

bool ours_translate(void)
{
    if ((!ours.cpu && !ours_start()) || !jit_attach(ours.cpu, 16 << 20, 0))
        return false;
    if (ours.jit_pretends)
        jit_assume_host(ours.cpu, JIT_HOST_OTHER);
    return true;
}

void ours_switch(bool translator) { ours.cpu->engine = translator ? &engine_jit : &engine_interp; }

void ours_maker(bool amd)
{
    u32 *word = &ours.cpu->features[FEAT_AMD >> 5], bit = BIT(FEAT_AMD & 31);
    *word = amd ? *word | bit : *word & ~bit;
}

const u32 *ours_features(void)
{
    if (!ours.cpu && !ours_start())
        abort();
    return ours.cpu->features;
}

bool ours_pretends(void) { return (ours.cpu || ours_start()) && ours.pretends; }

/* Everything undefined about an instruction comes out otherwise; of one that faulted, the registers. */
static void disturb(struct cpu *cpu, const struct insn *in)
{
    u32 what = undefined_anywhere(in->row, in->opsize) & (cpu->cpl == 3 ? ~0u : (u32)UNDEFINED_RESULT);
    flags_from_image(cpu, flags_to_image(cpu) ^ (what & FL_ARITH));
    if (what & UNDEFINED_CC)
        cpu->fpu.fsw ^= FSW_C0 | FSW_C2 | FSW_C3;
    if (!(what & UNDEFINED_RESULT))
        return;
    if (in->row->attrs & A_FPU)
        cpu->fpu.reg[cpu->fpu.top & 7].man ^= BIT64(62);
    else if (in->op[0].kind == OPK_XMM && cpu->cpl == 3)
        VQ(&cpu->xmm[in->op[0].reg], 0) ^= 1;
    else
        cpu->gpr[in->op[0].kind == OPK_REG && in->op[0].size > 1 ? in->op[0].reg : RAX] ^= 1;
}

static void run_pretending(struct cpu *cpu, const struct oracle_case *c, u64 instructions)
{
    u64 base = c->segmented ? oracle_segments[CS].base : 0;
    while (instructions-- && !cpu->halted) {
        struct insn in;
        u64 at = base + cpu->gpr[SLOT_RIP] - (ORACLE_CODE & ~0xfffu);
        u32 mode = cpu->mode;
        bool known = at < PAGE_SIZE - 16 && decode(cpu->features, mode, ours.ram + PA_CODE + at, 15, &in) == DECODE_OK;
        cpu_run(cpu, 1);
        if (known)
            disturb(cpu, &in);
    }
}

static void set_segment(struct cpu *cpu, const struct oracle_case *c, enum segreg s)
{
    const struct oracle_segment *g = &oracle_segments[s];
    u32 attr = SEG_P | SEG_S | SEG_DPL | SEG_A;
    attr |= s == CS ? SEG_CODE | SEG_R : c->segmented && g->readonly ? 0u : (u32)SEG_W;
    attr |= c->bits == 32 ? (u32)SEG_DB : 0;
    if (c->segmented) {
        cpu->seg[s] = (struct seg){.sel = oracle_selector(c, s),
                                   .attr = attr | (g->down ? (u32)SEG_E : 0),
                                   .limit = g->limit,
                                   .base = g->base};
        return;
    }
    attr |= SEG_G | (s == CS && c->bits == 64 ? (u32)SEG_L : (u32)SEG_DB);
    cpu->seg[s] = (struct seg){.sel = oracle_selector(c, s),
                               .attr = s >= FS ? (u32)SEG_UNUSABLE : attr,
                               .limit = ~0u,
                               .base = oracle_base(c, s)};
}

static void set_system(struct cpu *cpu, const struct oracle_case *c)
{
    cpu->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | (u32)CR0_PG;
    cpu->cr3 = PA_PML4;
    cpu->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_FSGSBASE;
    cpu->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
    cpu->xcr0 = 7;
    cpu->gdtr = (struct dtable){0x4f, KERNEL + PA_GDT};
    cpu->idtr = (struct dtable){0xfff, KERNEL + PA_IDT};
    cpu->tr = (struct seg){.sel = SEL_TSS, .attr = SEG_P | 0xb, .limit = 0x67, .base = KERNEL + PA_TSS};
    for (unsigned s = ES; s < SEG_COUNT; s++)
        set_segment(cpu, c, s);
    cpu->ldtr = (struct seg){.attr = SEG_UNUSABLE};
    cpu->cpl = 3;
    cpu->halted = false;
    cpu->attention = 0;
}

static void fx_load(struct cpu *cpu, const u8 *fx)
{
    struct fpu *f = &cpu->fpu;
    f->fcw = ld16(fx + FX_FCW);
    f->fsw = ld16(fx + FX_FSW) & ~0x3800;
    f->top = ld16(fx + FX_FSW) >> 11 & 7;
    f->ftw = fx[FX_FTW];
    f->fop = ld16(fx + FX_FOP);
    f->fip = ld64(fx + FX_FIP);
    f->fdp = ld64(fx + FX_FDP);
    for (unsigned i = 0; i < 8; i++)
        f->reg[(f->top + i) & 7] = (struct x87_reg){ld64(fx + FX_ST + 16 * i), ld16(fx + FX_ST + 16 * i + 8)};
    cpu->mxcsr = ld32(fx + FX_MXCSR);
    for (unsigned i = 0; i < 16; i++)
        for (unsigned q = 0; q < 2; q++)
            VQ(&cpu->xmm[i], q) = ld64(fx + FX_XMM + 16 * i + 8 * q);
}

static void fx_store(const struct cpu *cpu, u8 *fx)
{
    const struct fpu *f = &cpu->fpu;
    memset(fx, 0, 512);
    st16(fx + FX_FCW, f->fcw);
    st16(fx + FX_FSW, (u16)(f->fsw | f->top << 11));
    fx[FX_FTW] = f->ftw;
    st16(fx + FX_FOP, f->fop);
    st64(fx + FX_FIP, f->fip);
    st64(fx + FX_FDP, f->fdp);
    st32(fx + FX_MXCSR, cpu->mxcsr);
    for (unsigned i = 0; i < 8; i++) {
        struct x87_reg r = f->reg[(f->top + i) & 7];
        st64(fx + FX_ST + 16 * i, r.man);
        st16(fx + FX_ST + 16 * i + 8, r.se);
    }
    for (unsigned i = 0; i < 16; i++)
        for (unsigned q = 0; q < 2; q++)
            st64(fx + FX_XMM + 16 * i + 8 * q, VQ(&cpu->xmm[i], q));
}

static void ymmh_load(struct cpu *cpu, const u8 *ymmh)
{
    for (unsigned i = 0; i < 32; i++)
        VQ(&cpu->xmm[i / 2], 2 + i % 2) = ld64(ymmh + 8 * i);
}
static void ymmh_store(const struct cpu *cpu, u8 *ymmh)
{
    for (unsigned i = 0; i < 32; i++)
        st64(ymmh + 8 * i, VQ(&cpu->xmm[i / 2], 2 + i % 2));
}

static bool pushes_error(unsigned vector)
{
    return vector == EXC_DF || (vector >= EXC_TS && vector <= EXC_PF) || vector == EXC_AC;
}

/* What ended it, from the HLT it stands behind and the frame below FRAME_TOP. */
static void collect(struct cpu *cpu, struct oracle_state *out)
{
    memcpy(out->gpr, cpu->gpr, sizeof(out->gpr));
    u64 at = cpu->gpr[SLOT_RIP] - (KERNEL + PA_STUBS);
    if (!cpu->halted || at >= 0x1000) {
        out->vector = ORACLE_TIMEOUT;
        out->rip = cpu->gpr[SLOT_RIP];
        out->rflags = cpu_eflags(cpu);
        return;
    }
    out->vector = (unsigned)at / 16;
    const u8 *frame = ours.ram + PA_STACK + FRAME_TOP - 40;
    out->error = pushes_error(out->vector) ? ld32(frame - 8) : 0;
    out->rip = ld64(frame);
    out->rflags = ld64(frame + 16);
    out->gpr[RSP] = ld64(frame + 24);
    out->cr2 = cpu->cr2;
}

bool ours_run_for(const struct oracle_case *c, struct oracle_state *out, u64 instructions)
{
    if (!ours.cpu && !ours_start())
        return false;
    struct cpu *cpu = ours.cpu;
    memset(out, 0, offsetof(struct oracle_state, data));
    u8 *code = ours.ram + PA_CODE;
    memset(code, 0xcc, PAGE_SIZE);
    memcpy(code + (ORACLE_CODE & 0xfff), c->code, c->len);
    cpu->engine->code_written(cpu, PA_CODE, PAGE_SIZE);
    memcpy(ours.ram + PA_DATA, c->in.data, sizeof(c->in.data));
    memcpy(ours.ram + PA_LOW, c->in.low, sizeof(c->in.low));
    set_system(cpu, c);
    memcpy(cpu->gpr, c->in.gpr, sizeof(c->in.gpr));
    cpu->gpr[SLOT_RIP] = c->in.rip;
    cpu->eflags = (u32)c->in.rflags & ~(u32)FL_ARITH;
    flags_from_image(cpu, (u32)c->in.rflags);
    fx_load(cpu, c->in.fx);
    ymmh_load(cpu, c->in.ymmh);
    cpu_update_mode(cpu);
    if (ours.pretends && cpu->engine == &engine_interp)
        run_pretending(cpu, c, instructions);
    else
        cpu_run(cpu, instructions);
    collect(cpu, out);
    fx_store(cpu, out->fx);
    ymmh_store(cpu, out->ymmh);
    memcpy(out->data, ours.ram + PA_DATA, sizeof(out->data));
    memcpy(out->low, ours.ram + PA_LOW, sizeof(out->low));
    return true;
}

bool ours_run(const struct oracle_case *c, struct oracle_state *out) { return ours_run_for(c, out, 100000); }
