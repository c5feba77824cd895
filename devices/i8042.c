/*
 * 8042 keyboard controller of the PS/2 (IBM PS/2 HITR, "Keyboard and Auxiliary
 * Device Controller"): one output buffer that controller, keyboard and mouse
 * share, translation of scan code set 2 to set 1, A20 and CPU reset on the
 * output port. A byte from a device takes its time on the serial line: a
 * handler that reads port 60h twice must find the same byte there.
 */
#include "devices/i8042.h"
#include "devices/pc_map.h"

enum { BYTE_NS = 500000, RAM_SIZE = 32, ANSWERS = 32 };
/* status, port 64h */
enum {
    ST_OBF = BIT(0),
    ST_SYS = BIT(2),
    ST_COMMAND = BIT(3),
    ST_UNLOCKED = BIT(4),
    ST_AUX = BIT(5),
};
/* command byte, RAM 0 */
enum {
    CB_INT1 = BIT(0),
    CB_INT12 = BIT(1),
    CB_SYS = BIT(2),
    CB_NO_KEYBOARD = BIT(4),
    CB_NO_MOUSE = BIT(5),
    CB_TRANSLATE = BIT(6),
};
/* output port */
enum {
    OUT_NOT_RESET = BIT(0),
    OUT_A20 = BIT(1),
    OUT_OBF = BIT(4),
    OUT_AUX_OBF = BIT(5),
    OUT_IDLE = 0xc0,
};

struct i8042 {
    struct device dev;
    u8 ram[RAM_SIZE]; /* 0 is the command byte */
    u8 data;          /* output buffer: stays readable */
    bool full, from_aux;
    bool last_was_command;
    u8 command;         /* its data byte is awaited; 0: none */
    bool break_prefix;  /* F0h came, being translated */
    u8 answer[ANSWERS]; /* the controller's own bytes, before any device's */
    u8 answers, answer_at;
    bool answer_aux[ANSWERS]; /* poses as the mouse's (D3) */
    u64 line_free;            /* when the next byte of a device can be here */
    struct event transfer;
    struct ps2_link keyboard, mouse;
    struct i8042_config wire;
    struct region ports[2];
};

static const struct state_field i8042_state[] = {
    DEVICE_STATE(struct i8042),
    STATE(struct i8042, ram),
    STATE(struct i8042, data),
    STATE(struct i8042, full),
    STATE(struct i8042, from_aux),
    STATE(struct i8042, last_was_command),
    STATE(struct i8042, command),
    STATE(struct i8042, break_prefix),
    STATE(struct i8042, answer),
    STATE_RANGE(struct i8042, answers, 0, ANSWERS),
    STATE_RANGE(struct i8042, answer_at, 0, ANSWERS - 1),
    STATE(struct i8042, answer_aux),
    STATE(struct i8042, line_free),
    EVENT(struct i8042, transfer),
    HOST(struct i8042, keyboard),
    HOST(struct i8042, mouse),
    HOST(struct i8042, wire),
    HOST(struct i8042, ports),
    STATE_END,
};

/* Scan code set 2 to set 1, as in the controller's ROM. From 80h on only two codes change. */
static const u8 translation[128] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59, /* 00 */
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b, /* 10 */
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d, /* 20 */
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f, /* 30 */
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61, /* 40 */
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, /* 50 */
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, /* 60 */
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54, /* 70 */
};

static u64 now_ns(struct i8042 *c) { return clock_now(&c->dev.sys->clock); }
static u8 command_byte(const struct i8042 *c) { return c->ram[0]; }

/* ---- output buffer ---- */

static void update_irqs(struct i8042 *c)
{
    irq_set(&c->wire.irq1, c->full && !c->from_aux && (command_byte(c) & CB_INT1));
    irq_set(&c->wire.irq12, c->full && c->from_aux && (command_byte(c) & CB_INT12));
}

static void fill(struct i8042 *c, u8 byte, bool aux)
{
    c->data = byte;
    c->full = true;
    c->from_aux = aux;
    trace(c->dev.sys->trace, kbd, "output buffer %02x%s", byte, aux ? " from the mouse" : "");
    update_irqs(c);
}

/* The keyboard's next byte as the guest shall see it; a break prefix is folded into the code after it. */
static bool take_key(struct i8042 *c, u8 *byte)
{
    if ((command_byte(c) & CB_NO_KEYBOARD) || !c->keyboard.take)
        return false;
    while (c->keyboard.take(c->keyboard.owner, byte)) {
        if (!(command_byte(c) & CB_TRANSLATE))
            return true;
        if (*byte == 0xf0) {
            c->break_prefix = true;
            continue;
        }
        u8 code = *byte < 0x80 ? translation[*byte] : *byte == 0x83 ? 0x41 : *byte == 0x84 ? 0x54 : *byte;
        *byte = (u8)(code | (c->break_prefix ? 0x80 : 0));
        c->break_prefix = false;
        return true;
    }
    return false;
}

