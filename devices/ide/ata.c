/*
 * ATA commands (ATA/ATAPI-7 volume 1, chapter 6) as disks carry them out, and
 * the few that CD-ROM drives share. One table says what each command code
 * does; reads and writes of every addressing and transfer kind are one
 * function told apart by the row's flags.
 *
 * Not offered, and aborted: security, host protected area changes, device
 * configuration overlay, READ/WRITE LONG, queued commands, APM and acoustics.
 */
#include "devices/ide/ide_drive.h"

#include <errno.h>

enum {
    DISK = BIT(0), /* who knows the command */
    CD = BIT(1),
    RW = BIT(2),
    WRITE = BIT(3),
    DMA = BIT(4),
    MULTIPLE = BIT(5),
    EXT = BIT(6),
    VERIFY = BIT(7),
    SIGNATURE = BIT(8), /* a packet device aborts it, showing its signature */
    STORE = BIT(9),     /* the window takes a SMART log, which goes nowhere */
    FUA = BIT(10),      /* done only when it is on the medium */
    TRIM = BIT(11)      /* the data is a list of sectors without use */
};
enum { TRIM_SECTORS = 8 }; /* of ranges that one command takes */
enum { POWER_STANDBY = 0x00, POWER_ACTIVE = 0xff };

struct ata_command {
    void (*run)(struct ide_drive *d);
    u16 flags;
};

static void abort_command(struct ide_drive *d) { ide_fail(d, 0, IDE_ABRT); }

/* ---- addresses ---- */

/* The sector the task file names; false: there is no such CHS address (6.2). */
static bool get_address(const struct ide_drive *d, u64 *lba)
{
    const u8 *now = d->now.lba, *hob = d->hob.lba;
    u32 low = now[0] | (u32)now[1] << 8 | (u32)now[2] << 16;
    if (d->flags & EXT) {
        *lba = low | (u64)(hob[0] | (u32)hob[1] << 8 | (u32)hob[2] << 16) << 24;
        return true;
    }
    if (d->device & IDE_LBA) {
        *lba = low | (u32)(d->device & 15) << 24;
        return true;
    }
    u32 cylinder = low >> 8, head = d->device & 15, sector = now[0];
    if (!sector || sector > d->sectors || head >= d->heads || cylinder >= d->cylinders)
        return false;
    *lba = ((u64)cylinder * d->heads + head) * d->sectors + sector - 1;
    return true;
}

static void put_address(struct ide_drive *d, u64 lba)
{
    if (!(d->flags & EXT) && !(d->device & IDE_LBA)) {
        u32 track = (u32)(lba / d->sectors);
        d->now.lba[0] = (u8)(lba % d->sectors + 1);
        d->device = (u8)((d->device & 0xf0) | (track % d->heads & 15));
        d->now.lba[1] = (u8)(track / d->heads);
        d->now.lba[2] = (u8)(track / d->heads >> 8);
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        d->now.lba[i] = (u8)(lba >> 8 * i);
        if (d->flags & EXT)
            d->hob.lba[i] = (u8)(lba >> (24 + 8 * i));
    }
    if (!(d->flags & EXT))
        d->device = (u8)((d->device & 0xf0) | (lba >> 24 & 15));
}

static u32 get_count(const struct ide_drive *d)
{
    if (!(d->flags & EXT))
        return d->now.count ? d->now.count : 256;
    u32 n = d->now.count | (u32)d->hob.count << 8;
    return n ? n : 65536;
}

static void put_count(struct ide_drive *d, u32 n)
{
    d->now.count = (u8)n;
    if (d->flags & EXT)
        d->hob.count = (u8)(n >> 8);
}

/* ---- reading and writing ---- */

static void fail_at(struct ide_drive *d, u64 lba, u8 status, u8 error)
{
    put_address(d, lba);
    put_count(d, d->left);
    ide_fail(d, status, error);
}

/*
 * The image has not answered yet, or cannot until the user has helped, with the machine stopped: the same step comes
 * again. False: it has answered.
 */
