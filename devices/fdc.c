/*
 * Intel 82077AA floppy disk controller (Intel 290166) in PS/2 mode, as QEMU
 * and later PCs have it: all data, control and 82077 commands, DMA and
 * non-DMA transfers, disk change line. A drive takes every raw image size
 * from 160 KB to 2.88 MB and turns at that format's data rate only, which is
 * how guests find out what is in it.
 *
 * Images keep no gaps, marks or foreign sector IDs: every track has sectors 1
 * to n of 512 bytes with their true C and H. FORMAT TRACK fills sectors but
 * cannot change their number; deleted marks are not kept.
 */
#include "devices/fdc.h"

enum { SECTOR = 512, STEPS_MAX = 85, RECALIBRATE_STEPS = 80, DATA_RESULT = 7 };
enum { RATE_500, RATE_300, RATE_250, RATE_1000 };
/* Virtual ns: far quicker than the real thing, slow enough to be seen. */
enum { RESET_NS = 20000, STEP_NS = 20000, SECTOR_NS = 60000, ID_NS = 20000000, RESUME_NS = 1000 };

enum { DOR_SELECT = 3, DOR_NRESET = BIT(2), DOR_GATE = BIT(3), DOR_MOTORS = 0xf0 };
enum { MSR_RQM = BIT(7), MSR_DIO = BIT(6), MSR_NONDMA = BIT(5), MSR_BUSY = BIT(4) };
enum { DSR_RESET = BIT(7), DIR_CHANGE = BIT(7) };
enum { ST0_ABNORMAL = 0x40, ST0_INVALID = 0x80, ST0_POLLED = 0xc0, ST0_SEEK_END = 0x20, ST0_EQUIPMENT = 0x10 };
enum { ST1_END = 0x80, ST1_NO_DATA = 0x04, ST1_NOT_WRITABLE = 0x02, ST1_NO_MARK = 0x01, ST1_CRC = 0x20 };
enum { ST2_CONTROL_MARK = 0x40, ST2_CRC = 0x20, ST2_WRONG_CYLINDER = 0x10, ST2_SCAN_HIT = 0x08, ST2_SCAN_MISS = 0x04 };
enum { ST3_PROTECTED = 0x40, ST3_READY = 0x20, ST3_TRACK0 = 0x10, ST3_TWO_SIDES = 0x08 };
/* Bits of the first command byte, and of CONFIGURE's */
enum { OPTION_MT = 0x80, OPTION_MFM = 0x40, OPTION_SK = 0x20 };
enum { CONFIG_EIS = 0x40, CONFIG_EFIFO = 0x20, CONFIG_POLL = 0x10 };

enum fdc_phase { PHASE_COMMAND, PHASE_EXECUTION, PHASE_RESULT };
enum fdc_op { OP_NONE, OP_READ, OP_WRITE, OP_VERIFY, OP_SCAN, OP_FORMAT, OP_READ_ID };
/* What the step event does next */
enum fdc_step { STEP_NONE, STEP_SECTOR, STEP_MOVE, STEP_ID };

struct format {
    u16 sectors; /* of the whole disk */
    u8 tracks, heads, per_track, rate;
    bool five; /* 5.25 inches: in a 1.2 MB drive it turns at 300 kbit/s */
    u8 cmos;
};
static const struct format formats[] = {
    {320, 40, 1, 8, RATE_250, true, 6},     {360, 40, 1, 9, RATE_250, true, 7},
    {640, 40, 2, 8, RATE_250, true, 8},     {720, 40, 2, 9, RATE_250, true, 1},
    {1440, 80, 2, 9, RATE_250, false, 3},   {1600, 80, 2, 10, RATE_250, false, 3},
    {1640, 82, 2, 10, RATE_250, false, 3},  {2400, 80, 2, 15, RATE_500, true, 2},
    {2880, 80, 2, 18, RATE_500, false, 4},  {3200, 80, 2, 20, RATE_500, false, 4},
    {3360, 80, 2, 21, RATE_500, false, 4},  {3444, 82, 2, 21, RATE_500, false, 4},
    {3486, 83, 2, 21, RATE_500, false, 4},  {3520, 80, 2, 22, RATE_500, false, 4},
    {3840, 80, 2, 24, RATE_500, false, 4},  {5760, 80, 2, 36, RATE_1000, false, 5},
    {6240, 80, 2, 39, RATE_1000, false, 5}, {7040, 80, 2, 44, RATE_1000, false, 5},
    {7680, 80, 2, 48, RATE_1000, false, 5},
};
static const struct format empty_drive = {.cmos = 4};

struct fdc_drive {
    const struct format *format;
    struct disk *disk;
    struct fdc *fdc;
    bool present;
    bool changed; /* the disk change line */
    u8 number;
    u8 track;  /* where the heads are */
    u8 pcn;    /* ... and where the controller thinks they are */
    bool seeking, seek_reported;
    u8 seek_st0; /* for SENSE INTERRUPT STATUS, once the seek is over */
    struct event seek_event;
};

