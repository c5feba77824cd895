/*
 * PIIX4 power management (Intel 290562, chapters 6 and 7) as far as a guest
 * of QEMU's `pc` meets it: the PM1 block, timer and sleep register at PMBA,
 * the SMBus host, ports B2/B3 for ACPI enable and disable, and the three
 * fixed blocks of QEMU's ACPI tables: GPE0 at AFE0, PCI hotplug at AE00 and
 * the CPU bitmap at AF00, where nothing ever comes or goes.
 *
 * There is no SMM: DEVACTB says that APMC_EN is set already, so that firmware
 * does not try to install a handler. The SMBus has no slaves; every address
 * gets no acknowledge.
 */
#include "devices/pci/piix4_pm.h"
#include "devices/pc_map.h"

enum { PMBA = 0x40, DEVACTB = 0x58, PMREGMISC = 0x80, SMBBA = 0x90, SMBHSTCFG = 0xd2 };
enum { PM_HZ = 3579545, TIMER_HALF = 1 << 23 };
enum { TMROF_STS = BIT(0), GBL_STS = BIT(5), PWRBTN_STS = BIT(8), RTC_STS = BIT(10), WAK_STS = BIT(15) };
enum { STS_CLEARABLE = 0x8d31, EN_BITS = 0x0521, SCI_SOURCES = TMROF_STS | GBL_STS | PWRBTN_STS | RTC_STS };
enum { SCI_EN = BIT(0), SLP_EN = BIT(13), SLP_TYP_SHIFT = 10, CNT_BITS = 0x1c03 };
enum { SLEEP_S5 = 0, SLEEP_S3 = 1, SLEEP_S4 = 2 };
enum { APM_ACPI_DISABLE = 0xf0, APM_ACPI_ENABLE = 0xf1 };
/* SMBus host registers (7.2) */
enum { SMBHSTSTS, SMBSLVSTS, SMBHSTCNT, SMBHSTCMD, SMBHSTADD, SMBHSTDAT0, SMBHSTDAT1, SMBBLKDAT, SMBSLVCNT };
enum { HOST_BUSY = BIT(0), SMB_INTER = BIT(1), DEV_ERR = BIT(2), SMB_FAILED = BIT(4), HSTSTS_EVENTS = 0x1e };
enum { SMB_INTEREN = BIT(0), SMB_KILL = BIT(1), SMB_START = BIT(6) };
enum { SMB_ADDRESS_NS = 100000 }; /* an address and its missing acknowledge at 100 kHz */

struct piix4_pm {
    struct device dev;
    struct pci_device pci;
    struct irq sci;
    struct region pm_ports, smb_ports, apm_ports, gpe_ports, pci_hotplug, cpu_hotplug;
    struct event overflow_event, smb_event;
    u8 cpu_bitmap;
    u64 overflow_ns; /* when the timer's top bit changes next */
    u16 pm1_sts, pm1_en, pm1_cnt;
    u16 gpe_sts, gpe_en;
    u8 pm_other[64]; /* registers above the timer, which only keep what is written */
    u8 apm[2];
    u8 smb[16];
    u8 smb_block[32], smb_block_pos;
    u32 hotplug_bus;
};

/* ---- SCI ---- */

static u64 next_overflow(struct piix4_pm *p)
{
    u64 ticks = ns_to_ticks(clock_now(&p->dev.sys->clock), PM_HZ);
    return ticks_to_ns_up((ticks | (TIMER_HALF - 1)) + 1, PM_HZ);
}

/* TMROF_STS is set when time comes, not only when somebody looks or wants an interrupt. */
static void catch_up(struct piix4_pm *p)
{
    if (clock_now(&p->dev.sys->clock) >= p->overflow_ns) {
        p->pm1_sts |= TMROF_STS;
        p->overflow_ns = next_overflow(p);
    }
}

