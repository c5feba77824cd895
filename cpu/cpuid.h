/*
 * CPU models and features: what CPUID says and what is #UD follow one table.
 */
#ifndef ORRERY_CPU_CPUID_H
#define ORRERY_CPU_CPUID_H

#include "cpu/state.h"

/* Words of cpu->features: F = basic leaf, X = 8000000x leaf. */
enum feature_word {
    WORD_SYNTH,
    WORD_F1_EDX,
    WORD_F1_ECX,
    WORD_F7_EBX,
    WORD_F7_ECX,
    WORD_F7_EDX,
    WORD_X1_EDX,
    WORD_X1_ECX,
    WORD_FD_EAX,
    WORD_F6_EAX,
    WORD_X7_EDX,
    WORD_COUNT
};
enum cpu_feature {
#define FEATURE(id, name, word, bit) FEAT_##id = WORD_##word * 32 + (bit),
#include "cpu/features.def"
#undef FEATURE
};
ALWAYS_INLINE bool cpu_has(const struct cpu *cpu, enum cpu_feature f)
{
    return (cpu->features[f >> 5] >> (f & 31)) & 1;
}

struct cpu_model {
    const char *name;   /* as -cpu spells it */
    const char *vendor; /* 12 characters */
    const char *brand;
    u8 family, model, stepping;
    u32 max_leaf, max_xleaf;
    u8 phys_bits, virt_bits;
    u32 features[WORD_COUNT];
};
extern const struct cpu_model cpu_models[];
extern const size_t cpu_model_count;

/*
 * Parses "-cpu" ("qemu64,+avx,-smap,x2apic=off") into *out. On failure returns
 * false with one sentence in err (err_size bytes), suggesting the nearest name.
 */
bool cpu_model_parse(const char *spec, struct cpu_model *out, char *err, size_t err_size);
/* Family, model, stepping as CPUID.1:EAX and EDX after reset give them. */
u32 cpu_signature(const struct cpu_model *model);
/* CPUID for leaf/subleaf as this CPU answers now (OSXSAVE, APIC id, topology: cpu->count). */
void cpuid(const struct cpu *cpu, u32 leaf, u32 subleaf, u32 out[4]);

#endif