struct fdc {
    struct device dev;
    struct irq irq;
    struct dma_channel dma;
    struct region low_ports, dir_port;
    struct event event;
    struct fdc_drive drive[4]; /* 2 and 3 are selectable but never there */
    u8 dor, tdr, dsr, rate;
    bool line, in_reset;
    u8 reset_senses; /* of the four interrupts after a reset, those not yet sensed */
    u8 phase, op, step;
    u8 fifo[16], fifo_len, fifo_pos, fifo_need;
    /* SPECIFY, CONFIGURE, PERPENDICULAR, LOCK */
    u8 specify[2], config, precompensation, perpendicular, last_eot;
    bool lock;
    /* the data command under way */
    u8 unit, head, c, h, r, n, eot, stride;
    bool track_order; /* READ TRACK: all sectors from the first on */
    bool deleted;     /* it wants deleted data */
    bool tc, scan_missed;
    u8 scan;          /* command code of the comparison */
    u8 st1, st2;
    u16 count;        /* sectors left to VERIFY or FORMAT; 0: up to EOT */
    u8 filler;
    u16 pos, len;     /* of buffer */
    u8 buffer[SECTOR];
};

/* ---- interrupt and phases ---- */

static void set_irq(struct fdc *f, bool level)
{
    f->line = level;
    irq_set(&f->irq, level && (f->dor & DOR_GATE));
}

static void enter_command(struct fdc *f)
{
    f->phase = PHASE_COMMAND;
    f->op = OP_NONE;
    f->fifo_len = f->fifo_pos = 0;
    f->fifo_need = 0;
}

static void enter_result(struct fdc *f, const u8 *bytes, u8 n)
{
    memcpy(f->fifo, bytes, n);
    f->phase = PHASE_RESULT;
    f->op = OP_NONE;
    f->fifo_len = n;
    f->fifo_pos = 0;
    dma_request(&f->dma, false);
}

static void result_byte(struct fdc *f, u8 val) { enter_result(f, &val, 1); }
static void invalid(struct fdc *f) { result_byte(f, ST0_INVALID); }

static void next_step(struct fdc *f, enum fdc_step step, u64 ns)
{
    f->step = (u8)step;
    event_at(&f->dev.sys->clock, &f->event, clock_now(&f->dev.sys->clock) + ns);
}

/* The seven result bytes of a data command (6.1), with an interrupt. */
static void end_data(struct fdc *f, u8 st0)
{
    const u8 result[DATA_RESULT] = {(u8)(st0 | f->head << 2 | f->unit), f->st1, f->st2, f->c, f->h, f->r, f->n};
    event_cancel(&f->dev.sys->clock, &f->event);
    f->step = STEP_NONE;
    enter_result(f, result, sizeof result);
    trace(f->dev.sys->trace, fdc, "result %02x %02x %02x %02x %02x %02x %02x", result[0], result[1], result[2],
          result[3], result[4], result[5], result[6]);
    set_irq(f, true);
}

static void fail(struct fdc *f, u8 st1, u8 st2)
{
    f->st1 |= st1;
    f->st2 |= st2;
    end_data(f, ST0_ABNORMAL);
}

/* ---- the medium ---- */

static struct fdc_drive *selected(struct fdc *f) { return &f->drive[f->unit]; }

/* Do the heads find an address mark? Only at the medium's rate, and in MFM. */
static bool readable(const struct fdc *f, const struct fdc_drive *d)
{
    const struct format *m = d->format;
    if (!d->disk || d->track >= m->tracks || f->head >= m->heads)
        return false;
    return f->rate == m->rate || (m->five && m->rate == RATE_250 && f->rate == RATE_300);
}

/* The sector of the image, once the ID the command names was found on this track. */
static bool find_sector(struct fdc *f, u64 *sector)
{
    const struct fdc_drive *d = selected(f);
    const struct format *m = d->format;
    if (!readable(f, d)) {
        fail(f, ST1_NO_MARK, 0);
        return false;
    }
    if (f->track_order && f->r > m->per_track) {
        fail(f, ST1_NO_DATA, 0);
        return false;
    }
    if (f->c != d->track) {
        fail(f, ST1_NO_DATA, ST2_WRONG_CYLINDER);
        return false;
    }
    if (f->h != f->head || f->r < 1 || f->r > m->per_track || f->n != 2) {
        fail(f, ST1_NO_DATA, 0);
        return false;
    }
    *sector = ((u64)d->track * m->heads + f->head) * m->per_track + f->r - 1;
    return true;
}

/* ---- moving sectors ---- */

/* The result's C H R when the host ended the transfer (6.1, table 6-4). */
static void advance_result(struct fdc *f)
{
    bool both = f->fifo[0] & OPTION_MT;
    if (f->r != f->eot) {
        f->r++;
        return;
    }
    f->r = 1;
    if (both)
        f->h ^= 1;
    if (!both || f->head)
        f->c++;
}

static void end_normal(struct fdc *f)
{
    if (f->op == OP_READ || f->op == OP_WRITE || f->op == OP_VERIFY)
        advance_result(f);
    end_data(f, 0);
}

