/*
 * A device's state as data: from this one declaration come snapshot, restore,
 * dumps and round-trip tests. Every byte of a device struct is in exactly one
 * entry: STATE (saved; STATE_RANGE says which values can be), STRUCTS (saved, by another description), EVENT,
 * DERIVED (recomputed by 'restored') or HOST (wiring, host handles). STATE
 * infers the type and has no default, so a pointer does not compile.
 */
#ifndef ORRERY_CORE_STATE_H
#define ORRERY_CORE_STATE_H

#include "cpu/base.h"

enum state_type {
    STATE_END_,
    STATE_U8,
    STATE_U16,
    STATE_U32,
    STATE_U64,
    STATE_I8,
    STATE_I16,
    STATE_I32,
    STATE_I64,
    STATE_BOOL,
    STATE_STRUCT,
    STATE_EVENT,
    STATE_DERIVED,
    STATE_HOST
};

struct state_field {
    const char *name;
    enum state_type type;
    u32 offset;
    u32 size; /* of one element */
    u32 count;
    const struct state_field *fields; /* STATE_STRUCT */
    u64 least, most;                  /* of each element: what loading takes */
};

/* 'type' itself or a one-dimensional array of it */
#define STATE_KIND_(T, f, type, kind) type * : kind, type(*)[sizeof(((T *)0)->f) / (sizeof(type))] : kind
#define STATE_TYPE_OF(T, f)                                                                                            \
    _Generic(&((T *)0)->f, STATE_KIND_(T, f, u8, STATE_U8), STATE_KIND_(T, f, u16, STATE_U16),                         \
             STATE_KIND_(T, f, u32, STATE_U32), STATE_KIND_(T, f, u64, STATE_U64), STATE_KIND_(T, f, i8, STATE_I8),    \
             STATE_KIND_(T, f, i16, STATE_I16), STATE_KIND_(T, f, i32, STATE_I32), STATE_KIND_(T, f, i64, STATE_I64),  \
             STATE_KIND_(T, f, bool, STATE_BOOL))
#define STATE_SIZE_(t)                                                                                                 \
    ((t) == STATE_U8 || (t) == STATE_I8 || (t) == STATE_BOOL ? 1u                                                      \
     : (t) == STATE_U16 || (t) == STATE_I16                  ? 2u                                                      \
     : (t) == STATE_U32 || (t) == STATE_I32                  ? 4u                                                      \
                                                             : 8u)
#define STATE_FIELD_(T, f, lo, hi)                                                                                     \
    {                                                                                                                  \
        .name = #f, .type = STATE_TYPE_OF(T, f), .offset = offsetof(T, f), .size = STATE_SIZE_(STATE_TYPE_OF(T, f)),   \
        .count = sizeof(((T *)0)->f) / STATE_SIZE_(STATE_TYPE_OF(T, f)), .least = (lo), .most = (hi)                   \
    }
/* An integer or bool, or a one-dimensional array of them. */
#define STATE(T, f) STATE_FIELD_(T, f, 0, UINT64_MAX)
/* The same that is always lo to hi: an index, a count, a divisor, an enum. */
#define STATE_RANGE(T, f, lo, hi) STATE_FIELD_(T, f, lo, hi)
#define STATE_OTHER_(T, f, kind, element, desc)                                                                        \
    {                                                                                                                  \
        .name = #f, .type = (kind), .offset = offsetof(T, f), .size = (element),                                       \
        .count = sizeof(((T *)0)->f) / (element), .fields = (desc)                                                     \
    }
/* A struct or an array of structs described by 'desc'. S is the element type. */
#define STRUCTS(T, f, S, desc) STATE_OTHER_(T, f, STATE_STRUCT, sizeof(S), desc)
/* A struct event: saved as pending and when. */
#define EVENT(T, f)   STATE_OTHER_(T, f, STATE_EVENT, sizeof(struct event), NULL)
#define DERIVED(T, f) STATE_OTHER_(T, f, STATE_DERIVED, sizeof(((T *)0)->f), NULL)
#define HOST(T, f)    STATE_OTHER_(T, f, STATE_HOST, sizeof(((T *)0)->f), NULL)
#define STATE_END                                                                                                      \
    {                                                                                                                  \
        .name = NULL, .type = STATE_END_                                                                               \
    }

struct clock;
/* A growing buffer: data[0, len), read from pos. */
struct state_buf {
    u8 *data;
    size_t len, cap, pos;
};
/* Appends the saved fields of obj: little-endian, with names, which state_load checks. */
void state_save(const struct state_field *fields, const void *obj, struct state_buf *out);
/*
 * False, with one sentence in err, when the bytes do not fit the description or a value its range; obj is then as it
 * was. Without a clock events stay as they are.
 */
bool state_load(const struct state_field *fields, void *obj, struct clock *clock, struct state_buf *in, char *err,
                size_t err_size);
/* Prints "field = value" lines, for info commands. */
void state_dump(const struct state_field *fields, const void *obj, FILE *out);
/* First byte of [0, size) that no entry covers and that is not alignment padding, or -1. */
long state_uncovered(const struct state_field *fields, size_t size);

#endif
