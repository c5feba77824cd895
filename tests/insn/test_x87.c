/*
 * x87 and MMX against the host's own unit. A case is a random state of the
 * FPU (tags, TOP, control words, flags; registers and memory drawn from every
 * class of value, unsupported encodings included) and one to four random
 * instructions; it runs natively between FRSTOR and FNSAVE and through
 * decoder, lowering and micro-ops here, at the same addresses, and everything
 * must come out the same: registers, status, tags, pointers, memory, EAX,
 * EFLAGS, and where #MF was raised.
 *
 * ORRERY_X87_CASES=n sets the number of cases, ORRERY_X87_SEED=n where to start.
 */
#include <check.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "cpu/block.h"
#include "cpu/cpu.h"
#include "cpu/system/cpuid.h"
#include "cpu/flags.h"
#include "cpu/insn.h"
#include "cpu/mem.h"
#include "cpu/x87/x87.h"
#include "tests/insn/undefined.h"
#include "tests/insn/values.h"

enum { MEM_BYTES = 128, MAX_INSNS = 4, CODE_BYTES = 4096 };

/* FNSAVE's image in 32-bit protected format. */
struct image {
    u32 fcw, fsw, ftw, fip, fcs_fop, fdp, fds;
    u8 reg[8][10];
};
struct state {
    struct image fpu;
    u64 rax, flags;
    u8 mem[MEM_BYTES];
    int fault; /* 0, or 1 for #MF */
};

/* Flags that are set are mostly masked ones: otherwise nothing but #MF would happen. */
static u16 random_fsw(u16 fcw)
{
    u16 exc = below(2) ? (u16)below(128) : 0;
    if (below(16))
        exc &= (u16)(fcw | FSW_SF);
    u16 fsw = (u16)(exc | (rnd() & (FSW_CC | FSW_TOP)));
    if (fsw & ~fcw & FSW_EXC)
        fsw |= FSW_ES | FSW_B;
    return fsw;
}
static void random_image(struct image *im)
{
    im->fcw = random_fcw();
    im->fsw = random_fsw((u16)im->fcw);
    im->ftw = 0;
    unsigned pattern = below(4);
    for (unsigned i = 0; i < 8; i++) {
        bool empty = pattern == 0   ? below(2)
                     : pattern == 1 ? below(8) == 0
                     : pattern == 2 ? i == (((im->fsw >> FSW_TOP_SHIFT) + 7) & 7)
                                    : i < below(8);
        im->ftw |= (empty ? 3u : below(3)) << (2 * i);
        struct x87_reg r = random_reg();
        st64(im->reg[i], r.man);
        st16(im->reg[i] + 8, r.se);
    }
    im->fip = (u32)rnd();
    im->fcs_fop = (u32)rnd() & 0x07ffffff;
    im->fdp = (u32)rnd();
    im->fds = (u32)rnd() & 0xffff;
}
static void random_memory(u8 *mem)
{
    struct x87_reg r = random_reg();
    for (unsigned i = 0; i < MEM_BYTES; i += 8)
        st64(mem + i, rnd());
    switch (below(6)) {
    case 0:
        st32(mem, random_f32());
        break;
    case 1:
        st64(mem, random_f64());
        break;
    case 2:
        st64(mem, r.man);
        st16(mem + 8, r.se);
        break;
    case 3:
        for (unsigned i = 0; i < 10; i++)
            mem[i] = (u8)(below(10) | below(10) << 4);
        break;
    case 4:
        st64(mem, (u64)(i64)(below(2000) - 1000));
        break;
    default:
        st64(mem, rnd() >> below(64));
        break;
    }
}

/* ---- instructions ---- */

struct insn_bytes {
    u8 b[16];
    unsigned n;
    const struct insn_row *row;
};
static bool mentions(const char *operands, const char *what) { return strstr(operands, what) != NULL; }

