/*
 * Monitor commands that look at memory and ports: x, xp, print, i, o,
 * memsave, pmemsave, sum. All on the machine's thread. Layout is QEMU's.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "frontend/disasm.h"
#include "frontend/hmp.h"
#include "frontend/registers.h"

struct format {
    unsigned count;
    char letter; /* x d u o c i */
    unsigned size;
};

/* "/4xw" if there is one; sizes b h w g. */
static bool parse_format(struct hmp *h, struct format *f)
{
    *f = (struct format){1, h->session->format, h->session->size};
    bool size_given = false;
    if (!hmp_more(h) || *h->args != '/')
        return true;
    h->args++;
    if (isdigit((u8)*h->args)) {
        u64 count = 0;
        for (; isdigit((u8)*h->args); h->args++)
            count = MIN(count * 10 + (u64)(*h->args - '0'), (u64)INT32_MAX);
        f->count = (unsigned)count;
    }
    for (; *h->args && !isspace((u8)*h->args); h->args++) {
        static const char sizes[] = "bhwg";
        const char *size = strchr(sizes, *h->args);
        if (size) {
            f->size = 1u << (size - sizes);
            size_given = true;
        } else if (strchr("xduoci", *h->args)) {
            f->letter = *h->args;
        } else {
            fprintf(h->out, "invalid char in format: '%c'\nTry \"help %s\" for more information\n", *h->args,
                    h->row->name);
            return false;
        }
    }
    if (f->letter == 'c' && !size_given)
        f->size = 1;
    return true;
}

static void print_char(FILE *out, u8 c)
{
    static const char escapes[] = "n\nr\rt\t\\\\''";
    for (const char *e = escapes; *e; e += 2) {
        if (c == (u8)e[1]) {
            fprintf(out, "'\\%c'", e[0]);
            return;
        }
    }
    if (c >= 32 && c < 127)
        fprintf(out, "'%c'", c);
    else
        fprintf(out, "'\\x%02x'", c);
}

static void print_value(FILE *out, const struct format *f, u64 v)
{
    unsigned bits = f->size * 8;
    int decimal = (int)((bits * 10 + 32) / 33);
    switch (f->letter) {
    case 'x':
        fprintf(out, "0x%0*llx", (int)f->size * 2, (unsigned long long)v);
        break;
    case 'o':
        fprintf(out, "%#*llo", (int)(bits + 2) / 3, (unsigned long long)v);
        break;
    case 'u':
        fprintf(out, "%*llu", decimal, (unsigned long long)v);
        break;
    case 'd':
        fprintf(out, "%*lld", decimal, (long long)sext(v, f->size));
        break;
    default:
        print_char(out, (u8)v);
        break;
    }
}

/* Guest memory by linear or physical address, a byte string at a time. */
static bool read_memory(struct hmp *h, bool physical, u64 addr, void *buf, size_t n)
{
    if (!physical)
        return cpu_debug_read(hmp_cpu_of(h), addr, buf, n);
    for (u64 at = addr & PAGE_MASK; at < addr + n; at += PAGE_SIZE) {
        if (!space_find(&h->m->sys.mem, at))
            return false;
    }
    space_read_bytes(&h->m->sys.mem, addr, buf, n);
    return true;
}

struct dump {
    struct format f;
    u64 addr, left; /* instructions, or bytes */
    bool physical;
};

static void dump_instruction(struct hmp *h)
{
    enum { LONGEST = 15 };
    struct dump *d = h->job;
    u8 bytes[LONGEST];
    unsigned n = LONGEST;
    while (n && !read_memory(h, d->physical, d->addr, bytes, n))
        n--;
    if (!n) {
        fprintf(h->out, "0x%08llx:  Address 0x%llx is out of bounds.\n", (unsigned long long)d->addr,
                (unsigned long long)d->addr);
        h->next = NULL;
        return;
    }
    d->addr += disasm_print(h->out, d->addr, bytes, n, reg_code_bits(hmp_cpu_of(h)));
    if (!--d->left)
        h->next = NULL;
}

static void dump_values(struct hmp *h)
{
    struct dump *d = h->job;
    u8 bytes[16];
    unsigned size = d->f.size, n = (unsigned)MIN((u64)(size == 1 ? 8 : 16), d->left);
    fprintf(h->out, "%016llx:", (unsigned long long)d->addr);
    if (!read_memory(h, d->physical, d->addr, bytes, n)) {
        fprintf(h->out, " Cannot access memory\n");
        h->next = NULL;
        return;
    }
    for (unsigned i = 0; i < n; i += size) {
        fputc(' ', h->out);
        print_value(h->out, &d->f, ld_le(bytes + i, size));
    }
    fputc('\n', h->out);
    d->addr += n;
    d->left -= n;
    if (!d->left)
        h->next = NULL;
}

static void dump(struct hmp *h, bool physical)
{
    struct format f;
    u64 addr;
    if (!parse_format(h, &f) || !hmp_number(h, &addr))
        return;
    h->session->format = f.letter;
    if (f.letter != 'i')
        h->session->size = f.size;
    u64 left = f.letter == 'i' ? f.count : (u64)f.count * f.size;
    struct dump *d = left ? hmp_job(h, sizeof(*d), f.letter == 'i' ? dump_instruction : dump_values, NULL) : NULL;
    if (d)
        *d = (struct dump){f, addr, left, physical};
}

void hmp_x(struct hmp *h) { dump(h, false); }
void hmp_xp(struct hmp *h) { dump(h, true); }

