/*
 * Far transfers of control (SDM vol. 3, 5.8): JMP, CALL and RET to other
 * segments, through call gates and to tasks, and IRET in every mode, with
 * the stack frames they and interrupt delivery build.
 *
 * SLOT_RIP, CS, SS and CPL change only when nothing can fault any more.
 */
#include "cpu/interp.h"
#include "cpu/system/sys.h"

/* ---- frames ---- */

void frame_current(struct cpu *cpu, struct frame *f, unsigned size)
{
    f->ss = cpu->seg[SS];
    f->sp = cpu->gpr[RSP];
    f->sp_mask = cpu->sp_mask;
    f->idx = cpu->mmu_idx;
    f->long_mode = is_code64(cpu);
    f->size = (u8)size;
    f->error = 0;
    f->n = 0;
}

/* The inner stack's SS:ESP from a 16- or 32-bit TSS. */
static void inner_from_tss(struct cpu *cpu, struct frame *f, unsigned cpl)
{
    bool tss32 = cpu->tr.attr & BIT(3);
    unsigned entry = tss32 ? 8 : 4, offset = (tss32 ? 4 : 2) + cpl * entry;
    if (offset + entry - 1 > cpu->tr.limit + (tss32 ? 2u : 0u))
        raise_sel(cpu, EXC_TS, cpu->tr.sel);
    u64 lin = cpu->tr.base + offset;
    f->sp = sysmem_read(cpu, lin, tss32 ? 4 : 2);
    u16 sel = (u16)sysmem_read(cpu, lin + entry / 2, 2);
    if (!(sel & 0xfffc))
        raise_sel(cpu, EXC_TS, 0);
    struct desc d;
    ss_check(cpu, sel, cpl, EXC_TS, &d);
    desc_set_accessed(cpu, &d);
    f->ss = seg_of(sel, &d);
    f->sp_mask = desc_is_big(&d) ? 0xffffffffu : 0xffffu;
    f->error = sel;
}

/* The 64-bit TSS: RSP0..2 at 4, IST1..7 at 0x24 (index 7 + IST). */
static u64 rsp_from_tss(struct cpu *cpu, unsigned index)
{
    unsigned offset = index < 8 ? 4 + index * 8 : 0x24 + (index - 8) * 8;
    if (offset + 7 > cpu->tr.limit)
        raise_sel(cpu, EXC_TS, cpu->tr.sel);
    return sysmem_read(cpu, cpu->tr.base + offset, 8);
}

void frame_inner(struct cpu *cpu, struct frame *f, unsigned cpl, unsigned size)
{
    f->size = (u8)size;
    f->n = 0;
    f->long_mode = is_long(cpu);
    f->idx = idx_for_cpl(cpu, cpl & 3);
    if (!f->long_mode) {
        inner_from_tss(cpu, f, cpl);
        return;
    }
    f->sp = rsp_from_tss(cpu, cpl);
    f->sp_mask = ~0ull;
    f->error = 0;
    f->ss = seg_null((u16)(cpl & 3));
    if (!is_canonical(f->sp))
        raise_sel(cpu, EXC_SS, 0);
}

void frame_push(struct frame *f, u64 val)
{
    assert(f->n < ARRAY_LEN(f->val));
    f->val[f->n++] = val;
}

/* Linear address of the frame's next item down from sp. */
static u64 frame_lin(struct cpu *cpu, const struct frame *f, u64 sp)
{
    if (f->long_mode) {
        if (!is_canonical(sp) || !is_canonical(sp + f->size - 1))
            raise_sel(cpu, EXC_SS, f->error);
        return sp;
    }
    bool ok = !(f->ss.attr & SEG_UNUSABLE) && seg_in_limit(&f->ss, sp, f->size) &&
              (is_real_like(cpu) || (f->ss.attr & (SEG_CODE | SEG_W)) == SEG_W);
    if (!ok)
        raise_sel(cpu, EXC_SS, f->error);
    return (u32)(f->ss.base + sp);
}

void frame_write(struct cpu *cpu, struct frame *f)
{
    u64 lin[ARRAY_LEN(f->val)], sp = f->sp & f->sp_mask;
    for (unsigned i = 0; i < f->n; i++) {
        sp = (sp - f->size) & f->sp_mask;
        lin[i] = frame_lin(cpu, f, sp);
        mem_probe_write(cpu, lin[i], f->size, (unsigned)f->idx);
    }
    for (unsigned i = 0; i < f->n; i++)
        mem_write_as(cpu, lin[i], f->val[i], f->size, (unsigned)f->idx);
    f->sp = sp;
}

