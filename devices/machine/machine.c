/*
 * The machine: builds a board from a configuration and runs it on a thread of
 * its own, CPUs in turn. Between slices events fire, posted work runs, resets
 * and ends are carried out. Front ends never touch devices from outside that
 * thread: they post.
 */
#include "cpu/system/rng.h"
#include "cpu/x87/fp80.h"
#include "jit/engine.h"
#include "devices/machine/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>

#include "devices/block/pool.h"
#include "devices/machine/machine_internal.h"

enum {
    QUANTUM = 20000,           /* instructions of one CPU's turn, with several */
    SLICE = 200000,            /* ... with one */
    REFRESH_NS = 16 * 1000000, /* the screen's */
    DISKS_END_MS = 300,        /* what the end waits for a host that does not answer, ... */
    DISKS_STEP_MS = 1000,      /* ... and a debugger's step */
};

const char *run_state_name(enum run_state s)
{
    static const char *const names[] = {"running",        "paused",    "debug",     "shutdown",
                                        "guest-panicked", "prelaunch", "suspended", "io-error"};
    return names[s];
}

void machine_tell(struct machine *m, enum machine_event e, const char *detail)
{
    for (struct machine_observer *o = m->observers; o; o = o->next)
        o->event(o, e, detail);
}

void machine_kick(struct machine *m)
{
    for (unsigned i = 0; i < m->ncpus; i++)
        cpu_raise_attention(m->cpu[i], ATT_EXIT);
}

/* From chips: noted, and carried out once the instruction has ended. */
static void on_request(void *owner, enum system_request what)
{
    struct machine *m = owner;
    struct machine_private *p = m->priv;
    switch (what) {
    case REQUEST_RESET:
        p->want_reset = true;
        p->reset_reason = "guest-reset";
        break;
    case REQUEST_SHUTDOWN:
        p->want_shutdown = true;
        p->shutdown_reason = "guest-shutdown";
        break;
    case REQUEST_EXIT:
        p->want_exit = true;
        break;
    case REQUEST_PANIC:
        p->want_panic = true;
        break;
    case REQUEST_SUSPEND:
        p->want_suspend = true;
        break;
    }
    machine_kick(m);
}

static void on_disk_failure(void *owner, const struct disk_failure *f)
{
    struct machine *m = owner;
    for (struct machine_observer *o = m->observers; o; o = o->next) {
        if (o->disk_failed)
            o->disk_failed(o, f);
    }
    m->priv->want_io_stop |= f->action == DISK_STOP;
    machine_kick(m);
}

/* Any thread: a disk's request is over. */
static void on_disk_over(void *owner)
{
    struct machine *m = owner;
    pthread_mutex_lock(&m->priv->lock);
    m->priv->disks_over = true;
    pthread_cond_signal(&m->priv->wake);
    pthread_mutex_unlock(&m->priv->lock);
    machine_kick(m);
}

static void hold_guest(void *owner)
{
    struct machine *m = owner;
    m->sys.clock.held = true;
    machine_kick(m);
}

/* A guest that stood for a request finds it over at the moment it was made, and then what else was due. */
bool machine_settle_disks(struct machine *m, unsigned ms)
{
    struct clock *clock = &m->sys.clock;
    bool held = clock->firing = clock->held;
    bool settled = disk_pool_settle(m->disks.pool, ms);
    clock->firing = false;
    clock->held = disk_pool_holds(m->disks.pool);
    m->priv->polling.waits = false;
    if (held && !clock->held)
        vclock_sync(&m->priv->vclock);
    return settled;
}

static bool watch_disks(struct machine *m)
{
    struct disk_pool_owner owner = {
        .wake = on_disk_over, .hold = hold_guest, .owner = m, .repeats = m->config.icount != ICOUNT_OFF};
    m->disks = (struct disk_watch){.failed = on_disk_failure, .owner = m, .pool = disk_pool_create(&owner)};
    if (!m->disks.pool)
        return device_fail(&m->sys, "not enough memory for the machine");
    for (unsigned i = 0; i < MAX_IDE; i++) {
        if (m->config.ide[i].disk)
            m->config.ide[i].disk->watch = &m->disks;
    }
    for (unsigned i = 0; i < MAX_FLOPPY; i++) {
        if (m->config.floppy[i].disk)
            m->config.floppy[i].disk->watch = &m->disks;
    }
    return true;
}

