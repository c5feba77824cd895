/*
 * Two cascaded 8259A (Intel 231468) with the PIIX3's ELCR. As on the real chip
 * a request in edge mode needs its line to stay up until INTA: one that drops
 * before gives the spurious IR7. The PIIX3 ignores ICW1.LTIM in favour of ELCR,
 * and the 8080 mode; so does this.
 */
#include "devices/pic.h"
#include "devices/pc_map.h"

enum { MASTER, SLAVE, CASCADE = 2 };
enum ocw2 { ROTATE_AEOI_CLEAR, EOI, NOP, EOI_SPECIFIC, ROTATE_AEOI_SET, ROTATE_EOI, SET_PRIORITY, ROTATE_SPECIFIC };
enum init_step { READY, WANT_ICW2, WANT_ICW3, WANT_ICW4 };

struct pic_chip {
    u8 line; /* inputs as they are */
    u8 edge; /* edges seen and neither acknowledged nor withdrawn */
    u8 imr, isr;
    u8 elcr;   /* 1: level triggered */
    u8 lowest; /* input of lowest priority */
    u8 base;   /* vector of input 0 */
    u8 icw3;
    u8 step; /* enum init_step */
    bool single, want_icw4;
    bool auto_eoi, rotate_aeoi, special_mask, special_nested;
    bool read_isr, poll;
    bool intr; /* output */
};

struct pic {
    struct device dev;
    struct pic_chip chip[2];
    struct pic_config wire;
    struct region ports[2], elcr;
    u64 raised[16]; /* how often each input went up, for the monitor */
};

static const struct state_field chip_state[] = {
    STATE(struct pic_chip, line),
    STATE(struct pic_chip, edge),
    STATE(struct pic_chip, imr),
    STATE(struct pic_chip, isr),
    STATE(struct pic_chip, elcr),
    STATE_RANGE(struct pic_chip, lowest, 0, 7),
    STATE(struct pic_chip, base),
    STATE(struct pic_chip, icw3),
    STATE(struct pic_chip, step),
    STATE(struct pic_chip, single),
    STATE(struct pic_chip, want_icw4),
    STATE(struct pic_chip, auto_eoi),
    STATE(struct pic_chip, rotate_aeoi),
    STATE(struct pic_chip, special_mask),
    STATE(struct pic_chip, special_nested),
    STATE(struct pic_chip, read_isr),
    STATE(struct pic_chip, poll),
    STATE(struct pic_chip, intr),
    STATE_END,
};
static const struct state_field pic_state[] = {
    DEVICE_STATE(struct pic),
    STRUCTS(struct pic, chip, struct pic_chip, chip_state),
    HOST(struct pic, wire),
    HOST(struct pic, ports),
    HOST(struct pic, elcr),
    STATE(struct pic, raised),
    STATE_END,
};

/* ---- priority ---- */

static u8 irr(const struct pic_chip *c) { return c->edge | (c->line & c->elcr); }

/* Rank of the highest-priority input in 'set': 0 is highest; 8 when empty. */
static unsigned rank(const struct pic_chip *c, u8 set)
{
    unsigned r = 0;
    while (r < 8 && !(set & BIT((c->lowest + 1 + r) & 7)))
        r++;
    return r;
}

/* The input that should interrupt now, or -1. */
static int pending(const struct pic_chip *c, bool master)
{
    unsigned request = rank(c, irr(c) & (u8)~c->imr);
    if (request == 8)
        return -1;
    u8 serving = c->isr;
    if (c->special_mask)
        serving &= (u8)~c->imr;
    /* Special fully nested: the slave in service does not lock out its own higher requests. */
    if (c->special_nested && master)
        serving &= (u8)~BIT(CASCADE);
    return request < rank(c, serving) ? (int)((c->lowest + 1 + request) & 7) : -1;
}

/* ---- lines ---- */

static void chip_line(struct pic_chip *c, unsigned n, bool level)
{
    u8 bit = (u8)BIT(n);
    if (level && !(c->line & bit))
        c->edge |= bit & (u8)~c->elcr;
    if (!level)
        c->edge &= (u8)~bit;
    c->line = level ? c->line | bit : c->line & (u8)~bit;
}

/* Works out both outputs after any change; the slave's is input 2 of the master. */
static void update(struct pic *p)
{
    struct pic_chip *m = &p->chip[MASTER], *s = &p->chip[SLAVE];
    s->intr = pending(s, false) >= 0;
    chip_line(m, CASCADE, s->intr);
    bool intr = pending(m, true) >= 0;
    if (intr != m->intr) {
        m->intr = intr;
        irq_set(&p->wire.intr, intr);
    }
}

