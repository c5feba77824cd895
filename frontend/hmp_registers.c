/*
 * info registers and info cpus, in QEMU's layout, which scripts parse.
 */
#include "cpu/flags.h"
#include "cpu/vec/mxcsr.h"
#include "frontend/hmp.h"
#include "frontend/registers.h"

#define LL(v) ((unsigned long long)(v))

static void print_flags(FILE *out, u32 f)
{
    static const struct {
        u32 bit;
        char letter;
    } flags[] = {{FL_DF, 'D'}, {FL_OF, 'O'}, {FL_SF, 'S'}, {FL_ZF, 'Z'}, {FL_AF, 'A'}, {FL_PF, 'P'}, {FL_CF, 'C'}};
    fputc('[', out);
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        fputc(f & flags[i].bit ? flags[i].letter : '-', out);
    fputc(']', out);
}

static void print_state(struct hmp *h, struct cpu *cpu)
{
    print_flags(h->out, cpu_eflags(cpu));
    fprintf(h->out, " CPL=%d II=%d A20=%d SMM=0 HLT=%d\n", cpu->cpl, cpu->shadow != 0, h->m->sys.a20, cpu->halted);
}

static void print_general(struct hmp *h, struct cpu *cpu, bool wide)
{
    const u64 *r = cpu->gpr;
    if (!wide) {
        fprintf(h->out, "EAX=%08x EBX=%08x ECX=%08x EDX=%08x\nESI=%08x EDI=%08x EBP=%08x ESP=%08x\n", (u32)r[RAX],
                (u32)r[RBX], (u32)r[RCX], (u32)r[RDX], (u32)r[RSI], (u32)r[RDI], (u32)r[RBP], (u32)r[RSP]);
        fprintf(h->out, "EIP=%08x EFL=%08x ", (u32)r[SLOT_RIP], cpu_eflags(cpu));
        print_state(h, cpu);
        return;
    }
    fprintf(h->out, "RAX=%016llx RBX=%016llx RCX=%016llx RDX=%016llx\n", LL(r[RAX]), LL(r[RBX]), LL(r[RCX]),
            LL(r[RDX]));
    fprintf(h->out, "RSI=%016llx RDI=%016llx RBP=%016llx RSP=%016llx\n", LL(r[RSI]), LL(r[RDI]), LL(r[RBP]),
            LL(r[RSP]));
    for (unsigned i = R8; i <= R15; i++)
        fprintf(h->out, "R%-2u=%016llx%c", i, LL(r[i]), i % 4 == 3 ? '\n' : ' ');
    fprintf(h->out, "RIP=%016llx RFL=%08x ", LL(r[SLOT_RIP]), cpu_eflags(cpu));
    print_state(h, cpu);
}

/* The descriptor's second dword as it lies in memory, without the base. */
static u32 raw_flags(const struct seg *s)
{
    u32 high = s->limit >> (s->attr & SEG_G ? 28 : 16) & 0xf;
    return (s->attr & 0xf0ff) << 8 | high << 16;
}

static void print_rights(struct hmp *h, const struct cpu *cpu, const struct seg *s)
{
    static const char *const system_types[2][16] = {
        {"Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16", "TrapGate16", "Reserved",
         "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved", "IntGate32", "TrapGate32"},
        {"<hiword>", "Reserved", "LDT", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved",
         "TSS64-avl", "Reserved", "TSS64-busy", "CallGate64", "Reserved", "IntGate64", "TrapGate64"}};
    bool lma = cpu->efer & EFER_LMA;
    fprintf(h->out, " DPL=%d ", (s->attr & SEG_DPL) >> SEG_DPL_SHIFT);
    if (!(s->attr & SEG_S))
        fprintf(h->out, "%s", system_types[lma][s->attr & SEG_TYPE]);
    else if (s->attr & SEG_CODE)
        fprintf(h->out, "%s [%c%c%c]",
                s->attr & SEG_L    ? "CS64"
                : s->attr & SEG_DB ? "CS32"
                                   : "CS16",
                s->attr & SEG_C ? 'C' : '-', s->attr & SEG_R ? 'R' : '-', s->attr & SEG_A ? 'A' : '-');
    else
        fprintf(h->out, "%s [%c%c%c]", (s->attr & SEG_DB) || lma ? "DS  " : "DS16", s->attr & SEG_E ? 'E' : '-',
                s->attr & SEG_W ? 'W' : '-', s->attr & SEG_A ? 'A' : '-');
}

