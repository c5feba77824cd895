/*
 * Guest registers and guest memory as host operands. User code's accesses have
 * sites of their own (struct access_site), which hold the page touched last;
 * refill.c fills them. The others go through the CPU's software TLB (cpu/mem.h):
 * the entry of the first byte's page must have the last byte's page as its tag,
 * which one compare finds out, and its addend then makes the host address. All
 * that misses runs the instruction in C.
 */
#include "jit/x64/x64.h"

static const i8 host_of_gpr[16] = {
    [RAX] = H_R10, [RCX] = H_RCX, [RDX] = H_RDX, [RBX] = H_RBX, [RSP] = H_R11, [RBP] = H_R12,
    [RSI] = H_RSI, [RDI] = H_RDI, [R8] = H_R8,   [R9] = H_R9,   [R10] = -1,    [R11] = -1,
    [R12] = H_R13, [R13] = -1,    [R14] = -1,    [R15] = -1};

int host_of(unsigned gpr) { return gpr < 16 ? host_of_gpr[gpr] : -1; }

static struct rm slot_memory(unsigned slot) { return rm_mem(CPU, (i32)(offsetof(struct cpu, gpr) + slot * 8)); }

struct rm reg_operand(unsigned slot)
{
    int h = host_of(slot);
    return h >= 0 ? rm_reg((unsigned)h) : slot_memory(slot);
}

struct rm byte_operand(struct tr *t, unsigned slot)
{
    int h = host_of(slot / 8);
    if (h >= 0 && !(slot & 1))
        return rm_reg((unsigned)h);
    if (h >= 0)
        e_store(&t->e, 8, slot_memory(slot / 8), (unsigned)h);
    return rm_mem(CPU, (i32)(offsetof(struct cpu, gpr) + slot));
}
void byte_written(struct tr *t, unsigned slot)
{
    int h = host_of(slot / 8);
    if (h >= 0 && (slot & 1))
        e_load(&t->e, 8, (unsigned)h, slot_memory(slot / 8));
}
struct rm operand_of(struct tr *t, unsigned slot, unsigned size)
{
    return size == 1 ? byte_operand(t, slot) : reg_operand(slot);
}
void operand_written(struct tr *t, unsigned slot, unsigned size)
{
    if (size == 1)
        byte_written(t, slot);
}

unsigned reg_in(struct tr *t, unsigned slot, unsigned scratch)
{
    int h = host_of(slot);
    if (h >= 0)
        return (unsigned)h;
    e_load(&t->e, 8, scratch, slot_memory(slot));
    return scratch;
}
unsigned reg_target(unsigned slot, unsigned scratch)
{
    int h = host_of(slot);
    return h >= 0 ? (unsigned)h : scratch;
}
void reg_put(struct tr *t, unsigned slot, unsigned host)
{
    int h = host_of(slot);
    if (h < 0)
        e_store(&t->e, 8, slot_memory(slot), host);
    else if ((unsigned)h != host)
        e_mov_rr(&t->e, 8, (unsigned)h, host);
}

/* ---- addresses ---- */

/* Outside 64-bit code FS and GS will do where they are plain: only their base counts. */
static bool plain_segment(const struct tr *t, const struct uop *u)
{
    return (u->seg == FS && (t->sb->key & KEY_FS_PLAIN)) || (u->seg == GS && (t->sb->key & KEY_GS_PLAIN));
}
/* Its offset is looked at before the segment's base is added. */
static bool is_segmented(const struct tr *t, const struct uop *u)
{
    return u->amode == AM_SEG && (u->asize == 2 || !plain_segment(t, u));
}

/*
 * The operand's address as a host operand for LEA: base and index in registers, loaded to S0 and S1
 * where they are not. A segment base is still to be added.
 */
static struct rm address_parts(struct tr *t, const struct uop *u)
{
    struct rm m = {.mem = true, .index = -1, .disp = u->disp};
    if (u->index == SLOT_ZERO) {
        if (u->base == SLOT_ZERO) {
            e_mov_imm(&t->e, S0, (u64)(i64)u->disp);
            return rm_mem(S0, 0);
        }
        m.reg = (u8)reg_in(t, u->base, S0);
        return m;
    }
    m.index = (i8)reg_in(t, u->index, S1);
    m.scale = u->scale;
    if (u->base != SLOT_ZERO) {
        m.reg = (u8)reg_in(t, u->base, S0);
    } else {
        e_mov_imm(&t->e, S0, 0);
        m.reg = S0;
    }
    return m;
}

