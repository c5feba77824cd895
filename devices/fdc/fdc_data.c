/*
 * The 82077AA's data commands between a sector and the host: finding the ID
 * the command names, moving its bytes by DMA or one by one, and going on to
 * the next sector as MT, EOT, SK and terminal count say (Intel 290166, 6.1).
 */
#include "devices/fdc/fdc_state.h"

#include <errno.h>

/* ---- the medium ---- */

/* Do the heads find an address mark? Only at the medium's rate, and in MFM. */
bool fdc_readable(const struct fdc *f, const struct fdc_drive *d)
{
    const struct format *m = d->format;
    if (!d->disk || d->track >= m->tracks || f->head >= m->heads)
        return false;
    /* 40 tracks, written at 250 kbit/s, pass the heads of a 1.2 MB drive at 300; guests try either */
    bool slow = m->tracks < 80 && (f->rate == RATE_250 || f->rate == RATE_300);
    return f->rate == m->rate || slow;
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

/* ---- the image ---- */

void fdc_answered(void *owner, int err)
{
    struct fdc *f = owner;
    f->answered = true;
    f->answer = err;
    fdc_run_step(f);
    f->answered = false;
}

/*
 * False: the access has failed, and the command with it, or 'step' comes again: with the answer, or once the user has
 * helped.
 */
static bool access(struct fdc *f, enum disk_op op, u64 sector, u8 *buf, enum fdc_step step)
{
    int err = f->answer;
    if (!f->answered) {
        f->memory = (struct iovec){buf, SECTOR};
        f->request.op = op;
        f->request.sector = sector;
        f->request.count = 1;
        f->request.vec = &f->memory;
        f->request.nvec = 1;
        f->request.done = fdc_answered;
        f->request.owner = f;
        err = disk_submit(fdc_selected(f)->disk, &f->request);
    }
    f->answered = false;
    if (err == -EAGAIN || err == -EINPROGRESS)
        fdc_next_step(f, step, err == -EAGAIN ? RETRY_NS : WHEN_ANSWERED);
    else if (err)
        fdc_fail(f, ST1_CRC, ST2_CRC);
    return !err;
}

/* What the image has not of its disk reads as zeros. */
static bool read_image(struct fdc *f, u64 sector, u8 *buf, enum fdc_step step)
{
    if (sector < fdc_selected(f)->disk->sectors)
        return access(f, DISK_READ, sector, buf, step);
    memset(buf, 0, SECTOR);
    return true;
}

static bool write_image(struct fdc *f, u64 sector, u8 *buf) { return access(f, DISK_WRITE, sector, buf, STEP_DONE); }

/* ---- moving sectors ---- */

/* Does the track end before the command does? */
static bool track_over(const struct fdc *f)
{
    return (f->fifo[0] & OPTION_MT) && f->r < f->eot &&
           f->r + f->stride > fdc_selected((struct fdc *)f)->format->per_track;
}

/* The first sector of the next track of two, that of head 0 on the next cylinder. */
static void next_track(struct fdc *f)
{
    f->r = 1;
    if (f->head)
        f->c++;
    f->h ^= 1;
}

/* The result's C H R when the host ended the transfer (6.1, table 6-4). */
static void advance_result(struct fdc *f)
{
    bool both = f->fifo[0] & OPTION_MT;
    if (track_over(f)) {
        next_track(f);
        return;
    }
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

/* Goes on to the sector after this one, in ns from now; false when the cylinder is over (ST1 EN). */
static bool next_sector(struct fdc *f, u64 *ns)
{
    struct fdc_drive *d = fdc_selected(f);
    bool last = f->r == f->eot || (f->stride == 2 && f->r + 1 == f->eot);
    *ns = SECTOR_NS;
    if (track_over(f)) {
        /* No sector has such a number; but BIOSes that name more than a track has mean the next one. */
        if (f->head) {
            *ns += fdc_move_heads(d, d->track + 1);
            d->pcn = (u8)(f->c + 1);
        }
        next_track(f);
        f->head ^= 1;
        return true;
    }
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
    u64 ns;
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
    if (next_sector(f, &ns)) {
        fdc_next_step(f, STEP_SECTOR, ns);
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
    u64 sector;
    memset(f->buffer + f->pos, 0, sizeof f->buffer - f->pos); /* TC in the middle of a sector */
    if (find_sector(f, &sector) && write_image(f, sector, f->buffer))
        sector_done(f);
}

/* SCAN compares byte by byte; FF on either side matches anything (6.2). */
static void scan_sector(struct fdc *f)
{
    bool hit = true, equal = true;
    u64 sector;
    if (!find_sector(f, &sector) || !read_image(f, sector, f->media, STEP_DONE))
        return;
    for (unsigned i = 0; i < f->pos && equal; i++) {
        u8 disk = f->media[i], host = f->buffer[i];
        if (disk == host || disk == 0xff || host == 0xff)
            continue;
        equal = false;
        hit = f->scan == 0x19 ? disk < host : f->scan == 0x1d ? disk > host : false;
    }
    f->scan_missed = !hit;
    if (hit && equal)
        f->st2 |= ST2_SCAN_HIT;
    sector_done(f);
}

/* One sector of FORMAT TRACK: C H R N from the host, then the filler. */
static void format_sector(struct fdc *f)
{
    u64 sector;
    f->c = f->buffer[0];
    f->h = f->buffer[1];
    f->r = f->buffer[2];
    f->n = f->buffer[3];
    memset(f->media, f->filler, sizeof f->media);
    if (!find_sector(f, &sector) || !write_image(f, sector, f->media))
        return;
    if (--f->count == 0)
        fdc_end_data(f, 0);
    else
        fdc_next_step(f, STEP_SECTOR, SECTOR_NS);
}

/* The buffer is filled by the host, or emptied by it. */
void fdc_buffer_done(struct fdc *f)
{
    switch ((enum fdc_op)f->op) {
    case OP_WRITE:
        write_sector(f);
        break;
    case OP_FORMAT:
        format_sector(f);
        break;
    case OP_SCAN:
        scan_sector(f);
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
    if (!read_image(f, sector, f->buffer, STEP_SECTOR))
        return;
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
