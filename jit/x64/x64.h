/*
 * The x86-64 backend's own: where guest state is while emitted code runs, and
 * what rules are written with. A rule emits host code for one guest instruction;
 * one table (rules.c) says which rule serves which micro-op.
 *
 *   rbp   struct cpu            r14   instructions left (cpu->budget)
 *   rax   scratch               r15   scratch
 *   rcx rdx rbx rsi rdi r8 r9   the guest's registers of that name
 *   r10 RAX   r11 RSP   r12 RBP   r13 R12      guest R10 R11 R13 R14 R15: in cpu->gpr
 *   rsp   the host's stack, aligned to 16
 */
#ifndef ORRERY_JIT_X64_X64_H
#define ORRERY_JIT_X64_X64_H

#include "cpu/system/cpuid.h"
#include "jit/jit.h"
#include "jit/x64/emit.h"

enum { S0 = H_RAX, S1 = H_R15, CPU = H_RBP, BUDGET = H_R14 };
#define FIELD(member) rm_mem(CPU, (i32)offsetof(struct cpu, member))
/* Of struct jit_state. */
#define OWN_AT(member) ((i32)offsetof(struct jit_state, member) - (i32)sizeof(struct jit_state))
#define OWN(member)    rm_mem(CPU, OWN_AT(member))

/* Where the guest's arithmetic flags are. */
enum flags_at {
    AT_HOST,   /* in EFLAGS alone */
    AT_MEMORY, /* in jit_state.flags alone */
    AT_BOTH,
    AT_RECIPE, /* nowhere, but recomputable */
    AT_NOWHERE /* dead */
};

/*
 * Whose FIP, FCS and FOP, and FDP and FDS, are still to be stored: the last x87 instruction's, and the last's
 * with a memory operand (the registers of its address are as they were). NULL: stored.
 */
struct x87_note {
    const struct uop *last, *memory;
};

/* Out of line: runs the whole instruction in C, then goes on behind it. */
struct slow_path {
    const u8 *start;
    u8 *from[12]; /* displacements of jumps that lead here */
    unsigned count;
    u8 *back;
    u32 site;
    struct x87_note note;
    bool restore; /* flags are wanted in EFLAGS behind it */
    bool ends;    /* it never comes back */
    bool leaves;  /* what follows relies on a check that failed: it goes on in another translation */
    u32 link;     /* there */
    unsigned executed;
};
/* Out of line: fills an access site from the TLB and goes on, or on to the slow path. */
struct refill {
    u8 *from;
    const u8 *back;
    u32 site; /* offset from jit->sites */
    bool write;
    struct slow_path *slow;
};
/* Flags that have a value whatever EFLAGS has; it is given to them where they are saved. */
struct fixed_flags {
    u16 zero, one;
};
/* Out of line: leaves the superblock by a link. */
struct side_exit {
    u8 *from;
    u32 link;
    unsigned executed; /* instructions */
    struct x87_note note;
    bool save_flags;
    struct fixed_flags fixed; /* of these */
    u32 flags;                /* not 0: a recipe, left behind in place of them */
};

enum {
    SLOW_MAX = SUPERBLOCK_MAX * 2,
    EXIT_MAX = SUPERBLOCK_MAX + 2,
    MARK_MAX = SUPERBLOCK_MAX + SLOW_MAX * 2 + EXIT_MAX + 2
};

struct tr {
    struct jit *jit;
    struct superblock *sb;
    struct translation_block *tb;
    struct emit e;
    const struct sb_insn *i; /* the instruction being translated */
    enum flags_at flags;
    u32 recipe;                    /* AT_RECIPE: its offset in the metadata */
    const struct uop *flag_writer; /* who wrote what is in EFLAGS; NULL: unknown */
    struct fixed_flags fixed;      /* AT_HOST */
    struct slow_path *slow;        /* of the current instruction, or NULL */
    struct slow_path slow_paths[SLOW_MAX];
    unsigned nslow;
    struct refill refills[SLOW_MAX];
    unsigned nrefills;
    struct side_exit exits[EXIT_MAX];
    unsigned nexits;
    struct code_mark marks[MARK_MAX];
    unsigned nmarks;
    i32 tlb;                   /* of tables for this mmu_idx, from rbp */
    bool vec_ready, x87_ready; /* loaded since the superblock's start */
    struct x87_note x87_note;
    u32 groups; /* bit per slot: whose leader has been checked */
    /* What S1 holds unless the emitter has seen it named since: the host address of that leader's group, or its addend.
     */
    const struct sb_access *s1_group;
    bool s1_is_host;
    u32 group_site[SUPERBLOCK_GROUPS + 1]; /* by slot: the leader's access site; 0: jit_state.group has the addend */
    bool failed;
    bool ended; /* control cannot reach what follows */
};

