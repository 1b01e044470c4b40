// Sums of contiguous elements: blocks of at most 1024 elements in vectors of the element type (float32 needs no conversion and loses almost
// nothing in 32 additions per lane); the blocks are summed in double. Order and rounding are the same on every processor.
#ifndef APUS_SUMS_H
#define APUS_SUMS_H

#include "core.h"

typedef float f_vector __attribute__((vector_size(32)));
typedef double d_vector __attribute__((vector_size(32)));

#define LOAD_ELEMENT(V, p, i) ((p)[i])
#define LOAD_VECTOR(V, p, i)                                                                                                               \
    ({                                                                                                                                     \
        V v_;                                                                                                                              \
        __builtin_memcpy(&v_, (p) + (i), sizeof v_);                                                                                       \
        v_;                                                                                                                                \
    })

/// The body of a function of `n` that returns the sum over i < n of `TERM(LOAD, V, i)`, where LOAD(V, p, i) reads a vector or element of p
/// at i.
#define SUM_VECTORS(T, V, TERM)                                                                                                            \
    enum { WIDTH = sizeof(V) / sizeof(T), STEP = 4 * WIDTH };                                                                              \
    double total = 0;                                                                                                                      \
    int64_t i = 0;                                                                                                                         \
    while (n - i >= STEP) {                                                                                                                \
        int64_t end = i + (n - i < 1024 ? (n - i) / STEP * STEP : 1024);                                                                   \
        V s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};                                                                                          \
        for (; i < end; i += STEP) {                                                                                                       \
            s0 += TERM(LOAD_VECTOR, V, i);                                                                                                 \
            s1 += TERM(LOAD_VECTOR, V, i + WIDTH);                                                                                         \
            s2 += TERM(LOAD_VECTOR, V, i + 2 * WIDTH);                                                                                     \
            s3 += TERM(LOAD_VECTOR, V, i + 3 * WIDTH);                                                                                     \
        }                                                                                                                                  \
        s0 = (s0 + s1) + (s2 + s3);                                                                                                        \
        for (int j = 0; j < WIDTH; j++) total += (double)s0[j];                                                                            \
    }                                                                                                                                      \
    for (; i < n; i++) total += (double)(TERM(LOAD_ELEMENT, V, i));                                                                        \
    return total;

/// The body of a function of `n` that returns Σ (x − mean)² and sets `*first` to Σ (x − mean), in the same order.
#define SUM_MOMENTS(T, V)                                                                                                                  \
    enum { WIDTH = sizeof(V) / sizeof(T), STEP = 4 * WIDTH };                                                                              \
    double total = 0, total_first = 0;                                                                                                     \
    int64_t i = 0;                                                                                                                         \
    while (n - i >= STEP) {                                                                                                                \
        int64_t end = i + (n - i < 1024 ? (n - i) / STEP * STEP : 1024);                                                                   \
        V s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, f0 = {0}, f1 = {0}, f2 = {0}, f3 = {0};                                                  \
        for (; i < end; i += STEP) {                                                                                                       \
            V d0 = LOAD_VECTOR(V, x, i) - mean, d1 = LOAD_VECTOR(V, x, i + WIDTH) - mean;                                                  \
            V d2 = LOAD_VECTOR(V, x, i + 2 * WIDTH) - mean, d3 = LOAD_VECTOR(V, x, i + 3 * WIDTH) - mean;                                  \
            s0 += d0 * d0, s1 += d1 * d1, s2 += d2 * d2, s3 += d3 * d3;                                                                    \
            f0 += d0, f1 += d1, f2 += d2, f3 += d3;                                                                                        \
        }                                                                                                                                  \
        s0 = (s0 + s1) + (s2 + s3);                                                                                                        \
        f0 = (f0 + f1) + (f2 + f3);                                                                                                        \
        for (int j = 0; j < WIDTH; j++) total += (double)s0[j], total_first += (double)f0[j];                                              \
    }                                                                                                                                      \
    for (; i < n; i++) total += (double)((x[i] - mean) * (x[i] - mean)), total_first += (double)(x[i] - mean);                             \
    *first = total_first;                                                                                                                  \
    return total;

#define TERM_X(LOAD, V, i) LOAD(V, x, i)
#define TERM_XY(LOAD, V, i) (LOAD(V, x, i) * LOAD(V, y, i))
#define TERM_CENTERED(LOAD, V, i) (LOAD(V, g, i) * (LOAD(V, x, i) - mean))
#define TERM_WEIGHTED(LOAD, V, i) (LOAD(V, g, i) * LOAD(V, w, i) * (LOAD(V, x, i) - mean))

#define SUMS(P, T)                                                                                                                         \
    /** Σ x */                                                                                                                            \
    APUS_INLINE double P##_sum(int64_t n, const T *x){SUM_VECTORS(T, P##_vector, TERM_X)} /** Σ x·y */                                   \
    APUS_INLINE double P##_dot(int64_t n, const T *x, const T *y){SUM_VECTORS(T, P##_vector, TERM_XY)}                                     \
    /** Σ (x − mean)², and Σ (x − mean) into `first` */                                                                             \
    APUS_INLINE double P##_moments(int64_t n, const T *x, T mean, double *first){SUM_MOMENTS(T, P##_vector)}                               \
    /** Σ g·(x − mean), Σ g·w·(x − mean) */                                                                                       \
    APUS_INLINE double P##_centered_dot(int64_t n, const T *g, const T *x, T mean){                                                        \
        SUM_VECTORS(T, P##_vector, TERM_CENTERED)} APUS_INLINE double P##_weighted_centered_dot(int64_t n, const T *g, const T *w,         \
                                                                                                const T *x, T mean) {                      \
        SUM_VECTORS(T, P##_vector, TERM_WEIGHTED)                                                                                          \
    }
SUMS(f, float)
SUMS(d, double)

#endif
