/*
 * The file a saved machine is in: magic, format version, then sections, each a
 * name, a number, a length, a checksum (XXH3) and its bytes, compressed (zstd)
 * where that helps; the last is "end". All numbers are little-endian. Written
 * under another name and renamed once it is on the medium. Knows nothing of
 * machines.
 */
#ifndef ORRERY_SNAPSHOT_FILE_H
#define ORRERY_SNAPSHOT_FILE_H

#include "cpu/base.h"

enum { SNAPSHOT_VERSION = 1, SECTION_NAME_MAX = 255, SECTION_MAX = 1 << 30 /* bytes */ };

/* ---- writing ---- */
struct snapshot_out;
/* NULL with one sentence in err. */
struct snapshot_out *snapshot_create(const char *path, char *err, size_t err_size);
/* Appends a section, unless something failed before. */
void snapshot_put(struct snapshot_out *out, const char *name, u32 number, const void *data, size_t size);
/* Nothing will come of it: for what was to be put there was no memory. */
void snapshot_fail(struct snapshot_out *out);
/* The file is there, whole, or is not there: false with one sentence in err. */
bool snapshot_finish(struct snapshot_out *out, char *err, size_t err_size);

/* ---- reading ---- */
struct snapshot_in;
struct snapshot_section {
    char name[SECTION_NAME_MAX + 1];
    u32 number;
    u32 size;
    const u8 *stored;
    u32 stored_size;
    bool seen; /* somebody asked for it */
};
/* Reads all of it, and sees that nothing is damaged or missing: NULL with one sentence in err. */
struct snapshot_in *snapshot_open(const char *path, char *err, size_t err_size);
void snapshot_close(struct snapshot_in *in);
/* NULL: there is none. */
struct snapshot_section *snapshot_find(struct snapshot_in *in, const char *name, u32 number);
/* The first that nobody asked for, or NULL. */
const struct snapshot_section *snapshot_unseen(const struct snapshot_in *in);
/* Its 'size' bytes; false: they are not what they should be. */
bool snapshot_get(struct snapshot_in *in, const struct snapshot_section *s, void *to);

#endif
