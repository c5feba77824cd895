/*
 * What a chip is to the house: a constant class, a struct that starts with
 * struct device, and the system it is plugged into. 'create' claims regions
 * and events, 'reset' alone writes power-on values, 'restored' recomputes what
 * is derived after a restore. A chip includes core/ and its own header only.
 */
#ifndef ORRERY_CORE_DEVICE_H
#define ORRERY_CORE_DEVICE_H

#include "devices/core/bus.h"
#include "devices/core/clock.h"
#include "devices/core/irq.h"
#include "devices/core/state.h"

struct device;
struct system;

/* What a chip may ask of the machine. */
enum system_request { REQUEST_RESET, REQUEST_SHUTDOWN, REQUEST_EXIT, REQUEST_PANIC, REQUEST_SUSPEND };

struct device_class {
    const char *name; /* as -device and info name it */
    size_t size;
    const struct state_field *state;
    /* Wires up; cfg is the chip's own config struct (its header). False: one sentence in sys->err. */
    bool (*create)(struct device *dev, const void *cfg);
    void (*reset)(struct device *dev);
    void (*restored)(struct device *dev);
    void (*destroy)(struct device *dev);
    /* What the monitor's "info" prints of it, in QEMU's layout where there is one; NULL: its state fields. */
    void (*info)(struct device *dev, FILE *out);
};

struct device {
    const struct device_class *cls;
    struct system *sys;
    struct device *next;
    char id[24];
};

/* What every chip can reach: the two spaces, time, tracing. */
struct system {
    struct space mem, io;
    struct clock clock;
    struct trace *trace;
    struct device *devices; /* in order of creation */
    char err[256];          /* the sentence of a failed create */
    /* Requests to the machine, applied at the next instruction boundary. */
    void (*request)(void *owner, enum system_request what);
    void *request_owner;
    int exit_code; /* with REQUEST_EXIT */
    bool a20;      /* address line 20 passes */
    void (*a20_changed)(void *owner);
    void *a20_owner;
};

/* Allocates, zeroes, creates and resets one; appended to sys->devices. NULL: sentence in sys->err. */
void *device_create(struct system *sys, const struct device_class *cls, const char *id, const void *cfg);
void device_reset_all(struct system *sys);
void device_destroy_all(struct system *sys);
/* Fills sys->err; returns false so that create can return it. */
bool device_fail(struct system *sys, const char *fmt, ...) PRINTF_LIKE(2, 3);
void system_init(struct system *sys, struct trace *trace);
void system_destroy(struct system *sys);
/* Safe when nobody listens. */
void system_request(struct system *sys, enum system_request what);
void system_set_a20(struct system *sys, bool on);

/* The header every device struct starts with, for its state description. */
#define DEVICE_STATE(T) HOST(T, dev)

#endif
