/*
 * gdb's registers (gdb_registers.h), from gdb_registers.def. Every write
 * leaves a state the CPU can run in: what is derived is recomputed, what does
 * not exist is refused.
 */
#include "frontend/gdb_registers.h"

#include <stdlib.h>

#include "cpu/system/cpuid.h"
#include "cpu/flags.h"
#include "cpu/vec/mxcsr.h"
#include "frontend/registers.h"

enum what { GPR, PC, FLAGS, SEL, BASE, KGS, CR, EFER, ST, FPU, XMM, MXCSR };
struct row {
    const char *name[2]; /* i386, x86-64 */
    const char *type;
    enum what what;
    u8 bits[2];
    u8 index;
};
static const struct row rows[] = {
#define GDB_REG(name32, name64, bits32, bits64, type, what, index)                                                     \
    {{name32, name64}, type, what, {bits32, bits64}, index},
#include "frontend/gdb_registers.def"
#undef GDB_REG
};

struct gdb_layout {
    const char *architecture; /* gdb's name, by which it disassembles */
    bool wide;
    unsigned count;
};
enum { MISSING_NARROW = 16 }; /* R8 to R15, XMM8 to XMM15 */
static const struct gdb_layout layout_16 = {"i8086", false, ARRAY_LEN(rows) - MISSING_NARROW},
                               layout_32 = {"i386", false, ARRAY_LEN(rows) - MISSING_NARROW},
                               layout_64 = {"i386:x86-64", true, ARRAY_LEN(rows)};

const struct gdb_layout *gdb_layout_for(const struct cpu *cpu)
{
    /* A CPU that can do long mode is described as x86-64, as debuggers of 64-bit kernels attach before it is
     * entered; unless a 32-bit system with paging runs on it. */
    bool narrow = !cpu_has(cpu, FEAT_LM) || ((cpu->cr0 & CR0_PG) && !(cpu->efer & EFER_LMA));
    return narrow ? &layout_32 : &layout_64;
}

const struct gdb_layout *gdb_layout_now(const struct cpu *cpu)
{
    unsigned bits = reg_code_bits(cpu);
    return bits == 16 ? &layout_16 : bits == 32 ? &layout_32 : &layout_64;
}

unsigned gdb_register_count(const struct gdb_layout *l) { return l->count; }

static const struct row *find(const struct gdb_layout *l, unsigned n)
{
    /* i386: eax ecx edx ebx esp ebp esi edi, as rows of the table */
    static const u8 first[8] = {0, 2, 3, 1, 7, 6, 4, 5};
    enum { MISSING = 8, BEFORE_PC = 8 };
    if (n >= l->count)
        return NULL;
    if (l->wide)
        return &rows[n];
    if (n < BEFORE_PC)
        return &rows[first[n]];
    n += MISSING;
    /* the eight upper XMM registers lie before MXCSR */
    return rows[n].name[0] ? &rows[n] : &rows[n + MISSING];
}

unsigned gdb_register_size(const struct gdb_layout *l, unsigned n)
{
    const struct row *r = find(l, n);
    return r ? r->bits[l->wide] / 8 : 0;
}

/* ---- x87 tag word: two bits a register, from contents ---- */

static u16 full_tags(const struct fpu *f)
{
    u16 tags = 0;
    for (unsigned i = 0; i < 8; i++) {
        const struct x87_reg *r = &f->reg[i];
        unsigned exponent = r->se & 0x7fff, tag = 2;
        if (!(f->ftw >> i & 1))
            tag = 3;
        else if (!exponent && !r->man)
            tag = 1;
        else if (exponent && exponent != 0x7fff && r->man >> 63)
            tag = 0;
        tags |= (u16)(tag << 2 * i);
    }
    return tags;
}

static u8 abridged_tags(u16 full)
{
    u8 tags = 0;
    for (unsigned i = 0; i < 8; i++)
        tags |= (u8)((full >> 2 * i & 3) != 3) << i;
    return tags;
}

