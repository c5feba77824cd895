/*
 * Screen pictures (picture.h). PNG through libpng, by rows.
 */
#include "frontend/picture.h"

#include <png.h>
#include <setjmp.h>
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

/* libpng writes through stdio here, and comes back by longjmp when that fails. */
static bool png_begin(struct picture_encoder *enc)
{
    enc->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    enc->info = enc->png ? png_create_info_struct(enc->png) : NULL;
    if (!enc->info || setjmp(png_jmpbuf((png_structp)enc->png)))
        return false;
    png_init_io(enc->png, enc->out);
    png_set_IHDR(enc->png, enc->info, enc->picture->width, enc->picture->height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(enc->png, enc->info);
    return true;
}

static bool png_row(struct picture_encoder *enc, const u8 *row, bool last)
{
    if (setjmp(png_jmpbuf((png_structp)enc->png)))
        return false;
    png_write_row(enc->png, row);
    if (last)
        png_write_end(enc->png, NULL);
    return true;
}

bool picture_encode(struct picture_encoder *enc, const struct picture *p, bool png)
{
    *enc = (struct picture_encoder){.picture = p};
    enc->out = open_memstream(&enc->data, &enc->size);
    if (!enc->out)
        return false;
    return png ? png_begin(enc) : fprintf(enc->out, "P6\n%u %u\n255\n", p->width, p->height) > 0;
}

bool picture_encode_row(struct picture_encoder *enc)
{
    const struct picture *p = enc->picture;
    size_t n = (size_t)p->width * 3;
    const u8 *row = p->rgb + enc->row++ * n;
    enc->done = enc->row == p->height;
    bool ok = enc->png ? png_row(enc, row, enc->done) : fwrite(row, 1, n, enc->out) == n;
    return ok && (!enc->done || !fflush(enc->out));
}

void picture_encode_end(struct picture_encoder *enc)
{
    if (enc->png)
        png_destroy_write_struct((png_structp *)&enc->png, (png_infop *)&enc->info);
    if (enc->out)
        fclose(enc->out);
    free(enc->data);
}
