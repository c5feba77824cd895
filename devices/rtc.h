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
    /* ns of the host's clock that the time of day follows; NULL: virtual time, counted from 0 */
    u64 (*host_ns)(void *owner);
    void *owner;
};

extern const struct device_class rtc_class;

/* CMOS RAM as the board fills it, and front ends look at it. Time registers are not reached this way. */
void rtc_cmos_set(struct device *dev, u8 index, u8 val);
u8 rtc_cmos_get(struct device *dev, u8 index);

#endif
