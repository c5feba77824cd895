/*
 * What the rest of the house may ask of a CPU, and what the CPU's own parts
 * ask of each other. Faults leave by longjmp: functions marked "raises" come
 * back to the run loop through cpu->unwind and never return a failure.
 */
#ifndef ORRERY_CPU_CPU_H
#define ORRERY_CPU_CPU_H

#include "cpu/field.h"
#include "cpu/state.h"

/* ---- life (cpu.c) ---- */
extern const struct engine engine_interp;
/* A CPU of that model at power-on state, to be run by engine_interp; NULL when out of memory. */
struct cpu *cpu_create(const struct cpu_model *model, unsigned index, const struct cpu_env *env, struct trace *trace);
void cpu_destroy(struct cpu *cpu);
/* RESET# (SDM vol. 3, table 10-1). INIT keeps FPU, MSRs, CR0.CD/NW. APs then wait for SIPI. */
void cpu_reset(struct cpu *cpu, bool init);
/* Recomputes mode, mmu_idx, sp_mask, cpl-dependent state after any control state changed. */
void cpu_update_mode(struct cpu *cpu);
/* The same for cpu->reach alone, which every segment register decides. */
void cpu_update_reach(struct cpu *cpu);
/* The same for mmu_idx alone, which EFLAGS.AC decides too. */
void cpu_update_mmu_idx(struct cpu *cpu);
/* Sets or clears attention bits, from any thread. */
void cpu_raise_attention(struct cpu *cpu, u32 bits);
void cpu_clear_attention(struct cpu *cpu, u32 bits);
/*
 * Runs up to 'instructions' (exact), or until halted or ATT_EXIT. Returns the number retired.
 * Pending interrupts, NMI, INIT, SIPI and traps are taken here, at boundaries.
 */
u64 cpu_run(struct cpu *cpu, u64 instructions);
/*
 * A look for loops that come back to the state they were in. The owner sees memory: 'begin' says that what memory holds
 * now is to be compared with, 'memory_is_same' whether it does; it sets given_up where something was read or done that
 * may go otherwise next time.
 */
struct cpu_round {
    void *owner;
    void (*begin)(void *owner);
    bool (*memory_is_same)(void *owner);
    bool given_up;
    /* the answer: */
    bool came_round;
    u64 length; /* instructions of a round */
    /* interp.c's own */
    u64 begun;
    unsigned blocks, span;
    u8 start[offsetof(struct cpu, icount_base)]; /* all that is saved */
};
/* As cpu_run by the interpreter, until the CPU has come round. Leaves ATT_EXIT set. */
u64 cpu_run_round(struct cpu *cpu, u64 most, struct cpu_round *r);
/* True when the CPU has nothing to do until an interrupt arrives. */
bool cpu_idle(const struct cpu *cpu);
/* Instructions retired since reset, exact at the current micro-op. */
u64 cpu_icount(const struct cpu *cpu);

/* ---- its state (saved.c) ---- */
extern const struct state_field cpu_state[];
/* Between slices, before it is saved: what can be written in several ways takes on the one form. */
void cpu_settle(struct cpu *cpu);
/* What no saved state of this CPU can be: a few words, or NULL. */
const char *cpu_contradiction(const struct cpu *copy);
/* After its saved members have come: the rest follows. Code it knows is its owner's business. */
void cpu_restored(struct cpu *cpu);

/*
 * ---- the run loop's partners (excp.c, debug.c) ----
 * A raise leaves cpu->cur at the micro-op that raised, or NULL when SLOT_RIP is exact already
 * (fetch, delivery, after the commit point of a task switch). The run loop syncs SLOT_RIP to the
 * start of cur's instruction and calls cpu_handle_exception.
 */
