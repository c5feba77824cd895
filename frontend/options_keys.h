/*
 * Suboptions as rows: what values a key takes, where its value goes, and the
 * sentence for those values of QEMU's that stand for something we have not.
 */
#ifndef ORRERY_FRONTEND_OPTIONS_KEYS_H
#define ORRERY_FRONTEND_OPTIONS_KEYS_H

#include "frontend/options_parse.h"

enum key_kind {
    KEY_WORDS,    /* kept nowhere: each value taken asks for what is so anyway, or for what no guest and no user sees */
    KEY_BOOL,     /* on or off, into the bool at 'at' */
    KEY_NOT_BOOL, /* the other way round */
    KEY_STRING    /* a copy into the const char * at 'at' */
};
struct option_key {
    const char *name;
    enum key_kind kind;
    size_t at;           /* offset in struct options */
    const char *taken;   /* KEY_WORDS: "on|off|auto"; NULL: any value */
    const char *refused; /* KEY_WORDS: values for which there is nothing here, or NULL */
    const char *why;     /* the sentence's end for those */
};
#define KEY_NEUTRAL(name, taken)                                                                                       \
    {                                                                                                                  \
        name, KEY_WORDS, 0, taken, NULL, NULL                                                                          \
    }
#define KEY_REFUSED(name, taken, refused, why)                                                                         \
    {                                                                                                                  \
        name, KEY_WORDS, 0, taken, refused, why                                                                        \
    }
#define KEY_FIELD(name, kind, field)                                                                                   \
    {                                                                                                                  \
        name, kind, offsetof(struct options, field), NULL, NULL, NULL                                                  \
    }

/* Takes every key of the rows out of s. False: a value is wrong or refused, the sentence in e begins with 'option'. */
bool options_take_keys(struct options *o, struct subopts *s, const char *option, const struct option_key *keys,
                       size_t count, struct error *e);
/* The same for an option that is nothing but such keys; 'implied' as subopts_parse. */
bool options_only_keys(struct options *o, const char *arg, const char *implied, const char *option,
                       const struct option_key *keys, size_t count, struct error *e);
/* Is the word among "a|b|c"? */
bool options_word_in(const char *word, const char *list);

#endif