static void input(void *owner, unsigned n, bool level)
{
    struct pic *p = owner;
    if (level && !(p->chip[n / 8].line >> n % 8 & 1))
        p->raised[n]++;
    trace(p->dev.sys->trace, pic, "line %u %s", n, level ? "up" : "down");
    chip_line(&p->chip[n / 8], n % 8, level);
    update(p);
}

struct irq pic_input(struct device *dev, unsigned irq) { return (struct irq){input, dev, irq}; }

/* ---- acknowledge ---- */

static void acknowledge(struct pic_chip *c, unsigned n)
{
    c->edge &= (u8)~BIT(n);
    if (!c->auto_eoi)
        c->isr |= (u8)BIT(n);
    else if (c->rotate_aeoi)
        c->lowest = (u8)n;
}

/* The slave's output drops at INTA; what else it has pending makes a new edge. */
static unsigned acknowledge_slave(struct pic *p)
{
    struct pic_chip *s = &p->chip[SLAVE];
    int n = pending(s, false);
    if (n >= 0)
        acknowledge(s, (unsigned)n);
    chip_line(&p->chip[MASTER], CASCADE, false);
    return n >= 0 ? (unsigned)n : 7;
}

int pic_read_irq(struct device *dev)
{
    struct pic *p = container_of(dev, struct pic, dev);
    struct pic_chip *m = &p->chip[MASTER];
    int n = pending(m, true);
    int vector;
    if (n < 0) {
        vector = m->base + 7; /* the request went away: no ISR bit is set */
        trace(dev->sys->trace, guest_errors, "pic: spurious interrupt");
    } else {
        acknowledge(m, (unsigned)n);
        vector = n == CASCADE && !m->single ? p->chip[SLAVE].base + (int)acknowledge_slave(p) : m->base + n;
    }
    update(p);
    trace(dev->sys->trace, pic, "acknowledge: vector %02x", vector);
    return vector;
}

/* ---- registers ---- */

static void icw1(struct pic_chip *c, u8 val)
{
    *c = (struct pic_chip){.line = c->line, .elcr = c->elcr, .intr = c->intr, .icw3 = c->icw3};
    c->lowest = 7;
    c->want_icw4 = val & 1;
    c->single = val & 2;
    c->step = WANT_ICW2;
}

static void eoi(struct pic_chip *c, u8 candidates, bool rotate)
{
    unsigned r = rank(c, candidates & c->isr);
    if (r == 8)
        return;
    unsigned n = (c->lowest + 1 + r) & 7;
    c->isr &= (u8)~BIT(n);
    if (rotate)
        c->lowest = (u8)n;
}

static void ocw2(struct pic_chip *c, u8 val)
{
    unsigned level = val & 7;
    /* What the special mask hides is not ended by a non-specific EOI. */
    u8 visible = c->special_mask ? (u8)~c->imr : 0xff;
    switch ((enum ocw2)(val >> 5)) {
    case ROTATE_AEOI_CLEAR:
        c->rotate_aeoi = false;
        break;
    case ROTATE_AEOI_SET:
        c->rotate_aeoi = true;
        break;
    case EOI:
        eoi(c, visible, false);
        break;
    case ROTATE_EOI:
        eoi(c, visible, true);
        break;
    case EOI_SPECIFIC:
        c->isr &= (u8)~BIT(level);
        break;
    case ROTATE_SPECIFIC:
        c->isr &= (u8)~BIT(level);
        c->lowest = (u8)level;
        break;
    case SET_PRIORITY:
        c->lowest = (u8)level;
        break;
    case NOP:
        break;
    }
}

static void ocw3(struct pic_chip *c, u8 val)
{
    if (val & 4)
        c->poll = true;
    if (val & 2)
        c->read_isr = val & 1;
    if (val & 0x40)
        c->special_mask = val & 0x20;
}

static void write_odd(struct pic_chip *c, u8 val)
{
    switch ((enum init_step)c->step) {
    case READY:
        c->imr = val;
        break;
    case WANT_ICW2:
        c->base = val & 0xf8;
        c->step = !c->single ? WANT_ICW3 : c->want_icw4 ? WANT_ICW4 : READY;
        break;
    case WANT_ICW3:
        c->icw3 = val;
        c->step = c->want_icw4 ? WANT_ICW4 : READY;
        break;
    case WANT_ICW4:
        c->auto_eoi = val & 2;
        c->special_nested = val & 0x10;
        c->step = READY;
        break;
    }
}

