/*
 * Expressions (expression.h): precedence climbing over unsigned 64-bit
 * numbers. Nesting is bounded, as input comes from sockets too.
 */
#include "frontend/expression.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

enum { MAX_DEPTH = 64 };

struct parser {
    const char *p;
    const struct expression_names *names;
    struct error *e;
    unsigned depth;
};

static void blanks(struct parser *s)
{
    while (isspace((u8)*s->p))
        s->p++;
}

static bool parse_binary(struct parser *s, int level, u64 *out);

static bool parse_name(struct parser *s, u64 *out)
{
    char name[32];
    size_t n = 0;
    s->p++;
    while (isalnum((u8)s->p[n]) || s->p[n] == '_' || s->p[n] == '.')
        n++;
    snprintf(name, sizeof(name), "%.*s", (int)n, s->p);
    if (!s->names || n >= sizeof(name) || !s->names->lookup(s->names->owner, name, out))
        return fail(s->e, "unknown register '%s'", name);
    s->p += n;
    return true;
}

static bool parse_primary(struct parser *s, u64 *out)
{
    char *end;
    blanks(s);
    switch (*s->p) {
    case '(':
        s->p++;
        if (!parse_binary(s, 0, out))
            return false;
        blanks(s);
        if (*s->p != ')')
            return fail(s->e, "')' expected");
        s->p++;
        return true;
    case '\'':
        if (!s->p[1] || s->p[2] != '\'')
            return fail(s->e, "missing terminating ' character");
        *out = (u8)s->p[1];
        s->p += 3;
        return true;
    case '$':
        return parse_name(s, out);
    case 0:
        return fail(s->e, "unexpected end of expression");
    default:
        errno = 0;
        if (!isdigit((u8)*s->p))
            return fail(s->e, "invalid char '%c' in expression", *s->p);
        *out = strtoull(s->p, &end, 0);
        if (errno)
            return fail(s->e, "number too large");
        s->p = end;
        return true;
    }
}

static bool parse_unary(struct parser *s, u64 *out)
{
    if (++s->depth > MAX_DEPTH)
        return fail(s->e, "expression nested too deep");
    blanks(s);
    char op = *s->p;
    bool ok;
    if (op == '+' || op == '-' || op == '~') {
        s->p++;
        ok = parse_unary(s, out);
        *out = !ok ? 0 : op == '-' ? 0 - *out : op == '~' ? ~*out : *out;
    } else {
        ok = parse_primary(s, out);
    }
    s->depth--;
    return ok;
}

/* Lowest level first; length of the operator in *len, or 0. */
static char operator_at(const char *p, int *level, unsigned *len)
{
    static const struct {
        char text[3], op;
        int level;
    } ops[] = {{"|", '|', 0}, {"^", '^', 1}, {"&", '&', 2}, {"<<", '<', 3}, {">>", '>', 3},
               {"+", '+', 4}, {"-", '-', 4}, {"*", '*', 5}, {"/", '/', 5},  {"%", '%', 5}};
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        if (!strncmp(p, ops[i].text, strlen(ops[i].text))) {
            *level = ops[i].level;
            *len = (unsigned)strlen(ops[i].text);
            return ops[i].op;
        }
    }
    return 0;
}

static bool combine(struct parser *s, char op, u64 *a, u64 b)
{
    if ((op == '/' || op == '%') && !b)
        return fail(s->e, "division by zero");
    switch (op) {
    case '|':
        *a |= b;
        break;
    case '^':
        *a ^= b;
        break;
    case '&':
        *a &= b;
        break;
    case '<':
        *a = b < 64 ? *a << b : 0;
        break;
    case '>':
        *a = b < 64 ? *a >> b : 0;
        break;
    case '+':
        *a += b;
        break;
    case '-':
        *a -= b;
        break;
    case '*':
        *a *= b;
        break;
    case '/':
        *a /= b;
        break;
    default:
        *a %= b;
        break;
    }
    return true;
}

static bool parse_binary(struct parser *s, int level, u64 *out)
{
    u64 right = 0;
    if (!parse_unary(s, out))
        return false;
    for (;;) {
        int found;
        unsigned len;
        blanks(s);
        char op = operator_at(s->p, &found, &len);
        if (!op || found < level)
            return true;
        s->p += len;
        if (!parse_binary(s, found + 1, &right) || !combine(s, op, out, right))
            return false;
    }
}

bool expression_parse(const char **p, const struct expression_names *names, u64 *out, struct error *e)
{
    struct parser s = {.p = *p, .names = names, .e = e};
    *out = 0;
    if (!parse_binary(&s, 0, out))
        return false;
    blanks(&s);
    *p = s.p;
    return true;
}
