/*
 * fw_cfg: a selector (510h), a byte-wide data port (511h) and a DMA interface
 * (514h, big-endian). Items are made by the board; their contents are saved,
 * as a guest may be half way through them and will read them again after a
 * reset. Of a long DMA transfer the rest is done in events; guests wait for the
 * control word to become 0.
 */
#include "devices/fw_cfg.h"

#include "devices/core/dma.h"
#include "devices/pc_map.h"

#include <stdlib.h>

enum {
    PORT_SELECT = 0,
    PORT_DATA = 1,
    PORT_DMA = PC_PORT_FW_CFG_DMA - PC_PORT_FW_CFG,
    PORTS = 12,
    DMA_ERROR = BIT(0),
    DMA_READ = BIT(1),
    DMA_SKIP = BIT(2),
    DMA_SELECT = BIT(3),
    DMA_WRITE = BIT(4),
    ID_TRADITIONAL = BIT(0),
    ID_DMA = BIT(1),
    NAME_LEN = 56,
    ARCH_ITEMS = 8,
    WRITE_FLAG = 0x4000, /* bit 14 of the selector: write, long gone */
    CHUNK = 65536,
    SLICE_NS = 10000,
};
#define DMA_SIGNATURE 0x51454d5520434647ull /* "QEMU CFG" */

struct item {
    u8 *data;
    u32 len;
    char name[NAME_LEN];
    void (*written)(void *owner, const u8 *data, u32 len);
    void *owner;
};

struct fw_cfg {
    struct device dev;
    struct region ports;
    struct dma_view mem; /* all of it */
    struct item item[FW_CFG_FILE_FIRST + FW_CFG_FILE_COUNT];
    struct item arch[ARCH_ITEMS];
    u32 nfiles;
    u16 selected;
    u32 at;
    u64 dma_addr;
    /* a read under way: its descriptor, and where the rest goes */
    u64 descriptor, to;
    u32 left;
    struct event dma;
};

static struct item *find_item(struct fw_cfg *f, u16 key)
{
    key &= (u16)~WRITE_FLAG;
    if (key < ARRAY_LEN(f->item))
        return &f->item[key];
    return key >= FW_CFG_ARCH && key < FW_CFG_ARCH + ARCH_ITEMS ? &f->arch[key - FW_CFG_ARCH] : NULL;
}

static void select_item(struct fw_cfg *f, u16 key)
{
    f->selected = key;
    f->at = 0;
    trace(f->dev.sys->trace, fw_cfg, "select %x %s", key, find_item(f, key) ? find_item(f, key)->name : "?");
}

static u8 next_byte(struct fw_cfg *f)
{
    const struct item *i = find_item(f, f->selected);
    return i && f->at < i->len ? i->data[f->at++] : 0;
}

static void end_dma(struct fw_cfg *f, u32 status)
{
    u8 out[4];
    st32(out, __builtin_bswap32(status));
    dma_write(&f->mem, f->descriptor, out, sizeof(out));
}

/* Past the end of an item there are zeros. */
static void read_on(void *owner)
{
    static const u8 zeros[4096];
    struct fw_cfg *f = owner;
    struct space *mem = &f->dev.sys->mem;
    const struct item *i = find_item(f, f->selected);
    for (u64 limit = mem->work + WORK_SLICE; f->left && mem->work < limit;) {
        bool inside = i && f->at < i->len;
        u32 n = MIN(f->left, inside ? MIN(i->len - f->at, (u32)CHUNK) : (u32)sizeof(zeros));
        dma_write(&f->mem, f->to, inside ? i->data + f->at : zeros, n);
        f->at += inside ? n : 0;
        f->to += n;
        f->left -= n;
    }
    if (f->left)
        event_at(&f->dev.sys->clock, &f->dma, clock_now(&f->dev.sys->clock) + SLICE_NS);
    else
        end_dma(f, 0);
}

/* Into a file that wants it, and wholly. */
static bool dma_write_item(struct fw_cfg *f, u64 from, u32 len)
{
    const struct item *i = find_item(f, f->selected);
    if (!i || !i->written || f->at > i->len || len > i->len - f->at)
        return false;
    dma_read(&f->mem, from, i->data + f->at, len);
    f->at += len;
    i->written(i->owner, i->data, i->len);
    return true;
}

