/*
 * A host that does not answer holds up nothing but the request: a guest whose
 * disk hangs runs on, the machine is spoken to, and ends when asked to. Where
 * runs are to repeat the guest stands instead, and the machine does not.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "devices/block/pool.h"
#include "devices/machine/machine_internal.h"
#include "tests/device/disks.h"

/*
 * Reads sector 0 of the first disk to 600h, again and again: [500h] counts looks at the status register, [504h] reads.
 * A byte at [510h] makes it reset the channel.
 */
static const u8 program[] = {
    0xba, 0xf6, 0x01, 0xb0, 0xe0, 0xee, 0xba, 0xf2, 0x01, 0xb0, 0x01, 0xee, /* mov dx,1f6; mov al,e0; out; 1f2: 1 */
    0x30, 0xc0, 0x42, 0xee, 0x42, 0xee, 0x42, 0xee,                         /* 1f3, 1f4, 1f5: 0 */
    0xba, 0xf7, 0x01, 0xb0, 0x20, 0xee,                                     /* READ SECTORS */
    0x66, 0xff, 0x06, 0x00, 0x05,                                           /* wait: inc dword [500] */
    0x80, 0x3e, 0x10, 0x05, 0x00, 0x75, 0x18,                               /* cmp byte [510],0; jne reset */
    0xec, 0xa8, 0x08, 0x74, 0xef,                                           /* in al,dx; test al,8; jz wait */
    0xba, 0xf0, 0x01, 0xb9, 0x00, 0x01, 0xbf, 0x00, 0x06, 0xfc, 0xf3, 0x6d, /* rep insw, 256 of 1f0 */
    0x66, 0xff, 0x06, 0x04, 0x05, 0xeb, 0xc2,                               /* inc dword [504]; again from the start */
    0xc6, 0x06, 0x10, 0x05, 0x00, 0xba, 0xf6, 0x03, 0xb0, 0x04, 0xee,       /* reset: mov byte [510],0; 3f6: SRST */
    0x30, 0xc0, 0xee, 0xba, 0xf7, 0x01, 0xeb, 0xc9,                         /* 3f6: 0; jmp wait */
};
enum { LOOKS = 0x500, READS = 0x504, RESET = 0x510, DATA = 0x600 };

/* ---- a disk that answers when it is let ---- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static bool closed;          /* reads wait */
static unsigned inside, ran; /* reads waiting, and done */
static unsigned pause_us;    /* ... and those that do not wait take so long */

static int slow_read(struct disk *d, u64 sector, const struct iovec *vec, unsigned n)
{
    pthread_mutex_lock(&gate);
    inside++;
    pthread_cond_broadcast(&moved);
    while (closed)
        pthread_cond_wait(&moved, &gate);
    inside--;
    ran++;
    pthread_mutex_unlock(&gate);
    if (pause_us)
        usleep(pause_us);
    return memory_read(d, sector, vec, n);
}

static void shut(bool shut)
{
    pthread_mutex_lock(&gate);
    closed = shut;
    pthread_cond_broadcast(&moved);
    pthread_mutex_unlock(&gate);
}

static void until_inside(unsigned n)
{
    pthread_mutex_lock(&gate);
    while (inside < n)
        pthread_cond_wait(&moved, &gate);
    pthread_mutex_unlock(&gate);
}

static struct disk_ops slow_ops;
static struct trace quiet;

static struct disk *slow_disk(void)
{
    struct disk *d = memory_disk(64, &quiet);
    memset(container_of(d, struct memory_disk, d)->bytes, 0x5a, 512);
    slow_ops = memory_ops;
    slow_ops.read = slow_read;
    d->ops = &slow_ops;
    return d;
}

/* ---- a machine with it ---- */

static struct machine *m;

static void make(enum icount_mode icount)
{
    static u8 rom[65536];
    char path[] = "/tmp/orrery-slow-XXXXXX", err[256] = "";
    int fd = mkstemp(path);
    memcpy(rom, program, sizeof(program));
    memcpy(rom + 0xfff0, "\xe9\x0d\x00", 3); /* jmp 0 */
    ck_assert_int_eq(write(fd, rom, sizeof(rom)), (ssize_t)sizeof(rom));
    close(fd);
    struct machine_config c = {.type = MACHINE_PC,
                               .ram_size = 2 << 20,
                               .cpus = 1,
                               .bios = path,
                               .icount = icount,
                               .icount_shift = 3,
                               .trace = &quiet};
    c.ide[0] = (struct drive_config){.present = true, .disk = slow_disk()};
    ck_assert(cpu_model_parse("max", &c.cpu, err, sizeof(err)));
    m = machine_create(&c, err, sizeof(err));
    ck_assert_msg(m != NULL, "%s", err);
    unlink(path);
    closed = true;
    ck_assert(machine_start(m));
    until_inside(1);
}

struct seen {
    u32 looks, reads;
    u64 now;
    u8 data;
};
static void look(struct machine *mm, void *arg)
{
    const u8 *ram = mm->ram->host;
    *(struct seen *)arg = (struct seen){ld32(ram + LOOKS), ld32(ram + READS), clock_now(&mm->sys.clock), ram[DATA]};
}
static u64 ms_now(void) { return host_ns() / 1000000; }

/* The machine answers in good time. */
static struct seen see(void)
{
    struct seen s;
    u64 begin = ms_now();
    machine_call(m, look, &s);
    ck_assert_uint_lt(ms_now() - begin, 1000);
    return s;
}

static void ask_reset(struct machine *mm, void *arg)
{
    (void)arg;
    mm->ram->host[RESET] = 1;
}

