/*
 * The world as CPUs see it: physical pages, ports, time. Physical addresses
 * pass the A20 gate here; the CPU's paging has those of accesses pass before,
 * so that nothing is cached under two addresses. RAM whose writes somebody waits for (decoded code,
 * dirty tracking) is handed out read-only, so that those writes come through
 * the bus.
 */
#include "devices/machine/machine_internal.h"

static u64 gate_a20(const struct machine *m, u64 pa) { return m->sys.a20 ? pa : pa & ~(1ull << 20); }

static void world_page(void *world, struct cpu *cpu, u64 pa, struct cpu_page *out)
{
    struct machine *m = world;
    *out = (struct cpu_page){NULL, NULL};
    pa = gate_a20(m, pa);
    const struct flat_range **last = &m->priv->page_range[cpu->index], *f = *last; /* nearly always the same: RAM */
    if (unlikely(!f || pa - f->start >= f->size))
        f = *last = space_find(&m->sys.mem, pa);
    if (!f || !f->region->host || pa + PAGE_SIZE > f->start + f->size)
        return;
    struct region *r = f->region;
    u64 off = f->off + (pa - f->start);
    out->read = r->host + off;
    if (!r->rom && !m->priv->polling.watching && (!r->ram || ram_direct(r->ram, r->ram_off + off)))
        out->write = r->host + off;
}

/* Where 'size' bytes at pa are in RAM that is nothing but memory, or NULL. */
static u8 *plain_ram(struct machine *m, u64 pa, unsigned size)
{
    const struct flat_range *f = space_find(&m->sys.mem, pa);
    bool plain = f && f->region->ram && !f->region->rom && pa + size <= f->start + f->size;
    return plain ? f->region->host + f->off + (pa - f->start) : NULL;
}

/* What a device answered to one who looks whether the CPU only polls: time alone may change it, unless it says not. */
static void watch_answer(struct machine *m, const struct space *s, u32 settled)
{
    m->priv->polling.round.given_up |= s->settled == settled;
}

static u64 world_read(void *world, struct cpu *cpu, u64 pa, unsigned size)
{
    (void)cpu;
    struct machine *m = world;
    pa = gate_a20(m, pa);
    vclock_before_access(&m->priv->vclock);
    u32 settled = m->sys.mem.settled;
    u64 val = space_read(&m->sys.mem, pa, size);
    if (unlikely(m->priv->polling.watching) && !plain_ram(m, pa, size))
        watch_answer(m, &m->sys.mem, settled);
    return val;
}

static void world_write(void *world, struct cpu *cpu, u64 pa, u64 val, unsigned size)
{
    (void)cpu;
    struct machine *m = world;
    pa = gate_a20(m, pa);
    vclock_before_access(&m->priv->vclock);
    if (unlikely(m->priv->polling.watching))
        polling_write(&m->priv->polling, pa, plain_ram(m, pa, size), size);
    space_write(&m->sys.mem, pa, val, size);
}

static bool ask_all(struct machine *m, const struct cpu_request *r)
{
    bool left = false;
    for (unsigned i = 0; i < m->ncpus; i++)
        left |= cpu_ask(m->cpu[i], r);
    return left;
}

static void world_code_here(void *world, u64 pa)
{
    struct machine *m = world;
    pa = gate_a20(m, pa);
    const struct flat_range *f = space_find(&m->sys.mem, pa);
    if (!f || !f->region->ram || f->region->rom)
        return;
    struct ram *ram = f->region->ram;
    u64 off = f->region->ram_off + f->off + (pa - f->start);
    if (ram_code_here(ram, off))
        ask_all(m, &(struct cpu_request){.kind = CPU_PROTECT, .host = ram->host + (off & PAGE_MASK)});
}

/* RAM that held decoded code was written: every physical address it shows at is told. */
static void world_code_written(void *owner, struct ram *ram, u64 off, unsigned len)
{
    struct machine *m = owner;
    u64 end = off + len;
    bool left = false;
    for (unsigned i = 0; i < m->sys.mem.nflat; i++) {
        const struct flat_range *f = &m->sys.mem.flat[i];
        u64 base = f->region->ram_off + f->off;
        if (f->region->ram != ram || end <= base || off >= base + f->size)
            continue;
        u64 from = MAX(off, base), to = MIN(end, base + f->size);
        struct cpu_request r = {.kind = CPU_CODE_WRITTEN, .pa = f->start + (from - base), .len = to - from};
        left |= ask_all(m, &r);
    }
    if (!left)
        ram_code_gone(ram, off, end);
}

