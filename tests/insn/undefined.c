/*
 * Asks the host how it answers what cpu/undefined.def lists: its probes run
 * once, at the first question, natively and on ours. The host's name is never
 * looked at.
 */
#include "tests/insn/undefined.h"

bool undefined_probe_holds(const struct undefined_probe *p, unsigned run, oracle_run *on, u32 flags)
{
    static struct oracle_case c;
    static struct oracle_state out;
    oracle_case_init(&c, p->bits);
    memcpy(c.code, p->code, p->len);
    c.len = p->len;
    c.in.gpr[RAX] = p->rax;
    c.in.gpr[RCX] = p->rcx;
    c.in.gpr[RDX] = p->rdx;
    c.in.rflags |= run ? FL_ARITH : 0;
    return on(&c, &out) && out.vector == p->vector && out.gpr[RAX] == p->rax_after &&
           ((out.rflags ^ p->flags_after[run]) & flags & FL_ARITH) == 0;
}

bool native_runs(unsigned bits)
{
    static const struct undefined_probe nothing[] = {{MAKER_ANY, 16, 0, EXC_BP, "", 1, 0, 0, 1, {0}},
                                                     {MAKER_ANY, 32, 0, EXC_BP, "", 1, 0, 0, 1, {0}},
                                                     {MAKER_ANY, 64, 0, EXC_BP, "", 1, 0, 0, 1, {0}}};
    static bool asked, runs[3];
    for (unsigned i = 0; !asked && i < ARRAY_LEN(nothing); i++)
        runs[i] = native_available() && undefined_probe_holds(&nothing[i], 0, native_run, 0);
    asked = true;
    return runs[bits == 16 ? 0 : bits == 32 ? 1 : 2];
}

static bool both_hold(const struct undefined_probe *p, oracle_run *on, u32 flags)
{
    return undefined_probe_holds(p, 0, on, flags) && undefined_probe_holds(p, 1, on, flags);
}

bool undefined_row_native(const struct undefined_row *row)
{
    static bool asked[UNDEFINED_ROWS], same[UNDEFINED_ROWS];
    size_t i = (size_t)(row - undefined_rows);
    if (!asked[i]) {
        asked[i] = same[i] = true;
        for (const struct undefined_probe *p = row->probes; p->bits; p++)
            if (p->maker != MAKER_INTEL) /* ours is of the other */
                same[i] = same[i] && native_runs(p->bits) && both_hold(p, native_run, row->what) &&
                          both_hold(p, ours_run, row->what);
    }
    return same[i];
}

static u32 undefined_of(const struct insn_row *row, unsigned opsize, bool here)
{
    u32 what = 0;
    for (const struct undefined_row *r = undefined_rows; r->id; r++) {
        if (undefined_is_about(r, row) && (!r->opsize || opsize == r->opsize) && !(here && undefined_row_native(r)))
            what |= r->what;
    }
    return what;
}
u32 undefined_anywhere(const struct insn_row *row, unsigned opsize) { return undefined_of(row, opsize, false); }
u32 undefined_here(const struct insn_row *row, unsigned opsize) { return undefined_of(row, opsize, true); }
