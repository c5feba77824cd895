/*
 * The C library's routines on memory and strings; it chooses their form (REP
 * MOVSB, SSE2, AVX2, ...) by the CPU it finds.
 */
#include "bench.h"

enum { LARGEST = 64 * 1024, WORD_BYTES = 40, WORDS = 512 };

/* the sizes of copies: mostly small, as programs' are */
static const unsigned sizes[] = {16, 24, 40, 64, 100, 200, 500, 1024, 4096, 16 * 1024, LARGEST};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* Each size moves much the same number of bytes. The empty asm keeps the compiler from merging copies. */
uint64_t bench_memcpy(unsigned count)
{
    static uint8_t from[LARGEST + 64], to[LARGEST + 64];
    uint32_t random = 4;
    uint64_t sum = 0;
    for (unsigned i = 0; i < sizeof from; i++)
        from[i] = (uint8_t)next_random(&random);
    for (unsigned i = 0; i < count; i++) {
        unsigned in = i % 16, out = i * 5 % 32;
        for (unsigned s = 0; s < SIZES; s++)
            for (unsigned bytes = 0; bytes < LARGEST / 2; bytes += sizes[s] < 1024 ? 2048 : sizes[s]) {
                memcpy(to + out, from + in, sizes[s]);
                __asm__ volatile("" ::"r"(to) : "memory");
            }
        sum = mix(sum, to[next_random(&random) % LARGEST]);
    }
    return mix_bytes(sum, to, sizeof to);
}

uint64_t bench_memset(unsigned count)
{
    static uint8_t to[LARGEST + 64];
    uint32_t random = 4;
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned out = i * 5 % 32;
        for (unsigned s = 0; s < SIZES; s++)
            for (unsigned bytes = 0; bytes < LARGEST / 2; bytes += sizes[s] < 1024 ? 2048 : sizes[s]) {
                memset(to + out, (int)(i + s), sizes[s]);
                __asm__ volatile("" ::"r"(to) : "memory");
            }
        sum = mix(sum, to[next_random(&random) % LARGEST]);
    }
    return mix_bytes(sum, to, sizeof to);
}

uint64_t bench_strings(unsigned count)
{
    static char words[WORDS][WORD_BYTES], copy[WORDS * WORD_BYTES];
    uint32_t random = 8;
    uint64_t sum = 0;
    for (unsigned i = 0; i < WORDS; i++) {
        unsigned length = 1 + next_random(&random) % (WORD_BYTES - 2);
        for (unsigned j = 0; j < length; j++)
            words[i][j] = (char)('a' + next_random(&random) % (j < 4 ? 2 : 26));
    }
    for (unsigned i = 0; i < count; i++) {
        size_t used = 0;
        for (unsigned w = 0; w < WORDS; w++) {
            const char *z = strchr(words[w], 'z');
            size_t length = strlen(words[w]);
            sum += z ? (size_t)(z - words[w]) : length;
            sum += strcmp(words[w], words[(w + i) % WORDS]) < 0;
            memcpy(copy + used, words[w], length);
            used += length;
        }
        copy[used] = '#';
        const char *end = memchr(copy, '#', sizeof copy);
        copy[used] = 0;
        sum = mix(sum, (uint64_t)(end - copy) + strlen(copy));
    }
    return sum;
}
