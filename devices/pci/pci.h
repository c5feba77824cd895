/*
 * PCI bus 0 as its functions see it: struct pci_device is embedded in a chip's
 * struct (second, after struct device) and carries configuration space, BARs
 * and the interrupt pin. This header is the bus, not a chip: every PCI chip
 * may include it.
 *
 * A chip's create calls pci_plug (pci_device_init, if the board says where)
 * and pci_bar for each region; its reset begins with pci_device_reset, its
 * restored with pci_device_restored, its destroy ends with pci_unplug. It lists
 * PCI_DEVICE_STATE(T, field) in its state and, for users, PCI_PROPERTIES.
 */
#ifndef ORRERY_PCI_H
#define ORRERY_PCI_H

#include "devices/core/device.h"
#include "devices/core/dma.h"

enum {
    PCI_VENDOR_ID = 0x00,
    PCI_DEVICE_ID = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_REVISION = 0x08,
    PCI_CLASS_PROG = 0x09,
    PCI_CLASS_DEVICE = 0x0a,
    PCI_CACHE_LINE = 0x0c,
    PCI_LATENCY = 0x0d,
    PCI_HEADER_TYPE = 0x0e,
    PCI_BAR0 = 0x10,
    PCI_SUBSYSTEM_VENDOR = 0x2c,
    PCI_SUBSYSTEM = 0x2e,
    PCI_ROM_BAR = 0x30,
    PCI_CAP_PTR = 0x34,
    PCI_INT_LINE = 0x3c,
    PCI_INT_PIN = 0x3d
};
enum {
    PCI_COMMAND_IO = BIT(0),
    PCI_COMMAND_MEMORY = BIT(1),
    PCI_COMMAND_MASTER = BIT(2),
    PCI_COMMAND_SERR = BIT(8),
    PCI_COMMAND_INTX_OFF = BIT(10)
};
enum {
    PCI_STATUS_INTX = BIT(3),
    PCI_STATUS_CAPS = BIT(4),
    PCI_STATUS_FAST_BACK = BIT(7),
    PCI_STATUS_DEVSEL_MEDIUM = BIT(9),
    PCI_STATUS_ERRORS = 0xf900
};

/* What reset writes into the header. */
struct pci_identity {
    u16 vendor, device;
    u8 revision;
    u32 class_code;   /* class << 16 | subclass << 8 | programming interface */
    u16 status;       /* fixed bits */
    u8 interrupt_pin; /* 0 none, 1 INTA ... 4 INTD */
    bool multifunction;
    u16 subsystem_vendor, subsystem; /* 0: 1af4:1100, as guests of QEMU know it */
};

enum pci_bar_type {
    PCI_BAR_IO = 1,
    PCI_BAR_MEM32 = 0,
    PCI_BAR_MEM64 = 4,
    PCI_BAR_MEM32_PREFETCH = 8,
    PCI_BAR_MEM64_PREFETCH = 12
};
enum { PCI_ROM = 6, PCI_BARS = 7 };

struct pci_bar {
    struct region *region; /* NULL: not implemented */
    u64 size;
    u8 type; /* enum pci_bar_type */
};

enum { PCI_MSI_SIZE = 24 }; /* of the capability, at most */
/* Where a function's MSI capability is, and what it can do. */
struct pci_msi {
    u8 at;      /* 0: there is none */
    u8 vectors; /* a power of two up to 32 */
    bool maskable;
};

