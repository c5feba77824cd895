/*
 * runon FOLDER EVERY TIMES [OPTIONS]: a guest runs TIMES * EVERY instructions in one go, its state's number taken at
 * each EVERY. Then the same in TIMES processes: each loads what the one before it saved in FOLDER, runs EVERY, compares
 * the number, saves. OPTIONS are orrery's, with -icount; what the guest prints is lost, images are opened with
 * -snapshot. TIMES 0: until the guest ends. Prints the first difference; exit status 1.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "devices/block/disk.h"
#include "devices/machine/snapshot.h"
#include "frontend/options.h"

enum { MOST = 4096 };

struct shared {
    const char *folder;
    u64 every, times;
    int argc;
    char **argv;
    u64 hash[MOST];
    unsigned n; /* how many */
};

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "runon: %s: %s\n", what, why);
    _exit(2);
}

static size_t swallow(struct chardev *cd, const u8 *buf, size_t n)
{
    (void)cd, (void)buf;
    return n;
}
static struct chardev *any_chardev(void *owner, const char *id)
{
    static struct chardev sink[8];
    static unsigned used;
    (void)owner, (void)id;
    sink[used].write = swallow;
    return &sink[used++];
}

static struct machine *start(const struct shared *s)
{
    static struct options o;
    struct error e;
    char err[300];
    if (options_parse(&o, s->argc, s->argv, stderr, &e) != OPTIONS_RUN)
        die("options", e.text);
    for (unsigned i = 0; i < o.ndrives; i++) {
        const struct drive_option *d = &o.drive[i];
        struct drive_config *to = options_drive_config(&o, d);
        *to = (struct drive_config){.present = true, .cdrom = d->cdrom, .id = d->name};
        if (d->image.path && !(to->disk = disk_open(&d->image, &o.trace, err, sizeof(err))))
            die("disk", err);
    }
    o.config.find_chardev = any_chardev;
    o.config.start_paused = true;
    o.config.trace = &o.trace;
    struct machine *m = machine_create(&o.config, err, sizeof(err));
    if (!m)
        die("machine", err);
    return m;
}

/* False: the guest has ended. */
static bool run_to(struct machine *m, u64 instructions)
{
    machine_run_to(m, instructions);
    while (machine_state(m) == RUN_RUNNING && !machine_ended(m))
        usleep(1000);
    return machine_state(m) == RUN_PAUSED && !machine_ended(m);
}

static void call_hash(struct machine *m, void *arg) { *(u64 *)arg = machine_hash(m); }
static u64 hash_of(struct machine *m)
{
    u64 hash = 0;
    machine_call(m, call_hash, &hash);
    return hash;
}

static void name(const struct shared *s, unsigned k, char *path, size_t size)
{
    snprintf(path, size, "%s/%u.vm", s->folder, k);
}

/* All in one go; the numbers go down the pipe. */
static void in_one(const struct shared *s, int to)
{
    struct machine *m = start(s);
    machine_start(m);
    for (u64 k = 1; k <= s->times && run_to(m, k * s->every); k++) {
        u64 hash = hash_of(m);
        if (write(to, &hash, sizeof(hash)) != sizeof(hash))
            die("pipe", strerror(errno));
    }
    _exit(0);
}

static void call_save(struct machine *m, void *arg)
{
    char err[300];
    if (!machine_save(m, arg, err, sizeof(err)))
        die("saving", err);
}

struct loading {
    const char *path;
    bool ok;
    char err[300];
};
static void call_load(struct machine *m, void *arg)
{
    struct loading *l = arg;
    l->ok = machine_load(m, l->path, l->err, sizeof(l->err));
}

static void expect(struct machine *m, const struct shared *s, unsigned k, const char *how)
{
    if (run_to(m, (k + 1) * s->every) && hash_of(m) == s->hash[k])
        return;
    fprintf(stderr, "runon: after %llu instructions the state is another when %s a saved %llu\n",
            (unsigned long long)(k + 1) * s->every, how, (unsigned long long)k * s->every);
    _exit(1);
}

/* From point k on to the next; now and then again, in the machine that has been there. */
static void piece(const struct shared *s, unsigned k)
{
    char path[300], err[300];
    struct machine *m = start(s);
    name(s, k, path, sizeof(path));
    if (k && !machine_load(m, path, err, sizeof(err)))
        die("loading", err);
    if (k && hash_of(m) != s->hash[k - 1])
        die(path, "what was loaded is not what was saved");
    machine_start(m);
    expect(m, s, k, "they began at");
    if (k % 4 == 1) {
        struct loading l = {.path = path};
        machine_call(m, call_load, &l);
        if (!l.ok)
            die("loading again", l.err);
        expect(m, s, k, "the same machine went back to");
    }
    unlink(path);
    name(s, k + 1, path, sizeof(path));
    machine_call(m, call_save, path);
    _exit(0);
}

static int wait_for(pid_t child)
{
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

int main(int argc, char **argv)
{
    static struct shared s;
    int pipes[2];
    if (argc < 4 || pipe(pipes)) {
        fprintf(stderr, "usage: runon FOLDER EVERY TIMES [OPTIONS]\n");
        return 2;
    }
    s = (struct shared){.folder = argv[1], .every = strtoull(argv[2], NULL, 0), .times = strtoull(argv[3], NULL, 0)};
    s.times = s.times && s.times < MOST ? s.times : MOST;
    s.argc = argc - 3;
    s.argv = argv + 3; /* its first is taken for the program's name */
    pid_t child = fork();
    if (!child)
        in_one(&s, pipes[1]);
    close(pipes[1]);
    while (s.n < MOST && read(pipes[0], &s.hash[s.n], sizeof(u64)) == sizeof(u64))
        s.n++;
    int status = wait_for(child);
    for (unsigned k = 0; !status && k < s.n; k++) {
        if (!(child = fork()))
            piece(&s, k);
        status = wait_for(child);
    }
    if (!status)
        printf("%u times %llu instructions, each in a process of its own, are as in one\n", s.n,
               (unsigned long long)s.every);
    return status ? status : s.n ? 0 : 2;
}
