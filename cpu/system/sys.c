/*
 * System registers and tables: control and debug registers, GDTR, IDTR, LDTR,
 * TR, what looks at descriptors without loading them (LAR LSL VERR VERW ARPL),
 * INVLPG and INVPCID, XCR0, MSRs' instructions, time-stamp counter. Flags,
 * interrupts and HLT are in sysflags.c; what MSRs hold in msr.c.
 *
 * Handlers check privilege themselves: CPL is not part of a block's key.
 */
#include "cpu/vec/mxcsr.h"
#include "cpu/system/rng.h"
#include "cpu/system/sys.h"
#include "cpu/x87/x87.h"

static void need_cpl0(struct cpu *cpu)
{
    if (cpu->cpl != 0)
        raise_gp(cpu, 0);
}

/* CR4.UMIP: user code may not read where the kernel's tables are. */
static void need_umip(struct cpu *cpu)
{
    if ((cpu->cr4 & CR4_UMIP) && cpu->cpl != 0)
        raise_gp(cpu, 0);
}

static void need_protected(struct cpu *cpu)
{
    if (is_real_like(cpu))
        raise_ud(cpu);
}

/* ---- control registers ---- */

#define CR0_VALID                                                                                                      \
    ((u64)(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD) | (u32)CR0_PG)
#define PG ((u64)(u32)CR0_PG)

bool pdptes_load(struct cpu *cpu, u64 cr3, u64 out[4])
{
    /* bits 1, 2, 5..8 and those above the physical address width */
    u64 reserved = 0x1e6 | ~(BIT64(cpu->model->phys_bits) - 1);
    for (unsigned i = 0; i < 4; i++) {
        out[i] = phys_read(cpu, (cr3 & 0xffffffe0u) + i * 8, 8);
        if ((out[i] & 1) && (out[i] & reserved))
            return false;
    }
    return true;
}

/* Reloads the PDPTEs for the paging those values would switch on; #GP(0) when they are bad. */
static void reload_pdptes(struct cpu *cpu, u64 cr0, u64 cr3, u64 cr4)
{
    u64 pdpte[4];
    if (!(cr0 & PG) || !(cr4 & CR4_PAE) || (cpu->efer & EFER_LME))
        return;
    if (!pdptes_load(cpu, cr3, pdpte))
        raise_gp(cpu, 0);
    memcpy(cpu->pdpte, pdpte, sizeof(pdpte));
}

/* What IA-32e mode wants when paging goes on or off (SDM vol. 3, 10.8.5). */
static void check_paging_switch(struct cpu *cpu, u64 val)
{
    bool on = val & PG;
    bool bad;
    if (on)
        bad = (cpu->efer & EFER_LME) &&
              (!(cpu->cr4 & CR4_PAE) || (cpu->seg[CS].attr & SEG_L) || !(cpu->tr.attr & BIT(3)));
    else
        bad = is_code64(cpu) || (cpu->cr4 & CR4_PCIDE);
    if (bad)
        raise_gp(cpu, 0);
}

void cr0_write(struct cpu *cpu, u64 val)
{
    u64 old = cpu->cr0;
    bool bad = val >> 32 || ((val & PG) && !(val & CR0_PE)) || ((val & CR0_NW) && !(val & CR0_CD));
    if (bad)
        raise_gp(cpu, 0);
    val = (val & CR0_VALID) | CR0_ET;
    if ((val ^ old) & PG)
        check_paging_switch(cpu, val);
    if ((val ^ old) & (PG | CR0_CD | CR0_NW))
        reload_pdptes(cpu, val, cpu->cr3, cpu->cr4);
    cpu->cr0 = val;
    if ((val ^ old) & PG) {
        bool lma = (val & PG) && (cpu->efer & EFER_LME);
        cpu->efer = lma ? cpu->efer | EFER_LMA : cpu->efer & ~(u64)EFER_LMA;
    }
    if ((val ^ old) & (PG | CR0_WP | CR0_PE))
        tlb_flush(cpu, true);
    cpu_update_mode(cpu);
}

