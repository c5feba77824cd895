/* The translator, as the rest of the house sees it: an engine that a CPU can be given. */
#ifndef ORRERY_JIT_ENGINE_H
#define ORRERY_JIT_ENGINE_H

#include "cpu/state.h"

extern const struct engine engine_jit;

enum { JIT_HOT = 48 };
/* Whether this build can emit code for its host at all. */
bool jit_available(void);
/*
 * Gives the CPU a translator with that much code memory, and makes it its engine; false: errno is ENOMEM where there is
 * not so much, else this host forbids executable memory. hot: times a place is interpreted before it is translated.
 */
bool jit_attach(struct cpu *cpu, size_t code_bytes, unsigned hot);
/*
 * Tests: whatever host this is, it answers what cpu/undefined.def lists as we do, or otherwise, so that the translator
 * takes nothing of that from it. At first it is asked.
 */
enum jit_host { JIT_HOST_ASKED, JIT_HOST_ALIKE, JIT_HOST_OTHER };
void jit_assume_host(struct cpu *cpu, enum jit_host host);
/* ---- -accel lockstep (lockstep.h) ---- */
extern const struct engine engine_lockstep;
struct lockstep_counters {
    u64 compared, stretches; /* instructions that both engines ran alike, in so many runs */
    u64 exceptions;          /* raised by both */
    u64 alone;               /* instructions for the interpreter alone: devices, time, pages with code */
    u64 untranslated;        /* ... in modes that are never translated */
};
/*
 * Gives the CPU translator and interpreter side by side. differs: called once they have ended differently, which
 * has then been printed to the trace's file or standard error; the CPU runs no more. false: as jit_attach.
 */
bool lockstep_attach(struct cpu *cpu, size_t code_bytes, void (*differs)(void *owner), void *owner);
/* NULL: this CPU has another engine. */
const struct lockstep_counters *lockstep_counters(const struct cpu *cpu);

/* Back to the interpreter. */
void jit_detach(struct cpu *cpu);

/*
 * Files for Linux perf: /tmp/perf-PID.map and jit-PID.dump in the working directory. NULL: a sentence is in err.
 * jit_observe: what this CPU's translator emits from now on is written there; until closed, perf outlives it.
 */
struct jit_perf;
struct jit_perf *jit_perf_open(bool map, bool dump, char *err, size_t err_size);
void jit_perf_close(struct jit_perf *perf);
void jit_observe(struct cpu *cpu, struct jit_perf *perf);

#endif
