/*
 * What lockstep prints of a difference: the block is looked for by running
 * ever longer stretches from the same start, superblock by superblock; then
 * its guest code, both states, its micro-ops and the code emitted for it.
 */
#include "cpu/cpu.h"
#include "cpu/flags.h"
#include "cpu/vec/mxcsr.h"
#include "jit/lockstep.h"

#define PART(member)                                                                                                   \
    {                                                                                                                  \
#member, offsetof(struct cpu, member), sizeof(((struct cpu *)0)->member)                                       \
    }
#define SEG(s) PART(s.sel), PART(s.attr), PART(s.limit), PART(s.base)
#define ST(n)  PART(fpu.reg[n].man), PART(fpu.reg[n].se)
const struct compared_part compared_parts[] = {
    PART(gpr[RAX]),
    PART(gpr[RCX]),
    PART(gpr[RDX]),
    PART(gpr[RBX]),
    PART(gpr[RSP]),
    PART(gpr[RBP]),
    PART(gpr[RSI]),
    PART(gpr[RDI]),
    PART(gpr[R8]),
    PART(gpr[R9]),
    PART(gpr[R10]),
    PART(gpr[R11]),
    PART(gpr[R12]),
    PART(gpr[R13]),
    PART(gpr[R14]),
    PART(gpr[R15]),
    PART(gpr[SLOT_RIP]),
    PART(gpr[SLOT_ZERO]),
    PART(gpr[SLOT_4G]),
    SEG(seg[ES]),
    SEG(seg[CS]),
    SEG(seg[SS]),
    SEG(seg[DS]),
    SEG(seg[FS]),
    SEG(seg[GS]),
    SEG(ldtr),
    SEG(tr),
    PART(gdtr.limit),
    PART(gdtr.base),
    PART(idtr.limit),
    PART(idtr.base),
    PART(cr0),
    PART(cr2),
    PART(cr3),
    PART(cr4),
    PART(dr),
    PART(efer),
    PART(xcr0),
    PART(pkru),
    PART(pkrs),
    PART(star),
    PART(lstar),
    PART(cstar),
    PART(sfmask),
    PART(kernel_gs_base),
    PART(tsc_aux),
    PART(sysenter_cs),
    PART(sysenter_esp),
    PART(sysenter_eip),
    PART(pat),
    PART(mtrr_def),
    PART(mtrr_fixed),
    PART(mtrr_base),
    PART(mtrr_mask),
    PART(misc_enable),
    PART(mcg_status),
    PART(tsc_offset),
    PART(debugctl),
    PART(mcg_ctl),
    PART(mc_bank),
    PART(rng),
    PART(pdpte),
    PART(cpl),
    PART(halted),
    PART(nmi_masked),
    PART(ferr_high),
    PART(dr6_pending),
    PART(monitor_addr),
    PART(monitor_line),
    PART(mwait_any),
    PART(in_shutdown),
    PART(shadow),
    PART(shadow_ss),
    ST(0),
    ST(1),
    ST(2),
    ST(3),
    ST(4),
    ST(5),
    ST(6),
    ST(7),
    PART(fpu.fcw),
    PART(fpu.fsw),
    PART(fpu.top),
    PART(fpu.ftw),
    PART(fpu.fop),
    PART(fpu.fip),
    PART(fpu.fdp),
    PART(fpu.fcs),
    PART(fpu.fds),
    PART(mxcsr),
    PART(xmm),
    PART(mode),
    PART(mmu_idx),
    PART(sp_mask),
    PART(sse_checked),
};
const unsigned compared_part_count = ARRAY_LEN(compared_parts);

/* Where the difference comes to be. */
struct place {
    i64 length; /* instructions from l->start, the block's included; 0: only linked code differs */
    i64 at;     /* ... before the block */
    u64 rip;    /* of the block */
    u64 lin;    /* the linear address of that */
    u64 pa;     /* the same */
    u64 key;
};

