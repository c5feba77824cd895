/*
 * Intel 82077AA floppy disk controller (Intel 290166) in PS/2 mode, as QEMU
 * and later PCs have it: all data, control and 82077 commands, DMA and
 * non-DMA transfers, disk change line. A disk turns at its format's data rate
 * only, which is how guests find out what is in the drive.
 *
 * Images keep no gaps, marks or foreign sector IDs: every track has sectors 1
 * to n of 512 bytes with their true C and H. FORMAT TRACK fills sectors but
 * cannot change their number; deleted marks are not kept. An image whose size
 * is no format's is a disk of the drive's own format: what the image lacks
 * reads as zeros and cannot be written, what it has more is out of reach.
 */
#include "devices/fdc/fdc_state.h"
#include "devices/pc_map.h"

enum { DRIVE_120 = 2, DRIVE_144 = 4, DRIVE_288 = 5 }; /* as CMOS has them */

/* QEMU's formats in QEMU's order, that of several with one size first: drive, tracks, heads, sectors, rate. */
static const struct format formats[] = {
    {DRIVE_144, 80, 2, 18, RATE_500},  {DRIVE_144, 80, 2, 20, RATE_500},  {DRIVE_144, 80, 2, 21, RATE_500},
    {DRIVE_144, 82, 2, 21, RATE_500},  {DRIVE_144, 83, 2, 21, RATE_500},  {DRIVE_144, 80, 2, 22, RATE_500},
    {DRIVE_144, 80, 2, 23, RATE_500},  {DRIVE_144, 80, 2, 24, RATE_500},  {DRIVE_288, 80, 2, 36, RATE_1000},
    {DRIVE_288, 80, 2, 39, RATE_1000}, {DRIVE_288, 80, 2, 40, RATE_1000}, {DRIVE_288, 80, 2, 44, RATE_1000},
    {DRIVE_288, 80, 2, 48, RATE_1000}, {DRIVE_144, 80, 2, 9, RATE_250},   {DRIVE_144, 80, 2, 10, RATE_250},
    {DRIVE_144, 82, 2, 10, RATE_250},  {DRIVE_144, 83, 2, 10, RATE_250},  {DRIVE_144, 80, 2, 13, RATE_250},
    {DRIVE_144, 80, 2, 14, RATE_250},  {DRIVE_120, 80, 2, 15, RATE_500},  {DRIVE_120, 80, 2, 18, RATE_500},
    {DRIVE_120, 82, 2, 18, RATE_500},  {DRIVE_120, 83, 2, 18, RATE_500},  {DRIVE_120, 80, 2, 20, RATE_500},
    {DRIVE_120, 80, 2, 9, RATE_250},   {DRIVE_120, 80, 2, 11, RATE_250},  {DRIVE_120, 40, 2, 9, RATE_300},
    {DRIVE_120, 40, 1, 9, RATE_300},   {DRIVE_120, 41, 2, 10, RATE_300},  {DRIVE_120, 42, 2, 10, RATE_300},
    {DRIVE_120, 40, 2, 8, RATE_250},   {DRIVE_120, 40, 1, 8, RATE_250},   {DRIVE_144, 80, 1, 9, RATE_250},
};
static const struct format no_disk = {.drive = DRIVE_288};
enum { SECTORS_MAX = 80 * 2 * 48 }; /* of the largest */

void fdc_run_step(struct fdc *f)
{
    enum fdc_step step = f->step;
    f->step = STEP_NONE;
    switch (step) {
    case STEP_NONE:
        /* the end of a reset: the drives' ready lines are polled, and all four report */
        f->in_reset = false;
        if (!(f->config & CONFIG_POLL)) {
            f->reset_senses = 4;
            fdc_set_irq(f, true);
        }
        break;
    case STEP_SECTOR:
        fdc_sector_step(f);
        break;
    case STEP_MOVE:
        fdc_move_dma(f);
        break;
    case STEP_DONE:
        fdc_buffer_done(f);
        break;
    case STEP_ID:
        fdc_found_id(f);
        break;
    }
}

static void fire(void *owner) { fdc_run_step(owner); }

/* The DMA channel became usable while a transfer waits for it. */
static void dma_ready(void *owner)
{
    struct fdc *f = owner;
    if (f->phase == PHASE_EXECUTION && f->step == STEP_NONE && f->pos < f->len && !fdc_non_dma(f))
        fdc_next_step(f, STEP_MOVE, RESUME_NS);
}

/* ---- registers ---- */

/* In the execution phase without DMA, each byte is asked for by RQM and an interrupt. */
static bool byte_wanted(const struct fdc *f)
{
    return f->phase == PHASE_EXECUTION && fdc_non_dma(f) && f->step == STEP_NONE && f->pos < f->len;
}

static void byte_passed(struct fdc *f)
{
    fdc_set_irq(f, false);
    if (f->pos < f->len)
        fdc_set_irq(f, true);
    else if (fdc_to_host(f))
        fdc_buffer_done(f);
    else /* not within a write to a register */
        fdc_next_step(f, STEP_DONE, RESUME_NS);
}

