/*
 * Address spaces (memory and ports) and the regions claimed in them. Where
 * regions overlap the higher priority wins, then the later claim. Every change
 * rebuilds a flat view. RAM and ROM are regions with a host pointer; the rest
 * answers through functions. Accesses wider than a region's access width are
 * split; ones that hit nothing read all ones and are traced (-d unimp).
 */
#ifndef ORRERY_CORE_BUS_H
#define ORRERY_CORE_BUS_H

#include "cpu/base.h"

/* 'off' is relative to the region's base. Values are little-endian numbers. */
typedef u64 region_read(void *owner, u64 off, unsigned size);
typedef void region_write(void *owner, u64 off, u64 val, unsigned size);

enum { PRIO_BACKGROUND = -1, PRIO_RAM = 0, PRIO_DEVICE = 10, PRIO_OVERLAY = 20, PRIO_TOP = 30 };

struct space;
struct dma_view;
struct region {
    const char *name;
    void *owner;
    region_read *read;
    region_write *write;
    u8 min_access, max_access; /* bytes; 0 means 1 and 8 (ports: 1 and 4) */
    int priority;
    bool enabled;
    u64 base, size;
    /* RAM and ROM: */
    u8 *host;        /* bytes of the region; NULL for a device */
    bool rom;        /* writes go to 'write' when that is set, else are dropped */
    struct ram *ram; /* the RAM 'host' lies in, and where: dirty and code bitmaps */
    u64 ram_off;
    const struct dma_view *master; /* the bus master whose registers these are, if they are one's: see dma.h */
    /* bus.c's own */
    struct space *space;
    struct region *next;
    u32 seq;
};

/* A block of host memory that regions (aliases, PAM views) show to the guest. */
struct ram {
    u8 *host;
    u64 size;
    int fd;      /* memfd: clones and windows map it again; -1: the host has none to give, 'host' is all there is */
    u8 *dirty;   /* one byte a page, bits by client: enum dirty_client; atomic, as 'code' is */
    u64 *code;   /* one word a page, one bit per 64 bytes: holds decoded code */
    u32 *beside; /* one a page: writes beside its code since that was noted, and in the top byte how often it was
                    dropped */
    u8 tracked;  /* clients that look: a page clean for one of them must not be written behind our back */
};
enum dirty_client {
    DIRTY_VGA = BIT(0),
    DIRTY_MIGRATION = BIT(1),
    DIRTY_VBE = BIT(2), /* may hold other than zeros, as new RAM does */
};

/* One piece of the flat view. */
struct flat_range {
    u64 start, size;
    struct region *region;
    u64 off; /* of start within region */
};

struct space {
    const char *name;
    u64 limit; /* number of addresses: 65536 for ports, 2^52 for memory */
    bool is_io;
    struct region *regions;
    struct flat_range *flat;
    unsigned nflat;
    u32 next_seq;
    unsigned batch; /* depth of space_begin */
    u64 work;       /* what was done here so far: see WORK_SLICE */
    u8 mastered;    /* registers that a bus master's access is in: see dma.h */
    /*
     * Counted up by a device's read that did nothing and would answer the same until an event or an input changes it,
     * however much time passes: who reads such in a loop may sleep (machine/polling.c).
     */
    u32 settled;
    struct trace *trace;
    /* Told after every change of the view (CPUs flush their TLBs), and of each stretch where now something else answers
     * (they forget code from there). */
    void (*changed)(void *owner);
    void (*moved)(void *owner, u64 start, u64 size);
    void *changed_owner;
    /* Told when RAM that holds decoded code was written other than by a CPU's fast path. */
    void (*code_written)(void *owner, struct ram *ram, u64 off, unsigned len);
    void *code_owner;
    /* Told when pages in [off, off+len) became clean: CPUs drop write mappings of them (see ram_direct). */
    void (*cleaned)(void *owner, struct ram *ram, u64 off, u64 len);
    void *cleaned_owner;
};

/*
 * What accesses cost, in bytes moved or what takes about as long: 'work' counts it. A command that may do much goes
 * on in another event after WORK_SLICE, so that the machine can be spoken to meanwhile; counted, not timed, since a
 * run must not depend on its host.
 */
enum { WORK_PIECE = 64, WORK_ACCESS = 512, WORK_SLICE = 1 << 20 };

void space_init(struct space *s, const char *name, u64 limit, bool is_io, struct trace *trace);
void space_destroy(struct space *s);
/* Adds a region; base, size, functions and priority set by the caller. */
void region_add(struct space *s, struct region *r);
void region_remove(struct region *r);
void region_move(struct region *r, u64 base);
void region_enable(struct region *r, bool enabled);
/* Between these, changes are collected into one rebuild. */
void space_begin(struct space *s);
void space_commit(struct space *s);
/* The range that holds addr, or NULL where nothing answers. */
const struct flat_range *space_find(const struct space *s, u64 addr);

/* How much of [addr, addr+len) lies in one range, *range, or (NULL) in one hole. */
u64 space_stretch(const struct space *s, u64 addr, u64 len, const struct flat_range **range);

/* One access of 1, 2, 4 or 8 bytes, as a CPU makes it. */
u64 space_read(struct space *s, u64 addr, unsigned size);
void space_write(struct space *s, u64 addr, u64 val, unsigned size);
/* Any length, as bus masters, debuggers and loaders make it: no processor's own APIC page is here. Holes read as ones
 * and swallow writes. */
void space_read_bytes(struct space *s, u64 addr, void *buf, size_t n);
void space_write_bytes(struct space *s, u64 addr, const void *buf, size_t n);
/* As space_write_bytes, but also into ROM: for loaders. */
void space_load(struct space *s, u64 addr, const void *buf, size_t n);

/* A short-hand: a device region at PRIO_DEVICE. Fills *r and adds it, enabled. */
void region_device(struct region *r, struct space *s, const char *name, u64 base, u64 size, void *owner,
                   region_read *read, region_write *write);
/* 'size' bytes of zeroed host memory, from a memfd where that can be had; NULL when the host has none to give. */
struct ram *ram_create(u64 size);
/* The same in a file: 'path' is one, or a folder for one without a name. NULL with the reason in errno. */
struct ram *ram_create_at(u64 size, const char *path);
void ram_destroy(struct ram *ram);
/* A view of ram[off, off+size) at base, at PRIO_RAM. */
void region_ram(struct region *r, struct space *s, const char *name, u64 base, struct ram *ram, u64 off, u64 size,
                bool rom);
/* Marks [off, off+len) dirty for all clients, and tells code_written where the bitmap says so. */
void ram_written(struct space *s, struct ram *ram, u64 off, u64 len);
/* A CPU may write the page at 'off' without telling: nobody waits for it to become dirty, and it holds no code. */
ALWAYS_INLINE bool ram_direct(const struct ram *ram, u64 off)
{
    u64 page = off >> 12;
    u8 dirty = __atomic_load_n(&ram->dirty[page], __ATOMIC_RELAXED);
    return (dirty & ram->tracked) == ram->tracked && !__atomic_load_n(&ram->code[page], __ATOMIC_RELAXED);
}
/* The 64 bytes around 'off' hold decoded code from now on; true: they are the first of their page. */
bool ram_code_here(struct ram *ram, u64 off);
/* Those that [off, end) touches do no longer. */
void ram_code_gone(struct ram *ram, u64 off, u64 end);
/* Clears the client's bits of the pages in [off, off+len); true if any was set. Tells 'cleaned' once. */
bool ram_clean(struct space *s, struct ram *ram, enum dirty_client client, u64 off, u64 len);

#endif
