/*
 * Shared front end services (host.h). Events arrive on the machine's thread,
 * are queued with the host's time, and are delivered on the main thread.
 */
#include "frontend/host.h"

#include <stdlib.h>
#include <time.h>

struct host_event {
    bool of_disk; /* failure is what happened, else event */
    struct disk_failure failure;
    char drive[64]; /* its name */
    enum machine_event event;
    char detail[DEVICE_ID_MAX];
    bool has_detail;
    u64 when_us;
    struct host_event *next;
};

static void deliver_posted(void *arg) { host_deliver(arg); }

static struct host_event *new_event(void)
{
    struct host_event *ev = calloc(1, sizeof(*ev));
    struct timespec ts;
    if (!ev)
        return NULL;
    clock_gettime(CLOCK_REALTIME, &ts);
    ev->when_us = (u64)ts.tv_sec * 1000000 + (u64)ts.tv_nsec / 1000;
    return ev;
}

static void queue(struct host *h, struct host_event *ev)
{
    pthread_mutex_lock(&h->lock);
    *h->last = ev;
    h->last = &ev->next;
    pthread_mutex_unlock(&h->lock);
    loop_post(h->loop, deliver_posted, h);
}

static void machine_happened(struct machine_observer *o, enum machine_event e, const char *detail)
{
    struct host_event *ev = new_event();
    if (!ev)
        return;
    ev->event = e;
    ev->has_detail = detail != NULL;
    snprintf(ev->detail, sizeof(ev->detail), "%s", detail ? detail : "");
    queue(container_of(o, struct host, observer), ev);
}

static void disk_failed(struct machine_observer *o, const struct disk_failure *f)
{
    struct host_event *ev = new_event();
    if (!ev)
        return;
    ev->of_disk = true;
    ev->failure = *f;
    snprintf(ev->drive, sizeof(ev->drive), "%s", f->drive ? f->drive : "");
    ev->failure.drive = ev->drive;
    queue(container_of(o, struct host, observer), ev);
}

void host_deliver(struct host *h)
{
    for (;;) {
        pthread_mutex_lock(&h->lock);
        struct host_event *ev = h->first;
        if (ev) {
            h->first = ev->next;
            if (!h->first)
                h->last = &h->first;
        }
        pthread_mutex_unlock(&h->lock);
        if (!ev)
            return;
        for (struct host_listener *l = h->listeners, *next; l; l = next) {
            next = l->next;
            if (!ev->of_disk)
                l->event(l->owner, ev->event, ev->has_detail ? ev->detail : NULL, ev->when_us);
            else if (l->disk_failed)
                l->disk_failed(l->owner, &ev->failure, ev->when_us);
        }
        free(ev);
    }
}

void host_init(struct host *h)
{
    pthread_mutex_init(&h->lock, NULL);
    h->last = &h->first;
}

bool host_start(struct host *h, struct machine *m)
{
    h->machine = m;
    h->keys = keys_create(h->loop, m);
    h->observer.event = machine_happened;
    h->observer.disk_failed = disk_failed;
    machine_add_observer(m, &h->observer);
    return h->keys != NULL;
}

void host_destroy(struct host *h)
{
    keys_free(h->keys);
    while (h->first) {
        struct host_event *ev = h->first;
        h->first = ev->next;
        free(ev);
    }
    pthread_mutex_destroy(&h->lock);
}

void host_listen(struct host *h, struct host_listener *l)
{
    l->next = h->listeners;
    h->listeners = l;
}

void host_unlisten(struct host *h, struct host_listener *l)
{
    for (struct host_listener **p = &h->listeners; *p; p = &(*p)->next) {
        if (*p == l) {
            *p = l->next;
            return;
        }
    }
}

/* ---- drives ---- */

void host_drive_name(const struct drive_option *d, char *name, size_t size)
{
    if (d->id)
        snprintf(name, size, "%s", d->id);
    else if (d->bus == DRIVE_FLOPPY)
        snprintf(name, size, "floppy%d", d->index);
    else
        snprintf(name, size, "ide%d-%s%d", d->index / 2, d->cdrom ? "cd" : "hd", d->index % 2);
}

void host_node_name(const struct drive_option *d, char *name, size_t size)
{
    snprintf(name, size, "#block%03d", (d->bus == DRIVE_FLOPPY ? MAX_IDE : 0) + d->index);
}

struct drive_option *host_find_drive(struct host *h, const char *name, struct error *e)
{
    char names[MAX_DRIVES][64];
    const char *list[MAX_DRIVES];
    for (unsigned i = 0; i < h->options->ndrives; i++) {
        host_drive_name(&h->options->drive[i], names[i], sizeof(names[i]));
        if (!strcmp(names[i], name))
            return &h->options->drive[i];
        list[i] = names[i];
    }
    fail_unknown(e, "drive", name, list, h->options->ndrives);
    return NULL;
}

struct look {
    const struct drive_option *drive;
    struct drive_state *out;
    bool done;
};

static void look_at_drive(struct machine *m, void *arg)
{
    struct look *l = arg;
    l->done = m->look_at_drive && m->look_at_drive(m, l->drive->bus == DRIVE_FLOPPY, (unsigned)l->drive->index, l->out);
    if (l->done && l->out->disk)
        memcpy(l->out->count, l->out->disk->count, sizeof(l->out->count));
}

bool host_look_at_drive(struct host *h, const struct drive_option *d, struct drive_state *out)
{
    struct look l = {.drive = d, .out = out};
    machine_call(h->machine, look_at_drive, &l);
    return l.done;
}

bool host_change_medium(struct host *h, const char *drive, const char *file, const char *format, bool force,
                        struct error *e)
{
    struct drive_option *d = host_find_drive(h, drive, e);
    struct disk *disk = NULL;
    if (!d)
        return false;
    if (d->bus == DRIVE_IDE && !d->cdrom)
        return fail(e, "Device '%s' is not removable", drive);
    if (file) {
        struct disk_options opt = d->image;
        opt.path = file;
        opt.drive = drive;
        opt.format = format;
        disk = disk_open(&opt, h->trace, e->text, sizeof(e->text));
        if (!disk)
            return false;
    }
    if (!machine_change_medium(h->machine, d->bus == DRIVE_FLOPPY, (unsigned)d->index, disk, file, force)) {
        disk_close(disk);
        return d->bus == DRIVE_FLOPPY
                   ? fail(e, "'%s' has not the size of a floppy", file ? file : "")
                   : fail(e, "Device '%s' is locked, the guest must release it or the command be forced", drive);
    }
    free(d->changed);
    d->image.path = d->changed = file ? strdup(file) : NULL;
    return true;
}
