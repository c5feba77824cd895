/*
 * SSE exceptions that the guest has unmasked. Invalid, denormal and divide by
 * zero are found before anything is computed: if one of them is unmasked, they
 * alone are reported, for all lanes. Else overflow, underflow and inexact of
 * all lanes are. Unmasked overflow and underflow mean something else than
 * masked: the result is thought of with unbounded exponent, so that an exact
 * tiny result does underflow, and inexact speaks of that result (SDM vol. 1,
 * 4.9.1.5, 11.5.2). The host cannot be asked for that with its exceptions
 * masked, so it is derived lane by lane here; the path is cold.
 */
#include "cpu/vec/sse.h"

const struct fp_op fp_plain = {FP_PLAIN, 0, 0};

enum { PRE_FLAGS = MXCSR_IE | MXCSR_DE | MXCSR_ZE };

static u32 unmasked(const struct cpu *cpu) { return ~(cpu->mxcsr >> MXCSR_MASK_SHIFT) & MXCSR_FLAGS; }

static u32 check_control(const struct cpu *cpu)
{
    u32 control = (cpu->mxcsr & (MXCSR_RC | MXCSR_DAZ | MXCSR_FTZ)) | MXCSR_MASKS;
    return unmasked(cpu) & MXCSR_UE ? control & ~(u32)MXCSR_FTZ : control;
}

void sse_check_begin(struct cpu *cpu) { fp_host_set(check_control(cpu)); }

ALWAYS_INLINE v128 lane_of(v128 v, unsigned elem, unsigned i)
{
    union lanes x = {.v = v};
    return (v128){elem == 4 ? LD(x, i) : LQ(x, i), 0};
}

/* One lane alone, the flags it causes in *flags. */
static v128 lane_compute(enum fp_kind kind, unsigned elem, v128 a, v128 b, v128 c, u32 control, u32 *flags)
{
    v128 r = {0, 0};
    fp_host_set(control);
    switch (kind) {
    case FP_ADD:
        r = elem == 4 ? fp_addss(a, b, 0) : fp_addsd(a, b, 0);
        break;
    case FP_SUB:
        r = elem == 4 ? fp_subss(a, b, 0) : fp_subsd(a, b, 0);
        break;
    case FP_MUL:
        r = elem == 4 ? fp_mulss(a, b, 0) : fp_mulsd(a, b, 0);
        break;
    case FP_DIV:
        r = elem == 4 ? fp_divss(a, b, 0) : fp_divsd(a, b, 0);
        break;
    case FP_NARROW:
        r = fp_cvtsd2ss(r, b, 0);
        break;
    case FP_MULADD:
        r = fp_muladd_lane(elem, a, b, c);
        break;
    default:
        assert(!"no such lane operation");
    }
    *flags = fp_host_get() & MXCSR_FLAGS;
    return r;
}

/* x with its exponent replaced so that it lies in [1, 2), denormals normalised; x is finite, not zero. */
static u64 significand_only(u64 x)
{
    u64 fraction = x & (BIT64(52) - 1);
    if (!(x >> 52 & 0x7ff))
        fraction = fraction << (__builtin_clzll(fraction) - 11) & (BIT64(52) - 1);
    return fraction | 1023ull << 52;
}

/* a * 2^n without overflow; inexact only if bits fall off below. */
static v128 scaled(v128 a, int n)
{
    v128 half = {(u64)(1023 + n / 2) << 52, 0};
    return fp_mulsd(fp_mulsd(a, half, 0), half, 0);
}
static unsigned exponent_of(v128 a) { return a[0] >> 52 & 0x7ff; }

/*
 * Doubles whose sum or fused product has an exponent beyond the format's, as
 * the same computation inside it. What scaling down loses is below what adding
 * loses; scaling up loses nothing.
 */
static bool scaled_inexact(enum fp_kind kind, v128 a, v128 b, v128 c, bool tiny, u32 control)
{
    u32 lost, flags;
    int n = tiny ? 1200 : kind == FP_MULADD ? -600 : -4;
    fp_host_set(control);
    bool a_moves = kind != FP_MULADD || (exponent_of(a) < exponent_of(b)) == tiny;
    v128 x = a_moves ? scaled(a, n) : a, y = a_moves && kind == FP_MULADD ? b : scaled(b, n);
    v128 z = kind == FP_MULADD ? scaled(c, n) : c;
    lost = fp_host_get();
    lane_compute(kind, 8, x, y, z, control, &flags);
    return ((lost | flags) & MXCSR_PE) != 0;
}

/* Singles in double, where nothing overflows: what is exact to 24 bits is exact there. */
static bool single_inexact(enum fp_kind kind, v128 a, v128 b, v128 c, u32 control)
{
    u32 flags;
    fp_host_set(control);
    v128 x = fp_cvtss2sd((v128){0, 0}, a, 0), y = fp_cvtss2sd((v128){0, 0}, b, 0);
    v128 z = fp_cvtss2sd((v128){0, 0}, c, 0);
    if (kind == FP_MULADD) {
        x = fp_mulsd(x, y, 0); /* exact */
        y = z;
        kind = FP_ADD;
    }
    v128 r = lane_compute(kind, 8, x, y, z, control, &flags);
    return (flags & MXCSR_PE) || (r[0] & (BIT64(29) - 1));
}

