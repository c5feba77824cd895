/*
 * What the system half of the CPU shares among its own files: descriptors,
 * frames pushed on another stack, code and stack segment loads, flags images.
 * Nobody outside seg.c, far.c, excp.c, task.c, sys.c, msr.c, xsave.c, debug.c,
 * cpu.c needs it.
 */
#ifndef ORRERY_CPU_SYS_H
#define ORRERY_CPU_SYS_H

#include "cpu/system/modes.h"
#include "cpu/flags.h"
#include "cpu/interp.h"
#include "cpu/mem.h"

/* The virtual interrupt of VME and PVI is pending and enabled (SDM vol. 3, 21.3.2). */
ALWAYS_INLINE bool virtual_interrupt_pending(const struct cpu *cpu)
{
    if ((cpu->eflags & (FL_VIF | FL_VIP)) != (FL_VIF | FL_VIP))
        return false;
    return is_v86(cpu) ? cpu->cr4 & CR4_VME : is_protected(cpu) && cpu->cpl == 3 && (cpu->cr4 & CR4_PVI);
}

/* ---- descriptors (seg.c) ---- */
struct desc {
    u32 lo, hi;
    u64 addr; /* linear, for the accessed and busy bits */
};
/* SEG_TYPE of system descriptors */
enum sys_type {
    SYS_TSS16 = 1,
    SYS_LDT = 2,
    SYS_TSS16_BUSY = 3,
    SYS_CALL16 = 4,
    SYS_TASK = 5,
    SYS_INT16 = 6,
    SYS_TRAP16 = 7,
    SYS_TSS32 = 9,
    SYS_TSS32_BUSY = 11,
    SYS_CALL32 = 12,
    SYS_INT32 = 14,
    SYS_TRAP32 = 15,
    SYS_BUSY = 2, /* the bit */
};
ALWAYS_INLINE u32 desc_attr(const struct desc *d) { return (d->hi >> 8) & 0xf0ff; }
ALWAYS_INLINE unsigned desc_dpl(const struct desc *d) { return (d->hi >> 13) & 3; }
ALWAYS_INLINE unsigned desc_type(const struct desc *d) { return (d->hi >> 8) & SEG_TYPE; }
ALWAYS_INLINE bool desc_present(const struct desc *d) { return d->hi >> 15 & 1; }
ALWAYS_INLINE bool desc_is_seg(const struct desc *d) { return d->hi >> 12 & 1; }
ALWAYS_INLINE bool desc_is_code(const struct desc *d) { return (d->hi & 0x1800) == 0x1800; }
ALWAYS_INLINE bool desc_is_conforming(const struct desc *d) { return (d->hi & 0x1c00) == 0x1c00; }
ALWAYS_INLINE bool desc_is_data(const struct desc *d) { return (d->hi & 0x1800) == 0x1000; }
ALWAYS_INLINE bool desc_is_stack(const struct desc *d) { return (d->hi & 0x1a00) == 0x1200; } /* writable data */
ALWAYS_INLINE bool desc_is_long(const struct desc *d) { return d->hi >> 21 & 1; }
ALWAYS_INLINE bool desc_is_big(const struct desc *d) { return d->hi >> 22 & 1; }
u64 desc_base(const struct desc *d);
u32 desc_limit(const struct desc *d);
/* False when the selector lies outside its table. */
bool desc_read(struct cpu *cpu, u16 sel, struct desc *d);
/* The same, raising vector(sel). */
void desc_fetch(struct cpu *cpu, u16 sel, u8 vector, struct desc *d);
/* The upper half of a 16-byte system descriptor (long mode): bits 63..32 of the base, from sel's entry. */
u64 desc_base_high(struct cpu *cpu, const struct desc *d, u16 sel, u8 vector);
void desc_set_accessed(struct cpu *cpu, struct desc *d);
void desc_set_busy(struct cpu *cpu, const struct desc *d, bool busy);
/* A segment register's contents from its selector and descriptor. */
struct seg seg_of(u16 sel, const struct desc *d);
struct seg seg_null(u16 sel);
/* Whether [off, off+size) lies inside the segment. */
bool seg_in_limit(const struct seg *seg, u64 off, unsigned size);

/* Raises vector with an error code that names a selector. */
_Noreturn void raise_sel(struct cpu *cpu, u8 vector, u16 sel);

/* ---- loads that change privilege ---- */
/* CS with RPL replaced by cpl; CPL becomes cpl. No checks. Callers then cpu_update_mode(). */
void cs_set(struct cpu *cpu, u16 sel, struct desc *d, unsigned cpl);
/* Checks of a stack selector for privilege 'cpl'; vector for bad ones (#GP, #TS), #SS when absent. */
void ss_check(struct cpu *cpu, u16 sel, unsigned cpl, u8 vector, struct desc *d);
/* After a return to an outer ring: data segments it may not use become null. */
void segs_drop_privileged(struct cpu *cpu);
/* #GP(0) unless off may be EIP in that code segment. */
void code_offset_check(struct cpu *cpu, const struct desc *cs, u64 off);

