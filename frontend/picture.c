/*
 * Screen pictures (picture.h). PNG through libpng's simplified interface.
 */
#include "frontend/picture.h"

#include <errno.h>
#include <png.h>
#include <stdlib.h>

bool picture_copy(struct picture *p, const struct surface *s)
{
    if (!s->pixels || s->width <= 0 || s->height <= 0)
        return false;
    p->width = (unsigned)s->width;
    p->height = (unsigned)s->height;
    u8 *to = p->rgb = malloc((size_t)p->width * p->height * 3);
    if (!to)
        return false;
    for (unsigned y = 0; y < p->height; y++) {
        const u32 *row = s->pixels + (size_t)y * (size_t)s->stride;
        for (unsigned x = 0; x < p->width; x++) {
            *to++ = (u8)(row[x] >> 16);
            *to++ = (u8)(row[x] >> 8);
            *to++ = (u8)row[x];
        }
    }
    return true;
}

void picture_free(struct picture *p)
{
    free(p->rgb);
    p->rgb = NULL;
}

bool picture_write_ppm(const struct picture *p, const char *file, struct error *e)
{
    FILE *f = fopen(file, "we");
    if (!f)
        return fail(e, "failed to open file '%s': %s", file, strerror(errno));
    size_t n = (size_t)p->width * p->height * 3;
    bool ok = fprintf(f, "P6\n%u %u\n255\n", p->width, p->height) > 0 && fwrite(p->rgb, 1, n, f) == n;
    if (fclose(f) || !ok)
        return fail(e, "cannot write '%s': %s", file, strerror(errno));
    return true;
}

bool picture_write_png(const struct picture *p, const char *file, struct error *e)
{
    png_image image = {.version = PNG_IMAGE_VERSION, .width = p->width, .height = p->height, .format = PNG_FORMAT_RGB};
    FILE *f = fopen(file, "we");
    if (!f)
        return fail(e, "failed to open file '%s': %s", file, strerror(errno));
    bool ok = png_image_write_to_stdio(&image, f, 0, p->rgb, 0, NULL);
    if (fclose(f) || !ok)
        return fail(e, "cannot write '%s': %s", file, ok ? strerror(errno) : image.message);
    return true;
}
