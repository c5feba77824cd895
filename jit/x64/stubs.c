/*
 * The backend's fixed code at the start of code memory, and the translation of
 * one superblock: a charge for its instructions, each instruction's rule, exits
 * and slow paths behind.
 */
#include <stdlib.h>

#include "cpu/undefined.h"
#include "jit/x64/x64.h"

enum { STUB_BYTES = 8192 };
static const u8 callee_saved[] = {H_RBX, H_RBP, H_R12, H_R13, H_R14, H_R15};

static void push(struct emit *e, unsigned reg)
{
    if (reg & 8)
        e8(e, 0x41);
    e8(e, 0x50 | (reg & 7));
}
static void pop(struct emit *e, unsigned reg)
{
    if (reg & 8)
        e8(e, 0x41);
    e8(e, 0x58 | (reg & 7));
}

static void move_gprs(struct emit *e, bool store)
{
    for (unsigned r = 0; r < 16; r++)
        if (host_of(r) >= 0)
            e_op(e, 8, store ? 0x89 : 0x8b, (unsigned)host_of(r),
                 rm_mem(CPU, (i32)(offsetof(struct cpu, gpr) + r * 8)));
}

static struct rm vector(unsigned r) { return rm_mem(CPU, (i32)(offsetof(struct cpu, xmm) + r * sizeof(union vec))); }
static struct rm upper_half(unsigned r) { return rm_mem(CPU, (i32)(offsetof(struct cpu, xmm[r].q[2]))); }

/* Vector registers from first up to end, whole where ymm. */
static void move_vec(struct emit *e, bool store, unsigned first, unsigned end, bool ymm)
{
    for (unsigned r = first; r < end; r++)
        if (ymm)
            e_vex(e, 1, 0, false, 1, 0, store ? 0x11 : 0x10, r, vector(r));
        else
            e_op_prefixed(e, 0, false, store ? 0x0f11 : 0x0f10, r, vector(r));
}

static void store_byte(struct emit *e, struct rm m, unsigned v)
{
    e_op(e, 1, 0xc6, 0, m);
    e8(e, v);
}

/* Brings vector and x87 state home if it is in the host's registers; rDX and r8 are lost. */
static void save_live(struct emit *e, const u8 *save_x87)
{
    bool avx = __builtin_cpu_supports("avx");
    e_op(e, 1, 0x80, 7, OWN(x87_live)); /* cmp */
    e8(e, 0);
    u8 *no_x87 = e_jcc(e, CC_E);
    e_patch(e, e_call(e), save_x87);
    e_patch(e, no_x87, e->p);
    e_op(e, 1, 0x80, 7, OWN(vec_live)); /* cmp */
    e8(e, VEC_LOW);
    u8 *none = e_jcc(e, CC_B), *low = e_jcc(e, CC_E);
    move_vec(e, true, VEC_LOW, VEC_ALL, avx);
    e_patch(e, low, e->p);
    move_vec(e, true, 0, VEC_LOW, avx);
    if (avx) { /* vzeroupper: C is compiled for SSE */
        e8(e, 0xc5), e8(e, 0xf8), e8(e, 0x77);
    }
    store_byte(e, OWN(vec_live), 0);
    e_patch(e, none, e->p);
}

/*
 * The first n vector registers. When all upper halves are zero they are not touched, clean since the last
 * vzeroupper: hosts take hundreds of cycles for the first SSE instruction after a YMM register was written.
 */
static u8 *stub_load_vec(struct emit *e, unsigned n)
{
    u8 *at = e->p, *upper = NULL;
    if (__builtin_cpu_supports("avx")) {
        e_vex(e, 1, 2, false, 0, 0, 0x6f, 0, upper_half(0)); /* vmovdqu */
        for (unsigned r = 1; r < n; r++)
            e_vex(e, 1, 1, false, 0, 0, 0xeb, 0, upper_half(r)); /* vpor */
        e_vex(e, 2, 1, false, 0, 0, 0x17, 0, rm_reg(0));         /* vptest */
        upper = e_jcc(e, CC_NE);
    }
    move_vec(e, false, 0, n, false);
    store_byte(e, OWN(vec_live), n);
    e8(e, 0xc3);
    if (upper) {
        e_patch(e, upper, e->p);
        move_vec(e, false, 0, n, true);
        store_byte(e, OWN(vec_live), n);
        e8(e, 0xc3);
    }
    return at;
}

