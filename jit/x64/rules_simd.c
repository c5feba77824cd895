/*
 * One rule for vector and bit-manipulation instructions: the host runs a copy
 * of the guest's. XMM and YMM registers are the host's of the same number, MXCSR
 * holds the guest's rounding and gathers its flags (cpu/vec/mxcsr.h); ModRM, prefixes
 * and the memory operand are encoded anew. Left to C is what the host lacks and what
 * may raise while the guest unmasks exceptions; and, having no rule, what reaches
 * memory other than by one whole operand (gathers, MASKMOVDQU).
 */
#include <cpuid.h>

#include "cpu/system/cpuid.h"
#include "jit/x64/rules.h"

/* An instruction taken apart for a copy. */
struct copy {
    bool vex, w;
    u8 prefix, map, opcode, l; /* prefix: 0, 66, F2, F3 */
    unsigned reg, vvvv;
    struct rm rm;
    int memory; /* which operand is in memory, or -1 */
    unsigned memory_size;
    unsigned imms;
    u8 imm[2];
};

/* ---- what the host has ---- */

void x64_host_features(u32 *words)
{
    u32 a, b, c, d;
    memset(words, 0, WORD_COUNT * sizeof(*words));
    words[WORD_SYNTH] = ~0u;
    if (__get_cpuid(1, &a, &b, &c, &d)) {
        words[WORD_F1_EDX] = d;
        words[WORD_F1_ECX] = c;
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        words[WORD_F7_EBX] = b;
        words[WORD_F7_ECX] = c;
    }
    if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
        words[WORD_X1_EDX] = d;
        words[WORD_X1_ECX] = c;
    }
    if (!__builtin_cpu_supports("avx")) /* which also asks whether the host's system saves YMM registers */
        words[WORD_F1_ECX] &= ~BIT(FEAT_AVX & 31);
}

bool x64_host_has(const struct tr *t, const struct insn_row *row) { return row_runs_on(x64_stubs(t->jit)->host, row); }

static bool is_estimate(const struct uop *u)
{
    return u->op == UOP_RCPPS || u->op == UOP_RCPSS || u->op == UOP_RSQRTPS || u->op == UOP_RSQRTSS;
}

static bool copied(const struct tr *t, const struct uop *u)
{
    const u64 props = uop_info[u->op].props;
    bool raises = (props & UP_SSE) && (props & UP_RAISES) && (t->sb->key & KEY_SSE_CHECKED);
    bool other = is_estimate(u) && !x64_stubs(t->jit)->estimates;
    return x64_host_has(t, t->i->in.row) && !raises && !other;
}

/* ---- taking apart ---- */

static bool is64(const struct tr *t) { return (t->sb->key & MODE_CODE) == MODE_CODE64; }
static bool is_string(const struct uop *u)
{
    return u->op == UOP_PCMPESTRM || u->op == UOP_PCMPESTRI || u->op == UOP_PCMPISTRM || u->op == UOP_PCMPISTRI;
}

