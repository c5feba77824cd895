/* The engine "lockstep"; see lockstep.h. The world sees one CPU: all but RAM that the copy's run undoes. */
#include "jit/lockstep.h"

#include <errno.h>
#include <stdlib.h>

#include "cpu/cpu.h"
#include "cpu/flags.h"
#include "cpu/interp.h"
#include "cpu/vec/mxcsr.h"
#include "cpu/system/tlb.h"

/* ---- the world as the copy sees it ---- */

static _Noreturn void stop(struct lockstep *l)
{
    l->stopped = true;
    longjmp(l->copy->unwind, 1);
}

static void copy_page(void *world, struct cpu *cpu, u64 pa, struct cpu_page *out)
{
    (void)cpu;
    struct lockstep *l = world;
    l->cpu->env->page(l->cpu->env->world, l->cpu, pa, out);
    out->write = NULL; /* so that every write is seen */
}
static u64 copy_mem_read(void *world, struct cpu *cpu, u64 pa, unsigned size)
{
    (void)cpu;
    (void)pa, (void)size;
    stop(world);
}

/* How far around [host, host + size) of the page may be looked at. */
static void add_guards(struct logged_write *w, u64 pa)
{
    u64 off = pa & 0xfff;
    w->before = (u8)MIN(off, (u64)GUARD);
    w->after = (u8)MIN(PAGE_SIZE - off - w->size, (u64)GUARD);
}

static void copy_mem_write(void *world, struct cpu *cpu, u64 pa, u64 val, unsigned size)
{
    (void)cpu;
    struct lockstep *l = world;
    struct cpu_page page;
    l->cpu->env->page(l->cpu->env->world, l->cpu, pa & PAGE_MASK, &page);
    if (!page.write || l->nwrites == WRITES_MAX)
        stop(l);
    u8 *host = page.write + (pa & 0xfff);
    struct logged_write *w = &l->writes[l->nwrites++];
    *w = (struct logged_write){.host = host, .old = ld_le(host, size), .size = (u8)size};
    add_guards(w, pa);
    st_le(host, val, size);
}
static void copy_code_here(void *world, u64 pa)
{
    struct lockstep *l = world;
    l->cpu->env->code_here(l->cpu->env->world, pa);
}
static u32 copy_io_read(void *world, u16 port, unsigned size)
{
    (void)port, (void)size;
    stop(world);
}
static void copy_io_write(void *world, u16 port, u32 val, unsigned size)
{
    (void)port, (void)val, (void)size;
    stop(world);
}
static int copy_int_ack(void *world, struct cpu *cpu)
{
    (void)cpu;
    stop(world);
}
static u64 copy_tsc(void *world, struct cpu *cpu)
{
    (void)cpu;
    stop(world);
}
static bool copy_msr_read(void *world, struct cpu *cpu, u32 msr, u64 *val, bool *fault)
{
    (void)cpu, (void)msr, (void)val, (void)fault;
    stop(world);
}
static bool copy_msr_write(void *world, struct cpu *cpu, u32 msr, u64 val, bool *fault)
{
    (void)cpu, (void)msr, (void)val, (void)fault;
    stop(world);
}
static u8 copy_tpr_read(void *world, struct cpu *cpu)
{
    (void)cpu;
    stop(world);
}
static void copy_tpr_write(void *world, struct cpu *cpu, u8 tpr)
{
    (void)cpu, (void)tpr;
    stop(world);
}
static void copy_ferr(void *world, bool level)
{
    (void)level;
    stop(world);
}
static void copy_shutdown(void *world, struct cpu *cpu)
{
    (void)cpu;
    stop(world);
}

static struct cpu_env copy_env(struct lockstep *l)
{
    return (struct cpu_env){.world = l,
                            .page = copy_page,
                            .mem_read = copy_mem_read,
                            .mem_write = copy_mem_write,
                            .code_here = copy_code_here,
                            .io_read = copy_io_read,
                            .io_write = copy_io_write,
                            .int_ack = copy_int_ack,
                            .tsc = copy_tsc,
                            .msr_read = copy_msr_read,
                            .msr_write = copy_msr_write,
                            .tpr_read = copy_tpr_read,
                            .tpr_write = copy_tpr_write,
                            .ferr = copy_ferr,
                            .shutdown = copy_shutdown};
}

/* ---- one stretch, twice ---- */

/* Instructions left, without changing how many this slice has retired. */
static void set_budget(struct cpu *cpu, i64 n)
{
    cpu->slice += n - cpu->budget;
    cpu->budget = n;
}

