/*
 * CPU models and features: what CPUID says and what is #UD follow one table.
 */
#ifndef ORRERY_CPU_CPUID_H
#define ORRERY_CPU_CPUID_H

#include "cpu/state.h"
#include "cpu/system/features.h"

ALWAYS_INLINE bool cpu_has(const struct cpu *cpu, enum cpu_feature f)
{
    return (cpu->features[f >> 5] >> (f & 31)) & 1;
}

/* Words behind those of cpu->features: features that have a name and nothing else (features_absent.def). */
enum { ABSENT_WORDS = 5, ABSENT_TEXT = 1600 };
struct cpu_model {
    const char *name; /* as -cpu spells it */
    char vendor[13];  /* 12 characters */
    char brand[49];
    u16 family;
    u8 model, stepping;
    u32 max_leaf, max_xleaf;
    bool levels_asked;        /* they are what the user said */
    bool unchecked, enforced; /* what is asked for and absent: not worth a word; an error */
    u8 phys_bits, virt_bits;
    u16 mhz; /* its time-stamp counter's, where it is not TSC_MHZ */
    u32 features[WORD_COUNT + ABSENT_WORDS];
};
enum { TSC_MHZ = 2500 };
/* Clocks of the time-stamp counter in a microsecond; CPUID leaves that tell frequencies have the same. */
ALWAYS_INLINE u32 cpu_model_mhz(const struct cpu_model *m) { return m->mhz ? m->mhz : TSC_MHZ; }

/* A row of models.def; of an alias only the names count. */
struct cpu_model_row {
    const char *name, *alias_of, *parent, *vendor, *brand, *features;
    u16 family;
    u8 model, stepping;
    u16 mhz;
    u32 level, xlevel;
};
extern const struct cpu_model_row cpu_models[];
extern const size_t cpu_model_count;

/*
 * Parses "-cpu" ("qemu64,+avx,-smap,x2apic=off,family=6") into *out. On failure returns false with one sentence in err
 * (err_size bytes), suggesting the nearest name.
 */
bool cpu_model_parse(const char *spec, struct cpu_model *out, char *err, size_t err_size);
/* A sentence for the user about what was asked for and is not there; false: nothing to say. */
bool cpu_model_note(const struct cpu_model *m, char *buf, size_t size);
/* Family, model, stepping as CPUID.1:EAX and EDX after reset give them. */
u32 cpu_signature(const struct cpu_model *model);
/* CPUID for leaf/subleaf as this CPU answers now (OSXSAVE, APIC id, topology: cpu->count). */
void cpuid(const struct cpu *cpu, u32 leaf, u32 subleaf, u32 out[4]);

#endif
