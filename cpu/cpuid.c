/*
 * CPU models, "-cpu" strings, and CPUID. A model is a row of facts and its
 * features; what CPUID reports and what is #UD both follow the feature words,
 * so CPUID tells the truth about every combination. Topology and caches are
 * described as they look: one package, one thread to a core.
 */
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "cpu/sys.h"

/* ---- models ---- */

#define B(f)        BIT(FEAT_##f & 31)

#define EDX_486     (B(FPU) | B(VME) | B(PSE))
#define EDX_PENTIUM (EDX_486 | B(DE) | B(TSC) | B(MSR) | B(MCE) | B(CX8) | B(MMX))
#define EDX_PENTIUM3                                                                                                   \
    (EDX_PENTIUM | B(PAE) | B(APIC) | B(SEP) | B(MTRR) | B(PGE) | B(MCA) | B(CMOV) | B(PAT) | B(PSE36) | B(FXSR) |     \
     B(SSE))
#define EDX_PPRO                                                                                                       \
    (B(FPU) | B(DE) | B(PSE) | B(TSC) | B(MSR) | B(PAE) | B(MCE) | B(CX8) | B(APIC) | B(SEP) | B(PGE) | B(CMOV) |      \
     B(PAT) | B(MMX) | B(FXSR) | B(SSE) | B(SSE2))
#define EDX_64 (EDX_PPRO | B(VME) | B(MTRR) | B(MCA) | B(PSE36) | B(CLFLUSH))
/* The ISA levels x86-64-v2 and v3, as far as leaf 1 tells */
#define ECX_V2 (B(SSE3) | B(SSSE3) | B(CX16) | B(SSE4_1) | B(SSE4_2) | B(POPCNT))
#define ECX_V3 (ECX_V2 | B(PCLMULQDQ) | B(MOVBE) | B(AES) | B(XSAVE) | B(AVX) | B(FMA) | B(F16C) | B(RDRAND))
#define ECX_MAX                                                                                                        \
    (B(SSE3) | B(PCLMULQDQ) | B(MONITOR) | B(SSSE3) | B(CX16) | B(PCID) | B(SSE4_1) | B(SSE4_2) | B(X2APIC) |          \
     B(MOVBE) | B(POPCNT) | B(TSC_DEADLINE) | B(AES) | B(XSAVE) | B(RDRAND) | B(HYPERVISOR) | B(AVX) | B(FMA) |        \
     B(F16C))
#define F7_MAX                                                                                                         \
    (B(FSGSBASE) | B(SMEP) | B(ERMS) | B(INVPCID) | B(RDSEED) | B(ADX) | B(SMAP) | B(CLFLUSHOPT) | B(CLWB) | B(SHA) |  \
     B(BMI1) | B(BMI2) | B(AVX2))
#define SYNTH_P6 (B(BASE) | B(X486) | B(CPUID) | B(P6))

