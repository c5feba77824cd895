/*
 * Floating point in software (cpu/softfp/softfp.h and what uses it). On an x86-64
 * host every operation behind fp80.h and fp_sse.h runs on the host's units and
 * in software, with random operands, control words and flags, and must give
 * the same bits, flags included; transcendental functions may be one unit in
 * the last place off, for the silicon is, or flagged as if rounded otherwise. On every host the software's results
 * must be those recorded in soft_results.def, of which what is not
 * transcendental was the silicon's too.
 *
 * ORRERY_CASES=n: n thousand cases per operation; ORRERY_ROW=name: that one
 * only; ORRERY_RECORD=1 prints the record.
 */
#include <check.h>
#include <stdlib.h>

#include "cpu/vec/mxcsr.h"
#include "tests/insn/units.h"
#include "tests/insn/values.h"

enum { CASES = 20000, RECORDED = 4000 };

static const struct {
    const char *name;
    u64 hash;
} recorded[] = {
#define RESULT(name, hash) {#name, hash},
#include "tests/insn/soft_results.def"
#undef RESULT
};

struct input {
    struct x87_reg a, b;
    u64 m;
    u16 fcw, fsw;
    v128 v[3];
    u32 mxcsr;
    unsigned which;
};
/* Registers as two words each, vectors, integers; unused ones are 0. */
struct outcome {
    u64 v[4];
    u64 status;
};

static v128 random_vector(unsigned elem)
{
    union lanes r;
    for (unsigned i = 0; i < 4; i++)
        LD(r, i) = below(4) ? random_f32() : (u32)random_integer();
    for (unsigned i = 0; elem == 8 && i < 2; i++)
        LQ(r, i) = below(6) ? random_f64() : random_around_f32();
    return r.v;
}
/* What the operation's name says about the operand's size. */
static unsigned elem_of(const char *name)
{
    bool from_double = strstr(name, "pd2") || strstr(name, "sd2");
    bool to_double = strstr(name, "2pd") || strstr(name, "2sd");
    return from_double ? 8 : to_double ? 4 : strchr(name, 'd') && strstr(name, "d") == name + strlen(name) - 1 ? 8 : 4;
}
static void random_input(const struct unit *u, struct input *in)
{
    bool f32 = strstr(u->name, "f32"), f64 = strstr(u->name, "f64");
    unsigned elem = elem_of(u->name);
    in->a = random_reg();
    in->b = below(8) ? random_reg() : in->a;
    if (u->transcendental && below(2))
        in->a.se = (u16)((in->a.se & 0x8000) | (0x3fff - 20 + below(24)));
    if (u->transcendental && below(2))
        in->b.se = (u16)((in->b.se & 0x8000) | (0x3fff - 20 + below(24)));
    in->m = f32 ? random_f32() : f64 ? random_f64() : random_integer();
    in->fcw = random_fcw();
    in->fsw = (u16)(rnd() & (FSW_CC | (FSW_EXC & in->fcw)));
    for (unsigned i = 0; i < 3; i++)
        in->v[i] = random_vector(elem);
    in->mxcsr = MXCSR_MASKS;
    if (below(2))
        in->mxcsr |= (u32)rnd() & (MXCSR_RC | MXCSR_DAZ | MXCSR_FTZ);
    in->which = below(u->shape == UNIT_FMA && strchr(u->name, 'p') ? 6 : 4) * 4;
    in->which += below(3); /* orders */
}