void cr3_write(struct cpu *cpu, u64 val)
{
    if (cpu->cr4 & CR4_PCIDE)
        val &= ~BIT64(63); /* "keep this PCID's entries": we may drop them all the same */
    if (is_long(cpu)) {
        if (val >> cpu->model->phys_bits)
            raise_gp(cpu, 0);
    } else {
        val = (u32)val;
        reload_pdptes(cpu, cpu->cr0, val, cpu->cr4);
    }
    cpu->cr3 = val;
    tlb_flush(cpu, false);
}

/* Each CR4 bit with the feature that brings it. */
u64 cr4_valid(const struct cpu *cpu)
{
    static const struct {
        u32 bits;
        enum cpu_feature feature;
    } map[] = {
        {CR4_VME | CR4_PVI, FEAT_VME}, {CR4_TSD, FEAT_TSC},        {CR4_DE, FEAT_DE},     {CR4_PSE, FEAT_PSE},
        {CR4_PAE, FEAT_PAE},           {CR4_MCE, FEAT_MCE},        {CR4_PGE, FEAT_PGE},   {CR4_PCE, FEAT_P6},
        {CR4_OSFXSR, FEAT_FXSR},       {CR4_OSXMMEXCPT, FEAT_SSE}, {CR4_UMIP, FEAT_UMIP}, {CR4_FSGSBASE, FEAT_FSGSBASE},
        {CR4_PCIDE, FEAT_PCID},        {CR4_OSXSAVE, FEAT_XSAVE},  {CR4_SMEP, FEAT_SMEP}, {CR4_SMAP, FEAT_SMAP},
        {CR4_PKE, FEAT_PKU},           {CR4_PKS, FEAT_PKS},
    };
    u64 valid = 0;
    for (unsigned i = 0; i < ARRAY_LEN(map); i++)
        if (cpu_has(cpu, map[i].feature))
            valid |= map[i].bits;
    return valid;
}

void cr4_write(struct cpu *cpu, u64 val)
{
    u64 old = cpu->cr4, changed = val ^ old;
    bool bad = (val & ~cr4_valid(cpu)) || (is_long(cpu) && !(val & CR4_PAE)) ||
               ((val & changed & CR4_PCIDE) && (!is_long(cpu) || (cpu->cr3 & 0xfff)));
    if (bad)
        raise_gp(cpu, 0);
    if (changed & (CR4_PAE | CR4_PSE | CR4_PGE | CR4_SMEP))
        reload_pdptes(cpu, cpu->cr0, cpu->cr3, val);
    cpu->cr4 = val;
    if (changed & (CR4_PAE | CR4_PSE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_PKE | CR4_PKS))
        tlb_flush(cpu, true);
    cpu_update_mode(cpu);
}

static void cr8_write(struct cpu *cpu, u64 val)
{
    if (val >> 4)
        raise_gp(cpu, 0);
    cpu->env->tpr_write(cpu->env->world, cpu, (u8)val);
}

/* #UD for control registers that do not exist. */
static void check_cr(struct cpu *cpu, unsigned n)
{
    bool exists = n == 0 || n == 2 || n == 3 || (n == 4 && cr4_valid(cpu)) || n == 8;
    if (!exists)
        raise_ud(cpu);
    need_cpl0(cpu);
}

/* Control and debug registers move 4 bytes, in 64-bit code 8, whatever the prefixes. */
static unsigned cr_size(const struct cpu *cpu) { return is_code64(cpu) ? 8 : 4; }

static UOP_FN(mov_from_cr)
{
    RAISES(cpu, u);
    check_cr(cpu, u->src);
    u64 v = u->src == 0   ? cpu->cr0
            : u->src == 2 ? cpu->cr2
            : u->src == 3 ? cpu->cr3
            : u->src == 4 ? cpu->cr4
                          : cpu->env->tpr_read(cpu->env->world, cpu);
    reg_set(cpu, u->dst, cr_size(cpu), v);
    NEXT(u);
}

static UOP_FN(mov_to_cr)
{
    RAISES(cpu, u);
    u64 next = uop_next_ip(cpu, u), v = reg_get(cpu, u->src, cr_size(cpu));
    check_cr(cpu, u->dst);
    switch (u->dst) {
    case 0:
        cr0_write(cpu, v);
        break;
    case 2:
        cpu->cr2 = v;
        break;
    case 3:
        cr3_write(cpu, v);
        break;
    case 4:
        cr4_write(cpu, v);
        break;
    default:
        cr8_write(cpu, v);
    }
    return goto_afresh(cpu, u, next);
}

