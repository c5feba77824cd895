/*
 * Keys by name: "ctrl-alt-delete" pressed together, held for a while and
 * released, one combination after the other.
 */
#ifndef ORRERY_FRONTEND_KEYS_H
#define ORRERY_FRONTEND_KEYS_H

#include "devices/machine/machine.h"
#include "frontend/loop.h"
#include "frontend/text.h"

enum { KEYS_MAX = 16, KEYS_HOLD_MS = 100 };

struct key_combo {
    u32 code[KEYS_MAX]; /* set-1, as machine_key() has them */
    unsigned count;
};
/* Adds the key of that name ("a", "f1", "0x1e"); false: see e. */
bool key_combo_add(struct key_combo *c, const char *name, struct error *e);
/* "ctrl-alt-f1" */
bool key_combo_parse(struct key_combo *c, const char *text, struct error *e);

struct keys;
struct keys *keys_create(struct loop *l, struct machine *m);
void keys_free(struct keys *k);
/* Queues it. Main thread. */
void keys_send(struct keys *k, const struct key_combo *c, unsigned hold_ms);
/* One key goes down or up, now. */
void keys_set(struct keys *k, u32 code, bool down);
/* The pointer: relative motion; buttons: 1 left, 2 right, 4 middle. */
void keys_mouse_move(struct keys *k, int dx, int dy, int dz);
void keys_mouse_buttons(struct keys *k, unsigned buttons);
unsigned keys_buttons(const struct keys *k);

#endif
