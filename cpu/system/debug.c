/*
 * Debugging: DR0-DR7 (SDM vol. 3, chapter 18) and the debugger's own break-
 * and watchpoints, which the guest cannot see. Watched pages are kept out of
 * the TLB's fast path, so that watching costs only accesses to those pages. An
 * access that hits in the middle of a block starts its instruction again,
 * alone, so that the trap comes right after it.
 */
#include "cpu/system/sys.h"

#include <stdlib.h>

enum { DR7_ENABLED = 0xff };
enum dr7_type { DR_EXEC = 0, DR_WRITE = 1, DR_IO = 2, DR_ACCESS = 3 };

struct point {
    enum point_kind kind;
    u64 lin, len;
};
struct debug_points {
    struct point *list;
    unsigned count, room;
    bool hit;
    enum point_kind hit_kind;
    u64 hit_lin;
    bool resuming; /* the breakpoint at resume_lin has been reported: go on from it */
    u64 resume_lin, resume_icount;
};

static bool dr_enabled(const struct cpu *cpu, unsigned i) { return (cpu->dr[7] >> (2 * i)) & 3; }
static unsigned dr_type(const struct cpu *cpu, unsigned i) { return (cpu->dr[7] >> (16 + 4 * i)) & 3; }
static u64 dr_len(const struct cpu *cpu, unsigned i)
{
    static const u8 len[4] = {1, 2, 8, 4};
    return len[(cpu->dr[7] >> (18 + 4 * i)) & 3];
}
/* Breakpoint addresses are aligned by hardware to their length. */
static u64 dr_start(const struct cpu *cpu, unsigned i) { return cpu->dr[i] & ~(dr_len(cpu, i) - 1); }

static bool overlaps(u64 a, u64 alen, u64 b, u64 blen) { return a - b < blen || b - a < alen; }

/* ---- the debugger's points ---- */

static struct point *point_find(struct cpu *cpu, enum point_kind kind, u64 lin, u64 len)
{
    for (unsigned i = 0; cpu->points && i < cpu->points->count; i++) {
        struct point *p = &cpu->points->list[i];
        if (p->kind == kind && p->lin == lin && p->len == len)
            return p;
    }
    return NULL;
}

bool cpu_point_add(struct cpu *cpu, enum point_kind kind, u64 lin, u64 len)
{
    if (point_find(cpu, kind, lin, len))
        return true;
    if (!cpu->points && !(cpu->points = calloc(1, sizeof(*cpu->points))))
        return false;
    struct debug_points *p = cpu->points;
    if (p->count == p->room) {
        unsigned room = p->room ? p->room * 2 : 16;
        struct point *list = realloc(p->list, room * sizeof(*list));
        if (!list)
            return false;
        p->list = list;
        p->room = room;
    }
    p->list[p->count++] = (struct point){kind, lin, MAX(len, 1u)};
    debug_changed(cpu);
    return true;
}

bool cpu_point_remove(struct cpu *cpu, enum point_kind kind, u64 lin, u64 len)
{
    struct point *p = point_find(cpu, kind, lin, MAX(len, 1u));
    if (!p)
        return false;
    *p = cpu->points->list[--cpu->points->count];
    if (cpu->points->count == 0 && !cpu->points->hit)
        debug_free(cpu);
    debug_changed(cpu);
    return true;
}

bool cpu_point_hit(struct cpu *cpu, enum point_kind *kind, u64 *lin)
{
    struct debug_points *p = cpu->points;
    if (!p || !p->hit)
        return false;
    p->hit = false;
    *kind = p->hit_kind;
    *lin = p->hit_lin;
    return true;
}

void debug_free(struct cpu *cpu)
{
    if (cpu->points)
        free(cpu->points->list);
    free(cpu->points);
    cpu->points = NULL;
}

static void point_report(struct cpu *cpu, enum point_kind kind, u64 lin)
{
    cpu->points->hit = true;
    cpu->points->hit_kind = kind;
    cpu->points->hit_lin = lin;
    cpu_raise_attention(cpu, ATT_EXIT);
}

