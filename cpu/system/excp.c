/*
 * Exceptions and interrupts (SDM vol. 3, chapter 6): raising, classes and
 * double faults, delivery through the IVT, the protected-mode IDT, task gates
 * and the long-mode IDT with its IST, redirection in V86 mode, and what is
 * taken at instruction boundaries. IRET is in far.c, task gates' other half
 * in task.c.
 */
#include "cpu/system/sys.h"

void cpu_raise(struct cpu *cpu, u8 vector)
{
    cpu->exc_vector = vector;
    cpu->exc_has_error = false;
    longjmp(cpu->unwind, 1);
}

void cpu_raise_error(struct cpu *cpu, u8 vector, u32 error)
{
    cpu->exc_vector = vector;
    cpu->exc_has_error = true;
    cpu->exc_error = error;
    longjmp(cpu->unwind, 1);
}

/* ---- EFLAGS ---- */

u32 eflags_valid(const struct cpu *cpu)
{
    u32 valid = FL_ARITH | FL_TF | FL_IF | FL_DF | FL_IOPL | FL_NT | FL_RF | FL_VM | FL_AC;
    if (cpu_has(cpu, FEAT_CPUID))
        valid |= FL_ID;
    if (cpu_has(cpu, FEAT_VME))
        valid |= FL_VIF | FL_VIP;
    return valid;
}

void eflags_load(struct cpu *cpu, u32 image, u32 mask)
{
    mask &= eflags_valid(cpu);
    if (mask & FL_ARITH)
        flags_from_image(cpu, (image & mask) | (flags_to_image(cpu) & ~mask));
    u32 control = mask & ~(u32)FL_ARITH, old = cpu->eflags;
    cpu->eflags = (old & ~control) | (image & control) | FL_1;
    if ((old ^ cpu->eflags) & (FL_TF | FL_IF | FL_RF | FL_VM | FL_AC | FL_VIF | FL_VIP))
        cpu_update_mode(cpu);
}

void cpu_set_eflags(struct cpu *cpu, u32 image, u32 mask) { eflags_load(cpu, image, mask | FL_ARITH); }

/* ---- delivery ---- */

/* One interrupt on its way in. */
struct event {
    u8 vector;
    enum int_kind kind;
    bool has_error;
    u32 error;
    u64 ret;    /* (E)IP to return to */
    u32 eflags; /* image to push */
};

/* Error code that names an IDT entry. */
static _Noreturn void raise_idt(struct cpu *cpu, u8 vector, u8 entry)
{
    cpu_raise_error(cpu, vector, entry * 8u + 2 + cpu->exc_ext);
}

/* The flags every gate clears, and IF for interrupt gates. */
static void clear_flags(struct cpu *cpu, bool interrupt_gate)
{
    cpu->eflags &= ~(u32)(FL_TF | FL_NT | FL_RF | FL_VM | (interrupt_gate ? FL_IF : 0));
}

/* Through the vector table at IDTR.base (real mode) or 0 (V86 with VME). */
static void deliver_ivt(struct cpu *cpu, const struct event *e, u64 table, u32 flags)
{
    struct frame f;
    u32 entry = (u32)sysmem_read(cpu, table + e->vector * 4u, 4);
    u64 ip = entry & 0xffff;
    frame_current(cpu, &f, 2);
    frame_push(&f, flags);
    frame_push(&f, cpu->seg[CS].sel);
    frame_push(&f, e->ret);
    if (ip > cpu->seg[CS].limit)
        raise_gp(cpu, 0);
    frame_write(cpu, &f);
    frame_load(cpu, &f, false);
    seg_load_real(cpu, CS, (u16)(entry >> 16));
    cpu->gpr[SLOT_RIP] = ip;
}

static void deliver_real(struct cpu *cpu, const struct event *e)
{
    if (e->vector * 4u + 3 > cpu->idtr.limit)
        raise_idt(cpu, EXC_GP, e->vector);
    deliver_ivt(cpu, e, cpu->idtr.base, e->eflags);
    cpu->eflags &= ~(u32)(FL_IF | FL_TF | FL_AC | FL_RF);
}

