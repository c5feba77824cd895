/*
 * PIIX3 IDE (Intel 290550, chapter 2.3 and 2.6): configuration, the two
 * channels' register blocks (ATA/ATAPI-7 volume 2) and the bus-master engine
 * (SFF-8038i). Commands are ata.c's and atapi.c's; this file knows registers,
 * interrupts, resets and how bytes move.
 *
 * The channels decode whether or not IDETIM enables them, as on QEMU, and the
 * timing registers keep what is written. A channel without drives reads as 0.
 * Beside a drive that is there, an absent one has a task file that keeps what
 * is written and resets to a signature of no device, FFFFh, so that software
 * which looks at it sees no second CD-ROM; its error and status are 0.
 */
#include "devices/ide/ide.h"

#include <errno.h>

#include "devices/core/dma.h"
#include "devices/ide/ide_drive.h"
#include "devices/pc_map.h"

enum { REG_DATA, REG_ERROR, REG_COUNT, REG_LBA_LOW, REG_LBA_MID, REG_LBA_HIGH, REG_DEVICE, REG_STATUS };
enum { CONTROL_NIEN = BIT(1), CONTROL_SRST = BIT(2), CONTROL_HOB = BIT(7) };
enum { BM_COMMAND = 0, BM_STATUS = 2, BM_PRDT = 4 };
enum { BM_START = BIT(0), BM_TO_MEMORY = BIT(3) };
enum { BM_ACTIVE = BIT(0), BM_ERROR = BIT(1), BM_INTERRUPT = BIT(2), BM_CAPABLE = 0x60 };
enum { COMMAND_DEVICE_RESET = 0x08, COMMAND_DIAGNOSTIC = 0x90, COMMAND_PACKET = 0xa0 };

struct ide;
struct ide_channel {
    struct ide *ide;
    struct bus bus;
    struct irq irq;
    struct region command_ports, control_port;
    struct ide_drive drive[2];
    u8 selected, control;
    bool line;
    u8 bm_command, bm_status;
    u32 bm_prdt;
    /* where the transfer stands in the PRD table */
    struct ide_prd prd;
};

struct ide {
    struct device dev;
    struct pci_device pci;
    struct region bm_ports;
    struct ide_channel channel[2];
};

struct trace *ide_trace(const struct ide_drive *d) { return d->channel->ide->dev.sys->trace; }
static struct system *system_of(const struct ide_channel *ch) { return ch->ide->dev.sys; }

/* ---- interrupts ---- */

/* INTRQ is the selected drive's, unless nIEN keeps it in. */
static void update_line(struct ide_channel *ch)
{
    const struct ide_drive *d = &ch->drive[ch->selected];
    bool line = d->present && d->intrq && !(ch->control & CONTROL_NIEN);
    if (line && !ch->line)
        ch->bm_status |= BM_INTERRUPT;
    if (line != ch->line) {
        ch->line = line;
        irq_set(&ch->irq, line);
    }
}

void ide_interrupt(struct ide_drive *d)
{
    d->intrq = true;
    update_line(d->channel);
}

static void acknowledge(struct ide_drive *d)
{
    d->intrq = false;
    update_line(d->channel);
}

/* ---- the course of a command ---- */

void ide_next(struct ide_drive *d, enum ide_step step, u64 ns)
{
    struct clock *clock = &system_of(d->channel)->clock;
    d->status = IDE_BSY;
    d->step = (u8)step;
    if (ns == IDE_WHEN_ANSWERED)
        event_cancel(clock, &d->event);
    else
        event_at(clock, &d->event, clock_now(clock) + ns);
}

void ide_open_window(struct ide_drive *d, u32 pos, u32 len, bool in)
{
    d->pos = pos;
    d->end = pos + len;
    d->window_in = in;
    d->status = IDE_DRDY | IDE_DSC | IDE_DRQ;
}

/* The end of what was mapped for a request. */
static void unmap(struct ide_drive *d)
{
    for (unsigned i = 0; i < d->maps; i++)
        dma_unmap(&d->channel->ide->pci.dma, &d->map[i], d->map[i].len);
    d->maps = 0;
}

static void take_back(struct ide_drive *d)
{
    disk_cancel(&d->request);
    unmap(d);
}

