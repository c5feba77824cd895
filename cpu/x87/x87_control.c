/*
 * x87: control instructions, environment and state images, and how pending
 * exceptions are reported (SDM vol. 1, 8.1.10, 8.7; vol. 2, FNSTENV, FNSAVE).
 * FXSAVE and XSAVE are elsewhere; they use the functions of x87.h.
 */
#include "cpu/interp.h"
#include "cpu/x87/x87.h"

void x87_init(struct fpu *f)
{
    f->fcw = FCW_INIT;
    f->fsw = 0;
    f->top = 0;
    f->ftw = 0;
    f->fop = 0;
    f->fip = f->fdp = 0;
    f->fcs = f->fds = 0;
}

void x87_update_ferr(struct cpu *cpu)
{
    if (cpu->fpu.fsw & FSW_ES || !cpu->ferr_high)
        return;
    cpu->ferr_high = false;
    cpu->ignne = false;
    cpu->env->ferr(cpu->env->world, false);
}

/* Bits 13..15 and 7 of FCW do not exist, bit 6 is always one. */
void x87_load_fcw(struct cpu *cpu, u16 fcw)
{
    struct fpu *f = &cpu->fpu;
    f->fcw = (fcw & 0x1f3f) | 0x40;
    f->fsw &= (u16) ~(FSW_ES | FSW_B);
    if (f->fsw & ~f->fcw & FSW_EXC)
        f->fsw |= FSW_ES | FSW_B;
    x87_update_ferr(cpu);
}

u32 x87_stack_fault(struct fpu *f, bool overflow)
{
    u32 status = (f->fsw & ~(u32)FSW_C1) | FSW_IE | FSW_SF | (overflow ? FSW_C1 : 0);
    if (!(f->fcw & FSW_IE))
        status |= FSW_ES | FSW_B | (u32)FSW_IE << FP80_UNMASKED;
    return status;
}
u32 x87_underflow(struct fpu *f, unsigned i)
{
    u32 status = x87_stack_fault(f, false);
    if (!(status & FP80_PRE)) {
        *x87_st(f, i) = FP80_INDEFINITE;
        f->ftw |= (u8)BIT(x87_phys(f, i));
    }
    return status;
}

/* ---- pending exceptions ---- */

bool x87_wait_ignored(struct cpu *cpu, const struct uop *u)
{
    RAISES(cpu, u);
    if (cpu->cr0 & CR0_NE)
        cpu_raise(cpu, EXC_MF);
    if (cpu->ignne)
        return true;
    if (!cpu->ferr_high) {
        cpu->ferr_high = true;
        cpu->env->ferr(cpu->env->world, true);
    }
    return false;
}
/* Like HLT with the instruction still to do: IRQ 13, any other interrupt or NMI ends it. */
const struct uop *x87_freeze(struct cpu *cpu, const struct uop *u)
{
    cpu->halted = true;
    return goto_afresh(cpu, u, uop_ip(cpu, u));
}

static UOP_FN(wait_0)
{
    if (unlikely((cpu->cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS))) {
        RAISES(cpu, u);
        raise_nm(cpu);
    }
    X87_WAIT(cpu, u);
    NEXT(u);
}
static UOP_FN(fnop_0)
{
    X87_WAIT(cpu, u);
    x87_note(cpu, u);
    NEXT(u);
}
/* FNENI, FNDISI, FNSETPM: the 8087's and 287's; nothing since. */
static UOP_FN(fneni_0)
{
    (void)cpu;
    NEXT(u);
}
const struct uop_table uop_wait = {.fn = {[FORM_0] = ANY_SIZE(wait_0)}};
const struct uop_table uop_fnop = {.fn = {[FORM_0] = ANY_SIZE(fnop_0)}};
const struct uop_table uop_fneni = {.fn = {[FORM_0] = ANY_SIZE(fneni_0)}};

/* ---- control and status words ---- */

