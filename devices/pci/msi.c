/*
 * Message-signalled interrupts of PCI functions (PCI 3.0, 6.8.1): the
 * capability's registers in configuration space. MSI-X, whose messages are in
 * memory of the function's own, sends them by pci_send_message as well.
 */
#include "devices/pci/pci.h"

enum { CAP_MSI = 5, FIRST_CAPABILITY = 0x40 };
enum { CONTROL = 2, ADDRESS = 4, DATA = 12, MASK = 16, PENDING = 20, SIZE = 14, SIZE_MASKABLE = 24 };
enum { ENABLE = BIT(0), CAPABLE_SHIFT = 1, GRANTED_SHIFT = 4, WIDE = BIT(7), MASKABLE = BIT(8) };

static u8 *field(struct pci_device *d, unsigned off) { return d->config + d->msi.at + off; }
static u16 control(const struct pci_device *d) { return ld16(d->config + d->msi.at + CONTROL); }

void pci_msi_init(struct pci_device *d, unsigned vectors, bool maskable)
{
    assert(vectors && vectors <= 32 && !(vectors & (vectors - 1)));
    u8 *wmask = d->wmask + FIRST_CAPABILITY;
    d->msi = (struct pci_msi){FIRST_CAPABILITY, (u8)vectors, maskable};
    st16(wmask + CONTROL, ENABLE | 7 << GRANTED_SHIFT);
    st32(wmask + ADDRESS, ~3u);
    st32(wmask + ADDRESS + 4, ~0u);
    st16(wmask + DATA, 0xffff);
    if (maskable)
        st32(wmask + MASK, ~0u >> (32 - vectors));
}

void pci_msi_reset(struct pci_device *d)
{
    if (!d->msi.at)
        return;
    unsigned at = pci_add_capability(d, CAP_MSI, d->msi.maskable ? SIZE_MASKABLE : SIZE);
    assert(at == d->msi.at);
    st16(d->config + at + CONTROL,
         (u16)(__builtin_ctz(d->msi.vectors) << CAPABLE_SHIFT | WIDE | (d->msi.maskable ? MASKABLE : 0)));
}

bool pci_msi_enabled(const struct pci_device *d) { return d->msi.at && (control(d) & ENABLE); }

void pci_msi_send(struct pci_device *d, unsigned n)
{
    if (!pci_msi_enabled(d))
        return;
    if (d->msi.maskable && (ld32(field(d, MASK)) >> n & 1)) {
        st32(field(d, PENDING), ld32(field(d, PENDING)) | BIT(n));
        return;
    }
    /* What software has granted, up to what there is, tells vectors apart by the lowest bits. */
    u32 granted = MIN(1u << (control(d) >> GRANTED_SHIFT & 7), (u32)d->msi.vectors), data = ld16(field(d, DATA));
    pci_send_message(d, ld64(field(d, ADDRESS)), (data & ~(granted - 1)) | (n & (granted - 1)));
}

void pci_msi_written(struct pci_device *d)
{
    if (!pci_msi_enabled(d) || !d->msi.maskable)
        return;
    u32 due = ld32(field(d, PENDING)) & ~ld32(field(d, MASK));
    st32(field(d, PENDING), ld32(field(d, PENDING)) & ~due);
    for (; due; due &= due - 1)
        pci_msi_send(d, (unsigned)__builtin_ctz(due));
}