void effective_address(struct tr *t, const struct uop *u, unsigned size, unsigned to)
{
    struct rm m = address_parts(t, u);
    e_lea(&t->e, u->asize == 8 && size == 8 ? 8 : 4, to, m);
    if (u->asize == 2)
        e_op(&t->e, 4, 0x0fb7, to, rm_reg(to)); /* movzx */
}

static i32 group_slot(const struct sb_access *leader)
{
    return OWN_AT(group) + (i32)((leader->slot - 1u) * sizeof(u64));
}

static i32 table_of(const struct tr *t, unsigned how)
{
    return t->tlb + (i32)(how & ACC_WRITE ? offsetof(struct tlb, write) : offsetof(struct tlb, read));
}

/* At the linear address in register 'lin' + disp, n bytes: leaves the host's addend in S1. S0 is lost. */
static void check_tlb(struct tr *t, unsigned lin, i32 disp, unsigned n, unsigned how)
{
    struct emit *e = &t->e;
    i32 table = table_of(t, how);
    static_assert(sizeof(struct tlb_entry) == 16 && TLB_ENTRIES <= 1 << 20, "index arithmetic below");
    u32 align = how & ACC_ALIGN ? n - 1 : 0, last = how & ACC_ALIGN ? 0 : n - 1;
    e_lea(e, 8, S1, rm_mem(lin, disp));
    e_op(e, 8, 0xc1, 5, rm_reg(S1)); /* shr */
    e8(e, 8);
    e_alu_imm(e, 4, ALU_AND, rm_reg(S1), (TLB_ENTRIES - 1) << 4);
    if (lin != S0 || last || disp)
        e_lea(e, 8, S0, rm_mem(lin, disp + (i32)last));
    e_alu_imm(e, 8, ALU_AND, rm_reg(S0), (i32)(0xfffff000u | align));
    e_op(e, 8, 0x3b, S0, rm_sib(CPU, S1, 0, table + (i32)offsetof(struct tlb_entry, tag)));
    to_slow_path(t, e_jcc(e, CC_NE));
    e_load(e, 8, S1, rm_sib(CPU, S1, 0, table + (i32)offsetof(struct tlb_entry, addend)));
}

static struct rm segment_base(const struct uop *u)
{
    return rm_mem(CPU, (i32)(offsetof(struct cpu, seg) + u->seg * sizeof(struct seg) + offsetof(struct seg, base)));
}

/* u's linear address into S0; S1 is lost too when the index is not in a host register. */
static void linear_address(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm ea = address_parts(t, u);
    e_lea(e, u->asize == 8 ? 8 : 4, S0, ea);
    if (u->amode >= AM_SEG64 && u->seg >= FS)
        e_op(e, u->amode == AM_SEG ? 4 : 8, 0x03, S0, segment_base(u));
}

/* ---- segments ---- */

/*
 * The slow path unless the segment has n bytes at the offset in S0. Segments of 64 KiB, which all are where code is
 * known by its paragraph, need no more than one compare; the others have their reach. S1 is lost.
 */
static void check_segment(struct tr *t, const struct uop *u, unsigned n, unsigned how)
{
    struct emit *e = &t->e;
    enum { SEGMENT = 0x10000 };
    if (t->sb->key & KEY_PARAGRAPH) {
        if (u->asize == 2 && n == 1)
            return;
        e_alu_imm(e, 4, ALU_CMP, rm_reg(S0), (i32)(SEGMENT - n));
        to_slow_path(t, e_jcc(e, CC_A));
        return;
    }
    if (n > 1)
        e_lea(e, 8, S1, rm_mem(S0, (i32)n - 1));
    e_op(e, 8, 0x3b, n > 1 ? S1 : S0, FIELD(reach[how & ACC_WRITE ? 1 : 0][u->seg])); /* cmp */
    to_slow_path(t, e_jcc(e, CC_G));
}

