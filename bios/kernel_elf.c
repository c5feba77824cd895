/*
 * Multiboot 1 (the specification 0.6.96) and PVH kernels (Xen's
 * docs/misc/pvh.pandoc). Both are told of memory by a map that is made when
 * they start, once firmware has taken its share.
 */
#include "bios/kernel_elf.h"

#include <stdlib.h>

enum {
    MB_MAGIC = 0x1badb002,
    MB_BOOT_MAGIC = 0x2badb002,
    MB_SEARCH = 8192,
    MB_KLUDGE = BIT(16),
    MB_UNKNOWN = 0xfff8,
    MBI_MEM = 1,
    MBI_BOOT_DEVICE = 2,
    MBI_CMDLINE = 4,
    MBI_MODS = 8,
    MBI_MMAP = 0x40,
    MBI_LOADER = 0x200,
    FIRST_DISK = 0x8000ffff, /* BIOS drive 80h, its first partition */
    CODE = 0x08,             /* selectors, as QEMU's loaders have them: some kernels keep them */
    DATA = 0x10,
    PVH_MAGIC = 0x336ec578,
    NOTE_PHYS32_ENTRY = 18,
    PT_LOAD = 1,
    PT_NOTE = 4,
    MAP_OFF = 0x100,
    MAP_MAX = 64,
    MAP_STRIDE = 24,
    MODS_OFF = 0x800,
    MAX_MODS = 16,
    TEXT_OFF = 0xa00,
    INFO_MAX = 0x6000,
    MODULE_MAX = 1 << 30,
    FIRMWARE_TOP = 128 << 10, /* what firmware keeps for its tables at the end of low memory, at most */
};

/* The fields of either ELF class that matter here. */
struct elf {
    const struct blob *file;
    bool is64;
    u64 entry, phoff;
    unsigned phnum, phentsize;
};
struct segment {
    u32 type;
    u64 offset, paddr, filesz, memsz, align;
};

static bool elf_open(const struct blob *f, struct elf *e)
{
    static const u8 magic[4] = {0x7f, 'E', 'L', 'F'};
    if (f->len < 64 || memcmp(f->data, magic, 4) != 0 || f->data[5] != 1)
        return false;
    const u8 *h = f->data;
    e->file = f;
    e->is64 = h[4] == 2;
    e->entry = e->is64 ? ld64(h + 24) : ld32(h + 24);
    e->phoff = e->is64 ? ld64(h + 32) : ld32(h + 28);
    e->phentsize = ld16(h + (e->is64 ? 54 : 42));
    e->phnum = ld16(h + (e->is64 ? 56 : 44));
    return e->phentsize >= (e->is64 ? 56u : 32u) && e->phoff <= f->len &&
           (u64)e->phnum * e->phentsize <= f->len - e->phoff;
}

static struct segment elf_segment(const struct elf *e, unsigned i)
{
    const u8 *p = e->file->data + e->phoff + (u64)i * e->phentsize;
    if (e->is64)
        return (struct segment){ld32(p), ld64(p + 8), ld64(p + 24), ld64(p + 32), ld64(p + 40), ld64(p + 48)};
    return (struct segment){ld32(p), ld32(p + 4), ld32(p + 12), ld32(p + 16), ld32(p + 20), ld32(p + 28)};
}

static bool inside(const struct blob *f, u64 off, u64 len) { return off <= f->len && len <= f->len - off; }

/* Adds the segments, with zeroed rest; *end: first byte behind the highest. */
static bool elf_load(const struct elf *e, struct boot_plan *plan, u64 ram, u64 *end, char *err, size_t err_size)
{
    for (unsigned i = 0; i < e->phnum; i++) {
        struct segment s = elf_segment(e, i);
        if (s.type != PT_LOAD || !s.memsz)
            continue;
        if (!inside(e->file, s.offset, s.filesz) || s.memsz < s.filesz || s.memsz > ram || s.paddr > ram - s.memsz) {
            snprintf(err, err_size, "the kernel's ELF segment at %llx does not fit into its file or into memory",
                     (unsigned long long)s.paddr);
            return false;
        }
        u8 *image = calloc(1, s.memsz);
        if (!image) {
            snprintf(err, err_size, "not enough memory for the kernel");
            return false;
        }
        memcpy(image, e->file->data + s.offset, s.filesz);
        bool ok = plan_add(plan, image, s.memsz, s.paddr, ram, err, err_size);
        free(image);
        if (!ok)
            return false;
        *end = MAX(*end, s.paddr + s.memsz);
    }
    return true;
}

