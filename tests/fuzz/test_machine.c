/*
 * Saved machines that somebody made up: the parts of a machine in its file with some of the values changed, checksums
 * and lengths right. What is not refused runs on for some thousand instructions while time passes. Nothing is expected
 * but that we survive, and that a refusal has a sentence.
 *   test_fuzz_machine [ROUNDS [SEED]]
 */
#include <unistd.h>

#include "devices/machine/saved.h"
#include "devices/machine/snapshot.h"
#include "devices/machine/snapshot_file.h"
#include "tests/fuzz/spoil.h"

enum { DEFAULT_ROUNDS = 60, INSTRUCTIONS = 3000, RAM_SIZE = 2 << 20 };

static struct trace quiet;
static char good[64], bad[64];

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(EXIT_FAILURE);
}

static struct machine *create(void)
{
    struct machine_config c = {.type = MACHINE_PC,
                               .ram_size = RAM_SIZE,
                               .cpus = 2,
                               .icount = ICOUNT_SHIFT,
                               .vga = true,
                               .no_reboot = true,
                               .no_shutdown = true,
                               .start_paused = true,
                               .trace = &quiet};
    char err[300];
    struct machine *m = cpu_model_parse("max", &c.cpu, err, sizeof err) ? machine_create(&c, err, sizeof err) : NULL;
    if (!m || !machine_start(m))
        die(err);
    return m;
}

static const struct part *part_of(const struct part *part, unsigned n, const struct snapshot_section *s)
{
    for (unsigned i = 0; i < n; i++)
        if (!strcmp(part[i].name, s->name) && part[i].number == s->number)
            return &part[i];
    return NULL;
}

/* 'good' with some values of some parts changed becomes 'bad'. */
static void make_up(struct machine *m)
{
    char err[300];
    unsigned parts;
    struct part *part = machine_parts(m, &parts);
    struct snapshot_in *in = snapshot_open(good, err, sizeof err);
    struct snapshot_out *out = snapshot_create(bad, err, sizeof err);
    const struct snapshot_section *s;
    if (!part || !in || !out)
        die(err);
    while ((s = snapshot_unseen(in))) {
        snapshot_find(in, s->name, s->number);
        u8 *data = malloc(s->size + 1u);
        const struct part *p = part_of(part, parts, s);
        if (!data || !snapshot_get(in, s, data))
            die("what was saved is damaged");
        if (p && below(p->cpu ? 2 : 12) == 0)
            spoil(p->fields, data, 2 + (unsigned)below(60));
        snapshot_put(out, s->name, s->number, data, s->size);
        free(data);
    }
    snapshot_close(in);
    if (!snapshot_finish(out, err, sizeof err))
        die(err);
    free(part);
}

struct loading {
    bool ok;
    char err[300];
};
static void call_load(struct machine *m, void *arg)
{
    struct loading *l = arg;
    l->ok = machine_load(m, bad, l->err, sizeof l->err);
}
static void call_save(struct machine *m, void *arg)
{
    char err[300];
    (void)arg;
    if (!machine_save(m, good, err, sizeof err))
        die(err);
}

static void run_on(struct machine *m)
{
    machine_run_to(m, m->priv->vclock.retired + INSTRUCTIONS);
    for (unsigned i = 0; i < 50 && machine_state(m) == RUN_RUNNING; i++)
        usleep(200); /* or all processors sleep for good */
    machine_stop(m, RUN_PAUSED);
}

int main(int argc, char **argv)
{
    u64 rounds = argc > 1 ? strtoull(argv[1], NULL, 0) : DEFAULT_ROUNDS, loaded = 0;
    const char *dir = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
    rnd_seed(argc > 2 ? strtoull(argv[2], NULL, 0) : 1);
    snprintf(good, sizeof good, "%s/orrery-%d.good", dir, getpid());
    snprintf(bad, sizeof bad, "%s/orrery-%d.bad", dir, getpid());
    struct machine *m = create();
    for (u64 i = 0; i < rounds; i++) {
        struct loading l = {0};
        if (i % 20 == 0) {
            machine_destroy(m);
            m = create();
            machine_run_to(m, 1000000 + i * 50000);
            while (machine_state(m) == RUN_RUNNING)
                usleep(200);
            machine_call(m, call_save, NULL);
        }
        make_up(m);
        machine_call(m, call_load, &l);
        if (!l.ok && !l.err[0])
            die("refused without a sentence");
        loaded += l.ok;
        run_on(m);
    }
    machine_destroy(m);
    unlink(good);
    unlink(bad);
    printf("%llu machines taken, %llu refused: survived\n", (unsigned long long)loaded,
           (unsigned long long)(rounds - loaded));
    return EXIT_SUCCESS;
}
