/*
 * The gdb stub (gdbstub.h). Lives on the main thread; each packet that looks
 * at a CPU runs whole on the machine's thread. All CPUs stop and go together;
 * a step moves one CPU by one instruction, with interrupts held off unless gdb
 * wants them.
 *
 * A stop reply is owed ('running') from the packet that resumes until the
 * machine stops for whatever reason.
 */
#include "frontend/gdbstub.h"

#include <stdarg.h>
#include <stdlib.h>

#include "frontend/gdb_packet.h"
#include "frontend/gdb_registers.h"
#include "frontend/hmp.h"
#include "frontend/intake.h"
#include "frontend/registers.h"

enum { MAX_POINTS = 256, SIGNAL_INT = 2, SIGNAL_TRAP = 5 };
/* Qqemu.sstep: what a step is. QEMU's bits, all of them set to begin with. */
enum {
    STEP_ENABLE = 1,  /* one instruction; else it is as 'continue' */
    STEP_NOIRQ = 2,   /* interrupts are held off */
    STEP_NOTIMER = 4, /* so are timers */
    STEP_ALL = STEP_ENABLE | STEP_NOIRQ | STEP_NOTIMER
};

/* What gdb inserted. type: the digit of Z packets, 0 software ... 4 access. */
struct gdb_point {
    u8 type;
    u64 addr, len;
};
struct gdb_server {
    struct host *host;
    struct machine *m;
    struct stream *stream;
    struct host_listener listener;
    struct hmp_session session;
    struct hmp_task *task; /* the monitor command that is going on; its packet is not answered yet */
    bool commanding;
    struct intake intake;
    struct gdb_parser parser;
    char reply[2 * GDB_PACKET_MAX + 16];
    size_t reply_len;
    const struct gdb_layout *layout; /* fixed for a connection, unless gdb asks for another */
    unsigned cpu;                    /* Hg */
    bool connected, no_ack, running, swbreak, hwbreak, physical;
    unsigned step; /* STEP_... */
    struct gdb_point point[MAX_POINTS];
    unsigned npoints;
    char *xml;
    const char *packet; /* being handled */
    unsigned packet_len;
};

/* ---- output ---- */

static void send_raw(struct gdb_server *g, const char *data, size_t n)
{
    char tail[4];
    u8 sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (u8)data[i];
    snprintf(tail, sizeof(tail), "#%02x", sum);
    trace(g->host->trace, gdb, "<- %.*s", (int)MIN(n, (size_t)200), data);
    stream_write_all(g->stream, "$", 1);
    stream_write_all(g->stream, data, n);
    stream_write_all(g->stream, tail, 3);
}

/* Sends and keeps it for a '-'. */
static void send_reply(struct gdb_server *g, const char *text)
{
    g->reply_len = MIN(strlen(text), sizeof(g->reply));
    if (text != g->reply)
        memcpy(g->reply, text, g->reply_len);
    send_raw(g, g->reply, g->reply_len);
}

PRINTF_LIKE(2, 3) static void answer(struct gdb_server *g, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(g->reply, sizeof(g->reply), fmt, ap);
    va_end(ap);
    send_reply(g, g->reply);
}

static void ok(struct gdb_server *g) { send_reply(g, "OK"); }
static void error(struct gdb_server *g, unsigned code) { answer(g, "E%02x", code & 0xff); }

/* ---- stops ---- */

static const struct gdb_point *find_point(struct gdb_server *g, bool watch, u64 addr)
{
    for (unsigned i = 0; i < g->npoints; i++) {
        if ((g->point[i].type >= 2) == watch && g->point[i].addr == addr)
            return &g->point[i];
    }
    return NULL;
}

