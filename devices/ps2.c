/*
 * PS/2 keyboard (101/102 keys, scan code sets 1 to 3) and wheel mouse
 * (standard, IntelliMouse, IntelliMouse Explorer). Each is a queue of bytes
 * the controller takes from; self tests take time, as drivers expect. At
 * power-on both have their self test behind them: no AAh waits in the way of
 * firmware's first command, as on QEMU.
 */
#include "devices/ps2.h"

enum { QUEUE = 64, KEY_INDEXES = 256 };
enum { ACK = 0xfa, RESEND = 0xfe, TEST_PASSED = 0xaa };
enum { SELF_TEST_NS = 5000000, MS = 1000000 };

struct ps2_queue {
    u8 data[QUEUE];
    u8 head, count;
};

struct keyboard {
    struct device dev;
    struct ps2_queue reply, scan;
    u8 set;             /* 1..3 */
    u8 leds, rate;      /* as ED and F3 set them */
    bool scanning;      /* F4; F5 stops it */
    bool reset_pending; /* self test under way */
    u8 command;         /* its argument is awaited; 0: none */
    u8 last;            /* for FE */
    bool sysrq;         /* Print went down with Alt, as SysRq */
    u8 down[KEY_INDEXES / 8];
    u8 set3[KEY_INDEXES]; /* per set 3 code: enum set3_mode */
    u32 repeat;           /* the key that repeats; 0: none */
    struct event repeat_due, self_test;
    struct ps2_config cfg;
};

struct mouse {
    struct device dev;
    struct ps2_queue reply, packet;
    u8 type; /* the id: 0, 3 (wheel) or 4 (and side buttons) */
    u8 rate, resolution;
    bool reporting, remote, wrap, double_scale;
    u8 command;
    u8 last;
    u8 rates[3]; /* the latest three: the knock that makes it a wheel mouse */
    u8 buttons, sent_buttons;
    i32 dx, dy, dz;
    struct event report, self_test;
    struct ps2_config cfg;
    struct pointer_sink sink;
};

static const struct state_field queue_state[] = {
    STATE(struct ps2_queue, data),
    STATE_RANGE(struct ps2_queue, head, 0, QUEUE - 1),
    STATE_RANGE(struct ps2_queue, count, 0, QUEUE),
    STATE_END,
};
static const struct state_field keyboard_state[] = {
    DEVICE_STATE(struct keyboard),
    STRUCTS(struct keyboard, reply, struct ps2_queue, queue_state),
    STRUCTS(struct keyboard, scan, struct ps2_queue, queue_state),
    STATE_RANGE(struct keyboard, set, 1, 3),
    STATE(struct keyboard, leds),
    STATE(struct keyboard, rate),
    STATE(struct keyboard, scanning),
    STATE(struct keyboard, reset_pending),
    STATE(struct keyboard, command),
    STATE(struct keyboard, last),
    STATE(struct keyboard, sysrq),
    STATE(struct keyboard, down),
    STATE(struct keyboard, set3),
    STATE(struct keyboard, repeat),
    EVENT(struct keyboard, repeat_due),
    EVENT(struct keyboard, self_test),
    HOST(struct keyboard, cfg),
    STATE_END,
};
static const struct state_field mouse_state[] = {
    DEVICE_STATE(struct mouse),
    STRUCTS(struct mouse, reply, struct ps2_queue, queue_state),
    STRUCTS(struct mouse, packet, struct ps2_queue, queue_state),
    STATE_RANGE(struct mouse, type, 0, 4),
    STATE(struct mouse, rate),
    STATE(struct mouse, resolution),
    STATE(struct mouse, reporting),
    STATE(struct mouse, remote),
    STATE(struct mouse, wrap),
    STATE(struct mouse, double_scale),
    STATE(struct mouse, command),
    STATE(struct mouse, last),
    STATE(struct mouse, rates),
    STATE(struct mouse, buttons),
    STATE(struct mouse, sent_buttons),
    STATE(struct mouse, dx),
    STATE(struct mouse, dy),
    STATE(struct mouse, dz),
    EVENT(struct mouse, report),
    EVENT(struct mouse, self_test),
    HOST(struct mouse, cfg),
    HOST(struct mouse, sink),
    STATE_END,
};

