/*
 * PIIX3 ISA bridge (Intel 290550), function 0: PIRQ routing (registers 60-63)
 * from the four PCI wires to ISA interrupt lines, and the reset control
 * register CF9. The other registers keep what is written; nothing here has an
 * X-bus or ISA timing to program.
 */
#include "devices/pci/piix3.h"
#include "devices/pc_map.h"

enum { PIRQRCA = 0x60, ROUTE_OFF = 0x80 };
enum { RCR_HARD = BIT(1), RCR_GO = BIT(2) };
enum { ROUTABLE = 0xdef8 }; /* IRQ 0, 1, 2, 8 and 13 are reserved (2.2.10) */

struct piix3 {
    struct device dev;
    struct pci_device pci;
    struct region reset_port;
    struct irq isa_irq[16];
    struct bus isa;
    u8 reset_control;
    bool pirq[4];
    u16 up; /* ISA lines held up */
};

static void update_lines(struct piix3 *p)
{
    u16 up = 0, changed;
    for (unsigned i = 0; i < 4; i++) {
        u8 route = p->pci.config[PIRQRCA + i];
        if (p->pirq[i] && !(route & ROUTE_OFF))
            up |= (u16)(BIT(route & 15) & ROUTABLE);
    }
    changed = up ^ p->up;
    p->up = up;
    for (unsigned line = 0; line < 16; line++)
        if (changed & BIT(line))
            irq_set(&p->isa_irq[line], up & BIT(line));
}

static void set_pirq(void *owner, unsigned pin, bool level)
{
    struct piix3 *p = owner;
    p->pirq[pin] = level;
    update_lines(p);
}

static void config_written(void *owner, unsigned off, unsigned size)
{
    if (off < PIRQRCA + 4 && off + size > PIRQRCA)
        update_lines(owner);
}

static u64 reset_read(void *owner, u64 off, unsigned size)
{
    struct piix3 *p = owner;
    (void)off;
    (void)size;
    return p->reset_control;
}

/* The transition of bit 2 from 0 to 1 resets, hard or soft by bit 1 (2.5.4.1); to this machine both are one.
 */
static void reset_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct piix3 *p = owner;
    (void)off;
    (void)size;
    bool go = (val & RCR_GO) && !(p->reset_control & RCR_GO);
    p->reset_control = (u8)(val & (RCR_HARD | RCR_GO));
    if (go)
        system_request(p->dev.sys, REQUEST_RESET);
}

static const struct pci_identity identity = {
    .vendor = 0x8086,
    .device = 0x7000,
    .class_code = 0x060100,
    .status = PCI_STATUS_DEVSEL_MEDIUM,
    .multifunction = true,
};

static void set_masks(struct pci_device *p)
{
    static const struct {
        u8 first, last, mask;
    } rows[] = {
        {0x4c, 0x4c, 0x7f}, {0x4e, 0x4f, 0xff}, {0x60, 0x63, 0x8f}, {0x69, 0x6b, 0xff}, {0x70, 0x71, 0xff},
        {0x76, 0x77, 0x8f}, {0x78, 0x79, 0xff}, {0x80, 0x80, 0x7f}, {0x82, 0x82, 0x0f}, {0xa0, 0xa0, 0x1f},
        {0xa2, 0xa8, 0xff}, {0xaa, 0xab, 0xff}, {0xac, 0xac, 0xff}, {0xae, 0xae, 0xff},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        memset(p->wmask + rows[i].first, rows[i].mask, rows[i].last - rows[i].first + 1u);
}

static bool create(struct device *dev, const void *cfg)
{
    struct piix3 *p = container_of(dev, struct piix3, dev);
    const struct piix3_config *c = cfg;
    struct irq pirq[4];
    if (!c)
        return device_fail(dev->sys, "the PIIX3 ISA bridge needs a PCI bus");
    if (!pci_device_init(&p->pci, dev->sys, c->bus, PC_DEVFN(PC_PCI_ISA), &identity, p))
        return false;
    p->pci.config_written = config_written;
    set_masks(&p->pci);
    memcpy(p->isa_irq, c->isa_irq, sizeof p->isa_irq);
    bus_init(&p->isa, dev->sys, dev, "ISA", "isa.0");
    p->isa.line = c->line;
    p->isa.line_free = c->line_free;
    p->isa.line_owner = c->line_owner;
    p->isa.lines = c->lines;
    for (unsigned i = 0; i < 4; i++)
        pirq[i] = (struct irq){set_pirq, p, i};
    pci_connect_pirq(c->bus, pirq);
    p->reset_port = (struct region){.name = "reset-control",
                                    .owner = p,
                                    .read = reset_read,
                                    .write = reset_write,
                                    .priority = PRIO_OVERLAY,
                                    .enabled = true,
                                    .base = PC_PORT_RESET,
                                    .size = 1};
    region_add(&dev->sys->io, &p->reset_port);
    return true;
}

static void reset(struct device *dev)
{
    struct piix3 *p = container_of(dev, struct piix3, dev);
    pci_device_reset(&p->pci);
    static const struct {
        u8 off, val;
    } defaults[] = {
        {0x4c, 0x4d}, {0x4e, 0x03}, {0x60, 0x80}, {0x61, 0x80}, {0x62, 0x80}, {0x63, 0x80}, {0x69, 0x02},
        {0x70, 0x80}, {0x76, 0x0c}, {0x77, 0x0c}, {0x78, 0x02}, {0xa0, 0x08}, {0xa8, 0x0f},
    };
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
        p->pci.config[defaults[i].off] = defaults[i].val;
    p->reset_control = 0;
    update_lines(p);
}

static void restored(struct device *dev)
{
    struct piix3 *p = container_of(dev, struct piix3, dev);
    pci_device_restored(&p->pci);
}

static const struct state_field state[] = {
    DEVICE_STATE(struct piix3),
    PCI_DEVICE_STATE(struct piix3, pci),
    HOST(struct piix3, reset_port),
    HOST(struct piix3, isa_irq),
    HOST(struct piix3, isa),
    STATE_RANGE(struct piix3, reset_control, 0, RCR_HARD | RCR_GO),
    STATE(struct piix3, pirq),
    STATE_RANGE(struct piix3, up, 0, ROUTABLE),
    STATE_END,
};

const struct device_class piix3_class = {
    .name = "PIIX3",
    .description = "ISA bridge",
    .bus = "PCI",
    .size = sizeof(struct piix3),
    .state = state,
    .create = create,
    .reset = reset,
    .restored = restored,
};
