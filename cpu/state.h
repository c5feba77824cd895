/*
 * The state of one x86 logical processor, as modes of one machine: registers
 * are 64 bits wide from the first day. Sections are marked: SAVED goes into
 * snapshots, DERIVED is recomputed from it (cpu_update_mode), RUNNING means
 * nothing between slices, HOST is wiring. saved.c has the table.
 */
#ifndef ORRERY_CPU_STATE_H
#define ORRERY_CPU_STATE_H

#include <pthread.h>
#include <setjmp.h>

#include "cpu/regs.h"

#define TLB_ENTRIES 4096u
/* A tag no page address equals, not even with the low bits that tell misalignment; nor is it near one. */
#define TLB_EMPTY (1ull << 62 | 0x800)

/* host address = linear address + addend, while tag equals the linear page. */
struct tlb_entry {
    u64 tag;
    u64 addend;
};
/* Execute: the physical page behind a linear one. */
struct tlb_exec {
    u64 tag;
    u64 phys;
};
/* What the slow paths know of a page: 'phys' is its address with TLB_PHYS_* in the low bits. */
struct tlb_phys {
    u64 tag;
    u64 phys;
};
enum tlb_phys_bits {
    TLB_PHYS_WRITE = BIT(0), /* writable with these rights, D already set */
    TLB_PHYS_READ = BIT(1),
    TLB_PHYS_GLOBAL = BIT(2),
    TLB_PHYS_LARGE = BIT(3), /* part of a larger page: INVLPG anywhere in it must find us */
    TLB_PHYS_KEYED = BIT(4), /* its rights depend on a protection key: ... */
    TLB_PHYS_KEY_SHIFT = 5,  /* ... 0..15 of IA32_PKRS, 16..31 of PKRU */
};
struct tlb {
    struct tlb_phys phys[TLB_ENTRIES];
    struct tlb_entry read[TLB_ENTRIES];
    struct tlb_entry write[TLB_ENTRIES];
    struct tlb_exec exec[TLB_ENTRIES];
};

/* An XMM/YMM register. Use the lane macros: they hold on big-endian hosts too. */
union vec {
    u8 b[32];
    u16 w[16];
    u32 d[8];
    u64 q[4];
};
#if HOST_BIG_ENDIAN
#define VB(v, i) ((v)->b[(i) ^ 7])
#define VW(v, i) ((v)->w[(i) ^ 3])
#define VD(v, i) ((v)->d[(i) ^ 1])
#else
#define VB(v, i) ((v)->b[i])
#define VW(v, i) ((v)->w[i])
#define VD(v, i) ((v)->d[i])
#endif
#define VQ(v, i) ((v)->q[i])

/* An x87 register: 64-bit significand, sign and 15-bit exponent. MMX is 'man'. */
struct x87_reg {
    u64 man;
    u16 se;
};

struct fpu {
    struct x87_reg reg[8]; /* physical order: R0..R7; ST(i) is reg[(top + i) & 7] */
    u16 fcw, fsw;          /* fsw without TOP (bits 11..13): that is 'top' */
    u8 top;
    u8 ftw; /* bit i set: R_i holds something (the abridged tag word) */
    u16 fop;
    u64 fip, fdp;
    u16 fcs, fds;
};

/* A generator of random numbers: what has been drawn cannot be computed from what is here. */
struct rng {
    u32 key[8];
    u8 out[32]; /* numbers to come, from 'used' on */
    u32 used;
};

struct cpu;
struct uop;
struct block;
struct cpu_model;
struct fp80_functions;

/* What lies behind a physical page: host pointers, aligned to 32 (translated VMOVAPS looks), for plain access. */
struct cpu_page {
    u8 *read;  /* host address of the page's first byte, NULL: go through mem_read */
    u8 *write; /* NULL: MMIO, ROM, dirty-tracked, or holds decoded code */
};

/*
 * All the CPU asks of the world (devices/machine/machine.c answers). 'world' is handed
 * back on each call. Physical addresses are before A20 masking.
 */