static bool comes_again(struct ide_drive *d, int err)
{
    u64 ns = err == -EAGAIN ? IDE_RETRY_NS : IDE_WHEN_ANSWERED;
    if (err != -EAGAIN && err != -EINPROGRESS)
        return false;
    if (!(d->flags & RW))
        ide_next(d, IDE_STEP_COMMAND, ns);
    else if (d->flags & DMA)
        ide_dma_again(d, ns);
    else
        ide_next(d, IDE_STEP_WINDOW, ns);
    return true;
}

/* A sector that cannot be read is named in the task file (UNC). */
static void cannot_read(struct ide_drive *d)
{
    u32 good = d->request.good;
    d->left -= MIN(good, d->left);
    if (d->flags & DMA)
        ide_dma_end(d, true);
    fail_at(d, d->lba + good, 0, IDE_UNC);
}

/* Reads n sectors into buffer; false: the step is over. */
static bool load(struct ide_drive *d, u32 n)
{
    int err = ide_ask(d, DISK_READ, d->lba, n, d->buffer, false);
    if (err && !comes_again(d, err))
        cannot_read(d);
    return !err;
}

/* n sectors of ranges: 48 bits of address, 16 of count (ACS-2, 7.10.3.1). 0 or -errno. */
static int trim(struct ide_drive *d, u32 n, bool fua)
{
    int err = 0;
    for (; d->trimmed < n * IDE_SECTOR / 8 && !err; d->trimmed += !err) {
        u64 range = ld64(d->buffer + d->trimmed * 8u);
        if (range >> 48)
            err = ide_ask(d, DISK_DISCARD, range & 0xffffffffffff, (u32)(range >> 48), NULL, fua);
    }
    if (err != -EAGAIN && err != -EINPROGRESS)
        d->trimmed = 0;
    return err;
}

static bool must_be_on_medium(const struct ide_drive *d) { return !d->write_cache || (d->flags & FUA); }

static void cannot_write(struct ide_drive *d, int err)
{
    if (d->flags & DMA)
        ide_dma_end(d, true);
    fail_at(d, d->lba, err == -EROFS || err == -EINVAL ? 0 : IDE_DF, IDE_ABRT);
}

/* Writes n sectors from buffer; false: the step is over. */
static bool store(struct ide_drive *d, u32 n)
{
    bool fua = must_be_on_medium(d);
    int err = d->flags & TRIM ? trim(d, n, fua) : ide_ask(d, DISK_WRITE, d->lba, n, d->buffer, fua);
    if (err && !comes_again(d, err))
        cannot_write(d, err);
    return !err;
}

/* What the user could help with is tried again; anything else fails the command. */
static bool flushed(struct ide_drive *d)
{
    int err = ide_ask(d, DISK_FLUSH, 0, 0, NULL, false);
    if (err && !comes_again(d, err))
        ide_fail(d, IDE_DF, IDE_ABRT);
    return !err;
}

static void advance(struct ide_drive *d, u32 n)
{
    d->lba += n;
    d->left -= n;
}

static void finish_rw(struct ide_drive *d)
{
    put_address(d, d->lba - 1);
    put_count(d, 0);
    ide_complete(d);
}

static u32 next_block(const struct ide_drive *d) { return MIN(d->block, d->left); }

static void show_block(struct ide_drive *d)
{
    u32 n = next_block(d);
    if (load(d, n)) {
        ide_open_window(d, 0, n * IDE_SECTOR, true);
        ide_interrupt(d);
    }
}

static void verify(struct ide_drive *d)
{
    while (d->left) {
        if (ide_limit_reached(d)) {
            ide_next(d, IDE_STEP_WINDOW, IDE_BLOCK_NS);
            return;
        }
        u32 n = MIN(d->left, IDE_BUFFER / IDE_SECTOR);
        if (!load(d, n))
            return;
        advance(d, n);
    }
    finish_rw(d);
}