static bool point_wants(const struct point *p, bool write)
{
    return p->kind == POINT_WATCH_ACCESS || p->kind == (write ? POINT_WATCH_WRITE : POINT_WATCH_READ);
}

/* ---- data ---- */

bool debug_page_watched(const struct cpu *cpu, u64 lin_page)
{
    for (unsigned i = 0; (cpu->dr[7] & DR7_ENABLED) && i < 4; i++) {
        unsigned type = dr_type(cpu, i);
        if (dr_enabled(cpu, i) && (type == DR_WRITE || type == DR_ACCESS) &&
            overlaps(dr_start(cpu, i), dr_len(cpu, i), lin_page, PAGE_SIZE))
            return true;
    }
    for (unsigned i = 0; cpu->points && i < cpu->points->count; i++) {
        const struct point *p = &cpu->points->list[i];
        if (p->kind != POINT_BREAK && overlaps(p->lin, p->len, lin_page, PAGE_SIZE))
            return true;
    }
    return false;
}

/* The B0..B3 bits an access sets. */
static u32 dr_data_hits(const struct cpu *cpu, u64 lin, unsigned size, bool write)
{
    u32 hits = 0;
    for (unsigned i = 0; i < 4; i++) {
        unsigned type = dr_type(cpu, i);
        if (dr_enabled(cpu, i) && (type == DR_ACCESS || (type == DR_WRITE && write)) &&
            overlaps(lin, size, dr_start(cpu, i), dr_len(cpu, i)))
            hits |= BIT(i);
    }
    return hits;
}

void debug_set_dr6(struct cpu *cpu, u32 bits) { cpu->dr[6] = (cpu->dr[6] & ~(u64)0xf) | bits; }

void debug_pend(struct cpu *cpu, u32 dr6)
{
    cpu->dr6_pending |= dr6;
    cpu_raise_attention(cpu, ATT_TRAP);
}

/* True when the instruction can be started again to stop right behind it; does not return then. */
static void restart_alone(struct cpu *cpu)
{
    if (cpu->cur && !cpu->delivering && !(cpu->mode & MODE_STEP))
        cpu_raise(cpu, EXC_RESTART);
}

void debug_check_data(struct cpu *cpu, u64 lin, unsigned size, bool write)
{
    u32 hits = cpu->dr[7] & DR7_ENABLED ? dr_data_hits(cpu, lin, size, write) : 0;
    const struct point *found = NULL;
    for (unsigned i = 0; cpu->points && i < cpu->points->count && !found; i++) {
        const struct point *p = &cpu->points->list[i];
        if (p->kind != POINT_BREAK && point_wants(p, write) && overlaps(lin, size, p->lin, p->len))
            found = p;
    }
    if (!hits && !found)
        return;
    restart_alone(cpu);
    if (hits)
        debug_pend(cpu, hits);
    if (found)
        point_report(cpu, found->kind, found->lin);
}

/* ---- code ---- */

bool debug_page_has_break(const struct cpu *cpu, u64 lin_page)
{
    for (unsigned i = 0; (cpu->dr[7] & DR7_ENABLED) && i < 4; i++)
        if (dr_enabled(cpu, i) && dr_type(cpu, i) == DR_EXEC && (cpu->dr[i] & PAGE_MASK) == lin_page)
            return true;
    for (unsigned i = 0; cpu->points && i < cpu->points->count; i++)
        if (cpu->points->list[i].kind == POINT_BREAK && (cpu->points->list[i].lin & PAGE_MASK) == lin_page)
            return true;
    return false;
}

bool debug_has_breaks(const struct cpu *cpu)
{
    for (unsigned i = 0; (cpu->dr[7] & DR7_ENABLED) && i < 4; i++)
        if (dr_enabled(cpu, i) && dr_type(cpu, i) == DR_EXEC)
            return true;
    for (unsigned i = 0; cpu->points && i < cpu->points->count; i++)
        if (cpu->points->list[i].kind == POINT_BREAK)
            return true;
    return false;
}