static void put_reg(u64 *v, const struct x87_reg *r)
{
    v[0] = r->man;
    v[1] = r->se;
}
static struct outcome run(const struct units *set, const struct unit *u, const struct input *in)
{
    struct outcome o = {{0}, 0};
    struct x87_reg a = in->a, p = {1, 2};
    struct fp80_stored stored;
    u32 before = set->mxcsr_get();
    v128 r = {0, 0};
    set->mxcsr_set(in->mxcsr);
    switch (u->shape) {
    case UNIT_BINARY:
        o.status = u->binary(&a, &in->b, in->fcw, in->fsw);
        put_reg(o.v, &a);
        break;
    case UNIT_BINARY_MEM:
        o.status = u->binary_mem(&a, in->m, in->fcw, in->fsw);
        put_reg(o.v, &a);
        break;
    case UNIT_COMPARE:
        o.status = u->compare(&in->a, &in->b, in->fcw, in->fsw);
        break;
    case UNIT_COMPARE_MEM:
        o.status = u->compare_mem(&in->a, in->m, in->fcw, in->fsw);
        break;
    case UNIT_UNARY:
        o.status = u->unary(&a, in->fcw, in->fsw);
        put_reg(o.v, &a);
        break;
    case UNIT_UNARY2:
        o.status = u->unary2(&a, &p, in->fcw, in->fsw);
        put_reg(o.v, &a);
        put_reg(o.v + 2, &p);
        break;
    case UNIT_LOAD:
        o.status = u->load(&a, in->m, in->fcw, in->fsw);
        put_reg(o.v, &a);
        break;
    case UNIT_STORE:
        stored = u->store(&a, in->fcw, in->fsw);
        o.status = stored.status;
        o.v[0] = stored.status & FP80_NO_STORE ? 0 : stored.val;
        break;
    case UNIT_KERNEL:
        r = u->kernel(in->v[0], in->v[1], 0);
        break;
    case UNIT_FLAGS:
        o.status = (u64)u->flags(in->v[0], in->v[1]) << 32;
        break;
    case UNIT_TO_INTEGER:
        o.v[0] = u->to_integer(in->v[1]);
        break;
    case UNIT_FROM_INTEGER:
        r = u->from_integer(in->v[0], in->m);
        break;
    case UNIT_FMA:
        r = u->fma(in->which, in->v[0], in->v[1], in->v[2]);
        break;
    }
    if (u->shape >= UNIT_KERNEL)
        o.status |= set->mxcsr_get();
    if (u->shape == UNIT_KERNEL || u->shape >= UNIT_FROM_INTEGER)
        memcpy(o.v, &r, sizeof(r));
    set->mxcsr_set(before);
    return o;
}

static u64 hash_outcome(u64 h, const struct outcome *o)
{
    for (unsigned i = 0; i < 5; i++) {
        h = (h ^ (i < 4 ? o->v[i] : o->status)) * 0x9e3779b97f4a7c15ull;
        h ^= h >> 29;
    }
    return h;
}

/* Significands next to each other; what rounding did then differs too, and an underflow may come or go with it. */
static bool near(const struct outcome *a, const struct outcome *b)
{
    u64 rounding = FSW_C1 | FSW_PE | FSW_UE;
    if ((a->status ^ b->status) & ~(rounding | rounding << FP80_UNMASKED | FSW_ES | FSW_B))
        return false;
    for (unsigned i = 0; i < 4; i += 2) {
        u64 x = a->v[i], y = b->v[i];
        bool same_exponent = a->v[i + 1] == b->v[i + 1] && x - y + 1 <= 2;
        bool carried = (x == BIT64(63) && y == ~0ull && a->v[i + 1] == b->v[i + 1] + 1) ||
                       (y == BIT64(63) && x == ~0ull && b->v[i + 1] == a->v[i + 1] + 1);
        if (!same_exponent && !carried)
            return false;
    }
    return true;
}

static void describe(const struct unit *u, const struct input *in, const struct outcome *host,
                     const struct outcome *soft, char *text, size_t size)
{
    bool x87 = u->shape < UNIT_KERNEL;
    int n = x87 ? snprintf(text, size, "a %04x:%016llx b %04x:%016llx m %llx fcw %04x fsw %04x", in->a.se,
                           (unsigned long long)in->a.man, in->b.se, (unsigned long long)in->b.man,
                           (unsigned long long)in->m, in->fcw, in->fsw)
                : snprintf(text, size, "a %016llx%016llx b %016llx%016llx c %016llx%016llx m %llx mxcsr %x which %u",
                           (unsigned long long)in->v[0][1], (unsigned long long)in->v[0][0],
                           (unsigned long long)in->v[1][1], (unsigned long long)in->v[1][0],
                           (unsigned long long)in->v[2][1], (unsigned long long)in->v[2][0], (unsigned long long)in->m,
                           in->mxcsr, in->which);
    for (unsigned k = 0; k < 2 && n < (int)size; k++) {
        const struct outcome *o = k ? soft : host;
        n += snprintf(text + n, size - (size_t)n, "\n  %s %04llx:%016llx %04llx:%016llx status %llx",
                      k ? "soft" : "host", (unsigned long long)o->v[1], (unsigned long long)o->v[0],
                      (unsigned long long)o->v[3], (unsigned long long)o->v[2], (unsigned long long)o->status);
    }
}