const struct cpu_model cpu_models[] = {
    {.name = "486",
     .vendor = "GenuineIntel",
     .brand = "",
     .family = 4,
     .model = 8,
     .stepping = 0,
     .max_leaf = 1,
     .phys_bits = 32,
     .virt_bits = 32,
     .features = {[WORD_SYNTH] = B(BASE) | B(X486) | B(CPUID), [WORD_F1_EDX] = EDX_486}},
    {.name = "pentium",
     .vendor = "GenuineIntel",
     .brand = "",
     .family = 5,
     .model = 4,
     .stepping = 3,
     .max_leaf = 1,
     .phys_bits = 32,
     .virt_bits = 32,
     .features = {[WORD_SYNTH] = B(BASE) | B(X486) | B(CPUID), [WORD_F1_EDX] = EDX_PENTIUM}},
    {.name = "pentium3",
     .vendor = "GenuineIntel",
     .brand = "",
     .family = 6,
     .model = 8,
     .stepping = 3,
     .max_leaf = 3,
     .phys_bits = 36,
     .virt_bits = 32,
     .features = {[WORD_SYNTH] = SYNTH_P6, [WORD_F1_EDX] = EDX_PENTIUM3}},
    {.name = "qemu32",
     .vendor = "GenuineIntel",
     .brand = "Orrery Virtual CPU (32-bit)",
     .family = 6,
     .model = 6,
     .stepping = 3,
     .max_leaf = 4,
     .max_xleaf = 0x80000004u,
     .phys_bits = 36,
     .virt_bits = 32,
     .features = {[WORD_SYNTH] = SYNTH_P6, [WORD_F1_EDX] = EDX_PPRO, [WORD_F1_ECX] = B(SSE3) | B(HYPERVISOR)}},
    {.name = "core2duo",
     .vendor = "GenuineIntel",
     .brand = "Intel(R) Core(TM)2 Duo CPU     T7700  @ 2.40GHz",
     .family = 6,
     .model = 15,
     .stepping = 11,
     .max_leaf = 10,
     .max_xleaf = 0x80000008u,
     .phys_bits = 36,
     .virt_bits = 48,
     .features = {[WORD_SYNTH] = SYNTH_P6,
                  [WORD_F1_EDX] = EDX_64 | B(SS),
                  [WORD_F1_ECX] = B(SSE3) | B(MONITOR) | B(SSSE3) | B(CX16),
                  [WORD_X1_EDX] = B(SYSCALL) | B(NX) | B(LM),
                  [WORD_X1_ECX] = B(LAHF_LM)}},
    {.name = "qemu64",
     .vendor = "AuthenticAMD",
     .brand = "Orrery Virtual CPU (64-bit)",
     .family = 15,
     .model = 107,
     .stepping = 1,
     .max_leaf = 0xd,
     .max_xleaf = 0x80000008u,
     .phys_bits = 40,
     .virt_bits = 48,
     .features = {[WORD_SYNTH] = SYNTH_P6,
                  [WORD_F1_EDX] = EDX_64,
                  [WORD_F1_ECX] = B(SSE3) | B(CX16) | B(HYPERVISOR),
                  [WORD_X1_EDX] = B(SYSCALL) | B(NX) | B(LM),
                  [WORD_X1_ECX] = B(LAHF_LM)}},
    {.name = "Nehalem",
     .vendor = "GenuineIntel",
     .brand = "Intel Core i7 9xx (Nehalem Class Core i7)",
     .family = 6,
     .model = 26,
     .stepping = 3,
     .max_leaf = 11,
     .max_xleaf = 0x80000008u,
     .phys_bits = 40,
     .virt_bits = 48,
     .features = {[WORD_SYNTH] = SYNTH_P6,
                  [WORD_F1_EDX] = EDX_64,
                  [WORD_F1_ECX] = ECX_V2 | B(HYPERVISOR),
                  [WORD_X1_EDX] = B(SYSCALL) | B(NX) | B(LM),
                  [WORD_X1_ECX] = B(LAHF_LM)}},
    {.name = "Haswell", /* without its transactional memory */
     .vendor = "GenuineIntel",
     .brand = "Intel Core Processor (Haswell)",
     .family = 6,
     .model = 60,
     .stepping = 1,
     .max_leaf = 0xd,
     .max_xleaf = 0x80000008u,
     .phys_bits = 40,
     .virt_bits = 48,
     .features = {[WORD_SYNTH] = SYNTH_P6,
                  [WORD_F1_EDX] = EDX_64,
                  [WORD_F1_ECX] = ECX_V3 | B(X2APIC) | B(PCID) | B(TSC_DEADLINE) | B(HYPERVISOR),
                  [WORD_F7_EBX] = B(FSGSBASE) | B(BMI1) | B(AVX2) | B(SMEP) | B(BMI2) | B(ERMS) | B(INVPCID),
                  [WORD_X1_EDX] = B(SYSCALL) | B(NX) | B(RDTSCP) | B(LM),
                  [WORD_X1_ECX] = B(LAHF_LM) | B(ABM),
                  [WORD_FD_EAX] = B(XSAVEOPT),
                  [WORD_F6_EAX] = B(ARAT)}},
    {.name = "EPYC",
     .vendor = "AuthenticAMD",
     .brand = "AMD EPYC Processor",
     .family = 23,
     .model = 1,
     .stepping = 2,
     .max_leaf = 0xd,
     .max_xleaf = 0x8000001eu,
     .phys_bits = 40,
     .virt_bits = 48,
     .features = {[WORD_SYNTH] = SYNTH_P6,
                  [WORD_F1_EDX] = EDX_64,
                  [WORD_F1_ECX] = ECX_V3 | B(MONITOR) | B(HYPERVISOR),
                  [WORD_F7_EBX] = B(FSGSBASE) | B(BMI1) | B(AVX2) | B(SMEP) | B(BMI2) | B(RDSEED) | B(ADX) | B(SMAP) |
                                  B(CLFLUSHOPT) | B(SHA),
                  [WORD_X1_EDX] = B(SYSCALL) | B(NX) | B(PDPE1GB) | B(RDTSCP) | B(LM),
                  [WORD_X1_ECX] = B(LAHF_LM) | B(ABM) | B(SSE4A) | B(PREFETCHW) | B(CR8LEGACY) | B(TOPOEXT),
                  [WORD_FD_EAX] = B(XSAVEOPT) | B(XSAVEC) | B(XGETBV1),
                  [WORD_F6_EAX] = B(ARAT)}},
    {.name = "max",
     .vendor = "AuthenticAMD",
     .brand = "Orrery Virtual CPU",
     .family = 15,
     .model = 107,
     .stepping = 1,
     .max_leaf = 0xd,
     .max_xleaf = 0x8000001eu,
     .phys_bits = 40,
     .virt_bits = 48,
     .features = {[WORD_SYNTH] = SYNTH_P6,
                  [WORD_F1_EDX] = EDX_64 | B(SS),
                  [WORD_F1_ECX] = ECX_MAX,
                  [WORD_F7_EBX] = F7_MAX,
                  [WORD_F7_ECX] = B(UMIP) | B(VAES) | B(VPCLMULQDQ) | B(RDPID),
                  [WORD_X1_EDX] = B(SYSCALL) | B(NX) | B(PDPE1GB) | B(RDTSCP) | B(LM),
                  [WORD_X1_ECX] = B(LAHF_LM) | B(ABM) | B(SSE4A) | B(PREFETCHW) | B(TOPOEXT),
                  [WORD_FD_EAX] = B(XSAVEOPT) | B(XSAVEC) | B(XGETBV1),
                  [WORD_F6_EAX] = B(ARAT)}},
};
const size_t cpu_model_count = ARRAY_LEN(cpu_models);

