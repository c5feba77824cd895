/*
 * Segmentation (SDM vol. 3, chapters 3 and 5): descriptor tables, loads of
 * segment registers with their checks, limit and type checks of accesses.
 * Privilege is checked when a register is loaded, type and limit at each use.
 */
#include "cpu/system/sys.h"

u64 desc_base(const struct desc *d) { return (d->lo >> 16) | (d->hi & 0xff) << 16 | (d->hi & 0xff000000u); }

u32 desc_limit(const struct desc *d)
{
    u32 limit = (d->lo & 0xffff) | (d->hi & 0xf0000);
    return d->hi & BIT(23) ? limit << 12 | 0xfff : limit;
}

void raise_sel(struct cpu *cpu, u8 vector, u16 sel) { cpu_raise_error(cpu, vector, (sel & 0xfffcu) | cpu->exc_ext); }

/* Linear address of the selector's entry, if 'size' bytes of it are in the table. */
static bool desc_address(const struct cpu *cpu, u16 sel, unsigned size, u64 *addr)
{
    u64 base = cpu->gdtr.base;
    u32 limit = cpu->gdtr.limit;
    if (sel & 4) {
        if (cpu->ldtr.attr & SEG_UNUSABLE)
            return false;
        base = cpu->ldtr.base;
        limit = cpu->ldtr.limit;
    }
    u32 offset = sel & 0xfff8u;
    *addr = is_long(cpu) ? base + offset : (u32)(base + offset);
    return offset + size - 1 <= limit;
}

bool desc_read(struct cpu *cpu, u16 sel, struct desc *d)
{
    if (!desc_address(cpu, sel, 8, &d->addr))
        return false;
    u64 raw = sysmem_read(cpu, d->addr, 8);
    d->lo = (u32)raw;
    d->hi = (u32)(raw >> 32);
    return true;
}

void desc_fetch(struct cpu *cpu, u16 sel, u8 vector, struct desc *d)
{
    if (!desc_read(cpu, sel, d))
        raise_sel(cpu, vector, sel);
}

u64 desc_base_high(struct cpu *cpu, const struct desc *d, u16 sel, u8 vector)
{
    u64 addr;
    if (!desc_address(cpu, sel, 16, &addr))
        raise_sel(cpu, vector, sel);
    u64 raw = sysmem_read(cpu, d->addr + 8, 8);
    if (raw >> 40 & 0x1f) /* the type field of the upper half must be zero */
        raise_sel(cpu, vector, sel);
    return raw << 32;
}

void desc_set_accessed(struct cpu *cpu, struct desc *d)
{
    if (d->hi & BIT(8))
        return;
    d->hi |= BIT(8);
    sysmem_write(cpu, d->addr + 4, d->hi, 4);
}

void desc_set_busy(struct cpu *cpu, const struct desc *d, bool busy)
{
    u32 bit = (u32)SYS_BUSY << 8;
    u32 hi = (u32)sysmem_read(cpu, d->addr + 4, 4);
    sysmem_write(cpu, d->addr + 4, busy ? hi | bit : hi & ~bit, 4);
}

struct seg seg_of(u16 sel, const struct desc *d)
{
    return (struct seg){.sel = sel, .attr = desc_attr(d), .limit = desc_limit(d), .base = desc_base(d)};
}

struct seg seg_null(u16 sel) { return (struct seg){.sel = sel, .attr = SEG_UNUSABLE}; }

bool seg_in_limit(const struct seg *seg, u64 off, unsigned size)
{
    u64 last = off + size - 1;
    if ((seg->attr & (SEG_CODE | SEG_E)) == SEG_E) { /* expand-down data */
        u64 top = seg->attr & SEG_DB ? 0xffffffffu : 0xffffu;
        return off > seg->limit && last <= top;
    }
    /* A 4 GiB segment wraps, here and in the flat fast path alike. */
    return last <= seg->limit || seg->limit == 0xffffffffu;
}

u64 seg_lin(struct cpu *cpu, enum segreg s, u64 off, unsigned size, bool write)
{
    const struct seg *seg = &cpu->seg[s];
    if (is_code64(cpu))
        return lin64(cpu, s, off);
    u8 vector = s == SS ? EXC_SS : EXC_GP;
    if (seg->attr & SEG_UNUSABLE)
        cpu_raise_error(cpu, vector, 0);
    /* Real mode ignores what the type says: CS is writable there. */
    if (is_protected(cpu) && !is_v86(cpu)) {
        bool code = seg->attr & SEG_CODE;
        bool ok = write ? !code && (seg->attr & SEG_W) : !code || (seg->attr & SEG_R);
        if (!ok)
            cpu_raise_error(cpu, EXC_GP, 0);
    }
    if (!seg_in_limit(seg, off, size))
        cpu_raise_error(cpu, vector, 0);
    return (u32)(seg->base + off);
}