static const struct unit *host_row(const struct unit *soft)
{
#ifdef HOST_FP
    return &units_host()->row[soft - units_soft()->row];
#else
    (void)soft;
    return NULL;
#endif
}
static const struct units *host_units(void)
{
#ifdef HOST_FP
    return units_host();
#else
    return NULL;
#endif
}

static unsigned long cases_wanted(void)
{
    const char *s = getenv("ORRERY_CASES");
    return s ? strtoul(s, NULL, 0) * 1000 : 0;
}

/* One operation; the cases depend on its name and their number alone. */
static void check_unit(const struct unit *u)
{
    const struct unit *host = host_row(u);
    unsigned long cases = cases_wanted() ? cases_wanted() : host ? CASES : RECORDED, off = 0;
    u64 hash = 1;
    char text[1024];
    rng_state = 0;
    for (const char *s = u->name; *s; s++)
        rng_state = rng_state * 31 + (u8)*s;
    for (unsigned long i = 0; i < cases; i++) {
        struct input in;
        random_input(u, &in);
        struct outcome soft = run(units_soft(), u, &in);
        if (i < RECORDED)
            hash = hash_outcome(hash, &soft);
        if (!host)
            continue;
        struct outcome silicon = run(host_units(), host, &in);
        if (memcmp(&silicon, &soft, sizeof(soft)) == 0)
            continue;
        off++;
        describe(u, &in, &silicon, &soft, text, sizeof(text));
        ck_assert_msg(u->transcendental && near(&silicon, &soft), "%s, case %lu: %s", u->name, i, text);
    }
    ck_assert_msg(off * 8 <= cases, "%s: %lu of %lu differ", u->name, off, cases);
    if (off && cases_wanted())
        printf("%s: %lu of %lu differ in the last place or in how they were rounded\n", u->name, off, cases);
    if (getenv("ORRERY_RECORD"))
        printf("RESULT(%s, 0x%016llx)\n", u->name, (unsigned long long)hash);
    for (unsigned i = 0; cases >= RECORDED && !getenv("ORRERY_RECORD") && i < ARRAY_LEN(recorded); i++)
        if (!strcmp(recorded[i].name, u->name))
            ck_assert_msg(recorded[i].hash == hash, "%s: not the results on record", u->name);
}
START_TEST(test_unit)
{
    const struct unit *u = &units_soft()->row[_i];
    const char *only = getenv("ORRERY_ROW");
    if (!only || !strcmp(only, u->name))
        check_unit(u);
}
END_TEST

/* Each row is on record, and nothing else. */
START_TEST(test_record)
{
    unsigned n = 0;
    while (units_soft()->row[n].name && n < ARRAY_LEN(recorded) && !strcmp(units_soft()->row[n].name, recorded[n].name))
        n++;
    ck_assert_uint_eq(n, ARRAY_LEN(recorded));
    ck_assert_ptr_null(units_soft()->row[n].name);
}
END_TEST

START_TEST(test_bcd)
{
    unsigned long cases = cases_wanted() ? cases_wanted() : CASES;
    rng_state = 5;
    if (!host_units())
        return;
    for (unsigned long i = 0; i < cases; i++) {
        struct x87_reg in = below(2) ? random_reg() : fp80_from_int((i64)random_integer());
        u8 bcd[2][10];
        u16 fcw = random_fcw();
        u16 fsw = (u16)(rnd() & (FSW_CC | (FSW_EXC & fcw)));
        for (unsigned k = 0; k < 10; k++)
            bcd[0][k] = bcd[1][k] = (u8)(below(10) | below(10) << 4);
        u32 host = host_units()->to_bcd(bcd[0], &in, fcw, fsw), soft = units_soft()->to_bcd(bcd[1], &in, fcw, fsw);
        ck_assert_msg(host == soft && !memcmp(bcd[0], bcd[1], 10), "FBSTP %04x:%016llx fcw %x: host %x soft %x", in.se,
                      (unsigned long long)in.man, fcw, host, soft);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("soft");
    TCase *rows = tcase_create("rows");
    unsigned n = 0;
    while (units_soft()->row[n].name)
        n++;
    tcase_set_timeout(rows, 600);
    tcase_add_loop_test(rows, test_unit, 0, (int)n);
    tcase_add_test(rows, test_record);
    tcase_add_test(rows, test_bcd);
    suite_add_tcase(suite, rows);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
