/*
 * golden SEQUENCES EXPECTED [--write]: translates each run of guest instructions of the
 * first file and compares the host code, as text, with the second, or writes that. What
 * differs from build to build is named, not shown: fields of struct cpu, the TLB,
 * metadata, stubs, jump targets. Only for hosts whose backend is x64; 77: this one lacks
 * instructions that rules emit.
 */
#include <capstone.h>
#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>

#include "cpu/cpu.h"
#include "cpu/system/cpuid.h"
#include "jit/engine.h"
#include "jit/jit.h"

static struct {
    u8 page[PAGE_SIZE];
    struct cpu *cpu;
    struct trace trace;
    csh handle;
    FILE *out;
} g;

enum { CODE = 0x10000, CODE_BYTES = 1 << 20, EXIT_SKIPPED = 77 };

static void world_page(void *world, struct cpu *cpu, u64 pa, struct cpu_page *out)
{
    (void)cpu;
    (void)world, (void)pa;
    *out = (struct cpu_page){.read = g.page, .write = g.page};
}
static void world_code_here(void *world, u64 pa) { (void)world, (void)pa; }

/* ---- names for what differs from build to build ---- */

struct field {
    const char *name;
    size_t at, size, each; /* each: size of one, of an array; 0: not one */
};
#define ONE(f)                                                                                                         \
    {                                                                                                                  \
#f, offsetof(struct cpu, f), sizeof(((struct cpu *)0)->f), 0                                                   \
    }
#define MANY(f)                                                                                                        \
    {                                                                                                                  \
#f, offsetof(struct cpu, f), sizeof(((struct cpu *)0)->f), sizeof(((struct cpu *)0)->f[0])                     \
    }
static const struct field fields[] = {MANY(gpr), MANY(seg),  MANY(xmm),   ONE(eflags),
                                      ONE(fpu),  ONE(mxcsr), ONE(budget), ONE(attention),
                                      ONE(cpl),  ONE(held),  ONE(cr4),    ONE(kernel_gs_base)};
#define OWN(f, each)                                                                                                   \
    {                                                                                                                  \
#f, offsetof(struct jit_state, f), sizeof(((struct jit_state *)0)->f), each                                    \
    }
static const struct field own_fields[] = {OWN(group, 8),   OWN(jump, 8),     OWN(map_gen, 4),
                                          OWN(flags, 0),   OWN(vec_live, 0), OWN(x87_live, 0),
                                          OWN(x87_seg, 0), OWN(x87_last, 0), OWN(x87_page, 0)};
#define TABLE(t, m)                                                                                                    \
    {                                                                                                                  \
#t "." #m, offsetof(struct tlb, t) + offsetof(struct tlb_entry, m), 8, 0                                       \
    }
static const struct field tlb_fields[] = {TABLE(read, tag), TABLE(read, addend), TABLE(write, tag),
                                          TABLE(write, addend)};

static bool name_in(const struct field *f, size_t n, const char *prefix, u64 at, char *text, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        u64 in = at - f[i].at;
        if (in >= f[i].size)
            continue;
        if (f[i].each && in % f[i].each)
            snprintf(text, size, "%s%s[%llu]+%llu", prefix, f[i].name, (unsigned long long)(in / f[i].each),
                     (unsigned long long)(in % f[i].each));
        else if (f[i].each)
            snprintf(text, size, "%s%s[%llu]", prefix, f[i].name, (unsigned long long)(in / f[i].each));
        else
            snprintf(text, size, in ? "%s%s+%llu" : "%s%s", prefix, f[i].name, (unsigned long long)in);
        return true;
    }
    return false;
}

/* What lies at rbp + disp. */
static void name_of(i64 disp, char *text, size_t size)
{
    u64 tlb = (u64)disp - (u64)((u8 *)g.cpu->tlb - (u8 *)g.cpu);
    if (tlb < MMU_COUNT * sizeof(struct tlb)) {
        if (!name_in(tlb_fields, ARRAY_LEN(tlb_fields), "tlb.", tlb % sizeof(struct tlb), text, size))
            snprintf(text, size, "tlb.?");
    } else if (!name_in(own_fields, ARRAY_LEN(own_fields), "jit.", (u64)disp + sizeof(struct jit_state), text, size) &&
               !name_in(fields, ARRAY_LEN(fields), "cpu.", (u64)disp, text, size)) {
        snprintf(text, size, "cpu.?");
    }
}

