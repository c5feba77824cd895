/*
 * From a file's name to a disk: which format it has, and what stands on top.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "devices/block/format.h"

static const struct disk_format *const formats[] = {
#define FORMAT(format) &format,
#include "devices/block/formats.def"
#undef FORMAT
};

const char *disk_format_name(unsigned n) { return n < ARRAY_LEN(formats) ? formats[n]->name : NULL; }

bool complain(const struct complaint *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (c->size)
        vsnprintf(c->text, c->size, fmt, ap);
    va_end(ap);
    return false;
}

/* What cannot be read is the guest's to find out. */
static void read_sector(struct disk_file *f, u64 pos, u8 *to)
{
    if (disk_file_read(f, &(struct iovec){to, DISK_SECTOR}, 1, pos))
        memset(to, 0, DISK_SECTOR);
}

/* What it looks like; NULL with a sentence when that is none of ours. */
static const struct disk_format *look(struct disk_file *f, const char *path, const struct complaint *c)
{
    u8 first[DISK_SECTOR] = {0}, last[DISK_SECTOR] = {0};
    u64 size = disk_file_size(f);
    if (size >= DISK_SECTOR)
        read_sector(f, 0, first);
    if (size % DISK_SECTOR == 0)
        read_sector(f, size - DISK_SECTOR, last);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (formats[i]->probe && formats[i]->probe(first, last))
            return formats[i];
    const char *other = disk_probe_dmg(last) ? "dmg" : disk_probe(first);
    if (!other)
        return formats[ARRAY_LEN(formats) - 1];
    complain(c,
             "disk image '%s' is in %s format; make a raw one with qemu-img convert -O raw, or say format=raw "
             "to have its bytes as they are",
             path, other);
    return NULL;
}

static const struct disk_format *format_named(const char *name, const struct complaint *c)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (!strcmp(formats[i]->name, name))
            return formats[i];
    complain(c, "Unknown driver '%s'", name);
    return NULL;
}

static struct disk *open_format(const struct disk_options *opt, const struct complaint *c)
{
    struct disk_file *f = disk_file_open(opt, c);
    if (!f)
        return NULL;
    const struct disk_format *format = opt->format ? format_named(opt->format, c) : look(f, opt->path, c);
    if (!format || !disk_file_lock(f, opt, c)) {
        disk_file_close(f);
        return NULL;
    }
    struct disk *d = format->open(f, opt, !opt->format, c);
    if (d)
        d->format = format->name;
    return d;
}

struct disk *disk_open(const struct disk_options *opt, struct trace *trace, char *err, size_t err_size)
{
    const struct complaint c = {err, err_size};
    struct disk *d = open_format(opt, &c);
    if (d && opt->snapshot && !opt->readonly) {
        const char *format = d->format;
        d = disk_overlay_open(d, opt->path, &c);
        if (d)
            d->format = format;
    }
    if (!d)
        return NULL;
    d->readonly = opt->readonly;
    d->discards = opt->discard && !opt->readonly;
    d->trace = trace;
    d->on_read_error = opt->on_read_error;
    d->on_write_error = opt->on_write_error;
    d->path = strdup(opt->path);
    d->drive = opt->drive ? strdup(opt->drive) : NULL;
    return d;
}
