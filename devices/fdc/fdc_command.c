/*
 * 82077AA commands (Intel 290166, chapter 5 and 6): the three phases of each,
 * seeking, and what the result bytes say. Sectors themselves are fdc_data.c's.
 */
#include "devices/fdc/fdc_state.h"

/* ---- interrupt and phases ---- */

void fdc_set_irq(struct fdc *f, bool level)
{
    f->line = level;
    irq_set(&f->irq, level && (f->dor & DOR_GATE));
}

void fdc_enter_command(struct fdc *f)
{
    f->phase = PHASE_COMMAND;
    f->op = OP_NONE;
    f->fifo_len = f->fifo_pos = 0;
    f->fifo_need = 0;
}

void fdc_enter_result(struct fdc *f, const u8 *bytes, u8 n)
{
    memcpy(f->fifo, bytes, n);
    f->phase = PHASE_RESULT;
    f->op = OP_NONE;
    f->fifo_len = n;
    f->fifo_pos = 0;
    dma_request(&f->dma, false);
}

static void result_byte(struct fdc *f, u8 val) { fdc_enter_result(f, &val, 1); }
static void invalid(struct fdc *f) { result_byte(f, ST0_INVALID); }

void fdc_next_step(struct fdc *f, enum fdc_step step, u64 ns)
{
    struct clock *clock = &f->dev.sys->clock;
    f->step = (u8)step;
    if (ns == WHEN_ANSWERED)
        event_cancel(clock, &f->event);
    else
        event_at(clock, &f->event, clock_now(clock) + ns);
}

/* The seven result bytes of a data command (6.1), with an interrupt. */
void fdc_end_data(struct fdc *f, u8 st0)
{
    const u8 result[DATA_RESULT] = {(u8)(st0 | f->head << 2 | f->unit), f->st1, f->st2, f->c, f->h, f->r, f->n};
    event_cancel(&f->dev.sys->clock, &f->event);
    f->step = STEP_NONE;
    fdc_enter_result(f, result, sizeof result);
    trace(f->dev.sys->trace, fdc, "result %02x %02x %02x %02x %02x %02x %02x", result[0], result[1], result[2],
          result[3], result[4], result[5], result[6]);
    fdc_set_irq(f, true);
}

void fdc_fail(struct fdc *f, u8 st1, u8 st2)
{
    f->st1 |= st1;
    f->st2 |= st2;
    fdc_end_data(f, ST0_ABNORMAL);
}

/* ---- seeking ---- */

void fdc_seek_done(void *owner)
{
    struct fdc_drive *d = owner;
    d->seeking = false;
    d->seek_reported = true;
    fdc_set_irq(d->fdc, true);
}

/* Moves the heads; a step pulse with a disk in the drive resets the change line. */
u64 fdc_move_heads(struct fdc_drive *d, u8 track)
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
    fdc_enter_command(f);
}

static void seek(struct fdc *f)
{
    struct fdc_drive *d = &f->drive[f->fifo[1] & 3];
    f->unit = d->number;
    f->head = f->fifo[1] >> 2 & 1;
    /* The controller steps by the difference to where it thinks the heads are. */
    int to = d->track + (f->fifo[2] - d->pcn);
    u64 ns = d->present ? fdc_move_heads(d, (u8)MAX(0, MIN(to, STEPS_MAX))) : 0;
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
    u64 ns = d->present ? fdc_move_heads(d, (u8)MAX(0, MIN(to, STEPS_MAX))) : 0;
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
    u64 ns =
        d->present ? fdc_move_heads(d, found ? 0 : (u8)(track - (RECALIBRATE_STEPS - 1))) : RECALIBRATE_STEPS * STEP_NS;
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
    d = fdc_selected(f);
    if (!d->present || !d->disk || !(p[0] & OPTION_MFM)) {
        fdc_fail(f, ST1_NO_MARK, 0);
        return false;
    }
    if ((f->config & CONFIG_EIS) && op != OP_FORMAT && d->pcn != f->c) {
        fdc_move_heads(d, f->c);
        d->pcn = f->c;
    }
    if ((op == OP_WRITE || op == OP_FORMAT) && d->disk->readonly) {
        fdc_fail(f, ST1_NOT_WRITABLE, 0);
        return false;
    }
    return true;
}

static void read_data(struct fdc *f)
{
    if (!start_data(f, OP_READ))
        return;
    f->deleted = (f->fifo[0] & 0x1f) == 0x0c;
    fdc_next_step(f, STEP_SECTOR, SECTOR_NS);
}

/* Every sector from the index hole on, EOT of them, whatever R says. */
static void read_track(struct fdc *f)
{
    if (!start_data(f, OP_READ))
        return;
    f->track_order = true;
    f->r = 1;
    f->fifo[0] &= (u8)~OPTION_MT;
    fdc_next_step(f, STEP_SECTOR, SECTOR_NS);
}