static UOP_FN(fninit_0)
{
    x87_init(&cpu->fpu);
    x87_update_ferr(cpu);
    NEXT(u);
}
static UOP_FN(fnclex_0)
{
    cpu->fpu.fsw &= (u16) ~(FSW_EXC | FSW_SF | FSW_ES | FSW_B);
    x87_update_ferr(cpu);
    NEXT(u);
}
static UOP_FN(fldcw_m)
{
    X87_WAIT(cpu, u);
    x87_load_fcw(cpu, (u16)mem_read(cpu, uop_lin(cpu, u, 2, false), 2));
    NEXT(u);
}
static UOP_FN(fnstcw_m)
{
    mem_write(cpu, uop_lin(cpu, u, 2, true), cpu->fpu.fcw, 2);
    NEXT(u);
}
static UOP_FN(fnstsw_m)
{
    mem_write(cpu, uop_lin(cpu, u, 2, true), x87_fsw(&cpu->fpu), 2);
    NEXT(u);
}
static UOP_FN(fnstsw_r)
{
    reg_set(cpu, RAX, 2, x87_fsw(&cpu->fpu));
    NEXT(u);
}
const struct uop_table uop_fninit = {.fn = {[FORM_0] = ANY_SIZE(fninit_0)}};
const struct uop_table uop_fnclex = {.fn = {[FORM_0] = ANY_SIZE(fnclex_0)}};
const struct uop_table uop_fldcw = {.fn = {[FORM_M] = ANY_SIZE(fldcw_m)}};
const struct uop_table uop_fnstcw = {.fn = {[FORM_M] = ANY_SIZE(fnstcw_m)}};
const struct uop_table uop_fnstsw = {.fn = {[FORM_M] = ANY_SIZE(fnstsw_m), [FORM_R] = ANY_SIZE(fnstsw_r)}};

/* ---- tag word ---- */

enum { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY };

static unsigned tag(const struct x87_reg *r)
{
    unsigned e = r->se & 0x7fff;
    if (e == 0)
        return r->man == 0 ? TAG_ZERO : TAG_SPECIAL;
    return e == 0x7fff || !(r->man >> 63) ? TAG_SPECIAL : TAG_VALID;
}
u16 x87_tag_word(const struct fpu *f)
{
    u16 tags = 0;
    for (unsigned i = 0; i < 8; i++)
        tags |= (u16)((f->ftw >> i & 1 ? tag(&f->reg[i]) : TAG_EMPTY) << (2 * i));
    return tags;
}
u8 x87_abridged_tags(u16 tags)
{
    u8 ftw = 0;
    for (unsigned i = 0; i < 8; i++)
        if ((tags >> (2 * i) & 3) != TAG_EMPTY)
            ftw |= (u8)BIT(i);
    return ftw;
}

/* ---- environment: SDM vol. 1, figures 8-9 to 8-12 ---- */

/* Words of 2 or 4 bytes each: FCW, FSW, tags, and four for the pointers. */
enum { ENV_WORDS = 7, ENV_MAX = ENV_WORDS * 4, IMAGE_MAX = ENV_MAX + 80 };

static unsigned env_word_size(const struct uop *u) { return u->size == 2 ? 2 : 4; }
/* Environment or image of n bytes. */
static struct area env_area(struct cpu *cpu, const struct uop *u, unsigned n, bool write)
{
    return area_operand(cpu, u, n, write, (struct area_parts){ENV_WORDS, (u8)env_word_size(u)});
}
static bool real_format(const struct cpu *cpu) { return !(cpu->cr0 & CR0_PE) || cpu->eflags & FL_VM; }

/* Unused upper halves are stored as ones. */
static void env_build(const struct cpu *cpu, u8 *out, unsigned word)
{
    const struct fpu *f = &cpu->fpu;
    u32 w[ENV_WORDS] = {0xffff0000u | f->fcw, 0xffff0000u | x87_fsw(f), 0xffff0000u | x87_tag_word(f)};
    if (real_format(cpu)) {
        u32 ip = (u32)f->fip + ((u32)f->fcs << 4), dp = (u32)f->fdp + ((u32)f->fds << 4);
        w[3] = (word == 4 ? 0xffff0000u : 0) | (ip & 0xffff);
        w[4] = (ip >> 16) << 12 | (f->fop & 0x7ffu);
        w[5] = (word == 4 ? 0xffff0000u : 0) | (dp & 0xffff);
        w[6] = (dp >> 16) << 12;
    } else {
        w[3] = (u32)f->fip;
        w[4] = f->fcs | (f->fop & 0x7ffu) << 16;
        w[5] = (u32)f->fdp;
        w[6] = 0xffff0000u | f->fds;
    }
    for (unsigned i = 0; i < ENV_WORDS; i++)
        st_le(out + i * word, w[i], word);
}
static void env_take(struct cpu *cpu, const u8 *in, unsigned word)
{
    struct fpu *f = &cpu->fpu;
    u32 w[ENV_WORDS];
    for (unsigned i = 0; i < ENV_WORDS; i++)
        w[i] = (u32)ld_le(in + i * word, word);
    x87_set_fsw(f, (u16)w[1]);
    f->ftw = x87_abridged_tags((u16)w[2]);
    if (real_format(cpu)) {
        f->fip = (w[3] & 0xffff) | (w[4] >> 12) << 16;
        f->fop = w[4] & 0x7ff;
        f->fdp = (w[5] & 0xffff) | (w[6] >> 12) << 16;
        f->fcs = f->fds = 0;
    } else {
        f->fip = w[3];
        f->fcs = (u16)w[4];
        f->fop = word == 4 ? w[4] >> 16 & 0x7ff : 0;
        f->fdp = w[5];
        f->fds = (u16)w[6];
    }
    x87_load_fcw(cpu, (u16)w[0]);
}