/* INT n in V86 mode with CR4.VME and a clear bit in the redirection bitmap (SDM vol. 3, 20.3.3). */
static bool vme_redirects(struct cpu *cpu, u8 vector)
{
    if (!(cpu->cr4 & CR4_VME))
        return false;
    if (!(cpu->tr.attr & BIT(3)) || cpu->tr.limit < 0x67)
        return false;
    u32 offset = (u32)sysmem_read(cpu, cpu->tr.base + 0x66, 2) - 32 + vector / 8;
    if (offset > cpu->tr.limit)
        raise_gp(cpu, 0);
    return !((u32)sysmem_read(cpu, cpu->tr.base + offset, 1) >> (vector % 8) & 1);
}

static void deliver_v86_redirected(struct cpu *cpu, const struct event *e)
{
    u32 flags = e->eflags;
    bool virtual_if = iopl(cpu) < 3;
    if (virtual_if) {
        flags |= FL_IOPL;
        flags = (flags & ~(u32)FL_IF) | (flags & FL_VIF ? (u32)FL_IF : 0);
    }
    deliver_ivt(cpu, e, 0, flags);
    cpu->eflags &= ~(u32)(FL_TF | FL_RF | (virtual_if ? FL_VIF : FL_IF));
}

/* An IDT entry, checked as far as the gate itself goes. */
struct gate {
    struct desc d;
    unsigned type;
    u16 sel;
    u64 off;
    unsigned ist;
};

static void gate_fetch(struct cpu *cpu, const struct event *e, struct gate *g)
{
    unsigned entry = is_long(cpu) ? 16 : 8;
    if (e->vector * entry + entry - 1 > cpu->idtr.limit)
        raise_idt(cpu, EXC_GP, e->vector);
    g->d.addr = cpu->idtr.base + e->vector * entry;
    u64 raw = sysmem_read(cpu, g->d.addr, 8);
    g->d.lo = (u32)raw;
    g->d.hi = (u32)(raw >> 32);
    g->type = desc_type(&g->d) | (desc_is_seg(&g->d) ? 0x10u : 0);
    g->sel = (u16)(g->d.lo >> 16);
    g->off = (g->d.lo & 0xffff) | (g->d.hi & 0xffff0000u);
    g->ist = 0;
    if (is_long(cpu)) {
        g->off |= sysmem_read(cpu, g->d.addr + 8, 4) << 32;
        g->ist = g->d.hi & 7;
    } else if (g->type == SYS_INT16 || g->type == SYS_TRAP16) {
        g->off &= 0xffff;
    }
    bool gate32 = g->type == SYS_INT32 || g->type == SYS_TRAP32;
    bool legacy = g->type == SYS_INT16 || g->type == SYS_TRAP16 || g->type == SYS_TASK;
    if (!gate32 && (is_long(cpu) || !legacy))
        raise_idt(cpu, EXC_GP, e->vector);
    bool software = e->kind == INT_SOFT || e->kind == INT_SOFT_BP;
    if (software && desc_dpl(&g->d) < cpu->cpl)
        raise_idt(cpu, EXC_GP, e->vector);
    if (!desc_present(&g->d))
        raise_idt(cpu, EXC_NP, e->vector);
}

/* The gate's code segment. */
static void gate_code(struct cpu *cpu, const struct gate *g, struct desc *code)
{
    if (!(g->sel & 0xfffc))
        raise_sel(cpu, EXC_GP, 0);
    desc_fetch(cpu, g->sel, EXC_GP, code);
    bool ok = desc_is_code(code) && desc_dpl(code) <= cpu->cpl;
    if (is_long(cpu) && (!desc_is_long(code) || desc_is_big(code)))
        ok = false;
    if (!ok)
        raise_sel(cpu, EXC_GP, g->sel);
    if (!desc_present(code))
        raise_sel(cpu, EXC_NP, g->sel);
}

