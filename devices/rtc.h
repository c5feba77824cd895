/*
 * MC146818 real time clock and its 128 bytes of CMOS RAM: ports 70h-71h. Time
 * passes with the virtual clock.
 */
#ifndef ORRERY_DEVICES_RTC_H
#define ORRERY_DEVICES_RTC_H

#include "devices/core/device.h"

struct rtc_config {
    struct irq irq8;
    struct irq nmi_mask; /* follows bit 7 of port 70h */
    u64 base;            /* seconds since 1970 now (the board adds a time zone) */
    /* ns that the time of day counts instead of virtual time: as fast, but that it may be set; NULL: virtual time */
    u64 (*host_ns)(void *owner);
    void *owner;
    bool slew; /* periodic interrupts that the guest was too slow for come again (-rtc driftfix=slew) */
};

extern const struct device_class rtc_class;

/* CMOS RAM as the board fills it, and front ends look at it. Time registers are not reached this way. */
void rtc_cmos_set(struct device *dev, u8 index, u8 val);
u8 rtc_cmos_get(struct device *dev, u8 index);

#endif
