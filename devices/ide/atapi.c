/*
 * The ATAPI CD-ROM drive: packet commands of MMC-3 and SFF-8020i over the
 * PACKET protocol (ATA/ATAPI-7 volume 2, 11.8), by PIO in blocks of at most
 * the host's byte count limit, or by DMA. An image is one mode-1 data track;
 * above the size of an 80-minute CD it shows as a DVD-ROM.
 *
 * Not offered: audio, writing, MODE SELECT, subchannel and C2 data. In raw
 * sectors the EDC and ECC fields are zero.
 */
#include "devices/ide/ide_drive.h"

#include <errno.h>

enum { BLOCK = 2048, RAW_BLOCK = IDE_RAW_BLOCK, SECTORS_PER_BLOCK = BLOCK / IDE_SECTOR };
/* What is read ahead of the host at most: a buffer of the largest pieces, and no more blocks of the smallest. */
enum { REFILL_BLOCKS = IDE_BUFFER / RAW_BLOCK };
enum { REASON_COD = BIT(0), REASON_IO = BIT(1) };
enum { FEATURE_DMA = BIT(0), FEATURE_OVERLAP = BIT(1) };
enum { NOT_READY = 2, MEDIUM_ERROR = 3, ILLEGAL_REQUEST = 5, UNIT_ATTENTION = 6 };
enum {
    ASC_READ_ERROR = 0x11,
    ASC_INVALID_OPCODE = 0x20,
    ASC_OUT_OF_RANGE = 0x21,
    ASC_INVALID_FIELD = 0x24,
    ASC_MEDIUM_CHANGED = 0x28,
    ASC_RESET = 0x29,
    ASC_INCOMPATIBLE = 0x30,
    ASC_NO_SAVING = 0x39,
    ASC_NO_MEDIUM = 0x3a,
    ASC_REMOVAL_PREVENTED = 0x53,
    ASC_ILLEGAL_MODE = 0x64
};
/* READ CD, byte 9 */
enum { FIELD_SYNC = BIT(7), FIELD_HEADER = BIT(5), FIELD_DATA = BIT(4), FIELD_ECC = BIT(3) };
enum { CD_BLOCKS = 80 * 60 * 75, LEAD_IN = 150, LEAD_OUT = 0xaa };
enum { PROFILE_CD_ROM = 0x0008, PROFILE_DVD_ROM = 0x0010 };

enum { MEDIUM = BIT(0), ANYTIME = BIT(1) }; /* needs a disc; answers in spite of a unit attention */
struct packet_command {
    void (*run)(struct ide_drive *d, const u8 *cdb);
    u8 flags;
};

static void be16(u8 *p, u32 v)
{
    p[0] = (u8)(v >> 8);
    p[1] = (u8)v;
}
static void be32(u8 *p, u32 v)
{
    be16(p, v >> 16);
    be16(p + 2, v);
}
static u32 get_be16(const u8 *p) { return (u32)p[0] << 8 | p[1]; }
static u32 get_be32(const u8 *p) { return get_be16(p) << 16 | get_be16(p + 2); }

static bool has_medium(const struct ide_drive *d) { return d->disk && !d->tray_open; }
static u32 blocks(const struct ide_drive *d)
{
    return d->disk ? (u32)MIN((d->disk->sectors + SECTORS_PER_BLOCK - 1) / SECTORS_PER_BLOCK, UINT32_MAX) : 0;
}
static bool is_dvd(const struct ide_drive *d) { return blocks(d) > CD_BLOCKS; }

/* ---- how a packet command ends ---- */

static void finish(struct ide_drive *d)
{
    d->phase = PHASE_NONE;
    d->now.count = (u8)((d->now.count & ~7) | REASON_IO | REASON_COD);
    d->error = 0;
    ide_complete(d);
}

static void check_condition(struct ide_drive *d, u8 key, u8 asc, u8 ascq)
{
    d->phase = PHASE_NONE;
    d->sense_key = key;
    d->asc = asc;
    d->ascq = ascq;
    d->now.count = (u8)((d->now.count & ~7) | REASON_IO | REASON_COD);
    trace(ide_trace(d), ide, "ide%u: packet %02x: sense %x/%02x/%02x", d->number, d->packet[0], key, asc, ascq);
    ide_fail(d, 0, (u8)(key << 4));
}

