/*
 * A copy of the guest's screen, and its encoding as PPM or PNG, a row at a
 * time: a large picture takes long to compress.
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

struct picture_encoder {
    const struct picture *picture;
    char *data; /* what has been encoded, complete once 'done' */
    size_t size;
    bool done;
    unsigned row; /* the next one */
    FILE *out;
    void *png, *info; /* libpng's */
};
/* False: no memory. End it in either case. */
bool picture_encode(struct picture_encoder *enc, const struct picture *p, bool png);
/* One more row, until 'done'. False: no memory. */
bool picture_encode_row(struct picture_encoder *enc);
void picture_encode_end(struct picture_encoder *enc);

#endif
