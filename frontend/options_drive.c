/*
 * The rows of options.def that name disks, CD-ROMs and floppies, and the places
 * and drives nobody named.
 */
#include "frontend/options_parse.h"

/* Space that runs out stops the machine; all errors of a floppy are the guest's. */
static enum disk_policy write_policy(enum drive_bus bus) { return bus == DRIVE_FLOPPY ? DISK_REPORT : DISK_ENOSPC; }

static struct drive_option *add_drive(struct options *o, enum drive_bus bus, int index, const char *file,
                                      const char *given, struct error *e)
{
    if (o->ndrives == MAX_DRIVES) {
        fail(e, "%s: there is room for %d drives", given, MAX_DRIVES);
        return NULL;
    }
    struct drive_option *d = &o->drive[o->ndrives++];
    *d = (struct drive_option){.bus = bus, .index = index, .image.path = file, .given = options_keep(o, given)};
    d->image.on_write_error = write_policy(bus);
    return d;
}

static bool simple_drive(struct options *o, enum drive_bus bus, int index, const char *name, const char *file,
                         bool cdrom, struct error *e)
{
    char given[160];
    snprintf(given, sizeof(given), "%s %s", name, file);
    struct drive_option *d = add_drive(o, bus, index, file, given, e);
    if (d)
        d->cdrom = d->image.readonly = cdrom;
    return d != NULL;
}

#define SIMPLE_DRIVE(function, bus, index, name, cdrom)                                                                \
    int function(struct options *o, const char *arg, FILE *out, struct error *e)                                       \
    {                                                                                                                  \
        (void)out;                                                                                                     \
        return simple_drive(o, bus, index, name, arg, cdrom, e);                                                       \
    }
SIMPLE_DRIVE(opt_hda, DRIVE_IDE, 0, "-hda", false)
SIMPLE_DRIVE(opt_hdb, DRIVE_IDE, 1, "-hdb", false)
SIMPLE_DRIVE(opt_hdc, DRIVE_IDE, 2, "-hdc", false)
SIMPLE_DRIVE(opt_hdd, DRIVE_IDE, 3, "-hdd", false)
SIMPLE_DRIVE(opt_cdrom, DRIVE_IDE, 2, "-cdrom", true)
SIMPLE_DRIVE(opt_fda, DRIVE_FLOPPY, 0, "-fda", false)
SIMPLE_DRIVE(opt_fdb, DRIVE_FLOPPY, 1, "-fdb", false)

static const char *const interfaces[DRIVE_BUSES] = {
    [DRIVE_IDE] = "ide", [DRIVE_FLOPPY] = "floppy", [DRIVE_NONE] = "none"};
static const int drive_places[DRIVE_BUSES] = {
    [DRIVE_IDE] = MAX_IDE, [DRIVE_FLOPPY] = MAX_FLOPPY, [DRIVE_NONE] = MAX_LOOSE};

/* if=, bus=, unit=, index= */
static bool drive_place(struct subopts *s, enum drive_bus *bus, int *index, struct error *e)
{
    const char *interface = subopts_get(s, "if");
    unsigned i = DRIVE_IDE;
    while (interface && i < DRIVE_BUSES && strcmp(interface, interfaces[i]) != 0)
        i++;
    if (i == DRIVE_BUSES)
        return fail_unknown(e, "-drive interface", interface, interfaces, DRIVE_BUSES);
    *bus = (enum drive_bus)i;
    if (*bus == DRIVE_NONE && (subopts_get(s, "index") || subopts_get(s, "unit") || subopts_get(s, "bus")))
        return fail(e, "-drive if=none has no index, bus or unit: they are the device's that names it");
    u64 n = 0, channel = 0, unit = 0, places = (u64)drive_places[*bus];
    if (!subopts_number(s, "index", places - 1, &n, e) || !subopts_number(s, "unit", 1, &unit, e) ||
        !subopts_number(s, "bus", places / 2 - 1, &channel, e))
        return false;
    bool by_bus = subopts_get(s, "unit") || subopts_get(s, "bus");
    if (by_bus && subopts_get(s, "index"))
        return fail(e, "-drive: give either index= or bus= and unit=");
    *index = by_bus ? (int)(channel * 2 + unit) : subopts_get(s, "index") ? (int)n : -1;
    return true;
}

