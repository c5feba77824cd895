/*
 * Filling access sites, out of line: asks the TLB, as access.c does in line
 * for accesses that have no site. In: S0 the site, S1 the linear address of the
 * access's first byte minus site->page. Out: S1 its host address; or carry: the
 * TLB has no such page, the access leaves its page, or the site is a wanderer.
 */
#include "jit/x64/x64.h"

#define SITE(member) rm_mem(S0, (i32)offsetof(struct access_site, member))
enum { SLOT = H_RCX, PAGE = H_RDX };

static void shift_imm(struct emit *e, unsigned size, unsigned op, unsigned reg, unsigned n)
{
    e_op(e, size, 0xc1, op, rm_reg(reg));
    e8(e, n);
}

/* S1: the address; SLOT: the entry's offset in the table; PAGE: the page of the last byte; jumps where they differ. */
static u8 *find_entry(struct emit *e, i32 table)
{
    e_op(e, 8, 0x03, S1, SITE(page)); /* add */
    e_op(e, 4, 0x0fb7, PAGE, SITE(last));
    e_alu_imm(e, 4, ALU_AND, rm_reg(PAGE), PAGE_SIZE - 1);
    e_op(e, 8, 0x03, PAGE, rm_reg(S1));
    e_alu_imm(e, 8, ALU_AND, rm_reg(PAGE), -(i32)PAGE_SIZE);
    e_mov_rr(e, 8, SLOT, S1);
    shift_imm(e, 8, 5, SLOT, 8); /* shr */
    e_alu_imm(e, 4, ALU_AND, rm_reg(SLOT), (TLB_ENTRIES - 1) << 4);
    e_op(e, 8, 0x3b, PAGE, rm_sib(CPU, SLOT, 0, table + (i32)offsetof(struct tlb_entry, tag)));
    return e_jcc(e, CC_NE);
}

/* Where members do not cut their addresses to 32 bits, they must not be able to get beyond. */
static u8 *refuse_borders(struct emit *e)
{
    e_op(e, 1, 0xf6, 0, rm_mem(S0, (i32)offsetof(struct access_site, last) + 1)); /* test */
    e8(e, SITE_INSIDE >> 8);
    u8 *anywhere = e_jcc(e, CC_E);
    e_alu_imm(e, 4, ALU_ADD, rm_reg(PAGE), SITE_BORDER);
    e_alu_imm(e, 4, ALU_CMP, rm_reg(PAGE), 2 * SITE_BORDER);
    e_lea(e, 4, PAGE, rm_mem(PAGE, -SITE_BORDER));
    u8 *refused = e_jcc(e, CC_B);
    e_patch(e, anywhere, e->p);
    return refused;
}

/* Another page so soon costs a strike; jumps when there is none left. SLOT is lost. */
static u8 *count_strikes(struct emit *e)
{
    e_mov_rr(e, 4, SLOT, BUDGET);
    shift_imm(e, 4, 5, SLOT, 8);
    e_op(e, 1, 0x2a, SLOT, SITE(stamp)); /* sub: the budget counts down, so this is minus what went by, by 256 */
    e_op(e, 1, 0x00, SLOT, SITE(stamp)); /* add */
    e_alu_imm(e, 1, ALU_ADD, rm_reg(SLOT), 1);
    e_alu_imm(e, 1, ALU_CMP, rm_reg(SLOT), 1);
    u8 *later = e_jcc(e, CC_A);
    e_op(e, 1, 0xfe, 1, SITE(strikes)); /* dec */
    u8 *out = e_jcc(e, CC_E);
    u8 *go_on = e_jmp(e);
    e_patch(e, later, e->p);
    e_op(e, 1, 0xc6, 0, SITE(strikes));
    e8(e, SITE_STRIKES);
    e_patch(e, go_on, e->p);
    return out;
}

/* With PAGE, and SLOT the entry's addend; S1 becomes the host address. */
static void fill(struct emit *e)
{
    e_store(e, 8, SITE(page), PAGE);
    e_store(e, 8, SITE(addend), SLOT);
    e_op(e, 8, 0x03, S1, rm_reg(SLOT)); /* add */
    e_op(e, 8, 0x03, SLOT, rm_reg(PAGE));
    e_store(e, 8, SITE(host), SLOT);
    e_op(e, 4, 0x0fb7, SLOT, SITE(last));
    e_alu_imm(e, 4, ALU_AND, rm_reg(SLOT), PAGE_SIZE - 1);
    e_op(e, 4, 0xf7, 3, rm_reg(SLOT)); /* neg */
    e_alu_imm(e, 4, ALU_ADD, rm_reg(SLOT), PAGE_SIZE);
    e_store(e, 8, SITE(limit), SLOT);
}

/* Enters it into the list of filled ones. */
static void enlist(struct emit *e, const struct jit *jit)
{
    e_op(e, 4, 0x83, ALU_CMP, SITE(next));
    e8(e, 0);
    u8 *listed = e_jcc(e, CC_NE);
    e_mov_imm(e, SLOT, (u64)(uintptr_t)&jit->filled);
    e_load(e, 4, PAGE, rm_mem(SLOT, 0));
    e_store(e, 4, SITE(next), PAGE);
    e_mov_imm(e, PAGE, (u64)(uintptr_t)jit->sites);
    e_op(e, 8, 0x2b, S0, rm_reg(PAGE)); /* sub */
    e_store(e, 4, rm_mem(SLOT, 0), S0);
    e_patch(e, listed, e->p);
}

static void restore_and_return(struct emit *e, bool carry)
{
    e8(e, 0x5a);                /* pop rdx */
    e8(e, 0x59);                /* pop rcx */
    e8(e, carry ? 0xf9 : 0xf8); /* stc, clc */
    e8(e, 0xc3);
}

u8 *emit_refill_stub(struct emit *e, const struct jit *jit, i32 table)
{
    u8 *at = e->p;
    e8(e, 0x51); /* push rcx */
    e8(e, 0x52); /* push rdx */
    u8 *miss = find_entry(e, table);
    u8 *border = refuse_borders(e);
    e8(e, 0x51);
    u8 *wanders = count_strikes(e);
    e8(e, 0x59);
    e_load(e, 8, SLOT, rm_sib(CPU, SLOT, 0, table + (i32)offsetof(struct tlb_entry, addend)));
    fill(e);
    enlist(e, jit);
    restore_and_return(e, false);
    e_patch(e, wanders, e->p);
    e_mov_imm(e, SLOT, (u64)(uintptr_t)&jit->wanderer);
    e_op(e, 1, 0xc6, 0, rm_mem(SLOT, 0));
    e8(e, 1);
    e8(e, 0x59);
    e_patch(e, miss, e->p);
    e_patch(e, border, e->p);
    restore_and_return(e, true);
    return at;
}

void emit_refill(struct tr *t, const struct refill *r)
{
    struct emit *e = &t->e;
    const struct jit *jit = t->jit;
    e_patch(e, r->from, e->p);
    e8(e, 0x50); /* push rax */
    e_lea(e, 8, S0, rm_rip((i32)((u8 *)jit->sites - jit->exec) + (i32)r->site - (i32)t->tb->entry));
    e_patch(e, e_call(e), x64_stubs(jit)->refill[t->sb->key >> KEY_MMU_SHIFT & 3][r->write]);
    e8(e, 0x58); /* pop rax */
    e_patch(e, e_jcc(e, CC_B), r->slow->start);
    e_patch(e, e_jmp(e), r->back);
}
