/*
 * Guests that wait by polling. A loop that comes round to the very state it
 * started from, processor and memory, with nothing read that time alone
 * changes, will go round unchanged until the next event or input: the machine
 * sleeps till then, as at HLT. A loop that counts, reads a clock or writes to a
 * device never comes round to the same state and runs on as it is.
 *
 * To find one costs some thousand interpreted instructions with every write
 * noted, so it is tried where it last succeeded, and more and more rarely where
 * it does not.
 */
#include <string.h>

#include "devices/machine/machine_internal.h"

enum {
    ROUND_MAX = 16384,          /* instructions of a try */
    NEXT_TRY_NS = 100000,       /* from one try to the next, ... */
    FIRST_TRY_NS = 1 * 1000000, /* ... once one has failed, ... */
    LAST_TRY_NS = 128 * 1000000 /* ... and at most */
};

static struct polling_note *note_at(struct polling *p, u64 word)
{
    unsigned slot = (u32)(word >> 3) * 0x9e3779b1u >> (32 - POLLING_BITS);
    while (p->note[slot].host && p->note[slot].word != word)
        slot = (slot + 1) & (POLLING_NOTES - 1);
    return &p->note[slot];
}

static void begin(void *owner)
{
    struct polling *p = owner;
    memset(p->note, 0, sizeof(p->note));
    p->count = 0;
}

static bool memory_is_same(void *owner)
{
    const struct polling *p = owner;
    for (unsigned i = 0; i < POLLING_NOTES; i++) {
        const struct polling_note *n = &p->note[i];
        if (n->host && memcmp(n->host, &n->was, 8) != 0)
            return false;
    }
    return true;
}

void polling_write(struct polling *p, u64 pa, u8 *host, unsigned size)
{
    if (!host) {
        p->round.given_up = true;
        return;
    }
    for (u64 word = pa & ~7ull; word < pa + size; word += 8) {
        struct polling_note *n = note_at(p, word);
        if (n->host)
            continue;
        if (++p->count > POLLING_NOTES / 2) {
            p->round.given_up = true;
            return;
        }
        *n = (struct polling_note){.word = word, .host = host - pa + word};
        memcpy(&n->was, n->host, 8);
    }
}

/* One CPU of several may poll while the others sleep. */
static bool only_one_awake(const struct machine *m)
{
    unsigned awake = 0;
    for (unsigned i = 0; i < m->ncpus; i++)
        awake += !cpu_idle(m->cpu[i]);
    return awake == 1;
}

/*
 * Lockstep compares engines, and rounds run in one alone. Under -icount rounds are skipped whole, which turns of
 * several CPUs would have to be, too.
 */
void polling_init(struct polling *p, const struct machine_config *cfg)
{
    bool lockstep = cfg->accel && !strcmp(cfg->accel, "lockstep");
    p->on = cfg->idle && !lockstep && (cfg->icount == ICOUNT_OFF || cfg->cpus == 1);
}

bool polling_is_due(const struct machine *m, u64 now)
{
    const struct polling *p = &m->priv->polling;
    return p->on && m->priv->state == RUN_RUNNING && now >= p->next_try && !m->cpu[m->priv->turn]->points &&
           only_one_awake(m);
}

void polling_put_off(struct polling *p, u64 now) { p->next_try = MAX(p->next_try, now + FIRST_TRY_NS); }

u64 polling_run(struct machine *m, struct cpu *cpu, u64 budget)
{
    struct polling *p = &m->priv->polling;
    p->round = (struct cpu_round){.owner = p, .begin = begin, .memory_is_same = memory_is_same};
    p->watching = true;
    tlb_flush(cpu, true); /* so that every write comes by */
    u64 n = cpu_run_round(cpu, MIN(budget, (u64)ROUND_MAX), &p->round);
    p->watching = false;
    tlb_flush(cpu, true);
    p->waits = p->round.came_round;
    bool cut_short = !p->waits && !p->round.given_up && n < ROUND_MAX; /* by an interrupt, or an event to come */
    if (p->waits)
        p->pause = 0;
    else if (!cut_short)
        p->pause = MIN(MAX(p->pause * 2, (u64)FIRST_TRY_NS), (u64)LAST_TRY_NS);
    p->next_try = host_ns() + (p->waits ? 0 : MAX(p->pause, (u64)NEXT_TRY_NS));
    return n;
}

void polling_waited(struct machine *m, u64 slept_ns, bool slept_all)
{
    struct machine_private *p = m->priv;
    if (m->config.icount == ICOUNT_OFF)
        vclock_idle_done(&p->vclock, slept_ns, slept_all);
    else
        m->cpu[p->turn]->icount_base +=
            vclock_idle_rounds(&p->vclock, p->polling.round.length,
                               MIN(p->stop_at - p->vclock.retired, input_distance(m)), slept_ns, slept_all);
    p->polling.waits = !slept_all;
}
