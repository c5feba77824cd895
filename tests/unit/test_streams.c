/*
 * Character devices: the mux and its keys, flow control between a stream and a
 * device, a full output buffer, telnet, files.
 */
#include "devices/core/input.h"
#include "frontend/device_end.h"
#include "frontend/mux.h"
#include "frontend/stream_fd.h"
#include "frontend/stream_log.h"
#include "tests/unit/frontend_rig.h"

static struct rig rig;

/* A reader that keeps what it gets. */
struct sink {
    char text[8192];
    size_t len, room;
    unsigned focus, unfocus, breaks;
};
static size_t sink_can(void *owner) { return ((struct sink *)owner)->room; }
static void sink_input(void *owner, const u8 *buf, size_t n)
{
    struct sink *s = owner;
    ck_assert_uint_le(n, s->room);
    s->room -= n;
    memcpy(s->text + s->len, buf, n);
    s->len += n;
    s->text[s->len] = 0;
}
static void sink_event(void *owner, enum stream_event e)
{
    struct sink *s = owner;
    s->focus += e == STREAM_FOCUS;
    s->unfocus += e == STREAM_UNFOCUS;
    s->breaks += e == STREAM_BREAK;
}
static void attach(struct stream *to, struct sink *s)
{
    memset(s, 0, sizeof(*s));
    s->room = 4096;
    stream_attach(to, &(struct stream_user){sink_can, sink_input, sink_event, s, NULL});
}

static unsigned quits, syncs;
static void quit(void *owner) { quits += owner == &rig; }
static void sync_disks(void *owner) { syncs += owner == &rig; }

static void setup(void)
{
    rig_open(&rig, 1);
    quits = syncs = 0;
}
static void teardown(void) { rig_close(&rig); }

START_TEST(mux_keys)
{
    struct sink a, b;
    struct mux *m = mux_create(rig.stream, 1, &(struct mux_actions){quit, sync_disks, &rig});
    struct stream *pa = mux_port(m), *pb = mux_port(m);
    attach(pa, &a);
    attach(pb, &b);
    rig_talk(&rig, "one");
    ck_assert_str_eq(a.text, "one");
    rig_talk(&rig, " two\x01"
                   "cthree\x01"
                   "c four");
    ck_assert_str_eq(a.text, "one two four");
    ck_assert_str_eq(b.text, "three");
    ck_assert(a.unfocus == 1 && a.focus == 1 && b.focus == 1 && b.unfocus == 1);
    rig_talk(&rig, "\x01\x01!");
    ck_assert_str_eq(a.text, "one two four\x01!");
    rig_talk(&rig, "\x01");
    rig_talk(&rig, "b"); /* the key may come later */
    ck_assert(a.breaks == 1 && b.breaks == 0);
    ck_assert_ptr_nonnull(strstr(rig_talk(&rig, "\x01h"), "C-a x    end the emulator\r\n"));
    rig_talk(&rig, "\x01s\x01z");
    ck_assert(syncs == 1 && quits == 0);
    rig_talk(&rig, "\x01x");
    ck_assert_uint_eq(quits, 1);
    ck_assert_str_eq(a.text, "one two four\x01!");
    /* everybody's output is seen, stamped if so wished */
    stream_write(pa, (const u8 *)"A\n", 2);
    stream_write(pb, (const u8 *)"B\n", 2);
    ck_assert_str_eq(rig_talk(&rig, ""), "A\nB\n");
    rig_talk(&rig, "\x01t");
    stream_write(pa, (const u8 *)"x\ny\n", 4);
    const char *stamped = rig_talk(&rig, "");
    ck_assert_msg(!strncmp(stamped, "x\n[00:00:00.", 12) && strstr(stamped, "] y\n"), "%s", stamped);
    mux_close(m);
    rig.stream = NULL;
}
END_TEST

START_TEST(mux_other_escape)
{
    struct sink a;
    struct mux *m = mux_create(rig.stream, 0x14, &(struct mux_actions){quit, sync_disks, &rig});
    attach(mux_port(m), &a);
    rig_talk(&rig, "\x01x\x14\x14");
    ck_assert_str_eq(a.text, "\x01x\x14");
    ck_assert_ptr_nonnull(strstr(rig_talk(&rig, "\x14h"), "C-t x    end the emulator\r\n"));
    rig_talk(&rig, "\x14x");
    ck_assert_uint_eq(quits, 1);
    mux_close(m);
    rig.stream = NULL;
}
END_TEST

/* A device that takes what it likes. */
static size_t dev_room;
static char dev_got[65536];
static size_t dev_len;
static size_t dev_can(void *owner)
{
    (void)owner;
    return dev_room;
}
static void dev_receive(void *owner, const u8 *buf, size_t n)
{
    (void)owner;
    ck_assert_uint_le(n, dev_room);
    dev_room -= n;
    memcpy(dev_got + dev_len, buf, n);
    dev_len += n;
}

