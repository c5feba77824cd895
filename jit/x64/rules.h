/* The x86-64 backend's rules, for the table in rules.c. */
#ifndef ORRERY_JIT_X64_RULES_H
#define ORRERY_JIT_X64_RULES_H

#include "jit/x64/x64.h"

/* rules_int.c */
rule_fn rule_alu, rule_unary, rule_carry, rule_direction, rule_lahf, rule_sahf, rule_mov, rule_mov_moffs, rule_xlat,
    rule_widen, rule_lea, rule_xchg, rule_bswap, rule_cmov, rule_setcc, rule_cbw, rule_cwd, rule_nop, rule_shift,
    rule_double_shift, rule_bt, rule_to_reg, rule_count, rule_imul3, rule_mul, rule_div, rule_xadd, rule_cmpxchg,
    rule_cmpxchg_pair;
/* rules_string.c */
rule_fn rule_movs, rule_stos, rule_lods, rule_compare_string;
/* rules_flow.c */
rule_fn rule_push, rule_pop, rule_pusha, rule_popa, rule_enter, rule_leave, rule_jmp, rule_call, rule_ret, rule_jcc,
    rule_loop, rule_jcxz;
enum { CC_ALWAYS = 16 };
/* Flat code's pushes and pops have rules for its own operand size; segmented code's for both of its sizes. */
bool has_stack_rule(const struct tr *t, const struct uop *u);
/* rSP += n */
void move_stack(struct tr *t, i32 n);
/* rules_system.c */
rule_fn rule_cli, rule_sti, rule_set_ac, rule_pushf, rule_popf, rule_push_sreg, rule_mov_from_sreg, rule_swapgs,
    rule_rd_base, rule_wr_base, rule_mov_from_cr;
/*
 * To the slow path: in virtual-8086 mode, where IF and flag images are the monitor's unless IOPL is 3 (S0 is lost);
 * who may not change IF: all but ring 0, and virtual-8086 mode behind the former; when something waits for attention.
 */
void only_outside_vme(struct tr *t);
void only_with_if(struct tr *t);
void nobody_waits(struct tr *t);
/* rules_far.c */
rule_fn rule_mov_to_sreg, rule_pop_sreg, rule_load_far, rule_far, rule_ret_far, rule_iret;
/* rules_x87.c */
rule_fn rule_x87, rule_x87_function, rule_fcomi, rule_fcmov, rule_fnclex, rule_fwait, rule_fldcw, rule_fnstw, rule_mmx,
    rule_emms, rule_mmx_from_gpr, rule_mmx_to_gpr, rule_mmx_gather, rule_mmx_xmm;
/* rules_simd.c */
rule_fn rule_copy;

#endif
