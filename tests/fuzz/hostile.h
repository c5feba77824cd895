/*
 * What a hostile guest does to devices: random accesses with a taste for what
 * is claimed and for values that mean something. The same numbers everywhere,
 * from a seed.
 */
#ifndef ORRERY_TESTS_HOSTILE_H
#define ORRERY_TESTS_HOSTILE_H

#include <stdlib.h>

#include "devices/core/device.h"

static u64 rnd_state;

static inline void rnd_seed(u64 seed) { rnd_state = seed * 0x9e3779b97f4a7c15ull | 1; }

/* xorshift64*: the same numbers everywhere */
static inline u64 rnd(void)
{
    rnd_state ^= rnd_state >> 12;
    rnd_state ^= rnd_state << 25;
    rnd_state ^= rnd_state >> 27;
    return rnd_state * 0x2545f4914f6cdd1dull;
}
/* Less than n; 0 where there is nothing below. */
static inline u64 below(u64 n) { return n ? rnd() % n : 0; }

/* An address within what the view holds, or a little past it. */
static inline u64 address(const struct space *s)
{
    if (s->nflat == 0 || below(50) == 0)
        return s->is_io ? below(0x10000) : rnd() & 0xffffffff;
    const struct flat_range *f = &s->flat[below(s->nflat)];
    u64 span = MIN(f->size, 0x1000);
    return f->start + (below(4) ? below(span) : below(f->size));
}

/* Mostly small or patterned: values that registers take. */
static inline u64 value(void)
{
    static const u64 special[] = {0, 1, 0xff, 0x80, 0xffff, 0xffffffff, 0x80000000, ~0ull, 0x55aa};
    switch (below(4)) {
    case 0:
        return special[below(ARRAY_LEN(special))];
    case 1:
        return BIT64(below(64));
    case 2:
        return below(256);
    default:
        return rnd();
    }
}

static inline void one_access(struct system *sys)
{
    struct space *s = below(3) ? &sys->io : &sys->mem;
    unsigned size = 1u << below(s->is_io ? 3 : 4);
    u64 addr = address(s);
    if (s->is_io)
        addr &= 0xffff;
    /* Bursts to one place: data ports, FIFOs, index registers. */
    unsigned times = below(20) ? 1 : 1 + (unsigned)below(600);
    bool write = below(3) != 0;
    for (unsigned i = 0; i < times; i++) {
        if (write)
            space_write(s, addr, value(), size);
        else
            space_read(s, addr, size);
    }
}

/* A snapshot taken and restored in the middle of it all. */
static inline void one_snapshot(struct system *sys)
{
    unsigned n = 0;
    for (struct device *d = sys->devices; d; d = d->next)
        n++;
    struct device *dev = sys->devices;
    for (u64 i = below(n); i; i--)
        dev = dev->next;
    if (!dev)
        return;
    struct state_buf b = {0};
    state_save(dev->cls->state, dev, &b);
    if (!device_load(dev, &b)) {
        fprintf(stderr, "%s\n", sys->err);
        abort();
    }
    free(b.data);
}

#endif
