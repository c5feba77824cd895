/*
 * What machine.c shares with the boards (pc.c, bare.c), the CPUs' world
 * (world.c) and virtual time (vclock.c). Nobody else includes it.
 */
#ifndef ORRERY_MACHINE_INTERNAL_H
#define ORRERY_MACHINE_INTERNAL_H

#include <pthread.h>

#include "bios/firmware.h"
#include "devices/machine.h"

/* Virtual time's two rules: from the count of instructions, or after the wall clock. */
struct vclock {
    struct clock *clock;
    enum icount_mode mode;
    unsigned shift; /* ns of an instruction: 1 << shift */
    u64 retired;    /* by all CPUs, before the running slice */
    u64 warp;       /* icount: ns that passed while all CPUs were idle, and shift changes */
    struct cpu *running;
    bool stopped;                /* the machine is paused: time stands, whoever looks */
    u64 running_base;            /* its cpu_icount at the start of the slice */
    u64 host_offset;             /* wall: host ns at virtual 0 */
    u64 seen;                    /* wall: host ns when it was last looked at */
    u64 rate;                    /* wall: instructions per ms, lately */
    u64 auto_host, auto_virtual; /* icount auto: where the last adjustment was made */
};
void vclock_init(struct vclock *v, struct clock *clock, const struct machine_config *cfg);
/* Virtual time stands still from now on; it did until now. */
void vclock_pause(struct vclock *v);
void vclock_resume(struct vclock *v);
/* Instructions the next slice may run before an event is due; at most 'most'. */
u64 vclock_budget(struct vclock *v, u64 most);
void vclock_slice_begin(struct vclock *v, struct cpu *cpu);
void vclock_slice_end(struct vclock *v, u64 instructions, u64 host_ns);
/* Fires what is due. */
void vclock_sync(struct vclock *v);
/* All CPUs are idle: host ns to sleep until the next event (UINT64_MAX: none). */
u64 vclock_idle_sleep(struct vclock *v);
/* ... and having slept: in icount mode moves to the next event. slept_all: the sleep was not cut short. */
void vclock_idle_done(struct vclock *v, u64 slept_ns, bool slept_all);
u64 host_ns(void);

struct post {
    void (*fn)(struct machine *m, void *arg);
    void *arg;
    bool *done;
    struct post *next;
};

struct machine_private {
    pthread_t thread;
    bool started;
    const struct flat_range *page_range; /* the last one a CPU asked for; NULL after a change of the view */
    pthread_mutex_t lock;                /* guards the fields up to the blank line */
    pthread_cond_t wake, finished;
    struct post *first, **last;
    bool ended;
    int status;

    /* machine thread only, but for state, which others may read */
    enum run_state state;
    bool want_reset, want_shutdown, want_exit, want_panic, want_suspend, want_io_stop;
    const char *reset_reason, *shutdown_reason;
    bool quit;
    struct vclock vclock;
    struct cpu_env env; /* world.c fills it, the board the interrupt side */
    unsigned turn;      /* whose turn it is, and how much of it is left */
    u64 quantum_left;
    u32 turn_seed;       /* what the length of the next turn comes from */
    u64 last_refresh;    /* host ns */
    struct cpu *current; /* running right now: for per-CPU devices */
    struct jit_perf *perf;
    struct firmware_dirs firmware;
    void *board; /* the board's own */
    void (*board_reset)(struct machine *m);
    void (*board_complete)(struct machine *m); /* all devices are there; may be NULL */
    void (*board_powerdown)(struct machine *m);
    void (*board_nmi)(struct machine *m);
    void (*board_destroy)(struct machine *m);
};

/* m->ram as the configuration has it. False with a sentence in sys.err. */
bool machine_add_ram(struct machine *m, u64 size);

/* world.c: fills env's memory, port and time functions; connects the spaces' callbacks. */
void world_init(struct machine *m);
/* The board is complete: code is forgotten where memory changes from now on. */
void world_watch(struct machine *m);
/* Boards: false with a sentence in m->sys.err. */
bool pc_build(struct machine *m);
bool bare_build(struct machine *m);
/* Makes every CPU leave its slice soon. Any thread. */
void machine_kick(struct machine *m);

#endif
