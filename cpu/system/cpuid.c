/*
 * CPUID. What it reports and what is #UD both follow the feature words, so it
 * tells the truth about every combination. Topology and caches are described
 * as they look: one package, one thread to a core.
 */
#include "cpu/system/sys.h"

#define B(f) BIT(FEAT_##f & 31)

u32 cpu_signature(const struct cpu_model *m)
{
    u32 family = MIN(m->family, 15u), extended = m->family - family;
    return extended << 20 | (u32)(m->model >> 4) << 16 | family << 8 | (u32)(m->model & 15) << 4 | m->stepping;
}

enum { EAX, EBX, ECX, EDX };
enum { CRYSTAL_MHZ = 25 };

/* Bits an APIC id needs to tell the cores apart. */
static unsigned core_bits(const struct cpu *cpu)
{
    unsigned bits = 0;
    while ((1u << bits) < cpu->count)
        bits++;
    return bits;
}

static void text(u32 *out, const char *s, unsigned n)
{
    u8 raw[16] = {0};
    memcpy(raw, s, n);
    for (unsigned i = 0; i < n / 4; i++)
        out[i] = ld32(raw + 4 * i);
}

static void leaf_0(const struct cpu *cpu, u32 out[4])
{
    u32 v[3];
    text(v, cpu->model->vendor, 12);
    out[EAX] = cpu->misc_enable & BIT(22) ? MIN(cpu->model->max_leaf, 2u) : cpu->model->max_leaf;
    out[EBX] = v[0];
    out[EDX] = v[1];
    out[ECX] = v[2];
}

/* The APIC bit follows IA32_APIC_BASE's enable bit. */
static bool apic_off(const struct cpu *cpu)
{
    u64 base = 0;
    bool fault = false;
    bool known = cpu->env->msr_read(cpu->env->world, (struct cpu *)(uintptr_t)cpu, 0x1b, &base, &fault);
    return known && !fault && !(base & BIT(11));
}

static void leaf_1(const struct cpu *cpu, u32 out[4])
{
    out[EAX] = cpu_signature(cpu->model);
    out[EBX] = cpu->index << 24 | (cpu_has(cpu, FEAT_CLFLUSH) ? 8u << 8 : 0);
    out[ECX] = cpu->features[WORD_F1_ECX] & ~B(OSXSAVE);
    out[EDX] = cpu->features[WORD_F1_EDX];
    if (cpu_has(cpu, FEAT_APIC) && apic_off(cpu))
        out[EDX] &= ~B(APIC);
    if (!(cpu->misc_enable & BIT(18)))
        out[ECX] &= ~B(MONITOR);
    if (cpu->cr4 & CR4_OSXSAVE)
        out[ECX] |= B(OSXSAVE);
    if (cpu->count > 1) {
        out[EBX] |= (1u << core_bits(cpu)) << 16;
        out[EDX] |= B(HT);
    }
}

/* Deterministic caches: 32 KB L1s of 8 ways, a 512 KB L2 of 16, all of 64-byte lines. */
static void cache_leaf(const struct cpu *cpu, u32 n, bool intel, u32 out[4])
{
    static const struct {
        u8 type, level, ways;
        u32 sets;
    } caches[] = {{1, 1, 8, 64}, {2, 1, 8, 64}, {3, 2, 16, 512}};
    if (n >= ARRAY_LEN(caches))
        return;
    out[EAX] = caches[n].type | (u32)caches[n].level << 5 | 1u << 8;
    if (intel)
        out[EAX] |= ((1u << core_bits(cpu)) - 1) << 26;
    out[EBX] = 63 | (caches[n].ways - 1u) << 22;
    out[ECX] = caches[n].sets - 1;
}

static void leaf_b(const struct cpu *cpu, u32 level, u32 out[4])
{
    out[ECX] = level & 0xff;
    out[EDX] = cpu->index;
    if (level == 0) {
        out[EBX] = 1;
        out[ECX] |= 1u << 8; /* threads */
    } else if (level == 1) {
        out[EAX] = core_bits(cpu);
        out[EBX] = cpu->count;
        out[ECX] |= 2u << 8; /* cores */
    }
}

static void leaf_d(const struct cpu *cpu, u32 sub, u32 out[4])
{
    if (!cpu_has(cpu, FEAT_XSAVE))
        return;
    u64 all = xsave_supported(cpu);
    if (sub == 0) {
        out[EAX] = (u32)all;
        out[EBX] = xsave_size(cpu, cpu->xcr0, false);
        out[ECX] = xsave_size(cpu, all, false);
    } else if (sub == 1) {
        out[EAX] = cpu->features[WORD_FD_EAX];
        out[EBX] = cpu_has(cpu, FEAT_XSAVEC) ? xsave_size(cpu, cpu->xcr0, true) : 0;
    } else {
        xsave_component(cpu, sub, &out[EAX], &out[EBX]);
    }
}

