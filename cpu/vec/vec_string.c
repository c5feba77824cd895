/*
 * PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM (SDM vol. 2, 4.1): compares every
 * element of one string with every element of the other, aggregates, and gives
 * an index in ECX or a mask in XMM0. Memory operands need no alignment.
 */
#include "cpu/flags.h"
#include "cpu/vec/vec.h"

/* imm8, SDM vol. 2, tables 4-1 to 4-5. */
enum {
    STR_WORDS = BIT(0),
    STR_SIGNED = BIT(1),
    STR_AGGREGATION = 3 << 2,
    STR_EQUAL_ANY = 0 << 2,
    STR_RANGES = 1 << 2,
    STR_EQUAL_EACH = 2 << 2,
    STR_NEGATE = BIT(4),
    STR_ONLY_VALID = BIT(5),
    STR_WIDE_OUTPUT = BIT(6),
};

struct strings {
    i32 a[16], b[16];
    unsigned count, a_len, b_len; /* elements in a vector, and of them valid */
};

static void take_elements(i32 *out, v128 v, unsigned imm)
{
    union lanes x = {.v = v};
    for (unsigned i = 0; i < (imm & STR_WORDS ? 8u : 16u); i++)
        out[i] =
            imm & STR_WORDS ? (imm & STR_SIGNED ? LSW(x, i) : LW(x, i)) : (imm & STR_SIGNED ? LSB(x, i) : LB(x, i));
}
/* Implicit length: up to the first zero. */
static unsigned length_implicit(const i32 *s, unsigned count)
{
    unsigned n = 0;
    while (n < count && s[n])
        n++;
    return n;
}
/* Explicit length: the magnitude of EAX/RAX or EDX/RDX, at most all. */
static unsigned length_explicit(u64 reg, bool wide, unsigned count)
{
    u64 n = wide ? reg : (u64)(i64)(i32)reg;
    if (n >> 63)
        n = 0 - n;
    return n > count ? count : (unsigned)n;
}

/* Bit j: what the aggregation says of b's element j. */
static u32 aggregate(const struct strings *s, unsigned imm)
{
    u32 r = 0;
    for (unsigned j = 0; j < s->count; j++) {
        bool hit = false;
        switch (imm & STR_AGGREGATION) {
        case STR_EQUAL_ANY:
            for (unsigned i = 0; i < s->a_len && j < s->b_len; i++)
                hit |= s->a[i] == s->b[j];
            break;
        case STR_RANGES:
            for (unsigned i = 0; i + 1 < s->a_len && j < s->b_len; i += 2)
                hit |= s->a[i] <= s->b[j] && s->b[j] <= s->a[i + 1];
            break;
        case STR_EQUAL_EACH:
            hit = j < s->a_len && j < s->b_len ? s->a[j] == s->b[j] : j >= s->a_len && j >= s->b_len;
            break;
        default: /* equal ordered: a as a substring at j; b's end cuts it off only at the vector's end */
            hit = true;
            for (unsigned i = 0; i < s->a_len && i + j < s->count; i++)
                hit &= i + j < s->b_len && s->a[i] == s->b[i + j];
        }
        r |= (u32)hit << j;
    }
    return r;
}

/* IntRes2, with the flags set. */
static u32 compare_strings(struct cpu *cpu, const struct strings *s, unsigned imm)
{
    u32 all = BIT(s->count) - 1, valid = BIT(s->b_len) - 1, r = aggregate(s, imm);
    if (imm & STR_NEGATE)
        r ^= imm & STR_ONLY_VALID ? valid : all;
    flags_from_image(cpu, (r ? FL_CF : 0) | (s->b_len < s->count ? FL_ZF : 0) | (s->a_len < s->count ? FL_SF : 0) |
                              (r & 1 ? FL_OF : 0));
    return r;
}
static void result_index(struct cpu *cpu, const struct strings *s, unsigned imm, u32 r)
{
    cpu->gpr[RCX] = !r ? s->count : imm & STR_WIDE_OUTPUT ? 31u - (u32)__builtin_clz(r) : (u32)__builtin_ctz(r);
}
static void result_mask(struct cpu *cpu, const struct strings *s, unsigned imm, u32 r)
{
    union lanes x = {.v = {r, 0}};
    if (imm & STR_WIDE_OUTPUT) {
        for (unsigned i = 0; i < s->count; i++) {
            if (s->count == 8)
                LW(x, i) = r & BIT(i) ? 0xffff : 0;
            else
                LB(x, i) = r & BIT(i) ? 0xff : 0;
        }
    }
    xmm_set(cpu, 0, 0, x.v);
}

