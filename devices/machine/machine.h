/*
 * The machine as front ends see it: create from a configuration, run, pause,
 * look, post input. It has a thread of its own (the machine thread) on which
 * CPUs and devices run; everything else asks by machine_post / machine_call.
 */
#ifndef ORRERY_DEVICES_MACHINE_H
#define ORRERY_DEVICES_MACHINE_H

#include "cpu/cpu.h"
#include "cpu/system/cpuid.h"
#include "devices/core/chardev.h"
#include "devices/block/disk.h"
#include "devices/core/display.h"
#include "devices/devices.h"
#include "devices/machine/input.h"

enum { MAX_FIRMWARE_DIRS = 8, MAX_CPUS = 8, MAX_SERIAL = 4, MAX_FLOPPY = 2, MAX_IDE = 4, MAX_LOOSE = 8 };

enum machine_type { MACHINE_PC, MACHINE_BARE, MACHINE_NONE };
enum icount_mode { ICOUNT_OFF, ICOUNT_SHIFT, ICOUNT_AUTO };
/* What the RTC goes by: the default (host, or with icount vm), the host's time of day, its monotonic clock, virtual
 * time. */
enum rtc_clock { RTC_CLOCK_DEFAULT, RTC_CLOCK_HOST, RTC_CLOCK_RT, RTC_CLOCK_VM };

struct drive_config {
    bool present; /* the drive exists; disk NULL: no medium */
    bool cdrom;
    struct disk *disk;
    const char *id; /* what devices know it by; NULL: no name */
};
/* A drive that waits for a device to name it. */
struct loose_drive {
    struct drive_config drive;
    bool taken;
    unsigned place; /* then: it has become config.ide[place] */
};
/* A drive as the guest has it now. */
struct drive_state {
    struct disk *disk;                 /* NULL: no medium */
    struct disk_count count[DISK_OPS]; /* what its guest asked of the medium */
    bool has_tray, tray_open, locked;
    const struct device *device; /* it is a drive of this one's; NULL: of none yet */
};

enum { TB_SIZE_DEFAULT = 48, TB_SIZE_MAX = 1024 }; /* MiB */

/* All the command line decides. Disks and chardevs are opened by the front end; the machine owns them after, disks also
 * when it could not be created. */
struct machine_config {
    enum machine_type type;
    const char *name;
    u64 ram_size; /* bytes */
    unsigned cpus;
    struct cpu_model cpu;
    const char *accel;     /* "jit", "lockstep", or "interp" or NULL */
    bool perfmap, jitdump; /* tell Linux perf of translated code */
    u64 tb_size;           /* bytes of code memory for each CPU's translator, TB_SIZE_MAX MiB at most */
    bool idle;             /* a guest that waits by polling sleeps (polling.c) */
    enum icount_mode icount;
    unsigned icount_shift;
    bool icount_sleep;
    bool seeded; /* RDRAND's numbers follow from 'seed'; else from the host's, or with icount from a fixed one */
    u64 seed;
    const struct device_args *devices; /* what the board has besides its own, ports included */
    unsigned ndevices;
    const struct global_property *globals;
    /* The back end a device's property names; see struct system. */
    struct chardev *(*find_chardev)(void *owner, const char *id);
    void *find_owner;
    /* How a debugger's registers are written: register 'number' of that layout, or, -1, all of them. False: refused. */
    bool (*write_registers)(struct cpu *cpu, unsigned layout, int number, const u8 *buf, size_t n);
    struct input_listener *input_listener; /* NULL: nobody records */
    struct input_source *input_source;     /* NULL: what comes in comes from the host alone */
    struct drive_config floppy[MAX_FLOPPY], ide[MAX_IDE];
    struct loose_drive loose[MAX_LOOSE];
    bool vga;
    bool no_acpi, no_pit, no_hpet;               /* -machine acpi=off, pit=off, hpet=off */
    bool nographic;                              /* the user has no screen: firmware speaks on COM1, too */
    u8 uuid[16];                                 /* the machine's identity; all 0: none */
    const char *mem_path;                        /* a folder or file that guest memory lies in, or NULL */
    bool mem_prealloc;                           /* takes all of it at the start */
    const char *firmware_dir[MAX_FIRMWARE_DIRS]; /* looked through before machine_firmware_dir() */
    unsigned nfirmware_dirs;
    const char *bios;                     /* file, or NULL for the default */
    const char *kernel, *initrd, *append; /* initrd: multiboot takes "file args,file args" */
    unsigned linux_entry;                 /* which entry point of a bzImage: 16, 32, 64; 0: the default */
    const char *boot_order;               /* "cad" letters, or NULL */
    const char *boot_once;                /* the same, until the first reset; or NULL */
    bool boot_menu;
    const char *splash; /* a JPEG or BMP file shown with the menu, or NULL */
    u32 splash_time_ms;
    u32 reboot_timeout_ms; /* where nothing boots; UINT32_MAX: never */
    bool boot_strict;      /* nothing but what the boot order names */
    bool fd_bootchk;
    u64 rtc_base; /* seconds since 1970 at start; UINT64_MAX: the host's clock */
    bool rtc_localtime;
    enum rtc_clock rtc_clock;
    bool rtc_slew; /* -rtc driftfix=slew */
    bool no_reboot, no_shutdown, start_paused;
    struct trace *trace;
};

