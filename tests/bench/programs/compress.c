/*
 * A block-sorting compressor: the rotations of a block are sorted (by the two
 * bytes they begin with, then by comparing), the last column is moved to
 * front, and the ranks are written in Huffman's code. Then everything back
 * again: what comes out must be what went in.
 */
#include "bench.h"
#include <stdlib.h>

enum { BLOCK = 16384, SYMBOLS = 256, MAX_BITS = 64 };

struct packer {
    uint8_t text[2 * BLOCK], last[BLOCK], ranks[BLOCK], back[BLOCK]; // the text twice: rotations need no modulo
    uint16_t order[BLOCK];
    unsigned start; // where the text itself stands among its sorted rotations
    uint64_t code[SYMBOLS];
    uint8_t length[SYMBOLS];
    uint8_t bits[2 * BLOCK];
    unsigned used;
};

static void make_text(uint8_t *text, uint32_t *random)
{
    static const char *const syllables[] = {"an", "ter", "mo", "the", "re", "st", "ing", "con", "e", "il", "ou", "sa"};
    for (unsigned i = 0, letters = 0; i < BLOCK; letters++) {
        uint32_t r = next_random(random);
        const char *s = letters && r % 3 == 0 ? " " : syllables[(r >> 8) % 12 * ((r >> 16) % 4 + 1) / 4];
        while (*s && i < BLOCK)
            text[i++] = (uint8_t)*s++;
    }
    memcpy(text + BLOCK, text, BLOCK);
}

static int rotation_before(const uint8_t *text, unsigned a, unsigned b)
{
    int order = memcmp(text + a, text + b, BLOCK);
    return order ? order < 0 : a < b;
}

static void sort_range(const uint8_t *text, uint16_t *order, int count)
{
    while (count > 8) {
        unsigned pivot = order[count / 2];
        int i = 0, j = count - 1;
        while (i <= j) {
            while (rotation_before(text, order[i], pivot))
                i++;
            while (rotation_before(text, pivot, order[j]))
                j--;
            if (i <= j) {
                uint16_t t = order[i];
                order[i++] = order[j];
                order[j--] = t;
            }
        }
        sort_range(text, order, j + 1);
        order += i;
        count -= i;
    }
    for (int i = 1; i < count; i++) {
        uint16_t t = order[i];
        int j = i;
        for (; j > 0 && rotation_before(text, t, order[j - 1]); j--)
            order[j] = order[j - 1];
        order[j] = t;
    }
}

static NOINLINE void sort_rotations(struct packer *p)
{
    static unsigned begin[65537];
    memset(begin, 0, sizeof begin);
    for (unsigned i = 0; i < BLOCK; i++)
        begin[(p->text[i] << 8 | p->text[i + 1]) + 1]++;
    for (unsigned i = 0; i < 65536; i++)
        begin[i + 1] += begin[i];
    for (unsigned i = 0; i < BLOCK; i++)
        p->order[begin[p->text[i] << 8 | p->text[i + 1]]++] = (uint16_t)i; // now begin[x] is where x ends
    for (unsigned i = 0, from = 0; i < 65536; from = begin[i++])
        sort_range(p->text, p->order + from, (int)(begin[i] - from));
    for (unsigned i = 0; i < BLOCK; i++) {
        p->last[i] = p->text[p->order[i] + BLOCK - 1];
        if (p->order[i] == 0)
            p->start = i;
    }
}

static NOINLINE void move_to_front(struct packer *p)
{
    uint8_t list[SYMBOLS];
    for (int i = 0; i < SYMBOLS; i++)
        list[i] = (uint8_t)i;
    for (unsigned i = 0; i < BLOCK; i++) {
        uint8_t c = p->last[i];
        unsigned rank = 0;
        while (list[rank] != c)
            rank++;
        memmove(list + 1, list, rank);
        list[0] = c;
        p->ranks[i] = (uint8_t)rank;
    }
}

/* takes the rarest of the trees left out of the forest */
static unsigned take_rarest(uint32_t *weight, unsigned trees, uint32_t *sum)
{
    unsigned rarest = 0;
    for (unsigned i = 0; i < trees; i++)
        if (weight[i] && (!weight[rarest] || weight[i] < weight[rarest]))
            rarest = i;
    *sum += weight[rarest];
    weight[rarest] = 0;
    return rarest;
}

