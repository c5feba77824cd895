/*
 * x87: arithmetic, comparison and transcendental instructions (SDM vol. 1,
 * 8.3). One function a shape of instruction, instantiated for each with its
 * operation of fp80.h. Loads, stores and control are in x87_move.c and
 * x87_control.c.
 */
#include "cpu/flags.h"
#include "cpu/x87/x87.h"

/* A new status; the pops of an instruction happen unless an unmasked exception stopped it. */
ALWAYS_INLINE void finish(struct fpu *f, u32 status, unsigned pops)
{
    f->fsw = (u16)status;
    if (pops && likely(!(status & FP80_PRE))) {
        x87_pop(f);
        if (pops == 2)
            x87_pop(f);
    }
}

/* ---- ST(dst) = ST(dst) op ST(src) ---- */

ALWAYS_INLINE const struct uop *arith_rr(struct cpu *cpu, const struct uop *u, fp80_binary *op, unsigned pops)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    u32 status = unlikely(x87_empty(f, u->dst) || x87_empty(f, u->src))
                     ? x87_underflow(f, u->dst)
                     : op(x87_st(f, u->dst), x87_st(f, u->src), f->fcw, f->fsw);
    finish(f, status, pops);
    NEXT(u);
}

/* ---- ST(0) = ST(0) op memory ---- */

ALWAYS_INLINE const struct uop *arith_m(struct cpu *cpu, const struct uop *u, fp80_binary_mem *op, unsigned size)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    u64 s = mem_read(cpu, uop_lin(cpu, u, size, false), size);
    x87_note_mem(cpu, u);
    f->fsw = (u16)(unlikely(x87_empty(f, 0)) ? x87_underflow(f, 0) : op(x87_st(f, 0), s, f->fcw, f->fsw));
    NEXT(u);
}