static void read_write(struct ide_drive *d)
{
    if ((d->flags & MULTIPLE) && !d->multiple) {
        abort_command(d);
        return;
    }
    d->left = get_count(d);
    if (!get_address(d, &d->lba) || d->lba >= d->disk->sectors || d->left > d->disk->sectors - d->lba) {
        ide_fail(d, 0, IDE_IDNF);
        return;
    }
    d->block = d->flags & MULTIPLE ? d->multiple : 1;
    if (d->flags & VERIFY)
        verify(d);
    else if (d->flags & DMA)
        ide_dma_request(d, !(d->flags & WRITE));
    else if (d->flags & WRITE) /* the first block is asked for without an interrupt */
        ide_open_window(d, 0, next_block(d) * IDE_SECTOR, false);
    else
        show_block(d);
}

/* DATA SET MANAGEMENT, of which TRIM is the only function. */
static void data_set_management(struct ide_drive *d)
{
    d->left = get_count(d);
    d->lba = 0;
    if (!d->disk->discards || d->now.feature != 1 || d->left > TRIM_SECTORS)
        abort_command(d);
    else
        ide_dma_request(d, false);
}

static void read_window_done(struct ide_drive *d)
{
    advance(d, next_block(d));
    if (d->left) {
        ide_next(d, IDE_STEP_WINDOW, IDE_BLOCK_NS);
    } else {
        put_address(d, d->lba - 1);
        put_count(d, 0);
        d->status = IDE_DRDY | IDE_DSC;
    }
}

static void write_window_done(struct ide_drive *d)
{
    u32 n = next_block(d);
    if (!store(d, n))
        return;
    advance(d, n);
    if (d->left) {
        ide_open_window(d, 0, next_block(d) * IDE_SECTOR, false);
        ide_interrupt(d);
    } else {
        finish_rw(d);
    }
}

/* The host emptied or filled the window, or the pause between two blocks is over. */
void ata_window_done(struct ide_drive *d)
{
    bool window = d->end != 0;
    d->pos = d->end = 0;
    if (d->flags & STORE)
        ide_complete(d);
    else if (!(d->flags & RW))
        d->status = IDE_DRDY | IDE_DSC; /* a reply was read */
    else if (d->flags & VERIFY)
        verify(d);
    else if (d->flags & WRITE)
        write_window_done(d);
    else if (window)
        read_window_done(d);
    else
        show_block(d);
}

/* The next block of DMA: its sectors in buffer, or the room for them. False: the step is over. */
static bool open_dma_block(struct ide_drive *d)
{
    u32 n = MIN(d->left, IDE_BUFFER / IDE_SECTOR);
    if (d->dma_to_memory && !load(d, n))
        return false;
    d->pos = 0;
    d->end = n * IDE_SECTOR;
    return true;
}

/* What came of it so far goes to the disk. False: the step is over. */
static bool close_dma_block(struct ide_drive *d)
{
    u32 n = d->pos / IDE_SECTOR;
    if (!d->dma_to_memory && n && !store(d, n))
        return false;
    d->pos = d->end = 0;
    advance(d, n);
    return true;
}

/* Sectors between the image and RAM, without us in between. False: the step is over. *n: how many, 0 if none can be. */
static bool move_directly(struct ide_drive *d, u32 *n)
{
    *n = d->flags & TRIM ? 0 : ide_dma_map(d, d->left);
    int err = *n ? ide_ask_mapped(d, !d->dma_to_memory && must_be_on_medium(d)) : 0;
    if (!err)
        advance(d, *n);
    else if (!comes_again(d, err) && d->dma_to_memory)
        cannot_read(d);
    else if (err != -EAGAIN && err != -EINPROGRESS)
        cannot_write(d, err);
    return !err;
}

void ata_dma(struct ide_drive *d)
{
    enum ide_dma how = IDE_DMA_DONE;
    while (d->left && how == IDE_DMA_DONE) {
        u32 moved = 0;
        if (!d->end && !d->answered && ide_limit_reached(d)) {
            ide_dma_again(d, IDE_BLOCK_NS);
            return;
        }
        if (!d->end && !move_directly(d, &moved))
            return;
        if (moved)
            continue;
        if (!d->end && !open_dma_block(d))
            return;
        how = ide_dma_move(d);
        if (how == IDE_DMA_MORE) {
            ide_dma_again(d, IDE_BLOCK_NS);
            return;
        }
        if (!close_dma_block(d))
            return;
    }
    ide_dma_end(d, how == IDE_DMA_DONE);
    if (how == IDE_DMA_DONE)
        finish_rw(d);
}