static void invalid_field(struct ide_drive *d) { check_condition(d, ILLEGAL_REQUEST, ASC_INVALID_FIELD, 0); }

/* ---- data to the host ---- */

static u8 to_bcd(u32 n) { return (u8)(n / 10 << 4 | n % 10); }

/* One block as the fields asked for by READ CD, from its user data (MMC-3, 4.2.3.4). */
static u32 format_block(const struct ide_drive *d, u8 *out, const u8 *data, u32 lba)
{
    u8 *p = out;
    if (d->read_fields & FIELD_SYNC) {
        memset(p, 0xff, 12);
        p[0] = p[11] = 0;
        p += 12;
    }
    if (d->read_fields & FIELD_HEADER) {
        u32 frames = lba + LEAD_IN;
        p[0] = to_bcd(frames / (60 * 75) % 100);
        p[1] = to_bcd(frames / 75 % 60);
        p[2] = to_bcd(frames % 75);
        p[3] = 1;
        p += 4;
    }
    if (d->read_fields & FIELD_DATA) {
        memcpy(p, data, BLOCK);
        p += BLOCK;
    }
    if (d->read_fields & FIELD_ECC) {
        memset(p, 0, RAW_BLOCK - 16 - BLOCK);
        p += RAW_BLOCK - 16 - BLOCK;
    }
    return (u32)(p - out);
}

static u16 field_bytes(u8 fields)
{
    return (u16)((fields & FIELD_SYNC ? 12 : 0) + (fields & FIELD_HEADER ? 4 : 0) + (fields & FIELD_DATA ? BLOCK : 0) +
                 (fields & FIELD_ECC ? RAW_BLOCK - 16 - BLOCK : 0));
}

/* n blocks of user data; what the image lacks of its last block is zero. 0 or -errno. */
static int read_blocks(struct ide_drive *d, u32 n, u8 *buf)
{
    if (!has_medium(d))
        return -ENOMEDIUM;
    u64 first = d->lba * SECTORS_PER_BLOCK, have = d->disk->sectors > first ? d->disk->sectors - first : 0;
    u32 want = n * SECTORS_PER_BLOCK, get = (u32)MIN(want, have);
    memset(buf + (size_t)get * IDE_SECTOR, 0, (size_t)(want - get) * IDE_SECTOR);
    return ide_ask(d, DISK_READ, first, get, buf, false);
}

/*
 * n blocks of a READ CD that asks for more or less than user data. That is read to the end of buffer; a block grows
 * by less than what lies between its place there and the one it goes to.
 */
static int refill_formatted(struct ide_drive *d, u32 n)
{
    u8 *data = d->buffer + IDE_BUFFER - n * BLOCK;
    int err = d->read_fields & FIELD_DATA ? read_blocks(d, n, data) : has_medium(d) ? 0 : -ENOMEDIUM;
    for (u32 i = 0; i < n && !err; i++)
        d->fill += format_block(d, d->buffer + d->fill, data + i * BLOCK, (u32)d->lba++);
    return err;
}

/* Fills buffer with the next blocks of the READ under way: some, or 0 or -errno. */
static int refill(struct ide_drive *d)
{
    u32 n = MIN(d->left / d->sector_size, REFILL_BLOCKS);
    d->taken = d->fill = 0;
    if (d->read_fields != FIELD_DATA)
        return refill_formatted(d, n);
    int err = read_blocks(d, n, d->buffer);
    if (!err) {
        d->fill = n * BLOCK;
        d->lba += n;
    }
    return err;
}

/* False: the step is over, failed or to come again once the user has helped. */
static bool have_data(struct ide_drive *d)
{
    if (d->taken < d->fill)
        return true;
    int err = d->sector_size ? refill(d) : -EIO;
    if (!err && d->fill)
        return true;
    bool again = err == -EAGAIN || err == -EINPROGRESS;
    u64 ns = err == -EAGAIN ? IDE_RETRY_NS : IDE_WHEN_ANSWERED;
    if (again && d->packet_dma) {
        ide_dma_again(d, ns);
    } else if (again) {
        ide_next(d, IDE_STEP_WINDOW, ns);
    } else {
        if (d->packet_dma)
            ide_dma_end(d, true);
        check_condition(d, MEDIUM_ERROR, ASC_READ_ERROR, 0);
    }
    return false;
}