/* From V86 mode the data segments are saved too, and come back null. */
static void push_v86_segments(struct cpu *cpu, struct frame *f)
{
    static const u8 order[] = {GS, FS, DS, ES};
    for (unsigned i = 0; i < ARRAY_LEN(order); i++)
        frame_push(f, cpu->seg[order[i]].sel);
}

/* The stack to deliver on. */
static void gate_stack(struct cpu *cpu, const struct gate *g, bool inner, unsigned dpl, unsigned size, struct frame *f)
{
    if (!is_long(cpu)) {
        if (inner)
            frame_inner(cpu, f, dpl, size);
        else
            frame_current(cpu, f, size);
        return;
    }
    if (inner || g->ist) {
        frame_inner(cpu, f, g->ist ? 7 + g->ist : dpl, size);
        f->idx = idx_for_cpl(cpu, inner ? dpl : cpu->cpl);
        f->ss = inner ? seg_null((u16)dpl) : cpu->seg[SS];
    } else {
        frame_current(cpu, f, size);
        f->long_mode = true;
        f->sp_mask = ~0ull;
    }
    f->sp &= ~(u64)15;
}

static void deliver_gate(struct cpu *cpu, const struct event *e, const struct gate *g)
{
    struct desc code;
    struct frame f;
    gate_code(cpu, g, &code);
    unsigned dpl = desc_dpl(&code);
    bool inner = !desc_is_conforming(&code) && dpl < cpu->cpl, v86 = is_v86(cpu);
    if (v86 && (!inner || dpl != 0))
        raise_sel(cpu, EXC_GP, g->sel);
    unsigned size = is_long(cpu) ? 8 : g->type >= SYS_INT32 ? 4 : 2;
    gate_stack(cpu, g, inner, dpl, size, &f);
    if (v86)
        push_v86_segments(cpu, &f);
    if (inner || is_long(cpu)) {
        frame_push(&f, cpu->seg[SS].sel);
        frame_push(&f, cpu->gpr[RSP]);
    }
    frame_push(&f, e->eflags);
    frame_push(&f, cpu->seg[CS].sel);
    frame_push(&f, e->ret);
    if (e->has_error)
        frame_push(&f, e->error);
    code_offset_check(cpu, &code, g->off);
    desc_set_accessed(cpu, &code);
    frame_write(cpu, &f);
    clear_flags(cpu, g->type == SYS_INT16 || g->type == SYS_INT32);
    frame_load(cpu, &f, inner);
    cs_set(cpu, g->sel, &code, inner ? dpl : cpu->cpl);
    if (v86)
        cpu->seg[ES] = cpu->seg[DS] = cpu->seg[FS] = cpu->seg[GS] = seg_null(0);
    cpu->gpr[SLOT_RIP] = g->off;
}

static void deliver_protected(struct cpu *cpu, const struct event *e)
{
    struct gate g;
    if (is_v86(cpu) && e->kind == INT_SOFT) {
        if (vme_redirects(cpu, e->vector)) {
            deliver_v86_redirected(cpu, e);
            return;
        }
        if (iopl(cpu) < 3)
            raise_gp(cpu, 0);
    }
    gate_fetch(cpu, e, &g);
    if (g.type == SYS_TASK) {
        struct desc tss;
        u16 sel = task_gate_tss(cpu, &g.d, &tss);
        struct task_event event = {TASK_INT, e->ret, e->eflags, e->has_error, e->error};
        task_switch(cpu, sel, &tss, &event);
        return;
    }
    deliver_gate(cpu, e, &g);
}

/* RF is set in what faults push, so that the instruction restarts past its own breakpoint (SDM vol. 3, 18.3.1.1). */
static bool is_fault(u8 vector, enum int_kind kind)
{
    return kind == INT_EXCEPTION && vector != EXC_DB && vector != EXC_BP && vector != EXC_OF && vector != EXC_NMI &&
           vector != EXC_DF && vector != EXC_MC;
}

