/*
 * What the two sides of the oracle share: blank cases, comparison of end
 * states, disassembly for reports.
 */
#include "tests/insn/oracle.h"

#include "cpu/x87/fp80.h"

#include <capstone/capstone.h>
#include <stdarg.h>

void oracle_case_init(struct oracle_case *c, unsigned bits)
{
    memset(c, 0, sizeof(*c));
    c->bits = bits;
    memset(c->code, 0xcc, sizeof(c->code));
    c->in.rip = ORACLE_CODE;
    c->in.rflags = FL_1 | FL_IF;
    c->in.gpr[RSP] = ORACLE_DATA + 0x1800;
    st16(c->in.fx + FX_FCW, 0x37f);
    st32(c->in.fx + FX_MXCSR, 0x1f80);
    c->ignore_x87_pointers = true;
    if (bits == 16)
        oracle_segmented(c);
}

#ifdef ORRERY_SOFTFP
enum { SOFTWARE_X87 = 1 };
#else
enum { SOFTWARE_X87 = 0 };
#endif
bool oracle_comparable(const struct insn_row *row)
{
    static const char *const transcendental[] = {"f2xm1",  "fyl2x", "fyl2xp1", "fptan",
                                                 "fpatan", "fsin",  "fcos",    "fsincos"};
    for (unsigned i = 0; SOFTWARE_X87 && i < ARRAY_LEN(transcendental); i++)
        if (!strcmp(row->mnemonic, transcendental[i]))
            return false;
    return true;
}

const struct oracle_segment oracle_segments[SEG_COUNT] = {
    [ES] = {ORACLE_DATA + 0x400, 0x1fff, false, false, false},
    [CS] = {ORACLE_CODE & ~0xfffu, 0xfff, true, false, false},
    [SS] = {ORACLE_DATA, 0x2fff, false, false, false},
    [DS] = {ORACLE_DATA, 0x1fff, false, false, false},
    [FS] = {ORACLE_DATA, 0x7ff, false, true, false},
    [GS] = {ORACLE_DATA, 0x2fff, false, false, true},
};

void oracle_segmented(struct oracle_case *c)
{
    c->segmented = true;
    c->in.rip = ORACLE_CODE & 0xfff;
    c->in.gpr[RSP] = 0x1800 | (c->bits == 16 ? ORACLE_ESP_HIGH : 0);
}

u16 oracle_selector(const struct oracle_case *c, enum segreg s)
{
    if (c->segmented)
        return (u16)(((c->bits == 32 ? 8u : 0) + s) << 3 | 7);
    return s == CS ? (c->bits == 64 ? 0x33 : ORACLE_FLAT32) : s >= FS ? 0 : 0x2b;
}

u64 oracle_base(const struct oracle_case *c, enum segreg s)
{
    if (c->segmented)
        return oracle_segments[s].base;
    return s == FS ? c->in.fs_base : s == GS ? c->in.gs_base : 0;
}