/* The next DRQ block: even, unless it is the last, and within the limit. */
static void show_data(struct ide_drive *d)
{
    if (!have_data(d))
        return;
    u32 limit = d->byte_limit == 0xffff ? 0xfffe : d->byte_limit;
    u32 n = MIN(d->left, d->fill - d->taken);
    if (n > limit)
        n = MAX(limit & ~1u, 2);
    d->now.lba[1] = (u8)n;
    d->now.lba[2] = (u8)(n >> 8);
    d->now.count = (u8)((d->now.count & ~7) | REASON_IO);
    ide_open_window(d, d->taken, n, true);
    d->taken += n;
    d->left -= n;
    ide_interrupt(d);
}

static void send(struct ide_drive *d)
{
    if (!d->left) {
        finish(d);
    } else if (d->packet_dma) {
        ide_dma_request(d, true);
    } else if (!d->byte_limit) {
        d->phase = PHASE_NONE;
        ide_fail(d, 0, IDE_ABRT); /* IDENTIFY PACKET word 125 is 0: a limit of 0 is an error */
    } else {
        d->phase = PHASE_DATA;
        show_data(d);
    }
}

/* The first n bytes of buffer, at most as many as the host has room for. */
static void reply(struct ide_drive *d, u32 n, u32 room)
{
    d->sector_size = 0;
    d->taken = 0;
    d->fill = d->left = MIN(n, room);
    send(d);
}

void atapi_dma(struct ide_drive *d)
{
    enum ide_dma how = IDE_DMA_DONE;
    while (d->left && how == IDE_DMA_DONE) {
        if (!have_data(d))
            return;
        d->pos = d->taken;
        d->end = d->taken + MIN(d->left, d->fill - d->taken);
        how = ide_dma_move(d);
        d->left -= d->pos - d->taken;
        d->taken = d->pos;
    }
    if (how == IDE_DMA_MORE) {
        ide_dma_again(d, IDE_BLOCK_NS);
        return;
    }
    ide_dma_end(d, how == IDE_DMA_DONE);
    if (how == IDE_DMA_DONE)
        finish(d);
    else
        d->phase = PHASE_NONE;
}

/* ---- reading ---- */

static void start_read(struct ide_drive *d, u32 lba, u32 n, u8 fields)
{
    if ((u64)lba + n > blocks(d)) {
        check_condition(d, ILLEGAL_REQUEST, ASC_OUT_OF_RANGE, 0);
        return;
    }
    d->lba = lba;
    d->read_fields = fields;
    d->sector_size = field_bytes(fields);
    d->taken = d->fill = 0;
    /* What does not fit 32 bits of bytes no host asks for in one command. */
    d->left = (u32)MIN((u64)n * d->sector_size, UINT32_MAX / RAW_BLOCK * (u64)d->sector_size);
    send(d);
}

static void read_10(struct ide_drive *d, const u8 *cdb)
{
    start_read(d, get_be32(cdb + 2), get_be16(cdb + 7), FIELD_DATA);
}

static void read_12(struct ide_drive *d, const u8 *cdb)
{
    start_read(d, get_be32(cdb + 2), get_be32(cdb + 6), FIELD_DATA);
}

static void read_cd_blocks(struct ide_drive *d, const u8 *cdb, u32 lba, u32 n)
{
    u8 type = cdb[1] >> 2 & 7, fields = cdb[9] & 0xf8;
    if (type != 0 && type != 2) {
        check_condition(d, ILLEGAL_REQUEST, ASC_ILLEGAL_MODE, 0);
        return;
    }
    if (cdb[9] & 6 || cdb[10] & 7) {
        invalid_field(d);
        return;
    }
    fields &= (u8)~BIT(6); /* the sub-header, which mode 1 has not */
    if (!fields || !n)
        finish(d);
    else
        start_read(d, lba, n, fields);
}

static void read_cd(struct ide_drive *d, const u8 *cdb)
{
    read_cd_blocks(d, cdb, get_be32(cdb + 2), get_be32(cdb + 5) & 0xffffff);
}

static u32 from_msf(const u8 *p) { return (p[0] * 60u + p[1]) * 75 + p[2]; }

static void read_cd_msf(struct ide_drive *d, const u8 *cdb)
{
    u32 first = from_msf(cdb + 3), last = from_msf(cdb + 6);
    if (first < LEAD_IN || last < first)
        invalid_field(d);
    else
        read_cd_blocks(d, cdb, first - LEAD_IN, last - first);
}