void hmp_print(struct hmp *h)
{
    struct format f;
    u64 v;
    char remembered = h->session->format;
    h->session->format = 'x';
    bool ok = parse_format(h, &f) && hmp_number(h, &v);
    h->session->format = remembered;
    if (!ok)
        return;
    switch (f.letter) {
    case 'd':
        fprintf(h->out, "%lld\n", (long long)v);
        break;
    case 'u':
        fprintf(h->out, "%llu\n", (unsigned long long)v);
        break;
    case 'o':
        fprintf(h->out, "%#llo\n", (unsigned long long)v);
        break;
    case 'c':
        print_char(h->out, (u8)v);
        fputc('\n', h->out);
        break;
    default:
        fprintf(h->out, "%#llx\n", (unsigned long long)v);
        break;
    }
}

void hmp_ioport_read(struct hmp *h)
{
    static const char suffixes[] = "bwl";
    struct format f;
    u64 port, index;
    h->session->size = MIN(h->session->size, 4u);
    if (!parse_format(h, &f) || !hmp_number(h, &port))
        return;
    f.size = MIN(f.size, 4u);
    /* "i /b 0x70.0x0a": an index register first */
    if (*h->args == '.') {
        h->args++;
        if (!hmp_number(h, &index))
            return;
        machine_write_port(h->m, (u16)port, index & 0xff, 1);
        port++;
    }
    u64 v = machine_read_port(h->m, (u16)port, f.size);
    fprintf(h->out, "port%c[0x%04llx] = 0x%0*llx\n", suffixes[f.size / 2], (unsigned long long)(port & 0xffff),
            (int)f.size * 2, (unsigned long long)v);
}

void hmp_ioport_write(struct hmp *h)
{
    struct format f;
    u64 port, v;
    if (!parse_format(h, &f) || !hmp_number(h, &port) || !hmp_number(h, &v))
        return;
    f.size = MIN(f.size, 4u);
    machine_write_port(h->m, (u16)port, (u32)v, f.size);
}

/* ---- files ---- */

struct saving {
    u64 addr, size, at; /* at: of size, read so far */
    bool physical;
    int fd;
    char file[512];
    u8 buf[PAGE_SIZE];
    size_t n, written; /* in buf */
};

static void save_end(void *job) { close(((struct saving *)job)->fd); }

/* The next bytes of guest memory, up to the end of a page. */
static bool save_read(struct hmp *h, struct saving *s)
{
    u64 addr = s->addr + s->at;
    s->n = (size_t)MIN(s->size - s->at, (u64)PAGE_SIZE - (addr & (PAGE_SIZE - 1)));
    s->written = 0;
    s->at += s->n;
    if (s->physical) /* where nothing answers, too, so that a dump can span the hole below 1 MiB */
        space_read_bytes(&h->m->sys.mem, addr, s->buf, s->n);
    else if (!read_memory(h, false, addr, s->buf, s->n))
        return fprintf(h->out, "Error: Invalid addr 0x%016llx/size %llu specified\n", (unsigned long long)addr,
                       (unsigned long long)s->size),
               false;
    return true;
}

static void save_page(struct hmp *h)
{
    struct saving *s = h->job;
    if (s->written == s->n && (s->at == s->size || !save_read(h, s))) {
        h->next = NULL;
        return;
    }
    ssize_t w = write(s->fd, s->buf + s->written, s->n - s->written);
    if (w >= 0) {
        s->written += (size_t)w;
    } else if (errno == EAGAIN) {
        h->waits = true; /* a pipe whose reader is slower */
    } else if (errno != EINTR) {
        fprintf(h->out, "Error: could not write '%s': %s\n", s->file, strerror(errno));
        h->next = NULL;
    }
}

static void save(struct hmp *h, bool physical)
{
    u64 addr, size;
    char file[512];
    if (!hmp_number(h, &addr) || !hmp_number(h, &size))
        return;
    if (!hmp_word(h, file, sizeof(file))) {
        fprintf(h->out, "%s: string expected\nTry \"help %s\" for more information\n", h->row->name, h->row->name);
        return;
    }
    /* Not waiting for a reader of a named pipe, nor of any other slow file. */
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0666);
    if (fd < 0) {
        fprintf(h->out, "Error: could not open '%s': %s\n", file, strerror(errno));
        return;
    }
    struct saving *s = hmp_job(h, sizeof(*s), save_page, save_end);
    if (!s) {
        close(fd);
        return;
    }
    *s = (struct saving){.addr = addr, .size = size, .physical = physical, .fd = fd};
    snprintf(s->file, sizeof(s->file), "%s", file);
}

void hmp_memsave(struct hmp *h) { save(h, false); }
void hmp_pmemsave(struct hmp *h) { save(h, true); }

struct summing {
    u64 addr, left;
    u16 sum;
};

static void sum_page(struct hmp *h)
{
    struct summing *s = h->job;
    u8 buf[PAGE_SIZE];
    size_t n = (size_t)MIN(s->left, (u64)PAGE_SIZE);
    space_read_bytes(&h->m->sys.mem, s->addr, buf, n);
    for (size_t i = 0; i < n; i++) {
        s->sum = (u16)(s->sum >> 1 | s->sum << 15);
        s->sum = (u16)(s->sum + buf[i]);
    }
    s->addr += n;
    s->left -= n;
    if (s->left)
        return;
    fprintf(h->out, "%05d\n", s->sum);
    h->next = NULL;
}

/* BSD sum, over physical memory. */
void hmp_sum(struct hmp *h)
{
    u64 addr, size;
    if (!hmp_number(h, &addr) || !hmp_number(h, &size))
        return;
    if (size > h->m->config.ram_size) {
        fprintf(h->out, "sum: the region is larger than memory\n");
        return;
    }
    struct summing *s = hmp_job(h, sizeof(*s), sum_page, NULL);
    if (s)
        *s = (struct summing){addr, size, 0};
}