static const struct chardev_input dev_input = {.room = dev_can, .receive = dev_receive};

static void nothing(struct machine *m, void *arg) { (void)m, (void)arg; }
static void no_room(struct machine *m, void *arg)
{
    (void)m, (void)arg;
    dev_room = 0;
}
/* The device reads 37 bytes and asks for more. */
static void read_some(struct machine *m, void *arg)
{
    struct chardev *cd = arg;
    (void)m;
    dev_room = 37;
    cd->accept_input(cd);
}

START_TEST(flow_control)
{
    struct device_end *d = device_end_create(rig.stream);
    struct chardev *cd = device_end_take(d);
    char text[20000];
    chardev_connect(cd, &dev_input, NULL);
    dev_len = dev_room = 0;
    device_end_start(d, rig.m);
    rig.m->config.start_paused = true;
    ck_assert(machine_start(rig.m)); /* posts run on its thread, which executes nothing else */
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i % 26);
    /* More than fits between: the rest waits in the socket, nothing is lost, order is kept. */
    size_t sent = 0;
    while (dev_len < sizeof(text)) {
        ssize_t w = sent < sizeof(text) ? write(rig.fd, text + sent, sizeof(text) - sent) : 0;
        sent += w > 0 ? (size_t)w : 0;
        loop_once(rig.host.loop, 1);
        size_t before = dev_len;
        machine_call(rig.m, nothing, NULL);
        ck_assert_uint_eq(dev_len, before); /* no room, no bytes */
        machine_call(rig.m, read_some, cd);
        machine_call(rig.m, no_room, NULL); /* between the two it was given them */
    }
    ck_assert_int_eq(memcmp(dev_got, text, sizeof(text)), 0);
    machine_quit(rig.m, "host-qmp-quit");
    machine_join(rig.m);
    device_end_free(d);
}
END_TEST

START_TEST(full_output)
{
    static u8 block[4096];
    struct sink s;
    size_t taken = 0;
    attach(rig.stream, &s);
    rig_talk(&rig, "");
    /* Nobody reads: a device is told how much was taken, at once. */
    for (int i = 0; i < 400; i++) {
        size_t n = stream_write(rig.stream, block, sizeof(block));
        taken += n;
        if (n < sizeof(block))
            break;
    }
    ck_assert_uint_gt(taken, 64 << 10);
    ck_assert_uint_lt(taken, 400 * sizeof(block));
    u64 start = loop_now_ms();
    for (int i = 0; i < 10000; i++)
        ck_assert_uint_eq(stream_write(rig.stream, block, 1), 0);
    ck_assert_uint_lt(loop_now_ms() - start, 1000); /* 10,000 waits of any length would take longer */
    stream_printf(rig.stream, "%s", "a monitor's text is always kept");
    size_t total = 0;
    for (int quiet = 0; quiet < 5;) {
        loop_once(rig.host.loop, 1);
        ssize_t n = read(rig.fd, rig.got, sizeof(rig.got));
        total += n > 0 ? (size_t)n : 0;
        quiet = n > 0 ? 0 : quiet + 1;
    }
    ck_assert_uint_eq(total, taken + strlen("a monitor's text is always kept"));
}
END_TEST

static struct stream_log *log_to(const char *path, bool append)
{
    struct error e;
    struct stream_log *log = stream_log_open(rig.stream, path, append, &e);
    ck_assert_msg(log != NULL, "%s", e.text);
    return log;
}

/* A log gets what goes out, whoever else reads it, comes and goes, and is begun anew or goes on. */
START_TEST(logs)
{
    char path[64], text[64] = "";
    struct error e;
    snprintf(path, sizeof(path), "/tmp/orrery-log-%ld", (long)getpid());
    rig_talk(&rig, ""); /* somebody is there */
    stream_write(rig.stream, (const u8 *)"before, ", 8);
    struct stream_log *log = log_to(path, false);
    stream_write(rig.stream, (const u8 *)"one", 3);
    stream_printf(rig.stream, ", two");
    stream_log_close(log);
    stream_printf(rig.stream, ", between");
    log = log_to(path, true);
    stream_printf(rig.stream, ", three");
    stream_log_close(log);
    ck_assert_str_eq(rig_talk(&rig, ""), "before, one, two, between, three");
    FILE *f = fopen(path, "r");
    ck_assert(f && fread(text, 1, sizeof(text) - 1, f) == 15);
    ck_assert_str_eq(text, "one, two, three");
    fclose(f);
    unlink(path);
    ck_assert_ptr_null(stream_log_open(rig.stream, "/nowhere/log", false, &e));
    ck_assert_str_eq(e.text, "cannot create '/nowhere/log': No such file or directory");
}
END_TEST

