/*
 * The generator of oracle cases. Rows' encodings are spelled out into bytes
 * with random operands; our own decoder then tells what memory they address,
 * and registers are set so that it lies in the oracle's areas. What the
 * decoder makes wrong shows as a difference like anything else.
 */
#include "tests/insn/gen.h"

#include <stdlib.h>

#include "cpu/system/cpuid.h"
#include "tests/insn/undefined.h"

/* ---- randomness ---- */
u64 gen_random(struct gen *g)
{
    g->rng += 0x9e3779b97f4a7c15ull; /* splitmix64 */
    u64 z = g->rng;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}
static unsigned below(struct gen *g, unsigned n) { return (unsigned)(gen_random(g) >> 33) % n; }
static bool chance(struct gen *g, unsigned percent) { return below(g, 100) < percent; }

u64 gen_value(struct gen *g)
{
    static const u64 corners[] = {0,
                                  1,
                                  2,
                                  ~0ull,
                                  0x7f,
                                  0x80,
                                  0xff,
                                  0x7fff,
                                  0x8000,
                                  0xffff,
                                  0x7fffffff,
                                  0x80000000,
                                  0xffffffff,
                                  0x7fffffffffffffff,
                                  0x8000000000000000,
                                  0x100,
                                  0x10000,
                                  0x100000000};
    u64 v = gen_random(g);
    switch (below(g, 6)) {
    case 0:
        return corners[below(g, ARRAY_LEN(corners))];
    case 1:
        return corners[below(g, ARRAY_LEN(corners))] + below(g, 3) - 1;
    case 2:
        return v >> below(g, 64);
    case 3:
        return ~(v >> below(g, 64));
    case 4:
        return v & gen_random(g) & gen_random(g);
    default:
        return v;
    }
}

/* ---- rows ---- */
static unsigned count_of(enum gen_family f)
{
    enum {
#define INSN(...) +1
        INTS = 0
#include "cpu/insn_int.def"
        ,
        SYSS = 0
#include "cpu/insn_sys.def"
        ,
        X87S = 0
#include "cpu/insn_x87.def"
        ,
        MMXS = 0
#include "cpu/insn_mmx.def"
        ,
        SSES = 0
#include "cpu/insn_sse.def"
#undef INSN
    };
    static const unsigned counts[GEN_FAMILIES] = {INTS, SYSS, X87S, MMXS, SSES};
    return counts[f];
}
enum gen_family gen_family(unsigned row)
{
    unsigned f = GEN_INT;
    for (; f + 1 < GEN_FAMILIES && row >= count_of((enum gen_family)f); f++)
        row -= count_of((enum gen_family)f);
    return (enum gen_family)f;
}

/* True when 'name' is one of the slash-separated words of list. */
static bool named(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *s = list; s; s = strchr(s, '/') ? strchr(s, '/') + 1 : NULL)
        if (!strncmp(s, name, n) && (s[n] == 0 || s[n] == '/'))
            return true;
    return false;
}
static bool any_of(const char *list, const char *const *names)
{
    for (; *names; names++)
        if (named(list, *names))
            return true;
    return false;
}

void gen_init(struct gen *g, u64 seed)
{
    /* Reads what the two sides cannot have alike, or leaves for good. */
    /* those of x87 store pointers in ways that differ between hosts: test_x87.c looks at them */
    static const char *const elsewhere[] = {"in", "out", "ins", "outs", "fnstenv", "fldenv", "fnsave", "frstor", NULL};
    static const char *const never[] = {
        "in",       "out",    "ins",   "outs",   "rdtsc",    "rdtscp",  "cpuid",   "sidt",    "sgdt",
        "sldt",     "str",    "smsw",  "lsl",    "lar",      "verr",    "verw",    "rdpid",   "rdrand",
        "rdseed",   "xgetbv", "xsave", "xrstor", "xsaveopt", "xsavec",  "xsaves",  "xrstors", "syscall",
        "sysenter", "int",    "int3",  "int1",   "iret",     "ljmp",    "lcall",   "retf",    "lds",
        "les",      "lss",    "lfs",   "lgs",    "sysret",   "sysexit", "monitor", "mwait",   "rdpmc",
        "invpcid",  "popf",   "push",  "pop",    "fxsave",   "fxrstor", NULL};
    g->rng = seed;
    g->features = ours_features();
    g->usable = g->skipped = 0;
    for (unsigned r = 0; r < insn_row_count; r++) {
        const struct insn_row *row = &insn_rows[r];
        enum gen_family f = gen_family(r);
        if (!(g->families & BIT(f)) || (g->only && !named(row->mnemonic, g->only)) ||
            (f == GEN_SYS ? any_of(row->mnemonic, never) || strchr(row->operands, 'S')
                          : any_of(row->mnemonic, elsewhere)) ||
            !oracle_comparable(row))
            continue;
        if (!native_has(row->feature) || !(g->features[row->feature >> 5] >> (row->feature & 31) & 1))
            g->skipped++;
        else
            g->rows[g->usable++] = (u16)r;
    }
}