/* Text that grows up to its room. */
struct report {
    char *at, *end;
    bool same;
};
static void differs(struct report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void differs(struct report *r, const char *fmt, ...)
{
    va_list ap;
    r->same = false;
    va_start(ap, fmt);
    int n = vsnprintf(r->at, (size_t)(r->end - r->at), fmt, ap);
    va_end(ap);
    r->at += MIN(n, (int)(r->end - r->at) - 1);
}

static void compare_number(struct report *r, const char *name, u64 in, u64 a, u64 b)
{
    if (a != b)
        differs(r, "  %-6s native %016llx  ours %016llx  (was %016llx)\n", name, (unsigned long long)a,
                (unsigned long long)b, (unsigned long long)in);
}

static void compare_flags(struct report *r, const struct oracle_case *c, u64 a, u64 b)
{
    static const struct {
        u32 bit;
        const char *name;
    } names[] = {{FL_CF, "CF"}, {FL_PF, "PF"}, {FL_AF, "AF"}, {FL_ZF, "ZF"}, {FL_SF, "SF"}, {FL_TF, "TF"},
                 {FL_DF, "DF"}, {FL_OF, "OF"}, {FL_NT, "NT"}, {FL_AC, "AC"}, {FL_ID, "ID"}};
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (((a ^ b) & names[i].bit & ~(u64)c->ignore_flags))
            differs(r, "  %s native %d ours %d (was %d)\n", names[i].name, (a & names[i].bit) != 0,
                    (b & names[i].bit) != 0, (c->in.rflags & names[i].bit) != 0);
}

static void compare_bytes(struct report *r, const char *name, u64 base, const u8 *in, const u8 *a, const u8 *b,
                          size_t n)
{
    unsigned shown = 0;
    for (size_t i = 0; i < n && shown < 16; i++)
        if (a[i] != b[i]) {
            differs(r, "  %s%llx native %02x ours %02x (was %02x)\n", name, (unsigned long long)(base + i), a[i], b[i],
                    in[i]);
            shown++;
        }
}

static void compare_wide(struct report *r, const char *name, unsigned index, const u8 *a, const u8 *b, unsigned n)
{
    if (!memcmp(a, b, n))
        return;
    char x[40], y[40];
    for (unsigned i = 0; i < n; i++) {
        snprintf(x + 2 * i, 3, "%02x", a[n - 1 - i]);
        snprintf(y + 2 * i, 3, "%02x", b[n - 1 - i]);
    }
    differs(r, "  %s%u native %s  ours %s\n", name, index, x, y);
}

static void compare_fx(struct report *r, const struct oracle_case *c, const u8 *a, const u8 *b)
{
    compare_number(r, "FCW", ld16(c->in.fx + FX_FCW), ld16(a + FX_FCW), ld16(b + FX_FCW));
    u16 fsw = c->ignore_x87_cc ? (u16)~FSW_CC : 0xffff;
    compare_number(r, "FSW", ld16(c->in.fx + FX_FSW), ld16(a + FX_FSW) & fsw, ld16(b + FX_FSW) & fsw);
    compare_number(r, "FTW", c->in.fx[FX_FTW], a[FX_FTW], b[FX_FTW]);
    if (!c->ignore_x87_pointers) {
        compare_number(r, "FOP", ld16(c->in.fx + FX_FOP), ld16(a + FX_FOP), ld16(b + FX_FOP));
        compare_number(r, "FIP", ld64(c->in.fx + FX_FIP), ld64(a + FX_FIP), ld64(b + FX_FIP));
        compare_number(r, "FDP", ld64(c->in.fx + FX_FDP), ld64(a + FX_FDP), ld64(b + FX_FDP));
    }
    compare_number(r, "MXCSR", ld32(c->in.fx + FX_MXCSR), ld32(a + FX_MXCSR), ld32(b + FX_MXCSR));
    for (unsigned i = 0; i < 8; i++)
        compare_wide(r, "ST", i, a + FX_ST + 16 * i, b + FX_ST + 16 * i, 10);
    for (unsigned i = 0; i < (c->bits == 64 ? 16u : 8u); i++)
        compare_wide(r, "XMM", i, a + FX_XMM + 16 * i, b + FX_XMM + 16 * i, 16);
}

static void compare_ymm(struct report *r, const struct oracle_case *c, const u8 *a, const u8 *b)
{
    for (unsigned i = 0; i < (c->bits == 64 ? 16u : 8u); i++)
        compare_wide(r, "YMMH", i, a + 16 * i, b + 16 * i, 16);
}

bool oracle_same(const struct oracle_case *c, const struct oracle_state *a, const struct oracle_state *b, char *text,
                 size_t size)
{
    static const char *const names[16] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
                                          "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};
    struct report r = {text, text + size, true};
    enum { MXCSR_MM = BIT(17) };
    text[0] = 0;
    /* AMD's misaligned SSE mode, which ours has not: the bit is reserved here. */
    if ((ld32(a->fx + FX_MXCSR) & MXCSR_MM) && b->vector == EXC_GP)
        return true;
    /* Linux says "present" of every address past what programs get, which ends a page before the hole. */
    u32 unsure = a->vector == EXC_PF && a->cr2 >= 0x7ffffffff000 ? 1 : 0;
    if (a->vector != b->vector || (a->error ^ b->error) & ~unsure)
        differs(&r, "  vector native %u error %x  ours %u error %x\n", a->vector, a->error, b->vector, b->error);
    if (a->vector == EXC_PF && b->vector == EXC_PF)
        compare_number(&r, "CR2", 0, a->cr2, b->cr2);
    compare_number(&r, "RIP", c->in.rip, a->rip, b->rip);
    for (unsigned i = 0; i < (c->bits == 64 ? 16u : 8u); i++)
        compare_number(&r, names[i], c->in.gpr[i], a->gpr[i], b->gpr[i]);
    compare_flags(&r, c, a->rflags, b->rflags);
    compare_fx(&r, c, a->fx, b->fx);
    compare_ymm(&r, c, a->ymmh, b->ymmh);
    compare_bytes(&r, "mem ", ORACLE_DATA, c->in.data, a->data, b->data, sizeof(a->data));
    compare_bytes(&r, "mem ", ORACLE_LOW, c->in.low, a->low, b->low, sizeof(a->low));
    return r.same;
}

void oracle_disasm(const struct oracle_case *c, char *text, size_t size)
{
    csh cs;
    cs_insn *insn = NULL;
    struct report r = {text, text + size, true};
    text[0] = 0;
    if (cs_open(CS_ARCH_X86, c->bits == 64 ? CS_MODE_64 : c->bits == 32 ? CS_MODE_32 : CS_MODE_16, &cs) != CS_ERR_OK)
        return;
    for (unsigned at = 0; at < c->len;) {
        size_t n = cs_disasm(cs, c->code + at, c->len - at, ORACLE_CODE + at, 1, &insn);
        unsigned len = n ? insn->size : 1;
        differs(&r, "  %x:", ORACLE_CODE + at);
        for (unsigned i = 0; i < len; i++)
            differs(&r, " %02x", c->code[at + i]);
        differs(&r, "  %s %s\n", n ? insn->mnemonic : "(bad)", n ? insn->op_str : "");
        if (n)
            cs_free(insn, n);
        at += len;
    }
    cs_close(&cs);
}
