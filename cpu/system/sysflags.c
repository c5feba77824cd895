/*
 * Segment register moves, interrupt flag and flags image instructions, software
 * interrupts, HLT and MONITOR/MWAIT, SYSCALL and SYSENTER, FS/GS bases: all
 * that programs do to segments, flags and privilege without a far pointer.
 *
 * Most go on in their block when the mode they leave is the mode they met;
 * IF = 1 or a mode change sends them to the run loop (go_on, goto_afresh).
 */
#include "cpu/system/sys.h"

/* ---- segment registers ---- */

/* Interrupts and traps wait until after the next instruction. Inside a block that holds by itself. */
static void begin_shadow(struct cpu *cpu, bool ss)
{
    cpu->shadow = is_stepping(cpu) ? 2 : 1; /* this instruction's own cpu_step_done counts, if it has one */
    cpu->shadow_ss = ss;
    cpu_update_mode(cpu);
}

static bool last_in_block(const struct uop *u) { return u[1].op == UOP_FALLTHROUGH; }

static const struct uop *after_seg_load(struct cpu *cpu, const struct uop *u, unsigned s, u32 mode)
{
    if (s == SS && ((mode & MODE_STEP) || last_in_block(u) || __atomic_load_n(&cpu->held, __ATOMIC_RELAXED) ||
                    __atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) || cpu->mode != mode)) {
        u64 next = uop_next_ip(cpu, u);
        begin_shadow(cpu, true);
        return goto_afresh(cpu, u, next);
    }
    return go_on(cpu, u, mode);
}

static void check_sreg(struct cpu *cpu, unsigned s, bool load)
{
    if (s >= SEG_COUNT || (load && s == CS))
        raise_ud(cpu);
}

static UOP_FN(mov_to_sreg)
{
    RAISES(cpu, u);
    check_sreg(cpu, u->dst, true);
    u32 mode = cpu->mode;
    u16 sel = (u16)(u->form == FORM_RR ? reg_get(cpu, u->src, 2) : mem_read(cpu, uop_lin(cpu, u, 2, false), 2));
    seg_load(cpu, u->dst, sel);
    return after_seg_load(cpu, u, u->dst, mode);
}

static UOP_FN(mov_from_sreg_r)
{
    RAISES(cpu, u);
    check_sreg(cpu, u->src, false);
    reg_set(cpu, u->dst, u->size, cpu->seg[u->src].sel);
    NEXT(u);
}
static UOP_FN(mov_from_sreg_m)
{
    RAISES(cpu, u);
    check_sreg(cpu, u->src, false);
    mem_write(cpu, uop_lin(cpu, u, 2, true), cpu->seg[u->src].sel, 2);
    NEXT(u);
}

/* aux: the segment. With a 32-bit operand only the low word is written (SDM vol. 2, PUSH). */
static UOP_FN(push_sreg)
{
    RAISES(cpu, u);
    unsigned width = u->size == 4 ? 2 : u->size;
    u64 sp = cpu->gpr[RSP] - u->size;
    mem_write(cpu, stack_lin(cpu, sp, width, true), cpu->seg[u->aux].sel, width);
    sp_set(cpu, sp);
    NEXT(u);
}
static UOP_FN(pop_sreg)
{
    RAISES(cpu, u);
    u32 mode = cpu->mode;
    u64 sp_mask = cpu->sp_mask, sp = cpu->gpr[RSP] + u->size;
    seg_load(cpu, u->aux, (u16)stack_peek(cpu, 0, 2));
    cpu->gpr[RSP] = (cpu->gpr[RSP] & ~sp_mask) | (sp & sp_mask);
    return after_seg_load(cpu, u, u->aux, mode);
}

/* LES, LDS, LSS, LFS, LGS; aux: the segment. */
static UOP_FN(load_far)
{
    u32 mode = cpu->mode;
    unsigned size = u->size2 - 2u; /* of the offset */
    u64 off = mem_read(cpu, uop_lin(cpu, u, size, false), size);
    u16 sel = (u16)mem_read(cpu, uop_lin_off(cpu, u, size, 2, false), 2);
    seg_load(cpu, u->aux, sel);
    reg_set(cpu, u->dst, u->size, off);
    return go_on(cpu, u, mode);
}