static void stop_reply(struct gdb_server *g, unsigned sig, bool why)
{
    char reason[64] = "";
    if (why && g->m->stop.valid) {
        static const char *const watch[] = {
            [POINT_WATCH_WRITE] = "watch", [POINT_WATCH_READ] = "rwatch", [POINT_WATCH_ACCESS] = "awatch"};
        bool code = g->m->stop.kind == POINT_BREAK;
        const struct gdb_point *p = find_point(g, !code, g->m->stop.lin);
        g->cpu = g->m->stop.cpu;
        if (!code)
            snprintf(reason, sizeof(reason), "%s:%llx;", watch[g->m->stop.kind], (unsigned long long)g->m->stop.lin);
        else if (p && p->type == 0 && g->swbreak)
            snprintf(reason, sizeof(reason), "swbreak:;");
        else if (p && p->type == 1 && g->hwbreak)
            snprintf(reason, sizeof(reason), "hwbreak:;");
    }
    g->m->stop.valid = false;
    g->running = false;
    answer(g, "T%02xthread:%02x;%s", sig, g->cpu + 1, reason);
}

static void on_event(void *owner, enum machine_event e, const char *detail, u64 when_us)
{
    struct gdb_server *g = owner;
    (void)detail;
    (void)when_us;
    if (!g->running)
        return;
    if (e == EVENT_DEBUG)
        stop_reply(g, SIGNAL_TRAP, true);
    else if (e == EVENT_STOP && machine_state(g->m) != RUN_DEBUG) /* else EVENT_DEBUG follows */
        stop_reply(g, SIGNAL_INT, false);
}

/* ---- helpers of packets ---- */

static struct cpu *cpu_of(struct gdb_server *g) { return g->m->cpu[g->cpu]; }

/* "1", "0" (any), "-1" (all); false: no such thread. 'cpu' is left alone for any and all. */
static bool parse_thread(struct gdb_server *g, const char **p, unsigned *cpu)
{
    u64 n;
    if (**p == 'p') { /* multiprocess spelling: one process */
        (*p)++;
        if (!gdb_hex(p, &n) || *(*p)++ != '.')
            return false;
    }
    if (!strncmp(*p, "-1", 2)) {
        *p += 2;
        return true;
    }
    if (!gdb_hex(p, &n) || n > g->m->ncpus)
        return false;
    if (n)
        *cpu = (unsigned)n - 1;
    return true;
}

static void resume(struct gdb_server *g)
{
    host_deliver(g->host); /* stops of the past are no answer to this */
    g->running = true;
    g->m->stop.valid = false;
    machine_cont(g->m);
    if (machine_state(g->m) == RUN_SHUTDOWN || machine_state(g->m) == RUN_PANICKED)
        stop_reply(g, SIGNAL_INT, false); /* it cannot go on: say so, rather than never answer */
}

static void step(struct gdb_server *g)
{
    if (!(g->step & STEP_ENABLE)) {
        resume(g);
        return;
    }
    machine_stop(g->m, RUN_PAUSED); /* somebody else may have let it run */
    g->m->stop.valid = false;
    machine_step(g->m, g->cpu, !(g->step & STEP_NOIRQ), !(g->step & STEP_NOTIMER));
    host_deliver(g->host); /* what the step caused is answered here, not by on_event */
    stop_reply(g, SIGNAL_TRAP, true);
}

/* ---- packets on the machine's thread ---- */

static bool write_registers(struct gdb_server *g, int number, const u8 *values, size_t n)
{
    return machine_write_registers(g->m, g->cpu, gdb_layout_index(g->layout), number, values, n);
}

static void all_registers_read(struct gdb_server *g)
{
    char *out = g->reply;
    for (unsigned i = 0; i < gdb_register_count(g->layout); i++) {
        u8 value[GDB_REGISTER_MAX];
        unsigned n = gdb_register_read(g->layout, cpu_of(g), i, value);
        gdb_to_hex(value, n, out);
        out += 2 * n;
    }
    send_reply(g, g->reply);
}

static void all_registers_write(struct gdb_server *g)
{
    u8 values[GDB_PACKET_MAX / 2];
    size_t n = strlen(g->packet + 1) / 2;
    if (gdb_from_hex(g->packet + 1, values, n) && write_registers(g, GDB_ALL, values, n))
        ok(g);
    else
        error(g, 0x22);
}

