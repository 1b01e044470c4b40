// Tensors as kernels see them. The numbers of `apus_dtype` are the raw values of Swift's `DType`.
#ifndef APUS_TENSOR_H
#define APUS_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum apus_dtype {
    APUS_BOOL,
    APUS_UINT8,
    APUS_INT8,
    APUS_INT16,
    APUS_INT32,
    APUS_INT64,
    APUS_FLOAT16,
    APUS_BFLOAT16,
    APUS_FLOAT32,
    APUS_FLOAT64,
};

/// Bytes per element, by dtype.
static const uint8_t apus_size[] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8};

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