/* ---- IF ---- */

/* Which flag CLI and STI act on: IF, VIF (VME in V86 mode, PVI in ring 3), or #GP. */
static u32 interrupt_flag(struct cpu *cpu)
{
    if (!is_protected(cpu) || (is_v86(cpu) ? iopl(cpu) == 3 : cpu->cpl <= iopl(cpu)))
        return FL_IF;
    bool virtual_if = is_v86(cpu) ? cpu->cr4 & CR4_VME : cpu->cpl == 3 && (cpu->cr4 & CR4_PVI);
    if (!virtual_if)
        raise_gp(cpu, 0);
    return FL_VIF;
}

static UOP_FN(cli)
{
    RAISES(cpu, u);
    cpu->eflags &= ~interrupt_flag(cpu);
    NEXT(u);
}

static UOP_FN(sti)
{
    RAISES(cpu, u);
    u32 flag = interrupt_flag(cpu), mode = cpu->mode;
    if (flag == FL_VIF) {
        if (cpu->eflags & FL_VIP)
            raise_gp(cpu, 0);
        cpu->eflags |= FL_VIF;
        NEXT(u);
    }
    if (cpu->eflags & FL_IF)
        NEXT(u);
    cpu->eflags |= FL_IF;
    /* Within a block nothing interrupts before its end; only what waits already, or a block's end, needs the shadow. */
    if (!(mode & MODE_STEP) && !last_in_block(u) && !__atomic_load_n(&cpu->held, __ATOMIC_RELAXED) &&
        !__atomic_load_n(&cpu->attention, __ATOMIC_RELAXED))
        NEXT(u);
    u64 next = uop_next_ip(cpu, u);
    begin_shadow(cpu, false);
    return goto_afresh(cpu, u, next);
}

/* ---- PUSHF, POPF ---- */

/* V86 mode with IOPL < 3: with VME the 16-bit forms see VIF as IF. */
static bool v86_virtual_flags(struct cpu *cpu, unsigned size)
{
    if (!is_v86(cpu) || iopl(cpu) == 3)
        return false;
    if (!(cpu->cr4 & CR4_VME) || size != 2)
        raise_gp(cpu, 0);
    return true;
}

static UOP_FN(pushf)
{
    RAISES(cpu, u);
    u32 flags = cpu_eflags(cpu) & ~(u32)(FL_VM | FL_RF);
    if (v86_virtual_flags(cpu, u->size))
        flags = (flags & ~(u32)FL_IF) | FL_IOPL | (flags & FL_VIF ? (u32)FL_IF : 0);
    stack_push(cpu, flags, u->size);
    NEXT(u);
}

static UOP_FN(popf)
{
    RAISES(cpu, u);
    u32 mode = cpu->mode, mask = FL_ARITH | FL_TF | FL_DF | FL_NT | FL_AC | FL_ID;
    bool virtual_if = v86_virtual_flags(cpu, u->size);
    u32 flags = (u32)stack_peek(cpu, 0, u->size);
    if (virtual_if) {
        if ((flags & FL_TF) || ((flags & FL_IF) && (cpu->eflags & FL_VIP)))
            raise_gp(cpu, 0);
        cpu->eflags = (cpu->eflags & ~(u32)FL_VIF) | (flags & FL_IF ? (u32)FL_VIF : 0);
    } else {
        if (!is_protected(cpu) || cpu->cpl <= iopl(cpu))
            mask |= FL_IF;
        if (cpu->cpl == 0)
            mask |= FL_IOPL;
    }
    sp_set(cpu, cpu->gpr[RSP] + u->size);
    cpu->eflags &= ~(u32)FL_RF;
    eflags_load(cpu, flags, u->size == 2 ? mask & 0xffff : mask);
    return go_on(cpu, u, mode);
}

/* ---- software interrupts ---- */