/*
 * What a CPU computes that is the host's own, RDRAND's numbers and the x87's last places, must be the same anywhere
 * in runs that are to repeat. False: the host has no random numbers.
 */
static bool make_repeatable(struct machine *m, struct cpu *cpu)
{
    const struct machine_config *c = &m->config;
    u32 key[8] = {(u32)c->seed, (u32)(c->seed >> 32), cpu->index};
    bool repeats = c->seeded || c->icount != ICOUNT_OFF;
    cpu->fp80 = fp80_functions(c->icount != ICOUNT_OFF);
    if (!repeats) {
        char target[8];
        if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
            return false;
        snprintf(target, sizeof(target), "cpu%u", cpu->index);
        input_draw_bytes(m, target, (u8 *)key, sizeof(key));
    }
    rng_init(&cpu->rng, key);
    return true;
}

/* Translator and interpreter do not agree: what was asked for with -accel lockstep has come out. */
static void on_difference(void *owner)
{
    struct machine *m = owner;
    m->sys.exit_code = 1;
    on_request(m, REQUEST_EXIT);
}

const char *machine_firmware_dir(void) { return firmware_dir(); }
const char *machine_default_accel(void) { return jit_available() ? "jit" : "interp"; }

static bool attach_engine(struct machine *m, struct cpu *cpu)
{
    const char *accel = m->config.accel ? m->config.accel : "interp";
    if (!strcmp(accel, "jit"))
        return jit_attach(cpu, m->config.tb_size, JIT_HOT);
    return strcmp(accel, "lockstep") != 0 || lockstep_attach(cpu, m->config.tb_size, on_difference, m);
}

/*
 * CPU 'from' has not got the engine it was to have, for the reason in errno. Under -accel jit it interprets, and all
 * after it; under lockstep, which is asked for to compare, that would be success with nothing compared.
 */
static bool do_without_engine(struct machine *m, unsigned from)
{
    char why[120] = "this host forbids executable memory";
    if (errno == ENOMEM)
        snprintf(why, sizeof(why), "not enough memory for a translator with tb-size=%llu, a smaller one may fit",
                 (unsigned long long)(m->config.tb_size >> 20));
    if (!strcmp(m->config.accel, "lockstep"))
        return device_fail(&m->sys, "-accel lockstep: %s", why);
    if (from)
        fprintf(stderr, "orrery: %s: interpreting from CPU %u on\n", why, from);
    else
        fprintf(stderr, "orrery: %s: interpreting (-accel interp)\n", why);
    return true;
}

static bool create_cpus(struct machine *m)
{
    bool attaches = true;
    for (unsigned i = 0; i < m->config.cpus; i++) {
        struct cpu *cpu = cpu_create(&m->config.cpu, i, &m->priv->env, m->sys.trace);
        if (!cpu)
            return device_fail(&m->sys, "not enough memory for CPU %u", i);
        cpu->count = m->config.cpus;
        m->cpu[m->ncpus++] = cpu;
        if (!make_repeatable(m, cpu))
            return device_fail(&m->sys, "no random numbers from this host (getrandom): use -seed");
        if (attaches && !attach_engine(m, cpu)) {
            attaches = false;
            if (!do_without_engine(m, i))
                return false;
        }
    }
    return true;
}

bool machine_add_ram(struct machine *m, u64 size)
{
    const struct machine_config *c = &m->config;
    m->ram = ram_create_at(size, c->mem_path);
    if (!m->ram && c->mem_path)
        return device_fail(&m->sys, "-mem-path %s: %s", c->mem_path,
                           errno == ENOTSUP ? "huge pages are not supported" : strerror(errno));
    if (!m->ram || (c->mem_prealloc && madvise(m->ram->host, size, MADV_POPULATE_WRITE)))
        return device_fail(&m->sys, "the host has no %llu MiB of memory to give: use a smaller -m",
                           (unsigned long long)(size >> 20));
    return true;
}

/* ---- -M none ---- */

/* A machine of nothing, for programs that ask by QMP what there is. */
static bool none_build(struct machine *m)
{
    (void)m;
    return true;
}