static FILE *out_of(const struct lockstep *l) { return l->cpu->trace->out ? l->cpu->trace->out : stderr; }

static void bytes_as_number(FILE *out, const u8 *p, unsigned n)
{
    for (unsigned i = n; i-- > 0;)
        fprintf(out, "%02x", p[HOST_BIG_ENDIAN ? n - 1 - i : i]);
}

static void print_parts(FILE *out, const struct lockstep *l)
{
    for (unsigned i = 0; i < compared_part_count; i++) {
        const struct compared_part *p = &compared_parts[i];
        const u8 *translated = (const u8 *)l->cpu + p->offset, *interpreted = (const u8 *)l->copy + p->offset;
        if (!memcmp(translated, interpreted, p->size))
            continue;
        fprintf(out, "%-14s translated ", p->name);
        bytes_as_number(out, translated, p->size);
        fprintf(out, "\n%-14s interpreted ", "");
        bytes_as_number(out, interpreted, p->size);
        fputc('\n', out);
    }
    if (cpu_eflags(l->cpu) != cpu_eflags(l->copy))
        fprintf(out, "%-14s translated %08x interpreted %08x\n", "eflags", cpu_eflags(l->cpu), cpu_eflags(l->copy));
}

static void print_memory(FILE *out, const struct lockstep *l)
{
    const struct logged_write *w = lockstep_memory_differs(l);
    if (!w)
        return;
    unsigned n = w->before + w->size + w->after;
    fprintf(out, "memory, %u bytes around a write of %u: translated ", n, w->size);
    for (unsigned i = 0; i < n; i++)
        fprintf(out, "%02x", w->host[(int)i - w->before]);
    fprintf(out, "\n%-42sinterpreted ", "");
    for (unsigned i = 0; i < n; i++)
        fprintf(out, "%02x", w->image[i]);
    fputc('\n', out);
}

static void print_difference(FILE *out, const struct lockstep *l, i64 retired)
{
    fprintf(out, "retired: translated %lld%s, interpreted %lld\n", (long long)retired,
            l->raised ? " and an exception" : "", (long long)l->done);
    if (l->raised)
        fprintf(out, "exception: translated %u (%x), interpreted %u (%x)\n", l->cpu->exc_vector, l->cpu->exc_error,
                l->copy->exc_vector, l->copy->exc_error);
    print_parts(out, l);
    print_memory(out, l);
}

/* Every register that debuggers know, of a CPU; not what the world must be asked for. */
static void print_state(FILE *out, struct cpu *cpu)
{
    static const struct {
        const char *name;
        const char *kind;
        unsigned size;
    } regs[] = {
#define REG(name, size, kind, member, number) {name, #kind, size},
#include "cpu/slots.def"
#undef REG
    };
    unsigned column = 0;
    for (unsigned i = 0; i < ARRAY_LEN(regs); i++) {
        u8 value[CPU_REG_MAX];
        if (!strcmp(regs[i].kind, "TPR"))
            continue;
        cpu_reg_read(cpu, regs[i].name, value);
        column += (unsigned)fprintf(out, "%s=", regs[i].name);
        for (unsigned k = regs[i].size; k-- > 0;)
            column += (unsigned)fprintf(out, "%02x", value[k]);
        fputc(column > 90 ? '\n' : ' ', out);
        column = column > 90 ? 0 : column + 1;
    }
    fputc('\n', out);
}

static void print_insn(FILE *out, const struct lockstep *l, u64 addr, const u8 *bytes, unsigned n, unsigned bits)
{
    const struct trace *t = l->cpu->trace;
    if (t->disasm) {
        t->disasm(out, addr, bytes, n, bits);
        return;
    }
    fprintf(out, "0x%08llx: ", (unsigned long long)addr);
    for (unsigned i = 0; i < n; i++)
        fprintf(out, "%02x", bytes[i]);
    fputc('\n', out);
}

