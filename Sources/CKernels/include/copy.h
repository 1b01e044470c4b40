// Copies between any layouts and dtypes, and fills.
#ifndef APUS_COPY_H
#define APUS_COPY_H

#include "tensor.h"

/// `out[i] = in[i]` converted to out's dtype. Both have the same shape, any strides, and do not overlap.
/// float → integer truncates toward zero; → bool is `!= 0`; float64 → 16-bit floats rounds through float32.
void apus_copy(const apus_tensor *_Nonnull in, const apus_tensor *_Nonnull out);
/// The same for contiguous memory.
void apus_copy_flat(int in_dtype, int out_dtype, int64_t n, const void *_Nonnull in, void *_Nonnull out);
/// Sets every element to `*value`, which has out's dtype.
void apus_fill(const apus_tensor *_Nonnull out, const void *_Nonnull value);

#endif
