// What products of float32 and of bfloat16 share.
#ifndef APUS_PRODUCT_H
#define APUS_PRODUCT_H

#include "gemm.h"
#include "tensor.h"

/// The matrix in BLAS terms: 'N' for contiguous rows, 'T' for contiguous columns, with leading dimension `ld`; 0 if neither is contiguous.
char apus_dense(int64_t rows, int64_t columns, int64_t row, int64_t column, int64_t *_Nonnull ld);

typedef struct {
    int64_t row_block, row_blocks, column_block, column_blocks;
} apus_tiles;

/// Cuts an m × n result into at least `wanted` tiles, if they keep 32 rows or columns, of at most `most_rows` rows: depends on the shape
/// alone.
apus_tiles apus_cut_product(int64_t m, int64_t n, int64_t most_rows, int64_t wanted);

/// A product of bfloat16 matrices into `dtype`, bfloat16 or float32, summed in float32 and rounded once, in at least `tiles` tiles; without
/// `accumulate`. APUS_REFUSED if the processor has no instructions for it, or an operand has neither contiguous rows nor
/// contiguous columns.
apus_outcome apus_product_bfloat16(const apus_gemm *_Nonnull g, int dtype, int64_t tiles);

/// `batches` products of bfloat16 matrices, `*_batch` elements apart, into bfloat16. Small ones are refused too: float32 is faster.
apus_outcome apus_products_bfloat16(const apus_gemm *_Nonnull first, int64_t batches, int64_t a_batch, int64_t b_batch, int64_t c_batch);

#endif