/* ---- frames on a stack that need not be the current one (far.c) ---- */
struct frame {
    struct seg ss;
    u64 sp, sp_mask;
    u64 idx;        /* enum mmu_idx of the accesses */
    bool long_mode; /* 64-bit: no segmentation */
    u8 size;        /* of each item */
    u16 error;      /* selector for #SS */
    u8 n;
    u64 val[48];
};
/* The stack as it is. */
void frame_current(struct cpu *cpu, struct frame *f, unsigned size);
/* The stack of inner ring 'cpl' from the TSS (SS and ESP; long mode: RSP, null SS). */
void frame_inner(struct cpu *cpu, struct frame *f, unsigned cpl, unsigned size);
void frame_push(struct frame *f, u64 val);
/* Checks every item, then writes all; f->sp is then the new stack pointer. */
void frame_write(struct cpu *cpu, struct frame *f);
/* Makes the frame's stack the current one. */
void frame_load(struct cpu *cpu, const struct frame *f, bool inner);
/* True while every instruction ends in cpu_step_done, so that it may be told things (keep_rf, no_step_trap). */
ALWAYS_INLINE bool is_stepping(const struct cpu *cpu) { return cpu->mode & MODE_STEP; }

/* ---- delivery (excp.c) ---- */
/* As cpu_deliver, ret being the return address; SLOT_RIP is only written when nothing can fault. */
void deliver(struct cpu *cpu, u8 vector, enum int_kind kind, bool has_error, u32 error, u64 ret);
/* Replaces EFLAGS bits in 'mask' (arithmetic ones too, if in it) and updates mode. */
void eflags_load(struct cpu *cpu, u32 image, u32 mask);
/* Flags that exist on this CPU. */
u32 eflags_valid(const struct cpu *cpu);

/* ---- tasks (task.c) ---- */
enum task_reason { TASK_JUMP, TASK_CALL, TASK_INT, TASK_IRET };
struct task_event {
    enum task_reason reason;
    u64 ret;        /* EIP the old task resumes at */
    u32 eflags;     /* image its TSS gets */
    bool has_error; /* of an exception: pushed on the new task's stack */
    u32 error;
};
/*
 * Switches to the task of TSS selector sel, whose descriptor the caller has found good. Sets
 * SLOT_RIP. Faults before the commit point belong to the old task, later ones to the new
 * (cpu->cur NULL). Callers of instructions pass ret as the address of the next one.
 */
void task_switch(struct cpu *cpu, u16 sel, const struct desc *tss, const struct task_event *event);
/* The TSS selector a task gate names, checked as JMP/CALL/INT check it. */
u16 task_gate_tss(struct cpu *cpu, const struct desc *gate, struct desc *tss);

/* ---- control registers (sys.c) ---- */
/* Reserved bits and combinations are #GP(0). */
void cr0_write(struct cpu *cpu, u64 val);
void cr3_write(struct cpu *cpu, u64 val);
void cr4_write(struct cpu *cpu, u64 val);
bool efer_write(struct cpu *cpu, u64 val); /* false: #GP(0) */
/* Bits that exist on this CPU. */
u64 cr4_valid(const struct cpu *cpu);
u64 efer_valid(const struct cpu *cpu);
/* Loads the PAE page-directory-pointer registers from cr3; false: reserved bits set. */
bool pdptes_load(struct cpu *cpu, u64 cr3, u64 out[4]);
/* Time-stamp counter as RDTSC returns it. */
u64 tsc_read(struct cpu *cpu);

/* ---- MSRs (msr.c) ---- */
bool msr_read(struct cpu *cpu, u32 msr, u64 *val); /* false: #GP(0) */
bool msr_write(struct cpu *cpu, u32 msr, u64 val);
void msr_reset(struct cpu *cpu);

/* ---- protection keys (pkeys.c) ---- */
void pkru_write(struct cpu *cpu, u32 val);
bool pkrs_write(struct cpu *cpu, u32 val); /* true */

/* ---- XSAVE (xsave.c) ---- */
/* XCR0 bits this CPU knows; components not in their initial state. */
u64 xsave_supported(const struct cpu *cpu);
u64 xsave_inuse(struct cpu *cpu);
/* Bytes that components take, in the standard or the compacted form. */
u32 xsave_size(const struct cpu *cpu, u64 components, bool compact);
/* Size and standard offset of one that is beyond the legacy region; false: there is none of that number. */
bool xsave_component(const struct cpu *cpu, unsigned number, u32 *size, u32 *offset);

/* ---- debug.c ---- */
/* DR7, DR0..3 or the debugger's points changed. */
void debug_changed(struct cpu *cpu);
enum { DR6_BS = BIT(14) };
/* DR6 as a debug exception sets it: B0-B3 are this one's alone, the other bits stay until software clears them. */
void debug_set_dr6(struct cpu *cpu, u32 bits);
/* Notes that a trap (DR6 bits) is due at the next boundary. */
void debug_pend(struct cpu *cpu, u32 dr6);
void debug_free(struct cpu *cpu);
/* DR7 or the debugger have code breakpoints. */
bool debug_has_breaks(const struct cpu *cpu);
/* For CLFLUSH and MONITOR (mmu.c): physical address of readable data at lin; raises as a read would. */
u64 mem_probe_read(struct cpu *cpu, u64 lin, unsigned idx);

/* ---- going on after an instruction that may have changed the mode ---- */
/* On with the block if mode is what it was and nobody waits; else back to the run loop. */
ALWAYS_INLINE const struct uop *go_on(struct cpu *cpu, const struct uop *u, u32 mode_before)
{
    if (cpu->mode != mode_before || __atomic_load_n(&cpu->attention, __ATOMIC_RELAXED))
        return goto_afresh(cpu, u, uop_next_ip(cpu, u));
    NEXT(u);
}

#endif