static const struct uop *soft_interrupt(struct cpu *cpu, const struct uop *u, u8 vector, enum int_kind kind)
{
    RAISES(cpu, u);
    deliver(cpu, vector, kind, false, 0, uop_next_ip(cpu, u));
    return goto_afresh(cpu, u, cpu->gpr[SLOT_RIP]);
}
static UOP_FN(int_n) { return soft_interrupt(cpu, u, (u8)u->imm, INT_SOFT); }
static UOP_FN(int3) { return soft_interrupt(cpu, u, EXC_BP, INT_SOFT_BP); }
static UOP_FN(int1) { return soft_interrupt(cpu, u, EXC_DB, INT_ICEBP); }
static UOP_FN(into)
{
    if (!flag_of(cpu))
        NEXT(u);
    return soft_interrupt(cpu, u, EXC_OF, INT_SOFT_BP);
}

/* ---- waiting ---- */

static UOP_FN(hlt)
{
    RAISES(cpu, u);
    if (cpu->cpl != 0)
        raise_gp(cpu, 0);
    cpu->halted = true;
    return goto_afresh(cpu, u, uop_next_ip(cpu, u));
}

static void need_monitor(struct cpu *cpu)
{
    if (cpu->cpl != 0 || !(cpu->misc_enable & BIT(18)))
        raise_ud(cpu);
}

static UOP_FN(monitor)
{
    RAISES(cpu, u);
    need_monitor(cpu);
    if ((u32)cpu->gpr[RCX] != 0)
        raise_gp(cpu, 0);
    u64 lin = seg_lin(cpu, u->seg, reg_get(cpu, RAX, u->asize), 1, false);
    cpu->monitor_addr = mem_probe_read(cpu, lin, cpu->mmu_idx) & ~(u64)63;
    for (unsigned i = 0; i < ARRAY_LEN(cpu->monitor_line); i++)
        cpu->monitor_line[i] = phys_read(cpu, cpu->monitor_addr + i * 8, 8);
    NEXT(u);
}

static UOP_FN(mwait)
{
    RAISES(cpu, u);
    need_monitor(cpu);
    u32 extensions = (u32)cpu->gpr[RCX];
    if (extensions & ~1u)
        raise_gp(cpu, 0);
    if (cpu->monitor_addr == ~0ull)
        NEXT(u);
    cpu->halted = true;
    cpu->mwait_any = extensions & 1;
    return goto_afresh(cpu, u, uop_next_ip(cpu, u));
}

/* ---- fast system calls ---- */

static struct seg flat_code(u16 sel, unsigned dpl, u32 size_bits)
{
    u32 attr = SEG_P | SEG_S | SEG_CODE | SEG_R | SEG_A | SEG_G | dpl << SEG_DPL_SHIFT | size_bits;
    return (struct seg){.sel = sel, .attr = attr, .limit = 0xffffffffu};
}
static struct seg flat_stack(u16 sel, unsigned dpl)
{
    u32 attr = SEG_P | SEG_S | SEG_W | SEG_A | SEG_G | SEG_DB | dpl << SEG_DPL_SHIFT;
    return (struct seg){.sel = sel, .attr = attr, .limit = 0xffffffffu};
}

static const struct uop *enter_at(struct cpu *cpu, const struct uop *u, unsigned cpl, u64 ip)
{
    cpu->cpl = (u8)cpl;
    /* TF counts as it is after the instruction: a kernel that masks it is not single-stepped. */
    cpu->no_step_trap = is_stepping(cpu) && !(cpu->eflags & FL_TF);
    cpu_update_mode(cpu);
    return goto_afresh(cpu, u, ip);
}

/* Legacy and compatibility mode have it on AMD only: EIP from STAR, or CSTAR. */
static UOP_FN(syscall)
{
    RAISES(cpu, u);
    bool allowed = (cpu->efer & EFER_SCE) && (is_code64(cpu) || (is_amd(cpu) && is_protected(cpu)));
    if (!allowed)
        raise_ud(cpu);
    u64 next = uop_next_ip(cpu, u), ip;
    u16 sel = (u16)(cpu->star >> 32) & 0xfffc;
    if (is_long(cpu)) {
        cpu->gpr[RCX] = next;
        cpu->gpr[R11] = cpu_eflags(cpu) & ~(u32)FL_RF;
        ip = is_code64(cpu) ? cpu->lstar : cpu->cstar;
        flags_from_image(cpu, flags_to_image(cpu) & ~(u32)cpu->sfmask);
        cpu->eflags &= ~((u32)cpu->sfmask | FL_RF);
    } else {
        cpu->gpr[RCX] = (u32)next;
        ip = (u32)cpu->star;
        cpu->eflags &= ~(u32)(FL_VM | FL_IF | FL_RF);
    }
    cpu->eflags |= FL_1;
    cpu->seg[CS] = flat_code(sel, 0, is_long(cpu) ? SEG_L : SEG_DB);
    cpu->seg[SS] = flat_stack((u16)(sel + 8), 0);
    return enter_at(cpu, u, 0, ip);
}

