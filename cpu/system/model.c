/*
 * CPU models and "-cpu" strings. A model is a row of models.def: facts, and
 * features by name, which follow those of another row.
 */
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "cpu/system/cpuid.h"

#define INTEL "GenuineIntel"
#define AMD   "AuthenticAMD"
#define HYGON "HygonGenuine"
const struct cpu_model_row cpu_models[] = {
#define MODEL(name, parent, vendor, family, model, stepping, level, xlevel, mhz, brand, features)                      \
    {name, NULL, parent, vendor, brand, features, family, model, stepping, mhz, level, xlevel},
#define ALIAS(alias, of) {.name = alias, .alias_of = of},
#include "cpu/system/models.def"
#undef ALIAS
#undef MODEL
};
const size_t cpu_model_count = ARRAY_LEN(cpu_models);

/* ---- features ---- */

static const struct feature_name {
    u16 feature;
    const char *name;
} feature_names[] = {
#define FEATURE(id, name, word, bit) {FEAT_##id, name},
#include "cpu/system/features.def"
#undef FEATURE
};

/* QEMU's words for what is not here: the n-th has bit n of the words behind the CPU's. */
static const char *const absent_names[] = {
#define ABSENT(name) name,
#include "cpu/system/features_absent.def"
#undef ABSENT
};
enum { ABSENT_FIRST = WORD_COUNT * 32 };
static_assert(ARRAY_LEN(absent_names) <= ABSENT_WORDS * 32, "absent features have a bit each");

