/*
 * What of a processor is saved (the table over struct cpu), and what has to be
 * so before and after. Nothing of it depends on which engine runs it.
 */
#include "cpu/cpu.h"
#include "cpu/system/sys.h"
#include "cpu/vec/mxcsr.h"

#define SEG(f) STATE(struct seg, f)
static const struct state_field seg_state[] = {SEG(sel), SEG(attr), SEG(limit), SEG(base), STATE_END};
static const struct state_field dtable_state[] = {STATE(struct dtable, limit), STATE(struct dtable, base), STATE_END};
static const struct state_field rng_state[] = {
    STATE(struct rng, key),
    STATE(struct rng, out),
    STATE_RANGE(struct rng, used, 0, 32),
    STATE_END,
};
static const struct state_field x87_reg_state[] = {STATE(struct x87_reg, man), STATE(struct x87_reg, se), STATE_END};
#define FPU(f) STATE(struct fpu, f)
static const struct state_field fpu_state[] = {
    STRUCTS(struct fpu, reg, struct x87_reg, x87_reg_state),
    FPU(fcw),
    FPU(fsw),
    STATE_RANGE(struct fpu, top, 0, 7),
    FPU(ftw),
    FPU(fop),
    FPU(fip),
    FPU(fdp),
    FPU(fcs),
    FPU(fds),
    STATE_END,
};
static const struct state_field vec_state[] = {STATE(union vec, q), STATE_END};

#define CPU(f)       STATE(struct cpu, f)
#define SEGMENTS(f)  STRUCTS(struct cpu, f, struct seg, seg_state)
#define TABLE(f)     STRUCTS(struct cpu, f, struct dtable, dtable_state)
#define DERIVES(f)   DERIVED(struct cpu, f)
#define RUNS(f)      RUNNING(struct cpu, f)
#define CONFIGURE(f) HOST(struct cpu, f)
const struct state_field cpu_state[] = {
    CPU(gpr),
    CPU(cc_res),
    CPU(cc_aux),
    CPU(eflags),
    SEGMENTS(seg),
    SEGMENTS(ldtr),
    SEGMENTS(tr),
    TABLE(gdtr),
    TABLE(idtr),
    CPU(cr0),
    CPU(cr2),
    CPU(cr3),
    CPU(cr4),
    CPU(dr),
    CPU(efer),
    CPU(xcr0),
    CPU(pkru),
    CPU(pkrs),
    CPU(star),
    CPU(lstar),
    CPU(cstar),
    CPU(sfmask),
    CPU(kernel_gs_base),
    CPU(tsc_aux),
    CPU(sysenter_cs),
    CPU(sysenter_esp),
    CPU(sysenter_eip),
    CPU(pat),
    CPU(mtrr_def),
    CPU(mtrr_fixed),
    CPU(mtrr_base),
    CPU(mtrr_mask),
    CPU(misc_enable),
    CPU(mcg_status),
    CPU(tsc_offset),
    CPU(debugctl),
    CPU(mcg_ctl),
    CPU(ucode_rev),
    STATE_ROWS(struct cpu, mc_bank),
    STRUCTS(struct cpu, rng, struct rng, rng_state),
    CPU(pdpte),
    STATE_RANGE(struct cpu, cpl, 0, 3),
    CPU(halted),
    CPU(wait_sipi),
    CPU(nmi_masked),
    CPU(ferr_high),
    CPU(ignne),
    CPU(sipi_vector),
    CPU(dr6_pending),
    CPU(monitor_addr),
    CPU(monitor_line),
    CPU(mwait_any),
    CPU(in_shutdown),
    STATE_RANGE(struct cpu, shadow, 0, 2),
    CPU(shadow_ss),
    STRUCTS(struct cpu, fpu, struct fpu, fpu_state),
    STATE_RANGE(struct cpu, mxcsr, 0, MXCSR_WRITABLE),
    STRUCTS(struct cpu, xmm, union vec, vec_state),
    CPU(icount_base),
    CPU(force_step),
    CPU(keep_rf),
    CPU(pending),
    DERIVES(mode),
    DERIVES(mmu_idx),
    DERIVES(sp_mask),
    DERIVES(reach),
    DERIVES(tlb_wide),
    DERIVES(sse_checked),
    DERIVES(attention),
    DERIVES(held),
    DERIVES(a20_mask),
    DERIVES(phys_host),
    DERIVES(tlb),
    DERIVES(tlb_lists),
    DERIVES(asked),
    DERIVES(answered),
    RUNS(owner),
    RUNS(sse_live),
    RUNS(sse_host_mxcsr),
    RUNS(budget),
    RUNS(slice),
    RUNS(cur),
    RUNS(block),
    RUNS(unwind),
    RUNS(exc_vector),
    RUNS(exc_has_error),
    RUNS(exc_error),
    RUNS(exc_ext),
    RUNS(delivering),
    RUNS(no_step_trap),
    RUNS(tlb_fills),
    RUNS(tlb_filled),
    RUNS(tlb_epoch),
    CONFIGURE(tlb_strict),
    CONFIGURE(asked_lock),
    CONFIGURE(index),
    CONFIGURE(count),
    CONFIGURE(env),
    CONFIGURE(engine),
    CONFIGURE(engine_data),
    CONFIGURE(translator),
    CONFIGURE(model),
    CONFIGURE(features),
    CONFIGURE(trace),
    CONFIGURE(fp80),
    CONFIGURE(points),
    CONFIGURE(tables_are_code),
    STATE_END,
};