static void register_read(struct gdb_server *g)
{
    const char *p = g->packet + 1;
    u8 value[GDB_REGISTER_MAX];
    u64 n;
    unsigned size = gdb_hex(&p, &n) && n < 1000 ? gdb_register_read(g->layout, cpu_of(g), (unsigned)n, value) : 0;
    if (!size) {
        error(g, 0x14);
        return;
    }
    gdb_to_hex(value, size, g->reply);
    send_reply(g, g->reply);
}

static void register_write(struct gdb_server *g)
{
    const char *p = g->packet + 1;
    u8 value[GDB_REGISTER_MAX];
    u64 n;
    unsigned size = gdb_hex(&p, &n) && *p++ == '=' && n < 1000 ? gdb_register_size(g->layout, (unsigned)n) : 0;
    if (size && gdb_from_hex(p, value, size) && write_registers(g, (int)n, value, size))
        ok(g);
    else
        error(g, 0x22);
}

static bool read_memory(struct gdb_server *g, u64 addr, u8 *buf, size_t n)
{
    if (!g->physical)
        return cpu_debug_read(cpu_of(g), addr, buf, n);
    space_read_bytes(&g->m->sys.mem, addr, buf, n);
    return true;
}

static void memory_read(struct gdb_server *g)
{
    const char *p = g->packet + 1;
    u8 buf[GDB_PACKET_MAX / 2];
    u64 addr, len, done = 0;
    if (!gdb_hex(&p, &addr) || *p++ != ',' || !gdb_hex(&p, &len)) {
        error(g, 0x22);
        return;
    }
    len = MIN(len, sizeof(buf));
    /* As much as there is: the protocol allows a short answer. */
    while (done < len) {
        u64 n = MIN(len - done, PAGE_SIZE - ((addr + done) & (PAGE_SIZE - 1)));
        if (!read_memory(g, addr + done, buf + done, n))
            break;
        done += n;
    }
    if (!done && len) {
        error(g, 0x14);
        return;
    }
    gdb_to_hex(buf, done, g->reply);
    send_reply(g, g->reply);
}

static void memory_write(struct gdb_server *g)
{
    const char *p = g->packet + 1;
    bool binary = g->packet[0] == 'X';
    u8 buf[GDB_PACKET_MAX];
    u64 addr, len;
    if (!gdb_hex(&p, &addr) || *p++ != ',' || !gdb_hex(&p, &len) || *p++ != ':' || len > sizeof(buf)) {
        error(g, 0x22);
        return;
    }
    size_t left = g->packet_len - (size_t)(p - g->packet);
    if (binary ? left < len : left < 2 * len || !gdb_from_hex(p, buf, len)) {
        error(g, 0x22);
        return;
    }
    if (binary)
        memcpy(buf, p, len);
    if (len && !machine_write_memory(g->m, g->physical ? -1 : (int)g->cpu, addr, buf, len))
        error(g, 0x14);
    else
        ok(g);
}

static bool set_point(struct gdb_server *g, const struct gdb_point *p, bool add)
{
    static const enum point_kind kinds[] = {POINT_BREAK, POINT_BREAK, POINT_WATCH_WRITE, POINT_WATCH_READ,
                                            POINT_WATCH_ACCESS};
    u64 len = p->type < 2 ? 1 : p->len;
    bool done = true;
    for (unsigned i = 0; i < g->m->ncpus; i++) {
        if (add)
            done &= cpu_point_add(g->m->cpu[i], kinds[p->type], p->addr, len);
        else
            cpu_point_remove(g->m->cpu[i], kinds[p->type], p->addr, len);
    }
    return done;
}

/* Z0 and Z1 at one address are one point to the CPU. */
static bool has_twin(struct gdb_server *g, const struct gdb_point *p)
{
    for (unsigned i = 0; i < g->npoints; i++) {
        const struct gdb_point *o = &g->point[i];
        if (o != p && o->addr == p->addr && o->type < 2 && p->type < 2)
            return true;
    }
    return false;
}