/* "[rbp + r15 + 0x48f8]" to "[cpu.tlb... + r15]": the displacement, wherever Capstone put it, by name. */
static void print_memory_named(const cs_insn *in, i64 disp)
{
    char number[32], name[80];
    const char *from = strstr(in->op_str, "[rbp"), *to = strchr(from, ']');
    snprintf(number, sizeof(number),
             disp < 0    ? " - 0x%llx"
             : disp < 10 ? " + %lld"
                         : " + 0x%llx",
             (long long)(disp < 0 ? -disp : disp));
    const char *at = strstr(from, number);
    name_of(disp, name, sizeof(name));
    fprintf(g.out, "%.*s[%s", (int)(from - in->op_str), in->op_str, name);
    from += strlen("[rbp");
    if (at && at < to)
        fprintf(g.out, "%.*s%s", (int)(at - from), from, at + strlen(number));
    else
        fprintf(g.out, "%s", from);
}

/* A field of an access site; which site it is depends on what was translated before. */
static void print_site(const struct jit *jit, const cs_insn *in, i64 disp)
{
    static const struct field site[] = {{"", offsetof(struct access_site, limit), 8, 0},
                                        {".page", offsetof(struct access_site, page), 8, 0},
                                        {".host", offsetof(struct access_site, host), 8, 0},
                                        {".addend", offsetof(struct access_site, addend), 8, 0}};
    const char *from = strstr(in->op_str, "[rip"), *to = strchr(from, ']');
    u64 at = in->address + in->size + (u64)disp - (u64)((const u8 *)jit->sites - jit->exec);
    char name[40] = "?";
    name_in(site, ARRAY_LEN(site), "SITE", at % sizeof(struct access_site), name, sizeof(name));
    fprintf(g.out, "%.*s[%s%s", (int)(from - in->op_str), in->op_str, name, to);
}

static void print_target(const struct jit *jit, const struct translation_block *tb, u64 target, u64 from)
{
    static const char *const kinds[] = {"entry", "", "exit of ", "refusal", "slow path of "};
    if (target - tb->entry > tb->length) {
        fprintf(g.out, "%s", target < jit->stubs ? "stub" : "elsewhere");
        return;
    }
    const struct code_mark *m = jit_mark_at(jit, tb, (u32)(target - tb->entry));
    if (m->kind <= MARK_INSN && m->host != target - tb->entry) {
        fprintf(g.out, ". %+lld", (long long)(target - from));
        return;
    }
    fprintf(g.out, "%s", kinds[m->kind]);
    if (m->kind != MARK_ENTRY && m->kind != MARK_REFUSAL)
        fprintf(g.out, "+%03x", m->pc_off);
}

static bool is_branch(const cs_insn *in)
{
    return cs_insn_group(g.handle, in, CS_GRP_JUMP) || cs_insn_group(g.handle, in, CS_GRP_CALL);
}
static bool goes_to_stub(const struct jit *jit, const cs_insn *in)
{
    const cs_x86_op *op = in->detail->x86.operands;
    return is_branch(in) && op[0].type == X86_OP_IMM && (u64)op[0].imm < jit->stubs;
}

