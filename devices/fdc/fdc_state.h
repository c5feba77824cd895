/*
 * The floppy controller as its three files share it: fdc.c (registers, reset,
 * media), fdc_command.c (commands, seeks, results) and fdc_data.c (sectors
 * between disk and host). Private to these.
 */
#ifndef ORRERY_FDC_STATE_H
#define ORRERY_FDC_STATE_H

#include "devices/fdc/fdc.h"

enum { SECTOR = 512, STEPS_MAX = 85, RECALIBRATE_STEPS = 80, DATA_RESULT = 7, COMMAND_MAX = 9, RESULT_MAX = 10 };
enum { RATE_500, RATE_300, RATE_250, RATE_1000 };
/* Virtual ns: far quicker than the real thing, slow enough to be seen. */
enum { RESET_NS = 20000, STEP_NS = 20000, SECTOR_NS = 60000, ID_NS = 20000000, RESUME_NS = 1000, RETRY_NS = 1000000 };

/* fdc_next_step's ns: the step comes with the image's answer. */
#define WHEN_ANSWERED UINT64_MAX

enum { DOR_SELECT = 3, DOR_NRESET = BIT(2), DOR_GATE = BIT(3), DOR_MOTORS = 0xf0 };
enum { MSR_RQM = BIT(7), MSR_DIO = BIT(6), MSR_NONDMA = BIT(5), MSR_BUSY = BIT(4) };
enum { DSR_RESET = BIT(7), DIR_CHANGE = BIT(7) };
enum { ST0_ABNORMAL = 0x40, ST0_INVALID = 0x80, ST0_POLLED = 0xc0, ST0_SEEK_END = 0x20, ST0_EQUIPMENT = 0x10 };
enum { ST1_END = 0x80, ST1_NO_DATA = 0x04, ST1_NOT_WRITABLE = 0x02, ST1_NO_MARK = 0x01, ST1_CRC = 0x20 };
enum { ST2_CONTROL_MARK = 0x40, ST2_CRC = 0x20, ST2_WRONG_CYLINDER = 0x10, ST2_SCAN_HIT = 0x08, ST2_SCAN_MISS = 0x04 };
enum { ST3_PROTECTED = 0x40, ST3_READY = 0x20, ST3_TRACK0 = 0x10, ST3_TWO_SIDES = 0x08 };
/* Bits of the first command byte, and of CONFIGURE's */
enum { OPTION_MT = 0x80, OPTION_MFM = 0x40, OPTION_SK = 0x20 };
enum { CONFIG_EIS = 0x40, CONFIG_EFIFO = 0x20, CONFIG_POLL = 0x10 };

enum fdc_phase { PHASE_COMMAND, PHASE_EXECUTION, PHASE_RESULT };
enum fdc_op { OP_NONE, OP_READ, OP_WRITE, OP_VERIFY, OP_SCAN, OP_FORMAT, OP_READ_ID };
/* What the step event does next */
enum fdc_step { STEP_NONE, STEP_SECTOR, STEP_MOVE, STEP_DONE, STEP_ID };

struct format {
    u8 drive; /* the type of drive it is first meant for */
    u8 tracks, heads, per_track, rate;
};

struct fdc_drive {
    const struct format *format; /* of the disk */
    u8 type;                     /* as fdc_cmos_type() */
    struct disk *disk;
    struct fdc *fdc;
    bool present;
    bool changed; /* the disk change line */
    u8 number;
    u8 track; /* where the heads are */
    u8 pcn;   /* ... and where the controller thinks they are */
    bool seeking, seek_reported;
    u8 seek_st0; /* for SENSE INTERRUPT STATUS, once the seek is over */
    struct event seek_event;
};

struct fdc {
    struct device dev;
    struct irq irq;
    struct dma_channel dma;
    struct region low_ports, dir_port;
    struct event event;
    struct fdc_drive drive[4]; /* 2 and 3 are selectable but never there */
    u8 dor, tdr, dsr, rate;
    bool line, in_reset;
    u8 reset_senses; /* of the four interrupts after a reset, those not yet sensed */
    u8 phase, op, step;
    u8 fifo[16], fifo_len, fifo_pos, fifo_need;
    /* SPECIFY, CONFIGURE, PERPENDICULAR, LOCK */
    u8 specify[2], config, precompensation, perpendicular, last_eot;
    bool lock;
    /* the data command under way */
    u8 unit, head, c, h, r, n, eot, stride;
    bool track_order; /* READ TRACK: all sectors from the first on */
    bool deleted;     /* it wants deleted data */
    bool tc, scan_missed;
    u8 scan; /* command code of the comparison */
    u8 st1, st2;
    u16 count; /* sectors left to VERIFY or FORMAT; 0: up to EOT */
    u8 filler;
    u16 pos, len; /* of buffer */
    u8 buffer[SECTOR];
    /* what the image is asked */
    struct disk_request request;
    struct iovec memory; /* its */
    u8 media[SECTOR];    /* ... of what is neither from nor for the host */
    bool answered;       /* by 'answer', for the step that asks again */
    int answer;
};

ALWAYS_INLINE struct fdc_drive *fdc_selected(struct fdc *f) { return &f->drive[f->unit]; }
ALWAYS_INLINE bool fdc_to_host(const struct fdc *f) { return f->op == OP_READ; }
ALWAYS_INLINE bool fdc_non_dma(const struct fdc *f) { return f->specify[1] & 1; }

/* ---- fdc.c ---- */

void fdc_run_step(struct fdc *f);

/* ---- fdc_command.c ---- */

void fdc_set_irq(struct fdc *f, bool level);
void fdc_enter_command(struct fdc *f);
/* n result bytes wait for the host; the data transfer, if any, is over. */
void fdc_enter_result(struct fdc *f, const u8 *bytes, u8 n);
/* What the controller does 'ns' from now, or WHEN_ANSWERED. */
void fdc_next_step(struct fdc *f, enum fdc_step step, u64 ns);
/* Moves the heads of a drive to a track, as far as they go; ns until they are there. */
u64 fdc_move_heads(struct fdc_drive *d, u8 track);
/* Ends a data command: its seven result bytes, and the interrupt. */
void fdc_end_data(struct fdc *f, u8 st0);
void fdc_fail(struct fdc *f, u8 st1, u8 st2);
/* A byte of a command. */
void fdc_write_command(struct fdc *f, u8 val);
/* The seek_event of a drive. */
void fdc_seek_done(void *owner);

/* ---- fdc_data.c ---- */

/* The step that waits for the image has its answer: it comes, and asks the same again. */
void fdc_answered(void *owner, int err);
/* Do the heads find an address mark? Only at the medium's rate. */
bool fdc_readable(const struct fdc *f, const struct fdc_drive *d);
/* The head reaches the next sector. */
void fdc_sector_step(struct fdc *f);
/* READ ID: the head reaches an address mark. */
void fdc_found_id(struct fdc *f);
/* Moves what the DMA channel lets through. */
void fdc_move_dma(struct fdc *f);
/* The buffer was filled by the host, or emptied by it. */
void fdc_buffer_done(struct fdc *f);

#endif
