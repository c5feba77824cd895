/*
 * What comes in from outside, as records: which kind, for whom, with what. A
 * record holds no address of the host, so that it can be written to a file and
 * applied again, at the same stamp, in another process (input.def lists the
 * kinds; machine.h has the functions that make them).
 */
#ifndef ORRERY_DEVICES_MACHINE_INPUT_H
#define ORRERY_DEVICES_MACHINE_INPUT_H

#include "cpu/base.h"

enum input_kind {
#define INPUT(id, name, values, apply) INPUT_##id,
#include "devices/machine/input.def"
#undef INPUT
    INPUT_KINDS
};
enum { INPUT_TARGET_MAX = 64, INPUT_VALUES = 3 };
struct input {
    enum input_kind kind;
    char target[INPUT_TARGET_MAX]; /* by name; empty: there is but one */
    i64 value[INPUT_VALUES];
    const u8 *bytes; /* of whoever made the record, for as long as the call lasts */
    size_t size;
};

/* When a record was applied: between which instructions (retired by all CPUs together), and the virtual time. */
struct input_stamp {
    u64 instructions;
    u64 ns;
};

/* Told of each record as it is applied, or drawn, on the machine's thread (in machine_create: the caller's). */
struct input_listener {
    void (*applied)(struct input_listener *l, const struct input_stamp *at, const struct input *in);
};
/* Records to be applied at their stamps, in order; what is drawn is answered from here as well. */
struct input_source {
    /* The next one, valid until the next call; false: there are no more. */
    bool (*next)(struct input_source *s, struct input_stamp *at, struct input *in);
};

#endif