static void update_sci(struct piix4_pm *p)
{
    bool smb = (p->smb[SMBHSTSTS] & HSTSTS_EVENTS) && (p->smb[SMBHSTCNT] & SMB_INTEREN);
    catch_up(p);
    bool level = (p->pm1_cnt & SCI_EN) && ((p->pm1_sts & p->pm1_en & SCI_SOURCES) || (p->gpe_sts & p->gpe_en));
    irq_set(&p->sci, level || smb);
    if ((p->pm1_en & TMROF_STS) && !(p->pm1_sts & TMROF_STS))
        event_at(&p->dev.sys->clock, &p->overflow_event, p->overflow_ns);
    else
        event_cancel(&p->dev.sys->clock, &p->overflow_event);
}

static void overflow(void *owner) { update_sci(owner); }

void piix4_pm_power_button(struct device *dev)
{
    struct piix4_pm *p = container_of(dev, struct piix4_pm, dev);
    p->pm1_sts |= PWRBTN_STS;
    update_sci(p);
}

void piix4_pm_wake(struct device *dev)
{
    struct piix4_pm *p = container_of(dev, struct piix4_pm, dev);
    p->pm1_sts |= WAK_STS | PWRBTN_STS;
    update_sci(p);
}

/* ---- the PM1 block ---- */

static void fall_asleep(struct piix4_pm *p, unsigned type)
{
    trace(p->dev.sys->trace, acpi, "SLP_EN with SLP_TYP %u", type);
    if (type == SLEEP_S5 || type == SLEEP_S4)
        system_request(p->dev.sys, REQUEST_SHUTDOWN);
    else if (type == SLEEP_S3)
        system_request(p->dev.sys, REQUEST_SUSPEND);
}

static u8 pm_read_byte(const struct piix4_pm *p, unsigned off, u32 timer)
{
    switch (off) {
    case 0x00 ... 0x01:
        return (u8)(p->pm1_sts >> 8 * off);
    case 0x02 ... 0x03:
        return (u8)(p->pm1_en >> 8 * (off - 2));
    case 0x04 ... 0x05:
        return (u8)(p->pm1_cnt >> 8 * (off - 4));
    case 0x08 ... 0x0b:
        return (u8)(timer >> 8 * (off - 8));
    default:
        return p->pm_other[off];
    }
}

/* The top byte of 'old' or 'val' at byte off of a 16-bit register. */
static u16 merge(u16 old, unsigned off, u8 val)
{
    return off & 1 ? (u16)((old & 0xff) | val << 8) : (u16)((old & 0xff00) | val);
}

static void pm_write_byte(struct piix4_pm *p, unsigned off, u8 val)
{
    switch (off) {
    case 0x00 ... 0x01:
        p->pm1_sts &= (u16) ~(val << 8 * off & STS_CLEARABLE);
        break;
    case 0x02 ... 0x03:
        p->pm1_en = merge(p->pm1_en, off, val) & EN_BITS;
        break;
    case 0x04 ... 0x05:
        p->pm1_cnt = merge(p->pm1_cnt, off, val) & CNT_BITS;
        if (off == 0x05 && (val & SLP_EN >> 8))
            fall_asleep(p, p->pm1_cnt >> SLP_TYP_SHIFT & 7);
        break;
    case 0x06 ... 0x0b: /* the timer is read only */
    case 0x0c ... 0x0d: /* status bits that nothing sets */
    case 0x18 ... 0x19:
    case 0x1c ... 0x1f:
    case 0x14 ... 0x15: /* power levels are entered by reading */
    case 0x30 ... 0x33: /* inputs */
        break;
    default:
        p->pm_other[off] = val;
    }
}

static u64 pm_read(void *owner, u64 off, unsigned size)
{
    struct piix4_pm *p = owner;
    u64 val = 0;
    /* One look at the clock for all bytes: it moves between two. */
    u32 timer = (u32)(ns_to_ticks(clock_now(&p->dev.sys->clock), PM_HZ) & 0xffffff);
    catch_up(p);
    for (unsigned i = 0; i < size; i++)
        val |= (u64)pm_read_byte(p, (unsigned)off + i, timer) << 8 * i;
    if (off < 8 || off >= 12)
        trace(p->dev.sys->trace, acpi, "PM %02x -> %0*llx", (unsigned)off, (int)size * 2, (unsigned long long)val);
    return val;
}