/* next: the instruction behind, or NULL. */
static void print_insn(const struct jit *jit, const struct translation_block *tb, const cs_insn *in,
                       const cs_insn *next)
{
    const cs_x86 *x = &in->detail->x86;
    fprintf(g.out, *in->op_str ? "        %-10s " : "        %s", in->mnemonic);
    if (is_branch(in) && x->operands[0].type == X86_OP_IMM) {
        print_target(jit, tb, (u64)x->operands[0].imm, in->address);
    } else if (in->id == X86_INS_MOV && x->operands[0].type == X86_OP_REG && x->operands[0].reg == X86_REG_EAX &&
               x->operands[1].type == X86_OP_IMM && next && goes_to_stub(jit, next)) {
        fprintf(g.out, "eax, METADATA");
    } else if (in->id == X86_INS_MOVABS && (u64)x->operands[1].imm >> 40 == (u64)(uintptr_t)jit->meta >> 40) {
        fprintf(g.out, "%s, HOST", cs_reg_name(g.handle, x->operands[0].reg));
    } else {
        const cs_x86_op *memory = NULL;
        for (unsigned i = 0; i < x->op_count; i++)
            if (x->operands[i].type == X86_OP_MEM &&
                (x->operands[i].mem.base == X86_REG_RBP || x->operands[i].mem.base == X86_REG_RIP))
                memory = &x->operands[i];
        if (memory && memory->mem.base == X86_REG_RIP)
            print_site(jit, in, memory->mem.disp);
        else if (memory && memory->mem.disp == (i64)offsetof(struct jit_state, flags) - (i64)sizeof(struct jit_state) &&
                 x->op_count == 2 && x->operands[1].type == X86_OP_IMM)
            fprintf(g.out, "dword ptr [jit.flags], RECIPE");
        else if (memory)
            print_memory_named(in, memory->mem.disp);
        else
            fprintf(g.out, "%s", in->op_str);
    }
    fputc('\n', g.out);
}

/* A mark's code, without the room that links have behind them. */
static bool print_run(const struct jit *jit, const struct translation_block *tb, u32 from, u32 to)
{
    const u8 *code = jit->write + tb->entry;
    while (to > from && code[to - 1] == CODE_PADDING)
        to--;
    cs_insn *in;
    size_t n = cs_disasm(g.handle, code + from, to - from, tb->entry + from, 0, &in);
    size_t done = n ? in[n - 1].address + in[n - 1].size - tb->entry : from;
    for (size_t i = 0; i < n; i++)
        print_insn(jit, tb, &in[i], i + 1 < n ? &in[i + 1] : NULL);
    cs_free(in, n);
    if (done != to)
        fprintf(stderr, "golden: Capstone does not know the code at %zu\n", done);
    return done == to;
}

/* ---- one sequence ---- */

static void print_guest(u64 pc_off, unsigned bits)
{
    csh handle;
    cs_insn *in = NULL;
    if (cs_open(CS_ARCH_X86, bits == 64 ? CS_MODE_64 : CS_MODE_32, &handle) == CS_ERR_OK) {
        if (cs_disasm(handle, g.page + pc_off, 15, pc_off, 1, &in) == 1)
            fprintf(g.out, " %s %s", in->mnemonic, in->op_str);
        cs_free(in, in != NULL);
        cs_close(&handle);
    }
}

/* The first sequence shows entry and refusal, which are everywhere the same. */
static bool print_translation(const struct translation_block *tb, unsigned bits, unsigned length, bool frame)
{
    static const char *const kinds[] = {"entry", "", "exit of ", "refusal", "slow path of "};
    const struct jit *jit = g.cpu->translator;
    const struct code_mark *m = jit_marks(jit, tb);
    bool ok = true;
    for (unsigned k = 0; k < tb->nmarks; k++) {
        bool around = m[k].kind == MARK_ENTRY || m[k].kind == MARK_REFUSAL;
        if (around ? !frame : m[k].pc_off >= length)
            continue;
        fprintf(g.out, "    %s", kinds[m[k].kind]);
        if (!around)
            fprintf(g.out, "+%03x:", m[k].pc_off);
        if (m[k].kind == MARK_INSN)
            print_guest(m[k].pc_off, bits);
        fputc('\n', g.out);
        ok &= print_run(jit, tb, m[k].host, k + 1u < tb->nmarks ? m[k + 1].host : tb->length);
    }
    return ok;
}

