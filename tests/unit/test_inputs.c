/*
 * The machine's input queue: what comes in while a guest runs is recorded, and applied again at the same stamps it
 * leads to the same state, to the instruction; who types never waits. Needs no firmware but the ROM below.
 */
#include <check.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "devices/machine/machine_internal.h"

enum { ROM_SIZE = 65536, RESET = 0xfff0, MOST = 4096, BYTES = 64, ESC = 1, LETTER_A = 0x1e };

/*
 * Sleeps until the timer, the keyboard or COM1 interrupts, counts to 5000, and takes what came and the time-stamp
 * counter into EBX. ESC ends it.
 */
static const u8 guest[] = {
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x70,             /* cli; DS = SS = 0; SP = 7000h */
    0xc7, 0x06, 0x20, 0x00, 0x77, 0x00, 0xc7, 0x06, 0x22, 0x00, 0x00, 0xf0, /* vectors of IRQ 0, ... */
    0xc7, 0x06, 0x24, 0x00, 0x63, 0x00, 0xc7, 0x06, 0x26, 0x00, 0x00, 0xf0, /* ... 1 ... */
    0xc7, 0x06, 0x30, 0x00, 0x6d, 0x00, 0xc7, 0x06, 0x32, 0x00, 0x00, 0xf0, /* ... and 4 */
    0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x08, 0xe6, 0x21, 0xb0, 0x04, 0xe6, 0x21, /* the 8259A */
    0xb0, 0x01, 0xe6, 0x21, 0xb0, 0xec, 0xe6, 0x21,                         /* ... takes these three */
    0xb0, 0x34, 0xe6, 0x43, 0xb0, 0x00, 0xe6, 0x40, 0xb0, 0x04, 0xe6, 0x40, /* 1165 Hz */
    0xb0, 0x01, 0xba, 0xf9, 0x03, 0xee, 0xfb,                   /* COM1 interrupts when it has a byte; sti */
    0xf4, 0xb9, 0x88, 0x13, 0xe2, 0xfe,                         /* again: hlt; 5000 times nothing */
    0xbe, 0x00, 0x00, 0xe8, 0x1b, 0x00, 0xeb, 0xf2,             /* SI = 0; mix; again */
    0xe4, 0x60, 0x3c, 0x76, 0x75, 0x08, 0xba, 0x01, 0x05, 0xee, /* key: ESC ends it */
    0xba, 0xf8, 0x03, 0xec,                                     /* serial: */
    0x0f, 0xb6, 0xf0, 0xe8, 0x05, 0x00,                         /* SI = AL; mix */
    0xb0, 0x20, 0xe6, 0x20, 0xcf,                               /* timer: end of interrupt */
    0x0f, 0x31, 0x66, 0x6b, 0xdb, 0x1f, 0x66, 0x01, 0xc3, 0x01, 0xf3, 0xc3, /* mix: EBX = EBX * 31 + TSC, + SI */
};

/* What was recorded, as a file would have it: no pointers. */
struct entry {
    struct input_stamp at;
    enum input_kind kind;
    char target[INPUT_TARGET_MAX];
    i64 value[INPUT_VALUES];
    u8 bytes[BYTES];
    size_t size;
};
static struct recording {
    struct input_listener listener;
    struct input_source source;
    struct entry entry[MOST];
    unsigned count, next, of[INPUT_KINDS];
} tape;

static void record(struct input_listener *l, const struct input_stamp *at, const struct input *in)
{
    struct recording *r = container_of(l, struct recording, listener);
    ck_assert(r->count < MOST && in->size <= BYTES);
    struct entry *e = &r->entry[r->count++];
    *e = (struct entry){.at = *at, .kind = in->kind, .size = in->size};
    memcpy(e->target, in->target, sizeof e->target);
    memcpy(e->value, in->value, sizeof e->value);
    if (in->size)
        memcpy(e->bytes, in->bytes, in->size);
    r->of[in->kind]++;
}

static bool play(struct input_source *s, struct input_stamp *at, struct input *in)
{
    struct recording *r = container_of(s, struct recording, source);
    if (r->next == r->count)
        return false;
    const struct entry *e = &r->entry[r->next++];
    *at = e->at;
    *in = (struct input){.kind = e->kind, .bytes = e->bytes, .size = e->size};
    memcpy(in->target, e->target, sizeof in->target);
    memcpy(in->value, e->value, sizeof in->value);
    return true;
}

static char rom[64];
static struct trace quiet;

