/*
 * Saving and loading a machine (snapshot.h). A load first looks at everything
 * in the file, in copies, and only then lets it be: what has been looked at
 * cannot fail.
 *
 *   options     what has to be alike, a line each: name, tab, value
 *   PART        number n: the saved fields of part n of that name (saved.h)
 *   PART FIELD  number i: MiB i of what a MEMORY or BYTES field leads to; what
 *               is all zero is left out
 *   DRIVE written  number i: piece i of what was written under -snapshot
 */
#include "devices/machine/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "devices/machine/saved.h"
#include "devices/machine/snapshot_file.h"

enum {
    CHUNK = 1 << 20,
    SCRATCH = MAX(CHUNK, (int)DISK_PIECE_MAX),
    DISKS_MS = 2000 /* what disks have to end what is under way */
};

/* A save or a load under way. */
struct work {
    struct machine *m;
    struct part *part;
    unsigned parts;
    struct snapshot_out *out; /* saving */
    struct snapshot_in *in;   /* loading */
    u8 *scratch;              /* SCRATCH bytes */
    u64 hash;
    const struct part *at; /* whose blocks are walked */
    char *err;
    size_t err_size;
};

static bool PRINTF_LIKE(2, 3) fail(struct work *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(w->err, w->err_size, fmt, ap);
    va_end(ap);
    return false;
}

static bool begin(struct work *w)
{
    w->scratch = malloc(SCRATCH);
    w->part = machine_parts(w->m, &w->parts);
    return (w->scratch && w->part) || fail(w, "no memory to look at the machine");
}

static void end(struct work *w)
{
    snapshot_close(w->in);
    free(w->scratch);
    free(w->part);
}

static void print_device(const struct device *d, unsigned n, FILE *out)
{
    char text[PROPERTY_TEXT_MAX];
    fprintf(out, "device %u\t%s%s%s", n, d->cls->name, d->id[0] ? " " : "", d->id);
    for (const struct property *p = d->cls->properties; p && p->name; p++) {
        if (p->type == PROPERTY_CHARDEV)
            continue;
        property_get(d, p, text, sizeof(text));
        fprintf(out, ",%s=%s", p->name, text);
    }
    fputc('\n', out);
}

/* ---- drives ---- */

enum { DRIVES = MAX_IDE + MAX_FLOPPY };

/* Drive n, and its name; false: there is none of that number. */
static bool drive_at(struct machine *m, unsigned n, struct drive_state *d, char name[16])
{
    bool floppy = n >= MAX_IDE;
    snprintf(name, 16, "%s%u", floppy ? "floppy" : "ide", floppy ? n - MAX_IDE : n);
    *d = (struct drive_state){0};
    return m->look_at_drive && m->look_at_drive(m, floppy, floppy ? n - MAX_IDE : n, d);
}

static void print_drive(struct machine *m, unsigned n, FILE *out)
{
    char name[16], text[200] = "no medium";
    struct drive_state d;
    bool there = drive_at(m, n, &d, name);
    if (d.disk)
        disk_identify(d.disk, text, sizeof(text));
    fprintf(out, "drive %s\t%s\n", name, there ? text : "none");
}

/* The n-th drive's -snapshot overlay, or NULL; *section: what its pieces are called. */
static struct disk *overlay_at(struct machine *m, unsigned n, char section[32])
{
    char name[16];
    struct drive_state d;
    drive_at(m, n, &d, name);
    snprintf(section, 32, "drive %s written", name);
    return d.disk && disk_is_overlaid(d.disk) ? d.disk : NULL;
}

static bool save_overlays(struct work *w)
{
    char section[32];
    u32 len;
    for (unsigned n = 0; n < DRIVES; n++) {
        struct disk *d = overlay_at(w->m, n, section);
        for (u64 i = 0; d && i * DISK_PIECE < d->sectors; i++) {
            int err = disk_overlay_save(d, i, w->scratch, &len);
            if (err)
                return fail(w, "cannot read what was written under -snapshot: %s", strerror(-err));
            if (len && w->out)
                snapshot_put(w->out, section, (u32)i, w->scratch, len);
            else if (len)
                w->hash = XXH3_64bits_withSeed(w->scratch, len, w->hash + i);
        }
    }
    return true;
}

