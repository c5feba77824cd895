/*
 * Access sites: what emitted code remembers of the page that each of its
 * accesses went to last. Emitted code fills them out of the TLB, and links them
 * into a list; here they are made, and emptied when the TLB drops something.
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
