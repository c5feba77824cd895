/*
 * A test rig for chips: a system without processors, a clock moved by hand,
 * wires that remember, and the main() of a Check suite. Included by one test
 * program each.
 */
#ifndef ORRERY_TESTS_RIG_H
#define ORRERY_TESTS_RIG_H

#include <check.h>
#include <stdlib.h>

#include "devices/core/device.h"

enum { RIG_WIRES = 64 };

static struct rig {
    struct system sys;
    struct trace trace;
    bool level[RIG_WIRES];
    unsigned rises[RIG_WIRES];
    unsigned requests[8];
    struct bus bus;
} rig;

static void rig_wire_set(void *owner, unsigned pin, bool level)
{
    (void)owner;
    rig.rises[pin] += level && !rig.level[pin];
    rig.level[pin] = level;
}
static inline struct irq rig_wire(unsigned n) { return (struct irq){rig_wire_set, &rig, n}; }

static void rig_request(void *owner, enum system_request what)
{
    (void)owner;
    rig.requests[what]++;
}

static inline void rig_up(void)
{
    memset(&rig, 0, sizeof rig);
    system_init(&rig.sys, &rig.trace);
    rig.sys.request = rig_request;
}
static struct irq rig_line(void *owner, unsigned n)
{
    (void)owner;
    return rig_wire(n);
}
/* A bus of that type, whose interrupt line n is wire n. */
static inline void rig_bus(const char *type)
{
    bus_init(&rig.bus, &rig.sys, NULL, type, "rig.0");
    rig.bus.line = rig_line;
    rig.bus.lines = RIG_WIRES;
}
static inline void rig_down(void) { system_destroy(&rig.sys); }

static inline void *rig_plug(const struct device_class *cls, const void *cfg)
{
    void *dev = device_create(&rig.sys, cls, NULL, cfg);
    ck_assert_msg(dev != NULL, "%s: %s", cls->name, rig.sys.err);
    return dev;
}

static inline void out8(u16 port, u8 val) { space_write(&rig.sys.io, port, val, 1); }
static inline u8 in8(u16 port) { return (u8)space_read(&rig.sys.io, port, 1); }
static inline void poke(u64 addr, u64 val, unsigned size) { space_write(&rig.sys.mem, addr, val, size); }
static inline u64 peek(u64 addr, unsigned size) { return space_read(&rig.sys.mem, addr, size); }
static inline u64 now(void) { return clock_now(&rig.sys.clock); }
static inline void wait_ns(u64 ns) { clock_advance(&rig.sys.clock, now() + ns); }

static inline int rig_run(Suite *s)
{
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
