#include "random.h"
#include "copy.h"
#include "core.h"
#include "math_double.h"

// No fused multiply-adds: every operation is rounded separately, so that all backends give the same bits (see Philox.swift).
#pragma STDC FP_CONTRACT OFF

// Blocks computed at once, with the words of one position contiguous, so that the rounds vectorise.
#define BLOCKS 64

typedef struct {
    uint32_t word[4][BLOCKS];
} batch;

/// Each word is in a 64-bit lane, as the multiplication needs it; the ten rounds of a block stay in registers.
APUS_CLONES static void philox(uint64_t seed, uint64_t counter, batch *b) {
    uint64_t k0[10], k1[10];
    for (uint32_t round = 0; round < 10; round++) {
        k0[round] = (uint32_t)seed + round * 0x9E3779B9u;
        k1[round] = (uint32_t)(seed >> 32) + round * 0xBB67AE85u;
    }
    APUS_SIMD for (int i = 0; i < BLOCKS; i++) {
        uint64_t c = counter + (uint64_t)i;
        uint64_t c0 = c & UINT32_MAX, c1 = c >> 32, c2 = 0, c3 = 0;
#pragma clang loop unroll(full)
        for (int round = 0; round < 10; round++) {
            uint64_t p = c0 * 0xD2511F53u, q = c2 * 0xCD9E8D57u;
            c0 = q >> 32 ^ c1 ^ k0[round];
            c1 = q & UINT32_MAX;
            c2 = p >> 32 ^ c3 ^ k1[round];
            c3 = p & UINT32_MAX;
        }
        b->word[0][i] = (uint32_t)c0;
        b->word[1][i] = (uint32_t)c1;
        b->word[2][i] = (uint32_t)c2;
        b->word[3][i] = (uint32_t)c3;
    }
}

typedef struct {
    apus_random_kind kind;
    int dtype, per_block;
    int64_t n;
    char *out;
    uint64_t seed, offset;
    double a, b, below; // low and span, or mean and standard deviation, or value
    uint32_t threshold;
    int64_t low;
    uint64_t range;
} filling;

APUS_CLONES static void uniform_floats(const batch *b, const filling *f, int shift, float scale, float *out) {
    float low = (float)f->a, span = (float)f->b, below = (float)f->below;
    for (int w = 0; w < 4; w++)
        for (int i = 0; i < BLOCKS; i++) {
            float u = (float)(int32_t)(b->word[w][i] >> shift) * scale;
            float product = span * u;
            float v = low + product;
            out[4 * i + w] = v > below ? below : v;
        }
}

/// sin πt for |t| <= ½, by a Taylor series in double whose first omitted term is below 10⁻⁹ of the result.
APUS_INLINE float sin_half_turn(double t) {
    double r = M_PI * t, z = r * r;
    double p = 1.0 / 6227020800;
    p = p * z - 1.0 / 39916800;
    p = p * z + 1.0 / 362880;
    p = p * z - 1.0 / 5040;
    p = p * z + 1.0 / 120;
    p = p * z - 1.0 / 6;
    return (float)(r + r * z * p);
}
/// sin πs and cos πs for |s| <= 1; 0.6 ULP. Both are the sine of an angle within ±π/2, which a double represents well.
APUS_INLINE float sin_turn(float s) { return sin_half_turn(s > 0.5f ? 1.0 - s : s < -0.5f ? -1.0 - s : s); }
APUS_INLINE float cos_turn(float s) { return sin_half_turn(0.5 - (double)f_abs(s)); }

APUS_CLONES static void normal_floats(const batch *b, const filling *f, float *out) {
    float mean = (float)f->a, std = (float)f->b;
    for (int pair = 0; pair < 2; pair++)
        for (int i = 0; i < BLOCKS; i++) {
            float u = (float)b->word[2 * pair][i] * 0x1p-32f;
            u = u + 0x1p-33f;
            float r = f_sqrt(-2.0f * f_log(u));
            float s = (float)(int32_t)b->word[2 * pair + 1][i] * 0x1p-31f;
            float x = r * cos_turn(s), y = r * sin_turn(s);
            x = std * x;
            y = std * y;
            out[4 * i + 2 * pair] = mean + x;
            out[4 * i + 2 * pair + 1] = mean + y;
        }
}

APUS_INLINE uint64_t wide_word(const batch *b, int i, int half) {
    return (uint64_t)b->word[2 * half][i] | (uint64_t)b->word[2 * half + 1][i] << 32;
}

APUS_CLONES static void bernoulli_floats(const batch *b, const filling *f, float *out) {
    float value = (float)f->a;
    for (int w = 0; w < 4; w++)
        for (int i = 0; i < BLOCKS; i++) out[4 * i + w] = b->word[w][i] >> 8 < f->threshold ? value : 0;
}

static void bernoulli_doubles(const batch *b, const filling *f, double *out) {
    for (int w = 0; w < 4; w++)
        for (int i = 0; i < BLOCKS; i++) out[4 * i + w] = b->word[w][i] >> 8 < f->threshold ? f->a : 0;
}