static void stop(struct ide_drive *d)
{
    event_cancel(&system_of(d->channel)->clock, &d->event);
    take_back(d);
    d->step = IDE_IDLE;
    d->trimmed = 0;
    d->dma_wait = false;
    d->pos = d->end = 0;
}

void ide_complete(struct ide_drive *d)
{
    d->status = IDE_DRDY | IDE_DSC;
    ide_interrupt(d);
}

void ide_fail(struct ide_drive *d, u8 status, u8 error)
{
    trace(ide_trace(d), ide, "ide%u: command %02x fails: status %02x error %02x", d->number, d->command,
          (unsigned)(status | IDE_ERR), error);
    d->error = error;
    d->status = (u8)(IDE_DRDY | IDE_DSC | IDE_ERR | status);
    ide_interrupt(d);
}

/* After a reset or a diagnostic. */
static u8 resting_status(const struct ide_drive *d) { return d->present && !d->cdrom ? IDE_DRDY | IDE_DSC : 0; }

static void run_step(struct ide_drive *d)
{
    enum ide_step step = d->step;
    bool packet = d->command == COMMAND_PACKET && d->cdrom;
    d->step = IDE_IDLE;
    switch (step) {
    case IDE_IDLE:
        break;
    case IDE_STEP_RESET:
        ide_signature(d);
        d->error = 1;
        d->status = resting_status(d);
        break;
    case IDE_STEP_COMMAND:
        ata_command(d);
        break;
    case IDE_STEP_WINDOW:
        (packet ? atapi_window_done : ata_window_done)(d);
        break;
    case IDE_STEP_DMA:
        d->dma_wait = false;
        (packet ? atapi_dma : ata_dma)(d);
        break;
    }
}

static void fire(void *owner)
{
    struct ide_drive *d = owner;
    d->work_limit = system_of(d->channel)->mem.work + WORK_SLICE;
    run_step(d);
}

/* ---- the image ---- */

static void answered(void *owner, int err)
{
    struct ide_drive *d = owner;
    d->answered = true;
    d->answer = err;
    run_step(d);
    d->answered = false;
}

/* What the vector has been filled in for. */
static int ask(struct ide_drive *d, enum disk_op op, u64 sector, u32 count, bool fua)
{
    u64 bytes = (u64)count * IDE_SECTOR;
    int err = d->answer;
    if (!d->answered) {
        d->request.op = op;
        d->request.fua = fua;
        d->request.sector = sector;
        d->request.count = count;
        d->request.vec = d->memory;
        d->request.done = answered;
        d->request.owner = d;
        err = disk_submit(d->disk, &d->request);
    }
    d->answered = false;
    if (err != -EINPROGRESS) /* it is work too */
        system_of(d->channel)->mem.work += op == DISK_READ || op == DISK_WRITE ? bytes : IDE_SECTOR;
    return err;
}

int ide_ask(struct ide_drive *d, enum disk_op op, u64 sector, u32 count, void *buf, bool fua)
{
    if (!d->answered) {
        d->memory[0] = (struct iovec){buf, (size_t)count * IDE_SECTOR};
        d->request.nvec = 1;
    }
    return ask(d, op, sector, count, fua);
}

void ide_signature(struct ide_drive *d)
{
    u16 kind = !d->present ? 0xffff : d->cdrom ? 0xeb14 : 0;
    d->now = (struct ide_taskfile){.count = 1, .lba = {1, (u8)kind, (u8)(kind >> 8)}};
    d->hob = (struct ide_taskfile){0};
    d->device = 0;
}

void ide_diagnose(struct ide_drive *d)
{
    struct ide_channel *ch = d->channel;
    ch->selected = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct ide_drive *each = &ch->drive[i];
        stop(each);
        ide_signature(each);
        each->error = each->present;
        each->status = resting_status(each);
    }
    ide_interrupt(&ch->drive[ch->drive[0].present ? 0 : 1]);
}