/* Which of n words a key's value is: *to, left alone without the key. */
static bool drive_word(struct subopts *s, const char *key, const char *const *words, size_t n, unsigned *to,
                       struct error *e)
{
    const char *word = subopts_get(s, key);
    char what[40];
    size_t i = 0;
    while (word && i < n && strcmp(word, words[i]) != 0)
        i++;
    snprintf(what, sizeof(what), "-drive %s", key);
    if (i == n)
        return fail_unknown(e, what, word, words, n);
    if (word)
        *to = (unsigned)i;
    return true;
}

static bool drive_locking(struct subopts *s, enum disk_locking *to, struct error *e)
{
    static const char *const words[] = {
        [DISK_LOCKING_AUTO] = "auto", [DISK_LOCKING_ON] = "on", [DISK_LOCKING_OFF] = "off"};
    unsigned i = DISK_LOCKING_AUTO;
    bool ok = drive_word(s, "file.locking", words, ARRAY_LEN(words), &i, e);
    *to = (enum disk_locking)i;
    return ok;
}

/* werror= and rerror=; 'writes' as QEMU's enospc is for writing only. */
static bool drive_policy(struct subopts *s, const char *key, bool writes, enum disk_policy *to, struct error *e)
{
    static const char *const words[] = {
        [DISK_REPORT] = "report", [DISK_IGNORE] = "ignore", [DISK_STOP] = "stop", [DISK_ENOSPC] = "enospc"};
    unsigned i = *to;
    bool ok = drive_word(s, key, words, writes ? ARRAY_LEN(words) : DISK_ENOSPC, &i, e);
    *to = (enum disk_policy)i;
    return ok;
}

static bool drive_policies(struct subopts *s, enum drive_bus bus, struct disk_options *to, struct error *e)
{
    if (bus == DRIVE_FLOPPY && (subopts_get(s, "werror") || subopts_get(s, "rerror")))
        return fail(e, "-drive werror and rerror are not for floppies, whose errors are always the guest's");
    to->on_write_error = write_policy(bus);
    return drive_policy(s, "werror", true, &to->on_write_error, e) &&
           drive_policy(s, "rerror", false, &to->on_read_error, e);
}

/* cache= is short for a setting of the three cache.KEY. */
static bool drive_cache(struct subopts *s, struct disk_cache *to, struct error *e)
{
    static const char *const words[] = {"writeback", "none", "off", "writethrough", "directsync", "unsafe"};
    static const struct disk_cache caches[] = {{0},
                                               {.direct = true},
                                               {.direct = true},
                                               {.writethrough = true},
                                               {.direct = true, .writethrough = true},
                                               {.no_flush = true}};
    unsigned i = 0;
    if (!drive_word(s, "cache", words, ARRAY_LEN(words), &i, e))
        return false;
    *to = caches[i];
    bool writeback = !to->writethrough;
    bool ok = subopts_bool(s, "cache.direct", &to->direct, e) && subopts_bool(s, "cache.no-flush", &to->no_flush, e) &&
              subopts_bool(s, "cache.writeback", &writeback, e);
    to->writethrough = !writeback;
    return ok;
}

/* How requests are handed to the host, which here is always one at a time: aio= changes nothing. */
static bool drive_aio(struct subopts *s, const struct disk_cache *cache, struct error *e)
{
    static const char *const words[] = {"threads", "native", "io_uring"};
    unsigned i = 0;
    if (!drive_word(s, "aio", words, ARRAY_LEN(words), &i, e))
        return false;
    return i != 1 || cache->direct || fail(e, "-drive aio=native needs cache.direct=on, as cache=none has it");
}