static u8 read_fifo(struct fdc *f)
{
    u8 val;
    if (byte_wanted(f) && fdc_to_host(f)) {
        val = f->buffer[f->pos++];
        byte_passed(f);
        return val;
    }
    if (f->phase != PHASE_RESULT)
        return 0;
    if (f->fifo_len == DATA_RESULT)
        fdc_set_irq(f, false);
    val = f->fifo[f->fifo_pos++];
    if (f->fifo_pos == f->fifo_len)
        fdc_enter_command(f);
    return val;
}

static void write_fifo(struct fdc *f, u8 val)
{
    if (f->in_reset || !(f->dor & DOR_NRESET))
        return;
    if (byte_wanted(f) && !fdc_to_host(f)) {
        f->buffer[f->pos++] = val;
        byte_passed(f);
    } else if (f->phase == PHASE_COMMAND) {
        fdc_write_command(f, val);
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
    if (fdc_non_dma(f) && f->op != OP_READ_ID && f->op != OP_VERIFY)
        val |= MSR_NONDMA;
    if (byte_wanted(f))
        val |= (u8)(MSR_RQM | (fdc_to_host(f) ? MSR_DIO : 0));
    return val;
}

static void stop(struct fdc *f)
{
    struct clock *clock = &f->dev.sys->clock;
    event_cancel(clock, &f->event);
    disk_cancel(&f->request);
    for (unsigned i = 0; i < 4; i++) {
        event_cancel(clock, &f->drive[i].seek_event);
        f->drive[i].seeking = f->drive[i].seek_reported = false;
    }
    dma_request(&f->dma, false);
    f->step = STEP_NONE;
    f->reset_senses = 0;
    f->pos = f->len = 0;
    fdc_enter_command(f);
    fdc_set_irq(f, false);
}

/* LOCK keeps the FIFO's parameters over a reset (6.4); SPECIFY's always survive. */
static void soft_reset(struct fdc *f)
{
    stop(f);
    if (!f->lock) {
        f->config = (u8)((f->config & CONFIG_EIS) | CONFIG_EFIFO);
        f->precompensation = 0;
    }
    f->config &= (u8) ~(CONFIG_EIS | CONFIG_POLL);
    f->perpendicular &= 0x3c;
    for (unsigned i = 0; i < 4; i++)
        f->drive[i].pcn = 0;
    f->in_reset = true;
}

static void leave_reset(struct fdc *f) { fdc_next_step(f, STEP_NONE, RESET_NS); }

static void write_dor(struct fdc *f, u8 val)
{
    u8 old = f->dor;
    f->dor = val;
    if (!(val & DOR_NRESET) && (old & DOR_NRESET))
        soft_reset(f);
    else if ((val & DOR_NRESET) && !(old & DOR_NRESET))
        leave_reset(f);
    fdc_set_irq(f, f->line);
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

static u8 status_b(const struct fdc *f) { return (u8)(0xc0 | (f->dor & 1 ? 0x20 : 0) | (f->dor >> 4 & 3)); }

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

static bool same_size(u8 a, u8 b) { return (a == DRIVE_120) == (b == DRIVE_120); }

/*
 * What is in a drive of a type, 0 for any: of the formats with the image's size that of the drive, else one of as
 * many inches; else the first of the drive, which without a type is a 2.88 MB one.
 */
static const struct format *find_format(const struct disk *disk, u8 type)
{
    const struct format *inches = NULL, *own = NULL;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        const struct format *m = &formats[i];
        if (disk->sectors == (u64)m->tracks * m->heads * m->per_track) {
            if (!type || m->drive == type)
                return m;
            if (!inches && same_size(m->drive, type))
                inches = m;
        }
        if (!own && m->drive == (type ? type : DRIVE_288))
            own = m;
    }
    return inches ? inches : own;
}

bool fdc_fits(const struct disk *disk) { return !disk || disk->sectors <= SECTORS_MAX; }

u8 fdc_cmos_type(struct device *dev, unsigned n)
{
    struct fdc *f = container_of(dev, struct fdc, dev);
    return n < FDC_DRIVES && f->drive[n].present ? f->drive[n].type : 0;
}

/* Nobody answers a step that waits for the image: it asks anew. */
static void ask_again(struct fdc *f)
{
    if (f->step != STEP_NONE && !f->event.pending)
        fdc_next_step(f, f->step, 0);
}

bool fdc_change_medium(struct device *dev, unsigned n, struct disk *disk)
{
    struct fdc *f = container_of(dev, struct fdc, dev);
    struct fdc_drive *d = n < FDC_DRIVES ? &f->drive[n] : NULL;
    if (!d || !d->present || !fdc_fits(disk))
        return false;
    disk_cancel(&f->request);
    disk_close(d->disk);
    d->disk = disk;
    d->format = disk ? find_format(disk, d->type) : &no_disk;
    d->changed = true;
    ask_again(f);
    return true;
}

bool fdc_look_at_drive(struct device *dev, unsigned n, struct disk **disk)
{
    struct fdc *f = container_of(dev, struct fdc, dev);
    if (n >= FDC_DRIVES || !f->drive[n].present)
        return false;
    *disk = f->drive[n].disk;
    return true;
}

/* ---- life ---- */

static bool create_drive(struct fdc *f, unsigned n, const struct fdc_drive_config *c)
{
    struct fdc_drive *d = &f->drive[n];
    d->fdc = f;
    d->number = (u8)n;
    d->present = c && c->present;
    event_init(&d->seek_event, "fdc-seek", fdc_seek_done, d);
    struct disk *disk = d->present ? c->disk : NULL;
    if (!fdc_fits(disk))
        return device_fail(f->dev.sys, "'%s' is too large for a floppy disk image: %llu sectors, at most %u",
                           disk->path, (unsigned long long)disk->sectors, SECTORS_MAX);
    d->disk = disk;
    d->format = disk ? find_format(disk, 0) : &no_disk;
    d->type = d->format->drive;
    return true;
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
    region_device(&f->low_ports, &dev->sys->io, "fdc", PC_PORT_FDC, 6, f, port_read, port_write);
    region_device(&f->dir_port, &dev->sys->io, "fdc-dir", PC_PORT_FDC_DIR, 1, f, dir_read, ccr_write);
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

static const char *contradiction(const struct device *copy)
{
    const struct fdc *f = container_of(copy, struct fdc, dev);
    if (f->pos > f->len)
        return "'pos' lies behind 'len'";
    if (f->phase == PHASE_RESULT && f->fifo_pos >= f->fifo_len)
        return "'fifo_pos' lies behind the 'fifo_len' bytes of a result";
    if (f->phase == PHASE_COMMAND && f->fifo_len && f->fifo_len >= f->fifo_need)
        return "'fifo_len' bytes are more than the 'fifo_need' of a command";
    return NULL;
}

static void restored(struct device *dev) { ask_again(container_of(dev, struct fdc, dev)); }

static void destroy(struct device *dev)
{
    struct fdc *f = container_of(dev, struct fdc, dev);
    for (unsigned i = 0; i < FDC_DRIVES; i++)
        disk_close(f->drive[i].disk);
}

#define DRIVE(f) STATE(struct fdc_drive, f)
static const struct state_field drive_state[] = {
    HOST(struct fdc_drive, format),
    HOST(struct fdc_drive, type),
    HOST(struct fdc_drive, disk),
    HOST(struct fdc_drive, fdc),
    HOST(struct fdc_drive, present),
    DRIVE(changed),
    HOST(struct fdc_drive, number),
    STATE_RANGE(struct fdc_drive, track, 0, STEPS_MAX),
    DRIVE(pcn),
    DRIVE(seeking),
    DRIVE(seek_reported),
    DRIVE(seek_st0),
    EVENT(struct fdc_drive, seek_event),
    STATE_END,
};

#define FDC(f)               STATE(struct fdc, f)
#define FDC_RANGE(f, lo, hi) STATE_RANGE(struct fdc, f, lo, hi)
static const struct state_field state[] = {
    DEVICE_STATE(struct fdc),
    HOST(struct fdc, irq),
    HOST(struct fdc, dma),
    HOST(struct fdc, low_ports),
    HOST(struct fdc, dir_port),
    EVENT(struct fdc, event),
    STRUCTS(struct fdc, drive, struct fdc_drive, drive_state),
    FDC(dor),
    FDC(tdr),
    FDC(dsr),
    FDC_RANGE(rate, 0, 3),
    FDC(line),
    FDC(in_reset),
    FDC_RANGE(reset_senses, 0, 4),
    FDC_RANGE(phase, 0, PHASE_RESULT),
    FDC_RANGE(op, 0, OP_READ_ID),
    FDC_RANGE(step, 0, STEP_ID),
    FDC(fifo),
    FDC_RANGE(fifo_len, 0, RESULT_MAX),
    FDC_RANGE(fifo_pos, 0, RESULT_MAX),
    FDC_RANGE(fifo_need, 0, COMMAND_MAX),
    FDC(specify),
    FDC(config),
    FDC(precompensation),
    FDC(perpendicular),
    FDC(last_eot),
    FDC(lock),
    FDC_RANGE(unit, 0, 3),
    FDC_RANGE(head, 0, 1),
    FDC(c),
    FDC(h),
    FDC(r),
    FDC(n),
    FDC(eot),
    FDC_RANGE(stride, 1, 2),
    FDC(track_order),
    FDC(deleted),
    FDC(tc),
    FDC(scan_missed),
    FDC(scan),
    FDC(st1),
    FDC(st2),
    FDC(count),
    FDC(filler),
    FDC_RANGE(pos, 0, SECTOR),
    FDC_RANGE(len, 0, SECTOR),
    FDC(buffer),
    HOST(struct fdc, request),
    HOST(struct fdc, memory),
    HOST(struct fdc, media),
    HOST(struct fdc, answered),
    HOST(struct fdc, answer),
    STATE_END,
};

const struct device_class fdc_class = {
    .name = "isa-fdc",
    .description = "floppy disk controller",
    .size = sizeof(struct fdc),
    .state = state,
    .create = create,
    .reset = reset,
    .contradiction = contradiction,
    .restored = restored,
    .destroy = destroy,
};