/* The sector after this one; false when the cylinder is over (ST1 EN). */
static bool next_sector(struct fdc *f)
{
    bool last = f->r == f->eot || (f->stride == 2 && f->r + 1 == f->eot);
    if (!last) {
        f->r = (u8)(f->r + f->stride);
        return true;
    }
    if ((f->fifo[0] & OPTION_MT) && !f->head) {
        f->head = 1;
        f->h = 1;
        f->r = 1;
        return true;
    }
    return false;
}

static void end_scan(struct fdc *f)
{
    f->st2 |= f->scan_missed ? ST2_SCAN_MISS : f->st2 & ST2_SCAN_HIT;
    end_data(f, 0);
}

static void sector_done(struct fdc *f)
{
    if (f->op == OP_SCAN && !f->scan_missed) {
        end_scan(f);
        return;
    }
    if (f->tc || (f->st2 & ST2_CONTROL_MARK)) {
        if (f->op == OP_SCAN)
            end_scan(f);
        else
            end_normal(f);
        return;
    }
    if (f->count && --f->count == 0) {
        end_normal(f);
        return;
    }
    if (next_sector(f)) {
        next_step(f, STEP_SECTOR, SECTOR_NS);
    } else if (f->op == OP_SCAN) {
        end_scan(f);
    } else if (f->op == OP_VERIFY) {
        end_normal(f);
    } else {
        fail(f, ST1_END, 0);
    }
}

static bool to_host(const struct fdc *f) { return f->op == OP_READ; }
static bool non_dma(const struct fdc *f) { return f->specify[1] & 1; }

static void write_sector(struct fdc *f)
{
    struct fdc_drive *d = selected(f);
    u64 sector;
    memset(f->buffer + f->pos, 0, sizeof f->buffer - f->pos); /* TC in the middle of a sector */
    if (!find_sector(f, &sector))
        return;
    if (disk_write(d->disk, sector, f->buffer, 1))
        fail(f, ST1_CRC, ST2_CRC);
    else
        sector_done(f);
}

/* SCAN compares byte by byte; FF on either side matches anything (6.2). */
static void scan_sector(struct fdc *f, const u8 *host)
{
    bool hit = true, equal = true;
    for (unsigned i = 0; i < f->pos && equal; i++) {
        u8 disk = f->buffer[i];
        if (disk == host[i] || disk == 0xff || host[i] == 0xff)
            continue;
        equal = false;
        hit = f->scan == 0x19 ? disk < host[i] : f->scan == 0x1d ? disk > host[i] : false;
    }
    f->scan_missed = !hit;
    if (hit && equal)
        f->st2 |= ST2_SCAN_HIT;
}

/* One sector of FORMAT TRACK: C H R N from the host, then the filler. */
static void format_sector(struct fdc *f)
{
    struct fdc_drive *d = selected(f);
    u64 sector;
    f->c = f->buffer[0];
    f->h = f->buffer[1];
    f->r = f->buffer[2];
    f->n = f->buffer[3];
    if (!find_sector(f, &sector))
        return;
    memset(f->buffer, f->filler, sizeof f->buffer);
    if (disk_write(d->disk, sector, f->buffer, 1)) {
        fail(f, ST1_CRC, ST2_CRC);
    } else if (--f->count == 0) {
        end_data(f, 0);
    } else {
        next_step(f, STEP_SECTOR, SECTOR_NS);
    }
}

/* The buffer is filled by the host, or emptied by it. */
static void buffer_done(struct fdc *f)
{
    u8 host[SECTOR];
    u64 sector;
    switch ((enum fdc_op)f->op) {
    case OP_WRITE:
        write_sector(f);
        break;
    case OP_FORMAT:
        format_sector(f);
        break;
    case OP_SCAN:
        memcpy(host, f->buffer, sizeof host);
        if (!find_sector(f, &sector))
            return;
        if (disk_read(selected(f)->disk, sector, f->buffer, 1)) {
            fail(f, ST1_CRC, ST2_CRC);
            return;
        }
        scan_sector(f, host);
        sector_done(f);
        break;
    default:
        sector_done(f);
    }
}

/* Moves what the DMA channel lets through; with less than all of it, waits for the channel. */
static void move_dma(struct fdc *f)
{
    dma_request(&f->dma, true);
    while (f->pos < f->len && !f->tc) {
        size_t n = dma_transfer(&f->dma, f->buffer + f->pos, (size_t)(f->len - f->pos), to_host(f), &f->tc);
        if (!n)
            return;
        f->pos = (u16)(f->pos + n);
    }
    dma_request(&f->dma, false);
    buffer_done(f);
}

static void open_buffer(struct fdc *f, u16 len)
{
    f->pos = 0;
    f->len = len;
    if (non_dma(f))
        set_irq(f, true);
    else
        move_dma(f);
}

/* The head reaches the next sector. */
static void sector_step(struct fdc *f)
{
    u64 sector;
    if (f->op == OP_FORMAT) {
        open_buffer(f, 4);
        return;
    }
    if (!find_sector(f, &sector))
        return;
    if (f->op == OP_WRITE || f->op == OP_SCAN) {
        open_buffer(f, SECTOR);
        return;
    }
    if (f->deleted && (f->fifo[0] & OPTION_SK)) { /* none here is deleted: skip them all */
        sector_done(f);
        return;
    }
    if (f->deleted)
        f->st2 |= ST2_CONTROL_MARK;
    if (disk_read(selected(f)->disk, sector, f->buffer, 1)) {
        fail(f, ST1_CRC, ST2_CRC);
        return;
    }
    if (f->op == OP_VERIFY)
        sector_done(f);
    else
        open_buffer(f, SECTOR);
}

