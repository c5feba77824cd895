/*
 * The monitors: expressions, the layout of x and print, errors that suggest,
 * completion; QMP's framing, negotiation, ids, argument errors.
 */
#include <jansson.h>

#include "frontend/expression.h"
#include "frontend/hmp.h"
#include "frontend/monitor.h"
#include "frontend/qmp.h"
#include "tests/unit/frontend_rig.h"

static struct rig rig;
static struct hmp_session session;
static struct qmp *qmp;

static void setup(void)
{
    rig_open(&rig, 2);
    hmp_session_init(&session);
}
static void teardown(void)
{
    hmp_session_free(&session);
    rig_close(&rig);
}

static const char *hmp(const char *line)
{
    static char text[65536];
    char *s = rig_hmp(&rig, &session, line);
    snprintf(text, sizeof(text), "%s", s);
    free(s);
    return text;
}
#define SAYS(line, text) ck_assert_str_eq(hmp(line), text)

static void poke(u64 addr, const void *bytes, size_t n) { space_write_bytes(&rig.m->sys.mem, addr, bytes, n); }

START_TEST(expressions)
{
    SAYS("p 1+2*3", "0x7\n");
    SAYS("p (1+2)*3", "0x9\n");
    SAYS("p 0x10<<4|1", "0x101\n");
    SAYS("p/d 10-3-2", "5\n");
    SAYS("p/d -1", "-1\n");
    SAYS("p ~0", "0xffffffffffffffff\n");
    SAYS("p/d 7/2%2", "1\n");
    SAYS("p 'A'", "0x41\n");
    SAYS("p/c 65", "'A'\n");
    SAYS("p/o 8", "010\n");
    SAYS("p/u -1", "18446744073709551615\n");
    rig.m->cpu[0]->gpr[RBX] = 0x123456789a;
    SAYS("p $rbx", "0x123456789a\n");
    SAYS("p $ebx+1", "0x3456789b\n");
    SAYS("p $bl", "0x9a\n");
    SAYS("p $bh", "0x78\n");
    SAYS("p $cs.base", "0xffff0000\n");
    SAYS("p $eip", "0xfff0\n");
    SAYS("p $pc", "0xfffffff0\n");
    SAYS("p 1/0", "division by zero\nTry \"help print\" for more information\n");
    SAYS("p $foo", "unknown register 'foo'\nTry \"help print\" for more information\n");
    SAYS("p 2+", "unexpected end of expression\nTry \"help print\" for more information\n");
    SAYS("p (1", "')' expected\nTry \"help print\" for more information\n");
    SAYS("p @", "invalid char '@' in expression\nTry \"help print\" for more information\n");
    char deep[4096] = "p ";
    memset(deep + 2, '(', 4000);
    SAYS(deep, "expression nested too deep\nTry \"help print\" for more information\n");
}
END_TEST

/* Lines as QEMU 7.2 prints them for the same bytes. */
START_TEST(memory_dumps)
{
    static const u8 bytes[] = {0xea, 0x5b, 0xe0, 0x00, 0xf0, 0x30, 0x36, 0x2f,
                               0x32, 0x33, 0x2f, 0x39, 0x39, 0x00, 0xfc, 0x00};
    poke(0xfff0, bytes, sizeof(bytes));
    SAYS("xp /8xb 0xfff0", "000000000000fff0: 0xea 0x5b 0xe0 0x00 0xf0 0x30 0x36 0x2f\n");
    SAYS("xp /2dh 0xfff0", "000000000000fff0: 23530   224\n");
    SAYS("xp /3cb 0xfff0", "000000000000fff0: '\\xea' '[' '\\xe0'\n");
    SAYS("xp /2ob 0xfff0", "000000000000fff0: 0352 0133\n");
    SAYS("xp /2ub 0xfff0", "000000000000fff0: 234  91\n");
    SAYS("xp /1db 0xfff0", "000000000000fff0: -22\n");
    SAYS("xp /2xg 0xfff0", "000000000000fff0: 0x2f3630f000e05bea 0x00fc0039392f3332\n");
    SAYS("xp /5xw 0xfff0",
         "000000000000fff0: 0x00e05bea 0x2f3630f0 0x392f3332 0x00fc0039\n0000000000010000: 0x00000000\n");
    SAYS("xp /9xb 0xfff0", "000000000000fff0: 0xea 0x5b 0xe0 0x00 0xf0 0x30 0x36 0x2f\n000000000000fff8: 0x32\n");
    SAYS("xp 0xfff0", "000000000000fff0: 0xea\n"); /* the last format is remembered */
    SAYS("x /1xw 0xfff0", "000000000000fff0: 0x00e05bea\n");
    poke(0x3000, "\xfa\xb8\x34\x12", 4);
    SAYS("x/2i 0x3000", "0x00003000:  fa                       cli      \n"
                        "0x00003001:  b8 34 12                 movw     $0x1234, %ax\n");
    SAYS("x /4s 0", "invalid char in format: 's'\nTry \"help x\" for more information\n");
    SAYS("x", "unexpected end of expression\nTry \"help x\" for more information\n");
    SAYS("xp /xw 0x100000000000", "0000100000000000: Cannot access memory\n");
    SAYS("sum 0xfff0 1", "00234\n");
}
END_TEST