static size_t nowhere(struct chardev *cd, const u8 *buf, size_t n) { return (void)cd, (void)buf, n; }
static struct chardev line = {.write = nowhere};
static struct chardev *find_line(void *owner, const char *id) { return (void)owner, (void)id, &line; }
static void has_room(void *owner) { (void)owner; }

static void setup(void)
{
    static u8 image[ROM_SIZE];
    memcpy(image, guest, sizeof guest);
    memcpy(image + RESET, "\xea\x00\x00\x00\xf0", 5); /* jmp f000:0000 */
    snprintf(rom, sizeof rom, "/tmp/orrery-inputs-%ld.rom", (long)getpid());
    FILE *f = fopen(rom, "wb");
    ck_assert(f && fwrite(image, 1, sizeof image, f) == sizeof image && !fclose(f));
    memset(&tape, 0, sizeof tape);
    tape.listener.applied = record;
    tape.source.next = play;
}
static void teardown(void) { unlink(rom); }

static struct machine *build(struct machine_config *c)
{
    static const struct device_args devices[] = {
        {.driver = "isa-serial", .property = {{"chardev", "line"}}, .nproperties = 1}, {.driver = "isa-debug-exit"}};
    char err[256] = "";
    c->type = MACHINE_PC;
    c->ram_size = 1 << 20;
    c->bios = rom;
    c->devices = devices;
    c->ndevices = ARRAY_LEN(devices);
    c->find_chardev = find_line;
    c->trace = &quiet;
    ck_assert_msg(cpu_model_parse("max", &c->cpu, err, sizeof err), "%s", err);
    struct machine *m = machine_create(c, err, sizeof err);
    ck_assert_msg(m != NULL, "%s", err);
    return m;
}

/* Everything the guest could tell two runs by. */
struct outcome {
    u64 instructions, ns, mix, memory, chips;
};
static u64 hash(u64 h, const u8 *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3ull;
    return h;
}
static struct outcome outcome(struct machine *m)
{
    struct outcome o = {.instructions = vclock_instructions(&m->priv->vclock), .ns = m->sys.clock.now};
    for (unsigned i = 0; i < m->ncpus; i++) { /* but for the engine's own slots */
        const u64 *gpr = m->cpu[i]->gpr;
        o.mix = hash(hash(o.mix, (const u8 *)gpr, 16 * sizeof *gpr), (const u8 *)&gpr[SLOT_RIP], sizeof *gpr);
    }
    o.memory = hash(0, m->ram->host, m->ram->size);
    for (struct device *d = m->sys.devices; d; d = d->next) {
        struct state_buf b = {0};
        state_save(d->cls->state, d, &b);
        o.chips = hash(o.chips, b.data, b.len);
        free(b.data);
    }
    return o;
}

/* A person and a line, at moments nobody chose. */
static void live(struct machine *m, struct input_port *port)
{
    for (unsigned i = 0; i < 25; i++) {
        machine_key(m, LETTER_A, true);
        machine_port_put(port, (const u8 *)"many bytes, which come in by and by", 35);
        usleep(1000 + i * 37);
        machine_key(m, LETTER_A, false);
        machine_pointer_move(m, 3, -2);
        machine_pointer_buttons(m, i & 7);
        if (i % 8 == 3)
            machine_write_memory(m, -1, 0x600, (const u8 *)&i, sizeof i);
        usleep(700);
    }
    machine_key(m, ESC, true);
}

/* Recording where there is nothing on the tape, else from it. */
static struct outcome run(const char *accel, unsigned cpus)
{
    bool replay = tape.count != 0;
    struct machine_config c = {.accel = accel,
                               .tb_size = 8 << 20,
                               .cpus = cpus,
                               .icount = ICOUNT_SHIFT,
                               .icount_shift = 3,
                               .icount_sleep = !replay,
                               .input_listener = replay ? NULL : &tape.listener,
                               .input_source = replay ? &tape.source : NULL};
    struct machine *m = build(&c);
    struct input_port *port = machine_open_port(m, &line, "line", has_room, NULL);
    ck_assert(port && machine_start(m));
    if (!replay)
        live(m, port);
    ck_assert_int_eq(machine_join(m), 0x76 << 1 | 1);
    struct outcome o = outcome(m);
    machine_destroy(m);
    return o;
}

static const struct {
    const char *record, *replay;
    unsigned cpus;
} runs[] = {{"interp", "interp", 1}, {"interp", "jit", 1}, {"jit", "interp", 1}, {"jit", "jit", 2}};

