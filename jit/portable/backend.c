/*
 * The backend of hosts that have no emitter: it emits nothing. A superblock
 * becomes an array of steps in the metadata, which a loop in C takes: direct
 * jumps, runs of plain micro-ops, and all else by the helper jit_call_site,
 * which like every row of helpers.def is called through libffi. It puts to the
 * test what all backends share, on any host; the interpreter is faster, and the
 * engine there unless another is asked for.
 */
#include <ffi.h>

#include "cpu/flags.h"
#include "cpu/interp.h"
#include "jit/jit.h"

enum step_kind {
    STEP_CHARGE,  /* the entry: for all instructions at once, or the entry refuses */
    STEP_REFUSE,  /* the entry of what is no longer valid */
    STEP_FORWARD, /* ... once there is another translation of that place */
    STEP_RUN,     /* plain micro-ops */
    STEP_SITE,    /* an instruction by the helper */
    STEP_EXIT_IF, /* by the link when the condition holds */
    STEP_EXIT,
};
struct step {
    u8 kind; /* enum step_kind */
    u8 cc;
    i8 gen;                /* exits: which of jit_state.map_gen the link was made under; -1: it is for good */
    u8 n;                  /* instructions charged; exits: given back; STEP_RUN: 1: it accesses memory */
    u32 what;              /* offset of the translation, the run, the call_site, the exit_link */
    u32 made_at;           /* jit_state.map_gen[gen] when it was made */
    u64 page, to_page;     /* SLOT_RIP before and behind it, where gen is not -1 */
    const struct step *to; /* where the link goes; NULL: nowhere yet */
};
static_assert(SUPERBLOCK_MAX <= 0xff, "they are counted in a byte");

/* Micro-ops that run one after the other; none but the last accesses memory. */
struct run {
    struct translation_block *tb;
    const struct uop *last;
    struct uop u[]; /* and one that stops */
};

/* How libffi calls the rows of helpers.def. */
enum { ARGS_MAX = 2 };
struct calls {
    ffi_cif cif[HELPER_COUNT];
    ffi_type *args[HELPER_COUNT][ARGS_MAX];
};
#define FFI_U32 &ffi_type_uint32
#define FFI_CPU &ffi_type_pointer

static bool prepare(struct calls *c, enum helper h, ffi_type *ret, ffi_type *a, ffi_type *b)
{
    c->args[h][0] = a;
    c->args[h][1] = b;
    return ffi_prep_cif(&c->cif[h], FFI_DEFAULT_ABI, ARGS_MAX, ret, c->args[h]) == FFI_OK;
}

static bool portable_start(struct jit *jit)
{
    struct calls *c = jit_meta(jit, sizeof(*c));
    bool ok = c != NULL;
#define HELPER(fn, ret, a, b) ok = ok && prepare(c, HELPER_##fn, FFI_##ret, FFI_##a, FFI_##b);
#include "jit/helpers.def"
#undef HELPER
    jit->backend_data = c;
    return ok;
}

/* jit_call_site */
static u32 call_site(struct jit *jit, u32 site)
{
    struct calls *c = jit->backend_data;
    ffi_arg next; /* libffi widens what is smaller */
    void *args[ARGS_MAX] = {&jit->cpu, &site};
    ffi_call(&c->cif[HELPER_jit_call_site], jit_helpers[HELPER_jit_call_site], &next, args);
    return (u32)next;
}

/* ---- translating ---- */

struct tr {
    struct jit *jit;
    const struct superblock *sb;
    struct translation_block *tb;
    struct step *step; /* the next to be filled */
    bool failed;
};

static void add_step(struct tr *t, struct step s) { *t->step++ = s; }

static void add_site(struct tr *t, const struct uop *u)
{
    struct call_site *s = jit_meta(t->jit, sizeof(*s));
    if (!s) {
        t->failed = true;
        return;
    }
    s->u = *u;
    s->stop = jit_stop;
    s->stop_op = UOP_NOP;
    s->tb = jit_meta_offset(t->jit, t->tb);
    add_step(t, (struct step){.kind = STEP_SITE, .what = jit_meta_offset(t->jit, s)});
}

