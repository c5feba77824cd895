/*
 * 16550A (National PC16550D). The transmitter is paced in virtual time, but at
 * no more than a few microseconds a character, so that a guest logging at 9600
 * baud is not held up; reception is paced at the programmed rate. As on QEMU's
 * pc, MCR.OUT2 does not gate the interrupt (xv6 never sets it). Parity and
 * framing errors never happen; breaks do.
 */
#include "devices/char/uart.h"

#include "devices/core/input.h"

enum { CLOCK_HZ = 1843200, FIFO = UART_FIFO, MAX_TX_NS = 4000, RETRY_NS = 1000000, PATIENCE = 1000 /* retries */ };
enum uart_register { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };
enum {
    IER_RX = BIT(0),
    IER_TX = BIT(1),
    IER_LINE = BIT(2),
    IER_MODEM = BIT(3),
    IIR_NONE = 1,
    IIR_MODEM = 0,
    IIR_TX = 2,
    IIR_RX = 4,
    IIR_LINE = 6,
    IIR_TIMEOUT = 12,
    IIR_FIFO = 0xc0,
    FCR_ENABLE = BIT(0),
    FCR_CLEAR_RX = BIT(1),
    FCR_CLEAR_TX = BIT(2),
    LCR_BREAK = BIT(6),
    LCR_DLAB = BIT(7),
    MCR_DTR = BIT(0),
    MCR_RTS = BIT(1),
    MCR_OUT1 = BIT(2),
    MCR_OUT2 = BIT(3),
    MCR_LOOP = BIT(4),
    LSR_DR = BIT(0),
    LSR_OE = BIT(1),
    LSR_BI = BIT(4),
    LSR_THRE = BIT(5),
    LSR_TEMT = BIT(6),
    LSR_FIFO_ERROR = BIT(7),
    LSR_ERRORS = 0x1e,
    MSR_DCTS = BIT(0),
    MSR_DDSR = BIT(1),
    MSR_TERI = BIT(2),
    MSR_DDCD = BIT(3),
    MSR_CTS = BIT(4),
    MSR_DSR = BIT(5),
    MSR_RI = BIT(6),
    MSR_DCD = BIT(7),
    MSR_DELTAS = 0x0f,
};

static const struct state_field fifo_state[] = {
    STATE(struct uart_fifo, data),
    STATE(struct uart_fifo, flags),
    STATE_RANGE(struct uart_fifo, head, 0, FIFO - 1),
    STATE_RANGE(struct uart_fifo, count, 0, FIFO),
    STATE_END,
};
const struct state_field uart_state[] = {
    HOST(struct uart, dev),
    STRUCTS(struct uart, irq_line, struct irq, wire_state),
    HOST(struct uart, chardev),
    STATE(struct uart, ier),
    STATE(struct uart, fcr),
    STATE(struct uart, lcr),
    STATE(struct uart, mcr),
    STATE(struct uart, msr),
    STATE(struct uart, scr),
    STATE(struct uart, line_errors),
    STATE(struct uart, divisor),
    STRUCTS(struct uart, rx, struct uart_fifo, fifo_state),
    STRUCTS(struct uart, tx, struct uart_fifo, fifo_state),
    STATE(struct uart, shifter),
    STATE(struct uart, shifting),
    STATE(struct uart, shifter_sent),
    STATE_RANGE(struct uart, refused, 0, PATIENCE),
    STATE(struct uart, tx_empty),
    STATE(struct uart, timeout),
    STATE(struct uart, rx_pause),
    STATE(struct uart, irq),
    EVENT(struct uart, tx_done),
    EVENT(struct uart, rx_timeout),
    EVENT(struct uart, rx_open),
    HOST(struct uart, ports),
    STATE_END,
};

static bool fifo_mode(const struct uart *u) { return u->fcr & FCR_ENABLE; }
static unsigned capacity(const struct uart *u) { return fifo_mode(u) ? FIFO : 1; }
static bool looping(const struct uart *u) { return u->mcr & MCR_LOOP; }

static unsigned trigger(const struct uart *u)
{
    static const u8 levels[] = {1, 4, 8, 14};
    return fifo_mode(u) ? levels[u->fcr >> 6] : 1;
}

/* ns a character takes: start bit, 5 to 8 data bits, parity, one or two stop bits. */
static u64 char_ns(const struct uart *u)
{
    unsigned bits = 1 + 5 + (u->lcr & 3) + (u->lcr >> 3 & 1) + 1 + (u->lcr >> 2 & 1);
    return ticks_to_ns((u64)bits * 16 * (u->divisor ? u->divisor : 1), CLOCK_HZ);
}