static void chip_write(struct pic *p, unsigned which, u64 off, u64 val)
{
    struct pic_chip *c = &p->chip[which];
    u8 v = (u8)val;
    trace(p->dev.sys->trace, pic, "write %c%u %02x", which == MASTER ? 'm' : 's', (unsigned)off, v);
    if (off)
        write_odd(c, v);
    else if (v & 0x10)
        icw1(c, v);
    else if (v & 8)
        ocw3(c, v);
    else
        ocw2(c, v);
    update(p);
}

/* The read after a poll command is an INTA of this one chip. */
static u8 poll_read(struct pic *p, unsigned which)
{
    struct pic_chip *c = &p->chip[which];
    c->poll = false;
    int n = pending(c, which == MASTER);
    if (n < 0)
        return 7;
    acknowledge(c, (unsigned)n);
    if (which == SLAVE)
        chip_line(&p->chip[MASTER], CASCADE, false);
    update(p);
    return (u8)(0x80 | n);
}

static u64 chip_read(struct pic *p, unsigned which, u64 off)
{
    struct pic_chip *c = &p->chip[which];
    if (c->poll)
        return poll_read(p, which);
    return off ? c->imr : c->read_isr ? c->isr : irr(c);
}

static u64 master_read(void *owner, u64 off, unsigned size) { return (void)size, chip_read(owner, MASTER, off); }
static u64 slave_read(void *owner, u64 off, unsigned size) { return (void)size, chip_read(owner, SLAVE, off); }
static void master_write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)size;
    chip_write(owner, MASTER, off, val);
}
static void slave_write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)size;
    chip_write(owner, SLAVE, off, val);
}

static u64 elcr_read(void *owner, u64 off, unsigned size)
{
    (void)size;
    return ((struct pic *)owner)->chip[off].elcr;
}

static void elcr_write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)size;
    struct pic *p = owner;
    struct pic_chip *c = &p->chip[off];
    /* IRQ 0, 1, 2, 8 and 13 are always edge triggered. */
    c->elcr = (u8)val & (off == MASTER ? 0xf8 : 0xde);
    c->edge &= (u8)~c->elcr;
    update(p);
}

/* ---- life ---- */

static bool create(struct device *dev, const void *cfg)
{
    struct pic *p = container_of(dev, struct pic, dev);
    struct space *io = &dev->sys->io;
    if (cfg)
        p->wire = *(const struct pic_config *)cfg;
    region_device(&p->ports[MASTER], io, "pic master", PC_PORT_PIC_MASTER, 2, p, master_read, master_write);
    region_device(&p->ports[SLAVE], io, "pic slave", PC_PORT_PIC_SLAVE, 2, p, slave_read, slave_write);
    region_device(&p->elcr, io, "elcr", PC_PORT_ELCR, 2, p, elcr_read, elcr_write);
    p->ports[MASTER].max_access = p->ports[SLAVE].max_access = p->elcr.max_access = 1;
    return true;
}

static void reset(struct device *dev)
{
    struct pic *p = container_of(dev, struct pic, dev);
    for (unsigned i = 0; i < 2; i++)
        p->chip[i] = (struct pic_chip){.line = p->chip[i].line, .lowest = 7};
    p->chip[MASTER].line &= (u8)~BIT(CASCADE);
    irq_set(&p->wire.intr, false);
}

/* "info pic", as QEMU prints it. */
static void info(struct device *dev, FILE *out)
{
    struct pic *p = container_of(dev, struct pic, dev);
    for (int i = SLAVE; i >= MASTER; i--) {
        const struct pic_chip *c = &p->chip[i];
        fprintf(out, "pic%d: irr=%02x imr=%02x isr=%02x hprio=%x irq_base=%02x rr_sel=%x elcr=%02x fnm=%x\n", i, irr(c),
                c->imr, c->isr, (c->lowest + 1) & 7, c->base, c->read_isr, c->elcr, c->special_nested);
    }
}

const struct device_class pic_class = {
    .name = "isa-i8259",
    .description = "interrupt controllers",
    .size = sizeof(struct pic),
    .state = pic_state,
    .create = create,
    .reset = reset,
    .info = info,
};