/* A port without a busy bit: much is kept, then the rest is lost; and the memory comes back. */
START_TEST(put_output)
{
    static u8 block[64 << 10];
    struct device_end *d = device_end_create(rig.stream);
    struct chardev *cd = device_end_take(d);
    const struct fd_stream *f = container_of(rig.stream, struct fd_stream, s);
    rig_talk(&rig, "");
    for (int i = 0; i < 200; i++)
        chardev_put(cd, block, sizeof(block));
    ck_assert_uint_ge(stream_pending(rig.stream), 4 << 20);
    ck_assert_uint_lt(stream_pending(rig.stream), (4 << 20) + sizeof(block));
    ck_assert(stream_busy(rig.stream));
    while (stream_pending(rig.stream)) {
        ck_assert_int_ge(read(rig.fd, block, sizeof(block)), 0);
        loop_once(rig.host.loop, 0);
    }
    ck_assert(!stream_busy(rig.stream) && f->cap <= sizeof(block));
    device_end_free(d);
}
END_TEST

START_TEST(next_client)
{
    struct sink s;
    attach(rig.stream, &s);
    rig_talk(&rig, "");
    close(rig.fd);
    rig.fd = -1;
    for (int i = 0; i < 3; i++)
        loop_once(rig.host.loop, 1);
    ck_assert(!rig.stream->connected);
    ck_assert_uint_eq(stream_write(rig.stream, (const u8 *)"lost", 4), 4); /* nobody there: it vanishes */
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", rig.path);
    rig.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(connect(rig.fd, (struct sockaddr *)&a, sizeof(a)), 0);
    rig_talk(&rig, "again");
    ck_assert_str_eq(s.text, "again");
    stream_write(rig.stream, (const u8 *)"hello", 5);
    ck_assert_str_eq(rig_talk(&rig, ""), "hello");
}
END_TEST

START_TEST(files)
{
    struct error e;
    struct stream_spec spec;
    char dev[160], line[64] = "";
    snprintf(dev, sizeof(dev), "file:/tmp/orrery-test-file-%ld", (long)getpid());
    ck_assert(stream_spec_parse(&spec, dev, "test", &e));
    struct stream *s = stream_open(&spec, rig.host.loop, &e);
    ck_assert_ptr_nonnull(s);
    ck_assert_uint_eq(stream_write(s, (const u8 *)"text\n", 5), 5);
    stream_close(s);
    FILE *f = fopen(spec.path, "r");
    ck_assert(f && fgets(line, sizeof(line), f) && !strcmp(line, "text\n"));
    fclose(f);
    unlink(spec.path);
    stream_spec_free(&spec);
    ck_assert(stream_spec_parse(&spec, "file:/nonexistent/x", "test", &e));
    ck_assert_ptr_null(stream_open(&spec, rig.host.loop, &e));
    ck_assert_str_eq(e.text, "cannot create '/nonexistent/x': No such file or directory");
    stream_spec_free(&spec);
}
END_TEST

START_TEST(telnet)
{
    struct error e;
    struct stream_spec spec;
    struct sink sink;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char dev[160];
    snprintf(a.sun_path, sizeof(a.sun_path), "/tmp/orrery-test-telnet-%ld", (long)getpid());
    snprintf(dev, sizeof(dev), "unix:%s,server,nowait,telnet=on", a.sun_path);
    ck_assert(stream_spec_parse(&spec, dev, "telnet", &e));
    struct stream *s = stream_open(&spec, rig.host.loop, &e);
    ck_assert_ptr_nonnull(s);
    attach(s, &sink);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    /* Negotiation, a subnegotiation, a doubled 255, and both spellings of the return key; then a break. */
    static const char in[] = "a\xff\xfd\x01"
                             "b\xff\xfa\x18xx\xff\xf0"
                             "c\xff\xff\r\nd\r\0e\xff\xf3";
    ck_assert_int_eq(write(fd, in, sizeof(in) - 1), sizeof(in) - 1);
    for (int i = 0; i < 5; i++)
        loop_once(rig.host.loop, 1);
    ck_assert_str_eq(sink.text, "abc\xff\rd\re");
    ck_assert_uint_eq(sink.breaks, 1);
    char out[12];
    ck_assert_int_eq(read(fd, out, sizeof(out)), 12);
    ck_assert_int_eq(memcmp(out, "\xff\xfb\x01\xff\xfb\x03", 6), 0); /* we echo, and suppress go-ahead */
    close(fd);
    stream_close(s);
    stream_spec_free(&spec);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("streams");
    TCase *t = tcase_create("streams");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, mux_keys);
    tcase_add_test(t, mux_other_escape);
    tcase_add_test(t, flow_control);
    tcase_add_test(t, full_output);
    tcase_add_test(t, put_output);
    tcase_add_test(t, next_client);
    tcase_add_test(t, files);
    tcase_add_test(t, logs);
    tcase_add_test(t, telnet);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
