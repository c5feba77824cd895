/*
 * What machine.c shares with the boards (pc.c, bare.c), the CPUs' world
 * (world.c) and virtual time (vclock.c). Nobody else includes it.
 */
#ifndef ORRERY_MACHINE_INTERNAL_H
#define ORRERY_MACHINE_INTERNAL_H

#include <pthread.h>

#include "bios/firmware.h"
#include "devices/core/input.h"
#include "devices/machine/machine.h"

/* Virtual time's two rules: from the count of instructions, or after the wall clock. */
struct vclock {
    struct clock *clock;
    enum icount_mode mode;
    unsigned shift; /* ns of an instruction: 1 << shift */
    u64 retired;    /* by all CPUs, before the running slice */
    u64 next_input; /* where time stops while all CPUs are idle, for an input that is to come then; else UINT64_MAX */
    u64 warp;       /* icount: ns that passed while all CPUs were idle, and shift changes */
    struct cpu *running;
    bool was_stopped;            /* the whole process was, for long: time that nobody had */
    bool stopped;                /* the machine is paused: time stands, whoever looks */
    u64 running_base;            /* its cpu_icount at the start of the slice */
    u64 auto_host, auto_virtual; /* icount auto: where the last adjustment was made */
    /* after the host's clock */
    u64 wall;          /* virtual time when last looked at; devices see no more than the next event's */
    u64 seen;          /* the host's clock then */
    u64 host_offset;   /* the host's clock at virtual 0 */
    u64 ran, ran_base; /* time CPUs had, now and at the start of the slice */
    u64 fired_ran;     /* 'ran' when an event last fired, ... */
    u64 fired_insns;   /* ... and the count of instructions */
    u64 insns_seen;    /* count of instructions when last looked at */
    u64 slowest;       /* what one may take, in 1/256 ns */
    u64 rate;          /* instructions per ms, lately */
    bool slowly;       /* the running slice goes by the interpreter though others may not: no measure of the rate */
    u64 (*host)(void); /* ns of the host's clock; tests have their own */
};
extern const struct state_field vclock_state[];
/* After a load: it goes on from the clock's moment. */
void vclock_restored(struct vclock *v);
void vclock_init(struct vclock *v, struct clock *clock, const struct machine_config *cfg);
/* Retired by all CPUs so far, exact within a slice. */
u64 vclock_instructions(const struct vclock *v);
/* Virtual time stands still from now on; it did until now. */
void vclock_pause(struct vclock *v);
void vclock_resume(struct vclock *v);
/* Instructions the next slice may run before an event is due; at most 'most'. */
u64 vclock_budget(struct vclock *v, u64 most);
/* 'host': the host's clock now. */
void vclock_slice_begin(struct vclock *v, struct cpu *cpu, u64 host);
void vclock_slice_end(struct vclock *v, u64 instructions, u64 host);
/* Fires what is due. */
void vclock_sync(struct vclock *v);
/* Virtual time for the running CPU itself: where the host's clock leads it may lie past an event about to fire. */
u64 vclock_read(struct vclock *v);
/* The running CPU is about to reach a device: what is due fires first. */
void vclock_before_access(struct vclock *v);
/* It is in the middle of a long instruction, which is left if something is due. */
void vclock_repetition(struct vclock *v);
/* The host's clock at virtual 0, as of now: where virtual time follows it, it does not move while the machine runs. */
u64 vclock_host_origin(const struct vclock *v);
/* All CPUs are idle: host ns to sleep until the next event (UINT64_MAX: none). */
u64 vclock_idle_sleep(struct vclock *v);
/* Without sleeping: time goes on to the next event at once, if there is one. */
void vclock_idle_skip(struct vclock *v);
/* ... and having slept: in icount mode moves to the next event. slept_all: the sleep was not cut short. */
void vclock_idle_done(struct vclock *v, u64 slept_ns, bool slept_all);
/* The same with -icount where a CPU polls in rounds of so many instructions: how many it ran, in whole rounds, at most
 * 'most'. */
u64 vclock_idle_rounds(struct vclock *v, u64 length, u64 most, u64 slept_ns, bool slept_all);
u64 host_ns(void);

struct post {
    void (*fn)(struct machine *m, void *arg);
    void *arg;
    bool *done; /* somebody waits for it to become true, and owns this; NULL: to be freed */
    struct post *next;
};

/* Guests that wait by polling (polling.c). */
enum { POLLING_BITS = 9, POLLING_NOTES = 1 << POLLING_BITS };
struct polling_note {
    u64 word; /* physical address of 8 bytes, ... */
    u8 *host; /* ... where they are, NULL: an empty slot; ... */
    u64 was;  /* ... and what they held */
};
struct polling {
    bool on;
    bool watching; /* a try is under way: writes are noted, reads of what time changes end it */
    bool waits;    /* the CPU whose turn it is waits, for the next event or input */
    u64 next_try;  /* host ns */
    u64 pause;     /* from the last try */
    unsigned count;
    struct polling_note note[POLLING_NOTES]; /* by hash of 'word' */
    struct cpu_round round;
};
void polling_init(struct polling *p, const struct machine_config *cfg);
/* Whether the slice that begins at 'now' (host ns) should be a try. */
bool polling_is_due(const struct machine *m, u64 now);
/* The guest has halted of itself until 'now' (host ns), and most likely will again soon. */
void polling_put_off(struct polling *p, u64 now);
/* The slice; returns instructions run, and says in 'waits' whether more would change nothing. */
u64 polling_run(struct machine *m, struct cpu *cpu, u64 budget);
/* ... and has waited: for so long, or until the next event. */
void polling_waited(struct machine *m, u64 slept_ns, bool slept_all);
/* While one is under way: 'size' bytes at pa are about to be written; host: where they are, NULL: not in RAM. */
void polling_write(struct polling *p, u64 pa, u8 *host, unsigned size);