/* The machine goes back to what it was. */
START_TEST(saved_machines)
{
    char file[] = "/tmp/orrery-monitor-XXXXXX", line[80];
    close(mkstemp(file));
    poke(0x3000, "\x12", 1);
    snprintf(line, sizeof(line), "savevm -f %s", file);
    SAYS(line, "");
    poke(0x3000, "\x34", 1);
    snprintf(line, sizeof(line), "loadvm -f %s", file);
    SAYS(line, "");
    SAYS("xp /1xb 0x3000", "0000000000003000: 0x12\n");
    SAYS("savevm tag", "savevm: -f filename expected\nTry \"help savevm\" for more information\n");
    SAYS("loadvm -f /nonexistent", "Error: cannot read '/nonexistent': No such file or directory\n");
    unlink(file);
}
END_TEST

/* A dump of low memory spans the hole where no adapter answers. */
START_TEST(memory_files)
{
    char file[] = "/tmp/orrery-monitor-XXXXXX", line[80];
    u8 bytes[8];
    int fd = mkstemp(file);
    poke(0x9fffc, "\x11\x22\x33\x44", 4);
    snprintf(line, sizeof(line), "pmemsave 0x9fffc 8 \"%s\"", file);
    SAYS(line, "");
    ck_assert_int_eq(read(fd, bytes, 8), 8);
    ck_assert_mem_eq(bytes, "\x11\x22\x33\x44\0\0\0\0", 8);
    SAYS("pmemsave 0 0x3000 \"/dev/full\"", "Error: could not write '/dev/full': No space left on device\n");
    SAYS("pmemsave 0 8 \"/nonexistent/x\"", "Error: could not open '/nonexistent/x': No such file or directory\n");
    close(fd);
    unlink(file);
}
END_TEST

START_TEST(state)
{
    SAYS("info status", "VM status: paused (prelaunch)\n");
    SAYS("info version", ORRERY_VERSION "\n");
    ck_assert_ptr_nonnull(strstr(hmp("info registers"), "\nCPU#0\nEAX=00000000 EBX=00000000 ECX=00000000 EDX="));
    ck_assert_ptr_nonnull(
        strstr(hmp("info registers"), "EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0"));
    ck_assert_ptr_nonnull(strstr(hmp("info registers"), "CS =f000 ffff0000 0000ffff 0000"));
    ck_assert_ptr_nonnull(strstr(hmp("info registers -a"), "CPU#1"));
    SAYS("info registers 7", "CPU#7 not available\n");
    SAYS("cpu 1", "");
    ck_assert_ptr_nonnull(strstr(hmp("info cpus"), "* CPU #1: "));
    SAYS("cpu 2", "invalid CPU index\n");
    ck_assert_ptr_nonnull(strstr(hmp("info mtree"), "0000000000000000-00000000000fffff (prio 0, ram): ram"));
    SAYS("info mem", "PG disabled\n");
    SAYS("info pic", "there is no pic on this board\n");
    SAYS("screendump", "screendump: filename expected\nTry \"help screendump\" for more information\n");
    SAYS("screendump /tmp/x", "Error: there is no graphics adapter\n");
    SAYS("eject floppy9", "Error: drive 'floppy9' is unknown\n");
    SAYS("sendkey ctrl-atl-delete", "key 'atl' is unknown, did you mean 'alt'?\n");
    SAYS("log int,pic", "");
    ck_assert_uint_eq(rig.options.trace.mask, BIT64(TRACE_int) | BIT64(TRACE_pic));
    SAYS("log none", "");
    ck_assert_uint_eq(rig.options.trace.mask, 0);
}
END_TEST