u32 gen_mode(unsigned bits)
{
    u32 code = bits == 64 ? MODE_CODE64 : bits == 32 ? MODE_CODE32 : MODE_CODE16;
    return code | MODE_FPU | MODE_SSE | MODE_AVX;
}

/* ---- bytes of one instruction ---- */
struct encoding {
    u8 mandatory;       /* 66, F3, F2 or 0 */
    bool no_66, no_rep; /* NP; NP or NF */
    int w;              /* -1: any */
    bool vex;
    int vex_l;
    u8 opcode[4];
    unsigned nopcode; /* with escapes; of VEX only the opcode itself */
    u8 map;           /* VEX */
    bool plus_r, modrm;
    int digit, byte;
    bool plus_i;
};

static void parse_vex(struct encoding *e, const char *s, size_t n)
{
    e->vex = true;
    char word[64];
    snprintf(word, sizeof(word), "%.*s.", (int)n, s);
    e->vex_l = strstr(word, ".256.") || strstr(word, ".L1.") ? 1 : strstr(word, ".LIG.") ? -1 : 0;
    e->mandatory = strstr(word, ".66.") ? 1 : strstr(word, ".F3.") ? 2 : strstr(word, ".F2.") ? 3 : 0;
    e->map = strstr(word, ".0F38.") ? 2 : strstr(word, ".0F3A.") ? 3 : 1;
    e->w = strstr(word, ".W0.") ? 0 : strstr(word, ".W1.") ? 1 : -1;
}

/* An operand that is a register by name, not one that ModRM chooses. */
static bool names_register(const char *operand)
{
    static const char *const names[] = {"CL", "DX", "ST", "CS", "ES", "DS", "SS", "GS"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!strncmp(operand, names[i], 2))
            return true;
    return false;
}

static struct encoding parse(const struct insn_row *row)
{
    struct encoding e = {.w = -1, .digit = -1, .byte = -1};
    bool opcode = false;
    for (const char *s = row->encoding; *s;) {
        size_t n = strcspn(s, " ");
        if (!strncmp(s, "VEX", 3)) {
            parse_vex(&e, s, n);
        } else if (!strncmp(s, "NP", 2)) {
            e.no_66 = e.no_rep = true;
        } else if (!strncmp(s, "NF", 2)) {
            e.no_rep = true;
        } else if (s[0] == 'W') {
            e.w = s[1] - '0';
        } else if (s[0] == '/') {
            e.modrm = true;
            e.digit = s[1] == 'r' ? -1 : s[1] - '0';
        } else {
            u8 v = (u8)strtol(s, NULL, 16);
            bool second = e.nopcode == 1 && e.opcode[0] == 0x0f && (v == 0x38 || v == 0x3a);
            bool escape = !e.vex && ((e.nopcode == 0 && v == 0x0f) || second);
            if (!opcode && !e.vex && e.nopcode == 0 && s[n] && (v == 0x66 || v == 0xf2 || v == 0xf3)) {
                e.mandatory = v;
            } else if (!opcode) {
                e.opcode[e.nopcode++] = v;
                opcode = !(escape && s[n]);
                e.plus_r = n == 4 && s[3] == 'r';
            } else {
                e.byte = v;
                e.plus_i = n == 4;
                e.modrm = true;
            }
        }
        s += n;
        s += strspn(s, " ");
    }
    for (const char *s = row->operands; *s; s++)
        if (strchr("EGMRSCDVWUPQN", *s) && (s == row->operands || s[-1] == ',') && !names_register(s))
            e.modrm = true;
    return e;
}