/* ---- IDENTIFY DEVICE ---- */

void ata_string(u8 *dst, const char *src, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        dst[i ^ 1] = (u8)(*src ? *src : ' ');
        if (*src)
            src++;
    }
}

static void word(struct ide_drive *d, unsigned n, u64 val) { st16(d->buffer + 2 * n, (u16)val); }

void ata_geometry(const struct disk *disk, u16 *cylinders, u16 *heads, u16 *sectors)
{
    u64 c = disk->sectors / (16 * 63);
    *cylinders = (u16)MIN(MAX(c, 1), 16383);
    *heads = 16;
    *sectors = 63;
}

static void identify_transfer_modes(struct ide_drive *d)
{
    u8 kind = d->transfer_mode >> 3, mode = d->transfer_mode & 7;
    word(d, 49, 0x0f00); /* DMA, LBA, IORDY and IORDY disable */
    word(d, 50, 0x4000);
    word(d, 51, 0x0200);
    word(d, 52, 0x0200);
    word(d, 53, 7);
    word(d, 62, 7 | (kind == 2 ? BIT(8 + mode) : 0));
    word(d, 63, 7 | (kind == 4 ? BIT(8 + mode) : 0));
    word(d, 64, 3);
    for (unsigned i = 65; i <= 68; i++)
        word(d, i, 120);
    word(d, 88, 0x3f | (kind == 8 ? BIT(8 + mode) : 0));
    word(d, 93, 0x6001 | (d->unit ? 0x0e00 : 0)); /* an 80-conductor cable */
}

static void identify_sizes(struct ide_drive *d)
{
    u64 total = d->disk->sectors, chs = (u64)d->cylinders * d->heads * d->sectors;
    u32 lba28 = (u32)MIN(total, 0x0fffffff);
    u16 c, h, s;
    ata_geometry(d->disk, &c, &h, &s);
    word(d, 1, c);
    word(d, 3, h);
    word(d, 6, s);
    word(d, 54, d->cylinders);
    word(d, 55, d->heads);
    word(d, 56, d->sectors);
    word(d, 57, chs);
    word(d, 58, chs >> 16);
    word(d, 60, lba28);
    word(d, 61, lba28 >> 16);
    for (unsigned i = 0; i < 4; i++)
        word(d, 100 + i, total >> 16 * i);
}

void ata_identity(struct ide_drive *d)
{
    const struct ide_identity *id = d->identity;
    ata_string(d->buffer + 20, id->serial, 20);
    ata_string(d->buffer + 46, id->version, 8);
    ata_string(d->buffer + 54, id->model, 40);
    if (!id->wwn)
        return;
    d->buffer[2 * 84 + 1] |= 1; /* bit 8 of both */
    d->buffer[2 * 87 + 1] |= 1;
    for (unsigned i = 0; i < 4; i++)
        word(d, 108 + i, id->wwn >> (48 - 16 * i));
}

/* 8.15 of ATA-7; word 255 signs the block. */
static void identify(struct ide_drive *d)
{
    u8 sum = 0;
    memset(d->buffer, 0, IDE_SECTOR);
    word(d, 0, 0x0040);
    identify_sizes(d);
    identify_transfer_modes(d);
    word(d, 20, 3);
    word(d, 21, 512);
    word(d, 47, 0x8000 | IDE_MULTIPLE_MAX);
    word(d, 48, 1);
    word(d, 59, d->multiple ? 0x100u | d->multiple : 0);
    word(d, 80, 0x00f0);
    word(d, 81, 0x001a);
    word(d, 82, 0x4021); /* NOP, write cache, SMART */
    word(d, 83, 0x7400); /* FLUSH CACHE, FLUSH CACHE EXT, 48-bit addresses */
    word(d, 84, 0x4042); /* SMART self-test, FUA */
    word(d, 85, 0x4000 | (d->write_cache ? 0x20u : 0) | (d->smart ? 1u : 0));
    word(d, 86, 0x3400);
    word(d, 87, 0x4042);
    ata_identity(d);
    if (d->disk->discards) {
        word(d, 105, TRIM_SECTORS);
        word(d, 169, 1);
    }
    d->buffer[510] = 0xa5;
    for (unsigned i = 0; i < 511; i++)
        sum = (u8)(sum + d->buffer[i]);
    d->buffer[511] = (u8)-sum;
    ide_open_window(d, 0, IDE_SECTOR, true);
    ide_interrupt(d);
}

