/*
 * The machine's own tables, the list of all parts, and what follows from a load
 * (saved.h). What waits between two slices is carried out before a save, so
 * requests are in no table; host time starts anew.
 */
#include "devices/machine/saved.h"

#include <stdlib.h>

#include "cpu/cpu.h"

/* ---- tables ---- */

#define M(f) HOST(struct machine, f)
const struct state_field machine_state_table[] = {
    MEMORY(struct machine, ram),
    RUNNING(struct machine, stop),
    M(sys),
    M(config),
    M(cpu),
    M(ncpus),
    M(displays),
    M(pic),
    M(ioapic),
    M(pci),
    M(look_at_drive),
    M(observers),
    M(disks),
    M(ending),
    M(ending_owner),
    M(priv),
    STATE_END,
};
#undef M

#define P(f)    HOST(struct machine_private, f)
#define RUNS(f) RUNNING(struct machine_private, f)
const struct state_field machine_private_table[] = {
    STATE_RANGE(struct machine_private, turn, 0, MAX_CPUS - 1),
    STATE(struct machine_private, quantum_left),
    STATE(struct machine_private, turn_seed),
    STATE(struct machine_private, last_tsc),
    STATE_RANGE(struct machine_private, state, 0, RUN_IO_ERROR),
    STRUCTS(struct machine_private, vclock, struct vclock, vclock_state),
    RUNS(want_reset),
    RUNS(want_shutdown),
    RUNS(want_exit),
    RUNS(want_panic),
    RUNS(want_suspend),
    RUNS(want_io_stop),
    RUNS(reset_reason),
    RUNS(shutdown_reason),
    RUNS(quit),
    RUNS(page_range),
    RUNS(last_refresh),
    RUNS(polling),
    P(thread),
    P(started),
    P(lock),
    P(wake),
    P(finished),
    P(first),
    P(last),
    P(ended),
    P(quit_reason),
    P(disks_over),
    P(status),
    P(inputs),
    P(env),
    P(stop_at),
    P(perf),
    P(firmware),
    P(board),
    P(board_size),
    P(board_state),
    P(board_reset),
    P(board_complete),
    P(board_powerdown),
    P(board_nmi),
    P(board_destroy),
    P(board_change_medium),
    STATE_END,
};
#undef P
#undef RUNS

/* ---- the list ---- */

struct part *machine_parts(struct machine *m, unsigned *n)
{
    struct machine_private *p = m->priv;
    unsigned count = 4 + m->ncpus, i = 0, number = 0;
    for (const struct device *d = m->sys.devices; d; d = d->next)
        count++;
    struct part *part = calloc(count, sizeof(*part));
    if (!part)
        return NULL;
    part[i++] = (struct part){"system", 0, system_state, &m->sys, sizeof(m->sys), NULL, NULL};
    part[i++] = (struct part){"machine", 0, machine_state_table, m, sizeof(*m), NULL, NULL};
    part[i++] = (struct part){"scheduler", 0, machine_private_table, p, sizeof(*p), NULL, NULL};
    if (p->board_state)
        part[i++] = (struct part){"board", 0, p->board_state, p->board, p->board_size, NULL, NULL};
    for (unsigned c = 0; c < m->ncpus; c++)
        part[i++] = (struct part){"cpu", c, cpu_state, m->cpu[c], sizeof(*m->cpu[c]), m->cpu[c], NULL};
    for (struct device *d = m->sys.devices; d; d = d->next)
        part[i++] = (struct part){"device", number++, d->cls->state, d, d->cls->size, NULL, d};
    *n = i;
    return part;
}

const char *part_contradiction(const struct machine *m, const struct part *p, const void *copy)
{
    if (p->cpu)
        return cpu_contradiction(copy);
    if (p->obj == m->priv && ((const struct machine_private *)copy)->turn >= MAX(m->ncpus, 1u))
        return "'turn' is that of no processor";
    return NULL;
}

void machine_settle(struct machine *m)
{
    machine_carry_out(m);
    if (m->ncpus == 1)
        m->priv->quantum_left = 0; /* there is nobody to take turns with */
    for (unsigned i = 0; i < m->ncpus; i++)
        cpu_settle(m->cpu[i]);
}

/* Nothing is remembered of what memory held. */
static void forget_code(struct machine *m)
{
    const struct space *mem = &m->sys.mem;
    for (unsigned i = 0; i < mem->nflat; i++) {
        const struct flat_range *f = &mem->flat[i];
        if (!f->region->host)
            continue;
        if (f->region->ram) {
            struct ram *ram = f->region->ram;
            u64 pages = (ram->size + PAGE_SIZE - 1) / PAGE_SIZE;
            memset(ram->code, 0, pages * sizeof(*ram->code));
            memset(ram->beside, 0, pages * sizeof(*ram->beside));
            memset(ram->dirty, 0xff, pages * sizeof(*ram->dirty));
        }
        for (unsigned c = 0; c < m->ncpus; c++)
            cpu_ask(m->cpu[c], &(struct cpu_request){.kind = CPU_CODE_WRITTEN, .pa = f->start, .len = f->size});
    }
}

void machine_restored(struct machine *m)
{
    space_begin(&m->sys.mem);
    space_begin(&m->sys.io);
    vclock_restored(&m->priv->vclock);
    for (struct device *d = m->sys.devices; d; d = d->next)
        if (d->cls->restored)
            d->cls->restored(d);
    space_commit(&m->sys.mem);
    space_commit(&m->sys.io);
    if (m->sys.a20_changed)
        m->sys.a20_changed(m->sys.a20_owner);
    for (unsigned i = 0; i < m->ncpus; i++)
        cpu_restored(m->cpu[i]);
    forget_code(m);
    m->stop.valid = false;
    for (struct display *d = m->displays; d; d = d->next)
        d->refresh(d->owner, true);
}