/*
 * Runs until no more than 'spare' of the budget is left or something is to be looked at; true: an exception is to be
 * delivered.
 */
static bool run_stretch(struct cpu *cpu, struct jit *jit, i64 spare)
{
    if (_setjmp(cpu->unwind)) {
        run_rewind(cpu);
        return true;
    }
    /* What the world wants of the real CPU waits until the stretch is over. */
    u32 look = jit ? ATT_TRAP | ATT_VIRTUAL : ~0u;
    while (cpu->budget > spare && !cpu->halted && !(__atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) & look)) {
        if (jit)
            jit_once(jit);
        else
            run_once(cpu);
    }
    return false;
}

/* All of a CPU that running changes, but for attention, which is other threads' too. */
static void copy_state(struct cpu *to, const struct cpu *from)
{
    size_t first = offsetof(struct cpu, attention), rest = offsetof(struct cpu, cur), end = offsetof(struct cpu, index);
    static_assert(offsetof(struct cpu, held) > offsetof(struct cpu, attention), "both are left out");
    memcpy(to, from, first);
    memcpy((u8 *)to + rest, (const u8 *)from + rest, end - rest);
}

/* As a CPU is to go on from; its TLB keeps no rights that other protection keys' rights gave. */
static void adopt_state(struct cpu *cpu, const struct cpu *from)
{
    bool keys = cpu->pkru != from->pkru || cpu->pkrs != from->pkrs;
    copy_state(cpu, from);
    if (unlikely(keys))
        tlb_flush_keys(cpu, ~0u);
}

/*
 * The copy's turn: n instructions, or up to 'spare' fewer. Its writes stay logged, but memory is as before. True: it
 * ended with an exception.
 */
static bool run_copy(struct lockstep *l, i64 n, i64 spare)
{
    struct cpu *c = l->copy;
    adopt_state(c, l->start);
    c->attention = 0;
    c->held = l->start->held; /* what waits for IF and its like ends the stretch that lets it come */
    c->points = l->cpu->points;
    c->budget = c->slice = n;
    c->block = NULL;
    c->cur = NULL;
    l->nwrites = 0;
    l->stopped = false;
    sse_enter(c);
    bool raised = run_stretch(c, NULL, spare);
    sse_leave(c);
    l->done = n - c->budget;
    for (unsigned i = 0; i < l->nwrites; i++) {
        struct logged_write *w = &l->writes[i];
        memcpy(w->image, w->host - w->before, w->before + w->size + w->after);
    }
    for (unsigned i = l->nwrites; i-- > 0;)
        st_le(l->writes[i].host, l->writes[i].old, l->writes[i].size);
    return raised;
}

const struct logged_write *lockstep_memory_differs(const struct lockstep *l)
{
    for (unsigned i = 0; i < l->nwrites; i++) {
        const struct logged_write *w = &l->writes[i];
        if (unlikely(memcmp(w->host - w->before, w->image, w->before + w->size + w->after) != 0))
            return w;
    }
    return NULL;
}

/*
 * Whether the code at RIP overwrites these flags before anybody can see them: translations then leave them as they
 * happen to be. Only an interrupt right here would push them, and then nothing looks at them again.
 */
static bool flags_dead(const struct lockstep *l, u32 flags)
{
    struct cpu *cpu = l->cpu;
    struct superblock *sb = l->jit->sb;
    unsigned cc;
    u64 pa;
    if (!jit_translatable(cpu) || !mmu_probe(cpu, jit_linear(cpu, cpu->gpr[SLOT_RIP]), &pa) ||
        !jit_aim(l->jit, pa, jit_key(cpu), cpu->gpr[SLOT_RIP]) || !superblock_find(cpu, sb))
        return false;
    for (unsigned k = 0; k < sb->n; k++) {
        const struct sb_insn *i = &sb->insn[k];
        bool jumps = uop_is_jcc(&i->u, &cc) || (i->u.op == UOP_JMP && i->u.form == FORM_I);
        if ((i->flags_read & flags) || i->may_fault || (i->ends && !jumps))
            return false;
        flags &= ~i->flags_written;
        if (!flags)
            return true;
        if (jumps && (i->u.op != UOP_JMP || k + 1 == sb->n) && superblock_flags_needed_at(cpu, sb, i->u.imm, NULL))
            return false;
        if (i->u.op == UOP_JMP && k + 1 == sb->n)
            return true;
    }
    return superblock_flags_needed_at(cpu, sb, sb->end_off, NULL) == 0;
}

