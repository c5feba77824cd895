/*
 * MOVS STOS LODS SCAS CMPS INS OUTS, with and without REP, for every address
 * size. A "burst" does some elements of one op: as many as lie in one page
 * when plain memory allows, else one. Registers are exact after each burst, so
 * a fault in the next one finds the state of the last completed element. After
 * REP_LIMIT elements the instruction is left and comes back to itself, so that
 * interrupts are seen; that number does not depend on anything cached. After an
 * element that a device had it is left as soon as anything wants attention.
 */
#include "cpu/handlers.h"
#include "cpu/interp.h"

enum { REP_LIMIT = 4096 };
/* How a repetition goes on after a burst: STOP when a comparison ended it, LEAVE to look at interrupts. */
enum next { AGAIN, STOP, LEAVE };

/* Does 1 to n elements of 'size' bytes and returns how many; sets *next when not AGAIN. */
typedef u64 burst_fn(struct cpu *cpu, const struct uop *u, unsigned size, u64 n, enum next *next);

ALWAYS_INLINE u64 index_get(const struct cpu *cpu, const struct uop *u, unsigned slot)
{
    return addr_wrap(u, cpu->gpr[slot]);
}
ALWAYS_INLINE void index_advance(struct cpu *cpu, const struct uop *u, unsigned slot, unsigned size, u64 n)
{
    u64 step = n * size;
    reg_set(cpu, slot, u->asize, cpu->gpr[slot] + (cpu->eflags & FL_DF ? -step : step));
}

/*
 * How many of n elements at offset 'off' of segment s, found at linear 'lin',
 * and upwards or downwards from there, lie in one page and one stretch of the
 * segment; 0: go one by one.
 */
static u64 stretch(const struct cpu *cpu, const struct uop *u, unsigned s, u64 off, u64 lin, unsigned size, u64 n)
{
    bool down = cpu->eflags & FL_DF;
    u64 in_page = lin & ~PAGE_MASK, room = down ? in_page + size : PAGE_SIZE - in_page;
    if (n == 1 || room > PAGE_SIZE)
        return 0;
    if (u->asize != 8)
        room = MIN(room, down ? off + size : size_mask(u->asize) - off + 1);
    bool checked = (cpu->mode & MODE_CODE) != MODE_CODE64 && !((cpu->mode & MODE_FLAT) && s < FS && s != CS);
    if (checked) {
        const struct seg *g = &cpu->seg[s];
        if (!(g->attr & SEG_CODE) && (g->attr & SEG_E))
            return 0;
        if (!down)
            room = MIN(room, (u64)g->limit - off + 1);
    }
    return MIN(n, room / size);
}
static u64 stretch_up(const struct cpu *cpu, const struct uop *u, unsigned s, u64 off, u64 lin, unsigned size, u64 n)
{
    return cpu->eflags & FL_DF ? 0 : stretch(cpu, u, s, off, lin, size, n);
}

ALWAYS_INLINE void leave_if_wanted(struct cpu *cpu, enum next *next)
{
    if (unlikely(__atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) != 0))
        *next = LEAVE;
}
/*
 * The same after an element at lin, of no 'plain' page, if a device had it: that may take long. Memory's wait for
 * REP_LIMIT, so that what the TLB holds and where code lies does not show.
 */
ALWAYS_INLINE void leave_if_device(struct cpu *cpu, u64 lin, const void *plain, enum next *next)
{
    struct cpu_page page;
    u64 pa;
    if (likely(__atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) == 0) || plain || !mmu_probe(cpu, lin, &pa))
        return;
    cpu->env->page(cpu->env->world, cpu, pa & PAGE_MASK, &page);
    if (!page.read)
        *next = LEAVE;
}
ALWAYS_INLINE void leave_after_read(struct cpu *cpu, u64 lin, unsigned size, enum next *next)
{
    leave_if_device(cpu, lin, tlb_read_ptr(cpu, lin, size, cpu->mmu_idx), next);
}
ALWAYS_INLINE void leave_after_write(struct cpu *cpu, u64 lin, unsigned size, enum next *next)
{
    leave_if_device(cpu, lin, tlb_write_ptr(cpu, lin, size, cpu->mmu_idx), next);
}

