/*
 * Suboptions as rows (options_keys.h).
 */
#include "frontend/options_keys.h"

bool options_word_in(const char *word, const char *list)
{
    size_t n = strlen(word);
    while (list && *list) {
        size_t len = strcspn(list, "|");
        if (n == len && !strncmp(word, list, n))
            return true;
        list += len + (list[len] == '|');
    }
    return false;
}

static bool take_words(const struct option_key *k, const char *option, const char *value, struct error *e)
{
    bool on;
    const char *word = text_bool(value, &on) ? (on ? "on" : "off") : value;
    if (!k->taken || options_word_in(value, k->taken) || options_word_in(word, k->taken))
        return true;
    if (options_word_in(value, k->refused) || options_word_in(word, k->refused))
        return fail(e, "%s %s=%s: %s", option, k->name, value, k->why);
    return fail(e, "%s %s=%s must be one of %s%s%s", option, k->name, value, k->taken, k->refused ? "|" : "",
                k->refused ? k->refused : "");
}

static bool take(struct options *o, const struct option_key *k, const char *option, const char *value, struct error *e)
{
    void *at = (char *)o + k->at;
    bool on = false;
    switch (k->kind) {
    case KEY_WORDS:
        return take_words(k, option, value, e);
    case KEY_BOOL:
    case KEY_NOT_BOOL:
        if (!text_bool(value, &on))
            return fail(e, "%s %s=%s must be on or off", option, k->name, value);
        *(bool *)at = on == (k->kind == KEY_BOOL);
        return true;
    case KEY_STRING:
        *(const char **)at = options_keep(o, value);
        return true;
    }
    return false;
}

bool options_take_keys(struct options *o, struct subopts *s, const char *option, const struct option_key *keys,
                       size_t count, struct error *e)
{
    bool ok = true;
    for (size_t i = 0; i < count; i++) { /* all of them, so that subopts_done knows their names */
        const char *value = subopts_get(s, keys[i].name);
        ok = ok && (!value || take(o, &keys[i], option, value, e));
    }
    return ok;
}

bool options_only_keys(struct options *o, const char *arg, const char *implied, const char *option,
                       const struct option_key *keys, size_t count, struct error *e)
{
    struct subopts s;
    if (!subopts_parse(&s, arg, implied, e))
        return false;
    bool ok = options_take_keys(o, &s, option, keys, count, e) && subopts_done(&s, option, e);
    subopts_free(&s);
    return ok;
}
