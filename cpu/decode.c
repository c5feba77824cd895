/*
 * From bytes to struct insn. The decode tables are built once, from the
 * manual's notation in insn.def (its legend says how rows are written), so
 * there is no second list of opcodes here. Two rows that claim one encoding
 * abort at start unless one is a special case of the other, which then wins.
 *
 * It relies on the mode and the features it is given and reads no CPU state;
 * privilege and control registers are checked when micro-ops run.
 */
#include <pthread.h>
#include <stdlib.h>

#include "cpu/insn.h"

/* The attributes as rows spell them. */
enum {
    I64 = A_I64,
    O64 = A_O64,
    D64 = A_D64,
    F64 = A_F64,
    LOCK = A_LOCK,
    FPU = A_FPU,
    MMX = A_MMX,
    SSE = A_SSE,
    AVX = A_AVX,
    NOREP = A_NOREP,
    Y32 = A_Y32,
    VSIB = A_VSIB
};

const struct insn_row insn_rows[] = {
#define INSN(mnemonic, encoding, operands, feature, attrs, uop, aux)                                                   \
    {mnemonic, encoding, operands, FEAT_##feature, (u16)(attrs), UOP_##uop, aux},
#include "cpu/insn.def"
#undef INSN
};
const unsigned insn_row_count = ARRAY_LEN(insn_rows);

enum { MAP_1, MAP_0F, MAP_0F38, MAP_0F3A, MAP_COUNT };
enum { MAX_ROWS = 4096, MAX_OPERANDS = 4 };
/* Mandatory prefix sets, as bits */
enum { PFX_NONE = 1, PFX_66 = 2, PFX_F3 = 4, PFX_F2 = 8, PFX_ANY = 15 };

/* One operand of a row, as its letters say. */
struct pattern {
    char letter; /* E G R M I J O A S C D V W U H L P Q N B Z X Y, 'r' fixed register, '1', 't' ST0, 'i' STi */
    char size;
    bool zero_ext; /* Iub, Iuw */
    u8 reg;
};
/* A row's encoding and operands, parsed. */
struct entry {
    const struct insn_row *row;
    bool vex, plus_r, has_modrm;
    u8 map, opcode;
    u8 prefixes;      /* PFX_* that are acceptable */
    u8 w;             /* bit 0: W0 is acceptable, bit 1: W1 */
    u8 l;             /* VEX.L the same way */
    u8 modrm[32];     /* set of ModRM bytes that belong to it */
    unsigned breadth; /* how many encodings it claims: the narrower row wins */
    struct pattern op[MAX_OPERANDS];
    u8 nops;
};

/* Constant after decode_init. by_opcode lists end with -1. */
static struct entry entries[MAX_ROWS];
static i16 *by_opcode[2][MAP_COUNT][256];

static _Noreturn void bad_row(const struct insn_row *row, const char *why)
{
    fprintf(stderr, "insn.def: %s [%s] %s: %s\n", row->mnemonic, row->encoding, row->operands, why);
    abort();
}

static int hex2(const char *s)
{
    char *end;
    char two[3] = {s[0], s[0] ? s[1] : 0, 0};
    long v = strtol(two, &end, 16);
    return *s && end == two + 2 ? (int)v : -1;
}

static void modrm_add(struct entry *e, unsigned byte) { e->modrm[byte >> 3] |= (u8)(1 << (byte & 7)); }
static bool modrm_has(const struct entry *e, unsigned byte) { return e->modrm[byte >> 3] >> (byte & 7) & 1; }

static void parse_operand(struct entry *e, const char *s, size_t n)
{
    static const struct {
        const char *name;
        char letter, size;
        u8 reg;
    } fixed[] = {
        {"AL", 'r', 'b', BYTE_SLOT(RAX, 0)},
        {"CL", 'r', 'b', BYTE_SLOT(RCX, 0)},
        {"AX", 'r', 'w', RAX},
        {"DX", 'r', 'w', RDX},
        {"eAX", 'r', 'z', RAX},
        {"rAX", 'r', 'v', RAX},
        {"1", '1', 'b', 0},
        {"ES", 's', 'w', ES},
        {"CS", 's', 'w', CS},
        {"SS", 's', 'w', SS},
        {"DS", 's', 'w', DS},
        {"FS", 's', 'w', FS},
        {"GS", 's', 'w', GS},
        {"ST0", 't', 't', 0},
        {"STi", 'i', 't', 0},
    };
    if (e->nops == MAX_OPERANDS)
        bad_row(e->row, "more than four operands");
    struct pattern *p = &e->op[e->nops++];
    for (unsigned i = 0; i < ARRAY_LEN(fixed); i++)
        if (strlen(fixed[i].name) == n && !strncmp(fixed[i].name, s, n)) {
            *p = (struct pattern){fixed[i].letter, fixed[i].size, false, fixed[i].reg};
            return;
        }
    p->letter = s[0];
    if (!strchr("EGRMZIJOASCDVWUHLPQNBXY", s[0]))
        bad_row(e->row, "unknown operand letter");
    size_t at = 1;
    if (n > 2 && s[1] == 'u') {
        p->zero_ext = true;
        at = 2;
    }
    p->size = n > at ? s[at] : 0;
    /* ps, pd are vectors; ss is 4 bytes, sd 8 */
    if (n == at + 2)
        p->size = !strncmp(s + at, "ss", 2)   ? 'd'
                  : !strncmp(s + at, "sd", 2) ? 'q'
                  : s[at] == 'p'              ? 'x'
                  : !strncmp(s + at, "dq", 2) ? 'o'
                                              : '?';
    if (p->size && !strchr("bwdqvzyoxtpsn", p->size))
        bad_row(e->row, "unknown operand size");
    if (strchr("EGRMSCDVWUHPQNB", p->letter) && p->letter != 'H' && p->letter != 'B')
        e->has_modrm = true;
}

/* Which ModRM bytes the row takes: by its digit or byte, and by letters that want memory or a register. */
static void set_modrm(struct entry *e, int digit, int byte, bool plus_i)
{
    bool memory_only = false, register_only = false;
    for (unsigned i = 0; i < e->nops; i++) {
        memory_only |= e->op[i].letter == 'M';
        register_only |= strchr("RUN", e->op[i].letter) != NULL;
    }
    /* MOV to and from control and debug registers ignores mod: it is always a register. */
    for (unsigned i = 0; i < e->nops; i++)
        if (e->op[i].letter == 'C' || e->op[i].letter == 'D')
            register_only = false;
    for (unsigned m = 0; m < 256; m++) {
        bool ok = byte >= 0 ? (plus_i ? (int)(m & 0xf8) == byte : (int)m == byte) : true;
        if (digit >= 0)
            ok &= (int)(m >> 3 & 7) == digit;
        if (memory_only)
            ok &= m < 0xc0;
        if (register_only)
            ok &= m >= 0xc0;
        if (ok)
            modrm_add(e, m);
    }
}

/* VEX.128.66.0F38.W0: the dotted word; the opcode follows as the next one. */
static void parse_vex(struct entry *e, const char *s, size_t n)
{
    char word[64];
    if (n >= sizeof(word))
        bad_row(e->row, "VEX word too long");
    memcpy(word, s, n);
    word[n] = 0;
    e->vex = true;
    e->prefixes = PFX_NONE;
    char *save = NULL;
    for (char *t = strtok_r(word, ".", &save); t; t = strtok_r(NULL, ".", &save)) {
        if (!strcmp(t, "128") || !strcmp(t, "L0") || !strcmp(t, "LZ"))
            e->l = 1;
        else if (!strcmp(t, "256") || !strcmp(t, "L1"))
            e->l = 2;
        else if (!strcmp(t, "66"))
            e->prefixes = PFX_66;
        else if (!strcmp(t, "F3"))
            e->prefixes = PFX_F3;
        else if (!strcmp(t, "F2"))
            e->prefixes = PFX_F2;
        else if (!strcmp(t, "0F"))
            e->map = MAP_0F;
        else if (!strcmp(t, "0F38"))
            e->map = MAP_0F38;
        else if (!strcmp(t, "0F3A"))
            e->map = MAP_0F3A;
        else if (!strcmp(t, "W0"))
            e->w = 1;
        else if (!strcmp(t, "W1"))
            e->w = 2;
        else if (!strcmp(t, "VEX") || !strcmp(t, "LIG") || !strcmp(t, "WIG") || !strcmp(t, "NP") || !strcmp(t, "NDS") ||
                 !strcmp(t, "NDD"))
            continue; /* they restrict nothing that is looked up by */
        else
            bad_row(e->row, "unknown VEX field");
    }
}

static void parse_encoding(struct entry *e)
{
    const char *s = e->row->encoding;
    int opcode = -1, digit = -1, byte = -1;
    bool plus_i = false;
    e->prefixes = PFX_ANY;
    e->w = e->l = 3;
    while (*s) {
        size_t n = strcspn(s, " ");
        if (n > 3 && !strncmp(s, "VEX", 3))
            parse_vex(e, s, n);
        else if (n == 2 && !strncmp(s, "NP", 2))
            e->prefixes = PFX_NONE;
        else if (n == 2 && !strncmp(s, "NF", 2))
            e->prefixes = PFX_NONE | PFX_66;
        else if (n == 2 && (!strncmp(s, "W0", 2) || !strncmp(s, "W1", 2)))
            e->w = s[1] == '0' ? 1 : 2;
        else if (s[0] == '/') {
            e->has_modrm = true;
            if (s[1] != 'r')
                digit = s[1] - '0';
        } else {
            int v = hex2(s);
            if (v < 0)
                bad_row(e->row, "bad encoding");
            bool first = opcode < 0 && e->map == MAP_1 && !e->vex;
            if (first && e->prefixes == PFX_ANY && n == 2 && s[n] && (v == 0x66 || v == 0xf3 || v == 0xf2))
                e->prefixes = v == 0x66 ? PFX_66 : v == 0xf3 ? PFX_F3 : PFX_F2;
            else if (first && v == 0x0f && n == 2 && s[n])
                e->map = MAP_0F;
            else if (opcode < 0 && !e->vex && e->map == MAP_0F && (v == 0x38 || v == 0x3a) && s[n])
                e->map = v == 0x38 ? MAP_0F38 : MAP_0F3A;
            else if (opcode < 0) {
                opcode = v;
                e->plus_r = n == 4 && !strncmp(s + 2, "+r", 2);
            } else {
                byte = v;
                plus_i = n == 4 && !strncmp(s + 2, "+i", 2);
                e->has_modrm = true;
            }
        }
        s += n;
        s += strspn(s, " ");
    }
    if (opcode < 0)
        bad_row(e->row, "no opcode");
    e->opcode = (u8)opcode;
    set_modrm(e, digit, byte, plus_i);
}

static void parse_row(struct entry *e, const struct insn_row *row)
{
    e->row = row;
    for (const char *s = row->operands; *s;) {
        size_t n = strcspn(s, ",");
        parse_operand(e, s, n);
        s += n + (s[n] == ',');
        s += strspn(s, " ");
    }
    parse_encoding(e);
    unsigned bytes = 0;
    for (unsigned i = 0; i < 32; i++)
        bytes += (unsigned)__builtin_popcount(e->modrm[i]);
    e->breadth = bytes * (unsigned)__builtin_popcount(e->prefixes) * (unsigned)__builtin_popcount(e->w) *
                 (unsigned)__builtin_popcount(e->l) * (e->plus_r ? 8 : 1) * (row->attrs & (A_I64 | A_O64) ? 1 : 2);
}

static bool overlap(const struct entry *a, const struct entry *b)
{
    if (!(a->prefixes & b->prefixes) || !(a->w & b->w) || !(a->l & b->l))
        return false;
    if (((a->row->attrs & A_I64) && (b->row->attrs & A_O64)) || ((a->row->attrs & A_O64) && (b->row->attrs & A_I64)))
        return false;
    for (unsigned i = 0; i < 32; i++)
        if (a->modrm[i] & b->modrm[i])
            return true;
    return false;
}

static void list_add(u8 opcode, unsigned index)
{
    struct entry *e = &entries[index];
    i16 **list = &by_opcode[e->vex][e->map][opcode];
    unsigned n = 0;
    for (; *list && (*list)[n] >= 0; n++) {
        const struct entry *other = &entries[(*list)[n]];
        if (overlap(e, other) && e->breadth == other->breadth) {
            fprintf(stderr, "insn.def: [%s] %s and [%s] %s claim the same encoding\n", e->row->encoding,
                    e->row->mnemonic, other->row->encoding, other->row->mnemonic);
            abort();
        }
    }
    *list = realloc(*list, (n + 2) * sizeof(i16));
    assert(*list && "out of memory for decode tables");
    /* narrow rows first: the first match is the right one */
    unsigned at = n;
    while (at > 0 && entries[(*list)[at - 1]].breadth > e->breadth) {
        (*list)[at] = (*list)[at - 1];
        at--;
    }
    (*list)[at] = (i16)index;
    (*list)[n + 1] = -1;
}

static void build_tables(void)
{
    assert(insn_row_count <= MAX_ROWS);
    for (unsigned i = 0; i < insn_row_count; i++) {
        parse_row(&entries[i], &insn_rows[i]);
        for (unsigned r = 0; r < (entries[i].plus_r ? 8u : 1u); r++)
            list_add((u8)(entries[i].opcode + r), i);
    }
}

void decode_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, build_tables);
}