static UOP_FN(clts)
{
    RAISES(cpu, u);
    need_cpl0(cpu);
    u32 mode = cpu->mode;
    cpu->cr0 &= ~(u64)CR0_TS;
    cpu_update_mode(cpu);
    return go_on(cpu, u, mode);
}

static const struct uop *lmsw(struct cpu *cpu, const struct uop *u, u64 v)
{
    need_cpl0(cpu);
    u64 next = uop_next_ip(cpu, u), bits = CR0_PE | CR0_MP | CR0_EM | CR0_TS;
    cr0_write(cpu, (cpu->cr0 & ~(bits & ~(u64)CR0_PE)) | (v & bits)); /* it cannot clear PE */
    return goto_afresh(cpu, u, next);
}
static UOP_FN(lmsw_r)
{
    RAISES(cpu, u);
    return lmsw(cpu, u, reg_get(cpu, u->dst, 2));
}
static UOP_FN(lmsw_m)
{
    RAISES(cpu, u);
    need_cpl0(cpu);
    return lmsw(cpu, u, mem_read(cpu, uop_lin(cpu, u, 2, false), 2));
}

/* ---- debug registers ---- */

/* Which of DR0-3, 6, 7 is meant; 4 and 5 are names of 6 and 7 until CR4.DE makes them #UD. */
static unsigned check_dr(struct cpu *cpu, unsigned n)
{
    if (n > 7 || ((n == 4 || n == 5) && (cpu->cr4 & CR4_DE)))
        raise_ud(cpu);
    need_cpl0(cpu);
    if (cpu->dr[7] & BIT(13)) { /* GD: the access itself is the debug exception */
        debug_set_dr6(cpu, BIT(13));
        cpu_raise(cpu, EXC_DB);
    }
    return n == 4 || n == 5 ? n + 2 : n;
}

static void dr_write(struct cpu *cpu, unsigned n, u64 v)
{
    if (n >= ARRAY_LEN(cpu->dr) || (n >= 6 && v >> 32))
        raise_gp(cpu, 0);
    cpu->dr[n] = n == 6 ? (v & 0xe00f) | 0xffff0ff0u : n == 7 ? (v & 0xffff23ffu) | 0x400 : v;
    if (n != 6)
        debug_changed(cpu);
}

static UOP_FN(mov_from_dr)
{
    RAISES(cpu, u);
    unsigned n = check_dr(cpu, u->src);
    reg_set(cpu, u->dst, cr_size(cpu), cpu->dr[n]);
    NEXT(u);
}

static UOP_FN(mov_to_dr)
{
    RAISES(cpu, u);
    unsigned n = check_dr(cpu, u->dst);
    u64 next = uop_next_ip(cpu, u);
    dr_write(cpu, n, reg_get(cpu, u->src, cr_size(cpu)));
    return goto_afresh(cpu, u, next);
}

/* ---- GDTR, IDTR ---- */

static const struct uop *store_table(struct cpu *cpu, const struct uop *u, const struct dtable *t)
{
    RAISES(cpu, u);
    need_umip(cpu);
    unsigned n = is_code64(cpu) ? 8 : 4; /* the full base, whatever the operand size */
    u64 lin = uop_lin(cpu, u, 2, true), lin2 = uop_lin_off(cpu, u, 2, n, true);
    mem_probe_write(cpu, lin2, n, cpu->mmu_idx);
    mem_write(cpu, lin, t->limit, 2);
    mem_write(cpu, lin2, t->base, n);
    NEXT(u);
}
static UOP_FN(sgdt) { return store_table(cpu, u, &cpu->gdtr); }
static UOP_FN(sidt) { return store_table(cpu, u, &cpu->idtr); }

static const struct uop *load_table(struct cpu *cpu, const struct uop *u, struct dtable *t)
{
    RAISES(cpu, u);
    need_cpl0(cpu);
    unsigned n = is_code64(cpu) ? 8 : 4;
    u16 limit = (u16)mem_read(cpu, uop_lin(cpu, u, 2, false), 2);
    u64 base = mem_read(cpu, uop_lin_off(cpu, u, 2, n, false), n);
    if (n == 8 && !is_canonical(base))
        raise_gp(cpu, 0);
    if (n == 4 && u->size == 2)
        base &= 0xffffff;
    *t = (struct dtable){limit, base};
    NEXT(u);
}
static UOP_FN(lgdt) { return load_table(cpu, u, &cpu->gdtr); }
static UOP_FN(lidt) { return load_table(cpu, u, &cpu->idtr); }