/* The information block under construction. */
struct info {
    u32 addr; /* where it goes: multiboot or PVH information, map, modules, strings */
    u8 bytes[INFO_MAX];
    u32 text;  /* where the next string goes */
    bool full; /* a string did not fit */
    u32 end;   /* first free address for modules */
};

/* An information block below the EBDA that no piece of the kernel overlaps; NULL: no room or memory. */
static struct info *info_create(const struct boot_plan *plan, char *err, size_t err_size)
{
    static const u32 places[] = {0x9000, 0x80000, 0x60000, 0x40000, 0x20000, 0x1000};
    for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
        bool free_there = true;
        for (unsigned k = 0; k < plan->npieces; k++)
            free_there &=
                plan->piece[k].addr >= places[i] + INFO_MAX || plan->piece[k].addr + plan->piece[k].len <= places[i];
        struct info *in = free_there ? calloc(1, sizeof(*in)) : NULL;
        if (in) {
            in->addr = places[i];
            in->text = TEXT_OFF;
            return in;
        }
    }
    snprintf(err, err_size, "the kernel leaves no room below 640 KB for its boot information");
    return NULL;
}

static u32 add_text(struct info *in, const char *s)
{
    u32 at = in->text;
    size_t n = strlen(s) + 1;
    if (n > INFO_MAX - at) {
        in->full = true;
        return 0;
    }
    memcpy(in->bytes + at, s, n);
    in->text += (u32)n;
    return in->addr + at;
}

/* Cuts the first of comma-separated words off; a comma inside one is written twice. NULL: none left. */
static char *next_module(char **list)
{
    char *word = *list;
    if (!word)
        return NULL;
    word += strspn(word, " ");
    char *to = word;
    for (const char *from = word;; from++) {
        bool comma = *from == ',';
        if (comma && from[1] == ',')
            from++;
        else if (comma || !*from) {
            *list = comma ? (char *)from + 1 : NULL;
            *to = 0;
            return word;
        }
        *to++ = *from;
    }
}

/* One module per comma-separated "file arguments". 'entry' writes its description. */
static bool add_modules(const struct bios_config *cfg, struct boot_plan *plan, struct info *in, unsigned *count,
                        void (*entry)(u8 *e, u32 addr, u32 len, u32 text), unsigned entry_size, char *err,
                        size_t err_size)
{
    char *list = cfg->initrd ? strdup(cfg->initrd) : NULL, *rest = list;
    bool ok = list || !cfg->initrd;
    for (char *m = next_module(&rest); ok && m; m = next_module(&rest)) {
        u32 text = add_text(in, m);
        struct blob b;
        m[strcspn(m, " ")] = 0;
        if (*count == MAX_MODS) {
            snprintf(err, err_size, "more than %d modules in -initrd", MAX_MODS);
            ok = false;
        } else if ((ok = blob_read(&b, "the module", m, MODULE_MAX, err, err_size))) {
            u32 addr = (in->end + PAGE_SIZE - 1) & (u32)PAGE_MASK;
            ok = plan_add(plan, b.data, b.len, addr, cfg->low_ram, err, err_size);
            entry(in->bytes + MODS_OFF + *count * entry_size, addr, (u32)b.len, text);
            in->end = addr + (u32)b.len;
            ++*count;
            free(b.data);
        }
    }
    free(list);
    return ok;
}

static void multiboot_module(u8 *e, u32 addr, u32 len, u32 text)
{
    st32(e, addr);
    st32(e + 4, addr + len);
    st32(e + 8, text);
}
static void pvh_module(u8 *e, u32 addr, u32 len, u32 text)
{
    st64(e, addr);
    st64(e + 8, len);
    st64(e + 16, text);
}

