/*
 * PS/2 keyboard and mouse: what hangs at the two serial ports of the keyboard
 * controller.
 */
#ifndef ORRERY_DEVICES_PS2_H
#define ORRERY_DEVICES_PS2_H

#include "devices/core/device.h"
#include "devices/core/input.h"

/* The device end of a PS/2 cable, as the controller holds it. */
struct ps2_link {
    void *owner;
    /* The next byte the device has to send; false: none. */
    bool (*take)(void *owner, u8 *byte);
    /* A byte from the host. */
    void (*write)(void *owner, u8 byte);
};

struct ps2_config {
    struct irq data; /* raised whenever the device has something to send: take() it when there is room */
};

extern const struct device_class ps2_keyboard_class;
extern const struct device_class ps2_mouse_class;

/* dev is of one of the two classes. */
struct ps2_link ps2_link(struct device *dev);
struct keyboard_sink ps2_keyboard_sink(struct device *dev);
/*
 * Where the machine puts its keys and movements. dy counts downwards, as screens do; dz > 0 turns the
 * wheel away from the user; buttons 8 and 16 are the side buttons. A key that is down already may be
 * pressed again (a front end passing on its own repeats): the keyboard repeats by itself.
 */
struct pointer_sink *ps2_mouse_sink(struct device *dev);
/* The lights: bit 0 scroll, 1 num, 2 caps. */
u8 ps2_keyboard_leds(const struct device *dev);

#endif
