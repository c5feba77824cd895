/*
 * How the host answers what manuals leave undefined. Rules run the guest's instructions on it, so it is asked at the
 * start, by the probes of cpu/undefined.def; what it does otherwise than we do is not taken from it.
 */
#include "cpu/softfp/fp_sse_estimate.h"
#include "cpu/undefined.h"
#include "jit/x64/x64.h"

/* A probe's registers and flags, before and after. */
struct asked {
    u64 rax, rcx, rdx, flags;
};
enum { ROOM = 72 /* on the stack, for the probe */, NO_FLAGS = 0x202 };

/* A function of struct asked * around the probe's code. */
static void emit_probe(struct emit *e, const struct undefined_probe *p)
{
    const struct rm flags = rm_mem(H_RDI, offsetof(struct asked, flags));
    e_alu_imm(e, 8, ALU_SUB, rm_reg(H_RSP), ROOM);
    e_load(e, 8, H_RAX, rm_mem(H_RDI, offsetof(struct asked, rax)));
    e_load(e, 8, H_RCX, rm_mem(H_RDI, offsetof(struct asked, rcx)));
    e_load(e, 8, H_RDX, rm_mem(H_RDI, offsetof(struct asked, rdx)));
    e_op(e, 4, 0xff, 6, flags); /* push */
    e8(e, 0x9d);                /* popfq */
    for (unsigned k = 0; k < p->len; k++)
        e8(e, (u8)p->code[k]);
    e8(e, 0x9c);                /* pushfq */
    e_op(e, 4, 0x8f, 0, flags); /* pop */
    e_store(e, 8, rm_mem(H_RDI, offsetof(struct asked, rax)), H_RAX);
    e_alu_imm(e, 8, ALU_ADD, rm_reg(H_RSP), ROOM);
    e8(e, 0xc3);
}

/* Flags or result (of 'what') that come out otherwise than the probe says. It runs where translations will be. */
static u32 differs(const struct jit *jit, u8 *at, const struct undefined_probe *p, u32 what)
{
    typedef void probe_fn(struct asked *);
    probe_fn *fn = (probe_fn *)(uintptr_t)(jit->exec + (at - jit->write));
    struct emit e = {.start = at, .p = at, .end = jit->write + jit->size};
    u32 other = 0;
    emit_probe(&e, p);
    for (unsigned run = 0; run < 2 && !emit_full(&e); run++) {
        struct asked a = {p->rax, p->rcx, p->rdx, NO_FLAGS | (run ? FL_ARITH : 0u)};
        fn(&a);
        other |= ((u32)a.flags ^ p->flags_after[run]) & FL_ARITH;
        if (a.rax != p->rax_after)
            other |= UNDEFINED_RESULT | UNDEFINED_CC;
    }
    return other & what;
}

/* Without a fault, in 64-bit code, on any maker's model. */
static bool can_ask(const struct undefined_probe *p)
{
    return p->bits == 64 && p->vector == EXC_BP && p->maker == MAKER_ANY;
}

/*
 * What of the row the host does otherwise. Flags that are zeroed are never taken from it; rows that hold for one size
 * of operands alone are about forms without rules.
 */
static u32 ask(struct jit *jit, u8 **at, const struct undefined_row *r)
{
    u32 other = 0;
    if (r->zeroed || r->opsize)
        return 0;
    for (const struct undefined_probe *p = r->probes; p->bits; p++)
        if (can_ask(p)) {
            other |= jit->host == JIT_HOST_ALIKE   ? 0
                     : jit->host == JIT_HOST_OTHER ? r->what
                                                   : differs(jit, *at, p, r->what);
            *at += 128; /* what has run is not written again at once */
        }
    return other;
}

void x64_ask_host(struct jit *jit, struct stubs *s, u8 *at)
{
    memset(s->other, 0, sizeof(s->other));
    for (const struct undefined_row *r = undefined_rows; r->id; r++) {
        u32 other = ask(jit, &at, r);
        for (unsigned i = 0; other && i < insn_row_count; i++)
            if (undefined_is_about(r, &insn_rows[i]))
                s->other[insn_rows[i].uop] |= other;
    }
    s->estimates = jit->host == JIT_HOST_ASKED ? fp_host_estimates_alike() : jit->host == JIT_HOST_ALIKE;
}

static bool shifts_by_immediate(const struct uop *u)
{
    switch (u->op) {
    case UOP_ROL:
    case UOP_ROR:
    case UOP_RCL:
    case UOP_RCR:
    case UOP_SHL:
    case UOP_SHR:
    case UOP_SAR:
        return u->form == FORM_RI || u->form == FORM_MI;
    case UOP_SHLD:
    case UOP_SHRD:
        return true;
    default:
        return false;
    }
}

/* What the host does otherwise of this very instruction: OF is defined for a count of 1, CF below the width. */
static u32 other_of(const struct tr *t, const struct uop *u)
{
    u32 other = x64_stubs(t->jit)->other[u->op];
    if (shifts_by_immediate(u)) {
        unsigned count = u->imm & (u->size == 8 ? 63 : 31);
        other &= ~(count == 1 ? (u32)FL_OF : 0) & ~(count < u->size * 8u ? (u32)FL_CF : 0);
    }
    return other;
}

/* AF, where the count is known (not 0, which has no rule). */
u32 x64_flags_set(const struct tr *t, const struct uop *u)
{
    return shifts_by_immediate(u) ? other_of(t, u) & FL_AF : 0;
}

bool x64_host_answers(const struct tr *t, const struct uop *u)
{
    u32 other = other_of(t, u) & ~x64_flags_set(t, u);
    return !(other & ~(u32)FL_ARITH) && !(other & (t->i->needed | t->i->needed_by_fault));
}