/* Delivers the exception cpu_raise left (exc_vector, exc_error); decides double and triple faults. */
void cpu_handle_exception(struct cpu *cpu);
/*
 * At an instruction boundary with attention != 0, SLOT_RIP exact: INIT, SIPI, pending #DB, NMI,
 * INTR by their priorities and shadows; wakes a halted CPU. True: leave the run loop (ATT_EXIT,
 * or nothing to do while halted). What cannot be taken now moves to cpu->held, so that attention
 * is 0 on return false; it comes back when IF, NMI masking or the shadow change. In the shadow of
 * STI and MOV SS mode has MODE_STEP.
 */
bool cpu_take_pending(struct cpu *cpu);
/* After each instruction completed (not faulted) under MODE_STEP; eflags_before: cpu->eflags before it. */
void cpu_step_done(struct cpu *cpu, u32 eflags_before);
/*
 * Before each instruction on a page with debug_page_has_break(). Raises #DB for DR0-3 (unless RF);
 * true: a debugger's breakpoint, ATT_EXIT is set, leave the run loop without executing it.
 */
bool cpu_check_code_break(struct cpu *cpu, u64 lin);

/* ---- what others ask of a CPU (request.c) ---- */
enum cpu_request_kind {
    CPU_FLUSH,        /* forget what is cached by virtual address: what lies behind physical pages changed */
    CPU_PROTECT,      /* writes to host page 'host' must reach the world */
    CPU_CODE_WRITTEN, /* [pa, pa + len) changed and held code */
    CPU_A20,          /* pa: what of physical addresses passes */
};
struct cpu_request {
    enum cpu_request_kind kind;
    u64 pa, len;
    const u8 *host;
};
/*
 * From any thread. On the thread that runs the CPU, and while nobody does, it has been done on return; otherwise the
 * CPU does it before its next instruction (ATT_REQUEST brings it there). CPU_CODE_WRITTEN: whether code may be left
 * there.
 */
bool cpu_ask(struct cpu *cpu, const struct cpu_request *r);
/* Whether it has done all it was asked to. */
bool cpu_has_answered(const struct cpu *cpu);
/* The owner: does what was asked. */
void cpu_answer(struct cpu *cpu);
/* This thread runs the CPU from now on, having done what was asked; nobody does. */
void cpu_own(struct cpu *cpu);
void cpu_disown(struct cpu *cpu);

/* ---- raising (excp.c); all need cpu->cur set (or NULL, see above) ---- */
_Noreturn void cpu_raise(struct cpu *cpu, u8 vector);
_Noreturn void cpu_raise_error(struct cpu *cpu, u8 vector, u32 error);
ALWAYS_INLINE _Noreturn void raise_ud(struct cpu *cpu) { cpu_raise(cpu, EXC_UD); }
ALWAYS_INLINE _Noreturn void raise_nm(struct cpu *cpu) { cpu_raise(cpu, EXC_NM); }
ALWAYS_INLINE _Noreturn void raise_gp(struct cpu *cpu, u32 error) { cpu_raise_error(cpu, EXC_GP, error); }

/* ---- segments and control transfer (seg.c, far.c, excp.c, task.c) ---- */
enum int_kind { INT_EXTERNAL, INT_EXCEPTION, INT_SOFT /* INT n */, INT_SOFT_BP /* INT3, INTO */, INT_ICEBP };
/* Delivers an interrupt or exception at the current instruction boundary, SLOT_RIP being the
 * return address. May itself raise; double and triple faults are handled by the caller cpu_run. */
void cpu_deliver(struct cpu *cpu, u8 vector, enum int_kind kind, bool has_error, u32 error);
/* MOV Sreg and POP Sreg, all modes. Raises. */
void seg_load(struct cpu *cpu, enum segreg s, u16 sel);
/* Real-mode style load: base = sel << 4, the rest as it is (V86: 64 KB, DPL 3). */
void seg_load_real(struct cpu *cpu, enum segreg s, u16 sel);
/* Raises #GP(0) unless CPL <= IOPL or the TSS bitmap allows the ports; also I/O breakpoints. */
void io_check(struct cpu *cpu, u16 port, unsigned size);
/* Loads the six arithmetic flags and those of 'mask' from image. */
void cpu_set_eflags(struct cpu *cpu, u32 image, u32 mask);

