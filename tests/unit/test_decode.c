/*
 * The decoder against Capstone: random encodings of every row of insn.def in
 * 16-, 32- and 64-bit code must have the same length and mnemonic. Arguments:
 * cases per row and mode, seed.
 */
#include <capstone/capstone.h>
#include <check.h>
#include <stdlib.h>

#include "tests/insn/gen.h"

static struct gen gen;
static u32 all_features[16];
static unsigned cases = 60;

/* What Capstone 4 is known to get wrong; 'theirs' is NULL where it found no instruction. */
static bool excepted(const struct insn *in, unsigned bits, const cs_insn *theirs)
{
    const struct insn_row *row = in->row;
    const char *e = row->encoding;
    if (row->uop == UOP_UD)
        return true; /* it gives UD0 and UD1 no ModRM byte */
    if (!theirs && row->uop == UOP_NOP)
        return true; /* it knows few hints */
    if (row->uop == UOP_FENCE)
        return true; /* it wants rm to be 0 */
    if (strstr(row->operands, "Sw") && !theirs)
        return true; /* there is no such segment register: #UD when it runs */
    if (bits == 16 && (!strncmp(e, "F3 ", 3) || !strncmp(e, "F2 ", 3) || !strncmp(e, "66 ", 3)))
        return true; /* it forgets mandatory prefixes in 16-bit code */
    if (theirs && !strncmp(row->mnemonic, "cmp", 3) && !strncmp(theirs->mnemonic, "cmp", 3) && theirs->size == in->len)
        return true; /* it folds the predicate into the name */
    if (theirs && !strncmp(row->mnemonic, "vcmp", 4) && !strncmp(theirs->mnemonic, "vcmp", 4) &&
        theirs->size == in->len)
        return true;
    if (!theirs && !strcmp(row->mnemonic, "vbroadcasti128"))
        return true; /* it does not know it */
    if (!strcmp(e, "F3 0F C7 /7") || !strcmp(e, "66 0F AE /6"))
        return true; /* RDPID, CLWB: too new for it */
    if (!theirs && (row->feature == FEAT_PKU || row->feature == FEAT_CLZERO))
        return true;
    if (!theirs && (row->uop == UOP_MOV_FROM_CR || row->uop == UOP_MOV_TO_CR))
        return true; /* LOCK MOV CR0 */
    if (!theirs && (row->feature == FEAT_VAES || row->feature == FEAT_VPCLMULQDQ))
        return true; /* the 256-bit forms are, too */
    return (in->rex & 8) && (row->uop == UOP_RET || row->uop == UOP_CALL || !strcmp(e, "F3 0F 7E /r") ||
                             !strncmp(e, "NP 0F", 5)); /* REX.W where it means nothing */
}

/* The last word of Capstone's mnemonic: prefixes come before it. */
static const char *bare(const char *mnemonic)
{
    const char *space = strrchr(mnemonic, ' ');
    return space ? space + 1 : mnemonic;
}

/* True when 'name' is one of the words of list, or such a word with a size suffix. */
static bool mnemonic_matches(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (const char *s = list; s; s = strchr(s, '/') ? strchr(s, '/') + 1 : NULL) {
        size_t n = strcspn(s, "/");
        if (n <= len && !strncmp(s, name, n) && (n == len || (n + 1 == len && strchr("bwdlqx", name[n]))))
            return true;
    }
    return false;
}

static unsigned check_one(csh cs, unsigned r, unsigned bits)
{
    u8 bytes[16];
    unsigned n = gen_encode(&gen, r, bits, bytes);
    struct insn in;
    if (n == 0 || decode(all_features, gen_mode(bits), bytes, n, &in) != DECODE_OK)
        return 0;
    cs_insn *theirs = NULL;
    size_t got = cs_disasm(cs, bytes, n, 0x1000, 1, &theirs);
    unsigned bad = 0;
    bool same = got && theirs->size == in.len && mnemonic_matches(in.row->mnemonic, bare(theirs->mnemonic));
    if (!same && !excepted(&in, bits, got ? theirs : NULL)) {
        bad = 1;
        printf("%u-bit [%s] %s %s:", bits, in.row->encoding, in.row->mnemonic, in.row->operands);
        for (unsigned i = 0; i < n; i++)
            printf(" %02x", bytes[i]);
        printf(": length %u, Capstone: %s %s, length %u\n", in.len, got ? theirs->mnemonic : "(bad)",
               got ? theirs->op_str : "", got ? theirs->size : 0u);
    }
    if (got)
        cs_free(theirs, got);
    return bad;
}

START_TEST(every_row_against_capstone)
{
    static const cs_mode modes[3] = {CS_MODE_16, CS_MODE_32, CS_MODE_64};
    unsigned bad = 0;
    for (unsigned m = 0; m < 3; m++) {
        csh cs;
        ck_assert(cs_open(CS_ARCH_X86, modes[m], &cs) == CS_ERR_OK);
        for (unsigned r = 0; r < insn_row_count; r++) {
            unsigned row_bad = 0;
            for (unsigned i = 0; i < cases && row_bad < 2; i++)
                row_bad += check_one(cs, r, 16u << m);
            bad += row_bad;
        }
        cs_close(&cs);
    }
    ck_assert_uint_eq(bad, 0);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1)
        cases = (unsigned)strtoul(argv[1], NULL, 0);
    gen.rng = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    memset(all_features, 0xff, sizeof(all_features));
    gen.features = all_features;
    decode_init();
    Suite *s = suite_create("decode");
    TCase *t = tcase_create("capstone");
    tcase_add_test(t, every_row_against_capstone);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_set_fork_status(sr, CK_NOFORK);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
