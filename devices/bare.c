/*
 * The board of `-M bare`: processors, flat RAM from 0 over all of -m, COM1,
 * debug consoles, isa-debug-exit. No firmware, no interrupt controllers, no
 * holes: for test programs. A ROM named with -bios stands below 4 GiB as on a
 * PC and is where the processor starts; -kernel is the bios's to load.
 */
#include <stdlib.h>

#include "bios/firmware.h"
#include "devices/machine_internal.h"
#include "devices/uart.h"

struct bare {
    struct region ram, rom_top, rom_low;
    struct ram *rom;
};

static void bare_destroy(struct machine *m)
{
    struct bare *b = m->priv->board;
    ram_destroy(b->rom);
    free(b);
}

static bool map_rom(struct machine *m, struct bare *b)
{
    b->rom = firmware_load(m->config.bios, m->sys.err, sizeof(m->sys.err));
    if (!b->rom)
        return false;
    u64 size = b->rom->size, low = MIN(size, 0x20000ull);
    region_ram(&b->rom_top, &m->sys.mem, "bios", (1ull << 32) - size, b->rom, 0, size, true);
    region_ram(&b->rom_low, &m->sys.mem, "bios-low", 0x100000 - low, b->rom, size - low, low, true);
    b->rom_top.priority = b->rom_low.priority = PRIO_DEVICE;
    return true;
}

bool bare_build(struct machine *m)
{
    struct bare *b = calloc(1, sizeof(*b));
    if (!b)
        return device_fail(&m->sys, "not enough memory for the board");
    m->priv->board = b;
    m->priv->board_destroy = bare_destroy;
    m->ram = ram_create(m->config.ram_size);
    if (!m->ram)
        return device_fail(&m->sys, "the host has no %llu MiB of memory to give: use a smaller -m",
                           (unsigned long long)(m->config.ram_size >> 20));
    region_ram(&b->ram, &m->sys.mem, "ram", 0, m->ram, 0, m->config.ram_size, false);
    if (m->config.bios && !map_rom(m, b))
        return false;
    struct uart_config com1 = {.base = 0x3f8, .chardev = m->config.serial[0]};
    if (m->config.serial_present[0] && !device_create(&m->sys, &uart_class, "serial0", &com1))
        return false;
    return test_ports_build(m);
}
