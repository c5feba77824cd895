/*
 * The 82077AA's data commands between a sector and the host: finding the ID
 * the command names, moving its bytes by DMA or one by one, and going on to
 * the next sector as MT, EOT, SK and terminal count say (Intel 290166, 6.1).
 */
#include "devices/fdc_state.h"

/* ---- the medium ---- */

/* Do the heads find an address mark? Only at the medium's rate, and in MFM. */
bool fdc_readable(const struct fdc *f, const struct fdc_drive *d)
{
    const struct format *m = d->format;
    if (!d->disk || d->track >= m->tracks || f->head >= m->heads)
        return false;
    return f->rate == m->rate || (m->five && m->rate == RATE_250 && f->rate == RATE_300);
}

/* The sector of the image, once the ID the command names was found on this track. */
static bool find_sector(struct fdc *f, u64 *sector)
{
    const struct fdc_drive *d = fdc_selected(f);
    const struct format *m = d->format;
    if (!fdc_readable(f, d)) {
        fdc_fail(f, ST1_NO_MARK, 0);
        return false;
    }
    if (f->track_order && f->r > m->per_track) {
        fdc_fail(f, ST1_NO_DATA, 0);
        return false;
    }
    if (f->c != d->track) {
        fdc_fail(f, ST1_NO_DATA, ST2_WRONG_CYLINDER);
        return false;
    }
    if (f->h != f->head || f->r < 1 || f->r > m->per_track || f->n != 2) {
        fdc_fail(f, ST1_NO_DATA, 0);
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
    fdc_end_data(f, 0);
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
    fdc_end_data(f, 0);
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
        fdc_next_step(f, STEP_SECTOR, SECTOR_NS);
    } else if (f->op == OP_SCAN) {
        end_scan(f);
    } else if (f->op == OP_VERIFY) {
        end_normal(f);
    } else {
        fdc_fail(f, ST1_END, 0);
    }
}

static void write_sector(struct fdc *f)
{
    struct fdc_drive *d = fdc_selected(f);
    u64 sector;
    memset(f->buffer + f->pos, 0, sizeof f->buffer - f->pos); /* TC in the middle of a sector */
    if (!find_sector(f, &sector))
        return;
    if (disk_write(d->disk, sector, f->buffer, 1))
        fdc_fail(f, ST1_CRC, ST2_CRC);
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
    struct fdc_drive *d = fdc_selected(f);
    u64 sector;
    f->c = f->buffer[0];
    f->h = f->buffer[1];
    f->r = f->buffer[2];
    f->n = f->buffer[3];
    if (!find_sector(f, &sector))
        return;
    memset(f->buffer, f->filler, sizeof f->buffer);
    if (disk_write(d->disk, sector, f->buffer, 1)) {
        fdc_fail(f, ST1_CRC, ST2_CRC);
    } else if (--f->count == 0) {
        fdc_end_data(f, 0);
    } else {
        fdc_next_step(f, STEP_SECTOR, SECTOR_NS);
    }
}

/* The buffer is filled by the host, or emptied by it. */
void fdc_buffer_done(struct fdc *f)
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
        if (disk_read(fdc_selected(f)->disk, sector, f->buffer, 1)) {
            fdc_fail(f, ST1_CRC, ST2_CRC);
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
void fdc_move_dma(struct fdc *f)
{
    dma_request(&f->dma, true);
    while (f->pos < f->len && !f->tc) {
        size_t n = dma_transfer(&f->dma, f->buffer + f->pos, (size_t)(f->len - f->pos), fdc_to_host(f), &f->tc);
        if (!n)
            return;
        f->pos = (u16)(f->pos + n);
    }
    dma_request(&f->dma, false);
    fdc_buffer_done(f);
}

static void open_buffer(struct fdc *f, u16 len)
{
    f->pos = 0;
    f->len = len;
    if (fdc_non_dma(f))
        fdc_set_irq(f, true);
    else
        fdc_move_dma(f);
}

/* The head reaches the next sector. */
void fdc_sector_step(struct fdc *f)
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
    if (disk_read(fdc_selected(f)->disk, sector, f->buffer, 1)) {
        fdc_fail(f, ST1_CRC, ST2_CRC);
        return;
    }
    if (f->op == OP_VERIFY)
        sector_done(f);
    else
        open_buffer(f, SECTOR);
}

void fdc_found_id(struct fdc *f)
{
    const struct fdc_drive *d = fdc_selected(f);
    if (!fdc_readable(f, d) || !(f->fifo[0] & OPTION_MFM)) {
        fdc_fail(f, ST1_NO_MARK, 0);
        return;
    }
    f->r = f->r >= d->format->per_track ? 1 : (u8)(f->r + 1);
    f->c = d->track;
    f->h = f->head;
    f->n = 2;
    fdc_end_data(f, 0);
}