START_TEST(page_tables)
{
    /* Two-level tables at 1000h: 0 to 2000h user, 2000h read-only supervisor; and 4 MiB at 80000000h. */
    struct cpu *cpu = rig.m->cpu[0];
    u8 entry[4];
    st32(entry, 0x2007);
    poke(0x1000, entry, 4);
    st32(entry, 0x00400083);
    poke(0x1000 + 4 * 512, entry, 4);
    static const u32 leaves[] = {0x0007, 0x1067, 0x2121};
    for (unsigned i = 0; i < 3; i++) {
        st32(entry, leaves[i]);
        poke(0x2000 + 4 * i, entry, 4);
    }
    cpu->cr3 = 0x1000;
    cpu->cr4 = CR4_PSE;
    cpu->cr0 |= CR0_PE | CR0_PG;
    SAYS("info mem", "0000000000000000-0000000000002000 0000000000002000 urw\n"
                     "0000000000002000-0000000000003000 0000000000001000 -r-\n"
                     "0000000080000000-0000000080400000 0000000000400000 -rw\n");
    SAYS("info tlb", "0000000000000000: 0000000000000000 -------UW\n"
                     "0000000000001000: 0000000000001000 ---DA--UW\n"
                     "0000000000002000: 0000000000002000 -G--A----\n"
                     "0000000080000000: 0000000000400000 --P-----W\n");
    cpu->cr0 &= ~(u64)(CR0_PE | CR0_PG);
}
END_TEST

/* Tables that map everything through themselves: the walk ends, says so, and leaves others their turn. */
START_TEST(page_tables_of_themselves)
{
    struct cpu *cpu = rig.m->cpu[0];
    static const u64 next[] = {0x2003, 0x3003, 0x4003, 0x7003};
    for (unsigned t = 0; t < ARRAY_LEN(next); t++) {
        u8 entries[PAGE_SIZE];
        for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
            st64(entries + i * 8, next[t]);
        poke(0x1000 * (t + 1), entries, sizeof(entries));
    }
    cpu->cr3 = 0x1000;
    cpu->cr4 = CR4_PAE;
    cpu->efer = EFER_LME | EFER_LMA;
    cpu->cr0 |= CR0_PE | CR0_PG;
    SAYS("info mem", "0000000000000000-0000000ff7fff000 0000000ff7fff000 -rw\n"
                     "The page tables go on; stopped after 16777216 entries\n");
    static const char line[] = "0000000000000000: 0000000000007000 --------W\n",
                      last[] = "The page tables go on; stopped after 1048576 lines\n";
    char *lines = rig_hmp(&rig, &session, "info tlb");
    size_t n = strlen(lines);
    ck_assert_uint_eq(n, (1ul << 20) * strlen(line) + strlen(last));
    ck_assert_str_eq(lines + n - strlen(last), last);
    free(lines);
    cpu->cr3 = 0xfee00000; /* no RAM: nothing is mapped */
    SAYS("info tlb", "");
    cpu->cr0 &= ~(u64)(CR0_PE | CR0_PG);
    cpu->efer = 0;
}
END_TEST

START_TEST(words)
{
    SAYS("", "");
    SAYS("   # a comment", "");
    SAYS("inof status", "unknown command: 'inof', did you mean 'info'?\n");
    SAYS("info registres", "unknown command: 'info registres', did you mean 'registers'?\n");
    SAYS("help stop", "stop|s -- stop emulation\n");
    SAYS("help info mem", "info mem -- show the active virtual memory mappings\n");
    ck_assert_ptr_nonnull(strstr(hmp("help"), "\nsystem_reset -- reset the system\n"));
    ck_assert_ptr_nonnull(strstr(hmp("info"), "info registers [-a|vcpu] -- "));
    ck_assert_ptr_nonnull(strstr(hmp("info history"), "'help stop'"));
}
END_TEST

