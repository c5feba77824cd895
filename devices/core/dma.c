/*
 * Memory as bus masters see it (dma.h).
 */
#include "devices/core/dma.h"

static bool let_out(const struct dma_view *v) { return !v->gate || (*v->gate & v->gate_bit); }

/* A stretch of the view that one region, or nothing, answers for. */
struct stretch {
    u64 addr;
    size_t len;
    const struct flat_range *range; /* NULL: a hole */
};
static struct stretch stretch_at(const struct dma_view *v, u64 addr, size_t n)
{
    struct stretch s = {.addr = addr & v->last};
    u64 room = v->last - s.addr;
    s.len = (size_t)space_stretch(v->mem, s.addr, n - 1 > room ? room + 1 : n, &s.range);
    return s;
}

/* Registers: see dma.h. RAM is always open. */
static bool refused(const struct dma_view *v, const struct stretch *s)
{
    const struct region *r = s->range ? s->range->region : NULL;
    if (!r || r->host || (r->master != v && !v->mem->mastered))
        return false;
    trace(v->mem->trace, guest_errors, "a bus master's access to %s at %llx is refused", r->name,
          (unsigned long long)s->addr);
    v->mem->work += WORK_ACCESS;
    return true;
}
typedef void mover(struct space *mem, u64 addr, void *buf, size_t n);
static void move_in(struct space *mem, u64 addr, void *buf, size_t n) { space_read_bytes(mem, addr, buf, n); }
static void move_out(struct space *mem, u64 addr, void *buf, size_t n) { space_write_bytes(mem, addr, buf, n); }

static void move(const struct dma_view *v, u64 addr, u8 *buf, size_t n, mover *how)
{
    while (n) {
        struct stretch s = stretch_at(v, addr, n);
        bool registers = s.range && !s.range->region->host;
        if (!refused(v, &s)) {
            v->mem->mastered += registers;
            how(v->mem, s.addr, buf, s.len);
            v->mem->mastered -= registers;
        }
        addr += s.len;
        buf += s.len;
        n -= s.len;
    }
}

bool dma_read(const struct dma_view *v, u64 addr, void *buf, size_t n)
{
    memset(buf, 0xff, n);
    if (let_out(v))
        move(v, addr, buf, n, move_in);
    return let_out(v);
}

bool dma_write(const struct dma_view *v, u64 addr, const void *buf, size_t n)
{
    if (!let_out(v))
        return false;
    move(v, addr, (u8 *)(uintptr_t)buf, n, move_out);
    return true;
}

bool dma_map(const struct dma_view *v, u64 addr, size_t n, bool to_memory, struct dma_map *m)
{
    if (!n || !let_out(v))
        return false;
    struct stretch s = stretch_at(v, addr, n);
    struct region *r = s.range ? s.range->region : NULL;
    if (!r || !r->host || !r->ram || (to_memory && r->rom))
        return false;
    u64 off = s.range->off + (s.addr - s.range->start);
    *m = (struct dma_map){r->host + off, s.len, r->ram, r->ram_off + off, to_memory};
    return true;
}

void dma_unmap(const struct dma_view *v, const struct dma_map *m, size_t moved)
{
    if (m->to_memory && moved)
        ram_written(v->mem, m->ram, m->ram_off, moved);
    else
        v->mem->work += moved;
    v->mem->work += WORK_PIECE;
}