/* ---- SMART (8.41), as a disk in perfect health ---- */

enum { SMART_ROW = 12 };
static const struct {
    u8 id, flags, value, worst, raw, threshold;
} smart_attributes[] = {
    {0x01, 0x03, 100, 100, 0, 6},  /* raw read error rate */
    {0x03, 0x03, 100, 100, 0, 0},  /* spin up time */
    {0x04, 0x02, 100, 100, 1, 20}, /* start and stop count */
    {0x05, 0x03, 100, 100, 0, 36}, /* reallocated sectors */
    {0x09, 0x03, 100, 100, 1, 0},  /* power on hours */
    {0x0c, 0x03, 100, 100, 1, 0},  /* power cycles */
    {0xbe, 0x03, 69, 69, 31, 50},  /* air flow temperature */
};

static void reply_sector(struct ide_drive *d, bool checksum)
{
    u8 sum = 0;
    for (unsigned i = 0; i < 511 && checksum; i++)
        sum = (u8)(sum + d->buffer[i]);
    if (checksum)
        d->buffer[511] = (u8)-sum;
    ide_open_window(d, 0, IDE_SECTOR, true);
    ide_interrupt(d);
}

static void smart_read_data(struct ide_drive *d)
{
    memset(d->buffer, 0, IDE_SECTOR);
    st16(d->buffer, 1);
    for (size_t i = 0; i < ARRAY_LEN(smart_attributes); i++) {
        u8 *row = d->buffer + 2 + i * SMART_ROW;
        row[0] = smart_attributes[i].id;
        row[1] = smart_attributes[i].flags;
        row[3] = smart_attributes[i].value;
        row[4] = smart_attributes[i].worst;
        row[5] = smart_attributes[i].raw;
    }
    d->buffer[362] = 0x02; /* off-line collection completed */
    st16(d->buffer + 364, 60);
    d->buffer[367] = 0x1b;
    st16(d->buffer + 368, 3);
    st16(d->buffer + 370, 1);
    d->buffer[372] = 2;
    d->buffer[373] = 54;
    reply_sector(d, true);
}

static void smart_read_thresholds(struct ide_drive *d)
{
    memset(d->buffer, 0, IDE_SECTOR);
    st16(d->buffer, 1);
    for (size_t i = 0; i < ARRAY_LEN(smart_attributes); i++) {
        d->buffer[2 + i * SMART_ROW] = smart_attributes[i].id;
        d->buffer[3 + i * SMART_ROW] = smart_attributes[i].threshold;
    }
    reply_sector(d, true);
}

/* Logs 0 (directory), 1 (summary error log) and 6 (self-test log), all empty. */
static void smart_read_log(struct ide_drive *d)
{
    u8 log = d->now.lba[0];
    if (d->now.count != 1 || (log != 0 && log != 1 && log != 6)) {
        abort_command(d);
        return;
    }
    memset(d->buffer, 0, IDE_SECTOR);
    d->buffer[0] = 1;
    if (log == 0)
        d->buffer[2 * 1] = d->buffer[2 * 6] = 1;
    reply_sector(d, log != 0);
}

static void smart(struct ide_drive *d)
{
    u8 what = d->now.feature;
    if (d->now.lba[1] != 0x4f || d->now.lba[2] != 0xc2 || (!d->smart && what != 0xd8)) {
        abort_command(d);
        return;
    }
    switch (what) {
    case 0xd0:
        smart_read_data(d);
        break;
    case 0xd1:
        smart_read_thresholds(d);
        break;
    case 0xd2:
    case 0xd3:
    case 0xd4: /* autosave, save, execute off-line */
        ide_complete(d);
        break;
    case 0xd5:
        smart_read_log(d);
        break;
    case 0xd6:
        d->flags |= STORE;
        ide_open_window(d, 0, IDE_SECTOR, false);
        break;
    case 0xd8:
    case 0xd9:
        d->smart = what == 0xd8;
        ide_complete(d);
        break;
    case 0xda: /* the signature unchanged says: no threshold exceeded */
        ide_complete(d);
        break;
    default:
        abort_command(d);
    }
}