static void found_id(struct fdc *f)
{
    const struct fdc_drive *d = selected(f);
    if (!readable(f, d) || !(f->fifo[0] & OPTION_MFM)) {
        fail(f, ST1_NO_MARK, 0);
        return;
    }
    f->r = f->r >= d->format->per_track ? 1 : (u8)(f->r + 1);
    f->c = d->track;
    f->h = f->head;
    f->n = 2;
    end_data(f, 0);
}

static void fire(void *owner)
{
    struct fdc *f = owner;
    enum fdc_step step = f->step;
    f->step = STEP_NONE;
    switch (step) {
    case STEP_NONE:
        /* the end of a reset: the drives' ready lines are polled, and all four report */
        f->in_reset = false;
        if (!(f->config & CONFIG_POLL)) {
            f->reset_senses = 4;
            set_irq(f, true);
        }
        break;
    case STEP_SECTOR:
        sector_step(f);
        break;
    case STEP_MOVE:
        move_dma(f);
        break;
    case STEP_ID:
        found_id(f);
        break;
    }
}

/* The DMA channel became usable while a transfer waits for it. */
static void dma_ready(void *owner)
{
    struct fdc *f = owner;
    if (f->phase == PHASE_EXECUTION && f->step == STEP_NONE && f->pos < f->len && !non_dma(f))
        next_step(f, STEP_MOVE, RESUME_NS);
}

/* ---- seeking ---- */

static void seek_done(void *owner)
{
    struct fdc_drive *d = owner;
    d->seeking = false;
    d->seek_reported = true;
    set_irq(d->fdc, true);
}

/* Moves the heads; a step pulse with a disk in the drive resets the change line. */
static u64 move_heads(struct fdc_drive *d, u8 track)
{
    u32 steps = track > d->track ? track - d->track : d->track - track;
    if (steps && d->disk)
        d->changed = false;
    d->track = (u8)MIN(track, STEPS_MAX);
    return steps * (u64)STEP_NS;
}

static void start_seek(struct fdc *f, struct fdc_drive *d, u64 ns, u8 st0)
{
    d->seeking = true;
    d->seek_st0 = (u8)(ST0_SEEK_END | st0 | d->number);
    event_at(&f->dev.sys->clock, &d->seek_event, clock_now(&f->dev.sys->clock) + STEP_NS + ns);
    enter_command(f);
}

static void seek(struct fdc *f)
{
    struct fdc_drive *d = &f->drive[f->fifo[1] & 3];
    f->unit = d->number;
    f->head = f->fifo[1] >> 2 & 1;
    /* The controller steps by the difference to where it thinks the heads are. */
    int to = d->track + (f->fifo[2] - d->pcn);
    u64 ns = d->present ? move_heads(d, (u8)MAX(0, MIN(to, STEPS_MAX))) : 0;
    d->pcn = f->fifo[2];
    start_seek(f, d, ns, (u8)(f->head << 2));
}

static void relative_seek(struct fdc *f)
{
    struct fdc_drive *d = &f->drive[f->fifo[1] & 3];
    bool up = f->fifo[0] & 0x40;
    int to = d->track + (up ? f->fifo[2] : -f->fifo[2]);
    f->unit = d->number;
    f->head = f->fifo[1] >> 2 & 1;
    u64 ns = d->present ? move_heads(d, (u8)MAX(0, MIN(to, STEPS_MAX))) : 0;
    d->pcn = (u8)(up ? d->pcn + f->fifo[2] : d->pcn - f->fifo[2]);
    start_seek(f, d, ns, (u8)(f->head << 2));
}

/* Up to 80 steps out; track 0 is not found from beyond, nor without a drive. */
static void recalibrate(struct fdc *f)
{
    struct fdc_drive *d = &f->drive[f->fifo[1] & 3];
    bool found = d->present && d->track < RECALIBRATE_STEPS;
    u8 track = d->track;
    f->unit = d->number;
    u64 ns = d->present ? move_heads(d, found ? 0 : (u8)(track - (RECALIBRATE_STEPS - 1))) : RECALIBRATE_STEPS * STEP_NS;
    d->pcn = 0;
    start_seek(f, d, ns, found ? 0 : ST0_ABNORMAL | ST0_EQUIPMENT);
}

/* ---- commands ---- */

