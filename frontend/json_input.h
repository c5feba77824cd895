/*
 * Cuts a stream of bytes into JSON values, which need nothing between them.
 * What cannot become one is an error at the first byte that shows it, and the
 * rest of its line is skipped, or less: reading never stays lost.
 */
#ifndef ORRERY_FRONTEND_JSON_INPUT_H
#define ORRERY_FRONTEND_JSON_INPUT_H

#include <jansson.h>

#include "frontend/text.h"

enum { JSON_DEPTH_MAX = 1024 };
enum json_fed {
    JSON_MORE,  /* feed on */
    JSON_WHOLE, /* *value is one, a new reference */
    JSON_BAD    /* e says why, as QEMU does */
};
struct json_input {
    char *text; /* the value so far, without blanks, strings in double quotes */
    size_t len, cap;
    unsigned depth;
    char nest[JSON_DEPTH_MAX]; /* '{' or '[', outermost first */
    enum {
        JSON_WANT_VALUE,
        JSON_WANT_VALUE_OR_END,
        JSON_WANT_KEY,
        JSON_WANT_KEY_OR_END,
        JSON_WANT_COLON,
        JSON_WANT_COMMA
    } want;
    enum { JSON_AT_NOTHING, JSON_AT_STRING, JSON_AT_ESCAPE, JSON_AT_WORD } at;
    u8 quote;
    bool skipping;  /* an error was told, this is what is left of it */
    bool line_done; /* something stood on this line already */
};
/* Takes one byte. Strings may be in single quotes; bytes FEh and FFh, and control characters inside a string, end
 * whatever was begun, so that a client can get to a known state. */
enum json_fed json_feed(struct json_input *j, u8 c, json_t **value, struct error *e);
/* Back to the start, without memory. */
void json_input_reset(struct json_input *j);

#endif