static void until_read(u32 n)
{
    while (see().reads < n)
        usleep(1000);
}

static void end(void)
{
    u64 begin = ms_now();
    machine_quit(m, "host-signal");
    machine_join(m);
    machine_destroy(m);
    ck_assert_uint_lt(ms_now() - begin, 1000);
}

START_TEST(a_read_that_hangs)
{
    make(ICOUNT_OFF);
    struct seen a = see();
    usleep(100000);
    struct seen b = see();
    ck_assert_uint_eq(b.reads, 0);
    ck_assert_uint_gt(b.looks, a.looks);        /* the guest runs, ... */
    ck_assert_uint_gt(b.now, a.now + 50000000); /* ... and its clock */
    shut(false);
    until_read(3);
    ck_assert_uint_eq(see().data, 0x5a);
    end();
}
END_TEST

START_TEST(an_end_while_it_hangs)
{
    make(_i ? ICOUNT_SHIFT : ICOUNT_OFF);
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
    end();
}
END_TEST

START_TEST(a_reset_while_it_hangs)
{
    make(ICOUNT_OFF);
    machine_call(m, ask_reset, NULL);
    while (!m->sys.clock.held)
        see();
    struct seen a = see();
    usleep(50000);
    struct seen b = see();
    ck_assert_uint_eq(a.looks, b.looks); /* the host may still write to memory: the guest stands */
    ck_assert_uint_eq(a.now, b.now);
    shut(false);
    while (see().looks == b.looks)
        usleep(1000);
    ck_assert_uint_eq(see().reads, 0); /* what was asked before the reset does not come */
    end();
}
END_TEST

static u64 counted;
static void note_third(struct machine *mm, void *arg)
{
    struct seen *s = arg;
    look(mm, s);
    counted = cpu_icount(mm->cpu[0]);
}

/* Instructions and time at which a read is over do not depend on the host. */
START_TEST(runs_repeat)
{
    struct seen runs[2];
    u32 looks[2];
    for (unsigned i = 0; i < 2; i++) {
        make(ICOUNT_SHIFT);
        struct seen a = see();
        usleep(i * 30000);
        struct seen b = see();
        ck_assert_uint_eq(a.looks, b.looks);
        ck_assert_uint_eq(a.now, b.now);
        machine_call(m, note_third, &runs[i]);
        looks[i] = (u32)counted;
        pause_us = i * 3000;
        shut(false);
        until_read(20);
        end();
        ck_assert_uint_ge(ran, 20);
        ran = 0;
    }
    ck_assert_uint_eq(runs[0].looks, runs[1].looks);
    ck_assert_uint_eq(runs[0].now, runs[1].now);
    ck_assert_uint_eq(looks[0], looks[1]);
}
END_TEST

/* ---- the pool alone ---- */

static unsigned woken;
static bool holding;
static void wake(void *owner)
{
    (void)owner;
    __atomic_fetch_add(&woken, 1, __ATOMIC_RELAXED);
}
static void hold(void *owner)
{
    (void)owner;
    holding = true;
}
struct asked {
    struct disk_request r;
    struct iovec memory;
    u8 buf[512];
    int err;
    bool over;
};
static void over(void *owner, int err)
{
    struct asked *a = owner;
    a->over = true;
    a->err = err;
}
static int ask(struct disk *d, struct asked *a, enum disk_op op)
{
    *a = (struct asked){.err = 1};
    a->memory = (struct iovec){a->buf, sizeof(a->buf)};
    a->r = (struct disk_request){
        .op = op, .count = op != DISK_FLUSH, .vec = &a->memory, .nvec = 1, .done = over, .owner = a};
    return disk_submit(d, &a->r);
}

START_TEST(pool)
{
    struct disk_pool *p = disk_pool_create(&(struct disk_pool_owner){.wake = wake, .hold = hold});
    struct disk_watch watch = {.pool = p};
    struct disk *hung = slow_disk(), *well = memory_disk(64, &quiet);
    struct asked a, b, c;
    hung->watch = well->watch = &watch;
    closed = true;
    ck_assert_int_eq(ask(hung, &a, DISK_READ), -EINPROGRESS);
    until_inside(1);
    ck_assert_int_eq(ask(hung, &b, DISK_READ), -EINPROGRESS);  /* behind it */
    ck_assert_int_eq(ask(well, &c, DISK_FLUSH), -EINPROGRESS); /* beside it */
    for (unsigned i = 0; i < 1000 && !c.over; i++)
        disk_pool_settle(p, 1);
    ck_assert(c.over && !c.err && !a.over && !b.over);
    ck_assert(!disk_pool_settle(p, 10));
    disk_cancel(&b.r); /* nobody has begun with it */
    ck_assert(!holding && !disk_pool_holds(p) && b.r.progress == DISK_OVER);
    disk_cancel(&a.r);
    ck_assert(holding && disk_pool_holds(p));
    disk_close(hung); /* once it is let go */
    shut(false);
    ck_assert(disk_pool_settle(p, 10000));
    ck_assert(!disk_pool_holds(p) && !a.over && !b.over);
    ck_assert_uint_ge(woken, 2);
    disk_close(well);
    ck_assert(disk_pool_settle(p, 10000));
    disk_pool_free(p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("slow disk");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_read_that_hangs);
    tcase_add_loop_test(t, an_end_while_it_hangs, 0, 2);
    tcase_add_test(t, a_reset_while_it_hangs);
    tcase_add_test(t, runs_repeat);
    tcase_add_test(t, pool);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