/* An encoding of the row: GPR operands are RAX, memory operands [RDI]. */
static void encode(const struct insn_row *row, struct insn_bytes *out)
{
    bool has_modrm = false;
    unsigned rm = 7, mod = 0, reg = below(8);
    *out = (struct insn_bytes){.row = row};
    bool gpr = mentions(row->operands, "Ey") || mentions(row->operands, "Ew");
    if (!mentions(row->operands, "M") && (mentions(row->operands, "N") || below(2))) {
        mod = 3;
        rm = gpr ? 0 : below(8);
    }
    if (mentions(row->operands, "G"))
        reg = 0;
    if ((row->attrs & A_FPU) && below(8) == 0)
        out->b[out->n++] = 0x66;
    if (mentions(row->operands, "y") && below(2))
        out->b[out->n++] = 0x48;
    for (const char *s = row->encoding; *s; s += strcspn(s, " "), s += strspn(s, " ")) {
        if (!strncmp(s, "NP", 2))
            continue;
        if (s[0] == '/') {
            has_modrm = true;
            if (s[1] != 'r')
                reg = (unsigned)(s[1] - '0');
            continue;
        }
        out->b[out->n++] = (u8)(strtoul(s, NULL, 16) + (s[2] == '+' ? below(8) : 0));
    }
    if (has_modrm)
        out->b[out->n++] = (u8)(mod << 6 | reg << 3 | rm);
    if (mentions(row->operands, "Iub"))
        out->b[out->n++] = (u8)(below(2) ? rnd() : below(20));
}

/* ---- the host ---- */

/* Data is where 32-bit code reaches it. */
#define LOW_PAGE ((void *)0x31000000)
static u8 *code_page, *data_page;
static struct state *signal_out;
static sigjmp_buf signal_env;

#ifdef __x86_64__
static void on_sigfpe(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    struct _libc_fpstate *fp = uc->uc_mcontext.fpregs;
    struct image *im = &signal_out->fpu;
    (void)sig, (void)info;
    im->fcw = fp->cwd;
    im->fsw = fp->swd;
    im->ftw = fp->ftw; /* abridged */
    im->fip = (u32)fp->rip;
    im->fcs_fop = (u32)fp->fop << 16;
    im->fdp = (u32)fp->rdp;
    im->fds = 0;
    for (unsigned i = 0; i < 8; i++)
        memcpy(im->reg[i], &fp->_st[i], 10);
    signal_out->rax = (u64)uc->uc_mcontext.gregs[REG_RAX];
    signal_out->flags = (u64)uc->uc_mcontext.gregs[REG_EFL];
    signal_out->fault = 1;
    siglongjmp(signal_env, 1);
}

static void run_native(const struct state *in, struct state *out)
{
    memcpy(data_page, in->mem, MEM_BYTES);
    *out = *in;
    out->fault = 0;
    signal_out = out;
    if (!sigsetjmp(signal_env, 1)) {
        u64 rax = in->rax, flags = in->flags;
        struct image after = in->fpu;
        __asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
                         "frstor (%[image])\n\t"
                         "push %[flags]\n\tpopfq\n\t"
                         "call *%[code]\n\t"
                         "pushfq\n\tpop %[flags]\n\t"
                         "fnsave (%[image])\n\t"
                         "lea 128(%%rsp), %%rsp"
                         : "+a"(rax), [flags] "+r"(flags)
                         : [image] "r"(&after), [code] "r"(code_page), "D"(data_page)
                         : "memory", "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)");
        out->fpu = after;
        out->rax = rax;
        out->flags = flags;
    }
    __asm__ volatile("fninit");
    memcpy(out->mem, data_page, MEM_BYTES);
    signal_out = NULL;
}

static u16 host_cs(void)
{
    u16 sel;
    __asm__("mov %%cs, %0" : "=r"(sel));
    return sel;
}
static u16 host_ds(void)
{
    u16 sel;
    __asm__("mov %%ds, %0" : "=r"(sel));
    return sel;
}
/* Whether those bytes are an instruction. */
static bool host_has(const u8 *code, unsigned n)
{
    memcpy(code_page, "\xdb\xe3", 2);
    memcpy(code_page + 2, code, n);
    memcpy(code_page + 2 + n, "\xdb\xe3\xc3", 3);
    if (sigsetjmp(signal_env, 1))
        return false;
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tcall *%[code]\n\tlea 128(%%rsp), %%rsp"
                     :
                     : [code] "r"(code_page), "D"(data_page)
                     : "rax", "memory", "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)");
    return true;
}

#else
/* No x87 to compare with: nothing calls these. */
static void on_sigfpe(int sig, siginfo_t *info, void *context) { (void)sig, (void)info, (void)context; }
static void run_native(const struct state *in, struct state *out) { (void)signal_out, *out = *in; }
static u16 host_cs(void) { return 0; }
static u16 host_ds(void) { return 0; }
static bool host_has(const u8 *code, unsigned n) { return (void)code, n; }
#endif

/* ---- ours ---- */

static UOP_FN(stop)
{
    (void)cpu, (void)u;
    return NULL;
}
static struct cpu *cpu;

