#include "pooling.h"
#include "core.h"
#include "parallel.h"
#include "workspace.h"
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

// The part of a window within the input along one dimension, and its length within the padded input.
typedef struct {
    int64_t begin, end, step, padded;
} span;

static inline span window(const apus_pool *p, int d, int64_t o)
{
    int64_t in = p->in[d];
    if (p->adaptive) {
        int64_t n = p->out[d], begin = o * in / n, end = ((o + 1) * in + n - 1) / n;
        return (span){begin, end, 1, end - begin};
    }
    int64_t begin = o * p->stride[d] - p->padding[d], step = p->dilation[d];
    int64_t end = begin + (p->kernel[d] - 1) * step + 1;
    int64_t padded = (end < in + p->padding[d] ? end : in + p->padding[d]) - begin;
    if (begin < 0) begin += (-begin + step - 1) / step * step;
    if (end > in) end = in;
    return (span){begin, end, step, padded};
}

typedef struct {
    const apus_pool *p;
    const void *from;
    void *to;
    int64_t *indices;
} job;

static int64_t elements(const int64_t extents[3]) { return extents[0] * extents[1] * extents[2]; }

static void over_planes(const apus_pool *p, void (*body)(void *, int64_t, int64_t), job *j)
{
    // A plane's work is its windows; cheap planes go several at a time.
    int64_t taps = p->adaptive ? elements(p->in) : elements(p->out) * elements(p->kernel);
    apus_parallel_for(p->planes, 32768 / (taps + 1) + 1, body, j);
}

// MARK: Maxima