static void after(struct uart *u, struct event *e, u64 ns)
{
    struct clock *clock = &u->dev->sys->clock;
    event_at(clock, e, clock_now(clock) + ns);
}

/* ---- fifos ---- */

static void fifo_push(struct uart_fifo *f, u8 byte, u8 flags)
{
    unsigned at = (f->head + f->count++) % FIFO;
    f->data[at] = byte;
    f->flags[at] = flags;
}

static u8 fifo_pop(struct uart_fifo *f)
{
    u8 byte = f->data[f->head % FIFO];
    f->head = (u8)((f->head + 1) % FIFO);
    f->count--;
    return byte;
}

/* ---- interrupts ---- */

/* IIR bits 0..3: the most urgent enabled source (PC16550D, table IV). */
static u8 identify(const struct uart *u)
{
    if ((u->ier & IER_LINE) && (u->line_errors & LSR_ERRORS))
        return IIR_LINE;
    if ((u->ier & IER_RX) && u->rx.count >= trigger(u))
        return IIR_RX;
    if ((u->ier & IER_RX) && u->timeout)
        return IIR_TIMEOUT;
    if ((u->ier & IER_TX) && u->tx_empty)
        return IIR_TX;
    if ((u->ier & IER_MODEM) && (u->msr & MSR_DELTAS))
        return IIR_MODEM;
    return IIR_NONE;
}

static void update(struct uart *u)
{
    bool irq = identify(u) != IIR_NONE;
    if (irq == u->irq)
        return;
    u->irq = irq;
    irq_set(&u->irq_line, irq);
}

/* ---- receiver ---- */

/* The errors of a byte count when it reaches the top of the FIFO. */
static void note_top(struct uart *u)
{
    if (u->rx.count)
        u->line_errors |= u->rx.flags[u->rx.head % FIFO];
}

static void restart_timeout(struct uart *u)
{
    u->timeout = false;
    if (u->rx.count && fifo_mode(u))
        after(u, &u->rx_timeout, 4 * char_ns(u));
    else
        event_cancel(&u->dev->sys->clock, &u->rx_timeout);
}

static void receive_byte(struct uart *u, u8 byte, u8 errors)
{
    if (u->rx.count < capacity(u)) {
        fifo_push(&u->rx, byte, errors);
    } else {
        u->line_errors |= LSR_OE;
        if (!fifo_mode(u)) /* the newcomer replaces what was not read */
            u->rx.data[u->rx.head % FIFO] = byte;
    }
    if (u->rx.count == 1)
        note_top(u);
    restart_timeout(u);
    update(u);
}

static void timeout_due(void *owner)
{
    struct uart *u = owner;
    u->timeout = u->rx.count != 0;
    update(u);
}

static void rx_open_due(void *owner)
{
    struct uart *u = owner;
    u->rx_pause = false;
    chardev_accept_input(u->chardev);
}

static size_t can_receive(void *owner)
{
    const struct uart *u = owner;
    unsigned used = u->rx.count;
    return looping(u) || u->rx_pause || used >= capacity(u) ? 0 : capacity(u) - used;
}

static void receive(void *owner, const u8 *buf, size_t n)
{
    struct uart *u = owner;
    for (size_t i = 0; i < n; i++)
        receive_byte(u, buf[i], 0);
    u->rx_pause = true;
    after(u, &u->rx_open, n * char_ns(u));
}

static void chardev_event(void *owner, enum chardev_event e)
{
    struct uart *u = owner;
    if (e == CHARDEV_BREAK && !looping(u))
        receive_byte(u, 0, LSR_BI);
}

static const struct chardev_input uart_input = {can_receive, receive, chardev_event};

static u8 read_data(struct uart *u)
{
    if (!u->rx.count)
        return 0;
    u8 byte = fifo_pop(&u->rx);
    note_top(u);
    restart_timeout(u);
    update(u);
    if (!u->rx_pause)
        chardev_accept_input(u->chardev);
    return byte;
}

/* ---- transmitter ---- */

