/*
 * The command line: options.def is the list, options.c finds the row and
 * checks arguments, options_SUBJECT.c hold one function per row, and what comes
 * out is a struct options in which nothing has been opened yet. QEMU's
 * spelling and meaning; what QEMU has and we have not is an error, unless no
 * guest and no user could tell.
 */
#ifndef ORRERY_FRONTEND_OPTIONS_H
#define ORRERY_FRONTEND_OPTIONS_H

#include "devices/machine/machine.h"
#include "frontend/device_words.h"
#include "frontend/process.h"
#include "frontend/sdl.h"
#include "frontend/sound.h"
#include "frontend/stream_spec.h"

enum {
    MAX_STREAM_SPECS = 32,
    MAX_DRIVES = MAX_FLOPPY + MAX_IDE + MAX_LOOSE,
    MAX_MONITORS = 8,
    MAX_DEVICES = 64,
    MAX_GLOBALS = 32,
    STREAM_NONE = -1,  /* no stream: the device is there, nothing behind it */
    STREAM_ABSENT = -2 /* the device is not there either ("-serial none") */
};

enum drive_bus { DRIVE_IDE, DRIVE_FLOPPY, DRIVE_NONE /* -device plugs it in */, DRIVE_BUSES };
enum { DRIVE_NAME_MAX = 64 };
struct drive_option {
    enum drive_bus bus;
    int index; /* -1: the next free one */
    bool cdrom;
    struct disk_options image; /* path NULL: no medium */
    const char *id;            /* for monitor commands; NULL: "ide1-cd0" and so on */
    const char *given;         /* the option as typed, for messages */
    char name[DRIVE_NAME_MAX]; /* the id, or that; once all drives have their places */
    char *changed;             /* what the monitor put in: image.path points here */
};
struct monitor_option {
    int stream; /* index into specs */
    bool qmp;
};
struct global_option {
    struct global_property property;
    char *buf; /* what it points into */
};
enum display_kind { DISPLAY_DEFAULT, DISPLAY_NONE, DISPLAY_SDL };
struct memory_object {
    const char *id;
    u64 size; /* bytes */
};

struct options {
    struct machine_config config; /* complete but for disks and chardevs */
    struct stream_spec specs[MAX_STREAM_SPECS];
    unsigned nspecs;
    int serial[MAX_SERIAL], parallel; /* indices of specs or STREAM_... */
    unsigned nserial, nparallel, ndebugcon;
    struct monitor_option monitor[MAX_MONITORS];
    unsigned nmonitors;
    int gdb; /* STREAM_NONE: no stub */
    struct drive_option drive[MAX_DRIVES];
    unsigned ndrives;
    enum display_kind display;
    bool nographic, nodefaults, snapshot;
    bool vga_given, default_monitor;
    struct device_words device[MAX_DEVICES];
    struct device_args device_args[MAX_DEVICES]; /* theirs, for config */
    unsigned ndevices;
    struct global_option global[MAX_GLOBALS];
    unsigned nglobals;
    struct trace trace;
    const char *log_file, *pidfile;
    const char *loadvm;         /* a file, or NULL */
    bool accel_given;           /* one of ours: config.accel is what the user said */
    const char *hardware_accel; /* the first of the others that was asked for */
    struct memory_object memory_object[8];
    unsigned nmemory_objects;
    struct sound_options sound;
    const char *speaker_audiodev; /* the id the speaker is to have; NULL: nobody hears it */
    const char *memory_backend;   /* -machine memory-backend=: the id of one of them */
    bool memory_given;            /* by -m */
    struct process_options process;
    u8 escape; /* -echr: the key that a mux listens for */
    struct sdl_options window;
    const char *note[8]; /* for the user, see options_note; among 'owned' */
    unsigned nnotes;
    char *owned[256]; /* strings to free */
    unsigned nowned;
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE /* help or version was printed to out */, OPTIONS_ERROR };
/* Parses all of argv; on OPTIONS_ERROR one sentence is in e. Always pair with options_free. */
enum options_result options_parse(struct options *o, int argc, char *const argv[], FILE *out, struct error *e);
void options_free(struct options *o);
/* What the machine is told of a drive. */
struct drive_config *options_drive_config(struct options *o, const struct drive_option *d);
/* The line scripts look at: QEMU's version whose words we follow, then our own. */
void options_version(FILE *out);
/* -help: everything, grouped, with examples. */
void options_help(FILE *out, const char *program);

/* ---- between options.c and the rows' functions ---- */
enum { OPTION_DONE = 2 }; /* a parser that printed something and wants to end */
/* 'out' is for those that print lists ("-cpu help"). Returns 0: see e, 1: fine, OPTION_DONE. */
typedef int option_parse(struct options *o, const char *arg, FILE *out, struct error *e);
#define OPTION(name, argument, group, parse, help) option_parse parse;
#include "frontend/options.def"
#undef OPTION

#endif