/* Linux perf learns of what the translators emit, if asked for. */
static bool observe_translators(struct machine *m)
{
    char err[200];
    if (!m->config.perfmap && !m->config.jitdump)
        return true;
    m->priv->perf = jit_perf_open(m->config.perfmap, m->config.jitdump, err, sizeof(err));
    if (!m->priv->perf)
        return device_fail(&m->sys, "%s", err);
    for (unsigned i = 0; i < m->ncpus; i++)
        jit_observe(m->cpu[i], m->priv->perf);
    return true;
}

/* What the user asked for by name, once the board is there to plug it into. */
static bool add_devices(struct machine *m)
{
    for (unsigned i = 0; i < m->config.ndevices; i++)
        if (!device_add(&m->sys, &m->config.devices[i], false))
            return false;
    if (m->priv->board_complete)
        m->priv->board_complete(m);
    return true;
}

struct machine *machine_create(const struct machine_config *cfg, char *err, size_t err_size)
{
    struct machine *m = calloc(1, sizeof(*m));
    if (m)
        m->priv = calloc(1, sizeof(*m->priv));
    if (!m || !m->priv) {
        snprintf(err, err_size, "not enough memory for the machine");
        free(m);
        return NULL;
    }
    struct machine_private *p = m->priv;
    m->config = *cfg;
    p->firmware = (struct firmware_dirs){m->config.firmware_dir, cfg->nfirmware_dirs};
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->wake, &attr);
    pthread_cond_init(&p->finished, &attr);
    pthread_condattr_destroy(&attr);
    p->last = &p->first;
    p->stop_at = UINT64_MAX;
    p->state = RUN_PRELAUNCH;
    system_init(&m->sys, cfg->trace);
    m->sys.request = on_request;
    m->sys.request_owner = m;
    m->sys.globals = cfg->globals;
    m->sys.find_chardev = cfg->find_chardev;
    m->sys.find_owner = cfg->find_owner;
    m->sys.ram_size = cfg->ram_size;
    vclock_init(&p->vclock, &m->sys.clock, cfg);
    polling_init(&p->polling, cfg);
    world_init(m);
    static bool (*const board_build[])(struct machine * m) = {
        [MACHINE_PC] = pc_build, [MACHINE_BARE] = bare_build, [MACHINE_NONE] = none_build};
    bool ok = input_init(m) && watch_disks(m) && create_cpus(m) && observe_translators(m) &&
              board_build[cfg->type](m) && add_devices(m);
    if (!ok) {
        snprintf(err, err_size, "%s", m->sys.err);
        machine_destroy(m);
        return NULL;
    }
    world_watch(m);
    return m;
}

/* The last flushes. */
static void end_disks(struct machine *m)
{
    if (!m->disks.pool || disk_pool_settle(m->disks.pool, DISKS_END_MS))
        disk_pool_free(m->disks.pool);
    else
        fprintf(stderr, "orrery: a disk image does not answer: what was written last may be lost\n");
}

void machine_destroy(struct machine *m)
{
    if (!m)
        return;
    struct machine_private *p = m->priv;
    if (p->started) {
        machine_quit(m, "host-qmp-quit");
        pthread_join(p->thread, NULL);
    }
    if (m->disks.pool && !machine_settle_disks(m, DISKS_END_MS)) {
        fprintf(stderr, "orrery: a disk image does not answer: ending without it\n");
        return; /* what the host still writes to is not freed */
    }
    unsigned n = m->ncpus;
    m->ncpus = 0; /* regions that go away need tell nobody */
    for (unsigned i = 0; i < n; i++) {
        jit_detach(m->cpu[i]);
        cpu_destroy(m->cpu[i]);
    }
    jit_perf_close(p->perf);
    system_destroy(&m->sys); /* before the board, whose regions the spaces still show */
    if (p->board_destroy)
        p->board_destroy(m);
    ram_destroy(m->ram);
    end_disks(m);
    input_destroy(m);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->wake);
    pthread_cond_destroy(&p->finished);
    free(p);
    free(m);
}