/* ---- LDTR, TR ---- */

/* SLDT, STR, SMSW: 16 bits to memory, to a register as wide as it is. */
static const struct uop *store_word_m(struct cpu *cpu, const struct uop *u, u64 v)
{
    need_umip(cpu);
    mem_write(cpu, uop_lin(cpu, u, 2, true), v, 2);
    NEXT(u);
}
static const struct uop *store_word_r(struct cpu *cpu, const struct uop *u, u64 v)
{
    need_umip(cpu);
    reg_set(cpu, u->dst, u->size, v);
    NEXT(u);
}
static UOP_FN(sldt_r)
{
    RAISES(cpu, u);
    need_protected(cpu);
    return store_word_r(cpu, u, cpu->ldtr.sel);
}
static UOP_FN(sldt_m)
{
    RAISES(cpu, u);
    need_protected(cpu);
    return store_word_m(cpu, u, cpu->ldtr.sel);
}
static UOP_FN(str_r)
{
    RAISES(cpu, u);
    need_protected(cpu);
    return store_word_r(cpu, u, cpu->tr.sel);
}
static UOP_FN(str_m)
{
    RAISES(cpu, u);
    need_protected(cpu);
    return store_word_m(cpu, u, cpu->tr.sel);
}
static UOP_FN(smsw_r)
{
    RAISES(cpu, u);
    return store_word_r(cpu, u, cpu->cr0);
}
static UOP_FN(smsw_m)
{
    RAISES(cpu, u);
    return store_word_m(cpu, u, cpu->cr0);
}

/* A system segment for LLDT and LTR, which must be in the GDT. */
static struct seg system_segment(struct cpu *cpu, u16 sel, u32 types, struct desc *d)
{
    if (sel & 4)
        raise_sel(cpu, EXC_GP, sel);
    desc_fetch(cpu, sel, EXC_GP, d);
    if (desc_is_seg(d) || !(types >> desc_type(d) & 1))
        raise_sel(cpu, EXC_GP, sel);
    struct seg s = seg_of(sel, d);
    if (is_code64(cpu)) /* compatibility mode still reads 8 bytes */
        s.base |= desc_base_high(cpu, d, sel, EXC_GP);
    if (!desc_present(d))
        raise_sel(cpu, EXC_NP, sel);
    if (!is_canonical(s.base))
        raise_sel(cpu, EXC_GP, sel);
    return s;
}

static const struct uop *lldt(struct cpu *cpu, const struct uop *u, u16 sel)
{
    struct desc d;
    cpu->ldtr = sel & 0xfffc ? system_segment(cpu, sel, BIT(SYS_LDT), &d) : seg_null(sel);
    NEXT(u);
}
static const struct uop *ltr(struct cpu *cpu, const struct uop *u, u16 sel)
{
    struct desc d;
    if (!(sel & 0xfffc))
        raise_gp(cpu, 0);
    u32 types = is_long(cpu) ? BIT(SYS_TSS32) : BIT(SYS_TSS16) | BIT(SYS_TSS32);
    struct seg tr = system_segment(cpu, sel, types, &d);
    desc_set_busy(cpu, &d, true);
    cpu->tr = tr;
    cpu->tr.attr |= SYS_BUSY;
    NEXT(u);
}
/* The order of the manual: #UD for the mode, #GP for privilege, then the operand. */
static u16 table_selector(struct cpu *cpu, const struct uop *u)
{
    RAISES(cpu, u);
    need_protected(cpu);
    need_cpl0(cpu);
    return (u16)(u->form == FORM_R ? reg_get(cpu, u->dst, 2) : mem_read(cpu, uop_lin(cpu, u, 2, false), 2));
}
static UOP_FN(lldt_any) { return lldt(cpu, u, table_selector(cpu, u)); }
static UOP_FN(ltr_any) { return ltr(cpu, u, table_selector(cpu, u)); }

/* ---- looking at descriptors ---- */