/* ATT_VIRTUAL follows from EFLAGS. */
enum { PENDING = ATT_INTR | ATT_NMI | ATT_INIT | ATT_SIPI | ATT_TRAP | ATT_SHADOW };

void cpu_settle(struct cpu *cpu)
{
    u32 bits = __atomic_load_n(&cpu->attention, __ATOMIC_ACQUIRE) | __atomic_load_n(&cpu->held, __ATOMIC_ACQUIRE);
    cpu->pending = bits & PENDING;
    flags_from_image(cpu, flags_to_image(cpu));
    cpu->gpr[SLOT_T0] = cpu->gpr[SLOT_T1] = 0;
}

static const char *control_contradiction(const struct cpu *cpu)
{
    bool paging = cpu->cr0 & CR0_PG, lma = cpu->efer & EFER_LMA;
    if (cpu->cr0 >> 32 || (paging && !(cpu->cr0 & CR0_PE)))
        return "'cr0' is none that this processor takes";
    if (cpu->cr4 & ~cr4_valid(cpu))
        return "'cr4' has bits that this processor has not";
    if (cpu->cr3 >> cpu->model->phys_bits)
        return "'cr3' lies beyond physical memory";
    if ((cpu->efer & ~efer_valid(cpu)) || lma != (paging && (cpu->efer & EFER_LME)) || (lma && !(cpu->cr4 & CR4_PAE)))
        return "'efer' is none that this processor takes";
    if (!(cpu->xcr0 & 1) || (cpu->xcr0 & ~(xsave_supported(cpu) | 1)))
        return "'xcr0' has bits that this processor has not";
    return NULL;
}

const char *cpu_contradiction(const struct cpu *cpu)
{
    bool long_mode = cpu->efer & EFER_LMA, code64 = long_mode && (cpu->seg[CS].attr & SEG_L);
    if (cpu->gpr[SLOT_ZERO] || cpu->gpr[SLOT_4G] != BIT64(32) || (!code64 && cpu->gpr[SLOT_RIP] >> 32))
        return "'gpr' has what no register of it can hold";
    if ((cpu->eflags & ~(eflags_valid(cpu) | FL_1)) || (cpu->eflags & FL_ARITH))
        return "'eflags' has bits that this processor has not";
    if ((cpu->eflags & FL_VM) && (long_mode || cpu->cpl != 3 || !(cpu->cr0 & CR0_PE)))
        return "'eflags' says V86 mode and nothing else does";
    if (!(cpu->cr0 & CR0_PE) && cpu->cpl)
        return "'cpl' is not 0 in real mode";
    if (cpu->fpu.fsw & 7 << 11)
        return "'fsw' has a top of stack of its own";
    if (cpu->pending & ~(u32)PENDING)
        return "'pending' has events that nobody knows";
    return control_contradiction(cpu);
}

void cpu_restored(struct cpu *cpu)
{
    cpu->delivering = cpu->no_step_trap = false;
    cpu->exc_ext = 0;
    cpu->cur = NULL;
    cpu_clear_attention(cpu, ~(u32)(ATT_EXIT | ATT_REQUEST));
    cpu_raise_attention(cpu, cpu->pending);
    cpu_set_mxcsr(cpu, cpu->mxcsr);
    debug_changed(cpu); /* empties the TLB, too */
}
