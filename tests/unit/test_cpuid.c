/*
 * CPU models: -cpu strings and what they say when they are wrong, CPUID's
 * leaves against each other and against what runs, feature bits with nothing
 * behind them.
 */
#include "cpu/insn.h"
#include "tests/unit/cpu_world.h"

enum { EAX, EBX, ECX, EDX };

START_TEST(signatures)
{
    static const struct {
        const char *model;
        u32 eax;
        const char *vendor;
    } cases[] = {{"486", 0x480, "GenuineIntel"},       {"pentium", 0x543, "GenuineIntel"},
                 {"pentium3", 0x683, "GenuineIntel"},  {"qemu32", 0x663, "GenuineIntel"},
                 {"core2duo", 0x6fb, "GenuineIntel"},  {"qemu64", 0x60fb1, "AuthenticAMD"},
                 {"Nehalem", 0x106a3, "GenuineIntel"}, {"Haswell", 0x306c1, "GenuineIntel"},
                 {"EPYC", 0x800f12, "AuthenticAMD"},   {"max", 0x60fb1, "AuthenticAMD"}};
    u32 out[4];
    char vendor[13] = {0};
    w_start(cases[_i].model);
    cpuid(w.cpu, 0, 0, out);
    st32(vendor, out[EBX]);
    st32(vendor + 4, out[EDX]);
    st32(vendor + 8, out[ECX]);
    ck_assert_str_eq(vendor, cases[_i].vendor);
    cpuid(w.cpu, 1, 0, out);
    ck_assert_uint_eq(out[EAX], cases[_i].eax);
    ck_assert_uint_eq(w.cpu->gpr[RDX], cases[_i].eax);
}
END_TEST

START_TEST(spec_errors)
{
    static const struct {
        const char *spec, *says;
    } cases[] = {
        {"pentium4", "unknown model 'pentium4'; did you mean 'pentium'?"},
        {"mxa", "did you mean 'max'?"},
        {"max,+sse5", "unknown feature 'sse5'; did you mean 'sse"},
        {"max,avx=maybe", "'maybe' is no value for 'avx': use on or off"},
        {"nonsense", "unknown model 'nonsense'; '-cpu help' lists them"},
        {"max,+nonsense", "unknown feature 'nonsense'; '-cpu help' lists them"},
        {"max,", "unknown feature ''"},
        {"", "unknown model ''"},
    };
    struct cpu_model m;
    char err[200] = "";
    ck_assert(!cpu_model_parse(cases[_i].spec, &m, err, sizeof(err)));
    ck_assert_msg(strstr(err, cases[_i].says) != NULL, "%s", err);
}
END_TEST

START_TEST(spec_features)
{
    u32 out[4];
    w_start("qemu64,+avx,pclmulqdq");
    cpuid(w.cpu, 1, 0, out);
    ck_assert(out[ECX] & BIT(28)); /* AVX ... */
    ck_assert(out[ECX] & BIT(26)); /* ... brings XSAVE */
    ck_assert(out[ECX] & BIT(20)); /* ... and SSE4.2 */
    ck_assert(out[ECX] & BIT(1));
    w_start("max,-nx,smap=on,pni=off");
    cpuid(w.cpu, 1, 0, out);
    ck_assert(!(out[ECX] & BIT(0))); /* no SSE3: what needs it goes with it */
    ck_assert(!(out[ECX] & BIT(20)));
    ck_assert(!(out[ECX] & BIT(28)));
    cpuid(w.cpu, 7, 0, out);
    ck_assert(out[EBX] & BIT(20));
    cpuid(w.cpu, 0x80000001, 0, out);
    ck_assert(!(out[EDX] & BIT(20)));
    ck_assert(!(out[EDX] & BIT(29))); /* long mode needs NX */
}
END_TEST

/* A leaf a feature needs exists, whatever the model had. */
START_TEST(leaves_follow_features)
{
    u32 out[4];
    w_start("pentium3,+smap,+lm");
    cpuid(w.cpu, 0, 0, out);
    ck_assert_uint_ge(out[EAX], 7);
    cpuid(w.cpu, 0x80000000, 0, out);
    ck_assert_uint_ge(out[EAX], 0x80000008);
    cpuid(w.cpu, 0x80000008, 0, out);
    ck_assert_uint_eq(out[EAX] >> 8 & 0xff, 48);
}
END_TEST

