/*
 * Devices' life: create, reset, destroy, and the few things a chip may ask of
 * the machine. Whatever a chip claimed is taken back here, so that a create
 * which fails half way leaves nothing behind.
 */
#include "devices/core/device.h"

#include <stdarg.h>
#include <stdlib.h>

#include "devices/core/chardev.h"
#include "devices/core/text.h"

const struct state_field system_state[] = {
    DERIVED(struct system, mem),
    DERIVED(struct system, io),
    STRUCTS(struct system, clock, struct clock, clock_state),
    STATE(struct system, exit_code),
    STATE(struct system, a20),
    HOST(struct system, audio),
    HOST(struct system, trace),
    HOST(struct system, devices),
    HOST(struct system, main_bus),
    HOST(struct system, buses),
    HOST(struct system, ram_size),
    HOST(struct system, globals),
    HOST(struct system, find_chardev),
    HOST(struct system, find_owner),
    HOST(struct system, take_drive),
    HOST(struct system, take_owner),
    HOST(struct system, err),
    HOST(struct system, request),
    HOST(struct system, request_owner),
    HOST(struct system, a20_changed),
    HOST(struct system, a20_owner),
    STATE_END,
};

void system_init(struct system *sys, struct trace *trace)
{
    *sys = (struct system){.trace = trace, .a20 = true};
    space_init(&sys->mem, "memory", 1ull << 52, false, trace);
    space_init(&sys->io, "port", 0x10000, true, trace);
    clock_init(&sys->clock, trace);
    bus_init(&sys->main_bus, sys, NULL, "System", "main-system-bus");
}

void system_destroy(struct system *sys)
{
    device_destroy_all(sys);
    space_destroy(&sys->mem);
    space_destroy(&sys->io);
}

bool device_fail(struct system *sys, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sys->err, sizeof sys->err, fmt, ap);
    va_end(ap);
    return false;
}

static bool lies_in(const struct device *dev, const void *p)
{
    const char *start = (const char *)dev;
    return (const char *)p >= start && (const char *)p < start + dev->cls->size;
}

static void remove_regions(struct device *dev, struct space *s)
{
    struct region *next;
    for (struct region *r = s->regions; r; r = next) {
        next = r->next;
        if (lies_in(dev, r) || lies_in(dev, r->owner))
            region_remove(r);
    }
}

static void cancel_events(struct device *dev, struct clock *c)
{
    struct event *next;
    for (struct event *e = c->head; e; e = next) {
        next = e->next;
        if (lies_in(dev, e) || lies_in(dev, e->owner))
            event_cancel(c, e);
    }
}

static struct chardev **chardev_of(const struct device *dev)
{
    for (const struct property *p = dev->cls->properties; p && p->name; p++)
        if (p->type == PROPERTY_CHARDEV)
            return (struct chardev **)(void *)((char *)dev + p->offset);
    return NULL;
}

/* The host's end outlives the device. */
static void let_go(struct chardev *cd)
{
    chardev_connect(cd, NULL, NULL);
    if (cd->close)
        cd->close(cd);
}

static void remove_buses(struct device *dev)
{
    for (struct bus **p = &dev->sys->buses; *p;) {
        if ((*p)->owner == dev)
            *p = (*p)->next;
        else
            p = &(*p)->next;
    }
}

/* Takes back everything dev claimed, and frees it. */
static void release(struct device *dev)
{
    struct chardev **cd = chardev_of(dev);
    remove_regions(dev, &dev->sys->mem);
    remove_regions(dev, &dev->sys->io);
    cancel_events(dev, &dev->sys->clock);
    remove_buses(dev);
    if (cd && *cd)
        let_go(*cd);
    free(dev);
}

static bool apply_globals(struct device *dev)
{
    for (const struct global_property *g = dev->sys->globals; g; g = g->next)
        if (!strcmp(g->driver, dev->cls->name) && !device_set(dev, g->property, g->value))
            return false;
    return true;
}

struct device *device_new(struct system *sys, const struct device_class *cls, const char *id)
{
    struct device *dev = calloc(1, cls->size);
    if (!dev) {
        device_fail(sys, "no memory for device %s", cls->name);
        return NULL;
    }
    dev->cls = cls;
    dev->sys = sys;
    snprintf(dev->id, sizeof dev->id, "%s", id ? id : cls->name);
    for (const struct property *p = cls->properties; p && p->name; p++)
        property_default(dev, p);
    if (apply_globals(dev))
        return dev;
    free(dev);
    return NULL;
}