/* The debug handler is about to run: GD is off, and traps that MOV SS held back are part of this one. */
static void entered_debug(struct cpu *cpu)
{
    cpu->dr[7] &= ~(u64)BIT(13);
    if (cpu->dr6_pending)
        debug_set_dr6(cpu, cpu->dr6_pending);
    cpu->dr6_pending = 0;
    cpu_clear_attention(cpu, ATT_TRAP);
}

void deliver(struct cpu *cpu, u8 vector, enum int_kind kind, bool has_error, u32 error, u64 ret)
{
    struct event e = {vector, kind, has_error, error, ret, cpu_eflags(cpu)};
    if (is_fault(vector, kind))
        e.eflags |= FL_RF;
    trace(cpu->trace, int, "cpu %u: vector %02x kind %d error %x cs:ip %04x:%llx cpl %u cr2 %llx", cpu->index, vector,
          (int)kind, has_error ? error : 0, cpu->seg[CS].sel, (unsigned long long)ret, cpu->cpl,
          (unsigned long long)cpu->cr2);
    bool software = kind == INT_SOFT || kind == INT_SOFT_BP, stepping = is_stepping(cpu);
    cpu->exc_ext = !software;
    cpu->delivering = true;
    if (is_protected(cpu))
        deliver_protected(cpu, &e);
    else
        deliver_real(cpu, &e);
    cpu->exc_ext = 0;
    cpu->delivering = false;
    cpu->shadow = 0;
    cpu->force_step = false;
    cpu->no_step_trap = stepping && (software || kind == INT_ICEBP);
    if (vector == EXC_DB && (kind == INT_EXCEPTION || kind == INT_ICEBP))
        entered_debug(cpu);
    cpu_update_mode(cpu);
}

void cpu_deliver(struct cpu *cpu, u8 vector, enum int_kind kind, bool has_error, u32 error)
{
    deliver(cpu, vector, kind, has_error, error, cpu->gpr[SLOT_RIP]);
}

/* ---- double faults ---- */

enum exc_class { CLASS_BENIGN, CLASS_CONTRIBUTORY, CLASS_PAGE_FAULT, CLASS_DOUBLE_FAULT };

/* SDM vol. 3, table 6-4. */
static enum exc_class class_of(u8 vector)
{
    switch (vector) {
    case EXC_DE:
    case EXC_TS:
    case EXC_NP:
    case EXC_SS:
    case EXC_GP:
        return CLASS_CONTRIBUTORY;
    case EXC_PF:
        return CLASS_PAGE_FAULT;
    case EXC_DF:
        return CLASS_DOUBLE_FAULT;
    default:
        return CLASS_BENIGN;
    }
}

/* SDM vol. 3, table 6-5. */
static bool makes_double(enum exc_class first, enum exc_class second)
{
    if (first == CLASS_CONTRIBUTORY)
        return second == CLASS_CONTRIBUTORY;
    return first == CLASS_PAGE_FAULT && (second == CLASS_CONTRIBUTORY || second == CLASS_PAGE_FAULT);
}

static void triple_fault(struct cpu *cpu)
{
    trace(cpu->trace, int, "cpu %u: triple fault at %04x:%llx", cpu->index, cpu->seg[CS].sel,
          (unsigned long long)cpu->gpr[SLOT_RIP]);
    trace(cpu->trace, guest_errors, "cpu %u: triple fault", cpu->index);
    cpu->exc_ext = 0;
    cpu->delivering = false;
    cpu->halted = cpu->in_shutdown = true;
    cpu->env->shutdown(cpu->env->world, cpu);
}

/* The next event to deliver, as long as deliveries keep raising. */
struct delivery {
    u8 vector;
    enum int_kind kind;
    bool has_error;
    u32 error;
};

/* One attempt; false: it raised, and exc_vector says what. */
static bool try_deliver(struct cpu *cpu, const struct delivery *d)
{
    if (_setjmp(cpu->unwind))
        return false;
    deliver(cpu, d->vector, d->kind, d->has_error, d->error, cpu->gpr[SLOT_RIP]);
    return true;
}

