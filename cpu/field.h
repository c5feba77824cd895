/*
 * State as data: from one table over a struct come snapshot, restore, dumps
 * and the test that no byte was forgotten. Every byte of the struct is in
 * exactly one entry: STATE (saved; STATE_RANGE says which values can be),
 * STRUCTS (saved, by another table), EVENT, MEMORY and BYTES (saved, what a
 * pointer leads to), DERIVED (recomputed after a load), RUNNING (means nothing
 * between two slices) or HOST (wiring, options, host handles). STATE infers
 * the type and has no default, so a pointer does not compile.
 *
 * Knows nothing but base.h, so that processor and devices alike can describe
 * themselves; devices/core/state.h saves and loads.
 */
#ifndef ORRERY_CPU_FIELD_H
#define ORRERY_CPU_FIELD_H

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
    STATE_MEMORY,
    STATE_BYTES,
    STATE_DERIVED,
    STATE_RUNNING,
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
    u32 length;                       /* STATE_BYTES: offset of the u32 that counts them */
    u32 align;                        /* what lies before it up to that may be padding */
};

/* 'type' itself or a one-dimensional array of it */
#define STATE_KIND_(m, type, kind) type * : kind, type(*)[sizeof(m) / (sizeof(type))] : kind
#define STATE_TYPE_(m)                                                                                                 \
    _Generic(&(m), STATE_KIND_(m, u8, STATE_U8), STATE_KIND_(m, u16, STATE_U16), STATE_KIND_(m, u32, STATE_U32),       \
             STATE_KIND_(m, u64, STATE_U64), STATE_KIND_(m, i8, STATE_I8), STATE_KIND_(m, i16, STATE_I16),             \
             STATE_KIND_(m, i32, STATE_I32), STATE_KIND_(m, i64, STATE_I64), STATE_KIND_(m, bool, STATE_BOOL),         \
             STATE_KIND_(m, char, STATE_U8))
#define STATE_SIZE_(t)                                                                                                 \
    ((t) == STATE_U8 || (t) == STATE_I8 || (t) == STATE_BOOL ? 1u                                                      \
     : (t) == STATE_U16 || (t) == STATE_I16                  ? 2u                                                      \
     : (t) == STATE_U32 || (t) == STATE_I32                  ? 4u                                                      \
                                                             : 8u)
#define STATE_FIELD_(T, f, kind, lo, hi)                                                                               \
    {                                                                                                                  \
        .name = #f, .type = (kind), .offset = offsetof(T, f), .align = __alignof__(((T *)0)->f),                       \
        .size = STATE_SIZE_(kind), .count = sizeof(((T *)0)->f) / STATE_SIZE_(kind), .least = (lo), .most = (hi)       \
    }
/* An integer or bool, or a one-dimensional array of them. */
#define STATE(T, f) STATE_FIELD_(T, f, STATE_TYPE_(((T *)0)->f), 0, UINT64_MAX)
/* The same that is always lo to hi: an index, a count, a divisor, an enum. */
#define STATE_RANGE(T, f, lo, hi) STATE_FIELD_(T, f, STATE_TYPE_(((T *)0)->f), lo, hi)
/* A two-dimensional array of them. */
#define STATE_ROWS(T, f) STATE_FIELD_(T, f, STATE_TYPE_(((T *)0)->f[0]), 0, UINT64_MAX)
#define STATE_OTHER_(T, f, kind, element, desc)                                                                        \
    {                                                                                                                  \
        .name = #f, .type = (kind), .offset = offsetof(T, f), .align = __alignof__(((T *)0)->f), .size = (element),    \
        .count = sizeof(((T *)0)->f) / (element), .fields = (desc)                                                     \
    }
/* A struct or an array of structs described by 'desc'. S is the element type. */
#define STRUCTS(T, f, S, desc) STATE_OTHER_(T, f, STATE_STRUCT, sizeof(S), desc)
/* A struct event (core/clock.h): saved as pending and when. */
#define EVENT(T, f) STATE_OTHER_(T, f, STATE_EVENT, sizeof(struct event), NULL)
/* A struct ram * (core/bus.h), or NULL: its size must be the same where it is loaded, its contents are restored. */
#define MEMORY(T, f) STATE_OTHER_(T, f, STATE_MEMORY, sizeof(((T *)0)->f), NULL)
/* A u8 * to so many bytes as u32 member 'n' says, likewise. */
#define BYTES(T, f, n)                                                                                                 \
    {                                                                                                                  \
        .name = #f, .type = STATE_BYTES, .offset = offsetof(T, f), .align = __alignof__(((T *)0)->f),                  \
        .size = sizeof(((T *)0)->f), .count = 1, .length = offsetof(T, n)                                              \
    }
#define DERIVED(T, f) STATE_OTHER_(T, f, STATE_DERIVED, sizeof(((T *)0)->f), NULL)
#define RUNNING(T, f) STATE_OTHER_(T, f, STATE_RUNNING, sizeof(((T *)0)->f), NULL)
#define HOST(T, f)    STATE_OTHER_(T, f, STATE_HOST, sizeof(((T *)0)->f), NULL)
#define STATE_END                                                                                                      \
    {                                                                                                                  \
        .name = NULL, .type = STATE_END_                                                                               \
    }

#endif
