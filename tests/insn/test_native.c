/*
 * Random instructions and sequences on the host's CPU and on ours, compared.
 *
 *   test_insn_native [--cases N] [--seed S] [--only MNEMONIC] [--family int,x87,mmx,sse,sys]
 *                    [--length N] [--show N] [--long] [--jit | --pair]
 *
 * --jit: ours is the translator, which translates everything at once. --pair: it is compared with our
 * interpreter instead of the host, and the x87's pointers with the rest.
 * Exit status 0: no difference. --long runs a million cases. For every
 * mnemonic that differs the first case is shown (at most --show of them), cut
 * down to the instruction at which the two sides part.
 */
#include <stdlib.h>
#include <unistd.h>

#include "tests/insn/gen.h"

struct options {
    u64 cases, seed;
    const char *only;
    u32 families;
    unsigned length, show;
    bool pair;
};

static const char *const family_names[GEN_FAMILIES] = {"int", "sys", "x87", "mmx", "sse"};

/* Differences by mnemonic. */
struct tally {
    const char *mnemonic;
    u64 count;
};
static struct tally tallies[1024];

static u64 *tally_of(const char *mnemonic)
{
    unsigned i = 0;
    while (tallies[i].mnemonic && strcmp(tallies[i].mnemonic, mnemonic) != 0)
        i++;
    tallies[i].mnemonic = mnemonic;
    return &tallies[i].count;
}

/* FNSTENV of an address in the data area: selectors are in its image alone. */
static void end_with_environment(struct oracle_case *c)
{
    static const u8 store[] = {0xd9, 0x34, 0x25};
    if (c->bits == 16 || c->segmented || c->len + 16 > ORACLE_CODE_MAX)
        return;
    if (c->bits == 64)
        memcpy(c->code + c->len, store, 3);
    else
        memcpy(c->code + c->len, "\xd9\x35", 2);
    c->len += c->bits == 64 ? 3 : 2;
    st32(c->code + c->len, ORACLE_DATA + 0x1f00);
    c->len += 4;
}
/* The interpreter and the translator. */
static bool pair_agrees(const struct oracle_case *c, char *text, size_t size)
{
    static struct oracle_state interpreted, translated;
    struct oracle_case whole = *c;
    end_with_environment(&whole);
    ours_switch(false);
    bool ran = ours_run(&whole, &interpreted);
    ours_switch(true);
    if (!ran || !ours_run(&whole, &translated)) {
        snprintf(text, size, "  could not be run\n");
        return false;
    }
    return (interpreted.vector == ORACLE_TIMEOUT && translated.vector == ORACLE_TIMEOUT) ||
           oracle_same(&whole, &interpreted, &translated, text, size);
}

/*
 * A difference counts only if it comes again: an interrupt that hits the native run in a 16-bit
 * stack segment may lose the upper half of ESP.
 */
static bool agree(const struct oracle_case *c, char *text, size_t size)
{
    static struct oracle_state native, ours;
    if (!c->ignore_x87_pointers)
        return pair_agrees(c, text, size);
    if (!ours_run(c, &ours)) {
        snprintf(text, size, "  could not be run\n");
        return false;
    }
    for (unsigned tries = 0; tries < 3; tries++) {
        if (!native_run(c, &native)) {
            snprintf(text, size, "  could not be run natively\n");
            return false;
        }
        if (native.vector == ORACLE_TIMEOUT && ours.vector == ORACLE_TIMEOUT)
            return true;
        if (ours.vector == ORACLE_TIMEOUT) /* LOOP to itself may be long, and end */
            ours_run_for(c, &ours, 200 * 1000 * 1000);
        if (oracle_same(c, &native, &ours, text, size))
            return true;
    }
    return false;
}

/* Cuts c after the first instruction whose effect differs; returns that one's mnemonic. */
static const char *cut(struct oracle_case *c, char *text, size_t size)
{
    struct oracle_case part = *c;
    const char *name = "(bad)";
    for (unsigned at = 0; at < c->len;) {
        struct insn in;
        enum decode_result r = decode(ours_features(), gen_mode(c->bits), c->code + at, c->len - at, &in);
        name = r == DECODE_OK ? in.row->mnemonic : "(bad)";
        at += r == DECODE_OK ? in.len : c->len - at;
        part.len = at;
        if (!agree(&part, text, size))
            break;
    }
    *c = part;
    return name;
}