/* Real mode pushes no error codes. */
static bool pushes_error(const struct cpu *cpu, const struct delivery *d) { return d->has_error && is_protected(cpu); }

/* Delivers, turning faults met on the way into what follows them, until one gets through. */
static void deliver_until_done(struct cpu *cpu, struct delivery d)
{
    jmp_buf outer;
    memcpy(&outer, &cpu->unwind, sizeof(outer));
    cpu->cur = NULL;
    bool done = false;
    enum exc_class class = d.kind == INT_EXCEPTION ? class_of(d.vector) : CLASS_BENIGN;
    while (!done) {
        d.has_error = pushes_error(cpu, &d);
        done = try_deliver(cpu, &d);
        if (done)
            break;
        enum exc_class second = class_of(cpu->exc_vector);
        if (class == CLASS_DOUBLE_FAULT && second != CLASS_BENIGN) {
            triple_fault(cpu);
            break;
        }
        if (makes_double(class, second))
            d = (struct delivery){EXC_DF, INT_EXCEPTION, true, 0};
        else
            d = (struct delivery){cpu->exc_vector, INT_EXCEPTION, cpu->exc_has_error, cpu->exc_error};
        class = class_of(d.vector);
    }
    memcpy(&cpu->unwind, &outer, sizeof(outer));
}

void cpu_handle_exception(struct cpu *cpu)
{
    cpu->cur = NULL;
    if (cpu->exc_vector == EXC_RESTART) {
        cpu->force_step = true;
        cpu->budget++; /* the run loop counts a raise as an instruction: this one has not run */
        cpu_update_mode(cpu);
        return;
    }
    deliver_until_done(cpu, (struct delivery){cpu->exc_vector, INT_EXCEPTION, cpu->exc_has_error, cpu->exc_error});
}

/* ---- instruction boundaries ---- */

static void take_sipi(struct cpu *cpu)
{
    cpu->wait_sipi = false;
    cpu->seg[CS].sel = (u16)(cpu->sipi_vector << 8);
    cpu->seg[CS].base = (u32)cpu->sipi_vector << 12;
    cpu->gpr[SLOT_RIP] = 0;
    cpu_update_mode(cpu);
}

/* What may interrupt now, of the bits that are set. */
static u32 deliverable(const struct cpu *cpu, u32 bits)
{
    u32 now = bits & (ATT_INIT | ATT_EXIT | ATT_VIRTUAL);
    if (cpu->wait_sipi)
        return now | (bits & ATT_SIPI);
    bool ss_shadow = cpu->shadow && cpu->shadow_ss;
    if (!ss_shadow)
        now |= bits & ATT_TRAP;
    if (!cpu->nmi_masked && !cpu->shadow) /* STI's shadow holds NMI off too, as on silicon */
        now |= bits & ATT_NMI;
    if ((cpu->eflags & FL_IF) && !cpu->shadow && !cpu->in_shutdown)
        now |= bits & ATT_INTR;
    return now;
}

static bool monitor_triggered(const struct cpu *cpu)
{
    if (cpu->monitor_addr == ~0ull)
        return false;
    for (unsigned i = 0; i < ARRAY_LEN(cpu->monitor_line); i++)
        if (phys_read((struct cpu *)(uintptr_t)cpu, cpu->monitor_addr + i * 8, 8) != cpu->monitor_line[i])
            return true;
    return false;
}

/* A CPU in MWAIT also wakes when the line changed, or for masked interrupts if it asked so. */
static bool mwait_wakes(const struct cpu *cpu, u32 bits)
{
    return (cpu->mwait_any && (bits & ATT_INTR)) || monitor_triggered(cpu);
}

bool cpu_idle(const struct cpu *cpu)
{
    if (!cpu->halted && !cpu->wait_sipi)
        return false;
    u32 bits = __atomic_load_n(&cpu->attention, __ATOMIC_ACQUIRE) | __atomic_load_n(&cpu->held, __ATOMIC_ACQUIRE);
    return !(deliverable(cpu, bits) & ~(u32)(ATT_EXIT | ATT_VIRTUAL)) && !mwait_wakes(cpu, bits);
}