static unsigned put_prefixes(struct gen *g, const struct insn_row *row, const struct encoding *e, unsigned bits,
                             u8 *out)
{
    unsigned n = 0;
    bool branch = strchr(row->operands, 'J') != NULL || (row->attrs & A_F64);
    if (chance(g, row->attrs & A_LOCK ? 15 : 1))
        out[n++] = 0xf0;
    /* AMD lets F2 and F3 choose the condition of LOOPE and LOOPNE, which no manual says */
    bool odd = named(row->mnemonic, "loope") || named(row->mnemonic, "loopne");
    if (!e->mandatory && !e->no_rep && !odd && chance(g, strpbrk(row->operands, "XY") ? 60 : 3))
        out[n++] = chance(g, 50) ? 0xf2 : 0xf3;
    if (!e->mandatory && !e->no_66 && chance(g, branch && bits == 64 ? 3 : 25)) /* then they lead nowhere, on AMD */
        out[n++] = 0x66;
    if ((e->mandatory == 0xf2 || e->mandatory == 0xf3) && chance(g, 10))
        out[n++] = 0x66;
    if (chance(g, 6))
        out[n++] = 0x67;
    if (chance(g, 6))
        out[n++] = bits == 64 && chance(g, 70) ? 0x64 | below(g, 2) : (const u8[]){0x26, 0x2e, 0x36, 0x3e}[below(g, 4)];
    if (e->mandatory)
        out[n++] = e->mandatory;
    return n;
}

static unsigned put_opcode(struct gen *g, const struct encoding *e, unsigned bits, u8 *out)
{
    unsigned n = 0;
    unsigned w = e->w >= 0 ? (unsigned)e->w : chance(g, 40);
    if (e->vex) {
        u8 rxb = bits == 64 ? (u8)(below(g, 8) << 5) : 0xe0;
        unsigned l = e->vex_l < 0 ? below(g, 2) : (unsigned)e->vex_l;
        out[n++] = 0xc4;
        out[n++] = rxb | e->map;
        out[n++] = (u8)(w << 7 | below(g, 16) << 3 | l << 2 | e->mandatory);
        if (bits != 64)
            out[n - 1] |= 0x40;
    } else if (bits == 64 && (e->w == 1 || chance(g, 60))) {
        out[n++] = (u8)(0x40 | w << 3 | below(g, 8));
    }
    memcpy(out + n, e->opcode, e->nopcode);
    n += e->nopcode;
    if (e->plus_r)
        out[n - 1] += (u8)below(g, 8);
    if (!e->modrm)
        return n;
    u8 m = (u8)gen_random(g);
    if (chance(g, 25))
        m |= 0xc0;
    if (e->digit >= 0)
        m = (u8)((m & 0xc7) | e->digit << 3);
    if (e->byte >= 0)
        m = (u8)(e->plus_i ? e->byte | (m & 7) : e->byte);
    out[n++] = m;
    return n;
}

unsigned gen_encode(struct gen *g, unsigned r, unsigned bits, u8 out[16])
{
    const struct insn_row *row = &insn_rows[r];
    if (row->attrs & (bits == 64 ? A_I64 : A_O64))
        return 0;
    struct encoding e = parse(row);
    if (e.w == 1 && bits != 64)
        return 0;
    u8 bytes[40];
    unsigned n = e.vex ? (chance(g, 5) ? (bytes[0] = 0x67, 1u) : 0) : put_prefixes(g, row, &e, bits, bytes);
    n += put_opcode(g, &e, bits, bytes + n);
    /* the tail: SIB, displacement, immediate */
    u64 tail[2] = {gen_random(g), gen_value(g)};
    if (chance(g, 50))
        tail[0] = (tail[0] & 0xff) | gen_value(g) << 8;
    memcpy(bytes + n, tail, 16);
    struct insn in;
    enum decode_result d = decode(g->features, gen_mode(bits), bytes, 15, &in);
    if (d != DECODE_OK && !(d == DECODE_UD && gen_family(r) != GEN_SYS && chance(g, 5)))
        return 0;
    if (d == DECODE_OK && in.row != row)
        return 0; /* a narrower row took it */
    unsigned len = d == DECODE_OK ? in.len : MAX(n, 1u);
    if (len > 15)
        return 0;
    memcpy(out, bytes, len);
    return len;
}

/* ---- a case under construction ---- */
struct building {
    struct gen *g;
    struct oracle_case *c;
    bool first;       /* no instruction yet: registers can be set in the state */
    unsigned skip_at; /* where to patch a forward jump, 0: nothing */
    unsigned skip_size;
};