/* What all data commands have in common: unit, head, C H R N EOT, implied seek (6.1). */
static bool start_data(struct fdc *f, enum fdc_op op)
{
    const u8 *p = f->fifo;
    struct fdc_drive *d;
    f->unit = p[1] & 3;
    f->head = p[1] >> 2 & 1;
    f->c = p[2];
    f->h = p[3];
    f->r = p[4];
    f->n = p[5];
    f->eot = f->last_eot = p[6];
    f->stride = 1;
    f->op = (u8)op;
    f->phase = PHASE_EXECUTION;
    f->st1 = f->st2 = 0;
    f->tc = f->deleted = f->track_order = f->scan_missed = false;
    f->count = 0;
    f->pos = f->len = 0;
    d = selected(f);
    if (!d->present || !d->disk || !(p[0] & OPTION_MFM)) {
        fail(f, ST1_NO_MARK, 0);
        return false;
    }
    if ((f->config & CONFIG_EIS) && op != OP_FORMAT && d->pcn != f->c) {
        move_heads(d, f->c);
        d->pcn = f->c;
    }
    if ((op == OP_WRITE || op == OP_FORMAT) && d->disk->readonly) {
        fail(f, ST1_NOT_WRITABLE, 0);
        return false;
    }
    return true;
}

static void read_data(struct fdc *f)
{
    if (!start_data(f, OP_READ))
        return;
    f->deleted = (f->fifo[0] & 0x1f) == 0x0c;
    next_step(f, STEP_SECTOR, SECTOR_NS);
}

/* Every sector from the index hole on, EOT of them, whatever R says. */
static void read_track(struct fdc *f)
{
    if (!start_data(f, OP_READ))
        return;
    f->track_order = true;
    f->r = 1;
    f->fifo[0] &= (u8)~OPTION_MT;
    next_step(f, STEP_SECTOR, SECTOR_NS);
}

static void write_data(struct fdc *f)
{
    if (start_data(f, OP_WRITE))
        next_step(f, STEP_SECTOR, SECTOR_NS);
}

/* With EC the last parameter counts sectors, otherwise EOT ends it (6.1.3). */
static void verify(struct fdc *f)
{
    bool ec = f->fifo[1] & 0x80;
    if (!start_data(f, OP_VERIFY))
        return;
    f->count = ec ? f->fifo[8] ? f->fifo[8] : 256 : 0;
    next_step(f, STEP_SECTOR, SECTOR_NS);
}

static void scan(struct fdc *f)
{
    if (!start_data(f, OP_SCAN))
        return;
    f->scan = f->fifo[0] & 0x1f;
    f->stride = f->fifo[8] == 2 ? 2 : 1;
    next_step(f, STEP_SECTOR, SECTOR_NS);
}

/* N, sectors per track, gap, filler. */
static void format_track(struct fdc *f)
{
    const u8 p[] = {f->fifo[2], f->fifo[3], f->fifo[5]};
    f->fifo[2] = f->fifo[3] = f->fifo[4] = f->fifo[6] = 0;
    if (!start_data(f, OP_FORMAT))
        return;
    f->n = p[0];
    f->count = f->last_eot = p[1];
    f->filler = p[2];
    const struct fdc_drive *d = selected(f);
    if (!readable(f, d) || f->n != 2 || f->count != d->format->per_track)
        fail(f, ST1_NO_MARK, 0); /* an image cannot be given other tracks than it has */
    else
        next_step(f, STEP_SECTOR, SECTOR_NS);
}

static void read_id(struct fdc *f)
{
    f->unit = f->fifo[1] & 3;
    f->head = f->fifo[1] >> 2 & 1;
    f->op = OP_READ_ID;
    f->phase = PHASE_EXECUTION;
    f->st1 = f->st2 = 0;
    f->pos = f->len = 0;
    next_step(f, STEP_ID, readable(f, selected(f)) ? SECTOR_NS : ID_NS);
}

static void specify(struct fdc *f)
{
    f->specify[0] = f->fifo[1];
    f->specify[1] = f->fifo[2];
    enter_command(f);
}

static void sense_drive(struct fdc *f)
{
    struct fdc_drive *d = &f->drive[f->fifo[1] & 3];
    u8 st3 = (u8)(ST3_READY | ST3_TWO_SIDES | (f->fifo[1] & 7));
    f->unit = d->number;
    f->head = f->fifo[1] >> 2 & 1;
    if (d->present && !d->track)
        st3 |= ST3_TRACK0;
    if (d->disk && d->disk->readonly)
        st3 |= ST3_PROTECTED;
    result_byte(f, st3);
}

/* Clears the interrupt of a reset (once for each drive) or of a finished seek. */
static void sense_interrupt(struct fdc *f)
{
    u8 result[2];
    if (f->reset_senses) {
        u8 n = 4 - f->reset_senses--;
        result[0] = ST0_POLLED | n;
        result[1] = f->drive[n].pcn;
        enter_result(f, result, 2);
        set_irq(f, false);
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        struct fdc_drive *d = &f->drive[i];
        if (!d->seek_reported)
            continue;
        d->seek_reported = false;
        result[0] = d->seek_st0;
        result[1] = d->pcn;
        enter_result(f, result, 2);
        set_irq(f, false);
        while (++i < 4)
            if (f->drive[i].seek_reported)
                set_irq(f, true);
        return;
    }
    invalid(f);
}

static void version(struct fdc *f) { result_byte(f, 0x90); }