static bool flags_alike(struct lockstep *l)
{
    u32 differ = cpu_eflags(l->cpu) ^ cpu_eflags(l->copy);
    if (likely(!differ))
        return true;
    if ((differ & ~(u32)FL_ARITH) || l->raised || !flags_dead(l, differ))
        return false;
    l->cpu->cc_res = l->copy->cc_res;
    l->cpu->cc_aux = l->copy->cc_aux;
    return true;
}

/*
 * STI has a shadow only where somebody waits, and other threads may have asked meanwhile. An exception ends a shadow,
 * and with it the steps in which the copy may have gone through it.
 */
static void excuse_shadow(struct lockstep *l)
{
    const struct cpu *cpu = l->cpu;
    struct cpu *copy = l->copy;
    if (!l->raised && !__atomic_load_n(&cpu->attention, __ATOMIC_RELAXED))
        return;
    copy->shadow = cpu->shadow;
    copy->shadow_ss = cpu->shadow_ss;
    if (l->raised)
        copy->mode = (copy->mode & ~(u32)MODE_STEP) | (cpu->mode & MODE_STEP);
}

static bool states_alike(struct lockstep *l)
{
    excuse_shadow(l);
    for (unsigned i = 0; i < compared_part_count; i++) {
        const struct compared_part *p = &compared_parts[i];
        if (memcmp((const u8 *)l->cpu + p->offset, (const u8 *)l->copy + p->offset, p->size) != 0)
            return false;
    }
    return flags_alike(l);
}

bool lockstep_alike(struct lockstep *l, i64 n, i64 spare)
{
    struct cpu *cpu = l->cpu;
    bool raises = run_copy(l, n, spare) && !l->stopped;
    if (l->stopped) {
        l->alone = true;
        if (l->done == 0)
            return true;
        /* Again, to the boundary before the instruction that it must not do. */
        i64 n_before = l->done;
        while (run_copy(l, n_before, 0), l->stopped && n_before > 0)
            n_before = MIN(n_before, l->done) - 1;
    }
    /* Room beyond an exception: the superblock that raises must be one that runs. */
    l->budget = raises ? l->done + SUPERBLOCK_MAX : l->done;
    set_budget(cpu, l->budget);
    sse_enter(cpu);
    bool raised = run_stretch(cpu, l->jit, 0);
    sse_leave(cpu);
    l->raised = raised;
    bool alike =
        raised == raises && l->budget - cpu->budget == l->done && states_alike(l) && !lockstep_memory_differs(l);
    if (raises && alike)
        alike = cpu->exc_vector == l->copy->exc_vector && cpu->exc_has_error == l->copy->exc_has_error &&
                (!cpu->exc_has_error || cpu->exc_error == l->copy->exc_error);
    return alike;
}

void lockstep_restore(struct lockstep *l)
{
    adopt_state(l->cpu, l->start);
    for (unsigned i = l->nwrites; i-- > 0;)
        st_le(l->writes[i].host, l->writes[i].old, l->writes[i].size);
}

/* ---- the run loop ---- */

static void run_alone(struct lockstep *l, i64 total)
{
    struct cpu *cpu = l->cpu;
    set_budget(cpu, 1);
    l->raised = run_stretch(cpu, NULL, 0);
    set_budget(cpu, total - (1 - cpu->budget));
    l->counters.alone++;
}

static void run_both(struct lockstep *l, i64 total)
{
    struct cpu *cpu = l->cpu;
    l->random = l->random * 1664525 + 1013904223;
    /*
     * Most stretches end where a block does: each place where code is entered is decoded and translated anew. Some end
     * anywhere, since the budget may end anywhere, too.
     */
    i64 spare = total > BLOCK_MAX_INSNS && l->random >> 28 ? BLOCK_MAX_INSNS : 0;
    i64 n = MIN(total, spare + 1 + (i64)((l->random >> 16) % LOCKSTEP_CHUNK));
    sse_leave(cpu);
    copy_state(l->start, cpu);
    l->start->held = __atomic_load_n(&cpu->held, __ATOMIC_RELAXED);
    if (!lockstep_alike(l, n, spare)) {
        l->differed = true;
        lockstep_report(l, n);
        l->differs(l->owner);
        return;
    }
    set_budget(cpu, total - l->done);
    sse_enter(cpu);
    l->counters.compared += (u64)l->done;
    l->counters.stretches += l->done != 0;
    l->counters.exceptions += l->raised;
}

