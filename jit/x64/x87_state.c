/*
 * The guest's x87 in the host's: subroutines that load it and bring it home,
 * and the pointers (FIP, FDP, FOP, selectors), which are the guest's own and
 * never in the host. Loaded only while all exceptions are masked, so nothing
 * the host does with it can raise. In C's hands the host's x87 is as the ABI
 * and cpu/x87/fp80_host_x86.c want it: empty, FCW = FCW_INIT.
 */
#include "cpu/x87/fp80.h"
#include "jit/x64/x64.h"

/* FLDENV's image, in the red zone: FCW, FSW, tags, four of pointers. */
enum { ENV_AT = -32, ENV_FCW = ENV_AT, ENV_FSW = ENV_AT + 4, ENV_FTW = ENV_AT + 8, ENV_POINTERS = ENV_AT + 12 };
#define RED(at) rm_mem(H_RSP, at)

static_assert(offsetof(struct x87_reg, man) == 0 && offsetof(struct x87_reg, se) == 8, "is an m80 in memory");

static void shift(struct emit *e, unsigned digit, unsigned reg, unsigned count)
{
    e_op(e, 4, 0xc1, digit, rm_reg(reg));
    e8(e, count);
}
enum { SHL = 4, SHR = 5 };

/* reg |= reg << or >> count, masked; tmp is lost. */
static void fold(struct emit *e, unsigned digit, unsigned reg, unsigned tmp, unsigned count, i32 mask)
{
    e_mov_rr(e, 4, tmp, reg);
    shift(e, digit, tmp, count);
    e_op(e, 4, 0x0b, reg, rm_reg(tmp)); /* or */
    e_alu_imm(e, 4, ALU_AND, rm_reg(reg), mask);
}

static struct rm physical(unsigned r)
{
    return rm_mem(CPU, (i32)(offsetof(struct cpu, fpu.reg) + r * sizeof(struct x87_reg)));
}

u8 *emit_load_x87(struct emit *e)
{
    u8 *at = e->p;
    e16(e, 0x770f); /* emms: TOP 0, all empty */
    for (unsigned r = 8; r-- > 0;)
        e_op(e, 4, 0xdb, 5, physical(r)); /* fld m80 */
    e_op(e, 4, 0x0fb7, S0, FIELD(fpu.fcw));
    e_store(e, 4, RED(ENV_FCW), S0);
    e_op_byte_rm(e, 4, 0x0fb6, S0, FIELD(fpu.top));
    shift(e, SHL, S0, FSW_TOP_SHIFT);
    e_op(e, 4, 0x0fb7, S1, FIELD(fpu.fsw));
    e_op(e, 4, 0x0b, S0, rm_reg(S1));
    e_store(e, 4, RED(ENV_FSW), S0);
    /* Two ones for each that is empty; what full ones hold the host finds out itself. */
    e_op_byte_rm(e, 4, 0x0fb6, S0, FIELD(fpu.ftw));
    e_alu_imm(e, 4, ALU_XOR, rm_reg(S0), 0xff);
    fold(e, SHL, S0, S1, 4, 0x0f0f);
    fold(e, SHL, S0, S1, 2, 0x3333);
    fold(e, SHL, S0, S1, 1, 0x5555);
    e_lea(e, 4, S0, rm_sib(S0, S0, 1, 0));
    e_store(e, 4, RED(ENV_FTW), S0);
    e_op(e, 4, 0x33, S0, rm_reg(S0)); /* xor */
    e_store(e, 8, RED(ENV_POINTERS), S0);
    e_store(e, 8, RED(ENV_POINTERS + 8), S0);
    e_op(e, 4, 0xd9, 4, RED(ENV_AT)); /* fldenv */
    e_op(e, 1, 0xc6, 0, OWN(x87_live));
    e8(e, 1);
    e8(e, 0xc3);
    return at;
}

void want_x87(struct tr *t)
{
    if (t->x87_ready)
        return;
    flags_lose(t);
    e_op(&t->e, 1, 0x80, 7, OWN(x87_live)); /* cmp */
    e8(&t->e, 0);
    e8(&t->e, 0x75), e8(&t->e, 5); /* jne, over the call */
    e_patch(&t->e, e_call(&t->e), x64_stubs(t->jit)->load_x87);
    t->x87_ready = true;
}

/* ---- the pointers ---- */

/*
 * Translated code leaves a note of the last instructions; emit_save_x87 makes
 * FIP and the rest of it. Segment registers only change in C, before which
 * comes that.
 */
