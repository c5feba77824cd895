/*
 * Saving, loading, dumping and checking by a state table.
 */
#include "devices/core/state.h"

#include <stdarg.h>
#include <stdlib.h>

#include "devices/core/bus.h"
#include "devices/core/clock.h"

/* ---- save ---- */

void state_buf_put(struct state_buf *b, const void *p, size_t n)
{
    if (b->failed)
        return;
    if (b->cap - b->len < n) {
        size_t cap = MAX(b->cap * 2, b->len + n + 4096);
        u8 *data = realloc(b->data, cap);
        if (!data) {
            b->failed = true;
            return;
        }
        b->data = data;
        b->cap = cap;
    }
    memcpy(b->data + b->len, p, n);
    b->len += n;
}

static void put(struct state_buf *b, u64 val, unsigned size)
{
    u8 bytes[8];
    st_le(bytes, val, size);
    state_buf_put(b, bytes, size);
}

static bool is_saved(const struct state_field *f) { return f->type < STATE_DERIVED; }

/* What a MEMORY or BYTES field of a struct at 'obj' leads to; no data: nothing. */
static struct state_block block_of(const struct state_field *f, const u8 *obj)
{
    struct state_block b = {.name = f->name};
    if (f->type == STATE_MEMORY) {
        memcpy(&b.ram, obj + f->offset, sizeof b.ram);
        b.data = b.ram ? b.ram->host : NULL;
        b.size = b.ram ? b.ram->size : 0;
    } else {
        memcpy(&b.data, obj + f->offset, sizeof b.data);
        b.size = b.data ? host_value(obj + f->length, sizeof(u32)) : 0;
    }
    return b;
}
static bool is_block(const struct state_field *f) { return f->type == STATE_MEMORY || f->type == STATE_BYTES; }

static void save_field(const struct state_field *f, const u8 *obj, struct state_buf *out)
{
    const u8 *at = obj + f->offset;
    if (is_block(f)) {
        put(out, block_of(f, obj).size, 8);
    } else if (f->type == STATE_STRUCT) {
        for (u32 i = 0; i < f->count; i++)
            state_save(f->fields, at + (size_t)i * f->size, out);
    } else if (f->type == STATE_EVENT) {
        const struct event *e = (const struct event *)(const void *)at;
        put(out, e->pending, 1);
        put(out, e->pending ? e->when : 0, 8);
        put(out, e->pending ? e->seq : 0, 8);
    } else {
        for (u32 i = 0; i < f->count; i++)
            put(out, host_value(at + (size_t)i * f->size, f->size), f->size);
    }
}

void state_save(const struct state_field *fields, const void *obj, struct state_buf *out)
{
    for (const struct state_field *f = fields; f->type != STATE_END_; f++) {
        if (!is_saved(f))
            continue;
        size_t len = strlen(f->name);
        assert(len && len < 256);
        put(out, len, 1);
        state_buf_put(out, f->name, len);
        put(out, f->type, 1);
        put(out, f->count, 4);
        save_field(f, obj, out);
    }
    put(out, 0, 1);
}

/* ---- load ---- */

struct loader {
    struct state_buf *in;
    struct clock *clock;
    bool store; /* else only look */
    char *err;
    size_t err_size;
};

static bool PRINTF_LIKE(2, 3) load_fail(struct loader *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(l->err, l->err_size, fmt, ap);
    va_end(ap);
    return false;
}

static const u8 *take(struct loader *l, size_t n)
{
    if (l->in->len - l->in->pos < n)
        return NULL;
    l->in->pos += n;
    return l->in->data + l->in->pos - n;
}

static bool load_fields(struct loader *l, const struct state_field *fields, u8 *obj);

static bool load_event(struct loader *l, const struct state_field *f, u8 *at)
{
    struct event *e = (struct event *)(void *)at;
    const u8 *p = take(l, 17);
    if (!p)
        return load_fail(l, "the saved state ends inside '%s'", f->name);
    if (!l->store || !l->clock)
        return true;
    event_cancel(l->clock, e);
    if (p[0])
        event_restore(l->clock, e, ld64(p + 1), ld64(p + 9));
    return true;
}

static bool in_range(const struct state_field *f, u64 val)
{
    bool any = !f->least && f->most == UINT64_MAX, is_signed = f->type >= STATE_I8 && f->type <= STATE_I64;
    i64 v = (i64)sext(val, f->size);
    return any || (is_signed ? v >= (i64)f->least && v <= (i64)f->most : val >= f->least && val <= f->most);
}

