/*
 * Loops written for the vector units, by the compiler's intrinsics; this file
 * is compiled with SSE2 in both programs, what is above that names its target.
 */
#include "bench.h"
#include <immintrin.h>

enum { PIXELS = 4096, WIDE = 64, HIGH = 32, DEPTH = 200, ORDER = 64 };

/* Pixels of four bytes: colours swapped, one picture blended over another by a factor, differences summed. */

struct pictures {
    uint8_t over[4 * PIXELS], under[4 * PIXELS], out[4 * PIXELS];
} __attribute__((aligned(32)));

static struct pictures pictures;

static void draw(struct pictures *p)
{
    uint32_t random = 21;
    for (int i = 0; i < 4 * PIXELS; i++) {
        p->over[i] = (uint8_t)next_random(&random);
        p->under[i] = (uint8_t)next_random(&random);
    }
}

__attribute__((target("ssse3"))) static NOINLINE uint64_t blend_sse(struct pictures *p, int factor)
{
    const __m128i swap = _mm_setr_epi8(2, 1, 0, 3, 6, 5, 4, 7, 10, 9, 8, 11, 14, 13, 12, 15),
                  zero = _mm_setzero_si128();
    const __m128i f = _mm_set1_epi16((short)factor), g = _mm_set1_epi16((short)(256 - factor));
    __m128i sum = zero;
    for (int i = 0; i < 4 * PIXELS; i += 16) {
        __m128i a = _mm_shuffle_epi8(_mm_load_si128((const __m128i *)(p->over + i)), swap);
        __m128i b = _mm_load_si128((const __m128i *)(p->under + i));
        __m128i low = _mm_add_epi16(_mm_mullo_epi16(_mm_unpacklo_epi8(a, zero), f),
                                    _mm_mullo_epi16(_mm_unpacklo_epi8(b, zero), g));
        __m128i high = _mm_add_epi16(_mm_mullo_epi16(_mm_unpackhi_epi8(a, zero), f),
                                     _mm_mullo_epi16(_mm_unpackhi_epi8(b, zero), g));
        __m128i out = _mm_packus_epi16(_mm_srli_epi16(low, 8), _mm_srli_epi16(high, 8));
        sum = _mm_add_epi64(sum, _mm_sad_epu8(out, b));
        _mm_store_si128((__m128i *)(p->out + i), _mm_max_epu8(out, _mm_subs_epu8(a, b)));
    }
    uint64_t halves[2];
    _mm_storeu_si128((__m128i *)halves, sum);
    return halves[0] + halves[1];
}

__attribute__((target("avx2"))) static NOINLINE uint64_t blend_avx(struct pictures *p, int factor)
{
    const __m256i swap =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(2, 1, 0, 3, 6, 5, 4, 7, 10, 9, 8, 11, 14, 13, 12, 15));
    const __m256i zero = _mm256_setzero_si256(), f = _mm256_set1_epi16((short)factor);
    const __m256i g = _mm256_set1_epi16((short)(256 - factor));
    __m256i sum = zero;
    for (int i = 0; i < 4 * PIXELS; i += 32) {
        __m256i a = _mm256_shuffle_epi8(_mm256_load_si256((const __m256i *)(p->over + i)), swap);
        __m256i b = _mm256_load_si256((const __m256i *)(p->under + i));
        __m256i low = _mm256_add_epi16(_mm256_mullo_epi16(_mm256_unpacklo_epi8(a, zero), f),
                                       _mm256_mullo_epi16(_mm256_unpacklo_epi8(b, zero), g));
        __m256i high = _mm256_add_epi16(_mm256_mullo_epi16(_mm256_unpackhi_epi8(a, zero), f),
                                        _mm256_mullo_epi16(_mm256_unpackhi_epi8(b, zero), g));
        __m256i out = _mm256_packus_epi16(_mm256_srli_epi16(low, 8), _mm256_srli_epi16(high, 8));
        sum = _mm256_add_epi64(sum, _mm256_sad_epu8(out, b));
        _mm256_store_si256((__m256i *)(p->out + i), _mm256_max_epu8(out, _mm256_subs_epu8(a, b)));
    }
    uint64_t quarters[4];
    _mm256_storeu_si256((__m256i *)quarters, sum);
    return quarters[0] + quarters[1] + quarters[2] + quarters[3];
}

