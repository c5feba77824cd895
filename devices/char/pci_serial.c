/*
 * A serial port on the PCI bus, as QEMU's pci-serial: one 16550A in eight
 * ports of BAR 0, the interrupt pin A. Linux and Windows know it by its ids.
 */
#include "devices/devices.h"
#include "devices/pci/pci.h"
#include "devices/char/uart.h"

struct pci_serial {
    struct device dev;
    struct pci_device pci;
    struct uart uart;
};

static const struct property properties[] = {
    PROPERTY_CHARDEV(struct pci_serial, uart.chardev),
    PCI_PROPERTIES(struct pci_serial, pci),
    PROPERTY_END,
};

static const struct state_field state[] = {
    DEVICE_STATE(struct pci_serial),
    PCI_DEVICE_STATE(struct pci_serial, pci),
    STRUCTS(struct pci_serial, uart, struct uart, uart_state),
    STATE_END,
};

static const struct pci_identity identity = {
    .vendor = 0x1b36, .device = 0x0002, .revision = 1, .class_code = 0x070002, .interrupt_pin = 1};

static void set_intx(void *owner, unsigned pin, bool level)
{
    (void)pin;
    pci_set_intx(owner, level);
}

static bool create(struct device *dev, const void *cfg)
{
    struct pci_serial *s = container_of(dev, struct pci_serial, dev);
    (void)cfg;
    if (!pci_plug(&s->pci, dev, &identity))
        return false;
    uart_init(&s->uart, dev, (struct irq){set_intx, &s->pci, 0});
    pci_bar(&s->pci, 0, PCI_BAR_IO, &s->uart.ports);
    return true;
}

static void reset(struct device *dev)
{
    struct pci_serial *s = container_of(dev, struct pci_serial, dev);
    pci_device_reset(&s->pci);
    uart_reset(&s->uart);
}

static void restored(struct device *dev)
{
    struct pci_serial *s = container_of(dev, struct pci_serial, dev);
    pci_device_restored(&s->pci);
    uart_restored(&s->uart);
}

static void destroy(struct device *dev) { pci_unplug(&container_of(dev, struct pci_serial, dev)->pci); }

const struct device_class pci_serial_class = {
    .name = "pci-serial",
    .description = "serial port on PCI, a 16550A",
    .bus = "PCI",
    .user_creatable = true,
    .size = sizeof(struct pci_serial),
    .state = state,
    .properties = properties,
    .create = create,
    .reset = reset,
    .restored = restored,
    .destroy = destroy,
};