static bool drive_zeroes(struct subopts *s, struct disk_options *to, struct error *e)
{
    static const char *const discards[] = {"ignore", "off", "unmap", "on"};
    static const char *const words[] = {
        [DISK_ZEROES_WRITTEN] = "off", [DISK_ZEROES_KEPT] = "on", [DISK_ZEROES_HOLES] = "unmap"};
    unsigned discard = 0, i = DISK_ZEROES_WRITTEN;
    if (!drive_word(s, "discard", discards, ARRAY_LEN(discards), &discard, e) ||
        !drive_word(s, "detect-zeroes", words, ARRAY_LEN(words), &i, e))
        return false;
    to->discard = discard >= 2;
    to->zeroes = i == DISK_ZEROES_HOLES && !to->discard ? DISK_ZEROES_KEPT : (enum disk_zeroes)i; /* as QEMU */
    return true;
}

/* What QEMU has and we have not, said by name. */
static bool drive_lacks(struct subopts *s, struct error *e)
{
    static const char *const limits[] = {"throttling.", "bps", "iops"};
    bool copy = false;
    if (!subopts_bool(s, "copy-on-read", &copy, e))
        return false;
    if (copy)
        return fail(e, "-drive copy-on-read=on: a raw image has no other behind it to copy from");
    for (unsigned i = 0; i < s->count; i++) {
        for (size_t j = 0; j < ARRAY_LEN(limits); j++) {
            if (!strncmp(s->item[i].key, limits[j], strlen(limits[j])))
                return fail(e, "-drive %s: a drive's speed cannot be limited", s->item[i].key);
        }
    }
    return true;
}

static bool known_format(const char *format, struct error *e)
{
    enum { MOST = 16 };
    const char *names[MOST];
    unsigned n = 0;
    while (n < MOST && (names[n] = disk_format_name(n)) && strcmp(names[n], format) != 0)
        n++;
    return (n < MOST && names[n]) || fail_unknown(e, "-drive format", format, names, n);
}

static bool drive_keys(struct options *o, struct subopts *s, const char *arg, struct error *e)
{
    static const char *const medias[] = {"disk", "cdrom"};
    enum drive_bus bus = DRIVE_IDE;
    int index = -1;
    struct disk_options image = {0};
    const char *format = subopts_get(s, "format"), *media = subopts_get(s, "media"), *id = subopts_get(s, "id");
    const char *file = subopts_get(s, "file");
    if (!drive_place(s, &bus, &index, e) || !subopts_bool(s, "snapshot", &image.snapshot, e) ||
        !subopts_bool(s, "readonly", &image.readonly, e) || !subopts_bool(s, "read-only", &image.readonly, e) ||
        !drive_locking(s, &image.locking, e) || !drive_policies(s, bus, &image, e) ||
        !drive_cache(s, &image.cache, e) || !drive_aio(s, &image.cache, e) || !drive_zeroes(s, &image, e) ||
        !drive_lacks(s, e))
        return false;
    if (!subopts_done(s, "-drive", e))
        return false;
    if (format && !known_format(format, e))
        return false;
    if (media && strcmp(media, "disk") != 0 && strcmp(media, "cdrom") != 0)
        return fail_unknown(e, "-drive media", media, medias, ARRAY_LEN(medias));
    image.format = format ? options_keep(o, format) : NULL;
    bool cdrom = media && !strcmp(media, "cdrom");
    if (cdrom && bus == DRIVE_FLOPPY)
        return fail(e, "-drive %s: a floppy drive takes no CD", arg);
    if (!file && !cdrom && bus == DRIVE_IDE)
        return fail(e, "-drive %s: a hard disk needs file=NAME", arg);
    char given[160];
    snprintf(given, sizeof(given), "-drive %s", arg);
    struct drive_option *d = add_drive(o, bus, index, file && *file ? options_keep(o, file) : NULL, given, e);
    if (!d)
        return false;
    d->cdrom = cdrom;
    image.path = d->image.path;
    image.readonly |= cdrom;
    d->image = image;
    d->id = id ? options_keep(o, id) : NULL;
    return true;
}

int opt_drive(struct options *o, const char *arg, FILE *out, struct error *e)
{
    (void)out;
    struct subopts s;
    if (!subopts_parse(&s, arg, NULL, e))
        return false;
    bool ok = drive_keys(o, &s, arg, e);
    subopts_free(&s);
    return ok;
}

