/*
 * 8042 keyboard controller: ports 60h and 64h, with A20 gate and CPU reset.
 */
#ifndef ORRERY_DEVICES_I8042_H
#define ORRERY_DEVICES_I8042_H

#include "devices/core/device.h"
#include "devices/ps2.h"

struct i8042_config {
    struct irq irq1, irq12;
};

extern const struct device_class i8042_class;

/* The wires to give to the keyboard and the mouse as their ps2_config.data. */
struct irq i8042_keyboard_data(struct device *dev);
struct irq i8042_mouse_data(struct device *dev);
/* Plugs them in, once they exist. */
void i8042_connect(struct device *dev, struct ps2_link keyboard, struct ps2_link mouse);

#endif
