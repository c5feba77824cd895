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
 * What PCI and ISA masters do to memory: their addresses have 32 bits, and go on at 0 behind the last.
 */
ALWAYS_INLINE void dma_read(struct space *mem, u32 addr, void *buf, size_t n)
{
    size_t first = MIN(n, (size_t)((1ull << 32) - addr));
    space_read_bytes(mem, addr, buf, first);
    space_read_bytes(mem, 0, (u8 *)buf + first, n - first);
}
ALWAYS_INLINE void dma_write(struct space *mem, u32 addr, const void *buf, size_t n)
{
    size_t first = MIN(n, (size_t)((1ull << 32) - addr));
    space_write_bytes(mem, addr, buf, first);
    space_write_bytes(mem, 0, (const u8 *)buf + first, n - first);
}

#endif
