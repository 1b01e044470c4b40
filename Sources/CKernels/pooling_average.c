#include "core.h"
#include "pooling_windows.h"
#include "workspace.h"
#include <stdbool.h>
#include <string.h>

// Average pooling.

static inline int64_t divisor(const apus_pool *p, span w0, span w1, span w2) {
    if (p->divisor) return p->divisor;
    if (p->count_include_pad) return w0.padded * w1.padded * w2.padded;
    return (w0.end - w0.begin) * (w1.end - w1.begin) * (w2.end - w2.begin);
}

#define WINDOWS(...)                                                                                                                       \
    for (int64_t o0 = 0; o0 < p->out[0]; o0++) {                                                                                           \
        span w0 = window(p, 0, o0);                                                                                                        \
        for (int64_t o1 = 0; o1 < p->out[1]; o1++) {                                                                                       \
            span w1 = window(p, 1, o1);                                                                                                    \
            for (int64_t o2 = 0; o2 < p->out[2]; o2++) {                                                                                   \
                span w2 = window(p, 2, o2);                                                                                                \
                bool empty = w0.begin >= w0.end || w1.begin >= w1.end || w2.begin >= w2.end;                                               \
                __VA_ARGS__                                                                                                                \
            }                                                                                                                              \
        }                                                                                                                                  \
    }

// A window may be a whole image. float32 is summed in double (short rows in float32 first); double keeps the rounding error too (Knuth's
// two-sum).
typedef struct {
    double sum, lost;
} sum_f64;
typedef double sum_f32;

static inline void add_f32(sum_f32 *s, double value) { *s += value; }
static inline void add_f64(sum_f64 *s, double value) {
    double sum = s->sum + value, back = sum - s->sum;
    s->lost += (s->sum - (sum - back)) + (value - back);
    s->sum = sum;
}
// A division costs more than a small window: for float32 the inverse is computed in double when the divisor changes, and multiplied.
typedef struct {
    int64_t of;
    double inverse;
} divider;
static inline float quotient_f32(sum_f32 s, int64_t by, divider *d) {
    if (by != d->of) *d = (divider){by, 1 / (double)by};
    return (float)(s * d->inverse);
}
// If the sum is infinite or NaN, the rounding error is not a number and is left out.
static inline double total_f64(sum_f64 s) { return s.lost - s.lost == 0 ? s.sum + s.lost : s.sum; }
static inline float total_f32(sum_f32 s) { return (float)s; }
static inline double quotient_f64(sum_f64 s, int64_t by, divider *d) {
    (void)d;
    return total_f64(s) / (double)by;
}

// Adds n elements of a row to several independent sums.
enum { SIDE_BY_SIDE = 8 };
#define LONG_ROW(NAME, T)                                                                                                                  \
    APUS_CLONES static void add_long_row_##NAME(int64_t n, const T *x, sum_##NAME *sides) {                                                \
        int64_t i = 0;                                                                                                                     \
        for (; i + SIDE_BY_SIDE <= n; i += SIDE_BY_SIDE)                                                                                   \
            for (int k = 0; k < SIDE_BY_SIDE; k++) add_##NAME(&sides[k], x[i + k]);                                                        \
        for (; i < n; i++) add_##NAME(sides, x[i]);                                                                                        \
    }
LONG_ROW(f32, float)
LONG_ROW(f64, double)
static inline void join_f32(sum_f32 *s, sum_f32 side) { *s += side; }
static inline void join_f64(sum_f64 *s, sum_f64 side) {
    add_f64(s, side.sum);
    s->lost += side.lost;
}

