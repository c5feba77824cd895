/*
 * x87: loads, stores, constants and moves between registers (SDM vol. 1,
 * 8.3.3). A store's memory access comes before any change of state; an
 * unmasked exception that suppresses the result suppresses the access.
 */
#include "cpu/flags.h"
#include "cpu/x87/x87.h"

/* ---- loads ---- */

ALWAYS_INLINE bool no_room(const struct fpu *f) { return unlikely(!x87_empty(f, 7)); }
/* Overflow of a push: the masked response pushes the default NaN. */
static NOINLINE void push_overflow(struct fpu *f)
{
    u32 status = x87_stack_fault(f, true);
    f->fsw = (u16)status;
    if (status & FP80_PRE)
        return;
    *x87_st(f, 7) = FP80_INDEFINITE;
    x87_push(f);
}
ALWAYS_INLINE void push(struct fpu *f, struct x87_reg r)
{
    if (no_room(f)) {
        push_overflow(f);
        return;
    }
    x87_copy(x87_st(f, 7), &r);
    x87_clear_c1(f);
    x87_push(f);
}
static NOINLINE void push_special(struct fpu *f, fp80_load *load, u64 v)
{
    u32 status = load(x87_st(f, 7), v, f->fcw, f->fsw);
    f->fsw = (u16)status;
    if (!(status & FP80_NO_LOAD))
        x87_push(f);
}

static UOP_FN(fld_m32)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    u32 v = (u32)mem_read(cpu, uop_lin(cpu, u, 4, false), 4);
    x87_note_mem(cpu, u);
    struct x87_reg r;
    if (no_room(f))
        push_overflow(f);
    else if (likely(fp80_from_normal_f32(&r, v)))
        push(f, r);
    else
        push_special(f, fp80_from_f32, v);
    NEXT(u);
}
static UOP_FN(fld_m64)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    u64 v = mem_read(cpu, uop_lin(cpu, u, 8, false), 8);
    x87_note_mem(cpu, u);
    struct x87_reg r;
    if (no_room(f))
        push_overflow(f);
    else if (likely(fp80_from_normal_f64(&r, v)))
        push(f, r);
    else
        push_special(f, fp80_from_f64, v);
    NEXT(u);
}
static UOP_FN(fld_m80)
{
    X87_WAIT(cpu, u);
    struct x87_reg r = x87_read80(cpu, u, x87_lin80(cpu, u, false));
    x87_note_mem(cpu, u);
    push(&cpu->fpu, r);
    NEXT(u);
}
static UOP_FN(fld_r)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    if (unlikely(x87_empty(f, u->dst))) {
        u32 status = x87_stack_fault(f, false);
        f->fsw = (u16)status;
        if (!(status & FP80_PRE)) {
            *x87_st(f, 7) = FP80_INDEFINITE;
            x87_push(f);
        }
    } else {
        push(f, *x87_st(f, u->dst));
    }
    NEXT(u);
}
const struct uop_table uop_fld = {.fn = {[FORM_R] = ANY_SIZE(fld_r), [FORM_M] = {NULL, NULL, fld_m32, fld_m64}}};
const struct uop_table uop_fld_t = {.fn = {[FORM_M] = ANY_SIZE(fld_m80)}};

ALWAYS_INLINE const struct uop *fild(struct cpu *cpu, const struct uop *u, unsigned size)
{
    X87_WAIT(cpu, u);
    u64 v = mem_read(cpu, uop_lin(cpu, u, size, false), size);
    x87_note_mem(cpu, u);
    push(&cpu->fpu, fp80_from_int((i64)sext(v, size)));
    NEXT(u);
}
static UOP_FN(fild_m16) { return fild(cpu, u, 2); }
static UOP_FN(fild_m32) { return fild(cpu, u, 4); }
static UOP_FN(fild_m64) { return fild(cpu, u, 8); }
const struct uop_table uop_fild = {.fn = {[FORM_M] = {NULL, fild_m16, fild_m32, fild_m64}}};

