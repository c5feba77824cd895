/*
 * Shared front end services (host.h). Events arrive on the machine's thread,
 * are queued with the host's time, and are delivered on the main thread.
 */
#include "frontend/host.h"

#include <stdlib.h>
#include <time.h>

#include "frontend/qom.h"

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

/* How the board counts it; false: no device has it. */
static bool place_of(const struct machine *m, const struct drive_option *d, bool *floppy, unsigned *n)
{
    const struct loose_drive *loose = d->bus == DRIVE_NONE ? &m->config.loose[d->index] : NULL;
    *floppy = d->bus == DRIVE_FLOPPY;
    *n = loose ? loose->place : (unsigned)d->index;
    return !loose || loose->taken;
}

void host_node_name(const struct drive_option *d, char *name, size_t size)
{
    static const int first[DRIVE_BUSES] = {
        [DRIVE_IDE] = 0, [DRIVE_FLOPPY] = MAX_IDE, [DRIVE_NONE] = MAX_IDE + MAX_FLOPPY};
    snprintf(name, size, "#block%03d", first[d->bus] + d->index);
}

struct drive_option *host_find_drive(struct host *h, const char *name, struct error *e)
{
    const char *list[MAX_DRIVES];
    for (unsigned i = 0; i < h->options->ndrives; i++) {
        list[i] = h->options->drive[i].name;
        if (!strcmp(list[i], name))
            return &h->options->drive[i];
    }
    fail_unknown(e, "drive", name, list, h->options->ndrives);
    return NULL;
}

struct look {
    const struct drive_option *drive;
    struct drive_state *out;
    char *device; /* NULL: not asked for */
    size_t size;
    bool done;
};

static void look_at_drive(struct machine *m, void *arg)
{
    struct look *l = arg;
    bool floppy;
    unsigned n;
    if (place_of(m, l->drive, &floppy, &n))
        l->done = m->look_at_drive && m->look_at_drive(m, floppy, n, l->out);
    else
        l->out->disk = m->config.loose[l->drive->index].drive.disk;
    if (l->device && l->out->device)
        qom_device_id(m, l->out->device, l->device, l->size);
    if (l->done && l->out->disk)
        memcpy(l->out->count, l->out->disk->count, sizeof(l->out->count));
}

bool host_look_at_drive(struct host *h, const struct drive_option *d, struct drive_state *out)
{
    struct look l = {.drive = d, .out = out};
    machine_call(h->machine, look_at_drive, &l);
    return l.done;
}

bool host_drive_device(struct host *h, const struct drive_option *d, char *name, size_t size)
{
    struct drive_state now = {0};
    struct look l = {.drive = d, .out = &now, .device = name, .size = size};
    machine_call(h->machine, look_at_drive, &l);
    return now.device != NULL;
}

bool host_change_medium(struct host *h, const char *drive, const char *file, const char *format, bool force,
                        struct error *e)
{
    struct drive_option *d = host_find_drive(h, drive, e);
    struct disk *disk = NULL;
    struct drive_state now = {0};
    bool floppy;
    unsigned n;
    if (!d)
        return false;
    host_look_at_drive(h, d, &now);
    if (!place_of(h->machine, d, &floppy, &n) || (!floppy && !now.has_tray))
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
    if (!machine_change_medium(h->machine, floppy, n, disk, file, force)) {
        disk_close(disk);
        return floppy ? fail(e, "'%s' has not the size of a floppy", file ? file : "")
                      : fail(e, "Device '%s' is locked, the guest must release it or the command be forced", drive);
    }
    free(d->changed);
    d->image.path = d->changed = file ? strdup(file) : NULL;
    return true;
}