static struct cpu *bare_cpu(void)
{
    struct cpu *c = calloc(1, sizeof(*c));
    c->tlb = calloc(MMU_COUNT, sizeof(*c->tlb));
    c->fp80 = fp80_functions(false);
    ck_assert(c && c->tlb);
    memset(c->features, 0xff, sizeof(c->features));
    for (unsigned m = 0; m < MMU_COUNT; m++)
        for (unsigned i = 0; i < TLB_ENTRIES; i++)
            c->tlb[m].read[i].tag = c->tlb[m].write[i].tag = TLB_EMPTY;
    u64 page = (u64)(uintptr_t)data_page;
    c->mmu_idx = MMU_USER;
    c->tlb[MMU_USER].read[page >> 12 & (TLB_ENTRIES - 1)] = (struct tlb_entry){.tag = page};
    c->tlb[MMU_USER].write[page >> 12 & (TLB_ENTRIES - 1)] = (struct tlb_entry){.tag = page};
    c->mode = MODE_CODE64 | MODE_FPU | MODE_SSE;
    c->cr0 = CR0_PE | CR0_NE | CR0_MP;
    for (unsigned s = 0; s < SEG_COUNT; s++)
        c->seg[s].sel = 0;
    c->seg[CS].sel = host_cs();
    c->seg[DS].sel = host_ds();
    c->gpr[SLOT_RIP] = (u64)(uintptr_t)code_page;
    c->gpr[RDI] = page;
    return c;
}

static void run_ours(const struct insn_bytes *insns, unsigned count, const struct state *in, struct state *out)
{
    struct uop uops[MAX_INSNS + 1] = {0};
    unsigned at = 0;
    for (unsigned i = 0; i < count; i++) {
        struct insn d;
        ck_assert_msg(decode(cpu->features, cpu->mode, insns[i].b, insns[i].n, &d) == DECODE_OK && d.len == insns[i].n,
                      "%s does not decode", insns[i].row->mnemonic);
        ck_assert_msg(d.row == insns[i].row, "%s decodes as %s", insns[i].row->mnemonic, d.row->mnemonic);
        ck_assert_uint_eq(lower(&d, cpu->mode, (u16)at, &uops[i]), 1);
        at += insns[i].n;
    }
    uops[count].fn = stop;
    struct fpu *f = &cpu->fpu;
    memcpy(data_page, in->mem, MEM_BYTES);
    x87_set_fsw(f, (u16)in->fpu.fsw);
    f->ftw = x87_abridged_tags((u16)in->fpu.ftw);
    x87_load_fcw(cpu, (u16)in->fpu.fcw);
    f->fip = in->fpu.fip;
    f->fcs = (u16)in->fpu.fcs_fop;
    f->fop = in->fpu.fcs_fop >> 16;
    f->fdp = in->fpu.fdp;
    f->fds = (u16)in->fpu.fds;
    for (unsigned i = 0; i < 8; i++)
        *x87_st(f, i) = (struct x87_reg){ld64(in->fpu.reg[i]), ld16(in->fpu.reg[i] + 8)};
    cpu->gpr[RAX] = in->rax;
    flags_from_image(cpu, (u32)in->flags);
    out->fault = 0;
    cpu->block = NULL;
    if (!_setjmp(cpu->unwind)) {
        const struct uop *u = uops;
        while (u)
            u = u->fn(cpu, u);
    } else {
        ck_assert_uint_eq(cpu->exc_vector, EXC_MF);
        out->fault = 1;
    }
    memcpy(out->mem, data_page, MEM_BYTES);
    out->rax = cpu->gpr[RAX];
    out->flags = flags_to_image(cpu);
    struct image *im = &out->fpu;
    im->fcw = 0xffff0000u | f->fcw;
    im->fsw = 0xffff0000u | x87_fsw(f);
    im->ftw = 0xffff0000u | x87_tag_word(f);
    im->fip = (u32)f->fip;
    im->fcs_fop = f->fcs | (u32)f->fop << 16;
    im->fdp = (u32)f->fdp;
    im->fds = 0xffff0000u | f->fds;
    for (unsigned i = 0; i < 8; i++) {
        st64(im->reg[i], x87_st(f, i)->man);
        st16(im->reg[i] + 8, x87_st(f, i)->se);
    }
}

/* ---- comparing ---- */

/* A signal frame has the abridged tags and no selectors: ours are cut to fit. */
static void as_signal_frame(struct image *im)
{
    im->fcw &= 0xffff;
    im->fsw &= 0xffff;
    im->ftw = x87_abridged_tags((u16)im->ftw);
    im->fcs_fop &= 0x07ff0000;
    im->fds = 0;
}
/* What this host does otherwise (undefined.def): condition codes; pointers, which it may not keep as AMD's does. */
static bool other_cc, other_pointers;