struct pci_bus;
struct pci_device {
    struct pci_bus *bus;
    void *owner; /* the chip, for the hook */
    const struct pci_identity *id;
    /* After a configuration write [off, off+size) took effect; may be NULL. */
    void (*config_written)(void *owner, unsigned off, unsigned size);
    struct pci_bar bar[PCI_BARS];
    struct dma_view dma; /* memory as this function reaches it, while COMMAND lets it: 32 bits of address */
    struct pci_msi msi;
    u8 devfn;
    u16 addr;      /* the property: devfn, or DEVFN_ANY */
    bool intx;     /* the chip holds its pin up */
    bool intx_out; /* ... and COMMAND lets it out */
    u8 cap_next;   /* where the next capability goes */
    u8 config[256];
    u8 wmask[256];   /* bits software may write; fixed after create */
    u8 w1cmask[256]; /* bits software clears by writing 1 */
};
extern const struct state_field pci_device_state[];
#define PCI_DEVICE_STATE(T, f) STRUCTS(T, f, struct pci_device, pci_device_state)
#define PCI_PROPERTIES(T, f)                                                                                           \
    {                                                                                                                  \
        "addr", PROPERTY_DEVFN, offsetof(T, f.addr), sizeof(((T *)0)->f.addr), DEVFN_ANY, 0, 0xff, NULL,               \
            "slot[.function], hexadecimal; the next free one if not said"                                              \
    }

/* For create: takes the slot that 'addr' says, or a free one, of the bus that dev is plugged into. False: sentence. */
bool pci_plug(struct pci_device *d, struct device *dev, const struct pci_identity *id);
/* Gives the slot back. */
void pci_unplug(struct pci_device *d);

/* For create: takes a slot of the bus. False when it is taken (sentence in sys->err). */
bool pci_device_init(struct pci_device *d, struct system *sys, struct device *bus, unsigned devfn,
                     const struct pci_identity *id, void *owner);
/*
 * For create: r answers where BAR n points. r->size is a power of two (memory
 * 16 and up, I/O 4 and up, ROM 2048 and up). r is filled in by the caller, or
 * comes from region_ram; here it is added (if it was not) and disabled until
 * the guest programs and enables the BAR.
 */
void pci_bar(struct pci_device *d, unsigned n, enum pci_bar_type type, struct region *r);
/* Power-on header, BARs unmapped, pin down. Chips then write their own registers into config. */
void pci_device_reset(struct pci_device *d);
/* Maps the BARs again after a restore. */
void pci_device_restored(struct pci_device *d);
/* For reset: appends a capability of 'size' bytes (PCI 2.2, 6.7); its offset. Set wmask in create. */
unsigned pci_add_capability(struct pci_device *d, u8 id, unsigned size);
/* Drives the function's interrupt pin, which stays down while messages are enabled in its place. */
void pci_set_intx(struct pci_device *d, bool level);
/* A message from the function, as long as it may master the bus: an interrupt, or what it is to memory. */
void pci_send_message(struct pci_device *d, u64 addr, u32 data);

/*
 * ---- msi.c: message-signalled interrupts (PCI 3.0, 6.8.1), 64 bits of address; all state is in configuration space
 * ----
 */

/* For create: the function's first capability, with so many vectors (a power of two up to 32). */
void pci_msi_init(struct pci_device *d, unsigned vectors, bool maskable);
bool pci_msi_enabled(const struct pci_device *d);
/* Vector n: sent, or, while masked, pending. Nothing while messages are not enabled. */
void pci_msi_send(struct pci_device *d, unsigned n);
/* pci.c's: reset, and after a configuration write. */
void pci_msi_reset(struct pci_device *d);
void pci_msi_written(struct pci_device *d);

/* The bus itself: configuration mechanism 1 and the four PIRQ wires. cfg: none. Its info is `info pci`. */
extern const struct device_class pci_bus_class;
/* The ISA bridge connects the wires PIRQA-D. */
void pci_connect_pirq(struct device *bus, const struct irq pirq[4]);
/* The board says who takes messages. */
void pci_connect_msi(struct device *bus, struct msi msi);
/* Configuration space as a CPU reads and writes it, for boards that set up without firmware. */
u32 pci_config_read(struct device *bus, unsigned devfn, unsigned off, unsigned size);
void pci_config_write(struct device *bus, unsigned devfn, unsigned off, u32 val, unsigned size);

#endif