struct cpu_env {
    void *world;
    void (*page)(void *world, struct cpu *cpu, u64 pa, struct cpu_page *out);
    /* Access that page() gave no pointer for; size 1, 2, 4 or 8, inside one page. */
    u64 (*mem_read)(void *world, struct cpu *cpu, u64 pa, unsigned size);
    void (*mem_write)(void *world, struct cpu *cpu, u64 pa, u64 val, unsigned size);
    /* The 64-byte chunk of RAM at pa now holds decoded code: writes must reach engine->code_written, as long as that
     * says so. */
    void (*code_here)(void *world, u64 pa);
    u32 (*io_read)(void *world, u16 port, unsigned size);
    void (*io_write)(void *world, u16 port, u32 val, unsigned size);
    /* Acknowledges the highest interrupt for this CPU; vector, or -1 if it went away. */
    int (*int_ack)(void *world, struct cpu *cpu);
    u64 (*tsc)(void *world, struct cpu *cpu);
    /* A long repetition of a string instruction is at a place where ATT_EXIT may end the run; NULL: nobody asks. */
    void (*repetition)(void *world);
    /* MSRs that live outside the CPU (APIC base, x2APIC, TSC deadline); false: not mine. *fault: #GP. */
    bool (*msr_read)(void *world, struct cpu *cpu, u32 msr, u64 *val, bool *fault);
    bool (*msr_write)(void *world, struct cpu *cpu, u32 msr, u64 val, bool *fault);
    /* CR8, the task priority: bits 0..3. */
    u8 (*tpr_read)(void *world, struct cpu *cpu);
    void (*tpr_write)(void *world, struct cpu *cpu, u8 tpr);
    void (*ferr)(void *world, bool level);          /* FERR# towards IRQ 13, when CR0.NE = 0 */
    void (*shutdown)(void *world, struct cpu *cpu); /* triple fault */
};

/* Reasons to leave the run loop or look up from it; set from any thread. */
enum attention {
    ATT_INTR = BIT(0), /* INTR is high */
    ATT_NMI = BIT(1),
    ATT_INIT = BIT(2),
    ATT_SIPI = BIT(3),    /* vector in cpu->sipi_vector */
    ATT_EXIT = BIT(4),    /* leave cpu_run at the next instruction boundary */
    ATT_TRAP = BIT(5),    /* pending #DB (TF or data/IO breakpoint) at this boundary: see dr6_pending */
    ATT_SHADOW = BIT(7),  /* a debugger steps: interrupts wait for one instruction (STI, MOV SS use cpu->shadow) */
    ATT_VIRTUAL = BIT(8), /* VIF and VIP are both set: #GP(0) before the next instruction (VME, PVI) */
    ATT_REQUEST = BIT(9), /* something is in cpu->asked */
};

enum flush_kind {
    FLUSH_PAGE,
    FLUSH_LOCAL,
    FLUSH_GLOBAL,
    FLUSH_DATA, /* how data is accessed changed, somewhere; code is where it was */
};

/* The three engines: interp, jit, lockstep. */
struct engine {
    const char *name;
    /* Runs until attention or budget says so; returns at an instruction boundary. */
    void (*run)(struct cpu *cpu);
    /*
     * RAM in [pa, pa+len) changed, in 64-byte chunks that held code: what lay there is forgotten. False: so is all else
     * of those chunks, until code_here() names them again.
     */
    bool (*code_written)(struct cpu *cpu, u64 pa, unsigned len);
    /* Forget what is cached by virtual address, as the TLB just did: the page at lin, or all, global pages or not. */
    void (*flush)(struct cpu *cpu, enum flush_kind kind, u64 lin);
    /* What it has done so far, in words; NULL: nothing to tell. */
    void (*info)(const struct cpu *cpu, FILE *out);
};

/* What others have asked of a CPU (request.c), merged. */
struct cpu_asked_range {
    u64 pa, end;
};
struct cpu_asked {
    bool flush, a20;
    u64 a20_mask;
    unsigned nhosts, nranges;
    const u8 *host[64];
    struct cpu_asked_range range[64];
    u32 count; /* requests so far */
};

/* Host address of a physical page that may be read plainly. */
struct phys_host {
    u64 tag; /* its address + 1; 0: none */
    const u8 *host;
};

/*
 * An engine's own state that its code reaches from the same register as the CPU's: cpu_create leaves so many bytes
 * right before struct cpu.
 */
enum { CPU_ENGINE_ROOM = 256 };

struct cpu {
    /* ---- SAVED ---- */
    u64 gpr[SLOT_COUNT];
    u64 cc_res; /* lazy arithmetic flags: see flags.h */
    u32 cc_aux;
    u32 eflags; /* all but FL_ARITH */
    struct seg seg[SEG_COUNT];
    struct seg ldtr, tr;
    struct dtable gdtr, idtr;
    u64 cr0, cr2, cr3, cr4;
    u64 dr[8]; /* 4 and 5 unused */
    u64 efer, xcr0;
    u32 pkru, pkrs; /* access (bit 2k) and write (2k + 1) denied to pages of key k */
    u64 star, lstar, cstar, sfmask, kernel_gs_base, tsc_aux;
    u64 sysenter_cs, sysenter_esp, sysenter_eip;
    u64 pat, mtrr_def, mtrr_fixed[11], mtrr_base[8], mtrr_mask[8];
    u64 misc_enable, mcg_status, tsc_offset, debugctl, mcg_ctl, ucode_rev;
    u64 mc_bank[4][4]; /* machine check: CTL, STATUS, ADDR, MISC of each bank */
    struct rng rng;    /* RDRAND: see rng.h */
    u64 pdpte[4];      /* PAE: loaded by MOV CR3 */
    u8 cpl;
    bool halted;     /* HLT or MWAIT */
    bool wait_sipi;  /* an AP before SIPI */
    bool nmi_masked; /* between NMI delivery and IRET */
    bool ferr_high;
    bool ignne; /* IGNNE#: the board drives it (port F0h); falls with FERR# */
    u8 sipi_vector;
    u32 dr6_pending;     /* DR6 bits to be reported with ATT_TRAP */
    u64 monitor_addr;    /* MONITOR: physical line armed, or ~0 */
    u64 monitor_line[8]; /* what it held then: MWAIT wakes when it changed */
    bool mwait_any;      /* MWAIT with ECX[0]: wakes for interrupts even with IF = 0 */
    bool in_shutdown;    /* after a triple fault: only INIT and RESET (NMI) wake it */
    u8 shadow;           /* after STI, MOV SS: calls of cpu_step_done until interrupts may come */
    bool shadow_ss;      /* it came from MOV SS: holds off traps too */
    struct fpu fpu;
    u32 mxcsr; /* not by itself: see mxcsr.h */
    union vec xmm[16];
    u64 icount_base; /* instructions retired before the current slice */

