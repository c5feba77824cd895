/*
 * The unit of translation: a run of guest instructions with one entry, within
 * one physical page, through the not-taken side of conditional branches and
 * through forward jumps. Here it is found, decoded, and told what flags are
 * needed after each instruction; backends emit code from it. Knows no host.
 */
#ifndef ORRERY_JIT_SUPERBLOCK_H
#define ORRERY_JIT_SUPERBLOCK_H

#include "cpu/block.h"
#include "cpu/insn.h"

enum { SUPERBLOCK_MAX = 96, SUPERBLOCK_GROUPS = 16 };
enum { FAR_JUMP = 32 << 20 }; /* bytes from the page's start */

/*
 * What translated code depends on: mode and rights, as enum mode_bits with
 * these above. A superblock is found by (physical address, key).
 */
enum key_bits {
    KEY_MMU_SHIFT = 16,             /* enum mmu_idx */
    KEY_SSE_CHECKED = (int)BIT(20), /* MXCSR unmasks something, or floating point is software's */
    KEY_FS_PLAIN = (int)BIT(22),    /* 32-bit code: that segment is writable data of 4 GiB */
    KEY_GS_PLAIN = (int)BIT(23),
    KEY_X87_CHECKED = (int)BIT(21), /* FCW unmasks something, or an exception is pending; or as above */
};
/*
 * ... and above those, for all but 64-bit and flat 32-bit code, its code segment: in real and virtual-8086 mode, where
 * all segments are of 64 KiB, its paragraph, and KEY_PARAGRAPH; otherwise a number from 1 (struct jit_code_segment).
 */
enum { KEY_SEGMENT_SHIFT = 32 };
#define KEY_PARAGRAPH BIT64(KEY_SEGMENT_SHIFT + 16)

ALWAYS_INLINE u32 key_segment(u64 key) { return (u32)(key >> KEY_SEGMENT_SHIFT); }
/* Translations hold for one EIP, which the code segment's base and limit make of their linear address. */
ALWAYS_INLINE bool key_is_segmented(u64 key) { return key_segment(key) != 0; }
ALWAYS_INLINE u32 key_mode(u64 key) { return key & (BIT(KEY_MMU_SHIFT) - 1); }

ALWAYS_INLINE bool key_is_user(u64 key) { return (key >> KEY_MMU_SHIFT & 3) == MMU_USER; }

/* Where it lies. */
#define INSN_PA(sb, i) (((sb)->pa & PAGE_MASK) + (i)->u.pc_off)

/* A memory access as part of a group (group.c); all zero: it is checked for itself. */
struct sb_access {
    struct sb_access *leader; /* of the group it is a member of; NULL in the leader itself */
    u8 slot;                  /* leader: which group, from 1 */
    u8 n;                     /* bytes */
    bool aligned;             /* to its size, and that of the leader, or of a member, is enough to know it */
    bool write;               /* leader: something in the group is written */
    i16 off;                  /* member: from the leader's address */
    i16 lo, hi;               /* leader: what the group touches, from the leader's address */
};

struct sb_insn {
    struct insn in;
    struct uop u; /* its pc_off, RIP-relative disp and relative imm count from the page's start */
    u32 flags_read, flags_written;
    /* Arithmetic flags needed after it: by instructions and exits that follow; by faults that may happen, alone. */
    u32 needed, needed_by_fault;
    u16 gprs_written; /* bit per register; all, where the micro-op is not a plain one */
    struct sb_access operand, stack;
    bool may_fault;
    bool ends;
};
/* Some instructions, by hashed physical address: a few that are not meant may be in it. */
struct insn_set {
    u64 bits[1024];
};
bool insn_set_has(const struct insn_set *set, u64 pa);
void insn_set_add(struct insn_set *set, u64 pa);

struct superblock {
    u64 pa; /* of the first instruction */
    u64 key;
    /* Segmented code: EIP of the page's start, which may be below the segment's; the last it may fetch; CS's base. */
    u32 page_eip, last_eip, cs_base;
    unsigned n;
    u64 chunks;              /* bit per 64-byte chunk of the page that holds its code */
    struct code_bytes bytes; /* of that page, which are its code */
    const u8 *page;          /* the page's bytes */
    const u32 *host; /* features of the host whose instructions are copied, in the words of cpu->features; NULL: any */
    const struct insn_set *loners; /* instructions that may lead no group */
    bool sites;                    /* its accesses are to remember pages, where the backend can do that */
    bool far;                      /* it names places FAR_JUMP away, or further (reaches_far) */
    /*
     * An instruction that crosses into the next page is a superblock of its own: 'page' then shows the bytes around
     * the border, 'limit' says how far it goes.
     */
    u32 limit;   /* bytes that may be read from 'page': PAGE_SIZE, or more */
    u64 pa2;     /* of the second page, or ~0 */
    u32 end_off; /* where it falls through to, from the page's start; valid unless the last instruction ends */
    struct sb_insn insn[SUPERBLOCK_MAX];
};

/* Fills sb from sb->pa, sb->key, sb->page and what segments it has; false when not one instruction lies whole in the
 * page. */
bool superblock_find(const struct cpu *cpu, struct superblock *sb);
/* Finds the groups of accesses (group.c); their members cannot fault. */
void superblock_group(struct superblock *sb);
/*
 * Flags that code at 'off' of the page needs on entry: FL_ARITH unless all are soon overwritten. gprs, unless NULL:
 * what needs them are faults alone, before which no register but these is written; otherwise GPRS_ALL.
 */
enum { GPRS_ALL = 0xffff };
u32 superblock_flags_needed_at(const struct cpu *cpu, struct superblock *sb, u64 off, u16 *gprs);
/* Whether a host with these features runs the instructions of that row itself. */
bool row_runs_on(const u32 *features, const struct insn_row *row);
/* Whether u is a conditional jump; *cc: its condition. */
bool uop_is_jcc(const struct uop *u, unsigned *cc);
/* Whether u, of that key, goes to where its imm says without a check: no cut of EIP, no limit. */
bool uop_goes_near(const struct superblock *sb, const struct uop *u);
/* Whether the operands of u include explicit memory. */
bool uop_has_memory(const struct uop *u);
/* Whether its memory operand of n bytes must be aligned to them. */
bool insn_wants_alignment(const struct sb_insn *i, unsigned n);
/* Whether it accesses memory, explicit or not. */
bool uop_touches_memory(const struct uop *u);

#endif
