/*
 * Registers for debuggers (registers.h). Reads state directly; writes go
 * through the CPU's own functions where anything is derived from the value.
 */
#include "frontend/registers.h"

#include <stdlib.h>
#include <strings.h>

#include "cpu/flags.h"

unsigned reg_code_bits(const struct cpu *cpu)
{
    static const unsigned bits[] = {16, 32, 64, 64};
    return bits[cpu->mode & MODE_CODE];
}

u64 reg_pc(const struct cpu *cpu)
{
    u64 ip = cpu->gpr[SLOT_RIP];
    return (cpu->mode & MODE_CODE) == MODE_CODE64 ? ip : (u32)(cpu->seg[CS].base + ip);
}

void reg_set_pc(struct cpu *cpu, u64 lin)
{
    bool wide = (cpu->mode & MODE_CODE) == MODE_CODE64;
    cpu->gpr[SLOT_RIP] = wide ? lin : (u32)(lin - cpu->seg[CS].base);
}

void reg_set_eflags(struct cpu *cpu, u32 v)
{
    static const u32 writable = FL_TF | FL_IF | FL_DF | FL_IOPL | FL_NT | FL_RF | FL_AC | FL_VIF | FL_VIP | FL_ID;
    cpu_set_eflags(cpu, v, writable);
    cpu_update_mode(cpu);
}

static bool read_descriptor(struct cpu *cpu, u16 sel, u64 *desc)
{
    u64 base = sel & 4 ? cpu->ldtr.base : cpu->gdtr.base;
    u64 limit = sel & 4 ? cpu->ldtr.limit : cpu->gdtr.limit;
    u8 raw[8];
    if ((u64)(sel & ~7u) + 7 > limit || !cpu_debug_read(cpu, base + (sel & ~7u), raw, sizeof(raw)))
        return false;
    *desc = ld64(raw);
    return true;
}

bool reg_set_selector(struct cpu *cpu, enum segreg s, u16 sel)
{
    u64 d;
    struct seg *seg = &cpu->seg[s];
    if (!(cpu->cr0 & CR0_PE) || (cpu->eflags & FL_VM)) {
        seg->sel = sel;
        seg->base = (u64)sel << 4;
    } else if (!(sel & ~3u)) {
        seg->sel = sel;
        seg->attr |= SEG_UNUSABLE;
    } else if (read_descriptor(cpu, sel, &d)) {
        u32 limit = (u32)(d & 0xffff) | ((u32)(d >> 32) & 0xf0000);
        seg->sel = sel;
        seg->attr = (u32)(d >> 40) & 0xf0ff;
        seg->limit = seg->attr & SEG_G ? limit << 12 | 0xfff : limit;
        seg->base = (d >> 16 & 0xffffff) | (d >> 32 & 0xff000000);
    } else {
        return false;
    }
    cpu_update_mode(cpu);
    return true;
}

/* Names of the sixteen by size; the first eight have old names. */
static const char *const gpr64[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"};
static const char *const gpr8[] = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"};
static const char *const gpr8h[] = {"ah", "ch", "dh", "bh"};
static const char *const segs[] = {"es", "cs", "ss", "ds", "fs", "gs"};

/* r8, r8d, r8w, r8b ... */
static bool numbered(struct cpu *cpu, const char *name, u64 *val)
{
    char *end;
    if (name[0] != 'r' || name[1] < '1' || name[1] > '9')
        return false;
    unsigned long n = strtoul(name + 1, &end, 10);
    if (n < 8 || n > 15 || (*end && end[1]))
        return false;
    u64 v = cpu->gpr[n];
    switch (*end) {
    case 0:
        *val = v;
        return true;
    case 'd':
        *val = (u32)v;
        return true;
    case 'w':
        *val = (u16)v;
        return true;
    case 'b':
        *val = (u8)v;
        return true;
    default:
        return false;
    }
}

static bool general(struct cpu *cpu, const char *name, u64 *val)
{
    for (unsigned i = 0; i < ARRAY_LEN(gpr64); i++) {
        u64 v = cpu->gpr[i];
        if (!strcmp(name, gpr64[i]))
            return *val = v, true;
        if (name[0] == 'e' && !strcmp(name + 1, gpr64[i] + 1))
            return *val = (u32)v, true;
        if (!strcmp(name, gpr64[i] + 1))
            return *val = (u16)v, true;
        if (!strcmp(name, gpr8[i]))
            return *val = (u8)v, true;
        if (i < ARRAY_LEN(gpr8h) && !strcmp(name, gpr8h[i]))
            return *val = (u8)(v >> 8), true;
    }
    return numbered(cpu, name, val);
}

static bool segment(struct cpu *cpu, const char *name, u64 *val)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        if (strncmp(name, segs[i], 2) != 0)
            continue;
        if (!name[2])
            return *val = cpu->seg[i].sel, true;
        if (!strcmp(name + 2, "_base") || !strcmp(name + 2, ".base"))
            return *val = cpu->seg[i].base, true;
        if (!strcmp(name + 2, ".limit"))
            return *val = cpu->seg[i].limit, true;
    }
    return false;
}

bool reg_by_name(struct cpu *cpu, const char *name, u64 *val)
{
    char low[24];
    size_t n = strlen(name);
    if (n >= sizeof(low))
        return false;
    for (size_t i = 0; i <= n; i++)
        low[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
    const struct {
        const char *name;
        u64 value;
    } others[] = {{"rip", cpu->gpr[SLOT_RIP]},
                  {"eip", (u32)cpu->gpr[SLOT_RIP]},
                  {"ip", (u16)cpu->gpr[SLOT_RIP]},
                  {"pc", reg_pc(cpu)},
                  {"eflags", cpu_eflags(cpu)},
                  {"rflags", cpu_eflags(cpu)},
                  {"efl", cpu_eflags(cpu)},
                  {"cr0", cpu->cr0},
                  {"cr2", cpu->cr2},
                  {"cr3", cpu->cr3},
                  {"cr4", cpu->cr4},
                  {"dr0", cpu->dr[0]},
                  {"dr1", cpu->dr[1]},
                  {"dr2", cpu->dr[2]},
                  {"dr3", cpu->dr[3]},
                  {"dr6", cpu->dr[6]},
                  {"dr7", cpu->dr[7]},
                  {"efer", cpu->efer},
                  {"gdt", cpu->gdtr.base},
                  {"idt", cpu->idtr.base},
                  {"ldt", cpu->ldtr.sel},
                  {"tr", cpu->tr.sel},
                  {"k_gs_base", cpu->kernel_gs_base},
                  {"fctrl", cpu->fpu.fcw},
                  {"sp", cpu->gpr[RSP] & cpu->sp_mask},
                  {"fp", cpu->gpr[RBP]}};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (!strcmp(low, others[i].name))
            return *val = others[i].value, true;
    }
    return general(cpu, low, val) || segment(cpu, low, val);
}