/* QEMU's and Linux's other spellings. */
static const struct feature_name aliases[] = {
    {FEAT_SSE3, "pni"},      {FEAT_NX, "xd"},           {FEAT_CLFLUSH, "clfsh"},
    {FEAT_CX8, "cmpxchg8b"}, {FEAT_CX16, "cmpxchg16b"}, {FEAT_PCLMULQDQ, "pclmuldq"},
    {FEAT_LM, "i64"},        {FEAT_HT, "cmp-legacy"},   {FEAT_PSE36, "pse-36"},
    {FEAT_ABM, "lzcnt"},     {FEAT_SHA, "sha"},
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
    {FEAT_PKU, FEAT_LM},           {FEAT_PKU, FEAT_XSAVE},
    {FEAT_PKS, FEAT_LM},           {FEAT_CLZERO, FEAT_P6},
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

/* Number of the feature of that name, absent ones included; -1: there is no such word. */
static int feature_find(const char *name, size_t n)
{
    for (unsigned i = 0; n && i < ARRAY_LEN(feature_names); i++)
        if (same_name(name, n, feature_names[i].name))
            return feature_names[i].feature;
    for (unsigned i = 0; n && i < ARRAY_LEN(aliases); i++)
        if (same_name(name, n, aliases[i].name))
            return aliases[i].feature;
    for (unsigned i = 0; n && i < ARRAY_LEN(absent_names); i++)
        if (same_name(name, n, absent_names[i]))
            return (int)(ABSENT_FIRST + i);
    return -1;
}

/* ---- names nobody knows ---- */

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

/* ---- models ---- */

static const struct cpu_model_row *row_find(const char *name, size_t n)
{
    for (size_t i = 0; i < cpu_model_count; i++)
        if (same_name(name, n, cpu_models[i].name))
            return &cpu_models[i];
    return NULL;
}

/* A row's features, on top of its parent's. */
static void row_features(const struct cpu_model_row *row, u32 *words)
{
    if (row->parent)
        row_features(row_find(row->parent, strlen(row->parent)), words);
    for (const char *p = row->features; *p;) {
        bool on = *p != '-';
        p += !on;
        size_t n = strcspn(p, " ");
        int f = feature_find(p, n);
        assert(f >= 0);
        feature_set(words, (unsigned)f, on);
        p += n + (p[n] == ' ');
    }
}

static void model_from_row(const struct cpu_model_row *row, struct cpu_model *m)
{
    *m = (struct cpu_model){.name = row->name};
    if (row->alias_of)
        row = row_find(row->alias_of, strlen(row->alias_of));
    snprintf(m->vendor, sizeof(m->vendor), "%s", row->vendor);
    snprintf(m->brand, sizeof(m->brand), "%s", row->brand);
    m->family = row->family;
    m->model = row->model;
    m->stepping = row->stepping;
    m->max_leaf = row->level;
    m->max_xleaf = row->xlevel;
    m->mhz = row->mhz;
    row_features(row, m->features);
    feature_set(m->features, FEAT_BASE, true);
    feature_set(m->features, FEAT_X486, true);
    feature_set(m->features, FEAT_CPUID, true);
    feature_set(m->features, FEAT_P6, row->family >= 6);
}

/* ---- what is asked of a model ---- */

struct item {
    char name[40], value[80];
    bool has_value, on; /* on: "+f", "f", "f=on" */
};

static bool parse_bool(const char *v, bool *on)
{
    *on = !strcasecmp(v, "on") || !strcasecmp(v, "yes") || !strcasecmp(v, "true");
    return *on || !strcasecmp(v, "off") || !strcasecmp(v, "no") || !strcasecmp(v, "false");
}

/* The next item behind a comma, ",," in a value being a comma; *p goes to its end. False: too long to be one. */
static bool item_next(const char **p, struct item *it)
{
    size_t n = 0;
    const char *s = *p;
    *it = (struct item){.on = *s != '-'};
    s += *s == '+' || *s == '-';
    for (; *s && *s != ',' && *s != '='; s++)
        if (n + 1 < sizeof(it->name))
            it->name[n++] = *s;
        else
            return false;
    it->has_value = *s == '=';
    s += it->has_value;
    for (n = 0; *s && (*s != ',' || (it->has_value && s[1] == ',')); s++) {
        s += *s == ',';
        if (n + 1 == sizeof(it->value))
            return false;
        it->value[n++] = *s;
    }
    *p = s;
    return true;
}

/* QEMU's properties that say how to go about KVM, Hyper-V or migration: nothing follows from them here. */
static bool is_neutral(const char *name)
{
    static const char *const names[] = {
        "kvm", "migratable", "host-phys-bits", "host-phys-bits-limit", "host-cache-info", "vmware-cpuid-freq"};
    static const char *const prefixes[] = {"kvm-", "kvm_", "kvmclock", "hv-", "hv_", "vmx-", "x-"};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (!strcasecmp(name, names[i]))
            return true;
    for (unsigned i = 0; i < ARRAY_LEN(prefixes); i++)
        if (!strncasecmp(name, prefixes[i], strlen(prefixes[i])))
            return true;
    return false;
}

enum property_kind {
    PROP_VENDOR,
    PROP_BRAND,
    PROP_FAMILY,
    PROP_MODEL,
    PROP_STEPPING,
    PROP_LEVEL,
    PROP_XLEVEL,
    PROP_BITS,
    PROP_TSC,
    PROP_CHECK,
    PROP_ENFORCE
};
static const struct property {
    const char *name;
    enum property_kind kind;
    u64 min, max; /* of numbers */
} properties[] = {
    {"vendor", PROP_VENDOR, 0, 0},
    {"model-id", PROP_BRAND, 0, 0},
    {"family", PROP_FAMILY, 4, 0xff + 0xf},
    {"model", PROP_MODEL, 0, 0xff},
    {"stepping", PROP_STEPPING, 0, 0xf},
    {"level", PROP_LEVEL, 1, 0xff},
    {"xlevel", PROP_XLEVEL, 0, 0x800000ff},
    {"phys-bits", PROP_BITS, 32, 52},
    {"tsc-frequency", PROP_TSC, 1000000, 65535000000},
    {"check", PROP_CHECK, 0, 1},
    {"enforce", PROP_ENFORCE, 0, 1},
};

static const struct property *property_find(const char *name)
{
    for (unsigned i = 0; i < ARRAY_LEN(properties); i++)
        if (same_name(name, strlen(name), properties[i].name))
            return &properties[i];
    return NULL;
}

static void set_number(struct cpu_model *m, enum property_kind kind, u64 v)
{
    switch (kind) {
    case PROP_FAMILY:
        m->family = (u16)v;
        break;
    case PROP_MODEL:
        m->model = (u8)v;
        break;
    case PROP_STEPPING:
        m->stepping = (u8)v;
        break;
    case PROP_LEVEL:
        m->max_leaf = (u32)v;
        m->levels_asked = true;
        break;
    case PROP_XLEVEL:
        m->max_xleaf = (u32)v;
        m->levels_asked = true;
        break;
    case PROP_BITS:
        m->phys_bits = (u8)v;
        break;
    default:
        m->mhz = (u16)(v / 1000000);
        break;
    }
}

static bool set_text(struct cpu_model *m, const struct item *it, enum property_kind kind, char *err, size_t err_size)
{
    size_t n = strlen(it->value);
    if (kind == PROP_VENDOR && n != 12) {
        snprintf(err, err_size, "-cpu: vendor=%s: a CPU's vendor has 12 characters, as GenuineIntel", it->value);
        return false;
    }
    if (n > 48) {
        snprintf(err, err_size, "-cpu: model-id=%s: 48 characters at most", it->value);
        return false;
    }
    snprintf(kind == PROP_VENDOR ? m->vendor : m->brand, kind == PROP_VENDOR ? sizeof(m->vendor) : sizeof(m->brand),
             "%s", it->value);
    return true;
}

static bool set_property(struct cpu_model *m, const struct property *p, const struct item *it, char *err,
                         size_t err_size)
{
    bool on = it->on;
    if (p->kind == PROP_VENDOR || p->kind == PROP_BRAND)
        return set_text(m, it, p->kind, err, err_size);
    if (p->kind == PROP_CHECK || p->kind == PROP_ENFORCE) {
        if (it->has_value && !parse_bool(it->value, &on)) {
            snprintf(err, err_size, "-cpu: '%s' is no value for '%s': use on or off", it->value, p->name);
            return false;
        }
        *(p->kind == PROP_CHECK ? &m->unchecked : &m->enforced) = p->kind == PROP_CHECK ? !on : on;
        return true;
    }
    char *end;
    u64 v = strtoull(it->value, &end, 0);
    if (!isdigit((unsigned char)it->value[0]) || *end || v < p->min || v > p->max) {
        snprintf(err, err_size, "-cpu: '%s' is no value for '%s': a number from %llu to %llu", it->value, p->name,
                 (unsigned long long)p->min, (unsigned long long)p->max);
        return false;
    }
    set_number(m, p->kind, v);
    return true;
}

/* One item after the model. */
static bool apply_item(struct cpu_model *m, const struct item *it, char *err, size_t err_size)
{
    bool on = it->on;
    const struct property *p = property_find(it->name);
    if (p)
        return set_property(m, p, it, err, err_size);
    if (is_neutral(it->name))
        return true;
    int f = feature_find(it->name, strlen(it->name));
    if (f < 0) {
        fail_unknown_name("feature", it->name, strlen(it->name), feature_name_at, ARRAY_LEN(feature_names), err,
                          err_size);
        return false;
    }
    if (it->has_value && !parse_bool(it->value, &on)) {
        snprintf(err, err_size, "-cpu: '%s' is no value for '%s': use on or off", it->value, it->name);
        return false;
    }
    feature_switch(m->features, (unsigned)f, on);
    return true;
}

/* What follows from the features chosen: leaves that report them, address widths, hints. */
static void settle_features(struct cpu_model *m)
{
    const u32 *w = m->features;
    m->virt_bits = feature_get(w, FEAT_LM) ? 48 : 32;
    if (!m->phys_bits)
        m->phys_bits = feature_get(w, FEAT_LM) ? 40 : feature_get(w, FEAT_PSE36) || feature_get(w, FEAT_PAE) ? 36 : 32;
    feature_set(m->features, FEAT_AMD, m->vendor[0] == 'A' || m->vendor[0] == 'H'); /* Hygon after AMD */
    feature_set(m->features, FEAT_HINT_0D, feature_get(w, FEAT_PREFETCHW) || feature_get(w, FEAT_LM));
    if (m->levels_asked)
        return;
    if (w[WORD_F6_EAX])
        m->max_leaf = MAX(m->max_leaf, 6u);
    if (w[WORD_F7_EBX] | w[WORD_F7_ECX] | w[WORD_F7_EDX])
        m->max_leaf = MAX(m->max_leaf, 7u);
    if (feature_get(w, FEAT_XSAVE))
        m->max_leaf = MAX(m->max_leaf, 0xdu);
    if (w[WORD_X1_EDX] | w[WORD_X1_ECX])
        m->max_xleaf = MAX(m->max_xleaf, 0x80000001u);
    if (w[WORD_X7_EDX] || w[WORD_X8_EBX] || feature_get(w, FEAT_LM))
        m->max_xleaf = MAX(m->max_xleaf, 0x80000008u);
}

/* Names of what was asked for and is not there, into buf; their number. */
static unsigned list_absent(const struct cpu_model *m, char *buf, size_t size)
{
    unsigned n = 0;
    size_t used = 0;
    buf[0] = 0;
    for (unsigned i = 0; i < ARRAY_LEN(absent_names); i++)
        if (feature_get(m->features, ABSENT_FIRST + i) && used < size)
            used += (size_t)snprintf(buf + used, size - used, "%s%s", n++ ? ", " : "", absent_names[i]);
    return n;
}

bool cpu_model_parse(const char *spec, struct cpu_model *out, char *err, size_t err_size)
{
    size_t n = strcspn(spec, ",");
    const struct cpu_model_row *row = row_find(spec, n);
    char absent[ABSENT_TEXT];
    struct item it;
    if (!row) {
        fail_unknown_name("model", spec, n, model_name, cpu_model_count, err, err_size);
        return false;
    }
    model_from_row(row, out);
    for (const char *p = spec + n; *p == ',';) {
        p++;
        if (!item_next(&p, &it)) {
            snprintf(err, err_size, "-cpu: '%.40s...' is too long", p);
            return false;
        }
        if (!apply_item(out, &it, err, err_size))
            return false;
    }
    settle_features(out);
    if (out->enforced && list_absent(out, absent, sizeof(absent))) {
        snprintf(err, err_size, "-cpu %.*s: requested features are not supported: %s", (int)n, spec, absent);
        return false;
    }
    return true;
}

bool cpu_model_note(const struct cpu_model *m, char *buf, size_t size)
{
    char absent[ABSENT_TEXT];
    if (!strcmp(m->name, "host"))
        return snprintf(buf, size,
                        "-cpu host: the guest's CPU is emulated: '-cpu max', all that there is, is what it gets"),
               true;
    unsigned n = m->unchecked ? 0 : list_absent(m, absent, sizeof(absent));
    if (n)
        snprintf(buf, size, "warning: -cpu %s: requested feature%s not supported: %s", m->name, n > 1 ? "s are" : " is",
                 absent);
    return n;
}