static bool translate(const char *name, unsigned bits, unsigned length, bool frame)
{
    u32 code = bits == 64 ? MODE_CODE64 : MODE_CODE32;
    u32 key =
        code | code << MODE_STACK_SHIFT | MODE_FLAT | MODE_FPU | MODE_SSE | MODE_AVX | (u32)MMU_USER << KEY_MMU_SHIFT;
    struct jit *jit = g.cpu->translator;
    memset(g.page + length, 0xf4, PAGE_SIZE - length);
    jit_assume_host(g.cpu, !strncmp(name, "other host", 10) ? JIT_HOST_OTHER : JIT_HOST_ALIKE);
    g.cpu->gpr[SLOT_RIP] = CODE;
    const struct translation_block *tb = jit_translate(jit, CODE, key, CODE);
    if (!tb) {
        fprintf(stderr, "golden: '%s' cannot be translated\n", name);
        return false;
    }
    fprintf(g.out, "\n[%s %u]\n", name, bits);
    return print_translation(tb, bits, length, frame);
}

/* ---- the list ---- */

static unsigned hex_bytes(const char *line, u8 *to)
{
    unsigned n = 0, byte;
    for (; isxdigit((unsigned char)line[0]) && sscanf(line, "%2x", &byte) == 1; line += 2)
        to[n++] = (u8)byte;
    return n;
}

static bool translate_all(FILE *list)
{
    char line[200], name[100] = "";
    unsigned bits = 0, length = 0, count = 0;
    bool ok = true;
    for (;;) {
        bool more = fgets(line, sizeof(line), list);
        if ((!more || line[0] == '[') && name[0])
            ok &= translate(name, bits, length, count++ == 0);
        if (!more)
            return ok;
        if (line[0] == '[') {
            char *last = strrchr(line, ' ');
            bits = last ? (unsigned)strtoul(last, NULL, 10) : 0;
            snprintf(name, sizeof(name), "%.*s", last ? (int)(last - line) - 1 : 0, line + 1);
            length = 0;
        } else if (line[0] != '#') {
            length += hex_bytes(line, g.page + length);
        }
    }
}

/* Prints the first line that differs, and where it is. */
static bool compare(const char *got, FILE *expected)
{
    char line[300], section[120] = "";
    for (unsigned n = 1; fgets(line, sizeof(line), expected); n++) {
        size_t length = strcspn(got, "\n") + 1;
        if (line[0] == '[')
            snprintf(section, sizeof(section), "%.100s", line);
        if (strncmp(line, got, strlen(line)) != 0) {
            printf("line %u differs, in %sexpected: %semitted:  %.*s\n", n, section, line, (int)length - 1, got);
            return false;
        }
        got += length;
    }
    if (*got)
        printf("more is emitted than expected\n");
    return !*got;
}

static bool start(void)
{
    static struct cpu_env env;
    static struct cpu_model model;
    char err[200];
    env.page = world_page;
    env.code_here = world_code_here;
    g.trace.out = stderr;
    if (!cpu_model_parse("max", &model, err, sizeof(err)) || !(g.cpu = cpu_create(&model, 0, &env, &g.trace)))
        return false;
    cs_open(CS_ARCH_X86, CS_MODE_64, &g.handle);
    cs_option(g.handle, CS_OPT_DETAIL, CS_OPT_ON);
    return jit_attach(g.cpu, CODE_BYTES, 0);
}

int main(int argc, char **argv)
{
    char *text;
    size_t size;
    bool write = argc == 4 && !strcmp(argv[3], "--write");
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("aes") || !__builtin_cpu_supports("pclmul")) {
        printf("SKIPPED: this host lacks instructions of x86-64-v3\n");
        return EXIT_SKIPPED;
    }
    FILE *list = argc >= 3 ? fopen(argv[1], "r") : NULL,
         *expected = argc >= 3 ? fopen(argv[2], write ? "w" : "r") : NULL;
    if (!list || !expected || !start()) {
        fprintf(stderr, "usage: golden SEQUENCES EXPECTED [--write]\n");
        return EXIT_FAILURE;
    }
    g.out = open_memstream(&text, &size);
    bool ok = translate_all(list);
    fclose(g.out);
    if (write)
        fputs(text, expected);
    else if (!compare(text, expected))
        ok = (printf("'ninja golden' writes anew what is expected; look at the difference before committing it\n"),
              false);
    fclose(list);
    fclose(expected);
    free(text);
    cs_close(&g.handle);
    jit_detach(g.cpu);
    cpu_destroy(g.cpu);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