static bool load_values(struct loader *l, const struct state_field *f, u8 *at)
{
    const u8 *p = take(l, (size_t)f->size * f->count);
    if (!p)
        return load_fail(l, "the saved state ends inside '%s'", f->name);
    for (u32 i = 0; i < f->count; i++) {
        u64 val = ld_le(p + (size_t)i * f->size, f->size);
        if (!in_range(f, val))
            return load_fail(l, "'%s' is %lld in the saved state, and cannot be but %lld to %lld", f->name,
                             (long long)val, (long long)f->least, (long long)f->most);
        if (l->store)
            set_host_value(at + (size_t)i * f->size, f->type == STATE_BOOL ? val != 0 : val, f->size);
    }
    return true;
}

/* Blocks are as long as this machine's options made them. */
static bool load_block_size(struct loader *l, const struct state_field *f, const u8 *obj)
{
    const u8 *p = take(l, 8);
    u64 size = block_of(f, obj).size;
    if (!p)
        return load_fail(l, "the saved state ends inside '%s'", f->name);
    return ld64(p) == size || load_fail(l, "'%s' has %llu bytes in the saved state and %llu here", f->name,
                                        (unsigned long long)ld64(p), (unsigned long long)size);
}

static bool load_field(struct loader *l, const struct state_field *f, u8 *obj)
{
    u8 *at = obj + f->offset;
    if (is_block(f))
        return load_block_size(l, f, obj);
    if (f->type == STATE_EVENT)
        return load_event(l, f, at);
    if (f->type != STATE_STRUCT)
        return load_values(l, f, at);
    for (u32 i = 0; i < f->count; i++)
        if (!load_fields(l, f->fields, at + (size_t)i * f->size))
            return false;
    return true;
}

/* Consumes the head of a field, which must be f's. */
static bool load_head(struct loader *l, const struct state_field *f)
{
    const u8 *n = take(l, 1);
    const u8 *name = n ? take(l, *n) : NULL;
    const u8 *rest = name ? take(l, 5) : NULL;
    if (!rest)
        return load_fail(l, "the saved state ends where '%s' should follow", f->name);
    if (*n != strlen(f->name) || memcmp(name, f->name, *n) != 0)
        return load_fail(l, "the saved state has '%.*s' where '%s' should follow", *n, (const char *)name, f->name);
    if (rest[0] != f->type || ld32(rest + 1) != f->count)
        return load_fail(l, "the saved state has another type or length for '%s'", f->name);
    return true;
}

static bool load_fields(struct loader *l, const struct state_field *fields, u8 *obj)
{
    for (const struct state_field *f = fields; f->type != STATE_END_; f++)
        if (is_saved(f) && !(load_head(l, f) && load_field(l, f, obj)))
            return false;
    const u8 *end = take(l, 1);
    if (!end || *end)
        return load_fail(l, "the saved state has more fields than this version knows");
    return true;
}

bool state_load(const struct state_field *fields, void *obj, struct clock *clock, struct state_buf *in, char *err,
                size_t err_size)
{
    struct loader look = {in, clock, false, err, err_size}, store = {in, clock, true, err, err_size};
    size_t start = in->pos;
    if (!load_fields(&look, fields, obj))
        return false;
    in->pos = start;
    return load_fields(&store, fields, obj);
}

void *state_look(const struct state_field *fields, const void *obj, size_t size, struct state_buf in, char *err,
                 size_t err_size)
{
    struct loader l = {&in, NULL, true, err, err_size};
    void *copy = malloc(size);
    if (!copy) {
        snprintf(err, err_size, "no memory to look at the saved state");
        return NULL;
    }
    memcpy(copy, obj, size);
    if (load_fields(&l, fields, copy))
        return copy;
    free(copy);
    return NULL;
}

void state_take(const struct state_field *fields, void *obj, struct clock *clock, struct state_buf in)
{
    char err[1];
    struct loader l = {&in, clock, true, err, sizeof err};
    load_fields(&l, fields, obj);
}

/* ---- blocks ---- */

struct block_walk {
    bool (*each)(void *owner, const struct state_block *block);
    void *owner;
};

static bool walk_blocks(const struct block_walk *w, const struct state_field *fields, u8 *obj, const char *prefix);

