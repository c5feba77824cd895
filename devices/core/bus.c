/*
 * Address spaces: the flat view is rebuilt at each change by asking, for every
 * stretch between two region edges, which claim wins. Lookup is by binary
 * search. Handlers may change the view while an access is under way, so no
 * pointer into it is kept across a call.
 */
#include "devices/core/bus.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { RAM_PAGE = 4096, CODE_CHUNK = 64, DIRTY_ALL = 0xff };

/* ---- the view ---- */

void space_init(struct space *s, const char *name, u64 limit, bool is_io, struct trace *trace)
{
    *s = (struct space){.name = name, .limit = limit, .is_io = is_io, .trace = trace};
}

void space_destroy(struct space *s)
{
    free(s->flat);
    s->flat = NULL;
    s->nflat = 0;
    s->regions = NULL;
}

static u64 region_end(const struct space *s, const struct region *r)
{
    u64 room = r->base < s->limit ? s->limit - r->base : 0;
    return r->base + MIN(r->size, room);
}

static bool wins(const struct region *a, const struct region *b)
{
    return a->priority != b->priority ? a->priority > b->priority : a->seq > b->seq;
}

/* The region that answers at addr, or NULL. */
static struct region *winner(const struct space *s, u64 addr)
{
    struct region *best = NULL;
    for (struct region *r = s->regions; r; r = r->next)
        if (r->enabled && r->base <= addr && addr < region_end(s, r) && (!best || wins(r, best)))
            best = r;
    return best;
}

static int compare_edges(const void *a, const void *b)
{
    u64 x = *(const u64 *)a, y = *(const u64 *)b;
    return x < y ? -1 : x > y;
}

/* Appends [start, end) of r, joined to the last piece where it continues it. */
static void add_piece(struct space *s, struct region *r, u64 start, u64 end)
{
    if (s->nflat) {
        struct flat_range *last = &s->flat[s->nflat - 1];
        if (last->region == r && last->start + last->size == start) {
            last->size = end - last->start;
            return;
        }
    }
    s->flat[s->nflat++] = (struct flat_range){start, end - start, r, start - r->base};
}

/* What a view has at 'at', which grows from call to call: the range or NULL; *end: as far as that holds. */
static const struct flat_range *view_at(const struct flat_range *flat, unsigned n, unsigned *i, u64 at, u64 *end)
{
    while (*i < n && flat[*i].start + flat[*i].size <= at)
        ++*i;
    const struct flat_range *f = *i < n && flat[*i].start <= at ? &flat[*i] : NULL;
    if (*i < n)
        *end = MIN(*end, f ? f->start + f->size : flat[*i].start);
    return f;
}

static void tell_moved(struct space *s, const struct flat_range *old, unsigned nold)
{
    unsigned i = 0, k = 0;
    for (u64 at = 0, end; at < s->limit; at = end) {
        end = s->limit;
        const struct flat_range *was = view_at(old, nold, &i, at, &end), *is = view_at(s->flat, s->nflat, &k, at, &end);
        bool same = was && is ? was->region == is->region && was->off - was->start == is->off - is->start : was == is;
        if (!same)
            s->moved(s->changed_owner, at, end - at);
    }
}

static void rebuild(struct space *s)
{
    if (s->batch)
        return;
    struct flat_range *old = s->flat;
    unsigned nold = s->nflat;
    size_t count = 0;
    for (const struct region *r = s->regions; r; r = r->next)
        count += r->enabled;
    u64 *edges = calloc(2 * count + 1, sizeof *edges);
    s->flat = calloc(2 * count + 1, sizeof *s->flat);
    s->nflat = 0;
    if (!edges || !s->flat)
        abort(); /* a few KiB: nothing can go on without them */
    size_t n = 0;
    for (const struct region *r = s->regions; r; r = r->next) {
        if (!r->enabled)
            continue;
        edges[n++] = r->base;
        edges[n++] = region_end(s, r);
    }
    qsort(edges, n, sizeof *edges, compare_edges);
    for (size_t i = 0; i + 1 < n; i++) {
        struct region *r = edges[i] < edges[i + 1] ? winner(s, edges[i]) : NULL;
        if (r)
            add_piece(s, r, edges[i], edges[i + 1]);
    }
    free(edges);
    if (s->changed)
        s->changed(s->changed_owner);
    if (s->moved)
        tell_moved(s, old, nold);
    free(old);
}

void space_begin(struct space *s) { s->batch++; }

void space_commit(struct space *s)
{
    assert(s->batch);
    s->batch--;
    rebuild(s);
}

void region_add(struct space *s, struct region *r)
{
    assert(!r->space);
    r->space = s;
    r->seq = s->next_seq++;
    r->next = s->regions;
    s->regions = r;
    if (r->enabled)
        rebuild(s);
}

