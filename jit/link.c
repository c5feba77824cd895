/*
 * Links: direct exits of translations that go straight to other translations.
 * Each translation has a list of those that lead to it, so that when it is made
 * anew they lead to its successor.
 */
#include "jit/jit.h"

#include "cpu/cpu.h"

static void unlist(struct jit *jit, struct exit_link *link)
{
    if (!link->to)
        return;
    struct translation_block *to = jit_meta_at(jit, link->to);
    u32 *at = &to->links;
    while (*at != jit_meta_offset(jit, link))
        at = &((struct exit_link *)jit_meta_at(jit, *at))->next;
    *at = link->next;
    link->to = 0;
}

void jit_link(struct jit *jit, struct exit_link *link, struct translation_block *to, int gen)
{
    if (!jit->backend->link(jit, link, to, gen))
        return;
    if (link->to != jit_meta_offset(jit, to)) {
        unlist(jit, link);
        link->to = jit_meta_offset(jit, to);
        link->next = to->links;
        to->links = jit_meta_offset(jit, link);
    }
    link->gen = (i8)gen;
    link->made_at = gen >= 0 ? jit_state(jit->cpu)->map_gen[gen] : 0;
}

static bool holds(const struct jit *jit, const struct exit_link *link)
{
    const struct translation_block *whose = jit_meta_at(jit, link->tb);
    return whose->valid && (link->gen < 0 || link->made_at == jit_state(jit->cpu)->map_gen[link->gen]);
}

void jit_replace(struct jit *jit, struct translation_block *gone, struct translation_block *tb)
{
    if (gone->pa != tb->pa || gone->key != tb->key || gone->page_eip != tb->page_eip || gone->pa2 != ~0ull ||
        tb->pa2 != ~0ull)
        return;
    while (gone->links) {
        struct exit_link *link = jit_meta_at(jit, gone->links);
        unlist(jit, link);
        if (holds(jit, link))
            jit_link(jit, link, tb, link->gen);
    }
    jit->backend->forward(jit, gone, tb);
}