enum run_state {
    RUN_RUNNING,
    RUN_PAUSED,
    RUN_DEBUG,
    RUN_SHUTDOWN,
    RUN_PANICKED,
    RUN_PRELAUNCH,
    RUN_SUSPENDED,
    RUN_IO_ERROR
};
const char *run_state_name(enum run_state s); /* QMP's spelling */

enum machine_event {
    EVENT_STOP,
    EVENT_RESUME,
    EVENT_RESET,
    EVENT_SHUTDOWN,
    EVENT_POWERDOWN,
    EVENT_GUEST_PANICKED,
    EVENT_DEBUG,
    EVENT_DEVICE_DELETED
};
struct machine_observer {
    /* On the machine thread. detail: for SHUTDOWN and RESET the QMP reason ("guest-shutdown", ...), for
     * DEVICE_DELETED the device's id, else NULL. */
    void (*event)(struct machine_observer *o, enum machine_event e, const char *detail);
    /* On the machine thread: the host failed a disk. NULL: not told. */
    void (*disk_failed)(struct machine_observer *o, const struct disk_failure *f);
    struct machine_observer *next;
};

struct machine {
    struct system sys;
    struct machine_config config;
    struct cpu *cpu[MAX_CPUS];
    unsigned ncpus;
    struct ram *ram;
    struct display *displays;          /* in order of creation; NULL without a display adapter */
    struct device *pic, *ioapic, *pci; /* for info commands; NULL on a board without */
    /* What a drive tells of itself; false: no such drive. Machine thread. Set by a board with removable media. */
    bool (*look_at_drive)(struct machine *m, bool floppy, unsigned drive, struct drive_state *out);
    struct machine_observer *observers;
    struct disk_watch disks; /* for each disk that is put in */
    struct {
        bool valid;
        unsigned cpu;
        enum point_kind kind;
        u64 lin;
    } stop;                      /* the debugger's point that was hit last; the reader clears valid */
    void (*ending)(void *owner); /* on any thread: somebody called machine_quit(); set before the machine starts */
    void *ending_owner;
    struct machine_private *priv; /* machine.c */
};

/* Where firmware is looked for last. */
const char *machine_firmware_dir(void);
/* How guest code runs unless somebody says otherwise: "jit" where this build can translate for its host. */
const char *machine_default_accel(void);
/* Builds the whole machine; NULL with one sentence in err. */
struct machine *machine_create(const struct machine_config *cfg, char *err, size_t err_size);
void machine_destroy(struct machine *m);
/* Starts the machine thread (paused if so configured). */
bool machine_start(struct machine *m);
/* Waits until the machine has ended; the process exit status. */
int machine_join(struct machine *m);
bool machine_ended(struct machine *m);

/* From any thread: fn(m, arg) runs on the machine thread at the next safe point, to look at things; what is to change
 * them is an input (below). machine_call waits for it. */
void machine_post(struct machine *m, void (*fn)(struct machine *m, void *arg), void *arg);
void machine_call(struct machine *m, void (*fn)(struct machine *m, void *arg), void *arg);

/* Callable from any thread. */
enum run_state machine_state(struct machine *m);
void machine_stop(struct machine *m, enum run_state why); /* RUN_PAUSED or RUN_DEBUG; returns when stopped */
void machine_cont(struct machine *m);
/* The same, but once its CPUs have run 'instructions' in all, counted from its beginning, it pauses. */
void machine_run_to(struct machine *m, u64 instructions);
/*
 * Asks the machine thread to end, and does not wait. reason: the QMP reason, "host-qmp-quit", "host-signal", "host-ui"
 */
