/*
 * The translator made visible: `info jit`, -d uop, opt and out_asm. Reads the
 * translator's state and never changes it. Lines carry no host time and no host
 * addresses (but `info jit` says how long translating took), so that two runs
 * can be compared; host code is shown at its offset in code memory. See
 * docs/debugging.md.
 */
#include "jit/jit.h"

#define LL(x) ((unsigned long long)(x))

void jit_info(const struct cpu *cpu, FILE *out)
{
    const struct jit *jit = cpu->translator;
    const struct jit_counters *c = &jit->counters;
    fprintf(out, "  translations: %llu made, %llu dropped, %llu flushes\n", LL(c->translated), LL(c->invalidated),
            LL(c->flushes));
    fprintf(out, "  guest code %llu bytes, host code %llu bytes\n", LL(c->guest_bytes), LL(c->host_bytes));
    fprintf(out, "  code memory: %zu of %zu KiB, metadata %zu of %zu KiB\n", jit->used >> 10, jit->size >> 10,
            jit->meta_used >> 10, jit->meta_size >> 10);
    fprintf(out, "  lookups: %llu, of which %llu hits, %llu misses\n", LL(c->lookups), LL(c->lookups - c->misses),
            LL(c->misses));
    fprintf(out, "  entered %llu times, refused %llu, turns of the interpreter %llu\n", LL(c->entered), LL(c->refused),
            LL(c->interpreted));
    fprintf(out, "  links: %llu made\n", LL(c->links));
    fprintf(out, "  instructions run in C: %llu\n", LL(c->site_calls));
    fprintf(out, "  translating took %llu us of host time\n", LL(c->translate_ns / 1000));
}

/* ---- the passes ---- */

static void print_head(FILE *out, const char *what, u64 lin, const struct translation_block *tb)
{
    fprintf(out, "%s: translation %u of 0x%llx, physical 0x%llx, key 0x%llx, %u instructions", what, tb->serial,
            LL(lin), LL(tb->pa), LL(tb->key), tb->n);
}

static void print_uops(FILE *out, u64 lin, const struct superblock *sb, const struct translation_block *tb)
{
    print_head(out, "UOP", lin, tb);
    fputc('\n', out);
    for (unsigned k = 0; k < sb->n; k++)
        uop_print(out, &sb->insn[k].u);
}

/* "cpazso", a dot for each that is not among 'flags'. */
static void print_flags(FILE *out, const char *what, u32 flags)
{
    static const struct {
        u32 flag;
        char name;
    } all[] = {{FL_CF, 'c'}, {FL_PF, 'p'}, {FL_AF, 'a'}, {FL_ZF, 'z'}, {FL_SF, 's'}, {FL_OF, 'o'}};
    fprintf(out, " %s ", what);
    for (unsigned i = 0; i < ARRAY_LEN(all); i++)
        fputc(flags & all[i].flag ? all[i].name : '.', out);
}

static void print_liveness(FILE *out, u64 lin, const struct superblock *sb, const struct translation_block *tb)
{
    print_head(out, "OPT", lin, tb);
    fprintf(out, ", code in 64-byte chunks 0x%016llx\n", LL(sb->chunks));
    for (unsigned k = 0; k < sb->n; k++) {
        const struct sb_insn *i = &sb->insn[k];
        fprintf(out, "  +%03x %-12s", i->u.pc_off, uop_info[i->u.op].name);
        print_flags(out, "reads", i->flags_read);
        print_flags(out, "writes", i->flags_written);
        print_flags(out, "needed", i->needed);
        print_flags(out, "by faults", i->needed_by_fault);
        fprintf(out, " gprs %04x%s%s\n", i->gprs_written, i->may_fault ? " may-fault" : "", i->ends ? " ends" : "");
    }
}

/* ---- emitted code ---- */

const struct code_mark *jit_marks(const struct jit *jit, const struct translation_block *tb)
{
    return jit_meta_at(jit, tb->marks);
}

const struct code_mark *jit_mark_at(const struct jit *jit, const struct translation_block *tb, u32 host)
{
    const struct code_mark *m = jit_marks(jit, tb);
    unsigned k = tb->nmarks;
    while (k > 1 && m[k - 1].host > host)
        k--;
    return &m[k - 1];
}

static bool is_padding(const u8 *p, const u8 *end)
{
    while (p < end && *p == CODE_PADDING)
        p++;
    return p == end;
}

/* Host code from 'from' up to 'to', both counted from tb's entry. */
static void print_code(const struct jit *jit, const struct translation_block *tb, u32 from, u32 to, FILE *out)
{
    const struct trace *t = jit->cpu->trace;
    const u8 *entry = jit->write + tb->entry;
    while (from < to) {
        unsigned n = to - from;
        if (is_padding(entry + from, entry + to)) {
            fprintf(out, "    %u bytes of room\n", n);
            return;
        }
        if (t->disasm) {
            n = t->disasm(out, tb->entry + from, entry + from, n, sizeof(void *) * 8);
        } else {
            fprintf(out, "0x%08x: ", tb->entry + from);
            for (unsigned i = 0; i < n; i++)
                fprintf(out, "%02x", entry[from + i]);
            fputc('\n', out);
        }
        from += n;
    }
}

void jit_print_code(const struct jit *jit, const struct translation_block *tb, u64 lin, FILE *out)
{
    static const char *const kinds[] = {[MARK_ENTRY] = "entry",
                                        [MARK_INSN] = "",
                                        [MARK_EXIT] = "exit of ",
                                        [MARK_REFUSAL] = "refusal",
                                        [MARK_SLOW] = "slow path of "};
    const struct code_mark *m = jit_marks(jit, tb);
    print_head(out, "OUT", lin, tb);
    fprintf(out, ", %u bytes\n", tb->length);
    for (unsigned k = 0; k < tb->nmarks; k++) {
        fprintf(out, "  -- %s", kinds[m[k].kind]);
        if (m[k].kind != MARK_ENTRY && m[k].kind != MARK_REFUSAL)
            fprintf(out, "0x%llx %s", LL((lin & PAGE_MASK) + m[k].pc_off), uop_info[m[k].op].name);
        fputc('\n', out);
        print_code(jit, tb, m[k].host, k + 1u < tb->nmarks ? m[k + 1].host : tb->length, out);
    }
}

void jit_show(const struct jit *jit, const struct superblock *sb, const struct translation_block *tb)
{
    const struct trace *t = jit->cpu->trace;
    u64 lin = jit_linear(jit->cpu, jit->cpu->gpr[SLOT_RIP]);
    if (tracing(t, uop))
        print_uops(t->out, lin, sb, tb);
    if (tracing(t, opt))
        print_liveness(t->out, lin, sb, tb);
    if (tracing(t, out_asm))
        jit_print_code(jit, tb, lin, t->out);
    if (jit->perf)
        jit_perf_show(jit, tb);
}
