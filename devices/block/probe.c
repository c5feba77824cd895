/*
 * Image formats by their first bytes, as the formats' own documents give
 * them. None but raw can be used here; knowing the others keeps a guest from
 * writing into them as if they were.
 */
#include "devices/block/format.h"

struct magic {
    const char *format;
    u16 at, size;
    const char *bytes;
};
#define MAGIC(format, at, bytes)                                                                                       \
    {                                                                                                                  \
        format, at, sizeof(bytes) - 1, bytes                                                                           \
    }
static const struct magic magics[] = {
    MAGIC("qcow", 0, "QFI\xfb\0\0\0\1"),
    MAGIC("qcow2", 0, "QFI\xfb"),
    MAGIC("qed", 0, "QED\0"),
    MAGIC("vmdk", 0, "KDMV"),
    MAGIC("vmdk", 0, "COWD"),
    MAGIC("vmdk", 0, "# Disk DescriptorFile"),
    MAGIC("vdi", 0x40, "\x7f\x10\xda\xbe"),
    MAGIC("vpc", 0, "conectix"), /* a dynamic VHD; a fixed one is raw but for its last sector */
    MAGIC("vhdx", 0, "vhdxfile"),
    MAGIC("luks", 0, "LUKS\xba\xbe\0\1"), /* version 2 is only ever made inside a disk, by guests */
    MAGIC("parallels", 0, "WithoutFreeSpace"),
    MAGIC("parallels", 0, "WithouFreSpacExt"),
    MAGIC("bochs", 0, "Bochs Virtual HD Image"),
    MAGIC("cloop", 0, "#!/bin/sh\n#V2.0 Format\n"),
};

const char *disk_probe(const u8 *sector)
{
    for (size_t i = 0; i < ARRAY_LEN(magics); i++) {
        if (!memcmp(sector + magics[i].at, magics[i].bytes, magics[i].size))
            return magics[i].format;
    }
    return NULL;
}

/* Signature, version 4, size of the trailer. */
bool disk_probe_dmg(const u8 *last) { return !memcmp(last, "koly\0\0\0\4\0\0\2\0", 12); }
