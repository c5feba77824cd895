/*
 * Sections of a saved machine, written and read (snapshot_file.h).
 *
 *   file     magic[16] version:4 0:4 check:8 section...
 *   section  name length:1 name number:4 size:4 stored size:4 check:8 bytes
 *
 * 'check' of the file is over what is before it, that of a section over its
 * stored bytes, with that of its head for a seed. Bytes are compressed if they are stored in fewer.
 */
#include "devices/machine/snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

enum { MAGIC_SIZE = 16, HEADER_SIZE = MAGIC_SIZE + 16, HEAD_SIZE = 20 /* of a section, but for its name */, LEVEL = 1 };
static const char magic[MAGIC_SIZE] = "Orrery machine\n";

static bool PRINTF_LIKE(3, 4) say(char *err, size_t err_size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err, err_size, fmt, ap);
    va_end(ap);
    return false;
}

static u64 section_check(const void *head, size_t head_size, const void *bytes, size_t size)
{
    return XXH3_64bits_withSeed(bytes, size, XXH3_64bits(head, head_size));
}

/* ---- writing ---- */

struct snapshot_out {
    int fd, error; /* error: errno of the first failure, or 0 */
    char *path, *temporary;
    ZSTD_CCtx *zstd;
    void *packed;
    size_t packed_size;
    u32 sections;
};

static void put_bytes(struct snapshot_out *out, const void *data, size_t size)
{
    const u8 *at = data;
    while (size && !out->error) {
        ssize_t n = write(out->fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            out->error = n < 0 ? errno : ENOSPC;
            return;
        }
        at += n;
        size -= (size_t)n;
    }
}

static void free_out(struct snapshot_out *out)
{
    if (out->fd >= 0)
        close(out->fd);
    ZSTD_freeCCtx(out->zstd);
    free(out->packed);
    free(out->path);
    free(out->temporary);
    free(out);
}

struct snapshot_out *snapshot_create(const char *path, char *err, size_t err_size)
{
    struct snapshot_out *out = calloc(1, sizeof(*out));
    u8 header[HEADER_SIZE] = {0};
    if (!out) {
        say(err, err_size, "no memory to save the machine");
        return NULL;
    }
    out->fd = -1;
    out->path = strdup(path);
    out->zstd = ZSTD_createCCtx();
    if (!out->path || !out->zstd || asprintf(&out->temporary, "%s.XXXXXX", path) < 0) {
        say(err, err_size, "no memory to save the machine");
        out->temporary = NULL;
        free_out(out);
        return NULL;
    }
    out->fd = mkostemp(out->temporary, O_CLOEXEC);
    if (out->fd < 0) {
        say(err, err_size, "cannot write '%s': %s", path, strerror(errno));
        free_out(out);
        return NULL;
    }
    memcpy(header, magic, MAGIC_SIZE);
    st32(header + MAGIC_SIZE, SNAPSHOT_VERSION);
    st64(header + HEADER_SIZE - 8, XXH3_64bits(header, HEADER_SIZE - 8));
    put_bytes(out, header, sizeof(header));
    return out;
}

/* The bytes as they will lie in the file; *size is how many. */
static const void *pack(struct snapshot_out *out, const void *data, size_t *size)
{
    size_t bound = ZSTD_compressBound(*size);
    if (bound > out->packed_size) {
        void *p = realloc(out->packed, bound);
        if (!p)
            return data;
        out->packed = p;
        out->packed_size = bound;
    }
    size_t n = ZSTD_compressCCtx(out->zstd, out->packed, out->packed_size, data, *size, LEVEL);
    if (ZSTD_isError(n) || n >= *size)
        return data;
    *size = n;
    return out->packed;
}

void snapshot_put(struct snapshot_out *out, const char *name, u32 number, const void *data, size_t size)
{
    u8 head[1 + SECTION_NAME_MAX + HEAD_SIZE];
    size_t len = strlen(name), stored = size;
    assert(len && len <= SECTION_NAME_MAX && size <= SECTION_MAX);
    const void *bytes = pack(out, data, &stored);
    head[0] = (u8)len;
    memcpy(head + 1, name, len);
    u8 *at = head + 1 + len;
    st32(at, number);
    st32(at + 4, (u32)size);
    st32(at + 8, (u32)stored);
    st64(at + 12, section_check(head, len + 1 + HEAD_SIZE - 8, bytes, stored));
    put_bytes(out, head, len + 1 + HEAD_SIZE);
    put_bytes(out, bytes, stored);
    out->sections++;
}

void snapshot_fail(struct snapshot_out *out) { out->error = out->error ? out->error : ENOMEM; }

/* The new name is on the medium, too. */
static void sync_folder(const char *path)
{
    char *copy = strdup(path);
    int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(copy);
}

bool snapshot_finish(struct snapshot_out *out, char *err, size_t err_size)
{
    u8 count[4];
    st32(count, out->sections);
    snapshot_put(out, "end", 0, count, sizeof(count));
    if (!out->error && (fsync(out->fd) || rename(out->temporary, out->path)))
        out->error = errno;
    bool ok = !out->error;
    if (ok) {
        sync_folder(out->path);
    } else {
        unlink(out->temporary);
        say(err, err_size, "cannot write '%s': %s", out->path, strerror(out->error));
    }
    free_out(out);
    return ok;
}

/* ---- reading ---- */

struct snapshot_in {
    u8 *data;
    size_t size;
    struct snapshot_section *section; /* sorted by name and number */
    size_t sections;
    ZSTD_DCtx *zstd;
};

static int by_name(const void *a, const void *b)
{
    const struct snapshot_section *x = a, *y = b;
    int c = strcmp(x->name, y->name);
    return c ? c : (x->number > y->number) - (x->number < y->number);
}