/* The bytes being decoded. */
struct cursor {
    const u8 *bytes;
    unsigned at, avail;
    bool short_of; /* wanted more than there was */
};

static u64 take(struct cursor *c, unsigned n)
{
    if (c->at + n > c->avail) {
        c->short_of = true;
        c->at += n;
        return 0;
    }
    u64 v = ld_le(c->bytes + c->at, n);
    c->at += n;
    return v;
}

/* What prefixes and escapes said. */
struct prefixes {
    bool p66, p67, lock;
    u8 rep; /* 0, 0xf2, 0xf3: the last one */
    u8 seg; /* override, or SEG_COUNT */
    u8 rex; /* REX, or its VEX equivalent */
    bool vex;
    u8 map, opcode, vex_pp, vvvv, l;
};

/* Legacy prefixes and REX, up to the first opcode byte, which is returned. */
static u8 take_prefixes(struct cursor *c, struct prefixes *p, bool is64)
{
    static const u8 seg_of[8] = {ES, CS, SS, DS, FS, GS, 0, 0};
    for (;;) {
        u8 b = (u8)take(c, 1);
        if (c->short_of || c->at > 15)
            return 0;
        switch (b) {
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
            if (!is64)
                p->seg = seg_of[b >> 3 & 3];
            break;
        case 0x64:
        case 0x65:
            p->seg = seg_of[4 + (b & 1)];
            break;
        case 0x66:
            p->p66 = true;
            break;
        case 0x67:
            p->p67 = true;
            break;
        case 0xf0:
            p->lock = true;
            break;
        case 0xf2:
        case 0xf3:
            p->rep = b;
            break;
        default:
            if (is64 && (b & 0xf0) == 0x40) {
                p->rex = b;
                continue;
            }
            return b;
        }
        p->rex = 0; /* REX counts only right before the opcode */
    }
}