/* Code lengths by joining the two rarest trees until one is left; then codes in order of length. */
static NOINLINE void make_codes(struct packer *p)
{
    uint32_t weight[2 * SYMBOLS] = {0};
    uint16_t parent[2 * SYMBOLS] = {0};
    unsigned alive = 0;
    for (unsigned i = 0; i < BLOCK; i++)
        weight[p->ranks[i]]++;
    for (unsigned i = 0; i < SYMBOLS; i++)
        alive += weight[i] != 0;
    for (unsigned tree = SYMBOLS; alive > 1; alive--, tree++) {
        uint32_t sum = 0;
        parent[take_rarest(weight, tree, &sum)] = (uint16_t)tree;
        parent[take_rarest(weight, tree, &sum)] = (uint16_t)tree;
        weight[tree] = sum;
    }
    for (unsigned i = 0; i < SYMBOLS; i++) {
        p->length[i] = 0;
        for (unsigned n = i; parent[n]; n = parent[n])
            p->length[i]++;
    }
    uint64_t code = 0;
    for (unsigned bits = 1; bits < MAX_BITS; bits++, code <<= 1)
        for (unsigned i = 0; i < SYMBOLS; i++)
            if (p->length[i] == bits)
                p->code[i] = code++;
}

static NOINLINE void write_codes(struct packer *p)
{
    memset(p->bits, 0, sizeof p->bits);
    p->used = 0;
    for (unsigned i = 0; i < BLOCK; i++) {
        unsigned rank = p->ranks[i];
        for (int bit = p->length[rank] - 1; bit >= 0; bit--, p->used++)
            p->bits[p->used >> 3] |= (uint8_t)((p->code[rank] >> bit & 1) << (p->used & 7));
    }
}

/* A code is known by its length and its distance from the first code of that length. */
static NOINLINE void read_codes(struct packer *p)
{
    uint8_t symbols[SYMBOLS];
    uint64_t first[MAX_BITS] = {0};
    unsigned count[MAX_BITS] = {0}, base[MAX_BITS] = {0}, made = 0, at = 0;
    for (unsigned bits = 1; bits < MAX_BITS; bits++) {
        base[bits] = made;
        for (unsigned i = 0; i < SYMBOLS; i++)
            if (p->length[i] == bits) {
                if (!count[bits]++)
                    first[bits] = p->code[i];
                symbols[made++] = (uint8_t)i;
            }
    }
    for (unsigned i = 0; i < BLOCK; i++) {
        uint64_t code = 0;
        unsigned bits = 0;
        do {
            code = code << 1 | (p->bits[at >> 3] >> (at & 7) & 1);
            at++;
            bits++;
        } while (bits < MAX_BITS - 1 && (!count[bits] || code - first[bits] >= count[bits]));
        p->ranks[i] = symbols[base[bits] + (unsigned)(code - first[bits])];
    }
}

static NOINLINE void restore(struct packer *p)
{
    static uint16_t follow[BLOCK];
    uint8_t list[SYMBOLS];
    unsigned begin[SYMBOLS + 1] = {0};
    for (int i = 0; i < SYMBOLS; i++)
        list[i] = (uint8_t)i;
    for (unsigned i = 0; i < BLOCK; i++) {
        uint8_t c = list[p->ranks[i]];
        memmove(list + 1, list, p->ranks[i]);
        p->last[i] = list[0] = c;
        begin[c + 1]++;
    }
    for (int i = 0; i < SYMBOLS; i++)
        begin[i + 1] += begin[i];
    for (unsigned i = 0; i < BLOCK; i++)
        follow[begin[p->last[i]]++] = (uint16_t)i;
    unsigned at = follow[p->start];
    for (unsigned i = 0; i < BLOCK; i++, at = follow[at])
        p->back[i] = p->last[at];
}

uint64_t bench_compress(unsigned count)
{
    struct packer *p = bench_alloc(sizeof *p);
    uint32_t random = 12345;
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        make_text(p->text, &random);
        sort_rotations(p);
        move_to_front(p);
        make_codes(p);
        write_codes(p);
        sum = mix_bytes(sum, p->bits, p->used / 8);
        memset(p->ranks, 0, sizeof p->ranks);
        memset(p->last, 0, sizeof p->last);
        read_codes(p);
        restore(p);
        if (memcmp(p->back, p->text, BLOCK))
            bench_die("compress: the text did not come back");
    }
    free(p);
    return sum;
}