/* One transfer: control, length and address stand big-endian in guest memory at dma_addr. */
static void run_dma(struct fw_cfg *f)
{
    u8 d[16];
    f->descriptor = f->dma_addr;
    f->dma_addr = 0;
    event_cancel(&f->dev.sys->clock, &f->dma);
    dma_read(&f->mem, f->descriptor, d, sizeof(d));
    u32 control = __builtin_bswap32(ld32(d)), len = __builtin_bswap32(ld32(d + 4));
    u64 addr = __builtin_bswap64(ld64(d + 8));
    if (control & DMA_SELECT)
        select_item(f, (u16)(control >> 16));
    if (control & DMA_READ) {
        f->to = addr;
        f->left = len;
        read_on(f);
    } else if (control & DMA_WRITE) {
        end_dma(f, dma_write_item(f, addr, len) ? 0 : DMA_ERROR);
    } else if (control & DMA_SKIP) {
        const struct item *i = find_item(f, f->selected);
        f->at += i && f->at < i->len ? MIN(len, i->len - f->at) : 0;
        end_dma(f, 0);
    } else {
        end_dma(f, control & DMA_SELECT ? 0 : DMA_ERROR);
    }
}

static u64 ports_read(void *owner, u64 off, unsigned size)
{
    struct fw_cfg *f = owner;
    if (off >= PORT_DMA) {
        u64 v = 0;
        for (unsigned i = 0; i < size; i++)
            v |= (DMA_SIGNATURE >> (56 - 8 * (off - PORT_DMA + i)) & 0xff) << (8 * i);
        return v;
    }
    if (off == PORT_DATA)
        return next_byte(f);
    return 0;
}

static void ports_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct fw_cfg *f = owner;
    if (off == PORT_SELECT && size == 2) {
        select_item(f, (u16)val);
    } else if (off == PORT_DMA && size == 4) {
        f->dma_addr = (u64)__builtin_bswap32((u32)val) << 32;
    } else if (off == PORT_DMA + 4 && size == 4) {
        f->dma_addr |= __builtin_bswap32((u32)val);
        run_dma(f);
    }
}

static bool set_item(struct item *i, const void *data, u32 len)
{
    u8 *copy = calloc(1, len ? len : 1);
    if (!copy)
        return false;
    if (len && data)
        memcpy(copy, data, len);
    free(i->data);
    i->data = copy;
    i->len = len;
    return true;
}

bool fw_cfg_add(struct device *dev, u16 key, const void *data, u32 len)
{
    struct item *i = find_item((struct fw_cfg *)dev, key);
    return i && set_item(i, data, len);
}

bool fw_cfg_add_u16(struct device *dev, u16 key, u16 v)
{
    u8 b[2];
    st16(b, v);
    return fw_cfg_add(dev, key, b, sizeof(b));
}

bool fw_cfg_add_u32(struct device *dev, u16 key, u32 v)
{
    u8 b[4];
    st32(b, v);
    return fw_cfg_add(dev, key, b, sizeof(b));
}

/* The directory: count, then size, selector, reserved and name of each, big-endian. */
static bool write_directory(struct fw_cfg *f)
{
    u8 dir[4 + FW_CFG_FILE_COUNT * 64] = {0};
    st32(dir, __builtin_bswap32(f->nfiles));
    for (u32 n = 0; n < f->nfiles; n++) {
        const struct item *i = &f->item[FW_CFG_FILE_FIRST + n];
        u8 *e = dir + 4 + n * 64;
        st32(e, __builtin_bswap32(i->len));
        st16(e + 4, __builtin_bswap16((u16)(FW_CFG_FILE_FIRST + n)));
        memcpy(e + 8, i->name, NAME_LEN);
    }
    return set_item(&f->item[FW_CFG_FILE_DIR], dir, 4 + f->nfiles * 64);
}

bool fw_cfg_add_writable(struct device *dev, const char *name, u32 len,
                         void (*written)(void *owner, const u8 *data, u32 len), void *owner)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    if (!fw_cfg_add_file(dev, name, NULL, len))
        return false;
    struct item *i = &f->item[fw_cfg_file_key(dev, name)];
    i->written = written;
    i->owner = owner;
    return true;
}