/* C4/C5 as VEX; false: not VEX after all (LES/LDS). The cursor stands after the first byte. */
static bool take_vex(struct cursor *c, struct prefixes *p, u8 first, bool is64, bool *ud)
{
    if (c->at >= c->avail) {
        c->short_of = true;
        return false;
    }
    u8 b1 = c->bytes[c->at];
    if (!is64 && b1 < 0xc0)
        return false;
    c->at++;
    p->vex = true;
    *ud = p->p66 || p->rep || p->lock || p->rex;
    u8 last = b1;
    u8 rex = 0x40 | (b1 & 0x80 ? 0 : 4); /* R, inverted */
    p->map = MAP_0F;
    if (first == 0xc4) {
        rex |= (b1 & 0x40 ? 0 : 2) | (b1 & 0x20 ? 0 : 1);
        *ud |= (b1 & 31) < 1 || (b1 & 31) > 3;
        p->map = (b1 & 31) & 3;
        last = (u8)take(c, 1);
        rex |= last & 0x80 ? 8 : 0;
    }
    p->vvvv = ~(last >> 3) & 15;
    if (!is64) {
        rex &= 0x48;
        p->vvvv &= 7;
    }
    p->rex = rex;
    p->l = last >> 2 & 1;
    p->vex_pp = last & 3;
    p->opcode = (u8)take(c, 1);
    return true;
}