static void write_command(struct ide_channel *ch, u8 val)
{
    struct ide_drive *d = &ch->drive[ch->selected];
    if (!d->present) {
        /* Device 0 also carries out a diagnostic addressed to an absent device 1. */
        if (val != COMMAND_DIAGNOSTIC || !ch->drive[0].present)
            return;
        d = &ch->drive[0];
    }
    bool reset = val == COMMAND_DEVICE_RESET && d->cdrom;
    if ((d->status & (IDE_BSY | IDE_DRQ) && !reset) || d->asleep)
        return;
    trace(ide_trace(d), ide,
          "ide%u: command %02x feature %02x count %02x lba %02x%02x%02x hob %02x %02x%02x%02x device %02x", d->number,
          val, d->now.feature, d->now.count, d->now.lba[2], d->now.lba[1], d->now.lba[0], d->hob.count, d->hob.lba[2],
          d->hob.lba[1], d->hob.lba[0], d->device);
    stop(d);
    acknowledge(d);
    d->command = val;
    d->error = 0;
    if (!d->cdrom && ata_takes_data(val))
        ata_command(d); /* DRQ at once: xv6 sends the first sector without looking */
    else
        ide_next(d, IDE_STEP_COMMAND, IDE_COMMAND_NS);
}

static void write_control(struct ide_channel *ch, u8 val)
{
    bool was = ch->control & CONTROL_SRST, now = val & CONTROL_SRST;
    ch->control = val;
    for (unsigned i = 0; i < 2 && was != now; i++) {
        struct ide_drive *d = &ch->drive[i];
        ch->selected = 0;
        if (!d->present) {
            ide_signature(d);
            continue;
        }
        d->intrq = false;
        d->asleep = false;
        d->power = 0xff;
        if (d->cdrom)
            atapi_reset(d);
        if (now) {
            stop(d);
            d->status = IDE_BSY;
        } else {
            ide_next(d, IDE_STEP_RESET, IDE_RESET_NS);
        }
    }
    update_line(ch);
}

/* ---- registers ---- */

static u64 read_data(struct ide_drive *d, unsigned size)
{
    unsigned width = size == 1 ? 2 : size; /* the port is 16 bits wide: a byte read takes a word */
    u8 bytes[4] = {0};
    if (!(d->status & IDE_DRQ) || !d->window_in)
        return 0;
    unsigned n = MIN(width, d->end - d->pos);
    memcpy(bytes, d->buffer + d->pos, n);
    d->pos += n;
    if (d->pos == d->end)
        (d->command == COMMAND_PACKET && d->cdrom ? atapi_window_done : ata_window_done)(d);
    return ld32(bytes) & size_mask(size);
}

static void write_data(struct ide_drive *d, u64 val, unsigned size)
{
    unsigned width = size == 1 ? 2 : size;
    u8 bytes[4];
    if (!(d->status & IDE_DRQ) || d->window_in)
        return;
    unsigned n = MIN(width, d->end - d->pos);
    st32(bytes, (u32)val);
    memcpy(d->buffer + d->pos, bytes, n);
    d->pos += n;
    if (d->pos == d->end)
        ide_next(d, IDE_STEP_WINDOW, IDE_BLOCK_NS);
}

static u8 read_status(struct ide_channel *ch)
{
    const struct ide_drive *d = &ch->drive[ch->selected];
    return d->present ? d->status : 0;
}

static u8 read_register(struct ide_channel *ch, unsigned reg)
{
    struct ide_drive *d = &ch->drive[ch->selected];
    if (!ch->drive[0].present && !ch->drive[1].present)
        return 0;
    const struct ide_taskfile *t = ch->control & CONTROL_HOB ? &d->hob : &d->now;
    switch (reg) {
    case REG_ERROR:
        return d->error;
    case REG_COUNT:
        return t->count;
    case REG_LBA_LOW:
    case REG_LBA_MID:
    case REG_LBA_HIGH:
        return t->lba[reg - REG_LBA_LOW];
    case REG_DEVICE:
        return (u8)(d->device | 0xa0 | (ch->selected ? IDE_DEV : 0));
    case REG_STATUS:
        acknowledge(&ch->drive[ch->selected]);
        return read_status(ch);
    default:
        return 0;
    }
}