static void print_block(FILE *out, const struct lockstep *l, const struct place *p)
{
    struct jit *jit = l->jit;
    struct superblock *sb = jit->sb;
    const struct translation_block *tb = jit_find(jit, p->pa, p->key, p->rip);
    if (!jit_aim(jit, p->pa, p->key, p->rip) || !tb) {
        fprintf(out, "no translation: the interpreter ran it in both\n");
        return;
    }
    if (!superblock_find(l->cpu, sb))
        fprintf(out, "one instruction that crosses into the next page\n");
    fprintf(out, "-- guest instructions and micro-ops\n");
    unsigned bits = 16u << (p->key & MODE_CODE);
    for (unsigned i = 0; i < sb->n; i++) {
        const struct uop *u = &sb->insn[i].u;
        print_insn(out, l, (p->lin & PAGE_MASK) + u->pc_off, sb->page + u->pc_off, u->len, bits);
        uop_print(out, u);
    }
    jit_print_code(jit, tb, p->lin, out);
}

/* How many instructions the real CPU has retired since l->start. */
static i64 retired(const struct lockstep *l)
{
    return (l->cpu->slice - l->cpu->budget) - (l->start->slice - l->start->budget);
}

/* One turn; true when it was a block that one instruction less of budget would have refused. */
static bool enter_next(struct lockstep *l, struct place *p)
{
    struct cpu *cpu = l->cpu;
    u64 entered = l->jit->counters.entered;
    p->at = retired(l);
    p->rip = cpu->gpr[SLOT_RIP];
    p->key = jit_key(cpu);
    cpu->cur = NULL;
    p->lin = jit_linear(cpu, p->rip);
    p->pa = mmu_fetch(cpu, p->lin);
    jit_once(l->jit);
    const struct translation_block *tb = jit_find(l->jit, p->pa, p->key, p->rip);
    return l->jit->counters.entered != entered && tb && (l->budget > p->length || p->at + tb->n == p->length);
}

/* Without links: the shortest stretch that differs, and the block that it ends with. */
static bool find_place(struct lockstep *l, i64 n, struct place *p)
{
    jit_flush(l->jit);
    l->jit->unlinked = true;
    for (p->length = 1; p->length <= n; p->length++) {
        lockstep_restore(l);
        if (!lockstep_alike(l, p->length, 0))
            break;
    }
    if (p->length > n)
        return false;
    struct cpu *cpu = l->cpu;
    lockstep_restore(l);
    sse_enter(cpu);
    cpu->slice += l->budget - cpu->budget;
    cpu->budget = l->budget;
    if (_setjmp(cpu->unwind) == 0)
        while (cpu->budget > 0 && !cpu->halted && !enter_next(l, p))
            ;
    sse_leave(cpu);
    return true;
}

void lockstep_report(struct lockstep *l, i64 n)
{
    FILE *out = out_of(l);
    struct place p = {0};
    fprintf(out, "lockstep: CPU %u ends differently within %lld instructions after %llu, RIP %016llx\n", l->cpu->index,
            (long long)n, (unsigned long long)(l->start->icount_base + (u64)(l->start->slice - l->start->budget)),
            (unsigned long long)l->start->gpr[SLOT_RIP]);
    print_difference(out, l, retired(l));
    if (find_place(l, n, &p)) {
        fprintf(out, "-- the block at RIP %016llx, %lld instructions on\n", (unsigned long long)p.rip, (long long)p.at);
        print_block(out, l, &p);
        lockstep_restore(l);
        lockstep_alike(l, p.length, 0);
        print_difference(out, l, retired(l));
    } else {
        fprintf(out, "-- alike when translations are not linked to each other\n");
    }
    fprintf(out, "-- state before\n");
    print_state(out, l->start);
    fprintf(out, "-- translated\n");
    print_state(out, l->cpu);
    fprintf(out, "-- interpreted\n");
    print_state(out, l->copy);
    fflush(out);
}