static void pm_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct piix4_pm *p = owner;
    trace(p->dev.sys->trace, acpi, "PM %02x <- %0*llx", (unsigned)off, (int)size * 2, (unsigned long long)val);
    catch_up(p);
    for (unsigned i = 0; i < size; i++)
        pm_write_byte(p, (unsigned)off + i, (u8)(val >> 8 * i));
    update_sci(p);
}

/* ---- APM control: how the guest turns ACPI on (ACPI 4.7.3.2.1) ---- */

static u64 apm_read(void *owner, u64 off, unsigned size)
{
    struct piix4_pm *p = owner;
    (void)size;
    return p->apm[off];
}

static void apm_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct piix4_pm *p = owner;
    (void)size;
    p->apm[off] = (u8)val;
    if (off)
        return;
    trace(p->dev.sys->trace, acpi, "APM command %02x", (u8)val);
    if (val == APM_ACPI_ENABLE)
        p->pm1_cnt |= SCI_EN;
    else if (val == APM_ACPI_DISABLE)
        p->pm1_cnt &= (u16)~SCI_EN;
    update_sci(p);
}

/* ---- GPE0 and hotplug, at QEMU's ports ---- */

static u64 gpe_read(void *owner, u64 off, unsigned size)
{
    struct piix4_pm *p = owner;
    u32 both = p->gpe_sts | (u32)p->gpe_en << 16;
    return both >> 8 * off & size_mask(size);
}

static void gpe_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct piix4_pm *p = owner;
    for (unsigned i = (unsigned)off; i < off + size; i++, val >>= 8) {
        if (i < 2)
            p->gpe_sts &= (u16) ~((val & 0xff) << 8 * i);
        else
            p->gpe_en = merge(p->gpe_en, i, (u8)val);
    }
    update_sci(p);
}

/* PCIU and PCID (arrived, leaving), B0EJ, RMV (slots 0 to 2 stay), BNUM, index. */
static u64 pci_hotplug_read(void *owner, u64 off, unsigned size)
{
    struct piix4_pm *p = owner;
    u32 reg = (off & ~3ull) == 0x0c ? 0xfffffff8 : (off & ~3ull) == 0x10 ? p->hotplug_bus : 0;
    return reg >> 8 * (off & 3) & size_mask(size);
}

static void pci_hotplug_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct piix4_pm *p = owner;
    if (off == 0x10 && size == 4)
        p->hotplug_bus = (u32)val;
}

static u64 cpu_hotplug_read(void *owner, u64 off, unsigned size)
{
    struct piix4_pm *p = owner;
    (void)size;
    return off == 0 ? p->cpu_bitmap : 0;
}

static void ignore_write(void *owner, u64 off, u64 val, unsigned size)
{
    (void)owner;
    (void)off;
    (void)val;
    (void)size;
}

/* ---- SMBus host (7.2) ---- */

static void smb_done(void *owner)
{
    struct piix4_pm *p = owner;
    p->smb[SMBHSTSTS] = (u8)((p->smb[SMBHSTSTS] & ~HOST_BUSY) | DEV_ERR);
    update_sci(p);
}

static void smb_control(struct piix4_pm *p, u8 val)
{
    p->smb[SMBHSTCNT] = val & 0x1d;
    if (val & SMB_KILL) {
        if (p->smb[SMBHSTSTS] & HOST_BUSY)
            p->smb[SMBHSTSTS] |= SMB_FAILED;
        p->smb[SMBHSTSTS] &= (u8)~HOST_BUSY;
        event_cancel(&p->dev.sys->clock, &p->smb_event);
    } else if ((val & SMB_START) && !(p->smb[SMBHSTSTS] & HOST_BUSY)) {
        trace(p->dev.sys->trace, acpi, "SMBus protocol %u to %02x", val >> 2 & 7, p->smb[SMBHSTADD] >> 1);
        p->smb[SMBHSTSTS] |= HOST_BUSY;
        event_at(&p->dev.sys->clock, &p->smb_event, clock_now(&p->dev.sys->clock) + SMB_ADDRESS_NS);
    }
}