    /* ---- DERIVED: cpu_update_mode() ---- */
    u32 mode; /* enum mode_bits */
    u8 mmu_idx;
    u64 sp_mask; /* 0xffff, 0xffffffff or ~0 by SS.B / long mode */
    /* Outside 64-bit code: the last offset that may be read [0] or written [1]; -1: none, or expand-down. */
    i64 reach[2][SEG_COUNT];

    /* By mmu_idx: its TLB may hold addresses above 4 GiB. Never where 32-bit code runs, whose sums may get there. */
    bool tlb_wide[MMU_COUNT];
    bool sse_checked; /* MXCSR unmasks something: SSE looks before it writes */

    /* ---- RUNNING ---- */
    bool sse_live;         /* the host's SSE unit holds the guest's MXCSR */
    u32 sse_host_mxcsr;    /* what it held before */
    i64 budget;            /* instructions left in this slice; blocks subtract their length on entry */
    i64 slice;             /* budget at the start of the slice */
    u32 attention;         /* enum attention; atomic */
    u32 held;              /* attention that cannot be taken now (IF = 0, shadow, ...): cpu_update_mode gives it back */
    const struct uop *cur; /* the micro-op that may raise */
    struct block *block;   /* the block it is in */
    jmp_buf unwind;        /* cpu_raise comes back here */
    /* the exception being raised */
    u8 exc_vector;
    bool exc_has_error;
    u32 exc_error;
    u8 exc_ext;        /* EXT bit for error codes of faults met while delivering */
    bool delivering;   /* inside cpu_deliver: nothing can be restarted */
    bool force_step;   /* run the next instruction alone (EXC_RESTART) */
    bool keep_rf;      /* this instruction loaded RF: it holds for the next one */
    bool no_step_trap; /* this instruction (INT n) takes no TF trap */
    bool tlb_strict;   /* engines remember no translation that the TLB has dropped to make room */
    u32 tlb_fills;     /* how often its tables for data got an entry */
    u64 tlb_filled;    /* the page of the last */
    u32 tlb_epoch;     /* bumped when the TLB loses what it held; not when one entry makes room for another */
    u64 a20_mask;      /* what of physical addresses passes: all, or, with A20M# asserted, all but bit 20 */

    /* ---- HOST ---- */
    unsigned index; /* APIC id */
    unsigned count; /* CPUs in the machine */
    const struct cpu_env *env;
    const struct engine *engine;
    void *engine_data; /* the block cache */
    void *translator;  /* struct jit, when there is one */
    const struct cpu_model *model;
    const struct fp80_functions *fp80; /* what the x87 computes transcendental functions with */
    struct phys_host phys_host[64];    /* by page: where page tables are, since the TLB was last emptied whole */
    u32 features[16];                  /* enum feature_word (cpuid.h): what CPUID says and #UD obeys */
    struct trace *trace;
    struct debug_points *points; /* debugger's breakpoints and watchpoints, or NULL */
    bool tables_are_code;        /* writes to page tables in use are told as those to decoded code: for lockstep */
    struct tlb *tlb;             /* [MMU_COUNT] */
    struct tlb_lists *tlb_lists; /* which entries are filled, global or not (mmu.c) */
    u64 owner;                   /* the thread that runs it now; 0: nobody */
    pthread_mutex_t asked_lock;  /* guards the next */
    struct cpu_asked asked;
    u32 answered; /* asked.count as it was when all of it had been carried out */

    /* ---- SAVED, once cpu_settle() has filled it: INTR, NMI, INIT, SIPI, traps of 'attention' and 'held' ---- */
    u32 pending;
};

static_assert(RDI == 7 && R15 == 15, "slots are the encoding");

#endif