static bool read_file(struct snapshot_in *in, const char *path, char *err, size_t err_size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool ok = fd >= 0 && fstat(fd, &st) == 0;
    if (!ok)
        say(err, err_size, "cannot read '%s': %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        ok = say(err, err_size, "'%s' is not a file", path);
    else if (!(in->data = malloc((size_t)st.st_size + 1)))
        ok = say(err, err_size, "no memory to read '%s'", path);
    while (ok && in->size < (size_t)st.st_size) {
        ssize_t n = read(fd, in->data + in->size, (size_t)st.st_size - in->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            ok = n == 0;
            if (!ok)
                say(err, err_size, "cannot read '%s': %s", path, strerror(errno));
            break;
        }
        in->size += (size_t)n;
    }
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool check_header(const struct snapshot_in *in, const char *path, char *err, size_t err_size)
{
    if (in->size < MAGIC_SIZE || memcmp(in->data, magic, MAGIC_SIZE) != 0)
        return say(err, err_size, "'%s' is not a saved machine", path);
    if (in->size < HEADER_SIZE || ld64(in->data + HEADER_SIZE - 8) != XXH3_64bits(in->data, HEADER_SIZE - 8))
        return say(err, err_size, "'%s' is damaged: its header", path);
    if (ld32(in->data + MAGIC_SIZE) != SNAPSHOT_VERSION)
        return say(err, err_size, "'%s' has format %u, this program knows %u", path, ld32(in->data + MAGIC_SIZE),
                   SNAPSHOT_VERSION);
    return true;
}

/* The section at *pos, which moves on; false: it is damaged, or the file ends in it. */
static bool parse_section(const struct snapshot_in *in, size_t *pos, struct snapshot_section *s)
{
    const u8 *at = in->data + *pos;
    size_t left = in->size - *pos, len = left ? at[0] : 0, head = len + 1 + HEAD_SIZE;
    if (!len || left < head || memchr(at + 1, 0, len))
        return false;
    const u8 *numbers = at + 1 + len;
    *s = (struct snapshot_section){
        .number = ld32(numbers), .size = ld32(numbers + 4), .stored_size = ld32(numbers + 8), .stored = at + head};
    memcpy(s->name, at + 1, len);
    if (left - head < s->stored_size || s->size > SECTION_MAX)
        return false;
    *pos += head + s->stored_size;
    return section_check(at, head - 8, s->stored, s->stored_size) == ld64(numbers + 12);
}

static struct snapshot_section *next_section(struct snapshot_in *in, size_t *room)
{
    if (in->sections == *room) {
        size_t more = *room ? *room * 2 : 256;
        struct snapshot_section *s = realloc(in->section, more * sizeof(*s));
        if (!s)
            return NULL;
        in->section = s;
        *room = more;
    }
    return &in->section[in->sections++];
}

static bool parse(struct snapshot_in *in, const char *path, char *err, size_t err_size)
{
    size_t pos = HEADER_SIZE, room = 0;
    for (;;) {
        struct snapshot_section *s = next_section(in, &room);
        if (!s)
            return say(err, err_size, "no memory to read '%s'", path);
        if (pos == in->size || !parse_section(in, &pos, s)) {
            const char *after = in->sections > 1 ? in->section[in->sections - 2].name : "its header";
            return say(err, err_size, "'%s' is damaged: after '%s' (%u), at byte %zu of %zu", path, after,
                       in->sections > 1 ? in->section[in->sections - 2].number : 0, pos, in->size);
        }
        if (!strcmp(s->name, "end"))
            break;
    }
    const struct snapshot_section *end = &in->section[--in->sections];
    if (pos != in->size || end->size != 4 || end->stored_size != 4 || ld32(end->stored) != in->sections)
        return say(err, err_size, "'%s' is damaged: it is not made of so many sections as it says", path);
    qsort(in->section, in->sections, sizeof(*in->section), by_name);
    for (size_t i = 1; i < in->sections; i++)
        if (!by_name(&in->section[i - 1], &in->section[i]))
            return say(err, err_size, "'%s' has '%s' (%u) twice", path, in->section[i].name, in->section[i].number);
    return true;
}

struct snapshot_in *snapshot_open(const char *path, char *err, size_t err_size)
{
    struct snapshot_in *in = calloc(1, sizeof(*in));
    if (in)
        in->zstd = ZSTD_createDCtx();
    if (!in || !in->zstd)
        say(err, err_size, "no memory to read '%s'", path);
    else if (read_file(in, path, err, err_size) && check_header(in, path, err, err_size) &&
             parse(in, path, err, err_size))
        return in;
    snapshot_close(in);
    return NULL;
}

void snapshot_close(struct snapshot_in *in)
{
    if (!in)
        return;
    ZSTD_freeDCtx(in->zstd);
    free(in->section);
    free(in->data);
    free(in);
}

struct snapshot_section *snapshot_find(struct snapshot_in *in, const char *name, u32 number)
{
    struct snapshot_section key = {.number = number};
    snprintf(key.name, sizeof(key.name), "%s", name);
    struct snapshot_section *s = bsearch(&key, in->section, in->sections, sizeof(key), by_name);
    if (s)
        s->seen = true;
    return s;
}

const struct snapshot_section *snapshot_unseen(const struct snapshot_in *in)
{
    for (size_t i = 0; i < in->sections; i++)
        if (!in->section[i].seen)
            return &in->section[i];
    return NULL;
}

bool snapshot_get(struct snapshot_in *in, const struct snapshot_section *s, void *to)
{
    if (s->stored_size == s->size) {
        memcpy(to, s->stored, s->size);
        return true;
    }
    return ZSTD_decompressDCtx(in->zstd, to, s->size, s->stored, s->stored_size) == s->size;
}
