// Reductions, cumulative sums and products, sorting. Kinds are the raw values of Swift's `ReduceKind`, `ArgReduceKind`, `ScanKind`.
#ifndef APUS_REDUCE_H
#define APUS_REDUCE_H

#include "tensor.h"

enum { APUS_EUCLIDEAN_NORM = 7 };

/// sum, mean, prod, min, max, any, all of x over the dimensions where `reduced` is true. out is contiguous and has the other dimensions in
/// order. Floats accumulate in float64, integers wrap. NaN wins in min and max. Returns false if there is no memory for partial results.
/// `APUS_EUCLIDEAN_NORM` is √Σx², float32 only.
bool apus_reduce(int kind, const apus_tensor *_Nonnull x, const bool *_Nonnull reduced, const apus_tensor *_Nonnull out);
/// Position (int64) of the first largest (kind 0) or smallest element along `dim`, and the element.
void apus_arg_reduce(int kind, const apus_tensor *_Nonnull x, int dim, int64_t *_Nonnull indices, void *_Nonnull values);
/// Inclusive cumulative sum (kind 0) or product along `dim`, into contiguous `out`.
void apus_scan(int kind, const apus_tensor *_Nonnull x, int dim, void *_Nonnull out);
/// out[k] = a[k]·out[k − 1] + b[k] along `dim`, out[0] = b[0], accumulated in float64; all contiguous, float32 or float64.
void apus_linear_scan(const apus_tensor *_Nonnull a, const apus_tensor *_Nonnull b, int dim, const apus_tensor *_Nonnull out);
/// Stable sort along `dim`, NaN last (first if descending). Returns false if there is no memory.
bool apus_sort(const apus_tensor *_Nonnull x, int dim, bool descending, void *_Nonnull values, int64_t *_Nonnull indices);

#endif