static void take_opcode(struct cursor *c, struct prefixes *p, bool is64, bool *ud)
{
    u8 b = take_prefixes(c, p, is64);
    p->map = MAP_1;
    p->opcode = b;
    if (c->short_of)
        return;
    if ((b == 0xc4 || b == 0xc5) && take_vex(c, p, b, is64, ud))
        return;
    if (b != 0x0f)
        return;
    p->map = MAP_0F;
    p->opcode = (u8)take(c, 1);
    if (p->opcode == 0x38 || p->opcode == 0x3a) {
        p->map = p->opcode == 0x38 ? MAP_0F38 : MAP_0F3A;
        p->opcode = (u8)take(c, 1);
    }
}

static const struct entry *find_entry(const struct prefixes *p, const u32 *features, bool is64, u8 modrm)
{
    static const u8 pp[4] = {PFX_NONE, PFX_66, PFX_F3, PFX_F2};
    u8 prefix = p->vex ? pp[p->vex_pp] : p->rep == 0xf3 ? PFX_F3 : p->rep == 0xf2 ? PFX_F2 : p->p66 ? PFX_66 : PFX_NONE;
    const i16 *list = by_opcode[p->vex][p->map][p->opcode];
    for (; list && *list >= 0; list++) {
        const struct entry *e = &entries[*list];
        u16 attrs = e->row->attrs, f = e->row->feature;
        if (!(e->prefixes & prefix) || !(e->w >> (p->rex >> 3 & 1) & 1) || !(e->l >> p->l & 1) ||
            (attrs & (is64 ? A_I64 : A_O64)) || (e->has_modrm && !modrm_has(e, modrm)) ||
            !(features[f >> 5] >> (f & 31) & 1))
            continue;
        return e;
    }
    return NULL;
}