void machine_set_state(struct machine *m, enum run_state s)
{
    struct machine_private *p = m->priv;
    if (p->state == s)
        return;
    bool was_running = p->state == RUN_RUNNING;
    __atomic_store_n(&p->state, s, __ATOMIC_RELEASE);
    if (s == RUN_RUNNING) {
        m->disks.stopping = false;
        vclock_resume(&p->vclock);
        machine_tell(m, EVENT_RESUME, NULL);
    } else if (was_running) {
        vclock_pause(&p->vclock);
        machine_tell(m, EVENT_STOP, NULL);
    }
}

static void do_reset(struct machine *m, const char *reason)
{
    machine_tell(m, EVENT_RESET, reason);
    space_begin(&m->sys.mem);
    device_reset_all(&m->sys);
    space_commit(&m->sys.mem);
    for (unsigned i = 0; i < m->ncpus; i++)
        cpu_reset(m->cpu[i], false);
    if (m->priv->board_reset)
        m->priv->board_reset(m);
    m->priv->turn = 0;
    m->priv->quantum_left = 0;
    if (m->priv->state != RUN_RUNNING)
        machine_set_state(m, RUN_PRELAUNCH);
}

static void end_machine(struct machine *m, int status)
{
    m->priv->quit = true;
    m->priv->status = status;
}

static void do_shutdown(struct machine *m, const char *reason)
{
    machine_tell(m, EVENT_SHUTDOWN, reason);
    if (m->config.no_shutdown)
        machine_set_state(m, RUN_SHUTDOWN);
    else
        end_machine(m, 0);
}

void machine_carry_out(struct machine *m)
{
    struct machine_private *p = m->priv;
    if (p->want_exit) {
        p->want_exit = false;
        machine_tell(m, EVENT_SHUTDOWN, "guest-shutdown");
        end_machine(m, m->sys.exit_code);
    }
    if (p->want_shutdown) {
        p->want_shutdown = false;
        do_shutdown(m, p->shutdown_reason);
    }
    if (p->want_panic) {
        p->want_panic = false;
        machine_tell(m, EVENT_GUEST_PANICKED, NULL);
        if (m->config.no_shutdown)
            machine_set_state(m, RUN_PANICKED);
        else
            do_shutdown(m, "guest-panic");
    }
    if (p->want_reset) {
        p->want_reset = false;
        if (m->config.no_reboot)
            do_shutdown(m, p->reset_reason);
        else
            do_reset(m, p->reset_reason);
    }
    if (p->want_io_stop) {
        p->want_io_stop = false;
        if (p->state == RUN_RUNNING)
            machine_set_state(m, RUN_IO_ERROR);
    }
    if (p->want_suspend) {
        p->want_suspend = false;
        machine_set_state(m, RUN_SUSPENDED);
    }
}

/* last: whoever finds the queue closed after this is alone with the machine. */
static void run_posts(struct machine *m, bool last)
{
    struct machine_private *p = m->priv;
    pthread_mutex_lock(&p->lock);
    while (p->first) {
        struct post *post = p->first;
        bool *done = post->done;
        p->first = post->next;
        if (!p->first)
            p->last = &p->first;
        pthread_mutex_unlock(&p->lock);
        post->fn(m, post->arg);
        p->polling.waits = false;
        if (!done)
            free(post);
        pthread_mutex_lock(&p->lock);
        if (done) {
            *done = true;
            pthread_cond_broadcast(&p->finished);
        }
    }
    p->ended = last;
    pthread_mutex_unlock(&p->lock);
}

static void look_for_quit(struct machine *m)
{
    const char *reason = __atomic_load_n(&m->priv->quit_reason, __ATOMIC_ACQUIRE);
    if (!reason || m->priv->quit)
        return;
    machine_tell(m, EVENT_SHUTDOWN, reason);
    end_machine(m, 0);
}

/* Sleeps until something is posted or the end is asked for, or ns have passed; true: the whole time. */
static bool sleep_for(struct machine *m, u64 ns)
{
    struct machine_private *p = m->priv;
    bool whole = false;
    u64 until = host_ns() + MIN(ns, 3600 * NS_PER_SEC);
    struct timespec ts = {(time_t)(until / NS_PER_SEC), (long)(until % NS_PER_SEC)};
    pthread_mutex_lock(&p->lock);
    while (!p->first && !input_pending(m) && !p->quit_reason && !p->disks_over && !whole) {
        if (ns == UINT64_MAX)
            pthread_cond_wait(&p->wake, &p->lock);
        else
            whole = pthread_cond_timedwait(&p->wake, &p->lock, &ts) == ETIMEDOUT;
    }
    pthread_mutex_unlock(&p->lock);
    return whole;
}