u32 cpu_signature(const struct cpu_model *m)
{
    u32 family = MIN(m->family, 15u), extended = m->family - family;
    return extended << 20 | (u32)(m->model >> 4) << 16 | family << 8 | (u32)(m->model & 15) << 4 | m->stepping;
}

/* ---- "-cpu" strings ---- */

static const struct feature_name {
    u16 feature;
    const char *name;
} feature_names[] = {
#define FEATURE(id, name, word, bit) {FEAT_##id, name},
#include "cpu/features.def"
#undef FEATURE
};

/* QEMU's and Linux's other spellings. */
static const struct feature_name aliases[] = {
    {FEAT_SSE3, "pni"},        {FEAT_NX, "xd"},        {FEAT_CLFLUSH, "clfsh"}, {FEAT_CX8, "cmpxchg8b"},
    {FEAT_CX16, "cmpxchg16b"}, {FEAT_PSE36, "pse-36"}, {FEAT_ABM, "lzcnt"},     {FEAT_SHA, "sha"},
};

/* A feature means nothing without the other one. */
static const struct {
    u16 feature, needs;
} needs[] = {
    {FEAT_MMX, FEAT_FPU},          {FEAT_FXSR, FEAT_FPU},
    {FEAT_SSE, FEAT_FXSR},         {FEAT_SSE2, FEAT_SSE},
    {FEAT_SSE3, FEAT_SSE2},        {FEAT_SSSE3, FEAT_SSE3},
    {FEAT_SSE4_1, FEAT_SSSE3},     {FEAT_SSE4_2, FEAT_SSE4_1},
    {FEAT_SSE4A, FEAT_SSE3},       {FEAT_AES, FEAT_SSE2},
    {FEAT_PCLMULQDQ, FEAT_SSE2},   {FEAT_SHA, FEAT_SSSE3},
    {FEAT_XSAVE, FEAT_FXSR},       {FEAT_XSAVEOPT, FEAT_XSAVE},
    {FEAT_XSAVEC, FEAT_XSAVE},     {FEAT_XGETBV1, FEAT_XSAVE},
    {FEAT_AVX, FEAT_XSAVE},        {FEAT_AVX, FEAT_SSE4_2},
    {FEAT_AVX2, FEAT_AVX},         {FEAT_FMA, FEAT_AVX},
    {FEAT_F16C, FEAT_AVX},         {FEAT_NX, FEAT_PAE},
    {FEAT_LM, FEAT_PAE},           {FEAT_LM, FEAT_NX},
    {FEAT_LM, FEAT_SYSCALL},       {FEAT_LM, FEAT_SSE2},
    {FEAT_LM, FEAT_MSR},           {FEAT_LM, FEAT_PGE},
    {FEAT_LM, FEAT_CX8},           {FEAT_SYSCALL, FEAT_MSR},
    {FEAT_SEP, FEAT_MSR},          {FEAT_APIC, FEAT_MSR},
    {FEAT_X2APIC, FEAT_APIC},      {FEAT_TSC_DEADLINE, FEAT_APIC},
    {FEAT_TSC_DEADLINE, FEAT_TSC}, {FEAT_CX16, FEAT_LM},
    {FEAT_LAHF_LM, FEAT_LM},       {FEAT_PCID, FEAT_LM},
    {FEAT_INVPCID, FEAT_P6},       {FEAT_PDPE1GB, FEAT_LM},
    {FEAT_FSGSBASE, FEAT_LM},      {FEAT_RDTSCP, FEAT_TSC},
    {FEAT_MTRR, FEAT_MSR},         {FEAT_PAT, FEAT_MSR},
    {FEAT_MCA, FEAT_MSR},          {FEAT_PSE36, FEAT_PSE},
    {FEAT_VAES, FEAT_AVX},         {FEAT_VAES, FEAT_AES},
    {FEAT_VPCLMULQDQ, FEAT_AVX},   {FEAT_VPCLMULQDQ, FEAT_PCLMULQDQ},
};