static void check_range(struct ide_drive *d, const u8 *cdb)
{
    if (get_be32(cdb + 2) >= blocks(d))
        check_condition(d, ILLEGAL_REQUEST, ASC_OUT_OF_RANGE, 0);
    else
        finish(d);
}

static void read_capacity(struct ide_drive *d, const u8 *cdb)
{
    (void)cdb;
    be32(d->buffer, blocks(d) - 1);
    be32(d->buffer + 4, BLOCK);
    reply(d, 8, 8);
}

/* ---- the disc ---- */

static void put_address(u8 *p, u32 lba, bool msf)
{
    u32 frames = lba + LEAD_IN;
    be32(p, lba);
    if (msf) {
        p[0] = 0;
        p[1] = (u8)(frames / (60 * 75));
        p[2] = (u8)(frames / 75 % 60);
        p[3] = (u8)(frames % 75);
    }
}

static u8 *toc_track(u8 *p, u8 track, u32 lba, bool msf)
{
    p[0] = 0;
    p[1] = 0x14; /* data track, digital copy forbidden; Q is position */
    p[2] = track;
    p[3] = 0;
    put_address(p + 4, lba, msf);
    return p + 8;
}

static u8 *full_toc_entry(u8 *p, u8 point, u8 pmin, u32 lba, bool msf)
{
    memset(p, 0, 11);
    p[0] = 1;
    p[1] = 0x14;
    p[3] = point;
    if (pmin)
        p[8] = pmin; /* A0, A1: a track number */
    else
        put_address(p + 7, lba, msf);
    return p + 11;
}

static u8 *full_toc(const struct ide_drive *d, u8 *p, bool msf)
{
    p = full_toc_entry(p, 0xa0, 1, 0, msf);
    p = full_toc_entry(p, 0xa1, 1, 0, msf);
    p = full_toc_entry(p, 0xa2, 0, blocks(d), msf);
    return full_toc_entry(p, 1, 0, 0, msf);
}

/* MMC-3, 6.27: formats 0 (tracks), 1 (sessions), 2 (full). */
static void read_toc(struct ide_drive *d, const u8 *cdb)
{
    u8 format = cdb[2] & 15 ? cdb[2] & 15 : cdb[9] >> 6, start = cdb[6], *p = d->buffer + 4;
    bool msf = cdb[1] & 2;
    d->buffer[2] = d->buffer[3] = 1;
    if (format > 2 || (format == 0 && start > 1 && start != LEAD_OUT)) {
        invalid_field(d);
        return;
    }
    if (format == 0) {
        if (start <= 1)
            p = toc_track(p, 1, 0, msf);
        p = toc_track(p, LEAD_OUT, blocks(d), msf);
    } else if (format == 1) {
        p = toc_track(p, 1, 0, msf);
    } else {
        p = full_toc(d, p, msf);
    }
    u32 n = (u32)(p - d->buffer);
    be16(d->buffer, n - 2);
    reply(d, n, get_be16(cdb + 7));
}

static void read_disc_information(struct ide_drive *d, const u8 *cdb)
{
    u8 *b = d->buffer;
    memset(b, 0, 34);
    be16(b, 32);
    b[2] = 0x0e; /* complete session on a finalized disc */
    b[3] = b[4] = b[5] = b[6] = 1;
    b[7] = 0x20;             /* unrestricted use */
    memset(b + 16, 0xff, 8); /* no address for appending */
    reply(d, 34, get_be16(cdb + 7));
}

static void read_track_information(struct ide_drive *d, const u8 *cdb)
{
    u8 *b = d->buffer;
    memset(b, 0, 36);
    be16(b, 34);
    b[2] = b[3] = 1;
    b[5] = 0x04;
    b[6] = 0x01; /* mode 1 */
    be32(b + 24, blocks(d));
    reply(d, 36, get_be16(cdb + 7));
}

