/*
 * The translator made visible: `info jit`. Reads the translator's state and
 * never changes it. See docs/debugging.md.
 */
#include "jit/jit.h"

#define LL(x) ((unsigned long long)(x))

void jit_info(const struct cpu *cpu, FILE *out)
{
    const struct jit *jit = cpu->translator;
    const struct jit_counters *c = &jit->counters;
    fprintf(out, "  translations: %llu made, %llu dropped, %llu flushes\n", LL(c->translated), LL(c->invalidated),
            LL(c->flushes));
    fprintf(out, "  guest code %llu bytes, host code %llu bytes\n", LL(c->guest_bytes), LL(c->host_bytes));
    fprintf(out, "  code memory: %zu of %zu KiB, metadata %zu of %zu KiB\n", jit->used >> 10, jit->size >> 10,
            jit->meta_used >> 10, jit->meta_size >> 10);
    fprintf(out, "  lookups: %llu, of which %llu hits, %llu misses\n", LL(c->lookups), LL(c->lookups - c->misses),
            LL(c->misses));
    fprintf(out, "  entered %llu times, refused %llu, turns of the interpreter %llu\n", LL(c->entered), LL(c->refused),
            LL(c->interpreted));
    fprintf(out, "  links: %llu made\n", LL(c->links));
    fprintf(out, "  instructions run in C: %llu\n", LL(c->site_calls));
    fprintf(out, "  translating took %llu us of host time\n", LL(c->translate_ns / 1000));
}
