/*
 * The program: reads the command line, opens what it names, builds the
 * machine, attaches the front ends, and waits on the host's event loop until
 * the machine has ended. The only file that may name everything.
 *
 * Threads: the machine has its own (machine.h); everything here is the main
 * thread, but for signals, which the guard's thread reads (guard.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "devices/machine/machine.h"
#include "devices/machine/snapshot.h"
#include "frontend/device_end.h"
#include "frontend/disasm.h"
#include "frontend/gdb_registers.h"
#include "frontend/gdbstub.h"
#include "frontend/guard.h"
#include "frontend/host.h"
#include "frontend/loop.h"
#include "frontend/monitor.h"
#include "frontend/mux.h"
#include "frontend/options.h"
#include "frontend/own_file.h"
#include "frontend/qmp.h"
#include "frontend/sdl.h"
#include "frontend/stream.h"
#include "frontend/stream_log.h"
#include "frontend/terminal.h"

enum { MAX_ENDS = MAX_DEVICES };

struct app {
    struct options options;
    struct loop *loop;
    struct machine *machine;
    struct host host;                         /* host.stream: by spec */
    struct sound *sound;                      /* or NULL */
    struct mux *mux[MAX_STREAM_SPECS];        /* over that stream, or NULL */
    struct stream_log *log[MAX_STREAM_SPECS]; /* of that stream, or NULL */
    unsigned stream_users[MAX_STREAM_SPECS];
    struct monitor *monitor[MAX_MONITORS];
    struct qmp *qmp[MAX_MONITORS];
    struct gdb_server *gdb;
    struct stream *gdb_stream; /* opened by the monitor; NULL: one of host.stream */
    struct stream *gdb_next;   /* to be taken instead, or NULL for none */
    struct sdl *window;
    struct device_end *end[MAX_ENDS], *end_of[MAX_STREAM_SPECS]; /* all, and the last of a stream's */
    unsigned nends;
    struct guard *guard;
    struct own_file pidfile;
    struct host_listener listener;
    bool ending;
    int process_ready; /* see process.h */
};

/* ---- signals and the end ---- */

/* What guard and main thread share: the machine, once there is one. */
static struct machine *machine_of(struct app *app) { return __atomic_load_n(&app->machine, __ATOMIC_ACQUIRE); }

/* Whoever reads standard error may have stopped: it is not waited for. */
static bool can_complain(void)
{
    struct pollfd err = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&err, 1, 0) == 1 && (err.revents & POLLOUT);
}

static void end_by_signal(void *owner, int sig)
{
    struct app *app = owner;
    struct machine *m = machine_of(app);
    if (can_complain())
        fprintf(stderr, "orrery: ending on signal %d (%s)\n", sig, strsignal(sig));
    if (m) {
        machine_quit(m, "host-signal");
        return;
    }
    terminal_restore(); /* still opening things */
    _exit(EXIT_FAILURE);
}

static void suspend(void *arg)
{
    (void)arg;
    terminal_suspend();
}
static void resume(void *arg)
{
    (void)arg;
    terminal_resume();
}
static void job_signal(void *owner, int sig)
{
    struct app *app = owner;
    loop_post(app->loop, sig == SIGTSTP ? suspend : resume, NULL);
}

static void each_disk(struct machine *m, void (*act)(struct disk *d))
{
    for (unsigned i = 0; i < MAX_IDE; i++) {
        if (m->config.ide[i].disk)
            act(m->config.ide[i].disk);
    }
    for (unsigned i = 0; i < MAX_FLOPPY; i++) {
        if (m->config.floppy[i].disk)
            act(m->config.floppy[i].disk);
    }
}

static void sync_disks(struct machine *m, void *arg)
{
    (void)arg;
    each_disk(m, disk_sync);
}

/* Without the machine's thread, which may be in the middle of anything, and without waiting for a disk for ever. */
static bool end_without_machine(void *owner)
{
    struct app *app = owner;
    struct machine *m = machine_of(app);
    if (!m || machine_ended(m))
        return false;
    terminal_restore();
    if (can_complain())
        fprintf(stderr, "orrery: the machine does not answer: ending without it\n");
    own_file_remove(&app->pidfile);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    alarm(1);
    each_disk(m, disk_sync_now);
    return true;
}

static void ending(void *owner)
{
    struct app *app = owner;
    guard_expect_end(app->guard);
}

/* Before any other thread starts. */
static bool start_guard(struct app *app, struct error *e)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGTTIN, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    app->guard = guard_create(&(struct guard_actions){end_by_signal, job_signal, end_without_machine, app});
    return app->guard || fail(e, "cannot watch for signals: %s", strerror(errno));
}

