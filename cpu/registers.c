/*
 * Registers by name, for debuggers and monitors: slots.def is the list. What
 * is derived from a register follows when it is written.
 */
#include "cpu/cpu.h"
#include "cpu/flags.h"
#include "cpu/system/sys.h"
#include "cpu/x87/x87.h"

#include <strings.h>

enum reg_kind {
    REG_PLAIN,
    REG_SEL,
    REG_EFLAGS,
    REG_ST,
    REG_FTAG,
    REG_FSTAT,
    REG_FOP,
    REG_CONTROL,
    REG_TPR,
    REG_VEC,
    REG_COUNTER
};
struct reg_name {
    const char *name;
    u8 size;   /* as debuggers see it */
    u8 kind;   /* enum reg_kind */
    u16 field; /* bytes of the member */
    u16 offset;
    u8 number;
};
static const struct reg_name reg_names[] = {
#define REG(name, size, kind, member, number)                                                                          \
    {name, size, REG_##kind, sizeof(((struct cpu *)0)->member), offsetof(struct cpu, member), number},
#include "cpu/slots.def"
#undef REG
};

static const struct reg_name *reg_find(const char *name)
{
    for (unsigned i = 0; i < ARRAY_LEN(reg_names); i++)
        if (strcasecmp(reg_names[i].name, name) == 0)
            return &reg_names[i];
    return NULL;
}

static const char *name_of(unsigned kind, size_t offset, unsigned size)
{
    for (unsigned i = 0; i < ARRAY_LEN(reg_names); i++)
        if (reg_names[i].kind == kind && reg_names[i].offset == offset && reg_names[i].size == size)
            return reg_names[i].name;
    return NULL;
}
const char *cpu_gpr_name(unsigned slot) { return name_of(REG_PLAIN, offsetof(struct cpu, gpr[slot]), 8); }
const char *cpu_seg_name(enum segreg s) { return name_of(REG_SEL, offsetof(struct cpu, seg[s].sel), 2); }

unsigned cpu_reg_read(struct cpu *cpu, const char *name, void *out)
{
    const struct reg_name *r = reg_find(name);
    if (!r)
        return 0;
    const u8 *member = (const u8 *)cpu + r->offset;
    u64 v = 0;
    switch (r->kind) {
    case REG_EFLAGS:
        v = cpu_eflags(cpu);
        break;
    case REG_FTAG:
        v = x87_tag_word(&cpu->fpu);
        break;
    case REG_FSTAT:
        v = x87_fsw(&cpu->fpu);
        break;
    case REG_COUNTER:
        v = cpu_icount(cpu);
        break;
    case REG_TPR:
        v = cpu->env->tpr_read(cpu->env->world, cpu);
        break;
    case REG_ST: {
        const struct x87_reg *st = &cpu->fpu.reg[(cpu->fpu.top + r->number) & 7];
        st64(out, st->man);
        st16((u8 *)out + 8, st->se);
        return r->size;
    }
    case REG_VEC:
        for (unsigned i = 0; i < r->size / 8u; i++)
            st64((u8 *)out + 8 * i, VQ(&cpu->xmm[r->number], i));
        return r->size;
    default:
        v = host_value(member, r->field);
        break;
    }
    st_le(out, v, r->size);
    return r->size;
}

/* As a debugger's user expects: the hidden part follows, if the selector can be loaded at all. */
static bool write_selector(struct cpu *cpu, unsigned s, u16 sel)
{
    struct desc d;
    u8 raw[8];
    if (is_real_like(cpu)) {
        seg_load_real(cpu, s, sel);
        return true;
    }
    if (!(sel & 0xfffc) && s != CS)
        cpu->seg[s] = seg_null(sel);
    if (!(sel & 0xfffc))
        return s != CS;
    u64 base = sel & 4 ? cpu->ldtr.base : cpu->gdtr.base;
    u32 limit = sel & 4 ? cpu->ldtr.limit : cpu->gdtr.limit;
    if ((sel | 7u) > limit || !cpu_debug_read(cpu, base + (sel & 0xfff8u), raw, 8))
        return false;
    d = (struct desc){.lo = ld32(raw), .hi = ld32(raw + 4)};
    bool usable = desc_present(&d) && (s == CS ? desc_is_code(&d) : desc_is_seg(&d));
    if (usable)
        cpu->seg[s] = seg_of(sel, &d);
    return usable;
}

bool cpu_reg_write(struct cpu *cpu, const char *name, const void *in)
{
    const struct reg_name *r = reg_find(name);
    if (!r || r->kind == REG_COUNTER)
        return false;
    u8 *member = (u8 *)cpu + r->offset;
    u64 v = r->size <= 8 ? ld_le(in, r->size) : 0;
    bool ok = true;
    switch (r->kind) {
    case REG_SEL:
        ok = write_selector(cpu, r->number, (u16)v);
        break;
    case REG_EFLAGS:
        cpu_set_eflags(cpu, (u32)v, ~(u32)FL_VM);
        break;
    case REG_FTAG:
        cpu->fpu.ftw = x87_abridged_tags((u16)v);
        break;
    case REG_FSTAT:
        x87_set_fsw(&cpu->fpu, (u16)v);
        break;
    case REG_ST:
        cpu->fpu.reg[(cpu->fpu.top + r->number) & 7] = (struct x87_reg){ld64(in), ld16((const u8 *)in + 8)};
        break;
    case REG_VEC:
        for (unsigned i = 0; i < r->size / 8u; i++)
            VQ(&cpu->xmm[r->number], i) = ld64((const u8 *)in + 8 * i);
        break;
    case REG_FOP:
        cpu->fpu.fop = v & 0x7ff;
        break;
    case REG_CONTROL:
    case REG_TPR:
        return cpu_control_write(cpu, r->number, v);
    default:
        set_host_value(member, v, r->field);
        break;
    }
    cpu_update_mode(cpu);
    return ok;
}