static void forget(struct image *im)
{
    if (other_cc)
        im->fsw &= ~(u32)FSW_CC;
    if (other_pointers)
        im->fip = im->fcs_fop = im->fdp = im->fds = 0;
}
static bool same(const struct state *host, const struct state *ours)
{
    struct state x = *host, y = *ours, *a = &x, *b = &y;
    forget(&a->fpu);
    forget(&b->fpu);
    return a->fault == b->fault && a->rax == b->rax && (a->flags & FL_ARITH) == (b->flags & FL_ARITH) &&
           !memcmp(a->mem, b->mem, MEM_BYTES) && !memcmp(&a->fpu, &b->fpu, sizeof(a->fpu));
}
static void print_image(const char *what, const struct state *s)
{
    const struct image *im = &s->fpu;
    printf("%-6s cw %04x sw %04x (top %u) tw %04x ip %08x fop %03x cs %04x dp %08x ds %04x rax %llx fl %03llx%s\n",
           what, im->fcw & 0xffff, im->fsw & 0xffff, im->fsw >> 11 & 7, im->ftw & 0xffff, im->fip, im->fcs_fop >> 16,
           im->fcs_fop & 0xffff, im->fdp, im->fds & 0xffff, (unsigned long long)s->rax,
           (unsigned long long)(s->flags & FL_ARITH), s->fault ? " #MF" : "");
    for (unsigned i = 0; i < 8; i++)
        printf(" %04x.%016llx%s", ld16(im->reg[i] + 8), (unsigned long long)ld64(im->reg[i]), i == 3 ? "\n" : "");
    printf("\n mem");
    for (unsigned i = 0; i < 32; i++)
        printf(" %02x", s->mem[i]);
    printf("\n");
}

static unsigned report(const struct insn_bytes *insns, unsigned count, const struct state *in, const struct state *host,
                       const struct state *ours)
{
    printf("DIFFERENT:");
    for (unsigned i = 0; i < count; i++) {
        printf(" %s (", insns[i].row->mnemonic);
        for (unsigned k = 0; k < insns[i].n; k++)
            printf("%02x", insns[i].b[k]);
        printf(") ");
    }
    printf("\n");
    print_image("in", in);
    print_image("host", host);
    print_image("ours", ours);
    return 1;
}

static unsigned env_number(const char *name, unsigned otherwise)
{
    const char *s = getenv(name);
    return s ? (unsigned)strtoul(s, NULL, 0) : otherwise;
}