/* ---- opening ---- */

static bool open_log(struct app *app, struct error *e)
{
    struct options *o = &app->options;
    o->trace.out = stderr;
    o->trace.disasm = disasm_print;
    if (o->log_file) {
        o->trace.out = fopen(o->log_file, "we");
        if (!o->trace.out)
            return fail(e, "-D %s: cannot create it: %s", o->log_file, strerror(errno));
        setvbuf(o->trace.out, NULL, _IOLBF, 0);
    }
    o->config.trace = &o->trace;
    return true;
}

static void quit_by_mux(void *owner)
{
    struct app *app = owner;
    if (app->machine)
        machine_quit(app->machine, "host-qmp-quit");
}

static void sync_by_mux(void *owner)
{
    struct app *app = owner;
    if (app->machine)
        machine_post(app->machine, sync_disks, NULL);
}

static bool open_streams(struct app *app, struct error *e)
{
    struct options *o = &app->options;
    for (unsigned i = 0; i < o->nspecs; i++) {
        if (o->specs[i].kind == STREAM_CHARDEV)
            continue;
        if (o->specs[i].vc)
            fprintf(stderr, "orrery: %s: the window has no text consoles (vc): what is sent there is not shown\n",
                    o->specs[i].label);
        app->host.stream[i] = stream_open(&o->specs[i], app->loop, e);
        if (!app->host.stream[i])
            return fail_in(e, "%s", o->specs[i].option);
        if (o->specs[i].log) {
            app->log[i] = stream_log_open(app->host.stream[i], o->specs[i].log, o->specs[i].log_append, e);
            if (!app->log[i])
                return fail_in(e, "%s %s,logfile=", o->specs[i].option, o->specs[i].label);
        }
        if (o->specs[i].mux) {
            app->mux[i] =
                mux_create(app->host.stream[i], o->escape, &(struct mux_actions){quit_by_mux, sync_by_mux, app});
            if (!app->mux[i])
                return fail(e, "out of memory");
        }
    }
    return true;
}

/* The stream a user of spec i gets: its own port where several share it. */
static struct stream *stream_for(struct app *app, int i)
{
    if (i < 0)
        return NULL;
    app->stream_users[i]++;
    return app->mux[i] ? mux_port(app->mux[i]) : app->host.stream[i];
}

/* The device's end of stream i, one of its own for each where several share it; NULL: no more can be had. */
static struct device_end *end_for(struct app *app, int i)
{
    if (!app->mux[i] && app->end_of[i])
        return app->end_of[i];
    if ((!app->mux[i] && app->stream_users[i]) || app->nends == MAX_ENDS)
        return NULL;
    struct device_end *d = device_end_create(stream_for(app, i));
    if (!d)
        return NULL;
    app->end_of[i] = app->end[app->nends++] = d;
    return !app->machine || device_end_start(d, app->machine) ? d : NULL;
}

/* What a device's property names; NULL: there is none, or it has its user. */
static struct chardev *find_chardev(void *owner, const char *label)
{
    struct app *app = owner;
    for (unsigned i = 0; i < app->options.nspecs; i++) {
        const struct stream_spec *s = &app->options.specs[i];
        if (s->kind == STREAM_CHARDEV || strcmp(s->label, label) != 0)
            continue;
        struct device_end *d = end_for(app, (int)i);
        return d ? device_end_take(d) : NULL;
    }
    return NULL;
}

/* ---- the gdb stub, from -gdb or the monitor ---- */

/* Posted, as the command to change it may have come through the stub itself. */
static void change_gdb(void *arg)
{
    struct app *app = arg;
    gdb_server_free(app->gdb);
    stream_close(app->gdb_stream);
    app->gdb_stream = app->gdb_next;
    app->gdb_next = NULL;
    app->gdb = app->gdb_stream ? gdb_server_create(&app->host, app->gdb_stream) : NULL;
}

static bool listen_for_gdb(struct host *h, const char *dev, struct error *e)
{
    struct app *app = container_of(h, struct app, host);
    struct stream_spec spec;
    if (!app->machine->ncpus)
        return fail(e, "this machine has no CPU");
    if (app->gdb_next)
        return fail(e, "the last change is still under way");
    if (strcmp(dev, "none") != 0) {
        bool ok = stream_spec_parse(&spec, dev, "gdb", e);
        spec.server = spec.kind == STREAM_UNIX || spec.kind == STREAM_TCP;
        spec.wait = false;
        ok = ok && (spec.kind != STREAM_CHARDEV || fail(e, "name a device, not a -chardev"));
        app->gdb_next = ok ? stream_open(&spec, app->loop, e) : NULL;
        stream_spec_free(&spec);
        if (!app->gdb_next)
            return false;
    }
    loop_post(app->loop, change_gdb, app);
    return true;
}

