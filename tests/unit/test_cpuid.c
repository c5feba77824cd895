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
    } cases[] = {{"486", 0x480, "GenuineIntel"},
                 {"pentium", 0x543, "GenuineIntel"},
                 {"pentium3", 0x673, "GenuineIntel"},
                 {"qemu32", 0x663, "GenuineIntel"},
                 {"core2duo", 0x6fb, "GenuineIntel"},
                 {"qemu64", 0x60fb1, "AuthenticAMD"},
                 {"Nehalem", 0x106a3, "GenuineIntel"},
                 {"Haswell", 0x306c4, "GenuineIntel"},
                 {"EPYC", 0x800f12, "AuthenticAMD"},
                 {"max", 0x60fb1, "AuthenticAMD"},
                 {"Haswell-noTSX-IBRS", 0x306c1, "GenuineIntel"},
                 {"Opteron_G1", 0xf61, "AuthenticAMD"},
                 {"pentium2", 0x652, "GenuineIntel"},
                 {"EPYC-Milan", 0xa00f11, "AuthenticAMD"},
                 {"Dhyana", 0x900f01, "HygonGenuine"},
                 {"Icelake-Server-v4", 0x606a0, "GenuineIntel"},
                 {"max,vendor=GenuineIntel,family=6,model=0x55,stepping=7", 0x50657, "GenuineIntel"}};
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

/* Words as QEMU's tables make them, without what is not here. */
START_TEST(words_of_models)
{
    static const struct {
        const char *model;
        u32 leaf;
        unsigned reg;
        u32 value;
    } cases[] = {
        {"486", 1, EDX, 0x0000000b},
        {"pentium3", 1, EDX, 0x0383fbff},
        {"qemu64", 1, EDX, 0x078bfbfd},
        {"qemu64", 1, ECX, 0x80002001},
        {"qemu64,+la57", 7, ECX, 0},
        {"core2duo", 1, EDX, 0x0fabfbff & ~BIT(21)},
        {"Haswell-v4", 1, ECX, 0xf7fa3203 & ~BIT(27)},
        {"Haswell-v4", 7, EBX, 0x000007a9},
        {"Haswell-v1", 7, EBX, 0x000007a9}, /* TSX is left out */
        {"Skylake-Client,-pcid,-tsc-deadline,-hle,-invpcid,-rtm,-xsave", 1, ECX, 0xc2f82203},
        {"Skylake-Server", 7, ECX, 0x8},
        {"EPYC-Rome", 0x80000008, EBX, 0x205},
        {"Denverton", 0x15, EBX, 2500},
        {"max,vendor=GenuineIntel,level=0x16,tsc-frequency=2100000000", 0x16, EAX, 2100},
        {"max,level=3", 0, EAX, 3},
        {"max,phys-bits=36", 0x80000008, EAX, 0x3024},
        {"max,model-id=A,,B", 0x80000002, EAX, 0x00422c41},
        {"EPYC,hv_relaxed,kvm=off,migratable=no,-pmu", 1, EAX, 0x800f12},
    };
    u32 out[4];
    w_start("max");
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct cpu_model m;
        char err[200];
        ck_assert_msg(cpu_model_parse(cases[i].model, &m, err, sizeof(err)), "%s", err);
        w.cpu->model = &m;
        memcpy(w.cpu->features, m.features, WORD_COUNT * sizeof(u32));
        cpuid(w.cpu, cases[i].leaf, 0, out);
        ck_assert_msg(out[cases[i].reg] == cases[i].value, "%s: %08x, not %08x", cases[i].model, out[cases[i].reg],
                      cases[i].value);
    }
    w.cpu->model = &w.model;
}
END_TEST

START_TEST(notes)
{
    static const struct {
        const char *spec, *says;
    } cases[] = {
        {"Haswell", "warning: -cpu Haswell: requested features are not supported: hle, rtm"},
        {"Haswell-noTSX", NULL},
        {"Haswell,check=off", NULL},
        {"Haswell,-hle,-rtm", NULL},
        {"qemu64,+la57", "warning: -cpu qemu64: requested feature is not supported: la57"},
        {"host", "-cpu host: the guest's CPU is emulated: '-cpu max', all that there is, is what it gets"},
        {"max", NULL},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct cpu_model m;
        char err[200], note[ABSENT_TEXT] = "";
        ck_assert(cpu_model_parse(cases[i].spec, &m, err, sizeof(err)));
        ck_assert_int_eq(cpu_model_note(&m, note, sizeof(note)), cases[i].says != NULL);
        ck_assert_str_eq(note, cases[i].says ? cases[i].says : "");
    }
}
END_TEST