static void feature_set(u32 *words, unsigned f, bool on)
{
    words[f >> 5] = on ? words[f >> 5] | BIT(f & 31) : words[f >> 5] & ~BIT(f & 31);
}
static bool feature_get(const u32 *words, unsigned f) { return words[f >> 5] >> (f & 31) & 1; }

/* Switches a feature, with what it needs (on) or what needs it (off). */
static void feature_switch(u32 *words, unsigned f, bool on)
{
    feature_set(words, f, on);
    for (unsigned i = 0; i < ARRAY_LEN(needs); i++) {
        if (on && needs[i].feature == f && !feature_get(words, needs[i].needs))
            feature_switch(words, needs[i].needs, true);
        if (!on && needs[i].needs == f && feature_get(words, needs[i].feature))
            feature_switch(words, needs[i].feature, false);
    }
}

/* Same name, whatever the case and whether parts are joined by '.', '-' or '_'. */
static bool same_name(const char *a, size_t n, const char *b)
{
    if (strlen(b) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char x = a[i] == '_' || a[i] == '.' ? '-' : (char)tolower((unsigned char)a[i]);
        char y = b[i] == '_' || b[i] == '.' ? '-' : (char)tolower((unsigned char)b[i]);
        if (x != y)
            return false;
    }
    return true;
}

static const struct feature_name *feature_find(const char *name, size_t n)
{
    for (unsigned i = 0; n && i < ARRAY_LEN(feature_names); i++)
        if (same_name(name, n, feature_names[i].name))
            return &feature_names[i];
    for (unsigned i = 0; n && i < ARRAY_LEN(aliases); i++)
        if (same_name(name, n, aliases[i].name))
            return &aliases[i];
    return NULL;
}

