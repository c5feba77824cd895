/*
 * Hardware task switching (SDM vol. 3, chapter 8): 16- and 32-bit TSSs, by
 * JMP, CALL, IRET with NT, and task gates. Everything of both TSSs is read or
 * proven writable before the commit point; from there on faults belong to the
 * new task, as on silicon, and cpu->cur is NULL because SLOT_RIP is its EIP.
 */
#include "cpu/system/sys.h"

/* Where the fields of a TSS lie. GPRs in encoding order, segments in enum segreg order. */
struct tss_layout {
    u8 size; /* of a slot */
    u8 ip, flags, gpr, seg, nseg, ldt;
    u8 min_limit, last; /* limit needed to switch to it; last byte a switch away writes */
};
static const struct tss_layout tss16 = {2, 0x0e, 0x10, 0x12, 0x22, 4, 0x2a, 0x2b, 0x29};
static const struct tss_layout tss32 = {4, 0x20, 0x24, 0x28, 0x48, 6, 0x60, 0x67, 0x5f};
enum { TSS_LINK = 0, TSS32_CR3 = 0x1c, TSS32_TRAP = 0x64 };

static const struct tss_layout *layout_of(u32 type) { return type & 8 ? &tss32 : &tss16; }

/* A TSS's dynamic part. */
struct task_image {
    u32 ip, flags, cr3;
    u32 gpr[8];
    u16 seg[SEG_COUNT];
    u16 ldt;
    bool trap;
};

u16 task_gate_tss(struct cpu *cpu, const struct desc *gate, struct desc *tss)
{
    u16 sel = (u16)(gate->lo >> 16);
    if ((sel & 4) || !(sel & 0xfffc))
        raise_sel(cpu, EXC_GP, sel);
    desc_fetch(cpu, sel, EXC_GP, tss);
    unsigned type = desc_type(tss);
    if (desc_is_seg(tss) || (type != SYS_TSS16 && type != SYS_TSS32))
        raise_sel(cpu, EXC_GP, sel);
    if (!desc_present(tss))
        raise_sel(cpu, EXC_NP, sel);
    return sel;
}

static void image_read(struct cpu *cpu, u64 base, const struct tss_layout *l, struct task_image *t)
{
    *t = (struct task_image){0};
    t->ip = (u32)sysmem_read(cpu, base + l->ip, l->size);
    t->flags = (u32)sysmem_read(cpu, base + l->flags, l->size);
    for (unsigned i = 0; i < 8; i++)
        t->gpr[i] = (u32)sysmem_read(cpu, base + l->gpr + i * l->size, l->size);
    for (unsigned s = 0; s < l->nseg; s++)
        t->seg[s] = (u16)sysmem_read(cpu, base + l->seg + s * l->size, 2);
    t->ldt = (u16)sysmem_read(cpu, base + l->ldt, 2);
    if (l == &tss32) {
        t->cr3 = (u32)sysmem_read(cpu, base + TSS32_CR3, 4);
        t->trap = sysmem_read(cpu, base + TSS32_TRAP, 2) & 1;
    }
}

static void image_write(struct cpu *cpu, u64 base, const struct tss_layout *l, const struct task_event *e)
{
    u32 flags = e->reason == TASK_IRET ? e->eflags & ~(u32)FL_NT : e->eflags;
    sysmem_write(cpu, base + l->ip, e->ret, l->size);
    sysmem_write(cpu, base + l->flags, flags, l->size);
    for (unsigned i = 0; i < 8; i++)
        sysmem_write(cpu, base + l->gpr + i * l->size, cpu->gpr[i], l->size);
    for (unsigned s = 0; s < l->nseg; s++)
        sysmem_write(cpu, base + l->seg + s * l->size, cpu->seg[s].sel, 2);
}

/* Proves that what the switch will write can be written. */
static void probe_writes(struct cpu *cpu, const struct tss_layout *old, const struct desc *tss, bool links)
{
    unsigned idx = sys_idx(cpu);
    mem_probe_write(cpu, cpu->tr.base + old->ip, old->last - old->ip + 1u, idx);
    mem_probe_write(cpu, tss->addr + 4, 4, idx);
    if (links)
        mem_probe_write(cpu, desc_base(tss) + TSS_LINK, 2, idx);
}