/* ---- the rest ---- */

static void seek(struct ide_drive *d)
{
    u64 lba;
    if (!get_address(d, &lba) || lba >= d->disk->sectors)
        ide_fail(d, 0, IDE_IDNF);
    else
        ide_complete(d);
}

/* Heads and sectors as the host wants to count them; the cylinders follow (8.16). */
static void init_parameters(struct ide_drive *d)
{
    u16 heads = (u16)((d->device & 15) + 1), sectors = d->now.count;
    if (!sectors) {
        abort_command(d);
        return;
    }
    u64 cylinders = MIN(d->disk->sectors, 16514064) / ((u32)heads * sectors);
    d->heads = heads;
    d->sectors = sectors;
    d->cylinders = (u16)MIN(cylinders, 65535);
    ide_complete(d);
}

static bool set_transfer_mode(struct ide_drive *d, u8 mode)
{
    static const u8 highest[32] = {[0] = 2, [1] = 5, [2] = 3, [4] = 3, [8] = 6};
    if ((mode & 7) >= highest[mode >> 3])
        return false;
    d->transfer_mode = mode;
    return true;
}

static void set_features(struct ide_drive *d)
{
    bool ok = true;
    switch (d->now.feature) {
    case 0x02:
    case 0x82:
        if (d->cdrom)
            ok = false;
        d->write_cache = d->now.feature == 0x02;
        if (ok && !d->write_cache && !flushed(d))
            return;
        break;
    case 0x03:
        ok = set_transfer_mode(d, d->now.count);
        break;
    case 0x55:
    case 0xaa: /* read look-ahead */
    case 0x66:
    case 0xcc: /* settings over a soft reset */
        break;
    default:
        ok = false;
    }
    if (ok)
        ide_complete(d);
    else
        abort_command(d);
}

/* A power of two up to the limit; 0 turns the multiple commands off (8.36). */
static void set_multiple(struct ide_drive *d)
{
    u8 n = d->now.count;
    if (n > IDE_MULTIPLE_MAX || (n & (n - 1))) {
        abort_command(d);
        return;
    }
    d->multiple = n;
    ide_complete(d);
}

static void flush(struct ide_drive *d)
{
    if (flushed(d))
        ide_complete(d);
}

static void native_max(struct ide_drive *d)
{
    u64 max = d->disk->sectors - 1;
    if (!(d->flags & EXT)) {
        d->device |= IDE_LBA;
        max = MIN(max, 0x0fffffff);
    }
    put_address(d, max);
    ide_complete(d);
}

static void standby(struct ide_drive *d)
{
    d->power = POWER_STANDBY;
    ide_complete(d);
}

static void idle(struct ide_drive *d)
{
    d->power = POWER_ACTIVE;
    ide_complete(d);
}

static void check_power(struct ide_drive *d)
{
    d->now.count = d->power;
    ide_complete(d);
}

/* Only a reset wakes it (8.40). */
static void sleep_mode(struct ide_drive *d)
{
    d->power = POWER_STANDBY;
    ide_complete(d);
    d->asleep = true;
}

static void nothing_more(struct ide_drive *d) { ide_complete(d); }

/* DEVICE RESET ends without an interrupt (8.10). */
static void device_reset(struct ide_drive *d)
{
    u8 device = d->device;
    atapi_reset(d);
    ide_signature(d);
    d->device = device & IDE_DEV;
    d->error = 1;
    d->status = 0;
}