/* A rule: false: nothing was emitted, the instruction is run in C. */
typedef bool rule_fn(struct tr *t, const struct uop *u);
struct rule {
    rule_fn *fn;
    u32 arg; /* for the rule: an opcode, a condition, ... */
};
/* u's rule; its fn is NULL: none. */
const struct rule *x64_rule(const struct uop *u);
ALWAYS_INLINE u32 rule_arg(const struct uop *u) { return x64_rule(u)->arg; }

/* ---- registers (access.c) ---- */
/* Host register of a guest GPR, or -1: it is in memory. */
int host_of(unsigned gpr);
/* The guest register as an operand; slot as in uops, SLOT_* too. Not for byte size. */
struct rm reg_operand(unsigned slot);
/* Byte register named by BYTE_SLOT; a high one is brought to memory first. byte_written: after a write. */
struct rm byte_operand(struct tr *t, unsigned slot);
void byte_written(struct tr *t, unsigned slot);
/* Either, by size. */
struct rm operand_of(struct tr *t, unsigned slot, unsigned size);
void operand_written(struct tr *t, unsigned slot, unsigned size);
/* The register in a host register: its own, or loaded to 'scratch'. */
unsigned reg_in(struct tr *t, unsigned slot, unsigned scratch);
/* Where to compute a new value of a GPR of 4 or 8 bytes, and afterwards. */
unsigned reg_target(unsigned slot, unsigned scratch);
void reg_put(struct tr *t, unsigned slot, unsigned host);

/* ---- guest memory (access.c): the only place that knows how a guest address becomes a host one ---- */
enum { ACC_READ = 1, ACC_WRITE = 2, ACC_FREE_S0 = 4, ACC_ALIGN = 8 /* misaligned: the slow path */ };
/*
 * Checks u's memory operand of n bytes and makes *m its host address, which uses S0 and S1; with ACC_FREE_S0
 * only S1. What stands in flags is lost, but kept as the instruction needs them.
 */
void access_operand(struct tr *t, const struct uop *u, unsigned n, unsigned how, struct rm *m);
/* The same at base register + disp of the stack. */
void access_stack(struct tr *t, unsigned base_slot, i32 disp, unsigned n, unsigned how, struct rm *m);
/* The effective address, as LEA with operands of 'size' bytes has it, into host register 'to'; flags stay. */
void effective_address(struct tr *t, const struct uop *u, unsigned size, unsigned to);
/* Bytes of the stack pointer. */
unsigned stack_width(const struct tr *t);
/* The slow path unless what the register holds is a canonical address; host flags are lost. */
void only_canonical(struct tr *t, unsigned reg, unsigned scratch);

/* ---- flags (flags.c) ---- */
/* Before host flags are lost inside the current instruction: keeps what is needed of the guest's. */
void flags_lose(struct tr *t);
/* Before an instruction that reads flags. */
void flags_want(struct tr *t);
/* Before an instruction that writes some flags: the others must be there if they are needed. */
void flags_merge(struct tr *t);
/* After host code that left the guest's flags in EFLAGS, as the current instruction defines them; S0 may be lost. */
void flags_set_by(struct tr *t, const struct uop *u);
/* The same where they are in jit_state.flags. */
void flags_in_memory(struct tr *t);
/*
 * Whether the flags in EFLAGS must be kept for what lies at 'target' (from the page's start). *recipe: not 0: it is
 * enough to keep that in jit_state.flags.
 */
bool flags_needed_at(const struct tr *t, u64 target, u32 *recipe);
void emit_keep_recipe(struct emit *e, u32 recipe);
/* Emits: EFLAGS, but for flags that are fixed, to jit_state.flags (S0 is lost), and back. */
void emit_save_flags(struct emit *e, struct fixed_flags fixed);
void emit_restore_flags(struct emit *e);
/* Whether anything still needs the flags the current instruction leaves, or found. */
bool flags_needed_after(const struct tr *t);