/* True when some row of this opcode has a ModRM byte (all rows of an opcode agree). */
static bool wants_modrm(const struct prefixes *p)
{
    const i16 *list = by_opcode[p->vex][p->map][p->opcode];
    return list && entries[*list].has_modrm;
}

static void take_mem16(struct cursor *c, struct insn *in)
{
    static const u8 base[8] = {RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX};
    static const u8 index[8] = {RSI, RDI, RSI, RDI, SLOT_ZERO, SLOT_ZERO, SLOT_ZERO, SLOT_ZERO};
    unsigned mod = in->modrm >> 6, rm = in->modrm & 7;
    in->base = base[rm];
    in->index = index[rm];
    if (mod == 0 && rm == 6) {
        in->base = SLOT_ZERO;
        in->disp = (i16)take(c, 2);
    } else if (mod == 1) {
        in->disp = (i8)take(c, 1);
    } else if (mod == 2) {
        in->disp = (i16)take(c, 2);
    }
}

static void take_mem32(struct cursor *c, struct insn *in, bool is64)
{
    unsigned mod = in->modrm >> 6, rm = in->modrm & 7;
    unsigned b = in->rex & 1 ? 8 : 0, x = in->rex & 2 ? 8 : 0;
    in->base = (u8)(rm | b);
    if (rm == 4) {
        u8 sib = (u8)take(c, 1);
        in->scale = sib >> 6;
        in->index = (u8)((sib >> 3 & 7) | x);
        if (in->index == RSP)
            in->index = SLOT_ZERO;
        in->base = (u8)((sib & 7) | b);
        rm = sib & 7;
        if (rm == 5 && mod == 0) {
            in->base = SLOT_ZERO;
            in->disp = (i32)take(c, 4);
        }
    } else if (rm == 5 && mod == 0) {
        in->base = is64 ? SLOT_RIP : SLOT_ZERO;
        in->disp = (i32)take(c, 4);
    }
    if (mod == 1)
        in->disp = (i8)take(c, 1);
    else if (mod == 2)
        in->disp = (i32)take(c, 4);
}

