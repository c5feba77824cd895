/*
 * Hostile clients: bytes, damaged requests and requests in the wrong order to
 * the monitor, QMP and the gdb stub. Nothing may break, and after whatever it
 * was a new line and a good request get their answer.
 *   test_fuzz_frontends [ROUNDS [SEED]]
 */
#include "frontend/gdbstub.h"
#include "frontend/monitor.h"
#include "frontend/qmp.h"
#include "tests/fuzz/hostile.h"
#include "tests/unit/frontend_rig.h"

enum { DEFAULT_ROUNDS = 1500, LONGEST = 400 };

static struct rig rig;
static u64 rounds = DEFAULT_ROUNDS;

/* What a client may say, in words that blanks separate; _ is a blank of their own. What ends the machine, writes files
 * or waits for a guest is left out. */
static const char qmp_words[] =
    "{ } [ ] : , \" ' \\ \\u00e9 \\ud800 \n \r\n \t _ \xff \x01 \xc3 - 1e5 18446744073709551616 0x10 true null nul "
    "\"execute\" 'execute' \"arguments\" \"id\" \"query-status\" \"query-commands\" \"human-monitor-command\" "
    "\"command-line\" \"info_mem\" \"xp_/10xw_0\" {\"execute\":\"query-version\"} {\"execute\": \"send-key\" \"keys\" "
    "\"qcode\" \"type\" \"data\" \"query-block\" {\"execute\":\"nonsense\",\"arguments\":{\"a\":[[[[{}]]]]}}";
static const char monitor_words[] =
    "\n \r \x7f \t _ \x1b[A info help x xp p print / /4xw /3i /9999c /d sum registers -a mem tlb mtree -f cpu 0 1 -1 "
    "0xffffffffffffffff $eip $ $rax ( ) * /0 %0 << ~ - 'a' \" \\ sendkey ctrl-alt i o 0x70.1 log none info_device # "
    "cont stop \xff history";
static const char gdb_words[] =
    "00 } g G p P10= m M0,4: X0,4: Z0, z0, Z2,0,8 qSupported qXfer:features:read:target.xml: 0,ffb ffffffffffffffff , "
    ": "
    "; = vCont vCont? ;s:1 ;s:p1.2 Hg -1 p1.1 T2 ? D qRcmd, 696e666f206d656d QStartNoAckMode Qqemu.sstep= "
    "qqemu.sstepbits Qorrery.describe Qqemu.PhyMemMode:1 ! H 0011223344556677 $ #";

/* Some of the words behind each other, some damaged. */
static size_t compose(char *out, const char *words, size_t size)
{
    size_t n = 0;
    for (u64 pieces = 1 + below(24); pieces && n + 64 < LONGEST; pieces--) {
        const char *w = words + below(size - 1);
        while (w > words && w[-1] != ' ')
            w--;
        for (; *w && *w != ' '; w++)
            out[n++] = *w == '_' ? ' ' : *w;
        if (below(6) == 0)
            out[n++] = (char)rnd();
        if (below(12) == 0)
            out[below(n)] = (char)rnd();
    }
    return n;
}

/* Sends, and reads what there is without waiting for more. */
static void send_bytes(const char *bytes, size_t n)
{
    char got[4096];
    for (size_t at = 0, idle = 0; idle < 3;) {
        ssize_t w = at < n ? write(rig.fd, bytes + at, n - at) : 0;
        at += w > 0 ? (size_t)w : 0;
        loop_once(rig.host.loop, 0);
        idle = read(rig.fd, got, sizeof(got)) > 0 || at < n ? 0 : idle + 1;
    }
}

/* Until the answer has come, whole: what was asked before may take its time. */
static bool comes(const char *request, const char *answer)
{
    rig_talk(&rig, request);
    for (int i = 0; i < 3000; i++) {
        if (strstr(rig.got, answer))
            return true;
        rig_talk(&rig, "");
    }
    return false;
}

START_TEST(qmp)
{
    char text[LONGEST];
    rig_open(&rig, 2);
    struct qmp *q = qmp_create(&rig.host, rig.stream);
    rig_talk(&rig, "{'execute':'qmp_capabilities'}");
    for (u64 i = 0; i < rounds; i++) {
        size_t n = compose(text, qmp_words, sizeof(qmp_words));
        send_bytes(text, n);
        /* The first of two may be part of an object that was left open; by then that is over. */
        if (i % 8 == 0 && !comes("\n{\"execute\":\"query-kvm\"}\n{\"execute\":\"query-kvm\",\"id\":7}\n",
                                 "\"present\": false}, \"id\": 7}\r\n"))
            ck_abort_msg("QMP is deaf after round %llu: %.*s\n", (unsigned long long)i, (int)n, text);
    }
    qmp_free(q);
    rig_close(&rig);
}
END_TEST

START_TEST(monitor)
{
    char text[LONGEST];
    rig_open(&rig, 2);
    struct monitor *m = monitor_create(&rig.host, rig.stream, false);
    for (u64 i = 0; i < rounds; i++) {
        size_t n = compose(text, monitor_words, sizeof(monitor_words));
        send_bytes(text, n);
        if (i % 8 == 0 && !comes("\np 0x1234567\n", "0x1234567\r\n(qemu) "))
            ck_abort_msg("the monitor is deaf after round %llu: %.*s\n", (unsigned long long)i, (int)n, text);
    }
    monitor_free(m);
    rig_close(&rig);
}
END_TEST

/* Half of the packets have a right sum, as most never get further than that. */
static size_t packet(char *out, const char *data, size_t n)
{
    u8 sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (u8)data[i];
    memcpy(out + 1, data, n);
    out[0] = '$';
    return n + 1 + (size_t)sprintf(out + n + 1, "#%02x", sum);
}

START_TEST(gdb)
{
    char text[LONGEST], framed[LONGEST + 8];
    rig_open(&rig, 2);
    struct gdb_server *g = gdb_server_create(&rig.host, rig.stream);
    for (u64 i = 0; i < rounds; i++) {
        size_t n = compose(text, gdb_words, sizeof(gdb_words));
        if (strchr("ckCDR", text[0]) || memchr(text, 0, n))
            continue; /* resumes or ends */
        if (below(2))
            n = packet(framed, text, n);
        else
            memcpy(framed, text, n);
        send_bytes(framed, n);
        if (i % 8 == 0 && !comes("#00#00$qAttached#8f", "$1#31"))
            ck_abort_msg("gdb's stub is deaf after round %llu: %.*s\n", (unsigned long long)i, (int)n, text);
    }
    gdb_server_free(g);
    rig_close(&rig);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *s = suite_create("front ends");
    TCase *t = tcase_create("fuzz");
    rounds = argc > 1 ? strtoull(argv[1], NULL, 0) : DEFAULT_ROUNDS;
    rnd_seed(argc > 2 ? strtoull(argv[2], NULL, 0) : 1);
    tcase_set_timeout(t, 0);
    tcase_add_test(t, qmp);
    tcase_add_test(t, monitor);
    tcase_add_test(t, gdb);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