static u64 smb_read(void *owner, u64 off, unsigned size)
{
    struct piix4_pm *p = owner;
    (void)size;
    if (off == SMBHSTCNT)
        p->smb_block_pos = 0;
    if (off == SMBBLKDAT)
        return p->smb_block[p->smb_block_pos++ % sizeof p->smb_block];
    return p->smb[off];
}

static void smb_write(void *owner, u64 off, u64 val, unsigned size)
{
    struct piix4_pm *p = owner;
    (void)size;
    switch (off) {
    case SMBHSTSTS:
        p->smb[off] &= (u8) ~(val & HSTSTS_EVENTS);
        break;
    case SMBSLVSTS:
        p->smb[off] &= (u8) ~(val & 0x3c);
        break;
    case SMBHSTCNT:
        smb_control(p, (u8)val);
        break;
    case SMBBLKDAT:
        p->smb_block[p->smb_block_pos++ % sizeof p->smb_block] = (u8)val;
        break;
    case 0x09:
    case 0x0c:
    case 0x0d: /* what a slave sent: none did */
        break;
    default:
        p->smb[off] = (u8)val;
    }
    update_sci(p);
}

/* ---- configuration space ---- */

static void place(struct region *r, u16 base, bool on)
{
    on = on && base;
    if (r->enabled == on && (!on || r->base == base))
        return;
    space_begin(r->space);
    region_move(r, base);
    region_enable(r, on);
    space_commit(r->space);
}

static void place_ports(struct piix4_pm *p)
{
    const u8 *c = p->pci.config;
    place(&p->pm_ports, ld16(c + PMBA) & 0xffc0, c[PMREGMISC] & 1);
    place(&p->smb_ports, ld16(c + SMBBA) & 0xfff0, c[SMBHSTCFG] & 1);
}

static void config_written(void *owner, unsigned off, unsigned size)
{
    (void)off;
    (void)size;
    place_ports(owner);
}

static const struct pci_identity identity = {
    .vendor = 0x8086,
    .device = 0x7113,
    .revision = 3,
    .class_code = 0x068000,
    .status = PCI_STATUS_DEVSEL_MEDIUM | PCI_STATUS_FAST_BACK,
    .interrupt_pin = 1,
};