/* Both drives listen to the task file; a register written while its drive is busy keeps its value. */
static void write_taskfile(struct ide_channel *ch, unsigned reg, u8 val)
{
    ch->control &= (u8)~CONTROL_HOB;
    for (unsigned i = 0; i < 2; i++) {
        struct ide_drive *d = &ch->drive[i];
        if (d->status & IDE_BSY)
            continue;
        u8 *now = reg == REG_ERROR   ? &d->now.feature
                  : reg == REG_COUNT ? &d->now.count
                                     : &d->now.lba[reg - REG_LBA_LOW];
        u8 *hob = reg == REG_ERROR   ? &d->hob.feature
                  : reg == REG_COUNT ? &d->hob.count
                                     : &d->hob.lba[reg - REG_LBA_LOW];
        *hob = *now;
        *now = val;
    }
}

static void write_device(struct ide_channel *ch, u8 val)
{
    ch->control &= (u8)~CONTROL_HOB;
    if (ch->drive[ch->selected].status & IDE_BSY)
        return;
    for (unsigned i = 0; i < 2; i++)
        ch->drive[i].device = val;
    ch->selected = val & IDE_DEV ? 1 : 0;
    update_line(ch);
}

static u64 command_read(void *owner, u64 off, unsigned size)
{
    struct ide_channel *ch = owner;
    u64 val = 0;
    if (off == REG_DATA)
        return read_data(&ch->drive[ch->selected], size);
    for (unsigned i = 0; i < size; i++)
        val |= (u64)read_register(ch, (unsigned)off + i) << 8 * i;
    return val;
}

static void command_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct ide_channel *ch = owner;
    if (off == REG_DATA) {
        write_data(&ch->drive[ch->selected], val, size);
        return;
    }
    for (unsigned reg = (unsigned)off; reg < off + size; reg++, val >>= 8) {
        if (reg == REG_STATUS)
            write_command(ch, (u8)val);
        else if (reg == REG_DEVICE)
            write_device(ch, (u8)val);
        else
            write_taskfile(ch, reg, (u8)val);
    }
}

static u64 control_read(void *owner, u64 off, unsigned size)
{
    (void)off;
    (void)size;
    return read_status(owner);
}

static void control_write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)off;
    (void)size;
    write_control(owner, (u8)val);
}

/* ---- bus master (SFF-8038i) ---- */

static void dma_go(struct ide_channel *ch)
{
    for (unsigned i = 0; i < 2; i++) {
        struct ide_drive *d = &ch->drive[i];
        if (d->dma_wait && d->step == IDE_IDLE)
            ide_next(d, IDE_STEP_DMA, IDE_BLOCK_NS + (u64)d->left * IDE_DMA_SECTOR_NS / (d->cdrom ? IDE_SECTOR : 1u));
    }
}

void ide_dma_request(struct ide_drive *d, bool to_memory)
{
    d->dma_wait = true;
    d->dma_to_memory = to_memory;
    d->status = IDE_BSY;
    if (d->channel->bm_command & BM_START)
        dma_go(d->channel);
}

/* The next entry of the table; false at its end. */
static bool fetch_prd(struct ide_channel *ch)
{
    u8 prd[8];
    if (ch->prd.last)
        return false;
    if (!dma_read(&ch->ide->pci.dma, ch->prd.next, prd, sizeof prd)) {
        ch->bm_status |= BM_ERROR;
        return false;
    }
    ch->prd.next += 8;
    ch->prd.address = ld32(prd) & ~1u;
    ch->prd.left = ld16(prd + 4) & 0xfffe;
    if (!ch->prd.left)
        ch->prd.left = 0x10000;
    ch->prd.last = prd[7] & 0x80;
    return true;
}

bool ide_limit_reached(const struct ide_drive *d) { return system_of(d->channel)->mem.work >= d->work_limit; }

enum ide_dma ide_dma_move(struct ide_drive *d)
{
    struct ide_channel *ch = d->channel;
    const struct dma_view *mem = &ch->ide->pci.dma;
    while (d->pos < d->end) {
        if (ide_limit_reached(d))
            return IDE_DMA_MORE;
        if (!ch->prd.left && !fetch_prd(ch))
            return IDE_DMA_SHORT;
        u32 part = MIN(ch->prd.left, d->end - d->pos);
        if (d->dma_to_memory)
            dma_write(mem, ch->prd.address, d->buffer + d->pos, part);
        else
            dma_read(mem, ch->prd.address, d->buffer + d->pos, part);
        ch->prd.address += part;
        ch->prd.left -= part;
        d->pos += part;
    }
    return IDE_DMA_DONE;
}

