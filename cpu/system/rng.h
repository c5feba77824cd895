/*
 * RDRAND's and RDSEED's numbers: ChaCha20 that replaces its key with each
 * block, so that neither a guest nor its saved state tells what has been or,
 * to a guest, what will be drawn. Equal keys give equal numbers on every host.
 */
#ifndef ORRERY_CPU_RNG_H
#define ORRERY_CPU_RNG_H

#include "cpu/state.h"

void rng_init(struct rng *r, const u32 key[8]);
u64 rng_next(struct rng *r);

#endif