static u32 fpu_read(const struct fpu *f, unsigned index)
{
    switch (index) {
    case 0:
        return f->fcw;
    case 1:
        return (u16)((f->fsw & ~0x3800) | f->top << 11);
    case 2:
        return full_tags(f);
    case 3:
        return f->fcs;
    case 4:
        return (u32)f->fip;
    case 5:
        return f->fds;
    case 6:
        return (u32)f->fdp;
    default:
        return f->fop;
    }
}

static void fpu_write(struct fpu *f, unsigned index, u32 v)
{
    switch (index) {
    case 0:
        f->fcw = (u16)((v & 0x1f3f) | 0x40);
        break;
    case 1:
        f->fsw = (u16)(v & ~0x3800u);
        f->top = v >> 11 & 7;
        break;
    case 2:
        f->ftw = abridged_tags((u16)v);
        break;
    case 3:
        f->fcs = (u16)v;
        break;
    case 4:
        f->fip = v;
        break;
    case 5:
        f->fds = (u16)v;
        break;
    case 6:
        f->fdp = v;
        break;
    default:
        f->fop = v & 0x7ff;
        break;
    }
}

/* ---- control registers ---- */

static u64 control_read(struct cpu *cpu, unsigned index)
{
    switch (index) {
    case 0:
        return cpu->cr0;
    case 2:
        return cpu->cr2;
    case 3:
        return cpu->cr3;
    case 4:
        return cpu->cr4;
    default:
        return cpu->env->tpr_read(cpu->env->world, cpu);
    }
}

/* Debuggers write back all registers: what did not change has no effect. False: the CPU would not take it. */
static bool control_write(struct cpu *cpu, unsigned which, u64 old, u64 v)
{
    return v == old || cpu_control_write(cpu, which, v);
}

/* ---- any of them ---- */

static u64 scalar_read(struct cpu *cpu, const struct row *r)
{
    switch (r->what) {
    case GPR:
        return cpu->gpr[r->index];
    case PC:
        return reg_pc(cpu);
    case FLAGS:
        return cpu_eflags(cpu);
    case SEL:
        return cpu->seg[r->index].sel;
    case BASE:
        return cpu->seg[r->index].base;
    case KGS:
        return cpu->kernel_gs_base;
    case CR:
        return control_read(cpu, r->index);
    case EFER:
        return cpu->efer;
    case FPU:
        return fpu_read(&cpu->fpu, r->index);
    default:
        return cpu_mxcsr(cpu);
    }
}

/* In 16-bit code an address that is no linear one inside CS is taken for an offset. */
static void write_pc(struct cpu *cpu, u64 v)
{
    const struct seg *cs = &cpu->seg[CS];
    bool offset = reg_code_bits(cpu) == 16 && v - cs->base > cs->limit && v <= cs->limit;
    reg_set_pc(cpu, offset ? v + cs->base : v);
}

static bool scalar_write(struct cpu *cpu, const struct row *r, u64 v, unsigned size)
{
    switch (r->what) {
    case GPR:
        cpu->gpr[r->index] = size == 4 ? (u32)v : v;
        break;
    case PC:
        write_pc(cpu, v);
        break;
    case FLAGS:
        reg_set_eflags(cpu, (u32)v);
        break;
    case SEL:
        /* Debuggers write back all registers: what did not change keeps its hidden part. */
        if (cpu->seg[r->index].sel != (u16)v)
            reg_set_selector(cpu, (enum segreg)r->index, (u16)v);
        break;
    case BASE:
        cpu->seg[r->index].base = v;
        cpu_update_mode(cpu);
        break;
    case KGS:
        cpu->kernel_gs_base = v;
        break;
    case CR:
        return control_write(cpu, r->index, control_read(cpu, r->index), v);
    case EFER:
        return control_write(cpu, CONTROL_EFER, cpu->efer, v);
    case FPU:
        fpu_write(&cpu->fpu, r->index, (u32)v);
        break;
    default:
        return cpu_control_write(cpu, CONTROL_MXCSR, v);
    }
    return true;
}

