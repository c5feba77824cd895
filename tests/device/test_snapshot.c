/*
 * Whole machines saved and loaded: both boards come back the same, with every
 * interrupt line high or low; what is damaged or does not fit is refused by a
 * sentence and changes nothing; each event in the queue has an owner in a table.
 * Needs Debian's seabios.
 */
#include <check.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "devices/block/disk.h"
#include "devices/machine/saved.h"
#include "devices/machine/snapshot.h"

enum { LINES = 24, LINE_PORTS = 0x2000 };

static struct trace quiet;
static char file[64];
static const struct device_args testdev[] = {{.driver = "pc-testdev", .id = "lines"}};

static struct machine_config config(enum machine_type type)
{
    struct machine_config c = {.type = type,
                               .ram_size = 16 << 20,
                               .cpus = 2,
                               .icount = ICOUNT_SHIFT,
                               .vga = true,
                               .devices = testdev,
                               .ndevices = 1,
                               .trace = &quiet};
    char err[300];
    ck_assert_msg(cpu_model_parse("max", &c.cpu, err, sizeof err), "%s", err);
    return c;
}

static struct machine *create(const struct machine_config *c)
{
    char err[300];
    struct machine *m = machine_create(c, err, sizeof err);
    ck_assert_msg(m != NULL, "%s", err);
    return m;
}

static void save(struct machine *m)
{
    char err[300];
    ck_assert_msg(machine_save(m, file, err, sizeof err), "%s", err);
}
static void load(struct machine *m)
{
    char err[300];
    ck_assert_msg(machine_load(m, file, err, sizeof err), "%s", err);
}
/* It is refused with these words, and the machine is as it was. */
static void refused(struct machine *m, const char *words)
{
    char err[300] = "";
    u64 before = machine_hash(m);
    ck_assert(!machine_load(m, file, err, sizeof err));
    ck_assert_msg(strstr(err, words) != NULL, "'%s' does not say '%s'", err, words);
    ck_assert_msg(machine_hash(m) == before, "changed by what was refused: %s", err);
}

