/*
 * The flag columns of uop.def tell the truth: what a micro-op does not write
 * stays as it was, and what it does not read has no influence. Every row of
 * insn.def that user code can run, alone, on our CPU.
 */
#include <check.h>
#include <stdlib.h>

#include "cpu/uop.h"
#include "tests/insn/gen.h"

static struct gen gen;
static struct oracle_state first, second;
static struct oracle_case tried;

static void complain(unsigned row, const char *what, u32 flags)
{
    char code[1024];
    oracle_disasm(&tried, code, sizeof(code));
    ck_abort_msg("%s [%s] (uop %s) %s %x\n%s", insn_rows[row].mnemonic, insn_rows[row].encoding,
                 uop_info[insn_rows[row].uop].name, what, flags, code);
}

/* Flags of one kind that a flip of 'bit' in the initial state changed at the end, or ~0: something else did. */
static u32 effect_of_flip(u32 bit)
{
    tried.in.rflags ^= bit;
    ck_assert(ours_run(&tried, &second));
    tried.in.rflags ^= bit;
    u32 changed = (u32)(first.rflags ^ second.rflags);
    second.rflags = first.rflags;
    return memcmp(&first, &second, sizeof(first)) ? ~0u : changed;
}

/* A branch into its own bytes runs something else. */
static bool jumps_into_itself(void)
{
    struct insn in;
    if (decode(ours_features(), gen_mode(tried.bits), tried.code, tried.len, &in) != DECODE_OK)
        return true;
    return in.op[0].kind == OPK_REL && in.imm + in.len < in.len;
}

static void check_case(unsigned row)
{
    const struct uop_info *info = &uop_info[insn_rows[row].uop];
    if (jumps_into_itself())
        return;
    ck_assert(ours_run(&tried, &first));
    if (first.vector != EXC_BP)
        return; /* it faulted: flags are as before, but that is not the row's doing */
    u32 kept = FL_ARITH & ~info->flags_written, changed = (u32)(first.rflags ^ tried.in.rflags) & kept;
    if (changed)
        complain(row, "writes flags that it is not said to write:", changed);
    for (u32 bit = 1; bit <= FL_OF; bit <<= 1) {
        if (!(bit & FL_ARITH & ~info->flags_read))
            continue;
        u32 effect = effect_of_flip(bit), allowed = bit & kept;
        if (effect != allowed)
            complain(row, "depends on flags that it is not said to read:", bit);
    }
}

START_TEST(columns_tell_the_truth)
{
    static u16 rows[ARRAY_LEN(gen.rows)];
    unsigned n = gen.usable;
    memcpy(rows, gen.rows, sizeof(rows));
    for (unsigned i = 0; i < n; i++) {
        gen.rows[0] = rows[i];
        gen.usable = 1;
        for (unsigned k = 0; k < 25; k++)
            if (gen_case(&gen, &tried, 1))
                check_case(rows[i]);
    }
}
END_TEST

int main(void)
{
    gen.families = BIT(GEN_INT) | BIT(GEN_SYS) | BIT(GEN_X87) | BIT(GEN_MMX) | BIT(GEN_SSE);
    gen_init(&gen, 1);
    Suite *s = suite_create("flags");
    TCase *t = tcase_create("columns");
    tcase_set_timeout(t, 100);
    tcase_add_test(t, columns_tell_the_truth);
    suite_add_tcase(s, t);
    SRunner *sr = srunner_create(s);
    srunner_set_fork_status(sr, CK_NOFORK);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