/* ---- memory (mmu.c): see mem.h for the fast path ---- */
enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC };
/* Linear to physical with all rights checked and A/D bits set. Raises #PF. */
u64 mmu_translate(struct cpu *cpu, u64 lin, enum access access, unsigned mmu_idx);
/* The same for a debugger: no rights, no A/D, no faults; false when not mapped. */
bool mmu_probe(struct cpu *cpu, u64 lin, u64 *pa);
/* For block lookup: physical address of code at lin; raises #PF. Cached in tlb exec tables. */
u64 mmu_fetch(struct cpu *cpu, u64 lin);
void tlb_flush(struct cpu *cpu, bool global);
void tlb_flush_page(struct cpu *cpu, u64 lin);
/* Drops every write entry (and only those) that maps host page 'host', on this CPU. */
void tlb_protect_host_page(struct cpu *cpu, const u8 *host);
/* Physical memory through env, any alignment inside a page. */
u64 phys_read(struct cpu *cpu, u64 pa, unsigned size);
void phys_write(struct cpu *cpu, u64 pa, u64 val, unsigned size);

/* ---- debugging support (debug.c) ---- */
enum point_kind { POINT_BREAK, POINT_WATCH_WRITE, POINT_WATCH_READ, POINT_WATCH_ACCESS };
/* Debugger's breakpoint at a linear address / watchpoint over [lin, lin+len). false: no room. */
bool cpu_point_add(struct cpu *cpu, enum point_kind kind, u64 lin, u64 len);
bool cpu_point_remove(struct cpu *cpu, enum point_kind kind, u64 lin, u64 len);
/* Why cpu_run stopped, when a point was hit: kind and address; cleared by reading. */
bool cpu_point_hit(struct cpu *cpu, enum point_kind *kind, u64 *lin);
/* True if the page or [lin,len) has data watchpoints (DR7 or debugger's). */
bool debug_page_watched(const struct cpu *cpu, u64 lin_page);
/* Called from the slow path for a watched page, after the access has been found legal. */
void debug_check_data(struct cpu *cpu, u64 lin, unsigned size, bool write);
bool debug_page_has_break(const struct cpu *cpu, u64 lin_page);

/* Registers by name for debuggers and monitors (registers.c). Size in bytes, little-endian; 0: no such register. */
enum { CPU_REG_MAX = 16 };
unsigned cpu_reg_read(struct cpu *cpu, const char *name, void *out);
/* False: no such register, or the CPU would fault at such a value, and nothing has changed. */
bool cpu_reg_write(struct cpu *cpu, const char *name, const void *in);
/* Their names: of general registers and SLOT_RIP, 8 bytes wide (others: NULL), and of segment registers. */
const char *cpu_gpr_name(unsigned slot);
const char *cpu_seg_name(enum segreg s);
/*
 * For debuggers: writes a control register as MOV, WRMSR, XSETBV, LDMXCSR or FLDCW at CPL 0 would, with all that
 * follows from it. False: they would fault, and nothing has happened.
 */
enum cpu_control {
    CONTROL_CR0,
    CONTROL_CR2 = 2,
    CONTROL_CR3,
    CONTROL_CR4,
    CONTROL_CR8 = 8,
    CONTROL_EFER,
    CONTROL_XCR0,
    CONTROL_PKRU,
    CONTROL_MXCSR,
    CONTROL_FCW,
    CONTROL_DR0 = 16,
};
bool cpu_control_write(struct cpu *cpu, unsigned which, u64 val);
/* Guest-virtual memory for debuggers; false at the first unmapped byte. */
bool cpu_debug_read(struct cpu *cpu, u64 lin, void *buf, size_t n);
bool cpu_debug_write(struct cpu *cpu, u64 lin, const void *buf, size_t n);

#endif