struct machine_private {
    pthread_t thread;
    bool started;
    const struct flat_range
        *page_range[MAX_CPUS]; /* the last one each CPU asked for; NULL after a change of the view */
    pthread_mutex_t lock;      /* guards the fields up to the blank line */
    pthread_cond_t wake, finished;
    struct post *first, **last;
    bool ended;              /* nobody runs what is posted any more */
    bool disks_over;         /* requests of disks are, and wait to be told of */
    const char *quit_reason; /* of machine_quit(), or NULL */
    int status;

    /* machine thread only, but for state, which others may read */
    enum run_state state;
    bool want_reset, want_shutdown, want_exit, want_panic, want_suspend, want_io_stop;
    const char *reset_reason, *shutdown_reason;
    bool quit;
    struct vclock vclock;
    struct input_queue *inputs; /* input.c */
    struct cpu_env env;         /* world.c fills it, the board the interrupt side */
    unsigned turn;              /* whose turn it is, and how much of it is left */
    u64 quantum_left;
    u64 stop_at;      /* the machine pauses once so many instructions have retired */
    u32 turn_seed;    /* what the length of the next turn comes from */
    u64 last_refresh; /* host ns */
    u64 last_tsc;     /* what a CPU read last, before its own offset */
    struct polling polling;
    struct jit_perf *perf;
    struct firmware_dirs firmware;
    void *board; /* the board's own, which may have a table */
    size_t board_size;
    const struct state_field *board_state;
    void (*board_reset)(struct machine *m);
    void (*board_complete)(struct machine *m); /* all devices are there; may be NULL */
    void (*board_powerdown)(struct machine *m);
    void (*board_nmi)(struct machine *m);
    void (*board_destroy)(struct machine *m);
    /* Of a board with removable media: another disk (NULL: none) into that drive; the old one is closed.
     * False: no such drive, or its tray is locked and not forced. */
    bool (*board_change_medium)(struct machine *m, bool floppy, unsigned drive, struct disk *disk, bool force);
};

/* m->ram as the configuration has it. False with a sentence in sys.err. */
bool machine_add_ram(struct machine *m, u64 size);

/* world.c: fills env's memory, port and time functions; connects the spaces' callbacks. */
void world_init(struct machine *m);
/* The board is complete: code is forgotten where memory changes from now on. */
void world_watch(struct machine *m);
/* The time-stamp counter at that virtual time, before a CPU's own offset. */
u64 machine_tsc_at(const struct machine *m, u64 ns);
/* Boards: false with a sentence in m->sys.err. */
bool pc_build(struct machine *m);
bool bare_build(struct machine *m);
extern const struct state_field machine_state_table[], machine_private_table[];
/* Between slices: what chips and users asked for while one ran. */
void machine_carry_out(struct machine *m);
/* A reset is required. */
bool machine_is_over(enum run_state s);
/* The one place that says whether the machine runs, and with it its clock. */
void machine_set_state(struct machine *m, enum run_state s);
/* Makes every CPU leave its slice soon. Any thread. */
void machine_kick(struct machine *m);
/* Is this the machine's thread, or has it none yet? */
bool machine_is_here(const struct machine *m);
void machine_tell(struct machine *m, enum machine_event e, const char *detail);
/* Boards: one screen more. */
void machine_add_display(struct machine *m, struct display *d);
void machine_do_step(struct machine *m, unsigned cpu, bool interrupts, bool timers);

/* ---- input.c ---- */
bool input_init(struct machine *m);
void input_destroy(struct machine *m);
/* Between two instructions: applies what has come in, or is due. idle: no CPU has anything to do. */
void input_apply(struct machine *m, bool idle);
/* Something has come in. Any thread. */
bool input_pending(const struct machine *m);
/* Instructions until the source's next record; UINT64_MAX: none is to come. */
u64 input_distance(const struct machine *m);
/* Boards: whom keys and pointer reach; the pointer connected last is asked first. */
void input_connect_keyboard(struct machine *m, struct keyboard_sink sink);
void input_connect_pointer(struct machine *m, struct pointer_sink *sink);
/* Some device has begun or ceased to take the pointer. */
void input_pointer_changed(struct machine *m);
/* What the machine asks the host for is an input, too: returns 'host', or what the source has for it. */
u64 input_draw_number(struct machine *m, const char *what, u64 host);
void input_draw_bytes(struct machine *m, const char *what, u8 *bytes, size_t n);

#endif