/* Copies forward element by element, as overlapping ranges show. */
ALWAYS_INLINE void copy_up(u8 *to, const u8 *from, u64 bytes, unsigned size)
{
    if (to <= from || to >= from + bytes) {
        memmove(to, from, bytes);
        return;
    }
    for (u64 i = 0; i < bytes; i += size)
        st_le(to + i, ld_le(from + i, size), size);
}
/* The same from the highest element on. */
ALWAYS_INLINE void copy_down(u8 *to, const u8 *from, u64 bytes, unsigned size)
{
    for (u64 i = bytes; i > 0; i -= size)
        st_le(to + i - size, ld_le(from + i - size, size), size);
}
ALWAYS_INLINE u64 movs(struct cpu *cpu, const struct uop *u, unsigned size, u64 n, enum next *next)
{
    u64 si = index_get(cpu, u, RSI), di = index_get(cpu, u, RDI), k = 0;
    u64 from = lin_at(cpu, u, u->seg, si, size, false);
    if (likely(tlb_read_ptr(cpu, from, size, cpu->mmu_idx) != NULL)) {
        u64 to = lin_at(cpu, u, ES, di, size, true);
        k = stretch(cpu, u, ES, di, to, size, stretch(cpu, u, u->seg, si, from, size, n));
        bool down = cpu->eflags & FL_DF;
        u64 back = down && k ? (k - 1) * size : 0; /* from the first to the lowest */
        const u8 *p = k ? tlb_read_ptr(cpu, from - back, (unsigned)(k * size), cpu->mmu_idx) : NULL;
        u8 *q = k ? tlb_write_ptr(cpu, to - back, (unsigned)(k * size), cpu->mmu_idx) : NULL;
        if (!p || !q)
            k = 0;
        else if (down)
            copy_down(q, p, k * size, size);
        else
            copy_up(q, p, k * size, size);
    }
    if (k == 0) { /* all faults of the source come before those of the destination */
        u64 v = mem_read(cpu, from, size);
        u64 to = lin_at(cpu, u, ES, di, size, true);
        mem_write(cpu, to, v, size);
        leave_after_read(cpu, from, size, next);
        leave_after_write(cpu, to, size, next);
        k = 1;
    }
    index_advance(cpu, u, RSI, size, k);
    index_advance(cpu, u, RDI, size, k);
    return k;
}
/* 'bytes' bytes of elements v. */
static void fill(u8 *to, u64 v, u64 bytes, unsigned size)
{
    u64 i = 0;
    v &= size_mask(size);
    for (unsigned n = size; n < 8; n *= 2)
        v |= v << (8 * n);
    if (v == (v & 0xff) * 0x0101010101010101u) {
        memset(to, (u8)v, bytes);
        return;
    }
    for (; i + 8 <= bytes; i += 8)
        st64(to + i, v);
    for (; i < bytes; i += size)
        st_le(to + i, v, size);
}
ALWAYS_INLINE u64 stos(struct cpu *cpu, const struct uop *u, unsigned size, u64 n, enum next *next)
{
    u64 di = index_get(cpu, u, RDI), to = lin_at(cpu, u, ES, di, size, true), v = cpu->gpr[RAX];
    u64 k = stretch_up(cpu, u, ES, di, to, size, n);
    u8 *q = k ? tlb_write_ptr(cpu, to, (unsigned)(k * size), cpu->mmu_idx) : NULL;
    if (q) {
        fill(q, v, k * size, size);
    } else {
        mem_write(cpu, to, v, size);
        leave_after_write(cpu, to, size, next);
        k = 1;
    }
    index_advance(cpu, u, RDI, size, k);
    return k;
}
ALWAYS_INLINE u64 lods(struct cpu *cpu, const struct uop *u, unsigned size, u64 n, enum next *next)
{
    (void)n;
    u64 from = lin_at(cpu, u, u->seg, index_get(cpu, u, RSI), size, false), v = mem_read(cpu, from, size);
    leave_after_read(cpu, from, size, next);
    reg_set(cpu, size == 1 ? BYTE_SLOT(RAX, 0) : RAX, size, v);
    index_advance(cpu, u, RSI, size, 1);
    return 1;
}
/* After comparing a with b: flags, and whether REPE or REPNE has come to its end. */
ALWAYS_INLINE void compare(struct cpu *cpu, const struct uop *u, unsigned size, u64 a, u64 b, enum next *next)
{
    flags_sub(cpu, size, a, b, a - b);
    if ((a == b) == ((u->flags & UF_REPNE) != 0))
        *next = STOP;
}
ALWAYS_INLINE u64 scas(struct cpu *cpu, const struct uop *u, unsigned size, u64 n, enum next *next)
{
    u64 di = index_get(cpu, u, RDI), lin = lin_at(cpu, u, ES, di, size, false);
    u64 a = cpu->gpr[RAX] & size_mask(size), b;
    u64 k = stretch_up(cpu, u, ES, di, lin, size, n);
    const u8 *p = k ? tlb_read_ptr(cpu, lin, (unsigned)(k * size), cpu->mmu_idx) : NULL;
    if (p) {
        bool until_equal = u->flags & UF_REPNE;
        u64 i = 0;
        do
            b = ld_le(p + i * size, size);
        while (++i < k && (a == b) != until_equal);
        k = i;
    } else {
        b = mem_read(cpu, lin, size);
        leave_after_read(cpu, lin, size, next);
        k = 1;
    }
    compare(cpu, u, size, a, b, next);
    index_advance(cpu, u, RDI, size, k);
    return k;
}
ALWAYS_INLINE u64 cmps(struct cpu *cpu, const struct uop *u, unsigned size, u64 n, enum next *next)
{
    u64 si = index_get(cpu, u, RSI), di = index_get(cpu, u, RDI), a, b = 0;
    u64 lin_b = lin_at(cpu, u, ES, di, size, false);
    bool plain = tlb_read_ptr(cpu, lin_b, size, cpu->mmu_idx) != NULL;
    if (!plain) /* all faults of this one come before those of the other */
        b = mem_read(cpu, lin_b, size);
    u64 lin_a = lin_at(cpu, u, u->seg, si, size, false);
    u64 k = plain ? stretch_up(cpu, u, ES, di, lin_b, size, stretch_up(cpu, u, u->seg, si, lin_a, size, n)) : 0;
    const u8 *p = k ? tlb_read_ptr(cpu, lin_a, (unsigned)(k * size), cpu->mmu_idx) : NULL;
    const u8 *q = k ? tlb_read_ptr(cpu, lin_b, (unsigned)(k * size), cpu->mmu_idx) : NULL;
    if (p && q) {
        bool until_equal = u->flags & UF_REPNE;
        u64 i = 0;
        do {
            a = ld_le(p + i * size, size);
            b = ld_le(q + i * size, size);
        } while (++i < k && (a == b) != until_equal);
        k = i;
    } else {
        if (plain)
            b = mem_read(cpu, lin_b, size);
        a = mem_read(cpu, lin_a, size);
        leave_after_read(cpu, lin_a, size, next);
        leave_after_read(cpu, lin_b, size, next);
        k = 1;
    }
    compare(cpu, u, size, a, b, next);
    index_advance(cpu, u, RSI, size, k);
    index_advance(cpu, u, RDI, size, k);
    return k;
}
/* The destination is known to be writable before the port is read, which may not be undone. */
ALWAYS_INLINE u64 ins(struct cpu *cpu, const struct uop *u, unsigned size, u64 n, enum next *next)
{
    (void)n;
    RAISES(cpu, u);
    u16 port = (u16)cpu->gpr[RDX];
    io_check(cpu, port, size);
    u64 lin = lin_at(cpu, u, ES, index_get(cpu, u, RDI), size, true);
    u8 *p = tlb_write_ptr(cpu, lin, size, cpu->mmu_idx);
    if (p == NULL)
        mem_probe_write(cpu, lin, size, cpu->mmu_idx);
    u32 v = cpu->env->io_read(cpu->env->world, port, size);
    /* the port may have changed the memory map: look again */
    mem_write(cpu, lin, v, size);
    index_advance(cpu, u, RDI, size, 1);
    leave_if_wanted(cpu, next);
    return 1;
}
ALWAYS_INLINE u64 outs(struct cpu *cpu, const struct uop *u, unsigned size, u64 n, enum next *next)
{
    (void)n;
    RAISES(cpu, u);
    u16 port = (u16)cpu->gpr[RDX];
    io_check(cpu, port, size);
    u64 v = mem_read(cpu, lin_at(cpu, u, u->seg, index_get(cpu, u, RSI), size, false), size);
    cpu->env->io_write(cpu->env->world, port, (u32)v, size);
    index_advance(cpu, u, RSI, size, 1);
    leave_if_wanted(cpu, next);
    return 1;
}

