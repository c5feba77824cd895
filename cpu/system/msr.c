/*
 * Model-specific registers: the architectural ones, and what Linux and
 * firmware read to recognise a platform. One that is not here does not exist:
 * #GP(0). APIC base, x2APIC and the TSC deadline belong to the machine and are
 * asked for through env.
 */
#include "cpu/system/sys.h"

enum msr_number {
    MSR_P5_MC_ADDR = 0x0,
    MSR_P5_MC_TYPE = 0x1,
    MSR_TSC = 0x10,
    MSR_PLATFORM_ID = 0x17,
    MSR_APIC_BASE = 0x1b,
    MSR_EBL_CR_POWERON = 0x2a,
    MSR_FEATURE_CONTROL = 0x3a,
    MSR_BIOS_UPDT_TRIG = 0x79,
    MSR_BIOS_SIGN_ID = 0x8b,
    MSR_PERFCTR0 = 0xc1,
    MSR_PERFCTR1 = 0xc2,
    MSR_PLATFORM_INFO = 0xce,
    MSR_MTRRCAP = 0xfe,
    MSR_BBL_CR_CTL3 = 0x11e,
    MSR_SYSENTER_CS = 0x174,
    MSR_SYSENTER_ESP = 0x175,
    MSR_SYSENTER_EIP = 0x176,
    MSR_MCG_CAP = 0x179,
    MSR_MCG_STATUS = 0x17a,
    MSR_MCG_CTL = 0x17b,
    MSR_EVNTSEL0 = 0x186,
    MSR_EVNTSEL1 = 0x187,
    MSR_PERF_STATUS = 0x198,
    MSR_PERF_CTL = 0x199,
    MSR_THERM_INTERRUPT = 0x19b,
    MSR_THERM_STATUS = 0x19c,
    MSR_MISC_ENABLE = 0x1a0,
    MSR_DEBUGCTL = 0x1d9,
    MSR_LASTBRANCH_FROM = 0x1db,
    MSR_LASTINT_TO = 0x1de,
    MSR_MTRR_BASE0 = 0x200,
    MSR_MTRR_LAST = 0x20f,
    MSR_MTRR_FIX64K = 0x250,
    MSR_MTRR_FIX16K = 0x258,
    MSR_MTRR_FIX16K_A = 0x259,
    MSR_MTRR_FIX4K = 0x268,
    MSR_MTRR_FIX4K_LAST = 0x26f,
    MSR_PAT = 0x277,
    MSR_MTRR_DEF_TYPE = 0x2ff,
    MSR_MC0_CTL = 0x400,
    MSR_TSC_DEADLINE = 0x6e0,
    MSR_PKRS = 0x6e1,
    MSR_X2APIC = 0x800,
    MSR_X2APIC_LAST = 0x8ff,
};
enum msr_number_high {
    MSR_EFER = (int)0xc0000080u,
    MSR_STAR = (int)0xc0000081u,
    MSR_LSTAR = (int)0xc0000082u,
    MSR_CSTAR = (int)0xc0000083u,
    MSR_SFMASK = (int)0xc0000084u,
    MSR_FS_BASE = (int)0xc0000100u,
    MSR_GS_BASE = (int)0xc0000101u,
    MSR_KERNEL_GS_BASE = (int)0xc0000102u,
    MSR_TSC_AUX = (int)0xc0000103u,
    MSR_K7_EVNTSEL0 = (int)0xc0010000u,
    MSR_K7_PERFCTR3 = (int)0xc0010007u,
    MSR_AMD_SYSCFG = (int)0xc0010010u,
    MSR_AMD_HWCR = (int)0xc0010015u,
    MSR_AMD_NB_CFG = (int)0xc001001fu,
    MSR_AMD_PATCH_LOADER = (int)0xc0010020u,
    MSR_AMD_INT_PENDING = (int)0xc0010055u,
    MSR_AMD_DC_CFG = (int)0xc0011022u,
    MSR_AMD_DE_CFG = (int)0xc0011029u,
};
enum { MC_BANKS = 4, MTRR_PAIRS = 8 };
enum { MISC_FAST_STRINGS = BIT(0), MISC_BTS_ABSENT = BIT(11), MISC_PEBS_ABSENT = BIT(12), MISC_MONITOR = BIT(18) };
/* Fast strings, thermal control, SpeedStep, MONITOR, CPUID limit, xTPR, XD disable. */
#define MISC_WRITABLE (BIT64(0) | BIT64(3) | BIT64(16) | BIT64(18) | BIT64(22) | BIT64(23) | BIT64(34))
#define MCG_CAP_VALUE (MC_BANKS | 0x100u)            /* MCG_CTL_P */
#define MTRRCAP_VALUE (MTRR_PAIRS | 0x100u | 0x400u) /* fixed ranges, write combining */

