// Combines two elements, for each dtype.
#ifndef APUS_INDEXING_COMBINE_H
#define APUS_INDEXING_COMBINE_H

#include "core.h"

// The kinds of `ScatterKind`. 16-bit floats are computed in float and rounded each time.
enum { SET, ADD, MULTIPLY, MINIMUM, MAXIMUM };
#define COMBINE(T, kind, a, b)                                                                                                             \
    ((kind) == SET        ? (b)                                                                                                            \
     : (kind) == ADD      ? (T)((a) + (b))                                                                                                 \
     : (kind) == MULTIPLY ? (T)((a) * (b))                                                                                                 \
     : (kind) == MINIMUM  ? ((((b) < (a)) | ((b) != (b))) ? (b) : (a))                                                                     \
                          : ((((b) > (a)) | ((b) != (b))) ? (b) : (a)))
/// Integer sums and products wrap: they are computed in unsigned 64-bit.
#define COMBINE_INTEGERS(T, kind, a, b)                                                                                                    \
    ((kind) == ADD        ? (T)((uint64_t)(a) + (uint64_t)(b))                                                                             \
     : (kind) == MULTIPLY ? (T)((uint64_t)(a) * (uint64_t)(b))                                                                             \
                          : COMBINE(T, (kind) < MINIMUM ? SET : (kind), a, b))
#define COMBINE_BOOLS(T, kind, a, b)                                                                                                       \
    ((kind) == SET ? (T)((b) != 0) : (kind) == ADD || (kind) == MAXIMUM ? (T)(((a) | (b)) != 0) : (T)(((a) != 0) & ((b) != 0)))
#define COMBINE_HALVES(T, kind, a, b) ((T)COMBINE(float, kind, (float)(a), (float)(b)))
#define COMBINE_BFLOATS(T, kind, a, b) float_to_bfloat(COMBINE(float, kind, bfloat_to_float(a), bfloat_to_float(b)))

#define EACH_DTYPE(X)                                                                                                                      \
    X(APUS_BOOL, boolean, apus_bool, COMBINE_BOOLS)                                                                                        \
    X(APUS_UINT8, uint8, uint8_t, COMBINE_INTEGERS)                                                                                        \
    X(APUS_INT8, int8, int8_t, COMBINE_INTEGERS)                                                                                           \
    X(APUS_INT16, int16, int16_t, COMBINE_INTEGERS)                                                                                        \
    X(APUS_INT32, int32, int32_t, COMBINE_INTEGERS)                                                                                        \
    X(APUS_INT64, int64, int64_t, COMBINE_INTEGERS)                                                                                        \
    X(APUS_FLOAT16, float16, apus_half, COMBINE_HALVES)                                                                                    \
    X(APUS_BFLOAT16, bfloat16, apus_bfloat, COMBINE_BFLOATS)                                                                               \
    X(APUS_FLOAT32, float32, float, COMBINE)                                                                                               \
    X(APUS_FLOAT64, float64, double, COMBINE)

#endif
