// Our own matrix products: any strides, and the same bits for any number of threads and any tiling.
#ifndef APUS_GEMM_H
#define APUS_GEMM_H

#include <stdbool.h>
#include <stdint.h>

/// `c = a·b (+ c if accumulate) (+ bias)`: a is M×K, b is K×N, each with a stride per dimension, in elements. c is M×N with row stride
/// `c_row`. bias, if not NULL, has N elements and is added to each row.
///
/// Each element of c is a sum over K in ascending order within blocks of 256, whatever the tiles, so its bits depend neither on threads nor
/// on other elements. (Products with up to 4 rows or columns use another fixed order.)
typedef struct {
    int64_t m, n, k;
    const void *_Nonnull a;
    int64_t a_row, a_column;
    const void *_Nonnull b;
    int64_t b_row, b_column;
    void *_Nonnull c;
    int64_t c_row;
    const void *_Nullable bias;
    int accumulate;
} apus_gemm;

/// These return false if there is no memory to pack operands.
bool apus_gemm_f32(const apus_gemm *_Nonnull g);
bool apus_gemm_f64(const apus_gemm *_Nonnull g);

/// Integers of 8·`size` bits, wrapping; `size` is 1, 2, 4 or 8. Signed and unsigned give the same bits.
bool apus_gemm_integer(const apus_gemm *_Nonnull g, int size);

/// Products of `batches` pairs of matrices, `*_batch` elements apart (0 repeats one). Small products are distributed over threads; large
/// ones are tiled each.
typedef bool (*apus_gemm_kernel)(const apus_gemm *_Nonnull g, int size);
bool apus_gemm_batched(const apus_gemm *_Nonnull first, int64_t batches, int64_t a_batch, int64_t b_batch, int64_t c_batch, int size,
                       apus_gemm_kernel _Nonnull kernel);
bool apus_gemm_kernel_f32(const apus_gemm *_Nonnull g, int size);
bool apus_gemm_kernel_f64(const apus_gemm *_Nonnull g, int size);

#endif
