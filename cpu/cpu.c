/*
 * A CPU's life: creation, RESET and INIT, the mode derived from control state,
 * and attention.
 * Running it is interp.c's; what it can do, cpuid.c's.
 */
#include "cpu/block.h"
#include "cpu/vec/mxcsr.h"
#include "cpu/system/rng.h"
#include "cpu/system/sys.h"
#include "cpu/system/tlb.h"
#include "cpu/x87/x87.h"

#include <stdlib.h>

enum { BLOCK_CACHE_BYTES = 64 << 20 };

struct cpu *cpu_create(const struct cpu_model *model, unsigned index, const struct cpu_env *env, struct trace *trace)
{
    u8 *room = calloc(1, CPU_ENGINE_ROOM + sizeof(struct cpu) + MMU_COUNT * sizeof(struct tlb));
    if (!room)
        return NULL;
    struct cpu *cpu = (struct cpu *)(room + CPU_ENGINE_ROOM);
    pthread_mutex_init(&cpu->asked_lock, NULL);
    cpu->model = model;
    cpu->fp80 = fp80_functions(false);
    cpu->index = index;
    cpu->count = 1;
    cpu->env = env;
    cpu->trace = trace;
    static_assert(WORD_COUNT <= ARRAY_LEN(cpu->features), "feature words fit");
    memcpy(cpu->features, model->features, WORD_COUNT * sizeof(u32));
    rng_init(&cpu->rng, (u32[8]){index});
    cpu->a20_mask = ~0ull;
    cpu->engine = &engine_interp;
    cpu->engine_data = block_cache_create(BLOCK_CACHE_BYTES);
    if (!tlb_create(cpu) || !cpu->engine_data) {
        cpu_destroy(cpu);
        return NULL;
    }
    cpu_reset(cpu, false);
    return cpu;
}

void cpu_destroy(struct cpu *cpu)
{
    if (!cpu)
        return;
    tlb_destroy(cpu);
    block_cache_destroy(cpu->engine_data);
    debug_free(cpu);
    pthread_mutex_destroy(&cpu->asked_lock);
    free((u8 *)cpu - CPU_ENGINE_ROOM);
}

/* SDM vol. 3, table 10-1; the 8087 family and SSE keep their contents over INIT. */
static void reset_fpu(struct cpu *cpu)
{
    cpu->fpu = (struct fpu){.fcw = 0x40, .ftw = 0xff}; /* all +0.0, tags valid */
    cpu_set_mxcsr(cpu, MXCSR_RESET);
    memset(cpu->xmm, 0, sizeof(cpu->xmm));
    cpu->xcr0 = 1;
    cpu->ferr_high = cpu->ignne = false;
}

static void reset_segments(struct cpu *cpu)
{
    const u32 data = SEG_P | SEG_S | SEG_W | SEG_A;
    for (unsigned s = 0; s < SEG_COUNT; s++)
        cpu->seg[s] = (struct seg){.limit = 0xffff, .attr = data};
    cpu->seg[CS].sel = 0xf000;
    cpu->seg[CS].base = 0xffff0000u;
    cpu->gdtr = cpu->idtr = (struct dtable){.limit = 0xffff};
    cpu->ldtr = (struct seg){.limit = 0xffff, .attr = SEG_P | SYS_LDT};
    cpu->tr = (struct seg){.limit = 0xffff, .attr = SEG_P | SYS_TSS32_BUSY};
}

void cpu_reset(struct cpu *cpu, bool init)
{
    trace(cpu->trace, cpu_reset, "cpu %u: %s", cpu->index, init ? "INIT" : "RESET");
    memset(cpu->gpr, 0, sizeof(cpu->gpr));
    cpu->gpr[RDX] = cpu_signature(cpu->model);
    cpu->gpr[SLOT_RIP] = 0xfff0;
    cpu->gpr[SLOT_4G] = BIT64(32);
    cpu->eflags = FL_1;
    flags_from_image(cpu, 0);
    reset_segments(cpu);
    u64 cache = init ? cpu->cr0 & (CR0_CD | CR0_NW) : (u64)(CR0_CD | CR0_NW);
    cpu->cr0 = cache | CR0_ET;
    cpu->cr2 = cpu->cr3 = cpu->cr4 = 0;
    cpu->pkru = cpu->pkrs = 0;
    memset(cpu->pdpte, 0, sizeof(cpu->pdpte));
    memset(cpu->dr, 0, sizeof(cpu->dr));
    cpu->dr[6] = 0xffff0ff0u;
    cpu->dr[7] = 0x400;
    cpu->efer = 0;
    cpu->cpl = 0;
    if (!init) {
        reset_fpu(cpu);
        msr_reset(cpu);
    }
    cpu->halted = cpu->mwait_any = cpu->in_shutdown = cpu->nmi_masked = false;
    cpu->wait_sipi = cpu->index != 0;
    cpu->dr6_pending = 0;
    cpu->shadow = 0;
    cpu->shadow_ss = cpu->force_step = cpu->keep_rf = cpu->no_step_trap = cpu->delivering = false;
    cpu->exc_ext = 0;
    cpu->monitor_addr = ~0ull;
    cpu_clear_attention(cpu, ATT_TRAP | ATT_VIRTUAL | ATT_NMI | (init ? 0u : (u32)(ATT_INIT | ATT_SIPI)));
    cpu->cur = NULL;
    tlb_flush(cpu, true);
    cpu_update_mode(cpu);
}