u16 fw_cfg_file_key(struct device *dev, const char *name)
{
    const struct fw_cfg *f = (const struct fw_cfg *)dev;
    for (u32 n = 0; n < f->nfiles; n++)
        if (!strcmp(f->item[FW_CFG_FILE_FIRST + n].name, name))
            return (u16)(FW_CFG_FILE_FIRST + n);
    return 0;
}

bool fw_cfg_add_file(struct device *dev, const char *name, const void *data, u32 len)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    u32 n = 0;
    while (n < f->nfiles && strcmp(f->item[FW_CFG_FILE_FIRST + n].name, name) != 0)
        n++;
    if (n == FW_CFG_FILE_COUNT || strlen(name) >= NAME_LEN)
        return false;
    struct item *i = &f->item[FW_CFG_FILE_FIRST + n];
    if (!set_item(i, data, len))
        return false;
    snprintf(i->name, sizeof(i->name), "%s", name);
    f->nfiles = MAX(f->nfiles, n + 1);
    return write_directory(f);
}

static bool fw_cfg_create(struct device *dev, const void *cfg)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    (void)cfg;
    region_device(&f->ports, &dev->sys->io, "fw_cfg", PC_PORT_FW_CFG, PORTS, f, ports_read, ports_write);
    f->ports.max_access = 4;
    f->mem = (struct dma_view){.mem = &dev->sys->mem, .last = UINT64_MAX};
    event_init(&f->dma, "fw_cfg", read_on, f);
    return fw_cfg_add(dev, FW_CFG_SIGNATURE, "QEMU", 4) && fw_cfg_add_u32(dev, FW_CFG_ID, ID_TRADITIONAL | ID_DMA) &&
           write_directory(f);
}

static void fw_cfg_reset(struct device *dev)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    f->selected = 0;
    f->at = 0;
    f->dma_addr = f->descriptor = f->to = 0;
    f->left = 0;
    event_cancel(&dev->sys->clock, &f->dma);
}

static void fw_cfg_destroy(struct device *dev)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    for (unsigned i = 0; i < ARRAY_LEN(f->item); i++)
        free(f->item[i].data);
    for (unsigned i = 0; i < ARCH_ITEMS; i++)
        free(f->arch[i].data);
}

#define FW_CFG(f) STATE(struct fw_cfg, f)
static const struct state_field item_state[] = {
    BYTES(struct item, data, len), HOST(struct item, len),   STATE(struct item, name),
    HOST(struct item, written),    HOST(struct item, owner), STATE_END,
};
static const struct state_field fw_cfg_state[] = {
    DEVICE_STATE(struct fw_cfg),
    HOST(struct fw_cfg, ports),
    HOST(struct fw_cfg, mem),
    STRUCTS(struct fw_cfg, item, struct item, item_state),
    STRUCTS(struct fw_cfg, arch, struct item, item_state),
    STATE_RANGE(struct fw_cfg, nfiles, 0, FW_CFG_FILE_COUNT),
    FW_CFG(selected),
    FW_CFG(at),
    FW_CFG(dma_addr),
    FW_CFG(descriptor),
    FW_CFG(to),
    FW_CFG(left),
    EVENT(struct fw_cfg, dma),
    STATE_END,
};

static const char *contradiction(const struct device *copy)
{
    const struct fw_cfg *f = (const struct fw_cfg *)copy;
    for (unsigned i = 0; i < ARRAY_LEN(f->item); i++)
        if (f->item[i].name[NAME_LEN - 1])
            return "a 'name' has no end";
    for (unsigned i = 0; i < ARCH_ITEMS; i++)
        if (f->arch[i].name[NAME_LEN - 1])
            return "a 'name' has no end";
    return NULL;
}

const struct device_class fw_cfg_class = {
    .name = "fw_cfg_io",
    .description = "what firmware is told",
    .size = sizeof(struct fw_cfg),
    .state = fw_cfg_state,
    .create = fw_cfg_create,
    .reset = fw_cfg_reset,
    .contradiction = contradiction,
    .destroy = fw_cfg_destroy,
};
