// Pooling over 1 to 3 spatial dimensions, with PyTorch's rules for windows that reach over the edge.
#ifndef APUS_POOLING_H
#define APUS_POOLING_H

#include "tensor.h"

/// `planes` planes of `in` elements each become planes of `out`; all contiguous. With fewer than three spatial dimensions the first
/// ones are 1 (kernel 1, stride 1, padding 0, dilation 1).
/// Window o covers o·stride − padding + i·dilation for i < kernel; if `adaptive`, ⌊o·in/out⌋ ..< ⌈(o+1)·in/out⌉.
typedef struct {
    int64_t planes;
    int64_t in[3], out[3], kernel[3], stride[3], padding[3], dilation[3];
    int64_t divisor; // 0: divide by the window's size
    int adaptive, count_include_pad;
} apus_pool;

/// Maxima and their positions in x's plane: the first of equal elements, the last of NaNs. Padding never wins. No 16-bit floats.
void apus_max_pool(const apus_pool *_Nonnull p, int dtype, const void *_Nonnull x, void *_Nonnull out, int64_t *_Nonnull indices);
/// Means of float32, float64, or 64-bit integers (rounded toward zero).
void apus_average_pool(const apus_pool *_Nonnull p, int dtype, const void *_Nonnull x, void *_Nonnull out);
/// The gradient with respect to x; float32 and float64 only. Returns false if there is no memory for the sums.
bool apus_average_pool_backward(const apus_pool *_Nonnull p, int dtype, const void *_Nonnull grad, void *_Nonnull x);

#endif
