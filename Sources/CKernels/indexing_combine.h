// Combines two elements, for each dtype.
#ifndef APUS_INDEXING_COMBINE_H
#define APUS_INDEXING_COMBINE_H

#include "core.h"

#define COMBINATION(NAME, T, SUM, PRODUCT)                                                                                                 \
    APUS_INLINE T NAME(apus_scatter_kind kind, T a, T b) {                                                                                 \
        switch (kind) {                                                                                                                    \
        case APUS_SCATTER_set: return b;                                                                                                   \
        case APUS_SCATTER_add: return SUM;                                                                                                 \
        case APUS_SCATTER_multiply: return PRODUCT;                                                                                        \
        case APUS_SCATTER_min: return ((b < a) | (b != b)) ? b : a;                                                                        \
        case APUS_SCATTER_max: return ((b > a) | (b != b)) ? b : a;                                                                        \
        }                                                                                                                                  \
    }
COMBINATION(combined_float, float, a + b, a *b)
COMBINATION(combined_double, double, a + b, a *b)
// Integer sums and products wrap: they are computed as unsigned.
COMBINATION(combined_integer, int64_t, (int64_t)((uint64_t)a + (uint64_t)b), (int64_t)((uint64_t)a *(uint64_t)b))

// 16-bit floats are computed in float and rounded each time.
#define COMBINE_FLOATS(T, kind, a, b) combined_float(kind, a, b)
#define COMBINE_DOUBLES(T, kind, a, b) combined_double(kind, a, b)
#define COMBINE_INTEGERS(T, kind, a, b) ((T)combined_integer(kind, (int64_t)(a), (int64_t)(b)))
#define COMBINE_BOOLS(T, kind, a, b) ((T)(combined_integer(kind, (a) != 0, (b) != 0) != 0))
#define COMBINE_HALVES(T, kind, a, b) ((T)combined_float(kind, (float)(a), (float)(b)))
#define COMBINE_BFLOATS(T, kind, a, b) float_to_bfloat(combined_float(kind, bfloat_to_float(a), bfloat_to_float(b)))

#define EACH_DTYPE(X)                                                                                                                      \
    X(APUS_BOOL, boolean, apus_bool, COMBINE_BOOLS)                                                                                        \
    X(APUS_UINT8, uint8, uint8_t, COMBINE_INTEGERS)                                                                                        \
    X(APUS_INT8, int8, int8_t, COMBINE_INTEGERS)                                                                                           \
    X(APUS_INT16, int16, int16_t, COMBINE_INTEGERS)                                                                                        \
    X(APUS_INT32, int32, int32_t, COMBINE_INTEGERS)                                                                                        \
    X(APUS_INT64, int64, int64_t, COMBINE_INTEGERS)                                                                                        \
    X(APUS_FLOAT16, float16, apus_half, COMBINE_HALVES)                                                                                    \
    X(APUS_BFLOAT16, bfloat16, apus_bfloat, COMBINE_BFLOATS)                                                                               \
    X(APUS_FLOAT32, float32, float, COMBINE_FLOATS)                                                                                        \
    X(APUS_FLOAT64, float64, double, COMBINE_DOUBLES)

#endif