static void read_subchannel(struct ide_drive *d, const u8 *cdb)
{
    u8 format = cdb[3], *b = d->buffer;
    bool subq = cdb[2] & 0x40, msf = cdb[1] & 2;
    u32 n = !subq ? 4 : format == 1 ? 16 : 24;
    if (subq && (format < 1 || format > 3)) {
        invalid_field(d);
        return;
    }
    memset(b, 0, 24);
    be16(b + 2, n - 4);
    b[1] = 0x15; /* no audio status */
    if (subq)
        b[4] = format;
    if (subq && format == 1) {
        b[5] = 0x14;
        b[6] = b[7] = 1;
        put_address(b + 8, (u32)d->lba, msf);
        put_address(b + 12, (u32)d->lba, msf);
    } else if (subq && format == 3) {
        b[5] = 0x14;
        b[6] = 1;
    }
    reply(d, n, get_be16(cdb + 7));
}

/* Formats 0 (physical), 1 (copyright) and 4 (manufacturer) of layer 0 (MMC-3, 6.22). */
static void read_dvd_structure(struct ide_drive *d, const u8 *cdb)
{
    u8 *b = d->buffer;
    u32 n;
    memset(b, 0, BLOCK + 4);
    if (!is_dvd(d)) {
        check_condition(d, ILLEGAL_REQUEST, ASC_INCOMPATIBLE, 2);
        return;
    }
    switch (cdb[7]) {
    case 0:
        n = BLOCK + 4;
        b[4] = 0x01; /* DVD-ROM, part version 1 */
        b[5] = 0x0f; /* 120 mm, no maximum rate given */
        b[6] = 0x01; /* one layer, embossed */
        be32(b + 8, 0x30000);
        be32(b + 12, 0x30000 + blocks(d) - 1);
        break;
    case 1:
        n = 8;
        break;
    case 4:
        n = BLOCK + 4;
        break;
    default:
        invalid_field(d);
        return;
    }
    be16(b, n - 2);
    reply(d, n, get_be16(cdb + 8));
}

/* ---- the drive ---- */

static void test_unit_ready(struct ide_drive *d, const u8 *cdb)
{
    (void)cdb;
    finish(d);
}

static void request_sense(struct ide_drive *d, const u8 *cdb)
{
    u8 *b = d->buffer;
    if (!d->sense_key && d->attention) {
        d->sense_key = UNIT_ATTENTION;
        d->asc = d->attention;
        d->ascq = 0;
        d->attention = 0;
    }
    memset(b, 0, 18);
    b[0] = 0x70;
    b[2] = d->sense_key;
    b[7] = 10;
    b[12] = d->asc;
    b[13] = d->ascq;
    d->sense_key = d->asc = d->ascq = 0;
    reply(d, 18, cdb[4]);
}

static void put_text(u8 *p, const char *text, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        p[i] = (u8)(*text ? *text++ : ' ');
}

/* Vital product data: pages 00 (list) and 83 (identification). */
static void inquiry_page(struct ide_drive *d, const u8 *cdb)
{
    u8 *b = d->buffer;
    b[0] = 5;
    b[1] = cdb[2];
    b[2] = 0;
    if (cdb[2] == 0x00) {
        b[3] = 2;
        b[4] = 0x00;
        b[5] = 0x83;
        reply(d, 6, get_be16(cdb + 3));
    } else if (cdb[2] == 0x83) {
        b[3] = 4 + 8;
        b[4] = 2; /* ASCII */
        b[5] = b[6] = 0;
        b[7] = 8;
        put_text(b + 8, d->identity->serial, 8);
        reply(d, 16, get_be16(cdb + 3));
    } else {
        invalid_field(d);
    }
}

static void inquiry(struct ide_drive *d, const u8 *cdb)
{
    u8 *b = d->buffer;
    if (cdb[1] & 1) {
        inquiry_page(d, cdb);
        return;
    }
    if (cdb[2]) {
        invalid_field(d);
        return;
    }
    memset(b, 0, 36);
    b[0] = 5;    /* CD-ROM */
    b[1] = 0x80; /* removable */
    b[3] = 0x21; /* ATAPI, response format 1 (SFF-8020i) */
    b[4] = 31;
    put_text(b + 8, "ORRERY", 8);
    put_text(b + 16, "ORRERY CD-ROM", 16);
    put_text(b + 32, d->identity->version, 4);
    reply(d, 36, cdb[4]);
}

static void start_stop(struct ide_drive *d, const u8 *cdb)
{
    bool start = cdb[4] & 1, tray = cdb[4] & 2;
    if (cdb[4] >> 4 || !tray) { /* a power condition, or the motor */
        finish(d);
        return;
    }
    if (!start && d->locked) {
        check_condition(d, ILLEGAL_REQUEST, ASC_REMOVAL_PREVENTED, 2);
        return;
    }
    if (start && d->tray_open && d->disk) {
        d->event_new = true;
        d->attention = ASC_MEDIUM_CHANGED;
    }
    d->tray_open = !start;
    finish(d);
}