/* ---- queues ---- */

static unsigned room(const struct ps2_queue *q) { return QUEUE - q->count; }

static void push(struct ps2_queue *q, u8 byte)
{
    if (q->count < QUEUE)
        q->data[(q->head + q->count++) % QUEUE] = byte;
}

static u8 pop(struct ps2_queue *q)
{
    u8 byte = q->data[q->head % QUEUE];
    q->head = (u8)((q->head + 1) % QUEUE);
    q->count--;
    return byte;
}

static void clear(struct ps2_queue *q) { q->head = q->count = 0; }

static void after(struct device *dev, struct event *e, u64 ns)
{
    struct clock *clock = &dev->sys->clock;
    event_at(clock, e, clock_now(clock) + ns);
}

/* ---- keyboard: scan codes ---- */

/* Set 1 make code to set 2: the inverse of the controller's translation (IBM PS/2 HITR, keyboard controller). */
static const u8 set1_to_set2[128] = {
    0x00, 0x76, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36, 0x3d, 0x3e, 0x46, 0x45, 0x4e, 0x55, 0x66, 0x0d, /* 00 */
    0x15, 0x1d, 0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43, 0x44, 0x4d, 0x54, 0x5b, 0x5a, 0x14, 0x1c, 0x1b, /* 10 */
    0x23, 0x2b, 0x34, 0x33, 0x3b, 0x42, 0x4b, 0x4c, 0x52, 0x0e, 0x12, 0x5d, 0x1a, 0x22, 0x21, 0x2a, /* 20 */
    0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a, 0x59, 0x7c, 0x11, 0x29, 0x58, 0x05, 0x06, 0x04, 0x0c, 0x03, /* 30 */
    0x0b, 0x83, 0x0a, 0x01, 0x09, 0x77, 0x7e, 0x6c, 0x75, 0x7d, 0x7b, 0x6b, 0x73, 0x74, 0x79, 0x69, /* 40 */
    0x72, 0x7a, 0x70, 0x71, 0x84, 0x60, 0x61, 0x78, 0x07, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x37, 0x3f, /* 50 */
    0x47, 0x4f, 0x56, 0x5e, 0x08, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38, 0x40, 0x48, 0x50, 0x57, 0x6f, /* 60 */
    0x13, 0x19, 0x39, 0x51, 0x53, 0x5c, 0x5f, 0x62, 0x63, 0x64, 0x65, 0x67, 0x68, 0x6a, 0x6d, 0x6e, /* 70 */
};
/* Set 1 make code to set 3; 0: as in set 2. */
static const u8 set1_to_set3[128] = {
    [0x01] = 0x08, [0x1d] = 0x11, [0x2b] = 0x5c, [0x37] = 0x7e, [0x38] = 0x19, [0x3a] = 0x14,
    [0x3b] = 0x07, [0x3c] = 0x0f, [0x3d] = 0x17, [0x3e] = 0x1f, [0x3f] = 0x27, [0x40] = 0x2f,
    [0x41] = 0x37, [0x42] = 0x3f, [0x43] = 0x47, [0x44] = 0x4f, [0x45] = 0x76, [0x46] = 0x5f,
    [0x4a] = 0x84, [0x4e] = 0x7c, [0x54] = 0x57, [0x56] = 0x13, [0x57] = 0x56, [0x58] = 0x5e,
};
/* Extended keys in set 3; 0: no such key. */
static const u8 extended_to_set3[128] = {
    [0x1c] = 0x79, [0x1d] = 0x58, [0x35] = 0x77, [0x37] = 0x57, [0x38] = 0x39, [0x46] = 0x62, [0x47] = 0x6e,
    [0x48] = 0x63, [0x49] = 0x6f, [0x4b] = 0x61, [0x4d] = 0x6a, [0x4f] = 0x65, [0x50] = 0x60, [0x51] = 0x6d,
    [0x52] = 0x67, [0x53] = 0x64, [0x5b] = 0x8b, [0x5c] = 0x8c, [0x5d] = 0x8d,
};
enum set3_mode { MAKE_ONLY = 0, MAKE_BREAK = BIT(0), TYPEMATIC = BIT(1) };