unsigned gdb_register_read(const struct gdb_layout *l, struct cpu *cpu, unsigned n, u8 *out)
{
    const struct row *r = find(l, n);
    if (!r)
        return 0;
    unsigned size = r->bits[l->wide] / 8;
    if (r->what == ST) {
        const struct x87_reg *reg = &cpu->fpu.reg[(cpu->fpu.top + r->index) & 7];
        st64(out, reg->man);
        st16(out + 8, reg->se);
    } else if (r->what == XMM) {
        st64(out, VQ(&cpu->xmm[r->index], 0));
        st64(out + 8, VQ(&cpu->xmm[r->index], 1));
    } else {
        st_le(out, scalar_read(cpu, r), size);
    }
    return size;
}

bool gdb_register_write(const struct gdb_layout *l, struct cpu *cpu, unsigned n, const u8 *in)
{
    const struct row *r = find(l, n);
    if (!r)
        return false;
    unsigned size = r->bits[l->wide] / 8;
    if (r->what == ST) {
        struct x87_reg *reg = &cpu->fpu.reg[(cpu->fpu.top + r->index) & 7];
        reg->man = ld64(in);
        reg->se = ld16(in + 8);
    } else if (r->what == XMM) {
        VQ(&cpu->xmm[r->index], 0) = ld64(in);
        VQ(&cpu->xmm[r->index], 1) = ld64(in + 8);
    } else {
        return scalar_write(cpu, r, ld_le(in, size), size);
    }
    return true;
}

bool gdb_registers_write(const struct gdb_layout *l, struct cpu *cpu, const u8 *in, size_t size)
{
    unsigned n = 0, pc = 0;
    size_t at = 0, pc_at = 0;
    while (n < l->count && at < size)
        at += gdb_register_size(l, n++);
    if (at != size)
        return false;
    at = 0;
    bool taken = true;
    for (unsigned i = 0; i < n; i++) {
        if (find(l, i)->what == PC) {
            pc = i;
            pc_at = at;
        } else {
            taken &= gdb_register_write(l, cpu, i, in + at);
        }
        at += gdb_register_size(l, i);
    }
    if (pc) /* the linear one that a debugger has read or means to read back, never an offset */
        reg_set_pc(cpu, ld_le(in + pc_at, gdb_register_size(l, pc)));
    return taken;
}

/* ---- target.xml ---- */

struct flag {
    const char *name;
    u8 start, end;
};
static const struct flag eflags_bits[] = {
    {"CF", 0, 0},   {"", 1, 1},     {"PF", 2, 2},   {"AF", 4, 4},    {"ZF", 6, 6},     {"SF", 7, 7},
    {"TF", 8, 8},   {"IF", 9, 9},   {"DF", 10, 10}, {"OF", 11, 11},  {"IOPL", 12, 13}, {"NT", 14, 14},
    {"RF", 16, 16}, {"VM", 17, 17}, {"AC", 18, 18}, {"VIF", 19, 19}, {"VIP", 20, 20},  {"ID", 21, 21}};
static const struct flag cr0_bits[] = {{"PE", 0, 0},   {"MP", 1, 1},   {"EM", 2, 2},   {"TS", 3, 3},
                                       {"ET", 4, 4},   {"NE", 5, 5},   {"WP", 16, 16}, {"AM", 18, 18},
                                       {"NW", 29, 29}, {"CD", 30, 30}, {"PG", 31, 31}};
static const struct flag cr4_bits[] = {
    {"VME", 0, 0},          {"PVI", 1, 1},    {"TSD", 2, 2},        {"DE", 3, 3},      {"PSE", 4, 4},
    {"PAE", 5, 5},          {"MCE", 6, 6},    {"PGE", 7, 7},        {"PCE", 8, 8},     {"OSFXSR", 9, 9},
    {"OSXMMEXCPT", 10, 10}, {"UMIP", 11, 11}, {"FSGSBASE", 16, 16}, {"PCIDE", 17, 17}, {"OSXSAVE", 18, 18},
    {"SMEP", 20, 20},       {"SMAP", 21, 21}, {"PKE", 22, 22},      {"PKS", 24, 24}};