static void basic_leaf(const struct cpu *cpu, u32 leaf, u32 sub, u32 out[4])
{
    bool intel = !is_amd(cpu);
    switch (leaf) {
    case 0:
        leaf_0(cpu, out);
        break;
    case 1:
        leaf_1(cpu, out);
        break;
    case 2:
        if (intel) { /* descriptors: L1 data and code of 32 KB, L2 of 512 KB; no TLBs told */
            out[EAX] = 1;
            out[EDX] = 0x7f302c;
        }
        break;
    case 4:
        if (intel)
            cache_leaf(cpu, sub, true, out);
        break;
    case 5:
        if (cpu_has(cpu, FEAT_MONITOR)) {
            out[EAX] = out[EBX] = 64;
            out[ECX] = 3; /* extensions enumerated, interrupts break even when masked */
            out[EDX] = 0x10;
        }
        break;
    case 6:
        out[EAX] = cpu->features[WORD_F6_EAX];
        break;
    case 7:
        if (sub == 0) {
            out[EBX] = cpu->features[WORD_F7_EBX];
            out[ECX] = (cpu->features[WORD_F7_ECX] & ~B(OSPKE)) | (cpu->cr4 & CR4_PKE ? B(OSPKE) : 0);
            out[EDX] = cpu->features[WORD_F7_EDX];
        }
        break;
    case 0xb:
        leaf_b(cpu, sub, out);
        break;
    case 0xd:
        leaf_d(cpu, sub, out);
        break;
    case 0x15:
        if (intel) /* a crystal of 25 MHz, and how often the TSC counts for each of its clocks: EBX / EAX */
            out[EAX] = CRYSTAL_MHZ, out[EBX] = cpu_model_mhz(cpu->model), out[ECX] = CRYSTAL_MHZ * 1000000;
        break;
    case 0x16:
        if (intel) /* base, maximum and bus frequency */
            out[EAX] = out[EBX] = cpu_model_mhz(cpu->model), out[ECX] = 100;
        break;
    default:
        break;
    }
}

static void leaf_x1(const struct cpu *cpu, u32 out[4])
{
    out[EAX] = is_amd(cpu) ? cpu_signature(cpu->model) : 0;
    out[ECX] = cpu->features[WORD_X1_ECX];
    out[EDX] = cpu->features[WORD_X1_EDX];
    if (cpu->misc_enable & BIT64(34))
        out[EDX] &= ~B(NX);
    if (!is_amd(cpu))
        return;
    u32 leaf1[4];
    leaf_1(cpu, leaf1);
    out[EDX] |= leaf1[EDX] & 0x0183f3ff; /* AMD repeats leaf 1 here */
    if (cpu->count > 1)
        out[ECX] |= BIT(1); /* CmpLegacy: the "threads" of leaf 1 are cores */
}

/* The brand string's sixteen bytes for leaf 80000002..4. */
static void leaf_brand(const struct cpu *cpu, unsigned part, u32 out[4])
{
    char brand[48] = {0};
    size_t n = strlen(cpu->model->brand);
    memcpy(brand, cpu->model->brand, MIN(n, sizeof(brand) - 1));
    text(out, brand + 16 * part, 16);
}

static void extended_leaf(const struct cpu *cpu, u32 leaf, u32 sub, u32 out[4])
{
    bool amd = is_amd(cpu);
    switch (leaf & 0xffff) {
    case 0:
        leaf_0(cpu, out);
        if (!amd)
            out[EBX] = out[ECX] = out[EDX] = 0;
        out[EAX] = cpu->model->max_xleaf;
        break;
    case 1:
        leaf_x1(cpu, out);
        break;
    case 2:
    case 3:
    case 4:
        leaf_brand(cpu, leaf - 0x80000002u, out);
        break;
    case 5:
        if (amd)
            out[ECX] = out[EDX] = 32u << 24 | 8u << 16 | 1u << 8 | 64;
        break;
    case 6:
        out[ECX] = 512u << 16 | 8u << 12 | 64 | (amd ? 1u << 8 : 0);
        break;
    case 7:
        out[EDX] = cpu->features[WORD_X7_EDX];
        break;
    case 8:
        out[EAX] = cpu->model->phys_bits | (u32)cpu->model->virt_bits << 8;
        out[EBX] = cpu->features[WORD_X8_EBX];
        if (amd)
            out[ECX] = (cpu->count - 1) | core_bits(cpu) << 12;
        break;
    case 0x1d:
        if (cpu_has(cpu, FEAT_TOPOEXT))
            cache_leaf(cpu, sub, false, out);
        break;
    case 0x1e:
        if (cpu_has(cpu, FEAT_TOPOEXT)) {
            out[EAX] = cpu->index;
            out[EBX] = cpu->index;
        }
        break;
    default:
        break;
    }
}

void cpuid(const struct cpu *cpu, u32 leaf, u32 subleaf, u32 out[4])
{
    const struct cpu_model *m = cpu->model;
    memset(out, 0, 4 * sizeof(u32));
    if (leaf >= 0x40000000u && leaf <= 0x400000ffu && cpu_has(cpu, FEAT_HYPERVISOR)) {
        if (leaf == 0x40000000u) {
            out[EAX] = leaf;
            text(out + 1, "OrreryOrrery", 12);
        }
        return;
    }
    if (leaf >= 0x80000000u && m->max_xleaf && leaf <= m->max_xleaf)
        extended_leaf(cpu, leaf, subleaf, out);
    else if (leaf <= m->max_leaf)
        basic_leaf(cpu, leaf, subleaf, out);
    else if (!is_amd(cpu) && (leaf < 0x80000000u || m->max_xleaf))
        basic_leaf(cpu, m->max_leaf, subleaf, out); /* Intel answers for the highest basic leaf */
}