static bool is_watched(const struct machine *m)
{
    const struct display *d = m->displays;
    while (d && !d->observers)
        d = d->next;
    return d || m->sys.audio.sinks;
}

static void refresh_screens(struct machine *m, u64 now)
{
    if (now - m->priv->last_refresh < REFRESH_NS)
        return;
    m->priv->last_refresh = now;
    system_sound_changes(&m->sys);
    for (struct display *d = m->displays; d; d = d->next)
        if (d->observers)
            d->refresh(d->owner, false);
}

static bool all_idle(const struct machine *m)
{
    for (unsigned i = 0; i < m->ncpus; i++)
        if (!cpu_idle(m->cpu[i]))
            return false;
    return true;
}

static void check_stop(struct machine *m, struct cpu *cpu)
{
    if (!cpu->points || !cpu_point_hit(cpu, &m->stop.kind, &m->stop.lin))
        return;
    m->stop.cpu = cpu->index;
    m->stop.valid = true;
    machine_set_state(m, RUN_DEBUG);
    machine_tell(m, EVENT_DEBUG, NULL);
}

/* One CPU's slice; returns instructions run. */
static u64 run_cpu(struct machine *m, struct cpu *cpu, u64 budget)
{
    struct machine_private *p = m->priv;
    u64 begin = host_ns();
    vclock_slice_begin(&p->vclock, cpu, begin);
    p->vclock.slowly = polling_is_due(m, begin);
    u64 n = p->vclock.slowly ? polling_run(m, cpu, budget) : cpu_run(cpu, budget);
    u64 end = host_ns();
    vclock_slice_end(&p->vclock, n, end);
    refresh_screens(m, end);
    check_stop(m, cpu);
    return n;
}

/*
 * Turns differ in length, always in the same order: a CPU that frees and takes
 * a lock in a loop (SeaBIOS waiting for its processors) would else be left
 * with the lock held each time.
 */
static u64 turn_length(struct machine_private *p)
{
    p->turn_seed = p->turn_seed * 1664525 + 1013904223;
    return QUANTUM + (p->turn_seed >> 20);
}

/* The CPU whose turn it is runs until its quantum, an event or somebody's wish ends the slice. */
static void run_slice(struct machine *m)
{
    struct machine_private *p = m->priv;
    struct cpu *cpu = m->cpu[p->turn];
    if (p->quantum_left == 0 || cpu_idle(cpu)) {
        do
            p->turn = (p->turn + 1) % m->ncpus;
        while (cpu_idle(m->cpu[p->turn]));
        cpu = m->cpu[p->turn];
        p->quantum_left = m->ncpus > 1 ? turn_length(p) : SLICE;
    }
    u64 most = MIN(MIN(p->quantum_left, p->stop_at - p->vclock.retired), input_distance(m));
    u64 n = run_cpu(m, cpu, vclock_budget(&p->vclock, most));
    p->quantum_left -= MIN(n, p->quantum_left);
    vclock_sync(&p->vclock);
}

static void idle(struct machine *m)
{
    struct machine_private *p = m->priv;
    u64 ns = vclock_idle_sleep(&p->vclock);
    bool real = m->config.icount == ICOUNT_OFF || m->config.icount_sleep;
    u64 start = host_ns();
    /* the screen goes on being looked at, and the sound listened to, while the guest sleeps */
    u64 nap = is_watched(m) ? MIN(ns, REFRESH_NS) : ns;
    bool whole = !real && ns != UINT64_MAX;
    if (!whole && nap)
        whole = sleep_for(m, nap) && nap == ns;
    else if (!nap)
        whole = true;
    u64 end = host_ns();
    if (p->polling.waits) {
        polling_waited(m, end - start, whole);
    } else {
        vclock_idle_done(&p->vclock, end - start, whole);
        polling_put_off(&p->polling, end);
    }
    vclock_sync(&p->vclock);
    refresh_screens(m, end);
}

/* machine_run_to is there. */
static void stop_there(struct machine *m)
{
    m->priv->stop_at = UINT64_MAX;
    machine_set_state(m, RUN_PAUSED);
}