static bool open_drives(struct app *app, struct error *e)
{
    struct options *o = &app->options;
    for (unsigned i = 0; i < o->ndrives; i++) {
        struct drive_option *d = &o->drive[i];
        struct drive_config *to = options_drive_config(o, d);
        *to = (struct drive_config){.present = true, .cdrom = d->cdrom, .id = d->name};
        if (!d->image.path)
            continue;
        struct disk_options opt = d->image;
        struct error why = {{0}};
        opt.drive = d->name;
        to->disk = disk_open(&opt, &o->trace, why.text, sizeof(why.text));
        if (!to->disk)
            return fail(e, "%s: %.300s", d->given, why.text);
    }
    return true;
}

/* Before there is a machine to own them. */
static void close_drives(struct app *app)
{
    struct machine_config *c = &app->options.config;
    for (unsigned i = 0; i < MAX_IDE; i++)
        disk_close(c->ide[i].disk);
    for (unsigned i = 0; i < MAX_FLOPPY; i++)
        disk_close(c->floppy[i].disk);
    for (unsigned i = 0; i < MAX_LOOSE; i++)
        disk_close(c->loose[i].drive.disk);
}

/* Nothing makes sound but the speaker, if it is connected. */
static bool open_sound(struct app *app, struct error *e)
{
    const struct sound_options *o = &app->options.sound;
    if (!o->id || !app->options.speaker_audiodev)
        return true;
    *e = (struct error){{0}};
    app->sound = sound_find_driver(o->driver)->open(o, e);
    if (app->sound)
        machine_add_sound(app->machine, &app->sound->sink);
    return app->sound || !e->text[0];
}

/* ---- running ---- */

static void connect_monitors(struct app *app)
{
    struct options *o = &app->options;
    for (unsigned i = 0; i < o->nmonitors; i++) {
        int at = o->monitor[i].stream;
        struct stream *s = stream_for(app, at);
        if (!s)
            continue;
        if (o->monitor[i].qmp)
            app->qmp[i] = qmp_create(&app->host, s);
        else
            app->monitor[i] = monitor_create(&app->host, s, app->mux[at] && app->stream_users[at] > 1);
    }
}

/* A window where one was asked for, or can be had and nobody said otherwise. */
static bool open_window(struct app *app, struct error *e)
{
    enum display_kind kind = app->options.display;
    if (!app->machine->displays || kind == DISPLAY_NONE || (kind == DISPLAY_DEFAULT && !sdl_display_exists()))
        return true;
    app->window = sdl_create(app->loop, app->machine, app->host.keys, &app->options.window, e);
    if (app->window || kind == DISPLAY_SDL)
        return app->window != NULL;
    fprintf(stderr, "orrery: going on without a window: %s\n", e->text);
    e->text[0] = '\0';
    return true;
}

/* A shutdown that is not to be survived: machine_join waits for the rest, so the loop need not look again. */
static void happened(void *owner, enum machine_event e, const char *detail, u64 when_us)
{
    struct app *app = owner;
    (void)detail;
    (void)when_us;
    app->ending |= e == EVENT_SHUTDOWN && !app->options.config.no_shutdown;
}

/* First of all, as who finds it taken must not touch anything else. */
static bool write_pidfile(struct app *app, struct error *e)
{
    const char *name = app->options.pidfile;
    return !name || own_file_pid(&app->pidfile, name, e);
}