#define MAX_POOL(NAME, T, LOWEST)                                                                                       \
    static void max_##NAME(void *context, int64_t first, int64_t last)                                                  \
    {                                                                                                                   \
        const job *j = context;                                                                                         \
        const apus_pool *p = j->p;                                                                                      \
        int64_t plane = elements(p->in);                                                                                \
        T *to = (T *)j->to + first * elements(p->out);                                                                  \
        int64_t *index = j->indices + first * elements(p->out);                                                         \
        for (int64_t n = first; n < last; n++) {                                                                        \
            const T *x = (const T *)j->from + n * plane;                                                                \
            for (int64_t o0 = 0; o0 < p->out[0]; o0++) {                                                                \
                span w0 = window(p, 0, o0);                                                                             \
                for (int64_t o1 = 0; o1 < p->out[1]; o1++) {                                                            \
                    span w1 = window(p, 1, o1);                                                                         \
                    for (int64_t o2 = 0; o2 < p->out[2]; o2++) {                                                        \
                        span w2 = window(p, 2, o2);                                                                     \
                        T best = LOWEST;                                                                                \
                        int64_t at = (w0.begin * p->in[1] + w1.begin) * p->in[2] + w2.begin;                            \
                        if (at >= plane) at = plane - 1;                                                                \
                        for (int64_t i0 = w0.begin; i0 < w0.end; i0 += w0.step) {                                       \
                            for (int64_t i1 = w1.begin; i1 < w1.end; i1 += w1.step) {                                   \
                                int64_t line = (i0 * p->in[1] + i1) * p->in[2];                                         \
                                for (int64_t i2 = w2.begin; i2 < w2.end; i2 += w2.step) {                               \
                                    T value = x[line + i2];                                                             \
                                    if (value > best || value != value) best = value, at = line + i2;                   \
                                }                                                                                       \
                            }                                                                                           \
                        }                                                                                               \
                        *to++ = best;                                                                                   \
                        *index++ = at;                                                                                  \
                    }                                                                                                   \
                }                                                                                                       \
            }                                                                                                           \
        }                                                                                                               \
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

// What most networks do: windows of 2 × 2 side by side, in float32, four at a time.
typedef float floats4 __attribute__((vector_size(16), aligned(4)));
typedef int32_t places4 __attribute__((vector_size(16)));
typedef int64_t indices4 __attribute__((vector_size(32), aligned(8)));

#define TAKE(value, place)                                                                                   \
    {                                                                                                        \
        places4 take = ((value) > best) | ((value) != (value));                                              \
        best = (floats4)((take & (places4)(value)) | (~take & (places4)best));                               \
        at = (take & (place)) | (~take & at);                                                                \
    }
APUS_INLINE void max_four_pairs(const float *upper, const float *lower, int32_t first, int32_t width, float *to, int64_t *index)
{
    floats4 u0 = *(const floats4 *)upper, u1 = *(const floats4 *)(upper + 4), l0 = *(const floats4 *)lower, l1 = *(const floats4 *)(lower + 4);
    places4 at = first + (places4){0, 2, 4, 6}, place = at;
    floats4 best = __builtin_shufflevector(u0, u1, 0, 2, 4, 6);
    TAKE(__builtin_shufflevector(u0, u1, 1, 3, 5, 7), place + 1)
    TAKE(__builtin_shufflevector(l0, l1, 0, 2, 4, 6), place + width)
    TAKE(__builtin_shufflevector(l0, l1, 1, 3, 5, 7), place + width + 1)
    *(floats4 *)to = best;
    *(indices4 *)index = __builtin_convertvector(at, indices4);
}
#undef TAKE

APUS_CLONES static void max_pairs(const float *upper, const float *lower, int32_t at, int32_t width, int64_t count, float *to, int64_t *index)
{
    for (int64_t o = 0; o < count; o += 4) {
        // The last four begin among those before.
        int64_t from = o + 4 <= count ? o : count - 4;
        max_four_pairs(upper + 2 * from, lower + 2 * from, at + 2 * (int32_t)from, width, to + from, index + from);
    }
}

static void max_f32_pairs(void *context, int64_t first, int64_t last)
{
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

// Any other windows in float32: a tap at a time for a whole line of outputs, in the order that a window is walked in.
enum { LINE = 512 };

static inline __attribute__((always_inline)) void take_tap(const float *x, int64_t stride, int32_t at, int64_t count, float *best, int32_t *place)
{
    for (int64_t o = 0; o < count; o++) {
        float value = x[o * stride];
        bool take = (value > best[o]) | (value != value);
        best[o] = take ? value : best[o];
        place[o] = take ? at + (int32_t)(o * stride) : place[o];
    }
}
APUS_CLONES static void take_tap_of(const float *restrict x, int64_t stride, int32_t at, int64_t count, float *restrict best, int32_t *restrict place)
{
    if (stride == 1) take_tap(x, 1, at, count, best, place);
    else if (stride == 2) take_tap(x, 2, at, count, best, place);
    else take_tap(x, stride, at, count, best, place);
}

static void max_f32_line(const apus_pool *p, const float *x, span w0, span w1, int64_t first, int64_t count, float *to, int64_t *index)
{
    int32_t place[LINE];
    int64_t plane = elements(p->in), width = p->in[2], stride = p->stride[2];
    for (int64_t o = 0; o < count; o++) {
        int64_t at = (w0.begin * p->in[1] + w1.begin) * width + window(p, 2, first + o).begin;
        place[o] = (int32_t)(at < plane ? at : plane - 1);
        to[o] = -INFINITY;
    }
    for (int64_t i0 = w0.begin; i0 < w0.end; i0 += w0.step) {
        for (int64_t i1 = w1.begin; i1 < w1.end; i1 += w1.step) {
            int64_t line = (i0 * p->in[1] + i1) * width;
            for (int64_t k = 0; k < p->kernel[2]; k++) {
                // The outputs whose tap k is within the line.
                int64_t column = first * stride - p->padding[2] + k * p->dilation[2];
                int64_t skipped = column < 0 ? (-column + stride - 1) / stride : 0;
                int64_t end = column < width ? (width - column + stride - 1) / stride : 0;
                if (end > count) end = count;
                column += skipped * stride;
                if (skipped < end) take_tap_of(x + line + column, stride, (int32_t)(line + column), end - skipped, to + skipped, place + skipped);
            }
        }
    }
    for (int64_t o = 0; o < count; o++) index[o] = place[o];
}

static void max_f32_lines(void *context, int64_t first, int64_t last)
{
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

static bool is_pairs(const apus_pool *p)
{
    if (p->kernel[0] != 1 || p->in[0] != 1 || p->out[0] != 1 || p->padding[0] || p->out[2] < 4) return false;
    for (int d = 1; d < 3; d++) {
        if (p->kernel[d] != 2 || p->stride[d] != 2 || p->padding[d] || p->dilation[d] != 1 || 2 * p->out[d] > p->in[d]) return false;
    }
    return true;
}

void apus_max_pool(const apus_pool *p, apus_pool_type type, const void *x, void *out, int64_t *indices)
{
    static void (*const bodies[])(void *, int64_t, int64_t) = {max_f32, max_f64, max_u8, max_i8, max_i16, max_i32, max_i64};
    job j = {p, x, out, indices};
    bool in_lines = type == APUS_POOL_F32 && !p->adaptive && elements(p->in) < INT32_MAX;
    over_planes(p, !in_lines ? bodies[type] : is_pairs(p) ? max_f32_pairs : max_f32_lines, &j);
}

// MARK: Means

static inline int64_t divisor(const apus_pool *p, span w0, span w1, span w2)
{
    if (p->divisor) return p->divisor;
    if (p->count_include_pad) return w0.padded * w1.padded * w2.padded;
    return (w0.end - w0.begin) * (w1.end - w1.begin) * (w2.end - w2.begin);
}

#define WINDOWS(...)                                                                           \
    for (int64_t o0 = 0; o0 < p->out[0]; o0++) {                                               \
        span w0 = window(p, 0, o0);                                                            \
        for (int64_t o1 = 0; o1 < p->out[1]; o1++) {                                           \
            span w1 = window(p, 1, o1);                                                        \
            for (int64_t o2 = 0; o2 < p->out[2]; o2++) {                                       \
                span w2 = window(p, 2, o2);                                                    \
                bool empty = w0.begin >= w0.end || w1.begin >= w1.end || w2.begin >= w2.end;   \
                __VA_ARGS__                                                                    \
            }                                                                                  \
        }                                                                                      \
    }

// A window may be a whole picture. Sums of float32 are made in double; those of double keep what rounding loses of them (Knuth's two-sum).
typedef struct {
    double sum, lost;
} sum_f64;
typedef double sum_f32;

static inline void add_f32(sum_f32 *s, double value) { *s += value; }
static inline void add_f64(sum_f64 *s, double value)
{
    double sum = s->sum + value, back = sum - s->sum;
    s->lost += (s->sum - (sum - back)) + (value - back);
    s->sum = sum;
}
// A division costs more than a small window: float32 multiplies by the inverse in double, which is computed where the divisor changes.
typedef struct {
    int64_t of;
    double inverse;
} divider;
static inline float quotient_f32(sum_f32 s, int64_t by, divider *d)
{
    if (by != d->of) *d = (divider){by, 1 / (double)by};
    return (float)(s * d->inverse);
}
// Where the sum is infinite or no number, so is what it lost.
static inline double total_f64(sum_f64 s) { return s.lost - s.lost == 0 ? s.sum + s.lost : s.sum; }
static inline float total_f32(sum_f32 s) { return (float)s; }
static inline double quotient_f64(sum_f64 s, int64_t by, divider *d)
{
    (void)d;
    return total_f64(s) / (double)by;
}

// n elements of a row in several sums side by side.
enum { SIDE_BY_SIDE = 8 };
#define LONG_ROW(NAME, T)                                                                                               \
    APUS_CLONES static void add_long_row_##NAME(int64_t n, const T *x, sum_##NAME *sides)                               \
    {                                                                                                                   \
        int64_t i = 0;                                                                                                  \
        for (; i + SIDE_BY_SIDE <= n; i += SIDE_BY_SIDE)                                                                \
            for (int k = 0; k < SIDE_BY_SIDE; k++) add_##NAME(&sides[k], x[i + k]);                                     \
        for (; i < n; i++) add_##NAME(sides, x[i]);                                                                     \
    }
LONG_ROW(f32, float)
LONG_ROW(f64, double)
static inline void join_f32(sum_f32 *s, sum_f32 side) { *s += side; }
static inline void join_f64(sum_f64 *s, sum_f64 side)
{
    add_f64(s, side.sum);
    s->lost += side.lost;
}

#define AVERAGE_POOL(NAME, T)                                                                                           \
    static sum_##NAME long_sum_##NAME(const apus_pool *p, const T *x, span w0, span w1, span w2)                        \
    {                                                                                                                   \
        sum_##NAME sum = {0}, sides[SIDE_BY_SIDE];                                                                      \
        memset(sides, 0, sizeof sides);                                                                                 \
        for (int64_t i0 = w0.begin; i0 < w0.end; i0++)                                                                  \
            for (int64_t i1 = w1.begin; i1 < w1.end; i1++)                                                              \
                add_long_row_##NAME(w2.end - w2.begin, x + (i0 * p->in[1] + i1) * p->in[2] + w2.begin, sides);          \
        for (int k = 0; k < SIDE_BY_SIDE; k++) join_##NAME(&sum, sides[k]);                                             \
        return sum;                                                                                                     \
    }                                                                                                                   \
                                                                                                                        \
    static void average_##NAME(void *context, int64_t first, int64_t last)                                              \
    {                                                                                                                   \
        const job *j = context;                                                                                         \
        const apus_pool *p = j->p;                                                                                      \
        T *to = (T *)j->to + first * elements(p->out);                                                                  \
        for (int64_t n = first; n < last; n++) {                                                                        \
            const T *x = (const T *)j->from + n * elements(p->in);                                                      \
            divider d = {0, 0};                                                                                         \
            WINDOWS({                                                                                                   \
                sum_##NAME sum = {0};                                                                                   \
                if (w2.end - w2.begin > SIDE_BY_SIDE)                                                                   \
                    sum = long_sum_##NAME(p, x, w0, w1, w2);                                                            \
                else for (int64_t i0 = w0.begin; i0 < w0.end; i0++)                                                     \
                    for (int64_t i1 = w1.begin; i1 < w1.end; i1++) {                                                    \
                        T row = 0;                                                                                      \
                        for (int64_t i2 = w2.begin; i2 < w2.end; i2++) row += x[(i0 * p->in[1] + i1) * p->in[2] + i2];  \
                        add_##NAME(&sum, (double)row);                                                                  \
                    }                                                                                                   \
                *to++ = empty ? 0 : quotient_##NAME(sum, divisor(p, w0, w1, w2), &d);                                   \
            })                                                                                                          \
        }                                                                                                               \
    }                                                                                                                   \
                                                                                                                        \
    static void average_backward_##NAME(void *context, int64_t first, int64_t last)                                     \
    {                                                                                                                   \
        const job *j = context;                                                                                         \
        const apus_pool *p = j->p;                                                                                      \
        const T *grad = (const T *)j->from + first * elements(p->out);                                                  \
        for (int64_t n = first; n < last; n++) {                                                                        \
            T *x = (T *)j->to + n * elements(p->in);                                                                    \
            memset(x, 0, sizeof(T) * (size_t)elements(p->in));                                                          \
            WINDOWS({                                                                                                   \
                T g = *grad++;                                                                                          \
                if (empty) continue;                                                                                    \
                g /= (T)divisor(p, w0, w1, w2);                                                                         \
                for (int64_t i0 = w0.begin; i0 < w0.end; i0++)                                                          \
                    for (int64_t i1 = w1.begin; i1 < w1.end; i1++)                                                      \
                        for (int64_t i2 = w2.begin; i2 < w2.end; i2++) x[(i0 * p->in[1] + i1) * p->in[2] + i2] += g;    \
            })                                                                                                          \
        }                                                                                                               \
    }                                                                                                                   \
                                                                                                                        \
    /* The same where many windows meet in an element. */                                                               \
    static void long_average_backward_##NAME(void *context, int64_t first, int64_t last)                                \
    {                                                                                                                   \
        const job *j = context;                                                                                         \
        const apus_pool *p = j->p;                                                                                      \
        const T *grad = (const T *)j->from + first * elements(p->out);                                                  \
        int64_t plane = elements(p->in);                                                                                \
        sum_##NAME *sums = apus_workspace(APUS_WORKSPACE_PARTIALS, sizeof *sums * (size_t)plane);                       \
        for (int64_t n = first; n < last; n++) {                                                                        \
            T *x = (T *)j->to + n * plane;                                                                              \
            memset(sums, 0, sizeof *sums * (size_t)plane);                                                              \
            WINDOWS({                                                                                                   \
                double g = (double)*grad++;                                                                             \
                if (empty) continue;                                                                                    \
                g /= (double)divisor(p, w0, w1, w2);                                                                    \
                for (int64_t i0 = w0.begin; i0 < w0.end; i0++)                                                          \
                    for (int64_t i1 = w1.begin; i1 < w1.end; i1++)                                                      \
                        for (int64_t i2 = w2.begin; i2 < w2.end; i2++) add_##NAME(&sums[(i0 * p->in[1] + i1) * p->in[2] + i2], g); \
            })                                                                                                          \
            for (int64_t i = 0; i < plane; i++) x[i] = total_##NAME(sums[i]);                                           \
        }                                                                                                               \
        apus_workspace_trim();                                                                                          \
    }

AVERAGE_POOL(f32, float)
AVERAGE_POOL(f64, double)

// Integers: a sum that wraps, divided toward zero.
static void average_i64(void *context, int64_t first, int64_t last)
{
    const job *j = context;
    const apus_pool *p = j->p;
    int64_t *to = (int64_t *)j->to + first * elements(p->out);
    for (int64_t n = first; n < last; n++) {
        const int64_t *x = (const int64_t *)j->from + n * elements(p->in);
        WINDOWS({
            uint64_t sum = 0;
            for (int64_t i0 = w0.begin; i0 < w0.end; i0++)
                for (int64_t i1 = w1.begin; i1 < w1.end; i1++)
                    for (int64_t i2 = w2.begin; i2 < w2.end; i2++) sum += (uint64_t)x[(i0 * p->in[1] + i1) * p->in[2] + i2];
            int64_t by = divisor(p, w0, w1, w2);
            *to++ = empty ? 0 : by == -1 ? (int64_t)(0 - sum) : (int64_t)sum / by;
        })
    }
}

// The most windows that have an element in common.
static int64_t meetings(const apus_pool *p)
{
    int64_t most = 1;
    for (int d = 0; d < 3; d++) {
        int64_t in = p->in[d], out = p->out[d];
        if (p->adaptive) most *= in > 0 && out > 0 && in % out != 0 ? out / in + 2 : 1;
        else most *= out < (p->kernel[d] - 1) / p->stride[d] + 1 ? out : (p->kernel[d] - 1) / p->stride[d] + 1;
    }
    return most;
}

void apus_average_pool(const apus_pool *p, apus_pool_type type, const void *x, void *out)
{
    job j = {p, x, out, 0};
    over_planes(p, type == APUS_POOL_F32 ? average_f32 : type == APUS_POOL_F64 ? average_f64 : average_i64, &j);
}

void apus_average_pool_backward(const apus_pool *p, apus_pool_type type, const void *grad, void *x)
{
    job j = {p, grad, x, 0};
    bool few = meetings(p) <= 9;
    if (type == APUS_POOL_F32) over_planes(p, few ? average_backward_f32 : long_average_backward_f32, &j);
    else over_planes(p, few ? average_backward_f64 : long_average_backward_f64, &j);
}