/*
 * Maps RAM that the table names from here on, as much as holds whole sectors, 'most' bytes of it; how many bytes. The
 * table's place moves behind it.
 */
static u32 map_table(struct ide_drive *d, u32 most)
{
    struct ide_channel *ch = d->channel;
    u32 bytes = 0;
    while (bytes < most && d->maps < DISK_VECTORS && (ch->prd.left || fetch_prd(ch))) {
        struct dma_map *m = &d->map[d->maps];
        if (!dma_map(&ch->ide->pci.dma, ch->prd.address, MIN(ch->prd.left, most - bytes), d->dma_to_memory, m))
            break;
        d->maps++;
        ch->prd.address += (u32)m->len;
        ch->prd.left -= (u32)m->len;
        bytes += (u32)m->len;
    }
    u32 excess = bytes % IDE_SECTOR;
    struct dma_map *last = d->maps ? &d->map[d->maps - 1] : NULL;
    if (!excess)
        return bytes;
    if (excess >= last->len) /* a sector in small pieces */
        return 0;
    last->len -= excess;
    ch->prd.address -= excess;
    ch->prd.left += excess;
    return bytes - excess;
}

u32 ide_dma_map(struct ide_drive *d, u32 sectors)
{
    struct ide_prd *at = &d->channel->prd, before = *at;
    if (d->answered && d->maps)
        return d->mapped;
    d->maps = 0;
    d->mapped = map_table(d, MIN(sectors, IDE_DIRECT) * IDE_SECTOR) / IDE_SECTOR;
    d->mapped_to = *at;
    *at = before;
    if (!d->mapped)
        d->maps = 0;
    for (unsigned i = 0; i < d->maps; i++)
        d->memory[i] = (struct iovec){d->map[i].host, d->map[i].len};
    d->request.nvec = d->maps;
    return d->mapped;
}

int ide_ask_mapped(struct ide_drive *d, bool fua)
{
    int err = ask(d, d->dma_to_memory ? DISK_READ : DISK_WRITE, d->lba, d->mapped, fua);
    if (err == -EINPROGRESS)
        return err;
    unmap(d);
    if (!err)
        d->channel->prd = d->mapped_to;
    return err;
}

void ide_dma_again(struct ide_drive *d, u64 ns)
{
    d->dma_wait = true;
    ide_next(d, IDE_STEP_DMA, ns);
}

/*
 * Active clears with the table's end. A table longer than the transfer leaves Active set beside the
 * interrupt; one too short ends the transfer without an interrupt (SFF-8038i, 3.1).
 */
void ide_dma_end(struct ide_drive *d, bool complete)
{
    struct ide_channel *ch = d->channel;
    if (!complete || (ch->prd.last && !ch->prd.left))
        ch->bm_status &= (u8)~BM_ACTIVE;
    if (!complete)
        d->status = IDE_DRDY | IDE_DSC;
    d->pos = d->end = 0;
}

static void write_bm_command(struct ide_channel *ch, u8 val)
{
    bool was = ch->bm_command & BM_START, now = val & BM_START;
    ch->bm_command = val & (BM_START | BM_TO_MEMORY);
    if (now && !was) {
        ch->bm_status |= BM_ACTIVE;
        ch->prd.next = ch->bm_prdt;
        ch->prd.left = 0;
        ch->prd.last = false;
        dma_go(ch);
    } else if (was && !now) {
        ch->bm_status &= (u8)~BM_ACTIVE;
        for (unsigned i = 0; i < 2; i++) {
            struct ide_drive *d = &ch->drive[i];
            if (d->step != IDE_STEP_DMA)
                continue;
            /* Stopped in the middle: the drive waits for a master that may never come back. */
            event_cancel(&system_of(ch)->clock, &d->event);
            take_back(d);
            d->step = IDE_IDLE;
        }
    }
}

static void write_bm_byte(struct ide_channel *ch, unsigned off, u8 val)
{
    if (off == BM_COMMAND) {
        write_bm_command(ch, val);
    } else if (off == BM_STATUS) {
        ch->bm_status &= (u8) ~(val & (BM_ERROR | BM_INTERRUPT));
        ch->bm_status = (u8)((ch->bm_status & ~BM_CAPABLE) | (val & BM_CAPABLE));
    } else if (off >= BM_PRDT) {
        unsigned shift = 8 * (off - BM_PRDT);
        ch->bm_prdt = (ch->bm_prdt & ~(0xffu << shift)) | (u32)val << shift;
        ch->bm_prdt &= ~3u;
    }
}

