/*
 * Between a device's chardev, which lives on the machine's thread, and a
 * stream, which is read on the main thread.
 */
#ifndef ORRERY_FRONTEND_DEVICE_END_H
#define ORRERY_FRONTEND_DEVICE_END_H

#include "devices/machine/machine.h"
#include "frontend/stream.h"

struct device_end;
/* A chardev for the machine's configuration with this stream behind it. */
struct device_end *device_end_create(struct stream *s);
/* For the one device that has it; NULL: another one does. */
struct chardev *device_end_take(struct device_end *d);
/* From now on what arrives is handed to the device; before, it waits. False: no memory. */
bool device_end_start(struct device_end *d, struct machine *m);
/* After the machine is gone. */
void device_end_free(struct device_end *d);

#endif