static void perpendicular(struct fdc *f)
{
    u8 val = f->fifo[1];
    /* Without OW the drive bits stay. */
    f->perpendicular = val & 0x80 ? val & 0x3f : (u8)((f->perpendicular & 0x3c) | (val & 3));
    enter_command(f);
}

static void configure(struct fdc *f)
{
    f->config = f->fifo[2] & 0x7f;
    f->precompensation = f->fifo[3];
    enter_command(f);
}

static void lock(struct fdc *f)
{
    f->lock = f->fifo[0] & 0x80;
    result_byte(f, f->lock ? 0x10 : 0);
}

static void dump_registers(struct fdc *f)
{
    const u8 result[10] = {f->drive[0].pcn, f->drive[1].pcn, f->drive[2].pcn, f->drive[3].pcn, f->specify[0],
                           f->specify[1], f->last_eot, (u8)((f->lock ? 0x80 : 0) | f->perpendicular),
                           f->config, f->precompensation};
    enter_result(f, result, sizeof result);
}

/* Table 6-1. The masks leave out the option bits MT, MFM and SK. */
static const struct command {
    u8 mask, code, bytes;
    void (*run)(struct fdc *f);
} commands[] = {
    {0x1f, 0x06, 9, read_data},       {0x1f, 0x0c, 9, read_data},     {0x3f, 0x05, 9, write_data},
    {0x3f, 0x09, 9, write_data},      {0x9f, 0x02, 9, read_track},    {0x1f, 0x16, 9, verify},
    {0xff, 0x10, 1, version},         {0xbf, 0x0d, 6, format_track},  {0x1f, 0x11, 9, scan},
    {0x1f, 0x19, 9, scan},            {0x1f, 0x1d, 9, scan},          {0xff, 0x07, 2, recalibrate},
    {0xff, 0x08, 1, sense_interrupt}, {0xff, 0x03, 3, specify},       {0xff, 0x04, 2, sense_drive},
    {0xff, 0x13, 4, configure},       {0xff, 0x0f, 3, seek},          {0xbf, 0x8f, 3, relative_seek},
    {0xff, 0x0e, 1, dump_registers},  {0xbf, 0x0a, 2, read_id},       {0xff, 0x12, 2, perpendicular},
    {0x7f, 0x14, 1, lock},
};

static const struct command *find_command(u8 first)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if ((first & commands[i].mask) == commands[i].code)
            return &commands[i];
    return NULL;
}

static void write_command(struct fdc *f, u8 val)
{
    if (!f->fifo_len) {
        const struct command *c = find_command(val);
        f->fifo_need = c ? c->bytes : 1;
    }
    f->fifo[f->fifo_len++] = val;
    if (f->fifo_len < f->fifo_need)
        return;
    const struct command *c = find_command(f->fifo[0]);
    trace(f->dev.sys->trace, fdc, "command %02x %02x %02x %02x %02x %02x %02x", f->fifo[0],
          f->fifo_need > 1 ? f->fifo[1] : 0, f->fifo_need > 2 ? f->fifo[2] : 0, f->fifo_need > 3 ? f->fifo[3] : 0,
          f->fifo_need > 4 ? f->fifo[4] : 0, f->fifo_need > 5 ? f->fifo[5] : 0, f->fifo_need > 6 ? f->fifo[6] : 0);
    if (c)
        c->run(f);
    else
        invalid(f);
}

/* ---- registers ---- */

/* In the execution phase without DMA, each byte is asked for by RQM and an interrupt. */
static bool byte_wanted(const struct fdc *f)
{
    return f->phase == PHASE_EXECUTION && non_dma(f) && f->step == STEP_NONE && f->pos < f->len;
}

static void byte_passed(struct fdc *f)
{
    set_irq(f, false);
    if (f->pos < f->len)
        set_irq(f, true);
    else
        buffer_done(f);
}

static u8 read_fifo(struct fdc *f)
{
    u8 val;
    if (byte_wanted(f) && to_host(f)) {
        val = f->buffer[f->pos++];
        byte_passed(f);
        return val;
    }
    if (f->phase != PHASE_RESULT)
        return 0;
    if (f->fifo_len == DATA_RESULT)
        set_irq(f, false);
    val = f->fifo[f->fifo_pos++];
    if (f->fifo_pos == f->fifo_len)
        enter_command(f);
    return val;
}

static void write_fifo(struct fdc *f, u8 val)
{
    if (f->in_reset || !(f->dor & DOR_NRESET))
        return;
    if (byte_wanted(f) && !to_host(f)) {
        f->buffer[f->pos++] = val;
        byte_passed(f);
    } else if (f->phase == PHASE_COMMAND) {
        write_command(f, val);
    }
}

static u8 main_status(const struct fdc *f)
{
    u8 val = 0;
    if (f->in_reset || !(f->dor & DOR_NRESET))
        return 0;
    for (unsigned i = 0; i < 4; i++)
        if (f->drive[i].seeking)
            val |= (u8)BIT(i);
    if (f->phase == PHASE_COMMAND)
        return (u8)(val | MSR_RQM | (f->fifo_len ? MSR_BUSY : 0));
    if (f->phase == PHASE_RESULT)
        return val | MSR_RQM | MSR_DIO | MSR_BUSY;
    val |= MSR_BUSY;
    if (non_dma(f) && f->op != OP_READ_ID && f->op != OP_VERIFY)
        val |= MSR_NONDMA;
    if (byte_wanted(f))
        val |= (u8)(MSR_RQM | (to_host(f) ? MSR_DIO : 0));
    return val;
}

