/*
 * Cutting JSON (json_input.h): a lexer of single bytes, and a grammar of what
 * may come next, which finds an error where it is and not where the brackets
 * happen to balance. Jansson turns what is whole into a value, and judges
 * numbers, escapes and UTF-8.
 */
#include "frontend/json_input.h"

#include <ctype.h>
#include <stdlib.h>

enum { TEXT_MAX = 1 << 20, KEEP = 64 << 10 };

static void begin(struct json_input *j)
{
    j->len = 0;
    j->depth = 0;
    j->want = JSON_WANT_VALUE;
    j->at = JSON_AT_NOTHING;
    j->skipping = false;
    if (j->cap > KEEP)
        json_input_reset(j);
}

void json_input_reset(struct json_input *j)
{
    free(j->text);
    *j = (struct json_input){.line_done = j->line_done};
}

/* What follows is skipped to where it balances, to a '{' outside of all, or to the end of the line. */
static enum json_fed bad(struct json_input *j, struct error *e, const char *why)
{
    j->skipping = true;
    fail(e, "JSON parse error, %s", why);
    return JSON_BAD;
}

static enum json_fed stray(struct json_input *j, u8 c, struct error *e)
{
    char why[24];
    snprintf(why, sizeof(why), c > ' ' && c < 127 ? "stray '%c'" : "stray byte 0x%02x", c);
    begin(j);
    bad(j, e, why);
    j->skipping = c != '\n';
    return JSON_BAD;
}

static enum json_fed put(struct json_input *j, u8 c, struct error *e)
{
    if (j->skipping)
        return JSON_MORE;
    if (j->len == j->cap) {
        size_t cap = j->cap ? j->cap * 2 : 1024;
        char *text = cap <= TEXT_MAX ? realloc(j->text, cap) : NULL;
        if (!text) {
            j->skipping = true;
            fail(e, "JSON token size limit exceeded");
            return JSON_BAD;
        }
        j->text = text;
        j->cap = cap;
    }
    j->text[j->len++] = (char)c;
    return JSON_MORE;
}

/* ---- the grammar: tokens are { } [ ] : , and '"' for a string, 'w' for a number or a word ---- */