/* Busy bits and back link (SDM vol. 3, table 8-2). */
static void update_descriptors(struct cpu *cpu, const struct desc *tss, const struct desc *old, enum task_reason reason)
{
    if (reason == TASK_JUMP || reason == TASK_IRET)
        desc_set_busy(cpu, old, false);
    if (reason != TASK_IRET)
        desc_set_busy(cpu, tss, true);
    if (reason == TASK_CALL || reason == TASK_INT)
        sysmem_write(cpu, desc_base(tss) + TSS_LINK, cpu->tr.sel, 2);
}

/* ---- after the commit point: the new task's segments ---- */

static void load_ldt(struct cpu *cpu, u16 sel)
{
    struct desc d;
    cpu->ldtr = seg_null(sel);
    if (!(sel & 0xfffc))
        return;
    if ((sel & 4) || !desc_read(cpu, sel, &d) || desc_is_seg(&d) || desc_type(&d) != SYS_LDT || !desc_present(&d))
        raise_sel(cpu, EXC_TS, sel);
    cpu->ldtr = seg_of(sel, &d);
}

static void load_cs(struct cpu *cpu, u16 sel)
{
    struct desc d;
    if (!(sel & 0xfffc) || !desc_read(cpu, sel, &d))
        raise_sel(cpu, EXC_TS, sel);
    unsigned rpl = sel & 3u;
    bool ok = desc_is_code(&d) && (desc_is_conforming(&d) ? desc_dpl(&d) <= rpl : desc_dpl(&d) == rpl);
    if (!ok)
        raise_sel(cpu, EXC_TS, sel);
    if (!desc_present(&d))
        raise_sel(cpu, EXC_NP, sel);
    cs_set(cpu, sel, &d, rpl);
}

static void load_ss(struct cpu *cpu, u16 sel)
{
    struct desc d;
    if (!(sel & 0xfffc) || !desc_read(cpu, sel, &d) || !desc_is_stack(&d))
        raise_sel(cpu, EXC_TS, sel);
    if (!desc_present(&d)) /* comes before the privilege checks here (table 8-1) */
        raise_sel(cpu, EXC_SS, sel);
    if ((sel & 3u) != cpu->cpl || desc_dpl(&d) != cpu->cpl)
        raise_sel(cpu, EXC_TS, sel);
    desc_set_accessed(cpu, &d);
    cpu->seg[SS] = seg_of(sel, &d);
}

static void load_data(struct cpu *cpu, enum segreg s, u16 sel)
{
    struct desc d;
    if (!(sel & 0xfffc))
        return;
    desc_fetch(cpu, sel, EXC_TS, &d);
    bool readable = desc_is_data(&d) || (desc_is_code(&d) && (desc_attr(&d) & SEG_R));
    if (!readable || (!desc_is_conforming(&d) && MAX(sel & 3u, cpu->cpl) > desc_dpl(&d)))
        raise_sel(cpu, EXC_TS, sel);
    if (!desc_present(&d))
        raise_sel(cpu, EXC_NP, sel);
    desc_set_accessed(cpu, &d);
    cpu->seg[s] = seg_of(sel, &d);
}

static void load_segments(struct cpu *cpu, const struct task_image *t)
{
    load_ldt(cpu, t->ldt);
    if (is_v86(cpu)) {
        for (unsigned s = 0; s < SEG_COUNT; s++)
            seg_load_real(cpu, s, t->seg[s]);
        return;
    }
    load_ss(cpu, t->seg[SS]); /* before CS, so that a bad CS finds a stack for its exception (table 8-1's order) */
    load_cs(cpu, t->seg[CS]);
    static const u8 data[] = {ES, DS, FS, GS};
    for (unsigned i = 0; i < ARRAY_LEN(data); i++)
        load_data(cpu, data[i], t->seg[data[i]]);
}

