/*
 * Every SSE and AVX row of insn.def, with random operands, against the host's
 * CPU: NaNs, denormals, infinities, every rounding mode, DAZ, FTZ, unmasked
 * exceptions, misaligned and faulting memory. One test per row so that a
 * report names it. ORRERY_CASES=n: cases per row; ORRERY_SEED=n; ORRERY_ROW=
 * mnemonic: that one only. --jit: the translator instead of the interpreter. Rows
 * whose feature the host lacks are skipped.
 */
#include <check.h>
#include <stdlib.h>

#include "cpu/vec/sse.h"
#include "tests/insn/undefined.h"

static u64 rng_state;
static u64 rng(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return rng_state * 0x2545f4914f6cdd1dull;
}
static unsigned pick(unsigned n) { return (unsigned)((rng() >> 33) % n); }
static bool chance(unsigned one_in) { return pick(one_in) == 0; }

/* ---- values that matter ---- */
static u32 any_float(void)
{
    static const u32 special[] = {0,          0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000,
                                  0xffc00000, 0x7f800001, 0xffbfffff, 0x7fc12345, 0xffc54321, 0x00000001, 0x80000001,
                                  0x007fffff, 0x00800000, 0x80800000, 0x7f7fffff, 0xff7fffff, 0x3f000000, 0x3fc00000,
                                  0x40200000, 0xbf000000, 0x4b000000, 0x4b7fffff, 0x4f000000, 0xcf000000, 0x5f000000,
                                  0xdf000000, 0x4effffff, 0x3effffff, 0x00ffffff, 0x5f7fffff, 0x1f000000};
    switch (pick(8)) {
    case 0:
    case 1:
    case 2:
        return special[pick(ARRAY_LEN(special))];
    case 3:
        return (u32)rng() & 0x807fffff; /* denormals */
    case 4:
        return ((u32)rng() & 0x80000fff) | (u32)(120 + pick(16)) << 23; /* few bits */
    case 5:
        return ((u32)rng() & 0x807fffff) | (u32)(124 + pick(36)) << 23;
    case 6:
        return ((u32)rng() & 0x807fffff) | (u32)(pick(2) ? pick(40) : 215 + pick(40)) << 23;
    default:
        return (u32)rng();
    }
}
static u64 any_double(void)
{
    static const u64 special[] = {0,
                                  0x8000000000000000,
                                  0x3ff0000000000000,
                                  0xbff0000000000000,
                                  0x7ff0000000000000,
                                  0xfff0000000000000,
                                  0x7ff8000000000000,
                                  0xfff8000000000000,
                                  0x7ff0000000000001,
                                  0xfff7ffffffffffff,
                                  0x7ff8123456789abc,
                                  0xfff8cba987654321,
                                  1,
                                  0x8000000000000001,
                                  0x000fffffffffffff,
                                  0x0010000000000000,
                                  0x7fefffffffffffff,
                                  0xffefffffffffffff,
                                  0x3fe0000000000000,
                                  0x3ff8000000000000,
                                  0x4004000000000000,
                                  0x4330000000000000,
                                  0x41e0000000000000,
                                  0xc1e0000000000000,
                                  0x43e0000000000000,
                                  0xc3e0000000000000,
                                  0x41dfffffffc00000,
                                  0x41dfffffffe00000,
                                  0x47efffffe0000000,
                                  0x47effffff0000000,
                                  0x3810000000000000,
                                  0x36a0000000000000,
                                  0x3690000000000000,
                                  0x380fffffffffffff,
                                  0x3fdfffffffffffff,
                                  0x001fffffffffffff};
    switch (pick(9)) {
    case 0:
    case 1:
    case 2:
        return special[pick(ARRAY_LEN(special))];
    case 3:
        return rng() & 0x800fffffffffffff;
    case 4:
        return (rng() & 0x80000000000fffff) | (u64)(1016 + pick(16)) << 52;
    case 5:
        return (rng() & 0x800fffffffffffff) | (u64)(1020 + pick(70)) << 52;
    case 6:
        return (rng() & 0x800fffffffffffff) | (u64)(pick(2) ? pick(80) : 1967 + pick(80)) << 52;
    case 7:
        return (rng() & 0x800fffffe0000000) | (u64)(860 + pick(330)) << 52; /* around float's range */
    default:
        return rng();
    }
}
/* Sixteen bytes of one kind; 'like' makes two registers meet. */
static void any_vector(u8 *to, const u8 *like)
{
    unsigned kind = pick(10);
    for (unsigned i = 0; i < 2; i++) {
        u64 v = rng();
        if (kind < 3)
            v = any_float() | (u64)any_float() << 32;
        else if (kind < 6)
            v = any_double();
        else if (kind == 6)
            v &= rng() & 0x0f0f0f0f0f0f0f0f; /* small lanes, many zero: strings, counts */
        else if (kind == 7)
            v = (u64)pick(140) << (chance(2) ? 0 : 8 * pick(8)) | (chance(2) ? (u64)pick(80) << 32 : 0);
        else if (kind == 8 && like)
            v = ld64(like + 8 * i) ^ (chance(2) ? 1ull << pick(64) : 0);
        st64(to + 8 * i, v);
    }
}
static u32 any_mxcsr(void)
{
    u32 control = (u32)rng() & (MXCSR_RC | MXCSR_DAZ | MXCSR_FTZ);
    switch (pick(6)) {
    case 0:
    case 1:
        return MXCSR_RESET;
    case 2:
    case 3:
        return control | MXCSR_MASKS | ((u32)rng() & MXCSR_FLAGS & (u32)rng());
    case 4:
        return control | (MXCSR_MASKS & ~(BIT(MXCSR_MASK_SHIFT + pick(6)))) | ((u32)rng() & MXCSR_FLAGS & (u32)rng());
    default:
        return control | ((u32)rng() & (MXCSR_MASKS | MXCSR_FLAGS));
    }
}

