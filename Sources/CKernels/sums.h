// Sums of contiguous elements in float64, in interleaved parts that the compiler keeps in vector registers.
#ifndef APUS_SUMS_H
#define APUS_SUMS_H

#include "core.h"

#define LANES 16

/// The body of a function of `n` that returns the sum of `TERM` (an expression of i) over i < n.
#define SUM_LANES(TERM)                                                                                                     \
    double lanes[LANES] = {0};                                                                                              \
    int64_t at = 0;                                                                                                         \
    for (; at + LANES <= n; at += LANES)                                                                                    \
        for (int j = 0; j < LANES; j++) {                                                                                   \
            int64_t i = at + j;                                                                                             \
            lanes[j] += (double)(TERM);                                                                                     \
        }                                                                                                                   \
    for (int j = 0; at < n; at++, j++) {                                                                                    \
        int64_t i = at;                                                                                                     \
        lanes[j] += (double)(TERM);                                                                                         \
    }                                                                                                                       \
    for (int width = LANES / 2; width > 0; width /= 2)                                                                      \
        for (int j = 0; j < width; j++) lanes[j] += lanes[j + width];                                                       \
    return lanes[0];

#endif