void machine_quit(struct machine *m, const char *reason);

/*
 * What reaches the guest from outside passes the machine's input queue (input.h) by one of the following, from any
 * thread; nothing else may write to the machine. Keys and pointer are left there, and lost where the machine does not
 * keep up.
 *
 * Keys are set-1 scan codes; 0xe000 | code for extended keys; 0xe11d45 for Pause, 0xe037 for Print.
 */
void machine_key(struct machine *m, u32 code, bool down);
void machine_pointer_move(struct machine *m, int dx, int dy); /* dy counts downwards */
/* 0 to 32767 from the left and upper edge of that screen. */
void machine_pointer_at(struct machine *m, const char *screen, int x, int y);
void machine_pointer_wheel(struct machine *m, int dz); /* > 0: away from the user */
void machine_pointer_buttons(struct machine *m,
                             unsigned buttons); /* all that are down: 1 left, 2 right, 4 middle, ... */
/* Some device takes positions now. */
bool machine_pointer_absolute(struct machine *m);
/* Which device has the pointer's buttons, or NULL. */
const char *machine_pointer_name(struct machine *m);

/*
 * Where bytes for a character device come in. A few thousand wait in the port, the rest with whoever brings them:
 * 'room' is called on the machine's thread when some have been taken. The port goes with the machine. NULL: no memory.
 */
struct input_port *machine_open_port(struct machine *m, struct chardev *cd, const char *name, void (*room)(void *owner),
                                     void *owner);
size_t machine_port_room(struct input_port *p);
size_t machine_port_put(struct input_port *p, const u8 *buf, size_t n); /* how many there was room for */
void machine_port_event(struct input_port *p, enum chardev_event e);

/* The rest of them return when it has been applied. */
void machine_reset(struct machine *m);     /* system_reset */
void machine_powerdown(struct machine *m); /* the ACPI power button */
void machine_nmi(struct machine *m);
/*
 * Stops the machine, if it runs, and runs one instruction of that CPU. Of a halted CPU time goes on to the next event,
 * which may wake it; else it stays halted. With 'interrupts' one that waits is taken instead, and its handler's first
 * instruction is the next, else they are held off; with 'timers' events that are due happen after it.
 */
void machine_step(struct machine *m, unsigned cpu, bool interrupts, bool timers);
/*
 * Another disk (NULL: none), that image 'file' was opened for, into a drive with removable media; the old one is
 * closed. False: no such drive, or its tray is locked and not forced, and the disk is the caller's.
 */
bool machine_change_medium(struct machine *m, bool floppy, unsigned drive, struct disk *disk, const char *file,
                           bool force);
/* A debugger's: linear for that CPU, or, -1, physical. False: not mapped. */
bool machine_write_memory(struct machine *m, int cpu, u64 addr, const u8 *buf, size_t n);
bool machine_write_registers(struct machine *m, unsigned cpu, unsigned layout, int number, const u8 *buf, size_t n);
u32 machine_read_port(struct machine *m, u16 port, unsigned size);
void machine_write_port(struct machine *m, u16 port, u32 val, unsigned size);
/* device_add and device_del; false with a sentence in err. */
bool machine_device_add(struct machine *m, const struct device_args *args, char *err, size_t err_size);
bool machine_device_del(struct machine *m, const char *id, char *err, size_t err_size);

void machine_add_observer(struct machine *m, struct machine_observer *o);
/*
 * Waits for what the disks have under way, at most that long, on the machine's thread: false, something still is. What
 * saves or loads a state does it before: no state has a disk's request in it.
 */
bool machine_settle_disks(struct machine *m, unsigned ms);
/*
 * To look at a screen (NULL: the first), by the name of its adapter: the whole picture at once, and changes from then
 * on, until it is removed. False: there is none of that name.
 */
bool machine_add_screen(struct machine *m, const char *screen, struct screen_observer *o);
void machine_remove_screen(struct machine *m, struct screen_observer *o);
/* What the guest plays from now on, until it is removed. */
void machine_add_sound(struct machine *m, struct audio_sink *s);
void machine_remove_sound(struct machine *m, struct audio_sink *s);
/* The same screen, or NULL. Machine thread. */
struct display *machine_find_display(struct machine *m, const char *screen);

#endif
