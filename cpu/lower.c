/*
 * From struct insn to micro-ops. One rule serves nearly every row: operands
 * choose the shape, the row names the operation. What CR0, CR4 and XCR0 do not
 * allow becomes a gate, which raises what the manual says.
 */
#include <stdlib.h>

#include "cpu/insn.h"

/* Which #NM/#UD gate a row needs in this mode, or 0. The gate's aux. */
static unsigned gate_of(u16 attrs, u32 mode)
{
    if ((attrs & A_AVX) && !(mode & MODE_AVX))
        return A_AVX;
    if ((attrs & A_SSE) && !(mode & MODE_SSE))
        return A_SSE;
    if ((attrs & A_MMX) && !(mode & MODE_FPU))
        return A_MMX;
    if ((attrs & A_FPU) && !(mode & MODE_FPU))
        return A_FPU;
    return 0;
}

static u8 amode_of(const struct insn *in, u32 mode)
{
    if ((mode & MODE_CODE) == MODE_CODE64)
        return in->asize == 8 && in->seg < FS ? AM_FLAT64 : AM_SEG64;
    bool flat = (mode & MODE_FLAT) && in->asize == 4 && (in->seg == DS || in->seg == ES || in->seg == SS);
    return flat ? AM_FLAT32 : AM_SEG;
}

static void set_memory(struct uop *u, const struct insn *in, u32 mode, u16 pc_off)
{
    u->base = in->base;
    u->index = in->index;
    u->scale = in->scale;
    i64 disp = in->disp + (in->base == SLOT_RIP ? (i64)pc_off + in->len : 0);
    u->disp = (i32)disp;
    if (disp != u->disp) /* beyond 2^31 from the block's start, though not from the instruction */
        u->index = SLOT_4G;
    u->amode = amode_of(in, mode);
}

/* Operands into dst, src, src2, imm; returns the shape. VEX.vvvv is src2 unless it is the destination. */
static enum form set_operands(struct uop *u, const struct insn *in, u16 pc_off)
{
    enum { NONE, REG, MEM, IMM } kind[2] = {NONE, NONE};
    unsigned n = 0;
    for (unsigned i = 0; i < in->noperands; i++) {
        const struct operand *o = &in->op[i];
        switch (o->kind) {
        case OPK_NONE:
            break;
        case OPK_IMM:
        case OPK_REL:
        case OPK_FAR:
            if (n < 2)
                kind[n++] = IMM;
            break;
        case OPK_MEM:
            if (n < 2)
                kind[n++] = MEM;
            break;
        default:
            if ((o->vvvv && i > 0) || n >= 2) {
                u->src2 = o->reg;
            } else {
                if (n == 0)
                    u->dst = o->reg;
                else
                    u->src = o->reg;
                kind[n++] = REG;
            }
        }
    }
    u->imm = in->imm;
    if (in->noperands && in->op[0].kind == OPK_REL)
        u->imm += (u64)pc_off + in->len;
    if (kind[0] == MEM && kind[1] == REG)
        return FORM_MR;
    if (kind[0] == REG)
        return kind[1] == REG ? FORM_RR : kind[1] == MEM ? FORM_RM : kind[1] == IMM ? FORM_RI : FORM_R;
    if (kind[0] == MEM)
        return kind[1] == IMM ? FORM_MI : FORM_M;
    return kind[0] == IMM ? FORM_I : FORM_0;
}

static unsigned size_column(unsigned size) { return size == 2 ? 1 : size == 4 ? 2 : size >= 8 ? 3 : 0; }

/* Which column of a uop_table: the operand size, or for SIMD the encoding (vec.h). */
static unsigned column_of(const struct insn *in, unsigned size)
{
    if (in->row->attrs & A_AVX)
        return 1 + in->vex_l;
    return in->row->attrs & A_SSE ? 0 : size_column(size);
}

unsigned lower(const struct insn *in, u32 mode, u16 pc_off, struct uop *out)
{
    const struct insn_row *row = in->row;
    struct uop *u = out;
    *u = (struct uop){.op = row->uop, .aux = row->aux, .base = SLOT_ZERO, .index = SLOT_ZERO};
    u->pc_off = pc_off;
    u->len = in->len;
    u->asize = in->asize;
    u->seg = in->seg;
    u->flags = UF_FIRST | UF_LAST | (in->lock ? UF_LOCK : 0) | (in->rep ? UF_REP : 0) | (in->repne ? UF_REPNE : 0) |
               (in->rex & 8 ? UF_REXW : 0);
    unsigned gate = gate_of(row->attrs, mode);
    if (gate) {
        u->op = UOP_GATE;
        u->imm = gate;
        u->fn = uop_info[UOP_GATE].table->fn[FORM_0][0];
        return 1;
    }
    u->form = set_operands(u, in, pc_off);
    if (row->attrs & A_FPU)
        u->imm = (in->opcode & 7u) << 8 | in->modrm;                           /* FOP (SDM vol. 1, 8.1.9) */
    bool sized = in->noperands && in->op[0].size && in->op[0].kind != OPK_IMM; /* PUSH Ib, RET Iw: operand size */
    u->size = sized ? in->op[0].size : in->opsize;
    u->size2 = in->noperands > 1 && in->op[1].size ? in->op[1].size : u->size;
    bool memory = false;
    for (unsigned i = 0; i < in->noperands; i++)
        memory |= in->op[i].kind == OPK_MEM;
    if (memory || in->base != SLOT_ZERO)
        set_memory(u, in, mode, pc_off);
    else
        u->disp = (i32)in->imm2;
    if (!memory)
        u->amode = amode_of(in, mode); /* strings, XLAT, MASKMOV: implied memory */
    u->fn = uop_info[u->op].table->fn[u->form][column_of(in, u->size)];
    if (!u->fn) {
        fprintf(stderr, "uop %s has no handler for form %u size %u ([%s] %s %s)\n", uop_info[u->op].name, u->form,
                u->size, row->encoding, row->mnemonic, row->operands);
        abort();
    }
    return 1;
}