/* CS DS ES SS all have base 0, limit 4 GiB; code readable, data writable. All at once: it is asked often. */
static bool is_flat(const struct cpu *cpu)
{
    const struct seg *cs = &cpu->seg[CS], *ds = &cpu->seg[DS], *es = &cpu->seg[ES], *ss = &cpu->seg[SS];
    const u32 data_bad = SEG_UNUSABLE | SEG_CODE | SEG_E;
    u64 bases = cs->base | ds->base | es->base | ss->base;
    u32 limits = cs->limit & ds->limit & es->limit & ss->limit;
    u32 missing = (~cs->attr & (SEG_CODE | SEG_R)) | (~(ds->attr & es->attr & ss->attr) & SEG_W);
    u32 bad = (cs->attr & SEG_UNUSABLE) | ((ds->attr | es->attr | ss->attr) & data_bad);
    return (bases | (u32)~limits | missing | bad) == 0;
}

void cpu_update_mmu_idx(struct cpu *cpu)
{
    bool code64 = (cpu->mode & MODE_CODE) == MODE_CODE64;
    cpu->mmu_idx = (u8)idx_for_cpl(cpu, cpu->cpl);
    if (likely(cpu->tlb_wide[cpu->mmu_idx] == code64))
        return;
    cpu->tlb_wide[cpu->mmu_idx] = code64;
    if (!code64)
        tlb_flush(cpu, true);
}

static i64 reach_of(const struct seg *s, bool allowed)
{
    if (!allowed || (s->attr & SEG_UNUSABLE) || (s->attr & (SEG_CODE | SEG_E)) == SEG_E)
        return -1;
    return s->limit == 0xffffffffu ? INT64_MAX : s->limit; /* a segment of 4 GiB wraps (seg.c) */
}

void cpu_update_reach(struct cpu *cpu)
{
    bool real = is_real_like(cpu); /* rights do not count there */
    for (unsigned s = 0; s < SEG_COUNT; s++) {
        const struct seg *seg = &cpu->seg[s];
        bool code = seg->attr & SEG_CODE;
        cpu->reach[0][s] = reach_of(seg, real || !code || (seg->attr & SEG_R));
        cpu->reach[1][s] = reach_of(seg, real || (!code && (seg->attr & SEG_W)));
    }
}

void cpu_update_mode(struct cpu *cpu)
{
    const u32 cs = cpu->seg[CS].attr;
    bool code64 = is_long(cpu) && (cs & SEG_L);
    bool stack32 = cpu->seg[SS].attr & SEG_DB;
    u32 mode = code64 ? MODE_CODE64 : cs & SEG_DB ? MODE_CODE32 : MODE_CODE16;
    mode |= (code64 ? 2u : stack32 ? 1u : 0u) << MODE_STACK_SHIFT;
    cpu->sp_mask = code64 ? ~0ull : stack32 ? 0xffffffffu : 0xffffu;
    if (is_flat(cpu))
        mode |= MODE_FLAT;
    if (!(cpu->cr0 & (CR0_EM | CR0_TS))) {
        mode |= MODE_FPU;
        if (cpu->cr4 & CR4_OSFXSR)
            mode |= MODE_SSE;
    }
    if ((cpu->cr0 & (CR0_TS | CR0_PE)) == CR0_PE && !(cpu->eflags & FL_VM) && (cpu->cr4 & CR4_OSXSAVE) &&
        (cpu->xcr0 & 6) == 6)
        mode |= MODE_AVX;
    if ((cpu->eflags & (FL_TF | FL_RF)) || cpu->shadow || cpu->force_step)
        mode |= MODE_STEP;
    if (unlikely((cpu->dr[7] & 0xff) || cpu->points) && debug_has_breaks(cpu))
        mode |= MODE_BREAKS;
    cpu->mode = mode;
    if (!code64)
        cpu_update_reach(cpu);
    cpu_update_mmu_idx(cpu);
    if (unlikely(virtual_interrupt_pending(cpu)))
        cpu_raise_attention(cpu, ATT_VIRTUAL);
    if (unlikely(__atomic_load_n(&cpu->held, __ATOMIC_RELAXED)))
        cpu_raise_attention(cpu, __atomic_exchange_n(&cpu->held, 0, __ATOMIC_SEQ_CST));
}

void cpu_raise_attention(struct cpu *cpu, u32 bits) { __atomic_fetch_or(&cpu->attention, bits, __ATOMIC_SEQ_CST); }
void cpu_clear_attention(struct cpu *cpu, u32 bits)
{
    __atomic_fetch_and(&cpu->attention, ~bits, __ATOMIC_SEQ_CST);
    __atomic_fetch_and(&cpu->held, ~bits, __ATOMIC_SEQ_CST);
}