/* They do nothing that translated code relies on, but for the memory they write. */
static bool is_plain(const struct uop *u)
{
    return !(uop_info[u->op].props & (UP_RAISES | UP_ENDS | UP_MODE | UP_FP | UP_SSE | UP_COUNT)) && u->op != UOP_GATE;
}

/* A run of the plain instructions from i on; how many. */
static unsigned add_run(struct tr *t, const struct sb_insn *i)
{
    unsigned most = t->sb->n - i->u.index_in_block, n = 0;
    while (n < most && is_plain(&i[n].u) && !(n && uop_touches_memory(&i[n - 1].u)))
        n++;
    struct run *r = n ? jit_meta(t->jit, sizeof(*r) + (n + 1) * sizeof(r->u[0])) : NULL;
    if (!r) {
        t->failed |= n != 0;
        return n;
    }
    r->tb = t->tb;
    r->last = &r->u[n - 1];
    for (unsigned k = 0; k < n; k++)
        r->u[k] = i[k].u;
    r->u[n] = (struct uop){.fn = jit_stop, .op = UOP_NOP};
    add_step(t, (struct step){.kind = STEP_RUN, .n = uop_touches_memory(r->last), .what = jit_meta_offset(t->jit, r)});
    return n;
}

/* Leaves for 'target', from the page's start, when so many instructions have run. */
static void add_exit(struct tr *t, enum step_kind kind, unsigned cc, u64 target, unsigned executed)
{
    struct exit_link *l = jit_meta(t->jit, sizeof(*l));
    if (!l) {
        t->failed = true;
        return;
    }
    l->tb = jit_meta_offset(t->jit, t->tb);
    l->target = (i64)target;
    l->patch = jit_meta_offset(t->jit, t->step);
    add_step(t,
             (struct step){
                 .kind = (u8)kind, .cc = (u8)cc, .n = (u8)(t->sb->n - executed), .what = jit_meta_offset(t->jit, l)});
}

/* One instruction; false: control cannot reach what follows. */
static bool translate_insn(struct tr *t, const struct sb_insn *i)
{
    const struct uop *u = &i->u;
    unsigned cc, executed = u->index_in_block + 1u;
    bool jcc = uop_is_jcc(u, &cc);
    if (jcc && uop_goes_near(t->sb, u)) {
        add_exit(t, STEP_EXIT_IF, cc, u->imm, executed);
        return true;
    }
    if (u->op == UOP_JMP && u->form == FORM_I && uop_goes_near(t->sb, u)) {
        if (executed == t->sb->n)
            add_exit(t, STEP_EXIT, 0, u->imm, executed);
        return executed != t->sb->n; /* otherwise the superblock goes on there */
    }
    add_site(t, u);
    return jcc || !i->ends;
}

/* No bytes of host code belong to any of them. */
static bool keep_marks(struct tr *t)
{
    struct code_mark *m = jit_meta(t->jit, (t->sb->n + 1) * sizeof(*m));
    if (!m)
        return false;
    for (unsigned k = 0; k <= t->sb->n; k++) {
        const struct uop *u = &t->sb->insn[k ? k - 1 : 0].u;
        m[k] = (struct code_mark){.op = u->op, .pc_off = u->pc_off & 0xfff, .kind = k ? MARK_INSN : MARK_ENTRY};
    }
    t->tb->marks = jit_meta_offset(t->jit, m);
    t->tb->nmarks = (u16)(t->sb->n + 1);
    return true;
}

static bool portable_translate(struct jit *jit, struct superblock *sb, struct translation_block *tb)
{
    struct step *steps = jit_meta(jit, (sb->n + 2) * sizeof(*steps)); /* the entry, and the exit at the end */
    if (!steps)
        return false;
    struct tr t = {.jit = jit, .sb = sb, .tb = tb, .step = steps};
    bool on = true;
    tb->entry = jit_meta_offset(jit, steps);
    add_step(&t, (struct step){.kind = STEP_CHARGE, .n = (u8)sb->n, .what = jit_meta_offset(jit, tb)});
    for (unsigned k = 0; k < sb->n && !t.failed;) {
        unsigned plain = add_run(&t, &sb->insn[k]);
        on = plain || translate_insn(&t, &sb->insn[k]);
        k += plain ? plain : 1;
    }
    if (on && !t.failed)
        add_exit(&t, STEP_EXIT, 0, sb->end_off, sb->n);
    return !t.failed && keep_marks(&t);
}