static UOP_FN(sysret)
{
    RAISES(cpu, u);
    bool allowed = (cpu->efer & EFER_SCE) && (is_code64(cpu) || (is_amd(cpu) && is_protected(cpu)));
    if (!allowed)
        raise_ud(cpu);
    bool to64 = u->flags & UF_REXW;
    if (cpu->cpl != 0 || (to64 && !is_canonical(cpu->gpr[RCX]) && !is_amd(cpu)))
        raise_gp(cpu, 0);
    u16 base = (u16)(cpu->star >> 48);
    u64 ip = to64 ? cpu->gpr[RCX] : (u32)cpu->gpr[RCX];
    if (is_long(cpu)) {
        u32 flags = (u32)cpu->gpr[R11] & 0x3c7fd7;
        if ((flags & FL_TF) && !(cpu->eflags & FL_TF))
            debug_pend(cpu, DR6_BS); /* unlike POPF, TF counts at the end of SYSRET */
        flags_from_image(cpu, flags);
        cpu->eflags = (flags & eflags_valid(cpu) & ~(u32)(FL_ARITH | FL_RF | FL_VM)) | FL_1;
    } else {
        cpu->eflags |= FL_IF;
    }
    cpu->seg[CS] = flat_code((u16)((base + (to64 ? 16 : 0)) | 3), 3, to64 ? SEG_L : SEG_DB);
    if (is_amd(cpu) && is_long(cpu))
        cpu->seg[SS].sel = (u16)((base + 8) | 3);
    else
        cpu->seg[SS] = flat_stack((u16)((base + 8) | 3), 3);
    return enter_at(cpu, u, 3, ip);
}

/* AMD processors do not have SYSENTER and SYSEXIT in long mode. */
static void need_sysenter(struct cpu *cpu)
{
    if (is_amd(cpu) && is_long(cpu))
        raise_ud(cpu);
    if (!is_protected(cpu) || !(cpu->sysenter_cs & 0xfffc))
        raise_gp(cpu, 0);
}

static UOP_FN(sysenter)
{
    RAISES(cpu, u);
    need_sysenter(cpu);
    bool lng = is_long(cpu);
    u16 sel = (u16)cpu->sysenter_cs & 0xfffc;
    cpu->eflags &= ~(u32)(FL_VM | FL_IF | FL_RF);
    cpu->seg[CS] = flat_code(sel, 0, lng ? SEG_L : SEG_DB);
    cpu->seg[SS] = flat_stack((u16)(sel + 8), 0);
    cpu->gpr[RSP] = lng ? cpu->sysenter_esp : (u32)cpu->sysenter_esp;
    return enter_at(cpu, u, 0, lng ? cpu->sysenter_eip : (u32)cpu->sysenter_eip);
}

static UOP_FN(sysexit)
{
    RAISES(cpu, u);
    need_sysenter(cpu);
    bool to64 = u->flags & UF_REXW;
    u64 ip = to64 ? cpu->gpr[RDX] : (u32)cpu->gpr[RDX], sp = to64 ? cpu->gpr[RCX] : (u32)cpu->gpr[RCX];
    if (cpu->cpl != 0 || (to64 && (!is_canonical(ip) || !is_canonical(sp))))
        raise_gp(cpu, 0);
    u16 sel = (u16)((cpu->sysenter_cs & 0xfffc) + (to64 ? 32 : 16));
    cpu->seg[CS] = flat_code(sel | 3, 3, to64 ? SEG_L : SEG_DB);
    cpu->seg[SS] = flat_stack((u16)((sel + 8) | 3), 3);
    cpu->gpr[RSP] = sp;
    return enter_at(cpu, u, 3, ip);
}

