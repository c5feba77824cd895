/*
 * The 16550A itself, eight registers in a region; isa-serial and pci-serial
 * are what carries one.
 */
#ifndef ORRERY_DEVICES_UART_H
#define ORRERY_DEVICES_UART_H

#include "devices/core/chardev.h"
#include "devices/core/device.h"

enum { UART_FIFO = 16 };

struct uart_fifo {
    u8 data[UART_FIFO];
    u8 flags[UART_FIFO]; /* received: LSR bits that came with the byte; to send: the host has it already */
    u8 head, count;
};

struct uart {
    struct device *dev; /* that carries it */
    struct irq irq_line;
    struct chardev *chardev; /* NULL: nothing connected */
    u8 ier, fcr, lcr, mcr, msr, scr;
    u8 line_errors; /* LSR bits not read yet */
    u16 divisor;
    struct uart_fifo rx, tx;
    u8 shifter;
    bool shifting;     /* the transmitter holds a character */
    bool shifter_sent; /* ... which the host has already */
    u16 refused;       /* how often in a row the host end took nothing */
    bool tx_empty;     /* the THRE interrupt waits */
    bool timeout;      /* the character timeout interrupt waits */
    bool rx_pause;     /* the line is still busy with what came last */
    bool irq;
    struct event tx_done, rx_timeout, rx_open;
    struct region ports; /* not in a space yet: its carrier adds it */
};
extern const struct state_field uart_state[];

/* Connects u->chardev, if there is one, and fills u->ports. */
void uart_init(struct uart *u, struct device *dev, struct irq line);
void uart_reset(struct uart *u);
void uart_restored(struct uart *u);

#endif