static u8 *stub_enter(struct emit *e)
{
    u8 *at = e->p;
    for (unsigned i = 0; i < ARRAY_LEN(callee_saved); i++)
        push(e, callee_saved[i]);
    e_alu_imm(e, 8, ALU_SUB, rm_reg(H_RSP), 8); /* calls from translated code find the stack aligned */
    e_mov_rr(e, 8, CPU, H_RDI);
    e_mov_rr(e, 8, S0, H_RSI);
    e_load(e, 8, BUDGET, FIELD(budget));
    move_gprs(e, false);
    e_op(e, 4, 0xff, 4, rm_reg(S0)); /* jmp */
    return at;
}

/* With EAX for C; *stored: where it goes on when registers are home already. */
static u8 *stub_leave(struct emit *e, u8 **stored, const u8 *save_x87)
{
    u8 *at = e->p;
    move_gprs(e, true);
    e_store(e, 8, FIELD(budget), BUDGET);
    save_live(e, save_x87);
    *stored = e->p;
    e_alu_imm(e, 8, ALU_ADD, rm_reg(H_RSP), 8);
    for (unsigned i = ARRAY_LEN(callee_saved); i-- > 0;)
        pop(e, callee_saved[i]);
    e8(e, 0xc3);
    return at;
}

/* After C the state in EAX's low bits is loaded again; what is live besides stays home until somebody wants it. */
static void load_again(struct emit *e, unsigned ready, const u8 *load)
{
    e_op(e, 1, 0xf6, 0, rm_reg(H_RCX)); /* test */
    e8(e, ready);
    u8 *none = e_jcc(e, CC_E);
    e_patch(e, e_call(e), load);
    e_patch(e, none, e->p);
}
static u8 *stub_site(struct emit *e, const struct jit *jit, const struct stubs *s, const u8 *stored, const u8 *save_x87)
{
    u8 *at = e->p;
    move_gprs(e, true);
    e_store(e, 8, FIELD(budget), BUDGET);
    push(e, S0);
    e_mov_rr(e, 4, H_RSI, S0);
    e_alu_imm(e, 4, ALU_AND, rm_reg(H_RSI), -8);
    save_live(e, save_x87);
    e_mov_rr(e, 8, H_RDI, CPU);
    e_mov_imm(e, S0, (u64)(uintptr_t)jit_helpers[HELPER_jit_call_site]);
    e_op(e, 4, 0xff, 2, rm_reg(S0)); /* call */
    pop(e, H_RCX);
    e_op(e, 4, 0x85, S0, rm_reg(S0)); /* test */
    u8 *elsewhere = e_jcc(e, CC_NE);
    load_again(e, READY_VEC, s->load_vec);
    load_again(e, READY_VEC_LOW, s->load_vec_low);
    load_again(e, READY_X87, s->load_x87);
    move_gprs(e, false);
    e_load(e, 8, BUDGET, FIELD(budget));
    e8(e, 0xc3);
    e_patch(e, elsewhere, e->p);
    e_alu_imm(e, 8, ALU_ADD, rm_reg(H_RSP), 8); /* the call of this stub */
    e_alu_imm(e, 4, ALU_CMP, rm_reg(S0), SITE_LEAVES);
    u8 *left = e_jcc(e, CC_E);
    e_mov_imm(e, S1, (u64)(uintptr_t)jit->exec);
    e_op(e, 8, 0x03, S1, rm_reg(S0)); /* add */
    move_gprs(e, false);
    e_load(e, 8, BUDGET, FIELD(budget));
    e_op(e, 4, 0xff, 4, rm_reg(S1)); /* jmp */
    e_patch(e, left, e->p);
    e_mov_imm(e, S0, LEAVE_EXACT);
    e_patch(e, e_jmp(e), stored);
    return at;
}