void region_remove(struct region *r)
{
    struct space *s = r->space;
    if (!s)
        return;
    struct region **p = &s->regions;
    while (*p != r)
        p = &(*p)->next;
    *p = r->next;
    r->next = NULL;
    r->space = NULL;
    if (r->enabled)
        rebuild(s);
}

void region_move(struct region *r, u64 base)
{
    if (r->base == base)
        return;
    r->base = base;
    if (r->enabled && r->space)
        rebuild(r->space);
}

void region_enable(struct region *r, bool enabled)
{
    if (r->enabled == enabled)
        return;
    r->enabled = enabled;
    if (r->space)
        rebuild(r->space);
}

/* Index of the first range that ends after addr (nflat if none). */
static unsigned find_index(const struct space *s, u64 addr)
{
    unsigned lo = 0, hi = s->nflat;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (s->flat[mid].start + s->flat[mid].size <= addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct flat_range *space_find(const struct space *s, u64 addr)
{
    unsigned i = find_index(s, addr);
    return i < s->nflat && s->flat[i].start <= addr ? &s->flat[i] : NULL;
}

u64 space_stretch(const struct space *s, u64 addr, u64 len, const struct flat_range **range)
{
    unsigned i = find_index(s, addr);
    const struct flat_range *f = i < s->nflat ? &s->flat[i] : NULL;
    *range = f && f->start <= addr ? f : NULL;
    return !f ? len : MIN(len, *range ? f->start + f->size - addr : f->start - addr);
}

/* ---- accesses ---- */

/* What [addr, addr+len) meets first: a region (and the offset in it) or a hole. */
struct piece {
    struct region *region; /* NULL: nothing answers */
    u64 off;
    u64 len;
};

static struct piece piece_at(const struct space *s, u64 addr, u64 len)
{
    unsigned i = find_index(s, addr);
    if (i == s->nflat)
        return (struct piece){NULL, 0, len};
    const struct flat_range *f = &s->flat[i];
    if (f->start > addr)
        return (struct piece){NULL, 0, MIN(len, f->start - addr)};
    struct region *r = f->region;
    u64 in = addr - f->start, off = f->off + in, room = f->size - in;
    /*
     * A chip decodes the whole of a cycle that starts in it and stays within its claim, though a
     * smaller claim lies over the middle: a dword to CF8h is not broken up by the reset port CF9h.
     */
    if (!r->host && len <= r->size - off)
        return (struct piece){r, off, len};
    return (struct piece){r, off, MIN(len, room)};
}

static unsigned max_access(const struct space *s, const struct region *r)
{
    return r->max_access ? r->max_access : s->is_io ? 4 : 8;
}

/* The largest naturally aligned access at off that fits len and the region's widths. */
static unsigned step_size(const struct space *s, const struct region *r, u64 off, u64 len)
{
    unsigned size = max_access(s, r);
    while (size > 1 && (size > len || (off & (size - 1))))
        size /= 2;
    assert(size);
    return size;
}

/*
 * A device whose registers are wider than the access sees the aligned register: reads take their
 * part of it, writes put zeroes beside it (reading first could have side effects).
 */
static u64 device_read(struct space *s, struct region *r, u64 off, u64 len, unsigned *done)
{
    unsigned size = step_size(s, r, off, len);
    s->work += WORK_ACCESS;
    *done = size;
    if (!r->read)
        return size_mask(size);
    unsigned min = r->min_access;
    if (size >= min)
        return r->read(r->owner, off, size) & size_mask(size);
    u64 in = off & (min - 1);
    return r->read(r->owner, off - in, min) >> (8 * in) & size_mask(size);
}

static void device_write(struct space *s, struct region *r, u64 off, u64 val, u64 len, unsigned *done)
{
    unsigned size = step_size(s, r, off, len);
    s->work += WORK_ACCESS;
    *done = size;
    if (!r->write)
        return;
    val &= size_mask(size);
    unsigned min = r->min_access;
    u64 in = size < min ? off & (min - 1) : 0;
    r->write(r->owner, off - in, val << (8 * in), MAX(size, min));
}

static void ram_store(struct space *s, struct region *r, u64 off, const u8 *bytes, u64 len)
{
    memcpy(r->host + off, bytes, len);
    if (r->ram)
        ram_written(s, r->ram, r->ram_off + off, len);
}

static void trace_hole(const struct space *s, const char *what, u64 addr, unsigned len)
{
    trace(s->trace, unimp, "%s %s %llx size %u", s->name, what, (unsigned long long)addr, len);
}

u64 space_read(struct space *s, u64 addr, unsigned size)
{
    u64 val = 0;
    for (unsigned at = 0, n; at < size; at += n) {
        struct piece p = piece_at(s, addr + at, size - at);
        u64 part;
        n = (unsigned)p.len;
        if (!p.region) {
            trace_hole(s, "read", addr + at, n);
            part = size_mask(n);
        } else if (p.region->host) {
            u8 bytes[8] = {0};
            memcpy(bytes, p.region->host + p.off, n);
            part = ld64(bytes);
        } else {
            part = device_read(s, p.region, p.off, p.len, &n);
        }
        val |= part << (8 * at);
    }
    return val;
}

void space_write(struct space *s, u64 addr, u64 val, unsigned size)
{
    for (unsigned at = 0, n; at < size; at += n) {
        struct piece p = piece_at(s, addr + at, size - at);
        u64 part = val >> (8 * at);
        n = (unsigned)p.len;
        if (!p.region) {
            trace_hole(s, "write", addr + at, n);
        } else if (p.region->host && !p.region->rom) {
            u8 bytes[8];
            st64(bytes, part);
            ram_store(s, p.region, p.off, bytes, n);
        } else {
            device_write(s, p.region, p.off, part, p.len, &n);
        }
    }
}

void space_read_bytes(struct space *s, u64 addr, void *buf, size_t len)
{
    u8 *to = buf;
    while (len) {
        struct piece p = piece_at(s, addr, len);
        size_t n = p.len;
        if (!p.region) {
            memset(to, 0xff, n);
        } else if (p.region->host) {
            memcpy(to, p.region->host + p.off, n);
        } else {
            unsigned done;
            u64 val = device_read(s, p.region, p.off, p.len, &done);
            st_le(to, val, done);
            n = done;
        }
        s->work += WORK_PIECE + n;
        to += n;
        addr += n;
        len -= n;
    }
}

static void write_bytes(struct space *s, u64 addr, const void *buf, size_t len, bool rom_too)
{
    const u8 *from = buf;
    while (len) {
        struct piece p = piece_at(s, addr, len);
        size_t n = p.len;
        if (p.region && p.region->host && (rom_too || !p.region->rom)) {
            ram_store(s, p.region, p.off, from, n);
        } else if (p.region && p.region->write) {
            unsigned done;
            device_write(s, p.region, p.off, ld_le(from, step_size(s, p.region, p.off, p.len)), p.len, &done);
            n = done;
        }
        s->work += WORK_PIECE; /* the bytes are counted where RAM is marked */
        from += n;
        addr += n;
        len -= n;
    }
}

void space_write_bytes(struct space *s, u64 addr, const void *buf, size_t n) { write_bytes(s, addr, buf, n, false); }

void space_load(struct space *s, u64 addr, const void *buf, size_t n) { write_bytes(s, addr, buf, n, true); }

void region_device(struct region *r, struct space *s, const char *name, u64 base, u64 size, void *owner,
                   region_read *read, region_write *write)
{
    *r = (struct region){.name = name,
                         .owner = owner,
                         .read = read,
                         .write = write,
                         .priority = PRIO_DEVICE,
                         .enabled = true,
                         .base = base,
                         .size = size};
    region_add(s, r);
}

/* ---- RAM ---- */

/* -1: old kernels and sandboxes have no memfd, and a limit on the size of files holds for it, too. */
static int ram_file(u64 bytes)
{
    int fd = memfd_create("guest-ram", MFD_CLOEXEC);
    if (fd >= 0 && ftruncate(fd, (off_t)bytes) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Blocks larger than our pages (hugetlbfs) cannot show one page of ours in two places. */
static int ram_file_at(const char *path, u64 bytes)
{
    struct stat st;
    struct statfs fs;
    bool folder = !stat(path, &st) && S_ISDIR(st.st_mode);
    int fd = open(path, O_RDWR | O_CLOEXEC | (folder ? O_TMPFILE : O_CREAT), 0600);
    if (fd >= 0 && !fstatfs(fd, &fs) && fs.f_type == HUGETLBFS_MAGIC)
        errno = ENOTSUP;
    else if (fd >= 0 && !ftruncate(fd, (off_t)bytes))
        return fd;
    int why = errno;
    if (fd >= 0)
        close(fd);
    errno = why;
    return -1;
}

static bool ram_map(struct ram *ram, u64 size, const char *path)
{
    u64 pages = (size + RAM_PAGE - 1) / RAM_PAGE;
    ram->size = size;
    ram->fd = path ? ram_file_at(path, pages * RAM_PAGE) : ram_file(pages * RAM_PAGE);
    if (path && ram->fd < 0)
        return false;
    int flags = MAP_SHARED | (ram->fd < 0 ? MAP_ANONYMOUS | MAP_NORESERVE : 0);
    void *host = mmap(NULL, pages * RAM_PAGE, PROT_READ | PROT_WRITE, flags, ram->fd, 0);
    if (host == MAP_FAILED)
        return false;
    ram->host = host;
    ram->dirty = calloc(pages, sizeof *ram->dirty);
    ram->code = calloc(pages, sizeof *ram->code);
    ram->beside = calloc(pages, sizeof *ram->beside);
    return ram->dirty && ram->code && ram->beside;
}

struct ram *ram_create_at(u64 size, const char *path)
{
    struct ram *ram = calloc(1, sizeof *ram);
    if (!ram)
        return NULL;
    if (size && size <= INT64_MAX - RAM_PAGE && ram_map(ram, size, path))
        return ram;
    int why = errno;
    ram_destroy(ram);
    errno = why;
    return NULL;
}

struct ram *ram_create(u64 size) { return ram_create_at(size, NULL); }

void ram_destroy(struct ram *ram)
{
    if (!ram)
        return;
    if (ram->host)
        munmap(ram->host, (ram->size + RAM_PAGE - 1) / RAM_PAGE * RAM_PAGE);
    if (ram->fd > 0)
        close(ram->fd);
    free(ram->dirty);
    free(ram->code);
    free(ram->beside);
    free(ram);
}

void region_ram(struct region *r, struct space *s, const char *name, u64 base, struct ram *ram, u64 off, u64 size,
                bool rom)
{
    assert(off <= ram->size && size <= ram->size - off);
    *r = (struct region){.name = name,
                         .priority = PRIO_RAM,
                         .enabled = true,
                         .base = base,
                         .size = size,
                         .host = ram->host + off,
                         .rom = rom,
                         .ram = ram,
                         .ram_off = off};
    region_add(s, r);
}

/* The bits of a page's code word that [from, from+len) within the page touches. */
static u64 code_bits(u64 from, u64 len)
{
    u64 first = from / CODE_CHUNK, last = (from + len - 1) / CODE_CHUNK;
    return (~0ull >> (63 - last)) & (~0ull << first);
}

/*
 * A page that held code once, and holds data now, would be written by the slow way for ever. So, after many writes
 * beside it, all its code is dropped; each time it takes more of them, as code that is still run comes back.
 */
static bool seems_data(struct ram *ram, u64 page)
{
    enum { FIRST = 4096, DOUBLINGS = 4, DROPS_SHIFT = 24 };
    u32 drops = ram->beside[page] >> DROPS_SHIFT, writes = ++ram->beside[page] & (BIT(DROPS_SHIFT) - 1);
    if (writes < (u32)FIRST << drops)
        return false;
    ram->beside[page] = MIN(drops + 1, (u32)DOUBLINGS) << DROPS_SHIFT;
    return true;
}

bool ram_code_here(struct ram *ram, u64 off)
{
    u64 *word = &ram->code[off / RAM_PAGE], bit = BIT64(off >> 6 & 63);
    return !(__atomic_load_n(word, __ATOMIC_RELAXED) & bit) && !__atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
}

void ram_code_gone(struct ram *ram, u64 off, u64 end)
{
    while (off < end) {
        u64 in = off % RAM_PAGE, n = MIN(end - off, RAM_PAGE - in);
        __atomic_fetch_and(&ram->code[off / RAM_PAGE], ~code_bits(in, n), __ATOMIC_RELAXED);
        off += n;
    }
}

void ram_written(struct space *s, struct ram *ram, u64 off, u64 len)
{
    s->work += len;
    while (len) {
        u64 page = off / RAM_PAGE, in = off % RAM_PAGE, n = MIN(len, RAM_PAGE - in);
        __atomic_store_n(&ram->dirty[page], DIRTY_ALL, __ATOMIC_RELAXED);
        u64 code = __atomic_load_n(&ram->code[page], __ATOMIC_RELAXED);
        if (unlikely(code) && s->code_written) {
            if (code & code_bits(in, n))
                s->code_written(s->code_owner, ram, off, (unsigned)n);
            else if (seems_data(ram, page))
                s->code_written(s->code_owner, ram, page * RAM_PAGE, RAM_PAGE);
        }
        off += n;
        len -= n;
    }
}

bool ram_clean(struct space *s, struct ram *ram, enum dirty_client client, u64 off, u64 len)
{
    u64 first = UINT64_MAX, last = 0;
    for (u64 page = off / RAM_PAGE; page * RAM_PAGE < off + len; page++) {
        if (!(__atomic_load_n(&ram->dirty[page], __ATOMIC_RELAXED) & client))
            continue;
        __atomic_fetch_and(&ram->dirty[page], (u8)~client, __ATOMIC_RELAXED);
        first = MIN(first, page);
        last = page;
    }
    if (first == UINT64_MAX)
        return false;
    if (s->cleaned)
        s->cleaned(s->cleaned_owner, ram, first * RAM_PAGE, (last - first + 1) * RAM_PAGE);
    return true;
}