static void take_memory(struct cursor *c, struct insn *in, const struct prefixes *p, bool is64)
{
    in->index = SLOT_ZERO;
    if (in->asize == 2)
        take_mem16(c, in);
    else
        take_mem32(c, in, is64);
    in->seg = p->seg != SEG_COUNT ? p->seg : (in->base == RBP || in->base == RSP) ? SS : DS;
}

static unsigned size_of(char letter, const struct insn *in)
{
    switch (letter) {
    case 'b':
        return 1;
    case 'w':
        return 2;
    case 'd':
        return 4;
    case 'q':
        return 8;
    case 'v':
        return in->opsize;
    case 'z':
        return MIN(in->opsize, 4);
    case 'y':
        return in->opsize == 8 ? 8 : 4;
    case 'o':
        return 16;
    case 'x':
        return in->vex_l ? 32 : 16;
    case 't':
        return 10;
    case 'p':
        return in->farsize + 2u;
    case 's':
        return in->opsize == 8 ? 10 : 6;
    default:
        return 0;
    }
}

static u8 gpr_reg(const struct insn *in, unsigned reg, unsigned size)
{
    if (size != 1)
        return (u8)reg;
    return in->rex || reg < 4 ? BYTE_SLOT(reg, 0) : BYTE_SLOT(reg - 4, 1);
}

/* An immediate of an operand; the second one of an instruction lands in imm2. */
static void take_imm(struct cursor *c, struct insn *in, const struct pattern *p, unsigned *nimm)
{
    unsigned bytes = p->letter == 'L' ? 1 : size_of(p->size, in);
    u64 v = take(c, bytes);
    if (p->letter == 'L')
        v >>= 4;
    else if (!p->zero_ext)
        v = sext(v, bytes);
    if ((*nimm)++)
        in->imm2 = v;
    else
        in->imm = v;
}

/* The operand that ModRM's r/m names: of that kind of register, or memory. */
static struct operand rm_operand(const struct insn *in, const struct pattern *p, unsigned size)
{
    unsigned rm = (in->modrm & 7) | (in->rex & 1 ? 8 : 0);
    if (in->modrm >> 6 != 3 && p->letter != 'R')
        return (struct operand){OPK_MEM, (u8)size, 0, false};
    switch (p->letter) {
    case 'W':
    case 'U':
        return (struct operand){OPK_XMM, (u8)size, (u8)rm, false};
    case 'Q':
    case 'N':
        return (struct operand){OPK_MMX, (u8)size, rm & 7, false};
    default: /* E, R, M */
        return (struct operand){OPK_REG, (u8)size, gpr_reg(in, rm, size), false};
    }
}

