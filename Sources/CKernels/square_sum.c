#include "square_sum.h"

#include <math.h>
#include <string.h>

static double magnitude(const void *x, int64_t i, bool is_double) {
    return fabs(is_double ? ((const double *)x)[i] : (double)((const float *)x)[i]);
}

double apus_largest_magnitude(const void *x, int64_t count, bool is_double) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++) {
        double m = magnitude(x, i, is_double);
        if (m != m) return m;
        if (m > largest) largest = m;
    }
    return largest;
}

void apus_square_sum(const void *x, int64_t count, bool is_double, double scale, uint64_t sum[2]) {
    unsigned __int128 total = (unsigned __int128)sum[1] << 64 | sum[0];
    for (int64_t i = 0; i < count; i++) {
        double m = magnitude(x, i, is_double) * scale;
        // The square of a float32 is exact; that of a float64 is rounded, each for itself.
        double square = m * m;
        uint64_t bits;
        memcpy(&bits, &square, sizeof bits);
        uint64_t significand = (bits & 0xFFFFFFFFFFFFF) | 0x10000000000000;
        int shift = (int)(bits >> 52) - 1075 + 84;
        if (shift >= 0) total += (unsigned __int128)significand << shift;
        else if (shift > -64) total += significand >> -shift;
    }
    sum[0] = (uint64_t)total;
    sum[1] = (uint64_t)(total >> 64);
}
