/*
 * Rules for x87 and MMX: the guest's own instruction, on the host's unit, which
 * holds the guest's state (x87_state.c). Only while all exceptions are masked
 * and none is pending; otherwise, and for what stores or loads whole images,
 * C does it. Relies on the gates for CR0.EM and TS being in the key.
 */
#include "cpu/x87/fp80.h"
#include "jit/x64/rules.h"

static bool runs_on_host(const struct tr *t) { return !(t->sb->key & KEY_X87_CHECKED); }

/* ---- x87 ---- */

/* The guest's opcode with the operand where it now is: D8 to DF. */
static void emit_x87(struct tr *t, const struct uop *u, struct rm m)
{
    struct emit *e = &t->e;
    if (u->form == FORM_M) {
        e_op(e, 4, t->i->in.opcode, t->i->in.modrm >> 3 & 7, m);
    } else {
        e8(e, t->i->in.opcode);
        e8(e, t->i->in.modrm);
    }
}

/* Instructions that leave FIP and FOP, and FDP where they have a memory operand. */
bool rule_x87(struct tr *t, const struct uop *u)
{
    struct rm m = {0};
    bool memory = u->form == FORM_M;
    if (!runs_on_host(t))
        return false;
    want_x87(t);
    if (memory)
        access_operand(t, u, u->size, uop_info[u->op].props & UP_MEM_WRITE ? ACC_WRITE : ACC_READ, &m);
    emit_x87(t, u, m);
    t->x87_note.last = u;
    if (memory)
        t->x87_note.memory = u;
    return true;
}

/* What each maker's unit computes in its own way: this host's, unless the CPU is to be the same on all. */
bool rule_x87_function(struct tr *t, const struct uop *u)
{
    return t->jit->cpu->fp80 != &fp80_soft_functions && rule_x87(t, u);
}

/* FCOMI and the like: EFLAGS from the host. */
bool rule_fcomi(struct tr *t, const struct uop *u)
{
    if (!rule_x87(t, u))
        return false;
    flags_set_by(t, u);
    return true;
}

bool rule_fcmov(struct tr *t, const struct uop *u)
{
    if (!runs_on_host(t))
        return false;
    want_x87(t);
    flags_want(t);
    return rule_x87(t, u);
}

/* FNCLEX, and what does nothing when nothing is pending. */
bool rule_fnclex(struct tr *t, const struct uop *u)
{
    if (!runs_on_host(t))
        return false;
    want_x87(t);
    emit_x87(t, u, (struct rm){0});
    return true;
}
bool rule_fwait(struct tr *t, const struct uop *u)
{
    (void)u;
    return runs_on_host(t) && (t->sb->key & MODE_FPU);
}

/* What unmasks an exception is for C, and for other translations afterwards. */
bool rule_fldcw(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    struct rm m;
    if (!runs_on_host(t))
        return false;
    want_x87(t);
    access_operand(t, u, 2, ACC_READ, &m);
    e_op(e, 4, 0x0fb7, S0, m); /* movzx: read once, others may write there */
    e_store(e, 4, FIELD(gpr[SLOT_T0]), S0);
    e_op(e, 4, 0xf7, 2, rm_reg(S0)); /* not */
    e_op(e, 1, 0xf6, 0, rm_reg(S0)); /* test */
    e8(e, FSW_EXC);
    to_slow_path(t, e_jcc(e, CC_NE));
    emit_x87(t, u, FIELD(gpr[SLOT_T0]));
    return true;
}

/* FNSTCW, FNSTSW. */
bool rule_fnstw(struct tr *t, const struct uop *u)
{
    struct rm m = {0};
    if (!runs_on_host(t))
        return false;
    want_x87(t);
    if (u->form == FORM_M)
        access_operand(t, u, 2, ACC_WRITE, &m);
    emit_x87(t, u, m);
    if (u->form == FORM_R)
        e_store(&t->e, 2, reg_operand(RAX), S0);
    return true;
}

/* ---- MMX ---- */

/* Bytes of memory an MMX instruction touches. */
static unsigned memory_size(const struct tr *t)
{
    unsigned n = 8;
    for (unsigned k = 0; k < t->i->in.noperands; k++)
        if (t->i->in.op[k].kind == OPK_MEM)
            n = t->i->in.op[k].size;
    return n;
}
static bool has_imm(const struct tr *t)
{
    const struct insn *in = &t->i->in;
    return in->noperands && in->op[in->noperands - 1].kind == OPK_IMM;
}

/* arg: the opcode but for its last byte. Both operands MMX registers, or one in memory. */
bool rule_mmx(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    bool memory = uop_has_memory(u);
    if (!runs_on_host(t) || !x64_host_has(t, t->i->in.row))
        return false;
    struct rm m = rm_reg(t->i->in.modrm & 7);
    want_x87(t);
    if (memory)
        access_operand(t, u, memory_size(t), u->form == FORM_MR ? ACC_WRITE : ACC_READ, &m);
    e_op(e, 4, rule_arg(u) << 8 | t->i->in.opcode, t->i->in.modrm >> 3 & 7, m);
    if (has_imm(t))
        e8(e, (u8)u->imm);
    return true;
}

bool rule_emms(struct tr *t, const struct uop *u)
{
    (void)u;
    if (!runs_on_host(t))
        return false;
    want_x87(t);
    e16(&t->e, 0x770f);
    return true;
}

/* MOVD, MOVQ and PINSRW from a general register, or from memory. */
bool rule_mmx_from_gpr(struct tr *t, const struct uop *u)
{
    struct emit *e = &t->e;
    bool memory = uop_has_memory(u);
    if (!runs_on_host(t))
        return false;
    struct rm m;
    want_x87(t);
    if (memory)
        access_operand(t, u, memory_size(t), ACC_READ, &m);
    else
        m = rm_reg(reg_in(t, u->src, S0));
    bool wide = u->op == UOP_MMX_MOVD_TO && u->size2 == 8;
    e_op_prefixed(e, 0, wide, 0x0f00u | t->i->in.opcode, u->dst & 7, m);
    if (has_imm(t))
        e8(e, (u8)u->imm);
    return true;
}
/* MOVD, MOVQ to a general register or memory. */
bool rule_mmx_to_gpr(struct tr *t, const struct uop *u)
{
    struct rm m;
    if (!runs_on_host(t))
        return false;
    want_x87(t);
    if (u->form == FORM_MR)
        access_operand(t, u, u->size, ACC_WRITE, &m);
    else
        m = rm_reg(reg_target(u->dst, S0));
    e_op_prefixed(&t->e, 0, u->size == 8, 0x0f7e, u->src & 7, m);
    if (u->form == FORM_RR)
        reg_put(t, u->dst, m.reg);
    return true;
}
/* PEXTRW, PMOVMSKB: the general register is the one in ModRM.reg. */
bool rule_mmx_gather(struct tr *t, const struct uop *u)
{
    if (!runs_on_host(t))
        return false;
    want_x87(t);
    unsigned to = reg_target(u->dst, S0);
    e_op(&t->e, 4, 0x0f00u | t->i->in.opcode, to, rm_reg(u->src & 7u));
    if (has_imm(t))
        e8(&t->e, (u8)u->imm);
    reg_put(t, u->dst, to);
    return true;
}

/* MOVQ2DQ, MOVDQ2Q. arg: the prefix. */
bool rule_mmx_xmm(struct tr *t, const struct uop *u)
{
    if (!runs_on_host(t))
        return false;
    want_x87(t);
    want_vec(t);
    e_op_prefixed(&t->e, rule_arg(u), false, 0x0fd6, u->dst, rm_reg(u->src));
    return true;
}