void frame_load(struct cpu *cpu, const struct frame *f, bool inner)
{
    if (inner) {
        cpu->seg[SS] = f->ss;
        cpu->gpr[RSP] = f->sp_mask == 0xffff ? (cpu->gpr[RSP] & ~0xffffull) | f->sp : f->sp;
    } else {
        cpu->gpr[RSP] = (cpu->gpr[RSP] & ~f->sp_mask) | f->sp;
    }
    if (f->sp_mask == 0xffffffffu)
        cpu->gpr[RSP] = (u32)cpu->gpr[RSP];
}

/* ---- JMP and CALL ---- */

/* What a far CALL or JMP asks for. */
struct far_op {
    u16 sel;
    u64 off;
    unsigned size; /* operand size */
    u64 ret;       /* of a CALL */
    bool call;
};

/* Type and privilege of code reached without changing rings. */
static void check_direct_code(struct cpu *cpu, u16 sel, const struct desc *d)
{
    unsigned dpl = desc_dpl(d), rpl = sel & 3u;
    bool ok = desc_is_conforming(d) ? dpl <= cpu->cpl : dpl == cpu->cpl && rpl <= cpu->cpl;
    if (is_long(cpu) && desc_is_long(d) && desc_is_big(d))
        ok = false;
    if (!ok)
        raise_sel(cpu, EXC_GP, sel);
    if (!desc_present(d))
        raise_sel(cpu, EXC_NP, sel);
}

static void push_return(struct cpu *cpu, const struct far_op *op)
{
    struct frame f;
    frame_current(cpu, &f, op->size);
    frame_push(&f, cpu->seg[CS].sel);
    frame_push(&f, op->ret);
    frame_write(cpu, &f);
    frame_load(cpu, &f, false);
}

static void far_real(struct cpu *cpu, const struct far_op *op)
{
    if (op->off > cpu->seg[CS].limit)
        raise_gp(cpu, 0);
    if (op->call)
        push_return(cpu, op);
    seg_load_real(cpu, CS, op->sel);
    cpu->gpr[SLOT_RIP] = op->off;
}

static void far_direct(struct cpu *cpu, const struct far_op *op, struct desc *d)
{
    check_direct_code(cpu, op->sel, d);
    code_offset_check(cpu, d, op->off);
    desc_set_accessed(cpu, d);
    if (op->call)
        push_return(cpu, op);
    cs_set(cpu, op->sel, d, cpu->cpl);
    cpu->gpr[SLOT_RIP] = op->off;
}

/* CALL through a gate to an inner ring: a new stack with the parameters copied over. */
static void call_inner(struct cpu *cpu, const struct far_op *op, u16 sel, u64 off, struct desc *code, unsigned nparams)
{
    struct frame f;
    u64 param[31];
    for (unsigned i = 0; i < nparams; i++)
        param[i] = stack_peek(cpu, i * op->size, op->size);
    frame_inner(cpu, &f, desc_dpl(code), op->size);
    code_offset_check(cpu, code, off);
    frame_push(&f, cpu->seg[SS].sel);
    frame_push(&f, cpu->gpr[RSP] & (is_long(cpu) ? ~0ull : 0xffffffffull));
    for (unsigned i = nparams; i-- > 0;)
        frame_push(&f, param[i]);
    frame_push(&f, cpu->seg[CS].sel);
    frame_push(&f, op->ret);
    desc_set_accessed(cpu, code);
    frame_write(cpu, &f);
    frame_load(cpu, &f, true);
    cs_set(cpu, sel, code, desc_dpl(code));
    cpu->gpr[SLOT_RIP] = off;
}

/* In long mode the frame of a same-ring call through a gate has 8-byte slots whatever the caller's mode. */
static void push_return_gate(struct cpu *cpu, const struct far_op *op)
{
    struct frame f;
    frame_current(cpu, &f, op->size);
    if (is_long(cpu)) {
        f.long_mode = true;
        f.sp_mask = ~0ull;
    }
    frame_push(&f, cpu->seg[CS].sel);
    frame_push(&f, op->ret);
    frame_write(cpu, &f);
    frame_load(cpu, &f, false);
}

