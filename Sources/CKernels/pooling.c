#include "core.h"
#include "pooling_windows.h"
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

// Max pooling.

// The index of a window's first element. If dilation leaves the window empty, which then lies on both sides of the input, it is 0.
static inline int64_t corner(const apus_pool *p, span w0, span w1, span w2) {
    bool is_empty = w0.begin >= w0.end || w1.begin >= w1.end || w2.begin >= w2.end;
    return is_empty ? 0 : (w0.begin * p->in[1] + w1.begin) * p->in[2] + w2.begin;
}

#define MAX_POOL(NAME, T, LOWEST)                                                                                                          \
    static void max_##NAME(void *context, int64_t first, int64_t last) {                                                                   \
        const job *j = context;                                                                                                            \
        const apus_pool *p = j->p;                                                                                                         \
        int64_t plane = elements(p->in);                                                                                                   \
        T *to = (T *)j->to + first * elements(p->out);                                                                                     \
        int64_t *index = j->indices + first * elements(p->out);                                                                            \
        for (int64_t n = first; n < last; n++) {                                                                                           \
            const T *x = (const T *)j->from + n * plane;                                                                                   \
            for (int64_t o0 = 0; o0 < p->out[0]; o0++) {                                                                                   \
                span w0 = window(p, 0, o0);                                                                                                \
                for (int64_t o1 = 0; o1 < p->out[1]; o1++) {                                                                               \
                    span w1 = window(p, 1, o1);                                                                                            \
                    for (int64_t o2 = 0; o2 < p->out[2]; o2++) {                                                                           \
                        span w2 = window(p, 2, o2);                                                                                        \
                        T best = LOWEST;                                                                                                   \
                        int64_t at = corner(p, w0, w1, w2);                                                                                \
                        for (int64_t i0 = w0.begin; i0 < w0.end; i0 += w0.step) {                                                          \
                            for (int64_t i1 = w1.begin; i1 < w1.end; i1 += w1.step) {                                                      \
                                int64_t line = (i0 * p->in[1] + i1) * p->in[2];                                                            \
                                for (int64_t i2 = w2.begin; i2 < w2.end; i2 += w2.step) {                                                  \
                                    T value = x[line + i2];                                                                                \
                                    if (value > best || value != value) best = value, at = line + i2;                                      \
                                }                                                                                                          \
                            }                                                                                                              \
                        }                                                                                                                  \
                        *to++ = best;                                                                                                      \
                        *index++ = at;                                                                                                     \
                    }                                                                                                                      \
                }                                                                                                                          \
            }                                                                                                                              \
        }                                                                                                                                  \
    }

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wtautological-compare"
MAX_POOL(f32, float, -INFINITY)
MAX_POOL(f64, double, -INFINITY)
MAX_POOL(u8, uint8_t, 0)
MAX_POOL(i8, int8_t, INT8_MIN)
MAX_POOL(i16, int16_t, INT16_MIN)
MAX_POOL(i32, int32_t, INT32_MIN)
MAX_POOL(i64, int64_t, INT64_MIN)
#pragma clang diagnostic pop

// The most common case, float32 with adjacent windows of 2 × 2: four windows at a time.
typedef float floats4 __attribute__((vector_size(16), aligned(4)));
typedef int32_t places4 __attribute__((vector_size(16)));
typedef int64_t indices4 __attribute__((vector_size(32), aligned(8)));

#define TAKE(value, place)                                                                                                                 \
    {                                                                                                                                      \
        places4 take = ((value) > best) | ((value) != (value));                                                                            \
        best = (floats4)((take & (places4)(value)) | (~take & (places4)best));                                                             \
        at = (take & (place)) | (~take & at);                                                                                              \
    }
APUS_INLINE void max_four_pairs(const float *upper, const float *lower, int32_t first, int32_t width, float *to, int64_t *index) {
    floats4 u0 = *(const floats4 *)upper, u1 = *(const floats4 *)(upper + 4), l0 = *(const floats4 *)lower,
            l1 = *(const floats4 *)(lower + 4);
    places4 at = first + (places4){0, 2, 4, 6}, place = at;
    floats4 best = __builtin_shufflevector(u0, u1, 0, 2, 4, 6);
    TAKE(__builtin_shufflevector(u0, u1, 1, 3, 5, 7), place + 1)
    TAKE(__builtin_shufflevector(l0, l1, 0, 2, 4, 6), place + width)
    TAKE(__builtin_shufflevector(l0, l1, 1, 3, 5, 7), place + width + 1)
    *(floats4 *)to = best;
    *(indices4 *)index = __builtin_convertvector(at, indices4);
}
#undef TAKE

APUS_CLONES static void max_pairs(const float *upper, const float *lower, int32_t at, int32_t width, int64_t count, float *to,
                                  int64_t *index) {
    for (int64_t o = 0; o < count; o += 4) {
        // The last group of four may overlap the one before.
        int64_t from = o + 4 <= count ? o : count - 4;
        max_four_pairs(upper + 2 * from, lower + 2 * from, at + 2 * (int32_t)from, width, to + from, index + from);
    }
}

