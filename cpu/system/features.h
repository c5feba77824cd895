/*
 * CPUID features by name (features.def).
 */
#ifndef ORRERY_CPU_FEATURES_H
#define ORRERY_CPU_FEATURES_H

#include "cpu/base.h"

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
    WORD_X8_EBX,
    WORD_COUNT
};
enum cpu_feature {
#define FEATURE(id, name, word, bit) FEAT_##id = WORD_##word * 32 + (bit),
#include "cpu/system/features.def"
#undef FEATURE
};

#endif
