/*
 * Messages of devices to the local APICs (SDM vol. 3, 11.11).
 */
#include "devices/apic/apic_bus.h"

enum { ADDR_LOGICAL = BIT(2), ADDR_DEST_SHIFT = 12, DATA_MODE_SHIFT = 8, DATA_ASSERT = BIT(14), DATA_LEVEL = BIT(15) };

bool apic_bus_message(void *owner, u64 addr, u32 data)
{
    struct apic_bus *bus = owner;
    if (addr >> 20 != LAPIC_BASE >> 20)
        return false;
    bool level = data & DATA_LEVEL;
    if (bus->deliver && !(level && !(data & DATA_ASSERT)))
        bus->deliver(bus->owner, (u8)(addr >> ADDR_DEST_SHIFT), addr & ADDR_LOGICAL, data >> DATA_MODE_SHIFT & 7,
                     (u8)data, level);
    return true;
}