/* ---- running ---- */

/* Where the exit goes on; NULL: the run loop is to say. */
static const struct step *take_exit(struct cpu *cpu, const struct step *s)
{
    cpu->budget += s->n;
    if (!s->to || s->gen < 0)
        return s->to;
    if (s->made_at != jit_state(cpu)->map_gen[s->gen] || s->page != cpu->gpr[SLOT_RIP])
        return NULL;
    cpu->gpr[SLOT_RIP] = s->to_page;
    return s->to;
}

/* true: leave to the run loop, SLOT_RIP is exact. */
static bool run_plain(struct jit *jit, const struct run *r, bool memory)
{
    struct cpu *cpu = jit->cpu;
    const struct uop *u = r->u;
    u32 epoch = cpu->tlb_epoch;
    cpu->block = &jit->head[r->tb->n];
    jit->stale = false;
    while (u && u <= r->last)
        u = u->fn(cpu, u);
    if (!u)
        return true;
    if (!memory || likely(!__atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) && !(jit->stale && !r->tb->valid) &&
                          cpu->tlb_epoch == epoch))
        return false;
    goto_afresh(cpu, r->last, uop_next_ip(cpu, r->last));
    return true;
}

static u32 take_steps(struct jit *jit, const struct step *s)
{
    struct cpu *cpu = jit->cpu;
    u32 next_at;
    for (;;) {
        const struct step *next = s + 1;
        switch ((enum step_kind)s->kind) {
        case STEP_CHARGE:
            if (cpu->budget < s->n)
                return s->what | LEAVE_ENTRY;
            cpu->budget -= s->n;
            break;
        case STEP_REFUSE:
            return s->what | LEAVE_ENTRY;
        case STEP_FORWARD:
            next = s->to;
            break;
        case STEP_RUN:
            if (run_plain(jit, jit_meta_at(jit, s->what), s->n))
                return LEAVE_EXACT;
            break;
        case STEP_SITE:
            next_at = call_site(jit, s->what);
            if (next_at == SITE_LEAVES)
                return LEAVE_EXACT;
            if (next_at != SITE_GOES_ON)
                next = (const struct step *)(jit->exec + next_at);
            break;
        case STEP_EXIT_IF:
            if (!flags_cond(cpu, s->cc))
                break;
            /* fall through */
        case STEP_EXIT:
            next = take_exit(cpu, s);
            if (!next)
                return s->what | LEAVE_LINK;
            break;
        }
        s = next;
    }
}

static u32 portable_enter(struct jit *jit, const u8 *host) { return take_steps(jit, (const struct step *)host); }

static bool portable_link(struct jit *jit, const struct exit_link *link, const struct translation_block *to, int gen)
{
    struct step *s = jit_meta_at(jit, link->patch);
    s->to = jit_meta_at(jit, to->entry);
    s->gen = (i8)gen;
    if (gen >= 0) {
        s->made_at = jit_state(jit->cpu)->map_gen[gen];
        s->page = link->page;
        s->to_page = jit_link_page(link, to);
    }
    return true;
}

static void portable_unlink(struct jit *jit, struct translation_block *tb)
{
    struct step *entry = jit_meta_at(jit, tb->entry);
    entry->kind = STEP_REFUSE;
}

static void portable_forward(struct jit *jit, struct translation_block *tb, const struct translation_block *to)
{
    struct step *entry = jit_meta_at(jit, tb->entry);
    entry->kind = STEP_FORWARD;
    entry->to = jit_meta_at(jit, to->entry);
}

const struct backend backend_portable = {
    "portable",       true, portable_start, portable_translate, portable_enter, portable_link, portable_unlink,
    portable_forward, NULL,
};