static bool take_disks_over(struct machine_private *p)
{
    pthread_mutex_lock(&p->lock);
    bool over = p->disks_over;
    p->disks_over = false;
    pthread_mutex_unlock(&p->lock);
    return over;
}

static void *machine_main(void *arg)
{
    struct machine *m = arg;
    struct machine_private *p = m->priv;
    prctl(PR_SET_TIMERSLACK, 1);                               /* ns: guests wait for what this thread sleeps until */
    if (!m->config.start_paused && !machine_is_over(p->state)) /* what was loaded may be */
        machine_set_state(m, RUN_RUNNING);
    while (!p->quit) {
        for (unsigned i = 0; i < m->ncpus; i++)
            cpu_clear_attention(m->cpu[i], ATT_EXIT);
        machine_carry_out(m); /* what the guest asked for comes before what comes in here */
        input_apply(m, all_idle(m));
        run_posts(m, false);
        if (take_disks_over(p))
            machine_settle_disks(m, 0);
        machine_carry_out(m);
        look_for_quit(m);
        if (p->quit)
            break;
        if (p->state != RUN_RUNNING || m->sys.clock.held)
            sleep_for(m, UINT64_MAX);
        else if (p->vclock.retired >= p->stop_at)
            stop_there(m);
        else if (p->polling.waits || all_idle(m))
            idle(m);
        else
            run_slice(m);
    }
    run_posts(m, true);
    input_apply(m, false); /* what came before the queue was closed: somebody may wait for it */
    return NULL;
}

bool machine_start(struct machine *m)
{
    m->priv->started = pthread_create(&m->priv->thread, NULL, machine_main, m) == 0;
    return m->priv->started;
}

int machine_join(struct machine *m)
{
    if (m->priv->started)
        pthread_join(m->priv->thread, NULL);
    m->priv->started = false;
    return m->priv->status;
}

bool machine_ended(struct machine *m)
{
    pthread_mutex_lock(&m->priv->lock);
    bool ended = m->priv->ended;
    pthread_mutex_unlock(&m->priv->lock);
    return ended;
}

bool machine_is_here(const struct machine *m)
{
    return !m->priv->started || pthread_equal(pthread_self(), m->priv->thread);
}

/* False when the machine has ended and nobody will run it. */
static bool queue(struct machine *m, struct post *post)
{
    struct machine_private *p = m->priv;
    pthread_mutex_lock(&p->lock);
    bool alive = !p->ended;
    if (alive) {
        *p->last = post;
        p->last = &post->next;
        pthread_cond_signal(&p->wake);
    }
    pthread_mutex_unlock(&p->lock);
    if (alive)
        machine_kick(m);
    return alive;
}

void machine_post(struct machine *m, void (*fn)(struct machine *m, void *arg), void *arg)
{
    struct post *post = malloc(sizeof(*post));
    if (!post)
        return;
    *post = (struct post){.fn = fn, .arg = arg};
    if (!queue(m, post))
        free(post);
}

void machine_call(struct machine *m, void (*fn)(struct machine *m, void *arg), void *arg)
{
    bool done = false;
    struct post post = {.fn = fn, .arg = arg, .done = &done};
    if (machine_is_here(m) || !queue(m, &post)) {
        fn(m, arg);
        return;
    }
    pthread_mutex_lock(&m->priv->lock);
    while (!done)
        pthread_cond_wait(&m->priv->finished, &m->priv->lock);
    pthread_mutex_unlock(&m->priv->lock);
}

enum run_state machine_state(struct machine *m) { return __atomic_load_n(&m->priv->state, __ATOMIC_ACQUIRE); }

static void call_stop(struct machine *m, void *arg)
{
    if (m->priv->state == RUN_RUNNING)
        machine_set_state(m, *(enum run_state *)arg);
}
void machine_stop(struct machine *m, enum run_state why) { machine_call(m, call_stop, &why); }

bool machine_is_over(enum run_state s) { return s == RUN_SHUTDOWN || s == RUN_PANICKED; }

static void call_cont(struct machine *m, void *arg)
{
    (void)arg;
    if (!machine_is_over(m->priv->state))
        machine_set_state(m, RUN_RUNNING);
}
void machine_cont(struct machine *m) { machine_call(m, call_cont, NULL); }

