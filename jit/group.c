/*
 * Grouped accesses: within a superblock, accesses whose addresses differ by
 * constants (fields of one structure, slots of one stack frame) share the check
 * of the first, the leader, which makes sure that all of them lie in one page.
 * Addresses are compared symbolically: each register is a root plus a
 * constant; what is not followed becomes a new root.
 */
#include "jit/superblock.h"

enum { SPAN_MAX = 256, OPEN_MAX = 48 };
/* Bases whose place in their page is known: the page's start, and 0. */
#define RIP_ROOT  (~0u)
#define ZERO_ROOT (~1u)

struct value {
    u32 root;
    i64 delta;
};
struct address {
    u32 base, index; /* roots; 0: none */
    u8 scale;
    i64 off;
};
struct open_group {
    struct address at; /* the leader's */
    i64 lo, hi;
    struct sb_access *leader;
    unsigned members;
    unsigned born; /* conditional jumps before it */
};
struct finder {
    struct superblock *sb;
    struct value gpr[16];
    u32 roots;
    struct open_group open[OPEN_MAX];
    unsigned nopen;
    unsigned word;  /* bytes of an address */
    unsigned jumps; /* conditional ones so far */
};

static struct value new_root(struct finder *f) { return (struct value){++f->roots, 0}; }

/* The memory operand's bytes; 0: none. */
static unsigned memory_bytes(const struct insn *in)
{
    for (unsigned i = 0; i < in->noperands; i++)
        if (in->op[i].kind == OPK_MEM)
            return in->op[i].size;
    return 0;
}

/* Micro-ops with one plain memory operand, that check nothing else of it. */
static bool plain_memory(const struct superblock *sb, const struct sb_insn *i, unsigned n)
{
    const struct uop *u = &i->u;
    if (!uop_has_memory(u) || (u->flags & UF_LOCK) || n == 0)
        return false;
    const u64 props = uop_info[u->op].props;
    if (!(props & (UP_FP | UP_SSE)))
        return n <= 8 && ((props & UP_JOINS) || ((props & UP_JOINS_WIDE) && u->size >= 4));
    if ((props & UP_SSE) && !(props & UP_FP) && !(sb->key & KEY_SSE_CHECKED) && !(i->in.row->attrs & A_VSIB) &&
        (!sb->host || row_runs_on(sb->host, i->in.row)))
        return u->form == FORM_RM || u->form == FORM_MR;
    return (props & UP_JOINS) && u->form == FORM_M && n == u->size && (n == 4 || n == 8) && (sb->key & MODE_FPU) &&
           !(sb->key & KEY_X87_CHECKED);
}

static bool writes_memory(const struct uop *u) { return u->form != FORM_RM && (uop_info[u->op].props & UP_MEM_WRITE); }

static bool address_of(const struct finder *f, const struct uop *u, struct address *a)
{
    if (u->amode != (f->word == 8 ? AM_FLAT64 : AM_FLAT32) || u->asize != f->word || u->index == SLOT_4G)
        return false;
    *a = (struct address){.scale = u->scale, .off = u->disp};
    if (u->base < 16) {
        a->base = f->gpr[u->base].root;
        a->off += f->gpr[u->base].delta;
    } else if (u->base == SLOT_RIP) {
        a->base = RIP_ROOT;
    } else {
        a->base = ZERO_ROOT;
        a->off = f->word == 4 ? (i64)(u32)u->disp : u->disp;
    }
    if (u->index < 16) {
        a->index = f->gpr[u->index].root;
        a->off += (i64)((u64)f->gpr[u->index].delta << u->scale);
    }
    return true;
}

static bool same_roots(const struct address *a, const struct address *b)
{
    return a->base == b->base && a->index == b->index && (!a->index || a->scale == b->scale);
}

/*
 * Whether g's leader can check for an access so far from it, too. What is written joins what is read if it is
 * certain to come; alignment must follow from the leader's.
 */
static bool fits(const struct finder *f, const struct open_group *g, const struct sb_access *acc, i64 off)
{
    if (MAX(g->hi, off + (i64)acc->n) - MIN(g->lo, off) > SPAN_MAX)
        return false;
    if (g->at.base >= ZERO_ROOT && !g->at.index && (g->at.off + off) >> 12 != g->at.off >> 12)
        return false; /* another page, for certain */
    if (acc->write && !g->leader->write && g->born != f->jumps)
        return false;
    return !acc->aligned || (g->leader->aligned && acc->n <= g->leader->n && off % acc->n == 0);
}

/* Enters an access, whose n, write and aligned are known, into a group it fits, or begins one. */
static void join(struct finder *f, const struct sb_insn *i, struct sb_access *acc, const struct address *a)
{
    for (unsigned k = f->nopen; k-- > 0;) {
        struct open_group *g = &f->open[k];
        i64 off = a->off - g->at.off;
        if (!same_roots(&g->at, a) || !fits(f, g, acc, off))
            continue;
        g->lo = MIN(g->lo, off);
        g->hi = MAX(g->hi, off + (i64)acc->n);
        g->members++;
        g->leader->write |= acc->write;
        acc->off = (i16)off;
        acc->leader = g->leader;
        return;
    }
    if (f->nopen == OPEN_MAX || (f->sb->loners && insn_set_has(f->sb->loners, INSN_PA(f->sb, i))))
        return;
    f->open[f->nopen++] = (struct open_group){*a, 0, acc->n, acc, 1, f->jumps};
}