static void set_masks(struct pci_device *pci)
{
    static const struct {
        u8 first, last, mask;
    } rows[] = {
        {0x40, 0x40, 0xc0}, {0x41, 0x41, 0xff}, {0x44, 0x7f, 0xff}, {0x80, 0x80, 0x01},
        {0x90, 0x90, 0xf0}, {0x91, 0x91, 0xff}, {0xd2, 0xd2, 0x0f}, {0xd3, 0xd5, 0xff},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        memset(pci->wmask + rows[i].first, rows[i].mask, rows[i].last - rows[i].first + 1u);
}

static bool create(struct device *dev, const void *cfg)
{
    struct piix4_pm *p = container_of(dev, struct piix4_pm, dev);
    const struct piix4_pm_config *c = cfg;
    struct space *io = &dev->sys->io;
    if (!c)
        return device_fail(dev->sys, "PIIX4 power management needs a PCI bus");
    if (!pci_device_init(&p->pci, dev->sys, c->bus, PC_DEVFN(PC_PCI_PM), &identity, p))
        return false;
    p->pci.config_written = config_written;
    set_masks(&p->pci);
    p->sci = c->sci;
    p->cpu_bitmap = (u8)(BIT(MIN(c->cpus, 8u)) - 1);
    event_init(&p->overflow_event, "pm-timer", overflow, p);
    event_init(&p->smb_event, "smbus", smb_done, p);
    region_device(&p->apm_ports, io, "apm", PC_PORT_APM, 2, p, apm_read, apm_write);
    region_device(&p->gpe_ports, io, "acpi-gpe0", PC_PORT_GPE0, 4, p, gpe_read, gpe_write);
    region_device(&p->pci_hotplug, io, "acpi-pci-hotplug", PC_PORT_PCI_HOTPLUG, 0x18, p, pci_hotplug_read,
                  pci_hotplug_write);
    region_device(&p->cpu_hotplug, io, "acpi-cpu-hotplug", PC_PORT_CPU_HOTPLUG, 0x20, p, cpu_hotplug_read,
                  ignore_write);
    p->pm_ports = (struct region){
        .name = "acpi-pm", .owner = p, .read = pm_read, .write = pm_write, .priority = PRIO_DEVICE, .size = 0x40};
    p->smb_ports = (struct region){.name = "smbus",
                                   .owner = p,
                                   .read = smb_read,
                                   .write = smb_write,
                                   .priority = PRIO_DEVICE,
                                   .size = 0x10,
                                   .max_access = 1};
    p->apm_ports.max_access = 1;
    p->cpu_hotplug.max_access = 1;
    region_add(io, &p->pm_ports);
    region_add(io, &p->smb_ports);
    return true;
}

void piix4_pm_find_ports(struct device *dev)
{
    const struct space *io = &dev->sys->io;
    u8 *c = container_of(dev, struct piix4_pm, dev)->pci.config;
    c[0x5f] = space_find(io, PC_PORT_LPT1) ? 0x90 : 0x10;
    c[0x67] = (u8)((space_find(io, PC_PORT_COM1) ? 0x08 : 0) | (space_find(io, PC_PORT_COM2) ? 0x90 : 0));
}

static void reset(struct device *dev)
{
    struct piix4_pm *p = container_of(dev, struct piix4_pm, dev);
    u8 *c = p->pci.config;
    pci_device_reset(&p->pci);
    st32(c + PMBA, 1);
    c[DEVACTB + 3] = 0x02; /* APMC_EN */
    c[0x63] = 0x60;
    piix4_pm_find_ports(dev);
    st32(c + SMBBA, 0xb101);
    c[SMBHSTCFG] = 0x09;
    place_ports(p);
    p->pm1_sts = p->pm1_en = p->pm1_cnt = 0;
    p->gpe_sts = p->gpe_en = 0;
    memset(p->pm_other, 0, sizeof p->pm_other);
    memset(p->apm, 0, sizeof p->apm);
    memset(p->smb, 0, sizeof p->smb);
    memset(p->smb_block, 0, sizeof p->smb_block);
    p->smb_block_pos = 0;
    p->hotplug_bus = 0;
    p->overflow_ns = next_overflow(p);
    event_cancel(&dev->sys->clock, &p->smb_event);
    update_sci(p);
}

static void restored(struct device *dev)
{
    struct piix4_pm *p = container_of(dev, struct piix4_pm, dev);
    pci_device_restored(&p->pci);
    place_ports(p);
}

#define PM(f) STATE(struct piix4_pm, f)
static const struct state_field state[] = {
    DEVICE_STATE(struct piix4_pm),
    PCI_DEVICE_STATE(struct piix4_pm, pci),
    HOST(struct piix4_pm, sci),
    HOST(struct piix4_pm, pm_ports),
    HOST(struct piix4_pm, smb_ports),
    HOST(struct piix4_pm, apm_ports),
    HOST(struct piix4_pm, gpe_ports),
    HOST(struct piix4_pm, pci_hotplug),
    HOST(struct piix4_pm, cpu_hotplug),
    EVENT(struct piix4_pm, overflow_event),
    EVENT(struct piix4_pm, smb_event),
    HOST(struct piix4_pm, cpu_bitmap),
    PM(overflow_ns),
    PM(pm1_sts),
    PM(pm1_en),
    PM(pm1_cnt),
    PM(gpe_sts),
    PM(gpe_en),
    PM(pm_other),
    PM(apm),
    PM(smb),
    PM(smb_block),
    PM(smb_block_pos),
    PM(hotplug_bus),
    STATE_END,
};

const struct device_class piix4_pm_class = {
    .name = "PIIX4_PM",
    .description = "power management",
    .bus = "PCI",
    .size = sizeof(struct piix4_pm),
    .state = state,
    .create = create,
    .reset = reset,
    .restored = restored,
};