static void far_call_gate(struct cpu *cpu, const struct far_op *op, const struct desc *gate, unsigned type)
{
    u16 sel = (u16)(gate->lo >> 16);
    u64 off = gate->lo & 0xffff;
    struct desc code;
    struct far_op via = *op;
    via.size = is_long(cpu) ? 8 : type == SYS_CALL32 ? 4 : 2;
    if (type == SYS_CALL32)
        off |= gate->hi & 0xffff0000u;
    if (is_long(cpu))
        off |= desc_base_high(cpu, gate, op->sel, EXC_GP);
    if (!(sel & 0xfffc))
        raise_gp(cpu, cpu->exc_ext);
    desc_fetch(cpu, sel, EXC_GP, &code);
    unsigned dpl = desc_dpl(&code);
    bool ok = desc_is_code(&code) && dpl <= cpu->cpl;
    if (!op->call && !desc_is_conforming(&code) && dpl != cpu->cpl)
        ok = false;
    if (is_long(cpu) && (!desc_is_long(&code) || desc_is_big(&code)))
        ok = false;
    if (!ok)
        raise_sel(cpu, EXC_GP, sel);
    if (!desc_present(&code))
        raise_sel(cpu, EXC_NP, sel);
    if (op->call && !desc_is_conforming(&code) && dpl < cpu->cpl) {
        call_inner(cpu, &via, sel, off, &code, is_long(cpu) ? 0 : gate->hi & 31);
        return;
    }
    code_offset_check(cpu, &code, off);
    desc_set_accessed(cpu, &code);
    if (op->call)
        push_return_gate(cpu, &via);
    cs_set(cpu, sel, &code, cpu->cpl);
    cpu->gpr[SLOT_RIP] = off;
}

static void far_system(struct cpu *cpu, const struct far_op *op, struct desc *d)
{
    unsigned type = desc_type(d);
    bool known = is_long(cpu) ? type == SYS_CALL32
                              : type == SYS_CALL16 || type == SYS_CALL32 || type == SYS_TASK || type == SYS_TSS16 ||
                                    type == SYS_TSS32;
    if (!known || desc_dpl(d) < MAX(cpu->cpl, op->sel & 3u))
        raise_sel(cpu, EXC_GP, op->sel);
    bool is_tss = type == SYS_TSS16 || type == SYS_TSS32;
    if (is_tss && (op->sel & 4))
        raise_sel(cpu, EXC_GP, op->sel);
    if (!desc_present(d))
        raise_sel(cpu, EXC_NP, op->sel);
    if (type == SYS_CALL16 || type == SYS_CALL32) {
        far_call_gate(cpu, op, d, type);
        return;
    }
    struct desc tss = *d;
    u16 sel = is_tss ? op->sel : task_gate_tss(cpu, d, &tss);
    struct task_event event = {op->call ? TASK_CALL : TASK_JUMP, op->ret, cpu_eflags(cpu), false, 0};
    task_switch(cpu, sel, &tss, &event);
}

static void far_transfer(struct cpu *cpu, const struct far_op *op)
{
    struct desc d;
    if (is_real_like(cpu)) {
        far_real(cpu, op);
    } else {
        if (!(op->sel & 0xfffc))
            raise_gp(cpu, 0);
        desc_fetch(cpu, op->sel, EXC_GP, &d);
        if (desc_is_code(&d))
            far_direct(cpu, op, &d);
        else if (desc_is_seg(&d))
            raise_sel(cpu, EXC_GP, op->sel);
        else
            far_system(cpu, op, &d);
    }
    cpu_update_mode(cpu);
}

static const struct uop *far_imm(struct cpu *cpu, const struct uop *u, bool call)
{
    RAISES(cpu, u);
    struct far_op op = {(u16)u->disp, u->imm & size_mask(u->size), u->size, uop_next_ip(cpu, u), call};
    far_transfer(cpu, &op);
    return goto_afresh(cpu, u, cpu->gpr[SLOT_RIP]);
}

static const struct uop *far_mem(struct cpu *cpu, const struct uop *u, bool call)
{
    unsigned size = u->size - 2u; /* the operand is the pointer: offset, then selector */
    u64 off = mem_read(cpu, uop_lin(cpu, u, size, false), size);
    u16 sel = (u16)mem_read(cpu, uop_lin_off(cpu, u, size, 2, false), 2);
    struct far_op op = {sel, off, u->flags & UF_REXW ? 8 : size, uop_next_ip(cpu, u), call};
    far_transfer(cpu, &op);
    return goto_afresh(cpu, u, cpu->gpr[SLOT_RIP]);
}

