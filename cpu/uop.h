/*
 * The micro-op: one normalised x86 operation, prefixes, sizes and addressing
 * resolved. Each op's meaning is one C function; that function is the
 * specification, the interpreter's body and a translator's fallback.
 *
 * A uop function returns the next uop to run: NEXT(u) within a block; a
 * block-ending one returns the first uop of the next block, or NULL to leave
 * the run loop (through the functions of interp.h). Everything that can fault
 * comes before everything that writes state. A function that may raise sets
 * cpu->cur = u first (uop_lin and RAISES do it).
 */
#ifndef ORRERY_CPU_UOP_H
#define ORRERY_CPU_UOP_H

#include "cpu/regs.h"

struct cpu;

typedef const struct uop *uop_fn(struct cpu *cpu, const struct uop *u);

/* How a memory operand becomes a linear address. */
enum amode {
    AM_FLAT64, /* 64-bit code, 64-bit address, no FS/GS base */
    AM_FLAT32, /* 32-bit address, segment known flat (MODE_FLAT) */
    AM_SEG64,  /* 64-bit code: FS/GS base and/or 32-bit address size */
    AM_SEG,    /* segment base, limit and rights checked at run time */
};

/* The shape of the operands: which handler of an op runs. dst first, then source. */
enum form {
    FORM_0,  /* none */
    FORM_R,  /* dst */
    FORM_M,  /* memory */
    FORM_I,  /* imm */
    FORM_RR, /* dst, src */
    FORM_RM, /* dst, memory */
    FORM_MR, /* memory, src */
    FORM_RI, /* dst, imm */
    FORM_MI, /* memory, imm */
    FORM_COUNT
};

enum uop_flags {
    UF_FIRST = BIT(0), /* first micro-op of its instruction */
    UF_LAST = BIT(1),
    UF_LOCK = BIT(2),
    UF_REP = BIT(3),   /* F3: REP/REPE */
    UF_REPNE = BIT(4), /* F2 */
    UF_REXW = BIT(5),
};

struct uop {
    uop_fn *fn;
    u64 imm;               /* immediate, sign-extended; relative jumps: target minus block start */
    i32 disp;              /* of the memory operand; RIP-relative: from block start, base = SLOT_RIP */
    u16 op;                /* enum uop_op */
    u16 pc_off;            /* this instruction's start, from the block's */
    u8 dst, src, src2;     /* register numbers; of byte GPRs the byte offset in gpr[] */
    u8 aux;                /* from the row: condition code, sub-operation; F4 imm etc. */
    u8 base, index, scale; /* slots; scale is a shift */
    u8 seg;
    u8 amode;          /* enum amode */
    u8 asize;          /* address size in bytes: 2, 4, 8 */
    u8 size;           /* operand size in bytes */
    u8 size2;          /* size of the second operand, where it differs */
    u8 len;            /* instruction length in bytes */
    u8 index_in_block; /* instructions before this one */
    u8 form;           /* enum form */
    u8 flags;          /* enum uop_flags */
};

/* What a row says of its micro-op, whatever rows stand beside it. */
enum uop_props {
    UP_MEM_READ = BIT(0),
    UP_MEM_WRITE = BIT(1),
    UP_RAISES = BIT(2), /* may fault other than through its memory operand */
    UP_ENDS = BIT(3),   /* ends the block */
    UP_MODE = BIT(4),   /* may change cpu->mode, CPL, paging: ends the block */
    UP_FP = BIT(5),     /* x87 */
    UP_SSE = BIT(6),
    UP_COUNT = BIT(7),       /* needs the exact instruction count (RDTSC, IN, MMIO-like) */
    UP_IMPLIED = BIT(8),     /* its memory, or more of it, is not in its form: the stack, strings */
    UP_DIRECT = BIT(9),      /* in form I it goes to a place that its bytes name */
    UP_COPY = BIT(10),       /* does nothing but what its operands say: a host's own instruction is as good */
    UP_JOINS = BIT(11),      /* accesses its memory operand once, and checks nothing else of it, ... */
    UP_JOINS_WIDE = BIT(12), /* ... with operands of 4 bytes or more */
    UP_ALIGNED = BIT(13),    /* a vector in memory must be aligned to its size, with VEX too ... */
    UP_UNALIGNED = BIT(14),  /* ... and need not be, without VEX either */
    UP_SHIFT = BIT(15),      /* with a count of 0 it keeps all flags, otherwise it writes all */
    UP_OTHER_REGS = BIT(16), /* some of its registers are segment, control or debug registers */
    UP_HAS_CC = BIT(17),     /* works by a condition: uop_cc */
    UP_CC_SHIFT = 18,
    UP_VEC = UP_SSE | UP_COPY,
    /* General registers that it writes: none but these; without any of them: the operand's, of vectors and the x87, or
       whatever. */
    UP_NO_GPR = BIT(22),
    UP_DST = UP_NO_GPR | BIT(23), /* dst, in forms that have it */
    UP_SRC2 = UP_NO_GPR | BIT(24),
    UP_GPR_SHIFT = 25, /* by name: bits of RAX to RDI */
};
#define UP_SETS(reg) (UP_NO_GPR | BIT64(UP_GPR_SHIFT + (reg)))
#define UP_STRING    (UP_SETS(RCX) | UP_SETS(RSI) | UP_SETS(RDI))
#define UP_IF(cc)    (UP_HAS_CC | (u64)(cc) << UP_CC_SHIFT)

enum uop_op {
#define UOP(name, reads, writes, props, table) UOP_##name,
#include "cpu/uop.def"
#undef UOP
    UOP_OP_COUNT
};

/*
 * The handlers of one op by operand shape and size. Sizes 1, 2, 4, 8 are
 * columns 0..3. An op whose handlers look at u->size themselves fills all
 * four columns with one function (ANY_SIZE). NULL: the combination does not exist.
 */
struct uop_table {
    uop_fn *fn[FORM_COUNT][4];
};
#define ANY_SIZE(f)                                                                                                    \
    {                                                                                                                  \
        f, f, f, f                                                                                                     \
    }

struct uop_info {
    const char *name;
    u32 flags_read, flags_written; /* FL_* */
    u64 props;                     /* enum uop_props, UP_SETS, UP_IF */
    const struct uop_table *table;
};
extern const struct uop_info uop_info[UOP_OP_COUNT];
ALWAYS_INLINE enum cc uop_cc(const struct uop *u) { return uop_info[u->op].props >> UP_CC_SHIFT & 15; }
/* One line of text: where it is in its block, name and operand size, operands (uop_print.c). */
void uop_print(FILE *out, const struct uop *u);

#endif