static bool emit(struct building *b, const void *bytes, unsigned n)
{
    if (b->c->len + n > ORACLE_CODE_MAX - 32)
        return false;
    memcpy(b->c->code + b->c->len, bytes, n);
    b->c->len += n;
    return true;
}

/* Makes reg hold v before the next instruction. */
static void set_reg(struct building *b, unsigned reg, u64 v)
{
    if (b->first) {
        if (reg == RSP && b->c->bits == 16)
            v = (v & 0xffff) | ORACLE_ESP_HIGH;
        b->c->in.gpr[reg] = b->c->bits == 64 ? v : (u32)v;
        return;
    }
    u8 bytes[10] = {(u8)(reg >= 8 ? 0x49 : 0x48), (u8)(0xb8 | (reg & 7))};
    if (b->c->bits == 64) {
        st64(bytes + 2, v);
        emit(b, bytes, 10);
    } else {
        bytes[0] = 0x66;
        st32(bytes + 2, (u32)v);
        emit(b, bytes + (b->c->bits == 32), 6 - (b->c->bits == 32));
    }
}

/* The linear address of an operand. */
static u64 place(struct building *b, unsigned asize)
{
    struct gen *g = b->g;
    u64 base = asize == 2 && !b->c->segmented ? ORACLE_LOW : ORACLE_DATA;
    u64 at = below(g, 0x1000);
    switch (below(g, 12)) {
    case 0:
        at = 0x1000 - below(g, 20);
        break; /* over a page border */
    case 1:
        at = 0x2000 - below(g, 20);
        break; /* into read-only or nothing */
    case 2:
        at = 0x2000 + below(g, 0x800);
        break; /* read-only, or nothing */
    case 3:
        at = base == ORACLE_LOW ? 0 - (u64)below(g, 40) : 0x3000 - below(g, 40);
        break;
    case 4:
    case 5:
    case 6:
        break;
    default:
        at &= ~15ull;
        break;
    }
    return base + at;
}

/* Aims the memory operand of 'in' at 'to' by setting its base (or index), or its RIP displacement. */
static void aim(struct building *b, const struct insn *in, u8 *bytes, u64 to)
{
    u64 seg = oracle_base(b->c, in->seg);
    struct gen *g = b->g;
    u64 junk = in->asize == 8 ? 0 : gen_random(g) << (8 * in->asize);
    to -= seg;
    if (in->base == SLOT_RIP) {
        /* the displacement's place: right after ModRM; search for it */
        for (unsigned i = 1; i + 4 <= in->len; i++)
            if ((i32)ld32(bytes + i) == in->disp && (bytes[i - 1] & 0xc7) == 5) {
                st32(bytes + i, (u32)(to - (b->c->in.rip + b->c->len + in->len)));
                return;
            }
        return;
    }
    u64 index = in->index == SLOT_ZERO ? 0 : b->c->in.gpr[in->index] << in->scale;
    if (in->base != SLOT_ZERO) {
        if (in->index != SLOT_ZERO && in->index != in->base && !b->first) {
            u64 v = chance(g, 50) ? below(g, 64) : gen_random(g);
            set_reg(b, in->index, v);
            index = v << in->scale;
        }
        u64 want = to - (u64)(i64)in->disp;
        if (in->index == in->base)
            want /= 1 + (1u << in->scale);
        else
            want -= index;
        set_reg(b, in->base, (want & size_mask(in->asize)) | junk);
    } else if (in->index != SLOT_ZERO) {
        set_reg(b, in->index, ((to - (u64)(i64)in->disp) >> in->scale & size_mask(in->asize)) | junk);
    }
}

static bool mnemonic_is(const struct insn *in, const char *name) { return named(in->row->mnemonic, name); }