static bool take_mouse(struct i8042 *c, u8 *byte)
{
    return !(command_byte(c) & CB_NO_MOUSE) && c->mouse.take && c->mouse.take(c->mouse.owner, byte);
}

/* Refills the empty output buffer: the controller's answers at once, devices by the speed of their line. */
static void pump(struct i8042 *c)
{
    if (c->full)
        return;
    if (c->answers) {
        u8 byte = c->answer[c->answer_at % ANSWERS];
        bool aux = c->answer_aux[c->answer_at % ANSWERS];
        c->answer_at = (u8)((c->answer_at + 1) % ANSWERS);
        c->answers--;
        fill(c, byte, aux);
        return;
    }
    u64 now = now_ns(c);
    if (now < c->line_free) {
        event_at(&c->dev.sys->clock, &c->transfer, c->line_free);
        return;
    }
    u8 byte;
    bool key = take_key(c, &byte);
    if (!key && !take_mouse(c, &byte))
        return;
    c->line_free = now + BYTE_NS;
    fill(c, byte, !key);
}

static void transfer_due(void *owner) { pump(owner); }

static void answer(struct i8042 *c, u8 byte, bool aux)
{
    if (c->answers == ANSWERS)
        return;
    unsigned at = (c->answer_at + c->answers++) % ANSWERS;
    c->answer[at] = byte;
    c->answer_aux[at] = aux;
    pump(c);
}

/* A device has something to send; its byte still has to come down the line. */
static void data_ready(void *owner, unsigned pin, bool level)
{
    (void)pin, (void)level;
    struct i8042 *c = owner;
    if (c->transfer.pending)
        return;
    c->line_free = MAX(c->line_free, now_ns(c) + BYTE_NS);
    event_at(&c->dev.sys->clock, &c->transfer, c->line_free);
}

struct irq i8042_keyboard_data(struct device *dev) { return (struct irq){data_ready, dev, 0}; }
struct irq i8042_mouse_data(struct device *dev) { return (struct irq){data_ready, dev, 1}; }

void i8042_connect(struct device *dev, struct ps2_link keyboard, struct ps2_link mouse)
{
    struct i8042 *c = container_of(dev, struct i8042, dev);
    c->keyboard = keyboard;
    c->mouse = mouse;
}

/* ---- commands ---- */

static void set_command_byte(struct i8042 *c, u8 val)
{
    c->ram[0] = val;
    update_irqs(c);
    pump(c);
}

static u8 output_port(const struct i8042 *c)
{
    return (u8)(OUT_NOT_RESET | OUT_IDLE | (c->dev.sys->a20 ? OUT_A20 : 0) |
                (c->full ? c->from_aux ? OUT_AUX_OBF : OUT_OBF : 0));
}

static void set_output_port(struct i8042 *c, u8 val)
{
    system_set_a20(c->dev.sys, val & OUT_A20);
    if (!(val & OUT_NOT_RESET))
        system_request(c->dev.sys, REQUEST_RESET);
}

/* AC: RAM, input port, output port, status. */
static void diagnostic_dump(struct i8042 *c)
{
    for (unsigned i = 0; i < 16; i++)
        answer(c, c->ram[i], false);
    answer(c, 0x80, false);
    answer(c, output_port(c), false);
    answer(c, 0, false);
}

static void command(struct i8042 *c, u8 val)
{
    trace(c->dev.sys->trace, kbd, "controller command %02x", val);
    c->command = 0;
    if (val >= 0x20 && val < 0x40) {
        answer(c, c->ram[val - 0x20], false);
        return;
    }
    if (val >= 0x60 && val < 0x80) {
        c->command = val;
        return;
    }
    switch (val) {
    case 0xa4:
        answer(c, 0xf1, false);
        break; /* no password */
    case 0xa7:
        set_command_byte(c, command_byte(c) | CB_NO_MOUSE);
        break;
    case 0xa8:
        set_command_byte(c, command_byte(c) & (u8)~CB_NO_MOUSE);
        break;
    case 0xa9:
        answer(c, 0x00, false);
        break; /* mouse line in order */
    case 0xaa: /* self test */
        c->ram[0] |= CB_SYS;
        answer(c, 0x55, false);
        break;
    case 0xab:
        answer(c, 0x00, false);
        break; /* keyboard line in order */
    case 0xac:
        diagnostic_dump(c);
        break;
    case 0xad:
        set_command_byte(c, command_byte(c) | CB_NO_KEYBOARD);
        break;
    case 0xae:
        set_command_byte(c, command_byte(c) & (u8)~CB_NO_KEYBOARD);
        break;
    case 0xc0:
        answer(c, 0x80, false);
        break; /* input port: not locked */
    case 0xd0:
        answer(c, output_port(c), false);
        break;
    case 0xd1:
    case 0xd2:
    case 0xd3:
    case 0xd4:
        c->command = val;
        break;
    case 0xdd:
        system_set_a20(c->dev.sys, false);
        break;
    case 0xdf:
        system_set_a20(c->dev.sys, true);
        break;
    case 0xe0:
        answer(c, command_byte(c) & CB_NO_KEYBOARD ? 2 : 3, false);
        break; /* clock and data lines */
    default:
        if (val >= 0xf0) { /* pulse the output lines whose bit is 0 */
            if (!(val & OUT_NOT_RESET))
                system_request(c->dev.sys, REQUEST_RESET);
        } else {
            trace(c->dev.sys->trace, guest_errors, "i8042: no command %02x", val);
        }
    }
}