static u64 bm_read(void *owner, u64 off, unsigned size)
{
    struct ide *ide = owner;
    u64 val = 0;
    for (unsigned i = 0; i < size; i++) {
        unsigned at = (unsigned)off + i, reg = at & 7;
        const struct ide_channel *ch = &ide->channel[at >> 3 & 1];
        u8 byte = reg == BM_COMMAND  ? ch->bm_command
                  : reg == BM_STATUS ? ch->bm_status
                  : reg >= BM_PRDT   ? (u8)(ch->bm_prdt >> 8 * (reg - BM_PRDT))
                                     : 0;
        val |= (u64)byte << 8 * i;
    }
    return val;
}

static void bm_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct ide *ide = owner;
    trace(ide->dev.sys->trace, ide, "bus master %x <- %0*llx", (unsigned)off, (int)size * 2, (unsigned long long)val);
    for (unsigned i = 0; i < size; i++, val >>= 8) {
        unsigned at = (unsigned)off + i;
        write_bm_byte(&ide->channel[at >> 3 & 1], at & 7, (u8)val);
    }
}

/* Nobody answers a step that waits for the image: it asks anew. */
static void ask_again(struct ide_drive *d)
{
    struct clock *clock = &system_of(d->channel)->clock;
    if (d->step != IDE_IDLE && !d->event.pending)
        event_at(clock, &d->event, clock_now(clock));
}

/* ---- what the board asks ---- */

static struct ide_drive *drive_number(struct device *dev, unsigned n)
{
    struct ide *ide = container_of(dev, struct ide, dev);
    struct ide_drive *d = n < IDE_DRIVES ? &ide->channel[n / 2].drive[n % 2] : NULL;
    return d && d->present ? d : NULL;
}

bool ide_geometry(struct device *dev, unsigned n, unsigned *cylinders, unsigned *heads, unsigned *sectors)
{
    const struct ide_drive *d = drive_number(dev, n);
    if (!d || d->cdrom || !d->disk)
        return false;
    u16 c, h, s;
    ata_geometry(d->disk, &c, &h, &s);
    *cylinders = c;
    *heads = h;
    *sectors = s;
    return true;
}

bool ide_change_medium(struct device *dev, unsigned n, struct disk *disk, bool force)
{
    struct ide_drive *d = drive_number(dev, n);
    if (!d || !d->cdrom || (d->locked && !force))
        return false;
    take_back(d);
    disk_close(d->disk);
    d->disk = disk;
    atapi_medium_changed(d);
    ask_again(d);
    return true;
}

struct device *ide_look_at_drive(struct device *dev, unsigned n, struct disk **disk, bool *has_tray, bool *tray_open,
                                 bool *locked)
{
    const struct ide_drive *d = drive_number(dev, n);
    if (!d)
        return NULL;
    *disk = d->disk;
    *has_tray = d->cdrom;
    *tray_open = d->cdrom && d->tray_open;
    *locked = d->cdrom && d->locked;
    return d->dev;
}

/* ---- life ---- */

static const struct pci_identity identity = {
    .vendor = 0x8086,
    .device = 0x7010,
    .class_code = 0x010180,
    .status = PCI_STATUS_DEVSEL_MEDIUM | PCI_STATUS_FAST_BACK,
};

static void create_channel(struct ide *ide, unsigned n, const struct ide_config *cfg)
{
    static const u16 command_base[2] = {PC_PORT_IDE0, PC_PORT_IDE1},
                     control_base[2] = {PC_PORT_IDE0_CTL, PC_PORT_IDE1_CTL};
    struct ide_channel *ch = &ide->channel[n];
    struct space *io = &ide->dev.sys->io;
    ch->ide = ide;
    ch->irq = cfg->irq[n];
    bus_init(&ch->bus, ide->dev.sys, &ide->dev, "IDE", n ? "ide.1" : "ide.0");
    region_device(&ch->command_ports, io, n ? "ide1" : "ide0", command_base[n], 8, ch, command_read, command_write);
    region_device(&ch->control_port, io, n ? "ide1-control" : "ide0-control", control_base[n], 1, ch, control_read,
                  control_write);
    for (unsigned i = 0; i < 2; i++) {
        struct ide_drive *d = &ch->drive[i];
        d->channel = ch;
        d->unit = (u8)i;
        d->number = (u8)(n * 2 + i);
        event_init(&d->event, "ide", fire, d);
    }
}

