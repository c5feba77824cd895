/*
 * Guest registers and guest memory as host operands. Memory goes through the
 * CPU's software TLB (cpu/mem.h): the entry of the first byte's page must have
 * the last byte's page as its tag, which one compare finds out, and its addend
 * then makes the host address. All that misses runs the instruction in C.
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
bool address_supported(const struct tr *t, const struct uop *u)
{
    return u->asize != 2 && (u->amode != AM_SEG || plain_segment(t, u));
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
}

static i32 group_slot(const struct sb_access *leader)
{
    return (i32)(offsetof(struct cpu, group) + (leader->slot - 1u) * sizeof(u64));
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
    static_assert(sizeof(struct tlb_entry) == 16 && TLB_ENTRIES == 1024, "index arithmetic below");
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

/* u's linear address into S0; S1 is lost too when the index is not in a host register. */
static void linear_address(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm ea = address_parts(t, u);
    e_lea(e, u->asize == 8 ? 8 : 4, S0, ea);
    if (u->amode >= AM_SEG64 && u->seg >= FS) {
        size_t base = offsetof(struct cpu, seg) + u->seg * sizeof(struct seg) + offsetof(struct seg, base);
        e_op(e, u->amode == AM_SEG ? 4 : 8, 0x03, S0, rm_mem(CPU, (i32)base));
    }
}

/*
 * Whether base + disp is the linear address without being cut to 32 bits, or fails the check. All bytes that the
 * check covers must be within the host's displacements: one that wraps would be checked 4 GiB away.
 */
static bool is_simple(const struct uop *u)
{
    i32 room = u->amode == AM_FLAT64 ? INT32_MAX - (i32)PAGE_SIZE : 0x10000;
    bool near = u->disp >= -room && u->disp < room;
    return u->index == SLOT_ZERO && host_of(u->base) >= 0 && near && (u->amode == AM_FLAT64 || u->amode == AM_FLAT32);
}

/* The check of an access, or of the group it leads. */
static void check_access(struct tr *t, const struct sb_access *a, unsigned lin, i32 disp, unsigned n, unsigned how)
{
    if (!a->slot || a->n != n || (how & ACC_ALIGN)) {
        check_tlb(t, lin, disp, n, how);
        return;
    }
    check_tlb(t, lin, disp + a->lo, (unsigned)(a->hi - a->lo), how);
    e_store(&t->e, 8, rm_mem(CPU, group_slot(a)), S1);
    t->groups |= BIT(a->slot);
    if (t->slow)
        t->slow->leaves = true; /* the members rely on this check */
}

/* Whether it belongs to a group whose check is behind us. */
static bool is_member(const struct tr *t, const struct sb_access *a, unsigned n, unsigned how)
{
    return a->leader && (t->groups & BIT(a->leader->slot)) && a->n == n && !(how & ACC_ALIGN);
}

static void free_s0(struct tr *t, unsigned how, struct rm *m)
{
    if (!(how & ACC_FREE_S0))
        return;
    e_lea(&t->e, 8, S1, *m);
    *m = rm_mem(S1, 0);
}

/* The operand of a member: its address is made without touching S1 or flags. */
static bool member_operand(struct tr *t, const struct uop *u, unsigned n, unsigned how, struct rm *m)
{
    if (!is_member(t, &t->i->operand, n, how))
        return false;
    bool direct = u->index == SLOT_ZERO && host_of(u->base) >= 0 && u->amode == AM_FLAT64;
    if (!direct)
        linear_address(t, u); /* may take S1, too */
    e_load(&t->e, 8, S1, rm_mem(CPU, group_slot(t->i->operand.leader)));
    if (direct) {
        *m = rm_sib(S1, (unsigned)host_of(u->base), 0, u->disp);
        return true;
    }
    *m = rm_sib(S1, S0, 0, 0);
    free_s0(t, how, m);
    return true;
}

bool access_operand(struct tr *t, const struct uop *u, unsigned n, unsigned how, struct rm *m)
{
    struct emit *e = &t->e;
    const struct sb_access *a = &t->i->operand;
    if (!address_supported(t, u))
        return false;
    if (member_operand(t, u, n, how, m))
        return true;
    flags_lose(t);
    if (is_simple(u)) {
        check_access(t, a, (unsigned)host_of(u->base), u->disp, n, how);
        *m = rm_sib(S1, (unsigned)host_of(u->base), 0, u->disp);
        return true;
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
    return true;
}

void access_stack(struct tr *t, unsigned base_slot, i32 disp, unsigned n, unsigned how, struct rm *m)
{
    unsigned base = (unsigned)host_of(base_slot);
    bool wide = (t->sb->key & MODE_CODE) == MODE_CODE64;
    *m = rm_sib(S1, base, 0, disp);
    if (!is_member(t, &t->i->stack, n, how)) {
        flags_lose(t);
        check_access(t, &t->i->stack, base, disp, n, how);
        return;
    }
    e_load(&t->e, 8, S1, rm_mem(CPU, group_slot(t->i->stack.leader)));
    if (wide)
        return;
    e_lea(&t->e, 4, S0, rm_mem(base, disp));
    *m = rm_sib(S1, S0, 0, 0);
    free_s0(t, how, m);
}