/* The selector operand of LAR LSL (source) and VERR VERW (first). */
static u16 looked_at(struct cpu *cpu, const struct uop *u)
{
    RAISES(cpu, u);
    need_protected(cpu);
    if (u->form == FORM_RM || u->form == FORM_M)
        return (u16)mem_read(cpu, uop_lin(cpu, u, 2, false), 2);
    return (u16)reg_get(cpu, u->form == FORM_RR ? u->src : u->dst, 2);
}

/* A descriptor this code may know of, or false. system_types: those a system descriptor may have. */
static bool may_look(struct cpu *cpu, u16 sel, u32 system_types, struct desc *d)
{
    if (!(sel & 0xfffc) || !desc_read(cpu, sel, d))
        return false;
    if (!desc_is_seg(d) && !(system_types >> desc_type(d) & 1))
        return false;
    return desc_is_conforming(d) || desc_dpl(d) >= MAX(cpu->cpl, sel & 3u);
}

static UOP_FN(lar)
{
    struct desc d;
    u16 sel = looked_at(cpu, u);
    u32 types = is_long(cpu) ? BIT(2) | BIT(9) | BIT(11) | BIT(12)
                             : BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(9) | BIT(11) | BIT(12);
    bool ok = may_look(cpu, sel, types, &d);
    if (ok)
        reg_set(cpu, u->dst, u->size, d.hi & 0x00ffff00u & (u->size == 2 ? 0xffffu : ~0u));
    flag_set_zf(cpu, ok);
    NEXT(u);
}

static UOP_FN(lsl)
{
    struct desc d;
    u16 sel = looked_at(cpu, u);
    u32 types = is_long(cpu) ? BIT(2) | BIT(9) | BIT(11) : BIT(1) | BIT(2) | BIT(3) | BIT(9) | BIT(11);
    bool ok = may_look(cpu, sel, types, &d);
    if (ok)
        reg_set(cpu, u->dst, u->size, desc_limit(&d));
    flag_set_zf(cpu, ok);
    NEXT(u);
}

static UOP_FN(verr)
{
    struct desc d;
    bool ok = may_look(cpu, looked_at(cpu, u), 0, &d) && (!desc_is_code(&d) || (desc_attr(&d) & SEG_R));
    flag_set_zf(cpu, ok);
    NEXT(u);
}

static UOP_FN(verw)
{
    struct desc d;
    bool ok = may_look(cpu, looked_at(cpu, u), 0, &d) && desc_is_stack(&d);
    flag_set_zf(cpu, ok);
    NEXT(u);
}

static UOP_FN(arpl_r)
{
    RAISES(cpu, u);
    need_protected(cpu);
    u64 dst = reg_get(cpu, u->dst, 2), rpl = reg_get(cpu, u->src, 2) & 3;
    bool raise = (dst & 3) < rpl;
    if (raise)
        reg_set(cpu, u->dst, 2, (dst & ~3ull) | rpl);
    flag_set_zf(cpu, raise);
    NEXT(u);
}
static UOP_FN(arpl_m)
{
    RAISES(cpu, u);
    need_protected(cpu);
    u64 v = mem_read(cpu, uop_lin(cpu, u, 2, false), 2), rpl = reg_get(cpu, u->src, 2) & 3;
    bool raise = (v & 3) < rpl;
    if (raise)
        mem_write(cpu, uop_lin(cpu, u, 2, true), (v & ~3ull) | rpl, 2);
    flag_set_zf(cpu, raise);
    NEXT(u);
}

/* ---- TLB and caches ---- */

static UOP_FN(invlpg)
{
    RAISES(cpu, u);
    need_cpl0(cpu);
    u64 next = uop_next_ip(cpu, u), ea = uop_ea(cpu, u);
    u64 lin = is_code64(cpu) ? ea + (u->seg >= FS ? cpu->seg[u->seg].base : 0) : (u32)(cpu->seg[u->seg].base + ea);
    tlb_flush_page(cpu, lin);
    return goto_afresh(cpu, u, next);
}

