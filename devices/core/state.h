/*
 * State that is described by a table (cpu/field.h) as bytes and as text. A
 * saved struct is a run of fields, each its name, type, count and values, ended
 * by an empty name; loading insists on the very same fields. All numbers are
 * little-endian. What MEMORY and BYTES lead to is apart: state_blocks.
 */
#ifndef ORRERY_CORE_STATE_H
#define ORRERY_CORE_STATE_H

#include "cpu/field.h"

struct clock;
struct ram;
/* A growing buffer: data[0, len), read from pos. */
struct state_buf {
    u8 *data;
    size_t len, cap, pos;
    bool failed; /* there was no memory for all of it */
};
void state_buf_put(struct state_buf *b, const void *p, size_t n);
/* Appends the saved fields of obj. */
void state_save(const struct state_field *fields, const void *obj, struct state_buf *out);
/*
 * False, with one sentence in err, when the bytes do not fit the description or a value its range; obj is then as it
 * was. Without a clock events stay as they are.
 */
bool state_load(const struct state_field *fields, void *obj, struct clock *clock, struct state_buf *in, char *err,
                size_t err_size);
/* A copy of obj, of 'size' bytes, with what is to be loaded, to be freed; NULL: as state_load. Events are obj's. */
void *state_look(const struct state_field *fields, const void *obj, size_t size, struct state_buf in, char *err,
                 size_t err_size);
/* Loads what state_look found right. */
void state_take(const struct state_field *fields, void *obj, struct clock *clock, struct state_buf in);

/* Bytes that a MEMORY or BYTES field leads to. */
struct state_block {
    const char *name; /* "vram", "item[33].data" */
    u8 *data;
    u64 size;
    struct ram *ram; /* they are this; or NULL */
};
/* Calls each for every block of obj that is there, until one returns false; whether none did. */
bool state_blocks(const struct state_field *fields, void *obj,
                  bool (*each)(void *owner, const struct state_block *block), void *owner);

/* Prints "field = value" lines, for info commands. */
void state_dump(const struct state_field *fields, const void *obj, FILE *out);
/* First byte of [0, size) that no entry covers and that is not alignment padding, or -1. */
long state_uncovered(const struct state_field *fields, size_t size);

#endif