static bool create(struct device *dev, const void *cfg)
{
    struct ide *ide = container_of(dev, struct ide, dev);
    const struct ide_config *c = cfg;
    if (!c)
        return device_fail(dev->sys, "the IDE controller needs a PCI bus");
    if (!pci_device_init(&ide->pci, dev->sys, c->bus, PC_DEVFN(PC_PCI_IDE), &identity, ide))
        return false;
    memset(ide->pci.wmask + 0x40, 0xff, 6); /* IDETIM, SIDETIM */
    memset(ide->pci.wmask + 0x48, 0xff, 4); /* UDMACTL, UDMATIM: PIIX4's, but QEMU's keeps them too */
    for (unsigned n = 0; n < 2; n++)
        create_channel(ide, n, c);
    ide->bm_ports =
        (struct region){.name = "ide-bus-master", .owner = ide, .read = bm_read, .write = bm_write, .size = 16};
    pci_bar(&ide->pci, 4, PCI_BAR_IO, &ide->bm_ports);
    return true;
}

static void reset_drive(struct ide_drive *d)
{
    stop(d);
    d->intrq = false;
    d->command = 0;
    d->flags = 0;
    d->lba = d->left = d->block = 0;
    memset(d->buffer, 0, sizeof d->buffer);
    ide_signature(d);
    d->error = d->present;
    d->status = resting_status(d);
    ata_power_on(d);
    atapi_power_on(d);
}

struct ide_drive *ide_slot(struct bus *bus, unsigned unit)
{
    return &container_of(bus, struct ide_channel, bus)->drive[unit];
}

void ide_attach(struct ide_drive *d, struct device *dev, const struct ide_identity *identity, bool cdrom,
                struct disk *disk)
{
    d->dev = dev;
    d->identity = identity;
    d->present = true;
    d->cdrom = cdrom;
    d->disk = disk;
    reset_drive(d);
}

void ide_detach(struct ide_drive *d)
{
    disk_close(d->disk);
    d->disk = NULL;
    d->dev = NULL;
    d->identity = NULL;
    d->present = d->cdrom = false;
}

static void reset(struct device *dev)
{
    struct ide *ide = container_of(dev, struct ide, dev);
    pci_device_reset(&ide->pci);
    for (unsigned n = 0; n < 2; n++) {
        struct ide_channel *ch = &ide->channel[n];
        ch->selected = ch->control = 0;
        for (unsigned i = 0; i < 2; i++)
            reset_drive(&ch->drive[i]);
        update_line(ch);
        ch->bm_command = ch->bm_status = 0;
        ch->bm_prdt = 0;
        ch->prd = (struct ide_prd){0};
    }
}

static const char *drive_contradiction(const struct ide_drive *d)
{
    bool busy = d->step > IDE_STEP_COMMAND || d->dma_wait || (d->status & IDE_DRQ);
    if (d->pos > d->end)
        return "'pos' lies behind 'end'";
    if (d->taken > d->fill)
        return "'taken' lies behind 'fill'";
    if (!d->present && (busy || d->step || d->status))
        return "'status' or 'step' is that of a drive, but there is none";
    if (d->present && !d->cdrom && (!d->heads || !d->sectors))
        return "'heads' or 'sectors' of a disk is 0";
    if (busy && !ata_possible(d))
        return "'command' and 'flags' are of no command that the drive carries out";
    return NULL;
}

static const char *contradiction(const struct device *copy)
{
    const struct ide *ide = container_of(copy, struct ide, dev);
    const char *why = NULL;
    for (unsigned i = 0; i < IDE_DRIVES && !why; i++)
        why = drive_contradiction(&ide->channel[i / 2].drive[i % 2]);
    return why;
}

static void restored(struct device *dev)
{
    struct ide *ide = container_of(dev, struct ide, dev);
    pci_device_restored(&ide->pci);
    for (unsigned i = 0; i < IDE_DRIVES; i++)
        ask_again(&ide->channel[i / 2].drive[i % 2]);
}