void msr_reset(struct cpu *cpu)
{
    cpu->star = cpu->lstar = cpu->cstar = cpu->sfmask = cpu->kernel_gs_base = cpu->tsc_aux = 0;
    cpu->sysenter_cs = cpu->sysenter_esp = cpu->sysenter_eip = 0;
    cpu->pat = 0x0007040600070406ull;
    cpu->mtrr_def = 0;
    memset(cpu->mtrr_fixed, 0, sizeof(cpu->mtrr_fixed));
    memset(cpu->mtrr_base, 0, sizeof(cpu->mtrr_base));
    memset(cpu->mtrr_mask, 0, sizeof(cpu->mtrr_mask));
    cpu->misc_enable =
        MISC_FAST_STRINGS | MISC_BTS_ABSENT | MISC_PEBS_ABSENT | (cpu_has(cpu, FEAT_MONITOR) ? (u32)MISC_MONITOR : 0);
    cpu->mcg_status = 0;
    cpu->mcg_ctl = ~0ull;
    memset(cpu->mc_bank, 0, sizeof(cpu->mc_bank));
    cpu->tsc_offset = 0;
    cpu->debugctl = 0;
    cpu->ucode_rev = 0;
}

/* ---- checks of values ---- */

static bool memory_type_ok(u64 t, bool pat) { return t == 0 || t == 1 || (t >= 4 && t <= 6) || (pat && t == 7); }

static bool all_types_ok(u64 v, bool pat)
{
    for (unsigned i = 0; i < 8; i++)
        if (!memory_type_ok(v >> (8 * i) & 0xff, pat))
            return false;
    return true;
}

static bool set(u64 *reg, u64 val)
{
    *reg = val;
    return true;
}
static bool set_canonical(u64 *reg, u64 val) { return is_canonical(val) && set(reg, val); }

u64 efer_valid(const struct cpu *cpu)
{
    return (cpu_has(cpu, FEAT_SYSCALL) ? EFER_SCE : 0) | (cpu_has(cpu, FEAT_LM) ? EFER_LME | EFER_LMA : 0) |
           (cpu_has(cpu, FEAT_NX) ? EFER_NXE : 0);
}

bool efer_write(struct cpu *cpu, u64 val)
{
    bool bad = (val & ~efer_valid(cpu)) || (((val ^ cpu->efer) & EFER_LME) && (cpu->cr0 & CR0_PG));
    if (bad)
        return false;
    u64 old = cpu->efer;
    cpu->efer = (val & ~(u64)EFER_LMA) | (old & EFER_LMA);
    if ((old ^ val) & EFER_NXE)
        tlb_flush(cpu, true);
    cpu_update_mode(cpu);
    return true;
}

/* ---- MTRRs: kept and checked; memory types mean nothing where there are no caches ---- */

/* The register behind a variable or fixed range MSR, or NULL. */
static u64 *mtrr_register(struct cpu *cpu, u32 msr)
{
    if (msr >= MSR_MTRR_BASE0 && msr <= MSR_MTRR_LAST) {
        unsigned i = (msr - MSR_MTRR_BASE0) / 2;
        return msr & 1 ? &cpu->mtrr_mask[i] : &cpu->mtrr_base[i];
    }
    if (msr == MSR_MTRR_FIX64K)
        return &cpu->mtrr_fixed[0];
    if (msr == MSR_MTRR_FIX16K || msr == MSR_MTRR_FIX16K_A)
        return &cpu->mtrr_fixed[1 + msr - MSR_MTRR_FIX16K];
    if (msr >= MSR_MTRR_FIX4K && msr <= MSR_MTRR_FIX4K_LAST)
        return &cpu->mtrr_fixed[3 + msr - MSR_MTRR_FIX4K];
    return NULL;
}

