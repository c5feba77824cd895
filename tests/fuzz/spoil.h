/* Saved states with some values changed and all names, types and lengths left right. */
#ifndef ORRERY_TESTS_SPOIL_H
#define ORRERY_TESTS_SPOIL_H

#include "devices/core/state.h"
#include "tests/fuzz/hostile.h"

/* The values of a struct as state_save() left them at 'at'; returns where they end. */
static u8 *spoil(const struct state_field *fields, u8 *at, unsigned rare)
{
    for (const struct state_field *f = fields; f->type != STATE_END_; f++) {
        if (f->type >= STATE_DERIVED)
            continue;
        at += 1 + strlen(f->name) + 5;
        if (f->type == STATE_STRUCT) {
            for (u32 i = 0; i < f->count; i++)
                at = spoil(f->fields, at, rare);
            continue;
        }
        if (f->type == STATE_EVENT) {
            at[0] ^= below(rare) == 0;
            at += 17;
            continue;
        }
        for (u32 i = 0; i < f->count; i++, at += f->size)
            if (below(f->count > 16 ? rare * 16 : rare) == 0)
                st_le(at, value(), f->size);
    }
    return at + 1;
}

#endif
