/*
 * What a chip is to the house: a constant class, a struct that starts with
 * struct device, and the bus it is plugged into. Its properties have their
 * values before 'create', which claims regions and events; 'reset' alone
 * writes power-on values; 'restored' recomputes what is derived after a
 * restore. A chip includes core/, its own header and its bus only.
 */
#ifndef ORRERY_CORE_DEVICE_H
#define ORRERY_CORE_DEVICE_H

#include "devices/core/audio.h"
#include "devices/core/bus.h"
#include "devices/core/clock.h"
#include "devices/core/irq.h"
#include "devices/core/property.h"
#include "devices/core/state.h"

struct chardev;
struct device;
struct disk;
struct system;

/* What devices are plugged into; a device provides it, or the machine itself. */
struct bus {
    const char *type;     /* "System", "ISA", "PCI": what classes name as theirs */
    const char *name;     /* "isa.0" */
    struct device *owner; /* NULL: the machine */
    struct bus *next;     /* in order of creation */
    /* A driver's end of interrupt line n of this bus, and back when its device goes; NULL: it has no lines. */
    struct irq (*line)(void *owner, unsigned n);
    void (*line_free)(void *owner, struct irq line);
    void *line_owner;
    unsigned lines;
};

/* What a chip may ask of the machine. */
enum system_request { REQUEST_RESET, REQUEST_SHUTDOWN, REQUEST_EXIT, REQUEST_PANIC, REQUEST_SUSPEND };

struct device_class {
    const char *name; /* as -device and info name it: QEMU's, where QEMU has the thing */
    const char *description;
    const char *bus;     /* the type of bus it is plugged into; NULL: "System", soldered on */
    bool user_creatable; /* by -device */
    bool hotpluggable;   /* ... also while the machine runs */
    size_t size;
    const struct state_field *state;
    const struct property *properties; /* NULL: none */
    /* Wires up; cfg is what a board tells its own chips (their header), NULL for others. False: sentence in sys->err.
     */
    bool (*create)(struct device *dev, const void *cfg);
    void (*reset)(struct device *dev);
    /* All saved members of all devices have come: the derived ones follow. Wires are not driven (irq.h), no event is
     * scheduled. */
    void (*restored)(struct device *dev);
    /* What no saved state of this device can be although each value is in its range: a few words on what contradicts
     * what, or NULL. Sees a copy of the struct, whose events are not the clock's. */
    const char *(*contradiction)(const struct device *copy);
    void (*destroy)(struct device *dev);
    /* What the monitor's "info" prints of it, in QEMU's layout where there is one; NULL: its state fields. */
    void (*info)(struct device *dev, FILE *out);
};

enum { DEVICE_ID_MAX = 64 };
struct device {
    const struct device_class *cls;
    struct system *sys;
    struct bus *bus;
    struct device *next;
    bool by_user; /* made by -device or device_add */
    char id[DEVICE_ID_MAX];
};

/* A first value from -global for all devices of a class. */
struct global_property {
    const char *driver, *property, *value;
    const struct global_property *next;
};

/* What every chip can reach: the two spaces, time, tracing. */
struct system {
    struct space mem, io;
    struct clock clock;
    struct audio audio;
    struct trace *trace;
    struct device *devices; /* in order of creation */
    struct bus main_bus, *buses;
    u64 ram_size; /* bytes: what devices tell guests */
    const struct global_property *globals;
    /* The back end a property names by its id; NULL: there is none, or it is in use. */
    struct chardev *(*find_chardev)(void *owner, const char *id);
    void *find_owner;
    /* The drive of that name, for a device that stands on its bus; it is its own from then on, disk NULL: without a
     * medium. False: it cannot be had, and why is in err. NULL: a machine without drives. */
    bool (*take_drive)(void *owner, struct device *user, const char *id, struct disk **disk);
    void *take_owner;
    char err[256]; /* the sentence of a failed create */
    /* Requests to the machine, applied at the next instruction boundary. */
    void (*request)(void *owner, enum system_request what);
    void *request_owner;
    int exit_code; /* with REQUEST_EXIT */
    bool a20;      /* address line 20 passes */
    void (*a20_changed)(void *owner);
    void *a20_owner;
};

/* A source's state is about to change: what it played until now is handed out. */
ALWAYS_INLINE void system_sound_changes(struct system *sys)
{
    if (sys->audio.sinks)
        audio_catch_up(&sys->audio, clock_now(&sys->clock));
}

/*
 * A device's life: new, its properties set, plugged in; unplugged or destroyed with the system. id NULL: the class's
 * name. All but device_set_number leave a sentence in sys->err when they fail.
 */
struct device *device_new(struct system *sys, const struct device_class *cls, const char *id);
bool device_set(struct device *dev, const char *property, const char *text);
/* For boards: the property exists and takes it. */
void device_set_number(struct device *dev, const char *property, u64 value);
void device_set_chardev(struct device *dev, struct chardev *cd);
/* Creates and resets it; NULL: it is gone. bus NULL: the first of its class's type. */
void *device_plug(struct device *dev, struct bus *bus, const void *cfg);
/* One that was not plugged in. */
void device_discard(struct device *dev);
/* Takes one out of the running machine, and frees it. */
void device_unplug(struct device *dev);
/* device_new and device_plug in one. */
void *device_create(struct system *sys, const struct device_class *cls, const char *id, const void *cfg);
struct device *device_find(struct system *sys, const char *id);
/* A number, counted from 0, that no device of dev's class on its bus has for the u8 property 'index' at that offset. */
unsigned device_free_index(const struct device *dev, u32 offset);

void bus_init(struct bus *bus, struct system *sys, struct device *owner, const char *type, const char *name);
/* By name or, name NULL, the first of that type; NULL: there is none. */
struct bus *bus_find(struct system *sys, const char *type, const char *name);
/* A wire to interrupt line n of dev's bus; not connected where the bus has no such line. */
struct irq bus_line(const struct device *dev, unsigned n);
/* What dev's interrupt wire gives back when it is taken out. */
void bus_line_free(const struct device *dev, struct irq line);

void device_reset_all(struct system *sys);
/* Could it take on that state? False: one sentence in sys->err that names device and field. */
bool device_look(struct device *dev, struct state_buf in);
/* Takes it on, if so. */
bool device_load(struct device *dev, struct state_buf *in);
void device_destroy_all(struct system *sys);
/* Fills sys->err; returns false so that create can return it. */
bool device_fail(struct system *sys, const char *fmt, ...) PRINTF_LIKE(2, 3);
extern const struct state_field system_state[];
void system_init(struct system *sys, struct trace *trace);
void system_destroy(struct system *sys);
/* Safe when nobody listens. */
void system_request(struct system *sys, enum system_request what);
void system_set_a20(struct system *sys, bool on);

/* The header every device struct starts with, for its state description. */
#define DEVICE_STATE(T) HOST(T, dev)

#endif