static UOP_FN(invpcid)
{
    RAISES(cpu, u);
    need_cpl0(cpu);
    u64 next = uop_next_ip(cpu, u), type = reg_get(cpu, u->dst, is_code64(cpu) ? 8 : 4);
    if (is_v86(cpu))
        raise_gp(cpu, 0);
    u64 pcid = mem_read(cpu, uop_lin(cpu, u, 8, false), 8);
    u64 lin = mem_read(cpu, uop_lin_off(cpu, u, 8, 8, false), 8);
    bool bad = type > 3 || (type < 2 && ((pcid >> 12) || (pcid && !(cpu->cr4 & CR4_PCIDE)))) ||
               (type == 0 && !is_canonical(lin));
    if (bad)
        raise_gp(cpu, 0);
    bool current = pcid == (cpu->cr4 & CR4_PCIDE ? cpu->cr3 & 0xfff : 0);
    if (type == 0 && current)
        tlb_flush_page(cpu, lin);
    else if (type == 2)
        tlb_flush(cpu, true);
    else if (type == 3 || (type == 1 && current))
        tlb_flush(cpu, false);
    return goto_afresh(cpu, u, next);
}

/* WBINVD and INVD: there is no cache to write back. */
static UOP_FN(wbinvd)
{
    RAISES(cpu, u);
    need_cpl0(cpu);
    NEXT(u);
}

static UOP_FN(clflush)
{
    mem_probe_read(cpu, uop_lin(cpu, u, 1, false), cpu->mmu_idx);
    NEXT(u);
}

/* One CPU runs at a time and none reorders: nothing to wait for. */
/* The whole line that rAX points into. */
static UOP_FN(clzero)
{
    static const u8 zeros[64];
    RAISES(cpu, u);
    u64 lin = seg_lin(cpu, u->seg, reg_get(cpu, RAX, u->asize), 1, true);
    mem_write_bytes(cpu, lin & ~63ull, zeros, sizeof(zeros), cpu->mmu_idx);
    NEXT(u);
}
static UOP_FN(fence)
{
    (void)cpu;
    NEXT(u);
}

/* ---- XCR0, MSRs, counters, CPUID ---- */

static u64 edx_eax(const struct cpu *cpu) { return cpu->gpr[RDX] << 32 | (u32)cpu->gpr[RAX]; }
static void set_edx_eax(struct cpu *cpu, u64 v)
{
    cpu->gpr[RAX] = (u32)v;
    cpu->gpr[RDX] = v >> 32;
}

static UOP_FN(xgetbv)
{
    RAISES(cpu, u);
    if (!(cpu->cr4 & CR4_OSXSAVE))
        raise_ud(cpu);
    u32 n = (u32)cpu->gpr[RCX];
    if (n > 1 || (n == 1 && !cpu_has(cpu, FEAT_XGETBV1)))
        raise_gp(cpu, 0);
    set_edx_eax(cpu, n ? cpu->xcr0 & xsave_inuse(cpu) : cpu->xcr0);
    NEXT(u);
}

static void xcr0_write(struct cpu *cpu, u64 v)
{
    if ((v & ~xsave_supported(cpu)) || !(v & 1) || (v & 6) == 4)
        raise_gp(cpu, 0);
    cpu->xcr0 = v;
    cpu_update_mode(cpu);
}

static UOP_FN(xsetbv)
{
    RAISES(cpu, u);
    if (!(cpu->cr4 & CR4_OSXSAVE))
        raise_ud(cpu);
    u64 next = uop_next_ip(cpu, u);
    need_cpl0(cpu);
    if ((u32)cpu->gpr[RCX] != 0)
        raise_gp(cpu, 0);
    xcr0_write(cpu, edx_eax(cpu));
    return goto_afresh(cpu, u, next);
}

static UOP_FN(rdmsr)
{
    u64 v;
    RAISES(cpu, u);
    need_cpl0(cpu);
    if (!msr_read(cpu, (u32)cpu->gpr[RCX], &v)) {
        trace(cpu->trace, guest_errors, "RDMSR %08x", (u32)cpu->gpr[RCX]);
        raise_gp(cpu, 0);
    }
    set_edx_eax(cpu, v);
    NEXT(u);
}

static UOP_FN(wrmsr)
{
    RAISES(cpu, u);
    need_cpl0(cpu);
    u32 mode = cpu->mode;
    if (!msr_write(cpu, (u32)cpu->gpr[RCX], edx_eax(cpu))) {
        trace(cpu->trace, guest_errors, "WRMSR %08x = %llx", (u32)cpu->gpr[RCX], (unsigned long long)edx_eax(cpu));
        raise_gp(cpu, 0);
    }
    return go_on(cpu, u, mode);
}