/* Prefix, map, VEX: from the guest's bytes. */
static void find_opcode(const struct tr *t, struct copy *c)
{
    static const u8 by_pp[4] = {0, 0x66, 0xf3, 0xf2};
    const struct insn *in = &t->i->in;
    const u8 *p = t->sb->page + t->i->u.pc_off;
    while (memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", *p, 11) || (is64(t) && (*p & 0xf0) == 0x40))
        p++;
    c->opcode = in->opcode;
    c->l = in->vex_l;
    c->vex = *p == 0xc4 || *p == 0xc5;
    if (c->vex) {
        c->map = *p == 0xc5 ? 1 : p[1] & 31;
        c->prefix = by_pp[p[*p == 0xc5 ? 1 : 2] & 3];
    } else {
        c->map = p[1] == 0x38 ? 2 : p[1] == 0x3a ? 3 : 1;
        c->prefix = in->rep ? 0xf3 : in->repne ? 0xf2 : in->opsize_prefix ? 0x66 : 0;
        if (t->i->u.op == UOP_MOVBE)
            c->prefix = t->i->u.size == 2 ? 0x66 : 0; /* 16-bit code has it the other way round */
    }
    /* Outside 64-bit mode W still chooses rows, but never a 64-bit GPR. */
    c->w = in->rex & 8 || (strstr(in->row->encoding, "W1") && !(in->row->attrs & A_I64));
}

/* Immediates are the instruction's last bytes; a register named by one has three bits outside 64-bit mode. */
static void find_immediates(const struct tr *t, struct copy *c)
{
    const struct insn *in = &t->i->in;
    for (const char *s = in->row->operands; *s; s++)
        c->imms += *s == 'I' || *s == 'L';
    const u8 *end = t->sb->page + t->i->u.pc_off + in->len;
    for (unsigned k = 0; k < c->imms; k++)
        c->imm[k] = end[(int)k - (int)c->imms];
    if (strchr(in->row->operands, 'L') && !is64(t))
        c->imm[0] &= 0x7f;
}

static void take_apart(const struct tr *t, struct copy *c)
{
    const struct insn *in = &t->i->in;
    find_opcode(t, c);
    find_immediates(t, c);
    c->reg = in->modrm >> 3 & 7;
    c->memory = -1;
    for (unsigned k = 0; k < in->noperands; k++)
        if (in->op[k].kind == OPK_MEM) {
            c->memory = (int)k;
            c->memory_size = in->op[k].size;
        }
    /* What the silicon would do past the caches, or insist on alignment for, are plain moves here. */
    if (t->i->u.op == UOP_MOVAPS && c->memory >= 0) {
        c->opcode = c->memory ? 0x10 : 0x11;
        c->prefix = 0;
        c->map = 1;
    } else if ((t->i->u.op == UOP_MOVSS || t->i->u.op == UOP_MOVSD_XMM) && c->opcode == 0x2b) {
        c->opcode = 0x11;
    }
}

/* ---- operands ---- */

static unsigned access_of(const struct tr *t, const struct copy *c)
{
    const struct uop *u = &t->i->u;
    bool aligned = insn_wants_alignment(t->i, c->memory_size);
    bool s0_free = t->i->flags_read || t->i->flags_written || !(uop_info[u->op].props & UP_SSE) || is_string(u);
    for (unsigned k = 0; k < t->i->in.noperands; k++)
        s0_free |= t->i->in.op[k].kind == OPK_REG;
    return (c->memory ? ACC_READ : ACC_WRITE) | (aligned ? ACC_ALIGN : 0) | (s0_free ? ACC_FREE_S0 : 0);
}

static bool writes_operand(const struct uop *u, unsigned k) { return k == 0 || (u->op == UOP_MULX && k == 1); }
static bool reads_operand(const struct uop *u, unsigned k)
{
    return !writes_operand(u, k) || u->op == UOP_ADCX || u->op == UOP_ADOX || u->op == UOP_CRC32;
}

/* Where the copy finds, or leaves, a GPR that is not the r/m operand. */
static unsigned copy_gpr(struct tr *t, const struct uop *u, unsigned k, unsigned scratch)
{
    unsigned slot = t->i->in.op[k].reg;
    return reads_operand(u, k) ? reg_in(t, slot, scratch) : reg_target(slot, scratch);
}

/* The GPR that is the r/m operand; in memory it is read there, and written by way of S0. */
static struct rm copy_gpr_rm(struct tr *t, const struct uop *u, unsigned k)
{
    const struct operand *o = &t->i->in.op[k];
    if (o->size == 1) { /* of CRC32: S1 needs no thought about REX and AH to BH */
        e_op_byte_rm(&t->e, 4, 0x0fb6, S1, byte_operand(t, o->reg));
        return rm_reg(S1);
    }
    return writes_operand(u, k) ? rm_reg(reg_target(o->reg, S0)) : reg_operand(o->reg);
}

/* Operand k, whose letter in the row says where in the encoding it is. */
static void place(struct tr *t, const struct uop *u, struct copy *c, unsigned k, char letter)
{
    const struct operand *o = &t->i->in.op[k];
    switch (letter) {
    case 'V':
        c->reg = o->reg;
        break;
    case 'H':
        c->vvvv = o->reg;
        break;
    case 'W':
    case 'U':
        if (o->kind == OPK_XMM)
            c->rm = rm_reg(o->reg);
        break;
    case 'G':
        c->reg = copy_gpr(t, u, k, u->op == UOP_MULX ? S1 : S0);
        break;
    case 'B':
        c->vvvv = copy_gpr(t, u, k, S0);
        break;
    case 'E':
    case 'R':
        if (o->kind == OPK_REG)
            c->rm = copy_gpr_rm(t, u, k);
        break;
    default:
        break;
    }
}

static void place_all(struct tr *t, const struct uop *u, struct copy *c)
{
    const char *letters = t->i->in.row->operands;
    for (unsigned k = 0; k < t->i->in.noperands; k++) {
        place(t, u, c, k, *letters);
        letters += strcspn(letters, ",");
        letters += *letters == ',';
    }
}

/* GPRs that the copy wrote to scratch registers, the last destination last. */
static void put_results(struct tr *t, const struct uop *u, const struct copy *c)
{
    const struct insn *in = &t->i->in;
    if (u->op == UOP_MULX)
        reg_put(t, in->op[1].reg, c->vvvv);
    if (!in->noperands || in->op[0].kind != OPK_REG)
        return;
    char letter = in->row->operands[0];
    unsigned from = letter == 'G' ? c->reg : letter == 'B' ? c->vvvv : c->rm.reg;
    if (in->op[0].size == 2 && host_of(in->op[0].reg) < 0)
        e_store(&t->e, 2, reg_operand(in->op[0].reg), from);
    else
        reg_put(t, in->op[0].reg, from);
}

static void emit_copy(struct tr *t, const struct uop *u, const struct copy *c)
{
    static const u32 escape[4] = {0, 0x0f00, 0x0f3800, 0x0f3a00};
    struct emit *e = &t->e;
    if (c->vex) {
        unsigned pp = c->prefix == 0x66 ? 1 : c->prefix == 0xf3 ? 2 : c->prefix == 0xf2 ? 3 : 0;
        e_vex(e, c->map, pp, c->w, c->l, c->vvvv, c->opcode, c->reg, c->rm);
    } else {
        if (u->op == UOP_CRC32 && t->i->in.op[1].size == 2)
            e8(e, 0x66);
        e_op_prefixed(e, c->prefix, c->w, escape[c->map] | c->opcode, c->reg, c->rm);
    }
    for (unsigned k = 0; k < c->imms; k++)
        e8(e, c->imm[k]);
}

bool rule_copy(struct tr *t, const struct uop *u)
{
    struct copy c = {0};
    if (!copied(t, u))
        return false;
    take_apart(t, &c);
    if (uop_info[u->op].props & UP_SSE)
        want_vec(t);
    if (u->op == UOP_VZEROUPPER || u->op == UOP_VZEROALL) {
        /* outside 64-bit mode it leaves registers 8 to 15 alone, which are not in the host's then */
        e8(&t->e, 0xc5), e8(&t->e, u->op == UOP_VZEROALL ? 0xfc : 0xf8), e8(&t->e, 0x77);
        return true;
    }
    if (c.memory >= 0)
        access_operand(t, u, c.memory_size, access_of(t, &c), &c.rm);
    if (t->i->flags_written)
        flags_merge(t);
    if (t->i->flags_read)
        flags_want(t);
    place_all(t, u, &c);
    if (u->op == UOP_PCMPESTRM || u->op == UOP_PCMPESTRI)
        e_mov_rr(&t->e, 8, S0, reg_in(t, RAX, S0)); /* the length, where the copy looks for it */
    emit_copy(t, u, &c);
    put_results(t, u, &c);
    if (t->i->flags_written)
        flags_set_by(t, u);
    return true;
}