/* Registers of the new task; segments keep bare selectors until their descriptors prove good. */
static void load_registers(struct cpu *cpu, const struct tss_layout *l, const struct task_image *t, bool nested)
{
    u32 flags = t->flags | (nested ? (u32)FL_NT : 0);
    if (l == &tss16)
        flags &= 0xffff;
    flags_from_image(cpu, flags);
    cpu->eflags = (flags & eflags_valid(cpu) & ~(u32)FL_ARITH) | FL_1;
    cpu->keep_rf = (flags & FL_RF) && is_stepping(cpu);
    for (unsigned i = 0; i < 8; i++)
        cpu->gpr[i] = l == &tss16 ? (cpu->gpr[i] & 0xffff0000u) | t->gpr[i] : t->gpr[i];
    for (unsigned s = 0; s < SEG_COUNT; s++)
        cpu->seg[s] = seg_null(t->seg[s]);
    cpu->cpl = is_v86(cpu) ? 3 : t->seg[CS] & 3;
    cpu->gpr[SLOT_RIP] = t->ip;
}

static void push_error(struct cpu *cpu, const struct tss_layout *l, u32 error)
{
    struct frame f;
    frame_current(cpu, &f, l->size);
    frame_push(&f, error);
    frame_write(cpu, &f);
    frame_load(cpu, &f, false);
}

static void load_cr3(struct cpu *cpu, u32 cr3)
{
    u64 pdpte[4];
    if ((cpu->cr4 & CR4_PAE) && !pdptes_load(cpu, cr3, pdpte))
        raise_sel(cpu, EXC_TS, cpu->tr.sel);
    if (cpu->cr4 & CR4_PAE)
        memcpy(cpu->pdpte, pdpte, sizeof(pdpte));
    cpu->cr3 = cr3;
    tlb_flush(cpu, false);
}

void task_switch(struct cpu *cpu, u16 sel, const struct desc *tss, const struct task_event *event)
{
    const struct tss_layout *to = layout_of(desc_type(tss)), *from = layout_of(cpu->tr.attr);
    bool nested = event->reason == TASK_CALL || event->reason == TASK_INT;
    u64 base = desc_base(tss);
    trace(cpu->trace, task, "cpu %u: task %04x -> %04x (%d) at %04x:%llx", cpu->index, cpu->tr.sel, sel,
          (int)event->reason, cpu->seg[CS].sel, (unsigned long long)event->ret);
    if (desc_limit(tss) < to->min_limit)
        raise_sel(cpu, EXC_TS, sel);
    if (cpu->tr.limit < from->last)
        raise_sel(cpu, EXC_TS, cpu->tr.sel);
    struct task_image image;
    struct desc old;
    desc_fetch(cpu, cpu->tr.sel, EXC_TS, &old);
    image_read(cpu, base, to, &image);
    probe_writes(cpu, from, tss, nested);
    mem_probe_write(cpu, old.addr + 4, 4, sys_idx(cpu));
    image_write(cpu, cpu->tr.base, from, event);
    update_descriptors(cpu, tss, &old, event->reason);

    /* The commit point: from here on it is the new task that runs. */
    cpu->cur = NULL;
    cpu->tr = seg_of(sel, tss);
    cpu->tr.attr |= SYS_BUSY;
    cpu->cr0 |= CR0_TS;
    if (cpu->dr[7] & 0x155) { /* L0..L3, LE */
        cpu->dr[7] &= ~(u64)0x155;
        debug_changed(cpu);
    }
    load_registers(cpu, to, &image, nested);
    cpu_update_mode(cpu);
    if (to == &tss32 && (cpu->cr0 & CR0_PG))
        load_cr3(cpu, image.cr3);
    load_segments(cpu, &image);
    cpu_update_mode(cpu);
    if (event->has_error)
        push_error(cpu, to, event->error);
    if (image.trap)
        debug_pend(cpu, BIT(15));
    if (cpu->gpr[SLOT_RIP] > cpu->seg[CS].limit)
        raise_gp(cpu, cpu->exc_ext);
}
