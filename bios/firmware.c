/*
 * Loads firmware: SeaBIOS and its VGA BIOS from where Debian's package puts
 * them (ORRERY_FIRMWARE_DIR overrides the folder), or any file the user names.
 */
#include "bios/firmware.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRMWARE_DIR "/usr/share/seabios"
enum { ROM_MIN = 64 << 10, ROM_MAX = 8 << 20 };

bool blob_read(struct blob *out, const char *what, const char *path, size_t max, char *err, size_t err_size)
{
    struct stat st;
    *out = (struct blob){NULL, 0};
    FILE *f = fopen(path, "rb");
    if (!f || fstat(fileno(f), &st)) {
        snprintf(err, err_size, "cannot open %s '%s': %s", what, path, strerror(errno));
        if (f)
            fclose(f);
        return false;
    }
    if (!S_ISREG(st.st_mode))
        snprintf(err, err_size, "%s '%s' is not a regular file", what, path);
    else if ((u64)st.st_size > max)
        snprintf(err, err_size, "%s '%s' is too large: %lld bytes, at most %zu fit", what, path, (long long)st.st_size,
                 max);
    else if (!(out->data = malloc((size_t)st.st_size + 1)))
        snprintf(err, err_size, "not enough memory to read %s '%s'", what, path);
    else if ((out->len = fread(out->data, 1, (size_t)st.st_size, f)) != (size_t)st.st_size) {
        snprintf(err, err_size, "cannot read %s '%s': %s", what, path, strerror(errno));
        free(out->data);
        out->data = NULL;
    }
    fclose(f);
    if (out->data)
        out->data[out->len] = 0;
    return out->data != NULL;
}

const char *firmware_dir(void)
{
    const char *dir = getenv("ORRERY_FIRMWARE_DIR");
    return dir && *dir ? dir : FIRMWARE_DIR;
}

/* The first folder that has the file, or the default one. */
static void find(const struct firmware_dirs *dirs, const char *name, char *out, size_t n)
{
    for (unsigned i = 0; i < dirs->count; i++) {
        snprintf(out, n, "%s/%s", dirs->dir[i], name);
        if (!access(out, R_OK))
            return;
    }
    snprintf(out, n, "%s/%s", firmware_dir(), name);
}

struct ram *firmware_load(const struct firmware_dirs *dirs, const char *path, char *err, size_t err_size)
{
    char name[4096], file[4096];
    struct blob b;
    if (!path) {
        find(dirs, "bios-256k.bin", name, sizeof(name));
        path = name;
    } else if (access(path, F_OK)) {
        find(dirs, path, file, sizeof(file));
        path = access(file, F_OK) ? path : file;
    }
    if (!blob_read(&b, "the BIOS image", path, ROM_MAX, err, err_size)) {
        if (path == name)
            snprintf(err, err_size, "cannot read '%s': install Debian's package seabios, or name a ROM with -bios",
                     path);
        return NULL;
    }
    struct ram *rom = NULL;
    if (b.len < ROM_MIN) {
        snprintf(err, err_size, "the BIOS image '%s' has %zu bytes; a ROM has 64 KB to 8 MB", path, b.len);
    } else {
        u64 size = (b.len + ROM_MIN - 1) & ~(u64)(ROM_MIN - 1);
        rom = ram_create(size);
        if (rom)
            memcpy(rom->host + (size - b.len), b.data, b.len);
        else
            snprintf(err, err_size, "not enough memory for the BIOS image");
    }
    free(b.data);
    return rom;
}

bool firmware_option_rom(const struct firmware_dirs *dirs, const char *name, struct blob *out, char *err,
                         size_t err_size)
{
    char path[4096];
    find(dirs, name, path, sizeof(path));
    return blob_read(out, "the option ROM", path, ROM_MAX, err, err_size);
}