static NOINLINE void load_bcd(struct cpu *cpu, const struct uop *u)
{
    u8 bcd[10];
    struct area a = x87_area80(cpu, u, x87_lin80(cpu, u, false));
    area_read(cpu, &a, 0, bcd, 10);
    x87_note_mem(cpu, u);
    struct x87_reg r;
    fp80_from_bcd(&r, bcd);
    push(&cpu->fpu, r);
}
static UOP_FN(fbld_m)
{
    X87_WAIT(cpu, u);
    load_bcd(cpu, u);
    NEXT(u);
}
const struct uop_table uop_fbld = {.fn = {[FORM_M] = ANY_SIZE(fbld_m)}};

/*
 * FLD1 FLDL2T FLDL2E FLDPI FLDLG2 FLDLN2 FLDZ, by the low bits of their opcode.
 * The significand is the value rounded down; 'up' says in which rounding modes
 * (bit n: RC = n) it is one more.
 */
static const struct {
    u64 man;
    u16 se;
    u8 up;
} constants[8] = {
    {0x8000000000000000ull, 0x3fff, 0},               /* 1 */
    {0xd49a784bcd1b8afeull, 0x4000, BIT(2)},          /* log2(10) */
    {0xb8aa3b295c17f0bbull, 0x3fff, BIT(0) | BIT(2)}, /* log2(e) */
    {0xc90fdaa22168c234ull, 0x4000, BIT(0) | BIT(2)}, /* pi */
    {0x9a209a84fbcff798ull, 0x3ffd, BIT(0) | BIT(2)}, /* log10(2) */
    {0xb17217f7d1cf79abull, 0x3ffe, BIT(0) | BIT(2)}, /* ln(2) */
    {0, 0, 0},                                        /* 0 */
};
static UOP_FN(fld_const)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    unsigned rc = (f->fcw & FCW_RC) >> FCW_RC_SHIFT;
    push(f, (struct x87_reg){constants[u->aux].man + (constants[u->aux].up >> rc & 1), constants[u->aux].se});
    NEXT(u);
}
const struct uop_table uop_fld_const = {.fn = {[FORM_0] = ANY_SIZE(fld_const)}};

/* ---- stores ---- */

/* What goes to memory when ST(0) is empty: the default NaN or the integer indefinite. */
ALWAYS_INLINE struct fp80_stored store_or_fault(struct fpu *f, fp80_store *op, u64 indefinite)
{
    if (unlikely(x87_empty(f, 0)))
        return (struct fp80_stored){indefinite, x87_stack_fault(f, false)};
    return op(x87_st(f, 0), f->fcw, f->fsw);
}
ALWAYS_INLINE const struct uop *store_m(struct cpu *cpu, const struct uop *u, fp80_store *op, unsigned size,
                                        u64 indefinite, bool pop)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    struct fp80_stored s = store_or_fault(f, op, indefinite);
    if (likely(!(s.status & FP80_NO_STORE))) {
        mem_write(cpu, uop_lin(cpu, u, size, true), s.val, size);
        if (pop)
            x87_pop(f);
    } else { /* an unmasked exception stores nothing, but memory's faults still come first */
        mem_probe_write(cpu, uop_lin(cpu, u, size, true), size, cpu->mmu_idx);
    }
    f->fsw = (u16)s.status;
    x87_note_mem(cpu, u);
    NEXT(u);
}
#define STORE(name, op, size, indefinite, pop)                                                                         \
    static UOP_FN(name) { return store_m(cpu, u, op, size, indefinite, pop); }
