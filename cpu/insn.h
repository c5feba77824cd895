/*
 * Decoded instructions: what decode.c makes of bytes before lower.c makes
 * micro-ops of it. Also what tests and disassembly cross-checks look at.
 */
#ifndef ORRERY_CPU_INSN_H
#define ORRERY_CPU_INSN_H

#include "cpu/system/features.h"
#include "cpu/uop.h"

enum insn_attr {
    A_NONE = 0,
    A_I64 = BIT(0),
    A_O64 = BIT(1),
    A_D64 = BIT(2),
    A_F64 = BIT(3),
    A_LOCK = BIT(4),
    A_FPU = BIT(5),
    A_MMX = BIT(6),
    A_SSE = BIT(7),
    A_AVX = BIT(8),
    A_NOREP = BIT(9),
    A_Y32 = BIT(10),
    A_VSIB = BIT(11),
};

/* One row of insn.def. */
struct insn_row {
    const char *mnemonic, *encoding, *operands;
    u16 feature;
    u16 attrs;
    u16 uop;
    u8 aux;
};
extern const struct insn_row insn_rows[];
extern const unsigned insn_row_count;

enum opkind {
    OPK_NONE,
    OPK_REG /* GPR */,
    OPK_MEM,
    OPK_IMM,
    OPK_REL,
    OPK_FAR,
    OPK_XMM,
    OPK_MMX,
    OPK_SEG,
    OPK_CR,
    OPK_DR,
    OPK_ST
};
struct operand {
    u8 kind;   /* enum opkind */
    u8 size;   /* bytes; 0: none */
    u8 reg;    /* register number; byte GPRs: BYTE_SLOT */
    bool vvvv; /* named by VEX.vvvv */
};

struct insn {
    const struct insn_row *row;
    struct operand op[4];
    u64 imm, imm2; /* imm2: selector of a far pointer, second immediate of ENTER/EXTRQ */
    i32 disp;
    u8 noperands;
    u8 base, index, scale, seg; /* memory operand; base may be SLOT_RIP (disp then from instruction end) */
    u8 len;
    u8 opsize;  /* 2, 4, 8 */
    u8 asize;   /* 2, 4, 8 */
    u8 farsize; /* bytes of the offset of a far pointer in memory */
    u8 rex;
    bool lock, rep, repne, opsize_prefix;
    u8 opcode; /* its last byte */
    u8 modrm;
    u8 vvvv, vex_l;
};

enum decode_result { DECODE_OK, DECODE_UD, DECODE_TOO_LONG, DECODE_NEED_MORE };
/*
 * Decodes one instruction from up to 'avail' bytes for the code size in 'mode'
 * and the features given. NEED_MORE: the bytes ended first. After UD, insn->len
 * is what was looked at.
 */
enum decode_result decode(const u32 *features, u32 mode, const u8 *bytes, unsigned avail, struct insn *out);
/* Builds the decode tables; aborts naming both rows when two claim one encoding. Idempotent. */
void decode_init(void);
/* Appends the micro-ops of insn to out (room for LOWER_MAX); returns how many. */
#define LOWER_MAX 4
unsigned lower(const struct insn *insn, u32 mode, u16 pc_off, struct uop *out);

#endif