static void call_run_to(struct machine *m, void *arg)
{
    m->priv->stop_at = *(u64 *)arg;
    call_cont(m, NULL);
}
void machine_run_to(struct machine *m, u64 instructions) { machine_call(m, call_run_to, &instructions); }

void machine_quit(struct machine *m, const char *reason)
{
    struct machine_private *p = m->priv;
    pthread_mutex_lock(&p->lock);
    if (!p->quit_reason)
        __atomic_store_n(&p->quit_reason, reason, __ATOMIC_RELEASE);
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    machine_kick(m);
    if (m->ending)
        m->ending(m->ending_owner);
}

/* Takes an interrupt that waits: true when the CPU is at the start of a handler now. */
static bool enter_handler(struct cpu *cpu)
{
    u64 ip = cpu->gpr[SLOT_RIP], base = cpu->seg[CS].base;
    cpu_take_pending(cpu);
    return cpu->gpr[SLOT_RIP] != ip || cpu->seg[CS].base != base;
}

/* The next instruction has no interrupt before it, as after STI. */
static void hold_interrupts(struct cpu *cpu)
{
    if (cpu->halted || cpu->shadow)
        return;
    cpu->shadow = 1;
    cpu->shadow_ss = false;
    cpu_update_mode(cpu);
}

void machine_do_step(struct machine *m, unsigned which, bool interrupts, bool timers)
{
    struct vclock *v = &m->priv->vclock;
    struct cpu *cpu = m->cpu[which];
    if (m->priv->state == RUN_RUNNING)
        machine_set_state(m, RUN_DEBUG);
    if (machine_is_over(m->priv->state) || !machine_settle_disks(m, DISKS_STEP_MS))
        return;
    if (!interrupts)
        hold_interrupts(cpu);
    vclock_resume(v);
    cpu_clear_attention(cpu, ATT_EXIT);
    if (cpu_idle(cpu)) {
        vclock_idle_skip(v);
        vclock_sync(v);
    }
    if (!cpu_idle(cpu) && (!interrupts || !enter_handler(cpu)))
        run_cpu(m, cpu, 1);
    if (timers)
        vclock_sync(v);
    vclock_pause(v);
}
static void call_add_observer(struct machine *m, void *arg)
{
    struct machine_observer *o = arg;
    o->next = m->observers;
    m->observers = o;
}
void machine_add_observer(struct machine *m, struct machine_observer *o) { machine_call(m, call_add_observer, o); }

struct look {
    const char *screen;
    struct screen_observer *observer;
    bool found;
};
static void call_add_screen(struct machine *m, void *arg)
{
    struct look *l = arg;
    struct display *d = machine_find_display(m, l->screen);
    l->found = d != NULL;
    if (d)
        display_attach(d, l->observer);
}
bool machine_add_screen(struct machine *m, const char *screen, struct screen_observer *o)
{
    struct look l = {.screen = screen, .observer = o};
    machine_call(m, call_add_screen, &l);
    return l.found;
}

static void call_remove_screen(struct machine *m, void *arg)
{
    for (struct display *d = m->displays; d; d = d->next)
        display_detach(d, arg);
}
void machine_remove_screen(struct machine *m, struct screen_observer *o) { machine_call(m, call_remove_screen, o); }

static void call_add_sound(struct machine *m, void *arg) { audio_attach(&m->sys.audio, arg, clock_now(&m->sys.clock)); }
void machine_add_sound(struct machine *m, struct audio_sink *s) { machine_call(m, call_add_sound, s); }

static void call_remove_sound(struct machine *m, void *arg)
{
    audio_catch_up(&m->sys.audio, clock_now(&m->sys.clock));
    audio_detach(&m->sys.audio, arg);
}
void machine_remove_sound(struct machine *m, struct audio_sink *s) { machine_call(m, call_remove_sound, s); }

void machine_add_display(struct machine *m, struct display *d)
{
    struct display **p = &m->displays;
    while (*p)
        p = &(*p)->next;
    *p = d;
}

struct display *machine_find_display(struct machine *m, const char *screen)
{
    struct display *d = m->displays;
    while (d && screen && strcmp(d->name, screen) != 0)
        d = d->next;
    return d;
}