/* Would the lane's result be inexact if its exponent were unbounded? Operands are finite. */
static bool unbounded_inexact(enum fp_kind kind, unsigned elem, v128 a, v128 b, v128 c, bool tiny, u32 control)
{
    u32 flags;
    if (tiny && (kind == FP_ADD || kind == FP_SUB)) /* has no bits below those of the operands */
        return false;
    if (kind == FP_NARROW)
        return significand_only(b[0]) & (BIT64(29) - 1);
    if (elem == 4)
        return single_inexact(kind, a, b, c, control);
    if (kind == FP_MUL || kind == FP_DIV) {
        v128 x = {significand_only(a[0]), 0}, y = {significand_only(b[0]), 0};
        lane_compute(kind, 8, x, y, c, control, &flags);
        return flags & MXCSR_PE;
    }
    return scaled_inexact(kind, a, b, c, tiny, control);
}

static bool is_denormal(v128 r, unsigned elem)
{
    return elem == 4 ? !(r[0] & 0x7f800000) && (r[0] & 0x7fffff) : !(r[0] & 0x7ffull << 52) && (r[0] & (BIT64(52) - 1));
}

/* Flags of one lane as the guest's masks have them. */
static u32 lane_flags(const struct cpu *cpu, enum fp_kind kind, unsigned elem, v128 a, v128 b, v128 c)
{
    u32 control = check_control(cpu), flags;
    v128 r = lane_compute(kind, elem, a, b, c, control, &flags);
    bool tiny = (flags & MXCSR_UE) || is_denormal(r, kind == FP_NARROW ? 4 : elem);
    if ((unmasked(cpu) & MXCSR_UE) && tiny) {
        flags = (flags & PRE_FLAGS) | MXCSR_UE;
        flags |= unbounded_inexact(kind, elem, a, b, c, true, control) ? MXCSR_PE : 0;
    } else if ((unmasked(cpu) & MXCSR_OE) && (flags & MXCSR_OE)) {
        flags &= ~(u32)MXCSR_PE;
        flags |= unbounded_inexact(kind, elem, a, b, c, false, control) ? MXCSR_PE : 0;
    }
    return flags;
}

/* Lane i of op as a plain operation. */
static u32 op_lane_flags(const struct cpu *cpu, const struct fp_op *op, const struct fp_half *h, unsigned i)
{
    unsigned elem = op->elem, first = 2 * i % op->lanes; /* of two neighbours in h->a followed by h->b */
    v128 from = 2 * i < op->lanes ? h->a : h->b;
    v128 x = lane_of(h->a, elem, i), y = lane_of(h->b, elem, i), z = lane_of(h->c, elem, i);
    switch (op->kind) {
    case FP_ADDSUB:
        return lane_flags(cpu, i & 1 ? FP_ADD : FP_SUB, elem, x, y, z);
    case FP_HADD:
    case FP_HSUB:
        x = lane_of(from, elem, first);
        y = lane_of(from, elem, first + 1);
        return lane_flags(cpu, op->kind == FP_HADD ? FP_ADD : FP_SUB, elem, x, y, z);
    default:
        return lane_flags(cpu, op->kind, elem, x, y, z);
    }
}

static u32 exact_flags(const struct cpu *cpu, const struct fp_op *op, const struct fp_half *half, unsigned halves)
{
    u32 flags = 0;
    for (unsigned h = 0; h < halves; h++)
        for (unsigned i = 0; i < op->lanes; i++)
            flags |= op_lane_flags(cpu, op, &half[h], i);
    return flags;
}

void sse_check(struct cpu *cpu, const struct uop *u, const struct fp_op *op, const struct fp_half *half,
               unsigned halves)
{
    u32 flags = fp_host_get() & MXCSR_FLAGS, open = unmasked(cpu);
    RAISES(cpu, u);
    if (flags & PRE_FLAGS & open)
        flags &= PRE_FLAGS;
    else if ((open & (MXCSR_OE | MXCSR_UE)) && op->kind != FP_PLAIN)
        flags = exact_flags(cpu, op, half, halves);
    cpu_set_mxcsr(cpu, cpu->mxcsr | flags); /* the host's flags start from none again */
    if (flags & open)
        cpu_raise(cpu, cpu->cr4 & CR4_OSXMMEXCPT ? EXC_XM : EXC_UD);
}

void fp_op_checked(struct cpu *cpu, const struct uop *u, vec_kernel *k, const struct fp_op *op, enum vec_enc enc,
                   struct v256 b)
{
    unsigned ra = enc == ENC_LEGACY ? u->dst : u->src2, halves = enc == ENC_VEX256 ? 2 : 1;
    struct fp_half half[2];
    for (unsigned h = 0; h < halves; h++)
        half[h] = (struct fp_half){.a = xmm_get(cpu, ra, h), .b = b.h[h]};
    if (op->kind == FP_DOT) {
        fp_dot_checked(cpu, u, op->elem, half, halves);
    } else {
        sse_check_begin(cpu);
        for (unsigned h = 0; h < halves; h++)
            half[h].r = k(half[h].a, half[h].b, (u8)u->imm);
        sse_check(cpu, u, op, half, halves);
    }
    if (enc == ENC_VEX256)
        xmm_set(cpu, u->dst, 1, half[1].r);
    vec_result(cpu, u, enc, half[0].r);
}
