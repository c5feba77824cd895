/*
 * The oracle of instruction tests: the same user-mode bytes are run by the
 * host's CPU in a child process (native.c) and by ours (ours.c), from the same
 * state, and everything visible afterwards is compared.
 *
 *   struct oracle_case c; struct oracle_state a, b; char text[8192];
 *   oracle_case_init(&c, 64);            a blank state: flags 2, FPU and SSE at reset, code all INT3
 *   memcpy(c.code, bytes, n); c.len = n; c.in.gpr[RAX] = ...;
 *   if (native_run(&c, &a) && ours_run(&c, &b) && !oracle_same(&c, &a, &b, text, sizeof(text)))
 *       puts(text);
 *
 * Code runs at ORACLE_CODE with CPL 3, as 64-bit code or (bits = 32) in a flat
 * 32-bit code segment, or in segments with bases and limits (oracle_segmented:
 * always for bits = 16), until an exception; bytes not given are INT3, so a run
 * that falls off its end stops with vector 3. Memory: see the ORACLE_ areas;
 * nothing else is mapped, so any other pointer is a page fault on both sides.
 * native_run needs an x86-64 Linux host; elsewhere native_available() is false.
 */
#ifndef ORRERY_TESTS_ORACLE_H
#define ORRERY_TESTS_ORACLE_H

#include "cpu/insn.h"
#include "cpu/state.h"

#define ORACLE_CODE 0x20000800u /* in the middle of a page of INT3, not writable */
#define ORACLE_DATA 0x10000000u /* two writable pages, one read-only, then nothing */
#define ORACLE_LOW  0x8000u     /* two writable pages that 16-bit addresses reach */
enum { ORACLE_DATA_SIZE = 0x3000, ORACLE_LOW_SIZE = 0x2000, ORACLE_CODE_MAX = 480, ORACLE_TIMEOUT = 255 };

struct oracle_state {
    u64 gpr[16], rip, rflags;
    u64 fs_base, gs_base;    /* in only */
    _Alignas(16) u8 fx[512]; /* FXSAVE64 image: x87, MXCSR, XMM0..15 */
    u8 ymmh[16 * 16];        /* bits 255:128 of YMM0..15; zero on hosts without AVX */
    u8 data[ORACLE_DATA_SIZE];
    u8 low[ORACLE_LOW_SIZE];
    /* out only */
    unsigned vector; /* exception that ended it; ORACLE_TIMEOUT: none did */
    u32 error;       /* its error code, 0 if it has none */
    u64 cr2;         /* for vector 14 */
};
/* Segments of a segmented case: code and stack have its width. Offsets count from the base. */
struct oracle_segment {
    u32 base, limit;
    bool code, down, readonly;
};
extern const struct oracle_segment oracle_segments[SEG_COUNT];
/* Upper half of ESP in 16-bit cases, which a 16-bit stack segment leaves alone. */
#define ORACLE_ESP_HIGH 0x5a5e0000u
/* The flat 32-bit code segment: a local one, as kernels need not have any for 32-bit programs. */
#define ORACLE_FLAT32 (14 << 3 | 7)

struct oracle_case {
    unsigned bits; /* 16, 32 or 64 */
    bool segmented;
    unsigned len;
    u8 code[ORACLE_CODE_MAX];
    struct oracle_state in;
    /* what not to compare */
    u32 ignore_flags;         /* FL_* */
    bool ignore_x87_cc;       /* C0 to C3 */
    bool ignore_x87_pointers; /* FOP, FIP, FDP: set by init, as hosts differ in keeping them */
};
/* Offsets in an FXSAVE image. */
enum {
    FX_FCW = 0,
    FX_FSW = 2,
    FX_FTW = 4,
    FX_FOP = 6,
    FX_FIP = 8,
    FX_FDP = 16,
    FX_MXCSR = 24,
    FX_ST = 32,
    FX_XMM = 160
};

/*
 * From now on ours is the translator, and translates at once; false: not on this host. With ORRERY_JIT_PRETEND set it
 * takes the host for one that answers otherwise whatever undefined.def lists.
 */
bool ours_translate(void);
/* After that: which of the two runs the next cases. */
void ours_switch(bool translator);
void oracle_case_init(struct oracle_case *c, unsigned bits);
/* Makes a blank case of 16 or 32 bits run in oracle_segments. */
void oracle_segmented(struct oracle_case *c);
/* The selector of a segment register in that case, and the base of an address in it. */
u16 oracle_selector(const struct oracle_case *c, enum segreg s);
u64 oracle_base(const struct oracle_case *c, enum segreg s);

/* False of rows whose results are not the host's to the bit: x87's transcendental ones in software (test_soft.c). */
bool oracle_comparable(const struct insn_row *row);
/* True where native_run can work at all. */
bool native_available(void);
/* True when the host's CPU has the feature (enum cpu_feature). */
bool native_has(unsigned feature);
/* Runs on the host; false (with a message on stderr) when the child could not be used. */
bool native_run(const struct oracle_case *c, struct oracle_state *out);
/* Runs on our CPU (model "max"). */
bool ours_run(const struct oracle_case *c, struct oracle_state *out);
/*
 * With ORRERY_PRETEND set, on a CPU that answers otherwise whatever undefined.def lists, instruction by instruction:
 * no test that compares with the host may mind. The interpreter's alone.
 */
bool ours_pretends(void);
/* The same, for so many instructions: less often a timeout. */
bool ours_run_for(const struct oracle_case *c, struct oracle_state *out, u64 instructions);
/* The maker of our CPU: AMD at first. */
void ours_maker(bool amd);
/* The features of our CPU, for decode(). */
const u32 *ours_features(void);

/* True when both ended alike; else a description of what differs in text. */
bool oracle_same(const struct oracle_case *c, const struct oracle_state *native, const struct oracle_state *ours,
                 char *text, size_t size);
/* The code of a case, disassembled, one instruction a line, into text. */
void oracle_disasm(const struct oracle_case *c, char *text, size_t size);

#endif