static unsigned found_count;
static char found_last[64];
static void found(void *owner, const char *word)
{
    (void)owner;
    found_count++;
    snprintf(found_last, sizeof(found_last), "%s", word);
}
START_TEST(completion)
{
    found_count = 0;
    hmp_complete("screend", found, NULL);
    ck_assert(found_count == 1 && !strcmp(found_last, "screendump"));
    found_count = 0;
    hmp_complete("info  sta", found, NULL);
    ck_assert(found_count == 1 && !strcmp(found_last, "status"));
    found_count = 0;
    hmp_complete("x 12", found, NULL);
    ck_assert_uint_eq(found_count, 0);
}
END_TEST

START_TEST(plain_lines)
{
    struct monitor *m = monitor_create(&rig.host, rig.stream, false);
    ck_assert_ptr_nonnull(strstr(rig_talk(&rig, ""), "type 'help' for more information\r\n(qemu) "));
    ck_assert_str_eq(rig_talk(&rig, "p 1\r\np 2\n"), "0x1\r\n(qemu) 0x2\r\n(qemu) ");
    ck_assert_str_eq(rig_talk(&rig, "p 13\x7f\r"), "0x1\r\n(qemu) ");
    monitor_free(m);
}
END_TEST

/* Many commands whose answers nobody reads: they wait their turn, and all answers come whole in the end. */
static size_t read_all(char *text, size_t size)
{
    size_t n = 0;
    for (int quiet = 0; quiet < 20;) {
        loop_once(rig.host.loop, 1);
        ssize_t r = read(rig.fd, text + n, size - 1 - n);
        n += r > 0 ? (size_t)r : 0;
        quiet = r > 0 ? 0 : quiet + 1;
    }
    text[n] = 0;
    return n;
}
static unsigned count_of(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}
static void ask_without_reading(const char *request, unsigned times)
{
    size_t n = strlen(request);
    for (unsigned i = 0; i < times; i++) {
        ck_assert_int_eq(write(rig.fd, request, n), (ssize_t)n);
        loop_once(rig.host.loop, 0);
    }
    for (int i = 0; i < 30; i++)
        loop_once(rig.host.loop, 1);
}

START_TEST(unread_answers)
{
    static char text[4 << 20];
    struct monitor *m = monitor_create(&rig.host, rig.stream, false);
    read_all(text, sizeof(text));
    ask_without_reading("xp /100xw 0\n", 300); /* 2 KB each */
    ck_assert_uint_gt(stream_pending(rig.stream), 64 << 10);
    ck_assert_uint_lt(stream_pending(rig.stream), 80 << 10);
    read_all(text, sizeof(text));
    ck_assert_uint_eq(count_of(text, "\r\n"), 300 * 25);
    ck_assert_uint_eq(count_of(text, "(qemu) "), 300);
    /* One that prints more than anybody should keep goes on as it is read. */
    ask_without_reading("xp /60000xw 0\n", 1);
    ck_assert_uint_lt(stream_pending(rig.stream), 256 << 10);
    size_t n = read_all(text, sizeof(text));
    while (!strstr(text, "(qemu) "))
        n += read_all(text, sizeof(text));
    ck_assert_uint_gt(n, 600 << 10);
    monitor_free(m);
}
END_TEST

/* A batch whose sender has said all: every command is carried out, the long ones too, and answered before the end. */
START_TEST(batch)
{
    static char text[1 << 20];
    struct monitor *m = monitor_create(&rig.host, rig.stream, false);
    static const char in[] = "xp /20000xb 0\nsum 0 0x100000\np 17\n";
    read_all(text, sizeof(text));
    ck_assert_int_eq(write(rig.fd, in, sizeof(in) - 1), sizeof(in) - 1);
    shutdown(rig.fd, SHUT_WR);
    size_t n = 0;
    for (ssize_t r = -1; r != 0;) {
        loop_once(rig.host.loop, 1);
        r = read(rig.fd, text + n, sizeof(text) - 1 - n);
        n += r > 0 ? (size_t)r : 0;
    }
    text[n] = 0;
    ck_assert_uint_eq(count_of(text, "\r\n"), 2500 + 2);
    ck_assert_ptr_nonnull(strstr(text, "0x11\r\n(qemu) "));
    monitor_free(m);
}
END_TEST

