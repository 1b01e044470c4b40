// The transforms of Winograd's algorithm (`convolution_winograd.c`), over vectors of squares.
#ifndef APUS_WINOGRAD_TRANSFORMS_H
#define APUS_WINOGRAD_TRANSFORMS_H

#include "core.h"

enum { LANES = 8 };
typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4)));

static const float ROOT_HALF = 0.70710678f, ROOT_TWO = 1.41421356f;

/// Bᵀ d
APUS_INLINE void of_inputs(const lanes *d, lanes *v) {
    lanes even1 = d[4] - 2 * d[2], odd1 = ROOT_HALF * (d[3] - 2 * d[1]), even2 = d[4] - 0.5f * d[2], odd2 = ROOT_TWO * (d[3] - 0.5f * d[1]);
    v[0] = d[0] - 2.5f * d[2] + d[4];
    v[1] = even1 + odd1;
    v[2] = even1 - odd1;
    v[3] = even2 + odd2;
    v[4] = even2 - odd2;
    v[5] = d[1] - 2.5f * d[3] + d[5];
}

/// G g
APUS_INLINE void of_kernel(const lanes *g, lanes *u) {
    lanes even1 = (g[0] + 0.5f * g[2]) * (-2 / 3.0f), odd1 = g[1] * (-2 / 3.0f * ROOT_HALF);
    lanes even2 = (g[0] + 2 * g[2]) * (1 / 6.0f), odd2 = g[1] * (1 / 6.0f * ROOT_TWO);
    u[0] = g[0];
    u[1] = even1 + odd1;
    u[2] = even1 - odd1;
    u[3] = even2 + odd2;
    u[4] = even2 - odd2;
    u[5] = g[2];
}

/// Gᵀ u
APUS_INLINE void to_kernel(const lanes *u, lanes *g) {
    lanes even1 = u[1] + u[2], odd1 = u[1] - u[2], even2 = u[3] + u[4], odd2 = u[3] - u[4];
    g[0] = u[0] - 2 / 3.0f * even1 + 1 / 6.0f * even2;
    g[1] = 1 / 6.0f * ROOT_TWO * odd2 - 2 / 3.0f * ROOT_HALF * odd1;
    g[2] = u[5] + 1 / 3.0f * (even2 - even1);
}

/// A y
APUS_INLINE void of_outputs(const lanes *y, lanes *m) {
    lanes even1 = y[0] + 0.5f * y[2], odd1 = ROOT_HALF * (y[1] + 0.5f * y[3]), even2 = y[0] + 2 * y[2], odd2 = ROOT_TWO * (y[1] + 2 * y[3]);
    m[0] = y[0];
    m[1] = even1 + odd1;
    m[2] = even1 - odd1;
    m[3] = even2 + odd2;
    m[4] = even2 - odd2;
    m[5] = y[3];
}

/// Aᵀ m
APUS_INLINE void to_outputs(const lanes *m, lanes *y) {
    lanes even1 = m[1] + m[2], odd1 = ROOT_HALF * (m[1] - m[2]), even2 = m[3] + m[4], odd2 = ROOT_TWO * (m[3] - m[4]);
    y[0] = m[0] + even1 + even2;
    y[1] = odd1 + odd2;
    y[2] = 0.5f * even1 + 2 * even2;
    y[3] = 0.5f * odd1 + 2 * odd2 + m[5];
}

// Transforms `count` numbers in whole registers: up to LANES − 1 more are read and written, with arbitrary values. The i-th input is at
// from[i], the i-th output at to[i].
typedef void pass(int64_t count, const float *const *from, float *const *to);

#define PASS(name, transform, inputs, outputs)                                                                                             \
    APUS_CLONES static void name(int64_t count, const float *const *from, float *const *to) {                                              \
        for (int64_t t = 0; t < count; t += LANES) {                                                                                       \
            lanes in[inputs], out[outputs];                                                                                                \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < inputs; i++) in[i] = *(const lanes *)(from[i] + t);                     \
            transform(in, out);                                                                                                            \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < outputs; i++) * (lanes *)(to[i] + t) = out[i];                          \
        }                                                                                                                                  \
    }

PASS(columns_of_inputs, of_inputs, 6, 6)
PASS(columns_of_outputs, of_outputs, 4, 6)
PASS(columns_to_outputs, to_outputs, 6, 4)
PASS(columns_of_kernels, of_kernel, 3, 6)
PASS(columns_to_kernels, to_kernel, 6, 3)