static bool mtrr_value_ok(const struct cpu *cpu, u32 msr, u64 val)
{
    u64 above = ~(BIT64(cpu->model->phys_bits) - 1);
    if (msr > MSR_MTRR_LAST)
        return all_types_ok(val, false);
    if (msr & 1)
        return !(val & (above | 0x7ff));
    return !(val & (above | 0xf00)) && memory_type_ok(val & 0xff, false);
}

static bool mtrr_access(struct cpu *cpu, u32 msr, u64 *val, bool write)
{
    if (!cpu_has(cpu, FEAT_MTRR))
        return false;
    if (msr == MSR_MTRRCAP && !write)
        return set(val, MTRRCAP_VALUE);
    if (msr == MSR_MTRR_DEF_TYPE) {
        if (!write)
            return set(val, cpu->mtrr_def);
        return !(*val & ~0xcffull) && memory_type_ok(*val & 0xff, false) && set(&cpu->mtrr_def, *val);
    }
    u64 *reg = mtrr_register(cpu, msr);
    if (!reg)
        return false;
    if (!write)
        return set(val, *reg);
    return mtrr_value_ok(cpu, msr, *val) && set(reg, *val);
}

static bool is_mtrr(u32 msr)
{
    return (msr >= MSR_MTRR_BASE0 && msr <= MSR_MTRR_FIX4K_LAST) || msr == MSR_MTRRCAP || msr == MSR_MTRR_DEF_TYPE;
}

/* ---- machine check ---- */

static bool is_machine_check(u32 msr)
{
    return (msr >= MSR_MCG_CAP && msr <= MSR_MCG_CTL) || (msr >= MSR_MC0_CTL && msr < MSR_MC0_CTL + 4 * MC_BANKS);
}

static bool mc_access(struct cpu *cpu, u32 msr, u64 *val, bool write)
{
    if (!cpu_has(cpu, FEAT_MCA))
        return false;
    if (msr == MSR_MCG_CAP)
        return !write && set(val, MCG_CAP_VALUE);
    u64 *reg = msr == MSR_MCG_STATUS ? &cpu->mcg_status
               : msr == MSR_MCG_CTL  ? &cpu->mcg_ctl
                                     : &cpu->mc_bank[(msr - MSR_MC0_CTL) / 4][(msr - MSR_MC0_CTL) % 4];
    if (!write)
        return set(val, *reg);
    bool bank = msr >= MSR_MC0_CTL, ctl = bank && (msr - MSR_MC0_CTL) % 4 == 0;
    if (ctl) /* all or nothing, but for the two bits Linux may leave out */
        return (!*val || (*val | BIT(10) | 1) == ~0ull) && set(reg, *val);
    bool status = bank && (msr - MSR_MC0_CTL) % 4 == 1;
    return !(status && *val) && set(reg, *val); /* STATUS can only be cleared */
}

/* ---- who has which ---- */

static bool is_env_msr(u32 msr)
{
    return msr == MSR_APIC_BASE || msr == MSR_TSC_DEADLINE || (msr >= MSR_X2APIC && msr <= MSR_X2APIC_LAST);
}