static enum json_fed whole(struct json_input *j, json_t **value, struct error *e)
{
    json_error_t why;
    *value = json_loadb(j->text, j->len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    begin(j);
    if (*value)
        return JSON_WHOLE;
    fail(e, "JSON parse error, %s", why.text);
    return JSON_BAD;
}

static enum json_fed value_ended(struct json_input *j, json_t **value, struct error *e)
{
    j->want = JSON_WANT_COMMA;
    return j->depth ? JSON_MORE : whole(j, value, e);
}

static const char *complaint(const struct json_input *j)
{
    switch (j->want) {
    case JSON_WANT_KEY:
    case JSON_WANT_KEY_OR_END:
        return "key is not a string in object";
    case JSON_WANT_COLON:
        return "missing : in object pair";
    case JSON_WANT_COMMA:
        return j->nest[j->depth - 1] == '{' ? "expected separator in dict" : "expected separator in list";
    default:
        return "expecting value";
    }
}

static bool closes(const struct json_input *j, u8 token)
{
    bool now = j->want == JSON_WANT_COMMA || j->want == JSON_WANT_KEY_OR_END || j->want == JSON_WANT_VALUE_OR_END;
    return now && j->depth && token == (j->nest[j->depth - 1] == '{' ? '}' : ']');
}

static enum json_fed open_bracket(struct json_input *j, u8 token, struct error *e)
{
    if (j->depth == JSON_DEPTH_MAX) {
        j->skipping = true;
        fail(e, "JSON nesting depth limit exceeded");
        return JSON_BAD;
    }
    j->nest[j->depth++] = (char)token;
    j->want = token == '{' ? JSON_WANT_KEY_OR_END : JSON_WANT_VALUE_OR_END;
    return JSON_MORE;
}

/* While skipping only brackets count. */
static void skip(struct json_input *j, u8 token)
{
    if (token == '{' || token == '[')
        j->depth++;
    else if ((token == '}' || token == ']') && j->depth && !--j->depth)
        begin(j);
}

static enum json_fed accept(struct json_input *j, u8 token, json_t **value, struct error *e)
{
    bool wants_value = j->want == JSON_WANT_VALUE || j->want == JSON_WANT_VALUE_OR_END;
    bool wants_key = j->want == JSON_WANT_KEY || j->want == JSON_WANT_KEY_OR_END;
    if (wants_value && (token == '{' || token == '['))
        return open_bracket(j, token, e);
    if (wants_value && (token == '"' || token == 'w'))
        return value_ended(j, value, e);
    if (closes(j, token)) {
        j->depth--;
        return value_ended(j, value, e);
    }
    if (wants_key && token == '"')
        j->want = JSON_WANT_COLON;
    else if (j->want == JSON_WANT_COLON && token == ':')
        j->want = JSON_WANT_VALUE;
    else if (j->want == JSON_WANT_COMMA && token == ',')
        j->want = j->nest[j->depth - 1] == '{' ? JSON_WANT_KEY : JSON_WANT_VALUE;
    else
        return bad(j, e, complaint(j));
    return JSON_MORE;
}

static enum json_fed token(struct json_input *j, u8 t, json_t **value, struct error *e)
{
    if (j->skipping && !j->depth && t == '{')
        begin(j);
    if (j->skipping) {
        skip(j, t);
        return JSON_MORE;
    }
    bool first = !j->line_done;
    enum json_fed fed = accept(j, t, value, e);
    if (fed == JSON_BAD && t == '{' && first && j->skipping) {
        /* An object at the start of a line where none may be: the one before was left unfinished. */
        begin(j);
        put(j, t, e);
        accept(j, t, value, e);
    } else if (fed == JSON_BAD && j->skipping) {
        skip(j, t);
    }
    return fed;
}

/* ---- the lexer ---- */

static bool is_word(u8 c) { return isalnum(c) || c == '-' || c == '+' || c == '.' || c == '_'; }

static enum json_fed word_ended(struct json_input *j, json_t **value, struct error *e)
{
    size_t n = 0;
    while (n < j->len && is_word((u8)j->text[j->len - 1 - n]))
        n++;
    j->at = JSON_AT_NOTHING;
    const char *word = n ? j->text + j->len - n : "";
    bool known =
        (n == 4 && (!memcmp(word, "true", n) || !memcmp(word, "null", n))) || (n == 5 && !memcmp(word, "false", n));
    if (!j->skipping && isalpha((u8)*word) && !known) {
        char why[80];
        snprintf(why, sizeof(why), "invalid keyword '%.*s'", (int)MIN(n, (size_t)40), word);
        return bad(j, e, why);
    }
    return token(j, 'w', value, e);
}

static enum json_fed between(struct json_input *j, u8 c, json_t **value, struct error *e)
{
    if (c == '"' || c == '\'') {
        j->at = JSON_AT_STRING;
        j->quote = c;
        return put(j, '"', e);
    }
    if (is_word(c)) {
        j->at = JSON_AT_WORD;
        return put(j, c, e);
    }
    if (!c || !strchr("{}[]:,", c))
        return j->skipping ? JSON_MORE : stray(j, c, e);
    bool was_skipping = j->skipping;
    if (put(j, c, e) == JSON_BAD) {
        skip(j, c);
        return JSON_BAD;
    }
    enum json_fed fed = token(j, c, value, e);
    if (was_skipping && !j->skipping && j->depth) /* it began something */
        put(j, c, e);
    return fed;
}

/* Inside a string. A double quote in a single-quoted one has to be escaped from here on. */
static enum json_fed in_string(struct json_input *j, u8 c, json_t **value, struct error *e)
{
    if (j->at == JSON_AT_ESCAPE) {
        j->at = JSON_AT_STRING;
        return c == '\'' ? put(j, c, e) : put(j, '\\', e) == JSON_BAD ? JSON_BAD : put(j, c, e);
    }
    if (c == '\\') {
        j->at = JSON_AT_ESCAPE;
        return JSON_MORE;
    }
    if (c == j->quote) {
        j->at = JSON_AT_NOTHING;
        return put(j, '"', e) == JSON_BAD ? JSON_BAD : token(j, '"', value, e);
    }
    return c == '"' && put(j, '\\', e) == JSON_BAD ? JSON_BAD : put(j, c, e);
}

static enum json_fed lex(struct json_input *j, u8 c, json_t **value, struct error *e)
{
    bool inside = j->at == JSON_AT_STRING || j->at == JSON_AT_ESCAPE, control = c < ' ' || c >= 0xfe;
    if (inside && !control)
        return in_string(j, c, value, e);
    if (!inside && is_word(c) && j->at == JSON_AT_WORD)
        return put(j, c, e);
    enum json_fed fed = j->at == JSON_AT_WORD ? word_ended(j, value, e) : JSON_MORE;
    bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (j->skipping && control && c != '\t' && c != '\r') {
        begin(j);
        return fed;
    }
    enum json_fed then = JSON_MORE;
    if (inside || (control && !blank))
        then = stray(j, c, e);
    else if (!blank)
        then = between(j, c, value, e);
    return fed == JSON_MORE ? then : fed;
}

enum json_fed json_feed(struct json_input *j, u8 c, json_t **value, struct error *e)
{
    enum json_fed fed = lex(j, c, value, e);
    j->line_done = c != '\n' && (j->line_done || !isspace(c));
    return fed;
}