static void write_data(struct fdc *f)
{
    if (start_data(f, OP_WRITE))
        fdc_next_step(f, STEP_SECTOR, SECTOR_NS);
}

/* With EC the last parameter counts sectors, otherwise EOT ends it (6.1.3). */
static void verify(struct fdc *f)
{
    bool ec = f->fifo[1] & 0x80;
    if (!start_data(f, OP_VERIFY))
        return;
    f->count = ec ? f->fifo[8] ? f->fifo[8] : 256 : 0;
    fdc_next_step(f, STEP_SECTOR, SECTOR_NS);
}

static void scan(struct fdc *f)
{
    if (!start_data(f, OP_SCAN))
        return;
    f->scan = f->fifo[0] & 0x1f;
    f->stride = f->fifo[8] == 2 ? 2 : 1;
    fdc_next_step(f, STEP_SECTOR, SECTOR_NS);
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
    const struct fdc_drive *d = fdc_selected(f);
    if (!fdc_readable(f, d) || f->n != 2 || f->count != d->format->per_track)
        fdc_fail(f, ST1_NO_MARK, 0); /* an image cannot be given other tracks than it has */
    else
        fdc_next_step(f, STEP_SECTOR, SECTOR_NS);
}

static void read_id(struct fdc *f)
{
    f->unit = f->fifo[1] & 3;
    f->head = f->fifo[1] >> 2 & 1;
    f->op = OP_READ_ID;
    f->phase = PHASE_EXECUTION;
    f->st1 = f->st2 = 0;
    f->pos = f->len = 0;
    fdc_next_step(f, STEP_ID, fdc_readable(f, fdc_selected(f)) ? SECTOR_NS : ID_NS);
}

static void specify(struct fdc *f)
{
    f->specify[0] = f->fifo[1];
    f->specify[1] = f->fifo[2];
    fdc_enter_command(f);
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
        fdc_enter_result(f, result, 2);
        fdc_set_irq(f, false);
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        struct fdc_drive *d = &f->drive[i];
        if (!d->seek_reported)
            continue;
        d->seek_reported = false;
        result[0] = d->seek_st0;
        result[1] = d->pcn;
        fdc_enter_result(f, result, 2);
        fdc_set_irq(f, false);
        while (++i < 4)
            if (f->drive[i].seek_reported)
                fdc_set_irq(f, true);
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
    fdc_enter_command(f);
}

static void configure(struct fdc *f)
{
    f->config = f->fifo[2] & 0x7f;
    f->precompensation = f->fifo[3];
    fdc_enter_command(f);
}

static void lock(struct fdc *f)
{
    f->lock = f->fifo[0] & 0x80;
    result_byte(f, f->lock ? 0x10 : 0);
}

static void dump_registers(struct fdc *f)
{
    const u8 result[10] = {
        f->drive[0].pcn, f->drive[1].pcn,   f->drive[2].pcn, f->drive[3].pcn,
        f->specify[0],   f->specify[1],     f->last_eot,     (u8)((f->lock ? 0x80 : 0) | f->perpendicular),
        f->config,       f->precompensation};
    fdc_enter_result(f, result, sizeof result);
}

/* Table 6-1. The masks leave out the option bits MT, MFM and SK. */
static const struct command {
    u8 mask, code, bytes;
    void (*run)(struct fdc *f);
} commands[] = {
    {0x1f, 0x06, 9, read_data},
    {0x1f, 0x0c, 9, read_data},
    {0x3f, 0x05, 9, write_data},
    {0x3f, 0x09, 9, write_data},
    {0x9f, 0x02, 9, read_track},
    {0x1f, 0x16, 9, verify},
    {0xff, 0x10, 1, version},
    {0xbf, 0x0d, 6, format_track},
    {0x1f, 0x11, 9, scan},
    {0x1f, 0x19, 9, scan},
    {0x1f, 0x1d, 9, scan},
    {0xff, 0x07, 2, recalibrate},
    {0xff, 0x08, 1, sense_interrupt},
    {0xff, 0x03, 3, specify},
    {0xff, 0x04, 2, sense_drive},
    {0xff, 0x13, 4, configure},
    {0xff, 0x0f, 3, seek},
    {0xbf, 0x8f, 3, relative_seek},
    {0xff, 0x0e, 1, dump_registers},
    {0xbf, 0x0a, 2, read_id},
    {0xff, 0x12, 2, perpendicular},
    {0x7f, 0x14, 1, lock},
};

static const struct command *find_command(u8 first)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if ((first & commands[i].mask) == commands[i].code)
            return &commands[i];
    return NULL;
}

void fdc_write_command(struct fdc *f, u8 val)
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