/* ---- QMP ---- */

static void setup_qmp(void)
{
    setup();
    qmp = qmp_create(&rig.host, rig.stream);
    rig_talk(&rig, "");
}
static void teardown_qmp(void)
{
    qmp_free(qmp);
    teardown();
}
#define QMP_SAYS(in, out) ck_assert_str_eq(rig_talk(&rig, in), out "\r\n")

START_TEST(qmp_negotiation)
{
    ck_assert_ptr_nonnull(strstr(rig.got, "{\"QMP\": {\"version\": {\"qemu\": {"));
    QMP_SAYS("{\"execute\":\"query-status\"}", "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": "
                                               "\"Expecting capabilities negotiation with 'qmp_capabilities'\"}}");
    QMP_SAYS("{\"execute\":\"qmp_capabilities\",\"id\":1}", "{\"return\": {}, \"id\": 1}");
    QMP_SAYS("{\"execute\":\"query-status\",\"id\":{\"a\":[1]}}",
             "{\"return\": {\"status\": \"prelaunch\", \"singlestep\": false, \"running\": false}, \"id\": "
             "{\"a\": [1]}}");
    ck_assert_ptr_nonnull(strstr(rig_talk(&rig, "{\"execute\":\"qmp_capabilities\"}"), "CommandNotFound"));
}
END_TEST

START_TEST(qmp_framing)
{
    rig_talk(&rig, "{\"execute\":\"qmp_capabilities\"}");
    /* two in one piece, one in many, braces in strings */
    QMP_SAYS("{\"execute\":\"query-kvm\",\"id\":1}{\"execute\":\"query-kvm\",\"id\":2}\n",
             "{\"return\": {\"enabled\": false, \"present\": false}, \"id\": 1}\r\n"
             "{\"return\": {\"enabled\": false, \"present\": false}, \"id\": 2}");
    ck_assert_str_eq(rig_talk(&rig, "{\"exec"), "");
    ck_assert_str_eq(rig_talk(&rig, "ute\":\n\"query-iothreads\" "), "");
    QMP_SAYS("}", "{\"return\": []}");
    QMP_SAYS("{\"execute\":\"query-iothreads\",\"id\":\"}{\\\"[\"}", "{\"return\": [], \"id\": \"}{\\\"[\"}");
}
END_TEST

START_TEST(qmp_errors)
{
    static const struct {
        const char *in, *class, *desc;
    } bad[] = {
        {"{\"execute\":\"query-nothing\"}", "CommandNotFound", "The command query-nothing has not been found"},
        {"{\"foo\":1}", "GenericError", "QMP input member 'foo' is unexpected"},
        {"{}", "GenericError", "QMP input lacks member 'execute'"},
        {"[1]", "GenericError", "QMP input must be a JSON object"},
        {"{\"execute\":1}", "GenericError", "QMP input member 'execute' must be a string"},
        {"{\"execute\":\"stop\",\"arguments\":3}", "GenericError", "QMP input member 'arguments' must be an object"},
        {"{\"execute\":\"stop\",\"arguments\":{\"a\":1}}", "GenericError", "Parameter 'a' is unexpected"},
        {"{\"execute\":\"screendump\"}", "GenericError", "Parameter 'filename' is missing"},
        {"{\"execute\":\"screendump\",\"arguments\":{\"filename\":1}}", "GenericError",
         "Invalid parameter type for 'filename', expected: string"},
        {"{\"execute\":\"send-key\",\"arguments\":{\"keys\":[{\"type\":\"qcode\",\"data\":\"bnana\"}]}}",
         "GenericError", "key 'bnana' is unknown"},
        {"{\"execute\":\"send-key\",\"arguments\":{\"keys\":[{}]}}", "GenericError", "Invalid parameter 'keys'"},
        {"{\"execute\":\"eject\",\"arguments\":{}}", "GenericError", "Parameter 'device' is missing"},
        {"{\"execute\":\"system_wakeup\"}", "GenericError", "Unable to wake up: guest is not in suspended state"},
    };
    rig_talk(&rig, "{\"execute\":\"qmp_capabilities\"}");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char want[400];
        snprintf(want, sizeof(want), "{\"error\": {\"class\": \"%s\", \"desc\": \"%s\"}}\r\n", bad[i].class,
                 bad[i].desc);
        ck_assert_str_eq(rig_talk(&rig, bad[i].in), want);
    }
    ck_assert_ptr_nonnull(strstr(rig_talk(&rig, "nonsense\n"), "JSON parse error"));
    ck_assert_ptr_nonnull(strstr(rig_talk(&rig, "{\"a\":]}"), "JSON parse error"));
    ck_assert_ptr_nonnull(strstr(rig_talk(&rig, "\n{\"a\":1,\"a\":2}"), "JSON parse error"));
    QMP_SAYS("\n{\"execute\":\"query-iothreads\"}", "{\"return\": []}");
}
END_TEST