static void print_segment(struct hmp *h, const struct cpu *cpu, const char *name, const struct seg *s, bool wide)
{
    fprintf(h->out, "%-3s=%04x %0*llx %08x %08x", name, s->sel, wide ? 16 : 8, LL(s->base), s->limit, raw_flags(s));
    if ((cpu->cr0 & CR0_PE) && (s->attr & SEG_P) && !(s->attr & SEG_UNUSABLE) && !(cpu->eflags & FL_VM))
        print_rights(h, cpu, s);
    fputc('\n', h->out);
}

static void print_system(struct hmp *h, const struct cpu *cpu, bool wide)
{
    static const char *const names[] = {"ES", "CS", "SS", "DS", "FS", "GS"};
    int digits = wide ? 16 : 8;
    for (unsigned i = 0; i < SEG_COUNT; i++)
        print_segment(h, cpu, names[i], &cpu->seg[i], wide);
    print_segment(h, cpu, "LDT", &cpu->ldtr, wide);
    print_segment(h, cpu, "TR", &cpu->tr, wide);
    fprintf(h->out, "GDT=     %0*llx %08x\nIDT=     %0*llx %08x\n", digits, LL(cpu->gdtr.base), cpu->gdtr.limit, digits,
            LL(cpu->idtr.base), cpu->idtr.limit);
    fprintf(h->out, "CR0=%08x CR2=%0*llx CR3=%0*llx CR4=%08x\n", (u32)cpu->cr0, digits, LL(cpu->cr2), digits,
            LL(cpu->cr3), (u32)cpu->cr4);
    for (unsigned i = 0; i < 4; i++)
        fprintf(h->out, "DR%u=%016llx ", i, LL(cpu->dr[i]));
    fprintf(h->out, "\nDR6=%016llx DR7=%016llx\n", LL(cpu->dr[6]), LL(cpu->dr[7]));
    fprintf(h->out, "EFER=%016llx\n", LL(cpu->efer));
}

static void print_fpu(struct hmp *h, struct cpu *cpu, bool wide)
{
    const struct fpu *f = &cpu->fpu;
    fprintf(h->out, "FCW=%04x FSW=%04x [ST=%d] FTW=%02x MXCSR=%08x\n", f->fcw, (u16)(f->fsw | f->top << 11), f->top,
            f->ftw, cpu_mxcsr(cpu));
    for (unsigned i = 0; i < 8; i++)
        fprintf(h->out, "FPR%u=%016llx %04x%c", i, LL(f->reg[i].man), f->reg[i].se, i % 2 ? '\n' : ' ');
    for (unsigned i = 0; i < (wide ? 16u : 8u); i++)
        fprintf(h->out, "XMM%02u=%016llx %016llx%c", i, LL(VQ(&cpu->xmm[i], 1)), LL(VQ(&cpu->xmm[i], 0)),
                i % 2 ? '\n' : ' ');
}

static void print_cpu(struct hmp *h, struct cpu *cpu)
{
    bool wide = (cpu->mode & MODE_CODE) == MODE_CODE64;
    fprintf(h->out, "\nCPU#%u\n", cpu->index);
    print_general(h, cpu, wide);
    print_system(h, cpu, wide);
    print_fpu(h, cpu, wide);
}

void info_registers(struct hmp *h)
{
    u64 index;
    if (hmp_flag(h, 'a')) {
        for (unsigned i = 0; i < h->m->ncpus; i++)
            print_cpu(h, h->m->cpu[i]);
    } else if (!hmp_more(h)) {
        print_cpu(h, hmp_cpu_of(h));
    } else if (hmp_number(h, &index)) {
        if (index < h->m->ncpus)
            print_cpu(h, h->m->cpu[index]);
        else
            fprintf(h->out, "CPU#%llu not available\n", LL(index));
    }
}

void info_cpus(struct hmp *h)
{
    for (unsigned i = 0; i < h->m->ncpus; i++) {
        struct cpu *cpu = h->m->cpu[i];
        fprintf(h->out, "%c CPU #%u: pc=0x%016llx%s%s\n", i == h->session->cpu ? '*' : ' ', i, LL(reg_pc(cpu)),
                cpu->halted ? " (halted)" : "", cpu->wait_sipi ? " (waiting for SIPI)" : "");
    }
}

void hmp_cpu(struct hmp *h)
{
    u64 index;
    if (!hmp_number(h, &index))
        return;
    if (index < h->m->ncpus)
        h->session->cpu = (unsigned)index;
    else
        fprintf(h->out, "invalid CPU index\n");
}