/* Returns 1 when the case differs. */
static unsigned run_case(struct gen *g, const struct options *o, unsigned *shown)
{
    static struct oracle_case c;
    static char text[16384], code[8192];
    unsigned count = o->length ? o->length : gen_random(g) % 2 ? 1 : 2 + (unsigned)(gen_random(g) % 19);
    u64 seed = g->rng;
    if (!gen_case(g, &c, count))
        return 0;
    c.ignore_x87_pointers = !o->pair;
    if (agree(&c, text, sizeof(text)))
        return 0;
    const char *name = cut(&c, text, sizeof(text));
    u64 *n = tally_of(name);
    if ((*n)++ == 0 && *shown < o->show) {
        (*shown)++;
        agree(&c, text, sizeof(text));
        oracle_disasm(&c, code, sizeof(code));
        printf("%s, %u-bit%s (generator state %llx):\n%s%s  flags before %x\n", name, c.bits,
               c.segmented ? ", segmented" : "", (unsigned long long)seed, code, text, (unsigned)c.in.rflags);
    }
    return 1;
}

static u32 parse_families(const char *list)
{
    u32 set = 0;
    for (unsigned f = 0; f < GEN_FAMILIES; f++)
        if (strstr(list, family_names[f]))
            set |= BIT(f);
    return set;
}

static bool parse_options(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *v = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--jit") || !strcmp(argv[i], "--pair")) {
            o->pair = argv[i][2] == 'p';
            if (!ours_translate())
                exit(77);
            continue;
        }
        if (!strcmp(argv[i], "--long")) {
            o->cases = 1000000;
            continue;
        }
        if (!strcmp(argv[i], "--cases"))
            o->cases = strtoull(v, NULL, 0);
        else if (!strcmp(argv[i], "--seed"))
            o->seed = strtoull(v, NULL, 0);
        else if (!strcmp(argv[i], "--only"))
            o->only = v;
        else if (!strcmp(argv[i], "--family"))
            o->families = parse_families(v);
        else if (!strcmp(argv[i], "--length"))
            o->length = (unsigned)strtoul(v, NULL, 0);
        else if (!strcmp(argv[i], "--show"))
            o->show = (unsigned)strtoul(v, NULL, 0);
        else
            return false;
        i++;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options o = {.cases = 20000,
                        .seed = 1,
                        .families = BIT(GEN_INT) | BIT(GEN_SYS) | BIT(GEN_X87) | BIT(GEN_MMX) | BIT(GEN_SSE),
                        .show = 20};
    if (!parse_options(&o, argc, argv)) {
        fprintf(stderr,
                "usage: %s [--cases N] [--seed S] [--only MNEMONIC] [--family int,x87,mmx,sse,sys] [--length N] "
                "[--show N] [--long] [--jit | --pair]\n",
                argv[0]);
        return 2;
    }
    if (!native_available()) {
        printf("not an x86-64 host: nothing to compare with\n");
        return 0;
    }
    static struct gen g;
    g.only = o.only;
    g.families = o.families;
    g.native = !o.pair;
    gen_init(&g, o.seed);
    if (!g.usable && !g.skipped) {
        fprintf(stderr, "no row to be tested: --only takes a mnemonic as insn.def has it\n");
        return 2;
    }
    u64 bad = 0;
    unsigned shown = 0;
    for (u64 i = 0; i < o.cases; i++)
        bad += run_case(&g, &o, &shown);
    printf("%llu cases of %u rows (%u more rows are not on this host): %llu differ\n", (unsigned long long)o.cases,
           g.usable, g.skipped, (unsigned long long)bad);
    for (unsigned i = 0; tallies[i].mnemonic; i++)
        printf("  %-12s %llu\n", tallies[i].mnemonic, (unsigned long long)tallies[i].count);
    return bad != 0;
}