static void remove_at(struct gdb_server *g, unsigned i)
{
    struct gdb_point p = g->point[i];
    g->point[i] = g->point[--g->npoints];
    if (!has_twin(g, &p))
        set_point(g, &p, false);
}

static void remove_all(struct machine *m, void *arg)
{
    struct gdb_server *g = arg;
    (void)m;
    while (g->npoints)
        remove_at(g, g->npoints - 1);
}

static bool same_point(const struct gdb_point *a, const struct gdb_point *b)
{
    return a->type == b->type && a->addr == b->addr && a->len == b->len;
}

static void point(struct gdb_server *g)
{
    const char *p = g->packet + 2;
    struct gdb_point n = {.type = (u8)(g->packet[1] - '0')};
    if (n.type > 4) {
        send_reply(g, "");
        return;
    }
    if (*p++ != ',' || !gdb_hex(&p, &n.addr) || *p++ != ',' || !gdb_hex(&p, &n.len)) {
        error(g, 0x22);
        return;
    }
    unsigned at = 0;
    while (at < g->npoints && !same_point(&g->point[at], &n))
        at++;
    if (g->packet[0] == 'z') {
        if (at < g->npoints)
            remove_at(g, at);
    } else if (at == g->npoints) {
        if (g->npoints == MAX_POINTS || !set_point(g, &n, true)) {
            error(g, 0x22);
            return;
        }
        g->point[g->npoints++] = n;
    }
    ok(g);
}

static void use_layout(struct gdb_server *g, const struct gdb_layout *l)
{
    g->layout = l;
    free(g->xml);
    g->xml = gdb_target_xml(l);
}

/* Qorrery.describe: the description that fits now, for a gdb that fetches it again when it has changed (orrery.gdb). */
static void describe(struct machine *m, void *arg)
{
    struct gdb_server *g = arg;
    const struct gdb_layout *now = gdb_layout_now(cpu_of(g));
    (void)m;
    if (now == g->layout) {
        ok(g);
        return;
    }
    use_layout(g, now);
    send_reply(g, "changed");
}

/* qXfer:features:read:target.xml:OFFSET,LENGTH */
static void features(struct gdb_server *g, const char *p)
{
    const char *rest;
    u64 off, len;
    if (!text_prefix(p, "target.xml:", &rest) || !g->xml) {
        error(g, 0);
        return;
    }
    if (!gdb_hex(&rest, &off) || *rest++ != ',' || !gdb_hex(&rest, &len)) {
        error(g, 0x22);
        return;
    }
    size_t total = strlen(g->xml);
    off = MIN(off, total);
    len = MIN(len, (u64)GDB_PACKET_MAX - 16);
    size_t n = MIN(total - off, len);
    /* The description has none of the characters that want escaping. */
    g->reply[0] = off + n == total ? 'l' : 'm';
    memcpy(g->reply + 1, g->xml + off, n);
    g->reply[n + 1] = 0;
    send_reply(g, g->reply);
}

static void thread_extra(struct gdb_server *g, const char *p)
{
    unsigned cpu = 0;
    char text[64];
    if (!parse_thread(g, &p, &cpu)) {
        error(g, 0x22);
        return;
    }
    int n = snprintf(text, sizeof(text), "CPU#%u [%s]", cpu, cpu_idle(g->m->cpu[cpu]) ? "halted " : "running");
    gdb_to_hex((const u8 *)text, (size_t)n, g->reply);
    send_reply(g, g->reply);
}

/* ---- packets on the main thread ---- */

static void supported(struct gdb_server *g, const char *p)
{
    g->swbreak = strstr(p, "swbreak+") != NULL;
    g->hwbreak = strstr(p, "hwbreak+") != NULL;
    answer(g, "PacketSize=%x;qXfer:features:read+;vContSupported+;QStartNoAckMode+;swbreak+;hwbreak+", GDB_PACKET_MAX);
}