/* Into a place of its own, until end_overlays. */
static bool load_overlay(struct work *w, struct disk *d, const char *section)
{
    int err = disk_overlay_begin(d);
    for (u64 i = 0; !err && i * DISK_PIECE < d->sectors; i++) {
        const struct snapshot_section *s = snapshot_find(w->in, section, (u32)i);
        if (s)
            err = s->size <= DISK_PIECE_MAX && snapshot_get(w->in, s, w->scratch)
                      ? disk_overlay_put(d, i, w->scratch, s->size)
                      : -EINVAL;
    }
    if (err == -EINVAL)
        return fail(w, "'%s' of the saved machine is damaged", section);
    return !err || fail(w, "cannot write what was written under -snapshot: %s", strerror(-err));
}

static bool load_overlays(struct work *w)
{
    char section[32];
    for (unsigned n = 0; n < DRIVES; n++) {
        struct disk *d = overlay_at(w->m, n, section);
        if (d && !load_overlay(w, d, section))
            return false;
    }
    return true;
}

static void end_overlays(struct work *w, bool take)
{
    char section[32];
    for (unsigned n = 0; n < DRIVES; n++) {
        struct disk *d = overlay_at(w->m, n, section);
        if (d)
            disk_overlay_end(d, take);
    }
}

/* ---- what has to be alike ---- */

/* To be freed, NULL: no memory. */
static char *describe(struct machine *m)
{
    static const char *const types[] = {[MACHINE_PC] = "pc", [MACHINE_BARE] = "bare", [MACHINE_NONE] = "none"};
    const struct machine_config *c = &m->config;
    char *text = NULL;
    size_t size;
    unsigned n = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    fprintf(out, "-machine\t%s\n-m\t%llu bytes\n-smp\t%u\n-icount\t%s\n", types[c->type],
            (unsigned long long)c->ram_size, c->cpus,
            c->icount == ICOUNT_OFF    ? "off"
            : c->icount == ICOUNT_AUTO ? "shift=auto"
                                       : "shift=N");
    fprintf(out, "-cpu\t%s\nCPU\t%s family %u model %u stepping %u, %u bits, %u MHz\nCPU features\t",
            c->cpu.name ? c->cpu.name : "", c->cpu.vendor, c->cpu.family, c->cpu.model, c->cpu.stepping,
            c->cpu.phys_bits, cpu_model_mhz(&c->cpu));
    for (unsigned i = 0; i < WORD_COUNT; i++)
        fprintf(out, "%08x", c->cpu.features[i]);
    fputc('\n', out);
    for (unsigned i = 0; i < DRIVES; i++)
        print_drive(m, i, out);
    for (const struct device *d = m->sys.devices; d; d = d->next)
        print_device(d, n++, out);
    bool whole = !ferror(out);
    if (!fclose(out) && whole)
        return text;
    free(text);
    return NULL;
}

/* The first line that is not alike. */
static bool compare_options(struct work *w, const char *ours, const char *theirs)
{
    while (*ours && *theirs) {
        int a = (int)strcspn(ours, "\n"), b = (int)strcspn(theirs, "\n");
        if (a != b || memcmp(ours, theirs, (size_t)a) != 0) {
            int name = (int)strcspn(ours, "\t"), other = (int)strcspn(theirs, "\t");
            if (name == other && !memcmp(ours, theirs, (size_t)name))
                return fail(w, "%.*s of the saved machine is '%.*s', here it is '%.*s'", name, ours, b - name - 1,
                            theirs + name + 1, a - name - 1, ours + name + 1);
            break;
        }
        ours += a + (ours[a] == '\n');
        theirs += b + (theirs[b] == '\n');
    }
    if (*ours || *theirs)
        return fail(w, "the saved machine has %s devices than this one", *ours ? "fewer" : "more");
    return true;
}

/* Text with a zero behind it, to be freed; NULL with the sentence. */
static char *get_text(struct work *w, const char *name)
{
    struct snapshot_section *s = snapshot_find(w->in, name, 0);
    char *text = s ? malloc((size_t)s->size + 1) : NULL;
    if (!s)
        fail(w, "the saved machine has no '%s'", name);
    else if (!text)
        fail(w, "no memory to look at the saved machine");
    else if (snapshot_get(w->in, s, text))
        return text[s->size] = 0, text;
    else
        fail(w, "'%s' of the saved machine is damaged", name);
    free(text);
    return NULL;
}

static bool look_at_options(struct work *w)
{
    char *ours = describe(w->m), *theirs = ours ? get_text(w, "options") : NULL;
    bool ok = theirs ? compare_options(w, ours, theirs) : ours ? false : fail(w, "no memory to compare options");
    free(ours);
    free(theirs);
    return ok;
}

/* ---- blocks ---- */

static bool is_zero(const u8 *p, size_t n) { return !n || (!p[0] && !memcmp(p, p + 1, n - 1)); }