static NOINLINE void store_env(struct cpu *cpu, const struct uop *u)
{
    u8 buf[ENV_MAX];
    unsigned n = ENV_WORDS * env_word_size(u);
    struct area a = env_area(cpu, u, n, true);
    env_build(cpu, buf, env_word_size(u));
    area_write(cpu, &a, 0, buf, n);
    x87_load_fcw(cpu, cpu->fpu.fcw | FSW_EXC);
}
static NOINLINE void load_env(struct cpu *cpu, const struct uop *u)
{
    u8 buf[ENV_MAX];
    unsigned n = ENV_WORDS * env_word_size(u);
    struct area a = env_area(cpu, u, n, false);
    area_read(cpu, &a, 0, buf, n);
    env_take(cpu, buf, env_word_size(u));
}
static NOINLINE void save(struct cpu *cpu, const struct uop *u)
{
    u8 buf[IMAGE_MAX];
    unsigned env = ENV_WORDS * env_word_size(u);
    struct area a = env_area(cpu, u, env + 80, true);
    env_build(cpu, buf, env_word_size(u));
    for (unsigned i = 0; i < 8; i++) {
        st64(buf + env + i * 10, x87_st(&cpu->fpu, i)->man);
        st16(buf + env + i * 10 + 8, x87_st(&cpu->fpu, i)->se);
    }
    area_write(cpu, &a, 0, buf, env + 80);
    x87_init(&cpu->fpu);
    x87_update_ferr(cpu);
}
static NOINLINE void restore(struct cpu *cpu, const struct uop *u)
{
    u8 buf[IMAGE_MAX];
    unsigned env = ENV_WORDS * env_word_size(u);
    struct area a = env_area(cpu, u, env + 80, false);
    area_read(cpu, &a, 0, buf, env + 80);
    env_take(cpu, buf, env_word_size(u));
    for (unsigned i = 0; i < 8; i++)
        *x87_st(&cpu->fpu, i) = (struct x87_reg){ld64(buf + env + i * 10), ld16(buf + env + i * 10 + 8)};
}
static UOP_FN(fnstenv_m)
{
    store_env(cpu, u);
    NEXT(u);
}
static UOP_FN(fldenv_m)
{
    X87_WAIT(cpu, u);
    load_env(cpu, u);
    NEXT(u);
}
static UOP_FN(fnsave_m)
{
    save(cpu, u);
    NEXT(u);
}
static UOP_FN(frstor_m)
{
    X87_WAIT(cpu, u);
    restore(cpu, u);
    NEXT(u);
}
const struct uop_table uop_fnstenv = {.fn = {[FORM_M] = ANY_SIZE(fnstenv_m)}};
const struct uop_table uop_fldenv = {.fn = {[FORM_M] = ANY_SIZE(fldenv_m)}};
const struct uop_table uop_fnsave = {.fn = {[FORM_M] = ANY_SIZE(fnsave_m)}};
const struct uop_table uop_frstor = {.fn = {[FORM_M] = ANY_SIZE(frstor_m)}};

/* ---- ten bytes of memory, the slow way ---- */

struct x87_reg x87_read80_slow(struct cpu *cpu, const struct uop *u, u64 lin)
{
    u8 b[10];
    struct area a = x87_area80(cpu, u, lin);
    mem_read(cpu, lin, 8); /* see x87_lin80 */
    area_read(cpu, &a, 0, b, 10);
    return (struct x87_reg){ld64(b), ld16(b + 8)};
}
void x87_write80_slow(struct cpu *cpu, const struct uop *u, u64 lin, struct x87_reg r)
{
    u8 b[10];
    struct area a = x87_area80(cpu, u, lin);
    st64(b, r.man);
    st16(b + 8, r.se);
    mem_probe_write(cpu, lin, 8, cpu->mmu_idx);
    area_write(cpu, &a, 0, b, 10);
}