static void thread_list(struct gdb_server *g)
{
    char *out = g->reply;
    *out++ = 'm';
    for (unsigned i = 0; i < g->m->ncpus; i++)
        out += sprintf(out, "%s%02x", i ? "," : "", i + 1);
    send_reply(g, g->reply);
}

static bool command_text(void *owner, const char *text, size_t n)
{
    enum { PIECE = 1024 };
    char out[2 * PIECE + 2] = "O";
    for (size_t at = 0; at < n; at += PIECE) {
        gdb_to_hex((const u8 *)text + at, MIN(n - at, (size_t)PIECE), out + 1);
        send_raw(owner, out, strlen(out));
    }
    return true;
}

static void command_done(void *owner)
{
    struct gdb_server *g = owner;
    g->task = NULL;
    g->commanding = false;
    ok(g);
    intake_go(&g->intake);
}

static void monitor_command(struct gdb_server *g, const char *hex)
{
    char line[1024];
    size_t n = strlen(hex) / 2;
    if (n >= sizeof(line) || !gdb_from_hex(hex, (u8 *)line, n)) {
        error(g, 0x22);
        return;
    }
    line[n] = 0;
    g->session.cpu = g->cpu;
    g->commanding = true;
    struct hmp_task *t =
        hmp_start(g->host, &g->session, line, &(struct hmp_user){command_text, command_done, g->stream, g});
    if (g->commanding)
        g->task = t;
}

static void cancel_command(struct gdb_server *g)
{
    hmp_cancel(g->task);
    g->task = NULL;
    g->commanding = false;
    intake_clear(&g->intake);
}

static void query(struct gdb_server *g)
{
    const char *p = g->packet, *rest;
    if (text_prefix(p, "qSupported", &rest))
        supported(g, rest);
    else if (text_prefix(p, "qXfer:features:read:", &rest))
        features(g, rest);
    else if (!strcmp(p, "qfThreadInfo"))
        thread_list(g);
    else if (!strcmp(p, "qsThreadInfo"))
        send_reply(g, "l");
    else if (text_prefix(p, "qThreadExtraInfo,", &rest))
        thread_extra(g, rest);
    else if (text_prefix(p, "qAttached", &rest))
        send_reply(g, "1");
    else if (!strcmp(p, "qC")) {
        answer(g, "QC%02x", g->cpu + 1);
    } else if (text_prefix(p, "qRcmd,", &rest))
        monitor_command(g, rest);
    else if (!strcmp(p, "qqemu.PhyMemMode"))
        send_reply(g, g->physical ? "1" : "0");
    else if (!strcmp(p, "qqemu.sstepbits"))
        answer(g, "ENABLE=%x,NOIRQ=%x,NOTIMER=%x", STEP_ENABLE, STEP_NOIRQ, STEP_NOTIMER);
    else if (!strcmp(p, "qqemu.sstep"))
        answer(g, "0x%x", g->step);
    else
        send_reply(g, "");
}

static void set_step(struct gdb_server *g, const char *hex)
{
    u64 bits;
    if (!gdb_hex(&hex, &bits) || *hex || (bits & ~(u64)STEP_ALL)) {
        error(g, 0x22);
        return;
    }
    g->step = (unsigned)bits;
    ok(g);
}

static void set(struct gdb_server *g)
{
    const char *rest;
    if (!strcmp(g->packet, "QStartNoAckMode")) {
        ok(g);
        g->no_ack = true;
        g->parser.check = false;
    } else if (text_prefix(g->packet, "Qqemu.PhyMemMode:", &rest)) {
        g->physical = *rest == '1';
        ok(g);
    } else if (text_prefix(g->packet, "Qqemu.sstep=", &rest)) {
        set_step(g, rest);
    } else if (!strcmp(g->packet, "Qorrery.describe")) {
        machine_call(g->m, describe, g);
    } else {
        send_reply(g, "");
    }
}