static uint64_t blend_many(uint64_t (*blend)(struct pictures *, int), unsigned count)
{
    uint64_t sum = 0;
    draw(&pictures);
    for (unsigned i = 0; i < count; i++) {
        sum = mix(sum, blend(&pictures, (int)(i % 257)));
        memcpy(pictures.under, pictures.out, 64);
    }
    return mix_bytes(sum, pictures.out, sizeof pictures.out);
}

uint64_t bench_sse_int(unsigned count) { return blend_many(blend_sse, count); }
uint64_t bench_avx_int(unsigned count) { return blend_many(blend_avx, count); }

/* Mandelbrot: a group of points goes on until all have escaped or DEPTH is reached */

uint64_t bench_sse_float(unsigned count)
{
    const __m128 four = _mm_set1_ps(4), one = _mm_set1_ps(1);
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        for (int row = 0; row < HIGH; row++) {
            __m128 steps = _mm_setzero_ps(), cy = _mm_set1_ps((float)(row - 16) / 14);
            for (int column = 0; column < WIDE; column += 4) {
                __m128 x = _mm_setzero_ps(), y = x;
                __m128 cx = _mm_add_ps(_mm_set1_ps((float)(column - 44) / 20), _mm_setr_ps(0, .05f, .1f, .15f));
                for (int n = 0; n < DEPTH; n++) {
                    __m128 xx = _mm_mul_ps(x, x), yy = _mm_mul_ps(y, y), xy = _mm_mul_ps(x, y);
                    __m128 inside = _mm_cmplt_ps(_mm_add_ps(xx, yy), four);
                    if (!_mm_movemask_ps(inside))
                        break;
                    steps = _mm_add_ps(steps, _mm_and_ps(inside, one));
                    x = _mm_add_ps(_mm_sub_ps(xx, yy), cx);
                    y = _mm_add_ps(_mm_add_ps(xy, xy), cy);
                }
            }
            float total[4];
            _mm_storeu_ps(total, steps);
            sum = mix(sum, (uint64_t)(total[0] + total[1] + total[2] + total[3]) + i);
        }
    return sum;
}

__attribute__((target("avx2"))) static NOINLINE uint64_t mandelbrot_row(int row)
{
    const __m256 four = _mm256_set1_ps(4), one = _mm256_set1_ps(1);
    const __m256 offsets = _mm256_setr_ps(0, .05f, .1f, .15f, .2f, .25f, .3f, .35f);
    __m256 steps = _mm256_setzero_ps(), cy = _mm256_set1_ps((float)(row - 16) / 14);
    for (int column = 0; column < WIDE; column += 8) {
        __m256 x = _mm256_setzero_ps(), y = x;
        __m256 cx = _mm256_add_ps(_mm256_set1_ps((float)(column - 44) / 20), offsets);
        for (int n = 0; n < DEPTH; n++) {
            __m256 xx = _mm256_mul_ps(x, x), yy = _mm256_mul_ps(y, y), xy = _mm256_mul_ps(x, y);
            __m256 inside = _mm256_cmp_ps(_mm256_add_ps(xx, yy), four, _CMP_LT_OS);
            if (!_mm256_movemask_ps(inside))
                break;
            steps = _mm256_add_ps(steps, _mm256_and_ps(inside, one));
            x = _mm256_add_ps(_mm256_sub_ps(xx, yy), cx);
            y = _mm256_add_ps(_mm256_add_ps(xy, xy), cy);
        }
    }
    float part[8], total = 0;
    _mm256_storeu_ps(part, steps);
    for (int i = 0; i < 8; i++)
        total += part[i];
    return (uint64_t)total;
}