static UOP_FN(jmp_far_imm) { return far_imm(cpu, u, false); }
static UOP_FN(jmp_far_mem) { return far_mem(cpu, u, false); }
static UOP_FN(call_far_imm) { return far_imm(cpu, u, true); }
static UOP_FN(call_far_mem) { return far_mem(cpu, u, true); }

/* ---- RET ---- */

/* What a far return or IRET read from the stack. */
struct far_return {
    u16 cs;
    u64 ip;
    struct desc code;
    unsigned size;
    u8 absent;   /* vector for a stack segment that is not present: #SS for RET, #NP for IRET */
    u32 frame;   /* bytes above SP at which the outer SS:SP lies, or the frame's end */
    u32 release; /* parameter bytes dropped from both stacks */
};

/* The checks of the return's CS (SDM vol. 2, RET and IRET). */
static void check_return_code(struct cpu *cpu, struct far_return *r)
{
    if (!(r->cs & 0xfffc))
        raise_gp(cpu, 0);
    desc_fetch(cpu, r->cs, EXC_GP, &r->code);
    unsigned rpl = r->cs & 3u, dpl = desc_dpl(&r->code);
    bool ok = desc_is_code(&r->code) && rpl >= cpu->cpl && (desc_is_conforming(&r->code) ? dpl <= rpl : dpl == rpl) &&
              !(is_long(cpu) && desc_is_long(&r->code) && desc_is_big(&r->code));
    if (!ok)
        raise_sel(cpu, EXC_GP, r->cs);
    if (!desc_present(&r->code))
        raise_sel(cpu, EXC_NP, r->cs);
}

/* The stack a return to an outer ring (or any 64-bit IRET) goes to. */
static struct seg read_return_stack(struct cpu *cpu, const struct far_return *r, u64 *sp)
{
    struct desc d;
    *sp = stack_peek(cpu, r->frame, r->size);
    u16 sel = (u16)stack_peek(cpu, r->frame + r->size, r->size);
    unsigned rpl = r->cs & 3u;
    if (!(sel & 0xfffc)) {
        if (!is_long(cpu) || !desc_is_long(&r->code) || rpl == 3)
            raise_gp(cpu, 0);
        return seg_null(sel);
    }
    desc_fetch(cpu, sel, EXC_GP, &d);
    if ((sel & 3u) != rpl || !desc_is_stack(&d) || desc_dpl(&d) != rpl)
        raise_sel(cpu, EXC_GP, sel);
    if (!desc_present(&d))
        raise_sel(cpu, r->absent, sel);
    desc_set_accessed(cpu, &d);
    return seg_of(sel, &d);
}

/* Commits a return with its stack: SP as wide as the new mode and SS say. */
static void load_return(struct cpu *cpu, struct far_return *r, const struct seg *ss, u64 sp)
{
    unsigned rpl = r->cs & 3u;
    bool outer = rpl != cpu->cpl;
    cs_set(cpu, r->cs, &r->code, rpl);
    cpu->seg[SS] = *ss;
    cpu->gpr[SLOT_RIP] = r->ip;
    cpu_update_mode(cpu);
    if (cpu->sp_mask == 0xffff)
        cpu->gpr[RSP] = (cpu->gpr[RSP] & ~0xffffull) | (u16)(sp + r->release);
    else
        cpu->gpr[RSP] = (sp + r->release) & cpu->sp_mask;
    if (outer)
        segs_drop_privileged(cpu);
}

static void ret_protected(struct cpu *cpu, unsigned size, u32 release)
{
    struct far_return r = {.size = size, .release = release, .frame = 2 * size + release, .absent = EXC_SS};
    r.ip = stack_peek(cpu, 0, size);
    r.cs = (u16)stack_peek(cpu, size, size);
    check_return_code(cpu, &r);
    if ((r.cs & 3u) == cpu->cpl) {
        code_offset_check(cpu, &r.code, r.ip);
        cs_set(cpu, r.cs, &r.code, cpu->cpl);
        sp_set(cpu, cpu->gpr[RSP] + r.frame);
        cpu->gpr[SLOT_RIP] = r.ip;
        return;
    }
    u64 sp;
    struct seg ss = read_return_stack(cpu, &r, &sp);
    code_offset_check(cpu, &r.code, r.ip);
    load_return(cpu, &r, &ss, sp);
}

