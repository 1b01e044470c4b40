// Sums of squares that do not depend on the order of their terms.
#ifndef APUS_SQUARE_SUM_H
#define APUS_SQUARE_SUM_H

#include <stdbool.h>
#include <stdint.h>

/// The largest |x[i]|, 0 of none, NaN where there is one; of float32 or float64.
double apus_largest_magnitude(const void *_Nullable x, int64_t count, bool is_double);

/// Adds ⌊(scale·x[i])²·2⁸⁴⌋ for all i to `sum`, a whole number of 128 bits, its lower half first. `scale` is a power of two by which all
/// magnitudes are below 2: then there is room for 2⁴⁰ of them.
void apus_square_sum(const void *_Nullable x, int64_t count, bool is_double, double scale, uint64_t sum[_Nonnull 2]);

#endif