/* vCont;s:1;c and the like: a step of any thread is a step of that one, else all go on. */
static void vcont(struct gdb_server *g, const char *p)
{
    bool stepping = false, any = false;
    unsigned which = g->cpu;
    while (*p == ';') {
        char action = p[1];
        unsigned cpu = g->cpu;
        u64 sig;
        p += 2;
        if ((action == 'C' || action == 'S') && !gdb_hex(&p, &sig))
            break;
        if (!strchr("cCsS", action) || !action)
            break;
        if (*p == ':') {
            p++;
            if (!parse_thread(g, &p, &cpu))
                break;
        }
        if (!stepping && (action == 's' || action == 'S')) {
            stepping = true;
            which = cpu;
        }
        any = true;
    }
    if (*p || !any) {
        error(g, 0x22);
        return;
    }
    g->cpu = which;
    if (stepping)
        step(g);
    else
        resume(g);
}

static void v_packet(struct gdb_server *g)
{
    const char *rest;
    if (!strcmp(g->packet, "vCont?")) {
        send_reply(g, "vCont;c;C;s;S");
    } else if (text_prefix(g->packet, "vCont", &rest)) {
        vcont(g, rest);
    } else if (text_prefix(g->packet, "vKill", &rest)) {
        ok(g);
        machine_quit(g->m, "host-qmp-quit");
    } else {
        send_reply(g, ""); /* vMustReplyEmpty among them */
    }
}

/* c s [addr], C S sig[;addr] */
static void go(struct gdb_server *g)
{
    char what = g->packet[0];
    const char *p = g->packet + 1;
    u64 value;
    bool has_address;
    if (what == 'C' || what == 'S') {
        gdb_hex(&p, &value);
        has_address = *p == ';' && (p++, gdb_hex(&p, &value));
    } else {
        has_address = gdb_hex(&p, &value);
    }
    u8 pc[8];
    st64(pc, value);
    if (has_address)
        write_registers(g, GDB_LINEAR_PC, pc, sizeof(pc));
    if (what == 's' || what == 'S')
        step(g);
    else
        resume(g);
}

static void detach(struct gdb_server *g)
{
    machine_call(g->m, remove_all, g);
    ok(g);
    machine_cont(g->m);
}

static void select_thread(struct gdb_server *g)
{
    const char *p = g->packet + 2;
    unsigned cpu = g->cpu;
    if ((g->packet[1] != 'g' && g->packet[1] != 'c') || !parse_thread(g, &p, &cpu)) {
        error(g, 0x22);
        return;
    }
    g->cpu = cpu;
    ok(g);
}

static void thread_alive(struct gdb_server *g)
{
    const char *p = g->packet + 1;
    unsigned cpu = 0;
    if (parse_thread(g, &p, &cpu))
        ok(g);
    else
        error(g, 0x22);
}

static void why_stopped(struct gdb_server *g) { stop_reply(g, SIGNAL_TRAP, true); }
static void extended(struct gdb_server *g) { ok(g); }
static void restart(struct gdb_server *g) { machine_reset(g->m); }
static void kill_machine(struct gdb_server *g) { machine_quit(g->m, "host-qmp-quit"); }

static const struct {
    char letter;
    bool on_machine;
    void (*handle)(struct gdb_server *g);
} packets[] = {
    {'?', false, why_stopped},
    {'g', true, all_registers_read},
    {'G', true, all_registers_write},
    {'p', true, register_read},
    {'P', true, register_write},
    {'m', true, memory_read},
    {'M', true, memory_write},
    {'X', true, memory_write},
    {'Z', true, point},
    {'z', true, point},
    {'c', false, go},
    {'C', false, go},
    {'s', false, go},
    {'S', false, go},
    {'v', false, v_packet},
    {'q', false, query},
    {'Q', false, set},
    {'H', false, select_thread},
    {'T', false, thread_alive},
    {'D', false, detach},
    {'k', false, kill_machine},
    {'R', false, restart},
    {'!', false, extended},
};

