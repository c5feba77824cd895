/*
 * Words as users write them: numbers, sizes, on and off, and the name that was
 * meant by a mistyped one. Pure: no I/O, no state.
 */
#ifndef ORRERY_CORE_TEXT_H
#define ORRERY_CORE_TEXT_H

#include "cpu/base.h"

/* The name nearest to 'word' by edit distance, or NULL when none is near enough to be meant. */
const char *text_nearest(const char *word, const char *const *names, size_t count);

/* A whole unsigned number (decimal, 0x hex, 0 octal) not above max. */
bool text_number(const char *s, u64 max, u64 *out);
/* "512", "512M", "1.5G": bytes; a bare number is in units of 'unit' (1, 'K' = 1024, ...). */
bool text_size(const char *s, u64 unit, u64 *out);
/* on off yes no true false y n */
bool text_bool(const char *s, bool *out);
/* True when s starts with prefix; *rest is what follows. */
bool text_prefix(const char *s, const char *prefix, const char **rest);

#endif