enum { KEY_PRINT = 0xe037, KEY_BREAK = 0xe046, KEY_PAUSE = 0xe11d45, KEY_ALT = 0x38, KEY_SYSRQ = 0x54 };

static bool is_extended(u32 key) { return (key & 0xff00) == 0xe000; }
/* Where the key's state is kept: 0 is free for Pause. */
static unsigned key_index(u32 key) { return key == KEY_PAUSE ? 0 : (key & 0x7f) | (is_extended(key) ? 0x80 : 0); }
static bool is_down(const struct keyboard *k, u32 key)
{
    return k->down[key_index(key) / 8] >> (key_index(key) % 8) & 1;
}
static bool alt_down(const struct keyboard *k) { return is_down(k, KEY_ALT) || is_down(k, 0xe000 | KEY_ALT); }
static bool ctrl_down(const struct keyboard *k) { return is_down(k, 0x1d) || is_down(k, 0xe01d); }
static bool shift_down(const struct keyboard *k) { return is_down(k, 0x2a) || is_down(k, 0x36); }

static u8 set3_code(u32 key)
{
    if (key == KEY_PAUSE)
        return 0x62;
    u8 code = key & 0x7f;
    if (is_extended(key))
        return extended_to_set3[code];
    return set1_to_set3[code] ? set1_to_set3[code] : set1_to_set2[code];
}