int opt_snapshot(struct options *o, const char *arg, FILE *out, struct error *e)
{
    UNUSED_ARGS;
    return o->snapshot = true;
}

/* How messages call the drives of each. */
static const char *const kinds[DRIVE_BUSES] = {
    [DRIVE_IDE] = "IDE", [DRIVE_FLOPPY] = "floppy", [DRIVE_NONE] = "if=none"};

static bool place_drive(struct drive_option *taken[DRIVE_BUSES][MAX_DRIVES], struct drive_option *d, struct error *e)
{
    int places = drive_places[d->bus];
    if (d->index < 0) {
        for (d->index = 0; d->index < places && taken[d->bus][d->index];)
            d->index++;
        if (d->index == places)
            return fail(e, "%s: all %d %s drives are taken", d->given, places, kinds[d->bus]);
    }
    struct drive_option *other = taken[d->bus][d->index];
    if (other)
        return fail(e, "%s and %s are both %s drive %d, give one of them another index", other->given, d->given,
                    kinds[d->bus], d->index);
    taken[d->bus][d->index] = d;
    return true;
}

/* Who makes IDE drives of his own gets no empty CD-ROM drive. */
static bool has_ide_device(const struct options *o)
{
    bool hit = false;
    for (unsigned i = 0; i < o->ndevices; i++) {
        const struct device_class *cls = device_class_find(o->device[i].args.driver);
        hit |= cls && cls->bus && !strcmp(cls->bus, "IDE");
    }
    return hit;
}

static bool name_drives(struct options *o, struct error *e)
{
    for (unsigned i = 0; i < o->ndrives; i++) {
        struct drive_option *d = &o->drive[i];
        if (d->id && strlen(d->id) >= sizeof(d->name))
            return fail(e, "%s: the id is longer than %zu characters", d->given, sizeof(d->name) - 1);
        if (d->id)
            snprintf(d->name, sizeof(d->name), "%s", d->id);
        else if (d->bus == DRIVE_IDE)
            snprintf(d->name, sizeof(d->name), "ide%d-%s%d", d->index / 2, d->cdrom ? "cd" : "hd", d->index % 2);
        else
            snprintf(d->name, sizeof(d->name), "%s%d", interfaces[d->bus], d->index);
        for (unsigned j = 0; j < i; j++)
            if (!strcmp(o->drive[j].name, d->name))
                return fail(e, "Duplicate ID '%s' for drive", d->name);
    }
    return true;
}

static bool place_drives(struct options *o, struct error *e)
{
    struct drive_option *taken[DRIVE_BUSES][MAX_DRIVES] = {0};
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < o->ndrives; i++) {
            struct drive_option *d = &o->drive[i];
            bool automatic = d->index < 0;
            if (automatic == (pass == 1) && !place_drive(taken, d, e))
                return false;
        }
    }
    bool pc = o->config.type == MACHINE_PC;
    if (!pc && o->ndrives)
        return fail(e, "%s: -M %s has no drives", o->drive[0].given, o->config.type == MACHINE_BARE ? "bare" : "none");
    if (o->nodefaults || !pc)
        return true;
    if (!taken[DRIVE_IDE][2] && !has_ide_device(o)) {
        struct drive_option *d = add_drive(o, DRIVE_IDE, 2, NULL, "-cdrom", e);
        if (!d)
            return false;
        d->cdrom = d->image.readonly = true;
    }
    return taken[DRIVE_FLOPPY][0] || add_drive(o, DRIVE_FLOPPY, 0, NULL, "-fda", e);
}

struct drive_config *options_drive_config(struct options *o, const struct drive_option *d)
{
    struct machine_config *c = &o->config;
    return d->bus == DRIVE_IDE      ? &c->ide[d->index]
           : d->bus == DRIVE_FLOPPY ? &c->floppy[d->index]
                                    : &c->loose[d->index].drive;
}

bool options_finish_drives(struct options *o, struct error *e)
{
    for (unsigned i = 0; i < o->ndrives; i++)
        o->drive[i].image.snapshot |= o->snapshot;
    return place_drives(o, e) && name_drives(o, e);
}