static void world_cleaned(void *owner, struct ram *ram, u64 off, u64 len)
{
    struct machine *m = owner;
    enum { FLUSH_ABOVE = 64 };
    if ((len + PAGE_SIZE - 1) / PAGE_SIZE > FLUSH_ABOVE) {
        ask_all(m, &(struct cpu_request){.kind = CPU_FLUSH});
        return;
    }
    for (u64 p = off & PAGE_MASK; p < off + len; p += PAGE_SIZE)
        ask_all(m, &(struct cpu_request){.kind = CPU_PROTECT, .host = ram->host + p});
}

/* The view of memory changed: what CPUs remember of pages is void. */
static void world_changed(void *owner)
{
    struct machine *m = owner;
    memset(m->priv->page_range, 0, sizeof(m->priv->page_range));
    ask_all(m, &(struct cpu_request){.kind = CPU_FLUSH});
}

/* ... and so is code from where something else answers now. */
static void world_moved(void *owner, u64 start, u64 size)
{
    struct machine *m = owner;
    ask_all(m, &(struct cpu_request){.kind = CPU_CODE_WRITTEN, .pa = start, .len = size});
}

/* Code that is cached is known by addresses that have passed the gate, so it stays. */
static void world_a20_changed(void *owner)
{
    struct machine *m = owner;
    ask_all(m, &(struct cpu_request){.kind = CPU_A20, .pa = gate_a20(m, ~0ull)});
}

static u32 world_io_read(void *world, u16 port, unsigned size)
{
    struct machine *m = world;
    vclock_before_access(&m->priv->vclock);
    u32 settled = m->sys.io.settled, val = (u32)space_read(&m->sys.io, port, size);
    if (unlikely(m->priv->polling.watching))
        watch_answer(m, &m->sys.io, settled);
    return val;
}

static void world_io_write(void *world, u16 port, u32 val, unsigned size)
{
    struct machine *m = world;
    vclock_before_access(&m->priv->vclock);
    m->priv->polling.round.given_up = true;
    space_write(&m->sys.io, port, val, size);
}

u64 machine_tsc_at(const struct machine *m, u64 ns)
{
    u64 mhz = cpu_model_mhz(&m->config.cpu);
    return ns / 1000 * mhz + ns % 1000 * mhz / 1000;
}

/* No two reads give one value, whichever CPU's: guests tell by it which of two things came first. */
static u64 world_tsc(void *world, struct cpu *cpu)
{
    struct machine *m = world;
    (void)cpu;
    m->priv->polling.round.given_up = true;
    m->priv->last_tsc = MAX(m->priv->last_tsc + 1, machine_tsc_at(m, vclock_read(&m->priv->vclock)));
    return m->priv->last_tsc;
}

static void world_repetition(void *world)
{
    struct machine *m = world;
    vclock_repetition(&m->priv->vclock);
}

static int no_int_ack(void *world, struct cpu *cpu)
{
    (void)world;
    (void)cpu;
    return -1;
}
static bool no_msr_read(void *world, struct cpu *cpu, u32 msr, u64 *val, bool *fault)
{
    (void)world, (void)cpu, (void)msr, (void)val, (void)fault;
    return false;
}
static bool no_msr_write(void *world, struct cpu *cpu, u32 msr, u64 val, bool *fault)
{
    (void)world, (void)cpu, (void)msr, (void)val, (void)fault;
    return false;
}
static u8 no_tpr_read(void *world, struct cpu *cpu)
{
    (void)world, (void)cpu;
    return 0;
}
static void no_tpr_write(void *world, struct cpu *cpu, u8 tpr) { (void)world, (void)cpu, (void)tpr; }
static void no_ferr(void *world, bool level) { (void)world, (void)level; }

static void world_shutdown(void *world, struct cpu *cpu)
{
    struct machine *m = world;
    trace(m->sys.trace, cpu_reset, "CPU %u: triple fault", cpu->index);
    system_request(&m->sys, REQUEST_RESET);
}

void world_init(struct machine *m)
{
    m->priv->env = (struct cpu_env){
        .world = m,
        .page = world_page,
        .mem_read = world_read,
        .mem_write = world_write,
        .code_here = world_code_here,
        .io_read = world_io_read,
        .io_write = world_io_write,
        .int_ack = no_int_ack,
        .tsc = world_tsc,
        .repetition = world_repetition,
        .msr_read = no_msr_read,
        .msr_write = no_msr_write,
        .tpr_read = no_tpr_read,
        .tpr_write = no_tpr_write,
        .ferr = no_ferr,
        .shutdown = world_shutdown,
    };
    struct space *mem = &m->sys.mem;
    mem->changed = world_changed;
    mem->code_written = world_code_written;
    mem->cleaned = world_cleaned;
    mem->changed_owner = mem->code_owner = mem->cleaned_owner = m;
    m->sys.a20_changed = world_a20_changed;
    m->sys.a20_owner = m;
}

void world_watch(struct machine *m) { m->sys.mem.moved = world_moved; }