static void max_f32_pairs(void *context, int64_t first, int64_t last) {
    const job *j = context;
    const apus_pool *p = j->p;
    int64_t width = p->in[2], out = p->out[2];
    for (int64_t n = first; n < last; n++) {
        for (int64_t o = 0; o < p->out[1]; o++) {
            const float *upper = (const float *)j->from + (n * p->in[1] + 2 * o) * width;
            int64_t at = (n * p->out[1] + o) * out;
            max_pairs(upper, upper + width, (int32_t)(2 * o * width), (int32_t)width, out, (float *)j->to + at, j->indices + at);
        }
    }
}

// Other windows in float32: one tap at a time for a whole line of outputs, in the same order as within a window.
enum { LINE = 512 };

static inline __attribute__((always_inline)) void take_tap(const float *x, int64_t stride, int32_t at, int64_t count, float *best,
                                                           int32_t *place) {
    for (int64_t o = 0; o < count; o++) {
        float value = x[o * stride];
        bool take = (value > best[o]) | (value != value);
        best[o] = take ? value : best[o];
        place[o] = take ? at + (int32_t)(o * stride) : place[o];
    }
}
APUS_CLONES static void take_tap_of(const float *restrict x, int64_t stride, int32_t at, int64_t count, float *restrict best,
                                    int32_t *restrict place) {
    if (stride == 1) take_tap(x, 1, at, count, best, place);
    else if (stride == 2) take_tap(x, 2, at, count, best, place);
    else take_tap(x, stride, at, count, best, place);
}

static void max_f32_line(const apus_pool *p, const float *x, span w0, span w1, int64_t first, int64_t count, float *to, int64_t *index) {
    int32_t place[LINE];
    int64_t width = p->in[2], stride = p->stride[2];
    for (int64_t o = 0; o < count; o++) {
        place[o] = (int32_t)corner(p, w0, w1, window(p, 2, first + o));
        to[o] = -INFINITY;
    }
    for (int64_t i0 = w0.begin; i0 < w0.end; i0 += w0.step) {
        for (int64_t i1 = w1.begin; i1 < w1.end; i1 += w1.step) {
            int64_t line = (i0 * p->in[1] + i1) * width;
            for (int64_t k = 0; k < p->kernel[2]; k++) {
                // The range of outputs whose tap k is inside the line.
                int64_t column = first * stride - p->padding[2] + k * p->dilation[2];
                int64_t skipped = column < 0 ? (-column + stride - 1) / stride : 0;
                int64_t end = column < width ? (width - column + stride - 1) / stride : 0;
                if (end > count) end = count;
                column += skipped * stride;
                if (skipped < end)
                    take_tap_of(x + line + column, stride, (int32_t)(line + column), end - skipped, to + skipped, place + skipped);
            }
        }
    }
    for (int64_t o = 0; o < count; o++) index[o] = place[o];
}

static void max_f32_lines(void *context, int64_t first, int64_t last) {
    const job *j = context;
    const apus_pool *p = j->p;
    int64_t at = first * elements(p->out);
    for (int64_t n = first; n < last; n++) {
        const float *x = (const float *)j->from + n * elements(p->in);
        for (int64_t o0 = 0; o0 < p->out[0]; o0++) {
            span w0 = window(p, 0, o0);
            for (int64_t o1 = 0; o1 < p->out[1]; o1++) {
                span w1 = window(p, 1, o1);
                for (int64_t o2 = 0; o2 < p->out[2]; o2 += LINE) {
                    int64_t count = p->out[2] - o2 < LINE ? p->out[2] - o2 : LINE;
                    max_f32_line(p, x, w0, w1, o2, count, (float *)j->to + at, j->indices + at);
                    at += count;
                }
            }
        }
    }
}

static bool is_pairs(const apus_pool *p) {
    if (p->kernel[0] != 1 || p->in[0] != 1 || p->out[0] != 1 || p->padding[0] || p->out[2] < 4) return false;
    for (int d = 1; d < 3; d++) {
        if (p->kernel[d] != 2 || p->stride[d] != 2 || p->padding[d] || p->dilation[d] != 1 || 2 * p->out[d] > p->in[d]) return false;
    }
    return true;
}

void apus_max_pool(const apus_pool *p, int dtype, const void *x, void *out, int64_t *indices) {
    static void (*const bodies[])(void *, int64_t, int64_t) = {
        [APUS_BOOL] = max_u8,   [APUS_UINT8] = max_u8,  [APUS_INT8] = max_i8,     [APUS_INT16] = max_i16,
        [APUS_INT32] = max_i32, [APUS_INT64] = max_i64, [APUS_FLOAT32] = max_f32, [APUS_FLOAT64] = max_f64};
    if (!bodies[dtype]) apus_no_kernel("max_pool", 0, dtype);
    job j = {p, x, out, indices};
    bool in_lines = dtype == APUS_FLOAT32 && !p->adaptive && elements(p->in) < INT32_MAX;
    over_planes(p, !in_lines ? bodies[dtype] : is_pairs(p) ? max_f32_pairs : max_f32_lines, &j);
}