/* Whole keys only: one that does not fit leaves the overrun code. */
static void emit(struct keyboard *k, const u8 *bytes, unsigned n)
{
    if (room(&k->scan) <= n) {
        if (room(&k->scan))
            push(&k->scan, k->set == 1 ? 0xff : 0x00);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        push(&k->scan, bytes[i]);
    irq_set(&k->cfg.data, true);
}

/* One make or break code of set 1 or 2. */
static unsigned put_code(const struct keyboard *k, u8 *out, bool extended, u8 code, bool down)
{
    unsigned n = 0;
    if (extended)
        out[n++] = 0xe0;
    if (k->set == 1) {
        out[n++] = (u8)(code | (down ? 0 : 0x80));
        return n;
    }
    if (!down)
        out[n++] = 0xf0;
    out[n++] = set1_to_set2[code];
    return n;
}

/* Print is shifted (E0 2A E0 37) unless Ctrl or Shift is down; with Alt it is SysRq. */
static unsigned put_print(struct keyboard *k, u8 *out, bool down)
{
    if (down)
        k->sysrq = alt_down(k);
    if (k->sysrq)
        return put_code(k, out, false, KEY_SYSRQ, down);
    bool plain = ctrl_down(k) || shift_down(k);
    unsigned n = 0;
    if (down && !plain)
        n += put_code(k, out, true, 0x2a, true);
    n += put_code(k, out + n, true, 0x37, down);
    if (!down && !plain)
        n += put_code(k, out + n, true, 0x2a, false);
    return n;
}

/* Pause says make and break at once, and nothing when released; with Ctrl it is Break. */
static unsigned put_pause(struct keyboard *k, u8 *out, bool down)
{
    if (!down)
        return 0;
    unsigned n = 0;
    if (ctrl_down(k)) {
        n = put_code(k, out, true, 0x46, true);
        return n + put_code(k, out + n, true, 0x46, false);
    }
    for (unsigned i = 0; i < 2; i++) {
        out[n++] = 0xe1;
        n += put_code(k, out + n, false, 0x1d, i == 0);
        n += put_code(k, out + n, false, 0x45, i == 0);
    }
    return n;
}

static unsigned put_set3(struct keyboard *k, u8 *out, u32 key, bool down)
{
    u8 code = set3_code(key);
    unsigned n = 0;
    if (!code || (!down && !(k->set3[code] & MAKE_BREAK)))
        return 0;
    if (!down)
        out[n++] = 0xf0;
    out[n++] = code;
    return n;
}

static void emit_key(struct keyboard *k, u32 key, bool down)
{
    u8 out[16];
    unsigned n;
    if (k->set == 3)
        n = put_set3(k, out, key, down);
    else if (key == KEY_PAUSE)
        n = put_pause(k, out, down);
    else if (key == KEY_PRINT)
        n = put_print(k, out, down);
    else
        n = put_code(k, out, is_extended(key), key & 0x7f, down);
    if (n)
        emit(k, out, n);
}

/* ---- keyboard: keys ---- */

static u64 repeat_delay_ns(const struct keyboard *k) { return ((k->rate >> 5 & 3) + 1) * 250ull * MS; }
/* (8 + A) * 2^B * 4.17 ms (IBM PS/2 HITR, command F3). */
static u64 repeat_period_ns(const struct keyboard *k)
{
    return (8 + (k->rate & 7ull)) * BIT64(k->rate >> 3 & 3) * 4170000;
}

static bool repeats(const struct keyboard *k, u32 key)
{
    return key != KEY_PAUSE && (k->set != 3 || (k->set3[set3_code(key)] & TYPEMATIC));
}

static void stop_repeat(struct keyboard *k)
{
    k->repeat = 0;
    event_cancel(&k->dev.sys->clock, &k->repeat_due);
}

static void repeat(void *owner)
{
    struct keyboard *k = owner;
    /* A guest that does not read gets no backlog of repeats. */
    if (!k->scan.count && k->scanning)
        emit_key(k, k->repeat, true);
    after(&k->dev, &k->repeat_due, repeat_period_ns(k));
}

static void key(void *owner, u32 code, bool down)
{
    struct keyboard *k = owner;
    unsigned i = key_index(code);
    bool was_down = is_down(k, code);
    k->down[i / 8] = (u8)(down ? k->down[i / 8] | BIT(i % 8) : k->down[i / 8] & ~BIT(i % 8));
    if (was_down == down || k->reset_pending)
        return;
    trace(k->dev.sys->trace, kbd, "key %x %s", code, down ? "down" : "up");
    if (down && repeats(k, code)) {
        k->repeat = code;
        after(&k->dev, &k->repeat_due, repeat_delay_ns(k));
    } else if (!down && k->repeat == code) {
        stop_repeat(k);
    }
    if (k->scanning)
        emit_key(k, code, down);
}

/* ---- keyboard: commands ---- */

static void reply(struct keyboard *k, u8 byte)
{
    push(&k->reply, byte);
    irq_set(&k->cfg.data, true);
}

/* Set 3: which keys only make, make and break, or repeat (IBM PS/2 HITR, table "Scan Code Set 3"). */
static void set3_defaults(struct keyboard *k)
{
    static const u8 make_break[] = {0x11, 0x12, 0x14, 0x19, 0x59};
    static const u8 make_only[] = {0x07, 0x08, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x37, 0x39, 0x3f, 0x47, 0x4f, 0x56,
                                   0x57, 0x58, 0x5e, 0x5f, 0x62, 0x65, 0x67, 0x69, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
                                   0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x79, 0x7a, 0x7d, 0x7e, 0x84};
    memset(k->set3, TYPEMATIC, sizeof k->set3);
    for (unsigned i = 0; i < ARRAY_LEN(make_break); i++)
        k->set3[make_break[i]] = MAKE_BREAK;
    for (unsigned i = 0; i < ARRAY_LEN(make_only); i++)
        k->set3[make_only[i]] = MAKE_ONLY;
}

static void keyboard_defaults(struct keyboard *k)
{
    k->rate = 0x2b; /* 500 ms, 10.9 a second */
    k->set = 2;
    set3_defaults(k);
    clear(&k->scan);
    stop_repeat(k);
}

static void self_test_done(void *owner)
{
    struct keyboard *k = owner;
    k->reset_pending = false;
    k->scanning = true;
    reply(k, TEST_PASSED);
}

/* The byte that follows ED, F0, F3 or FB..FD. False: it is no argument but the next command. */
static bool keyboard_argument(struct keyboard *k, u8 byte)
{
    u8 command = k->command;
    bool per_key = command >= 0xfb && command <= 0xfd;
    if (byte >= 0xed) {
        k->command = 0;
        return false;
    }
    if (!per_key)
        k->command = 0;
    switch (command) {
    case 0xed:
        k->leds = byte & 7;
        break;
    case 0xf3:
        k->rate = byte & 0x7f;
        break;
    case 0xf0:
        if (byte > 3) {
            reply(k, RESEND);
            return true;
        }
        reply(k, ACK);
        if (byte)
            k->set = byte;
        else
            reply(k, k->set);
        clear(&k->scan);
        return true;
    default:
        k->set3[byte] = command == 0xfb ? TYPEMATIC : command == 0xfc ? MAKE_BREAK : MAKE_ONLY;
    }
    reply(k, ACK);
    return true;
}

static void keyboard_command(struct keyboard *k, u8 byte)
{
    static const u8 all_keys[] = {TYPEMATIC, MAKE_BREAK, MAKE_ONLY, TYPEMATIC | MAKE_BREAK}; /* F7..FA */
    switch (byte) {
    case 0xee:
        reply(k, 0xee);
        return;
    case RESEND:
        reply(k, k->last);
        return;
    case 0xed:
    case 0xf0:
    case 0xf3:
    case 0xfb:
    case 0xfc:
    case 0xfd:
        k->command = byte;
        break;
    case 0xf2:
        reply(k, ACK);
        reply(k, 0xab);
        reply(k, 0x83);
        return;
    case 0xf4:
        clear(&k->scan);
        k->scanning = true;
        break;
    case 0xf5:
        keyboard_defaults(k);
        k->scanning = false;
        break;
    case 0xf6:
        keyboard_defaults(k);
        k->scanning = true;
        break;
    case 0xf7:
    case 0xf8:
    case 0xf9:
    case 0xfa:
        memset(k->set3, all_keys[byte - 0xf7], sizeof k->set3);
        break;
    case 0xff:
        keyboard_defaults(k);
        k->leds = 0;
        k->reset_pending = true;
        after(&k->dev, &k->self_test, SELF_TEST_NS);
        break;
    default:
        trace(k->dev.sys->trace, guest_errors, "keyboard: no command %02x", byte);
        reply(k, RESEND);
        return;
    }
    reply(k, ACK);
}

static void keyboard_write(void *owner, u8 byte)
{
    struct keyboard *k = owner;
    trace(k->dev.sys->trace, kbd, "keyboard command %02x", byte);
    if (byte != RESEND)
        clear(&k->reply); /* a new command takes the place of an answer nobody fetched */
    if (k->command && keyboard_argument(k, byte))
        return;
    keyboard_command(k, byte);
}

static bool keyboard_take(void *owner, u8 *byte)
{
    struct keyboard *k = owner;
    if (!k->reply.count && (!k->scan.count || k->command))
        return false;
    *byte = pop(k->reply.count ? &k->reply : &k->scan);
    if (*byte != RESEND)
        k->last = *byte;
    return true;
}

u8 ps2_keyboard_leds(const struct device *dev) { return ((const struct keyboard *)(const void *)dev)->leds; }

/* ---- mouse ---- */

static void mouse_reply(struct mouse *m, u8 byte)
{
    push(&m->reply, byte);
    irq_set(&m->cfg.data, true);
}

static bool mouse_moved(const struct mouse *m) { return m->dx || m->dy || m->dz || m->buttons != m->sent_buttons; }

static i32 clamp(i32 v, i32 limit) { return MAX(MIN(v, limit), -limit); }

/* 2:1 scaling, in stream mode only (IBM PS/2 HITR, mouse, "Set Scaling 2:1"). */
static i32 scaled(const struct mouse *m, i32 v)
{
    static const u8 small[] = {0, 1, 1, 3, 6, 9};
    if (!m->double_scale || m->remote)
        return v;
    i32 size = v < 0 ? -v : v;
    size = size < (i32)ARRAY_LEN(small) ? small[size] : 2 * size;
    return v < 0 ? -size : size;
}

/* What has gathered goes into one packet, as far as it fits; the rest into the next. */
static void put_packet(struct mouse *m)
{
    i32 limit = m->double_scale ? 127 : 255;
    i32 dx = clamp(m->dx, limit), dy = clamp(m->dy, limit), dz = clamp(m->dz, 7);
    m->dx -= dx;
    m->dy -= dy;
    m->dz = m->type ? m->dz - dz : 0;
    dx = scaled(m, dx);
    dy = -scaled(m, dy); /* the mouse counts upwards */
    push(&m->packet, (u8)((m->buttons & 7) | 8 | (dx < 0) << 4 | (dy < 0) << 5));
    push(&m->packet, (u8)dx);
    push(&m->packet, (u8)dy);
    if (m->type == 3)
        push(&m->packet, (u8)-dz);
    else if (m->type == 4)
        push(&m->packet, (u8)((-dz & 15) | (m->buttons & 0x18) << 1));
    m->sent_buttons = m->buttons;
    irq_set(&m->cfg.data, true);
}

/* Stream mode: a packet when there is news, at most at the sample rate, never two waiting. */
static void stream(struct mouse *m)
{
    if (!m->reporting || m->remote || m->wrap || m->report.pending || !mouse_moved(m))
        return;
    if (!m->packet.count)
        put_packet(m);
    after(&m->dev, &m->report, NS_PER_SEC / (m->rate ? m->rate : 1));
}

static void report_due(void *owner) { stream(owner); }

/* A guest that does not look should not be sent flying later. */
static void gather(const struct mouse *m, i32 *sum, int d)
{
    enum { MOST = 10000 };
    if (m->reporting || m->remote)
        *sum = clamp(*sum + clamp(d, MOST), MOST);
}
static void mouse_move(void *owner, int dx, int dy)
{
    struct mouse *m = owner;
    gather(m, &m->dx, dx);
    gather(m, &m->dy, dy);
    stream(m);
}
static void mouse_wheel(void *owner, int dz)
{
    struct mouse *m = owner;
    gather(m, &m->dz, dz);
    stream(m);
}
static void mouse_buttons(void *owner, unsigned buttons)
{
    struct mouse *m = owner;
    m->buttons = buttons & 0x1f;
    stream(m);
}

static void mouse_defaults(struct mouse *m)
{
    m->rate = 100;
    m->resolution = 2;
    m->double_scale = m->remote = m->wrap = m->reporting = false;
    m->dx = m->dy = m->dz = 0;
    m->sent_buttons = m->buttons;
    clear(&m->packet);
    event_cancel(&m->dev.sys->clock, &m->report);
}

static void mouse_test_done(void *owner)
{
    struct mouse *m = owner;
    mouse_reply(m, TEST_PASSED);
    mouse_reply(m, m->type);
}

/* Sample rates 200, 100, 80 in a row ask for the wheel, 200, 200, 80 for the side buttons as well. */
static void set_rate(struct mouse *m, u8 rate)
{
    m->rate = rate;
    memmove(m->rates, m->rates + 1, 2);
    m->rates[2] = rate;
    if (m->rates[0] == 200 && rate == 80) {
        if (m->rates[1] == 100 && m->type == 0)
            m->type = 3;
        else if (m->rates[1] == 200)
            m->type = 4;
    }
}

static void mouse_status(struct mouse *m)
{
    u8 b = m->buttons;
    mouse_reply(m, (u8)(m->remote << 6 | m->reporting << 5 | m->double_scale << 4 | (b & 1) << 2 | (b & 4) >> 1 |
                        (b & 2) >> 1));
    mouse_reply(m, m->resolution);
    mouse_reply(m, m->rate);
}

static void mouse_command(struct mouse *m, u8 byte)
{
    if (byte == RESEND) {
        mouse_reply(m, m->last);
        return;
    }
    clear(&m->packet); /* an answer is not mixed with half a packet */
    mouse_reply(m, ACK);
    switch (byte) {
    case 0xe6:
        m->double_scale = false;
        break;
    case 0xe7:
        m->double_scale = true;
        break;
    case 0xe8:
    case 0xf3:
        m->command = byte;
        break;
    case 0xe9:
        mouse_status(m);
        break;
    case 0xea:
        m->remote = false;
        break;
    case 0xeb:
        put_packet(m);
        break;
    case 0xec:
        m->wrap = false;
        break;
    case 0xee:
        m->wrap = true;
        break;
    case 0xf0:
        m->remote = true;
        break;
    case 0xf2:
        mouse_reply(m, m->type);
        break;
    case 0xf4:
        m->reporting = true;
        break;
    case 0xf5:
        m->reporting = false;
        break;
    case 0xf6:
        mouse_defaults(m);
        break;
    case 0xff:
        mouse_defaults(m);
        m->type = 0;
        after(&m->dev, &m->self_test, SELF_TEST_NS);
        break;
    default:
        trace(m->dev.sys->trace, guest_errors, "mouse: no command %02x", byte);
        clear(&m->reply);
        mouse_reply(m, RESEND);
    }
    stream(m);
}

static void mouse_write(void *owner, u8 byte)
{
    struct mouse *m = owner;
    trace(m->dev.sys->trace, kbd, "mouse command %02x", byte);
    if (m->wrap && byte != 0xec && byte != 0xff) { /* wrap mode echoes */
        mouse_reply(m, byte);
        return;
    }
    if (byte != RESEND)
        clear(&m->reply);
    u8 command = m->command;
    m->command = 0;
    if (command == 0xf3 && byte <= 200) {
        set_rate(m, byte);
        mouse_reply(m, ACK);
    } else if (command == 0xe8 && byte <= 3) {
        m->resolution = byte;
        mouse_reply(m, ACK);
    } else {
        mouse_command(m, byte);
    }
}

static bool mouse_take(void *owner, u8 *byte)
{
    struct mouse *m = owner;
    if (!m->reply.count && (!m->packet.count || m->command))
        return false;
    *byte = pop(m->reply.count ? &m->reply : &m->packet);
    if (*byte != RESEND)
        m->last = *byte;
    return true;
}

/* ---- life ---- */

struct ps2_link ps2_link(struct device *dev)
{
    if (dev->cls == &ps2_mouse_class)
        return (struct ps2_link){container_of(dev, struct mouse, dev), mouse_take, mouse_write};
    assert(dev->cls == &ps2_keyboard_class);
    return (struct ps2_link){container_of(dev, struct keyboard, dev), keyboard_take, keyboard_write};
}

struct keyboard_sink ps2_keyboard_sink(struct device *dev)
{
    return (struct keyboard_sink){container_of(dev, struct keyboard, dev), key};
}

struct pointer_sink *ps2_mouse_sink(struct device *dev) { return &container_of(dev, struct mouse, dev)->sink; }

static bool keyboard_create(struct device *dev, const void *cfg)
{
    struct keyboard *k = container_of(dev, struct keyboard, dev);
    if (cfg)
        k->cfg = *(const struct ps2_config *)cfg;
    event_init(&k->repeat_due, "keyboard repeat", repeat, k);
    event_init(&k->self_test, "keyboard self test", self_test_done, k);
    return true;
}

static void keyboard_reset(struct device *dev)
{
    struct keyboard *k = container_of(dev, struct keyboard, dev);
    keyboard_defaults(k);
    clear(&k->reply);
    k->scanning = true;
    k->reset_pending = k->sysrq = false;
    k->leds = k->command = k->last = 0;
    event_cancel(&dev->sys->clock, &k->self_test);
}

static bool mouse_create(struct device *dev, const void *cfg)
{
    struct mouse *m = container_of(dev, struct mouse, dev);
    if (cfg)
        m->cfg = *(const struct ps2_config *)cfg;
    m->sink = (struct pointer_sink){
        .name = "PS/2 Mouse", .owner = m, .move = mouse_move, .wheel = mouse_wheel, .buttons = mouse_buttons};
    event_init(&m->report, "mouse report", report_due, m);
    event_init(&m->self_test, "mouse self test", mouse_test_done, m);
    return true;
}

static void mouse_reset(struct device *dev)
{
    struct mouse *m = container_of(dev, struct mouse, dev);
    mouse_defaults(m);
    clear(&m->reply);
    m->type = m->command = m->last = 0;
    memset(m->rates, 0, sizeof m->rates);
    event_cancel(&dev->sys->clock, &m->self_test);
}

const struct device_class ps2_keyboard_class = {
    .name = "ps2-kbd",
    .size = sizeof(struct keyboard),
    .state = keyboard_state,
    .create = keyboard_create,
    .reset = keyboard_reset,
};
const struct device_class ps2_mouse_class = {
    .name = "ps2-mouse",
    .size = sizeof(struct mouse),
    .state = mouse_state,
    .create = mouse_create,
    .reset = mouse_reset,
};