/* ---- bytes from a row ---- */
struct encoded {
    u8 prefix, w, map, opcode;
    int digit, vex_l;
    bool vex, modrm;
};
static struct encoded parse_encoding(const char *s)
{
    struct encoded e = {.digit = -1, .vex_l = 2, .w = 2};
    bool opcode = false;
    char word[64];
    for (int n; sscanf(s, " %63s%n", word, &n) == 1; s += n) {
        if (!strncmp(word, "VEX", 3)) {
            e.vex = true;
            e.vex_l = strstr(word, ".128") || strstr(word, ".LZ") ? 0 : strstr(word, ".256") ? 1 : 2;
            e.prefix = strstr(word, ".66") ? 0x66 : strstr(word, ".F3") ? 0xf3 : strstr(word, ".F2") ? 0xf2 : 0;
            e.map = strstr(word, ".0F38") ? 2 : strstr(word, ".0F3A") ? 3 : 1;
            e.w = strstr(word, ".W0") ? 0 : strstr(word, ".W1") ? 1 : 2;
        } else if (!strcmp(word, "NP") || !strcmp(word, "NF")) {
            e.prefix = 0;
        } else if (word[0] == 'W') {
            e.w = (u8)(word[1] - '0');
        } else if (word[0] == '/') {
            e.modrm = true;
            e.digit = word[1] == 'r' ? -1 : word[1] - '0';
        } else {
            u8 v = (u8)strtol(word, NULL, 16);
            if (!e.vex && !opcode && e.map == 0 && (v == 0x66 || v == 0xf2 || v == 0xf3))
                e.prefix = v;
            else if (!e.vex && e.map == 0 && v == 0x0f)
                e.map = 1;
            else if (!e.vex && e.map == 1 && (v == 0x38 || v == 0x3a) && s[n])
                e.map = v == 0x38 ? 2 : 3;
            else
                e.opcode = v, opcode = true;
        }
    }
    return e;
}

/* Gathers: registers that differ (mostly), indices that reach the data area (mostly), a mask. */
struct vsib {
    u8 index, scale;
};
static struct vsib any_vsib(struct oracle_case *c, const struct insn_row *row, u8 mask)
{
    struct vsib s = {(u8)pick(c->bits == 64 ? 16 : 8), (u8)pick(4)};
    bool wide = strchr(row->mnemonic, 'q') && strchr(row->mnemonic, 'q')[-1] == 'r'; /* gatherq.: 64-bit indices */
    for (unsigned i = 0; i < 8; i++) {
        i32 n = (i32)pick(64) - 32;
        n = chance(24) ? (i32)rng() : chance(8) ? n * 64 : n;
        u8 *half = (i < 4 ? c->in.fx + FX_XMM : c->in.ymmh) + 16 * s.index;
        st32(half + 4 * (i & 3), wide && i & 1 ? (ld32(half + 4 * ((i & 3) - 1)) >> 31 ? ~0u : 0) : (u32)n);
        half = (i < 4 ? c->in.fx + FX_XMM : c->in.ymmh) + 16 * mask;
        if (mask != s.index)
            st32(half + 4 * (i & 3), chance(3) ? ld32(half + 4 * (i & 3)) : ~0u);
    }
    return s;
}