static bool build(struct app *app, struct error *e)
{
    if (!open_log(app, e))
        return false;
    if (!write_pidfile(app, e) || !open_drives(app, e) || !open_streams(app, e)) {
        close_drives(app);
        return false;
    }
    app->options.config.find_chardev = find_chardev;
    app->options.config.find_owner = app;
    app->options.config.write_registers = gdb_write_registers;
    struct machine *m = machine_create(&app->options.config, e->text, sizeof(e->text));
    if (m) {
        m->ending = ending;
        m->ending_owner = app;
    }
    __atomic_store_n(&app->machine, m, __ATOMIC_RELEASE);
    if (!m)
        return false;
    if (!host_start(&app->host, app->machine))
        return fail(e, "out of memory");
    if (app->options.loadvm && !machine_load(m, app->options.loadvm, e->text, sizeof(e->text)))
        return false;
    app->listener = (struct host_listener){.event = happened, .owner = app};
    host_listen(&app->host, &app->listener);
    for (unsigned i = 0; i < app->nends; i++) {
        if (!device_end_start(app->end[i], app->machine))
            return fail(e, "out of memory");
    }
    if (!open_sound(app, e))
        return false;
    connect_monitors(app);
    if (app->options.gdb != STREAM_NONE)
        app->gdb = gdb_server_create(&app->host, stream_for(app, app->options.gdb));
    if (!open_window(app, e))
        return false;
    if (!process_ready(&app->options.process, app->process_ready, e))
        return false;
    return machine_start(app->machine) || fail(e, "cannot start the machine's thread: %s", strerror(errno));
}

static bool ended(void *owner)
{
    struct app *app = owner;
    return app->ending || machine_ended(app->machine);
}

static void tear_down(struct app *app)
{
    guard_free(app->guard);
    gdb_server_free(app->gdb);
    for (unsigned i = 0; i < MAX_MONITORS; i++) {
        monitor_free(app->monitor[i]);
        qmp_free(app->qmp[i]);
    }
    if (app->sound)
        machine_remove_sound(app->machine, &app->sound->sink);
    if (app->machine)
        machine_destroy(app->machine);
    sound_close(app->sound);
    sdl_free(app->window);
    for (unsigned i = 0; i < app->nends; i++)
        device_end_free(app->end[i]);
    for (unsigned i = 0; i < app->options.nspecs; i++) {
        stream_log_close(app->log[i]);
        if (app->mux[i])
            mux_close(app->mux[i]);
        else
            stream_close(app->host.stream[i]);
    }
    stream_close(app->gdb_stream);
    stream_close(app->gdb_next);
    host_destroy(&app->host);
    own_file_remove(&app->pidfile);
    loop_destroy(app->loop);
    if (app->options.trace.out && app->options.trace.out != stderr)
        fclose(app->options.trace.out);
    options_free(&app->options);
    terminal_restore();
}

/* What the user should know, though nothing is wrong. */
static void tell_notes(const struct options *o)
{
    struct sysinfo host;
    for (unsigned i = 0; i < o->nnotes; i++)
        fprintf(stderr, "orrery: %s\n", o->note[i]);
    if (!sysinfo(&host) && o->config.ram_size / host.mem_unit > host.totalram)
        fprintf(stderr,
                "orrery: -m %lluM is more memory than this host's %llu MiB: the guest can use no more than that\n",
                (unsigned long long)(o->config.ram_size >> 20),
                (unsigned long long)((u64)host.totalram * host.mem_unit >> 20));
}

static int run(struct app *app)
{
    struct error e = {{0}};
    int status = EXIT_FAILURE;
    app->host.loop = app->loop;
    app->host.options = &app->options;
    app->host.trace = &app->options.trace;
    app->host.gdb_listen = listen_for_gdb;
    host_init(&app->host);
    bool begun = process_begin(&app->options.process, &app->process_ready, &e) && start_guard(app, &e);
    tell_notes(&app->options);
    if (begun && build(app, &e)) {
        loop_run(app->loop, ended, app);
        status = machine_join(app->machine);
        host_deliver(&app->host);
        gdb_server_ended(app->gdb, status);
    }
    tear_down(app);
    if (e.text[0])
        fprintf(stderr, "orrery: %s\n", e.text);
    return status;
}

/* A supervisor may start us with these closed: the first image opened would be standard error, our messages in it. */
static bool hold_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    if (!hold_standard_descriptors())
        return EXIT_FAILURE; /* and nowhere to say why */
    struct app *app = calloc(1, sizeof(*app));
    struct error e;
    int status = EXIT_FAILURE;
    if (!app || !(app->loop = loop_create())) {
        fprintf(stderr, "orrery: out of memory\n");
        free(app);
        return EXIT_FAILURE;
    }
    switch (options_parse(&app->options, argc, argv, stdout, &e)) {
    case OPTIONS_RUN:
        status = run(app);
        break;
    case OPTIONS_DONE:
        status = EXIT_SUCCESS;
        options_free(&app->options);
        loop_destroy(app->loop);
        break;
    case OPTIONS_ERROR:
        fprintf(stderr, "orrery: %s\n", e.text);
        options_free(&app->options);
        loop_destroy(app->loop);
        break;
    }
    free(app);
    return status;
}