START_TEST(same_stamps_same_state)
{
    ck_assert_uint_eq(sizeof guest, 0x88);
    struct outcome a = run(runs[_i].record, runs[_i].cpus);
    ck_assert(tape.of[INPUT_KEY] == 51 && tape.of[INPUT_BYTES] > 10 && tape.of[INPUT_MOVE] > 10);
    ck_assert_uint_eq(tape.of[INPUT_MEMORY], 3);
    struct outcome b = run(runs[_i].replay, runs[_i].cpus);
    ck_assert_uint_eq(tape.next, tape.count);
    ck_assert_uint_eq(a.instructions, b.instructions);
    ck_assert_uint_eq(a.ns, b.ns);
    ck_assert_uint_eq(a.mix, b.mix);
    ck_assert_uint_eq(a.memory, b.memory);
    ck_assert_uint_eq(a.chips, b.chips);
    /* A byte that comes one instruction later is another run. */
    for (unsigned i = 0; i < tape.count; i++)
        tape.entry[i].at.instructions += tape.entry[i].kind == INPUT_BYTES;
    tape.next = 0;
    ck_assert_uint_ne(run(runs[_i].replay, runs[_i].cpus).mix, a.mix);
}
END_TEST

static sem_t held, go_on;
static void hold(struct machine *m, void *arg)
{
    (void)m, (void)arg;
    sem_post(&held);
    sem_wait(&go_on);
}
static void nothing(struct machine *m, void *arg) { (void)m, (void)arg; }

/* The machine's thread is busy: presses are lost after a while, never a release of what went down, and nobody waits. */
START_TEST(nobody_waits)
{
    struct machine_config c = {.cpus = 1, .start_paused = true, .input_listener = &tape.listener};
    struct machine *m = build(&c);
    sem_init(&held, 0, 0);
    sem_init(&go_on, 0, 0);
    ck_assert(machine_start(m));
    machine_post(m, hold, NULL);
    sem_wait(&held);
    for (unsigned i = 0; i < 100000; i++) {
        machine_key(m, LETTER_A, true);
        machine_pointer_at(m, "", (int)i & 0x7fff, 0);
        machine_pointer_move(m, 1, 0);
        machine_pointer_move(m, 1, 0);
    }
    machine_key(m, LETTER_A, false);
    sem_post(&go_on);
    machine_call(m, nothing, NULL);
    machine_call(m, nothing, NULL);
    ck_assert_uint_gt(tape.of[INPUT_KEY], 10);
    ck_assert_uint_lt(tape.count, 1000);
    ck_assert(tape.entry[tape.count - 1].kind == INPUT_KEY && !tape.entry[tape.count - 1].value[1]);
    i64 sum = 0;
    for (unsigned i = 0; i < tape.count; i++)
        sum += tape.entry[i].kind == INPUT_MOVE ? tape.entry[i].value[0] : 0;
    ck_assert_uint_eq(sum, 2 * tape.of[INPUT_MOVE]); /* movements in a row are one */
    machine_quit(m, "host-qmp-quit");
    machine_join(m);
    machine_destroy(m);
}
END_TEST

/* What the machine asks the host for is recorded, and the tape's answer is taken instead of the host's. */
START_TEST(drawn)
{
    struct machine_config c = {
        .cpus = 2, .rtc_base = UINT64_MAX, .rtc_clock = RTC_CLOCK_VM, .input_listener = &tape.listener};
    struct machine *m = build(&c);
    ck_assert_uint_eq(tape.of[INPUT_RANDOM], 2);
    ck_assert_uint_eq(tape.of[INPUT_TIME], 1);
    u32 key = m->cpu[1]->rng.key[0];
    machine_destroy(m);
    for (unsigned i = 0; i < tape.count; i++) {
        if (tape.entry[i].kind == INPUT_TIME)
            tape.entry[i].value[0] = 951827696; /* 29 February 2000 */
    }
    c.input_listener = NULL;
    c.input_source = &tape.source;
    m = build(&c);
    ck_assert_uint_eq(m->cpu[1]->rng.key[0], key);
    space_write(&m->sys.io, 0x70, 0x08, 1);
    ck_assert_uint_eq(space_read(&m->sys.io, 0x71, 1), 2);
    machine_destroy(m);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("inputs");
    TCase *t = tcase_create("inputs");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, same_stamps_same_state, 0, ARRAY_LEN(runs));
    tcase_add_test(t, nobody_waits);
    tcase_add_test(t, drawn);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
