/*
 * Leaving emitted code: calls into C for one instruction, slow paths, links to
 * other translations, indirect jumps.
 */
#include "jit/x64/x64.h"

const struct stubs *x64_stubs(const struct jit *jit) { return jit->backend_data; }

/* Its offset, and enum ready. */
static u32 make_site(struct tr *t)
{
    struct call_site *s = jit_meta(t->jit, sizeof(*s));
    if (!s) {
        t->failed = true;
        return 0;
    }
    s->u = t->i->u;
    bool last = t->i->u.index_in_block + 1u == t->sb->n;
    /* STI and MOV SS look whether the next instruction is in their block */
    s->stop = jit_stop;
    s->stop_op = last ? UOP_FALLTHROUGH : UOP_NOP;
    s->tb = jit_meta_offset(t->jit, t->tb);
    s->recipe = t->flags == AT_RECIPE ? t->recipe : 0;
    bool wide = (t->sb->key & MODE_CODE) == MODE_CODE64;
    u32 vec = !t->vec_ready ? 0 : wide ? READY_VEC : READY_VEC_LOW;
    return jit_meta_offset(t->jit, s) | vec | (t->x87_ready ? (u32)READY_X87 : 0);
}

static void emit_call_site(struct tr *t, u32 site)
{
    struct emit *e = &t->e;
    e8(e, 0xb8); /* mov eax */
    e32(e, site);
    e_patch(e, e_call(e), x64_stubs(t->jit)->site);
}

void call_in_c(struct tr *t)
{
    const struct uop_info *info = &uop_info[t->i->u.op];
    flags_lose(t);
    x87_note_now(t);
    emit_call_site(t, make_site(t));
    if (info->flags_written)
        t->flags = AT_MEMORY;
    if (t->i->ends && !(uop_is_jcc(&t->i->u, &(unsigned){0})))
        t->ended = true;
}

static u8 loaded(const struct tr *t) { return (t->vec_ready ? READY_VEC : 0) | (t->x87_ready ? READY_X87 : 0); }

static u32 make_link(struct tr *t, u64 target)
{
    struct exit_link *l = jit_meta(t->jit, sizeof(*l));
    if (!l) {
        t->failed = true;
        return 0;
    }
    l->tb = jit_meta_offset(t->jit, t->tb);
    l->gen = -1;
    l->target = (i64)target;
    l->ready = loaded(t);
    return jit_meta_offset(t->jit, l);
}

static unsigned executed(const struct tr *t) { return t->i->u.index_in_block + 1u; }

void end_slow_path(struct tr *t)
{
    struct slow_path *s = t->slow;
    if (!s)
        return;
    s->back = t->e.p;
    s->ends = t->ended;
    s->restore = t->flags == AT_HOST || t->flags == AT_BOTH;
    if (!s->leaves)
        t->s1_group = NULL; /* behind C it holds nothing */
    if (s->leaves && !s->ends) {
        s->link = make_link(t, t->i->u.pc_off + t->i->u.len);
        s->executed = executed(t);
    }
}

struct slow_path *want_slow_path(struct tr *t)
{
    if (t->slow)
        return t->slow;
    if (t->nslow == SLOW_MAX) {
        t->failed = true;
        return NULL;
    }
    t->slow = &t->slow_paths[t->nslow++];
    *t->slow = (struct slow_path){.site = make_site(t), .note = t->x87_note};
    return t->slow;
}

void slow_path_leaves(struct tr *t)
{
    t->slow->leaves = true;
    struct call_site *s = jit_meta_at(t->jit, t->slow->site & ~7u);
    s->leads = true;
}

void to_slow_path(struct tr *t, u8 *at)
{
    if (!want_slow_path(t))
        return;
    if (t->slow->count == ARRAY_LEN(t->slow->from))
        t->failed = true;
    else
        t->slow->from[t->slow->count++] = at;
}

/* Gives back what was charged for and not executed, and returns to C, which is to link. */
static void emit_unlinked(struct emit *e, const struct jit *jit, const struct exit_link *l)
{
    if (l->refund)
        e_lea(e, 8, BUDGET, rm_mem(BUDGET, l->refund));
    e8(e, 0xb8); /* mov eax */
    e32(e, jit_meta_offset(jit, l) | LEAVE_LINK);
    e_patch(e, e_jmp(e), x64_stubs(jit)->leave);
}

/*
 * A link's code, patched by x64_link. To another page it takes more room: for a check that it is the page it was made
 * for, and that no mapping changed, and for the page's change. An instruction that goes on in the next page is as far
 * away.
 */