/* A register named by ModRM.reg, VEX.vvvv, the opcode's low bits or the row itself. */
static struct operand register_operand(const struct insn *in, const struct pattern *p, unsigned size, bool is64)
{
    unsigned reg = (in->modrm >> 3 & 7) | (in->rex & 4 ? 8 : 0), word = is64 ? 8 : 4;
    switch (p->letter) {
    case 'G':
        return (struct operand){OPK_REG, (u8)size, gpr_reg(in, reg, size), false};
    case 'B':
        return (struct operand){OPK_REG, (u8)size, in->vvvv, true};
    case 'Z':
        return (struct operand){OPK_REG, (u8)size, gpr_reg(in, in->modrm | (in->rex & 1 ? 8u : 0u), size), false};
    case 'V':
        return (struct operand){OPK_XMM, (u8)size, (u8)reg, false};
    case 'H':
        return (struct operand){OPK_XMM, (u8)size, in->vvvv, true};
    case 'P':
        return (struct operand){OPK_MMX, (u8)size, reg & 7, false};
    case 'S':
        return (struct operand){OPK_SEG, 2, reg & 7, false};
    case 'C':
        return (struct operand){OPK_CR, (u8)word, (u8)reg, false};
    case 'D':
        return (struct operand){OPK_DR, (u8)word, (u8)reg, false};
    case 's':
        return (struct operand){OPK_SEG, (u8)size, p->reg, false};
    case 't':
        return (struct operand){OPK_ST, (u8)size, 0, false};
    case 'i':
        return (struct operand){OPK_ST, (u8)size, in->modrm & 7, false};
    default: /* r */
        return (struct operand){OPK_REG, (u8)size, p->reg, false};
    }
}

static void decode_operand(struct cursor *c, struct insn *in, const struct pattern *p, bool is64, unsigned *nimm)
{
    struct operand *o = &in->op[in->noperands++];
    unsigned size = size_of(p->size, in);
    if (strchr("ERMWUQN", p->letter)) {
        *o = rm_operand(in, p, size);
        return;
    }
    if (strchr("GBZVHPSCDrsti", p->letter)) {
        *o = register_operand(in, p, size, is64);
        return;
    }
    o->size = (u8)size;
    switch (p->letter) {
    case '1':
        o->kind = OPK_IMM;
        in->imm = 1;
        (*nimm)++;
        break;
    case 'I':
    case 'L':
        o->kind = OPK_IMM;
        take_imm(c, in, p, nimm);
        break;
    case 'J':
        o->kind = OPK_REL;
        in->imm = sext(take(c, size), size);
        o->size = in->opsize;
        break;
    case 'A':
        o->kind = OPK_FAR;
        in->imm = take(c, in->opsize);
        in->imm2 = take(c, 2);
        break;
    case 'O':
        o->kind = OPK_MEM;
        in->base = in->index = SLOT_ZERO;
        in->imm = take(c, in->asize);
        break;
    default:
        break; /* X, Y: implied by the micro-op */
    }
}

static bool writes_memory_first(const struct insn *in) { return in->op[0].kind == OPK_MEM; }

/* AMD's near branches know 66, and no far pointer has 64 bits of offset (undefined.def). */
static void set_sizes(struct insn *in, const struct prefixes *p, u16 attrs, u32 mode, bool amd)
{
    unsigned code = mode & MODE_CODE;
    if (code == MODE_CODE64) {
        in->asize = p->p67 ? 4 : 8;
        in->opsize = (p->rex & 8) ? 8 : (p->p66 && !(attrs & A_Y32)) ? 2 : 4;
        if (((attrs & A_F64) && !(amd && in->opsize == 2)) || ((attrs & A_D64) && in->opsize == 4))
            in->opsize = 8;
    } else {
        in->asize = (code == MODE_CODE32) != p->p67 ? 4 : 2;
        in->opsize = (code == MODE_CODE32) != (p->p66 && !p->vex) ? 4 : 2;
    }
    in->farsize = amd ? MIN(in->opsize, 4) : in->opsize;
}

