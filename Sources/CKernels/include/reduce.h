// Reductions, cumulative sums and products, sorting.
#ifndef APUS_REDUCE_H
#define APUS_REDUCE_H

#include "kinds.h"
#include "tensor.h"

/// Reduces x over the dimensions where `reduced` is true. out is contiguous and has the other dimensions in
/// order. Floats accumulate in float64, integers wrap. NaN wins in min and max. Returns false if there is no memory for partial results.
bool apus_reduce(apus_reduce_kind kind, const apus_tensor *_Nonnull x, const bool *_Nonnull reduced, const apus_tensor *_Nonnull out);
/// √Σx² in the same way, float32 only.
bool apus_euclidean_norm(const apus_tensor *_Nonnull x, const bool *_Nonnull reduced, const apus_tensor *_Nonnull out);
/// The position (int64) along `dim`, and the element.
void apus_arg_reduce(apus_arg_reduce_kind kind, const apus_tensor *_Nonnull x, int dim, int64_t *_Nonnull indices, void *_Nonnull values);
/// Inclusive, along `dim`, into contiguous `out`.
void apus_scan(apus_scan_kind kind, const apus_tensor *_Nonnull x, int dim, void *_Nonnull out);
/// out[k] = a[k]·out[k − 1] + b[k] along `dim`, out[0] = b[0], accumulated in float64; all contiguous, float32 or float64.
void apus_linear_scan(const apus_tensor *_Nonnull a, const apus_tensor *_Nonnull b, int dim, const apus_tensor *_Nonnull out);
/// Stable sort along `dim`, NaN last (first if descending). Returns false if there is no memory.
bool apus_sort(const apus_tensor *_Nonnull x, int dim, bool descending, void *_Nonnull values, int64_t *_Nonnull indices);

#endif
