/*
 * Wires between a peripheral and one channel of a DMA controller. The
 * peripheral raises its request line, moves bytes when the channel lets it,
 * and is called back when a channel that did not becomes usable. And what any
 * bus master sees of memory.
 */
#ifndef ORRERY_CORE_DMA_H
#define ORRERY_CORE_DMA_H

#include "devices/core/bus.h"

struct dma_channel {
    void *owner; /* the controller; NULL: nothing connected */
    unsigned number;
    /* DREQ. */
    void (*request)(void *owner, unsigned channel, bool up);
    /*
     * Moves up to n bytes between buf and memory; returns how many, 0 while the channel is masked or
     * disabled. *tc is set when the last of them was the channel's last (terminal count).
     */
    size_t (*transfer)(void *owner, unsigned channel, void *buf, size_t n, bool to_memory, bool *tc);
    /* 'ready' is called when the channel becomes usable while DREQ is up. */
    void (*listen)(void *owner, unsigned channel, void (*ready)(void *peripheral), void *peripheral);
};

ALWAYS_INLINE void dma_request(const struct dma_channel *c, bool up)
{
    if (c->owner)
        c->request(c->owner, c->number, up);
}
ALWAYS_INLINE size_t dma_transfer(const struct dma_channel *c, void *buf, size_t n, bool to_memory, bool *tc)
{
    return c->owner ? c->transfer(c->owner, c->number, buf, n, to_memory, tc) : 0;
}
ALWAYS_INLINE void dma_listen(const struct dma_channel *c, void (*ready)(void *peripheral), void *peripheral)
{
    if (c->owner)
        c->listen(c->owner, c->number, ready, peripheral);
}

/*
 * What a bus master sees of memory. Its addresses end at 'last' (a PCI function without dual address cycles has 32
 * bits) and go on at 0 behind it. Processors' own pages, such as that of a local APIC, are not there.
 *
 * Registers that a master reaches are written and read at once, so this is the one place that keeps order: a master
 * does not reach its own registers, and what an access to registers sets off reaches no registers in turn. What is
 * refused reads as ones and swallows writes.
 */
struct dma_view {
    struct space *mem;
    u64 last;
    const u8 *gate; /* a register of which 'gate_bit' lets the master out; NULL: nothing holds it back */
    u8 gate_bit;
};
/* False: the gate is closed; nothing was moved, and what is read are ones. */
bool dma_read(const struct dma_view *v, u64 addr, void *buf, size_t n);
bool dma_write(const struct dma_view *v, u64 addr, const void *buf, size_t n);

/* A stretch of RAM that a device may move data to or from itself, for as long as a request takes. */
struct dma_map {
    u8 *host;
    size_t len;
    struct ram *ram; /* not the device's business: whose bitmaps are to be marked, and where */
    u64 ram_off;
    bool to_memory;
};
/*
 * Maps the RAM at addr, up to n bytes of it: *m says how many. False, where there is none to be had in this way (a
 * register, a hole, ROM to be written, a closed gate): dma_read and dma_write do what is to be done with that.
 */
bool dma_map(const struct dma_view *v, u64 addr, size_t n, bool to_memory, struct dma_map *m);
/* The end of it: the first 'moved' bytes were. The guest sees what was written there since it was; its dirty and code
 * bitmaps learn of it now. */
void dma_unmap(const struct dma_view *v, const struct dma_map *m, size_t moved);

#endif