START_TEST(qmp_human)
{
    rig_talk(&rig, "{\"execute\":\"qmp_capabilities\"}");
    QMP_SAYS("{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"p 5\"}}",
             "{\"return\": \"0x5\\r\\n\"}");
    QMP_SAYS("{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"p 5\",\"cpu-index\":9}}",
             "{\"error\": {\"class\": \"GenericError\", \"desc\": \"Invalid parameter 'cpu-index'\"}}");
    const char *all = rig_talk(&rig, "{\"execute\":\"query-commands\"}");
    static const char *const wanted[] = {"qmp_capabilities",
                                         "query-status",
                                         "query-version",
                                         "query-commands",
                                         "stop",
                                         "cont",
                                         "quit",
                                         "system_reset",
                                         "system_powerdown",
                                         "screendump",
                                         "send-key",
                                         "human-monitor-command"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        ck_assert_ptr_nonnull(strstr(all, wanted[i]));
}
END_TEST

START_TEST(qmp_unread)
{
    static char text[4 << 20];
    rig_talk(&rig, "{\"execute\":\"qmp_capabilities\"}");
    ask_without_reading("{\"execute\":\"query-commands\"}", 300);
    ck_assert_uint_lt(stream_pending(rig.stream), 80 << 10);
    /* Events stop before they fill the memory, and come again. */
    for (int i = 0; i < 20000; i++)
        rig.host.observer.event(&rig.host.observer, EVENT_STOP, NULL);
    host_deliver(&rig.host);
    ck_assert_uint_lt(stream_pending(rig.stream), (1 << 20) + 4096);
    read_all(text, sizeof(text));
    ck_assert_uint_eq(count_of(text, "{\"return\": [{\"name\""), 300);
    ck_assert_uint_eq(count_of(text, "\r\n{"), count_of(text, "\r\n") - 1); /* each a whole line */
    rig.host.observer.event(&rig.host.observer, EVENT_STOP, NULL);
    ck_assert_ptr_nonnull(strstr(rig_talk(&rig, ""), "STOP"));
}
END_TEST

#define IOTHREADS        "{\"execute\":\"query-iothreads\"}"
#define NO_IOTHREADS     "{\"return\": []}\r\n"
#define PARSE_ERROR(why) "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error, " why "\"}}\r\n"

/* What is no JSON is told once, where it shows, and what follows is understood. */
START_TEST(qmp_damage)
{
    static const struct {
        const char *in, *out;
    } damage[] = {
        {"{'execute':'query-iothreads','id':'\"x\\''}", "{\"return\": [], \"id\": \"\\\"x'\"}\r\n"},
        {"{\"a\x01"
         "b\"}\n" IOTHREADS,
         PARSE_ERROR("stray byte 0x01") NO_IOTHREADS},
        {"{\"execute\": \"sto\n" IOTHREADS, PARSE_ERROR("stray byte 0x0a") NO_IOTHREADS},
        {"{\"a\":[\xff" IOTHREADS, PARSE_ERROR("stray byte 0xff") NO_IOTHREADS},
        {"{\"a\":\n" IOTHREADS "\n" IOTHREADS, PARSE_ERROR("expected separator in dict") NO_IOTHREADS},
        {"nonsense {\n" IOTHREADS,
         PARSE_ERROR("invalid keyword 'nonsense'") PARSE_ERROR("key is not a string in object") NO_IOTHREADS},
        {"{\"a\" 5 \"}{'execute':'quit'}\" {}}" IOTHREADS, PARSE_ERROR("missing : in object pair") NO_IOTHREADS},
        {"{\"a\":1,}" IOTHREADS, PARSE_ERROR("key is not a string in object") NO_IOTHREADS},
        {"]}]\n" IOTHREADS, PARSE_ERROR("expecting value") NO_IOTHREADS},
        {"%$;\n" IOTHREADS, PARSE_ERROR("stray '%'") NO_IOTHREADS},
    };
    rig_talk(&rig, "{\"execute\":\"qmp_capabilities\"}");
    for (size_t i = 0; i < ARRAY_LEN(damage); i++) {
        ck_assert_str_eq(rig_talk(&rig, damage[i].in), damage[i].out);
        rig_talk(&rig, "\n");
    }
    static const char *const refused[] = {"\"\xc3\"", "99999999999999999999", "1e999", "\"\\q\"", "01", "\"\\ud800\""};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        char in[120];
        snprintf(in, sizeof(in), "{\"a\": %s}" IOTHREADS, refused[i]);
        const char *got = rig_talk(&rig, in), *end = strstr(got, "\r\n");
        ck_assert_msg(strstr(got, "JSON parse error, ") && end && !strcmp(end + 2, NO_IOTHREADS), "%s", got);
    }
    enum { LONG = 3 << 19 }; /* more than fits */
    char *deep = malloc(LONG + 1);
    memset(deep, '[', LONG);
    deep[LONG] = 0;
    ck_assert_ptr_nonnull(strstr(rig_talk(&rig, deep), "\"JSON nesting depth limit exceeded\""));
    for (int i = 0; i < 500; i++)
        loop_once(rig.host.loop, 0);
    ck_assert_str_eq(rig_talk(&rig, "\n" IOTHREADS), NO_IOTHREADS);
    memset(deep, 'x', LONG);
    deep[0] = '"';
    ck_assert_ptr_nonnull(strstr(rig_talk(&rig, deep), "\"JSON token size limit exceeded\""));
    for (int i = 0; i < 500; i++)
        loop_once(rig.host.loop, 0);
    ck_assert_str_eq(rig_talk(&rig, "\"\n" IOTHREADS), NO_IOTHREADS);
    free(deep);
}
END_TEST

