/*
 * Device ends (device_end.h). What the stream brings goes into the device's
 * port of the machine's input queue; a full port means the stream is not read:
 * flow control all the way back to whoever writes.
 */
#include "frontend/device_end.h"

#include <stdlib.h>

enum { KEEP = 4 << 20 };

struct device_end {
    struct chardev cd;
    struct stream *stream;
    struct input_port *port; /* NULL before device_end_start */
    /* machine's thread: */
    bool told;
    bool taken; /* a device has it */
};

static size_t end_can_input(void *owner)
{
    struct device_end *d = owner;
    return d->port ? machine_port_room(d->port) : 0;
}

static void end_input(void *owner, const u8 *buf, size_t n)
{
    machine_port_put(((struct device_end *)owner)->port, buf, n);
}

static void has_room(void *owner) { stream_accept_input(((struct device_end *)owner)->stream); }

static void end_event(void *owner, enum stream_event e)
{
    struct device_end *d = owner;
    if (!d->port)
        return; /* device_end_start tells */
    if (e == STREAM_OPENED)
        machine_port_event(d->port, CHARDEV_OPENED);
    else if (e == STREAM_CLOSED)
        machine_port_event(d->port, CHARDEV_CLOSED);
    else if (e == STREAM_BREAK)
        machine_port_event(d->port, CHARDEV_BREAK);
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

/* The device lets go; the memory goes with device_end_free. */
static void end_close(struct chardev *cd) { container_of(cd, struct device_end, cd)->taken = false; }

struct device_end *device_end_create(struct stream *s)
{
    struct device_end *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->cd = (struct chardev){.write = end_write, .put = end_put, .close = end_close};
    d->stream = s;
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

bool device_end_start(struct device_end *d, struct machine *m)
{
    struct input_port *port = machine_open_port(m, &d->cd, d->stream->label, has_room, d);
    if (!port)
        return false;
    if (d->stream->connected)
        machine_port_event(port, CHARDEV_OPENED);
    d->port = port;
    stream_accept_input(d->stream);
    return true;
}

void device_end_free(struct device_end *d) { free(d); }
