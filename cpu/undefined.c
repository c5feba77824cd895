/* undefined.def as the engines need it. */
#include "cpu/undefined.h"

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

u32 insn_zeroed_flags(const struct insn_row *row)
{
    u32 flags = 0;
#define UNDEFINED(id, mnemonics, forms, what, source, ours, ...)
#define ZEROED(id, mnemonics, zeroed, source, ...) flags |= insn_is_one_of(row, mnemonics) ? (u32)(zeroed) : 0;
#define MAKER(id, mnemonics, forms, what, source, intel, amd, ...)
#include "cpu/undefined.def"
#undef UNDEFINED
#undef ZEROED
#undef MAKER
    return flags;
}