/* What is sent to a device is answered no sooner than a byte takes. */
static void send(struct i8042 *c, const struct ps2_link *to, u8 disabled, u8 val)
{
    c->ram[0] &= (u8)~disabled; /* sending opens the line */
    c->line_free = now_ns(c) + BYTE_NS;
    if (to->write)
        to->write(to->owner, val);
    pump(c);
}

static void data_write(struct i8042 *c, u8 val)
{
    u8 cmd = c->command;
    c->command = 0;
    if (cmd == 0x60) {
        set_command_byte(c, val);
    } else if (cmd >= 0x60 && cmd < 0x80) {
        c->ram[cmd - 0x60] = val;
    } else if (cmd == 0xd1) {
        set_output_port(c, val);
    } else if (cmd == 0xd2) {
        answer(c, val, false);
    } else if (cmd == 0xd3) {
        answer(c, val, true);
    } else if (cmd == 0xd4) {
        send(c, &c->mouse, CB_NO_MOUSE, val);
    } else {
        c->break_prefix = false;
        send(c, &c->keyboard, CB_NO_KEYBOARD, val);
    }
}

/* ---- ports ---- */

static u64 read(void *owner, u64 off, unsigned size)
{
    (void)off, (void)size;
    struct i8042 *c = owner;
    u8 val = c->data;
    if (c->full) {
        c->full = c->from_aux = false;
        update_irqs(c);
        pump(c);
    } else {
        c->dev.sys->io.settled++;
    }
    return val;
}

static void write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)off, (void)size;
    struct i8042 *c = owner;
    c->last_was_command = false;
    data_write(c, (u8)val);
}

static u64 status_read(void *owner, u64 off, unsigned size)
{
    (void)off, (void)size;
    const struct i8042 *c = owner;
    c->dev.sys->io.settled++;
    return ST_UNLOCKED | (c->full ? ST_OBF : 0) | (c->full && c->from_aux ? ST_AUX : 0) |
           (command_byte(c) & CB_SYS ? ST_SYS : 0) | (c->last_was_command ? ST_COMMAND : 0);
}

static void command_write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)off, (void)size;
    struct i8042 *c = owner;
    c->last_was_command = true;
    command(c, (u8)val);
}

/* ---- life ---- */

static bool create(struct device *dev, const void *cfg)
{
    struct i8042 *c = container_of(dev, struct i8042, dev);
    if (cfg)
        c->wire = *(const struct i8042_config *)cfg;
    event_init(&c->transfer, "i8042 transfer", transfer_due, c);
    region_device(&c->ports[0], &dev->sys->io, "i8042 data", PC_PORT_KBD_DATA, 1, c, read, write);
    region_device(&c->ports[1], &dev->sys->io, "i8042 command", PC_PORT_KBD_COMMAND, 1, c, status_read, command_write);
    return true;
}

static void reset(struct device *dev)
{
    struct i8042 *c = container_of(dev, struct i8042, dev);
    memset(c->ram, 0, sizeof c->ram);
    c->ram[0] = CB_INT1 | CB_INT12; /* as QEMU's */
    memset(c->answer, 0, sizeof c->answer);
    memset(c->answer_aux, 0, sizeof c->answer_aux);
    c->data = c->command = c->answers = c->answer_at = 0;
    c->full = c->from_aux = c->break_prefix = false;
    c->last_was_command = true;
    c->line_free = 0;
    event_cancel(&dev->sys->clock, &c->transfer);
    update_irqs(c);
    system_set_a20(dev->sys, true);
}

const struct device_class i8042_class = {
    .name = "i8042",
    .description = "keyboard controller",
    .size = sizeof(struct i8042),
    .state = i8042_state,
    .create = create,
    .reset = reset,
};