/* Every feature that gates instructions and that "max" claims has rows; every row's feature has a name. */
START_TEST(max_is_what_there_is)
{
    static const enum cpu_feature gating[] = {
        FEAT_CX8,       FEAT_CMOV,      FEAT_CLFLUSH,    FEAT_MMX,   FEAT_FXSR,     FEAT_SSE,     FEAT_SSE2,
        FEAT_SSE3,      FEAT_PCLMULQDQ, FEAT_MONITOR,    FEAT_SSSE3, FEAT_FMA,      FEAT_CX16,    FEAT_SSE4_1,
        FEAT_SSE4_2,    FEAT_MOVBE,     FEAT_POPCNT,     FEAT_AES,   FEAT_XSAVE,    FEAT_AVX,     FEAT_F16C,
        FEAT_RDRAND,    FEAT_FSGSBASE,  FEAT_BMI1,       FEAT_AVX2,  FEAT_BMI2,     FEAT_INVPCID, FEAT_RDSEED,
        FEAT_ADX,       FEAT_SMAP,      FEAT_CLFLUSHOPT, FEAT_CLWB,  FEAT_SHA,      FEAT_RDPID,   FEAT_SYSCALL,
        FEAT_RDTSCP,    FEAT_LAHF_LM,   FEAT_ABM,        FEAT_SSE4A, FEAT_XSAVEOPT, FEAT_XSAVEC,  FEAT_VAES,
        FEAT_VPCLMULQDQ};
    w_start("max");
    for (unsigned i = 0; i < ARRAY_LEN(gating); i++) {
        unsigned rows = 0;
        for (unsigned r = 0; r < insn_row_count; r++)
            rows += insn_rows[r].feature == gating[i];
        ck_assert_msg((rows > 0) == cpu_has(w.cpu, gating[i]), "feature %u: %u rows", gating[i], rows);
    }
}
END_TEST

START_TEST(topology)
{
    u32 out[4];
    w_start("core2duo");
    w.cpu->count = 6;
    w.cpu->index = 5;
    cpuid(w.cpu, 1, 0, out);
    ck_assert_uint_eq(out[EBX] >> 24, 5);
    ck_assert_uint_eq(out[EBX] >> 16 & 0xff, 8);
    ck_assert(out[EDX] & BIT(28));
    cpuid(w.cpu, 4, 0, out);
    ck_assert_uint_eq(out[EAX] >> 26, 7);
    ck_assert_uint_eq((out[ECX] + 1) * 8 * 64, 32 << 10);
    w_start("max");
    w.cpu->count = 6;
    w.cpu->index = 5;
    cpuid(w.cpu, 0xb, 1, out);
    ck_assert_uint_eq(out[EAX], 3);
    ck_assert_uint_eq(out[EBX], 6);
    ck_assert_uint_eq(out[EDX], 5);
    cpuid(w.cpu, 0xb, 2, out);
    ck_assert_uint_eq(out[ECX], 2);
    ck_assert_uint_eq(out[EBX], 0);
    cpuid(w.cpu, 0x80000008, 0, out);
    ck_assert_uint_eq(out[ECX] & 0xff, 5);
}
END_TEST

START_TEST(dynamic_bits)
{
    u32 out[4];
    w_start("max");
    cpuid(w.cpu, 1, 0, out);
    ck_assert(!(out[ECX] & BIT(27)));
    w.cpu->cr4 |= CR4_OSXSAVE;
    cpuid(w.cpu, 1, 0, out);
    ck_assert(out[ECX] & BIT(27));
    cpuid(w.cpu, 0xd, 0, out);
    ck_assert_uint_eq(out[EAX], 7);
    ck_assert_uint_eq(out[EBX], 576);
    ck_assert_uint_eq(out[ECX], 832);
    w.cpu->xcr0 = 7;
    cpuid(w.cpu, 0xd, 0, out);
    ck_assert_uint_eq(out[EBX], 832);
}
END_TEST

START_TEST(hypervisor_leaf)
{
    u32 out[4];
    w_start("max");
    cpuid(w.cpu, 0x40000000, 0, out);
    ck_assert_uint_eq(out[EBX], 0x6572724f); /* "Orre" */
    w_start("core2duo");
    cpuid(w.cpu, 0x40000000, 0, out);
    ck_assert_uint_ne(out[EBX], 0x6572724f);
}
END_TEST

/* What the model lacks is #UD; what it has runs. */
START_TEST(gating)
{
    static const struct {
        const char *model;
        u8 code[4];
        bool runs;
    } cases[] = {
        {"486", {0x0f, 0x31}, false},
        {"pentium", {0x0f, 0x31}, true},
        {"486", {0x0f, 0x20, 0xe0}, true},
        {"pentium", {0x0f, 0x40, 0xc0}, false},
        {"pentium3", {0x0f, 0x40, 0xc0}, true},
        {"pentium3", {0x0f, 0x05}, false},
        {"max,-rdrand", {0x0f, 0xc7, 0xf0}, false},
        {"max", {0x0f, 0xc7, 0xf0}, true},
        {"qemu64", {0x0f, 0x0d, 0x09}, true},
        {"pentium3", {0x0f, 0x0d, 0x09}, false},
        {"486,-cpuid", {0x0f, 0xa2}, false},
    };
    w_start(cases[_i].model);
    w_protected(0);
    w_code(CODE, cases[_i].code, 3);
    w.ram[CODE + 3] = 0x90;
    w_run(cases[_i].runs ? 1 : 10);
    if (cases[_i].runs)
        ck_assert_int_eq(w_vector(), -1);
    else
        ck_assert_int_eq(w_vector(), EXC_UD);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_loop_test(t, signatures, 0, 7);
    tcase_add_loop_test(t, spec_errors, 0, 6);
    tcase_add_test(t, spec_features);
    tcase_add_test(t, leaves_follow_features);
    tcase_add_test(t, max_is_what_there_is);
    tcase_add_test(t, topology);
    tcase_add_test(t, dynamic_bits);
    tcase_add_test(t, hypervisor_leaf);
    tcase_add_loop_test(t, gating, 0, 11);
}

int main(void) { return w_main("cpuid", add); }
