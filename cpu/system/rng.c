/*
 * ChaCha20 (RFC 8439, 2.3) with fast key erasure: of each block, made with
 * counter and nonce 0, the first half is the next key and the second half is
 * what is given out.
 */
#include "cpu/system/rng.h"

static u32 rotate(u32 v, unsigned n) { return v << n | v >> (32 - n); }

static void quarter_round(u32 *a, u32 *b, u32 *c, u32 *d)
{
    *d = rotate(*d ^ (*a += *b), 16);
    *b = rotate(*b ^ (*c += *d), 12);
    *d = rotate(*d ^ (*a += *b), 8);
    *b = rotate(*b ^ (*c += *d), 7);
}

static void block(const u32 key[8], u32 out[16])
{
    u32 start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}; /* "expand 32-byte k" */
    memcpy(start + 4, key, 32);
    memcpy(out, start, sizeof(start));
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 4; i++)
            quarter_round(&out[i], &out[4 + i], &out[8 + i], &out[12 + i]);
        for (unsigned i = 0; i < 4; i++)
            quarter_round(&out[i], &out[4 + (i + 1) % 4], &out[8 + (i + 2) % 4], &out[12 + (i + 3) % 4]);
    }
    for (unsigned i = 0; i < 16; i++)
        out[i] += start[i];
}

void rng_init(struct rng *r, const u32 key[8])
{
    *r = (struct rng){.used = sizeof(r->out)};
    memcpy(r->key, key, sizeof(r->key));
}

u64 rng_next(struct rng *r)
{
    if (r->used > sizeof(r->out) - 8) {
        u32 words[16];
        block(r->key, words);
        memcpy(r->key, words, sizeof(r->key));
        for (unsigned i = 0; i < 8; i++)
            st32(r->out + 4 * i, words[8 + i]);
        r->used = 0;
    }
    u64 v = ld64(r->out + r->used);
    memset(r->out + r->used, 0, 8);
    r->used += 8;
    return v;
}