/* Probes run where translations will be. */
static void x64_ask(struct jit *jit) { x64_ask_host(jit, jit->backend_data, jit->write + STUB_BYTES); }

static bool x64_start(struct jit *jit)
{
    struct stubs *s = jit_meta(jit, sizeof(*s));
    struct emit e = {.start = jit->write, .p = jit->write, .end = jit->write + STUB_BYTES};
    u8 *stored;
    if (!s)
        return false;
    const u8 *save_x87 = emit_save_x87(&e);
    x64_host_features(s->host);
    memset(s->zeroed, 0, sizeof(s->zeroed));
    for (unsigned r = 0; r < insn_row_count; r++)
        s->zeroed[insn_rows[r].uop] |= (u16)insn_zeroed_flags(&insn_rows[r]);
    jit->sb->host = s->host;
    s->enter = stub_enter(&e);
    s->leave = stub_leave(&e, &stored, save_x87);
    s->load_vec = stub_load_vec(&e, VEC_ALL);
    s->load_vec_low = stub_load_vec(&e, VEC_LOW);
    s->load_x87 = emit_load_x87(&e);
    s->site = stub_site(&e, jit, s, stored, save_x87);
    for (unsigned idx = 0; idx < MMU_COUNT; idx++) {
        const struct tlb *tlb = &jit->cpu->tlb[idx];
        s->refill[idx][0] = emit_refill_stub(&e, jit, (i32)((const u8 *)tlb->read - (const u8 *)jit->cpu));
        s->refill[idx][1] = emit_refill_stub(&e, jit, (i32)((const u8 *)tlb->write - (const u8 *)jit->cpu));
    }
    jit->backend_data = s;
    x64_ask(jit);
    jit->used = (size_t)(e.p - jit->write);
    return !emit_full(&e);
}

static u32 x64_enter(struct jit *jit, const u8 *host)
{
    typedef u32 enter_fn(struct cpu * cpu, const u8 *host);
    enter_fn *fn = (enter_fn *)(uintptr_t)(jit->exec + (x64_stubs(jit)->enter - jit->write));
    return fn(jit->cpu, host);
}

void want_vec(struct tr *t)
{
    if (t->vec_ready)
        return;
    flags_lose(t);
    e_op(&t->e, 1, 0x80, 7, OWN(vec_live)); /* cmp */
    e8(&t->e, 0);
    e8(&t->e, 0x75), e8(&t->e, 5); /* jne, over the call */
    const struct stubs *s = x64_stubs(t->jit);
    bool wide = (t->sb->key & MODE_CODE) == MODE_CODE64;
    e_patch(&t->e, e_call(&t->e), wide ? s->load_vec : s->load_vec_low);
    t->vec_ready = true;
}

/* What is certain to be used, behind no conditional jump: enum ready. */
static u8 uses(const struct superblock *sb)
{
    u8 what = 0;
    unsigned cc;
    for (unsigned k = 0; k < sb->n && !uop_is_jcc(&sb->insn[k].u, &cc); k++) {
        const struct uop *u = &sb->insn[k].u;
        const u64 props = uop_info[u->op].props;
        if (x64_rule(u)->fn && (props & UP_SSE))
            what |= READY_VEC;
        else if (x64_rule(u)->fn && (props & UP_FP) && !(sb->key & KEY_X87_CHECKED))
            what |= READY_X87;
    }
    return what;
}

