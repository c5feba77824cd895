/*
 * Devices' life: create, reset, destroy, and the few things a chip may ask of
 * the machine. Whatever a chip claimed is taken back here, so that a create
 * which fails half way leaves nothing behind.
 */
#include "devices/core/device.h"

#include <stdarg.h>
#include <stdlib.h>

void system_init(struct system *sys, struct trace *trace)
{
    *sys = (struct system){.trace = trace, .a20 = true};
    space_init(&sys->mem, "memory", 1ull << 52, false, trace);
    space_init(&sys->io, "port", 0x10000, true, trace);
    clock_init(&sys->clock, trace);
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

/* Takes back everything dev claimed, and frees it. */
static void release(struct device *dev)
{
    remove_regions(dev, &dev->sys->mem);
    remove_regions(dev, &dev->sys->io);
    cancel_events(dev, &dev->sys->clock);
    free(dev);
}

void *device_create(struct system *sys, const struct device_class *cls, const char *id, const void *cfg)
{
    struct device *dev = calloc(1, cls->size);
    if (!dev) {
        device_fail(sys, "no memory for device %s", cls->name);
        return NULL;
    }
    dev->cls = cls;
    dev->sys = sys;
    snprintf(dev->id, sizeof dev->id, "%s", id ? id : cls->name);
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

void device_reset_all(struct system *sys)
{
    for (struct device *dev = sys->devices; dev; dev = dev->next)
        if (dev->cls->reset)
            dev->cls->reset(dev);
}

void device_destroy_all(struct system *sys)
{
    space_begin(&sys->mem);
    space_begin(&sys->io);
    while (sys->devices) {
        struct device *dev = sys->devices;
        sys->devices = dev->next;
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