#define ARITH(op)                                                                                                      \
    static UOP_FN(f##op##_rr) { return arith_rr(cpu, u, fp80_##op, 0); }                                               \
    static UOP_FN(f##op##p_rr) { return arith_rr(cpu, u, fp80_##op, 1); }                                              \
    static UOP_FN(f##op##_m32) { return arith_m(cpu, u, fp80_##op##_f32, 4); }                                         \
    static UOP_FN(f##op##_m64) { return arith_m(cpu, u, fp80_##op##_f64, 8); }                                         \
    static UOP_FN(fi##op##_m16) { return arith_m(cpu, u, fp80_##op##_i16, 2); }                                        \
    static UOP_FN(fi##op##_m32) { return arith_m(cpu, u, fp80_##op##_i32, 4); }                                        \
    const struct uop_table uop_f##op = {                                                                               \
        .fn = {[FORM_RR] = ANY_SIZE(f##op##_rr), [FORM_M] = {NULL, NULL, f##op##_m32, f##op##_m64}}};                  \
    const struct uop_table uop_f##op##p = {.fn = {[FORM_RR] = ANY_SIZE(f##op##p_rr)}};                                 \
    const struct uop_table uop_fi##op = {.fn = {[FORM_M] = {NULL, fi##op##_m16, fi##op##_m32, NULL}}};
ARITH(add)
ARITH(mul)
ARITH(sub)
ARITH(subr)
ARITH(div)
ARITH(divr)

/* ---- comparisons: ST(0) with ST(i) or memory ---- */

#define UNORDERED ((u32)(FSW_C0 | FSW_C2 | FSW_C3))

ALWAYS_INLINE const struct uop *com_rr(struct cpu *cpu, const struct uop *u, fp80_compare *op, unsigned i,
                                       unsigned pops)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    u32 status = unlikely(x87_empty(f, 0) || x87_empty(f, i)) ? x87_stack_fault(f, false) | UNORDERED
                                                              : op(x87_st(f, 0), x87_st(f, i), f->fcw, f->fsw);
    finish(f, status, pops);
    NEXT(u);
}
ALWAYS_INLINE const struct uop *com_m(struct cpu *cpu, const struct uop *u, fp80_compare_mem *op, unsigned size,
                                      unsigned pops)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    u64 s = mem_read(cpu, uop_lin(cpu, u, size, false), size);
    x87_note_mem(cpu, u);
    u32 status =
        unlikely(x87_empty(f, 0)) ? x87_stack_fault(f, false) | UNORDERED : op(x87_st(f, 0), s, f->fcw, f->fsw);
    finish(f, status, pops);
    NEXT(u);
}
/*
 * FCOMI and the like: C3, C2, C0 become ZF, PF, CF, even when the operation is
 * invalid and that is unmasked. FSW's own stay, C1 too but for a stack fault.
 */
ALWAYS_INLINE const struct uop *comi_rr(struct cpu *cpu, const struct uop *u, fp80_compare *op, unsigned pops)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    u32 status, keep;
    if (unlikely(x87_empty(f, 0) || x87_empty(f, u->src))) {
        status = x87_stack_fault(f, false) | UNORDERED;
        keep = UNORDERED;
    } else {
        status = op(x87_st(f, 0), x87_st(f, u->src), f->fcw, f->fsw);
        keep = FSW_CC;
    }
    flags_from_image(cpu,
                     (status & FSW_C3 ? FL_ZF : 0) | (status & FSW_C2 ? FL_PF : 0) | (status & FSW_C0 ? FL_CF : 0));
    finish(f, (status & ~keep) | (f->fsw & keep), pops);
    NEXT(u);
}

static UOP_FN(fcom_rr) { return com_rr(cpu, u, fp80_com, u->src, 0); }
static UOP_FN(fcomp_rr) { return com_rr(cpu, u, fp80_com, u->src, 1); }
static UOP_FN(fcompp_0) { return com_rr(cpu, u, fp80_com, 1, 2); }
static UOP_FN(fucom_rr) { return com_rr(cpu, u, fp80_ucom, u->src, 0); }
static UOP_FN(fucomp_rr) { return com_rr(cpu, u, fp80_ucom, u->src, 1); }
static UOP_FN(fucompp_0) { return com_rr(cpu, u, fp80_ucom, 1, 2); }
static UOP_FN(fcom_m32) { return com_m(cpu, u, fp80_com_f32, 4, 0); }
static UOP_FN(fcom_m64) { return com_m(cpu, u, fp80_com_f64, 8, 0); }
static UOP_FN(fcomp_m32) { return com_m(cpu, u, fp80_com_f32, 4, 1); }
static UOP_FN(fcomp_m64) { return com_m(cpu, u, fp80_com_f64, 8, 1); }
static UOP_FN(ficom_m16) { return com_m(cpu, u, fp80_com_i16, 2, 0); }
static UOP_FN(ficom_m32) { return com_m(cpu, u, fp80_com_i32, 4, 0); }
static UOP_FN(ficomp_m16) { return com_m(cpu, u, fp80_com_i16, 2, 1); }
static UOP_FN(ficomp_m32) { return com_m(cpu, u, fp80_com_i32, 4, 1); }
static UOP_FN(fcomi_rr) { return comi_rr(cpu, u, fp80_com, 0); }
static UOP_FN(fcomip_rr) { return comi_rr(cpu, u, fp80_com, 1); }
static UOP_FN(fucomi_rr) { return comi_rr(cpu, u, fp80_ucom, 0); }
static UOP_FN(fucomip_rr) { return comi_rr(cpu, u, fp80_ucom, 1); }

const struct uop_table uop_fcom = {.fn = {[FORM_RR] = ANY_SIZE(fcom_rr), [FORM_M] = {NULL, NULL, fcom_m32, fcom_m64}}};
const struct uop_table uop_fcomp = {
    .fn = {[FORM_RR] = ANY_SIZE(fcomp_rr), [FORM_M] = {NULL, NULL, fcomp_m32, fcomp_m64}}};
const struct uop_table uop_fcompp = {.fn = {[FORM_0] = ANY_SIZE(fcompp_0)}};
const struct uop_table uop_fucom = {.fn = {[FORM_RR] = ANY_SIZE(fucom_rr)}};
const struct uop_table uop_fucomp = {.fn = {[FORM_RR] = ANY_SIZE(fucomp_rr)}};
const struct uop_table uop_fucompp = {.fn = {[FORM_0] = ANY_SIZE(fucompp_0)}};
const struct uop_table uop_ficom = {.fn = {[FORM_M] = {NULL, ficom_m16, ficom_m32, NULL}}};
const struct uop_table uop_ficomp = {.fn = {[FORM_M] = {NULL, ficomp_m16, ficomp_m32, NULL}}};
const struct uop_table uop_fcomi = {.fn = {[FORM_RR] = ANY_SIZE(fcomi_rr)}};
const struct uop_table uop_fcomip = {.fn = {[FORM_RR] = ANY_SIZE(fcomip_rr)}};
const struct uop_table uop_fucomi = {.fn = {[FORM_RR] = ANY_SIZE(fucomi_rr)}};
const struct uop_table uop_fucomip = {.fn = {[FORM_RR] = ANY_SIZE(fucomip_rr)}};

static UOP_FN(ftst_0)
{
    static const struct x87_reg zero = {0, 0};
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    f->fsw = (u16)(unlikely(x87_empty(f, 0)) ? x87_stack_fault(f, false) | UNORDERED
                                             : fp80_com(x87_st(f, 0), &zero, f->fcw, f->fsw));
    NEXT(u);
}
const struct uop_table uop_ftst = {.fn = {[FORM_0] = ANY_SIZE(ftst_0)}};

/* SDM vol. 2, FXAM: the class in C3 C2 C0, the sign (also of an empty register) in C1. */
static u16 examine(const struct x87_reg *r, bool empty)
{
    unsigned e = r->se & 0x7fff;
    bool integer_bit = r->man >> 63;
    u16 sign = r->se & 0x8000 ? FSW_C1 : 0;
    if (empty)
        return FSW_C3 | FSW_C0 | sign;
    if (e == 0)
        return (r->man == 0 ? FSW_C3 : FSW_C3 | FSW_C2) | sign;
    if (!integer_bit)
        return sign; /* unsupported */
    if (e == 0x7fff)
        return (r->man << 1 == 0 ? FSW_C2 | FSW_C0 : FSW_C0) | sign;
    return FSW_C2 | sign;
}
static UOP_FN(fxam_0)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    f->fsw = (f->fsw & (u16)~FSW_CC) | examine(x87_st(f, 0), x87_empty(f, 0));
    NEXT(u);
}
const struct uop_table uop_fxam = {.fn = {[FORM_0] = ANY_SIZE(fxam_0)}};

/* ---- ST(0) = op ST(0) ---- */

/* 'clear': condition codes that are 0 after an underflow */
ALWAYS_INLINE const struct uop *unary(struct cpu *cpu, const struct uop *u, fp80_unary *op, u16 clear)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    f->fsw = (u16)(unlikely(x87_empty(f, 0)) ? x87_underflow(f, 0) & ~(u32)clear : op(x87_st(f, 0), f->fcw, f->fsw));
    NEXT(u);
}
/* The sign bit alone, of anything, without exceptions. */
ALWAYS_INLINE const struct uop *sign_bit(struct cpu *cpu, const struct uop *u, u16 keep, u16 flip)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    if (unlikely(x87_empty(f, 0))) {
        f->fsw = (u16)x87_underflow(f, 0);
    } else {
        struct x87_reg *r = x87_st(f, 0);
        r->se = (r->se & keep) ^ flip;
        x87_clear_c1(f);
    }
    NEXT(u);
}
/* ST(0) = ST(0) op ST(1) */
ALWAYS_INLINE const struct uop *with_st1(struct cpu *cpu, const struct uop *u, fp80_binary *op, u16 clear)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    f->fsw = (u16)(unlikely(x87_empty(f, 0) || x87_empty(f, 1)) ? x87_underflow(f, 0) & ~(u32)clear
                                                                : op(x87_st(f, 0), x87_st(f, 1), f->fcw, f->fsw));
    NEXT(u);
}
/* ST(1) = ST(1) op ST(0), pop */
ALWAYS_INLINE const struct uop *into_st1(struct cpu *cpu, const struct uop *u, fp80_binary *op)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    u32 status = unlikely(x87_empty(f, 0) || x87_empty(f, 1)) ? x87_underflow(f, 1)
                                                              : op(x87_st(f, 1), x87_st(f, 0), f->fcw, f->fsw);
    finish(f, status, 1);
    NEXT(u);
}