#define TF(f) STATE(struct ide_taskfile, f)
static const struct state_field taskfile_state[] = {TF(feature), TF(count), TF(lba), STATE_END};

#define D(f)               STATE(struct ide_drive, f)
#define D_RANGE(f, lo, hi) STATE_RANGE(struct ide_drive, f, lo, hi)
static const struct state_field drive_state[] = {
    HOST(struct ide_drive, channel),
    HOST(struct ide_drive, dev),
    HOST(struct ide_drive, identity),
    HOST(struct ide_drive, disk),
    HOST(struct ide_drive, work_limit),
    HOST(struct ide_drive, request),
    HOST(struct ide_drive, memory),
    HOST(struct ide_drive, map),
    HOST(struct ide_drive, maps),
    HOST(struct ide_drive, mapped),
    HOST(struct ide_drive, mapped_to),
    HOST(struct ide_drive, answered),
    HOST(struct ide_drive, answer),
    HOST(struct ide_drive, unit),
    HOST(struct ide_drive, number),
    HOST(struct ide_drive, present),
    HOST(struct ide_drive, cdrom),
    STRUCTS(struct ide_drive, now, struct ide_taskfile, taskfile_state),
    STRUCTS(struct ide_drive, hob, struct ide_taskfile, taskfile_state),
    EVENT(struct ide_drive, event),
    D(device),
    D(status),
    D(error),
    D(intrq),
    D_RANGE(step, 0, IDE_STEP_DMA),
    D(command),
    D(flags),
    D(dma_wait),
    D(dma_to_memory),
    D(window_in),
    D_RANGE(pos, 0, IDE_BUFFER),
    D_RANGE(end, 0, IDE_BUFFER),
    D(lba),
    D(left),
    D_RANGE(block, 0, IDE_MULTIPLE_MAX),
    D(trimmed),
    D(cylinders),
    D_RANGE(heads, 0, 16),
    D_RANGE(sectors, 0, 255),
    D_RANGE(multiple, 0, IDE_MULTIPLE_MAX),
    D(power),
    D(asleep),
    D(write_cache),
    D(smart),
    D(transfer_mode),
    D(packet),
    D(sense_key),
    D(asc),
    D(ascq),
    D(attention),
    D(tray_open),
    D(locked),
    D(event_new),
    D(event_eject),
    D_RANGE(phase, 0, PHASE_DATA),
    D(packet_dma),
    D(byte_limit),
    D_RANGE(sector_size, 0, IDE_RAW_BLOCK),
    D(read_fields),
    D_RANGE(fill, 0, IDE_BUFFER),
    D_RANGE(taken, 0, IDE_BUFFER),
    D(buffer),
    STATE_END,
};

#define PRD(f) STATE(struct ide_prd, f)
static const struct state_field prd_state[] = {PRD(next), PRD(address), PRD(left), PRD(last), STATE_END};

#define CH(f) STATE(struct ide_channel, f)
static const struct state_field channel_state[] = {
    HOST(struct ide_channel, ide),
    HOST(struct ide_channel, bus),
    HOST(struct ide_channel, irq),
    HOST(struct ide_channel, command_ports),
    HOST(struct ide_channel, control_port),
    STRUCTS(struct ide_channel, drive, struct ide_drive, drive_state),
    STATE_RANGE(struct ide_channel, selected, 0, 1),
    CH(control),
    CH(line),
    CH(bm_command),
    CH(bm_status),
    CH(bm_prdt),
    STRUCTS(struct ide_channel, prd, struct ide_prd, prd_state),
    STATE_END,
};

static const struct state_field state[] = {
    DEVICE_STATE(struct ide),
    PCI_DEVICE_STATE(struct ide, pci),
    HOST(struct ide, bm_ports),
    STRUCTS(struct ide, channel, struct ide_channel, channel_state),
    STATE_END,
};

const struct device_class ide_class = {
    .name = "piix3-ide",
    .description = "IDE controller",
    .bus = "PCI",
    .size = sizeof(struct ide),
    .state = state,
    .create = create,
    .reset = reset,
    .restored = restored,
    .contradiction = contradiction,
};