/* Charges for all instructions at once; returns the jump to where too small a budget is refused. */
static u8 *emit_entry(struct tr *t)
{
    struct emit *e = &t->e;
    t->tb->wants = uses(t->sb);
    if (t->tb->wants & READY_VEC)
        want_vec(t);
    if (t->tb->wants & READY_X87)
        want_x87(t);
    if (key_is_segmented(t->sb->key)) {            /* links within a page go behind it */
        e_op(e, 4, 0xc7, 0, FIELD(gpr[SLOT_RIP])); /* mov */
        e32(e, t->sb->page_eip);
    }
    e_op(e, 8, 0x81, ALU_SUB, rm_reg(BUDGET));
    e32(e, t->sb->n);
    t->tb->charged = (u8)(e->p - e->start);
    return e_jcc(e, CC_L);
}
static void emit_refusal(struct tr *t, u8 *from)
{
    struct emit *e = &t->e;
    e_patch(e, from, e->p);
    e_lea(e, 8, BUDGET, rm_mem(BUDGET, (i32)t->sb->n));
    e8(e, 0xb8); /* mov eax */
    e32(e, jit_meta_offset(t->jit, t->tb) | LEAVE_ENTRY);
    e_patch(e, e_jmp(e), x64_stubs(t->jit)->leave);
}

void mark(struct tr *t, enum mark_kind kind, const struct uop *u)
{
    u32 host = (u32)(t->e.p - t->e.start);
    t->marks[t->nmarks++] = (struct code_mark){.host = host, .op = u->op, .pc_off = u->pc_off & 0xfff, .kind = kind};
    assert(t->nmarks <= MARK_MAX);
}

static bool keep_marks(struct tr *t)
{
    struct code_mark *m = jit_meta(t->jit, t->nmarks * sizeof(*m));
    if (!m)
        return false;
    memcpy(m, t->marks, t->nmarks * sizeof(*m));
    t->tb->marks = jit_meta_offset(t->jit, m);
    t->tb->nmarks = (u16)t->nmarks;
    return true;
}

static void translate_insn(struct tr *t)
{
    const struct rule *r = x64_rule(&t->i->u);
    x87_note_before(t);
    u8 *start = t->e.p;
    mark(t, MARK_INSN, &t->i->u);
    t->slow = NULL;
    if (!r->fn || !x64_host_answers(t, &t->i->u) || !r->fn(t, &t->i->u)) {
        assert(t->e.p == start || t->failed);
        (void)start;
        call_in_c(t);
    }
    end_slow_path(t);
}

static bool x64_translate(struct jit *jit, struct superblock *sb, struct translation_block *tb)
{
    struct tr *t = calloc(1, sizeof(*t));
    if (!t)
        return false;
    u8 *at = jit->write + ((jit->used + 15) & ~(size_t)15);
    t->jit = jit;
    t->sb = sb;
    t->tb = tb;
    t->e = (struct emit){.start = at, .p = at, .end = jit->write + jit->size};
    t->flags = AT_MEMORY;
    t->tlb = (i32)((u8 *)&jit->cpu->tlb[sb->key >> KEY_MMU_SHIFT & 3] - (u8 *)jit->cpu);
    tb->entry = (u32)(at - jit->write);
    mark(t, MARK_ENTRY, &sb->insn[0].u);
    u8 *refuse = emit_entry(t);
    for (unsigned k = 0; k < sb->n && !t->failed; k++) {
        t->i = &sb->insn[k];
        translate_insn(t);
    }
    if (!t->ended)
        exit_always(t, sb->end_off);
    mark(t, MARK_REFUSAL, &sb->insn[0].u);
    emit_refusal(t, refuse);
    emit_tail(t);
    bool ok = !t->failed && !emit_full(&t->e) && t->e.p - at <= UINT16_MAX && keep_marks(t);
    tb->length = (u32)(t->e.p - at);
    if (ok)
        jit->used = (size_t)(t->e.p - jit->write);
    free(t);
    return ok;
}

const struct backend backend_x64 = {"x64",    false,      x64_start,   x64_translate, x64_enter,
                                    x64_link, x64_unlink, x64_forward, x64_ask};
