/*
 * Operands in parts: where they are cut, and access to both pieces.
 */
#include "cpu/area.h"

static unsigned next_part(struct area_parts p, unsigned off)
{
    unsigned words = (unsigned)p.words * p.word;
    if (off < words)
        return off + p.word;
    return off + ((off - words) % 10 == 0 ? 8 : 2);
}

struct area area_of(const struct cpu *cpu, const struct uop *u, unsigned seg, u64 ea, u64 lin, unsigned n,
                    struct area_parts parts)
{
    struct area a = {.lin = lin, .cut = n};
    u64 room = BIT64(32) - (u32)ea;
    /* Elsewhere the segment's limit is met first. */
    if (likely(u->asize != 4 || n <= room || (cpu->mode & MODE_CODE) != MODE_CODE64))
        return a;
    unsigned cut = 0;
    while (cut < room)
        cut = next_part(parts, cut);
    if (cut < n) {
        a.cut = cut;
        a.tail = lin64(cpu, seg, (u32)(ea + cut));
    }
    return a;
}

struct area area_operand(struct cpu *cpu, const struct uop *u, unsigned n, bool write, struct area_parts parts)
{
    u64 lin = uop_lin(cpu, u, n, write);
    return area_of(cpu, u, u->seg, uop_ea(cpu, u), lin, n, parts);
}

/* Of [off, off + n) so many bytes lie before the cut. */
static unsigned before_cut(const struct area *a, unsigned off, unsigned n)
{
    return off >= a->cut ? 0 : MIN(n, a->cut - off);
}

void area_read(struct cpu *cpu, const struct area *a, unsigned off, void *buf, unsigned n)
{
    unsigned first = before_cut(a, off, n);
    if (first)
        mem_read_bytes(cpu, a->lin + off, buf, first, cpu->mmu_idx);
    if (first < n)
        mem_read_bytes(cpu, a->tail + (off + first - a->cut), (u8 *)buf + first, n - first, cpu->mmu_idx);
}

void area_probe_write(struct cpu *cpu, const struct area *a, unsigned off, unsigned n)
{
    unsigned first = before_cut(a, off, n);
    if (first)
        mem_probe_write(cpu, a->lin + off, first, cpu->mmu_idx);
    if (first < n)
        mem_probe_write(cpu, a->tail + (off + first - a->cut), n - first, cpu->mmu_idx);
}

void area_write(struct cpu *cpu, const struct area *a, unsigned off, const void *buf, unsigned n)
{
    unsigned first = before_cut(a, off, n);
    if (first < n)
        area_probe_write(cpu, a, off, n);
    if (first)
        mem_write_bytes(cpu, a->lin + off, buf, first, cpu->mmu_idx);
    if (first < n)
        mem_write_bytes(cpu, a->tail + (off + first - a->cut), (const u8 *)buf + first, n - first, cpu->mmu_idx);
}
