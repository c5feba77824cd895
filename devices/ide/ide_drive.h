/*
 * One ATA or ATAPI drive as ide.c (registers, channel, bus master), ata.c
 * (disk commands) and atapi.c (packet commands) share it. Private to these.
 *
 * A command runs in steps, each a virtual moment after the last: the guest
 * writes the command register, sees BSY, and the step's event opens the data
 * port (DRQ), moves data by DMA or ends the command.
 */
#ifndef ORRERY_IDE_DRIVE_H
#define ORRERY_IDE_DRIVE_H

#include "devices/block/disk.h"
#include "devices/core/dma.h"
#include "devices/core/device.h"

enum { IDE_SECTOR = 512, IDE_BUFFER = 128 * IDE_SECTOR, IDE_MULTIPLE_MAX = 16, IDE_PACKET = 12, IDE_RAW_BLOCK = 2352 };
enum { IDE_DIRECT = 1024 /* sectors that one request moves from or to the guest's RAM, at most */ };

/* Status register */
enum { IDE_ERR = BIT(0), IDE_DRQ = BIT(3), IDE_DSC = BIT(4), IDE_DF = BIT(5), IDE_DRDY = BIT(6), IDE_BSY = BIT(7) };
/* Error register */
enum { IDE_ABRT = BIT(2), IDE_IDNF = BIT(4), IDE_UNC = BIT(6) };
/* Device register */
enum { IDE_DEV = BIT(4), IDE_LBA = BIT(6) };

enum ide_step { IDE_IDLE, IDE_STEP_RESET, IDE_STEP_COMMAND, IDE_STEP_WINDOW, IDE_STEP_DMA };
/* Of a PACKET command */
enum atapi_phase { PHASE_NONE, PHASE_PACKET, PHASE_DATA };
/* How long drives take, in virtual ns. */
enum { IDE_COMMAND_NS = 10000, IDE_BLOCK_NS = 2000, IDE_DMA_SECTOR_NS = 500, IDE_RESET_NS = 500000 };
/* Until an access is tried again that failed for want of the host's help: virtual time stands while that is awaited. */
enum { IDE_RETRY_NS = 1000000 };
/* ide_next's ns: the step comes with the image's answer. */
#define IDE_WHEN_ANSWERED UINT64_MAX
/* What became of the data in buffer[pos, end): all moved; the PRD table is exhausted; to be gone on with. */
enum ide_dma { IDE_DMA_DONE, IDE_DMA_SHORT, IDE_DMA_MORE };

/* A task file register file; two of them make the 48-bit "previous content" pairs. */
struct ide_taskfile {
    u8 feature, count, lba[3];
};

/* Where a transfer stands in the PRD table. */
struct ide_prd {
    u32 next, address, left;
    bool last;
};

/* What IDENTIFY tells of a drive; its wwn 0: it has none. */
struct ide_identity {
    char serial[20 + 1], version[8 + 1], model[40 + 1];
    u64 wwn;
};

struct ide_channel;
struct ide_drive {
    struct ide_channel *channel;
    struct device *dev; /* ide-hd or ide-cd; NULL: none is plugged in */
    const struct ide_identity *identity;
    struct disk *disk;
    u8 unit;   /* 0 or 1 on its channel */
    u8 number; /* 0 to 3 */
    bool present, cdrom;
    /* registers */
    struct ide_taskfile now, hob;
    u8 device, status, error;
    bool intrq;
    /* the command under way */
    struct event event;
    u8 step; /* enum ide_step */
    u8 command;
    u16 flags;     /* ata.c's, of the command */
    bool dma_wait; /* data is ready, the bus master is not started */
    bool dma_to_memory;
    bool window_in; /* the open window is read by the host */
    u32 pos, end;   /* the window in buffer that the data port shows; of DMA, what is still to be moved */
    u64 lba;        /* next sector */
    u32 left;       /* sectors (disk) or bytes (packet reply) still to move */
    u32 block;      /* sectors per DRQ */
    u16 trimmed;    /* ranges of a TRIM that are done */
    u64 work_limit; /* what the memory's 'work' may come to in this step */
    /* what the image is asked */
    struct disk_request request;
    struct iovec memory[DISK_VECTORS];
    /* ... with the guest's RAM for memory */
    struct dma_map map[DISK_VECTORS];
    unsigned maps;
    u32 mapped; /* sectors */
    struct ide_prd mapped_to;
    bool answered; /* by 'answer', for the step that asks again */
    int answer;
    /* disk */
    u16 cylinders, heads, sectors; /* as INITIALIZE DEVICE PARAMETERS set them */
    u8 multiple;
    u8 power; /* CHECK POWER MODE's answer; sleep_mode beside it */
    bool asleep, write_cache, smart;
    u8 transfer_mode; /* as SET FEATURES 03 gave it */
    /* CD-ROM */
    u8 packet[IDE_PACKET];
    u8 sense_key, asc, ascq;
    u8 attention; /* the ASC of a unit attention not yet reported, or 0 */
    bool tray_open, locked, event_new, event_eject;
    u8 phase; /* enum atapi_phase */
    bool packet_dma;
    u16 byte_limit;  /* of one DRQ, as the host asked */
    u16 sector_size; /* of the READ under way, 0: a reply in buffer */
    u8 read_fields;  /* READ CD: which fields */
    u32 fill, taken; /* bytes of buffer that hold data, and of those the ones shown already */
    u8 buffer[IDE_BUFFER];
};