static void prevent_allow(struct ide_drive *d, const u8 *cdb)
{
    d->locked = cdb[4] & 1;
    finish(d);
}

static u8 *feature(u8 *p, u32 code, bool current, bool persistent, const u8 *data, u8 n, u8 version)
{
    be16(p, code);
    p[2] = (u8)(version << 2 | (persistent ? 2 : 0) | (current ? 1 : 0));
    p[3] = n;
    memcpy(p + 4, data, n);
    return p + 4 + n;
}

/* MMC-3, 6.6 and chapter 5.3: the features of a read-only drive. */
static void get_configuration(struct ide_drive *d, const u8 *cdb)
{
    bool medium = has_medium(d), dvd = medium && is_dvd(d), cd = medium && !dvd;
    const struct {
        u16 code;
        bool current, persistent;
        u8 version, n, data[12];
    } rows[] = {
        {0x0000, true, true, 0, 8, {0, PROFILE_DVD_ROM, dvd, 0, 0, PROFILE_CD_ROM, cd, 0}},
        {0x0001, true, true, 1, 8, {0, 0, 0, 2, 1, 0, 0, 0}}, /* core: ATAPI, device busy event */
        {0x0003, true, true, 0, 4, {0x29, 0, 0, 0}},          /* removable: tray, eject, lock */
        {0x0010, medium, false, 0, 8, {0, 0, BLOCK >> 8, 0, 0, 1, 1, 0}},
        {0x001e, cd, false, 2, 4, {0}},
        {0x001f, dvd, false, 0, 0, {0}},
        {0x0100, true, true, 0, 0, {0}},
        {0x0105, true, true, 0, 4, {0}},
    };
    u32 first = get_be16(cdb + 2), how = cdb[1] & 3;
    u8 *p = d->buffer + 8;
    if (how == 3) {
        invalid_field(d);
        return;
    }
    memset(d->buffer, 0, 8);
    be16(d->buffer + 6, !medium ? 0 : dvd ? PROFILE_DVD_ROM : PROFILE_CD_ROM);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool wanted = how == 2 ? rows[i].code == first : rows[i].code >= first && (how == 0 || rows[i].current);
        if (wanted)
            p = feature(p, rows[i].code, rows[i].current, rows[i].persistent, rows[i].data, rows[i].n, rows[i].version);
    }
    u32 n = (u32)(p - d->buffer);
    be32(d->buffer, n - 4);
    reply(d, n, get_be16(cdb + 7));
}

/* Polled only; of the event classes, media (MMC-3, 6.7). */
static void get_event_status(struct ide_drive *d, const u8 *cdb)
{
    u8 *b = d->buffer;
    if (!(cdb[1] & 1)) {
        invalid_field(d);
        return;
    }
    memset(b, 0, 8);
    b[3] = 0x10;
    if (!(cdb[4] & 0x10)) {
        be16(b, 2);
        b[2] = 0x80; /* no event available */
        reply(d, 4, get_be16(cdb + 7));
        return;
    }
    be16(b, 6);
    b[2] = 4;
    if (d->event_eject) {
        b[4] = 3; /* media removal */
        d->event_eject = false;
    } else if (d->event_new) {
        b[4] = 2;
        d->event_new = false;
    }
    b[5] = (u8)((has_medium(d) ? 2 : 0) | (d->tray_open ? 1 : 0));
    reply(d, 8, get_be16(cdb + 7));
}

static void mechanism_status(struct ide_drive *d, const u8 *cdb)
{
    memset(d->buffer, 0, 8);
    d->buffer[1] = d->tray_open ? 0x10 : 0;
    reply(d, 8, get_be16(cdb + 8));
}

static u8 *page_capabilities(const struct ide_drive *d, u8 *p)
{
    memset(p, 0, 22);
    p[0] = 0x2a;
    p[1] = 20;
    p[2] = 0x3b;                             /* reads CD-R, CD-RW, method 2, DVD-ROM, DVD-R */
    p[4] = 0x70;                             /* mode 2 forms, multisession */
    p[6] = (u8)(0x29 | (d->locked ? 2 : 0)); /* tray, eject, lock */
    be16(p + 8, 706);
    be16(p + 10, 2);
    be16(p + 12, 512);
    be16(p + 14, 706);
    return p + 22;
}