STORE(fst_m32, fp80_to_f32, 4, 0xffc00000u, false)
STORE(fst_m64, fp80_to_f64, 8, 0xfff8000000000000ull, false)
STORE(fstp_m32, fp80_to_f32, 4, 0xffc00000u, true)
STORE(fstp_m64, fp80_to_f64, 8, 0xfff8000000000000ull, true)
STORE(fist_m16, fp80_to_i16, 2, 0x8000, false)
STORE(fist_m32, fp80_to_i32, 4, 0x80000000u, false)
STORE(fistp_m16, fp80_to_i16, 2, 0x8000, true)
STORE(fistp_m32, fp80_to_i32, 4, 0x80000000u, true)
STORE(fistp_m64, fp80_to_i64, 8, BIT64(63), true)
STORE(fisttp_m16, fp80_to_i16t, 2, 0x8000, true)
STORE(fisttp_m32, fp80_to_i32t, 4, 0x80000000u, true)
STORE(fisttp_m64, fp80_to_i64t, 8, BIT64(63), true)

/* FST ST(dst), ST(0) */
ALWAYS_INLINE const struct uop *store_r(struct cpu *cpu, const struct uop *u, bool pop)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    u32 status = f->fsw & ~(u32)FSW_C1;
    if (unlikely(x87_empty(f, 0))) {
        status = x87_underflow(f, u->dst);
    } else {
        x87_copy(x87_st(f, u->dst), x87_st(f, 0));
        f->ftw |= (u8)BIT(x87_phys(f, u->dst));
    }
    f->fsw = (u16)status;
    if (pop && likely(!(status & FP80_PRE)))
        x87_pop(f);
    NEXT(u);
}
static UOP_FN(fst_r) { return store_r(cpu, u, false); }
static UOP_FN(fstp_r) { return store_r(cpu, u, true); }
/* D9 D8+i: an FSTP that reports no underflow; an empty ST(0) is only popped. */
static UOP_FN(fstpnce_r)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    if (!x87_empty(f, 0)) {
        x87_copy(x87_st(f, u->dst), x87_st(f, 0));
        f->ftw |= (u8)BIT(x87_phys(f, u->dst));
    }
    x87_clear_c1(f);
    x87_pop(f);
    NEXT(u);
}
static UOP_FN(fstp_m80)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    u32 status = f->fsw & ~(u32)FSW_C1;
    struct x87_reg r = *x87_st(f, 0);
    if (unlikely(x87_empty(f, 0))) {
        status = x87_stack_fault(f, false);
        r = FP80_INDEFINITE;
    }
    if (likely(!(status & FP80_NO_STORE))) {
        x87_write80(cpu, u, x87_lin80(cpu, u, true), r);
        x87_pop(f);
    } else {
        struct area a = x87_area80(cpu, u, x87_lin80(cpu, u, true));
        area_probe_write(cpu, &a, 0, 10);
    }
    f->fsw = (u16)status;
    x87_note_mem(cpu, u);
    NEXT(u);
}
static NOINLINE void store_bcd(struct cpu *cpu, const struct uop *u)
{
    struct fpu *f = &cpu->fpu;
    u8 bcd[10] = {0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff}; /* packed decimal indefinite */
    u32 status = x87_empty(f, 0) ? x87_stack_fault(f, false) : fp80_to_bcd(bcd, x87_st(f, 0), f->fcw, f->fsw);
    struct area a = x87_area80(cpu, u, x87_lin80(cpu, u, true));
    area_probe_write(cpu, &a, 0, 8); /* see x87_lin80 */
    area_probe_write(cpu, &a, 0, 10);
    if (!(status & FP80_NO_STORE)) {
        area_write(cpu, &a, 0, bcd, 10);
        x87_pop(f);
    }
    f->fsw = (u16)status;
    x87_note_mem(cpu, u);
}
static UOP_FN(fbstp_m)
{
    X87_WAIT(cpu, u);
    store_bcd(cpu, u);
    NEXT(u);
}

