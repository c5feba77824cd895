/*
 * Keys by name (keys.h). Hold times are the host's.
 */
#include "frontend/keys.h"

#include <stdlib.h>

static const struct {
    const char *name;
    u32 code;
} keymap[] = {
#define KEY(name, code, sdl) {name, code},
#include "frontend/keymap.def"
#undef KEY
};

bool key_combo_add(struct key_combo *c, const char *name, struct error *e)
{
    const char *names[ARRAY_LEN(keymap)];
    u64 code = 0;
    for (size_t i = 0; i < ARRAY_LEN(keymap); i++) {
        names[i] = keymap[i].name;
        if (!strcmp(name, names[i]))
            code = keymap[i].code;
    }
    if (!code && (strncmp(name, "0x", 2) != 0 || !text_number(name, 0xffffff, &code)))
        return fail_unknown(e, "key", name, names, text_nearest(name, names, ARRAY_LEN(names)) ? ARRAY_LEN(names) : 0);
    if (code > 0x80 && code <= 0xff)
        code = 0xe000 | (code & 0x7f); /* how QEMU numbers extended keys */
    if (c->count == KEYS_MAX)
        return fail(e, "more than %d keys at once", KEYS_MAX);
    c->code[c->count++] = (u32)code;
    return true;
}

bool key_combo_parse(struct key_combo *c, const char *text, struct error *e)
{
    memset(c, 0, sizeof(*c));
    for (const char *p = text;;) {
        size_t n = strcspn(p, "-");
        char name[32];
        if (n == 0 && *p == '-')
            n = 1; /* "--" is the minus key after another */
        snprintf(name, sizeof(name), "%.*s", (int)n, p);
        if (!key_combo_add(c, !strcmp(name, "-") ? "minus" : name, e))
            return false;
        p += n;
        if (!*p)
            return true;
        p++;
    }
}

struct pending {
    struct key_combo combo;
    unsigned hold_ms;
    struct pending *next;
};
struct keys {
    struct loop *loop;
    struct machine *machine;
    struct loop_timer timer;
    struct pending *first, **last;
    bool held; /* first's keys are down */
    unsigned buttons;
};

void keys_set(struct keys *k, u32 code, bool down) { machine_key(k->machine, code, down); }

void keys_mouse_move(struct keys *k, int dx, int dy, int dz)
{
    if (dx || dy)
        machine_pointer_move(k->machine, dx, dy);
    if (dz)
        machine_pointer_wheel(k->machine, dz);
}

void keys_mouse_buttons(struct keys *k, unsigned buttons)
{
    k->buttons = buttons;
    machine_pointer_buttons(k->machine, buttons);
}

unsigned keys_buttons(const struct keys *k) { return k->buttons; }

/* Presses the first combination, or releases it and goes on to the next. */
static void step(void *owner)
{
    struct keys *k = owner;
    enum { GAP_MS = 20 };
    struct pending *p = k->first;
    if (!p)
        return;
    if (!k->held) {
        for (unsigned i = 0; i < p->combo.count; i++)
            keys_set(k, p->combo.code[i], true);
        k->held = true;
        loop_timer_set(k->loop, &k->timer, p->hold_ms);
        return;
    }
    for (unsigned i = p->combo.count; i-- > 0;)
        keys_set(k, p->combo.code[i], false);
    k->held = false;
    k->first = p->next;
    if (!k->first)
        k->last = &k->first;
    else
        loop_timer_set(k->loop, &k->timer, GAP_MS);
    free(p);
}

void keys_send(struct keys *k, const struct key_combo *c, unsigned hold_ms)
{
    struct pending *p = malloc(sizeof(*p));
    if (!p)
        return;
    *p = (struct pending){*c, hold_ms, NULL};
    bool idle = !k->first && !k->timer.pending;
    *k->last = p;
    k->last = &p->next;
    if (idle)
        step(k);
}

struct keys *keys_create(struct loop *l, struct machine *m)
{
    struct keys *k = calloc(1, sizeof(*k));
    if (!k)
        return NULL;
    k->loop = l;
    k->machine = m;
    k->last = &k->first;
    k->timer = (struct loop_timer){.fire = step, .owner = k};
    return k;
}

void keys_free(struct keys *k)
{
    if (!k)
        return;
    loop_timer_cancel(k->loop, &k->timer);
    while (k->first) {
        struct pending *p = k->first;
        k->first = p->next;
        free(p);
    }
    free(k);
}