static u32 add_cmdline(struct info *in, const struct bios_config *cfg, bool with_name)
{
    size_t n = strlen(cfg->kernel) + (cfg->append ? strlen(cfg->append) : 0) + 2;
    char *line = malloc(n);
    if (!line)
        return 0;
    snprintf(line, n, "%s%s%s", with_name ? cfg->kernel : "", with_name && cfg->append ? " " : "",
             cfg->append ? cfg->append : "");
    u32 at = add_text(in, line);
    free(line);
    return at;
}

static bool finish_info(struct boot_plan *plan, struct info *in, u64 ram, char *err, size_t err_size)
{
    plan->kind = BOOT_FLAT32;
    plan->cs = CODE;
    plan->ds = DATA;
    plan->ebx = in->addr;
    if (in->full) {
        snprintf(err, err_size, "the command lines of the kernel and its modules are longer than %d characters",
                 INFO_MAX - TEXT_OFF);
        return false;
    }
    return plan_add(plan, in->bytes, in->text, in->addr, ram, err, err_size);
}

/* ---- multiboot ---- */

static const u8 *multiboot_header(const struct blob *f)
{
    for (size_t i = 0; i + 12 <= MIN(f->len, (size_t)MB_SEARCH); i += 4) {
        const u8 *h = f->data + i;
        if (ld32(h) == MB_MAGIC && (u32)(ld32(h) + ld32(h + 4) + ld32(h + 8)) == 0)
            return h;
    }
    return NULL;
}

/* The a.out kludge: the header itself says what goes where. */
static bool load_kludge(const struct blob *f, const u8 *h, struct boot_plan *plan, u64 ram, u64 *end, char *err,
                        size_t err_size)
{
    size_t at = (size_t)(h - f->data);
    if (at + 32 > f->len)
        return false;
    u32 header = ld32(h + 12), load = ld32(h + 16), load_end = ld32(h + 20), bss_end = ld32(h + 24);
    u64 off = at - (header - load), len = load_end ? load_end - load : f->len - off;
    u64 mem = MAX(len, bss_end > load ? (u64)bss_end - load : 0);
    if (header < load || header - load > at || !inside(f, off, len) || mem == 0 || load + mem > ram) {
        snprintf(err, err_size, "the kernel's multiboot addresses do not fit its file or memory");
        return false;
    }
    u8 *image = calloc(1, mem);
    if (!image) {
        snprintf(err, err_size, "not enough memory for the kernel");
        return false;
    }
    memcpy(image, f->data + off, len);
    bool ok = plan_add(plan, image, mem, load, ram, err, err_size);
    free(image);
    plan->entry = ld32(h + 28);
    *end = load + mem;
    return ok;
}

static bool plan_multiboot(const struct bios_config *cfg, const struct blob *f, const u8 *h, struct boot_plan *plan,
                           char *err, size_t err_size)
{
    u32 flags = ld32(h + 4);
    u64 end = 0, ram = cfg->low_ram;
    struct elf e;
    if (flags & MB_UNKNOWN) {
        snprintf(err, err_size, "the kernel asks for multiboot features (%x) that are not there", flags & MB_UNKNOWN);
        return false;
    }
    if (flags & MB_KLUDGE) {
        if (!load_kludge(f, h, plan, ram, &end, err, err_size))
            return false;
    } else if (elf_open(f, &e) && !e.is64) {
        if (!elf_load(&e, plan, ram, &end, err, err_size))
            return false;
        plan->entry = (u32)e.entry;
    } else {
        snprintf(err, err_size, "the multiboot kernel '%s' is no 32-bit ELF file", cfg->kernel);
        return false;
    }
    struct info *in = info_create(plan, err, err_size);
    if (!in)
        return false;
    in->end = (u32)MAX(end, 0x100000ull);
    unsigned mods = 0;
    bool ok = add_modules(cfg, plan, in, &mods, multiboot_module, 16, err, err_size);
    u8 *b = in->bytes;
    st32(b, MBI_MEM | MBI_BOOT_DEVICE | MBI_CMDLINE | MBI_MODS | MBI_MMAP | MBI_LOADER);
    st32(b + 4, 639);
    st32(b + 8, (u32)((ram - MIN(ram, (1ull << 20) + FIRMWARE_TOP)) >> 10));
    st32(b + 12, FIRST_DISK);
    st32(b + 16, add_cmdline(in, cfg, true));
    st32(b + 20, mods);
    st32(b + 24, in->addr + MODS_OFF);
    st32(b + 48, in->addr + MAP_OFF);
    st32(b + 64, add_text(in, "qemu")); /* its conventions: kernels look at the name to know them */
    plan->eax = MB_BOOT_MAGIC;
    plan->map = (struct boot_map){in->addr + MAP_OFF, MAP_MAX, MAP_STRIDE, 4, in->addr + 44, true, 4};
    ok = ok && finish_info(plan, in, ram, err, err_size);
    free(in);
    return ok;
}