static void setup(void)
{
    snprintf(file, sizeof file, "%s/orrery-snapshot-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    close(mkstemp(file));
}
static void teardown(void) { unlink(file); }

/* Some life: memory, screen, timers. */
static void stir(struct machine *m)
{
    for (unsigned i = 0; i < 300; i++)
        space_write(&m->sys.mem, i * 51200, i * 0x01010101, 4);
    space_write(&m->sys.io, 0x43, 0x34, 1);
    space_write(&m->sys.io, 0x40, 0x10, 1);
    space_write(&m->sys.io, 0x40, 0x27, 1);
    space_write(&m->sys.io, 0x70, 0x0b, 1);
    space_write(&m->sys.io, 0x71, 0x42, 1);
    for (unsigned i = 0; i < 4000; i++)
        space_write(&m->sys.mem, 0xb8000 + i, i, 1);
    clock_advance(&m->sys.clock, 3 * NS_PER_SEC / 2);
    m->priv->vclock.warp = m->sys.clock.now;
    for (unsigned i = 0; i < m->ncpus; i++) {
        struct cpu *cpu = m->cpu[i];
        for (unsigned r = 0; r < 16; r++)
            cpu->gpr[r] = i * 100 + r;
        cpu->fpu.top = 5;
        cpu->xmm[3].q[3] = 77;
        cpu_raise_attention(cpu, ATT_NMI);
    }
}

static const enum machine_type boards[] = {MACHINE_PC, MACHINE_BARE};

START_TEST(comes_back)
{
    struct machine_config c = config(boards[_i]);
    struct machine *a = create(&c), *b = create(&c);
    stir(a);
    ck_assert(machine_hash(a) != machine_hash(b));
    save(a);
    load(b);
    ck_assert(machine_hash(a) == machine_hash(b));
    ck_assert_uint_eq(b->cpu[1]->gpr[7], 107);
    ck_assert(b->cpu[1]->attention & ATT_NMI);
    ck_assert_uint_eq(space_read(&b->sys.mem, 51200 * 9, 4), 0x09090909);
    /* What was not zero there and is here. */
    space_write(&b->sys.mem, 0x123456, 1, 1);
    load(b);
    ck_assert(machine_hash(a) == machine_hash(b));
    machine_destroy(a);
    machine_destroy(b);
}
END_TEST

static void line(struct machine *m, unsigned n, bool level) { space_write(&m->sys.io, LINE_PORTS + n, level, 1); }

/* A line that is high is high after a load, once, and falls when its driver lets go; one that is low is low. */
static void one_line(struct machine *a, struct machine *b, unsigned n)
{
    u64 low = machine_hash(a);
    line(a, n, true);
    ck_assert(machine_hash(a) != low);
    save(a);
    load(b);
    ck_assert_msg(machine_hash(a) == machine_hash(b), "line %u is lost", n);
    line(a, n, false);
    line(b, n, false);
    ck_assert_msg(machine_hash(a) == machine_hash(b), "line %u is stuck", n);
    save(a);
    line(b, n, true);
    load(b);
    ck_assert_msg(machine_hash(a) == machine_hash(b), "line %u stays high", n);
}

START_TEST(lines)
{
    struct machine_config c = config(boards[_i]);
    struct machine *a = create(&c), *b = create(&c);
    for (unsigned n = 0; n < LINES; n++)
        one_line(a, b, n);
    machine_destroy(a);
    machine_destroy(b);
}
END_TEST

/* A device that came after another had gone drives a pin that a fresh machine gives to somebody else. */
START_TEST(lines_after_hotplug)
{
    static const struct device_args com[] = {
        {.driver = "isa-serial", .id = "a", .property = {{"index", "0"}}, .nproperties = 1},
        {.driver = "isa-serial", .id = "b", .property = {{"index", "2"}}, .nproperties = 1},
        {.driver = "isa-serial", .id = "c", .property = {{"index", "0"}}, .nproperties = 1}};
    struct machine_config c = config(MACHINE_PC), d = c;
    char err[300];
    c.ndevices = d.ndevices = 0;
    struct machine *a = create(&c);
    ck_assert_msg(machine_device_add(a, &com[0], err, sizeof err), "%s", err);
    ck_assert_msg(machine_device_add(a, &com[1], err, sizeof err), "%s", err);
    ck_assert_msg(machine_device_del(a, "a", err, sizeof err), "%s", err);
    ck_assert_msg(machine_device_add(a, &com[2], err, sizeof err), "%s", err);
    d.devices = com + 1;
    d.ndevices = 2;
    struct machine *b = create(&d);
    space_write(&a->sys.io, 0x3fc, 8, 1);
    space_write(&a->sys.io, 0x3f9, 2, 1); /* transmitter empty: IRQ 4 */
    save(a);
    load(b);
    ck_assert(machine_hash(a) == machine_hash(b));
    space_write(&a->sys.io, 0x3f9, 0, 1);
    space_write(&b->sys.io, 0x3f9, 0, 1);
    ck_assert(machine_hash(a) == machine_hash(b));
    machine_destroy(a);
    machine_destroy(b);
}
END_TEST

START_TEST(other_options)
{
    struct machine_config c = config(MACHINE_PC), d = c;
    struct machine *a = create(&c), *b;
    save(a);
    d.ram_size = 32 << 20;
    refused(b = create(&d), "-m of the saved machine is '16777216 bytes', here it is '33554432 bytes'");
    machine_destroy(b);
    d = c;
    d.cpus = 1;
    refused(b = create(&d), "-smp");
    machine_destroy(b);
    d = config(MACHINE_BARE);
    refused(b = create(&d), "-machine of the saved machine is 'pc', here it is 'bare'");
    machine_destroy(b);
    d = c;
    ck_assert(cpu_model_parse("qemu32", &d.cpu, file + 40, 1));
    refused(b = create(&d), "-cpu of the saved machine is 'max', here it is 'qemu32'");
    machine_destroy(b);
    d = c;
    d.vga = false;
    refused(b = create(&d), "device");
    machine_destroy(b);
    d = c;
    d.ndevices = 0;
    refused(b = create(&d), "more devices");
    machine_destroy(b);
    d = c;
    d.icount = ICOUNT_OFF;
    refused(b = create(&d), "-icount");
    machine_destroy(b);
    machine_destroy(a);
}
END_TEST

/* An image in a file, with one sector written under -snapshot; 'mark' is what was. */
static struct disk *image(const char *path, bool snapshot, u64 sector, u8 mark)
{
    char err[300];
    u8 data[DISK_SECTOR];
    struct disk_options opt = {.path = path, .format = "raw", .snapshot = snapshot, .locking = DISK_LOCKING_OFF};
    struct disk *d = disk_open(&opt, &quiet, err, sizeof err);
    ck_assert_msg(d != NULL, "%s", err);
    memset(data, mark, sizeof data);
    struct iovec vec = {data, sizeof data};
    struct disk_request r = {.op = DISK_WRITE, .sector = sector, .count = 1, .vec = &vec, .nvec = 1};
    ck_assert(!snapshot || disk_submit(d, &r) == 0);
    return d;
}
static struct machine *with_disk(struct disk *d)
{
    struct machine_config c = config(MACHINE_PC);
    c.ide[0] = (struct drive_config){.present = true, .disk = d};
    return create(&c);
}

/* What was written under -snapshot comes back, and nothing else; an image that changed meanwhile is refused. */
START_TEST(disks)
{
    enum { SECTORS = 5000, PIECE = 4500 / DISK_PIECE, BIT_OF_IT = 4500 % DISK_PIECE };
    char path[80];
    u8 piece[DISK_PIECE_MAX];
    u32 len;
    snprintf(path, sizeof path, "%s.img", file);
    FILE *f = fopen(path, "wb");
    ck_assert(f && !ftruncate(fileno(f), SECTORS * DISK_SECTOR) && !fclose(f));
    struct machine *a = with_disk(image(path, true, 4500, 0xaa));
    struct disk *other = image(path, true, 100, 0xbb);
    struct machine *b = with_disk(other);
    save(a);
    load(b);
    ck_assert(machine_hash(a) == machine_hash(b));
    ck_assert_int_eq(disk_overlay_save(other, 0, piece, &len), 0);
    ck_assert_uint_eq(len, 0);
    ck_assert_int_eq(disk_overlay_save(other, PIECE, piece, &len), 0);
    ck_assert_uint_eq(len, DISK_PIECE_BITS + DISK_SECTOR);
    ck_assert(piece[BIT_OF_IT / 8] == BIT(BIT_OF_IT % 8) && piece[DISK_PIECE_BITS] == 0xaa);
    struct machine *c = with_disk(image(path, false, 0, 0));
    refused(c, "drive ide0 of the saved machine is 'an image of 5000 sectors with -snapshot, last written at");
    machine_destroy(c);
    f = fopen(path, "r+b");
    ck_assert(f && fwrite("!", 1, 1, f) == 1 && !fclose(f));
    refused(b, "drive ide0");
    machine_destroy(a);
    machine_destroy(b);
    unlink(path);
}
END_TEST

static u8 *slurp(size_t *size)
{
    struct stat st;
    FILE *f = fopen(file, "rb");
    ck_assert(f && !fstat(fileno(f), &st));
    u8 *data = malloc((size_t)st.st_size);
    *size = fread(data, 1, (size_t)st.st_size, f);
    fclose(f);
    return data;
}
static void write_file(const u8 *data, size_t size)
{
    FILE *f = fopen(file, "wb");
    ck_assert(f && fwrite(data, 1, size, f) == size && !fclose(f));
}

START_TEST(damaged)
{
    struct machine_config c = config(MACHINE_BARE);
    struct machine *m = create(&c);
    size_t size;
    stir(m);
    save(m);
    u8 *data = slurp(&size);
    for (size_t cut = 0; cut < size; cut += 1 + size / 40) {
        write_file(data, cut);
        refused(m, cut < 16 ? "is not a saved machine" : "is damaged");
    }
    for (size_t at = 0; at < size; at += 1 + size / 60) {
        data[at] ^= 0x10;
        write_file(data, size);
        refused(m, at < 16 ? "is not a saved machine" : "is damaged");
        data[at] ^= 0x10;
    }
    st32(data + 16, 2);
    st64(data + 24, XXH3_64bits(data, 24));
    write_file(data, size);
    refused(m, "has format 2, this program knows 1");
    write_file(data, 0);
    refused(m, "is not a saved machine");
    unlink(file);
    refused(m, "cannot read");
    free(data);
    machine_destroy(m);
}
END_TEST

/* A disk that is full leaves the file of that name as it was. */
START_TEST(cannot_be_written)
{
    struct machine_config c = config(MACHINE_BARE);
    struct machine *m = create(&c);
    char err[300];
    ck_assert(!machine_save(m, "/nonexistent/folder/file", err, sizeof err));
    ck_assert_ptr_nonnull(strstr(err, "cannot write '/nonexistent/folder/file': No such file"));
    machine_destroy(m);
}
END_TEST

/* Whatever is scheduled is scheduled by somebody's EVENT: nothing is lost with the queue. */
START_TEST(events_are_owned)
{
    struct machine_config c = config(MACHINE_PC);
    struct machine *a = create(&c), *b = create(&c);
    unsigned na = 0, nb = 0;
    stir(a);
    save(a);
    load(b);
    const struct event *f = b->sys.clock.head;
    for (const struct event *e = a->sys.clock.head; e; e = e->next, na++) {
        ck_assert_msg(f && !strcmp(e->name, f->name) && e->when == f->when && e->seq == f->seq, "%s is lost", e->name);
        f = f->next;
    }
    for (const struct event *e = b->sys.clock.head; e; e = e->next)
        nb++;
    ck_assert(na && na == nb);
    machine_destroy(a);
    machine_destroy(b);
}
END_TEST

START_TEST(board_is_covered)
{
    struct machine_config c = config(boards[_i]);
    struct machine *m = create(&c);
    ck_assert_int_eq(state_uncovered(m->priv->board_state, m->priv->board_size), -1);
    machine_destroy(m);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("snapshot");
    TCase *t = tcase_create("snapshot");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, comes_back, 0, (int)ARRAY_LEN(boards));
    tcase_add_loop_test(t, board_is_covered, 0, (int)ARRAY_LEN(boards));
    tcase_add_loop_test(t, lines, 0, (int)ARRAY_LEN(boards));
    tcase_add_test(t, lines_after_hotplug);
    tcase_add_test(t, other_options);
    tcase_add_test(t, disks);
    tcase_add_test(t, damaged);
    tcase_add_test(t, cannot_be_written);
    tcase_add_test(t, events_are_owned);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