static const struct flag efer_bits[] = {{"SCE", 0, 0}, {"LME", 8, 8}, {"LMA", 10, 10}, {"NXE", 11, 11}};
static const struct flag mxcsr_bits[] = {{"IE", 0, 0},   {"DE", 1, 1},   {"ZE", 2, 2},   {"OE", 3, 3},
                                         {"UE", 4, 4},   {"PE", 5, 5},   {"DAZ", 6, 6},  {"IM", 7, 7},
                                         {"DM", 8, 8},   {"ZM", 9, 9},   {"OM", 10, 10}, {"UM", 11, 11},
                                         {"PM", 12, 12}, {"RC", 13, 14}, {"FZ", 15, 15}};

static void write_flags(FILE *f, const char *id, unsigned size, const struct flag *flags, size_t n)
{
    fprintf(f, "<flags id=\"%s\" size=\"%u\">", id, size);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>", flags[i].name, flags[i].start, flags[i].end);
    fprintf(f, "</flags>\n");
}

static void write_core_types(FILE *f, unsigned word)
{
    write_flags(f, "x_eflags", 4, eflags_bits, ARRAY_LEN(eflags_bits));
    write_flags(f, "x_cr0", word, cr0_bits, ARRAY_LEN(cr0_bits));
    write_flags(f, "x_cr4", word, cr4_bits, ARRAY_LEN(cr4_bits));
    write_flags(f, "x_efer", word, efer_bits, ARRAY_LEN(efer_bits));
}

static void write_vector_types(FILE *f)
{
    static const struct {
        const char *id, *element, *field;
        unsigned count;
    } vectors[] = {{"v4f", "ieee_single", "v4_float", 4}, {"v2d", "ieee_double", "v2_double", 2},
                   {"v16i8", "int8", "v16_int8", 16},     {"v8i16", "int16", "v8_int16", 8},
                   {"v4i32", "int32", "v4_int32", 4},     {"v2i64", "int64", "v2_int64", 2}};
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        fprintf(f, "<vector id=\"%s\" type=\"%s\" count=\"%u\"/>\n", vectors[i].id, vectors[i].element,
                vectors[i].count);
    fprintf(f, "<union id=\"vec128\">");
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        fprintf(f, "<field name=\"%s\" type=\"%s\"/>", vectors[i].field, vectors[i].id);
    fprintf(f, "<field name=\"uint128\" type=\"uint128\"/></union>\n");
    write_flags(f, "x_mxcsr", 4, mxcsr_bits, ARRAY_LEN(mxcsr_bits));
}

char *gdb_target_xml(const struct gdb_layout *l)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    fprintf(f,
            "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target>"
            "<architecture>%s</architecture>\n<feature name=\"org.gnu.gdb.i386.core\">\n",
            l->architecture);
    write_core_types(f, l->wide ? 8 : 4);
    for (unsigned i = 0; i < l->count; i++) {
        const struct row *r = find(l, i);
        char type[16];
        if (r->what == XMM && r->index == 0) {
            fprintf(f, "</feature>\n<feature name=\"org.gnu.gdb.i386.sse\">\n");
            write_vector_types(f);
        }
        bool sized = !strcmp(r->type, "int") && r->what != FPU;
        snprintf(type, sizeof(type), "int%u", r->bits[l->wide]);
        fprintf(f, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"%s/>\n", r->name[l->wide], r->bits[l->wide],
                sized ? type : r->type,
                r->what == FPU     ? " group=\"float\""
                : r->what == MXCSR ? " group=\"vector\""
                                   : "");
    }
    fprintf(f, "</feature></target>\n");
    fclose(f);
    return text;
}