static const struct uop *ret_far(struct cpu *cpu, const struct uop *u, u32 release)
{
    RAISES(cpu, u);
    if (is_real_like(cpu)) {
        u64 ip = stack_peek(cpu, 0, u->size);
        u16 cs = (u16)stack_peek(cpu, u->size, u->size);
        if (ip > cpu->seg[CS].limit)
            raise_gp(cpu, 0);
        seg_load_real(cpu, CS, cs);
        sp_set(cpu, cpu->gpr[RSP] + 2u * u->size + release);
        cpu->gpr[SLOT_RIP] = ip;
    } else {
        ret_protected(cpu, u->size, release);
    }
    cpu_update_mode(cpu);
    return goto_afresh(cpu, u, cpu->gpr[SLOT_RIP]);
}

static UOP_FN(ret_far_0) { return ret_far(cpu, u, 0); }
static UOP_FN(ret_far_imm) { return ret_far(cpu, u, (u16)u->imm); }

/* ---- IRET ---- */

/* The EFLAGS bits IRET and POPF may change at this privilege; 16-bit images reach only the low half. */
static u32 iret_mask(const struct cpu *cpu, unsigned size)
{
    u32 mask = FL_ARITH | FL_TF | FL_DF | FL_NT | FL_RF | FL_AC | FL_ID;
    if (cpu->cpl <= iopl(cpu))
        mask |= FL_IF;
    if (cpu->cpl == 0)
        mask |= FL_IOPL | FL_VIF | FL_VIP;
    return size == 2 ? mask & 0xffff : mask;
}

/* EFLAGS as IRET loads them: RF then holds for the instruction returned to. */
static void iret_flags(struct cpu *cpu, u32 image, u32 mask)
{
    cpu->keep_rf = (image & mask & FL_RF) && is_stepping(cpu);
    eflags_load(cpu, image, mask);
}

static void iret_real(struct cpu *cpu, unsigned size)
{
    u64 ip = stack_peek(cpu, 0, size);
    u16 cs = (u16)stack_peek(cpu, size, size);
    u32 flags = (u32)stack_peek(cpu, 2 * size, size);
    if (ip > cpu->seg[CS].limit)
        raise_gp(cpu, 0);
    seg_load_real(cpu, CS, cs);
    sp_set(cpu, cpu->gpr[RSP] + 3 * size);
    cpu->gpr[SLOT_RIP] = ip;
    u32 mask = FL_ARITH | FL_TF | FL_IF | FL_DF | FL_IOPL | FL_NT;
    if (size == 4)
        mask |= FL_RF | FL_AC | FL_ID;
    iret_flags(cpu, flags, mask);
}

/* V86 with IOPL < 3: only with VME, and then IF stands for VIF (SDM vol. 3, 20.2.7). */
static void iret_v86(struct cpu *cpu, unsigned size)
{
    bool vme = cpu->cr4 & CR4_VME;
    if (iopl(cpu) < 3 && !(vme && size == 2))
        raise_gp(cpu, 0);
    u64 ip = stack_peek(cpu, 0, size);
    u16 cs = (u16)stack_peek(cpu, size, size);
    u32 flags = (u32)stack_peek(cpu, 2 * size, size);
    u32 mask = iret_mask(cpu, size);
    if (iopl(cpu) < 3) {
        if ((flags & FL_TF) || ((flags & FL_IF) && (cpu->eflags & FL_VIP)))
            raise_gp(cpu, 0);
        flags = (flags & ~(u32)FL_VIF) | (flags & FL_IF ? (u32)FL_VIF : 0);
        mask = (mask & ~(u32)FL_IF) | FL_VIF;
    }
    if (ip > 0xffff)
        raise_gp(cpu, 0);
    seg_load_real(cpu, CS, cs);
    sp_set(cpu, cpu->gpr[RSP] + 3 * size);
    cpu->gpr[SLOT_RIP] = ip;
    iret_flags(cpu, flags, mask);
}