static void set_up(void)
{
    code_page = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    data_page =
        mmap(LOW_PAGE, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    ck_assert(code_page != MAP_FAILED && data_page != MAP_FAILED);
    struct sigaction sa = {.sa_sigaction = on_sigfpe, .sa_flags = SA_SIGINFO};
    sigaction(SIGFPE, &sa, NULL);
    decode_init();
    cpu = bare_cpu();
}

static bool stores_status(u16 op) { return op == UOP_FNSTSW || op == UOP_FNSTENV || op == UOP_FNSAVE; }

/* Rows with an XMM operand are not for this test. The others are SSSE3 and older: every host has them. */
static unsigned collect_rows(const struct insn_row **rows, u16 attr)
{
    unsigned n = 0;
    for (unsigned i = 0; i < insn_row_count; i++)
        if (((insn_rows[i].attrs & attr) || (insn_rows[i].uop == UOP_WAIT && attr == A_FPU)) &&
            !strpbrk(insn_rows[i].operands, "VWU") && oracle_comparable(&insn_rows[i]) &&
            !(other_cc && stores_status(insn_rows[i].uop)) && !(undefined_here(&insn_rows[i], 4) & UNDEFINED_RESULT))
            rows[n++] = &insn_rows[i];
    return n;
}

/* FLD of memory, then FABS: what the silicon remembers of them. */
static void ask_host(void)
{
    struct state in = {0}, host, ours;
    struct insn_bytes insns[2] = {{.n = 2, .b = {0xd9, 0x07}}, {.n = 2, .b = {0xd9, 0xe1}}};
    for (unsigned i = 0; i < 2; i++) {
        struct insn d;
        ck_assert(decode(cpu->features, cpu->mode, insns[i].b, 2, &d) == DECODE_OK);
        insns[i].row = d.row;
        other_cc = undefined_here(d.row, 4) & UNDEFINED_CC;
    }
    in.fpu = (struct image){.fcw = 0xffff037f, .fsw = 0xffff0000, .ftw = 0xffffffff, .fds = 0xffff0000};
    memcpy(code_page, "\xd9\x07\xd9\xe1\xc3", 5);
    run_ours(insns, 2, &in, &ours);
    for (unsigned attempt = 0; attempt < 4; attempt++) {
        other_pointers = false;
        run_native(&in, &host);
        other_pointers = !same(&host, &ours);
        if (!other_pointers)
            return;
    }
}

static unsigned one_case(const struct insn_row *const *rows, unsigned nrows, unsigned first)
{
    struct state in = {0}, host, ours;
    struct insn_bytes insns[MAX_INSNS];
    unsigned count = below(4) ? 1 : 1 + below(MAX_INSNS), at = 0;
    for (unsigned i = 0; i < count; i++) {
        encode(rows[i ? below(nrows) : first], &insns[i]);
        memcpy(code_page + at, insns[i].b, insns[i].n);
        at += insns[i].n;
    }
    code_page[at] = 0xc3;
    random_image(&in.fpu);
    random_memory(in.mem);
    if (insns[0].row->uop == UOP_FLDENV || insns[0].row->uop == UOP_FRSTOR) {
        struct image im;
        random_image(&im);
        memcpy(in.mem, &im, sizeof(im));
        if (insns[0].b[0] == 0x66)
            for (unsigned i = 0; i < 7; i++)
                memcpy(in.mem + 2 * i, (u8 *)&im + 4 * i, 2);
    }
    in.rax = rnd();
    in.flags = rnd() & FL_ARITH;
    run_ours(insns, count, &in, &ours);
    struct image whole = ours.fpu;
    /* A context switch between the instruction and FNSAVE loses FIP, FDP and FOP on AMD: try again. */
    for (unsigned attempt = 0; attempt < 4; attempt++) {
        run_native(&in, &host);
        ours.fpu = whole;
        if (host.fault)
            as_signal_frame(&ours.fpu);
        if (same(&host, &ours))
            return 0;
    }
    return report(insns, count, &in, &host, &ours);
}

static void run_rows(u16 attr)
{
    static const struct insn_row *rows[512];
    ask_host();
    unsigned nrows = collect_rows(rows, attr), bad = 0, cases = env_number("ORRERY_X87_CASES", 100000);
    ck_assert_uint_gt(nrows, 60);
    rng_state = env_number("ORRERY_X87_SEED", 1);
    for (unsigned i = 0; i < cases && bad < 20; i++)
        bad += one_case(rows, nrows, i % nrows);
    ck_assert_msg(!bad, "%u cases differ from the host", bad);
}
START_TEST(x87_like_the_host) { run_rows(A_FPU); }
END_TEST
START_TEST(mmx_like_the_host) { run_rows(A_MMX); }
END_TEST

/* ---- longer sequences on the whole CPU, in 64- and 32-bit code: blocks, #MF delivery, FXRSTOR's state ---- */

static void oracle_state(struct oracle_state *in)
{
    struct image im;
    random_image(&im);
    if (im.fsw & FSW_ES)
        im.fsw &= ~(u32)(FSW_EXC | FSW_ES | FSW_B);
    st16(in->fx + FX_FCW, (u16)im.fcw);
    st16(in->fx + FX_FSW, (u16)im.fsw);
    in->fx[FX_FTW] = x87_abridged_tags((u16)im.ftw);
    for (unsigned i = 0; i < 8; i++)
        memcpy(in->fx + FX_ST + 16 * i, im.reg[i], 10);
    random_memory(in->data);
    in->gpr[RDI] = ORACLE_DATA;
    in->gpr[RAX] = rnd();
    in->rflags = (in->rflags & ~(u64)FL_ARITH) | (rnd() & FL_ARITH);
}
static unsigned oracle_sequence(const struct insn_row *const *rows, unsigned nrows, unsigned bits)
{
    struct oracle_case c;
    struct oracle_state host, ours;
    struct insn_bytes insn;
    static char text[8192], code[4096];
    oracle_case_init(&c, bits);
    c.ignore_x87_cc = other_cc;
    oracle_state(&c.in);
    for (unsigned i = 0; i < 12;) {
        encode(rows[below(nrows)], &insn);
        u16 op = insn.row->uop; /* random images are no use, and the pointers in stored ones not the child's */
        if (op == UOP_FLDENV || op == UOP_FRSTOR || op == UOP_FNSTENV || op == UOP_FNSAVE ||
            (bits == 32 && insn.b[0] == 0x48))
            continue;
        memcpy(c.code + c.len, insn.b, insn.n);
        c.len += insn.n;
        i++;
    }
    if (!native_run(&c, &host) || !ours_run(&c, &ours) || oracle_same(&c, &host, &ours, text, sizeof(text)))
        return 0;
    oracle_disasm(&c, code, sizeof(code));
    printf("DIFFERENT (%u bits):\n%s%s", bits, code, text);
    return 1;
}
START_TEST(sequences_on_the_whole_cpu)
{
    rng_state = env_number("ORRERY_X87_SEED", 1);
    static const struct insn_row *rows[1024];
    ask_host();
    unsigned bad = 0, cases = env_number("ORRERY_X87_CASES", 100000) / 20;
    unsigned nrows = collect_rows(rows, A_FPU);
    nrows += collect_rows(rows + nrows, A_MMX);
    for (unsigned i = 0; i < cases && bad < 5; i++)
        bad += oracle_sequence(rows, i & 2 ? nrows : 90, (i & 1) && native_runs(32) ? 32 : 64);
    ck_assert_msg(!bad, "%u sequences differ from the host", bad);
}
END_TEST

/* ---- what is no instruction ---- */

static void on_sigill(int sig)
{
    (void)sig;
    siglongjmp(signal_env, 1);
}
START_TEST(undefined_like_the_host)
{
    signal(SIGILL, on_sigill);
    for (unsigned op = 0xd8; op <= 0xdf; op++)
        for (unsigned m = 0; m < 256; m++) {
            if (m < 0xc0 && (m & 0xc7) != 7)
                continue;
            u8 bytes[2] = {(u8)op, (u8)m};
            struct insn d;
            bool ours = decode(cpu->features, cpu->mode, bytes, 2, &d) == DECODE_OK;
            ck_assert_msg(ours == host_has(bytes, 2), "%02x %02x: %s", op, m, ours ? "is none" : "is missing");
        }
}
END_TEST

/* ---- what the host cannot show: real-address formats, CR0.NE = 0 ---- */

/* Runs one instruction in flat 32-bit code. */
static void run_32(const char *bytes, unsigned n)
{
    struct uop uops[2] = {0};
    struct insn d;
    static struct block block = {.ninsn = 1};
    ck_assert_int_eq(decode(cpu->features, cpu->mode, (const u8 *)bytes, n, &d), DECODE_OK);
    ck_assert_uint_eq(d.len, n);
    lower(&d, cpu->mode, 0, uops);
    uops[1].fn = stop;
    cpu->block = &block;
    for (const struct uop *u = uops; u;)
        u = u->fn(cpu, u);
    cpu->block = NULL;
}
static void set_up_32(u64 cr0)
{
    cpu->mode = MODE_CODE32 | MODE_FLAT | MODE_FPU;
    cpu->cr0 = cr0;
    x87_init(&cpu->fpu);
    ck_assert_uint_eq((u64)(uintptr_t)data_page >> 32, 0);
}

static void check_words(const u32 *expected, unsigned size)
{
    for (unsigned i = 0; i < 7; i++)
        ck_assert_uint_eq(ld_le(data_page + i * size, size), expected[i] & size_mask(size));
    ck_assert_uint_eq(ld64(data_page + 7 * size), 0x5a5a5a5a5a5a5a5aull);
}
static void real_format(bool prefix)
{
    struct fpu *f = &cpu->fpu;
    f->fcs = 0x1234;
    f->fip = 0xabcd;
    f->fds = 0x9abc;
    f->fdp = 0x5678;
    f->fop = 0x5a5;
    f->fcw = 0x1372;
    f->top = 5;
    f->ftw = 0xe0;
    f->reg[5] = (struct x87_reg){0, 0x8000};
    f->reg[6] = (struct x87_reg){BIT64(63), 0x3fff};
    f->reg[7] = FP80_INDEFINITE;
    static const u32 expected[7] = {0xffff1372, 0xffff2800, 0xffff87ff, 0xffffcf0d, 0x15a5, 0xffff0238, 0xa000};
    memset(data_page, 0x5a, MEM_BYTES);
    run_32(prefix ? "\x66\xd9\x37" : "\xd9\x37", prefix ? 3 : 2);
    check_words(expected, prefix ? 2 : 4);
    ck_assert_uint_eq(f->fcw, 0x137f);
    x87_init(f);
    run_32(prefix ? "\x66\xd9\x27" : "\xd9\x27", prefix ? 3 : 2);
    ck_assert_uint_eq(f->fcw, 0x1372);
    ck_assert_uint_eq(f->top, 5);
    ck_assert_uint_eq(f->ftw, 0xe0);
    ck_assert_uint_eq(f->fip, 0x1cf0d);
    ck_assert_uint_eq(f->fdp, 0xa0238);
    ck_assert_uint_eq(f->fop, 0x5a5);
}
START_TEST(real_address_environment)
{
    set_up_32(CR0_ET);
    real_format(false);
    real_format(true);
    cpu->cr0 = CR0_PE | CR0_ET;
    cpu->eflags |= FL_VM;
    real_format(false);
    real_format(true);
    cpu->eflags &= ~(u32)FL_VM;
}
END_TEST

static int ferr_level;
static void on_ferr(void *world, bool level)
{
    (void)world;
    ck_assert_int_ne(ferr_level, level);
    ferr_level = level;
}
/* An unmasked invalid operation: FSQRT of -1. */
static void make_pending(void)
{
    x87_init(&cpu->fpu);
    cpu->fpu.fcw = 0x37e;
    run_32("\xd9\xe8", 2);
    run_32("\xd9\xe0", 2);
    run_32("\xd9\xfa", 2);
    ck_assert(cpu->fpu.fsw & FSW_ES);
}
START_TEST(ferr_and_ignne)
{
    static const struct cpu_env env = {.ferr = on_ferr};
    static const char *const clears[] = {"\xdb\xe2", "\xdb\xe3", "\xdd\x37", "\xd9\x37"};
    set_up_32(CR0_ET);
    cpu->env = &env;
    for (unsigned i = 0; i < ARRAY_LEN(clears); i++) {
        make_pending();
        ck_assert_int_eq(ferr_level, 0);
        cpu->gpr[SLOT_RIP] = 0x1000;
        run_32("\x9b", 1);
        ck_assert_int_eq(ferr_level, 1);
        ck_assert(cpu->halted);
        ck_assert_uint_eq(cpu->gpr[SLOT_RIP], 0x1000);
        cpu->halted = false; /* IRQ 13 came, its handler wrote port F0h */
        cpu->ignne = true;
        run_32("\x9b", 1);
        run_32("\xd9\xc9", 2);
        ck_assert(!cpu->halted);
        run_32(clears[i], 2);
        ck_assert_int_eq(ferr_level, 0);
        ck_assert(!cpu->ignne);
    }
    cpu->env = NULL;
}
END_TEST
/* With NE = 1 it is #MF, at MMX instructions too; WAIT is #NM by MP and TS alone, whatever EM says. */
START_TEST(waiting_instructions_raise)
{
    static const struct {
        u64 cr0;
        const char *bytes;
        unsigned n, vector;
    } cases[] = {
        {CR0_PE | CR0_NE, "\x9b", 1, EXC_MF},          {CR0_PE | CR0_NE, "\x0f\x77", 2, EXC_MF},
        {CR0_PE | CR0_NE, "\x0f\x6f\x07", 3, EXC_MF},  {CR0_PE | CR0_NE, "\xd9\xd0", 2, EXC_MF},
        {CR0_PE | CR0_NE, "\xd9\x2f", 2, EXC_MF},      {CR0_PE | CR0_NE | CR0_MP | CR0_TS, "\x9b", 1, EXC_NM},
        {CR0_PE | CR0_NE | CR0_TS, "\x9b", 1, EXC_MF}, {CR0_PE | CR0_NE | CR0_MP | CR0_EM, "\x9b", 1, EXC_MF},
    };
    for (volatile unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        volatile unsigned vector = 0;
        set_up_32(cases[i].cr0);
        make_pending();
        if (!_setjmp(cpu->unwind))
            run_32(cases[i].bytes, cases[i].n);
        else
            vector = cpu->exc_vector;
        ck_assert_msg(vector == cases[i].vector, "case %u: vector %u", i, vector);
    }
}
END_TEST

/* ---- IRQ 13 on a whole CPU in real-address mode ---- */

static _Alignas(PAGE_SIZE) u8 ram[1 << 16];
static struct cpu *irq13_cpu;

static void ram_page(void *world, struct cpu *cpu, u64 pa, struct cpu_page *out)
{
    (void)cpu;
    (void)world;
    out->read = out->write = pa < sizeof(ram) ? ram + pa : NULL;
}
static u64 ram_read(void *world, struct cpu *cpu, u64 pa, unsigned size)
{
    return (void)world, (void)cpu, (void)pa, (void)size, ~0ull;
}
static void ram_write(void *world, struct cpu *cpu, u64 pa, u64 val, unsigned size)
{
    (void)world, (void)cpu, (void)pa, (void)val, (void)size;
}
static void ram_code(void *world, u64 pa) { (void)world, (void)pa; }
static void irq13_ferr(void *world, bool level)
{
    (void)world;
    if (level)
        cpu_raise_attention(irq13_cpu, ATT_INTR);
}
static int irq13_ack(void *world, struct cpu *c)
{
    (void)world;
    cpu_clear_attention(c, ATT_INTR);
    return 0x75;
}
/* Port F0h: IGNNE# until FERR# is high again. */
static void irq13_out(void *world, u16 port, u32 val, unsigned size)
{
    (void)world, (void)val, (void)size;
    if (port == 0xf0)
        irq13_cpu->ignne = irq13_cpu->ferr_high;
}
START_TEST(irq13_in_real_mode)
{
    static const struct cpu_env env = {.page = ram_page,
                                       .mem_read = ram_read,
                                       .mem_write = ram_write,
                                       .code_here = ram_code,
                                       .io_write = irq13_out,
                                       .int_ack = irq13_ack,
                                       .ferr = irq13_ferr};
    static const u8 code[] = {
        0xdb, 0xe3,             /* fninit */
        0xd9, 0x2e, 0x00, 0x08, /* fldcw [800h]: zero divide unmasked */
        0xfb,                   /* sti */
        0xd9, 0xe8, 0xd9, 0xee, /* fld1, fldz */
        0xde, 0xf9,             /* fdivp */
        0x40,                   /* inc ax: FERR# comes with the next waiting instruction */
        0xd9, 0xeb,             /* fldpi: waits */
        0x43, 0xf4,             /* inc bx, hlt */
    };
    static const u8 handler[] = {
        0xe6, 0xf0,                   /* out F0h, al */
        0x9b, 0xd9, 0x36, 0x10, 0x08, /* fstenv [810h]: its WAIT is let through */
        0xdb, 0xe2,                   /* fnclex */
        0x41, 0xcf,                   /* inc cx, iret */
    };
    struct trace trace = {0};
    struct cpu_model model;
    char err[200];
    ck_assert(cpu_model_parse("486", &model, err, sizeof(err)));
    memcpy(ram + 0x1000, code, sizeof(code));
    memcpy(ram + 0x2000, handler, sizeof(handler));
    st32(ram + 0x75 * 4, 0x2000);
    st16(ram + 0x800, 0x37b);
    struct cpu *c = irq13_cpu = cpu_create(&model, 0, &env, &trace);
    ck_assert_ptr_nonnull(c);
    seg_load_real(c, CS, 0);
    c->gpr[SLOT_RIP] = 0x1000;
    c->gpr[RSP] = 0x8000;
    cpu_run(c, 1000);
    ck_assert_uint_eq(c->gpr[RAX], 1);
    ck_assert_uint_eq(c->gpr[RBX], 1);
    ck_assert_uint_eq(c->gpr[RCX], 1);
    ck_assert(c->halted && !c->ferr_high && !c->ignne);
    ck_assert_uint_eq(ld16(ram + 0x812), 0xb084); /* ZE, ES, B, TOP 6 */
    ck_assert_uint_eq(ld16(ram + 0x816), 0x100b); /* FIP: the FDIVP */
    ck_assert_uint_eq(ld16(ram + 0x818), 0x6f9);  /* FOP */
    ck_assert_uint_eq(c->fpu.top, 5);
    cpu_destroy(c);
}
END_TEST

/* --jit: the sequences alone, through the translator. */
int main(int argc, char **argv)
{
    bool jit = argc > 1 && !strcmp(argv[1], "--jit");
    if (jit && !ours_translate())
        return 77;
    Suite *s = suite_create("x87");
    TCase *t = tcase_create("host");
    tcase_add_unchecked_fixture(t, set_up, NULL);
    tcase_set_timeout(t, 300);
    if (native_available())
        tcase_add_test(t, sequences_on_the_whole_cpu);
    if (native_available() && !jit) {
        tcase_add_test(t, x87_like_the_host);
        tcase_add_test(t, mmx_like_the_host);
        tcase_add_test(t, undefined_like_the_host);
    }
    if (!jit) {
        tcase_add_test(t, real_address_environment);
        tcase_add_test(t, ferr_and_ignne);
        tcase_add_test(t, waiting_instructions_raise);
        tcase_add_test(t, irq13_in_real_mode);
    }
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
