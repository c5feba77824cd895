/*
 * The info commands that are not about a CPU or its page tables. What a chip
 * prints is its class's own 'info', or else its state fields.
 */
#include <stdlib.h>
#include <strings.h>

#include "frontend/hmp.h"
#include "frontend/qom.h"

#define LL(v) ((unsigned long long)(v))

/* ---- on the main thread ---- */

void info_version(struct hmp *h) { fprintf(h->out, "%s\n", ORRERY_VERSION); }
void info_kvm(struct hmp *h) { fprintf(h->out, "kvm support: disabled\n"); }
void info_usb(struct hmp *h) { fprintf(h->out, "USB support not enabled\n"); }
void info_uuid(struct hmp *h) { fprintf(h->out, "00000000-0000-0000-0000-000000000000\n"); }
void info_mice(struct hmp *h)
{
    const char *name = machine_pointer_name(h->m);
    if (name)
        fprintf(h->out, "* Mouse #0: %s%s\n", name, machine_pointer_absolute(h->m) ? " (absolute)" : "");
    else
        fprintf(h->out, "No mouse devices connected\n");
}

void info_name(struct hmp *h)
{
    if (h->host->options->config.name)
        fprintf(h->out, "%s\n", h->host->options->config.name);
}

void info_status(struct hmp *h)
{
    enum run_state s = machine_state(h->m);
    if (s == RUN_RUNNING || s == RUN_PAUSED)
        fprintf(h->out, "VM status: %s\n", s == RUN_RUNNING ? "running" : "paused");
    else
        fprintf(h->out, "VM status: paused (%s)\n", run_state_name(s));
}

void info_history(struct hmp *h)
{
    unsigned n = 0;
    for (unsigned i = 0; i < HMP_HISTORY; i++) {
        const char *line = h->session->history[(h->session->next + i) % HMP_HISTORY];
        if (line)
            fprintf(h->out, "%u: '%s'\n", n++, line);
    }
}

void info_chardev(struct hmp *h)
{
    for (unsigned i = 0; i < MAX_STREAM_SPECS; i++) {
        char what[200];
        struct stream *s = h->host->stream[i];
        if (!s)
            continue;
        s->cls->describe(s, what, sizeof(what));
        fprintf(h->out, "%s: filename=%s\n", s->label, what);
    }
}

static void info_drive(struct hmp *h, const struct drive_option *d)
{
    char node[32], device[QOM_NAME_MAX];
    struct drive_state now = {0};
    host_look_at_drive(h->host, d, &now);
    host_node_name(d, node, sizeof(node));
    if (now.disk)
        fprintf(h->out, "%s (%s): %s (%s%s)\n", d->name, node, now.disk->path, now.disk->format,
                now.disk->readonly ? ", read-only" : "");
    else
        fprintf(h->out, "%s: [not inserted]\n", d->name);
    if (host_drive_device(h->host, d, device, sizeof(device)))
        fprintf(h->out, "    Attached to:      %s\n", device);
    if (now.has_tray || d->bus == DRIVE_FLOPPY)
        fprintf(h->out, "    Removable device: %slocked, tray %s\n", now.locked ? "" : "not ",
                now.tray_open ? "open" : "closed");
    if (now.disk)
        fprintf(h->out, "    Cache mode:       %s%s%s%s\n", d->image.cache.writethrough ? "writethrough" : "writeback",
                d->image.cache.direct ? ", direct" : "", d->image.cache.no_flush ? ", ignore flushes" : "",
                d->image.snapshot ? ", temporary" : "");
}

void info_block(struct hmp *h)
{
    const struct options *o = h->host->options;
    for (unsigned i = 0; i < o->ndrives; i++) {
        fprintf(h->out, "%s", i ? "\n" : "");
        info_drive(h, &o->drive[i]);
    }
}

void info_blockstats(struct hmp *h)
{
    const struct options *o = h->host->options;
    for (unsigned i = 0; i < o->ndrives; i++) {
        struct drive_state now = {0};
        host_look_at_drive(h->host, &o->drive[i], &now);
        const struct disk_count *rd = &now.count[DISK_READ], *wr = &now.count[DISK_WRITE];
        const struct disk_count *flush = &now.count[DISK_FLUSH];
        fprintf(h->out,
                "%s: rd_bytes=%llu wr_bytes=%llu rd_operations=%llu wr_operations=%llu flush_operations=%llu "
                "wr_total_time_ns=%llu rd_total_time_ns=%llu flush_total_time_ns=%llu rd_merged=0 wr_merged=0\n",
                o->drive[i].name, LL(rd->bytes), LL(wr->bytes), LL(rd->operations), LL(wr->operations),
                LL(flush->operations), LL(wr->ns), LL(rd->ns), LL(flush->ns));
    }
}

/* ---- on the machine's thread: chips ---- */

static void print_device(struct hmp *h, struct device *dev, const char *what)
{
    if (!dev)
        fprintf(h->out, "there is no %s on this board\n", what);
    else if (dev->cls->info)
        dev->cls->info(dev, h->out);
    else if (dev->cls->state)
        state_dump(dev->cls->state, dev, h->out);
}

