/*
 * Device ends (device_end.h): a small buffer under a lock. The main thread
 * fills it and posts; the machine's thread empties it as fast as the device
 * takes bytes. Full means the stream is not read: flow control all the way
 * back to whoever writes.
 */
#include "frontend/device_end.h"

#include <pthread.h>
#include <stdlib.h>

enum { BUFFER = 4096, KEEP = 4 << 20 };

struct device_end {
    struct chardev cd;
    struct stream *stream;
    struct machine *machine; /* NULL before device_end_start */
    pthread_mutex_t lock;    /* of what follows */
    u8 buf[BUFFER];
    unsigned head, len;
    bool posted;
    /* machine's thread: */
    bool pumping, told;
    bool taken; /* a device has it */
};

static unsigned take(struct device_end *d, u8 *out, size_t max)
{
    pthread_mutex_lock(&d->lock);
    unsigned n = (unsigned)MIN((size_t)d->len, max);
    for (unsigned i = 0; i < n; i++)
        out[i] = d->buf[(d->head + i) % BUFFER];
    d->head = (d->head + n) % BUFFER;
    d->len -= n;
    pthread_mutex_unlock(&d->lock);
    return n;
}

/* Machine's thread: everything the device takes now. */
static void pump(struct device_end *d)
{
    u8 bytes[256];
    bool moved = false;
    if (d->pumping || !d->cd.receive)
        return; /* a device that asks for more from inside 'receive' gets it from the loop below */
    d->pumping = true;
    for (;;) {
        size_t room = d->cd.can_receive ? d->cd.can_receive(d->cd.owner) : sizeof(bytes);
        unsigned n = room ? take(d, bytes, MIN(room, sizeof(bytes))) : 0;
        if (!n)
            break;
        moved = true;
        d->cd.receive(d->cd.owner, bytes, n);
    }
    d->pumping = false;
    if (moved)
        stream_accept_input(d->stream);
}

static void pump_posted(struct machine *m, void *arg)
{
    struct device_end *d = arg;
    (void)m;
    pthread_mutex_lock(&d->lock);
    d->posted = false;
    pthread_mutex_unlock(&d->lock);
    pump(d);
}

/* Main thread, under the lock. */
static bool should_post(struct device_end *d)
{
    bool post = d->machine && d->len && !d->posted;
    d->posted |= post;
    return post;
}

static size_t end_can_input(void *owner)
{
    struct device_end *d = owner;
    pthread_mutex_lock(&d->lock);
    size_t room = BUFFER - d->len;
    pthread_mutex_unlock(&d->lock);
    return room;
}

static void end_input(void *owner, const u8 *buf, size_t n)
{
    struct device_end *d = owner;
    pthread_mutex_lock(&d->lock);
    n = MIN(n, BUFFER - d->len);
    for (size_t i = 0; i < n; i++)
        d->buf[(d->head + d->len + i) % BUFFER] = buf[i];
    d->len += (unsigned)n;
    bool post = should_post(d);
    pthread_mutex_unlock(&d->lock);
    if (post)
        machine_post(d->machine, pump_posted, d);
}

#define POSTED_EVENT(function, which)                                                                                  \
    static void function(struct machine *m, void *arg)                                                                 \
    {                                                                                                                  \
        struct device_end *d = arg;                                                                                    \
        (void)m;                                                                                                       \
        if (d->cd.event)                                                                                               \
            d->cd.event(d->cd.owner, which);                                                                           \
    }
POSTED_EVENT(opened_posted, CHARDEV_OPENED)
POSTED_EVENT(closed_posted, CHARDEV_CLOSED)
POSTED_EVENT(break_posted, CHARDEV_BREAK)

static void end_event(void *owner, enum stream_event e)
{
    struct device_end *d = owner;
    if (!d->machine)
        return; /* device_end_start tells */
    if (e == STREAM_OPENED)
        machine_post(d->machine, opened_posted, d);
    else if (e == STREAM_CLOSED)
        machine_post(d->machine, closed_posted, d);
    else if (e == STREAM_BREAK)
        machine_post(d->machine, break_posted, d);
}

static size_t end_write(struct chardev *cd, const u8 *buf, size_t n)
{
    return stream_write(container_of(cd, struct device_end, cd)->stream, buf, n);
}

static void end_put(struct chardev *cd, const u8 *buf, size_t n)
{
    struct device_end *d = container_of(cd, struct device_end, cd);
    if (stream_pending(d->stream) < KEEP) {
        stream_write_all(d->stream, buf, n);
    } else if (!d->told) {
        d->told = true;
        fprintf(stderr, "orrery: %s: the other end does not read, output is lost\n", d->stream->label);
    }
}

static void end_accept_input(struct chardev *cd) { pump(container_of(cd, struct device_end, cd)); }

/* The device lets go; the memory goes with device_end_free, when no post can be under way. */
static void end_close(struct chardev *cd) { container_of(cd, struct device_end, cd)->taken = false; }

struct device_end *device_end_create(struct stream *s)
{
    struct device_end *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->cd = (struct chardev){.write = end_write, .put = end_put, .accept_input = end_accept_input, .close = end_close};
    d->stream = s;
    pthread_mutex_init(&d->lock, NULL);
    stream_attach(s, &(struct stream_user){end_can_input, end_input, end_event, d, NULL});
    return d;
}

struct chardev *device_end_take(struct device_end *d)
{
    if (d->taken)
        return NULL;
    d->taken = true;
    return &d->cd;
}

void device_end_start(struct device_end *d, struct machine *m)
{
    d->machine = m;
    if (d->stream->connected)
        machine_post(m, opened_posted, d);
    pthread_mutex_lock(&d->lock);
    bool post = should_post(d);
    pthread_mutex_unlock(&d->lock);
    if (post)
        machine_post(m, pump_posted, d);
}

void device_end_free(struct device_end *d)
{
    if (!d)
        return;
    pthread_mutex_destroy(&d->lock);
    free(d);
}