/* The linear address of an operand whose segment is to be looked at, into S0. S1 is lost. */
static void segmented_address(struct tr *t, const struct uop *u, unsigned n, unsigned how)
{
    struct emit *e = &t->e;
    if (u->index == SLOT_ZERO && host_of(u->base) >= 0 && !u->disp)
        e_op(e, 4, u->asize == 2 ? 0x0fb7 : 0x8b, S0, rm_reg((unsigned)host_of(u->base))); /* movzx, mov */
    else
        effective_address(t, u, 4, S0);
    check_segment(t, u, n, how);
    e_op(e, 4, 0x03, S0, segment_base(u)); /* add */
}

/* The check by the TLB that keeps the linear address in S0; the host's addend goes to S1. */
static void check_tlb_of_s0(struct tr *t, unsigned n, unsigned how)
{
    struct emit *e = &t->e;
    const struct rm entry = rm_sib(CPU, S1, 0, table_of(t, how)),
                    addend = {
                        .mem = true, .reg = entry.reg, .index = entry.index, .disp = entry.disp + (i32)sizeof(u64)};
    static_assert(offsetof(struct tlb_entry, tag) == 0 && offsetof(struct tlb_entry, addend) == sizeof(u64), "above");
    e_mov_rr(e, 4, S1, S0);
    e_op(e, 4, 0xc1, 5, rm_reg(S1)); /* shr */
    e8(e, 8);
    e_alu_imm(e, 4, ALU_AND, rm_reg(S1), (TLB_ENTRIES - 1) << 4);
    e_op(e, 8, 0x33, S0, entry); /* xor: less than a page where its tag is ours */
    e_alu_imm(e, 8, ALU_CMP, rm_reg(S0), (i32)(PAGE_SIZE - n));
    to_slow_path(t, e_jcc(e, CC_A));
    if (how & ACC_ALIGN) {
        e_op(e, 1, 0xf6, 0, rm_reg(S0)); /* test */
        e8(e, n - 1);
        to_slow_path(t, e_jcc(e, CC_NE));
    }
    e_op(e, 8, 0x33, S0, entry);
    e_load(e, 8, S1, addend);
}

static void free_s0(struct tr *t, unsigned how, struct rm *m)
{
    if (!(how & ACC_FREE_S0))
        return;
    e_lea(&t->e, 8, S1, *m);
    *m = rm_mem(S1, 0);
}

static void segmented_operand(struct tr *t, const struct uop *u, unsigned n, unsigned how, struct rm *m)
{
    flags_lose(t);
    segmented_address(t, u, n, how);
    check_tlb_of_s0(t, n, how);
    *m = rm_sib(S1, S0, 0, 0);
    free_s0(t, how, m);
}

/*
 * Whether base + disp is the linear address without being cut to 32 bits, or fails the check. All bytes that the
 * check covers must be within the host's displacements: one that wraps would be checked 4 GiB away.
 */
enum { NEAR = 0x10000 };
static bool is_near(const struct uop *u, i32 room) { return u->disp >= -room && u->disp < room; }
static bool is_simple(const struct uop *u)
{
    return u->index == SLOT_ZERO && host_of(u->base) >= 0 &&
           ((u->amode == AM_FLAT64 && is_near(u, INT32_MAX - (i32)PAGE_SIZE)) ||
            (u->amode == AM_FLAT32 && is_near(u, NEAR)));
}

/* ---- access sites ---- */

static struct rm site_field(const struct tr *t, u32 site, size_t field)
{
    const struct jit *jit = t->jit;
    return rm_rip((i32)((u8 *)jit->sites - jit->exec) + (i32)site + (i32)field - (i32)t->tb->entry);
}
#define SITE(site, member) site_field(t, site, offsetof(struct access_site, member))

/*
 * A site for the current instruction, or 0: it asks the TLB. Kernels touch too much at a time for sites to pay, and
 * where time goes to many places sites are further away than the TLB.
 */
static u32 new_site(struct tr *t, unsigned last, u32 flags)
{
    const struct jit *jit = t->jit;
    if (!t->sb->sites || !jit->sites || insn_set_has(&jit->wanderers, INSN_PA(t->sb, t->i)))
        return 0;
    struct access_site *s = jit_site(t->jit);
    if (!s)
        return 0;
    s->last = (u16)(last | flags);
    return (u32)((u8 *)s - (u8 *)jit->sites);
}