u64 tsc_read(struct cpu *cpu) { return cpu->env->tsc(cpu->env->world, cpu) + cpu->tsc_offset; }

static void need_tsc(struct cpu *cpu)
{
    if ((cpu->cr4 & CR4_TSD) && cpu->cpl != 0)
        raise_gp(cpu, 0);
}
static UOP_FN(rdtsc)
{
    RAISES(cpu, u);
    need_tsc(cpu);
    set_edx_eax(cpu, tsc_read(cpu));
    NEXT(u);
}
static UOP_FN(rdtscp)
{
    RAISES(cpu, u);
    need_tsc(cpu);
    set_edx_eax(cpu, tsc_read(cpu));
    cpu->gpr[RCX] = (u32)cpu->tsc_aux;
    NEXT(u);
}
static UOP_FN(rdpmc)
{
    RAISES(cpu, u);
    if (cpu->cpl != 0 && !(cpu->cr4 & CR4_PCE))
        raise_gp(cpu, 0);
    if ((u32)cpu->gpr[RCX] > 1) /* two counters, as the P6 has, that never count */
        raise_gp(cpu, 0);
    set_edx_eax(cpu, 0);
    NEXT(u);
}
static UOP_FN(rdpid)
{
    reg_set(cpu, u->dst, is_code64(cpu) ? 8 : 4, cpu->tsc_aux);
    NEXT(u);
}

static UOP_FN(cpuid_op)
{
    u32 out[4];
    cpu->cur = u; /* it asks the world for the APIC base */
    cpuid(cpu, (u32)cpu->gpr[RAX], (u32)cpu->gpr[RCX], out);
    cpu->gpr[RAX] = out[0];
    cpu->gpr[RBX] = out[1];
    cpu->gpr[RCX] = out[2];
    cpu->gpr[RDX] = out[3];
    NEXT(u);
}

static UOP_FN(rdrand)
{
    reg_set(cpu, u->dst, u->size, rng_next(&cpu->rng));
    flags_from_image(cpu, FL_CF);
    NEXT(u);
}

/* ---- the same for debuggers ---- */

static void control_write(struct cpu *cpu, unsigned which, u64 val)
{
    switch (which) {
    case CONTROL_CR0:
        cr0_write(cpu, val);
        break;
    case CONTROL_CR2:
        cpu->cr2 = val;
        break;
    case CONTROL_CR3:
        cr3_write(cpu, val);
        break;
    case CONTROL_CR4:
        cr4_write(cpu, val);
        break;
    case CONTROL_CR8:
        cr8_write(cpu, val);
        break;
    case CONTROL_EFER:
        if (!efer_write(cpu, val))
            raise_gp(cpu, 0);
        break;
    case CONTROL_XCR0:
        xcr0_write(cpu, val);
        break;
    case CONTROL_PKRU:
        pkru_write(cpu, (u32)val);
        break;
    case CONTROL_MXCSR:
        if (val & ~(u64)MXCSR_WRITABLE)
            raise_gp(cpu, 0);
        cpu_set_mxcsr(cpu, (u32)val);
        break;
    case CONTROL_FCW:
        x87_load_fcw(cpu, (u16)val);
        break;
    default:
        dr_write(cpu, which - CONTROL_DR0, val);
    }
}

bool cpu_control_write(struct cpu *cpu, unsigned which, u64 val)
{
    const struct uop *cur = cpu->cur;
    jmp_buf unwind;
    memcpy(&unwind, &cpu->unwind, sizeof(unwind));
    cpu->cur = NULL;
    bool ok = _setjmp(cpu->unwind) == 0;
    if (ok)
        control_write(cpu, which, val);
    memcpy(&cpu->unwind, &unwind, sizeof(unwind));
    cpu->cur = cur;
    return ok;
}