/* ---- FS and GS bases ---- */

static UOP_FN(swapgs)
{
    RAISES(cpu, u);
    if (cpu->cpl != 0)
        raise_gp(cpu, 0);
    u64 base = cpu->seg[GS].base;
    cpu->seg[GS].base = cpu->kernel_gs_base;
    cpu->kernel_gs_base = base;
    NEXT(u);
}

static void need_fsgsbase(struct cpu *cpu)
{
    if (!(cpu->cr4 & CR4_FSGSBASE))
        raise_ud(cpu);
}
/* aux: the segment. */
static UOP_FN(rd_base)
{
    RAISES(cpu, u);
    need_fsgsbase(cpu);
    reg_set(cpu, u->dst, u->size, cpu->seg[u->aux].base);
    NEXT(u);
}
static UOP_FN(wr_base)
{
    RAISES(cpu, u);
    need_fsgsbase(cpu);
    u64 v = reg_get(cpu, u->dst, u->size);
    if (!is_canonical(v))
        raise_gp(cpu, 0);
    cpu->seg[u->aux].base = v;
    NEXT(u);
}

/* aux: 1 for STAC. */
static UOP_FN(set_ac)
{
    RAISES(cpu, u);
    if (cpu->cpl != 0)
        raise_ud(cpu);
    cpu->eflags = u->aux ? cpu->eflags | FL_AC : cpu->eflags & ~(u32)FL_AC;
    cpu_update_mmu_idx(cpu);
    NEXT(u);
}

const struct uop_table uop_mov_to_sreg = {{[FORM_RR] = ANY_SIZE(mov_to_sreg), [FORM_RM] = ANY_SIZE(mov_to_sreg)}};
const struct uop_table uop_mov_from_sreg = {
    {[FORM_RR] = ANY_SIZE(mov_from_sreg_r), [FORM_MR] = ANY_SIZE(mov_from_sreg_m)}};
const struct uop_table uop_push_sreg = {{[FORM_0] = ANY_SIZE(push_sreg)}};
const struct uop_table uop_pop_sreg = {{[FORM_0] = ANY_SIZE(pop_sreg)}};
const struct uop_table uop_load_far = {{[FORM_RM] = ANY_SIZE(load_far)}};
const struct uop_table uop_cli = {{[FORM_0] = ANY_SIZE(cli)}};
const struct uop_table uop_sti = {{[FORM_0] = ANY_SIZE(sti)}};
const struct uop_table uop_pushf = {{[FORM_0] = ANY_SIZE(pushf)}};
const struct uop_table uop_popf = {{[FORM_0] = ANY_SIZE(popf)}};
const struct uop_table uop_int_n = {{[FORM_I] = ANY_SIZE(int_n)}};
const struct uop_table uop_int3 = {{[FORM_0] = ANY_SIZE(int3)}};
const struct uop_table uop_int1 = {{[FORM_0] = ANY_SIZE(int1)}};
const struct uop_table uop_into = {{[FORM_0] = ANY_SIZE(into)}};
const struct uop_table uop_hlt = {{[FORM_0] = ANY_SIZE(hlt)}};
const struct uop_table uop_monitor = {{[FORM_0] = ANY_SIZE(monitor)}};
const struct uop_table uop_mwait = {{[FORM_0] = ANY_SIZE(mwait)}};
const struct uop_table uop_syscall = {{[FORM_0] = ANY_SIZE(syscall)}};
const struct uop_table uop_sysret = {{[FORM_0] = ANY_SIZE(sysret)}};
const struct uop_table uop_sysenter = {{[FORM_0] = ANY_SIZE(sysenter)}};
const struct uop_table uop_sysexit = {{[FORM_0] = ANY_SIZE(sysexit)}};
const struct uop_table uop_swapgs = {{[FORM_0] = ANY_SIZE(swapgs)}};
const struct uop_table uop_rd_base = {{[FORM_R] = ANY_SIZE(rd_base)}};
const struct uop_table uop_wr_base = {{[FORM_R] = ANY_SIZE(wr_base)}};
const struct uop_table uop_set_ac = {{[FORM_0] = ANY_SIZE(set_ac)}};