static const struct ata_command commands[256] = {
    [0x00] = {abort_command, DISK | CD}, /* NOP always ends in ABRT */
    [0x06] = {data_set_management, DISK | RW | WRITE | DMA | EXT | TRIM},
    [0x08] = {device_reset, CD},
    [0x10 ... 0x1f] = {nothing_more, DISK}, /* RECALIBRATE */
    [0x20 ... 0x21] = {read_write, DISK | RW | SIGNATURE},
    [0x24] = {read_write, DISK | RW | EXT},
    [0x25] = {read_write, DISK | RW | DMA | EXT},
    [0x27] = {native_max, DISK | EXT},
    [0x29] = {read_write, DISK | RW | MULTIPLE | EXT},
    [0x30 ... 0x31] = {read_write, DISK | RW | WRITE},
    [0x34] = {read_write, DISK | RW | WRITE | EXT},
    [0x35] = {read_write, DISK | RW | WRITE | DMA | EXT},
    [0x39] = {read_write, DISK | RW | WRITE | MULTIPLE | EXT},
    [0x3c] = {read_write, DISK | RW | WRITE}, /* WRITE VERIFY */
    [0x3d] = {read_write, DISK | RW | WRITE | DMA | EXT | FUA},
    [0x40 ... 0x41] = {read_write, DISK | RW | VERIFY},
    [0x42] = {read_write, DISK | RW | VERIFY | EXT},
    [0x70 ... 0x7f] = {seek, DISK},
    [0x90] = {ide_diagnose, DISK | CD},
    [0x91] = {init_parameters, DISK},
    [0x94] = {standby, DISK | CD},
    [0x95] = {idle, DISK | CD},
    [0x96] = {standby, DISK | CD},
    [0x97] = {idle, DISK | CD},
    [0x98] = {check_power, DISK | CD},
    [0x99] = {sleep_mode, DISK | CD},
    [0xa0] = {atapi_packet, CD},
    [0xa1] = {atapi_identify, CD},
    [0xb0] = {smart, DISK},
    [0xc4] = {read_write, DISK | RW | MULTIPLE},
    [0xc5] = {read_write, DISK | RW | WRITE | MULTIPLE},
    [0xc6] = {set_multiple, DISK},
    [0xc8 ... 0xc9] = {read_write, DISK | RW | DMA},
    [0xca ... 0xcb] = {read_write, DISK | RW | WRITE | DMA},
    [0xce] = {read_write, DISK | RW | WRITE | MULTIPLE | EXT | FUA},
    [0xe0] = {standby, DISK | CD},
    [0xe1] = {idle, DISK | CD},
    [0xe2] = {standby, DISK | CD},
    [0xe3] = {idle, DISK | CD},
    [0xe5] = {check_power, DISK | CD},
    [0xe6] = {sleep_mode, DISK | CD},
    [0xe7] = {flush, DISK},
    [0xea] = {flush, DISK | EXT},
    [0xec] = {identify, DISK | SIGNATURE},
    [0xef] = {set_features, DISK | CD},
    [0xf8] = {native_max, DISK},
};

bool ata_possible(const struct ide_drive *d)
{
    u16 flags = commands[d->command].flags;
    return (flags & (d->cdrom ? CD : DISK)) && !((flags ^ d->flags) & ~STORE);
}

bool ata_takes_data(u8 command) { return (commands[command].flags & (RW | WRITE | DMA)) == (RW | WRITE); }

void ata_command(struct ide_drive *d)
{
    const struct ata_command *c = &commands[d->command];
    d->flags = c->flags;
    if (c->flags & (d->cdrom ? CD : DISK)) {
        if (c->flags & RW)
            d->power = POWER_ACTIVE;
        c->run(d);
        return;
    }
    if (d->cdrom && (c->flags & SIGNATURE)) {
        u8 device = d->device;
        ide_signature(d);
        d->device = device & IDE_DEV;
    }
    abort_command(d);
}

void ata_power_on(struct ide_drive *d)
{
    d->cylinders = d->heads = d->sectors = 0;
    if (d->disk && !d->cdrom)
        ata_geometry(d->disk, &d->cylinders, &d->heads, &d->sectors);
    d->multiple = IDE_MULTIPLE_MAX;
    d->power = POWER_ACTIVE;
    d->asleep = false;
    d->write_cache = d->smart = true;
    d->transfer_mode = 0x45;
}