const struct uop_table uop_fst = {.fn = {[FORM_R] = ANY_SIZE(fst_r), [FORM_M] = {NULL, NULL, fst_m32, fst_m64}}};
const struct uop_table uop_fstp = {.fn = {[FORM_R] = ANY_SIZE(fstp_r), [FORM_M] = {NULL, NULL, fstp_m32, fstp_m64}}};
const struct uop_table uop_fstpnce = {.fn = {[FORM_R] = ANY_SIZE(fstpnce_r)}};
const struct uop_table uop_fstp_t = {.fn = {[FORM_M] = ANY_SIZE(fstp_m80)}};
const struct uop_table uop_fist = {.fn = {[FORM_M] = {NULL, fist_m16, fist_m32, NULL}}};
const struct uop_table uop_fistp = {.fn = {[FORM_M] = {NULL, fistp_m16, fistp_m32, fistp_m64}}};
const struct uop_table uop_fisttp = {.fn = {[FORM_M] = {NULL, fisttp_m16, fisttp_m32, fisttp_m64}}};
const struct uop_table uop_fbstp = {.fn = {[FORM_M] = ANY_SIZE(fbstp_m)}};

/* ---- between registers ---- */

/* An empty register takes part as the default NaN when that is masked. */
static NOINLINE bool exchange_underflow(struct fpu *f, unsigned i)
{
    u32 status = x87_stack_fault(f, false);
    f->fsw = (u16)status;
    if (status & FP80_PRE)
        return false;
    if (x87_empty(f, 0))
        *x87_st(f, 0) = FP80_INDEFINITE;
    if (x87_empty(f, i))
        *x87_st(f, i) = FP80_INDEFINITE;
    f->ftw |= (u8)(BIT(x87_phys(f, 0)) | BIT(x87_phys(f, i)));
    return true;
}
static UOP_FN(fxch_r)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    x87_clear_c1(f);
    if (likely(!(x87_empty(f, 0) || x87_empty(f, u->dst))) || exchange_underflow(f, u->dst)) {
        struct x87_reg *a = x87_st(f, 0), *b = x87_st(f, u->dst);
        u64 man = a->man;
        u16 se = a->se;
        x87_copy(a, b);
        b->man = man;
        b->se = se;
    }
    NEXT(u);
}
const struct uop_table uop_fxch = {.fn = {[FORM_R] = ANY_SIZE(fxch_r)}};

/* aux: condition code. An empty register is an underflow even if nothing would be moved. */
static UOP_FN(fcmov_rr)
{
    struct fpu *f = &cpu->fpu;
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    if (unlikely(x87_empty(f, 0) || x87_empty(f, u->src))) {
        f->fsw = (u16)x87_underflow(f, 0);
    } else if (flags_cond(cpu, u->aux)) {
        x87_copy(x87_st(f, 0), x87_st(f, u->src));
    }
    NEXT(u);
}
const struct uop_table uop_fcmov = {.fn = {[FORM_RR] = ANY_SIZE(fcmov_rr)}};

static UOP_FN(ffree_r)
{
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    x87_clear_c1(&cpu->fpu);
    cpu->fpu.ftw &= (u8)~BIT(x87_phys(&cpu->fpu, u->dst));
    NEXT(u);
}
/* DF C0+i: FFREE, then pop. */
static UOP_FN(ffreep_r)
{
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    x87_clear_c1(&cpu->fpu);
    cpu->fpu.ftw &= (u8)~BIT(x87_phys(&cpu->fpu, u->dst));
    x87_pop(&cpu->fpu);
    NEXT(u);
}
const struct uop_table uop_ffree = {.fn = {[FORM_R] = ANY_SIZE(ffree_r)}};
const struct uop_table uop_ffreep = {.fn = {[FORM_R] = ANY_SIZE(ffreep_r)}};

/* Tags and registers stay: the stack is turned, nothing is popped or pushed. */
static UOP_FN(fincstp_0)
{
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    cpu->fpu.top = (cpu->fpu.top + 1) & 7;
    x87_clear_c1(&cpu->fpu);
    NEXT(u);
}
static UOP_FN(fdecstp_0)
{
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    cpu->fpu.top = (cpu->fpu.top - 1) & 7;
    x87_clear_c1(&cpu->fpu);
    NEXT(u);
}
const struct uop_table uop_fincstp = {.fn = {[FORM_0] = ANY_SIZE(fincstp_0)}};
const struct uop_table uop_fdecstp = {.fn = {[FORM_0] = ANY_SIZE(fdecstp_0)}};