START_TEST(qmp_garbage)
{
    static const char alphabet[] = "{}[]\",:\\ \nexecute1-\xff";
    u32 seed = 3;
    rig_talk(&rig, "{\"execute\":\"qmp_capabilities\"}");
    for (int round = 0; round < 300; round++) {
        char text[64];
        for (size_t i = 0; i < sizeof(text) - 1; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
        }
        text[63] = 0;
        rig_talk(&rig, text);
    }
    rig_talk(&rig, "\"\n");
    for (int i = 0; i < 200; i++)
        rig_talk(&rig, "]}\"\n");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("monitor");
    TCase *t = tcase_create("hmp"), *q = tcase_create("qmp");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_checked_fixture(q, setup_qmp, teardown_qmp);
    tcase_set_timeout(t, 60);
    tcase_set_timeout(q, 60);
    tcase_add_test(t, expressions);
    tcase_add_test(t, memory_dumps);
    tcase_add_test(t, memory_files);
    tcase_add_test(t, saved_machines);
    tcase_add_test(t, state);
    tcase_add_test(t, page_tables);
    tcase_add_test(t, page_tables_of_themselves);
    tcase_add_test(t, words);
    tcase_add_test(t, completion);
    tcase_add_test(t, plain_lines);
    tcase_add_test(t, unread_answers);
    tcase_add_test(t, batch);
    tcase_add_test(q, qmp_negotiation);
    tcase_add_test(q, qmp_framing);
    tcase_add_test(q, qmp_errors);
    tcase_add_test(q, qmp_human);
    tcase_add_test(q, qmp_unread);
    tcase_add_test(q, qmp_damage);
    tcase_add_test(q, qmp_garbage);
    suite_add_tcase(s, t);
    suite_add_tcase(s, q);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