static void stop(struct fdc *f)
{
    struct clock *clock = &f->dev.sys->clock;
    event_cancel(clock, &f->event);
    for (unsigned i = 0; i < 4; i++) {
        event_cancel(clock, &f->drive[i].seek_event);
        f->drive[i].seeking = f->drive[i].seek_reported = false;
    }
    dma_request(&f->dma, false);
    f->step = STEP_NONE;
    f->reset_senses = 0;
    f->pos = f->len = 0;
    enter_command(f);
    set_irq(f, false);
}

/* LOCK keeps the FIFO's parameters over a reset (6.4); SPECIFY's always survive. */
static void soft_reset(struct fdc *f)
{
    stop(f);
    if (!f->lock) {
        f->config = (u8)((f->config & CONFIG_EIS) | CONFIG_EFIFO);
        f->precompensation = 0;
    }
    f->config &= (u8)~(CONFIG_EIS | CONFIG_POLL);
    f->perpendicular &= 0x3c;
    for (unsigned i = 0; i < 4; i++)
        f->drive[i].pcn = 0;
    f->in_reset = true;
}

static void leave_reset(struct fdc *f) { next_step(f, STEP_NONE, RESET_NS); }

static void write_dor(struct fdc *f, u8 val)
{
    u8 old = f->dor;
    f->dor = val;
    if (!(val & DOR_NRESET) && (old & DOR_NRESET))
        soft_reset(f);
    else if ((val & DOR_NRESET) && !(old & DOR_NRESET))
        leave_reset(f);
    set_irq(f, f->line);
}

static void write_dsr(struct fdc *f, u8 val)
{
    f->dsr = val & 0x7f;
    f->rate = val & 3;
    if ((val & DSR_RESET) && (f->dor & DOR_NRESET)) {
        soft_reset(f);
        leave_reset(f);
    }
}

/* PS/2 mode: interrupt pending, second drive absent, step, track 0, head, write protect. */
static u8 status_a(struct fdc *f)
{
    const struct fdc_drive *d = &f->drive[f->dor & DOR_SELECT];
    return (u8)((f->line ? 0x80 : 0) | (f->drive[1].present ? 0 : 0x40) | (d->present && !d->track ? 0 : 0x10) |
                (f->head ? 0x08 : 0) | (d->disk && d->disk->readonly ? 0 : 0x02));
}

static u8 status_b(const struct fdc *f)
{
    return (u8)(0xc0 | (f->dor & 1 ? 0x20 : 0) | (f->dor >> 4 & 3));
}

static u64 port_read(void *owner, u64 off, unsigned size)
{
    struct fdc *f = owner;
    (void)size;
    switch (off) {
    case 0:
        return status_a(f);
    case 1:
        return status_b(f);
    case 2:
        return f->dor;
    case 3:
        return f->tdr;
    case 4:
        return main_status(f);
    default:
        return read_fifo(f);
    }
}

static void port_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct fdc *f = owner;
    (void)size;
    switch (off) {
    case 2:
        write_dor(f, (u8)val);
        break;
    case 3:
        f->tdr = val & 3;
        break;
    case 4:
        write_dsr(f, (u8)val);
        break;
    case 5:
        write_fifo(f, (u8)val);
        break;
    default:
        break;
    }
}

/* The change line of the selected drive; without a disk it stays up. */
static u64 dir_read(void *owner, u64 off, unsigned size)
{
    struct fdc *f = owner;
    const struct fdc_drive *d = &f->drive[f->dor & DOR_SELECT];
    (void)off;
    (void)size;
    return d->present && (d->changed || !d->disk) ? DIR_CHANGE : 0;
}

static void ccr_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct fdc *f = owner;
    (void)off;
    (void)size;
    f->rate = val & 3;
}

/* ---- media ---- */

/* The smallest format that holds the image. */
static const struct format *find_format(const struct disk *disk)
{
    if (!disk)
        return &empty_drive;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (disk->sectors <= formats[i].sectors)
            return &formats[i];
    return NULL;
}

bool fdc_fits(const struct disk *disk) { return find_format(disk) != NULL; }

u8 fdc_cmos_type(struct device *dev, unsigned n)
{
    struct fdc *f = container_of(dev, struct fdc, dev);
    return n < FDC_DRIVES && f->drive[n].present ? f->drive[n].format->cmos : 0;
}

bool fdc_change_medium(struct device *dev, unsigned n, struct disk *disk)
{
    struct fdc *f = container_of(dev, struct fdc, dev);
    struct fdc_drive *d = n < FDC_DRIVES ? &f->drive[n] : NULL;
    if (!d || !d->present || !fdc_fits(disk))
        return false;
    disk_close(d->disk);
    d->disk = disk;
    d->format = find_format(disk);
    d->changed = true;
    return true;
}

/* ---- life ---- */