/* S1: a linear address; afterwards the host's. */
static void check_site(struct tr *t, u32 site, unsigned n, unsigned how)
{
    struct emit *e = &t->e;
    if (t->nrefills == ARRAY_LEN(t->refills) || !want_slow_path(t)) {
        t->failed = true;
        return;
    }
    struct refill *r = &t->refills[t->nrefills++];
    struct call_site *s = jit_meta_at(t->jit, t->slow->site & ~7u);
    s->access = t->nrefills > 1 && r[-1].slow == t->slow ? 0 : site | (how & ACC_WRITE ? SITE_WRITES : 0);
    e_op(e, 8, 0x2b, S1, SITE(site, page));  /* sub */
    e_op(e, 8, 0x3b, S1, SITE(site, limit)); /* cmp */
    *r = (struct refill){.from = e_jcc(e, CC_AE), .site = site, .write = how & ACC_WRITE, .slow = t->slow};
    e_op(e, 8, 0x03, S1, SITE(site, host)); /* add */
    r->back = e->p;
    if (how & ACC_ALIGN) {
        e_op(e, 1, 0xf6, 0, rm_reg(S1)); /* test */
        e8(e, n - 1);
        to_slow_path(t, e_jcc(e, CC_NE));
    }
}

/* u's base in a host register: its own, or S1. */
static unsigned base_in(struct tr *t, const struct uop *u)
{
    if (u->base != SLOT_ZERO)
        return reg_in(t, u->base, S1);
    e_mov_imm(&t->e, S1, 0);
    return S1;
}
/* u's linear address + off into S1, nothing else is lost but flags. */
static void linear_in_s1(struct tr *t, const struct uop *u, i32 off)
{
    struct emit *e = &t->e;
    /* A sum that is not cut to 32 bits fails the check where it should have been. */
    bool wide = u->asize == 8 || (is_simple(u) && u->amode == AM_FLAT32);
    i32 disp = wide ? u->disp + off : u->disp;
    int index = u->index == SLOT_ZERO ? -1 : host_of(u->index);
    if (u->index == SLOT_ZERO && u->base == SLOT_ZERO) {
        e_mov_imm(e, S1, wide ? (u64)(i64)disp : (u32)disp);
    } else if (u->index != SLOT_ZERO && index < 0) {
        reg_in(t, u->index, S1);
        if (u->scale) {
            e_op(e, 8, 0xc1, 4, rm_reg(S1)); /* shl */
            e8(e, u->scale);
        }
        if (u->base != SLOT_ZERO)
            e_op(e, 8, 0x03, S1, reg_operand(u->base)); /* add */
        if (disp || !wide)
            e_lea(e, wide ? 8 : 4, S1, rm_mem(S1, disp));
    } else {
        struct rm m = rm_mem(base_in(t, u), disp);
        m.index = (i8)index;
        m.scale = u->scale;
        e_lea(e, wide ? 8 : 4, S1, m);
    }
    if (u->amode >= AM_SEG64 && u->seg >= FS)
        e_op(e, u->amode == AM_SEG ? 4 : 8, 0x03, S1, segment_base(u));
    if (!wide && off)
        e_lea(e, 8, S1, rm_mem(S1, off));
}

/* ---- groups ---- */

static bool leads(const struct sb_access *a, unsigned n) { return a->slot && a->n == n; }
/* Whether it belongs to a group whose check is behind us. */
static bool is_member(const struct tr *t, const struct sb_access *a, unsigned n)
{
    return a->leader && (t->groups & BIT(a->leader->slot)) && a->n == n;
}

/* S1 holds something of a's group from here on: its start's host address, or its addend. */
static void s1_holds(struct tr *t, const struct sb_access *leader, bool is_host)
{
    t->s1_group = leader;
    t->s1_is_host = is_host;
    t->e.named &= ~(u32)BIT(S1);
}
static bool s1_still_holds(const struct tr *t, const struct sb_access *leader, bool is_host)
{
    return t->s1_group == leader && t->s1_is_host == is_host && !(t->e.named & BIT(S1));
}