/* Moves the next character into the shifter; the FIFO running empty is what interrupts. */
static void shift_next(struct uart *u)
{
    if (u->shifting || !u->tx.count)
        return;
    u->shifter_sent = u->tx.flags[u->tx.head % FIFO];
    u->shifter = fifo_pop(&u->tx);
    u->shifting = true;
    u->tx_empty = !u->tx.count;
    after(u, &u->tx_done, MIN(char_ns(u), (u64)MAX_TX_NS));
}

/*
 * To the host end; false: it is full, and the guest has to wait. One that has taken nothing for a second has no reader:
 * what is sent is lost until it takes something again, as on a line without a listener, and the guest goes on.
 */
static bool hand_over(struct uart *u, u8 byte)
{
    if (chardev_write(u->chardev, &byte, 1)) {
        u->refused = 0;
        return true;
    }
    return u->refused == PATIENCE;
}

static void tx_due(void *owner)
{
    struct uart *u = owner;
    if (looping(u)) {
        receive_byte(u, u->shifter, 0);
    } else if (!u->shifter_sent && !hand_over(u, u->shifter)) {
        u->refused++;
        after(u, &u->tx_done, RETRY_NS);
        return;
    }
    u->shifting = false;
    shift_next(u);
    update(u);
}

/*
 * The host gets a character at once, if it has all earlier ones: a guest may switch off or end the
 * emulator right after its last words. Only what the guest sees of it takes its time.
 */
static bool send_early(struct uart *u, u8 byte)
{
    bool earlier = u->tx.count ? u->tx.flags[(u->tx.head + u->tx.count - 1u) % FIFO] : !u->shifting || u->shifter_sent;
    return earlier && !looping(u) && hand_over(u, byte);
}

static void write_data(struct uart *u, u8 byte)
{
    bool sent = send_early(u, byte);
    u->tx_empty = false;
    if (u->tx.count < capacity(u)) {
        fifo_push(&u->tx, byte, sent);
    } else { /* overwritten before it was sent */
        unsigned last = (u->tx.head + u->tx.count - 1u) % FIFO;
        u->tx.data[last] = byte;
        u->tx.flags[last] = sent;
        trace(u->dev->sys->trace, guest_errors, "%s: transmitter overrun", u->dev->id);
    }
    shift_next(u);
    update(u);
}

/* ---- registers ---- */

static u8 line_status(struct uart *u)
{
    /* Who polls need not wait for a character the host has, as on QEMU's pc: SeaBIOS's serial console lets interrupts
     * print in the middle of its text while it waits. */
    if (u->shifting && u->shifter_sent) {
        event_cancel(&u->dev->sys->clock, &u->tx_done);
        tx_due(u);
    }
    u->dev->sys->io.settled += !u->shifting && !u->line_errors;
    u8 val = u->line_errors;
    if (u->rx.count)
        val |= LSR_DR;
    if (!u->tx.count)
        val |= LSR_THRE;
    if (!u->tx.count && !u->shifting)
        val |= LSR_TEMT;
    for (unsigned i = 0; fifo_mode(u) && i < u->rx.count; i++)
        if (u->rx.flags[(u->rx.head + i) % FIFO])
            val |= LSR_FIFO_ERROR;
    u->line_errors = 0;
    if (u->rx.count)
        u->rx.flags[u->rx.head % FIFO] = 0;
    update(u);
    return val;
}