static void stack_access(struct finder *f, struct sb_insn *i, unsigned reg, i64 off, bool write)
{
    struct address a = {.base = f->gpr[reg].root, .off = f->gpr[reg].delta + off};
    i->stack.n = (u8)f->word;
    i->stack.write = write;
    if (i->u.size == f->word)
        join(f, i, &i->stack, &a);
}

static void find_accesses(struct finder *f, struct sb_insn *i)
{
    const struct uop *u = &i->u;
    struct address a;
    unsigned n = memory_bytes(&i->in), cc;
    f->jumps += uop_is_jcc(u, &cc);
    if (plain_memory(f->sb, i, n) && address_of(f, u, &a)) {
        i->operand.n = (u8)n;
        i->operand.write = writes_memory(u);
        i->operand.aligned = insn_wants_alignment(i, n);
        join(f, i, &i->operand, &a);
    } else if (u->op == UOP_PUSH && (u->form == FORM_R || u->form == FORM_I)) {
        stack_access(f, i, RSP, -(i64)f->word, true);
    } else if (u->op == UOP_CALL && u->form == FORM_I) {
        stack_access(f, i, RSP, -(i64)f->word, true);
    } else if ((u->op == UOP_POP && u->form == FORM_R) || u->op == UOP_RET) {
        stack_access(f, i, RSP, 0, false);
    } else if (u->op == UOP_LEAVE) {
        stack_access(f, i, RBP, 0, false);
    }
}

/* What the instruction does to registers, as far as it is followed. */
static void follow(struct finder *f, const struct sb_insn *i)
{
    const struct uop *u = &i->u;
    struct value v = {0, 0};
    if (u->size == f->word && u->op == UOP_MOV && u->form == FORM_RR)
        v = f->gpr[u->src];
    else if (u->size == f->word && (u->op == UOP_ADD || u->op == UOP_SUB) && u->form == FORM_RI)
        v = (struct value){f->gpr[u->dst].root, f->gpr[u->dst].delta + (i64)(u->op == UOP_ADD ? u->imm : -u->imm)};
    else if (u->size == f->word && u->asize == f->word && u->op == UOP_LEA && u->base < 16 && u->index == SLOT_ZERO)
        v = (struct value){f->gpr[u->base].root, f->gpr[u->base].delta + u->disp};
    struct value sp = f->gpr[RSP], bp = f->gpr[RBP];
    for (unsigned r = 0; r < 16; r++)
        if (i->gprs_written >> r & 1)
            f->gpr[r] = new_root(f);
    if (v.root)
        f->gpr[u->dst] = v;
    if (u->size != f->word)
        return;
    if (u->op == UOP_PUSH)
        f->gpr[RSP] = (struct value){sp.root, sp.delta - f->word};
    else if (u->op == UOP_POP && u->form == FORM_R && u->dst != RSP)
        f->gpr[RSP] = (struct value){sp.root, sp.delta + f->word};
    else if (u->op == UOP_LEAVE)
        f->gpr[RSP] = (struct value){bp.root, bp.delta + f->word};
}

/* Members need no check and cannot fault. */
static bool is_member(const struct sb_access *a) { return a->leader && a->leader->slot; }
static void settle(struct sb_insn *i)
{
    bool member = is_member(&i->operand) || is_member(&i->stack);
    if (member && i->u.op != UOP_RET && i->u.op != UOP_CALL)
        i->may_fault = false;
}

void superblock_group(struct superblock *sb)
{
    struct finder f = {.sb = sb, .word = (sb->key & MODE_CODE) == MODE_CODE64 ? 8 : 4};
    for (unsigned r = 0; r < 16; r++)
        f.gpr[r] = new_root(&f);
    for (unsigned k = 0; k < sb->n; k++) {
        struct sb_insn *i = &sb->insn[k];
        i->operand = i->stack = (struct sb_access){0};
        if (key_is_segmented(sb->key))
            continue;
        find_accesses(&f, i);
        follow(&f, i);
    }
    unsigned slots = 0;
    for (unsigned k = 0; k < f.nopen; k++) {
        struct open_group *g = &f.open[k];
        if (g->members < 2 || slots == SUPERBLOCK_GROUPS)
            continue;
        g->leader->slot = (u8)++slots;
        /* Down to the leader's alignment, so that the group's start has it, too. */
        g->leader->lo = (i16)(g->leader->aligned ? g->lo & -(i64)g->leader->n : g->lo);
        g->leader->hi = (i16)g->hi;
    }
    for (unsigned k = 0; k < sb->n; k++)
        settle(&sb->insn[k]);
}