static void leader_checked(struct tr *t, const struct sb_access *a, u32 site)
{
    s1_holds(t, a, site);
    t->groups |= BIT(a->slot);
    t->group_site[a->slot] = site;
    if (t->slow)
        slow_path_leaves(t); /* the members rely on this check */
}

/* What the leader checks for: all of its group. */
static unsigned group_right(const struct sb_access *a) { return a->write ? ACC_WRITE : ACC_READ; }

/* The same where the group's start differs, or the address is in S0, which is lost. */
static void check_alignment(struct tr *t, unsigned lin, i32 disp, unsigned n)
{
    struct emit *e = &t->e;
    if (lin != S0 || disp)
        e_lea(e, 8, S1, rm_mem(lin, disp));
    e_op(e, 1, 0xf6, 0, rm_reg(lin != S0 || disp ? S1 : S0)); /* test */
    e8(e, n - 1);
    to_slow_path(t, e_jcc(e, CC_NE));
}

/* The check by the TLB of an access, or of the group it leads. */
static void check_access(struct tr *t, const struct sb_access *a, unsigned lin, i32 disp, unsigned n, unsigned how)
{
    if (!leads(a, n)) {
        check_tlb(t, lin, disp, n, how);
        return;
    }
    if (how & ACC_ALIGN)
        check_alignment(t, lin, disp, n);
    check_tlb(t, lin, disp + a->lo, (unsigned)(a->hi - a->lo), (how & ~(unsigned)ACC_ALIGN) | group_right(a));
    e_store(&t->e, 8, rm_mem(CPU, group_slot(a)), S1);
    leader_checked(t, a, 0);
}

/* The check by a site of its own; u->amode: flat, or by FS or GS. False: it has none. */
static bool access_by_site(struct tr *t, const struct uop *u, const struct sb_access *a, unsigned n, unsigned how,
                           struct rm *m)
{
    bool group = leads(a, n);
    i32 lo = group ? a->lo : 0;
    unsigned span = group ? (unsigned)(a->hi - a->lo) : n;
    if (!is_near(u, NEAR) && lo)
        return false;
    u32 site = new_site(t, span - 1, group && u->asize == 4 ? SITE_INSIDE : 0);
    if (!site)
        return false;
    linear_in_s1(t, u, lo);
    check_site(t, site, n, group ? how | group_right(a) : how);
    if (group)
        leader_checked(t, a, site);
    *m = rm_mem(S1, -lo);
    return true;
}

/* The addend of the group that a belongs to, into S1. */
static void load_addend(struct tr *t, const struct sb_access *a)
{
    u32 site = t->group_site[a->leader->slot];
    if (s1_still_holds(t, a->leader, false))
        return;
    e_load(&t->e, 8, S1, site ? SITE(site, addend) : rm_mem(CPU, group_slot(a->leader)));
    s1_holds(t, a->leader, false);
}
/* A member's host address by what S1 holds since an earlier one. */
static bool member_by_s1(const struct tr *t, const struct sb_access *a, struct rm *m)
{
    if (!s1_still_holds(t, a->leader, true))
        return false;
    *m = rm_mem(S1, a->off - a->leader->lo);
    return true;
}
/* Whether the address of a member is the sum of its parts, without being cut to 32 bits. */
static bool is_sum(const struct tr *t, const struct uop *u, const struct sb_access *a)
{
    return u->asize == 8 || (u->index == SLOT_ZERO && is_near(u, NEAR) && t->group_site[a->leader->slot]);
}

/* The operand of a member: its address is made without touching flags. */
static void member_operand(struct tr *t, const struct uop *u, unsigned how, struct rm *m)
{
    const struct sb_access *a = &t->i->operand;
    bool base = host_of(u->base) >= 0, index = host_of(u->index) >= 0;
    if (member_by_s1(t, a, m))
        return;
    if (is_sum(t, u, a) && u->base != SLOT_ZERO && u->index == SLOT_ZERO) {
        load_addend(t, a);
        *m = rm_sib(S1, reg_in(t, u->base, S0), 0, u->disp);
    } else if (is_sum(t, u, a) && base && index) {
        load_addend(t, a);
        e_lea(&t->e, 8, S1, rm_sib(S1, (unsigned)host_of(u->base), 0, u->disp));
        *m = rm_sib(S1, (unsigned)host_of(u->index), u->scale, 0);
        return;
    } else {
        linear_address(t, u); /* may take S1, too */
        load_addend(t, a);
        *m = rm_sib(S1, S0, 0, 0);
    }
    if (m->index == S0)
        free_s0(t, how, m);
}