enum string_op { STR_IMPLICIT_INDEX, STR_IMPLICIT_MASK, STR_EXPLICIT_INDEX, STR_EXPLICIT_MASK };
static void string_op(struct cpu *cpu, const struct uop *u, enum string_op op, v128 b)
{
    unsigned imm = (u8)u->imm;
    bool wide = u->flags & UF_REXW;
    struct strings s = {.count = imm & STR_WORDS ? 8 : 16};
    take_elements(s.a, xmm_get(cpu, u->dst, 0), imm);
    take_elements(s.b, b, imm);
    if (op == STR_EXPLICIT_INDEX || op == STR_EXPLICIT_MASK) {
        s.a_len = length_explicit(cpu->gpr[RAX], wide, s.count);
        s.b_len = length_explicit(cpu->gpr[RDX], wide, s.count);
    } else {
        s.a_len = length_implicit(s.a, s.count);
        s.b_len = length_implicit(s.b, s.count);
    }
    u32 r = compare_strings(cpu, &s, imm);
    if (op == STR_IMPLICIT_INDEX || op == STR_EXPLICIT_INDEX)
        result_index(cpu, &s, imm, r);
    else
        result_mask(cpu, &s, imm, r);
}
#define STRING_OP(NAME, op)                                                                                            \
    static UOP_FN(NAME##_rr)                                                                                           \
    {                                                                                                                  \
        string_op(cpu, u, op, xmm_get(cpu, u->src, 0));                                                                \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    MEM_FN(NAME##_rm, 16, 1, string_op(cpu, u, op, m.h[0]))
STRING_OP(PCMPISTRI, STR_IMPLICIT_INDEX)
STRING_OP(PCMPISTRM, STR_IMPLICIT_MASK)
STRING_OP(PCMPESTRI, STR_EXPLICIT_INDEX)
STRING_OP(PCMPESTRM, STR_EXPLICIT_MASK)
/* With VEX the mask's register is written whole. */
#define STRING_MASK_VEX(NAME, op)                                                                                      \
    static UOP_FN(NAME##_rr_vex)                                                                                       \
    {                                                                                                                  \
        string_op(cpu, u, op, xmm_get(cpu, u->src, 0));                                                                \
        xmm_clear_upper(cpu, 0);                                                                                       \
        NEXT(u);                                                                                                       \
    }                                                                                                                  \
    MEM_FN(NAME##_rm_vex, 16, 1, string_op(cpu, u, op, m.h[0]); xmm_clear_upper(cpu, 0))                               \
    const struct uop_table NAME##_table = {{[FORM_RR] = FORM_COLUMNS(NAME##_rr, NAME##_rr_vex, NULL),                  \
                                            [FORM_RM] = FORM_COLUMNS(NAME##_rm, NAME##_rm_vex, NULL)}};
STRING_MASK_VEX(PCMPISTRM, STR_IMPLICIT_MASK)
STRING_MASK_VEX(PCMPESTRM, STR_EXPLICIT_MASK)
const struct uop_table PCMPISTRI_table = {{[FORM_RR] = ANY_SIZE(PCMPISTRI_rr), [FORM_RM] = ANY_SIZE(PCMPISTRI_rm)}};
const struct uop_table PCMPESTRI_table = {{[FORM_RR] = ANY_SIZE(PCMPESTRI_rr), [FORM_RM] = ANY_SIZE(PCMPESTRI_rm)}};