static bool create_drive(struct fdc *f, unsigned n, const struct fdc_drive_config *c)
{
    struct fdc_drive *d = &f->drive[n];
    d->fdc = f;
    d->number = (u8)n;
    d->present = c && c->present;
    d->disk = d->present ? c->disk : NULL;
    d->format = find_format(d->disk);
    event_init(&d->seek_event, "fdc-seek", seek_done, d);
    if (d->format)
        return true;
    return device_fail(f->dev.sys, "'%s' is too large for a floppy disk image: %llu sectors, at most %u", d->disk->path,
                       (unsigned long long)d->disk->sectors, formats[ARRAY_LEN(formats) - 1].sectors);
}

static bool create(struct device *dev, const void *cfg)
{
    struct fdc *f = container_of(dev, struct fdc, dev);
    const struct fdc_config *c = cfg;
    for (unsigned n = 0; n < 4; n++)
        if (!create_drive(f, n, c && n < FDC_DRIVES ? &c->drive[n] : NULL))
            return false;
    if (c) {
        f->irq = c->irq;
        f->dma = c->dma;
    }
    dma_listen(&f->dma, dma_ready, f);
    event_init(&f->event, "fdc", fire, f);
    region_device(&f->low_ports, &dev->sys->io, "fdc", 0x3f0, 6, f, port_read, port_write);
    region_device(&f->dir_port, &dev->sys->io, "fdc-dir", 0x3f7, 1, f, dir_read, ccr_write);
    f->low_ports.max_access = f->dir_port.max_access = 1;
    return true;
}

static void reset(struct device *dev)
{
    struct fdc *f = container_of(dev, struct fdc, dev);
    f->lock = false;
    f->dor = f->tdr = f->dsr = 0;
    f->rate = RATE_250;
    f->config = CONFIG_EFIFO;
    f->precompensation = f->perpendicular = f->last_eot = 0;
    memset(f->specify, 0, sizeof f->specify);
    memset(f->fifo, 0, sizeof f->fifo);
    memset(f->buffer, 0, sizeof f->buffer);
    f->unit = f->head = f->c = f->h = f->r = f->n = f->eot = 0;
    f->stride = 1;
    f->track_order = f->deleted = f->tc = f->scan_missed = false;
    f->scan = f->st1 = f->st2 = f->filler = 0;
    f->count = 0;
    for (unsigned i = 0; i < 4; i++) {
        f->drive[i].track = 0;
        f->drive[i].changed = true;
        f->drive[i].seek_st0 = 0;
    }
    soft_reset(f);
}

static void restored(struct device *dev)
{
    struct fdc *f = container_of(dev, struct fdc, dev);
    f->len = MIN(f->len, SECTOR);
    f->pos = MIN(f->pos, f->len);
    f->unit &= 3;
    f->fifo_len = MIN(f->fifo_len, sizeof f->fifo);
    f->fifo_pos = MIN(f->fifo_pos, f->fifo_len);
}

static void destroy(struct device *dev)
{
    struct fdc *f = container_of(dev, struct fdc, dev);
    for (unsigned i = 0; i < FDC_DRIVES; i++)
        disk_close(f->drive[i].disk);
}

#define DRIVE(f) STATE(struct fdc_drive, f)
static const struct state_field drive_state[] = {
    HOST(struct fdc_drive, format),
    HOST(struct fdc_drive, disk),
    HOST(struct fdc_drive, fdc),
    HOST(struct fdc_drive, present),
    DRIVE(changed),
    HOST(struct fdc_drive, number),
    DRIVE(track), DRIVE(pcn), DRIVE(seeking), DRIVE(seek_reported), DRIVE(seek_st0),
    EVENT(struct fdc_drive, seek_event),
    STATE_END,
};

#define FDC(f) STATE(struct fdc, f)
static const struct state_field state[] = {
    DEVICE_STATE(struct fdc),
    HOST(struct fdc, irq),
    HOST(struct fdc, dma),
    HOST(struct fdc, low_ports),
    HOST(struct fdc, dir_port),
    EVENT(struct fdc, event),
    STRUCTS(struct fdc, drive, struct fdc_drive, drive_state),
    FDC(dor), FDC(tdr), FDC(dsr), FDC(rate), FDC(line), FDC(in_reset), FDC(reset_senses), FDC(phase), FDC(op),
    FDC(step), FDC(fifo), FDC(fifo_len), FDC(fifo_pos), FDC(fifo_need), FDC(specify), FDC(config),
    FDC(precompensation), FDC(perpendicular), FDC(last_eot), FDC(lock), FDC(unit), FDC(head), FDC(c), FDC(h), FDC(r),
    FDC(n), FDC(eot), FDC(stride), FDC(track_order), FDC(deleted), FDC(tc), FDC(scan_missed), FDC(scan), FDC(st1),
    FDC(st2), FDC(count), FDC(filler), FDC(pos), FDC(len), FDC(buffer),
    STATE_END,
};

const struct device_class fdc_class = {
    .name = "fdc",
    .size = sizeof(struct fdc),
    .state = state,
    .create = create,
    .reset = reset,
    .restored = restored,
    .destroy = destroy,
};