/* The pages asked for, as they are (or what of them could be changed: nothing). NULL: no such page. */
static u8 *mode_pages(const struct ide_drive *d, u8 *p, u8 page, bool changeable)
{
    static const u8 recovery[8] = {0x01, 6, 0, 5}, audio[16] = {0x0e, 14, 4}, power[12] = {0x1a, 10};
    u8 *start = p;
    bool all = page == 0x3f;
    if (all || page == 0x01)
        p = (u8 *)memcpy(p, recovery, sizeof recovery) + sizeof recovery;
    if (all || page == 0x0e)
        p = (u8 *)memcpy(p, audio, sizeof audio) + sizeof audio;
    if (all || page == 0x1a)
        p = (u8 *)memcpy(p, power, sizeof power) + sizeof power;
    if (all || page == 0x2a)
        p = page_capabilities(d, p);
    for (u8 *q = start; changeable && q < p; q += q[1] + 2)
        memset(q + 2, 0, q[1]);
    return p == start ? NULL : p;
}

static void mode_sense(struct ide_drive *d, const u8 *cdb)
{
    bool ten = cdb[0] == 0x5a;
    u8 control = cdb[2] >> 6, *b = d->buffer, head = ten ? 8 : 4;
    if (control == 3) {
        check_condition(d, ILLEGAL_REQUEST, ASC_NO_SAVING, 0);
        return;
    }
    memset(b, 0, head);
    u8 *end = mode_pages(d, b + head, cdb[2] & 0x3f, control == 1);
    if (!end) {
        invalid_field(d);
        return;
    }
    u32 n = (u32)(end - b);
    u8 medium = d->tray_open ? 0x71 : d->disk ? 0x01 : 0x70; /* SFF-8020i medium types */
    if (ten) {
        be16(b, n - 2);
        b[2] = medium;
    } else {
        b[0] = (u8)(n - 1);
        b[1] = medium;
    }
    reply(d, n, ten ? get_be16(cdb + 7) : cdb[4]);
}

static void just_fine(struct ide_drive *d, const u8 *cdb)
{
    (void)cdb;
    finish(d);
}

static const struct packet_command commands[256] = {
    [0x00] = {test_unit_ready, MEDIUM},
    [0x03] = {request_sense, ANYTIME},
    [0x12] = {inquiry, ANYTIME},
    [0x1a] = {mode_sense, 0},
    [0x1b] = {start_stop, 0},
    [0x1e] = {prevent_allow, 0},
    [0x25] = {read_capacity, MEDIUM},
    [0x28] = {read_10, MEDIUM},
    [0x2b] = {check_range, MEDIUM}, /* SEEK */
    [0x2f] = {check_range, MEDIUM}, /* VERIFY */
    [0x42] = {read_subchannel, MEDIUM},
    [0x43] = {read_toc, MEDIUM},
    [0x46] = {get_configuration, ANYTIME},
    [0x4a] = {get_event_status, ANYTIME},
    [0x51] = {read_disc_information, MEDIUM},
    [0x52] = {read_track_information, MEDIUM},
    [0x5a] = {mode_sense, 0},
    [0xa8] = {read_12, MEDIUM},
    [0xad] = {read_dvd_structure, MEDIUM},
    [0xb9] = {read_cd_msf, MEDIUM},
    [0xbb] = {just_fine, 0}, /* SET CD SPEED */
    [0xbd] = {mechanism_status, 0},
    [0xbe] = {read_cd, MEDIUM},
};

static void run_packet(struct ide_drive *d)
{
    const struct packet_command *c = &commands[d->packet[0]];
    trace(ide_trace(d), ide, "ide%u: packet %02x %02x %02x %02x %02x %02x %02x %02x %02x %02x limit %u%s", d->number,
          d->packet[0], d->packet[1], d->packet[2], d->packet[3], d->packet[4], d->packet[5], d->packet[6],
          d->packet[7], d->packet[8], d->packet[9], d->byte_limit, d->packet_dma ? " dma" : "");
    if (d->attention && !(c->flags & ANYTIME)) {
        u8 asc = d->attention;
        d->attention = 0;
        check_condition(d, UNIT_ATTENTION, asc, 0);
    } else if (!c->run) {
        check_condition(d, ILLEGAL_REQUEST, ASC_INVALID_OPCODE, 0);
    } else if ((c->flags & MEDIUM) && !has_medium(d)) {
        check_condition(d, NOT_READY, ASC_NO_MEDIUM, d->tray_open ? 2 : 1);
    } else {
        if (d->packet[0] != 0x03)
            d->sense_key = d->asc = d->ascq = 0;
        c->run(d, d->packet);
    }
}

