/*
 * Registers for debuggers (registers.h): the program counter, and names that the
 * CPU's own list (cpu/slots.def) does not have.
 */
#include "frontend/registers.h"

#include <ctype.h>
#include <strings.h>

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

/* What goes by another name than the CPU's own list has: some bytes of a register. */
static const struct alias {
    const char *name, *of;
    u8 shift, bytes;
} aliases[] = {
    {"rflags", "eflags", 0, 4}, {"efl", "eflags", 0, 4}, {"ip", "rip", 0, 2},  {"gdt", "gdtr_base", 0, 8},
    {"idt", "idtr_base", 0, 8}, {"ldt", "ldtr", 0, 2},   {"fp", "rbp", 0, 8},  {"ax", "rax", 0, 2},
    {"cx", "rcx", 0, 2},        {"dx", "rdx", 0, 2},     {"bx", "rbx", 0, 2},  {"bp", "rbp", 0, 2},
    {"si", "rsi", 0, 2},        {"di", "rdi", 0, 2},     {"al", "rax", 0, 1},  {"cl", "rcx", 0, 1},
    {"dl", "rdx", 0, 1},        {"bl", "rbx", 0, 1},     {"spl", "rsp", 0, 1}, {"bpl", "rbp", 0, 1},
    {"sil", "rsi", 0, 1},       {"dil", "rdi", 0, 1},    {"ah", "rax", 8, 1},  {"ch", "rcx", 8, 1},
    {"dh", "rdx", 8, 1},        {"bh", "rbx", 8, 1},
};

static bool read_some(struct cpu *cpu, const char *name, unsigned shift, unsigned bytes, u64 *val)
{
    u8 raw[CPU_REG_MAX];
    unsigned size = cpu_reg_read(cpu, name, raw);
    if (!size || size > 8)
        return false;
    *val = ld_le(raw, size) >> shift;
    *val &= bytes < 8 ? BIT64(8 * bytes) - 1 : ~0ull;
    return true;
}

/* r8d, r8w, r8b ...; cs.base, cs.limit ... */
static bool suffixed(struct cpu *cpu, const char *name, u64 *val)
{
    char base[24];
    size_t n = strlen(name);
    if (n < 3 || n >= sizeof(base))
        return false;
    memcpy(base, name, n + 1);
    if (base[2] == '.') {
        base[2] = '_';
        return read_some(cpu, base, 0, 8, val);
    }
    const char last = (char)tolower((u8)name[n - 1]);
    unsigned bytes = last == 'd' ? 4 : last == 'w' ? 2 : last == 'b' ? 1 : 0;
    base[n - 1] = 0;
    return bytes && base[1] >= '1' && base[1] <= '9' && read_some(cpu, base, 0, bytes, val);
}

bool reg_by_name(struct cpu *cpu, const char *name, u64 *val)
{
    if (!strcasecmp(name, "pc"))
        return *val = reg_pc(cpu), true;
    if (!strcasecmp(name, "sp"))
        return *val = cpu->gpr[RSP] & cpu->sp_mask, true;
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
        if (!strcasecmp(name, aliases[i].name))
            return read_some(cpu, aliases[i].of, aliases[i].shift, aliases[i].bytes, val);
    return read_some(cpu, name, 0, 8, val) || suffixed(cpu, name, val);
}