/* Registers that are plain storage with a feature before them. NULL: not one of those. */
static u64 *plain_register(struct cpu *cpu, u32 msr)
{
    bool lm = cpu_has(cpu, FEAT_LM), sep = cpu_has(cpu, FEAT_SEP);
    switch (msr) {
    case MSR_SYSENTER_CS:
        return sep ? &cpu->sysenter_cs : NULL;
    case MSR_SYSENTER_ESP:
        return sep ? &cpu->sysenter_esp : NULL;
    case MSR_SYSENTER_EIP:
        return sep ? &cpu->sysenter_eip : NULL;
    case (u32)MSR_STAR:
        return cpu_has(cpu, FEAT_SYSCALL) ? &cpu->star : NULL;
    case (u32)MSR_LSTAR:
        return lm ? &cpu->lstar : NULL;
    case (u32)MSR_CSTAR:
        return lm ? &cpu->cstar : NULL;
    case (u32)MSR_SFMASK:
        return lm ? &cpu->sfmask : NULL;
    case (u32)MSR_FS_BASE:
        return lm ? &cpu->seg[FS].base : NULL;
    case (u32)MSR_GS_BASE:
        return lm ? &cpu->seg[GS].base : NULL;
    case (u32)MSR_KERNEL_GS_BASE:
        return lm ? &cpu->kernel_gs_base : NULL;
    case (u32)MSR_TSC_AUX:
        return cpu_has(cpu, FEAT_RDTSCP) || cpu_has(cpu, FEAT_RDPID) ? &cpu->tsc_aux : NULL;
    case MSR_PAT:
        return cpu_has(cpu, FEAT_PAT) ? &cpu->pat : NULL;
    case MSR_MISC_ENABLE:
        return cpu_has(cpu, FEAT_P6) ? &cpu->misc_enable : NULL;
    case MSR_DEBUGCTL:
        return cpu_has(cpu, FEAT_P6) ? &cpu->debugctl : NULL;
    case MSR_BIOS_SIGN_ID:
        return cpu_has(cpu, FEAT_P6) ? &cpu->ucode_rev : NULL;
    default:
        return NULL;
    }
}

static bool plain_write(struct cpu *cpu, u32 msr, u64 *reg, u64 val)
{
    switch (msr) {
    case MSR_SYSENTER_CS:
        return set(reg, (u32)val);
    case (u32)MSR_STAR:
        return set(reg, val);
    case (u32)MSR_SFMASK:
    case (u32)MSR_TSC_AUX:
        return !(val >> 32) && set(reg, val);
    case MSR_PAT:
        return all_types_ok(val, true) && set(reg, val);
    case MSR_MISC_ENABLE:
        return set(reg, (*reg & ~MISC_WRITABLE) | (val & MISC_WRITABLE));
    case MSR_DEBUGCTL:
        return set(reg, val & 3); /* LBR and BTF are accepted; no branch is recorded */
    case MSR_BIOS_SIGN_ID:
        return true; /* software writes 0 before CPUID; the revision is ours */
    case MSR_SYSENTER_ESP:
    case MSR_SYSENTER_EIP:
        return cpu_has(cpu, FEAT_LM) ? set_canonical(reg, val) : set(reg, (u32)val);
    default:
        return set_canonical(reg, val);
    }
}

/* What a platform of that vendor has and software only looks at. */
static bool platform_read(const struct cpu *cpu, u32 msr, u64 *val)
{
    bool p6 = cpu_has(cpu, FEAT_P6) && !is_amd(cpu);
    switch (msr) {
    case MSR_P5_MC_ADDR:
    case MSR_P5_MC_TYPE:
        return cpu_has(cpu, FEAT_MCE) && set(val, 0);
    case MSR_PLATFORM_ID:
    case MSR_EBL_CR_POWERON:
    case MSR_PERFCTR0:
    case MSR_PERFCTR1:
    case MSR_EVNTSEL0:
    case MSR_EVNTSEL1:
    case MSR_BBL_CR_CTL3:
    case MSR_THERM_INTERRUPT:
    case MSR_THERM_STATUS:
        return p6 && set(val, 0);
    case MSR_FEATURE_CONTROL:
        return p6 && set(val, 1); /* locked, nothing on */
    case MSR_PLATFORM_INFO:
        return p6 && cpu_has(cpu, FEAT_LM) && set(val, 0);
    case MSR_PERF_STATUS:
    case MSR_PERF_CTL:
        return p6 && set(val, 0x0000100000001000ull);
    case (u32)MSR_AMD_SYSCFG:
    case (u32)MSR_AMD_NB_CFG:
    case (u32)MSR_AMD_INT_PENDING:
    case (u32)MSR_AMD_DC_CFG:
        return is_amd(cpu) && set(val, 0);
    case (u32)MSR_AMD_HWCR:
        return is_amd(cpu) && set(val, BIT(24)); /* TscFreqSel: the TSC runs at P0's rate */
    case (u32)MSR_AMD_DE_CFG:
        return is_amd(cpu) && set(val, 2); /* LFENCE serialises */
    default:
        if (msr >= (u32)MSR_K7_EVNTSEL0 && msr <= (u32)MSR_K7_PERFCTR3)
            return is_amd(cpu) && set(val, 0); /* counters that never count */
        return msr >= MSR_LASTBRANCH_FROM && msr <= MSR_LASTINT_TO && cpu_has(cpu, FEAT_P6) && set(val, 0);
    }
}