static void block_name(const struct work *w, const struct state_block *b, char *name, size_t size)
{
    snprintf(name, size, "%s %u %s", w->at->name, w->at->number, b->name);
}
static u32 chunk_size(const struct state_block *b, u64 at) { return (u32)MIN(b->size - at, (u64)CHUNK); }

/* The first place from 'at' on where there may be something but zeros. */
static u64 next_data(const struct state_block *b, u64 at)
{
    off_t data = b->ram && b->ram->fd >= 0 ? lseek(b->ram->fd, (off_t)at, SEEK_DATA) : (off_t)at;
    if (data < 0)
        return errno == ENXIO ? b->size : at;
    return MAX((u64)data & ~(u64)(CHUNK - 1), at);
}

static bool save_block(void *owner, const struct state_block *b)
{
    struct work *w = owner;
    char name[SECTION_NAME_MAX + 1];
    block_name(w, b, name, sizeof(name));
    for (u64 at = next_data(b, 0); at < b->size; at = next_data(b, at + CHUNK)) {
        u32 n = chunk_size(b, at);
        if (is_zero(b->data + at, n))
            continue;
        if (w->out)
            snapshot_put(w->out, name, (u32)(at / CHUNK), b->data + at, n);
        else
            w->hash = XXH3_64bits_withSeed(b->data + at, n, w->hash + at);
    }
    return true;
}

static bool look_at_block(void *owner, const struct state_block *b)
{
    struct work *w = owner;
    char name[SECTION_NAME_MAX + 1];
    block_name(w, b, name, sizeof(name));
    for (u64 at = 0; at < b->size; at += CHUNK) {
        const struct snapshot_section *s = snapshot_find(w->in, name, (u32)(at / CHUNK));
        if (s && (s->size != chunk_size(b, at) || !snapshot_get(w->in, s, w->scratch)))
            return fail(w, "'%s' of the saved machine is damaged", name);
    }
    return true;
}

/* Zeros all of it: gives pages back where that can be done. */
static void clear_block(const struct work *w, const struct state_block *b)
{
    if (b->ram && b->ram->fd >= 0 && !w->m->config.mem_prealloc &&
        !fallocate(b->ram->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)b->size))
        return;
    for (u64 at = 0; at < b->size; at += PAGE_SIZE)
        if (!is_zero(b->data + at, MIN(b->size - at, (u64)PAGE_SIZE)))
            memset(b->data + at, 0, MIN(b->size - at, (u64)PAGE_SIZE));
}

static bool load_block(void *owner, const struct state_block *b)
{
    struct work *w = owner;
    char name[SECTION_NAME_MAX + 1];
    block_name(w, b, name, sizeof(name));
    clear_block(w, b);
    for (u64 at = 0; at < b->size; at += CHUNK) {
        const struct snapshot_section *s = snapshot_find(w->in, name, (u32)(at / CHUNK));
        if (!s || !snapshot_get(w->in, s, w->scratch))
            continue;
        for (u32 i = 0, n; i < s->size; i += n) {
            n = MIN(s->size - i, PAGE_SIZE);
            if (!is_zero(w->scratch + i, n))
                memcpy(b->data + at + i, w->scratch + i, n);
        }
    }
    return true;
}

static bool each_block(struct work *w, bool (*fn)(void *owner, const struct state_block *b))
{
    for (unsigned i = 0; i < w->parts; i++) {
        w->at = &w->part[i];
        if (!state_blocks(w->at->fields, w->at->obj, fn, w))
            return false;
    }
    return true;
}

/* ---- saving ---- */

static void save_parts(struct work *w)
{
    struct state_buf b = {0};
    for (unsigned i = 0; i < w->parts; i++) {
        const struct part *p = &w->part[i];
        b.len = 0;
        state_save(p->fields, p->obj, &b);
        if (!w->out)
            w->hash = XXH3_64bits_withSeed(b.data, b.len, w->hash);
        else if (b.failed)
            snapshot_fail(w->out);
        else
            snapshot_put(w->out, p->name, p->number, b.data, b.len);
    }
    free(b.data);
}

static bool may_be_saved(struct work *w)
{
    if (!machine_settle_disks(w->m, DISKS_MS))
        return fail(w, "a disk image does not answer");
    machine_settle(w->m);
    return !w->m->priv->quit || fail(w, "the machine has ended");
}

