/*
 * The encoder: x86-64 instructions into a buffer. One function per encoding
 * shape (SDM vol. 2, chapter 2); the opcode is given as in the manual, escapes
 * included (0x0faf, 0x0f38f0). Nothing here knows guests.
 */
#ifndef ORRERY_JIT_X64_EMIT_H
#define ORRERY_JIT_X64_EMIT_H

#include "cpu/base.h"

enum host_reg {
    H_RAX,
    H_RCX,
    H_RDX,
    H_RBX,
    H_RSP,
    H_RBP,
    H_RSI,
    H_RDI,
    H_R8,
    H_R9,
    H_R10,
    H_R11,
    H_R12,
    H_R13,
    H_R14,
    H_R15
};

enum { RIP_RELATIVE = -2 };
/* A register or memory operand. */
struct rm {
    bool mem;
    u8 reg;   /* the register; in memory the base */
    i8 index; /* -1: none; RIP_RELATIVE: no register at all, disp counts from the buffer's start */
    u8 scale; /* a shift */
    i32 disp;
};
ALWAYS_INLINE struct rm rm_reg(unsigned reg) { return (struct rm){.reg = (u8)reg, .index = -1}; }
ALWAYS_INLINE struct rm rm_mem(unsigned base, i32 disp)
{
    return (struct rm){.mem = true, .reg = (u8)base, .index = -1, .disp = disp};
}
ALWAYS_INLINE struct rm rm_sib(unsigned base, unsigned index, unsigned scale, i32 disp)
{
    return (struct rm){.mem = true, .reg = (u8)base, .index = (i8)index, .scale = (u8)scale, .disp = disp};
}

/* For instructions without an immediate. */
ALWAYS_INLINE struct rm rm_rip(i32 from_start)
{
    return (struct rm){.mem = true, .index = RIP_RELATIVE, .disp = from_start};
}

/* p beyond end: nothing more is written, and the translation is given up. */
struct emit {
    u8 *start, *p, *end;
    u32 named; /* bit per register: named as an operand, or lost in a call, since the bit was last cleared */
};

ALWAYS_INLINE void e8(struct emit *e, unsigned v)
{
    if (e->p < e->end)
        *e->p = (u8)v;
    e->p++;
}
ALWAYS_INLINE void e16(struct emit *e, unsigned v) { e8(e, v), e8(e, v >> 8); }
ALWAYS_INLINE void e32(struct emit *e, u32 v) { e16(e, v), e16(e, v >> 16); }
ALWAYS_INLINE void e64(struct emit *e, u64 v) { e32(e, (u32)v), e32(e, (u32)(v >> 32)); }
ALWAYS_INLINE bool emit_full(const struct emit *e) { return e->p > e->end; }

/* ModRM, SIB and displacement. */
void e_modrm(struct emit *e, unsigned reg, const struct rm *m);
/* Prefixes, opcode, ModRM for operand size 1, 2, 4, 8 (1: byte registers, REX where they need it). */
void e_op(struct emit *e, unsigned size, u32 opcode, unsigned reg, struct rm m);
/* The same where the r/m operand is a byte and 'size' that of the other (MOVZX, MOVSX). */
void e_op_byte_rm(struct emit *e, unsigned size, u32 opcode, unsigned reg, struct rm m);
/* The same with a mandatory prefix (0x66, 0xf2, 0xf3; 0: none) and REX.W by w. */
void e_op_prefixed(struct emit *e, unsigned prefix, bool w, u32 opcode, unsigned reg, struct rm m);
/* VEX: map 1..3, pp 0..3, l 0..1, vvvv a register number. */
void e_vex(struct emit *e, unsigned map, unsigned pp, bool w, unsigned l, unsigned vvvv, u8 opcode, unsigned reg,
           struct rm m);

ALWAYS_INLINE void e_mov_rr(struct emit *e, unsigned size, unsigned to, unsigned from)
{
    if (to != from || size == 4)
        e_op(e, size, size == 1 ? 0x8a : 0x8b, to, rm_reg(from));
}
ALWAYS_INLINE void e_load(struct emit *e, unsigned size, unsigned to, struct rm m)
{
    e_op(e, size, size == 1 ? 0x8a : 0x8b, to, m);
}
ALWAYS_INLINE void e_store(struct emit *e, unsigned size, struct rm m, unsigned from)
{
    e_op(e, size, size == 1 ? 0x88 : 0x89, from, m);
}
ALWAYS_INLINE void e_lea(struct emit *e, unsigned size, unsigned to, struct rm m) { e_op(e, size, 0x8d, to, m); }
/* ADD OR ADC SBB AND SUB XOR CMP by number 0..7, with an immediate. */
void e_alu_imm(struct emit *e, unsigned size, unsigned op, struct rm m, i32 imm);
void e_mov_imm(struct emit *e, unsigned to, u64 v); /* all 64 bits */
enum alu { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };

/* Jumps whose target comes later: returns where the 32-bit displacement is. */
u8 *e_jcc(struct emit *e, unsigned cc);
u8 *e_jmp(struct emit *e);
u8 *e_call(struct emit *e);
/* Completes one of them: it goes to 'target'; code is to run at e's place shifted by nothing (relative). */
void e_patch(struct emit *e, u8 *at, const u8 *target);

#endif
