/*
 * 16550A serial port: eight ports at base.
 */
#ifndef ORRERY_DEVICES_UART_H
#define ORRERY_DEVICES_UART_H

#include "devices/core/chardev.h"
#include "devices/core/device.h"

struct uart_config {
    u16 base; /* 0: 3F8h */
    struct irq irq;
    struct chardev *chardev; /* NULL: nothing connected */
};

extern const struct device_class uart_class;

#endif
