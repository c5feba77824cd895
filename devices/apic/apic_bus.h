/*
 * What local APICs and I/O APIC share. The board owns one, zeroed; the local
 * APICs and the I/O APIC enter themselves at create.
 */
#ifndef ORRERY_DEVICES_APIC_BUS_H
#define ORRERY_DEVICES_APIC_BUS_H

#include "cpu/base.h"
#include "devices/pc_map.h"

enum apic_delivery {
    APIC_FIXED = 0,
    APIC_LOWEST = 1,
    APIC_SMI = 2,
    APIC_REMOTE_READ = 3,
    APIC_NMI = 4,
    APIC_INIT = 5,
    APIC_SIPI = 6,
    APIC_EXTINT = 7
};
enum { APIC_BUS_MAX = 255, IOAPIC_BASE = PC_MEM_IOAPIC, LAPIC_BASE = PC_MEM_LAPIC };

struct lapic;
struct apic_bus {
    /* An interrupt message to the local APICs (set by the first of them). level: level triggered. */
    void (*deliver)(void *owner, u8 dest, bool logical, u8 mode, u8 vector, bool level);
    void *owner;
    /* The end of a level-triggered interrupt (set by the I/O APIC). */
    void (*eoi)(void *owner, u8 vector);
    void *eoi_owner;
    struct lapic *member[APIC_BUS_MAX];
    unsigned count;
};

/* What a message of a device (core/irq.h, struct msi; owner: the bus) is to the local APICs. */
bool apic_bus_message(void *bus, u64 addr, u32 data);

#endif