static void uniform_doubles(const batch *b, const filling *f, double *out) {
    for (int i = 0; i < BLOCKS; i++)
        for (int half = 0; half < 2; half++) {
            double u = (double)(wide_word(b, i, half) >> 11) * 0x1p-53;
            double product = f->b * u;
            double v = f->a + product;
            out[2 * i + half] = v > f->below ? f->below : v;
        }
}

static void normal_doubles(const batch *b, const filling *f, double *out) {
    for (int i = 0; i < BLOCKS; i++) {
        double u = (double)(wide_word(b, i, 0) >> 11) * 0x1p-53;
        double r = sqrt(-2 * log(u + 0x1p-54));
        double s = (double)((int64_t)wide_word(b, i, 1) >> 11) * 0x1p-52;
        // As for floats, the angle is kept within ±π/2, where the sine is most accurate.
        double t = s > 0.5 ? 1 - s : s < -0.5 ? -1 - s : s;
        double x = r * sin(M_PI * (0.5 - fabs(s))), y = r * sin(M_PI * t);
        x = f->b * x;
        y = f->b * y;
        out[2 * i] = f->a + x;
        out[2 * i + 1] = f->a + y;
    }
}

static void integers(const batch *b, const filling *f, int64_t *out) {
    for (int i = 0; i < BLOCKS; i++)
        for (int half = 0; half < 2; half++) {
            uint64_t w = wide_word(b, i, half);
            uint64_t scaled = (uint64_t)((unsigned __int128)w * f->range >> 64);
            out[2 * i + half] = (int64_t)((uint64_t)f->low + scaled);
        }
}

/// Fills the elements [begin, end); `begin` is a multiple of a batch's elements.
static void body(void *context, int64_t begin, int64_t end) {
    const filling *f = context;
    int64_t step = (int64_t)f->per_block * BLOCKS, size = apus_size[f->dtype];
    batch b;
    union {
        float f32[4 * BLOCKS];
        double f64[4 * BLOCKS];
        int64_t i64[2 * BLOCKS];
    } made;
    uint64_t converted[4 * BLOCKS];
    for (int64_t i = begin; i < end; i += step) {
        int64_t n = end - i < step ? end - i : step;
        philox(f->seed, f->offset + (uint64_t)(i / f->per_block), &b);
        bool doubles = f->dtype == APUS_FLOAT64;
        int from = doubles ? APUS_FLOAT64 : APUS_FLOAT32;
        switch (f->kind) {
        case APUS_RANDOM_uniform: {
            if (doubles) {
                uniform_doubles(&b, f, made.f64);
                break;
            }
            int shift = f->dtype == APUS_FLOAT16 ? 21 : f->dtype == APUS_BFLOAT16 ? 24 : 8;
            uniform_floats(&b, f, shift, f->dtype == APUS_FLOAT16 ? 0x1p-11f : f->dtype == APUS_BFLOAT16 ? 0x1p-8f : 0x1p-24f, made.f32);
            break;
        }
        case APUS_RANDOM_normal: doubles ? normal_doubles(&b, f, made.f64) : normal_floats(&b, f, made.f32); break;
        case APUS_RANDOM_bernoulli: doubles ? bernoulli_doubles(&b, f, made.f64) : bernoulli_floats(&b, f, made.f32); break;
        case APUS_RANDOM_integers:
            integers(&b, f, made.i64);
            from = APUS_INT64;
            break;
        }
        const void *result = &made;
        if (from != f->dtype) {
            apus_copy_flat(from, f->dtype, n, &made, converted);
            result = converted;
        }
        memcpy(f->out + i * size, result, (size_t)(n * size));
    }
}

/// `f` has the distribution's own numbers.
static void fill(apus_random_kind kind, int dtype, int64_t n, void *out, uint64_t seed, uint64_t offset, filling f) {
    f.kind = kind;
    f.dtype = dtype;
    f.per_block = kind == APUS_RANDOM_integers || (kind != APUS_RANDOM_bernoulli && dtype == APUS_FLOAT64) ? 2 : 4;
    f.n = n;
    f.out = out;
    f.seed = seed;
    f.offset = offset;
    apus_parallel_for(n, APUS_GRAIN / 4, body, &f); // the grain is a multiple of every batch size
}

void apus_random_uniform(int dtype, int64_t n, void *out, uint64_t seed, uint64_t offset, double low, double high, double below) {
    fill(APUS_RANDOM_uniform, dtype, n, out, seed, offset, (filling){.a = low, .b = high - low, .below = below});
}

void apus_random_normal(int dtype, int64_t n, void *out, uint64_t seed, uint64_t offset, double mean, double std) {
    fill(APUS_RANDOM_normal, dtype, n, out, seed, offset, (filling){.a = mean, .b = std});
}

void apus_random_bernoulli(int dtype, int64_t n, void *out, uint64_t seed, uint64_t offset, uint32_t threshold, double value) {
    fill(APUS_RANDOM_bernoulli, dtype, n, out, seed, offset, (filling){.a = value, .threshold = threshold});
}

void apus_random_integers(int dtype, int64_t n, void *out, uint64_t seed, uint64_t offset, int64_t low, uint64_t range) {
    fill(APUS_RANDOM_integers, dtype, n, out, seed, offset, (filling){.low = low, .range = range});
}