/* Two results where there was one operand; a stack fault's masked response is two NaNs. */
static u32 two_results_fault(struct fpu *f, u16 c2)
{
    u32 status = x87_stack_fault(f, !x87_empty(f, 0)) & ~(u32)c2;
    if (!(status & FP80_PRE)) {
        *x87_st(f, 0) = FP80_INDEFINITE;
        f->ftw |= (u8)BIT(x87_phys(f, 0));
        *x87_st(f, 7) = FP80_INDEFINITE;
    }
    return status;
}
ALWAYS_INLINE const struct uop *unary2(struct cpu *cpu, const struct uop *u, fp80_unary2 *op, u16 c2)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    u32 status = unlikely(x87_empty(f, 0) || !x87_empty(f, 7)) ? two_results_fault(f, c2)
                                                               : op(x87_st(f, 0), x87_st(f, 7), f->fcw, f->fsw);
    f->fsw = (u16)status;
    if (likely(!(status & (FP80_PRE | c2))))
        x87_push(f);
    NEXT(u);
}

#define INSN_0(name, shape, ...)                                                                                       \
    static UOP_FN(name##_0) { return shape(cpu, u, __VA_ARGS__); }                                                     \
    const struct uop_table uop_##name = {.fn = {[FORM_0] = ANY_SIZE(name##_0)}};
INSN_0(fchs, sign_bit, 0xffff, 0x8000)
INSN_0(fabs, sign_bit, 0x7fff, 0)
INSN_0(fsqrt, unary, fp80_sqrt, 0)
INSN_0(frndint, unary, fp80_rndint, 0)
INSN_0(f2xm1, unary, cpu->fp80->f2xm1, 0)
INSN_0(fsin, unary, cpu->fp80->sin, FSW_C2)
INSN_0(fcos, unary, cpu->fp80->cos, FSW_C2)
INSN_0(fprem, with_st1, cpu->fp80->prem, FSW_C2)
INSN_0(fprem1, with_st1, cpu->fp80->prem1, FSW_C2)
INSN_0(fscale, with_st1, cpu->fp80->scale, 0)
INSN_0(fpatan, into_st1, cpu->fp80->patan)
INSN_0(fyl2x, into_st1, cpu->fp80->yl2x)
INSN_0(fyl2xp1, into_st1, cpu->fp80->yl2xp1)
INSN_0(fptan, unary2, cpu->fp80->ptan, FSW_C2)
INSN_0(fsincos, unary2, cpu->fp80->sincos, FSW_C2)
INSN_0(fxtract, unary2, fp80_xtract, 0)
