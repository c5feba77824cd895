/*
 * Reads the text off a picture of a VGA text screen: each cell is compared
 * with the glyphs of the VGA BIOS's own font (8 by 16, taken from the ROM
 * Debian's seabios package has), so there is nothing to guess. Prints one line
 * per row, UTF-8, without trailing blanks; cells that are no glyph print '?'.
 *
 *   screentext [-f ROM] [-a] FILE.ppm        -a: with colours: "fore/back" of each row's first cell
 *   screentext -s FILE.ppm                   size and a sum of the picture, by five bits of each colour
 *                                            (emulators differ in how they fill up the lower ones)
 *
 * Cells are 9 dots wide where the picture is 720 (or 1440, 1188) wide, else 8.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GLYPH_ROWS = 16, GLYPHS = 256, MAX_ROM = 1 << 20 };

struct picture {
    int width, height;
    uint8_t *file, *rgb; /* what was read, and where in it the pixels are */
};

static const char *const cp437[256] = {
    " ", "☺", "☻", "♥", "♦", "♣", "♠", "•", "◘", "○", "◙", "♂",         "♀", "♪", "♫", "☼", "►", "◄", "↕", "‼", "¶",
    "§", "▬", "↨", "↑", "↓", "→", "←", "∟", "↔", "▲", "▼", [127] = "⌂", "Ç", "ü", "é", "â", "ä", "à", "å", "ç", "ê",
    "ë", "è", "ï", "î", "ì", "Ä", "Å", "É", "æ", "Æ", "ô", "ö",         "ò", "û", "ù", "ÿ", "Ö", "Ü", "¢", "£", "¥",
    "₧", "ƒ", "á", "í", "ó", "ú", "ñ", "Ñ", "ª", "º", "¿", "⌐",         "¬", "½", "¼", "¡", "«", "»", "░", "▒", "▓",
    "│", "┤", "╡", "╢", "╖", "╕", "╣", "║", "╗", "╝", "╜", "╛",         "┐", "└", "┴", "┬", "├", "─", "┼", "╞", "╟",
    "╚", "╔", "╩", "╦", "╠", "═", "╬", "╧", "╨", "╤", "╥", "╙",         "╘", "╒", "╓", "╫", "╪", "┘", "┌", "█", "▄",
    "▌", "▐", "▀", "α", "ß", "Γ", "π", "Σ", "σ", "µ", "τ", "Φ",         "Θ", "Ω", "δ", "∞", "φ", "ε", "∩", "≡", "±",
    "≥", "≤", "⌠", "⌡", "÷", "≈", "°", "∙", "·", "√", "ⁿ", "²",         "■", " ",
};

static void die(const char *what, const char *name)
{
    fprintf(stderr, "screentext: %s: %s\n", name, what);
    exit(2);
}

static uint8_t *read_file(const char *name, size_t max, size_t *size)
{
    FILE *f = strcmp(name, "-") ? fopen(name, "rb") : stdin;
    uint8_t *data = malloc(max);
    if (!f || !data)
        die("cannot open it", name);
    *size = fread(data, 1, max, f);
    if (f != stdin)
        fclose(f);
    return data;
}

/* The font starts with an empty glyph and the two faces. */
static const uint8_t *find_font(const uint8_t *rom, size_t size, const char *name)
{
    static const uint8_t start[2 * GLYPH_ROWS] = {[18] = 0x7e, 0x81, 0xa5, 0x81, 0x81, 0xbd, 0x99, 0x81, 0x81, 0x7e};
    for (size_t i = 0; i + GLYPHS * GLYPH_ROWS <= size; i++)
        if (!memcmp(rom + i, start, sizeof start))
            return rom + i;
    die("no 8 by 16 font in it", name);
    return NULL;
}

static struct picture read_ppm(const char *name)
{
    size_t size;
    uint8_t *data = read_file(name, 64 << 20, &size);
    struct picture p;
    int max, used = 0;
    if (size < 16 || sscanf((const char *)data, "P6 %d %d %d%n", &p.width, &p.height, &max, &used) != 3 || max != 255 ||
        p.width <= 0 || p.height <= 0 || (size_t)used + 1 + (size_t)p.width * (size_t)p.height * 3 > size)
        die("not a PPM picture of 8 bits", name);
    p.file = data;
    p.rgb = data + used + 1;
    return p;
}

static uint32_t pixel(const struct picture *p, int x, int y)
{
    const uint8_t *c = p->rgb + 3 * ((size_t)y * (size_t)p->width + (size_t)x);
    return (uint32_t)(c[0] << 16 | c[1] << 8 | c[2]);
}