/* Modem inputs: a ready peer, or the outputs when looped back. Changes leave deltas. */
static void update_modem(struct uart *u)
{
    u8 in = MSR_CTS | MSR_DSR | MSR_DCD;
    if (looping(u))
        in = (u8)((u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
                  (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0));
    u8 changed = (u->msr ^ in) & 0xf0, deltas = changed >> 4;
    if (!(changed & MSR_RI) || (in & MSR_RI)) /* RI counts when it falls */
        deltas &= (u8)~MSR_TERI;
    u->msr = (u8)((u->msr & MSR_DELTAS) | deltas | in);
    update(u);
}

static void write_fcr(struct uart *u, u8 val)
{
    bool toggled = (u->fcr ^ val) & FCR_ENABLE;
    if (toggled || (val & FCR_CLEAR_RX)) {
        u->rx = (struct uart_fifo){0};
        restart_timeout(u);
    }
    if (toggled || (val & FCR_CLEAR_TX)) {
        u->tx_empty |= u->tx.count != 0;
        u->tx = (struct uart_fifo){0};
    }
    u->fcr = val & FCR_ENABLE ? val & 0xc9 : 0;
    update(u);
    if (!u->rx_pause)
        chardev_accept_input(u->chardev);
}

static void write_ier(struct uart *u, u8 val)
{
    /* Enabling the THRE interrupt while the transmitter is empty makes it at once. */
    if ((val & ~u->ier & IER_TX) && !u->tx.count)
        u->tx_empty = true;
    u->ier = val & 0x0f;
    update(u);
}

static void write_lcr(struct uart *u, u8 val)
{
    bool starts_break = val & ~u->lcr & LCR_BREAK;
    u->lcr = val;
    if (starts_break && looping(u))
        receive_byte(u, 0, LSR_BI);
}

static void write(void *owner, u64 off, u64 val64, unsigned size)
{
    (void)size;
    struct uart *u = owner;
    u8 val = (u8)val64;
    bool dlab = u->lcr & LCR_DLAB;
    if (off != RBR_THR || dlab)
        trace(u->dev->sys->trace, uart, "%s write %u %02x", u->dev->id, (unsigned)off, val);
    switch ((enum uart_register)off) {
    case RBR_THR:
        if (dlab)
            u->divisor = (u16)((u->divisor & 0xff00) | val);
        else
            write_data(u, val);
        break;
    case IER:
        if (dlab)
            u->divisor = (u16)((u->divisor & 0xff) | val << 8);
        else
            write_ier(u, val);
        break;
    case IIR_FCR:
        write_fcr(u, val);
        break;
    case LCR:
        write_lcr(u, val);
        break;
    case MCR: {
        bool was_looping = looping(u);
        u->mcr = val & 0x1f;
        update_modem(u);
        if (was_looping && !looping(u))
            chardev_accept_input(u->chardev);
        break;
    }
    case LSR:
    case MSR:
        break; /* read-only but for factory tests */
    case SCR:
        u->scr = val;
        break;
    }
}

static u8 read_iir(struct uart *u)
{
    u8 id = identify(u);
    if (id == IIR_TX) {
        u->tx_empty = false;
        update(u);
    }
    return id | (fifo_mode(u) ? IIR_FIFO : 0);
}

static u8 read_msr(struct uart *u)
{
    u8 val = u->msr;
    u->dev->sys->io.settled += !(val & MSR_DELTAS);
    u->msr &= (u8)~MSR_DELTAS;
    update(u);
    return val;
}

static u64 read(void *owner, u64 off, unsigned size)
{
    (void)size;
    struct uart *u = owner;
    bool dlab = u->lcr & LCR_DLAB;
    switch ((enum uart_register)off) {
    case RBR_THR:
        return dlab ? u->divisor & 0xff : read_data(u);
    case IER:
        return dlab ? u->divisor >> 8 : u->ier;
    case IIR_FCR:
        return read_iir(u);
    case LCR:
        return u->lcr;
    case MCR:
        return u->mcr;
    case LSR:
        return line_status(u);
    case MSR:
        return read_msr(u);
    case SCR:
        return u->scr;
    }
    return 0xff;
}

/* ---- life ---- */

void uart_init(struct uart *u, struct device *dev, struct irq line)
{
    u->dev = dev;
    u->irq_line = line;
    u->ports = (struct region){
        .name = "uart", .owner = u, .read = read, .write = write, .priority = PRIO_DEVICE, .size = 8, .max_access = 1};
    event_init(&u->tx_done, "uart sent", tx_due, u);
    event_init(&u->rx_timeout, "uart timeout", timeout_due, u);
    event_init(&u->rx_open, "uart line free", rx_open_due, u);
    chardev_connect(u->chardev, &uart_input, u);
}

void uart_reset(struct uart *u)
{
    struct clock *clock = &u->dev->sys->clock;
    u->ier = u->fcr = u->lcr = u->mcr = u->scr = u->line_errors = 0;
    u->msr = MSR_CTS | MSR_DSR | MSR_DCD;
    u->divisor = 12; /* 9600 baud, as QEMU; the chip itself leaves it undefined */
    u->rx = u->tx = (struct uart_fifo){0};
    u->shifter = 0;
    u->refused = 0;
    u->shifting = u->shifter_sent = u->tx_empty = u->timeout = u->rx_pause = false;
    event_cancel(clock, &u->tx_done);
    event_cancel(clock, &u->rx_timeout);
    event_cancel(clock, &u->rx_open);
    u->irq = false;
    irq_set(&u->irq_line, false);
}

/* The host's end may have waited for room that is there now. */
void uart_restored(struct uart *u) { chardev_accept_input(u->chardev); }
