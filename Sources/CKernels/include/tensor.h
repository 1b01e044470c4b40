// Tensors as kernels see them.
#ifndef APUS_TENSOR_H
#define APUS_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The dtypes, with name and bytes per element. Their numbers are the raw values of Swift's `DType`, which `DTypeCodeTests` compares.
#define APUS_DTYPES(DTYPE)                                                                                                                 \
    DTYPE(BOOL, bool, 1)                                                                                                                   \
    DTYPE(UINT8, uint8, 1)                                                                                                                 \
    DTYPE(INT8, int8, 1)                                                                                                                   \
    DTYPE(INT16, int16, 2)                                                                                                                 \
    DTYPE(INT32, int32, 4)                                                                                                                 \
    DTYPE(INT64, int64, 8)                                                                                                                 \
    DTYPE(FLOAT16, float16, 2)                                                                                                             \
    DTYPE(BFLOAT16, bfloat16, 2)                                                                                                           \
    DTYPE(FLOAT32, float32, 4)                                                                                                             \
    DTYPE(FLOAT64, float64, 8)
#define APUS_DTYPE_CODE(CODE, NAME, SIZE) APUS_##CODE,
#define APUS_DTYPE_SIZE(CODE, NAME, SIZE) [APUS_##CODE] = SIZE,
#define APUS_DTYPE_NAME(CODE, NAME, SIZE) [APUS_##CODE] = #NAME,
#define APUS_DTYPE_ONE(CODE, NAME, SIZE) +1
enum apus_dtype { APUS_DTYPES(APUS_DTYPE_CODE) };
enum { APUS_DTYPE_COUNT = APUS_DTYPES(APUS_DTYPE_ONE) };

/// Bytes per element, by dtype.
static const uint8_t apus_size[] = {APUS_DTYPES(APUS_DTYPE_SIZE)};

static inline const char *_Nonnull apus_dtype_name(int dtype) {
    static const char *const names[] = {APUS_DTYPES(APUS_DTYPE_NAME)};
    return names[dtype];
}

/// A view of memory: the first element, and for each of `rank` dimensions an extent and a stride in elements.
typedef struct {
    void *_Nonnull data;
    const int64_t *_Nonnull shape;
    const int64_t *_Nonnull strides;
    int32_t rank;
    int32_t dtype;
} apus_tensor;

/// The result of a kernel that has an alternative. A kernel without one returns false if there is no memory for its intermediate results.
typedef enum {
    APUS_DONE,
    /// The kernel does not apply to the shape, or is slower; nothing was written.
    APUS_REFUSED,
    /// There was no memory for intermediate results; the output is undefined.
    APUS_NO_MEMORY,
} apus_outcome;

/// The constants of a pointwise kernel, for floats and for integers: a double cannot hold every int64.
typedef struct {
    int64_t a, b, c;
} apus_integers;
typedef struct {
    double a, b, c;
    apus_integers integers;
} apus_parameters;

#endif
