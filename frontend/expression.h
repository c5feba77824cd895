/*
 * The arithmetic of monitor commands: numbers, 'c', $register, parentheses,
 * + - * / % & | ^ ~ << >>, with C's order.
 */
#ifndef ORRERY_FRONTEND_EXPRESSION_H
#define ORRERY_FRONTEND_EXPRESSION_H

#include "frontend/text.h"

/* Where $names come from. */
struct expression_names {
    bool (*lookup)(void *owner, const char *name, u64 *val);
    void *owner;
};
/* Parses at *p and moves it behind the expression and its blanks; false: see e. */
bool expression_parse(const char **p, const struct expression_names *names, u64 *out, struct error *e);

#endif