/* ---- ide.c ---- */

/* The drive's place, on a bus of the type "IDE". */
struct ide_drive *ide_slot(struct bus *bus, unsigned unit);
/* A drive comes, with power-on values, and goes. */
void ide_attach(struct ide_drive *d, struct device *dev, const struct ide_identity *identity, bool cdrom,
                struct disk *disk);
void ide_detach(struct ide_drive *d);

/* Schedules the next step; the drive is busy until then. ns IDE_WHEN_ANSWERED: see ide_ask. */
void ide_next(struct ide_drive *d, enum ide_step step, u64 ns);
/* Shows buffer[pos, pos+len) at the data port: DRQ. */
void ide_open_window(struct ide_drive *d, u32 pos, u32 len, bool in);
void ide_interrupt(struct ide_drive *d);
/* The command is over: ready, with an interrupt. */
void ide_complete(struct ide_drive *d);
/* As ide_complete, with ERR (and further status bits) and the error register set. */
void ide_fail(struct ide_drive *d, u8 status, u8 error);
/* The drive is ready for DMA; IDE_STEP_DMA comes once the bus master is started. */
void ide_dma_request(struct ide_drive *d, bool to_memory);
/* Bus-master transfer of buffer[pos, end) by the PRD table; moves pos. */
enum ide_dma ide_dma_move(struct ide_drive *d);
/* IDE_STEP_DMA comes again 'ns' from now. */
void ide_dma_again(struct ide_drive *d, u64 ns);
/* Has this step of a command done enough? */
bool ide_limit_reached(const struct ide_drive *d);
/*
 * What the image says to a request: 0 or -errno. -EINPROGRESS: nothing yet; the caller names the step, by ide_next or
 * ide_dma_again with IDE_WHEN_ANSWERED, that is to come with the answer, and in which the same is asked again. No
 * answer comes within a write to a register, since only steps ask.
 */
int ide_ask(struct ide_drive *d, enum disk_op op, u64 sector, u32 count, void *buf, bool fua);
/* The transfer is over; with 'complete' the command is too, without, the table was too short for it. */
void ide_dma_end(struct ide_drive *d, bool complete);
/*
 * RAM for the next sectors of a DMA command, as many as the PRD table's next entries have room for: how many, 0 where
 * they name something else. Then ide_ask_mapped asks for them as ide_ask does; once it is over they have been moved.
 */
u32 ide_dma_map(struct ide_drive *d, u32 sectors);
int ide_ask_mapped(struct ide_drive *d, bool fua);
/* Puts the drive's signature into the task file (ATA/ATAPI-7, 9.12). */
void ide_signature(struct ide_drive *d);
/* EXECUTE DEVICE DIAGNOSTIC acts on both drives. */
void ide_diagnose(struct ide_drive *d);
struct trace *ide_trace(const struct ide_drive *d);

/* ---- ata.c ---- */

void ata_power_on(struct ide_drive *d);
void ata_command(struct ide_drive *d);
/* Is 'command' one that this drive carries out, and are 'flags' its? For saved states. */
bool ata_possible(const struct ide_drive *d);
/* A PIO write: the host's data follow the command. */
bool ata_takes_data(u8 command);
void ata_window_done(struct ide_drive *d);
void ata_dma(struct ide_drive *d);
/* The geometry a disk reports until INITIALIZE DEVICE PARAMETERS. */
void ata_geometry(const struct disk *disk, u16 *cylinders, u16 *heads, u16 *sectors);
/* Copies an ATA string: bytes swapped in pairs, padded with spaces. */
void ata_string(u8 *dst, const char *src, unsigned len);
/* Words of IDENTIFY that say who it is: serial number, revision, model, and the World Wide Name beside words 84, 87. */
void ata_identity(struct ide_drive *d);

/* ---- atapi.c ---- */

void atapi_power_on(struct ide_drive *d);
void atapi_reset(struct ide_drive *d);
void atapi_identify(struct ide_drive *d);
/* The PACKET command: asks for the packet. */
void atapi_packet(struct ide_drive *d);
void atapi_window_done(struct ide_drive *d);
void atapi_dma(struct ide_drive *d);
void atapi_medium_changed(struct ide_drive *d);

#endif
