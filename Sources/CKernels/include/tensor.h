// What the kernels know of a tensor. The numbers of `apus_dtype` are the raw values of Swift's `DType`.
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

/// Bytes of an element, by its dtype.
static const uint8_t apus_size[] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8};

/// A view of memory: the first element, and for each of `rank` dimensions an extent and a stride in elements.
typedef struct {
    void *_Nonnull data;
    const int64_t *_Nonnull shape;
    const int64_t *_Nonnull strides;
    int32_t rank;
    int32_t dtype;
} apus_tensor;

/// What became of a kernel that another may stand in for. One that nothing stands in for returns whether there was memory for its
/// intermediate results.
typedef enum {
    APUS_DONE,
    /// By the shape alone it does not apply, or is slower; nothing was written.
    APUS_REFUSED,
    /// There was no memory for intermediate results. What has been written means nothing.
    APUS_NO_MEMORY,
} apus_outcome;

/// Constants of a pointwise kernel, as kernels of floats read them and as those of integers do: a double has not all the bits of an int64.
typedef struct {
    int64_t a, b, c;
} apus_integers;
typedef struct {
    double a, b, c;
    apus_integers integers;
} apus_parameters;

#endif
