// Reads and writes elements at given indices. Indices are contiguous int64 and have been checked by `apus_first_outside`.
#ifndef APUS_INDEXING_H
#define APUS_INDEXING_H

#include "kinds.h"
#include "tensor.h"

/// The position of the first index that is not in 0 ..< size, -1 if there is none.
int64_t apus_first_outside(int64_t n, const int64_t *_Nonnull index, int64_t size);

/// `out[…, j, …] = x[…, index[j], …]` along `dim`; out is contiguous.
void apus_index_select(const apus_tensor *_Nonnull x, int dim, int64_t count, const int64_t *_Nonnull index, void *_Nonnull out);
/// `out[…, index[j], …] += source[…, j, …]` in order of j; both are contiguous with shape [outer, size or count, inner]. Returns false if
/// there is no memory to group equal indices.
bool apus_index_add(int dtype, int64_t outer, int64_t size, int64_t count, int64_t inner, void *_Nonnull out, const int64_t *_Nonnull index,
                    const void *_Nonnull source);
/// `out[i] = x[i with i[dim] = index[i]]`; `index` has `shape` (x's rank), out is contiguous.
void apus_gather_elements(const apus_tensor *_Nonnull x, int dim, const int64_t *_Nonnull shape, const int64_t *_Nonnull index,
                          void *_Nonnull out);
/// `out[i with i[dim] = index[i]] kind= source[i]` in order; index and source are contiguous with `shape`.
void apus_scatter_elements(apus_scatter_kind kind, const apus_tensor *_Nonnull out, int dim, const int64_t *_Nonnull shape,
                           const int64_t *_Nonnull index, const void *_Nonnull source);

/// The number of non-zero bytes among n.
int64_t apus_count_true(int64_t n, const uint8_t *_Nonnull x);
/// The row-major coordinates of those bytes in a tensor of `shape`: one row of `rank` numbers per byte.
void apus_nonzero(int64_t n, const uint8_t *_Nonnull x, int rank, const int64_t *_Nonnull shape, int64_t *_Nonnull out);

#endif