static void resolve_note(struct emit *e)
{
    enum { A = H_RDX, B = H_R8 };
    struct rm last = OWN(x87_last);
    e_load(e, 4, A, last);
    e_op(e, 4, 0x85, A, rm_reg(A)); /* test */
    u8 *none = e_jcc(e, CC_E);
    e_mov_rr(e, 4, B, A);
    e_alu_imm(e, 4, ALU_AND, rm_reg(B), 0xfff);
    e_op(e, 8, 0x03, B, OWN(x87_page)); /* add */
    e_store(e, 8, FIELD(fpu.fip), B);
    shift(e, SHR, A, 12);
    e_alu_imm(e, 4, ALU_AND, rm_reg(A), 0x7ff);
    e_store(e, 2, FIELD(fpu.fop), A);
    e_op(e, 4, 0x0fb7, A, FIELD(seg[CS].sel)); /* movzx */
    e_store(e, 2, FIELD(fpu.fcs), A);
    e_op(e, 4, 0xc7, 0, last);
    e32(e, 0);
    e_patch(e, none, e->p);
    e_op_byte_rm(e, 4, 0x0fb6, A, OWN(x87_seg)); /* movzx */
    e_op(e, 4, 0x85, A, rm_reg(A));
    none = e_jcc(e, CC_E);
    e_op(e, 4, 0x6b, A, rm_reg(A)); /* imul */
    e8(e, sizeof(struct seg));
    i32 sel = (i32)(offsetof(struct cpu, seg) + offsetof(struct seg, sel)) - (i32)sizeof(struct seg);
    e_op(e, 4, 0x0fb7, A, rm_sib(CPU, A, 0, sel));
    e_store(e, 2, FIELD(fpu.fds), A);
    e_op(e, 1, 0xc6, 0, OWN(x87_seg));
    e8(e, 0);
    e_patch(e, none, e->p);
}

static void note_last(struct emit *e, const struct uop *u)
{
    e_load(e, 8, S0, FIELD(gpr[SLOT_RIP]));
    e_store(e, 8, OWN(x87_page), S0);
    e_op(e, 4, 0xc7, 0, OWN(x87_last)); /* mov */
    e32(e, BIT(31) | (u32)(u->imm & 0x7ff) << 12 | u->pc_off);
}
static void note_memory(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    effective_address(t, u, 8, S0);
    e_store(e, 8, FIELD(fpu.fdp), S0);
    e_op(e, 1, 0xc6, 0, OWN(x87_seg)); /* mov */
    e8(e, u->seg + 1u);
}
void emit_x87_note(struct tr *t, const struct x87_note *n)
{
    if (n->last)
        note_last(&t->e, n->last);
    if (n->memory)
        note_memory(t, n->memory);
}
void x87_note_now(struct tr *t)
{
    emit_x87_note(t, &t->x87_note);
    t->x87_note = (struct x87_note){0};
}

/* Jumps to where S0 and S1 say have neither left. */
static bool is_indirect(const struct sb_insn *i)
{
    unsigned cc;
    return i->ends && !uop_is_jcc(&i->u, &cc) && !(i->u.op == UOP_JMP && i->u.form == FORM_I);
}
void x87_note_before(struct tr *t)
{
    const struct uop *m = t->x87_note.memory;
    if (is_indirect(t->i)) {
        x87_note_now(t);
    } else if (m && ((m->base < 16 && t->i->gprs_written >> m->base & 1) ||
                     (m->index < 16 && t->i->gprs_written >> m->index & 1))) {
        note_memory(t, m);
        t->x87_note.memory = NULL;
    }
}

u8 *emit_save_x87(struct emit *e)
{
    enum { A = H_RDX, B = H_R8 };
    u8 *at = e->p;
    e_op(e, 4, 0xd9, 6, RED(ENV_AT)); /* fnstenv */
    /* A store of an MMX register: TOP 0, all full, registers as they were; so they are stored by physical number. */
    e_op(e, 4, 0x0f7f, 0, RED(ENV_AT - 8));
    for (unsigned r = 0; r < 8; r++)
        e_op(e, 4, 0xdb, 7, physical(r)); /* fstp m80 */
    e16(e, 0xe3db);                       /* fninit */
    e_op(e, 4, 0x0fb7, A, RED(ENV_FCW));
    e_store(e, 2, FIELD(fpu.fcw), A);
    e_op(e, 4, 0x0fb7, A, RED(ENV_FSW));
    e_mov_rr(e, 4, B, A);
    e_alu_imm(e, 4, ALU_AND, rm_reg(A), ~FSW_TOP);
    e_store(e, 2, FIELD(fpu.fsw), A);
    shift(e, SHR, B, FSW_TOP_SHIFT);
    e_alu_imm(e, 4, ALU_AND, rm_reg(B), 7);
    e_store(e, 1, FIELD(fpu.top), B);
    e_op(e, 4, 0x0fb7, A, RED(ENV_FTW));
    e_mov_rr(e, 4, B, A);
    shift(e, SHR, B, 1);
    e_op(e, 4, 0x23, A, rm_reg(B)); /* and: both bits set is empty */
    e_alu_imm(e, 4, ALU_XOR, rm_reg(A), -1);
    e_alu_imm(e, 4, ALU_AND, rm_reg(A), 0x5555);
    fold(e, SHR, A, B, 1, 0x3333);
    fold(e, SHR, A, B, 2, 0x0f0f);
    fold(e, SHR, A, B, 4, 0x00ff);
    e_store(e, 1, FIELD(fpu.ftw), A);
    resolve_note(e);
    e_op(e, 1, 0xc6, 0, OWN(x87_live));
    e8(e, 0);
    e8(e, 0xc3);
    return at;
}