void atapi_packet(struct ide_drive *d)
{
    if (d->now.feature & FEATURE_OVERLAP) {
        ide_fail(d, 0, IDE_ABRT);
        return;
    }
    d->packet_dma = d->now.feature & FEATURE_DMA;
    d->byte_limit = (u16)(d->now.lba[1] | d->now.lba[2] << 8);
    d->phase = PHASE_PACKET;
    d->left = 0;
    d->now.count = (u8)((d->now.count & ~7) | REASON_COD);
    ide_open_window(d, 0, IDE_PACKET, false);
}

/* The packet is complete, a block was read, or the pause after one is over. */
void atapi_window_done(struct ide_drive *d)
{
    bool was_in = d->window_in && d->end;
    d->pos = d->end = 0;
    if (d->phase == PHASE_PACKET) {
        memcpy(d->packet, d->buffer, IDE_PACKET);
        d->phase = PHASE_NONE;
        run_packet(d);
    } else if (was_in) {
        ide_next(d, IDE_STEP_WINDOW, IDE_BLOCK_NS);
    } else if (d->left) {
        show_data(d);
    } else {
        finish(d);
    }
}

static void word(struct ide_drive *d, unsigned n, u16 val) { st16(d->buffer + 2 * n, val); }

/* IDENTIFY PACKET DEVICE (ATA/ATAPI-7, 6.16) */
void atapi_identify(struct ide_drive *d)
{
    u8 kind = d->transfer_mode >> 3, mode = d->transfer_mode & 7;
    memset(d->buffer, 0, IDE_SECTOR);
    word(d, 0, 0x85c0); /* ATAPI CD-ROM, removable, DRQ within 50 us, 12-byte packets */
    word(d, 49, 0x0f00);
    word(d, 50, 0x4000);
    word(d, 53, 7);
    word(d, 62, (u16)(7 | (kind == 2 ? BIT(8 + mode) : 0)));
    word(d, 63, (u16)(7 | (kind == 4 ? BIT(8 + mode) : 0)));
    word(d, 64, 3);
    for (unsigned i = 65; i <= 68; i++)
        word(d, i, 120);
    word(d, 71, 30);
    word(d, 72, 30);
    word(d, 80, 0x001e);
    word(d, 82, 0x4210); /* NOP, DEVICE RESET, packet */
    word(d, 83, 0x4000);
    word(d, 84, 0x4000);
    word(d, 85, 0x4210);
    word(d, 87, 0x4000);
    word(d, 88, (u16)(0x3f | (kind == 8 ? BIT(8 + mode) : 0)));
    word(d, 93, (u16)(0x6001 | (d->unit ? 0x0e00 : 0)));
    ata_identity(d);
    ide_open_window(d, 0, IDE_SECTOR, true);
    ide_interrupt(d);
}

/* SRST and DEVICE RESET: the command is gone, tray and lock are as they were but for the lock. */
void atapi_reset(struct ide_drive *d)
{
    d->phase = PHASE_NONE;
    d->left = d->fill = d->taken = 0;
    d->locked = false;
}

void atapi_power_on(struct ide_drive *d)
{
    atapi_reset(d);
    memset(d->packet, 0, sizeof d->packet);
    d->sense_key = d->asc = d->ascq = 0;
    d->attention = d->cdrom ? ASC_RESET : 0;
    d->tray_open = d->event_new = d->event_eject = d->packet_dma = false;
    d->byte_limit = d->sector_size = 0;
    d->read_fields = 0;
}

void atapi_medium_changed(struct ide_drive *d)
{
    d->event_eject = !d->disk;
    d->event_new = d->disk;
    d->attention = ASC_MEDIUM_CHANGED;
    d->tray_open = false;
    trace(ide_trace(d), ide, "ide%u: %s", d->number, d->disk ? "another disc" : "disc removed");
}