static bool walk_field(const struct block_walk *w, const struct state_field *f, u8 *obj, const char *prefix)
{
    char name[200];
    for (u32 i = 0; f->type == STATE_STRUCT && i < f->count; i++) {
        if (f->count > 1)
            snprintf(name, sizeof name, "%s%s[%u].", prefix, f->name, i);
        else
            snprintf(name, sizeof name, "%s%s.", prefix, f->name);
        if (!walk_blocks(w, f->fields, obj + f->offset + (size_t)i * f->size, name))
            return false;
    }
    if (!is_block(f))
        return true;
    struct state_block b = block_of(f, obj);
    snprintf(name, sizeof name, "%s%s", prefix, f->name);
    b.name = name;
    return !b.size || w->each(w->owner, &b);
}

static bool walk_blocks(const struct block_walk *w, const struct state_field *fields, u8 *obj, const char *prefix)
{
    for (const struct state_field *f = fields; f->type != STATE_END_; f++)
        if (!walk_field(w, f, obj, prefix))
            return false;
    return true;
}

bool state_blocks(const struct state_field *fields, void *obj,
                  bool (*each)(void *owner, const struct state_block *block), void *owner)
{
    return walk_blocks(&(struct block_walk){each, owner}, fields, obj, "");
}

/* ---- dump ---- */

static void dump_fields(const struct state_field *fields, const u8 *obj, const char *prefix, FILE *out);

static void dump_values(const struct state_field *f, const u8 *at, FILE *out)
{
    bool is_signed = f->type >= STATE_I8 && f->type <= STATE_I64;
    for (u32 i = 0; i < f->count; i++) {
        u64 val = host_value(at + (size_t)i * f->size, f->size);
        if (i && i % 16 == 0)
            fprintf(out, "\n   ");
        if (is_signed)
            fprintf(out, " %lld", (long long)sext(val, f->size));
        else if (f->count > 1)
            fprintf(out, " %0*llx", (int)f->size * 2, (unsigned long long)val);
        else
            fprintf(out, " 0x%llx", (unsigned long long)val);
    }
    fputc('\n', out);
}

static void dump_field(const struct state_field *f, const u8 *obj, const char *prefix, FILE *out)
{
    const u8 *at = obj + f->offset;
    if (f->type == STATE_STRUCT) {
        for (u32 i = 0; i < f->count; i++) {
            char inner[128];
            if (f->count > 1)
                snprintf(inner, sizeof inner, "%s%s[%u].", prefix, f->name, i);
            else
                snprintf(inner, sizeof inner, "%s%s.", prefix, f->name);
            dump_fields(f->fields, at + (size_t)i * f->size, inner, out);
        }
        return;
    }
    fprintf(out, "%s%s =", prefix, f->name);
    if (f->type == STATE_EVENT) {
        const struct event *e = (const struct event *)(const void *)at;
        if (e->pending)
            fprintf(out, " at %llu ns\n", (unsigned long long)e->when);
        else
            fprintf(out, " idle\n");
    } else if (is_block(f)) {
        fprintf(out, " %llu bytes\n", (unsigned long long)block_of(f, obj).size);
    } else {
        dump_values(f, at, out);
    }
}

static void dump_fields(const struct state_field *fields, const u8 *obj, const char *prefix, FILE *out)
{
    for (const struct state_field *f = fields; f->type != STATE_END_; f++)
        if (is_saved(f))
            dump_field(f, obj, prefix, out);
}

void state_dump(const struct state_field *fields, const void *obj, FILE *out) { dump_fields(fields, obj, "", out); }

/* ---- coverage ---- */

/* Whether [end, next) can be padding before something of that alignment at 'next'. */
static bool is_padding(size_t end, size_t next, size_t align) { return (end + align - 1) / align * align == next; }

/* The entry that starts first at or after 'from'. */
static const struct state_field *next_field(const struct state_field *fields, size_t from)
{
    const struct state_field *best = NULL;
    for (const struct state_field *f = fields; f->type != STATE_END_; f++)
        if (f->offset >= from && (!best || f->offset < best->offset))
            best = f;
    return best;
}

long state_uncovered(const struct state_field *fields, size_t size)
{
    size_t at = 0, seen = 0, total = 0, align = 1;
    for (const struct state_field *f = fields; f->type != STATE_END_; f++)
        total++;
    for (const struct state_field *f; (f = next_field(fields, at)); seen++) {
        if (!is_padding(at, f->offset, f->align))
            return (long)at;
        align = MAX(align, f->align);
        if (f->type == STATE_STRUCT) {
            long inner = state_uncovered(f->fields, f->size);
            if (inner >= 0)
                return (long)f->offset + inner;
        }
        at = f->offset + (size_t)f->size * f->count;
    }
    /* An entry not met starts inside another: a byte in two entries. */
    if (seen != total || !is_padding(at, size, align))
        return (long)at;
    return -1;
}
