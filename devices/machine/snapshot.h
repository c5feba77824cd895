/*
 * A whole machine into a file and back: docs/snapshots.md. The machine must
 * have no thread, or it is called on that; it stands between two instructions.
 */
#ifndef ORRERY_SNAPSHOT_H
#define ORRERY_SNAPSHOT_H

#include "devices/machine/machine.h"

/* False with one sentence in err; the file of that name is then as it was. */
bool machine_save(struct machine *m, const char *path, char *err, size_t err_size);
/*
 * Replaces all that the machine is. False with one sentence in err: the file is damaged, or of another machine than
 * this one's options make; nothing has changed then. It goes on if it did before and what was saved can.
 */
bool machine_load(struct machine *m, const char *path, char *err, size_t err_size);
/* A number that two machines of the same state share. */
u64 machine_hash(struct machine *m);

#endif
