/*
 * Access sites: what emitted code remembers of the page that each of its
 * accesses went to last. Emitted code fills them out of the TLB, and links them
 * into a list; here they are made, and emptied when the TLB drops something.
 * Where the TLB had to be filled first, the site is filled at once, too: pages
 * that share a slot of the TLB would keep each other out of their sites.
 * An access that goes to another page again and again is noted as a wanderer:
 * it is translated anew, to ask the TLB itself.
 */
#include "jit/jit.h"

struct access_site *jit_site(struct jit *jit)
{
    if (jit->nsites == jit->max_sites)
        return NULL;
    struct access_site *s = &jit->sites[jit->nsites++];
    *s = (struct access_site){.strikes = SITE_STRIKES};
    return s;
}

/* Members of its group do not cut their addresses to 32 bits, and must not be able to get beyond (refill.c). */
static bool refuses(const struct access_site *s, u64 page)
{
    return (s->last & SITE_INSIDE) && (u32)page + SITE_BORDER < 2u * SITE_BORDER;
}

void jit_site_fill(struct jit *jit, u32 access, unsigned idx)
{
    u32 at = access & ~(u32)SITE_WRITES;
    struct access_site *s = (struct access_site *)((u8 *)jit->sites + at);
    const struct tlb *tlb = &jit->cpu->tlb[idx];
    u64 page = jit->cpu->tlb_filled;
    const struct tlb_entry *e = &(access & SITE_WRITES ? tlb->write : tlb->read)[page >> 12 & (TLB_ENTRIES - 1)];
    bool flushed = at >= jit->nsites * sizeof(*s); /* code memory was emptied meanwhile, and sites with it */
    if (flushed || e->tag != page || refuses(s, page))
        return;
    s->page = page;
    s->addend = e->addend;
    s->host = page + e->addend;
    s->limit = PAGE_SIZE - (s->last & (PAGE_SIZE - 1));
    if (!s->next) {
        s->next = jit->filled;
        jit->filled = at;
    }
}

static void forget_all(struct jit *jit)
{
    for (u32 at = jit->filled; at != SITES_END;) {
        struct access_site *s = (struct access_site *)((u8 *)jit->sites + at);
        at = s->next;
        s->next = 0;
        s->limit = 0;
    }
    jit->filled = SITES_END;
}

void jit_sites_unmap(struct jit *jit, enum flush_kind kind, u64 lin)
{
    if (kind != FLUSH_PAGE) {
        forget_all(jit);
        return;
    }
    for (u32 at = jit->filled; at != SITES_END;) {
        struct access_site *s = (struct access_site *)((u8 *)jit->sites + at);
        if (s->page == (lin & PAGE_MASK))
            s->limit = 0; /* it stays in the list */
        at = s->next;
    }
}

void jit_sites_flush(struct jit *jit)
{
    jit->filled = SITES_END;
    jit->nsites = 1; /* offset 0 means nothing */
    jit->wanderers = jit->loners = jit->hottest = (struct insn_set){0};
}