enum { LINK_ROOM_NEAR = 14, LINK_ROOM = 71, NEAR_END = PAGE_SIZE - 14 };
static unsigned link_room(const struct exit_link *l)
{
    return !l->far && l->target >= 0 && l->target < NEAR_END ? LINK_ROOM_NEAR : LINK_ROOM;
}
static void emit_link(struct tr *t, u32 link, unsigned executed)
{
    struct emit *e = &t->e;
    struct exit_link *l = jit_meta_at(t->jit, link);
    l->patch = (u32)(e->p - t->jit->write);
    l->refund = (u8)(t->sb->n - executed);
    emit_unlinked(e, t->jit, l);
    while (e->p < t->jit->write + l->patch + link_room(l))
        e8(e, CODE_PADDING);
}

static void keep_flags(struct tr *t, u32 recipe, struct fixed_flags fixed)
{
    if (recipe)
        emit_keep_recipe(&t->e, recipe);
    else
        emit_save_flags(&t->e, fixed);
}

void exit_by(struct tr *t, u8 *from, u64 target)
{
    if (t->nexits == EXIT_MAX) {
        t->failed = true;
        return;
    }
    struct side_exit *x = &t->exits[t->nexits++];
    *x = (struct side_exit){.from = from, .link = make_link(t, target), .executed = executed(t), .note = t->x87_note};
    x->save_flags = flags_needed_at(t, target, &x->flags);
    x->fixed = t->fixed;
}

void exit_always(struct tr *t, u64 target)
{
    u32 recipe;
    if (flags_needed_at(t, target, &recipe))
        keep_flags(t, recipe, t->fixed);
    x87_note_now(t);
    emit_link(t, make_link(t, target), executed(t));
    t->ended = true;
}

void exit_far(struct tr *t, u32 off)
{
    x87_note_now(t);
    u32 link = make_link(t, off);
    if (link) {
        struct exit_link *l = jit_meta_at(t->jit, link);
        l->far = true;
        emit_link(t, link, executed(t));
    }
    t->ended = true;
}

void emit_jump_entry(struct tr *t, unsigned lin)
{
    struct emit *e = &t->e;
    unsigned idx = t->sb->key >> KEY_MMU_SHIFT & 3;
    static_assert(JUMP_TABLE == 1 << 16 && sizeof(struct jump_target) == 16, "JUMP_INDEX, times 16");
    e_op(e, 4, 0x69, S1, rm_reg(lin)); /* imul */
    e32(e, JUMP_HASH);
    e_op(e, 4, 0xc1, 5, rm_reg(S1)); /* shr */
    e8(e, 12);
    e_alu_imm(e, 4, ALU_AND, rm_reg(S1), -16);
    e_op(e, 8, 0x03, S1, rm_mem(CPU, OWN_AT(jump) + (i32)idx * 8));
}

void find_indirect(struct tr *t)
{
    struct emit *e = &t->e;
    assert(t->flags != AT_HOST && t->flags != AT_BOTH); /* they would be saved by way of S0 */
    bool segmented = key_is_segmented(t->sb->key);
    if (segmented)
        e_lea(e, 4, S1, rm_mem(S0, (i32)t->sb->cs_base));
    emit_jump_entry(t, segmented ? S1 : S0);
    e_op(e, segmented ? 4 : 8, 0x3b, S0, rm_mem(S1, (i32)offsetof(struct jump_target, tag)));
    to_slow_path(t, e_jcc(e, CC_NE));
    if (!segmented)
        return;
    e_alu_imm(e, 4, ALU_CMP, rm_mem(S1, (i32)offsetof(struct jump_target, tag) + 4), (i32)key_segment(t->sb->key));
    to_slow_path(t, e_jcc(e, CC_NE));
}

void exit_indirect(struct tr *t)
{
    struct emit *e = &t->e;
    if (!key_is_segmented(t->sb->key)) { /* where it is, each entry knows for itself (stubs.c) */
        e_alu_imm(e, 8, ALU_AND, rm_reg(S0), -4096);
        e_store(e, 8, FIELD(gpr[SLOT_RIP]), S0);
    }
    e_op(e, 4, 0xff, 4, rm_mem(S1, (i32)offsetof(struct jump_target, host))); /* jmp */
    t->ended = true;
}

static void emit_slow_path(struct tr *t, struct slow_path *s)
{
    struct emit *e = &t->e;
    s->start = e->p;
    for (unsigned i = 0; i < s->count; i++)
        e_patch(e, s->from[i], e->p);
    emit_x87_note(t, &s->note);
    emit_call_site(t, s->site);
    if (s->ends)
        return;
    if (s->leaves) {
        emit_link(t, s->link, s->executed);
        return;
    }
    if (s->restore)
        emit_restore_flags(e);
    e_patch(e, e_jmp(e), s->back);
}