uint64_t bench_avx_float(unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        for (int row = 0; row < HIGH; row++)
            sum = mix(sum, mandelbrot_row(row) + i);
    return sum;
}

/* doubles: a polynomial and a quotient at points between 0 and 1 */

uint64_t bench_sse_double(unsigned count)
{
    enum { POINTS = 512, DEGREE = 8 };
    static double out[POINTS] __attribute__((aligned(16)));
    const __m128d step = _mm_set1_pd(2.0 / POINTS), one = _mm_set1_pd(1);
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        __m128d x = _mm_setr_pd(0, 1.0 / POINTS), least = one;
        for (int p = 0; p < POINTS; p += 2, x = _mm_add_pd(x, step)) {
            __m128d y = _mm_set1_pd((double)(i % 16));
            for (int d = 0; d < DEGREE; d++)
                y = _mm_add_pd(_mm_mul_pd(y, x), _mm_set1_pd(1.0 / (d + 2)));
            y = _mm_div_pd(y, _mm_add_pd(one, _mm_mul_pd(x, x)));
            least = _mm_min_pd(least, y);
            _mm_store_pd(out + p, _mm_sqrt_pd(y));
        }
        double low[2];
        _mm_storeu_pd(low, least);
        sum = mix_double(mix_double(sum, low[0]), out[i % POINTS]);
    }
    return sum;
}

uint64_t bench_sse_scalar(unsigned count)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        __m128d x = _mm_set_sd(0.1 + 0.001 * (i % 100)), y = x;
        const __m128d r = _mm_set_sd(3.9), one = _mm_set_sd(1), scale = _mm_set_sd(1000);
        int visits = 0;
        for (int n = 0; n < 1000; n++) {
            x = _mm_mul_sd(_mm_mul_sd(r, x), _mm_sub_sd(one, x));
            y = _mm_div_sd(_mm_add_sd(y, x), _mm_add_sd(one, y));
            visits += _mm_comilt_sd(x, y) ? _mm_cvttsd_si32(_mm_mul_sd(x, scale)) : n;
            y = _mm_add_sd(y, _mm_cvtsi32_sd(y, visits & 1));
        }
        sum = mix_double(mix(sum, (uint64_t)visits), _mm_cvtsd_f64(y));
    }
    return sum;
}

__attribute__((target("avx2,fma"))) static NOINLINE void fused_product(double c[ORDER][ORDER], double a[ORDER][ORDER],
                                                                       double b[ORDER][ORDER])
{
    for (int i = 0; i < ORDER; i++)
        for (int j = 0; j < ORDER; j += 8) {
            __m256d s = _mm256_setzero_pd(), t = s;
            for (int k = 0; k < ORDER; k++) {
                __m256d x = _mm256_broadcast_sd(&a[i][k]);
                s = _mm256_fmadd_pd(x, _mm256_load_pd(&b[k][j]), s);
                t = _mm256_fmadd_pd(x, _mm256_load_pd(&b[k][j + 4]), t);
            }
            _mm256_store_pd(&c[i][j], s);
            _mm256_store_pd(&c[i][j + 4], t);
        }
}

uint64_t bench_avx_fma(unsigned count)
{
    static double a[ORDER][ORDER] __attribute__((aligned(32)));
    static double b[ORDER][ORDER] __attribute__((aligned(32))), c[ORDER][ORDER] __attribute__((aligned(32)));
    uint32_t random = 6;
    uint64_t sum = 0;
    for (int i = 0; i < ORDER * ORDER; i++) {
        a[i / ORDER][i % ORDER] = (double)(int32_t)next_random(&random) / 4294967296.0;
        b[i / ORDER][i % ORDER] = (double)(int32_t)next_random(&random) / 4294967296.0;
    }
    for (unsigned i = 0; i < count; i++) {
        fused_product(c, a, b);
        sum = mix_double(sum, c[i % ORDER][i % 7]);
        a[i % ORDER][i % 11] = c[0][i % ORDER] / 16;
    }
    return sum;
}