struct handling {
    struct gdb_server *g;
    void (*handle)(struct gdb_server *g);
};
static void handle_there(struct machine *m, void *arg)
{
    struct handling *h = arg;
    (void)m;
    h->handle(h->g);
}

static void handle_packet(struct gdb_server *g)
{
    g->packet = (const char *)g->parser.data;
    g->packet_len = g->parser.len;
    trace(g->host->trace, gdb, "-> %.200s", g->packet);
    /* Anything but a stop is for a stopped machine. */
    for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
        if (packets[i].letter != g->packet[0])
            continue;
        struct handling h = {g, packets[i].handle};
        if (packets[i].on_machine)
            machine_call(g->m, handle_there, &h);
        else
            h.handle(g);
        return;
    }
    send_reply(g, "");
}

/* ---- the stream ---- */

static size_t gdb_can_input(void *owner) { return intake_room(&((struct gdb_server *)owner)->intake); }

static void gdb_input(void *owner, const u8 *buf, size_t n)
{
    intake_put(&((struct gdb_server *)owner)->intake, buf, n);
}

static bool gdb_busy(void *owner) { return ((struct gdb_server *)owner)->commanding; }

static bool gdb_answering(void *owner) { return intake_busy(&((struct gdb_server *)owner)->intake); }

static void gdb_byte(void *owner, u8 c)
{
    struct gdb_server *g = owner;
    switch (gdb_feed(&g->parser, c)) {
    case GDB_PACKET:
        if (!g->no_ack)
            stream_write_all(g->stream, "+", 1);
        handle_packet(g);
        break;
    case GDB_BAD:
        if (!g->no_ack)
            stream_write_all(g->stream, "-", 1);
        break;
    case GDB_NACK:
        if (!g->no_ack && g->reply_len)
            send_raw(g, g->reply, g->reply_len);
        break;
    case GDB_INTERRUPT:
        machine_stop(g->m, RUN_PAUSED);
        break;
    default:
        break;
    }
}

static void connected_there(struct machine *m, void *arg)
{
    struct gdb_server *g = arg;
    (void)m;
    use_layout(g, gdb_layout_for(cpu_of(g)));
}

static void gdb_event(void *owner, enum stream_event e)
{
    struct gdb_server *g = owner;
    if (e == STREAM_OPENED) {
        g->connected = true;
        g->no_ack = g->running = g->physical = g->swbreak = g->hwbreak = false;
        memset(&g->parser, 0, sizeof(g->parser));
        g->parser.check = true;
        g->cpu = 0;
        g->reply_len = 0;
        g->step = STEP_ALL;
        machine_stop(g->m, RUN_PAUSED);
        host_deliver(g->host); /* the stop is nobody's reply */
        machine_call(g->m, connected_there, g);
    } else if (e == STREAM_CLOSED) {
        g->connected = g->running = false;
        cancel_command(g);
        machine_call(g->m, remove_all, g);
    }
}

struct gdb_server *gdb_server_create(struct host *host, struct stream *s)
{
    struct gdb_server *g = calloc(1, sizeof(*g));
    if (!g)
        return NULL;
    g->host = host;
    g->m = host->machine;
    g->stream = s;
    hmp_session_init(&g->session);
    intake_init(&g->intake, s, &(struct intake_user){gdb_byte, gdb_busy, g});
    g->listener = (struct host_listener){.event = on_event, .owner = g};
    host_listen(host, &g->listener);
    stream_attach(s, &(struct stream_user){gdb_can_input, gdb_input, gdb_event, g, gdb_answering});
    return g;
}

void gdb_server_ended(struct gdb_server *g, int status)
{
    char text[8];
    if (!g || !g->connected)
        return;
    snprintf(text, sizeof(text), "W%02x", status & 0xff);
    send_reply(g, text);
}

void gdb_server_free(struct gdb_server *g)
{
    if (!g)
        return;
    cancel_command(g);
    machine_call(g->m, remove_all, g);
    host_unlisten(g->host, &g->listener);
    hmp_session_free(&g->session);
    free(g->xml);
    free(g);
}
