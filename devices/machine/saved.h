/*
 * What a machine is, as a list of parts: each a struct and the table over it.
 * Saving, loading and comparing machines go through this list alone.
 */
#ifndef ORRERY_SAVED_H
#define ORRERY_SAVED_H

#include "devices/machine/machine_internal.h"

struct part {
    const char *name; /* "cpu" */
    unsigned number;  /* of those with that name */
    const struct state_field *fields;
    void *obj;
    size_t size;
    struct cpu *cpu;       /* it is this, ... */
    struct device *device; /* ... or this */
};
/* All parts, to be freed, *n of them; NULL: no memory. */
struct part *machine_parts(struct machine *m, unsigned *n);
/* What no saved state of that part can be, 'copy' being one whose values are each in their range: words, or NULL. */
const char *part_contradiction(const struct machine *m, const struct part *p, const void *copy);
/* Between slices, before the parts are looked at: what waits to be carried out is, and each takes on its one form. */
void machine_settle(struct machine *m);
/* The saved members of all parts have come: everything else follows. */
void machine_restored(struct machine *m);

#endif
