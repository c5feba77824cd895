/*
 * High precision event timer: three 64-bit comparators on a 100 MHz counter, at
 * FED00000h.
 */
#ifndef ORRERY_DEVICES_HPET_H
#define ORRERY_DEVICES_HPET_H

#include "devices/core/device.h"
#include "devices/pc_map.h"

enum { HPET_BASE = PC_MEM_HPET, HPET_TIMERS = 3, HPET_GSIS = 24 };

struct hpet_config {
    struct irq gsi[HPET_GSIS]; /* by interrupt route */
    u32 route_cap;             /* which GSIs timers may choose; 0: only GSI 2, as the pc has it */
    struct irq legacy[2];      /* towards IRQ 0 and IRQ 8 */
};

extern const struct device_class hpet_class;

/*
 * The legacy timers pass through here: n = 0 for the wire of the PIT, 1 for that of the RTC. In legacy
 * replacement mode they are cut off and comparators 0 and 1 take their place.
 */
struct irq hpet_legacy_input(struct device *dev, unsigned n);

#endif