bool machine_save(struct machine *m, const char *path, char *err, size_t err_size)
{
    struct work w = {.m = m, .err = err, .err_size = err_size};
    bool ok = may_be_saved(&w) && begin(&w) && (w.out = snapshot_create(path, err, err_size));
    if (ok) {
        char *options = describe(m);
        if (options)
            snapshot_put(w.out, "options", 0, options, strlen(options));
        else
            snapshot_fail(w.out);
        free(options);
        save_parts(&w);
        each_block(&w, save_block);
        ok = save_overlays(&w);
        char why[120];
        if (!ok)
            snapshot_fail(w.out);
        ok = snapshot_finish(w.out, ok ? err : why, ok ? err_size : sizeof(why));
    }
    end(&w);
    return ok;
}

u64 machine_hash(struct machine *m)
{
    char err[80];
    struct work w = {.m = m, .err = err, .err_size = sizeof(err)};
    machine_settle(m);
    if (begin(&w)) {
        save_parts(&w);
        each_block(&w, save_block);
        save_overlays(&w);
    }
    end(&w);
    return w.hash;
}

/* ---- loading ---- */

/* What is in the file for that part; false with the sentence. To be freed. */
static bool get_part(struct work *w, const struct part *p, struct state_buf *b)
{
    const struct snapshot_section *s = snapshot_find(w->in, p->name, p->number);
    *b = (struct state_buf){0};
    if (!s)
        return fail(w, "the saved machine has no '%s' %u", p->name, p->number);
    b->data = malloc((size_t)s->size + 1);
    b->len = s->size;
    if (!b->data)
        return fail(w, "no memory to look at the saved machine");
    return snapshot_get(w->in, s, b->data) || fail(w, "'%s' %u of the saved machine is damaged", p->name, p->number);
}

static bool look_at_other(struct work *w, const struct part *p, struct state_buf in)
{
    char why[200];
    void *copy = state_look(p->fields, p->obj, p->size, in, why, sizeof(why));
    const char *bad = copy ? part_contradiction(w->m, p, copy) : why;
    if (bad)
        fail(w, "'%s' %u: %s", p->name, p->number, bad);
    free(copy);
    return !bad;
}

static bool look_at_part(struct work *w, const struct part *p)
{
    struct state_buf b;
    bool ok = get_part(w, p, &b);
    if (ok && p->device)
        ok = device_look(p->device, b) || fail(w, "%s", w->m->sys.err);
    else if (ok)
        ok = look_at_other(w, p, b);
    free(b.data);
    return ok;
}

static bool look(struct work *w)
{
    if (!look_at_options(w))
        return false;
    for (unsigned i = 0; i < w->parts; i++)
        if (!look_at_part(w, &w->part[i]))
            return false;
    if (!each_block(w, look_at_block) || !load_overlays(w))
        return false;
    const struct snapshot_section *more = snapshot_unseen(w->in);
    return !more || fail(w, "the saved machine has '%s' (%u), which is none of this one's", more->name, more->number);
}

/* The machine goes on if it did before and what was saved can; else it stands as that did. */
static void settle_run_state(struct machine *m, enum run_state before)
{
    struct machine_private *p = m->priv;
    enum run_state saved = p->state;
    p->state = before;
    if (before != RUN_RUNNING || machine_is_over(saved))
        machine_set_state(m, saved == RUN_RUNNING ? RUN_PAUSED : saved);
    m->disks.stopping = false;
}

static void take(struct work *w, struct state_buf *b)
{
    enum run_state before = w->m->priv->state;
    for (unsigned i = 0; i < w->parts; i++)
        state_take(w->part[i].fields, w->part[i].obj, &w->m->sys.clock, b[i]);
    each_block(w, load_block);
    machine_restored(w->m);
    settle_run_state(w->m, before);
}

static bool load(struct work *w)
{
    struct state_buf *b = calloc(w->parts, sizeof(*b));
    bool ok = b ? look(w) : fail(w, "no memory to load the machine");
    for (unsigned i = 0; ok && i < w->parts; i++)
        ok = get_part(w, &w->part[i], &b[i]);
    if (ok)
        take(w, b);
    end_overlays(w, ok);
    for (unsigned i = 0; b && i < w->parts; i++)
        free(b[i].data);
    free(b);
    return ok;
}

bool machine_load(struct machine *m, const char *path, char *err, size_t err_size)
{
    struct work w = {.m = m, .err = err, .err_size = err_size};
    machine_carry_out(m);
    bool ok = (machine_settle_disks(m, DISKS_MS) || fail(&w, "a disk image does not answer")) && begin(&w) &&
              (w.in = snapshot_open(path, err, err_size)) && load(&w);
    end(&w);
    return ok;
}