/* Registers of that kind that take writes and ignore them. */
static bool platform_write(const struct cpu *cpu, u32 msr)
{
    bool p6 = cpu_has(cpu, FEAT_P6) && !is_amd(cpu);
    switch (msr) {
    case MSR_P5_MC_ADDR:
    case MSR_P5_MC_TYPE:
        return cpu_has(cpu, FEAT_MCE);
    case MSR_EBL_CR_POWERON:
    case MSR_BIOS_UPDT_TRIG:
    case MSR_PERFCTR0:
    case MSR_PERFCTR1:
    case MSR_EVNTSEL0:
    case MSR_EVNTSEL1:
    case MSR_BBL_CR_CTL3:
    case MSR_PERF_CTL:
    case MSR_THERM_INTERRUPT:
    case MSR_THERM_STATUS:
        return p6;
    case (u32)MSR_AMD_SYSCFG:
    case (u32)MSR_AMD_HWCR:
    case (u32)MSR_AMD_NB_CFG:
    case (u32)MSR_AMD_PATCH_LOADER:
    case (u32)MSR_AMD_INT_PENDING:
    case (u32)MSR_AMD_DC_CFG:
    case (u32)MSR_AMD_DE_CFG:
        return is_amd(cpu);
    default:
        return is_amd(cpu) && msr >= (u32)MSR_K7_EVNTSEL0 && msr <= (u32)MSR_K7_PERFCTR3;
    }
}

bool msr_read(struct cpu *cpu, u32 msr, u64 *val)
{
    bool fault = false;
    *val = 0;
    if (is_env_msr(msr))
        return cpu->env->msr_read(cpu->env->world, cpu, msr, val, &fault) && !fault;
    if (is_mtrr(msr))
        return mtrr_access(cpu, msr, val, false);
    if (is_machine_check(msr))
        return mc_access(cpu, msr, val, false);
    if (msr == MSR_TSC)
        return cpu_has(cpu, FEAT_TSC) && set(val, tsc_read(cpu));
    if (msr == (u32)MSR_EFER)
        return (cpu_has(cpu, FEAT_SYSCALL) || cpu_has(cpu, FEAT_NX)) && set(val, cpu->efer);
    if (msr == MSR_PKRS)
        return cpu_has(cpu, FEAT_PKS) && set(val, cpu->pkrs);
    const u64 *reg = plain_register(cpu, msr);
    if (reg)
        return set(val, *reg);
    return platform_read(cpu, msr, val);
}

bool msr_write(struct cpu *cpu, u32 msr, u64 val)
{
    bool fault = false;
    if (is_env_msr(msr))
        return cpu->env->msr_write(cpu->env->world, cpu, msr, val, &fault) && !fault;
    if (is_mtrr(msr))
        return mtrr_access(cpu, msr, &val, true);
    if (is_machine_check(msr))
        return mc_access(cpu, msr, &val, true);
    if (msr == MSR_TSC) {
        cpu->tsc_offset = val - cpu->env->tsc(cpu->env->world, cpu);
        return cpu_has(cpu, FEAT_TSC);
    }
    if (msr == (u32)MSR_EFER)
        return (cpu_has(cpu, FEAT_SYSCALL) || cpu_has(cpu, FEAT_NX)) && efer_write(cpu, val);
    if (msr == MSR_PKRS)
        return cpu_has(cpu, FEAT_PKS) && !(val >> 32) && pkrs_write(cpu, (u32)val);
    u64 *reg = plain_register(cpu, msr);
    if (reg)
        return plain_write(cpu, msr, reg, val);
    return platform_write(cpu, msr);
}