/* Every row's parent and features have a name, whatever is asked for. */
START_TEST(every_model_starts)
{
    for (size_t i = 0; i < cpu_model_count; i++) {
        struct cpu_model m;
        char err[200];
        ck_assert_msg(cpu_model_parse(cpu_models[i].name, &m, err, sizeof(err)), "%s", err);
        ck_assert_uint_eq(strlen(m.vendor), 12);
        ck_assert_uint_ge(m.phys_bits, 32);
    }
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
        {"max,family=900", "'900' is no value for 'family': a number from 4 to 270"},
        {"max,stepping=", "'' is no value for 'stepping'"},
        {"max,vendor=Intel", "a CPU's vendor has 12 characters"},
        {"Haswell,enforce", "requested features are not supported: hle, rtm"},
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
        FEAT_CX8,        FEAT_CMOV,      FEAT_CLFLUSH,    FEAT_MMX,   FEAT_FXSR,     FEAT_SSE,     FEAT_SSE2,
        FEAT_SSE3,       FEAT_PCLMULQDQ, FEAT_MONITOR,    FEAT_SSSE3, FEAT_FMA,      FEAT_CX16,    FEAT_SSE4_1,
        FEAT_SSE4_2,     FEAT_MOVBE,     FEAT_POPCNT,     FEAT_AES,   FEAT_XSAVE,    FEAT_AVX,     FEAT_F16C,
        FEAT_RDRAND,     FEAT_FSGSBASE,  FEAT_BMI1,       FEAT_AVX2,  FEAT_BMI2,     FEAT_INVPCID, FEAT_RDSEED,
        FEAT_ADX,        FEAT_SMAP,      FEAT_CLFLUSHOPT, FEAT_CLWB,  FEAT_SHA,      FEAT_RDPID,   FEAT_SYSCALL,
        FEAT_RDTSCP,     FEAT_LAHF_LM,   FEAT_ABM,        FEAT_SSE4A, FEAT_XSAVEOPT, FEAT_XSAVEC,  FEAT_VAES,
        FEAT_VPCLMULQDQ, FEAT_PKU,       FEAT_CLZERO};
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
    ck_assert_uint_eq(out[EAX], 0x207);
    ck_assert_uint_eq(out[EBX], 576);
    ck_assert_uint_eq(out[ECX], 840);
    w.cpu->xcr0 = 7;
    cpuid(w.cpu, 0xd, 0, out);
    ck_assert_uint_eq(out[EBX], 832);
    cpuid(w.cpu, 7, 0, out);
    ck_assert(!(out[ECX] & BIT(4)));
    w.cpu->cr4 |= CR4_PKE;
    cpuid(w.cpu, 7, 0, out);
    ck_assert(out[ECX] & BIT(4)); /* OSPKE */
    w_start("Skylake-Server");
    cpuid(w.cpu, 0xd, 9, out); /* where Intel has PKRU */
    ck_assert_uint_eq(out[EAX], 8);
    ck_assert_uint_eq(out[EBX], 2688);
}
END_TEST

START_TEST(hypervisor_leaf)
{
    u32 out[4];
    w_start("max");
    cpuid(w.cpu, 0x40000000, 0, out);
    ck_assert_uint_eq(out[EBX], 0x6572724f); /* "Orre" */
    w_start("core2duo,-hypervisor");
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
        {"EPYC-v3", {0x0f, 0x01, 0xfc}, true}, /* CLZERO */
        {"EPYC-v2", {0x0f, 0x01, 0xfc}, false},
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

/* LOCK MOV EAX, CR0 is CR8 where the model has that, #UD elsewhere. */
START_TEST(cr8_by_lock)
{
    w_start(_i ? "EPYC" : "Haswell");
    w_protected(0);
    CODE_AT(CODE, 0xf0, 0x0f, 0x20, 0xc0, 0xf4);
    w_run(10);
    ck_assert_int_eq(w_vector(), _i ? -1 : EXC_UD);
    if (_i)
        ck_assert_uint_eq(w.cpu->gpr[RAX], 5);
}
END_TEST

static void add(TCase *t)
{
    tcase_add_loop_test(t, signatures, 0, 17);
    tcase_add_test(t, words_of_models);
    tcase_add_test(t, notes);
    tcase_add_test(t, every_model_starts);
    tcase_add_loop_test(t, spec_errors, 0, 12);
    tcase_add_test(t, spec_features);
    tcase_add_test(t, leaves_follow_features);
    tcase_add_test(t, max_is_what_there_is);
    tcase_add_test(t, topology);
    tcase_add_test(t, dynamic_bits);
    tcase_add_test(t, hypervisor_leaf);
    tcase_add_loop_test(t, cr8_by_lock, 0, 2);
    tcase_add_loop_test(t, gating, 0, 13);
}

int main(void) { return w_main("cpuid", add); }