/* ---- PVH ---- */

/* The physical 32-bit entry of a Xen note, or 0. */
static u32 pvh_entry(const struct elf *e)
{
    for (unsigned i = 0; i < e->phnum; i++) {
        struct segment s = elf_segment(e, i);
        if (s.type != PT_NOTE || !inside(e->file, s.offset, s.filesz))
            continue;
        u64 pad = s.align == 8 ? 7 : 3;
        for (u64 at = 0; at + 12 <= s.filesz;) {
            const u8 *n = e->file->data + s.offset + at;
            u64 name = ld32(n), desc = ld32(n + 4), name_pad = (name + pad) & ~pad;
            if (12 + name_pad + desc > s.filesz - at)
                break;
            if (ld32(n + 8) == NOTE_PHYS32_ENTRY && name == 4 && !memcmp(n + 12, "Xen", 4) && desc >= 4)
                return ld32(n + 12 + name_pad);
            at += 12 + name_pad + ((desc + pad) & ~pad);
        }
    }
    return 0;
}

static bool plan_pvh(const struct bios_config *cfg, const struct elf *e, struct boot_plan *plan, char *err,
                     size_t err_size)
{
    u64 end = 0;
    if (!elf_load(e, plan, cfg->low_ram, &end, err, err_size))
        return false;
    struct info *in = info_create(plan, err, err_size);
    if (!in)
        return false;
    in->end = (u32)end;
    unsigned mods = 0;
    bool ok = add_modules(cfg, plan, in, &mods, pvh_module, 32, err, err_size);
    u8 *b = in->bytes;
    st32(b, PVH_MAGIC);
    st32(b + 4, 1);
    st32(b + 12, mods);
    st64(b + 16, in->addr + MODS_OFF);
    st64(b + 24, add_cmdline(in, cfg, false));
    st64(b + 40, in->addr + MAP_OFF);
    plan->rsdp_off = 32;
    plan->map = (struct boot_map){in->addr + MAP_OFF, MAP_MAX, MAP_STRIDE, 0, in->addr + 48, false, 4};
    ok = ok && finish_info(plan, in, cfg->low_ram, err, err_size);
    free(in);
    return ok;
}

bool kernel_plan_elf(const struct bios_config *cfg, const struct blob *file, struct boot_plan *plan, char *err,
                     size_t err_size)
{
    struct elf e;
    const u8 *mb = multiboot_header(file);
    if (mb)
        return plan_multiboot(cfg, file, mb, plan, err, err_size);
    bool elf = elf_open(file, &e);
    u32 entry = elf ? pvh_entry(&e) : 0;
    if (entry) {
        plan->entry = entry;
        return plan_pvh(cfg, &e, plan, err, err_size);
    }
    snprintf(err, err_size, "'%s' is no kernel that can be started: %s", cfg->kernel,
             elf ? "an ELF file without a PVH note or multiboot header"
                 : "neither a Linux bzImage nor a multiboot or PVH kernel");
    return false;
}
