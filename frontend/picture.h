/*
 * A copy of the guest's screen, and writing it as PPM or PNG.
 */
#ifndef ORRERY_FRONTEND_PICTURE_H
#define ORRERY_FRONTEND_PICTURE_H

#include "devices/core/display.h"
#include "frontend/text.h"

struct picture {
    u8 *rgb; /* three bytes a pixel, rows without padding */
    unsigned width, height;
};
bool picture_copy(struct picture *p, const struct surface *s);
void picture_free(struct picture *p);
bool picture_write_ppm(const struct picture *p, const char *file, struct error *e);
bool picture_write_png(const struct picture *p, const char *file, struct error *e);

#endif