static struct device *find_device(struct hmp *h, const char *name)
{
    for (struct device *d = h->m->sys.devices; d; d = d->next) {
        if (!strcasecmp(d->cls->name, name) || !strcasecmp(d->id, name))
            return d;
    }
    return NULL;
}

void info_pic(struct hmp *h)
{
    if (h->m->ioapic)
        print_device(h, h->m->ioapic, "ioapic");
    print_device(h, h->m->pic, "pic");
}

void info_pci(struct hmp *h) { print_device(h, h->m->pci, "PCI bus"); }
void info_vga(struct hmp *h) { print_device(h, find_device(h, "vga"), "graphics adapter"); }
void info_lapic(struct hmp *h)
{
    bool any = false;
    for (struct device *d = h->m->sys.devices; d; d = d->next) {
        if (d->cls == &lapic_class) {
            print_device(h, d, "local APIC");
            any = true;
        }
    }
    if (!any)
        fprintf(h->out, "there is no local APIC on this board\n");
}

/* How often each input of an interrupt controller went up: its state field "raised". */
static void irq_statistics(struct hmp *h, struct device *dev)
{
    const struct state_field *f = dev ? dev->cls->state : NULL;
    while (f && f->name && (strcmp(f->name, "raised") != 0 || f->type != STATE_U64))
        f++;
    if (!f || !f->name)
        return;
    fprintf(h->out, "IRQ statistics for %s:\n", dev->cls->name);
    for (unsigned i = 0; i < f->count; i++) {
        u64 n;
        memcpy(&n, (const char *)dev + f->offset + (size_t)i * f->size, sizeof(n));
        if (n)
            fprintf(h->out, "%2u: %llu\n", i, LL(n));
    }
}

void info_irq(struct hmp *h)
{
    irq_statistics(h, h->m->ioapic);
    irq_statistics(h, h->m->pic);
    if (!h->m->pic)
        fprintf(h->out, "there is no interrupt controller on this board\n");
}

void info_device(struct hmp *h)
{
    char name[64];
    if (hmp_word(h, name, sizeof(name))) {
        struct device *d = find_device(h, name);
        if (d)
            print_device(h, d, name);
        else
            fprintf(h->out, "there is no device '%s'\n", name);
        return;
    }
    for (struct device *d = h->m->sys.devices; d; d = d->next)
        fprintf(h->out, "%s%s%s\n", d->cls->name, d->id[0] ? " " : "", d->id);
}

void info_jit(struct hmp *h)
{
    for (unsigned i = 0; i < h->m->ncpus; i++) {
        struct cpu *cpu = h->m->cpu[i];
        fprintf(h->out, "CPU #%u: engine %s, %llu instructions\n", i, cpu->engine ? cpu->engine->name : "none",
                LL(cpu_icount(cpu)));
        if (cpu->engine && cpu->engine->info)
            cpu->engine->info(cpu, h->out);
    }
    fprintf(h->out, "virtual time %llu ns\n", LL(clock_now(&h->m->sys.clock)));
}

/* ---- address spaces ---- */

static const char *region_kind(const struct region *r) { return !r->host ? "i/o" : r->rom ? "rom" : "ram"; }

static void print_range(struct hmp *h, u64 start, u64 size, const struct region *r, u64 off)
{
    fprintf(h->out, "  %016llx-%016llx (prio %d, %s): %s", LL(start), LL(start + size - 1), r->priority, region_kind(r),
            r->name);
    if (off)
        fprintf(h->out, " @%016llx", LL(off));
    fprintf(h->out, "%s\n", r->enabled ? "" : " [disabled]");
}

static void print_flat(struct hmp *h, const struct space *s)
{
    fprintf(h->out, "FlatView \"%s\"\n AS \"%s\"\n", s->name, s->name);
    for (unsigned i = 0; i < s->nflat; i++)
        print_range(h, s->flat[i].start, s->flat[i].size, s->flat[i].region, s->flat[i].off);
    fputc('\n', h->out);
}

static int by_base(const void *a, const void *b)
{
    const struct region *x = *(struct region *const *)a, *y = *(struct region *const *)b;
    if (x->base != y->base)
        return x->base < y->base ? -1 : 1;
    return y->priority - x->priority;
}

static void print_regions(struct hmp *h, const struct space *s)
{
    size_t n = 0;
    for (const struct region *r = s->regions; r; r = r->next)
        n++;
    const struct region **list = calloc(n + 1, sizeof(struct region *));
    if (!list)
        return;
    n = 0;
    for (const struct region *r = s->regions; r; r = r->next)
        list[n++] = r;
    qsort(list, n, sizeof(struct region *), by_base);
    fprintf(h->out, "address-space: %s\n", s->name);
    for (size_t i = 0; i < n; i++)
        print_range(h, list[i]->base, list[i]->size, list[i], list[i]->ram ? list[i]->ram_off : 0);
    fputc('\n', h->out);
    free(list);
}

void info_mtree(struct hmp *h)
{
    void (*print)(struct hmp * h, const struct space *s) = hmp_flag(h, 'f') ? print_flat : print_regions;
    print(h, &h->m->sys.mem);
    print(h, &h->m->sys.io);
}