void seg_load_real(struct cpu *cpu, enum segreg s, u16 sel)
{
    struct seg *seg = &cpu->seg[s];
    seg->sel = sel;
    seg->base = (u32)sel << 4;
    if (is_v86(cpu)) {
        seg->limit = 0xffff;
        seg->attr = SEG_P | SEG_DPL | SEG_S | SEG_W | SEG_A;
    } else {
        seg->attr &= ~(u32)SEG_UNUSABLE;
    }
}

void ss_check(struct cpu *cpu, u16 sel, unsigned cpl, u8 vector, struct desc *d)
{
    desc_fetch(cpu, sel, vector, d);
    if ((sel & 3u) != cpl || !desc_is_stack(d) || desc_dpl(d) != cpl)
        raise_sel(cpu, vector, sel);
    if (!desc_present(d))
        raise_sel(cpu, EXC_SS, sel);
}

static void load_ss(struct cpu *cpu, u16 sel)
{
    struct desc d;
    if (!(sel & 0xfffc)) {
        if (!is_code64(cpu) || cpu->cpl == 3 || (sel & 3u) != cpu->cpl)
            raise_gp(cpu, cpu->exc_ext);
        cpu->seg[SS] = seg_null(sel);
        return;
    }
    ss_check(cpu, sel, cpu->cpl, EXC_GP, &d);
    desc_set_accessed(cpu, &d);
    cpu->seg[SS] = seg_of(sel, &d);
}

/* What cpu_update_mode looks at is the same. */
static bool same_kind(const struct seg *a, const struct seg *b)
{
    return a->base == b->base && a->limit == b->limit && a->attr == b->attr;
}

void seg_load(struct cpu *cpu, enum segreg s, u16 sel)
{
    struct desc d;
    const struct seg old = cpu->seg[s];
    if (is_real_like(cpu)) {
        seg_load_real(cpu, s, sel);
    } else if (s == SS) {
        load_ss(cpu, sel);
    } else if (!(sel & 0xfffc)) {
        cpu->seg[s] = seg_null(sel);
        if (is_amd(cpu) && s >= FS)
            cpu->seg[s].base = old.base;
    } else {
        desc_fetch(cpu, sel, EXC_GP, &d);
        bool readable = desc_is_data(&d) || (desc_is_code(&d) && (desc_attr(&d) & SEG_R));
        bool shielded = !desc_is_conforming(&d) && MAX(sel & 3u, cpu->cpl) > desc_dpl(&d);
        if (!readable || shielded)
            raise_sel(cpu, EXC_GP, sel);
        if (!desc_present(&d))
            raise_sel(cpu, EXC_NP, sel);
        desc_set_accessed(cpu, &d);
        cpu->seg[s] = seg_of(sel, &d);
    }
    if (same_kind(&old, &cpu->seg[s]))
        return;
    if (s < FS)
        cpu_update_mode(cpu);
    else if (!is_code64(cpu))
        cpu_update_reach(cpu);
}

void cs_set(struct cpu *cpu, u16 sel, struct desc *d, unsigned cpl)
{
    desc_set_accessed(cpu, d);
    cpu->seg[CS] = seg_of((u16)((sel & 0xfffc) | cpl), d);
    cpu->cpl = (u8)cpl;
}

void segs_drop_privileged(struct cpu *cpu)
{
    static const u8 data[] = {ES, DS, FS, GS};
    for (unsigned i = 0; i < ARRAY_LEN(data); i++) {
        struct seg *seg = &cpu->seg[data[i]];
        bool conforming = (seg->attr & (SEG_CODE | SEG_C)) == (SEG_CODE | SEG_C);
        if (!(seg->attr & SEG_UNUSABLE) && !conforming && ((seg->attr & SEG_DPL) >> SEG_DPL_SHIFT) < cpu->cpl)
            *seg =
                (struct seg){.attr = SEG_UNUSABLE, .base = seg->base}; /* 64-bit code still sees FS's and GS's base */
    }
}

void code_offset_check(struct cpu *cpu, const struct desc *cs, u64 off)
{
    bool ok = is_long(cpu) && desc_is_long(cs) ? is_canonical(off) : off <= desc_limit(cs);
    if (!ok)
        raise_gp(cpu, cpu->exc_ext);
}