/* From ring 0 back into virtual-8086 mode: nine dwords. */
static void iret_to_v86(struct cpu *cpu, u64 ip, u16 cs, u32 flags)
{
    static const u8 order[] = {SS, ES, DS, FS, GS};
    u16 sel[SEG_COUNT];
    u64 sp = stack_peek(cpu, 12, 4);
    for (unsigned i = 0; i < ARRAY_LEN(order); i++)
        sel[order[i]] = (u16)stack_peek(cpu, 16 + 4 * i, 4);
    if ((u32)ip > 0xffff)
        raise_gp(cpu, 0);
    sel[CS] = cs;
    u32 mask = FL_ARITH | FL_TF | FL_IF | FL_DF | FL_IOPL | FL_NT | FL_RF | FL_VM | FL_AC | FL_VIF | FL_VIP | FL_ID;
    cpu->keep_rf = (flags & FL_RF) && is_stepping(cpu);
    flags_from_image(cpu, flags);
    cpu->eflags = (flags & mask & eflags_valid(cpu) & ~(u32)FL_ARITH) | FL_1;
    for (unsigned s = 0; s < SEG_COUNT; s++)
        seg_load_real(cpu, s, sel[s]);
    cpu->cpl = 3;
    cpu->gpr[RSP] = (u32)sp;
    cpu->gpr[SLOT_RIP] = (u16)ip;
}

static void iret_protected(struct cpu *cpu, unsigned size)
{
    struct far_return r = {.size = size, .frame = 3 * size, .absent = EXC_NP};
    r.ip = stack_peek(cpu, 0, size);
    r.cs = (u16)stack_peek(cpu, size, size);
    u32 flags = (u32)stack_peek(cpu, 2 * size, size);
    if (!is_long(cpu) && size == 4 && (flags & FL_VM) && cpu->cpl == 0) {
        iret_to_v86(cpu, r.ip, r.cs, flags);
        return;
    }
    check_return_code(cpu, &r);
    u32 mask = iret_mask(cpu, size); /* by the CPL that executes it */
    if ((r.cs & 3u) == cpu->cpl && !is_code64(cpu)) {
        code_offset_check(cpu, &r.code, r.ip);
        cs_set(cpu, r.cs, &r.code, cpu->cpl);
        sp_set(cpu, cpu->gpr[RSP] + r.frame);
        cpu->gpr[SLOT_RIP] = r.ip;
    } else {
        u64 sp;
        struct seg ss = read_return_stack(cpu, &r, &sp);
        code_offset_check(cpu, &r.code, r.ip);
        load_return(cpu, &r, &ss, sp);
    }
    iret_flags(cpu, flags, mask);
}

static void iret_task(struct cpu *cpu, u64 ret)
{
    if (is_long(cpu))
        raise_gp(cpu, 0);
    u16 sel = (u16)sysmem_read(cpu, cpu->tr.base, 2);
    struct desc tss;
    if ((sel & 4) || !desc_read(cpu, sel, &tss) || desc_is_seg(&tss) ||
        (desc_type(&tss) != SYS_TSS16_BUSY && desc_type(&tss) != SYS_TSS32_BUSY))
        raise_sel(cpu, EXC_TS, sel);
    if (!desc_present(&tss))
        raise_sel(cpu, EXC_NP, sel);
    struct task_event event = {TASK_IRET, ret, cpu_eflags(cpu), false, 0};
    task_switch(cpu, sel, &tss, &event);
}

static UOP_FN(iret)
{
    RAISES(cpu, u);
    if (!is_protected(cpu))
        iret_real(cpu, u->size);
    else if (is_v86(cpu))
        iret_v86(cpu, u->size);
    else if (cpu->eflags & FL_NT)
        iret_task(cpu, uop_next_ip(cpu, u));
    else
        iret_protected(cpu, u->size);
    cpu->nmi_masked = false;
    cpu_update_mode(cpu);
    return goto_afresh(cpu, u, cpu->gpr[SLOT_RIP]);
}

const struct uop_table uop_jmp_far = {{[FORM_I] = ANY_SIZE(jmp_far_imm), [FORM_M] = ANY_SIZE(jmp_far_mem)}};
const struct uop_table uop_call_far = {{[FORM_I] = ANY_SIZE(call_far_imm), [FORM_M] = ANY_SIZE(call_far_mem)}};
const struct uop_table uop_ret_far = {{[FORM_0] = ANY_SIZE(ret_far_0), [FORM_I] = ANY_SIZE(ret_far_imm)}};
const struct uop_table uop_iret = {{[FORM_0] = ANY_SIZE(iret)}};