/* Appends one instruction; *memory says whether it has a memory operand (at [RBX + disp8]). */
static void emit(struct oracle_case *c, const struct insn_row *row, bool *memory)
{
    struct encoded e = parse_encoding(row->encoding);
    bool is64 = c->bits == 64, mem = false, reg = false, vvvv = false;
    unsigned imms = 0;
    const char *operands = row->operands;
    for (const char *s = operands; s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL) {
        mem |= *s == 'M';
        reg |= *s == 'U' || *s == 'R' || *s == 'N';
        imms += *s == 'I' || *s == 'L';
        vvvv |= *s == 'H' || *s == 'B';
    }
    if (!mem && !reg)
        mem = chance(2);
    *memory = mem;
    u8 w = e.w == 2 ? (u8)chance(4) : e.w, r = is64 && chance(2), b = is64 && !mem && chance(2), x = is64 && chance(8);
    u8 v = vvvv ? (u8)pick(is64 ? 16 : 8) : 0;
    struct vsib vsib = {0};
    if (row->attrs & A_VSIB) {
        vsib = any_vsib(c, row, v);
        x = vsib.index >> 3;
    }
    u8 *p = c->code + c->len;
    if (e.vex) {
        u8 pp = e.prefix == 0x66 ? 1 : e.prefix == 0xf3 ? 2 : e.prefix == 0xf2 ? 3 : 0;
        u8 l = e.vex_l == 2 ? (u8)chance(2) : (u8)e.vex_l;
        u8 last = (u8)((~v & 15) << 3 | l << 2 | pp);
        if (e.map == 1 && !w && !x && !b && chance(2)) {
            *p++ = 0xc5;
            *p++ = (u8)(last | !r << 7);
        } else {
            *p++ = 0xc4;
            *p++ = (u8)(!r << 7 | !x << 6 | !b << 5 | e.map);
            *p++ = (u8)(last | w << 7);
        }
    } else {
        if (e.prefix)
            *p++ = e.prefix;
        u8 rex = (u8)(0x40 | w << 3 | r << 2 | x << 1 | b);
        if (is64 && (rex != 0x40 || chance(8)))
            *p++ = rex;
        *p++ = 0x0f;
        if (e.map > 1)
            *p++ = e.map == 2 ? 0x38 : 0x3a;
    }
    *p++ = e.opcode;
    u8 field = (u8)(e.digit >= 0 ? e.digit : (int)pick(8));
    if (row->attrs & A_VSIB) {
        *p++ = (u8)(0x44 | field << 3);
        *p++ = (u8)(vsib.scale << 6 | (vsib.index & 7) << 3 | RBX);
        *p++ = (u8)(16 * pick(4));
    } else if (e.modrm && mem) {
        *p++ = (u8)(0x43 | field << 3);
        *p++ = (u8)(16 * pick(4));
    } else if (e.modrm) {
        *p++ = (u8)(0xc0 | field << 3 | pick(8));
    }
    while (imms--)
        *p++ = chance(3) ? (u8)pick(24) : (u8)rng();
    c->len = (unsigned)(p - c->code);
}

static void any_state(struct oracle_case *c)
{
    for (unsigned i = 0; i < 16; i++)
        if (i != RSP)
            c->in.gpr[i] = chance(3) ? pick(40) - 20ull : chance(2) ? (u64)(i64)(i32)rng() : rng();
    for (unsigned i = 0; c->bits == 32 && i < 16; i++)
        c->in.gpr[i] = (u32)c->in.gpr[i];
    u32 at = ORACLE_DATA + 0x1000 + 16 * pick(8);
    if (chance(10))
        at += pick(16);
    else if (chance(24))
        at = ORACLE_DATA + 0x2fe0 - 8 * pick(8); /* read-only, and then nothing */
    else if (chance(24))
        at = ORACLE_DATA + 0xfe8 + pick(16); /* across pages */
    c->in.gpr[RBX] = at;
    c->in.gpr[RDI] = chance(8) ? ORACLE_DATA + 0x1fec + 0x1000 * pick(2) + pick(12) : ORACLE_DATA + 0xff0 + pick(24);
    c->in.rflags = FL_1 | FL_IF | (rng() & FL_ARITH);
    st32(c->in.fx + FX_MXCSR, any_mxcsr());
    if (chance(4))
        st16(c->in.fx + FX_FSW, (u16)(pick(8) << 11));
    for (unsigned i = 0; i < 8; i++)
        st64(c->in.fx + FX_ST + 16 * i, rng());
    for (unsigned i = 0; i < 16; i++)
        any_vector(c->in.fx + FX_XMM + 16 * i, i ? c->in.fx + FX_XMM : NULL);
    for (unsigned i = 0; native_has(FEAT_AVX) && i < (c->bits == 64 ? 16 : 8); i++)
        any_vector(c->in.ymmh + 16 * i, i ? c->in.ymmh : NULL);
    for (unsigned i = 0; i < 12; i++) {
        u32 to = (at & ~15u) - ORACLE_DATA + 16 * i;
        if (to + 16 <= ORACLE_DATA_SIZE)
            any_vector(c->in.data + to, c->in.fx + FX_XMM + 16 * pick(16));
    }
}

