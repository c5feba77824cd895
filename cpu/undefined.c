/* undefined.def as the engines need it. */
#include "cpu/undefined.h"

enum { X87_CC = UNDEFINED_CC, RESULT = UNDEFINED_RESULT };
enum { ANY, WORD = 2, WIDE = 8 };

#define PROBE_BY(maker, bits, code, rax, rcx, rdx, vector, rax_after, clear, set)                                      \
    {maker, bits, sizeof(code) - 1, vector, code, rax, rcx, rdx, rax_after, {clear, set}},
#define PROBE(...)       PROBE_BY(MAKER_ANY, __VA_ARGS__)
#define PROBE_AMD(...)   PROBE_BY(MAKER_AMD, __VA_ARGS__)
#define PROBE_INTEL(...) PROBE_BY(MAKER_INTEL, __VA_ARGS__)
#define NO_PROBE
#define UNDEFINED(id, mnemonics, forms, what, source, ours, ...)                                                       \
    ROW(id, mnemonics, forms, what, false, source, ours, __VA_ARGS__)
#define ZEROED(id, mnemonics, flags, source, ...) ROW(id, mnemonics, ANY, flags, true, source, "0", __VA_ARGS__)
#define MAKER(id, mnemonics, forms, what, source, intel, amd, ...)                                                     \
    ROW(id, mnemonics, forms, what, false, source, "Intel: " intel "; AMD: " amd, __VA_ARGS__)

#define ROW(id, mnemonics, forms, what, zeroed, source, ours, ...)                                                     \
    static const struct undefined_probe probes_##id[] = {__VA_ARGS__{0}};
#include "cpu/undefined.def"
#undef ROW

#define ROW(id, mnemonics, forms, what, zeroed, source, ours, ...)                                                     \
    {#id, mnemonics, forms, what, zeroed, source, ours, probes_##id},
const struct undefined_row undefined_rows[UNDEFINED_ROWS + 1] = {
#include "cpu/undefined.def"
    {0}};

bool insn_is_one_of(const struct insn_row *row, const char *names)
{
    for (const char *a = row->mnemonic; *a; a += strcspn(a, "/"), a += *a == '/') {
        size_t n = strcspn(a, "/");
        for (const char *s = names; *s; s += strcspn(s, "/"), s += *s == '/')
            if (strcspn(s, "/") == n && !strncmp(a, s, n))
                return true;
    }
    return false;
}

bool undefined_is_about(const struct undefined_row *r, const struct insn_row *row)
{
    return !strcmp(r->mnemonics, "x87")    ? (row->attrs & A_FPU) != 0
           : !strcmp(r->mnemonics, "near") ? (row->attrs & A_F64) != 0
                                           : insn_is_one_of(row, r->mnemonics);
}

u32 insn_zeroed_flags(const struct insn_row *row)
{
    u32 flags = 0;
    for (const struct undefined_row *r = undefined_rows; r->id; r++)
        if (r->zeroed && undefined_is_about(r, row))
            flags |= r->what;
    return flags;
}