bool device_set(struct device *dev, const char *property, const char *text)
{
    enum { MAX_NAMES = 64 };
    const struct property *p = property_find(dev->cls->properties, property);
    const char *names[MAX_NAMES];
    size_t n = 0;
    if (p)
        return property_set(dev, p, text);
    for (p = dev->cls->properties; p && p->name && n < MAX_NAMES; p++)
        names[n++] = p->name;
    const char *near = text_nearest(property, names, n);
    return device_fail(dev->sys, "%s has no property '%s'%s%s%s", dev->cls->name, property,
                       near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

void device_set_number(struct device *dev, const char *property, u64 value)
{
    const struct property *p = property_find(dev->cls->properties, property);
    assert(p && (p->type == PROPERTY_DEVFN || (value >= p->min && value <= p->max)));
    property_put_number(dev, p, value);
}

void device_set_chardev(struct device *dev, struct chardev *cd) { *chardev_of(dev) = cd; }

void device_discard(struct device *dev) { release(dev); }

void *device_plug(struct device *dev, struct bus *bus, const void *cfg)
{
    const struct device_class *cls = dev->cls;
    struct system *sys = dev->sys;
    const char *type = cls->bus ? cls->bus : "System";
    dev->bus = bus ? bus : bus_find(sys, type, NULL);
    if (cls->create && !cls->create(dev, cfg)) {
        release(dev);
        return NULL;
    }
    struct device **p = &sys->devices;
    while (*p)
        p = &(*p)->next;
    *p = dev;
    if (cls->reset)
        cls->reset(dev);
    return dev;
}

void *device_create(struct system *sys, const struct device_class *cls, const char *id, const void *cfg)
{
    struct device *dev = device_new(sys, cls, id);
    return dev ? device_plug(dev, NULL, cfg) : NULL;
}

static void unlink_device(struct device *dev)
{
    struct device **p = &dev->sys->devices;
    while (*p != dev)
        p = &(*p)->next;
    *p = dev->next;
}

void device_unplug(struct device *dev)
{
    struct system *sys = dev->sys;
    unlink_device(dev);
    space_begin(&sys->mem);
    space_begin(&sys->io);
    if (dev->cls->destroy)
        dev->cls->destroy(dev);
    release(dev);
    space_commit(&sys->mem);
    space_commit(&sys->io);
}

struct device *device_find(struct system *sys, const char *id)
{
    for (struct device *d = sys->devices; d; d = d->next)
        if (!strcmp(d->id, id))
            return d;
    return NULL;
}

unsigned device_free_index(const struct device *dev, u32 offset)
{
    unsigned index = 0;
    for (const struct device *d = dev->sys->devices; d;) {
        bool taken = d != dev && d->cls == dev->cls && *((const u8 *)d + offset) == index;
        index += taken;
        d = taken ? dev->sys->devices : d->next;
    }
    return index;
}

/* ---- buses ---- */

void bus_init(struct bus *bus, struct system *sys, struct device *owner, const char *type, const char *name)
{
    *bus = (struct bus){.type = type, .name = name, .owner = owner};
    struct bus **p = &sys->buses;
    while (*p)
        p = &(*p)->next;
    *p = bus;
}

struct bus *bus_find(struct system *sys, const char *type, const char *name)
{
    for (struct bus *b = sys->buses; b; b = b->next)
        if (name ? !strcmp(b->name, name) : !strcmp(b->type, type))
            return b;
    return NULL;
}

struct irq bus_line(const struct device *dev, unsigned n)
{
    const struct bus *b = dev->bus;
    return b && b->line && n < b->lines ? b->line(b->line_owner, n) : (struct irq){0};
}

void bus_line_free(const struct device *dev, struct irq line)
{
    const struct bus *b = dev->bus;
    if (b && b->line_free && line.set)
        b->line_free(b->line_owner, line);
}

void device_reset_all(struct system *sys)
{
    for (struct device *dev = sys->devices; dev; dev = dev->next)
        if (dev->cls->reset)
            dev->cls->reset(dev);
}

bool device_look(struct device *dev, struct state_buf in)
{
    char err[200];
    struct device *copy = state_look(dev->cls->state, dev, dev->cls->size, in, err, sizeof err);
    const char *why = copy && dev->cls->contradiction ? dev->cls->contradiction(copy) : NULL;
    bool ok = copy && !why;
    if (why)
        snprintf(err, sizeof err, "%s in the saved state", why);
    free(copy);
    return ok || device_fail(dev->sys, "device '%s': %s", dev->id[0] ? dev->id : dev->cls->name, err);
}

bool device_load(struct device *dev, struct state_buf *in)
{
    if (!device_look(dev, *in))
        return false;
    state_take(dev->cls->state, dev, &dev->sys->clock, *in);
    if (dev->cls->restored)
        dev->cls->restored(dev);
    return true;
}

void device_destroy_all(struct system *sys)
{
    space_begin(&sys->mem);
    space_begin(&sys->io);
    while (sys->devices) { /* the last first: it may hold what others gave it */
        struct device *dev = sys->devices;
        while (dev->next)
            dev = dev->next;
        unlink_device(dev);
        if (dev->cls->destroy)
            dev->cls->destroy(dev);
        release(dev);
    }
    space_commit(&sys->mem);
    space_commit(&sys->io);
}

void system_request(struct system *sys, enum system_request what)
{
    if (sys->request)
        sys->request(sys->request_owner, what);
}

void system_set_a20(struct system *sys, bool on)
{
    if (sys->a20 == on)
        return;
    sys->a20 = on;
    if (sys->a20_changed)
        sys->a20_changed(sys->a20_owner);
}