/* Registers that an instruction uses without naming them. */
static void set_implied(struct building *b, const struct insn *in, unsigned bits)
{
    static const char *const strings[] = {"movs", "stos", "lods", "scas", "cmps", NULL};
    static const char *const masked[] = {"maskmovdqu", "vmaskmovdqu", "maskmovq", NULL};
    struct gen *g = b->g;
    u64 src_seg = oracle_base(b->c, in->seg), ss = oracle_base(b->c, SS);
    if (any_of(in->row->mnemonic, strings)) {
        set_reg(b, RSI, place(b, in->asize) - src_seg);
        set_reg(b, RDI, place(b, in->asize) - oracle_base(b->c, ES));
        if (chance(g, 80) && (in->rep || in->repne))
            set_reg(b, RCX, below(g, chance(g, 10) ? 3000 : 20));
        else if (chance(g, 50) && in->asize != 8)
            set_reg(b, RCX, gen_random(g) << (8 * in->asize) | below(g, 40));
    } else if (any_of(in->row->mnemonic, masked)) {
        set_reg(b, RDI, place(b, in->asize) - src_seg);
    } else if (mnemonic_is(in, "xlatb")) {
        set_reg(b, RBX, place(b, in->asize) - src_seg - (b->first ? b->c->in.gpr[RAX] & 0xff : 0));
    } else if (mnemonic_is(in, "leave")) {
        set_reg(b, RBP, place(b, bits / 8) - ss);
    } else if (mnemonic_is(in, "div") && chance(g, 70)) {
        set_reg(b, RDX, chance(g, 50) ? 0 : gen_random(g) >> (40 + below(g, 24)));
    } else if (mnemonic_is(in, "idiv") && chance(g, 70)) {
        set_reg(b, RDX, chance(g, 50) ? 0 : ~0ull);
    } else if (strstr(in->row->mnemonic, "loop") || mnemonic_is(in, "jcxz")) {
        if (chance(g, 60))
            set_reg(b, RCX, below(g, 3));
    }
}

/* Bit numbers in registers must not lead far away from memory operands. */
static void tame_bit_index(struct building *b, const struct insn *in)
{
    if ((mnemonic_is(in, "bt") || mnemonic_is(in, "bts") || mnemonic_is(in, "btr") || mnemonic_is(in, "btc")) &&
        in->op[0].kind == OPK_MEM && in->op[1].kind == OPK_REG && in->op[1].reg != in->base &&
        in->op[1].reg != in->index && (b->c->bits == 64 || chance(b->g, 90)))
        set_reg(b, in->op[1].reg, (u64)((i64)below(b->g, 0x4000) - 0x2000));
}

/* Where branches lead: forward over the next instruction, or into the INT3s around. */
static void aim_branch(struct building *b, const struct insn *in, u8 *bytes, bool single)
{
    struct gen *g = b->g;
    u64 start = b->c->in.rip, near = start + 0x600 + below(g, 0x100), ss = oracle_base(b->c, SS);
    if (in->op[0].kind == OPK_REL) {
        unsigned size = strchr(in->row->operands, 'z') ? MIN(in->opsize, 4u) : 1;
        if (!single) {
            memset(bytes + in->len - size, 0, size);
            b->skip_at = b->c->len + in->len - size;
            b->skip_size = size;
        } else if (size > 1 && chance(g, 80)) {
            st_le(bytes + in->len - size, near - (start + in->len), size);
        }
    } else if (mnemonic_is(in, "ret")) {
        unsigned at = 0x800 + below(g, 64) * (chance(g, 90) ? 8 : 1);
        set_reg(b, RSP, ORACLE_DATA + at - ss + (b->c->bits == 16 ? ORACLE_ESP_HIGH : 0));
        if (b->first && chance(g, 80))
            st64(b->c->in.data + at, near);
    } else if (in->op[0].kind == OPK_REG) {
        if (in->op[0].reg != RSP && chance(g, 80))
            set_reg(b, in->op[0].reg, near);
    } else if (b->first && in->op[0].kind == OPK_MEM) {
        u64 to = ORACLE_DATA + below(g, 0xff8);
        aim(b, in, bytes, to);
        if (chance(g, 80))
            st64(b->c->in.data + (to - ORACLE_DATA), near);
    }
}

static bool has_memory(const struct insn *in)
{
    for (unsigned i = 0; i < in->noperands; i++)
        if (in->op[i].kind == OPK_MEM)
            return true;
    return in->modrm < 0xc0 && in->base != SLOT_ZERO;
}

/* Flags that the host leaves otherwise are not compared after one instruction, and overwritten in a sequence. */
static bool forget_flags(struct building *b, u32 undefined, bool single)
{
    u8 cmp[6] = {0x66, 0x3d}; /* with eAX */
    if (single) {
        b->c->ignore_flags |= undefined & FL_ARITH;
        b->c->ignore_x87_cc = undefined & UNDEFINED_CC;
        return true;
    }
    st32(cmp + 2, (u32)gen_value(b->g));
    return !(undefined & FL_ARITH) || (b->c->bits == 16 ? emit(b, cmp, 6) : emit(b, cmp + 1, 5));
}