void emit_tail(struct tr *t)
{
    struct emit *e = &t->e;
    for (unsigned i = 0; i < t->nexits; i++) {
        struct side_exit *x = &t->exits[i];
        mark(t, MARK_EXIT, &t->sb->insn[x->executed - 1].u);
        e_patch(e, x->from, e->p);
        if (x->save_flags)
            keep_flags(t, x->flags, x->fixed);
        emit_x87_note(t, &x->note);
        emit_link(t, x->link, x->executed);
    }
    for (unsigned i = 0; i < t->nslow; i++) {
        u32 at = t->slow_paths[i].site & ~7u; /* without what is ready */
        const struct call_site *site = jit_meta_at(t->jit, at);
        mark(t, MARK_SLOW, &site->u);
        emit_slow_path(t, &t->slow_paths[i]);
    }
    for (unsigned i = 0; i < t->nrefills; i++) {
        const struct refill *r = &t->refills[i];
        const struct call_site *site = jit_meta_at(t->jit, r->slow->site & ~7u);
        mark(t, MARK_SLOW, &site->u);
        emit_refill(t, r);
    }
}

/* ---- what patches links and entries ---- */

/* A short jump where something differs: where its displacement is. */
static u8 *e_jne_short(struct emit *e)
{
    e8(e, 0x75), e8(e, 0);
    return e->p - 1;
}
static void patch_short(u8 *at, const u8 *target) { *at = (u8)(target - (at + 1)); }

bool x64_link(struct jit *jit, const struct exit_link *link, const struct translation_block *to, int gen)
{
    u8 *at = jit->write + link->patch;
    struct emit e = {.start = at, .p = at, .end = at + link_room(link)};
    u8 *elsewhere = NULL, *later = NULL;
    if (gen >= 0 && link_room(link) < LINK_ROOM)
        return false;                           /* its page was mapped anew since it was translated */
    bool anywhere = !key_is_segmented(to->key); /* others are where they are */
    if (gen >= 0 && anywhere) {
        e_mov_imm(&e, S0, link->page);
        e_op(&e, 8, 0x3b, S0, FIELD(gpr[SLOT_RIP])); /* cmp */
        elsewhere = e_jne_short(&e);
    }
    if (gen >= 0) {
        e_op(&e, 4, 0x81, ALU_CMP, rm_mem(CPU, OWN_AT(map_gen) + gen * 4));
        e32(&e, jit_state(jit->cpu)->map_gen[gen]);
        later = e_jne_short(&e);
        e_mov_imm(&e, S0, jit_link_page(link, to));
        e_store(&e, 8, FIELD(gpr[SLOT_RIP]), S0);
    }
    bool skip = !(to->wants & ~link->ready);
    if (skip)
        e_alu_imm(&e, 8, ALU_SUB, rm_reg(BUDGET), (i32)to->n - (i32)link->refund);
    else if (link->refund)
        e_lea(&e, 8, BUDGET, rm_mem(BUDGET, link->refund));
    e_patch(&e, e_jmp(&e), jit->write + to->entry + (skip ? to->charged : 0));
    if (gen >= 0) {
        if (elsewhere)
            patch_short(elsewhere, e.p);
        patch_short(later, e.p);
        emit_unlinked(&e, jit, link);
    }
    assert(!emit_full(&e));
    return true;
}

/* The jump of tb's entry to where it gives back what was charged, and refuses: JL, or JMP since it was unlinked. */
static u8 *refusal_jump(const struct jit *jit, const struct translation_block *tb)
{
    return jit->write + tb->entry + tb->charged;
}

void x64_unlink(struct jit *jit, struct translation_block *tb)
{
    u8 *at = refusal_jump(jit, tb);
    const u8 *refusal = at + 6 + (i32)ld32(at + 2);
    struct emit e = {.start = at, .p = at, .end = at + 6};
    e_patch(&e, e_jmp(&e), refusal);
    e8(&e, CODE_PADDING);
}

void x64_forward(struct jit *jit, struct translation_block *tb, const struct translation_block *to)
{
    u8 *jump = refusal_jump(jit, tb), *at = jump + 5 + (i32)ld32(jump + 1);
    struct emit e = {.start = at, .p = at, .end = at + REFUSAL_BYTES};
    e_lea(&e, 8, BUDGET, rm_mem(BUDGET, tb->n));
    e_patch(&e, e_jmp(&e), jit->write + to->entry);
}