void only_canonical(struct tr *t, unsigned reg, unsigned scratch)
{
    struct emit *e = &t->e;
    e_mov_rr(e, 8, scratch, reg);
    e_op(e, 8, 0xc1, 4, rm_reg(scratch)); /* shl */
    e8(e, 16);
    e_op(e, 8, 0xc1, 7, rm_reg(scratch)); /* sar */
    e8(e, 16);
    e_op(e, 8, 0x3b, scratch, rm_reg(reg)); /* cmp */
    to_slow_path(t, e_jcc(e, CC_NE));
}

/*
 * The offset that FS or GS is added to must be canonical for itself (cpu/mem.h). One without a register is; where one
 * from RIP may not be, nothing is translated (superblock.c).
 */
static void check_offset(struct tr *t, const struct uop *u)
{
    bool segment = u->amode == AM_SEG64 && u->seg >= FS && u->asize == 8;
    if (!segment || (u->base >= 16 && u->index >= 16))
        return;
    effective_address(t, u, 8, S0);
    only_canonical(t, S0, S1);
}

/* ---- what rules call ---- */

void access_operand(struct tr *t, const struct uop *u, unsigned n, unsigned how, struct rm *m)
{
    struct emit *e = &t->e;
    const struct sb_access *a = &t->i->operand;
    if (is_segmented(t, u)) {
        segmented_operand(t, u, n, how, m);
        return;
    }
    if (is_member(t, a, n)) {
        member_operand(t, u, how, m);
        return;
    }
    flags_lose(t);
    check_offset(t, u);
    if (access_by_site(t, u, a, n, how, m))
        return;
    if (is_simple(u)) {
        check_access(t, a, (unsigned)host_of(u->base), u->disp, n, how);
        *m = rm_sib(S1, (unsigned)host_of(u->base), 0, u->disp);
        return;
    }
    /* The check takes both scratch registers: afterwards the address is computed again, or was kept. */
    bool again = u->index == SLOT_ZERO || host_of(u->index) >= 0;
    linear_address(t, u);
    if (!again)
        e_store(e, 8, FIELD(gpr[SLOT_T0]), S0);
    check_access(t, a, S0, 0, n, how);
    if (again)
        linear_address(t, u);
    else
        e_load(e, 8, S0, FIELD(gpr[SLOT_T0]));
    *m = rm_sib(S1, S0, 0, 0);
    free_s0(t, how, m);
}

unsigned stack_width(const struct tr *t) { return 2u << ((t->sb->key & MODE_STACK) >> MODE_STACK_SHIFT); }

static enum amode stack_amode(const struct tr *t)
{
    unsigned width = stack_width(t);
    return width == 8 ? AM_FLAT64 : width == 4 && (t->sb->key & MODE_FLAT) ? AM_FLAT32 : AM_SEG;
}

void access_stack(struct tr *t, unsigned base_slot, i32 disp, unsigned n, unsigned how, struct rm *m)
{
    const struct sb_access *a = &t->i->stack;
    unsigned base = (unsigned)host_of(base_slot), asize = stack_width(t);
    const struct uop u = {.base = (u8)base_slot,
                          .index = SLOT_ZERO,
                          .disp = disp,
                          .seg = SS,
                          .asize = (u8)asize,
                          .amode = (u8)stack_amode(t)};
    if (u.amode == AM_SEG) {
        segmented_operand(t, &u, n, how, m);
        return;
    }
    *m = rm_sib(S1, base, 0, disp);
    if (!is_member(t, a, n)) {
        flags_lose(t);
        if (!access_by_site(t, &u, a, n, how, m))
            check_access(t, a, base, disp, n, how);
        return;
    }
    if (member_by_s1(t, a, m))
        return;
    load_addend(t, a);
    if (is_sum(t, &u, a))
        return;
    e_lea(&t->e, 4, S0, rm_mem(base, disp));
    *m = rm_sib(S1, S0, 0, 0);
    free_s0(t, how, m);
}