/* One instruction at the end of the case. */
static bool append(struct building *b, unsigned row, bool single)
{
    u8 bytes[16];
    struct insn in;
    unsigned bits = b->c->bits, n = gen_encode(b->g, row, bits, bytes);
    if (n == 0)
        return false;
    bool ok = decode(b->g->features, gen_mode(bits), bytes, n, &in) == DECODE_OK;
    u32 undefined = b->g->native && ok ? undefined_here(in.row, in.opsize) : 0;
    if (undefined & (single ? UNDEFINED_RESULT : UNDEFINED_RESULT | UNDEFINED_CC))
        return false;
    unsigned skip_at = b->skip_at, skip_size = b->skip_size;
    if (ok) {
        bool branch = in.row->attrs & A_F64;
        if (branch && !single && in.op[0].kind != OPK_REL)
            return false;
        b->skip_at = 0;
        set_implied(b, &in, bits);
        tame_bit_index(b, &in);
        unsigned before = b->c->len;
        if (has_memory(&in) && chance(b->g, 97))
            aim(b, &in, bytes, place(b, in.asize));
        if (in.base == SLOT_RIP && b->c->len != before)
            return false;
        const char *name = in.row->mnemonic;
        if (strstr(name, "maskmovp") || strstr(name, "pmaskmov") || strstr(name, "gather"))
            b->c->in.rflags &= ~(u64)FL_AC;        /* what they check, manuals leave open */
        if (strstr(in.row->mnemonic, "ldmxcsr")) { /* AMD has a bit 17 there */
            if (!b->first)
                return false;
            for (unsigned i = 2; i < ORACLE_DATA_SIZE; i += 4)
                st16(b->c->in.data + i, 0);
        }
        if (branch)
            aim_branch(b, &in, bytes, single);
    }
    if (!emit(b, bytes, n) || !forget_flags(b, undefined, single))
        return false;
    if (skip_at) { /* the jump before leads behind this one */
        unsigned dist = b->c->len - (skip_at + skip_size);
        if (skip_size == 1)
            b->c->code[skip_at] = (u8)dist;
        else
            st_le(b->c->code + skip_at, dist, skip_size);
        if (skip_at == b->skip_at)
            b->skip_at = 0;
    }
    b->first = false;
    return true;
}