static bool is_ours(const struct insn_row *row)
{
    bool known = (row->attrs & (A_SSE | A_AVX)) || row->uop == UOP_MOVNTI;
    return known && native_available() && native_has(row->feature) && !(undefined_here(row, 4) & UNDEFINED_RESULT);
}
static unsigned cases_from_environment(const char *name, unsigned otherwise)
{
    const char *s = getenv(name);
    return s ? (unsigned)strtoul(s, NULL, 0) : otherwise;
}

static struct oracle_case test_case;
static struct oracle_state native_out, ours_out;
static char report[8192], listing[4096];

static void check_case(const struct insn_row *row, unsigned number)
{
    if (!native_run(&test_case, &native_out) || !ours_run(&test_case, &ours_out))
        ck_abort_msg("the oracle failed");
    if (ld32(native_out.fx + FX_MXCSR) & ~MXCSR_WRITABLE) /* AMD's MISALIGNSSE bit, which we do not have */
        return;
    if (oracle_same(&test_case, &native_out, &ours_out, report, sizeof(report)))
        return;
    oracle_disasm(&test_case, listing, sizeof(listing));
    for (unsigned i = 0; i < 16; i++) {
        char line[120];
        const u8 *x = test_case.in.fx + FX_XMM + 16 * i;
        snprintf(line, sizeof(line), "  in XMM%u %016llx%016llx\n", i, (unsigned long long)ld64(x + 8),
                 (unsigned long long)ld64(x));
        size_t used = strlen(report);
        snprintf(report + used, sizeof(report) - used, "%s", line);
    }
    printf("[%s] %s %s, case %u, MXCSR %x, EFLAGS %llx\n%s%s", row->encoding, row->mnemonic, row->operands, number,
           ld32(test_case.in.fx + FX_MXCSR), (unsigned long long)test_case.in.rflags, listing, report);
    ck_abort_msg("[%s] %s %s: case %u differs", row->encoding, row->mnemonic, row->operands, number);
}

START_TEST(test_row)
{
    const struct insn_row *row = &insn_rows[_i];
    const char *only = getenv("ORRERY_ROW");
    if (!is_ours(row) || (only && strcmp(only, row->mnemonic) != 0) || ((row->attrs & A_I64) && !native_runs(32)))
        return;
    unsigned cases = cases_from_environment("ORRERY_CASES", 30);
    rng_state = 0x9e3779b97f4a7c15ull * (unsigned)(_i + 1) + cases_from_environment("ORRERY_SEED", 1);
    for (unsigned i = 0; i < cases; i++) {
        bool only64 = (row->attrs & A_O64) || strstr(row->encoding, "W1") || !native_runs(32), memory;
        bool is64 = !(row->attrs & A_I64) && (only64 || !chance(5));
        oracle_case_init(&test_case, is64 ? 64 : 32);
        any_state(&test_case);
        emit(&test_case, row, &memory);
        check_case(row, i);
    }
}
END_TEST

/* Several instructions on few registers, so that flags and results of one feed the next. */
START_TEST(test_sequences)
{
    if (!native_available() || getenv("ORRERY_ROW"))
        return;
    unsigned cases = cases_from_environment("ORRERY_CASES", 30) * 20;
    rng_state = 0x123456789abcdefull + cases_from_environment("ORRERY_SEED", 1);
    for (unsigned i = 0; i < cases; i++) {
        const struct insn_row *row = NULL;
        oracle_case_init(&test_case, chance(4) && native_runs(32) ? 32 : 64);
        any_state(&test_case);
        for (unsigned n = 3 + pick(12); n;) {
            bool memory;
            row = &insn_rows[pick(insn_row_count)];
            if (!is_ours(row) || (test_case.bits == 32 && (row->attrs & A_O64)) ||
                (test_case.bits == 64 && (row->attrs & A_I64)) || (test_case.bits == 32 && strstr(row->encoding, "W1")))
                continue;
            emit(&test_case, row, &memory);
            n--;
        }
        check_case(row, i);
    }
}
END_TEST