/* ---- leaving (exits.c) ---- */
/* Runs the current instruction in C, in line. */
void call_in_c(struct tr *t);
/* The current instruction's slow path, if there is room for one. */
struct slow_path *want_slow_path(struct tr *t);
/* It goes on in another translation: what follows here relies on a check that it failed. */
void slow_path_leaves(struct tr *t);
/* A jump to it; at: from e_jcc or e_jmp. */
void to_slow_path(struct tr *t, u8 *at);
/* When the current instruction is done with: what its slow path, if it has one, must know. */
void end_slow_path(struct tr *t);
/* To 'target' (from the page's start) where the jump at 'from' goes (from e_jcc or e_jmp), or (exit_always) always. */
void exit_by(struct tr *t, u8 *from, u64 target);
void exit_always(struct tr *t, u64 target);
/* To EIP 'off' of the code segment that CS has become. */
void exit_far(struct tr *t, u32 off);
/* S1 becomes the host address of where a jump to the linear address in register 'lin' is looked for. */
void emit_jump_entry(struct tr *t, unsigned lin);
/* Jumps to the EIP in S0, known by nobody yet; leaves for the slow path when it is not in the table. S1 is lost. */
void find_indirect(struct tr *t);
/* ... and, after all effects of the instruction, goes there: S1 holds its entry. */
void exit_indirect(struct tr *t);
void emit_tail(struct tr *t);
/* What is emitted from here on is for the instruction whose (first) micro-op is u. */
void mark(struct tr *t, enum mark_kind kind, const struct uop *u);

/* ---- state that is loaded on demand ---- */
/* Before the first check of an instruction that uses it: a slow path must find it loaded. Host flags are lost. */
void want_vec(struct tr *t);
void want_x87(struct tr *t);
/* Stores what n says; S0 and S1 are lost, host flags stay. */
void emit_x87_note(struct tr *t, const struct x87_note *n);
/* The same for what is to be stored here. */
void x87_note_now(struct tr *t);
/* Before each instruction: it may leave, or change registers. */
void x87_note_before(struct tr *t);

/* Bytes of the code that refuses an entry, which x64_forward may overwrite. */
enum { REFUSAL_BYTES = 14 };
bool x64_link(struct jit *jit, const struct exit_link *link, const struct translation_block *to, int gen);
void x64_unlink(struct jit *jit, struct translation_block *tb);
void x64_forward(struct jit *jit, struct translation_block *tb, const struct translation_block *to);

/* What the code behind a call of 'site' takes to be loaded. */
enum ready { READY_VEC = 1, READY_X87 = 2, READY_VEC_LOW = 4 };
/* How many vector registers are in the host's: the others are out of reach of 32-bit code. */
enum { VEC_LOW = 8, VEC_ALL = 16 };
/* Entry points of the stubs, in code memory; the host's features, in the words of cpu->features. */
struct stubs {
    u8 *enter;                /* (cpu, host code): the C function that runs translations */
    u8 *leave;                /* back to C with EAX */
    u8 *site;                 /* calls C for the call_site at offset EAX (and READY_*), and returns, or leaves */
    u8 *refill[MMU_COUNT][2]; /* by right to write: fills the access site at S0; S1: see refill.c. Carry: it cannot */
    u8 *load_vec;             /* vector registers from the state */
    u8 *load_vec_low;         /* VEC_LOW of them */
    u8 *load_x87;             /* the x87 from the state; S0 and S1 are lost */
    u32 host[WORD_COUNT];
    u16 zeroed[UOP_OP_COUNT]; /* flags that undefined.def says are 0 after it */
    u32 other[UOP_OP_COUNT];  /* flags that the host leaves otherwise than undefined.def says, UNDEFINED_RESULT, _CC */
    bool estimates;           /* the host's RCPPS and RSQRTPS are ours */
};
const struct stubs *x64_stubs(const struct jit *jit);
/* The subroutine load_x87, and the one that brings x87 state home (rDX and r8 are lost) (x87_state.c). */
u8 *emit_load_x87(struct emit *e);
u8 *emit_save_x87(struct emit *e);
/* The subroutines stubs.refill, and what jumps to them. */
u8 *emit_refill_stub(struct emit *e, const struct jit *jit, i32 table);
void emit_refill(struct tr *t, const struct refill *r);
void x64_host_features(u32 *words);
/* Fills s->other and s->estimates, as jit->host says; 'at': code memory that nothing is in yet (host.c). */
void x64_ask_host(struct jit *jit, struct stubs *s, u8 *at);
/* Flags that are 1 behind a rule of u, which the host leaves otherwise. */
u32 x64_flags_set(const struct tr *t, const struct uop *u);
/* Whether a rule may take from the host all that is still needed of the current instruction. */
bool x64_host_answers(const struct tr *t, const struct uop *u);
/* Whether the host runs the instructions of that row itself. */
bool x64_host_has(const struct tr *t, const struct insn_row *row);

#endif