const struct uop_table uop_mov_from_cr = {{[FORM_RR] = ANY_SIZE(mov_from_cr)}};
const struct uop_table uop_mov_to_cr = {{[FORM_RR] = ANY_SIZE(mov_to_cr)}};
const struct uop_table uop_mov_from_dr = {{[FORM_RR] = ANY_SIZE(mov_from_dr)}};
const struct uop_table uop_mov_to_dr = {{[FORM_RR] = ANY_SIZE(mov_to_dr)}};
const struct uop_table uop_clts = {{[FORM_0] = ANY_SIZE(clts)}};
const struct uop_table uop_lmsw = {{[FORM_R] = ANY_SIZE(lmsw_r), [FORM_M] = ANY_SIZE(lmsw_m)}};
const struct uop_table uop_smsw = {{[FORM_R] = ANY_SIZE(smsw_r), [FORM_M] = ANY_SIZE(smsw_m)}};
const struct uop_table uop_sgdt = {{[FORM_M] = ANY_SIZE(sgdt)}};
const struct uop_table uop_sidt = {{[FORM_M] = ANY_SIZE(sidt)}};
const struct uop_table uop_lgdt = {{[FORM_M] = ANY_SIZE(lgdt)}};
const struct uop_table uop_lidt = {{[FORM_M] = ANY_SIZE(lidt)}};
const struct uop_table uop_sldt = {{[FORM_R] = ANY_SIZE(sldt_r), [FORM_M] = ANY_SIZE(sldt_m)}};
const struct uop_table uop_str = {{[FORM_R] = ANY_SIZE(str_r), [FORM_M] = ANY_SIZE(str_m)}};
const struct uop_table uop_lldt = {{[FORM_R] = ANY_SIZE(lldt_any), [FORM_M] = ANY_SIZE(lldt_any)}};
const struct uop_table uop_ltr = {{[FORM_R] = ANY_SIZE(ltr_any), [FORM_M] = ANY_SIZE(ltr_any)}};
const struct uop_table uop_lar = {{[FORM_RR] = ANY_SIZE(lar), [FORM_RM] = ANY_SIZE(lar)}};
const struct uop_table uop_lsl = {{[FORM_RR] = ANY_SIZE(lsl), [FORM_RM] = ANY_SIZE(lsl)}};
const struct uop_table uop_verr = {{[FORM_R] = ANY_SIZE(verr), [FORM_M] = ANY_SIZE(verr)}};
const struct uop_table uop_verw = {{[FORM_R] = ANY_SIZE(verw), [FORM_M] = ANY_SIZE(verw)}};
const struct uop_table uop_arpl = {{[FORM_RR] = ANY_SIZE(arpl_r), [FORM_MR] = ANY_SIZE(arpl_m)}};
const struct uop_table uop_invlpg = {{[FORM_M] = ANY_SIZE(invlpg)}};
const struct uop_table uop_invpcid = {{[FORM_RM] = ANY_SIZE(invpcid)}};
const struct uop_table uop_wbinvd = {{[FORM_0] = ANY_SIZE(wbinvd)}};
const struct uop_table uop_clflush = {{[FORM_M] = ANY_SIZE(clflush)}};
const struct uop_table uop_clzero = {{[FORM_0] = ANY_SIZE(clzero)}};
const struct uop_table uop_fence = {{[FORM_0] = ANY_SIZE(fence), [FORM_R] = ANY_SIZE(fence)}};
const struct uop_table uop_xgetbv = {{[FORM_0] = ANY_SIZE(xgetbv)}};
const struct uop_table uop_xsetbv = {{[FORM_0] = ANY_SIZE(xsetbv)}};
const struct uop_table uop_rdmsr = {{[FORM_0] = ANY_SIZE(rdmsr)}};
const struct uop_table uop_wrmsr = {{[FORM_0] = ANY_SIZE(wrmsr)}};
const struct uop_table uop_rdtsc = {{[FORM_0] = ANY_SIZE(rdtsc)}};
const struct uop_table uop_rdtscp = {{[FORM_0] = ANY_SIZE(rdtscp)}};
const struct uop_table uop_rdpmc = {{[FORM_0] = ANY_SIZE(rdpmc)}};
const struct uop_table uop_rdpid = {{[FORM_R] = ANY_SIZE(rdpid)}};
const struct uop_table uop_cpuid = {{[FORM_0] = ANY_SIZE(cpuid_op)}};
const struct uop_table uop_rdrand = {{[FORM_R] = ANY_SIZE(rdrand)}};
