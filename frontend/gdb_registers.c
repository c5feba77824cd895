/*
 * gdb's registers (gdb_registers.h), from gdb_registers.def. Every write
 * leaves a state the CPU can run in: what is derived is recomputed, what does
 * not exist is refused.
 */
#include "frontend/gdb_registers.h"

#include <stdlib.h>

#include "cpu/system/cpuid.h"
#include "frontend/registers.h"

enum { NARROW, WIDE };
static const struct row {
    struct {
        const char *name; /* of cpu/slots.def */
        u8 number, bits;  /* 0 bits: not in this layout */
    } in[2];
    const char *type, *group;
} rows[] = {
#define GDB_REG(name32, number32, bits32, name64, number64, bits64, type, group)                                       \
    {{{name32, number32, bits32}, {name64, number64, bits64}}, type, group},
#include "frontend/gdb_registers.def"
#undef GDB_REG
};

struct gdb_layout {
    const char *architecture; /* gdb's name, by which it disassembles */
    unsigned wide;
};
/* Inputs that were recorded name a layout by its index here. */
static const struct gdb_layout layouts[] = {{"i8086", NARROW}, {"i386", NARROW}, {"i386:x86-64", WIDE}};
enum { LAYOUT_16, LAYOUT_32, LAYOUT_64 };

const struct gdb_layout *gdb_layout_for(const struct cpu *cpu)
{
    /* A CPU that can do long mode is described as x86-64, as debuggers of 64-bit kernels attach before it is
     * entered; unless a 32-bit system with paging runs on it. */
    bool narrow = !cpu_has(cpu, FEAT_LM) || ((cpu->cr0 & CR0_PG) && !(cpu->efer & EFER_LMA));
    return narrow ? &layouts[LAYOUT_32] : &layouts[LAYOUT_64];
}

const struct gdb_layout *gdb_layout_now(const struct cpu *cpu)
{
    unsigned bits = reg_code_bits(cpu);
    return bits == 16 ? &layouts[LAYOUT_16] : bits == 32 ? &layouts[LAYOUT_32] : &layouts[LAYOUT_64];
}

unsigned gdb_register_count(const struct gdb_layout *l)
{
    unsigned n = 0;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        n += rows[i].in[l->wide].bits != 0;
    return n;
}

static const struct row *find(const struct gdb_layout *l, unsigned n)
{
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].in[l->wide].bits && rows[i].in[l->wide].number == n)
            return &rows[i];
    return NULL;
}

unsigned gdb_register_size(const struct gdb_layout *l, unsigned n)
{
    const struct row *r = find(l, n);
    return r ? r->in[l->wide].bits / 8 : 0;
}

static bool is_pc(const struct row *r) { return !strcmp(r->type, "code_ptr"); }

unsigned gdb_register_read(const struct gdb_layout *l, struct cpu *cpu, unsigned n, u8 *out)
{
    const struct row *r = find(l, n);
    if (!r)
        return 0;
    unsigned size = r->in[l->wide].bits / 8;
    u8 raw[CPU_REG_MAX] = {0};
    if (is_pc(r))
        st64(raw, reg_pc(cpu));
    else
        cpu_reg_read(cpu, r->in[l->wide].name, raw);
    memcpy(out, raw, size);
    return size;
}

/* In 16-bit code an address that is no linear one inside CS is taken for an offset. */
static void write_pc(struct cpu *cpu, u64 v)
{
    const struct seg *cs = &cpu->seg[CS];
    bool offset = reg_code_bits(cpu) == 16 && v - cs->base > cs->limit && v <= cs->limit;
    reg_set_pc(cpu, offset ? v + cs->base : v);
}

static bool register_write(const struct gdb_layout *l, struct cpu *cpu, unsigned n, const u8 *in)
{
    const struct row *r = find(l, n);
    u8 raw[CPU_REG_MAX] = {0}, old[CPU_REG_MAX];
    if (!r)
        return false;
    unsigned size = gdb_register_read(l, cpu, n, old);
    /* Debuggers write back all registers: what did not change has no effect, a selector keeps its hidden part. */
    if (!memcmp(old, in, size))
        return true;
    memcpy(raw, in, size);
    if (!is_pc(r))
        return cpu_reg_write(cpu, r->in[l->wide].name, raw);
    write_pc(cpu, ld64(raw));
    return true;
}

/*
 * All of them, one behind the other, or the first ones that make 'size' bytes. The program counter is set last: what
 * was written is what is read, whichever base or mode came with it.
 */
static bool registers_write(const struct gdb_layout *l, struct cpu *cpu, const u8 *in, size_t size)
{
    unsigned n = 0, pc = 0;
    size_t at = 0, pc_at = 0;
    while (n < gdb_register_count(l) && at < size)
        at += gdb_register_size(l, n++);
    if (at != size)
        return false;
    at = 0;
    bool taken = true;
    for (unsigned i = 0; i < n; i++) {
        if (is_pc(find(l, i))) {
            pc = i;
            pc_at = at;
        } else {
            taken &= register_write(l, cpu, i, in + at);
        }
        at += gdb_register_size(l, i);
    }
    if (pc) /* the linear one that a debugger has read or means to read back, never an offset */
        reg_set_pc(cpu, ld_le(in + pc_at, gdb_register_size(l, pc)));
    return taken;
}

bool gdb_write_registers(struct cpu *cpu, unsigned layout, int number, const u8 *in, size_t size)
{
    const struct gdb_layout *l = layout < ARRAY_LEN(layouts) ? &layouts[layout] : NULL;
    if (!l)
        return false;
    if (number == GDB_ALL)
        return registers_write(l, cpu, in, size);
    if (number == GDB_LINEAR_PC && size == 8)
        reg_set_pc(cpu, ld64(in));
    else
        return number >= 0 && size == gdb_register_size(l, (unsigned)number) &&
               register_write(l, cpu, (unsigned)number, in);
    return true;
}

unsigned gdb_layout_index(const struct gdb_layout *l) { return (unsigned)(l - layouts); }

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
    bool vectors = false;
    for (unsigned i = 0; i < gdb_register_count(l); i++) {
        const struct row *r = find(l, i);
        unsigned bits = r->in[l->wide].bits;
        char type[16];
        if (!vectors && !strcmp(r->type, "vec128")) {
            vectors = true;
            fprintf(f, "</feature>\n<feature name=\"org.gnu.gdb.i386.sse\">\n");
            write_vector_types(f);
        }
        snprintf(type, sizeof(type), "int%u", bits);
        fprintf(f, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"", r->in[l->wide].name, bits,
                !strcmp(r->type, "int") && !r->group ? type : r->type);
        fprintf(f, r->group ? " group=\"%s\"/>\n" : "/>\n", r->group);
    }
    fprintf(f, "</feature></target>\n");
    fclose(f);
    return text;
}