static u32 dr_code_hits(const struct cpu *cpu, u64 lin)
{
    u32 hits = 0;
    if ((cpu->eflags & FL_RF) || (cpu->shadow && cpu->shadow_ss && !is_amd(cpu)))
        return 0;
    for (unsigned i = 0; (cpu->dr[7] & DR7_ENABLED) && i < 4; i++)
        if (dr_enabled(cpu, i) && dr_type(cpu, i) == DR_EXEC && cpu->dr[i] == lin)
            hits |= BIT(i);
    return hits;
}

bool cpu_check_code_break(struct cpu *cpu, u64 lin)
{
    struct debug_points *p = cpu->points;
    bool resumed = p && p->resuming && p->resume_lin == lin && p->resume_icount == cpu_icount(cpu);
    if (p)
        p->resuming = false;
    if (p && !resumed && point_find(cpu, POINT_BREAK, lin, 1)) {
        p->resuming = true;
        p->resume_lin = lin;
        p->resume_icount = cpu_icount(cpu);
        point_report(cpu, POINT_BREAK, lin);
        return true;
    }
    u32 hits = dr_code_hits(cpu, lin);
    if (hits) {
        debug_set_dr6(cpu, hits);
        cpu->cur = NULL;
        cpu_raise(cpu, EXC_DB);
    }
    return false;
}

void cpu_step_done(struct cpu *cpu, u32 eflags_before)
{
    bool began_ss_shadow = cpu->shadow == 2 && cpu->shadow_ss; /* MOV SS takes no TF trap at all */
    if ((eflags_before & FL_TF) && !cpu->no_step_trap && !began_ss_shadow)
        debug_pend(cpu, DR6_BS);
    cpu->no_step_trap = false;
    if (!cpu->keep_rf)
        cpu->eflags &= ~(u32)FL_RF;
    cpu->keep_rf = false;
    cpu->force_step = false;
    if (cpu->shadow && --cpu->shadow == 0)
        cpu->shadow_ss = false;
    cpu_update_mode(cpu);
}

/* ---- ports ---- */

static void check_io_break(struct cpu *cpu, u16 port, unsigned size)
{
    u32 hits = 0;
    for (unsigned i = 0; i < 4; i++)
        if (dr_enabled(cpu, i) && dr_type(cpu, i) == DR_IO && overlaps(port, size, dr_start(cpu, i), dr_len(cpu, i)))
            hits |= BIT(i);
    if (!hits)
        return;
    restart_alone(cpu);
    debug_pend(cpu, hits);
}

/* The TSS bitmap (SDM vol. 1, 19.5.2): two bytes are read always, so one past the map must exist. */
static bool io_permitted(struct cpu *cpu, u16 port, unsigned size)
{
    if (!(cpu->tr.attr & BIT(3)) || (cpu->tr.attr & SEG_UNUSABLE) || cpu->tr.limit < 0x67)
        return false;
    u32 offset = (u32)sysmem_read(cpu, cpu->tr.base + 0x66, 2) + port / 8;
    if (offset + 1 > cpu->tr.limit)
        return false;
    u32 bits = (u32)sysmem_read(cpu, cpu->tr.base + offset, 2) >> (port % 8);
    return !(bits & (BIT(size) - 1));
}

void io_check(struct cpu *cpu, u16 port, unsigned size)
{
    if (is_protected(cpu) && (is_v86(cpu) || cpu->cpl > iopl(cpu)) && !io_permitted(cpu, port, size))
        raise_gp(cpu, 0);
    if (unlikely((cpu->dr[7] & DR7_ENABLED) && (cpu->cr4 & CR4_DE)))
        check_io_break(cpu, port, size);
}

void debug_changed(struct cpu *cpu)
{
    tlb_flush(cpu, true);
    cpu_update_mode(cpu);
}