static void wake(struct cpu *cpu)
{
    cpu->halted = cpu->mwait_any = cpu->in_shutdown = false;
    cpu->monitor_addr = ~0ull;
}

static void take_trap(struct cpu *cpu)
{
    debug_set_dr6(cpu, cpu->dr6_pending);
    cpu->dr6_pending = 0;
    cpu_clear_attention(cpu, ATT_TRAP);
    deliver_until_done(cpu, (struct delivery){EXC_DB, INT_EXCEPTION, false, 0});
}

/* Takes the first of the deliverable events by priority (SDM vol. 3, table 6-2). */
static void take_one(struct cpu *cpu, u32 now)
{
    if (now & ATT_INIT) {
        cpu_clear_attention(cpu, ATT_INIT);
        cpu_reset(cpu, true);
    } else if (now & ATT_SIPI) {
        cpu_clear_attention(cpu, ATT_SIPI);
        take_sipi(cpu);
    } else if (now & ATT_TRAP) {
        wake(cpu);
        take_trap(cpu);
    } else if (now & ATT_NMI) {
        cpu_clear_attention(cpu, ATT_NMI);
        wake(cpu);
        cpu->nmi_masked = true;
        deliver_until_done(cpu, (struct delivery){EXC_NMI, INT_EXTERNAL, false, 0});
    } else if (!(now & ATT_INTR)) { /* ATT_VIRTUAL: a fault of the next instruction, so last */
        cpu_clear_attention(cpu, ATT_VIRTUAL);
        if (virtual_interrupt_pending(cpu))
            deliver_until_done(cpu, (struct delivery){EXC_GP, INT_EXCEPTION, true, 0});
    } else {
        int vector = cpu->env->int_ack(cpu->env->world, cpu);
        if (vector < 0) {
            cpu_clear_attention(cpu, ATT_INTR);
            return;
        }
        wake(cpu);
        deliver_until_done(cpu, (struct delivery){(u8)vector, INT_EXTERNAL, false, 0});
    }
}

/* What nobody can take now waits in 'held', where it costs nothing. */
static void hold_back(struct cpu *cpu)
{
    u32 bits = __atomic_load_n(&cpu->attention, __ATOMIC_ACQUIRE);
    u32 later = bits & ~(deliverable(cpu, bits) | ATT_REQUEST);
    u32 lost = cpu->wait_sipi ? 0 : ATT_SIPI; /* unless it was waited for */
    __atomic_fetch_or(&cpu->held, later & ~lost, __ATOMIC_SEQ_CST);
    __atomic_fetch_and(&cpu->attention, ~later, __ATOMIC_SEQ_CST);
}

bool cpu_take_pending(struct cpu *cpu)
{
    if (__atomic_load_n(&cpu->attention, __ATOMIC_ACQUIRE) & ATT_REQUEST)
        cpu_answer(cpu);
    u32 bits = __atomic_load_n(&cpu->attention, __ATOMIC_ACQUIRE);
    cpu->cur = NULL;
    if (bits & ATT_SHADOW) {
        cpu_clear_attention(cpu, ATT_SHADOW);
        cpu->shadow_ss &= cpu->shadow != 0;
        cpu->shadow = MAX(cpu->shadow, 1);
        cpu_update_mode(cpu);
    }
    u32 now = deliverable(cpu, bits) & ~(u32)ATT_EXIT;
    if (now)
        take_one(cpu, now);
    else if (cpu->halted && mwait_wakes(cpu, bits | cpu->held))
        wake(cpu);
    hold_back(cpu);
    if (__atomic_load_n(&cpu->attention, __ATOMIC_ACQUIRE) & ATT_EXIT) {
        cpu_clear_attention(cpu, ATT_EXIT);
        return true;
    }
    return cpu->halted || cpu->wait_sipi;
}