#define AVERAGE_POOL(NAME, T)                                                                                                              \
    static sum_##NAME long_sum_##NAME(const apus_pool *p, const T *x, span w0, span w1, span w2) {                                         \
        sum_##NAME sum = {0}, sides[SIDE_BY_SIDE];                                                                                         \
        memset(sides, 0, sizeof sides);                                                                                                    \
        for (int64_t i0 = w0.begin; i0 < w0.end; i0++)                                                                                     \
            for (int64_t i1 = w1.begin; i1 < w1.end; i1++)                                                                                 \
                add_long_row_##NAME(w2.end - w2.begin, x + (i0 * p->in[1] + i1) * p->in[2] + w2.begin, sides);                             \
        for (int k = 0; k < SIDE_BY_SIDE; k++) join_##NAME(&sum, sides[k]);                                                                \
        return sum;                                                                                                                        \
    }                                                                                                                                      \
                                                                                                                                           \
    static void average_##NAME(void *context, int64_t first, int64_t last) {                                                               \
        const job *j = context;                                                                                                            \
        const apus_pool *p = j->p;                                                                                                         \
        T *to = (T *)j->to + first * elements(p->out);                                                                                     \
        for (int64_t n = first; n < last; n++) {                                                                                           \
            const T *x = (const T *)j->from + n * elements(p->in);                                                                         \
            divider d = {0, 0};                                                                                                            \
            WINDOWS({                                                                                                                      \
                sum_##NAME sum = {0};                                                                                                      \
                if (w2.end - w2.begin > SIDE_BY_SIDE) sum = long_sum_##NAME(p, x, w0, w1, w2);                                             \
                else                                                                                                                       \
                    for (int64_t i0 = w0.begin; i0 < w0.end; i0++)                                                                         \
                        for (int64_t i1 = w1.begin; i1 < w1.end; i1++) {                                                                   \
                            T row = 0;                                                                                                     \
                            for (int64_t i2 = w2.begin; i2 < w2.end; i2++) row += x[(i0 * p->in[1] + i1) * p->in[2] + i2];                 \
                            add_##NAME(&sum, (double)row);                                                                                 \
                        }                                                                                                                  \
                *to++ = empty ? 0 : quotient_##NAME(sum, divisor(p, w0, w1, w2), &d);                                                      \
            })                                                                                                                             \
        }                                                                                                                                  \
    }                                                                                                                                      \
                                                                                                                                           \
    static void average_backward_##NAME(void *context, int64_t first, int64_t last) {                                                      \
        const job *j = context;                                                                                                            \
        const apus_pool *p = j->p;                                                                                                         \
        const T *grad = (const T *)j->from + first * elements(p->out);                                                                     \
        for (int64_t n = first; n < last; n++) {                                                                                           \
            T *x = (T *)j->to + n * elements(p->in);                                                                                       \
            memset(x, 0, sizeof(T) * (size_t)elements(p->in));                                                                             \
            WINDOWS({                                                                                                                      \
                T g = *grad++;                                                                                                             \
                if (empty) continue;                                                                                                       \
                g /= (T)divisor(p, w0, w1, w2);                                                                                            \
                for (int64_t i0 = w0.begin; i0 < w0.end; i0++)                                                                             \
                    for (int64_t i1 = w1.begin; i1 < w1.end; i1++)                                                                         \
                        for (int64_t i2 = w2.begin; i2 < w2.end; i2++) x[(i0 * p->in[1] + i1) * p->in[2] + i2] += g;                       \
            })                                                                                                                             \
        }                                                                                                                                  \
    }                                                                                                                                      \
                                                                                                                                           \
    /* The same where many windows meet in an element. */                                                                                  \
    static bool long_average_backward_##NAME(void *context, int64_t first, int64_t last) {                                                 \
        const job *j = context;                                                                                                            \
        const apus_pool *p = j->p;                                                                                                         \
        const T *grad = (const T *)j->from + first * elements(p->out);                                                                     \
        int64_t plane = elements(p->in);                                                                                                   \
        sum_##NAME *sums = apus_workspace(APUS_WORKSPACE_PARTIALS, sizeof *sums * (size_t)plane);                                          \
        if (!sums) return false;                                                                                                           \
        for (int64_t n = first; n < last; n++) {                                                                                           \
            T *x = (T *)j->to + n * plane;                                                                                                 \
            memset(sums, 0, sizeof *sums *(size_t)plane);                                                                                  \
            WINDOWS({                                                                                                                      \
                double g = (double)*grad++;                                                                                                \
                if (empty) continue;                                                                                                       \
                g /= (double)divisor(p, w0, w1, w2);                                                                                       \
                for (int64_t i0 = w0.begin; i0 < w0.end; i0++)                                                                             \
                    for (int64_t i1 = w1.begin; i1 < w1.end; i1++)                                                                         \
                        for (int64_t i2 = w2.begin; i2 < w2.end; i2++) add_##NAME(&sums[(i0 * p->in[1] + i1) * p->in[2] + i2], g);         \
            })                                                                                                                             \
            for (int64_t i = 0; i < plane; i++) x[i] = total_##NAME(sums[i]);                                                              \
        }                                                                                                                                  \
        apus_workspace_trim();                                                                                                             \
        return true;                                                                                                                       \
    }

AVERAGE_POOL(f32, float)
AVERAGE_POOL(f64, double)

// Integers: the sum wraps, the quotient is rounded toward zero.
static void average_i64(void *context, int64_t first, int64_t last) {
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

// The maximum number of windows that cover one element.
static int64_t meetings(const apus_pool *p) {
    int64_t most = 1;
    for (int d = 0; d < 3; d++) {
        int64_t in = p->in[d], out = p->out[d];
        if (p->adaptive) most *= in > 0 && out > 0 && in % out != 0 ? out / in + 2 : 1;
        else most *= out < (p->kernel[d] - 1) / p->stride[d] + 1 ? out : (p->kernel[d] - 1) / p->stride[d] + 1;
    }
    return most;
}

void apus_average_pool(const apus_pool *p, int dtype, const void *x, void *out) {
    job j = {p, x, out, 0};
    over_planes(p, dtype == APUS_FLOAT32 ? average_f32 : dtype == APUS_FLOAT64 ? average_f64 : average_i64, &j);
}

bool apus_average_pool_backward(const apus_pool *p, int dtype, const void *grad, void *x) {
    job j = {p, grad, x, 0};
    bool narrow = dtype == APUS_FLOAT32;
    if (meetings(p) > 9)
        return apus_parallel_try(p->planes, planes_grain(p), narrow ? long_average_backward_f32 : long_average_backward_f64, &j);
    over_planes(p, narrow ? average_backward_f32 : average_backward_f64, &j);
    return true;
}
