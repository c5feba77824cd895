/*
 * What the parsers of options.def's rows share. One function per row checks
 * the argument and writes struct options; files are not touched, so that
 * every error of spelling comes before anything has an effect.
 *
 * options_SUBJECT.c holds the rows of one subject; options_finish, in
 * options.c, calls what has to wait until all options are known.
 */
#ifndef ORRERY_FRONTEND_OPTIONS_PARSE_H
#define ORRERY_FRONTEND_OPTIONS_PARSE_H

#include "frontend/options.h"

/* A copy that lives as long as the options. */
const char *options_keep(struct options *o, const char *s);

/* ---- rows that need no function of their own ---- */
#define UNUSED_ARGS (void)arg, (void)out, (void)e
/* The argument itself is the value. */
#define KEEP_STRING(function, field)                                                                                   \
    int function(struct options *o, const char *arg, FILE *out, struct error *e)                                       \
    {                                                                                                                  \
        UNUSED_ARGS;                                                                                                   \
        o->field = arg;                                                                                                \
        return true;                                                                                                   \
    }
/* No argument: the word is the value. */
#define SET_BOOL(function, field, value)                                                                               \
    int function(struct options *o, const char *arg, FILE *out, struct error *e)                                       \
    {                                                                                                                  \
        UNUSED_ARGS;                                                                                                   \
        o->field = value;                                                                                              \
        return true;                                                                                                   \
    }

/* Something the user should know though nothing is wrong: printed once the machine is about to run. */
void options_note(struct options *o, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- accelerators (options_accel.c) ---- */
/* "kvm:tcg": the first that can be is it, unless an earlier word has already been. */
bool options_add_accels(struct options *o, const char *list, struct error *e);
void options_finish_accel(struct options *o);

/* ---- sound (options_other.c) ---- */
/* What the speaker is told to sound through exists. */
bool options_finish_audio(const struct options *o, struct error *e);

/* ---- memory (options_machine.c) ---- */
/* The -object that -machine memory-backend= names is the guest's memory. */
bool options_finish_memory(struct options *o, struct error *e);

/* ---- streams (options_char.c) ---- */
enum { STREAM_BAD = -3 };
/* Index of a new stream for that option's DEV; STREAM_BAD with the sentence in e. */
int options_add_stream(struct options *o, const char *option, const char *dev, const char *label, struct error *e);
/* Ports and monitors nobody mentioned (QEMU's rules, -nographic included), and every chardev:ID led to its device. */
bool options_finish_streams(struct options *o, struct error *e);

/* One more user of the stream of that label; false: there is none, or it cannot be shared. */
bool options_use_chardev(struct options *o, const char *label, struct error *e);

/* ---- devices (options_device.c) ---- */
/* A device of that class; index -1 and chardev NULL: not said. */
bool options_add_device(struct options *o, const char *driver, int index, const char *chardev, struct error *e);
/* Checks and counts what the device's properties name. */
bool options_device_streams(struct options *o, const struct device_args *a, struct error *e);
/* All devices and globals are known: config has them. */
void options_list_devices(struct options *o);

/* ---- drives (options_drive.c) ---- */
/* Indices for drives without; the empty CD-ROM and floppy drive every PC has. */
bool options_finish_drives(struct options *o, struct error *e);

#endif
