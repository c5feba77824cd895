/*
 * The processor's registers by name and by bit, and the modes that decide how
 * bytes decode: what a reader of instructions needs, who has no processor.
 */
#ifndef ORRERY_CPU_REGS_H
#define ORRERY_CPU_REGS_H

#include "cpu/base.h"

/* Slots of cpu->gpr. The first sixteen are the architecture's encoding. */
enum slot {
    RAX,
    RCX,
    RDX,
    RBX,
    RSP,
    RBP,
    RSI,
    RDI,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    SLOT_ZERO, /* always 0: an absent base or index */
    SLOT_RIP,  /* RIP/EIP/IP of the first instruction of the running block */
    SLOT_T0,   /* scratch, dead between instructions */
    SLOT_T1,
    SLOT_4G, /* always 2^32: index where a RIP-relative displacement has wrapped */
    SLOT_COUNT
};

/* Byte registers are named by their byte offset in gpr[], so AH is one more than AL. */
#if HOST_BIG_ENDIAN
#define BYTE_SLOT(reg, high) ((u8)((reg)*8 + 7 - (high)))
#else
#define BYTE_SLOT(reg, high) ((u8)((reg)*8 + (high)))
#endif

enum segreg { ES, CS, SS, DS, FS, GS, SEG_COUNT };

/* Segment attributes: bits 8..23 of the descriptor's second dword, shifted down by 8. */
enum seg_attr {
    SEG_A = BIT(0), /* accessed */
    SEG_W = BIT(1), /* data: writable; code: readable */
    SEG_R = BIT(1),
    SEG_E = BIT(2), /* data: expand down; code: conforming */
    SEG_C = BIT(2),
    SEG_CODE = BIT(3),
    SEG_TYPE = 0x0f,
    SEG_S = BIT(4), /* code or data, not system */
    SEG_DPL_SHIFT = 5,
    SEG_DPL = 3 << 5,
    SEG_P = BIT(7),
    SEG_AVL = BIT(12),
    SEG_L = BIT(13),
    SEG_DB = BIT(14),
    SEG_G = BIT(15),
    SEG_UNUSABLE = BIT(16), /* a null selector was loaded */
};

/* A segment register with its hidden part; limit is in bytes, already scaled by G. */
struct seg {
    u16 sel;
    u32 attr;
    u32 limit;
    u64 base;
};
struct dtable {
    u16 limit;
    u64 base;
};

/* EFLAGS bits */
enum eflags {
    FL_CF = BIT(0),
    FL_1 = BIT(1),
    FL_PF = BIT(2),
    FL_AF = BIT(4),
    FL_ZF = BIT(6),
    FL_SF = BIT(7),
    FL_TF = BIT(8),
    FL_IF = BIT(9),
    FL_DF = BIT(10),
    FL_OF = BIT(11),
    FL_IOPL = 3 << 12,
    FL_NT = BIT(14),
    FL_RF = BIT(16),
    FL_VM = BIT(17),
    FL_AC = BIT(18),
    FL_VIF = BIT(19),
    FL_VIP = BIT(20),
    FL_ID = BIT(21),
    FL_ARITH = FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_OF,
};
/* Conditions, as Jcc, CMOVcc and SETcc encode them. */
enum cc { CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE, CC_LE, CC_G };
enum cr0_bits {
    CR0_PE = BIT(0),
    CR0_MP = BIT(1),
    CR0_EM = BIT(2),
    CR0_TS = BIT(3),
    CR0_ET = BIT(4),
    CR0_NE = BIT(5),
    CR0_WP = BIT(16),
    CR0_AM = BIT(18),
    CR0_NW = BIT(29),
    CR0_CD = BIT(30),
    CR0_PG = (int)BIT(31),
};
enum cr4_bits {
    CR4_VME = BIT(0),
    CR4_PVI = BIT(1),
    CR4_TSD = BIT(2),
    CR4_DE = BIT(3),
    CR4_PSE = BIT(4),
    CR4_PAE = BIT(5),
    CR4_MCE = BIT(6),
    CR4_PGE = BIT(7),
    CR4_PCE = BIT(8),
    CR4_OSFXSR = BIT(9),
    CR4_OSXMMEXCPT = BIT(10),
    CR4_UMIP = BIT(11),
    CR4_FSGSBASE = BIT(16),
    CR4_PCIDE = BIT(17),
    CR4_OSXSAVE = BIT(18),
    CR4_SMEP = BIT(20),
    CR4_SMAP = BIT(21),
    CR4_PKE = BIT(22), /* PKRU guards user pages */
    CR4_PKS = BIT(24), /* IA32_PKRS guards supervisor pages */
};
enum efer_bits { EFER_SCE = BIT(0), EFER_LME = BIT(8), EFER_LMA = BIT(10), EFER_NXE = BIT(11), EFER_FFXSR = BIT(14) };

/* Exception vectors. */
enum vector {
    EXC_DE = 0,
    EXC_DB = 1,
    EXC_NMI = 2,
    EXC_BP = 3,
    EXC_OF = 4,
    EXC_BR = 5,
    EXC_UD = 6,
    EXC_NM = 7,
    EXC_DF = 8,
    EXC_TS = 10,
    EXC_NP = 11,
    EXC_SS = 12,
    EXC_GP = 13,
    EXC_PF = 14,
    EXC_MF = 16,
    EXC_AC = 17,
    EXC_MC = 18,
    EXC_XM = 19,
    EXC_RESTART = 0xff, /* ours, never delivered: run this instruction again, alone, under MODE_STEP */
};

/*
 * What decides how bytes decode and which micro-ops they become: part of every
 * block's key. Derived by cpu_update_mode(). Privilege is not in it: checks of
 * CPL happen when a micro-op runs.
 */
enum mode_bits {
    MODE_CODE = 3, /* 0: 16-bit code, 1: 32, 2: 64 */
    MODE_CODE16 = 0,
    MODE_CODE32 = 1,
    MODE_CODE64 = 2,
    MODE_STACK_SHIFT = 2,
    MODE_STACK = 3 << 2,  /* the same for the stack pointer */
    MODE_FLAT = BIT(4),   /* CS DS ES SS: base 0, limit 4 GiB, writable data */
    MODE_FPU = BIT(5),    /* x87/MMX may run: CR0.EM = CR0.TS = 0 */
    MODE_SSE = BIT(6),    /* SSE may run: also CR4.OSFXSR = 1 */
    MODE_AVX = BIT(7),    /* AVX may run: CR4.OSXSAVE and XCR0[2:1] = 3 */
    MODE_STEP = BIT(8),   /* one-instruction blocks: TF, debugger, */
    MODE_BREAKS = BIT(9), /* code breakpoints exist: blocks are never chained */
};

/* Which set of TLB tables an access uses. */
enum mmu_idx {
    MMU_KERNEL,      /* supervisor; may touch user pages */
    MMU_USER,        /* CPL 3 */
    MMU_KERNEL_SMAP, /* supervisor while SMAP forbids user pages */
    MMU_USER_AC,     /* CPL 3 with alignment checks: never filled, always the slow path */
    MMU_COUNT
};

#endif