/* In single-step mode every element is a step of its own. */
ALWAYS_INLINE const struct uop *string_0(struct cpu *cpu, const struct uop *u, unsigned size, burst_fn *burst)
{
    enum next next = AGAIN;
    u64 count = 1;
    if (!(u->flags & (UF_REP | UF_REPNE))) {
        burst(cpu, u, size, 1, &next);
        count = 0;
    } else {
        count = index_get(cpu, u, RCX);
        u64 left = MIN(count, cpu->mode & MODE_STEP ? 1u : (u64)REP_LIMIT);
        while (left > 0 && next == AGAIN) {
            u64 k = burst(cpu, u, size, left, &next);
            left -= k;
            count -= k;
            reg_set(cpu, RCX, u->asize, count);
        }
    }
    if (count > 0 && next == AGAIN && cpu->env->repetition)
        cpu->env->repetition(cpu->env->world);
    if (count > 0 && next != STOP)
        return goto_afresh(cpu, u, uop_ip(cpu, u));
    if (next == LEAVE)
        return goto_afresh(cpu, u, uop_next_ip(cpu, u));
    NEXT(u);
}
#define STRING(name)                                                                                                   \
    BY_SIZE(name, string_0, name)                                                                                      \
    const struct uop_table uop_##name = {{[FORM_0] = SIZES(name, string_0)}};
STRING(movs)
STRING(stos)
STRING(lods)
STRING(scas)
STRING(cmps)
STRING(ins)
STRING(outs)