// Splits a row of an image into the columns of its squares: columns[i][t] = row[4·t + i].
APUS_INLINE void deal(const float *row, lanes columns[4]) {
    lanes r0 = *(const lanes *)row, r1 = *(const lanes *)(row + LANES), r2 = *(const lanes *)(row + 2 * LANES),
          r3 = *(const lanes *)(row + 3 * LANES);
    lanes first = __builtin_shufflevector(r0, r1, 0, 4, 8, 12, 1, 5, 9, 13),
          second = __builtin_shufflevector(r2, r3, 0, 4, 8, 12, 1, 5, 9, 13);
    columns[0] = __builtin_shufflevector(first, second, 0, 1, 2, 3, 8, 9, 10, 11);
    columns[1] = __builtin_shufflevector(first, second, 4, 5, 6, 7, 12, 13, 14, 15);
    first = __builtin_shufflevector(r0, r1, 2, 6, 10, 14, 3, 7, 11, 15),
    second = __builtin_shufflevector(r2, r3, 2, 6, 10, 14, 3, 7, 11, 15);
    columns[2] = __builtin_shufflevector(first, second, 0, 1, 2, 3, 8, 9, 10, 11);
    columns[3] = __builtin_shufflevector(first, second, 4, 5, 6, 7, 12, 13, 14, 15);
}

// The inverse of `deal`.
APUS_INLINE void collect(const lanes columns[4], float *row) {
    for (int half = 0; half < 2; half++, row += 2 * LANES) {
        lanes even = half ? __builtin_shufflevector(columns[0], columns[1], 4, 12, 5, 13, 6, 14, 7, 15)
                          : __builtin_shufflevector(columns[0], columns[1], 0, 8, 1, 9, 2, 10, 3, 11);
        lanes odd = half ? __builtin_shufflevector(columns[2], columns[3], 4, 12, 5, 13, 6, 14, 7, 15)
                         : __builtin_shufflevector(columns[2], columns[3], 0, 8, 1, 9, 2, 10, 3, 11);
        *(lanes *)row = __builtin_shufflevector(even, odd, 0, 1, 8, 9, 2, 3, 10, 11);
        *(lanes *)(row + LANES) = __builtin_shufflevector(even, odd, 4, 5, 12, 13, 6, 7, 14, 15);
    }
}

/// Copies n numbers; faster than memcpy for short rows.
APUS_INLINE void copy_row(float *to, const float *from, int64_t n) {
    if (n < LANES) {
        for (int64_t i = 0; i < n; i++) to[i] = from[i];
        return;
    }
    for (int64_t i = 0; i + LANES <= n; i += LANES) *(lanes *)(to + i) = *(const lanes *)(from + i);
    *(lanes *)(to + n - LANES) = *(const lanes *)(from + n - LANES);
}

// Copies a row of n numbers of an image into a zero-padded line, and writes number i of each transformed square to to + i·plane.
typedef void row_pass(const float *row, int64_t n, float *padded, const float *line, int64_t across, float *to, int64_t plane);

APUS_INLINE void row_of(const int taps, const float *row, int64_t n, float *padded, const float *line, int64_t across, float *to,
                        int64_t plane) {
    copy_row(padded, row, n);
    for (int64_t t = 0; t < across; t += LANES) {
        lanes in[8], out[6];
        deal(line + 4 * t, in);
        if (taps == 6) deal(line + 4 * t + 4, in + 4);
        if (taps == 6) of_inputs(in, out);
        else of_outputs(in, out);
        for (int i = 0; i < 6; i++) *(lanes *)(to + i * plane + t) = out[i];
    }
}

APUS_CLONES static void row_of_inputs(const float *row, int64_t n, float *padded, const float *line, int64_t across, float *to,
                                      int64_t plane) {
    row_of(6, row, n, padded, line, across, to, plane);
}

APUS_CLONES static void row_of_outputs(const float *row, int64_t n, float *padded, const float *line, int64_t across, float *to,
                                       int64_t plane) {
    row_of(4, row, n, padded, line, across, to, plane);
}

APUS_CLONES static void row_to_outputs(const float *from, int64_t plane, int64_t across, float bias, float *line, float *row, int64_t n) {
    for (int64_t t = 0; t < across; t += LANES) {
        lanes in[6], out[4];
        for (int i = 0; i < 6; i++) in[i] = *(const lanes *)(from + i * plane + t);
        to_outputs(in, out);
        for (int i = 0; i < 4; i++) out[i] += bias;
        collect(out, line + 4 * t);
    }
    copy_row(row, line, n);
}

#endif