/* ---- the state a case starts in ---- */
static u64 random_double(struct gen *g)
{
    static const u64 corners[] = {0,
                                  1ull << 63,
                                  0x3ff0000000000000,
                                  0xbff0000000000000,
                                  0x7ff0000000000000,
                                  0xfff0000000000000,
                                  0x7ff8000000000000,
                                  0x7ff0000000000001,
                                  1,
                                  0x000fffffffffffff,
                                  0x0010000000000000,
                                  0x7fefffffffffffff,
                                  0x41dfffffffc00000,
                                  0xc1e0000000000000};
    switch (below(g, 4)) {
    case 0:
        return corners[below(g, ARRAY_LEN(corners))];
    case 1:
        return (gen_random(g) & 0x800fffffffffffff) | (u64)(0x3ff - 40 + below(g, 80)) << 52;
    case 2:
        return (gen_value(g) & 0x800fffffffffffff) | (u64)(0x3ff + below(g, 64)) << 52;
    default:
        return gen_random(g);
    }
}
static u32 random_float(struct gen *g)
{
    static const u32 corners[] = {0,          0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000,
                                  0x7f800001, 1,          0x007fffff, 0x00800000, 0x7f7fffff, 0x4f000000, 0xcf000000};
    switch (below(g, 3)) {
    case 0:
        return corners[below(g, ARRAY_LEN(corners))];
    case 1:
        return (u32)(gen_random(g) & 0x807fffff) | (127 - 20 + below(g, 60)) << 23;
    default:
        return (u32)gen_random(g);
    }
}
static void random_vector(struct gen *g, u8 *p)
{
    unsigned kind = below(g, 4);
    for (unsigned i = 0; i < 2; i++)
        st64(p + 8 * i, kind == 0   ? random_double(g)
                        : kind == 1 ? random_float(g) | (u64)random_float(g) << 32
                        : kind == 2 ? gen_value(g)
                                    : gen_random(g));
}
static void random_st(struct gen *g, u8 *p)
{
    u64 man = gen_random(g) | 1ull << 63;
    u16 se = (u16)(16383 - 70 + below(g, 140) + (below(g, 2) << 15));
    switch (below(g, 8)) {
    case 0:
        man = 0;
        se &= 0x8000;
        break; /* zero */
    case 1:
        man = chance(g, 50) ? 1ull << 63 : man;
        se |= 0x7fff;
        break; /* infinity, NaN */
    case 2:
        man = gen_value(g) | 1ull << 63;
        break;
    case 3:
        man = gen_random(g) >> (1 + below(g, 63));
        se &= 0x8000;
        break; /* denormal */
    case 4:
        se = (u16)gen_random(g);
        break;
    default:
        break;
    }
    if (chance(g, 2))
        man &= ~(1ull << 63); /* unsupported */
    st64(p, man);
    st16(p + 8, se);
}
static void random_fx(struct gen *g, u8 *fx)
{
    st16(fx + FX_FCW, chance(g, 60) ? 0x37f : (u16)(0x40 | (gen_random(g) & 0xf3f)));
    u16 fsw = (u16)(gen_random(g) & 0x7f00);
    fx[FX_FTW] = chance(g, 50) ? 0xff : (u8)gen_random(g);
    if (chance(g, 10))
        fsw |= gen_random(g) & 0x7f;
    u16 unmasked = fsw & 0x3f & ~ld16(fx + FX_FCW);
    st16(fx + FX_FSW, unmasked ? fsw | 0x8080 : fsw);
    for (unsigned i = 0; i < 8; i++)
        random_st(g, fx + FX_ST + 16 * i);
    st32(fx + FX_MXCSR, chance(g, 60) ? 0x1f80 : (u32)((gen_random(g) & 0xffff) | (chance(g, 80) ? 0x1f80 : 0)));
    for (unsigned i = 0; i < 16; i++)
        random_vector(g, fx + FX_XMM + 16 * i);
}

static void random_state(struct gen *g, struct oracle_case *c)
{
    struct oracle_state *s = &c->in;
    for (unsigned i = 0; i < 16; i++)
        s->gpr[i] = gen_value(g);
    s->gpr[RSP] = ORACLE_DATA + 0x100 + below(g, 0x1e00);
    if (chance(g, 80))
        s->gpr[RSP] &= ~7ull;
    s->gpr[RSP] -= oracle_base(c, SS);
    if (c->bits == 16)
        s->gpr[RSP] += ORACLE_ESP_HIGH;
    for (unsigned i = 0; i < 16 && c->bits != 64; i++)
        s->gpr[i] = (u32)s->gpr[i];
    s->rflags = FL_1 | FL_IF | (gen_random(g) & FL_ARITH) | (chance(g, 8) ? FL_DF : 0) | (chance(g, 4) ? FL_AC : 0);
    s->fs_base = c->bits == 64 ? ORACLE_DATA + below(g, 0x1000) : 0;
    s->gs_base = c->bits == 64 ? gen_random(g) >> 17 : 0;
    if (chance(g, 50) && c->bits == 64)
        s->gs_base = ORACLE_DATA + (below(g, 0x2000) & ~15u);
    random_fx(g, s->fx);
    for (unsigned i = 0; i < ORACLE_DATA_SIZE; i += 8)
        st64(s->data + i, i & 0x800 ? random_double(g) : gen_random(g));
    for (unsigned i = 0; i < ORACLE_LOW_SIZE; i += 8)
        st64(s->low + i, gen_random(g));
}

bool gen_case(struct gen *g, struct oracle_case *c, unsigned count)
{
    if (g->usable == 0)
        return false;
    unsigned bits = chance(g, 60) ? 64 : chance(g, 50) ? 32 : 16;
    oracle_case_init(c, !g->native || native_runs(bits) ? bits : 64);
    if (c->bits == 32 && chance(g, 30))
        oracle_segmented(c);
    random_state(g, c);
    struct building b = {.g = g, .c = c, .first = true};
    unsigned done = 0;
    for (unsigned tries = 0; done < count && tries < 40 + count * 4; tries++)
        done += append(&b, g->rows[below(g, g->usable)], count == 1);
    return done > 0;
}