static enum decode_result finish(const struct cursor *c, struct insn *in, enum decode_result r)
{
    in->len = (u8)MIN(c->at, 15u);
    if (c->short_of && c->at <= 15)
        return DECODE_NEED_MORE;
    return c->at > 15 ? DECODE_TOO_LONG : r;
}

/* AMD's way to CR8 where there is no REX: LOCK before a MOV of CR0 (APM vol. 3, MOV CRn). */
static void find_alt_cr8(const u32 *features, struct insn *in)
{
    bool has = features[FEAT_CR8LEGACY >> 5] >> (FEAT_CR8LEGACY & 31) & 1;
    for (unsigned i = 0; has && in->lock && i < in->noperands; i++) {
        if (in->op[i].kind == OPK_CR && in->op[i].reg == 0) {
            in->op[i].reg = 8;
            in->lock = false;
        }
    }
}

enum decode_result decode(const u32 *features, u32 mode, const u8 *bytes, unsigned avail, struct insn *in)
{
    bool is64 = (mode & MODE_CODE) == MODE_CODE64, ud = false;
    struct cursor c = {bytes, 0, avail, false};
    struct prefixes p = {.seg = SEG_COUNT};
    *in = (struct insn){.seg = DS, .base = SLOT_ZERO, .index = SLOT_ZERO};
    take_opcode(&c, &p, is64, &ud);
    if (c.short_of || c.at > 15)
        return finish(&c, in, DECODE_UD);
    u8 modrm = wants_modrm(&p) && c.at < c.avail ? c.bytes[c.at] : 0;
    if (wants_modrm(&p) && c.at >= c.avail)
        c.short_of = true;
    const struct entry *e = c.short_of ? NULL : find_entry(&p, features, is64, modrm);
    if (!e || ud)
        return finish(&c, in, DECODE_UD);
    u16 attrs = e->row->attrs;
    in->row = e->row;
    in->opcode = p.opcode;
    in->rex = is64 ? p.rex : p.rex & ~8; /* VEX.W chooses rows, but no 64-bit operand outside 64-bit mode */
    in->lock = p.lock;
    in->rep = p.rep == 0xf3;
    in->repne = p.rep == 0xf2;
    in->opsize_prefix = p.p66;
    in->vvvv = p.vvvv;
    in->vex_l = p.l;
    in->seg = p.seg != SEG_COUNT ? p.seg : DS;
    set_sizes(in, &p, attrs, mode, features[FEAT_AMD >> 5] >> (FEAT_AMD & 31) & 1);
    bool uses_vvvv = false, rm_is_reg = false;
    for (unsigned i = 0; i < e->nops; i++) {
        uses_vvvv |= e->op[i].letter == 'H' || e->op[i].letter == 'B';
        rm_is_reg |= e->op[i].letter == 'R';
    }
    if (e->has_modrm) {
        in->modrm = (u8)take(&c, 1);
        if (in->modrm < 0xc0 && !rm_is_reg)
            take_memory(&c, in, &p, is64);
        if (attrs & A_VSIB) { /* the index is a vector, and number 4 is one too */
            ud |= (in->modrm & 7) != 4 || in->asize == 2;
            in->index = in->index == SLOT_ZERO ? 4 : in->index;
        }
    } else {
        in->modrm = p.opcode & 7;
    }
    unsigned nimm = 0;
    for (unsigned i = 0; i < e->nops; i++)
        decode_operand(&c, in, &e->op[i], is64, &nimm);
    find_alt_cr8(features, in);
    if ((in->lock && !((attrs & A_LOCK) && writes_memory_first(in))) || ((attrs & A_NOREP) && p.rep) ||
        (p.vex && !uses_vvvv && p.vvvv) || ud)
        return finish(&c, in, DECODE_UD);
    return finish(&c, in, DECODE_OK);
}