/* Edits that turn a[0..n) into b (Levenshtein); names are short. */
static unsigned distance(const char *a, size_t n, const char *b)
{
    enum { MAX_NAME = 32 };
    unsigned row[MAX_NAME + 1];
    size_t m = strlen(b);
    if (n > MAX_NAME || m > MAX_NAME)
        return MAX_NAME;
    for (size_t j = 0; j <= m; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned replace = diagonal + (tolower((unsigned char)a[i - 1]) != b[j - 1]);
            diagonal = row[j];
            row[j] = MIN(replace, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[m];
}

/* The one of count names that was most likely meant, as ": did you mean ...", or where to look. */
static void fail_unknown_name(const char *what, const char *word, size_t n, const char *(*name_of)(size_t i),
                              size_t count, char *err, size_t err_size)
{
    const char *best = NULL;
    unsigned best_distance = MAX(2u, (unsigned)(n + 1) / 3) + 1;
    for (size_t i = 0; i < count; i++) {
        const char *name = name_of(i);
        unsigned d = distance(word, n, name);
        if (name[0] && d < best_distance) {
            best = name;
            best_distance = d;
        }
    }
    if (best)
        snprintf(err, err_size, "-cpu: unknown %s '%.*s'; did you mean '%s'?", what, (int)n, word, best);
    else
        snprintf(err, err_size, "-cpu: unknown %s '%.*s'; '-cpu help' lists them", what, (int)n, word);
}
static const char *model_name(size_t i) { return cpu_models[i].name; }
static const char *feature_name_at(size_t i) { return feature_names[i].name; }

/* One item after the model: "+f", "-f", "f", "f=on", "f=off". */
static bool parse_item(struct cpu_model *m, const char *item, size_t n, char *err, size_t err_size)
{
    bool on = true;
    const char *equals = memchr(item, '=', n);
    const char *name = item;
    size_t len = equals ? (size_t)(equals - item) : n;
    if (!equals && n && (item[0] == '+' || item[0] == '-')) {
        on = item[0] == '+';
        name++;
        len--;
    }
    const struct feature_name *f = feature_find(name, len);
    if (!f) {
        fail_unknown_name("feature", name, len, feature_name_at, ARRAY_LEN(feature_names), err, err_size);
        return false;
    }
    if (equals) {
        const char *value = equals + 1;
        size_t vlen = n - len - 1;
        on = (vlen == 2 && !strncasecmp(value, "on", 2)) || (vlen == 3 && !strncasecmp(value, "yes", 3));
        if (!on && !(vlen == 3 && !strncasecmp(value, "off", 3)) && !(vlen == 2 && !strncasecmp(value, "no", 2))) {
            snprintf(err, err_size, "-cpu: '%.*s' is no value for '%s': use on or off", (int)vlen, value, f->name);
            return false;
        }
    }
    feature_switch(m->features, f->feature, on);
    return true;
}

/* What follows from the features chosen: leaves that report them, address widths, hints. */
static void settle_features(struct cpu_model *m)
{
    const u32 *w = m->features;
    feature_set(m->features, FEAT_HINT_0D, feature_get(w, FEAT_PREFETCHW) || feature_get(w, FEAT_LM));
    if (w[WORD_F6_EAX])
        m->max_leaf = MAX(m->max_leaf, 6u);
    if (w[WORD_F7_EBX] | w[WORD_F7_ECX] | w[WORD_F7_EDX])
        m->max_leaf = MAX(m->max_leaf, 7u);
    if (feature_get(w, FEAT_XSAVE))
        m->max_leaf = MAX(m->max_leaf, 0xdu);
    if (w[WORD_X1_EDX] | w[WORD_X1_ECX])
        m->max_xleaf = MAX(m->max_xleaf, 0x80000001u);
    if (w[WORD_X7_EDX] || feature_get(w, FEAT_LM))
        m->max_xleaf = MAX(m->max_xleaf, 0x80000008u);
    if (feature_get(w, FEAT_LM))
        m->virt_bits = 48;
    if (feature_get(w, FEAT_PSE36) || feature_get(w, FEAT_PAE))
        m->phys_bits = MAX(m->phys_bits, 36u);
}

bool cpu_model_parse(const char *spec, struct cpu_model *out, char *err, size_t err_size)
{
    size_t n = strcspn(spec, ",");
    const struct cpu_model *found = NULL;
    for (size_t i = 0; i < cpu_model_count; i++)
        if (same_name(spec, n, cpu_models[i].name))
            found = &cpu_models[i];
    if (!found) {
        fail_unknown_name("model", spec, n, model_name, cpu_model_count, err, err_size);
        return false;
    }
    *out = *found;
    for (const char *p = spec + n; *p == ',';) {
        p++;
        n = strcspn(p, ",");
        if (!parse_item(out, p, n, err, err_size))
            return false;
        p += n;
    }
    settle_features(out);
    return true;
}

/* ---- CPUID ---- */

enum { EAX, EBX, ECX, EDX };

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
        out[EBX] = xsave_size(cpu->xcr0);
        out[ECX] = xsave_size(all);
    } else if (sub == 1) {
        out[EAX] = cpu->features[WORD_FD_EAX];
        out[EBX] = cpu_has(cpu, FEAT_XSAVEC) ? xsave_size(cpu->xcr0) : 0;
    } else if (sub == 2 && (all & 4)) {
        out[EAX] = 256;
        out[EBX] = 576;
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
            out[ECX] = cpu->features[WORD_F7_ECX];
            out[EDX] = cpu->features[WORD_F7_EDX];
        }
        break;
    case 0xb:
        leaf_b(cpu, sub, out);
        break;
    case 0xd:
        leaf_d(cpu, sub, out);
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