static void run_next(struct lockstep *l)
{
    struct cpu *cpu = l->cpu;
    i64 total = cpu->budget;
    if ((cpu->mode & (MODE_STEP | MODE_BREAKS)) || !jit_translatable(cpu)) {
        run_once(cpu);
        l->counters.untranslated += (u64)(total - cpu->budget);
        l->alone = false;
    } else if (l->alone) {
        l->alone = false;
        run_alone(l, total);
    } else {
        run_both(l, total);
    }
}

static void lockstep_run(struct cpu *cpu)
{
    struct lockstep *l = ((struct jit *)cpu->translator)->lockstep;
    while (!l->differed) {
        /* Anew each time: stretches come back by cpu->unwind, too. */
        if (_setjmp(cpu->unwind) != 0) {
            run_caught(cpu);
        } else if (l->raised) {
            l->raised = false;
            run_caught(cpu);
        } else if (run_finished(cpu)) {
            return;
        } else {
            run_next(l);
        }
    }
}

/*
 * Code, or page tables: both TLBs forget all, so that neither knows what memory does not say any more. Software may
 * leave entries stale for a while, and then what it sees depends on what each engine happened to have looked up.
 */
static bool lockstep_code_written(struct cpu *cpu, u64 pa, unsigned len)
{
    const struct jit *jit = cpu->translator;
    bool left = jit_code_written(cpu, pa, len);
    left |= block_code_written(jit->lockstep->copy, pa, len);
    tlb_flush(cpu, true); /* of the copy, too: lockstep_flush */
    return left;
}

static void lockstep_flush(struct cpu *cpu, enum flush_kind kind, u64 lin)
{
    const struct jit *jit = cpu->translator;
    jit_unmap(cpu, kind, lin);
    if (kind == FLUSH_DATA)
        return; /* the copy's TLB tells its own engine */
    if (kind == FLUSH_PAGE)
        tlb_flush_page(jit->lockstep->copy, lin);
    else
        tlb_flush(jit->lockstep->copy, kind == FLUSH_GLOBAL);
}

static void print_counters(const struct lockstep_counters *c, FILE *out)
{
    fprintf(out, "%llu instructions in %llu stretches and %llu exceptions alike, %llu for the interpreter alone, ",
            (unsigned long long)c->compared, (unsigned long long)c->stretches, (unsigned long long)c->exceptions,
            (unsigned long long)c->alone);
    fprintf(out, "%llu in modes not translated\n", (unsigned long long)c->untranslated);
}

static void lockstep_info(const struct cpu *cpu, FILE *out)
{
    fprintf(out, "  lockstep: ");
    print_counters(lockstep_counters(cpu), out);
    jit_info(cpu, out);
}

const struct engine engine_lockstep = {"lockstep", lockstep_run, lockstep_code_written, lockstep_flush, lockstep_info};

/* ---- its life ---- */

void lockstep_destroy(struct lockstep *l)
{
    if (!l)
        return;
    if (l->counters.stretches) {
        FILE *out = l->cpu->trace->out ? l->cpu->trace->out : stderr;
        fprintf(out, "lockstep: CPU %u: ", l->cpu->index);
        print_counters(&l->counters, out);
    }
    if (l->copy) {
        l->cpu->tables_are_code = false;
        l->copy->points = NULL; /* the real CPU's */
        cpu_destroy(l->copy);
    }
    free(l->start);
    free(l->writes);
    free(l);
}

bool lockstep_attach(struct cpu *cpu, size_t code_bytes, void (*differs)(void *owner), void *owner)
{
    struct lockstep *l = calloc(1, sizeof(*l));
    if (!l || !jit_attach(cpu, code_bytes, 0)) {
        free(l);
        return false;
    }
    cpu->tlb_strict = true;
    l->cpu = cpu;
    l->jit = cpu->translator;
    l->jit->lockstep = l;
    l->differs = differs;
    l->owner = owner;
    l->env = copy_env(l);
    l->copy = cpu_create(cpu->model, cpu->index, &l->env, &l->quiet);
    l->start = calloc(1, sizeof(*l->start));
    l->writes = calloc(WRITES_MAX, sizeof(*l->writes));
    if (!l->copy || !l->start || !l->writes) {
        jit_detach(cpu);
        errno = ENOMEM;
        return false;
    }
    l->copy->count = cpu->count;
    l->copy->fp80 = cpu->fp80;
    cpu->tables_are_code = l->copy->tables_are_code = true;
    cpu->engine = &engine_lockstep;
    return true;
}

const struct lockstep_counters *lockstep_counters(const struct cpu *cpu)
{
    const struct jit *jit = cpu->translator;
    return jit && jit->lockstep ? &jit->lockstep->counters : NULL;
}