/* MASKMOVDQU's quadwords across a segment's limit, into a read-only page and misaligned: which fault comes first. */
START_TEST(test_masked_halves)
{
    static const u16 offsets[] = {0x700, 0x708, 0x1ff4, 0x1ff8, 0x2ff0, 0x2ff6, 0x2ff8, 0x2ff9};
    static const u8 segments[] = {0x36, 0x3e}; /* SS and DS, whose limits differ */
    const struct insn_row *row = insn_rows;
    while (row->uop != UOP_MASKMOVDQU)
        row++;
    if (!native_runs(16))
        return;
    for (unsigned i = 0; i < ARRAY_LEN(offsets) * 4; i++) {
        const u8 code[] = {segments[i & 1], 0x66, 0x0f, 0xf7, 0xc1};
        oracle_case_init(&test_case, 16);
        memcpy(test_case.code, code, sizeof(code));
        test_case.len = sizeof(code);
        memset(test_case.in.fx + FX_XMM + 16, 0x80, 16);
        test_case.in.gpr[RDI] = offsets[i / 4];
        if (i & 2)
            test_case.in.rflags |= FL_AC;
        check_case(row, i);
    }
}
END_TEST

/* The fused multiply-add for hosts without one, against this host's. */
START_TEST(test_soft_muladd)
{
    static const char *const names[] = {"PS", "PD", "SS", "SD"};
    if (!native_available() || !native_has(FEAT_FMA))
        return;
    unsigned cases = cases_from_environment("ORRERY_CASES", 30) * 1000;
    rng_state = 0xfedcba987654321ull + cases_from_environment("ORRERY_SEED", 1);
    u32 before = fp_host_get();
    for (unsigned n = 0; n < cases; n++) {
        unsigned type = pick(4), elem = type & 1 ? 8 : 4, lanes = type > 1 ? 1 : 16 / elem;
        unsigned which = pick(lanes == 1 ? 4 : 6) * 4 + pick(3);
        u8 bytes[3][16];
        v128 v[3];
        for (unsigned i = 0; i < 3; i++) {
            any_vector(bytes[i], NULL);
            v[i] = vec_ld(bytes[i]);
        }
        u32 control = MXCSR_MASKS | ((u32)rng() & (MXCSR_RC | MXCSR_DAZ | MXCSR_FTZ));
        fp_host_set(control);
        v128 host = type == 0   ? fp_fma_ps(which, v[0], v[1], v[2])
                    : type == 1 ? fp_fma_pd(which, v[0], v[1], v[2])
                    : type == 2 ? fp_fma_ss(which, v[0], v[1], v[2])
                                : fp_fma_sd(which, v[0], v[1], v[2]);
        u32 host_flags = fp_host_get();
        fp_host_set(control);
        v128 soft = fp_muladd_soft(which, elem, lanes, v[0], v[1], v[2]);
        u32 soft_flags = fp_host_get();
        fp_host_set(before);
        if (host[0] != soft[0] || host[1] != soft[1] || host_flags != soft_flags)
            ck_abort_msg("FMA %s, which %u, a %016llx%016llx b %016llx%016llx c %016llx%016llx, host %016llx%016llx "
                         "MXCSR %x, soft %016llx%016llx MXCSR %x",
                         names[type], which, (unsigned long long)v[0][1], (unsigned long long)v[0][0],
                         (unsigned long long)v[1][1], (unsigned long long)v[1][0], (unsigned long long)v[2][1],
                         (unsigned long long)v[2][0], (unsigned long long)host[1], (unsigned long long)host[0],
                         host_flags, (unsigned long long)soft[1], (unsigned long long)soft[0], soft_flags);
    }
}
END_TEST

int main(int argc, char **argv)
{
    decode_init();
    if (argc > 1 && !strcmp(argv[1], "--jit") && !ours_translate())
        return 77;
    Suite *suite = suite_create("sse");
    TCase *rows = tcase_create("rows");
    tcase_set_timeout(rows, 240);
    tcase_add_loop_test(rows, test_row, 0, (int)insn_row_count);
    tcase_add_test(rows, test_sequences);
    tcase_add_test(rows, test_masked_halves);
    tcase_add_test(rows, test_soft_muladd);
    suite_add_tcase(suite, rows);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