/* A glyph of the font, or -1. Two colours at most; either may be the background. */
static int match(const struct picture *p, const uint8_t *font, int x, int y, uint32_t color[2])
{
    uint8_t rows[GLYPH_ROWS] = {0}, inverse[GLYPH_ROWS];
    color[0] = color[1] = pixel(p, x, y);
    for (int r = 0; r < GLYPH_ROWS; r++) {
        for (int d = 0; d < 8; d++) {
            uint32_t c = pixel(p, x + d, y + r);
            if (c != color[0] && color[1] == color[0])
                color[1] = c;
            if (c != color[0] && c != color[1])
                return -1;
            rows[r] |= (uint8_t)((c != color[0]) << (7 - d));
        }
        inverse[r] = (uint8_t)~rows[r];
    }
    for (int i = 0; i < GLYPHS; i++) {
        int g = (i + 32) % GLYPHS; /* a blank is a space, not NUL */
        if (!memcmp(font + g * GLYPH_ROWS, rows, GLYPH_ROWS))
            return g;
        if (memcmp(font + g * GLYPH_ROWS, inverse, GLYPH_ROWS) != 0)
            continue;
        uint32_t swap = color[0];
        color[0] = color[1];
        color[1] = swap;
        return g;
    }
    return -1;
}

/* The cell under a block or underline cursor: rows that are one colour do not count. */
static int match_cursor(const struct picture *p, const uint8_t *font, int x, int y)
{
    uint32_t back = pixel(p, x, y);
    int best = -1;
    for (int i = GLYPHS - 1; i >= 0; i--) {
        int g = (i + 32) % GLYPHS;
        bool fits = true;
        for (int r = 0; r < GLYPH_ROWS && fits; r++) {
            uint8_t row = 0;
            for (int d = 0; d < 8; d++)
                row |= (uint8_t)((pixel(p, x + d, y + r) != back) << (7 - d));
            fits = row == 0xff || row == font[g * GLYPH_ROWS + r];
        }
        if (fits)
            best = g;
    }
    return best;
}

static void print_glyph(int g)
{
    if (g < 0)
        putchar('?');
    else if (cp437[g])
        fputs(cp437[g], stdout);
    else
        putchar(g);
}

static void print_row(const struct picture *p, const uint8_t *font, int y, int cell, bool colors)
{
    int glyph[512], n = p->width / cell, last = 0;
    uint32_t color[2], first[2] = {0, 0};
    for (int i = 0; i < n && i < 512; i++) {
        glyph[i] = match(p, font, i * cell, y, color);
        if (glyph[i] < 0)
            glyph[i] = match_cursor(p, font, i * cell, y);
        if (i == 0)
            memcpy(first, color, sizeof first);
        if (glyph[i] != ' ' && glyph[i] != 0)
            last = i + 1;
    }
    if (colors)
        printf("%06x/%06x ", first[1], first[0]);
    for (int i = 0; i < last; i++)
        print_glyph(glyph[i]);
    putchar('\n');
}

/* FNV-1a */
static void print_sum(const struct picture *p)
{
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < (size_t)p->width * (size_t)p->height * 3; i++)
        sum = (sum ^ (p->rgb[i] & 0xf8)) * 16777619u;
    printf("%dx%d %08x\n", p->width, p->height, sum);
}

static void print_text(const struct picture *p, const char *rom_name, bool colors)
{
    size_t size;
    uint8_t *rom = read_file(rom_name, MAX_ROM, &size);
    const uint8_t *font = find_font(rom, size, rom_name);
    int cell = p->width % 9 == 0 && p->width % 720 == 0 ? 9 : 8;
    for (int y = 0; y + GLYPH_ROWS <= p->height; y += GLYPH_ROWS)
        print_row(p, font, y, cell, colors);
    free(rom);
}

int main(int argc, char **argv)
{
    const char *rom_name = "/usr/share/seabios/vgabios-stdvga.bin", *name = NULL;
    bool colors = false, sum = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-f") && i + 1 < argc)
            rom_name = argv[++i];
        else if (!strcmp(argv[i], "-a"))
            colors = true;
        else if (!strcmp(argv[i], "-s"))
            sum = true;
        else
            name = argv[i];
    }
    if (!name) {
        fprintf(stderr, "usage: screentext [-f ROM] [-a|-s] FILE.ppm\n");
        return 2;
    }
    struct picture p = read_ppm(name);
    if (sum)
        print_sum(&p);
    else
        print_text(&p, rom_name, colors);
    free(p.file);
    return 0;
}
